// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A decoded header block becomes the head of a message, as text: "GET /path HTTP/2", then a line for
// each field. So all that reads heads (evidence, identity, detectors) is the same for both versions.
// The text is built once, while fields are decoded, in a block of the heads' pools.
//
// Nothing in a field can end a line: a name or value with CR, LF or NUL (RFC 9113 section 8.2.1) is
// kept with blanks in their place, is an anomaly, and is not one of the fields that others ask for.

#pragma once

#include "flows/flow_env.h"
#include "flows/http1_head.h"

#include <stdbool.h>
#include <stdint.h>

enum h2_pseudo {
	PSEUDO_METHOD = 0,
	PSEUDO_SCHEME,
	PSEUDO_AUTHORITY,
	PSEUDO_PATH,
	PSEUDO_PROTOCOL, // RFC 8441
	PSEUDO_STATUS,
	PSEUDO_N,
};

// A place in the text; len == UINT32_MAX: there is none.
struct h2_text {
	uint32_t at, len;
};

struct h2_head {
	uint8_t *text;       // block of head4k or head64k, NULL: none taken
	uint32_t n;          // bytes in it
	uint32_t start;      // of the start line; before it are the pseudo-header fields
	uint32_t cookie_end; // of the cookie line, when it is the last one
	uint64_t decoded;    // bytes of all fields, also of those that were not kept
	uint64_t anomalies;
	struct h2_text pseudo[PSEUDO_N];
	struct h2_text method, uri;
	struct h2_text header[HEADER_N];
	struct http1_framing framing;
	int32_t grpc_status; // -1: none
	uint16_t n_headers, n_set_cookies, n_cookies;
	uint8_t dir;        // enum dir
	bool big;           // text is of head64k
	bool started;       // the start line is there
	bool regular;       // a field that is no pseudo-header was there
	bool unknown;       // fields are missing whose names or values are not known
	bool over;          // more than is kept
	bool partial;       // a request may be without a target that is known
	bool refused; // a pseudo-header field could have ended a line, or came late
	bool cookies_apart; // pieces of the cookie in several lines
};

void h2_head_begin(struct h2_head *head, enum dir dir);
void h2_head_field(struct h2_head *head, struct flow_env *env, struct span name, struct span value,
		   bool unknown);
// Ends the text and says what is in it; spans point into the block. False: it has no start line that
// is known: the block is of trailers, or what matters in it was not seen.
bool h2_head_finish(struct h2_head *head, struct flow_env *env, struct http1_head *out,
		    struct span *raw);
void h2_head_free(struct h2_head *head, struct flow_env *env);

static inline bool h2_head_has(const struct h2_head *head, enum h2_pseudo pseudo)
{
	return head->pseudo[pseudo].len != UINT32_MAX;
}
