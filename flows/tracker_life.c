// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Making, emptying and freeing a tracker: the parts that run while no packet does, apart from
// those that run on workers because they ask the system for memory.

#include "flows/tcp.h"

#include <stdlib.h>
#include <string.h>

struct tracker *tracker_new(const struct tracker_limits *limits, struct flow_env *env,
			    uint64_t seed)
{
	struct tracker *t = aligned_alloc(64, (sizeof(*t) + 63) / 64 * 64);

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->limits = limits;
	t->env = env;
	overlap_key_init(&t->overlap_key, seed);
	if (table_init(&t->table, limits->flows) == 0 &&
	    pool_init(&t->conns, sizeof(struct conn), limits->conns) == 0)
		return t;
	tracker_free(t);
	return NULL;
}

void tracker_free(struct tracker *t)
{
	if (!t)
		return;
	if (t->table.buckets)
		table_fini(&t->table);
	if (t->conns.base)
		pool_fini(&t->conns);
	free(t);
}

static int by_creation(const void *a, const void *b)
{
	const struct flow *x = *(struct flow *const *)a, *y = *(struct flow *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

void tracker_flush(struct tracker *t, struct fates *fates)
{
	struct flow **flows = t->table.used ? malloc(t->table.used * sizeof(*flows)) : NULL;
	uint32_t n = 0;

	t->fates = fates;
	t->now_ns = t->latest_ns;
	for (uint32_t i = 0; i < t->table.fresh; i++) {
		if (t->table.flows[i].state == FLOW_FREE)
			continue;
		if (flows)
			flows[n++] = &t->table.flows[i];
		else
			tracker_remove(t, &t->table.flows[i], CLOSE_END); // no memory: no order
	}
	if (flows)
		qsort(flows, n, sizeof(*flows), by_creation);
	for (uint32_t i = 0; i < n; i++)
		tracker_remove(t, flows[i], CLOSE_END);
	free(flows);
	tracker_free_done(t);
	// The wheel and the free list are empty or whole again; time may start elsewhere.
	t->latest_ns = 0;
	t->tick_ns = 0;
	t->skipped_ns = 0;
	t->base_s = 0;
	t->wheel.now_s = 0;
	t->table.fresh = 0;
	t->table.free = 0;
	t->sweep = 0;
	pool_reset(&t->conns);
}
