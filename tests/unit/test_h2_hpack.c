// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The header decoder of an onlooker: with nothing missed it tells what nghttp2's encoder was given;
// after lost blocks each field is right or known to be unknown, never wrong; its memory is bounded
// and comes back; the arena hands out what it was asked for.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flows/h2_hpack.c"

static struct flow_env env;
static alignas(16) uint8_t home[HPACK_HOME];
static struct hpack hpack;
static nghttp2_hd_deflater *encoder;
static uint8_t block[300 << 10];
static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((random_state >> 33) % n);
}

static struct pool *blocks(void)
{
	for (uint32_t i = 0; i < parser_count(); i++) {
		if (parser_get(i) == &h2_parser)
			return &env.blocks[i];
	}
	return NULL;
}

static int setup(void **)
{
	assert_non_null(blocks());
	return pool_init(blocks(), HPACK_BLOCK, 12);
}

// ---- what was sent, and what is told of it

struct field {
	char name[40], value[80];
};

static struct field sent[32];
static uint32_t n_sent, n_told, n_unknown, n_wrong, n_right;

static void on_field(void *, struct span name, struct span value, bool unknown)
{
	uint32_t i = n_told++;

	assert_true(i < n_sent);
	if (unknown)
		n_unknown++;
	else if (span_eq(name, span_make(sent[i].name, strlen(sent[i].name))) &&
		 span_eq(value, span_make(sent[i].value, strlen(sent[i].value))))
		n_right++;
	else
		n_wrong++;
}

static void encoder_new(uint32_t table)
{
	if (encoder)
		nghttp2_hd_deflate_del(encoder);
	assert_int_equal(nghttp2_hd_deflate_new(&encoder, 1 << 20), 0);
	if (table != 4096)
		assert_int_equal(nghttp2_hd_deflate_change_table_size(encoder, table), 0);
}

// A block of random fields, some of them seldom seen, some often.
static uint32_t next_block(uint32_t most)
{
	nghttp2_nv nv[32];

	n_sent = 1 + random_below(most);
	for (uint32_t i = 0; i < n_sent; i++) {
		uint32_t kind = random_below(4);

		snprintf(sent[i].name, sizeof(sent[i].name), "x-%u",
			 random_below(kind ? 20 : 5000));
		snprintf(sent[i].value, sizeof(sent[i].value), "%s-%u",
			 kind == 1 ? "a-rather-long-value-that-fills-the-table" : "v",
			 random_below(kind == 2 ? 100000 : 6));
		nv[i] = (nghttp2_nv){(uint8_t *)sent[i].name, (uint8_t *)sent[i].value,
				     strlen(sent[i].name), strlen(sent[i].value),
				     random_below(10) ? 0 : NGHTTP2_NV_FLAG_NO_INDEX};
	}
	ssize_t len = nghttp2_hd_deflate_hd(encoder, block, sizeof(block), nv, n_sent);

	assert_true(len > 0);
	return (uint32_t)len;
}

static enum hpack_result decode_block(uint32_t len)
{
	enum hpack_result result = HPACK_GOOD;

	n_told = 0;
	for (uint32_t at = 0; at < len && result == HPACK_GOOD;) {
		uint32_t n = 1 + random_below(40);

		n = n < len - at ? n : len - at;
		result = hpack_decode(&hpack, span_make(block + at, n), at + n == len, on_field,
				      NULL);
		at += n;
	}
	if (result != HPACK_GOOD)
		hpack_decode(&hpack, (struct span){0}, true, on_field, NULL);
	return result;
}

static void test_all(void **)
{
	encoder_new(4096);
	hpack_open(&hpack, &env, home, false);
	n_right = n_unknown = n_wrong = 0;
	for (uint32_t i = 0; i < 4000; i++) {
		assert_int_equal(decode_block(next_block(10)), HPACK_GOOD);
		assert_int_equal(n_told, n_sent);
	}
	assert_int_equal(n_unknown, 0);
	assert_int_equal(n_wrong, 0);
	assert_true(hpack.arena.n_extra <= HPACK_EXTRA);
	hpack_close(&hpack);
	assert_int_equal(blocks()->used, 0);
}

