// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bits of surprise against the chances that they stand for.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/habit.h"

#define DAY UINT64_C(86400000000000)

static void test_bits(void **unused)
{
	struct habit h = {0};
	struct habit_use use = {.time_ns = DAY * 100, .place = 1, .agent = 2, .endpoint = 3};

	assert_non_null(unused);
	assert_true(habit_surprise(&h, &h.place, 1) == 0); // nothing to compare with
	for (uint32_t i = 0; i < 1023; i++)
		habit_add(&h, &use);
	assert_true(habit_surprise(&h, &h.place, 1) == 0);
	assert_true(habit_surprise(&h, &h.place, 0) == 0);
	assert_true(fabs(habit_surprise(&h, &h.place, 9) - 10) < 1e-9); // 1 of 1,024
	assert_true(habit_surprise(&h, &h.ja4, 9) == 0);
	assert_true(habit_endpoint_surprise(&h, 3) == 0);
	assert_true(fabs(habit_endpoint_surprise(&h, 4) - 10) < 1e-9);
	assert_true(habit_hour_surprise(&h, DAY * 100 + DAY / 2) == 0); // one day is no habit
	for (uint32_t day = 1; day < 3; day++) {
		use.time_ns += DAY;
		habit_add(&h, &use);
	}
	assert_int_equal(h.days, 3);
	assert_true(habit_hour_surprise(&h, DAY * 100 + DAY / 2) == 4);
	assert_true(habit_hour_surprise(&h, DAY * 105) == 0);
}

// The more a value changes, the less the next one surprises; and slots are never overrun.
static void test_many(void **unused)
{
	struct habit h = {0};
	double before = 100;

	assert_non_null(unused);
	for (uint32_t i = 0; i < 1000; i++)
		habit_add(&h, &(struct habit_use){.time_ns = DAY, .place = 1});
	for (uint32_t i = 0; i < 100; i++) {
		double bits = habit_surprise(&h, &h.place, 1000000);

		assert_true(bits < before && bits > 0);
		before = bits;
		habit_add(&h, &(struct habit_use){.time_ns = DAY, .place = 10 + i});
	}
	assert_int_equal(h.place.different, 101);
	assert_true(habit_has(&h.place, 1)); // the most frequent one stays
	assert_true(habit_has(&h.place, 109));
	assert_false(habit_has(&h.place, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
