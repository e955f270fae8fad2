// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to the parsing of HTTP/1 heads: what kinds of bytes there are. Pure functions.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct http1_controls {
	uint32_t crs;
	bool nul;
	bool others; // not HTAB, LF, CR
};

struct http1_controls http1_text_controls(struct span s);
// Bytes at the beginning of s that may stand in a token (RFC 9110 section 5.6.2), max at most.
uint32_t http1_text_token(struct span s, uint32_t max);

static inline bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static inline bool is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

static inline bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline struct span span_from(struct span s, uint32_t from)
{
	return span_make(s.p + from, s.len - from);
}

// Also drops line ends, which are white space inside a folded value.
static inline struct span trim(struct span s)
{
	for (; s.len && (is_blank(s.p[0]) || is_line_end(s.p[0])); s.len--)
		s.p++;
	while (s.len && (is_blank(s.p[s.len - 1]) || is_line_end(s.p[s.len - 1])))
		s.len--;
	return s;
}
