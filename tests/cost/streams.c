// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Streams made to be dear: each is a beginning and one thing repeated for as long as asked. It
// goes through the parser or the body that it is made for, in pieces of a given length, so that
// cost.sh can count the instructions that twice as much takes.
//
//     streams                    the names of the streams
//     streams NAME BYTES PIECE   delivers one of them

#include "flows/body.h"
#include "flows/flow_conf.h"
#include "flows/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct parser h2_parser, tls_parser;

enum { UPGRADED = 1, STREAM_IDS };

struct stream {
	const char *name;
	const struct parser *parser; // NULL: a body
	const char *type;            // of a body: its Content-Type
	const char *coding;          // … its Content-Encoding, or NULL
	struct span begin, again, end;
	int how;
};

#define S(text)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}
#define X10(s) s s s s s s s s s s
#define B70    X10("BBBBBBB")
#define COOKIE                                                                                     \
	"\x0f\x11\x03"                                                                             \
	"a=b\x00\x01x\x01y"
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define PING    "\0\0\10\6\0\0\0\0\0pingping"

static const struct stream streams[] = {
	{"json-open", .type = "application/json", .again = S("[{\"a\":")},
	{"json-escape", .type = "application/json", .begin = S("{\"a\":\""),
	 .again = S("\\\"\\u0061")},
	{"json-small", .type = "application/json", .begin = S("["), .again = S("{\"a\":1},")},
	{"json-number", .type = "application/json", .begin = S("["), .again = S("1234567890")},
	{"form", .type = "application/x-www-form-urlencoded", .again = S("a&%61=%62&;")},
	{"multipart-parts", .type = "multipart/x; boundary=B", .again = S("--B\r\n\r\na\r\n")},
	{"multipart-almost", .type = "multipart/x; boundary=" B70, .begin = S("--" B70 "\r\n\r\n"),
	 .again = S("\r\n--BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB")},
	{"multipart-head", .type = "multipart/x; boundary=B", .begin = S("--B\r\n"),
	 .again = S("Content-Disposition: form-data; name=a; filename=b\r\n")},
	{"multipart-json", .type = "multipart/x; boundary=B",
	 .again = S("--B\r\nContent-Type: application/json\r\n\r\n[1]\r\n")},
	{"xml-elements", .type = "text/xml", .begin = S("<x>"), .again = S("<a b='c'>d</a>")},
	{"xml-open", .type = "text/xml", .again = S("<a>")},
	{"xml-less", .type = "text/xml", .begin = S("<x>"), .again = S("< <")},
	{"xml-cdata", .type = "text/xml", .begin = S("<x><![CDATA["), .again = S("]]]]>>>]>")},
	{"xml-attributes", .type = "text/xml", .begin = S("<x "), .again = S("a = b=' ' ")},
	{"xml-name", .type = "text/xml", .begin = S("<"), .again = S("aaaaaaaaaaaaaaaa")},
	{"xml-doctype", .type = "text/xml", .begin = S("<!DOCTYPE a ["),
	 .again = S("<!ENTITY a '&b;&b;'>")},
	{"csv-quotes", .type = "text/csv", .begin = S("a,b\n\""), .again = S("\"\"")},
	{"csv-cells", .type = "text/csv", .again = S(",")},
	{"csv-rows", .type = "text/csv", .begin = S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,b\n"),
	 .again = S("1,2\n")},
	{"protobuf-fields", .type = "application/protobuf", .again = S("\x0a\x03xyz")},
	{"protobuf-nested", .type = "application/protobuf",
	 .again = S("\x0a\x12\x0a\x10\x0a\x0e\x0a\x0c\x0a\x0a\x0a\x08\x0a\x06\x0a\x04\x08\x01\x08"
		    "\x01")},
	{"gzip-members", .type = "text/plain", .coding = "gzip",
	 .again = S("\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0")},
	{"deflate-blocks", .type = "text/plain", .coding = "deflate", .begin = S("\x78\x9c"),
	 .again = S("\0\0\0\xff\xff")},
	{"zstd-skipped", .type = "text/plain", .coding = "zstd",
	 .begin = S("\x28\xb5\x2f\xfd\x20\0\1\0\0"), .again = S("\x50\x2a\x4d\x18\0\0\0\0")},
	{"http1-fields", &http1_parser, .begin = S("GET / HTTP/1.1\r\nHost: a\r\n"),
	 .again = S("a:b\r\n")},
	{"http1-fold", &http1_parser, .begin = S("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n"),
	 .again = S(" \r \n")},
	{"http1-pipeline", &http1_parser, .again = S("GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
	{"http1-chunks", &http1_parser,
	 .begin = S("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
	 .again = S("1\r\na\r\n")},
	{"http1-chunk-extension", &http1_parser,
	 .begin = S("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;"),
	 .again = S("a=\"b\";")},
	{"h2-streams", &h2_parser, .begin = S(PREFACE),
	 .again = S("\0\0\6\1\5\0\0\0\0\x82\x84\x86\x41\x01h"), .how = STREAM_IDS},
	{"h2-open-streams", &h2_parser, .begin = S(PREFACE),
	 .again = S("\0\0\6\1\4\0\0\0\0\x82\x84\x86\x41\x01h"), .how = STREAM_IDS},
	{"h2-resets", &h2_parser, .begin = S(PREFACE),
	 .again = S("\0\0\6\1\5\0\0\0\0\x82\x84\x86\x41\x01h\0\0\4\3\0\0\0\0\0\0\0\0\10"),
	 .how = STREAM_IDS},
	{"h2-pings", &h2_parser, .begin = S(PREFACE), .again = S(PING)},
	// One header block, of cookies with another field between each two.
	{"h2-cookies", &h2_parser, .begin = S(PREFACE "\0\0\6\1\0\0\0\0\1\x82\x84\x86\x41\x01h"),
	 .again = S("\0\2\x94\x9\0\0\0\0\1" X10(COOKIE) X10(COOKIE) X10(COOKIE) X10(COOKIE)
			    X10(COOKIE) X10(COOKIE)),
	 .end = S("\0\0\0\x9\4\0\0\0\1")},
	{"h2-table", &h2_parser, .begin = S(PREFACE "\0\0\6\1\5\0\0\0\1\x82\x84\x86\x41\x01h"),
	 .again = S("\0\0\xb\1\5\0\0\0\0\x82\x84\x86\x41\x01h\x40\x01x\x01y"), .how = STREAM_IDS},
	{"ws-empty", &http1_parser, .again = S("\x81\x80mask"), .how = UPGRADED},
	{"ws-fragments", &http1_parser, .begin = S("\x01\x81maska"), .again = S("\0\x81maska"),
	 .how = UPGRADED},
	{"ws-pings", &http1_parser, .again = S("\x89\x81maska"), .how = UPGRADED},
	{"tls-records", &tls_parser, .begin = S("\x16\3\1\0\1\1"), .again = S("\x16\3\1\0\1\0")},
	{"tls-extensions", &tls_parser,
	 .begin = S("\x16\3\1\x40\0\1\0\x3f\xfc\3\3"
		    "0123456789abcdef0123456789abcdef"
		    "\0\0\2\x13\1\1\0\x3f\xd3"),
	 .again = S("\x0a\x0a\0\0")},
};
#undef S

static struct flow_env env;
static uint64_t n_values;

static void on_value(void *, struct http_tx *, const struct value *)
{
	n_values++;
}

static void on_window(void *, struct http_tx *, const struct window *)
{
}

static int fail(const char *what)
{
	fprintf(stderr, "streams: %s\n", what);
	return 2;
}

static uint8_t *make(const struct stream *s, size_t bytes, size_t *len)
{
	uint8_t *text = calloc(1, bytes + s->begin.len + s->again.len + s->end.len);
	size_t n = s->begin.len;
	uint32_t id = 1;

	if (!text)
		return NULL;
	memcpy(text, s->begin.p, n);
	while (n < bytes) {
		uint8_t *p = text + n;

		memcpy(p, s->again.p, s->again.len);
		if (s->how == STREAM_IDS) { // of each frame in what is repeated
			id += 2;
			for (uint32_t at = 0; at + 9 <= s->again.len; at += 9 + p[at + 2]) {
				p[at + 7] = (uint8_t)(id >> 8);
				p[at + 8] = (uint8_t)id;
			}
		}
		n += s->again.len;
	}
	if (s->end.len)
		memcpy(text + n, s->end.p, s->end.len);
	*len = n + s->end.len;
	return text;
}

static void deliver(const struct parser **parser, struct pctx *c, enum dir dir, const void *p,
		    size_t n, size_t piece)
{
	for (size_t at = 0; at < n;) {
		uint32_t some = (uint32_t)(n - at < piece ? n - at : piece);

		if (parser_data(parser, c, dir, span_make((const uint8_t *)p + at, some)) !=
		    PARSER_GOES_ON)
			return;
		c->off[dir] += some;
		at += some;
		c->now_ns += 1000;
	}
}

static void run_stream(const struct stream *s, const uint8_t *text, size_t n, size_t piece)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
				      "Connection: Upgrade\r\n\r\n";
	static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
				     "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
	static _Alignas(64) uint8_t state[PARSER_STATE];
	static const struct conn_meta meta = {.id = 1};
	struct pctx c = {.env = &env, .conn = &meta, .state = state, .now_ns = 1};
	const struct parser *parser = s->parser;

	parser->open(&c);
	if (s->how == UPGRADED) {
		deliver(&parser, &c, CLIENT, request, sizeof(request) - 1, sizeof(request));
		deliver(&parser, &c, SERVER, answer, sizeof(answer) - 1, sizeof(answer));
	}
	deliver(&parser, &c, CLIENT, text, n, piece);
	parser->close(&c, CLOSE_FIN);
}

static int run_body(const struct stream *s, const uint8_t *text, size_t n, size_t piece)
{
	static struct http_tx tx;
	struct http_msg *msg = &tx.msg[SERVER];

	msg->body = malloc(4096);
	msg->content_length = UINT64_MAX;
	msg->header[HEADER_CONTENT_TYPE] = span_make(s->type, (uint32_t)strlen(s->type));
	if (s->coding)
		msg->header[HEADER_CONTENT_ENCODING] =
			span_make(s->coding, (uint32_t)strlen(s->coding));
	struct body *body = body_begin(&env, &tx, SERVER);
	if (!body)
		return fail("no body");
	for (size_t at = 0; at < n; at += piece)
		body_data(&env, body,
			  span_make(text + at, (uint32_t)(n - at < piece ? n - at : piece)));
	body_end(&env, body, true);
	return 0;
}

int main(int argc, char **argv)
{
	const struct stream *s = streams, *end = streams + sizeof(streams) / sizeof(streams[0]);
	struct flow_plan plan = {
		.limits = {.inflate_bytes = 1 << 20,
			   .inflate_ratio = 200,
			   .json_depth = 64,
			   .head_bytes = 65536,
			   .headers = 256,
			   .pipeline = 128,
			   .capture_head = 4096,
			   .capture_body = 4096},
		.n_tx = 400,
		.n_capture = 4,
		.n_head4k = 8,
		.n_head64k = 4,
		.n_body = 300,
		.n_gather = 4,
		.n_inflate = 4,
		.n_brotli = 4,
		.n_zstd = 4,
	};
	size_t n;

	if (argc == 1) {
		for (; s < end; s++)
			puts(s->name);
		return 0;
	}
	if (argc != 4)
		return fail("usage: streams [NAME BYTES PIECE]");
	while (s < end && strcmp(s->name, argv[1]) != 0)
		s++;
	size_t piece = strtoul(argv[3], NULL, 10);
	if (s == end || !piece)
		return fail("no such stream, or pieces of nothing");
	for (uint32_t i = 0; i < parser_count(); i++)
		plan.n_blocks[i] = 14;
	if (flow_env_init(&env, &plan, 9, false))
		return fail("no memory");
	env.sink = (struct event_sink){.window = on_window, .value = on_value};
	uint8_t *text = make(s, strtoul(argv[2], NULL, 10), &n);
	if (!text)
		return fail("no memory");
	if (s->parser)
		run_stream(s, text, n, piece);
	else if (run_body(s, text, n, piece))
		return 2;
	return 0;
}
