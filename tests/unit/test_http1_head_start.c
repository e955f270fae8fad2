// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Start lines, and whether there is one at all.

#include "tests/unit/head_harness.h"

static void test_request(void **)
{
	struct http1_head h =
		parse(CLIENT, "POST /a?b=c HTTP/1.1\r\nHost: x.test\r\ncontent-TYPE:a/b \r\n"
			      "CONTENT-LENGTH: 011\r\nX-Other: \r\n\r\n");

	assert_text(h.method, "POST");
	assert_text(h.uri, "/a?b=c");
	assert_int_equal(h.version_major * 10 + h.version_minor, 11);
	assert_int_equal(h.n_headers, 4);
	assert_int_equal(h.anomalies, 0);
	assert_text(h.header[HEADER_HOST], "x.test");
	assert_text(h.header[HEADER_CONTENT_TYPE], "a/b");
	assert_null(h.header[HEADER_COOKIE].p);
	assert_int_equal(h.framing.content_length, 11);
	assert_int_equal(h.kind, METHOD_OTHER);
	assert_int_equal(parse(CLIENT, "HEAD / HTTP/1.0\r\n\r\n").kind, METHOD_HEAD);
	assert_int_equal(parse(CLIENT, "CONNECT a:1 HTTP/1.0\r\n\r\n").kind, METHOD_CONNECT);
	assert_int_equal(parse(CLIENT, "head / HTTP/1.0\r\n\r\n").kind, METHOD_OTHER);
	assert_text(parse(CLIENT, "M-SEARCH * HTTP/1.0\r\n\r\n").uri, "*");
	assert_text(parse(CLIENT, "GET http://a:81/x?y HTTP/1.0\r\n\r\n").uri, "http://a:81/x?y");
	assert_text(parse(CLIENT, "GET /\xc3\xa9\xff HTTP/1.0\r\n\r\n").uri, "/\xc3\xa9\xff");
}

static void test_request_line(void **)
{
	static const char *const bad[] = {
		"GET\r\n\r\n",
		"GET /\r\n\r\n",
		" GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/.1\r\n\r\n",
		"GET / http/1.1\r\n\r\n",
		"GET / HTTP/1.\r\n\r\n",
		"GET / HTTP/1.1x\r\n\r\n",
		"GET HTTP/1.1\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"G(T / HTTP/1.1\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"\r\n",
		"\n",
		"",
		"GET / HTTP/1.1",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n\r\n",
	};
	struct http1_head h;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(http1_head_parse(at_guard(bad[i], strlen(bad[i])), CLIENT, 9, &h));
	h = parse(CLIENT, "GET  /a b \tHTTP/1.0 \r\n\r\n");
	assert_text(h.uri, "/a b");
	assert_int_equal(h.anomalies, ANOMALY_BIT(BAD_REQUEST_LINE));
	assert_int_equal(anomalies(CLIENT, "GET /a\tb HTTP/1.0\r\n\r\n"),
			 ANOMALY_BIT(BAD_REQUEST_LINE));
	assert_int_equal(anomalies(CLIENT, "GET /\x01 HTTP/1.0\r\n\r\n"),
			 ANOMALY_BIT(BAD_REQUEST_LINE) | ANOMALY_BIT(BAD_HEADER_VALUE));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.7\r\nHost: a\r\n\r\n"),
			 ANOMALY_BIT(BAD_VERSION));
	h = parse(CLIENT, "GET / HTTP/1.10\r\nHost: a\r\n\r\n");
	assert_int_equal(h.anomalies, ANOMALY_BIT(BAD_VERSION));
	assert_int_equal(h.version_minor, 10);
	assert_text(h.uri, "/");
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
			 ANOMALY_BIT(BAD_VERSION));
}

