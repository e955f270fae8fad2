// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Messages that one receiver on the way ends elsewhere than the next one does. Each is read as
// RFC 9112 says, or not at all, and each is marked: the mark is what a detector goes by.

#include "tests/unit/http1_harness.h"

#define POST(fields, body) "POST /a HTTP/1.1\r\nHost: h\r\n" fields "\r\n" body GET("/next")

struct payload {
	const char *bytes;
	const char *mark; // that must be there; NULL: all of them read it alike
	bool next;        // the request behind it must be found
};

// clang-format off
static const struct payload requests[] = {
	// Two lengths, or one that numbers are read from in more than one way.
	{POST("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "duplicate_content_length", true},
	{POST("Content-Length: 3, 3\r\n", "abc"), "duplicate_content_length", true},
	{POST("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), "conflicting_content_length", false},
	{POST("Content-Length: 3,4\r\n", "abc"), "conflicting_content_length", false},
	{POST("Content-Length: +3\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: -3\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: 0x3\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: 3_0\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: 3 0\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: 3.0\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: 3e0\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: \"3\"\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: ,3\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: \r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: 18446744073709551619\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: \xc2\xb2\r\n", "abc"), "bad_content_length", false},
	{POST("Content-Length: 3\r\n 4\r\n", "abc"), "obs_fold", false},
	{POST("Content-Length : 3\r\n", "abc"), "header_space", true},
	{POST("Content-Length\t: 3\r\n", "abc"), "header_space", true},
	{POST("Content-Length\x0b: 3\r\n", "abc"), "bad_header_", false},
	{POST(" Content-Length: 3\r\n", "abc"), "obs_fold", false},
	{POST("Content_Length: 3\r\n", ""), NULL, true},
	{POST("X: y\rContent-Length: 3\r\n", "abc"), "bare_cr", true},
	{POST("X: y\nContent-Length: 3\r\n", "abc"), "bare_lf", true},
	// Both framings, and codings that only some recognise.
	{POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "cl_and_te", true},
	{POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), "cl_and_te", true},
	{POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "duplicate_transfer_encoding", true},
	{POST("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), "unknown_transfer_encoding", true},
	{POST("Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), "cl_and_te", true},
	{POST("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), "unknown_transfer_encoding", false},
	{POST("Transfer-Encoding: chunked;a=b\r\n", "0\r\n\r\n"), "unknown_transfer_encoding", true},
	{POST("Transfer-Encoding:\x0b" "chunked\r\n", "0\r\n\r\n"), "unknown_transfer_encoding", false},
	{POST("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"), "unknown_transfer_encoding", true},
	{POST("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), "unknown_transfer_encoding", true},
	{POST("Transfer-Encoding: identity\r\nContent-Length: 3\r\n", "abc"), "cl_and_te", true},
	{POST("Transfer-Encoding: gzip\r\n", "abc"), "body_incomplete", false},
	{POST("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), "header_space", true},
	{POST("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), "obs_fold", true},
	{POST("Transfer-Encoding: chunk\r\n ed\r\n", "0\r\n\r\n"), "obs_fold", false},
	{POST("TRANSFER-encoding: cHuNkEd\r\n", "0\r\n\r\n"), NULL, true},
	// Chunks.
	{POST("Transfer-Encoding: chunked\r\n", "0x3\r\nabc\r\n0\r\n\r\n"), "bad_chunk", false},
	{POST("Transfer-Encoding: chunked\r\n", "+3\r\nabc\r\n0\r\n\r\n"), "bad_chunk", false},
	{POST("Transfer-Encoding: chunked\r\n", "-3\r\nabc\r\n0\r\n\r\n"), "bad_chunk", false},
	{POST("Transfer-Encoding: chunked\r\n", "3_0\r\nabc\r\n0\r\n\r\n"), "bad_chunk", true},
	{POST("Transfer-Encoding: chunked\r\n", " 3\r\nabc\r\n0\r\n\r\n"), "bad_chunk", true},
	{POST("Transfer-Encoding: chunked\r\n", "3 \r\nabc\r\n0\r\n\r\n"), NULL, true},
	{POST("Transfer-Encoding: chunked\r\n", "10000000000000003\r\nabc\r\n0\r\n\r\n"), "bad_chunk", false},
	{POST("Transfer-Encoding: chunked\r\n", "3;a=\nb\r\nabc\r\n0\r\n\r\n"), "bare_lf", false},
	{POST("Transfer-Encoding: chunked\r\n", "3;a\rb\r\nabc\r\n0\r\n\r\n"), "bare_cr", true},
	{POST("Transfer-Encoding: chunked\r\n", "3;a=b\r\nabc\r\n0\r\n\r\n"), "chunk_extension", true},
	{POST("Transfer-Encoding: chunked\r\n", "3\nabc\n0\n\n"), "bare_lf", true},
	{POST("Transfer-Encoding: chunked\r\n", "3\rabc\r\n0\r\n\r\n"), "bare_cr", false},
	{POST("Transfer-Encoding: chunked\r\n", "3\r\nabcd\r\n0\r\n\r\n"), "bad_chunk_end", false},
	{POST("Transfer-Encoding: chunked\r\n", "3\r\nabc0\r\n\r\n"), "bad_chunk_end", false},
	{POST("Transfer-Encoding: chunked\r\n", "\r\n3\r\nabc\r\n0\r\n\r\n"), "bad_chunk", false},
	{POST("Transfer-Encoding: chunked\r\n", "00000003\r\nabc\r\n0000\r\n\r\n"), NULL, true},
	{POST("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX: y\n\r\n"), "bare_lf", true},
	// Whose message it is.
	{"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/next"), "duplicate_host", true},
	{"GET /a HTTP/1.1\r\n\r\n" GET("/next"), "missing_host", true},
	{"GET /a HTTP/1.1\r\nHost: a\r\n b\r\n\r\n" GET("/next"), "obs_fold", true},
	{"GET /a HTTP/1.1\r\nHost : a\r\n\r\n" GET("/next"), "header_space", true},
	{"GET /a HTTP/1.1\r\nno colon\r\nHost: a\r\n\r\n" GET("/next"), "bad_header_line", true},
	{"GET /a HTTP/1.1\r\n: empty\r\nHost: a\r\n\r\n" GET("/next"), "bad_header_", true},
	{"GET /a HTTP/1.1\r\nHost: a\r\nX(y: z\r\n\r\n" GET("/next"), "bad_header_name", true},
	{"GET /a HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n" GET("/next"), "bad_header_value", true},
	{"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n" GET("/next"), "bad_request_line", true},
	{"GET\t/a HTTP/1.1\r\nHost: a\r\n\r\n" GET("/next"), "bad_request_line", true},
	{"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n" GET("/next"), "bad_request_line", true},
	{"GET /a HTTP/1.10\r\nHost: a\r\n\r\n" GET("/next"), "bad_version", true},
	{"GET /a HTTP/2.0\r\nHost: a\r\n\r\n" GET("/next"), "bad_version", true},
	{"GET /a HTTP/01.1\r\nHost: a\r\n\r\n" GET("/next"), "bad_version", true},
	{"\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n" GET("/next"), "leading_empty_lines", true},
	{"GET /a HTTP/1.1\nHost: a\n\n" GET("/next"), "bare_lf", true},
	{"POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/next"), "unknown_transfer_encoding", true},
	{"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET("/next"), NULL, true},
};
// clang-format on

static void check(const struct payload *p, size_t piece)
{
	size_t len = strlen(p->bytes);
	const char *mark;

	defaults();
	conn_open(false);
	for (size_t done = 0; done < len; done += piece)
		give(CLIENT, p->bytes + done, len - done < piece ? len - done : piece);
	conn_close(CLOSE_FIN);
	if (p->mark && !strstr(got, p->mark))
		fail_msg("no %s:\n%s\n%s", p->mark, p->bytes, got);
	mark = strchr(got, '+');
	if (!p->mark && (!mark || strncmp(mark, "+asymmetric", 11) != 0)) // nobody answers here
		fail_msg("marked:\n%s\n%s", p->bytes, got);
	if (p->next && !strstr(got, "\nGET /next"))
		fail_msg("the next one is lost:\n%s\n%s", p->bytes, got);
}

static void test_requests(void **)
{
	static const size_t pieces[] = {4096, 1, 7, 40};

	for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
		for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
			check(&requests[i], pieces[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_requests, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
