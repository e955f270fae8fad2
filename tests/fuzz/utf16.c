// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Text of any type in UTF-16. The first byte says in which order and of which type; what follows the
// cuts is widened, so that the fuzzer learns structure as fast as in ASCII.

#include "tests/fuzz/body_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"application/json",
					    "text/xml",
					    "text/plain",
					    NULL,
					    "application/x-www-form-urlencoded",
					    "text/csv"};
	uint8_t wide[2 * 4096 + FUZZ_CUT_BYTES + 2];
	size_t n = 0;

	if (size < 1 + FUZZ_CUT_BYTES || size > 4096)
		return 0;
	bool big = data[0] & 1, mark = data[0] & 2;
	const char *type = types[data[0] / 4 % 6];

	for (size_t i = 0; i < FUZZ_CUT_BYTES; i++)
		wide[n++] = data[1 + i];
	if (mark) {
		wide[n++] = big ? 0xfe : 0xff;
		wide[n++] = big ? 0xff : 0xfe;
	}
	// A byte beyond ASCII is the upper half of a character.
	for (size_t i = 1 + FUZZ_CUT_BYTES; i < size; i++) {
		uint8_t low = data[i] & 0x80 ? 0x3d : data[i], high = data[i] & 0x80 ? data[i] : 0;

		wide[n++] = big ? high : low;
		wide[n++] = big ? low : high;
	}
	if (data[0] & 0x80)
		n--;
	return body_fuzz_run(type, NULL, wide, n);
}
