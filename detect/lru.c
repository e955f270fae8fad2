// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Slots are found by linear probing; when an entry goes, those behind its slot move up, so that no
// marks of deleted ones remain. The slot of an entry is found again through its id. Who is the next to
// go is fetched when somebody went.

#include "detect/lru.h"

#include "detect/draft.h"

#include <errno.h>
#include <string.h>

enum { SLOTS_MIN = 64 };

static size_t stride_of(size_t size)
{
	return sizeof(struct lru_head) + (size + 7) / 8 * 8;
}

static uint32_t chunks_of(uint32_t max)
{
	return (max + LRU_CHUNK - 1) / LRU_CHUNK;
}

size_t lru_bytes(size_t size, uint32_t max)
{
	size_t slots = SLOTS_MIN;

	while (slots / 2 < max)
		slots *= 2;
	return max * stride_of(size) + chunks_of(max) * sizeof(uint8_t *) +
	       (slots + slots / 2) * sizeof(struct lru_slot);
}

int lru_init(struct lru *t, size_t size, uint32_t max)
{
	*t = (struct lru){0};
	if (size == 0 || size > UINT32_MAX || max == 0 || max > LRU_MAX)
		return -EINVAL;
	t->chunk = draft_alloc(chunks_of(max), sizeof(*t->chunk));
	if (!t->chunk)
		return -ENOMEM;
	t->max = max;
	t->stride = stride_of(size);
	t->free = t->oldest = t->newest = LRU_NOBODY;
	return 0;
}

void lru_clear(struct lru *t)
{
	for (uint32_t i = 0; i < chunks_of(t->used); i++) {
		draft_free(t->chunk[i]);
		t->chunk[i] = NULL;
	}
	draft_free(t->slots);
	t->slots = NULL;
	t->n = t->mask = t->used = 0;
	t->free = t->oldest = t->newest = LRU_NOBODY;
}

void lru_fini(struct lru *t)
{
	lru_clear(t);
	draft_free(t->chunk);
	*t = (struct lru){0};
}

// ---- The order by the last touch

static void list_out(struct lru *t, const struct lru_head *e)
{
	*(e->older == LRU_NOBODY ? &t->oldest : &lru_at(t, e->older)->newer) = e->newer;
	*(e->newer == LRU_NOBODY ? &t->newest : &lru_at(t, e->newer)->older) = e->older;
}

static void list_in(struct lru *t, uint32_t i, struct lru_head *e)
{
	e->older = t->newest;
	e->newer = LRU_NOBODY;
	*(t->newest == LRU_NOBODY ? &t->oldest : &lru_at(t, t->newest)->newer) = i;
	t->newest = i;
}

// ---- Slots

static bool slots_widen(struct lru *t, uint32_t wider)
{
	uint32_t slots = t->slots ? t->mask + 1 : 0;
	struct lru_slot *old = t->slots;

	t->slots = draft_alloc(wider, sizeof(*t->slots));
	if (!t->slots) {
		t->slots = old;
		return false;
	}
	t->mask = wider - 1;
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t k = old[i].home & t->mask;

		if (!old[i].at)
			continue;
		while (t->slots[k].at)
			k = (k + 1) & t->mask;
		t->slots[k] = old[i];
	}
	draft_free(old);
	return true;
}

static bool slots_grow(struct lru *t)
{
	return slots_widen(t, t->slots ? 2 * (t->mask + 1) : SLOTS_MIN);
}

void lru_reserve(struct lru *t, uint64_t n)
{
	uint32_t slots = t->slots ? t->mask + 1 : 0, wider = SLOTS_MIN;

	n = n < t->max ? n : t->max;
	while (wider / 2 < n)
		wider *= 2;
	if (wider > slots)
		slots_widen(t, wider);
}

static void slot_free(struct lru *t, uint32_t hole)
{
	for (uint32_t i = (hole + 1) & t->mask; t->slots[i].at; i = (i + 1) & t->mask) {
		// Whether the hole lies on the way from its home to where it stands.
		if (((i - t->slots[i].home) & t->mask) >= ((i - hole) & t->mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = (struct lru_slot){0};
}

// ---- Places

static void place_put(struct lru *t, const struct lru_slot *slot)
{
	uint32_t i = slot->at - 1;
	struct lru_head *e = lru_at(t, i);

	slot_free(t, (uint32_t)(slot - t->slots));
	list_out(t, e);
	e->id = 0;
	e->newer = t->free;
	t->free = i;
	t->n--;
}

static uint32_t place_take(struct lru *t)
{
	uint32_t i = t->free;

	if (i != LRU_NOBODY) {
		t->free = lru_at(t, i)->newer;
		return i;
	}
	if (t->used % LRU_CHUNK == 0) {
		uint32_t left = t->max - t->used, n = left < LRU_CHUNK ? left : LRU_CHUNK;

		t->chunk[t->used / LRU_CHUNK] = draft_alloc(n, t->stride);
		if (!t->chunk[t->used / LRU_CHUNK])
			return LRU_NOBODY;
	}
	return t->used++;
}

static void evict(struct lru *t)
{
	struct lru_head *e = lru_at(t, t->oldest);

	if (t->evicted_fn)
		t->evicted_fn(t->evicted_arg, e->id, e + 1);
	t->evicted++;
	place_put(t, lru_slot(t, e->id));
	if (t->oldest == LRU_NOBODY)
		return;
	e = lru_at(t, t->oldest);
	lru_prefetch(t, e->id);
	if (e->newer != LRU_NOBODY)
		__builtin_prefetch(lru_at(t, e->newer), 1);
}

void *lru_touch(struct lru *t, uint64_t id, bool *fresh)
{
	struct lru_head *e = t->newest == LRU_NOBODY ? NULL : lru_at(t, t->newest);
	struct lru_slot *slot;
	bool is_new;
	uint32_t i;

	if (e && e->id == id) { // often it is asked for again at once
		if (fresh)
			*fresh = false;
		return e + 1;
	}
	slot = t->slots ? lru_slot(t, id) : NULL;
	is_new = !slot || !slot->at;
	if (fresh)
		*fresh = is_new;
	if (!is_new) {
		i = slot->at - 1;
		e = lru_at(t, i);
		list_out(t, e);
		list_in(t, i, e);
		return e + 1;
	}
	if (t->n == t->max)
		evict(t);
	else if (t->n + 1 > (t->slots ? t->mask + 1 : 0) / 2 && !slots_grow(t))
		return NULL;
	i = place_take(t);
	if (i == LRU_NOBODY)
		return NULL;
	e = lru_at(t, i);
	memset(e, 0, t->stride);
	e->id = id;
	*lru_slot(t, id) = (struct lru_slot){.at = i + 1, .home = lru_home(id)};
	list_in(t, i, e);
	t->n++;
	return e + 1;
}

bool lru_remove(struct lru *t, uint64_t id)
{
	const struct lru_slot *slot = t->slots ? lru_slot(t, id) : NULL;

	if (!slot || !slot->at)
		return false;
	place_put(t, slot);
	return true;
}

void *lru_first(const struct lru *t)
{
	return t->oldest == LRU_NOBODY ? NULL : lru_at(t, t->oldest) + 1;
}

void *lru_next(const struct lru *t, const void *entry)
{
	const struct lru_head *e = (const struct lru_head *)entry - 1;

	return e->newer == LRU_NOBODY ? NULL : lru_at(t, e->newer) + 1;
}
