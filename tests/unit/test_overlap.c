// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Retransmissions against sums: equal bytes are never said to differ, however both copies were cut;
// other bytes are, wherever a whole segment of the first copy came again.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/hash.h"
#include "flows/overlap.c"

enum { STREAM = 6000 };

static struct overlap_key key;
static uint8_t stream[STREAM];
static uint64_t random_state;

static uint32_t below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static int fresh(void **)
{
	random_state = 1;
	overlap_key_init(&key, 42);
	for (uint32_t i = 0; i < STREAM; i++)
		stream[i] = (uint8_t)below(256);
	return 0;
}

// The same by long arithmetic, byte by byte.
static uint32_t slow_sum(uint32_t seq, const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < len; i++) {
		uint32_t at = seq + i;
		uint64_t r = (hash_mix(key.seed ^ at / OVERLAP_BLOCK) >> 32 | 1) % prime;
		uint64_t byte = (uint64_t)p[i] << 8 * (at % 4);

		sum += byte * key.word[at % OVERLAP_BLOCK / 4] % prime * r % prime;
	}
	return (uint32_t)(sum % prime);
}

static void test_sum(void **)
{
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t from = below(STREAM), len = below(i % 3 ? 40 : 3000);
		uint32_t seq = below(2) ? below(UINT32_MAX) : UINT32_MAX - below(2000);

		len = len < STREAM - from ? len : STREAM - from;
		assert_int_equal(overlap_sum(&key, seq, span_make(stream + from, len)),
				 slow_sum(seq, stream + from, len));
	}
	// The largest bytes do not overflow a lane.
	static uint8_t ones[OVERLAP_BLOCK];
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(overlap_sum(&key, 0, span_make(ones, sizeof(ones))),
			 slow_sum(0, ones, sizeof(ones)));
}

// Never reads what is not there: exact heap blocks, for ASan and valgrind.
static void test_bounds(void **)
{
	for (uint32_t len = 1; len < 70; len++) {
		uint8_t *p = malloc(len);

		assert_non_null(p);
		memcpy(p, stream, len);
		for (uint32_t seq = 0; seq < 17; seq++)
			assert_int_equal(overlap_sum(&key, seq, span_make(p, len)),
					 slow_sum(seq, p, len));
		free(p);
	}
}

static void deliver(struct overlap *o, uint32_t isn, uint32_t from, uint32_t to)
{
	overlap_delivered(o, isn + from, isn + to,
			  overlap_sum(&key, isn + from, span_make(stream + from, to - from)));
}

static bool again(const struct overlap *o, struct overlap_run *run, uint32_t isn, uint32_t from,
		  uint32_t to, const uint8_t *bytes)
{
	return overlap_differs(o, run, &key, isn + from, span_make(bytes, to - from));
}

// Any cuts of both copies, any order of the second.
static void test_equal(void **)
{
	for (uint32_t round = 0; round < 500; round++) {
		uint32_t isn = below(UINT32_MAX), next = 0;
		struct overlap_run run = {0};
		struct overlap o = {0};

		while (next < STREAM) {
			uint32_t to = next + 1 + below(round % 2 ? 1500 : 60);

			to = to < STREAM ? to : STREAM;
			deliver(&o, isn, next, to);
			next = to;
			for (uint32_t i = 0; i < 3; i++) {
				uint32_t from = next - below(next < 3000 ? next + 1 : 3000);

				to = from + below(next - from + 1);
				assert_false(again(&o, &run, isn, from, to, stream + from));
			}
		}
	}
}

// One byte is another one: found when the segments around it come again in order, cut anyhow.
static void test_other_byte(void **)
{
	for (uint32_t round = 0; round < 2000; round++) {
		uint32_t isn = UINT32_MAX - below(3000), size = 1 + below(1400), n = 1 + below(20);
		uint32_t len = size * n < STREAM ? size * n : STREAM / size * size;
		uint32_t recent = OVERLAP_MARKS - 1; // segments that are remembered
		uint32_t oldest = len / size > recent ? len / size - recent : 0;
		static uint8_t other[STREAM];
		struct overlap_run run = {0};
		struct overlap o = {0};
		bool differs = false;

		for (uint32_t from = 0; from < len; from += size)
			deliver(&o, isn, from, from + size);
		memcpy(other, stream, len);
		uint32_t at = oldest * size + below(len - oldest * size);
		other[at] ^= (uint8_t)(1u << below(8));
		for (uint32_t from = 0, to; from < len; from = to) {
			to = from + 1 + below(300);
			to = to < len ? to : len;
			differs |= again(&o, &run, isn, from, to, other + from);
		}
		assert_true(differs);
	}
}

