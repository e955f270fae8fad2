// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The scanner on bodies with values: what a hit says of its field; pattern hits that find their
// value however the body is cut and whatever other messages come between; limits; configuration.

#include "tests/unit/scan_fixture.h"

static void test_hit_names_its_field(void **)
{
	struct body b;

	body_open(&b, "{\"users\":[{\"contact\":\"write to " MAIL " now\"}]}");
	show(&b, 0, b.len, true);
	give(&b, VALUE_STRING, "contact", "$.users[]", "write to " MAIL " now");
	assert_int_equal(b.seen.n, 1);
	assert_string_equal(id_of(&b.seen.one[0]), "email");
	assert_string_equal(b.seen.one[0].value, MAIL);
	assert_string_equal(b.seen.one[0].key, "contact");
	assert_string_equal(b.seen.one[0].parent, "$.users[]");
	assert_int_equal(b.seen.one[0].field, 48271);
	assert_int_equal(b.seen.one[0].off, strstr((char *)b.p, MAIL) - (char *)b.p);
	assert_false(b.seen.one[0].ctx);
	body_close(&b);
	assert_int_equal(b.seen.n, 1);
}

static void test_context_is_told(void **)
{
	struct body b;

	body_open(&b, "{\"email\":\"" MAIL "\",\"ssn\":\"482739164\",\"x\":\"482739164\"}");
	give(&b, VALUE_STRING, "email", "$", MAIL);
	assert_true(b.seen.one[0].ctx);
	give(&b, VALUE_STRING, "ssn", "$", "482739164");
	assert_int_equal(count(&b.seen, "us.ssn"), 1);
	give(&b, VALUE_STRING, "x", "$", "482739164");
	assert_int_equal(count(&b.seen, "us.ssn"), 1);
	body_close(&b);
}

static void test_numbers(void **)
{
	struct body b;

	body_open(&b, "[4641526776645559,1719043200123,4091366019938,482739164]");
	give(&b, VALUE_NUMBER, "ref", "$", "4641526776645559");
	assert_int_equal(count(&b.seen, "card.pan"), 1);
	give(&b, VALUE_NUMBER, "ref", "$", "4091366019938");
	assert_int_equal(count(&b.seen, "card.pan"), 1);
	give(&b, VALUE_NUMBER, "card", "$", "4091366019938");
	assert_int_equal(count(&b.seen, "card.pan"), 2);
	// The container tells when the name does not.
	give(&b, VALUE_NUMBER, "number", "$.orders[].card", "4091366019938");
	assert_int_equal(count(&b.seen, "card.pan"), 3);
	give(&b, VALUE_NUMBER, "number", "$.orders[].parcel", "4091366019938");
	assert_int_equal(count(&b.seen, "card.pan"), 3);
	give(&b, VALUE_NUMBER, "card", "$", "1719043200123");
	give(&b, VALUE_NUMBER, "ts", "$", "1719043200123");
	assert_int_equal(b.seen.n, 3);
	give(&b, VALUE_NUMBER, "ssn", "$", "482739164");
	assert_int_equal(count(&b.seen, "us.ssn"), 1);
	body_close(&b);
}

static void test_escapes(void **)
{
	struct body b;
	const char *json = "jane\\u0040mail.example.org",
		   *slash = "https:\\/\\/hooks.sl"
			    "ack.com\\/services"
			    "\\/T4827391K\\/B7310482Q\\/q7T4zK2wMx5RvB3nLd8Yp0Hs";
	const char *form = "jane%40mail.example.org", *plus = "482+73+9164%21";
	char text[400];

	snprintf(text, sizeof(text), "{\"a\":\"%s\",\"b\":\"%s\"}", json, slash);
	body_open(&b, text);
	show(&b, 0, b.len, true);
	give(&b, VALUE_STRING, "a", "$", json);
	assert_int_equal(count(&b.seen, "email"), 1);
	// Hits are of the value as it stands in the body.
	assert_string_equal(b.seen.one[0].value, json);
	assert_int_equal(b.seen.one[0].off, 6);
	give(&b, VALUE_STRING, "b", "$", slash);
	assert_int_equal(count(&b.seen, "slack.webhook"), 1);
	body_close(&b);
	assert_int_equal(b.seen.n, 2);

	// As a whole, a value is told once.
	body_open(&b, "{\"a\":\"a@b.example \\n c@d.example\"}");
	give(&b, VALUE_STRING, "a", "$", "a@b.example \\n c@d.example");
	body_close(&b);
	assert_int_equal(b.seen.n, 1);

	snprintf(text, sizeof(text), "a=%s&b=%s", form, plus);
	body_open(&b, text);
	show(&b, 0, b.len, true);
	give(&b, VALUE_STRING, "a", "", form);
	give(&b, VALUE_STRING, "b", "", plus);
	assert_int_equal(count(&b.seen, "email"), 1);
	assert_int_equal(count(&b.seen, "us.ssn"), 1);
	body_close(&b);
	assert_int_equal(b.seen.n, 2);
}

