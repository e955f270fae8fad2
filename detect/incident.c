// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Three tables that forget the oldest: incidents, the last incident of each actor, and what waits
// for an actor to be accused. A key of an incident that was forgotten finds nothing, so nobody has
// to be told.

#include "detect/incident.h"

#include "detect/draft.h"
#include "detect/siphash.h"

#include <errno.h>
#include <string.h>

enum { ACTORS_PER_INCIDENT = 4 };

static const struct conf_row incidents_rows[] = {
	{.key = "idle_s", .type = CONF_U32, .offset = offsetof(struct incidents_options, idle_s),
	 .min = 1, .max = 30 * 86400, .def = "3600", .unit = "s",
	 .help = "How long an actor may be quiet before what it does next is another incident"},
	{.key = "max_incidents", .type = CONF_U32,
	 .offset = offsetof(struct incidents_options, max_incidents), .min = 16, .max = 1 << 20,
	 .def = "4096", .unit = "incidents",
	 .help = "Incidents known at once; the one quiet longest is forgotten"},
};
const struct conf_section incidents_section = {
	.path = "detect.incidents",
	.help = "Issues of one actor told as one incident",
	.size = sizeof(struct incidents_options),
	.rows = incidents_rows,
	.n_rows = sizeof(incidents_rows) / sizeof(incidents_rows[0]),
};
CONF_SECTION(incidents_section);

struct incident_pending {
	uint64_t issue[INCIDENT_PENDING]; // the newest last
	uint64_t last_ns;
	uint32_t n;
};

size_t incidents_bytes(const struct conf *conf)
{
	const struct incidents_options *o = conf_get(conf, &incidents_section);
	uint32_t actors = ACTORS_PER_INCIDENT * o->max_incidents;

	return lru_bytes(sizeof(struct incident), o->max_incidents) +
	       lru_bytes(sizeof(uint64_t), actors) +
	       lru_bytes(sizeof(struct incident_pending), actors);
}

int incidents_init(struct incidents *t, const struct conf *conf, uint64_t seed)
{
	const struct incidents_options *o = conf_get(conf, &incidents_section);
	uint32_t actors = ACTORS_PER_INCIDENT * o->max_incidents;

	*t = (struct incidents){.seed = seed, .idle_ns = o->idle_s * UINT64_C(1000000000)};
	if (lru_init(&t->table, sizeof(struct incident), o->max_incidents) ||
	    lru_init(&t->actors, sizeof(uint64_t), actors) ||
	    lru_init(&t->pending, sizeof(struct incident_pending), actors)) {
		incidents_fini(t);
		return -ENOMEM;
	}
	return 0;
}

void incidents_fini(struct incidents *t)
{
	lru_fini(&t->table);
	lru_fini(&t->actors);
	lru_fini(&t->pending);
}

void incidents_clear(struct incidents *t)
{
	lru_clear(&t->table);
	lru_clear(&t->actors);
	lru_clear(&t->pending);
}

// ---- Actors

static uint64_t actor_principal(const struct incidents *t, const struct incident_actor *actor)
{
	return actor->principal ? siphash_id(siphash_number(t->seed, 'P', actor->principal)) : 0;
}

