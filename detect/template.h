// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What is known of path segments beyond their looks: places whose segments are values although they
// look like words, learnt by the merger (template_learn.h) or pinned by the operator, and words that
// stay what they are. One read-only set of hashes that workers take with their snapshot, so nobody
// locks. A place is (host, method, the template so far):
//
//	place(root) ─"users"─► place ─"{name}"─► place ─"orders"─► place
//	                        │ in the set: something is known here or below
//	                        │ 'F' + ending: its words are values      'N': pinned, all are
//	                        └ 'W' + word: stays                       'S': nothing is ever learnt
//
// A host of which nothing is known costs one look-up per request. Pure functions, any thread.

#pragma once

#include "detect/idset.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	TEMPLATE_NAME = 32,  // bytes of "{name}", at most, with a NUL
	TEMPLATE_PINS = 4096, // places with a name
};

// A place whose parameter the operator named.
struct template_pin {
	uint64_t place;
	char name[TEMPLATE_NAME];
};

struct template_table {
	const struct idset *set;
	const struct template_pin *pins; // by place
	uint32_t n_pins;
	uint64_t seed;
};

// How a segment of a template came about.
enum template_origin {
	TEMPLATE_WORD = 0, // as it was sent
	TEMPLATE_LEXICAL,  // by its looks
	TEMPLATE_LEARNT,
	TEMPLATE_PINNED,
};

enum template_key {
	TEMPLATE_FOLDED = 'F',
	TEMPLATE_KEPT = 'W',
	TEMPLATE_NAMED = 'N',
	TEMPLATE_SPLIT = 'S',
};

// Of a host (in lower case) and a method; the identity of an endpoint is made of it, too.
uint64_t template_root(uint64_t seed, struct span host, struct span method);
// The identity of an endpoint.
uint64_t template_id(uint64_t seed, uint64_t root, struct span template);
// The place behind a segment of a template.
uint64_t template_place(uint64_t seed, uint64_t place, struct span segment);
uint64_t template_key(uint64_t place, enum template_key kind, struct span text);

// A word that means the same everywhere ("me", "search", "v2") and is never learnt to be a value.
bool template_reserved(struct span word);
// The length of ".json" at the end of a segment: the ending says what is returned, and stays.
uint32_t template_ending(struct span segment);
// A segment of a template that stands for values.
static inline bool template_is_value(struct span segment)
{
	return segment.len && segment.p[0] == '{';
}

// Is anything known at this place or below?
static inline bool template_known(const struct template_table *t, uint64_t place)
{
	return idset_has(t->set, place);
}

// What a segment of a template is at a known place. TEMPLATE_LEARNT and TEMPLATE_PINNED: *name
// stands for it, but for so many bytes at its end.
enum template_origin template_segment_is(const struct template_table *t, uint64_t place,
					 struct span segment, struct span *name, uint32_t *ending);
