// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// In-order payload goes to the parser at once, from the mbuf, without a copy. Only what is out
// of order is held, within bounds: sorted by sequence number, trimmed on arrival so that held
// segments never overlap; the first copy of a byte wins. A hole is given up when the receiver
// acknowledged past it (it has the bytes, the mirror lost them), when too much has come behind
// it, or when it waited too long; the parser is told its length, in order, like data.

#include "flows/tcp.h"

#include <rte_branch_prediction.h>

enum {
	SIDE_NS_ACKED = 2 * 1000 * 1000, // two tap ports: an ACK may be polled before its data
	SIDE_PKTS_ACKED = 8,
	FAR_AHEAD = 1 << 20,
	FAR_AGREE = 4,
	PROBE_GIVE_UP = 64 << 10,
};

static const struct parser *const parsers[] = {&http1_parser};

static int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static enum dir dir_of(const struct conn *c, uint32_t side)
{
	return side == c->client ? CLIENT : SERVER;
}

static void conn_fates(struct tracker *t, enum fate fate, int64_t pkts, int64_t bytes)
{
	t->fates->pkts[fate] += (uint64_t)pkts;
	t->fates->bytes[fate] += (uint64_t)bytes;
}

// The parser's view of where both streams are.
static struct pctx *pctx_update(struct tracker *t, struct conn *c)
{
	struct pctx *p = &c->pctx;

	p->now_ns = t->now_ns;
	for (uint32_t side = 0; side < 2; side++) {
		enum dir dir = dir_of(c, side);

		p->off[dir] = c->stream[side].off;
		p->acked[dir] = c->stream[side].acked;
		p->lossy[dir] = c->stream[side].lossy;
	}
	return p;
}

static void conn_opaque(struct tracker *t, struct conn *c)
{
	if (c->parser)
		c->parser->close(pctx_update(t, c), CLOSE_END);
	c->parser = NULL;
	c->flow->state = FLOW_OPAQUE;
}

static void conn_parser(struct tracker *t, struct conn *c, const struct parser *parser,
			uint32_t client)
{
	const struct flow_key *key = &c->flow->key;

	c->client = (uint8_t)client;
	c->meta = (struct conn_meta){
		.port = {key->port[client], key->port[!client]},
		.v6 = c->flow->v6,
		.midstream = c->stream[client].lossy,
		.space = key->space_proto >> 8,
		.id = t->n_conns++,
		.hash = c->flow->hash,
	};
	memcpy(c->meta.addr[CLIENT], key->addr[client], 16);
	memcpy(c->meta.addr[SERVER], key->addr[!client], 16);
	if (c->meta.midstream)
		t->env->stats.tcp_midstream++;
	memset(c->state, 0, parser->size);
	c->pctx = (struct pctx){.env = t->env, .conn = &c->meta, .state = c->state};
	c->parser = parser;
	parser->open(pctx_update(t, c));
	// What both sides had sent while it was not clear what they speak.
	for (uint32_t i = 0; i < 2 && c->parser; i++) {
		uint32_t side = i == 0 ? client : !client;
		struct stream *s = &c->stream[side];

		if (s->probe_len == 0)
			continue;
		struct pctx *p = pctx_update(t, c);
		p->off[dir_of(c, side)] = s->off - s->probe_len;
		if (!parser->data(p, dir_of(c, side), span_make(s->probe, s->probe_len)))
			conn_opaque(t, c);
		s->probe_len = 0;
	}
}

