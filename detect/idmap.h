// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From an identity (a keyed 64-bit hash, never 0) to a pointer, for the control thread: open
// addressing, linear probing, a power of two of slots, at most two thirds of them in use. The
// identities are hashes under a secret key, so nobody outside can pile them up in one place.

#pragma once

#include "detect/draft.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { IDMAP_MIN = 64 }; // slots

struct idmap_slot {
	uint64_t id;
	void *value; // NULL: free
};

struct idmap {
	struct idmap_slot *slots; // owned
	uint32_t n, mask;         // mask: slots - 1
};

static inline uint32_t idmap_home(uint64_t id)
{
	return (uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static inline void *idmap_get(const struct idmap *map, uint64_t id)
{
	if (!map->slots)
		return NULL;
	for (uint32_t i = idmap_home(id);; i++) {
		const struct idmap_slot *slot = &map->slots[i & map->mask];

		if (!slot->value || slot->id == id)
			return slot->value;
	}
}

static inline void idmap_prefetch(const struct idmap *map, uint64_t id)
{
	if (map->slots)
		__builtin_prefetch(&map->slots[idmap_home(id) & map->mask]);
}

static inline void idmap_place(struct idmap *map, uint64_t id, void *value)
{
	uint32_t i = idmap_home(id);

	while (map->slots[i & map->mask].value)
		i++;
	map->slots[i & map->mask] = (struct idmap_slot){id, value};
}

static inline bool idmap_widen(struct idmap *map, uint32_t wider)
{
	uint32_t slots = map->slots ? map->mask + 1 : 0;
	struct idmap old = *map;

	map->slots = draft_alloc(wider, sizeof(*map->slots));
	if (!map->slots) {
		*map = old;
		return false;
	}
	map->mask = wider - 1;
	for (uint32_t i = 0; i < slots; i++) {
		if (old.slots[i].value)
			idmap_place(map, old.slots[i].id, old.slots[i].value);
	}
	draft_free(old.slots);
	return true;
}

// Room for so many in all, so that the map need not grow in between; without memory it does.
static inline void idmap_reserve(struct idmap *map, uint64_t n)
{
	uint32_t slots = map->slots ? map->mask + 1 : 0, wider = IDMAP_MIN;

	while (wider / 3 * 2 < n && wider < UINT32_C(1) << 31)
		wider *= 2;
	if (wider > slots)
		idmap_widen(map, wider);
}

// The id must not be there yet. False: no memory, nothing changed.
static inline bool idmap_add(struct idmap *map, uint64_t id, void *value)
{
	uint32_t slots = map->slots ? map->mask + 1 : 0;

	if (map->n + 1 > slots / 3 * 2 && !idmap_widen(map, slots ? 2 * slots : IDMAP_MIN))
		return false;
	idmap_place(map, id, value);
	map->n++;
	return true;
}

// The id must be there. Those behind it move up, so that no marks of deleted ones remain.
static inline void idmap_remove(struct idmap *map, uint64_t id)
{
	uint32_t hole = idmap_home(id) & map->mask;

	while (map->slots[hole].id != id || !map->slots[hole].value)
		hole = (hole + 1) & map->mask;
	for (uint32_t i = (hole + 1) & map->mask; map->slots[i].value; i = (i + 1) & map->mask) {
		uint32_t home = idmap_home(map->slots[i].id);

		// Whether the hole lies on the way from its home to where it stands.
		if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole].value = NULL;
	map->n--;
}

static inline void idmap_fini(struct idmap *map)
{
	draft_free(map->slots);
	*map = (struct idmap){0};
}
