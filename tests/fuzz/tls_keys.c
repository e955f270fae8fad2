// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Key logs: whatever is in them, the table is sorted, without doubles, and finds what it holds.

#include <stdbool.h>

#include "tests/fuzz/fuzz.h"

#include "flows/tls_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_keys keys = {0};
	uint8_t *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	FUZZ_CHECK(tls_keys_text(&keys, span_make(copy, size)) == 0);
	free(copy);
	tls_keys_ready(&keys);
	for (uint32_t i = 0; i < keys.n; i++) {
		const struct tls_secret *row = &keys.rows[i];

		FUZZ_CHECK(row->len == 48 || row->len == 32);
		FUZZ_CHECK(tls_keys_find(&keys, row->random, row->label) == row);
	}
	tls_keys_fini(&keys);
	return 0;
}
