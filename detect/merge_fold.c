// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The deltas of an epoch become what is known:
//
//	fields   ─► what they are (learn.h)
//	names    ─► endpoints and principals become known, when their time has come
//	calls    ─► sorted by (time, order), one after the other: counts, histories, call() of
//	            each detector; a finding's history is taken when its turn in time comes
//	objects  ─► object() of each detector, behind the call that they were given to
//	findings ─► those of one key joined, then accept() and the table of issues
//	            (after all calls, so that accept() knows as much as there is to know)
//
// Nothing here may depend on which worker saw what: everything is sorted by what the packets say
// before it is looked at. What memory does not suffice for is counted as lost. Merger's thread.

#include "detect/merge.h"

enum {
	PREFETCH_SLOT = 24,  // calls ahead: the places in the maps,
	PREFETCH_ENTRY = 12, // and what stands there
	ONLY_REFUSE = 1024,  // endpoints that only refuse, or a quarter of all
	RECOUNT = 16,        // merges
};

// ---- Names

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_spans(struct span a, struct span b)
{
	uint32_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.p, b.p, len) : 0;

	return order ? order : compare_numbers(a.len, b.len);
}

// By identity; of one identity the announcement that wins comes first.
static int compare_names(const void *a, const void *b)
{
	const struct delta_name *x = *(const struct delta_name *const *)a;
	const struct delta_name *y = *(const struct delta_name *const *)b;
	int order = compare_numbers(x->id, y->id);

	order = order ? order : compare_numbers(x->is_endpoint, y->is_endpoint);
	order = order ? order : compare_numbers(x->missing, y->missing);
	order = order ? order : compare_numbers(x->time_ns, y->time_ns);
	order = order ? order : memcmp(x->addr, y->addr, sizeof(x->addr));
	order = order ? order : compare_numbers(x->kind, y->kind);
	order = order ? order : compare_numbers(x->confidence, y->confidence);
	order = order ? order : compare_spans(x->a, y->a);
	order = order ? order : compare_spans(x->b, y->b);
	return order ? order : compare_spans(x->c, y->c);
}

static int compare_name_times(const void *a, const void *b)
{
	const struct delta_name *x = *(const struct delta_name *const *)a;
	const struct delta_name *y = *(const struct delta_name *const *)b;
	int order = compare_numbers(x->time_ns, y->time_ns);

	return order ? order : compare_numbers(x->id, y->id);
}

static bool name_is_new(const struct merger *m, const struct delta_name *name)
{
	const struct known_principal *p;

	if (name->is_endpoint)
		return !(name->missing ? known_target : known_endpoint)(&m->known, name->id);
	p = known_principal(&m->known, name->id);
	return !p || !p->text;
}

// Leaves the announcements that say something new, one of each identity, in the order of time.
static void names_sort(struct merger *m)
{
	uint32_t n = 0, once = 0;

	for (uint32_t i = 0; i < m->n_names; i++) {
		if (i + PREFETCH_SLOT < m->n_names) {
			const struct delta_name *ahead = m->names[i + PREFETCH_SLOT];

			idmap_prefetch(ahead->is_endpoint ? &m->known.endpoint_map
							  : &m->known.principal_map,
				       ahead->id);
		}
		if (name_is_new(m, m->names[i]))
			m->names[n++] = m->names[i];
	}
	if (n)
		qsort(m->names, n, sizeof(*m->names), compare_names);
	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 || m->names[i]->id != m->names[i - 1]->id ||
		    m->names[i]->is_endpoint != m->names[i - 1]->is_endpoint ||
		    m->names[i]->missing != m->names[i - 1]->missing)
			m->names[once++] = m->names[i];
	}
	m->n_named = 0;
	if (merge_room(&m->named, &m->named_room, once, sizeof(*m->named))) {
		for (uint32_t i = 0; i < once; i++) {
			if (m->names[i]->is_endpoint && !m->names[i]->missing)
				m->named[m->n_named++] = m->names[i];
		}
	}
	if (once)
		qsort(m->names, once, sizeof(*m->names), compare_name_times);
	m->n_names = once;
}

// Before the table of endpoints is full: values that look like words join, and if that is not
// enough, what was never served makes room. Both only after a part of it came anew, so that whoever
// makes up paths cannot have them done for each.
static void endpoints_relieve(struct merger *m)
{
	struct known *k = &m->known;

	if (k->n_endpoints >= k->max_endpoints - k->max_endpoints / 4 &&
	    k->endpoints_added - m->templates.looked > k->max_endpoints / 16)
		templates_run(m, true);
	if (k->n_endpoints >= k->max_endpoints &&
	    k->endpoints_added - m->relieved >= k->max_endpoints / 64) {
		m->relieved = k->endpoints_added;
		known_unproven_evict(k);
	}
}

