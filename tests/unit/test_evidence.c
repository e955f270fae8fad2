// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Masked copies: what may be read of a head and a body, and what must not be, in every odd shape
// of head, with bodies cut at every place.

#include "tests/unit/detect_fixture.h"

#include "detect/evidence.c"
#include "detect/secret_fields.c"

static struct exchange x;
static struct fixture f;
static struct hits_types types = {TYPE_PASSWORD, TYPE_SESSION, TYPE_APIKEY, TYPE_OTP, TYPE_CARD};
static struct scanner scanner;
static struct evidence evidence = {&scanner, &types, false};
static uint8_t *room; // of exactly the promised size
static struct issue_evidence copy;

static void open_exchange(const char *request, const char *request_body, const char *response,
			  const char *response_body)
{
	fixture_open(&f, request, request_body, response, response_body);
	memset(&x, 0, sizeof(x));
	x.tx = &f.tx;
	for (uint32_t i = 0; i < 2; i++) {
		x.mask_limit[i] = UINT32_MAX;
		x.scanned[i] = f.tx.msg[i].body_kept;
	}
}

static void make(void)
{
	free(room);
	room = malloc(evidence_size(&x));
	assert_true(evidence_copy(&evidence, &x, room, &copy) <= evidence_size(&x));
}

static void done(void)
{
	fixture_close(&f);
	free(room);
	room = NULL;
}

static void expect_head(const char *request, const char *expected)
{
	open_exchange(request, NULL, NULL, NULL);
	make();
	assert_span(copy.request.head, expected);
	done();
}

static void test_start_line(void **)
{
	expect_head("GET /a/b?c=d&e HTTP/1.1\r\n\r\n", "GET /a/b?c=d&e HTTP/1.1\r\n\r\n");
	expect_head("GET /u/123-45-6789/x HTTP/1.1\r\n\r\n",
		    "GET /u/***-**-6789/x HTTP/1.1\r\n\r\n");
	expect_head("GET /u?mail=ann@example.com HTTP/1.1\r\n\r\n",
		    "GET /u?mail=***@******e.com HTTP/1.1\r\n\r\n");
	// Escaped: the whole value, for half of it may be behind an escape.
	expect_head("GET /u?mail=ann%40example.com&x=1 HTTP/1.1\r\n\r\n",
		    "GET /u?mail=*****************&x=1 HTTP/1.1\r\n\r\n");
	expect_head("GET /u?token=abcdefghijkl&otp=123456 HTTP/1.1\r\n\r\n",
		    "GET /u?token=********ijkl&otp=****** HTTP/1.1\r\n\r\n");
	expect_head("GET /u;jsessionid=x;password=hunter2/v HTTP/1.1\r\n\r\n",
		    "GET /u;jsessionid=*;password=*******/v HTTP/1.1\r\n\r\n");
	expect_head("GET http://me:secret@h/p?ann@example.com HTTP/1.1\r\n\r\n",
		    "GET http://*********@h/p?***@******e.com HTTP/1.1\r\n\r\n");
	expect_head("GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n");
}

static void test_credentials(void **)
{
	static const char line[] = "GET / HTTP/1.1\r\n";
	static const char *const cases[][2] = {
		{"Authorization: Bearer abcdefghijklmnop",
		 "Authorization: Bearer ************mnop"},
		{"authorization:  Bearer short", "authorization:  Bearer *****"},
		{"Authorization: Basic dXNlcjpwYXNzd29yZA==",
		 "Authorization: Basic ********************"},
		{"Authorization: abcdefghijkl", "Authorization: ********ijkl"},
		{"Authorization : Bearer abcdefghijkl", "Authorization : Bearer ********ijkl"},
		{"Proxy-Authorization: Basic dTpw", "Proxy-Authorization: Basic ****"},
		{"Cookie: a=b; session=0123456789abcdef; c",
		 "Cookie: a=*; session=************cdef; *"},
		{"X-API-Key: 0123456789abcdef", "X-API-Key: ************cdef"},
		{"X-Auth-Token: 0123", "X-Auth-Token: ****"},
		{"X-My-Secret: 0123", "X-My-Secret: ****"},
		{"X-Session-Id: 0123", "X-Session-Id: ****"},
		{"My-Password: 0123", "My-Password: ****"},
		{"X-User: ann@example.com", "X-User: ***@******e.com"},
		{"Referer: https://h/p?api_key=0123456789ab&x=1",
		 "Referer: https://h/p?api_key=********89ab&x=1"},
		{"Host: api.example.com", "Host: api.example.com"},
		{"X-Forwarded-For: 10.0.0.9", "X-Forwarded-For: 10.0.0.9"},
		{"User-Agent: curl/8.0 (x)", "User-Agent: curl/8.0 (x)"},
		{"WWW-Authenticate: Basic realm=\"a b\"", "WWW-Authenticate: Basic realm=\"a b\""},
		{"Accept:", "Accept:"},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char from[256], to[256];

		snprintf(from, sizeof(from), "%s%s\r\n\r\n", line, cases[i][0]);
		snprintf(to, sizeof(to), "%s%s\r\n\r\n", line, cases[i][1]);
		expect_head(from, to);
	}
}

