// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Depth, aliases and operations of requests; what only looks like them does not count, and no
// beginning of a body is read beyond.

#include "detect/graphql.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *body;
	bool json;
	uint32_t depth, aliases, operations;
} all[] = {
	{"{ me { id } }", false, 2, 0, 1},
	{"query Q($a: Int, $b: In = {x: {y: 1}}) { a: user(id: $a, f: {g: {h: 1}}) { b: name } }",
	 false, 2, 2, 1},
	{"{ a # b: { { {\n c: d }", false, 1, 1, 1},
	{"{ a(x: \") { b: c\") b(y: \"\\\"{\") }", false, 1, 0, 1},
	{"{ a(x: \"\"\"{ b: c \"\"\") { b } }", false, 2, 0, 1},
	{"fragment F on T { a { b { c } } } query { ...F }", false, 3, 0, 1},
	{"} } ) ) { a }", false, 1, 0, 1},
	{"{\"query\":\"{ a: b c: d { e } }\"}", true, 2, 2, 1},
	{"{\"query\":\"{ a # x: y\\n b: c }\"}", true, 1, 1, 1},
	{"{\"query\":\"{ a(x: \\\"{ b: \\\\\\\" { \\\") { b: c } }\"}", true, 2, 1, 1},
	{"{\"operationName\":\"A\",\"variables\":{\"a\":{\"query\":\"{{{{\"}},\"query\":\"{ a }\"}",
	 true, 1, 0, 1},
	{"[{\"query\":\"{a}\"},{\"query\":\"{b{c}}\"},{\"query\":\"{a:b}\"}]", true, 2, 1, 3},
	{"{\"query\":{\"a\":\"{{{\"},\"b\":\"query\",\"c\":[\"query\",\"{{\"]}", true, 0, 0, 0},
	{"{\"query\":null,\"x\":\"{{\"}", true, 0, 0, 0},
	{"", true, 0, 0, 0},
	{"\"", true, 0, 0, 0},
	{"{\"query\":\"", true, 0, 0, 1},
	{"{\"query\":\"{a\\", true, 1, 0, 1},
};

static void test_costs(void **)
{
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct graphql_cost c = graphql_cost(span_make(all[i].body, strlen(all[i].body)),
						     all[i].json);

		if (c.depth != all[i].depth || c.aliases != all[i].aliases ||
		    c.operations != all[i].operations)
			fail_msg("%s: %u %u %u", all[i].body, c.depth, c.aliases, c.operations);
	}
}

// What is seen of a part is never more than of the whole; nothing behind it is read.
static void test_cut(void **)
{
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (uint32_t n = 0; n <= strlen(all[i].body); n++) {
			char *copy = malloc(n ? n : 1);
			struct graphql_cost c;

			memcpy(copy, all[i].body, n);
			c = graphql_cost(span_make(copy, n), all[i].json);
			assert_true(c.depth <= all[i].depth && c.aliases <= all[i].aliases &&
				    c.operations <= all[i].operations);
			free(copy);
		}
	}
}

static void test_large(void **)
{
	enum { SIZE = 1 << 16 };
	static char body[SIZE];
	struct graphql_cost c;

	memset(body, '{', SIZE);
	c = graphql_cost(span_make(body, SIZE), false);
	assert_int_equal(c.depth, SIZE);
	memset(body, '[', SIZE);
	c = graphql_cost(span_make(body, SIZE), true);
	assert_int_equal(c.operations, 0);
	memset(body, '"', SIZE);
	c = graphql_cost(span_make(body, SIZE), true);
	assert_int_equal(c.depth, 0);
	memset(body, '\\', SIZE);
	memcpy(body, "{\"query\":\"{\\\"", 13);
	c = graphql_cost(span_make(body, SIZE), true);
	assert_int_equal(c.depth, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
