// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The merger's half of field learning: a table of fixed size that the notes of each epoch are
// added to. The notes of all workers are joined by id and then taken in the order of their times,
// so that neither what is known nor who is forgotten depends on how many workers there were.
//
// What is judged are different values while the sketches can tell them apart, and values after
// that. A field that changes its meaning is believed after a while: counts are halved when they
// are large. learn_life.c has the table's start, end and file. Merger's thread.

#include "detect/learn.h"

#include <stdlib.h>

enum {
	WRONG_MIN = 3,          // different values of a field before it is called something else
	VALUES_MAX = 1 << 17,   // of a field; then they are halved
	TALKED_ABOUT = 1 << 20, // values of one epoch that count
};

size_t learn_bytes(uint32_t max_fields)
{
	// The map is a power of two of slots, at most two thirds full.
	size_t slots = 64;

	while (slots / 3 * 2 < max_fields)
		slots *= 2;
	return max_fields * sizeof(struct learn_entry) + slots * sizeof(struct idmap_slot);
}

// ---- The order by the last value

static void list_out(struct learn *l, uint32_t i)
{
	struct learn_entry *e = &l->entries[i];

	*(e->older == LEARN_NOBODY ? &l->oldest : &l->entries[e->older].newer) = e->newer;
	*(e->newer == LEARN_NOBODY ? &l->newest : &l->entries[e->newer].older) = e->older;
}

static void list_in(struct learn *l, uint32_t i)
{
	struct learn_entry *e = &l->entries[i];

	e->older = l->newest;
	e->newer = LEARN_NOBODY;
	*(l->newest == LEARN_NOBODY ? &l->oldest : &l->entries[l->newest].newer) = i;
	l->newest = i;
}

// ---- Judging

uint32_t learn_distinct(const struct learn_entry *e, uint32_t which)
{
	uint32_t n = sketch_count(e->sum.sketch[which]);

	return n < e->sum.values[which] ? n : (uint32_t)e->sum.values[which];
}

static enum learn_verdict judge(const struct learn *l, const struct learn_entry *e)
{
	uint64_t passed = learn_distinct(e, PASSED), refused = learn_distinct(e, REFUSED);

	if (passed > SKETCH_TRUST || refused > SKETCH_TRUST) {
		passed = e->sum.values[PASSED];
		refused = e->sum.values[REFUSED];
	}
	if (passed >= l->options.min_values &&
	    passed * 100 >= (passed + refused) * l->options.share)
		return LEARN_IS;
	return passed + refused >= WRONG_MIN && passed < refused ? LEARN_IS_NOT : LEARN_OPEN;
}

// Is the verdict something that workers ask for?
static bool is_told(const struct learn_entry *e)
{
	if (e->verdict == LEARN_IS)
		return e->sum.unsure;
	// Without a single value that passed there is nothing to be kept from counting.
	return e->verdict == LEARN_IS_NOT && !e->sum.unsure && e->sum.values[PASSED];
}

static void entry_judge(struct learn *l, struct learn_entry *e)
{
	bool told = is_told(e);
	uint8_t before = e->verdict;

	e->verdict = (uint8_t)judge(l, e);
	l->changes += told != is_told(e) || (told && before != e->verdict);
}

// ---- Folding

