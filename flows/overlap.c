// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The stream is cut into blocks of 1 KiB by sequence number, these into words of 4 bytes. The sum
// is that of r(block) * k(word in block) * word modulo the prime 2^32 - 5, with secret r and k:
// other bytes have the same sum with a probability of about 2^-26, whatever an attacker knows of
// the bytes. SSE2 takes 16 bytes a turn, AVX2 32; 26-bit keys keep 64 products within 64 bits.

#include "flows/overlap.h"

#include "dataplane/hash.h"

#include <immintrin.h>
#include <string.h>

enum {
	KEY_BITS = 26,
	VECTOR = 16,
	WIDE = 128, // bytes from which on AVX2 pays
};

static const uint64_t prime = 0xfffffffb; // 2^32 - 5

void overlap_key_init(struct overlap_key *key, uint64_t seed)
{
	const uint32_t mask = (1u << KEY_BITS) - 1;

	key->seed = hash_mix(seed + 0x9e3779b97f4a7c15);
	for (uint32_t i = 0; i < OVERLAP_BLOCK / 4; i++)
		key->word[i] = ((uint32_t)hash_mix(key->seed + i) & mask) | 1;
}

// Adds 16 bytes that begin on a multiple of 16 in the block.
static void vector_add(__m128i acc[2], const uint32_t *key, __m128i bytes)
{
	__m128i k = _mm_load_si128((const __m128i *)(const void *)key);

	acc[0] = _mm_add_epi64(acc[0], _mm_mul_epu32(bytes, k));
	acc[1] = _mm_add_epi64(acc[1],
			       _mm_mul_epu32(_mm_srli_epi64(bytes, 32), _mm_srli_epi64(k, 32)));
}

static void vectors_sse2(__m128i acc[2], const uint32_t *key, const uint8_t *p, uint32_t n)
{
	for (; n >= VECTOR; p += VECTOR, key += VECTOR / 4, n -= VECTOR)
		vector_add(acc, key, _mm_loadu_si128((const __m128i *)(const void *)p));
}

// The same. n: a multiple of VECTOR, up to a block.
__attribute__((target("avx2"))) static void vectors_avx2(__m128i acc[2], const uint32_t *key,
							 const uint8_t *p, uint32_t n)
{
	__m256i even = _mm256_setzero_si256(), odd = even;

	for (; n >= 2 * VECTOR; p += 2 * VECTOR, key += 2 * VECTOR / 4, n -= 2 * VECTOR) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
		__m256i k = _mm256_loadu_si256((const __m256i *)(const void *)key);

		even = _mm256_add_epi64(even, _mm256_mul_epu32(x, k));
		odd = _mm256_add_epi64(odd, _mm256_mul_epu32(_mm256_srli_epi64(x, 32),
							     _mm256_srli_epi64(k, 32)));
	}
	acc[0] = _mm_add_epi64(acc[0], _mm_add_epi64(_mm256_castsi256_si128(even),
						     _mm256_extracti128_si256(even, 1)));
	acc[1] = _mm_add_epi64(acc[1], _mm_add_epi64(_mm256_castsi256_si128(odd),
						     _mm256_extracti128_si256(odd, 1)));
	if (n)
		vector_add(acc, key, _mm_loadu_si128((const __m128i *)(const void *)p));
}

// n bytes, at most 15, that begin at `at` of a vector, zeros around them.
static __m128i vector_part(const uint8_t *p, uint32_t at, uint32_t n)
{
	unsigned __int128 part = span_rest(span_make(p, n < 8 ? n : 8), n < 8 ? n : 8);

	if (n > 8)
		part |= (unsigned __int128)span_rest(span_make(p, n), n - 8) << 64;
	part <<= 8 * at;
	return _mm_set_epi64x((long long)(part >> 64), (long long)part);
}

