// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The DEFLATE decoder: every wrapping of the format, cut at every byte of input and of output,
// damaged, truncated, mislabelled. The compressor of the tests is zlib's own.

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flows/inflate.c"

static struct inflate_ctx ctx;
static uint8_t plain[200000], coded[200000], out[400000];

// Text that compresses, but not to nothing.
static uint32_t fill_plain(uint32_t n)
{
	uint64_t random = 42;

	for (uint32_t i = 0; i < n; i++) {
		random = random * 6364136223846793005 + 1442695040888963407;
		plain[i] = (uint8_t) "{\"name\":\"abcdefghij\",12345}"[(random >> 33) % 27];
	}
	return n;
}

static uint32_t encode(const uint8_t *p, uint32_t n, int window_bits, uint8_t *to)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = n;
	z.next_out = to;
	z.avail_out = 200000;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	return (uint32_t)z.total_out;
}

struct result {
	enum inflate_result end;
	uint32_t n;
	bool may_end;
	bool is_plain;
};

// Decodes len bytes in pieces of `in` into rooms of `room`.
static struct result decode(enum inflate_format format, const uint8_t *p, uint32_t len, uint32_t in,
			    uint32_t room)
{
	struct result r = {.end = INFLATE_MORE};

	inflate_begin(&ctx, format);
	for (uint32_t done = 0; done < len && r.end != INFLATE_BAD;) {
		uint32_t size = len - done < in ? len - done : in;
		// A copy of its own size, so that a sanitizer sees every byte read too far.
		uint8_t *piece = malloc(size);
		struct span rest = {piece, size};
		uint32_t turns = 0;

		memcpy(piece, p + done, size);
		do {
			uint32_t n = 0;
			uint32_t space = sizeof(out) - r.n < room ? sizeof(out) - r.n : room;
			uint8_t *to = malloc(space);

			r.end = inflate_more(&ctx, &rest, to, space, &n);
			assert_true(n <= space);
			memcpy(out + r.n, to, n);
			free(to);
			r.n += n;
			assert_true(r.end != INFLATE_FULL || n == space);
			assert_true(r.end != INFLATE_MORE || rest.len == 0);
			assert_true(++turns < 1000000);
		} while (r.end == INFLATE_FULL);
		free(piece);
		done += size;
	}
	r.may_end = inflate_may_end(&ctx);
	r.is_plain = inflate_is_plain(&ctx);
	assert_int_equal(inflate_written(&ctx), r.n);
	if (r.end == INFLATE_MORE)
		assert_int_equal(inflate_taken(&ctx), len);
	return r;
}

static void expect_plain_text(enum inflate_format format, uint32_t len, uint32_t in, uint32_t room,
			      uint32_t n)
{
	struct result r = decode(format, coded, len, in, room);

	assert_int_equal(r.end, INFLATE_MORE);
	assert_int_equal(r.n, n);
	assert_memory_equal(out, plain, n);
	assert_true(r.may_end);
	assert_false(r.is_plain);
}

static const struct {
	enum inflate_format format;
	int window_bits;
} wraps[] = {
	{INFLATE_GZIP, 31},   {INFLATE_DEFLATE, 15}, {INFLATE_DEFLATE, -15},
	{INFLATE_DEFLATE, 9}, {INFLATE_DEFLATE, -9},
};

static void test_formats(void **)
{
	for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++) {
		uint32_t n = fill_plain(2000);
		uint32_t len = encode(plain, n, wraps[i].window_bits, coded);

		for (uint32_t in = 1; in <= len; in += in < 40 ? 1 : 97)
			expect_plain_text(wraps[i].format, len, in, 1 + in * 3, n);
		for (uint32_t room = 1; room < 40; room++)
			expect_plain_text(wraps[i].format, len, len, room, n);
		// More than the history of 32 KiB, several times.
		n = fill_plain(150000);
		len = encode(plain, n, wraps[i].window_bits, coded);
		expect_plain_text(wraps[i].format, len, len, 32768, n);
		expect_plain_text(wraps[i].format, len, 1460, 32768, n);
		expect_plain_text(wraps[i].format, len, 17, 1000, n);
	}
}

static void test_empty(void **)
{
	for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++) {
		uint32_t len = encode(plain, 0, wraps[i].window_bits, coded);

		expect_plain_text(wraps[i].format, len, 1, 1, 0);
		expect_plain_text(wraps[i].format, len, len, 100, 0);
	}
	// No byte at all is an empty body, not a truncated one.
	assert_true(decode(INFLATE_GZIP, coded, 0, 1, 1).may_end);
}

