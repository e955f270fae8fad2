// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// JSON escapes to UTF-8. A pure function; the result is never longer than the input, because the
// shortest \u escape of a character of n bytes has six.

#include "detect/escape.h"

static int escape_hex(const uint8_t *p)
{
	int v = 0;

	for (uint32_t i = 0; i < 4; i++) {
		uint8_t c = p[i], l = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (l >= 'a' && l <= 'f')
			v = v << 4 | (l - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static uint32_t escape_utf8(uint32_t c, uint8_t *out)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

// The character of a \u escape at p (behind the backslash); *used: bytes of it. -1: none.
static int32_t escape_unicode(const uint8_t *p, uint32_t left, uint32_t *used)
{
	int high = left >= 5 ? escape_hex(p + 1) : -1, low;

	*used = 5;
	if (high < 0xd800 || high > 0xdbff)
		return high;
	// A surrogate pair is one character (RFC 8259 section 7); half a pair is none.
	low = left >= 11 && p[5] == '\\' && p[6] == 'u' ? escape_hex(p + 7) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*used = 11;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

uint32_t escape_json(struct span in, uint8_t *out, bool *coded)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint32_t n = 0;

	*coded = false;
	for (uint32_t i = 0; i < in.len;) {
		uint32_t left = in.len - i, used;
		const char *simple;

		if (in.p[i] != '\\' || left < 2) {
			out[n++] = in.p[i++];
			continue;
		}
		simple = in.p[i + 1] ? strchr(from, in.p[i + 1]) : NULL;
		if (simple) {
			out[n++] = (uint8_t)to[simple - from];
			i += 2;
			continue;
		}
		if (in.p[i + 1] == 'u') {
			int32_t c = escape_unicode(in.p + i + 1, left - 1, &used);

			if (c >= 0) {
				n += escape_utf8((uint32_t)c, out + n);
				i += used + 1;
				*coded = true;
				continue;
			}
		}
		out[n++] = in.p[i++];
	}
	return n;
}
