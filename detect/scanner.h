// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The scanner's state. Made and freed by the control thread (ruleset.c), used by scan.c on the one
// worker that it belongs to.

#pragma once

#include "detect/ruleset.h"

enum {
	SCAN_FOUND = 64, // pattern hits per window
	SCAN_OWN = 32,   // matches of the operator's patterns per value
};

struct hs_scratch;

// A pattern hit that waits for its value.
struct found {
	uint64_t off; // of the pattern's end in the body
	uint16_t type;
	uint8_t kept; // bytes of the value as the window showed it; 0: refused there
	uint8_t bytes[PENDING_BYTES];
};

struct scan_match {
	uint32_t type, end;
};

struct scanner {
	const struct ruleset *rules;
	struct hs_scratch *scratch;
	bool quick; // no value is looked at but for its name or form: no types of the operator's
	struct scan_stats stats;
	uint64_t serial; // of the last message
	uint64_t owner;  // message that found[] is of
	uint32_t n_found, next;
	struct found found[SCAN_FOUND];
	uint32_t n_match;
	struct scan_match match[SCAN_FOUND];
	// Of the window that is being searched; marks NULL: none are looked for.
	struct marks *marks;
	struct span mark_text;  // the window's bytes
	uint32_t mark_start;    // in them: where the search began
	uint32_t marks_refused;
	uint64_t mark_off;      // of the window in the body
	uint32_t n_own;
	struct {
		uint32_t type, from, to;
	} own[SCAN_OWN]; // of the value that is searched
	missed_fn on_missed;       // NULL: nobody asks
	struct scan_missed missed; // of the last value
	struct keyctx_cache names;
	refused_fn refused; // NULL: nobody asks
	void *refused_arg;
};

// Internal properties of an answer: in a window, by the name of a value (scan_member(): of what is
// none).
void scan_fields(struct scanner *s, struct scan_pending *pending, const struct window *window);
void scan_property(struct scanner *s, struct scan_pending *pending, const struct value *value);

typedef void (*own_fn)(void *arg, uint32_t type, struct span value);
// Calls fn for the operator's types in a text (rules->own is set) that end behind `after`.
void own_scan(struct scanner *s, struct span text, uint32_t after, own_fn fn, void *arg);
