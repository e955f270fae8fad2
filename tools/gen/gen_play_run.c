// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Every user and every source of an attack is an actor with one next event in a heap:
//
//	ARRIVE ─► CALL ─► SYNACK ─► ASK ─► (SLOW …) ─► ANSWER ─► CALL … ─► ARRIVE
//	             └───────────────┘ the connection is open
//
// Packets are written as their events come up, so the capture is in order without sorting, and
// memory is that of the actors whatever the length of the traffic.

#include "tools/gen/gen_play_run.h"

#include "tools/gen/gen_play_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARRIVE = 0,
	CALL,
	SYNACK,
	ASK,
	SLOW,
	ANSWER,
	SLOW_PIECES = 20,
	IDLE_S = 75, // an idle connection is closed at once instead of after so long
	RTT_NS = 400000,
	ATTACK_THINK_NS = 10000000,
	PORT_FIRST = 2000,
	PORTS = 60000,
	ATTACK_PORT_FIRST = 62000,
	ATTACK_PORTS = 3500,
};

struct event {
	uint64_t time_ns;
	uint32_t actor;
};

struct play {
	struct play_world world;
	struct play_exchange exchange;
	struct play_truth truth;
	struct play_wire wire;
	struct play_actor *actor;
	uint32_t n_actors;
	struct event *heap;
	uint32_t n_events;
	uint64_t end_ns;
	uint32_t *first;     // actor of each attack
	uint64_t next_after; // exchanges at which an attack begins
};

static uint64_t nanoseconds(double seconds)
{
	return seconds < 1e9 ? (uint64_t)(seconds * 1e9) : (uint64_t)1e18;
}

// ---- heap

static bool event_before(const struct event *a, const struct event *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->actor < b->actor;
}

static void heap_add(struct play *play, struct event event)
{
	uint32_t i = play->n_events++;

	while (i && event_before(&event, &play->heap[(i - 1) / 4])) {
		play->heap[i] = play->heap[(i - 1) / 4];
		i = (i - 1) / 4;
	}
	play->heap[i] = event;
}

// Puts the event in the place of the first one.
static void heap_replace(struct play *play, struct event event)
{
	uint32_t i = 0;

	for (uint32_t child; (child = 4 * i + 1) < play->n_events;) {
		uint32_t least = child;

		for (uint32_t k = child + 1; k < child + 4 && k < play->n_events; k++) {
			if (event_before(&play->heap[k], &play->heap[least]))
				least = k;
		}
		if (!event_before(&play->heap[least], &event))
			break;
		play->heap[i] = play->heap[least];
		i = least;
	}
	play->heap[i] = event;
}

// ---- connections

static void conn_close(struct play *play, struct play_actor *actor)
{
	if (!actor->open)
		return;
	for (uint32_t side = 0; side < 2; side++)
		play_wire_segment(&play->wire, &actor->conn, side, actor->at_ns, NULL, 0,
				  PLAY_FIN | PLAY_ACK);
	play_wire_segment(&play->wire, &actor->conn, 0, actor->at_ns, NULL, 0, PLAY_ACK);
	actor->open = false;
}

// Users behind one address share its ports; attackers have some of their own, since they may
// stand at a user's address.
static uint16_t conn_port(const struct play *play, const struct play_actor *actor)
{
	const struct play_group *group = actor->group;
	uint32_t users, share;

	if (actor->attack) {
		uint32_t attack = (uint32_t)(actor->attack - play->world.scenario->attack);

		return (uint16_t)(ATTACK_PORT_FIRST +
				  (attack * 331 + actor->source * 7 + actor->n_conns) %
					  ATTACK_PORTS);
	}
	if (group->address != PLAY_ADDRESS_NAT)
		return (uint16_t)(PORT_FIRST +
				  (gen_random_hash(play->world.scenario->seed, actor->user, 7) +
				   actor->n_conns) %
					  PORTS);
	users = (group->count + group->n_networks - 1) / group->n_networks;
	share = users < PORTS ? PORTS / users : 1;
	return (uint16_t)(PORT_FIRST + actor->user / group->n_networks * share % PORTS +
			  actor->n_conns % share);
}

