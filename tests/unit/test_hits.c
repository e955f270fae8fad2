// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What is kept of the scanner's hits: fields and their names, counts, masks, samples, and the
// search of paths, queries and referrers.

#include "tests/unit/detect_fixture.h"

#include "detect/endpoint.h"
#include "detect/hits.c"

static struct exchange x;
static struct fixture f;
static struct hits_types types;
static struct scanner scanner;

static void open_exchange(const char *request, const char *request_body, const char *response,
			  const char *response_body)
{
	fixture_open(&f, request, request_body, response, response_body);
	memset(&x, 0, sizeof(x));
	x.mask_limit[CLIENT] = x.mask_limit[SERVER] = UINT32_MAX;
	x.tx = &f.tx;
	hits_types_init(&types);
	endpoint_split(&x);
}

static struct hits body_hits(void)
{
	return (struct hits){.x = &x, .types = &types, .seed = SEED, .place = PLACE_BODY};
}

#define GET "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK  "HTTP/1.1 200 OK\r\n\r\n"

// A value of the response's body, found there by its text.
static void value(const char *parent, const char *key, uint64_t field, const char *text)
{
	const struct http_msg *msg = &f.tx.msg[SERVER];
	const uint8_t *at = memmem(msg->body, msg->body_kept, text, strlen(text));
	struct hits hits = body_hits();
	struct value v = {
		.dir = SERVER,
		.v = span_make(at ? at : (const uint8_t *)text, strlen(text)),
		.key = span_make(key, strlen(key)),
		.parent = span_make(parent, strlen(parent)),
		.field = field,
		.off = at ? (uint64_t)(at - msg->body) : 100000,
	};

	scan_value(&scanner, &x.pending[SERVER], &v, hits_add, &hits);
}

static void expect_hit(uint32_t i, uint16_t type, const char *name, uint32_t count,
		       const char *sample)
{
	assert_true(i < x.n_hits);
	assert_int_equal(x.hits[i].type, type);
	assert_span(span_make(x.hits[i].name, x.hits[i].name_len), name);
	assert_int_equal(x.hits[i].count, count);
	if (sample)
		assert_span(span_make(x.hits[i].sample, x.hits[i].sample_len), sample);
}

static void test_fields(void **)
{
	open_exchange(GET, NULL, OK, "ann@example.com bob@example.com 123-45-6789 078-05-1121");
	value("$.users[]", "email", 1, "ann@example.com");
	value("$.users[]", "email", 1, "bob@example.com");
	value("$.users[]", "email", 1, "bob@example.com");
	value("$.users[]", "ssn", 2, "123-45-6789");
	value("$.emails[]", "emails", 3, "ann@example.com");
	value("$[][]", "", 4, "ann@example.com");
	value("", "", 0, "078-05-1121");
	assert_int_equal(x.n_hits, 5);
	expect_hit(0, TYPE_EMAIL, "$.users[].email", 3, "***@******e.com");
	assert_int_equal(x.hits[0].distinct, 2);
	assert_int_equal(x.hits[0].dir, SERVER);
	assert_true(x.hits[0].ctx);
	expect_hit(1, TYPE_SSN, "$.users[].ssn", 1, "***-**-6789");
	expect_hit(2, TYPE_EMAIL, "$.emails[]", 1, NULL);
	expect_hit(3, TYPE_EMAIL, "$[][]", 1, NULL);
	expect_hit(4, TYPE_SSN, "body", 1, NULL);
	assert_false(x.hits[4].ctx);
	// The first value's hash is that of the value, whatever the field.
	assert_true(x.hits[0].first_value == x.hits[2].first_value);
	fixture_close(&f);
}

static void test_maps(void **)
{
	open_exchange(GET, NULL, OK, "ann@example.com");
	value("$.users.1207", "email", 11, "ann@example.com");
	value("$.users.1208", "email", 12, "ann@example.com");
	value("$.users.0b0e5f6c-2b0a-4a37-9c5d-0f6a4a1d9e11", "email", 13, "ann@example.com");
	value("$.x", "bob@example.com", 14, "ann@example.com");
	value("$.x", "carol@example.com", 15, "ann@example.com");
	value("$.y", "@id", 16, "ann@example.com");
	value("$.y", "a\x01\nb", 17, "ann@example.com");
	assert_int_equal(x.n_hits, 5);
	expect_hit(0, TYPE_EMAIL, "$.users.{id}.email", 2, NULL);
	assert_int_equal(x.hits[0].distinct, 1);
	expect_hit(1, TYPE_EMAIL, "$.users.{uuid}.email", 1, NULL);
	expect_hit(2, TYPE_EMAIL, "$.x.{email}", 2, NULL);
	expect_hit(3, TYPE_EMAIL, "$.y.@id", 1, NULL);
	expect_hit(4, TYPE_EMAIL, "$.y.a??b", 1, NULL);
	fixture_close(&f);
}