static void test_response_head(void **)
{
	open_exchange("GET / HTTP/1.1\r\n\r\n", NULL,
		      "HTTP/1.1 302 Found\r\n"
		      "Set-Cookie: sid=0123456789abcdef; Path=/; HttpOnly; SameSite=Lax\r\n"
		      "Set-Cookie: a=b; extra=secretvalue12\r\n"
		      "Location: https://h/cb#access_token=0123456789abcdef&state=xyz\r\n\r\n",
		      NULL);
	make();
	assert_span(copy.response.head,
		    "HTTP/1.1 302 Found\r\n"
		    "Set-Cookie: sid=************cdef; Path=/; HttpOnly; SameSite=Lax\r\n"
		    "Set-Cookie: a=*; extra=*********ue12\r\n"
		    "Location: https://h/cb#access_token=************cdef&state=xyz\r\n\r\n");
	assert_int_equal(copy.time_ns, 1000);
	done();
}

// Lines that some receivers read in another way must not smuggle a secret out.
static void test_odd_lines(void **)
{
	expect_head("GET / HTTP/1.1\r\nAuthorization: Bearer a\r\n CANARYCANARY\r\nA: b\r\n\r\n",
		    "GET / HTTP/1.1\r\nAuthorization: Bearer *\r\n*************\r\nA: b\r\n\r\n");
	expect_head("GET / HTTP/1.1\nA: b\rAuthorization: Bearer CANARYCANARY\n\n",
		    "GET / HTTP/1.1\nA: b\rAuthorization: Bearer ********NARY\n\n");
	expect_head("GET / HTTP/1.1\r\nA: b\r\nAuthorization Bearer CANARY\r\n\r\n",
		    "GET / HTTP/1.1\r\nA: b\r\n***************************\r\n\r\n");
	expect_head("GET / HTTP/1.1\r\nA: b\r\n c ann@example.com\r\n\r\n",
		    "GET / HTTP/1.1\r\nA: b\r\n c ***@******e.com\r\n\r\n");
	open_exchange("GET / HTTP/1.1\r\nA: b\r\nX: 123-45-67", NULL, NULL, NULL);
	f.tx.msg[CLIENT].head_truncated = true;
	make();
	assert_span(copy.request.head, "GET / HTTP/1.1\r\nA: b\r\nX:**********");
	assert_true(copy.request.head_truncated);
	done();
}

static void mask(enum dir dir, uint32_t off, uint32_t len, uint16_t type)
{
	x.masks[dir][x.n_masks[dir]++] = (struct exchange_mask){off, len, type, 0};
}

#define BODY "{\"a\":\"123-45-6789\",\"b\":\"hunter2\",\"c\":\"ann@example.com\"}"

static void body_masks(void)
{
	mask(SERVER, 38, 15, TYPE_EMAIL); // out of order
	mask(SERVER, 6, 11, TYPE_SSN);
	mask(SERVER, 24, 7, TYPE_PASSWORD);
}

static void test_body(void **)
{
	open_exchange("GET / HTTP/1.1\r\n\r\n", "q=1", "HTTP/1.1 200 OK\r\n\r\n", BODY);
	body_masks();
	make();
	assert_span(copy.response.body,
		    "{\"a\":\"***-**-6789\",\"b\":\"*******\",\"c\":\"***@******e.com\"}");
	assert_int_equal(copy.response.body_len, strlen(BODY));
	assert_false(copy.response.body_truncated);
	assert_span(copy.request.body, "q=1");
	evidence.clear = true;
	make();
	assert_span(copy.response.body, BODY);
	evidence.clear = false;
	done();
}

