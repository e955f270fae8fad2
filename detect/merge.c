// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The merger's life, its detectors' state, what it tells the workers, and what detectors ask it.
//
//	deltas ─► merge_fold() ─► evaluate() of each detector ─► issues that are due are told
//	                           │ merger_raise(), merger_watch()
//	                           ▼
//	              next snapshot for the workers
//
// Control thread only; may allocate.

#include "detect/merge.h"

#include "dataplane/log.h"
#include "detect/keep.h"
#include "detect/policy.h"

#include <stdio.h>

#define MERGER_ROW(field, ...)                                                                     \
	{                                                                                          \
		.key = #field, .type = CONF_U32, .offset = offsetof(struct merger_options, field), \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row merger_rows[] = {
	MERGER_ROW(max_endpoints, .min = 16, .max = 1 << 20, .def = "20000", .unit = "endpoints",
		   .help = "Endpoints (host, method, path template) known; more are not learnt"),
	MERGER_ROW(max_principals, .min = 16, .max = 1 << 23, .def = "100000", .unit = "principals",
		   .help = "Users and clients known at once; the one idle longest is forgotten"),
	MERGER_ROW(history, .min = 0, .max = ISSUE_MAX_HISTORY, .def = "16", .unit = "calls",
		   .help = "Last calls of each user that an issue tells"),
	MERGER_ROW(max_issues, .min = 1, .max = 1 << 20, .def = "10000", .unit = "issues",
		   .help = "Different issues kept at once"),
	MERGER_ROW(update_s, .min = 0, .max = 86400, .def = "60", .unit = "s",
		   .help = "Shortest time between two updates of one issue; one that got worse "
			   "(severity, evidence, a value a quarter higher) is told after a second"),
	MERGER_ROW(max_fields, .min = 64, .max = 1 << 20, .def = "65536", .unit = "fields",
		   .help = "Fields whose data types are learnt; the one without values for longest "
			   "is forgotten"),
	MERGER_ROW(field_values, .min = 2, .max = 500, .def = "5", .unit = "values",
		   .help = "Different values before a field is said to be of a data type"),
	MERGER_ROW(field_share, .min = 50, .max = 100, .def = "80", .unit = "%",
		   .help = "The share of them that must pass the type's check"),
};
const struct conf_section merger_section = {
	.path = "detect",
	.help = "What detection remembers, and how often it tells",
	.size = sizeof(struct merger_options),
	.rows = merger_rows,
	.n_rows = sizeof(merger_rows) / sizeof(merger_rows[0]),
};
CONF_SECTION(merger_section);

struct merger_evidence {
	struct finding finding;
	struct keep keep;
};

// ---- Start and end

int merge_detector(const struct merger *m, const struct detector *detector)
{
	if (m->detectors[m->turn].detector == detector)
		return (int)m->turn;
	for (uint32_t i = 0; i < m->n_detectors; i++) {
		if (m->detectors[i].detector == detector)
			return (int)i;
	}
	return -1;
}

static void detector_stop(struct merger_detector *d)
{
	if (d->started && d->detector->fini)
		d->detector->fini(d->state);
	d->started = false;
}

static int detector_start(struct merger_detector *d)
{
	int rc = 0;

	if (d->detector->state_size)
		memset(d->state, 0, d->detector->state_size);
	if (d->detector->init)
		rc = d->detector->init(d->state, d->options);
	d->started = rc == 0;
	return rc;
}

static int detectors_new(struct merger *m, char *why, size_t why_len)
{
	m->n_detectors = detector_count();
	if (m->n_detectors > KNOWN_AREAS) {
		snprintf(why, why_len, "more than %d detectors", KNOWN_AREAS);
		m->n_detectors = 0;
		return -1;
	}
	for (uint32_t i = 0; i < m->n_detectors; i++) {
		struct merger_detector *d = &m->detectors[i];
		const struct detector *self = detector_get(i);

		d->detector = self;
		d->options = conf_get(m->shared->conf, self->section);
		d->enabled = *(const bool *)d->options;
		known_area(&m->known, d->enabled ? self->endpoint_size : 0,
			   d->enabled ? self->principal_size : 0);
		if (!d->enabled)
			continue;
		d->state = calloc(1, self->state_size ? self->state_size : 1);
		if (!d->state || detector_start(d)) {
			snprintf(why, why_len, "detector %s cannot start", self->id);
			return -1;
		}
		if (self->call)
			m->callers[m->n_callers++] = i;
		if (self->object)
			m->takers[m->n_takers++] = i;
	}
	return 0;
}

