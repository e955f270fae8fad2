// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The JSON walker on given texts: exact events, every cut of a document against the whole, limits
// and errors.

#include "tests/unit/jsonwalk_harness.h"

static int64_t feed_whole(const char *text)
{
	uint32_t all = ROOM;

	return feed(text, strlen(text), &all, 1, true);
}

static void expect(const char *text, int64_t end, const char *events)
{
	assert_int_equal(feed_whole(text), end);
	assert_string_equal(log_text, events);
}

// Every cut in two, every piece size, gives what the whole gives. Tokens fit the tail.
static void expect_split_proof(const char *text, size_t len)
{
	static char whole[sizeof(log_text)];
	uint32_t all = ROOM;
	int64_t end = feed(text, len, &all, 1, true);

	memcpy(whole, log_text, log_len + 1);
	for (uint32_t i = 1; i <= len; i++) {
		uint32_t sizes[] = {i, all};

		assert_int_equal(feed(text, len, sizes, 2, true), end);
		assert_string_equal(log_text, whole);
		if (i > 40 && i % 61)
			continue;
		assert_int_equal(feed(text, len, &i, 1, true), end);
		assert_string_equal(log_text, whole);
	}
}

// ---- events

static void test_events(void **)
{
	expect("{\"users\":[{\"email\":\"a@b.c\",\"age\":-7.5e+3,\"x\":{\"y\":\"\"}}],\"n\":1}",
	       COMPLETE,
	       "s 20 $.users[]|email=a@b.c\n"
	       "n 33 $.users[]|age=-7.5e+3\n"
	       "s 51 $.users[].x|y=\n"
	       "n 60 $|n=1\n");
	expect("[1, \"a\", [2, [3]], {\"k\": [4, {\"z\":5}, 6]}, 7]", COMPLETE,
	       "n 1 $[]|=1\ns 5 $[]|=a\nn 10 $[][]|=2\nn 14 $[][][]|=3\n"
	       "n 26 $[].k[]|k=4\nn 34 $[].k[]|z=5\nn 38 $[].k[]|k=6\nn 43 $[]|=7\n");
	expect("\"top\"", COMPLETE, "s 1 $|=top\n");
	expect("42", COMPLETE, "n 0 $|=42\n");
	expect(" -1e5 ", COMPLETE, "n 1 $|=-1e5\n");
	expect("true", COMPLETE, "l 0 $|=true\n");
	expect("{}", COMPLETE, "");
	expect("[]", COMPLETE, "");
	expect("", COMPLETE, "");
	expect(" \t\r\n", COMPLETE, "");
	expect("{\"a\":{},\"b\":[],\"c\":null,\"d\":false,\"e\":true}", COMPLETE,
	       "l 19 $|c=null\nl 28 $|d=false\nl 38 $|e=true\n");
	expect("{\"a\":\"q\\\"uo\\\\\",\"b\":\"\\u00e9\"}", COMPLETE,
	       "s 6 $|a=q\\\"uo\\\\\ns 20 $|b=\\u00e9\n");
	expect("{\"\":1,\"a b\":2,\"a\":3,\"a\":4}", COMPLETE,
	       "n 4 $|=1\nn 12 $|a b=2\nn 18 $|a=3\nn 24 $|a=4\n");
	// One value after the other, as NDJSON, as RFC 7464, or just so.
	expect("{\"i\":1}\n{\"i\":2}\n", COMPLETE, "n 5 $|i=1\nn 13 $|i=2\n");
	expect("\x1e{\"i\":1}\n\x1e[2]", COMPLETE, "n 6 $|i=1\nn 11 $[]|=2\n");
	expect("{\"i\":1}{\"i\":2}3", COMPLETE, "n 5 $|i=1\nn 12 $|i=2\nn 14 $|=3\n");
	expect("\xef\xbb\xbf{\"a\":1}", COMPLETE, "n 8 $|a=1\n");
	expect("[NaN, Infinity, -Infinity, 1]", COMPLETE,
	       "l 1 $[]|=NaN\nl 6 $[]|=Infinity\nl 16 $[]|=-Infinity\nn 27 $[]|=1\n");
	// Tolerated inside strings: everything.
	expect("[\"a\nb\", \"\\q\", \"\xff\xc0\"]", COMPLETE,
	       "s 2 $[]|=a\nb\ns 9 $[]|=\\q\ns 15 $[]|=\xff\xc0\n");
	expect("[007]", COMPLETE, "n 1 $[]|=007\n");
}

