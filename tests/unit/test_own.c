// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The operator's data types: from a configuration through the real scanner to hits; what the
// configuration refuses and notes; the registry before, with and after them.

#include "detect/own.h"
#include "detect/scanner.h"

#include "tests/unit/scan_fixture.h"

static struct conf *conf_of(const char *text, FILE *err)
{
	char name[] = "/tmp/apitap-test-XXXXXX";
	int fd = mkstemp(name);
	struct conf *c;

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	c = conf_load(name, err);
	unlink(name);
	return c;
}

static const char types[] =
	"types: { own = ("
	" { id = \"acme.order\"; title = \"Order\"; pattern = \"ORD-[0-9]{4}-[0-9]{4,6}\"; "
	"   validator = \"luhn\"; },"
	" { id = \"acme.badge\"; pattern = \"[A-Z]{2}[0-9]{3}\"; context = [\"badge\", \"sash\"];"
	"   reports = \"ctx\"; severity = \"critical\"; group = \"secret\"; } ); };";

static struct conf *own_conf;
static struct ruleset *own_rules;
static struct scanner *own_scanner;

static int own_setup(void **unused)
{
	char why[256];

	if (setup(unused))
		return 1;
	own_conf = conf_of(types, stderr);
	own_rules = ruleset_new(own_conf, why, sizeof(why));
	own_scanner = own_rules ? scanner_new(own_rules, 31) : NULL;
	if (!own_scanner)
		return 1;
	scanner_free(scanner);
	scanner = own_scanner;
	return 0;
}

static int own_teardown(void **unused)
{
	ruleset_free(own_rules);
	conf_free(own_conf);
	return teardown(unused);
}

static void text(const char *key, const char *value, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	scan_text(scanner, str(value), str(key), 7, SERVER, on_hit, seen);
}

static void test_registry(void **)
{
	int i = datatype_find("acme.order");

	assert_true(i >= 0 && (uint32_t)i == datatype_built_in());
	assert_int_equal(datatype_count(), datatype_built_in() + 2);
	assert_string_equal(datatype_get((uint32_t)i)->title, "Order");
	assert_string_equal(datatype_get((uint32_t)i + 1)->title, "acme.badge");
	assert_int_equal(datatype_get((uint32_t)i + 1)->severity, 4);
	for (size_t k = 0; datatype_name(k); k++)
		assert_string_not_equal(datatype_name(k), "acme.order");
}

static void test_found(void **)
{
	struct seen seen;

	text("note", "your ORD-4539-1489 is on its way", &seen);
	assert_int_equal(seen.n, 1);
	assert_string_equal(id_of(&seen.one[0]), "acme.order");
	assert_string_equal(seen.one[0].value, "ORD-4539-1489");
}

static void test_validator(void **)
{
	struct seen seen;

	text("note", "ORD-4539-1490", &seen);
	assert_int_equal(seen.n, 0);
}

static void test_context(void **)
{
	struct seen seen;

	text("code", "AB123", &seen);
	assert_int_equal(count(&seen, "acme.badge"), 0);
	text("badgeNumber", "AB123", &seen);
	assert_int_equal(count(&seen, "acme.badge"), 1);
	assert_true(seen.one[0].ctx);
	text("sash", "x AB123, CD456", &seen);
	assert_int_equal(count(&seen, "acme.badge"), 2);
}

// Values too short or too plain for any built-in type are searched as well; bodies' windows are not.
static void test_values(void **)
{
	struct body b;

	body_open(&b, "{\"badge\":\"AB123\",\"n\":\"ORD-1\",\"t\":\"ORD-4539-1489\"}");
	show(&b, 0, b.len, true);
	assert_int_equal(b.seen.n, 0);
	give(&b, VALUE_STRING, "badge", "$", "AB123");
	give(&b, VALUE_STRING, "n", "$", "ORD-1");
	give(&b, VALUE_STRING, "t", "$", "ORD-4539-1489");
	assert_int_equal(count(&b.seen, "acme.badge"), 1);
	assert_int_equal(count(&b.seen, "acme.order"), 1);
	assert_int_equal(b.seen.one[0].off, 10);
	assert_string_equal(b.seen.one[1].key, "t");
	body_close(&b);
}

