// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bodies that are shown in another form than they came in: UTF-16, and gRPC with compressed messages
// or in base64. The same values for every cutting; length and hash are those of what came.

#include "tests/unit/body_harness.h"

#include <brotli/encode.h>
#include <zstd.h>

static uint8_t wide[8192];
static uint32_t wide_len;

static void put16(uint32_t unit, bool big)
{
	wide[wide_len++] = (uint8_t)(big ? unit >> 8 : unit);
	wide[wide_len++] = (uint8_t)(big ? unit : unit >> 8);
}

static void widen(const char *text, bool big, bool mark)
{
	wide_len = 0;
	if (mark)
		put16(0xfeff, big);
	for (; *text; text++)
		put16((uint8_t)*text, big);
}

// The same in every cutting; what came is what is counted.
static void expect_wide(const char *type, const char *values)
{
	for (uint32_t size = 1; size <= wide_len; size++) {
		feed(type, NULL, wide, wide_len, size);
		if (strcmp(log_text, values) != 0)
			fail_msg("size %u: got\n%swanted\n%s", size, log_text, values);
		assert_true(msg->viewed);
		assert_int_equal(msg->body_len, wide_len);
		assert_int_equal(msg->view_len, shown_to);
		assert_true(hash_is(wide, wide_len));
		assert_false(msg->anomalies >> ANOMALY_BODY_MALFORMED & 1);
	}
}

static void test_utf16(void **)
{
	limits_reset();
	for (uint32_t i = 0; i < 4; i++) {
		widen(DOC, i & 1, i & 2);
		expect_wide("application/json", DOC_LOG);
		assert_int_equal(msg->body_kept, strlen(DOC));
		assert_memory_equal(msg->body, DOC, strlen(DOC));
		if (i & 2) // by its mark, and then as any JSON
			expect_wide(NULL, DOC_LOG);
	}
	widen("<a><b>c</b></a>", true, true);
	expect_wide("text/xml", "s 6 $.a|b=c\n");
	// Behind a content coding.
	widen(DOC, false, true);
	size_t n = encode(wide, wide_len, 31, coded);

	for (size_t size = 1; size <= n; size++) {
		feed("application/json", "gzip", coded, n, size);
		assert_string_equal(log_text, DOC_LOG);
		assert_int_equal(msg->body_len, wide_len);
	}
}

static void test_utf16_characters(void **)
{
	static const uint32_t units[] = {'[',    '"',    0xe9,   0x20ac, 0xd83d,
					 0xde00, 0xdc00, 0xd800, 'x',    0xd800,
					 0xd83d, 0xde00, '"',    ']',    0xd800};

	limits_reset();
	for (uint32_t big = 0; big < 2; big++) {
		wide_len = 0;
		for (uint32_t i = 0; i + 1 < sizeof(units) / sizeof(units[0]); i++)
			put16(units[i], big);
		expect_wide("application/json", "s 2 $[]|=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
						"\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd"
						"\xf0\x9f\x98\x80\n");
		wide[wide_len++] = 0xd8; // and half a character
		expect_wide("application/json", log_text);
	}
}

// As they are: text without a mark, types that are no text, a body of one byte.
static void test_not_wide(void **)
{
	limits_reset();
	widen("plain", false, false);
	feed("text/plain", NULL, wide, wide_len, 3);
	assert_false(msg->viewed);
	feed("application/octet-stream", NULL,
	     "\xff\xfe"
	     "a\0b\0",
	     6, 3);
	assert_false(msg->viewed);
	for (size_t size = 1; size < 4; size++) {
		feed("application/json", NULL, "7", 1, size);
		assert_string_equal(log_text, "n 0 $|=7\n");
		feed("application/json", NULL, "[1]", 3, size);
		assert_string_equal(log_text, "n 1 $[]|=1\n");
	}
	feed("application/json", NULL, "", 0, 1);
	assert_int_equal(n_windows, 0);
	// A hole: where the next character begins is not known.
	struct body *body = begin("application/json", NULL);

	widen(DOC, false, false);
	give(body, wide, 60);
	body_gap(&env, body, 4);
	give(body, wide + 64, wide_len - 64);
	finish(body, true);
	assert_int_equal(n_values, 2); // the second one as far as it came
	body = begin("application/json", NULL);
	give(body, "[", 1);
	body_gap(&env, body, 4);
	give(body, "\0\"secret\"", 9);
	finish(body, true);
	assert_int_equal(shown_to, 14);
}

// ---- gRPC

static uint8_t frames[1 << 16];
static uint32_t frames_len;

static void put_frame(uint8_t flags, const void *p, size_t n)
{
	frames[frames_len++] = flags;
	for (int shift = 24; shift >= 0; shift -= 8)
		frames[frames_len++] = (uint8_t)(n >> shift);
	memcpy(frames + frames_len, p, n);
	frames_len += (uint32_t)n;
}

