// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the parser of a connection is given, in order: bytes, holes, ends. Before there is one the
// first bytes of each piece are looked at until it is clear which protocol is spoken, and by whom;
// a connection of which nothing is known for too long becomes opaque, as does one whose parser
// refuses. Offsets advance here and nowhere else.

#include "flows/tcp.h"

#include <rte_branch_prediction.h>

enum {
	PROBE_GIVE_UP = 8 << 10, // bytes of one direction
};

static enum dir dir_of(const struct conn *c, uint32_t side)
{
	return side == c->client ? CLIENT : SERVER;
}

// The parser's view of where both streams are.
static struct pctx *pctx_update(struct tracker *t, struct conn *c)
{
	struct pctx *p = &c->pctx;

	p->now_ns = t->now_ns;
	for (uint32_t side = 0; side < 2; side++) {
		enum dir dir = dir_of(c, side);

		p->off[dir] = c->stream[side].off;
		p->acked[dir] = c->stream[side].told;
		p->lossy[dir] = c->stream[side].lossy;
	}
	return p;
}

static void trace_side(const struct tracker *t, enum trace_kind kind, const struct parser *parser,
		       uint32_t side, enum dir dir, uint32_t result)
{
	struct trace_event event = {
		.kind = kind, .dir = dir, .parser = parser, .side = side, .result = result};

	t->env->trace->event(t->env->trace->ctx, &event);
}

// Called before the gap counts.
static void trace_gap(const struct tracker *t, const struct conn *c, uint32_t side, uint32_t len)
{
	const struct stream *s = &c->stream[side];
	struct trace_event event = {
		.kind = TRACE_GAP,
		.dir = dir_of(c, side),
		.side = side,
		.off = s->off,
		.len = len,
		.acked = s->acked,
		.waited_ns = t->now_ns > s->hole_ns ? t->now_ns - s->hole_ns : 0,
		.n_held = s->n_held,
	};

	t->env->trace->event(t->env->trace->ctx, &event);
}

static void conn_opaque(struct tracker *t, struct conn *c)
{
	if (unlikely(t->env->trace))
		trace_parser(t->env->trace, TRACE_OPAQUE, c->parser, CLIENT);
	if (c->parser)
		c->parser->close(pctx_update(t, c), CLOSE_END);
	c->parser = NULL;
	c->flow->state = FLOW_OPAQUE;
}

static void conn_parser(struct tracker *t, struct conn *c, const struct parser *parser,
			uint32_t client)
{
	const struct flow_key *key = &c->flow->key;
	uint32_t anomalies = c->pctx.anomalies;

	c->client = (uint8_t)client;
	c->meta = (struct conn_meta){
		.port = {key->port[client], key->port[!client]},
		.v6 = c->flow->v6,
		.midstream = c->stream[client].lossy,
		.space = key->space_proto >> 8,
		.id = t->now_ns,
		.hash = c->flow->hash,
	};
	memcpy(c->meta.addr[CLIENT], key->addr[client], 16);
	memcpy(c->meta.addr[SERVER], key->addr[!client], 16);
	if (c->meta.midstream)
		t->env->stats.tcp_midstream++;
	memset(c->state, 0, parser->size);
	c->pctx = (struct pctx){
		.env = t->env, .conn = &c->meta, .state = c->state, .anomalies = anomalies};
	c->parser = parser;
	if (unlikely(t->env->trace))
		trace_side(t, TRACE_PARSER, parser, client, CLIENT, 0);
	parser->open(pctx_update(t, c));
	// What both sides had sent while it was not clear what they speak.
	for (uint32_t i = 0; i < 2 && c->parser; i++) {
		uint32_t side = i == 0 ? client : !client;
		struct stream *s = &c->stream[side];

		if (s->probe_len == 0)
			continue;
		struct pctx *p = pctx_update(t, c);
		enum dir dir = dir_of(c, side);
		uint32_t n = s->probe_len;

		p->off[dir] = s->off - n;
		s->probe_len = 0;
		// No connection is handed over by its first bytes to whom they tell nothing.
		if (parser_data(&c->parser, p, dir, span_make(s->probe, n)) != PARSER_GOES_ON) {
			p->env->hand = (struct handover){0};
			conn_opaque(t, c);
		}
	}
}

// What the parsers say of first bytes. *parser, *client: of the first that is certain, else of the
// first that needs more.
static enum probe conn_ask(struct tracker *t, uint32_t side, struct span view,
			   const struct parser **parser, uint32_t *client)
{
	enum probe best = PROBE_NO;

	for (uint32_t i = 0; i < parser_count(); i++) {
		const struct parser *p = parser_get(i);

		for (uint32_t dir = 0; p->probe && dir < 2; dir++) {
			enum probe probe = p->probe(view, dir);

			if (unlikely(t->env->trace))
				trace_side(t, TRACE_PROBE, p, side, dir, probe);
			if (probe == PROBE_NO || (probe == PROBE_UNSURE && best == PROBE_UNSURE))
				continue;
			best = probe;
			*parser = p;
			*client = dir == CLIENT ? side : !side;
			if (best == PROBE_CERTAIN)
				return best;
		}
	}
	return best;
}

