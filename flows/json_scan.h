// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where the tokens of JSON text end: pure searches, inlined into the walker's machine (json.c).
// They read up to 18 bytes past p and rely on the zero bytes behind the window to stop them.
// Those made for vectors have a scalar twin.

#pragma once

#include "flows/walk.h"

// Bit i: byte i of the n at p is a quote or a backslash.
static inline uint64_t json_quotes_scalar(const uint8_t *p, uint32_t n)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < n; i++)
		word |= (uint64_t)(p[i] == '"' || p[i] == '\\') << i;
	return word;
}

// The same; n: a multiple of 16 up to 64.
static inline uint64_t json_quotes(const uint8_t *p, uint32_t n)
{
#ifdef __SSE2__
	uint64_t word = 0;

	for (uint32_t i = 0; i < n; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(p + i));
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
					   _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));

		word |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << i;
	}
	return word;
#else
	return json_quotes_scalar(p, n);
#endif
}

// The first quote or backslash of the n bytes at p, or p + n; n: 16, 32.
static inline const uint8_t *json_quote(const uint8_t *p, uint32_t n)
{
	uint64_t word = json_quotes(p, n) | UINT64_C(1) << n;

	return p + (uint64_t)__builtin_ctzll(word);
}

static inline const uint8_t *json_decimal_end_scalar(const uint8_t *p)
{
	const uint8_t *q = walk_digits_scalar(p);

	p = *q == '.' ? walk_digits_scalar(q + 1) : q;
	return p > q + 1 ? p : q;
}

// Where the digits end that stand at p, and a fraction behind them, if that is less than 16 bytes;
// else some byte of the number before. Whether the number ends there is for the caller to see.
static inline const uint8_t *json_decimal_end(const uint8_t *p)
{
#ifdef __SSE2__
	// Moves the digits to the upper end of the signed numbers.
	__m128i x = _mm_add_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8(0x7f - '9'));
	__m128i digit = _mm_cmpgt_epi8(x, _mm_set1_epi8(0x7f - 10));
	uint64_t other = ~(uint64_t)(uint32_t)_mm_movemask_epi8(digit); // bits from 16 on are set
	uint64_t n = (uint64_t)__builtin_ctzll(other), fraction;

	if (likely(p[n] != '.'))
		return p + n;
	fraction = (uint64_t)__builtin_ctzll(other & (other - 1));
	return fraction > n + 1 ? p + fraction : p + n;
#else
	return json_decimal_end_scalar(p);
#endif
}

// Where the bytes at p cease to be the beginning of a number. whole: they are one, and something
// that may follow it stands there.
static inline const uint8_t *json_number_stop(const uint8_t *p, bool *whole)
{
	const uint8_t *q = p + (*p == '-');

	*whole = false;
	p = walk_digits(q);
	if (p == q)
		return p;
	if (*p == '.') {
		q = p + 1;
		p = walk_digits(q);
		if (p == q)
			return p;
	}
	if ((*p | 0x20) == 'e') {
		q = p + 1;
		q += *q == '+' || *q == '-';
		p = walk_digits(q);
		if (p == q)
			return p;
	}
	*whole = *p == ',' || *p == '}' || *p == ']' || walk_is_space(*p);
	return p;
}

// Where a number ends that is too long to be seen at once: at the first byte that no number has.
static inline const uint8_t *json_number_run(const uint8_t *p, const uint8_t *end)
{
	while (p < end &&
	       (walk_is_digit(*p) || *p == '.' || *p == '+' || *p == '-' || (*p | 0x20) == 'e'))
		p++;
	return p;
}

static inline bool json_is2(const uint8_t *p, const char *name)
{
	uint16_t a, b;

	memcpy(&a, p, 2);
	memcpy(&b, name, 2);
	return a == b;
}

static inline bool json_is4(const uint8_t *p, const char *name)
{
	uint32_t a, b;

	memcpy(&a, p, 4);
	memcpy(&b, name, 4);
	return a == b;
}

// Names that JSON does not know but JavaScript and Python write, and what the window has of a name.
static __attribute__((noinline, cold)) const uint8_t *json_odd_literal_end(const uint8_t *p,
									   const uint8_t *end)
{
	static const char names[][10] = {"true", "false", "null", "NaN", "Infinity", "-Infinity"};

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]), left = (size_t)(end - p);

		if (memcmp(p, names[i], len < left ? len : left) == 0)
			return len <= left ? p + len : end + 1;
	}
	return NULL;
}

// The end of a literal name at p. NULL: none. end + 1: it goes on behind the window.
static inline const uint8_t *json_literal_end(const uint8_t *p, const uint8_t *end)
{
	if (likely(end - p > 5)) {
		bool no = json_is4(p + 1, "alse") & (*p == 'f');

		// No branch: which of them it is is as good as random.
		if (likely(no | json_is4(p, "true") | json_is4(p, "null")))
			return p + 4 + no;
	}
	return json_odd_literal_end(p, end);
}