// "Hello" in a stored block and an empty one, as a flush leaves it, without a last block.
static void test_flushed(void **)
{
	static const uint8_t flushed[] = {0, 5, 0, 0xfa, 0xff, 'H', 'e', 'l', 'l', 'o',
					  0, 0, 0, 0xff, 0xff};

	for (uint32_t in = 1; in <= sizeof(flushed); in++) {
		for (uint32_t len = 1; len <= sizeof(flushed); len++) {
			struct result r = decode(INFLATE_DEFLATE, flushed, len, in, 100);

			// Behind either block, nowhere else.
			assert_int_equal(r.may_end, len == 10 || len == 15);
			assert_int_equal(r.end, INFLATE_MORE);
		}
		struct result r = decode(INFLATE_DEFLATE, flushed, sizeof(flushed), in, 100);

		assert_int_equal(r.n, 5);
		assert_memory_equal(out, "Hello", 5);
	}
}

static void test_members(void **)
{
	uint32_t n = fill_plain(3000), len;

	len = encode(plain, 1000, 31, coded);
	len += encode(plain + 1000, 0, 31, coded + len);
	len += encode(plain + 1000, 2000, 31, coded + len);
	for (uint32_t in = 1; in <= len; in += in < 60 ? 1 : 97)
		expect_plain_text(INFLATE_GZIP, len, in, 100, n);
	// Padding with zeros is customary.
	memset(coded + len, 0, 512);
	expect_plain_text(INFLATE_GZIP, len + 512, len, 4096, n);
	// Anything else is not, but what came before stands.
	memcpy(coded + len, "trailing", 8);
	for (uint32_t in = 1; in <= len + 8; in += 41) {
		struct result r = decode(INFLATE_GZIP, coded, len + 8, in, 1000);

		assert_int_equal(r.end, INFLATE_BAD);
		assert_int_equal(r.n, n);
	}
	// Half of a next member.
	coded[len] = 0x1f;
	assert_false(decode(INFLATE_GZIP, coded, len + 1, 10, 1000).may_end);
	coded[len + 1] = 0x8b;
	assert_false(decode(INFLATE_GZIP, coded, len + 2, 10, 1000).may_end);
	// zlib's format has no members.
	len = encode(plain, 1000, 15, coded);
	len += encode(plain, 1000, 15, coded + len);
	assert_int_equal(decode(INFLATE_DEFLATE, coded, len, len, 4096).end, INFLATE_BAD);
	assert_int_equal(inflate_written(&ctx), 1000);
}

// FEXTRA, FNAME, FCOMMENT and FHCRC (RFC 1952 section 2.3).
static void test_gzip_header(void **)
{
	uint32_t n = fill_plain(1000), len, head;
	uint8_t body[4000];
	unsigned long crc;

	len = encode(plain, n, 31, body) - 10;
	memcpy(coded, "\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x04\0ABCDfile.json\0comment", 33);
	head = 33;
	coded[head++] = 0;
	crc = crc32(0, coded, head);
	coded[head++] = (uint8_t)crc;
	coded[head++] = (uint8_t)(crc >> 8);
	memcpy(coded + head, body + 10, len);
	for (uint32_t in = 1; in < head + 5; in++)
		expect_plain_text(INFLATE_GZIP, head + len, in, 100, n);
	coded[head - 1] ^= 1;
	assert_int_equal(decode(INFLATE_GZIP, coded, head + len, 5, 100).end, INFLATE_BAD);
	assert_int_equal(inflate_written(&ctx), 0);
}

static void test_truncated(void **)
{
	for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++) {
		uint32_t n = fill_plain(1000);
		uint32_t len = encode(plain, n, wraps[i].window_bits, coded);

		for (uint32_t cut = 1; cut < len; cut++) {
			struct result whole = decode(wraps[i].format, coded, cut, cut, 5000);
			struct result bytes = decode(wraps[i].format, coded, cut, 1, 7);

			assert_int_equal(whole.end, INFLATE_MORE);
			assert_false(whole.may_end);
			assert_int_equal(bytes.n, whole.n);
			assert_memory_equal(out, plain, bytes.n);
		}
	}
}

