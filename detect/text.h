// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Captured bytes and numbers inside sentences for people. Pure functions.

#pragma once

#include <stddef.h>
#include <stdint.h>

// Length of the UTF-8 sequence at p (RFC 3629); 0: none, or a control character.
static inline uint32_t text_utf8(const uint8_t *p, size_t len)
{
	uint32_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (n == 1)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (n == 0 || p[0] > 0xf4 || len < n)
		return 0;
	for (uint32_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	// Overlong forms, surrogates, C1 controls, beyond U+10FFFF.
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ||
	    (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	return n;
}

// Copies len bytes as valid UTF-8 without control characters ('?' in their place), cut to what
// fits, NUL-terminated. Returns the length.
static inline size_t text_clean(char *out, size_t size, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		uint32_t take = text_utf8(p + i, len - i);

		if (size - n <= (take ? take : 1))
			break;
		if (take == 0)
			out[n++] = '?';
		for (uint32_t k = 0; k < take; k++)
			out[n++] = (char)p[i + k];
		i += take ? take : 1;
	}
	out[n] = '\0';
	return n;
}

// "10,000".
static inline const char *text_count(char out[32], uint64_t number)
{
	char *p = out + 31;
	uint32_t digits = 0;

	*p = '\0';
	do {
		if (digits && digits % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + number % 10);
		number /= 10;
		digits++;
	} while (number);
	return p;
}

// "1 response", "2 responses".
static inline const char *text_plural(uint64_t number)
{
	return number == 1 ? "" : "s";
}
