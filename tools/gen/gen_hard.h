// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The framing zoo of HTTP/1: each case is a function that fills one connection and states the
// exchanges that a parser must find in it. gen_hard.c runs them and writes what they state;
// gen_hard_message.c holds the cases about messages, gen_hard_segment.c those about segments.

#pragma once

#include "tools/gen/gen.h"
#include "tools/gen/gen_http.h"
#include "tools/gen/gen_tcp.h"

#include <stdio.h>

#define HARD_HOST "hard.harborline.net"
#define HARD_JSON "application/json"

struct hard {
	struct gen *gen;
	FILE *expected;
	const char *pcap_name;
	struct gen_conn conn;   // of the running case
	uint32_t conn_number;   // among those of one 4-tuple
	uint32_t stream;        // exchange on this connection
	struct gen_buffer rows; // a JSON body of some kilobytes
	struct gen_buffer message;
};

enum hard_known {
	HARD_NO_BODY = 0, // length 0, no hash
	HARD_BODY,        // data and len
	HARD_UNKNOWN,     // incomplete: neither length nor hash
};

struct hard_body {
	enum hard_known known;
	const void *data;
	size_t len;
};

// What a parser must report. Unset texts are the usual ones: the host of the zoo, HTTP/1.1, the
// response's type application/json when it has a body.
struct hard_record {
	const char *method, *uri;
	const char *host; // "": none is known
	const char *version;
	uint32_t status; // 0: not known
	const char *request_type, *response_type;
	const char *request_coding, *response_coding;
	struct hard_body request, response;
	const char *anomaly;
	bool optional; // may be missing
};

struct hard_case {
	const char *name;
	void (*fill)(struct hard *hard);
};

extern const struct hard_case gen_hard_message_cases[], gen_hard_segment_cases[];

// Each runs the messages through hard->message and sends them in order.
void hard_client(struct hard *hard, const char *text);
void hard_server(struct hard *hard, const char *text);
// Sends what the case itself put into hard->message.
void hard_flush(struct hard *hard, enum gen_side side);
void hard_open(struct hard *hard);
void hard_close(struct hard *hard, enum gen_side side);
// Appends a message to hard->message: start line without CRLF, header lines each with CRLF, and
// the body with its Content-Length; a NULL body has none.
void hard_write(struct hard *hard, const char *start, const char *headers, const void *body,
		size_t len);
// GET with the usual headers; a 200 with {"ok":true}; both together with their record.
void hard_get(struct hard *hard, const char *uri);
void hard_ok(struct hard *hard);
void hard_exchange(struct hard *hard, const char *uri);
// States an exchange; its number on the connection counts up.
void hard_expect(struct hard *hard, const struct hard_record *record);
struct hard_body hard_text(const char *text);
struct hard_body hard_rows(const struct hard *hard);
struct hard_body hard_unknown(void);
// Gives the connection another client port (and what else gen_conn_init sets).
void hard_connect(struct hard *hard, struct gen_address client, struct gen_address server);
