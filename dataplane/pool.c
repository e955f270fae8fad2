// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Reservation of a pool's address space. Cold: called at start and stop by the thread that builds
// the workers. Pages that no object has reached cost nothing, so a pool may be sized for the
// worst case; pool_get() and pool_put() in the header are all that runs afterwards.

#include "dataplane/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum {
	POOL_ALIGN = 64,      // a cache line: two objects never share one
	POOL_HUGE = 4 << 20,  // smaller pools are not worth a huge page,
	POOL_WHOLE = 1 << 20, // larger objects are used in part, and huge pages would be all there
};

int pool_init(struct pool *pool, size_t object_size, uint32_t n)
{
	void *base;
	size_t size;

	memset(pool, 0, sizeof(*pool));
	if (object_size > SIZE_MAX - (POOL_ALIGN - 1))
		return -ENOMEM;
	size = (object_size + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
	if (size == 0)
		size = POOL_ALIGN;
	pool->size = size;
	if (n == 0)
		return 0;
	if (size > SIZE_MAX / n)
		return -ENOMEM;
	base = mmap(NULL, size * n, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	// Fewer TLB misses on what is used; a kernel without it just says no.
	if (size * n >= POOL_HUGE && size <= POOL_WHOLE)
		madvise(base, size * n, MADV_HUGEPAGE);
	pool->base = base;
	pool->n = n;
	return 0;
}

void pool_fini(struct pool *pool)
{
	// munmap() fails only for ranges that are not ours to give: nothing to do about it.
	if (pool->base)
		munmap(pool->base, pool->size * pool->n);
	memset(pool, 0, sizeof(*pool));
}

void pool_reset(struct pool *pool)
{
	pool->free = NULL;
	pool->fresh = 0;
	pool->used = 0;
}