void learn_gather(struct learn *l, const struct delta *delta)
{
	uint32_t need = l->n_batch + delta->n_fields, room = l->batch_room ? l->batch_room : 256;

	l->lost += delta->fields_lost;
	while (room < need)
		room *= 2;
	if (room > l->batch_room) {
		struct delta_field *wider = realloc(l->batch, room * sizeof(*wider));

		if (!wider) {
			l->lost += delta->n_fields;
			return;
		}
		l->batch = wider;
		l->batch_room = room;
	}
	if (delta->n_fields)
		memcpy(l->batch + l->n_batch, delta->fields, delta->n_fields * sizeof(*l->batch));
	l->n_batch = need;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_ids(const void *a, const void *b)
{
	const struct delta_field *x = a, *y = b;

	return compare_numbers(x->id, y->id);
}

static int compare_times(const void *a, const void *b)
{
	const struct delta_field *x = a, *y = b;
	int order = compare_numbers(x->last_ns, y->last_ns);

	return order ? order : compare_numbers(x->id, y->id);
}

static void field_join(struct delta_field *into, const struct delta_field *other)
{
	into->last_ns = into->last_ns > other->last_ns ? into->last_ns : other->last_ns;
	for (uint32_t i = 0; i < 2; i++) {
		into->values[i] += other->values[i] < TALKED_ABOUT ? other->values[i]
								   : TALKED_ABOUT;
		sketch_join(into->sketch[i], other->sketch[i]);
	}
}

// The entry for a field that is new; the one without values for longest may go.
static struct learn_entry *entry_new(struct learn *l, const struct delta_field *f)
{
	uint32_t i = l->n < l->options.max_fields ? l->n : l->oldest;
	struct learn_entry *e = &l->entries[i];

	if (i < l->n) {
		l->changes += is_told(e);
		l->forgotten++;
		if (idmap_get(&l->map, e->sum.id) == e)
			idmap_remove(&l->map, e->sum.id);
		list_out(l, i);
	} else {
		l->n++;
	}
	*e = (struct learn_entry){
		.sum = {.id = f->id, .endpoint = f->endpoint, .type = f->type, .unsure = f->unsure}};
	list_in(l, i);
	if (idmap_add(&l->map, f->id, e))
		return e;
	// Its place stays in the list, as one that nobody finds and that is soon the oldest.
	l->lost++;
	return NULL;
}

static void field_fold(struct learn *l, const struct delta_field *f)
{
	struct learn_entry *e = idmap_get(&l->map, f->id);

	if (e) {
		uint32_t i = (uint32_t)(e - l->entries);

		list_out(l, i);
		list_in(l, i);
	} else if (f->values[PASSED] || !f->unsure) {
		// What a value refused says of a type that was never met there is not worth a place.
		e = entry_new(l, f);
	}
	if (!e)
		return;
	field_join(&e->sum, f);
	for (uint32_t i = 0; e->sum.values[0] + e->sum.values[1] > VALUES_MAX && i < 8; i++) {
		e->sum.values[0] /= 2;
		e->sum.values[1] /= 2;
	}
	entry_judge(l, e);
}

void learn_fold(struct learn *l)
{
	uint32_t n = 0;

	if (l->n_batch == 0)
		return;
	qsort(l->batch, l->n_batch, sizeof(*l->batch), compare_ids);
	for (uint32_t i = 0; i < l->n_batch; i++) {
		if (n && l->batch[n - 1].id == l->batch[i].id)
			field_join(&l->batch[n - 1], &l->batch[i]);
		else
			l->batch[n++] = l->batch[i];
	}
	qsort(l->batch, n, sizeof(*l->batch), compare_times);
	for (uint32_t i = 0; i < n; i++)
		field_fold(l, &l->batch[i]);
	l->n_batch = 0;
}

// ---- Asking

const struct learn_entry *learn_find(const struct learn *l, uint64_t endpoint, uint64_t field,
				     uint16_t type, uint8_t dir)
{
	return idmap_get(&l->map, learn_id(endpoint, field, type, dir));
}

enum learn_answer learn_finding(const struct learn *l, struct finding *f)
{
	bool counts = f->n_types == 0, early = false;

	for (uint32_t i = 0; i < f->n_types && i < FINDING_TYPES; i++) {
		const struct learn_entry *e = learn_find(l, f->endpoint, f->types[i].field,
							 f->types[i].type, f->types[i].dir);

		f->types[i].passed = e ? learn_distinct(e, PASSED) : 0;
		f->types[i].refused = e ? learn_distinct(e, REFUSED) : 0;
		if (f->types[i].in_text || !e)
			counts = true;
		else if (e->verdict != LEARN_IS_NOT && f->types[i].lucky &&
			 f->types[i].passed + f->types[i].refused < WRONG_MIN)
			early = true;
		else
			counts |= e->verdict != LEARN_IS_NOT;
	}
	return counts ? LEARN_COUNTS : early ? LEARN_TOO_EARLY : LEARN_COUNTS_NOT;
}

static void fill_one(struct learn_sets *sets, const struct learn_entry *e)
{
	if (!is_told(e))
		return;
	if (e->verdict == LEARN_IS_NOT) {
		idset_add(&sets->is_not, e->sum.id);
		return;
	}
	idset_add(&sets->is, e->sum.id);
	idset_add(&sets->probed, e->sum.endpoint);
	if (datatype_get(e->sum.type)->reports != REPORTS_WEAK)
		idset_add(&sets->probed, ~e->sum.endpoint);
}

void learn_fill(const struct learn *l, struct learn_sets *sets)
{
	uint32_t told = 0;

	if (sets->is.n || sets->is_not.n)
		*sets = (struct learn_sets){0};
	for (uint32_t i = 0; i < l->n; i++)
		told += is_told(&l->entries[i]);
	// One after the other as they lie in memory; when the sets may be too small (probed takes two
	// of each), those that were seen last come first.
	if (told <= IDSET_SLOTS / 4) {
		for (uint32_t i = 0; told && i < l->n; i++)
			fill_one(sets, &l->entries[i]);
		return;
	}
	for (uint32_t i = l->newest; i != LEARN_NOBODY; i = l->entries[i].older)
		fill_one(sets, &l->entries[i]);
}