// ---- Snapshots

static void snapshot_first(struct merger *m)
{
	m->published = &m->snapshots[0];
	m->published->snapshot.templates = m->templates.set;
	m->told_templates = m->templates.changes;
	m->published->snapshot.policies = merge_policies_newest(m);
	m->policies_changed = false;
	m->published->used = true;
	atomic_store_explicit(&m->shared->snapshot, &m->published->snapshot, memory_order_release);
}

size_t merger_fields_bytes(const struct conf *conf)
{
	const struct merger_options *o = conf_get(conf, &merger_section);

	return learn_bytes(o->max_fields) + MERGER_SNAPSHOTS * sizeof(struct learn_sets);
}

size_t merger_objects_bytes(const struct conf *conf)
{
	return objects_bytes(conf_get(conf, &objects_section));
}

struct merger *merger_new(struct detect_shared *shared, issue_fn fn, void *arg, char *why,
			  size_t why_len)
{
	const struct merger_options *o = conf_get(shared->conf, &merger_section);
	const struct inventory_options *in = conf_get(shared->conf, &inventory_section);
	struct merger *m = calloc(1, sizeof(*m));

	if (!m) {
		snprintf(why, why_len, "no memory for the merger");
		return NULL;
	}
	m->shared = shared;
	known_init(&m->known, o->max_endpoints, o->max_principals, o->history);
	params_init(&m->params, in->max_params, in->max_endpoint_params, o->max_endpoints);
	issues_init(&m->issues, shared->seed, o->max_issues, o->update_s);
	m->issues.fn = fn;
	m->issues.arg = arg;
	m->issues.known = &m->known;
	m->issues.incidents = &m->incidents;
	if (incidents_init(&m->incidents, shared->conf, shared->seed)) {
		snprintf(why, why_len, "no memory for incidents");
		merger_free(m);
		return NULL;
	}
	if (learn_init(&m->learn, &(struct learn_options){
					  .max_fields = o->max_fields,
					  .min_values = o->field_values,
					  .share = o->field_share,
				  })) {
		snprintf(why, why_len, "no memory for %u fields", o->max_fields);
		merger_free(m);
		return NULL;
	}
	if (objects_init(&m->store, conf_get(shared->conf, &objects_section))) {
		snprintf(why, why_len, "no memory for the owners of objects");
		merger_free(m);
		return NULL;
	}
	if (sources_init(&m->sources, shared->conf, shared->seed, why, why_len) ||
	    inventory_init(&m->inventory, in, why, why_len) ||
	    templates_init(&m->templates, shared->conf, shared->seed, why, why_len) ||
	    detectors_new(m, why, why_len)) {
		merger_free(m);
		return NULL;
	}
	shared->pins = m->templates.pins;
	snapshot_first(m);
	return m;
}

static void evidence_free(struct merger_evidence *e)
{
	if (e)
		keep_free(&e->keep);
	free(e);
}

static void watch_clear(struct merger_watch *watch)
{
	for (uint32_t i = 0; i < KNOWN_AREAS; i++)
		evidence_free(watch->evidence[i]);
	*watch = (struct merger_watch){0};
}

static void held_clear(struct merger *m)
{
	for (uint32_t i = 0; i < m->n_held; i++)
		evidence_free(m->held[i]);
	m->n_held = 0;
}

static void lists_free(struct merger *m)
{
	free(m->calls.list);
	free(m->calls.other);
	free(m->objects.list);
	free(m->objects.other);
	free(m->captures);
	m->captures = NULL;
	m->n_captures = m->captures_room = 0;
	free(m->names);
	free(m->named);
	free(m->findings);
	free(m->groups);
	free(m->joined);
	free(m->history);
	m->calls = m->objects = (struct merger_calls){0};
	m->names = m->named = NULL;
	m->findings = NULL;
	m->groups = NULL;
	m->joined = NULL;
	m->history = NULL;
	m->n_names = m->n_findings = m->n_groups = m->n_history = 0;
	m->n_named = m->names_room = m->named_room = 0;
	m->findings_room = m->joined_room = m->groups_room = m->history_room = 0;
}

