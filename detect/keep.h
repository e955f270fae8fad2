// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Copies of bytes that live and die together, for the control thread: what was borrowed from a
// delta or a table becomes part of a record. Chunks are filled one after the other and are all
// freed at once. Without memory a copy is empty, and `failed` says so.

#pragma once

#include "flows/span.h"

#include <stdlib.h>

enum { KEEP_CHUNK = 1024 };

struct keep_chunk {
	struct keep_chunk *next;
	size_t used, room;
	uint8_t bytes[];
};

struct keep {
	struct keep_chunk *chunks; // owned; the first one is being filled
	bool failed;
};

static inline uint8_t *keep_room(struct keep *keep, size_t len)
{
	struct keep_chunk *chunk = keep->chunks;

	if (!chunk || chunk->room - chunk->used < len) {
		size_t room = len < KEEP_CHUNK ? KEEP_CHUNK : len;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk) {
			keep->failed = true;
			return NULL;
		}
		*chunk = (struct keep_chunk){keep->chunks, 0, room};
		keep->chunks = chunk;
	}
	chunk->used += len;
	return chunk->bytes + chunk->used - len;
}

static inline struct span keep_span(struct keep *keep, struct span from)
{
	uint8_t *p = from.len ? keep_room(keep, from.len) : NULL;

	if (!p)
		return (struct span){0};
	memcpy(p, from.p, from.len);
	return span_make(p, from.len);
}

// NUL-terminated; "" without memory.
static inline const char *keep_text(struct keep *keep, const char *from)
{
	size_t len = from ? strlen(from) : 0;
	uint8_t *p = len ? keep_room(keep, len + 1) : NULL;

	return p ? memcpy(p, from, len + 1) : "";
}

static inline void keep_free(struct keep *keep)
{
	for (struct keep_chunk *next, *chunk = keep->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	*keep = (struct keep){0};
}