static void test_long_names(void **)
{
	char path[300] = "$";

	open_exchange(GET, NULL, OK, "ann@example.com");
	for (uint32_t i = 0; i < 30; i++)
		strcat(path, ".abcdefg");
	value(path, "email", 1, "ann@example.com");
	value(path, "mail", 2, "ann@example.com");
	assert_int_equal(x.n_hits, 2); // told apart by their hashes
	assert_true(x.hits[0].name_len <= EXCHANGE_NAME);
	assert_memory_equal(x.hits[0].name + x.hits[0].name_len - 3, "\xe2\x80\xa6", 3);
	fixture_close(&f);
}

static void test_values(void **)
{
	struct hits hits;
	struct hit hit;

	open_exchange(GET, NULL, OK, "ann@example.com 123-45-6789 Bob");
	value("$", "a", 1, "ann@example.com");
	// Once more as another type, as a part, and overlapping: one value.
	hits = body_hits();
	hit = (struct hit){.type = TYPE_CARD,
			   .dir = SERVER,
			   .off = 0,
			   .value = span_make(f.tx.msg[SERVER].body, 15),
			   .key = SPAN_LIT("a"),
			   .parent = SPAN_LIT("$"),
			   .field = 1};
	hits_add(&hits, &hit);
	hit.off = 3;
	hit.value = span_make(f.tx.msg[SERVER].body + 3, 4);
	hits_add(&hits, &hit);
	assert_int_equal(x.n_values, 1);
	value("$", "a", 1, "123-45-6789");
	assert_int_equal(x.n_values, 2);
	value("$", "name", 2, "Bob"); // a weak type is no sensitive value
	assert_int_equal(x.n_values, 2);
	assert_int_equal(x.hits[x.n_hits - 1].type, TYPE_NAME);
	// Nothing of a request counts.
	hit = (struct hit){.type = TYPE_EMAIL,
			   .dir = CLIENT,
			   .off = 500,
			   .value = SPAN_LIT("ann@example.com"),
			   .key = SPAN_LIT("e"),
			   .parent = SPAN_LIT("$")};
	hits_add(&hits, &hit);
	assert_int_equal(x.n_values, 2);
	assert_false(x.login);
	hit.type = TYPE_PASSWORD;
	hits_add(&hits, &hit);
	assert_true(x.login);
	expect_hit(x.n_hits - 1, TYPE_PASSWORD, "$.e", 1, "********");
	fixture_close(&f);
}

static void test_distinct(void **)
{
	open_exchange(GET, NULL, OK, "");
	for (uint32_t i = 0; i < 300; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%03u-45-6789", i % 100);
		value("$", "ssn", 1, text);
	}
	expect_hit(0, TYPE_SSN, "$.ssn", 300, NULL);
	assert_true(x.hits[0].distinct > 70 && x.hits[0].distinct <= 100);
	fixture_close(&f);
}

static void test_full(void **)
{
	open_exchange(GET, NULL, OK, "ann@example.com");
	for (uint32_t i = 0; i < EXCHANGE_HITS + 5; i++)
		value("$", "k", 100 + i, "ann@example.com");
	assert_int_equal(x.n_hits, EXCHANGE_HITS);
	assert_int_equal(x.hits_lost, 5);
	value("$", "k", 100, "ann@example.com");
	assert_int_equal(x.hits[0].count, 2);
	fixture_close(&f);
}

static void test_masks(void **)
{
	char body[4000];
	uint32_t n = 0;

	for (uint32_t i = 0; i < EXCHANGE_MASKS + 10; i++)
		n += (uint32_t)sprintf(body + n, "%03u-45-6789 ", i);
	open_exchange(GET, NULL, OK, body);
	for (uint32_t i = 0; i < EXCHANGE_MASKS + 10; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%03u-45-6789", i);
		value("$", "ssn", 1, text);
	}
	assert_int_equal(x.n_masks[SERVER], EXCHANGE_MASKS);
	assert_int_equal(x.masks[SERVER][1].off, 12);
	assert_int_equal(x.masks[SERVER][1].len, 11);
	assert_int_equal(x.mask_limit[SERVER], EXCHANGE_MASKS * 12);
	assert_int_equal(x.n_values, EXCHANGE_MASKS + 10);
	fixture_close(&f);
}