// Endpoints that only ever refuse are so many, of those that were added in this epoch nobody knows
// yet. Beyond that a new one waits among what is missing for its first success (call_fold()).
static bool refused_full(const struct merger *m)
{
	const struct known *k = &m->known;
	uint64_t most = k->max_endpoints / 4 > ONLY_REFUSE ? k->max_endpoints / 4 : ONLY_REFUSE;

	return m->refused + (k->endpoints_added - m->refused_at) >= most;
}

// Counted when some came anew, and now and then, since they may have succeeded.
static void refused_count(struct merger *m)
{
	if (m->refused_at == m->known.endpoints_added && m->merges % RECOUNT)
		return;
	m->refused = known_unproven(&m->known);
	m->refused_at = m->known.endpoints_added;
}

// A worker that has not taken the newest templates yet says what it sees in the old ones.
static void name_endpoint(struct merger *m, const struct delta_name *name)
{
	const struct templates *t = &m->templates;
	struct span template = name->c;
	struct template_text text;
	uint64_t id = name->id;

	endpoints_relieve(m);
	if (t->set.n && templates_apply(t, name->a, name->b, template, &text)) {
		template = span_make(text.text, text.len);
		id = template_id(t->seed, template_root(t->seed, name->a, name->b), template);
		known_alias_add(&m->known, name->id, id);
		params_merge(&m->params, name->id, id);
	}
	if (name->missing || refused_full(m))
		known_missing_add(&m->known, id, name->a, name->b, template);
	else
		known_endpoint_add(&m->known, id, name->a, name->b, template);
}

// An exchange that began before the one that announced its endpoint may end behind it: its call comes
// first, and needs the name. NULL: nothing is announced behind that time.
static struct known_endpoint *name_ahead(struct merger *m, uint64_t id, uint64_t time_ns)
{
	uint32_t low = 0, high = m->n_named;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (m->named[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == m->n_named || m->named[low]->id != id || m->named[low]->time_ns <= time_ns)
		return NULL;
	name_endpoint(m, m->named[low]);
	return known_endpoint(&m->known, id);
}

// What was announced up to that time.
static uint32_t names_fold(struct merger *m, uint32_t next, uint64_t time_ns)
{
	for (; next < m->n_names && m->names[next]->time_ns <= time_ns; next++) {
		const struct delta_name *name = m->names[next];
		struct known_principal *p;

		if (name->is_endpoint) {
			name_endpoint(m, name);
			continue;
		}
		p = known_principal_add(&m->known, name->id);
		if (p)
			known_principal_name(p, name);
	}
	return next;
}

// ---- Calls

// A call touches a dozen places that nothing else touched lately: with 100,000 principals this
// saves a third of the time of a call.
static void calls_prefetch(const struct merger *m, uint32_t i)
{
	if (i + PREFETCH_SLOT < m->calls.n) {
		const struct call *call = m->calls.list[i + PREFETCH_SLOT].call;

		idmap_prefetch(&m->known.endpoint_map, call->endpoint);
		idmap_prefetch(&m->known.principal_map, call->principal);
	}
	if (i + PREFETCH_ENTRY < m->calls.n) {
		const struct call *call = m->calls.list[i + PREFETCH_ENTRY].call;

		known_prefetch(known_endpoint(&m->known, call->endpoint),
			       known_principal(&m->known, call->principal));
	}
}

// Of a call that has not ended nothing is learnt, but those who ask for it are told.
static void call_held(struct merger *m, const struct call *call)
{
	m->call_endpoint = known_endpoint(&m->known, call->endpoint);
	m->call_principal = known_principal(&m->known, call->principal);
	m->call = call;
	for (uint32_t i = 0; i < m->n_detectors; i++) {
		struct merger_detector *d = &m->detectors[i];

		if (d->enabled && d->detector->held)
			d->detector->held(d->detector, d->options, m, d->state, call);
	}
	m->call_endpoint = NULL;
	m->call_principal = NULL;
	m->call = NULL;
}

// A principal that is not known by name is followed all the same: it may have been forgotten here
// while its worker still remembers having announced it.
static void call_fold(struct merger *m, const struct call *call)
{
	struct known_endpoint *e;
	struct known_principal *p;

	if (call->flags & CALL_HELD) {
		call_held(m, call);
		return;
	}
	e = known_endpoint(&m->known, call->endpoint);
	p = known_principal_add(&m->known, call->principal);

	// Those that make no endpoint do not count before one that does (announce_endpoint()).
	if (!e && call->status && call->status != 404 && call->status != 405)
		e = name_ahead(m, call->endpoint, call->time_ns);
	if (!e && call->status / 100 > 0 && call->status / 100 < 4)
		e = known_missing_promote(&m->known, call->endpoint);
	// The delta is the merger's alone: detectors see the identity of now.
	if (e && e->pub.id != call->endpoint)
		((struct call *)(uintptr_t)call)->endpoint = e->pub.id;
	if (e)
		known_endpoint_call(e, call);
	if (p)
		known_principal_call(&m->known, p, call);
	sources_call(&m->sources, call);
	if (e)
		inventory_call(m, e, p, call);
	m->call_endpoint = e;
	m->call_principal = p;
	m->call = call;
	objects_call(&m->store, call);
	for (uint32_t i = 0; i < m->n_callers; i++) {
		struct merger_detector *d = &m->detectors[m->callers[i]];

		m->turn = m->callers[i];
		if (d->enabled)
			d->detector->call(d->detector, d->options, m, d->state, call);
	}
	m->call_endpoint = NULL;
	m->call_principal = NULL;
	m->call = NULL;
}

// A place among the objects that were gathered.
struct objects_at {
	uint32_t run, i;
};

static const struct delta_object *objects_next(const struct merger_calls *runs,
					       struct objects_at *at)
{
	const struct merger_call *run;
	const struct delta_object *object;

