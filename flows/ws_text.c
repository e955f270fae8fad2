// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// ASCII, which most of it is, goes eight bytes at a time.

#include "flows/ws_text.h"

// The first byte of a character decides how many follow and what the first of those may be
// (RFC 3629 section 4).
static bool text_lead(struct ws_text *text, uint8_t c)
{
	text->low = 0x80;
	text->high = 0xbf;
	if (c >= 0xc2 && c <= 0xdf) {
		text->left = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		text->left = 2;
		if (c == 0xe0)
			text->low = 0xa0;
		else if (c == 0xed)
			text->high = 0x9f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		text->left = 3;
		if (c == 0xf0)
			text->low = 0x90;
		else if (c == 0xf4)
			text->high = 0x8f;
	} else {
		return false;
	}
	return true;
}

bool ws_text_bytes(struct ws_text *text, struct span bytes)
{
	const uint8_t *p = bytes.p, *end = bytes.p + bytes.len;
	uint64_t word;

	while (p < end) {
		if (text->left) {
			if (*p < text->low || *p > text->high)
				return false;
			text->low = 0x80;
			text->high = 0xbf;
			text->left--;
			p++;
		} else if (*p >= 0x80) {
			if (!text_lead(text, *p++))
				return false;
		} else if ((size_t)(end - p) >= sizeof(word)) {
			memcpy(&word, p, sizeof(word));
			p += word & UINT64_C(0x8080808080808080) ? 1 : sizeof(word);
		} else {
			p++;
		}
	}
	return true;
}
