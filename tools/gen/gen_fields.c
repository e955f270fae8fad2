// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A shop in which one value says little and all values of a field say much:
//
//	/orders     numbers of 16 digits that mean nothing; one in ten passes Luhn
//	/wallets    the same name of the field, and all of them are card numbers
//	/tracking   one such number without meaning in the query
//	/contacts   names of people, which no form tells
//	/subsidies  individual numbers of Japan (12 digits, the last checks the others) in a field
//	            whose name says nothing
//
// The truth says how many of the numbers that mean nothing are card numbers by accident.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>
#include <string.h>

enum {
	WHAT_ORDERS = 0,
	WHAT_WALLETS,
	WHAT_TRACKING,
	WHAT_CONTACTS,
	WHAT_SUBSIDIES,
	WHATS,
	LISTED = 8, // values in a response
};

struct fields {
	uint32_t calls[WHATS];
	uint32_t lucky; // meaningless numbers that pass Luhn
};

static bool fields_luhn(const char *digits, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t digit = (uint32_t)(digits[n - 1 - i] - '0') << (i & 1);

		sum += digit > 9 ? digit - 9 : digit;
	}
	return sum % 10 == 0;
}

// Begins as many card numbers do.
static void fields_number(struct gen_random *random, struct fields *fields, char out[17])
{
	out[0] = '4';
	for (uint32_t i = 1; i < 16; i++)
		out[i] = (char)('0' + gen_random_below(random, 10));
	out[16] = '\0';
	fields->lucky += fields_luhn(out, 16);
}

// Ministry of Internal Affairs and Communications, order 85 of 2014, article 5: the check digit is
// 11 - (sum of P(n) x Q(n)) mod 11, with 0 in the place of 10 and 11, where P(n) is the n-th digit
// from the right and Q(n) is n + 1 up to the sixth and n - 5 from there on.
static void fields_individual(struct gen_random *random, char out[13])
{
	uint32_t sum = 0, rest;

	for (uint32_t i = 0; i < 11; i++)
		out[i] = (char)('0' + gen_random_below(random, 10));
	for (uint32_t n = 1; n <= 11; n++)
		sum += (uint32_t)(out[11 - n] - '0') * (n <= 6 ? n + 1 : n - 5);
	rest = sum % 11;
	out[11] = (char)('0' + (rest <= 1 ? 0 : 11 - rest));
	out[12] = '\0';
}

static void fields_item(struct gen_crowd *crowd, struct fields *fields, uint32_t what,
			struct gen_json *body)
{
	struct gen_random *random = &crowd->gen->random;
	char text[GEN_VALUE_BYTES];

	switch (what) {
	case WHAT_ORDERS:
		fields_number(random, fields, text);
		gen_json_string(body, "number", text);
		break;
	case WHAT_WALLETS:
		gen_value_make(random, GEN_CARD, text);
		gen_json_string(body, "number", text);
		break;
	case WHAT_CONTACTS:
		gen_value_person(random, text);
		gen_json_string(body, "fullName", text);
		break;
	default:
		fields_individual(random, text);
		gen_json_string(body, "reference", text);
	}
	gen_json_uint(body, "amount", gen_random_below(random, 900));
}

static void fields_step(struct gen_crowd *crowd, void *context, const struct gen_step *step)
{
	static const char *const endpoints[] = {
		[WHAT_ORDERS] = "GET /api/v1/orders",
		[WHAT_WALLETS] = "GET /api/v1/wallets",
		[WHAT_TRACKING] = "GET /api/v1/tracking",
		[WHAT_CONTACTS] = "GET /api/v1/contacts",
		[WHAT_SUBSIDIES] = "GET /api/v1/subsidies",
	};
	struct gen_json *body = gen_crowd_body(crowd);
	struct fields *fields = context;
	const char *endpoint = endpoints[step->what];
	char target[96], number[17];

	fields->calls[step->what]++;
	snprintf(target, sizeof(target), "%s", endpoint + strlen("GET "));
	if (step->what == WHAT_TRACKING) {
		fields_number(&crowd->gen->random, fields, number);
		snprintf(target, sizeof(target), "/api/v1/tracking?parcel=%s", number);
		gen_json_bool(body, "moving", true);
	} else {
		gen_json_array(body, "items");
		for (uint32_t i = 0; i < LISTED; i++) {
			gen_json_object(body, NULL);
			fields_item(crowd, fields, step->what, body);
			gen_json_end(body);
		}
		gen_json_end(body);
	}
	gen_crowd_call(crowd, step, (struct gen_call){.endpoint = endpoint, .target = target});
}

static void fields_issue(struct gen *gen, const char *endpoint, const char *type,
			 const char *field)
{
	struct gen_json *issues = &gen->truth.issues;

	gen_truth_issue(&gen->truth, "prohibited-type", endpoint, "high");
	gen_json_string(issues, "type", type);
	gen_json_string(issues, "field", field);
	gen_json_string(issues, "when", "the type is prohibited in responses by policy");
	gen_json_end(issues);
}

static void fields_run(struct gen *gen)
{
	double end_s = gen->options->minutes * 60.0;
	uint32_t users = gen->options->users, each = 1 + 240 / users;
	struct gen_json *facts = &gen->truth.facts;
	struct fields fields = {0};
	struct gen_crowd crowd;

	gen_crowd_init(&crowd, gen, users);
	for (uint32_t what = 0; what < WHATS; what++) {
		// Few exchanges are looked at for what nothing but a whole field tells.
		uint32_t steps = what == WHAT_SUBSIDIES ? 12 * each : each;

		gen_crowd_spread(&crowd, 0, users, steps, 0, end_s, what);
	}
	gen_crowd_run(&crowd, &fields, fields_step);
	gen_crowd_fini(&crowd);

	gen_json_uint(facts, "users", users);
	gen_json_uint(facts, "lucky", fields.lucky);
	gen_json_uint(facts, "contacts", fields.calls[WHAT_CONTACTS]);
	gen_json_uint(facts, "subsidies", fields.calls[WHAT_SUBSIDIES]);
	fields_issue(gen, "GET /api/v1/wallets", "card.pan", "$.items[].number");
	fields_issue(gen, "GET /api/v1/contacts", "person.name", "$.items[].fullName");
	fields_issue(gen, "GET /api/v1/subsidies", "jp.mynumber", "$.items[].reference");
}

const struct gen_scenario gen_fields = {
	.name = "fields",
	.summary = "numbers that pass a check by accident, beside fields that are full of real ones",
	.users = 40,
	.minutes = 2,
	.run = fields_run,
};