static void test_key_escapes(void **)
{
	expect("{\"\\u0061dmin\":1}", COMPLETE, "n 14 $|admin=1\n");
	expect("{\"\\u00e9\\u20AC\\ud83d\\ude00\\/\\\"\\\\\":1}", COMPLETE,
	       "n 34 $|\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/\"\\=1\n");
	// Control characters, lone surrogates and broken escapes stay as they are.
	expect("{\"\\u0000\\n\\ud800\\udc0\\x\\u12\":1}", COMPLETE,
	       "n 29 $|\\u0000\\n\\ud800\\udc0\\x\\u12=1\n");
	expect("{\"\\ud800\\u0041\":1}", COMPLETE, "n 16 $|\\ud800A=1\n");
	// In paths, too.
	expect("{\"\\u0061\":{\"b\":[1]}}", COMPLETE, "n 16 $.a.b[]|b=1\n");
}

static void test_errors(void **)
{
	static const struct {
		const char *text;
		int64_t end;
	} cases[] = {
		{"x", 0},
		{"]", 0},
		{"}", 0},
		{",", 0},
		{":", 0},
		{"{]", 1},
		{"[}", 1},
		{"[1,]", 3},
		{"[,1]", 1},
		{"{,}", 1},
		{"{\"a\"}", 4},
		{"{\"a\":}", 5},
		{"{\"a\":1,}", 7},
		{"{\"a\" 1}", 5},
		{"{a:1}", 1},
		{"{'a':1}", 1},
		{"{1:1}", 1},
		{"[1 2]", 3},
		{"[\"a\" \"b\"]", 5},
		{"{\"a\":1 \"b\":2}", 7},
		{"[1]]", 3},
		{"{}}", 2},
		{"[tru]", 1},
		{"[True]", 1},
		{"[nul", 1},
		{"nulL", 0},
		{"[truex]", 5},
		{"[1.]", 1},
		{"[.5]", 1},
		{"[+1]", 1},
		{"[-]", 1},
		{"[1e]", 1},
		{"[1e+]", 1},
		{"[0x10]", 1},
		{"[1a]", 1},
		{"[1.5.5]", 1},
		{"[--1]", 1},
		{"[-Inf]", 1},
		{"2024-01-01", 0},
		{"<html>", 0},
		{"[1,2}", 4},
		{"{\"a\":[1}", 7},
		{")]}',\n{\"a\":1}", 0},
		{"/* c */{}", 0},
		{"\xff\xfe{", 0},
		{"[\xef\xbb\xbf]", 1},
		{"\xef\xbb{}", 0},
		// Not wrong as far as they go.
		{"[", CUT_OFF},
		{"{", CUT_OFF},
		{"[1", CUT_OFF},
		{"[1,", CUT_OFF},
		{"{\"a", CUT_OFF},
		{"{\"a\"", CUT_OFF},
		{"{\"a\":", CUT_OFF},
		{"{\"a\":1", CUT_OFF},
		{"[\"a", CUT_OFF},
		{"\"a", CUT_OFF},
		{"\"a\\", CUT_OFF},
		{"\"a\\\"", CUT_OFF},
		{"[[[[1]]]", CUT_OFF},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (feed_whole(cases[i].text) != cases[i].end)
			fail_msg("%s: %ld", cases[i].text, (long)feed_whole(cases[i].text));
		expect_split_proof(cases[i].text, strlen(cases[i].text));
	}
	// A zero byte is not the end of the window.
	expect_split_proof("[1,\0 2]", 7);
	assert_int_equal(feed("[1,\0 2]", 7, &(uint32_t){7}, 1, true), 3);
	expect_split_proof("[\"a\0b\"]", 7);
	assert_int_equal(feed("[\"a\0b\"]", 7, &(uint32_t){7}, 1, true), COMPLETE);
}

