// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A merger under test: three detectors made for it, deltas filled by hand, allocations that can
// be made to fail, and everything that was told written down as text. Included once by a test,
// which then includes the rest of the files it tests.

#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Allocation number fail_at fails, counted from 1; 0: none.
static unsigned n_allocs, fail_at;

static bool alloc_fails(void)
{
	return ++n_allocs == fail_at;
}

static void *fail_malloc(size_t size)
{
	return alloc_fails() ? NULL : malloc(size);
}

static void *fail_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : calloc(n, size);
}

static void *fail_realloc(void *old, size_t size)
{
	return alloc_fails() ? NULL : realloc(old, size);
}

#define malloc(size)       fail_malloc(size)
#define calloc(n, size)    fail_calloc(n, size)
#define realloc(old, size) fail_realloc(old, size)
#include "detect/issues.c"
#include "detect/issues_tell.c"
#include "detect/known.c"
#include "detect/merge.c"
#include "detect/merge_fold.c"
#include "detect/merge_gather.c"
#include "detect/merge_policies.c"
#include "detect/sources.c"

// ---- Borders

void conf_section_add(const struct conf_section *section)
{
	assert_non_null(section);
}

static struct merger_options options;
static struct inventory_options inventory_options = {
	.max_params = 1000,
	.max_endpoint_params = 100,
};
static struct template_options template_options = {
	.learn = true, .min_children = 30, .max_calls = 20};
static struct incidents_options incident_options = {3600, 64};

struct fake_options {
	bool enabled;
	uint32_t threshold;
};

static const struct sources_options address_options = {
	.max_addresses = 64, .max_prefixes = 64, .prefix_v4 = 24, .prefix_v6 = 56};
static struct fake_options alpha_options, beta_options, gamma_options;
static const struct conf_section alpha_section, beta_section, gamma_section;

// Policies and their configuration are only handed on: each is a byte that must be given back.
static uint32_t n_policies, n_confs;

static inline struct conf *fixture_conf_new(void)
{
	n_confs++;
	return (malloc)(1);
}

void conf_free(struct conf *conf)
{
	free(conf);
	n_confs--;
}

struct policies *policies_new(const struct conf *)
{
	struct policies *policies = malloc(1);

	n_policies += policies != NULL;
	return policies;
}

void policies_free(struct policies *policies)
{
	free(policies);
	n_policies--;
}

const void *conf_get(const struct conf *conf, const struct conf_section *section)
{
	assert_null(conf);
	return section == &template_section    ? (const void *)&template_options
	       : section == &sources_section     ? (const void *)&address_options
	       : section == &alpha_section       ? (const void *)&alpha_options
	       : section == &beta_section      ? (const void *)&beta_options
	       : section == &gamma_section     ? (const void *)&gamma_options
	       : section == &inventory_section ? (const void *)&inventory_options
	       : section == &incidents_section ? (const void *)&incident_options
					       : (const void *)&options;
}

static char logged[4096];

void log_write(enum log_level level, const char *format, ...)
{
	size_t len = strlen(logged);
	va_list args;

	len += (size_t)snprintf(logged + len, sizeof(logged) - len, "<%d>", (int)level);
	va_start(args, format);
	if (len < sizeof(logged))
		vsnprintf(logged + len, sizeof(logged) - len, format, args);
	va_end(args);
}

const struct datatype *datatype_get(uint32_t index)
{
	static const struct datatype types[] = {{.id = "test.one"}, {.id = "test.two"}};

	return index < 2 ? &types[index] : NULL;
}

uint32_t datatype_count(void)
{
	return 2;
}

int datatype_find(const char *id)
{
	return !strcmp(id, "test.one") ? 0 : !strcmp(id, "test.two") ? 1 : -1;
}

// The earliest stands for all; the worker's half has the real one.
void finding_join(struct finding *into, const struct finding *other)
{
	bool earlier = other->time_ns < into->time_ns ||
		       (other->time_ns == into->time_ns && other->order < into->order);
	struct finding joined = earlier ? *other : *into;

	joined.count = into->count + other->count;
	joined.last_ns = into->last_ns > other->last_ns ? into->last_ns : other->last_ns;
	*into = joined;
}

// ---- Detectors
// alpha counts calls, raises an issue about each principal with more calls than its threshold,
// watches those with half as many, and keeps a blob. beta only finds. gamma is off.

