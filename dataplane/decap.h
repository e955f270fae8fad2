// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Encapsulations: one file each, registered by what announces them. A step takes its header off
// and says what follows; packet.c walks the steps with a bound on their number.

#pragma once

#include <stdbool.h>
#include <stdint.h>

enum walk_next {
	WALK_STOP = 0,  // cut or inconsistent: malformed
	WALK_UNKNOWN,   // well-formed, but nothing that is followed
	WALK_ETHERNET,  // an Ethernet frame is next
	WALK_ETHERTYPE, // what walk.ethertype says is next
	WALK_IP,        // an IPv4 or IPv6 header is next (by its version nibble)
};

struct walk {
	const uint8_t *p; // what is left of the frame
	uint32_t len;
	uint16_t ethertype;
	uint32_t space;   // virtual network of the flow, 24 bits; 0: none
	bool sequenced;   // the GRE header before had a sequence number
};

struct decap {
	const char *name;
	uint16_t ethertypes[6]; // any of these announces it; ended by 0
	uint8_t ip_protocols[4];
	uint16_t udp_ports[4];
	enum walk_next (*step)(struct walk *walk);
};

void decap_add(const struct decap *decap);
#define DECAP_REGISTER(sym)                                                                        \
	__attribute__((constructor, used)) static void decap_register_##sym(void)                  \
	{                                                                                          \
		decap_add(&sym);                                                                   \
	}

// NULL: nothing registered for it.
const struct decap *decap_by_ethertype(uint16_t ethertype);
const struct decap *decap_by_ip_protocol(uint8_t protocol);
const struct decap *decap_by_udp_port(uint16_t port);

static inline uint16_t walk_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t walk_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline bool walk_skip(struct walk *walk, uint32_t n)
{
	if (n > walk->len)
		return false;
	walk->p += n;
	walk->len -= n;
	return true;
}