// Which protocol, and who is the client? Looks at the first bytes of each piece until sure.
static void conn_probe(struct tracker *t, struct conn *c, uint32_t side, struct span bytes)
{
	struct stream *s = &c->stream[side];
	uint8_t joined[PROBE_BYTES];
	struct span view = bytes;
	bool unsure = false;

	if (s->probe_len) {
		uint32_t n = PROBE_BYTES - s->probe_len;

		n = n < bytes.len ? n : bytes.len;
		memcpy(joined, s->probe, s->probe_len);
		memcpy(joined + s->probe_len, bytes.p, n);
		view = span_make(joined, s->probe_len + n);
	}
	for (uint32_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		enum probe as_client = parsers[i]->probe(view, CLIENT);
		enum probe as_server = parsers[i]->probe(view, SERVER);
		uint32_t client = SIDE_UNKNOWN;

		// Longer than any prefix that could still be anything else.
		if (as_client == PROBE_UNSURE && view.len >= PROBE_BYTES)
			as_client = PROBE_CERTAIN;
		if (as_server == PROBE_UNSURE && view.len >= PROBE_BYTES)
			as_server = PROBE_CERTAIN;
		if (as_client == PROBE_CERTAIN)
			client = side;
		else if (as_server == PROBE_CERTAIN)
			client = !side;
		unsure |= as_client == PROBE_UNSURE || as_server == PROBE_UNSURE;
		if (client != SIDE_UNKNOWN) {
			conn_parser(t, c, parsers[i], client);
			return;
		}
	}
	if (unsure) { // view is shorter than PROBE_BYTES
		memcpy(s->probe, view.p, view.len);
		s->probe_len = (uint8_t)view.len;
		return;
	}
	// The first bytes of a server settle it: a client may have sent nonsense that is answered
	// in HTTP. Otherwise a message may still start later.
	bool start = s->off == 0 && !s->lossy && c->flow->server == side;
	s->probe_len = 0;
	s->probed += bytes.len;
	if (start || s->probed > PROBE_GIVE_UP)
		conn_opaque(t, c);
}

// The next in-order bytes of a side; advances the stream. Returns their fate.
static enum fate stream_feed(struct tracker *t, struct conn *c, uint32_t side, struct span bytes)
{
	struct stream *s = &c->stream[side];
	enum fate fate = FATE_OPAQUE;

	if (!c->parser && c->flow->state != FLOW_OPAQUE)
		conn_probe(t, c, side, bytes);
	if (c->parser) {
		fate = FATE_PARSED;
		if (!c->parser->data(pctx_update(t, c), dir_of(c, side), bytes))
			conn_opaque(t, c);
	} else if (s->probe_len) {
		fate = FATE_PARSED;
	}
	s->next += bytes.len;
	s->off += bytes.len;
	return fate;
}

// Bytes that did not cross the mirror port.
static void stream_gap(struct tracker *t, struct conn *c, uint32_t side, uint32_t len)
{
	struct stream *s = &c->stream[side];

	t->env->stats.tcp_gaps++;
	t->env->stats.tcp_gap_bytes += len;
	s->lossy = true;
	s->probe_len = 0;
	if (c->parser && !c->parser->gap(pctx_update(t, c), dir_of(c, side), len))
		conn_opaque(t, c);
	s->next += len;
	s->off += len;
}

static void stream_fin(struct tracker *t, struct conn *c, uint32_t side)
{
	struct stream *s = &c->stream[side];

	if (!s->has_fin || s->fin_done || s->next != s->fin_seq)
		return;
	s->fin_done = true;
	s->next++;
	if (c->parser)
		c->parser->fin(pctx_update(t, c), dir_of(c, side));
}

// len payload bytes of m from skip on, piece by piece of a chained mbuf.
static enum fate stream_packet(struct tracker *t, struct conn *c, uint32_t side,
			       struct rte_mbuf *m, uint32_t skip, uint32_t len)
{
	const struct pkt *pkt = pkt_of(m);
	uint32_t off = pkt->payload_off + skip;
	enum fate fate = FATE_PARSED, last = FATE_PARSED;

	for (struct rte_mbuf *seg = m; seg && len; seg = seg->next) {
		uint32_t here = rte_pktmbuf_data_len(seg);

		if (off >= here) {
			off -= here;
			continue;
		}
		uint32_t n = RTE_MIN(here - off, len);
		last = stream_feed(t, c, side,
				   span_make(rte_pktmbuf_mtod_offset(seg, uint8_t *, off), n));
		conn_fates(t, last, 0, n);
		fate = last == FATE_OPAQUE ? FATE_OPAQUE : fate;
		off = 0;
		len -= n;
	}
	return fate;
}

static void holes_link(struct tracker *t, struct conn *c)
{
	if (c->in_hole_list)
		return;
	c->in_hole_list = true;
	c->hole_prev = NULL;
	c->hole_next = t->holes;
	if (t->holes)
		t->holes->hole_prev = c;
	t->holes = c;
}

static void holes_unlink(struct tracker *t, struct conn *c)
{
	if (!c->in_hole_list || c->stream[0].held || c->stream[1].held)
		return;
	c->in_hole_list = false;
	if (c->hole_prev)
		c->hole_prev->hole_next = c->hole_next;
	else
		t->holes = c->hole_next;
	if (c->hole_next)
		c->hole_next->hole_prev = c->hole_prev;
}

