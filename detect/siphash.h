// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// SipHash-2-4 (Jean-Philippe Aumasson, Daniel J. Bernstein: "SipHash: a fast short-input PRF",
// INDOCRYPT 2012): the keyed hash behind every identity that a stranger can choose (users,
// endpoints, values). Without the key nobody can make two of them meet, nor test a guess of a
// credential against what is stored.
//
// Several parts are hashed one after the other, each with the hash of those before it as the
// second half of the key: so "ab","c" and "a","bc" differ.

#pragma once

#include "flows/span.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

struct siphash_state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_rotate(uint64_t x, uint32_t bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void siphash_rounds(struct siphash_state *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
		s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
		s->v0 = siphash_rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
		s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
		s->v2 = siphash_rotate(s->v2, 32);
	}
}

static inline void siphash_word(struct siphash_state *s, uint64_t word, uint32_t rounds)
{
	s->v3 ^= word;
	siphash_rounds(s, rounds);
	s->v0 ^= word;
}

// SipHash-c-d of section 2 of the paper; k0 and k1 are the halves of the key, little end first.
static inline uint64_t siphash_of(uint64_t k0, uint64_t k1, struct span text, uint32_t c, uint32_t d)
{
	struct siphash_state s = {
		k0 ^ UINT64_C(0x736f6d6570736575),
		k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261),
		k1 ^ UINT64_C(0x7465646279746573),
	};
	uint32_t whole = text.len & ~7u;

	for (uint32_t i = 0; i < whole; i += 8)
		siphash_word(&s, span_rest(span_make(text.p + i, 8), 8), c);
	siphash_word(&s, (uint64_t)text.len << 56 | span_rest(text, text.len & 7), c);
	s.v2 ^= 0xff;
	siphash_rounds(&s, d);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

// Not inline: an exchange asks for some twenty of them, and its code is larger than the first cache.
uint64_t siphash(uint64_t k0, uint64_t k1, struct span text);

// SipHash-1-3, half the work, for what is hashed by the thousand: values of fields.
static inline uint64_t siphash_value(uint64_t k0, uint64_t k1, struct span text)
{
	return siphash_of(k0, k1, text, 1, 3);
}

static inline uint64_t siphash_number(uint64_t k0, uint64_t k1, uint64_t number)
{
	number = htole64(number);
	return siphash(k0, k1, span_make(&number, sizeof(number)));
}

// Identities are never 0, which means "none".
static inline uint64_t siphash_id(uint64_t hash)
{
	return hash ? hash : 1;
}
