// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IEEE 802.1Q and 802.1ad tags, any number of them up to the walk's bound. The VLAN is not part
// of the flow key: a mirror port often shows one connection under two VLANs.

#include "dataplane/decap.h"

static enum walk_next vlan_step(struct walk *walk)
{
	if (walk->len < 4)
		return WALK_STOP;
	walk->ethertype = walk_be16(walk->p + 2);
	walk_skip(walk, 4);
	return WALK_ETHERTYPE;
}

static const struct decap vlan = {
	.name = "vlan",
	.ethertypes = {0x8100, 0x88a8, 0x9100, 0x9200},
	.tag = true,
	.step = vlan_step,
};
DECAP_REGISTER(vlan);
