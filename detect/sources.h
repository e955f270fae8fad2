// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the merger knows of where requests come from: client addresses and the networks around
// them, each with a small record, in tables that forget who was idle longest. So an attacker with
// a whole IPv6 prefix pushes out his own addresses, but not what is known of his prefix.
//
//	call->client ─► address /32, /128 ─► struct source
//	             └► prefix  /24, /56  ─► struct source
//	             └► country, coordinates, autonomous system (geo.h), looked up once per address
//
// Merger's thread.

#pragma once

#include "detect/delta.h"
#include "detect/geo.h"
#include "detect/lru.h"

struct conf;

// Where an address lies. The identities are keyed hashes, never 0.
struct location {
	uint64_t address;
	uint64_t prefix;  // of detect.sources.prefix_v4 and prefix_v6 bits
	uint64_t wide;    // of 16 bits, of IPv6 32: rarely two operators
	uint32_t asn;     // autonomous system; 0: unknown
	char country[3];  // "" unknown
	uint8_t bits;     // of prefix, as written: 24, 56
	bool v6;
	struct geo_point point;
};

// An address or a prefix.
struct source {
	struct location where;
	uint8_t addr[16]; // of a prefix: its first
	uint64_t first_ns, last_ns;
	uint64_t calls;   // exchanges
	uint64_t ok;      // of them 2xx,
	uint64_t refused; // 4xx
};

struct sources {
	struct lru addresses, prefixes; // of struct source
	struct geo *geo;                // owned; NULL: no file
	uint64_t seed;
	uint32_t bits_v4, bits_v6;
	struct location last; // of the address that was asked for last: often the next one, too
	uint8_t last_addr[16];
};

// 0 or -1 with a sentence in why.
int sources_init(struct sources *s, const struct conf *conf, uint64_t seed, char *why,
		 size_t why_len);
void sources_fini(struct sources *s);
// Forgets all addresses.
void sources_clear(struct sources *s);
void sources_call(struct sources *s, const struct call *call);
void sources_locate(struct sources *s, const uint8_t addr[16], struct location *out);
// NULL: not known, or forgotten.
const struct source *sources_address(struct sources *s, const uint8_t addr[16]);
const struct source *sources_prefix(struct sources *s, const uint8_t addr[16]);
// Can the files be read? False: a sentence in why.
bool sources_check(const struct conf *conf, char *why, size_t why_len);
// What both tables take at most.
size_t sources_bytes(const struct conf *conf);
// "198.51.100.0/24", "198.51.100.7"; bits 0: the address alone.
const char *source_text(const uint8_t addr[16], uint32_t bits, char out[64]);

// Are these in different places? By autonomous system or country where both are known, else by
// their wide prefixes: an IPv4 and an IPv6 address may be one device's.
static inline bool location_far(const struct location *a, const struct location *b)
{
	if (a->wide == b->wide)
		return false;
	if (a->asn && b->asn)
		return a->asn != b->asn;
	if (a->country[0] && b->country[0])
		return a->country[0] != b->country[0] || a->country[1] != b->country[1];
	return a->v6 == b->v6;
}
