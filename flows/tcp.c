// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// In-order payload goes to the parser at once, from the mbuf, without a copy. Only what is out
// of order is held, within bounds: sorted by sequence number, trimmed on arrival so that held
// segments never overlap; the first copy of a byte wins. A hole is given up when the receiver
// acknowledged past it (it has the bytes, the mirror lost them), when too much has come behind
// it, or when it waited too long; the parser is told its length, in order, like data. Jumps and
// ends that the receiver would not take are not believed: its acknowledgements decide. The two
// directions are kept in order too: what acknowledges bytes that were not seen waits for them a
// little, so that no answer is delivered before its question.

#include "flows/tcp.h"

#include <rte_branch_prediction.h>

enum {
	SIDE_PKTS_ACKED = 64, // of the flow, that may overtake a segment
	GAP_TIMES_LOST = 8,   // retransmission may take seconds
	FAR_AHEAD = 1 << 20,
	FAR_BEHIND = 64 << 20,
	FAR_AGREE = 4,
};

// Payload bytes, piece by piece of a chained mbuf.
struct pieces {
	const struct rte_mbuf *seg;
	uint32_t off, left;
};

static struct pieces pieces_of(struct rte_mbuf *m, uint32_t skip, uint32_t len)
{
	return (struct pieces){m, pkt_of(m)->payload_off + skip, len};
}

// Empty at the end.
static struct span pieces_next(struct pieces *p)
{
	while (p->seg && p->left) {
		uint32_t here = rte_pktmbuf_data_len(p->seg);

		if (p->off < here) {
			struct span piece = {rte_pktmbuf_mtod_offset(p->seg, uint8_t *, p->off),
					     RTE_MIN(here - p->off, p->left)};

			p->off += piece.len;
			p->left -= piece.len;
			return piece;
		}
		p->off -= here;
		p->seg = p->seg->next;
	}
	return (struct span){NULL, 0};
}

// len payload bytes of m from skip on are delivered.
static enum fate stream_packet(struct tracker *t, struct conn *c, uint32_t side, struct rte_mbuf *m,
			       uint32_t skip, uint32_t len)
{
	struct stream *s = &c->stream[side];
	struct pieces pieces = pieces_of(m, skip, len);
	enum fate fate = FATE_PARSED;
	uint32_t begin = s->next;
	uint64_t sum = 0;

	for (struct span piece; (piece = pieces_next(&pieces)).len;) {
		sum += overlap_sum(&t->overlap_key, s->next, piece);
		enum fate last = tcp_feed_bytes(t, c, side, piece);

		tcp_fates(t, last, 0, piece.len);
		fate = last == FATE_OPAQUE ? FATE_OPAQUE : fate;
	}
	overlap_delivered(&s->overlap, begin, s->next, sum);
	return fate;
}

// len payload bytes of m from skip on were delivered before.
static void stream_again(struct tracker *t, struct conn *c, uint32_t side, struct rte_mbuf *m,
			 uint32_t skip, uint32_t len)
{
	struct stream *s = &c->stream[side];
	struct pieces pieces = pieces_of(m, skip, len);
	uint32_t seq = pkt_of(m)->seq + skip;
	bool differs = false;

	t->env->stats.tcp_duplicate_bytes += len;
	// The one byte of a keep-alive probe may be any (RFC 1122 section 4.2.3.6).
	if (pkt_of(m)->payload_len == 1 && seq + 1 == s->next)
		return;
	for (struct span piece; (piece = pieces_next(&pieces)).len; seq += piece.len)
		differs |= overlap_differs(&s->overlap, &s->again, &t->overlap_key, seq, piece);
	if (differs) {
		t->env->stats.tcp_overlap_conflicts++;
		tcp_anomaly(c->flow, c, TCP_ANOMALY_OVERLAP);
	}
}

static void holes_link(struct tracker *t, struct conn *c)
{
	c->in_hole_list = true;
	c->hole_next = NULL;
	c->hole_prev = t->holes_last;
	if (t->holes_last)
		t->holes_last->hole_next = c;
	else
		t->holes = c;
	t->holes_last = c;
}

