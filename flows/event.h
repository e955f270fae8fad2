// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The only vocabulary between flows and detection: what happened to an exchange or a connection. All payloads
// die when the function returns. Called on the worker that owns the connection.

#pragma once

#include "flows/http_tx.h"
#include "flows/span.h"
#include "flows/tls_handshake.h"
#include "flows/ws_frame.h"

#define REQUEST_HELD_NS (60 * UINT64_C(1000000000))

enum value_kind {
	VALUE_STRING = 0, // between the quotes, escapes not resolved
	VALUE_NUMBER,
	VALUE_TEXT, // a piece of unstructured text or of a string too long to be kept whole
	VALUE_LITERAL, // true, false, null of JSON, NaN and Infinity of others
	VALUE_DECODED, // a text that stands in the body in another form: v is no part of it
};

// One scalar of a body, a form or a query.
struct value {
	enum dir dir;
	enum value_kind kind;
	bool escaped;       // a string with backslash (JSON) or percent (form) escapes
	bool continued;     // TEXT: the first `overlap` bytes were part of the piece before
	uint32_t overlap;   // DECODED: the bytes that it takes in the body
	struct span v;      // the bytes; readable 64 bytes past the end
	struct span key;    // nearest name: JSON key, form key; empty: none
	struct span parent; // path of the containers, "$.users[]"; empty for forms
	uint64_t field;     // hash of parent and key: identity of the field within its endpoint
	uint64_t key_hash;  // hash of key alone
	uint64_t off;       // of v.p in the decoded body
};

// A piece of decoded body: `fresh` is where bytes not shown before start; up to 256 bytes before
// it are repeated so that a match may straddle the border. Readable 64 bytes past the end.
struct window {
	enum dir dir;
	struct span bytes;
	uint32_t fresh;
	uint64_t off;  // of bytes.p in the decoded body
	bool values;   // the same bytes also arrive as values (JSON, form): no text search needed
	bool members;  // … or as members: no name in them is left untold (JSON)
};

struct event_sink {
	void *ctx;
	void (*request)(void *ctx, struct http_tx *tx);  // request head complete
	void (*response)(void *ctx, struct http_tx *tx); // final response head complete
	void (*window)(void *ctx, struct http_tx *tx, const struct window *window);
	void (*value)(void *ctx, struct http_tx *tx, const struct value *value);
	// A member of an object whose value is a container: v begins with its bracket. NULL: nobody
	// asks.
	void (*member)(void *ctx, struct http_tx *tx, const struct value *value);
	// A request has taken longer than REQUEST_HELD_NS to arrive and goes on: with each piece of it
	// from then on. NULL: nobody asks.
	void (*held)(void *ctx, struct http_tx *tx);
	void (*end)(void *ctx, struct http_tx *tx); // all that will be known is known
	// Beside exchanges.
	void (*ws)(void *ctx, const struct conn_meta *conn, const struct ws_frame *frame);
	void (*tls)(void *ctx, const struct conn_meta *conn, const struct tls_handshake *hello);
};
