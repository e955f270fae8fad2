// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The only user of zlib. Runs on the worker. zlib asks its allocator for two blocks, its state
// when a stream is set up and the 32 KiB history when the first output is kept: both come from
// the arena behind the context, which is forgotten as a whole. Nothing here allocates.
//
//	MAGIC ──► STREAM ──► TAIL ──► STREAM (next gzip member) …
//	  │          └──────────┴───► FAILED
//	  └─► PLAIN
//
// RAW streams begin in STREAM.
//
// The first bytes are looked at before zlib sees them: servers send "deflate" with and without
// its header, and bodies that are labelled as coded and are not.

#include "flows/inflate.h"

#include "flows/body.h"

#include <stdalign.h>
#include <zlib.h>

enum {
	INFLATE_ARENA = 44 << 10, // zlib 1.2 and 1.3 take 7 KiB and 32 KiB
};

enum inflate_mode {
	INFLATE_MAGIC,  // the first two bytes are being gathered
	INFLATE_STREAM, // zlib is at work
	INFLATE_TAIL,   // behind a complete stream
	INFLATE_PLAIN,
	INFLATE_FAILED,
};

struct inflate_ctx {
	z_stream z;
	uint8_t mode;     // enum inflate_mode
	uint8_t format;   // enum inflate_format
	bool ready;       // z is set up
	uint8_t magic[2]; // bytes taken but not yet used
	uint8_t n_magic;
	uint32_t used; // of the arena
	uint64_t taken, written;
	alignas(16) uint8_t arena[INFLATE_ARENA];
};

size_t inflate_state_size(void)
{
	return sizeof(struct inflate_ctx);
}

static voidpf inflate_zalloc(voidpf opaque, uInt items, uInt size)
{
	struct inflate_ctx *ctx = opaque;
	uint64_t len = ((uint64_t)items * size + 15) & ~UINT64_C(15);
	uint8_t *p = ctx->arena + ctx->used;

	if (len > INFLATE_ARENA - ctx->used)
		return NULL;
	ctx->used += (uint32_t)len;
	return p;
}

static void inflate_zfree(voidpf, voidpf)
{
	// The arena goes away as a whole.
}

bool inflate_at_block(const struct inflate_ctx *ctx)
{
	// zlib.h: 128, a block boundary; the low bits are those of a byte that were not used.
	return ctx->mode == INFLATE_TAIL ||
	       (ctx->mode == INFLATE_STREAM && (ctx->z.data_type & 128) &&
		!(ctx->z.data_type & 63));
}

// Some senders flush and never write the last block: what they sent is whole to all receivers that
// decode as it comes.
static bool inflate_flushed(const struct inflate_ctx *ctx)
{
	return ctx->format == INFLATE_DEFLATE && ctx->written && inflate_at_block(ctx);
}

bool inflate_may_end(const struct inflate_ctx *ctx)
{
	return ctx->n_magic == 0 && (ctx->mode == INFLATE_TAIL || ctx->mode == INFLATE_PLAIN ||
				     ctx->taken == 0 || inflate_flushed(ctx));
}

bool inflate_is_plain(const struct inflate_ctx *ctx)
{
	return ctx->mode == INFLATE_PLAIN;
}

uint64_t inflate_taken(const struct inflate_ctx *ctx)
{
	return ctx->taken;
}

uint64_t inflate_written(const struct inflate_ctx *ctx)
{
	return ctx->written;
}

static void inflate_start(struct inflate_ctx *ctx, int window_bits)
{
	ctx->mode = INFLATE_STREAM;
	if (ctx->ready) {
		// Only a further gzip member comes here; it keeps the blocks of the first.
		if (inflateReset(&ctx->z) != Z_OK)
			ctx->mode = INFLATE_FAILED;
		return;
	}
	ctx->z = (z_stream){.zalloc = inflate_zalloc, .zfree = inflate_zfree, .opaque = ctx};
	if (inflateInit2(&ctx->z, window_bits) != Z_OK)
		ctx->mode = INFLATE_FAILED;
	ctx->ready = true;
}

void inflate_begin(struct inflate_ctx *ctx, enum inflate_format format)
{
	ctx->mode = INFLATE_MAGIC;
	ctx->format = (uint8_t)format;
	ctx->ready = false;
	ctx->n_magic = 0;
	ctx->used = 0;
	ctx->taken = 0;
	ctx->written = 0;
	if (format == INFLATE_RAW)
		inflate_start(ctx, -MAX_WBITS);
}

