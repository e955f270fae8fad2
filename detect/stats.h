// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Small statistics for judging: tails of distributions as logarithms, so that one in 10^300 is
// still a number; moments that can be merged; medians; and what may be said of a rank among so
// many. Merger's thread: they take logarithms and, for texts, snprintf().

#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>

// ln of the chance of k or more successes in n trials that each succeed with chance p (0 .. 1).
// Off by less than 1e-8 of itself, or 1e-14; 0 where k is 0, -INFINITY where it is impossible.
double stats_binomial_ln(uint64_t n, uint64_t k, double p);

// The same when the chance itself is not known: it is Beta(a, b) distributed, as with a - 1
// successes and b - 1 failures seen before and any chance equally likely before that. a > 0 and
// b >= 1, else NAN. Looks at up to 2^20 terms; where there are more, the rest is put too high
// rather than too low.
double stats_beta_binomial_ln(uint64_t n, uint64_t k, double a, double b);

// Entropy in bits of the shares that these counts are of their sum; 0 when there is none.
double stats_entropy(const uint32_t *counts, uint32_t n);

// The median of the values, and the median of their distances from it (times 1.4826 it estimates
// the standard deviation of a normal distribution). Reorders the values; n = 0: both NAN.
void stats_median_mad(double *values, uint32_t n, double *median, double *mad);

// The largest share, in percent, that so many others can prove and of which the value has more
// below it: 99.99 of 10,000 others and more, 99.9 of 1,000, 99 of 100; NAN: none.
double stats_percentile(uint32_t below, uint32_t others);

// "more than 99.9 % of the other 1,234 users received", where that can be claimed; else "the
// highest of 1,235 users" or "more than 7 of the other 8 users received". Returns out.
const char *stats_rank_text(char *out, size_t size, uint32_t below, uint32_t others,
			    const char *const words[2]);

// ---- Mean and variance, one value at a time

// Welford (1962), merged as by Tony Chan, Gene Golub, Randall LeVeque ("Updating formulae and a
// pairwise algorithm for computing sample variances", 1979). The merge of two does not depend on
// their order; of more, only as far as rounding goes.
struct stats_moments {
	uint64_t n;
	double mean, m2; // m2: sum of the squares of the distances from the mean
};

static inline void stats_moments_add(struct stats_moments *m, double value)
{
	double before = value - m->mean;

	m->n++;
	m->mean += before / (double)m->n;
	m->m2 += before * (value - m->mean);
}

static inline void stats_moments_merge(struct stats_moments *m, const struct stats_moments *other)
{
	double a = (double)m->n, b = (double)other->n, between = other->mean - m->mean;

	if (other->n == 0)
		return;
	if (m->n == 0) {
		*m = *other;
		return;
	}
	m->mean = (a * m->mean + b * other->mean) / (a + b);
	m->m2 = (m->m2 + other->m2) + between * between * (a * b) / (a + b);
	m->n += other->n;
}

// Of the sample, NAN for fewer than two.
static inline double stats_variance(const struct stats_moments *m)
{
	return m->n < 2 ? NAN : m->m2 / (double)(m->n - 1);
}

// Standard deviation by mean: near 0 for a clock, near 1 for chance arrivals. NAN for fewer than
// two values, or a mean of 0.
static inline double stats_variation(const struct stats_moments *m)
{
	return m->n < 2 || m->mean == 0 ? NAN : sqrt(stats_variance(m)) / fabs(m->mean);
}
