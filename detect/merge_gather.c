// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the deltas of an epoch hold becomes lists of pointers into them, and calls and objects are
// brought into the order of time. What memory does not suffice for is counted as lost. Merger's thread.

#include "detect/merge.h"

enum { SORT_RUN = 12 }; // sorted by insertion before merging

// Room for need items. False: no memory, the list is as it was.
bool merge_room(void *list, uint32_t *room, uint32_t need, size_t size)
{
	uint32_t wider = *room ? *room : 256;
	void *grown;

	if (need <= *room)
		return true;
	while (wider < need)
		wider *= 2;
	memcpy(&grown, list, sizeof(grown));
	grown = realloc(grown, wider * size);
	if (!grown)
		return false;
	memcpy(list, &grown, sizeof(grown));
	*room = wider;
	return true;
}

static void gather_findings(struct merger *m, const struct delta *delta)
{
	for (uint32_t i = 0; i < delta->n_findings; i++) {
		const struct finding *f = &delta->findings[i];
		int detector = merge_detector(m, f->detector);

		if (detector < 0 || !m->detectors[detector].enabled)
			continue;
		m->findings_total += f->count;
		m->findings[m->n_findings++] = f;
	}
}

static bool calls_room(struct merger_calls *calls, uint32_t more)
{
	return merge_room(&calls->list, &calls->room, calls->n + more, sizeof(*calls->list));
}

static void merge_objects_lost(struct merger *m, uint64_t lost)
{
	m->objects_lost += lost;
	m->objects_lost_ns = m->now_ns;
	objects_lost(&m->store, m->now_ns);
}

static void gather_runs(struct merger_calls *runs, const struct delta *delta)
{
	const struct delta_object *object = delta->objects, *end = object + delta->n_objects;

	while (object < end) {
		struct merger_call *run = &runs->list[runs->n++];

		*run = (struct merger_call){object->time_ns, object->order, {.object = object}, 0};
		for (; object < end && object->time_ns == run->time_ns &&
		       object->order == run->order;
		     object++)
			run->n++;
	}
}

// Only when somebody asks for them: they are many.
static void gather_objects(struct merger *m, const struct delta *delta)
{
	uint64_t lost = delta->objects_lost;

	if (m->n_takers == 0 && !objects_on(&m->store))
		return;
	if (calls_room(&m->objects, delta->n_objects))
		gather_runs(&m->objects, delta);
	else
		lost += delta->n_objects;
	if (lost)
		merge_objects_lost(m, lost);
}

void merge_gather(struct merger *m, const struct delta *delta)
{
	m->exchanges += delta->exchanges;
	m->calls_lost += delta->calls_lost;
	m->findings_lost += delta->findings_lost;
	m->names_lost += delta->names_lost;
	learn_gather(&m->learn, delta);
	if (m->known.alias_map.n) {
		for (uint32_t i = 0; i < delta->n_params; i++)
			delta->params[i].endpoint =
				known_resolve(&m->known, delta->params[i].endpoint);
	}
	params_gather(&m->params, delta);
	inventory_gather(m, delta);
	sessions_gather(&m->sessions, delta);
	if (merge_room(&m->captures, &m->captures_room, m->n_captures + delta->n_captures,
		      sizeof(*m->captures))) {
		for (uint32_t i = 0; i < delta->n_captures; i++)
			m->captures[m->n_captures++] = &delta->captures[i];
	}
	m->call_params_lost += delta->call_params_lost;
	gather_objects(m, delta);
	if (calls_room(&m->calls, delta->n_calls)) {
		for (uint32_t i = 0; i < delta->n_calls; i++) {
			const struct call *call = &delta->calls[i];

			m->calls.list[m->calls.n++] =
				(struct merger_call){call->time_ns, call->order, {.call = call}, 0};
		}
	} else {
		m->calls_lost += delta->n_calls;
	}
	if (merge_room(&m->names, &m->names_room, m->n_names + delta->n_names, sizeof(*m->names))) {
		for (uint32_t i = 0; i < delta->n_names; i++)
			m->names[m->n_names++] = &delta->names[i];
	} else {
		m->names_lost += delta->n_names;
	}
	if (merge_room(&m->findings, &m->findings_room, m->n_findings + delta->n_findings,
		      sizeof(*m->findings)))
		gather_findings(m, delta);
	else
		m->findings_lost += delta->n_findings;
}

// ---- Order

static void sort_runs(struct merger_call *calls, uint32_t n)
{
	for (uint32_t from = 0; from < n; from += SORT_RUN) {
		uint32_t to = n - from < SORT_RUN ? n : from + SORT_RUN;

		for (uint32_t i = from + 1; i < to; i++) {
			struct merger_call one = calls[i];
			uint32_t k = i;

			for (; k > from && merge_before(&one, &calls[k - 1]); k--)
				calls[k] = calls[k - 1];
			calls[k] = one;
		}
	}
}

// Merges from[0..left) and from[left..n) to `to`. Often they are in order already.
static void sort_merge(const struct merger_call *from, uint32_t left, uint32_t n,
		       struct merger_call *to)
{
	uint32_t i = 0, j = left, k = 0;

	if (left >= n || !merge_before(&from[left], &from[left - 1])) {
		memcpy(to, from, n * sizeof(*to));
		return;
	}
	while (i < left && j < n)
		to[k++] = merge_before(&from[j], &from[i]) ? from[j++] : from[i++];
	memcpy(to + k, from + i, (left - i) * sizeof(*to));
	k += left - i;
	memcpy(to + k, from + j, (n - j) * sizeof(*to));
}

// Stable, bottom up. What a worker tells is nearly in order, which makes most of it copying.
static bool calls_sort(struct merger_calls *c)
{
	uint32_t n = c->n;

	sort_runs(c->list, n);
	if (n <= SORT_RUN)
		return true;
	if (!merge_room(&c->other, &c->other_room, n, sizeof(*c->other)))
		return false;
	for (uint64_t width = SORT_RUN; width < n; width *= 2) {
		struct merger_call *from = c->list, *to = c->other;
		uint32_t room = c->room;

		for (uint64_t at = 0; at < n; at += 2 * width) {
			uint64_t len = n - at < 2 * width ? n - at : 2 * width;

			sort_merge(from + at, (uint32_t)(width < len ? width : len), (uint32_t)len,
				   to + at);
		}
		c->list = to;
		c->room = c->other_room;
		c->other = from;
		c->other_room = room;
	}
	return true;
}

static void objects_drop(struct merger *m)
{
	uint64_t lost = 0;

	for (uint32_t i = 0; i < m->objects.n; i++)
		lost += m->objects.list[i].n;
	m->objects.n = 0;
	merge_objects_lost(m, lost);
}

void merge_order(struct merger *m)
{
	if (!calls_sort(&m->calls)) {
		m->calls_lost += m->calls.n;
		m->calls.n = 0;
	}
	if (!calls_sort(&m->objects))
		objects_drop(m);
}
