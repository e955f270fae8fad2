// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Who sent a request: the order of what counts, what is shown, what never is, and hostile tokens.

#include "tests/unit/detect_fixture.h"

#include "detect/endpoint.c"
#include "detect/policy.c"
#include "detect/principal.c"

static struct conf *conf;
static struct exchange x;
static struct principal principal;

static void identify(const char *head, const struct principal_options *options, uint64_t seed,
		     struct fixture *f)
{
	fixture_open(f, head, NULL, NULL, NULL);
	memset(&x, 0, sizeof(x));
	x.tx = &f->tx;
	endpoint_split(&x);
	char why[128];

	assert_true(principal_init(&principal, options ? options : conf_get(conf, &principal_section),
				   7, why, sizeof(why)));
	principal_identify(&x, &principal, seed);
}

#define IDENTIFY(head) identify_plain("GET /a HTTP/1.1\r\nHost: h\r\n" head "\r\n")
static void identify_plain(const char *head)
{
	struct fixture f;

	identify(head, NULL, SEED, &f);
	fixture_close(&f);
	x.tx = NULL;
}

static void expect(enum principal_kind kind, const char *user, bool credentials)
{
	assert_int_equal(x.principal_kind, kind);
	assert_int_equal(x.credentials, credentials);
	assert_true(x.principal != 0);
	if (user)
		assert_span(span_make(x.user, x.user_len), user);
}

// {"alg":"none"}.{payload}.sig
static const char *bearer(const char *payload, char out[4096])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *p = out + sprintf(out, "GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
				     "eyJhbGciOiJub25lIn0.");
	uint32_t bits = 0, n = 0;

	for (; *payload; payload++) {
		bits = bits << 8 | (uint8_t)*payload;
		for (n += 8; n >= 6; n -= 6)
			*p++ = digits[bits >> (n - 6) & 63];
	}
	if (n)
		*p++ = digits[bits << (6 - n) & 63];
	strcpy(p, ".c2lnbmF0dXJl\r\n\r\n");
	return out;
}

