// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Scalars of JSON with their paths, and that no text makes the reader leave it or loop.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/claims.c"

// "a.b=1;a.c=x" of all that is told.
static const char *told(const char *json, bool *complete)
{
	static char out[4096];
	// Exactly as long as its contents, so that a byte beyond is seen by sanitizers.
	size_t len = strlen(json), n = 0;
	uint8_t *copy = malloc(len ? len : 1);
	struct claims c;
	struct claim claim;

	memcpy(copy, json, len);
	c = claims_of(span_make(copy, len));
	out[0] = '\0';
	while (claims_next(&c, &claim)) {
		for (uint32_t i = 0; i < claim.n_path; i++)
			n += (size_t)sprintf(out + n, "%s%.*s", i ? "." : "", (int)claim.path[i].len,
					     (const char *)claim.path[i].p);
		n += (size_t)sprintf(out + n, "=%.*s%s;", (int)claim.value.len,
				     (const char *)claim.value.p,
				     claim.kind == CLAIM_STRING   ? ""
				     : claim.kind == CLAIM_NUMBER ? "#"
								  : "!");
		assert_true(n < sizeof(out) - 256);
	}
	*complete = c.complete;
	free(copy);
	return out;
}

static void test_texts(void **)
{
	static const struct {
		const char *json, *told;
		bool complete;
	} all[] = {
		{"{}", "", true},
		{"{\"a\":1}", "a=1#;", true},
		{" { \"a\" : -1.5e3 , \"b\" : true , \"c\" : null } ", "a=-1.5e3#;b=true!;c=null!;", true},
		{"{\"a\":{\"b\":\"x\",\"c\":[\"y\",{\"d\":2}]},\"e\":\"z\"}",
		 "a.b=x;a.c=y;a.c.d=2#;e=z;", true},
		{"[1,\"a\",{\"b\":3}]", "=1#;=a;b=3#;", true},
		{"{\"a\":\"q\\\"q\",\"\":2}", "a=q\\\"q;=2#;", true},
		{"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}},\"f\":2}", "f=2#;", true},
		{"{\"a\":1}{\"b\":2}", "a=1#;", true},
		{"{\"a\":\"cut", "", false},
		{"{\"a\":12", "", false},
		{"{\"a\":1,\"b", "a=1#;", false},
		{"{\"a\"", "", false},
		{"{\"a\":", "", false},
		{"{\"a\" 1}", "", false},
		{"{a:1}", "", false},
		{"{\"a\":\"\\", "", false},
		{"}}", "", false},
		{"\"a\"", "", false},
		{"", "", false},
		{"[", "", false},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		bool complete;

		assert_string_equal(told(all[i].json, &complete), all[i].told);
		assert_int_equal(complete, all[i].complete);
	}
}

static void test_names(void **)
{
	struct claim claim = {.n_path = 2, .path = {SPAN_LIT("realm_access"), SPAN_LIT("roles")}};

	assert_true(claim_is(&claim, "realm_access.roles"));
	assert_false(claim_is(&claim, "realm_access"));
	assert_false(claim_is(&claim, "realm_access.roles.x"));
	assert_false(claim_is(&claim, "realm_accessroles"));
	claim = (struct claim){.n_path = 1, .path = {SPAN_LIT("https://a.example/roles")}};
	assert_true(claim_is(&claim, "https://a.example/roles"));
	claim.n_path = 0;
	assert_false(claim_is(&claim, ""));
}

// Deep texts end; a text of any bytes ends.
static void test_hostile(void **)
{
	static const char alphabet[] = "{}[]\":,\\a1 ";
	char text[300];
	bool complete;
	uint32_t state = 1;

	memset(text, '[', 200);
	text[200] = '\0';
	assert_string_equal(told(text, &complete), "");
	assert_false(complete);
	for (uint32_t round = 0; round < 20000; round++) {
		uint32_t len = round % 40;

		for (uint32_t i = 0; i < len; i++) {
			state = state * 1664525 + 1013904223;
			text[i] = alphabet[(state >> 16) % (sizeof(alphabet) - 1)];
		}
		text[len] = '\0';
		if (len)
			text[0] = round & 1 ? '{' : '[';
		assert_non_null(told(text, &complete));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