static bool holds(struct span s, const char *text)
{
	return s.len >= strlen(text) && memmem(s.p, s.len, text, strlen(text));
}

// However little of the body was kept, no digit of the number and no letter of the password.
static void test_body_cuts(void **)
{
	for (uint32_t kept = 0; kept <= strlen(BODY); kept++) {
		open_exchange("GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 200 OK\r\n\r\n", BODY);
		f.tx.msg[SERVER].body_kept = kept;
		body_masks();
		make();
		assert_int_equal(copy.response.body.len, kept);
		assert_false(holds(copy.response.body, "123"));
		assert_false(holds(copy.response.body, "hu"));
		if (kept < 17) // cut within the number: not even its last digits
			assert_false(holds(copy.response.body, "67"));
		assert_int_equal(copy.response.body_truncated, kept < strlen(BODY));
		done();
	}
}

static void test_body_limits(void **)
{
	open_exchange("GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 200 OK\r\n\r\n", BODY);
	body_masks();
	x.mask_limit[SERVER] = 20;
	make();
	assert_span(copy.response.body, "{\"a\":\"***-**-6789\",\"");
	assert_true(copy.response.body_truncated);
	x.mask_limit[SERVER] = UINT32_MAX;
	x.scanned[SERVER] = 5;
	make();
	assert_span(copy.response.body, "{\"a\":");
	x.scanned[SERVER] = 0;
	make();
	assert_int_equal(copy.response.body.len, 0);
	done();
}

static void test_overlaps(void **)
{
	open_exchange("GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 200 OK\r\n\r\n",
		      "x 123-45-6789 ann@example.com y");
	mask(SERVER, 2, 11, TYPE_SSN);
	mask(SERVER, 2, 11, TYPE_CARD); // the same place once more
	mask(SERVER, 14, 15, TYPE_EMAIL);
	mask(SERVER, 10, 8, TYPE_SSN); // across both
	make();
	assert_span(copy.response.body, "x *************************** y");
	done();
	open_exchange("GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 200 OK\r\n\r\n", "x 123-45-6789 y");
	mask(SERVER, 2, 11, TYPE_SSN);
	mask(SERVER, 2, 11, TYPE_CARD);
	mask(SERVER, 2, 3, TYPE_CARD); // parts of it
	mask(SERVER, 6, 2, TYPE_EMAIL);
	make();
	assert_span(copy.response.body, "x ***-**-6789 y");
	mask(SERVER, 6, 2, TYPE_PASSWORD);
	make();
	assert_span(copy.response.body, "x *********** y");
	done();
}

// Fields whose names tell, with values that no type knows.
static void test_secret_fields(void **)
{
	static const char *const cases[][2] = {
		{"{\"token\":\"CANARY-resp-6\",\"empty\":\"\",\"secret\":\"x\"}",
		 "{\"token\":\"*********sp-6\",\"empty\":\"\",\"secret\":\"*\"}"},
		{"[ {\"a\": {\"client_secret\" : \"q\\\"q\", \"n\": 12}, \"pin\": 1234} ]",
		 "[ {\"a\": {\"client_secret\" : \"****\", \"n\": 12}, \"pin\": ****} ]"},
		{"{\"author\":\"Ann Example\",\"code\":\"0123456789\",\"token_type\":\"Bearer\"}",
		 "{\"author\":\"Ann Example\",\"code\":\"0123456789\",\"token_type\":\"Bearer\"}"},
		{"{\"a\":\"token\",\"b\":[\"session\",\"x\"],\"c\":null}",
		 "{\"a\":\"token\",\"b\":[\"session\",\"x\"],\"c\":null}"},
		{"user=ann&pwd=abc&access_token=0123456789ab&x",
		 "user=ann&pwd=***&access_token=********89ab&x"},
		{"plain text, nothing = in it", "plain text, nothing = in it"},
		{"   ", "   "},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_exchange("GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 200 OK\r\n\r\n",
			      cases[i][0]);
		make();
		assert_span(copy.response.body, cases[i][1]);
		done();
		// Cut anywhere, a secret shows nothing of itself.
		for (uint32_t kept = 0; kept < strlen(cases[i][0]); kept++) {
			open_exchange("GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 200 OK\r\n\r\n",
				      cases[i][0]);
			f.tx.msg[SERVER].body_kept = kept;
			make();
			assert_false(holds(copy.response.body, "CANARY-re"));
			assert_int_equal(copy.response.body.len, kept);
			done();
		}
	}
	char body[4000] = "{";
	for (uint32_t i = 0; i < 80; i++)
		strcat(body, "\"token\":\"CANARYCANARY\",");
	open_exchange("GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 200 OK\r\n\r\n", body);
	make();
	assert_false(holds(copy.response.body, "CANARY"));
	assert_true(copy.response.body_truncated);
	assert_true(copy.response.body.len > 64 * 20);
	done();
}