static void holes_unlink(struct tracker *t, struct conn *c)
{
	c->in_hole_list = false;
	if (c->hole_prev)
		c->hole_prev->hole_next = c->hole_next;
	else
		t->holes = c->hole_next;
	if (c->hole_next)
		c->hole_next->hole_prev = c->hole_prev;
	else
		t->holes_last = c->hole_prev;
}

// The list holds exactly the connections that wait for bytes.
static void holes_update(struct tracker *t, struct conn *c)
{
	bool waits = tcp_waits(&c->stream[0]) || tcp_waits(&c->stream[1]);

	if (waits && !c->in_hole_list)
		holes_link(t, c);
	else if (!waits && c->in_hole_list)
		holes_unlink(t, c);
}

void tcp_holes_rotate(struct tracker *t, struct conn *c)
{
	holes_unlink(t, c);
	holes_link(t, c);
}

// True: the stream has just ended.
static bool stream_fin(struct tracker *t, struct conn *c, uint32_t side)
{
	struct stream *s = &c->stream[side];

	if (!s->has_fin || s->fin_done || s->next != s->fin_seq || s->floating)
		return false;
	tcp_held_discard(t, s, FATE_DISCARDED); // behind the end
	tcp_feed_fin(t, c, side);
	return true;
}

// The part of a segment that a snap length cut off, as far as nobody else brought it.
static void stream_missing(struct tracker *t, struct conn *c, uint32_t side, uint32_t len)
{
	const struct stream *s = &c->stream[side];

	if (s->held) {
		const struct pkt *first = pkt_of(s->held);
		int32_t ahead = tcp_seq_diff(first->seq + first->held_skip, s->next);

		len = ahead > 0 ? RTE_MIN(len, (uint32_t)ahead) : 0;
	}
	c->pctx.cut_off = true;
	if (len)
		tcp_feed_gap(t, c, side, len);
	c->pctx.cut_off = false;
}

// Offset of the byte that an acknowledgement asks for; 0: not of this stream.
static uint64_t ack_off(const struct stream *s, uint32_t ack)
{
	// The FIN has a number too: its acknowledgement counts one past the data.
	int64_t off = (int64_t)s->off + tcp_seq_diff(ack, s->next - s->fin_done);

	return s->started && off > 0 && off - (int64_t)s->off < 1 << 30 ? (uint64_t)off : 0;
}

// The parser may know of this acknowledgement, as far as most.
static void ack_tell(struct stream *s, uint32_t ack, uint64_t most)
{
	most = RTE_MIN(ack_off(s, ack), most);
	s->told = RTE_MAX(s->told, most);
}

// Does this segment, the next of its side, acknowledge bytes of the other side that have not been
// delivered, but may be still? Once that was in vain, a side that never showed up is not asked.
static bool segment_early(const struct conn *c, uint32_t side, const struct pkt *pkt)
{
	const struct stream *s = &c->stream[side], *other = &c->stream[!side];
	int32_t unseen = tcp_seq_diff(pkt->ack, other->next);

	if (unseen <= 0 && !other->floating)
		return false;
	if (!(pkt->tcp_flags & TCP_ACK) || !other->started || !(s->ack_seen || other->vain == 0))
		return false;
	return other->floating ||
	       (unseen <= FAR_AHEAD && other->off + (uint32_t)unseen > other->vain);
}

// How far the first held segment is ahead of the expected byte; 0: only its turn is not there yet.
static int32_t held_ahead(const struct stream *s)
{
	const struct pkt *first = pkt_of(s->held);

	return tcp_seq_diff(first->seq + first->held_skip, s->next);
}

// Does this side hold up its own bytes: by a hole, or because its start is not sure?
static bool held_back(const struct stream *s)
{
	return s->floating || (s->held && held_ahead(s) > 0);
}

