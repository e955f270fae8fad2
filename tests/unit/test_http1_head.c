// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Heads: lines, fields, framing.

#include "tests/unit/head_harness.h"

static void test_end(void **)
{
	static const struct {
		const char *text;
		uint32_t end;
	} cases[] = {
		{"", 0},
		{"GET / HTTP/1.1\r\n\r\n", 18},
		{"GET / HTTP/1.1\r\n\r\nrest\r\n\r\n", 18},
		{"GET / HTTP/1.1\n\nrest", 16},
		{"GET / HTTP/1.1\r\n\nrest", 17},
		{"GET / HTTP/1.1\n\r\nrest", 17},
		{"GET / HTTP/1.1\r\nA: b\r\n\r", 0},
		{"GET / HTTP/1.1\r\nA: b\r\n", 0},
		{"GET / HTTP/1.1\r\r\n\r\r\n", 0},
		{"\n\n", 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span s = at_guard(cases[i].text, strlen(cases[i].text));

		assert_int_equal(http1_head_end(s.p, s.len, 0), cases[i].end);
		// Resumed at any point the same end is found.
		for (uint32_t n = 0; n < cases[i].end; n++) {
			assert_int_equal(http1_head_end(s.p, n, 0), 0);
			assert_int_equal(http1_head_end(s.p, s.len, http1_head_resume(n)),
					 cases[i].end);
		}
	}
}

static void test_lines(void **)
{
	struct http1_head h;

	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\nHost: a\n\n"), ANOMALY_BIT(BARE_LF));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
			 ANOMALY_BIT(BARE_LF));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
			 ANOMALY_BIT(BARE_LF));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
			 ANOMALY_BIT(BARE_CR) | ANOMALY_BIT(BAD_HEADER_LINE));
	h = parse(CLIENT,
		  "GET / HTTP/1.1\r\nHost: a\r\nX: one\r\n two\r\n\tthree\r\nCookie: c\r\n\r\n");
	assert_int_equal(h.anomalies, ANOMALY_BIT(OBS_FOLD));
	assert_int_equal(h.n_headers, 3);
	assert_text(h.header[HEADER_COOKIE], "c");
	h = parse(SERVER, "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n");
	assert_true(h.framing.chunked);
	h = parse(CLIENT, "GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n");
	assert_int_equal(h.anomalies, ANOMALY_BIT(OBS_FOLD) | ANOMALY_BIT(BAD_HEADER_LINE));
	assert_text(h.header[HEADER_HOST], "b");
	h = parse(CLIENT, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n");
	assert_int_equal(h.anomalies, ANOMALY_BIT(SPACE_BEFORE_COLON));
	assert_int_equal(h.framing.content_length, 5);
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"),
			 ANOMALY_BIT(BAD_HEADER_LINE));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"),
			 ANOMALY_BIT(BAD_HEADER_NAME));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\r\nHost: a\r\nA B: x\r\n\r\n"),
			 ANOMALY_BIT(BAD_HEADER_NAME));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\r\nHost: a\r\nA: \x1b[m\x7f\r\n\r\n"),
			 ANOMALY_BIT(BAD_HEADER_VALUE));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.1\r\n\r\n"), ANOMALY_BIT(MISSING_HOST));
	assert_int_equal(anomalies(CLIENT, "GET / HTTP/1.0\r\n\r\n"), 0);
	h = parse(CLIENT, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
	assert_int_equal(h.anomalies, ANOMALY_BIT(DUPLICATE_HOST));
	assert_text(h.header[HEADER_HOST], "a");
}

static void test_nul(void **)
{
	const uint64_t bits = ANOMALY_BIT(NUL_IN_HEAD) | ANOMALY_BIT(BAD_HEADER_VALUE);
	struct http1_head h;

	assert_true(http1_head_parse(AT_GUARD("GET / HTTP/1.0\r\nA: x\0y\r\n\r\n"), CLIENT, 9, &h));
	assert_int_equal(h.anomalies, bits);
	// Behind a value it changes nothing, anywhere else it may.
	assert_true(http1_head_parse(
		AT_GUARD("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\0\0\r\n"
			 "Content-Type: \0a\r\nLocation: a\0b\r\nCookie:\0\r\n\r\n"),
		SERVER, 9, &h));
	assert_int_equal(h.anomalies, bits);
	assert_text(h.header[HEADER_CONTENT_ENCODING], "gzip");
	assert_int_equal(h.header[HEADER_CONTENT_TYPE].len, 2);
	assert_int_equal(h.header[HEADER_LOCATION].len, 3);
	assert_int_equal(h.header[HEADER_COOKIE].len, 0);
	assert_non_null(h.header[HEADER_COOKIE].p);
}

