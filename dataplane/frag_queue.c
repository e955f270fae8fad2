// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
//     trust ─► queue of a sender ─► datagram ─► datagram     oldest first
//
// Senders share 256 queues by a keyed hash. One that sends much fills its own queue, which then is
// the longest, and loses its own datagrams; many that send one each (forged, mostly) fill all of
// the lowest trust alike. No trust can starve another: each has a part of the room that none
// above it takes, since a single connection of its own is enough for an attacker to be trusted.

#include "dataplane/frag_queue.h"

#include <stdbool.h>

enum {
	QUEUE_PARTS = 4,
	QUEUE_LOOK = 8, // queues compared for one victim; 32 victims have seen all
};

// Parts of what is held that are a trust's own. They add up to all of it, so that there is always
// a trust with no less than its own.
static const uint32_t queue_parts[FRAG_TRUSTS] = {
	[FRAG_UNKNOWN] = 1,
	[FRAG_WHOLE] = 1,
	[FRAG_ANSWERED] = 2,
};
_Static_assert(FRAG_TRUSTS == 3, "parts of each");

void frag_queue_add(struct frag_queues *q, uint32_t i, enum frag_trust trust, uint64_t hash)
{
	uint32_t n = (uint32_t)(hash % FRAG_QUEUES);
	struct frag_queue *queue = &q->queues[trust][n];

	q->nodes[i] = (struct frag_node){
		.older = queue->newest,
		.trust = (uint16_t)trust,
		.queue = (uint16_t)n,
	};
	*(queue->newest ? &q->nodes[queue->newest].newer : &queue->oldest) = i;
	queue->newest = i;
}

void frag_queue_cost(struct frag_queues *q, uint32_t i, uint32_t cost)
{
	struct frag_node *node = &q->nodes[i];
	struct frag_queue *queues = q->queues[node->trust];

	queues[node->queue].cost += cost - node->cost;
	q->cost[node->trust] += cost - node->cost;
	node->cost = cost;
	if (queues[node->queue].cost > queues[q->longest[node->trust]].cost)
		q->longest[node->trust] = node->queue;
}

void frag_queue_remove(struct frag_queues *q, uint32_t i)
{
	struct frag_node *node = &q->nodes[i];
	struct frag_queue *queue = &q->queues[node->trust][node->queue];

	frag_queue_cost(q, i, 0);
	*(node->older ? &q->nodes[node->older].newer : &queue->oldest) = node->newer;
	*(node->newer ? &q->nodes[node->newer].older : &queue->newest) = node->older;
	*node = (struct frag_node){0};
}

// Growth is seen at once; when the longest one shrinks, the others come up in turn.
static uint32_t queue_longest(struct frag_queues *q, enum frag_trust trust)
{
	const struct frag_queue *queues = q->queues[trust];
	uint32_t longest = q->longest[trust];
	// An empty one says nothing: then all are looked at.
	uint32_t n = queues[longest].cost ? QUEUE_LOOK : FRAG_QUEUES;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t next = q->next[trust]++ % FRAG_QUEUES;

		if (queues[next].cost > queues[longest].cost)
			longest = next;
	}
	q->longest[trust] = longest;
	return longest;
}

uint32_t frag_queue_victim(struct frag_queues *q)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < FRAG_TRUSTS; i++)
		sum += q->cost[i];
	for (uint32_t i = 0; sum && i < FRAG_TRUSTS; i++) {
		if (q->cost[i] && (uint64_t)q->cost[i] * QUEUE_PARTS >= sum * queue_parts[i])
			return q->queues[i][queue_longest(q, i)].oldest;
	}
	return 0;
}
