// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Start and end of what is known of fields, and its file. All numbers little end first:
//
//	count of type names (2), each: length (1), name
//	count of fields (4), each, oldest first:
//		id, endpoint, last_ns, values refused, values passed (8 each)
//		sketches of both (8 for each word), index of the type's name (2), unsure (1)
//
// Types are written by name, for their numbers change with every new one. Fields of a type that
// is no more are left out. Control thread.

#include "detect/learn.h"

#include "detect/blob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_LEN = 64, // bytes of a type's name
	FIELD_BYTES = 5 * 8 + 2 * SKETCH_WORDS * 8 + 2 + 1,
	UNKNOWN = UINT16_MAX,
};

int learn_init(struct learn *l, const struct learn_options *options)
{
	*l = (struct learn){.options = *options, .oldest = LEARN_NOBODY, .newest = LEARN_NOBODY};
	l->entries = calloc(options->max_fields, sizeof(*l->entries));
	return l->entries ? 0 : -1;
}

void learn_fini(struct learn *l)
{
	idmap_fini(&l->map);
	free(l->entries);
	free(l->batch);
	*l = (struct learn){.oldest = LEARN_NOBODY, .newest = LEARN_NOBODY};
}

void learn_reset(struct learn *l)
{
	idmap_fini(&l->map);
	l->n = l->n_batch = 0;
	l->oldest = l->newest = LEARN_NOBODY;
	l->changes = 0;
	l->forgotten = l->lost = 0;
}

void learn_forget_if(struct learn *l, bool (*goes)(void *arg, uint64_t endpoint), void *arg)
{
	for (uint32_t i = l->oldest; i != LEARN_NOBODY; i = l->entries[i].newer) {
		struct learn_entry *e = &l->entries[i];

		if (!goes(arg, e->sum.endpoint))
			continue;
		// Its place stays in the list, as one that nobody finds.
		if (idmap_get(&l->map, e->sum.id) == e)
			idmap_remove(&l->map, e->sum.id);
		e->verdict = LEARN_OPEN;
	}
	l->changes++;
}

static bool is_same(void *arg, uint64_t endpoint)
{
	return endpoint == *(const uint64_t *)arg;
}

void learn_forget(struct learn *l, uint64_t endpoint)
{
	learn_forget_if(l, is_same, &endpoint);
}

// ---- Writing

static void put_field(FILE *out, const struct delta_field *f)
{
	blob_put(out, f->id, 8);
	blob_put(out, f->endpoint, 8);
	blob_put(out, f->last_ns, 8);
	for (uint32_t i = 0; i < 2; i++)
		blob_put(out, f->values[i], 8);
	for (uint32_t i = 0; i < 2 * SKETCH_WORDS; i++)
		blob_put(out, f->sketch[i / SKETCH_WORDS][i % SKETCH_WORDS], 8);
	blob_put(out, f->type, 2);
	blob_put(out, f->unsure, 1);
}

int learn_save(const struct learn *l, FILE *out)
{
	blob_put(out, datatype_count(), 2);
	for (uint32_t i = 0; i < datatype_count(); i++) {
		const char *id = datatype_get(i)->id;
		uint32_t len = (uint32_t)strnlen(id, NAME_MAX_LEN);

		blob_put(out, len, 1);
		fwrite(id, 1, len, out);
	}
	blob_put(out, l->map.n, 4);
	for (uint32_t i = l->oldest; i != LEARN_NOBODY; i = l->entries[i].newer) {
		if (idmap_get(&l->map, l->entries[i].sum.id) == &l->entries[i])
			put_field(out, &l->entries[i].sum);
	}
	return ferror(out) ? -EIO : 0;
}

// ---- Reading

// The number that a type has today.
static uint16_t get_type(struct blob_reader *r)
{
	char name[NAME_MAX_LEN + 1];
	uint32_t len = (uint32_t)blob_get(r, 1);
	int type;

	if (len == 0 || len > NAME_MAX_LEN || len > r->left)
		r->bad = true;
	for (uint32_t i = 0; i < len && !r->bad; i++)
		name[i] = (char)blob_get(r, 1);
	if (r->bad)
		return UNKNOWN;
	name[len] = '\0';
	type = datatype_find(name);
	return type < 0 ? UNKNOWN : (uint16_t)type;
}

static uint32_t get_types(struct blob_reader *r, uint16_t types[DATATYPE_MAX])
{
	uint32_t n = (uint32_t)blob_get(r, 2);

	if (n > DATATYPE_MAX)
		r->bad = true;
	for (uint32_t i = 0; i < n && !r->bad; i++)
		types[i] = get_type(r);
	return r->bad ? 0 : n;
}

static struct delta_field get_field(struct blob_reader *r)
{
	struct delta_field f = {0};

	f.id = blob_get(r, 8);
	f.endpoint = blob_get(r, 8);
	f.last_ns = blob_get(r, 8);
	for (uint32_t i = 0; i < 2; i++)
		f.values[i] = blob_get(r, 8);
	for (uint32_t i = 0; i < 2 * SKETCH_WORDS; i++)
		f.sketch[i / SKETCH_WORDS][i % SKETCH_WORDS] = blob_get(r, 8);
	f.type = (uint16_t)blob_get(r, 2);
	f.unsure = blob_get(r, 1) != 0;
	if (f.id == 0)
		r->bad = true;
	return f;
}

// The notes of the file are folded in portions, as if workers had made them.
int learn_load(struct learn *l, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len};
	uint16_t types[DATATYPE_MAX];
	uint32_t n_types = version == LEARN_VERSION ? get_types(&r, types) : 0;
	uint64_t n = n_types ? blob_get(&r, 4) : UINT64_MAX;

	if (r.bad || n > r.left / FIELD_BYTES)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		struct delta_field f = get_field(&r);
		struct delta one = {.n_fields = 1, .fields = &f};

		if (r.bad || f.type >= n_types)
			goto bad;
		f.type = types[f.type];
		if (f.type == UNKNOWN || idmap_get(&l->map, f.id))
			continue;
		learn_gather(l, &one);
		if (l->n_batch >= DELTA_FIELDS)
			learn_fold(l);
	}
	learn_fold(l);
	if (r.left == 0)
		return 0;
bad:
	learn_reset(l);
	return -EBADMSG;
}
