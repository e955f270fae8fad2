// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-13: a data type goes to somebody whom a policy does not name: a client outside of its networks,
// a user or a host that is none of its consumers. Worker: one finding per endpoint, direction,
// field and type. Nothing is learnt; the merger takes each finding as an issue.
//
// Types that a policy prohibits altogether are D-12's. Where a restricted type stays with those who
// may have it, or a policy allows it, D-11 is silent as well.

#include <stdio.h>

#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/policy.h"
#include "detect/text.h"

struct restricted_options {
	bool enabled;
};

static const struct conf_row restricted_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct restricted_options, enabled),
	 .def = "true",
	 .help = "Whether this detector runs"},
};
static const struct conf_section restricted_section = {
	.path = "detect.restricted",
	.help = "D-13: data types that go elsewhere than the list of policies permits",
	.size = sizeof(struct restricted_options),
	.rows = restricted_rows,
	.n_rows = sizeof(restricted_rows) / sizeof(restricted_rows[0]),
};
CONF_SECTION(restricted_section);

static void restricted_exchange(const struct detector *self, const void *, struct detect_worker *w,
				const struct exchange *x)
{
	policy_findings(self, w, x, POLICY_RESTRICTED);
}

static void restricted_describe(const struct detector *, const void *,
				const struct merged_endpoint *endpoint,
				const struct merged_principal *, struct issue_draft *draft)
{
	const struct finding *f = draft->finding;
	char where[384], field[EXCHANGE_NAME + 1], count[32], receiver[48];
	const struct policy *policy;
	bool response;

	if (!f || f->n_types == 0)
		return;
	policy = (const struct policy *)(uintptr_t)f->arg[POLICY_ARG];
	response = f->types[0].dir == SERVER;
	endpoint_text(endpoint, where, sizeof(where));
	endpoint_address(response ? f->client : f->server, receiver);
	text_clean(field, sizeof(field), f->types[0].name.p, f->types[0].name.len);
	draft_text(draft->description, sizeof(draft->description),
		   "%s %s%s of %s took %s, in the field %s, to somebody for whom it is not meant, "
		   "such "
		   "as %s. %s%s%s names the %s that may receive it.",
		   text_count(count, f->count), response ? "response" : "request",
		   text_plural(f->count), where, datatype_get(f->types[0].type)->title, field,
		   receiver, *policy->name ? "The policy \"" : "A policy", policy->name,
		   *policy->name ? "\"" : "",
		   policy->networks.n == 0    ? "consumers"
		   : policy->consumers.n == 0 ? "networks"
					      : "networks and consumers");
	draft_text(
		draft->impact, sizeof(draft->impact),
		"The data has left the circle for which it was released. Beside the harm to the "
		"people it is about, that can break contracts and the law on transfers of data.");
	draft_text(
		draft->remediation, sizeof(draft->remediation),
		"Find out who the receiver is and stop the flow, or take the field out of what is "
		"sent there. If the flow is intended, add the receiver to the policy.");
}

static const struct detector restricted = {
	.id = "D-13",
	.name = "restricted",
	.title = "Data Outside Its Permitted Flow",
	.module = "Posture",
	.version = 1,
	.owasp = {"API3:2023", "API8:2023"},
	.section = &restricted_section,
	.exchange = restricted_exchange,
	.describe = restricted_describe,
};
DETECTOR_REGISTER(restricted);