struct alpha_state {
	uint64_t calls, last_ns, out_of_order, trace, learnt;
	uint32_t refuse_below; // findings that it does not accept: arg[0] below
	char *owned;
};

struct alpha_area {
	uint64_t calls;
};

static int alpha_started, alpha_ended, alpha_init_rc, alpha_save_rc, alpha_load_rc;
static bool alpha_quiet; // raises nothing

static int alpha_init(void *state, const void *o)
{
	struct alpha_state *s = state;

	assert_ptr_equal(o, &alpha_options);
	assert_int_equal(s->calls, 0);
	if (alpha_init_rc)
		return alpha_init_rc;
	s->owned = strdup("owned");
	alpha_started++;
	return 0;
}

static void alpha_fini(void *state)
{
	struct alpha_state *s = state;

	assert_string_equal(s->owned, "owned");
	free(s->owned);
	alpha_ended++;
}

static void alpha_call(const struct detector *self, const void *o, struct merger *m, void *state,
		       const struct call *call)
{
	struct merged_principal *p = merger_principal(m, call->principal);
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct alpha_state *s = state;

	assert_ptr_equal(o, &alpha_options);
	s->calls++;
	s->out_of_order += call->time_ns < s->last_ns;
	s->last_ns = call->time_ns;
	s->trace = (s->trace ^ call->order ^ call->principal ^ call->endpoint ^ call->time_ns) *
		   0x100000001b3;
	if (p) {
		assert_int_equal(p->id, call->principal);
		((struct alpha_area *)merger_principal_area(m, p, self))->calls++;
	}
	if (e) {
		assert_int_equal(e->id, call->endpoint);
		((struct alpha_area *)merger_endpoint_area(m, e, self))->calls++;
	}
}

static bool alpha_accept(const struct detector *self, const void *o, struct merger *m, void *state,
			 const struct finding *finding)
{
	assert_non_null(o);
	assert_non_null(m);
	assert_ptr_equal(finding->detector, self);
	return finding->arg[0] >= ((struct alpha_state *)state)->refuse_below;
}

static void *principal_area(struct merger *m, struct merged_principal *p, uint32_t detector)
{
	return known_principal_area(&m->known, (struct known_principal *)p, detector);
}

static void alpha_evaluate(const struct detector *self, const void *o, struct merger *m,
			   void *state, uint64_t now_ns, bool last)
{
	const struct fake_options *fake = o;

	assert_non_null(state);
	if (alpha_quiet)
		return;
	for (uint32_t i = 0; i < merger_principals(m); i++) {
		struct merged_principal *p = merger_principal_at(m, i);
		uint64_t calls = ((struct alpha_area *)principal_area(m, p, 0))->calls;
		struct issue_draft draft = {
			.severity = calls > 2 * fake->threshold ? SEVERITY_HIGH : SEVERITY_LOW,
			.confidence = 50,
			.terms = {{"many calls", 50}},
			.n_terms = 1,
			.metric = {true, "calls", "calls", "epoch", (double)calls, 1.5, 99, 7},
		};

		if (calls * 2 > fake->threshold)
			merger_watch(m, p->id);
		if (calls > fake->threshold || (last && calls == fake->threshold))
			merger_raise(m, self, p->id, p, NULL, now_ns, &draft);
	}
}

static void alpha_describe(const struct detector *self, const void *o,
			   const struct merged_endpoint *endpoint,
			   const struct merged_principal *principal, struct issue_draft *draft)
{
	assert_non_null(o);
	snprintf(draft->description, sizeof(draft->description), "%s %s by %s: %" PRIu64 " times",
		 self->id, endpoint ? endpoint->template : "nowhere",
		 principal ? principal->user : "nobody",
		 draft->finding ? draft->finding->count : (uint64_t)draft->metric.value);
	snprintf(draft->impact, sizeof(draft->impact), "impact");
	snprintf(draft->remediation, sizeof(draft->remediation), "remediation");
}

static int alpha_save(const void *state, const struct merger *m, FILE *out)
{
	const struct alpha_state *s = state;

	assert_non_null(m);
	fprintf(out, "%" PRIu64, s->calls);
	return alpha_save_rc;
}

static uint32_t alpha_load_version;

