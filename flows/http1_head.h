// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// HTTP/1 message heads (RFC 9112) as pure functions over (buffer, length): where a head ends, what
// it says, and how the body behind it is framed. Tolerant where receivers are, and every deviation
// sets a bit of http_msg.anomalies. No state, no allocation, no byte is read outside the span.

#pragma once

#include "flows/http_tx.h"
#include "flows/parser.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	HTTP1_METHOD_BYTES = 32, // the longest token that is taken for a method
};

#define ANOMALY_BIT(name) (UINT64_C(1) << ANOMALY_##name)

// What the framing of a response depends on.
enum http1_method {
	METHOD_OTHER = 0,
	METHOD_HEAD,
	METHOD_CONNECT,
};

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

struct http1_head {
	struct span method; // request
	struct span uri;    // request
	uint16_t status;    // response
	uint8_t version_major, version_minor;
	enum http1_method kind;
	uint16_t n_headers;
	uint16_t n_set_cookies;
	uint64_t anomalies;
	struct http1_framing framing;
	struct span header[HEADER_N];
};

// Length of the head at p with its empty line, 0 when the end is not there. CR LF and bare LF
// count as line ends. from: where the search may start, because no end lies before it.
uint32_t http1_head_end(const uint8_t *p, uint32_t len, uint32_t from);
// Where it may start when n bytes were searched in vain and more have come.
static inline uint32_t http1_head_resume(uint32_t n)
{
	return n > 2 ? n - 2 : 0;
}

// Could a message of that sender begin with these bytes? CERTAIN: a start line without deviation
// up to its version (request) or status (response). NO: it cannot become one.
enum probe http1_head_probe(struct span first, enum dir dir);
// The same for lenient receivers and cheap for any length: only the method or "HTTP/" counts.
bool http1_head_plausible(struct span first, enum dir dir);

// The start line, with or without its line end. False: not HTTP/1.
bool http1_head_start(struct span line, enum dir dir, struct http1_head *out);
// Start line and header fields. The last line is only looked at when it is whole, so that a cut
// head gives true facts. Of the fields behind the first max_headers only those are kept that
// decide framing and host. False: not HTTP/1, *out is undefined.
bool http1_head_parse(struct span head, enum dir dir, uint32_t max_headers, struct http1_head *out);

// One header line without its line end, for framing only; cut: its end is missing. True: it was
// Content-Length or Transfer-Encoding.
bool http1_framing_line(struct http1_framing *framing, struct span line, bool cut,
			uint64_t *anomalies);
// RFC 9112 section 6.3. False: receivers disagree and where the body ends cannot be known.
bool http1_framing_request(const struct http1_framing *framing, enum http_framing *out);
// bodyless: 1xx, 204, 304, the answer to HEAD, a tunnel.
bool http1_framing_response(const struct http1_framing *framing, bool bodyless,
			    enum http_framing *out);
