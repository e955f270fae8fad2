// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The detectors of what responses give away, from exchanges as text through worker and merger to
// what is told of them.

#include "tests/unit/worker_fixture.h"

#include "detect/detectors/credential.c"
#include "detect/detectors/error_text.c"
#include "detect/detectors/exposure.c"
#include "detect/detectors/prohibited.c"
#include "detect/detectors/properties.c"
#include "detect/detectors/restricted.c"
#include "detect/detectors/url.c"

#define GET(path)            "GET " path " HTTP/1.1\r\nHost: api.example\r\nX-API-Key: k-12345678\r\n\r\n"
#define ANSWER(status, type) "HTTP/1.1 " status " X\r\nContent-Type: " type "\r\n\r\n"
#define OK                   ANSWER("200", "application/json")
#define ERROR                ANSWER("500", "application/json")
#define HTML                 ANSWER("200", "text/html; charset=utf-8")

static void begin(const char *lines)
{
	work_open(lines, 1, 4);
	merger_open(work_conf);
}

static void end(void)
{
	merger_close();
	work_close();
}

static uint32_t count_of(const char *id)
{
	uint32_t n = 0;

	while (raised_by(id, n))
		n++;
	return n;
}

static void assert_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("\"%s\" is not in \"%s\"\n", part, text);
	assert_non_null(strstr(text, part));
}

static void assert_texts(const struct raised *r)
{
	int sum = 0;

	if (!r)
		fail_msg("there is no such issue");
	assert_true(strlen(r->draft.description) > 40);
	assert_true(strlen(r->draft.impact) > 40);
	assert_true(strlen(r->draft.remediation) > 40);
	assert_true(r->draft.n_terms > 0 && r->draft.n_terms <= ISSUE_MAX_TERMS);
	for (uint32_t i = 0; i < r->draft.n_terms; i++)
		sum += r->draft.terms[i].points;
	assert_int_equal(sum, r->draft.confidence);
	assert_true(r->draft.confidence > 0 && r->draft.confidence <= 100);
}

// ---- D-08

static void test_secret(void **)
{
	const struct raised *r;

	begin("");
	SEND(GET("/config"), NULL, OK, "{\"aws\":{\"key\":\"AKIAABCDEFGHIJKLMNOP\"}}");
	assert_int_equal(observed.n_findings, 1);
	assert_int_equal(observed.findings[0].confidence, 95);
	SEND(GET("/config"), NULL, OK, "{\"aws\":{\"key\":\"AKIAABCDEFGHIJKLMNOQ\"}}");
	work_fold(0, false);
	r = raised_by("D-08", 0);
	assert_texts(r);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(r->draft.severity, SEVERITY_CRITICAL);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->count, 2);
	assert_string_equal(r->types, "aws.access < $.aws.key 2 AKIA****************\n");
	assert_string_equal(r->response, "{\"aws\":{\"key\":\"AKIA****************\"}}");
	assert_text(r->draft.description, "GET api.example/config");
	assert_text(r->draft.description, "AWS access key, in the field $.aws.key");
	end();
}

static void test_no_secret(void **)
{
	begin("policies = ( { type = \"aws.access\"; action = \"allowed\"; path = \"/keys\"; } );");
	// What an API issues to its owner is learnt by another detector.
	SEND(GET("/refresh"), "", OK,
	     "{\"access_token\":\"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x\"}");
	SEND(GET("/keys"), "", OK, "{\"key\":\"AKIAABCDEFGHIJKLMNOP\"}");
	// A request may carry its secret in the body.
	SEND("POST /save HTTP/1.1\r\nHost: h\r\n\r\n", "{\"key\":\"AKIAABCDEFGHIJKLMNOP\"}", OK,
	     "{}");
	SEND("POST /save HTTP/1.1\r\nHost: h\r\n\r\n", "{\"mail\":\"ann@example.com\"}", OK,
	     "{\"mail\":\"ann@example.com\"}", .inside = true);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	end();
}

#define FROM(page) "GET /pixel HTTP/1.1\r\nHost: ads.example\r\nReferer: " page "\r\n\r\n"