static int alpha_load(void *state, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct alpha_state *s = state;
	char text[32] = "";

	assert_non_null(m);
	alpha_load_version = version;
	s->learnt = 99;
	if (len >= sizeof(text) || fread(text, 1, len, in) != len || fgetc(in) != EOF)
		return -1;
	s->learnt = strtoull(text, NULL, 10);
	return alpha_load_rc;
}

static struct detector alpha = {
	.id = "T-1",
	.name = "alpha",
	.title = "Alpha",
	.module = "Runtime",
	.version = 3,
	.owasp = {"API3:2023", "API4:2023"},
	.section = &alpha_section,
	.state_size = sizeof(struct alpha_state),
	.endpoint_size = sizeof(struct alpha_area),
	.principal_size = sizeof(struct alpha_area),
	.init = alpha_init,
	.fini = alpha_fini,
	.call = alpha_call,
	.accept = alpha_accept,
	.evaluate = alpha_evaluate,
	.describe = alpha_describe,
	.save = alpha_save,
	.load = alpha_load,
};
static struct detector beta = {
	.id = "T-2", .name = "beta", .version = 1, .section = &beta_section, .principal_size = 3};
static struct detector gamma_off = {.id = "T-3",
				    .name = "gamma",
				    .section = &gamma_section,
				    .principal_size = 100,
				    .call = alpha_call,
				    .evaluate = alpha_evaluate};

static uint32_t n_detectors = 3;

uint32_t detector_count(void)
{
	return n_detectors;
}

const struct detector *detector_get(uint32_t i)
{
	const struct detector *all[] = {&alpha, &beta, &gamma_off};

	return all[i % 3];
}

// ---- What was told

static char told[1 << 20];
static size_t told_len;
static uint32_t n_told;

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	told_len += (size_t)vsnprintf(told + told_len, sizeof(told) - told_len, format, args);
	va_end(args);
	assert_true(told_len < sizeof(told));
}

static void tell_span(const char *name, struct span s)
{
	tell(" %s=%.*s", name, (int)s.len, s.len ? (const char *)s.p : "");
}

static void tell_message(const char *name, const struct issue_message *m)
{
	tell("\n   %s", name);
	tell_span("head", m->head);
	tell_span("body", m->body);
	tell(" of %" PRIu64 " %d %d", m->body_len, m->head_truncated, m->body_truncated);
}

// Everything in it, so that two equal texts are two equal issues.
static void tell_issue(void *arg, const struct issue *issue)
{
	assert_true(arg == NULL || arg == told);
	n_told++;
	tell("%s %s %s v%u %s sev%d act%d res%d conf%u det%" PRIu64 " %" PRIu64 "..%" PRIu64
	     " x%" PRIu64 "\n",
	     issue->id, issue->type, issue->detector, issue->detector_version, issue->module,
	     issue->severity, issue->activity, issue->result, issue->confidence, issue->detected_ns,
	     issue->first_seen_ns, issue->last_seen_ns, issue->count);
	tell("  by %s:%u kind%d", issue->attacker.ip, issue->attacker.port,
	     issue->attacker.user_kind);
	tell_span("user", issue->attacker.user);
	tell_span("agent", issue->attacker.user_agent);
	tell("\n  at %s:%u", issue->target.ip, issue->target.port);
	tell_span("host", issue->target.host);
	tell_span("method", issue->target.method);
	tell_span("template", issue->target.template);
	tell_span("path", issue->target.path);
	tell("\n  '%s' '%s' '%s'\n ", issue->description, issue->impact, issue->remediation);
	for (uint32_t i = 0; i < issue->n_owasp; i++)
		tell(" %s", issue->owasp[i]);
	for (uint32_t i = 0; i < issue->n_terms; i++)
		tell(" %s:%d", issue->terms[i].name, issue->terms[i].points);
	for (uint32_t i = 0; i < issue->n_codes; i++)
		tell(" [%u]=%" PRIu64, issue->codes[i].code, issue->codes[i].count);
	tell(" metric%d %s %s %s %g %g\n", issue->metric.present, issue->metric.name,
	     issue->metric.unit, issue->metric.window, issue->metric.value,
	     issue->metric.baseline_mean);
	for (uint32_t i = 0; i < issue->n_types; i++) {
		tell("  %s %d x%" PRIu64, issue->types[i].type, issue->types[i].direction,
		     issue->types[i].count);
		tell_span("field", issue->types[i].field);
		tell_span("sample", issue->types[i].sample);
		tell("\n");
	}
	for (uint32_t i = 0; i < issue->n_history; i++) {
		tell("  call %" PRIu64 " %u %" PRIu64 " %u", issue->history[i].time_ns,
		     issue->history[i].status, issue->history[i].resp_bytes,
		     issue->history[i].n_values);
		tell_span("", issue->history[i].method);
		tell_span("", issue->history[i].host);
		tell_span("", issue->history[i].template);
		tell("\n");
	}
	for (uint32_t i = 0; i < issue->n_evidence; i++) {
		tell("  evidence %" PRIu64, issue->evidence[i].time_ns);
		tell_message("request", &issue->evidence[i].request);
		tell_message("response", &issue->evidence[i].response);
		tell("\n");
	}
}

