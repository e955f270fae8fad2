// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-52: APIs that nobody wrote down. Merger only, once per endpoint.
//
//	a specification tells of the host:  an endpoint that answers 2xx and is in none of them
//	none does:                          an endpoint that came after the host was learnt
//
// What a server only ever refused is no endpoint. OPTIONS is asked by browsers themselves, and
// scripts, pictures and pages are no APIs. When a deploy brings many new endpoints at once, those
// beyond a number per host and day are one issue.

#include <math.h>

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/inventory.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/siphash.h"
#include "detect/spec.h"
#include "detect/text.h"

enum { SHADOW_DAY_S = 86400, SHADOW_NS = 1000000000 };

struct shadow_options {
	bool enabled;
	uint32_t min_calls, learn_days, learn_calls, max_new, max_hosts;
};

struct shadow_area {
	uint64_t host;  // identity of its name; 0: not looked at yet
	uint32_t calls; // successful
	bool judged;
};

struct shadow_host {
	uint64_t first_ns, day, calls;
	uint32_t n_new;  // of that day
	uint8_t covered; // by a specification: 0 not asked, 1 no, 2 yes
};

struct shadow {
	struct lru hosts;
};

#define SHADOW_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct shadow_options, field),     \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row shadow_rows[] = {
	SHADOW_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	SHADOW_ROW(min_calls, CONF_U32, .min = 1, .max = 1e6, .def = "1", .unit = "calls",
		   .help = "Successful calls of an endpoint before it is missed in the "
			   "specifications"),
	SHADOW_ROW(learn_days, CONF_U32, .min = 0, .max = 365, .def = "7", .unit = "days",
		   .help = "Hosts without specifications: after so long, endpoints are new"),
	SHADOW_ROW(learn_calls, CONF_U32, .min = 1, .max = 1e9, .def = "10000", .unit = "calls",
		   .help = "… and after so many successful calls of the host"),
	SHADOW_ROW(max_new, CONF_U32, .min = 1, .max = 10000, .def = "20", .unit = "endpoints",
		   .help = "New endpoints of a host that are told one by one each day; the rest is "
			   "one issue"),
	SHADOW_ROW(max_hosts, CONF_U32, .min = 16, .max = 1 << 20, .def = "4096", .unit = "hosts",
		   .help = "Hosts followed; the one without calls for longest is forgotten"),
};
static const struct conf_section shadow_section = {
	.path = "detect.shadow",
	.help = "D-52: endpoints that are in no specification, or newer than what was learnt",
	.size = sizeof(struct shadow_options),
	.rows = shadow_rows,
	.n_rows = sizeof(shadow_rows) / sizeof(shadow_rows[0]),
};
CONF_SECTION(shadow_section);

static int shadow_init(void *state, const void *options)
{
	return lru_init(&((struct shadow *)state)->hosts, sizeof(struct shadow_host),
			((const struct shadow_options *)options)->max_hosts);
}

static size_t shadow_memory(const void *options, const struct conf *)
{
	return lru_bytes(sizeof(struct shadow_host),
			 ((const struct shadow_options *)options)->max_hosts);
}

static void shadow_fini(void *state)
{
	lru_fini(&((struct shadow *)state)->hosts);
}

// ---- Texts

static void shadow_terms(struct issue_draft *draft, const char *what, int points, bool outside)
{
	draft->terms[0] = (struct issue_term){what, points};
	draft->terms[1] = (struct issue_term){"the server answered with success", 20};
	draft->n_terms = 2;
	draft->confidence = (uint32_t)points + 20;
	if (outside) {
		draft->terms[draft->n_terms++] =
			(struct issue_term){"it is called from outside", 10};
		draft->confidence += 10;
	}
}

