// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From transfer-decoded bytes of one message body to events: content decoding, the window with
// its carried tail, and the walker that fits the kind (JSON, form, text). Also keeps length,
// hash and the captured beginning in tx->msg[dir].

#pragma once

#include "flows/flow_env.h"
#include "flows/http_tx.h"

#include <stdint.h>

struct body;

// Starts the body of tx->msg[dir]: reads Content-Encoding and Content-Type from its headers.
// NULL when no state was free: the body is then counted (body_no_context) but not looked at.
struct body *body_begin(struct flow_env *env, struct http_tx *tx, enum dir dir);
void body_data(struct flow_env *env, struct body *body, struct span raw);
// Fetches what body_data() is going to touch with len bytes of the message's body: the two
// themselves, and then (near) what they lead to, where the bytes are going to be copied.
void body_ahead(const struct flow_env *env, const struct body *body, const struct http_msg *msg,
		uint32_t len, bool near);
// len bytes are lost. An uncoded body is followed further (never a value across the hole), a
// coded one is given up. Either way the message is incomplete and has no hash.
void body_gap(struct flow_env *env, struct body *body, uint64_t len);
// complete: the framing says that this was the end. Sets msg.complete, msg.hashed; frees body.
void body_end(struct flow_env *env, struct body *body, bool complete);

// When the last bytes of its message came, nanoseconds of capture time.
uint64_t body_heard_ns(const struct body *body);
// Another body needs this decoder of its more (decoder.h): what is left is not decoded.
void body_decoder_taken(struct flow_env *env, struct body *body, const void *decoder);

size_t body_state_size(void);    // of env->body's objects
size_t body_gather_size(void);   // of env->gather's objects
size_t inflate_state_size(void); // of env->inflate's objects
size_t brotli_state_size(void);  // of env->brotli's objects
