// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Finding sensitive values. The ruleset is compiled once and shared read-only; a scanner belongs
// to one worker.

#pragma once

#include "conf/conf.h"
#include "detect/datatype.h"
#include "detect/marks.h"
#include "flows/event.h"

#include <assert.h>

struct ruleset;
struct scanner;

struct hit {
	uint16_t type; // index of the data type
	bool ctx;      // the field's name supports it
	bool alone;    // the field held little else
	bool unsure;   // it counts only where the field is learnt to be of the type
	bool lucky;    // the check alone tells, and lets a good part of all numbers pass
	enum dir dir;
	struct span value;       // dies with the call
	struct span key, parent; // of the field; both empty: found in unstructured text
	uint64_t field;          // identity of the field, 0: unstructured text
	uint64_t off; // of value.p in the decoded body, or in the text given to scan_text
	uint32_t raw_len; // not 0: the value is somewhere in so many bytes from off, in another form
};

// Must not call the scanner that it is called by.
typedef void (*hit_fn)(void *arg, const struct hit *hit);

// Why a candidate was not reported.
enum refusal {
	REFUSED_CHECK = 0, // check digits, tables or form are not those of the type
	REFUSED_CONTEXT,   // the value may be one, but the field's name does not say so
	REFUSED_TEST,      // a number that is published for tests
};
typedef void (*refused_fn)(void *arg, uint32_t type, struct span value, enum refusal why);

// What a message waits for, from one piece of its body to the next. Zeroed at the start of a
// message.
//
// Bodies with values: a pattern was found in a window, the value that holds it is still to come.
// Texts: what was found near the end of a window may be the beginning of something longer; it is
// decided with the next window, or reported by scan_end() from the copy in tail.
enum {
	PENDING_HITS = 4,
	PENDING_HELD = 8,
	PENDING_BYTES = 37,
	PENDING_TAIL = 256,
	PENDING_NAME = 38,
};

enum {
	SCAN_VALUE_MIN = 6,   // shorter values need a name that tells what they are
	SCAN_NUMBER_MIN = 15, // numbers of which only cards are told without a name
	SCAN_NUMBER_MAX = 16,
};

struct scan_pending {
	// The last value that may say what one beside it is.
	struct {
		uint64_t used;   // field of the value that it was asked for; 0: none yet
		uint64_t object; // what holds it
		uint8_t len;     // 0: there is none
		uint8_t text[PENDING_NAME];
	} name;
	uint64_t id;        // number of the message on its worker; 0: nothing was seen yet
	uint64_t done;      // patterns that end up to here in the body have met their value
	uint64_t wait;      // while some wait: values that end before are not theirs
	uint64_t next;      // text: candidates that start before are decided
	uint64_t seen;      // text: end of what was shown, in the body
	uint64_t text_from; // text: what is before came as values
	struct marks marks; // of a response
	bool text;          // the last window came without values
	uint8_t n;     // pattern hits that wait
	uint8_t probe; // set by the owner: enum probe_level
	uint8_t n_held;
	uint16_t wide_over; // text: bytes behind next that the last value found by its script takes
	uint16_t tail_len;
	struct {
		uint64_t off; // of the pattern's end in the decoded body
		uint16_t type;
		uint8_t kept; // bytes that were copied; 0: its window did not show the whole value
		uint8_t bytes[PENDING_BYTES];
	} hit[PENDING_HITS];
	struct {
		uint16_t type;
		uint16_t start, len; // in tail
		bool ctx;
	} held[PENDING_HELD];
	uint8_t tail[PENDING_TAIL];
};

static_assert(sizeof(struct scan_pending) == 680, "two of them belong to every exchange");

// Compiles the patterns of all types that the configuration leaves on. NULL with a sentence.
struct ruleset *ruleset_new(const struct conf *conf, char *why, size_t why_len);
void ruleset_free(struct ruleset *ruleset);
struct scanner *scanner_new(const struct ruleset *ruleset, uint64_t seed);
void scanner_free(struct scanner *scanner);
// Tells of candidates that are not reported. Their values may be longer than the candidate.
void scanner_ask(struct scanner *scanner, refused_fn refused, void *arg);

struct scan_stats {
	uint64_t stopped; // windows with more pattern hits than are looked at
	uint64_t dropped; // pattern hits that were forgotten before their value came
	uint64_t curbed;  // texts with more false candidates than are looked at
};

const struct scan_stats *scanner_stats(const struct scanner *scanner);

// Types that looked at a short value that is all that its field holds, and refused it; of those for
// which that means something (struct ruleset, counted), since what a field is shows in all of its
// values.
struct scan_missed {
	uint64_t types[DATATYPE_WORDS];
	uint64_t unsure[DATATYPE_WORDS]; // of them, those that only a learnt field makes count
};

typedef void (*missed_fn)(void *arg, const struct value *value, const struct scan_missed *missed);

// How hard to look for what only a learnt field makes count.
enum probe_level {
	PROBE_NONE = 0,
	PROBE_WEAK, // weak types, where the name supports them
	PROBE_ALL,  // and types that need a name, where there is none
};

// Tells of what scan_value() finds refused, with its arg.
void scanner_missed(struct scanner *scanner, missed_fn fn);

// The pieces of one message, in the order in which the flow side makes them. Each occurrence of a
// sensitive value is reported once per type, however the body is cut; of a value with escapes,
// which is reported as a whole, one per type.
void scan_window(struct scanner *s, struct scan_pending *pending, const struct window *window,
		 hit_fn fn, void *arg);
void scan_value(struct scanner *s, struct scan_pending *pending, const struct value *value,
		hit_fn fn, void *arg);
// Whether the name of a value's field says nothing, so that only its form may: which is nothing
// either, when it ends before scan_quiet_until() and is short, or else, for a number or an unescaped
// string, when scan_is_nothing(). Not so while the owner probes.
bool scan_is_quiet(const struct scanner *s, const struct value *value);
bool scan_is_nothing(const struct scanner *s, const struct value *value);
static inline uint64_t scan_quiet_until(const struct scan_pending *pending)
{
	return pending->n ? pending->wait : UINT64_MAX;
}
// An amount, an id or a time: of what needs no name only a card is a number.
static inline bool scan_is_short(const struct value *v)
{
	return v->v.len < SCAN_VALUE_MIN ||
	       (v->kind == VALUE_NUMBER &&
		v->v.len - SCAN_NUMBER_MIN > SCAN_NUMBER_MAX - SCAN_NUMBER_MIN);
}
// A literal name, or a member that is a container (struct event_sink, member).
void scan_member(struct scanner *s, struct scan_pending *pending, const struct value *value);
// The message ended: pattern hits that belong to no value are reported now.
void scan_end(struct scanner *s, struct scan_pending *pending, enum dir dir, hit_fn fn, void *arg);
// A short text (at most 16 KiB): query value, header value, path segment. Not from a body.
// field: identity to report. The text needs no readable bytes behind it. What was refused is
// returned, valid until the next call; NULL: nothing.
const struct scan_missed *scan_text(struct scanner *s, struct span text, struct span key,
				    uint64_t field, enum dir dir, hit_fn fn, void *arg);
