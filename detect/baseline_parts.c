// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Principals are known by their identities again, which are keyed hashes: since when, how often and
// what detectors learnt of them, but not what they are called, from where they came or what they
// did. Facts of endpoints are written number by number, small ones in few bytes.

#include "detect/baseline_parts.h"

#include "detect/record.h"

#include <errno.h>
#include <stdlib.h>

enum { PEOPLE = 32 }; // principals that are read before their places are looked for

static int fields_save(struct merger *m, FILE *out)
{
	return learn_save(&m->learn, out);
}

static int fields_load(struct merger *m, FILE *in, size_t len, uint32_t version)
{
	return learn_load(&m->learn, in, len, version);
}

static int parameters_save(struct merger *m, FILE *out)
{
	return params_save(&m->params, out);
}

static int parameters_load(struct merger *m, FILE *in, size_t len, uint32_t version)
{
	return version == 1 ? params_load(&m->params, in, len) : -EINVAL;
}

// ---- Principals, the one idle longest first

static const struct record_field person_fields[] = {
	RECORD_ONE(struct merged_principal, first_ns, 0),
	RECORD_ONE(struct merged_principal, last_ns, 0),
	RECORD_SMALL(struct merged_principal, calls, 0),
};
static const struct record person_record = RECORD(struct merged_principal, person_fields, NULL);

static int people_save(struct merger *m, FILE *out)
{
	blob_put(out, record_layout(&person_record), 4);
	blob_put(out, m->known.n_principals, 4);
	for (const struct known_principal *p = m->known.oldest; p; p = p->newer) {
		blob_put(out, p->pub.id, 8);
		record_put(out, &person_record, &p->pub);
	}
	return ferror(out) ? -EIO : 0;
}

static bool person_add(struct known *k, const struct merged_principal *read)
{
	struct known_principal *p = known_principal_add(k, read->id);

	if (!p)
		return false;
	p->pub.first_ns = read->first_ns;
	p->pub.last_ns = read->last_ns;
	p->pub.calls = read->calls;
	return true;
}

// Some at a time, for each stands anywhere in a large table.
static int people_load(struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != 1};
	uint64_t n;

	r.bad |= blob_get(&r, 4) != record_layout(&person_record);
	n = blob_get(&r, 4);
	if (!r.bad && n <= r.left / 8)
		known_principals_reserve(&m->known, n);
	while (n && !r.bad) {
		struct merged_principal read[PEOPLE];
		uint32_t got = 0;

		for (; got < PEOPLE && got < n && !r.bad; got++) {
			read[got] = (struct merged_principal){.id = blob_get(&r, 8)};
			r.bad |= read[got].id == 0;
			idmap_prefetch(&m->known.principal_map, read[got].id);
			record_get(&r, &person_record, &read[got]);
		}
		n -= got;
		for (uint32_t i = 0; i < got && !r.bad; i++) {
			if (!person_add(&m->known, &read[i]))
				return -ENOMEM;
		}
	}
	return record_end(&r);
}

// ---- Facts of endpoints

static const struct record_field sketch_fields[] = {
	RECORD_SMALL(struct ddsketch, count, 0), RECORD_SMALL(struct ddsketch, zeros, 0),
	RECORD_REAL(struct ddsketch, min),       RECORD_REAL(struct ddsketch, max),
	RECORD_ONE(struct ddsketch, top, 0),
};

// No value that may be added is beyond e^709.
static bool sketch_sound(const void *entry)
{
	const struct ddsketch *s = entry;

	return s->zeros <= s->count && s->top < 1 << 20 && s->top > -(1 << 20);
}

static const struct record sketch_record = RECORD(struct ddsketch, sketch_fields, sketch_sound);

static const struct record_field status_fields[] = {
	RECORD_SMALL(struct inventory_status, status, 0),
	RECORD_SMALL(struct inventory_status, calls, 0),
};
static const struct record status_record = RECORD(struct inventory_status, status_fields, NULL);

