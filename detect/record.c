// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See record.h. A count is never trusted: each entry takes bytes, so loops end with the blob, and
// tables are bounded by themselves.

#include "detect/record.h"

#include "detect/detector.h"
#include "detect/lru.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PEN_BYTES = 512,
	HERD = 32, // entries that are read before their places are looked for
};

// ---- The layout

static uint32_t mix(uint32_t hash, uint32_t number)
{
	return (hash ^ number) * UINT32_C(0x01000193);
}

static uint32_t layout_of(uint32_t hash, const struct record_field *f)
{
	hash = mix(mix(hash, f->n), f->bytes);
	return mix(hash, (uint32_t)f->real | (uint32_t)f->packed << 1 | (uint32_t)!!f->of << 2);
}

uint32_t record_layout(const struct record *r)
{
	uint32_t hash = UINT32_C(0x811c9dc5);

	for (uint32_t i = 0; i < r->n; i++) {
		const struct record *of = r->field[i].of;

		hash = layout_of(hash, &r->field[i]);
		for (uint32_t k = 0; of && k < of->n; k++)
			hash = layout_of(hash, &of->field[k]);
	}
	return hash;
}

// ---- One entry

static uint64_t number_load(const uint8_t *at, uint32_t bytes)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (bytes) {
	case 1:
		return *at;
	case 2:
		memcpy(&two, at, 2);
		return two;
	case 4:
		memcpy(&four, at, 4);
		return four;
	default:
		memcpy(&eight, at, 8);
		return eight;
	}
}

static void number_store(uint8_t *at, uint64_t number, uint32_t bytes)
{
	uint16_t two = (uint16_t)number;
	uint32_t four = (uint32_t)number;

	switch (bytes) {
	case 1:
		*at = (uint8_t)number;
		break;
	case 2:
		memcpy(at, &two, 2);
		break;
	case 4:
		memcpy(at, &four, 4);
		break;
	default:
		memcpy(at, &number, 8);
	}
}

static double real_load(const uint8_t *at, uint32_t bytes)
{
	double real;
	float little;

	if (bytes == sizeof(little)) {
		memcpy(&little, at, sizeof(little));
		return little;
	}
	memcpy(&real, at, sizeof(real));
	return real;
}

static void real_store(uint8_t *at, double real, uint32_t bytes)
{
	float little = (float)real;

	if (bytes == sizeof(little))
		memcpy(at, &little, sizeof(little));
	else
		memcpy(at, &real, sizeof(real));
}

// Collects what is written: the file is asked once for many numbers.
struct pen {
	FILE *out;
	uint32_t n;
	uint8_t bytes[PEN_BYTES];
};

static void pen_flush(struct pen *pen)
{
	fwrite(pen->bytes, 1, pen->n, pen->out);
	pen->n = 0;
}

static void pen_put(struct pen *pen, uint64_t number, uint32_t bytes)
{
	number = htole64(number);
	memcpy(pen->bytes + pen->n, &number, sizeof(number));
	pen->n += bytes;
}

static void pen_put_packed(struct pen *pen, uint64_t number)
{
	for (; number > 0x7f; number >>= 7)
		pen->bytes[pen->n++] = (uint8_t)(number | 0x80);
	pen->bytes[pen->n++] = (uint8_t)number;
}

// Numbers of a field that holds no structs.
static void plain_put(struct pen *pen, const struct record_field *f, const uint8_t *at)
{
	for (uint32_t i = 0; i < f->n; i++, at += f->stride) {
		if (pen->n > PEN_BYTES - 2 * BLOB_PACKED)
			pen_flush(pen);
		if (f->real) {
			double real = real_load(at, f->bytes);
			uint64_t bits;

			memcpy(&bits, &real, sizeof(bits));
			pen_put(pen, bits, 8);
		} else if (f->packed) {
			pen_put_packed(pen, number_load(at, f->bytes));
		} else {
			pen_put(pen, number_load(at, f->bytes), f->bytes);
		}
	}
}

