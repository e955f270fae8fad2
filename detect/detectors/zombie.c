// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-53: APIs that should be gone and still answer. Merger only, one issue per endpoint:
//
//	deprecated   a specification marks it so
//	removed      only an older version of a specification has it
//	superseded   /v1 of a path whose /v2 carries nearly all calls
//	idle         nobody called it for a month, then somebody did
//
// Only what answers 2xx counts. Versions are compared once an hour, among endpoints whose texts
// are the same but for one segment v<number>.

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

enum { ZOMBIE_DAY_S = 86400, ZOMBIE_HOUR_S = 3600, ZOMBIE_NS = 1000000000 };

struct zombie_options {
	bool enabled;
	uint32_t idle_days, newer_share, newer_calls;
};

enum zombie_kind {
	ZOMBIE_DEPRECATED = 1,
	ZOMBIE_REMOVED = 2,
	ZOMBIE_SUPERSEDED = 4,
	ZOMBIE_IDLE = 8,
};

struct zombie_area {
	uint64_t last_ns; // successful call
	uint64_t group;   // hash of its texts without the version; 0: not looked at, 1: none
	uint64_t calls;   // successful, since the versions were compared last
	uint32_t version;
	uint8_t told; // bits of enum zombie_kind
	bool matched; // with the specifications
};

// Of one comparison.
struct zombie_group {
	uint64_t newest_calls;
	uint32_t newest;
};

struct zombie {
	uint64_t compared_ns;
	struct lru groups;
};

#define ZOMBIE_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct zombie_options, field),     \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row zombie_rows[] = {
	ZOMBIE_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	ZOMBIE_ROW(idle_days, CONF_U32, .min = 1, .max = 3650, .def = "30", .unit = "days",
		   .help = "Without successful calls for so long, an endpoint is forgotten by its "
			   "users"),
	ZOMBIE_ROW(newer_share, CONF_U32, .min = 50, .max = 100, .def = "90", .unit = "%",
		   .help = "Of the calls of both versions, how much the newer one must carry"),
	ZOMBIE_ROW(newer_calls, CONF_U32, .min = 1, .max = 1e9, .def = "100", .unit = "calls",
		   .help = "Calls of both versions in an hour before they are compared"),
};
static const struct conf_section zombie_section = {
	.path = "detect.zombie",
	.help = "D-53: old, deprecated and forgotten endpoints that still answer",
	.size = sizeof(struct zombie_options),
	.rows = zombie_rows,
	.n_rows = sizeof(zombie_rows) / sizeof(zombie_rows[0]),
};
CONF_SECTION(zombie_section);

enum { ZOMBIE_GROUPS = 20000 };

static int zombie_init(void *state, const void *)
{
	return lru_init(&((struct zombie *)state)->groups, sizeof(struct zombie_group),
			ZOMBIE_GROUPS);
}

static size_t zombie_memory(const void *, const struct conf *)
{
	return lru_bytes(sizeof(struct zombie_group), ZOMBIE_GROUPS);
}

static void zombie_fini(void *state)
{
	lru_fini(&((struct zombie *)state)->groups);
}

// ---- Texts

static void zombie_raise(const struct detector *self, struct merger *m, struct merged_endpoint *e,
			 struct zombie_area *area, enum zombie_kind kind, uint64_t time_ns,
			 struct merged_principal *p, struct issue_draft *draft)
{
	area->told |= (uint8_t)kind;
	draft->severity = SEVERITY_MEDIUM;
	draft->result = RESULT_SUCCEEDED;
	for (uint32_t i = 0; i < draft->n_terms; i++)
		draft->confidence += (uint32_t)draft->terms[i].points;
	draft_text(draft->impact, sizeof(draft->impact),
		   "Old interfaces miss the checks and repairs of their successors, and nobody "
		   "watches them. Attackers look for them because what was closed in the new "
		   "version is often still open there.");
	draft_text(draft->remediation, sizeof(draft->remediation),
		   "Find the callers that are left and move them, then take the endpoint out of "
		   "service; until then answer 410 to everybody else.");
	merger_raise(m, self, e->id, p, e, time_ns, draft);
}

