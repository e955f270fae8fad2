// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The HTTP/1 parser as a whole: what is common, what is allowed, what is missing.

#include "tests/unit/http1_zoo.h"

// clang-format off
static const struct conversation zoo[] = {
	{"keep-alive", "GET /a [-] 200 [L2 ok]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C(GET("/a")), S(OK), C(GET("/b")), S(OK)}},
	{"pipeline", "GET /a [-] 200 [L1 1]\nGET /b [-] 200 [L1 2]\nPOST /c [L2 {}] 201 [L1 3]\n", false,
	 false,
	 {C(GET("/a") GET("/b") "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"),
	  S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"
	    "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n3")}},
	{"pipelined HEAD", "GET /a [-] 200 [L2 ok]\nHEAD /b [-] 200 [-]\nGET /c [-] 200 [L2 ok]\n", false,
	 false,
	 {C(GET("/a") "HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n" GET("/c")),
	  S(OK "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" OK)}},
	{"chunked both ways",
	 "POST /a [C11 hello world +chunk_extension] 200 [C3 abc]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "0005;x=\"a;b\\\"c\"\r\nhello\r\n6 \r\n world\r\n000;y\r\nX-Sum: 1\r\nX-Sig: 2\r\n\r\n"),
	  S("HTTP/1.1 200 OK\r\ntransfer-ENCODING:   Chunked  \r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n"
	    "0\r\n\r\n"),
	  C(GET("/b")), S(OK)}},
	{"nothing missing but the end of the trailer", "GET /a [-] 200 [C1 a]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx"), RST}},
	{"odd versions", "GET /a [- +bad_version] 200 [L2 ok +bad_version]\nGET /b [-] 200 [L2 ok]\n", false,
	 false,
	 {C("GET /a HTTP/2.0\r\nHost: h\r\n\r\n"), S("HTTP/1.01 200 OK\r\nContent-Length: 2\r\n\r\nok"),
	  C(GET("/b")), S(OK)}},
	{"empty chunked body", "GET /a [-] 200 [C0 ]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")}},
	{"no body by status", "DELETE /a [-] 204 [-]\nGET /b [-] 304 [-]\nGET /c [-] 200 [L2 ok]\n", false,
	 false,
	 {C("DELETE /a HTTP/1.1\r\nHost: h\r\n\r\n"), S("HTTP/1.1 204 No Content\r\n\r\n"), C(GET("/b")),
	  S("HTTP/1.1 304 Not Modified\r\nContent-Length: 777\r\n\r\n"), C(GET("/c")), S(OK)}},
	{"204 with a length", "GET /a [-] 204 [- +body_on_bodyless]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n")}},
	{"100-continue", "PUT /a [L5 hello] 201 [L2 ok]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
	  S("HTTP/1.1 100 Continue\r\n\r\n"), C("hello"),
	  S("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"), C(GET("/b")), S(OK)}},
	{"103 and 102", "GET /a [-] 200 [L2 ok]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C(GET("/a")),
	  S("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" OK),
	  C(GET("/b")), S(OK)}},
	{"Expect refused", "PUT /a [L! +body_incomplete] 417 [L1 e]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n"),
	  S("HTTP/1.1 417 No\r\nContent-Length: 1\r\n\r\ne"), C(GET("/b")), S(OK)}},
	{"Expect refused, body sent", "PUT /a [L! +body_incomplete] 401 [L]\nGET /b [-] 200 [L2 ok] guess\n",
	 true, false,
	 {C("PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
	  S("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), C("{xx:}"), C(GET("/b")), S(OK)}},
	{"Expect refused, connection ends", "PUT /a [L! +body_incomplete] 417 [L1 e]\n", false, false,
	 {C("PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n"),
	  S("HTTP/1.1 417 No\r\nContent-Length: 1\r\n\r\ne"), FIN}},
	{"Expect refused before the end of the head",
	 "PUT /a [L! cut +body_incomplete] 417 [L1 e]\nGET /b [-] 200 [L2 ok] guess\n", true, false,
	 {C("PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"),
	  S("HTTP/1.1 417 No\r\nContent-Length: 1\r\n\r\ne"),
	  C("Content-Length: 5\r\n\r\n{xx:}"), C(GET("/b")), S(OK)}},
	{"early response", "POST /a [L10 0123456789] 413 [L1 e]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n012"),
	  S("HTTP/1.1 413 Too Large\r\nContent-Length: 1\r\n\r\ne"), C("3456789"), C(GET("/b")), S(OK)}},
	{"until close", "GET /a [-] 200 [X9 some body]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.0 200 OK\r\n\r\nsome body"), FIN}},
	{"until close, empty", "GET /a [-] 200 [X0 ]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.0 200 OK\r\n\r\n"), FIN}},
	{"until close, reset", "GET /a [-] 200 [X! +body_incomplete]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.0 200 OK\r\n\r\nsome body"), RST}},
	{"length, reset", "GET /a [-] 200 [L! +body_incomplete]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsome body"), RST}},
	{"HTTP/1.0 keep-alive", "GET /a [-] 200 [L2 ok]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), S(OK), C("GET /b HTTP/1.0\r\n\r\n"), S(OK),
	  FIN}},
	{"bare LF", "GET /a [- +bare_lf] 200 [L2 ok +bare_lf]\n", false, false,
	 {C("GET /a HTTP/1.1\nHost: h\n\n"), S("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")}},
	{"bare LF in chunks", "POST /a [C3 abc +bare_lf] 200 [L2 ok]\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"), S(OK)}},
	{"obs-fold", "GET /a [- +obs_fold] 200 [L2 ok +obs_fold]\n", false, false,
	 {C("GET /a HTTP/1.1\r\nHost: h\r\nX: one\r\n two\r\n\tthree\r\n\r\n"),
	  S("HTTP/1.1 200 OK\r\nX: p\r\n q\r\nContent-Length: 2\r\n\r\nok")}},
	{"empty lines first", "GET /a [- +leading_empty_lines] 200 [L2 ok]\nGET /b [- +leading_empty_lines] "
			      "200 [L2 ok]\n",
	 false, false, {C("\r\n\r\n" GET("/a")), S(OK), C("\r\n" GET("/b")), S(OK)}},
	{"space before colon", "POST /a [L2 {} +header_space] 400 [L]\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length : 2\r\n\r\n{}"),
	  S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")}},
	{"no reason", "GET /a [-] 200 [L2 ok]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok")}},
	{"targets", "GET http://o:81/v?q=1 [-] 200 [L2 ok]\nOPTIONS * [-] 200 [L2 ok]\nPURGE /x [-] 200 [L2 "
		    "ok]\nQUERY /q [L2 {}] 200 [L2 ok]\n",
	 false, false,
	 {C(GET("http://o:81/v?q=1")), S(OK), C("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), S(OK),
	  C("PURGE /x HTTP/1.1\r\nHost: h\r\n\r\n"), S(OK),
	  C("QUERY /q HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"), S(OK)}},
	{"upgrade", "GET /ws [-] 101 [-]\n", false, false,
	 {C("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
	  S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"), C(GET("/no")),
	  S(OK)}},
	{"upgrade refused", "GET /ws [-] 403 [L]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n"),
	  S("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), C(GET("/b")), S(OK)}},
	{"CONNECT", "CONNECT a:443 [-] 200 [-]\n", false, false,
	 {C("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), S("HTTP/1.1 200 Established\r\n\r\n"),
	  C(GET("/no")), S(OK)}},
	{"CONNECT, hasty client", "CONNECT a:443 [-] 200 [-]\n", false, false,
	 {C("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" GET("/no")),
	  S("HTTP/1.1 200 Established\r\n\r\n" OK)}},
	{"CONNECT refused", "CONNECT a:443 [-] 407 [L1 e]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
	  S("HTTP/1.1 407 Auth\r\nContent-Length: 1\r\n\r\ne"), C(GET("/b")), S(OK)}},
	{"length and chunked", "POST /a [C0  +cl_and_te] 200 [L2 ok]\nGET /admin [-] 200 [L2 ok]\n", false,
	 false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 46\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "0\r\n\r\n" GET("/admin")),
	  S(OK OK)}},
	{"two lengths",
	 "POST /a [L4 {..} +duplicate_content_length +conflicting_content_length] 400 [L]\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 2\r\n\r\n{..}"),
	  S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"), FIN}},
	{"a length twice", "POST /a [L2 {} +duplicate_content_length] 200 [L2 ok]\nGET /b [-] 200 [L2 ok]\n",
	 false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2, 2\r\n\r\n{}"), S(OK), C(GET("/b")), S(OK)}},
	{"a coding nobody knows", "POST /a [L2 {} +cl_and_te +unknown_transfer_encoding] 501 [L]\n", false,
	 false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{}"),
	  S("HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n")}},
	{"a length that is none", "POST /a [- +bad_content_length] 400 [L]\n", true, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\n{}"),
	  S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")}},
	{"unclear request",
	 "POST /a [-! +unknown_transfer_encoding +body_incomplete] 501 [L]\nGET /b [-] 200 [L2 ok] guess\n",
	 true, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\nwhat ever"),
	  S("HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n"), C(GET("/b")), S(OK)}},
	{"chunk size too large", "POST /a [C! +bad_chunk +body_incomplete] 400 [L]\n", true, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\nabc"),
	  S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")}},
	{"chunk size too large by a little", "POST /a [C! +bad_chunk +body_incomplete] 400 [L]\n", true, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc"),
	  S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")}},
	{"chunk size that is none",
	 "POST /a [C! +bad_chunk +body_incomplete] 400 [L]\nGET /b [-] 200 [L2 ok] guess\n", true, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),
	  S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"), C(GET("/b")), S(OK)}},
	{"chunk without end", "POST /a [C! +bad_chunk_end +body_incomplete] 400 [L]\n", true, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n"),
	  S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")}},
	{"chunk extension with CR",
	 "POST /a [C3 abc +bare_cr +chunk_extension] 200 [L2 ok]\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a\rb\r\nabc\r\n0\r\n\r\n"),
	  S(OK)}},
	{"HTTP/0.9, empty line", "GET /old [-] 0 [X3 old]\n", true, false,
	 {C("GET /old\n\r\n"), S("old"), FIN}},
	{"HTTP/0.9?", "", true, false, {C("GET /old x\r\n"), S("old"), FIN}},
	{"HTTP/0.9, a status line", "", true, false, {C("GET /old\r\n"), S("HTTP is old"), FIN}},
	{"HTTP/0.9", "GET /old [-] 0 [X16 <html>old</html>]\n", true, false, {C("GET /old\r\n"), S("<html>old</html>"), FIN}},
	{"garbage", "", true, false, {C("\x01\x02\x03 nothing\r\n\r\n"), S("\xff\xfe\r\n\r\n")}},
	// The server may have answered the garbage: the next response may be that answer.
	{"garbage between", "GET /a [-] 200 [L2 ok]\nGET /b [-] 0 []\n  [] 200 [L2 ok]\nGET /c [-] 200 [L2 ok] "
			    "guess\n",
	 true, false,
	 {C(GET("/a")), S(OK), C("\x01\x02\x03 nothing\r\n"), C(GET("/b")), S(OK), C(GET("/c")), S(OK)}},
	{"two hosts", "GET /a [- +duplicate_host] 400 [L]\n", false, false,
	 {C("GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
	  S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")}},
	{"a response too many",
	 "GET /a [-] 200 [L2 ok]\n  [] 200 [L2 no +unsolicited_response]\nGET /b [-] 200 [L2 ok] guess\n",
	 false, false,
	 {C(GET("/a")), S(OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"), C(GET("/b")), S(OK)}},
	{"GET with a body", "GET /a [L2 {}] 200 [L2 ok]\n", false, false,
	 {C("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"), S(OK)}},
	{"no response", "GET /a [-] 0 []\nPOST /b [L! +body_incomplete] 0 []\n", false, false,
	 {C(GET("/a") "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"),
	  S("HTTP/1.1 100 Continue\r\n\r\n"), RST}},
	{"half a head", "POST /a [-! cut +body_incomplete] 0 []\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Le"), S("HTTP/1.1 100 Continue\r\n\r\n"), RST}},
	{"refused before the head was all there",
	 "POST /a [L2 {} cut] 431 [L]\nGET /b [-] 200 [L2 ok]\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nX-"), S("HTTP/1.1 431 No\r\nContent-Length: 0\r\n\r\n"),
	  C("Y: 1\r\nContent-Length: 2\r\n\r\n{}"), C(GET("/b")), S(OK)}},
	{"refused before the head was all there, connection ends",
	 "POST /a [-! cut +body_incomplete] 408 [L]\n", false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nX-"), S("HTTP/1.1 408 No\r\nContent-Length: 0\r\n\r\n"),
	  RST}},
	{"answered before the hole in the head is given up",
	 "POST /a [-! cut +tcp_gap +body_incomplete] 200 [L2 ok]\nGET /b [-] 200 [L2 ok] guess\n", true,
	 false, {C("POST /a HTTP/1.1\r\nHost: h\r\nX-"), S(OK), LOSE_C(50), C(GET("/b")), S(OK)}},
	{"half a start line", "", false, false,
	 {C("POST /a HTTP/1.1\r"), S("HTTP/1.1 100 Continue\r\n\r\n"), RST}},
	{"half a response head", "GET /a [-] 500 [-! cut +body_incomplete]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 500 Oops\r\nContent-Le"), RST}},
	{"client only", "GET /a [- +asymmetric] 0 []\nGET /b [- +asymmetric] 0 []\n", false, false,
	 {C(GET("/a")), C(GET("/b"))}},
	{"server only", "  [] 200 [L2 ok +asymmetric]\n  [] 200 [C1 a +asymmetric]\n  [] 404 [X3 HTT "
			"+asymmetric]\n",
	 false, false,
	 {S(OK), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
	  S("HTTP/1.0 404 No\r\n\r\nHTT"), FIN}},
	{"server only, HEAD",
	 "  [] 200 [- +asymmetric]\n  [] 200 [- +asymmetric]\n  [] 200 [C! +body_incomplete "
	 "+asymmetric]\n  [] 200 [L2 ok +asymmetric]\n",
	 false, false,
	 {S("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" OK)}},
	{"server only, short bodies like a status line",
	 "  [] 200 [L3 HTT +asymmetric]\n  [] 200 [L8 HTTP/2.0 +asymmetric]\n", false, false,
	 {S("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nHTT"),
	  S("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nHTTP/2.0")}},
	// Holes. The ends of messages are where they are: pieces do not matter.
	{"hole in a body", "POST /a [L! +tcp_gap +body_incomplete] 200 [L! +tcp_gap +body_incomplete]\nGET /b "
			   "[-] 200 [L2 ok]\n",
	 false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01"), LOSE_C(5), C("789"),
	  S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n0"), LOSE_S(8), C(GET("/b")), S(OK)}},
	{"hole to the end of a body", "POST /a [L! +tcp_gap +body_incomplete] 200 [L2 ok]\nGET /b [-] 200 [L2 "
				      "ok]\n",
	 false, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01"), LOSE_C(8), S(OK),
	  C(GET("/b")), S(OK)}},
	{"hole one byte beyond a body",
	 "POST /a [L! +tcp_gap +body_incomplete] 200 [L2 ok]\n  [] 200 [L2 ok]\nGET /c [-] 200 [L2 ok] guess\n",
	 true, false,
	 {C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01"), LOSE_C(9), S(OK),
	  C("ET /b HTTP/1.1\r\nHost: h\r\n\r\n"), S(OK), C(GET("/c")), S(OK)}},
	{"hole in a chunk", "GET /a [-] 200 [C! +tcp_gap +body_incomplete]\nGET /b [-] 200 [L2 ok]\n", false,
	 false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n0123456789"),
	  LOSE_S(10), S("\r\n0\r\n\r\n"), C(GET("/b")), S(OK)}},
	{"hole across chunks", "GET /a [-] 200 [C! +tcp_gap +body_incomplete]\nGET /b [-] 200 [L2 ok] guess\n",
	 true, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n0123456789"),
	  LOSE_S(12), S("3\r\nabc\r\n0\r\n\r\n"), C(GET("/b")), S(OK)}},
	{"hole until close", "GET /a [-] 200 [X! +tcp_gap +body_incomplete]\n", false, false,
	 {C(GET("/a")), S("HTTP/1.1 200 OK\r\n\r\n0123"), LOSE_S(10), S("45"), FIN}},
	{"hole in a head", "POST /a [-! cut +tcp_gap +body_incomplete] 200 [L2 ok]\nGET /b [-] 200 [L2 ok] "
			   "guess\n",
	 true, false,
	 {C("POST /a HTTP/1.1\r\nHost:"), LOSE_C(20), S(OK), C(GET("/b")), S(OK)}},
	{"hole in a start line", "  [] 200 [L2 ok]\nGET /b [-] 200 [L2 ok] guess\n", true, false,
	 {C("POST /a"), LOSE_C(20), S(OK), C(GET("/b")), S(OK)}},
	{"a response lost", "GET /a [-] 0 []\nGET /b [-] 200 [L2 ok] guess\nGET /c [-] 200 [L2 ok]\n", true,
	 false, {C(GET("/a")), LOSE_S(50), C(GET("/b")), S(OK), C(GET("/c")), S(OK)}},
	{"midstream", "GET /a [- +midstream] 200 [L2 ok] guess\nGET /b [-] 200 [L2 ok]\n", true, true,
	 {C(GET("/a")), S(OK), C(GET("/b")), S(OK)}},
	{"midstream in a body", "GET /a [- +midstream] 200 [L2 ok] guess\nGET /b [-] 200 [L2 ok]\n", true,
	 true, {S("tail of an older body\"}"), C(GET("/a")), S(OK), C(GET("/b")), S(OK)}},
	{"midstream, response to something older",
	 "  [ +midstream] 200 [L2 ok +asymmetric]\nGET /b [-] 200 [L2 ok] guess\n", true, true,
	 {S(OK), C(GET("/b")), S(OK)}},
	{"found behind an empty line", "GET /b [- +midstream] 200 [L2 ok] guess\n", true, true,
	 {S("rest of a chunk\r\n0\r\n\r\n"), C("X-Rest: of a head\r\n\r\n" GET("/b")), S(OK)}},
	{"a body ends like a request line begins", "GET /b [- +midstream] 200 [L2 ok] guess\n", true, true,
	 {C("some words"), C(GET("/b")), S(OK)}},
	{"a body ends like a method", "GET /b [- +midstream] 200 [L2 ok] guess\n", true, true,
	 {C("words"), C(GET("/b")), S(OK)}},
	{"two requests at once, hole in the first",
	 "GET /b [- +midstream] 0 []\n  [] 200 [L2 ok]\n  [] 200 [L2 ok]\n", true, true,
	 {C("GET /a HTTP/1.1\r\nHo"), LOSE_C(9), C(GET("/b")), S(OK), S(OK)}},
	{"quoted in a body", "", true, true,
	 {C("one\r\n\r\ntwo\r\n\r\n" GET("/quoted") "three"),
	  S("one\n\ntwo\n\n" OK)}},
	{"not credible", "", true, true,
	 {C("GET /no-host HTTP/1.1\r\nA: b\r\n\r\n"), C("GET /bare HTTP/1.1\nHost: h\n\n"),
	  C("GET /bad HTTP/1.1\r\nHost: h\r\nno header\r\n\r\n"), S("HTTP/1.1 200 OK\r\nno header\r\n\r\n")}},
};
// clang-format on

