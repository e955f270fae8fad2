// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// permessage-deflate (RFC 7692): what was agreed upon, and the decompression of messages within
// limits, with the history of earlier messages or without.

#pragma once

#include "flows/flow_env.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct inflate_ctx;

// What the server's answer says (RFC 6455 section 9.1).
struct ws_extensions {
	bool deflate;
	bool foreign;        // something that is not understood: what reserved bits mean is unknown
	bool no_takeover[2]; // by sender: each message is compressed on its own
	uint8_t window_bits[2];
};

// One Sec-WebSocket-Extensions field; several add up.
void ws_extensions_add(struct ws_extensions *extensions, struct span field);

enum ws_inflate_result {
	WS_INFLATE_GOOD = 0,
	WS_INFLATE_DAMAGED,
	WS_INFLATE_BOMB,
	WS_INFLATE_TAKEN, // another connection has the decoder now
};

// One direction.
struct ws_inflate {
	struct inflate_ctx *ctx; // NULL: none taken
	uint64_t taken, written; // before the present message
	bool any;                // the present message has had a byte
	bool takeover;           // the sender keeps its history
	bool lost;               // the history is not known: nothing that uses it can be decoded
};

// A compressed message begins. False: it cannot be decoded.
bool ws_inflate_begin(struct flow_env *env, struct ws_inflate *z, bool takeover, uint64_t now_ns);
// Gives decompressed bytes to out. Anything but GOOD: the rest of the message is not decoded.
enum ws_inflate_result ws_inflate_bytes(struct flow_env *env, struct ws_inflate *z, struct span in,
					void (*out)(void *arg, struct span bytes), void *arg);
// The message ends: what is left of it goes to out.
enum ws_inflate_result ws_inflate_end(struct flow_env *env, struct ws_inflate *z, bool takeover,
				      void (*out)(void *arg, struct span bytes), void *arg);
// Bytes of a compressed message are missing, or were not decoded.
void ws_inflate_lose(struct flow_env *env, struct ws_inflate *z, bool takeover);
// Another connection needs its decoder (decoder.h).
void ws_inflate_taken(struct flow_env *env, struct ws_inflate *z);
void ws_inflate_free(struct flow_env *env, struct ws_inflate *z);
