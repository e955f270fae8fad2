// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// PPP, as a link layer, in PPPoE and in GRE (PPTP), with or without the HDLC address and control
// bytes (RFC 1662 section 3.1). Compressed and encrypted payload is left alone.

#include "dataplane/decap.h"

enum {
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281, // RFC 3032 section 4.3
	PPP_MPLS_MULTICAST = 0x0283,
};

static enum walk_next ppp_step(struct walk *walk)
{
	if (walk->len >= 2 && walk->p[0] == 0xff && walk->p[1] == 0x03)
		walk_skip(walk, 2);
	if (walk->len < 2)
		return WALK_STOP;
	// The protocol field may be compressed to one byte (RFC 1661 section 6.5).
	uint16_t protocol = walk->p[0] & 1 ? walk->p[0] : walk_be16(walk->p);
	walk_skip(walk, walk->p[0] & 1 ? 1 : 2);
	switch (protocol) {
	case PPP_IPV4:
	case PPP_IPV6:
		return WALK_IP;
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST:
		return walk_ethertype(walk, ETHERTYPE_MPLS);
	}
	return WALK_UNKNOWN;
}

static const struct decap ppp = {
	.name = "ppp",
	.ethertypes = {ETHERTYPE_PPP},
	.step = ppp_step,
};
DECAP_REGISTER(ppp);
