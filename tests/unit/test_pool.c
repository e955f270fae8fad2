// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Pools: sizes, exhaustion, order of reuse, counters, memory that is only touched when used.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/pool.c"

static void test_sizes(void **)
{
	static const size_t sizes[][2] = {{0, 64}, {1, 64}, {64, 64}, {65, 128}, {1000, 1024}};
	struct pool pool;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(pool_init(&pool, sizes[i][0], 3), 0);
		assert_int_equal(pool.size, sizes[i][1]);
		assert_int_equal((uintptr_t)pool_get(&pool) % 64, 0);
		assert_int_equal((uintptr_t)pool_get(&pool) % 64, 0);
		pool_fini(&pool);
		assert_null(pool.base);
	}
}

static void test_exhaustion(void **)
{
	struct pool pool;
	uint8_t *object[4];

	assert_int_equal(pool_init(&pool, 100, 4), 0);
	for (uint32_t i = 0; i < 4; i++) {
		object[i] = pool_get(&pool);
		assert_non_null(object[i]);
		memset(object[i], (int)i + 1, 100);
	}
	assert_null(pool_get(&pool));
	assert_null(pool_get(&pool));
	assert_int_equal(pool.failed, 2);
	assert_int_equal(pool.used, 4);
	assert_int_equal(pool.peak, 4);
	// Objects do not overlap.
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(object[i][0], i + 1);
		assert_int_equal(object[i][99], i + 1);
	}
	// Last in, first out.
	pool_put(&pool, object[2]);
	pool_put(&pool, object[0]);
	assert_int_equal(pool.used, 2);
	assert_ptr_equal(pool_get(&pool), object[0]);
	assert_ptr_equal(pool_get(&pool), object[2]);
	assert_null(pool_get(&pool));
	assert_int_equal(pool.peak, 4);
	pool_fini(&pool);
}

static void test_reset(void **)
{
	struct pool pool;
	void *first;

	assert_int_equal(pool_init(&pool, 64, 2), 0);
	first = pool_get(&pool);
	pool_put(&pool, pool_get(&pool));
	pool_reset(&pool);
	assert_int_equal(pool.used, 0);
	assert_int_equal(pool.peak, 2);
	assert_ptr_equal(pool_get(&pool), first);
	assert_non_null(pool_get(&pool));
	assert_null(pool_get(&pool));
	pool_fini(&pool);
}

static void test_too_large(void **)
{
	struct pool pool;

	assert_int_equal(pool_init(&pool, SIZE_MAX - 10, 1), -ENOMEM);
	assert_int_equal(pool_init(&pool, SIZE_MAX / 2, UINT32_MAX), -ENOMEM);
	// More than a process can address.
	assert_int_equal(pool_init(&pool, (size_t)1 << 32, UINT32_MAX), -ENOMEM);
	assert_null(pool_get(&pool));
	pool_fini(&pool);
	assert_int_equal(pool_init(&pool, 64, 0), 0);
	assert_null(pool_get(&pool));
	assert_int_equal(pool.failed, 1);
	pool_fini(&pool);
}

// 16 GiB are reserved; only the page of the object in use is there, a huge one at most.
static void test_lazy(void **)
{
	const size_t far = 4 << 20;
	struct pool pool;
	unsigned char resident = 0;
	uint8_t *object;

	assert_int_equal(pool_init(&pool, 4096, 4 << 20), 0);
	object = pool_get(&pool);
	object[0] = 1;
	assert_int_equal(mincore(object, 4096, &resident), 0);
	assert_int_equal(resident & 1, 1);
	assert_int_equal(mincore(object + far, 4096, &resident), 0);
	assert_int_equal(resident & 1, 0);
	pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_exhaustion),
		cmocka_unit_test(test_reset), cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_lazy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
