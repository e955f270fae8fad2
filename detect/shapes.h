// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Finds values by their shape in a text: runs of letters and digits, '@', text beyond ASCII.

#pragma once

#include "detect/ruleset.h"

// An accepted value. start: where the candidate's first run (or '@') stands in the text.
typedef void (*shapes_fn)(void *arg, uint32_t type, struct span value, uint32_t start);

// budget, spent: how many candidates may be, and were refused in this text. Ordinary text stays far
// below; what is written to keep the sensor busy is not looked at to its end.
struct shapes_job {
	const struct ruleset *rules;
	struct span text;
	uint32_t from, to;        // candidates that start in [from, to)
	uint32_t wide_from;       // in: those found by their script start here; out: the last's end
	const struct keyctx *key; // what the field's name says
	bool named;               // set by shapes_scan(): the name supports a type with a shape
	uint64_t wanted[DATATYPE_WORDS]; // likewise: those types, and what a probe is for
	bool letters;             // likewise: one of them may begin with a run without a digit
	struct span name;         // the field's name
	bool padded;              // 64 bytes behind the text may be read
	uint8_t probe; // enum probe_level: types that need a learnt field are tried, too
	uint32_t budget, spent;
	bool counted;                    // a type whose refusals are counted refused a candidate
	uint64_t missed[DATATYPE_WORDS]; // types that did
	shapes_fn fn;
	void (*refused)(void *arg, uint32_t type, uint32_t start); // by a check; NULL: nobody asks
	void *arg;
};

// The same work in one way for each kind of CPU.
struct shapes_way {
	// Whether shapes_scan() could find anything in a text of a field whose name says nothing. 64
	// bytes behind the text may be read. For most values of most bodies the answer is no, and
	// this is all that is done with them.
	shapes_worth_fn worth;
	shapes_scan_fn scan; // shapes_scan(), when the job has what it sets
};

const struct shapes_way *shapes_best_way(void);
// The way number i, NULL past the last that the CPU can go: for tests.
const struct shapes_way *shapes_way(uint32_t i);

// Returns the end of the last value, UUID or time stamp that was taken as a whole, or 0: what is
// before it is not to be looked at again.
uint32_t shapes_scan(struct shapes_job *job);

// Calls one type's check; an answer that is not a part of the text is refused.
static inline struct span shapes_check(const struct datatype *t, const struct candidate *c)
{
	struct span v = t->check(c);

	if (v.len == 0 || v.p < c->text.p || v.p > c->text.p + c->text.len ||
	    v.len > (size_t)(c->text.p + c->text.len - v.p))
		return (struct span){0};
	return v;
}
