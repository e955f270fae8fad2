// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
//     buckets ─► datagram ─► run ─► run     a run is one mbuf (or chain): bytes without a hole,
//     oldest ──► datagram ─► …              small neighbours are copied into one
//
// Datagrams are found by a seeded hash and listed by age: what waits in vain goes from the oldest
// on. Which one goes when there are too many is said by their queues (frag_queue.h), by how much
// they hold and by what is known of their sender (frag_pairs.h). Pieces may be any number, the
// runs that they leave are few. A piece whose bytes were there already is dropped. Pieces that
// overlap otherwise, or disagree on where the datagram ends, end it, as RFC 5722 asks for IPv6 and
// as common receivers do for IPv4; a stone remains that lets no further piece of it in, until the
// time is over.

#include "dataplane/frag.h"

#include "dataplane/frag_pairs.h"
#include "dataplane/frag_queue.h"
#include "dataplane/hash.h"
#include "dataplane/pkt.h"

#include <stdlib.h>

enum {
	FRAG_RUNS = 64,     // of one datagram
	FRAG_BYTES = 65535, // of one datagram
	FRAG_MEMORY = 32 << 20,
	FRAG_BUFFER_BYTES = 2048 + RTE_PKTMBUF_HEADROOM + PKT_PRIV_SIZE + sizeof(struct rte_mbuf),
	FRAG_SHARE = 8,     // one of so many buffers of the pool
	FRAG_PRESSED = 16,  // one of so many of these is more than honest traffic has on the way
	FRAG_EXPIRE = 32,   // datagrams whose time is over that one piece clears away
	FRAG_COMPARE = 256, // bytes compared at once
	IPV6_HEADER = 40,
	IPV6_FRAGMENT = 8,
};

static const uint64_t frag_timeout_ns = UINT64_C(30000000000);

struct datagram {
	struct flow_key key; // addresses as sent, protocol and space; id in ports
	uint64_t first_ns;
	struct rte_mbuf *runs; // by offset
	uint32_t next;         // of the bucket; index, 0: none
	uint32_t older, newer; // in the list by age
	uint32_t n, bytes;
	uint32_t end;   // of the piece that reaches farthest
	uint32_t total; // payload bytes of the whole; 0: the last piece is not there yet
	bool dead;      // given up
	bool told;      // … and somebody knows
};

// Of one buffer, with a datagram for each and at most two buckets.
enum {
	FRAG_BYTES_EACH = FRAG_BUFFER_BYTES + sizeof(struct datagram) + sizeof(struct frag_node) +
			  2 * sizeof(uint32_t),
	FRAG_BYTES_ONCE =
		sizeof(struct frag) + sizeof(struct frag_queues) + sizeof(struct frag_pairs),
};

uint32_t frag_buffers(uint32_t mbufs, uint32_t n)
{
	uint32_t most = (FRAG_MEMORY - FRAG_BYTES_ONCE) / FRAG_BYTES_EACH;
	uint32_t share = mbufs / n / FRAG_SHARE;

	return RTE_MAX(RTE_MIN(most, share), (uint32_t)FRAG_RUNS);
}

struct frag *frag_new(uint64_t seed, uint32_t buffers)
{
	struct frag *frag = calloc(1, sizeof(*frag));

	if (!frag)
		return NULL;
	*frag = (struct frag){
		.seed = seed,
		.max_buffers = buffers,
		.mask = rte_align32pow2(buffers) - 1,
		.fresh = 1,
		.max = buffers + 1,
	};
	frag->buckets = calloc((size_t)frag->mask + 1, sizeof(*frag->buckets));
	frag->entries = calloc(frag->max, sizeof(*frag->entries));
	frag->queues = calloc(1, sizeof(*frag->queues));
	frag->pairs = calloc(1, sizeof(*frag->pairs));
	if (frag->queues)
		frag->queues->nodes = calloc(frag->max, sizeof(*frag->queues->nodes));
	if (!frag->buckets || !frag->entries || !frag->pairs || !frag->queues ||
	    !frag->queues->nodes) {
		frag_free(frag);
		return NULL;
	}
	// Other bits than those that choose the bucket.
	frag->pairs->seed = hash_mix(seed + 1);
	return frag;
}

static uint32_t *frag_bucket(struct frag *frag, const struct flow_key *key)
{
	return &frag->buckets[hash_flow_key(key, frag->seed) & frag->mask];
}

static void runs_free(struct frag *frag, struct rte_mbuf *m)
{
	for (struct rte_mbuf *next; m; m = next) {
		next = pkt_of(m)->next_held;
		frag->n_buffers -= m->nb_segs;
		rte_pktmbuf_free(m);
	}
}

