// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// VXLAN (RFC 7348): the network identifier is part of the flow key, so tenants with the same
// addresses stay apart.

#include "dataplane/decap.h"

enum { VXLAN_VNI_VALID = 0x08 };

static enum walk_next vxlan_step(struct walk *walk)
{
	if (walk->len < 8)
		return WALK_STOP;
	if (!(walk->p[0] & VXLAN_VNI_VALID))
		return WALK_UNKNOWN;
	walk->space = walk_be32(walk->p + 4) >> 8;
	walk_skip(walk, 8);
	return WALK_ETHERNET;
}

static const struct decap vxlan = {
	.name = "vxlan",
	.udp_ports = {4789, 8472}, // IANA's, and Linux's before that
	.step = vxlan_step,
};
DECAP_REGISTER(vxlan);
