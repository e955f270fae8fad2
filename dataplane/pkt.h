// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the decoder found out about a packet, kept in the private area of its mbuf.

#pragma once

#include <rte_mbuf.h>

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
};

// Canonical: the smaller (address, port) first, so that both directions have one key.
// IPv4 addresses are v4-mapped. 40 bytes, no padding: hashed and compared as a whole.
struct flow_key {
	uint8_t addr[2][16];
	uint16_t port[2]; // host order
	uint32_t space_proto; // 24 bits virtual network, 8 bits IP protocol
};
_Static_assert(sizeof(struct flow_key) == 40, "hashed as 40 bytes");

enum { PKT_OUTER = 4 };

struct pkt {
	struct flow_key key;
	uint64_t ts_ns;        // since 1970
	uint64_t hash;         // keyed hash of key
	uint32_t seq, ack;     // host order
	uint16_t payload_off;  // from the start of the packet's data
	uint16_t payload_len;  // TCP payload that is really there
	uint16_t missing_len;  // TCP payload cut off by a snap length: a hole behind payload
	uint8_t tcp_flags;     // enum tcp_flag
	uint8_t src;           // index in key of the sender: 0 or 1
	uint8_t v6 : 1;
	uint8_t more_fragments : 1; // frag.c only
	uint8_t bad_checksum : 1; // a checksum is wrong, and no receiver takes the segment
	uint8_t bad_ip_checksum : 1; // … the one of the IP header
	uint8_t frag_overlap : 1; // of a datagram given up because its fragments contradict
	uint8_t joined : 1;       // was put together from fragments
	uint8_t tunnel : 1;       // something else than Ethernet and VLAN tags was before IP
	uint16_t window;
	uint16_t l3_off, l4_off; // innermost IP and TCP headers, from the start of the packet
	// frag.c only: IP headers before the innermost one, as far as they have room here
	uint16_t outer_off[PKT_OUTER];
	uint8_t n_outer;
	// flows/tcp.c only, while the packet is held
	uint16_t held_skip;    // leading payload bytes that were delivered meanwhile
	struct rte_mbuf *next_held;
};
_Static_assert(sizeof(struct pkt) <= 128, "fits the private area");

enum { PKT_PRIV_SIZE = 128 };

static inline struct pkt *pkt_of(struct rte_mbuf *m)
{
	return (struct pkt *)rte_mbuf_to_priv(m);
}
