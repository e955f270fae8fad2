// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What HTTP/2 connections say, seen whole: each conversation is delivered in every cutting and must
// tell the same.

#include "tests/unit/h2_harness.h"

static void test_exchanges(void **)
{
	begin();
	GET(1, "/a?x=1");
	OK(1);
	POST(3, "/b");
	data(CLIENT, 0, 3, "{\"a\":");
	data(CLIENT, H2_END_STREAM, 3, "1}");
	OK(3);
	headers(CLIENT, H2_END_STREAM, 5, ":method", "HEAD", ":scheme", "http", ":path", "/c",
		":authority", "h", NULL);
	headers(SERVER, H2_END_STREAM, 5, ":status", "204", "content-length", "7", NULL);
	expect("in order", "1 GET /a?x=1 [0] 200 [2 ok]\n"
			   "3 POST /b [7 {\"a\":1}] 200 [2 ok]\n"
			   "5 HEAD /c [0] 204 [0]\n");
}

static void test_interleaved(void **)
{
	begin();
	POST(1, "/1");
	POST(3, "/3");
	data(CLIENT, 0, 3, "three");
	data(CLIENT, 0, 1, "one");
	POST(5, "/5");
	data(CLIENT, H2_END_STREAM, 3, " of them");
	data(CLIENT, H2_END_STREAM, 5, "");
	headers(SERVER, 0, 3, ":status", "201", NULL);
	headers(SERVER, 0, 1, ":status", "202", NULL);
	data(SERVER, 0, 1, "a");
	data(SERVER, H2_END_STREAM, 3, "b");
	data(SERVER, H2_END_STREAM, 1, "c");
	data(CLIENT, H2_END_STREAM, 1, " more");
	OK(5);
	expect("interleaved", "3 POST /3 [13 three of them] 201 [1 b]\n"
			      "1 POST /1 [8 one more] 202 [2 ac]\n"
			      "5 POST /5 [0] 200 [2 ok]\n");
}

static void test_continuation_padding(void **)
{
	uint8_t block[512], padded[900] = {20, 0x80, 0, 0, 0, 255};
	nghttp2_nv nv[] = {
		{(uint8_t *)":method", (uint8_t *)"PUT", 7, 3, 0},
		{(uint8_t *)":path", (uint8_t *)"/p", 5, 2, 0},
	};

	begin();
	headers_cut(CLIENT, H2_END_STREAM, 1, 1, ":method", "GET", ":path", "/cut", "x-a", "b",
		    NULL);
	OK(1);
	ssize_t n = nghttp2_hd_deflate_hd(encoder[CLIENT], block, sizeof(block), nv, 2);

	memcpy(padded + 6, block, (size_t)n);
	frame(CLIENT, H2_HEADERS, H2_END_HEADERS | H2_PADDED | H2_PRIORITIZED, 3, padded,
	      (uint32_t)n + 26);
	frame(CLIENT, H2_PRIORITY, 0, 5, "\0\0\0\1\5", 5);
	frame(CLIENT, H2_DATA, H2_PADDED, 3, "\3abc\0\0\0", 7);
	frame(CLIENT, H2_DATA, H2_PADDED | H2_END_STREAM, 3, "\0d", 2);
	frame(CLIENT, 0xbb, 0xff, 0, "grease", 6);
	frame(SERVER, 0x0a, 0, 1, "altsvc", 6);
	OK(3);
	expect("padding", "1 GET /cut [0] 200 [2 ok]\n3 PUT /p [4 abcd] 200 [2 ok]\n");
}

