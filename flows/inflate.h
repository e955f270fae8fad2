// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One DEFLATE decoder (RFC 1950, 1951, 1952) over zlib, in memory of a fixed size.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct inflate_ctx;

enum inflate_format {
	INFLATE_GZIP,    // any number of members
	INFLATE_DEFLATE, // with zlib's header or, against the standard, without
	INFLATE_RAW,     // without any; goes on behind a final block with the same history
};

enum inflate_result {
	INFLATE_MORE, // the input is used up
	INFLATE_FULL, // the room is used up
	INFLATE_BAD,  // damaged here; what was written before stands
	INFLATE_LARGE, // asks for more memory than there is; the same
};

void inflate_begin(struct inflate_ctx *ctx, enum inflate_format format);
// Takes bytes off *in and writes at most room (> 0) bytes to out, *n of them. Input that does not
// even begin like the format is handed on unchanged, see inflate_is_plain().
enum inflate_result inflate_more(struct inflate_ctx *ctx, struct span *in, uint8_t *out,
				 uint32_t room, uint32_t *n);
// The format allows the input to end here.
bool inflate_may_end(const struct inflate_ctx *ctx);
// RAW: no block is under way, and the last one ended with a byte.
bool inflate_at_block(const struct inflate_ctx *ctx);
// The bytes were never coded.
bool inflate_is_plain(const struct inflate_ctx *ctx);
// Bytes taken and written so far.
uint64_t inflate_taken(const struct inflate_ctx *ctx);
uint64_t inflate_written(const struct inflate_ctx *ctx);
