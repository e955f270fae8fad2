// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Requests that take minutes to arrive: told of while they do, and whole when they end after all.

#include "tests/unit/http1_harness.h"

#define SECOND UINT64_C(1000000000)

static uint32_t held;

static void on_held(void *, struct http_tx *tx)
{
	assert_int_equal((uintptr_t)tx->detect, TOLD_REQUEST);
	assert_true(tx->msg[CLIENT].last_ns - tx->msg[CLIENT].first_ns >= REQUEST_HELD_NS);
	assert_int_equal(tx->msg[CLIENT].last_ns, ctx.now_ns);
	assert_memory_equal(tx->uri.p, "/a", 2);
	held++;
}

static void begin(void)
{
	env.sink.held = on_held;
	held = 0;
	conn_open(false);
	ctx.acked[CLIENT] = 1; // the server is there
}

static void at(uint64_t seconds, enum dir dir, const char *text)
{
	ctx.now_ns = seconds * SECOND;
	give_text(dir, text);
}

static void test_head(void **)
{
	begin();
	at(1, CLIENT, "POST /a HTTP/1.1\r\nHost: a\r\n");
	at(31, CLIENT, "X: ");
	at(60, CLIENT, "1\r\n");
	assert_int_equal(held, 0);
	assert_non_null(conn.side[CLIENT].gather);
	at(61, CLIENT, "Y: 2");
	assert_int_equal(held, 1);
	at(70, CLIENT, "\r\nContent-Length: 3\r\n\r\nab");
	assert_int_equal(held, 2);
	at(80, CLIENT, "c");
	assert_int_equal(held, 2); // that was its end
	at(81, SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(got, "POST /a [L3 abc cut] 200 [L]\n");
	// The next one is like any.
	at(82, CLIENT, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
	at(82, SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(held, 2);
	assert_non_null(strstr(got, "GET /b [-] 200 [L]\n"));
	conn_close(CLOSE_FIN);
}

static void test_body(void **)
{
	begin();
	at(1, CLIENT, "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
	at(60, CLIENT, "1");
	assert_int_equal(held, 0);
	at(61, CLIENT, "\r\n");
	assert_int_equal(held, 1);
	conn_close(CLOSE_TIMEOUT);
	assert_int_equal(held, 1);
	assert_non_null(strstr(got, "POST /a [C! +"));
	assert_int_equal(env.tx.used, 0);
}

// The server is not seen: it may have answered.
static void test_one_side(void **)
{
	begin();
	ctx.acked[CLIENT] = 0;
	at(1, CLIENT, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1");
	at(100, CLIENT, "2");
	assert_int_equal(held, 0);
	ctx.acked[CLIENT] = delivered[CLIENT];
	at(101, CLIENT, "3");
	assert_int_equal(held, 1);
	conn_close(CLOSE_TIMEOUT);
}

// A response may take as long as it likes, and so may what is no request yet, or no longer HTTP.
static void test_others(void **)
{
	begin();
	at(1, CLIENT, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
	at(2, SERVER, "HTTP/1.1 200 OK\r\nContent-Le");
	at(90, SERVER, "ngth: 2\r\n\r\na");
	at(190, SERVER, "b");
	at(200, CLIENT, "GET /");
	at(300, CLIENT, "a");
	assert_int_equal(held, 0);
	assert_string_equal(got, "GET /a [-] 200 [L2 ab]\n");
	at(301, CLIENT, " HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(held, 0);
	conn_close(CLOSE_FIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_head, fresh),
		cmocka_unit_test_setup(test_body, fresh),
		cmocka_unit_test_setup(test_one_side, fresh),
		cmocka_unit_test_setup(test_others, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
