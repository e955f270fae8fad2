// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Runs the agenda of a scenario; tells the capture after each step that the past is complete.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gen_crowd_init(struct gen_crowd *crowd, struct gen *gen, uint32_t n_users)
{
	*crowd = (struct gen_crowd){.gen = gen, .n_users = n_users};
	crowd->session = calloc(n_users, sizeof(crowd->session[0]));
	if (!crowd->session)
		gen_fatal("out of memory for %u users", n_users);
	for (uint32_t u = 0; u < n_users; u++)
		gen_session_init(&crowd->session[u], u);
}

void gen_crowd_add(struct gen_crowd *crowd, double at_s, uint32_t user, uint32_t what)
{
	uint64_t time_ns = crowd->gen->start_ns + (uint64_t)(at_s * (double)GEN_SECOND_NS);

	gen_agenda_add(&crowd->agenda, (struct gen_step){time_ns, user, what});
}

void gen_crowd_spread(struct gen_crowd *crowd, uint32_t first, uint32_t last, uint32_t steps,
		      double from_s, double to_s, uint32_t what)
{
	for (uint32_t u = first; u < last; u++) {
		for (uint32_t i = 0; i < steps; i++) {
			double at = (i + gen_random_unit(&crowd->gen->random)) / steps;

			gen_crowd_add(crowd, from_s + (to_s - from_s) * at, u, what);
		}
	}
}

void gen_crowd_run(struct gen_crowd *crowd, void *context,
		   void (*act)(struct gen_crowd *crowd, void *context, const struct gen_step *step))
{
	struct gen_step step = {.time_ns = crowd->gen->start_ns};

	while (gen_agenda_next(&crowd->agenda, &step)) {
		gen_pcap_horizon(crowd->gen->pcap, step.time_ns - GEN_SESSION_LEAD_NS);
		act(crowd, context, &step);
	}
	for (uint32_t u = 0; u < crowd->n_users; u++)
		gen_session_end(crowd->gen, &crowd->session[u], step.time_ns + u * 1000ull);
}

void gen_crowd_fini(struct gen_crowd *crowd)
{
	gen_agenda_free(&crowd->agenda);
	gen_json_free(&crowd->body);
	gen_json_free(&crowd->send);
	free(crowd->session);
}

struct gen_json *gen_crowd_body(struct gen_crowd *crowd)
{
	memset(crowd->values, 0, sizeof(crowd->values));
	gen_json_reset(&crowd->body);
	gen_json_object(&crowd->body, NULL);
	return &crowd->body;
}

uint64_t gen_crowd_call(struct gen_crowd *crowd, const struct gen_step *step, struct gen_call call)
{
	while (crowd->body.depth)
		gen_json_end(&crowd->body);
	if (!call.method)
		call.method = "GET";
	if (!call.receive && call.status != 204)
		call.receive = &crowd->body;
	call.values = crowd->values;
	return gen_session_call(crowd->gen, &crowd->session[step->user], step->time_ns, &call);
}

void gen_crowd_products(struct gen_crowd *crowd, const struct gen_step *step, bool anonymous)
{
	uint32_t page = 1 + gen_random_below(&crowd->gen->random, 20);
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "page", page);
	gen_record_products(body, &crowd->gen->random, page);
	snprintf(target, sizeof(target), "/api/v1/products?page=%u", page);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/products",
					 .target = target,
					 .anonymous = anonymous});
}

void gen_crowd_product(struct gen_crowd *crowd, const struct gen_step *step, bool anonymous)
{
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, 240);
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_record_product(body, &crowd->gen->random, id);
	snprintf(target, sizeof(target), "/api/v1/products/%u", id);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/products/{id}",
					 .target = target,
					 .anonymous = anonymous});
}

void gen_crowd_orders(struct gen_crowd *crowd, const struct gen_step *step)
{
	uint32_t page = 1 + gen_random_below(&crowd->gen->random, 9);
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "page", page);
	gen_record_orders(body, &crowd->gen->random, page);
	snprintf(target, sizeof(target), "/api/v1/orders?page=%u", page);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/orders", .target = target});
}

void gen_crowd_refused(struct gen_crowd *crowd, const struct gen_step *step, const char *endpoint,
		       const char *target)
{
	gen_json_string(gen_crowd_body(crowd), "error", "sign in first");
	gen_crowd_call(
		crowd, step,
		(struct gen_call){
			.endpoint = endpoint, .target = target, .anonymous = true, .status = 401});
}
