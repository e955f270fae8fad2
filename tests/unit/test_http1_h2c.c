// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// HTTP/2 by upgrade (h2c), where the client's first bytes of HTTP/2 cross the tap before the
// answer to its request: they are the next parser's, however they are cut.

#include "tests/unit/http1_harness.h"

static bool never(struct pctx *, enum dir, struct span)
{
	return false;
}

const struct parser next_parser = {.name = "next", .rank = 60, .upgrade = "h2c", .data = never};
PARSER_REGISTER(next_parser);

#define PREFACE  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define ASK      "GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
#define SWITCH   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"

static void test_preface_first(void **)
{
	static const char early[] = PREFACE SETTINGS;
	uint32_t n = sizeof(early) - 1;

	for (uint32_t at = 0; at <= n; at++) {
		for (uint32_t sent = at; sent <= n; sent++) {
			conn_open(false);
			give_text(CLIENT, ASK);
			give(CLIENT, early, at);
			give(CLIENT, early + at, sent - at);
			give_text(SERVER, SWITCH);
			assert_true(env.hand.set);
			assert_ptr_equal(env.hand.next, &next_parser);
			assert_non_null(env.hand.tx);
			assert_string_equal(got, "");
			assert_int_equal(env.hand.early_len, sent);
			assert_false(env.hand.early_lost);
			if (sent) {
				assert_int_equal(env.hand.early_off, strlen(ASK));
				assert_memory_equal(env.hand.early, early, sent);
				pool_put(&env.head4k, env.hand.early);
			}
			http_exchange_drop(&env, env.hand.tx);
			env.hand = (struct handover){0};
			conn_close(CLOSE_HANDOVER);
		}
	}
}

// Other requests behind it are requests, also those whose methods begin like that; and without a
// request to upgrade nothing is kept.
static void test_no_preface(void **)
{
	static const char *const next[] = {
		"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		"PRI * HTTP/2.1\r\nHost: h\r\n\r\n", "PRI /x HTTP/1.1\r\nHost: h\r\n\r\n"};

	for (uint32_t i = 0; i < 3; i++) {
		for (uint32_t at = 0; at < strlen(next[i]); at++) {
			conn_open(false);
			give_text(CLIENT, ASK);
			give(CLIENT, next[i], at);
			give_text(CLIENT, next[i] + at);
			give_text(SERVER, OK);
			give_text(SERVER, OK);
			assert_false(env.hand.set);
			conn_close(CLOSE_FIN);
			assert_non_null(strstr(got, "GET /a [-] 200 [L2 ok]\nP"));
			assert_non_null(strstr(strchr(got, '\n'), " 200 [L2 ok]\n"));
		}
	}
	conn_open(false);
	give_text(CLIENT, GET("/a") PREFACE);
	give_text(SERVER, OK);
	conn_close(CLOSE_FIN);
	assert_true(strncmp(got, "GET /a [-] 200 [L2 ok]\n", 23) == 0);
	// The server does not switch: what the client went on with is not understood.
	conn_open(false);
	give_text(CLIENT, ASK);
	give_text(CLIENT, PREFACE);
	give_text(SERVER, OK);
	assert_false(env.hand.set);
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "GET /a [-] 200 [L2 ok]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_preface_first, fresh),
		cmocka_unit_test_setup(test_no_preface, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
