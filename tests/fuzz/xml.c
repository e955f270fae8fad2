// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// XML bodies.

#include "tests/fuzz/body_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return body_fuzz_run("application/xml", NULL, data, size);
}
