// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What extension fields say; messages with and without history, at every cut; final blocks; bombs;
// decoders that run out.

#include "flows/ws_deflate.c"

#include "ws_harness.h"

static uint8_t out[4 << 20];
static size_t out_len;

static void take(void *, struct span bytes)
{
	assert_true(bytes.len <= sizeof(out) - out_len);
	if (bytes.len)
		memcpy(out + out_len, bytes.p, bytes.len);
	out_len += bytes.len;
}

static struct ws_extensions read_field(const char *field)
{
	struct ws_extensions e = {0};

	ws_extensions_add(&e, span_make(field, strlen(field)));
	return e;
}

static void test_fields(void **)
{
	struct ws_extensions e = read_field("permessage-deflate");

	assert_true(e.deflate && !e.foreign && !e.no_takeover[0] && !e.no_takeover[1]);
	e = read_field(
		" Permessage-Deflate ; server_no_context_takeover;client_max_window_bits=10");
	assert_true(e.deflate && !e.foreign && e.no_takeover[SERVER] && !e.no_takeover[CLIENT]);
	assert_int_equal(e.window_bits[CLIENT], 10);
	e = read_field(
		"permessage-deflate; server_max_window_bits=\"15\"; client_no_context_takeover");
	assert_true(!e.foreign && e.no_takeover[CLIENT] && e.window_bits[SERVER] == 15);
	assert_true(read_field("").foreign == false);
	assert_true(read_field("x-webkit-deflate-frame").foreign);
	assert_true(read_field("permessage-deflate, other").foreign);
	assert_true(read_field("permessage-deflate, permessage-deflate").foreign);
	assert_true(read_field("permessage-deflate; server_max_window_bits=16").foreign);
	assert_true(read_field("permessage-deflate; server_max_window_bits=7").foreign);
	assert_true(read_field("permessage-deflate; server_max_window_bits=09").foreign);
	assert_true(read_field("permessage-deflate; server_max_window_bits").foreign);
	assert_true(read_field("permessage-deflate; server_no_context_takeover=1").foreign);
	assert_true(read_field("permessage-deflate; what").foreign);
}

static enum ws_inflate_result inflate_cut(struct ws_inflate *z, const uint8_t *p, size_t n,
					  size_t cut, bool takeover)
{
	enum ws_inflate_result result;

	out_len = 0;
	assert_true(ws_inflate_begin(&env, z, takeover, 0));
	result = ws_inflate_bytes(&env, z, span_make(p, cut), take, NULL);
	if (result == WS_INFLATE_GOOD)
		result = ws_inflate_bytes(&env, z, span_make(p + cut, n - cut), take, NULL);
	if (result == WS_INFLATE_GOOD)
		return ws_inflate_end(&env, z, takeover, take, NULL);
	ws_inflate_lose(&env, z, takeover);
	return result;
}

