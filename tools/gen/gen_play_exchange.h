// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The two messages of an exchange as bytes.

#pragma once

#include "tools/gen/gen_play_world.h"

struct play_exchange {
	struct play_world *world;
	struct gen_buffer head, body; // of the message made last; head ends up with the body
	uint64_t date_s;              // that the text below tells
	char date[40];
};

// Starts the exchange of the actor's present step: seed, objects, status.
void play_exchange_begin(struct play_exchange *exchange, struct play_actor *actor);
// Leaves the message in exchange->head.
void play_exchange_request(struct play_exchange *exchange, struct play_actor *actor,
			   uint64_t now_ns);
void play_exchange_response(struct play_exchange *exchange, struct play_actor *actor,
			    uint64_t now_ns);
void play_exchange_free(struct play_exchange *exchange);
