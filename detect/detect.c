// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The two halves of detection put together, and the epochs between them:
//
//	control                              worker
//	epoch_wanted = n + 1  ──release──►   flips its deltas, takes the snapshot
//	reads the flipped delta ◄─release──  epoch_done = n + 1
//
// The rule that makes this safe: a new epoch is asked for only when the deltas of the last one
// were read from all workers, since a worker that is asked may overwrite its other delta at any
// moment. A worker that is late is skipped by a merge and read by a later one; until it has
// answered the epoch just lasts longer for all, and what does not fit is counted.
//
// The control thread calls everything here except detect_poll() and what detect_sink() returns.

#include "detect/detect.h"

#include "detect/baseline.h"
#include "detect/merge.h"
#include "detect/scan.h"
#include "detect/siphash.h"
#include "detect/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct detect {
	struct detect_shared shared; // first: it holds aligned fields
	struct merger *merger;
	struct ruleset *ruleset;
	struct detect_worker **workers; // owned
	uint32_t *merged;               // epoch of each worker that was read last
};

struct detect *detect_new(const struct conf *conf, uint32_t n_workers, uint32_t n_exchanges,
			  uint64_t seed, issue_fn fn, void *arg, char *why, size_t why_len)
{
	struct detect *detect = aligned_alloc(alignof(struct detect), sizeof(*detect));

	if (!detect)
		goto no_memory;
	memset(detect, 0, sizeof(*detect));
	detect->shared.conf = conf;
	detect->shared.seed = seed;
	detect->shared.salt = siphash_id(siphash_number(seed, 'P', 0));
	detect->workers = calloc(n_workers, sizeof(struct detect_worker *));
	detect->merged = calloc(n_workers, sizeof(uint32_t));
	if (!detect->workers || !detect->merged)
		goto no_memory;
	detect->ruleset = ruleset_new(conf, why, why_len);
	if (!detect->ruleset)
		goto err;
	detect->shared.ruleset = detect->ruleset;
	detect->shared.workers = detect->workers;
	detect->shared.capture = detect_worker_capture;
	// Before the workers: they start with its snapshot.
	detect->merger = merger_new(&detect->shared, fn, arg, why, why_len);
	if (!detect->merger)
		goto err;
	for (; detect->shared.n_workers < n_workers; detect->shared.n_workers++) {
		uint32_t i = detect->shared.n_workers;

		detect->workers[i] =
			detect_worker_new(&detect->shared, i, n_exchanges, why, why_len);
		if (!detect->workers[i])
			goto err;
	}
	return detect;

no_memory:
	snprintf(why, why_len, "no memory for detection");
err:
	detect_free(detect);
	return NULL;
}

void detect_free(struct detect *detect)
{
	if (!detect)
		return;
	for (uint32_t i = 0; i < detect->shared.n_workers; i++)
		detect_worker_free(detect->workers[i]);
	if (detect->merger)
		merger_free(detect->merger);
	if (detect->ruleset)
		ruleset_free(detect->ruleset);
	free(detect->workers);
	free(detect->merged);
	free(detect);
}

void detect_observe(struct detect *detect, const struct detect_observer *observer)
{
	detect->shared.observer = *observer;
}

struct event_sink detect_sink(struct detect *detect, uint32_t i)
{
	return detect_worker_sink(detect->workers[i]);
}

void detect_poll(struct detect *detect, uint32_t i)
{
	detect_worker_poll(detect->workers[i]);
}

// ---- Epochs

static uint32_t epoch_wanted(const struct detect *detect)
{
	// Only this thread writes it.
	return atomic_load_explicit(&detect->shared.epoch_wanted, memory_order_relaxed);
}

static uint32_t epoch_done(const struct detect *detect, uint32_t i)
{
	// Pairs with the release in detect_worker_poll(): the other delta is complete.
	return atomic_load_explicit(&detect->workers[i]->epoch_done, memory_order_acquire);
}

