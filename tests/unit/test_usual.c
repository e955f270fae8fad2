// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What is usual against a list of days.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "detect/usual.h"

static void test_days(void **)
{
	struct usual u = {0};

	assert_int_equal(usual_value(&u, 100, 3), 0);
	usual_add(&u, 100, 500);
	usual_add(&u, 100, 300);
	assert_int_equal(usual_value(&u, 100, 1), 0); // today teaches nothing
	assert_int_equal(usual_value(&u, 101, 1), 500);
	assert_int_equal(usual_value(&u, 101, 2), 0);
	usual_add(&u, 101, 400);
	usual_add(&u, 104, 9000);
	assert_int_equal(usual_value(&u, 104, 2), 400);
	assert_int_equal(usual_value(&u, 105, 3), 400);
	assert_int_equal(usual_value(&u, 105, 1), 9000);
	usual_add(&u, 103, 10000); // late
	assert_int_equal(u.max[0], 10000);
}

static int down(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

static void test_random(void **)
{
	for (uint32_t seed = 1; seed < 500; seed++) {
		uint32_t days[40] = {0}, n = 0;
		uint64_t state = seed;
		struct usual u = {0};

		for (uint32_t day = 1; day <= 40; day++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
			if (state >> 63)
				continue;
			days[n++] = (uint32_t)(state >> 40) + 1;
			usual_add(&u, day, days[n - 1]);
		}
		for (uint32_t want = 1; want <= 6 && n; want++) {
			uint32_t from = n > USUAL_DAYS ? n - USUAL_DAYS : 0, last[USUAL_DAYS];

			memcpy(last, days + from, (n - from) * sizeof(last[0]));
			qsort(last, n - from, sizeof(last[0]), down);
			assert_int_equal(usual_value(&u, 41, want),
					 want <= n - from ? last[want - 1] : 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
