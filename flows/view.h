// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bodies that are not what walkers and windows read, though no content coding says so: text in
// UTF-16, and the messages of gRPC where they are compressed or in base64. Length and hash of a body
// stay those of its decoded bytes; what is shown of it, kept of it and counted in offsets is the view.

#pragma once

#include "flows/flow_env.h"
#include "flows/grpc.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct body;

enum {
	VIEW_PIECE = 2048, // bytes of output at once
	VIEW_FIRST = 2,    // bytes of a body that tell UTF-16
};

enum view_kind {
	VIEW_NONE = 0, // the body is shown as it is
	VIEW_DETECT,   // its first bytes decide
	VIEW_UTF16LE,
	VIEW_UTF16BE,
	VIEW_GRPC,
	VIEW_GRPC_TEXT, // … in base64
	VIEW_LOST,      // nothing more can be shown
};

enum view_result {
	VIEW_MORE = 0, // the input is used up
	VIEW_FULL,     // the room is used up
	VIEW_MESSAGE,  // of gRPC: ends here
	VIEW_DAMAGED,  // the rest of this message is passed over
	VIEW_UNKNOWN,  // the same, for its coding is not decoded
	VIEW_BOMB,     // nothing more is shown
	VIEW_BAD,      // the same: these are no messages
};

struct view {
	void *decoder;    // GRPC: of the message under way; NULL: none
	uint64_t taken;   // GRPC: compressed bytes of the messages before
	uint64_t written; // … and bytes that they became
	uint64_t passed;  // bytes that were not shown
	uint32_t left;    // GRPC: bytes to come of the message
	uint32_t bits;    // base64: of the characters since the last whole group
	uint8_t kind;     // enum view_kind
	uint8_t format;   // GRPC: enum decoder_format of compressed messages
	uint8_t n_held;   // bytes in held
	uint8_t n_chars;  // base64: characters since the last whole group
	uint8_t held[5];  // GRPC: what there is of a message's prefix; else of a character
	bool inside;      // GRPC: behind the prefix
	bool skip;        // GRPC: the message is passed over
	bool ends;        // GRPC: all of the message is in the decoder
	bool trailers;    // GRPC: the message holds the trailers of gRPC-Web
	int16_t status;   // … what they said; -1: nothing
	struct grpc_trailer trailer;
};

// For a body of that Content-Type and, of gRPC, grpc-encoding. A text may turn out to be UTF-16.
void view_begin(struct view *view, struct span type, struct span encoding, bool text);
void view_end(struct flow_env *env, struct view *view);
static inline bool view_is_grpc(const struct view *view)
{
	return view->kind == VIEW_GRPC || view->kind == VIEW_GRPC_TEXT;
}

// What a body is that begins with VIEW_FIRST bytes: a kind of UTF-16, or VIEW_NONE. marked: only if
// a byte order mark says it, else also by the zero bytes beside ASCII (RFC 4627 section 3).
enum view_kind view_detect(const uint8_t *first, bool marked);

// Takes bytes off *in and writes at most room bytes to out, *n of them; room is at least 4. Of
// GRPC_TEXT the input is what view_base64() gives. body: whose view it is.
enum view_result view_more(struct flow_env *env, struct view *view, struct body *body,
			   struct span *in, uint8_t *out, uint32_t room, uint32_t *n);
// The decoder of the message under way is another's now: the rest of it is passed over.
void view_message_lost(struct flow_env *env, struct view *view);
// Takes characters off *in, cut and padded anywhere; returns how many bytes there are in out.
uint32_t view_base64(struct view *view, struct span *in, uint8_t *out, uint32_t room);