void detect_epoch_begin(struct detect *detect)
{
	uint32_t wanted = epoch_wanted(detect);

	for (uint32_t i = 0; i < detect->shared.n_workers; i++) {
		if (detect->merged[i] != wanted)
			return; // the last epoch still runs for this one
	}
	atomic_store_explicit(&detect->shared.epoch_wanted, wanted + 1, memory_order_release);
}

bool detect_policies(struct detect *detect, struct conf *conf)
{
	uint32_t wanted = epoch_wanted(detect), oldest = wanted;

	if (!merger_policies(detect->merger, conf))
		return false;
	for (uint32_t i = 0; i < detect->shared.n_workers; i++) {
		if (detect->merged[i] != wanted)
			oldest = detect->merged[i];
	}
	merger_publish(detect->merger, wanted, oldest);
	return true;
}

bool detect_epoch_ready(const struct detect *detect)
{
	for (uint32_t i = 0; i < detect->shared.n_workers; i++) {
		if (epoch_done(detect, i) != epoch_wanted(detect))
			return false;
	}
	return true;
}

void detect_merge(struct detect *detect, uint64_t now_ns)
{
	uint32_t wanted = epoch_wanted(detect), oldest = wanted;

	for (uint32_t i = 0; i < detect->shared.n_workers; i++) {
		struct detect_worker *w = detect->workers[i];

		if (epoch_done(detect, i) == detect->merged[i]) {
			if (detect->merged[i] != wanted)
				oldest = detect->merged[i];
			continue;
		}
		merge_gather(detect->merger, &w->delta[!w->active]);
		detect->merged[i] = wanted;
	}
	merger_run(detect->merger, now_ns);
	merger_publish(detect->merger, wanted, oldest);
}

void detect_finish(struct detect *detect, uint64_t now_ns)
{
	merger_finish(detect->merger, now_ns);
}

void detect_foreach_issue(struct detect *detect, issue_fn fn, void *arg)
{
	issues_foreach(&detect->merger->issues, fn, arg);
}

void detect_reset(struct detect *detect)
{
	merger_reset(detect->merger);
	// After the merger: they take its new snapshot. Nothing is left to be merged.
	for (uint32_t i = 0; i < detect->shared.n_workers; i++) {
		detect_worker_reset(detect->workers[i]);
		atomic_store_explicit(&detect->workers[i]->epoch_done, epoch_wanted(detect),
				      memory_order_release);
		detect->merged[i] = epoch_wanted(detect);
	}
}

struct merger *detect_merger(struct detect *detect)
{
	return detect->merger;
}

int detect_save(struct detect *detect, const char *dir)
{
	return baseline_save(detect->merger, dir);
}

int detect_load(struct detect *detect, const char *dir)
{
	uint32_t epoch = epoch_wanted(detect);
	int rc = baseline_load(detect->merger, dir);

	// The workers do not run yet: what was learnt counts from their first exchange on.
	merger_publish(detect->merger, epoch, epoch);
	for (uint32_t i = 0; i < detect->shared.n_workers; i++)
		detect_worker_snapshot(detect->workers[i]);
	return rc;
}

void detect_stats(const struct detect *detect, struct detect_stats *out)
{
	const struct merger *m = detect->merger;

	*out = (struct detect_stats){
		.exchanges = m->exchanges,
		.calls_lost = m->calls_lost,
		.findings = m->findings_total,
		.findings_lost = m->findings_lost,
		.names_lost = m->names_lost,
		.issues_created = m->issues.created,
		.issues_updated = m->issues.updated,
		.issues_lost = m->issues.lost,
		.endpoints = m->known.n_endpoints,
		.principals = m->known.n_principals,
		.endpoints_lost = m->known.endpoints_lost,
		.principals_lost = m->known.principals_lost,
		.fields = m->learn.n,
		.fields_forgotten = m->learn.forgotten,
		.fields_lost = m->learn.lost,
		.merges = m->merges,
	};
	// A counter of a running worker: any of its values will do.
	for (uint32_t i = 0; i < detect->shared.n_workers; i++)
		out->exchange_pool_empty +=
			__atomic_load_n(&detect->workers[i]->exchange_pool_empty, __ATOMIC_RELAXED);
}