static uint64_t actor_address(const struct incidents *t, const struct incident_actor *actor)
{
	static const uint8_t none[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(actor->addr, mapped, sizeof(mapped)) == 0;

	if (memcmp(actor->addr, none, sizeof(none)) == 0)
		return 0;
	return siphash_id(siphash(t->seed, 'A', span_make(actor->addr, v4 ? 16 : 8)));
}

static bool is_open(const struct incidents *t, const struct incident *i, uint64_t time_ns)
{
	return time_ns <= i->last_ns + t->idle_ns && time_ns + t->idle_ns >= i->first_ns;
}

static uint64_t actor_incident(const struct incidents *t, uint64_t actor, uint64_t time_ns)
{
	const uint64_t *key = actor ? lru_get(&t->actors, actor) : NULL;
	const struct incident *i = key ? lru_get(&t->table, *key) : NULL;

	return i && is_open(t, i, time_ns) ? *key : 0;
}

static void actor_set(struct incidents *t, uint64_t actor, uint64_t incident)
{
	uint64_t *key = actor ? lru_touch(&t->actors, actor, NULL) : NULL;

	if (key)
		*key = incident;
}

// An incident that this actor goes on with; 0: none.
static uint64_t actor_continues(struct incidents *t, uint64_t principal, uint64_t address,
				uint64_t time_ns, bool *named)
{
	uint64_t key = actor_incident(t, principal ? principal : address, time_ns);
	struct incident *i;

	*named = false;
	if (key || !principal)
		return key;
	key = actor_incident(t, address, time_ns);
	i = key ? lru_get(&t->table, key) : NULL;
	if (!i || i->principal)
		return 0;
	i->principal = principal;
	actor_set(t, principal, key);
	*named = true;
	return key;
}

static void pending_add(struct incidents *t, uint64_t actor, uint64_t issue_key, uint64_t time_ns)
{
	struct incident_pending *p = actor ? lru_touch(&t->pending, actor, NULL) : NULL;

	if (!p)
		return;
	if (time_ns > p->last_ns + t->idle_ns)
		p->n = 0;
	if (time_ns > p->last_ns)
		p->last_ns = time_ns;
	for (uint32_t i = 0; i < p->n; i++) {
		if (p->issue[i] == issue_key)
			return;
	}
	if (p->n == INCIDENT_PENDING)
		memmove(p->issue, p->issue + 1, --p->n * sizeof(p->issue[0]));
	p->issue[p->n++] = issue_key;
}

static uint64_t pending_take(struct incidents *t, uint64_t actor)
{
	struct incident_pending *p = actor ? lru_get(&t->pending, actor) : NULL;
	uint64_t issue_key;

	if (!p)
		return 0;
	issue_key = p->n ? p->issue[--p->n] : 0;
	if (p->n == 0)
		lru_remove(&t->pending, actor);
	return issue_key;
}

uint64_t incidents_pending(struct incidents *t, const struct incident_actor *actor)
{
	uint64_t issue_key = pending_take(t, actor_principal(t, actor));

	return issue_key ? issue_key : pending_take(t, actor_address(t, actor));
}

// ---- Joining

static uint64_t incident_open(struct incidents *t, uint64_t principal, uint64_t address,
			      const struct issue *issue)
{
	struct span first = span_make(issue->id, strlen(issue->id));
	uint64_t key = siphash_id(siphash(t->seed, 'C', first));
	bool fresh;
	struct incident *i = lru_touch(&t->table, key, &fresh);

	if (!i)
		return 0;
	if (!fresh)
		return key;
	draft_text(i->id, sizeof(i->id), "%016llx%016llx", (unsigned long long)key,
		 (unsigned long long)siphash(t->seed, 'D', first));
	i->principal = principal;
	i->address = address;
	i->first_ns = issue->first_seen_ns;
	i->last_ns = issue->last_seen_ns;
	i->summary.left = 1;
	actor_set(t, principal, key);
	actor_set(t, address, key);
	return key;
}

uint64_t incidents_join(struct incidents *t, const struct incident_actor *actor, bool accuses,
			uint64_t issue_key, const struct issue *issue, bool *opened)
{
	uint64_t principal = actor_principal(t, actor), address = actor_address(t, actor);
	uint64_t time_ns = issue->last_seen_ns, key = 0;

	*opened = false;
	if (accuses) {
		key = actor_continues(t, principal, address, time_ns, opened);
		if (!key) {
			key = incident_open(t, principal, address, issue);
			*opened = key != 0;
		}
		return key;
	}
	key = actor_incident(t, principal ? principal : address, time_ns);
	if (!key)
		pending_add(t, principal ? principal : address, issue_key, time_ns);
	return key;
}

// ---- Risk

double incident_weight(enum severity severity, enum incident_result result, uint32_t confidence)
{
	static const double severities[] = {0.02, 0.10, 0.25, 0.50, 0.80};
	static const double results[] = {0.7, 0.5, 1};

	if (severity > SEVERITY_CRITICAL || result > RESULT_SUCCEEDED)
		return 0;
	return severities[severity] * results[result] * (confidence < 100 ? confidence : 100) / 100;
}

static double link_weight(const struct incident_link *link)
{
	return incident_weight(link->severity, link->result, link->confidence);
}

// Of those of one detector, and of equal ones the first.
static bool link_is_strongest(const struct incident *i, uint32_t at)
{
	double weight = link_weight(&i->link[at]);

	for (uint32_t k = 0; k < i->n; k++) {
		double other = link_weight(&i->link[k]);

		if (k != at && strcmp(i->link[k].detector, i->link[at].detector) == 0 &&
		    (other > weight || (other == weight && k < at)))
			return false;
	}
	return true;
}

static void incident_judge(struct incident *i)
{
	double left = i->summary.left;
	uint32_t risk;

	for (uint32_t k = 0; k < i->n; k++) {
		double weight = link_weight(&i->link[k]);

		left *= 1 - (link_is_strongest(i, k) ? weight : weight / 4);
	}
	risk = (uint32_t)(100 * (1 - left) + 0.5);
	if (risk > i->risk)
		i->risk = risk;
}

// ---- Issues of an incident

static void summary_add(struct incident_summary *s, const struct incident_link *link)
{
	if (s->n++ == 0 || link->first_ns < s->first_ns)
		s->first_ns = link->first_ns;
	if (link->first_ns > s->last_ns)
		s->last_ns = link->first_ns;
	if (link->severity > s->severity)
		s->severity = link->severity;
	s->left *= 1 - link_weight(link) / 4;
}

static bool link_before(const struct incident_link *a, const struct incident_link *b)
{
	return a->first_ns != b->first_ns ? a->first_ns < b->first_ns : strcmp(a->id, b->id) < 0;
}

static uint32_t link_find(const struct incident *i, uint64_t issue_key)
{
	uint32_t at = 0;

	while (at < i->n && i->link[at].issue != issue_key)
		at++;
	return at;
}

static void link_remove(struct incident *i, uint32_t at)
{
	memmove(&i->link[at], &i->link[at + 1], (--i->n - at) * sizeof(i->link[0]));
}

static void link_insert(struct incident *i, const struct incident_link *link)
{
	uint32_t at = i->n;

	while (at > 0 && link_before(link, &i->link[at - 1]))
		at--;
	memmove(&i->link[at + 1], &i->link[at], (i->n++ - at) * sizeof(i->link[0]));
	i->link[at] = *link;
}

// False: there is no room, and it is older than all others.
static bool incident_room(struct incident *i, const struct incident_link *link)
{
	if (i->n < INCIDENT_LINKS)
		return true;
	if (link_before(link, &i->link[0])) {
		summary_add(&i->summary, link);
		return false;
	}
	summary_add(&i->summary, &i->link[0]);
	link_remove(i, 0);
	return true;
}

void incidents_put(struct incidents *t, uint64_t incident, uint64_t issue_key,
		   const struct issue *issue, bool fresh)
{
	struct incident *i = lru_get(&t->table, incident);
	struct incident_link link = {
		.issue = issue_key,
		.first_ns = issue->first_seen_ns,
		.detector = issue->detector,
		.severity = (uint8_t)issue->severity,
		.result = (uint8_t)issue->result,
		.confidence = (uint8_t)issue->confidence,
	};
	uint32_t at;

	if (!i)
		return;
	lru_touch(&t->table, incident, NULL);
	memcpy(link.id, issue->id, sizeof(link.id));
	if (issue->first_seen_ns < i->first_ns)
		i->first_ns = issue->first_seen_ns;
	if (issue->last_seen_ns > i->last_ns)
		i->last_ns = issue->last_seen_ns;
	at = link_find(i, issue_key);
	if (at < i->n)
		link_remove(i, at);
	else if (!fresh)
		return; // it is summarised
	if (incident_room(i, &link))
		link_insert(i, &link);
	incident_judge(i);
}

const struct incident *incidents_find(const struct incidents *t, uint64_t incident)
{
	return incident ? lru_get(&t->table, incident) : NULL;
}
