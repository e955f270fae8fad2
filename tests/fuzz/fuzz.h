// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For all fuzz harnesses: a check that ends the run, and the cuts of an input. The first bytes of
// an input say how it is cut, so that the fuzzer learns cuts as it learns contents.

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(what)                                                                           \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "ERROR: %s:%d: not so: %s\n", __FILE__, __LINE__, #what);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

enum {
	FUZZ_CUT_BYTES = 4, // of an input that say how the rest is cut
};

// Sizes of pieces. whole: one for everything.
struct fuzz_cuts {
	uint32_t random;
	uint32_t most; // bytes of a piece
	bool whole;
};

static inline struct fuzz_cuts fuzz_cuts(const uint8_t *data, bool whole)
{
	static const uint16_t sizes[] = {1, 2, 3, 5, 8, 16, 40, 100, 255, 256, 257, 300, 600, 1500};
	uint32_t random;

	memcpy(&random, data, sizeof(random));
	return (struct fuzz_cuts){random | 1, sizes[data[0] % 14], whole};
}

// Of the next piece, when left bytes are there.
static inline size_t fuzz_cut(struct fuzz_cuts *cuts, size_t left)
{
	size_t n;

	if (cuts->whole)
		return left;
	cuts->random ^= cuts->random << 13;
	cuts->random ^= cuts->random >> 17;
	cuts->random ^= cuts->random << 5;
	n = 1 + cuts->random % cuts->most;
	return n < left ? n : left;
}
