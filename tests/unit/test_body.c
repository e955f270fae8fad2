// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bodies without codings: kinds, every cut against the whole, limits, listeners, holes.

#include "tests/unit/body_harness.h"

// ---- kinds

static void test_kinds(void **)
{
	static const struct {
		const char *type, *text;
		char kind; // j, f, t, b
	} cases[] = {
		{"application/json", "{\"a\":1}", 'j'},
		{" Application/JSON ; charset=utf-8", "{\"a\":1}", 'j'},
		{"application/problem+json", "{\"a\":1}", 'j'},
		{"application/x-ndjson", "{\"a\":1}", 'j'},
		{"application/json", "", 'j'},
		{"application/json", "1", 'j'},
		{NULL, "{\"a\":1}", 'j'},
		{NULL, " \n[1]", 'j'},
		{NULL, "\xef\xbb\xbf{\"a\":1}", 'j'},
		{NULL, "a=1", 't'},
		{"", "{\"a\":1}", 'j'},
		{"text/html; charset=utf-8", "{\"a\":1}", 'j'},
		{"text/html", "<html>", 't'},
		{"text/plain", "hello", 't'},
		{"text/csv", "[1]", 'j'},
		{"text/event-stream", "data: {}", 't'},
		{"application/xml", "<a/>", 'w'},
		{"application/soap+xml", "<a/>", 'w'},
		{"multipart/form-data; boundary=x", "--x", 'w'},
		{"application/x-www-form-urlencoded", "a=1&b=2", 'f'},
		{"application/x-www-form-urlencoded", "{\"a\":1}", 'j'},
		{"application/x-www-form-urlencoded", "[a]=1", 'f'},
		{"APPLICATION/X-WWW-FORM-URLENCODED; charset=utf-8", "a=1", 'f'},
		{"image/png", "{\"a\":1}", 'b'},
		{"image/svg+xml", "<svg/>", 'w'},
		{"video/mp4", "x", 'b'},
		{"audio/ogg", "x", 'b'},
		{"font/woff2", "x", 'b'},
		{"application/zip", "x", 'b'},
		{"application/pdf", "x", 'b'},
		{"application/protobuf", "x", 't'},
		{"application/grpc", "x", 'w'},
		{"application/octet-stream", "text", 't'},
		{"application/octet-stream", "{\"a\":1}", 'j'},
		{"application/unheard-of", "text", 't'},
		{"application/unheard-of", "[1]", 'j'},
		{"nonsense", "text", 't'},
		{";", "text", 't'},
		{"image", "text", 't'},
	};

	limits_reset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);

		for (size_t size = 1; size <= len + 1; size++) {
			feed(cases[i].type, NULL, cases[i].text, len, size);
			if ((n_windows > 0) != (cases[i].kind != 'b' && len > 0) ||
			    (n_values > 0) != (strchr("jf", cases[i].kind) && len > 0))
				fail_msg("%s: %s", cases[i].type, cases[i].text);
			assert_int_equal(env.stats.body_skipped_bytes,
					 cases[i].kind == 'b' ? len : 0);
			for (size_t k = 0; cases[i].kind == 't' && k < len; k++)
				assert_int_equal(as_text[k], 1);
			assert_true(len == 0 || hash_is(cases[i].text, len));
			assert_int_equal(msg->body_len, len);
			assert_memory_equal(msg->body, cases[i].text, len);
			assert_int_equal(msg->body_kept, len);
		}
	}
}

// Bytes of unknown type are binary when one of the first 64 is zero.
static void test_octets(void **)
{
	static char text[300];

	limits_reset();
	memset(text, 'x', sizeof(text));
	for (uint32_t at = 0; at < 70; at++) {
		text[at] = 0;
		for (size_t size = 1; size < 130; size += 7) {
			feed("application/octet-stream", NULL, text, sizeof(text), size);
			assert_int_equal(env.stats.body_skipped_bytes, at < 64 ? sizeof(text) : 0);
			assert_int_equal(env.stats.body_scanned_bytes, at < 64 ? 0 : sizeof(text));
			assert_true(hash_is(text, sizeof(text)));
		}
		text[at] = 'x';
	}
	// White space for longer than anybody looks.
	memset(text, ' ', 100);
	text[100] = '{';
	feed(NULL, NULL, text, sizeof(text), 10);
	assert_int_equal(n_values, 0);
	assert_int_equal(as_text[0], 1);
	// Held back to the end.
	feed(NULL, NULL, "   ", 3, 1);
	assert_int_equal(shown_to, 3);
	feed("application/octet-stream", NULL, DOC, strlen(DOC), 1);
	assert_string_equal(log_text, DOC_LOG);
}

