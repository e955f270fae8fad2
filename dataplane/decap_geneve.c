// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// GENEVE (RFC 8926). The network identifier is part of the flow key. Options are skipped, but for
// one: a cloud's gateway load balancer leaves the identifier 0 and says there which endpoint, and
// so whose network, a packet belongs to.

#include "dataplane/decap.h"

enum {
	GENEVE_VERSION = 0xc0,
	GENEVE_OPTIONS = 0x3f, // their length in words of four bytes
	GENEVE_CONTROL = 0x80,
	OPTION_HEADER = 4,
	AWS_CLASS = 0x0108,
	AWS_ENDPOINT = 1, // 64 bits
};

// RFC 8926 section 3.5.
static void geneve_options(struct walk *walk, const uint8_t *p, uint32_t len)
{
	while (len >= OPTION_HEADER) { // 63 at most
		uint32_t n = OPTION_HEADER + (p[3] & 0x1f) * 4u;

		if (n > len)
			return;
		if (walk_be16(p) == AWS_CLASS && (p[2] & 0x7f) == AWS_ENDPOINT && n == 12) {
			walk_space(walk, SPACE_ENDPOINT, walk_be32(p + 4) >> 8);
			walk_space(walk, SPACE_ENDPOINT, walk_be32(p + 7) & 0xffffff);
			walk_space(walk, SPACE_ENDPOINT, walk_be32(p + 8) & 0xffff);
		}
		p += n;
		len -= n;
	}
}

static enum walk_next geneve_step(struct walk *walk)
{
	const uint8_t *p = walk->p;

	if (walk->len < 8)
		return WALK_STOP;
	if (p[0] & GENEVE_VERSION || p[1] & GENEVE_CONTROL)
		return WALK_UNKNOWN;
	uint32_t options = (p[0] & GENEVE_OPTIONS) * 4u, vni = walk_be32(p + 4) >> 8;
	if (!walk_skip(walk, 8 + options))
		return WALK_STOP;
	walk_space(walk, SPACE_GENEVE, vni);
	geneve_options(walk, p + 8, options);
	return walk_ethertype(walk, walk_be16(p + 2));
}

static const struct decap geneve = {
	.name = "geneve",
	.udp = true,
	.udp_ports = {6081},
	.step = geneve_step,
};
DECAP_REGISTER(geneve);
