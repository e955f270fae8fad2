// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Sliding counts against a list of all that was counted, with time that goes back; merges.

#include "detect/window.h"
#include "tests/unit/sketch_fixture.h"

enum { ADDS = 3000, K_MAX = 60, PARTS = 4 };

struct one {
	uint64_t time;
	uint32_t count;
};

static struct one all[ADDS];

// The sum by the rule in words.
static uint64_t slow(const struct window_shape *shape, uint32_t n, uint64_t time)
{
	uint64_t last = time / shape->bucket_ns, total = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t bucket = all[i].time / shape->bucket_ns;

		if (bucket <= last && bucket + shape->n > last)
			total += all[i].count;
	}
	return total;
}

static void test_against_list(void **)
{
	static const struct window_shape shapes[] = {{1000, 60}, {7, 1}, {333, 5}, {60000, 12}};

	for (uint32_t k = 0; k < 4; k++) {
		uint32_t bucket[K_MAX] = {0}, n = 0, refused = 0, back = 0;
		struct window_count w = {0};
		uint64_t seed = k, newest = 0, time = 0;

		for (uint32_t i = 0; i < ADDS; i++) {
			uint64_t r = random_next(&seed), span = shapes[k].bucket_ns * shapes[k].n;
			struct one one = {time, (uint32_t)(r & 15)};

			time += r % 300 == 0 ? 3 * span : (r >> 10) % (shapes[k].bucket_ns / 3 + 1);
			one.time = time - ((r >> 40) % 5 ? 0 : (r >> 20) % (span + span / 8 + 1));
			if (one.time > time)
				one.time = 0;
			back += one.time < newest;
			if (window_add(&shapes[k], &w, bucket, one.time, one.count)) {
				all[n++] = one;
				newest = one.time > newest ? one.time : newest;
			} else {
				refused++;
				assert_true(one.time / shapes[k].bucket_ns + shapes[k].n <=
					    newest / shapes[k].bucket_ns);
			}
			assert_true(window_total(&shapes[k], &w, bucket, newest) ==
				    slow(&shapes[k], n, newest));
			assert_true(window_total(&shapes[k], &w, bucket, newest + span / 3) ==
				    slow(&shapes[k], n, newest + span / 3));
			assert_true(window_total(&shapes[k], &w, bucket, newest + 2 * span) == 0);
		}
		assert_true(back > 100 && refused > 10);
	}
}

static void test_laws(void **)
{
	const struct window_shape shape = {100, 12};

	for (uint64_t seed = 1, run = 0; run < 50; run++) {
		uint32_t whole[12] = {0}, part[PARTS][12] = {0}, x[12] = {0}, y[12] = {0};
		struct window_count w = {0}, p[PARTS] = {0}, a = {0}, b = {0};
		uint64_t start = run % 3 ? UINT64_C(1700000000000000000) : 0;

		for (uint32_t i = 0; i < 400; i++) {
			uint64_t r = random_next(&seed), time = start + 7 * i + (r >> 8) % 90;
			uint32_t to = r % PARTS;

			// Not so old that the part has it and the whole has not.
			assert_true(window_add(&shape, &w, whole, time, 3));
			assert_true(window_add(&shape, &p[to], part[to], time, 3));
		}
		for (uint32_t i = 0; i < PARTS; i++) {
			window_merge(&shape, &a, x, &p[i], part[i]);
			window_merge(&shape, &b, y, &p[PARTS - 1 - i], part[PARTS - 1 - i]);
		}
		assert_true(a.newest == w.newest && b.newest == w.newest);
		assert_memory_equal(x, whole, sizeof(x));
		assert_memory_equal(y, whole, sizeof(y));
		window_merge(&shape, &p[2], part[2], &p[3], part[3]); // (a b) (c d)
		window_merge(&shape, &p[0], part[0], &p[1], part[1]);
		window_merge(&shape, &p[2], part[2], &p[0], part[0]);
		assert_memory_equal(part[2], whole, sizeof(x));
		window_merge(&shape, &a, x, &(struct window_count){0}, (uint32_t[12]){0});
		assert_memory_equal(x, whole, sizeof(x));
	}
}

static void test_edges(void **)
{
	const struct window_shape shape = {1000, 3};
	uint32_t bucket[3] = {0};
	struct window_count w = {0};

	assert_true(window_total(&shape, &w, bucket, 0) == 0);
	assert_true(window_add(&shape, &w, bucket, 0, 5));
	assert_true(window_total(&shape, &w, bucket, 2999) == 5);
	assert_true(window_total(&shape, &w, bucket, 3000) == 0);
	assert_true(window_add(&shape, &w, bucket, UINT64_MAX, UINT32_MAX));
	assert_true(window_add(&shape, &w, bucket, UINT64_MAX, 1));
	assert_true(window_total(&shape, &w, bucket, UINT64_MAX) == UINT32_MAX);
	assert_false(window_add(&shape, &w, bucket, 0, 5));
	assert_true(window_total(&shape, &w, bucket, 0) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_list),
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