// ---- JSON and forms, cut

static void test_splits(void **)
{
	static const struct {
		const char *type, *text;
	} cases[] = {
		{"application/json", DOC},
		{"application/json", "[\"\\\"\\\\\", \"\xff\", 1.5e3, {\"\\u0061\" : [true, "
				     "\"x\"]}]\n{\"b\":\"c\"}\n7"},
		{"application/json", "{\"a\":\"b\", oops: \"and more text\", \"c\":1}"},
		{"application/json", "{\"a\":\"never closed"},
		{"application/octet-stream", DOC},
		{NULL, "  \n {\"a\":[1,2,3]}"},
		{"application/x-www-form-urlencoded",
		 "user=alice&token=s3cr3t%20x&note=%C3%A9&last=1"},
	};
	static char whole[sizeof(log_text)];

	limits_reset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);

		feed(cases[i].type, NULL, cases[i].text, len, len);
		assert_true(n_values > 0);
		strcpy(whole, log_text);
		for (size_t at = 1; at < len; at++) {
			struct body *body = begin(cases[i].type, NULL);

			give(body, cases[i].text, at);
			give(body, cases[i].text + at, len - at);
			finish(body, true);
			assert_string_equal(log_text, whole);
			assert_int_equal(shown_to, len);
			assert_true(hash_is(cases[i].text, len));
			feed(cases[i].type, NULL, cases[i].text, len, at);
			assert_string_equal(log_text, whole);
		}
		// As gzip, cut anywhere: the same again.
		size_t n = encode(cases[i].text, len, 31, coded);

		for (size_t at = 1; at <= n; at++) {
			feed(cases[i].type, "gzip", coded, n, at);
			assert_string_equal(log_text, whole);
			assert_true(hash_is(cases[i].text, len));
		}
	}
	feed("application/json", NULL, DOC, strlen(DOC), 1000);
	assert_string_equal(log_text, DOC_LOG);
}

// From the error on a body is text, and nothing of it goes unseen.
static void test_json_error(void **)
{
	const char *text = "{\"a\":\"b\",\"n\":12x4111111111111111\",\"c\":\"d\"}";
	size_t len = strlen(text);

	limits_reset();
	for (size_t size = 1; size <= len; size++) {
		feed("application/json", NULL, text, len, size);
		assert_string_equal(log_text, "s 6 $|a=b\n");
		assert_int_equal(env.stats.body_broken, 1);
		for (size_t i = 13; i < len; i++)
			assert_int_equal(as_text[i], 1);
		assert_int_equal(as_text[0], 0);
		assert_true(hash_is(text, len));
	}
	// Counted when it was announced, and not when it was a guess.
	feed("text/plain", NULL, "[2024-01-01] started", 20, 3);
	assert_int_equal(env.stats.body_broken, 0);
	assert_int_equal(as_text[1], 1);
	// A body that is complete and its JSON is not.
	feed("application/json", NULL, "{\"a\":1", 6, 6);
	assert_int_equal(env.stats.body_broken, 1);
	finish(begin("application/json", NULL), false);
	assert_int_equal(env.stats.body_broken, 0);
	give(begin("application/json", NULL), "{\"a\":1", 6);
	pool_reset(&env.body);
	pool_reset(&env.gather);
}

static void test_json_too_deep(void **)
{
	static char deep[2000];

	limits_reset();
	memset(deep, '[', 1000);
	memset(deep + 1000, ']', 1000);
	for (uint32_t depth = 1; depth <= 100; depth += 9) {
		env.limits.json_depth = depth;
		feed("application/json", NULL, deep, sizeof(deep), 100);
		assert_int_equal(env.stats.body_too_deep, 1);
		assert_int_equal(env.stats.body_broken, 0);
		assert_int_equal(as_text[depth < 64 ? depth : 64], 1);
		assert_int_equal(shown_to, sizeof(deep));
	}
}