// A CR that no LF follows ends a line: of a header, of the start line, of a folded one.
static void test_bare_cr(void **)
{
	static const char text[] = "HTTP/1.1 200 OK\rA: 1\r\r\r\nLocation: /x\r\tfold\r"
				   "Transfer-Encoding: \r chunked\r\nB: 2\r\n\r\n";
	struct http1_head h = parse(SERVER, text);

	assert_int_equal(h.anomalies, ANOMALY_BIT(BARE_CR) | ANOMALY_BIT(OBS_FOLD));
	assert_int_equal(h.status, 200);
	assert_int_equal(h.n_headers, 4);
	assert_text(h.header[HEADER_LOCATION], "/x\r\tfold");
	assert_true(h.framing.chunked);
	// The kept head says the same.
	struct http_msg msg = {
		.head = (uint8_t *)(uintptr_t)text,
		.head_len = sizeof(text) - 1,
		.anomalies = h.anomalies,
	};
	struct span name, value;
	uint32_t pos = 0, n = 0;

	while (http_header_next(&msg, &pos, &name, &value))
		n++;
	assert_int_equal(n, 4);
	assert_text(http_header_find(&msg, SPAN_LIT("b")), "2");
	assert_text(http_header_find(&msg, SPAN_LIT("transfer-encoding")), "chunked");
	// Between the last LFs, and all by itself.
	h = parse(SERVER, "HTTP/1.1 200 OK\rContent-Length: 3\r\n\n");
	assert_int_equal(h.framing.content_length, 3);
	assert_int_equal(anomalies(SERVER, "HTTP/1.1 200 OK\r\r\n\r\n"), ANOMALY_BIT(BARE_CR));
	h = parse(CLIENT, "GET / HTTP/1.1\rHost: a\rCookie: b\n\n");
	assert_text(h.header[HEADER_HOST], "a");
	assert_text(h.header[HEADER_COOKIE], "b");
	// Linear, whatever the bytes between.
	static char many[100000];
	static const char *const fill[] = {"\r", "\rA", "\r ", "\r\t", "a\r"};

	for (uint32_t i = 0; i < sizeof(fill) / sizeof(fill[0]); i++) {
		uint32_t len = (uint32_t)sprintf(many, "HTTP/1.1 200 OK\r\nA: b\r\n");

		while (len < sizeof(many) - 8)
			len += (uint32_t)sprintf(many + len, "%s", fill[i]);
		len += (uint32_t)sprintf(many + len, "\n\r\n");
		assert_true(http1_head_parse(at_guard(many, len), SERVER, 9, &h));
		assert_true(h.anomalies & ANOMALY_BIT(BARE_CR));
	}
}

// What a cut head says is true: lines that are not whole say nothing.
static void test_every_cut(void **)
{
	static const char text[] = "PUT /path HTTP/1.1\r\nHost: name\r\nContent-Length: 1234\r\n"
				   "X-Fold: a\r\n b\r\nCookie: c=d\r\n\r\n";

	for (uint32_t n = 0; n < sizeof(text); n++) {
		struct http1_head h;
		struct span s = at_guard(text, n);
		bool ok = http1_head_parse(s, CLIENT, 9, &h);

		assert_int_equal(ok, n >= 20);
		if (!ok)
			continue;
		assert_text(h.uri, "/path");
		if (h.header[HEADER_HOST].p)
			assert_text(h.header[HEADER_HOST], "name");
		assert_int_equal(h.header[HEADER_HOST].p != NULL, n >= 32);
		assert_int_equal(h.framing.content_length, n >= 54 ? 1234 : UINT64_MAX);
		if (h.header[HEADER_COOKIE].p)
			assert_text(h.header[HEADER_COOKIE], "c=d");
		assert_false(h.anomalies & (ANOMALY_BIT(MISSING_HOST) | ANOMALY_BIT(BARE_CR)));
	}
}