static void test_zoo_whole(void **)
{
	play_all(zoo, sizeof(zoo) / sizeof(zoo[0]), ZOO_WHOLE);
}

static void test_zoo_bytes(void **)
{
	play_all(zoo, sizeof(zoo) / sizeof(zoo[0]), ZOO_BYTES);
}

static void test_zoo_two_pieces(void **)
{
	play_all(zoo, sizeof(zoo) / sizeof(zoo[0]), ZOO_TWO_PIECES);
}

// ---- single matters

// A hole of no length: the stream goes on somewhere, but not here.
static void test_stream_jumps(void **)
{
	conn_open(false);
	give_text(CLIENT, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234");
	ctx.lossy[CLIENT] = true;
	assert_true(http1_parser.gap(&ctx, CLIENT, 0));
	give_text(CLIENT, "56789");
	give_text(CLIENT, GET("/b"));
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "POST /a [L! +tcp_gap +body_incomplete +asymmetric] 0 []\nGET /b "
				 "[- +asymmetric] 0 []\n");
}

static void test_facts(void **)
{
	conn_open(false);
	ctx.now_ns = 100;
	give_text(CLIENT, "POST /x?y=z HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\n");
	give_text(CLIENT, "Content-Length: 3\r\n\r\na");
	give_text(CLIENT, "bc");
	struct http_tx *tx = conn.pair.head;

	assert_non_null(tx);
	assert_int_equal(tx->index, 0);
	assert_int_equal(tx->msg[CLIENT].first_ns, 101);
	assert_int_equal(tx->msg[CLIENT].last_ns, 103);
	assert_int_equal(tx->msg[CLIENT].content_length, 3);
	assert_int_equal(tx->msg[CLIENT].n_headers, 3);
	assert_memory_equal(http_header(tx, CLIENT, HEADER_COOKIE).p, "a=b", 3);
	assert_memory_equal(tx->msg[CLIENT].head, "POST /x?y=z HTTP/1.1\r\nHost", 26);
	assert_int_equal(tx->msg[CLIENT].head_len, 65);
	assert_memory_equal(tx->msg[CLIENT].body, "abc", 3);
	assert_int_equal(tx->req_end_off, 68);
	assert_false(tx->msg[CLIENT].head_truncated);
	give_text(SERVER, "HTTP/1.0 200 OK\r\nSet-Cookie: s=1\r\nSet-Cookie: "
			  "t=2\r\nContent-Length: 5\r\n\r\n");
	tx = conn.side[SERVER].tx;
	assert_int_equal(tx->status, 200);
	assert_int_equal(tx->msg[SERVER].version_minor, 0);
	assert_int_equal(tx->msg[SERVER].n_set_cookies, 2);
	assert_int_equal(tx->msg[SERVER].first_ns, 104);
	give_text(SERVER, "hello");
	give_text(CLIENT, GET("/2"));
	assert_int_equal(conn.pair.head->index, 1);
	conn_close(CLOSE_FIN);
	assert_int_equal(env.stats.http_requests, 2);
	assert_int_equal(env.stats.http_responses, 1);
	assert_int_equal(env.stats.http_exchanges, 2);
	assert_int_equal(env.stats.http_no_response, 1);
	assert_int_equal(env.stats.http_no_request, 0);
}

