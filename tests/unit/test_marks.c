// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Marks, found by the real scanner in bodies of the real kinds: what each list is for, what looks
// alike and is none, bodies cut at every place, requests, and floods of candidates.

#include "detect/marks.h"
#include "detect/scanner.h"

#include "tests/unit/scan_fixture.h"

struct sample {
	const char *text;
	int sure; // the product; -1: none
	int hint;
};

static const struct sample samples[] = {
	{"{\"error\":\"You have an error in your SQL syntax; check the manual\"}", MARK_MYSQL, -1},
	{"{\"message\":\"Table 'shop.users' doesn't exist\"}", MARK_MYSQL, -1},
	{"She said the 'moon' doesn't exist, and neither does the sea.", -1, -1},
	{"{\"message\":\"Column 'email' cannot be null\"}", MARK_MYSQL, -1},
	{"{\"message\":\"'email' cannot be null\"}", -1, -1},
	{"ERROR:  relation \"users\" does not exist\nLINE 1", MARK_POSTGRESQL, -1},
	{"{\"e\":\"ERROR: column \\\"age\\\" does not exist\"}", MARK_POSTGRESQL, -1},
	{"{\"e\":\"The file \\\"a.txt\\\" does not exist\"}", -1, -1},
	{"ORA-00942: table or view does not exist", MARK_ORACLE, -1},
	{"part PANDORA-00942, order AGORA-12345", -1, -1},
	{"Unclosed quotation mark after the character string", MARK_MSSQL, -1},
	{"near \"FORM\": syntax error", MARK_SQLITE, -1},
	{"{\"e\":\"near \\\"FORM\\\": syntax error\"}", MARK_SQLITE, -1},
	{"E11000 duplicate key error collection: shop.users", MARK_MONGODB, -1},
	{"SQLSTATE[42S02]: Base table or view not found", MARK_SQL_OTHER, -1},
	{"\tat com.example.web.Cart.add(Cart.java:42)\n", MARK_JAVA, -1},
	{"see Cart.java:42) for more", -1, -1},
	{"{\"exception\":\"org.example.shop.NoStockException\"}", MARK_JAVA, -1},
	{"java.lang.NullPointerException", MARK_JAVA, MARK_JAVA},
	{"An Exception was made for you. Exceptional!", -1, -1},
	{"{\"type\":\"StockException\"}", -1, -1},
	{"System.InvalidOperationException: no", MARK_DOTNET, -1},
	{"in C:\\\\app\\\\Cart.cs:line 42", MARK_DOTNET, -1},
	{"Symfony\\\\Component\\\\HttpKernel\\\\Exception\\\\NotFoundHttpException", MARK_PHP, -1},
	{"Traceback (most recent call last):\n", MARK_PYTHON, -1},
	{"{\"t\":\"  File \\\"/x/a.py\\\", line 7, in f\"}", MARK_PYTHON, -1},
	{"patch of a.py\", line 7", -1, -1},
	{"<b>Warning</b>:  Undefined thing in <b>/x/a.php</b> on line <b>3</b>", MARK_PHP, -1},
	{"Error: no\n    at f (/x/index.js:10:15)", MARK_NODE, -1},
	{"{\"s\":\"Error: no\\n    at f (/x/index.js:10:15)\"}", MARK_NODE, -1},
	{"{\"map\":\"index.js:10:15\"}", -1, -1},
	{"goroutine 17 [running]:\nmain.f()\n\t/src/a.go:12 +0x1d", MARK_GO, MARK_GO},
	{"app/models/a.rb:12:in `call'", MARK_RUBY, -1},
	{"thread 'main' panicked at src/main.rs:2", MARK_RUST, -1},
	{"at ./a.pl line 12.", MARK_PERL, -1},
	{"<title>phpinfo()</title>", MARK_PHPINFO_PAGE, -1},
	{"<?php\n$db = 'x';", MARK_PHP_SOURCE, -1},
	{"<?xml version=\"1.0\"?><a/>", -1, -1},
	{"root:x:0:0:root:/root:/bin/bash", MARK_PASSWD, -1},
	{"{\"f\":\"/var/www/shop/a\"}", -1, MARK_SERVER_PATH},
	{"<center>nginx/1.18.0</center>", MARK_SERVER_BANNER, -1},
	{"<center>nginx</center>", -1, -1},
	{"<title>p0wny@shell:~#</title>", MARK_WEB_SHELL, -1},
	{"{\"users\":[{\"id\":1}],\"total\":1,\"error\":null,\"message\":\"all is well\"}", -1, -1},
	{"", -1, -1},
};