static void datagram_remove(struct frag *frag, struct datagram *d)
{
	uint32_t i = (uint32_t)(d - frag->entries), *link = frag_bucket(frag, &d->key);

	runs_free(frag, d->runs);
	frag_queue_remove(frag->queues, i);
	while (*link != i)
		link = &frag->entries[*link].next;
	*link = d->next;
	*(d->older ? &frag->entries[d->older].newer : &frag->oldest) = d->newer;
	*(d->newer ? &frag->entries[d->newer].older : &frag->newest) = d->older;
	*d = (struct datagram){.next = frag->free};
	frag->free = i;
}

void frag_reset(struct frag *frag)
{
	while (frag->oldest)
		datagram_remove(frag, &frag->entries[frag->oldest]);
	frag_pairs_reset(frag->pairs);
	frag->pressed = false;
}

void frag_free(struct frag *frag)
{
	if (!frag)
		return;
	while (frag->oldest)
		datagram_remove(frag, &frag->entries[frag->oldest]);
	if (frag->queues)
		free(frag->queues->nodes);
	free(frag->queues);
	free(frag->pairs);
	free(frag->entries);
	free(frag->buckets);
	free(frag);
}

// Captures are not always in order of time: earlier is not later by 2^64.
static bool datagram_expired(const struct datagram *d, uint64_t now_ns)
{
	uint64_t age = now_ns > d->first_ns ? now_ns - d->first_ns : d->first_ns - now_ns;

	return age > frag_timeout_ns;
}

// Afterwards there is room for one more datagram, and for n more buffers.
static void frag_sweep(struct frag *frag, uint64_t now_ns, uint32_t n)
{
	for (uint32_t i = 0; i < FRAG_EXPIRE && frag->oldest; i++) {
		struct datagram *d = &frag->entries[frag->oldest];

		if (!datagram_expired(d, now_ns))
			break;
		datagram_remove(frag, d);
	}
	frag->pressed = frag->n_buffers > frag->max_buffers / FRAG_PRESSED;
	while (frag->oldest && (frag->n_buffers + n > frag->max_buffers ||
				(frag->free == 0 && frag->fresh == frag->max)))
		datagram_remove(frag, &frag->entries[frag_queue_victim(frag->queues)]);
}

// What it holds has changed.
static void datagram_charge(struct frag *frag, const struct datagram *d, uint32_t was)
{
	uint32_t i = (uint32_t)(d - frag->entries);

	frag_queue_cost(frag->queues, i, frag->queues->nodes[i].cost + frag->n_buffers - was);
}

static uint64_t sender_hash(const struct frag *frag, const struct flow_key *key)
{
	struct flow_key sender = {.space_proto = key->space_proto & ~UINT32_C(0xff)};

	memcpy(sender.addr[0], key->addr[0], sizeof(sender.addr[0]));
	return hash_flow_key(&sender, frag->seed);
}

static struct datagram *frag_find(struct frag *frag, const struct pkt *pkt)
{
	uint32_t *bucket = frag_bucket(frag, &pkt->key), i = *bucket;
	struct datagram *d;

	for (; i; i = frag->entries[i].next) {
		d = &frag->entries[i];
		if (memcmp(&d->key, &pkt->key, sizeof(pkt->key)) != 0)
			continue;
		if (!datagram_expired(d, pkt->ts_ns))
			return d;
		datagram_remove(frag, d);
		break;
	}
	i = frag->free ? frag->free : frag->fresh++;
	d = &frag->entries[i];
	if (i == frag->free)
		frag->free = d->next;
	*d = (struct datagram){
		.key = pkt->key,
		.first_ns = pkt->ts_ns,
		.next = *bucket,
		.older = frag->newest,
	};
	*bucket = i;
	*(d->older ? &frag->entries[d->older].newer : &frag->oldest) = i;
	frag->newest = i;
	frag_queue_add(frag->queues, i, frag_pairs_trust(frag->pairs, &pkt->key),
		       sender_hash(frag, &pkt->key));
	frag_queue_cost(frag->queues, i, 1);
	return d;
}

static uint32_t run_end(struct rte_mbuf *m)
{
	return pkt_of(m)->seq + pkt_of(m)->payload_len;
}

// Whether run has the bytes of m, which lie inside it.
static bool run_equal(struct rte_mbuf *run, struct rte_mbuf *m)
{
	uint32_t at = pkt_of(run)->l4_off + pkt_of(m)->seq - pkt_of(run)->seq;
	uint32_t from = pkt_of(m)->l4_off, len = pkt_of(m)->payload_len;
	uint8_t a[FRAG_COMPARE], b[FRAG_COMPARE];

	for (uint32_t i = 0, n; i < len; i += n) {
		n = RTE_MIN(len - i, (uint32_t)FRAG_COMPARE);
		const void *x = rte_pktmbuf_read(run, at + i, n, a);
		const void *y = rte_pktmbuf_read(m, from + i, n, b);

		if (!x || !y || memcmp(x, y, n) != 0)
			return false;
	}
	return true;
}

