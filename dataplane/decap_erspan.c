// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// ERSPAN types I to III (draft-foschiano-erspan): a switch's mirror session in GRE. Type I is a
// bare frame behind a GRE header without sequence number; the session's VLAN and id are not part
// of the flow key, since a mirrored connection is the same connection.

#include "dataplane/decap.h"

enum {
	ERSPAN_II = 1,  // version field
	ERSPAN_III = 2,
};

static enum walk_next erspan_step(struct walk *walk)
{
	if (!walk->sequenced)
		return WALK_ETHERNET;
	if (walk->len < 8)
		return WALK_STOP;
	if (walk->p[0] >> 4 != ERSPAN_II)
		return WALK_UNKNOWN;
	walk_skip(walk, 8);
	return WALK_ETHERNET;
}

static enum walk_next erspan3_step(struct walk *walk)
{
	if (walk->len < 12)
		return WALK_STOP;
	if (walk->p[0] >> 4 != ERSPAN_III)
		return WALK_UNKNOWN;
	bool subheader = walk->p[11] & 1;
	return walk_skip(walk, subheader ? 20 : 12) ? WALK_ETHERNET : WALK_STOP;
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