// Delivers what is held and in order now. False: nothing.
static bool held_drain(struct tracker *t, struct conn *c, uint32_t side)
{
	struct stream *s = &c->stream[side], *other = &c->stream[!side];
	bool moved = false;

	while (s->held && !held_back(s) && !segment_early(c, side, pkt_of(s->held))) {
		uint32_t old = (uint32_t)-held_ahead(s);
		struct rte_mbuf *m = tcp_held_take(t, s, &s->held);
		const struct pkt *pkt = pkt_of(m);
		uint32_t len = pkt->payload_len - pkt->held_skip;
		enum fate fate = FATE_DUPLICATE;

		ack_tell(other, pkt->ack, other->off + FAR_AHEAD);
		if (old < len)
			fate = stream_packet(t, c, side, m, pkt->held_skip + old, len - old);
		tcp_fates(t, fate, 1, 0);
		tcp_fates(t, FATE_DUPLICATE, 0, RTE_MIN(old, len));
		if (old)
			stream_again(t, c, side, m, pkt->held_skip, RTE_MIN(old, len));
		if (old <= len && pkt->missing_len)
			stream_missing(t, c, side, pkt->missing_len);
		tracker_free_mbuf(t, m);
		tcp_hole_clock(t, s); // of the next hole
		moved = true;
	}
	return stream_fin(t, c, side) || moved;
}

// The same for both sides, which may wait for each other. Each turn takes at least one segment or
// one end off the lists.
static void conn_drain(struct tracker *t, struct conn *c, uint32_t side)
{
	bool moved;

	do {
		moved = held_drain(t, c, side);
		moved |= held_drain(t, c, !side);
	} while (moved);
}

// What this side waits for first is not waited for any longer.
static void hole_give_up(struct tracker *t, struct conn *c, uint32_t side)
{
	struct stream *s = &c->stream[side], *other = &c->stream[!side];

	if (s->floating)
		s->floating = false;
	else if (!s->held)
		tcp_feed_gap(t, c, side, s->fin_seq - s->next);
	else if (held_ahead(s) > 0)
		tcp_feed_gap(t, c, side, (uint32_t)held_ahead(s));
	else if (other->floating)
		other->floating = false;
	else
		other->vain = other->off + (pkt_of(s->held)->ack - other->next);
	tcp_hole_clock(t, s);
	conn_drain(t, c, side);
}

// Each turn of a loop over hole_give_up() fills a hole, ends a stream or lets a segment go, so
// this many are enough. The bound is here because a stalled worker would be worse than any loss.
static uint32_t give_up_turns(const struct conn *c)
{
	return 4 * (c->stream[0].n_held + c->stream[1].n_held) + 16;
}

// Out of turns: what is held goes, and both sides go on from where they are.
static void conn_let_go(struct tracker *t, struct conn *c)
{
	for (uint32_t side = 0; side < 2; side++) {
		struct stream *s = &c->stream[side];

		tcp_held_discard(t, s, FATE_DISCARDED);
		s->floating = false;
		s->lossy = true;
		s->has_fin &= s->fin_done;
	}
}

// Has this side waited long enough? *which: the side that must give up for it.
static bool hole_ends(const struct tracker *t, const struct conn *c, uint32_t side, uint32_t *which)
{
	const struct tracker_limits *l = t->limits;
	const struct stream *s = &c->stream[side], *other = &c->stream[!side];
	uint64_t waited = t->now_ns > s->hole_ns ? t->now_ns - s->hole_ns : 0;
	// Two tap ports, or a broker that shuffles: an ACK may come before what it acknowledges.
	bool patient = waited < (uint64_t)l->late_ms * 1000000 && s->hole_pkts < SIDE_PKTS_ACKED;

	*which = side;
	if (!tcp_waits(s))
		return false;
	if (s->floating)
		return !patient || s->n_held >= l->gap_segments;
	if (!s->held) // a bare end is believed when it was acknowledged itself
		return !patient && s->acked > s->off + (s->fin_seq - s->next);
	if (!held_back(s)) { // too early for the other side
		*which = held_back(other) ? !side : side;
		return !patient || s->n_held >= l->gap_segments;
	}
	if (s->n_held >= l->gap_segments)
		return true;
	if (s->acked > s->off && (!patient || s->vain >= s->off + (uint32_t)held_ahead(s)))
		return true;
	// A receiver that was seen and has not acknowledged them gets them again, and so do we.
	uint32_t times = s->ack_seen && s->acked <= s->off ? GAP_TIMES_LOST : 1;
	return waited >= (uint64_t)l->gap_ms * 1000000 * times;
}