static void test_trailers_interim(void **)
{
	begin();
	headers(CLIENT, 0, 1, ":method", "POST", ":path", "/s.S/M", "content-type",
		"application/grpc", "te", "trailers", NULL);
	frame(CLIENT, H2_DATA, H2_END_STREAM, 1, "\0\0\0\0\2ab\0\0\0\0\0", 12);
	headers(SERVER, 0, 1, ":status", "103", "link", "</x>", NULL);
	headers(SERVER, 0, 1, ":status", "200", "content-type", "application/grpc+proto", NULL);
	frame(SERVER, H2_DATA, 0, 1, "\0\0\0\0\3xy", 7);
	frame(SERVER, H2_DATA, 0, 1, "z", 1);
	headers(SERVER, H2_END_STREAM, 1, "grpc-status", "5", "grpc-message", "none", NULL);
	headers(CLIENT, H2_END_STREAM, 3, ":method", "POST", ":path", "/s.S/N", "content-type",
		"application/grpc", NULL);
	headers(SERVER, H2_END_STREAM, 3, ":status", "200", "content-type", "application/grpc",
		"grpc-status", "12", NULL);
	run(UINT32_MAX, false);
	assert_non_null(strstr(got, "1 POST /s.S/M [12 "));
	assert_non_null(strstr(got, " grpc 5 2/1\n"));
	assert_non_null(strstr(got, "3 POST /s.S/N [0] 200 [0] grpc 12 0/0\n"));
	char *whole = strdup(got);

	expect("grpc", whole);
	free(whole);
}

static void test_push_reset(void **)
{
	uint8_t promise[256] = {0, 0, 0, 2};
	nghttp2_nv nv[] = {
		{(uint8_t *)":method", (uint8_t *)"GET", 7, 3, 0},
		{(uint8_t *)":path", (uint8_t *)"/pushed", 5, 7, 0},
	};

	begin();
	GET(1, "/page");
	ssize_t n = nghttp2_hd_deflate_hd(encoder[SERVER], promise + 4, sizeof(promise) - 4, nv, 2);

	frame(SERVER, H2_PUSH_PROMISE, H2_END_HEADERS, 1, promise, (uint32_t)n + 4);
	OK(1);
	OK(2);
	GET(3, "/reset");
	headers(SERVER, 0, 3, ":status", "200", NULL);
	data(SERVER, 0, 3, "half");
	frame(CLIENT, H2_RST_STREAM, 0, 3, "\0\0\0\10", 4);
	data(SERVER, H2_END_STREAM, 3, "the rest");
	GET(5, "/goaway");
	frame(SERVER, H2_GOAWAY, 0, 0, "\0\0\0\5\0\0\0\0bye", 11);
	OK(5);
	POST(7, "/early");
	data(CLIENT, 0, 7, "some");
	OK(7);
	frame(SERVER, H2_RST_STREAM, 0, 7, "\0\0\0\0", 4);
	expect("push and reset", "1 GET /page [0] 200 [2 ok]\n"
				 "2 GET /pushed [0] 200 [2 ok]\n"
				 "3 GET /reset [0 +h2_stream_reset] 200 [! +http_body_incomplete]\n"
				 "5 GET /goaway [0] 200 [2 ok]\n"
				 "7 POST /early [! +http_body_incomplete] 200 [2 ok]\n");
}

static void test_connect(void **)
{
	begin();
	headers(CLIENT, 0, 1, ":method", "CONNECT", ":authority", "db:5432", NULL);
	headers(SERVER, 0, 1, ":status", "200", NULL);
	data(CLIENT, 0, 1, "GET / HTTP/1.1\r\n");
	data(SERVER, H2_END_STREAM, 1, "tunnel");
	headers(CLIENT, 0, 3, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http",
		":path", "/chat", ":authority", "h", NULL);
	headers(SERVER, 0, 3, ":status", "200", NULL);
	data(CLIENT, 0, 3, "frame");
	headers(CLIENT, 0, 5, ":method", "CONNECT", ":authority", "no:1", NULL);
	headers(SERVER, 0, 5, ":status", "403", NULL);
	data(SERVER, H2_END_STREAM, 5, "no");
	data(CLIENT, H2_END_STREAM, 5, "");
	expect("tunnels", "1 CONNECT db:5432 [0] 200 [0]\n3 CONNECT /chat [0] 200 [0]\n"
			  "5 CONNECT no:1 [0] 403 [2 no]\n");
	assert_true(env.stats.h2_tunnels > 0);
}

