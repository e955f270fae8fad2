// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Cases about messages: what RFC 9110 and 9112 allow, and what is seen in spite of them.

#include "tools/gen/gen_hard.h"

#include <string.h>

#define JSON_LINE "Content-Type: application/json\r\n"
#define RESPONSE  "HTTP/1.1 200 OK"

static const char ok_body[] = "{\"ok\":true}";

static void write_ok(struct hard *hard, const char *body)
{
	hard_write(hard, RESPONSE, JSON_LINE, body, strlen(body));
}

static void expect_rows(struct hard *hard, const char *uri, const char *coding)
{
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = uri,
						.status = 200,
						.response = hard_rows(hard),
						.response_coding = coding});
}

static void case_pipeline(struct hard *hard)
{
	static const char *const uris[] = {"/p/0", "/p/1", "/p/2", "/p/3", "/p/4"};
	static const char *const bodies[] = {"[0]", "[1]", "[2]", "[3]", "[4]"};

	hard_open(hard);
	for (uint32_t i = 0; i < 5; i++)
		gen_buffer_printf(&hard->message, "GET %s HTTP/1.1\r\nHost: " HARD_HOST "\r\n\r\n",
				  uris[i]);
	hard_flush(hard, GEN_CLIENT);
	for (uint32_t i = 0; i < 5; i++)
		write_ok(hard, bodies[i]);
	hard_flush(hard, GEN_SERVER);
	for (uint32_t i = 0; i < 5; i++)
		hard_expect(hard, &(struct hard_record){.method = "GET",
							.uri = uris[i],
							.status = 200,
							.response = hard_text(bodies[i])});
	hard_close(hard, GEN_CLIENT);
}

static void case_keep_alive(struct hard *hard)
{
	char uri[32];

	hard_open(hard);
	for (uint32_t i = 0; i < 25; i++) {
		snprintf(uri, sizeof(uri), "/keep/%u", i);
		hard_exchange(hard, uri);
	}
	hard_close(hard, GEN_CLIENT);
}

static void case_chunk_extensions(struct hard *hard)
{
	hard_open(hard);
	hard_get(hard, "/chunk/ext");
	hard_write(hard, RESPONSE, JSON_LINE "Transfer-Encoding: chunked\r\n", NULL, 0);
	gen_http_chunks(&hard->message, hard->rows.p, hard->rows.len, 300,
			";part=1;note=\"a;b\\\"c\"", "");
	hard_flush(hard, GEN_SERVER);
	expect_rows(hard, "/chunk/ext", NULL);
	hard_exchange(hard, "/chunk/ext-after");
	hard_close(hard, GEN_CLIENT);
}

static void case_chunk_trailers(struct hard *hard)
{
	hard_open(hard);
	hard_get(hard, "/chunk/trailers");
	hard_write(hard, RESPONSE,
		   JSON_LINE "Transfer-Encoding: chunked\r\nTrailer: X-Sum, X-Sign\r\n", NULL, 0);
	gen_http_chunks(&hard->message, hard->rows.p, hard->rows.len, 1000, "",
			"X-Sum: 4711\r\nX-Sign: none\r\n");
	hard_flush(hard, GEN_SERVER);
	expect_rows(hard, "/chunk/trailers", NULL);
	hard_exchange(hard, "/chunk/trailers-after");
	hard_close(hard, GEN_CLIENT);
}

static void case_chunk_request(struct hard *hard)
{
	hard_open(hard);
	hard_write(hard, "POST /chunk/request HTTP/1.1", JSON_LINE "Transfer-Encoding: chunked\r\n",
		   NULL, 0);
	gen_http_chunks(&hard->message, hard->rows.p, hard->rows.len, 77, "", "");
	hard_flush(hard, GEN_CLIENT);
	hard_ok(hard);
	hard_expect(hard, &(struct hard_record){.method = "POST",
						.uri = "/chunk/request",
						.status = 200,
						.request_type = HARD_JSON,
						.request = hard_rows(hard),
						.response = hard_text(ok_body)});
	hard_close(hard, GEN_CLIENT);
}