static void told_forget(void)
{
	told_len = 0;
	told[0] = '\0';
	n_told = 0;
}

#define assert_told(text)     assert_non_null(strstr(told, text))
#define assert_not_told(text) assert_null(strstr(told, text))

// ---- Deltas

enum {
	TEST_CALLS = 4096,
	TEST_FINDINGS = 256,
	TEST_NAMES = 4096,
	TEST_ARENA = 1 << 20,
	TEST_FIELDS = 16
};

static struct delta *delta_make(void)
{
	struct delta *d = (calloc)(1, sizeof(*d));

	d->calls = (calloc)(TEST_CALLS, sizeof(*d->calls));
	d->findings = (calloc)(TEST_FINDINGS, sizeof(*d->findings));
	d->names = (calloc)(TEST_NAMES, sizeof(*d->names));
	d->fields = (calloc)(TEST_FIELDS, sizeof(*d->fields));
	d->arena = (calloc)(1, TEST_ARENA);
	return d;
}

// Also writes over all that was handed out, so that whoever kept a borrowed span shows it.
static void delta_empty(struct delta *d)
{
	memset(d->arena, '#', d->arena_used);
	memset(d->calls, 0xee, d->n_calls * sizeof(*d->calls));
	memset(d->findings, 0, d->n_findings * sizeof(*d->findings));
	memset(d->names, 0, d->n_names * sizeof(*d->names));
	memset(d->fields, 0xee, d->n_fields * sizeof(*d->fields));
	d->n_calls = d->n_findings = d->n_names = d->n_fields = d->arena_used = 0;
	d->fields_lost = d->calls_lost = d->findings_lost = d->names_lost = d->exchanges = 0;
}

static void delta_drop(struct delta *d)
{
	free(d->calls);
	free(d->findings);
	free(d->names);
	free(d->fields);
	free(d->arena);
	free(d);
}

static struct span delta_text(struct delta *d, const char *text)
{
	struct span s = span_make(d->arena + d->arena_used, strlen(text));

	memcpy(d->arena + d->arena_used, text, s.len);
	d->arena_used += s.len;
	assert_true(d->arena_used < TEST_ARENA);
	return s;
}

static inline struct call *delta_add(struct delta *d, uint64_t time_ns, uint64_t principal,
				     uint64_t endpoint, uint16_t status)
{
	struct call *call = &d->calls[d->n_calls++];

	assert_true(d->n_calls <= TEST_CALLS);
	*call = (struct call){
		.time_ns = time_ns,
		.order = time_ns * 7,
		.principal = principal,
		.endpoint = endpoint,
		.status = status,
		.resp_bytes = time_ns * 10,
	};
	d->exchanges++;
	return call;
}

static inline void delta_endpoint(struct delta *d, uint64_t time_ns, uint64_t id, const char *host,
				  const char *method, const char *template)
{
	d->names[d->n_names++] = (struct delta_name){
		.id = id,
		.is_endpoint = true,
		.a = delta_text(d, host),
		.b = delta_text(d, method),
		.c = delta_text(d, template),
		.time_ns = time_ns,
	};
	assert_true(d->n_names <= TEST_NAMES);
}

