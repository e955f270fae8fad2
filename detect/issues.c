// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One record per (detector, key):
//
//	keep   ─ grows with the issue: people, target, history, types, evidence
//	texts  ─ sentences, names of terms and metric: made anew with each update
//
// An issue only ever gets worse: severity and result rise, confidence keeps its highest value
// (with the terms that led to it), counts are summed. A new issue is told at once. An update
// waits until the issue was silent for the configured time, unless it says something that
// somebody should know now: a higher severity, the first evidence, a measured value that is a
// quarter above the one told last. Then it waits one second. So t seconds of the same thing make
// at most 2 + t / update_s records, and one more for each time that it gets worse.

#include "detect/issues.h"

#include "detect/datatype.h"
#include "detect/endpoint.h"
#include "detect/issue_record.h"
#include "detect/memory.h"
#include "detect/siphash.h"
#include "detect/worker.h"

#include <arpa/inet.h>
#include <stdio.h>

#define WORSE     1.25 // times the measured value that was told last

enum { PATH_KEPT = 4096 };

size_t issues_bytes(uint32_t max, uint32_t history)
{
	// Each text at its longest. A chunk is left half empty at worst.
	const size_t address = 46, names = ENDPOINT_HOST + ENDPOINT_METHOD + EXCHANGE_TEMPLATE;
	size_t kept = 3 * address + EXCHANGE_USER + DELTA_AGENT + names + PATH_KEPT +
		      history * names + ISSUE_MAX_TYPES * (EXCHANGE_NAME + EXCHANGE_SAMPLE);
	size_t texts = sizeof(((struct issue_draft *)0)->description) +
		       sizeof(((struct issue_draft *)0)->impact) +
		       sizeof(((struct issue_draft *)0)->remediation) +
		       (3 + ISSUE_MAX_TERMS) * 128;

	return max * (memory_block(sizeof(struct issue_record)) + 2 * (kept + KEEP_CHUNK) +
		      2 * (texts + KEEP_CHUNK)) +
	       memory_list(max) + memory_map(max);
}

void issues_init(struct issues *t, uint64_t seed, uint32_t max, uint32_t update_s)
{
	*t = (struct issues){
		.seed = seed,
		.max = max,
		.update_ns = update_s * UINT64_C(1000000000),
	};
	t->changed_end = &t->changed;
}

void issues_clear(struct issues *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		keep_free(&t->list[i]->keep);
		keep_free(&t->list[i]->texts);
		free(t->list[i]);
	}
	free(t->list);
	idmap_fini(&t->map);
	t->list = NULL;
	t->n = t->room = 0;
	t->changed = NULL;
	t->changed_end = &t->changed;
	t->evidence_bytes = t->created = t->updated = t->lost = 0;
	if (t->quiet.n)
		t->quiet = (struct idset){0};
	t->full = false;
}

// ---- The table

static uint64_t table_id(const struct issues *t, const struct detector *detector, uint64_t key)
{
	uint64_t hash = siphash(t->seed, 'T', span_make(detector->id, strlen(detector->id)));

	return siphash_number(t->seed, hash, key);
}

// The record, or NULL and the free identity for it. Two keys that share an identity take the next.
static struct issue_record *table_find(const struct issues *t, const struct detector *detector,
				       uint64_t key, uint64_t *id)
{
	for (*id = table_id(t, detector, key);; ++*id) {
		struct issue_record *r = idmap_get(&t->map, *id);

		if (!r || (r->detector == detector && r->key == key))
			return r;
	}
}

bool issues_has(const struct issues *t, const struct detector *detector, uint64_t key)
{
	uint64_t id;

	return table_find(t, detector, key, &id) != NULL;
}

static const char *text_or_none(const char *text)
{
	return text ? text : "";
}

