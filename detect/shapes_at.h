// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the masks of a text say of one start of a run: its length, kind and digits, and whether a UUID
// or a time stamp is there, which is passed by as a whole. Private to shapes.c; pure, and inline so
// that each kind of CPU has its own.

#pragma once

#include "detect/ruleset.h"

#define SHAPES_INLINE static inline __attribute__((always_inline))

enum {
	CHAIN_BYTES = 18, // of six pairs, and one
	CHAIN_LEAST = 14, // of three fours, the shortest
};

#define UUID_BYTES   36
#define UUID_ALNUM   UINT64_C(0xfff7bdeff) // 8-4-4-4-12
#define DATE_DIGITS  UINT64_C(0x36f)       // 4-2-2
#define STAMP_DIGITS UINT64_C(0x1b)        // of hours and minutes
#define PAIRS_ALNUM  UINT64_C(0x1b6db)     // 2-2-2-2-2-2
#define QUADS_ALNUM  UINT64_C(0x3def)      // 4-4-4

// One start: the 64 bits from there on.
struct shapes_at {
	uint32_t pos; // in the text
	uint32_t len;
	uint64_t alnum, digit;
	enum run_kind kind;
	uint8_t near, digits;         // digits close by, and in it
	uint8_t first, before, after; // its first byte, and those around it; 0: none
};

static inline uint64_t shapes_low(uint32_t n)
{
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static inline struct shapes_at shapes_view(struct span text, uint32_t pos, uint64_t alnum,
					   uint64_t digit)
{
	struct shapes_at a = {.pos = pos, .alnum = alnum, .digit = digit};

	a.len = ~alnum ? (uint32_t)__builtin_ctzll(~alnum) : 64;
	a.near = (uint8_t)__builtin_popcountll(digit & shapes_low(RUN_NEAR));
	a.digits = (uint8_t)__builtin_popcountll(digit & shapes_low(a.len));
	a.first = text.p[pos];
	a.before = pos ? text.p[pos - 1] : 0;
	a.after = a.len < text.len - pos ? text.p[pos + a.len] : 0;
	if (a.digits < a.len)
		a.kind = RUN_MIXED;
	else
		a.kind = a.before == '+' ? RUN_PLUS : RUN_DIGITS;
	return a;
}

static inline bool shapes_is_chain(const struct shapes_at *a)
{
	return (a->alnum & 0x3ffff) == PAIRS_ALNUM || (a->alnum & 0x7fff) == QUADS_ALNUM;
}

static inline const struct bucket *shapes_bucket(const struct ruleset *rules,
						 const struct shapes_at *a)
{
	return &rules->bucket[a->len < 63 ? a->len : 63][a->kind];
}

// The end of a time stamp, whose minutes are at p + 14.
SHAPES_INLINE uint32_t shapes_time(const uint8_t *p, uint32_t left, uint64_t digit)
{
	uint32_t n = 16;

	if (n < left && p[n] == ':' && (digit >> 17 & 3) == 3)
		n = 19;
	if (n < left && (p[n] == '.' || p[n] == ',') && (digit >> (n + 1) & 1))
		n += 1 + (uint32_t)__builtin_ctzll(~(digit >> (n + 1)));
	if (n < left && p[n] == 'Z')
		return n + 1;
	// Bits beyond the masks are zero: no digits.
	if (n < 58 && n < left && (p[n] == '+' || p[n] == '-') && (digit >> (n + 1) & 3) == 3) {
		n += 3;
		if (n < left && p[n] == ':' && (digit >> (n + 1) & 3) == 3)
			n += 3;
		else if ((digit >> n & 3) == 3)
			n += 2;
	}
	return n;
}

// The end of a UUID or of a time stamp that starts here, or 0: both are everywhere, and are full
// of digits that would be looked at again and again.
SHAPES_INLINE uint32_t shapes_skip(struct span text, const struct shapes_at *a)
{
	const uint8_t *p = text.p + a->pos;
	uint32_t left = text.len - a->pos, n;

	if (a->len == 8 && (a->alnum & shapes_low(UUID_BYTES + 1)) == UUID_ALNUM && p[8] == '-' &&
	    p[13] == '-' && p[18] == '-' && p[23] == '-')
		return a->pos + UUID_BYTES;
	if (a->len != 4 || (a->digit & 0x3ff) != DATE_DIGITS || (a->alnum & 0x3ff) != DATE_DIGITS ||
	    p[4] != p[7] || (p[4] != '-' && p[4] != '/') || (p[0] != '1' && p[0] != '2'))
		return 0;
	n = 10;
	if (left >= 16 && (p[10] == 'T' || p[10] == ' ') && p[13] == ':' &&
	    (a->digit >> 11 & STAMP_DIGITS) == STAMP_DIGITS)
		return a->pos + shapes_time(p, left, a->digit);
	// A date alone, and not the beginning of a longer number.
	return n < left && (a->alnum >> 10 & 1) ? 0 : a->pos + n;
}

// The start of the run that reaches the end of a block, or no bit.
static inline uint64_t shapes_last(uint64_t alnum)
{
	if (!(alnum >> 63))
		return 0;
	return ~alnum ? UINT64_C(1) << (63 - __builtin_clzll(~alnum)) << 1 : 1;
}

// Where six runs of two bytes or three of four might start in a block. open: the text goes on
// behind it, and what starts near its end cannot be told.
static inline uint64_t shapes_chains(uint64_t alnum, uint64_t starts, bool open)
{
	uint64_t ends = alnum & ~(alnum >> 1);
	uint64_t two = starts & ends >> 1, four = starts & ends >> 3;
	uint64_t chains = (two & two >> 3 & two >> 6) | (four & four >> 5);

	if (open)
		chains |= ((two | four) & ~shapes_low(64 - CHAIN_BYTES)) |
			  (starts & shapes_last(alnum));
	return chains;
}
