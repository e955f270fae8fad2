// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The names of fields with hits. Private to hits.c.

#pragma once

#include "detect/hits.h"

// On its way; out: EXCHANGE_NAME bytes.
struct name {
	uint32_t n;
	bool full, replaced;
	uint8_t *out;
};

// The field's name, and what identifies it.
uint64_t hits_field(const struct hits *hits, const struct hit *hit, enum hit_place place,
		    struct name *name);
// The same, made once for all the values of a field: they are named alike in every exchange.
// name->replaced is not set.
uint64_t hits_known_field(const struct hits *hits, const struct hit *hit, enum hit_place place,
			  struct name *name);