static void test_no_sink(void **)
{
	struct event_sink sink = env.sink;

	env.sink = (struct event_sink){0};
	conn_open(false);
	give_text(CLIENT, GET("/"));
	give_text(SERVER, OK);
	conn_close(CLOSE_FIN);
	assert_int_equal(env.stats.http_exchanges, 1);
	env.sink = sink;
}

static void test_opaque(void **)
{
	conn_open(false);
	give_text(CLIENT, GET("/ws"));
	give_text(SERVER, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
	assert_false(alive);
	assert_string_equal(got, "GET /ws [-] 101 [-]\n"); // at once, not at the close
	assert_false(http1_parser.data(&ctx, CLIENT, SPAN_LIT("x")));
	assert_false(http1_parser.gap(&ctx, SERVER, 7));
	conn_close(CLOSE_FIN);
	assert_int_equal(env.stats.http_upgrades, 1);
	assert_int_equal(env.stats.http_exchanges, 1);
}

static void test_response_splitting(void **)
{
	conn_open(false);
	give_text(CLIENT, GET("/a"));
	give_text(SERVER, OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "GET /a [-] 200 [L2 ok +unsolicited_response]\n"
				 "  [] 200 [L2 no +unsolicited_response]\n");
}

// The answer is seen before the question (two mirror ports): wrong pairs must not come of it.
static void test_response_first(void **)
{
	conn_open(false);
	ctx.acked[CLIENT] = strlen(GET("/a"));
	give_text(SERVER, OK);
	ctx.acked[SERVER] = 0;
	delivered[SERVER] = 0; // the request was sent before
	give_text(CLIENT, GET("/a"));
	delivered[SERVER] = strlen(OK);
	give_text(CLIENT, GET("/b"));
	give_text(SERVER, OK);
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "  [] 200 [L2 ok +asymmetric]\nGET /a [-] 0 []\n"
				 "GET /b [-] 200 [L2 ok] guess\n");
}

