// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Endpoints: targets of every form, what becomes of path segments, hosts, bounds, sign-in paths.

#include "tests/unit/detect_fixture.h"

#include "detect/endpoint.c"

static struct exchange x;
static const struct template_table *table; // NULL: nothing is known

static void identify(const char *head, uint32_t hidden, struct fixture *f)
{
	fixture_open(f, head, NULL, NULL, NULL);
	memset(&x, 0, sizeof(x));
	x.tx = &f->tx;
	endpoint_split(&x);
	endpoint_identify(&x, SEED, hidden, table);
}

static void expect_template(const char *path, const char *expected)
{
	struct fixture f;
	char head[8192];

	snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
	identify(head, 0, &f);
	assert_span(span_make(x.template, x.template_len), expected);
	fixture_close(&f);
}

static void test_templates(void **)
{
	static const char *const cases[][2] = {
		{"/", "/"},
		{"/?a=1", "/"},
		{"//", "/"},
		{"/users", "/users"},
		{"/users/", "/users"},
		{"/users/1207", "/users/{id}"},
		{"/users//1207/", "/users/{id}"},
		{"/users/-5/x", "/users/{id}/x"},
		{"/users/me", "/users/me"},
		{"/users/latest", "/users/latest"},
		{"/u/0b0e5f6c-2b0a-4a37-9c5d-0f6a4a1d9e11", "/u/{uuid}"},
		{"/u/%7B0b0e5f6c-2b0a-4a37-9c5d-0f6a4a1d9e11%7D", "/u/{uuid}"},
		{"/f/d41d8cd98f00b204e9800998ecf8427e", "/f/{hex}"},
		{"/f/4f8c19ab", "/f/{hex}"},
		{"/f/deadbeefcafebabe", "/f/{hex}"},
		{"/f/facade/decade/feedback", "/f/facade/decade/feedback"},
		{"/r/2024-05-17", "/r/{date}"},
		{"/r/2024-05", "/r/{date}"},
		{"/r/2024-05-17T10:00:00Z", "/r/{date}"},
		{"/r/17-05-2024", "/r/{date}"},
		{"/r/2024-13-45", "/r/{id}"},
		{"/r/20240517", "/r/{id}"},
		{"/m/alice%40example.com", "/m/{email}"},
		{"/m/alice@example.com", "/m/{email}"},
		{"/lib@3.5.2/a@b/x", "/lib@3.5.2/a@b/x"},
		{"/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/o/{id}"},
		{"/o/cus_9s6XKzkNRiz8i3", "/o/{id}"},
		{"/o/INV-2024-0001", "/o/{id}"},
		{"/o/user12345", "/o/{id}"},
		{"/o/@alice", "/o/{id}"},
		{"/o/1,2,3", "/o/{id}"},
		{"/t/dGhpcyBpcyBhIHRva2VuIDEyMzQ1", "/t/{token}"},
		{"/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyLTEyIn0.c2lnbmF0dXJlMTIz", "/t/{token}"},
		{"/t/k3j4h5g6f7d8s9a0q1w2", "/t/{token}"},
		{"/api/v1/a", "/api/v1/a"},
		{"/api/v2.1/a", "/api/v2.1/a"},
		{"/api/1.1/a", "/api/1.1/a"},
		{"/api/v1beta1/a", "/api/v1beta1/a"},
		{"/en-US/a/ja_JP/b", "/en-US/a/ja_JP/b"},
		{"/GetCustomerAccountsV2ByRegion", "/GetCustomerAccountsV2ByRegion"},
		{"/how-to-bake-a-cake-in-2024", "/how-to-bake-a-cake-in-2024"},
		{"/oauth2/base64/s3/utf8", "/oauth2/base64/s3/utf8"},
		{"/export/1207.json", "/export/{id}.json"},
		{"/export/report.json", "/export/report.json"},
		{"/img/d41d8cd98f00b204e9800998ecf8427e.png", "/img/{hex}.png"},
		{"/a;jsessionid=0123/b;x=1", "/a/b"},
		{"/a%20b/%00%7f%25%7bid%7d", "/a%20b/%00%7F%25%7Bid%7D"},
		{"/a%2Fb", "/a%2Fb"},
		{"/%zz/%", "/%25zz/%25"},
		{"/%E5%B1%B1", "/%E5%B1%B1"},
		{"/.well-known/../x", "/.well-known/../x"},
		{"/a#frag", "/a"},
		{"*", "/*"},
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16",
		 "/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/"
		 "{id}"},
		{"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r",
		 "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/\xe2\x80\xa6"},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_template(cases[i][0], cases[i][1]);
}

