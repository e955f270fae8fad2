// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The Zstandard decoder on its own: any cutting of input and room, frames one behind the other,
// damage, and windows up to what may be asked for and beyond.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flows/zstd_stream.c"

static struct zstd_stream *z;
static uint8_t plain[20 << 20], coded[20 << 20], out[20 << 20];

static int setup(void **)
{
	uint32_t seed = 5;

	z = malloc(sizeof(*z));
	if (!z)
		return -1;
	memset(z, 0xa5, sizeof(*z)); // contexts are not cleared
	for (size_t at = 0; at + 64 < sizeof(plain);) {
		seed = seed * 1103515245 + 12345;
		at += (size_t)sprintf((char *)plain + at, "{\"id\":%u,\"n\":\"%x\"},", seed >> 20,
				      seed);
	}
	return 0;
}

static int teardown(void **)
{
	free(z);
	return 0;
}

// A frame of n bytes of plain at coded + at. Returns where it ends.
static size_t frame(size_t at, const uint8_t *p, size_t n, int level, int window_log, bool size)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {p, n, 0};
	ZSTD_outBuffer to = {coded, sizeof(coded), at};

	assert_non_null(c);
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	if (size)
		ZSTD_CCtx_setPledgedSrcSize(c, n);
	assert_false(ZSTD_isError(
		ZSTD_compressStream2(c, &to, &in, size ? ZSTD_e_end : ZSTD_e_continue)));
	if (!size)
		assert_int_equal(ZSTD_compressStream2(c, &to, &in, ZSTD_e_end), 0);
	ZSTD_freeCCtx(c);
	return to.pos;
}

// Decodes len bytes in pieces into rooms; returns what was written, *result: how it ended.
static uint64_t decode(size_t len, size_t piece, uint32_t room, enum inflate_result *result)
{
	uint64_t done = 0;

	zstd_stream_begin(z);
	*result = INFLATE_MORE;
	for (size_t at = 0; at <= len && *result <= INFLATE_FULL; at += piece) {
		size_t n = at == len ? 0 : len - at < piece ? len - at : piece;
		struct span in = {coded + at, (uint32_t)n};

		if (at + n == len)
			zstd_stream_finish(z);
		do {
			uint32_t wrote;
			uint8_t *to = malloc(room); // of its own size, for a sanitizer

			*result = zstd_stream_more(z, &in, to, room, &wrote);
			assert_true(wrote <= room && wrote <= sizeof(out) - done);
			memcpy(out + done, to, wrote);
			free(to);
			done += wrote;
		} while (*result == INFLATE_FULL);
		if (at + n == len)
			break;
	}
	assert_int_equal(zstd_stream_written(z), done);
	return done;
}

static void test_cuts(void **)
{
	static const size_t pieces[] = {1, 7, 1000, 1024, 1025, 100000};
	static const uint32_t rooms[] = {1, 100, 4096, 32768};
	enum inflate_result result;
	size_t n = frame(0, plain, 9000, 3, 0, true);

	// A second frame, one to be skipped, and an empty one.
	n = frame(n, plain + 9000, 21000, 1, 17, false);
	memcpy(coded + n, "\x51\x2a\x4d\x18\x05\0\0\0abcde", 13);
	n = frame(n + 13, plain, 0, 1, 0, true);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		for (size_t k = 0; k < sizeof(rooms) / sizeof(rooms[0]); k++) {
			assert_int_equal(decode(n, pieces[i], rooms[k], &result), 30000);
			assert_int_equal(result, INFLATE_MORE);
			assert_memory_equal(out, plain, 30000);
			assert_true(zstd_stream_may_end(z));
			assert_int_equal(zstd_stream_taken(z), n);
		}
	}
}

static void test_cut_off(void **)
{
	enum inflate_result result;
	size_t n = frame(0, plain, 5000, 3, 0, true);

	for (size_t len = 1; len < n; len++) {
		decode(len, 100, 512, &result);
		assert_int_equal(result, INFLATE_MORE);
		assert_false(zstd_stream_may_end(z));
	}
	assert_int_equal(decode(0, 1, 10, &result), 0);
	assert_true(zstd_stream_may_end(z));
}

// Whatever is written before damage is met is the same for any cutting, and is true.
static void test_damage(void **)
{
	enum inflate_result result;
	size_t n = frame(0, plain, 300000, 1, 17, false), good = n;
	uint64_t whole;

	for (size_t at = 0; at < n; at += at < 40 ? 1 : 997) {
		coded[at] ^= 0x41;
		whole = decode(n, n, 32768, &result);
		assert_true(result != INFLATE_FULL);
		if (result == INFLATE_MORE) // the frame became one to be skipped, or has no end
			assert_false(zstd_stream_may_end(z) && whole);
		assert_int_equal(decode(n, 333, 32768, &result), whole);
		coded[at] ^= 0x41;
	}
	memcpy(coded + good, "junk", 4);
	assert_int_equal(decode(good + 4, 1000, 4096, &result), 300000);
	assert_int_equal(result, INFLATE_BAD);
}

static void test_windows(void **)
{
	const size_t most = 9 << 20;
	enum inflate_result result;
	size_t n = frame(0, plain, most, 1, 23, false);

	// 8 MiB is what RFC 9659 allows.
	assert_int_equal(decode(n, 65536, 32768, &result), most);
	assert_int_equal(result, INFLATE_MORE);
	assert_memory_equal(out, plain, most);
	n = frame(0, plain, most, 1, 24, false);
	assert_int_equal(decode(n, 65536, 32768, &result), 0);
	assert_int_equal(result, INFLATE_LARGE);
	// A window as large as the content.
	n = ZSTD_compress(coded, sizeof(coded), plain, most, 1);
	assert_false(ZSTD_isError(n));
	assert_true(zstd_stream_touched(1 << 20) < 3 << 20);
	assert_true(zstd_stream_touched(0) == sizeof(*z));
}

static void test_dictionary(void **)
{
	enum inflate_result result;
	// Magic number, a descriptor with a dictionary of one byte, window, its id, an empty block.
	static const uint8_t bytes[] = {0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x00, 0x07, 0x01, 0x00, 0x00};

	memcpy(coded, bytes, sizeof(bytes));
	assert_int_equal(decode(sizeof(bytes), 3, 10, &result), 0);
	assert_int_equal(result, INFLATE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),       cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_damage),     cmocka_unit_test(test_windows),
		cmocka_unit_test(test_dictionary),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
