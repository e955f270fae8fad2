// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Small sets: exact up to their bound, estimated beyond it, the laws of merging.

#include "detect/few.h"
#include "tests/unit/sketch_fixture.h"

static void fill(struct few *f, uint64_t *seed, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		few_add(f, random_next(seed));
}

static void test_exact(void **)
{
	uint64_t seed = 1, again = 1, strange = 99;
	struct few f = {0};

	for (uint32_t i = 0; i < FEW_IDS; i++) {
		assert_int_equal(few_count(&f), i);
		assert_true(few_add(&f, random_next(&seed)));
		assert_false(few_add(&f, f.id[i / 2]));
	}
	for (uint32_t i = 0; i < FEW_IDS; i++) {
		uint64_t id = random_next(&again);

		assert_int_equal(few_has(&f, id), FEW_YES);
		assert_int_equal(few_has(&f, random_next(&strange)), FEW_NO);
		assert_false(few_add(&f, id));
	}
	assert_false(f.over);
	assert_true(few_add(&f, random_next(&seed)));
	assert_true(f.over);
	assert_in_range(few_count(&f), 65, 72);
	for (uint64_t start = 1, i = 0; i <= FEW_IDS; i++)
		assert_int_equal(few_has(&f, random_next(&start)), FEW_MAYBE);
}

static void test_error(void **)
{
	static const uint32_t counts[] = {65, 100, 300, 1000, 10000};

	for (uint32_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
		double square = 0;
		uint64_t seed = k;

		for (uint32_t run = 0; run < 100; run++) {
			struct few f = {0};
			double e;

			fill(&f, &seed, counts[k]);
			e = (double)few_count(&f) / counts[k] - 1;
			square += e * e;
		}
		print_message("%5u values: rms error %.2f %%\n", counts[k], 10 * sqrt(square));
		assert_true(sqrt(square / 100) < 1.25 * 0.046);
	}
}

static void test_laws(void **)
{
	static const uint32_t sizes[] = {0, 1, 10, 30, 63, 64, 65, 400};
	uint64_t seed = 5;

	for (uint32_t k = 0; k < 8 * 8 * 8; k++) {
		struct few a = {0}, b = {0}, c = {0}, whole = {0}, x, y;
		uint64_t start = seed;

		fill(&a, &seed, sizes[k % 8]);
		fill(&b, &seed, sizes[k / 8 % 8]);
		seed -= UINT64_C(0x9e3779b97f4a7c15) * (k % 5); // the next ones share some with it
		fill(&c, &seed, sizes[k / 64]);
		fill(&whole, &start, sizes[k % 8] + sizes[k / 8 % 8]);
		few_merge(&whole, &c);
		x = a;
		few_merge(&x, &b);
		few_merge(&x, &c);
		y = b;
		few_merge(&y, &c);
		few_merge(&a, &y);
		few_merge(&c, &b);
		assert_memory_equal(x.reg, whole.reg, sizeof(x.reg));
		assert_memory_equal(a.reg, whole.reg, sizeof(x.reg));
		assert_true(x.n == whole.n && a.n == whole.n);
		assert_true(x.over == whole.over && a.over == whole.over);
		y = x;
		few_merge(&x, &c);
		few_merge(&x, &y);
		few_merge(&x, &(struct few){0});
		assert_memory_equal(x.reg, y.reg, sizeof(x.reg));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_laws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
