// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Who acts and on what: addresses, names and credentials of users, ids and owners of objects.
// All of it is computed from numbers (group and user, kind and index), so a million users with
// their objects need no memory beyond one struct play_actor each.

#pragma once

#include "tools/gen/gen_play.h"
#include "tools/gen/gen_play_wire.h"

enum {
	PLAY_LISTED = 16,
	PLAY_CHOSEN = 4,
	PLAY_TOKEN_BYTES = 640,
	PLAY_NAME_BYTES = 96,
};

struct play_object {
	uint32_t kind;
	uint64_t index;
};

struct play_actor {
	const struct play_group *group; // NULL: a stranger of an attack
	struct play_attack *attack;     // NULL: an ordinary user
	const struct play_flow *flow;   // of the present session; NULL in attacks
	const struct play_steps *steps; // of either
	const struct play_credential *credential;
	const char *agent;
	uint32_t user, source; // source: number among an attack's
	uint32_t round, session;
	uint64_t at_ns, asked_ns;
	struct gen_random random;
	uint64_t seed, last_seed; // of the exchange under way, of the one before
	struct play_conn conn;
	uint32_t address, n_conns, n_requests; // n_requests: on this connection
	uint32_t step, left;                   // repetitions to go
	uint8_t state;
	bool open, logged_in, finished, served_before;
	uint16_t status;
	uint32_t served; // answers of an attack with a limit
	char *token;     // owned, of this session
	uint32_t token_len;
	uint64_t token_until_ns;
	uint64_t sequence; // next object of PLAY_PICK_SEQUENCE, plus 1; 0: none yet
	struct play_object chosen[PLAY_CHOSEN], listed[PLAY_LISTED];
	uint32_t n_chosen, n_listed;
	struct gen_buffer slow; // a request that is sent bit by bit
	size_t slow_sent;
};

struct play_world {
	struct play_scenario *scenario;
	struct gen_buffer scratch;
};

// The address of this session.
uint32_t play_world_address(const struct play_world *world, const struct play_actor *actor);
// "shoppers-17"; of strangers "guest".
void play_world_user(const struct play_group *group, uint32_t user, char out[PLAY_NAME_BYTES]);
// What the actor sends as password, session cookie, opaque token or API key.
void play_world_secret(const struct play_world *world, const struct play_actor *actor,
		       const char *prefix, uint32_t salt, char *out, uint32_t n);
// Makes the actor's token anew where it needs one.
void play_world_token(struct play_world *world, struct play_actor *actor, uint64_t now_ns);
// Adds the header that carries the credential, if there is one.
void play_world_credential(struct play_world *world, struct play_actor *actor,
			   const struct play_step *step, uint64_t now_ns, struct gen_buffer *out);
uint32_t play_world_victim(const struct play_world *world, const struct play_actor *actor);

// The object that this exchange is about; the same when asked again in one exchange.
uint64_t play_world_object(struct play_world *world, struct play_actor *actor, uint32_t kind,
			   enum play_pick pick);
uint64_t play_world_pick(const struct play_world *world, struct play_actor *actor, uint32_t kind,
			 enum play_pick pick, struct gen_random *random);
// What follows in a list: the next one of the user's own, so that a page holds none twice.
uint64_t play_world_next(const struct play_world *world, struct play_actor *actor, uint32_t kind,
			 enum play_pick pick, uint64_t index, struct gen_random *random);
// How many the actor has: all of them when nobody owns such objects, or others do.
uint64_t play_world_owned(const struct play_world *world, const struct play_actor *actor,
			  uint32_t kind);
void play_world_create(struct play_world *world, struct play_actor *actor, uint32_t kind);
void play_world_list(struct play_actor *actor, uint32_t kind, uint64_t index);
// The id as text; returns its length.
uint32_t play_world_id(const struct play_world *world, uint32_t kind, uint64_t index,
		       char out[PLAY_NAME_BYTES]);