// What a body that was cut off ends with is text and no value.
static void test_cut_off(void **)
{
	static const struct {
		const char *text;
		bool complete;
		const char *events;
	} cases[] = {
		{"{\"a\":\"sec", false, "t 6 $|a=sec\n"},
		{"{\"a\":\"sec", true, "t 6 $|a=sec\n"},
		{"{\"a\":12", false, "t 5 $|a=12\n"},
		{"{\"a\":12", true, "n 5 $|a=12\n"},
		{"12", false, "t 0 $|=12\n"},
		{"12", true, "n 0 $|=12\n"},
		{"[1.", true, "t 1 $[]|=1.\n"},
		{"[-", true, "t 1 $[]|=-\n"},
		{"[\"", true, ""},
		{"{\"key", true, ""},
		{"[\"x\\", true, "t 2 $[]|=x\\\n"},
		{"{\"a\":", true, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t size = 1; size < 10; size++) {
			assert_true(feed(cases[i].text, strlen(cases[i].text), &size, 1,
					 cases[i].complete) < 0);
			assert_string_equal(log_text, cases[i].events);
		}
	}
}

static void test_splits(void **)
{
	static const char *const texts[] = {
		"{\"users\":[{\"id\":1,\"email\":\"a@b.c\",\"tags\":[\"x\",\"y\"],\"f\":1.5e-3,"
		"\"ok\":true},"
		" {\"id\":22, \"email\" : \"\\u0061\\\"@b.c\", "
		"\"deep\":{\"er\":[[1,2],[3]]}}],\"n\":null}",
		"[ 1 , -2.50 , \"\\\\\" , \"\\\"\" , { } , [ ] , true , false , null , NaN , "
		"-Infinity ]",
		"{\n    \"a\": {\n        \"b\": [\n            \"c\",\n            12345\n        "
		"]\n    }\n}\n",
		"{\"i\":1}\n{\"i\":\"two\"}\n\"three\" 4",
		"\xef\xbb\xbf{\"\\u0061\\ud83d\\ude00\":\"v\"}",
		"{\"a\":\"\\\\\\\\\\\\\\\\\\\\\\\\\\\"\",\"b\":\"\\\\\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_split_proof(texts[i], strlen(texts[i]));
	keys_near = true;
	expect_split_proof("{\"a\": \"b\", \"c\": {\"d\" : 12, \"e\":\"\\\"\"}}", 37);
	keys_near = false;
}

// A key longer than what is looked at, with and without a tail that could hold it.
static void test_long_keys(void **)
{
	static const uint32_t lengths[] = {63, 64, 65, 200, 255, 256, 257, 300, 2000};
	static char text[4096];
	char expected[400];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint32_t n = lengths[i], kept = n < 64 ? n : 64;

		text[0] = '{';
		text[1] = '"';
		memset(text + 2, 'k', n);
		strcpy(text + 2 + n, "\":{\"x\":1}, \"b\":\"2\"}");
		feed_whole(text);
		snprintf(expected, sizeof(expected), "n %u $.%.*s|x=1\ns %u $|b=2\n", n + 9,
			 (int)kept, text + 2, n + 18);
		assert_string_equal(log_text, expected);
		expect_split_proof(text, strlen(text));
	}
	// Escaped quotes in it, and an escape across the 64th byte.
	memset(text, 'k', 600);
	memcpy(text, "{\"\\u0041", 8);
	memcpy(text + 64, "\\\"", 2);
	for (uint32_t i = 100; i < 500; i += 9)
		memcpy(text + i, "\\\"", 2);
	strcpy(text + 600, "\":\"v\"}");
	expect_split_proof(text, strlen(text));
}

