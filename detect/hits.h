// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From what the scanner reports to what is kept of it: one struct exchange_hit per (type,
// direction, field), the places to mask, the counts. Worker only.

#pragma once

#include "detect/exchange.h"

#include <stdbool.h>
#include <stdint.h>

// Types of struct exchange_mask that are no data types.
enum {
	MASK_WHOLE = UINT16_MAX,      // nothing of the value is shown
	MASK_SECRET = UINT16_MAX - 1, // the end of a long one
};

// Types that are treated in a special way; -1: not in this program.
struct hits_types {
	int password, session, api_key, otp, card;
};

// What fields were renamed to, by their own identity: names with values in them are rare, and the
// answer for one of the others is the same for all of its values.
enum { FIELD_CACHE = 1024, FIELD_TEXTS = 256 };
struct field_cache {
	struct {
		uint64_t field, renamed; // 0: free
	} slot[FIELD_CACHE];
	// What is told of fields with hits.
	struct field_text {
		uint64_t field, renamed; // 0: free
		uint8_t place, len;
		uint8_t text[EXCHANGE_NAME];
	} text[FIELD_TEXTS];
};

// What one scan is of. arg of hits_add().
struct hits {
	struct exchange *x;
	struct field_cache *cache; // NULL: none
	const struct hits_types *types;
	uint64_t seed;
	enum hit_place place;
	struct span name;  // of the place, when it is not in a body
	struct span query; // the other parameters of the URL, while they are searched
	bool found;        // the scanner reported something
	uint64_t off, end; // the last value reported, and its group; end 0: none
	enum type_group group;
};

void hits_types_init(struct hits_types *types);
// A hit_fn.
void hits_add(void *hits, const struct hit *hit);
// A missed_fn.
void hits_missed(void *hits, const struct value *value, const struct scan_missed *missed);
// Bytes of a body up to end were searched.
static inline void hits_searched(struct exchange *x, enum dir dir, uint64_t end)
{
	if (end > x->scanned[dir])
		x->scanned[dir] = end;
}

// What was found so far was told with another exchange.
static inline void hits_forget(struct exchange *x)
{
	x->n_hits = x->n_unsure = 0;
	x->n_misses = x->n_unsure_misses = x->misses_lost = x->next_miss = 0;
	x->hits_lost = 0;
}

// Scans the request's path and query and the query of its Referer. Returns a bit for each path
// segment that holds a sensitive value.
uint32_t hits_target(struct scanner *scanner, const struct hits_types *types, uint64_t seed,
		     struct exchange *x);

// How sure the type of this hit is, 0..100, with the reasons appended to terms.
uint32_t hits_confidence(const struct exchange_hit *hit, struct issue_term terms[ISSUE_MAX_TERMS],
			 uint32_t *n_terms);
// Did a request with this answer work? 0: no answer was seen.
enum incident_result hits_result(uint16_t status);
