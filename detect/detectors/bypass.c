// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-56: requests that reach an API beside its gateway. Merger only, one issue per endpoint; silent
// without inventory.gateways. A request comes through the gateway when the gateway is the peer of
// the server, or is the server. Of those that do not:
//
//	the client is outside of the organisation      always told
//	it is inside, and the endpoint is the gateway's told, for then its checks are left out
//
// An endpoint is the gateway's when it was also reached through it, or a gateway's configuration
// among inventory.specs has its route. Only what answers 2xx counts; calls to third parties do not.

#include <math.h>

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/inventory.h"
#include "detect/record.h"
#include "detect/spec.h"
#include "detect/text.h"

struct bypass_options {
	bool enabled;
	uint32_t min_calls;
};

struct bypass_area {
	uint64_t through;
	uint64_t beside[2]; // from inside, from outside
	uint8_t route;      // of a gateway's configuration: 0 not asked, 1 no, 2 yes
	uint8_t told;       // enum severity
};

static const struct conf_row bypass_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct bypass_options, enabled),
	 .def = "true",
	 .help = "Whether this detector runs"},
	{.key = "min_calls",
	 .type = CONF_U32,
	 .offset = offsetof(struct bypass_options, min_calls),
	 .min = 1,
	 .max = 1e6,
	 .def = "1",
	 .unit = "calls",
	 .help = "Successful calls beside the gateway before an endpoint is told"},
};
static const struct conf_section bypass_section = {
	.path = "detect.bypass",
	.help = "D-56: endpoints that are reached beside their API gateway",
	.size = sizeof(struct bypass_options),
	.rows = bypass_rows,
	.n_rows = sizeof(bypass_rows) / sizeof(bypass_rows[0]),
};
CONF_SECTION(bypass_section);

static void bypass_raise(const struct detector *self, struct merger *m, struct merged_endpoint *e,
			 struct bypass_area *area, bool outside, const struct call *call)
{
	struct issue_draft draft = {
		.severity = outside ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = RESULT_SUCCEEDED,
		.terms = {{outside ? "the client is outside of the organisation"
				   : "the endpoint is one of the gateway",
			   50},
			  {"the server answered with success", 20}},
		.n_terms = 2,
		.confidence = 70,
		.metric = {.present = true,
			   .name = "calls_beside_gateway",
			   .unit = "calls",
			   .window = "since first seen",
			   .value = (double)(area->beside[0] + area->beside[1]),
			   .percentile = NAN},
	};
	char where[384], from[48], to[48], beside[32], through[32];

	endpoint_address(call->peer, from);
	endpoint_address(call->server, to);
	draft_text(draft.description, sizeof(draft.description),
		   "%s at %s was called with success by %s, which is no gateway; %s such calls, "
		   "against %s through a gateway%s.",
		   endpoint_text(e, where, sizeof(where)), to, from,
		   text_count(beside, area->beside[0] + area->beside[1]),
		   text_count(through, area->through),
		   area->route == 2 ? ", whose configuration has this route" : "");
	draft_text(
		draft.impact, sizeof(draft.impact),
		"Whatever the gateway checks, limits and records does not happen to requests that "
		"pass beside it%s.",
		outside ? ", and these come from outside" : "");
	draft_text(draft.remediation, sizeof(draft.remediation),
		   "Let the server accept connections from the gateway only, by network rules or "
		   "client certificates. If this caller is meant to come directly, add its address "
		   "to inventory.gateways.");
	merger_raise(m, self, e->id, merger_principal(m, call->principal), e, call->time_ns,
		     &draft);
	area->told = (uint8_t)draft.severity;
}

static void bypass_call(const struct detector *self, const void *opaque, struct merger *m, void *,
			const struct call *call)
{
	const struct bypass_options *options = opaque;
	const struct inventory *networks = merger_networks(m);
	struct merged_endpoint *e;
	struct bypass_area *area;
	bool outside;

	if (networks->n_gateways == 0 || !call_ok(call) ||
	    (call->flags & (CALL_MESSAGE | CALL_GUESSED)))
		return;
	e = merger_endpoint(m, call->endpoint);
	area = e ? merger_endpoint_area(m, e, self) : NULL;
	if (!area)
		return;
	if (inventory_is_gateway(networks, call->peer) ||
	    inventory_is_gateway(networks, call->server)) {
		area->through++;
		return;
	}
	outside = !inventory_is_inside(networks, call->client);
	if (!inventory_is_inside(networks, call->server) && !outside)
		return; // of a third party
	area->beside[outside]++;
	if (area->told >= (outside ? SEVERITY_MEDIUM : SEVERITY_LOW))
		return;
	if (area->route == 0) {
		const struct spec_route *route =
			specs_match(merger_specs(m), e->host, e->method, e->template);

		area->route = route && route->gateway ? 2 : 1;
	}
	if (area->beside[outside] >= options->min_calls &&
	    (outside || area->through || area->route == 2))
		bypass_raise(self, m, e, area, outside, call);
}

// ---- What was learnt. Routes are asked for again: they are the configuration's.

static const struct record_field endpoint_fields[] = {
	RECORD_ONE(struct bypass_area, through, 0),
	RECORD_MANY(struct bypass_area, beside, 0),
	RECORD_ONE(struct bypass_area, told, SEVERITY_CRITICAL),
};
static const struct record endpoint_record = RECORD(struct bypass_area, endpoint_fields, NULL);
static const struct detector bypass;

static int bypass_save(const void *, const struct merger *m, FILE *out)
{
	return record_put_endpoints(out, &endpoint_record, m, &bypass);
}

static int bypass_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != bypass.version};
	int rc = record_get_endpoints(&r, &endpoint_record, m, &bypass);

	return rc ? rc : record_end(&r);
}

static const struct detector bypass = {
	.id = "D-56",
	.name = "bypass",
	.title = "API Beside Its Gateway",
	.module = "Posture",
	.version = 1,
	.owasp = {"API9:2023", "API8:2023"},
	.section = &bypass_section,
	.endpoint_size = sizeof(struct bypass_area),
	.save = bypass_save,
	.load = bypass_load,
	.call = bypass_call,
};
DETECTOR_REGISTER(bypass);