static void test_pipeline_bound(void **)
{
	env.limits.pipeline = 2;
	conn_open(false);
	ctx.acked[CLIENT] = 1; // the server is there
	give_text(CLIENT,
		  GET("/0") GET("/1") GET("/2") "HEAD /3 HTTP/1.1\r\nHost: h\r\n\r\n" GET("/4"));
	ctx.acked[CLIENT] = delivered[CLIENT];
	assert_int_equal(env.tx.used, 2);
	assert_int_equal(env.stats.http_pipeline_full, 3);
	give_text(SERVER, OK OK OK "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" OK);
	give_text(CLIENT, GET("/5"));
	give_text(SERVER, OK);
	conn_close(CLOSE_FIN);
	assert_string_equal(
		got, "GET /0 [-] 200 [L2 ok]\nGET /1 [-] 200 [L2 ok]\nGET /5 [-] 200 [L2 ok]\n");
	assert_int_equal(env.stats.http_requests, 6);
	assert_int_equal(env.stats.http_responses, 6);
}

static void test_client_only(void **)
{
	env.limits.pipeline = 4;
	conn_open(false);
	for (uint32_t i = 0; i < 5; i++)
		give_text(CLIENT, GET("/a"));
	assert_int_equal(env.tx.used, 1); // the bound: what waited is reported
	ctx.now_ns += ONE_SIDED_NS;
	give_text(CLIENT, GET("/b"));
	give_text(CLIENT, GET("/c"));
	assert_int_equal(env.tx.used, 2); // a second without a sign of the server
	conn_close(CLOSE_TIMEOUT);
	assert_int_equal(env.stats.http_no_response, 7);
	assert_int_equal(env.stats.http_pipeline_full, 0);
}

