// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a field's name says about its values: the set of types whose context words it holds. The
// word table is built once and shared; the cache of names belongs to one worker.

#pragma once

#include "detect/datatype.h"

#include <stdalign.h>

enum {
	KEYCTX_SLOTS = 4096, // names remembered per worker, a power of two
	KEYCTX_KEY_MAX = 64, // bytes of a name that are looked at
};

struct keyctx_words;

// The answer for one name: one cache line.
struct keyctx {
	alignas(64) uint64_t hash;
	uint64_t types[DATATYPE_WORDS];
	uint64_t ends[2]; // see keyctx_ends()
	uint32_t len;     // and one; 0: the slot is free
	bool any;         // some type is in the set
	bool generic;     // says nothing by itself ("value", "number"): ask the container's name
	bool odd;         // the name may itself be a value ("jane@example.org")
	bool plain;       // none of these
};

struct keyctx_cache {
	struct keyctx slot[KEYCTX_SLOTS];
	uint64_t seed;
};

// Fills a zeroed table of keyctx_words_size() bytes from the context words of the types in the
// set. False: there are too many, or one is too long.
size_t keyctx_words_size(void);
bool keyctx_words_fill(struct keyctx_words *words, const uint64_t on[DATATYPE_WORDS]);

// The set for a name, computed without a cache.
void keyctx_match(const struct keyctx_words *words, struct span key, struct keyctx *out);
// Fills a slot of the cache.
const struct keyctx *keyctx_fill(const struct keyctx_words *words, struct keyctx *slot,
				 struct span key, uint64_t hash);
// A hash for names that come without one.
uint64_t keyctx_hash(struct span key, uint64_t seed);

static inline bool keyctx_has(const uint64_t *set, uint32_t type)
{
	return set[type / 64] >> (type % 64) & 1;
}

// The first and the last bytes of a name: with hash and length they stand for the name. Loads are
// all inside of it.
static inline void keyctx_ends(struct span key, uint64_t out[2])
{
	uint32_t a = 0, b = 0;

	if (key.len >= 8) {
		memcpy(&out[0], key.p, 8);
		memcpy(&out[1], key.p + key.len - 8, 8);
		return;
	}
	if (key.len >= 4) {
		memcpy(&a, key.p, 4);
		memcpy(&b, key.p + key.len - 4, 4);
	} else if (key.len) {
		a = key.p[0];
		b = (uint32_t)key.p[key.len / 2] << 8 | key.p[key.len - 1];
	}
	out[0] = a;
	out[1] = b;
}

// keyctx_match() from the cache. hash: any hash of the name, the same for the same name. The
// result is valid until the next call.
static inline const struct keyctx *keyctx_get(const struct keyctx_words *words,
					      struct keyctx_cache *cache, struct span key,
					      uint64_t hash)
{
	uint64_t mixed = (hash ^ cache->seed) * UINT64_C(0x9e3779b97f4a7c15), ends[2];
	struct keyctx *k = &cache->slot[mixed >> 32 & (KEYCTX_SLOTS - 1)];

	keyctx_ends(key, ends);
	// A slot that was never filled has the length of no name.
	if (__builtin_expect(((k->hash ^ hash) | (k->ends[0] ^ ends[0]) | (k->ends[1] ^ ends[1]) |
			      (k->len ^ (key.len + 1))) == 0,
			     1))
		return k;
	return keyctx_fill(words, k, key, hash);
}