// One value across many windows: text pieces, each byte once, under the same name.
static void test_long_value(void **)
{
	static char text[100000];
	size_t len = sizeof(text);

	limits_reset();
	memset(text, 'x', len);
	memcpy(text, "{\"secret\":\"", 11);
	memcpy(text + len - 2, "\"}", 2);
	for (size_t size = 1000; size < 70000; size = size * 3 + 7) {
		feed("application/json", NULL, text, len, size);
		assert_int_equal(shown_to, len);
		assert_true(n_values >= 3);
		assert_memory_equal(log_text, "t 11 $|secret=xxx", 17);
		assert_int_equal(env.stats.body_broken, 0);
		assert_true(hash_is(text, len));
	}
}

// ---- limits, listeners, holes

static void test_scan_limit(void **)
{
	const char *text = "{\"a\":\"bcd\",\"e\":\"fgh\",\"i\":12345}";
	size_t len = strlen(text);

	limits_reset();
	for (uint32_t limit = 1; limit <= len + 1; limit++) {
		static char whole[4096];

		env.limits.scan_bytes = limit;
		feed("application/json", NULL, text, len, len);
		strcpy(whole, log_text);
		for (size_t size = 1; size <= len; size++) {
			feed("application/json", NULL, text, len, size);
			assert_int_equal(shown_to, limit < len ? limit : len);
			assert_int_equal(env.stats.body_over_limit_bytes,
					 limit < len ? len - limit : 0);
			assert_true(hash_is(text, len));
			assert_int_equal(msg->body_kept, len);
			assert_int_equal(env.stats.body_broken, 0);
			assert_string_equal(log_text, whole);
		}
	}
	// A value that the limit cuts is text.
	env.limits.scan_bytes = 8;
	feed("application/json", NULL, text, len, 3);
	assert_string_equal(log_text, "t 6 $|a=bc\n");
	env.limits.scan_bytes = 3;
	feed("application/x-www-form-urlencoded", NULL, "a=bc&d=e", 8, 2);
	assert_string_equal(log_text, "t 2 |a=b\n");
	// Bytes that are not to be looked at use nothing up.
	feed("image/png", NULL, text, len, 4);
	assert_int_equal(env.stats.body_skipped_bytes, len);
}

static void test_nobody_listens(void **)
{
	size_t n = encode(DOC, strlen(DOC), 31, coded);

	limits_reset();
	env.sink = (struct event_sink){0};
	feed("application/json", "gzip", coded, n, 9);
	assert_true(hash_is(DOC, strlen(DOC)));
	assert_int_equal(msg->body_kept, strlen(DOC));
	assert_int_equal(env.stats.body_skipped_bytes, strlen(DOC));
	feed("application/octet-stream", NULL, DOC, strlen(DOC), 9);
	assert_int_equal(env.stats.body_skipped_bytes, strlen(DOC));
	// Windows alone: then JSON is text, too.
	env.sink.window = on_window;
	feed("application/json", NULL, DOC, strlen(DOC), 9);
	assert_int_equal(shown_to, strlen(DOC));
	for (size_t i = 0; i < strlen(DOC); i++)
		assert_int_equal(as_text[i], 1);
	env.hashes = false;
	feed("application/json", NULL, DOC, strlen(DOC), 9);
	assert_false(msg->hashed);
	feed("text/plain", NULL, DOC, strlen(DOC), 9);
}

static uint32_t values_only;

static void on_value_only(void *, struct http_tx *, const struct value *)
{
	values_only++;
}

static void test_values_alone(void **)
{
	struct body *body;

	limits_reset();
	env.sink = (struct event_sink){.value = on_value_only};
	values_only = 0;
	for (uint32_t i = 0; i < 2; i++) {
		body = begin("application/json", NULL);
		for (size_t at = 0; at < strlen(DOC); at++)
			give(body, &DOC[at], 1);
		body_end(&env, body, true);
	}
	assert_int_equal(values_only, 10);
	body = begin("application/json", NULL);
	give(body, "[1,oops", 7);
	body_end(&env, body, true);
	assert_int_equal(values_only, 11);
}

