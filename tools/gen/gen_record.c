// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Everything but the counted values is chosen to look like nothing else: small numbers, plain
// words, no dates, no long digit runs, no people's names.

#include "tools/gen/gen_record.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

static const char *const plans[] = {"basic", "silver", "gold", "team"};
static const char *const states[] = {"active", "paused", "pending"};
static const char *const goods[] = {"desk lamp",   "office chair", "notebook", "cable set",
				    "monitor arm", "headset",      "keyboard", "document tray"};

void gen_record_value(struct gen_json *json, struct gen_random *random, enum gen_value value,
		      uint32_t values[GEN_VALUES])
{
	char text[GEN_VALUE_BYTES];

	gen_value_make(random, value, text);
	gen_json_string(json, gen_value_key(value), text);
	values[value]++;
}

void gen_record_members(struct gen_json *json, struct gen_random *random, uint32_t n,
			uint32_t values[GEN_VALUES])
{
	bool card_first = gen_random_below(random, 5) < 2;

	if (n > 0)
		gen_record_value(json, random, GEN_EMAIL, values);
	gen_json_string(json, "plan", plans[gen_random_below(random, COUNT(plans))]);
	if (n > 1)
		gen_record_value(json, random, GEN_PHONE, values);
	gen_json_string(json, "state", states[gen_random_below(random, COUNT(states))]);
	if (n > 2)
		gen_record_value(json, random, card_first ? GEN_CARD : GEN_SSN, values);
	if (n > 3)
		gen_record_value(json, random, card_first ? GEN_SSN : GEN_CARD, values);
}

void gen_record_list(struct gen_json *json, const char *key, struct gen_random *random, uint32_t n,
		     uint32_t first_id, uint32_t values[GEN_VALUES])
{
	gen_json_array(json, key);
	for (uint32_t id = first_id; n; id++) {
		uint32_t take = n < 3 ? n : 3;

		gen_json_object(json, NULL);
		gen_json_uint(json, "id", id);
		gen_record_members(json, random, take, values);
		gen_json_end(json);
		n -= take;
	}
	gen_json_end(json);
}

void gen_record_product(struct gen_json *json, struct gen_random *random, uint32_t id)
{
	gen_json_uint(json, "id", id);
	gen_json_string(json, "title", goods[id % COUNT(goods)]);
	gen_json_fixed(json, "price", 3 + gen_random_below(random, 20000) / 100.0, 2);
	gen_json_uint(json, "stock", gen_random_below(random, 90));
	gen_json_bool(json, "discount", gen_random_below(random, 4) == 0);
}

void gen_record_products(struct gen_json *json, struct gen_random *random, uint32_t page)
{
	gen_json_array(json, "items");
	for (uint32_t i = 0; i < 12; i++) {
		gen_json_object(json, NULL);
		gen_record_product(json, random, page * 12 + i);
		gen_json_end(json);
	}
	gen_json_end(json);
}

void gen_record_orders(struct gen_json *json, struct gen_random *random, uint32_t page)
{
	uint32_t n = 2 + gen_random_below(random, 6);

	gen_json_array(json, "items");
	for (uint32_t i = 0; i < n; i++) {
		gen_json_object(json, NULL);
		gen_json_uint(json, "order", page * 40 + i);
		gen_json_string(json, "state", states[gen_random_below(random, COUNT(states))]);
		gen_json_fixed(json, "total", gen_random_below(random, 90000) / 100.0, 2);
		gen_json_end(json);
	}
	gen_json_end(json);
}
