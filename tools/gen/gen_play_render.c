// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Fills the holes of a form for one exchange. What is drawn depends on the exchange's seed alone,
// so the same exchange can be rendered again.

#include "tools/gen/gen_play_form.h"

#include "tools/gen/gen_play_ops.h"
#include "tools/gen/gen_values.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SALT_PERSON = 201 };

static void add_number(struct gen_buffer *out, uint64_t number)
{
	char digits[24];
	uint32_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	gen_buffer_add(out, digits + n, sizeof(digits) - n);
}

static uint32_t between(struct play_render *render, const struct play_op *op)
{
	return op->a + gen_random_below(&render->random, op->b - op->a + 1);
}

static void add_letters(struct play_render *render, const struct play_op *op, const char *alphabet,
			uint32_t letters, struct gen_buffer *out)
{
	char text[64];

	for (uint32_t left = between(render, op); left;) {
		uint32_t n = left < sizeof(text) ? left : sizeof(text);

		for (uint32_t i = 0; i < n; i++)
			text[i] = alphabet[gen_random_below(&render->random, letters)];
		gen_buffer_add(out, text, n);
		left -= n;
	}
}

static void add_words(struct play_render *render, const struct play_op *op, struct gen_buffer *out)
{
	static const char *const words[] = {
		"order",  "arrived", "late",   "please",  "leave", "with",    "neighbour", "gift",
		"the",    "blue",    "one",    "thanks",  "front", "door",    "ring",      "twice",
		"parcel", "number",  "second", "floor",   "left",  "morning", "before",    "noon",
		"size",   "too",     "small",  "changed", "my",    "mind",    "about",     "colour",
	};
	uint32_t n = between(render, op);

	for (uint32_t i = 0; i < n; i++) {
		const char *word = words[gen_random_below(&render->random, 32)];

		if (i)
			gen_buffer_add(out, render->url ? "+" : " ", 1);
		gen_buffer_text(out, word);
	}
}

static void add_person(struct play_render *render, const struct play_op *op, struct gen_buffer *out)
{
	static const enum gen_value values[] = {
		[OP_EMAIL] = GEN_EMAIL,
		[OP_PHONE] = GEN_PHONE,
		[OP_SSN] = GEN_SSN,
		[OP_CARD] = GEN_CARD,
	};
	const struct play_actor *actor = render->actor;
	const struct play_scenario *scenario = render->world->scenario;
	uint64_t group = actor->group ? (uint64_t)(actor->group - scenario->group) : 255;
	struct gen_random mine = {
		gen_random_hash(scenario->seed + SALT_PERSON, group << 32 | actor->user, op->what)};
	struct gen_random *random = op->pick ? &mine : &render->random;
	char text[GEN_VALUE_BYTES];

	if (op->what == OP_NAME)
		gen_value_person(random, text);
	else
		gen_value_make(random, values[op->what], text);
	for (char *p = text; render->url && *p; p++)
		*p = *p == ' ' ? '+' : *p;
	gen_buffer_text(out, text);
}

static void add_uuid(struct play_render *render, struct gen_buffer *out)
{
	static const char hex[] = "0123456789abcdef";
	char text[36];
	uint64_t bits = 0;

	for (uint32_t i = 0; i < 36; i++, bits >>= 4) {
		if (i % 16 == 0)
			bits = gen_random_next(&render->random);
		text[i] = hex[bits & 15];
	}
	text[8] = text[13] = text[18] = text[23] = '-';
	text[14] = '4';
	text[19] = hex[8 + (bits & 3)];
	gen_buffer_add(out, text, 36);
}

static void add_now(const struct play_render *render, struct gen_buffer *out)
{
	time_t seconds = (time_t)(render->now_ns / 1000000000);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	gen_buffer_add(out, text, strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm));
}

