// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// GTP-U version 1 (3GPP TS 29.281): the user plane of mobile networks. A tunnel identifier is one
// direction of one subscriber, so it is not part of the flow key.

#include "dataplane/decap.h"

enum {
	GTPU_VERSION_TYPE = 0xf0, // version 1, protocol type GTP
	GTPU_OPTIONAL = 0x07,     // extension header, sequence number, N-PDU number: any of them
	GTPU_EXTENSION = 0x04,
	GTPU_PACKET = 255, // G-PDU
	GTPU_EXTENSIONS = 8,
};

// TS 29.281 section 5.2.1: length in words of four bytes, content, type of the next one.
static bool gtpu_extensions(struct walk *walk, uint8_t type)
{
	for (uint32_t i = 0; type && i < GTPU_EXTENSIONS; i++) {
		uint32_t len = walk->len ? walk->p[0] * 4u : 0;

		if (len == 0 || !walk_skip(walk, len))
			return false;
		type = walk->p[-1];
	}
	return type == 0;
}

static enum walk_next gtpu_step(struct walk *walk)
{
	const uint8_t *p = walk->p;

	if (walk->len < 8)
		return WALK_STOP;
	uint8_t flags = p[0];
	if ((flags & GTPU_VERSION_TYPE) != 0x30 || p[1] != GTPU_PACKET)
		return WALK_UNKNOWN;
	walk_skip(walk, 8);
	if (flags & GTPU_OPTIONAL) {
		if (!walk_skip(walk, 4))
			return WALK_STOP;
		if (flags & GTPU_EXTENSION && !gtpu_extensions(walk, p[11]))
			return WALK_STOP;
	}
	// Else a PDU session of another type than IP.
	if (walk->len && walk->p[0] >> 4 != 4 && walk->p[0] >> 4 != 6)
		return WALK_UNKNOWN;
	return WALK_IP;
}

static const struct decap gtpu = {
	.name = "gtpu",
	.udp = true,
	.udp_ports = {2152},
	.step = gtpu_step,
};
DECAP_REGISTER(gtpu);