static void test_pools_empty(void **)
{
	pools(1, 1, 1, 1);
	conn_open(false);
	give_text(CLIENT, GET("/0") GET("/1"));
	give_text(SERVER, OK OK);
	give_text(CLIENT, GET("/2"));
	give_text(SERVER, OK);
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "GET /0 [-] 200 [L2 ok]\nGET /2 [-] 200 [L2 ok]\n");
	assert_int_equal(env.stats.http_tx_pool_empty, 1);

	// No capture: followed, without any span.
	pools(4, 0, 1, 1);
	conn_open(false);
	give_text(CLIENT, "HEAD /0 HTTP/1.1\r\nHost: h\r\n\r\n");
	give_text(CLIENT, "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
	give_text(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" OK);
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "  [- cut] 200 [- cut]\n  [L2  cut] 200 [L2  cut]\n");

	// No block for heads that cross pieces: what is in the first one counts.
	pools(4, 4, 0, 0);
	conn_open(false);
	give_text(CLIENT, "GET /0 HTTP/1.1\r\nHost: h\r\nCook");
	give_text(CLIENT, "ie: a\r\n\r\n");
	give_text(SERVER, OK);
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "GET /0 [-! cut +body_incomplete] 200 [L2 ok]\n");

	// No body: nothing is claimed about it.
	bodies_refused = true;
	pools(4, 4, 1, 1);
	conn_open(false);
	give_text(CLIENT, GET("/0"));
	give_text(SERVER, OK);
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "GET /0 [-] 200 [L!]\n");
}

