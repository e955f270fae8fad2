// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One identity of two that are keyed hashes already. Never 0.

#pragma once

#include <stdint.h>

static inline uint64_t mix64(uint64_t id, uint64_t with)
{
	id = (id ^ with) * UINT64_C(0x9e3779b97f4a7c15);
	id = (id ^ id >> 32) * UINT64_C(0xd6e8feb86659fd93);
	id ^= id >> 32;
	return id ? id : 1;
}

// In short, where one in four thousand million mistaken for another does no harm.
static inline uint32_t mix_tag(uint64_t id)
{
	return (uint32_t)(id ^ id >> 32);
}
