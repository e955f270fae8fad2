// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// An ordinary afternoon: thousands of users sign in, look at their own profile, browse, order;
// visitors browse without signing in; a monitor asks for the health. Some calls are refused or
// find nothing. No issue is expected of any of it.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>

enum {
	WHAT_LOGIN = 0,
	WHAT_PROFILE,
	WHAT_PRODUCTS,
	WHAT_PRODUCT,
	WHAT_ORDERS,
	WHAT_BUY,
	WHAT_REFUSED,
	WHAT_MISSING,
	WHAT_HEALTH,
	VISITORS_IN_TEN = 2,
};

// Visitors never sign in.
static bool is_visitor(uint32_t user)
{
	return user % 10 < VISITORS_IN_TEN;
}

static void benign_login(struct gen_crowd *crowd, const struct gen_step *step)
{
	char subject[GEN_SUBJECT_BYTES], token[GEN_TOKEN_BYTES], password[20];
	uint64_t now_s = step->time_ns / GEN_SECOND_NS;

	gen_session_subject(step->user, subject);
	gen_value_secret(&crowd->gen->random, password, 12);
	gen_json_reset(&crowd->send);
	gen_json_object(&crowd->send, NULL);
	gen_json_string(&crowd->send, "username", subject);
	gen_json_string(&crowd->send, "password", password);
	gen_json_end(&crowd->send);
	gen_value_token(subject, now_s, now_s + 3600, token);
	gen_crowd_body(crowd);
	gen_json_string(&crowd->body, "access_token", token);
	gen_json_string(&crowd->body, "token_type", "Bearer");
	gen_json_uint(&crowd->body, "expires_in", 3600);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "POST /api/v1/login",
					 .method = "POST",
					 .target = "/api/v1/login",
					 .anonymous = true,
					 .type = "application/json",
					 .send = &crowd->send});
}

static void benign_profile(struct gen_crowd *crowd, const struct gen_step *step)
{
	// One's own address is the same each time.
	struct gen_random person = {gen_random_hash(crowd->gen->options->seed, step->user, 13)};
	struct gen_json *body = gen_crowd_body(crowd);
	char name[GEN_VALUE_BYTES];

	gen_value_person(&person, name);
	gen_json_uint(body, "id", step->user);
	gen_json_string(body, "name", name);
	gen_record_value(body, &person, GEN_EMAIL, crowd->values);
	gen_json_string(body, "language", "en");
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/users/me",
					 .target = "/api/v1/users/me"});
}

static void benign_buy(struct gen_crowd *crowd, const struct gen_step *step)
{
	struct gen_random *random = &crowd->gen->random;

	gen_json_reset(&crowd->send);
	gen_json_object(&crowd->send, NULL);
	gen_json_uint(&crowd->send, "product", 1 + gen_random_below(random, 240));
	gen_json_uint(&crowd->send, "quantity", 1 + gen_random_below(random, 4));
	gen_json_end(&crowd->send);
	gen_crowd_body(crowd);
	gen_json_uint(&crowd->body, "order", 4000 + gen_random_below(random, 5000));
	gen_json_string(&crowd->body, "state", "pending");
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "POST /api/v1/orders",
					 .method = "POST",
					 .target = "/api/v1/orders",
					 .type = "application/json",
					 .send = &crowd->send,
					 .status = 201});
}

static void benign_missing(struct gen_crowd *crowd, const struct gen_step *step)
{
	uint32_t id = 500 + gen_random_below(&crowd->gen->random, 100);
	char target[64];

	snprintf(target, sizeof(target), "/api/v1/products/%u", id);
	gen_json_string(gen_crowd_body(crowd), "error", "no such product");
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/products/{id}",
					 .target = target,
					 .anonymous = is_visitor(step->user),
					 .status = 404});
}

static void benign_health(struct gen_crowd *crowd, const struct gen_step *step)
{
	gen_crowd_body(crowd);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /health",
					 .target = "/health",
					 .anonymous = true,
					 .status = 204});
}

static void benign_step(struct gen_crowd *crowd, void *, const struct gen_step *step)
{
	switch (step->what) {
	case WHAT_LOGIN:
		benign_login(crowd, step);
		break;
	case WHAT_PROFILE:
		benign_profile(crowd, step);
		break;
	case WHAT_PRODUCTS:
		gen_crowd_products(crowd, step, is_visitor(step->user));
		break;
	case WHAT_PRODUCT:
		gen_crowd_product(crowd, step, is_visitor(step->user));
		break;
	case WHAT_ORDERS:
		gen_crowd_orders(crowd, step);
		break;
	case WHAT_BUY:
		benign_buy(crowd, step);
		break;
	case WHAT_REFUSED:
		gen_crowd_refused(crowd, step, "GET /api/v1/users/me", "/api/v1/users/me");
		break;
	case WHAT_MISSING:
		benign_missing(crowd, step);
		break;
	default:
		benign_health(crowd, step);
	}
}

static void benign_plan(struct gen_crowd *crowd, double end_s)
{
	struct gen_random *random = &crowd->gen->random;

	for (uint32_t u = 0; u < crowd->n_users - 1; u++) {
		double arrival_s = (end_s - 60) * gen_random_unit(random);
		uint32_t pages = 2 + gen_random_below(random, 5);

		gen_crowd_spread(crowd, u, u + 1, pages, arrival_s, end_s, WHAT_PRODUCTS);
		gen_crowd_spread(crowd, u, u + 1, pages, arrival_s, end_s, WHAT_PRODUCT);
		if (gen_random_below(random, 25) == 0)
			gen_crowd_spread(crowd, u, u + 1, 1, arrival_s, end_s, WHAT_MISSING);
		if (is_visitor(u))
			continue;
		// A token that has run out is refused once, then comes the login.
		if (gen_random_below(random, 20) == 0)
			gen_crowd_add(crowd, arrival_s + 0.05, u, WHAT_REFUSED);
		gen_crowd_add(crowd, arrival_s + 0.5, u, WHAT_LOGIN);
		gen_crowd_add(crowd, arrival_s + 1.5, u, WHAT_PROFILE);
		gen_crowd_spread(crowd, u, u + 1, 1 + gen_random_below(random, 3), arrival_s + 2,
				 end_s, WHAT_ORDERS);
		if (gen_random_below(random, 3) == 0)
			gen_crowd_spread(crowd, u, u + 1, 1, arrival_s + 2, end_s, WHAT_BUY);
		if (gen_random_below(random, 4) == 0)
			gen_crowd_spread(crowd, u, u + 1, 1, arrival_s + 2, end_s, WHAT_PROFILE);
	}
	// The monitor has an address of its own, behind the last user's.
	for (double at_s = 1; at_s < end_s; at_s += 5)
		gen_crowd_add(crowd, at_s, crowd->n_users - 1, WHAT_HEALTH);
}

static void benign_run(struct gen *gen)
{
	uint32_t users = gen->options->users;
	struct gen_crowd crowd;

	if (gen->options->minutes < 2)
		gen_fatal("benign needs --minutes 2 or more");
	gen_crowd_init(&crowd, gen, users + 1);
	benign_plan(&crowd, gen->options->minutes * 60.0);
	gen_crowd_run(&crowd, NULL, benign_step);
	gen_crowd_fini(&crowd);
	gen_json_uint(&gen->truth.facts, "users", users);
}

const struct gen_scenario gen_benign = {
	.name = "benign",
	.summary = "thousands of ordinary users; no issue is expected",
	.users = 3000,
	.minutes = 3,
	.run = benign_run,
};
