// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A fixed set of identities (keyed hashes, never 0) for snapshots: open addressing, at most half
// full, so a look-up touches one or two lines. What does not fit is left out: members are hints
// that save work, nothing depends on them.

#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { IDSET_SLOTS = 32768 };

struct idset {
	uint32_t n;
	uint64_t slot[IDSET_SLOTS];
};

static inline bool idset_has(const struct idset *set, uint64_t id)
{
	if (set->n == 0)
		return false;
	for (uint32_t i = (uint32_t)(id >> 20);; i++) {
		uint64_t one = set->slot[i % IDSET_SLOTS];

		if (one == id || one == 0)
			return one != 0;
	}
}

static inline void idset_prefetch(const struct idset *set, uint64_t id)
{
	__builtin_prefetch(&set->slot[(uint32_t)(id >> 20) % IDSET_SLOTS]);
}

// True when it is new.
static inline bool idset_add(struct idset *set, uint64_t id)
{
	uint32_t i = (uint32_t)(id >> 20);

	if (id == 0 || set->n == IDSET_SLOTS / 2)
		return false;
	for (; set->slot[i % IDSET_SLOTS]; i++) {
		if (set->slot[i % IDSET_SLOTS] == id)
			return false;
	}
	set->slot[i % IDSET_SLOTS] = id;
	set->n++;
	return true;
}