// However the windows are cut, the token is told once, with its field.
// A value that is a text in Base64, once more by its text; hits are of the whole value.
static void test_base64(void **)
{
	static const struct {
		const char *value, *id;
	} cases[] = {
		{"NDExMSAxMTExIDExMTEgMTExMQ==", "card.pan"},
		{"NDExMTExMTExMTExMTExMQ==", "card.pan"}, // of digits alone
		{"amFuZS5kb2VAbWFpbC5leGFtcGxlLm9yZw", "email"},
		{"44Oh44O844OrIGphbmUuZG9lQG1haWwuZXhhbXBsZS5vcmc_", "email"},
		{"NDExMSAxMTExIDExMTEgMTExMg==", NULL}, // its check digit is wrong
		{"NDExMSAxMTExIDExMTEgMTExMR==", NULL}, // bits behind the end
		{"NDExMSAxMTExIDExMTEgMTExMQ=", NULL},
		{"=DExMSAxMTExIDExMTEgMTExMQ==", NULL},
		{"NDExMSAx MTExIDExMTEgMTExMQ==", NULL},
		{"550e8400e29b41d4a716446655440000", NULL},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen text = {0};
		struct body b;

		body_open(&b, cases[i].value);
		show(&b, 0, b.len, true);
		give(&b, VALUE_STRING, "note", "$", cases[i].value);
		body_close(&b);
		scan_text(scanner, str(cases[i].value), str("note"), 1, SERVER, on_hit, &text);
		assert_int_equal(b.seen.n, cases[i].id != NULL);
		assert_int_equal(text.n, cases[i].id != NULL);
		if (!cases[i].id)
			continue;
		assert_string_equal(id_of(&b.seen.one[0]), cases[i].id);
		assert_int_equal(b.seen.one[0].len, strlen(cases[i].value));
		assert_string_equal(id_of(&text.one[0]), cases[i].id);
	}
}

static void test_pattern_at_every_cut(void **)
{
	const char *text = "{\"id\":7,\"auth\":\"key " TOKEN ".\",\"x\":\"y\"}";
	uint32_t len = (uint32_t)strlen(text);

	for (uint32_t cut = 1; cut < len; cut++) {
		struct body b;

		body_open(&b, text);
		show(&b, 0, cut, true);
		show(&b, cut, len, true);
		give(&b, VALUE_STRING, "auth", "$", "key " TOKEN ".");
		give(&b, VALUE_STRING, "x", "$", "y");
		body_close(&b);
		assert_int_equal(b.seen.n, 1);
		assert_string_equal(id_of(&b.seen.one[0]), "github.pat");
		assert_string_equal(b.seen.one[0].key, "auth");
		assert_string_equal(b.seen.one[0].value, TOKEN);
		assert_int_equal(b.seen.one[0].off, strstr(text, TOKEN) - text);
	}
}

static void test_messages_between(void **)
{
	struct body a, b;
	char text[512];

	snprintf(text, sizeof(text), "{\"k1\":\"%s\",\"k2\":\"%s\"}", TOKEN, TOKEN);
	body_open(&a, text);
	body_open(&b, text);
	show(&a, 0, a.len, true);
	show(&b, 0, b.len, true);
	give(&a, VALUE_STRING, "k1", "$", TOKEN);
	give(&b, VALUE_STRING, "k1", "$", TOKEN);
	for (uint32_t i = 0; i < 2; i++) {
		struct value v = value_at(i ? &b : &a, VALUE_STRING, "k2", "$", TOKEN "\"}");

		v.v.len -= 2;
		scan_value(scanner, &(i ? &b : &a)->pending, &v, on_hit, &(i ? &b : &a)->seen);
	}
	body_close(&a);
	body_close(&b);
	assert_int_equal(a.seen.n, 2);
	assert_int_equal(b.seen.n, 2);
	assert_string_equal(a.seen.one[1].key, "k2");
	assert_string_equal(b.seen.one[1].key, "k2");
}

