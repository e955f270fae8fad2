// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// HTTP/1 message heads (RFC 9112) as pure functions over (buffer, length): whether one begins, where
// it ends and what it says. Tolerant where receivers are, and every deviation sets a bit of
// http_msg.anomalies. No state, no allocation, no byte is read outside the span.

#pragma once

#include "flows/http1_framing.h"
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
	METHOD_WEBSOCKET, // CONNECT of HTTP/2 with that protocol (RFC 8441)
};

struct http1_head {
	struct span method; // request
	struct span uri;    // request
	uint16_t status;    // response
	uint8_t version_major, version_minor;
	bool no_version; // it is missing or malformed
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
// The same for the beginning of a connection, where a request with a line that deviates is one, too,
// if everybody knows its method or the line names HTTP.
enum probe http1_head_detect(struct span first, enum dir dir);
// The same for lenient receivers and cheap for any length: only the method or "HTTP/" counts.
bool http1_head_plausible(struct span first, enum dir dir);
// Does HTTP/2 begin (RFC 9113 section 3.4)? Its first line was chosen to look like a request.
bool http1_head_preface(struct span head);
// One that everybody knows. A hole may end inside a method, and "OST" is a token, too.
bool http1_head_known_method(struct span method);

// The start line, with or without its line end. False: not HTTP/1.
bool http1_head_start(struct span line, enum dir dir, struct http1_head *out);
// The same for a line of printable ASCII without its line end, if it is a usual one, which sets no
// anomaly. False: it is another one, which http1_head_start() may know.
bool http1_head_plain(struct span line, enum dir dir, struct http1_head *out);
// Start line and header fields. The last line is only looked at when it is whole, so that a cut
// head gives true facts; a request without a valid version is one only when the head is whole and
// names a host. Of the fields behind the first max_headers only those are kept that
// decide framing and host. False: not HTTP/1, *out is undefined.
bool http1_head_parse(struct span head, enum dir dir, uint32_t max_headers, struct http1_head *out);

// Which of the fields that somebody asks for, by its name in any case; HEADER_N: none of them.
enum header http1_head_header(struct span name);

// One header line without its line end, for framing only; cut: its end is missing. True: it was
// Content-Length or Transfer-Encoding, and a line that continues it matters.
bool http1_head_framing_line(struct http1_framing *framing, struct span line, bool cut,
			     uint64_t *anomalies);