void tcp_holes(struct tracker *t, struct conn *c)
{
	uint32_t which, turns = give_up_turns(c);

	conn_drain(t, c, 0);
	for (; turns && (hole_ends(t, c, 0, &which) || hole_ends(t, c, 1, &which)); turns--)
		hole_give_up(t, c, which);
	if (turns == 0)
		conn_let_go(t, c);
	holes_update(t, c);
}

// Far from what is expected: an attack, a stray packet, or we lost track. Segments that fit each
// other several times in a row are believed, if the receiver, where we see it, takes them.
static bool stream_far(struct tracker *t, struct conn *c, uint32_t side, const struct pkt *pkt,
		       uint32_t seq)
{
	struct stream *s = &c->stream[side];

	t->env->stats.tcp_out_of_window++;
	s->n_far = s->n_far && seq == s->far_next ? RTE_MIN(s->n_far + 1, FAR_AGREE) : 1;
	s->far_next = seq + pkt->payload_len;
	if (s->n_far < FAR_AGREE ||
	    (s->ack_seen && s->far_next - s->ack + FAR_AHEAD > 2 * FAR_AHEAD))
		return false;
	s->n_far = 0;
	s->has_fin = false;
	s->floating = false;
	tcp_held_discard(t, s, FATE_DISCARDED);
	int32_t ahead = tcp_seq_diff(seq, s->next);
	if (ahead > 0) {
		tcp_feed_gap(t, c, side, (uint32_t)ahead);
		return true;
	}
	// Backwards by that much cannot be one stream: the parser starts anew at this point.
	tcp_feed_gap(t, c, side, 0);
	s->next = seq;
	return true;
}

static int32_t window_of(const struct tracker *t)
{
	return FAR_AHEAD + (int32_t)t->limits->hold_bytes;
}

// Is there no room for n more segments with so many bytes?
static bool hold_full(const struct tracker *t, const struct stream *s, uint32_t n, uint32_t len)
{
	const struct tracker_limits *l = t->limits;

	return s->n_held + n > l->hold_segments || s->held_bytes + len > l->hold_bytes ||
	       t->held + n > l->hold_total;
}

// What a side waits for is given up until its list is within bounds, or empty.
static void held_shrink(struct tracker *t, struct conn *c, uint32_t side, bool all)
{
	const struct stream *s = &c->stream[side];
	uint32_t turns = give_up_turns(c);

	for (; s->held && (all || hold_full(t, s, 0, 0)) && turns; turns--)
		hole_give_up(t, c, side);
	if (turns == 0)
		conn_let_go(t, c);
}

void tcp_ack(struct tracker *t, struct conn *c, uint32_t side, uint32_t ack)
{
	struct stream *s = &c->stream[!side];

	uint64_t off = ack_off(s, ack);

	s->ack = ack;
	s->ack_seen = true;
	if (off > s->acked) {
		if (s->acked <= s->off && off > s->off)
			tcp_hole_clock(t, s); // from here on the hole is known to be one
		s->acked = off;
	}
	if (!tcp_waits(s))
		return;
	s->hole_pkts++;
	if (s->acked <= s->off && s->held && held_back(s))
		s->hole_ns = t->now_ns; // the receiver lacks these bytes too
}

void tcp_bare(struct conn *c, const struct pkt *pkt)
{
	const struct stream *s = &c->stream[pkt->src];
	struct stream *other = &c->stream[!pkt->src];

	// Nor does it run ahead of bytes that may still be seen.
	if (!s->held && !(s->started && (s->floating || tcp_seq_diff(pkt->seq, s->next) > 0)))
		ack_tell(other, pkt->ack, RTE_MAX(other->off + other->fin_done, other->vain));
}

// Not delivered: old bytes are duplicates, the rest is given up.
static void segment_refuse(struct tracker *t, struct rte_mbuf *m, uint32_t old)
{
	uint32_t len = pkt_of(m)->payload_len;
	enum fate fate = len == 0 ? FATE_CONTROL : old < len ? FATE_DISCARDED : FATE_DUPLICATE;

	tcp_fates(t, fate, 1, len - RTE_MIN(old, len));
	tcp_fates(t, FATE_DUPLICATE, 0, RTE_MIN(old, len));
	tracker_free_mbuf(t, m);
}