static uint64_t bit(int product)
{
	return product < 0 ? 0 : UINT64_C(1) << product;
}

static struct marks marks_of(const char *text, uint32_t at, bool values)
{
	struct marks marks;
	struct body b;

	body_open(&b, text);
	if (at)
		show(&b, 0, at, values);
	if (at < b.len)
		show(&b, at, b.len, values);
	marks = b.pending.marks;
	body_close(&b);
	return marks;
}

static void test_samples(void **)
{
	for (uint32_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct marks marks = marks_of(s->text, 0, s->text[0] == '{');

		if (marks.sure != bit(s->sure) || marks.hint != bit(s->hint))
			fail_msg("\"%s\": sure %lx, hint %lx", s->text, (unsigned long)marks.sure,
				 (unsigned long)marks.hint);
	}
}

// The names whose bits are set, as they are told.
static void fields_of(const char *text, uint32_t at, char *out, size_t size)
{
	struct marks marks = marks_of(text, at, true);

	*out = '\0';
	for (uint32_t i = 0; i < mark_fields_count(); i++) {
		char title[64];

		if (!(marks.field[i / 64] >> (i % 64) & 1))
			continue;
		mark_field_title(i, title, sizeof(title));
		snprintf(out + strlen(out), size - strlen(out), "%s ", title);
	}
}

static void test_fields(void **)
{
	static const struct {
		const char *text, *names;
	} cases[] = {
		{"{\"passwordHash\":\"x1\"}", "passwordHash "},
		{"{\"password_hash\": \"x1\"}", "passwordHash "},
		{"{\"Password-Hash\" :\"x1\"}", "passwordHash "},
		{"{\"PASSWORDHASH\":\"x1\"}", "passwordHash "},
		{"{\"j\":\"{\\\"passwordHash\\\":\\\"x1\\\"}\"}", "passwordHash "},
		{"<user><passwordHash>x1</passwordHash></user>", "passwordHash "},
		{"<user><passwordHash></passwordHash></user>", ""},
		{"{\"passwordHash\":null,\"debug\":false}", ""},
		{"{\"passwordHash\":\"\",\"debug\":{}}", ""},
		{"{\"passwordHash\":\"****\",\"debug\":[]}", ""},
		{"{\"debug\":true}", "debug "},
		{"{\"debug\":{\"sql\":1}}", "debug "},
		{"{\"isAdmin\":false}", "isAdmin "},
		{"{\"isAdministered\":true,\"thisAdmin\":1}", ""},
		{"{\"note\":\"passwordHash\",\"x\":\"isAdmin\"}", ""},
		{"{\"_id\":7,\"roles\":[\"a\"]}", "_id roles "},
		{"{\"id\":7,\"name\":\"x\"}", ""},
	};
	char names[512];

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t at = 0; at < strlen(cases[i].text); at++) {
			fields_of(cases[i].text, at, names, sizeof(names));
			if (strcmp(names, cases[i].names) != 0)
				fail_msg("%s cut at %u: \"%s\"", cases[i].text, at, names);
		}
	}
}

static void test_field_names(void **)
{
	char pattern[160];

	assert_true(mark_fields_count() > 60 && mark_fields_count() <= MARK_FIELDS);
	for (uint32_t i = 0; i < mark_fields_count(); i++)
		assert_true(mark_field_pattern(i, pattern, sizeof(pattern)));
	assert_false(mark_field_pattern(0, pattern, 20));
	assert_true(mark_field_in(0, str("SELECT passwordHash FROM")));
	assert_true(mark_field_in(0, str("fields=id,PASSWORD-HASH")));
	assert_false(mark_field_in(0, str("password, hash")));
	assert_false(mark_field_in(0, str("passwordHas")));
	assert_false(mark_field_in(0, (struct span){0}));
}

