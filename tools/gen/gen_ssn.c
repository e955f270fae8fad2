// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A personnel API of which one endpoint gives away social security numbers that no client needs,
// among ordinary ones that hold none. Every call carries a token.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>

enum {
	WHAT_EMPLOYEE = 0,
	WHAT_DEPARTMENTS,
	WHAT_PROJECTS,
	WHAT_ORDERS,
	EMPLOYEES = 60,
};

static void ssn_employee(struct gen_crowd *crowd, const struct gen_step *step)
{
	static const char *const titles[] = {"engineer", "accountant", "designer", "buyer"};
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, EMPLOYEES);
	// The same employee has the same name and number in every answer.
	struct gen_random person = {gen_random_hash(crowd->gen->options->seed, id, 7)};
	struct gen_json *body = gen_crowd_body(crowd);
	char name[GEN_VALUE_BYTES], target[64];

	gen_value_person(&person, name);
	gen_json_uint(body, "id", id);
	gen_json_string(body, "name", name);
	gen_record_value(body, &person, GEN_SSN, crowd->values);
	gen_json_string(body, "title", titles[id % 4]);
	snprintf(target, sizeof(target), "/api/v1/employees/%u", id);
	gen_crowd_call(
		crowd, step,
		(struct gen_call){.endpoint = "GET /api/v1/employees/{id}", .target = target});
}

static void ssn_departments(struct gen_crowd *crowd, const struct gen_step *step)
{
	static const char *const names[] = {"purchasing", "sales", "workshop", "planning"};
	struct gen_json *body = gen_crowd_body(crowd);

	gen_json_array(body, "departments");
	for (uint32_t i = 0; i < 4; i++) {
		gen_json_object(body, NULL);
		gen_json_string(body, "label", names[i]);
		gen_json_uint(body, "heads", 5 + i * 3);
		gen_json_end(body);
	}
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/departments",
					 .target = "/api/v1/departments"});
}

static void ssn_projects(struct gen_crowd *crowd, const struct gen_step *step)
{
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, 30);
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "id", id);
	gen_json_string(body, "label", "warehouse move");
	gen_json_uint(body, "open_tasks", gen_random_below(&crowd->gen->random, 50));
	snprintf(target, sizeof(target), "/api/v1/projects/%u", id);
	gen_crowd_call(
		crowd, step,
		(struct gen_call){.endpoint = "GET /api/v1/projects/{id}", .target = target});
}

static void ssn_step(struct gen_crowd *crowd, void *, const struct gen_step *step)
{
	static void (*const steps[])(struct gen_crowd *, const struct gen_step *) = {
		[WHAT_EMPLOYEE] = ssn_employee,
		[WHAT_DEPARTMENTS] = ssn_departments,
		[WHAT_PROJECTS] = ssn_projects,
		[WHAT_ORDERS] = gen_crowd_orders,
	};

	steps[step->what](crowd, step);
}

static void ssn_run(struct gen *gen)
{
	double end_s = gen->options->minutes * 60.0;
	uint32_t users = gen->options->users, rounds = gen->options->minutes;
	struct gen_json *issues = &gen->truth.issues;
	struct gen_crowd crowd;

	gen_crowd_init(&crowd, gen, users);
	gen_crowd_spread(&crowd, 0, users, rounds, 0, end_s, WHAT_EMPLOYEE);
	gen_crowd_spread(&crowd, 0, users, rounds, 0, end_s, WHAT_DEPARTMENTS);
	gen_crowd_spread(&crowd, 0, users, 2 * rounds, 0, end_s, WHAT_PROJECTS);
	gen_crowd_spread(&crowd, 0, users, 2 * rounds, 0, end_s, WHAT_ORDERS);
	gen_crowd_run(&crowd, NULL, ssn_step);
	gen_crowd_fini(&crowd);

	gen_json_uint(&gen->truth.facts, "users", users);
	gen_truth_issue(&gen->truth, "prohibited-type", "GET /api/v1/employees/{id}", "high");
	gen_json_string(issues, "type", "us.ssn");
	gen_json_string(issues, "direction", "response");
	gen_json_string(issues, "field", "$.ssn");
	gen_json_string(issues, "when", "us.ssn is prohibited in responses by policy");
	gen_json_end(issues);
}

const struct gen_scenario gen_ssn = {
	.name = "ssn",
	.summary = "an endpoint returns social security numbers, others do not",
	.users = 40,
	.minutes = 2,
	.run = ssn_run,
};
