// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The HTTP/2 parser in a test: frames made by hand, header blocks by nghttp2's encoder, a sink that
// writes down what it is told, and pieces that lie against a page that must not be touched. A
// conversation is written once and delivered in many ways.

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

#include <cmocka.h>

#include "flows/h2.c"
#include "flows/h2_block.c"
#include "flows/h2_stream.c"
#include "flows/h2_tunnel.c"

#include <nghttp2/nghttp2.h>

enum {
	WIRE_BYTES = 8 << 20,
	WIRE_TURNS = 16384,
};

// What was said, in order.
struct turn {
	enum dir dir;
	uint32_t at, len; // in wire
	bool lost;
};

static uint8_t wire[WIRE_BYTES];
static uint32_t wire_len;
static struct turn turns[WIRE_TURNS];
static uint32_t n_turns;
static nghttp2_hd_deflater *encoder[2];

static struct flow_env env;
static struct conn_meta meta;
static alignas(16) uint8_t state[PARSER_STATE];
static struct pctx ctx;
static uint8_t *guarded;
static size_t guarded_size;
static char got[1 << 20]; // what the sink was told
static size_t got_len;
static uint64_t delivered[2];
static bool alive;
static bool brief; // only requests and what came of them
static uint32_t n_ended;
static uint64_t random_state = 1;

static inline uint32_t random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((random_state >> 33) % n);
}

// ---- what is said

static void say(enum dir dir, const void *bytes, uint32_t len)
{
	assert_true(wire_len + len <= WIRE_BYTES);
	memcpy(wire + wire_len, bytes, len);
	if (n_turns && turns[n_turns - 1].dir == dir && !turns[n_turns - 1].lost) {
		turns[n_turns - 1].len += len;
	} else {
		assert_true(n_turns < WIRE_TURNS);
		turns[n_turns++] = (struct turn){dir, wire_len, len, false};
	}
	wire_len += len;
}

// The next bytes begin a new piece.
static inline void turn(enum dir dir)
{
	assert_true(n_turns < WIRE_TURNS);
	turns[n_turns++] = (struct turn){dir, wire_len, 0, false};
}

// So many of the last bytes said are lost, `back` bytes before their end.
static inline void lose_last(uint32_t len, uint32_t back)
{
	struct turn *last = &turns[n_turns - 1];

	assert_true(last->len >= len + back && n_turns + 2 <= WIRE_TURNS);
	uint32_t at = last->at + last->len - len - back;
	enum dir dir = last->dir;

	last->len = at - last->at;
	turns[n_turns++] = (struct turn){dir, at, len, true};
	turns[n_turns++] = (struct turn){dir, at + len, back, false};
}

static void frame_announced(enum dir dir, uint8_t type, uint8_t flags, uint32_t stream,
			    const void *payload, uint32_t len, uint32_t announced)
{
	uint8_t head[9] = {(uint8_t)(announced >> 16),
			   (uint8_t)(announced >> 8),
			   (uint8_t)announced,
			   type,
			   flags,
			   (uint8_t)(stream >> 24),
			   (uint8_t)(stream >> 16),
			   (uint8_t)(stream >> 8),
			   (uint8_t)stream};

	say(dir, head, sizeof(head));
	if (len)
		say(dir, payload, len);
}

static void frame(enum dir dir, uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
		  uint32_t len)
{
	frame_announced(dir, type, flags, stream, payload, len, len);
}

static inline void data(enum dir dir, uint8_t flags, uint32_t stream, const char *text)
{
	frame(dir, H2_DATA, flags, stream, text, (uint32_t)strlen(text));
}

// A header block of name, value, …, NULL.
static uint32_t block_of(enum dir dir, uint8_t *out, uint32_t room, va_list args)
{
	nghttp2_nv nv[64];
	uint32_t n = 0;

	for (const char *name; (name = va_arg(args, const char *)); n++) {
		const char *value = va_arg(args, const char *);

		assert_true(n < 64);
		nv[n] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
				     strlen(name), strlen(value), 0};
	}
	ssize_t len = nghttp2_hd_deflate_hd(encoder[dir], out, room, nv, n);

	assert_true(len >= 0);
	return (uint32_t)len;
}

static inline void headers(enum dir dir, uint8_t flags, uint32_t stream, ...)
{
	static uint8_t block[256 << 10];
	va_list args;

	va_start(args, stream);
	uint32_t len = block_of(dir, block, sizeof(block), args);
	va_end(args);
	frame(dir, H2_HEADERS, flags | H2_END_HEADERS, stream, block, len);
}

