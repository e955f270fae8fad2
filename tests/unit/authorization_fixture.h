// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Detectors that judge who may do what, fed with calls and objects directly: a merger that knows
// endpoints and principals, keeps whose objects are whose, and writes down what is raised. The
// configuration is the real one. Included once by a test, which then includes what it tests.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "detect/detector.h"
#include "detect/objects.h"

enum { ENDPOINTS = 16, PEOPLE = 4096, RAISED = 64, S = 1000000000 };

struct raised {
	const struct detector *detector;
	uint64_t key, principal, endpoint, time_ns;
	uint32_t count;
	struct issue_draft draft;
};

struct merger {
	struct objects store;
	struct merged_endpoint endpoints[ENDPOINTS];
	struct merged_principal people[PEOPLE];
	void *endpoint_area[ENDPOINTS][4], *person_area[PEOPLE][4];
	uint32_t n_people;
	struct raised raised[RAISED];
	uint32_t n_raised, n_captures;
	struct conf *conf;
	const struct detector *detectors[4];
	const void *options[4];
	void *state[4];
	uint32_t n_detectors;
	uint64_t order, now_ns;
};

static struct merger merger;

// ---- What detectors ask for. The identities of endpoints and people begin with 1.

struct objects *merger_objects(struct merger *m)
{
	return &m->store;
}

struct merged_endpoint *merger_endpoint(struct merger *m, uint64_t id)
{
	return id && id <= ENDPOINTS && m->endpoints[id - 1].id ? &m->endpoints[id - 1] : NULL;
}

struct merged_endpoint *merger_target(struct merger *m, uint64_t id)
{
	return merger_endpoint(m, id);
}

struct merged_principal *merger_principal(struct merger *m, uint64_t id)
{
	return id && id <= PEOPLE ? &m->people[id - 1] : NULL;
}

uint32_t merger_principals(struct merger *m)
{
	return m->n_people;
}

struct merged_principal *merger_principal_next(struct merger *m, const struct merged_principal *p)
{
	uint32_t i = p ? (uint32_t)(p - m->people) + 1 : 0;

	return i < m->n_people ? &m->people[i] : NULL;
}

uint32_t merger_endpoints(struct merger *m)
{
	uint32_t n = 0;

	while (n < ENDPOINTS && m->endpoints[n].id)
		n++;
	return n;
}

struct merged_endpoint *merger_endpoint_at(struct merger *m, uint32_t i)
{
	return &m->endpoints[i];
}

static uint32_t detector_index(const struct merger *m, const struct detector *d)
{
	uint32_t i = 0;

	while (m->detectors[i] != d)
		i++;
	return i;
}

void *merger_endpoint_area(struct merger *m, struct merged_endpoint *e, const struct detector *d)
{
	void **area = &m->endpoint_area[e - m->endpoints][detector_index(m, d)];

	if (!*area)
		*area = calloc(1, d->endpoint_size + 1);
	return *area;
}

void *merger_principal_area(struct merger *m, struct merged_principal *p, const struct detector *d)
{
	void **area = &m->person_area[p - m->people][detector_index(m, d)];

	if (!*area)
		*area = calloc(1, d->principal_size + 1);
	return *area;
}

void merger_raise(struct merger *m, const struct detector *d, uint64_t key,
		  struct merged_principal *p, struct merged_endpoint *e, uint64_t time_ns,
		  const struct issue_draft *draft)
{
	struct raised *r = m->raised;

	while (r < m->raised + m->n_raised && (r->detector != d || r->key != key))
		r++;
	if (r == m->raised + m->n_raised) {
		assert_true(m->n_raised++ < RAISED);
		*r = (struct raised){.detector = d, .key = key};
	}
	r->principal = p ? p->id : 0;
	r->endpoint = e ? e->id : 0;
	r->time_ns = time_ns;
	r->count++;
	r->draft = *draft;
	assert_true(draft->confidence <= 100);
	assert_true(draft->n_terms > 0 && draft->description[0] && draft->impact[0] &&
		    draft->remediation[0]);
	assert_true(strlen(draft->description) + 1 < sizeof(draft->description));
}

void merger_capture(struct merger *m, const struct detector *, uint64_t key, uint64_t time_ns,
		    uint64_t order)
{
	assert_true(key && time_ns && order);
	m->n_captures++;
}

// ---- Life

static struct conf *authorization_conf(const char *lines)
{
	char name[] = "/tmp/apitap-test-XXXXXX";
	int fd = mkstemp(name);
	struct conf *conf;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
	close(fd);
	conf = conf_load(name, stderr);
	unlink(name);
	assert_non_null(conf);
	return conf;
}

