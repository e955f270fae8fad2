// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Flows, attacks and their steps. A step is a string:
//
//	order listed *1-3 ?0.4 =404 think=exp:20s
//
// an endpoint, then in any order: which object, how often, how probable, with which status
// (instead of the endpoint's own), and how long until the next step. A leading ~ marks a step
// of an attack that is only its preparation.

#include "tools/gen/gen_play_form.h"
#include "tools/gen/gen_play_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char step_help[] =
	"\"[~]ENDPOINT [own|listed|foreign|sequence|random|missing|same] [*N|*N-M] [?CHANCE] "
	"[=STATUS] "
	"[again] [swap] [bare] [slow=TIME] [think=DISTRIBUTION]\" is expected";

static bool step_pick(struct play_step *step, const char *word)
{
	static const char *const picks[] = {"own",    "listed",  "foreign", "sequence",
					    "random", "missing", "same"};

	for (uint32_t i = 0; i < sizeof(picks) / sizeof(picks[0]); i++) {
		if (!strcmp(word, picks[i])) {
			step->pick = (enum play_pick)i;
			return true;
		}
	}
	return false;
}

static bool step_think(struct play_step *step, char *word)
{
	for (char *p = word; *p; p++)
		*p = *p == ':' ? ' ' : *p;
	step->has_think = true;
	return play_dist(word, &step->think);
}

// One word behind the endpoint's name. False: it means nothing.
static bool step_word(struct play_step *step, char *word)
{
	unsigned status;
	int used = 0;

	if (*word == '*') {
		if (sscanf(word, "*%u-%u%n", &step->least, &step->most, &used) == 2)
			return !word[used] && step->least <= step->most;
		step->most = sscanf(word, "*%u%n", &step->least, &used) == 1 ? step->least : 0;
		step->most = step->least;
		return used && !word[used];
	}
	if (*word == '?')
		return sscanf(word, "?%lf%n", &step->chance, &used) == 1 && !word[used] &&
		       step->chance >= 0 && step->chance <= 1;
	if (*word == '=') {
		if (sscanf(word, "=%u%n", &status, &used) != 1 || word[used] || status < 200 ||
		    status > 599)
			return false;
		step->status = (uint16_t)status;
		return true;
	}
	if (!strncmp(word, "slow=", 5))
		return play_seconds(word + 5, strlen(word + 5), &step->slow_s);
	if (!strncmp(word, "think=", 6))
		return step_think(step, word + 6);
	if (!strcmp(word, "again"))
		return step->again = true;
	if (!strcmp(word, "swap"))
		return step->swap = true;
	if (!strcmp(word, "bare"))
		return step->bare = true;
	return step_pick(step, word);
}

static void read_step(struct play_reader *reader, const config_setting_t *at,
		      const config_setting_t *change, struct play_step *step)
{
	const struct play_scenario *scenario = reader->scenario;
	const config_setting_t *own = NULL;
	char copy[256], *rest = copy, *word;
	const char *text;

	*step = (struct play_step){.least = 1, .most = 1, .chance = 1};
	if (config_setting_is_group(at)) {
		play_keys(reader, at, "do change");
		text = play_needed(reader, at, "do");
		own = config_setting_get_member(at, "change");
	} else {
		text = config_setting_get_string(at);
	}
	if (!text || strlen(text) >= sizeof(copy))
		play_fail(reader, at, "%s", step_help);
	strcpy(copy, text);
	word = strsep(&rest, " ");
	step->setup = *word == '~';
	word += step->setup;
	while (step->endpoint < scenario->n_endpoints &&
	       strcmp(scenario->endpoint[step->endpoint].name, word))
		step->endpoint++;
	if (step->endpoint == scenario->n_endpoints)
		play_fail(reader, at, "there is no endpoint \"%s\"", word);
	while ((word = strsep(&rest, " "))) {
		char said[256];

		strcpy(said, word);
		if (*word && !step_word(step, word))
			play_fail(reader, at, "\"%s\": %s", said, step_help);
	}
	if (!own && !step->setup)
		own = change;
	if (own) {
		const config_setting_t *body = scenario->endpoint[step->endpoint].setting;

		if (!body)
			play_fail(reader, own, "%s has no body that could be changed",
				  scenario->endpoint[step->endpoint].name);
		step->body = play_form_json(reader, body, own);
		step->has_body = true;
	}
}