static void case_chunk_one_byte(struct hard *hard)
{
	hard_open(hard);
	hard_get(hard, "/chunk/one");
	hard_write(hard, RESPONSE, JSON_LINE "transfer-ENCODING:  Chunked \r\n", NULL, 0);
	gen_http_chunks(&hard->message, ok_body, sizeof(ok_body) - 1, 1, "", "");
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/chunk/one",
						.status = 200,
						.response = hard_text(ok_body)});
	hard_exchange(hard, "/chunk/one-after");
	hard_close(hard, GEN_CLIENT);
}

// The response to HEAD has the headers of a body and none.
static void case_head(struct hard *hard)
{
	hard_open(hard);
	hard_write(hard, "GET /head/0 HTTP/1.1", "", NULL, 0);
	hard_write(hard, "HEAD /head/1 HTTP/1.1", "", NULL, 0);
	hard_write(hard, "GET /head/2 HTTP/1.1", "", NULL, 0);
	hard_flush(hard, GEN_CLIENT);
	write_ok(hard, ok_body);
	hard_write(hard, RESPONSE, JSON_LINE "Content-Length: 5000\r\n", NULL, 0);
	hard_write(hard, RESPONSE, JSON_LINE, hard->rows.p, hard->rows.len);
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/head/0",
						.status = 200,
						.response = hard_text(ok_body)});
	hard_expect(hard, &(struct hard_record){.method = "HEAD",
						.uri = "/head/1",
						.status = 200,
						.response_type = HARD_JSON});
	expect_rows(hard, "/head/2", NULL);
	hard_close(hard, GEN_CLIENT);
}

static void case_continue(struct hard *hard)
{
	hard_open(hard);
	gen_buffer_printf(&hard->message,
			  "PUT /interim/continue HTTP/1.1\r\nHost: " HARD_HOST "\r\n" JSON_LINE
			  "Expect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
			  hard->rows.len);
	hard_flush(hard, GEN_CLIENT);
	hard_server(hard, "HTTP/1.1 100 Continue\r\n\r\n");
	gen_buffer_add(&hard->message, hard->rows.p, hard->rows.len);
	hard_flush(hard, GEN_CLIENT);
	hard_write(hard, "HTTP/1.1 201 Created", JSON_LINE, ok_body, sizeof(ok_body) - 1);
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "PUT",
						.uri = "/interim/continue",
						.status = 201,
						.request_type = HARD_JSON,
						.request = hard_rows(hard),
						.response = hard_text(ok_body)});
	hard_close(hard, GEN_CLIENT);
}

// The client asked, was refused, and never sends the body that it announced.
static void case_expect_refused(struct hard *hard)
{
	hard_open(hard);
	hard_client(hard, "PUT /interim/refused HTTP/1.1\r\nHost: " HARD_HOST "\r\n" JSON_LINE
			  "Expect: 100-continue\r\nContent-Length: 500\r\n\r\n");
	hard_write(hard, "HTTP/1.1 417 Expectation Failed", JSON_LINE "Connection: close\r\n",
		   "{\"error\":417}", 13);
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "PUT",
						.uri = "/interim/refused",
						.status = 417,
						.request_type = HARD_JSON,
						.request = hard_unknown(),
						.response = hard_text("{\"error\":417}")});
	hard_close(hard, GEN_SERVER);
}

static void case_early_hints(struct hard *hard)
{
	hard_open(hard);
	hard_get(hard, "/interim/hints");
	gen_buffer_text(&hard->message,
			"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
			"HTTP/1.1 102 Processing\r\n\r\n");
	hard_write(hard, RESPONSE, JSON_LINE, hard->rows.p, hard->rows.len);
	hard_flush(hard, GEN_SERVER);
	expect_rows(hard, "/interim/hints", NULL);
	hard_exchange(hard, "/interim/hints-after");
	hard_close(hard, GEN_CLIENT);
}