// Whatever the windows, the marks are the same.
static void test_cuts(void **)
{
	for (uint32_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		uint32_t len = (uint32_t)strlen(samples[i].text);

		for (uint32_t at = 1; at < len; at++) {
			for (uint32_t values = 0; values < 2; values++) {
				struct marks whole = marks_of(samples[i].text, 0, values);
				struct marks cut_up = marks_of(samples[i].text, at, values);

				assert_int_equal(whole.sure, cut_up.sure);
				assert_int_equal(whole.hint, cut_up.hint);
				assert_int_equal(whole.again, cut_up.again);
				assert_int_equal(whole.raw, cut_up.raw);
			}
		}
	}
}

// A place that two windows show is one place.
static void test_again(void **)
{
	const char *once =
		"{\"f\":\"/var/www/shop/a\",\"pad\":\"................................\"}";
	const char *twice = "{\"f\":\"/var/www/shop/a\",\"g\":\"/var/www/shop/b\"}";

	for (uint32_t at = 0; at < strlen(once); at++) {
		for (uint32_t values = 0; values < 2; values++) {
			assert_int_equal(marks_of(once, at, values).again, 0);
			if (at < strlen(twice))
				assert_int_equal(marks_of(twice, at, values).again,
						 bit(MARK_SERVER_PATH));
		}
	}
}

static void test_requests(void **)
{
	struct body b;
	struct window w;

	body_open(&b, "ORA-00942: table or view does not exist");
	w = (struct window){.dir = CLIENT, .bytes = {b.p, b.len}};
	scan_window(scanner, &b.pending, &w, on_hit, &b.seen);
	assert_int_equal(b.pending.marks.sure, 0);
	// Nor in texts that are no body.
	scan_text(scanner, str("ORA-00942: table"), str("q"), 0, SERVER, on_hit, &b.seen);
	assert_null(scanner->marks);
	body_close(&b);
}

// False candidates without end: a bounded number is looked at, and values are found all the same.
static void test_flood(void **)
{
	enum { N = 4000 };
	char *text = malloc(N * 10 + 128);
	struct body b;

	for (uint32_t i = 0; i < N; i++)
		memcpy(text + i * 10, "Exception ", 10);
	strcpy(text + N * 10, " " TOKEN " ");
	body_open(&b, text);
	show(&b, 0, b.len, false);
	assert_int_equal(b.pending.marks.sure, 0);
	assert_int_equal(scanner->marks_refused, MARK_REFUSED);
	scan_end(scanner, &b.pending, SERVER, on_hit, &b.seen);
	assert_int_equal(count(&b.seen, "github.pat"), 1);
	body_close(&b);
	free(text);
}

static void test_lists(void **)
{
	assert_true(marks_count() > 250);
	assert_null(marks_get(marks_count()));
	for (uint32_t i = 0; i < marks_count(); i++) {
		const struct mark *m = marks_get(i);

		assert_true(m->product < MARK_PRODUCTS);
		assert_true(strlen(m->pattern) >= 5);
		assert_true(mark_kind(m->product) < MARK_KINDS);
		assert_non_null(mark_title(m->product));
		// A product of the wrong list would be told as something else.
		assert_true(m != marks_sql || mark_kind(m->product) == MARK_SQL);
	}
	for (const struct mark *m = marks_sql; m->pattern; m++)
		assert_int_equal(mark_kind(m->product), MARK_SQL);
	for (const struct mark *m = marks_trace; m->pattern; m++)
		assert_int_equal(mark_kind(m->product), MARK_TRACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples), cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_again),   cmocka_unit_test(test_requests),
		cmocka_unit_test(test_flood),   cmocka_unit_test(test_lists),
		cmocka_unit_test(test_fields),  cmocka_unit_test(test_field_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
