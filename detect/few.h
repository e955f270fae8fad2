// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How many different values there were, and which, while they are few: up to 64 identities (keyed
// hashes, never 0), sorted. The 65th makes a HyperLogLog of 512 registers of them in the same
// place: from then on the count has a standard error of 4.6 %, and who was there is not known,
// only who was not. Zeroed memory is the empty set. What is merged depends on no order, nor on
// how often.

#pragma once

#include "detect/hll.h"

#include <assert.h>
#include <string.h>

enum { FEW_IDS = 64, FEW_P = 9 };

enum few_answer { FEW_NO, FEW_YES, FEW_MAYBE };

struct few {
	uint32_t n; // of id
	bool over;  // reg is in use, not id
	union {
		uint64_t id[FEW_IDS];
		uint8_t reg[1 << FEW_P];
	};
};
static_assert(sizeof(struct few) == 520, "stands in tables");

// The first place whose id is not lower.
static inline uint32_t few_place(const struct few *f, uint64_t id)
{
	uint32_t low = 0, high = f->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (f->id[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static inline void few_overflow(struct few *f)
{
	uint64_t id[FEW_IDS];
	uint32_t n = f->n;

	memcpy(id, f->id, sizeof(id));
	memset(f, 0, sizeof(*f));
	f->over = true;
	for (uint32_t i = 0; i < n; i++)
		hll_add(f->reg, FEW_P, id[i]);
}

static inline enum few_answer few_has(const struct few *f, uint64_t id)
{
	uint32_t i;

	if (f->over)
		return hll_may_have(f->reg, FEW_P, id) ? FEW_MAYBE : FEW_NO;
	i = few_place(f, id);
	return i < f->n && f->id[i] == id ? FEW_YES : FEW_NO;
}

// True: the set changed, so the id is surely new.
static inline bool few_add(struct few *f, uint64_t id)
{
	uint32_t i;

	if (f->over)
		return hll_add(f->reg, FEW_P, id);
	i = few_place(f, id);
	if (i < f->n && f->id[i] == id)
		return false;
	if (f->n == FEW_IDS) {
		few_overflow(f);
		hll_add(f->reg, FEW_P, id);
		return true;
	}
	memmove(&f->id[i + 1], &f->id[i], (f->n - i) * sizeof(f->id[0]));
	f->id[i] = id;
	f->n++;
	return true;
}

// Exact while !over. Not for workers when over: then it reads all registers.
static inline uint64_t few_count(const struct few *f)
{
	uint64_t n = f->over ? hll_count(f->reg, FEW_P) : f->n;

	return f->over && n <= FEW_IDS ? FEW_IDS + 1 : n;
}

static inline void few_merge(struct few *f, const struct few *other)
{
	if (other->over) {
		if (!f->over)
			few_overflow(f);
		hll_merge(f->reg, other->reg, FEW_P);
		return;
	}
	for (uint32_t i = 0; i < other->n; i++)
		few_add(f, other->id[i]);
}
