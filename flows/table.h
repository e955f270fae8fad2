// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The flow table of one worker: buckets of one cache line, two choices, tags compared eight at a
// time. One thread.

#pragma once

#include "dataplane/pool.h"
#include "flows/flow.h"

#include <stdint.h>

enum { TABLE_WAYS = 8 };

struct bucket {
	uint16_t tag[TABLE_WAYS];  // 0: free
	uint32_t slot[TABLE_WAYS]; // index into flows
	uint8_t pad[16];
};
_Static_assert(sizeof(struct bucket) == 64, "one cache line");

struct table {
	struct bucket *buckets;
	uint32_t mask;      // buckets - 1
	struct flow *flows; // 1-based handles: flow i + 1
	uint32_t max, used;
	uint32_t fresh;     // flows never used start here
	uint32_t free;      // list through flow.next; index + 1
	uint64_t full;      // insertions refused
	struct pool bucket_memory, flow_memory; // zeroed pages, used as arrays
};

// 0 or -ENOMEM. Memory is committed as flows are used.
int table_init(struct table *table, uint32_t max_flows);
void table_fini(struct table *table);

void table_prefetch(const struct table *table, uint64_t hash);
// A flow whose tag fits, for prefetching; not compared with the key. NULL: none.
struct flow *table_candidate(const struct table *table, uint64_t hash);
// NULL: not there.
struct flow *table_lookup(const struct table *table, const struct flow_key *key, uint64_t hash);
// A new entry, zeroed but for key and hash; NULL when the table or both buckets are full. The
// key must not be in the table.
struct flow *table_insert(struct table *table, const struct flow_key *key, uint64_t hash);
void table_remove(struct table *table, struct flow *flow);

static inline uint32_t table_index(const struct table *table, const struct flow *flow)
{
	return (uint32_t)(flow - table->flows);
}