// What belongs to the user or the attack.
static void add_own(struct play_render *render, const struct play_op *op, struct gen_buffer *out)
{
	struct play_actor *actor = render->actor;
	const struct play_attack *attack = actor->attack;
	char text[PLAY_TOKEN_BYTES];

	switch (op->what) {
	case OP_USER:
		play_world_user(actor->group, actor->user, text);
		break;
	case OP_PASSWORD:
		play_world_secret(render->world, actor, "", 0, text, 14);
		break;
	case OP_GUESS: {
		struct play_op letters = {.a = 10, .b = 10};

		add_letters(render, &letters, "abcdefghijkmnopqrstuvwxyz23456789", 33, out);
		return;
	}
	case OP_VICTIM:
		play_world_user(attack && attack->victims != PLAY_NONE
					? &render->world->scenario->group[attack->victims]
					: actor->group,
				play_world_victim(render->world, actor), text);
		break;
	default:
		play_world_token(render->world, actor, render->now_ns);
		gen_buffer_add(out, actor->token, actor->token_len);
		return;
	}
	gen_buffer_text(out, text);
}

static void add_id(struct play_render *render, uint32_t kind, struct gen_buffer *out)
{
	uint64_t index = render->item_kind == kind ? render->item
						   : play_world_object(render->world, render->actor,
								       kind, render->pick);
	char text[PLAY_NAME_BYTES];

	gen_buffer_add(out, text, play_world_id(render->world, kind, index, text));
}

// A list inside of a list is possible; forms are finite, so this ends.
static void add_each(struct play_render *render, const struct play_op *op, struct gen_buffer *out)
{
	uint32_t n = between(render, op), outer_kind = render->item_kind;
	uint64_t outer = render->item, item = 0, own;

	if (op->kind != PLAY_NONE) {
		own = play_world_owned(render->world, render->actor, op->kind);
		n = op->pick == PLAY_PICK_OWN && own < n ? (uint32_t)own : n;
		item = play_world_pick(render->world, render->actor, op->kind, op->pick,
				       &render->random);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			gen_buffer_add(out, ",", 1);
		if (op->kind != PLAY_NONE) {
			render->item_kind = op->kind;
			render->item = item;
			play_world_list(render->actor, op->kind, item);
			item = play_world_next(render->world, render->actor, op->kind, op->pick,
					       item, &render->random);
		}
		play_form_render(render, op->form, out);
	}
	render->item_kind = outer_kind;
	render->item = outer;
}

static void add_price(struct play_render *render, const struct play_op *op, struct gen_buffer *out)
{
	uint32_t cents = op->a * 100 + gen_random_below(&render->random, (op->b - op->a) * 100 + 1);
	char fraction[3] = {'.', (char)('0' + cents % 100 / 10), (char)('0' + cents % 10)};

	add_number(out, cents / 100);
	gen_buffer_add(out, fraction, 3);
}

void play_form_render(struct play_render *render, const struct play_form *form,
		      struct gen_buffer *out)
{
	static const char alphabet[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (uint32_t i = 0; i < form->n; i++) {
		const struct play_op *op = &form->op[i];

		switch (op->what) {
		case OP_LITERAL:
			gen_buffer_add(out, op->text, op->len);
			break;
		case OP_OBJECT:
			add_id(render, op->kind, out);
			break;
		case OP_EACH:
			add_each(render, op, out);
			break;
		case OP_INT:
			add_number(out, between(render, op));
			break;
		case OP_PRICE:
			add_price(render, op, out);
			break;
		case OP_BOOL:
			gen_buffer_text(out,
					gen_random_below(&render->random, 2) ? "true" : "false");
			break;
		case OP_UNIX:
			add_number(out, render->now_ns / 1000000000);
			break;
		case OP_ROUND:
			add_number(out, render->actor->round);
			break;
		case OP_ENUM:
			gen_buffer_text(out, op->words[gen_random_below(&render->random, op->a)]);
			break;
		case OP_UUID:
			add_uuid(render, out);
			break;
		case OP_HEX:
			add_letters(render, op, alphabet, 16, out);
			break;
		case OP_DIGITS:
			add_letters(render, op, alphabet, 10, out);
			break;
		case OP_STRING:
			add_letters(render, op, alphabet, 62, out);
			break;
		case OP_TEXT:
			add_words(render, op, out);
			break;
		case OP_NAME:
		case OP_EMAIL:
		case OP_PHONE:
		case OP_SSN:
		case OP_CARD:
			add_person(render, op, out);
			break;
		case OP_NOW:
			add_now(render, out);
			break;
		default:
			add_own(render, op, out);
		}
	}
}
