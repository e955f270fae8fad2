// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Coded bodies: layers, labels that lie, damage, bombs, missing decoders, random everything.

#include "tests/unit/body_harness.h"

#include <brotli/encode.h>
#include <zstd.h>

static uint8_t twice[1 << 20];

static size_t encode_window(const void *p, size_t n, int quality, int window, uint8_t *to,
			    size_t room)
{
	assert_int_equal(
		BrotliEncoderCompress(quality, window, BROTLI_MODE_GENERIC, n, p, &room, to),
		BROTLI_TRUE);
	return room;
}

static size_t encode_br(const void *p, size_t n, int quality, uint8_t *to, size_t room)
{
	return encode_window(p, n, quality, BROTLI_DEFAULT_WINDOW, to, room);
}

static size_t encode_zstd(const void *p, size_t n, uint8_t *to, size_t room)
{
	size_t len = ZSTD_compress(to, room, p, n, 3);

	assert_false(ZSTD_isError(len));
	return len;
}

static bool anomaly(enum http_anomaly which)
{
	return msg->anomalies & UINT64_C(1) << which;
}

static void expect_doc(const char *coding, const uint8_t *bytes, size_t len)
{
	for (size_t size = 1; size <= len; size += size < 20 ? 1 : 31) {
		feed("application/json", coding, bytes, len, size);
		assert_string_equal(log_text, DOC_LOG);
		assert_true(hash_is(DOC, strlen(DOC)));
		assert_int_equal(msg->body_len, strlen(DOC));
		assert_int_equal(msg->anomalies & ~(UINT64_C(1) << ANOMALY_CODING_LAYERS), 0);
		assert_int_equal(env.stats.body_bytes, strlen(DOC));
		assert_int_equal(msg->body_kept, strlen(DOC));
		assert_memory_equal(msg->body, DOC, strlen(DOC));
	}
}

static void test_codings(void **)
{
	size_t len = strlen(DOC), n;

	limits_reset();
	n = encode(DOC, len, 31, coded);
	expect_doc("gzip", coded, n);
	expect_doc("X-GZIP", coded, n);
	expect_doc(" identity , gzip", coded, n);
	expect_doc(",gzip;q=1,", coded, n);
	expect_doc("identity", (const uint8_t *)DOC, len);
	expect_doc("", (const uint8_t *)DOC, len);
	n = encode(DOC, len, 15, coded);
	expect_doc("deflate", coded, n);
	n = encode(DOC, len, -15, coded);
	expect_doc("deflate", coded, n);
	// Members.
	n = encode(DOC, 20, 31, coded);
	n += encode((const uint8_t *)DOC + 20, len - 20, 31, coded + n);
	expect_doc("gzip", coded, n);
	// On top of each other, undone from the last.
	n = encode(DOC, len, 31, twice);
	n = encode(twice, n, 31, coded);
	expect_doc("gzip, gzip", coded, n);
	n = encode(DOC, len, -15, twice);
	n = encode(twice, n, 31, coded);
	expect_doc("deflate, gzip", coded, n);
	n = encode(DOC, len, 31, twice);
	n = encode(twice, n, 15, coded);
	expect_doc("gzip,deflate", coded, n);
	n = encode_zstd(DOC, len, coded, sizeof(coded));
	expect_doc("zstd", coded, n);
	n = encode(coded, n, 31, twice);
	expect_doc("zstd, gzip", twice, n);
	n = encode_br(DOC, len, 5, coded, sizeof(coded));
	expect_doc("br", coded, n);
	n = encode(coded, n, 31, twice);
	expect_doc("BR, gzip", twice, n);
	n = encode(DOC, len, 31, twice);
	n = encode(twice, n, 15, coded);
	n = encode_br(coded, n, 5, twice, sizeof(twice));
	expect_doc("gzip, deflate, br", twice, n);
	n = encode_br(DOC, len, 11, coded, sizeof(coded));
	n = encode_br(coded, n, 5, twice, sizeof(twice));
	n = encode_br(twice, n, 5, coded, sizeof(coded));
	expect_doc("br, br, br", coded, n);
}