static void case_no_content(struct hard *hard)
{
	hard_open(hard);
	hard_write(hard, "DELETE /none/204 HTTP/1.1", "", NULL, 0);
	hard_flush(hard, GEN_CLIENT);
	hard_server(hard, "HTTP/1.1 204 No Content\r\n\r\n");
	hard_expect(hard,
		    &(struct hard_record){.method = "DELETE", .uri = "/none/204", .status = 204});
	hard_write(hard, "GET /none/304 HTTP/1.1", "If-None-Match: \"x\"\r\n", NULL, 0);
	hard_flush(hard, GEN_CLIENT);
	hard_server(hard,
		    "HTTP/1.1 304 Not Modified\r\nContent-Length: 777\r\nETag: \"x\"\r\n\r\n");
	hard_expect(hard,
		    &(struct hard_record){.method = "GET", .uri = "/none/304", .status = 304});
	hard_exchange(hard, "/none/after");
	hard_close(hard, GEN_CLIENT);
}

static void case_close_delimited(struct hard *hard)
{
	hard_open(hard);
	hard_get(hard, "/close/11");
	hard_write(hard, RESPONSE, JSON_LINE "Connection: close\r\n", NULL, 0);
	gen_buffer_add(&hard->message, hard->rows.p, hard->rows.len);
	hard_flush(hard, GEN_SERVER);
	expect_rows(hard, "/close/11", NULL);
	hard_close(hard, GEN_SERVER);
}

static void case_close_delimited_10(struct hard *hard)
{
	hard_open(hard);
	hard_write(hard, "GET /close/10 HTTP/1.0", "", NULL, 0);
	hard_flush(hard, GEN_CLIENT);
	hard_write(hard, "HTTP/1.0 200 OK", JSON_LINE, NULL, 0);
	gen_buffer_add(&hard->message, hard->rows.p, hard->rows.len);
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/close/10",
						.version = "HTTP/1.0",
						.status = 200,
						.response = hard_rows(hard)});
	hard_close(hard, GEN_SERVER);
}

static void case_keep_alive_10(struct hard *hard)
{
	static const char *const uris[] = {"/keep10/0", "/keep10/1"};

	hard_open(hard);
	for (uint32_t i = 0; i < 2; i++) {
		gen_buffer_printf(&hard->message,
				  "GET %s HTTP/1.0\r\nHost: " HARD_HOST
				  "\r\nConnection: keep-alive\r\n\r\n",
				  uris[i]);
		hard_flush(hard, GEN_CLIENT);
		hard_write(hard, "HTTP/1.0 200 OK", JSON_LINE "Connection: keep-alive\r\n", ok_body,
			   sizeof(ok_body) - 1);
		hard_flush(hard, GEN_SERVER);
		hard_expect(hard, &(struct hard_record){.method = "GET",
							.uri = uris[i],
							.version = "HTTP/1.0",
							.status = 200,
							.response = hard_text(ok_body)});
	}
	hard_close(hard, GEN_SERVER);
}

// The server resets the connection in the middle of a body.
static void case_reset_in_body(struct hard *hard)
{
	hard_open(hard);
	hard_get(hard, "/close/reset");
	hard_write(hard, RESPONSE, JSON_LINE "Content-Length: 99999\r\n", NULL, 0);
	gen_buffer_add(&hard->message, hard->rows.p, hard->rows.len);
	hard_flush(hard, GEN_SERVER);
	gen_conn_segment(hard->gen->pcap, &hard->conn, GEN_SERVER, hard->conn.sent[GEN_SERVER],
			 NULL, 0, GEN_TCP_RST | GEN_TCP_ACK);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/close/reset",
						.status = 200,
						.response_type = HARD_JSON,
						.response = hard_unknown(),
						.anomaly = "http_body_incomplete"});
}

static void case_obs_fold(struct hard *hard)
{
	hard_open(hard);
	hard_client(hard, "GET /head/fold HTTP/1.1\r\nHost: " HARD_HOST
			  "\r\nX-Note: one\r\n two\r\n\tthree\r\n\r\n");
	hard_write(hard, RESPONSE, JSON_LINE "X-Back: p\r\n q\r\n", ok_body, sizeof(ok_body) - 1);
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/head/fold",
						.status = 200,
						.response = hard_text(ok_body),
						.anomaly = "http_obs_fold"});
	hard_close(hard, GEN_CLIENT);
}

static const char upgrade_request[] =
	"GET /upgrade/feed HTTP/1.1\r\nHost: " HARD_HOST "\r\nUpgrade: websocket\r\n"
	"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	"Sec-WebSocket-Version: 13\r\n\r\n";

