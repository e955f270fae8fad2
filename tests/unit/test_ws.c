// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Frames and messages of whole connections at every cut; holes; frames against the standard; what
// costs nothing however long it lasts; bytes that come before the answer to the upgrade.

#include "ws_harness.h"

#include "flows/ws.c"

static struct bytes up, down;

static void start(const char *answer)
{
	up.n = down.n = 0;
	ws_open_with(answer);
}

static void conversation(void)
{
	static char large[70000];

	memset(large, 'x', sizeof(large));
	up.n = down.n = 0;
	add_text(&up, MASKED | FINAL, WS_TEXT, "{\"a\":\"hello\"}");
	add_text(&up, MASKED, WS_TEXT, "Hel");
	add_text(&up, MASKED | FINAL, WS_PING, "p1");
	add_text(&up, MASKED, WS_CONTINUATION, "lo ");
	add_text(&up, MASKED | FINAL, WS_CONTINUATION, "");
	add_frame(&up, MASKED | FINAL, WS_BINARY, large, 300);
	add_text(&up, MASKED | FINAL, WS_CLOSE,
		 "\x03\xe8"
		 "bye");
	add_text(&down, FINAL, WS_PONG, "p1");
	add_text(&down, FINAL, WS_TEXT, "\xe2\x82\xac");
	add_text(&down, FINAL, WS_TEXT, "");
	add_frame(&down, FINAL, WS_BINARY, large, sizeof(large));
	add_text(&down, FINAL, WS_CLOSE, "\x03\xe8");
}

static void test_whole(void **)
{
	conversation();
	ws_open_with(WS_ANSWER);
	give(CLIENT, up.p, up.n);
	give(SERVER, down.p, down.n);
	conn_close();
	assert_true(alive);
	// Lengths, kinds and order; hashes are compared where the payloads are the same.
	static const char *const lines[] = {
		"to server 13 '{\"a\":\"hello\"}' ",
		"c1. 13 ",
		"c1 3 ",
		"c9. 2 ",
		"c0 3 ",
		"to server 6 'Hello ' ",
		"c0. 0\n",
		"to server 300 'xxxx",
		"c2. 300 ",
		"c8. 5 ",
		"s10. 2 ",
		"to client 3 '\xe2\x82\xac' ",
		"s1. 3 ",
		"to client 0 ''\n",
		"s1. 0\n",
		"to client 70000 'xxxx",
		"s2. 70000 ",
		"s8. 2 ",
	};
	const char *p = got;

	for (uint32_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strncmp(p, lines[i], strlen(lines[i])) != 0)
			fail_msg("line %u is not '%s':\n%s", i, lines[i], got);
		p = strchr(p, '\n') + 1;
	}
	assert_int_equal(*p, '\0');
	assert_null(strchr(got, '+'));
}

static void same_however_cut(const char *answer)
{
	static char whole[sizeof(got)];
	uint64_t random = 1;

	ws_open_with(answer);
	give(CLIENT, up.p, up.n);
	give(SERVER, down.p, down.n);
	conn_close();
	memcpy(whole, got, got_len + 1);
	for (size_t cut = 1; cut < up.n; cut++) {
		ws_open_with(answer);
		give(CLIENT, up.p, cut);
		give(CLIENT, up.p + cut, up.n - cut);
		give(SERVER, down.p, down.n);
		conn_close();
		assert_told(whole);
	}
	for (size_t cut = 1; cut < down.n; cut += cut < 600 ? 1 : 331) {
		ws_open_with(answer);
		give(CLIENT, up.p, up.n);
		give(SERVER, down.p, cut);
		give(SERVER, down.p + cut, down.n - cut);
		conn_close();
		assert_told(whole);
	}
	for (uint32_t turn = 0; turn < 40; turn++) {
		ws_open_with(answer);
		for (uint32_t dir = 0; dir < 2; dir++) {
			const struct bytes *b = dir == CLIENT ? &up : &down;

			for (size_t at = 0; at < b->n;) {
				random = random * UINT64_C(6364136223846793005) +
					 1442695040888963407;
				size_t n = turn == 0 ? 1 : 1 + (random >> 33) % (turn * 20);

				n = n < b->n - at ? n : b->n - at;
				give(dir, b->p + at, n);
				at += n;
			}
		}
		conn_close();
		assert_told(whole);
	}
}

