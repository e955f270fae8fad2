// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Endpoints take the templates that are known now. Those that come to have the same one join:
// counts, inventory and parameters are sums and unions; areas of detectors join where they are sums
// (detector.h), and begin anew where they are not, like what fields were learnt to be. The old
// identities become aliases. Merger's thread.

#include "detect/merge.h"

#include "detect/template_look.h"

#include <stdlib.h>
#include <string.h>

enum {
	ROUNDS = 16, // each folds the next segment of what the one before folded
	// Words that stayed are looked at again without new endpoints, too: in so many merges after
	// the last place was learnt, each of so many.
	AGAIN = 960,
	AGAIN_EACH = 16,
	NEW_SHARE = 16, // a look waits for one new endpoint to so many that are known,
	NEW_WAIT = 16,  // or for so many merges
};

static struct span text_span(const char *text)
{
	return span_make(text, strlen(text));
}

static void endpoint_forget(struct merger *m, uint64_t id)
{
	const struct params_endpoint *p = params_endpoint(&m->params, id);

	// Each of them looks through its whole table; where no fields are, it knows nothing.
	for (uint32_t i = 0; p && p->n && i < m->n_detectors; i++) {
		struct merger_detector *d = &m->detectors[i];

		if (d->enabled && d->detector->forget)
			d->detector->forget(d->state, m, id);
	}
	if (p && p->n)
		objects_forget(&m->store, id);
}

static void counts_join(struct merged_endpoint *into, const struct merged_endpoint *from)
{
	if (from->calls && (into->calls == 0 || from->first_ns < into->first_ns))
		into->first_ns = from->first_ns;
	if (from->last_ns > into->last_ns)
		into->last_ns = from->last_ns;
	into->calls += from->calls;
	into->ok += from->ok;
	into->ok_with_credentials += from->ok_with_credentials;
	for (uint32_t i = 0; i < 6; i++)
		into->status[i] += from->status[i];
}

// into NULL: the areas stay where they are, but for those that begin anew.
static void areas_join(struct merger *m, struct known_endpoint *into, struct known_endpoint *from)
{
	for (uint32_t i = 0; i < m->n_detectors; i++) {
		const struct detector *d = m->detectors[i].detector;

		if (!m->detectors[i].enabled || d->endpoint_size == 0)
			continue;
		if (!into && !d->join_area)
			memset(from->pub.area[i], 0, d->endpoint_size);
		else if (into && d->join_area)
			d->join_area(into->pub.area[i], from->pub.area[i]);
	}
}

static bool endpoint_conform(struct merger *m, struct known_endpoint *e)
{
	struct templates *t = &m->templates;
	struct span host = text_span(e->pub.host), method = text_span(e->pub.method);
	uint64_t old = e->pub.id, id;
	struct known_endpoint *into;
	struct template_text text;
	struct span template;

	if (!templates_apply(t, host, method, text_span(e->pub.template), &text))
		return false;
	template = span_make(text.text, text.len);
	id = template_id(t->seed, template_root(t->seed, host, method), template);
	endpoint_forget(m, old);
	into = idmap_get(&m->known.endpoint_map, id);
	if (!into && !known_endpoint_rename(&m->known, e, id, template))
		return false;
	params_merge(&m->params, old, id);
	areas_join(m, into, e);
	t->folded++;
	if (into) {
		counts_join(&into->pub, &e->pub);
		if (into->inventory && e->inventory) {
			inventory_join(into->inventory, e->inventory);
		} else if (e->inventory) {
			into->inventory = e->inventory;
			e->inventory = NULL;
		}
		known_endpoint_remove(&m->known, old);
	}
	known_alias_add(&m->known, old, id);
	return true;
}

static bool is_alias(void *arg, uint64_t endpoint)
{
	return known_resolve(arg, endpoint) != endpoint;
}

static void list_conform(struct template_look *l, bool all)
{
	bool changed = false;

	// An entry is removed when its own turn has come, so no pointer is used after its end.
	for (uint32_t i = 0; i < l->n; i++) {
		if (all || l->touched[i])
			changed |= endpoint_conform(l->m, l->list[i]);
	}
	if (changed)
		learn_forget_if(&l->m->learn, is_alias, &l->m->known);
}

void templates_conform(struct merger *m)
{
	struct template_look l;

	if (m->templates.set.n && template_look_begin(&l, m)) {
		list_conform(&l, true);
		template_look_end(&l);
	}
}

// False: nothing was learnt.
static bool look_again(struct merger *m)
{
	struct template_look l;
	bool learnt = template_look_begin(&l, m) && template_look_all(&l);

	if (learnt)
		list_conform(&l, false);
	template_look_end(&l);
	return learnt;
}

// A look goes through all endpoints. So that its price stays a part of that of learning them, it waits
// until a part of them is new, but not for long.
static bool look_due(const struct merger *m, bool last)
{
	const struct templates *t = &m->templates;
	uint64_t added = m->known.endpoints_added - t->looked;

	if (t->n_folds && m->merges <= t->learnt_at + AGAIN && m->merges % AGAIN_EACH == 0)
		return true;
	return added && (last || added > m->known.n_endpoints / NEW_SHARE ||
			 m->merges - t->looked_at >= NEW_WAIT);
}

void templates_run(struct merger *m, bool last)
{
	struct templates *t = &m->templates;

	if (!t->options->learn || !look_due(m, last))
		return;
	t->looked = m->known.endpoints_added;
	t->looked_at = m->merges;
	for (uint32_t i = 0; i < ROUNDS && look_again(m); i++)
		;
}
