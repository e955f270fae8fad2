// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The scalars of a small JSON text with the names that lead to them, one after the other: claims of
// tokens, members of login requests and their answers. A pull reader without memory of its own:
// every span points into the text. What is cut off or broken ends it; the last value of a text
// that was cut is not told, for it is not the value that was sent.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	CLAIM_DEPTH = 4,  // names that a path holds; scalars below are passed over
	CLAIM_NESTING = 64, // containers within each other; a deeper text ends there
};

enum claim_kind {
	CLAIM_STRING = 0, // between the quotes, escapes not resolved
	CLAIM_NUMBER,
	CLAIM_WORD, // true, false, null
};

struct claim {
	enum claim_kind kind;
	uint32_t n_path; // elements of a list have the path of the list
	struct span path[CLAIM_DEPTH];
	struct span value;
};

struct claims {
	struct span json;
	uint32_t at, depth;
	uint64_t lists; // a bit per container: it is a list
	struct span name[CLAIM_DEPTH + 1]; // of the containers
	bool complete; // the outermost container ended
};

static inline struct claims claims_of(struct span json)
{
	return (struct claims){.json = json};
}

// False at the end: complete says whether it is the end of the text.
bool claims_next(struct claims *c, struct claim *out);
// Is it the claim of that name? Names of nested claims are joined by dots, as in
// "realm_access.roles"; a name may itself hold dots.
bool claim_is(const struct claim *claim, const char *name);