// The look at three letters loses none of the words.
static void test_secret_words(void **)
{
	const char *const *lists[] = {secret_words, secret_names, passwords, pins};

	for (uint32_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		for (const char *const *word = lists[l]; *word; word++) {
			struct span name = span_make(*word, strlen(*word));
			uint8_t upper[32];

			assert_int_equal(word_may_begin(name, 0), 0);
			for (uint32_t i = 0; i < name.len; i++)
				upper[i] = name.p[i] >= 'a' ? name.p[i] - 32 : name.p[i];
			assert_int_equal(word_may_begin(span_make(upper, name.len), 0), 0);
		}
	}
	assert_int_equal(word_may_begin(SPAN_LIT("customer_total"), 0), 14);
	assert_int_equal(word_may_begin(SPAN_LIT("to"), 0), 2);
	assert_int_equal(word_may_begin(SPAN_LIT("pin_or_key"), 0), 0);
	assert_int_equal(word_may_begin(SPAN_LIT("pin_or_key"), 1), 7);
}

// A body that ended early: its last value was never seen whole.
static void test_tail(void **)
{
	open_exchange("GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 200 OK\r\n\r\n",
		      "{\"a\":\"b\",\"ssn\":\"123-45-6");
	f.tx.msg[SERVER].complete = false;
	make();
	assert_span(copy.response.body, "{\"a\":\"b\",\"ssn\":\"********");
	f.tx.msg[SERVER].complete = true;
	make();
	assert_span(copy.response.body, "{\"a\":\"b\",\"ssn\":\"123-45-6");
	done();
}

static void test_many_values(void **)
{
	char head[4096] = "GET / HTTP/1.1\r\nX: ", expected[4096];

	for (uint32_t i = 0; i < 30; i++)
		strcat(head, "123-45-6789 ");
	strcat(head, "z\r\n\r\n");
	strcpy(expected, head);
	memset(strchr(expected, 'X') + 3, '*', 361);
	expect_head(head, expected);
}

static void test_path(void **)
{
	uint8_t to[64];
	struct span path = SPAN_LIT("/u/123-45-6789;sid=0123/ann%40example.com/b");

	assert_true(path.len <= sizeof(to));
	assert_span(span_make(to, evidence_path(&evidence, path, to)),
		    "/u/***-**-6789;sid=****/*****************/b");
}

// Any head: never longer than promised, and nothing is read or written beside it.
static void test_hostile(void **)
{
	char head[600];

	for (uint32_t seed = 1; seed < 3000; seed++) {
		uint32_t random = seed * 2654435761u, n;

		n = (uint32_t)sprintf(head, "GET /%s HTTP/1.1\r\n", seed % 3 ? "a" : "");
		while (n < 500) {
			static const char *const pieces[] = {
				"Cookie: ",
				"Authorization:",
				" ",
				"\r\n",
				"\r",
				"\n",
				"=",
				";",
				"CANARY-CANARY-CANARY",
				":",
				"?",
				"/",
				"#",
				"%",
				"Set-Cookie: a=",
				"X-Token:",
			};

			random = random * 1664525 + 1013904223;
			n += (uint32_t)sprintf(head + n, "%s", pieces[random >> 28]);
		}
		strcpy(head + n, "\r\n\r\n");
		struct http1_head parsed;
		if (!http1_head_parse(span_make(head, strlen(head)), CLIENT, 256, &parsed))
			continue;
		open_exchange(head, NULL, NULL, NULL);
		make();
		assert_true(copy.request.head.len <= strlen(head));
		done();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_line),    cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_response_head), cmocka_unit_test(test_odd_lines),
		cmocka_unit_test(test_body),          cmocka_unit_test(test_body_cuts),
		cmocka_unit_test(test_body_limits),   cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_tail),          cmocka_unit_test(test_secret_fields),
		cmocka_unit_test(test_secret_words),
		cmocka_unit_test(test_many_values),   cmocka_unit_test(test_path),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