// A message of which nothing was sent but its head, on a side that was closed.
static void test_ends(void **)
{
	begin();
	headers(CLIENT, 0, 1, ":method", "GET", ":path", "/open", NULL);
	OK(1);
	POST(3, "/part");
	data(CLIENT, 0, 3, "par");
	GET(5, "/silent");
	expect("closed", "1 GET /open [0 +http_body_incomplete] 200 [2 ok]\n"
			 "3 POST /part [! +http_body_incomplete] 0 []\n"
			 "5 GET /silent [0] 0 []\n");
	conn_open(false);
	deliver(UINT32_MAX);
	conn_close(CLOSE_TIMEOUT);
	assert_told("forgotten", "1 GET /open [! +http_body_incomplete] 200 [2 ok]\n"
				 "3 POST /part [! +http_body_incomplete] 0 []\n"
				 "5 GET /silent [0] 0 []\n");
}

static void test_smuggling(void **)
{
	begin();
	headers(CLIENT, 0, 1, ":method", "POST", ":path", "/cl", "content-length", "5", NULL);
	data(CLIENT, H2_END_STREAM, 1, "eleven bytes");
	OK(1);
	headers(CLIENT, H2_END_STREAM, 3, ":method", "GET", ":path", "/te", "transfer-encoding",
		"chunked", NULL);
	OK(3);
	headers(CLIENT, H2_END_STREAM, 5, ":method", "GET", ":path", "/crlf", "x-a",
		"b\r\nHost: evil", NULL);
	OK(5);
	headers(CLIENT, H2_END_STREAM, 7, ":method", "GET", ":path", "/x HTTP/1.1", NULL);
	OK(7);
	headers(CLIENT, H2_END_STREAM, 9, ":method", "GET", ":path", "/ok\r\nx: y", NULL);
	OK(9);
	headers(CLIENT, H2_END_STREAM, 11, ":method", "GET", ":path", "/colon", "a: b", "c", NULL);
	OK(11);
	headers(CLIENT, H2_END_STREAM, 13, ":method", "GET", ":path", "/twice", ":path", "/other",
		"x", "y", ":method", "PUT", "connection", "close", NULL);
	OK(13);
	expect("smuggling",
	       "1 POST /cl [12 eleven bytes +h2_downgrade_smuggling] 200 [2 ok]\n"
	       "3 GET /te [0 +h2_downgrade_smuggling] 200 [2 ok]\n"
	       "5 GET /crlf [0 +http_bad_header_value +h2_downgrade_smuggling] 200 [2 ok]\n"
	       "7 GET /x HTTP/1.1 [0 +http_bad_request_line +h2_downgrade_smuggling] 200 [2 ok]\n"
	       "9 GET - [0 +http_bad_header_value +h2_downgrade_smuggling] 200 [2 ok]\n"
	       "11 GET /colon [0 +http_bad_header_name +h2_downgrade_smuggling] 200 [2 ok]\n"
	       "13 GET /twice [0 +h2_bad_pseudo_header +h2_connection_header] 200 [2 ok]\n");
}

static void test_bad_frames(void **)
{
	begin();
	data(CLIENT, H2_END_STREAM, 9, "of no stream");
	frame(CLIENT, H2_HEADERS, H2_PADDED | H2_END_HEADERS, 1, "\377abc", 4);
	frame(CLIENT, H2_RST_STREAM, 0, 1, "\0", 1);
	frame(SERVER, H2_CONTINUATION, H2_END_HEADERS, 1, "abc", 3);
	frame(SERVER, H2_PUSH_PROMISE, H2_END_HEADERS, 1, "ab", 2);
	frame(CLIENT, H2_SETTINGS, 0, 0, "\0\5\0", 3);
	run(UINT32_MAX, false);
	assert_int_equal(n_ended, 0);
	assert_true(env.stats.h2_bad_frames >= 4);
}

