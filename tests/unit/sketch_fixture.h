// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Random numbers of a fixed seed, for tests of sketches.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// cmocka needs those above
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

// SplitMix64 (Guy Steele, Doug Lea, Christine Flood, 2014): a bijection of the seed, so that
// numbers in a row are never the same.
static inline uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

// (0, 1)
static inline double random_unit(uint64_t *seed)
{
	return ((double)(random_next(seed) >> 11) + 0.5) * 0x1p-53;
}

static inline double random_normal(uint64_t *seed)
{
	double r = sqrt(-2 * log(random_unit(seed)));

	return r * cos(2 * M_PI * random_unit(seed));
}