void merger_free(struct merger *m)
{
	held_clear(m);
	for (uint32_t i = 0; i < m->n_watch; i++)
		watch_clear(&m->watch[i]);
	issues_clear(&m->issues);
	incidents_fini(&m->incidents);
	known_clear(&m->known);
	learn_fini(&m->learn);
	objects_fini(&m->store);
	params_clear(&m->params);
	inventory_fini(&m->inventory);
	templates_fini(&m->templates);
	sessions_fini(&m->sessions);
	sources_fini(&m->sources);
	for (uint32_t i = 0; i < m->n_detectors; i++) {
		detector_stop(&m->detectors[i]);
		free(m->detectors[i].state);
	}
	lists_free(m);
	merge_policies_sweep(m, 0, true);
	free(m);
}

void merger_forget(struct merger *m, uint64_t endpoint)
{
	for (uint32_t i = 0; i < m->n_detectors; i++) {
		struct merger_detector *d = &m->detectors[i];

		if (d->enabled && d->detector->forget)
			d->detector->forget(d->state, m, endpoint);
	}
	learn_forget(&m->learn, endpoint);
	params_forget(&m->params, endpoint);
	objects_forget(&m->store, endpoint);
	known_endpoint_remove(&m->known, endpoint);
}

bool merger_restart(struct merger *m, uint32_t detector)
{
	struct merger_detector *d = &m->detectors[detector];
	size_t endpoint_size = d->detector->endpoint_size;
	size_t principal_size = d->detector->principal_size;

	if (!d->enabled)
		return false;
	detector_stop(d);
	for (uint32_t i = 0; endpoint_size && i < m->known.n_endpoints; i++)
		memset(m->known.endpoints[i]->pub.area[detector], 0, endpoint_size);
	for (uint32_t i = 0; principal_size && i < m->known.n_principals; i++)
		memset(known_principal_area(&m->known, m->known.principals[i], detector), 0,
		       principal_size);
	if (detector_start(d) == 0)
		return true;
	LOG(ERR, "Detector %s cannot start again and is off until the next start.",
	    d->detector->id);
	d->enabled = false;
	return false;
}

void merger_reset(struct merger *m)
{
	held_clear(m);
	for (uint32_t i = 0; i < m->n_watch; i++)
		watch_clear(&m->watch[i]);
	m->n_watch = 0;
	m->watch_changed = false;
	if (m->learnt.n)
		m->learnt = (struct idset){0};
	m->told_learnt = m->told_quiet = m->told_fields = 0;
	m->told_full = false;
	issues_clear(&m->issues);
	incidents_clear(&m->incidents);
	known_clear(&m->known);
	learn_reset(&m->learn);
	objects_clear(&m->store);
	params_clear(&m->params);
	inventory_reset(&m->inventory);
	templates_reset(&m->templates);
	m->relieved = m->refused = m->refused_at = 0;
	sessions_fini(&m->sessions);
	sources_clear(&m->sources);
	memset(&m->shared->session_names, 0, sizeof(m->shared->session_names));
	for (uint32_t i = 0; i < m->n_detectors; i++)
		merger_restart(m, i);
	m->n_names = m->n_findings = m->n_groups = m->n_history = 0;
	m->calls.n = m->objects.n = 0;
	m->n_wishes = m->n_captures = 0;
	m->wishes_lost = 0;
	m->exchanges = m->calls_lost = m->findings_total = m->findings_lost = m->names_lost = 0;
	m->objects_lost = m->call_params_lost = m->objects_lost_ns = 0;
	m->now_ns = m->merges = 0;
	// Idle workers may still point to any of them: emptied, not freed.
	for (uint32_t i = 0; i < MERGER_SNAPSHOTS; i++) {
		struct snapshot *s = &m->snapshots[i].snapshot;

		if (s->learnt.n || s->quiet.n || s->fields.is.n || s->fields.is_not.n ||
		    s->templates.n)
			memset(s, 0, sizeof(*s));
		s->n_watch = 0;
		s->evidence_full = false;
		s->policies = merge_policies_newest(m);
		m->snapshots[i].used = false;
		m->snapshots[i].retired = 0;
	}
	snapshot_first(m);
}

// ---- Evidence about watched principals

static struct merger_watch *watch_find(struct merger *m, uint64_t principal)
{
	for (uint32_t i = 0; i < m->n_watch; i++) {
		if (m->watch[i].principal == principal)
			return &m->watch[i];
	}
	return NULL;
}

static struct merger_evidence *evidence_new(const struct finding *f)
{
	struct merger_evidence *e = calloc(1, sizeof(*e));
	struct issue_message *message;