	if (at->run == runs->n)
		return NULL;
	run = &runs->list[at->run];
	object = run->object + at->i++;
	if (at->i == run->n)
		*at = (struct objects_at){at->run + 1, 0};
	return object;
}

// Where giving is, and what is fetched ahead of it.
struct objects_turn {
	struct objects_at now, entry, slot;
};

static void objects_ahead(struct merger *m, struct objects_at *at, bool entry, uint32_t n)
{
	const struct delta_object *object;

	while (n-- && (object = objects_next(&m->objects, at)))
		objects_prefetch(&m->store, object, entry);
}

static void objects_begin(struct merger *m, struct objects_turn *turn)
{
	*turn = (struct objects_turn){0};
	objects_ahead(m, &turn->slot, false, PREFETCH_SLOT);
	objects_ahead(m, &turn->entry, true, PREFETCH_ENTRY);
}

// What was given by exchanges before that one; NULL: by all.
static void objects_fold(struct merger *m, struct objects_turn *turn, const struct merger_call *until)
{
	while (turn->now.run < m->objects.n &&
	       (!until || merge_before(&m->objects.list[turn->now.run], until))) {
		const struct delta_object *object = objects_next(&m->objects, &turn->now);

		objects_ahead(m, &turn->slot, false, 1);
		objects_ahead(m, &turn->entry, true, 1);
		objects_give(&m->store, object);
		for (uint32_t i = 0; i < m->n_takers; i++) {
			struct merger_detector *d = &m->detectors[m->takers[i]];

			if (d->enabled)
				d->detector->object(d->detector, d->options, m, d->state, object);
		}
	}
}

// ---- Findings

static int compare_findings(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a;
	const struct finding *y = *(const struct finding *const *)b;
	int order = strcmp(x->detector->id, y->detector->id);

	order = order ? order : compare_numbers(x->key, y->key);
	order = order ? order : compare_numbers(x->time_ns, y->time_ns);
	return order ? order : compare_numbers(x->order, y->order);
}

static int compare_groups(const void *a, const void *b)
{
	const struct merger_group *x = a, *y = b;
	int order = compare_numbers(x->time_ns, y->time_ns);

	// At the same moment: in the order of detectors and keys, in which they were joined.
	order = order ? order : compare_numbers(x->order, y->order);
	return order ? order : compare_numbers(x->joined, y->joined);
}

// One finding for all of a key, as if one worker had seen all exchanges; then by time.
static bool findings_join(struct merger *m)
{
	uint32_t n = 0;

	m->n_groups = 0;
	if (m->n_findings == 0)
		return true;
	if (!merge_room(&m->joined, &m->joined_room, m->n_findings, sizeof(*m->joined)) ||
	    !merge_room(&m->groups, &m->groups_room, m->n_findings, sizeof(*m->groups)))
		return false;
	qsort(m->findings, m->n_findings, sizeof(*m->findings), compare_findings);
	for (uint32_t i = 0; i < m->n_findings; i++) {
		const struct finding *f = m->findings[i];

		if (n && m->joined[n - 1].detector == f->detector && m->joined[n - 1].key == f->key)
			finding_join(&m->joined[n - 1], f);
		else
			m->joined[n++] = *f;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct finding *f = &m->joined[i];

		if (f->last_ns < f->time_ns)
			f->last_ns = f->time_ns;
		f->endpoint = known_resolve(&m->known, f->endpoint);
		m->groups[i] = (struct merger_group){
			.detector = (uint32_t)merge_detector(m, f->detector),
			.joined = i,
			.time_ns = f->time_ns,
			.order = f->order,
		};
	}
	qsort(m->groups, n, sizeof(*m->groups), compare_groups);
	m->n_groups = n;
	return true;
}

// The history of a group whose issue does not exist yet, as it is at this point in time.
static void group_history(struct merger *m, struct merger_group *group)
{
	const struct finding *f = &m->joined[group->joined];
	const struct known_principal *p = known_principal(&m->known, f->principal);

	if (!p || issues_has(&m->issues, f->detector, f->key) ||
	    !merge_room(&m->history, &m->history_room, m->n_history + ISSUE_MAX_HISTORY,
		       sizeof(*m->history)))
		return;
	group->history = m->n_history;
	group->n_history = known_history(p, m->history + m->n_history);
	m->n_history += group->n_history;
}

// Of all groups that are not later than the call that comes next.
static uint32_t groups_histories(struct merger *m, uint32_t next, const struct merger_call *until)
{
	for (; next < m->n_groups; next++) {
		struct merger_group *group = &m->groups[next];
		const struct merger_call at = {group->time_ns, group->order, {NULL}, 0};

		if (until && !merge_before(&at, until))
			break;
		group_history(m, group);
	}
	return next;
}

void merge_judge(struct merger *m, const struct finding *f, const struct known_call *history,
		 uint32_t n_history)
{
	int detector = merge_detector(m, f->detector);
	struct merger_detector *d = &m->detectors[detector];

	merge_evidence(m, f, (uint32_t)detector);
	if (d->detector->accept && !d->detector->accept(d->detector, d->options, m, d->state, f))
		return;
	issues_put(&m->issues,
		   &(struct issue_facts){
			   .detector = d->detector,
			   .options = d->options,
			   .key = f->key,
			   .count = f->count,
			   .first_ns = f->time_ns,
			   .last_ns = f->last_ns,
			   .endpoint = merger_target(m, f->endpoint),
			   .principal = merger_principal(m, f->principal),
			   .finding = f,
			   .history = history,
			   .n_history = n_history,
		   },
		   m->now_ns);
}

// All values of this epoch are known here, which they were not to the worker.
static void group_judge(struct merger *m, const struct merger_group *group)
{
	struct finding *f = &m->joined[group->joined];
	enum learn_answer answer = learn_finding(&m->learn, f);

	if (answer == LEARN_COUNTS_NOT)
		return;
	if (answer == LEARN_TOO_EARLY && !issues_has(&m->issues, f->detector, f->key) &&
	    merge_hold(m, f))
		return;
	merge_judge(m, f, m->history + group->history, group->n_history);
}

// ---- The epoch

void merge_fold(struct merger *m)
{
	uint32_t name = 0, group = 0;
	struct objects_turn objects;

	refused_count(m);
	learn_fold(&m->learn);
	sessions_fold(m);
	names_sort(m);
	if (!findings_join(m))
		m->findings_lost += m->n_findings;
	merge_order(m);
	objects_begin(m, &objects);
	for (uint32_t i = 0; i < m->calls.n; i++) {
		const struct merger_call *call = &m->calls.list[i];

		calls_prefetch(m, i);
		name = names_fold(m, name, call->time_ns);
		if (group < m->n_groups)
			group = groups_histories(m, group, call);
		objects_fold(m, &objects, call);
		call_fold(m, call->call);
	}
	names_fold(m, name, UINT64_MAX);
	groups_histories(m, group, NULL);
	objects_fold(m, &objects, NULL);
	inventory_fold(m);
	merge_release(m, false);
	for (uint32_t i = 0; i < m->n_groups; i++) {
		if (m->detectors[m->groups[i].detector].enabled)
			group_judge(m, &m->groups[i]);
	}
	merge_wishes(m);
	m->calls.n = m->objects.n = 0;
	m->n_names = m->n_named = m->n_findings = m->n_groups = m->n_history = 0;
}
