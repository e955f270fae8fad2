// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The decoder. Bounds are checked by subtraction; headers are looked for in the first segment of
// an mbuf only, which packet_gather() sees to: what is in further ones is payload, or missing.
// No layer costs more than its bytes, and there are WALK_LAYERS of them at most.

#include "dataplane/packet.h"

#include "dataplane/decap.h"
#include "dataplane/hash.h"
#include "dataplane/link.h"
#include "dataplane/network.h"

#include <string.h>

enum { HEADERS_TOGETHER = 256 }; // bytes in the first segment at least, when there are more

static inline void layer_note(struct packet_layers *layers, const char *name)
{
	if (unlikely(layers) && layers->n < PACKET_LAYERS)
		layers->name[layers->n++] = name;
}

static enum walk_next step_ethernet(struct walk *walk)
{
	if (walk->len < 14)
		return WALK_STOP;
	walk->layers++;
	walk->ethertype = walk_be16(walk->p + 12);
	walk_skip(walk, 14);
	return WALK_ETHERTYPE;
}

static inline enum walk_next step_decap(struct walk *walk, const struct decap *decap,
					struct packet_layers *layers)
{
	if (!decap)
		return WALK_UNKNOWN;
	walk->layers++;
	walk->tunnel |= !decap->tag;
	layer_note(layers, decap->name);
	return decap->step(walk);
}

static inline enum walk_next step_udp(struct walk *walk, struct packet_layers *layers)
{
	const uint8_t *p = walk->p;

	if (!walk_skip(walk, 8))
		return WALK_STOP;
	return step_decap(walk, decap_by_udp(walk_be16(p), walk_be16(p + 2)), layers);
}

// An address as the two words of the key that hold it, IPv4 as RFC 4291 section 2.5.5.2 maps it. The
// key is written by words because it is hashed by words at once: what was written in smaller pieces
// would have to reach the cache first.
static inline void key_address(uint64_t word[2], const uint8_t *p, bool v6)
{
	uint32_t v4;

	if (v6) {
		memcpy(word, p, 16);
		return;
	}
	memcpy(&v4, p, sizeof(v4));
	word[0] = 0;
	word[1] = rte_cpu_to_be_64(UINT64_C(0xffff) << 32 | rte_be_to_cpu_32(v4));
}

static void key_fill(struct pkt *pkt, const struct network *net, uint16_t sport, uint16_t dport,
		     uint32_t space)
{
	uint64_t from[2], to[2];
	struct flow_key *key = &pkt->key;

	key_address(from, net->src, net->v6);
	key_address(to, net->dst, net->v6);
	bool same = from[0] == to[0];
	uint64_t a = rte_be_to_cpu_64(from[same]), b = rte_be_to_cpu_64(to[same]);
	bool src = a == b ? sport > dport : a > b;

	pkt->src = src;
	pkt->v6 = net->v6;
	memcpy(key->addr[src], from, sizeof(from));
	memcpy(key->addr[!src], to, sizeof(to));
	uint64_t rest = (src ? (uint32_t)sport << 16 | dport : (uint32_t)dport << 16 | sport) |
			(uint64_t)(space << 8 | PROTOCOL_TCP) << 32;

	rest = rte_cpu_to_le_64(rest);
	memcpy((uint8_t *)key + offsetof(struct flow_key, port), &rest, sizeof(rest));
}

// What frag.c needs: the datagram's identity in the key, the piece's place in seq.
static enum fate step_fragment(struct rte_mbuf *m, const struct walk *walk,
			       const struct network *net, uint32_t rest)
{
	struct pkt *pkt = pkt_of(m);
	uint32_t there = walk->len + rest;

	key_fill(pkt, net, 0, 0, walk->space);
	// The two directions use the same ids for different datagrams: the sender's side is marked.
	pkt->key.port[0] = (uint16_t)(net->id >> 16) ^ (uint16_t)(pkt->src << 15);
	pkt->key.port[1] = (uint16_t)net->id;
	pkt->key.space_proto = walk->space << 8 | net->protocol;
	pkt->l3_off = (uint16_t)(net->header - rte_pktmbuf_mtod(m, const uint8_t *));
	pkt->l4_off = (uint16_t)(walk->p - rte_pktmbuf_mtod(m, const uint8_t *));
	pkt->seq = net->offset;
	pkt->payload_len = (uint16_t)RTE_MIN(there, (uint32_t)UINT16_MAX);
	pkt->missing_len = there > UINT16_MAX || net->missing > rest;
	pkt->more_fragments = net->more;
	pkt->tunnel = walk->tunnel;
	pkt->next_held = NULL;
	return FATE_FRAGMENT;
}

