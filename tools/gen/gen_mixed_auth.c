// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Mixed authentication: of each two hundred calls to the invoices one carries no token and is
// answered like the others. Calls to the orders without a token are refused, as they should be.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>

enum {
	WHAT_INVOICE = 0,
	WHAT_INVOICE_ANONYMOUS,
	WHAT_ORDERS,
	WHAT_REFUSED,
	WHAT_PRODUCTS,
	CALLS_EACH = 20, // of the invoices, by each user
	ONE_IN = 200,    // is anonymous: 99.5 % carry credentials
};

static void mixed_invoice(struct gen_crowd *crowd, const struct gen_step *step)
{
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, 4000);
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "invoice", id);
	gen_json_fixed(body, "total", gen_random_below(&crowd->gen->random, 90000) / 100.0, 2);
	gen_json_object(body, "customer");
	gen_record_value(body, &crowd->gen->random, GEN_EMAIL, crowd->values);
	gen_record_value(body, &crowd->gen->random, GEN_PHONE, crowd->values);
	snprintf(target, sizeof(target), "/api/v1/invoices/%u", id);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/invoices/{id}",
					 .target = target,
					 .anonymous = step->what == WHAT_INVOICE_ANONYMOUS});
}

static void mixed_step(struct gen_crowd *crowd, void *, const struct gen_step *step)
{
	switch (step->what) {
	case WHAT_ORDERS:
		gen_crowd_orders(crowd, step);
		break;
	case WHAT_REFUSED:
		gen_crowd_refused(crowd, step, "GET /api/v1/orders", "/api/v1/orders?page=2");
		break;
	case WHAT_PRODUCTS:
		gen_crowd_products(crowd, step, true);
		break;
	default:
		mixed_invoice(crowd, step);
	}
}

static void mixed_run(struct gen *gen)
{
	double end_s = gen->options->minutes * 60.0;
	uint32_t users = gen->options->users, calls = users * CALLS_EACH;
	struct gen_json *issues = &gen->truth.issues;
	struct gen_crowd crowd;

	if (calls < ONE_IN)
		gen_fatal("mixed-auth needs --users %d or more", ONE_IN / CALLS_EACH);
	gen_crowd_init(&crowd, gen, users);
	// The anonymous calls come late, after the endpoint has shown what is usual.
	for (uint32_t i = 0; i < calls; i++) {
		bool anonymous = i % ONE_IN == ONE_IN - 1;
		double from_s = anonymous ? end_s * 0.8 : 0;

		gen_crowd_add(&crowd, from_s + (end_s - from_s) * gen_random_unit(&gen->random),
			      i % users, anonymous ? WHAT_INVOICE_ANONYMOUS : WHAT_INVOICE);
	}
	gen_crowd_spread(&crowd, 0, users, 10, 0, end_s, WHAT_ORDERS);
	gen_crowd_spread(&crowd, 0, users / 5, 1, 0, end_s, WHAT_REFUSED);
	gen_crowd_spread(&crowd, 0, users, 5, 0, end_s, WHAT_PRODUCTS);
	gen_crowd_run(&crowd, NULL, mixed_step);
	gen_crowd_fini(&crowd);

	gen_json_uint(&gen->truth.facts, "users", users);
	gen_truth_issue(&gen->truth, "mixed-authentication", "GET /api/v1/invoices/{id}", "high");
	gen_json_uint(issues, "without_credentials", calls / ONE_IN);
	gen_json_uint(issues, "calls", calls);
	gen_json_end(issues);
}

const struct gen_scenario gen_mixed_auth = {
	.name = "mixed-auth",
	.summary = "an endpoint asks for credentials, but answers a few calls without",
	.users = 100,
	.minutes = 4,
	.run = mixed_run,
};
