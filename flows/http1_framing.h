// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where the body of an HTTP/1 message ends (RFC 9112 section 6), from the header fields that say
// so. Pure functions.

#pragma once

#include "flows/http_tx.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

// The facts that decide where a body ends. Starts as HTTP1_FRAMING_INIT.
struct http1_framing {
	uint64_t content_length; // the first valid one; UINT64_MAX: none
	bool length;             // a Content-Length field was there
	bool bad_length;         // … with something that is no number
	bool codings;            // a Transfer-Encoding field was there
	bool coded;              // … naming a coding
	bool chunked;            // … the last of which is "chunked"
	bool unclear;            // such a field could not be read to its end
};
#define HTTP1_FRAMING_INIT ((struct http1_framing){.content_length = UINT64_MAX})

// One more of these fields: HEADER_CONTENT_LENGTH or HEADER_TRANSFER_ENCODING.
void http1_framing_field(struct http1_framing *framing, enum header h, struct span value,
			 uint64_t *anomalies);
// RFC 9112 section 6.3. False: receivers disagree and where the body ends cannot be known.
bool http1_framing_request(const struct http1_framing *framing, enum http_framing *out);
// bodyless: 1xx, 204, 304, the answer to HEAD, a tunnel.
bool http1_framing_response(const struct http1_framing *framing, bool bodyless,
			    enum http_framing *out);