// The same in every run over the same packets with the same secret.
static void record_id(const struct issues *t, const struct issue_facts *facts, char out[33])
{
	struct span name = span_make(facts->detector->id, strlen(facts->detector->id));
	uint64_t half[2];

	for (uint32_t i = 0; i < 2; i++) {
		half[i] = siphash(t->seed, i ? 'J' : 'I', name);
		half[i] = siphash_number(t->seed, half[i], facts->key);
		half[i] = siphash_number(t->seed, half[i], facts->first_ns);
	}
	snprintf(out, 33, "%016llx%016llx", (unsigned long long)half[0],
		 (unsigned long long)half[1]);
}

static struct issue_record *record_new(struct issues *t, const struct issue_facts *facts,
				       uint64_t id, uint64_t now_ns)
{
	const struct detector *d = facts->detector;
	struct issue_record *r;

	if (t->n >= t->max)
		return NULL;
	if (t->n == t->room) {
		uint32_t wider = t->room ? 2 * t->room : 32;
		struct issue_record **list = realloc(t->list, wider * sizeof(*list));

		if (!list)
			return NULL;
		t->list = list;
		t->room = wider;
	}
	r = calloc(1, sizeof(*r));
	if (!r || !idmap_add(&t->map, id, r)) {
		free(r);
		return NULL;
	}
	r->detector = d;
	r->key = facts->key;
	r->table_id = id;
	r->with_evidence = t->n < ISSUES_WITH_EVIDENCE;
	r->issue = (struct issue){
		.type = text_or_none(d->title),
		.detector = d->id,
		.module = text_or_none(d->module),
		.detector_version = d->version,
		.status = STATUS_OPEN,
		.detected_ns = now_ns,
		.first_seen_ns = facts->first_ns,
		.last_seen_ns = facts->last_ns,
		.attacker.ip = "",
		.attacker.proxy_ip = "",
		.target.ip = "",
		.description = "",
		.impact = "",
		.remediation = "",
		.metric = {.name = "", .unit = "", .window = ""},
	};
	for (uint32_t i = 0; i < ISSUE_MAX_OWASP && d->owasp[i]; i++)
		r->issue.owasp[r->issue.n_owasp++] = d->owasp[i];
	record_id(t, facts, r->issue.id);
	t->list[t->n++] = r;
	return r;
}

// ---- Who and what

static void address_text(const uint8_t addr[16], char out[INET6_ADDRSTRLEN])
{
	static const uint8_t none[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(addr, mapped, sizeof(mapped)) == 0;

	if (memcmp(addr, none, sizeof(none)) == 0 ||
	    !inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, out, INET6_ADDRSTRLEN))
		out[0] = '\0';
}

// Address and port are of one connection: a port is not put beside another one's address.
static void record_address(struct issue_record *r, const char **ip, uint16_t *port,
			   const uint8_t addr[16], uint16_t number)
{
	char text[INET6_ADDRSTRLEN];

	if (**ip && *port)
		return;
	address_text(addr, text);
	if (**ip && strcmp(*ip, text) != 0)
		return;
	if (!**ip)
		*ip = keep_text(&r->keep, text);
	*port = number;
}

static void record_text(struct issue_record *r, struct span *to, struct span from)
{
	if (to->len == 0)
		*to = keep_span(&r->keep, from);
}

static struct span span_of(const char *text)
{
	return span_make(text, strlen(text));
}

// The proxy that named the client which the issue shows.
static void record_proxy(struct issue_record *r, const struct finding *f)
{
	struct issue *issue = &r->issue;
	char client[INET6_ADDRSTRLEN], proxy[INET6_ADDRSTRLEN];

	address_text(f->client, client);
	address_text(f->proxy, proxy);
	if (*proxy && !*issue->attacker.proxy_ip && strcmp(client, issue->attacker.ip) == 0)
		issue->attacker.proxy_ip = keep_text(&r->keep, proxy);
}

