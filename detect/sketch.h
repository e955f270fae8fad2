// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How many different values there were, in 32 bytes: a bit for each value's hash, and linear
// counting of the bits that are still zero (Whang, Vander-Zanden, Taylor: "A linear-time
// probabilistic counting algorithm for database applications", 1990). Up to a dozen values the
// answer is exact but for an accident; then the standard error grows, to 7 % at 600. Sketches are
// joined by or-ing them, in any order.

#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	SKETCH_WORDS = 4,
	SKETCH_BITS = 64 * SKETCH_WORDS,
	SKETCH_TRUST = 700, // beyond it the counts of values say more than the sketch
};

// The hash must be keyed: then nobody can aim at one bit. True: the bit is new.
static inline bool sketch_add(uint64_t sketch[SKETCH_WORDS], uint64_t hash)
{
	uint64_t *word = &sketch[hash >> 6 & (SKETCH_WORDS - 1)], bit = UINT64_C(1) << (hash & 63);
	bool fresh = !(*word & bit);

	*word |= bit;
	return fresh;
}

static inline void sketch_join(uint64_t into[SKETCH_WORDS], const uint64_t other[SKETCH_WORDS])
{
	for (uint32_t i = 0; i < SKETCH_WORDS; i++)
		into[i] |= other[i];
}

// Not for workers: it takes a logarithm.
static inline uint32_t sketch_count(const uint64_t sketch[SKETCH_WORDS])
{
	uint32_t zero = SKETCH_BITS;

	for (uint32_t i = 0; i < SKETCH_WORDS; i++)
		zero -= (uint32_t)__builtin_popcountll(sketch[i]);
	return (uint32_t)(SKETCH_BITS * log(SKETCH_BITS / (zero ? (double)zero : 1.0)) + 0.5);
}
