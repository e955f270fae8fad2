// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// HyperLogLog: errors against exact counts, the laws of merging.

#include "detect/hll.h"
#include "tests/unit/sketch_fixture.h"

enum { BYTES = 1 << HLL_P_MAX };

static void fill(uint8_t *reg, uint32_t p, uint64_t *seed, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		hll_add(reg, p, random_next(seed));
}

// The root of the mean square of the relative errors, over many tables.
static void test_error(void **)
{
	static const uint32_t counts[] = {1, 5, 30, 100, 300, 1000, 3000, 10000, 100000};

	for (uint32_t p = HLL_P_MIN; p <= HLL_P_MAX; p++) {
		double bound = 1.04 / sqrt(1 << p), worst = 0, bias_worst = 0;

		for (uint32_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
			uint32_t runs = counts[k] > 3000 ? 40 : 400;
			double square = 0, sum = 0, rms, bias;
			uint64_t seed = p * 1000 + k;

			for (uint32_t run = 0; run < runs; run++) {
				uint8_t reg[BYTES] = {0};
				double e;

				fill(reg, p, &seed, counts[k]);
				e = (double)hll_count(reg, p) / counts[k] - 1;
				square += e * e;
				sum += e;
			}
			rms = sqrt(square / runs);
			bias = fabs(sum / runs);
			// Forty runs know the error to a tenth. Small counts are rounded as well.
			assert_true(rms < 1.35 * bound + 0.3 / counts[k]);
			assert_true(bias < 4 * bound / sqrt(runs) + 0.3 / counts[k]);
			worst = rms > worst ? rms : worst;
			bias_worst = bias > bias_worst ? bias : bias_worst;
		}
		print_message("p %2u: rms error at worst %.2f %% (bound %.2f %%), bias %.2f %%\n",
			      p, 100 * worst, 100 * bound, 100 * bias_worst);
	}
}

static void test_laws(void **)
{
	for (uint32_t p = HLL_P_MIN; p <= HLL_P_MAX; p++) {
		for (uint64_t seed = 1, run = 0; run < 20; run++) {
			uint8_t a[BYTES] = {0}, b[BYTES] = {0}, c[BYTES] = {0}, zero[BYTES] = {0};
			uint8_t whole[BYTES] = {0}, x[BYTES], y[BYTES];
			uint64_t start = seed;

			fill(a, p, &seed, (uint32_t)run * 7);
			fill(b, p, &seed, 500);
			fill(c, p, &seed, 60);
			fill(whole, p, &start, (uint32_t)run * 7 + 560);
			memcpy(x, a, BYTES); // (a b) c
			hll_merge(x, b, p);
			hll_merge(x, c, p);
			memcpy(y, c, BYTES); // (c b) a
			hll_merge(y, b, p);
			hll_merge(y, a, p);
			assert_memory_equal(x, y, BYTES);
			memcpy(y, b, BYTES); // a (b c)
			hll_merge(y, c, p);
			hll_merge(a, y, p);
			assert_memory_equal(x, a, BYTES);
			assert_memory_equal(x, whole, BYTES);
			hll_merge(x, zero, p);
			assert_memory_equal(x, whole, BYTES);
			hll_merge(x, whole, p);
			hll_merge(x, b, p);
			assert_memory_equal(x, whole, BYTES); // again changes nothing
			hll_merge(zero, whole, p);
			assert_memory_equal(zero, whole, BYTES);
		}
	}
}

static void test_edges(void **)
{
	for (uint32_t p = HLL_P_MIN; p <= HLL_P_MAX; p++) {
		uint8_t reg[BYTES] = {0};
		uint64_t before = 0;

		assert_int_equal(hll_count(reg, p), 0);
		assert_false(hll_may_have(reg, p, 0));
		assert_true(hll_add(reg, p, 0)); // the longest run there is
		assert_int_equal(reg[0], 65 - p);
		assert_false(hll_add(reg, p, 0));
		assert_true(hll_may_have(reg, p, 0));
		assert_true(hll_add(reg, p, UINT64_MAX));
		assert_int_equal(reg[(1 << p) - 1], 1);
		// All as high as they can be, and beyond, as from a damaged file.
		memset(reg, (int)(65 - p), sizeof(reg));
		assert_true(hll_count(reg, p) > UINT64_C(1) << 60);
		memset(reg, 0xff, sizeof(reg));
		assert_true(hll_count(reg, p) > UINT64_C(1) << 60);
		for (uint32_t rank = 0; rank <= 65 - p; rank++) {
			memset(reg, (int)rank, sizeof(reg));
			assert_true(rank == 0 || hll_count(reg, p) > before);
			before = hll_count(reg, p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