static const char *where_called(const struct merged_endpoint *e, bool *outside)
{
	const struct inventory_endpoint *facts = merger_facts(e);
	enum exposure_kind kind = facts ? inventory_exposure(facts) : EXPOSURE_UNKNOWN;

	*outside = kind == EXPOSURE_INTERNET;
	return inventory_exposure_name(kind);
}

static void undocumented_raise(const struct detector *self, struct merger *m,
			       struct merged_endpoint *e, const struct shadow_area *area,
			       const struct call *call)
{
	const struct specs *specs = merger_specs(m);
	struct issue_draft draft = {.severity = SEVERITY_MEDIUM, .result = RESULT_SUCCEEDED};
	char where[384], calls[32];
	bool outside;
	const char *place = where_called(e, &outside);

	shadow_terms(&draft, "none of the specifications of this host has it", 60, outside);
	draft.metric = (struct issue_metric){
		.present = true,
		.name = "undocumented_calls",
		.unit = "calls",
		.window = "since first seen",
		.value = area->calls,
		.percentile = NAN,
	};
	draft_text(
		draft.description, sizeof(draft.description),
		"%s was called with success (%s call%s, last status %u) and is in none of the %u "
		"routes of %u specification file%s, though they do tell of this host. Seen as: "
		"%s.",
		endpoint_text(e, where, sizeof(where)), text_count(calls, area->calls),
		text_plural(area->calls), call->status, specs->n_routes, specs->n_docs,
		text_plural(specs->n_docs), place);
	draft_text(draft.impact, sizeof(draft.impact),
		   "An API that nobody wrote down is one that nobody reviewed, tests or patches; "
		   "gateway rules, limits and alarms that are made from the specification leave it "
		   "out.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Find out who runs it. Add it to the specification and to its checks, or take it "
		"out of service.");
	merger_raise(m, self, e->id, merger_principal(m, call->principal), e, call->time_ns,
		     &draft);
}

static void new_raise(const struct detector *self, const struct shadow_options *options,
		      struct merger *m, struct merged_endpoint *e, const struct shadow_area *area,
		      const struct shadow_host *host, const struct call *call)
{
	struct issue_draft draft = {.severity = SEVERITY_LOW, .result = RESULT_SUCCEEDED};
	double days = (double)(call->time_ns - host->first_ns) / SHADOW_NS / SHADOW_DAY_S;
	bool many = host->n_new > options->max_new, outside;
	char where[384], calls[32];
	const char *place = where_called(e, &outside);

	shadow_terms(&draft, "nobody called it while the host was learnt", 40, outside);
	draft.metric = (struct issue_metric){
		.present = true,
		.name = many ? "new_endpoints_per_day" : "days_before_first_call",
		.unit = many ? "endpoints" : "days",
		.window = many ? "24 h" : "since the host was first seen",
		.value = many ? host->n_new : days,
		.percentile = NAN,
	};
	if (many)
		draft_text(draft.description, sizeof(draft.description),
			   "%u new endpoints of %s answered with success on one day, the latest of "
			   "them %s; more than %u a day are told together. The host was followed "
			   "for %.1f days and %s calls before.",
			   host->n_new, e->host, endpoint_text(e, where, sizeof(where)),
			   options->max_new, days, text_count(calls, host->calls));
	else
		draft_text(
			draft.description, sizeof(draft.description),
			"%s answered with success for the first time, after its host was followed "
			"for %.1f days and %s calls. Seen as: %s.",
			endpoint_text(e, where, sizeof(where)), days,
			text_count(calls, host->calls), place);
	draft_text(
		draft.impact, sizeof(draft.impact),
		"New functions come with a release that is announced. One that appears by itself "
		"may be a test or debug interface left on, or something that was placed there.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Compare it with the changes that were released. If it belongs there, add it to "
		"the specification (inventory.specs); if not, close it and look for how it came.");
	merger_raise(m, self, many ? area->host ^ UINT64_C(0x6e6577) : e->id,
		     merger_principal(m, call->principal), e, call->time_ns, &draft);
}

// ---- Calls

