// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A small table of sets, keyed by a seeded mix, four datagrams to a set; the oldest of a full set
// goes. Pieces are linked in order of their offset through struct pkt. A piece that was there
// already is dropped; pieces that overlap otherwise, or disagree on where the datagram ends, end
// it, as RFC 5722 asks for IPv6 and as any choice between the copies would be a guess. A hand goes
// round the sets, one for each piece: what waits in vain gives its buffers back, and when too many
// are held, those that it meets next.

#include "dataplane/frag.h"

#include "dataplane/hash.h"
#include "dataplane/pkt.h"

#include <stdlib.h>

enum {
	FRAG_SETS = 256, // a power of two
	FRAG_WAYS = 4,
	FRAG_PIECES = 64,   // of one datagram
	FRAG_BUFFERS = 1024, // held in all: few beside what receiving needs
	FRAG_BYTES = 65535, // of one datagram
	IPV6_HEADER = 40,
	IPV6_FRAGMENT = 8,
};

static const uint64_t frag_timeout_ns = UINT64_C(30000000000);

struct datagram {
	struct flow_key key; // addresses as sent, ports zero, protocol and space; id in ports
	uint64_t first_ns;
	struct rte_mbuf *pieces; // by offset; NULL: the entry is free
	uint32_t n, bytes;
	uint32_t end;        // of the piece that reaches farthest
	uint32_t total;      // payload bytes of the whole; 0: the last piece is not there yet
};

struct frag {
	uint64_t seed;
	uint32_t n_buffers;
	uint32_t hand; // the set to be looked at next
	struct datagram sets[FRAG_SETS][FRAG_WAYS];
};

struct frag *frag_new(uint64_t seed)
{
	struct frag *frag = calloc(1, sizeof(*frag));

	if (frag)
		frag->seed = seed;
	return frag;
}

static void datagram_drop(struct frag *frag, struct datagram *d)
{
	for (struct rte_mbuf *m = d->pieces, *next; m; m = next) {
		next = pkt_of(m)->next_held;
		rte_pktmbuf_free(m);
		frag->n_buffers--;
	}
	*d = (struct datagram){0};
}

void frag_reset(struct frag *frag)
{
	for (uint32_t i = 0; frag->n_buffers && i < FRAG_SETS * FRAG_WAYS; i++)
		datagram_drop(frag, &frag->sets[i / FRAG_WAYS][i % FRAG_WAYS]);
}

void frag_free(struct frag *frag)
{
	if (frag)
		frag_reset(frag);
	free(frag);
}

// Captures are not always in order of time: earlier is not later by 2^64.
static bool datagram_expired(const struct datagram *d, uint64_t now_ns)
{
	uint64_t age = now_ns > d->first_ns ? now_ns - d->first_ns : d->first_ns - now_ns;

	return d->pieces && age > frag_timeout_ns;
}

// Afterwards there is room for one more buffer.
static void frag_sweep(struct frag *frag, uint64_t now_ns)
{
	uint32_t sets = 0;

	do {
		struct datagram *set = frag->sets[frag->hand];

		for (uint32_t i = 0; i < FRAG_WAYS; i++) {
			if (frag->n_buffers >= FRAG_BUFFERS || datagram_expired(&set[i], now_ns))
				datagram_drop(frag, &set[i]);
		}
		frag->hand = (frag->hand + 1) & (FRAG_SETS - 1);
	} while (frag->n_buffers >= FRAG_BUFFERS && ++sets < FRAG_SETS);
}

static struct datagram *frag_find(struct frag *frag, const struct pkt *pkt)
{
	uint64_t hash = hash_flow_key(&pkt->key, frag->seed);
	struct datagram *set = frag->sets[hash & (FRAG_SETS - 1)], *oldest = &set[0];

	for (uint32_t i = 0; i < FRAG_WAYS; i++) {
		if (set[i].pieces && memcmp(&set[i].key, &pkt->key, sizeof(pkt->key)) == 0) {
			if (!datagram_expired(&set[i], pkt->ts_ns))
				return &set[i];
			datagram_drop(frag, &set[i]);
			oldest = &set[i];
			break;
		}
		if (!set[i].pieces || (oldest->pieces && set[i].first_ns < oldest->first_ns))
			oldest = &set[i];
	}
	datagram_drop(frag, oldest);
	oldest->key = pkt->key;
	oldest->first_ns = pkt->ts_ns;
	return oldest;
}

enum insert { INSERT_NEW, INSERT_SEEN, INSERT_CONFLICT };

static enum insert datagram_insert(struct datagram *d, struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(m);
	struct rte_mbuf **link = &d->pieces;
	uint32_t from = pkt->seq, to = from + pkt->payload_len;
	bool last = !pkt->more_fragments;

	// There is one last piece, and nothing behind it.
	if (d->total ? (last ? to != d->total : to >= d->total) : last && to <= d->end)
		return INSERT_CONFLICT;
	for (; *link; link = &pkt_of(*link)->next_held) {
		struct pkt *other = pkt_of(*link);
		uint32_t o_from = other->seq, o_to = o_from + other->payload_len;

		if (from == o_from && to == o_to)
			return memcmp(rte_pktmbuf_mtod_offset(m, void *, pkt->l4_off),
				      rte_pktmbuf_mtod_offset(*link, void *, other->l4_off),
				      to - from) == 0 ? INSERT_SEEN : INSERT_CONFLICT;
		if (to <= o_from)
			break;
		if (from < o_to)
			return INSERT_CONFLICT;
	}
	pkt->next_held = *link;
	*link = m;
	d->n++;
	d->bytes += to - from;
	d->end = RTE_MAX(d->end, to);
	if (last)
		d->total = to;
	return INSERT_NEW;
}

