// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Forgotten authentication: an endpoint that hands personal data to anyone who asks, beside a
// catalogue that is public on purpose and endpoints that do ask for a token.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>

enum {
	WHAT_MEMBER = 0,
	WHAT_PRODUCTS,
	WHAT_PRODUCT,
	WHAT_ORDERS,
	WHAT_REFUSED,
	LEAST_USERS = 40, // makes 120 member calls and 200 and more of the catalogue
};

static void noauth_member(struct gen_crowd *crowd, const struct gen_step *step)
{
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, 900);
	struct gen_random person = {gen_random_hash(crowd->gen->options->seed, id, 11)};
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "id", id);
	gen_record_value(body, &person, GEN_EMAIL, crowd->values);
	gen_record_value(body, &person, GEN_PHONE, crowd->values);
	gen_record_value(body, &person, GEN_SSN, crowd->values);
	snprintf(target, sizeof(target), "/api/v1/members/%u", id);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/members/{id}",
					 .target = target,
					 .anonymous = true});
}

static void noauth_step(struct gen_crowd *crowd, void *, const struct gen_step *step)
{
	switch (step->what) {
	case WHAT_MEMBER:
		noauth_member(crowd, step);
		break;
	case WHAT_PRODUCTS:
		gen_crowd_products(crowd, step, true);
		break;
	case WHAT_PRODUCT:
		gen_crowd_product(crowd, step, true);
		break;
	case WHAT_ORDERS:
		gen_crowd_orders(crowd, step);
		break;
	default:
		gen_crowd_refused(crowd, step, "GET /api/v1/orders", "/api/v1/orders?page=1");
	}
}

static void noauth_run(struct gen *gen)
{
	double end_s = gen->options->minutes * 60.0;
	uint32_t users = gen->options->users;
	struct gen_json *issues = &gen->truth.issues;
	struct gen_crowd crowd;

	if (users < LEAST_USERS)
		gen_fatal("noauth needs --users %d or more", LEAST_USERS);
	gen_crowd_init(&crowd, gen, users);
	gen_crowd_spread(&crowd, 0, users, 3, 0, end_s, WHAT_MEMBER);
	gen_crowd_spread(&crowd, 0, users, 6, 0, end_s, WHAT_PRODUCTS);
	gen_crowd_spread(&crowd, 0, users, 6, 0, end_s, WHAT_PRODUCT);
	gen_crowd_spread(&crowd, 0, users, 5, 0, end_s, WHAT_ORDERS);
	gen_crowd_spread(&crowd, 0, users / 20, 1, 0, end_s, WHAT_REFUSED);
	gen_crowd_run(&crowd, NULL, noauth_step);
	gen_crowd_fini(&crowd);

	gen_json_uint(&gen->truth.facts, "users", users);
	gen_truth_issue(&gen->truth, "missing-authentication", "GET /api/v1/members/{id}",
			"critical");
	gen_json_array(issues, "types");
	gen_json_string(issues, NULL, "email");
	gen_json_string(issues, NULL, "phone");
	gen_json_string(issues, NULL, "us.ssn");
	gen_json_end(issues);
	gen_json_end(issues);
}

const struct gen_scenario gen_noauth = {
	.name = "noauth",
	.summary = "an endpoint gives personal data without credentials, beside a public catalogue",
	.users = 60,
	.minutes = 2,
	.run = noauth_run,
};
