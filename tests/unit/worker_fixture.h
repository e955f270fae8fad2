// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Workers fed with exchanges made from text, and a merger in its plainest form: it knows
// everything it was ever told, folds in the order of time, joins findings of one key, asks
// accept() and keeps what became an issue. Included once by a test.

#pragma once

#include "tests/unit/detect_fixture.h"

#include "detect/idmap.h"
#include "detect/inventory.h"
#include "detect/worker.h"
#include "flows/form_walk.h"
#include "flows/json.h"

enum { WORKERS_MAX = 4, ENTRIES_MAX = 70000, RAISED_MAX = 256, NS = 1000000000 };

// ---- workers

static struct conf *work_conf;
static struct detect_shared *work_shared;
static struct detect_worker *work[WORKERS_MAX];
static uint32_t n_work;

struct observed {
	uint64_t principal, endpoint;
	struct exchange x; // as it was at the end; its spans are dead
	uint32_t n_findings;
	struct exchange_finding findings[8];
};

static struct observed observed;
static uint32_t n_observed;

static void observe(void *, uint32_t, const struct exchange *x,
		    const struct exchange_finding *findings, uint32_t n)
{
	observed.x = *x;
	observed.principal = x->principal;
	observed.endpoint = x->endpoint;
	observed.n_findings = n;
	memcpy(observed.findings, findings, (n < 8 ? n : 8) * sizeof(*findings));
	n_observed++;
}

static void work_open(const char *lines, uint32_t n, uint32_t n_exchanges)
{
	char why[256] = "";

	work_conf = fixture_conf(lines);
	assert_non_null(work_conf);
	work_shared = aligned_alloc(64, (sizeof(*work_shared) + 63) / 64 * 64);
	memset(work_shared, 0, sizeof(*work_shared));
	work_shared->conf = work_conf;
	work_shared->seed = SEED;
	work_shared->n_workers = n_work = n;
	work_shared->observer.exchange = observe;
	for (uint32_t i = 0; i < n; i++) {
		work[i] = detect_worker_new(work_shared, i, n_exchanges, why, sizeof(why));
		assert_non_null(work[i]);
	}
	n_observed = 0;
}

static void work_close(void)
{
	for (uint32_t i = 0; i < n_work; i++)
		detect_worker_free(work[i]);
	free(work_shared);
	conf_free(work_conf);
}

struct sent {
	const char *request, *request_body; // NULL request: not seen
	const char *response, *response_body;
	uint64_t time_ns;
	uint32_t worker, client, conn, index;
	bool cut;     // the response is not complete
	bool message; // of a WebSocket
	bool inside;  // the client's address is of a private network
};

static void feed_body(const struct event_sink *sink, struct http_tx *tx, enum dir dir)
{
	struct http_msg *msg = &tx->msg[dir];
	uint8_t *bytes = calloc(1, msg->body_kept + WINDOW_PAD);
	struct window window = {
		.dir = dir,
		.bytes = {bytes, msg->body_kept},
	};
	struct walk walk = {
		.sink = sink,
		.tx = tx,
		.dir = dir,
		.seed = SEED,
		.begin = bytes,
		.fresh = bytes,
		.end = bytes + msg->body_kept,
		.last = true,
		.complete = msg->complete,
	};

	memcpy(bytes, msg->body, msg->body_kept);
	bool json = msg->body_kept && (*bytes == '{' || *bytes == '[');
	bool form = !json && dir == CLIENT && memchr(bytes, '=', msg->body_kept);
	window.values = json || form;
	if (msg->body_kept)
		sink->window(sink->ctx, tx, &window);
	if (json) {
		struct json state;

		json_begin(&state, SEED, 64);
		json_walk(&state, &walk);
	} else if (form) {
		struct form state;

		form_begin(&state);
		form_walk(&state, &walk);
	}
	free(bytes);
}

