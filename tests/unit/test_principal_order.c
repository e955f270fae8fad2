// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What says who it is, in the order that the operator set: each kind with its confidence, what
// tokens tell beside the user, and that the cache tells the same as the first look.

#include "tests/unit/identity_fixture.h"

#define JWT_HEADER "{\"alg\":\"RS256\"}"

static const char *bearer(const char *header, const char *payload)
{
	static char token[8192], lines[9000];

	snprintf(lines, sizeof(lines), HEAD "Authorization: Bearer %s\r\n",
		 token_make(token, header, payload, NULL, 0));
	return lines;
}

static void token(const char *payload)
{
	identity_send(bearer(JWT_HEADER, payload), NULL, NULL, NULL);
}

static void test_kinds(void **)
{
	uint64_t one;

	identity_open("principal = { headers = [ \"X-User\" ]; query = [ \"member\", \"uid\" ]; "
		      "shown = [ \"member\" ]; key_headers = [ \"X-Partner\" ]; key_query = [ \"pk\" ]; };");
	GET("X-User: ann\r\nAuthorization: Basic dXNlcjpwYXNz\r\n");
	expect(PRINCIPAL_CONFIGURED, 95, "ann");
	identity_send("GET /a?uid=7&member=a%40b HTTP/1.1\r\nHost: h\r\n", NULL, NULL, NULL);
	expect(PRINCIPAL_CONFIGURED, 90, "a@b");
	identity_send("GET /a?uid=7 HTTP/1.1\r\nHost: h\r\n", NULL, NULL, NULL);
	expect(PRINCIPAL_CONFIGURED, 90, NULL);
	expect_hidden("user:");
	token("{\"sub\":\"ann\",\"exp\":1}");
	expect(PRINCIPAL_JWT, 90, "ann");
	assert_true(x.subject == x.principal);
	GET("Cookie: JSESSIONID=0123456789\r\n");
	expect(PRINCIPAL_SESSION, 80, NULL);
	one = x.session;
	assert_true(one && one != x.principal);
	GET("Cookie: JSESSIONID=0123456780\r\n");
	assert_true(x.session != one);
	GET("Cookie: my_auth=0a1b2c3d4e5f6a7b8c9d\r\n");
	expect(PRINCIPAL_SESSION, 70, NULL);
	GET("X-Partner: 0123456789abcdef\r\n");
	expect(PRINCIPAL_API_KEY, 85, NULL);
	one = x.principal;
	identity_send("GET /a?pk=0123456789abcdef HTTP/1.1\r\nHost: h\r\n", NULL, NULL, NULL);
	expect(PRINCIPAL_API_KEY, 85, NULL);
	assert_true(x.principal == one);
	GET("Authorization: Bearer 0123456789abcdef\r\n");
	expect(PRINCIPAL_API_KEY, 85, NULL);
	GET("Authorization: Basic dXNlcjpwYXNz\r\n");
	expect(PRINCIPAL_BASIC, 85, "user");
	GET("");
	expect(PRINCIPAL_ADDRESS, 40, "198.51.100.7");
	assert_true(x.session == 0 && x.agent == 0 && x.ja4 == 0 && x.token_flags == 0);
	one = x.principal;
	strcpy(tls.ja4, "t13d1516h2_8daaf6152771_b186095e22b6");
	GET("");
	expect(PRINCIPAL_ADDRESS, 45, "198.51.100.7");
	assert_true(x.ja4 != 0 && x.principal != one);
	tls.has_cert = true;
	GET("");
	expect(PRINCIPAL_CERTIFICATE, 90, NULL);
	expect_hidden("certificate:");
	assert_true(x.credentials);
}

static void test_order(void **)
{
	static const char lines[] = HEAD "X-User: ann\r\nCookie: sid=0123456789\r\n"
					 "Authorization: Basic dXNlcjpwYXNz\r\n";

	identity_open("principal = { headers = [ \"X-User\" ]; };");
	identity_send(lines, NULL, NULL, NULL);
	expect(PRINCIPAL_CONFIGURED, 95, "ann");
	identity_open("principal = { headers = [ \"X-User\" ]; order = [ \"basic\", \"header\" ]; };");
	identity_send(lines, NULL, NULL, NULL);
	expect(PRINCIPAL_BASIC, 85, "user");
	GET("Cookie: sid=0123456789\r\n"); // sessions do not count: the address does
	expect(PRINCIPAL_ADDRESS, 40, NULL);
	assert_true(x.session != 0);
	identity_open("principal = { headers = [ \"X-User\" ]; order = [ \"session\", \"token\" ]; };");
	identity_send(lines, NULL, NULL, NULL);
	expect(PRINCIPAL_SESSION, 80, NULL);
	// A token's facts are told, whoever else says who it is.
	identity_open("principal = { headers = [ \"X-User\" ]; };");
	{
		char with[9100];

		snprintf(with, sizeof(with), "%sX-User: ann\r\n",
			 bearer(JWT_HEADER, "{\"sub\":\"bob\",\"jti\":\"1\",\"role\":\"admin\"}"));
		identity_send(with, NULL, NULL, NULL);
	}
	expect(PRINCIPAL_CONFIGURED, 95, "ann");
	assert_true(x.subject && x.token_id && x.role && x.session);
	assert_int_equal(x.token_flags, TOKEN_SEEN | TOKEN_NO_EXP);
}

