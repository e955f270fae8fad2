// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which parser: the one that ALPN names, else whatever the first bytes look like to any but TLS
// itself, so that nothing is ever nested deeper than this. The parser runs inside data() of the
// outer one, and what it leaves in env->hand is dealt with before that returns.

#include "flows/tls_inner.h"

#include "flows/tls.h"

enum { PROBE_GIVE_UP = 8 << 10 };

static const struct parser *parser_named(const char *name)
{
	for (uint32_t i = 0; i < parser_count(); i++) {
		if (strcmp(parser_get(i)->name, name) == 0)
			return parser_get(i);
	}
	return NULL;
}

static const struct parser *parser_by_alpn(struct span alpn)
{
	if (span_eq(alpn, SPAN_LIT("http/1.1")) || span_eq(alpn, SPAN_LIT("http/1.0")))
		return parser_named("http1");
	if (span_eq(alpn, SPAN_LIT("h2")))
		return parser_named("h2");
	return NULL;
}

static void inner_begin(struct tls_inner *inner, struct pctx *outer)
{
	if (inner->begun)
		return;
	inner->begun = true;
	inner->meta = *outer->conn;
	inner->meta.tls = &tls_of(outer)->block->facts.client;
	inner->pctx = (struct pctx){
		.env = outer->env,
		.conn = &inner->meta,
		.state = inner->state,
	};
}

// How much plaintext of this sender the other side has for sure.
static void acked_update(struct tls_inner *inner, struct pctx *outer, enum dir dir)
{
	for (uint32_t i = 0; i < inner->n_marks[dir]; i++) {
		const struct tls_mark *mark = &inner->marks[dir][i];

		if (mark->outer <= outer->acked[dir] && mark->plain > inner->acked[dir])
			inner->acked[dir] = mark->plain;
	}
}

static struct pctx *pctx_update(struct tls_inner *inner, struct pctx *outer)
{
	struct pctx *p = &inner->pctx;

	p->now_ns = outer->now_ns;
	p->anomalies |= outer->anomalies;
	outer->anomalies = 0;
	for (uint32_t dir = 0; dir < 2; dir++) {
		acked_update(inner, outer, dir);
		p->off[dir] = inner->off[dir];
		p->acked[dir] = inner->acked[dir];
	}
	return p;
}

static void mark_add(struct tls_inner *inner, enum dir dir, uint64_t outer_end)
{
	struct tls_mark *mark = &inner->marks[dir][inner->next_mark[dir]];

	*mark = (struct tls_mark){outer_end, inner->off[dir]};
	inner->next_mark[dir] = (uint8_t)((inner->next_mark[dir] + 1) % TLS_INNER_MARKS);
	if (inner->n_marks[dir] < TLS_INNER_MARKS)
		inner->n_marks[dir]++;
}

static void inner_end(struct tls_inner *inner, struct pctx *outer, enum close_reason why)
{
	if (inner->parser)
		inner->parser->close(pctx_update(inner, outer), why);
	inner->parser = NULL;
	inner->probe_len[CLIENT] = inner->probe_len[SERVER] = 0;
}

static void choose(struct tls_inner *inner, struct pctx *outer, const struct parser *parser)
{
	inner->parser = parser;
	memset(inner->state, 0, parser->size);
	parser->open(pctx_update(inner, outer));
}

// The parser that knows these first bytes; NULL with *unsure: more may tell.
static const struct parser *probe(struct span view, enum dir dir, bool *unsure)
{
	const struct parser *likely_parser = NULL;

	*unsure = false;
	for (uint32_t i = 0; i < parser_count(); i++) {
		const struct parser *parser = parser_get(i);

		if (parser == &tls_parser || !parser->probe)
			continue;
		enum probe result = parser->probe(view, dir);

		if (result == PROBE_CERTAIN)
			return parser;
		if (result == PROBE_UNSURE && !likely_parser)
			likely_parser = parser;
	}
	*unsure = likely_parser && view.len < TLS_INNER_PROBE;
	return *unsure ? NULL : likely_parser;
}

static uint32_t probe_join(struct tls_inner *inner, enum dir dir, struct span bytes, uint8_t *view)
{
	uint32_t had = inner->probe_len[dir], n = TLS_INNER_PROBE - had;

	n = n < bytes.len ? n : bytes.len;
	memcpy(view, inner->probe[dir], had);
	memcpy(view + had, bytes.p, n);
	return had + n;
}

// False: the parser hands on; *rest, the end of the bytes, is to be looked at anew.
static bool deliver(struct tls_inner *inner, struct pctx *outer, enum dir dir,
		    struct span bytes, struct span *rest)
{
	struct flow_env *env = outer->env;
	enum parser_result result =
		parser_data(&inner->parser, pctx_update(inner, outer), dir, bytes);