static struct rte_mbuf *held_pop(struct tracker *t, struct stream *s)
{
	struct rte_mbuf *m = s->held;
	const struct pkt *pkt = pkt_of(m);
	uint32_t len = pkt->payload_len - pkt->held_skip;

	s->held = pkt->next_held;
	s->n_held--;
	s->held_bytes -= len;
	t->held--;
	conn_fates(t, FATE_HELD, -1, -(int64_t)len);
	return m;
}

static void held_discard(struct tracker *t, struct stream *s, enum fate fate)
{
	while (s->held) {
		struct rte_mbuf *m = held_pop(t, s);

		conn_fates(t, fate, 1, pkt_of(m)->payload_len - pkt_of(m)->held_skip);
		tracker_free_mbuf(t, m);
	}
}

// Delivers what is held and in order now.
static void held_drain(struct tracker *t, struct conn *c, uint32_t side)
{
	struct stream *s = &c->stream[side];

	while (s->held) {
		const struct pkt *pkt = pkt_of(s->held);
		int32_t ahead = seq_diff(pkt->seq + pkt->held_skip, s->next);

		if (ahead > 0)
			break;
		struct rte_mbuf *m = held_pop(t, s);
		uint32_t len = pkt->payload_len - pkt->held_skip, old = (uint32_t)-ahead;
		enum fate fate = FATE_DUPLICATE;
		if (old < len) {
			if (old)
				conn_fates(t, FATE_DUPLICATE, 0, old);
			fate = stream_packet(t, c, side, m, pkt->held_skip + old, len - old);
		} else {
			conn_fates(t, FATE_DUPLICATE, 0, len);
			t->env->stats.tcp_duplicate_bytes += len;
		}
		conn_fates(t, fate, 1, 0);
		if (old <= len && pkt->missing_len)
			stream_gap(t, c, side, pkt->missing_len);
		tracker_free_mbuf(t, m);
	}
	// The next hole has its own clock.
	s->hole_ns = t->now_ns;
	s->hole_pkts = 0;
	stream_fin(t, c, side);
}

void tcp_holes(struct tracker *t, struct conn *c, uint32_t side, bool all)
{
	const struct tracker_limits *l = t->limits;
	struct stream *s = &c->stream[side];

	while (s->held) {
		uint64_t waited = t->now_ns > s->hole_ns ? t->now_ns - s->hole_ns : 0;
		bool acked = s->acked > s->off &&
			     (waited >= SIDE_NS_ACKED || s->hole_pkts >= SIDE_PKTS_ACKED);

		if (!all && !acked && s->n_held < l->gap_segments &&
		    waited < (uint64_t)l->gap_ms * 1000000)
			break;
		const struct pkt *first = pkt_of(s->held);
		stream_gap(t, c, side, first->seq + first->held_skip - s->next);
		held_drain(t, c, side);
	}
	// A FIN behind a hole with nothing in between.
	if (all && s->has_fin && !s->fin_done && seq_diff(s->fin_seq, s->next) > 0) {
		stream_gap(t, c, side, s->fin_seq - s->next);
		stream_fin(t, c, side);
	}
	holes_unlink(t, c);
}

static bool held_conflict(const struct rte_mbuf *a, uint32_t a_off, const struct rte_mbuf *b,
			  uint32_t b_off, uint32_t len)
{
	uint8_t x[256], y[256];

	a_off += ((const struct pkt *)rte_mbuf_to_priv((struct rte_mbuf *)a))->payload_off;
	b_off += ((const struct pkt *)rte_mbuf_to_priv((struct rte_mbuf *)b))->payload_off;
	while (len) {
		uint32_t n = RTE_MIN(len, (uint32_t)sizeof(x));
		const void *p = rte_pktmbuf_read(a, a_off, n, x), *q = rte_pktmbuf_read(b, b_off, n, y);

		if (!p || !q || memcmp(p, q, n) != 0)
			return true;
		a_off += n;
		b_off += n;
		len -= n;
	}
	return false;
}

static void note_conflict(struct tracker *t, struct conn *c)
{
	t->env->stats.tcp_overlap_conflicts++;
	c->pctx.overlap_conflict = true;
}

