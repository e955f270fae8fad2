// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Many users acting in the order of time, and the calls that every API has: catalogue, orders,
// own profile, health check.

#pragma once

#include "tools/gen/gen.h"
#include "tools/gen/gen_agenda.h"
#include "tools/gen/gen_record.h"
#include "tools/gen/gen_session.h"

struct gen_crowd {
	struct gen *gen;
	struct gen_session *session;
	uint32_t n_users;
	struct gen_agenda agenda;
	struct gen_json body;        // of the response being made
	struct gen_json send;        // of the request being made, when it has one
	uint32_t values[GEN_VALUES]; // sensitive values put into body so far
};

void gen_crowd_init(struct gen_crowd *crowd, struct gen *gen, uint32_t n_users);
// A step so many seconds after the start.
void gen_crowd_add(struct gen_crowd *crowd, double at_s, uint32_t user, uint32_t what);
// Users first .. last - 1 each take so many steps of this kind, at random times from from_s to
// to_s.
void gen_crowd_spread(struct gen_crowd *crowd, uint32_t first, uint32_t last, uint32_t steps,
		      double from_s, double to_s, uint32_t what);
// Takes all steps, then closes the connections. act may add steps that are not in the past.
void gen_crowd_run(struct gen_crowd *crowd, void *context,
		   void (*act)(struct gen_crowd *crowd, void *context,
			       const struct gen_step *step));
void gen_crowd_fini(struct gen_crowd *crowd);

// Starts the response of the next call with an open object.
struct gen_json *gen_crowd_body(struct gen_crowd *crowd);
// Closes that response and makes the call; method, receive and values are filled in here where
// the call does not say otherwise. Returns when the response ended.
uint64_t gen_crowd_call(struct gen_crowd *crowd, const struct gen_step *step, struct gen_call call);

// One ordinary call of a kind that gives away nothing.
void gen_crowd_products(struct gen_crowd *crowd, const struct gen_step *step, bool anonymous);
void gen_crowd_product(struct gen_crowd *crowd, const struct gen_step *step, bool anonymous);
void gen_crowd_orders(struct gen_crowd *crowd, const struct gen_step *step);
// A refused call: 401 without credentials.
void gen_crowd_refused(struct gen_crowd *crowd, const struct gen_step *step, const char *endpoint,
		       const char *target);
