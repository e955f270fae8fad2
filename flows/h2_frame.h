// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Frames of HTTP/2 (RFC 9113 section 4): the nine bytes before each, which of them may be one, and
// where frames are found again. Pure functions.

#pragma once

#include "flows/parser.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum h2_type {
	H2_DATA = 0,
	H2_HEADERS,
	H2_PRIORITY,
	H2_RST_STREAM,
	H2_SETTINGS,
	H2_PUSH_PROMISE,
	H2_PING,
	H2_GOAWAY,
	H2_WINDOW_UPDATE,
	H2_CONTINUATION,
};

enum {
	H2_END_STREAM = 0x1, // DATA, HEADERS
	H2_ACK = 0x1,        // SETTINGS, PING
	H2_END_HEADERS = 0x4,
	H2_PADDED = 0x8,
	H2_PRIORITIZED = 0x20,

	H2_FRAME_HEADER = 9,
	H2_FRAME_MAX = 16384, // payload unless SETTINGS say more
	H2_PREFACE_BYTES = 24,
};

extern const uint8_t h2_preface[H2_PREFACE_BYTES];

struct h2_frame {
	uint32_t len; // of the payload
	uint32_t stream;
	uint8_t type, flags;
};

// What is known when it must be judged whether bytes are a frame header.
struct h2_hint {
	enum dir dir;
	uint32_t max_len;    // of payloads
	uint32_t max_stream; // the newest that is known, 0: none
};

// From H2_FRAME_HEADER bytes.
struct h2_frame h2_frame_parse(const uint8_t *p);
// May p begin a frame where nothing says that one begins?
bool h2_frame_plausible(const uint8_t *p, const struct h2_hint *hint);
// Where the first frame of a piece begins that others follow: about three in a row, or as many as end
// with the piece. in.len: nowhere; then *next is where a frame header is to follow if one began
// before the end of the piece, relative to its end, and *n how much they weigh; *n == 0: none.
uint32_t h2_frame_find(struct span in, const struct h2_hint *hint, uint32_t *next, uint32_t *n);

// Could a connection begin like that, or go on like that?
enum probe h2_frame_probe(struct span first, enum dir dir);