// Links m, which starts ahead of the expected byte, into the held list. Parts that are held
// already are cut off; m is dropped when nothing of it is new.
static void held_insert(struct tracker *t, struct conn *c, uint32_t side, struct rte_mbuf *m)
{
	struct stream *s = &c->stream[side];
	struct pkt *pkt = pkt_of(m);
	struct rte_mbuf **link = &s->held;
	uint32_t whole = pkt->payload_len;

	for (; *link; link = &pkt_of(*link)->next_held) {
		const struct pkt *other = pkt_of(*link);
		uint32_t o_from = other->seq + other->held_skip, o_to = other->seq + other->payload_len;
		uint32_t from = pkt->seq + pkt->held_skip, to = pkt->seq + pkt->payload_len;

		if (seq_diff(to, o_from) <= 0)
			break; // wholly before it
		if (seq_diff(from, o_to) >= 0)
			continue; // wholly behind it
		uint32_t lo = seq_diff(from, o_from) > 0 ? from : o_from;
		uint32_t hi = seq_diff(to, o_to) < 0 ? to : o_to;
		if (held_conflict(m, lo - pkt->seq, *link, lo - other->seq, hi - lo))
			note_conflict(t, c);
		if (seq_diff(from, o_from) < 0) {
			// New bytes in front of a held segment; what lies behind it is given up
			// here and comes again by retransmission if it was never held.
			pkt->payload_len = (uint16_t)(o_from - pkt->seq);
			pkt->missing_len = 0;
			break;
		}
		pkt->held_skip = (uint16_t)RTE_MIN((uint32_t)pkt->payload_len, o_to - pkt->seq);
	}
	uint32_t len = pkt->payload_len - pkt->held_skip;
	conn_fates(t, FATE_DUPLICATE, 0, whole - len);
	t->env->stats.tcp_duplicate_bytes += whole - len;
	if (len == 0) {
		conn_fates(t, FATE_DUPLICATE, 1, 0);
		tracker_free_mbuf(t, m);
		return;
	}
	if (!s->held) {
		s->hole_ns = t->now_ns;
		s->hole_pkts = 0;
	}
	pkt->next_held = *link;
	*link = m;
	s->n_held++;
	s->held_bytes += len;
	t->held++;
	t->env->stats.tcp_out_of_order++;
	conn_fates(t, FATE_HELD, 1, len);
	holes_link(t, c);
}

// Far from what is expected: an attack, a stray packet, or we lost track. Segments that fit each
// other several times in a row are believed.
static bool stream_far(struct tracker *t, struct conn *c, uint32_t side, const struct pkt *pkt,
		       uint32_t seq)
{
	struct stream *s = &c->stream[side];

	t->env->stats.tcp_out_of_window++;
	s->n_far = s->n_far && seq == s->far_next ? s->n_far + 1 : 1;
	s->far_next = seq + pkt->payload_len;
	if (s->n_far < FAR_AGREE)
		return false;
	s->n_far = 0;
	held_discard(t, s, FATE_DISCARDED);
	holes_unlink(t, c);
	int32_t ahead = seq_diff(seq, s->next);
	if (ahead > 0) {
		stream_gap(t, c, side, (uint32_t)ahead);
		return true;
	}
	// Backwards by that much cannot be one stream: the parser starts anew at this point.
	stream_gap(t, c, side, 0);
	s->next = seq;
	return true;
}

static bool hold_full(const struct tracker *t, const struct stream *s, uint32_t len)
{
	const struct tracker_limits *l = t->limits;

	return s->n_held >= l->hold_segments || s->held_bytes + len > l->hold_bytes ||
	       t->held >= l->hold_total;
}

void tcp_ack(struct tracker *, struct conn *c, uint32_t side, uint32_t ack)
{
	struct stream *s = &c->stream[!side];

	if (!s->started)
		return;
	int64_t off = (int64_t)s->off + seq_diff(ack, s->next);
	// The acknowledgement of the FIN counts one past the data.
	if (off > (int64_t)s->acked && off - (int64_t)s->off < 1 << 30)
		s->acked = (uint64_t)off;
	if (s->held)
		s->hole_pkts++;
}