static void test_transfer_coding(void **)
{
	size_t n;
	struct body *body;

	limits_reset();
	n = encode(DOC, strlen(DOC), 31, coded);
	// Transfer codings are applied after content codings.
	for (uint32_t both = 0; both < 2; both++) {
		if (both)
			n = encode(coded, n, 15, twice);
		// The headers must stand before the body begins.
		memset(&tx, 0, offsetof(struct http_tx, msg));
		body = begin("application/json", both ? "gzip" : NULL);
		body_end(&env, body, false);
		msg->header[HEADER_TRANSFER_ENCODING] =
			both ? SPAN_LIT("deflate, chunked") : SPAN_LIT("gzip, chunked");
		body = body_begin(&env, &tx, SERVER);
		give(body, both ? twice : coded, n);
		finish(body, true);
		assert_string_equal(log_text, DOC_LOG);
		assert_true(hash_is(DOC, strlen(DOC)));
	}
	// What the parser thinks of a strange one is its matter.
	body = begin("application/json", NULL);
	body_end(&env, body, false);
	msg->header[HEADER_TRANSFER_ENCODING] = SPAN_LIT("xchunked, identity");
	body = body_begin(&env, &tx, SERVER);
	give(body, DOC, strlen(DOC));
	finish(body, true);
	assert_string_equal(log_text, DOC_LOG);
}

// Codings that exist and are not decoded.
static void test_coding_unknown(void **)
{
	static const char *const codings[] = {
		"compress",     "x-compress",    "gzip, compress", "dcz, gzip",
		"Compress;q=1", "gzip;,aes128gcm", "dcb",            "gzip, gzip, gzip, gzip"};

	limits_reset();
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		feed("application/json", codings[i], DOC, strlen(DOC), 7);
		assert_true(anomaly(ANOMALY_CODING_UNKNOWN));
		assert_int_equal(env.stats.body_coding_unknown, 1);
		assert_false(msg->hashed);
		assert_int_equal(msg->body_len, strlen(DOC));
		assert_int_equal(msg->body_kept, 0);
		assert_int_equal(n_windows + n_values, 0);
		assert_int_equal(env.stats.body_skipped_bytes, strlen(DOC));
	}
	feed("application/json", "compress", "", 0, 1);
	assert_int_equal(msg->anomalies, 0);
}

// Names that are none: nobody decodes anything.
static void test_coding_foreign(void **)
{
	static const char *const codings[] = {"utf-8", "snappy-x", "gzip, none", "application/json",
					      "br, x", "gzip x",   "=?b",        "deflate\r\n ,"};

	limits_reset();
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		for (size_t size = 1; size <= strlen(DOC); size += 7) {
			feed("application/json", codings[i], DOC, strlen(DOC), size);
			assert_string_equal(log_text, DOC_LOG);
			assert_int_equal(msg->anomalies, UINT64_C(1) << ANOMALY_CODING_UNKNOWN);
			assert_int_equal(env.stats.body_coding_unknown, 1);
			assert_true(hash_is(DOC, strlen(DOC)));
			assert_int_equal(env.stats.body_skipped_bytes, 0);
		}
	}
	feed("application/json", "utf-8", "", 0, 1);
	assert_int_equal(msg->anomalies, 0);
}

// A label that lies: the bytes are what they are, and the mistake is told.
static void test_coding_lie(void **)
{
	limits_reset();
	for (size_t size = 1; size <= strlen(DOC); size++) {
		feed("application/json", "gzip", DOC, strlen(DOC), size);
		assert_string_equal(log_text, DOC_LOG);
		assert_true(anomaly(ANOMALY_CODING_ERROR));
		assert_int_equal(env.stats.body_coding_errors, 1);
		assert_true(hash_is(DOC, strlen(DOC)));
		assert_int_equal(msg->body_len, strlen(DOC));
		assert_memory_equal(msg->body, DOC, strlen(DOC));
		// One layer more was announced than there is.
		size_t n = encode(DOC, strlen(DOC), 31, coded);

		feed("application/json", "gzip, gzip", coded, n, size);
		assert_string_equal(log_text, DOC_LOG);
		assert_true(anomaly(ANOMALY_CODING_ERROR));
		assert_int_equal(env.stats.body_coding_errors, 1);
	}
	// Longer than a decoder may write.
	env.limits.inflate_bytes = 1000;
	memset(coded, 'x', 200000);
	feed("text/plain", "gzip", coded, 200000, 65536);
	assert_int_equal(msg->body_len, 200000);
	assert_int_equal(shown_to, 200000);
	assert_false(anomaly(ANOMALY_DECOMPRESSION_BOMB));
}