// Which protocol, and who is the client? Looks at the first bytes of each piece until sure.
static void conn_probe(struct tracker *t, struct conn *c, uint32_t side, struct span bytes)
{
	struct stream *s = &c->stream[side];
	const struct parser *parser;
	uint8_t joined[PROBE_BYTES];
	struct span view = bytes;
	uint32_t client;

	if (s->probe_len) {
		uint32_t n = PROBE_BYTES - s->probe_len;

		n = n < bytes.len ? n : bytes.len;
		memcpy(joined, s->probe, s->probe_len);
		memcpy(joined + s->probe_len, bytes.p, n);
		view = span_make(joined, s->probe_len + n);
	}
	enum probe probe = conn_ask(t, side, view, &parser, &client);

	// What was kept belongs to nothing: perhaps something begins with this piece.
	if (probe == PROBE_NO && s->probe_len) {
		s->probe_len = 0;
		view = bytes;
		probe = conn_ask(t, side, view, &parser, &client);
	}
	// The first that may be is taken when there is more than any other prefix could be.
	if (probe == PROBE_CERTAIN || (probe == PROBE_UNSURE && view.len >= PROBE_BYTES)) {
		conn_parser(t, c, parser, client);
		return;
	}
	if (probe == PROBE_UNSURE) {
		memcpy(s->probe, view.p, view.len);
		s->probe_len = (uint8_t)view.len;
		return;
	}
	// A message may still start later: behind a proxy's handshake, or after nonsense that is
	// answered in HTTP.
	s->probe_len = 0;
	s->probed += bytes.len;
	if (s->probed > PROBE_GIVE_UP)
		conn_opaque(t, c);
}

// Gives a piece to the parser, and what it leaves of it to the one that turns out to be next.
static void conn_deliver(struct tracker *t, struct conn *c, uint32_t side, struct span bytes)
{
	struct stream *s = &c->stream[side];
	uint64_t off = s->off;

	for (uint32_t turn = 0; c->parser && turn <= FLOW_PARSERS; turn++) {
		struct pctx *p = pctx_update(t, c);
		enum parser_result result = parser_data(&c->parser, p, dir_of(c, side), bytes);

		if (likely(result == PARSER_GOES_ON))
			break;
		if (result == PARSER_REFUSES) {
			conn_opaque(t, c);
			break;
		}
		// A tunnel: its ends begin to speak now, the server perhaps in this piece.
		struct span rest = p->env->hand.rest;

		p->env->hand = (struct handover){0};
		c->stream[0].probed = c->stream[1].probed = 0;
		c->stream[0].probe_len = c->stream[1].probe_len = 0;
		s->off += bytes.len - rest.len;
		bytes = rest;
		if (bytes.len)
			conn_probe(t, c, side, bytes);
	}
	s->off = off;
}

enum fate tcp_feed_bytes(struct tracker *t, struct conn *c, uint32_t side, struct span bytes)
{
	struct stream *s = &c->stream[side];
	enum fate fate = FATE_OPAQUE;

	if (!c->parser && c->flow->state != FLOW_OPAQUE)
		conn_probe(t, c, side, bytes);
	if (c->parser) {
		fate = FATE_PARSED;
		conn_deliver(t, c, side, bytes);
	} else if (s->probe_len) {
		fate = FATE_PARSED;
	}
	s->next += bytes.len;
	s->off += bytes.len;
	return fate;
}

void tcp_feed_gap(struct tracker *t, struct conn *c, uint32_t side, uint32_t len)
{
	struct stream *s = &c->stream[side];

	t->env->stats.tcp_gaps++;
	t->env->stats.tcp_gap_bytes += len;
	if (unlikely(t->env->trace))
		trace_gap(t, c, side, len);
	s->lossy = true;
	s->probe_len = 0;
	overlap_reset(&s->overlap, &s->again);
	if (c->parser && !c->parser->gap(pctx_update(t, c), dir_of(c, side), len))
		conn_opaque(t, c);
	s->next += len;
	s->off += len;
}

void tcp_feed_fin(struct tracker *t, struct conn *c, uint32_t side)
{
	struct stream *s = &c->stream[side];

	s->fin_done = true;
	s->next++;
	if (unlikely(t->env->trace))
		trace_side(t, TRACE_FIN, c->parser, side, dir_of(c, side), 0);
	if (c->parser)
		c->parser->fin(pctx_update(t, c), dir_of(c, side));
}

void tcp_feed_close(struct tracker *t, struct conn *c, enum close_reason why)
{
	if (unlikely(t->env->trace))
		trace_side(t, TRACE_CLOSE, c->parser, 0, CLIENT, why);
	if (c->parser)
		c->parser->close(pctx_update(t, c), why);
	c->parser = NULL;
}
