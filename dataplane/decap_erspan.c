// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// ERSPAN types I to III (draft-foschiano-erspan): a switch's mirror session in GRE. Type I is a
// bare frame behind a GRE header without sequence number; the session's VLAN and id are not part
// of the flow key, since a mirrored connection is the same connection.

#include "dataplane/decap.h"

enum {
	ERSPAN_II = 1, // version field
	ERSPAN_III = 2,
	ERSPAN_II_HEADER = 8,
	ERSPAN_III_HEADER = 12,
	ERSPAN_III_SUBHEADER = 8, // of the platform
	FRAME_ETHERNET = 0,       // type III: what was mirrored
	FRAME_IP = 2,
};

static enum walk_next erspan3_step(struct walk *walk)
{
	const uint8_t *p = walk->p;

	if (walk->len < ERSPAN_III_HEADER)
		return WALK_STOP;
	if (p[0] >> 4 != ERSPAN_III)
		return WALK_UNKNOWN;
	uint32_t sub = p[11] & 1 ? ERSPAN_III_SUBHEADER : 0, frame = p[10] >> 2 & 0x1f;
	if (!walk_skip(walk, ERSPAN_III_HEADER + sub))
		return WALK_STOP;
	switch (frame) {
	case FRAME_ETHERNET:
		return WALK_ETHERNET;
	case FRAME_IP:
		return WALK_IP;
	}
	return WALK_UNKNOWN;
}

static enum walk_next erspan_step(struct walk *walk)
{
	const uint8_t *p = walk->p;

	// Some switches leave the sequence number of type II out.
	if (!walk->sequenced &&
	    (walk->len < ERSPAN_II_HEADER || p[0] >> 4 != ERSPAN_II ||
	     walk_ethernet_likely(p, walk->len) ||
	     !walk_ethernet_likely(p + ERSPAN_II_HEADER, walk->len - ERSPAN_II_HEADER)))
		return WALK_ETHERNET;
	if (walk->len < ERSPAN_II_HEADER)
		return WALK_STOP;
	if (p[0] >> 4 != ERSPAN_II)
		return erspan3_step(walk);
	walk_skip(walk, ERSPAN_II_HEADER);
	return WALK_ETHERNET;
}

static const struct decap erspan = {
	.name = "erspan",
	.ethertypes = {0x88be},
	.step = erspan_step,
};
DECAP_REGISTER(erspan);

static const struct decap erspan3 = {
	.name = "erspan3",
	.ethertypes = {0x22eb},
	.step = erspan3_step,
};
DECAP_REGISTER(erspan3);
