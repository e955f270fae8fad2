// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A part of a body that is one value.

#pragma once

#include "flows/walker.h"

#include <stdbool.h>
#include <stdint.h>

struct plain {
	uint64_t path_hash;
	uint8_t name_len;
	bool longer; // the value began before the window
	uint8_t name[WALK_KEY];
};

extern const struct walker plain_walker;