// Without a valid version: the method is one everybody knows, and a host is named.
static void test_no_version(void **)
{
	static const struct {
		const char *line, *method, *uri; // method NULL: no request
	} cases[] = {
		{"GET /old", "GET", "/old"},
		{"GET /HTTP/1.1", "GET", "/HTTP/1.1"},
		{"GET / HTTP/1.", "GET", "/"},
		{"GET / HTTP/1.1x", "GET", "/"},
		{"GET /a b HTTP/", "GET", "/a b"},
		{"GET /a b c", "GET", "/a b c"},
		{"OPTIONS HTTP/1.1", "OPTIONS", "HTTP/1.1"},
		{"OPTIONS", "OPTIONS", ""},
		{"OPTIONS *", "OPTIONS", "*"},
		{"GET http://a/b", "GET", "http://a/b"},
		{"CCM_POST /old", NULL, NULL},
		{"get /old", NULL, NULL},
		{"GET key", NULL, NULL},
		{"GET/ HTTP/1.1", NULL, NULL},
		{"OPTIONS rtsp://a/b RTSP/1.0", NULL, NULL},
		{"OPTIONS /b RTSP/1.0", NULL, NULL},
		{"OPTIONS sip:a@b SIP/2.0", NULL, NULL},
		{"OPTIONS * ICAP/1.0", NULL, NULL},
		{"GET / http/1.1", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http1_head h;
		char text[256];
		size_t n = (size_t)sprintf(text, "%s\nHost: a\n\n", cases[i].line);
		bool ok = http1_head_parse(at_guard(text, n), CLIENT, 9, &h);

		if (ok != (cases[i].method != NULL))
			fail_msg("%s", text);
		assert_int_equal(http1_head_detect(at_guard(text, n), CLIENT),
				 ok ? PROBE_CERTAIN : PROBE_NO);
		if (!ok)
			continue;
		assert_text(h.method, cases[i].method);
		assert_text(h.uri, cases[i].uri);
		assert_true(h.no_version);
		assert_int_equal(h.version_major + h.version_minor, 0);
		assert_int_equal(h.anomalies & ~ANOMALY_BIT(BARE_LF), ANOMALY_BIT(BAD_VERSION));
		// Nothing but the line, or a head that is not whole, is none.
		assert_false(http1_head_parse(at_guard(text, n - 1), CLIENT, 9, &h));
		n = (size_t)sprintf(text, "%s\nHosts: a\n\n", cases[i].line);
		assert_false(http1_head_parse(at_guard(text, n), CLIENT, 9, &h));
	}
}

static void test_status_line(void **)
{
	static const char *const bad[] = {
		"HTTP/1.1 x00 OK\r\n\r\n",  "HTTP/1.1 \r\n\r\n",       "HTTP/1.1 OK\r\n\r\n",
		"HTTP/1.1\r\n\r\n",         "HTTP/1.12000 OK\r\n\r\n", "HTTP/1.1 -1 OK\r\n\r\n",
		"ICY 200 OK\r\n\r\n",       "HTTP/ 200 OK\r\n\r\n",    "HTTP/x 200 OK\r\n\r\n",
		"http/1.1 200 OK\r\n\r\n",  "HTTP 200 OK\r\n\r\n",     " HTTP/1.1 200 OK\r\n\r\n",
	};
	// As by those that read a number up to its end, and any version.
	static const struct {
		const char *text;
		uint16_t status;
		bool no_version;
	} odd[] = {
		{"HTTP/1.1 20\r\n\r\n", 20, false},
		{"HTTP/1.1 2x0 OK\r\n\r\n", 2, false},
		{"HTTP/1.1 2XX OK\r\n\r\n", 2, false},
		{"HTTP/1.1 099 OK\r\n\r\n", 99, false},
		{"HTTP/1.1 0200 OK\r\n\r\n", 200, false},
		{"HTTP/1.1 2\r\n\r\n", 2, false},
		{"HTTP/1.1 000 OK\r\n\r\n", 0, false},
		{"HTTP/1.1 0\r\n\r\n", 0, false},
		{"HTTP/1.1 2000 OK\r\n\r\n", 200, false},
		{"HTTP/1.1 00404999999999 OK\r\n\r\n", 404, false},
		{"HTTP/1.1 \t200 OK\r\n\r\n", 200, false},
		{"HTTP/1.1000 200 OK\r\n\r\n", 200, true},
		{"HTTP/1 200 OK\r\n\r\n", 200, true},
		{"HTTP/1.1x 404 OK\r\n\r\n", 404, true},
	};
	struct http1_head h;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(http1_head_parse(at_guard(bad[i], strlen(bad[i])), SERVER, 9, &h));
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		h = parse(SERVER, odd[i].text);
		assert_int_equal(h.status, odd[i].status);
		assert_int_equal(h.no_version, odd[i].no_version);
		assert_int_equal(h.version_major, odd[i].no_version ? 0 : 1);
		assert_true(h.anomalies &
			    (ANOMALY_BIT(BAD_STATUS_LINE) | ANOMALY_BIT(BAD_VERSION)));
	}
	assert_true(http1_head_parse(AT_GUARD("HTTP/1\0.1 2\00000 OK\r\n\r\n"), SERVER, 9, &h));
	assert_int_equal(h.status, 2);
	h = parse(SERVER, "HTTP/1.0 404 Not Found\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\n");
	assert_int_equal(h.status, 404);
	assert_int_equal(h.version_minor, 0);
	assert_int_equal(h.n_set_cookies, 2);
	assert_text(h.header[HEADER_SET_COOKIE], "a=1");
	assert_int_equal(h.anomalies, 0);
	assert_int_equal(anomalies(SERVER, "HTTP/1.1 200\r\n\r\n"), 0);
	assert_int_equal(anomalies(SERVER, "HTTP/1.1 200 \r\n\r\n"), 0);
	assert_int_equal(anomalies(SERVER, "HTTP/1.1  200 OK\r\n\r\n"),
			 ANOMALY_BIT(BAD_STATUS_LINE));
	assert_int_equal(anomalies(SERVER, "HTTP/1.1 200OK\r\n\r\n"), ANOMALY_BIT(BAD_STATUS_LINE));
	h = parse(SERVER, "HTTP/999.01 200 OK\r\n\r\n");
	assert_int_equal(h.anomalies, ANOMALY_BIT(BAD_VERSION));
	assert_int_equal(h.version_major, 255);
	assert_int_equal(anomalies(SERVER, "HTTP/1.1 777 OK\r\n\r\n"),
			 ANOMALY_BIT(BAD_STATUS_LINE));
}

