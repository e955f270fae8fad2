// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Classifies 64 bytes at a time (AVX2, SSE2, or plain C) and cuts runs out of the masks. Runs on
// workers for every value of every body; holds no state.

#include "detect/runs.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

void runs_scalar(const uint8_t *p, uint32_t n, struct runs_block *out)
{
	for (uint32_t b = 0; b < n; b++) {
		struct runs_block m = {0};

		for (uint32_t i = 0; i < RUNS_BLOCK; i++) {
			uint8_t c = p[b * RUNS_BLOCK + i];
			uint64_t bit = UINT64_C(1) << i;
			bool digit = c >= '0' && c <= '9';

			if (digit)
				m.digit |= bit;
			if (digit || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
				m.alnum |= bit;
			if (c == '@')
				m.at |= bit;
			if (c >= 0x80)
				m.wide |= bit;
		}
		out[b] = m;
	}
}

#if defined(__x86_64__)

// c - low <= width, unsigned, for each byte: equal to its minimum with width.
static void runs_sse2(const uint8_t *p, uint32_t n, struct runs_block *out)
{
	const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
	const __m128i a = _mm_set1_epi8('a'), z = _mm_set1_epi8(25);
	const __m128i lower = _mm_set1_epi8(0x20), at = _mm_set1_epi8('@');

	for (uint32_t b = 0; b < n; b++) {
		struct runs_block m = {0};

		for (uint32_t i = 0; i < RUNS_BLOCK; i += 16) {
			__m128i x = _mm_loadu_si128((const __m128i *)(p + b * RUNS_BLOCK + i));
			__m128i d = _mm_sub_epi8(x, zero);
			__m128i l = _mm_sub_epi8(_mm_or_si128(x, lower), a);
			uint32_t digit = (uint32_t)_mm_movemask_epi8(
				_mm_cmpeq_epi8(_mm_min_epu8(d, nine), d));
			uint32_t letter = (uint32_t)_mm_movemask_epi8(
				_mm_cmpeq_epi8(_mm_min_epu8(l, z), l));

			m.digit |= (uint64_t)digit << i;
			m.alnum |= (uint64_t)(digit | letter) << i;
			m.at |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, at)) << i;
			m.wide |= (uint64_t)(uint32_t)_mm_movemask_epi8(x) << i;
		}
		out[b] = m;
	}
}

__attribute__((target("avx2"))) static inline uint64_t runs_pair(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

__attribute__((target("avx2"))) static void runs_avx2(const uint8_t *p, uint32_t n,
						      struct runs_block *out)
{
	const __m256i zero = _mm256_set1_epi8('0'), nine = _mm256_set1_epi8(9);
	const __m256i a = _mm256_set1_epi8('a'), z = _mm256_set1_epi8(25);
	const __m256i lower = _mm256_set1_epi8(0x20), at = _mm256_set1_epi8('@');

	for (uint32_t b = 0; b < n; b++) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(p + b * RUNS_BLOCK));
		__m256i y = _mm256_loadu_si256((const __m256i *)(p + b * RUNS_BLOCK + 32));
		__m256i d = _mm256_sub_epi8(x, zero), e = _mm256_sub_epi8(y, zero);
		__m256i l = _mm256_sub_epi8(_mm256_or_si256(x, lower), a);
		__m256i m = _mm256_sub_epi8(_mm256_or_si256(y, lower), a);
		__m256i digit_x = _mm256_cmpeq_epi8(_mm256_min_epu8(d, nine), d);
		__m256i digit_y = _mm256_cmpeq_epi8(_mm256_min_epu8(e, nine), e);
		__m256i letter_x = _mm256_cmpeq_epi8(_mm256_min_epu8(l, z), l);
		__m256i letter_y = _mm256_cmpeq_epi8(_mm256_min_epu8(m, z), m);

		out[b].alnum = runs_pair(_mm256_or_si256(digit_x, letter_x),
					 _mm256_or_si256(digit_y, letter_y));
		out[b].digit = runs_pair(digit_x, digit_y);
		out[b].at = runs_pair(_mm256_cmpeq_epi8(x, at), _mm256_cmpeq_epi8(y, at));
		out[b].wide = runs_pair(x, y);
	}
}

runs_fn runs_variant(uint32_t i)
{
	switch (i) {
	case 0:
		return runs_scalar;
	case 1:
		return runs_sse2;
	case 2:
		return __builtin_cpu_supports("avx2") ? runs_avx2 : NULL;
	default:
		return NULL;
	}
}

runs_fn runs_best(void)
{
	return __builtin_cpu_supports("avx2") ? runs_avx2 : runs_sse2;
}

#else

runs_fn runs_variant(uint32_t i)
{
	return i == 0 ? runs_scalar : NULL;
}

runs_fn runs_best(void)
{
	return runs_scalar;
}

#endif

static bool runs_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool runs_is_alnum(uint8_t c)
{
	return runs_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

uint32_t runs_build(struct span text, const uint8_t *p, uint64_t alnum, uint64_t digit,
		    struct run *out, uint32_t max)
{
	const uint8_t *end = text.p + text.len;
	uint32_t n = 0, pos = 0;

	while (n < max) {
		struct run *r = &out[n];
		uint64_t rest = ~(alnum >> pos);
		uint32_t len = rest ? (uint32_t)__builtin_ctzll(rest) : 64;
		const uint8_t *q;

		// Zeros were shifted in from above, so that ~ ends every run at bit 64 at the latest.
		if (len > 64 - pos)
			len = 64 - pos;
		r->p = p + pos;
		q = r->p + len;
		r->digits = (uint8_t)__builtin_popcountll(
			digit >> pos & (len < 64 ? (UINT64_C(1) << len) - 1 : UINT64_MAX));
		if (pos + len == 64) {
			// The run may go on behind the masks.
			for (; len < 255 && q < end && runs_is_alnum(*q); q++, len++)
				r->digits += runs_is_digit(*q);
		}
		r->len = (uint8_t)len;
		r->before = r->p > text.p ? r->p[-1] : 0;
		r->after = q < end ? *q : 0;
		r->joined = q + 1 < end && runs_is_alnum(q[1]) && len < 255;
		n++;
		// A word is a part of no form, but the end of any.
		if (n > 1 && r->digits == 0 && len > RUNS_WORD)
			break;
		pos += len + 1;
		if (pos >= 64)
			break;
		rest = alnum >> pos;
		if (!rest)
			break;
		pos += (uint32_t)__builtin_ctzll(rest);
	}
	return n;
}
