// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What fields are, learnt from all of their values: per endpoint, direction, field and type, how
// many (and how many different) values passed the type's check and how many it refused.
//
//	worker: hits and misses of an exchange ─► delta_field, one per id and epoch ─► merger: sum
//	                    ▲                                                            │
//	                    └── snapshot: fields that are of a type, fields that are not ┘
//
// A field is of a type when most of enough different values pass, and is not when most are
// refused. Weak types, and types that need a name where there is none, count only in a field that
// is of the type; a type with a check digit does not count in a field that is not. What is counted
// is what a type looked at, which depends on the value alone and not on what was seen before: so
// the sums are the same on any number of workers. For the same reason the exchanges in which
// all those types are tried are chosen by their connection and number.

#pragma once

#include "detect/delta.h"
#include "detect/idmap.h"
#include "detect/idset.h"

#include <stdio.h>

struct detect_worker;

enum {
	LEARN_VERSION = 1, // of what learn_save() writes
	LEARN_NOBODY = UINT32_MAX,
};

// The identity of a field's relation to a type. All parts but the last two are keyed hashes.
static inline uint64_t learn_id(uint64_t endpoint, uint64_t field, uint16_t type, uint8_t dir)
{
	uint64_t id = endpoint ^ field * UINT64_C(0x9e3779b97f4a7c15);

	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93) + ((uint64_t)type << 1 | dir);
	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93);
	id ^= id >> 32;
	return id ? id : 1;
}

// What workers are told.
struct learn_sets {
	struct idset is;     // fields that are of a type that counts nowhere else
	struct idset is_not; // fields that are not of a type that counts elsewhere
	struct idset probed; // endpoints that have one of the former; inverted: without a name
};

// ---- worker

// What shall be tried in this exchange: enum probe_level.
uint8_t learn_probe(const struct detect_worker *w, const struct exchange *x);
// Notes what the exchange says of its fields, then leaves only those hits that count.
void learn_exchange(struct detect_worker *w, struct exchange *x);

// ---- merger

enum learn_verdict {
	LEARN_OPEN = 0,
	LEARN_IS,
	LEARN_IS_NOT,
};

struct learn_options {
	uint32_t max_fields, min_values, share;
};

struct learn_entry {
	struct delta_field sum; // of all epochs
	uint32_t older, newer;  // indexes, by the last value
	uint8_t verdict;        // enum learn_verdict
};

struct learn {
	struct learn_options options;
	struct learn_entry *entries; // owned, max_fields
	uint32_t n, oldest, newest;
	struct idmap map;
	struct delta_field *batch; // owned: of the deltas of an epoch
	uint32_t n_batch, batch_room;
	uint32_t changes;         // of verdicts
	uint64_t forgotten, lost; // fields that made room; notes without memory
};

// Bytes of a table of so many fields.
size_t learn_bytes(uint32_t max_fields);
int learn_init(struct learn *l, const struct learn_options *options); // 0 or -1: no memory
void learn_fini(struct learn *l);
void learn_reset(struct learn *l);
// Copies the notes of a delta.
void learn_gather(struct learn *l, const struct delta *delta);
// Adds what was gathered.
void learn_fold(struct learn *l);
// NULL: nothing is known.
const struct learn_entry *learn_find(const struct learn *l, uint64_t endpoint, uint64_t field,
				     uint16_t type, uint8_t dir);
// How many different values there were, about. which: REFUSED or PASSED.
uint32_t learn_distinct(const struct learn_entry *e, uint32_t which);
enum learn_answer {
	LEARN_COUNTS = 0,
	LEARN_COUNTS_NOT, // all of its fields are known to hold something else
	LEARN_TOO_EARLY,  // or may: too little is known to call it an accident or none
};

// What speaks against a finding. Writes its numbers of different values.
enum learn_answer learn_finding(const struct learn *l, struct finding *f);
void learn_fill(const struct learn *l, struct learn_sets *sets);
// What is known of the fields of an endpoint is not known any more.
void learn_forget(struct learn *l, uint64_t endpoint);
// … of all endpoints that the function names.
void learn_forget_if(struct learn *l, bool (*goes)(void *arg, uint64_t endpoint), void *arg);
// 0 or negative errno; after a failed load the table is empty.
int learn_save(const struct learn *l, FILE *out);
int learn_load(struct learn *l, FILE *in, size_t len, uint32_t version);
