// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Evidence for issues that are raised about a call when its exchange is long gone: the worker that
// saw it is asked, by the snapshot of the next epoch, for what its ring still holds. Until it has
// answered, or an answer is not expected any more, the new issue is not told. Merger's thread.

#include "detect/merge.h"

void merger_capture(struct merger *m, const struct detector *d, uint64_t key, uint64_t time_ns,
		    uint64_t order)
{
	if (!issues_wants(&m->issues, d, key))
		return;
	for (uint32_t i = 0; i < m->n_wishes; i++) {
		if (m->wishes[i].detector == d && m->wishes[i].key == key)
			return; // one at a time
	}
	if (m->n_wishes == MERGER_WISHES) {
		m->wishes_lost++;
		return;
	}
	m->wishes[m->n_wishes++] = (struct merger_wish){
		.detector = d,
		.key = key,
		.id = {time_ns, order},
	};
	issues_hold(&m->issues, d, key, true);
}

static void wish_answer(struct merger *m, const struct merger_wish *wish, const struct finding *f)
{
	if (f)
		issues_evidence(&m->issues, &(struct issue_facts){
						    .detector = wish->detector,
						    .key = wish->key,
						    .endpoint = merger_target(m, f->endpoint),
						    .finding = f,
					    });
	issues_hold(&m->issues, wish->detector, wish->key, false);
}

void merge_wishes(struct merger *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_wishes; i++) {
		struct merger_wish *wish = &m->wishes[i];
		const struct finding *found = NULL;

		for (uint32_t k = 0; k < m->n_captures && !found; k++) {
			if (m->captures[k]->time_ns == wish->id.time_ns &&
			    m->captures[k]->order == wish->id.order)
				found = m->captures[k];
		}
		if (found || (wish->asked && m->merges > wish->asked + MERGER_PATIENCE))
			wish_answer(m, wish, found);
		else
			m->wishes[n++] = *wish;
	}
	m->n_wishes = n;
	m->n_captures = 0;
}

bool merge_wishes_publish(struct merger *m, struct snapshot *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_wishes && n < CAPTURES_WANTED; i++) {
		if (m->wishes[i].asked)
			continue;
		m->wishes[i].asked = m->merges;
		s->wanted[n++] = m->wishes[i].id;
	}
	s->n_wanted = n;
	return n > 0;
}

bool merge_wishes_wait(const struct merger *m)
{
	for (uint32_t i = 0; i < m->n_wishes; i++) {
		if (!m->wishes[i].asked)
			return true;
	}
	return false;
}

void merge_wishes_ask(struct merger *m)
{
	struct detect_worker *const *workers = m->shared->workers;
	uint32_t n = workers ? m->shared->n_workers : 0;

	for (uint32_t i = 0; i < m->n_wishes; i++) {
		const struct finding *f = NULL;

		for (uint32_t k = 0; k < n && !f; k++)
			f = m->shared->capture(workers[k], m->wishes[i].id);
		wish_answer(m, &m->wishes[i], f);
		for (uint32_t k = 0; k < n; k++)
			workers[k]->delta[workers[k]->active].n_captures = 0;
	}
	m->n_wishes = 0;
}