static void test_history(void **)
{
	static const char text[] =
		"{\"user\":\"alice\",\"room\":\"seven\",\"text\":\"hello hello\"}";
	uint8_t coded[3][512];
	size_t n[3];
	z_stream sender = {0};

	assert_int_equal(deflateInit2(&sender, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	for (uint32_t i = 0; i < 3; i++)
		n[i] = deflate_message(&sender, text, sizeof(text) - 1, coded[i], sizeof(coded[i]));
	deflateEnd(&sender);
	assert_true(n[1] < n[0] / 2); // it does use its history
	for (size_t cut = 0; cut <= n[1]; cut++) {
		struct ws_inflate z = {0};

		for (uint32_t i = 0; i < 3; i++) {
			assert_int_equal(
				inflate_cut(&z, coded[i], n[i], cut < n[i] ? cut : n[i], true),
				WS_INFLATE_GOOD);
			assert_int_equal(out_len, sizeof(text) - 1);
			assert_memory_equal(out, text, out_len);
		}
		assert_int_equal(env.inflate.used, 1); // held between messages
		ws_inflate_free(&env, &z);
	}
	// Without what came before it is damaged, and nothing behind it can be decoded.
	struct ws_inflate z = {0};
	assert_int_equal(inflate_cut(&z, coded[1], n[1], 0, true), WS_INFLATE_DAMAGED);
	assert_false(ws_inflate_begin(&env, &z, true, 0));
	assert_int_equal(env.inflate.used, 0);
}

static void test_alone(void **)
{
	static const char text[] = "the same words, the same words";
	struct ws_inflate z = {0};
	uint8_t coded[256];
	size_t n = deflate_message(NULL, text, sizeof(text) - 1, coded, sizeof(coded));

	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(inflate_cut(&z, coded, n, i, false), WS_INFLATE_GOOD);
		assert_int_equal(out_len, sizeof(text) - 1);
		assert_int_equal(env.inflate.used, 0); // given back at once
	}
	// A damaged message is nobody else's matter.
	coded[0] = 0xff;
	assert_int_equal(inflate_cut(&z, coded, n, 1, false), WS_INFLATE_DAMAGED);
	n = deflate_message(NULL, text, sizeof(text) - 1, coded, sizeof(coded));
	assert_int_equal(inflate_cut(&z, coded, n, 1, false), WS_INFLATE_GOOD);
	// A cut one is no whole one.
	assert_int_equal(inflate_cut(&z, coded, n - 2, 1, false), WS_INFLATE_DAMAGED);
	assert_int_equal(inflate_cut(&z, (const uint8_t *)"", 0, 0, false), WS_INFLATE_GOOD);
	assert_int_equal(out_len, 0);
}

// RFC 7692 section 7.2.3.4 and 7.2.3.5, with the bytes that stand there.
static void test_examples(void **)
{
	static const uint8_t final[] = {0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00};
	static const uint8_t two[] = {0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff,
				      0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00};
	static const uint8_t stored[] = {0x00, 0x05, 0x00, 0xfa, 0xff, 'H', 'e', 'l', 'l', 'o', 0};
	static const uint8_t again[] = {0xf2, 0x00, 0x11, 0x00, 0x00};
	struct ws_inflate z = {0};

	assert_int_equal(inflate_cut(&z, final, sizeof(final), 3, true), WS_INFLATE_GOOD);
	assert_memory_equal(out, "Hello", 5);
	assert_int_equal(out_len, 5);
	assert_int_equal(inflate_cut(&z, again, sizeof(again), 2, true), WS_INFLATE_GOOD);
	assert_memory_equal(out, "Hello", 5); // by the history of a final block
	assert_int_equal(inflate_cut(&z, two, sizeof(two), 5, true), WS_INFLATE_GOOD);
	assert_memory_equal(out, "Hello", 5);
	assert_int_equal(inflate_cut(&z, stored, sizeof(stored), 7, true), WS_INFLATE_GOOD);
	assert_memory_equal(out, "Hello", 5);
	// The final block alone, which ends the payload.
	assert_int_equal(inflate_cut(&z, final, sizeof(final) - 1, 3, true), WS_INFLATE_GOOD);
	assert_int_equal(out_len, 5);
	ws_inflate_free(&env, &z);
}

static void test_bombs(void **)
{
	static uint8_t zeros[3 << 20], coded[1 << 16];
	size_t n = deflate_message(NULL, zeros, sizeof(zeros), coded, sizeof(coded)), first = 0;

	for (size_t cut = 0; cut < n; cut += 97) {
		struct ws_inflate z = {0};

		assert_int_equal(inflate_cut(&z, coded, n, cut, false), WS_INFLATE_BOMB);
		assert_int_equal(env.inflate.used, 0);
		first = first ? first : out_len;
		assert_int_equal(out_len, first); // wherever it was cut
	}
	assert_true(first <= 2 * RATIO_FROM);
	// By size alone.
	env.limits.inflate_ratio = 0;
	struct ws_inflate z = {0};
	assert_int_equal(inflate_cut(&z, coded, n, 100, false), WS_INFLATE_BOMB);
	assert_int_equal(out_len, env.limits.inflate_bytes);
	env.limits.inflate_ratio = 200;
}

static void test_no_decoder(void **)
{
	struct ws_inflate z[16] = {0};
	uint32_t n = 0;

	while (n < 16 && ws_inflate_begin(&env, &z[n], true, 0))
		n++;
	assert_int_equal(n, env.inflate.n / 2); // the rest is for bodies
	assert_true(z[n].lost);
	ws_inflate_free(&env, &z[0]);
	assert_false(ws_inflate_begin(&env, &z[n], true, 0)); // its history is gone
	assert_true(ws_inflate_begin(&env, &z[n + 1], false, 0));
	for (uint32_t i = 0; i < 16; i++)
		ws_inflate_free(&env, &z[i]);
	assert_int_equal(env.inflate.used, 0);
}

// Who is silent for a minute gives way to who speaks now.
static void test_taken(void **)
{
	static const uint64_t second = UINT64_C(1000000000);
	struct ws_inflate z[16] = {0};
	uint32_t n = env.inflate.n / 2;
	uint8_t coded[64];
	size_t len;

	env.leases = calloc(decoder_leases(&env), sizeof(*env.leases));
	memset(&env.stats, 0, sizeof(env.stats));
	for (uint32_t i = 0; i < n; i++)
		assert_true(ws_inflate_begin(&env, &z[i], i != 1, (100 + i) * second));
	assert_false(ws_inflate_begin(&env, &z[n], false, 159 * second));
	assert_true(ws_inflate_begin(&env, &z[0], true, 159 * second)); // the second is the oldest now
	assert_false(ws_inflate_begin(&env, &z[n], false, 160 * second));
	assert_true(ws_inflate_begin(&env, &z[n], false, 161 * second));
	assert_int_equal(env.stats.body_decoders_taken, 1);
	assert_null(z[1].ctx);
	assert_false(z[1].lost); // each of its messages is compressed on its own
	assert_int_equal(ws_inflate_bytes(&env, &z[1], SPAN_LIT("x"), take, NULL), WS_INFLATE_TAKEN);
	assert_int_equal(ws_inflate_end(&env, &z[1], false, take, NULL), WS_INFLATE_TAKEN);
	// That of one that keeps its history does not come back.
	assert_true(ws_inflate_begin(&env, &z[n + 1], true, 300 * second));
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(z[i].lost, i == 2);
	// The taken decoder begins anew.
	len = deflate_message(NULL, "hello", 5, coded, sizeof(coded));
	assert_int_equal(inflate_cut(&z[n + 1], coded, len, 3, true), WS_INFLATE_GOOD);
	assert_memory_equal(out, "hello", 5);
	for (uint32_t i = 0; i < 16; i++)
		ws_inflate_free(&env, &z[i]);
	assert_int_equal(env.inflate.used, 0);
	free(env.leases);
	env.leases = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields), cmocka_unit_test(test_history),
		cmocka_unit_test(test_alone),  cmocka_unit_test(test_examples),
		cmocka_unit_test(test_bombs),  cmocka_unit_test(test_no_decoder),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
