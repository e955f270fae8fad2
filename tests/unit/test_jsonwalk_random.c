// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The JSON walker on generated texts: against jansson, leaf by leaf; damaged, whole against cut;
// and the vector searches against their scalar twins.

#include <jansson.h>

#include "tests/unit/jsonwalk_harness.h"

static uint64_t random_state = 88172645463325252;

static uint32_t rnd(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % n;
}

static char generated[1 << 17];
static size_t generated_len;

static void put(const char *text)
{
	size_t len = strlen(text);

	memcpy(generated + generated_len, text, len + 1);
	generated_len += len;
}

static void put_space(void)
{
	static const char *const spaces[] = {"",   "",           "",   " ",
					     "\n", "\n        ", "\t", "\r\n                  "};

	put(spaces[rnd(8)]);
}

static void put_string(uint32_t pieces)
{
	static const char *const parts[] = {
		"a",
		"xyz",
		"@",
		"4111111111111111",
		"\\\"",
		"\\\\",
		"\\/",
		"\\u00e9",
		"\\n",
		"\xc3\xa9",
		"\xe2\x82\xac",
		"\\ud83d\\ude00",
		"{",
		"]",
		",",
		":",
		" ",
		"lorem ipsum dolor sit amet",
		"\\t",
		"\\u0041",
	};

	put("\"");
	for (uint32_t i = rnd(pieces); i > 0; i--)
		put(parts[rnd(20)]);
	put("\"");
}

static void put_value(uint32_t depth)
{
	static const char *const scalars[] = {"true", "false",    "null",       "0",
					      "-1",   "12345678", "1.5",        "-2.25e-3",
					      "1E5",  "0.1",      "99999999999"};
	uint32_t kind = rnd(depth < 6 ? 8 : 5), n;

	put_space();
	if (kind < 2) {
		put(scalars[rnd(11)]);
	} else if (kind < 5) {
		put_string(8);
	} else if (kind < 6) {
		put("[");
		n = rnd(6);
		for (uint32_t i = 0; i < n; i++) {
			if (i)
				put(",");
			put_value(depth + 1);
		}
		put_space();
		put("]");
	} else {
		put("{");
		n = rnd(7);
		for (uint32_t i = 0; i < n; i++) {
			char key[32];

			// No key twice: jansson would keep the last one.
			snprintf(key, sizeof(key), "%s\"%s%u%s\"", i ? "," : "",
				 (const char *const[]){"k", "long_key_number_", "\\u0061",
						       "\xc3\xa9"}[rnd(4)],
				 i, (const char *const[]){"", "\\/x", "_", "!"}[rnd(4)]);
			put(key);
			put_space();
			put(":");
			put_value(depth + 1);
		}
		put_space();
		put("}");
	}
	put_space();
}

static struct {
	char parent[256], key[64], text[256];
	enum value_kind kind;
} seen[20000];
static uint32_t n_seen, n_checked;

static void on_seen(void *, struct http_tx *, const struct value *v)
{
	assert_true(n_seen < 20000);
	assert_true(v->v.len < 256 && v->key.len < 64 && v->parent.len < 256);
	snprintf(seen[n_seen].parent, 256, "%.*s", (int)v->parent.len, (const char *)v->parent.p);
	snprintf(seen[n_seen].key, 64, "%.*s", (int)v->key.len, (const char *)v->key.p);
	snprintf(seen[n_seen].text, 256, "%.*s", (int)v->v.len, (const char *)v->v.p);
	seen[n_seen++].kind = v->kind;
}

static void check_leaf(const json_t *leaf, const char *parent, const char *key)
{
	json_t *mine;
	char quoted[300];

	assert_true(n_checked < n_seen);
	assert_string_equal(seen[n_checked].parent, parent);
	assert_string_equal(seen[n_checked].key, key);
	if (json_is_string(leaf)) {
		assert_int_equal(seen[n_checked].kind, VALUE_STRING);
		snprintf(quoted, sizeof(quoted), "\"%s\"", seen[n_checked].text);
		mine = json_loads(quoted, JSON_DECODE_ANY, NULL);
		assert_non_null(mine);
		assert_string_equal(json_string_value(mine), json_string_value(leaf));
		json_decref(mine);
	} else if (json_is_boolean(leaf) || json_is_null(leaf)) {
		assert_int_equal(seen[n_checked].kind, VALUE_LITERAL);
		assert_string_equal(seen[n_checked].text, json_is_null(leaf)   ? "null"
							  : json_is_true(leaf) ? "true"
									       : "false");
	} else {
		assert_int_equal(seen[n_checked].kind, VALUE_NUMBER);
		assert_true(strtod(seen[n_checked].text, NULL) == json_number_value(leaf));
	}
	n_checked++;
}

