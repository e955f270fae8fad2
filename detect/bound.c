// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Shares are counts of one entry per (endpoint, parameter, role); how many principals use it is a
// HyperLogLog of 64 bytes, which is exact enough to tell twenty from two.

#include "detect/bound.h"

#include "detect/record.h"

#include <string.h>

enum {
	CROWD_S = 3600,
	TAKER_COUNTS = 3, // foreign uses of each taker that do count
};

// The principals with most foreign uses, by space-saving (topk.h): whoever is new takes the place of
// the one with fewest, whose uses are then inherited: they are not known to be his.
struct taker {
	uint32_t tag;
	uint32_t uses, known; // foreign ones, those of objects that are known to be somebody's
	uint32_t inherited;   // uses that only count when places are compared
};

struct bound_entry {
	uint32_t requests, given; // given: of them
	uint32_t known, mine;     // mine: of those that are known to be somebody's
	uint32_t crowd_s;         // when the crowd began to gather
	uint32_t n_crowd;
	uint32_t crowd[BOUND_CROWD]; // principals, in short
	uint32_t endpoint;           // in short; 0: none
	struct taker taker[BOUND_TAKERS];
	uint8_t users[1 << BOUND_P];
};

static bool entry_sound(const void *entry)
{
	const struct bound_entry *e = entry;

	uint64_t uses = 0, known = 0;

	for (uint32_t i = 0; i < BOUND_TAKERS; i++) {
		uses += e->taker[i].uses;
		known += e->taker[i].known;
	}
	return e->given <= e->requests && e->known <= e->requests && e->mine <= e->known &&
	       uses <= e->requests - e->given && known <= e->known - e->mine;
}

static const struct record_field taker_fields[] = {
	RECORD_ONE(struct taker, tag, 0),
	RECORD_SMALL(struct taker, uses, BOUND_HALVE),
	RECORD_SMALL(struct taker, known, BOUND_HALVE),
	RECORD_SMALL(struct taker, inherited, BOUND_HALVE),
};
static const struct record taker_record = RECORD(struct taker, taker_fields, NULL);
static const struct record_field entry_fields[] = {
	RECORD_ONE(struct bound_entry, requests, BOUND_HALVE),
	RECORD_ONE(struct bound_entry, given, 0),
	RECORD_ONE(struct bound_entry, known, 0),
	RECORD_ONE(struct bound_entry, mine, 0),
	RECORD_ONE(struct bound_entry, crowd_s, 0),
	RECORD_SMALL(struct bound_entry, n_crowd, BOUND_CROWD),
	RECORD_MANY(struct bound_entry, crowd, 0),
	RECORD_ONE(struct bound_entry, endpoint, 0),
	RECORD_STRUCTS(struct bound_entry, taker, taker_record),
	RECORD_MANY(struct bound_entry, users, 64),
};
static const struct record entry_record = RECORD(struct bound_entry, entry_fields, entry_sound);

int bound_init(struct bound *b, const struct bound_options *options, uint32_t max)
{
	b->options = options;
	return lru_init(&b->params, sizeof(struct bound_entry), max);
}

void bound_fini(struct bound *b)
{
	lru_fini(&b->params);
}

void bound_clear(struct bound *b)
{
	lru_clear(&b->params);
}

size_t bound_bytes(uint32_t max)
{
	return lru_bytes(sizeof(struct bound_entry), max);
}

uint64_t bound_id(uint64_t endpoint, uint64_t field, uint64_t role)
{
	return mix64(mix64(mix64(1, endpoint), field), role);
}

// ---- Those with most foreign uses

static uint32_t taker_weight(const struct taker *t)
{
	return t->uses + t->inherited;
}

// A foreign use, of an object that is known to be somebody's or not.
static void taker_add(struct taker taker[BOUND_TAKERS], uint64_t principal, bool known)
{
	uint32_t tag = mix_tag(principal);
	struct taker *t = &taker[0];

	for (uint32_t i = 0; i < BOUND_TAKERS; i++) {
		if (taker[i].uses && taker[i].tag == tag) {
			t = &taker[i];
			break;
		}
		if (taker_weight(&taker[i]) < taker_weight(t))
			t = &taker[i];
	}
	if (t->uses == 0 || t->tag != tag)
		*t = (struct taker){.tag = tag, .inherited = taker_weight(t)};
	t->uses++;
	t->known += known;
}