// One flipped bit anywhere: never a crash, never text that is complete and wrong unless it has no
// checksum; what comes out does not depend on the cuts.
static void test_damaged(void **)
{
	static uint8_t first[400000];

	for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++) {
		uint32_t n = fill_plain(500);
		uint32_t len = encode(plain, n, wraps[i].window_bits, coded);

		for (uint32_t bit = 0; bit < len * 8; bit += 3) {
			struct result whole, cut;

			coded[bit / 8] ^= (uint8_t)(1 << bit % 8);
			whole = decode(wraps[i].format, coded, len, len, 5000);
			memcpy(first, out, whole.n);
			cut = decode(wraps[i].format, coded, len, 3, 11);
			assert_int_equal(whole.n, cut.n);
			assert_memory_equal(first, out, cut.n);
			assert_int_equal(whole.end == INFLATE_BAD, cut.end == INFLATE_BAD);
			assert_int_equal(whole.may_end, cut.may_end);
			if (wraps[i].window_bits > 0 && whole.end == INFLATE_MORE &&
			    whole.may_end && !whole.is_plain)
				assert_memory_equal(out, plain, n);
			coded[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void test_not_coded(void **)
{
	static const char *const texts[] = {
		"{\"a\":1}", "x", "\x1f", "\x1fnot gzip", "\x1f\x1f\x8b\x08", "\0\0\0\0", "BZh91AY",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint32_t len = i == 5 ? 4 : (uint32_t)strlen(texts[i]);

		for (uint32_t in = 1; in <= len; in++) {
			struct result r =
				decode(INFLATE_GZIP, (const uint8_t *)texts[i], len, in, 1 + i);

			assert_int_equal(r.end == INFLATE_BAD, false);
			// A lone first byte of the magic number is a truncated stream.
			assert_int_equal(r.is_plain, i != 2);
			assert_int_equal(r.may_end, i != 2);
			assert_int_equal(r.n, i == 2 ? 0 : len);
			assert_memory_equal(out, texts[i], r.n);
		}
	}
	// A preset dictionary is nothing that HTTP knows.
	assert_int_equal(
		decode(INFLATE_DEFLATE, (const uint8_t *)"\x78\xbb\1\2\3\4\5", 7, 7, 10).end,
		INFLATE_BAD);
}

// The arena is enough for the largest window, is the only memory, and is used again.
static void test_memory(void **)
{
	uint32_t n = fill_plain(100000), len = encode(plain, n, 31, coded);
	struct mallinfo2 before, after;
	struct span in;
	uint32_t room = 32768, wrote, total = 0;

	for (uint32_t round = 0; round < 3; round++) {
		before = mallinfo2();
		total = 0;
		in = (struct span){coded, len};
		inflate_begin(&ctx, INFLATE_GZIP);
		while (inflate_more(&ctx, &in, out, room, &wrote) == INFLATE_FULL)
			total += wrote;
		after = mallinfo2();
		assert_int_equal(before.uordblks, after.uordblks);
		assert_int_equal(total + wrote, n);
		assert_true(inflate_may_end(&ctx));
		assert_true(ctx.used > 32768 && ctx.used <= INFLATE_ARENA);
	}
	// A request that does not fit gets nothing.
	assert_null(inflate_zalloc(&ctx, UINT32_MAX, UINT32_MAX));
	assert_null(inflate_zalloc(&ctx, 1, INFLATE_ARENA));
	assert_int_equal(inflate_state_size(), sizeof(ctx));
}

static void test_noise(void **)
{
	uint64_t random = 1;

	for (uint32_t turn = 0; turn < 3000; turn++) {
		uint8_t noise[300];
		struct result whole, cut;

		for (uint32_t i = 0; i < sizeof(noise); i++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			noise[i] = (uint8_t)(random >> 56);
		}
		if (turn & 1)
			memcpy(noise, "\x1f\x8b\x08\0\0\0\0\0\0\0", 10);
		whole = decode(turn & 1 ? INFLATE_GZIP : INFLATE_DEFLATE, noise, 300, 300, 9000);
		cut = decode(turn & 1 ? INFLATE_GZIP : INFLATE_DEFLATE, noise, 300, 7, 13);
		assert_int_equal(whole.n, cut.n);
		assert_int_equal(whole.end == INFLATE_BAD, cut.end == INFLATE_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),   cmocka_unit_test(test_empty),
		cmocka_unit_test(test_flushed),
		cmocka_unit_test(test_members),   cmocka_unit_test(test_gzip_header),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_not_coded), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