// A head too long: known facts are reported, the framing is found all the same.
static void test_head_too_long(void **)
{
	static const char *const framing[] = {
		"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
		"Content-Length: 4\r\n  1\r\n", "Transfer-Encoding:%300schunked\r\n"};
	static const char *const want[] = {"L5 hello", "C5 hello", "-!", "-!"};

	for (uint32_t piece = 1; piece <= 70000; piece = piece == 1 ? 1460 : piece * 4) {
		for (uint32_t k = 0; k < 4; k++) {
			size_t n = (size_t)sprintf(big, "POST /long HTTP/1.1\r\nHost: h\r\n");
			char line[512], expect[256];

			for (uint32_t i = 0; n < 70000; i++)
				n += (size_t)sprintf(big + n, "X-%u: some value\r\n", i);
			snprintf(line, sizeof(line), framing[k], "");
			n += (size_t)sprintf(big + n, "%sCookie: late\r\n\r\n%s", line,
					     k == 1 ? "5\r\nhello\r\n0\r\n\r\n" : "hello");
			if (piece == 1 && k > 1)
				continue;
			conn_open(false);
			env.stats.http_head_too_long = 0;
			for (size_t at = 0; at < n; at += piece)
				give(CLIENT, big + at, n - at < piece ? n - at : piece);
			give_text(SERVER, OK);
			conn_close(CLOSE_FIN);
			assert_int_equal(env.stats.http_head_too_long, 1);
			snprintf(expect, sizeof(expect),
				 "POST /long [%s cut +head_too_long +too_many_headers%s] 200 [L2 "
				 "ok]\n",
				 want[k], k > 1 ? " +body_incomplete" : "");
			assert_told(line, expect);
		}
	}
}

