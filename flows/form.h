// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// application/x-www-form-urlencoded and query strings: key=value pairs (WHATWG URL, section 5).

#pragma once

#include "flows/span.h"

struct form_pair {
	struct span key, value; // as on the wire
	bool escaped;           // '%' or '+' in value
};

// Takes the next pair off *rest (separators '&' and ';'). False when nothing is left.
bool form_next(struct span *rest, struct form_pair *pair);
// Percent-decodes into out (at least in.len bytes); '+' becomes a space when plus is set.
// Bad escapes stay as they are. Returns the decoded length.
uint32_t form_decode(struct span in, uint8_t *out, bool plus);
