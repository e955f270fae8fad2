// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The content codings that are decoded, behind one interface. A decoder is a context of one of
// flow_env's pools; who opens one keeps its format beside it.
//
// Decoders are few: a body that begins and never goes on would have its one for as long as its
// connection lasts, and some dozens of them would have all. So when none is free, one is taken from
// the body that has been silent for longest, if that is a tenth of a second, or else from the one that
// has had it for longest, if that is half a minute: of that body nothing more is decoded. Without such
// bounds, more bodies at once than there are decoders would take them from each other until none came
// to its end. Connections of WebSocket keep theirs, half of those for gzip at most, and give them up to
// each other after a minute without a message.

#pragma once

#include "flows/flow_env.h"
#include "flows/inflate.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stddef.h>
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

// Who has a decoder: one for each of the three pools, in their order.
struct decoder_lease {
	struct body *body;     // both NULL: nobody
	struct ws_inflate *ws; // who keeps it
	uint64_t since_ns, heard_ns;
};

// How many leases there are, all of them zero at first.
static inline size_t decoder_leases(const struct flow_env *env)
{
	return (size_t)env->inflate.n + env->brotli.n + env->zstd.n;
}
// For the body. NULL: none is free, nor can be taken.
void *decoder_open(struct flow_env *env, enum decoder_format format, struct body *body);
// The same for a connection of WebSocket.
void *decoder_keep(struct flow_env *env, struct ws_inflate *ws, uint64_t now_ns);
// Bytes have come for it; of one that is kept, a message.
void decoder_heard(struct flow_env *env, enum decoder_format format, const void *decoder,
		   uint64_t now_ns);
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
