// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a field's name says about its values: the set of types whose context words it holds. The
// word table is built once and shared; the cache of names belongs to one worker.

#pragma once

#include "detect/datatype.h"

enum {
	KEYCTX_SLOTS = 4096,  // names remembered per worker, a power of two
	KEYCTX_KEY_MAX = 64,  // bytes of a name that are looked at
	KEYCTX_PREFIX = 16,   // bytes of a name kept to tell names of one hash apart
};

struct keyctx_words;

// The answer for one name. 64 bytes: one cache line.
struct keyctx {
	uint64_t hash;
	uint64_t types[DATATYPE_WORDS];
	uint8_t prefix[KEYCTX_PREFIX];
	uint32_t len;
	bool any;     // some type is in the set
	bool generic; // says nothing by itself ("value", "number"): ask the container's name
	bool odd;     // the name may itself be a value ("jane@example.org")
	bool used;
};

struct keyctx_cache {
	struct keyctx slot[KEYCTX_SLOTS];
	uint64_t seed;
};

// Builds the table from the context words of the types in the set. NULL: out of memory.
struct keyctx_words *keyctx_words_new(const uint64_t on[DATATYPE_WORDS]);
void keyctx_words_free(struct keyctx_words *words);

// The set for a name, computed without a cache.
void keyctx_match(const struct keyctx_words *words, struct span key, struct keyctx *out);
// The same from the cache. hash: any hash of the name, the same for the same name. The result is
// valid until the next call.
const struct keyctx *keyctx_get(const struct keyctx_words *words, struct keyctx_cache *cache,
				struct span key, uint64_t hash);
// A hash for names that come without one.
uint64_t keyctx_hash(struct span key, uint64_t seed);

static inline bool keyctx_has(const uint64_t *set, uint32_t type)
{
	return set[type / 64] >> (type % 64) & 1;
}
