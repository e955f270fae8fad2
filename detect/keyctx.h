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
	uint32_t len;     // and one; 0: the slot is free
	bool any;         // some type that is not weak is in the set
	bool weak;        // some weak one is
	bool said;        // some weak one has a shape, so that a text may say what a value is
	bool named;       // some that is told by the name alone, and not weak
	bool shaped;      // some that has a shape, and is not weak
	bool generic;     // says nothing by itself ("value", "number"): ask the container's name
	bool odd;         // the name may itself be a value ("jane@example.org")
	bool naming;      // its value may say what the one beside it is ("type", "label")
	bool plain;       // none of these, but for weak
	uint8_t field;    // mark_field_named()
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
// Puts a name at its first place in the cache; what stood there moves to the second one, so that
// two names that meet do not drive each other out.
const struct keyctx *keyctx_fill(const struct keyctx_words *words, struct keyctx_cache *cache,
				 struct span key, uint64_t hash);
// The part of a path that names the last container: "users" of "$.users[]".
struct span keyctx_container(struct span parent);
// A hash for names that come without one.
uint64_t keyctx_hash(struct span key, uint64_t seed);

static inline bool keyctx_has(const uint64_t *set, uint32_t type)
{
	return set[type / 64] >> (type % 64) & 1;
}

static inline uint32_t keyctx_slot_of(const struct keyctx_cache *cache, uint64_t hash)
{
	uint64_t mixed = (hash ^ cache->seed) * UINT64_C(0x9e3779b97f4a7c15);

	return mixed >> 32 & (KEYCTX_SLOTS - 1);
}

static inline bool keyctx_is(const struct keyctx *k, struct span key, uint64_t hash)
{
	// A slot that was never filled has the length of no name.
	return ((k->hash ^ hash) | (k->len ^ (key.len + 1))) == 0;
}

// What the cache knows of a name at its first place; NULL: nothing. hash: as of keyctx_get().
static inline const struct keyctx *keyctx_peek(const struct keyctx_cache *cache, struct span key,
					       uint64_t hash)
{
	const struct keyctx *k = &cache->slot[keyctx_slot_of(cache, hash)];

	return __builtin_expect(keyctx_is(k, key, hash), 1) ? k : NULL;
}

// keyctx_match() from the cache. hash: a keyed hash of the name; with the length it stands for the
// name, for nobody without the key can find two that share both. The result is valid until the
// next call.
static inline const struct keyctx *keyctx_get(const struct keyctx_words *words,
					      struct keyctx_cache *cache, struct span key,
					      uint64_t hash)
{
	const struct keyctx *k = keyctx_peek(cache, key, hash);

	return k ? k : keyctx_fill(words, cache, key, hash);
}
