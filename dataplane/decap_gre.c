// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Generic Routing Encapsulation, version 0 (RFC 2784, key and sequence of RFC 2890). The key is not
// part of the flow key: mirror sessions give each direction of a connection a key of its own.
// Version 1 (PPTP) is not followed.

#include "dataplane/decap.h"

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_VERSION = 0x0007,
	GRE_ETHERNET = 0x6558, // transparent Ethernet bridging
};

static enum walk_next gre_step(struct walk *walk)
{
	uint32_t header = 4;

	if (walk->len < 4)
		return WALK_STOP;
	uint16_t flags = walk_be16(walk->p), protocol = walk_be16(walk->p + 2);
	if (flags & (GRE_ROUTING | GRE_VERSION))
		return WALK_UNKNOWN;
	if (flags & GRE_CHECKSUM)
		header += 4;
	if (flags & GRE_KEY)
		header += 4;
	if (flags & GRE_SEQUENCE)
		header += 4;
	if (!walk_skip(walk, header))
		return WALK_STOP;
	walk->sequenced = flags & GRE_SEQUENCE;
	if (protocol == GRE_ETHERNET)
		return WALK_ETHERNET;
	walk->ethertype = protocol;
	return WALK_ETHERTYPE;
}

static const struct decap gre = {
	.name = "gre",
	.ip_protocols = {47},
	.step = gre_step,
};
DECAP_REGISTER(gre);
