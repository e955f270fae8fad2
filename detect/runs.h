// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The prefilter of shapes: which bytes of a text are letters and digits, as bit masks of 64
// bytes, and the runs that follow from the masks. One mask function is chosen at the start by
// what the CPU has; all give the same result.

#pragma once

#include "detect/datatype.h"

enum {
	RUNS_BLOCK = 64,
	RUNS_MAX = 12, // runs that a check gets to see
	RUNS_WORD = 4, // longer runs without a digit are words
};

// Bit i is byte i of the block.
struct runs_block {
	uint64_t alnum; // ASCII letters and digits
	uint64_t digit;
	uint64_t at;   // '@'
	uint64_t wide; // bytes beyond ASCII
};

// Classifies n blocks; reads n * RUNS_BLOCK bytes.
typedef void (*runs_fn)(const uint8_t *p, uint32_t n, struct runs_block *out);

void runs_scalar(const uint8_t *p, uint32_t n, struct runs_block *out);
runs_fn runs_best(void);
// The function number i, NULL past the last: for tests. Those that the CPU lacks are left out.
runs_fn runs_variant(uint32_t i);

// 64 bits of a row of masks, from bit pos of block b on; the block behind b must exist.
static inline uint64_t runs_join(uint64_t low, uint64_t high, uint32_t pos)
{
	return pos ? low >> pos | high << (64 - pos) : low;
}

// The runs at p, which starts one; alnum and digit: 64 bits from p on. No byte outside text is
// read. Returns how many of at most max were found; runs that start behind the 64 bits, or behind
// a word, are not.
uint32_t runs_build(struct span text, const uint8_t *p, uint64_t alnum, uint64_t digit,
		    struct run *out, uint32_t max);
