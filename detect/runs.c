// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Classifies 64 bytes at a time (AVX2, SSE2, or plain C) and cuts runs out of the masks. Runs on
// workers for every value of every body; holds no state.

#include "detect/runs.h"

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

static void runs_sse2(const uint8_t *p, uint32_t n, struct runs_block *out)
{
	for (uint32_t b = 0; b < n; b++)
		out[b] = runs_block_sse2(p + b * RUNS_BLOCK);
}

__attribute__((target("avx2"))) static void runs_avx2(const uint8_t *p, uint32_t n,
						      struct runs_block *out)
{
	for (uint32_t b = 0; b < n; b++)
		out[b] = runs_block_avx2(p + b * RUNS_BLOCK);
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
