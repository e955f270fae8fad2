// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which names are of properties that clients should not decide, and that many are not.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/privilege.c"

static uint8_t of(const char *name)
{
	return privilege_of(span_make(name, strlen(name)));
}

static void test_names(void **)
{
	static const char *const same[][2] = {
		{"role", "user_role"},
		{"isAdmin", "is_admin"},
		{"admin", "isAdmin"},
		{"roles[]", "ROLES"},
		{"creditLimit", "credit-limit"},
		{"unitPrice", "price"},
		{"emailVerified", "verified"},
		{"ownerID", "owner_id"},
		{"is_staff", "staff"},
		{"tenantId", "tenant_id"},
		{"accountBalance", "balance"},
		{"planId", "billing_plan_id"},
	};
	static const char *const none[] = {
		"",         "name",      "email",        "language",   "quantity",   "note",
		"password", "explain",   "roller",       "badminton",  "statusText", "roleplay",
		"page",     "id",        "estate",       "newsletter", "1207",       "a1",
		"_",        "priceless", "userIdentity", "line_items", "is_roots",   "my_state",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		if (!of(same[i][0]) || of(same[i][0]) != of(same[i][1]))
			print_error("%s, %s\n", same[i][0], same[i][1]);
		assert_true(of(same[i][0]) && of(same[i][0]) == of(same[i][1]));
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (of(none[i]))
			print_error("%s is %s\n", none[i], privilege_text(of(none[i])));
		assert_int_equal(of(none[i]), 0);
	}
	assert_int_equal(privilege_kind(of("isAdmin")), PRIVILEGE_RIGHTS);
	assert_int_equal(privilege_kind(of("tenant_id")), PRIVILEGE_OWNER);
	assert_int_equal(privilege_kind(of("price")), PRIVILEGE_MONEY);
	assert_int_equal(privilege_kind(of("status")), PRIVILEGE_STATE);
	assert_int_equal(privilege_kind(0), PRIVILEGE_NONE);
	assert_int_equal(privilege_kind(255), PRIVILEGE_NONE);
	assert_string_equal(privilege_text(of("creditLimit")), "credit limit");
	assert_string_equal(privilege_text(255), "?");
}

// Each entry is found by its own words, in all the ways of writing them.
static void test_all(void **)
{
	char name[64];

	for (uint8_t i = 1; i < PRIVILEGES; i++) {
		size_t n = 0;

		assert_int_equal(of(privileges[i].text), i);
		for (const char *c = privileges[i].text; *c; c++) {
			bool upper = c > privileges[i].text && c[-1] == ' ';

			if (*c != ' ')
				name[n++] = upper ? (char)(*c - 32) : *c;
		}
		name[n] = '\0';
		assert_int_equal(of(name), i);
	}
}

static void test_odd(void **)
{
	for (uint32_t len = 0; len < 80; len++) {
		for (uint32_t c = 0; c < 256; c++) {
			uint8_t *p = malloc(len + 1);

			memset(p, (int)c, len + 1);
			privilege_of(span_make(p + 1, len));
			free(p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
