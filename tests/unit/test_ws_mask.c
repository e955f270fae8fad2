// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// All widths against the definition, at every length, phase and alignment, also in place.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "flows/ws_mask.c"

enum { MOST = 300 };

static const uint8_t key[4] = {0x12, 0xfe, 0x00, 0x81};

static void test_definition(void **)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t out[MOST + 8], *end = map + page;

	assert_int_equal(mprotect(end, (size_t)page, PROT_NONE), 0);
	for (uint32_t i = 0; i < MOST; i++)
		end[-1 - (int)i] = (uint8_t)(i * 37 + 11);
	for (uint32_t n = 0; n <= MOST; n++) {
		for (uint64_t phase = 0; phase < 5; phase++) {
			const uint8_t *in = end - n;

			memset(out, 0xee, sizeof(out));
			ws_unmask(out, span_make(in, n), key, phase);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(out[i], in[i] ^ key[(i + phase) & 3]);
			assert_int_equal(out[n], 0xee);
		}
	}
	munmap(map, (size_t)page * 2);
}

static void test_in_place(void **)
{
	uint8_t bytes[MOST], once[MOST];

	for (uint32_t i = 0; i < MOST; i++)
		bytes[i] = (uint8_t)i;
	ws_unmask(once, span_make(bytes, MOST), key, 3);
	ws_unmask(once, span_make(once, MOST), key, 3);
	assert_memory_equal(once, bytes, MOST);
}

#ifdef __SSE2__
static void test_twins(void **)
{
	uint8_t in[MOST], a[MOST], b[MOST];

	for (uint32_t i = 0; i < MOST; i++)
		in[i] = (uint8_t)(i * i);
	for (uint32_t n = 0; n <= MOST; n++) {
		mask_scalar(a, in, n, key);
		uint32_t done = mask_sse2(b, in, n, key);

		assert_int_equal(done, n / 16 * 16);
		assert_memory_equal(a, b, done);
		if (!__builtin_cpu_supports("avx2"))
			continue;
		done = mask_avx2(b, in, n, key);
		assert_int_equal(done, n / 32 * 32);
		assert_memory_equal(a, b, done);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definition),
		cmocka_unit_test(test_in_place),
#ifdef __SSE2__
		cmocka_unit_test(test_twins),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