static void test_coding_damaged(void **)
{
	static char text[20000], whole[sizeof(log_text)];
	uint32_t len = fill_text(text, 6000);
	size_t n = encode(text, len, 31, coded);
	uint64_t body_len;

	limits_reset();
	// Cut short at every byte: what decodes stands.
	for (size_t cut = 1; cut < n; cut += 29) {
		feed("application/json", "gzip", coded, cut, 100);
		assert_true(anomaly(ANOMALY_CODING_ERROR));
		assert_int_equal(env.stats.body_coding_errors, 1);
		assert_int_equal(env.stats.body_broken, 0);
		assert_false(msg->hashed);
		assert_true(msg->body_len <= len);
		assert_memory_equal(shown, text, msg->body_len);
	}
	// The connection ended first: nobody's mistake.
	struct body *body = begin("application/json", "gzip");

	give(body, coded, n / 2);
	finish(body, false);
	assert_int_equal(msg->anomalies, 0);
	assert_false(msg->complete);
	// Damage in the middle, and a wrong checksum.
	for (uint32_t where = 0; where < 2; where++) {
		n = encode(text, len, 31, coded);
		if (where == 0)
			memset(coded + n / 2, 0, 40);
		else
			coded[n - 6] ^= 1;
		feed("application/json", "gzip", coded, n, n);
		assert_true(anomaly(ANOMALY_CODING_ERROR));
		assert_false(msg->hashed);
		body_len = msg->body_len;
		strcpy(whole, log_text);
		for (size_t size = 1; size < 100; size += 7) {
			feed("application/json", "gzip", coded, n, size);
			assert_int_equal(msg->body_len, body_len);
			assert_string_equal(log_text, whole);
			assert_int_equal(env.stats.body_coding_errors, 1);
		}
	}
	assert_int_equal(body_len, len);
	// The same for Brotli, whose decoder is given blocks of its own.
	for (uint32_t where = 0; where < 3; where++) {
		n = encode_br(text, len, 5, coded, sizeof(coded));
		if (where == 0)
			memset(coded + n / 2, 0xff, 40);
		else if (where == 1)
			coded[n++] = 0; // nothing may stand behind the stream
		else
			n -= 3;
		feed("application/json", "br", coded, n, n);
		assert_true(anomaly(ANOMALY_CODING_ERROR));
		assert_false(msg->hashed);
		body_len = msg->body_len;
		strcpy(whole, log_text);
		for (size_t size = 1; size < 2000; size += 37) {
			feed("application/json", "br", coded, n, size);
			assert_int_equal(msg->body_len, body_len);
			assert_string_equal(log_text, whole);
			assert_int_equal(env.stats.body_coding_errors, 1);
		}
	}
	body = begin("application/json", "br");
	give(body, coded, n / 2);
	finish(body, false);
	assert_int_equal(msg->anomalies, 0);
	assert_false(msg->complete);
	assert_true(msg->body_len > 0); // the last block is not full, and is not left out
	// The second layer is damaged: the rest of the first is counted as it came.
	n = encode(text, len, 31, twice);
	twice[n / 2] ^= 0x55;
	twice[n / 2 + 1] ^= 0xaa;
	n = encode(twice, n, 31, coded);
	for (size_t size = 1; size < n; size = size * 2 + 1) {
		feed("application/json", "gzip, gzip", coded, n, size);
		assert_true(anomaly(ANOMALY_CODING_ERROR));
		assert_true(msg->body_len < len);
	}
}

