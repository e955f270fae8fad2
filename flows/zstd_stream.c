// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The only user of libzstd. Runs on the worker. The library's context is a static one: it lives in
// the arena behind ours and asks for no memory. The arena holds a window of 8 MiB, the most that
// the content coding allows (RFC 9659); a frame that asks for more is refused. Of it, only what a
// body fills is ever touched, and how much that is the limit on decoded bytes says.
//
// A body is any number of frames, skippable ones among them (RFC 8878 section 3.1). Dictionaries
// are unknown: a frame that names one is damaged to us.
//
// How the library proceeds depends on how its input is cut: a frame that is all there is decoded
// at once or not at all. So it gets blocks that begin at multiples of their size, whatever the
// pieces of the body are.

#define ZSTD_STATIC_LINKING_ONLY // static contexts

#include "flows/zstd_stream.h"

#include <stdalign.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
	ZSTD_STREAM_BLOCK = 1024,
	ZSTD_STREAM_WINDOW_LOG = 23,
	// Window, two blocks of at most 128 KiB, and the context itself, which takes 160 KiB.
	ZSTD_STREAM_ARENA = (1 << ZSTD_STREAM_WINDOW_LOG) + (768 << 10),
};

enum zstd_stream_mode {
	ZSTD_MODE_STREAM = 0,
	ZSTD_MODE_FAILED,
	ZSTD_MODE_LARGE,
};

struct zstd_stream {
	ZSTD_DStream *dctx; // in the arena
	uint8_t mode;       // enum zstd_stream_mode
	bool last;          // no input will follow
	bool running;       // the block is being decoded
	bool between;       // no frame is open
	uint16_t n_block;   // bytes in it
	uint16_t at;        // … that are used
	uint64_t taken, written;
	uint8_t block[ZSTD_STREAM_BLOCK];
	alignas(16) uint8_t arena[ZSTD_STREAM_ARENA];
};

size_t zstd_stream_size(void)
{
	return sizeof(struct zstd_stream);
}

size_t zstd_stream_touched(uint64_t decoded)
{
	size_t window = 1 << ZSTD_STREAM_WINDOW_LOG;

	return zstd_stream_size() - (decoded && decoded < window ? window - (size_t)decoded : 0);
}

void zstd_stream_begin(struct zstd_stream *z)
{
	z->dctx = ZSTD_initStaticDStream(z->arena, sizeof(z->arena));
	z->mode = ZSTD_MODE_STREAM;
	if (!z->dctx || ZSTD_isError(ZSTD_DCtx_setParameter(z->dctx, ZSTD_d_windowLogMax,
							    ZSTD_STREAM_WINDOW_LOG)))
		z->mode = ZSTD_MODE_FAILED;
	z->last = false;
	z->running = false;
	z->between = true;
	z->n_block = 0;
	z->at = 0;
	z->taken = 0;
	z->written = 0;
}

void zstd_stream_finish(struct zstd_stream *z)
{
	z->last = true;
}

bool zstd_stream_may_end(const struct zstd_stream *z)
{
	return z->mode == ZSTD_MODE_STREAM && z->between && !z->running;
}

uint64_t zstd_stream_taken(const struct zstd_stream *z)
{
	return z->taken;
}

uint64_t zstd_stream_written(const struct zstd_stream *z)
{
	return z->written;
}

// False: the block is not full yet.
static bool zstd_stream_fill(struct zstd_stream *z, struct span *in)
{
	uint32_t room = ZSTD_STREAM_BLOCK - z->n_block;
	uint32_t n = in->len < room ? in->len : room;

	if (n) {
		memcpy(z->block + z->n_block, in->p, n);
		in->p += n;
		in->len -= n;
	}
	z->n_block += (uint16_t)n;
	z->taken += n;
	return z->n_block == ZSTD_STREAM_BLOCK || (z->last && z->n_block);
}

static void zstd_stream_run(struct zstd_stream *z, uint8_t *out, uint32_t room, uint32_t *n)
{
	ZSTD_inBuffer from = {z->block, z->n_block, z->at};
	ZSTD_outBuffer to = {out, room, *n};
	size_t hint = ZSTD_decompressStream(z->dctx, &to, &from);

	z->at = (uint16_t)from.pos;
	*n = (uint32_t)to.pos;
	if (ZSTD_isError(hint)) {
		ZSTD_ErrorCode code = ZSTD_getErrorCode(hint);

		z->mode = code == ZSTD_error_frameParameter_windowTooLarge ||
					  code == ZSTD_error_memory_allocation
				  ? ZSTD_MODE_LARGE
				  : ZSTD_MODE_FAILED;
		return;
	}
	z->between = hint == 0;
	// With room left the library has nothing more to write.
	if (from.pos == from.size && (to.pos < room || z->between)) {
		z->running = false;
		z->n_block = 0;
		z->at = 0;
	}
}

enum inflate_result zstd_stream_more(struct zstd_stream *z, struct span *in, uint8_t *out,
				     uint32_t room, uint32_t *n)
{
	*n = 0;
	// Each turn takes a block, fills the room, ends a frame, or fails.
	while (z->mode == ZSTD_MODE_STREAM && *n < room) {
		if (!z->running && !zstd_stream_fill(z, in))
			break;
		z->running = true;
		zstd_stream_run(z, out, room, n);
	}
	z->written += *n;
	if (z->mode == ZSTD_MODE_FAILED)
		return INFLATE_BAD;
	if (z->mode == ZSTD_MODE_LARGE)
		return INFLATE_LARGE;
	return *n == room ? INFLATE_FULL : INFLATE_MORE;
}
