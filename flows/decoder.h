// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The content codings that are decoded, behind one interface. A decoder is a context of one of
// flow_env's pools; who opens one keeps its format beside it.

#pragma once

#include "flows/flow_env.h"
#include "flows/inflate.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum decoder_format {
	DECODER_GZIP = 0,
	DECODER_DEFLATE,
	DECODER_BROTLI,
	DECODER_ZSTD,
	// Not decoded:
	DECODER_OTHER = 254, // a coding in use
	DECODER_NONE = 255,  // the name of no coding, like "utf-8"
};

// By the name of a coding, any case. "identity" and the empty name are the caller's matter.
enum decoder_format decoder_format(struct span name);

// NULL: none is free.
void *decoder_open(struct flow_env *env, enum decoder_format format);
void decoder_close(struct flow_env *env, enum decoder_format format, void *decoder);
// As inflate_more().
enum inflate_result decoder_more(enum decoder_format format, void *decoder, struct span *in,
				 uint8_t *out, uint32_t room, uint32_t *n);
// No input will follow. True: something may have been held back, which decoder_more() writes now.
bool decoder_finish(enum decoder_format format, void *decoder);
// The format allows the input to end here.
bool decoder_may_end(enum decoder_format format, const void *decoder);
// The bytes were never coded.
bool decoder_is_plain(enum decoder_format format, const void *decoder);
// Bytes taken and written so far.
uint64_t decoder_taken(enum decoder_format format, const void *decoder);
uint64_t decoder_written(enum decoder_format format, const void *decoder);