// Blocks are lost at random. More than 20,000 fields, none of them wrong.
static void lossy(uint32_t table, uint32_t lost_of_100)
{
	uint32_t good = 0;

	encoder_new(table);
	hpack_open(&hpack, &env, home, false);
	n_right = n_unknown = n_wrong = 0;
	for (uint32_t i = 0; i < 8000; i++) {
		uint32_t len = next_block(8);

		if (random_below(100) < lost_of_100)
			hpack_missed(&hpack);
		else
			good += decode_block(len) == HPACK_GOOD;
	}
	assert_int_equal(n_wrong, 0);
	assert_true(n_right + n_unknown > 20000);
	assert_true(n_right > 4000); // what is indexed and never sent again stays unknown
	assert_true(good > 6000);
	hpack_close(&hpack);
	assert_int_equal(blocks()->used, 0);
}

static void test_lossy(void **)
{
	lossy(4096, 3);
	lossy(4096, 15);
	lossy(256, 10);
	lossy(0, 10);
}

// Without starting anew values would be wrong: the test can fail.
static void test_lossy_matters(void **)
{
	encoder_new(4096);
	hpack_open(&hpack, &env, home, false);
	n_right = n_unknown = n_wrong = 0;
	for (uint32_t i = 0; i < 2000 && !hpack.lost; i++) {
		uint32_t len = next_block(8);

		if (random_below(100) >= 3)
			decode_block(len);
	}
	assert_true(n_wrong > 0);
	hpack_close(&hpack);
}

// Joined in the middle: with a table of 4 KiB at once, with a larger one after the first reference
// that is beyond it.
static void test_midstream(void **)
{
	static const uint32_t tables[] = {4096, 65536};

	for (uint32_t i = 0; i < 2; i++) {
		encoder_new(tables[i]);
		n_right = n_unknown = n_wrong = 0;
		for (uint32_t k = 0; k < 2000; k++)
			next_block(10);
		hpack_open(&hpack, &env, home, true);
		uint32_t bad = 0;

		for (uint32_t k = 0; k < 5000; k++)
			bad += decode_block(next_block(6)) != HPACK_GOOD;
		assert_int_equal(n_wrong, 0);
		assert_true(n_right > (i ? 2000 : 10000));
		assert_true(bad <= i);
		assert_true(n_unknown > 0);
		// By now the table holds what was seen.
		uint32_t before = n_unknown;

		for (uint32_t k = 0; k < 500; k++)
			decode_block(next_block(6));
		assert_true(i == 1 || n_unknown == before);
		hpack_close(&hpack);
		assert_int_equal(blocks()->used, 0);
	}
}

// ---- errors and bounds

static void test_bad(void **)
{
	static const struct {
		const char *bytes;
		uint32_t len;
	} bad[] = {
		{"\x80", 1}, // index 0
		{"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9},
		{"\x00\x7f\xe1\xff\xff\xff\x03x", 8}, // longer than the block
		{"\xbe", 1},                          // an empty table has no entry
		{"\x40", 1},                          // ends too early
		{"\x3f\xe2\xff\x03", 4},              // a larger table than can be
		{"\x82\x20", 2},                      // a table size behind a field
	};

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (uint32_t size = 1; size <= bad[i].len; size++) {
			enum hpack_result result = HPACK_GOOD;

			hpack_open(&hpack, &env, home, false);
			n_sent = 32;
			n_told = 0;
			for (uint32_t at = 0; at < bad[i].len; at += size) {
				uint32_t n = bad[i].len - at < size ? bad[i].len - at : size;

				result |= hpack_decode(&hpack, span_make(bad[i].bytes + at, n),
						       at + n == bad[i].len, on_field, NULL);
			}
			assert_int_not_equal(result, HPACK_GOOD);
			// A receiver ends the connection here.
			assert_true(hpack.lost);
			assert_int_not_equal(
				hpack_decode(&hpack, SPAN_LIT("\x82"), true, on_field, NULL),
				HPACK_GOOD);
			hpack_close(&hpack);
			assert_int_equal(blocks()->used, 0);
		}
	}
}

// After a loss errors are expected, but not for ever.
static void test_retries(void **)
{
	uint32_t tries = 0;

	hpack_open(&hpack, &env, home, true);
	n_sent = 32;
	for (; tries < 100 && !hpack.lost; tries++)
		hpack_decode(&hpack, SPAN_LIT("\xff\xff\xff\xff\x0f"), true, on_field, NULL);
	assert_int_equal(tries, HPACK_RETRIES + 1);
	hpack_close(&hpack);
	assert_int_equal(blocks()->used, 0);
}

static void count_field(void *arg, struct span, struct span, bool)
{
	++*(uint32_t *)arg;
}

