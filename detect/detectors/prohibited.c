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
#include "detect/policy.h"
#include "detect/text.h"

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

static void prohibited_exchange(const struct detector *self, const void *, struct detect_worker *w,
				const struct exchange *x)
{
	policy_findings(self, w, x, POLICY_PROHIBITED);
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
	policy = (const struct policy *)(uintptr_t)f->arg[POLICY_ARG];
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
