// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From fields to the text of a head: what stands in it, what is found in it, and that no field can
// end a line.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "flows/h2_head.c"

static struct flow_env env;
static struct h2_head head;
static struct http1_head facts;
static struct span raw;

static int setup(void **)
{
	env.limits = (struct flow_limits){.head_bytes = 65536, .headers = 256};
	return pool_init(&env.head4k, 4096, 2) || pool_init(&env.head64k, 65536, 2);
}

static bool build(enum dir dir, ...)
{
	va_list args;

	h2_head_free(&head, &env);
	h2_head_begin(&head, dir);
	va_start(args, dir);
	for (const char *name; (name = va_arg(args, const char *));) {
		const char *value = va_arg(args, const char *);

		h2_head_field(&head, &env, span_make(name, strlen(name)),
			      span_make(value, strlen(value)), strcmp(name, "?") == 0);
	}
	va_end(args);
	return h2_head_finish(&head, &env, &facts, &raw);
}

static void is_text(const char *want)
{
	assert_int_equal(raw.len, strlen(want));
	assert_memory_equal(raw.p, want, raw.len);
}

static void is_span(struct span s, const char *want)
{
	assert_true(s.p >= raw.p && s.p + s.len <= raw.p + raw.len);
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.p, want, s.len);
}

static void test_request(void **)
{
	assert_true(build(CLIENT, ":scheme", "http", ":method", "GET", ":authority", "h:1", ":path",
			  "/a?b", "accept", "*/*", "content-length", "12", NULL));
	is_text("GET /a?b HTTP/2\r\nhost: h:1\r\naccept: */*\r\ncontent-length: 12\r\n\r\n");
	is_span(facts.method, "GET");
	is_span(facts.uri, "/a?b");
	is_span(facts.header[HEADER_HOST], "h:1");
	assert_int_equal(facts.framing.content_length, 12);
	assert_int_equal(facts.n_headers, 2);
	assert_int_equal(facts.anomalies, 0);
	assert_int_equal(facts.version_major, 2);
	// The host may come by its old name.
	assert_true(build(CLIENT, ":method", "GET", ":path", "/", "host", "old", NULL));
	is_text("GET / HTTP/2\r\nhost: old\r\n\r\n");
	is_span(facts.header[HEADER_HOST], "old");
	assert_true(build(CLIENT, ":method", "GET", ":path", "/", ":authority", "a", "host", "b",
			  NULL));
	is_span(facts.header[HEADER_HOST], "a");
	assert_int_equal(facts.anomalies, ANOMALY_BIT(DUPLICATE_HOST));
	assert_true(build(CLIENT, ":method", "CONNECT", ":authority", "a:2", NULL));
	is_text("CONNECT a:2 HTTP/2\r\nhost: a:2\r\n\r\n");
	assert_int_equal(facts.kind, METHOD_CONNECT);
	// Fields in the wrong order: what came late is not known, but that there was a request is.
	assert_true(build(CLIENT, ":method", "GET", "x", "y", ":path", "/late", NULL));
	is_text("GET ? HTTP/2\r\nx: y\r\n\r\n");
	assert_null(facts.uri.p);
	assert_int_equal(facts.anomalies, ANOMALY_BIT(H2_BAD_PSEUDO));
	assert_false(build(CLIENT, ":method", "GET", NULL));
	assert_false(build(CLIENT, ":path", "/", NULL));
	assert_false(build(CLIENT, "x", "y", NULL));
	assert_false(build(CLIENT, NULL));
}

static void test_response(void **)
{
	assert_true(build(SERVER, ":status", "404", "content-type", "text/html", "set-cookie",
			  "a=1", "set-cookie", "b=2", NULL));
	is_text("HTTP/2 404\r\ncontent-type: text/html\r\nset-cookie: a=1\r\nset-cookie: "
		"b=2\r\n\r\n");
	assert_int_equal(facts.status, 404);
	assert_int_equal(facts.n_set_cookies, 2);
	is_span(facts.header[HEADER_SET_COOKIE], "a=1");
	assert_false(build(SERVER, ":status", "20", NULL));
	assert_false(build(SERVER, ":status", "2000", NULL));
	assert_false(build(SERVER, ":status", "099", NULL));
	assert_false(build(SERVER, ":status", "2x0", NULL));
	assert_false(build(SERVER, ":method", "GET", ":path", "/", NULL));
	assert_false(build(SERVER, "grpc-status", "7", NULL));
	assert_int_equal(head.grpc_status, 7);
	assert_false(build(SERVER, "grpc-status", "7x", NULL));
	assert_int_equal(head.grpc_status, -1);
}

// Pieces of a cookie are one (RFC 9113 section 8.2.3), wherever they stand.
static void test_cookies(void **)
{
	assert_true(build(CLIENT, ":method", "GET", ":path", "/", "cookie", "a=1", "cookie", "b=2",
			  "cookie", "c=3", "x", "y", NULL));
	is_text("GET / HTTP/2\r\ncookie: a=1; b=2; c=3\r\nx: y\r\n\r\n");
	is_span(facts.header[HEADER_COOKIE], "a=1; b=2; c=3");
	assert_true(build(CLIENT, ":method", "GET", ":path", "/", "cookie", "a=1", "user-agent",
			  "u", "cookie", "b=2", "cookie", "c=3", "referer", "r", "cookie", "d=4",
			  NULL));
	is_text("GET / HTTP/2\r\nuser-agent: u\r\nreferer: r\r\n"
		"cookie: a=1; b=2; c=3; d=4\r\n\r\n");
	is_span(facts.header[HEADER_COOKIE], "a=1; b=2; c=3; d=4");
	is_span(facts.header[HEADER_USER_AGENT], "u");
	is_span(facts.header[HEADER_REFERER], "r");
	is_span(facts.method, "GET");
	is_span(facts.uri, "/");
}

