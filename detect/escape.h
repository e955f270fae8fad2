// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Resolves the escapes of a JSON string (RFC 8259 section 7), so that a value is judged as its
// receiver sees it.

#pragma once

#include "flows/span.h"

// Writes the resolved text to out, which has room for in.len bytes; escapes that are none stay as
// they are. Returns its length. *coded is set when a \u escape was among them.
uint32_t escape_json(struct span in, uint8_t *out, bool *coded);
