// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What one reaches on most days: the largest value of each of the last 7 days with any. A value is
// usual when on so many earlier days it was reached, so neither one odd day teaches it nor the
// present one. Zeroed memory knows nothing.

#pragma once

#include "detect/blob.h"
#include "detect/judge.h"
#include "detect/lru.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { USUAL_DAYS = 7 };

struct usual {
	uint32_t day;             // the newest, since 1970; 0: none
	uint32_t max[USUAL_DAYS]; // of day, day before with any, …
};
static_assert(sizeof(struct usual) == 32, "stands in tables");

// Days must not go back; what is late counts for the newest day.
static inline void usual_add(struct usual *u, uint32_t day, uint32_t value)
{
	if (u->day < day) {
		memmove(&u->max[1], &u->max[0], sizeof(u->max) - sizeof(u->max[0]));
		u->max[0] = 0;
		u->day = day;
	}
	u->max[0] = u->max[0] > value ? u->max[0] : value;
}

// The value that was reached on `days` of the days before this one, 1 .. 6; 0: none.
static inline uint32_t usual_value(const struct usual *u, uint32_t day, uint32_t days)
{
	uint32_t first = u->day < day ? 0 : 1, best = 0;

	for (uint32_t i = first; i < USUAL_DAYS; i++) {
		uint32_t reached = 0;

		for (uint32_t k = first; k < USUAL_DAYS; k++)
			reached += u->max[k] >= u->max[i];
		if (reached >= days && u->max[i] > best)
			best = u->max[i];
	}
	return best;
}

// A table of them as bytes: 0 or negative errno.
int usual_save(const struct lru *table, FILE *out);
// Adds what was saved.
int usual_load(struct lru *table, struct blob_reader *r);