// Values of all sizes, table sizes up and down: the arena stays within its blocks, and when it is
// used up that is an error like others.
static void test_memory(void **)
{
	static char value[40000];
	uint32_t fields = 0, good = 0, memory = 0;

	memset(value, 'v', sizeof(value));
	hpack_open(&hpack, &env, home, true);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t n = random_below(random_below(20) ? 300 : 40000), at = 0;

		if (random_below(50) == 0) // the table is emptied and as large as can be
			at += (uint32_t)(mempcpy(mempcpy(block, "\x20", 1), "\x3f\xe1\xff\x03", 4) -
					 (void *)block);
		block[at++] = 0x40;
		block[at++] = 1;
		block[at++] = 'n';
		block[at++] = 0x7f;
		uint32_t left = n < 127 ? (n = 127, 0) : n - 127;

		for (; left >= 128; left >>= 7)
			block[at++] = (uint8_t)(left | 0x80);
		block[at++] = (uint8_t)left;
		memcpy(block + at, value, n);
		enum hpack_result result =
			hpack_decode(&hpack, span_make(block, at + n), true, count_field, &fields);

		good += result == HPACK_GOOD;
		memory += result == HPACK_MEMORY;
		assert_true(hpack.arena.n_extra <= HPACK_EXTRA);
		assert_true(blocks()->used <= HPACK_EXTRA);
		if (hpack.lost) // the test goes on with what a new connection would have
			hpack_open(&hpack, &env, home, (hpack_close(&hpack), true));
	}
	assert_true(good > 19000);
	assert_true(memory < 500);
	hpack_close(&hpack);
	assert_int_equal(blocks()->used, 0);
}

static void test_no_blocks(void **)
{
	static uint8_t large[60000];
	void *taken[12];
	uint32_t fields = 0;

	for (uint32_t i = 0; i < 12; i++)
		taken[i] = pool_get(blocks());
	memcpy(large, "\x40\x01n\x7f\xd1\xb3\x02", 7); // a value of 40,000 bytes
	hpack_open(&hpack, &env, home, false);
	assert_int_equal(hpack_decode(&hpack, span_make(large, 7), false, count_field, &fields),
			 HPACK_MEMORY);
	assert_int_equal(hpack_decode(&hpack, SPAN_LIT(""), true, count_field, &fields),
			 HPACK_UNKNOWN);
	assert_int_equal(hpack_decode(&hpack, SPAN_LIT("\x82"), true, count_field, &fields),
			 HPACK_GOOD);
	assert_int_equal(fields, 1);
	hpack_close(&hpack);
	for (uint32_t i = 0; i < 12; i++)
		pool_put(blocks(), taken[i]);
}

// Everything handed out is apart from the rest and large enough.
static void test_arena(void **)
{
	enum { N = 200 };
	uint8_t *p[N] = {0};
	size_t len[N] = {0};

	hpack_open(&hpack, &env, home, false);
	for (uint32_t turn = 0; turn < 20000; turn++) {
		uint32_t i = random_below(N);
		size_t n = 1 + random_below(random_below(10) ? 200 : 3000);

		for (size_t k = 0; k < len[i]; k++)
			assert_int_equal(p[i][k], (uint8_t)i);
		if (random_below(3) == 0) {
			arena_free(p[i], &hpack.arena);
			p[i] = NULL;
			len[i] = 0;
			continue;
		}
		uint8_t *q = arena_realloc(p[i], n, &hpack.arena);

		if (!q)
			continue;
		assert_int_equal((uintptr_t)q % 8, 0);
		for (size_t k = 0; k < len[i] && k < n; k++)
			assert_int_equal(q[k], (uint8_t)i);
		memset(q, (int)i, n);
		p[i] = q;
		len[i] = n;
	}
	for (size_t n = 1; n <= HPACK_BLOCK; n++) {
		size_t size;
		uint32_t class = class_of(n, &size);

		assert_true(class < HPACK_CLASSES && size >= n && size <= HPACK_BLOCK);
		assert_int_equal(class_size(class), size);
	}
	assert_null(arena_malloc(HPACK_BLOCK, &hpack.arena));
	assert_null(arena_calloc(SIZE_MAX / 2, 4, &hpack.arena));
	hpack_close(&hpack);
	assert_int_equal(blocks()->used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),           cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_lossy_matters), cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_bad),           cmocka_unit_test(test_retries),
		cmocka_unit_test(test_memory),        cmocka_unit_test(test_no_blocks),
		cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