static void record_attacker(struct issue_record *r, const struct issue_facts *facts)
{
	const struct merged_principal *p = facts->principal;
	const struct finding *f = facts->finding;
	struct issue *issue = &r->issue;

	if (f) {
		record_address(r, &issue->attacker.ip, &issue->attacker.port, f->client,
			       f->client_port);
		record_proxy(r, f);
		record_text(r, &issue->attacker.user_agent, f->user_agent);
	}
	if (facts->client)
		record_address(r, &issue->attacker.ip, &issue->attacker.port, facts->client, 0);
	if (!p)
		return;
	record_address(r, &issue->attacker.ip, &issue->attacker.port, p->addr, 0);
	record_text(r, &issue->attacker.user_agent, span_of(p->user_agent));
	record_text(r, &issue->attacker.user, span_of(p->user));
	if (issue->attacker.user_kind == PRINCIPAL_NONE) {
		issue->attacker.user_kind = p->kind;
		issue->attacker.user_confidence = p->confidence;
	}
}

static void record_target(struct issue_record *r, const struct issue_facts *facts)
{
	const struct merged_endpoint *e = facts->endpoint;
	const struct finding *f = facts->finding;
	struct issue *issue = &r->issue;

	if (r->endpoint == 0)
		r->endpoint = e ? e->id : f ? f->endpoint : 0;
	if (e && e->id == r->endpoint) {
		record_text(r, &issue->target.host, span_of(e->host));
		record_text(r, &issue->target.method, span_of(e->method));
		record_text(r, &issue->target.template, span_of(e->template));
	}
	if (f && f->endpoint == r->endpoint) {
		record_text(r, &issue->target.path,
			    span_make(f->path.p, f->path.len < PATH_KEPT ? f->path.len : PATH_KEPT));
		record_address(r, &issue->target.ip, &issue->target.port, f->server,
			       f->server_port);
	}
}

static void record_history(struct issues *t, struct issue_record *r,
			   const struct issue_facts *facts)
{
	uint32_t n = facts->n_history < ISSUE_MAX_HISTORY ? facts->n_history : ISSUE_MAX_HISTORY;

	for (uint32_t i = 0; i < n; i++) {
		const struct known_call *call = &facts->history[facts->n_history - n + i];
		const struct known_endpoint *e = known_target(t->known, call->endpoint);
		struct issue_call *to = &r->issue.history[i];

		*to = (struct issue_call){
			.time_ns = call->time_ns,
			.status = call->status,
			.resp_bytes = call->resp_bytes,
			.n_values = call->n_values,
		};
		if (e) {
			to->method = keep_span(&r->keep, span_of(e->pub.method));
			to->host = keep_span(&r->keep, span_of(e->pub.host));
			to->template = keep_span(&r->keep, span_of(e->pub.template));
		}
	}
	r->issue.n_history = n;
}

// ---- What was seen

static void record_code(struct issue_record *r, uint16_t code, uint64_t count)
{
	struct issue *issue = &r->issue;

	if (code == 0)
		return;
	for (uint32_t i = 0; i < issue->n_codes; i++) {
		if (issue->codes[i].code == code) {
			issue->codes[i].count += count;
			return;
		}
	}
	if (issue->n_codes < ISSUE_MAX_CODES)
		issue->codes[issue->n_codes++] = (struct issue_code){code, count};
}

// A judgement is about calls, not about one exchange: those that received sensitive values, or
// all when none did.
static void record_history_codes(struct issue_record *r)
{
	const struct issue *issue = &r->issue;
	bool values = false;

	for (uint32_t i = 0; i < issue->n_history; i++)
		values |= issue->history[i].n_values > 0;
	for (uint32_t i = 0; i < issue->n_history; i++) {
		if (!values || issue->history[i].n_values > 0)
			record_code(r, issue->history[i].status, 1);
	}
}

static void record_types(struct issue_record *r, const struct finding *f)
{
	struct issue *issue = &r->issue;

	for (uint32_t i = 0; i < f->n_types && i < FINDING_TYPES; i++) {
		const struct datatype *type = datatype_get(f->types[i].type);
		uint32_t k = 0;

		while (k < issue->n_types && (r->type_index[k] != f->types[i].type ||
					      issue->types[k].direction != f->types[i].dir ||
					      r->type_field[k] != f->types[i].field))
			k++;
		if (k < issue->n_types) {
			issue->types[k].count += f->types[i].count;
			continue;
		}
		if (k == ISSUE_MAX_TYPES)
			continue;
		r->type_index[k] = f->types[i].type;
		r->type_field[k] = f->types[i].field;
		issue->types[k] = (struct issue_type){
			.type = type ? type->id : "",
			.direction = f->types[i].dir,
			.field = keep_span(&r->keep, f->types[i].name),
			.sample = keep_span(&r->keep, f->types[i].sample),
			.count = f->types[i].count,
		};
		issue->n_types++;
	}
}