// Never-ending heads cost a block, not memory, and are reported at the close.
static void test_head_without_end(void **)
{
	conn_open(false);
	give_text(CLIENT, "GET /endless HTTP/1.1\r\nHost: h\r\nX: ");
	memset(big, 'x', 1460);
	for (uint32_t i = 0; i < 3000; i++)
		give(CLIENT, big, 1460);
	assert_int_equal(env.head64k.used + env.head4k.used, 1);
	give_text(SERVER, "HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n");
	conn_close(CLOSE_RST);
	assert_string_equal(got, "GET /endless [-! cut +head_too_long +body_incomplete] 431 [L]\n");
	// An endless start line is no request.
	conn_open(false);
	for (uint32_t i = 0; i < 100; i++)
		give(CLIENT, big, 1460);
	conn_close(CLOSE_RST);
	assert_string_equal(got, "");
}

// Only the beginning of a long head is captured; known fields further back are not missed.
static void test_capture_cut(void **)
{
	env.limits.capture_head = 512;
	pools(4, 4, 4, 4);
	size_t n = (size_t)sprintf(big, "POST /a HTTP/1.1\r\nHost: h\r\n");

	for (uint32_t i = 0; n < 3000; i++)
		n += (size_t)sprintf(big + n, "X-%u: some value\r\n", i);
	sprintf(big + n, "Content-Type: a/b\r\nContent-Length: 2\r\nCookie: %0400d\r\n\r\n{}", 7);
	conn_open(false);
	give_text(CLIENT, big);
	struct http_tx *tx = conn.pair.head;

	assert_true(tx->msg[CLIENT].head_truncated);
	assert_int_equal(tx->msg[CLIENT].head_len, 384);
	assert_memory_equal(http_header(tx, CLIENT, HEADER_CONTENT_TYPE).p, "a/b", 3);
	assert_memory_equal(http_header(tx, CLIENT, HEADER_HOST).p, "h", 1);
	assert_null(http_header(tx, CLIENT, HEADER_COOKIE).p);
	assert_null(http_header_find(&tx->msg[CLIENT], SPAN_LIT("Content-Type")).p);
	conn_close(CLOSE_FIN);
	// A target longer than the capture is cut.
	memset(big, 'u', 3000);
	memcpy(big, "GET /", 5);
	strcpy(big + 3000, " HTTP/1.1\r\nHost: h\r\n\r\n");
	conn_open(false);
	give_text(CLIENT, big);
	assert_int_equal(conn.pair.head->uri.len, 380);
	assert_memory_equal(http_header(conn.pair.head, CLIENT, HEADER_HOST).p, "h", 1);
	conn_close(CLOSE_FIN);
}

