// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where a walker stands in a tree: the path from the top as text, "$.Envelope.Body", and as a hash
// that tells fields apart. A stack of fixed size; what is deeper is the walker's matter.

#pragma once

#include "flows/walker.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	WALK_DEPTH = 64,       // containers inside each other, at most
	WALK_PATH_BYTES = 255, // of the text; names that do not fit are left out
};

struct walk_path {
	uint8_t depth;
	uint8_t max;
	struct {
		uint8_t len;     // of the text
		uint8_t name_at; // where in it the container's own name stands
		uint8_t name_len;
	} level[WALK_DEPTH + 1];
	uint64_t hash[WALK_DEPTH + 1];
	uint8_t text[WALK_PATH_BYTES];
};

static inline void walk_path_begin(struct walk_path *path, const struct walk_start *start,
				   uint32_t max_depth)
{
	uint32_t n = start->name.len;

	path->depth = 0;
	path->max = max_depth < WALK_DEPTH ? (uint8_t)max_depth : WALK_DEPTH;
	path->hash[0] = walk_start_path(start);
	path->text[0] = '$';
	path->level[0].len = 1;
	path->level[0].name_at = 1;
	path->level[0].name_len = (uint8_t)n;
	if (n) {
		path->text[1] = '.';
		memcpy(path->text + 2, start->name.p, n);
		path->level[0].len = (uint8_t)(n + 2);
		path->level[0].name_at = 2;
	}
}

// False: too deep.
static inline bool walk_path_push(struct walk_path *path, struct span name, uint64_t name_hash)
{
	uint32_t depth = path->depth, len = path->level[depth].len;

	if (depth >= path->max)
		return false;
	path->depth = (uint8_t)++depth;
	path->hash[depth] = walk_field_hash(path->hash[depth - 1], name_hash);
	path->level[depth].name_at = (uint8_t)len;
	path->level[depth].name_len = 0;
	if (len + 1 + name.len <= WALK_PATH_BYTES) {
		path->text[len++] = '.';
		memcpy(path->text + len, name.p, name.len);
		path->level[depth].name_at = (uint8_t)len;
		path->level[depth].name_len = (uint8_t)name.len;
		len += name.len;
	}
	path->level[depth].len = (uint8_t)len;
	return true;
}

static inline void walk_path_pop(struct walk_path *path)
{
	if (path->depth)
		path->depth--;
}

static inline struct span walk_path_text(const struct walk_path *path, uint32_t depth)
{
	return span_make(path->text, path->level[depth].len);
}

static inline struct span walk_path_name(const struct walk_path *path, uint32_t depth)
{
	return span_make(path->text + path->level[depth].name_at, path->level[depth].name_len);
}

// The value that follows has this name, in the container at that depth.
static inline void walk_path_field(const struct walk_path *path, uint64_t seed, uint32_t depth,
				   struct span key, struct value *v)
{
	v->parent = walk_path_text(path, depth);
	v->key = key;
	v->key_hash = walk_key_hash(seed, key);
	v->field = walk_field_hash(path->hash[depth], v->key_hash);
}
