// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The TLS parser in a test: all of its files that hold state in one unit, a sink that writes down
// what it is told, an inner parser that does the same, and pieces that lie against a guard.

#pragma once

#include "tests/unit/tls_build.h"

#include "flows/tls.c"
#include "flows/tls_decrypt.c"
#include "flows/tls_inner.c"
#include "flows/tls_message.c"
#include "flows/tls_report.c"

static struct flow_env env;
static struct conn_meta meta;
static struct pctx ctx;
static _Alignas(16) uint8_t state[PARSER_STATE];
static uint64_t delivered[2];
static bool alive, handed_over;
static char got[1 << 20];
static size_t got_len;
static uint32_t n_reports;
static bool early_data;       // of the last one
static uint8_t client_id[32]; // hash of the last client certificate

__attribute__((format(printf, 1, 2))) static void told(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(got + got_len, sizeof(got) - got_len, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < sizeof(got) - got_len);
	got_len += (size_t)n;
}

static void told_span(const char *key, struct span s)
{
	if (s.p)
		told(" %s=%.*s", key, (int)s.len, (const char *)s.p);
}

static void on_tls(void *, const struct conn_meta *conn, const struct tls_handshake *hello)
{
	assert_ptr_equal(conn, &meta);
	n_reports++;
	early_data = hello->early_data;
	told("tls%s%s v=%04x c=%04x", hello->client_hello ? " C" : "",
	     hello->server_hello ? " S" : "", hello->version, hello->cipher);
	told_span("sni", hello->sni);
	told_span("alpn", hello->alpn);
	told_span("offered", hello->alpn_offered);
	bool damaged = hello->anomalies >> ANOMALY_TLS_BAD_MESSAGE & 1;

	assert_true(strlen(hello->ja3) == (hello->client_hello ? 32 : 0) || damaged);
	assert_true(strlen(hello->ja3s) == (hello->server_hello ? 32 : 0));
	assert_true(!hello->client->has_cert || hello->client_cert == TLS_YES);
	if (hello->client->has_cert)
		memcpy(client_id, hello->client->client_cert_sha256, 32);
	for (uint32_t i = 0; i < hello->n_certs; i++)
		told(" cert=%.*s", hello->certs[i].subject_len, hello->certs[i].subject);
	if (hello->chain_len || hello->chain_cut)
		told(" chain=%u%s", hello->chain_len, hello->chain_cut ? "+" : "");
	if (hello->client_cert_request)
		told(" asked=%u given=%u", hello->client_cert_request == TLS_YES,
		     hello->client_cert);
	for (uint32_t i = 0; i < ANOMALY_N; i++) {
		if (hello->anomalies >> i & 1)
			told(" +%u", i);
	}
	told("\n");
}

// ---- the inner parser: notes runs of bytes, holes, ends

struct inner_state {
	bool open, closed;
	bool run[2];
	uint64_t end[2];
};

static void inner_open(struct pctx *p)
{
	struct inner_state *s = p->state;

	assert_false(s->open);
	assert_non_null(p->conn->tls);
	assert_true(strlen(p->conn->tls->ja4) == 36 || !p->conn->tls->ja4[0]);
	s->open = true;
	for (uint32_t dir = 0; dir < 2; dir++)
		s->end[dir] = p->off[dir];
	told("open%s", p->conn->midstream ? "~" : "");
}

static bool inner_data(struct pctx *p, enum dir dir, struct span bytes)
{
	struct inner_state *s = p->state;

	assert_true(s->open && !s->closed && bytes.len);
	assert_int_equal(p->off[dir], s->end[dir]);
	assert_true(p->acked[dir] <= s->end[dir] + bytes.len);
	s->end[dir] += bytes.len;
	if (!s->run[dir])
		told("|%c:", "CS"[dir]);
	s->run[dir] = true;
	s->run[!dir] = false;
	told("%.*s", (int)bytes.len, (const char *)bytes.p);
	return !memchr(bytes.p, '!', bytes.len);
}

static bool inner_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct inner_state *s = p->state;

	assert_int_equal(p->off[dir], s->end[dir]);
	s->end[dir] += len;
	s->run[0] = s->run[1] = false;
	told("|%cgap%u", "CS"[dir], (uint32_t)len);
	return true;
}

static void inner_fin(struct pctx *p, enum dir dir)
{
	struct inner_state *s = p->state;

	s->run[0] = s->run[1] = false;
	told("|%cfin", "CS"[dir]);
}

