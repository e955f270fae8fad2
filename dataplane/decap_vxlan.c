// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// VXLAN (RFC 7348), its group policy variant, which differs in bits that do not matter here, and
// its generic protocol extension (draft-ietf-nvo3-vxlan-gpe). The network identifier is part of
// the flow key, so tenants with the same addresses stay apart.

#include "dataplane/decap.h"

enum {
	VXLAN_VNI_VALID = 0x08,
	GPE_VERSION = 0x30,
	GPE_NEXT_PROTOCOL = 0x04, // there is one
	GPE_OAM = 0x01,
};

static void vxlan_network(struct walk *walk)
{
	walk_space(walk, SPACE_VXLAN, walk_be32(walk->p + 4) >> 8);
}

static enum walk_next vxlan_step(struct walk *walk)
{
	if (walk->len < 8)
		return WALK_STOP;
	if (!(walk->p[0] & VXLAN_VNI_VALID))
		return WALK_UNKNOWN;
	vxlan_network(walk);
	walk_skip(walk, 8);
	return WALK_ETHERNET;
}

static enum walk_next gpe_step(struct walk *walk)
{
	if (walk->len < 8)
		return WALK_STOP;
	uint8_t flags = walk->p[0], protocol = walk->p[3];
	if (flags & (GPE_VERSION | GPE_OAM))
		return WALK_UNKNOWN;
	if (flags & VXLAN_VNI_VALID)
		vxlan_network(walk);
	walk_skip(walk, 8);
	return flags & GPE_NEXT_PROTOCOL ? walk_next_protocol(walk, protocol) : WALK_ETHERNET;
}

static const struct decap vxlan = {
	.name = "vxlan",
	.udp = true,
	.udp_ports = {4789, 8472}, // IANA's, and Linux's before that
	.step = vxlan_step,
};
DECAP_REGISTER(vxlan);

static const struct decap gpe = {
	.name = "vxlan-gpe",
	.udp = true,
	.udp_ports = {4790},
	.step = gpe_step,
};
DECAP_REGISTER(gpe);