// The segment starts at the expected byte or before it.
static void segment_in_order(struct tracker *t, struct conn *c, uint32_t side, struct rte_mbuf *m,
			     uint32_t old)
{
	struct pkt *pkt = pkt_of(m);
	struct stream *s = &c->stream[side];
	uint32_t len = pkt->payload_len;

	if (old < len && ((s->held && (int32_t)(len - old) > held_ahead(s)) ||
			  (segment_early(c, side, pkt) && !hold_full(t, s, 1, len - old)))) {
		// Reaches into what is held, which came first; or comes too early.
		pkt->held_skip = (uint16_t)old;
		tcp_held_insert(t, c, side, m);
		conn_drain(t, c, side);
		held_shrink(t, c, side, false);
		return;
	}
	ack_tell(&c->stream[!side], pkt->ack, c->stream[!side].off + FAR_AHEAD);
	if (old && len)
		stream_again(t, c, side, m, 0, RTE_MIN(old, len));
	if (len == 0) {
		tcp_fates(t, FATE_CONTROL, 1, 0);
	} else if (old < len) {
		enum fate fate = stream_packet(t, c, side, m, old, len - old);

		tcp_fates(t, fate, 1, 0);
		tcp_fates(t, FATE_DUPLICATE, 0, old);
	} else {
		tcp_fates(t, FATE_DUPLICATE, 1, len);
	}
	if (pkt->missing_len && pkt->seq + len == s->next)
		stream_missing(t, c, side, pkt->missing_len);
	tracker_free_mbuf(t, m);
	if (unlikely(c->in_hole_list))
		conn_drain(t, c, side);
	else
		stream_fin(t, c, side);
}

// The end of the stream is announced; it must be near.
static void segment_fin(const struct tracker *t, struct stream *s, uint32_t end)
{
	int32_t ahead = tcp_seq_diff(end, s->next);

	if (ahead < 0 || ahead > window_of(t) + UINT16_MAX)
		return;
	if (!tcp_waits(s))
		tcp_hole_clock(t, s);
	s->has_fin = true;
	s->fin_seq = end;
}

// A stream of which nothing was delivered yet begins at this byte, if it is a little before.
static bool stream_rebase(struct stream *s, uint32_t seq)
{
	int32_t before = tcp_seq_diff(s->next, seq), acked = tcp_seq_diff(s->ack, seq);

	if (before < 0 || before > FAR_AHEAD)
		return false;
	s->next = seq;
	s->acked = s->ack_seen && acked > 0 && acked < 1 << 30 ? (uint32_t)acked : 0;
	return true;
}

void tcp_start(struct conn *c, uint32_t side, uint32_t isn)
{
	struct stream *s = &c->stream[side];

	if (!s->started) {
		s->started = true;
		s->next = isn;
	} else if (s->floating && stream_rebase(s, isn)) {
		s->floating = false;
		s->lossy = false;
	}
}

uint32_t tcp_seen(const struct conn *c, uint32_t side)
{
	uint32_t seen = c->stream[side].next;

	for (struct rte_mbuf *m = c->stream[side].held; m; m = pkt_of(m)->next_held) {
		if (tcp_seq_diff(pkt_of(m)->seq + pkt_of(m)->held_skip, seen) > 0)
			break;
		seen = pkt_of(m)->seq + pkt_of(m)->payload_len;
	}
	return seen;
}

