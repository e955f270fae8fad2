// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-12: a data type appears where a policy prohibits it. Worker: one finding per endpoint,
// direction, field and type, with the severity that the policy gives. Nothing is learnt; the
// merger takes each finding as an issue.

#include <stdio.h>

#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/hits.h"
#include "detect/policy.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/worker.h"

enum { ARG_POLICY = 0 }; // of struct finding: const struct policy *, which outlives all findings

struct prohibited_options {
	bool enabled;
};

static const struct conf_row prohibited_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct prohibited_options, enabled),
	 .def = "true",
	 .help = "Whether this detector runs"},
};
static const struct conf_section prohibited_section = {
	.path = "detect.prohibited",
	.help = "D-12: data types that the list of policies prohibits",
	.size = sizeof(struct prohibited_options),
	.rows = prohibited_rows,
	.n_rows = sizeof(prohibited_rows) / sizeof(prohibited_rows[0]),
};
CONF_SECTION(prohibited_section);

static uint64_t key_of(uint64_t seed, const struct exchange *x, const struct exchange_hit *hit)
{
	uint64_t key = siphash_number(seed, x->endpoint, hit->field);

	return siphash_number(seed, key, (uint64_t)hit->type << 8 | hit->dir);
}

static void prohibited_exchange(const struct detector *self, const void *, struct detect_worker *w,
				const struct exchange *x)
{
	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];
		const struct policy *policy =
			policies_broken(worker_policies(w), hit->type, hit->dir, x);
		struct finding *f;

		if (!policy || policy->action != POLICY_PROHIBITED || hit->tests == hit->count)
			continue;
		f = finding_add(w, self, key_of(w->shared->seed, x, hit), x, UINT32_C(1) << i);
		if (!f)
			continue;
		f->severity = (uint8_t)policy->severity;
		// A response has shown the data whatever its status says.
		f->result = hit->dir == SERVER ? RESULT_SUCCEEDED : hits_result(x->tx->status);
		f->n_terms = 0;
		f->confidence = (uint8_t)hits_confidence(hit, f->terms, &f->n_terms);
		f->arg[ARG_POLICY] = (uintptr_t)policy;
	}
}

static void prohibited_describe(const struct detector *, const void *,
				const struct merged_endpoint *endpoint,
				const struct merged_principal *, struct issue_draft *draft)
{
	const struct finding *f = draft->finding;
	char where[384], field[EXCHANGE_NAME + 1], count[32];
	const struct policy *policy;
	const char *what;
	bool response;

	if (!f || f->n_types == 0)
		return;
	policy = (const struct policy *)(uintptr_t)f->arg[ARG_POLICY];
	what = datatype_get(f->types[0].type)->title;
	response = f->types[0].dir == SERVER;
	endpoint_text(endpoint, where, sizeof(where));
	text_clean(field, sizeof(field), f->types[0].name.p, f->types[0].name.len);
	draft_text(
		draft->description, sizeof(draft->description),
		"%s %s%s of %s held data of a prohibited type: %s, in the field %s. %s%s%s forbids "
		"it here.",
		text_count(count, f->count), response ? "response" : "request",
		text_plural(f->count), where, what, field,
		*policy->name ? "The policy \"" : "A policy", policy->name,
		*policy->name ? "\"" : "");
	draft_text(draft->impact, sizeof(draft->impact),
		 "%s data that was decided to stay away from this interface. Beside the "
		 "harm to the people it is about, this can break law or contracts.",
		 response ? "Callers receive" : "The service is sent, and may store,");
	draft_text(draft->remediation, sizeof(draft->remediation),
		 "%s, or put a token in place of the value. If the data has to be here, change the "
		 "policy for this endpoint.",
		 response ? "Take the field out of the response"
			  : "Do not ask for the value and reject requests that carry it");
}

static const struct detector prohibited = {
	.id = "D-12",
	.name = "prohibited",
	.title = "Prohibited Data Type",
	.module = "Posture",
	.version = 1,
	.owasp = {"API3:2023"},
	.section = &prohibited_section,
	.exchange = prohibited_exchange,
	.describe = prohibited_describe,
};
DETECTOR_REGISTER(prohibited);