// Key and value may be near the tail's length each and together beyond it.
static void test_long_pairs(void **)
{
	static char text[1024];

	for (uint32_t key = 1; key <= 260; key += 37) {
		for (uint32_t value = 1; value <= 254; value += 23) {
			uint32_t at = 2;

			strcpy(text, "{\"");
			memset(text + at, 'k', key);
			strcpy(text + at + key, "\":\"");
			at += key + 3;
			memset(text + at, 'v', value);
			strcpy(text + at + value, "\",\"n\":[5]}");
			expect_split_proof(text, strlen(text));
		}
	}
}

// Strings and numbers longer than the tail come in pieces that cover them without a hole.
static void expect_pieces(const char *text, size_t from, size_t to, uint32_t size, char quote)
{
	const char *line = log_text, *text_at = text + from;
	char head[64];
	uint32_t n = 0;

	assert_int_equal(feed(text, strlen(text), &size, 1, true), COMPLETE);
	while (text_at < text + to) {
		size_t left = (size_t)(text + to - text_at), piece;
		const char *equals = strchr(line, '=');
		const char *end = strstr(line, "\nt+ ");

		if (!end)
			end = strstr(line, "\ns ");
		assert_non_null(end);
		piece = (size_t)(end - equals - 1);
		snprintf(head, sizeof(head), "t%s %lu $|long=", n++ ? "+" : "",
			 (unsigned long)(text_at - text));
		assert_memory_equal(line, head, strlen(head));
		assert_true(piece > 0 && piece <= left);
		assert_memory_equal(equals + 1, text_at, piece);
		text_at += piece;
		line = end + 1;
	}
	snprintf(head, sizeof(head), "s %lu $|z=end\n", (unsigned long)(to + (quote ? 7 : 6)));
	assert_string_equal(line, head);
	assert_true(n_texts >= 1);
}

static void test_long_values(void **)
{
	static const uint32_t sizes[] = {1, 2, 64, 255, 256, 257, 300, 1000, 1460};
	static char text[8192];
	uint32_t n = 4000;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		// With every kind of escape at every distance from a border.
		strcpy(text, "{\"long\":\"");
		for (uint32_t i = 0; i < n; i++)
			text[9 + i] = (char)('a' + i % 26);
		for (uint32_t i = 5 + (uint32_t)s; i + 8 < n; i += 31)
			memcpy(text + 9 + i, i % 3 ? "\\\"" : "\\\\\\\"", i % 3 ? 2 : 4);
		strcpy(text + 9 + n, "\",\"z\":\"end\"}");
		expect_pieces(text, 9, 9 + n, sizes[s], '"');
		strcpy(text, "{\"long\":");
		for (uint32_t i = 0; i < n; i++)
			text[8 + i] = i == 1999 ? '.' : (char)('0' + i % 10);
		strcpy(text + 8 + n, ",\"z\":\"end\"}");
		expect_pieces(text, 8, 8 + n, sizes[s], 0);
	}
	// Never closed.
	text[8] = '"';
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		assert_int_equal(feed(text, 3000, &sizes[s], 1, true), CUT_OFF);
	// In one window a value of any length is one value.
	text[8] = '1';
	memset(text + 9, '0', n - 1);
	assert_int_equal(feed_whole(text), COMPLETE);
	assert_int_equal(n_values, 2);
	assert_int_equal(n_texts, 1); // but a number only up to a length
	text[8] = '"';
	text[9 + n] = '"';
	strcpy(text + 10 + n, "}");
	assert_int_equal(feed_whole(text), COMPLETE);
	assert_int_equal(n_values, 1);
	assert_int_equal(n_texts, 0);
}

