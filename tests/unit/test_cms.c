// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Count-min: estimates against exact counts, the laws of merging, ageing.

#include "detect/cms.h"
#include "tests/unit/sketch_fixture.h"

enum { IDS = 5000, ADDS = 100000, PARTS = 4 };

static struct cms whole, part[PARTS], x, y, zero;
static uint64_t ids[IDS];
static uint32_t exact[IDS];

// Few ids often, many seldom.
static void fill(void)
{
	uint64_t seed = 7;

	memset(&whole, 0, sizeof(whole));
	memset(part, 0, sizeof(part));
	memset(exact, 0, sizeof(exact));
	for (uint32_t i = 0; i < IDS; i++)
		ids[i] = random_next(&seed);
	for (uint32_t i = 0; i < ADDS; i++) {
		double u = random_unit(&seed);
		uint32_t which = (uint32_t)(IDS * u * u * u * u);

		exact[which]++;
		cms_add(&whole, ids[which], 1);
		cms_add(&part[random_next(&seed) % PARTS], ids[which], 1);
	}
}

static void test_error(void **)
{
	uint32_t over = 0, worst = 0;
	double bound = exp(1) / CMS_COLUMNS * ADDS;

	fill();
	for (uint32_t i = 0; i < IDS; i++) {
		uint32_t got = cms_estimate(&whole, ids[i]);

		assert_true(got >= exact[i]);
		over += got - exact[i] > bound;
		worst = got - exact[i] > worst ? got - exact[i] : worst;
	}
	assert_true(over <= IDS * exp(-CMS_ROWS));
	print_message("%u of %u ids beyond the bound of %.0f, the worst %u too high of %u\n", over,
		      IDS, bound, worst, ADDS);
}

static void test_laws(void **)
{
	fill();
	for (uint32_t first = 0; first < PARTS; first++) {
		memset(&x, 0, sizeof(x));
		for (uint32_t i = 0; i < PARTS; i++)
			cms_merge(&x, &part[(first + 3 * i) % PARTS]);
		assert_memory_equal(&x, &whole, sizeof(x));
	}
	x = part[0]; // (a b) (c d)
	cms_merge(&x, &part[1]);
	y = part[2];
	cms_merge(&y, &part[3]);
	cms_merge(&x, &y);
	assert_memory_equal(&x, &whole, sizeof(x));
	cms_merge(&x, &zero);
	assert_memory_equal(&x, &whole, sizeof(x));
}

static void test_full(void **)
{
	memset(&x, 0, sizeof(x));
	cms_add(&x, 5, UINT32_MAX - 1);
	assert_true(cms_estimate(&x, 5) == UINT32_MAX - 1);
	cms_add(&x, 5, 7);
	assert_true(cms_estimate(&x, 5) == UINT32_MAX);
	y = x;
	cms_merge(&x, &y);
	assert_true(cms_estimate(&x, 5) == UINT32_MAX);
	cms_halve(&x);
	assert_true(cms_estimate(&x, 5) == UINT32_MAX / 2);
	for (uint32_t i = 0; i < 31; i++)
		cms_halve(&x);
	assert_memory_equal(&x, &zero, sizeof(x));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