static void conn_open(struct play *play, struct play_actor *actor, const struct play_server *server)
{
	uint64_t isn = gen_random_next(&actor->random);

	actor->conn = (struct play_conn){
		.address = {actor->address, server->address},
		.next = {(uint32_t)isn, (uint32_t)(isn >> 32)},
		.port = {conn_port(play, actor), server->port},
		.packet_id = (uint16_t)(isn >> 20),
	};
	actor->n_conns++;
	actor->n_requests = 0;
	actor->open = true;
	play_wire_segment(&play->wire, &actor->conn, 0, actor->at_ns, NULL, 0, PLAY_SYN);
	actor->state = SYNACK;
	actor->at_ns += RTT_NS / 2;
}

// ---- sessions

static bool flow_active(const struct play *play, const struct play_flow *flow,
			const struct play_actor *actor, double now_s)
{
	double late = gen_random_hash_unit(play->world.scenario->seed, actor->user, 17);

	return now_s >= flow->from_s + flow->ramp_s * late &&
	       now_s < flow->until_s + flow->ramp_s * late;
}

static const struct play_flow *choose_flow(const struct play *play, struct play_actor *actor)
{
	const struct play_scenario *scenario = play->world.scenario;
	double now_s = (double)(actor->at_ns - scenario->start_ns) * 1e-9, sum = 0, draw;

	for (uint32_t i = 0; i < actor->group->n_flows; i++) {
		const struct play_flow *flow = &scenario->flow[actor->group->flow[i]];

		sum += flow_active(play, flow, actor, now_s) ? flow->weight : 0;
	}
	draw = sum * gen_random_unit(&actor->random);
	for (uint32_t i = 0; i < actor->group->n_flows; i++) {
		const struct play_flow *flow = &scenario->flow[actor->group->flow[i]];

		if (!flow_active(play, flow, actor, now_s) || flow->weight <= 0)
			continue;
		draw -= flow->weight;
		if (draw <= 0)
			return flow;
	}
	return NULL;
}

static bool hour_allows(struct play_actor *actor)
{
	uint64_t second = actor->at_ns / 1000000000;

	if (!actor->group->day)
		return true;
	return gen_random_unit(&actor->random) < actor->group->day[second / 3600 % 24];
}

static void session_begin(struct play *play, struct play_actor *actor, const char *agent,
			  const struct play_steps *steps)
{
	actor->steps = steps;
	actor->step = PLAY_NONE; // before the first one
	actor->left = 0;
	actor->session++;
	actor->n_chosen = actor->n_listed = 0;
	actor->logged_in = !steps->logs_in;
	actor->agent = agent;
	actor->address = play_world_address(&play->world, actor);
	actor->token_until_ns = 0;
}

static void session_end(struct play_actor *actor)
{
	free(actor->token);
	actor->token = NULL;
	actor->steps = NULL;
}

// Steps back to before where a Markov chain goes on, if this step is of one. False: it ends.
static bool follow_chain(struct play_actor *actor)
{
	const struct play_step *step;
	double draw;

	if (actor->step >= actor->steps->n || !actor->steps->step[actor->step].n_arcs)
		return true;
	step = &actor->steps->step[actor->step];
	draw = gen_random_unit(&actor->random);
	for (uint32_t i = 0; i < step->n_arcs; i++) {
		if (draw >= step->arc[i].up_to)
			continue;
		actor->step =
			step->arc[i].step - 1; // of the first step: PLAY_NONE, as at the start
		return step->arc[i].step != PLAY_NONE;
	}
	return false;
}

// Moves to the next call of the steps. False: there is none.
static bool next_call(struct play_actor *actor)
{
	if (actor->left) {
		actor->left--;
		return true;
	}
	if (!follow_chain(actor))
		return false;
	while (++actor->step < actor->steps->n) {
		const struct play_step *step = &actor->steps->step[actor->step];
		uint32_t times = step->least;

		if (step->chance < 1 && gen_random_unit(&actor->random) >= step->chance) {
			// Who need not log in has a session that goes on.
			actor->logged_in |= step->login;
			continue;
		}
		if (step->most > step->least)
			times += gen_random_below(&actor->random, step->most - step->least + 1);
		if (times) {
			actor->left = times - 1;
			return true;
		}
	}
	return false;
}