static void spec_raise(const struct detector *self, struct merger *m, struct merged_endpoint *e,
		       struct zombie_area *area, const struct spec_route *route,
		       const struct call *call)
{
	const struct spec_doc *doc = &merger_specs(m)->docs[route->doc];
	struct issue_draft draft = {
		.terms = {{route->removed ? "the newest specification has it no more"
					  : "the specification calls it deprecated",
			   70},
			  {"the server answered with success", 20}},
		.n_terms = 2,
	};
	char where[384];

	endpoint_text(e, where, sizeof(where));
	if (route->removed)
		draft_text(draft.description, sizeof(draft.description),
			   "%s answered with status %u. It is only in version %.32s of its "
			   "specification (%.128s, line %u), not in the newest one.",
			   where, call->status, doc->version ? doc->version : "?", doc->file,
			   route->line);
	else
		draft_text(
			draft.description, sizeof(draft.description),
			"%s answered with status %u. Its specification (%.128s, line %u) marks it "
			"as deprecated.",
			where, call->status, doc->file, route->line);
	zombie_raise(self, m, e, area, route->removed ? ZOMBIE_REMOVED : ZOMBIE_DEPRECATED,
		     call->time_ns, merger_principal(m, call->principal), &draft);
}

static void idle_raise(const struct detector *self, struct merger *m, struct merged_endpoint *e,
		       struct zombie_area *area, const struct call *call)
{
	double days = (double)(call->time_ns - area->last_ns) / ZOMBIE_NS / ZOMBIE_DAY_S;
	struct issue_draft draft = {
		.terms = {{"nobody had called it for long", 50},
			  {"the server answered with success", 20}},
		.n_terms = 2,
		.metric = {.present = true,
			   .name = "idle_days",
			   .unit = "days",
			   .window = "since the call before",
			   .value = days,
			   .percentile = NAN},
	};
	char where[384], calls[32];

	draft_text(
		draft.description, sizeof(draft.description),
		"%s was called with success after %.1f days without any such call; there had been "
		"%s calls of it before.",
		endpoint_text(e, where, sizeof(where)), days, text_count(calls, e->calls - 1));
	zombie_raise(self, m, e, area, ZOMBIE_IDLE, call->time_ns,
		     merger_principal(m, call->principal), &draft);
}

// ---- Versions

// Of a segment "v12": 12; 0: it is none.
static uint32_t version_of(struct span segment)
{
	uint32_t version = 0;

	if (segment.len < 2 || segment.len > 5 || span_lower(segment.p[0]) != 'v')
		return 0;
	for (uint32_t i = 1; i < segment.len; i++) {
		if (segment.p[i] < '0' || segment.p[i] > '9')
			return 0;
		version = version * 10 + (uint32_t)(segment.p[i] - '0');
	}
	return version;
}

static void area_group(struct zombie_area *area, const struct merged_endpoint *e)
{
	struct span path = span_make(e->template, strlen(e->template)), segment;
	uint64_t hash = siphash(0, 'Z', span_make(e->host, strlen(e->host)));

	hash = siphash(0, hash, span_make(e->method, strlen(e->method)));
	for (uint32_t i = 0; i < ENDPOINT_DEPTH && endpoint_next(&path, &segment); i++) {
		uint32_t version = area->version ? 0 : version_of(segment);

		if (version)
			area->version = version;
		else
			hash = siphash(0, hash, segment);
	}
	area->group = area->version ? siphash_id(hash) : 1;
	if (area->group == 1)
		area->version = 0;
}

static void superseded_raise(const struct detector *self, struct merger *m,
			     struct merged_endpoint *e, struct zombie_area *area,
			     const struct zombie_group *group, uint64_t now_ns)
{
	double share =
		100.0 * (double)group->newest_calls / (double)(group->newest_calls + area->calls);
	struct issue_draft draft = {
		.terms = {{"a newer version carries nearly all calls", 60},
			  {"the server answered with success", 20}},
		.n_terms = 2,
		.metric = {.present = true,
			   .name = "share_of_newer_version",
			   .unit = "%",
			   .window = "1 h",
			   .value = share,
			   .percentile = NAN},
	};
	char where[384], newer[32], older[32];

	draft_text(
		draft.description, sizeof(draft.description),
		"%s is version %u of an endpoint whose version %u carried %.1f %% of the calls of "
		"both in an hour: %s against %s.",
		endpoint_text(e, where, sizeof(where)), area->version, group->newest, share,
		text_count(newer, group->newest_calls), text_count(older, area->calls));
	zombie_raise(self, m, e, area, ZOMBIE_SUPERSEDED, now_ns, NULL, &draft);
}

