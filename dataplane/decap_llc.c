// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IEEE 802.2 LLC headers: of 802.3 frames with a length instead of a type, and of 802.11. What
// follows is named by SNAP (RFC 1042; bridged frames as in RFC 2684 section 5.2), or is IP under
// its old service access point.

#include "dataplane/decap.h"

enum {
	LLC_SNAP = 0xaa,
	LLC_IP = 0x06,
	LLC_UNNUMBERED = 0x03,
	OUI_ETHERTYPE = 0x000000,
	OUI_TUNNEL = 0x0000f8,  // bridge tunnel encapsulation: types as well
	OUI_BRIDGED = 0x0080c2, // IEEE 802.1
	BRIDGED_ETHERNET_FCS = 1,
	BRIDGED_ETHERNET = 7,
};

static enum walk_next llc_step(struct walk *walk)
{
	const uint8_t *p = walk->p;

	if (walk->len < 3)
		return WALK_STOP;
	if (p[2] != LLC_UNNUMBERED)
		return WALK_UNKNOWN;
	if (p[0] == LLC_IP && p[1] == LLC_IP) {
		walk_skip(walk, 3);
		return WALK_IP;
	}
	if (p[0] != LLC_SNAP || p[1] != LLC_SNAP)
		return WALK_UNKNOWN;
	if (!walk_skip(walk, 8))
		return WALK_STOP;
	uint16_t type = walk_be16(p + 6);
	switch (walk_be32(p + 2) & 0xffffff) {
	case OUI_ETHERTYPE:
	case OUI_TUNNEL:
		return type < 0x0600 ? WALK_UNKNOWN : walk_ethertype(walk, type);
	case OUI_BRIDGED:
		return type == BRIDGED_ETHERNET || type == BRIDGED_ETHERNET_FCS ? WALK_ETHERNET
										: WALK_UNKNOWN;
	}
	return WALK_UNKNOWN;
}

static const struct decap llc = {
	.name = "llc",
	.ethertypes = {ETHERTYPE_LLC},
	.tag = true,
	.step = llc_step,
};
DECAP_REGISTER(llc);
