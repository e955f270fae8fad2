// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where the values that one call of the scanner finds go to: reported, held back until the text goes
// on, or refused. Private to scan.c.

#pragma once

#include "detect/scanner.h"
#include "detect/shapes.h"

// Not cleared as a whole: it is set up for every value that gets past the first looks.
struct sink {
	struct shapes_job job; // text, key, name
	struct scanner *s;
	hit_fn fn;
	void *arg;
	struct span parent;
	uint64_t field;
	uint64_t off;                  // of the text in the body
	struct span raw;               // set when text is decoded: hits are of the whole value
	uint32_t raw_len;              // struct hit
	uint64_t told[DATATYPE_WORDS]; // types reported of a decoded text
	uint64_t met[DATATYPE_WORDS];  // types that something was accepted of
	enum dir dir;
	bool secret; // a secret was reported
	bool idle;   // no shape is in the text
	bool alone;  // the text is a short value
	bool said;   // a weak type counts only where the text itself says what the value is
	// Texts: candidates from here on are held back. UINT32_MAX: none.
	uint32_t hold;
	struct scan_pending *pending;
};

enum {
	SINK_REFUSED = 128,    // false candidates that any text may have, and one for four bytes
	SCAN_HOLD_MATCH = 184, // what a check wants to see behind a pattern
};

static const struct keyctx scan_no_name = {.plain = true};

// A value that was accepted, with what the field's name says of its type.
void sink_report(struct sink *k, uint32_t type, struct span value, bool ctx);
// The same for what starts so far from the text's beginning; held back when that is behind k->hold.
void sink_take(void *arg, uint32_t type, struct span value, uint32_t start);
// A candidate that a check did not accept, for those who ask.
void sink_refused(void *arg, uint32_t type, uint32_t start);

static inline void sink_init(struct sink *k, struct scanner *s, hit_fn fn, void *arg, enum dir dir,
			     struct span text, uint64_t off)
{
	k->job.rules = s->rules;
	k->job.text = text;
	k->job.from = 0;
	k->job.to = text.len;
	k->job.wide_from = 0;
	k->job.key = &scan_no_name;
	k->job.name = (struct span){0};
	k->job.padded = false;
	k->job.budget = s->rules->reference ? UINT32_MAX : SINK_REFUSED + text.len / 4;
	k->job.spent = 0;
	k->job.probe = PROBE_NONE;
	k->job.counted = false;
	memset(k->job.missed, 0, sizeof(k->job.missed));
	memset(k->met, 0, sizeof(k->met));
	k->job.fn = sink_take;
	k->job.refused = s->refused ? sink_refused : NULL;
	k->job.arg = k;
	k->s = s;
	k->fn = fn;
	k->arg = arg;
	k->parent = (struct span){0};
	k->field = 0;
	k->off = off;
	k->raw = (struct span){0};
	k->raw_len = 0;
	k->dir = dir;
	k->secret = false;
	k->idle = false;
	k->alone = false;
	k->said = false;
	k->hold = UINT32_MAX;
	k->pending = NULL;
}

// The value that ends at `end` of a text, as its type sees it; empty: none.
static inline struct span sink_check(const struct ruleset *r, uint32_t type, struct span text,
				     uint32_t end, struct span name, const struct keyctx *key)
{
	struct candidate c = {
		.text = text,
		.at = text.p + end,
		.key = name,
		.ctx = keyctx_has(key->types, type),
	};

	return shapes_check(r->type[type], &c);
}
