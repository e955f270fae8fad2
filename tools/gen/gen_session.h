// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One user of the generated API: an address, a token, a client program, and keep-alive
// connections that are opened and closed as the calls come.

#pragma once

#include "tools/gen/gen.h"
#include "tools/gen/gen_http.h"
#include "tools/gen/gen_tcp.h"

struct gen_session {
	struct gen_conn conn;
	uint32_t user;
	uint16_t n_conns;
	uint16_t calls_left; // on this connection
	bool open;
};

struct gen_call {
	const char *endpoint; // for the truth: method and template
	const char *method, *target;
	bool anonymous;   // sends no token
	const char *referer; // NULL: none
	const char *type; // of the request's body; NULL: none
	const struct gen_json *send;
	uint32_t status;                // 0: 200
	const struct gen_json *receive; // NULL: no body
	const char *receive_text;       // body in place of JSON, with its type; NULL: JSON
	const char *receive_type;
	const uint32_t *values;         // sensitive values in it, by kind; NULL: none
};

enum {
	// Longest time before a call's own time at which its first packet may stand (handshake).
	GEN_SESSION_LEAD_NS = 5000000,
	GEN_SUBJECT_BYTES = 24,
};

void gen_session_init(struct gen_session *session, uint32_t user);
// "user-17".
void gen_session_subject(uint32_t user, char out[GEN_SUBJECT_BYTES]);
void gen_session_address(uint32_t user, char out[GEN_ADDRESS_TEXT]);
// Makes the call at this time, or when the user's earlier call is done. Returns the time at
// which the response ended.
uint64_t gen_session_call(struct gen *gen, struct gen_session *session, uint64_t time_ns,
			  const struct gen_call *call);
// Closes what is open, at this time or when the last call is done.
void gen_session_end(struct gen *gen, struct gen_session *session, uint64_t time_ns);