static void send_one(const struct sent *sent)
{
	struct event_sink sink = detect_worker_sink(work[sent->worker]);
	struct fixture f;

	fixture_open(&f, sent->request, sent->request_body, sent->response, sent->response_body);
	if (sent->inside)
		f.conn.addr[CLIENT][12] = 10;
	f.conn.addr[CLIENT][14] = (uint8_t)(sent->client >> 8);
	f.conn.addr[CLIENT][15] = (uint8_t)sent->client;
	f.conn.hash = (sent->conn + 1) * UINT64_C(0x9e3779b97f4a7c15);
	f.tx.index = sent->index;
	f.tx.proto = sent->message ? PROTO_WS : PROTO_H1;
	for (uint32_t i = 0; i < 2; i++) {
		f.tx.msg[i].first_ns = sent->time_ns + i * 100;
		f.tx.msg[i].last_ns = sent->time_ns + i * 100 + 50;
	}
	if (sent->cut)
		f.tx.msg[SERVER].complete = false;
	if (sent->request) {
		sink.request(sink.ctx, &f.tx);
		feed_body(&sink, &f.tx, CLIENT);
	}
	if (sent->response) {
		sink.response(sink.ctx, &f.tx);
		feed_body(&sink, &f.tx, SERVER);
	}
	sink.end(sink.ctx, &f.tx);
	assert_null(f.tx.detect);
	fixture_close(&f);
}

#define SEND(head, body, answer, answer_body, ...)                                                 \
	send_one(&(struct sent){.request = head,                                                   \
				.request_body = body,                                              \
				.response = answer,                                                \
				.response_body = answer_body,                                      \
				__VA_ARGS__})

// ---- merger

struct entry {
	struct merged_endpoint endpoint;
	struct merged_principal principal;
	char text[3][400];
	void *area[DETECTOR_MAX]; // of a principal
};

struct raised {
	const struct detector *detector;
	uint64_t key, count, time_ns, endpoint, principal;
	uint32_t updates;
	struct issue_draft draft;
	uint32_t n_types;
	char types[512];
	char request[2048], response[2048];
};

struct merger {
	struct idmap endpoint_map, principal_map;
	struct entry *endpoints[ENTRIES_MAX], *principals[ENTRIES_MAX];
	uint32_t n_endpoints, n_principals;
	void *state[DETECTOR_MAX];
	const void *options[DETECTOR_MAX];
	struct raised raised[RAISED_MAX];
	uint32_t n_raised;
	uint64_t watched[4096];
	uint64_t learnt; // endpoint that was told last
	uint32_t n_watched;
	bool reverse; // deltas are gathered from the last worker on
	struct {
		uint64_t endpoint, field;
		const char *name;
	} params[16];
	uint32_t n_params;
	struct sources sources;
};

static struct merger merger;

static uint32_t index_of(const struct detector *detector)
{
	for (uint32_t i = 0; i < detector_count(); i++) {
		if (detector_get(i) == detector)
			return i;
	}
	fail();
	return 0;
}

static inline void merger_open(const struct conf *conf)
{
	char why[256];

	memset(&merger, 0, sizeof(merger));
	assert_int_equal(sources_init(&merger.sources, conf, SEED, why, sizeof(why)), 0);
	for (uint32_t i = 0; i < detector_count(); i++) {
		const struct detector *d = detector_get(i);

		merger.options[i] = conf_get(conf, d->section);
		merger.state[i] = calloc(1, d->state_size + 1);
		if (d->init)
			assert_int_equal(d->init(merger.state[i], merger.options[i]), 0);
	}
}

static void entry_free(struct entry *e)
{
	for (uint32_t i = 0; i < DETECTOR_MAX; i++) {
		free(e->endpoint.area[i]);
		free(e->area[i]);
	}
	free(e);
}

static inline void merger_close(void)
{
	for (uint32_t i = 0; i < detector_count(); i++) {
		if (detector_get(i)->fini)
			detector_get(i)->fini(merger.state[i]);
		free(merger.state[i]);
	}
	for (uint32_t i = 0; i < merger.n_endpoints; i++)
		entry_free(merger.endpoints[i]);
	for (uint32_t i = 0; i < merger.n_principals; i++)
		entry_free(merger.principals[i]);
	sources_fini(&merger.sources);
	idmap_fini(&merger.endpoint_map);
	idmap_fini(&merger.principal_map);
}