// One more byte of the two that say what follows. Changes the mode as soon as that is known.
static void inflate_magic(struct inflate_ctx *ctx, uint8_t c)
{
	bool tail = ctx->mode == INFLATE_TAIL;

	// Padding behind the last member is customary (tapes); anything else is not.
	if (tail && ctx->n_magic == 0 && c == 0)
		return;
	if (tail && ctx->format != INFLATE_GZIP) {
		ctx->mode = INFLATE_FAILED;
		return;
	}
	ctx->magic[ctx->n_magic++] = c;
	if (ctx->format == INFLATE_GZIP) {
		if (c != (ctx->n_magic == 1 ? 0x1f : 0x8b))
			ctx->mode = tail ? INFLATE_FAILED : INFLATE_PLAIN;
		else if (ctx->n_magic == 2)
			inflate_start(ctx, 16 + MAX_WBITS);
		return;
	}
	// RFC 1950: method 8, window of at most 32 KiB, check bits. No compressor writes a raw
	// stream that begins like that: it would be a stored block with padding bits set.
	if (ctx->n_magic == 1 && (c & 0x0f) == 8 && c >> 4 <= 7)
		return;
	if (ctx->n_magic == 2 && (ctx->magic[0] << 8 | c) % 31 == 0)
		inflate_start(ctx, MAX_WBITS);
	else
		inflate_start(ctx, -MAX_WBITS);
}

static void inflate_take_plain(struct span *from, uint8_t *out, uint32_t room, uint32_t *n)
{
	uint32_t len = from->len < room - *n ? from->len : room - *n;

	if (len)
		memcpy(out + *n, from->p, len);
	from->p += len;
	from->len -= len;
	*n += len;
}

// Runs zlib over from. The mode says how it went.
static void inflate_run(struct inflate_ctx *ctx, struct span *from, uint8_t *out, uint32_t room,
			uint32_t *n)
{
	int rc;

	ctx->z.next_in = (z_const Bytef *)(uintptr_t)from->p;
	ctx->z.avail_in = from->len;
	ctx->z.next_out = out + *n;
	ctx->z.avail_out = room - *n;
	rc = inflate(&ctx->z, Z_NO_FLUSH);
	from->p += from->len - ctx->z.avail_in;
	from->len = ctx->z.avail_in;
	*n = room - ctx->z.avail_out;
	// Z_BUF_ERROR only says that there was nothing to do.
	if (rc == Z_STREAM_END)
		ctx->mode = INFLATE_TAIL;
	else if (rc != Z_OK && !(rc == Z_BUF_ERROR && from->len == 0))
		ctx->mode = INFLATE_FAILED;
}

enum inflate_result inflate_more(struct inflate_ctx *ctx, struct span *in, uint8_t *out,
				 uint32_t room, uint32_t *n)
{
	uint32_t before = in->len;
	bool idle = false; // zlib wants more input than there is

	*n = 0;
	// Each turn takes a byte, fills the room, or ends.
	while (ctx->mode != INFLATE_FAILED && *n < room && !idle) {
		struct span held = {ctx->magic, ctx->n_magic};
		struct span *from = held.len ? &held : in;

		if (ctx->mode == INFLATE_MAGIC || ctx->mode == INFLATE_TAIL) {
			if (in->len == 0)
				break;
			if (ctx->format == INFLATE_RAW) {
				// RFC 7692 section 7.2.3.4: the history outlives a final block.
				ctx->mode = inflateResetKeep(&ctx->z) == Z_OK ? INFLATE_STREAM
									      : INFLATE_FAILED;
				continue;
			}
			in->len--;
			inflate_magic(ctx, *in->p++);
			continue;
		}
		if (ctx->mode == INFLATE_PLAIN)
			inflate_take_plain(from, out, room, n);
		else
			inflate_run(ctx, from, out, room, n);
		if (from == &held) {
			memmove(ctx->magic, held.p, held.len);
			ctx->n_magic = (uint8_t)held.len;
		} else {
			idle = in->len == 0;
		}
	}
	ctx->taken += before - in->len;
	ctx->written += *n;
	if (ctx->mode == INFLATE_FAILED)
		return INFLATE_BAD;
	return *n == room ? INFLATE_FULL : INFLATE_MORE;
}
