// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The client behind proxies that are named, the word of others that does not count, and programs
// without their versions.

#include "detect/identity_client.c"

#include "tests/unit/identity_fixture.h"

static void expect_client(const char *address)
{
	char text[48];

	endpoint_address(x.client, text);
	assert_string_equal(text, address);
}

#define PROXIES "principal = { proxies = [ \"10.0.0.0/8\", \"198.51.100.0/24\", \"2001:db8::/32\" ]; };"

static void test_unlisted(void **)
{
	uint64_t one;

	identity_open("");
	GET("X-Forwarded-For: 192.0.2.1\r\n");
	expect_client("198.51.100.7");
	one = x.principal;
	GET("");
	assert_true(x.principal == one);
	identity_open("principal = { proxies = [ \"10.0.0.0/8\" ]; };");
	GET("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\nX-Real-IP: 192.0.2.3\r\n");
	expect_client("198.51.100.7");
	expect(PRINCIPAL_ADDRESS, 40, "198.51.100.7");
}

static void test_hops(void **)
{
	static const struct {
		const char *lines, *client;
	} all[] = {
		{"", "198.51.100.7"},
		{"X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"},
		// What stands before the last hop that is no proxy, the client wrote.
		{"X-Forwarded-For: 192.0.2.66, 192.0.2.1\r\n", "192.0.2.1"},
		{"X-Forwarded-For: 192.0.2.66, 192.0.2.1, 10.1.1.1\r\n", "192.0.2.1"},
		{"X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-For: 192.0.2.1 ,10.1.1.1, \r\n", "192.0.2.1"},
		{"X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-For: 10.1.1.1\r\n", "192.0.2.66"},
		{"X-Forwarded-For: 10.2.2.2, 10.1.1.1\r\n", "10.2.2.2"},
		{"X-Forwarded-For: 192.0.2.1:8080\r\n", "192.0.2.1"},
		{"X-Forwarded-For: [2001:db9::1]:80, 2001:db8::9\r\n", "2001:db9::1"},
		{"X-Forwarded-For: 192.0.2.66, unknown, 10.1.1.1\r\n", "10.1.1.1"},
		{"X-Forwarded-For: <script>\r\n", "198.51.100.7"},
		{"X-Forwarded-For: 192.0.2.0/24\r\n", "198.51.100.7"},
		{"Forwarded: for=192.0.2.66, for=\"[2001:db9::2]:4711\";proto=https;by=10.1.1.1\r\n",
		 "2001:db9::2"},
		{"Forwarded: proto=http;For=192.0.2.1, for=10.1.1.1\r\n", "192.0.2.1"},
		{"Forwarded: for=_hidden\r\n", "198.51.100.7"},
		{"CF-Connecting-IP: 192.0.2.8\r\nX-Real-IP: 192.0.2.9\r\n", "192.0.2.8"},
		{"X-Real-IP: 192.0.2.9\r\n", "192.0.2.9"},
		// The first name that is there counts.
		{"X-Real-IP: 192.0.2.9\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"},
	};
	static char lines[4096];

	identity_open(PROXIES);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(lines, sizeof(lines), HEAD "%s", all[i].lines);
		identity_send(lines, NULL, NULL, NULL);
		expect_client(all[i].client);
		expect(PRINCIPAL_ADDRESS, 40, all[i].client);
	}
	// So many hops are not walked.
	strcpy(lines, HEAD "X-Forwarded-For: 192.0.2.1");
	for (uint32_t i = 0; i < 40; i++)
		strcat(lines, ", 10.0.0.1");
	strcat(lines, "\r\n");
	identity_send(lines, NULL, NULL, NULL);
	expect_client("10.0.0.1");
	identity_open("principal = { proxies = [ \"198.51.100.7\" ]; forwarded = [ \"X-Client\" ]; };");
	GET("X-Forwarded-For: 192.0.2.1\r\nX-Client: 192.0.2.2\r\n");
	expect_client("192.0.2.2");
}

static uint64_t agent(const char *text)
{
	static char lines[1024];

	snprintf(lines, sizeof(lines), HEAD "User-Agent: %s\r\n", text);
	identity_send(lines, NULL, NULL, NULL);
	return x.agent;
}

static void test_agents(void **)
{
	uint64_t firefox;

	identity_open("");
	firefox = agent("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0");
	assert_true(firefox ==
		    agent("Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0.2"));
	assert_true(firefox !=
		    agent("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0"));
	assert_true(agent("curl/8.1.2") == agent("curl/7.88.1-DEV"));
	assert_true(agent("curl/8.1") != agent("okhttp/8.1"));
	assert_true(agent("App/1.2 (iPhone; iOS 17_2_1)") == agent("App/1.3b4 (iPhone; iOS 17_3)"));
	assert_true(agent("curl/8.1.2") != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlisted),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_agents),
	};

	return cmocka_run_group_tests(tests, NULL, identity_close);
}
