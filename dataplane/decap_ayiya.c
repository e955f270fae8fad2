// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// AYIYA (draft-massar-v6ops-ayiya): IPv6 in UDP with an identity and a signature, as tunnel
// brokers used it.

#include "dataplane/decap.h"

enum {
	AYIYA_HEADER = 8, // without identity and signature
	AYIYA_FORWARD = 1,
	AYIYA_ECHO_FORWARD = 3,
	AYIYA_IPV4 = 4, // IP protocol numbers
	AYIYA_IPV6 = 41,
};

static enum walk_next ayiya_step(struct walk *walk)
{
	const uint8_t *p = walk->p;

	if (walk->len < AYIYA_HEADER)
		return WALK_STOP;
	uint8_t operation = p[2] & 0x0f, next = p[3];
	uint32_t identity = UINT32_C(1) << (p[0] >> 4), signature = (p[1] >> 4) * 4u;
	if (operation != AYIYA_FORWARD && operation != AYIYA_ECHO_FORWARD)
		return WALK_UNKNOWN;
	if (next != AYIYA_IPV4 && next != AYIYA_IPV6)
		return WALK_UNKNOWN;
	return walk_skip(walk, AYIYA_HEADER + identity + signature) ? WALK_IP : WALK_STOP;
}

static const struct decap ayiya = {
	.name = "ayiya",
	.udp = true,
	.udp_both = true, // the broker answers from it
	.udp_ports = {5072},
	.step = ayiya_step,
};
DECAP_REGISTER(ayiya);
