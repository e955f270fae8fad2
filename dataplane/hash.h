// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Keyed mix of a flow key. Never CRC or the NIC's RSS hash: both are linear, so an attacker who
// does not know the seed can still aim thousands of flows at one bucket.

#pragma once

#include "dataplane/pkt.h"

#include <string.h>

static inline uint64_t hash_mum(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	return x ^ x >> 32;
}

static inline uint64_t hash_flow_key(const struct flow_key *key, uint64_t seed)
{
	uint64_t w[5], s1 = hash_mix(seed + 0x9e3779b97f4a7c15), s2 = hash_mix(s1 + seed);

	memcpy(w, key, sizeof(w));
	uint64_t h = hash_mum(w[0] ^ s1, w[1] ^ s2);
	h = hash_mum(w[2] ^ h ^ s2, w[3] ^ s1);
	h ^= hash_mum(w[4] ^ h, s1 ^ 0xa0761d6478bd642f);
	return hash_mum(h ^ s2, 0xe7037ed1a0b428db);
}

// Which of n workers owns a flow. Other bits than the table's tag and bucket.
static inline uint32_t hash_owner(uint64_t hash, uint32_t n)
{
	return (uint32_t)(((hash >> 12 & UINT32_MAX) * n) >> 32);
}