// The same, in frames of `size` bytes of the block.
static inline void headers_cut(enum dir dir, uint8_t flags, uint32_t size, uint32_t stream, ...)
{
	static uint8_t block[256 << 10];
	va_list args;

	va_start(args, stream);
	uint32_t len = block_of(dir, block, sizeof(block), args);
	va_end(args);
	for (uint32_t at = 0; at < len; at += size) {
		uint32_t n = len - at < size ? len - at : size;

		frame(dir, at ? H2_CONTINUATION : H2_HEADERS,
		      (uint8_t)((at ? 0 : flags) | (at + n == len ? H2_END_HEADERS : 0)), stream,
		      block + at, n);
	}
}

#define GET(stream, path)                                                                          \
	headers(CLIENT, H2_END_STREAM, stream, ":method", "GET", ":scheme", "http", ":path", path, \
		":authority", "h", NULL)
#define POST(stream, path)                                                                         \
	headers(CLIENT, 0, stream, ":method", "POST", ":scheme", "http", ":path", path,            \
		":authority", "h", "content-type", "application/json", NULL)
#define OK(stream)                                                                                 \
	do {                                                                                       \
		headers(SERVER, 0, stream, ":status", "200", "content-type", "text/plain", NULL);  \
		data(SERVER, H2_END_STREAM, stream, "ok");                                         \
	} while (0)

static void encoders_new(void)
{
	for (uint32_t dir = 0; dir < 2; dir++) {
		if (encoder[dir])
			nghttp2_hd_deflate_del(encoder[dir]);
		assert_int_equal(nghttp2_hd_deflate_new(&encoder[dir], 4096), 0);
	}
}

static void begin_bare(void)
{
	wire_len = 0;
	n_turns = 0;
	encoders_new();
}

static inline void begin(void)
{
	begin_bare();
	say(CLIENT, h2_preface, H2_PREFACE_BYTES);
	frame(CLIENT, H2_SETTINGS, 0, 0, "\0\3\0\0\0\144", 6);
	frame(SERVER, H2_SETTINGS, 0, 0, NULL, 0);
	frame(SERVER, H2_SETTINGS, H2_ACK, 0, NULL, 0);
	frame(CLIENT, H2_SETTINGS, H2_ACK, 0, NULL, 0);
}

// ---- what the sink is told

static void put_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put_text(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(got + got_len, sizeof(got) - got_len, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(got) - got_len);
	got_len += (size_t)n;
}

static void put_span(struct span s)
{
	if (!s.p)
		put_text("-");
	for (uint32_t i = 0; i < s.len; i++)
		put_text(s.p[i] >= 0x20 && s.p[i] < 0x7f ? "%c" : "\\x%02x", s.p[i]);
}

static void check_spans(const struct http_tx *tx, enum dir dir)
{
	const struct http_msg *msg = &tx->msg[dir];
	const uint8_t *base = dir == CLIENT && tx->brief ? tx->brief : tx->capture;
	size_t size = base == tx->capture ? env.capture.size : HTTP_BRIEF_BYTES;
	uint32_t lines = 0;

	for (uint32_t i = 0; i < HEADER_N; i++) {
		struct span v = msg->header[i];

		assert_true(!v.p ||
			    (base && v.p >= base && v.p + v.len <= base + size));
		assert_true(v.len == 0 || (!memchr(v.p, '\n', v.len) && !memchr(v.p, '\r', v.len) &&
					   !memchr(v.p, 0, v.len)));
	}
	// A line for the start, one for each field at most, two at the end.
	for (uint32_t i = 0; i < msg->head_len; i++)
		lines += msg->head[i] == '\n';
	assert_true(lines <= msg->n_headers + 3u);
}

static void on_request(void *, struct http_tx *tx)
{
	assert_true(tx->msg[CLIENT].seen);
	assert_false((uintptr_t)tx->detect & 1);
	if (tx->proto != PROTO_WS) // those borrow their heads
		check_spans(tx, CLIENT);
	tx->detect = (void *)((uintptr_t)tx->detect | 1);
}

static void on_response(void *, struct http_tx *tx)
{
	assert_true(tx->msg[SERVER].seen && tx->status && tx->status / 100 != 1);
	assert_false((uintptr_t)tx->detect & 2);
	check_spans(tx, SERVER);
	tx->detect = (void *)((uintptr_t)tx->detect | 2);
}