	inner->off[dir] += bytes.len;
	if (result == PARSER_REFUSES) {
		inner_end(inner, outer, CLOSE_END);
		inner->dead = true;
	}
	if (result != PARSER_PROBE)
		return true;
	*rest = env->hand.rest; // of a tunnel
	env->hand = (struct handover){0};
	inner->off[dir] -= rest->len;
	inner->probed = 0;
	inner->parser = NULL;
	return false;
}

// The parser is known now: it gets what came of both sides before.
static void catch_up(struct tls_inner *inner, struct pctx *outer, const struct parser *parser)
{
	uint32_t kept[2] = {inner->probe_len[CLIENT], inner->probe_len[SERVER]};
	struct span rest;

	inner->probe_len[CLIENT] = inner->probe_len[SERVER] = 0;
	inner->off[CLIENT] -= kept[CLIENT];
	inner->off[SERVER] -= kept[SERVER];
	choose(inner, outer, parser);
	for (uint32_t dir = 0; dir < 2 && inner->parser; dir++) {
		// So few bytes make no tunnel.
		if (kept[dir] && !deliver(inner, outer, dir,
					  span_make(inner->probe[dir], kept[dir]), &rest))
			inner->dead = true;
	}
}

// True: a parser was found, and the bytes are for it.
static bool look(struct tls_inner *inner, struct pctx *outer, enum dir dir, struct span bytes)
{
	uint8_t joined[TLS_INNER_PROBE];
	struct span view = bytes;
	bool unsure;

	if (inner->probe_len[dir])
		view = span_make(joined, probe_join(inner, dir, bytes, joined));
	const struct parser *parser = probe(view, dir, &unsure);

	if (parser) {
		catch_up(inner, outer, parser);
		return inner->parser && !inner->dead;
	}
	inner->probe_len[dir] = 0;
	inner->off[dir] += bytes.len;
	if (unsure) { // the view is shorter than the room for it
		memcpy(inner->probe[dir], view.p, view.len);
		inner->probe_len[dir] = (uint8_t)view.len;
		return false;
	}
	inner->probed += bytes.len;
	inner->dead = inner->probed > PROBE_GIVE_UP;
	return false;
}

void tls_inner_data(struct tls_inner *inner, struct pctx *outer, enum dir dir,
		    struct span plain, uint64_t outer_end, struct span alpn)
{
	if (inner->dead || plain.len == 0)
		return;
	inner_begin(inner, outer);
	if (!inner->parser && inner->off[CLIENT] == 0 && inner->off[SERVER] == 0) {
		const struct parser *parser = parser_by_alpn(alpn);

		if (parser)
			choose(inner, outer, parser);
	}
	for (uint32_t turn = 0; turn <= FLOW_PARSERS && plain.len && !inner->dead; turn++) {
		if (!inner->parser && !look(inner, outer, dir, plain))
			break;
		if (deliver(inner, outer, dir, plain, &plain))
			break;
	}
	mark_add(inner, dir, outer_end);
}

void tls_inner_gap(struct tls_inner *inner, struct pctx *outer, enum dir dir, uint64_t len)
{
	if (inner->dead)
		return;
	inner_begin(inner, outer);
	inner->pctx.lossy[dir] = true;
	inner->probe_len[dir] = 0;
	if (inner->parser && !inner->parser->gap(pctx_update(inner, outer), dir, len)) {
		inner_end(inner, outer, CLOSE_END);
		inner->dead = true;
	}
	inner->off[dir] += len;
}

void tls_inner_lost(struct tls_inner *inner, struct pctx *outer)
{
	const struct parser *parser = inner->parser;

	if (inner->dead)
		return;
	inner_begin(inner, outer);
	inner_end(inner, outer, CLOSE_END);
	inner->meta.midstream = true;
	inner->pctx.lossy[CLIENT] = inner->pctx.lossy[SERVER] = true;
	if (parser)
		choose(inner, outer, parser);
}

void tls_inner_fin(struct tls_inner *inner, struct pctx *outer, enum dir dir)
{
	if (inner->notified[dir])
		return;
	inner->notified[dir] = true;
	if (inner->parser)
		inner->parser->fin(pctx_update(inner, outer), dir);
}

void tls_inner_close(struct tls_inner *inner, struct pctx *outer, enum close_reason why)
{
	// Without close_notify nobody knows whether more was to come (RFC 9112 section 9.8).
	if (why == CLOSE_FIN && !inner->notified[SERVER])
		why = CLOSE_END;
	inner_end(inner, outer, why);
	inner->dead = true;
}