static void do_arrive(struct play *play, struct play_actor *actor)
{
	const struct play_group *group = actor->group;
	uint64_t until_ns = play->world.scenario->start_ns + nanoseconds(group->until_s);
	uint32_t n;

	if (actor->at_ns >= play->end_ns || actor->at_ns >= until_ns) {
		actor->finished = true;
		return;
	}
	actor->flow = hour_allows(actor) ? choose_flow(play, actor) : NULL;
	if (!actor->flow) {
		// A millisecond, so that time goes on whatever the scenario says.
		actor->at_ns +=
			1000000 + nanoseconds(play_dist_draw(&group->every, &actor->random));
		return;
	}
	n = (uint32_t)gen_random_hash(play->world.scenario->seed, actor->user, 23);
	session_begin(play, actor,
		      actor->flow->agent ? actor->flow->agent : group->agent[n % group->n_agents],
		      &actor->flow->steps);
	if (next_call(actor)) {
		actor->state = CALL;
		return;
	}
	session_end(actor);
	actor->at_ns += 1000000 + nanoseconds(play_dist_draw(&group->every, &actor->random));
}

// ---- calls

static void do_call(struct play *play, struct play_actor *actor)
{
	const struct play_scenario *scenario = play->world.scenario;
	const struct play_endpoint *endpoint =
		&scenario->endpoint[actor->steps->step[actor->step].endpoint];
	const struct play_server *server = &scenario->server[endpoint->server];
	uint32_t keepalive = actor->attack ? actor->attack->keepalive : actor->group->keepalive;

	if (!actor->attack && actor->at_ns >= play->end_ns) {
		conn_close(play, actor);
		session_end(actor);
		actor->finished = true;
		return;
	}
	if (actor->open &&
	    (actor->n_requests >= keepalive || actor->conn.address[1] != server->address ||
	     actor->conn.port[1] != server->port))
		conn_close(play, actor);
	if (actor->open) {
		actor->state = ASK;
		return;
	}
	conn_open(play, actor, server);
}

static void do_synack(struct play *play, struct play_actor *actor)
{
	play_wire_segment(&play->wire, &actor->conn, 1, actor->at_ns, NULL, 0, PLAY_SYN | PLAY_ACK);
	actor->state = ASK;
	actor->at_ns += RTT_NS / 2;
}

static void wait_answer(struct play *play, struct play_actor *actor)
{
	const struct play_endpoint *endpoint =
		&play->world.scenario->endpoint[actor->steps->step[actor->step].endpoint];

	actor->state = ANSWER;
	actor->at_ns += 100000 + nanoseconds(play_dist_draw(&endpoint->latency, &actor->random));
}

static void do_ask(struct play *play, struct play_actor *actor)
{
	const struct play_step *step = &actor->steps->step[actor->step];
	struct gen_buffer *message = &play->exchange.head;

	if (!actor->n_requests)
		play_wire_segment(&play->wire, &actor->conn, 0, actor->at_ns, NULL, 0, PLAY_ACK);
	actor->n_requests++;
	actor->asked_ns = actor->at_ns;
	play_exchange_begin(&play->exchange, actor);
	play_exchange_request(&play->exchange, actor, actor->at_ns);
	if (step->slow_s > 0) {
		gen_buffer_reset(&actor->slow);
		gen_buffer_add(&actor->slow, message->p, message->len);
		actor->slow_sent = 0;
		actor->state = SLOW;
		return;
	}
	play_wire_send(&play->wire, &actor->conn, 0, actor->at_ns, message->p, message->len);
	wait_answer(play, actor);
}

static void do_slow(struct play *play, struct play_actor *actor)
{
	size_t piece = actor->slow.len / SLOW_PIECES + 1, left = actor->slow.len - actor->slow_sent;
	double slow_s = actor->steps->step[actor->step].slow_s;

	piece = piece < left ? piece : left;
	play_wire_send(&play->wire, &actor->conn, 0, actor->at_ns, actor->slow.p + actor->slow_sent,
		       piece);
	actor->slow_sent += piece;
	if (actor->slow_sent < actor->slow.len)
		actor->at_ns += nanoseconds(slow_s / SLOW_PIECES);
	else
		wait_answer(play, actor);
}

