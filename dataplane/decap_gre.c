// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Generic Routing Encapsulation: version 0 (RFC 2784, key and sequence of RFC 2890, source routes
// of RFC 1701), in IP or in UDP (RFC 8086), and version 1 (PPTP, RFC 2637). A key is not part of
// the flow key, since mirror sessions give each direction of a connection a key of its own; but
// the virtual subnet that NVGRE (RFC 7637) puts there is.

#include "dataplane/decap.h"

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACKNOWLEDGEMENT = 0x0080, // version 1
	GRE_VERSION = 0x0007,
	GRE_ROUTES = 8,
	NVGRE_SUBNET_MIN = 0x1000,     // smaller ones are reserved
	MIRROR_DIRECTION = 0x02000000, // virtual switches mirror with it in one direction's key
};

// RFC 1701: family, offset, length, that many bytes; ended by family and length 0.
static bool gre_routes(struct walk *walk)
{
	for (uint32_t i = 0; i < GRE_ROUTES; i++) {
		const uint8_t *p = walk->p;

		if (!walk_skip(walk, 4) || !walk_skip(walk, p[3]))
			return false;
		if (p[3] == 0 && walk_be16(p) == 0)
			return true;
	}
	return false;
}

static enum walk_next pptp_step(struct walk *walk, uint16_t flags, uint16_t protocol)
{
	uint32_t header = 8; // with key: payload length and call

	if (!(flags & GRE_KEY) || flags & (GRE_CHECKSUM | GRE_ROUTING) || protocol != ETHERTYPE_PPP)
		return WALK_UNKNOWN;
	if (flags & GRE_SEQUENCE)
		header += 4;
	if (flags & GRE_ACKNOWLEDGEMENT)
		header += 4;
	if (!walk_skip(walk, header))
		return WALK_STOP;
	// Without a sequence number it is a bare acknowledgement.
	return flags & GRE_SEQUENCE ? walk_ethertype(walk, protocol) : WALK_UNKNOWN;
}

static enum walk_next gre_step(struct walk *walk)
{
	const uint8_t *p = walk->p;
	uint32_t header = 4, key = 0;

	if (walk->len < 4)
		return WALK_STOP;
	uint16_t flags = walk_be16(p), protocol = walk_be16(p + 2);
	if ((flags & GRE_VERSION) == 1)
		return pptp_step(walk, flags, protocol);
	if (flags & GRE_VERSION)
		return WALK_UNKNOWN;
	if (flags & (GRE_CHECKSUM | GRE_ROUTING)) // and offset: both or none
		header += 4;
	if (flags & GRE_KEY) {
		if (walk->len < header + 4)
			return WALK_STOP;
		key = walk_be32(p + header);
		header += 4;
	}
	if (flags & GRE_SEQUENCE)
		header += 4;
	if (!walk_skip(walk, header))
		return WALK_STOP;
	if (flags & GRE_ROUTING && !gre_routes(walk))
		return WALK_STOP;
	walk->sequenced = flags & GRE_SEQUENCE;
	// RFC 7637 section 3.2: a key, and neither checksum nor sequence.
	if (protocol == ETHERTYPE_BRIDGED && !(flags & (GRE_CHECKSUM | GRE_SEQUENCE)) &&
	    (key & ~(uint32_t)MIRROR_DIRECTION) >> 8 >= NVGRE_SUBNET_MIN)
		walk_space(walk, SPACE_NVGRE, key >> 8);
	return walk_ethertype(walk, protocol);
}

static const struct decap gre = {
	.name = "gre",
	.ip_protocols = {47},
	.udp = true,
	.udp_ports = {4754}, // 4755 is the same under DTLS
	.step = gre_step,
};
DECAP_REGISTER(gre);