static struct issue_message message_keep(struct keep *keep, const struct issue_message *from)
{
	struct issue_message to = *from;

	to.head = keep_span(keep, from->head);
	to.body = keep_span(keep, from->body);
	return to;
}

static uint64_t evidence_len(const struct issue_evidence *e)
{
	return (uint64_t)e->request.head.len + e->request.body.len + e->response.head.len +
	       e->response.body.len;
}

static void record_evidence(struct issues *t, struct issue_record *r, const struct finding *f)
{
	uint64_t len = evidence_len(&f->evidence);
	struct issue *issue = &r->issue;
	struct issue_evidence copy;

	t->full |= t->n > ISSUES_WITH_EVIDENCE || t->evidence_bytes + len > ISSUES_EVIDENCE_BYTES;
	if (!r->with_evidence || issue->n_evidence == ISSUE_MAX_EVIDENCE || len == 0 ||
	    t->evidence_bytes + len > ISSUES_EVIDENCE_BYTES)
		return;
	r->keep.failed = false;
	copy.time_ns = f->evidence.time_ns;
	copy.request = message_keep(&r->keep, &f->evidence.request);
	copy.response = message_keep(&r->keep, &f->evidence.response);
	if (r->keep.failed)
		return;
	t->evidence_bytes += len;
	// People wait for something to look at.
	if (issue->n_evidence == 0)
		r->urgent = true;
	issue->evidence[issue->n_evidence++] = copy;
	if (issue->n_evidence == ISSUE_MAX_EVIDENCE)
		idset_add(&t->quiet, snapshot_finding(r->detector, r->key));
}

// One exchange that stands for the issue. The one kept for a judgement comes again and again.
static void record_finding(struct issues *t, struct issue_record *r,
			   const struct issue_facts *facts, bool created)
{
	const struct finding *f = facts->finding;

	if (facts->judged && created)
		record_history_codes(r);
	if (!f || (facts->judged && r->evidence_ns == f->time_ns && r->evidence_order == f->order))
		return;
	r->evidence_ns = f->time_ns;
	r->evidence_order = f->order;
	// XXX: of several exchanges in one epoch only the code of the one that stands for them is known.
	if (!facts->judged)
		record_code(r, f->status, facts->count);
	else if (!created || r->issue.n_codes == 0)
		record_code(r, f->status, 1);
	record_types(r, f);
	record_evidence(t, r, f);
}

// ---- What it means

static void draft_of_finding(const struct finding *f, struct issue_draft *draft)
{
	draft->finding = f;
	draft->severity = f->severity;
	draft->result = f->result;
	draft->confidence = f->confidence;
	draft->n_terms = f->n_terms < ISSUE_MAX_TERMS ? f->n_terms : ISSUE_MAX_TERMS;
	memcpy(draft->terms, f->terms, sizeof(draft->terms));
	draft->metric = (struct issue_metric){0};
	draft->description[0] = draft->impact[0] = draft->remediation[0] = '\0';
}

static void draft_describe(const struct issue_facts *facts, struct issue_draft *draft)
{
	const struct detector *d = facts->detector;

	if (d->describe && !draft->description[0] && !draft->impact[0] && !draft->remediation[0])
		d->describe(d, facts->options, facts->endpoint, facts->principal, draft);
	draft->description[sizeof(draft->description) - 1] = '\0';
	draft->impact[sizeof(draft->impact) - 1] = '\0';
	draft->remediation[sizeof(draft->remediation) - 1] = '\0';
}