static void check_tree(json_t *node, const char *parent, const char *key, bool in_object)
{
	char path[512];
	const char *name;
	json_t *child;
	size_t i;

	if (!json_is_object(node) && !json_is_array(node)) {
		check_leaf(node, parent, key);
		return;
	}
	if (in_object)
		snprintf(path, sizeof(path), "%s.%s%s", parent, key,
			 json_is_array(node) ? "[]" : "");
	else
		snprintf(path, sizeof(path), "%s%s", parent, json_is_array(node) ? "[]" : "");
	if (json_is_object(node)) {
		json_object_foreach(node, name, child) check_tree(child, path, name, true);
	} else if (json_is_array(node)) {
		json_array_foreach(node, i, child) check_tree(child, path, key, false);
	}
}

static void test_jansson(void **)
{
	uint32_t leaves = 0;

	for (uint32_t turn = 0; turn < 3000; turn++) {
		struct event_sink sink = {.value = on_seen};
		uint8_t *end = guard - WINDOW_PAD;
		struct json json;
		struct walk w = {
			.sink = &sink, .seed = seed, .end = end, .last = true, .complete = true};
		json_error_t error;
		json_t *tree;

		generated_len = 0;
		put_value(0);
		assert_true(generated_len < sizeof(generated));
		tree = json_loadb(generated, generated_len, JSON_DECODE_ANY, &error);
		if (!tree)
			fail_msg("%s: %s", error.text, generated);
		w.begin = w.fresh = end - generated_len;
		memcpy(end - generated_len, generated, generated_len);
		memset(end, 0, WINDOW_PAD);
		json_begin(&json, seed, 64);
		n_seen = 0;
		n_checked = 0;
		json_walk(&json, &w);
		assert_true(json_whole(&json));
		check_tree(tree, "$", "", false);
		assert_int_equal(n_checked, n_seen);
		leaves += n_seen;
		json_decref(tree);
		if (turn % 20 == 0) {
			static char whole[sizeof(log_text)];
			uint32_t sizes[4] = {ROOM};

			feed(generated, generated_len, sizes, 1, true);
			memcpy(whole, log_text, log_len + 1);
			for (uint32_t cuts = 0; cuts < 20; cuts++) {
				for (uint32_t i = 0; i < 4; i++)
					sizes[i] = 1 + rnd(cuts < 10 ? 40 : 400);
				feed(generated, generated_len, sizes, 4, true);
				assert_string_equal(log_text, whole);
			}
		}
	}
	assert_true(leaves > 10000);
}

// What jansson refuses and the walker does not report is on the list of what it tolerates; here:
// valid documents with one byte changed never give more than the bytes of the document, and the
// same for every cut.
static void test_damaged(void **)
{
	static const char bytes[] = "\"\\{}[],:0a \0\xff\n-.e";

	for (uint32_t turn = 0; turn < 400; turn++) {
		static char whole[sizeof(log_text)];
		uint32_t sizes[3] = {ROOM};
		int64_t end;

		generated_len = 0;
		put_value(2);
		if (generated_len == 0)
			continue;
		for (uint32_t i = 1 + rnd(3); i > 0; i--)
			generated[rnd((uint32_t)generated_len)] = bytes[rnd(sizeof(bytes) - 1)];
		end = feed(generated, generated_len, sizes, 1, true);
		// Strings that a lost quote made long are cut at windows: not compared.
		memcpy(whole, log_text, log_len + 1);
		for (uint32_t cuts = 0; cuts < 20; cuts++) {
			for (uint32_t i = 0; i < 3; i++)
				sizes[i] = 1 + rnd(100);
			if (feed(generated, generated_len, sizes, 3, true) != end)
				fail_msg("%.*s", (int)generated_len, generated);
			if (n_texts == 0)
				assert_string_equal(log_text, whole);
		}
	}
}

// ---- vector searches

static void test_twins(void **)
{
	static const uint8_t bytes[] = "\"\\ \t\r\n\x1e"
				       "0123456789a\x7f\x80\xff";
	uint8_t text[256];

	for (uint32_t turn = 0; turn < 20000; turn++) {
		uint32_t n = rnd(100);
		const uint8_t *end = text + n;
		uint8_t kind = (uint8_t)rnd(4);

		memset(text, 0, sizeof(text));
		for (uint32_t i = 0; i < n; i++)
			text[i] = kind == 0   ? 'x'
				  : kind == 1 ? ' '
				  : kind == 2 ? (uint8_t)('0' + rnd(10))
					      : bytes[rnd(sizeof(bytes) - 1)];
		if (n)
			text[rnd(n)] = bytes[rnd(sizeof(bytes) - 1)];
		assert_ptr_equal(walk_find(text, end, '"', '\\', '\\'),
				 walk_find_scalar(text, end, '"', '\\', '\\'));
		assert_ptr_equal(walk_find(text, end, '5', 'x', 0xff),
				 walk_find_scalar(text, end, '5', 'x', 0xff));
		assert_ptr_equal(walk_skip(text), walk_skip_scalar(text));
		assert_ptr_equal(walk_digits(text), walk_digits_scalar(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jansson),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_twins),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