static void test_known_names(void **)
{
	static const struct {
		const char *name;
		enum header header;
	} names[] = {
		{"Host", HEADER_HOST},
		{"Content-Type", HEADER_CONTENT_TYPE},
		{"Content-Length", HEADER_CONTENT_LENGTH},
		{"Content-Encoding", HEADER_CONTENT_ENCODING},
		{"Transfer-Encoding", HEADER_TRANSFER_ENCODING},
		{"Connection", HEADER_CONNECTION},
		{"Upgrade", HEADER_UPGRADE},
		{"Expect", HEADER_EXPECT},
		{"Authorization", HEADER_AUTHORIZATION},
		{"Proxy-Authorization", HEADER_PROXY_AUTHORIZATION},
		{"Cookie", HEADER_COOKIE},
		{"Set-Cookie", HEADER_SET_COOKIE},
		{"User-Agent", HEADER_USER_AGENT},
		{"Referer", HEADER_REFERER},
		{"Origin", HEADER_ORIGIN},
		{"X-Api-Key", HEADER_API_KEY},
		{"api-key", HEADER_API_KEY},
		{"ApiKey", HEADER_API_KEY},
		{"x-apikey", HEADER_API_KEY},
		{"X-Auth-Token", HEADER_API_KEY},
		{"X-Access-Token", HEADER_API_KEY},
		{"X-Forwarded-For", HEADER_X_FORWARDED_FOR},
		{"WWW-Authenticate", HEADER_WWW_AUTHENTICATE},
		{"Location", HEADER_LOCATION},
		{"grpc-encoding", HEADER_GRPC_ENCODING},
		{"Idempotency-Key", HEADER_IDEMPOTENCY_KEY},
		{"X-Idempotency-Key", HEADER_IDEMPOTENCY_KEY},
	};
	bool found[HEADER_N] = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i].name);
		char other[64];

		memcpy(other, names[i].name, n + 1);
		found[names[i].header] = true;
		assert_int_equal(http1_head_header(at_guard(other, n)), names[i].header);
		assert_int_equal(http1_head_header(at_guard(other, n - 1)), HEADER_N);
		for (size_t k = 0; k < n; k++) { // any other byte anywhere is another name
			char was = other[k];

			other[k] = was ^ 0x20;
			if (was == '-')
				assert_int_equal(http1_head_header(at_guard(other, n)), HEADER_N);
			else
				assert_int_equal(http1_head_header(at_guard(other, n)), names[i].header);
			other[k] = '_';
			assert_int_equal(http1_head_header(at_guard(other, n)), HEADER_N);
			other[k] = was;
		}
	}
	for (uint32_t i = 0; i < HEADER_N; i++)
		assert_true(found[i]);
}

static void test_anomaly_names(void **)
{
	assert_true(ANOMALY_N <= 64);
	for (uint32_t i = 0; i < ANOMALY_N; i++) {
		assert_true(strlen(http_anomaly_name(i)) > 3);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(http_anomaly_name(i), http_anomaly_name(k));
	}
	assert_string_equal(http_anomaly_name(ANOMALY_LENGTH_AND_CHUNKED), "http_cl_and_te");
	assert_string_equal(http_anomaly_name(ANOMALY_N), "?");
}

static void test_tokens(void **)
{
	for (uint32_t c = 0; c < 256; c++) {
		bool want = c && (strchr("!#$%&'*+-.^_`|~", (int)c) || (c >= '0' && c <= '9') ||
				  (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));

		assert_int_equal(is_token[c], want);
		// In a longer text, at every place.
		for (uint32_t at = 0; at < 40; at++) {
			uint8_t text[40];

			memset(text, 'x', sizeof(text));
			text[at] = (uint8_t)c;
			assert_int_equal(http1_text_token(span_make(text, 40), 40), want ? 40 : at);
			assert_int_equal(http1_text_token(span_make(text, 40), 18),
					 want || at > 18 ? 18 : at);
		}
	}
}

// The vector pass says what the plain loop says, for every length and position.
static void test_controls(void **)
{
	uint32_t seed = 12345;

	for (uint32_t len = 0; len < 70; len++) {
		for (uint32_t round = 0; round < 40; round++) {
			uint8_t bytes[70];
			struct http1_controls want = {0};

			for (uint32_t i = 0; i < len; i++) {
				seed = seed * 1103515245 + 12345;
				uint32_t r = seed >> 16;

				bytes[i] = r % 64 == 0   ? (uint8_t)(r >> 6)
					   : r % 64 == 1 ? '\r'
					   : r % 64 == 2 ? (uint8_t)((r >> 6) % 33)
							 : (uint8_t)(' ' + r % 94);
			}
			struct span s = at_guard(bytes, len);

			controls_scalar(s.p, s.len, &want);
			struct http1_controls got = http1_text_controls(s);

			assert_int_equal(got.crs, want.crs);
			assert_int_equal(got.nul, want.nul);
			assert_int_equal(got.others, want.others);
		}
	}
	static uint8_t crs[20011];

	memset(crs, '\r', sizeof(crs)); // more than a byte can count
	assert_int_equal(http1_text_controls(at_guard(crs, sizeof(crs))).crs, sizeof(crs));
	for (uint32_t c = 0; c < 256; c++) {
		uint8_t bytes[16];

		memset(bytes, (int)c, sizeof(bytes));
		struct http1_controls got = http1_text_controls(at_guard(bytes, 16));

		assert_int_equal(got.others, (c < 32 && c != 9 && c != 10 && c != 13) || c == 127);
		assert_int_equal(got.nul, c == 0);
		assert_int_equal(got.crs, c == 13 ? 16 : 0);
	}
}