	if (!e)
		return NULL;
	e->finding = *f;
	e->finding.user_agent = keep_span(&e->keep, f->user_agent);
	e->finding.path = keep_span(&e->keep, f->path);
	for (uint32_t i = 0; i < f->n_types && i < FINDING_TYPES; i++) {
		e->finding.types[i].name = keep_span(&e->keep, f->types[i].name);
		e->finding.types[i].sample = keep_span(&e->keep, f->types[i].sample);
	}
	for (uint32_t i = 0; i < 2; i++) {
		message = i ? &e->finding.evidence.response : &e->finding.evidence.request;
		message->head = keep_span(&e->keep, message->head);
		message->body = keep_span(&e->keep, message->body);
	}
	if (e->keep.failed) {
		evidence_free(e);
		return NULL;
	}
	return e;
}

void merge_evidence(struct merger *m, const struct finding *f, uint32_t detector)
{
	struct merger_watch *watch = f->principal ? watch_find(m, f->principal) : NULL;
	struct merger_evidence *e;

	if (!watch || !f->detector->evaluate)
		return;
	e = evidence_new(f);
	if (!e)
		return;
	evidence_free(watch->evidence[detector]);
	watch->evidence[detector] = e;
}

// ---- Findings that wait

bool merge_hold(struct merger *m, const struct finding *f)
{
	struct merger_evidence *e = m->n_held < MERGER_HELD ? evidence_new(f) : NULL;

	if (e)
		m->held[m->n_held++] = e;
	return e != NULL;
}

static void held_judge(struct merger *m, const struct finding *f)
{
	struct known_call history[ISSUE_MAX_HISTORY];
	const struct known_principal *p = known_principal(&m->known, f->principal);
	int detector = merge_detector(m, f->detector);

	if (detector >= 0 && m->detectors[detector].enabled)
		merge_judge(m, f, history, p ? known_history(p, history) : 0);
}

void merge_release(struct merger *m, bool all)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_held; i++) {
		struct merger_evidence *e = m->held[i];
		enum learn_answer answer = learn_finding(&m->learn, &e->finding);

		if (answer == LEARN_TOO_EARLY && !all &&
		    m->now_ns < e->finding.time_ns + MERGER_HOLD_S * UINT64_C(1000000000)) {
			m->held[n++] = e;
			continue;
		}
		if (answer != LEARN_COUNTS_NOT)
			held_judge(m, &e->finding);
		evidence_free(e);
	}
	m->n_held = n;
}

// ---- The epoch

static void merger_evaluate(struct merger *m, bool last)
{
	for (uint32_t i = 0; i < m->n_detectors; i++) {
		struct merger_detector *d = &m->detectors[i];

		if (d->enabled && d->detector->evaluate)
			d->detector->evaluate(d->detector, d->options, m, d->state, m->now_ns,
					      last);
	}
}

void merger_run(struct merger *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	m->merges++;
	merge_fold(m);
	merger_evaluate(m, false);
	issues_tell(&m->issues, now_ns, false);
	templates_run(m, false);
}

void merger_finish(struct merger *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	templates_run(m, true);
	merge_release(m, true);
	merger_evaluate(m, true);
	merge_wishes_ask(m);
	issues_tell(&m->issues, now_ns, true);
}

// ---- What workers are told