static void test_upgrade(void **)
{
	begin();
	OK(1);
	GET(3, "/next");
	OK(3);
	for (uint32_t size = 1; size < 60; size++) {
		struct http_tx *tx;

		conn_open(false);
		conn_close(CLOSE_FIN);
		tx = http_exchange_new(&env, &meta, 4);
		tx->msg[CLIENT].seen = tx->msg[CLIENT].complete = true;
		tx->msg[SERVER].seen = true;
		tx->status = 101;
		tx->method = tx->uri = span_make("/up", 3);
		tx->detect = (void *)1;
		ctx = (struct pctx){.env = &env, .conn = &meta, .state = state, .now_ns = 1};
		memset(state, 0, sizeof(state));
		env.hand = (struct handover){.set = true, .next = &h2_parser, .tx = tx};
		h2_parser.open(&ctx);
		assert_null(env.hand.tx);
		env.hand = (struct handover){0};
		alive = true;
		// The spans of the request lie in the capture of an exchange; these do not.
		tx->method = tx->uri = (struct span){0};
		deliver(size);
		conn_close(CLOSE_FIN);
		assert_told("upgrade", "1 - - [0] 200 [2 ok]\n3 GET /next [0] 200 [2 ok]\n");
	}
}

static void test_pools_empty(void **)
{
	begin();
	for (uint32_t i = 0; i < 4; i++)
		POST(1 + 2 * i, "/p");
	for (uint32_t i = 0; i < 4; i++) {
		data(CLIENT, H2_END_STREAM, 1 + 2 * i, "{}");
		OK(1 + 2 * i);
	}
	pools(2, 1, 1);
	run(UINT32_MAX, false);
	// Of two exchanges one is without capture: its request came in the only brief block, nothing
	// else of it is kept, and the lengths are known.
	assert_told("two exchanges", "1 POST /p [2 ] 200 [2 ]\n3 POST /p [2 {}] 200 [2 ok]\n");
	pools(2, 0, 1);
	run(UINT32_MAX, false);
	assert_told("no blocks", "1 - - [2 ] 200 [2 ]\n3 - - [2 ] 200 [2 ]\n");
	pools(9, 9, 0);
	conn_open(false);
	deliver(UINT32_MAX);
	assert_false(alive);
	conn_close(CLOSE_FIN);
}

static uint32_t held;

static void on_held(void *, struct http_tx *tx)
{
	assert_int_equal(tx->msg[CLIENT].last_ns, ctx.now_ns);
	assert_memory_equal(tx->uri.p, "/slow", 5);
	held++;
}

// Pieces of one request, forty seconds apart. How often the sink was told that it is held open.
static uint32_t hold(uint32_t n, bool grpc)
{
	begin();
	headers(CLIENT, 0, 1, ":method", "POST", ":path", "/slow", "content-type",
		grpc ? "application/grpc" : "text/plain", NULL);
	GET(3, "/fast");
	OK(3);
	for (uint32_t i = 0; i < n; i++) {
		data(CLIENT, i + 1 == n ? H2_END_STREAM : 0, 1, "piece");
		frame(SERVER, H2_WINDOW_UPDATE, 0, 1, "\0\0\0\5", 4);
	}
	OK(1);
	conn_open(false);
	env.sink.held = on_held;
	held = 0;
	for (uint32_t i = 0; i < n_turns; i++) {
		give(turns[i].dir, wire + turns[i].at, turns[i].len);
		ctx.now_ns += UINT64_C(20000000000);
	}
	env.sink.held = NULL;
	conn_close(CLOSE_FIN);
	assert_non_null(strstr(got, "3 GET /fast [0] 200 [2 ok]\n"));
	assert_non_null(strstr(got, "1 POST /slow ["));
	return held;
}

static void test_held(void **)
{
	// Of twelve the first comes after forty seconds, the last one is the end.
	assert_int_equal(hold(12, false), 10);
	assert_int_equal(hold(2, false), 0);
	assert_int_equal(hold(12, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_exchanges, fresh),
		cmocka_unit_test_setup(test_interleaved, fresh),
		cmocka_unit_test_setup(test_continuation_padding, fresh),
		cmocka_unit_test_setup(test_trailers_interim, fresh),
		cmocka_unit_test_setup(test_push_reset, fresh),
		cmocka_unit_test_setup(test_connect, fresh),
		cmocka_unit_test_setup(test_ends, fresh),
		cmocka_unit_test_setup(test_smuggling, fresh),
		cmocka_unit_test_setup(test_bad_frames, fresh),
		cmocka_unit_test_setup(test_upgrade, fresh),
		cmocka_unit_test_setup(test_pools_empty, fresh),
		cmocka_unit_test_setup(test_held, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
