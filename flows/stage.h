// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where a worker's cycles go, by stage. Off in service: one predictable branch per switch. One
// stage runs at a time; entering another one charges the time so far to the one before.

#pragma once


#include <stdbool.h>
#include <stdint.h>

#define STAGES(X)                                                                                  \
	X(IDLE, "idle", "waiting for packets")                                                     \
	X(DECODE, "decode", "link, network and transport headers, flow key")                       \
	X(TRACK, "track", "flow table, TCP sequence, freeing of buffers")                          \
	X(HTTP, "http", "heads, framing, pairing")                                                 \
	X(BODY, "body", "content decoding, windows, JSON and form walk")                           \
	X(PATTERN, "pattern", "Hyperscan over windows")                                            \
	X(VALUE, "value", "shapes, context and checks of single values")                           \
	X(DETECT, "detect", "identity, templates, detectors, evidence")

enum stage {
#define X(name, text, help) STAGE_##name,
	STAGES(X)
#undef X
	STAGE_N,
};

struct stage_clock {
	bool on;
	uint32_t current;
	uint64_t last_tsc;
	uint64_t cycles[STAGE_N], calls[STAGE_N];
};

// Returns the stage to go back to.
static inline uint32_t stage_enter(struct stage_clock *clock, uint32_t stage)
{
	uint32_t before = clock->current;

	if (__builtin_expect(!clock->on, 1))
		return before;
	uint64_t now = __builtin_ia32_rdtsc();
	clock->cycles[before] += now - clock->last_tsc;
	clock->last_tsc = now;
	clock->calls[stage]++;
	clock->current = stage;
	return before;
}

static inline void stage_leave(struct stage_clock *clock, uint32_t before)
{
	if (__builtin_expect(!clock->on, 1))
		return;
	uint64_t now = __builtin_ia32_rdtsc();
	clock->cycles[clock->current] += now - clock->last_tsc;
	clock->last_tsc = now;
	clock->current = before;
}