// Each place has one detector.
static void test_referer(void **)
{
	static const struct {
		const char *request, *owner;
	} cases[] = {
		{FROM("https://shop.test/?k=AKIAABCDEFGHIJKLMNOP"), "D-08"},
		{FROM("https://ads.example/?k=AKIAABCDEFGHIJKLMNOP"), "D-14"},
		{FROM("https://www.ads.example:8443/?k=AKIAABCDEFGHIJKLMNOP"), "D-14"},
		{FROM("https://badads.example/?k=AKIAABCDEFGHIJKLMNOP"), "D-08"},
		{FROM("https://example/?k=AKIAABCDEFGHIJKLMNOP"), "D-14"},
		{GET("/x?k=AKIAABCDEFGHIJKLMNOP"), "D-14"},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin("");
		SEND(cases[i].request, NULL, OK, "{}");
		work_fold(0, false);
		assert_int_equal(merger.n_raised, 1);
		assert_int_equal(count_of(cases[i].owner), 1);
		assert_texts(raised_by(cases[i].owner, 0));
		assert_int_equal(raised_by(cases[i].owner, 0)->draft.severity >= SEVERITY_HIGH, 1);
		end();
	}
}

static void test_outside(void **)
{
	begin("");
	SEND("POST /hook HTTP/1.1\r\nHost: far.example\r\n\r\n",
	     "{\"key\":\"AKIAABCDEFGHIJKLMNOP\"}", OK, "{}", .inside = true);
	SEND("GET /api HTTP/1.1\r\nHost: far.example\r\nAuthorization: Basic YTpi\r\n\r\n", NULL,
	     OK, "{}", .inside = true);
	SEND("GET /api HTTP/1.1\r\nHost: far.example\r\nAuthorization: Basic YTpi\r\n\r\n", NULL,
	     OK, "{}"); // into the network
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_texts(raised_by("D-08", i));
		assert_int_equal(raised_by("D-08", i)->count, 1);
		assert_text(raised_by("D-08", i)->draft.description, "without encryption");
	}
	end();
}

static void test_harmless(void **)
{
	static const struct datatype stripe = {.id = "stripe"}, other = {.id = "aws.access"},
				     google = {.id = "gcp.apikey"};

	assert_true(secret_is_harmless(&stripe, SPAN_LIT("sk*te*******")));
	assert_true(secret_is_harmless(&stripe, SPAN_LIT("pk*li*******")));
	assert_false(secret_is_harmless(&stripe, SPAN_LIT("sk*li*******")));
	assert_false(secret_is_harmless(&stripe, (struct span){0}));
	assert_true(secret_is_harmless(&google, SPAN_LIT("AIza***")));
	assert_false(secret_is_harmless(&other, SPAN_LIT("AKIA****")));
}

static void test_inside(void **)
{
	static const struct {
		uint8_t a, b;
		bool inside;
	} v4[] = {{10, 1, true},    {172, 16, true},   {172, 31, true}, {172, 32, false},
		  {192, 168, true}, {192, 169, false}, {100, 64, true}, {100, 128, false},
		  {169, 254, true}, {8, 8, false},     {127, 0, true}};
	uint8_t addr[16] = {[10] = 0xff, [11] = 0xff};

	for (uint32_t i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
		addr[12] = v4[i].a;
		addr[13] = v4[i].b;
		assert_int_equal(is_inside(addr), v4[i].inside);
	}
	assert_true(is_inside((const uint8_t[16]){0xfd}));
	assert_true(is_inside((const uint8_t[16]){0xfe, 0x80}));
	assert_true(is_inside((const uint8_t[16]){[15] = 1}));
	assert_false(is_inside((const uint8_t[16]){0x20, 0x01}));
}

// ---- D-13

static void test_restricted_flow(void **)
{
	const struct raised *r;

	begin("policies = ( { type = \"us.ssn\"; action = \"restricted\"; name = \"payroll\";"
	      " networks = [\"10.0.0.0/8\"]; severity = \"critical\"; } );");
	SEND(GET("/staff"), NULL, OK, "{\"ssn\":\"123-45-6789\"}", .inside = true);
	work_fold(0, false);
	assert_int_equal(count_of("D-13"), 0);
	SEND(GET("/staff"), NULL, OK, "{\"ssn\":\"123-45-6789\"}");
	work_fold(0, false);
	assert_int_equal(count_of("D-13"), 1);
	r = raised_by("D-13", 0);
	assert_texts(r);
	assert_int_equal(r->draft.severity, SEVERITY_CRITICAL);
	assert_text(r->draft.description, "1 response of GET api.example/staff");
	assert_text(r->draft.description, "198.51.");
	assert_text(r->draft.description, "The policy \"payroll\" names the networks");
	assert_string_equal(r->types, "us.ssn < $.ssn 1 ***-**-6789\n");
	end();
}

// Numbers that are published for tests are nobody's.
static void test_test_numbers(void **)
{
	begin("policies = ( { type = \"card.pan\"; } );");
	SEND(GET("/pay?card=4111111111111111"), NULL, OK, "{\"card\":\"4111111111111111\"}");
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	SEND(GET("/pay?card=4539148803436467"), NULL, OK,
	     "{\"cards\":[\"4111111111111111\",\"4539148803436467\"]}");
	work_fold(0, false);
	assert_int_equal(count_of("D-12"), 1);
	assert_int_equal(count_of("D-14"), 1);
	end();
}