static void plain_get(struct blob_reader *in, const struct record_field *f, uint8_t *at)
{
	uint64_t most = f->bytes < 8 ? (UINT64_C(1) << (8 * f->bytes)) - 1 : UINT64_MAX;

	if (f->most)
		most = f->most < most ? f->most : most;
	if (f->real) {
		for (uint32_t i = 0; i < f->n && !in->bad; i++, at += f->stride)
			real_store(at, blob_get_double(in), f->bytes);
		return;
	}
	for (uint32_t i = 0; i < f->n && !in->bad; i++, at += f->stride) {
		uint64_t number = f->packed ? blob_get_packed(in) : blob_get(in, f->bytes);

		if (number > most)
			in->bad = true;
		else
			number_store(at, number, f->bytes);
	}
}

static void field_put(struct pen *pen, const struct record_field *f, const uint8_t *at)
{
	if (!f->of) {
		plain_put(pen, f, at);
		return;
	}
	for (uint32_t i = 0; i < f->n; i++, at += f->stride) {
		for (uint32_t k = 0; k < f->of->n; k++)
			plain_put(pen, &f->of->field[k], at + f->of->field[k].offset);
	}
}

static void field_get(struct blob_reader *in, const struct record_field *f, uint8_t *at)
{
	if (!f->of) {
		plain_get(in, f, at);
		return;
	}
	for (uint32_t i = 0; i < f->n && !in->bad; i++, at += f->stride) {
		for (uint32_t k = 0; k < f->of->n; k++)
			plain_get(in, &f->of->field[k], at + f->of->field[k].offset);
		if (!in->bad && f->of->sound && !f->of->sound(at))
			in->bad = true;
	}
}

void record_put(FILE *out, const struct record *r, const void *entry)
{
	struct pen pen;

	pen.out = out;
	pen.n = 0;
	for (uint32_t i = 0; i < r->n; i++)
		field_put(&pen, &r->field[i], (const uint8_t *)entry + r->field[i].offset);
	pen_flush(&pen);
}

bool record_get(struct blob_reader *in, const struct record *r, void *entry)
{
	for (uint32_t i = 0; i < r->n && !in->bad; i++)
		field_get(in, &r->field[i], (uint8_t *)entry + r->field[i].offset);
	if (!in->bad && r->sound && !r->sound(entry))
		in->bad = true;
	return !in->bad;
}

int record_end(const struct blob_reader *in)
{
	return in->bad || in->left ? -EBADMSG : 0;
}

// ---- Tables

static int ended(FILE *out)
{
	return ferror(out) ? -EIO : 0;
}

// How many entries; 0 and bad when the layout is another one.
static uint64_t head_get(struct blob_reader *in, const struct record *r)
{
	if (blob_get(in, 4) != record_layout(r))
		in->bad = true;
	return blob_get(in, 4);
}

int record_put_table(FILE *out, const struct record *r, const struct lru *table)
{
	blob_put(out, record_layout(r), 4);
	blob_put(out, table->n, 4);
	for (const void *e = lru_first(table); e; e = lru_next(table, e)) {
		blob_put(out, lru_id(e), 8);
		record_put(out, r, e);
	}
	return ended(out);
}

// Some entries that were read; their places are asked for meanwhile: each stands anywhere in a large
// table.
struct herd {
	uint64_t id[HERD];
	uint32_t n;
	uint8_t *entry; // owned
};

static void herd_get(struct blob_reader *in, const struct record *r, const struct lru *table,
		     struct herd *herd, uint64_t n)
{
	memset(herd->entry, 0, HERD * r->size);
	for (herd->n = 0; herd->n < n && herd->n < HERD && !in->bad; herd->n++) {
		uint64_t id = blob_get(in, 8);

		in->bad |= id == 0;
		lru_prefetch(table, id);
		herd->id[herd->n] = id;
		record_get(in, r, herd->entry + herd->n * r->size);
	}
}

// False: no memory.
static bool herd_in(const struct record *r, struct lru *table, const struct herd *herd)
{
	for (uint32_t i = 0; i < herd->n; i++)
		lru_prefetch_entry(table, herd->id[i]);
	for (uint32_t i = 0; i < herd->n; i++) {
		void *entry = lru_touch(table, herd->id[i], NULL);

		if (!entry)
			return false;
		memcpy(entry, herd->entry + i * r->size, r->size);
	}
	return true;
}

