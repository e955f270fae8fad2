// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What is JSON and what is not, against jansson: documents that are good must be walked without a
// mark; documents that are bad must be marked, unless servers are known to read them, and then
// they must be among those listed here; what the standard leaves open must do no harm.

#include "tests/unit/body_harness.h"

#include <jansson.h>

static bool marked(const char *text, size_t len)
{
	bool first = false;

	for (size_t size = len ? len : 1; size > 0; size--) {
		bool bad;

		feed("application/json", NULL, text, len, size);
		bad = msg->anomalies &
		      (UINT64_C(1) << ANOMALY_BODY_MALFORMED | UINT64_C(1) << ANOMALY_JSON_DEPTH);
		if (size == (len ? len : 1))
			first = bad;
		assert_int_equal(bad, first);
	}
	return first;
}

static bool jansson_takes(const char *text, size_t len)
{
	json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	json_decref(json);
	return json;
}

#define CASE(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

struct text {
	const char *p;
	size_t len;
};

static const struct text good[] = {
	CASE("[]"),
	CASE("{}"),
	CASE("[[] ]"),
	CASE(" [] "),
	CASE("[\"\"]"),
	CASE("\"a\""),
	CASE("42"),
	CASE("-0"),
	CASE("[-0.0]"),
	CASE("[1e5]"),
	CASE("[1E+2,1e-2,0e1]"),
	CASE("[123.456e78]"),
	CASE("[-1,0,1]"),
	CASE("[0.00000000000000000000000001]"),
	CASE("true"),
	CASE("[true,false,null]"),
	CASE("{\"\":0}"),
	CASE("{\"a\":{\"b\":[]}}"),
	CASE("{\"a\":\"b\" , \"c\" : \"d\"}"),
	CASE("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
	CASE("[\"\\u0060\\u012a\\u12AB\"]"),
	CASE("[\"\\uD801\\udc37\"]"),
	CASE("[\"\\u0000\"]"),
	CASE("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]"),
	CASE("[\"a/*b*/c\"]"),
	CASE("[\"\\\\u0000\"]"),
	CASE("[\"\x7f\"]"),
	CASE("[\"\\uFFFF\"]"),
	CASE("\t[\r\n1 ]\n"),
	CASE("{\"min\":-1.0e+28,\"max\":1.0e+28}"),
	CASE("{\"x\":[{\"id\":\"xxx\"}],\"id\":\"y\"}"),
};

static const struct text bad[] = {
	CASE("["),
	CASE("]"),
	CASE("{"),
	CASE("}"),
	CASE("[1"),
	CASE("[1,"),
	CASE("[,1]"),
	CASE("[1,,2]"),
	CASE("[\"a\" \"b\"]"),
	CASE("[\"a\""),
	CASE("[\"a"),
	CASE("\"a"),
	CASE("[x]"),
	CASE("[3[4]]"),
	CASE("[1:2]"),
	CASE("[-]"),
	CASE("[+1]"),
	CASE("[.1]"),
	CASE("[1.]"),
	CASE("[1.e1]"),
	CASE("[1e]"),
	CASE("[1e+]"),
	CASE("[0e]"),
	CASE("[1eE2]"),
	CASE("[1 000]"),
	CASE("[0x1]"),
	CASE("[1a]"),
	CASE("[-a]"),
	CASE("[--1]"),
	CASE("[1+2]"),
	CASE("[1/2]"),
	CASE("[nul]"),
	CASE("[tru]"),
	CASE("[fals]"),
	CASE("[True]"),
	CASE("[TRUE]"),
	CASE("[nulll]"),
	CASE("{1:1}"),
	CASE("{a:1}"),
	CASE("{'a':1}"),
	CASE("{\"a\"}"),
	CASE("{\"a\":}"),
	CASE("{\"a\" 1}"),
	CASE("{\"a\"::1}"),
	CASE("{\"a\":1 \"b\"}"),
	CASE("{\"a\":1,,\"b\":2}"),
	CASE("{,\"a\":1}"),
	CASE("{null:1}"),
	CASE("{\"a\":1]"),
	CASE("[1}"),
	CASE("[\"a\",]extra"),
	CASE("{\"a\":/*c*/1}"),
	CASE("['a']"),
	CASE("[a\"b\"]"),
	CASE("<html>"),
	CASE("{\"a\":\"b\"}}"),
	CASE("[]]"),
	CASE("[1]x"),
	CASE("{\"a\":1}#"),
	CASE("\\u0041"),
	CASE("[\\n]"),
	CASE("*"),
	CASE("abc"),
	CASE("[\xff]"),
	CASE("\xe5"),
	CASE("[\"x\"]\0"),
	CASE("[\v1]"),
	CASE("[1\f]"),
	CASE("undefined"),
	CASE("[- 1]"),
	CASE("[1,]"),
	CASE("[\"a\",\n]"),
	CASE("[1.5.5]"),
	CASE("[\"\\\"]"),
	CASE("\xef\xbb\xbf{"),
	CASE("{[:1}"),
};

// Not JSON, and read by servers: the walker goes on, or data would be missed.
static const struct text tolerated[] = {
	CASE("[01]"),
	CASE("[-012]"),
	CASE("[00.5]"), // leading zeros
	CASE("[NaN]"),
	CASE("[Infinity]"),
	CASE("[-Infinity]"),
	CASE("[\"\\x\"]"),
	CASE("[\"\\u12\"]"),
	CASE("[\"\\'\"]"),
	CASE("[\"\\uD800\"]"),
	CASE("[\"a\nb\"]"),
	CASE("[\"\t\"]"),
	CASE("[\"\0\"]"),
	CASE("[\"\xff\"]"),
	CASE("[\"\xed\xa0\x80\"]"),
	CASE("[\"\xc0\xaf\"]"),
	CASE("1 2"),
	CASE("{}{}"),
	CASE("{\"a\":1}\n{\"a\":2}"),
	CASE("[][]"),
	CASE("truefalse"),
	CASE("\xef\xbb\xbf{}"),
	CASE("\x1e{}\n"),
	CASE(""),
	CASE(" "),
};

static void test_good(void **)
{
	limits_reset();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(jansson_takes(good[i].p, good[i].len));
		if (marked(good[i].p, good[i].len))
			fail_msg("marked: %s", good[i].p);
	}
}

