// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Numbers of what a detector keeps over restarts, little end first, one by one: the same file is
// read by any machine, and a damaged one is found out.

#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
	BLOB_AHEAD = 8192, // bytes that are read at once
	BLOB_PACKED = 10,  // bytes of the longest packed number
};

static inline void blob_put(FILE *out, uint64_t number, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		putc_unlocked((int)(number >> (8 * i) & 0xff), out);
}

static inline void blob_put_double(FILE *out, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	blob_put(out, bits, 8);
}

// Seven bits a byte, the lowest first; the high bit says that more follow.
static inline void blob_put_packed(FILE *out, uint64_t number)
{
	for (; number > 0x7f; number >>= 7)
		putc_unlocked((int)(number & 0x7f) | 0x80, out);
	putc_unlocked((int)number, out);
}

// Reads ahead, never beyond the blob: zeroed but for its first three fields it is at the start.
struct blob_reader {
	FILE *in;
	size_t left; // bytes of the blob that were not taken
	bool bad;
	uint32_t at, end; // of those that were read ahead
	uint8_t ahead[BLOB_AHEAD + 8];
};

// Whether `bytes` (at most BLOB_AHEAD), or all that is left when that is less, stand ahead.
bool blob_more(struct blob_reader *r, uint32_t bytes);

// At most eight.
static inline uint64_t blob_get(struct blob_reader *r, uint32_t bytes)
{
	uint64_t number;

	if (r->bad || bytes == 0 || r->left < bytes ||
	    (r->end - r->at < bytes && !blob_more(r, bytes))) {
		r->bad |= bytes != 0;
		return 0;
	}
	memcpy(&number, r->ahead + r->at, sizeof(number));
	r->at += bytes;
	r->left -= bytes;
	return le64toh(number) & UINT64_MAX >> (64 - 8 * bytes);
}

static inline uint64_t blob_get_packed(struct blob_reader *r)
{
	uint64_t number = 0;

	if (r->bad || (r->end - r->at < BLOB_PACKED && !blob_more(r, BLOB_PACKED))) {
		r->bad = true;
		return 0;
	}
	for (uint32_t shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		uint64_t byte = r->ahead[r->at++];

		r->left--;
		// The tenth byte has room for one bit.
		if (shift == 63 && byte > 1)
			break;
		number |= (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return number;
	}
	r->bad = true;
	return 0;
}

// Of bytes that say no number: bad.
static inline double blob_get_double(struct blob_reader *r)
{
	uint64_t bits = blob_get(r, 8);
	double number;

	memcpy(&number, &bits, sizeof(number));
	if (!(number >= -1e300 && number <= 1e300)) {
		r->bad = true;
		return 0;
	}
	return number;
}
