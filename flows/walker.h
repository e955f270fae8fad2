// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The kinds of bodies that are walked into values, one file each. A kind registers itself with
// the media types that announce it; body.c and multipart.c find it there. The table is a section of
// the program, put together by the linker: nothing is written at run time.

#pragma once

#include "flows/walk.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	WALKER_STATE = 1792, // bytes of state at most
	WALKER_PART = 1408,  // … of one that a part of another body may have
	WALKER_ALIGN = 8,
};

enum walk_fault {
	WALK_GOOD = 0,
	WALK_BROKEN,   // from there on the body is something else
	WALK_TOO_DEEP, // nested deeper than is followed
};

// What a walk begins with. Dies with the call.
struct walk_start {
	uint64_t seed;
	uint32_t max_depth;
	struct span type; // Content-Type, with parameters
	struct span name; // of the part that it is, at most WALK_KEY bytes; empty: a whole body
};

struct walker {
	const char *name;
	// Media types without parameters; families end in '*', suffixes (RFC 6839) begin with '+'.
	const char *types[12];
	bool doubtful;    // clients send the type without thinking: first bytes are looked at, too
	bool parts;       // may be in a part of another body
	bool members;     // calls sink.member
	bool wide;        // UTF-16 without a mark is recognised (RFC 4627 section 3)
	uint8_t too_deep; // enum http_anomaly of a body nested too deep; those have a limit
	uint32_t size;    // bytes of state
	// By the first bytes, without a byte order mark and white space: it surely is one. NULL: is
	// never guessed.
	bool (*sniff)(struct span first);
	// False: cannot be walked. The state holds whatever was there before.
	bool (*begin)(void *state, const struct walk_start *start);
	// Returns the first byte that the next window must repeat, within walk_tail() of the end, or,
	// when fault(), the byte from which on the rest is not walked.
	const uint8_t *(*walk)(void *state, const struct walk *w);
	enum walk_fault (*fault)(const void *state);
	bool (*whole)(const void *state); // the body may end here
};

extern const struct walker *const __start_apitap_walkers[] __attribute__((weak));
extern const struct walker *const __stop_apitap_walkers[] __attribute__((weak));

#define WALKER_REGISTER(sym)                                                                       \
	static_assert(sizeof(uint64_t) == WALKER_ALIGN, "states begin where a word may");          \
	static const struct walker *const walker_entry_##sym                                       \
		__attribute__((section("apitap_walkers"), used)) = &(sym)

#define WALKER_FOREACH(w)                                                                          \
	for (const struct walker *const *w = __start_apitap_walkers; w < __stop_apitap_walkers; w++)

// That a walk has these names to give: the values of a part stand below its name.
static inline uint64_t walk_start_path(const struct walk_start *start)
{
	return start->name.len
		       ? walk_field_hash(start->seed, walk_key_hash(start->seed, start->name))
		       : start->seed;
}
