// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The k most frequent of many values, by space-saving (Ahmed Metwally, Divyakant Agrawal, Amr El
// Abbadi: "Efficient computation of frequent and top-k elements in data streams", ICDT 2005): who
// is new takes the place and the count of the least frequent. Of each value that is listed,
//
//	count - error <= true count <= count
//
// and a value that came more often than sum / k is listed. The list is in the caller's array, the
// most frequent first, equal ones by id. An addition costs up to k steps, fewer for those in front.
//
// Lists of parts are merged all at once (Massimo Cafaro, Marco Pulimeno, Piergiulio Tempesta: "A
// parallel space saving algorithm for frequent items and the Hurwitz zeta distribution", 2016): a
// value that a full list lacks may have had that list's least count. The result is the same for any
// order of the parts; as long as not more than k different values came it is the exact one, also
// for merges of merges.

#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct topk_entry {
	uint64_t id, count, error;
};

struct topk {
	uint32_t n;               // entries in use, of k
	struct topk_entry *entry; // the caller's
};

static inline int topk_by_id(const void *a, const void *b)
{
	const struct topk_entry *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

// The order of the list; no two are equal in it.
static inline int topk_by_count(const void *a, const void *b)
{
	const struct topk_entry *x = a, *y = b;

	return x->count != y->count ? (x->count > y->count ? -1 : 1) : topk_by_id(a, b);
}

// How often a value that is not listed came at most.
static inline uint64_t topk_least(const struct topk *t, uint32_t k)
{
	return t->n == k ? t->entry[k - 1].count : 0;
}

static inline void topk_add(struct topk *t, uint32_t k, uint64_t id, uint64_t count)
{
	struct topk_entry e;
	uint32_t i = 0;

	if (count == 0)
		return;
	while (i < t->n && t->entry[i].id != id)
		i++;
	if (i < t->n) {
		e = t->entry[i];
	} else {
		uint64_t least = topk_least(t, k);

		e = (struct topk_entry){id, least, least};
		if (t->n < k)
			t->n++;
		i = t->n - 1; // the last one goes
	}
	e.count += count;
	for (; i > 0 && topk_by_count(&e, &t->entry[i - 1]) < 0; i--)
		t->entry[i] = t->entry[i - 1];
	t->entry[i] = e;
}

static inline const struct topk_entry *topk_find(const struct topk *t, uint64_t id)
{
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->entry[i].id == id)
			return &t->entry[i];
	}
	return NULL;
}

// into: an array of k, which none of the parts may use. scratch: room for all of their entries.
// Merger only: qsort() may allocate.
static inline void topk_merge(struct topk *into, uint32_t k, const struct topk *const parts[],
			      uint32_t n_parts, struct topk_entry *scratch)
{
	uint64_t least_of_all = 0;
	uint32_t n = 0, different = 0;

	for (uint32_t p = 0; p < n_parts; p++) {
		uint64_t least = topk_least(parts[p], k);

		least_of_all += least;
		// What is known beyond what lists without the value add; an error may wrap around.
		for (uint32_t i = 0; i < parts[p]->n; i++) {
			const struct topk_entry *e = &parts[p]->entry[i];

			scratch[n++] =
				(struct topk_entry){e->id, e->count - least, e->error - least};
		}
	}
	into->n = 0;
	if (n == 0)
		return;
	qsort(scratch, n, sizeof(*scratch), topk_by_id);
	for (uint32_t i = 0; i < n; i++) {
		if (different && scratch[different - 1].id == scratch[i].id) {
			scratch[different - 1].count += scratch[i].count;
			scratch[different - 1].error += scratch[i].error;
		} else {
			scratch[different++] = scratch[i];
		}
	}
	for (uint32_t i = 0; i < different; i++) {
		scratch[i].count += least_of_all;
		scratch[i].error += least_of_all;
	}
	qsort(scratch, different, sizeof(*scratch), topk_by_count);
	into->n = different < k ? different : k;
	memcpy(into->entry, scratch, into->n * sizeof(*scratch));
}