// ---- D-15

static void test_properties(void **)
{
	const struct raised *r;

	begin("");
	SEND(GET("/me"), NULL, OK, "{\"name\":\"Ann\",\"is_admin\":true}", .time_ns = 2);
	SEND(GET("/me"), NULL, OK, "{\"internal_notes\":\"x\"}", .time_ns = 1);
	work_fold(0, false);
	r = raised_by("D-15", 0);
	assert_texts(r);
	assert_int_equal(count_of("D-15"), 1);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->count, 2);
	assert_text(r->draft.description, "2 responses of GET api.example/me");
	assert_text(r->draft.description, "isAdmin, internalNotes");
	end();
}

static void test_no_properties(void **)
{
	begin("");
	SEND(GET("/a?fields=isAdmin"), NULL, OK, "{\"is_admin\":true}");
	SEND("POST /graphql HTTP/1.1\r\nHost: h\r\n\r\n", "{\"query\":\"{me{isAdmin}}\"}", OK,
	     "{\"is_admin\":true}");
	SEND(GET("/b"), NULL, OK, "{\"_id\":7}");
	SEND(GET("/c"), NULL, ERROR, "{\"is_admin\":true}");
	SEND(GET("/d"), "{\"is_admin\":true}", OK, "{}");
	SEND(GET("/e"), NULL, NULL, NULL);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	SEND(GET("/b"), NULL, OK, "{\"id\":1,\"_id\":7}");
	// The secret is told once, by the detector of secrets.
	SEND(GET("/f"), NULL, OK, "{\"api_secret\":\"AKIAABCDEFGHIJKLMNOP\"}");
	work_fold(0, false);
	assert_int_equal(count_of("D-15"), 1);
	assert_int_equal(count_of("D-08"), 1);
	end();
}

static void send_members(uint32_t n, bool salary)
{
	for (uint32_t i = 0; i < n; i++)
		SEND(GET("/members"), NULL, OK,
		     salary ? "{\"name\":\"Ann\",\"salary\":70}" : "{\"name\":\"Ann\"}");
	work_fold(0, false);
}

static void test_rare_properties(void **)
{
	const char *conf =
		"detect = { properties = { rare_answers = 100; rare_percent = 2.0; }; };";

	// Always there: it is what the endpoint is for.
	begin(conf);
	send_members(150, true);
	assert_int_equal(count_of("D-15"), 0);
	end();
	// Odd, but too little is known yet.
	begin(conf);
	send_members(90, false);
	send_members(1, true);
	assert_int_equal(count_of("D-15"), 0);
	send_members(60, false);
	send_members(1, true);
	assert_int_equal(count_of("D-15"), 1);
	assert_texts(raised_by("D-15", 0));
	assert_text(raised_by("D-15", 0)->draft.description, "the property salary");
	end();
	begin(conf);
	send_members(150, false);
	send_members(9, true);
	assert_int_equal(count_of("D-15"), 0); // more than rare
	end();
}

// ---- D-16

static void test_error_text(void **)
{
	const struct raised *r;

	begin("");
	SEND(GET("/a"), NULL, ERROR, "{\"e\":\"ORA-00942: no\"}", .time_ns = 1);
	SEND(GET("/a"), NULL, ERROR, "{\"e\":\"ORA-00933: no, Traceback\"}", .time_ns = 2);
	SEND(GET("/b"), NULL, OK, "{\"e\":\"ORA-00942: no\"}", .time_ns = 3);
	work_fold(0, false);
	// One per endpoint and kind, however often it came.
	assert_int_equal(count_of("D-16"), 3);
	for (uint32_t i = 0; i < 3; i++) {
		r = raised_by("D-16", i);
		assert_texts(r);
		assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
		assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
		if (strstr(r->draft.description, "api.example/b")) {
			assert_int_equal(r->draft.confidence, 70);
			assert_int_equal(r->count, 1);
		} else if (strstr(r->draft.description, "Oracle Database")) {
			assert_int_equal(r->draft.confidence, 90);
			assert_int_equal(r->count, 2);
			assert_text(r->draft.description, "2 responses of GET api.example/a");
			assert_text(r->draft.description, "status 500");
		} else {
			assert_text(r->draft.description, "Python");
			assert_int_equal(r->count, 1);
		}
	}
	end();
}