static const struct record_field facts_fields[] = {
	RECORD_MANY(struct inventory_endpoint, users, 64),
	RECORD_STRUCT(struct inventory_endpoint, wait, sketch_record),
	RECORD_STRUCT(struct inventory_endpoint, size, sketch_record),
	RECORD_MANY(struct inventory_endpoint, wait_bins, 0),
	RECORD_MANY(struct inventory_endpoint, size_bins, 0),
	RECORD_STRUCTS(struct inventory_endpoint, status, status_record),
	RECORD_SMALL(struct inventory_endpoint, status_other, 0),
	RECORD_MANY(struct inventory_endpoint, kinds, 0),
	RECORD_SMALL(struct inventory_endpoint, with_credentials, 0),
	RECORD_SMALL(struct inventory_endpoint, inside, 0),
	RECORD_SMALL(struct inventory_endpoint, outside, 0),
	RECORD_SMALL(struct inventory_endpoint, server_inside, 0),
	RECORD_SMALL(struct inventory_endpoint, server_outside, 0),
	RECORD_SMALL(struct inventory_endpoint, tls, 0),
	RECORD_MANY(struct inventory_endpoint, apis, 0),
	RECORD_IDS(struct inventory_endpoint, types[0]),
	RECORD_IDS(struct inventory_endpoint, types[1]),
};
static const struct record facts_record = RECORD(struct inventory_endpoint, facts_fields, NULL);

static int facts_save(struct merger *m, FILE *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->known.n_endpoints; i++)
		n += m->known.endpoints[i]->inventory != NULL;
	blob_put(out, record_layout(&facts_record), 4);
	blob_put(out, n, 4);
	for (uint32_t i = 0; i < m->known.n_endpoints; i++) {
		const struct known_endpoint *e = m->known.endpoints[i];

		if (!e->inventory)
			continue;
		blob_put(out, e->pub.id, 8);
		record_put(out, &facts_record, e->inventory);
	}
	return ferror(out) ? -EIO : 0;
}

static void facts_clear(struct merger *m)
{
	for (uint32_t i = 0; i < m->known.n_endpoints; i++) {
		free(m->known.endpoints[i]->inventory);
		m->known.endpoints[i]->inventory = NULL;
	}
}

static int facts_load(struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != 1};
	uint64_t n;

	r.bad |= blob_get(&r, 4) != record_layout(&facts_record);
	n = blob_get(&r, 4);
	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct known_endpoint *e = known_endpoint(&m->known, blob_get(&r, 8));
		struct inventory_endpoint *facts = calloc(1, sizeof(*facts));

		// More endpoints than there is room for were left out.
		if (facts && record_get(&r, &facts_record, facts) && e && !e->inventory)
			e->inventory = facts;
		else
			free(facts);
		if (!facts) {
			facts_clear(m);
			return -ENOMEM;
		}
	}
	if (record_end(&r))
		facts_clear(m);
	return record_end(&r);
}

static int store_save(struct merger *m, FILE *out)
{
	return objects_save(&m->store, out);
}

static int store_load(struct merger *m, FILE *in, size_t len, uint32_t version)
{
	return objects_load(&m->store, in, len, version);
}

static int folds_save(struct merger *m, FILE *out)
{
	return templates_save(&m->templates, out);
}

static int folds_load(struct merger *m, FILE *in, size_t len, uint32_t version)
{
	return version == TEMPLATE_VERSION ? templates_load(&m->templates, in, len) : -EINVAL;
}

static const struct baseline_part parts[] = {
	{"@fields", "fields", LEARN_VERSION, fields_save, fields_load},
	{"@params", "parameters of endpoints", 1, parameters_save, parameters_load},
	{"@templates", "templates of paths", TEMPLATE_VERSION, folds_save, folds_load},
	{"@principals", "principals", 1, people_save, people_load},
	{"@sessions", "sessions", SESSIONS_VERSION, sessions_save, sessions_load},
	{"@facts", "facts of endpoints", 1, facts_save, facts_load},
	{"@objects", "owners of objects", OBJECTS_VERSION, store_save, store_load},
};

uint32_t baseline_parts(const struct baseline_part **first)
{
	*first = parts;
	return sizeof(parts) / sizeof(parts[0]);
}
