// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IEEE 802.11 data frames, as wireless controllers tunnel them in GRE. Encrypted frames and
// aggregates are left alone.

#include "dataplane/decap.h"

enum {
	WLAN_TYPE_DATA = 2,
	WLAN_QOS = 0x80, // subtype bits in the first byte of the frame control
	WLAN_NO_DATA = 0x40,
	WLAN_TO_DS = 0x01, // flags, second byte
	WLAN_FROM_DS = 0x02,
	WLAN_PROTECTED = 0x40,
	WLAN_ORDER = 0x80,
	WLAN_AGGREGATE = 0x80, // in the QoS control field
};

static enum walk_next wlan_step(struct walk *walk)
{
	uint32_t header = 24;

	if (walk->len < header)
		return WALK_STOP;
	uint8_t type = walk->p[0], flags = walk->p[1];
	if ((type >> 2 & 3) != WLAN_TYPE_DATA || type & WLAN_NO_DATA || flags & WLAN_PROTECTED)
		return WALK_UNKNOWN;
	if ((flags & (WLAN_TO_DS | WLAN_FROM_DS)) == (WLAN_TO_DS | WLAN_FROM_DS))
		header += 6; // a fourth address
	if (type & WLAN_QOS) {
		if (walk->len < header + 2)
			return WALK_STOP;
		if (walk->p[header] & WLAN_AGGREGATE)
			return WALK_UNKNOWN;
		header += flags & WLAN_ORDER ? 6 : 2;
	}
	return walk_skip(walk, header) ? walk_ethertype(walk, ETHERTYPE_LLC) : WALK_STOP;
}

static const struct decap wlan = {
	.name = "wlan",
	.ethertypes = {0x8200}, // Aruba's GRE protocol type for 802.11 frames
	.step = wlan_step,
};
DECAP_REGISTER(wlan);
