// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which parameters are bound to their owners: each caller uses them for objects of its own only.
// Learnt for each (endpoint, parameter, role), and for each kind of object and role, in two ways:
//
//	given       share of the identifiers that had been given to the caller before
//	exclusive   of identifiers that were known to be somebody's, the share that was the caller's
//
// A catalogue that is paged through has a high share of given ones, and a low one of exclusive ones.
// Only successful calls teach, and none of a principal that an issue is about. What the few principals
// with most foreign uses did is left out: that of a public object is done by many, and one who took
// what is not his from the first day on shall not make it usual. Counts are halved as they grow, so
// that an endpoint that changes is learnt anew. Merger's thread.

#pragma once

#include "detect/blob.h"
#include "detect/hll.h"
#include "detect/lru.h"
#include "detect/mix.h"

enum { BOUND_P = 6, BOUND_CROWD = 8, BOUND_HALVE = 16384, BOUND_TAKERS = 4 };

struct bound_options {
	double share, exclusive;
	uint32_t requests, users, crowd;
};

struct bound {
	const struct bound_options *options;
	struct lru params;
};

// As learnt before the call that it is asked for.
struct bound_view {
	double share, exclusive;
	uint32_t requests, known, users; // requests, known: without those that are left out
	uint32_t crowd; // other principals that used it for foreign objects within an hour
	bool is;        // bound
	bool listed;    // nearly all were given to the caller before
	bool crowded;   // so many do it that it is no attack
};

// One use of a parameter.
struct bound_use {
	uint64_t id; // bound_id()
	uint64_t principal;
	uint32_t now_s;
	bool given; // else it is foreign
	bool known; // it is known to be somebody's
	bool mine;  // … and to be the caller's
	uint64_t endpoint; // 0: of all parameters that name such objects
};

int bound_init(struct bound *b, const struct bound_options *options, uint32_t max);
void bound_fini(struct bound *b);
void bound_clear(struct bound *b);
size_t bound_bytes(uint32_t max);

// field 0: of all parameters that name such objects, then endpoint is a noun.
uint64_t bound_id(uint64_t endpoint, uint64_t field, uint64_t role);
struct bound_view bound_look(const struct bound *b, uint64_t id, uint64_t principal,
			     uint32_t now_s);
void bound_learn(struct bound *b, const struct bound_use *use);
// One endpoint is learnt anew.
void bound_forget(struct bound *b, uint64_t endpoint);
// What was learnt, as a part of a blob: 0 or negative errno. Loading adds to what is there.
int bound_save(const struct bound *b, FILE *out);
int bound_load(struct bound *b, struct blob_reader *in);
// A foreign use, whether it teaches or not.
void bound_foreign(struct bound *b, const struct bound_use *use);