// The log without the borders of the pieces of one value.
static void join_pieces(void)
{
	char *piece;

	while ((piece = strstr(log_text, "\nt+ ")) != NULL) {
		const char *rest = strchr(piece, '=') + 1;

		memmove(piece, rest, strlen(rest) + 1);
	}
}

// What is no number is told from one at the same byte wherever the windows end; beyond a length
// nobody looks.
static void test_long_numbers(void **)
{
	static const char *const odd[] = {"", "x", ",", ".", "e", "-", "1e5x", ".5e+7", "..", "]", " "};
	static const uint32_t sizes[] = {1, 7, 100, 127, 128, 129, 200, 255, 256, 257, 300};
	static char text[1024], whole[1024];

	for (uint32_t n = 100; n < 330; n += n > 120 && n < 135 ? 1 : 9) {
		for (size_t i = 0; i < 4 * sizeof(odd) / sizeof(odd[0]); i++) {
			uint32_t lead = i & 1, at = lead + 5;
			int64_t result;

			memcpy(text, "[-0.5e", 6);
			if (!lead)
				memcpy(text, "-0.5e", 5);
			memset(text + at, '7', n);
			strcpy(text + at + n, odd[i / 4]);
			if (i & 2)
				strcat(text, "0]");
			result = feed_whole(text);
			join_pieces();
			strcpy(whole, log_text);
			for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
				assert_int_equal(feed(text, strlen(text), &sizes[s], 1, true),
						 result);
				join_pieces();
				assert_string_equal(log_text, whole);
			}
		}
	}
	assert_int_equal(feed_whole("12"), COMPLETE);
	memset(text, '7', 300);
	text[300] = '\0';
	assert_int_equal(feed_whole(text), COMPLETE);
}

static void test_depth(void **)
{
	char text[512];

	for (uint32_t depth = 60; depth < 70; depth++) {
		for (uint32_t object = 0; object < 2; object++) {
			uint32_t n = 0;

			for (uint32_t i = 0; i < depth; i++)
				n += (uint32_t)sprintf(text + n, object ? "{\"a\":" : "[");
			text[n++] = '1';
			for (uint32_t i = 0; i < depth; i++)
				text[n++] = object ? '}' : ']';
			text[n] = 0;
			assert_int_equal(feed_whole(text), depth <= 64 ? COMPLETE
							   : object    ? 64 * 5
								       : 64);
			expect_split_proof(text, n);
		}
	}
}

static void test_depth_100k(void **)
{
	char *text = malloc(200000);
	uint32_t size = 1460;

	memset(text, '[', 100000);
	memset(text + 100000, ']', 100000);
	assert_int_equal(feed(text, 200000, &size, 1, true), 64);
	free(text);
}

// The path text has an end; fields stay apart by their hashes.
static uint64_t fields[4];

static void on_field(void *, struct http_tx *, const struct value *v)
{
	assert_true(v->parent.len <= JSON_PATH);
	fields[v->key.p[0] - 'a'] = v->field;
}

static void walk_fields(const char *text)
{
	struct event_sink sink = {.value = on_field};
	size_t len = strlen(text);
	struct json json;
	uint8_t *end = guard - WINDOW_PAD;
	struct walk w = {
		.sink = &sink, .seed = seed, .begin = end - len, .fresh = end - len, .end = end};

	memcpy(end - len, text, len);
	memset(end, 0, WINDOW_PAD);
	json_begin(&json, seed, 64);
	json_walk(&json, &w);
	assert_true(json_whole(&json));
}

