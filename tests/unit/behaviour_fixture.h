// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For detectors that judge from calls: calls made one by one and handed to a single detector, in
// the plain merger of worker_fixture.h. Included once by a test, before the detector.

#pragma once

#include "tests/unit/worker_fixture.h"

#include <math.h>

static void begin(const char *lines)
{
	assert_ptr_not_equal((void *)send_one, NULL); // of the fixture; not all tests send
	work_open(lines, 1, 4);
	merger_open(work_conf);
}

static void end(void)
{
	merger_close();
	work_close();
}

static uint64_t at(double seconds)
{
	return (uint64_t)(UINT64_C(1000000) * NS) + (uint64_t)(seconds * NS);
}

static inline void assert_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

// Texts are there, and the terms are what the confidence is made of.
static inline void assert_draft(const struct raised *r)
{
	int sum = 0;

	if (!r) {
		fail_msg("nothing was raised");
		return;
	}
	assert_true(strlen(r->draft.description) > 40);
	assert_true(strlen(r->draft.impact) > 40);
	assert_true(strlen(r->draft.remediation) > 40);
	assert_true(strlen(r->draft.description) < sizeof(r->draft.description) - 1);
	for (uint32_t i = 0; i < r->draft.n_terms; i++)
		sum += r->draft.terms[i].points;
	assert_int_equal(sum, r->draft.confidence);
	assert_true(r->draft.confidence > 0 && r->draft.confidence <= 100);
}

// A keyed hash as workers make them: every bit may be set.
static uint64_t hashed(uint64_t n)
{
	n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ n >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
	return n ^ n >> 29 ? n ^ n >> 29 : 1;
}

static inline struct merged_endpoint *endpoint_named(uint64_t id, const char *method,
						     const char *template)
{
	struct span verb = span_make(method, strlen(method));
	struct span path = span_make(template, strlen(template));

	return &endpoint_add(id, SPAN_LIT("api.example"), verb, path)->endpoint;
}

// A call of user n from address 192.0.n/256.n%256 that went well; the caller changes the rest.
static inline struct call call_make(double seconds, uint32_t user, uint64_t endpoint)
{
	struct call call = {
		.time_ns = at(seconds),
		.order = hashed((uint64_t)(seconds * 1e6) ^ user),
		.principal = hashed(1000000 + user),
		.endpoint = endpoint,
		.status = 200,
		.verb = VERB_GET,
		.client = {[10] = 0xff,
			   0xff,
			   192,
			   (uint8_t)(user >> 16),
			   (uint8_t)(user >> 8),
			   (uint8_t)user},
		.path = endpoint,
		.req_bytes = 0,
		.resp_bytes = 500,
		.wait_us = 2000,
		.took_us = 3000,
	};
	char name[32];

	snprintf(name, sizeof(name), "user-%u", user);
	principal_add(call.principal, span_make(name, strlen(name)));
	return call;
}

static inline void call_give(const struct detector *d, const struct call *call)
{
	uint32_t k = index_of(d);
	struct merged_endpoint *e = merger_endpoint(&merger, call->endpoint);

	if (e && !e->calls++)
		e->first_ns = call->time_ns;
	if (e && call_ok(call))
		e->ok++;
	if (e)
		e->last_ns = call->time_ns;
	d->call(d, merger.options[k], &merger, merger.state[k], call);
}

// Nothing else was raised than so many; else it is told what.
static inline void assert_raised(uint32_t n)
{
	for (uint32_t i = 0; i < merger.n_raised && merger.n_raised != n; i++)
		print_error("%s\n", merger.raised[i].draft.description);
	assert_int_equal(merger.n_raised, n);
}

static inline void evaluate(const struct detector *d, double seconds, bool last)
{
	uint32_t k = index_of(d);

	if (d->evaluate)
		d->evaluate(d, merger.options[k], &merger, merger.state[k], at(seconds), last);
}
