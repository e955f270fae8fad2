// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// When issues are told, and what else their actors did: an issue carries its incident as it is at
// the moment of telling.

#include "detect/issue_record.h"

#include "detect/incident.h"

#define URGENT_NS UINT64_C(1000000000)

// ---- What else the actor did

static bool detector_accuses(const struct detector *d)
{
	return !d->about_api && !(d->module && strcmp(d->module, "Posture") == 0);
}

static void facts_actor(const struct issue_facts *facts, struct incident_actor *actor)
{
	const struct merged_principal *p = facts->principal;

	*actor = (struct incident_actor){0};
	if (p && p->kind != PRINCIPAL_NONE && p->kind != PRINCIPAL_ADDRESS)
		actor->principal = p->id;
	if (facts->client)
		memcpy(actor->addr, facts->client, sizeof(actor->addr));
	else if (facts->finding)
		memcpy(actor->addr, facts->finding->client, sizeof(actor->addr));
	else if (p)
		memcpy(actor->addr, p->addr, sizeof(actor->addr));
}

// Issues that waited for this actor to be accused.
static void record_pending(struct issues *t, const struct incident_actor *actor, uint64_t incident)
{
	uint64_t id;

	while ((id = incidents_pending(t->incidents, actor))) {
		struct issue_record *r = idmap_get(&t->map, id);

		if (!r || r->incident)
			continue;
		r->incident = incident;
		incidents_put(t->incidents, incident, id, &r->issue, true);
	}
}

void issue_incident(struct issues *t, struct issue_record *r, const struct issue_facts *facts)
{
	bool fresh = !r->incident, opened = false;
	struct incident_actor actor;

	if (!t->incidents)
		return;
	if (fresh) {
		facts_actor(facts, &actor);
		r->incident = incidents_join(t->incidents, &actor, detector_accuses(r->detector),
					     r->table_id, &r->issue, &opened);
	}
	if (r->incident)
		incidents_put(t->incidents, r->incident, r->table_id, &r->issue, fresh);
	if (opened)
		record_pending(t, &actor, r->incident);
}

// What is told of it: the incident as it is now. Of one that was forgotten what was told last.
static void record_chain(struct issues *t, struct issue_record *r)
{
	const struct incident *i = NULL;
	struct issue *issue = &r->issue;
	uint32_t alone = (uint32_t)(100 * incident_weight(issue->severity, issue->result,
							   issue->confidence) +
				    0.5);

	issue->related = t->related;
	issue->n_related = 0;
	if (t->incidents)
		i = incidents_find(t->incidents, r->incident);
	if (!i) {
		if (issue->risk < alone)
			issue->risk = alone;
		return;
	}
	memcpy(issue->incident_id, i->id, sizeof(issue->incident_id));
	issue->risk = i->risk;
	issue->n_incident = i->n + i->summary.n;
	for (uint32_t k = 0; k < i->n && issue->n_related < ISSUE_MAX_RELATED; k++) {
		const struct incident_link *link = &i->link[k];
		struct issue_related *to = &t->related[issue->n_related];

		if (link->issue == r->table_id)
			continue;
		memcpy(to->id, link->id, sizeof(to->id));
		to->detector = link->detector;
		to->severity = link->severity;
		to->first_seen_ns = link->first_ns;
		issue->n_related++;
	}
}

// ---- Handing out

static bool is_due(const struct issues *t, const struct issue_record *r, uint64_t now_ns)
{
	if (r->held && !r->told)
		return false;
	// A clock that went back must not silence an issue.
	if (!r->told || now_ns < r->told_ns)
		return true;
	return now_ns - r->told_ns >=
	       (r->urgent && t->update_ns > URGENT_NS ? URGENT_NS : t->update_ns);
}

void issues_tell(struct issues *t, uint64_t now_ns, bool all)
{
	struct issue_record **at = &t->changed;

	while (*at) {
		struct issue_record *r = *at;

		if (!all && !is_due(t, r, now_ns)) {
			at = &r->changed_next;
			continue;
		}
		*at = r->changed_next;
		r->issue.activity = r->told ? ACTIVITY_UPDATED : ACTIVITY_CREATED;
		*(r->told ? &t->updated : &t->created) += 1;
		r->changed = r->urgent = false;
		r->told = true;
		r->told_ns = now_ns;
		r->told_value = r->issue.metric.value;
		record_chain(t, r);
		if (t->fn)
			t->fn(t->arg, &r->issue);
	}
	t->changed_end = at;
}

static int compare_records(const void *a, const void *b)
{
	const struct issue *x = &(*(struct issue_record *const *)a)->issue;
	const struct issue *y = &(*(struct issue_record *const *)b)->issue;

	if (x->first_seen_ns != y->first_seen_ns)
		return x->first_seen_ns < y->first_seen_ns ? -1 : 1;
	return strcmp(x->id, y->id);
}

void issues_foreach(struct issues *t, issue_fn fn, void *arg)
{
	// The list's own order is not needed any more by anybody.
	if (t->n)
		qsort(t->list, t->n, sizeof(*t->list), compare_records);
	for (uint32_t i = 0; i < t->n; i++) {
		record_chain(t, t->list[i]);
		fn(arg, &t->list[i]->issue);
	}
}
