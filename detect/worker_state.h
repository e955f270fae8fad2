// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to the worker's half: what worker.c (events, epochs) and finding.c (names, findings)
// share behind struct detect_worker's state. One per worker.

#pragma once

#include "detect/evidence.h"
#include "detect/facts.h"
#include "detect/hits.h"
#include "detect/policy.h"
#include "detect/principal.h"
#include "detect/worker.h"

enum {
	ANNOUNCED = 65536, // names that the merger is known to have
	SLOTS = 4 * DELTA_FINDINGS,
	FIELD_SLOTS = 2 * DELTA_FIELDS,
};

// Where the finding of a key is.
struct slot {
	uint32_t generation; // of the epoch in which it was filled
	uint32_t finding;    // index in the delta
	uint32_t n_values;   // of the exchange that stands for it
	uint32_t room;       // bytes of evidence, to be used again
	uint8_t *evidence;
};

struct field_slot {
	uint32_t generation, field; // as above; index in the delta's fields
};

struct worker_state {
	struct policies *policies;
	struct evidence evidence;
	struct hits_types types;
	struct hits body_hits; // of the value that is being scanned
	struct field_cache renamed;
	uint32_t serial; // of the last exchange
	struct facts_cache facts;
	struct captures captures;
	uint64_t answered; // turn of the snapshot whose wishes were looked at last
	uint32_t n_detectors;
	struct {
		const struct detector *detector;
		const void *options;
	} detectors[DETECTOR_MAX]; // those that are enabled
	uint32_t generation;
	uint32_t names_bytes; // of the arena, in this epoch
	const struct slot *copied; // has the evidence of the present exchange; NULL: none has
	const struct finding *copied_by;
	uint32_t n_met;       // findings that a detector met in the present exchange
	const struct finding *met[EXCHANGE_HITS];
	struct slot slots[SLOTS];
	struct field_slot field_slots[FIELD_SLOTS];
	uint64_t announced[ANNOUNCED];
	struct principal principal;
};

static inline struct delta *delta_active(struct detect_worker *w)
{
	return &w->delta[w->active];
}

static inline uint64_t exchange_time(const struct exchange *x)
{
	return x->tx->msg[x->tx->msg[CLIENT].seen ? CLIENT : SERVER].first_ns;
}

// The exchanges of one connection keep their order.
static inline uint64_t exchange_order(const struct exchange *x)
{
	return (x->tx->conn->hash & ~UINT64_C(0xffffff)) | (x->tx->index & 0xffffff);
}

// Tells the merger who and what stands behind the exchange's identities, unless it knows.
void announce_endpoint(struct detect_worker *w, const struct exchange *x);
static inline bool endpoint_announced(const struct detect_worker *w, const struct exchange *x)
{
	const struct worker_state *state = w->state;

	return state->announced[x->endpoint % ANNOUNCED] == x->endpoint;
}
// As whom: what announce_variant() said.
void announce_principal(struct detect_worker *w, const struct exchange *x, uint64_t variant);
// Who calls, from where and with what program; fetches what is known of that.
uint64_t announce_variant(const struct detect_worker *w, const struct exchange *x);
// Fetches what is known of the endpoint.
static inline void announce_ahead(const struct detect_worker *w, const struct exchange *x)
{
	const struct worker_state *state = w->state;

	__builtin_prefetch(&state->announced[x->endpoint % ANNOUNCED], 1);
}

void delta_clear(struct delta *d);
// Begins an epoch with the active delta, and takes the newest snapshot.
void worker_epoch(struct detect_worker *w);
