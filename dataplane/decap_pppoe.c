// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// PPP over Ethernet, session stage (RFC 2516 section 4). The session is not part of the flow key:
// it is one customer's line, and addresses come from the provider.

#include "dataplane/decap.h"

enum { PPPOE_VERSION_TYPE = 0x11, PPPOE_SESSION_DATA = 0 };

static enum walk_next pppoe_step(struct walk *walk)
{
	if (walk->len < 6 || walk->p[0] != PPPOE_VERSION_TYPE)
		return WALK_STOP;
	if (walk->p[1] != PPPOE_SESSION_DATA)
		return WALK_UNKNOWN;
	walk_skip(walk, 6); // the length is that of the IP header, or wrong
	return walk_ethertype(walk, ETHERTYPE_PPP);
}

static const struct decap pppoe = {
	.name = "pppoe",
	.ethertypes = {0x8864},
	.step = pppoe_step,
};
DECAP_REGISTER(pppoe);
