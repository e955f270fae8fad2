// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The only user of libbrotlidec. Runs on the worker. What the library allocates, its state, tables
// of codes and the window, comes from the arena behind the context, which is forgotten as a whole:
//
//	arena: [piece|bytes…][piece|bytes…][piece|free…]
//
// Pieces lie one behind the other; the first that is free and large enough is used. There are some
// tens of them at most. The window grows with the body, so a small body touches little of the
// arena. It is as large as the body is announced to be, so a stream that asks for more memory than
// there is would not be decoded to its end anyway.
//
// How much the library writes before it meets damage depends on how its input is cut. So it gets
// blocks that begin at multiples of their size, whatever the pieces of the body are.

#include "flows/brotli.h"

#include "flows/body.h"

#include <brotli/decode.h>
#include <stdalign.h>

enum {
	BROTLI_BLOCK = 1024,
	BROTLI_ARENA = 7 << 19, // a window of 2 MiB, the half of it that it grows from, tables
	BROTLI_ALIGN = 16,
};

enum brotli_mode {
	BROTLI_MODE_STREAM = 0,
	BROTLI_MODE_DONE,
	BROTLI_MODE_FAILED,
	BROTLI_MODE_LARGE,
};

struct piece {
	alignas(BROTLI_ALIGN) uint32_t size; // with itself
	bool used;
};

struct brotli_ctx {
	BrotliDecoderState *state; // in the arena
	uint8_t mode;              // enum brotli_mode
	bool last;                 // no input will follow
	bool running;              // the block is being decoded
	uint16_t n_block;          // bytes in it
	uint16_t at;               // … that are used
	uint64_t taken, written;
	uint8_t block[BROTLI_BLOCK];
	alignas(BROTLI_ALIGN) uint8_t arena[BROTLI_ARENA];
};

size_t brotli_state_size(void)
{
	return sizeof(struct brotli_ctx);
}

static struct piece *piece_at(struct brotli_ctx *ctx, uint32_t at)
{
	return (struct piece *)(void *)(ctx->arena + at);
}

static void *brotli_alloc(void *opaque, size_t size)
{
	struct brotli_ctx *ctx = opaque;

	if (size > BROTLI_ARENA)
		return NULL;
	uint32_t want = ((uint32_t)size + sizeof(struct piece) + BROTLI_ALIGN - 1) &
			~(uint32_t)(BROTLI_ALIGN - 1);

	// Each turn goes to a piece further on, or joins two.
	for (uint32_t at = 0; at < BROTLI_ARENA;) {
		struct piece *p = piece_at(ctx, at);
		uint32_t next = at + p->size;

		if (p->used) {
			at = next;
			continue;
		}
		if (next < BROTLI_ARENA && !piece_at(ctx, next)->used) {
			p->size += piece_at(ctx, next)->size;
			continue;
		}
		if (p->size < want) {
			at = next;
			continue;
		}
		if (p->size > want) {
			*piece_at(ctx, at + want) = (struct piece){.size = p->size - want};
			p->size = want;
		}
		p->used = true;
		return p + 1;
	}
	return NULL;
}

static void brotli_free(void *, void *address)
{
	if (address)
		((struct piece *)address - 1)->used = false;
}

void brotli_begin(struct brotli_ctx *ctx)
{
	*piece_at(ctx, 0) = (struct piece){.size = BROTLI_ARENA};
	ctx->state = BrotliDecoderCreateInstance(brotli_alloc, brotli_free, ctx);
	ctx->mode = ctx->state ? BROTLI_MODE_STREAM : BROTLI_MODE_FAILED;
	ctx->last = false;
	ctx->running = false;
	ctx->n_block = 0;
	ctx->at = 0;
	ctx->taken = 0;
	ctx->written = 0;
}

void brotli_finish(struct brotli_ctx *ctx)
{
	ctx->last = true;
}

bool brotli_may_end(const struct brotli_ctx *ctx)
{
	return ctx->mode == BROTLI_MODE_DONE || ctx->taken == 0;
}

uint64_t brotli_taken(const struct brotli_ctx *ctx)
{
	return ctx->taken;
}

uint64_t brotli_written(const struct brotli_ctx *ctx)
{
	return ctx->written;
}

// False: the block is not full yet.
static bool brotli_fill(struct brotli_ctx *ctx, struct span *in)
{
	uint32_t room = BROTLI_BLOCK - ctx->n_block;
	uint32_t n = in->len < room ? in->len : room;

	if (n) {
		memcpy(ctx->block + ctx->n_block, in->p, n);
		in->p += n;
		in->len -= n;
	}
	ctx->n_block += (uint16_t)n;
	ctx->taken += n;
	return ctx->n_block == BROTLI_BLOCK || (ctx->last && ctx->n_block);
}

static bool brotli_no_memory(const struct brotli_ctx *ctx)
{
	BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(ctx->state);

	return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
	       code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static void brotli_run(struct brotli_ctx *ctx, uint8_t *out, uint32_t room, uint32_t *n)
{
	size_t left = ctx->n_block - ctx->at, space = room - *n;
	const uint8_t *from = ctx->block + ctx->at;
	uint8_t *to = out + *n;
	BrotliDecoderResult result =
		BrotliDecoderDecompressStream(ctx->state, &left, &from, &space, &to, NULL);

	ctx->at = (uint16_t)(ctx->n_block - left);
	*n = room - (uint32_t)space;
	switch (result) {
	case BROTLI_DECODER_RESULT_SUCCESS:
		ctx->mode = left ? BROTLI_MODE_FAILED : BROTLI_MODE_DONE;
		break;
	case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
		ctx->running = false;
		ctx->n_block = 0;
		ctx->at = 0;
		break;
	case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
		break;
	case BROTLI_DECODER_RESULT_ERROR:
		ctx->mode = brotli_no_memory(ctx) ? BROTLI_MODE_LARGE : BROTLI_MODE_FAILED;
		break;
	}
}

enum inflate_result brotli_more(struct brotli_ctx *ctx, struct span *in, uint8_t *out,
				uint32_t room, uint32_t *n)
{
	*n = 0;
	// Each turn takes a block, fills the room, or ends.
	while (ctx->mode == BROTLI_MODE_STREAM && *n < room) {
		if (!ctx->running && !brotli_fill(ctx, in))
			break;
		ctx->running = true;
		brotli_run(ctx, out, room, n);
	}
	if (ctx->mode == BROTLI_MODE_DONE && in->len)
		ctx->mode = BROTLI_MODE_FAILED; // nothing may stand behind the stream
	ctx->written += *n;
	if (ctx->mode == BROTLI_MODE_FAILED)
		return INFLATE_BAD;
	if (ctx->mode == BROTLI_MODE_LARGE)
		return INFLATE_LARGE;
	return *n == room ? INFLATE_FULL : INFLATE_MORE;
}