static size_t pack(const char *coding, const char *text, uint8_t *to)
{
	size_t n = strlen(text), room = 1000;

	if (strcmp(coding, "br") == 0) {
		assert_true(BrotliEncoderCompress(5, 18, BROTLI_MODE_GENERIC, n,
						  (const uint8_t *)text, &room, to));
		return room;
	}
	if (strcmp(coding, "zstd") == 0)
		return ZSTD_compress(to, room, text, n, 3);
	return encode(text, n, strcmp(coding, "gzip") ? 15 : 31, to);
}

static void put_packed(const char *coding, const char *text)
{
	put_frame(1, coded, pack(coding, text, coded));
}

static void expect_frames(const char *type, const char *values)
{
	for (uint32_t size = 1; size <= frames_len; size++) {
		feed(type, NULL, frames, frames_len, size);
		if (strcmp(log_text, values) != 0)
			fail_msg("%s, size %u: got\n%swanted\n%s", grpc_encoding, size, log_text,
				 values);
		assert_int_equal(msg->body_len, frames_len);
		assert_true(hash_is(frames, frames_len));
	}
}

// \n begins a string of ten bytes in field 1.
#define HELLO     "\n\x0ahello you!"
#define HELLO_LOG "s 2 $|f1=hello you!\n"

static void test_grpc(void **)
{
	static const char *const codings[] = {"gzip", "deflate", "br", "zstd"};

	limits_reset();
	for (uint32_t i = 0; i < 4; i++) {
		grpc_encoding = codings[i];
		frames_len = 0;
		put_packed(codings[i], HELLO);
		put_frame(0, "\x12\x03you", 5); // not compressed
		put_frame(1, "", 0);
		put_packed(codings[i], "\x1a\x04"
				       "mail");
		put_frame(0x80, "grpc-status: 0\r\n", 16);
		expect_frames("application/grpc", HELLO_LOG "s 14 $|f2=you\ns 19 $|f3=mail\n");
		assert_int_equal(msg->anomalies, 0);
		assert_int_equal(env.stats.body_skipped_bytes, 16);
		assert_int_equal(msg->view_len, 23);
		assert_memory_equal(msg->body, HELLO "\x12\x03you", 17);
		expect_frames("application/grpc-web+proto",
			      HELLO_LOG "s 14 $|f2=you\ns 19 $|f3=mail\n");
		assert_int_equal(tx.grpc_status, 0);
	}
	// The status is that of trailers, not of what looks like them.
	grpc_encoding = NULL;
	frames_len = 0;
	put_frame(0, HELLO, 12);
	put_frame(0, "\x0a\x0egrpc-status: 3", 16);
	put_frame(0x80, "grpc-message: no\r\ngrpc-status: 5\r\n", 34);
	expect_frames("application/grpc-web+proto", HELLO_LOG "s 14 $|f1=grpc-status: 3\n");
	assert_int_equal(tx.grpc_status, 5);
	// Messages of another kind, each on its own.
	grpc_encoding = NULL;
	frames_len = 0;
	put_frame(0, "{\"a\":1}", 7);
	put_frame(0, "{\"b\":", 5); // not whole
	put_frame(0, "{\"c\":\"x\"}", 9);
	expect_frames("application/grpc+json", "n 5 $|a=1\ns 18 $|c=x\n");
	expect_frames("application/grpc-web+json; charset=utf-8", "n 5 $|a=1\ns 18 $|c=x\n");
	// The usual case is not looked at in this way.
	grpc_encoding = "identity";
	feed("application/grpc", NULL, "\0\0\0\0\x0c" HELLO, 17, 3);
	assert_string_equal(log_text, "s 7 $|f1=hello you!\n");
	assert_false(msg->viewed);
	grpc_encoding = NULL;
}