static void test_bad(void **)
{
	limits_reset();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (jansson_takes(bad[i].p, bad[i].len))
			fail_msg("jansson takes: %s", bad[i].p);
		if (!marked(bad[i].p, bad[i].len))
			fail_msg("not marked: %s", bad[i].p);
	}
}

static void test_tolerated(void **)
{
	limits_reset();
	for (size_t i = 0; i < sizeof(tolerated) / sizeof(tolerated[0]); i++) {
		assert_false(jansson_takes(tolerated[i].p, tolerated[i].len));
		if (marked(tolerated[i].p, tolerated[i].len))
			fail_msg("marked: %s", tolerated[i].p);
	}
}

// Numbers of any size, duplicate keys, other encodings, depth.
static void test_open(void **)
{
	static char deep[4000];
	char text[200];

	limits_reset();
	assert_false(marked("[1e9999999]", 11));
	snprintf(text, sizeof(text), "[%0150d]", 7);
	text[1] = '1';
	assert_false(marked(text, strlen(text)));
	assert_false(marked("{\"a\":1,\"a\":2}", 13));
	assert_int_equal(n_values, 2);                // which one counts is the server's secret
	assert_false(marked("[\0\"\0a\0\"\0]\0", 10)); // UTF-16
	assert_int_equal(n_values, 1);
	assert_false(marked("\xff\xfe[\0]\0", 6));
	for (uint32_t depth = 64; depth <= 65; depth++) {
		memset(deep, '[', depth);
		memset(deep + depth, ']', depth);
		feed("application/json", NULL, deep, 2 * depth, 7);
		assert_int_equal(msg->anomalies >> ANOMALY_JSON_DEPTH & 1, depth > 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_tolerated),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