static void put_message(const struct http_tx *tx, enum dir dir)
{
	const struct http_msg *msg = &tx->msg[dir];

	put_text("[");
	if (msg->seen && msg->complete)
		put_text("%llu", (unsigned long long)msg->body_len);
	if (msg->seen && msg->complete && msg->body_len)
		put_text(" %.*s", (int)msg->body_kept, msg->body);
	if (msg->seen && !msg->complete)
		put_text("!");
	for (uint32_t i = 0; i < ANOMALY_N; i++) {
		if (msg->anomalies >> i & 1)
			put_text(" +%s", http_anomaly_name(i));
	}
	put_text("]");
}

// A message of a WebSocket in a stream.
static void put_ws(const struct http_tx *tx)
{
	enum dir dir = tx->msg[CLIENT].has_body ? CLIENT : SERVER;

	put_text("ws %c ", "CS"[dir]);
	put_span(tx->uri);
	put_text(" ");
	put_span(http_header(tx, CLIENT, HEADER_HOST));
	put_text(" %u ", tx->status);
	put_message(tx, dir);
	put_text("\n");
}

static void on_end(void *, struct http_tx *tx)
{
	if (tx->proto == PROTO_WS) {
		put_ws(tx);
		return;
	}
	assert_int_equal(((uintptr_t)tx->detect & 1) != 0, tx->msg[CLIENT].seen);
	assert_int_equal(tx->msg[SERVER].seen, tx->status != 0);
	assert_true(tx->msg[CLIENT].seen || tx->msg[SERVER].seen);
	assert_ptr_equal(tx->conn, &meta);
	assert_int_equal(tx->proto, PROTO_H2);
	check_spans(tx, CLIENT);
	check_spans(tx, SERVER);
	n_ended++;
	if (brief && !(tx->msg[CLIENT].anomalies & ~ANOMALY_BIT(TRUNCATED)))
		return;
	put_text("%u ", tx->stream);
	put_span(tx->method);
	put_text(" ");
	put_span(tx->uri);
	put_text(" ");
	put_message(tx, CLIENT);
	put_text(" %u ", tx->status);
	put_message(tx, SERVER);
	if (tx->grpc)
		put_text(" grpc %d %llu/%llu", tx->grpc_status,
			 (unsigned long long)tx->msg[CLIENT].grpc_messages,
			 (unsigned long long)tx->msg[SERVER].grpc_messages);
	put_text("\n");
}

// ---- delivery

static struct pool *block_pool_of(const struct parser *parser)
{
	for (uint32_t i = 0; i < parser_count(); i++) {
		if (parser_get(i) == parser)
			return &env.blocks[i];
	}
	return NULL;
}

static void pools(uint32_t tx, uint32_t capture, uint32_t blocks)
{
	pool_fini(&env.tx);
	pool_fini(&env.capture);
	pool_fini(&env.brief);
	pool_fini(block_pool_of(&h2_parser));
	pool_init(&env.tx, sizeof(struct http_tx), tx);
	pool_init(&env.capture,
		  2 * ((size_t)env.limits.capture_head + env.limits.capture_body + 64), capture);
	pool_init(&env.brief, HTTP_BRIEF_BYTES + 64, capture);
	pool_init(block_pool_of(&h2_parser), h2_parser.block_bytes, blocks);
	pool_fini(block_pool_of(&ws_parser));
	pool_init(block_pool_of(&ws_parser), ws_parser.block_bytes, 4);
}

static int fresh(void **)
{
	env.limits = (struct flow_limits){
		.head_bytes = 65536,
		.headers = 256,
		.pipeline = 128,
		.inflate_bytes = 1 << 20,
		.inflate_ratio = 200,
		.json_depth = 64,
		.capture_head = 8192,
		.capture_body = 256,
	};
	pools(600, 600, 16);
	memset(&env.stats, 0, sizeof(env.stats));
	brief = false;
	return 0;
}

static int setup(void **state_out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	*state_out = NULL;
	guarded_size = 2048 * page;
	p = mmap(NULL, guarded_size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED || mprotect(p + guarded_size, page, PROT_NONE))
		return -1;
	guarded = p + guarded_size;
	env.sink =
		(struct event_sink){.request = on_request, .response = on_response, .end = on_end};
	env.window = calloc(1, WINDOW_TAIL + WINDOW_BYTES + WINDOW_PAD);
	env.inflate_out = calloc(1, WINDOW_BYTES);
	return pool_init(&env.body, body_state_size(), 600) || pool_init(&env.head4k, 4096, 8) ||
	       pool_init(&env.head64k, 65536, 8) ||
	       pool_init(&env.inflate, inflate_state_size(), 4) ||
	       pool_init(&env.brotli, brotli_state_size(), 4) || !env.window || !env.inflate_out;
}

