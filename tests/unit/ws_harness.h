// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A WebSocket connection in a test, from the request to upgrade on: pieces lie against a page that
// must not be touched, and the sink writes down which frames and messages it was told.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "flows/body.h"
#include "flows/http1_head.h"
#include "flows/http_exchange.h"
#include "flows/inflate.h"
#include "flows/parser.h"
#include "flows/ws_header.h"

#define WS_REQUEST                                                                                 \
	"GET /chat?room=7 HTTP/1.1\r\nHost: h.test\r\nUpgrade: websocket\r\n"                      \
	"Connection: Upgrade\r\nAuthorization: Bearer abc\r\n\r\n"
#define WS_ANSWER_WITH(fields)                                                                     \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" fields \
	"\r\n"
#define WS_ANSWER  WS_ANSWER_WITH("")
#define WS_DEFLATE WS_ANSWER_WITH("Sec-WebSocket-Extensions: permessage-deflate\r\n")
#define WS_DEFLATE_ALONE                                                                           \
	WS_ANSWER_WITH("Sec-WebSocket-Extensions: permessage-deflate; "                            \
		       "server_no_context_takeover; client_no_context_takeover\r\n")

static struct flow_env env;
static struct conn_meta meta;
static struct pctx ctx;
static const struct parser *parser;
static _Alignas(16) uint8_t state[PARSER_STATE];
static uint8_t *guarded;
static size_t guarded_size;
static char got[1 << 20];
static size_t got_len;
static uint64_t delivered[2];
static bool alive;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(got + got_len, sizeof(got) - got_len, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(got) - got_len);
	got_len += (size_t)n;
}

static void put_anomalies(uint64_t bits)
{
	for (uint32_t i = 0; i < ANOMALY_N; i++) {
		if (bits >> i & 1)
			put(" +%s", http_anomaly_name(i));
	}
}

static void on_ws(void *, const struct conn_meta *conn, const struct ws_frame *frame)
{
	assert_ptr_equal(conn, &meta);
	put("%c%u%s %llu", frame->dir == CLIENT ? 'c' : 's', frame->opcode, frame->fin ? "." : "",
	    (unsigned long long)frame->len);
	if (frame->hashed)
		put(" %02x%02x", frame->sha256[0], frame->sha256[1]);
	put_anomalies(frame->anomalies);
	put("\n");
}

static void on_request(void *, struct http_tx *tx)
{
	assert_true(tx->msg[CLIENT].seen);
}

static void on_window(void *, struct http_tx *, const struct window *)
{
}

static void on_end(void *, struct http_tx *tx)
{
	if (tx->proto != PROTO_WS) {
		put("%.*s %u\n", (int)tx->uri.len, (const char *)tx->uri.p, tx->status);
		return;
	}
	enum dir dir = tx->msg[CLIENT].has_body ? CLIENT : SERVER;
	const struct http_msg *msg = &tx->msg[dir];

	assert_false(tx->msg[!dir].has_body);
	assert_true(tx->msg[CLIENT].seen && tx->msg[SERVER].seen && tx->status == 101);
	assert_true(span_eq(tx->uri, SPAN_LIT("/chat?room=7")));
	assert_true(span_eq(http_header(tx, CLIENT, HEADER_HOST), SPAN_LIT("h.test")));
	assert_true(span_eq(http_header(tx, CLIENT, HEADER_AUTHORIZATION), SPAN_LIT("Bearer abc")));
	put("%s%s %llu '%.*s'", dir == CLIENT ? "to server" : "to client",
	    msg->complete ? "" : " (part)", (unsigned long long)msg->body_len,
	    (int)(msg->body_kept < 32 ? msg->body_kept : 32), (const char *)msg->body);
	if (msg->hashed)
		put(" %02x%02x", msg->sha256[0], msg->sha256[1]);
	put_anomalies(msg->anomalies);
	put("\n");
}

static struct pool *ws_blocks(void)
{
	uint32_t i = 0;

	while (parser_get(i) != &ws_parser)
		i++;
	return &env.blocks[i];
}

static int setup(void **)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	guarded_size = 64 * page;
	p = mmap(NULL, guarded_size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED || mprotect(p + guarded_size, page, PROT_NONE))
		return -1;
	guarded = p + guarded_size;
	env.hashes = true;
	env.sink = (struct event_sink){
		.request = on_request, .window = on_window, .end = on_end, .ws = on_ws};
	env.limits = (struct flow_limits){
		.head_bytes = 65536,
		.headers = 256,
		.pipeline = 128,
		.inflate_bytes = 1 << 20,
		.inflate_ratio = 200,
		.json_depth = 64,
		.capture_head = 2048,
		.capture_body = 256,
	};
	env.window = calloc(1, WINDOW_TAIL + WINDOW_BYTES + WINDOW_PAD);
	env.inflate_out = calloc(1, WINDOW_BYTES);
	return pool_init(&env.tx, sizeof(struct http_tx), 16) ||
	       pool_init(&env.capture, 2 * (2048 + 256 + 64), 16) ||
	       pool_init(&env.head4k, 4096, 4) || pool_init(&env.head64k, 65536, 4) ||
	       pool_init(&env.body, body_state_size(), 16) ||
	       pool_init(&env.inflate, inflate_state_size(), 16) ||
	       pool_init(ws_blocks(), ws_parser.block_bytes, 2);
}