static void test_bomb(void **)
{
	uint8_t *zeros = calloc(1, 8 << 20);
	size_t n = encode(zeros, 8 << 20, 31, coded), m;
	uint64_t body_len;

	limits_reset();
	for (uint32_t by = 0; by < 2; by++) {
		// By ratio, and by size.
		env.limits.inflate_ratio = by ? 0 : 200;
		feed("text/plain", "gzip", coded, n, n);
		body_len = msg->body_len;
		assert_int_equal(body_len, by ? 1 << 20 : 3 * WINDOW_BYTES);
		for (size_t size = 1; size <= n; size = size * 3 + 1) {
			feed("text/plain", "gzip", coded, n, size);
			assert_true(anomaly(ANOMALY_DECOMPRESSION_BOMB));
			assert_false(anomaly(ANOMALY_CODING_ERROR));
			assert_int_equal(env.stats.body_bombs, 1);
			assert_int_equal(msg->body_len, body_len);
			assert_int_equal(shown_to, body_len);
			assert_false(msg->hashed);
			assert_true(env.stats.body_over_limit_bytes > 0);
		}
	}
	m = encode_zstd(zeros, 8 << 20, twice, sizeof(twice));
	for (uint32_t by = 0; by < 2; by++) {
		env.limits.inflate_ratio = by ? 0 : 200;
		for (size_t size = 1; size <= m; size = size * 3 + 1) {
			feed("text/plain", "zstd", twice, m, size);
			assert_true(anomaly(ANOMALY_DECOMPRESSION_BOMB));
			assert_int_equal(msg->body_len, by ? 1 << 20 : 3 * WINDOW_BYTES);
		}
	}
	// A window that is larger than what may be decoded counts as the same.
	n = encode_br(zeros, 8 << 20, 5, coded, sizeof(coded));
	feed("text/plain", "br", coded, n, n);
	assert_true(anomaly(ANOMALY_DECOMPRESSION_BOMB));
	assert_false(anomaly(ANOMALY_CODING_ERROR));
	n = encode_window(zeros, 8 << 20, 5, 18, coded, sizeof(coded));
	for (uint32_t by = 0; by < 2; by++) {
		env.limits.inflate_ratio = by ? 0 : 200;
		for (size_t size = 1; size <= n; size = size * 3 + 1) {
			feed("text/plain", "br", coded, n, size);
			assert_true(anomaly(ANOMALY_DECOMPRESSION_BOMB));
			assert_int_equal(msg->body_len, by ? 1 << 20 : 3 * WINDOW_BYTES);
		}
	}
	n = encode(zeros, 8 << 20, 31, coded);
	// Exactly as much as is allowed is none; one byte more is.
	env.limits.inflate_bytes = 8 << 20;
	feed("image/png", "gzip", coded, n, 1460);
	assert_int_equal(msg->anomalies, 0);
	assert_true(hash_is(zeros, 8 << 20));
	env.limits.inflate_bytes = (8 << 20) - 1;
	feed("image/png", "gzip", coded, n, 1460);
	assert_true(anomaly(ANOMALY_DECOMPRESSION_BOMB));
	assert_int_equal(msg->body_len, (8 << 20) - 1);
	// A bomb in a bomb.
	limits_reset();
	m = encode(coded, n, 31, twice);
	for (size_t size = 1; size <= m; size = size * 2 + 1) {
		feed("text/plain", "gzip, gzip", twice, m, size);
		assert_true(anomaly(ANOMALY_DECOMPRESSION_BOMB));
		assert_int_equal(env.stats.body_bombs, 1);
		assert_true(msg->body_len <= 4 * WINDOW_BYTES);
	}
	// The outer layer alone is one, and the inner one is not even a format.
	n = encode(zeros, 8 << 20, 31, coded);
	feed("text/plain", "gzip, gzip", coded, n, 1000);
	assert_true(anomaly(ANOMALY_DECOMPRESSION_BOMB));
	free(zeros);
}

static void test_large_coded(void **)
{
	static char text[600000];
	uint32_t len = fill_text(text, sizeof(text));
	size_t n = encode(text, len, 31, coded);
	uint32_t values;

	limits_reset();
	feed("application/json", NULL, text, len, len);
	values = n_values;
	assert_true(values > 20000);
	for (uint32_t layers = 1; layers <= 5; layers++) {
		static const char *const names[] = {"gzip", "gzip, gzip", "gzip, gzip, gzip", "br",
						    "br, gzip"};

		if (layers == 4) {
			n = encode_br(text, len, 5, coded, sizeof(coded));
		} else if (layers > 1) {
			n = encode(coded, n, 31, twice);
			memcpy(coded, twice, n);
		}
		feed("application/json", names[layers - 1], coded, n, 1460);
		assert_int_equal(anomaly(ANOMALY_CODING_LAYERS), layers == 3);
		assert_true(hash_is(text, len));
		assert_int_equal(n_values, values);
		assert_int_equal(shown_to, len);
		assert_memory_equal(shown, text, len);
		assert_int_equal(env.stats.body_broken, 0);
	}
}

static void test_no_context(void **)
{
	struct body *body[5];
	size_t n = encode(DOC, strlen(DOC), 31, coded);

	limits_reset();
	// Three decoders: the fourth body is counted, and not looked at.
	for (uint32_t i = 0; i < 4; i++) {
		body[i] = begin("application/json", "gzip");
		give(body[i], coded, 5);
	}
	give(body[3], coded + 5, n - 5);
	assert_int_equal(env.stats.body_no_context, 1);
	assert_true(anomaly(ANOMALY_CODING_UNKNOWN)); // the length is no decoded one
	assert_int_equal(msg->body_len, n);
	assert_int_equal(env.stats.body_skipped_bytes, n);
	assert_int_equal(n_windows, 0);
	// No state left at all.
	body[4] = body_begin(&env, &tx, SERVER);
	assert_null(body[4]);
	assert_int_equal(env.stats.body_no_context, 2);
	for (uint32_t i = 0; i < 4; i++)
		body_end(&env, body[i], true);
	assert_false(msg->hashed);
	assert_int_equal(env.body.used, 0);
	assert_int_equal(env.inflate.used, 0);
	// One decoder is not enough for two layers, and is given back.
	void *taken[2] = {pool_get(&env.inflate), pool_get(&env.inflate)};

	body[0] = begin("application/json", "gzip, gzip");
	give(body[0], coded, n);
	assert_int_equal(env.inflate.used, 2);
	assert_int_equal(env.stats.body_no_context, 1);
	body_end(&env, body[0], true);
	pool_put(&env.inflate, taken[0]);
	pool_put(&env.inflate, taken[1]);
}