static void field(const char *name, uint32_t name_len, const char *value, uint32_t value_len)
{
	h2_head_field(&head, &env, span_make(name, name_len), span_make(value, value_len), false);
}

// Every byte in every place: lines are as many as fields, and what was changed is not told.
static void test_line_ends(void **)
{
	for (uint32_t c = 0; c < 256; c++) {
		char name[4] = {'x', (char)c, 'z', 0}, value[] = {'a', (char)c, 'b'};
		uint32_t lines = 0;

		h2_head_free(&head, &env);
		h2_head_begin(&head, CLIENT);
		field(":method", 7, "GET", 3);
		field(":path", 5, "/", 1);
		field(name, 3, "1", 1);
		field("authorization", 13, value, 3);
		field("x-last", 6, "here", 4);
		assert_true(h2_head_finish(&head, &env, &facts, &raw));
		for (uint32_t i = 0; i < raw.len; i++) {
			lines += raw.p[i] == '\n';
			assert_true(raw.p[i] != 0);
			assert_int_equal(raw.p[i] == '\r', i + 1 < raw.len && raw.p[i + 1] == '\n');
		}
		assert_int_equal(lines, 5);
		bool ends = c == 0 || c == '\r' || c == '\n';

		assert_int_equal(facts.header[HEADER_AUTHORIZATION].p == NULL, ends);
		assert_int_equal((facts.anomalies & ANOMALY_BIT(H2_DOWNGRADE_SMUGGLING)) != 0,
				 ends || c == ':' || c == ' ');
		// All fields are found again, by names that begin their lines.
		struct http_msg msg = {.head = head.text + head.start, .head_len = raw.len};
		struct span got = http_header_find(&msg, SPAN_LIT("x-last"));

		assert_int_equal(got.len, 4);
		assert_int_equal(http_header_find(&msg, SPAN_LIT("x")).p != NULL, false);
	}
}

static void test_limits(void **)
{
	static char value[70000];

	memset(value, 'v', sizeof(value));
	h2_head_free(&head, &env);
	h2_head_begin(&head, CLIENT);
	field(":method", 7, "GET", 3);
	field(":path", 5, "/", 1);
	field("x-a", 3, value, 3000);
	field("x-b", 3, value, 5000); // no longer in the small block
	field("content-type", 12, "a/b", 3);
	assert_true(h2_head_finish(&head, &env, &facts, &raw));
	is_span(facts.header[HEADER_CONTENT_TYPE], "a/b");
	assert_true(head.big);
	assert_int_equal(env.head4k.used, 0);
	// Over the limit: the rest is not kept, and said so.
	h2_head_free(&head, &env);
	h2_head_begin(&head, CLIENT);
	field(":method", 7, "GET", 3);
	field(":path", 5, "/", 1);
	field("x-a", 3, value, 60000);
	field("x-b", 3, value, 6000);
	field("content-type", 12, "a/b", 3);
	assert_true(h2_head_finish(&head, &env, &facts, &raw));
	assert_null(facts.header[HEADER_CONTENT_TYPE].p);
	assert_true(facts.anomalies & ANOMALY_BIT(HEAD_TOO_LONG));
	assert_true(raw.len < 65536);
	is_span(facts.uri, "/");
	// No block is free.
	void *taken[4] = {pool_get(&env.head4k), pool_get(&env.head4k)};

	h2_head_free(&head, &env);
	taken[2] = pool_get(&env.head64k);
	taken[3] = pool_get(&env.head64k);
	assert_false(build(CLIENT, ":method", "GET", ":path", "/", NULL));
	for (uint32_t i = 0; i < 4; i++)
		pool_put(i < 2 ? &env.head4k : &env.head64k, taken[i]);
	h2_head_free(&head, &env);
	assert_int_equal(env.head4k.used + env.head64k.used, 0);
}

static void test_unknown(void **)
{
	assert_true(build(CLIENT, "?", "", ":method", "GET", ":path", "/", "?", "x", NULL));
	is_text("GET / HTTP/2\r\n\r\n");
	assert_int_equal(facts.anomalies, ANOMALY_BIT(HPACK_UNKNOWN_INDEX));
	assert_false(build(CLIENT, "?", "", ":method", "GET", NULL));
	assert_true(head.unknown);
	h2_head_free(&head, &env);
	h2_head_begin(&head, CLIENT);
	head.partial = true;
	field(":method", 7, "GET", 3);
	h2_head_field(&head, &env, SPAN_LIT("?"), SPAN_LIT(""), true);
	assert_true(h2_head_finish(&head, &env, &facts, &raw));
	is_text("GET ? HTTP/2\r\n\r\n");
	assert_null(facts.uri.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request), cmocka_unit_test(test_response),
		cmocka_unit_test(test_cookies), cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_limits),  cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