static void versions_compare(const struct detector *self, const struct zombie_options *options,
			     struct merger *m, struct zombie *zombie, uint64_t now_ns)
{
	lru_clear(&zombie->groups);
	for (uint32_t i = 0; i < merger_endpoints(m); i++) {
		struct merged_endpoint *e = merger_endpoint_at(m, i);
		struct zombie_area *area = merger_endpoint_area(m, e, self);
		struct zombie_group *group;

		if (area->group <= 1 || area->calls == 0)
			continue;
		group = lru_touch(&zombie->groups, area->group, NULL);
		if (group && area->version > group->newest) {
			group->newest = area->version;
			group->newest_calls = area->calls;
		}
	}
	for (uint32_t i = 0; i < merger_endpoints(m); i++) {
		struct merged_endpoint *e = merger_endpoint_at(m, i);
		struct zombie_area *area = merger_endpoint_area(m, e, self);
		const struct zombie_group *group =
			area->group > 1 ? lru_get(&zombie->groups, area->group) : NULL;
		uint64_t both = group ? group->newest_calls + area->calls : 0;

		if (group && area->calls && group->newest > area->version &&
		    !(area->told & ZOMBIE_SUPERSEDED) && both >= options->newer_calls &&
		    group->newest_calls * 100 > both * options->newer_share)
			superseded_raise(self, m, e, area, group, now_ns);
		area->calls = 0;
	}
}

// ---- Calls

static void zombie_call(const struct detector *self, const void *opaque, struct merger *m,
			void *state, const struct call *call)
{
	const struct zombie_options *options = opaque;
	struct zombie *zombie = state;
	struct merged_endpoint *e = NULL;
	struct zombie_area *area;

	if (zombie->compared_ns == 0)
		zombie->compared_ns = call->time_ns;
	if (call->time_ns >= zombie->compared_ns + (uint64_t)ZOMBIE_HOUR_S * ZOMBIE_NS) {
		versions_compare(self, options, m, zombie, call->time_ns);
		zombie->compared_ns = call->time_ns;
	}
	if (call_ok(call) && !(call->flags & (CALL_MESSAGE | CALL_GUESSED)))
		e = merger_endpoint(m, call->endpoint);
	area = e ? merger_endpoint_area(m, e, self) : NULL;
	if (!area)
		return;
	if (area->group == 0)
		area_group(area, e);
	area->calls++;
	if (area->last_ns && !(area->told & ZOMBIE_IDLE) &&
	    call->time_ns > area->last_ns + (uint64_t)options->idle_days * ZOMBIE_DAY_S * ZOMBIE_NS)
		idle_raise(self, m, e, area, call);
	area->last_ns = call->time_ns;
	if (!area->matched) {
		const struct spec_route *route =
			specs_match(merger_specs(m), e->host, e->method, e->template);

		area->matched = true;
		if (route && (route->removed || route->deprecated))
			spec_raise(self, m, e, area, route, call);
	}
}

static void zombie_evaluate(const struct detector *self, const void *options, struct merger *m,
			    void *state, uint64_t now_ns, bool last)
{
	if (last)
		versions_compare(self, options, m, state, now_ns);
}

// ---- What is kept: when each endpoint was called last, and what was told of it

static int zombie_save(const void *, const struct merger *m, FILE *out);
static int zombie_load(void *, struct merger *m, FILE *in, size_t len, uint32_t);

static const struct detector zombie = {
	.id = "D-53",
	.name = "zombie",
	.title = "Zombie API",
	.module = "Posture",
	.version = 1,
	.owasp = {"API9:2023"},
	.section = &zombie_section,
	.state_size = sizeof(struct zombie),
	.endpoint_size = sizeof(struct zombie_area),
	.init = zombie_init,
	.fini = zombie_fini,
	.memory = zombie_memory,
	.call = zombie_call,
	.evaluate = zombie_evaluate,
	.save = zombie_save,
	.load = zombie_load,
};
DETECTOR_REGISTER(zombie);

static int zombie_save(const void *, const struct merger *const_m, FILE *out)
{
	struct merger *m = (struct merger *)(uintptr_t)const_m;

	for (uint32_t i = 0; i < merger_endpoints(m); i++) {
		struct merged_endpoint *e = merger_endpoint_at(m, i);
		const struct zombie_area *area = merger_endpoint_area(m, e, &zombie);

		if (area->last_ns == 0)
			continue;
		judge_put(out, e->id, 8);
		judge_put(out, area->last_ns, 8);
		judge_put(out, area->told, 1);
	}
	return ferror(out) ? -1 : 0;
}

static int zombie_load(void *, struct merger *m, FILE *in, size_t len, uint32_t)
{
	struct judge_reader r = {in, len, false};

	while (r.left && !r.bad) {
		struct merged_endpoint *e = merger_endpoint(m, judge_get(&r, 8));
		struct zombie_area *area = e ? merger_endpoint_area(m, e, &zombie) : NULL;
		uint64_t last_ns = judge_get(&r, 8);
		uint8_t told = (uint8_t)judge_get(&r, 1);

		if (!area || r.bad)
			continue; // more than there is room for now
		area->last_ns = last_ns;
		area->told = told;
	}
	return r.bad ? -1 : 0;
}
