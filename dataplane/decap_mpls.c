// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// MPLS label stacks (RFC 3032). Nothing says what follows the last label: an IP version nibble,
// the control word of an Ethernet pseudo-wire (RFC 4448: a zero nibble), or an Ethernet frame.

#include "dataplane/decap.h"

enum { MPLS_LABELS = 16, MPLS_BOTTOM = 0x01 };

static enum walk_next mpls_step(struct walk *walk)
{
	for (uint32_t i = 0; i < MPLS_LABELS; i++) {
		if (walk->len < 5)
			return WALK_STOP;
		bool bottom = walk->p[2] & MPLS_BOTTOM;
		walk_skip(walk, 4);
		if (!bottom)
			continue;
		switch (walk->p[0] >> 4) {
		case 4:
		case 6:
			return WALK_IP;
		case 0:
			return walk_skip(walk, 4) ? WALK_ETHERNET : WALK_STOP;
		}
		return WALK_ETHERNET;
	}
	return WALK_STOP;
}

static const struct decap mpls = {
	.name = "mpls",
	.ethertypes = {0x8847, 0x8848},
	.step = mpls_step,
};
DECAP_REGISTER(mpls);
