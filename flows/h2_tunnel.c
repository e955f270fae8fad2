// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// WebSocket inside a stream of HTTP/2 (RFC 8441): the bytes of the stream's DATA frames are those
// of a connection of its own for the parser of WebSocket, which counts their offsets. Worker code.

#include "flows/h2_conn.h"

static struct pctx inner(const struct h2_feed *f, struct ws_conn *ws)
{
	struct pctx p = {
		.env = f->env,
		.conn = f->p->conn,
		.state = ws,
		.now_ns = f->p->now_ns,
		.anomalies = f->p->anomalies,
	};

	for (uint32_t dir = 0; dir < 2; dir++) {
		p.lossy[dir] = f->p->lossy[dir];
		p.off[dir] = p.acked[dir] = ws->ws ? ws->ws->side[dir].next : 0;
	}
	return p;
}

bool h2_tunnel_open(const struct h2_feed *f, struct http_tx *tx, struct ws_conn *ws)
{
	*ws = (struct ws_conn){NULL};
	struct pctx p = inner(f, ws);

	f->env->hand.tx = tx; // as behind 101: read, and not kept
	ws_parser.open(&p);
	f->env->hand.tx = NULL;
	return ws->ws;
}

void h2_tunnel_data(const struct h2_feed *f, struct h2_stream *s, struct span bytes)
{
	struct pctx p = inner(f, &s->ws);

	ws_parser.data(&p, f->dir, bytes);
	f->p->anomalies = p.anomalies;
}

void h2_tunnel_gap(const struct h2_feed *f, struct h2_stream *s, uint64_t len)
{
	struct pctx p = inner(f, &s->ws);

	ws_parser.gap(&p, f->dir, len);
	f->p->anomalies = p.anomalies;
}

void h2_tunnel_fin(const struct h2_feed *f, struct h2_stream *s)
{
	struct pctx p = inner(f, &s->ws);

	ws_parser.fin(&p, f->dir);
	f->p->anomalies = p.anomalies;
}

void h2_tunnel_close(const struct h2_feed *f, struct h2_stream *s)
{
	struct pctx p = inner(f, &s->ws);

	ws_parser.close(&p, CLOSE_END);
	f->p->anomalies = p.anomalies;
	s->tunnel = false;
}
