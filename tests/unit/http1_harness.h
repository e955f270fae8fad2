// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The HTTP/1 parser in a test: all of its files in one unit, a mock for bodies, a sink that writes
// down what it is told, and pieces that lie against a page that must not be touched. Work is
// counted in bytes looked at or moved, not in time; a vector of them counts as one.

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

#ifdef __SSE2__
#include <immintrin.h>
#endif

static uint64_t work;

static void *counted_memchr(const void *p, int c, size_t n)
{
	void *hit = memchr(p, c, n);

	work += hit ? (size_t)((uint8_t *)hit - (const uint8_t *)p) + 1 : n;
	return hit;
}

static void *counted_memcpy(void *to, const void *from, size_t n)
{
	work += n;
	return memcpy(to, from, n);
}

#ifdef __SSE2__
#define _mm_loadu_si128(p) (work++, (_mm_loadu_si128)(p))
#endif
#define memchr counted_memchr
#define memcpy counted_memcpy
#include "flows/http1.c"
#include "flows/http1_framing.c"
#include "flows/http1_head.c"
#include "flows/http1_head_start.c"
#include "flows/http1_message.c"
#include "flows/http1_text.c"
#include "flows/http_exchange.c"
#include "flows/http_pair.c"
#undef memchr
#undef memcpy
#undef _mm_loadu_si128

#include "dataplane/pool.c"

// ---- mock of the body module: keeps what it is given

struct body {
	struct http_tx *tx;
	enum dir dir;
	uint32_t len;
	bool gap;
	char bytes[70000];
};

static uint32_t bodies_open;
static bool bodies_refused;

struct body *body_begin(struct flow_env *env, struct http_tx *tx, enum dir dir)
{
	struct http_msg *msg = &tx->msg[dir];

	assert_true(msg->has_body);
	assert_true(msg->seen);
	if (bodies_refused)
		return NULL;
	struct body *body = pool_get(&env->body);

	assert_non_null(body);
	body->tx = tx;
	body->dir = dir;
	body->len = 0;
	body->gap = false;
	bodies_open++;
	return body;
}

void body_data(struct flow_env *, struct body *body, struct span raw)
{
	assert_true(raw.len <= sizeof(body->bytes) - body->len);
	memcpy(body->bytes + body->len, raw.p, raw.len);
	body->len += raw.len;
	body->tx->msg[body->dir].wire_len += raw.len;
}

void body_ahead(const struct flow_env *, const struct body *, const struct http_msg *, uint32_t, bool)
{
}

void body_gap(struct flow_env *, struct body *body, uint64_t)
{
	body->gap = true;
}

void body_end(struct flow_env *env, struct body *body, bool complete)
{
	struct http_msg *msg = &body->tx->msg[body->dir];

	msg->complete = complete && !body->gap;
	msg->body_len = body->len;
	if (msg->body) {
		msg->body_kept =
			body->len < env->limits.capture_body ? body->len : env->limits.capture_body;
		memcpy(msg->body, body->bytes, msg->body_kept);
	}
	pool_put(&env->body, body);
	bodies_open--;
}

// ---- the sensor around the parser

static struct flow_env env;
static struct conn_meta meta;
static struct http1 conn;
static struct pctx ctx;
static uint8_t *guarded;
static size_t guarded_size;
static char got[1 << 20]; // what the sink was told
static size_t got_len;
static bool hide_unsolicited;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(got + got_len, sizeof(got) - got_len, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(got) - got_len);
	got_len += (size_t)n;
}

enum { TOLD_REQUEST = 1, TOLD_RESPONSE = 2 };

static void check_spans(const struct http_tx *tx, enum dir dir)
{
	const struct http_msg *msg = &tx->msg[dir];
	const uint8_t *base = tx->capture;

	for (uint32_t i = 0; i < HEADER_N; i++) {
		struct span v = msg->header[i];

		assert_true(!v.p ||
			    (base && v.p >= base && v.p + v.len <= base + env.capture.size));
	}
	assert_true(!msg->head || msg->head_len <= env.limits.capture_head);
	assert_true(msg->head || !msg->head_len);
	if (dir == CLIENT && tx->uri.p)
		assert_true(tx->uri.p >= msg->head &&
			    tx->uri.p + tx->uri.len <= msg->head + msg->head_len);
}

static void on_request(void *, struct http_tx *tx)
{
	assert_null(tx->detect);
	assert_true(tx->msg[CLIENT].seen && !tx->msg[SERVER].seen && tx->status == 0);
	check_spans(tx, CLIENT);
	tx->detect = (void *)(uintptr_t)TOLD_REQUEST;
}

static void on_response(void *, struct http_tx *tx)
{
	assert_int_equal((uintptr_t)tx->detect, tx->msg[CLIENT].seen ? TOLD_REQUEST : 0);
	assert_true(tx->msg[SERVER].seen);
	assert_int_equal(!http_tx_has_status(tx), tx->msg[SERVER].version_minor == 9); // HTTP/0.9
	assert_true(tx->status == 101 || tx->status / 100 != 1);
	check_spans(tx, SERVER);
	tx->detect = (void *)((uintptr_t)tx->detect | TOLD_RESPONSE);
}