static void test_overlap_conflict(void **)
{
	conn_open(false);
	give_text(CLIENT, GET("/a"));
	ctx.anomalies = 1u << TCP_ANOMALY_OVERLAP;
	give_text(SERVER, OK);
	conn_close(CLOSE_FIN);
	assert_string_equal(got, "GET /a [- +tcp_overlap_conflict] 200 [L2 ok]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_zoo_whole, fresh),
		cmocka_unit_test_setup(test_zoo_bytes, fresh),
		cmocka_unit_test_setup(test_zoo_two_pieces, fresh),
		cmocka_unit_test_setup(test_stream_jumps, fresh),
		cmocka_unit_test_setup(test_facts, fresh),
		cmocka_unit_test_setup(test_no_sink, fresh),
		cmocka_unit_test_setup(test_opaque, fresh),
		cmocka_unit_test_setup(test_response_splitting, fresh),
		cmocka_unit_test_setup(test_response_first, fresh),
		cmocka_unit_test_setup(test_pipeline_bound, fresh),
		cmocka_unit_test_setup(test_client_only, fresh),
		cmocka_unit_test_setup(test_pools_empty, fresh),
		cmocka_unit_test_setup(test_head_too_long, fresh),
		cmocka_unit_test_setup(test_head_without_end, fresh),
		cmocka_unit_test_setup(test_capture_cut, fresh),
		cmocka_unit_test_setup(test_overlap_conflict, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