// Places that do not hold the value: it is sought before, or enough is hidden.
static void test_misplaced(void **)
{
	struct hits hits;
	struct hit hit = {.type = TYPE_AWS, .dir = SERVER};

	open_exchange(GET, NULL, OK, "{\"k\":1, \"AKIAABCDEFGHIJKLMNOP\": \"value\", \"x\":2}");
	hits = body_hits();
	hit.value = SPAN_LIT("AKIAABCDEFGHIJKLMNOP");
	hit.off = 33;
	hits_add(&hits, &hit);
	assert_int_equal(x.masks[SERVER][0].off, 9);
	assert_int_equal(x.masks[SERVER][0].len, 20);
	assert_int_equal(x.masks[SERVER][0].type, MASK_WHOLE);
	hit.value = SPAN_LIT("AKIAZZZZZZZZZZZZZZZZ");
	hit.off = 40;
	hits_add(&hits, &hit);
	assert_int_equal(x.masks[SERVER][1].off, 0);
	assert_true(x.masks[SERVER][1].len >= 38);
	// Decoded: all of what it was decoded from.
	hit.value = SPAN_LIT("AKIAZZZZZZZZZZZZZZZZ");
	hit.off = 2;
	hit.raw_len = 37;
	hits_add(&hits, &hit);
	assert_int_equal(x.masks[SERVER][2].off, 2);
	assert_int_equal(x.masks[SERVER][2].len, 37);
	assert_int_equal(x.masks[SERVER][2].type, MASK_WHOLE);
	hit.raw_len = 0;
	// Lost bytes are taken from what was kept, and are nobody's problem beyond.
	hit.value = (struct span){NULL, 20};
	hit.off = 9;
	hits_add(&hits, &hit);
	assert_int_equal(x.masks[SERVER][3].off, 9);
	hit.off = 4000;
	hits_add(&hits, &hit);
	hit.off = UINT64_MAX - 3;
	hits_add(&hits, &hit);
	hit.off = UINT32_MAX - 3;
	hits_add(&hits, &hit);
	assert_int_equal(x.n_masks[SERVER], 5);
	fixture_close(&f);
}

static void test_target(void **)
{
	uint32_t hidden;

	open_exchange("GET /u/ann%40example.com/123-45-6789;jsessionid=0123456789AB/77?"
		      "email=bob%40example.com&id=1234567&q=abc&card=4111111111111111&"
		      "password=hunter2&zip=12345&carol@example.com HTTP/1.1\r\nHost: h\r\n"
		      "Referer: https://x/y?token=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x#f\r\n\r\n",
		      NULL, NULL, NULL);
	scanner.texts = 0;
	hidden = hits_target(&scanner, &types, SEED, &x);
	assert_int_equal(hidden, 6);
	assert_int_equal(scanner.texts, 9); // not "77", "abc" and the like
	assert_int_equal(x.n_hits, 8);
	expect_hit(0, TYPE_EMAIL, "path[1]", 1, "***@******e.com");
	expect_hit(1, TYPE_SSN, "path[2]", 1, "***-**-6789");
	expect_hit(2, TYPE_SESSION, "query.jsessionid", 1, "0123********");
	expect_hit(3, TYPE_EMAIL, "query.email", 1, NULL);
	expect_hit(4, TYPE_CARD, "query.card", 1, "************1111");
	expect_hit(5, TYPE_PASSWORD, "query.password", 1, "********");
	expect_hit(6, TYPE_EMAIL, "query.", 1, NULL);
	expect_hit(7, TYPE_JWT, "referer.token", 1, NULL);
	assert_int_equal(x.hits[0].place, PLACE_PATH);
	assert_int_equal(x.hits[3].place, PLACE_QUERY);
	assert_int_equal(x.hits[7].place, PLACE_REFERER);
	for (uint32_t i = 0; i < x.n_hits; i++)
		assert_int_equal(x.hits[i].dir, CLIENT);
	assert_int_equal(x.n_values, 0);
	assert_int_equal(x.n_masks[CLIENT], 0);
	fixture_close(&f);
}

static void test_credentials_in_query(void **)
{
	open_exchange(
		"GET /a?api_key=0123456789abcdef0123&token=short&sid=12&key=abcdefghijklmnopqr&"
		"pwd=abcd&api_key=null HTTP/1.1\r\nHost: h\r\n\r\n",
		NULL, NULL, NULL);
	hits_target(&scanner, &types, SEED, &x);
	assert_int_equal(x.n_hits, 3);
	expect_hit(0, TYPE_APIKEY, "query.api_key", 1, "0123****************");
	expect_hit(1, TYPE_APIKEY, "query.key", 1, NULL);
	expect_hit(2, TYPE_PASSWORD, "query.pwd", 1, "********");
	fixture_close(&f);
}

