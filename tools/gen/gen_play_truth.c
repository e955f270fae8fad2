// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Counts while the scenario is played, writes at its end. Memory is bounded by the number of
// attacks, not by that of exchanges.

#include "tools/gen/gen_play_truth.h"

#include "tools/gen/gen_json.h"
#include "tools/gen/gen_play_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void play_truth_init(struct play_truth *truth, const struct play_world *world)
{
	*truth = (struct play_truth){.world = world};
	truth->story = play_alloc(world->scenario->n_attacks, sizeof(truth->story[0]));
}

static void story_source(struct play_story *story, const struct play_actor *actor)
{
	for (uint32_t i = 0; i < story->n_sources; i++) {
		if (story->source[i].address == actor->address &&
		    story->source[i].user == actor->user)
			return;
	}
	if (story->n_sources == PLAY_TRUTH_ACTORS)
		return;
	if (!story->source)
		story->source = play_alloc(PLAY_TRUTH_ACTORS, sizeof(story->source[0]));
	story->source[story->n_sources++] = (struct play_source){actor->address, actor->user};
}

static void story_exchange(struct play_truth *truth, const struct play_actor *actor)
{
	const struct play_scenario *scenario = truth->world->scenario;
	struct play_story *story = &truth->story[actor->attack - scenario->attack];

	if (!story->exchanges || actor->asked_ns < story->first_ns)
		story->first_ns = actor->asked_ns;
	if (actor->asked_ns > story->last_ns)
		story->last_ns = actor->asked_ns;
	story->exchanges++;
	story->status[actor->status]++;
	if (!story->endpoint)
		story->endpoint = play_alloc(scenario->n_endpoints, sizeof(story->endpoint[0]));
	story->endpoint[actor->steps->step[actor->step].endpoint] = true;
	if (actor->round == 0 || actor->attack->sources == 1 || story->n_sources < 32)
		story_source(story, actor);
	if (story->n_events == PLAY_TRUTH_EVENTS)
		return;
	if (story->n_events == story->cap) {
		story->cap = story->cap ? story->cap * 2 : 64;
		story->event = realloc(story->event, story->cap * sizeof(story->event[0]));
		if (!story->event)
			gen_fatal("out of memory");
	}
	story->event[story->n_events++] = actor->asked_ns;
}

void play_truth_exchange(struct play_truth *truth, struct play_actor *actor)
{
	const struct play_scenario *scenario = truth->world->scenario;
	const struct play_step *step = &actor->steps->step[actor->step];

	truth->exchanges++;
	truth->status[actor->status]++;
	scenario->endpoint[step->endpoint].exchanges++;
	if (actor->group) {
		struct play_group *group = &scenario->group[actor->group - scenario->group];

		group->exchanges++;
		group->seen[actor->user] = true;
	} else if (!actor->served_before) {
		actor->served_before = true;
		truth->strangers++;
	}
	if (actor->attack && !step->setup)
		story_exchange(truth, actor);
}

// ---- writing

static void put_address(struct gen_json *json, const char *key, uint32_t address)
{
	char text[16];

	snprintf(text, sizeof(text), "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		 address >> 8 & 255, address & 255);
	gen_json_string(json, key, text);
}

// A sensor shows the subject of a token and the name of a Basic user; other credentials it shows
// as hashes of its own, which nobody else can know.
static void put_source(const struct play_scenario *scenario, struct gen_json *json, const char *key,
		       const struct play_attack *attack, const struct play_source *source)
{
	static const char *const kinds[] = {"none", "jwt", "opaque", "cookie", "key", "basic"};
	const struct play_group *group =
		attack->group == PLAY_NONE ? NULL : &scenario->group[attack->group];
	const struct play_credential *credential =
		attack->has_credential || !group ? &attack->credential : &group->credential;
	char user[PLAY_NAME_BYTES];

	gen_json_object(json, key);
	put_address(json, "ip", source->address);
	play_world_user(group, source->user, user);
	gen_json_string(json, "user",
			credential->kind == PLAY_CREDENTIAL_JWT ||
					credential->kind == PLAY_CREDENTIAL_BASIC
				? user
				: NULL);
	gen_json_string(json, "credential", kinds[credential->kind]);
	gen_json_end(json);
}

static void put_endpoint(const struct play_scenario *scenario, struct gen_json *json,
			 const char *key, uint32_t i)
{
	const struct play_endpoint *endpoint = &scenario->endpoint[i];

	gen_json_object(json, key);
	gen_json_string(json, "method", endpoint->method);
	gen_json_string(json, "host", scenario->server[endpoint->server].host);
	gen_json_string(json, "template", endpoint->template);
	gen_json_end(json);
}

static void put_statuses(struct gen_json *json, const uint32_t *small, const uint64_t *large)
{
	char name[8];

	gen_json_object(json, "statuses");
	for (uint32_t i = 0; i < 600; i++) {
		uint64_t n = small ? small[i] : large[i];

		snprintf(name, sizeof(name), "%u", i);
		if (n)
			gen_json_uint(json, name, n);
	}
	gen_json_end(json);
}

static void put_word(struct gen_json *json, const char *word, size_t len)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*s", (int)len, word);
	gen_json_string(json, NULL, text);
}

