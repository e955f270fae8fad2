// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Resolves the escapes of a JSON string (RFC 8259 section 7) and Base64 (RFC 4648), so that a value
// is judged as its receiver sees it.

#pragma once

#include "flows/span.h"

// Writes the resolved text to out, which has room for in.len bytes; escapes that are none stay as
// they are. Returns its length. *coded is set when a \u escape was among them.
uint32_t escape_json(struct span in, uint8_t *out, bool *coded);

enum { ESCAPE_BASE64_MIN = 16 }; // bytes of what is looked at: eleven or twelve of the text

// Writes the text that `in` is in Base64, with or without padding, in either alphabet, to out, which
// has room for in.len bytes. Returns its length; 0: it is none, or not of a text.
uint32_t escape_base64(struct span in, uint8_t *out);
