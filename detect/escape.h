// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Resolves the escapes of a JSON string (RFC 8259 section 7) and Base64 (RFC 4648), so that a value
// is judged as its receiver sees it.

#pragma once

#include "flows/event.h"
#include "flows/form.h"
#include "flows/span.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Writes the resolved text to out, which has room for in.len bytes; escapes that are none stay as
// they are. Returns its length. *coded is set when a \u escape was among them.
uint32_t escape_json(struct span in, uint8_t *out, bool *coded);

enum { ESCAPE_BASE64_MIN = 16 }; // bytes of what is looked at: eleven or twelve of the text

// By the value of the letter, and one; 0: a letter of neither alphabet.
extern const uint8_t escape_base64_digit[256];

// Two letters of a text: ASCII and no continuation of UTF-8, or a lead byte and a continuation. Nine
// of ten ids and words end here.
static inline bool escape_base64_begins(const uint8_t *p)
{
	uint32_t first = escape_base64_digit[p[0]] - 1u;
	uint32_t second = (escape_base64_digit[p[1]] - 1u) & 15;

	if (first < 32)
		return first > 1 && (second < 8 || second > 11);
	return first >= 48 && first < 64 && second - 8 < 4;
}

// Whether escape_base64() is worth a call: texts for people have a space in their first words, and in
// Base64 a letter beyond F, which digests and UUIDs have not. Reads ESCAPE_BASE64_MIN bytes.
static inline bool escape_base64_may(const uint8_t *p)
{
#if defined(__SSE2__)
	// All letters of the alphabets are above '*', and below 0x80.
	__m128i x = _mm_loadu_si128((const __m128i *)p);

	if (_mm_movemask_epi8(_mm_cmpgt_epi8(x, _mm_set1_epi8('*'))) != 0xffff ||
	    !escape_base64_begins(p))
		return false;
	x = _mm_or_si128(x, _mm_set1_epi8(0x20));
	return _mm_movemask_epi8(
		       _mm_or_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('f')),
				    _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('9')),
						  _mm_cmpgt_epi8(_mm_set1_epi8('a'), x)))) != 0;
#else
	for (uint32_t i = 0; i < ESCAPE_BASE64_MIN; i++) {
		uint8_t letter = p[i] | 0x20;

		if (letter > 'f' || (letter > '9' && letter < 'a'))
			return escape_base64_begins(p);
	}
	return false;
#endif
}

// Writes the text that `in` is in Base64, with or without padding, in either alphabet, to out, which
// has room for in.len bytes. Returns its length; 0: it is none, or not of a text.
uint32_t escape_base64(struct span in, uint8_t *out);

enum { ESCAPE_MAX = 512 }; // longer values are judged with their escapes

// A value with escapes: its text, in buf of ESCAPE_MAX bytes. *again: other letters may be in it.
// False: it is too long, or has none.
bool escape_value(const struct value *v, uint8_t *buf, struct span *text, bool *again);

// A part of a URL as the server reads it: itself when nothing in it is escaped, or else decoded to
// out, which has room for as many bytes. plus: '+' is a space.
static inline struct span escape_url(struct span in, uint8_t *out, bool plus)
{
	if (in.len && (memchr(in.p, '%', in.len) || (plus && memchr(in.p, '+', in.len))))
		return span_make(out, form_decode(in, out, plus));
	return in;
}