static void read_steps(struct play_reader *reader, const config_setting_t *group,
		       struct play_steps *out)
{
	const config_setting_t *list = config_setting_get_member(group, "steps");
	const config_setting_t *change = config_setting_get_member(group, "change");

	if (!list || !config_setting_is_aggregate(list) || config_setting_is_group(list) ||
	    !config_setting_length(list))
		play_fail(reader, list ? list : group, "steps: a list of steps is expected");
	out->n = (uint32_t)config_setting_length(list);
	out->step = play_alloc(out->n, sizeof(out->step[0]));
	for (uint32_t i = 0; i < out->n; i++) {
		read_step(reader, config_setting_get_elem(list, i), change, &out->step[i]);
		out->step[i].login = reader->scenario->endpoint[out->step[i].endpoint].login;
		out->logs_in |= out->step[i].login;
	}
}

static uint32_t step_named(const struct play_reader *reader, const config_setting_t *at,
			   const struct play_steps *steps, const char *name)
{
	for (uint32_t i = 0; i < steps->n; i++) {
		if (!strcmp(reader->scenario->endpoint[steps->step[i].endpoint].name, name))
			return i;
	}
	play_fail(reader, at, "next: \"%s\" is no step of this flow", name);
}

// "products: product 5, cart 2, end 1": where a Markov chain goes from a step, with weights.
static void read_next(const struct play_reader *reader, const config_setting_t *at,
		      struct play_steps *steps)
{
	const char *text = config_setting_get_string(at);
	char *copy = text ? strdup(text) : NULL, *rest = copy, *arc;
	char *from = copy ? strsep(&rest, ":") : NULL, name[128];
	struct play_step *step;
	double weight, sum = 0;

	if (!rest)
		play_fail(reader, at, "next: \"products: product 5, cart 2, end 1\" is expected");
	step = &steps->step[step_named(reader, at, steps, from)];
	if (step->n_arcs)
		play_fail(reader, at, "next: a second time for \"%s\"", from);
	while ((arc = strsep(&rest, ","))) {
		if (sscanf(arc, " %127s %lf", name, &weight) != 2 || !(weight > 0))
			play_fail(reader, at, "next: \"%s\": a step and its weight are expected",
				  arc);
		step->arc = realloc(step->arc, (step->n_arcs + 1) * sizeof(step->arc[0]));
		if (!step->arc)
			gen_fatal("out of memory");
		sum += weight;
		step->arc[step->n_arcs++] = (struct play_arc){
			strcmp(name, "end") ? step_named(reader, at, steps, name) : PLAY_NONE, sum};
	}
	for (uint32_t i = 0; i < step->n_arcs; i++)
		step->arc[i].up_to /= sum;
	free(copy);
}

static void read_flow(struct play_reader *reader, config_setting_t *group, uint32_t i)
{
	struct play_flow *flow = &reader->scenario->flow[i];
	const config_setting_t *next = config_setting_get_member(group, "next");
	struct play_group *of;

	play_keys(reader, group, "name group weight from until ramp agent steps next");
	flow->name = play_string(reader, group, "name", "");
	flow->group = play_group_of(reader, group, "group");
	if (flow->group == PLAY_NONE)
		play_fail(reader, group, "group is missing");
	flow->weight = play_number(reader, group, "weight", 1, 0, 1e6);
	flow->from_s = play_time(reader, group, "from", 0);
	flow->until_s = play_time(reader, group, "until", 1e15);
	flow->ramp_s = play_time(reader, group, "ramp", 0);
	flow->agent = play_string(reader, group, "agent", NULL);
	read_steps(reader, group, &flow->steps);
	if (next && !config_setting_is_aggregate(next))
		play_fail(reader, next, "next: a list of strings is expected");
	for (int k = 0; next && k < config_setting_length(next); k++)
		read_next(reader, config_setting_get_elem(next, (unsigned)k), &flow->steps);
	of = &reader->scenario->group[flow->group];
	of->flow = realloc(of->flow, (of->n_flows + 1) * sizeof(of->flow[0]));
	if (!of->flow)
		gen_fatal("out of memory");
	of->flow[of->n_flows++] = i;
}

