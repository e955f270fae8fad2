// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IP in IP (RFC 2003, 2473, 4213): any version in any other.

#include "dataplane/decap.h"

static enum walk_next ip_step(struct walk *walk)
{
	walk->layers--; // no header of its own
	return walk->len ? WALK_IP : WALK_STOP;
}

static const struct decap ip = {
	.name = "ip",
	.ip_protocols = {4, 41},
	.step = ip_step,
};
DECAP_REGISTER(ip);
