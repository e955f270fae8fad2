// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Very many endpoints that each give away a social security number: as many issues, for tests of
// delivery. Names are made of letters, so that no template folds them.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>

enum { STORM_LETTERS = 5 };

static void storm_step(struct gen_crowd *crowd, void *, const struct gen_step *step)
{
	struct gen_random person = {gen_random_hash(crowd->gen->options->seed, step->what, 7)};
	struct gen_json *body = gen_crowd_body(crowd);
	char name[STORM_LETTERS + 1], target[64];
	uint32_t number = step->what;

	for (uint32_t i = 0; i < STORM_LETTERS; i++, number /= 20)
		name[i] = "bcdfghjklmnpqrstvwxz"[number % 20];
	name[STORM_LETTERS] = '\0';
	gen_record_value(body, &person, GEN_SSN, crowd->values);
	snprintf(target, sizeof(target), "/api/v1/%s", name);
	gen_crowd_call(crowd, step, (struct gen_call){.endpoint = target, .target = target});
}

static void storm_run(struct gen *gen)
{
	double end_s = gen->options->minutes * 60.0;
	uint32_t endpoints = gen->options->users * 50;
	struct gen_crowd crowd;

	gen_crowd_init(&crowd, gen, gen->options->users);
	for (uint32_t i = 0; i < endpoints; i++)
		gen_crowd_add(&crowd, end_s * i / endpoints, i % gen->options->users, i);
	gen_crowd_run(&crowd, NULL, storm_step);
	gen_crowd_fini(&crowd);
	gen_json_uint(&gen->truth.facts, "issues_when_us.ssn_is_prohibited", endpoints);
}

const struct gen_scenario gen_storm = {
	.name = "storm",
	.summary = "fifty endpoints per user return social security numbers",
	.users = 40,
	.minutes = 1,
	.run = storm_run,
};
