// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One message after the other, without frames around them.

#include "ws_harness.h"

#include "flows/ws_message.c"

static struct ws ws;
static struct ws_feed feed;

static void fresh(enum dir dir, bool deflate)
{
	static uint8_t heads[2][512];
	struct http_tx tx = {.status = 101};

	memset(&ws, 0, sizeof(ws));
	meta = (struct conn_meta){0};
	ctx = (struct pctx){.env = &env, .conn = &meta, .now_ns = 1};
	for (uint32_t i = 0; i < 2; i++) {
		const char *text = i == CLIENT ? WS_REQUEST : deflate ? WS_DEFLATE : WS_ANSWER;
		struct http1_head parsed;
		uint32_t n = (uint32_t)strlen(text);

		memcpy(heads[i], text, n);
		assert_true(http1_head_parse(span_make(heads[i], n), i, 256, &parsed));
		tx.msg[i].seen = true;
		tx.msg[i].head = heads[i];
		tx.msg[i].head_len = n;
		memcpy(tx.msg[i].header, parsed.header, sizeof(parsed.header));
		if (i == CLIENT) {
			tx.method = parsed.method;
			tx.uri = parsed.uri;
		}
	}
	ws_upgrade_keep(&ws, &tx);
	feed = (struct ws_feed){
		.p = &ctx, .env = &env, .ws = &ws, .side = &ws.side[dir], .dir = dir};
	got_len = 0;
	got[0] = '\0';
}

static void begin(uint8_t opcode, uint8_t rsv, uint64_t len)
{
	ws_message_begin(
		&feed, &(struct ws_header){.fin = true, .opcode = opcode, .rsv = rsv, .len = len});
	assert_true(feed.side->message.open);
}

static uint64_t end(bool complete)
{
	uint64_t anomalies = ws_message_end(&feed, complete);

	assert_false(feed.side->message.open);
	assert_int_equal(env.tx.used, 0);
	assert_int_equal(env.body.used, 0);
	return anomalies;
}

static void text(const char *bytes)
{
	ws_message_bytes(&feed, span_make(bytes, strlen(bytes)));
}

static void test_plain(void **)
{
	for (uint32_t dir = 0; dir < 2; dir++) {
		fresh(dir, false);
		begin(WS_TEXT, 0, 5);
		text("he");
		text("llo");
		assert_int_equal(end(true), 0);
		assert_non_null(strstr(got, dir == CLIENT ? "to server 5 'hello' "
							  : "to client 5 'hello' "));
		begin(WS_BINARY, 0, 2);
		text("\xff\xfe");
		assert_int_equal(end(false), ANOMALY_BIT(TRUNCATED));
		assert_non_null(strstr(got, "(part) 2 "));
	}
}

static void test_utf8(void **)
{
	fresh(SERVER, false);
	begin(WS_TEXT, 0, 2);
	text("\xc3");
	text("\xa9");
	assert_int_equal(end(true), 0);
	begin(WS_TEXT, 0, 1);
	text("\xc3");
	assert_int_equal(end(true), ANOMALY_BIT(WS_TEXT));
	begin(WS_TEXT, 0, 3);
	ws_message_gap(&feed, 1);
	text("\xa9z"); // may be right with what is missing
	assert_int_equal(end(true), ANOMALY_BIT(GAP) | ANOMALY_BIT(TRUNCATED));
}

static void test_compressed(void **)
{
	uint8_t coded[256];
	size_t n = deflate_message(NULL, "hello hello", 11, coded, sizeof(coded));

	fresh(SERVER, true);
	begin(WS_TEXT, WS_RSV1, n);
	ws_message_bytes(&feed, span_make(coded, n));
	assert_int_equal(end(true), 0);
	assert_non_null(strstr(got, "to client 11 'hello hello' "));
	assert_int_equal(env.inflate.used, 1); // its history
	begin(WS_TEXT, WS_RSV1, 4);
	text("\xff\xff\xff\xff");
	assert_int_equal(end(true), ANOMALY_BIT(CODING_ERROR));
	assert_int_equal(env.inflate.used, 0);
	begin(WS_TEXT, WS_RSV1, n); // it cannot be known any more
	ws_message_bytes(&feed, span_make(coded, n));
	assert_int_equal(end(true), ANOMALY_BIT(WS_UNDECODED));
	begin(WS_TEXT, 0, 2);
	text("ok");
	assert_int_equal(end(true), 0);
	// A bit that means something else, or nothing.
	fresh(SERVER, true);
	begin(WS_TEXT, WS_RSV1 | WS_RSV2, n);
	assert_int_equal(end(true), ANOMALY_BIT(WS_UNDECODED));
	fresh(SERVER, false);
	begin(WS_TEXT, WS_RSV1, n);
	assert_int_equal(end(true), ANOMALY_BIT(WS_UNDECODED));
}

static void test_no_room(void **)
{
	fresh(CLIENT, false);
	while (env.body.used < env.body.n)
		assert_non_null(pool_get(&env.body));
	begin(WS_TEXT, 0, 2);
	text("ok");
	ws_message_end(&feed, true);
	pool_reset(&env.body);
	assert_int_equal(env.tx.used, 0);
	assert_non_null(strstr(got, "to server (part) 0 ''"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