// Text is shown with what came before it, as far as the tail goes.
static void test_tail(void **)
{
	static char text[1000];
	size_t n;

	limits_reset();
	if (env.gather.n) // windows are not the pieces given
		return;
	fill_text(text, sizeof(text));
	for (uint32_t known = 0; known < 2; known++) {
		struct body *body = begin("text/x-log", NULL);

		msg->content_length = known ? 900 : UINT64_MAX;
		for (uint32_t at = 0; at < 900; at += 90) {
			give(body, text + at, 90);
			assert_int_equal(last_fresh, at < WINDOW_TAIL ? at : WINDOW_TAIL);
		}
		finish(body, true);
	}
	// The announced length is one of coded bytes: it may well fall on a window's end.
	uint64_t ends[1000], n_ends = 0;

	n = encode(text, 900, 31, coded);
	for (uint32_t round = 0; round < 2; round++) {
		struct body *body = begin("text/x-log", "gzip");

		for (size_t at = 0; at < n; at++) {
			uint32_t windows = n_windows;

			if (round)
				msg->content_length = ends[n_ends / 2];
			give(body, coded + at, 1);
			if (n_windows == windows)
				continue;
			if (round == 0)
				ends[n_ends++] = shown_to;
			else if (windows && windows < 100)
				assert_true(last_fresh > 0);
		}
		finish(body, true);
	}
	assert_true(n_ends > 10);
}

// Random pieces and holes of everything: the checks of the sink and of finish() must hold.
static void test_noise(void **)
{
	static const char *const types[] = {"application/json",
					    "text/plain",
					    NULL,
					    "application/octet-stream",
					    "application/x-www-form-urlencoded",
					    "image/png"};
	static const char *const codings[] = {NULL, "gzip", "deflate", "gzip, gzip", "br"};
	static char text[5000];
	uint64_t random = 7;

	limits_reset();
	for (uint32_t turn = 0; turn < 3000; turn++) {
		struct body *body;
		uint32_t len = fill_text(text, 200 + turn % 4000), n;
		const char *coding = codings[turn % 5];

		random = random * 6364136223846793005 + 1442695040888963407;
		for (uint32_t i = 0; i < (random >> 60); i++)
			text[(random >> (20 + i)) % len] = (char)(random >> (8 + i));
		env.limits.scan_bytes = turn % 7 ? 0 : (random >> 50) % 3000;
		n = turn % 5 == 1   ? (uint32_t)encode(text, len, 31, coded)
		    : turn % 5 == 2 ? (uint32_t)encode(text, len, turn & 8 ? 15 : -15, coded)
		    : turn % 5 == 4 && turn & 16
			    ? (uint32_t)encode_br(text, len, 4, coded, sizeof(coded))
			    : len;
		if (n == len)
			memcpy(coded, text, len);
		if (turn % 3 == 0)
			coded[(random >> 33) % n] ^= (uint8_t)(random >> 12);
		body = begin(types[(random >> 40) % 6], coding);
		for (uint32_t at = 0; at < n;) {
			uint32_t size = 1 + (uint32_t)(random >> 48) % 1500;

			random = random * 6364136223846793005 + 1442695040888963407;
			if (size > n - at)
				size = n - at;
			if ((random >> 56) == 0)
				body_gap(&env, body, 1 + (random >> 44) % 100);
			else
				give(body, coded + at, size);
			at += size;
		}
		finish(body, random & 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codings),        cmocka_unit_test(test_transfer_coding),
		cmocka_unit_test(test_coding_unknown), cmocka_unit_test(test_coding_lie),
		cmocka_unit_test(test_coding_damaged), cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_large_coded),    cmocka_unit_test(test_no_context),
		cmocka_unit_test(test_tail),           cmocka_unit_test(test_noise),
		cmocka_unit_test(test_coding_foreign),
	};

	return cmocka_run_group_tests_name("each piece", tests, setup, teardown) +
	       cmocka_run_group_tests_name("gathered", tests, setup_gathering, teardown);
}
