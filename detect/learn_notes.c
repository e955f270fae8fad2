// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The worker's half of field learning, once per exchange: hits and misses become notes in the
// delta, and hits that do not count leave. Notes of one id are one per epoch, found again through
// a table of slots; what does not fit is counted and lost.

#include "detect/learn.h"

#include "detect/worker_state.h"

// One exchange in so many.
enum { SHARE_WEAK = 64, SHARE_ALL = 1024 };

uint8_t learn_probe(const struct detect_worker *w, const struct exchange *x)
{
	uint64_t mix = (exchange_order(x) ^ w->shared->seed) * UINT64_C(0x9e3779b97f4a7c15);

	mix = (mix ^ mix >> 32) * UINT64_C(0xd6e8feb86659fd93);
	mix >>= 40;
	if (mix % SHARE_ALL == 0)
		return PROBE_ALL;
	if (w->snapshot && idset_has(&w->snapshot->fields.probed, x->endpoint))
		return idset_has(&w->snapshot->fields.probed, ~x->endpoint) ? PROBE_ALL
									    : PROBE_WEAK;
	return mix % SHARE_WEAK == 0 ? PROBE_WEAK : PROBE_NONE;
}

// ---- notes

static struct delta_field *note(struct detect_worker *w, const struct exchange *x, uint64_t id,
				bool unsure)
{
	struct worker_state *state = w->state;
	struct delta *d = delta_active(w);
	uint64_t response = x->tx->msg[SERVER].last_ns, last_ns = exchange_time(x);
	struct delta_field *f;
	struct field_slot *slot;

	last_ns = response > last_ns ? response : last_ns;
	// Never full: there are more slots than notes.
	for (uint64_t i = id;; i++) {
		slot = &state->field_slots[i % FIELD_SLOTS];
		if (slot->generation != state->generation)
			break;
		f = &d->fields[slot->field];
		if (f->id == id) {
			f->last_ns = last_ns > f->last_ns ? last_ns : f->last_ns;
			return f;
		}
	}
	if (d->n_fields >= (unsure ? DELTA_FIELDS / 2 : DELTA_FIELDS)) {
		d->fields_lost++;
		return NULL;
	}
	*slot = (struct field_slot){.generation = state->generation, .field = d->n_fields};
	f = &d->fields[d->n_fields++];
	*f = (struct delta_field){
		.id = id, .endpoint = x->base, .last_ns = last_ns, .unsure = unsure};
	return f;
}

static void note_hit(struct detect_worker *w, const struct exchange *x,
		     const struct exchange_hit *hit, uint64_t id)
{
	struct delta_field *f;

	if (hit->count == hit->in_text)
		return;
	f = note(w, x, id, hit->unsure);
	if (!f)
		return;
	f->type = hit->type;
	f->values[PASSED] += hit->count - hit->in_text;
	sketch_join(f->sketch[PASSED], hit->seen);
}

static void note_misses(struct detect_worker *w, const struct exchange *x)
{
	for (uint32_t i = 0; i < x->n_misses; i++) {
		const struct exchange_miss *miss = &x->misses[i];
		struct delta_field *f =
			note(w, x, learn_id(x->endpoint, miss->field, miss->type, miss->dir),
			     miss->unsure);

		if (!f)
			continue;
		f->type = miss->type;
		f->values[REFUSED] += miss->count;
		sketch_join(f->sketch[REFUSED], miss->seen);
	}
	delta_active(w)->fields_lost += x->misses_lost;
}

// ---- hits

static bool hit_counts(const struct detect_worker *w, struct exchange_hit *hit, uint64_t id)
{
	if (hit->unsure) {
		hit->learnt = w->snapshot && idset_has(&w->snapshot->fields.is, id);
		return hit->learnt;
	}
	return !w->snapshot || hit->in_text || !idset_has(&w->snapshot->fields.is_not, id);
}

// What is told without its hit does not stay hidden.
static void masks_drop(struct exchange *x, const uint8_t place[EXCHANGE_HITS])
{
	for (uint32_t dir = 0; dir < 2; dir++) {
		uint32_t n = 0;

		for (uint32_t i = 0; i < x->n_masks[dir]; i++) {
			struct exchange_mask *mask = &x->masks[dir][i];

			if (mask->hit < EXCHANGE_HITS) {
				if (place[mask->hit] == UINT8_MAX)
					continue;
				mask->hit = place[mask->hit];
			}
			x->masks[dir][n++] = *mask;
		}
		x->n_masks[dir] = n;
	}
}

void learn_exchange(struct detect_worker *w, struct exchange *x)
{
	const struct worker_state *state = w->state;
	uint8_t place[EXCHANGE_HITS]; // where a hit goes; UINT8_MAX: it leaves
	uint64_t id[EXCHANGE_HITS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];

		id[i] = learn_id(x->endpoint, hit->field, hit->type, hit->dir);
		__builtin_prefetch(&state->field_slots[id[i] % FIELD_SLOTS]);
		if (w->snapshot)
			idset_prefetch(hit->unsure ? &w->snapshot->fields.is
						   : &w->snapshot->fields.is_not,
				       id[i]);
	}
	for (uint32_t i = 0; i < x->n_hits; i++) {
		struct exchange_hit *hit = &x->hits[i];

		note_hit(w, x, hit, id[i]);
		place[i] = UINT8_MAX;
		if (!hit_counts(w, hit, id[i])) {
			x->n_values -= hit->counted < x->n_values ? hit->counted : x->n_values;
			continue;
		}
		if (hit->learnt && hit->dir == SERVER)
			x->n_values += hit->count;
		if (n != i)
			x->hits[n] = *hit;
		place[i] = (uint8_t)n++;
	}
	if (n != x->n_hits) {
		masks_drop(x, place);
		x->n_hits = n;
	}
	note_misses(w, x);
}
