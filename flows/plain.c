// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The walker of a part that has a name and no structure, such as a field of a form: all of it is
// one value. Whole bodies of text have no name and are searched by their windows. Runs on the
// worker.

#include "flows/plain.h"

#include "flows/walk_path.h"

static_assert(sizeof(struct plain) <= WALKER_PART, "a part may be plain");

static bool plain_begin(void *state, const struct walk_start *start)
{
	struct plain *plain = state;

	plain->path_hash = start->seed;
	plain->name_len = (uint8_t)start->name.len;
	memcpy(plain->name, start->name.p, start->name.len);
	plain->longer = false;
	return true;
}

static const uint8_t *plain_walk(void *state, const struct walk *w)
{
	struct plain *plain = state;
	struct value v = {.dir = w->dir, .parent = SPAN_LIT("$")};

	v.key = span_make(plain->name, plain->name_len);
	v.key_hash = walk_key_hash(w->seed, v.key);
	v.field = walk_field_hash(plain->path_hash, v.key_hash);
	if (plain->longer) {
		walk_text(w, &v, w->end);
		return walk_context(w);
	}
	if (!w->last && w->end - w->begin <= walk_tail(w))
		return w->begin;
	if (w->end > w->begin)
		walk_value(w, &v, w->complete ? VALUE_STRING : VALUE_TEXT, w->begin, w->end);
	plain->longer = true;
	return walk_context(w);
}

static enum walk_fault plain_fault(const void *)
{
	return WALK_GOOD;
}

static bool plain_whole(const void *)
{
	return true;
}

// No media type: it is what is left.
const struct walker plain_walker = {
	.name = "plain",
	.size = sizeof(struct plain),
	.begin = plain_begin,
	.walk = plain_walk,
	.fault = plain_fault,
	.whole = plain_whole,
};