static void new_judge(const struct detector *self, const struct shadow_options *options,
		      struct merger *m, struct merged_endpoint *e, const struct shadow_area *area,
		      struct shadow_host *host, const struct call *call)
{
	uint64_t learn_ns = (uint64_t)options->learn_days * SHADOW_DAY_S * SHADOW_NS, day;

	if (host->calls <= options->learn_calls || e->first_ns < host->first_ns + learn_ns)
		return;
	day = call->time_ns / SHADOW_NS / SHADOW_DAY_S;
	if (host->day != day)
		host->n_new = 0;
	host->day = day;
	host->n_new++;
	new_raise(self, options, m, e, area, host, call);
}

static void shadow_call(const struct detector *self, const void *opaque, struct merger *m,
			void *state, const struct call *call)
{
	const struct shadow_options *options = opaque;
	struct shadow *shadow = state;
	struct merged_endpoint *e;
	struct shadow_area *area;
	struct shadow_host *host;
	bool fresh;

	if (!call_ok(call) || (call->flags & (CALL_MESSAGE | CALL_GUESSED)) ||
	    call->verb == VERB_OPTIONS)
		return;
	e = merger_endpoint(m, call->endpoint);
	area = e ? merger_endpoint_area(m, e, self) : NULL;
	if (!area)
		return;
	if (area->host == 0)
		area->host = siphash_id(siphash(0, 'H', span_make(e->host, strlen(e->host))));
	host = lru_touch(&shadow->hosts, area->host, &fresh);
	if (!host)
		return;
	if (fresh)
		host->first_ns = e->first_ns;
	host->calls++;
	area->calls += area->calls < UINT32_MAX;
	if (area->judged)
		return;
	if (host->covered == 0)
		host->covered = specs_cover(merger_specs(m), e->host) ? 2 : 1;
	if (inventory_is_asset(e->template)) {
		area->judged = true;
		return;
	}
	if (host->covered == 2 && area->calls < options->min_calls)
		return;
	area->judged = true;
	if (host->covered == 1)
		new_judge(self, options, m, e, area, host, call);
	else if (!specs_match(merger_specs(m), e->host, e->method, e->template))
		undocumented_raise(self, m, e, area, call);
}

// ---- What is kept: hosts

static int shadow_save(const void *state, const struct merger *, FILE *out)
{
	const struct shadow *shadow = state;

	for (const struct shadow_host *h = lru_first(&shadow->hosts); h;
	     h = lru_next(&shadow->hosts, h)) {
		judge_put(out, lru_id(h), 8);
		judge_put(out, h->first_ns, 8);
		judge_put(out, h->calls, 8);
	}
	return ferror(out) ? -1 : 0;
}

static int shadow_load(void *state, struct merger *, FILE *in, size_t len, uint32_t)
{
	struct judge_reader r = {in, len, false};
	struct shadow *shadow = state;

	while (r.left && !r.bad) {
		uint64_t id = judge_get(&r, 8), first_ns = judge_get(&r, 8);
		uint64_t calls = judge_get(&r, 8);
		struct shadow_host *h =
			r.bad || id == 0 ? NULL : lru_touch(&shadow->hosts, id, NULL);

		if (!h)
			return -1;
		h->first_ns = first_ns;
		h->calls = calls;
	}
	return r.bad ? -1 : 0;
}

static const struct detector shadow = {
	.id = "D-52",
	.name = "shadow",
	.title = "Shadow API",
	.module = "Posture",
	.version = 1,
	.owasp = {"API9:2023"},
	.section = &shadow_section,
	.state_size = sizeof(struct shadow),
	.endpoint_size = sizeof(struct shadow_area),
	.init = shadow_init,
	.fini = shadow_fini,
	.memory = shadow_memory,
	.call = shadow_call,
	.save = shadow_save,
	.load = shadow_load,
};
DETECTOR_REGISTER(shadow);
