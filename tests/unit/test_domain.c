// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a parameter's values were, and how further ones differ.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/domain.c"

static uint64_t hashed(uint64_t n)
{
	n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ n >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
	return n ^ n >> 29;
}

static struct call_param value(enum param_class class, double number, uint32_t len)
{
	return (struct call_param){
		.class = class,
		.number = number,
		.len = len,
		.value = hashed((uint64_t) class << 32 ^ (uint64_t)(number * 100) ^ len),
	};
}

static void teach(struct domain *d, uint32_t times, struct call_param p)
{
	for (uint32_t i = 0; i < times; i++)
		domain_teach(d, &p, hashed(i % 50));
}

static uint32_t judge(const struct domain *d, struct call_param p)
{
	return domain_judge(d, &p);
}

static struct call_param integer(double n)
{
	return value(PARAM_INT, n, 2);
}

static void test_numbers(void **)
{
	struct domain d = {0};
	struct call_param id;

	for (int i = 1; i <= 4; i++)
		teach(&d, 100, integer(i));
	assert_int_equal(d.n, 400);
	assert_int_equal(judge(&d, integer(3)), 0);
	assert_int_equal(judge(&d, integer(5)), 0); // a little more is nothing
	assert_int_equal(judge(&d, integer(39)), 0);
	assert_int_equal(judge(&d, integer(40)), 1u << ODD_LARGE);
	assert_int_equal(judge(&d, integer(-1)), 1u << ODD_NEGATIVE);
	assert_int_equal(judge(&d, integer(0)), 1u << ODD_ZERO);
	assert_int_equal(judge(&d, value(PARAM_NUMBER, 0.1, 3)), 1u << ODD_SMALL);
	assert_int_equal(judge(&d, value(PARAM_NUMBER, INFINITY, 5)), 1u << ODD_LARGE);
	assert_int_equal(judge(&d, value(PARAM_NUMBER, -INFINITY, 5)), 1u << ODD_NEGATIVE);
	assert_int_equal(judge(&d, value(PARAM_WORD, 0, 5)), 1u << ODD_CLASS);
	assert_int_equal(judge(&d, value(PARAM_BOOL, 0, 4)), 1u << ODD_CLASS);
	assert_int_equal(judge(&d, value(PARAM_EMPTY, 0, 0)), 0);
	assert_int_equal(judge(&d, value(PARAM_NULL, 0, 4)), 0);
	id = integer(4000);
	id.noun = 1;
	assert_int_equal(judge(&d, id), 0);
	// What was accepted once is normal.
	teach(&d, 1, integer(-5));
	assert_int_equal(judge(&d, integer(-1)), 0);
	assert_int_equal(judge(&d, integer(-50)), 1u << ODD_LARGE);
	// Infinite numbers teach no bounds.
	teach(&d, 1, value(PARAM_NUMBER, INFINITY, 5));
	assert_true(d.max == 4 && d.min == -5);
}

static void test_enumerations(void **)
{
	struct domain d = {0};

	teach(&d, 100, value(PARAM_WORD, 0, 7));
	teach(&d, 100, value(PARAM_WORD, 0, 8));
	assert_int_equal(judge(&d, value(PARAM_WORD, 0, 4)), 1u << ODD_VALUE);
	assert_int_equal(judge(&d, value(PARAM_TEXT, 0, 4)), 1u << ODD_VALUE);
	assert_int_equal(judge(&d, value(PARAM_WORD, 0, 7)), 0);
	// One that is rare says that there may be more of them.
	teach(&d, 1, value(PARAM_WORD, 0, 9));
	assert_int_equal(judge(&d, value(PARAM_WORD, 0, 4)), 0);
	teach(&d, 2, value(PARAM_WORD, 0, 9));
	assert_int_equal(judge(&d, value(PARAM_WORD, 0, 4)), 1u << ODD_VALUE);
	// Too many are none.
	for (uint32_t i = 0; i < 40; i++)
		teach(&d, 100, value(PARAM_WORD, i, 7));
	assert_int_equal(d.n_values, DOMAIN_VALUES + 1);
	assert_int_equal(judge(&d, value(PARAM_WORD, 999, 4)), 0);
	// Nor are long texts, nor pieces of texts.
	memset(&d, 0, sizeof(d));
	teach(&d, 500, value(PARAM_TEXT, 0, 65));
	assert_int_equal(judge(&d, value(PARAM_TEXT, 0, 66)), 0);
	memset(&d, 0, sizeof(d));
	teach(&d, 500, (struct call_param){.class = PARAM_TEXT, .len = 5});
	assert_int_equal(judge(&d, value(PARAM_TEXT, 0, 6)), 0);
	// A flag is one; numbers are not.
	memset(&d, 0, sizeof(d));
	teach(&d, 300, value(PARAM_BOOL, 0, 4));
	teach(&d, 300, value(PARAM_BOOL, 0, 5));
	assert_int_equal(judge(&d, value(PARAM_INT, 1, 1)), 1u << ODD_CLASS);
}

static void test_lengths(void **)
{
	struct domain d = {0};

	for (uint32_t i = 1; i <= 1000; i++)
		teach(&d, 1, value(PARAM_TEXT, i, i == 1000 ? 5000 : 8 + i % 24));
	assert_in_range(domain_length(&d), 31, 45);
	assert_int_equal(judge(&d, value(PARAM_TEXT, 5, 100)), 0);
	assert_int_equal(judge(&d, value(PARAM_TEXT, 5, 200)), 1u << ODD_LENGTH);
	assert_int_equal(judge(&d, value(PARAM_TEXT, 5, UINT32_MAX)), 1u << ODD_LENGTH);
	memset(&d, 0, sizeof(d));
	teach(&d, 1000, value(PARAM_WORD, 0, 2));
	assert_int_equal(judge(&d, value(PARAM_WORD, 0, 32)) & 1u << ODD_LENGTH, 0);
	assert_true(judge(&d, value(PARAM_WORD, 0, 33)) & 1u << ODD_LENGTH);
}

// Bins rise with the length, and their ends are those of their values.
static void test_bins(void **)
{
	uint32_t before = 0;

	for (uint64_t len = 0; len <= UINT32_MAX; len += 1 + len / 97) {
		uint32_t bin = length_bin((uint32_t)len);

		assert_true(bin >= before && bin < DOMAIN_LENGTHS);
		assert_true(length_top(bin) >= len);
		if (len > 2 && bin + 1 < DOMAIN_LENGTHS)
			assert_true(length_top(bin) <= len * 1.5);
		before = bin;
	}
	assert_int_equal(length_bin(UINT32_MAX), DOMAIN_LENGTHS - 1);
}

// Everything at all, in any order: judged without a fault, and normal once it was taught.
static void test_random(void **)
{
	struct domain d = {0};
	uint64_t state = 1;

	for (uint32_t i = 0; i < 200000; i++) {
		struct call_param p;

		state = hashed(state);
		p = value(state % (PARAM_CLASSES + 2), (double)(int64_t)state, state >> 40);
		if (i % 2000 == 0)
			memset(&d, 0, sizeof(d));
		domain_judge(&d, &p);
		domain_teach(&d, &p, state);
		assert_int_equal(domain_judge(&d, &p) & ~(1u << ODD_LENGTH), 0);
		assert_non_null(domain_class_text(&d));
		assert_non_null(domain_value_text(p.class));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_enumerations),
		cmocka_unit_test(test_lengths), cmocka_unit_test(test_bins),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