static void put_story(const struct play_scenario *scenario, struct gen_json *json,
		      const struct play_attack *attack, const struct play_story *story)
{
	uint32_t n = 0;

	gen_json_object(json, NULL);
	gen_json_string(json, "label", attack->label);
	gen_json_string(json, "detector", attack->detector);
	gen_json_array(json, "also");
	for (const char *at = attack->also; at && *at;) {
		size_t len = strcspn(at, " ");

		if (len)
			put_word(json, at, len);
		at += len + strspn(at + len, " ");
	}
	gen_json_end(json);
	gen_json_bool(json, "benign", attack->benign);
	gen_json_uint(json, "exchanges", story->exchanges);
	put_statuses(json, story->status, NULL);
	if (story->exchanges) {
		gen_json_uint(json, "first_ns", story->first_ns);
		gen_json_uint(json, "last_ns", story->last_ns);
		put_source(scenario, json, "actor", attack, &story->source[0]);
	}
	gen_json_array(json, "actors");
	for (uint32_t i = 0; i < story->n_sources; i++)
		put_source(scenario, json, NULL, attack, &story->source[i]);
	gen_json_end(json);
	for (uint32_t i = 0; story->endpoint && !n && i < scenario->n_endpoints; i++) {
		if (story->endpoint[i] && ++n)
			put_endpoint(scenario, json, "endpoint", i);
	}
	gen_json_array(json, "endpoints");
	for (uint32_t i = 0; story->endpoint && i < scenario->n_endpoints; i++) {
		if (story->endpoint[i])
			put_endpoint(scenario, json, NULL, i);
	}
	gen_json_end(json);
	gen_json_array(json, "events");
	for (uint32_t i = 0; i < story->n_events; i++)
		gen_json_uint(json, NULL, story->event[i]);
	gen_json_end(json);
	gen_json_end(json);
}

static void put_totals(const struct play_truth *truth, struct gen_json *json,
		       const struct play_wire *wire)
{
	const struct play_scenario *scenario = truth->world->scenario;
	uint64_t all = 0;

	gen_json_object(json, NULL);
	gen_json_uint(json, "total_exchanges", truth->exchanges);
	gen_json_object(json, "groups");
	for (uint32_t i = 0; i < scenario->n_groups; i++) {
		const struct play_group *group = &scenario->group[i];
		uint64_t users = 0;

		for (uint32_t u = 0; u < group->count; u++)
			users += group->seen[u];
		all += users;
		gen_json_object(json, group->name);
		gen_json_uint(json, "users", users);
		gen_json_uint(json, "exchanges", group->exchanges);
		gen_json_end(json);
	}
	gen_json_end(json);
	gen_json_uint(json, "users", all);
	gen_json_uint(json, "strangers", truth->strangers);
	put_statuses(json, NULL, truth->status);
	gen_json_object(json, "endpoints");
	for (uint32_t i = 0; i < scenario->n_endpoints; i++) {
		if (scenario->endpoint[i].exchanges)
			gen_json_uint(json, scenario->endpoint[i].name,
				      scenario->endpoint[i].exchanges);
	}
	gen_json_end(json);
	gen_json_uint(json, "packets", wire->packets);
	gen_json_uint(json, "packets_lost", wire->lost);
	gen_json_uint(json, "frame_bytes", wire->bytes);
	gen_json_end(json);
}

void play_truth_write(struct play_truth *truth, const char *path, const struct play_wire *wire)
{
	const struct play_scenario *scenario = truth->world->scenario;
	FILE *file = path ? fopen(path, "w") : NULL;
	struct gen_json json = {0};

	if (path && !file)
		gen_fatal("%s: %s", path, strerror(errno));
	for (uint32_t i = 0; i <= scenario->n_attacks; i++) {
		gen_json_reset(&json);
		if (i < scenario->n_attacks)
			put_story(scenario, &json, &scenario->attack[i], &truth->story[i]);
		else
			put_totals(truth, &json, wire);
		gen_buffer_text(&json.out, "\n");
		if (file)
			fwrite(json.out.p, json.out.len, 1, file);
	}
	if (file && (ferror(file) || fclose(file)))
		gen_fatal("%s: could not write all of it", path);
	gen_json_free(&json);
	for (uint32_t i = 0; i < scenario->n_attacks; i++) {
		free(truth->story[i].event);
		free(truth->story[i].endpoint);
		free(truth->story[i].source);
	}
	free(truth->story);
}
