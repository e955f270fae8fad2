// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The HTTP/1 parser and messages that only tolerant receivers understand. What they do is done, and
// marked; where they disagree nothing is claimed.

#include "tests/unit/http1_zoo.h"

// clang-format off
static const struct conversation odd[] = {
	{"response with a bad length", "GET /a [-] 200 [X4 okay +bad_content_length]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nContent-Length: 2;\r\n\r\nokay"), FIN}},
	{"response with a bad length, and the client goes on",
	 "GET /a [-] 200 [X! +bad_content_length +body_incomplete]\nGET /b [-] 200 [L2 ok] guess\n", false,
	 false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok"), C(GET("/b")), S(OK)}},
	{"response with a bad length, and more are expected",
	 "GET /a [-] 200 [X! +bad_content_length +body_incomplete]\nGET /b [-] 0 []\n", true, false,
	 {C(GET("/a") GET("/b")), S("HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok" OK)}},
	{"chunk sizes as strtoul() reads them", "GET /a [-] 200 [C6 abcdef +bad_chunk]\nGET /b [-] 200 [L2 "
						"ok]\n",
	 false, false,
	 {C(GET("/a")),
	  S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n \t\v1\r\na\r\n1x\r\nb\r\n1 2\r\nc"
	    "\r\n1,\r\nd\r\n1\f\r\ne\r\n\f01-\r\nf\r\n0 end\r\n\r\n"),
	  C(GET("/b")), S(OK)}},
	{"no chunk size at all", "GET /a [-] 200 [C! +bad_chunk +body_incomplete]\n", true, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n1\r\na\r\n0\r\n\r\n")}},
	{"a chunk size behind a CR", "GET /a [-] 200 [C! +bare_cr +bad_chunk +body_incomplete]\n", true, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r1\r\na\r\n0\r\n\r\n")}},
	{"chunked and something else", "GET /a [-] 200 [C1 a +unknown_transfer_encoding]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked x\r\n\r\n1\r\na\r\n0\r\n\r\n")}},
	{"bare CR", "GET /a [- +bare_cr] 200 [C1 a +bare_cr]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("GET /a HTTP/1.1\rHost: h\r\n\r\n"),
	  S("HTTP/1.1 200 OK\rA: b\r\nB: c\rTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
	  C(GET("/b")), S(OK)}},
	{"odd status lines",
	 "GET /a [-] 2 [L2 ok +bad_status_line]\nGET /b [-] 200 [L2 ok +bad_status_line +bad_version]\n", false,
	 false,
	 {C(GET("/a")), S("HTTP/1.0 2XX OK\r\nContent-Length: 2\r\n\r\nok"), C(GET("/b")),
	  S("HTTP/1 0200 OK\r\nContent-Length: 2\r\n\r\nok")}},
	{"status codes that are none",
	 "GET /a [-] 0 [L2 ok +bad_status_line]\nGET /b [-] 200 [L2 ok +bad_status_line]\n"
	 "GET /c [-] 204 [- +bad_status_line]\nGET /d [-] 200 [L2 ok]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok"), C(GET("/b")),
	  S("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"), C(GET("/c")),
	  S("HTTP/1.1 2045 OK\r\n\r\n"), C(GET("/d")), S(OK)}},
	{"requests without a version",
	 "GET /a [- +bad_version] 200 [L2 ok]\nPOST /b c [L2 {} +bad_version] 200 [L2 ok]\nOPTIONS  [- "
	 "+bad_version] 400 [L]\nGET /d [-] 200 [L2 ok]\n",
	 false, false,
	 {C("GET /a HTTP/1.\r\nHost: h\r\n\r\n"), S(OK),
	  C("POST /b c\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"), S(OK), C("OPTIONS\r\nHost: h\r\n\r\n"),
	  S("HTTP/1.0 400 Bad\r\nContent-Length: 0\r\n\r\n"), C(GET("/d")), S(OK)}},
	{"a target with blanks", "GET /a b [- +bad_request_line] 200 [L2 ok]\n", false, false,
	 {C("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"), S(OK)}},
	{"not credible either", "", true, true,
	 {C("GET /version\r\nHost: h\r\n\r\n"), C("GET /cr HTTP/1.1\rHost: h\r\n\r\n"),
	  S("HTTP/1.1 2xx OK\r\n\r\n"), S("HTTP/1.1 000 OK\r\n\r\n"),
	  S("HTTP/1.1 2000 OK\r\n\r\n"), S("HTTP/1 200 OK\r\n\r\n")}},
};
// clang-format on

static void test_odd_whole(void **)
{
	play_all(odd, sizeof(odd) / sizeof(odd[0]), ZOO_WHOLE);
}

static void test_odd_bytes(void **)
{
	play_all(odd, sizeof(odd) / sizeof(odd[0]), ZOO_BYTES);
}

static void test_odd_two_pieces(void **)
{
	play_all(odd, sizeof(odd) / sizeof(odd[0]), ZOO_TWO_PIECES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_odd_whole, fresh),
		cmocka_unit_test_setup(test_odd_bytes, fresh),
		cmocka_unit_test_setup(test_odd_two_pieces, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
