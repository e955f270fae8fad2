// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// JSON escapes to UTF-8, and Base64. Pure functions; the result is never longer than the input,
// because the shortest \u escape of a character of n bytes has six.

#include "detect/escape.h"

#include "detect/text.h"
#include "flows/form.h"
#include "flows/utf8.h"

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
				n += utf8_put(out + n, (uint32_t)c);
				i += used + 1;
				*coded = true;
				continue;
			}
		}
		out[n++] = in.p[i++];
	}
	return n;
}

const uint8_t escape_base64_digit[256] = {
	['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,
	['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
	['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
	['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
	['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
	['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
	['-'] = 63, ['/'] = 64, ['_'] = 64,
};

// Six bits, or 64 and more: no letter of either alphabet.
static inline uint32_t base64_digit(uint8_t c)
{
	return escape_base64_digit[c] - 1u;
}

// Controls are in no text that holds data for people.
static bool base64_is_text(uint8_t c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n' || c == '\r';
}

uint32_t escape_base64(struct span in, uint8_t *out)
{
	uint32_t n = 0, bits = 0, held = 0, len = in.len;

	if (len < ESCAPE_BASE64_MIN || !escape_base64_begins(in.p))
		return 0;
	if (len % 4 == 0 && in.p[len - 1] == '=')
		len -= in.p[len - 2] == '=' ? 2 : 1;
	if (len % 4 == 1)
		return 0;
	// Words end it soon; of what is random the first control byte does.
	for (uint32_t i = 0; i < len; i++) {
		uint32_t digit = base64_digit(in.p[i]);

		if (digit > 63)
			return 0;
		bits = bits << 6 | digit;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		out[n] = (uint8_t)(bits >> held);
		if (!base64_is_text(out[n++]))
			return 0;
	}
	if (bits & ((UINT32_C(1) << held) - 1))
		return 0;
	for (uint32_t i = 0, took; i < n; i += took) {
		took = out[i] < 0x20 ? 1 : text_utf8(out + i, n - i);
		if (!took)
			return 0;
	}
	return n;
}

bool escape_value(const struct value *v, uint8_t *buf, struct span *text, bool *again)
{
	bool coded = true;
	uint32_t n;

	if (!v->escaped || v->kind == VALUE_TEXT || v->v.len > ESCAPE_MAX)
		return false;
	// Only bodies with containers have backslash escapes, forms have percent escapes.
	if (v->parent.len)
		n = escape_json(v->v, buf, &coded);
	else
		n = form_decode(v->v, buf, true);
	*text = (struct span){buf, n};
	*again = coded;
	return true;
}
