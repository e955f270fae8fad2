// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a field is called and what identifies it. Objects used as maps ({"1207": …}) would make a
// new field of each key, so a name with parts that look like values is replaced by one that says
// their kind, and its hash takes the place of the field's. The same goes for keys that are personal
// data themselves: no name leaves here with one in it.

#pragma once

#include "detect/exchange.h"

struct field_name {
	uint32_t n;
	bool full, replaced;
	uint8_t *out; // EXCHANGE_NAME bytes
};

// Writes "$.users[].email", "query.token", "form.user" or "path[2]" behind name->out. of: the name
// of what is not in a body.
void field_name_make(struct field_name *name, enum hit_place place, struct span of,
		     struct span parent, struct span key);
// The identity of the field within its endpoint. field: the flow side's, of what is in a body.
uint64_t field_name_id(const struct field_name *name, enum hit_place place, uint64_t field,
		       uint64_t seed);