struct framing_case {
	const char *fields;
	int request, response; // enum http_framing, -1: unknown
	uint64_t length;
	uint64_t anomalies;
};

#define DUP      ANOMALY_BIT(DUPLICATE_LENGTH)
#define CONFLICT ANOMALY_BIT(CONFLICTING_LENGTH)
#define BAD_CL   ANOMALY_BIT(BAD_LENGTH)
#define BOTH     ANOMALY_BIT(LENGTH_AND_CHUNKED)
#define BAD_TE   ANOMALY_BIT(BAD_TRANSFER_ENCODING)
#define DUP_TE   ANOMALY_BIT(DUPLICATE_TRANSFER_ENCODING)

static void test_framing(void **)
{
	static const struct framing_case cases[] = {
		{"", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, 0},
		{"Content-Length: 0\r\n", FRAMING_LENGTH, FRAMING_LENGTH, 0, 0},
		{"Content-Length: 11, 11\r\n", FRAMING_LENGTH, FRAMING_LENGTH, 11, DUP},
		{"Content-Length: 11\r\nContent-Length: 11\r\n", FRAMING_LENGTH, FRAMING_LENGTH, 11,
		 DUP},
		{"Content-Length: 11\r\nContent-Length: 5\r\n", FRAMING_LENGTH, FRAMING_LENGTH, 11,
		 DUP | CONFLICT},
		{"Content-Length: 11, 5\r\n", FRAMING_LENGTH, FRAMING_LENGTH, 11, DUP | CONFLICT},
		{"Content-Length: x\r\nContent-Length: 5\r\n", FRAMING_LENGTH, FRAMING_CLOSE, 5,
		 DUP | BAD_CL},
		{"Content-Length: 11,\r\n", FRAMING_LENGTH, FRAMING_CLOSE, 11, DUP | BAD_CL},
		{"Content-Length: , 11\r\n", FRAMING_LENGTH, FRAMING_CLOSE, 11, DUP | BAD_CL},
		{"Content-Length: 11;\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_CL},
		{"Content-Length: 11A\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_CL},
		{"Content-Length: +11\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_CL},
		{"Content-Length: -1\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_CL},
		{"Content-Length: 0x0b\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_CL},
		{"Content-Length: 1 1\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_CL},
		{"Content-Length: 1_000\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_CL},
		{"Content-Length:\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_CL},
		{"Content-Length: 99999999999999999999\r\n", FRAMING_NONE, FRAMING_CLOSE,
		 UINT64_MAX, BAD_CL},
		{"Content-Length: 18446744073709551616\r\n", FRAMING_NONE, FRAMING_CLOSE,
		 UINT64_MAX, BAD_CL},
		{"Transfer-Encoding: chunked\r\n", FRAMING_CHUNKED, FRAMING_CHUNKED, UINT64_MAX, 0},
		{"transfer-ENCODING:   Chunked  \r\n", FRAMING_CHUNKED, FRAMING_CHUNKED, UINT64_MAX,
		 0},
		{"Transfer-Encoding: gzip, chunked\r\n", FRAMING_CHUNKED, FRAMING_CHUNKED,
		 UINT64_MAX, 0},
		{"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", FRAMING_CHUNKED,
		 FRAMING_CHUNKED, UINT64_MAX, DUP_TE},
		{"Transfer-Encoding: chunked, gzip\r\n", -1, FRAMING_CLOSE, UINT64_MAX, BAD_TE},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", FRAMING_CHUNKED,
		 FRAMING_CHUNKED, UINT64_MAX, DUP_TE | BAD_TE},
		{"Transfer-Encoding: chunked;\r\n", FRAMING_CHUNKED, FRAMING_CHUNKED, UINT64_MAX,
		 BAD_TE},
		{"Transfer-Encoding: chunked x\r\n", FRAMING_CHUNKED, FRAMING_CHUNKED, UINT64_MAX,
		 BAD_TE},
		{"Transfer-Encoding: chunked ;q=1\r\n", FRAMING_CHUNKED, FRAMING_CHUNKED,
		 UINT64_MAX, BAD_TE},
		{"Transfer-Encoding: gzip;q=1, chunked,\r\n", FRAMING_CHUNKED, FRAMING_CHUNKED,
		 UINT64_MAX, 0},
		{"Transfer-Encoding: ;chunked\r\n", -1, FRAMING_CLOSE, UINT64_MAX, BAD_TE},
		{"Transfer-Encoding: x chunked\r\n", -1, FRAMING_CLOSE, UINT64_MAX, BAD_TE},
		{"Transfer-Encoding: xchunked\r\n", -1, FRAMING_CLOSE, UINT64_MAX, BAD_TE},
		{"Transfer-Encoding: \x0b"
		 "chunked\r\n",
		 -1, FRAMING_CLOSE, UINT64_MAX, BAD_TE | ANOMALY_BIT(BAD_HEADER_VALUE)},
		{"Transfer-Encoding: identity\r\nContent-Length: 3\r\n", FRAMING_LENGTH,
		 FRAMING_LENGTH, 3, BAD_TE | BOTH},
		{"Transfer-Encoding:\r\n", FRAMING_NONE, FRAMING_CLOSE, UINT64_MAX, BAD_TE},
		{"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", FRAMING_CHUNKED,
		 FRAMING_CHUNKED, 6, BOTH},
		{"Transfer-Encoding: xchunked\r\nContent-Length: 11\r\n", FRAMING_LENGTH,
		 FRAMING_CLOSE, 11, BAD_TE | BOTH},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct framing_case *c = &cases[i];
		struct http1_head h;
		enum http_framing how;
		char text[256];

		snprintf(text, sizeof(text), "PUT / HTTP/1.1\r\nHost: h\r\n%s\r\n", c->fields);
		h = parse(CLIENT, text);
		if (h.anomalies != c->anomalies || h.framing.content_length != c->length)
			fail_msg("%s", text);
		assert_int_equal(http1_framing_request(&h.framing, &how) ? (int)how : -1,
				 c->request);
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n", c->fields);
		h = parse(SERVER, text);
		assert_int_equal(http1_framing_response(&h.framing, false, &how) ? (int)how : -1,
				 c->response);
		assert_true(http1_framing_response(&h.framing, true, &how));
		assert_int_equal(how, FRAMING_NONE);
	}
}

static void test_framing_line(void **)
{
	struct http1_framing f = HTTP1_FRAMING_INIT;
	enum http_framing how;
	uint64_t found = 0;

	assert_false(
		http1_head_framing_line(&f, AT_GUARD("Host: content-length: 4"), false, &found));
	assert_false(http1_head_framing_line(&f, AT_GUARD(""), false, &found));
	assert_true(http1_head_framing_line(&f, AT_GUARD("content-length: 4"), false, &found));
	assert_true(http1_framing_request(&f, &how));
	assert_int_equal(how, FRAMING_LENGTH);
	assert_true(
		http1_head_framing_line(&f, AT_GUARD("Transfer-Encoding: chunked"), false, &found));
	assert_int_equal(found, BOTH);
	assert_true(http1_framing_response(&f, false, &how));
	assert_int_equal(how, FRAMING_CHUNKED);
	// A CR ends a line in it.
	f = HTTP1_FRAMING_INIT;
	assert_true(
		http1_head_framing_line(&f, AT_GUARD("A: b\rContent-Length: 7"), false, &found));
	assert_int_equal(f.content_length, 7);
	assert_false(http1_head_framing_line(&f, AT_GUARD("Transfer-Encoding: chunked\rA: b"), true,
					     &found));
	assert_true(f.chunked && !f.unclear);
	assert_false(http1_head_framing_line(&f, AT_GUARD("A: b\r c\r"), false, &found));
	assert_false(f.unclear);
	http1_head_framing_line(&f, AT_GUARD("Content-Length: 7\r 8"), false, &found);
	assert_true(f.unclear);
	f = HTTP1_FRAMING_INIT;
	assert_true(
		http1_head_framing_line(&f, AT_GUARD("Transfer-Encoding:      "), true, &found));
	assert_false(http1_framing_response(&f, false, &how));
	assert_false(http1_framing_request(&f, &how));
}

static void test_many_headers(void **)
{
	static char text[200000];
	size_t n = (size_t)sprintf(text, "GET / HTTP/1.1\r\n");
	struct http1_head h;

	for (uint32_t i = 0; i < 5000; i++)
		n += (size_t)sprintf(text + n, "X-%u: v\r\n", i);
	n += (size_t)sprintf(text + n, "Cookie: late\r\nHost: late\r\nContent-Length: 7\r\n\r\n");
	assert_true(http1_head_parse(at_guard(text, n), CLIENT, 256, &h));
	assert_int_equal(h.n_headers, 5003);
	assert_int_equal(h.anomalies, ANOMALY_BIT(TOO_MANY_HEADERS));
	assert_null(h.header[HEADER_COOKIE].p);
	assert_text(h.header[HEADER_HOST], "late");
	assert_int_equal(h.framing.content_length, 7);
}

static void test_kept_head(void **)
{
	char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX-One:  1 \r\nbroken\r\nX-Two: 2\r\n "
		      "3\r\nx-one: 4\r\n";
	struct http_msg msg = {.head = (uint8_t *)text, .head_len = sizeof(text) - 1};
	struct span name, value;
	uint32_t pos = 0, n = 0;

	while (http_header_next(&msg, &pos, &name, &value))
		n++;
	assert_int_equal(n, 4);
	assert_text(http_header_find(&msg, SPAN_LIT("x-ONE")), "1");
	assert_text(http_header_find(&msg, SPAN_LIT("x-two")), "2\r\n 3");
	assert_null(http_header_find(&msg, SPAN_LIT("x-on")).p);
	// A head that was cut inside a line: the line is not there.
	msg.head_len = (uint32_t)(strstr(text, "1 \r\n") - text + 2);
	assert_null(http_header_find(&msg, SPAN_LIT("x-one")).p);
	assert_text(http_header_find(&msg, SPAN_LIT("host")), "a");
	msg = (struct http_msg){0};
	assert_null(http_header_find(&msg, SPAN_LIT("host")).p);
}

// Whatever the bytes: no byte outside, and every span that is handed out lies inside.
static void test_hostile(void **)
{
	static const char *const parts[] = {
		"GET ",
		"/",
		" HTTP/1.1",
		"\r\n",
		"\n",
		"\r",
		" ",
		"\t",
		":",
		"Host",
		"Content-Length",
		"Transfer-Encoding",
		"chunked",
		",",
		"11",
		"-",
		"HTTP/1.1",
		"200",
		"\x80",
		"\x01",
		"A",
		";",
		"",
		"x: y\r\n",
	};
	uint32_t seed = 7;

	for (uint32_t round = 0; round < 60000; round++) {
		uint8_t bytes[256];
		uint32_t n = 0, max = round % 40;

		for (uint32_t i = 0; i < max; i++) {
			seed = seed * 1103515245 + 12345;
			uint32_t part = (seed >> 16) % (sizeof(parts) / sizeof(parts[0]));
			size_t len = strlen(parts[part]);

			if (i == 0 && round & 1)
				part = 0, len = 4;
			if (len == 0) { // a NUL
				part = 6, len = 1;
				bytes[n++] = 0;
				continue;
			}
			if (n + len > sizeof(bytes))
				break;
			memcpy(bytes + n, parts[part], len);
			n += (uint32_t)len;
		}
		struct span s = at_guard(bytes, n);
		struct http1_head h;

		for (uint32_t dir = 0; dir < 2; dir++) {
			http1_head_probe(s, dir);
			http1_head_detect(s, dir);
			if (!http1_head_parse(s, dir, 9, &h))
				continue;
			for (uint32_t i = 0; i < HEADER_N; i++) {
				struct span v = h.header[i];

				assert_true(!v.p || (v.p >= s.p && v.p <= s.p + s.len &&
						     v.len <= (size_t)(s.p + s.len - v.p)));
			}
			if (dir == CLIENT)
				assert_true((h.uri.len || h.no_version) && h.method.len &&
					    h.uri.p + h.uri.len <= s.p + s.len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),           cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nul),           cmocka_unit_test(test_bare_cr),
		cmocka_unit_test(test_every_cut),     cmocka_unit_test(test_known_names),
		cmocka_unit_test(test_anomaly_names), cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_controls),      cmocka_unit_test(test_framing),
		cmocka_unit_test(test_framing_line),  cmocka_unit_test(test_many_headers),
		cmocka_unit_test(test_kept_head),     cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
