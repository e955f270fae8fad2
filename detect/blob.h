// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Numbers of what a detector keeps over restarts, little end first, one by one: the same file is
// read by any machine, and a damaged one is found out.

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

struct blob_reader {
	FILE *in;
	size_t left; // bytes of the blob
	bool bad;
};

static inline uint64_t blob_get(struct blob_reader *r, uint32_t bytes)
{
	uint64_t number = 0;

	if (r->left < bytes)
		r->bad = true;
	for (uint32_t i = 0; i < bytes && !r->bad; i++) {
		int c = getc_unlocked(r->in);

		if (c == EOF)
			r->bad = true;
		else
			number |= (uint64_t)c << (8 * i);
	}
	r->left -= r->bad ? 0 : bytes;
	return number;
}

static inline uint64_t blob_get_packed(struct blob_reader *r)
{
	uint64_t number = 0;

	for (uint32_t shift = 0; shift < 64 && !r->bad; shift += 7) {
		uint64_t byte = blob_get(r, 1);

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