static void text_set(char *out, size_t size, struct span s)
{
	snprintf(out, size, "%.*s", (int)s.len, s.p ? (const char *)s.p : "");
}

static struct entry *endpoint_add(uint64_t id, struct span host, struct span method,
				  struct span template)
{
	struct entry *e = idmap_get(&merger.endpoint_map, id);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	assert_true(merger.n_endpoints < ENTRIES_MAX && idmap_add(&merger.endpoint_map, id, e));
	merger.endpoints[merger.n_endpoints++] = e;
	text_set(e->text[0], 400, host);
	text_set(e->text[1], 400, method);
	text_set(e->text[2], 400, template);
	e->endpoint = (struct merged_endpoint){
		.id = id, .host = e->text[0], .method = e->text[1], .template = e->text[2]};
	for (uint32_t i = 0; i < detector_count(); i++)
		e->endpoint.area[i] = calloc(1, detector_get(i)->endpoint_size + 1);
	return e;
}

static struct entry *principal_add(uint64_t id, struct span user)
{
	struct entry *e = idmap_get(&merger.principal_map, id);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	assert_true(merger.n_principals < ENTRIES_MAX && idmap_add(&merger.principal_map, id, e));
	merger.principals[merger.n_principals++] = e;
	text_set(e->text[0], 400, user);
	e->principal =
		(struct merged_principal){.id = id, .user = e->text[0], .user_agent = e->text[1]};
	for (uint32_t i = 0; i < detector_count(); i++)
		e->area[i] = calloc(1, detector_get(i)->principal_size + 1);
	return e;
}

struct merged_endpoint *merger_endpoint(struct merger *m, uint64_t id)
{
	struct entry *e = idmap_get(&m->endpoint_map, id);

	return e ? &e->endpoint : NULL;
}

struct merged_endpoint *merger_target(struct merger *m, uint64_t id)
{
	return merger_endpoint(m, id);
}

static struct inventory inventory; // networks and specifications

const struct specs *merger_specs(const struct merger *)
{
	return inventory.specs;
}

const struct inventory *merger_networks(const struct merger *)
{
	return &inventory;
}

const struct inventory_endpoint *merger_facts(const struct merged_endpoint *)
{
	return NULL;
}

struct merged_principal *merger_principal(struct merger *m, uint64_t id)
{
	struct entry *e = idmap_get(&m->principal_map, id);

	return e ? &e->principal : NULL;
}

const struct source *merger_source(struct merger *m, const uint8_t addr[16])
{
	return sources_address(&m->sources, addr);
}

const struct source *merger_source_prefix(struct merger *m, const uint8_t addr[16])
{
	return sources_prefix(&m->sources, addr);
}

void merger_location(struct merger *m, const uint8_t addr[16], struct location *out)
{
	sources_locate(&m->sources, addr, out);
}

const struct conf *merger_conf(const struct merger *)
{
	return work_conf;
}

uint32_t merger_endpoints(struct merger *m)
{
	return m->n_endpoints;
}

struct merged_endpoint *merger_endpoint_at(struct merger *m, uint32_t i)
{
	return &m->endpoints[i]->endpoint;
}

uint32_t merger_principals(struct merger *m)
{
	return m->n_principals;
}

struct merged_principal *merger_principal_next(struct merger *m, const struct merged_principal *p)
{
	uint32_t i = 0, n = merger_principals(m);

	while (p && i < n && merger_principal_at(m, i++) != p)
		;
	return i < n ? merger_principal_at(m, i) : NULL;
}

struct merged_principal *merger_principal_at(struct merger *m, uint32_t i)
{
	return &m->principals[i]->principal;
}

void *merger_endpoint_area(struct merger *, struct merged_endpoint *e, const struct detector *d)
{
	return e->area[index_of(d)];
}

void *merger_principal_area(struct merger *, struct merged_principal *p, const struct detector *d)
{
	return ((struct entry *)((uint8_t *)p - offsetof(struct entry, principal)))
		->area[index_of(d)];
}

void merger_watch(struct merger *m, uint64_t principal)
{
	for (uint32_t i = 0; i < m->n_watched; i++) {
		if (m->watched[i] == principal)
			return;
	}
	assert_true(m->n_watched < 4096);
	m->watched[m->n_watched++] = principal;
}

