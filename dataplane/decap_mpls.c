// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// MPLS label stacks (RFC 3032). Nothing says what follows the last label: an IP header, the
// control word of an Ethernet pseudo-wire (RFC 4448), or an Ethernet frame. The first nibble
// decides (RFC 4928), unless it is the one of a destination address. Labels are not part of the
// flow key: the two directions of a connection have different ones.

#include "dataplane/decap.h"

enum {
	MPLS_BOTTOM = 0x01,
	MPLS_CHANNEL = 1, // nibble of an associated channel header (RFC 5586): no traffic
	CONTROL_WORD = 4,
};

// RFC 791: the sum of a right header is all ones.
static bool ipv4_right(const uint8_t *p, uint32_t len)
{
	uint32_t header = (p[0] & 15) * 4u, sum = 0;

	if (header < 20 || header > len)
		return false;
	for (uint32_t i = 0; i < header; i += 2)
		sum += walk_be16(p + i);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

static bool ipv6_right(const uint8_t *p, uint32_t len)
{
	return len >= 40 && walk_be16(p + 4) <= len - 40;
}

static enum walk_next mpls_payload(struct walk *walk)
{
	const uint8_t *p = walk->p;
	bool ethernet = walk_ethernet_likely(p, walk->len);

	switch (p[0] >> 4) {
	case 4:
		return ethernet && !ipv4_right(p, walk->len) ? WALK_ETHERNET : WALK_IP;
	case 6:
		return ethernet && !ipv6_right(p, walk->len) ? WALK_ETHERNET : WALK_IP;
	case MPLS_CHANNEL:
		return ethernet ? WALK_ETHERNET : WALK_UNKNOWN;
	case 0:
		if (walk->len < CONTROL_WORD)
			return WALK_STOP;
		if (ethernet && !walk_ethernet_likely(p + CONTROL_WORD, walk->len - CONTROL_WORD))
			return WALK_ETHERNET;
		walk_skip(walk, CONTROL_WORD);
	}
	return WALK_ETHERNET;
}

static enum walk_next mpls_step(struct walk *walk)
{
	for (;;) { // within the layers that are followed
		if (walk->len < 5)
			return WALK_STOP;
		bool bottom = walk->p[2] & MPLS_BOTTOM;
		walk_skip(walk, 4);
		if (bottom)
			return mpls_payload(walk);
		if (walk->layers++ == WALK_LAYERS)
			return WALK_DEEP;
	}
}

static const struct decap mpls = {
	.name = "mpls",
	.ethertypes = {ETHERTYPE_MPLS, 0x8848},
	.ip_protocols = {137}, // RFC 4023
	.udp = true,
	.udp_ports = {6635}, // RFC 7510
	.step = mpls_step,
};
DECAP_REGISTER(mpls);
