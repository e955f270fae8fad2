// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The same in three widths; each does what the wider one leaves over, which is always a multiple
// of four bytes behind the beginning, so that the key need not be turned.

#include "flows/ws_mask.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

static uint32_t mask_scalar(uint8_t *out, const uint8_t *in, uint32_t n, const uint8_t key[4])
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = in[i] ^ key[i & 3];
	return n;
}

#ifdef __SSE2__
static uint32_t mask_sse2(uint8_t *out, const uint8_t *in, uint32_t n, const uint8_t key[4])
{
	uint32_t word, i = 0;

	memcpy(&word, key, sizeof(word));
	__m128i wide = _mm_set1_epi32((int)word);
	for (; n - i >= 16; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(in + i));

		_mm_storeu_si128((__m128i *)(void *)(out + i), _mm_xor_si128(x, wide));
	}
	return i;
}

__attribute__((target("avx2"))) static uint32_t mask_avx2(uint8_t *out, const uint8_t *in,
							  uint32_t n, const uint8_t key[4])
{
	uint32_t word, i = 0;

	memcpy(&word, key, sizeof(word));
	__m256i wide = _mm256_set1_epi32((int)word);
	for (; n - i >= 32; i += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(in + i));

		_mm256_storeu_si256((__m256i *)(void *)(out + i), _mm256_xor_si256(x, wide));
	}
	return i;
}
#endif

void ws_unmask(uint8_t *out, struct span in, const uint8_t key[4], uint64_t phase)
{
	uint8_t turned[4];
	uint32_t done = 0;

	for (uint32_t i = 0; i < 4; i++)
		turned[i] = key[(i + phase) & 3];
#ifdef __SSE2__
	if (in.len >= 128 && __builtin_cpu_supports("avx2"))
		done = mask_avx2(out, in.p, in.len, turned);
	done += mask_sse2(out + done, in.p + done, in.len - done, turned);
#endif
	mask_scalar(out + done, in.p + done, in.len - done, turned);
}
