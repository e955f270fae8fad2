// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bodies of no known type: what they are is told by their first bytes.

#include "tests/fuzz/body_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return body_fuzz_run(NULL, NULL, data, size);
}
