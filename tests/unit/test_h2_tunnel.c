// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// WebSocket in streams of HTTP/2 (RFC 8441), beside other streams, compressed, cut, with holes.

#include "tests/unit/h2_harness.h"

static void ask(uint32_t id, const char *protocol)
{
	headers(CLIENT, 0, id, ":method", "CONNECT", ":protocol", protocol, ":scheme", "https",
		":path", "/chat", ":authority", "h", "sec-websocket-version", "13", NULL);
}

// A text frame of the client; its key is of zeros and ones.
static void client_text(uint32_t id, uint32_t flags, const char *text)
{
	uint8_t frame_bytes[256] = {0x81, (uint8_t)(0x80 | strlen(text)), 0, 1, 0, 1};

	for (uint32_t i = 0; text[i]; i++)
		frame_bytes[6 + i] = (uint8_t)text[i] ^ (i & 1);
	frame(CLIENT, H2_DATA, (uint8_t)flags, id, frame_bytes, 6 + (uint32_t)strlen(text));
}

static void server_bytes(uint32_t id, uint32_t flags, const char *bytes, uint32_t n)
{
	frame(SERVER, H2_DATA, (uint8_t)flags, id, bytes, n);
}

#define HELLO "\x81\x05hello"

static void test_messages(void **)
{
	begin();
	ask(1, "websocket");
	ask(3, "WebSocket");
	headers(SERVER, 0, 1, ":status", "200", NULL);
	client_text(1, 0, "{\"a\":1}");
	headers(SERVER, 0, 3, ":status", "200", "sec-websocket-extensions",
		"permessage-deflate; server_no_context_takeover", NULL);
	GET(5, "/other");
	server_bytes(1, 0, HELLO, 7);
	// RFC 7692 section 7.2.3.1, in two DATA frames.
	server_bytes(3, 0, "\xc1\x07\xf2\x48", 4);
	headers(SERVER, H2_END_STREAM, 5, ":status", "204", NULL);
	server_bytes(3, 0, "\xcd\xc9\xc9\x07\x00", 5);
	server_bytes(1, H2_END_STREAM, "\x88\x00", 2);
	client_text(3, H2_END_STREAM, "bye");
	client_text(1, 0, "late");
	server_bytes(3, 0, HELLO, 7);
	frame(CLIENT, H2_DATA, H2_END_STREAM, 1, NULL, 0);
	expect("messages", "1 CONNECT /chat [0] 200 [0]\n"
			   "ws C /chat h 200 [7 {\"a\":1}]\n"
			   "3 CONNECT /chat [0] 200 [0]\n"
			   "ws S /chat h 200 [5 hello]\n"
			   "5 GET /other [0] 204 [0]\n"
			   "ws S /chat h 200 [5 Hello]\n"
			   "ws C /chat h 200 [3 bye]\n"
			   "ws C /chat h 200 [4 late]\n"
			   "ws S /chat h 200 [5 hello]\n");
}

// Refused, another protocol, reset, given up: no messages, and nothing is left behind.
static void test_no_tunnel(void **)
{
	begin();
	ask(1, "websocket");
	headers(SERVER, 0, 1, ":status", "403", NULL);
	server_bytes(1, H2_END_STREAM, HELLO, 7);
	ask(3, "connect-udp");
	headers(SERVER, 0, 3, ":status", "200", NULL);
	server_bytes(3, H2_END_STREAM, HELLO, 7);
	ask(5, "websocket");
	headers(SERVER, 0, 5, ":status", "200", NULL);
	frame(CLIENT, H2_RST_STREAM, 0, 5, "\0\0\0\x08", 4);
	server_bytes(5, 0, HELLO, 7);
	frame(CLIENT, H2_DATA, H2_END_STREAM, 1, NULL, 0);
	run(UINT32_MAX, false);
	assert_null(strstr(got, "ws "));
	assert_non_null(strstr(got, "1 CONNECT /chat [0] 403 [7 " HELLO "]\n"));
	// All blocks are taken.
	begin();
	for (uint32_t id = 1; id < 15; id += 2) {
		ask(id, "websocket");
		headers(SERVER, 0, id, ":status", "200", NULL);
		server_bytes(id, 0, HELLO, 7);
	}
	run(UINT32_MAX, false);
	uint32_t n = 0;

	for (const char *p = got; (p = strstr(p, "ws S")); p++)
		n++;
	assert_int_equal(n, 4);
}

// A hole inside a payload is stepped over; behind any other one nothing is believed at once.
static void test_holes(void **)
{
	begin();
	ask(1, "websocket");
	headers(SERVER, 0, 1, ":status", "200", NULL);
	for (uint32_t i = 0; i < 8; i++)
		server_bytes(1, 0, HELLO, 7);
	uint32_t from = turns[n_turns - 1].at + turns[n_turns - 1].len - 8 * 16;
	uint32_t whole = wire_len;

	for (uint32_t at = from; at < whole; at++) {
		for (uint32_t len = 1; len < 40 && at + len <= whole; len += 3) {
			conn_open(false);
			for (uint32_t k = 0; k + 1 < n_turns; k++)
				give(turns[k].dir, wire + turns[k].at, turns[k].len);
			give(SERVER, wire + turns[n_turns - 1].at, at - turns[n_turns - 1].at);
			lose(SERVER, len);
			give(SERVER, wire + at + len, whole - at - len);
			conn_close(CLOSE_FIN);
			for (const char *p = got; (p = strstr(p, "ws S")); p++) {
				bool good = strncmp(p, "ws S /chat h 200 [5 hello]\n", 27) == 0;
				bool marked = strncmp(p, "ws S /chat h 200 [! ", 20) == 0;

				assert_true(good || marked);
			}
		}
	}
}

// Bytes of the client that come before the answer are gone; what follows is found again.
static void test_early(void **)
{
	begin();
	ask(1, "websocket");
	client_text(1, 0, "early");
	headers(SERVER, 0, 1, ":status", "200", NULL);
	server_bytes(1, 0, HELLO, 7);
	run(UINT32_MAX, false);
	assert_string_equal(got, "1 CONNECT /chat [0] 200 [0]\nws S /chat h 200 [5 hello]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_messages, fresh),
		cmocka_unit_test_setup(test_no_tunnel, fresh),
		cmocka_unit_test_setup(test_holes, fresh),
		cmocka_unit_test_setup(test_early, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