static int teardown(void **)
{
	free(env.window);
	free(env.inflate_out);
	return 0;
}

static inline void give(enum dir dir, const void *bytes, size_t len)
{
	assert_true(len <= guarded_size);
	if (!alive || !len)
		return;
	memcpy(guarded - len, bytes, len);
	ctx.now_ns++;
	ctx.off[dir] = delivered[dir];
	if (ctx.acked[!dir] < delivered[!dir])
		ctx.acked[!dir] = delivered[!dir];
	delivered[dir] += len;
	alive = parser_data(&parser, &ctx, dir, span_make(guarded - len, len)) == PARSER_GOES_ON;
}

static inline void give_text(enum dir dir, const char *text)
{
	give(dir, text, strlen(text));
}

static inline void lose(enum dir dir, uint64_t len)
{
	if (!alive)
		return;
	ctx.lossy[dir] = true;
	ctx.off[dir] = delivered[dir];
	delivered[dir] += len;
	alive = parser->gap(&ctx, dir, len);
}

static inline void conn_open(void)
{
	memset(state, 0, sizeof(state));
	meta = (struct conn_meta){0};
	ctx = (struct pctx){.env = &env, .conn = &meta, .state = state, .now_ns = 1};
	delivered[CLIENT] = delivered[SERVER] = 0;
	got_len = 0;
	got[0] = '\0';
	alive = true;
	parser = &http1_parser;
	parser->open(&ctx);
}

// Upgraded, by this answer; nothing is written down of that.
static inline void ws_open_with(const char *answer)
{
	conn_open();
	give_text(CLIENT, WS_REQUEST);
	give_text(SERVER, answer);
	assert_ptr_equal(parser, &ws_parser);
	got_len = 0;
	got[0] = '\0';
}

static inline void conn_close(void)
{
	parser->close(&ctx, CLOSE_FIN);
	assert_int_equal(env.tx.used, 0);
	assert_int_equal(env.capture.used, 0);
	assert_int_equal(env.head4k.used, 0);
	assert_int_equal(env.body.used, 0);
	assert_int_equal(env.inflate.used, 0);
	assert_int_equal(ws_blocks()->used, 0);
}

static inline void assert_told(const char *want)
{
	if (strcmp(got, want))
		fail_msg("\n--- got\n%s--- wanted\n%s", got, want);
}

// ---- frames

struct bytes {
	uint8_t p[300000];
	size_t n;
};

enum { MASKED = 1, FINAL = 2, RSV1 = 4 };

static inline void add_header(struct bytes *b, uint32_t flags, uint8_t opcode, uint64_t len)
{
	uint32_t size = len > UINT16_MAX ? 8 : len > 125 ? 2 : 0;

	b->p[b->n++] = (uint8_t)((flags & FINAL ? 128 : 0) | (flags & RSV1 ? 64 : 0) | opcode);
	b->p[b->n++] = (uint8_t)((flags & MASKED ? 128 : 0) | (size == 8   ? 127
							       : size == 2 ? 126
									   : len));
	for (uint32_t i = size; i > 0; i--)
		b->p[b->n++] = (uint8_t)(len >> 8 * (i - 1));
	if (flags & MASKED) {
		memcpy(b->p + b->n, "\x9a\x01\xff\x37", 4);
		b->n += 4;
	}
}

static inline void add_frame(struct bytes *b, uint32_t flags, uint8_t opcode, const void *payload,
			     size_t len)
{
	static const uint8_t key[4] = {0x9a, 0x01, 0xff, 0x37};

	add_header(b, flags, opcode, len);
	for (size_t i = 0; i < len; i++)
		b->p[b->n + i] = ((const uint8_t *)payload)[i] ^ (flags & MASKED ? key[i & 3] : 0);
	b->n += len;
}

static inline void add_text(struct bytes *b, uint32_t flags, uint8_t opcode, const char *text)
{
	add_frame(b, flags, opcode, text, strlen(text));
}

// As a permessage-deflate sender compresses a message. z: its compressor; NULL: one of its own.
static inline size_t deflate_message(z_stream *z, const void *text, size_t len, uint8_t *out,
				     size_t room)
{
	z_stream own = {0};

	if (!z) {
		assert_int_equal(deflateInit2(&own, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY),
				 Z_OK);
		z = &own;
	}
	z->next_in = (z_const Bytef *)(uintptr_t)text;
	z->avail_in = (uInt)len;
	z->next_out = out;
	z->avail_out = (uInt)room;
	assert_int_equal(deflate(z, Z_SYNC_FLUSH), Z_OK);
	size_t n = room - z->avail_out;

	assert_memory_equal(out + n - 4, "\x00\x00\xff\xff", 4);
	if (z == &own)
		deflateEnd(&own);
	return n - 4;
}
