// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What was played, for those who judge a sensor by it: each attack with its actors, endpoints and
// times, and the totals.

#pragma once

#include "tools/gen/gen_play_exchange.h"
#include "tools/gen/gen_play_wire.h"

enum {
	PLAY_TRUTH_EVENTS = 10000, // times of an attack's exchanges that are kept
	PLAY_TRUTH_ACTORS = 1000,
};

struct play_truth {
	const struct play_world *world;
	struct play_story {
		uint64_t *event; // owned
		uint32_t n_events, cap;
		uint64_t exchanges, first_ns, last_ns;
		uint32_t status[600];
		bool *endpoint; // by number, owned
		struct play_source {
			uint32_t address, user;
		} * source; // owned
		uint32_t n_sources;
	} * story; // by attack
	uint64_t exchanges, strangers;
	uint64_t status[600];
};

void play_truth_init(struct play_truth *truth, const struct play_world *world);
// An exchange that was asked at actor->asked_ns and is answered now.
void play_truth_exchange(struct play_truth *truth, struct play_actor *actor);
// One JSON object a line; path may be NULL. Frees everything.
void play_truth_write(struct play_truth *truth, const char *path, const struct play_wire *wire);
