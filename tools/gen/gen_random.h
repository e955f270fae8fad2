// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Seeded randomness: the same seed makes the same capture, byte for byte, on every machine.
// A splitmix64 sequence for "the next value", and a stateless hash of (seed, a, b) for values
// that must come out the same each time that they are asked for (a user's timetable).

#pragma once

#include <stdint.h>

struct gen_random {
	uint64_t state;
};

static inline uint64_t gen_random_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline uint64_t gen_random_next(struct gen_random *random)
{
	random->state += 0x9e3779b97f4a7c15u;
	return gen_random_mix(random->state);
}

// 0 .. bound - 1. The bias is below 2^-32 for the small bounds used here.
static inline uint32_t gen_random_below(struct gen_random *random, uint32_t bound)
{
	return (uint32_t)(((gen_random_next(random) >> 32) * bound) >> 32);
}

// 0 <= x < 1.
static inline double gen_random_unit(struct gen_random *random)
{
	return (double)(gen_random_next(random) >> 11) * 0x1p-53;
}

static inline uint64_t gen_random_hash(uint64_t seed, uint64_t a, uint64_t b)
{
	return gen_random_mix(gen_random_mix(seed + 0x9e3779b97f4a7c15u * (a + 1)) +
			      0xd1b54a32d192ed03u * (b + 1));
}

static inline double gen_random_hash_unit(uint64_t seed, uint64_t a, uint64_t b)
{
	return (double)(gen_random_hash(seed, a, b) >> 11) * 0x1p-53;
}
