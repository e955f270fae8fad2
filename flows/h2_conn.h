// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to the HTTP/2 parser: the state of a connection. h2.c walks the frames of both directions,
// h2_block.c makes heads of header blocks, h2_stream.c makes exchanges of streams.
//
// What does not fit into a connection's own state is in one block of the parser's pool; the table of
// the header decoder may take more of them (h2_hpack.h). At most 13 blocks of 64 KiB and two heads:
// less than 1 MiB.

#pragma once

#include "flows/body.h"
#include "flows/grpc.h"
#include "flows/h2_frame.h"
#include "flows/h2_head.h"
#include "flows/h2_hpack.h"
#include "flows/http_exchange.h"
#include "flows/parser.h"
#include "flows/ws_conn.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	H2_STREAMS = 256,            // followed at once on one connection
	H2_BLOCK_ENCODED = 64 << 10, // bytes of a header block before it is a flood
	H2_BLOCK_FRAMES = 256,       // CONTINUATION frames of one
	H2_FLOOD_RESETS = 100,       // in a window
	H2_FLOOD_EVICTED = 100,
	H2_FLOOD_CONTROL = 1000,
	H2_FIXED = 24, // bytes of a frame that must be seen together
};
#define H2_WINDOW_NS UINT64_C(10000000000)

extern const struct parser h2_parser;

struct h2_stream {
	struct http_tx *tx; // NULL: nothing of it is followed
	union {
		struct body *body[2]; // by sender; NULL: none or not looked at
		struct ws_conn ws;    // tunnel: what is spoken in it
	};
	uint64_t used; // when something happened last; 0: free
	uint32_t id;
	uint16_t next; // index + 1 of the next one in its bucket or of the free ones
	bool told;     // the sink knows the request
	bool tunnel;   // a WebSocket; tx has ended, done[] are the sides of the tunnel
	struct grpc grpc[2];
	bool done[2];   // the sender has ended its message
	bool data[2];   // bytes of its body were seen
	bool gap[2];    // … and some are missing
	bool opaque[2]; // how its body is coded is not known
};
static_assert(sizeof(struct h2_stream) == 64, "there are many: one cache line");

enum h2_state {
	H2_STATE_HEADER = 0, // of the next frame
	H2_STATE_PREFACE,
	H2_STATE_FIXED, // bytes that must be seen together
	H2_STATE_PAYLOAD,
	H2_STATE_PAD,
	H2_STATE_SEARCH, // frames are lost
	H2_STATE_CHAIN,  // there may be a frame header behind `left` bytes
};

// One direction.
struct h2_side {
	struct h2_frame frame; // present one
	uint32_t left;         // bytes to come of its payload
	uint32_t pad;          // … the last of which are padding
	uint32_t max_frame;    // largest payload that the other side allows
	uint32_t newest;       // stream that this side opened
	// Header block: HEADERS or PUSH_PROMISE, and CONTINUATION.
	uint32_t block_stream; // 0: none is open
	uint32_t block_bytes, block_frames;
	uint32_t promised; // stream; 0: the block is no PUSH_PROMISE
	uint64_t block_ns;
	uint8_t block_flags;
	uint8_t state;     // enum h2_state
	uint8_t need, got; // of fixed[]
	uint8_t chained;   // frame headers in a row
	bool block_lost;   // it cannot be read
	bool block_told;   // what was there of it is reported, the rest goes by
	bool whole;        // nothing is missing since the beginning
	bool seen;         // something was delivered
	bool data;         // bytes of bodies since the other side's last WINDOW_UPDATE
	uint8_t fixed[H2_FIXED];
};

struct h2_block;

