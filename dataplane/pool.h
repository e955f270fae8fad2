// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Fixed pools of equal objects for one worker: no malloc after start, exhaustion is a normal,
// counted case. Free objects form a LIFO list through their first eight bytes, so that only as
// much memory is ever touched as was in use at once.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
	uint8_t *base;
	size_t size;     // bytes of one object, a multiple of 64
	uint32_t n;      // objects
	uint32_t fresh;  // objects never handed out start here
	void *free;      // list of returned objects
	uint32_t used;
	uint32_t peak;
	uint64_t failed; // requests while empty
};

// Reserves address space for n objects; pages are committed when first touched. 0 or -ENOMEM.
int pool_init(struct pool *pool, size_t object_size, uint32_t n);
void pool_fini(struct pool *pool);
// All objects are free again. For offline use between two captures.
void pool_reset(struct pool *pool);

// Not cleared. NULL when the pool is empty.
static inline void *pool_get(struct pool *pool)
{
	void *object = pool->free;

	if (object) {
		pool->free = *(void **)object;
	} else if (pool->fresh < pool->n) {
		object = pool->base + pool->size * pool->fresh++;
	} else {
		pool->failed++;
		return NULL;
	}
	if (++pool->used > pool->peak)
		pool->peak = pool->used;
	return object;
}

static inline void pool_put(struct pool *pool, void *object)
{
	*(void **)object = pool->free;
	pool->free = object;
	pool->used--;
}