// A message's memory is used again without an end of the first.
static void test_abandoned_message(void **)
{
	struct body b;

	body_open(&b, "{\"a\":\"" TOKEN "\"}");
	show(&b, 0, b.len, true);
	memset(&b.pending, 0, sizeof(b.pending));
	body_close(&b);
	assert_int_equal(b.seen.n, 0);
}

static void test_orphans(void **)
{
	struct body b;

	// The body was cut off in the middle of the value.
	body_open(&b, "{\"auth\":\"" TOKEN " and so");
	show(&b, 0, b.len, true);
	body_close(&b);
	assert_int_equal(b.seen.n, 1);
	assert_string_equal(id_of(&b.seen.one[0]), "github.pat");
	assert_string_equal(b.seen.one[0].key, "");
	assert_int_equal(b.seen.one[0].field, 0);
	assert_memory_equal(b.seen.one[0].value, TOKEN, b.seen.one[0].len);
	assert_true(b.seen.one[0].len > 20);

	// In a name; the value that follows has none.
	body_open(&b, "{\"" TOKEN "\":\"yes, of course\",\"z\":\"more of it\"}");
	show(&b, 0, b.len, true);
	give(&b, VALUE_STRING, "a", "$", "yes, of course");
	give(&b, VALUE_STRING, "z", "$", "more of it");
	body_close(&b);
	assert_int_equal(count(&b.seen, "github.pat"), 1);
	assert_string_equal(b.seen.one[0].key, "");
}

static void test_name_that_is_a_value(void **)
{
	struct body b;

	body_open(&b, "{\"" MAIL "\":1}");
	show(&b, 0, b.len, true);
	give(&b, VALUE_NUMBER, MAIL, "$", "1");
	body_close(&b);
	assert_int_equal(b.seen.n, 1);
	assert_string_equal(b.seen.one[0].value, MAIL);
	assert_string_equal(b.seen.one[0].key, "");
}

static void test_too_many_patterns(void **)
{
	uint64_t before = scanner_stats(scanner)->stopped;
	char *text = calloc(1, 100 * (sizeof(TOKEN) + 4) + 16);
	struct body b;

	for (uint32_t i = 0; i < 100; i++)
		strcat(text, "\"" TOKEN "\",");
	body_open(&b, text);
	show(&b, 0, b.len, true);
	for (uint32_t i = 0; i < 100; i++) {
		struct value v = {
			.dir = SERVER,
			.v = {b.p + i * (sizeof(TOKEN) + 2) + 1, sizeof(TOKEN) - 1},
			.parent = SPAN_LIT("$[]"),
			.off = i * (sizeof(TOKEN) + 2) + 1,
		};

		scan_value(scanner, &b.pending, &v, on_hit, &b.seen);
	}
	body_close(&b);
	assert_int_equal(b.seen.n, 64);
	assert_int_equal(scanner_stats(scanner)->stopped, before + 1);
	free(text);
}

// What is made of candidates alone is given up; values before that are told.
static void test_too_many_candidates(void **)
{
	enum { LEN = 16000 };
	uint64_t before = scanner_stats(scanner)->curbed;
	char *text = calloc(1, LEN + 1);
	struct seen seen = {0};

	strcpy(text, MAIL " ");
	for (uint32_t n = (uint32_t)strlen(text); n + 12 < LEN; n += 12)
		memcpy(text + n, "123-45-678 1 ", 12);
	scan_text(scanner, span_make(text, strlen(text)),
		  SPAN_LIT("phone ssn card dob address ip postcode plate passport sin tfn nhs"), 0,
		  SERVER, on_hit, &seen);
	assert_true(count(&seen, "email") == 1);
	assert_int_equal(scanner_stats(scanner)->curbed, before + 1);
	free(text);
}

