// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A small table of sets, keyed by a seeded mix, four datagrams to a set; the oldest of a full set
// goes. Pieces are linked in order of their offset through struct pkt. A piece that was there
// already is dropped; pieces that overlap otherwise end their datagram, as RFC 5722 asks for IPv6
// and as any choice between the copies would be a guess.

#include "dataplane/frag.h"

#include "dataplane/hash.h"
#include "dataplane/pkt.h"

#include <stdlib.h>

enum {
	FRAG_SETS = 256, // a power of two
	FRAG_WAYS = 4,
	FRAG_PIECES = 64,   // of one datagram
	FRAG_BUFFERS = 4096, // held in all
	FRAG_BYTES = 65535, // of one datagram
};

static const uint64_t frag_timeout_ns = UINT64_C(30000000000);

struct datagram {
	struct flow_key key; // addresses as sent, ports zero, protocol and space; id in ports
	uint64_t first_ns;
	struct rte_mbuf *pieces; // by offset; NULL: the entry is free
	uint32_t n, bytes;
	uint32_t total;      // payload bytes of the whole; 0: the last piece is not there yet
};

struct frag {
	uint64_t seed;
	uint32_t n_buffers;
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

static struct datagram *frag_find(struct frag *frag, const struct pkt *pkt)
{
	uint64_t hash = hash_flow_key(&pkt->key, frag->seed);
	struct datagram *set = frag->sets[hash & (FRAG_SETS - 1)], *oldest = &set[0];

	for (uint32_t i = 0; i < FRAG_WAYS; i++) {
		if (set[i].pieces && memcmp(&set[i].key, &pkt->key, sizeof(pkt->key)) == 0) {
			if (pkt->ts_ns - set[i].first_ns <= frag_timeout_ns)
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

	for (; *link; link = &pkt_of(*link)->next_held) {
		const struct pkt *other = pkt_of(*link);
		uint32_t o_from = other->seq, o_to = o_from + other->payload_len;

		if (from == o_from && to == o_to)
			return INSERT_SEEN;
		if (to <= o_from)
			break;
		if (from < o_to)
			return INSERT_CONFLICT;
	}
	pkt->next_held = *link;
	*link = m;
	return INSERT_NEW;
}

// One chain: the first piece with its headers, then the payloads of the others.
static struct rte_mbuf *datagram_join(struct frag *frag, struct datagram *d)
{
	struct rte_mbuf *whole = d->pieces, *m = pkt_of(whole)->next_held, *next;
	struct pkt *pkt = pkt_of(whole);
	uint8_t *ip = rte_pktmbuf_mtod_offset(whole, uint8_t *, pkt->l3_off);
	uint32_t header = pkt->l4_off - pkt->l3_off;
	uint16_t length;

	frag->n_buffers -= d->n;
	for (; m; m = next) {
		next = pkt_of(m)->next_held;
		rte_pktmbuf_adj(m, pkt_of(m)->l4_off);
		if (rte_pktmbuf_chain(whole, m) != 0)
			rte_pktmbuf_free(m); // more segments than a chain can have: a cut datagram
	}
	if (ip[0] >> 4 == 4) {
		length = rte_cpu_to_be_16((uint16_t)RTE_MIN(header + d->total, (uint32_t)UINT16_MAX));
		memcpy(ip + 2, &length, 2);
		ip[6] = 0; // flags and offset
		ip[7] = 0;
	} else {
		// The fragment header stays, as that of a datagram in one piece (RFC 6946).
		length = rte_cpu_to_be_16((uint16_t)RTE_MIN(header - 40 + d->total,
							    (uint32_t)UINT16_MAX));
		memcpy(ip + 4, &length, 2);
		ip[header - 6] = 0;
		ip[header - 5] = 0;
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
	    pkt->seq + pkt->payload_len > FRAG_BYTES || frag->n_buffers >= FRAG_BUFFERS ||
	    rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_pkt_len(m) - len)) != 0) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	struct datagram *d = frag_find(frag, pkt);
	enum insert insert = d->n == FRAG_PIECES ? INSERT_CONFLICT : datagram_insert(d, m);
	if (insert != INSERT_NEW) {
		rte_pktmbuf_free(m);
		if (insert == INSERT_CONFLICT)
			datagram_drop(frag, d);
		return NULL;
	}
	frag->n_buffers++;
	d->n++;
	d->bytes += pkt->payload_len;
	if (!pkt->more_fragments)
		d->total = pkt->seq + pkt->payload_len;
	// No overlap, so the bytes add up exactly when nothing is missing.
	if (d->total == 0 || d->bytes < d->total)
		return NULL;
	if (d->bytes > d->total) { // a piece behind the last one
		datagram_drop(frag, d);
		return NULL;
	}
	struct rte_mbuf *whole = datagram_join(frag, d);
	fates->pkts[FATE_FRAGMENT]--;
	fates->bytes[FATE_FRAGMENT] -= rte_pktmbuf_pkt_len(whole);
	pkt_of(whole)->ts_ns = ts_ns;
	return whole;
}
