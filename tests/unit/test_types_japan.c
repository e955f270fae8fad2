// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Japanese numbers whose check digit is published, made anew from the rule as it is published, not
// as the types compute it: of the ten numbers that differ in the check digit alone, the right one is
// found and no other.

#include "unit/scan_fixture.h"

enum { NUMBERS = 500 };

static uint64_t state = 31;

static uint32_t next(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % below;
}

static bool is_found(const char *key, const char *text, const char *id)
{
	struct seen seen = {0};

	scan_text(scanner, str(text), str(key), 1, SERVER, on_hit, &seen);
	return count(&seen, id) == 1;
}

// All digits at `place` of a number; `right` of them is the check digit.
static void expect_one(const char *key, const char *id, char *number, uint32_t place,
		       uint32_t right)
{
	for (uint32_t digit = 0; digit < 10; digit++) {
		number[place] = (char)('0' + digit);
		if (is_found(key, number, id) != (digit == right))
			fail_msg("%s: %s, the check digit is %u", id, number, right);
	}
}

static void digits(char *out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = (char)('0' + next(10));
	out[n] = 0;
}

// MIC Ordinance 85 of 2014, article 5: 11 less the rest by 11 of the sum over n = 1 to 11, counted
// from the right without the check digit, of the n-th digit times n + 1 (up to 6) or n - 5; with a
// rest of 0 and 1, 0.
static void test_mynumber(void **)
{
	for (uint32_t k = 0; k < NUMBERS; k++) {
		char text[13];
		uint32_t sum = 0;

		digits(text, 12);
		text[0] = (char)('1' + next(9));
		for (uint32_t n = 1; n <= 11; n++)
			sum += (uint32_t)(text[11 - n] - '0') * (n <= 6 ? n + 1 : n - 5);
		expect_one("my_number", "jp.mynumber", text, 11, sum % 11 <= 1 ? 0 : 11 - sum % 11);
	}
}

// MOF Ordinance 70 of 2014, article 2: 9 less the rest by 9 of the sum over n = 1 to 12, counted from
// the right, of the n-th digit times 1 (n odd) or 2. The tax agency's own number is 7000012050002.
static void test_corporate(void **)
{
	assert_true(is_found("corporate_number", "7000012050002", "jp.corporate"));
	for (uint32_t k = 0; k < NUMBERS; k++) {
		char text[14];
		uint32_t sum = 0;

		digits(text, 13);
		for (uint32_t n = 1; n <= 12; n++)
			sum += (uint32_t)(text[13 - n] - '0') * (n % 2 ? 1 : 2);
		expect_one("corporate_number", "jp.corporate", text, 0, 9 - sum % 9);
	}
}

// MHLW notice on insurers' numbers: the digits times 2 and 1 in turn, beginning with 2 at the last
// one before the check digit; of products of two digits both count; 10 less the last digit of the sum.
static void test_insurer(void **)
{
	for (uint32_t k = 0; k < NUMBERS; k++) {
		char text[9];
		uint32_t sum = 0;

		digits(text, 8);
		// The law of the association's insured, and a prefecture.
		memcpy(text, "01", 2);
		snprintf(text + 2, 3, "%02u", 1 + next(47));
		text[4] = (char)('0' + next(10));
		for (uint32_t n = 1; n <= 7; n++) {
			uint32_t product = (uint32_t)(text[7 - n] - '0') * (n % 2 ? 2 : 1);

			sum += product / 10 + product % 10;
		}
		expect_one("insurer_number", "jp.healthins", text, 7, (10 - sum % 10) % 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mynumber),
		cmocka_unit_test(test_corporate),
		cmocka_unit_test(test_insurer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