static void record_numbers(struct issue_record *r, const struct issue_draft *draft)
{
	uint32_t confidence = draft->confidence < 100 ? draft->confidence : 100;
	struct issue *issue = &r->issue;

	if (draft->severity > issue->severity && draft->severity <= SEVERITY_CRITICAL) {
		issue->severity = draft->severity;
		r->urgent = true;
	}
	if (draft->result > issue->result && draft->result <= RESULT_SUCCEEDED)
		issue->result = draft->result;
	if (confidence >= issue->confidence) {
		issue->confidence = confidence;
		issue->n_terms =
			draft->n_terms < ISSUE_MAX_TERMS ? draft->n_terms : ISSUE_MAX_TERMS;
		memcpy(issue->terms, draft->terms, sizeof(issue->terms));
	}
	if (draft->metric.present) {
		if (!issue->metric.present || draft->metric.value >= WORSE * r->told_value)
			r->urgent = true;
		issue->metric = draft->metric;
	}
}

// All texts into a new keep: the old one may hold some of them, so it goes last.
static void record_words(struct issue_record *r, const struct issue_draft *draft)
{
	struct issue *issue = &r->issue;
	struct keep texts = {0};

	issue->description = keep_text(&texts, draft->description);
	issue->impact = keep_text(&texts, draft->impact);
	issue->remediation = keep_text(&texts, draft->remediation);
	issue->metric.name = keep_text(&texts, issue->metric.name);
	issue->metric.unit = keep_text(&texts, issue->metric.unit);
	issue->metric.window = keep_text(&texts, issue->metric.window);
	for (uint32_t i = 0; i < issue->n_terms; i++)
		issue->terms[i].name = keep_text(&texts, issue->terms[i].name);
	keep_free(&r->texts);
	r->texts = texts;
}

static void record_judge(struct issue_record *r, const struct issue_facts *facts)
{
	struct finding total; // the texts tell of the whole issue
	struct issue_draft draft;

	if (facts->judged) {
		draft = *facts->judged;
	} else {
		total = *facts->finding;
		total.count = r->issue.count;
		total.last_ns = r->issue.last_seen_ns;
		draft_of_finding(&total, &draft);
	}
	draft_describe(facts, &draft);
	record_numbers(r, &draft);
	record_words(r, &draft);
}

static void record_change(struct issues *t, struct issue_record *r)
{
	if (r->changed)
		return;
	r->changed = true;
	r->changed_next = NULL;
	*t->changed_end = r;
	t->changed_end = &r->changed_next;
}

void issues_put(struct issues *t, const struct issue_facts *facts, uint64_t now_ns)
{
	uint64_t id;
	struct issue_record *r = table_find(t, facts->detector, facts->key, &id);
	bool created = !r;

	if (!facts->finding && !facts->judged)
		return;
	if (created) {
		r = record_new(t, facts, id, now_ns);
		if (!r) {
			t->lost++;
			return;
		}
		record_history(t, r, facts);
	}
	r->issue.count += facts->count;
	if (facts->first_ns < r->issue.first_seen_ns)
		r->issue.first_seen_ns = facts->first_ns;
	if (facts->last_ns > r->issue.last_seen_ns)
		r->issue.last_seen_ns = facts->last_ns;
	record_attacker(r, facts);
	record_target(r, facts);
	record_finding(t, r, facts, created);
	record_judge(r, facts);
	issue_incident(t, r, facts);
	record_change(t, r);
}

bool issues_wants(const struct issues *t, const struct detector *detector, uint64_t key)
{
	uint64_t id;
	const struct issue_record *r = table_find(t, detector, key, &id);

	return r && r->with_evidence && r->issue.n_evidence < ISSUE_MAX_EVIDENCE && !t->full;
}

void issues_hold(struct issues *t, const struct detector *detector, uint64_t key, bool hold)
{
	uint64_t id;
	struct issue_record *r = table_find(t, detector, key, &id);

	if (r)
		r->held = hold;
}

void issues_evidence(struct issues *t, const struct issue_facts *facts)
{
	uint64_t id;
	struct issue_record *r = table_find(t, facts->detector, facts->key, &id);

	if (!r)
		return;
	record_attacker(r, facts);
	record_target(r, facts);
	record_evidence(t, r, facts->finding);
	record_change(t, r);
}
