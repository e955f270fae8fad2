// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The memory of a worker's last exchanges. Control thread.

#include "detect/captures.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// All of it is there before the first packet is: a page that a worker meets for the first time costs
// more than the exchange that it is for.
static uint8_t *ring_new(uint64_t size)
{
	const size_t huge = 2 << 20;
	uint8_t *ring = aligned_alloc(huge, (size + huge - 1) / huge * huge);

	if (!ring)
		return NULL;
	madvise(ring, size, MADV_HUGEPAGE); // or else smaller pages
	memset(ring, 0, size);
	return ring;
}

int captures_init(struct captures *c, uint64_t size)
{
	*c = (struct captures){.size = size};
	if (size == 0)
		return 0;
	c->ring = ring_new(size);
	c->slots = aligned_alloc(CAPTURES_SET * sizeof(*c->slots), CAPTURES_SLOTS * sizeof(*c->slots));
	if (!c->ring || !c->slots) {
		captures_fini(c);
		return -1;
	}
	captures_clear(c);
	return 0;
}

void captures_fini(struct captures *c)
{
	free(c->ring);
	free(c->slots);
	*c = (struct captures){0};
}
