// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The registry of data types. Constructors fill the table before main(); datatype_freeze() sorts
// it by id, checks every entry and is the last writer, so that all threads may read afterwards.
// A type that could never be found is a programming error and ends the program at the start.

#include "detect/datatype.h"

#include <stdio.h>
#include <stdlib.h>

static const struct datatype *datatypes[DATATYPE_MAX];
static uint32_t n_datatypes, n_own;

static void datatype_abort(const char *id, const char *what)
{
	fprintf(stderr, "data type %s: %s\n", id ? id : "(without id)", what);
	abort();
}

void datatype_add(const struct datatype *type)
{
	if (n_datatypes == DATATYPE_MAX)
		datatype_abort(type->id, "the table of types is full");
	datatypes[n_datatypes++] = type;
}

static int datatype_compare(const void *a, const void *b)
{
	const struct datatype *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

void datatype_freeze(void)
{
	for (uint32_t i = 0; i < n_datatypes; i++) {
		const struct datatype *t = datatypes[i];

		if (!t->id || !t->title || !t->check || !t->samples)
			datatype_abort(t->id, "id, title, check and samples are needed");
		if (!t->country)
			datatype_abort(t->id, "a country is needed");
		if (!t->pattern && !datatype_has_shape(t) && !t->key_only && !t->wide)
			datatype_abort(t->id, "nothing says where to look for it");
		if ((t->reports != REPORTS_YES || t->key_only || t->run_ctx) && !t->context)
			datatype_abort(t->id, "context words are needed");
	}
	qsort(datatypes, n_datatypes, sizeof(datatypes[0]), datatype_compare);
	for (uint32_t i = 1; i < n_datatypes; i++) {
		if (strcmp(datatypes[i - 1]->id, datatypes[i]->id) == 0)
			datatype_abort(datatypes[i]->id, "registered twice");
	}
}

uint32_t datatype_count(void)
{
	return n_datatypes;
}

uint32_t datatype_built_in(void)
{
	return n_datatypes - n_own;
}

bool datatype_own(const struct datatype *types, uint32_t n)
{
	uint32_t first = datatype_built_in();

	n_datatypes = first;
	n_own = 0;
	if (n > DATATYPE_MAX - first)
		return false;
	for (uint32_t i = 0; i < n; i++)
		datatypes[first + i] = &types[i];
	n_own = n;
	n_datatypes += n;
	return true;
}

const struct datatype *datatype_get(uint32_t index)
{
	return index < n_datatypes ? datatypes[index] : NULL;
}

int datatype_find(const char *id)
{
	for (uint32_t i = 0; i < n_datatypes; i++) {
		if (strcmp(datatypes[i]->id, id) == 0)
			return (int)i;
	}
	return -1;
}

const char *datatype_name(size_t i)
{
	return i < datatype_built_in() ? datatypes[i]->id : NULL;
}

const char *datatype_tag_name(uint32_t i)
{
	static const char *const names[] = {"PCI DSS", "GDPR", "APPI", "HIPAA"};

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

// A byte beyond ASCII is part of a character: it is hidden like a letter, never shown alone.
static const bool datatype_is_alnum[256] = {
	['0' ... '9'] = true,
	['A' ... 'Z'] = true,
	['a' ... 'z'] = true,
	[0x80 ... 0xff] = true,
};

uint32_t datatype_mask(uint32_t index, struct span value, uint8_t *out, uint32_t out_len)
{
	enum { SHOWN = 4, SHOWN_FROM = 8 };
	const struct datatype *t = datatype_get(index);
	uint32_t letters = 0, seen = 0, n = value.len < out_len ? value.len : out_len;
	bool first = t && t->group == GROUP_SECRET;

	if (t && t->mask)
		return t->mask(value, out, out_len);
	for (uint32_t i = 0; i < value.len; i++)
		letters += datatype_is_alnum[value.p[i]];
	for (uint32_t i = 0; i < n; i++) {
		uint8_t c = value.p[i];
		bool shown = false;

		if (datatype_is_alnum[c]) {
			shown = letters >= SHOWN_FROM && c < 0x80 &&
				(first ? seen < SHOWN : seen + SHOWN >= letters);
			seen++;
		} else {
			// Separators of a secret are part of it.
			shown = !first && c >= 0x20 && c < 0x7f;
		}
		out[i] = shown ? c : '*';
	}
	return n;
}