static void test_cuts(void **)
{
	conversation();
	same_however_cut(WS_ANSWER);
}

static void add_coded(struct bytes *b, uint32_t flags, z_stream *z, const char *text, size_t parts)
{
	uint8_t coded[4096];
	size_t n = deflate_message(z, text, strlen(text), coded, sizeof(coded));

	for (size_t i = 0; i < parts; i++) {
		size_t from = n * i / parts, to = n * (i + 1) / parts;

		add_frame(b, (flags & MASKED) | (i == 0 ? RSV1 : 0) | (i + 1 == parts ? FINAL : 0),
			  i == 0 ? WS_TEXT : WS_CONTINUATION, coded + from, to - from);
	}
}

static void test_deflate_cuts(void **)
{
	z_stream a = {0}, b = {0};

	assert_int_equal(deflateInit2(&a, 9, Z_DEFLATED, -10, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflateInit2(&b, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	up.n = down.n = 0;
	add_coded(&up, MASKED, &a, "{\"name\":\"one\",\"of\":\"the first message\"}", 1);
	add_coded(&up, MASKED, &a, "{\"name\":\"one\",\"of\":\"the second message\"}", 3);
	add_text(&up, MASKED | FINAL, WS_TEXT, "not compressed");
	add_coded(&up, MASKED, &a, "{\"name\":\"one\",\"of\":\"the third message\"}", 2);
	add_coded(&down, 0, &b, "one two three one two three", 2);
	add_coded(&down, 0, &b, "one two three one two three", 1);
	deflateEnd(&a);
	deflateEnd(&b);
	same_however_cut(WS_DEFLATE);
	assert_non_null(strstr(got, "'{\"name\":\"one\",\"of\":\"the third m"));
	assert_non_null(strstr(got, "to client 27 'one two three one two three' "));
	assert_null(strchr(got, '+'));
	up.n = down.n = 0;
	for (uint32_t i = 0; i < 3; i++)
		add_coded(&down, 0, NULL, "one two three one two three", 1 + i);
	add_text(&up, MASKED | FINAL, WS_TEXT, "-");
	same_however_cut(WS_DEFLATE_ALONE);
	assert_null(strchr(got, '+'));
	// Nothing was agreed upon, or nobody knows what.
	ws_open_with(WS_ANSWER);
	give(SERVER, down.p, down.n);
	assert_non_null(strstr(got, "+ws_bad_frame +ws_not_decoded"));
	conn_close();
	ws_open_with(WS_ANSWER_WITH("Sec-WebSocket-Extensions: x-other\r\n"));
	give(SERVER, down.p, down.n);
	assert_null(strstr(got, "+ws_bad_frame"));
	assert_non_null(strstr(got, " +ws_not_decoded"));
	assert_null(strstr(got, "to client"));
	conn_close();
}

// ---- holes

static void test_gap_inside(void **)
{
	for (uint32_t from = 0; from <= 40; from++) {
		for (uint32_t n = 1; n <= 40 - from; n++) {
			start(WS_ANSWER);
			add_text(&down, FINAL, WS_TEXT, "0123456789012345678901234567890123456789");
			size_t end = down.n;
			add_text(&down, FINAL, WS_TEXT, "after");
			give(SERVER, down.p, 2 + from);
			lose(SERVER, n);
			give(SERVER, down.p + 2 + from + n, down.n - 2 - from - n);
			conn_close();
			assert_true(end > 0);
			assert_non_null(strstr(got, "s1. 40 +tcp_gap +http_body_incomplete\n"));
			assert_non_null(strstr(got, "to client (part)"));
			assert_non_null(strstr(got, "to client 5 'after' "));
		}
	}
	// The key goes on where it would.
	start(WS_ANSWER);
	add_text(&up, MASKED | FINAL, WS_TEXT, "0123456789");
	give(CLIENT, up.p, 6 + 3);
	lose(CLIENT, 2);
	give(CLIENT, up.p + 6 + 5, 5);
	conn_close();
	assert_non_null(strstr(got, "to server (part) 8 '012'"));
	assert_int_equal(env.stats.ws_resyncs, 0);
}

static void test_gap_over(void **)
{
	start(WS_ANSWER);
	for (uint32_t i = 0; i < 6; i++)
		add_text(&down, FINAL, WS_TEXT, "0123456789");
	give(SERVER, down.p, 12);
	give(SERVER, down.p + 12, 5);
	lose(SERVER, 10); // over a header
	give(SERVER, down.p + 27, 9);
	// Each of the others begins a piece: the first two prove it, the third is told.
	for (uint32_t i = 3; i < 6; i++)
		give(SERVER, down.p + 12 * i, 12);
	conn_close();
	uint32_t frames = 0;

	for (const char *p = got; (p = strstr(p, "s1. 10 ")); p++)
		frames++;
	assert_int_equal(frames, 3);
	assert_non_null(strstr(got, "s1. 10 +tcp_gap"));
	assert_int_equal(env.stats.ws_resyncs, 1);
	env.stats.ws_resyncs = 0;
	// In one piece nothing proves that the bytes are frames.
	start(WS_ANSWER);
	for (uint32_t i = 0; i < 6; i++)
		add_text(&down, FINAL, WS_TEXT, "0123456789");
	lose(SERVER, 10);
	give(SERVER, down.p, down.n);
	conn_close();
	assert_told("");
	assert_int_equal(env.stats.ws_resyncs, 0);
}

// Payload that looks like headers, and the end of the search.
static void test_gap_lookalikes(void **)
{
	static uint8_t same[4096];

	for (uint32_t c = 0; c < 256; c++) {
		memset(same, (int)c, sizeof(same));
		for (uint32_t dir = 0; dir < 2; dir++) {
			start(WS_ANSWER);
			lose(dir, 10);
			for (uint32_t i = 0; i < 8; i++)
				give(dir, same, 100 + i * 7);
			conn_close();
			// 0x82 82 … is a masked frame of two bytes, again and again.
			if (c != 0x81 && c != 0x82 && !(c >= 0x88 && c <= 0x8a))
				assert_told("");
		}
	}
	start(WS_ANSWER);
	env.stats.ws_lost = 0;
	lose(CLIENT, 10);
	lose(SERVER, 0);
	memset(same, 0xff, sizeof(same));
	for (uint32_t i = 0; i < 600; i++) {
		give(CLIENT, same, sizeof(same));
		give(SERVER, same, sizeof(same));
	}
	assert_false(alive);
	assert_int_equal(env.stats.ws_lost, 2);
	conn_close();
}

static void test_gap_deflate(void **)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	start(WS_DEFLATE);
	add_coded(&down, 0, &z, "one two three one two three", 1);
	size_t first = down.n;
	add_coded(&down, 0, &z, "one two three one two three", 1);
	deflateEnd(&z);
	give(SERVER, down.p, 6);
	lose(SERVER, 3);
	give(SERVER, down.p + 9, down.n - 9);
	conn_close();
	// The second one needs what was lost of the first.
	assert_non_null(strstr(got, "+ws_not_decoded"));
	assert_null(strstr(got, "three'"));
	start(WS_DEFLATE_ALONE);
	add_coded(&down, 0, NULL, "one two three one two three", 1);
	first = down.n;
	add_coded(&down, 0, NULL, "one two three one two three", 1);
	give(SERVER, down.p, 6);
	lose(SERVER, 3);
	give(SERVER, down.p + 9, down.n - 9);
	conn_close();
	assert_true(first > 9);
	assert_null(strstr(got, "+ws_not_decoded"));
	assert_non_null(strstr(got, "to client 27 'one two three one two three' "));
}

// ---- against the standard

static void test_bad_frames(void **)
{
	static const struct {
		const char *bytes;
		uint32_t len;
		const char *told;
	} cases[] = {
		{"\x83\x01x", 3, "s3. 1"},  // reserved opcode
		{"\x8b\x01x", 3, "s11. 1"}, // … of a control frame
		{"\x91\x01x", 3, "s1. 1"},  // reserved bit
		{"\x81\x81"
		 "kkkk"
		 "\x13",
		 7, "s1. 1"},                      // a masked server
		{"\x09\x01x", 3, "s9 1"},          // a ping in parts
		{"\x81\x7e\x00\x01x", 5, "s1. 1"}, // a length in two bytes for one
		{"\x80\x01x", 3, "s0. 1"},         // continues nothing
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(WS_ANSWER);
		give(SERVER, cases[i].bytes, cases[i].len);
		give(SERVER, "\x81\x02ok", 4);
		conn_close();
		const char *line = strstr(got, cases[i].told);

		assert_non_null(line);
		assert_true(strstr(line, "+ws_bad_frame") &&
			    strstr(line, "+ws_bad_frame") < strchr(line, '\n'));
		assert_non_null(strstr(got, "to client 2 'ok' "));
	}
	// A message begins inside another one.
	start(WS_ANSWER);
	give(SERVER, "\x01\x02no\x81\x02ok", 8);
	conn_close();
	assert_non_null(strstr(got, "to client (part) 2 'no' +http_body_incomplete\n"));
	assert_non_null(strstr(got, "to client 2 'ok' "));
	// Longer than anything: the direction ends, the other one goes on.
	start(WS_ANSWER);
	give(SERVER, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00xyz", 13);
	give(SERVER, "\x81\x02ok", 4);
	give(CLIENT,
	     "\x81\x82"
	     "kkkk"
	     "\x04\x00",
	     8);
	assert_true(alive);
	conn_close();
	assert_non_null(strstr(got, "s2. 9223372036854775808 +http_body_incomplete +ws_bad_frame"));
	assert_non_null(strstr(got, "to server 2 'ok' "));
	assert_null(strstr(got, "to client"));
	// Something else altogether.
	start(WS_ANSWER);
	for (uint32_t i = 0; i < 100; i++)
		give(SERVER, "\xff\x00", 2);
	conn_close();
	uint32_t frames = 0;

	for (const char *p = got; (p = strstr(p, "+ws_bad_frame")); p++)
		frames++;
	assert_int_equal(frames, ERRORS_MAX);
}

static void test_utf8(void **)
{
	start(WS_ANSWER);
	add_text(&up, MASKED, WS_TEXT, "\xe2\x82");
	add_text(&up, MASKED | FINAL, WS_CONTINUATION, "\xac");
	add_text(&up, MASKED | FINAL, WS_TEXT, "\xe2\x82");
	add_text(&up, MASKED | FINAL, WS_TEXT,
		 "a\xff"
		 "b");
	add_text(&up, MASKED | FINAL, WS_BINARY,
		 "a\xff"
		 "b");
	give(CLIENT, up.p, up.n);
	conn_close();
	uint32_t bad = 0;

	for (const char *p = got; (p = strstr(p, "+ws_bad_utf8")); p++)
		bad++;
	assert_int_equal(bad, 4); // two messages, each with its frame
	assert_non_null(strstr(got, "to server 3 '\xe2\x82\xac' "));
}

// ---- bounds

static void test_bounds(void **)
{
	static uint8_t piece[4096];

	// Fragments without end, and frames of 2^62 bytes.
	start(WS_ANSWER);
	give(CLIENT,
	     "\x01\x80"
	     "kkkk",
	     6);
	for (uint32_t i = 0; i < 100000; i++) {
		give(CLIENT,
		     "\x00\x81"
		     "kkkk"
		     "\x0a",
		     7);
		got_len = 0;
	}
	give(SERVER, "\x02\x7f\x40\x00\x00\x00\x00\x00\x00\x00", 10);
	for (uint32_t i = 0; i < 20000; i++)
		give(SERVER, piece, sizeof(piece));
	assert_true(alive);
	assert_int_equal(env.tx.used, 2);
	assert_int_equal(env.body.used, 2);
	assert_int_equal(ws_blocks()->used, 1);
	conn_close();
	// A bomb, and what follows it.
	static uint8_t zeros[2 << 20], coded[1 << 14];
	size_t n = deflate_message(NULL, zeros, sizeof(zeros), coded, sizeof(coded));

	start(WS_DEFLATE_ALONE);
	add_frame(&down, FINAL | RSV1, WS_BINARY, coded, n);
	add_coded(&down, 0, NULL, "next", 1);
	give(SERVER, down.p, down.n);
	conn_close();
	assert_non_null(strstr(got, "+decompression_bomb"));
	assert_non_null(strstr(got, "to client 4 'next' "));
}

static void test_no_block(void **)
{
	void *a = pool_get(ws_blocks()), *b = pool_get(ws_blocks());

	conn_open();
	give_text(CLIENT, WS_REQUEST);
	give_text(SERVER, WS_ANSWER);
	give(SERVER, "\x81\x02ok", 4);
	assert_false(alive);
	pool_put(ws_blocks(), a);
	pool_put(ws_blocks(), b);
	conn_close();
	// Without transactions frames are told all the same.
	while (env.tx.used < env.tx.n)
		assert_non_null(pool_get(&env.tx));
	conn_open();
	give_text(CLIENT, WS_REQUEST);
	give_text(SERVER, WS_ANSWER);
	give(SERVER, "\x81\x02ok", 4);
	assert_true(alive);
	pool_reset(&env.tx);
	conn_close();
	assert_non_null(strstr(got, "s1. 2 "));
	assert_null(strstr(got, "to client"));
}

// ---- before the answer

static void test_early(void **)
{
	static const char told[] = "/chat?room=7 101\n";

	conversation();
	for (size_t cut = 1; cut < up.n; cut++) {
		conn_open();
		give_text(CLIENT, WS_REQUEST);
		give(CLIENT, up.p, cut);
		give_text(SERVER, WS_ANSWER);
		give(CLIENT, up.p + cut, up.n - cut);
		conn_close();
		assert_memory_equal(got, told, sizeof(told) - 1);
		assert_non_null(strstr(got, "c8. 5 "));
		assert_non_null(strstr(got, "to server 6 'Hello ' "));
		assert_null(strchr(got, '+'));
	}
	// In the piece of the request.
	struct bytes *all = &down;
	all->n = strlen(WS_REQUEST);
	memcpy(all->p, WS_REQUEST, all->n);
	add_text(all, MASKED | FINAL, WS_TEXT, "early");
	conn_open();
	give(CLIENT, all->p, all->n);
	give_text(SERVER, WS_ANSWER);
	conn_close();
	assert_non_null(strstr(got, "to server 5 'early' "));
	// More than is kept: what came first is not lost, what is behind the hole is not guessed.
	static uint8_t large[6000];
	conn_open();
	give_text(CLIENT, WS_REQUEST);
	up.n = 0;
	add_text(&up, MASKED | FINAL, WS_TEXT, "first");
	add_frame(&up, MASKED | FINAL, WS_BINARY, large, sizeof(large));
	give(CLIENT, up.p, up.n);
	give_text(SERVER, WS_ANSWER);
	conn_close();
	assert_non_null(strstr(got, "to server 5 'first' "));
	assert_non_null(strstr(got, "c2. 6000 +tcp_gap +http_body_incomplete"));
	// It was no upgrade after all.
	conn_open();
	give_text(CLIENT, WS_REQUEST);
	give(CLIENT, up.p, 11);
	give_text(SERVER, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
	give_text(CLIENT, WS_REQUEST);
	give_text(SERVER, WS_ANSWER);
	give(SERVER, "\x81\x02ok", 4);
	conn_close();
	assert_non_null(strstr(got, "/chat?room=7 400\n"));
	assert_non_null(strstr(got, "to client 2 'ok' "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),        cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_deflate_cuts), cmocka_unit_test(test_gap_inside),
		cmocka_unit_test(test_gap_over),     cmocka_unit_test(test_gap_lookalikes),
		cmocka_unit_test(test_gap_deflate),  cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_utf8),         cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_no_block),     cmocka_unit_test(test_early),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
