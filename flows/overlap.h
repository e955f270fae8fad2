// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Did a retransmission bring the bytes that were delivered before? Delivered bytes are gone, so
// each stream keeps keyed sums of its last segments: one cache line, and one pass over the bytes.
//
//	delivered   ──┬──────────┬───────┬─────────────┬─► next
//	marks        m0         m1      m2            m3      sequence number, sum of all before it
//	old bytes             ├──────────────┤
//	compared                 ├───────┤                    the sum from m1 to m2 must be equal
//
// The sum is linear in the bytes and depends on the sequence number alone, so that it does not
// matter how either copy was cut. What lies between two marks is compared once it has come as a
// whole, in order; less than that is not judged. A difference is never reported for equal bytes.

#pragma once

#include "flows/span.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	OVERLAP_MARKS = 7,
	OVERLAP_BLOCK = 1024, // bytes after which the words of the key are used again
};

struct overlap_key {
	alignas(16) uint32_t word[OVERLAP_BLOCK / 4];
	uint64_t seed;
};

struct overlap {
	uint32_t seq[OVERLAP_MARKS]; // a ring, oldest first from `first`
	uint32_t sum[OVERLAP_MARKS];
	uint32_t now; // sum of everything since the first mark
	uint8_t first, n;
};

// Old bytes that came so far, in order, behind a mark.
struct overlap_run {
	uint32_t from, to; // equal: none
	uint32_t sum;
};

void overlap_key_init(struct overlap_key *key, uint64_t seed);
// The sum of bytes that begin at this sequence number.
uint32_t overlap_sum(const struct overlap_key *key, uint32_t seq, struct span bytes);
// Bytes from seq to end were delivered; sum is that of all their pieces added up.
void overlap_delivered(struct overlap *o, uint32_t seq, uint32_t end, uint64_t sum);
// Nothing that was delivered can be compared from here on: a hole.
void overlap_reset(struct overlap *o, struct overlap_run *run);
// Old bytes have come again. True: they differ from those that were delivered.
bool overlap_differs(const struct overlap *o, struct overlap_run *run,
		     const struct overlap_key *key, uint32_t seq, struct span bytes);
