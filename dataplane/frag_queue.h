// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which datagram has to go when there is no room: of those that share a queue the oldest, of the
// queues the one that holds most.

#pragma once

#include "dataplane/frag_pairs.h"

#include <stdint.h>

enum { FRAG_QUEUES = 256 }; // of each trust

// A datagram's place, at its index: 0 is none.
struct frag_node {
	uint32_t older, newer;
	uint32_t cost; // itself and the buffers that it holds
	uint16_t trust, queue;
};

struct frag_queue {
	uint32_t cost, oldest, newest;
};

struct frag_queues {
	struct frag_node *nodes; // the owner's
	uint32_t cost[FRAG_TRUSTS];
	uint32_t longest[FRAG_TRUSTS]; // as far as is known
	uint32_t next[FRAG_TRUSTS];    // to be compared with that
	struct frag_queue queues[FRAG_TRUSTS][FRAG_QUEUES];
};

// hash: keyed, of the sender.
void frag_queue_add(struct frag_queues *q, uint32_t i, enum frag_trust trust, uint64_t hash);
void frag_queue_cost(struct frag_queues *q, uint32_t i, uint32_t cost);
void frag_queue_remove(struct frag_queues *q, uint32_t i);
// 0: there is none.
uint32_t frag_queue_victim(struct frag_queues *q);
