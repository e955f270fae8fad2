// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The prefilter of shapes: which bytes of a text are letters and digits, as bit masks of 64
// bytes, and the runs that follow from the masks. One mask function is chosen at the start by
// what the CPU has; all give the same result. The functions for one block are here so that the
// first look at a value has no call in it.

#pragma once

#include "detect/datatype.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

#if defined(__x86_64__)
// c - low <= width, unsigned, for each byte: equal to its minimum with width.
static inline uint64_t runs_sse2_quarter(__m128i x, uint32_t shift, struct runs_block *m)
{
	__m128i d = _mm_sub_epi8(x, _mm_set1_epi8('0'));
	__m128i l = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
	__m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(l, _mm_set1_epi8(25)), l);

	m->digit |= (uint64_t)(uint32_t)_mm_movemask_epi8(digit) << shift;
	m->at |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('@')))
		 << shift;
	m->wide |= (uint64_t)(uint32_t)_mm_movemask_epi8(x) << shift;
	return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(digit, letter)) << shift;
}

static inline struct runs_block runs_block_sse2(const uint8_t *p)
{
	struct runs_block m = {0};

	for (uint32_t i = 0; i < RUNS_BLOCK; i += 16)
		m.alnum |= runs_sse2_quarter(_mm_loadu_si128((const __m128i *)(p + i)), i, &m);
	return m;
}

__attribute__((target("avx2"))) static inline uint64_t runs_pair(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
							     << 32;
}

__attribute__((target("avx2"))) static inline struct runs_block runs_block_avx2(const uint8_t *p)
{
	const __m256i zero = _mm256_set1_epi8('0'), nine = _mm256_set1_epi8(9);
	const __m256i a = _mm256_set1_epi8('a'), z = _mm256_set1_epi8(25);
	const __m256i lower = _mm256_set1_epi8(0x20), at = _mm256_set1_epi8('@');
	__m256i x = _mm256_loadu_si256((const __m256i *)p);
	__m256i y = _mm256_loadu_si256((const __m256i *)(p + 32));
	__m256i d = _mm256_sub_epi8(x, zero), e = _mm256_sub_epi8(y, zero);
	__m256i l = _mm256_sub_epi8(_mm256_or_si256(x, lower), a);
	__m256i m = _mm256_sub_epi8(_mm256_or_si256(y, lower), a);
	__m256i digit_x = _mm256_cmpeq_epi8(_mm256_min_epu8(d, nine), d);
	__m256i digit_y = _mm256_cmpeq_epi8(_mm256_min_epu8(e, nine), e);
	__m256i letter_x = _mm256_cmpeq_epi8(_mm256_min_epu8(l, z), l);
	__m256i letter_y = _mm256_cmpeq_epi8(_mm256_min_epu8(m, z), m);

	return (struct runs_block){
		.alnum = runs_pair(_mm256_or_si256(digit_x, letter_x),
				   _mm256_or_si256(digit_y, letter_y)),
		.digit = runs_pair(digit_x, digit_y),
		.at = runs_pair(_mm256_cmpeq_epi8(x, at), _mm256_cmpeq_epi8(y, at)),
		.wide = runs_pair(x, y),
	};
}

// The first half of a block, the other one empty.
__attribute__((target("avx2"))) static inline struct runs_block runs_half_avx2(const uint8_t *p)
{
	__m256i x = _mm256_loadu_si256((const __m256i *)p);
	__m256i d = _mm256_sub_epi8(x, _mm256_set1_epi8('0'));
	__m256i l = _mm256_sub_epi8(_mm256_or_si256(x, _mm256_set1_epi8(0x20)),
				    _mm256_set1_epi8('a'));
	__m256i digit = _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8(9)), d);
	__m256i letter = _mm256_cmpeq_epi8(_mm256_min_epu8(l, _mm256_set1_epi8(25)), l);

	return (struct runs_block){
		.alnum = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(digit, letter)),
		.digit = (uint32_t)_mm256_movemask_epi8(digit),
		.at = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('@'))),
		.wide = (uint32_t)_mm256_movemask_epi8(x),
	};
}
#endif

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
