// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Start and end of a worker's half of detection: all the memory it will ever have. Control
// thread, while the worker does not run.

#include "detect/worker_state.h"

#include <stdio.h>
#include <stdlib.h>

void detect_worker_reset(struct detect_worker *w)
{
	struct worker_state *state = w->state;

	pool_reset(&w->exchanges);
	memset(state->announced, 0, sizeof(state->announced));
	captures_clear(&state->captures);
	state->answered = 0;
	memset(state->facts.seen, 0, sizeof(state->facts.seen));
	principal_forget(&state->principal);
	for (uint32_t i = 0; i < 2; i++)
		delta_clear(&w->delta[i]);
	worker_epoch(w);
	w->n_findings = 0;
	w->exchange_pool_empty = 0;
}

static int delta_init(struct delta *d)
{
	d->calls = calloc(DELTA_CALLS, sizeof(d->calls[0]));
	d->findings = calloc(DELTA_FINDINGS, sizeof(d->findings[0]));
	d->names = calloc(DELTA_NAMES, sizeof(d->names[0]));
	d->fields = calloc(DELTA_FIELDS, sizeof(d->fields[0]));
	d->objects = calloc(DELTA_OBJECTS, sizeof(d->objects[0]));
	d->call_params = calloc(DELTA_CALL_PARAMS, sizeof(d->call_params[0]));
	d->params = calloc(DELTA_PARAMS, sizeof(d->params[0]));
	d->types = calloc(DELTA_TYPES, sizeof(d->types[0]));
	d->bindings = calloc(DELTA_BINDINGS, sizeof(d->bindings[0]));
	d->session_ids = calloc(DELTA_SESSION_IDS, sizeof(d->session_ids[0]));
	d->arena = malloc(DELTA_ARENA);
	return d->calls && d->findings && d->names && d->fields && d->bindings && d->objects && d->call_params &&
			       d->params && d->types && d->session_ids && d->arena
		       ? 0
		       : -1;
}

// Detectors that the configuration leaves on and that look at exchanges.
static void state_detectors(struct worker_state *state, const struct conf *conf)
{
	for (uint32_t i = 0; i < detector_count(); i++) {
		const struct detector *detector = detector_get(i);
		const void *options = conf_get(conf, detector->section);

		if (!detector->exchange || !*(const bool *)options)
			continue;
		state->detectors[state->n_detectors].detector = detector;
		state->detectors[state->n_detectors++].options = options;
	}
}

struct detect_worker *detect_worker_new(struct detect_shared *shared, uint32_t index,
					uint32_t n_exchanges, char *why, size_t why_len)
{
	struct detect_worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
	const struct evidence_options *evidence = conf_get(shared->conf, &evidence_section);
	struct worker_state *state;

	if (!w)
		goto memory;
	memset(w, 0, sizeof(*w));
	w->shared = shared;
	w->index = index;
	w->state = state = aligned_alloc(alignof(struct worker_state), sizeof(*state));
	if (!state)
		goto memory;
	memset(state, 0, sizeof(*state));
	if (!principal_init(&state->principal, conf_get(shared->conf, &principal_section),
			    shared->salt, why, why_len))
		goto err;
	hits_types_init(&state->types);
	state->body_hits = (struct hits){
		.types = &state->types,
		.cache = &state->renamed,
		.seed = shared->seed,
		.place = PLACE_BODY,
	};
	state_detectors(state, shared->conf);
	state->policies = policies_new(shared->conf);
	if (captures_init(&state->captures, (uint64_t)evidence->capture_mb << 20))
		goto memory;
	if (!state->policies || delta_init(&w->delta[0]) || delta_init(&w->delta[1]) ||
	    pool_init(&w->exchanges, sizeof(struct exchange), n_exchanges))
		goto memory;
	w->scanner = scanner_new(shared->ruleset, shared->seed);
	if (!w->scanner)
		goto memory;
	scanner_missed(w->scanner, hits_missed);
	state->evidence = (struct evidence){
		.scanner = w->scanner,
		.types = &state->types,
		.clear = evidence->clear,
	};
	atomic_init(&w->epoch_done,
		    atomic_load_explicit(&shared->epoch_wanted, memory_order_relaxed));
	worker_epoch(w);
	return w;

memory:
	snprintf(why, why_len, "out of memory for the detection of worker %u", index);
err:
	detect_worker_free(w);
	return NULL;
}

void detect_worker_free(struct detect_worker *w)
{
	struct worker_state *state = w ? w->state : NULL;

	if (!w)
		return;
	if (w->scanner)
		scanner_free(w->scanner);
	pool_fini(&w->exchanges);
	for (uint32_t i = 0; i < 2; i++) {
		free(w->delta[i].calls);
		free(w->delta[i].findings);
		free(w->delta[i].names);
		free(w->delta[i].fields);
		free(w->delta[i].objects);
		free(w->delta[i].call_params);
		free(w->delta[i].params);
		free(w->delta[i].types);
		free(w->delta[i].bindings);
		free(w->delta[i].session_ids);
		free(w->delta[i].arena);
	}
	if (state) {
		policies_free(state->policies);
		captures_fini(&state->captures);
	}
	free(state);
	free(w);
}