// The time from one call to the next. The connection is closed when that is long.
static void pause_ns(struct play *play, struct play_actor *actor, uint64_t pause)
{
	if (pause > IDLE_S * 1000000000ull)
		conn_close(play, actor);
	actor->at_ns += pause;
	actor->state = CALL;
}

static void attack_round_ends(struct play *play, struct play_actor *actor)
{
	const struct play_attack *attack = actor->attack;

	for (;;) {
		if (++actor->round >= attack->count) {
			conn_close(play, actor);
			session_end(actor);
			actor->finished = true;
			return;
		}
		actor->step = PLAY_NONE;
		actor->left = 0;
		pause_ns(play, actor, nanoseconds(play_dist_draw(&attack->every, &actor->random)));
		if (next_call(actor))
			return;
	}
}

static void do_answer(struct play *play, struct play_actor *actor)
{
	const struct play_step *step = &actor->steps->step[actor->step];
	const struct gen_buffer *message = &play->exchange.head;
	uint64_t pause;

	play_exchange_response(&play->exchange, actor, actor->at_ns);
	play_wire_send(&play->wire, &actor->conn, 1, actor->at_ns, message->p, message->len);
	play_truth_exchange(&play->truth, actor);
	if (step->has_think)
		pause = nanoseconds(play_dist_draw(&step->think, &actor->random));
	else if (actor->attack)
		pause = ATTACK_THINK_NS;
	else
		pause = nanoseconds(play_dist_draw(&actor->group->think, &actor->random));
	// Users type their password again until it is right.
	if (step->login && !actor->attack && actor->status >= 400)
		actor->left++;
	if (next_call(actor)) {
		pause_ns(play, actor, pause + RTT_NS / 2);
		return;
	}
	if (actor->attack) {
		attack_round_ends(play, actor);
		return;
	}
	conn_close(play, actor);
	session_end(actor);
	actor->state = ARRIVE;
	actor->at_ns += 1000000 + nanoseconds(play_dist_draw(&actor->group->every, &actor->random));
}

static void act(struct play *play, struct play_actor *actor)
{
	static void (*const what[])(struct play *, struct play_actor *) = {
		[ARRIVE] = do_arrive, [CALL] = do_call, [SYNACK] = do_synack,
		[ASK] = do_ask,       [SLOW] = do_slow, [ANSWER] = do_answer,
	};
	uint64_t now_ns = actor->at_ns;

	// What follows at once needs no way through the heap.
	do {
		what[actor->state](play, actor);
	} while (!actor->finished && actor->at_ns == now_ns);
}

// ---- actors

static struct play_actor *actor_new(struct play *play, const struct play_group *group,
				    uint32_t user)
{
	struct play_actor *actor = &play->actor[play->n_actors];

	actor->group = group;
	actor->user = user;
	actor->random.state =
		gen_random_hash(play->world.scenario->seed, play->n_actors, 0x706c6179);
	play->n_actors++;
	return actor;
}

static void add_users(struct play *play, const struct play_group *group)
{
	const struct play_scenario *scenario = play->world.scenario;

	for (uint32_t u = 0; group->n_flows && u < group->count; u++) {
		struct play_actor *actor = actor_new(play, group, u);
		double first_s = play_dist_draw(&group->every, &actor->random);

		// As if all had been going on before.
		if (group->every.shape != PLAY_EXP)
			first_s *= gen_random_unit(&actor->random);
		actor->credential = &group->credential;
		actor->at_ns = scenario->start_ns + nanoseconds(group->from_s + first_s);
		heap_add(play, (struct event){actor->at_ns, (uint32_t)(actor - play->actor)});
	}
}

static void make_attackers(struct play *play, uint32_t i)
{
	const struct play_scenario *scenario = play->world.scenario;
	struct play_attack *attack = &play->world.scenario->attack[i];
	const struct play_group *group =
		attack->group == PLAY_NONE ? NULL : &scenario->group[attack->group];

	play->first[i] = play->n_actors;
	for (uint32_t s = 0; s < attack->sources; s++) {
		struct play_actor *actor = actor_new(play, group, group ? attack->user + s : s);

		actor->attack = attack;
		actor->source = s;
		actor->credential =
			attack->has_credential || !group ? &attack->credential : &group->credential;
	}
}