static void case_upgrade(struct hard *hard)
{
	// A masked text frame "hello", a text frame "hi" of the server, two close frames.
	uint8_t hello[11] = {0x81, 0x85, 1, 2, 3, 4};
	static const uint8_t hi[] = {0x81, 2, 'h', 'i'};
	static const uint8_t bye[] = {0x88, 0x80, 9, 9, 9, 9}, bye_back[] = {0x88, 0};

	hard_open(hard);
	hard_client(hard, upgrade_request);
	hard_server(hard, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			  "Connection: Upgrade\r\n"
			  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
	hard_expect(hard,
		    &(struct hard_record){.method = "GET", .uri = "/upgrade/feed", .status = 101});
	for (uint32_t i = 0; i < 5; i++)
		hello[6 + i] = (uint8_t)("hello"[i] ^ hello[2 + i % 4]);
	gen_buffer_add(&hard->message, hello, sizeof(hello));
	hard_flush(hard, GEN_CLIENT);
	gen_buffer_add(&hard->message, hi, sizeof(hi));
	hard_flush(hard, GEN_SERVER);
	gen_buffer_add(&hard->message, bye, sizeof(bye));
	hard_flush(hard, GEN_CLIENT);
	gen_buffer_add(&hard->message, bye_back, sizeof(bye_back));
	hard_flush(hard, GEN_SERVER);
	hard_close(hard, GEN_SERVER);
}

static void case_upgrade_refused(struct hard *hard)
{
	hard_open(hard);
	hard_client(hard, upgrade_request);
	hard_write(hard, "HTTP/1.1 403 Forbidden", JSON_LINE, "{\"error\":403}", 13);
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/upgrade/feed",
						.status = 403,
						.response = hard_text("{\"error\":403}")});
	hard_exchange(hard, "/upgrade/after");
	hard_close(hard, GEN_CLIENT);
}

static void case_connect(struct hard *hard)
{
	hard_open(hard);
	hard_client(hard, "CONNECT far.harborline.net:443 HTTP/1.1\r\n"
			  "Host: far.harborline.net:443\r\n\r\n");
	hard_server(hard, "HTTP/1.1 200 Connection established\r\n\r\n");
	hard_expect(hard, &(struct hard_record){.method = "CONNECT",
						.uri = "far.harborline.net:443",
						.host = "far.harborline.net:443",
						.status = 200});
	hard_client(hard, "\x05GET /inside/the/tunnel HTTP/9.9\r\n");
	hard_server(hard, "\x15\x03\x01");
	hard_close(hard, GEN_CLIENT);
}

// A tunnel in which HTTP is spoken.
static void case_connect_http(struct hard *hard)
{
	hard_open(hard);
	hard_client(hard, "CONNECT near.harborline.net:80 HTTP/1.1\r\n"
			  "Host: near.harborline.net:80\r\n\r\n");
	hard_server(hard, "HTTP/1.1 200 Connection established\r\n\r\n");
	hard_expect(hard, &(struct hard_record){.method = "CONNECT",
						.uri = "near.harborline.net:80",
						.host = "near.harborline.net:80",
						.status = 200});
	hard_client(hard, "GET /inside HTTP/1.1\r\nHost: near.harborline.net\r\n\r\n");
	hard_server(hard, "HTTP/1.1 204 No Content\r\n\r\n");
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/inside",
						.host = "near.harborline.net",
						.status = 204});
	hard_close(hard, GEN_CLIENT);
}

static void coded_response(struct hard *hard, const char *uri, const char *coding,
			   enum gen_coding how, size_t chunk)
{
	struct gen_buffer coded = {0};
	char headers[128];

	gen_http_encode(&coded, hard->rows.p, hard->rows.len, how);
	hard_open(hard);
	hard_get(hard, uri);
	snprintf(headers, sizeof(headers), JSON_LINE "Content-Encoding: %s\r\n%s", coding,
		 chunk ? "Transfer-Encoding: chunked\r\n" : "");
	hard_write(hard, RESPONSE, headers, chunk ? NULL : coded.p, coded.len);
	if (chunk)
		gen_http_chunks(&hard->message, coded.p, coded.len, chunk, "", "");
	hard_flush(hard, GEN_SERVER);
	expect_rows(hard, uri, coding);
	hard_exchange(hard, "/coding/after");
	hard_close(hard, GEN_CLIENT);
	gen_buffer_free(&coded);
}

