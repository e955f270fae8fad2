// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// HyperLogLog: how many different values there were, in 2^p bytes of the caller's (Flajolet,
// Fusy, Gandouet, Meunier: "HyperLogLog: the analysis of a near-optimal cardinality estimation
// algorithm", 2007), with hashes of 64 bits and the estimate of section 4 of Otmar Ertl, "New
// cardinality estimation algorithms for HyperLogLog sketches" (2017), which holds from 0 on; few
// registers make it too high, which the first paper's factor takes away. The standard error is
// 1.04 / sqrt(2^p), smaller while there are fewer values than registers:
//
//	p      4    5    6    7    8    9   10   11   12
//	bytes 16   32   64  128  256  512 1024 2048 4096
//	error 26   18   13  9.2  6.5  4.6  3.3  2.3  1.6 %
//
// Registers start zeroed; what is merged does not depend on any order, nor on how often.

#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { HLL_P_MIN = 4, HLL_P_MAX = 12 };

// The length of the run of zeros that the rest of the hash begins with, and one: 1 .. 65 - p.
static inline uint8_t hll_rank(uint64_t hash, uint32_t p)
{
	uint64_t rest = hash << p | UINT64_C(1) << (p - 1); // the bit ends the run at the latest

	return (uint8_t)(__builtin_clzll(rest) + 1);
}

// The hash must be keyed: then nobody can choose what is counted high. True: a register changed.
static inline bool hll_add(uint8_t *reg, uint32_t p, uint64_t hash)
{
	uint8_t *one = &reg[hash >> (64 - p)], rank = hll_rank(hash, p);

	if (*one >= rank)
		return false;
	*one = rank;
	return true;
}

// False: this value was never added. True says little.
static inline bool hll_may_have(const uint8_t *reg, uint32_t p, uint64_t hash)
{
	return reg[hash >> (64 - p)] >= hll_rank(hash, p);
}

static inline void hll_merge(uint8_t *into, const uint8_t *other, uint32_t p)
{
	for (uint32_t i = 0; i < UINT32_C(1) << p; i++)
		into[i] = into[i] > other[i] ? into[i] : other[i];
}

// x + sum of x^(2^k) 2^(k-1): what the registers stand for that nothing has reached. x < 1.
static inline double hll_sigma(double x)
{
	double y = 1, z = x, before;

	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

// The same for those that are as high as they can be.
static inline double hll_tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

// Not for workers: it reads all registers, and takes roots.
static inline uint64_t hll_count(const uint8_t *reg, uint32_t p)
{
	uint32_t with[66] = {0}, top = 65 - p; // registers of each rank
	double m = (double)(UINT32_C(1) << p), z;

	for (uint32_t i = 0; i < UINT32_C(1) << p; i++)
		with[reg[i] < top ? reg[i] : top]++;
	if (with[0] == m)
		return 0;
	z = m * hll_tau(1 - with[top] / m);
	for (uint32_t k = top - 1; k >= 1; k--)
		z = 0.5 * (z + with[k]);
	z += m * hll_sigma(with[0] / m);
	// Figure 3 of the first paper; nothing where linear counting rules.
	z = m * m / (2 * M_LN2 * (1 + 1.079 / m * (1 - with[0] / m)) * z);
	return z < 0x1p64 ? (uint64_t)(z + 0.5) : UINT64_MAX;
}