// What another parameter says of a value, before or behind it, in its own URL only.
static void test_refuted(void **)
{
	open_exchange("GET /a?ip=10.0.0.4&kind=version HTTP/1.1\r\nHost: h\r\n\r\n", NULL, NULL,
		      NULL);
	hits_target(&scanner, &types, SEED, &x);
	assert_int_equal(x.n_hits, 0);
	fixture_close(&f);
	open_exchange("GET /a?kind=version&ip=10.0.0.4 HTTP/1.1\r\nHost: h\r\n"
		      "Referer: https://x/y?ip=10.0.0.4&kind=address\r\n\r\n",
		      NULL, NULL, NULL);
	hits_target(&scanner, &types, SEED, &x);
	assert_int_equal(x.n_hits, 1);
	expect_hit(0, TYPE_IPV4, "referer.ip", 1, NULL);
	fixture_close(&f);
}

// Two types of a group for one value of a URL are one, those of two groups are two.
static void test_again(void **)
{
	struct hit hit = {
		.dir = CLIENT, .type = TYPE_JWT, .off = 3, .value = SPAN_LIT("0123456789")};
	struct hits hits;

	open_exchange(GET, NULL, NULL, NULL);
	hits = (struct hits){.x = &x,
			     .types = &types,
			     .seed = SEED,
			     .place = PLACE_QUERY,
			     .name = SPAN_LIT("t")};
	hits_add(&hits, &hit);
	hit.type = TYPE_APIKEY;
	hit.off = 5;
	hits_add(&hits, &hit);
	assert_int_equal(x.n_hits, 1);
	hit.type = TYPE_CARD;
	hits_add(&hits, &hit);
	hit.type = TYPE_AWS;
	hit.off = 20;
	hits_add(&hits, &hit);
	assert_int_equal(x.n_hits, 3);
	fixture_close(&f);
}

// Long and odd targets: bounded, and nothing is read beyond them (the head has its exact size).
static void test_hostile_target(void **)
{
	static char head[70000];
	uint32_t n = 0;

	n += (uint32_t)sprintf(head, "GET /");
	for (uint32_t i = 0; i < 3000; i++)
		n += (uint32_t)sprintf(head + n, "a%%40b%u/;x=%%%c", i, "0aZ%"[i % 4]);
	head[n++] = '?';
	for (uint32_t i = 0; i < 1000; i++)
		n += (uint32_t)sprintf(head + n, "k%u=1%%", i);
	memset(head + n, '7', 5000);
	n += 5000;
	strcpy(head + n, " HTTP/1.1\r\n\r\n");
	open_exchange(head, NULL, NULL, NULL);
	scanner.texts = 0;
	hits_target(&scanner, &types, SEED, &x);
	assert_true(x.n_hits <= EXCHANGE_HITS);
	assert_true(scanner.texts < 2000);
	fixture_close(&f);
}

static void test_confidence(void **)
{
	struct issue_term terms[ISSUE_MAX_TERMS];
	struct exchange_hit hit = {.type = TYPE_EMAIL};
	uint32_t n = 0;

	assert_int_equal(hits_confidence(&hit, terms, &n), 90);
	assert_int_equal(n, 1);
	hit.ctx = true;
	hit.distinct = 5;
	n = 0;
	assert_int_equal(hits_confidence(&hit, terms, &n), 99);
	assert_int_equal(terms[0].points + terms[1].points + terms[2].points, 99);
	hit = (struct exchange_hit){.type = TYPE_APIKEY, .ctx = true};
	n = 0;
	assert_int_equal(hits_confidence(&hit, terms, &n), 75);
	assert_int_equal(hits_result(204), RESULT_SUCCEEDED);
	assert_int_equal(hits_result(404), RESULT_ATTEMPTED);
	assert_int_equal(hits_result(0), RESULT_ATTEMPTED);
	assert_int_equal(hits_result(302), RESULT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),         cmocka_unit_test(test_maps),
		cmocka_unit_test(test_long_names),     cmocka_unit_test(test_values),
		cmocka_unit_test(test_distinct),       cmocka_unit_test(test_full),
		cmocka_unit_test(test_masks),          cmocka_unit_test(test_misplaced),
		cmocka_unit_test(test_target),         cmocka_unit_test(test_credentials_in_query),
		cmocka_unit_test(test_refuted),        cmocka_unit_test(test_again),
		cmocka_unit_test(test_hostile_target), cmocka_unit_test(test_confidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
