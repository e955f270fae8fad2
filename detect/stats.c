// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The binomial tail is the regularised incomplete beta function I_p(k, n - k + 1), by its
// continued fraction (NIST Digital Library of Mathematical Functions, 8.17.4 and 8.17.22) on the
// side where that converges fast.

#include "detect/stats.h"

#include "detect/draft.h"
#include "detect/text.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
	FRACTION_STEPS = 1 << 20, // far more than the some sqrt(n) that are needed
	TERMS = 1 << 20,
};

// lgamma() writes a global.
static double ln_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

// What Stirling's formula lacks, ln(x!) - ((x + 1/2) ln x - x + ln(2 pi) / 2). The large parts of
// gamma functions cancel when written through it.
static double stirling_rest(double x)
{
	if (x < 16)
		return ln_gamma(x + 1) - ((x + 0.5) * log(x) - x + 0.5 * log(2 * M_PI));
	return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - 1.0 / 1680 / (x * x)) / (x * x)) / (x * x)) /
	       x;
}

// x ln(x / y) + y - x, without cancelling where they are close (Catherine Loader: "Fast and
// accurate computation of binomial probabilities", 2000).
static double deviance(double x, double y)
{
	double v = (x - y) / (x + y), sum = (x - y) * v, term = 2 * x * v;

	if (fabs(x - y) >= 0.1 * (x + y))
		return x * log(x / y) + y - x;
	for (uint32_t i = 1; i < 1000; i++) {
		double before = sum;

		term *= v * v;
		sum += term / (2 * i + 1);
		if (sum == before)
			break;
	}
	return sum;
}

// ln of the chance of exactly k successes.
static double binomial_point_ln(double n, double k, double p)
{
	if (k == 0)
		return n * log1p(-p);
	if (k == n)
		return n * log(p);
	return stirling_rest(n) - stirling_rest(k) - stirling_rest(n - k) - deviance(k, n * p) -
	       deviance(n - k, n * (1 - p)) + 0.5 * log(n / (2 * M_PI * k * (n - k)));
}

// The continued fraction of I_x(a, b) by Lentz's method; x < (a + 1) / (a + b + 2).
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1), h;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	h = d;
	for (uint32_t i = 1; i < FRACTION_STEPS; i++) {
		double m = i, even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), step;

		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		h *= d * c;
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		step = d * c;
		h *= step;
		if (fabs(step - 1) < 1e-15)
			break;
	}
	return h;
}

double stats_binomial_ln(uint64_t n, uint64_t k, double p)
{
	double a = (double)k, b = (double)(n - k) + 1, all = (double)n, ln;

	if (k == 0 || (k <= n && p >= 1))
		return 0;
	if (k > n || !(p > 0))
		return -INFINITY;
	// I_p(a, b) = P[X = k] (1 - p) F(a, b, p) and I_p(a, b) = 1 - I_(1 - p)(b, a), whose first
	// factor is P[X = k - 1] p.
	if (p < (a + 1) / (a + b + 2))
		ln = binomial_point_ln(all, a, p) + log1p(-p) + log(beta_fraction(a, b, p));
	else
		ln = log1p(-fmin(1, exp(binomial_point_ln(all, a - 1, p) + log(p) +
					log(beta_fraction(b, a, 1 - p)))));
	return ln < 0 ? ln : 0;
}

// ln B(x, y)
static double ln_beta(double x, double y)
{
	return ln_gamma(x) + ln_gamma(y) - ln_gamma(x + y);
}

double stats_beta_binomial_ln(uint64_t n, uint64_t k, double a, double b)
{
	double all = (double)n, from = (double)k, sum = 0, term = 1, scale, ln;
	uint64_t i = k;
	bool rises = false;

	if (!(a > 0) || !(b >= 1))
		return NAN;
	if (k == 0)
		return 0;
	if (k > n)
		return -INFINITY;
	scale = ln_beta(from + a, all - from + b) - ln_beta(a, b) - log(all + 1) -
		ln_beta(all - from + 1, from + 1);
	for (; i - k < TERMS; i++) {
		double at = (double)i, next;

		sum += term;
		if (i == n)
			break;
		next = term * (all - at) / (at + 1) * (at + a) / (all - at - 1 + b);
		rises = next > term;
		// So small, and smaller with each step, that all the rest is nothing.
		if (next < term && next * (all - at) < sum * 1e-16)
			break;
		term = next;
		if (sum > 1e290) {
			sum /= 1e290;
			term /= 1e290;
			scale += 290 * M_LN10;
		}
	}
	if (i - k == TERMS) {
		if (rises)
			return 0; // k is far below what is likely
		// With b >= 1 terms that fall go on falling: none of the rest is larger.
		sum += term * (all - (double)i + 1);
	}
	ln = scale + log(sum);
	return ln < 0 ? ln : 0;
}

double stats_entropy(const uint32_t *counts, uint32_t n)
{
	double sum = 0, bits = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += counts[i];
	for (uint32_t i = 0; i < n; i++) {
		if (counts[i])
			bits -= counts[i] / sum * log2(counts[i] / sum);
	}
	return bits > 0 ? bits : 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median_of(double *values, uint32_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void stats_median_mad(double *values, uint32_t n, double *median, double *mad)
{
	*median = *mad = NAN;
	if (n == 0)
		return;
	*median = median_of(values, n);
	for (uint32_t i = 0; i < n; i++)
		values[i] = fabs(values[i] - *median);
	*mad = median_of(values, n);
}

// ---- Ranks

double stats_percentile(uint32_t below, uint32_t others)
{
	static const struct {
		double percentile;
		uint32_t others; // 1 / (1 - share)
	} steps[] = {{99.99, 10000}, {99.9, 1000}, {99, 100}};

	for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		// More than 99.99 %: fewer than one in 10,000 is not below.
		if (others >= steps[i].others &&
		    (uint64_t)(others - below) * steps[i].others < others)
			return steps[i].percentile;
	}
	return NAN;
}

const char *stats_rank_text(char *out, size_t size, uint32_t below, uint32_t others,
			    const char *const words[2])
{
	double percentile = stats_percentile(below, others);
	char population[32], less[32];

	if (!isnan(percentile))
		draft_text(out, size, "more than %.*f %% of the other %s %s %s",
			   percentile > 99.95 ? 2
			   : percentile > 99  ? 1
					      : 0,
			   percentile, text_count(population, others), words[0], words[1]);
	else if (below == others)
		draft_text(out, size, "the highest of %s %s",
			   text_count(population, (uint64_t)others + 1), words[0]);
	else
		draft_text(out, size, "more than %s of the other %s %s %s", text_count(less, below),
			   text_count(population, others), words[0], words[1]);
	return out;
}
