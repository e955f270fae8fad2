// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Records and hellos, without keys.

#include "tests/fuzz/tls_fuzz.h"

static void run(struct fuzz_conn *c, const uint8_t *data, size_t size)
{
	// A first byte may make the rest one side's plain bytes.
	if (size && data[0] & 0x40) {
		fuzz_give(c, data[0] & 1, data + 1, size - 1);
		return;
	}
	while (size >= 3) {
		size_t n = (size_t)(data[1] << 8 | data[2]);
		enum dir dir = data[0] & 1;
		bool lost = (data[0] & 0x0e) == 0x0e;

		data += 3;
		size -= 3;
		if (lost) {
			fuzz_lose(c, dir, n);
			continue;
		}
		n = n < size ? n : size;
		fuzz_give(c, dir, data, n);
		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_text text[2];
	static struct fuzz_conn c;

	if (size < FUZZ_CUT_BYTES)
		return 0;
	fuzz_init();
	for (uint32_t i = 0; i < 2; i++) {
		fuzz_open(&c, &text[i], fuzz_cuts(data, i == 0));
		run(&c, data + FUZZ_CUT_BYTES, size - FUZZ_CUT_BYTES);
		fuzz_close(&c);
	}
	fuzz_same(&text[0], &text[1]);
	return 0;
}
