// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The connection inside a decrypted one: a parser of its own under the contract of parser.h, with
// offsets of the plaintext.

#pragma once

#include "flows/parser.h"

#include <stdalign.h>

enum {
	TLS_INNER_PROBE = 16,
	TLS_INNER_MARKS = 16,
};

// Where the plaintext of a record ends, and where the record itself does in the outer stream.
struct tls_mark {
	uint64_t outer, plain;
};

struct tls_inner {
	const struct parser *parser; // NULL: not chosen yet
	bool begun;                  // meta and pctx are set
	bool dead;                   // nothing here that a parser wants
	bool notified[2];            // close_notify was seen
	uint8_t probe_len[2];
	uint8_t n_marks[2];          // in use
	uint8_t next_mark[2];
	uint32_t probed;
	uint64_t off[2];             // of the plaintext
	uint64_t acked[2];
	uint8_t probe[2][TLS_INNER_PROBE];
	struct tls_mark marks[2][TLS_INNER_MARKS];
	struct conn_meta meta;
	struct pctx pctx;
	alignas(16) uint8_t state[PARSER_STATE];
};

// outer_end: offset behind the record in the outer stream. alpn: what was agreed on, or p == NULL.
void tls_inner_data(struct tls_inner *inner, struct pctx *outer, enum dir dir,
		    struct span plain, uint64_t outer_end, struct span alpn);
// Exactly len bytes of plaintext are missing.
void tls_inner_gap(struct tls_inner *inner, struct pctx *outer, enum dir dir, uint64_t len);
// Some plaintext is missing, nobody knows how much: what was open ends, and what follows is read
// like a connection that was joined in its middle.
void tls_inner_lost(struct tls_inner *inner, struct pctx *outer);
// close_notify (RFC 8446 section 6.1).
void tls_inner_fin(struct tls_inner *inner, struct pctx *outer, enum dir dir);
void tls_inner_close(struct tls_inner *inner, struct pctx *outer, enum close_reason why);
