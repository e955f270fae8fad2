// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A sensitive data type: one file in detect/types, one const struct, one registration. Two ways
// to be found: a Hyperscan pattern that holds a literal (scanned over every body at full speed),
// or a shape of runs (letters and digits between separators) that a cheap prefilter finds; then
// the type's own check decides. Types without either are recognised by the field's name.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum type_group {
	GROUP_CONTACT = 0,
	GROUP_PERSONAL,
	GROUP_FINANCIAL,
	GROUP_GOVERNMENT_ID,
	GROUP_HEALTH,
	GROUP_NETWORK,
	GROUP_SECRET,
};

// When a value that passes the check may be reported.
enum type_reports {
	REPORTS_YES = 0, // alone
	REPORTS_CTX,     // only when the field's name or a neighbour says so
	REPORTS_WEAK,    // … and most of the field's values agree
};

// Rules that a type's values fall under, to be or-ed.
enum type_tag {
	TAG_PCI_DSS = 1, // cardholder and sensitive authentication data
	TAG_GDPR = 2,    // personal data of people in the EEA and the United Kingdom
	TAG_APPI = 4,    // Japan: Act on the Protection of Personal Information
	TAG_HIPAA = 8,   // US: identifiers of 45 CFR 164.514(b)(2), and what is about health
};

// A maximal run of ASCII letters and digits, with the separators around it.
struct run {
	const uint8_t *p;
	uint8_t len;    // 255: longer
	uint8_t digits; // how many of its bytes are digits
	uint8_t before; // byte left of it; 0 at the start of the text
	uint8_t after;  // byte right of it; 0 at the end
	bool joined;    // exactly one byte lies between it and the next run
};

// What a check sees: the text, and for shapes the runs from the candidate's first one on.
struct candidate {
	struct span text;       // what may be looked at around the match
	const uint8_t *at;      // pattern: end of the match; shape: start of the first run
	const struct run *runs; // shape: the first run and those behind it
	uint32_t n_runs;
	struct span key; // field name, may be empty
	bool ctx;        // the field's name holds one of the type's context words
};

// The accepted value: a part of candidate.text. len 0: refused.
typedef struct span (*type_check_fn)(const struct candidate *c);

struct type_sample {
	const char *key; // field name, may be NULL
	const char *text;
	bool found; // is the type to be reported for it?
};

// Where a type of the operator's is looked for.
struct type_scope {
	const char *host, *path; // globs
	bool request, response;
};

struct datatype {
	const char *id;    // "us.ssn"
	const char *title; // "US Social Security number"
	enum type_group group;
	const char *country; // whose people or offices use it: ISO 3166-1, "EU", or "any"
	uint8_t tags;        // enum type_tag
	const char *rule;    // where the form or the check digit is published; NULL: see the file
	enum type_reports reports;
	uint8_t severity; // enum severity of one value that must not be there (detect/issue.h)
	bool personal;    // identifies or belongs to a person (credential-less access is a leak)
	const char *const *context; // NULL-terminated, lower case; matched against field names

	// Hyperscan: a literal of at least 3 bytes (with 4 it is found much faster) with at most a
	// little around it, all in all not wider than PATTERN_WIDTH_MAX; the check looks at the rest. "@" alone is found without
	// Hyperscan. NULL: none.
	const char *pattern;
	uint32_t pattern_flags; // HS_FLAG_*

	// Shape: what the first run must look like; all zero: no shape. The sets of lengths are
	// RUN_LEN() bits, for runs with a letter and for runs of digits only, and those that are
	// tried only where the field's name supports the type. run_min to run_max join the first
	// two sets, with digits_only just the second.
	uint64_t run_mixed, run_digits, run_ctx;
	uint8_t run_min, run_max;
	uint8_t digits_min;  // digits in it
	bool digits_only;    // nothing but digits in it
	uint8_t digits_near; // digits in the RUN_NEAR bytes from its start on
	uint8_t run_before;  // the byte that stands left of it; 0: any
	// What it begins with, both in as far as runs of every length of the type agree: 'A' for a
	// letter, '9' for a digit, '?' for either; and the bytes that the first one is of.
	const char *run_form, *run_first;
	const char *run_after; // bytes of which one follows, when it is shorter than RUN_WHOLE
	bool run_chain;        // six runs of two bytes or three of four follow each other

	bool wide;     // tried on texts with a good part of bytes beyond ASCII
	bool key_only; // tried on every value of a field whose name matches context
	bool vague;    // key_only: not tried on what another secret was found in

	type_check_fn check;
	// Whether another parameter of the same URL says that the value is none. NULL: none does.
	bool (*refuted)(struct span name, struct span value);
	// Writes a masked form (same length or shorter) to out; NULL: keep the last four letters or
	// digits of values of eight and more, separators stay, the rest becomes '*'. Secrets: first
	// four instead.
	uint32_t (*mask)(struct span value, uint8_t *out, uint32_t out_len);
	const struct type_sample *samples; // ended by text == NULL; true and false ones
	const struct type_scope *scope;    // NULL: everywhere
};

static inline bool datatype_has_shape(const struct datatype *t)
{
	return t->run_mixed || t->run_digits || t->run_ctx || t->run_max;
}

void datatype_add(const struct datatype *type);
#define DATATYPE_REGISTER(sym)                                                                     \
	__attribute__((constructor, used)) static void datatype_register_##sym(void)               \
	{                                                                                          \
		datatype_add(&sym);                                                                \
	}

enum {
	DATATYPE_MAX = 256,
	DATATYPE_WORDS = DATATYPE_MAX / 64, // 64-bit words of a set of types
	PATTERN_WIDTH_MAX = 32,
	RUN_NEAR = 24,
	RUN_WHOLE = 8,
};

#define RUN_LEN(n) (UINT64_C(1) << (n)) // 63: 63 bytes and more

// Sorted by id after datatype_freeze(), which is called once before threads start; the index is
// the type's number everywhere.
void datatype_freeze(void);
uint32_t datatype_count(void);
// Those of the program; behind them are the operator's, which datatype_own() puts in place of those
// of a call before (detect/own.h). False: no room.
uint32_t datatype_built_in(void);
bool datatype_own(const struct datatype *types, uint32_t n);
const struct datatype *datatype_get(uint32_t index);
int datatype_find(const char *id);   // index or -1
const char *datatype_name(size_t i); // conf_names_fn
// The name of the i-th tag bit, "PCI DSS"; NULL: past the last.
const char *datatype_tag_name(uint32_t i);
uint32_t datatype_mask(uint32_t index, struct span value, uint8_t *out, uint32_t out_len);
