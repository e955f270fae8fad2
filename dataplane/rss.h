// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The NIC's choice of a queue, in software: where NICs spread flows, what they could not look into
// (tunnels, fragments) goes where they would have sent it. The key is periodic in 16 bits, so
// that Toeplitz hashing is the sum of all words, multiplied: the same for both directions.

#pragma once

#include "dataplane/pkt.h"

#include <rte_byteorder.h>

#include <string.h>

enum {
	RSS_KEY = 0x6d5a,  // repeated
	RSS_ENTRIES = 128, // of the redirection table that count; larger ones repeat them
};

static inline uint32_t rss_hash(const struct flow_key *key)
{
	uint64_t w[4];
	uint32_t hash = 0;

	// The prefixes of two mapped addresses cancel each other out.
	memcpy(w, key->addr, sizeof(w));
	w[0] ^= w[1] ^ w[2] ^ w[3];
	w[0] ^= w[0] >> 32;
	uint32_t x = (uint16_t)rte_be_to_cpu_16((uint16_t)(w[0] ^ w[0] >> 16));
	x ^= (uint32_t)key->port[0] ^ key->port[1];
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t window = (uint16_t)(RSS_KEY << i | RSS_KEY >> (16 - i));

		hash ^= window & -(x >> (15 - i) & 1);
	}
	return hash << 16 | hash;
}

// The worker that a table entry names.
static inline uint32_t rss_entry(uint32_t i, uint32_t n_workers)
{
	return i % RSS_ENTRIES % n_workers;
}

static inline uint32_t rss_owner(const struct flow_key *key, uint32_t n_workers)
{
	return rss_entry(rss_hash(key), n_workers);
}
