// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to the HTTP/1 parser: the state of a connection, and what happens at the borders of its
// messages. http1.c finds the borders in the streams; http1_message.c makes exchanges of them;
// http1_held.c tells of those whose requests do not end.

#pragma once

#include "flows/body.h"
#include "flows/http1_head.h"
#include "flows/http_pair.h"
#include "flows/parser.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	HTTP1_SKIPPED_LINE = 256, // bytes looked at of a line in a head too long
};

enum http1_state {
	STATE_START = 0, // between messages
	STATE_HEAD,
	STATE_SYNC, // somewhere
	STATE_WAIT, // behind CONNECT or Upgrade: its response decides what the bytes are
	// Inside a message whose head was reported.
	STATE_HEAD_SKIP,
	STATE_DECIDE, // response to an unknown request: body, or the next response after HEAD's?
	STATE_LENGTH,
	STATE_CLOSE,
	STATE_CHUNK_SIZE,
	STATE_CHUNK_DATA,
	STATE_CHUNK_END,
	STATE_TRAILER,
};

// How much of a head there is.
enum http1_cut {
	CUT_NONE = 0,
	CUT_TOO_LONG, // the rest will come but is not kept
	CUT_LOST,     // the rest is missing
};

// One direction.
struct http1_side {
	struct http_tx *tx; // of the message inside which the stream stands; NULL: not followed
	struct body *body;  // its body, NULL: none or not looked at
	uint8_t *gather;    // block of head4k or head64k, NULL: none taken
	uint64_t left;      // bytes to come of the body or chunk; LENGTH, CHUNK_DATA: > 0
	uint64_t next;      // stream offset behind what was delivered
	uint64_t start;     // … of the message; of its first interim response if it had any
	uint64_t start_ack; // what this side had of the other's stream at that time (client), or
			    // with the piece before (server)
	uint64_t start_ns;
	uint32_t gathered;   // bytes in gather; STATE_DECIDE: bytes that matched
	uint16_t line;       // bytes of the current line, saturating
	uint8_t state;       // enum http1_state
	uint8_t after;       // STATE_DECIDE: state if it is the body
	uint8_t digits;      // of the chunk size
	bool big : 1;        // gather is of head64k
	bool start_line : 1; // of the head being gathered is there and good
	bool strict : 1;     // only a head without deviations is taken for one
	bool synced : 1;     // nothing is missing since the last good head
	bool seen : 1;       // something was delivered
	bool blank : 1;      // STATE_SYNC: an empty line went by
	bool waited : 1;     // STATE_WAIT: bytes went by
	bool empty_lines : 1;
	bool interim : 1;   // 1xx seen, the final response is to come
	bool bodyless : 1;  // response without a body whatever its head says
	bool paired : 1;    // response to a request that is known
	bool expect : 1;    // request with Expect, none of its body seen
	bool gap : 1;       // bytes of the message's body are missing
	bool cr : 1;        // the last byte of the line was CR
	bool extension : 1; // of a chunk
	bool blanks : 1;    // behind the chunk size
	bool upgrade : 1;    // client: it has asked for a protocol that is known, and nothing since
	bool early_lost : 1; // STATE_WAIT: not all of what went by is in gather
};

struct http1 {
	struct http1_side side[2]; // by sender
	struct http_pair pair;
	uint64_t lost_at;    // client not synced: its stream was understood up to here
	uint64_t server_ack; // of the client's stream, with the last piece of the server's
	uint32_t index;      // of the next exchange
	bool opaque;         // no longer HTTP
};
static_assert(sizeof(struct http1) <= 256, "there is one for each connection");

// What is being delivered, while it is.
struct http1_feed {
	struct pctx *p;
	struct flow_env *env;
	struct http1 *conn;
	struct http1_side *side;
	enum dir dir;
	bool here;      // a message may begin at in.p although nothing says so
	struct span in; // the rest of the piece
	uint64_t off;   // its stream offset
};

// What stands in the gather block while the rest of a head too long goes by.
struct http1_skipped {
	struct http1_framing framing;
	uint64_t anomalies;
	bool framing_line; // the line before was one that decides framing
	uint8_t line[HTTP1_SKIPPED_LINE];
};

// ---- http1_held.c

// All of f->in was gathered, and the head goes on. Of one that has taken longer than REQUEST_HELD_NS what
// there is is told, and the rest goes by, like that of one too long.
void http1_head_held(struct http1_feed *f);
// A piece has come: tells the sink of the request that it belongs to, if that has taken so long.
void http1_request_held(const struct http1_feed *f);

// ---- http1_message.c

// With nothing to deliver, at the end of what was.
struct http1_feed http1_feed(struct pctx *p, enum dir dir);
void http1_gather_free(struct http1_feed *f);
// struct parser.holds
uint32_t http1_holds(const void *state);

static inline bool http1_in_message(const struct http1_side *side)
{
	return side->state >= STATE_HEAD_SKIP;
}

// No packet of that sender ever came, not even one that acknowledges.
static inline bool http1_silent(const struct pctx *p, enum dir dir)
{
	const struct http1 *conn = p->state;

	return !conn->side[dir].seen && p->acked[!dir] == 0;
}

static inline void http1_mark(struct http1_feed *f, uint64_t anomalies)
{
	if (f->side->tx)
		f->side->tx->msg[f->dir].anomalies |= anomalies;
}

// In all of these n is how far behind f->off the thing happens.

// raw is a head or what is there of it. Reports the message and starts its body; a head that is
// cut leaves the state in STATE_HEAD_SKIP. The connection may be opaque afterwards.
void http1_message_head(struct http1_feed *f, struct span raw, uint32_t n, enum http1_cut cut);
// The head of which only the beginning could be kept ends.
void http1_message_body(struct http1_feed *f, const struct http1_framing *framing, uint32_t n);
void http1_message_bytes(struct http1_feed *f, struct span bytes);
// The bytes that looked like a status line are the beginning of a body.
void http1_message_decided(struct http1_feed *f);
// complete: the framing says so.
void http1_message_end(struct http1_feed *f, uint32_t n, bool complete);
// ahead() of the parser.
void http1_ahead(const struct pctx *p, enum dir dir, uint32_t len, bool near);
// From there on nothing is known. whole: the head of a message is surely missing.
void http1_message_lost(struct http1_feed *f, uint32_t n, bool whole, uint64_t anomalies);
// A request ends with len missing bytes, the rest of its segment.
void http1_message_cut_off(struct http1_feed *f, uint64_t len);
// A head was expected and it is none.
void http1_message_none(struct http1_feed *f, uint32_t n);
// The beginning of a head whose rest will never come is reported when its start line is there: the
// facts in it are true, and the order of messages is kept. False: there is nothing to report.
bool http1_message_cut(struct http1_feed *f);
// The server's stream begins, and not with a status line. If all that the client has sent is the
// simple request of HTTP/0.9, then the stream is its answer, up to its end, and its body begins.
void http1_message_simple(struct http1_feed *f);
// The head of a request that only the server's answer tells to be one.
bool http1_message_waits(const struct http1_feed *f, struct span raw);
// Nothing more will come: all exchanges end.
void http1_message_drain(struct http1_feed *f);
