// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The registry of encapsulations: tables from what announces one to its number. Written by
// constructors and by decap_configure() before workers run, read-only after.

#include "dataplane/decap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DECAP_MAX = 32,
	SPACE_MASK = 0xffffff,
	UDP_NONE = 0xff, // configured to be no tunnel
};

static const struct decap *decaps[DECAP_MAX + 1]; // from 1; 0: none
static uint8_t n_decaps;
static uint8_t by_ethertype[1 << 16], by_ip_protocol[1 << 8], by_udp_port[1 << 16];

struct tunnel_options {
	const char *type;
	uint32_t port;
};

// The encapsulations over UDP, and the word for none of them.
static const char *tunnel_name(size_t i)
{
	for (uint32_t d = 1; d <= n_decaps; d++) {
		if (decaps[d]->udp && i-- == 0)
			return decaps[d]->name;
	}
	return i == 0 ? "none" : NULL;
}

static const struct conf_row tunnel_rows[] = {
	{"type", CONF_STR, offsetof(struct tunnel_options, type), 1, 15, NULL, NULL, tunnel_name,
	 NULL, "What the datagrams carry; \"none\": they are no tunnel", true, NULL},
	{"port", CONF_U32, offsetof(struct tunnel_options, port), 1, 65535, NULL, NULL, NULL, NULL,
	 "UDP port", true, NULL},
};
const struct conf_section tunnels_section = {
	.path = "tunnels",
	.help = "UDP ports of tunnels, beside the registered ones",
	.size = sizeof(struct tunnel_options),
	.list = true,
	.rows = tunnel_rows,
	.n_rows = sizeof(tunnel_rows) / sizeof(tunnel_rows[0]),
};
CONF_SECTION(tunnels_section);

static void decap_claim(uint8_t *slot, const struct decap *decap, unsigned what)
{
	if (*slot) {
		fprintf(stderr, "decap %s: %u belongs to %s\n", decap->name, what,
			decaps[*slot]->name);
		abort();
	}
	*slot = n_decaps;
}

static void decap_default_ports(void)
{
	memset(by_udp_port, 0, sizeof(by_udp_port));
	for (uint32_t d = 1; d <= n_decaps; d++) {
		for (uint32_t k = 0; k < 4 && decaps[d]->udp_ports[k]; k++)
			by_udp_port[decaps[d]->udp_ports[k]] = (uint8_t)d;
	}
}

void decap_add(const struct decap *decap)
{
	if (n_decaps == DECAP_MAX) {
		fprintf(stderr, "decap %s: more than %d encapsulations\n", decap->name, DECAP_MAX);
		abort();
	}
	decaps[++n_decaps] = decap;
	for (uint32_t k = 0; k < 6 && decap->ethertypes[k]; k++)
		decap_claim(&by_ethertype[decap->ethertypes[k]], decap, decap->ethertypes[k]);
	for (uint32_t k = 0; k < 4 && decap->ip_protocols[k]; k++)
		decap_claim(&by_ip_protocol[decap->ip_protocols[k]], decap, decap->ip_protocols[k]);
	for (uint32_t k = 0; k < 4 && decap->udp_ports[k]; k++)
		decap_claim(&by_udp_port[decap->udp_ports[k]], decap, decap->udp_ports[k]);
}

void decap_configure(const struct conf *conf)
{
	decap_default_ports();
	for (size_t i = 0; i < conf_count(conf, &tunnels_section); i++) {
		const struct tunnel_options *o = conf_item(conf, &tunnels_section, i);

		by_udp_port[o->port] = UDP_NONE;
		for (uint8_t d = 1; d <= n_decaps; d++) {
			if (decaps[d]->udp && strcmp(decaps[d]->name, o->type) == 0)
				by_udp_port[o->port] = d;
		}
	}
}

// IEEE 802.3: what is too small for a type is the length of a frame with an LLC header.
const struct decap *decap_by_ethertype(uint16_t ethertype)
{
	return decaps[by_ethertype[ethertype < 0x0600 ? ETHERTYPE_LLC : ethertype]];
}

const struct decap *decap_by_ip_protocol(uint8_t protocol)
{
	return decaps[by_ip_protocol[protocol]];
}

const struct decap *decap_by_udp(uint16_t src_port, uint16_t dst_port)
{
	uint8_t d = by_udp_port[dst_port];

	if (d == 0) {
		d = by_udp_port[src_port];
		if (d != UDP_NONE && d != 0 && !decaps[d]->udp_both)
			d = 0;
	}
	return d == UDP_NONE ? NULL : decaps[d];
}

void walk_space(struct walk *walk, enum space_kind kind, uint32_t id)
{
	// Each step can be undone, so all of them together are one to one.
	uint32_t x = (id ^ walk->space * 0x9e3779u ^ (uint32_t)kind * 0x51ed27u) & SPACE_MASK;

	x ^= x >> 12;
	x = x * 0xd6e8fbu & SPACE_MASK;
	x ^= x >> 11;
	x = x * 0xeb352du & SPACE_MASK;
	x ^= x >> 12;
	walk->space = x ? x : 1; // 0 is no network
}

enum walk_next walk_next_protocol(struct walk *walk, uint8_t protocol)
{
	switch (protocol) {
	case 1:
	case 2:
		return WALK_IP;
	case 3:
		return WALK_ETHERNET;
	case 4:
		return walk_ethertype(walk, ETHERTYPE_NSH);
	case 5:
		return walk_ethertype(walk, ETHERTYPE_MPLS);
	}
	return WALK_UNKNOWN;
}

bool walk_ethernet_likely(const uint8_t *p, uint32_t len)
{
	if (len < 15)
		return false;
	uint16_t ethertype = walk_be16(p + 12);
	if (ethertype == ETHERTYPE_IPV4 || ethertype == ETHERTYPE_IPV6)
		return p[14] >> 4 == (ethertype == ETHERTYPE_IPV4 ? 4 : 6);
	return ethertype >= 0x0600 && decap_by_ethertype(ethertype);
}
