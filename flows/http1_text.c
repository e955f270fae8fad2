// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Classes of bytes, and the lines that they make. Bytes are classified by vectors instead of a test
// for each; scalar twins are what the tests compare those with. Lines are found in words of 64 bits,
// one for each byte of a block, so that their length is no branch. Called on workers; no byte is read
// outside the span.

#include "flows/http1_text.h"

#include <rte_branch_prediction.h>

#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

// tchar of RFC 9110 section 5.6.2.
static const uint8_t is_token[256] = {
	['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
	['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
	['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

uint32_t http1_text_token(struct span s, uint32_t max)
{
	uint32_t n = s.len < max ? s.len : max;
	uint32_t i = 0;

#ifdef __SSE4_2__
	// All ranges of them but '~', which is asked for below.
	const __m128i ranges = _mm_setr_epi8('!', '!', '#', '\'', '*', '+', '-', '.', '0', '9', 'A',
					     'Z', '^', 'z', '|', '|');

	while (n - i >= 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s.p + i));
		uint32_t end = (uint32_t)_mm_cmpestri(ranges, 16, x, 16,
						      _SIDD_UBYTE_OPS | _SIDD_CMP_RANGES |
							      _SIDD_NEGATIVE_POLARITY);

		i += end;
		if (end < 16)
			break;
	}
#endif
	while (i < n && is_token[s.p[i]])
		i++;
	return i;
}

// ---- lines

enum {
	BLOCK = 64, // bytes that one word tells of
};

// The plain loops are what the vectors are tested by, and all there is without them.

// Bit i: byte i of the block is LF.
static inline __attribute__((unused)) uint64_t block_lfs_scalar(const uint8_t *p)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < BLOCK; i++)
		word |= (uint64_t)(p[i] == '\n') << i;
	return word;
}

// Bit i: byte i of the block is no printable ASCII.
static inline __attribute__((unused)) uint64_t block_others_scalar(const uint8_t *p)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < BLOCK; i++)
		word |= (uint64_t)(p[i] < 0x20 || p[i] >= 0x7f) << i;
	return word;
}

#ifdef __SSE2__
static inline uint64_t block_lfs(const uint8_t *p)
{
	const __m128i lf = _mm_set1_epi8('\n');
	uint64_t word = 0;

	for (uint32_t i = 0; i < BLOCK; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));

		word |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, lf)) << i;
	}
	return word;
}

static inline uint64_t block_others(const uint8_t *p)
{
	const __m128i one = _mm_set1_epi8(1), blank = _mm_set1_epi8(' ');
	uint64_t word = 0;

	for (uint32_t i = 0; i < BLOCK; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		// One more than DEL's is negative, as are those of all bytes above.
		__m128i printable = _mm_cmpgt_epi8(_mm_add_epi8(x, one), blank);

		word |= (uint64_t)(uint32_t)_mm_movemask_epi8(printable) << i;
	}
	return ~word;
}
#else
static inline uint64_t block_lfs(const uint8_t *p)
{
	return block_lfs_scalar(p);
}

static inline uint64_t block_others(const uint8_t *p)
{
	return block_others_scalar(p);
}
#endif

typedef uint64_t block_word(const uint8_t *p);

// The word of the bytes from i on, of which there is one at least; what is behind them has no bits.
static __attribute__((always_inline)) inline uint64_t word_at(block_word *block, const uint8_t *p,
							      uint32_t len, uint32_t i)
{
	uint8_t few[BLOCK];

	if (likely(len - i >= BLOCK))
		return block(p + i);
	if (likely(len >= BLOCK))
		return block(p + len - BLOCK) >> (BLOCK - (len - i));
	memset(few, ' ', sizeof(few));
	memcpy(few, p, len);
	return block(few) >> i;
}

uint32_t http1_text_end(const uint8_t *p, uint32_t len, uint32_t from)
{
	uint64_t before = 0; // what the LFs of the block before mean in this one

	for (uint64_t i = from; i < len; i += BLOCK) {
		uint64_t lf = word_at(block_lfs, p, len, (uint32_t)i);
		// With another one right before it, or one byte further.
		uint64_t second = lf & (lf << 1 | lf << 2 | before);

		for (; second; second &= second - 1) {
			uint32_t at = (uint32_t)i + (uint32_t)__builtin_ctzll(second);

			if (is_line_end(p[at - 1]))
				return at + 1;
		}
		before = lf >> 62 | lf >> 63;
	}
	return 0;
}

bool http1_text_lines(struct span s, struct http1_lines *out)
{
	uint64_t split = 0; // the block before ended between CR and LF
	uint32_t n = 0;

	if (s.len > UINT16_MAX)
		return false;
	for (uint32_t i = 0; i < s.len; i += BLOCK) {
		uint64_t others = word_at(block_others, s.p, s.len, i);

		others &= ~split;
		split = others >> (BLOCK - 1) && s.p[i + BLOCK - 1] == '\r';
		for (; others; others &= others - 1, others &= others - 1) {
			uint32_t at = i + (uint32_t)__builtin_ctzll(others);

			if (n == HTTP1_LINES || s.len - at < 2 || s.p[at] != '\r' ||
			    s.p[at + 1] != '\n')
				return false;
			out->end[n++] = (uint16_t)at;
		}
	}
	out->n = n;
	return true;
}