static void case_gzip(struct hard *hard)
{
	coded_response(hard, "/coding/gzip", "gzip", GEN_CODING_GZIP, 0);
}

static void case_gzip_chunked(struct hard *hard)
{
	hard->conn.mss = 17;
	coded_response(hard, "/coding/gzip-chunked", "gzip", GEN_CODING_GZIP, 3);
}

static void case_deflate(struct hard *hard)
{
	coded_response(hard, "/coding/deflate", "deflate", GEN_CODING_ZLIB, 0);
}

static void case_deflate_raw(struct hard *hard)
{
	coded_response(hard, "/coding/deflate-raw", "deflate", GEN_CODING_RAW_DEFLATE, 0);
}

static void case_gzip_request(struct hard *hard)
{
	struct gen_buffer coded = {0};

	gen_http_encode(&coded, hard->rows.p, hard->rows.len, GEN_CODING_GZIP);
	hard_open(hard);
	hard_write(hard, "POST /coding/request HTTP/1.1", JSON_LINE "Content-Encoding: gzip\r\n",
		   coded.p, coded.len);
	hard_flush(hard, GEN_CLIENT);
	hard_ok(hard);
	hard_expect(hard, &(struct hard_record){.method = "POST",
						.uri = "/coding/request",
						.status = 200,
						.request_type = HARD_JSON,
						.request_coding = "gzip",
						.request = hard_rows(hard),
						.response = hard_text(ok_body)});
	hard_close(hard, GEN_CLIENT);
	gen_buffer_free(&coded);
}

static void case_gzip_damaged(struct hard *hard)
{
	struct gen_buffer coded = {0};

	gen_http_encode(&coded, hard->rows.p, hard->rows.len, GEN_CODING_GZIP);
	memset(coded.p + coded.len / 2, 0xff, 20);
	hard_open(hard);
	hard_get(hard, "/coding/damaged");
	hard_write(hard, RESPONSE, JSON_LINE "Content-Encoding: gzip\r\n", coded.p, coded.len);
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/coding/damaged",
						.status = 200,
						.response_type = HARD_JSON,
						.response_coding = "gzip",
						.response = hard_unknown(),
						.anomaly = "decode_error"});
	hard_exchange(hard, "/coding/damaged-after");
	hard_close(hard, GEN_CLIENT);
	gen_buffer_free(&coded);
}

// The answer comes before the request's body is complete; the rest of it follows all the same.
static void case_early_response(struct hard *hard)
{
	size_t half = hard->rows.len / 2;

	hard_open(hard);
	gen_buffer_printf(&hard->message,
			  "POST /early HTTP/1.1\r\nHost: " HARD_HOST "\r\n" JSON_LINE
			  "Content-Length: %zu\r\n\r\n",
			  hard->rows.len);
	gen_buffer_add(&hard->message, hard->rows.p, half);
	hard_flush(hard, GEN_CLIENT);
	hard_write(hard, "HTTP/1.1 413 Content Too Large", JSON_LINE, "{\"error\":413}", 13);
	hard_flush(hard, GEN_SERVER);
	gen_buffer_add(&hard->message, hard->rows.p + half, hard->rows.len - half);
	hard_flush(hard, GEN_CLIENT);
	hard_expect(hard, &(struct hard_record){.method = "POST",
						.uri = "/early",
						.status = 413,
						.request_type = HARD_JSON,
						.request = hard_rows(hard),
						.response = hard_text("{\"error\":413}")});
	hard_exchange(hard, "/early/after");
	hard_close(hard, GEN_CLIENT);
}

static void case_empty_lines(struct hard *hard)
{
	hard_open(hard);
	gen_buffer_text(&hard->message, "\r\n\r\n");
	hard_exchange(hard, "/head/empty-lines");
	gen_buffer_text(&hard->message, "\r\n");
	hard_exchange(hard, "/head/empty-lines-again");
	hard_close(hard, GEN_CLIENT);
}

