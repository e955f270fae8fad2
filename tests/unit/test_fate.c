// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Fates: every one has a name and a text of its own, sums miss no field, and the balance notices
// a single packet or byte too many or too few in any of them.

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/fate.c"

static void test_names(void **)
{
	assert_string_equal(fate_names[FATE_PARSED], "parsed");
	assert_string_equal(fate_names[FATE_FRAGMENT], "fragment");
	assert_string_equal(fate_names[FATE_NO_BUFFER], "no_buffer");
	assert_int_equal(FATE_NO_BUFFER, FATE_N - 1);
	for (uint32_t i = 0; i < FATE_N; i++) {
		assert_non_null(fate_names[i]);
		assert_in_range(strlen(fate_names[i]), 1, 12); // the column of the statistics
		for (const char *c = fate_names[i]; *c; c++)
			assert_true(islower((unsigned char)*c) || *c == '_');
		assert_non_null(fate_help[i]);
		assert_true(strlen(fate_help[i]) > 10);
		for (uint32_t k = 0; k < i; k++) {
			assert_string_not_equal(fate_names[i], fate_names[k]);
			assert_string_not_equal(fate_help[i], fate_help[k]);
		}
	}
}

// Every field of both tables differs from every other.
static void test_add(void **)
{
	struct fates sum = {.rx_pkts = 1000, .rx_bytes = UINT64_C(1) << 40};
	struct fates one = {.rx_pkts = 7, .rx_bytes = UINT64_C(1) << 33};

	for (uint32_t i = 0; i < FATE_N; i++) {
		sum.pkts[i] = i + 1;
		sum.bytes[i] = (uint64_t)(i + 1) << 32;
		one.pkts[i] = 100 * i + 3;
		one.bytes[i] = 5000 * i + 11;
	}
	const struct fates before = one;
	fate_add(&sum, &one);
	for (uint32_t i = 0; i < FATE_N; i++) {
		assert_true(sum.pkts[i] == 101 * i + 4);
		assert_true(sum.bytes[i] == ((uint64_t)(i + 1) << 32) + 5000 * i + 11);
	}
	assert_true(sum.rx_pkts == 1007);
	assert_true(sum.rx_bytes == (UINT64_C(1) << 40) + (UINT64_C(1) << 33));
	assert_memory_equal(&one, &before, sizeof(one));
}

static void test_balanced(void **)
{
	struct fates fates = {0};

	assert_true(fate_balanced(&fates));
	for (uint32_t i = 0; i < FATE_N; i++) {
		fates.pkts[i] = i + 1;
		fates.bytes[i] = UINT64_C(5000000000) + i;
		fates.rx_pkts += i + 1;
		fates.rx_bytes += UINT64_C(5000000000) + i;
	}
	assert_true(fate_balanced(&fates));
	for (uint32_t i = 0; i < FATE_N; i++) {
		fates.pkts[i]++;
		assert_false(fate_balanced(&fates));
		fates.pkts[i] -= 2;
		assert_false(fate_balanced(&fates));
		fates.pkts[i]++;
		fates.bytes[i]++;
		assert_false(fate_balanced(&fates));
		fates.bytes[i] -= 2;
		assert_false(fate_balanced(&fates));
		fates.bytes[i]++;
		assert_true(fate_balanced(&fates));
	}
	fates.rx_pkts++;
	assert_false(fate_balanced(&fates));
	fates.rx_pkts--;
	fates.rx_bytes += UINT64_C(1) << 32; // not compared in 32 bits
	assert_false(fate_balanced(&fates));
}

// What was moved from one fate to another, as with held segments, stays balanced at every step.
static void test_moves(void **)
{
	struct fates fates = {.rx_pkts = 1, .rx_bytes = 1500};

	fates.pkts[FATE_HELD] = 1;
	fates.bytes[FATE_HEADERS] = 54;
	fates.bytes[FATE_HELD] = 1446;
	assert_true(fate_balanced(&fates));
	fates.pkts[FATE_HELD]--;
	fates.bytes[FATE_HELD] -= 1446;
	assert_false(fate_balanced(&fates));
	fates.pkts[FATE_PARSED]++;
	fates.bytes[FATE_PARSED] += 1400;
	fates.bytes[FATE_DUPLICATE] += 46;
	assert_true(fate_balanced(&fates));

	struct fates sum = {0};
	fate_add(&sum, &fates);
	fate_add(&sum, &fates);
	assert_true(fate_balanced(&sum));
	assert_true(sum.rx_bytes == 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_balanced),
		cmocka_unit_test(test_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
