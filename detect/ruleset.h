// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the scanner reads and no one else needs to see: the compiled patterns, and the tables that
// say which types a first run of some length may belong to. Immutable after ruleset_new().

#pragma once

#include "detect/keyctx.h"
#include "detect/marks.h"
#include "detect/own.h"
#include "detect/runs.h"
#include "detect/scan.h"

struct hs_database;

// What a run is made of, as far as dispatch cares.
enum run_kind {
	RUN_MIXED = 0,
	RUN_DIGITS,
	RUN_PLUS, // digits with '+' before them
	RUN_KINDS,
};

enum {
	BUCKET_TYPES = 24,
	RULESET_FEW = 8, // types found by '@', by chains, by wide text
	RULESET_MARKS = 448,
	RULESET_MARK = DATATYPE_MAX, // number of the first mark's pattern; below: types
	PATTERNS_MAX = DATATYPE_MAX + RULESET_MARKS,
};

// Types that need no context and may start with such a run.
struct bucket {
	uint8_t n;
	uint8_t near; // the least digits_near of them
	uint8_t type[BUCKET_TYPES];
};

struct few_types {
	uint8_t n;
	uint8_t type[RULESET_FEW];
};

// What the first run of a type must look like, apart from its length.
struct shape_gate {
	uint64_t first[2];   // ASCII bytes that it may begin with
	uint64_t after[4];   // bytes that may follow one shorter than RUN_WHOLE
	uint32_t form;       // bytes of its beginning that are known to be letters or digits …
	uint32_t digits;     // … and which of those are digits
	uint8_t near, least; // digits_near, digits_min
	uint8_t before;
};

struct ruleset;
struct shapes_job;
typedef bool (*shapes_worth_fn)(const struct ruleset *rules, struct span text);
typedef uint32_t (*shapes_scan_fn)(struct shapes_job *job);

struct ruleset {
	uint32_t n_types;
	const struct datatype *type[DATATYPE_MAX];
	uint64_t on[DATATYPE_WORDS];               // not disabled
	uint64_t shape[DATATYPE_WORDS];            // on, with a shape
	uint64_t named[DATATYPE_WORDS];            // on, key_only, not vague
	uint64_t vague[DATATYPE_WORDS];            // on, key_only, vague
	uint64_t weak[DATATYPE_WORDS];             // on, REPORTS_WEAK: in none of the three above
	uint64_t weak_shape[DATATYPE_WORDS], weak_named[DATATYPE_WORDS];
	uint64_t checked[DATATYPE_WORDS];          // on, with a check digit (selfcheck.h)
	uint64_t lucky[DATATYPE_WORDS];            // checked, and a good part of all numbers pass
	uint64_t nameless[DATATYPE_WORDS];         // checked, and told without a name in a learnt field
	uint64_t counted[DATATYPE_WORDS];          // what they refuse is counted
	uint64_t letters[DATATYPE_WORDS];          // may begin with a run without a digit
	uint64_t run_set[DATATYPE_MAX][RUN_KINDS]; // lengths with context
	struct shape_gate gate[DATATYPE_MAX];
	struct bucket bucket[64][RUN_KINDS];
	struct few_types at, chain, wide;
	uint64_t
		letter_runs; // lengths of runs without a digit that may begin a shape, chains apart
	uint8_t near_min;    // a text with fewer digits has no shape in it, chains apart
	bool test_numbers;
	bool reference; // everything is looked at, however slow: what the fast way is measured by
	int card; // index of card.pan or -1
	runs_fn masks;
	shapes_worth_fn worth; // struct shapes_way
	shapes_scan_fn scan;   // likewise
	struct keyctx_words *words;
	uint32_t n_marks;
	const struct mark *mark[RULESET_MARKS];
	struct own_types *own; // owned; NULL: the operator has none
	// Marks would take the first one from Hyperscan's fastest engine; they count in answers only.
	struct hs_database *patterns; // ids are type indices; NULL: none
	struct hs_database *answers;  // the same and marks, from RULESET_MARK on
	struct hs_database *fields;   // ids are those of mark_fields
};

static inline bool ruleset_supports(const struct ruleset *r, const struct keyctx *k, uint32_t type)
{
	return keyctx_has(r->on, type) && keyctx_has(k->types, type);
}