static void test_fields(void **)
{
	uint64_t first, second;
	char deep[2][2048];

	walk_fields("[{\"a\":1},{\"b\":2}]");
	first = fields[0];
	second = fields[1];
	assert_true(first != second);
	// Same for any index, any order, any value.
	walk_fields("[{\"b\":0},{},[],{\"x\":[]},{\"a\":[]},{\"a\":\"s\"}]");
	assert_int_equal(fields[0], first);
	assert_int_equal(fields[1], second);
	// Not the same in another container.
	walk_fields("{\"a\":1}");
	assert_true(fields[0] != first);
	walk_fields("[[{\"a\":1}]]");
	assert_true(fields[0] != first);
	// The seed keeps hashes private.
	assert_true(walk_key_hash(1, SPAN_LIT("a")) != walk_key_hash(2, SPAN_LIT("a")));
	assert_true(walk_key_hash(1, SPAN_LIT("")) != walk_key_hash(1, SPAN_LIT("\0")));
	assert_true(walk_key_hash(1, SPAN_LIT("\0")) != walk_key_hash(1, SPAN_LIT("\0\0")));
	// Paths beyond the text differ in their 20th component.
	for (uint32_t i = 0; i < 2; i++) {
		size_t n = 0;

		for (uint32_t level = 0; level < 30; level++)
			n += (size_t)sprintf(deep[i] + n, "{\"%c_component_%u\":%s",
					     level == 20 ? 'A' + (int)i : 'x', level,
					     level % 2 ? "[" : "");
		n += (size_t)sprintf(deep[i] + n, "{\"a\":1}");
		for (uint32_t level = 30; level-- > 0;)
			n += (size_t)sprintf(deep[i] + n, "%s}", level % 2 ? "]" : "");
		walk_fields(deep[i]);
		if (i == 0)
			first = fields[0];
	}
	assert_true(fields[0] != first);
	expect_split_proof(deep[0], strlen(deep[0]));
	// The text ends within a component, and between the brackets of an array.
	for (uint32_t last = 50; last < 65; last++) {
		char *text = deep[0], key[65];
		size_t n = 0;

		memset(key, 'k', 64);
		key[64] = 0;
		for (uint32_t level = 0; level < 4; level++)
			n += (size_t)sprintf(text + n,
					     "{\"%s\":", key + (level < 3 ? 0 : 64 - last));
		strcpy(text + n, "[[[{\"a\":[1]}]]]}}}}");
		assert_int_equal(feed_whole(text), COMPLETE);
		assert_int_equal(n_values, 1);
		// Every component up to the last that fits.
		n = 1 + 3 * 65;
		n += n + 1 + last + 2 <= JSON_PATH ? 1 + last + 2 : 0;
		for (uint32_t i = 0; i < 2 && n + 2 <= JSON_PATH; i++)
			n += 2;
		if (n + 4 <= JSON_PATH)
			n += 4;
		assert_ptr_equal(strchr(log_text, '|'), strchr(log_text, '$') + n);
	}
}

// Strings end where a loop over their bytes says, whatever stands at the borders of vectors.
static void test_string_ends(void **)
{
	uint8_t *end = guard - WINDOW_PAD;
	uint32_t random = 5;

	memset(end, 0, WINDOW_PAD);
	for (uint32_t round = 0; round < 20000; round++) {
		uint32_t len = round % 200, at = 0;
		uint8_t *p = end - len;
		bool escaped = false, got = false;

		for (uint32_t i = 0; i < len; i++) {
			random = random * 1103515245 + 12345;
			p[i] = random >> 24 < 20 ? '\\' : random >> 16 & 127 ? 'x' : '"';
		}
		for (; at < len && p[at] != '"'; at += 1 + (p[at] == '\\'))
			escaped |= p[at] == '\\';
		assert_ptr_equal(json_string_end(p, end, &got), p + at);
		assert_int_equal(got, escaped);
		for (uint32_t n = 16; n <= 64 && n <= len; n += 16)
			assert_true(json_quotes(p, n) == json_quotes_scalar(p, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),     cmocka_unit_test(test_key_escapes),
		cmocka_unit_test(test_errors),     cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_splits),     cmocka_unit_test(test_long_keys),
		cmocka_unit_test(test_long_pairs), cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_depth),      cmocka_unit_test(test_depth_100k),
		cmocka_unit_test(test_fields),     cmocka_unit_test(test_long_numbers),
		cmocka_unit_test(test_string_ends),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
