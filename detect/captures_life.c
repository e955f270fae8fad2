// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The memory of a worker's last exchanges. Control thread.

#include "detect/captures.h"

#include <stdlib.h>

int captures_init(struct captures *c, uint64_t size)
{
	*c = (struct captures){.size = size};
	if (size == 0)
		return 0;
	c->ring = malloc(size);
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