struct h2 {
	struct h2_block *block;
	struct h2_side side[2];
	uint64_t clock;     // counts what happens to streams
	uint64_t anomalies; // of the connection, for the next exchange that ends
	uint64_t window_ns; // when the window began in which these are counted
	uint32_t resets, evicted, control;
	uint32_t index;   // of the next exchange
	uint32_t gone[8]; // streams that ended early, the newest ones; the other side may go on
	uint32_t n_gone;
	uint16_t free;  // index + 1 of the first free stream
	uint16_t fresh; // streams from here on were never used
	uint16_t open;  // streams in use
	bool flood;     // requests are reported when they are answered
	bool over;      // no longer HTTP/2
};
static_assert(sizeof(struct h2) <= PARSER_STATE, "there is one for each connection");

struct h2_block {
	alignas(16) uint8_t home[2][HPACK_HOME];
	struct hpack hpack[2];
	struct h2_head head[2];
	uint16_t bucket[H2_STREAMS]; // index + 1 of the first stream
	struct h2_stream stream[H2_STREAMS];
};
static_assert(sizeof(struct h2_block) <= HPACK_BLOCK, "a connection has one");

// What is being delivered, while it is.
struct h2_feed {
	struct pctx *p;
	struct flow_env *env;
	struct h2 *conn;
	struct h2_side *side;
	enum dir dir;
	struct span in; // the rest of the piece
};

struct h2_feed h2_feed(struct pctx *p, enum dir dir);

// ---- h2_block.c: called by h2.c for the frames of a header block

// HEADERS or PUSH_PROMISE begins; promised: 0 for HEADERS.
void h2_block_begin(struct h2_feed *f, uint32_t stream, uint32_t promised);
void h2_block_bytes(struct h2_feed *f, struct span bytes);
// END_HEADERS.
void h2_block_end(struct h2_feed *f);
// A part of the block is missing; its end is still to come.
void h2_block_hole(struct h2_feed *f);
// Blocks are missing; one that was open ends here.
void h2_block_lose(struct h2_feed *f);

// ---- h2_stream.c

void h2_stream_open_all(struct h2 *conn);
// A head is complete. cut: its rest goes by unseen.
void h2_stream_request(struct h2_feed *f, uint32_t id, const struct http1_head *head,
		       struct span raw, bool cut);
void h2_stream_response(struct h2_feed *f, uint32_t id, const struct http1_head *head,
			struct span raw, bool cut);
// A header block of that stream could not be understood.
void h2_stream_head_lost(struct h2_feed *f, uint32_t id, uint64_t anomalies);
void h2_stream_trailers(struct h2_feed *f, uint32_t id, const struct h2_head *head);
void h2_stream_data(struct h2_feed *f, uint32_t id, struct span bytes);
// len bytes of a body are missing; 0: nobody knows how many.
void h2_stream_gap(struct h2_feed *f, uint32_t id, uint64_t len);
// END_STREAM.
void h2_stream_end(struct h2_feed *f, uint32_t id);
void h2_stream_reset(struct h2_feed *f, uint32_t id, uint32_t code);
// Frames of this sender are missing.
void h2_stream_lost(struct h2_feed *f);
// The exchange that asked for HTTP/2 becomes that of stream 1. False: it does not fit.
bool h2_stream_upgrade(struct h2_feed *f, struct http_tx *tx);
// This sender has closed its side, in order.
void h2_stream_fin(struct h2_feed *f);
void h2_stream_drain(struct h2_feed *f);
// Counts something of which few are normal. True: it is a flood now.
bool h2_flood(struct h2_feed *f, uint32_t *count, uint32_t limit, uint64_t anomaly);

// ---- h2_tunnel.c: WebSocket in a stream (RFC 8441)

// The answer in tx has opened it. False: it cannot be followed.
bool h2_tunnel_open(const struct h2_feed *f, struct http_tx *tx, struct ws_conn *ws);
void h2_tunnel_data(const struct h2_feed *f, struct h2_stream *s, struct span bytes);
// As h2_stream_gap().
void h2_tunnel_gap(const struct h2_feed *f, struct h2_stream *s, uint64_t len);
void h2_tunnel_fin(const struct h2_feed *f, struct h2_stream *s);
void h2_tunnel_close(const struct h2_feed *f, struct h2_stream *s);
