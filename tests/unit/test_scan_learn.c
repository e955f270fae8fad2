// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the scanner does for field learning: types that only a learnt field makes count are looked
// for when they are asked for and never else, and refusals are told of whole short values.

#include "tests/unit/scan_fixture.h"

static struct scan_missed missed;
static uint32_t n_missed;

static void on_missed(void *, const struct value *, const struct scan_missed *m)
{
	missed = *m;
	n_missed++;
}

// One value in an exchange of that level.
static struct seen look(uint8_t probe, const char *key, const char *text)
{
	struct body b;

	n_missed = 0;
	memset(&missed, 0, sizeof(missed));
	body_open(&b, text);
	b.pending.probe = probe;
	give(&b, VALUE_STRING, key, "$", text);
	body_close(&b);
	return b.seen;
}

static bool refused(const char *id)
{
	return n_missed && keyctx_has(missed.types, (uint32_t)datatype_find(id));
}

static void test_weak(void **)
{
	struct seen seen;

	scanner_missed(scanner, on_missed);
	seen = look(PROBE_NONE, "firstName", "Erika");
	assert_int_equal(seen.n, 0);
	seen = look(PROBE_WEAK, "firstName", "Erika");
	assert_int_equal(count(&seen, "person.name"), 1);
	assert_false(refused("person.name"));
	seen = look(PROBE_WEAK, "firstName", "u48273");
	assert_int_equal(seen.n, 0);
	assert_true(refused("person.name"));
	assert_true(keyctx_has(missed.unsure, (uint32_t)datatype_find("person.name")));
	// Of a shape: what does not even begin like one is refused as well.
	seen = look(PROBE_WEAK, "zip", "94107");
	assert_int_equal(count(&seen, "zip.us"), 1);
	look(PROBE_WEAK, "zip", "none");
	assert_true(refused("zip.us"));
	look(PROBE_NONE, "zip", "none");
	assert_false(refused("zip.us"));
	seen = look(PROBE_ALL, "town", "Erika");
	assert_int_equal(seen.n, 0);
	assert_int_equal(n_missed, 0);
}

// The field's name and the text both say what it is: that is enough for one value.
static void test_said(void **)
{
	static const uint8_t levels[] = {PROBE_NONE, PROBE_WEAK, PROBE_ALL};
	struct seen seen;

	scanner_missed(scanner, on_missed);
	for (uint32_t i = 0; i < sizeof(levels); i++) {
		uint8_t level = levels[i];

		seen = look(level, "de_plz", "PLZ: 80331");
		assert_int_equal(count(&seen, "plz.de"), 1);
		assert_string_equal(seen.one[0].value, "80331");
		seen = look(level, "passport", "My travel passport is A48291736");
		assert_int_equal(count(&seen, "us.passport"), 1);
		assert_string_equal(seen.one[0].value, "A48291736");
		seen = look(level, "note", "PLZ: 80331");
		assert_int_equal(seen.n, 0);
	}
	// Without one of the two it is as before.
	seen = look(PROBE_NONE, "plz", "80331");
	assert_int_equal(seen.n, 0);
	seen = look(PROBE_NONE, "plz", "Ort: 80331");
	assert_int_equal(seen.n, 0);
	assert_int_equal(n_missed, 0);
	seen = look(PROBE_WEAK, "plz", "Ort: 80331");
	assert_int_equal(count(&seen, "plz.de"), 1);
	// The word is a word, of this number, near, and before it.
	seen = look(PROBE_NONE, "plz", "Komplz: 80331");
	assert_int_equal(seen.n, 0);
	seen = look(PROBE_NONE, "plz", "PLZ 17 and 80331");
	assert_int_equal(seen.n, 0);
	seen = look(PROBE_NONE, "plz", "the 80331 is a PLZ");
	assert_int_equal(seen.n, 0);
	seen = look(PROBE_NONE, "plz", "PLZ of the one who wrote the letter that came: 80331");
	assert_int_equal(seen.n, 0);
	// The check decides.
	seen = look(PROBE_NONE, "plz", "PLZ: 00999");
	assert_int_equal(seen.n, 0);
	// Names of people are the whole value.
	seen = look(PROBE_NONE, "firstName", "first name Erika");
	assert_int_equal(seen.n, 0);
}

static void test_nameless(void **)
{
	struct seen seen;

	scanner_missed(scanner, on_missed);
	seen = look(PROBE_WEAK, "reference", "123456789018");
	assert_int_equal(seen.n, 0);
	seen = look(PROBE_ALL, "reference", "123456789018");
	assert_int_equal(count(&seen, "jp.mynumber"), 1);
	seen = look(PROBE_ALL, "reference", "123456789019");
	assert_int_equal(count(&seen, "jp.mynumber"), 0);
	assert_true(refused("jp.mynumber"));
	assert_true(keyctx_has(missed.unsure, (uint32_t)datatype_find("jp.mynumber")));
	// With a name it needs no help.
	seen = look(PROBE_NONE, "myNumber", "123456789018");
	assert_int_equal(count(&seen, "jp.mynumber"), 1);
	look(PROBE_NONE, "myNumber", "123456789019");
	assert_true(refused("jp.mynumber"));
	assert_false(keyctx_has(missed.unsure, (uint32_t)datatype_find("jp.mynumber")));
}

static void test_refused(void **)
{
	const struct scan_missed *m;
	struct seen seen;

	scanner_missed(scanner, on_missed);
	look(PROBE_NONE, "number", "4641526776645558");
	assert_true(refused("card.pan"));
	seen = look(PROBE_NONE, "number", "4641526776645559");
	assert_int_equal(count(&seen, "card.pan"), 1);
	assert_false(refused("card.pan"));
	// Accepted and refused in one value: accepted.
	seen = look(PROBE_NONE, "numbers", "4641526776645558 4641526776645559");
	assert_int_equal(count(&seen, "card.pan"), 1);
	assert_false(refused("card.pan"));
	// A text says nothing of its field.
	look(PROBE_NONE, "note", "the parcel 4641526776645558 is on its way to the next depot");
	assert_int_equal(n_missed, 0);
	// Targets.
	m = scan_text(scanner, SPAN_LIT("4641526776645558"), SPAN_LIT("parcel"), 0, CLIENT, on_hit,
		      &seen);
	assert_non_null(m);
	assert_true(keyctx_has(m->types, (uint32_t)datatype_find("card.pan")));
	m = scan_text(scanner, SPAN_LIT("4641526776645559"), SPAN_LIT("parcel"), 0, CLIENT, on_hit,
		      &seen);
	assert_null(m);
	scanner_missed(scanner, NULL);
	look(PROBE_NONE, "number", "4641526776645558");
	assert_int_equal(n_missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_nameless),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
