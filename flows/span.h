// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A borrowed run of bytes. Whoever hands a span out says how long it lives; nobody frees one.

#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;
	uint32_t len;
};

// Who sent the bytes.
enum dir {
	CLIENT = 0,
	SERVER = 1,
};

#define SPAN_LIT(lit) ((struct span){(const uint8_t *)(lit), sizeof(lit) - 1})

// The smaller of a length and a bound.
static inline uint32_t span_least(uint64_t len, uint32_t bound)
{
	return len < bound ? (uint32_t)len : bound;
}

static inline struct span span_make(const void *p, size_t len)
{
	return (struct span){p, (uint32_t)len};
}

// The last n bytes, at most 8, as a number, little end first. Copied into a word they would be read
// back wider than they were written, and the processor waits with that until they are in the cache.
static inline uint64_t span_rest(struct span s, uint32_t n)
{
	uint32_t low, high;
	uint64_t word;

	if (n == 0) // also of a span that is nowhere
		return 0;
	const uint8_t *p = s.p + (s.len - n);

	if (s.len >= sizeof(word)) {
		memcpy(&word, p + n - sizeof(word), sizeof(word));
		return le64toh(word) >> (64 - 8 * n);
	}
	if (n < 4) // the same byte twice, or thrice, is no harm
		return p[0] | (uint64_t)p[n / 2] << 8 * (n / 2) | (uint64_t)p[n - 1] << 8 * (n - 1);
	memcpy(&low, p, 4);
	memcpy(&high, p + n - 4, 4);
	return le32toh(low) | (uint64_t)le32toh(high) << 8 * (n - 4);
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline uint8_t span_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

// ASCII letters compare without case.
static inline bool span_ieq(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (uint32_t i = 0; i < a.len; i++) {
		if (span_lower(a.p[i]) != span_lower(b.p[i]))
			return false;
	}
	return true;
}

// Without optional white space (SP, HTAB: RFC 9110 section 5.6.3) at both ends.
static inline struct span span_trim(struct span s)
{
	while (s.len && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

// The part before the first c; the whole span when there is none.
static inline struct span span_until(struct span s, uint8_t c)
{
	const uint8_t *q = s.len ? memchr(s.p, c, s.len) : NULL;

	return q ? (struct span){s.p, (uint32_t)(q - s.p)} : s;
}
