// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to the parsing of HTTP/1 heads: what kinds of bytes there are. Pure functions.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	HTTP1_LINES = 64, // of a head that are found in one pass
};

struct http1_controls {
	uint32_t crs;
	bool nul;
	bool others; // not HTAB, LF, CR
};

// The lines of a head without deviation: printable ASCII, each with its CR LF.
struct http1_lines {
	uint32_t n;
	uint16_t end[HTTP1_LINES]; // where their CRs stand
};

struct http1_controls http1_text_controls(struct span s);
// False: there is any other byte, or more lines than that, and *out is undefined.
bool http1_text_lines(struct span s, struct http1_lines *out);
// Where the first empty line ends that follows a line end at `from` or later; 0: nowhere.
uint32_t http1_text_end(const uint8_t *p, uint32_t len, uint32_t from);
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
