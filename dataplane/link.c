// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Link layers of captures: what is in front of the first header that is the same everywhere.

#include "dataplane/link.h"

enum { // libpcap's DLT_* / LINKTYPE_* numbers
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_PPP_SERIAL = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW = 101,
	LINK_C_HDLC = 104,
	LINK_LOOP = 108,
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276,
};

bool link_known(uint32_t link_type)
{
	switch (link_type) {
	case LINK_NULL:
	case LINK_ETHERNET:
	case LINK_PPP:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_PPP_SERIAL:
	case LINK_PPP_ETHER:
	case LINK_RAW:
	case LINK_C_HDLC:
	case LINK_LOOP:
	case LINK_LINUX_SLL:
	case LINK_IPV4:
	case LINK_IPV6:
	case LINK_LINUX_SLL2:
		return true;
	}
	return false;
}

enum walk_next link_step(struct walk *walk, uint32_t link_type)
{
	switch (link_type) {
	case LINK_ETHERNET:
		return WALK_ETHERNET;
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_IPV4:
	case LINK_IPV6:
		return WALK_IP;
	case LINK_NULL: // the family's number differs by system: the version nibble decides
	case LINK_LOOP:
		return walk_skip(walk, 4) ? WALK_IP : WALK_STOP;
	case LINK_PPP:
		return walk_ethertype(walk, ETHERTYPE_PPP);
	case LINK_PPP_ETHER: // RFC 2516: version, code, session, length
		return walk_skip(walk, 6) ? walk_ethertype(walk, ETHERTYPE_PPP) : WALK_STOP;
	case LINK_PPP_SERIAL:
		if (walk->len && walk->p[0] != 0x0f && walk->p[0] != 0x8f)
			return walk_ethertype(walk, ETHERTYPE_PPP);
		// Cisco's framing: unicast or broadcast address, then as below.
		__attribute__((fallthrough));
	case LINK_C_HDLC:
		if (walk->len < 4)
			return WALK_STOP;
		walk->ethertype = walk_be16(walk->p + 2);
		walk_skip(walk, 4);
		return WALK_ETHERTYPE;
	case LINK_LINUX_SLL:
		if (walk->len < 16)
			return WALK_STOP;
		walk->ethertype = walk_be16(walk->p + 14);
		walk_skip(walk, 16);
		return WALK_ETHERTYPE;
	case LINK_LINUX_SLL2:
		if (walk->len < 20)
			return WALK_STOP;
		walk->ethertype = walk_be16(walk->p);
		walk_skip(walk, 20);
		return WALK_ETHERTYPE;
	}
	return WALK_UNKNOWN;
}