int record_get_table(struct blob_reader *in, const struct record *r, struct lru *table)
{
	uint64_t n = head_get(in, r);
	struct herd herd = {.entry = in->bad ? NULL : malloc(HERD * r->size)};
	int rc = herd.entry || in->bad ? 0 : -ENOMEM;

	// Each takes eight bytes and more.
	if (!in->bad && n <= in->left / 8)
		lru_reserve(table, table->n + n);
	while (n && rc == 0 && !in->bad) {
		herd_get(in, r, table, &herd, n);
		n -= herd.n;
		if (!in->bad && !herd_in(r, table, &herd))
			rc = -ENOMEM;
	}
	free(herd.entry);
	return in->bad ? -EBADMSG : rc;
}

// ---- Areas

// Those of endpoints, or of principals.
struct areas {
	struct merger *m;
	const struct detector *d;
	bool people;
};

// Where one stands: endpoints in the order in which they became known, principals by their last
// call, as they come back.
struct place {
	uint32_t i;
	struct merged_principal *p;
	uint64_t id;
};

// The next area, NULL when there are no more. Begins with a zeroed place.
static void *area_next(const struct areas *a, struct place *at)
{
	struct merged_endpoint *e;

	if (a->people) {
		at->p = merger_principal_next(a->m, at->p);
		at->id = at->p ? at->p->id : 0;
		return at->p ? merger_principal_area(a->m, at->p, a->d) : NULL;
	}
	if (at->i == merger_endpoints(a->m))
		return NULL;
	e = merger_endpoint_at(a->m, at->i++);
	at->id = e->id;
	return merger_endpoint_area(a->m, e, a->d);
}

// NULL: it is not known (any more).
static void *area_of(const struct areas *a, uint64_t id)
{
	struct merged_principal *p = a->people ? merger_principal(a->m, id) : NULL;
	struct merged_endpoint *e = a->people ? NULL : merger_endpoint(a->m, id);

	if (p)
		return merger_principal_area(a->m, p, a->d);
	return e ? merger_endpoint_area(a->m, e, a->d) : NULL;
}

static bool is_zero(const void *area, size_t size)
{
	const uint8_t *at = area;

	return size == 0 || (at[0] == 0 && memcmp(at, at + 1, size - 1) == 0);
}

static int areas_put(FILE *out, const struct record *r, const struct areas *a)
{
	struct place at = {0};
	const void *area;
	uint32_t n = 0;

	while ((area = area_next(a, &at)))
		n += !is_zero(area, r->size);
	blob_put(out, record_layout(r), 4);
	blob_put(out, n, 4);
	at = (struct place){0};
	while ((area = area_next(a, &at))) {
		if (is_zero(area, r->size))
			continue;
		blob_put(out, at.id, 8);
		record_put(out, r, area);
	}
	return ended(out);
}

static int areas_get(struct blob_reader *in, const struct record *r, const struct areas *a)
{
	uint64_t n = head_get(in, r);
	void *read = in->bad ? NULL : malloc(r->size), *area;

	if (!read)
		return in->bad ? -EBADMSG : -ENOMEM;
	for (uint64_t i = 0; i < n && !in->bad; i++) {
		uint64_t id = blob_get(in, 8);

		memset(read, 0, r->size);
		if (!record_get(in, r, read))
			break;
		area = area_of(a, id);
		if (area)
			memcpy(area, read, r->size);
	}
	free(read);
	return in->bad ? -EBADMSG : 0;
}

// Saving only reads.
static struct merger *readable(const struct merger *m)
{
	return (struct merger *)(uintptr_t)m;
}

int record_put_endpoints(FILE *out, const struct record *r, const struct merger *m,
			 const struct detector *d)
{
	return areas_put(out, r, &(struct areas){readable(m), d, false});
}

int record_get_endpoints(struct blob_reader *in, const struct record *r, struct merger *m,
			 const struct detector *d)
{
	return areas_get(in, r, &(struct areas){m, d, false});
}

int record_put_principals(FILE *out, const struct record *r, const struct merger *m,
			  const struct detector *d)
{
	return areas_put(out, r, &(struct areas){readable(m), d, true});
}

int record_get_principals(struct blob_reader *in, const struct record *r, struct merger *m,
			  const struct detector *d)
{
	return areas_get(in, r, &(struct areas){m, d, true});
}
