// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Renders requests and responses of HTTP/1.1. Bodies come first, since heads tell their length.

#include "tools/gen/gen_play_exchange.h"

#include "tools/gen/gen_play_form.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SALT_REQUEST = 1, SALT_RESPONSE, SALT_STATUS };

static const struct play_step *step_of(const struct play_actor *actor)
{
	return &actor->steps->step[actor->step];
}

static struct play_render render_of(const struct play_exchange *exchange, struct play_actor *actor,
				    uint64_t now_ns, uint32_t salt)
{
	return (struct play_render){
		.world = exchange->world,
		.actor = actor,
		.random = {gen_random_hash(actor->seed, salt, 0)},
		.pick = step_of(actor)->pick,
		.now_ns = now_ns,
		.item_kind = PLAY_NONE,
	};
}

void play_exchange_begin(struct play_exchange *exchange, struct play_actor *actor)
{
	const struct play_step *step = step_of(actor);
	const struct play_endpoint *endpoint = &exchange->world->scenario->endpoint[step->endpoint];
	const struct play_attack *attack = actor->attack;
	double draw;

	if (step->again && actor->last_seed)
		actor->seed = actor->last_seed;
	else
		actor->seed = gen_random_next(&actor->random);
	actor->last_seed = actor->seed;
	if (!step->again && step->pick != PLAY_PICK_SAME)
		actor->n_chosen = 0;
	actor->status = step->status;
	draw = gen_random_hash_unit(actor->seed, SALT_STATUS, 0);
	for (uint32_t i = 0; !actor->status; i++) {
		if (draw < endpoint->status[i].up_to || i + 1 == endpoint->n_statuses)
			actor->status = endpoint->status[i].status;
	}
	if (attack && attack->limit && !step->setup && ++actor->served > attack->limit)
		actor->status = 429;
}

// What follows a text, so that nothing on the way of every exchange is a printf().
static void add_length(struct gen_buffer *out, size_t number)
{
	char digits[24];
	uint32_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	gen_buffer_text(out, "Content-Length: ");
	gen_buffer_add(out, digits + n, sizeof(digits) - n);
	gen_buffer_add(out, "\r\n", 2);
}

void play_exchange_request(struct play_exchange *exchange, struct play_actor *actor,
			   uint64_t now_ns)
{
	const struct play_scenario *scenario = exchange->world->scenario;
	const struct play_step *step = step_of(actor);
	const struct play_endpoint *endpoint = &scenario->endpoint[step->endpoint];
	struct play_render render = render_of(exchange, actor, now_ns, SALT_REQUEST);
	struct gen_buffer *out = &exchange->head;

	gen_buffer_reset(out);
	gen_buffer_reset(&exchange->body);
	gen_buffer_text(out, endpoint->method);
	gen_buffer_add(out, " ", 1);
	render.url = true;
	play_form_render(&render, &endpoint->path, out);
	render.url = false;
	gen_buffer_text(out, " HTTP/1.1\r\nHost: ");
	gen_buffer_text(out, scenario->server[endpoint->server].host);
	gen_buffer_text(out, "\r\nUser-Agent: ");
	gen_buffer_text(out, actor->agent);
	gen_buffer_text(out, "\r\nAccept: application/json\r\n");
	play_world_credential(exchange->world, actor, step, now_ns, out);
	play_form_render(&render, &endpoint->headers, out);
	if (actor->attack && actor->attack->has_headers && !step->setup)
		play_form_render(&render, &actor->attack->headers, out);
	if (endpoint->has_body) {
		play_form_render(&render, step->has_body ? &step->body : &endpoint->body,
				 &exchange->body);
		gen_buffer_text(out, "Content-Type: application/json\r\n");
		add_length(out, exchange->body.len);
	} else if (strcmp(endpoint->method, "GET") && strcmp(endpoint->method, "HEAD")) {
		gen_buffer_text(out, "Content-Length: 0\r\n");
	}
	gen_buffer_add(out, "\r\n", 2);
	gen_buffer_add(out, exchange->body.p, exchange->body.len);
}

static const char *reason(uint32_t status)
{
	static const struct {
		uint16_t status;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{302, "Found"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{409, "Conflict"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
	};

	for (uint32_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "Other";
}

// RFC 9110 section 5.6.7. Time goes on, so most calls find the text as it is.
static void tell_date(struct play_exchange *exchange, uint64_t now_ns)
{
	uint64_t now_s = now_ns / 1000000000;
	time_t seconds = (time_t)now_s;
	struct tm tm;

	if (now_s == exchange->date_s)
		return;
	gmtime_r(&seconds, &tm);
	strftime(exchange->date, sizeof(exchange->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	exchange->date_s = now_s;
}

static void response_body(struct play_exchange *exchange, struct play_render *render,
			  const struct play_endpoint *endpoint, uint32_t status)
{
	if (status == 204 || status == 304)
		return;
	if (status < 400) {
		if (endpoint->has_response)
			play_form_render(render, &endpoint->response, &exchange->body);
		return;
	}
	gen_buffer_printf(&exchange->body, "{\"error\":{\"code\":%u,\"message\":\"%s\"}}", status,
			  reason(status));
}

void play_exchange_response(struct play_exchange *exchange, struct play_actor *actor,
			    uint64_t now_ns)
{
	const struct play_step *step = step_of(actor);
	const struct play_endpoint *endpoint = &exchange->world->scenario->endpoint[step->endpoint];
	struct play_render render = render_of(exchange, actor, now_ns, SALT_RESPONSE);
	bool good = actor->status < 400;
	struct gen_buffer *out = &exchange->head;
	char status[] = "HTTP/1.1 000 ";

	gen_buffer_reset(out);
	gen_buffer_reset(&exchange->body);
	if (good && endpoint->creates != PLAY_NONE)
		play_world_create(exchange->world, actor, endpoint->creates);
	if (good && endpoint->login)
		actor->logged_in = true;
	response_body(exchange, &render, endpoint, actor->status);
	tell_date(exchange, now_ns);
	status[9] = (char)('0' + actor->status / 100);
	status[10] = (char)('0' + actor->status / 10 % 10);
	status[11] = (char)('0' + actor->status % 10);
	gen_buffer_text(out, status);
	gen_buffer_text(out, reason(actor->status));
	gen_buffer_text(out, "\r\nServer: nginx\r\nDate: ");
	gen_buffer_text(out, exchange->date);
	gen_buffer_add(out, "\r\n", 2);
	if (good && endpoint->login && actor->credential->kind == PLAY_CREDENTIAL_COOKIE) {
		play_world_token(exchange->world, actor, now_ns);
		gen_buffer_printf(out,
				  "Set-Cookie: %s=%s; Path=/; HttpOnly; Secure; SameSite=Lax\r\n",
				  actor->credential->name, actor->token);
	}
	if (good)
		play_form_render(&render, &endpoint->response_headers, out);
	if (exchange->body.len)
		gen_buffer_text(out, "Content-Type: application/json\r\n");
	if (actor->status != 204 && actor->status != 304)
		add_length(out, exchange->body.len);
	gen_buffer_add(out, "\r\n", 2);
	gen_buffer_add(out, exchange->body.p, exchange->body.len);
}

void play_exchange_free(struct play_exchange *exchange)
{
	gen_buffer_free(&exchange->head);
	gen_buffer_free(&exchange->body);
}