// The products of all exchanges of one key are told, whichever stands for it.
static void test_error_products(void **)
{
	begin("");
	SEND(GET("/a"), NULL, ERROR, "{\"e\":\"java.util.X, java.util.Y\"}", .time_ns = 9);
	SEND(GET("/a"), NULL, ERROR, "{\"e\":\"Traceback\"}", .time_ns = 5);
	SEND(GET("/a"), NULL, ERROR, "{\"e\":\"<b>Warning</b>: x\"}", .time_ns = 7);
	work_fold(0, false);
	assert_int_equal(count_of("D-16"), 1);
	assert_text(raised_by("D-16", 0)->draft.description, "Java, PHP, Python");
	end();
}

static void test_hints(void **)
{
	begin("");
	// An ordinary answer may name a path or a class.
	SEND(GET("/a"), NULL, OK, "{\"dir\":\"/var/www/a\",\"c\":\"java.util.List\"}");
	SEND(GET("/a"), NULL, OK, "{\"dir\":\"/var/www/a\",\"to\":\"/var/www/b\"}");
	work_fold(0, false);
	assert_int_equal(count_of("D-16"), 0);
	// An error may not.
	SEND(GET("/b"), NULL, ERROR, "{\"dir\":\"/var/www/a\"}");
	SEND(GET("/c"), NULL, OK, "{\"dir\":\"java.util.A\",\"to\":\"java.util.B\"}");
	work_fold(0, false);
	assert_int_equal(count_of("D-16"), 2);
	assert_int_equal(raised_by("D-16", 0)->draft.severity +
				 raised_by("D-16", 1)->draft.severity,
			 SEVERITY_LOW + SEVERITY_MEDIUM);
	end();
}

#define WORDS                                                                                      \
	"some words about a thing that may go wrong and what to do when it does go wrong, as it "  \
	"did for many readers of this page who wrote to us about it, "

static void test_documents(void **)
{
	begin("");
	SEND(GET("/x"), NULL, HTML,
	     "<html><p>" WORDS WORDS "</p><code>ORA-00942</code><p>" WORDS WORDS WORDS "</p>");
	SEND(GET("/docs/errors"), NULL, OK, "{\"text\":\"ORA-00942 means that\"}");
	SEND(GET("/app.js"), NULL, ANSWER("200", "application/javascript"),
	     "throw new Error('ORA-00942')");
	work_fold(0, false);
	assert_int_equal(count_of("D-16"), 0);
	// What would be escaped in a document is no part of its prose.
	SEND(GET("/x"), NULL, HTML,
	     "<html><p>" WORDS WORDS WORDS WORDS WORDS "</p><b>Warning</b>: x");
	// A page without prose: its script and its tags are none.
	SEND(GET("/y"), NULL, HTML,
	     "<html><script>" WORDS WORDS WORDS WORDS WORDS "</script><p>ORA-00942</p>");
	// A long page that says that it failed.
	SEND(GET("/z"), NULL, ANSWER("500", "text/html"),
	     "<p>" WORDS WORDS WORDS WORDS WORDS "ORA-00942</p>");
	work_fold(0, false);
	assert_int_equal(count_of("D-16"), 3);
	end();
}

static void test_half_seen(void **)
{
	begin("");
	SEND(GET("/a"), "ORA-00942", OK, "{}"); // in a request it is the client's own
	SEND(GET("/a"), NULL, NULL, NULL);
	work_fold(0, false);
	assert_int_equal(count_of("D-16"), 0);
	SEND(NULL, NULL, ERROR, "ORA-00942");
	SEND(GET("/b"), NULL, ERROR, "<p>ORA-00942 <", .cut = true);
	work_fold(0, false);
	assert_int_equal(count_of("D-16"), 2);
	end();
}

static void test_switched_off(void **)
{
	begin("detect = { error_text = { enabled = false; }; };");
	SEND(GET("/a"), NULL, ERROR, "{\"e\":\"ORA-00942: no\"}");
	work_fold(0, false);
	assert_int_equal(count_of("D-16"), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret),          cmocka_unit_test(test_no_secret),
		cmocka_unit_test(test_referer),         cmocka_unit_test(test_outside),
		cmocka_unit_test(test_harmless),        cmocka_unit_test(test_inside),
		cmocka_unit_test(test_restricted_flow), cmocka_unit_test(test_test_numbers),
		cmocka_unit_test(test_properties),      cmocka_unit_test(test_no_properties),
		cmocka_unit_test(test_rare_properties), cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_error_products),  cmocka_unit_test(test_hints),
		cmocka_unit_test(test_documents),       cmocka_unit_test(test_half_seen),
		cmocka_unit_test(test_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