static void test_bounds(void **)
{
	char path[4096] = "/";

	memset(path + 1, 'q', 3000);
	expect_template(path, "/{token}");
	memset(path + 1, 'q', 100);
	path[101] = '\0';
	expect_template(path, "/{token}");
	// Escaped words that do not fit any more.
	path[0] = '\0';
	for (uint32_t i = 0; i < 16; i++)
		strcat(path, "/%01%02%03%04%05%06%07%08word");
	struct fixture f;
	char head[5000];
	snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
	identify(head, 0, &f);
	assert_true(x.template_len <= EXCHANGE_TEMPLATE);
	assert_memory_equal(x.template + x.template_len - 4, "/\xe2\x80\xa6", 4);
	fixture_close(&f);
	// Any bytes at all.
	for (uint32_t seed = 1; seed < 400; seed++) {
		uint32_t random = seed * 2654435761u;

		memcpy(head, "GET /", 5);
		for (uint32_t i = 5; i < 400; i++) {
			random = random * 1664525 + 1013904223;
			head[i] = "/%0aZ-_.@;{}9fF\xe5\x01"[random >> 28];
		}
		strcpy(head + 400, " HTTP/1.1\r\nHost: h\r\n\r\n");
		identify(head, seed, &f);
		assert_true(x.template_len > 0 && x.template_len <= EXCHANGE_TEMPLATE);
		for (uint32_t i = 0; i + 3 < x.template_len; i++)
			assert_true(x.template[i] > 0x20 && x.template[i] != 0x7f);
		fixture_close(&f);
	}
}

static void test_hidden(void **)
{
	struct fixture f;

	identify("GET /a/john-smith/b HTTP/1.1\r\nHost: h\r\n\r\n", 2, &f);
	assert_span(span_make(x.template, x.template_len), "/a/{id}/b");
	fixture_close(&f);
}

static void expect_host(const char *head, const char *host, const char *path, const char *query)
{
	struct fixture f;
	uint8_t out[ENDPOINT_HOST + 1];

	identify(head, 0, &f);
	assert_span(span_make(out, endpoint_host(&x, out)), host);
	assert_span(x.path, path);
	assert_span(x.query, query);
	fixture_close(&f);
}

static void test_hosts(void **)
{
	expect_host("GET /a?b=c HTTP/1.1\r\nHost: API.Example.com:8080\r\n\r\n", "api.example.com",
		    "/a", "b=c");
	expect_host("GET /a? HTTP/1.1\r\nHost: example.com.\r\n\r\n", "example.com", "/a", "");
	expect_host("GET /a HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "[2001:db8::1]", "/a", "");
	expect_host("GET http://Other.example:81/p/q?r HTTP/1.1\r\nHost: h\r\n\r\n",
		    "other.example", "/p/q", "r");
	expect_host("GET http://u:p@other.example HTTP/1.1\r\nHost: h\r\n\r\n", "other.example", "",
		    "");
	expect_host("GET http://other.example?x=/y HTTP/1.1\r\nHost: h\r\n\r\n", "other.example",
		    "", "x=/y");
	expect_host("CONNECT far.example:443 HTTP/1.1\r\nHost: h\r\n\r\n", "far.example", "", "");
	expect_host("GET /a HTTP/1.0\r\n\r\n", "203.0.113.80", "/a", "");
	expect_host("GET /a HTTP/1.1\r\nHost: [broken\r\n\r\n", "[broken", "/a", "");
}

static uint64_t id_of(const char *head)
{
	struct fixture f;

	identify(head, 0, &f);
	fixture_close(&f);
	return x.endpoint;
}

static void test_identity(void **)
{
	uint64_t one = id_of("GET /a/1 HTTP/1.1\r\nHost: h\r\n\r\n");

	assert_true(one != 0);
	assert_true(one == id_of("GET /a/2?q HTTP/1.1\r\nHost: H:80\r\nX: y\r\n\r\n"));
	assert_true(one != id_of("POST /a/2 HTTP/1.1\r\nHost: h\r\n\r\n"));
	assert_true(one != id_of("GET /a/2 HTTP/1.1\r\nHost: h2\r\n\r\n"));
	assert_true(one != id_of("GET /b/2 HTTP/1.1\r\nHost: h\r\n\r\n"));
}

static void test_login(void **)
{
	static const char *const yes[] = {"/login",       "/api/v1/Login", "/user/sign-in",
					  "/oauth/token", "/signup",       "/password/reset",
					  "/login.php",   "/a/register/b"};
	static const char *const no[] = {"/",      "/logins",   "/api/tokens/1",    "/password",
					 "/reset", "/users/me", "/password/x/reset"};

	for (uint32_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(endpoint_is_login(span_make(yes[i], strlen(yes[i]))));
	for (uint32_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(endpoint_is_login(span_make(no[i], strlen(no[i]))));
}

static void test_text(void **)
{
	char host[] = "h\xff", method[] = "GET", template[] = "/a";
	struct merged_endpoint e = {.host = host, .method = method, .template = template};
	char out[64], small[7];

	assert_string_equal(endpoint_text(&e, out, sizeof(out)), "GET h?/a");
	assert_string_equal(endpoint_text(&e, small, sizeof(small)), "GET h?");
	assert_string_equal(endpoint_text(NULL, out, sizeof(out)), "an endpoint");
	method[0] = '\0';
	assert_string_equal(endpoint_text(&e, out, sizeof(out)), "h?/a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_templates), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_hidden),    cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_identity),  cmocka_unit_test(test_login),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
