// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One Brotli decoder (RFC 7932) over libbrotlidec, in memory of a fixed size.

#pragma once

#include "flows/inflate.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct brotli_ctx;

void brotli_begin(struct brotli_ctx *ctx);
// As inflate_more(). Input is used in blocks, the last one when brotli_finish() was called.
enum inflate_result brotli_more(struct brotli_ctx *ctx, struct span *in, uint8_t *out,
				uint32_t room, uint32_t *n);
// No input will follow.
void brotli_finish(struct brotli_ctx *ctx);
// The format allows the input to end here.
bool brotli_may_end(const struct brotli_ctx *ctx);
// Bytes taken and written so far.
uint64_t brotli_taken(const struct brotli_ctx *ctx);
uint64_t brotli_written(const struct brotli_ctx *ctx);