void tcp_segment(struct tracker *t, struct conn *c, struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(m);
	uint32_t side = pkt->src, len = pkt->payload_len;
	uint32_t seq = pkt->seq + (pkt->tcp_flags & TCP_SYN ? 1 : 0);
	struct stream *s = &c->stream[side];

	pkt->seq = seq;
	if (!s->started) {
		s->started = true;
		s->next = seq;
		s->lossy = true; // its beginning was not seen
	}
	int32_t ahead = seq_diff(seq, s->next);
	if (unlikely((len && ahead > FAR_AHEAD + (int32_t)t->limits->hold_bytes) ||
		     ahead < -(64 << 20))) {
		if (!stream_far(t, c, side, pkt, seq)) {
			conn_fates(t, FATE_DISCARDED, 1, len);
			tracker_free_mbuf(t, m);
			return;
		}
		ahead = 0;
	}
	if ((pkt->tcp_flags & TCP_FIN) && !s->fin_done) {
		s->has_fin = true;
		s->fin_seq = seq + len + pkt->missing_len;
	}
	if (s->fin_done && ahead >= -1 && len) {
		// Data behind the end of its stream.
		conn_fates(t, FATE_DISCARDED, 1, len);
		tracker_free_mbuf(t, m);
		return;
	}
	if (s->held)
		s->hole_pkts++;
	if (ahead > 0 && len && hold_full(t, s, len)) {
		t->env->stats.tcp_hold_full++;
		tcp_holes(t, c, side, true);
		ahead = seq_diff(seq, s->next);
		if (ahead > 0 && hold_full(t, s, len)) {
			// Other connections hold all there is: this hole cannot wait.
			stream_gap(t, c, side, (uint32_t)ahead);
			ahead = 0;
		}
	}
	if (likely(ahead <= 0)) {
		uint32_t old = (uint32_t)-ahead;
		enum fate fate = FATE_DUPLICATE;

		if (old < len) {
			if (old) {
				conn_fates(t, FATE_DUPLICATE, 0, old);
				t->env->stats.tcp_duplicate_bytes += old;
			}
			fate = stream_packet(t, c, side, m, old, len - old);
		} else if (len) {
			conn_fates(t, FATE_DUPLICATE, 0, len);
			t->env->stats.tcp_duplicate_bytes += len;
		}
		conn_fates(t, len ? fate : FATE_CONTROL, 1, 0);
		if (pkt->missing_len && seq_diff(seq + len, s->next) == 0)
			stream_gap(t, c, side, pkt->missing_len);
		tracker_free_mbuf(t, m);
		if (s->held)
			held_drain(t, c, side);
		else
			stream_fin(t, c, side);
	} else if (len) {
		held_insert(t, c, side, m);
	} else {
		conn_fates(t, FATE_CONTROL, 1, 0);
		tracker_free_mbuf(t, m);
	}
	if (s->held)
		tcp_holes(t, c, side, false);
	else
		holes_unlink(t, c);
}

struct conn *tcp_open(struct tracker *t, struct flow *flow)
{
	struct conn *c = pool_get(&t->conns);

	if (!c) {
		t->env->stats.conn_pool_empty++;
		return NULL;
	}
	memset(c, 0, offsetof(struct conn, state));
	c->flow = flow;
	c->client = SIDE_UNKNOWN;
	for (uint32_t side = 0; side < 2; side++) {
		c->stream[side].started = flow->have_isn >> side & 1;
		c->stream[side].next = flow->isn[side];
	}
	flow->conn = (uint32_t)(((uint8_t *)c - t->conns.base) / t->conns.size) + 1;
	flow->state = FLOW_ACTIVE;
	return c;
}

void tcp_close(struct tracker *t, struct conn *c, enum close_reason why, bool flush)
{
	struct flow *flow = c->flow;

	for (uint32_t side = 0; side < 2; side++) {
		// The client's side first: its requests make sense of the answers.
		uint32_t which = c->client == 1 ? !side : side;

		if (flush)
			tcp_holes(t, c, which, true);
		held_discard(t, &c->stream[which],
			     flow->state == FLOW_OPAQUE ? FATE_OPAQUE : FATE_DISCARDED);
	}
	holes_unlink(t, c);
	if (c->parser)
		c->parser->close(pctx_update(t, c), why);
	flow->conn = 0;
	flow->have_isn = 0;
	if (flow->state == FLOW_ACTIVE)
		flow->state = FLOW_CLOSED;
	pool_put(&t->conns, c);
}