static void test_fields(void **)
{
	static const char post[] = "POST /a HTTP/1.1\r\nHost: h\r\n";
	uint64_t one;

	identity_open("principal = { fields = [ \"account.id\", \"user\" ]; shown = [ \"user\" ]; };");
	identity_send(post, "{\"user\":\"ann\",\"x\":{\"user\":\"no\"}}", NULL, NULL);
	expect(PRINCIPAL_CONFIGURED, 90, "ann");
	one = x.principal;
	identity_send(post, "a=b&user=a%6en", NULL, NULL);
	expect(PRINCIPAL_CONFIGURED, 90, "ann");
	assert_true(x.principal == one);
	identity_send(post, "{\"user\":\"ann\",\"account\":{\"id\":4711}}", NULL, NULL);
	expect(PRINCIPAL_CONFIGURED, 90, NULL);
	expect_hidden("user:");
	identity_send(post, "{\"user\":\"an", NULL, NULL); // cut off: not what was sent
	expect(PRINCIPAL_ADDRESS, 40, NULL);
	identity_send(post, "{\"user\":null}", NULL, NULL);
	expect(PRINCIPAL_ADDRESS, 40, NULL);
	identity_open("principal = { fields = [ \"user\" ]; order = [ \"session\", \"field\" ]; };");
	identity_send("POST /a HTTP/1.1\r\nHost: h\r\nCookie: sid=0123456789\r\n", "user=ann", NULL,
		      NULL);
	expect(PRINCIPAL_SESSION, 80, NULL);
}

// Tokens that take each other's place are one user's.
static void test_rotation(void **)
{
	uint64_t one, session;

	identity_open("");
	token("{\"sub\":\"ann\",\"iss\":\"i\",\"jti\":\"1\",\"exp\":1}");
	one = x.principal;
	session = x.session;
	token("{\"sub\":\"ann\",\"iss\":\"i\",\"jti\":\"2\",\"exp\":2}");
	assert_true(x.principal == one && x.session != session);
	token("{\"sub\":\"ann\",\"iss\":\"j\",\"exp\":2}");
	assert_true(x.principal != one);
}

static void test_claims(void **)
{
	identity_open("principal = { claims = [ \"account.number\", \"email\" ]; };");
	token("{\"email\":\"a@b.example\",\"sub\":\"s\",\"exp\":1}");
	expect(PRINCIPAL_JWT, 85, "a@b.example");
	assert_true(x.subject && x.subject != x.principal);
	token("{\"email\":\"a@b.example\",\"account\":{\"number\":12},\"exp\":1}");
	expect(PRINCIPAL_JWT, 85, "12");
	token("{\"user_id\":\"u\",\"exp\":1}");
	expect(PRINCIPAL_JWT, 85, NULL);
	expect_hidden("user:");
	token("{\"client_id\":\"app\",\"exp\":1}");
	expect(PRINCIPAL_JWT, 85, "app");
	identity_open("principal = { show_users = false; };");
	token("{\"sub\":\"ann\",\"exp\":1}");
	expect(PRINCIPAL_JWT, 90, NULL);
	expect_hidden("user:");
	GET("Authorization: Basic dXNlcjpwYXNz\r\n");
	expect_hidden("user:");
}

static void test_roles(void **)
{
	uint64_t one;

	identity_open("");
	token("{\"sub\":\"a\",\"roles\":[\"admin\",\"editor\"],\"exp\":1}");
	assert_span(span_make(x.role_text, x.role_len), "admin editor");
	one = x.role;
	assert_true(one != 0);
	token("{\"sub\":\"b\",\"scope\":\"editor admin\",\"exp\":1}");
	assert_true(x.role == one);
	token("{\"sub\":\"b\",\"realm_access\":{\"roles\":[\"editor\"]},\"exp\":1}");
	assert_true(x.role != one && x.role != 0);
	token("{\"sub\":\"b\",\"groups\":[\"0f8fad5b-d9cb-469f-a165-70867728950e\"],\"exp\":1}");
	assert_true(x.role != 0);
	assert_int_equal(x.role_len, 0); // no word
	token("{\"sub\":\"b\",\"roles\":[\"administrators\",\"abcdefghijklmnopqrst\"],\"exp\":1}");
	assert_int_equal(x.role_len, 0); // too long
	token("{\"sub\":\"b\",\"exp\":1}");
	assert_true(x.role == 0 && x.role_len == 0);
}