void tcp_segment(struct tracker *t, struct conn *c, struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(m);
	bool syn = pkt->tcp_flags & TCP_SYN;
	uint32_t side = pkt->src, len = pkt->payload_len;
	uint32_t seq = pkt->seq + syn;
	struct stream *s = &c->stream[side];

	pkt->seq = seq;
	if (!s->started) {
		s->started = true;
		s->floating = !syn;
		s->lossy = !syn; // its beginning was not seen
		s->next = seq;
	} else if (unlikely(s->floating)) {
		stream_rebase(s, seq);
	}
	if (unlikely(s->fin_done)) { // nothing comes behind the end
		int32_t old = tcp_seq_diff(s->fin_seq, seq);

		segment_refuse(t, m, (uint32_t)RTE_MAX(old, 0));
		return;
	}
	// Data come with the SYN that opens the connection, or not at all.
	if (unlikely(syn) && seq != tcp_begin(s)) {
		tcp_anomaly(c->flow, c, TCP_ANOMALY_SYN);
		segment_refuse(t, m, 0);
		return;
	}
	int32_t ahead = tcp_seq_diff(seq, s->next);
	if (unlikely(len && (ahead > window_of(t) || ahead < -FAR_BEHIND))) {
		if (!stream_far(t, c, side, pkt, seq)) {
			segment_refuse(t, m, 0);
			return;
		}
		ahead = 0;
	}
	if (pkt->tcp_flags & TCP_FIN)
		segment_fin(t, s, seq + len + pkt->missing_len);
	if (unlikely(tcp_waits(s)))
		s->hole_pkts++;
	if ((ahead > 0 || s->floating) && len && hold_full(t, s, 1, len)) {
		t->env->stats.tcp_hold_full++;
		s->floating = false;
		held_shrink(t, c, side, true);
		ahead = s->fin_done ? 0 : tcp_seq_diff(seq, s->next);
		if (ahead > 0 && hold_full(t, s, 1, len)) {
			// Other connections hold all there is: this hole cannot wait.
			tcp_feed_gap(t, c, side, (uint32_t)ahead);
			ahead = 0;
		}
	}
	if (unlikely(s->fin_done)) {
		segment_refuse(t, m, 0);
	} else if (unlikely(s->floating)) {
		if (len && ahead >= 0)
			tcp_held_insert(t, c, side, m);
		else
			segment_refuse(t, m, len);
	} else if (likely(ahead <= 0)) {
		segment_in_order(t, c, side, m, (uint32_t)-ahead);
	} else if (len) {
		tcp_held_insert(t, c, side, m);
	} else {
		tcp_fates(t, FATE_CONTROL, 1, 0);
		tracker_free_mbuf(t, m);
	}
	if (unlikely(tcp_waits(s) || c->in_hole_list))
		tcp_holes(t, c);
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
	c->pctx.anomalies = flow->anomalies;
	for (uint32_t side = 0; side < 2; side++) {
		c->stream[side].started = flow->have_isn >> side & 1;
		c->stream[side].next = flow->isn[side];
		if (flow->have_isn & flow->have_fin & 1 << side)
			segment_fin(t, &c->stream[side], flow->fin[side]);
	}
	holes_update(t, c);
	flow->conn = (uint32_t)(((uint8_t *)c - t->conns.base) / t->conns.size) + 1;
	flow->state = FLOW_ACTIVE;
	return c;
}

// Whose wait ends first when all waits end: the client's, since its requests make sense of the
// answers, unless it waits for the server.
static uint32_t conn_first(const struct conn *c)
{
	uint32_t client = c->client == 1;
	const struct stream *s = &c->stream[client], *other = &c->stream[!client];

	return !tcp_waits(s) || (s->held && !held_back(s) && held_back(other)) ? !client : client;
}

void tcp_close(struct tracker *t, struct conn *c, enum close_reason why, bool flush)
{
	struct flow *flow = c->flow;

	if (flow->reset)
		why = CLOSE_RST;
	for (uint32_t turns = give_up_turns(c);
	     flush && turns && (tcp_waits(&c->stream[0]) || tcp_waits(&c->stream[1])); turns--)
		hole_give_up(t, c, conn_first(c));
	enum fate fate = flow->state == FLOW_OPAQUE ? FATE_OPAQUE : FATE_DISCARDED;
	tcp_held_discard(t, &c->stream[0], fate);
	tcp_held_discard(t, &c->stream[1], fate);
	if (c->in_hole_list)
		holes_unlink(t, c);
	tcp_feed_close(t, c, why);
	for (uint32_t side = 0; side < 2; side++) {
		// A late copy of its handshake does not open it again.
		if (c->stream[side].started && !(flow->have_isn >> side & 1)) {
			flow->isn[side] = tcp_begin(&c->stream[side]);
			flow->have_isn |= (uint8_t)(1 << side);
		}
	}
	flow->conn = 0;
	if (flush)
		flow->state = FLOW_CLOSED;
	pool_put(&t->conns, c);
}
