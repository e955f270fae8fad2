// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A bounded table from an identity (a keyed 64-bit hash, never 0) to an entry of fixed size. When
// it is full, the entry that was not touched for longest gives its place to a new one.
//
//	slots:  hash ► [index + 1, hash]    (open addressing, at most half of them in use, doubled)
//	chunks: index ► [id older newer | the entry]   [id older newer | the entry] …
//
// Entries lie all over memory: to look for one, or to close the gap that one leaves, no other is read.
// Entries come zeroed, are aligned to 8 bytes, and stay where they are while they live. Memory is
// taken as the table fills, and given back by lru_clear(). Merger's thread.

#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LRU_CHUNK = 4096, // entries that are allocated together
	LRU_MAX = 1 << 28,
	LRU_NOBODY = UINT32_MAX,
};

struct lru_head {
	uint64_t id; // 0: the place is free
	uint32_t older, newer;
};
static_assert(sizeof(struct lru_head) == 16, "stands before each entry");

struct lru_slot {
	uint32_t at;   // index + 1, 0: free
	uint32_t home; // lru_home() of the entry's id
};

// Is told who goes for a newer one, not who is removed or cleared. Must not change the table.
typedef void lru_evicted_fn(void *arg, uint64_t id, void *entry);

struct lru {
	uint32_t n, max;
	size_t stride;   // from an entry to the next one in its chunk
	uint8_t **chunk; // owned, as are the chunks
	struct lru_slot *slots; // owned
	uint32_t mask;   // slots - 1
	uint32_t used;   // places that were ever taken since lru_clear()
	uint32_t free;   // places that were given back, by .newer
	uint32_t oldest, newest;
	uint64_t evicted;           // counts on through lru_clear()
	lru_evicted_fn *evicted_fn; // or NULL
	void *evicted_arg;
};

// For entries of so many bytes, at most so many of them: 0, -EINVAL or -ENOMEM.
int lru_init(struct lru *t, size_t size, uint32_t max);
void lru_fini(struct lru *t);
// Forgets all and gives the memory back; the table can be filled again.
void lru_clear(struct lru *t);
// The entry, made when there is none (*fresh, which may be NULL, says so), is the newest then.
// NULL: no memory, nothing changed.
void *lru_touch(struct lru *t, uint64_t id, bool *fresh);
// Room for so many entries, as far as the table may have them, so that it need not grow in between.
// Without memory it grows as always.
void lru_reserve(struct lru *t, uint64_t n);
// False: it was not there.
bool lru_remove(struct lru *t, uint64_t id);
// From the oldest to the newest; NULL: no more. An entry may be removed once its next is known.
void *lru_first(const struct lru *t);
void *lru_next(const struct lru *t, const void *entry);
// What such a table takes at most, while its slots are doubled included.
size_t lru_bytes(size_t size, uint32_t max);

static inline uint32_t lru_home(uint64_t id)
{
	return (uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static inline struct lru_head *lru_at(const struct lru *t, uint32_t i)
{
	return (struct lru_head *)(t->chunk[i / LRU_CHUNK] + i % LRU_CHUNK * t->stride);
}

// Where the id stands, or the free slot where it would. The table must have slots.
static inline struct lru_slot *lru_slot(const struct lru *t, uint64_t id)
{
	uint32_t home = lru_home(id);

	for (uint32_t i = home;; i++) {
		struct lru_slot *slot = &t->slots[i & t->mask];

		if (slot->at == 0 || (slot->home == home && lru_at(t, slot->at - 1)->id == id))
			return slot;
	}
}

// The entry or NULL; its age stays as it is.
static inline void *lru_get(const struct lru *t, uint64_t id)
{
	const struct lru_slot *slot = t->slots ? lru_slot(t, id) : NULL;

	return slot && slot->at ? lru_at(t, slot->at - 1) + 1 : NULL;
}

static inline uint64_t lru_id(const void *entry)
{
	return ((const struct lru_head *)entry - 1)->id;
}

static inline void lru_prefetch(const struct lru *t, uint64_t id)
{
	if (t->slots)
		__builtin_prefetch(&t->slots[lru_home(id) & t->mask]);
}

// Behind lru_prefetch(): asks for the entry of that id, or one whose hash is the same.
static inline void lru_prefetch_entry(const struct lru *t, uint64_t id)
{
	uint32_t home = lru_home(id);

	for (uint32_t i = home; t->slots && t->slots[i & t->mask].at; i++) {
		if (t->slots[i & t->mask].home == home) {
			__builtin_prefetch(lru_at(t, t->slots[i & t->mask].at - 1), 1);
			return;
		}
	}
}