// RFC 9293 section 3.1. rest: bytes of the datagram in further segments of m.
static enum fate step_tcp(struct rte_mbuf *m, const struct walk *walk, const struct network *net,
			  uint32_t rest, uint64_t seed)
{
	struct pkt *pkt = pkt_of(m);
	const uint8_t *p = walk->p;
	uint32_t there = walk->len + rest, whole = walk->len + net->missing;

	if (walk->len < 20)
		return FATE_MALFORMED;
	// A snap length may have cut the options off, and all behind them.
	uint32_t header = (p[12] >> 4) * 4u;
	uint32_t off =
		(uint32_t)(p - rte_pktmbuf_mtod(m, const uint8_t *)) + RTE_MIN(header, there);
	if (header < 20 || header > whole || off > UINT16_MAX)
		return FATE_MALFORMED;
	uint32_t payload = RTE_MIN(there > header ? there - header : 0, (uint32_t)UINT16_MAX);
	key_fill(pkt, net, walk_be16(p), walk_be16(p + 2), walk->space);
	pkt->hash = hash_flow_key(&pkt->key, seed);
	pkt->seq = walk_be32(p + 4);
	pkt->ack = walk_be32(p + 8);
	pkt->tcp_flags = p[13];
	pkt->window = walk_be16(p + 14);
	pkt->l3_off = (uint16_t)(net->header - rte_pktmbuf_mtod(m, const uint8_t *));
	pkt->l4_off = (uint16_t)(p - rte_pktmbuf_mtod(m, const uint8_t *));
	pkt->bad_checksum = 0;
	pkt->bad_ip_checksum = 0;
	pkt->frag_overlap = 0;
	pkt->joined = 0;
	pkt->tunnel = walk->tunnel;
	pkt->held_skip = 0;
	pkt->next_held = NULL;
	pkt->payload_off = (uint16_t)off;
	pkt->payload_len = (uint16_t)payload;
	pkt->missing_len = (uint16_t)RTE_MIN(whole - header - payload, (uint32_t)UINT16_MAX);
	return FATE_PARSED;
}

// Moves bytes of further segments into the first one when that is short: a datagram put together
// from small pieces. False: no room.
static bool packet_gather(struct rte_mbuf *m)
{
	for (struct rte_mbuf *seg = m->next; seg && m->data_len < HEADERS_TOGETHER;
	     seg = seg->next) {
		uint32_t n =
			RTE_MIN((uint32_t)HEADERS_TOGETHER - m->data_len, (uint32_t)seg->data_len);

		if (n > rte_pktmbuf_tailroom(m))
			return false;
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len),
		       rte_pktmbuf_mtod(seg, const uint8_t *), n);
		m->data_len = (uint16_t)(m->data_len + n);
		seg->data_len = (uint16_t)(seg->data_len - n);
		seg->data_off = (uint16_t)(seg->data_off + n);
	}
	return true;
}

// layers: NULL in service, where this is inlined without it.
static inline __attribute__((always_inline)) enum fate packet_walk(struct rte_mbuf *m,
								   uint32_t link_type,
								   uint32_t wire_len, uint64_t seed,
								   struct packet_layers *layers)
{
	if (m->nb_segs > 1 && m->data_len < HEADERS_TOGETHER && !packet_gather(m))
		return FATE_MALFORMED;
	// What was on the wire but is not in walk; and how much of it is in further segments.
	uint32_t first = rte_pktmbuf_data_len(m), whole = rte_pktmbuf_pkt_len(m);
	uint32_t cut = RTE_MAX(wire_len, whole) - first, rest = whole - first;
	struct walk walk = {.p = rte_pktmbuf_mtod(m, const uint8_t *), .len = first};
	struct network net;
	struct pkt *pkt = pkt_of(m);
	enum walk_next next = link_step(&walk, link_type);

	pkt->n_outer = 0;
	while (walk.layers < WALK_LAYERS) { // each turn takes a header off at least
		switch (next) {
		case WALK_STOP:
			return FATE_MALFORMED;
		case WALK_UNKNOWN:
			return FATE_UNSUPPORTED;
		case WALK_DEEP:
			return FATE_NESTED;
		case WALK_ETHERNET:
			layer_note(layers, "ethernet");
			next = step_ethernet(&walk);
			continue;
		case WALK_ETHERTYPE:
			if (walk.ethertype == ETHERTYPE_IPV4 || walk.ethertype == ETHERTYPE_IPV6)
				break;
			if (walk.ethertype == ETHERTYPE_BRIDGED) {
				layer_note(layers, "ethernet");
				next = step_ethernet(&walk);
				continue;
			}
			next = step_decap(&walk, decap_by_ethertype(walk.ethertype), layers);
			continue;
		case WALK_IP:
			break;
		}
		if (!network_step(&walk, cut, &net))
			return FATE_MALFORMED;
		walk.layers++;
		layer_note(layers, net.v6 ? "ipv6" : "ipv4");
		cut = net.missing;
		rest = RTE_MIN(rest, cut);
		if (net.fragment)
			return step_fragment(m, &walk, &net, rest);
		if (net.protocol == PROTOCOL_TCP)
			return step_tcp(m, &walk, &net, rest, seed);
		if (pkt->n_outer < PKT_OUTER)
			pkt->outer_off[pkt->n_outer++] =
				(uint16_t)(net.header - rte_pktmbuf_mtod(m, const uint8_t *));
		next = net.protocol == PROTOCOL_UDP
			       ? step_udp(&walk, layers)
			       : step_decap(&walk, decap_by_ip_protocol(net.protocol), layers);
	}
	return next == WALK_STOP      ? FATE_MALFORMED
	       : next == WALK_UNKNOWN ? FATE_UNSUPPORTED
				      : FATE_NESTED;
}

enum fate packet_decode(struct rte_mbuf *m, uint32_t link_type, uint32_t wire_len, uint64_t seed)
{
	return packet_walk(m, link_type, wire_len, seed, NULL);
}

enum fate packet_decode_layers(struct rte_mbuf *m, uint32_t link_type, uint32_t wire_len,
			       uint64_t seed, struct packet_layers *layers)
{
	layers->n = 0;
	return packet_walk(m, link_type, wire_len, seed, layers);
}
