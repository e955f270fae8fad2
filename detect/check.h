// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the checks of data types share: check digits, forms, tokens, dates, entropy, placeholders.
// Pure functions over bytes that were captured: every one is bounded by its arguments.

#pragma once

#include "detect/datatype.h"

// Classes of bytes, to be or-ed.
enum {
	CLASS_DIGIT = 1,
	CLASS_UPPER = 2,
	CLASS_LOWER = 4,
	CLASS_HEX = 8, // 0-9 a-f A-F
	CLASS_UNDERSCORE = 16,
	CLASS_DASH = 32,
	CLASS_DOT = 64,
	CLASS_PLUS = 128, // '+' and '/'
	CLASS_ALPHA = CLASS_UPPER | CLASS_LOWER,
	CLASS_ALNUM = CLASS_ALPHA | CLASS_DIGIT,
	CLASS_WORD = CLASS_ALNUM | CLASS_UNDERSCORE,
	CLASS_URL64 = CLASS_WORD | CLASS_DASH,
	CLASS_BASE64 = CLASS_ALNUM | CLASS_PLUS,
};

extern const uint8_t check_class[256];

static inline bool check_is(uint8_t c, uint8_t classes)
{
	return check_class[c] & classes;
}

// How many bytes from p on (before p) are of the classes; at most up to end (from start on).
uint32_t check_right(const uint8_t *p, const uint8_t *end, uint8_t classes);
uint32_t check_left(const uint8_t *start, const uint8_t *p, uint8_t classes);

// The token around a pattern's end: it starts `back` bytes before c->at, stands alone on its
// left, and goes on behind c->at with min to max bytes of the classes. len 0: it is not so.
struct span check_token(const struct candidate *c, uint32_t back, uint8_t classes, uint32_t min,
			uint32_t max);
// The same for tokens that start at p.
struct span check_token_at(struct span text, const uint8_t *p, uint32_t head, uint8_t classes,
			   uint32_t min, uint32_t max);

enum { FORM_MAX = 48 };

// A match of check_form(): letters in upper case, without separators.
struct form {
	uint8_t text[FORM_MAX];
	uint32_t n;
	uint32_t n_runs;
	struct span value;
	uint8_t separator; // the one that stood for '?', 0: none
};

// Whether the runs have the lengths of a form: numbers with separators between them, which are
// taken literally, except that '?' is one of seps, the same one each time. "3?2?4". The whole
// must not be a part of a longer number (check_alone).
bool check_form(const struct candidate *c, const char *form, const char *seps, struct form *out);
// The first of several forms, separated by blanks, that fits.
bool check_forms(const struct candidate *c, const char *forms, const char *seps, struct form *out);
// Joins runs of digits, from the first one on, that one or two bytes of seps lie between, until
// there are exactly `want` of them: telephone numbers, which everyone groups as he likes. A '+'
// or '(' before the first run belongs to the value.
bool check_gather(const struct candidate *c, uint32_t want, const char *seps, struct form *out);
// Whether nothing continues a value on its sides: "1.23", "x_12", "12-34".
bool check_alone(struct span text, struct span value);

bool check_all(const uint8_t *p, uint32_t n, uint8_t classes);
// All bytes are the same.
bool check_uniform(const uint8_t *p, uint32_t n);
// The number that n digits make; n <= 18.
uint64_t check_number(const uint8_t *p, uint32_t n);

// Check digits. p are ASCII digits (where said: letters too), n of them with the check digit.
bool check_luhn(const uint8_t *p, uint32_t n);
uint32_t check_weighted(const uint8_t *p, const uint8_t *weights, uint32_t n);
bool check_verhoeff(const uint8_t *p, uint32_t n);
bool check_mod11_10(const uint8_t *p, uint32_t n); // ISO/IEC 7064, hybrid
bool check_mod11_2(const uint8_t *p, uint32_t n);  // ISO/IEC 7064, the last may be 'X'
uint32_t check_mod97(uint32_t start, const uint8_t *p, uint32_t n); // digits, letters 10..35
// ICAO 9303: weights 7, 3, 1 over digits, letters (10..35) and '<'; the check digit's value.
uint32_t check_icao(const uint8_t *p, uint32_t n);

// Two letters of ISO 3166-1, either case.
bool check_country(const uint8_t *p);
bool check_date(uint32_t year, uint32_t month, uint32_t day);

// Shannon entropy in 1/256 bit per byte of up to 255 bytes.
uint32_t check_entropy(struct span s);
#define ENTROPY(bits) ((uint32_t)((bits)*256))

// Decodes base64 or base64url without white space, padding allowed. Returns the length written,
// 0: not base64, or longer than max.
uint32_t check_base64(struct span s, uint8_t *out, uint32_t max);

// "xxxx", "****", "<token>", "${TOKEN}", "changeme", "your_api_key", "null" …
bool check_placeholder(struct span s);
// Card numbers that networks and payment services publish for tests.
bool check_test_card(struct span s);
// Whether s begins with, holds, is what (lower case, without NUL in s): without case of s.
bool check_starts(struct span s, const char *what);
bool check_holds(struct span s, const char *what);
bool check_equals(struct span s, const char *what);