static void put_message(const struct http_tx *tx, enum dir dir)
{
	static const char framing[] = "-LCX";
	const struct http_msg *msg = &tx->msg[dir];

	put("[");
	if (msg->seen) {
		put("%c%s", framing[msg->framing], msg->complete ? "" : "!");
		if (msg->has_body && msg->complete)
			put("%u %.*s", (uint32_t)msg->body_len, (int)msg->body_kept, msg->body);
		if (msg->head_truncated)
			put(" cut");
	}
	for (uint32_t i = 0; i < ANOMALY_N; i++) {
		if (!(msg->anomalies >> i & 1) ||
		    (hide_unsolicited && i == ANOMALY_UNSOLICITED_RESPONSE && dir == SERVER &&
		     tx->msg[CLIENT].seen))
			continue;
		const char *name = http_anomaly_name(i);

		put(" +%s", strncmp(name, "http_", 5) == 0 ? name + 5 : name);
	}
	put("]");
}

static void on_end(void *, struct http_tx *tx)
{
	assert_int_equal((uintptr_t)tx->detect, (tx->msg[CLIENT].seen ? TOLD_REQUEST : 0) |
							(tx->msg[SERVER].seen ? TOLD_RESPONSE : 0));
	assert_int_equal(tx->msg[SERVER].seen,
			 http_tx_has_status(tx) || tx->msg[SERVER].version_minor == 9);
	assert_ptr_equal(tx->conn, &meta);
	check_spans(tx, CLIENT);
	check_spans(tx, SERVER);
	put("%.*s %.*s ", (int)tx->method.len, tx->method.len ? (const char *)tx->method.p : "",
	    (int)tx->uri.len, tx->uri.len ? (const char *)tx->uri.p : "");
	put_message(tx, CLIENT);
	put(" %u ", tx->status);
	put_message(tx, SERVER);
	put("%s\n", tx->paired_by_guess ? " guess" : "");
	for (uint32_t dir = 0; dir < 2; dir++) {
		const struct http_msg *msg = &tx->msg[dir];

		assert_true(!msg->complete || !(msg->anomalies & ANOMALY_BIT(TRUNCATED)));
		assert_true(msg->first_ns <= msg->last_ns);
	}
}

static void pools(uint32_t tx, uint32_t capture, uint32_t head4k, uint32_t head64k)
{
	pool_fini(&env.tx);
	pool_fini(&env.capture);
	pool_fini(&env.head4k);
	pool_fini(&env.head64k);
	pool_init(&env.tx, sizeof(struct http_tx), tx);
	pool_init(&env.capture,
		  2 * ((size_t)env.limits.capture_head + env.limits.capture_body + 64), capture);
	pool_init(&env.head4k, 4096, head4k);
	pool_init(&env.head64k, env.limits.head_bytes, head64k);
}

static void defaults(void)
{
	env.limits = (struct flow_limits){
		.head_bytes = 65536,
		.headers = 256,
		.pipeline = 128,
		.capture_head = 8192,
		.capture_body = 256,
	};
	pools(300, 300, 4, 4);
	memset(&env.stats, 0, sizeof(env.stats));
	bodies_refused = false;
	hide_unsolicited = false;
}

static int setup(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	*state = NULL;
	guarded_size = 64 * page;
	p = mmap(NULL, guarded_size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	if (p == MAP_FAILED || mprotect(p + guarded_size, page, PROT_NONE))
		return -1;
	guarded = p + guarded_size;
	env.sink =
		(struct event_sink){.request = on_request, .response = on_response, .end = on_end};
	return pool_init(&env.body, sizeof(struct body), 16);
}

static int fresh(void **)
{
	defaults();
	return 0;
}

static uint64_t delivered[2]; // behind what the parser was given
static bool alive;

static void conn_open(bool midstream)
{
	memset(&conn, 0, sizeof(conn));
	meta = (struct conn_meta){.midstream = midstream};
	ctx = (struct pctx){.env = &env, .conn = &meta, .state = &conn, .now_ns = 1};
	ctx.lossy[CLIENT] = ctx.lossy[SERVER] = midstream;
	delivered[CLIENT] = delivered[SERVER] = 0;
	got_len = 0;
	got[0] = 0;
	alive = true;
	http1_parser.open(&ctx);
}

static void give(enum dir dir, const void *bytes, size_t len)
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
	alive = http1_parser.data(&ctx, dir, span_make(guarded - len, len));
}

static inline void give_text(enum dir dir, const char *text)
{
	give(dir, text, strlen(text));
}

static inline void lose(enum dir dir, uint64_t len)
{
	if (!alive || !len)
		return;
	ctx.lossy[dir] = true;
	ctx.off[dir] = delivered[dir];
	delivered[dir] += len;
	alive = http1_parser.gap(&ctx, dir, len);
}

static void conn_close(enum close_reason why)
{
	if (why == CLOSE_FIN) {
		http1_parser.fin(&ctx, CLIENT);
		http1_parser.fin(&ctx, SERVER);
	}
	http1_parser.close(&ctx, why);
	assert_int_equal(env.tx.used, 0);
	assert_int_equal(env.capture.used, 0);
	assert_int_equal(env.head4k.used, 0);
	assert_int_equal(env.head64k.used, 0);
	assert_int_equal(env.body.used, 0);
	assert_int_equal(bodies_open, 0);
}

static inline void assert_told(const char *what, const char *want)
{
	if (strcmp(got, want))
		fail_msg("%s\n--- got\n%s--- wanted\n%s", what, got, want);
}

#define GET(uri) "GET " uri " HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static char big[300000] __attribute__((unused));
