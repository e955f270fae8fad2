// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Quantiles of numbers >= 0 with a bounded relative error (Charles Masson, Jee Rim, Homin Lee:
// "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB
// 2019). Bin i counts the values in (g^(i-1), g^i], g = 1.02 / 0.98: the middle of a bin is less
// than 2 % from each of them.
//
// The bins are the caller's, zeroed, a power of two of them; bin i stands at i mod n, and those in
// use end at the highest value's. What would lie below the n highest is counted in the lowest one
// of them. So what bins hold depends on the values alone: parts merged in any order are equal to
// the whole, bit for bit.
//
// Error: a quantile is within 2 % of a value with that rank, as long as it is not below
// ddsketch_floor(), the 1/167th of the maximum with 128 bins, the 8 * 10^8th with 512. From there
// down the answer is only an upper bound. A bin that is full (2^32 - 1) stays full: then quantiles
// are not to be believed, and ddsketch_quantile() says NAN.

#pragma once

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define DDSKETCH_ERROR 0.02
#define DDSKETCH_GAMMA ((1 + DDSKETCH_ERROR) / (1 - DDSKETCH_ERROR))
#define DDSKETCH_MIN   1e-9 // what is less counts as 0

enum {
	DDSKETCH_SMALL = 128, // bins: 512 bytes
	DDSKETCH_LARGE = 512, // 2 KB
};

struct ddsketch {
	uint64_t count; // of all values
	uint64_t zeros; // of those that are in no bin
	double min, max;
	int32_t top; // the highest bin; of no meaning while no bin is in use
};
static_assert(sizeof(struct ddsketch) == 40, "stands in tables");

static inline int32_t ddsketch_index(double value)
{
	return (int32_t)ceil(log(value) / log(DDSKETCH_GAMMA));
}

// The middle of the bin, as the relative error has it.
static inline double ddsketch_middle(int32_t index)
{
	return pow(DDSKETCH_GAMMA, index) * 2 / (1 + DDSKETCH_GAMMA);
}

static inline void ddsketch_bin_add(uint32_t *bin, uint64_t count)
{
	*bin = count < UINT32_MAX - *bin ? *bin + (uint32_t)count : UINT32_MAX;
}

// Makes this the highest bin; those that are too low now become a part of the lowest.
static inline void ddsketch_raise(struct ddsketch *s, uint32_t *bin, uint32_t n, int32_t top)
{
	int64_t low = (int64_t)s->top - n + 1, new_low = (int64_t)top - n + 1;
	uint32_t fallen = 0;

	if (s->count == s->zeros) {
		s->top = top; // all bins are zero
		return;
	}
	if (top <= s->top)
		return;
	for (int64_t i = low; i < new_low && i <= s->top; i++) {
		ddsketch_bin_add(&fallen, bin[(uint32_t)i & (n - 1)]);
		bin[(uint32_t)i & (n - 1)] = 0;
	}
	ddsketch_bin_add(&bin[(uint32_t)new_low & (n - 1)], fallen);
	s->top = top;
}

// Counts one value this many times. False: it is no number >= 0, nothing was counted.
static inline bool ddsketch_add(struct ddsketch *s, uint32_t *bin, uint32_t n, double value,
				uint64_t times)
{
	int64_t index, low;

	if (!(value >= 0) || isinf(value))
		return false;
	if (times == 0)
		return true;
	s->min = s->count && s->min < value ? s->min : value;
	s->max = s->count && s->max > value ? s->max : value;
	if (value < DDSKETCH_MIN) {
		s->count += times;
		s->zeros += times;
		return true;
	}
	index = ddsketch_index(value);
	ddsketch_raise(s, bin, n, (int32_t)index);
	low = (int64_t)s->top - n + 1;
	ddsketch_bin_add(&bin[(uint32_t)(index > low ? index : low) & (n - 1)], times);
	s->count += times;
	return true;
}

// Both have the same number of bins.
static inline void ddsketch_merge(struct ddsketch *s, uint32_t *bin, const struct ddsketch *other,
				  const uint32_t *other_bin, uint32_t n)
{
	if (other->count == 0)
		return;
	s->min = s->count && s->min < other->min ? s->min : other->min;
	s->max = s->count && s->max > other->max ? s->max : other->max;
	if (other->count > other->zeros) {
		int64_t low;

		ddsketch_raise(s, bin, n, other->top);
		low = (int64_t)s->top - n + 1;
		for (int64_t i = (int64_t)other->top - n + 1; i <= other->top; i++)
			ddsketch_bin_add(&bin[(uint32_t)(i > low ? i : low) & (n - 1)],
					 other_bin[(uint32_t)i & (n - 1)]);
	}
	s->count += other->count;
	s->zeros += other->zeros;
}

// Quantiles below it are upper bounds only.
static inline double ddsketch_floor(const struct ddsketch *s, uint32_t n)
{
	return s->count > s->zeros ? pow(DDSKETCH_GAMMA, (double)s->top - n + 1) : 0;
}

// The value of rank floor(q * (count - 1)), from 0; NAN: there is none, or a bin is full.
static inline double ddsketch_quantile(const struct ddsketch *s, const uint32_t *bin, uint32_t n,
				       double q)
{
	double answer = s->max;
	uint64_t rank, below = s->zeros;

	if (s->count == 0 || !(q >= 0 && q <= 1))
		return NAN;
	for (uint32_t i = 0; i < n; i++) {
		if (bin[i] == UINT32_MAX)
			return NAN;
	}
	rank = (uint64_t)(q * (double)(s->count - 1));
	if (rank < below)
		return s->min < DDSKETCH_MIN ? s->min : 0;
	for (int64_t i = (int64_t)s->top - n + 1; i <= s->top; i++) {
		below += bin[(uint32_t)i & (n - 1)];
		if (rank < below) {
			answer = ddsketch_middle((int32_t)i);
			break;
		}
	}
	// The ends are known exactly.
	return answer < s->min ? s->min : answer > s->max ? s->max : answer;
}
