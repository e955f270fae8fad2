// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Encapsulations: one file each, registered by what announces them. A step takes its header off
// and says what follows; packet.c walks the steps with a bound on their number.

#pragma once

#include "conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	WALK_LAYERS = 16, // headers of link, tags, tunnels and network together
	ETHERTYPE_LLC = 0x0004, // not on the wire: IEEE 802.2 follows (Linux's number for it)
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_BRIDGED = 0x6558, // an Ethernet frame: transparent Ethernet bridging
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_PPP = 0x880b,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_NSH = 0x894f,
};

enum walk_next {
	WALK_STOP = 0,  // cut or inconsistent: malformed
	WALK_UNKNOWN,   // well-formed, but nothing that is followed
	WALK_DEEP,      // more layers than are followed
	WALK_ETHERNET,  // an Ethernet frame is next
	WALK_ETHERTYPE, // what walk.ethertype says is next
	WALK_IP,        // an IPv4 or IPv6 header is next (by its version nibble)
};

struct walk {
	const uint8_t *p; // what is left of the frame
	uint32_t len;
	uint32_t space;   // virtual network of the flow, 24 bits; 0: none
	uint16_t ethertype;
	uint8_t layers;   // headers taken off
	bool sequenced;   // the GRE header before had a sequence number
	bool tunnel;      // something else than Ethernet and VLAN tags was before the last IP header
};

struct decap {
	const char *name;
	uint16_t ethertypes[6]; // any of these announces it; ended by 0
	uint8_t ip_protocols[4];
	uint16_t udp_ports[4];  // destination; more by configuration (section "tunnels")
	bool udp;               // runs over UDP: its name may stand in the configuration
	bool udp_both;          // the port may be the source's, too
	bool tag;               // of the link layer, not a tunnel
	enum walk_next (*step)(struct walk *walk);
};

void decap_add(const struct decap *decap);
#define DECAP_REGISTER(sym)                                                                        \
	__attribute__((constructor, used)) static void decap_register_##sym(void)                  \
	{                                                                                          \
		decap_add(&sym);                                                                   \
	}

extern const struct conf_section tunnels_section;

// Takes the configured ports; before any packet. Once more: only what is configured then counts.
void decap_configure(const struct conf *conf);

// NULL: nothing registered for it.
const struct decap *decap_by_ethertype(uint16_t ethertype);
const struct decap *decap_by_ip_protocol(uint8_t protocol);
const struct decap *decap_by_udp(uint16_t src_port, uint16_t dst_port);

static inline uint16_t walk_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t walk_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline bool walk_skip(struct walk *walk, uint32_t n)
{
	if (n > walk->len)
		return false;
	walk->p += n;
	walk->len -= n;
	return true;
}

static inline enum walk_next walk_ethertype(struct walk *walk, uint16_t ethertype)
{
	walk->ethertype = ethertype;
	return WALK_ETHERTYPE;
}

// Kinds of virtual networks: numbers of one kind say nothing about those of another.
enum space_kind {
	SPACE_VXLAN = 1,
	SPACE_GENEVE,
	SPACE_NVGRE,
	SPACE_NSH,
	SPACE_ENDPOINT, // of a cloud's load balancer
};

// Enters the virtual network id (24 bits) of that kind, inside those entered before: what becomes
// of walk->space is a bijection of id, so that two networks of one kind are never taken for one;
// networks of two kinds, or at different depths, are with a probability of 2^-24.
void walk_space(struct walk *walk, enum space_kind kind, uint32_t id);

// What the next-protocol number of NSH (RFC 8300 section 2.2) and of VXLAN-GPE names.
enum walk_next walk_next_protocol(struct walk *walk, uint8_t protocol);

// Whether an Ethernet frame that is followed begins at p: where headers leave that open.
bool walk_ethernet_likely(const uint8_t *p, uint32_t len);
