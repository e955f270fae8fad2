// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The decoder. Bounds are checked by subtraction; headers are looked for in the first segment of
// an mbuf only, which packet_gather() sees to: what is in further ones is payload, or missing.
// Mirror realities are tolerated: wrong checksums (offloads), total length 0 (segmentation
// offload before the mirror), bytes behind the datagram (padding, trailers), frames cut by a
// snap length.

#include "dataplane/packet.h"

#include "dataplane/decap.h"
#include "dataplane/hash.h"

#include <string.h>

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	WALK_DEPTH = 16, // headers of link, encapsulation and network together
	IPV6_EXTENSIONS = 8,
	HEADERS_TOGETHER = 256, // bytes in the first segment at least, when there are more
};

enum { // libpcap's DLT_* / LINKTYPE_* numbers
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_PPP_SERIAL = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW = 101,
	LINK_C_HDLC = 104,
	LINK_LOOP = 108,
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276,
};

bool packet_link_known(uint32_t link_type)
{
	switch (link_type) {
	case LINK_NULL:
	case LINK_ETHERNET:
	case LINK_PPP:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_PPP_SERIAL:
	case LINK_PPP_ETHER:
	case LINK_RAW:
	case LINK_C_HDLC:
	case LINK_LOOP:
	case LINK_LINUX_SLL:
	case LINK_IPV4:
	case LINK_IPV6:
	case LINK_LINUX_SLL2:
		return true;
	}
	return false;
}

static enum walk_next step_ethernet(struct walk *walk)
{
	if (walk->len < 14)
		return WALK_STOP;
	walk->ethertype = walk_be16(walk->p + 12);
	walk_skip(walk, 14);
	return WALK_ETHERTYPE;
}

// PPP, with or without the HDLC address and control bytes (RFC 1662 section 3.1); the protocol
// field may be compressed to one byte (RFC 1661 section 6.5).
static enum walk_next step_ppp(struct walk *walk)
{
	if (walk->len >= 2 && walk->p[0] == 0xff && walk->p[1] == 0x03)
		walk_skip(walk, 2);
	if (walk->len < 2)
		return WALK_STOP;
	uint16_t protocol = walk->p[0] & 1 ? walk->p[0] : walk_be16(walk->p);
	walk_skip(walk, walk->p[0] & 1 ? 1 : 2);
	return protocol == 0x21 || protocol == 0x57 ? WALK_IP : WALK_UNKNOWN;
}

static enum walk_next step_link(struct walk *walk, uint32_t link_type)
{
	switch (link_type) {
	case LINK_ETHERNET:
		return WALK_ETHERNET;
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_IPV4:
	case LINK_IPV6:
		return WALK_IP;
	case LINK_NULL: // the family's number differs by system: the version nibble decides
	case LINK_LOOP:
		return walk_skip(walk, 4) ? WALK_IP : WALK_STOP;
	case LINK_PPP:
		return step_ppp(walk);
	case LINK_PPP_ETHER: // RFC 2516: version, code, session, length
		return walk_skip(walk, 6) ? step_ppp(walk) : WALK_STOP;
	case LINK_PPP_SERIAL:
		if (walk->len && walk->p[0] != 0x0f && walk->p[0] != 0x8f)
			return step_ppp(walk);
		// Cisco's framing: unicast or broadcast address, then as below.
		__attribute__((fallthrough));
	case LINK_C_HDLC:
		if (walk->len < 4)
			return WALK_STOP;
		walk->ethertype = walk_be16(walk->p + 2);
		walk_skip(walk, 4);
		return WALK_ETHERTYPE;
	case LINK_LINUX_SLL:
		if (walk->len < 16)
			return WALK_STOP;
		walk->ethertype = walk_be16(walk->p + 14);
		walk_skip(walk, 16);
		return WALK_ETHERTYPE;
	case LINK_LINUX_SLL2:
		if (walk->len < 20)
			return WALK_STOP;
		walk->ethertype = walk_be16(walk->p);
		walk_skip(walk, 20);
		return WALK_ETHERTYPE;
	}
	return WALK_UNKNOWN;
}

