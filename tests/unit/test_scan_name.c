// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names that are found elsewhere than with the value: with what holds it, and with a value beside
// it. Which values are beside is told by the path, by order and by the message.

#include "tests/unit/scan_fixture.h"

static struct body body;

static void say(const char *key, const char *parent, const char *text)
{
	give(&body, VALUE_STRING, key, parent, text);
}

// One object with a value that needs a name: {naming: name, key: value}
static struct seen pair(const char *naming, const char *name, const char *key, const char *value)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"%s\":\"%s\",\"%s\":\"%s\"}", naming, name, key, value);
	body_open(&body, text);
	say(naming, "$", name);
	say(key, "$", value);
	body_close(&body);
	return body.seen;
}

static void test_beside(void **)
{
	static const char *const naming[] = {"type", "name", "label", "kind", "field",
					     "docType", "id_name"};
	struct seen seen;

	for (uint32_t i = 0; i < sizeof(naming) / sizeof(naming[0]); i++) {
		seen = pair(naming[i], "passport", "value", "TK4829173");
		assert_int_equal(count(&seen, "jp.passport"), 1);
		assert_true(seen.one[0].ctx);
		assert_string_equal(seen.one[0].key, "value");
		assert_string_equal(seen.one[0].value, "TK4829173");
	}
	seen = pair("system", "http://hl7.org/fhir/sid/us-mbi", "value", "1EG4-TE5-MK73");
	assert_int_equal(count(&seen, "us.mbi"), 1);
	// Other names that say nothing of their own.
	seen = pair("type", "passport", "number", "TK4829173");
	assert_int_equal(count(&seen, "jp.passport"), 1);
	// A name of its own stands; what is no name says nothing; nor does what is long.
	seen = pair("type", "passport", "colour", "TK4829173");
	assert_int_equal(seen.n, 0);
	seen = pair("owner", "passport", "value", "TK4829173");
	assert_int_equal(seen.n, 0);
	seen = pair("firstName", "passport", "value", "TK4829173");
	assert_int_equal(seen.n, 0);
	seen = pair("type", "invoice", "value", "TK4829173");
	assert_int_equal(seen.n, 0);
	seen = pair("type", "what it says on the cover of the passport", "value", "TK4829173");
	assert_int_equal(seen.n, 0);
	// The check still decides.
	seen = pair("type", "passport", "value", "TK482917");
	assert_int_equal(seen.n, 0);
}

static void test_weak_beside(void **)
{
	struct seen seen = pair("type", "us passport", "value", "482917360");

	// Named, but only what most of the field's values are decides.
	assert_int_equal(count(&seen, "us.passport"), 0);
	seen = pair("type", "us passport", "value", "passport no. 482917360");
	assert_int_equal(count(&seen, "us.passport"), 1);
}

static void test_other_object(void **)
{
	static const char text[] = "[{'type':'passport','v':'TK4829173'},{'v':'MU7310482'}]";

	// The path differs.
	body_open(&body, text);
	say("type", "$[]", "passport");
	say("value", "$[].more", "TK4829173");
	assert_int_equal(body.seen.n, 0);
	say("value", "$[]", "TK4829173");
	assert_int_equal(count(&body.seen, "jp.passport"), 1);
	// Once more the same field: of an object whose kind is not known.
	say("value", "$[]", "MU7310482");
	assert_int_equal(count(&body.seen, "jp.passport"), 1);
	// With a name again.
	say("type", "$[]", "passport");
	say("value", "$[]", "MU7310482");
	assert_int_equal(count(&body.seen, "jp.passport"), 2);
	body_close(&body);
	// Of another message nothing is known.
	body_open(&body, text);
	say("value", "$[]", "TK4829173");
	assert_int_equal(body.seen.n, 0);
	body_close(&body);
}

static void test_messages_do_not_mix(void **)
{
	static const char text[] = "passport TK4829173";
	struct body other;

	body_open(&body, text);
	body_open(&other, "invoice TK4829173");
	give(&body, VALUE_STRING, "type", "$", "passport");
	give(&other, VALUE_STRING, "type", "$", "invoice");
	give(&other, VALUE_STRING, "value", "$", "TK4829173");
	give(&body, VALUE_STRING, "value", "$", "TK4829173");
	assert_int_equal(other.seen.n, 0);
	assert_int_equal(count(&body.seen, "jp.passport"), 1);
	body_close(&other);
	body_close(&body);
}

// What is learnt of "value" as a passport is not learnt of it as a licence.
static void test_field(void **)
{
	struct seen a = pair("type", "passport", "value", "TK4829173");
	struct seen b = pair("type", "passport", "value", "MU7310482");
	struct seen c = pair("type", "travel document", "value", "TK4829173");
	struct seen plain = pair("type", "x", "passport", "TK4829173");

	assert_int_equal(count(&a, "jp.passport"), 1);
	assert_int_equal(count(&b, "jp.passport"), 1);
	assert_int_equal(count(&c, "jp.passport"), 1);
	assert_int_equal(count(&plain, "jp.passport"), 1);
	assert_true(a.one[0].field == b.one[0].field);
	assert_true(a.one[0].field != c.one[0].field);
	assert_true(a.one[0].field != plain.one[0].field);
}

static void test_container(void **)
{
	body_open(&body, "TK4829173");
	say("number", "$.passport", "TK4829173");
	say("number", "$.invoice", "TK4829173");
	assert_int_equal(count(&body.seen, "jp.passport"), 1);
	body_close(&body);
	// The container comes before what is beside.
	body_open(&body, "invoice TK4829173");
	say("type", "$.passport", "invoice");
	say("number", "$.passport", "TK4829173");
	assert_int_equal(count(&body.seen, "jp.passport"), 1);
	body_close(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_weak_beside),
		cmocka_unit_test(test_other_object),
		cmocka_unit_test(test_messages_do_not_mix),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_container),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
