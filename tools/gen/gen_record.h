// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Records of customers as JSON members, with an exact number of sensitive values, each counted.

#pragma once

#include "tools/gen/gen_json.h"
#include "tools/gen/gen_values.h"

enum { GEN_RECORD_MOST = 4 };

// One value under its usual key.
void gen_record_value(struct gen_json *json, struct gen_random *random, enum gen_value value,
		      uint32_t values[GEN_VALUES]);
// n values (at most GEN_RECORD_MOST) of different kinds as members of the open object.
void gen_record_members(struct gen_json *json, struct gen_random *random, uint32_t n,
			uint32_t values[GEN_VALUES]);
// An array of records with n values in all, and ids from first_id.
void gen_record_list(struct gen_json *json, const char *key, struct gen_random *random, uint32_t n,
		     uint32_t first_id, uint32_t values[GEN_VALUES]);
// A page of products under "items": nothing personal in it.
void gen_record_products(struct gen_json *json, struct gen_random *random, uint32_t page);
// Members of one product.
void gen_record_product(struct gen_json *json, struct gen_random *random, uint32_t id);
// A page of orders under "items": nothing personal in it.
void gen_record_orders(struct gen_json *json, struct gen_random *random, uint32_t page);