static void test_probe(void **)
{
	static const struct {
		enum dir dir;
		enum probe probe;
		const char *text;
	} cases[] = {
		{CLIENT, PROBE_CERTAIN, "GET / HTTP/1.1\r\n"},
		{CLIENT, PROBE_CERTAIN, "\r\nQUERY /a%20b HTTP/1.0\n"},
		{CLIENT, PROBE_CERTAIN, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03"},
		{CLIENT, PROBE_NO, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{CLIENT, PROBE_NO, "GET /old\r\n"},
		{CLIENT, PROBE_NO, "GET  / HTTP/1.1\r\n"},
		{CLIENT, PROBE_NO, "GET / HTTP/1.1x"},
		{CLIENT, PROBE_NO, "GET /\t HTTP/1.1"},
		{CLIENT, PROBE_NO, "HTTP/1.1 200 OK\r\n"},
		{CLIENT, PROBE_NO, "\x16\x03\x01"},
		{CLIENT, PROBE_NO, "SSH-2.0-OpenSSH_9\r\n"},
		{CLIENT, PROBE_NO, "HELO mail.example HELO\r\n"},
		{CLIENT, PROBE_NO, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGH"},
		{SERVER, PROBE_CERTAIN, "HTTP/1.1 200 OK\r\n"},
		{SERVER, PROBE_CERTAIN, "HTTP/1.0 404\r\n"},
		{SERVER, PROBE_NO, "HTTP/1.1 600 OK\r\n"},
		{SERVER, PROBE_NO, "HTTP/2 200 OK\r\n"},
		{SERVER, PROBE_NO, "GET / HTTP/1.1\r\n"},
		{SERVER, PROBE_NO, "220 smtp ready\r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);
		bool certain = false;

		assert_int_equal(http1_head_probe(at_guard(cases[i].text, len), cases[i].dir),
				 cases[i].probe);
		// With fewer bytes the answer is the same or not yet known.
		for (size_t n = 0; n < len; n++) {
			enum probe p = http1_head_probe(at_guard(cases[i].text, n), cases[i].dir);

			assert_true(p == PROBE_UNSURE || p == cases[i].probe);
			assert_false(certain && p == PROBE_UNSURE);
			certain |= p == PROBE_CERTAIN;
		}
	}
	// More is recognised where a connection begins.
	static const struct {
		enum probe probe;
		const char *text;
	} detected[] = {
		{PROBE_CERTAIN, "GET / HTTP/1.1\r\n"},
		{PROBE_CERTAIN, "GET /a b HTTP/1.1\r\n"},
		{PROBE_CERTAIN, "\r\nGET  / HTTP/1.1\r\n"},
		{PROBE_CERTAIN, "GET /old\r\n"},
		{PROBE_CERTAIN, "OPTIONS\n"},
		{PROBE_NO, "GET key\r\n"},
		{PROBE_NO, "GET/ HTTP/1.1\r\n"},
		{PROBE_NO, "GET /\x01 HTTP/1.1\r\n"},
		{PROBE_NO, "OPTIONS sip:a SIP/2.0\r\n"},
		{PROBE_CERTAIN, "ODD /a b HTTP/1.1\r\n"},
		{PROBE_CERTAIN, "ODD_CALL /HTTP/1.1\n"},
		{PROBE_CERTAIN, "ODD / HTTP/1.\n"},
		{PROBE_NO, "ODD /a b\r\n"},
		{PROBE_NO, "Odd /HTTP/1.1\r\n"},
		{PROBE_NO, "HELO client.example\r\n"},
		{PROBE_NO, "220 mail.example ESMTP\r\n"},
	};

	for (size_t i = 0; i < sizeof(detected) / sizeof(detected[0]); i++) {
		size_t len = strlen(detected[i].text);

		assert_int_equal(http1_head_detect(at_guard(detected[i].text, len), CLIENT),
				 detected[i].probe);
		for (size_t n = 0; n < len; n++) {
			enum probe p = http1_head_detect(at_guard(detected[i].text, n), CLIENT);

			assert_true(p == PROBE_UNSURE || p == detected[i].probe);
		}
	}
	assert_int_equal(http1_head_detect(AT_GUARD("HTTP/1.1 600 OK\r\n"), SERVER), PROBE_NO);
	assert_true(http1_head_plausible(AT_GUARD("GET \t"), CLIENT));
	assert_true(http1_head_plausible(AT_GUARD("GET\r"), CLIENT));
	assert_true(http1_head_plausible(AT_GUARD("PROPF"), CLIENT));
	assert_false(http1_head_plausible(AT_GUARD("GET/"), CLIENT));
	assert_true(http1_head_plausible(AT_GUARD("HTT"), SERVER));
	assert_true(http1_head_plausible(AT_GUARD("HTTP/2"), SERVER));
	assert_false(http1_head_plausible(AT_GUARD("HTTQ"), SERVER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),    cmocka_unit_test(test_request_line),
		cmocka_unit_test(test_no_version), cmocka_unit_test(test_status_line),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
