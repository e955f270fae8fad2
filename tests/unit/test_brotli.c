// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The Brotli decoder on its own: any cutting of input and room, damage at every byte, streams that
// ask for more memory than there is, and the arena.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flows/brotli.c"

#include <brotli/encode.h>

static struct brotli_ctx *ctx;
static uint8_t plain[8 << 20], coded[9 << 20], out[8 << 20];

static int setup(void **)
{
	ctx = malloc(sizeof(*ctx));
	if (ctx)
		memset(ctx, 0xa5, sizeof(*ctx)); // contexts are not cleared
	return ctx ? 0 : -1;
}

static int teardown(void **)
{
	free(ctx);
	return 0;
}

// Text that needs codes of many lengths; random bytes are worth nothing to compress.
static void fill(size_t n, bool noise)
{
	uint32_t seed = 3;
	size_t at = 0;

	while (at < n) {
		char item[64];

		seed = seed * 1103515245 + 12345;
		int len =
			snprintf(item, sizeof(item), "{\"id\":%u,\"name\":\"%c%c%x\"},", seed >> 20,
				 'a' + (int)(seed >> 27) % 26, 'A' + (int)(seed >> 24) % 26, seed);

		if (noise) {
			len = 3;
			memcpy(item, &seed, 3);
			item[0] = (char)(seed >> 24);
		}
		for (int i = 0; i < len && at < n; i++)
			plain[at++] = (uint8_t)item[i];
	}
}

static size_t encode(size_t n, int quality, int window)
{
	size_t len = sizeof(coded);

	assert_int_equal(
		BrotliEncoderCompress(quality, window, BROTLI_MODE_GENERIC, n, plain, &len, coded),
		BROTLI_TRUE);
	return len;
}

// Decodes len bytes in pieces into rooms; returns what was written, *ok: nothing was wrong.
static uint64_t decode(size_t len, size_t piece, uint32_t room, bool *ok)
{
	enum inflate_result result = INFLATE_MORE;
	uint64_t done = 0;

	brotli_begin(ctx);
	for (size_t at = 0; at <= len && result <= INFLATE_FULL; at += piece) {
		size_t n = at == len ? 0 : len - at < piece ? len - at : piece;
		struct span in = {coded + at, (uint32_t)n};

		if (at + n == len)
			brotli_finish(ctx);
		do {
			uint32_t wrote;
			uint8_t *to = malloc(room); // of its own size, for a sanitizer

			result = brotli_more(ctx, &in, to, room, &wrote);
			assert_true(wrote <= room && wrote <= sizeof(out) - done);
			memcpy(out + done, to, wrote);
			free(to);
			done += wrote;
		} while (result == INFLATE_FULL);
		if (result == INFLATE_MORE)
			assert_int_equal(in.len, 0);
		if (at + n == len)
			break;
	}
	assert_int_equal(brotli_written(ctx), done);
	*ok = result == INFLATE_MORE && brotli_may_end(ctx);
	return done;
}

static void test_cuts(void **)
{
	static const size_t pieces[] = {1, 7, 1023, 1024, 1025, 1460, 100000};
	static const uint32_t rooms[] = {1, 100, 32768};
	bool ok;

	fill(20000, false);
	for (int quality = 0; quality <= 11; quality += quality == 0 ? 5 : 6) {
		size_t len = encode(20000, quality, 22);

		for (uint32_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
			for (uint32_t k = 0; k < sizeof(rooms) / sizeof(rooms[0]); k++) {
				assert_int_equal(decode(len, pieces[i], rooms[k], &ok), 20000);
				assert_true(ok);
				assert_memory_equal(out, plain, 20000);
				assert_int_equal(brotli_taken(ctx), len);
			}
		}
	}
	size_t len = encode(0, 5, 22);

	assert_int_equal(decode(len, 1, 10, &ok), 0);
	assert_true(ok);
	brotli_begin(ctx);
	assert_true(brotli_may_end(ctx));
}

// What is written before the damage does not depend on pieces.
static void test_damage(void **)
{
	bool ok, other;

	fill(9000, false);
	size_t len = encode(9000, 5, 22);

	for (size_t at = 0; at < len; at += 3) {
		uint8_t was = coded[at];

		coded[at] ^= 0x41;
		uint64_t n = decode(len, len, 32768, &ok);
		uint64_t m = decode(len, 1 + at % 1500, 32768, &other);

		assert_int_equal(n, m);
		assert_int_equal(ok, other);
		coded[at] = was;
	}
	for (size_t cut = 1; cut < len; cut += 11) {
		assert_true(decode(cut, 100, 32768, &ok) <= 9000);
		assert_false(ok);
	}
	coded[len] = 0;
	assert_int_equal(decode(len + 1, 100, 32768, &ok), 9000);
	assert_false(ok);
	memset(coded, 0xff, 5000);
	decode(5000, 10, 32768, &ok);
	assert_false(ok);
}

static void test_memory(void **)
{
	bool ok;

	// A megabyte fits whatever the window and the effort.
	fill(1 << 20, false);
	for (int window = 16; window <= 24; window += 4) {
		for (int quality = 1; quality <= 9; quality += 4) {
			size_t len = encode(1 << 20, quality, window);

			assert_int_equal(decode(len, 1460, 32768, &ok), 1 << 20);
			assert_true(ok);
			assert_memory_equal(out, plain, 1 << 20);
		}
	}
	// Eight in a window as large do not; in a small one they do.
	fill(8 << 20, true);
	size_t len = encode(8 << 20, 1, 24);

	assert_true(decode(len, 1460, 32768, &ok) < 8 << 20);
	assert_false(ok);
	assert_int_equal(ctx->mode, BROTLI_MODE_LARGE);
	len = encode(8 << 20, 1, 18);
	assert_int_equal(decode(len, 1460, 32768, &ok), 8 << 20);
	assert_true(ok);
}

static void test_arena(void **)
{
	void *block[40] = {0};
	uint32_t seed = 1;

	*piece_at(ctx, 0) = (struct piece){.size = BROTLI_ARENA};
	assert_null(brotli_alloc(ctx, BROTLI_ARENA));
	assert_null(brotli_alloc(ctx, SIZE_MAX));
	block[0] = brotli_alloc(ctx, BROTLI_ARENA - sizeof(struct piece));
	assert_non_null(block[0]);
	assert_null(brotli_alloc(ctx, 1));
	brotli_free(ctx, block[0]);
	brotli_free(ctx, NULL);
	memset(block, 0, sizeof(block));
	for (uint32_t turn = 0; turn < 100000; turn++) {
		seed = seed * 1103515245 + 12345;
		uint32_t i = (seed >> 8) % 40, size = 8 + (seed >> 16) % 60000;

		if (block[i]) {
			// Nobody else wrote into it.
			for (uint8_t *p = block[i]; p < (uint8_t *)block[i] + 8; p++)
				assert_int_equal(*p, i);
			brotli_free(ctx, block[i]);
			block[i] = NULL;
			continue;
		}
		block[i] = brotli_alloc(ctx, size);
		if (!block[i])
			continue;
		assert_int_equal((uintptr_t)block[i] % BROTLI_ALIGN, 0);
		assert_true((uint8_t *)block[i] + size <= ctx->arena + BROTLI_ARENA);
		memset(block[i], (int)i, size);
	}
	for (uint32_t i = 0; i < 40; i++)
		brotli_free(ctx, block[i]);
	// All of it is one piece again.
	assert_non_null(brotli_alloc(ctx, BROTLI_ARENA - sizeof(struct piece)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