void play_read_flows(struct play_reader *reader)
{
	struct play_scenario *scenario = reader->scenario;

	scenario->n_flows = play_count_section(reader, "flows");
	scenario->flow = play_alloc(scenario->n_flows, sizeof(scenario->flow[0]));
	play_each(reader, "flows", read_flow);
}

static void attack_actors(struct play_reader *reader, const config_setting_t *group,
			  struct play_attack *attack)
{
	const struct play_scenario *scenario = reader->scenario;

	attack->group = play_group_of(reader, group, "actor");
	attack->sources = (uint32_t)play_number(reader, group, "sources", 1, 1, 1e6);
	attack->user = (uint32_t)play_number(reader, group, "user", 0, 0, 1e7);
	play_networks_of(reader, group, &attack->network, &attack->n_networks);
	attack->agent = play_string(reader, group, "agent", NULL);
	attack->has_credential = config_setting_get_member(group, "credential") != NULL;
	attack->credential = play_credential_of(reader, group);
	if (attack->group == PLAY_NONE && (!attack->n_networks || !attack->agent))
		play_fail(reader, group, "without an actor, network and agent are needed");
	if (attack->group != PLAY_NONE &&
	    attack->user + attack->sources > scenario->group[attack->group].count)
		play_fail(reader, group, "user and sources are more than the group has (%u)",
			  scenario->group[attack->group].count);
	attack->victims = play_group_of(reader, group, "victims");
	attack->victim = PLAY_NONE;
	if (config_setting_get_member(group, "victim"))
		attack->victim = (uint32_t)play_number(reader, group, "victim", 0, 0, 1e7);
	if (attack->victim != PLAY_NONE && attack->victims == PLAY_NONE)
		attack->victims = attack->group;
	if (attack->victim != PLAY_NONE &&
	    (attack->victims == PLAY_NONE ||
	     attack->victim >= scenario->group[attack->victims].count))
		play_fail(reader, group, "victim: there is no such user");
}

static void read_attack(struct play_reader *reader, config_setting_t *group, uint32_t i)
{
	struct play_attack *attack = &reader->scenario->attack[i];
	const char *headers;

	play_keys(reader, group,
		  "label detector also benign at after actor user sources network agent "
		  "credential count every spread victims victim limit keepalive headers "
		  "change steps");
	attack->label = play_needed(reader, group, "label");
	attack->detector = play_needed(reader, group, "detector");
	attack->also = play_string(reader, group, "also", NULL);
	attack->benign = play_flag(reader, group, "benign", false);
	attack->at_s = play_time(reader, group, "at", 0);
	attack->after = (uint64_t)play_number(reader, group, "after", 0, 0, 1e15);
	attack_actors(reader, group, attack);
	attack->count = (uint32_t)play_number(reader, group, "count", 1, 1, 4e9);
	attack->every = play_dist_of(reader, group, "every", "1s");
	attack->spread_s = play_time(reader, group, "spread", 0);
	attack->limit = (uint32_t)play_number(reader, group, "limit", 0, 0, 4e9);
	attack->keepalive = (uint32_t)play_number(reader, group, "keepalive", 100, 1, 1e6);
	headers = play_string(reader, group, "headers", NULL);
	attack->has_headers = headers != NULL;
	if (headers) {
		struct gen_buffer out = {0};

		gen_buffer_printf(&out, "%s\r\n%c", headers, 0);
		attack->headers = play_form_text(reader, group, out.p);
		gen_buffer_free(&out);
	}
	read_steps(reader, group, &attack->steps);
	for (uint32_t k = 0; k < attack->steps.n; k++) {
		if (attack->steps.step[k].swap && attack->victims == PLAY_NONE)
			play_fail(reader, group, "\"swap\" needs victims or a victim");
	}
}

void play_read_attacks(struct play_reader *reader)
{
	struct play_scenario *scenario = reader->scenario;

	scenario->n_attacks = play_count_section(reader, "attacks");
	scenario->attack = play_alloc(scenario->n_attacks, sizeof(scenario->attack[0]));
	play_each(reader, "attacks", read_attack);
}