// Copies the bytes of m, which follow those of run, when there is room. Bounded by what one buffer
// holds. True: m is no longer needed.
static bool run_join(struct frag *frag, struct rte_mbuf *run, struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(run);
	uint32_t n = pkt_of(m)->payload_len;

	if (run_end(run) != pkt_of(m)->seq || run->nb_segs > 1 || m->nb_segs > 1 ||
	    n > rte_pktmbuf_tailroom(run))
		return false;
	memcpy(rte_pktmbuf_append(run, (uint16_t)n),
	       rte_pktmbuf_mtod_offset(m, void *, pkt_of(m)->l4_off), n);
	pkt->payload_len = (uint16_t)(pkt->payload_len + n);
	rte_pktmbuf_free(m);
	frag->n_buffers--;
	return true;
}

enum insert { INSERT_NEW, INSERT_SEEN, INSERT_CONFLICT };

// Takes m when it is new.
static enum insert datagram_insert(struct frag *frag, struct datagram *d, struct rte_mbuf *m)
{
	struct rte_mbuf **link = &d->runs, *prev = NULL, *next;
	struct pkt *pkt = pkt_of(m);
	uint32_t from = pkt->seq, to = run_end(m);
	bool last = !pkt->more_fragments;

	// There is one last piece, and nothing behind it.
	if (d->total ? (last ? to != d->total : to >= d->total) : last && to <= d->end)
		return INSERT_CONFLICT;
	for (; *link && pkt_of(*link)->seq <= from; link = &pkt_of(*link)->next_held)
		prev = *link;
	next = *link;
	if (prev && from < run_end(prev)) {
		bool seen = to <= run_end(prev) && run_equal(prev, m);

		return seen ? INSERT_SEEN : INSERT_CONFLICT;
	}
	if (next && to > pkt_of(next)->seq)
		return INSERT_CONFLICT;
	d->bytes += to - from;
	d->end = RTE_MAX(d->end, to);
	if (last)
		d->total = to;
	frag->n_buffers += m->nb_segs;
	pkt->next_held = next;
	if (prev && run_join(frag, prev, m)) {
		m = prev;
	} else {
		*link = m;
		d->n++;
	}
	if (next && run_join(frag, m, next)) {
		pkt_of(m)->next_held = pkt_of(next)->next_held;
		d->n--;
	}
	return INSERT_NEW;
}

// The fields that say that a piece is one.
static void piece_whole(struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(m);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l3_off);

	if (pkt->v6) // offset 0 and the last: it is all (RFC 6946)
		memset(ip + pkt->l4_off - pkt->l3_off - 6, 0, 2);
	else
		memset(ip + 6, 0, 2);
}

// Puts the bytes of m behind those of whole: in the first buffer while that has room, since
// headers are only looked for there, then as further segments. The first is full before that.
static void datagram_append(struct rte_mbuf *whole, struct rte_mbuf *m)
{
	uint32_t n = whole->nb_segs == 1 ? RTE_MIN(rte_pktmbuf_tailroom(whole), m->data_len) : 0;

	if (n) {
		// Neither can fail: n is within the room of one and the bytes of the other.
		memcpy(rte_pktmbuf_append(whole, (uint16_t)n), rte_pktmbuf_mtod(m, void *), n);
		rte_pktmbuf_adj(m, (uint16_t)n);
	}
	// A datagram has far fewer runs than a chain can have segments.
	if (m->pkt_len == 0 || rte_pktmbuf_chain(whole, m) != 0)
		rte_pktmbuf_free(m);
}

// All pieces in one packet, with the headers of the first. NULL: longer than any datagram.
static struct rte_mbuf *datagram_join(struct frag *frag, struct datagram *d)
{
	struct rte_mbuf *whole = d->runs, *m = pkt_of(whole)->next_held, *next;
	struct pkt *pkt = pkt_of(whole);
	uint8_t *ip = rte_pktmbuf_mtod_offset(whole, uint8_t *, pkt->l3_off);
	uint32_t header = pkt->l4_off - pkt->l3_off;
	uint32_t length = header + d->total - (pkt->v6 ? IPV6_HEADER : 0);
	uint16_t field;