void merger_learnt(struct merger *m, uint64_t endpoint)
{
	m->learnt = endpoint;
}

const char *merger_param_name(struct merger *m, uint64_t endpoint, uint64_t field)
{
	for (uint32_t i = 0; i < m->n_params; i++) {
		if (m->params[i].endpoint == endpoint && m->params[i].field == field)
			return m->params[i].name;
	}
	return NULL;
}

// What a field is called from now on.
static inline void param_named(uint64_t endpoint, uint64_t field, const char *name)
{
	assert_true(merger.n_params < 16);
	merger.params[merger.n_params].endpoint = endpoint;
	merger.params[merger.n_params].field = field;
	merger.params[merger.n_params++].name = name;
}

static struct raised *raised_find(const struct detector *d, uint64_t key)
{
	for (uint32_t i = 0; i < merger.n_raised; i++) {
		if (merger.raised[i].detector == d && merger.raised[i].key == key)
			return &merger.raised[i];
	}
	return NULL;
}

static struct raised *raised_get(const struct detector *d, uint64_t key)
{
	struct raised *r = raised_find(d, key);

	if (!r) {
		assert_true(merger.n_raised < RAISED_MAX);
		r = &merger.raised[merger.n_raised++];
		*r = (struct raised){.detector = d, .key = key};
	}
	r->updates++;
	return r;
}

void merger_raise(struct merger *, const struct detector *d, uint64_t key,
		  struct merged_principal *p, struct merged_endpoint *e, uint64_t time_ns,
		  const struct issue_draft *draft)
{
	struct raised *r = raised_get(d, key);

	r->draft = *draft;
	r->time_ns = time_ns;
	r->principal = p ? p->id : 0;
	r->endpoint = e ? e->id : 0;
	r->count++;
}

static int compare_calls(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void fold_calls(struct call *calls, uint32_t n)
{
	qsort(calls, n, sizeof(*calls), compare_calls);
	for (uint32_t i = 0; i < n; i++) {
		struct merged_endpoint *e = merger_endpoint(&merger, calls[i].endpoint);

		if (e && calls[i].status / 100 == 2) {
			e->ok++;
			e->ok_with_credentials += !!(calls[i].flags & CALL_CREDENTIALS);
		}
		if (e)
			e->calls++;
		sources_call(&merger.sources, &calls[i]);
		for (uint32_t k = 0; k < detector_count(); k++) {
			if (detector_get(k)->call)
				detector_get(k)->call(detector_get(k), merger.options[k], &merger,
						      merger.state[k], &calls[i]);
		}
	}
}

static int compare_found(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int order = strcmp(x->detector->id, y->detector->id);

	return order ? order : x->key < y->key ? -1 : x->key > y->key;
}

static void found_types(const struct finding *f, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < f->n_types && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s %c %.*s %lu %.*s\n",
				      fixture_types[f->types[i].type].id,
				      f->types[i].dir == SERVER ? '<' : '>',
				      (int)f->types[i].name.len, (const char *)f->types[i].name.p,
				      (unsigned long)f->types[i].count, (int)f->types[i].sample.len,
				      (const char *)f->types[i].sample.p);
}

static void fold_finding(const struct finding *f)
{
	const struct detector *d = f->detector;
	uint32_t k = index_of(d);
	struct raised *r;

	if (d->accept && !d->accept(d, merger.options[k], &merger, merger.state[k], f))
		return;
	r = raised_get(d, f->key);
	r->count += f->count;
	r->time_ns = f->time_ns;
	r->endpoint = f->endpoint;
	r->principal = f->principal;
	r->draft = (struct issue_draft){
		.finding = f,
		.severity = f->severity,
		.result = f->result,
		.confidence = f->confidence,
		.n_terms = f->n_terms,
	};
	memcpy(r->draft.terms, f->terms, sizeof(f->terms));
	r->n_types = f->n_types;
	found_types(f, r->types, sizeof(r->types));
	text_set(r->request, sizeof(r->request), f->evidence.request.head);
	text_set(r->response, sizeof(r->response), f->evidence.response.body);
	if (d->describe)
		d->describe(d, merger.options[k], merger_endpoint(&merger, f->endpoint),
			    merger_principal(&merger, f->principal), &r->draft);
	r->draft.finding = NULL;
}