static void test_capture(void **)
{
	static char text[5000];

	limits_reset();
	fill_text(text, sizeof(text));
	for (uint32_t limit = 0; limit <= 100; limit += 25) {
		env.limits.capture_body = limit;
		for (size_t size = 1; size < 300; size += 13) {
			memset(msg->body, 0, 100);
			feed("text/plain", NULL, text, 4000, size);
			assert_int_equal(msg->body_kept, limit);
			assert_memory_equal(msg->body, text, limit);
			assert_true(limit == 100 || msg->body[limit] == 0);
		}
	}
}

static void test_gap(void **)
{
	struct body *body;
	size_t n;

	limits_reset();
	// JSON: a value that began before the hole is text, what follows is text.
	body = begin("application/json", NULL);
	give(body, "{\"a\":1,\"b\":\"be", 14);
	body_gap(&env, body, 1000);
	give(body, "hole\",\"c\":\"d\"}", 14);
	finish(body, true);
	assert_string_equal(log_text, "n 5 $|a=1\nt 12 $|b=be\n");
	assert_int_equal(holes, 1000);
	assert_int_equal(shown_to, 1028);
	assert_int_equal(as_text[13], 0);
	for (uint32_t i = 1014; i < 1028; i++)
		assert_int_equal(as_text[i], 1);
	assert_false(msg->complete);
	assert_false(msg->hashed);
	assert_int_equal(msg->body_len, 28);
	assert_int_equal(msg->body_kept, 14); // nothing is spliced
	assert_int_equal(env.stats.body_broken, 0);
	// Text goes on; no window spans the hole.
	body = begin("text/x-log", NULL);
	give(body, "4111 1111", 9);
	body_gap(&env, body, 3);
	give(body, "1111 1111", 9);
	give(body, "x", 1);
	finish(body, true);
	assert_int_equal(holes, 3);
	assert_int_equal(shown_to, 22);
	// Forms, kinds not yet known, holes first and last.
	body = begin("application/x-www-form-urlencoded", NULL);
	give(body, "a=1&b=2", 7);
	body_gap(&env, body, 3);
	give(body, "c=3", 3);
	finish(body, true);
	assert_string_equal(log_text, "s 2 |a=1\nt 6 |b=2\n");
	for (uint32_t i = 0; i < 4; i++) {
		static const char *const types[] = {"application/json", "application/octet-stream",
						    NULL, "application/x-www-form-urlencoded"};

		body = begin(types[i], NULL);
		body_gap(&env, body, 10);
		give(body, "{\"a\":1}", 7);
		body_gap(&env, body, 10);
		body_gap(&env, body, 10);
		finish(body, true);
		assert_int_equal(n_values, 0);
		assert_int_equal(shown_to, 17);
		assert_int_equal(msg->body_kept, 0);
		assert_false(msg->complete);
	}
	body = begin("application/octet-stream", NULL);
	give(body, "held", 4);
	body_gap(&env, body, 1);
	give(body, "\0", 1);
	finish(body, true);
	assert_int_equal(shown_to, 6);
	// A coded body is given up.
	n = encode(DOC, strlen(DOC), 31, coded);
	for (size_t at = 0; at < n; at += 5) {
		body = begin("application/json", "gzip");
		if (at)
			give(body, coded, at);
		body_gap(&env, body, 1);
		assert_int_equal(env.inflate.used, 0);
		give(body, coded + at, n - at);
		finish(body, true);
		assert_false(msg->complete);
		assert_false(msg->hashed);
		assert_int_equal(env.stats.body_coding_errors, 0);
		assert_int_equal(env.stats.body_skipped_bytes, n - at);
		assert_memory_equal(shown, DOC, shown_to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),         cmocka_unit_test(test_octets),
		cmocka_unit_test(test_splits),        cmocka_unit_test(test_json_error),
		cmocka_unit_test(test_json_too_deep), cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_scan_limit),    cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_values_alone),  cmocka_unit_test(test_capture),
		cmocka_unit_test(test_gap),
	};

	return cmocka_run_group_tests_name("each piece", tests, setup, teardown) +
	       cmocka_run_group_tests_name("gathered", tests, setup_gathering, teardown);
}