struct network {
	const uint8_t *header;
	const uint8_t *src, *dst; // 4 or 16 bytes
	bool v6;
	bool fragment;       // a part of a datagram
	bool more;           // … and not the last one
	uint32_t offset, id; // of the part
	uint8_t protocol;
	uint32_t missing; // bytes of the datagram that are not in walk
};

// RFC 791. Afterwards walk is exactly the datagram's payload, without trailer bytes.
static bool step_ipv4(struct walk *walk, uint32_t cut, struct network *net)
{
	const uint8_t *p = walk->p;

	if (walk->len < 20)
		return false;
	uint32_t header = (p[0] & 15) * 4u, total = walk_be16(p + 2);
	if (header < 20 || header > walk->len)
		return false;
	if (total == 0) // filled in by the NIC after the mirror point: all that is there
		total = walk->len + cut;
	if (total < header)
		return false;
	net->v6 = false;
	net->src = p + 12;
	net->dst = p + 16;
	net->protocol = p[9];
	net->fragment = (walk_be16(p + 6) & 0x3fff) != 0;
	net->more = walk_be16(p + 6) & 0x2000;
	net->offset = (walk_be16(p + 6) & 0x1fff) * 8u;
	net->id = walk_be16(p + 4);
	net->missing = total > walk->len ? total - walk->len : 0;
	if (total < walk->len)
		walk->len = total;
	return walk_skip(walk, header);
}

// RFC 8200 with its extension headers.
static bool step_ipv6(struct walk *walk, uint32_t cut, struct network *net)
{
	const uint8_t *p = walk->p;

	if (walk->len < 40)
		return false;
	uint32_t payload = walk_be16(p + 4);
	uint8_t next = p[6];
	net->v6 = true;
	net->src = p + 8;
	net->dst = p + 24;
	net->fragment = false;
	walk_skip(walk, 40);
	if (payload == 0)
		payload = walk->len + cut;
	net->missing = payload > walk->len ? payload - walk->len : 0;
	if (payload < walk->len)
		walk->len = payload;
	for (uint32_t i = 0; i <= IPV6_EXTENSIONS; i++) {
		uint32_t len;

		switch (next) {
		case 0:   // hop-by-hop
		case 43:  // routing
		case 60:  // destination options
		case 135: // mobility
			if (walk->len < 8)
				return false;
			len = (walk->p[1] + 1u) * 8;
			break;
		case 51: // authentication: length in words of four bytes, less two
			if (walk->len < 8)
				return false;
			len = (walk->p[1] + 2u) * 4;
			break;
		case 44:
			if (walk->len < 8)
				return false;
			len = 8;
			// Offset 0 and no more: an atomic fragment (RFC 6946) is whole.
			if (walk_be16(walk->p + 2) & 0xfff9) {
				net->fragment = true;
				net->more = walk->p[3] & 1;
				net->offset = walk_be16(walk->p + 2) & 0xfff8;
				net->id = walk_be32(walk->p + 4);
				net->protocol = walk->p[0];
				return walk_skip(walk, 8);
			}
			break;
		default:
			net->protocol = next;
			return true;
		}
		next = walk->p[0];
		if (!walk_skip(walk, len))
			return false;
	}
	return false;
}

static void key_fill(struct pkt *pkt, const struct network *net, uint16_t sport, uint16_t dport,
		     uint32_t space)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct flow_key *key = &pkt->key;
	int order = memcmp(net->src, net->dst, net->v6 ? 16 : 4);
	uint32_t src = order > 0 || (order == 0 && sport > dport);

	pkt->src = (uint8_t)src;
	pkt->v6 = net->v6;
	if (net->v6) {
		memcpy(key->addr[src], net->src, 16);
		memcpy(key->addr[!src], net->dst, 16);
	} else {
		memcpy(key->addr[0], mapped, 12);
		memcpy(key->addr[1], mapped, 12);
		memcpy(key->addr[src] + 12, net->src, 4);
		memcpy(key->addr[!src] + 12, net->dst, 4);
	}
	key->port[src] = sport;
	key->port[!src] = dport;
	key->space_proto = space << 8 | PROTOCOL_TCP;
}

