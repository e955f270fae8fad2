// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The registry of encapsulations. Written by constructors before main(), read-only after.

#include "dataplane/decap.h"

#include <stdio.h>
#include <stdlib.h>

enum { DECAP_MAX = 32 };

static const struct decap *decaps[DECAP_MAX];
static uint32_t n_decaps;

void decap_add(const struct decap *decap)
{
	if (n_decaps == DECAP_MAX) {
		fprintf(stderr, "decap %s: more than %d encapsulations\n", decap->name, DECAP_MAX);
		abort();
	}
	decaps[n_decaps++] = decap;
}

const struct decap *decap_by_ethertype(uint16_t ethertype)
{
	for (uint32_t i = 0; i < n_decaps; i++) {
		for (uint32_t k = 0; k < 6 && decaps[i]->ethertypes[k]; k++) {
			if (decaps[i]->ethertypes[k] == ethertype)
				return decaps[i];
		}
	}
	return NULL;
}

const struct decap *decap_by_ip_protocol(uint8_t protocol)
{
	for (uint32_t i = 0; i < n_decaps; i++) {
		for (uint32_t k = 0; k < 4 && decaps[i]->ip_protocols[k]; k++) {
			if (decaps[i]->ip_protocols[k] == protocol)
				return decaps[i];
		}
	}
	return NULL;
}

const struct decap *decap_by_udp_port(uint16_t port)
{
	for (uint32_t i = 0; i < n_decaps; i++) {
		for (uint32_t k = 0; k < 4 && decaps[i]->udp_ports[k]; k++) {
			if (decaps[i]->udp_ports[k] == port)
				return decaps[i];
		}
	}
	return NULL;
}
