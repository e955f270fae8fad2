// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Mirror realities are tolerated: total length 0 (segmentation offload before the mirror), bytes
// behind the datagram (padding, trailers), frames cut by a snap length.

#include "dataplane/network.h"

#include <rte_common.h>

enum { IPV6_EXTENSIONS = 8 };

// RFC 791.
static bool network_ipv4(struct walk *walk, uint32_t cut, struct network *net)
{
	const uint8_t *p = walk->p;

	if (walk->len < 20)
		return false;
	uint32_t header = (p[0] & 15) * 4u, total = walk_be16(p + 2);
	if (header < 20 || header > walk->len)
		return false;
	if (total == 0) // filled in by the NIC after the mirror point: all that is there
		total = walk->len + cut;
	if (total < header)
		return false;
	net->v6 = false;
	net->src = p + 12;
	net->dst = p + 16;
	net->protocol = p[9];
	net->fragment = (walk_be16(p + 6) & 0x3fff) != 0;
	net->more = walk_be16(p + 6) & 0x2000;
	net->offset = (walk_be16(p + 6) & 0x1fff) * 8u;
	net->id = walk_be16(p + 4);
	net->missing = total > walk->len ? total - walk->len : 0;
	if (total < walk->len)
		walk->len = total;
	return walk_skip(walk, header);
}

// RFC 8200 section 4.4: while segments are left, the address in the IPv6 header is a stop on the
// way. The final one is the last of the list, of segment routing (RFC 8754) the first; the
// compressed list of type 3 has no address as a whole.
static const uint8_t *route_end(const uint8_t *p, uint32_t len)
{
	uint32_t n = (len - 8) / 16;

	if (p[3] == 0 || n == 0)
		return NULL;
	switch (p[2]) {
	case 0:
	case 2:
		return p + 8 + 16 * (n - 1);
	case 4:
		return p + 8;
	}
	return NULL;
}

// RFC 8200 with its extension headers.
static bool network_ipv6(struct walk *walk, uint32_t cut, struct network *net)
{
	const uint8_t *p = walk->p, *end;

	if (walk->len < 40)
		return false;
	uint32_t payload = walk_be16(p + 4);
	uint8_t next = p[6];
	net->v6 = true;
	net->src = p + 8;
	net->dst = p + 24;
	net->fragment = false;
	walk_skip(walk, 40);
	if (payload == 0) // offload as above, or a jumbogram (RFC 2675)
		payload = walk->len + cut;
	net->missing = payload > walk->len ? payload - walk->len : 0;
	if (payload < walk->len)
		walk->len = payload;
	for (uint32_t i = 0; i <= IPV6_EXTENSIONS; i++) {
		uint32_t len;

		switch (next) {
		case 0:   // hop-by-hop
		case 43:  // routing
		case 60:  // destination options
		case 135: // mobility
		case 139: // host identity
		case 140: // shim6
			if (walk->len < 8)
				return false;
			len = (walk->p[1] + 1u) * 8;
			break;
		case 51: // authentication: length in words of four bytes, less two
			if (walk->len < 8)
				return false;
			len = (walk->p[1] + 2u) * 4;
			break;
		case 44:
			if (walk->len < 8)
				return false;
			len = 8;
			// Offset 0 and no more: an atomic fragment (RFC 6946) is whole.
			if (walk_be16(walk->p + 2) & 0xfff9) {
				net->fragment = true;
				net->more = walk->p[3] & 1;
				net->offset = walk_be16(walk->p + 2) & 0xfff8;
				net->id = walk_be32(walk->p + 4);
				net->protocol = walk->p[0];
				return walk_skip(walk, 8);
			}
			break;
		default:
			net->protocol = next;
			return true;
		}
		p = walk->p;
		if (!walk_skip(walk, len))
			return false;
		end = next == 43 ? route_end(p, len) : NULL;
		net->dst = end ? end : net->dst;
		next = p[0];
	}
	return false;
}

bool network_step(struct walk *walk, uint32_t cut, struct network *net)
{
	if (walk->len == 0)
		return false;
	net->header = walk->p;
	switch (walk->p[0] >> 4) {
	case 4:
		return network_ipv4(walk, cut, net);
	case 6:
		return network_ipv6(walk, cut, net);
	}
	return false;
}
