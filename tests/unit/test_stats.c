// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Tails against sums of all their terms, moments against two passes, medians, entropy, and what
// is said of ranks.

#include <float.h>

#include "detect/stats.c"
#include "tests/unit/sketch_fixture.h"

// ln of the sum of the chances of k .. n, from ln of each.
static double tail_ln(const double *ln, uint32_t k, uint32_t n)
{
	long double most = -INFINITY, sum = 0;

	for (uint32_t i = k; i <= n; i++)
		most = ln[i] > most ? ln[i] : most;
	for (uint32_t i = n + 1; i-- > k;)
		sum += expl(ln[i] - most);
	return (double)(most + logl(sum));
}

static double off(double got, double exact)
{
	return fabs(got - exact) / fmax(1e-6, fabs(exact));
}

// valgrind computes with doubles where the processor has 80 bits (its manual, section 1.6): what is
// compared with is then no better than what is tested.
static bool long_doubles_are_short(void)
{
	volatile long double one = 1, more = one + LDBL_EPSILON;

	return more == one;
}

static void test_binomial(void **)
{
	static const double chances[] = {1e-9, 1e-4, 0.01, 0.3, 0.5, 0.9, 0.9999};
	static const uint32_t trials[] = {1, 2, 7, 50, 300, 2000};
	double worst = 0;

	if (long_doubles_are_short())
		skip();
	for (uint32_t t = 0; t < 6; t++) {
		for (uint32_t c = 0; c < 7; c++) {
			uint32_t n = trials[t];
			double ln[2001], p = chances[c];

			for (uint32_t i = 0; i <= n; i++)
				ln[i] = (double)(lgammal(n + 1.0L) - lgammal(i + 1.0L) -
						 lgammal(n - i + 1.0L) + i * logl(p) +
						 (n - i) * log1pl(-p));
			for (uint32_t k = 0; k <= n; k += 1 + n / 100) {
				double exact = tail_ln(ln, k, n), got = stats_binomial_ln(n, k, p);

				assert_true(got <= 0);
				worst = fmax(worst, off(got, exact));
				assert_true(off(got, exact) < 1e-8);
			}
		}
	}
	print_message("binomial tails: worst relative error of ln %.1e\n", worst);
	assert_true(stats_binomial_ln(10, 0, 0) == 0 && stats_binomial_ln(10, 10, 1) == 0);
	assert_true(isinf(stats_binomial_ln(10, 11, 0.5)) && isinf(stats_binomial_ln(10, 1, 0)));
	// Far out, and with very many trials: Chernoff's bound, and half at the median.
	for (uint64_t n = 1000000; n <= UINT64_C(1000000000000); n *= 1000) {
		double got = stats_binomial_ln(n, n / 4, 0.2), share = 0.25, p = 0.2;
		double bound = -(double)n *
			       (share * log(share / p) + (1 - share) * log((1 - share) / (1 - p)));

		assert_true(got < bound && got > bound - 0.5 * log((double)n) - 2);
		assert_true(fabs(stats_binomial_ln(n, n / 5, 0.2) - log(0.5)) < 0.01);
	}
}

static void test_beta_binomial(void **)
{
	static const double priors[][2] = {{1, 1}, {0.5, 1}, {3, 1000}, {50, 50}, {2000, 1}};
	double worst = 0;

	for (uint32_t c = 0; c < 5; c++) {
		double a = priors[c][0], b = priors[c][1];

		for (uint32_t n = 1; n <= 1500; n = n * 3 + 1) {
			double ln[2001];

			for (uint32_t i = 0; i <= n; i++)
				ln[i] = (double)(lgammal(n + 1.0L) - lgammal(i + 1.0L) -
						 lgammal(n - i + 1.0L) +
						 lgammal(i + (long double)a) +
						 lgammal(n - i + (long double)b) -
						 lgammal(n + (long double)a + b) +
						 lgammal((long double)a + b) -
						 lgammal((long double)a) - lgammal((long double)b));
			for (uint32_t k = 0; k <= n; k += 1 + n / 70) {
				double exact = tail_ln(ln, k, n);
				double got = stats_beta_binomial_ln(n, k, a, b);

				worst = fmax(worst, fabs(got - exact));
				assert_true(got <= 0 && fabs(got - exact) < 1e-8);
			}
		}
	}
	print_message("beta-binomial tails: worst error of ln %.1e\n", worst);
	// All numbers of successes are equally likely: the bound must not be below the truth.
	assert_true(fabs(stats_beta_binomial_ln(99, 50, 1, 1) - log(0.5)) < 1e-9);
	assert_true(stats_beta_binomial_ln(100000000, 40000000, 1, 1) >= log(0.6) - 1e-6);
	assert_true(stats_beta_binomial_ln(UINT32_MAX, 10, 1e6, 1) == 0);
	assert_true(isnan(stats_beta_binomial_ln(5, 3, 0, 1)));
	assert_true(isnan(stats_beta_binomial_ln(5, 3, 1, 0.5)));
	assert_true(isinf(stats_beta_binomial_ln(5, 6, 1, 1)));
	// What was learnt from many trials is as a chance that is known.
	assert_true(off(stats_beta_binomial_ln(1000, 60, 1e7, 9.9e8), // 1 %
			stats_binomial_ln(1000, 60, 0.01)) < 1e-3);
}

