// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Is a text message UTF-8 (RFC 6455 section 8.1), in the strict sense of RFC 3629: no surrogates,
// nothing beyond U+10FFFF, no form longer than need be? Any cutting gives the same answer.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct ws_text {
	uint8_t left;      // bytes that the current character still has
	uint8_t low, high; // between which the next of them must be
};

// False: it is none from somewhere in these bytes on.
bool ws_text_bytes(struct ws_text *text, struct span bytes);
// May it end here?
static inline bool ws_text_whole(const struct ws_text *text)
{
	return text->left == 0;
}
