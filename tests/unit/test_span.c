// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The end of a span as a number, against the same byte by byte, in blocks with nothing around them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "flows/span.h"

#include <stdlib.h>

enum { LONGEST = 40 };

static void test_rest(void **)
{
	for (uint32_t len = 1; len <= LONGEST; len++) {
		uint8_t *block = malloc(len);
		uint64_t want = 0;

		assert_non_null(block);
		for (uint32_t i = 0; i < len; i++)
			block[i] = (uint8_t)(0x91 * (i + 1) + len);
		for (uint32_t n = 1; n <= len && n <= 8; n++) {
			want = want << 8 | block[len - n];
			assert_int_equal(span_rest(span_make(block, len), n), want);
		}
		free(block);
	}
}

static void test_rest_of_nothing(void **)
{
	assert_int_equal(span_rest((struct span){0}, 0), 0);
	assert_int_equal(span_rest(SPAN_LIT("some"), 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_rest_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