static void test_token_facts(void **)
{
	static char text[4096], lines[5000];

	identity_open("principal = { token_checks = 2; };");
	now_s = 1700000000;
	token("{\"sub\":\"a\",\"exp\":1699999000}");
	assert_int_equal(x.token_flags, TOKEN_SEEN | TOKEN_EXPIRED);
	now_s = 1699999100; // known by now; skew
	token("{\"sub\":\"a\",\"exp\":1699999000}");
	assert_int_equal(x.token_flags, TOKEN_SEEN);
	token("{\"sub\":\"a\",\"nbf\":1799999000,\"exp\":1799999001}");
	assert_int_equal(x.token_flags, TOKEN_SEEN | TOKEN_EARLY | TOKEN_EXP_FAR);
	identity_send(bearer("{\"alg\":\"none\"}", "{\"sub\":\"a\",\"exp\":1799999001}"), NULL, NULL,
		      NULL);
	expect(PRINCIPAL_JWT, 50, "a");
	assert_true(x.token_flags & TOKEN_ALG_NONE);
	// Two are tried in an epoch; the third is when it comes again in the next one.
	for (uint32_t i = 0; i < 4; i++) {
		char payload[64];

		snprintf(payload, sizeof(payload), "{\"sub\":\"u%u\",\"exp\":1699999900}", i % 3);
		snprintf(lines, sizeof(lines), HEAD "Authorization: Bearer %s\r\n",
			 token_make(text, "{\"alg\":\"HS256\"}", payload,
				    i == 1 ? "a good one, 9d8f7" : "secret", 256));
		if (i == 3)
			principal_epoch(&principal, NULL);
		identity_send(lines, NULL, NULL, NULL);
		assert_int_equal(x.token_flags & (TOKEN_CHECKED | TOKEN_WEAK_SECRET),
				 i == 0 || i == 3 ? TOKEN_CHECKED | TOKEN_WEAK_SECRET
				 : i == 1	  ? TOKEN_CHECKED
						  : 0);
		if (i == 2) {
			identity_send(lines, NULL, NULL, NULL);
			assert_int_equal(x.token_flags, TOKEN_SEEN);
			principal_epoch(&principal, NULL);
			identity_send(lines, NULL, NULL, NULL);
			assert_true(x.token_flags & TOKEN_WEAK_SECRET);
		}
	}
}

// A token is one wherever it is.
static void test_places(void **)
{
	static char text[4096], lines[5000];
	uint64_t one;

	identity_open("");
	token_make(text, JWT_HEADER, "{\"sub\":\"ann\",\"exp\":1}", NULL, 0);
	snprintf(lines, sizeof(lines), HEAD "Authorization: Bearer %s\r\n", text);
	identity_send(lines, NULL, NULL, NULL);
	one = x.principal;
	snprintf(lines, sizeof(lines), HEAD "Cookie: session=%s\r\n", text);
	identity_send(lines, NULL, NULL, NULL);
	expect(PRINCIPAL_JWT, 90, "ann");
	assert_true(x.principal == one && x.credentials);
	snprintf(lines, sizeof(lines), HEAD "X-Api-Key: %s\r\nCookie: sid=0123456789\r\n", text);
	identity_send(lines, NULL, NULL, NULL);
	assert_true(x.principal == one);
	snprintf(lines, sizeof(lines), "GET /a?access_token=%s HTTP/1.1\r\nHost: h\r\n", text);
	identity_send(lines, NULL, NULL, NULL);
	assert_true(x.principal == one);
}

static void test_basic(void **)
{
	identity_open("");
	GET("Authorization: Basic dXNlcjpwYXNz\r\n"); // user:pass
	assert_int_equal(x.token_flags, BASIC_SEEN | BASIC_PLAINTEXT | BASIC_WEAK);
	assert_true(x.login_user && x.login_secret && x.session);
	strcpy(tls.ja4, "t13d");
	GET("Authorization: Basic YW5uOnY3UW0tMnJYXzlzTGs=\r\n"); // ann:v7Qm-2rX_9sLk
	assert_int_equal(x.token_flags, BASIC_SEEN);
	expect(PRINCIPAL_BASIC, 85, "ann");
	identity_send(HEAD "Authorization: Basic dXNlcjpwYXNz\r\n", NULL,
		      "HTTP/1.1 401 Unauthorized\r\n", NULL);
	assert_int_equal(x.login_result, LOGIN_FAILURE);
	identity_send(HEAD "Authorization: Basic dXNlcjpwYXNz\r\n", NULL, "HTTP/1.1 200 OK\r\n",
		      NULL);
	assert_int_equal(x.login_result, LOGIN_SUCCESS);
}

static void test_refused(void **)
{
	struct conf *bad = fixture_conf("principal = { proxies = [ \"10.0.0.0/33\" ]; };");
	char why[256] = "";

	assert_false(principal_init(&principal, conf_get(bad, &principal_section), 0, why,
				    sizeof(why)));
	assert_non_null(strstr(why, "10.0.0.0/33"));
	conf_free(bad);
	assert_null(fixture_conf("principal = { order = [ \"sessions\" ]; };"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),	    cmocka_unit_test(test_order),
		cmocka_unit_test(test_fields),	    cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_claims),	    cmocka_unit_test(test_roles),
		cmocka_unit_test(test_token_facts), cmocka_unit_test(test_places),
		cmocka_unit_test(test_basic),	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, identity_close);
}