static void conn_open(bool midstream)
{
	memset(state, 0, sizeof(state));
	meta = (struct conn_meta){.midstream = midstream};
	ctx = (struct pctx){.env = &env, .conn = &meta, .state = state, .now_ns = 1};
	ctx.lossy[CLIENT] = ctx.lossy[SERVER] = midstream;
	delivered[CLIENT] = delivered[SERVER] = 0;
	got_len = 0;
	got[0] = 0;
	n_ended = 0;
	alive = true;
	h2_parser.open(&ctx);
}

static void give(enum dir dir, const void *bytes, size_t len)
{
	assert_true(len <= guarded_size);
	if (!alive || !len)
		return;
	memcpy(guarded - len, bytes, len);
	ctx.off[dir] = delivered[dir];
	if (ctx.acked[!dir] < delivered[!dir])
		ctx.acked[!dir] = delivered[!dir];
	delivered[dir] += len;
	alive = h2_parser.data(&ctx, dir, span_make(guarded - len, len));
}

static void lose(enum dir dir, uint64_t len)
{
	if (!alive || !len)
		return;
	ctx.lossy[dir] = true;
	ctx.off[dir] = delivered[dir];
	delivered[dir] += len;
	alive = h2_parser.gap(&ctx, dir, len);
}

static void conn_close(enum close_reason why)
{
	if (why == CLOSE_FIN) {
		h2_parser.fin(&ctx, CLIENT);
		h2_parser.fin(&ctx, SERVER);
	}
	h2_parser.close(&ctx, why);
	assert_int_equal(env.tx.used, 0);
	assert_int_equal(env.capture.used, 0);
	assert_int_equal(env.brief.used, 0);
	assert_int_equal(env.head4k.used, 0);
	assert_int_equal(env.head64k.used, 0);
	assert_int_equal(env.body.used, 0);
	assert_int_equal(env.inflate.used, 0);
	assert_int_equal(block_pool_of(&h2_parser)->used, 0);
	assert_int_equal(block_pool_of(&ws_parser)->used, 0);
}

// All that was said, in pieces of at most max bytes; 0: of random sizes.
static void deliver(uint32_t max)
{
	for (uint32_t i = 0; i < n_turns; i++) {
		struct turn t = turns[i];

		for (uint32_t at = 0; at < t.len;) {
			uint32_t n = max ? max : 1 + random_below(1 + random_below(100));

			n = n < t.len - at ? n : t.len - at;
			if (t.lost)
				lose(t.dir, n = t.len);
			else
				give(t.dir, wire + t.at + at, n);
			at += n;
		}
	}
}

static inline void assert_told(const char *what, const char *want)
{
	if (strcmp(got, want))
		fail_msg("%s\n--- got\n%s--- wanted\n%s", what, got, want);
}

static inline void run(uint32_t max, bool midstream)
{
	conn_open(midstream);
	deliver(max);
	conn_close(CLOSE_FIN);
}

// The same in every cutting: whole, in equal pieces, in two at every place, at random.
static inline void expect(const char *what, const char *want)
{
	run(UINT32_MAX, false);
	assert_told(what, want);
	for (uint32_t size = 1; size < 40; size++) {
		run(size, false);
		assert_told(what, want);
	}
	for (uint32_t i = 0; i < n_turns && wire_len < 20000; i++) {
		for (uint32_t cut = 1; cut < turns[i].len; cut++) {
			conn_open(false);
			for (uint32_t k = 0; k < n_turns; k++) {
				const uint8_t *p = wire + turns[k].at;
				uint32_t n = k == i ? cut : turns[k].len;

				if (turns[k].lost) {
					lose(turns[k].dir, turns[k].len);
					continue;
				}
				give(turns[k].dir, p, n);
				give(turns[k].dir, p + n, turns[k].len - n);
			}
			conn_close(CLOSE_FIN);
			assert_told(what, want);
		}
	}
	for (uint32_t i = 0; i < 50; i++) {
		run(0, false);
		assert_told(what, want);
	}
}
