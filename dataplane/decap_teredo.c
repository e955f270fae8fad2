// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Teredo (RFC 4380 section 5.1.1): IPv6 in UDP through address translation, to and from servers
// and relays. What two hosts send each other directly, on ports of their own, is not recognised.

#include "dataplane/decap.h"

enum {
	TEREDO_ORIGIN = 0x0000,
	TEREDO_ORIGIN_LEN = 8,
	TEREDO_AUTHENTICATION = 0x0001,
	TEREDO_AUTHENTICATION_LEN = 13, // without identifier and value
};

static enum walk_next teredo_step(struct walk *walk)
{
	// Authentication, if any, comes before the origin.
	if (walk->len >= 4 && walk_be16(walk->p) == TEREDO_AUTHENTICATION &&
	    !walk_skip(walk, TEREDO_AUTHENTICATION_LEN + (uint32_t)walk->p[2] + walk->p[3]))
		return WALK_STOP;
	if (walk->len >= 2 && walk_be16(walk->p) == TEREDO_ORIGIN &&
	    !walk_skip(walk, TEREDO_ORIGIN_LEN))
		return WALK_STOP;
	return walk->len && walk->p[0] >> 4 == 6 ? WALK_IP : WALK_UNKNOWN;
}

static const struct decap teredo = {
	.name = "teredo",
	.udp = true,
	.udp_both = true,
	.udp_ports = {3544},
	.step = teredo_step,
};
DECAP_REGISTER(teredo);