// What the marks cannot tell is not said: a part of a segment, a segment too old, a hole.
static void test_not_judged(void **)
{
	uint8_t other[200];
	struct overlap_run run = {0};
	struct overlap o = {0};

	memset(other, 'x', sizeof(other));
	deliver(&o, 0, 0, 100);
	assert_false(again(&o, &run, 0, 10, 90, other));
	assert_false(again(&o, &run, 0, 0, 50, other));
	assert_false(again(&o, &run, 0, 60, 100, other)); // 50 to 60 did not come
	assert_true(again(&o, &run, 0, 0, 100, other));
	for (uint32_t i = 1; i < 20; i++)
		deliver(&o, 0, i * 100, i * 100 + 100);
	assert_false(again(&o, &run, 0, 0, 100, other));
	assert_true(again(&o, &run, 0, 1900, 2000, other));
	overlap_reset(&o, &run);
	assert_false(again(&o, &run, 0, 1900, 2000, other));
	deliver(&o, 0, 2000, 2100);
	assert_false(again(&o, &run, 0, 1900, 2000, other));
	assert_true(again(&o, &run, 0, 1950, 2100, other));
}

// Differences that cancel out in simple sums.
static void test_no_cancelling(void **)
{
	uint8_t bytes[4096], other[4096];

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = other[i] = (uint8_t)below(256);
	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t a = below(sizeof(bytes) - 4), b = below(sizeof(bytes) - 4);

		if (i % 2) // where the words of the key are the same
			b = (a + OVERLAP_BLOCK * (1 + below(2))) % (sizeof(bytes) - 4);
		memcpy(other + a, bytes + b, 4);
		memcpy(other + b, bytes + a, 4);
		if (memcmp(bytes, other, sizeof(bytes)) != 0)
			assert_int_not_equal(overlap_sum(&key, 7, span_make(bytes, sizeof(bytes))),
					     overlap_sum(&key, 7, span_make(other, sizeof(bytes))));
		memcpy(other, bytes, sizeof(bytes));
	}
}

static void test_twins(void **)
{
	static struct overlap_key twin;
	alignas(16) uint8_t bytes[OVERLAP_BLOCK + 16];

	overlap_key_init(&twin, 5);
	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 151 ^ i >> 3);
	if (!__builtin_cpu_supports("avx2"))
		skip();
	for (uint32_t at = 0; at < OVERLAP_BLOCK; at += VECTOR) {
		for (uint32_t n = 0; n <= OVERLAP_BLOCK - at; n += VECTOR) {
			__m128i a[2] = {_mm_setzero_si128(), _mm_setzero_si128()};
			__m128i b[2] = {_mm_setzero_si128(), _mm_setzero_si128()};
			uint64_t x[4], y[4];

			vectors_sse2(a, twin.word + at / 4, bytes + at % 13, n);
			vectors_avx2(b, twin.word + at / 4, bytes + at % 13, n);
			memcpy(x, a, sizeof(x));
			memcpy(y, b, sizeof(y));
			// AVX2 adds the two halves of a lane in another order.
			assert_int_equal(x[0] + x[1], y[0] + y[1]);
			assert_int_equal(x[2] + x[3], y[2] + y[3]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_twins),
		cmocka_unit_test_setup(test_sum, fresh),
		cmocka_unit_test_setup(test_bounds, fresh),
		cmocka_unit_test_setup(test_equal, fresh),
		cmocka_unit_test_setup(test_other_byte, fresh),
		cmocka_unit_test_setup(test_not_judged, fresh),
		cmocka_unit_test_setup(test_no_cancelling, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