static void test_flood(void **)
{
	char many[4096] = "";
	struct seen seen;

	for (uint32_t i = 0; i < 200; i++)
		strcat(many, "AB123 ");
	text("badge", many, &seen);
	assert_int_equal(count(&seen, "acme.badge"), SCAN_OWN);
}

static void test_mistakes(void **)
{
	static const struct {
		const char *type, *key;
	} cases[] = {
		{"id = \"order\"; pattern = \"abc\";", "id"},
		{"id = \"A.b\"; pattern = \"abc\";", "id"},
		{"id = \"us.ssn\"; pattern = \"abc\";", "id"},
		{"id = \"a.b\"; pattern = \"abc+\";", "pattern"},
		{"id = \"a.b\"; pattern = \"(abc\";", "pattern"},
		{"id = \"a.b\"; pattern = \"a(?=b)\";", "pattern"},
		{"id = \"a.b\"; pattern = \"a?\";", "pattern"},
		{"id = \"a.b\"; pattern = \"a{300}\";", "pattern"},
		{"id = \"a.b\"; pattern = \"abc\"; reports = \"ctx\";", "reports"},
		{"id = \"a.b\"; pattern = \"abc\"; validator = \"crc\";", "validator"},
		{"id = \"a.b\";", "pattern"},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char file[512], said[1024] = "", wanted[64];
		FILE *err = fmemopen(said, sizeof(said), "w");

		snprintf(file, sizeof(file), "types: { own = (\n{ %s } ); };", cases[i].type);
		snprintf(wanted, sizeof(wanted), ":2: types.own[0].%s: ", cases[i].key);
		assert_null(conf_of(file, err));
		fclose(err);
		if (!strstr(said, wanted))
			fail_msg("%s: %s", cases[i].type, said);
	}
	assert_null(conf_of("policies = ( { type = \"acme.order\"; } );", fopen("/dev/null", "w")));
}

static void test_notes(void **)
{
	static const struct {
		const char *pattern;
		bool noted;
	} cases[] = {
		{"ORD-[0-9]{4}", false},       {"[A-Z]{3}[0-9]{4}", true},
		{"(?:ABC|DEF)[0-9]{4}", true}, {"ABCD|EFGH", false},
		{"ABCD|E[0-9]{3}", true},      {"ABC?[0-9]{4}", true},
		{"AB\\\\.[0-9]{4}", false},    {"AB\\\\d{4}", true},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char file[512], said[1024] = "";
		FILE *out = fmemopen(said, sizeof(said), "w");
		struct conf *c;

		snprintf(file, sizeof(file),
			 "types: { own = ( { id = \"a.b\"; pattern = \"%s\"; } ); };",
			 cases[i].pattern);
		c = conf_of(file, stderr);
		assert_non_null(c);
		own_notes(c, out);
		fclose(out);
		if ((strstr(said, "types.own[0].pattern: note:") != NULL) != cases[i].noted)
			fail_msg("%s: \"%s\"", cases[i].pattern, said);
		conf_free(c);
	}
}

// Another configuration takes their place; without one they are gone.
static void test_replaced(void **)
{
	uint32_t built_in = datatype_built_in();
	struct datatype many[DATATYPE_MAX] = {0};
	char why[256];
	struct ruleset *r = ruleset_new(conf, why, sizeof(why));

	assert_non_null(r);
	assert_int_equal(datatype_count(), built_in);
	assert_int_equal(datatype_find("acme.order"), -1);
	assert_false(datatype_own(many, DATATYPE_MAX));
	assert_int_equal(datatype_count(), built_in);
	ruleset_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registry),  cmocka_unit_test(test_found),
		cmocka_unit_test(test_validator), cmocka_unit_test(test_context),
		cmocka_unit_test(test_values),    cmocka_unit_test(test_flood),
		cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_notes),
		cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests(tests, own_setup, own_teardown);
}
