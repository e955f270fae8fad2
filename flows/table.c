// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bucket 1 comes from the hash's low bits; bucket 2 is bucket 1 XOR a mix of the tag, so either
// can be computed from the other. A newcomer goes to the emptier of the two: at a load of 0.6
// neither overflows in practice. The hash is keyed, so nobody can aim.

#include "flows/table.h"

#include <emmintrin.h>
#include <errno.h>
#include <rte_prefetch.h>
#include <string.h>

int table_init(struct table *t, uint32_t max_flows)
{
	uint32_t n = 64;

	*t = (struct table){.max = max_flows};
	// 8 ways at a load of at most 0.6.
	while ((uint64_t)n * TABLE_WAYS * 6 / 10 < max_flows)
		n *= 2;
	t->mask = n - 1;
	if (pool_init(&t->bucket_memory, sizeof(struct bucket), n) ||
	    pool_init(&t->flow_memory, sizeof(struct flow), max_flows)) {
		table_fini(t);
		return -ENOMEM;
	}
	t->buckets = (struct bucket *)t->bucket_memory.base;
	t->flows = (struct flow *)t->flow_memory.base;
	return 0;
}

void table_fini(struct table *t)
{
	pool_fini(&t->bucket_memory);
	pool_fini(&t->flow_memory);
	*t = (struct table){0};
}

static uint16_t tag_of(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 48);

	return tag ? tag : 1;
}

static struct bucket *first_of(const struct table *t, uint64_t hash)
{
	return &t->buckets[(uint32_t)hash & t->mask];
}

static struct bucket *second_of(const struct table *t, uint64_t hash)
{
	return &t->buckets[((uint32_t)hash ^ tag_of(hash) * 0x5bd1e995u) & t->mask];
}

// A bit for each way whose tag is this one.
static uint32_t tags_equal(const struct bucket *b, uint16_t tag)
{
	__m128i tags = _mm_load_si128((const __m128i *)b->tag);
	__m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
}

void table_prefetch(const struct table *t, uint64_t hash)
{
	rte_prefetch0(first_of(t, hash));
	rte_prefetch0(second_of(t, hash));
}

struct flow *table_candidate(const struct table *t, uint64_t hash)
{
	const struct bucket *b = first_of(t, hash);
	uint32_t ways = tags_equal(b, tag_of(hash));

	if (!ways) {
		b = second_of(t, hash);
		ways = tags_equal(b, tag_of(hash));
	}
	return ways ? &t->flows[b->slot[__builtin_ctz(ways)]] : NULL;
}

static struct flow *bucket_lookup(const struct table *t, const struct bucket *b,
				  const struct flow_key *key, uint64_t hash)
{
	for (uint32_t ways = tags_equal(b, tag_of(hash)); ways; ways &= ways - 1) {
		struct flow *flow = &t->flows[b->slot[__builtin_ctz(ways)]];

		if (flow->hash == hash && memcmp(&flow->key, key, sizeof(*key)) == 0)
			return flow;
	}
	return NULL;
}

struct flow *table_lookup(const struct table *t, const struct flow_key *key, uint64_t hash)
{
	struct flow *flow = bucket_lookup(t, first_of(t, hash), key, hash);

	return flow ? flow : bucket_lookup(t, second_of(t, hash), key, hash);
}

struct flow *table_insert(struct table *t, const struct flow_key *key, uint64_t hash)
{
	struct bucket *a = first_of(t, hash), *b = second_of(t, hash);
	uint32_t free_a = tags_equal(a, 0), free_b = tags_equal(b, 0), index;

	if (__builtin_popcount(free_b) > __builtin_popcount(free_a)) {
		a = b;
		free_a = free_b;
	}
	if (!free_a || (!t->free && t->fresh == t->max)) {
		t->full++;
		return NULL;
	}
	if (t->free) {
		index = t->free - 1;
		t->free = t->flows[index].next;
	} else {
		index = t->fresh++;
	}
	a->tag[__builtin_ctz(free_a)] = tag_of(hash);
	a->slot[__builtin_ctz(free_a)] = index;
	struct flow *flow = &t->flows[index];
	memset(flow, 0, sizeof(*flow));
	flow->key = *key;
	flow->hash = hash;
	t->used++;
	return flow;
}

static bool bucket_remove(struct bucket *b, uint16_t tag, uint32_t index)
{
	for (uint32_t ways = tags_equal(b, tag); ways; ways &= ways - 1) {
		uint32_t way = (uint32_t)__builtin_ctz(ways);

		if (b->slot[way] == index) {
			b->tag[way] = 0;
			return true;
		}
	}
	return false;
}

void table_remove(struct table *t, struct flow *flow)
{
	uint32_t index = table_index(t, flow);
	uint16_t tag = tag_of(flow->hash);

	if (!bucket_remove(first_of(t, flow->hash), tag, index) &&
	    !bucket_remove(second_of(t, flow->hash), tag, index))
		return; // not in the table: nothing to undo
	flow->state = FLOW_FREE;
	flow->next = t->free;
	t->free = index + 1;
	t->used--;
}
