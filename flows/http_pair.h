// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which request of a connection a response belongs to. HTTP/1 says it only by order, so as long as
// every message of both directions was seen the queue of pending requests is the answer, pipelined
// or not. When messages may be missing, order proves nothing and a response is paired only when
// TCP proves it: it begins exactly where the client's acknowledgement stood when the request began
// (the client had everything before it, so nothing older can be outstanding) and the server had
// acknowledged the whole request. Without proof both stay alone: a wrong pair is worse than none.
//
// All of this relies on a client that waits for a response before it sends the next request. One
// that does not is recognised by its acknowledgements, and from then on nothing is paired across a
// loss on its connection.
//
// State of one connection, used by the worker that owns it. The queue borrows the transactions;
// whoever pops one owns it.

#pragma once

#include "flows/http_tx.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

// Offsets are of the client's stream (requests, what the server has acknowledged) or of the
// server's (responses, what the client has acknowledged), as struct pctx counts them.
struct http_pair {
	struct http_tx *head, *tail; // pending requests, oldest first
	uint64_t last_ack;           // req_ack_off of the newest request
	uint64_t orphan_ack;         // client's stream acknowledged with the last one that did not
	uint32_t n;
	uint32_t unfollowed; // requests behind the queue that have no transaction
	bool anchored;       // order proves: the next response belongs to the oldest request
	bool broken;         // requests may be missing before the next one
	bool unseen;         // … and they may have been sent when the newest one was answered
	bool whole;          // … one at least is
	bool pipelined;      // the client does not wait for responses
	bool requests;       // last_ack is set
};

// What is known when a response begins.
struct http_pair_view {
	uint64_t start;  // of the response, in the server's stream
	uint64_t before; // acknowledged by the server, of the client's stream, with bytes before it
	uint64_t acked;  // by the server, of the client's stream
	uint64_t known;  // the client's stream was seen and understood up to here
	bool client_lossy; // req_ack_off of requests may be too late
};

enum http_pair_result {
	PAIR_NONE = 0,   // nobody knows
	PAIR_REQUEST,    // *out is the request; older ones in the queue have no response
	PAIR_UNFOLLOWED, // to a request that was only counted
};

void http_pair_open(struct http_pair *pair, bool midstream);

// A request began: its head is complete. Sets the pairing fields of tx but req_end_off. False: its
// response went by before, it does not enter the queue.
bool http_pair_request(struct http_pair *pair, struct http_tx *tx, uint64_t start, uint64_t ack);
// The same for a request without a transaction. Until all of them are answered no request may be
// queued.
void http_pair_skip(struct http_pair *pair);
// Messages of that sender may be missing from here on. whole: the head of one surely is.
void http_pair_lost(struct http_pair *pair, enum dir dir, bool whole);
// The rest of the segment in which the newest request began is missing. A client that waits has
// nothing else in there.
void http_pair_cut_off(struct http_pair *pair);

// The final response begins. The request stays in the queue: pop what is before it, then it.
enum http_pair_result http_pair_response(struct http_pair *pair, const struct http_pair_view *view,
					 struct http_tx **out);
// After PAIR_NONE: a pending request that no later response can belong to, NULL when none is left.
struct http_tx *http_pair_stale(struct http_pair *pair, uint64_t start);

// Takes the oldest request off the queue; NULL when it is empty.
struct http_tx *http_pair_pop(struct http_pair *pair);
// Takes the oldest off although its response may still come: from then on only proof pairs.
struct http_tx *http_pair_give_up(struct http_pair *pair);