static void merger_open(const char *lines)
{
	memset(&merger, 0, sizeof(merger));
	merger.conf = authorization_conf(lines);
	assert_int_equal(objects_init(&merger.store, conf_get(merger.conf, &objects_section)), 0);
	for (uint32_t i = 0; i < PEOPLE; i++) {
		merger.people[i].id = i + 1;
		merger.people[i].user = (char *)"somebody";
		merger.people[i].user_agent = (char *)"";
	}
	merger.now_ns = UINT64_C(1700000000) * S;
}

static inline void merger_add(const struct detector *d)
{
	uint32_t i = merger.n_detectors++;

	merger.detectors[i] = d;
	merger.options[i] = conf_get(merger.conf, d->section);
	merger.state[i] = calloc(1, d->state_size + 1);
	if (d->init)
		assert_int_equal(d->init(merger.state[i], merger.options[i]), 0);
	assert_true(!d->memory || d->memory(merger.options[i], merger.conf) > 0);
}

static void merger_close(void)
{
	for (uint32_t i = 0; i < merger.n_detectors; i++) {
		if (merger.detectors[i]->fini)
			merger.detectors[i]->fini(merger.state[i]);
		free(merger.state[i]);
	}
	for (uint32_t i = 0; i < 4; i++) {
		for (uint32_t k = 0; k < ENDPOINTS; k++)
			free(merger.endpoint_area[k][i]);
		for (uint32_t k = 0; k < PEOPLE; k++)
			free(merger.person_area[k][i]);
	}
	objects_fini(&merger.store);
	conf_free(merger.conf);
}

static inline void endpoint_add(uint64_t id, const char *method, const char *template)
{
	merger.endpoints[id - 1] = (struct merged_endpoint){
		.id = id,
		.host = (char *)"api.test",
		.method = (char *)method,
		.template = (char *)template,
	};
}

static inline void evaluate(bool last)
{
	for (uint32_t i = 0; i < merger.n_detectors; i++) {
		if (merger.detectors[i]->evaluate)
			merger.detectors[i]->evaluate(merger.detectors[i], merger.options[i],
						      &merger, merger.state[i], merger.now_ns,
						      last);
	}
}

// ---- Traffic

enum { ORDER = 71, PATIENT = 72, FIELD = 7 };

static uint64_t value_of(uint64_t n)
{
	return (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline struct call_param number(uint64_t n)
{
	return (struct call_param){
		.field = FIELD,
		.noun = ORDER,
		.value = value_of(n),
		.number = (double)n,
		.class = PARAM_INT,
		.place = PLACE_PATH,
	};
}

// A call a second later, seen whole, by somebody who is known well; one parameter or none.
static struct call call_make(uint64_t who, uint64_t endpoint, enum call_verb verb, uint16_t status,
			     const struct call_param *param)
{
	merger.now_ns += S;
	return (struct call){
		.time_ns = merger.now_ns,
		.order = ++merger.order,
		.principal = who,
		.endpoint = endpoint,
		.verb = (uint8_t)verb,
		.status = status,
		.user_confidence = 90,
		.params = param,
		.n_params = param != NULL,
	};
}

static void call_send(const struct call *call)
{
	if (call->principal > merger.n_people)
		merger.n_people = (uint32_t)call->principal;
	objects_call(&merger.store, call);
	for (uint32_t i = 0; i < merger.n_detectors; i++)
		merger.detectors[i]->call(merger.detectors[i], merger.options[i], &merger,
					  merger.state[i], call);
}

// An object in the answer to the last call.
static void give_class(uint64_t who, uint64_t noun, uint64_t n, enum param_class class)
{
	objects_give(&merger.store, &(struct delta_object){
					    .time_ns = merger.now_ns,
					    .order = merger.order,
					    .principal = who,
					    .noun = noun,
					    .value = value_of(n),
					    .class = (uint8_t) class,
				    });
}

static inline void give(uint64_t who, uint64_t n)
{
	give_class(who, ORDER, n, PARAM_INT);
}

// Somebody asks for an order, and its answer holds it again.
static inline void ask(uint64_t who, uint64_t endpoint, enum call_verb verb, uint16_t status,
		       uint64_t n)
{
	struct call_param param = number(n);
	struct call call = call_make(who, endpoint, verb, status, &param);

	call_send(&call);
	if (status / 100 == 2)
		give(who, n);
}

// Somebody is given its own orders by a list: those from first on.
static inline void list(uint64_t who, uint64_t endpoint, uint64_t first, uint64_t n)
{
	struct call call = call_make(who, endpoint, VERB_GET, 200, NULL);

	call_send(&call);
	for (uint64_t i = 0; i < n; i++)
		give(who, first + i);
}

static inline struct raised *raised_by(const char *id, uint64_t who)
{
	for (uint32_t i = 0; i < merger.n_raised; i++) {
		if (!strcmp(merger.raised[i].detector->id, id) && merger.raised[i].principal == who)
			return &merger.raised[i];
	}
	return NULL;
}
