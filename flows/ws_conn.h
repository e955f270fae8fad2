// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to the WebSocket parser: the state of a connection. ws.c finds the frames,
// ws_message.c makes messages of them, ws_upgrade.c knows how the connection began.

#pragma once

#include "flows/body.h"
#include "flows/parser.h"
#include "flows/ws_deflate.h"
#include "flows/ws_frame.h"
#include "flows/ws_header.h"
#include "flows/ws_text.h"

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	WS_REQUEST_HEAD = 8 << 10, // bytes kept of the heads of the upgrade
	WS_RESPONSE_HEAD = 2 << 10,
};

enum ws_state {
	WS_STATE_HEADER = 0,
	WS_STATE_PAYLOAD,
	WS_STATE_SYNC, // somewhere: a piece that begins with a frame is awaited
	WS_STATE_LOST, // given up
};

// One head of the upgrade as its exchange kept it; spans point into the room of its connection.
struct ws_head {
	bool seen, truncated;
	uint8_t version_major, version_minor;
	uint16_t n_headers, n_set_cookies;
	uint8_t *head;
	uint32_t head_len;
	struct span header[HEADER_N];
};

// The message under way in one direction.
struct ws_message {
	bool open;
	bool text;
	bool compressed;
	bool undecoded; // its payload is not looked at (any more)
	bool gap;       // bytes of it are missing
	uint64_t anomalies;
	struct http_tx *tx; // NULL: it is not searched
	struct body *body;  // … nor kept
	struct ws_text utf8;
	struct ws_inflate inflate; // outlives messages
};

// One direction.
struct ws_side {
	uint8_t state; // enum ws_state
	uint8_t got;   // bytes of header
	uint8_t bytes[WS_HEADER_BYTES];
	struct ws_header header; // STATE_PAYLOAD: of this frame
	uint64_t left;           // STATE_PAYLOAD: bytes to come, > 0
	bool gap;                // bytes of the frame's payload are missing
	bool orphan;             // continues a message whose beginning was not seen
	bool trying;             // frames may be none
	uint8_t trial;           // … how many were good so far
	bool aligned;            // … one of them but the first began with a piece
	bool under_way;          // … a message is not yet at its end
	uint16_t errors;         // bad frames since the last good one
	uint64_t anomalies;      // of the frame
	uint64_t skipped;        // bytes since the direction was lost from sight
	uint64_t next;           // stream offset behind what was delivered
	struct sha256_ctx sha256;
	struct ws_message message;
};

// A block of the parser's pool.
struct ws {
	struct ws_side side[2]; // by sender
	struct ws_extensions extensions;
	bool known;     // the upgrade: head and target are set
	uint16_t status; // of the answer
	uint32_t index;  // of the next message among the exchanges of the connection
	struct span method, uri;
	struct ws_head head[2];
	uint8_t room[WS_REQUEST_HEAD + WS_RESPONSE_HEAD];
};
_Static_assert(sizeof(struct ws) <= 16 << 10, "held as long as the connection lasts");

// The parser's state of a connection.
struct ws_conn {
	struct ws *ws; // NULL: no block was free
};

// What is being delivered, while it is.
struct ws_feed {
	struct pctx *p;
	struct flow_env *env;
	struct ws *ws;
	struct ws_side *side;
	enum dir dir;
};

// ws_upgrade.c: keeps what the exchange of the upgrade says. tx: NULL when it was not followed.
void ws_upgrade_keep(struct ws *ws, const struct http_tx *tx);
// A message as an exchange of its own with these heads. NULL: none is free, or nothing is known.
struct http_tx *ws_upgrade_message(struct ws_feed *f);

// ws_message.c
void ws_message_begin(struct ws_feed *f, const struct ws_header *header);
// Payload, unmasked.
void ws_message_bytes(struct ws_feed *f, struct span bytes);
void ws_message_gap(struct ws_feed *f, uint64_t len);
// complete: its last frame was seen to its end. Returns its anomalies.
uint64_t ws_message_end(struct ws_feed *f, bool complete);
