// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Frame headers: what they say, which are plausible, where they are found again among other bytes,
// and by what a connection is recognised.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flows/h2_frame.c"

static uint8_t bytes[1 << 18];
static uint32_t n;

static void frame(uint8_t type, uint8_t flags, uint32_t stream, uint32_t len)
{
	uint8_t head[9] = {(uint8_t)(len >> 16),
			   (uint8_t)(len >> 8),
			   (uint8_t)len,
			   type,
			   flags,
			   (uint8_t)(stream >> 24),
			   (uint8_t)(stream >> 16),
			   (uint8_t)(stream >> 8),
			   (uint8_t)stream};

	memcpy(bytes + n, head, 9);
	memset(bytes + n + 9, type == H2_HEADERS ? 0x82 : 0xa5, len);
	n += 9 + len;
}

// As of a size of its own, so that a sanitizer sees every byte read too far.
static enum probe probe(uint32_t len, enum dir dir)
{
	uint8_t *copy = malloc(len);

	memcpy(copy, bytes, len);
	enum probe result = h2_frame_probe(span_make(copy, len), dir);

	free(copy);
	return result;
}

static void test_parse(void **)
{
	n = 0;
	frame(H2_GOAWAY, 3, 0x80000102, 0x10203);
	struct h2_frame f = h2_frame_parse(bytes);

	assert_int_equal(f.len, 0x10203);
	assert_int_equal(f.type, H2_GOAWAY);
	assert_int_equal(f.flags, 3);
	assert_int_equal(f.stream, 0x102);
}

static void test_plausible(void **)
{
	static const struct {
		uint8_t type, flags;
		uint32_t stream, len;
		bool client, server;
	} cases[] = {
		{H2_DATA, 1, 5, 100, true, true},
		{H2_DATA, 0, 0, 100, false, false},
		{H2_DATA, 4, 5, 100, false, false},
		{H2_DATA, 0, 5, 16385, false, false},
		{H2_DATA, 0, 0x20000, 100, false, false}, // far from what is known
		{H2_HEADERS, 0x2d, 7, 20, true, true},
		{H2_HEADERS, 4, 6, 20, false, true},
		{H2_HEADERS, 4, 7, 0, false, false},
		{H2_PRIORITY, 0, 7, 5, true, true},
		{H2_PRIORITY, 0, 7, 6, false, false},
		{H2_RST_STREAM, 0, 7, 4, true, true},
		{H2_RST_STREAM, 0, 0, 4, false, false},
		{H2_SETTINGS, 0, 0, 12, true, true},
		{H2_SETTINGS, 1, 0, 0, true, true},
		{H2_SETTINGS, 1, 0, 6, false, false},
		{H2_SETTINGS, 0, 1, 6, false, false},
		{H2_PUSH_PROMISE, 4, 7, 30, false, true},
		{H2_PING, 1, 0, 8, true, true},
		{H2_PING, 0, 0, 9, false, false},
		{H2_GOAWAY, 0, 0, 8, true, true},
		{H2_GOAWAY, 0, 0, 7, false, false},
		{H2_WINDOW_UPDATE, 0, 0, 4, true, true},
		{H2_WINDOW_UPDATE, 0, 7, 4, true, true},
		{H2_CONTINUATION, 4, 7, 4, true, true},
		{H2_CONTINUATION, 1, 7, 4, false, false},
		{10, 0, 0, 4, false, false},
		{H2_PING, 0, 0x80000000, 8, false, false},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct h2_hint hint = {CLIENT, H2_FRAME_MAX, 9};

		n = 0;
		frame(cases[i].type, cases[i].flags, cases[i].stream, cases[i].len);
		assert_int_equal(h2_frame_plausible(bytes, &hint), cases[i].client);
		hint.dir = SERVER;
		assert_int_equal(h2_frame_plausible(bytes, &hint), cases[i].server);
	}
}

static void test_find(void **)
{
	struct h2_hint hint = {CLIENT, H2_FRAME_MAX, 9};
	uint32_t next, weight;

	// The end of a frame, then one that ends with the piece.
	memset(bytes, 'x', 500);
	n = 500;
	frame(H2_HEADERS, 5, 11, 40);
	assert_int_equal(h2_frame_find(span_make(bytes, n), &hint, &next, &weight), 500);
	// One that goes on in the next piece is not enough.
	assert_int_equal(h2_frame_find(span_make(bytes, n - 10), &hint, &next, &weight), n - 10);
	assert_int_equal(next, 10);
	assert_true(weight > 0);
	// But it is with one of another kind before it.
	n = 500;
	frame(H2_WINDOW_UPDATE, 0, 0, 4);
	frame(H2_DATA, 0, 7, 4000);
	assert_int_equal(h2_frame_find(span_make(bytes, 900), &hint, &next, &weight), 500);
	// Three of data.
	n = 100;
	for (uint32_t i = 0; i < 3; i++)
		frame(H2_DATA, 0, 7, 300);
	assert_int_equal(h2_frame_find(span_make(bytes, n + 100), &hint, &next, &weight), 100);
	// Nothing.
	for (uint32_t i = 0; i < 60000; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	assert_int_equal(h2_frame_find(span_make(bytes, 60000), &hint, &next, &weight), 60000);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(h2_frame_find(span_make(bytes, 60000), &hint, &next, &weight), 60000);
	assert_int_equal(weight, 0);
	for (uint32_t len = 0; len < 9; len++)
		assert_int_equal(h2_frame_find(span_make(bytes, len), &hint, &next, &weight), len);
}

static void test_probe(void **)
{
	memcpy(bytes, h2_preface, sizeof(h2_preface));
	for (uint32_t len = 1; len <= sizeof(h2_preface); len++) {
		assert_int_equal(probe(len, CLIENT), len < 14 ? PROBE_UNSURE : PROBE_CERTAIN);
		assert_int_equal(probe(len, SERVER), PROBE_NO);
	}
	memcpy(bytes, "POST / HTTP/1.1\r\n", 17);
	assert_int_equal(probe(1, CLIENT), PROBE_UNSURE);
	assert_int_equal(probe(2, CLIENT), PROBE_NO);
	n = 0;
	frame(H2_SETTINGS, 0, 0, 18);
	for (uint32_t len = 1; len <= n; len++) {
		assert_int_equal(probe(len, SERVER), len < 9 ? PROBE_UNSURE : PROBE_CERTAIN);
		assert_int_equal(probe(len, CLIENT), PROBE_NO);
	}
	n = 0;
	frame(H2_HEADERS, 4, 101, 30);
	frame(H2_DATA, 1, 101, 3000);
	assert_int_equal(probe(n, CLIENT), PROBE_CERTAIN);
	assert_int_equal(probe(1460, CLIENT), PROBE_CERTAIN);
	assert_int_equal(probe(39, CLIENT), PROBE_CERTAIN);
	assert_int_equal(probe(45, CLIENT), PROBE_NO);
	assert_int_equal(probe(n, SERVER), PROBE_NO);
	bytes[9] = 0x88; // :status 200
	assert_int_equal(probe(n, CLIENT), PROBE_NO);
	assert_int_equal(probe(n, SERVER), PROBE_CERTAIN);
	bytes[9] = 0xbe; // an entry of the table: nobody knows whose
	assert_int_equal(probe(n, CLIENT), PROBE_NO);
	assert_int_equal(probe(n, SERVER), PROBE_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_plausible),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