static int compare_principals(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static struct merger_snapshot *snapshot_free(struct merger *m, uint32_t oldest)
{
	for (uint32_t i = 0; i < MERGER_SNAPSHOTS; i++) {
		struct merger_snapshot *s = &m->snapshots[i];

		// Whoever did an epoch after the one in which it was replaced holds a newer one.
		if (s != m->published && (!s->used || (int32_t)(oldest - s->retired) > 0))
			return s;
	}
	return NULL;
}

void merger_publish(struct merger *m, uint32_t epoch, uint32_t oldest)
{
	const struct issues *t = &m->issues;
	bool changed = m->watch_changed || m->policies_changed || m->told_learnt != m->learnt.n ||
		       m->told_quiet != t->quiet.n || m->told_full != t->full ||
		       m->told_fields != m->learn.changes ||
		       m->told_templates != m->templates.changes || merge_wishes_wait(m);
	struct merger_snapshot *next = changed ? snapshot_free(m, oldest) : NULL;

	merge_policies_sweep(m, oldest, false);
	if (!next)
		return;
	next->snapshot.policies = merge_policies_newest(m);
	m->policies_changed = false;
	next->snapshot.learnt = m->learnt;
	if (m->told_fields == m->learn.changes)
		next->snapshot.fields = m->published->snapshot.fields;
	else
		learn_fill(&m->learn, &next->snapshot.fields);
	m->told_fields = m->learn.changes;
	next->snapshot.templates = m->templates.set;
	m->told_templates = m->templates.changes;
	next->snapshot.quiet = t->quiet;
	next->snapshot.evidence_full = t->full;
	m->told_learnt = m->learnt.n;
	m->told_quiet = t->quiet.n;
	m->told_full = t->full;
	next->snapshot.n_watch = m->n_watch;
	for (uint32_t i = 0; i < m->n_watch; i++)
		next->snapshot.watch[i] = m->watch[i].principal;
	qsort(next->snapshot.watch, m->n_watch, sizeof(uint64_t), compare_principals);
	next->snapshot.wanted_turn = m->published->snapshot.wanted_turn;
	next->snapshot.wanted_turn += merge_wishes_publish(m, &next->snapshot);
	next->used = true;
	// Pairs with the acquire of workers when they flip.
	atomic_store_explicit(&m->shared->snapshot, &next->snapshot, memory_order_release);
	m->published->retired = epoch;
	m->published = next;
	m->watch_changed = false;
}

// ---- For detectors

void merger_learnt(struct merger *m, uint64_t endpoint)
{
	idset_add(&m->learnt, endpoint);
}

struct merged_endpoint *merger_endpoint(struct merger *m, uint64_t id)
{
	struct known_endpoint *e = m->call_endpoint;

	if (!e || e->pub.id != id)
		e = known_endpoint(&m->known, id);
	return e ? &e->pub : NULL;
}

struct merged_endpoint *merger_target(struct merger *m, uint64_t id)
{
	struct known_endpoint *e = known_target(&m->known, id);

	return e ? &e->pub : NULL;
}

const struct specs *merger_specs(const struct merger *m)
{
	return m->inventory.specs;
}

const struct inventory *merger_networks(const struct merger *m)
{
	return &m->inventory;
}

const struct inventory_endpoint *merger_facts(const struct merged_endpoint *e)
{
	return ((const struct known_endpoint *)e)->inventory; // its first member
}

struct merged_principal *merger_principal(struct merger *m, uint64_t id)
{
	struct known_principal *p = m->call_principal;

	if (!p || p->pub.id != id)
		p = known_principal(&m->known, id);
	return p ? &p->pub : NULL;
}

const char *merger_param_name(struct merger *m, uint64_t, uint64_t field)
{
	return params_name(&m->params, field);
}

void merger_raise(struct merger *m, const struct detector *d, uint64_t key,
		  struct merged_principal *p, struct merged_endpoint *e, uint64_t time_ns,
		  const struct issue_draft *draft)
{
	int i = merge_detector(m, d);
	struct merger_watch *watch = p ? watch_find(m, p->id) : NULL;
	const struct merger_evidence *evidence = watch && i >= 0 ? watch->evidence[i] : NULL;
	struct known_call history[ISSUE_MAX_HISTORY];
	struct issue_facts facts = {
		.detector = d,
		.key = key,
		.count = 1,
		.first_ns = time_ns,
		.last_ns = time_ns,
		.endpoint = e,
		.principal = p,
		.finding = evidence ? &evidence->finding : NULL,
		.judged = draft,
		.history = history,
	};

	if (i < 0 || !m->detectors[i].enabled)
		return;
	if (m->call && p && m->call->principal == p->id)
		facts.client = m->call->client;
	facts.options = m->detectors[i].options;
	if (!e && evidence)
		facts.endpoint = merger_target(m, evidence->finding.endpoint);
	if (p && !issues_has(&m->issues, d, key))
		facts.n_history = known_history((const struct known_principal *)p, history);
	issues_put(&m->issues, &facts, m->now_ns);
	if (m->call && !evidence)
		merger_capture(m, d, key, m->call->time_ns, m->call->order);
}

struct objects *merger_objects(struct merger *m)
{
	return &m->store;
}

void merger_watch(struct merger *m, uint64_t principal)
{
	struct merger_watch *watch = watch_find(m, principal);

	if (principal == 0)
		return;
	if (!watch && m->n_watch < WATCH_MAX) {
		watch = &m->watch[m->n_watch++];
	} else if (!watch) {
		// The one that nobody asked for longest makes room.
		watch = &m->watch[0];
		for (uint32_t i = 1; i < WATCH_MAX; i++) {
			if (m->watch[i].wanted < watch->wanted)
				watch = &m->watch[i];
		}
		if (watch->wanted == m->merges)
			return;
		watch_clear(watch);
	}
	if (watch->principal != principal)
		m->watch_changed = true;
	watch->principal = principal;
	watch->wanted = m->merges;
}
