// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The common packet takes two calls: the decoder and the checksum.

#include "dataplane/ingress.h"

#include "dataplane/packet.h"
#include "dataplane/pkt.h"

enum { FRAG_NESTED = 4 }; // a datagram may be fragmented again inside a tunnel

static enum fate ingress_decode(const struct ingress *in, struct rte_mbuf *m, uint32_t link_type,
				uint32_t wire_len)
{
	return in->layers ? packet_decode_layers(m, link_type, wire_len, in->seed, in->layers)
			  : packet_decode(m, link_type, wire_len, in->seed);
}

// Reassembly wants to know who is there.
static inline void ingress_segment(const struct ingress *in, const struct pkt *pkt)
{
	if (unlikely(in->frag->pressed) || (pkt->tcp_flags & TCP_ACK && pkt->payload_len == 0))
		frag_segment(in->frag, pkt);
}

// A packet that is a fragment becomes, perhaps, one that is none.
static enum fate ingress_fragment(const struct ingress *in, struct rte_mbuf **m, uint32_t link_type,
				  struct fates *fates)
{
	enum fate fate = FATE_FRAGMENT;

	for (uint32_t i = 0; fate == FATE_FRAGMENT && i < FRAG_NESTED; i++) {
		bool overlap;

		if (!checksum_fragment(in->check, *m))
			return FATE_CHECKSUM;
		*m = frag_add(in->frag, *m, fates, &overlap);
		if (!*m)
			return FATE_FRAGMENT;
		fate = ingress_decode(in, *m, link_type, rte_pktmbuf_pkt_len(*m));
		if (overlap && fate != FATE_PARSED)
			return FATE_FRAGMENT;
		pkt_of(*m)->frag_overlap = overlap;
	}
	if (fate != FATE_PARSED)
		return fate;
	pkt_of(*m)->joined = 1;
	if (pkt_of(*m)->frag_overlap)
		return fate;
	checksum_segment(in->check, *m);
	ingress_segment(in, pkt_of(*m));
	return fate;
}

enum fate ingress_packet(const struct ingress *in, struct rte_mbuf **m, uint32_t link_type,
			 uint32_t wire_len, struct fates *fates)
{
	enum fate fate;

	fates->rx_pkts++;
	fates->rx_bytes += rte_pktmbuf_pkt_len(*m);
	fate = ingress_decode(in, *m, link_type, wire_len);
	if (fate == FATE_PARSED) {
		checksum_segment(in->check, *m);
		ingress_segment(in, pkt_of(*m));
		return fate;
	}
	if (fate == FATE_FRAGMENT)
		fate = ingress_fragment(in, m, link_type, fates);
	if (fate != FATE_PARSED && *m) {
		fates->pkts[fate]++;
		fates->bytes[fate] += rte_pktmbuf_pkt_len(*m);
	}
	return fate;
}