static void inner_close(struct pctx *p, enum close_reason)
{
	struct inner_state *s = p->state;

	assert_true(s->open && !s->closed);
	s->closed = true;
	told("|close\n");
}

static enum probe inner_probe(struct span first, enum dir dir)
{
	const char *want = dir == CLIENT ? "GET " : "HTTP";
	uint32_t n = first.len < 4 ? first.len : 4;

	if (memcmp(first.p, want, n) != 0)
		return PROBE_NO;
	return n == 4 ? PROBE_CERTAIN : PROBE_UNSURE;
}

const struct parser http1_parser = {
	.name = "http1",
	.rank = 50,
	.size = sizeof(struct inner_state),
	.probe = inner_probe,
	.open = inner_open,
	.data = inner_data,
	.gap = inner_gap,
	.fin = inner_fin,
	.close = inner_close,
};
PARSER_REGISTER(http1_parser);

// ---- a connection

static void conn_open(void)
{
	static bool made;

	if (!made) {
		env.sink.tls = on_tls;
		for (uint32_t i = 0; i < parser_count(); i++) {
			if (parser_get(i) == &tls_parser)
				assert_int_equal(
					pool_init(&env.blocks[i], sizeof(struct tls_block), 2), 0);
		}
		made = true;
	}
	memset(state, 0, sizeof(state));
	ctx = (struct pctx){.env = &env, .conn = &meta, .state = state, .now_ns = 1};
	meta = (struct conn_meta){0};
	delivered[CLIENT] = delivered[SERVER] = 0;
	got_len = 0;
	got[0] = '\0';
	n_reports = 0;
	alive = true;
	handed_over = false;
	tls_parser.open(&ctx);
}

static void give(enum dir dir, struct span bytes)
{
	if (!alive || bytes.len == 0)
		return;
	ctx.off[dir] = delivered[dir];
	ctx.acked[!dir] = delivered[!dir];
	delivered[dir] += bytes.len;
	alive = tls_parser.data(&ctx, dir, guarded(bytes));
	if (env.hand.set) {
		handed_over = true;
		alive = false;
		env.hand = (struct handover){0};
	}
}

static void lose(enum dir dir, uint64_t len)
{
	if (!alive || len == 0)
		return;
	ctx.lossy[dir] = true;
	ctx.off[dir] = delivered[dir];
	delivered[dir] += len;
	alive = tls_parser.gap(&ctx, dir, len);
}

static void conn_close(enum close_reason why)
{
	tls_parser.close(&ctx, why);
	for (uint32_t i = 0; i < FLOW_PARSERS; i++)
		assert_int_equal(env.blocks[i].used, 0);
	assert_true(n_reports <= 1);
}

// What both sides send, in turns.
struct turn {
	enum dir dir;
	uint32_t at, len; // in the bytes of all turns
};

static struct buf talk; // bytes of all turns
static struct turn turns[64];
static uint32_t n_turns;

static void talk_begin(void)
{
	talk.n = 0;
	n_turns = 0;
}

static void talk_turn(enum dir dir)
{
	assert_true(n_turns < 64);
	turns[n_turns++] = (struct turn){dir, talk.n, 0};
}

static void talk_done(void)
{
	turns[n_turns - 1].len = talk.n - turns[n_turns - 1].at;
}

// Pieces end at each multiple of size and at cut.
static void talk_play(uint32_t size, uint32_t cut, enum close_reason why)
{
	conn_open();
	for (uint32_t t = 0; t < n_turns; t++) {
		uint32_t at = turns[t].at, stop = at + turns[t].len;

		while (at < stop) {
			uint32_t next = at + size < stop ? at + size : stop;

			if (cut > at && cut < next)
				next = cut;
			give(turns[t].dir, span_make(talk.p + at, next - at));
			at = next;
		}
	}
	conn_close(why);
}

// Every cut into two pieces, and pieces of every size, tell the same.
static void talk_all_cuts(const char *want)
{
	talk_play(UINT32_MAX / 2, 0, CLOSE_FIN);
	if (want)
		assert_string_equal(got, want);
	char *first = strdup(got);

	for (uint32_t cut = 1; cut < talk.n; cut++) {
		talk_play(UINT32_MAX / 2, cut, CLOSE_FIN);
		assert_string_equal(got, first);
	}
	for (uint32_t size = 1; size < 40; size++) {
		talk_play(size, 0, CLOSE_FIN);
		assert_string_equal(got, first);
	}
	free(first);
}
