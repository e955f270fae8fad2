// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Cisco MetaData (TrustSec): options with a security group tag behind an EtherType of its own, then
// the EtherType of what follows.

#include "dataplane/decap.h"

static enum walk_next cmd_step(struct walk *walk)
{
	uint32_t len;

	if (walk->len < 2)
		return WALK_STOP;
	if (walk->p[0] != 1) // version
		return WALK_UNKNOWN;
	len = 2 + 4 * (uint32_t)walk->p[1];
	if (walk->len < len + 2)
		return WALK_STOP;
	walk->ethertype = walk_be16(walk->p + len);
	walk_skip(walk, len + 2);
	return WALK_ETHERTYPE;
}

static const struct decap cmd = {
	.name = "cmd",
	.ethertypes = {0x8909},
	.tag = true,
	.step = cmd_step,
};
DECAP_REGISTER(cmd);
