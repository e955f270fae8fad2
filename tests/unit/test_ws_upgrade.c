// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a connection keeps of its upgrade, also when the heads were cut or are not there.

#include "ws_harness.h"

#include "flows/ws_upgrade.c"

static struct ws ws;
static struct http_tx tx;
static uint8_t heads[2][16 << 10];
static uint32_t used[2];

static void head(enum dir dir, const char *text)
{
	struct http1_head parsed;
	struct http_msg *msg = &tx.msg[dir];

	used[dir] = (uint32_t)strlen(text);
	memcpy(heads[dir], text, used[dir]);
	assert_true(http1_head_parse(span_make(heads[dir], used[dir]), dir, 256, &parsed));
	msg->seen = true;
	msg->head = heads[dir];
	msg->head_len = used[dir];
	msg->n_headers = parsed.n_headers;
	memcpy(msg->header, parsed.header, sizeof(msg->header));
	if (dir == CLIENT) {
		tx.method = parsed.method;
		tx.uri = parsed.uri;
	}
}

static void fresh(void)
{
	memset(&ws, 0xee, sizeof(ws));
	tx = (struct http_tx){.index = 4, .status = 101};
	head(CLIENT, WS_REQUEST);
	head(SERVER, WS_DEFLATE);
}

static void test_kept(void **)
{
	fresh();
	ws_upgrade_keep(&ws, &tx);
	memset(heads, 'x', sizeof(heads)); // it has its own
	assert_true(ws.known && ws.extensions.deflate && !ws.extensions.foreign);
	assert_int_equal(ws.index, 5);
	assert_true(span_eq(ws.uri, SPAN_LIT("/chat?room=7")) &&
		    span_eq(ws.method, SPAN_LIT("GET")));
	assert_true(span_eq(ws.head[CLIENT].header[HEADER_HOST], SPAN_LIT("h.test")));
	assert_int_equal(ws.head[CLIENT].head_len, strlen(WS_REQUEST));
	assert_memory_equal(ws.head[CLIENT].head, WS_REQUEST, strlen(WS_REQUEST));
	assert_memory_equal(ws.head[SERVER].head, WS_DEFLATE, strlen(WS_DEFLATE));
	assert_null(ws.head[CLIENT].header[HEADER_COOKIE].p);
}

// The type and coding of the upgrade are not those of messages.
static void test_not_kept(void **)
{
	fresh();
	head(CLIENT, "GET /chat?room=7 HTTP/1.1\r\nHost: h.test\r\nContent-Type: text/css\r\n"
		     "Content-Encoding: gzip\r\n\r\n");
	ws_upgrade_keep(&ws, &tx);
	assert_null(ws.head[CLIENT].header[HEADER_CONTENT_TYPE].p);
	assert_null(ws.head[CLIENT].header[HEADER_CONTENT_ENCODING].p);
	assert_non_null(ws.head[CLIENT].header[HEADER_HOST].p);
}

static void test_long(void **)
{
	static char text[12000];
	int n = snprintf(text, sizeof(text), "GET /chat?room=7 HTTP/1.1\r\nHost: h.test\r\nX: ");

	memset(text + n, 'y', 9000);
	strcpy(text + n + 9000, "\r\nUser-Agent: far away\r\n\r\n");
	fresh();
	head(CLIENT, text);
	ws_upgrade_keep(&ws, &tx);
	assert_true(ws.known && ws.head[CLIENT].truncated);
	assert_int_equal(ws.head[CLIENT].head_len, WS_REQUEST_HEAD);
	assert_non_null(ws.head[CLIENT].header[HEADER_HOST].p);
	assert_null(ws.head[CLIENT].header[HEADER_USER_AGENT].p);
	// A known field that was kept although the head was cut before it.
	fresh();
	tx.msg[CLIENT].head_len = 40;
	tx.msg[CLIENT].head_truncated = true;
	ws_upgrade_keep(&ws, &tx);
	assert_int_equal(ws.head[CLIENT].head_len, 40);
	assert_true(span_eq(ws.head[CLIENT].header[HEADER_AUTHORIZATION], SPAN_LIT("Bearer abc")));
}

static void test_unknown(void **)
{
	ws_upgrade_keep(&ws, NULL);
	assert_true(!ws.known && ws.extensions.foreign && !ws.extensions.deflate);
	fresh();
	tx.msg[SERVER].head_truncated = true; // what was agreed upon may stand behind the cut
	ws_upgrade_keep(&ws, &tx);
	assert_true(ws.known && ws.extensions.foreign && ws.extensions.deflate);
	fresh();
	tx.msg[CLIENT].seen = false;
	ws_upgrade_keep(&ws, &tx);
	assert_false(ws.known);
	fresh();
	tx.msg[CLIENT].head = NULL; // no capture block was free
	tx.msg[CLIENT].head_len = 0;
	tx.uri = tx.method = (struct span){0};
	memset(tx.msg[CLIENT].header, 0, sizeof(tx.msg[CLIENT].header));
	ws_upgrade_keep(&ws, &tx);
	assert_false(ws.known);
}

static void test_message(void **)
{
	struct ws_feed f = {.p = &ctx, .env = &env, .ws = &ws};

	fresh();
	ctx = (struct pctx){.env = &env, .conn = &meta, .now_ns = 77};
	ws_upgrade_keep(&ws, &tx);
	struct http_tx *message = ws_upgrade_message(&f), *next = ws_upgrade_message(&f);

	assert_int_equal(message->proto, PROTO_WS);
	assert_int_equal(message->index, 5);
	assert_int_equal(next->index, 6);
	assert_int_equal(message->status, 101);
	assert_true(http_tx_ok(message));
	for (uint32_t dir = 0; dir < 2; dir++) {
		assert_true(message->msg[dir].seen && message->msg[dir].complete);
		assert_int_equal(message->msg[dir].first_ns, 77);
		assert_ptr_equal(message->msg[dir].head, ws.head[dir].head);
	}
	uint64_t exchanges = env.stats.http_exchanges, messages = env.stats.ws_messages;

	got_len = 0;
	env.sink.end = NULL;
	http_exchange_end(&env, message);
	http_exchange_end(&env, next);
	env.sink.end = on_end;
	assert_int_equal(env.stats.http_exchanges, exchanges);
	assert_int_equal(env.stats.ws_messages, messages + 2);
	ws.known = false;
	assert_null(ws_upgrade_message(&f));
	assert_int_equal(env.tx.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),    cmocka_unit_test(test_not_kept),
		cmocka_unit_test(test_long),    cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_message),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