	// The length of an IPv6 datagram does not count the fragment header, which stays here.
	if (length > UINT16_MAX + (pkt->v6 ? (uint32_t)IPV6_FRAGMENT : 0))
		return NULL;
	d->runs = NULL;
	frag->n_buffers -= whole->nb_segs;
	for (; m; m = next) {
		next = pkt_of(m)->next_held;
		frag->n_buffers -= m->nb_segs;
		rte_pktmbuf_adj(m, pkt_of(m)->l4_off);
		datagram_append(whole, m);
	}
	piece_whole(whole);
	// 0, where the fragment header is too much: all that is there.
	field = rte_cpu_to_be_16(length > UINT16_MAX ? 0 : (uint16_t)length);
	memcpy(ip + (pkt->v6 ? 4 : 2), &field, 2);
	// The lengths of a tunnel's headers are those of the first piece: all that is there.
	for (uint32_t i = 0; i < pkt->n_outer; i++) {
		ip = rte_pktmbuf_mtod_offset(whole, uint8_t *, pkt->outer_off[i]);
		memset(ip + (ip[0] >> 4 == 4 ? 2 : 4), 0, 2);
	}
	return whole;
}

// From here on no piece is let in. Returns the first one, when it is there and nobody knows.
static struct rte_mbuf *datagram_kill(struct frag *frag, struct datagram *d, struct rte_mbuf *m)
{
	struct rte_mbuf *first = NULL;

	if (m && pkt_of(m)->seq == 0) {
		first = m;
	} else if (d->runs && pkt_of(d->runs)->seq == 0) {
		first = d->runs;
		d->runs = pkt_of(first)->next_held;
		frag->n_buffers -= first->nb_segs;
	}
	if (m && m != first)
		rte_pktmbuf_free(m);
	runs_free(frag, d->runs);
	d->runs = NULL;
	d->dead = true;
	if (!first)
		return NULL;
	if (d->told) {
		rte_pktmbuf_free(first);
		return NULL;
	}
	d->told = true;
	piece_whole(first);
	return first;
}

// Pieces that cannot be used are let go, and harm no other.
static bool piece_usable(struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	uint32_t len = pkt->l4_off + pkt->payload_len, extra = rte_pktmbuf_pkt_len(m) - len;

	if (pkt->missing_len || pkt->payload_len == 0 || pkt->seq + pkt->payload_len > FRAG_BYTES)
		return false;
	// RFC 8200 section 4.5: all but the last are a multiple of eight bytes.
	if (pkt->more_fragments && pkt->payload_len % 8)
		return false;
	return extra == 0 || (extra <= UINT16_MAX && rte_pktmbuf_trim(m, (uint16_t)extra) == 0);
}

struct rte_mbuf *frag_add(struct frag *frag, struct rte_mbuf *m, struct fates *fates, bool *overlap)
{
	struct pkt *pkt = pkt_of(m);
	uint64_t ts_ns = pkt->ts_ns;
	struct rte_mbuf *whole = NULL;

	*overlap = false;
	fates->pkts[FATE_FRAGMENT]++;
	fates->bytes[FATE_FRAGMENT] += rte_pktmbuf_pkt_len(m);
	if (!piece_usable(m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	// RFC 8200 section 4.5: the next headers may differ, the first piece's counts.
	if (pkt->v6)
		pkt->key.space_proto &= ~UINT32_C(0xff);
	frag_sweep(frag, ts_ns, m->nb_segs);
	struct datagram *d = frag_find(frag, pkt);
	uint32_t was = frag->n_buffers;
	enum insert insert = d->dead ? INSERT_CONFLICT : datagram_insert(frag, d, m);
	switch (insert) {
	case INSERT_SEEN:
		rte_pktmbuf_free(m);
		return NULL;
	case INSERT_CONFLICT:
		whole = datagram_kill(frag, d, m);
		datagram_charge(frag, d, was);
		*overlap = whole != NULL;
		break;
	case INSERT_NEW:
		if (d->n > FRAG_RUNS) {
			d->told = true; // nothing is wrong with it
			datagram_kill(frag, d, NULL);
			datagram_charge(frag, d, was);
			return NULL;
		}
		datagram_charge(frag, d, was);
		// No overlap and nothing behind the end: the bytes add up exactly when nothing
		// is missing.
		if (d->total == 0 || d->bytes < d->total)
			return NULL;
		frag_pairs_whole(frag->pairs, &d->key);
		whole = datagram_join(frag, d);
		datagram_remove(frag, d);
		break;
	}
	if (!whole)
		return NULL;
	fates->pkts[FATE_FRAGMENT]--;
	fates->bytes[FATE_FRAGMENT] -= rte_pktmbuf_pkt_len(whole);
	pkt_of(whole)->ts_ns = ts_ns;
	return whole;
}

void frag_segment(struct frag *frag, const struct pkt *pkt)
{
	if (frag->pressed)
		frag_pairs_segment(frag->pairs, pkt);
	else
		frag_pairs_handshake(frag->pairs, pkt);
}
