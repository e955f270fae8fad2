// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The worker's half of detection and what it shares with the merger.

#pragma once

#include "dataplane/pool.h"
#include "detect/delta.h"
#include "detect/detect.h"
#include "detect/detector.h"
#include "detect/idset.h"
#include "detect/learn.h"

#include <stdalign.h>
#include <stdatomic.h>

enum { WATCH_MAX = 64 };

// Published by the merger, read by workers at a flip only, so the one before the last epoch can
// be reused: nobody holds it any more.
struct policies;
struct template_pins;

struct snapshot {
	const struct policies *policies; // NULL: those of the start
	bool evidence_full;   // no more is kept, but of watched principals
	struct idset learnt;  // endpoints whose learning period is over
	struct idset templates; // template.h
	struct learn_sets fields;
	struct idset quiet;   // findings (snapshot_finding) whose issues have all that is kept
	uint32_t n_watch;
	uint64_t watch[WATCH_MAX]; // principals, sorted
	uint64_t wanted_turn;      // grows when others are wanted
	uint32_t n_wanted;
	struct capture_id wanted[CAPTURES_WANTED]; // exchanges whose evidence is asked for
};

// Options that both halves read, from section "detect" and neighbours: detect/options.c.
struct detect_shared {
	const struct conf *conf;
	const struct ruleset *ruleset;
	uint64_t seed;             // of all keyed hashes
	uint64_t salt;             // of passwords, whose hashes are kept nowhere
	const struct template_pins *pins; // of the merger; NULL: none
	uint32_t n_workers;
	// Whom to ask for captures when they are idle, and how. NULL: nobody.
	struct detect_worker *const *workers;
	const struct finding *(*capture)(struct detect_worker *w, struct capture_id id);
	struct detect_observer observer;
	alignas(64) _Atomic uint32_t epoch_wanted; // merger: rw, workers: ro
	_Atomic(const struct snapshot *) snapshot; // merger: rw, workers: ro
	struct session_names session_names;        // merger: rw, workers: ro, at a flip
};

static inline uint64_t snapshot_finding(const struct detector *detector, uint64_t key)
{
	uint64_t mix = key;

	for (const char *c = detector->id; *c; c++)
		mix = (mix ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	return mix ? mix : 1;
}

static inline bool snapshot_watches(const struct snapshot *snapshot, uint64_t principal)
{
	uint32_t low = 0, high = snapshot ? snapshot->n_watch : 0;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (snapshot->watch[middle] == principal)
			return true;
		if (snapshot->watch[middle] < principal)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

struct detect_worker {
	struct detect_shared *shared;
	uint32_t index;
	struct scanner *scanner;
	struct pool exchanges;
	const struct snapshot *snapshot; // taken at the last flip
	void *state; // of worker.c: caches, options; opaque to others
	uint32_t active;       // which delta is being filled
	struct delta delta[2]; // worker: [active], merger: the other one after a flip
	struct exchange_finding findings[DETECTOR_MAX]; // of the exchange that is just ending
	uint32_t n_findings;
	uint64_t exchange_pool_empty;
	alignas(64) _Atomic uint32_t epoch_done; // worker: rw, merger: ro
};

struct detect_worker *detect_worker_new(struct detect_shared *shared, uint32_t index,
					uint32_t n_exchanges, char *why, size_t why_len);
void detect_worker_free(struct detect_worker *w);
void detect_worker_reset(struct detect_worker *w);
struct event_sink detect_worker_sink(struct detect_worker *w);
void detect_worker_poll(struct detect_worker *w);
// Evidence of one exchange, into the delta that is being filled; NULL: it is not there any more.
const struct finding *detect_worker_capture(struct detect_worker *w, struct capture_id id);
// Takes the newest snapshot.
void detect_worker_snapshot(struct detect_worker *w);