// ---- control characters

static void controls_scalar(const uint8_t *p, uint32_t len, struct http1_controls *out)
{
	for (uint32_t i = 0; i < len; i++) {
		uint8_t c = p[i];

		out->crs += c == '\r';
		out->nul |= c == 0;
		out->others |= (c < 0x20 && c != '\t' && !is_line_end(c)) || c == 0x7f;
	}
}

#ifdef __SSE2__
// Blocks of 16 bytes; returns how many bytes were looked at. NULs are only told from other control
// characters when there are any, which is rare.
static uint32_t controls_blocks(const uint8_t *p, uint32_t len, struct http1_controls *out)
{
	const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), tab = _mm_set1_epi8('\t');
	const __m128i last = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f),
		      zero = _mm_setzero_si128();
	__m128i others = zero, crs = zero;
	uint32_t i = 0;

	while (len - i >= 16) {
		__m128i some = zero; // counts in bytes: 255 turns at most

		for (uint32_t turn = 0; turn < 255 && len - i >= 16; turn++, i += 16) {
			__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
			__m128i is_cr = _mm_cmpeq_epi8(x, cr);
			__m128i fine = _mm_or_si128(_mm_cmpeq_epi8(x, lf), _mm_cmpeq_epi8(x, tab));
			__m128i low = _mm_cmpeq_epi8(_mm_max_epu8(x, last), last);

			low = _mm_andnot_si128(_mm_or_si128(fine, is_cr), low);
			others = _mm_or_si128(others, _mm_or_si128(low, _mm_cmpeq_epi8(x, del)));
			some = _mm_sub_epi8(some, is_cr);
		}
		crs = _mm_add_epi64(crs, _mm_sad_epu8(some, zero));
	}
	if (_mm_movemask_epi8(others)) {
		controls_scalar(p, i, out);
		return i;
	}
	out->crs = (uint32_t)_mm_cvtsi128_si32(crs) +
		   (uint32_t)_mm_cvtsi128_si32(_mm_unpackhi_epi64(crs, crs));
	return i;
}

// The same, 32 bytes a turn.
__attribute__((target("avx2"))) static uint32_t controls_wide(const uint8_t *p, uint32_t len,
							      struct http1_controls *out)
{
	const __m256i cr = _mm256_set1_epi8('\r'), lf = _mm256_set1_epi8('\n');
	const __m256i tab = _mm256_set1_epi8('\t'), last = _mm256_set1_epi8(0x1f);
	const __m256i del = _mm256_set1_epi8(0x7f), zero = _mm256_setzero_si256();
	__m256i others = zero, crs = zero;
	uint32_t i = 0;

	while (len - i >= 32) {
		__m256i some = zero; // counts in bytes: 255 turns at most

		for (uint32_t turn = 0; turn < 255 && len - i >= 32; turn++, i += 32) {
			__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
			__m256i is_cr = _mm256_cmpeq_epi8(x, cr);
			__m256i fine =
				_mm256_or_si256(_mm256_cmpeq_epi8(x, lf), _mm256_cmpeq_epi8(x, tab));
			__m256i low = _mm256_cmpeq_epi8(_mm256_max_epu8(x, last), last);

			low = _mm256_andnot_si256(_mm256_or_si256(fine, is_cr), low);
			others = _mm256_or_si256(others,
						 _mm256_or_si256(low, _mm256_cmpeq_epi8(x, del)));
			some = _mm256_sub_epi8(some, is_cr);
		}
		crs = _mm256_add_epi64(crs, _mm256_sad_epu8(some, zero));
	}
	if (_mm256_movemask_epi8(others)) {
		controls_scalar(p, i, out);
		return i;
	}
	__m128i sum = _mm_add_epi64(_mm256_castsi256_si128(crs), _mm256_extracti128_si256(crs, 1));

	out->crs = (uint32_t)_mm_cvtsi128_si32(sum) +
		   (uint32_t)_mm_cvtsi128_si32(_mm_unpackhi_epi64(sum, sum));
	return i;
}
#endif

#ifdef __SSE2__
static uint32_t controls_vectors(const uint8_t *p, uint32_t len, struct http1_controls *out)
{
	return __builtin_cpu_supports("avx2") ? controls_wide(p, len, out)
					      : controls_blocks(p, len, out);
}

struct http1_controls http1_text_controls(struct span s)
{
	struct http1_controls out = {0}, rest = {0};
	uint32_t i = controls_vectors(s.p, s.len, &out);
	uint8_t padded[32];

	if (i == s.len)
		return out;
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, s.p + i, s.len - i);
	controls_vectors(padded, sizeof(padded), &rest);
	out.crs += rest.crs;
	out.nul |= rest.nul;
	out.others |= rest.others;
	return out;
}
#else
struct http1_controls http1_text_controls(struct span s)
{
	struct http1_controls out = {0};

	controls_scalar(s.p, s.len, &out);
	return out;
}
#endif