// What those with most of them did beyond a few; all places but the one where everybody else comes by.
static struct taker takers_sum(const struct taker taker[BOUND_TAKERS])
{
	struct taker sum = {0};
	uint32_t least = 0;

	for (uint32_t i = 1; i < BOUND_TAKERS; i++) {
		if (taker_weight(&taker[i]) < taker_weight(&taker[least]))
			least = i;
	}
	for (uint32_t i = 0; i < BOUND_TAKERS; i++) {
		if (i == least)
			continue;
		sum.uses += taker[i].uses > TAKER_COUNTS ? taker[i].uses - TAKER_COUNTS : 0;
		sum.known += taker[i].known > TAKER_COUNTS ? taker[i].known - TAKER_COUNTS : 0;
	}
	return sum;
}

static void takers_halve(struct taker taker[BOUND_TAKERS])
{
	for (uint32_t i = 0; i < BOUND_TAKERS; i++) {
		taker[i].uses /= 2;
		taker[i].known /= 2;
		taker[i].inherited /= 2;
	}
}

// ---- Shares

static uint32_t crowd_without(const struct bound_entry *e, uint64_t principal, uint32_t now_s)
{
	uint32_t n = 0, tag = mix_tag(principal);

	if (now_s - e->crowd_s >= CROWD_S && now_s >= e->crowd_s)
		return 0;
	for (uint32_t i = 0; i < e->n_crowd; i++)
		n += e->crowd[i] != tag;
	return n;
}

struct bound_view bound_look(const struct bound *b, uint64_t id, uint64_t principal, uint32_t now_s)
{
	const struct bound_entry *e = lru_get(&b->params, id);
	const struct bound_options *o = b->options;
	struct bound_view view = {0};
	struct taker takers;

	if (!e || e->requests == 0)
		return view;
	takers = takers_sum(e->taker);
	view.requests = e->requests - takers.uses;
	view.known = e->known - takers.known;
	view.share = view.requests ? (double)e->given / view.requests : 0;
	view.exclusive = view.known ? (double)e->mine / view.known : 0;
	if (view.requests < o->requests)
		return view;
	view.users = (uint32_t)hll_count(e->users, BOUND_P);
	view.crowd = crowd_without(e, principal, now_s);
	view.crowded = view.crowd >= o->crowd;
	// Objects that only ever one user asks for are bound however the user came to know them.
	view.listed = view.share >= o->share / 100;
	view.is = view.users >= o->users && view.exclusive >= o->share / 100 &&
		  (view.listed ||
		   (view.known >= o->requests && view.exclusive >= o->exclusive / 100));
	return view;
}

void bound_learn(struct bound *b, const struct bound_use *use)
{
	struct bound_entry *e = lru_touch(&b->params, use->id, NULL);

	if (!e)
		return;
	if (e->requests >= BOUND_HALVE) {
		e->requests /= 2;
		e->given /= 2;
		e->known /= 2;
		e->mine /= 2;
		takers_halve(e->taker);
	}
	e->endpoint = use->endpoint ? mix_tag(use->endpoint) : 0;
	e->requests++;
	e->given += use->given;
	e->known += use->known;
	e->mine += use->known && use->mine;
	if (!use->given)
		taker_add(e->taker, use->principal, use->known);
	hll_add(e->users, BOUND_P, mix64(2, use->principal));
}

void bound_foreign(struct bound *b, const struct bound_use *use)
{
	struct bound_entry *e = lru_get(&b->params, use->id);
	uint32_t tag = mix_tag(use->principal);

	if (!e)
		return;
	if (e->n_crowd == 0 || use->now_s < e->crowd_s || use->now_s - e->crowd_s >= CROWD_S) {
		e->crowd_s = use->now_s;
		e->n_crowd = 0;
	}
	for (uint32_t i = 0; i < e->n_crowd; i++) {
		if (e->crowd[i] == tag)
			return;
	}
	if (e->n_crowd < BOUND_CROWD)
		e->crowd[e->n_crowd++] = tag;
}

void bound_forget(struct bound *b, uint64_t endpoint)
{
	const struct bound_entry *e = lru_first(&b->params), *next;

	for (; e; e = next) {
		next = lru_next(&b->params, e);
		if (e->endpoint == mix_tag(endpoint))
			lru_remove(&b->params, lru_id(e));
	}
}

int bound_save(const struct bound *b, FILE *out)
{
	return record_put_table(out, &entry_record, &b->params);
}

int bound_load(struct bound *b, struct blob_reader *in)
{
	return record_get_table(in, &entry_record, &b->params);
}