// n bytes from `at` on of one block.
static uint64_t block_sum(const struct overlap_key *key, uint32_t at, const uint8_t *p, uint32_t n)
{
	__m128i acc[2] = {_mm_setzero_si128(), _mm_setzero_si128()};
	uint32_t lead = at % VECTOR;
	uint64_t lane[4];

	if (lead) {
		uint32_t part = VECTOR - lead < n ? VECTOR - lead : n;

		vector_add(acc, key->word + (at - lead) / 4, vector_part(p, lead, part));
		p += part;
		at += part;
		n -= part;
	}
	uint32_t whole = n / VECTOR * VECTOR;

	if (whole >= WIDE && __builtin_cpu_supports("avx2"))
		vectors_avx2(acc, key->word + at / 4, p, whole);
	else
		vectors_sse2(acc, key->word + at / 4, p, whole);
	if (whole < n)
		vector_add(acc, key->word + (at + whole) / 4, vector_part(p + whole, 0, n - whole));
	_mm_storeu_si128((__m128i *)(void *)lane, acc[0]);
	_mm_storeu_si128((__m128i *)(void *)(lane + 2), acc[1]);
	return (lane[0] % prime + lane[1] % prime + lane[2] % prime + lane[3] % prime) % prime;
}

uint32_t overlap_sum(const struct overlap_key *key, uint32_t seq, struct span bytes)
{
	uint64_t sum = 0;

	for (uint32_t done = 0; done < bytes.len;) {
		uint32_t at = (seq + done) % OVERLAP_BLOCK, n = OVERLAP_BLOCK - at;
		uint64_t r = hash_mix(key->seed ^ (seq + done) / OVERLAP_BLOCK) >> 32 | 1;

		n = n < bytes.len - done ? n : bytes.len - done;
		sum += block_sum(key, at, bytes.p + done, n) * (r % prime) % prime;
		done += n;
	}
	return (uint32_t)(sum % prime);
}

static uint32_t sum_add(uint32_t a, uint32_t b)
{
	return (uint32_t)(((uint64_t)a + b) % prime);
}

static uint32_t ring(const struct overlap *o, uint32_t i)
{
	return (o->first + i) % OVERLAP_MARKS;
}

static void mark_push(struct overlap *o, uint32_t seq)
{
	if (o->n == OVERLAP_MARKS) {
		o->first = (uint8_t)ring(o, 1);
		o->n--;
	}
	o->seq[ring(o, o->n)] = seq;
	o->sum[ring(o, o->n)] = o->now;
	o->n++;
}

void overlap_delivered(struct overlap *o, uint32_t seq, uint32_t end, uint64_t sum)
{
	if (o->n == 0)
		mark_push(o, seq);
	o->now = sum_add(o->now, (uint32_t)(sum % prime));
	mark_push(o, end);
}

void overlap_reset(struct overlap *o, struct overlap_run *run)
{
	*o = (struct overlap){0};
	*run = (struct overlap_run){0};
}

// The first mark at or behind seq; n: none.
static uint32_t mark_find(const struct overlap *o, uint32_t seq)
{
	uint32_t i = 0;

	while (i < o->n && (int32_t)(o->seq[ring(o, i)] - seq) < 0)
		i++;
	return i;
}

bool overlap_differs(const struct overlap *o, struct overlap_run *run,
		     const struct overlap_key *key, uint32_t seq, struct span bytes)
{
	uint32_t i = mark_find(o, seq), end = seq + bytes.len;
	bool goes_on = run->from != run->to && run->to == seq && i > 0 && i < o->n &&
		       o->seq[ring(o, i - 1)] == run->from;
	bool differs = false;

	if (!goes_on) {
		if (i == o->n)
			return false;
		uint32_t from = o->seq[ring(o, i)];

		if ((int32_t)(from - end) >= 0)
			return false;
		*run = (struct overlap_run){.from = from, .to = from};
		i++;
	}
	// One turn for each mark that is passed.
	for (; i < o->n && run->to != end; i++) {
		uint32_t mark = o->seq[ring(o, i)];
		uint32_t to = (int32_t)(mark - end) < 0 ? mark : end;
		struct span part = span_make(bytes.p + (run->to - seq), to - run->to);

		run->sum = sum_add(run->sum, overlap_sum(key, run->to, part));
		run->to = to;
		if (to != mark)
			break;
		differs |= sum_add(o->sum[ring(o, i - 1)], run->sum) != o->sum[ring(o, i)];
		*run = (struct overlap_run){.from = mark, .to = mark};
	}
	return differs;
}