static void test_text_interface(void **)
{
	struct seen seen = {0};
	uint8_t *p = malloc(sizeof(MAIL) - 1);

	memcpy(p, MAIL, sizeof(MAIL) - 1);
	scan_text(scanner, span_make(p, sizeof(MAIL) - 1), SPAN_LIT("contact"), 6, CLIENT, on_hit,
		  &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.one[0].off, 0);
	assert_int_equal(seen.one[0].field, 6);
	assert_string_equal(seen.one[0].key, "contact");
	free(p);
	scan_text(scanner, (struct span){0}, (struct span){0}, 0, CLIENT, on_hit, &seen);
	assert_int_equal(seen.n, 1);
}

// A secret that was told by its own form is not told again as a key without one.
static void test_one_name_for_a_secret(void **)
{
	struct seen seen = {0};

	scan_text(scanner, SPAN_LIT(TOKEN), SPAN_LIT("access_token"), 0, CLIENT, on_hit, &seen);
	assert_int_equal(seen.n, 1);
	assert_string_equal(id_of(&seen.one[0]), "github.pat");
	assert_true(seen.one[0].ctx);
}

static struct conf *conf_of(const char *text)
{
	char path[] = "/tmp/test_scan_XXXXXX";
	int fd = mkstemp(path);
	FILE *err = tmpfile();
	struct conf *c;

	assert_true(fd >= 0);
	assert_non_null(err);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	c = conf_load(path, err);
	fclose(err);
	unlink(path);
	return c;
}

static void test_configuration(void **)
{
	struct conf *c = conf_of(
		"types = { disabled = [\"email\", \"github.pat\"]; test_numbers = false; };");
	struct ruleset *r;
	struct scanner *s;
	struct seen seen = {0};
	char why[256];

	assert_non_null(c);
	r = ruleset_new(c, why, sizeof(why));
	assert_non_null(r);
	s = scanner_new(r, 1);
	assert_non_null(s);
	scan_text(s, SPAN_LIT(MAIL " and " TOKEN), SPAN_LIT("email"), 0, SERVER, on_hit, &seen);
	assert_int_equal(seen.n, 0);
	scan_text(s, SPAN_LIT("4242 4242 4242 4242"), SPAN_LIT("card"), 0, SERVER, on_hit, &seen);
	assert_int_equal(seen.n, 0);
	scan_text(s, SPAN_LIT("4641526776645559"), SPAN_LIT("card"), 0, SERVER, on_hit, &seen);
	assert_int_equal(seen.n, 1);
	scan_text(scanner, SPAN_LIT("4242 4242 4242 4242"), SPAN_LIT("card"), 0, SERVER, on_hit,
		  &seen);
	assert_int_equal(seen.n, 2);
	scanner_free(s);
	ruleset_free(r);
	conf_free(c);
	assert_null(conf_of("types = { disabled = [\"emial\"]; };"));
}

// All types off: nothing to compile, nothing to find, nothing to trip over.
static void test_all_disabled(void **)
{
	char text[8192] = "types = { disabled = [";
	struct seen seen = {0};
	struct ruleset *r;
	struct scanner *s;
	struct conf *c;
	char why[256];

	for (uint32_t i = 0; i < datatype_count(); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"%s\"",
			 i ? ", " : "", datatype_name(i));
	strcat(text, "]; };");
	c = conf_of(text);
	assert_non_null(c);
	r = ruleset_new(c, why, sizeof(why));
	assert_non_null(r);
	s = scanner_new(r, 1);
	assert_non_null(s);
	scan_text(s, SPAN_LIT(MAIL " " TOKEN " 482-73-9164"), SPAN_LIT("password"), 0, SERVER,
		  on_hit, &seen);
	assert_int_equal(seen.n, 0);
	scanner_free(s);
	ruleset_free(r);
	conf_free(c);
	ruleset_free(NULL);
	scanner_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hit_names_its_field),
		cmocka_unit_test(test_context_is_told),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_pattern_at_every_cut),
		cmocka_unit_test(test_messages_between),
		cmocka_unit_test(test_abandoned_message),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_name_that_is_a_value),
		cmocka_unit_test(test_too_many_patterns),
		cmocka_unit_test(test_too_many_candidates),
		cmocka_unit_test(test_text_interface),
		cmocka_unit_test(test_one_name_for_a_secret),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_all_disabled),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