// What frag.c needs: the datagram's identity in the key, the piece's place in seq.
static enum fate step_fragment(struct rte_mbuf *m, const struct walk *walk,
			       const struct network *net)
{
	struct pkt *pkt = pkt_of(m);

	key_fill(pkt, net, 0, 0, walk->space);
	// The two directions use the same ids for different datagrams: the sender's side is marked.
	pkt->key.port[0] = (uint16_t)(net->id >> 16) ^ (uint16_t)(pkt->src << 15);
	pkt->key.port[1] = (uint16_t)net->id;
	pkt->key.space_proto = walk->space << 8 | net->protocol;
	pkt->l3_off = (uint16_t)(net->header - rte_pktmbuf_mtod(m, const uint8_t *));
	pkt->l4_off = (uint16_t)(walk->p - rte_pktmbuf_mtod(m, const uint8_t *));
	pkt->seq = net->offset;
	pkt->payload_len = (uint16_t)RTE_MIN(walk->len, (uint32_t)UINT16_MAX);
	pkt->missing_len = net->missing != 0;
	pkt->more_fragments = net->more;
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

static inline void layer_note(struct packet_layers *layers, const char *name)
{
	if (unlikely(layers) && layers->n < PACKET_LAYERS)
		layers->name[layers->n++] = name;
}

// layers: NULL in service, where this is inlined without it.
static inline __attribute__((always_inline)) enum fate
decode(struct rte_mbuf *m, uint32_t link_type, uint32_t wire_len, uint64_t seed,
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
	enum walk_next next = step_link(&walk, link_type);

	pkt->n_outer = 0;
	for (uint32_t depth = 0; depth < WALK_DEPTH; depth++) {
		const struct decap *decap;

		switch (next) {
		case WALK_STOP:
			return FATE_MALFORMED;
		case WALK_UNKNOWN:
			return FATE_UNSUPPORTED;
		case WALK_ETHERNET:
			layer_note(layers, "ethernet");
			next = step_ethernet(&walk);
			continue;
		case WALK_ETHERTYPE:
			if (walk.ethertype == ETHERTYPE_IPV4 || walk.ethertype == ETHERTYPE_IPV6) {
				next = WALK_IP;
				continue;
			}
			decap = decap_by_ethertype(walk.ethertype);
			if (decap)
				layer_note(layers, decap->name);
			next = decap ? decap->step(&walk) : WALK_UNKNOWN;
			continue;
		case WALK_IP:
			break;
		}
		if (walk.len == 0)
			return FATE_MALFORMED;
		uint8_t version = walk.p[0] >> 4;
		net.header = walk.p;
		if (version != 4 && version != 6)
			return FATE_MALFORMED;
		if (!(version == 4 ? step_ipv4(&walk, cut, &net) : step_ipv6(&walk, cut, &net)))
			return FATE_MALFORMED;
		layer_note(layers, version == 4 ? "ipv4" : "ipv6");
		cut = net.missing;
		rest = RTE_MIN(rest, cut);
		if (net.fragment)
			return step_fragment(m, &walk, &net);
		if (net.protocol == PROTOCOL_TCP)
			return step_tcp(m, &walk, &net, rest, seed);
		if (pkt->n_outer < PKT_OUTER)
			pkt->outer_off[pkt->n_outer++] =
				(uint16_t)(net.header - rte_pktmbuf_mtod(m, const uint8_t *));
		if (net.protocol == PROTOCOL_UDP) {
			if (walk.len < 8)
				return FATE_MALFORMED;
			decap = decap_by_udp_port(walk_be16(walk.p + 2));
			walk_skip(&walk, 8);
		} else {
			decap = decap_by_ip_protocol(net.protocol);
		}
		if (decap)
			layer_note(layers, decap->name);
		next = decap ? decap->step(&walk) : WALK_UNKNOWN;
	}
	return FATE_MALFORMED;
}

enum fate packet_decode(struct rte_mbuf *m, uint32_t link_type, uint32_t wire_len, uint64_t seed)
{
	return decode(m, link_type, wire_len, seed, NULL);
}

enum fate packet_decode_layers(struct rte_mbuf *m, uint32_t link_type, uint32_t wire_len,
			       uint64_t seed, struct packet_layers *layers)
{
	layers->n = 0;
	return decode(m, link_type, wire_len, seed, layers);
}
