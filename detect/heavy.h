// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where the values of those who receive many come from: endpoints, different objects, and the
// parameter that asked for so much. Of few users at a time, in a bounded table; merger's thread.

#pragma once

#include "detect/detector.h"
#include "detect/few.h"
#include "detect/lru.h"

enum {
	HEAVY_USERS = 4096,
	HEAVY_ENDPOINTS = 8, // that are told apart
	HEAVY_ASKED = 4,     // numbers of the largest request
	HEAVY_VALUES = 10,   // calls with fewer values begin nothing
	HEAVY_S = 60,        // without calls for so long: a new story
};

struct heavy {
	uint64_t begin_ns, last_ns;
	uint64_t endpoint[HEAVY_ENDPOINTS];
	uint32_t n_endpoints;
	uint32_t largest; // values of the call that had most
	uint64_t largest_endpoint;
	struct {
		uint64_t field;
		double number;
	} asked[HEAVY_ASKED];
	uint32_t n_asked;
	struct few objects;
};

int heavy_init(struct lru *t);
// A call that gave out so many sensitive values, and an object of it.
void heavy_call(struct lru *t, const struct call *call, uint32_t values);
void heavy_object(struct lru *t, const struct delta_object *object);
// A sentence about a user, or nothing.
void heavy_text(const struct lru *t, struct merger *m, uint64_t principal, char *out, size_t size);
// Does a parameter of that name say how much of a list is asked for: "query.page_size"?
bool heavy_is_page(const char *name);
