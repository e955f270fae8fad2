// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a scenario file says, as structs: servers, kinds of objects, endpoints, groups of users,
// flows and attacks. Filled by gen_play_read.c, constant from then on. Strings belong to the
// libconfig tree, arrays to the scenario; both live until the program ends.

#pragma once

#include "tools/gen/gen_buffer.h"
#include "tools/gen/gen_random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLAY_KINDS = 64,
	PLAY_STATUSES = 8, // different ones of an endpoint
	PLAY_NONE = UINT32_MAX,
};

// A random length of time, in seconds.
struct play_dist {
	enum {
		PLAY_FIXED = 0,
		PLAY_UNIFORM,   // a to b
		PLAY_EXP,       // mean a
		PLAY_LOGNORMAL, // median a, sigma b
	} shape;
	double a, b;
};

// Which object a step is about.
enum play_pick {
	PLAY_PICK_OWN = 0,
	PLAY_PICK_LISTED, // one that an earlier response of the session gave out, else an own one
	PLAY_PICK_FOREIGN,
	PLAY_PICK_SEQUENCE,
	PLAY_PICK_RANDOM,
	PLAY_PICK_MISSING,
	PLAY_PICK_SAME, // as in the step before
};

struct play_form;

struct play_op {
	uint8_t what;  // of gen_play_form.c
	bool quoted;   // stands in a JSON string of its own
	uint8_t pick;  // of "each"
	uint32_t a, b; // range, or offset and length in text
	uint32_t kind; // of an object
	const char *text;
	uint32_t len;
	struct play_form *form; // of "each": one element
	const char **words;     // of an enum
};

// Text with holes: a path, a header or a JSON body.
struct play_form {
	struct play_op *op;
	uint32_t n;
};

struct play_server {
	const char *name, *host;
	uint32_t address;
	uint16_t port;
};

struct play_kind {
	const char *name, *prefix;
	enum {
		PLAY_IDS_SEQUENTIAL = 0,
		PLAY_IDS_RANDOM, // ten digits
		PLAY_IDS_UUID,
		PLAY_IDS_HEX, // 24 digits
		PLAY_IDS_SLUG, // words with dashes between them
	} ids;
	uint64_t first;
	uint32_t count;  // of objects that belong to nobody
	uint32_t group;  // of owners; PLAY_NONE: nobody
	uint32_t each;   // objects of each owner
	uint32_t team;   // users who share the objects of one owner
	uint32_t owners; // groups of users / team
};

struct play_endpoint {
	const char *name, *method;
	uint32_t server;
	struct play_form path, headers, body, response, response_headers;
	bool has_body, has_response;
	bool login; // success gives the session its credential
	uint32_t creates;
	struct {
		uint16_t status;
		double up_to; // cumulated share
	} status[PLAY_STATUSES];
	uint32_t n_statuses;
	struct play_dist latency;
	const char *template; // as a sensor would show it; NULL: unknown
	const void *setting;  // where the body was read
	uint64_t exchanges;   // counted while playing
};

struct play_credential {
	enum {
		PLAY_CREDENTIAL_NONE = 0,
		PLAY_CREDENTIAL_JWT,
		PLAY_CREDENTIAL_OPAQUE,
		PLAY_CREDENTIAL_COOKIE,
		PLAY_CREDENTIAL_KEY,
		PLAY_CREDENTIAL_BASIC,
	} kind;
	const char *name; // of the header or cookie
	const char *role, *alg;
	double lifetime_s;
	bool expired;
};

struct play_network {
	uint32_t base, hosts;
};

struct play_group {
	const char *name;
	uint32_t count;
	struct play_network *network;
	uint32_t n_networks;
	enum {
		PLAY_ADDRESS_OWN = 0,
		PLAY_ADDRESS_NAT,
		PLAY_ADDRESS_SESSION,
	} address;
	const char **agent;
	uint32_t n_agents;
	struct play_credential credential;
	struct play_dist every, think;
	double from_s, until_s;
	double *day; // 24 weights, the greatest is 1; NULL: all alike
	uint32_t keepalive;
	uint32_t *flow; // indexes
	uint32_t n_flows;
	uint32_t *created; // by user and kind, while playing
	bool *seen;        // by user: sent an exchange, while playing
	uint64_t exchanges;
};

// To a step of the same flow, or its end (PLAY_NONE).
struct play_arc {
	uint32_t step;
	double up_to; // cumulated probability
};

struct play_step {
	uint32_t endpoint;
	enum play_pick pick;
	uint32_t least, most; // repetitions
	double chance;
	uint16_t status; // 0: as the endpoint's mix says
	bool setup;      // not part of the attack
	bool again;      // the same bytes as the last time
	bool swap;       // with the victim's subject in the token
	bool bare;       // without credentials
	bool login;      // as the endpoint says
	double slow_s;   // the body takes so long
	bool has_think;
	struct play_dist think;
	struct play_form body; // instead of the endpoint's
	bool has_body;
	struct play_arc *arc; // where a chain goes on; none: at the next step
	uint32_t n_arcs;
};

struct play_steps {
	struct play_step *step;
	uint32_t n;
	bool logs_in;
};

struct play_flow {
	const char *name;
	uint32_t group;
	double weight;
	double from_s, until_s, ramp_s;
	const char *agent;
	struct play_steps steps;
};

struct play_attack {
	const char *label, *detector;
	const char *also; // detectors that are right to tell of it as well, with spaces; NULL: none
	bool benign;
	double at_s;
	uint64_t after; // exchanges; 0: at at_s
	uint32_t group; // of the actors; PLAY_NONE: strangers
	uint32_t user;  // the first one
	uint32_t sources;
	struct play_network *network; // instead of the group's
	uint32_t n_networks;
	const char *agent;
	bool has_credential;
	struct play_credential credential;
	uint32_t count; // rounds of the steps, for each source
	struct play_dist every;
	double spread_s;  // over which the sources begin
	uint32_t victims; // group
	uint32_t victim;  // the one victim; PLAY_NONE: one after the other
	uint32_t limit;   // answers before 429; 0: no limit
	uint32_t keepalive;
	struct play_form headers;
	bool has_headers;
	struct play_steps steps;
};

struct play_scenario {
	void *reader; // owns the strings
	uint64_t seed, start_ns;
	double duration_s;
	double lose;
	bool no_requests, no_responses;
	struct play_server *server;
	struct play_kind *kind;
	struct play_endpoint *endpoint;
	struct play_group *group;
	struct play_flow *flow;
	struct play_attack *attack;
	uint32_t n_servers, n_kinds, n_endpoints, n_groups, n_flows, n_attacks;
};

struct play_set {
	const char *name, *value;
};

// Reads the file; ends the program with "file:line: …" when it holds a mistake.
void play_read(struct play_scenario *scenario, const char *path, const struct play_set *set,
	       uint32_t n_set);

// Seconds.
double play_dist_draw(const struct play_dist *dist, struct gen_random *random);
