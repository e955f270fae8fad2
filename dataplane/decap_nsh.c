// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Network Service Header (RFC 8300). The tenant that its metadata name (RFC 9263 section 4.2) is
// part of the flow key, else the service path: paths of two tenants are two paths. The way back of
// a symmetric path has the number of the way there with its highest bit set in common controllers,
// so that bit does not count.

#include "dataplane/decap.h"

enum {
	NSH_VERSION_OAM = 0xe0,
	NSH_LENGTH = 0x3f, // in words of four bytes, all of the header
	NSH_MD_TYPE = 0x0f,
	NSH_MD_VARIABLE = 2,
	NSH_PATH = 0x7fffff,
	METADATA_TENANT = 5, // of class 0
};

// RFC 8300 section 2.5.1: class, type, length in bytes, padded to words. 0: no tenant there.
static uint32_t nsh_tenant(const uint8_t *p, uint32_t len)
{
	while (len >= 4) { // 61 at most
		uint32_t n = p[3] & 0x7f, padded = 4 + ((n + 3) & ~3u), tenant = 0;

		if (padded > len)
			return 0;
		if (walk_be16(p) == 0 && (p[2] & 0x7f) == METADATA_TENANT) {
			for (uint32_t i = 0; i < n; i++)
				tenant = (tenant ^ p[4 + i]) * 0x01000193u;
			return tenant ^ tenant >> 24 ? (tenant ^ tenant >> 24) & 0xffffff : 1;
		}
		p += padded;
		len -= padded;
	}
	return 0;
}

static enum walk_next nsh_step(struct walk *walk)
{
	const uint8_t *p = walk->p;

	if (walk->len < 8)
		return WALK_STOP;
	if (p[0] & NSH_VERSION_OAM)
		return WALK_UNKNOWN;
	uint32_t header = (p[1] & NSH_LENGTH) * 4u, tenant = 0;
	if (header < 8 || !walk_skip(walk, header))
		return WALK_STOP;
	if ((p[2] & NSH_MD_TYPE) == NSH_MD_VARIABLE)
		tenant = nsh_tenant(p + 8, header - 8);
	walk_space(walk, SPACE_NSH, tenant ? tenant : walk_be32(p + 4) >> 8 & NSH_PATH);
	return walk_next_protocol(walk, p[3]);
}

static const struct decap nsh = {
	.name = "nsh",
	.ethertypes = {ETHERTYPE_NSH},
	.step = nsh_step,
};
DECAP_REGISTER(nsh);