static void test_siphash(void **)
{
	// The vector of the paper's appendix: key and text count upwards.
	uint8_t text[15];

	for (uint32_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	assert_true(siphash(0x0706050403020100, 0x0f0e0d0c0b0a0908, span_make(text, 15)) ==
		    0xa129ca6149be45e5);
	// SipHash-1-3 of nothing under the same key, as the Rust library's tests have it.
	assert_true(siphash_value(0x0706050403020100, 0x0f0e0d0c0b0a0908, span_make(text, 0)) ==
		    0xabac0158050fc4dc);
	assert_true(siphash(1, 2, span_make("a", 1)) != siphash(1, 3, span_make("a", 1)));
	assert_true(siphash(siphash(1, 2, SPAN_LIT("ab")), 2, SPAN_LIT("c")) !=
		    siphash(siphash(1, 2, SPAN_LIT("a")), 2, SPAN_LIT("bc")));
	assert_true(siphash_number(1, 2, 3) != siphash_number(1, 2, 4));
	assert_int_equal(siphash_id(0), 1);
}

static void test_address(void **)
{
	uint64_t plain, agent;

	IDENTIFY("");
	expect(PRINCIPAL_ADDRESS, "198.51.100.7", false);
	plain = x.principal;
	IDENTIFY("User-Agent: curl\r\n");
	expect(PRINCIPAL_ADDRESS, "198.51.100.7", false);
	agent = x.principal;
	assert_true(plain != agent);
	IDENTIFY("User-Agent: curl\r\n");
	assert_true(x.principal == agent);
}

static void test_token(void **)
{
	char head[4096];
	uint64_t one, other;

	identify_plain(bearer("{\"sub\":\"user-17\",\"exp\":1}", head));
	expect(PRINCIPAL_JWT, "user-17", true);
	one = x.principal;
	identify_plain(bearer("{ \"exp\" : 2 , \"sub\" : \"user-17\" }", head));
	assert_true(x.principal == one);
	identify_plain(bearer("{\"sub\":\"user-18\"}", head));
	assert_true(x.principal != one);
	identify_plain(bearer("{\"sub\":\"user-17\",\"iss\":\"https://a\"}", head));
	expect(PRINCIPAL_JWT, "user-17", true);
	other = x.principal;
	assert_true(other != one);
	identify_plain(bearer("{\"sub\":12345}", head));
	expect(PRINCIPAL_JWT, "12345", true);
	identify_plain(bearer("{\"email\":\"a@b.cz\",\"client_id\":\"app\"}", head));
	expect(PRINCIPAL_JWT, NULL, true);
	assert_memory_equal(x.user, "user:", 5); // nobody said that it may be shown
	identify_plain(bearer("{\"client_id\":\"app\"}", head));
	expect(PRINCIPAL_JWT, "app", true);
	// The subject of an actor, a value, or a string in an array is not the user.
	identify_plain(bearer("{\"act\":{\"sub\":\"admin\"},\"x\":\"sub\",\"y\":[\"sub\",\"z\"],"
			      "\"sub\":\"me\"}",
			      head));
	expect(PRINCIPAL_JWT, "me", true);
	identify_plain(bearer("{\"act\":{\"sub\":\"admin\"}}", head));
	expect(PRINCIPAL_API_KEY, NULL, true);
	identify_plain(bearer("{\"a\\\"sub\":\"no\",\"sub\":\"q\\\"q\"}", head));
	expect(PRINCIPAL_JWT, "q\\\"q", true);
}

static void test_odd_tokens(void **)
{
	static const char *const payloads[] = {
		"",
		"{",
		"[]",
		"{\"sub\"",
		"{\"sub\":",
		"{\"sub\":\"",
		"{\"sub\":\"cut",
		"{\"sub\":\"\"}",
		"{\"sub\":null}",
		"}}}}\"sub\":\"x\"",
		"{\"sub\":12",
		"\"\\",
		"{\"sub\":{\"sub\":\"deep\"}}",
	};
	char head[4096];

	for (uint32_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		identify_plain(bearer(payloads[i], head));
		expect(PRINCIPAL_API_KEY, NULL, true);
		assert_int_equal(x.user_len, 20);
		assert_memory_equal(x.user, "key:", 4);
	}
	// More than is decoded: what is found before still counts.
	memset(head + 2000, 'A', 2000);
	identify_plain("GET /a HTTP/1.1\r\nHost: h\r\n"
		       "Authorization: Bearer eyJ.eyJzdWIiOiJ1In0!!!.x\r\n\r\n");
	expect(PRINCIPAL_API_KEY, NULL, true); // the header part is too short for a token
	IDENTIFY("Authorization: Bearer 0123456789abcdef0123\r\n");
	expect(PRINCIPAL_API_KEY, NULL, true);
	IDENTIFY("Authorization: bearer null\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
	IDENTIFY("Authorization: Bearer undefined\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
	IDENTIFY("Authorization:\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
	IDENTIFY("Proxy-Authorization: Basic dTpw\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
}

static void test_every_cut(void **)
{
	char head[4096], cut[4096];
	const char *from;

	// A token cut anywhere is never taken for another subject.
	bearer("{\"iss\":\"i\",\"sub\":\"user-1234\",\"e\":[1,{\"sub\":\"n\"}]}", head);
	from = strstr(head, "eyJ");
	for (size_t n = 0; n <= strlen(from) - 4; n++) {
		snprintf(cut, sizeof(cut), "GET /a HTTP/1.1\r\nAuthorization: Bearer %.*s\r\n\r\n",
			 (int)n, from);
		identify_plain(cut);
		if (x.principal_kind == PRINCIPAL_JWT)
			assert_span(span_make(x.user, x.user_len), "user-1234");
	}
}

static void test_cookies(void **)
{
	uint64_t one;

	IDENTIFY("Cookie: theme=dark; JSESSIONID=0A1B2C3D4E; csrftoken=zzzzzzzzzz\r\n");
	expect(PRINCIPAL_SESSION, NULL, true);
	assert_memory_equal(x.user, "session:", 8);
	assert_int_equal(x.user_len, 24);
	one = x.principal;
	IDENTIFY("Cookie: a=b; jsessionid=\"0A1B2C3D4E\"\r\n");
	assert_true(x.principal == one);
	IDENTIFY("Cookie: __Host-session=0A1B2C3D4E\r\n");
	assert_true(x.principal == one);
	IDENTIFY("Cookie: _shop_session=0A1B2C3D4E\r\n");
	assert_true(x.principal == one);
	IDENTIFY("Cookie: theme=dark; csrftoken=0123456789; XSRF-TOKEN=0123456789\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
	IDENTIFY("Cookie: sidebar=collapsed; session=; sid=deleted\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
	IDENTIFY("Cookie: my_auth=0123456789\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, true);
	IDENTIFY("Cookie: user.sid=0123456789\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, true);
	IDENTIFY("Cookie: ;;;=;=x;session;\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
	// A bearer token comes before the cookie.
	IDENTIFY("Cookie: sid=0123456789\r\nAuthorization: Bearer 0123456789abcdef\r\n");
	expect(PRINCIPAL_API_KEY, NULL, true);
	// … the cookie before key and Basic.
	IDENTIFY("Cookie: sid=0123456789\r\nX-API-Key: k1234\r\n"
		 "Authorization: Basic dXNlcjpwYXNz\r\n");
	expect(PRINCIPAL_SESSION, NULL, true);
}

static void test_keys(void **)
{
	char head[4096];
	uint64_t one;

	IDENTIFY("X-API-Key: k-123456\r\nAuthorization: Basic dXNlcjpwYXNz\r\n");
	expect(PRINCIPAL_API_KEY, NULL, true);
	one = x.principal;
	identify_plain("GET /a?x=1&api_key=k-123456 HTTP/1.1\r\n\r\n");
	expect(PRINCIPAL_API_KEY, NULL, true);
	assert_true(x.principal == one);
	identify_plain("GET /a?key=abc HTTP/1.1\r\n\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
	identify_plain("GET /a?key=AIzaSyA0123456789 HTTP/1.1\r\n\r\n");
	expect(PRINCIPAL_API_KEY, NULL, true);
	identify_plain("GET /a?apikey= HTTP/1.1\r\n\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, false);
	identify_plain("GET /a?sig=0123456789abcdef0123 HTTP/1.1\r\n\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, true);
	// A token in a query is read like one in the header.
	bearer("{\"sub\":\"user-17\"}", head);
	identify_plain(head);
	one = x.principal;
	char query[5000];
	snprintf(query, sizeof(query), "GET /a?access_token=%.*s HTTP/1.1\r\n\r\n",
		 (int)strcspn(strstr(head, "eyJ"), "\r"), strstr(head, "eyJ"));
	identify_plain(query);
	expect(PRINCIPAL_JWT, "user-17", true);
	assert_true(x.principal == one);
}

static void test_schemes(void **)
{
	IDENTIFY("Authorization: Basic dXNlcjpwYXNz\r\n"); // user:pass
	expect(PRINCIPAL_BASIC, "user", true);
	IDENTIFY("Authorization: Basic cGFzc3dvcmQ=\r\n"); // no colon
	expect(PRINCIPAL_ADDRESS, NULL, true);
	IDENTIFY("Authorization: Basic ====\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, true);
	IDENTIFY("Authorization: Digest username=\"ann\", realm=\"r\", response=\"0\"\r\n");
	expect(PRINCIPAL_BASIC, "ann", true);
	IDENTIFY("Authorization: Digest realm=\"r\"\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, true);
	IDENTIFY("Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/x, "
		 "Signature=1\r\n");
	expect(PRINCIPAL_API_KEY, NULL, true);
	IDENTIFY("Authorization: Negotiate YIIJvwYGKwYBBQUC\r\n");
	expect(PRINCIPAL_ADDRESS, NULL, true);
	IDENTIFY("Authorization: 0123456789abcdef\r\n");
	expect(PRINCIPAL_API_KEY, NULL, true);
}

static void test_configured(void **)
{
	struct conf *own =
		fixture_conf("principal = { headers = [ \"X-User-Id\", \"X-User-Token\" ]; "
			     "cookies = [ \"mine*\" ]; };");
	const struct principal_options *options = conf_get(own, &principal_section);
	struct fixture f;

	identify("GET /a HTTP/1.1\r\nx-user-id: 4711\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n",
		 options, SEED, &f);
	expect(PRINCIPAL_CONFIGURED, "4711", true);
	fixture_close(&f);
	identify("GET /a HTTP/1.1\r\nX-User-Id: \r\nX-User-Token: tttttttt\r\n\r\n", options, SEED,
		 &f);
	expect(PRINCIPAL_CONFIGURED, NULL, true);
	assert_memory_equal(x.user, "key:", 4); // a token is not shown
	fixture_close(&f);
	identify("GET /a HTTP/1.1\r\nCookie: JSESSIONID=0123456789; mine2=0123456789\r\n\r\n",
		 options, SEED, &f);
	expect(PRINCIPAL_SESSION, NULL, true);
	fixture_close(&f);
	conf_free(own);
}

// No byte of a credential is left in the exchange, and the hash depends on the secret seed.
static void test_nothing_kept(void **)
{
	static const char *const heads[] = {
		"GET /a HTTP/1.1\r\nAuthorization: Bearer CANARYCANARYCANARY\r\n\r\n",
		"GET /a HTTP/1.1\r\nCookie: sid=CANARYCANARYCANARY\r\n\r\n",
		"GET /a HTTP/1.1\r\nX-Api-Key: CANARYCANARYCANARY\r\n\r\n",
		"GET /a?api_key=CANARYCANARYCANARY HTTP/1.1\r\n\r\n",
		"GET /a HTTP/1.1\r\nAuthorization: Basic dXNlcjpDQU5BUlk=\r\n\r\n",
	};

	for (uint32_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct fixture f;
		uint64_t one;

		identify(heads[i], NULL, SEED, &f);
		one = x.principal;
		assert_null(memmem(&x, sizeof(x), "CANARY", 6));
		fixture_close(&f);
		identify(heads[i], NULL, SEED + 1, &f);
		assert_true(x.principal != one);
		fixture_close(&f);
	}
}

static void test_text(void **)
{
	char user[] = "ann\x01\xff\xc3\xa9";
	struct merged_principal p = {.user = user};
	char out[64], small[5];

	assert_string_equal(principal_text(&p, out, sizeof(out)), "ann??\xc3\xa9");
	assert_string_equal(principal_text(&p, small, sizeof(small)), "ann?");
	assert_string_equal(principal_text(NULL, out, sizeof(out)), "A client");
	assert_string_equal(text_count((char[32]){0}, 0), "0");
	assert_string_equal(text_count((char[32]){0}, 999), "999");
	assert_string_equal(text_count((char[32]){0}, 1000), "1,000");
	assert_string_equal(text_count((char[32]){0}, UINT64_MAX), "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),    cmocka_unit_test(test_address),
		cmocka_unit_test(test_token),      cmocka_unit_test(test_odd_tokens),
		cmocka_unit_test(test_every_cut),  cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_keys),       cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_configured), cmocka_unit_test(test_nothing_kept),
		cmocka_unit_test(test_text),
	};
	int failed;

	conf = conf_load(NULL, stderr);
	if (!conf)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	conf_free(conf);
	return failed;
}
