// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One Zstandard decoder (RFC 8878) over libzstd, in memory of a fixed size.

#pragma once

#include "flows/inflate.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zstd_stream;

void zstd_stream_begin(struct zstd_stream *z);
// As inflate_more(). Input is used in blocks, the last one when zstd_stream_finish() was called.
enum inflate_result zstd_stream_more(struct zstd_stream *z, struct span *in, uint8_t *out,
				     uint32_t room, uint32_t *n);
// No input will follow.
void zstd_stream_finish(struct zstd_stream *z);
// The format allows the input to end here.
bool zstd_stream_may_end(const struct zstd_stream *z);
// Bytes taken and written so far.
uint64_t zstd_stream_taken(const struct zstd_stream *z);
uint64_t zstd_stream_written(const struct zstd_stream *z);

size_t zstd_stream_size(void); // of a struct zstd_stream
// … of which a body of so many decoded bytes touches no more than this; 0: any number.
size_t zstd_stream_touched(uint64_t decoded);
