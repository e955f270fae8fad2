// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Heads without deviation: the short way says what the long one says, and the words of blocks what
// plain loops say.

#include "tests/unit/head_harness.h"

// The words of blocks say what plain loops say.
static void test_blocks(void **)
{
	uint32_t seed = 99;

	for (uint32_t round = 0; round < 2000; round++) {
		uint8_t bytes[BLOCK];

		for (uint32_t i = 0; i < BLOCK; i++) {
			seed = seed * 1103515245 + 12345;
			bytes[i] = seed >> 16 & 3 ? (uint8_t)(seed >> 20) : '\n';
		}
		struct span s = at_guard(bytes, sizeof(bytes));

		assert_true(block_lfs(s.p) == block_lfs_scalar(s.p));
		assert_true(block_others(s.p) == block_others_scalar(s.p));
	}
}

static uint32_t end_by_bytes(const uint8_t *p, uint32_t len, uint32_t from)
{
	for (uint32_t i = from; i < len; i++) {
		if (p[i] != '\n')
			continue;
		if (len - i > 1 && p[i + 1] == '\n')
			return i + 2;
		if (len - i > 2 && p[i + 1] == '\r' && p[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

// For every length around the blocks, place and start.
static void test_end_everywhere(void **)
{
	static const char *const ends[] = {"\n\n", "\n\r\n", "\r\n\r\n", "\nx\n", "\n\r\r\n"};

	for (uint32_t len = 4; len < 150; len++) {
		for (uint32_t at = 0; at + 4 <= len; at++) {
			for (uint32_t i = 0; i < 5; i++) {
				uint8_t bytes[150];

				memset(bytes, 'x', sizeof(bytes));
				memcpy(bytes + at, ends[i], strlen(ends[i]));
				struct span s = at_guard(bytes, len);

				for (uint32_t from = at > 2 ? at - 2 : 0; from < at + 4; from++)
					assert_int_equal(http1_text_end(s.p, len, from),
							 end_by_bytes(s.p, len, from));
				assert_int_equal(http1_text_end(s.p, len, 0),
						 end_by_bytes(s.p, len, 0));
			}
		}
	}
}

static void lines_are(struct span s)
{
	struct http1_lines got;
	uint32_t want[150], n = 0;
	bool plain = true;

	for (uint32_t i = 0; i < s.len && plain; i++) {
		if (s.p[i] == '\r' && i + 1 < s.len && s.p[i + 1] == '\n')
			want[n++] = i++;
		else
			plain = s.p[i] >= 0x20 && s.p[i] < 0x7f;
	}
	assert_int_equal(http1_text_lines(s, &got), plain && n <= HTTP1_LINES);
	if (!plain || n > HTTP1_LINES)
		return;
	assert_int_equal(got.n, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(got.end[i], want[i]);
}

static void test_plain_lines(void **)
{
	static const char odd[] = {0, '\t', '\r', '\n', 0x1f, 0x7f, (char)0x80, (char)0xff};
	uint8_t bytes[150];

	for (uint32_t len = 0; len < sizeof(bytes); len++) {
		memset(bytes, '~', sizeof(bytes));
		lines_are(at_guard(bytes, len));
		for (uint32_t at = 0; at + 2 <= len; at++) {
			memcpy(bytes + at, "\r\n", 2);
			lines_are(at_guard(bytes, len));
			memcpy(bytes + at, "~~", 2);
		}
		for (uint32_t i = 0; i < sizeof(odd) && len; i++) {
			bytes[len / 2] = (uint8_t)odd[i];
			lines_are(at_guard(bytes, len));
			bytes[len / 2] = '~';
		}
		for (uint32_t at = 0; at + 1 < len; at += 2)
			memcpy(bytes + at, "\r\n", 2);
		lines_are(at_guard(bytes, len));
	}
}

static void same_span(struct span a, struct span b)
{
	assert_ptr_equal(a.p, b.p);
	assert_int_equal(a.len, b.len);
}

// Of a head that is parsed as a plain one the other way says the same. True: it is.
static bool both_ways(struct span s, enum dir dir)
{
	struct http1_head a, b;
	bool whole;

	if (!parse_plain(s, dir, 9, &a))
		return false;
	assert_true(parse_any(s, dir, 9, &b, &whole));
	assert_true(whole);
	same_span(a.method, b.method);
	same_span(a.uri, b.uri);
	assert_int_equal(a.status, b.status);
	assert_int_equal(a.version_major, b.version_major);
	assert_int_equal(a.version_minor, b.version_minor);
	assert_int_equal(a.no_version, b.no_version);
	assert_int_equal(a.kind, b.kind);
	assert_int_equal(a.n_headers, b.n_headers);
	assert_int_equal(a.n_set_cookies, b.n_set_cookies);
	assert_int_equal(a.anomalies, b.anomalies);
	assert_int_equal(a.framing.content_length, b.framing.content_length);
	assert_int_equal(a.framing.length, b.framing.length);
	assert_int_equal(a.framing.bad_length, b.framing.bad_length);
	assert_int_equal(a.framing.codings, b.framing.codings);
	assert_int_equal(a.framing.coded, b.framing.coded);
	assert_int_equal(a.framing.chunked, b.framing.chunked);
	assert_int_equal(a.framing.unclear, b.framing.unclear);
	for (uint32_t i = 0; i < HEADER_N; i++)
		same_span(a.header[i], b.header[i]);
	return true;
}

// Heads made of usual parts, with a few that are not.
static void test_both_ways(void **)
{
	static const char *const starts[2][9] = {
		{"GET / HTTP/1.1", "POST /a?b=c HTTP/1.0", "HEAD * HTTP/1.1", "CONNECT h:1 HTTP/1.1",
		 "GET /a b HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.2", "GET /"},
		{"HTTP/1.1 200 OK", "HTTP/1.0 404", "HTTP/1.1 500 ", "HTTP/1.1 099 x",
		 "HTTP/1.1 2000", "HTTP/1.1  200", "HTTP/1.1 600 x", "HTTP/1.1 20", "HTTP/2.0 200"},
	};
	static const char *const fields[] = {
		"Host: a", "host:b", "Content-Length: 5", "Content-Length: 5,5", "Content-Length: x",
		"CONTENT-LENGTH:   7   ", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip",
		"Set-Cookie: a=b", "Cookie: c", "X-Api-Key: k", "Accept: */*", "X: ", "X:", "A b: c",
		": v", "nothing", " folded", "Tab:\tv", "High: \x80", "Bare: a\rb", "",
		"Authorization : x", "Proxy-Authorization: y",
	};
	uint32_t seed = 3, plain = 0;

	for (uint32_t round = 0; round < 40000; round++) {
		enum dir dir = round & 1;
		char text[600];

		seed = seed * 1103515245 + 12345;
		size_t n = (size_t)sprintf(text, "%s\r\n", starts[dir][(seed >> 16) % 9]);

		for (uint32_t i = round % 13; i; i--) {
			seed = seed * 1103515245 + 12345;
			uint32_t usual = seed >> 28 ? 14 : 24;

			n += (size_t)sprintf(text + n, "%s\r\n", fields[(seed >> 12) % usual]);
		}
		n += (size_t)sprintf(text + n, seed >> 20 & 15 ? "\r\n" : "\n");
		plain += both_ways(at_guard(text, n), dir);
	}
	assert_true(plain > 4000 && plain < 30000);
}

static void test_usual(void **)
{
	static const char text[] = "GET /a HTTP/1.1\r\nHost: b\r\n\r\n";
	struct http1_head h = parse(CLIENT, text);

	assert_text(h.uri, "/a");
	assert_text(h.header[HEADER_HOST], "b");
	assert_int_equal(anomalies(CLIENT, text), 0);
	assert_true(both_ways(AT_GUARD("GET /a HTTP/1.1\r\nHost: b\r\n\r\n"), CLIENT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_end_everywhere),
		cmocka_unit_test(test_plain_lines),
		cmocka_unit_test(test_both_ways),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