static void begin_attack(struct play *play, uint32_t i, uint64_t now_ns)
{
	const struct play_attack *attack = &play->world.scenario->attack[i];

	for (uint32_t s = 0; s < attack->sources; s++) {
		struct play_actor *actor = &play->actor[play->first[i] + s];
		const struct play_group *group = actor->group;
		uint32_t n = (uint32_t)gen_random_hash(play->world.scenario->seed, actor->user, 23);

		actor->at_ns =
			now_ns + nanoseconds(attack->spread_s * gen_random_unit(&actor->random));
		session_begin(play, actor,
			      attack->agent ? attack->agent : group->agent[n % group->n_agents],
			      &attack->steps);
		actor->state = CALL;
		if (next_call(actor))
			heap_add(play,
				 (struct event){actor->at_ns, (uint32_t)(actor - play->actor)});
	}
}

// Attacks that wait for a number of exchanges.
static void begin_waiting(struct play *play, uint64_t now_ns)
{
	const struct play_scenario *scenario = play->world.scenario;
	uint64_t reached = play->next_after;

	play->next_after = UINT64_MAX;
	for (uint32_t i = 0; i < scenario->n_attacks; i++) {
		uint64_t after = scenario->attack[i].after;

		if (after == reached && play->truth.exchanges >= reached)
			begin_attack(play, i, now_ns);
		else if (after > reached && after < play->next_after)
			play->next_after = after;
	}
}

static void play_new(struct play *play, struct play_scenario *scenario)
{
	uint64_t n = 0;

	*play = (struct play){
		.world.scenario = scenario,
		.end_ns = scenario->start_ns + nanoseconds(scenario->duration_s),
		.next_after = UINT64_MAX,
	};
	play->exchange.world = &play->world;
	play_truth_init(&play->truth, &play->world);
	for (uint32_t i = 0; i < scenario->n_groups; i++)
		n += scenario->group[i].count;
	for (uint32_t i = 0; i < scenario->n_attacks; i++)
		n += scenario->attack[i].sources;
	play->actor = play_alloc(n, sizeof(play->actor[0]));
	play->heap = play_alloc(n, sizeof(play->heap[0]));
	play->first = play_alloc(scenario->n_attacks, sizeof(play->first[0]));
	for (uint32_t i = 0; i < scenario->n_groups; i++)
		add_users(play, &scenario->group[i]);
	for (uint32_t i = 0; i < scenario->n_attacks; i++) {
		const struct play_attack *attack = &scenario->attack[i];

		make_attackers(play, i);
		if (!attack->after)
			begin_attack(play, i, scenario->start_ns + nanoseconds(attack->at_s));
		else if (attack->after < play->next_after)
			play->next_after = attack->after;
	}
}

uint64_t play_run(struct play_scenario *scenario, const char *out, const char *truth)
{
	struct play play;
	uint64_t exchanges;

	play_new(&play, scenario);
	play.wire.lose = scenario->lose;
	play.wire.no_side[0] = scenario->no_requests;
	play.wire.no_side[1] = scenario->no_responses;
	play.wire.random.state = gen_random_hash(scenario->seed, 0, 0x6c6f7365);
	play_wire_open(&play.wire, out);
	while (play.n_events) {
		struct play_actor *actor = &play.actor[play.heap[0].actor];
		uint64_t now_ns = actor->at_ns;

		act(&play, actor);
		if (actor->finished)
			heap_replace(&play, play.heap[--play.n_events]);
		else
			heap_replace(&play, (struct event){actor->at_ns, play.heap[0].actor});
		if (play.truth.exchanges >= play.next_after)
			begin_waiting(&play, now_ns);
	}
	play_wire_close(&play.wire);
	exchanges = play.truth.exchanges;
	play_truth_write(&play.truth, truth, &play.wire);
	play_exchange_free(&play.exchange);
	for (uint32_t i = 0; i < play.n_actors; i++) {
		free(play.actor[i].token);
		gen_buffer_free(&play.actor[i].slow);
	}
	free(play.actor);
	free(play.heap);
	free(play.first);
	return exchanges;
}