// Puts the bytes of m behind those of whole: in the first buffer while that has room, since
// headers are only looked for there, then as further segments. The first is full before that.
static void datagram_append(struct rte_mbuf *whole, struct rte_mbuf *m)
{
	uint32_t n = RTE_MIN(rte_pktmbuf_tailroom(whole), m->data_len);

	if (n) {
		// Neither can fail: n is within the room of one and the bytes of the other.
		memcpy(rte_pktmbuf_append(whole, (uint16_t)n), rte_pktmbuf_mtod(m, void *), n);
		rte_pktmbuf_adj(m, (uint16_t)n);
	}
	// A datagram has far fewer pieces than a chain can have segments.
	if (m->data_len == 0 || rte_pktmbuf_chain(whole, m) != 0)
		rte_pktmbuf_free(m);
}

// All pieces in one packet, with the headers of the first. NULL: longer than any datagram.
static struct rte_mbuf *datagram_join(struct frag *frag, struct datagram *d)
{
	struct rte_mbuf *whole = d->pieces, *m = pkt_of(whole)->next_held, *next;
	struct pkt *pkt = pkt_of(whole);
	uint8_t *ip = rte_pktmbuf_mtod_offset(whole, uint8_t *, pkt->l3_off);
	uint32_t header = pkt->l4_off - pkt->l3_off;
	uint32_t length = header + d->total - (pkt->v6 ? IPV6_HEADER : 0);
	uint16_t field;

	// The length of an IPv6 datagram does not count the fragment header, which stays here.
	if (length > UINT16_MAX + (pkt->v6 ? (uint32_t)IPV6_FRAGMENT : 0)) {
		datagram_drop(frag, d);
		return NULL;
	}
	frag->n_buffers -= d->n;
	for (; m; m = next) {
		next = pkt_of(m)->next_held;
		rte_pktmbuf_adj(m, pkt_of(m)->l4_off);
		datagram_append(whole, m);
	}
	// 0, where the fragment header is too much: all that is there.
	field = rte_cpu_to_be_16(length > UINT16_MAX ? 0 : (uint16_t)length);
	if (pkt->v6) {
		// The offset of the first piece is 0; without the flag it is all (RFC 6946).
		memcpy(ip + 4, &field, 2);
		ip[header - 5] = 0;
	} else {
		memcpy(ip + 2, &field, 2);
		ip[6] = 0;
	}
	// The lengths of a tunnel's headers are those of the first piece: all that is there.
	for (uint32_t i = 0; i < pkt->n_outer; i++) {
		ip = rte_pktmbuf_mtod_offset(whole, uint8_t *, pkt->outer_off[i]);
		memset(ip + (ip[0] >> 4 == 4 ? 2 : 4), 0, 2);
	}
	*d = (struct datagram){0};
	return whole;
}

struct rte_mbuf *frag_add(struct frag *frag, struct rte_mbuf *m, struct fates *fates)
{
	struct pkt *pkt = pkt_of(m);
	uint64_t ts_ns = pkt->ts_ns;
	uint32_t len = pkt->l4_off + pkt->payload_len;

	fates->pkts[FATE_FRAGMENT]++;
	fates->bytes[FATE_FRAGMENT] += rte_pktmbuf_pkt_len(m);
	if (m->nb_segs > 1 || pkt->missing_len || pkt->payload_len == 0 ||
	    pkt->seq + pkt->payload_len > FRAG_BYTES ||
	    rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_pkt_len(m) - len)) != 0) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	// RFC 8200 section 4.5: the next headers may differ, the first piece's counts.
	if (pkt->v6)
		pkt->key.space_proto &= ~UINT32_C(0xff);
	frag_sweep(frag, ts_ns);
	struct datagram *d = frag_find(frag, pkt);
	enum insert insert = d->n == FRAG_PIECES ? INSERT_CONFLICT : datagram_insert(d, m);
	if (insert != INSERT_NEW) {
		rte_pktmbuf_free(m);
		if (insert == INSERT_CONFLICT)
			datagram_drop(frag, d);
		return NULL;
	}
	frag->n_buffers++;
	// No overlap and nothing behind the end: the bytes add up exactly when nothing is missing.
	if (d->total == 0 || d->bytes < d->total)
		return NULL;
	struct rte_mbuf *whole = datagram_join(frag, d);
	if (!whole)
		return NULL;
	fates->pkts[FATE_FRAGMENT]--;
	fates->bytes[FATE_FRAGMENT] -= rte_pktmbuf_pkt_len(whole);
	pkt_of(whole)->ts_ns = ts_ns;
	return whole;
}
