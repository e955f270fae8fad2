// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IPv4 and IPv6 headers, with options and extension headers.

#pragma once

#include "dataplane/decap.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

struct network {
	const uint8_t *header;
	const uint8_t *src, *dst; // 4 or 16 bytes; behind a source route, the final destination
	bool v6;
	bool fragment;       // a part of a datagram
	bool more;           // … and not the last one
	uint32_t offset, id; // of the part
	uint8_t protocol;
	uint32_t missing; // bytes of the datagram that are not in walk
};

// Takes an IP header off; afterwards walk is the datagram's payload, without trailer bytes. cut:
// bytes of the frame behind walk. False: malformed.
bool network_step(struct walk *walk, uint32_t cut, struct network *net);
