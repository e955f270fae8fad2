// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The header of a WebSocket frame (RFC 6455 section 5.2) as a pure function over its bytes.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { WS_HEADER_BYTES = 14 };

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

enum {
	WS_RSV1 = 4,
	WS_RSV2 = 2,
	WS_RSV3 = 1,
};

struct ws_header {
	bool fin;
	uint8_t rsv; // WS_RSV bits
	uint8_t opcode;
	bool masked;
	bool minimal; // the length has its shortest form, as section 5.2 demands
	uint64_t len; // of the payload, as it stands there
	uint8_t key[4];
};

// Bytes that the header has, as far as its first n bytes say. More than n: not all is there.
uint32_t ws_header_size(const uint8_t *p, uint32_t n);
// A whole header.
struct ws_header ws_header_parse(const uint8_t *p);

static inline bool ws_is_control(uint8_t opcode)
{
	return opcode & 8;
}

static inline bool ws_opcode_known(uint8_t opcode)
{
	return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

// Is it what a sender writes that keeps to the standard? rsv: bits that extensions may have set on
// the first frame of a message. Whether a message is under way is the caller's matter.
bool ws_header_good(const struct ws_header *h, enum dir dir, uint8_t rsv);
