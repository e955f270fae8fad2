// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The held list of a stream: segments that wait for bytes before them, as mbufs, sorted by
// sequence number, trimmed on arrival so that they never overlap. The first copy of a byte wins.

#include "flows/tcp.h"

struct rte_mbuf *tcp_held_take(struct tracker *t, struct stream *s, struct rte_mbuf **link)
{
	struct rte_mbuf *m = *link;
	const struct pkt *pkt = pkt_of(m);
	uint32_t len = pkt->payload_len - pkt->held_skip;

	*link = pkt->next_held;
	if (s->held_near == m)
		s->held_near = NULL;
	s->n_held--;
	s->held_bytes -= len;
	t->held--;
	tcp_fates(t, FATE_HELD, -1, -(int64_t)len);
	return m;
}

// The same, and it is not delivered.
static void held_drop(struct tracker *t, struct stream *s, struct rte_mbuf **link, enum fate fate)
{
	struct rte_mbuf *m = tcp_held_take(t, s, link);

	tcp_fates(t, fate, 1, pkt_of(m)->payload_len - pkt_of(m)->held_skip);
	tracker_free_mbuf(t, m);
}

void tcp_held_discard(struct tracker *t, struct stream *s, enum fate fate)
{
	while (s->held)
		held_drop(t, s, &s->held, fate);
}

// Compares len bytes of a later copy with those of the first one, which it takes over. True when
// they differed.
static bool held_merge(struct rte_mbuf *later, uint32_t later_off, struct rte_mbuf *first,
		       uint32_t first_off, uint32_t len)
{
	struct rte_mbuf *seg = later;
	bool differ = false;
	uint8_t copy[256];

	later_off += pkt_of(later)->payload_off;
	first_off += pkt_of(first)->payload_off;
	while (seg && len) {
		uint32_t here = rte_pktmbuf_data_len(seg);

		if (later_off >= here) {
			later_off -= here;
			seg = seg->next;
			continue;
		}
		uint32_t n = RTE_MIN(here - later_off, (uint32_t)sizeof(copy));
		n = RTE_MIN(n, len);
		uint8_t *to = rte_pktmbuf_mtod_offset(seg, uint8_t *, later_off);
		const void *from = rte_pktmbuf_read(first, first_off, n, copy);

		if (from && memcmp(to, from, n) != 0) {
			memcpy(to, from, n);
			differ = true;
		}
		later_off += n;
		first_off += n;
		len -= n;
	}
	return differ;
}

// Does a segment start where a held one ends, or later?
static bool held_behind(const struct pkt *pkt, const struct pkt *held)
{
	return tcp_seq_diff(pkt->seq + pkt->held_skip, held->seq + held->payload_len) >= 0;
}

void tcp_held_insert(struct tracker *t, struct conn *c, uint32_t side, struct rte_mbuf *m)
{
	struct stream *s = &c->stream[side];
	struct pkt *pkt = pkt_of(m);
	struct rte_mbuf **link = &s->held, *near = NULL;
	uint32_t whole = pkt->payload_len;

	if (!tcp_waits(s))
		tcp_hole_clock(t, s);
	// Segments come in order, but for holes: most belong near the last one.
	if (s->held_near && held_behind(pkt, pkt_of(s->held_near))) {
		near = s->held_near;
		link = &pkt_of(near)->next_held;
	}
	while (*link) {
		struct pkt *other = pkt_of(*link);
		uint32_t o_from = other->seq + other->held_skip;
		uint32_t o_to = other->seq + other->payload_len;
		uint32_t from = pkt->seq + pkt->held_skip, to = pkt->seq + pkt->payload_len;

		if (tcp_seq_diff(to, o_from) <= 0)
			break; // wholly before it
		if (held_behind(pkt, other)) {
			near = *link;
			link = &other->next_held;
			continue;
		}
		int32_t before = tcp_seq_diff(o_from, from), behind = tcp_seq_diff(to, o_to);
		uint32_t lo = before > 0 ? o_from : from, hi = behind > 0 ? o_to : to;
		if (held_merge(m, lo - pkt->seq, *link, lo - other->seq, hi - lo)) {
			t->env->stats.tcp_overlap_conflicts++;
			tcp_anomaly(c->flow, c, TCP_ANOMALY_OVERLAP);
		}
		if (before >= 0 && behind >= 0 && before + behind > 0) {
			t->env->stats.tcp_duplicate_bytes += o_to - o_from;
			held_drop(t, s, link, FATE_DUPLICATE);
		} else if (before > 0) { // the rest is there already
			pkt->payload_len = (uint16_t)(o_from - pkt->seq);
			pkt->missing_len = 0;
			break;
		} else {
			pkt->held_skip =
				(uint16_t)RTE_MIN(hi - pkt->seq, (uint32_t)pkt->payload_len);
			near = *link;
			link = &other->next_held;
		}
	}
	s->held_near = near;
	uint32_t len = pkt->payload_len - pkt->held_skip;
	tcp_fates(t, FATE_DUPLICATE, 0, whole - len);
	t->env->stats.tcp_duplicate_bytes += whole - len;
	if (len == 0) {
		tcp_fates(t, FATE_DUPLICATE, 1, 0);
		tracker_free_mbuf(t, m);
		return;
	}
	pkt->next_held = *link;
	*link = m;
	s->n_held++;
	s->held_bytes += len;
	t->held++;
	t->env->stats.tcp_out_of_order++;
	tcp_fates(t, FATE_HELD, 1, len);
}
