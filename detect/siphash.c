// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The one copy of the hash that identities are made of. Any thread; a pure function.

#include "detect/siphash.h"

uint64_t siphash(uint64_t k0, uint64_t k1, struct span text)
{
	return siphash_of(k0, k1, text, 2, 4);
}
