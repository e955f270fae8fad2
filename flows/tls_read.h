// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A reader over bytes in network order that checks every bound: what is not there reads as zero or
// empty and sets `bad`, so that a caller looks once, at the end.

#pragma once

#include "flows/span.h"

struct tls_read {
	struct span rest;
	bool bad;
};

static inline struct span tls_read_bytes(struct tls_read *r, uint32_t n)
{
	struct span taken = {r->rest.p, n};

	if (n == 0) // of nothing, perhaps
		return taken;
	if (n > r->rest.len) {
		r->bad = true;
		r->rest.len = 0;
		return (struct span){0};
	}
	r->rest.p += n;
	r->rest.len -= n;
	return taken;
}

// Of n bytes, four at most.
static inline uint32_t tls_read_number(struct tls_read *r, uint32_t n)
{
	struct span s = tls_read_bytes(r, n);
	uint32_t value = 0;

	for (uint32_t i = 0; i < s.len; i++)
		value = value << 8 | s.p[i];
	return value;
}

// A vector behind its length of n bytes (RFC 8446 section 3.4).
static inline struct span tls_read_vector(struct tls_read *r, uint32_t n)
{
	return tls_read_bytes(r, tls_read_number(r, n));
}

static inline uint16_t tls_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

// Values that only keep receivers tolerant (RFC 8701): 0x0a0a, 0x1a1a, … 0xfafa.
static inline bool tls_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}
