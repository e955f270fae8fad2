// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How a credential is usually used: from which places, by which programs, at which endpoints, at
// which hours; and how surprising another use is, in bits (minus the logarithm of its chance).
//
// The chance of a value that was never seen is d / (n + d) after n calls with d different values
// (Ian H. Witten, Timothy C. Bell: "The zero-frequency problem", 1991): whoever changes places all
// the time surprises nobody by another one.
//
// Pure functions over one fixed struct. Merger's thread.

#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	HABIT_SLOTS = 8,
	HABIT_HOURS = 24,
	HABIT_ENDPOINTS = 4, // words of the bitmap
};

// The most frequent values of one attribute, and how many different ones there were (too many when
// one was forgotten and came back, which makes less surprising).
struct habit_values {
	uint64_t id[HABIT_SLOTS];
	uint32_t calls[HABIT_SLOTS];
	uint32_t different;
};

struct habit {
	uint64_t first_ns, last_ns;
	uint32_t calls;
	uint32_t days; // different ones with calls
	struct habit_values place, agent, ja4;
	uint64_t endpoint[HABIT_ENDPOINTS];
	uint16_t hour[HABIT_HOURS];
	uint8_t agent_kinds; // a bit for each
};

struct habit_use {
	uint64_t time_ns;
	uint64_t place, agent, ja4, endpoint; // 0: unknown, says nothing
	uint8_t agent_kind;
};

static inline uint32_t habit_slot(const struct habit_values *v, uint64_t id)
{
	uint32_t i = 0;

	while (i < HABIT_SLOTS && v->id[i] != id)
		i++;
	return i;
}

static inline bool habit_has(const struct habit_values *v, uint64_t id)
{
	return id != 0 && habit_slot(v, id) < HABIT_SLOTS;
}

static inline void habit_values_add(struct habit_values *v, uint64_t id)
{
	uint32_t i = habit_slot(v, id), least = 0;

	if (id == 0)
		return;
	if (i == HABIT_SLOTS) {
		for (uint32_t k = 1; k < HABIT_SLOTS; k++) {
			if (v->calls[k] < v->calls[least])
				least = k;
		}
		i = least;
		v->id[i] = id;
		v->calls[i] = 0;
		v->different += v->different < UINT32_MAX;
	}
	v->calls[i] += v->calls[i] < UINT32_MAX;
}

static inline bool habit_endpoint(const struct habit *h, uint64_t endpoint)
{
	return h->endpoint[endpoint / 64 % HABIT_ENDPOINTS] >> (endpoint % 64) & 1;
}

static inline uint32_t habit_endpoints(const struct habit *h)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < HABIT_ENDPOINTS; i++)
		n += (uint32_t)__builtin_popcountll(h->endpoint[i]);
	return n;
}

static inline void habit_add(struct habit *h, const struct habit_use *use)
{
	const uint64_t day = UINT64_C(86400000000000);
	uint16_t *hour = &h->hour[use->time_ns / (day / 24) % HABIT_HOURS];

	if (h->calls == 0)
		h->first_ns = use->time_ns;
	h->days += h->calls == 0 || use->time_ns / day > h->last_ns / day;
	h->calls += h->calls < UINT32_MAX;
	h->last_ns = use->time_ns > h->last_ns ? use->time_ns : h->last_ns;
	habit_values_add(&h->place, use->place);
	habit_values_add(&h->agent, use->agent);
	habit_values_add(&h->ja4, use->ja4);
	h->endpoint[use->endpoint / 64 % HABIT_ENDPOINTS] |= UINT64_C(1) << (use->endpoint % 64);
	h->agent_kinds |= (uint8_t)(1u << use->agent_kind);
	*hour += *hour < UINT16_MAX;
}

// Bits of a value that was not seen among n that had so many different ones.
static inline double habit_unseen(double n, double different)
{
	return different > 0 ? log2((n + different) / different) : 0;
}

// Bits of one attribute: 0 for what was seen, for what is not known, and before there is anything
// to compare with.
static inline double habit_surprise(const struct habit *h, const struct habit_values *v,
				    uint64_t id)
{
	if (id == 0 || v->different == 0 || habit_has(v, id))
		return 0;
	return habit_unseen(h->calls, v->different);
}

static inline double habit_endpoint_surprise(const struct habit *h, uint64_t endpoint)
{
	uint32_t n = habit_endpoints(h);

	return n == 0 || habit_endpoint(h, endpoint) ? 0 : habit_unseen(h->calls, n);
}

// An hour at which it was never used is no more than a hint, and only after three days.
static inline double habit_hour_surprise(const struct habit *h, uint64_t time_ns)
{
	bool used = h->hour[time_ns / UINT64_C(3600000000000) % HABIT_HOURS] > 0;

	return used || h->days < 3 ? 0 : fmin(4, habit_unseen(h->calls, 1));
}