static inline void delta_principal(struct delta *d, uint64_t time_ns, uint64_t id, const char *user,
				   uint8_t addr)
{
	d->names[d->n_names++] = (struct delta_name){
		.id = id,
		.kind = PRINCIPAL_JWT,
		.addr = {[10] = 0xff, 0xff, 10, 0, 0, addr},
		.a = delta_text(d, user),
		.b = delta_text(d, "agent/1"),
		.time_ns = time_ns,
	};
	assert_true(d->n_names <= TEST_NAMES);
}

// So many different values of the field that delta_finding() is about passed, and were refused.
static inline void delta_field(struct delta *d, uint64_t endpoint, uint32_t first, uint32_t passed,
			       uint32_t refused)
{
	struct delta_field *f = &d->fields[d->n_fields++];

	assert_true(d->n_fields <= TEST_FIELDS);
	*f = (struct delta_field){
		.id = learn_id(endpoint, 11, 1, SERVER),
		.endpoint = endpoint,
		.last_ns = 100,
		.type = 1,
	};
	for (uint32_t i = 0; i < passed + refused; i++) {
		uint32_t which = i < passed ? PASSED : REFUSED;

		sketch_add(f->sketch[which], (first + i) * 11);
		f->values[which]++;
	}
}

static inline struct finding *delta_finding(struct delta *d, const struct detector *detector,
					    uint64_t key, uint64_t time_ns, uint64_t principal,
					    uint64_t endpoint)
{
	struct finding *f = &d->findings[d->n_findings++];
	char text[64];

	assert_true(d->n_findings <= TEST_FINDINGS);
	*f = (struct finding){
		.detector = detector,
		.key = key,
		.count = 1,
		.time_ns = time_ns,
		.order = time_ns * 7,
		.last_ns = time_ns,
		.principal = principal,
		.endpoint = endpoint,
		.severity = SEVERITY_MEDIUM,
		.confidence = 70,
		.result = RESULT_SUCCEEDED,
		.status = 200,
		.arg = {100},
		.terms = {{"seen", 70}},
		.n_terms = 1,
		.client = {[10] = 0xff, 0xff, 10, 0, 0, 1},
		.server = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
		.client_port = 40000,
		.server_port = 443,
		.user_agent = delta_text(d, "found/1"),
		.path = delta_text(d, "/v1/****"),
		.n_types = 1,
		.types = {{.type = 1,
			   .dir = SERVER,
			   .count = 2,
			   .field = 11,
			   .name = delta_text(d, "$.users[].ssn"),
			   .sample = delta_text(d, "***1")}},
	};
	snprintf(text, sizeof(text), "GET /%" PRIu64 " HTTP/1.1", time_ns);
	f->evidence.time_ns = time_ns;
	f->evidence.request.head = delta_text(d, text);
	f->evidence.response.head = delta_text(d, "HTTP/1.1 200 OK");
	snprintf(text, sizeof(text), "{\"n\":%" PRIu64 "}", time_ns);
	f->evidence.response.body = delta_text(d, text);
	f->evidence.response.body_len = 1000;
	f->evidence.response.body_truncated = true;
	return f;
}

// ---- The merger

static struct detect_shared shared;
static struct merger *merger;
static struct delta *delta;

static int fixture_setup(void **unused)
{
	char why[128];

	assert_non_null(unused);
	options = (struct merger_options){20000, 100000, 16, 10000, 60, 1000, 5, 80};
	alpha_options = (struct fake_options){true, 1000000};
	beta_options = (struct fake_options){true, 0};
	gamma_options = (struct fake_options){false, 0};
	alpha_quiet = false;
	alpha_init_rc = alpha_save_rc = alpha_load_rc = 0;
	alpha.version = 3;
	n_detectors = 3;
	fail_at = 0;
	logged[0] = '\0';
	told_forget();
	memset(&shared, 0, sizeof(shared));
	shared.seed = 42;
	merger = merger_new(&shared, tell_issue, told, why, sizeof(why));
	assert_non_null(merger);
	delta = delta_make();
	return 0;
}

static int fixture_teardown(void **unused)
{
	assert_non_null(unused);
	merger_free(merger);
	delta_drop(delta);
	return 0;
}

// One epoch of one worker.
static inline void run_epoch(uint64_t now_ns)
{
	merge_gather(merger, delta);
	merger_run(merger, now_ns);
	delta_empty(delta);
}

static inline struct alpha_state *alpha_of(struct merger *m)
{
	return m->detectors[0].state;
}