static void case_bare_lf(struct hard *hard)
{
	hard_open(hard);
	hard_client(hard, "GET /head/lf HTTP/1.1\nHost: " HARD_HOST "\n\n");
	hard_server(hard, "HTTP/1.1 200 OK\nContent-Type: application/json\n"
			  "Content-Length: 11\n\n{\"ok\":true}");
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/head/lf",
						.status = 200,
						.response = hard_text(ok_body),
						.anomaly = "http_bare_lf"});
	hard_close(hard, GEN_CLIENT);
}

static void case_odd_heads(struct hard *hard)
{
	hard_open(hard);
	hard_client(hard, "POST /head/case HTTP/1.1\r\nhOsT:" HARD_HOST "\r\n"
			  "content-TYPE:application/json\r\nCONTENT-LENGTH:7\r\n\r\n{\"a\":1}");
	hard_server(hard, "HTTP/1.1 200\r\nContent-Type: application/json\r\n"
			  "Content-Length: 11\r\n\r\n{\"ok\":true}");
	hard_expect(hard, &(struct hard_record){.method = "POST",
						.uri = "/head/case",
						.status = 200,
						.request_type = HARD_JSON,
						.request = hard_text("{\"a\":1}"),
						.response = hard_text(ok_body)});
	hard_client(hard, "OPTIONS * HTTP/1.1\r\nHost: " HARD_HOST "\r\n\r\n");
	hard_server(hard, "HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n");
	hard_expect(hard, &(struct hard_record){.method = "OPTIONS", .uri = "*", .status = 200});
	hard_exchange(hard, "http://" HARD_HOST "/head/absolute?q=1");
	hard_client(hard, "GET /head/body HTTP/1.1\r\nHost: " HARD_HOST "\r\n" JSON_LINE
			  "Content-Length: 7, 7\r\n\r\n{\"q\":1}");
	hard_ok(hard);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/head/body",
						.status = 200,
						.request_type = HARD_JSON,
						.request = hard_text("{\"q\":1}"),
						.response = hard_text(ok_body),
						.anomaly = "http_duplicate_content_length"});
	hard_close(hard, GEN_CLIENT);
}

// RFC 9112 section 6.3: Transfer-Encoding overrides Content-Length.
static void case_both_lengths(struct hard *hard)
{
	hard_open(hard);
	hard_client(hard, "POST /both HTTP/1.1\r\nHost: " HARD_HOST "\r\n" JSON_LINE
			  "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "7\r\n{\"a\":1}\r\n0\r\n\r\n");
	hard_ok(hard);
	hard_expect(hard, &(struct hard_record){.method = "POST",
						.uri = "/both",
						.status = 200,
						.request_type = HARD_JSON,
						.request = hard_text("{\"a\":1}"),
						.response = hard_text(ok_body),
						.anomaly = "http_cl_and_te"});
	hard_exchange(hard, "/both/after");
	hard_close(hard, GEN_CLIENT);
}

const struct hard_case gen_hard_message_cases[] = {
	{"pipeline", case_pipeline},
	{"keep-alive", case_keep_alive},
	{"chunk-extensions", case_chunk_extensions},
	{"chunk-trailers", case_chunk_trailers},
	{"chunk-request", case_chunk_request},
	{"chunk-one-byte", case_chunk_one_byte},
	{"head", case_head},
	{"continue", case_continue},
	{"expect-refused", case_expect_refused},
	{"early-hints", case_early_hints},
	{"no-content", case_no_content},
	{"close-delimited", case_close_delimited},
	{"close-delimited-10", case_close_delimited_10},
	{"keep-alive-10", case_keep_alive_10},
	{"reset-in-body", case_reset_in_body},
	{"obs-fold", case_obs_fold},
	{"upgrade", case_upgrade},
	{"upgrade-refused", case_upgrade_refused},
	{"connect", case_connect},
	{"connect-http", case_connect_http},
	{"gzip", case_gzip},
	{"gzip-chunked", case_gzip_chunked},
	{"deflate", case_deflate},
	{"deflate-raw", case_deflate_raw},
	{"gzip-request", case_gzip_request},
	{"gzip-damaged", case_gzip_damaged},
	{"early-response", case_early_response},
	{"empty-lines", case_empty_lines},
	{"bare-lf", case_bare_lf},
	{"odd-heads", case_odd_heads},
	{"both-lengths", case_both_lengths},
	{NULL, NULL},
};