static void test_entropy(void **)
{
	assert_true(stats_entropy(NULL, 0) == 0);
	assert_true(stats_entropy((uint32_t[]){0, 0}, 2) == 0);
	assert_true(stats_entropy((uint32_t[]){0, 7}, 2) == 0);
	assert_true(fabs(stats_entropy((uint32_t[]){5, 5, 0, 5, 5}, 5) - 2) < 1e-12);
	assert_true(fabs(stats_entropy((uint32_t[]){1, 3}, 2) - 0.8112781244591328) < 1e-12);
	assert_true(stats_entropy((uint32_t[]){UINT32_MAX, UINT32_MAX}, 2) == 1);
}

static void test_moments(void **)
{
	for (uint64_t seed = 1, run = 0; run < 50; run++) {
		struct stats_moments whole = {0}, part[3] = {0}, x, y;
		double values[500], mean = 0, m2 = 0, offset = run % 2 ? 1e9 : 0;

		for (uint32_t i = 0; i < 500; i++) {
			values[i] = offset + 10 * random_normal(&seed);
			mean += values[i] / 500;
			stats_moments_add(&whole, values[i]);
			stats_moments_add(&part[random_next(&seed) % (1 + run % 3)], values[i]);
		}
		for (uint32_t i = 0; i < 500; i++)
			m2 += (values[i] - mean) * (values[i] - mean);
		assert_true(off(whole.mean, mean) < 1e-12);
		assert_true(off(stats_variance(&whole), m2 / 499) < 1e-5);
		x = part[0]; // commutes exactly
		stats_moments_merge(&x, &part[1]);
		y = part[1];
		stats_moments_merge(&y, &part[0]);
		assert_true(x.n == y.n && x.mean == y.mean && x.m2 == y.m2);
		stats_moments_merge(&x, &part[2]);
		stats_moments_merge(&part[1], &part[2]);
		stats_moments_merge(&part[0], &part[1]);
		assert_true(x.n == 500 && part[0].n == 500);
		assert_true(off(x.mean, mean) < 1e-12 && off(part[0].mean, mean) < 1e-12);
		assert_true(off(x.m2, m2) < 1e-5 && off(part[0].m2, m2) < 1e-5);
		y = x;
		stats_moments_merge(&x, &(struct stats_moments){0});
		assert_true(x.n == y.n && x.mean == y.mean && x.m2 == y.m2);
	}
}

static void test_variation(void **)
{
	struct stats_moments clock = {0}, chance = {0};
	uint64_t seed = 3;

	assert_true(isnan(stats_variation(&clock)));
	for (uint32_t i = 0; i < 5000; i++) {
		stats_moments_add(&clock, 60);
		stats_moments_add(&chance, -log(random_unit(&seed)));
	}
	assert_true(stats_variation(&clock) == 0);
	assert_true(fabs(stats_variation(&chance) - 1) < 0.05);
}

static void test_median(void **)
{
	double median, mad, one[] = {4}, odd[] = {1, 1, 2, 2, 4, 6, 9}, even[] = {8, 1, 3, 1e9};

	stats_median_mad(NULL, 0, &median, &mad);
	assert_true(isnan(median) && isnan(mad));
	stats_median_mad(one, 1, &median, &mad);
	assert_true(median == 4 && mad == 0);
	stats_median_mad(odd, 7, &median, &mad);
	assert_true(median == 2 && mad == 1);
	stats_median_mad(even, 4, &median, &mad); // 5.5; distances 2.5 2.5 4.5 and a billion
	assert_true(median == 5.5 && mad == 3.5);
}

static void test_percentile(void **)
{
	assert_true(stats_percentile(10000, 10000) == 99.99);
	assert_true(stats_percentile(9999, 10000) == 99.9); // exactly 99.99 % is not more
	assert_true(stats_percentile(9999, 9999) == 99.9);
	assert_true(stats_percentile(1000, 1000) == 99.9);
	assert_true(stats_percentile(999, 1000) == 99);
	assert_true(stats_percentile(100, 100) == 99);
	assert_true(isnan(stats_percentile(99, 99)));
	assert_true(isnan(stats_percentile(90, 100)));
	assert_true(isnan(stats_percentile(0, 0)));
}

static void test_rank_text(void **)
{
	static const char *const words[2] = {"users", "received"};
	char out[160];

	assert_string_equal(stats_rank_text(out, sizeof(out), 12345, 12345, words),
			    "more than 99.99 % of the other 12,345 users received");
	assert_string_equal(stats_rank_text(out, sizeof(out), 9999, 9999, words),
			    "more than 99.9 % of the other 9,999 users received");
	assert_string_equal(stats_rank_text(out, sizeof(out), 499, 500, words),
			    "more than 99 % of the other 500 users received");
	assert_string_equal(stats_rank_text(out, sizeof(out), 99, 99, words),
			    "the highest of 100 users");
	assert_string_equal(stats_rank_text(out, sizeof(out), 1980, 2000, words),
			    "more than 1,980 of the other 2,000 users received");
	assert_string_equal(stats_rank_text(out, 12, 99, 99, words), "the highest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binomial),   cmocka_unit_test(test_beta_binomial),
		cmocka_unit_test(test_entropy),    cmocka_unit_test(test_moments),
		cmocka_unit_test(test_variation),  cmocka_unit_test(test_median),
		cmocka_unit_test(test_percentile), cmocka_unit_test(test_rank_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