static void test_grpc_damaged(void **)
{
	limits_reset();
	// A coding that is not decoded costs only compressed messages.
	grpc_encoding = "snappy";
	frames_len = 0;
	put_frame(1, "???", 3);
	put_frame(0, HELLO, 12);
	expect_frames("application/grpc", HELLO_LOG);
	assert_true(msg->anomalies >> ANOMALY_CODING_UNKNOWN & 1);
	assert_int_equal(env.stats.body_skipped_bytes, 3);
	// Damaged, cut off by its length, or not compressed at all: only that message is lost.
	grpc_encoding = "deflate";
	for (uint32_t i = 0; i < 2; i++) {
		size_t n = pack(grpc_encoding, "\n\x40" HELLO HELLO HELLO, coded);

		frames_len = 0;
		put_frame(1, i ? coded : (const uint8_t *)"\x78\x9c\xff\xff\xff", i ? n - 6 : 5);
		put_packed(grpc_encoding, HELLO);
		for (uint32_t size = 1; size <= frames_len; size++) {
			feed("application/grpc", NULL, frames, frames_len, size);
			assert_true(msg->anomalies >> ANOMALY_CODING_ERROR & 1);
			assert_non_null(strstr(log_text, "f1=hello you!\n"));
		}
	}
	// These are no messages.
	feed("application/grpc", NULL, "GET / HTTP", 10, 3);
	assert_true(msg->anomalies >> ANOMALY_BODY_MALFORMED & 1);
	assert_int_equal(n_values, 0);
	// Nothing is known behind a hole, and a message may be cut off by the end.
	frames_len = 0;
	put_packed(grpc_encoding, HELLO);
	put_packed(grpc_encoding, HELLO);
	struct body *body = begin("application/grpc", NULL);

	give(body, frames, frames_len / 2 + 7);
	body_gap(&env, body, 2);
	give(body, frames + frames_len / 2 + 9, frames_len / 2 - 9);
	finish(body, true);
	assert_string_equal(log_text, HELLO_LOG);
	for (uint32_t n = 1; n < frames_len; n++) {
		body = begin("application/grpc", NULL);
		give(body, frames, n);
		finish(body, true);
		assert_true(n_values <= 2);
	}
	// No decoder is free.
	void *taken[3];

	for (uint32_t i = 0; i < 3; i++)
		taken[i] = pool_get(&env.inflate);
	body = begin("application/grpc", NULL);
	give(body, frames, frames_len);
	assert_true(msg->anomalies >> ANOMALY_CODING_UNKNOWN & 1);
	assert_int_equal(n_values, 0);
	for (uint32_t i = 0; i < 3; i++)
		pool_put(&env.inflate, taken[i]);
	finish(body, true);
	grpc_encoding = NULL;
}

static void test_grpc_bomb(void **)
{
	static char zeros[1 << 20];

	limits_reset();
	memset(zeros, 'a', sizeof(zeros) - 1);
	grpc_encoding = "gzip";
	for (uint32_t round = 0; round < 2; round++) {
		env.limits.inflate_bytes = round ? 1 << 20 : 100000;
		env.limits.inflate_ratio = round ? 200 : 0;
		frames_len = 0;
		put_packed("gzip", HELLO);
		size_t n = encode(zeros, sizeof(zeros), 31, coded);

		put_frame(1, coded, n);
		put_packed("gzip", HELLO);
		uint64_t len = 0;

		for (uint32_t size = 1; size <= frames_len; size = size * 3 + 1) {
			feed("application/grpc", NULL, frames, frames_len, size);
			assert_true(msg->anomalies >> ANOMALY_DECOMPRESSION_BOMB & 1);
			assert_int_equal(env.stats.body_bombs, 1);
			assert_true(!len || len == msg->view_len);
			len = msg->view_len;
		}
		assert_true(round ? len > 64 << 10 && len < 1 << 20 : len == 100000);
	}
	grpc_encoding = NULL;
}

// ---- base64

static uint32_t base64(const uint8_t *p, uint32_t n, char *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t len = 0;

	for (uint32_t i = 0; i < n; i += 3) {
		uint32_t bits = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
				(i + 2 < n ? p[i + 2] : 0);

		for (uint32_t k = 0; k < 4; k++)
			to[len++] = i + k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
	}
	return len;
}

static void test_grpc_text(void **)
{
	static char text[4096];

	limits_reset();
	grpc_encoding = "gzip";
	frames_len = 0;
	put_packed("gzip", HELLO);
	put_frame(0, "\x12\x03you", 5);
	put_frame(0x80, "grpc-status: 7\r\n", 16);
	// Whole, and in chunks of any size, each padded on its own.
	for (uint32_t chunk = 1; chunk <= frames_len; chunk++) {
		uint32_t n = 0;

		for (uint32_t at = 0; at < frames_len; at += chunk)
			n += base64(frames + at, chunk < frames_len - at ? chunk : frames_len - at,
				    text + n);
		for (uint32_t size = 1; size < n; size += size < 8 ? 1 : 37) {
			feed(chunk & 1 ? "application/grpc-web-text"
				       : "application/grpc-web-text+proto",
			     NULL, text, n, size);
			assert_string_equal(log_text, HELLO_LOG "s 14 $|f2=you\n");
			assert_int_equal(msg->body_len, n);
			assert_int_equal(msg->anomalies, 0);
			assert_int_equal(tx.grpc_status, 7);
		}
	}
	grpc_encoding = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf16),        cmocka_unit_test(test_utf16_characters),
		cmocka_unit_test(test_not_wide),     cmocka_unit_test(test_grpc),
		cmocka_unit_test(test_grpc_damaged), cmocka_unit_test(test_grpc_bomb),
		cmocka_unit_test(test_grpc_text),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