// What became of the last epoch's findings, before accept(), one text.
static char folded[65536];

static void fold_dump(const struct finding *f)
{
	size_t n = strlen(folded);
	char types[512];

	found_types(f, types, sizeof(types));
	snprintf(folded + n, sizeof(folded) - n,
		 "%s %016lx n=%lu t=%lu o=%lx last=%lu sev=%u conf=%u st=%u p=%016lx e=%016lx "
		 "args %lx %lx %lx %lx\n%s%.*s|%.*s|%.*s|%.*s|%.*s\n",
		 f->detector->id, (unsigned long)f->key, (unsigned long)f->count,
		 (unsigned long)f->time_ns, (unsigned long)f->order, (unsigned long)f->last_ns,
		 f->severity, f->confidence, f->status, (unsigned long)f->principal,
		 (unsigned long)f->endpoint, (unsigned long)f->arg[0], (unsigned long)f->arg[1],
		 (unsigned long)f->arg[2], (unsigned long)f->arg[3], types,
		 (int)f->evidence.request.head.len, (const char *)f->evidence.request.head.p,
		 (int)f->evidence.response.head.len, (const char *)f->evidence.response.head.p,
		 (int)f->evidence.response.body.len, (const char *)f->evidence.response.body.p,
		 (int)f->path.len, (const char *)f->path.p, (int)f->user_agent.len,
		 (const char *)f->user_agent.p);
}

// Ends an epoch: all workers flip, then everything is folded and judged.
static inline void work_fold(uint64_t now_ns, bool last)
{
	static struct finding found[WORKERS_MAX * DELTA_FINDINGS];
	static struct call calls[WORKERS_MAX * DELTA_CALLS];
	uint32_t n_found = 0, n_calls = 0, n = 0;

	atomic_fetch_add(&work_shared->epoch_wanted, 1);
	for (uint32_t i = 0; i < n_work; i++)
		detect_worker_poll(work[i]);
	for (uint32_t i = 0; i < n_work; i++) {
		struct detect_worker *w = work[merger.reverse ? n_work - 1 - i : i];
		const struct delta *d = &w->delta[!w->active];

		assert_int_equal(atomic_load(&w->epoch_done),
				 atomic_load(&work_shared->epoch_wanted));
		for (uint32_t k = 0; k < d->n_names; k++) {
			const struct delta_name *name = &d->names[k];

			if (name->is_endpoint)
				endpoint_add(name->id, name->a, name->b, name->c);
			else
				principal_add(name->id, name->a);
		}
		memcpy(calls + n_calls, d->calls, d->n_calls * sizeof(calls[0]));
		n_calls += d->n_calls;
		memcpy(found + n_found, d->findings, d->n_findings * sizeof(found[0]));
		n_found += d->n_findings;
	}
	fold_calls(calls, n_calls);
	if (n_found)
		qsort(found, n_found, sizeof(found[0]), compare_found);
	for (uint32_t i = 0; i < n_found; i++) {
		if (n && !compare_found(&found[n - 1], &found[i]))
			finding_join(&found[n - 1], &found[i]);
		else
			found[n++] = found[i];
	}
	folded[0] = '\0';
	for (uint32_t i = 0; i < n; i++)
		fold_dump(&found[i]);
	for (uint32_t i = 0; i < n; i++)
		fold_finding(&found[i]);
	for (uint32_t k = 0; k < detector_count(); k++) {
		const struct detector *d = detector_get(k);

		if (d->evaluate)
			d->evaluate(d, merger.options[k], &merger, merger.state[k], now_ns, last);
	}
}

static inline struct raised *raised_by(const char *id, uint32_t n)
{
	for (uint32_t i = 0; i < merger.n_raised; i++) {
		if (!strcmp(merger.raised[i].detector->id, id) && n-- == 0)
			return &merger.raised[i];
	}
	return NULL;
}
