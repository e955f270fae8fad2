// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The merger's half of templates: which places of paths were learnt to hold values.
//
//	endpoints known ─► words of each place ─► template_judge() ─► endpoints joined, aliases
//	(when new ones came)                                          │
//	                            next snapshot for the workers ◄───┘ set of places
//
// Known endpoints are the trie: in the order of their paths, the words of one place stand together.
// So there is no second structure to bound, and what comes out depends on what is known at the end
// of an epoch alone, not on who told it first. Places are never unlearnt; an operator's split goes
// before what was learnt. Merger's thread; may allocate.

#pragma once

#include "detect/exchange.h"
#include "detect/template.h"
#include "detect/template_pin.h"

#include <stdio.h>

struct merger;
struct merged_endpoint;
struct known_endpoint;

enum {
	TEMPLATE_VERSION = 1, // of what templates_save() writes
	TEMPLATE_FOLDS = 4096,
	TEMPLATE_KEPT_MAX = 1024, // words that stay in one place
};

// A place whose words are values, but for those that were known to be none.
struct template_fold {
	char *host, *method, *parent, *ending; // host owns the block; parent: "/users" or ""
	const char *kept;                      // words with a NUL behind each, in that block
	uint32_t n_kept, kept_len;
	uint32_t children; // that were values when it was learnt
	uint64_t time_ns;
};

struct templates {
	const struct template_options *options;
	struct template_pins *pins; // owned
	uint64_t seed;
	struct idset set; // of pins and folds
	struct template_fold *folds; // owned
	uint32_t n_folds, folds_room;
	uint32_t changes; // of the set
	uint64_t learnt_at; // merge in which a place was learnt last
	uint64_t looked;    // endpoints that had been added when it was looked last,
	uint64_t looked_at; // in this merge
	uint64_t folded;  // endpoints that became a part of another
	uint64_t refused; // folds for which there was no room or memory
};

// A template with what is learnt and pinned put in.
struct template_text {
	uint8_t text[EXCHANGE_TEMPLATE];
	uint32_t len;
	enum template_origin origin; // the strongest of its segments
};

int templates_init(struct templates *t, const struct conf *conf, uint64_t seed, char *why,
		   size_t why_len);
void templates_fini(struct templates *t);
// Forgets what was learnt; pins stay.
void templates_reset(struct templates *t);
size_t templates_bytes(void);

static inline struct template_table templates_table(const struct templates *t)
{
	return (struct template_table){&t->set, t->pins ? t->pins->pin : NULL,
				       t->pins ? t->pins->n : 0, t->seed};
}

// The template under what is known now. False: it stays as it is (out->len 0 when it is too long).
bool templates_apply(const struct templates *t, struct span host, struct span method,
		     struct span template, struct template_text *out);
enum template_origin templates_origin(const struct templates *t, const struct merged_endpoint *e);
const char *template_origin_name(enum template_origin origin);
// Remembers a place. kept: n words with a NUL behind each. False: no room or no memory (counted).
bool templates_add(struct templates *t, const struct template_fold *fold);
// Words that stayed and turned out to be values: those that fold->kept holds.
void templates_unkeep(struct templates *t, const struct template_fold *fold);
bool templates_has(const struct templates *t, struct span host, struct span method,
		   struct span parent, struct span ending);
// Has another method of the host a parameter there?
bool templates_seen(const struct templates *t, struct span host, struct span method,
		    struct span parent, struct span ending);

// What was learnt, and back. All numbers little end first: count (4), each: time_ns (8), children
// (4), count of kept words (4), lengths of host, method, parent, ending and kept words (4 each),
// the texts. 0 or negative errno; after a failed load nothing is learnt.
int templates_save(const struct templates *t, FILE *out);
int templates_load(struct templates *t, FILE *in, size_t len);

// template_fold.c, by template_look.c
// Looks for places of values when enough endpoints came since the last time, or some a while ago.
// last: when any came.
void templates_run(struct merger *m, bool last);
// Takes all endpoints to the templates that they have now.
void templates_conform(struct merger *m);
