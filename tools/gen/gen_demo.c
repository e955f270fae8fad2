// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the demonstration shows, as a capture: a crowd of users with ordinary calls, then one who
// pages through all customers, a caller without credentials at an endpoint that forgot to ask,
// and an API key in a query string.
//
//	ordinary calls            0 ........................... end
//	members, no credentials        30 ................ 90
//	misbehaving user                        62 .... 100
//	API keys in the URL                          70 .. 100

#include "tools/gen/gen_crowd.h"

#include <stdio.h>

enum {
	WHAT_CUSTOMER = 0,
	WHAT_PRODUCTS,
	WHAT_PRODUCT,
	WHAT_ORDERS,
	WHAT_MEMBER,
	WHAT_API_KEY,
	WHAT_PAGE, // + number of the page
	PAGES = 60,
	PAGE_VALUES = 21,
	MEMBER_CALLS = 60,
	API_KEY_CALLS = 5,
};

static void demo_records(struct gen_crowd *crowd, const struct gen_step *step, uint32_t page)
{
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "page", page);
	gen_record_list(body, "items", &crowd->gen->random, PAGE_VALUES, page * PAGE_VALUES / 3,
			crowd->values);
	snprintf(target, sizeof(target), "/api/v1/customers?page=%u", page);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/customers", .target = target});
}

static void demo_customer(struct gen_crowd *crowd, const struct gen_step *step)
{
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, 400);
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "id", id);
	gen_record_members(body, &crowd->gen->random, 2, crowd->values);
	snprintf(target, sizeof(target), "/api/v1/customers/%u", id);
	gen_crowd_call(
		crowd, step,
		(struct gen_call){.endpoint = "GET /api/v1/customers/{id}", .target = target});
}

static void demo_member(struct gen_crowd *crowd, const struct gen_step *step)
{
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, 400);
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "id", id);
	gen_record_value(body, &crowd->gen->random, GEN_EMAIL, crowd->values);
	gen_record_value(body, &crowd->gen->random, GEN_PHONE, crowd->values);
	gen_record_value(body, &crowd->gen->random, GEN_SSN, crowd->values);
	snprintf(target, sizeof(target), "/api/v1/members/%u", id);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/members/{id}",
					 .target = target,
					 .anonymous = true});
}

static void demo_api_key(struct gen_crowd *crowd, const struct gen_step *step)
{
	char key[40], target[96];

	gen_value_secret(&crowd->gen->random, key, 32);
	snprintf(target, sizeof(target), "/api/v1/products?page=1&api_key=%s", key);
	gen_json_uint(gen_crowd_body(crowd), "page", 1);
	gen_record_products(&crowd->body, &crowd->gen->random, 1);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/products",
					 .target = target,
					 .anonymous = true});
}

static void demo_step(struct gen_crowd *crowd, void *, const struct gen_step *step)
{
	switch (step->what) {
	case WHAT_CUSTOMER:
		demo_customer(crowd, step);
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
	case WHAT_MEMBER:
		demo_member(crowd, step);
		break;
	case WHAT_API_KEY:
		demo_api_key(crowd, step);
		break;
	default:
		demo_records(crowd, step, step->what - WHAT_PAGE + 1);
	}
}

static void demo_truth(struct gen *gen, uint32_t offender)
{
	struct gen_json *facts = &gen->truth.facts, *issues = &gen->truth.issues;
	char subject[GEN_SUBJECT_BYTES], address[GEN_ADDRESS_TEXT];

	gen_session_subject(offender, subject);
	gen_session_address(offender, address);
	gen_json_uint(facts, "users", gen->options->users);
	gen_json_object(facts, "offender");
	gen_json_string(facts, "user", subject);
	gen_json_string(facts, "address", address);
	gen_json_uint(facts, "values", PAGES * PAGE_VALUES);
	gen_json_end(facts);
	gen_truth_issue(&gen->truth, "excessive-retrieval", "GET /api/v1/customers", "high");
	gen_json_string(issues, "user", subject);
	gen_json_uint(issues, "value", PAGES * PAGE_VALUES);
	gen_json_end(issues);
	gen_truth_issue(&gen->truth, "missing-authentication", "GET /api/v1/members/{id}",
			"critical");
	gen_json_end(issues);
	gen_truth_issue(&gen->truth, "sensitive-in-url", "GET /api/v1/products", "high");
	gen_json_string(issues, "type", "apikey.generic");
	gen_json_end(issues);
	gen_truth_issue(&gen->truth, "prohibited-type", "GET /api/v1/members/{id}", "high");
	gen_json_string(issues, "type", "us.ssn");
	gen_json_string(issues, "when", "us.ssn is prohibited in responses by policy");
	gen_json_end(issues);
	gen_truth_issue(&gen->truth, "prohibited-type", "GET /api/v1/customers", "high");
	gen_json_string(issues, "type", "us.ssn");
	gen_json_string(issues, "when", "us.ssn is prohibited in responses by policy");
	gen_json_end(issues);
}

static void demo_run(struct gen *gen)
{
	double end_s = gen->options->minutes * 60.0;
	uint32_t users = gen->options->users, offender = users / 2, rounds = gen->options->minutes;
	struct gen_crowd crowd;

	if (users < 10 || rounds < 2)
		gen_fatal("demo needs at least --users 10 and --minutes 2");
	gen_crowd_init(&crowd, gen, users);
	gen_crowd_spread(&crowd, 0, users, 4 * rounds, 0, end_s, WHAT_CUSTOMER);
	gen_crowd_spread(&crowd, 0, users, 2 * rounds, 0, end_s, WHAT_PRODUCTS);
	gen_crowd_spread(&crowd, 0, users, 2 * rounds, 0, end_s, WHAT_PRODUCT);
	gen_crowd_spread(&crowd, 0, users, 2 * rounds, 0, end_s, WHAT_ORDERS);
	for (uint32_t i = 0; i < MEMBER_CALLS; i++)
		gen_crowd_add(&crowd, 30 + i + gen_random_unit(&gen->random), i % users,
			      WHAT_MEMBER);
	for (uint32_t i = 0; i < PAGES; i++)
		gen_crowd_add(&crowd, 62 + i * 38.0 / PAGES, offender, WHAT_PAGE + i);
	for (uint32_t i = 0; i < API_KEY_CALLS; i++)
		gen_crowd_add(&crowd, 70 + i * 6, 1, WHAT_API_KEY);
	gen_crowd_run(&crowd, NULL, demo_step);
	gen_crowd_fini(&crowd);
	demo_truth(gen, offender);
}

const struct gen_scenario gen_demo = {
	.name = "demo",
	.summary = "a crowd of ordinary users, then one who misbehaves in several ways",
	.users = 60,
	.minutes = 2,
	.run = demo_run,
};
