// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-54: environments that mix. Merger only, one issue per host:
//
//	a host of development, test or staging, by the words of its name, among production traffic
//	a host with an internal name that serves clients from outside
//
// A name's last label says nothing (api.test), and neither does a whole label before it that is
// the domain itself (dev.to). Only what answers 2xx counts.

#include <math.h>

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/inventory.h"
#include "detect/lru.h"
#include "detect/record.h"
#include "detect/siphash.h"
#include "detect/text.h"

enum { LABELS = 16 };

struct environment_options {
	bool enabled;
	uint32_t min_calls, production_calls, max_hosts;
	struct conf_strs words, internal_names;
};

enum host_kind {
	HOST_UNKNOWN = 0,
	HOST_PRODUCTION,
	HOST_OTHER, // of development, test, staging
};

struct environment_host {
	uint64_t calls, outside;
	uint8_t kind;  // enum host_kind
	bool internal; // by its name
	uint8_t word;  // of options->words
	uint8_t told;  // bits: 1 mixed, 2 exposed
};

struct environment {
	struct lru hosts;
	uint64_t production; // calls
};

struct environment_area {
	uint64_t host; // identity of its name; 0: not looked at yet
};

#define ENVIRONMENT_ROW(field, kind, ...)                                                          \
	{                                                                                          \
		.key = #field, .type = kind,                                                       \
		.offset = offsetof(struct environment_options, field), __VA_ARGS__                 \
	}
static const struct conf_row environment_rows[] = {
	ENVIRONMENT_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	ENVIRONMENT_ROW(min_calls, CONF_U32, .min = 1, .max = 1e6, .def = "5", .unit = "calls",
			.help = "Successful calls of a host before it is told"),
	ENVIRONMENT_ROW(
		production_calls, CONF_U32, .min = 1, .max = 1e9, .def = "100", .unit = "calls",
		.help = "Successful calls of other hosts before traffic counts as production"),
	ENVIRONMENT_ROW(max_hosts, CONF_U32, .min = 16, .max = 1 << 20, .def = "4096",
			.unit = "hosts",
			.help = "Hosts followed; the one without calls for longest is forgotten"),
	ENVIRONMENT_ROW(
		words, CONF_STRS, .min = 1, .max = 32,
		.def = "[ \"staging\", \"stage\", \"stg\", \"dev\", \"develop\", "
		       "\"development\", \"test\", \"testing\", \"qa\", \"uat\", \"preprod\", "
		       "\"sandbox\", \"integration\" ]",
		.help = "Words in the labels of a host name, whole or between dashes, that say "
			"it is not production"),
	ENVIRONMENT_ROW(internal_names, CONF_STRS, .min = 1, .max = 64,
			.def = "[ \"internal\", \"intern\", \"intra\", \"intranet\", \"corp\", "
			       "\"lan\", \"local\", \"localdomain\", \"private\", \"svc\" ]",
			.help = "Labels that only names inside of the organisation have"),
};
static const struct conf_section environment_section = {
	.path = "detect.environment",
	.help = "D-54: hosts of test and development in production, internal hosts outside",
	.size = sizeof(struct environment_options),
	.rows = environment_rows,
	.n_rows = sizeof(environment_rows) / sizeof(environment_rows[0]),
};
CONF_SECTION(environment_section);

static int environment_init(void *state, const void *options)
{
	return lru_init(&((struct environment *)state)->hosts, sizeof(struct environment_host),
			((const struct environment_options *)options)->max_hosts);
}

static void environment_fini(void *state)
{
	lru_fini(&((struct environment *)state)->hosts);
}

// ---- Names

// The word's number, or -1. A part is what stands between dashes, without digits behind it.
static int part_find(const struct conf_strs *words, struct span part)
{
	while (part.len && part.p[part.len - 1] >= '0' && part.p[part.len - 1] <= '9')
		part.len--;
	for (size_t i = 0; part.len && i < words->n && i < UINT8_MAX; i++) {
		if (span_ieq(part, span_make(words->v[i], strlen(words->v[i]))))
			return (int)i;
	}
	return -1;
}

static int label_find(const struct conf_strs *words, struct span label, bool whole)
{
	struct span rest = label;

	while (rest.len) {
		uint32_t n = 0;
		int found;

		while (n < rest.len && rest.p[n] != '-' && rest.p[n] != '_')
			n++;
		found = whole || n < label.len ? part_find(words, span_make(rest.p, n)) : -1;
		if (found >= 0)
			return found;
		n += n < rest.len;
		rest = span_make(rest.p + n, rest.len - n);
	}
	return -1;
}

static uint32_t labels_of(const char *host, struct span labels[LABELS])
{
	struct span rest = span_make(host, strlen(host));
	uint32_t n = 0;

	while (rest.len && n < LABELS) {
		struct span label = span_until(rest, '.');

		labels[n++] = label;
		label.len += label.len < rest.len;
		rest = span_make(rest.p + label.len, rest.len - label.len);
	}
	return n;
}

static void host_judge(const struct environment_options *options, struct environment_host *h,
		       const char *name)
{
	struct span labels[LABELS];
	uint32_t n = labels_of(name, labels);
	bool address =
		n && labels[n - 1].len && labels[n - 1].p[0] >= '0' && labels[n - 1].p[0] <= '9';

	h->kind = HOST_PRODUCTION;
	if (address || name[0] == '[' || strchr(name, ':'))
		return;
	for (uint32_t i = 0; i < n; i++) {
		// Of shop.example, "shop" is the domain's own name.
		bool domain = n >= 2 && i == n - 2;
		int word =
			n >= 2 && i == n - 1 ? -1 : label_find(&options->words, labels[i], !domain);

		if (word >= 0 && h->kind != HOST_OTHER) {
			h->kind = HOST_OTHER;
			h->word = (uint8_t)word;
		}
		h->internal |= !domain && part_find(&options->internal_names, labels[i]) >= 0;
	}
	h->internal |= n == 1;
}

// ---- Texts

static void mixed_raise(const struct detector *self, const struct environment_options *options,
			struct merger *m, const struct environment *s,
			const struct environment_host *h, struct merged_endpoint *e, uint64_t key,
			const struct call *call)
{
	struct issue_draft draft = {
		.severity = h->outside ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = RESULT_SUCCEEDED,
		.terms = {{"the host's name says that it is not production", 50},
			  {"the other hosts are", 10},
			  {h->outside ? "it serves clients from outside" : NULL, 20}},
		.n_terms = h->outside ? 3 : 2,
		.confidence = h->outside ? 80 : 60,
		.metric = {.present = true,
			   .name = "calls_of_host",
			   .unit = "calls",
			   .window = "since first seen",
			   .value = (double)h->calls,
			   .percentile = NAN},
	};
	char host[256], calls[32], outside[32], production[32];

	text_clean(host, sizeof(host), e->host, strlen(e->host));
	draft_text(draft.description, sizeof(draft.description),
		   "%s, by the word \"%s\" in its name a host of another environment, answered %s "
		   "calls with success among %s of other hosts; %s of them came from outside.",
		   host, options->words.v[h->word], text_count(calls, h->calls),
		   text_count(production, s->production), text_count(outside, h->outside));
	draft_text(
		draft.impact, sizeof(draft.impact),
		"Systems for tests hold copies of real data with weaker protection, accept test "
		"accounts, and tell more in their errors. Next to production they are a way in.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Keep this environment in a network of its own that production and the internet do "
		"not reach. If the host is production in spite of its name, leave the word out of "
		"detect.environment.words.");
	merger_raise(m, self, key, merger_principal(m, call->principal), e, call->time_ns, &draft);
}

static void exposed_raise(const struct detector *self, struct merger *m,
			  const struct environment_host *h, struct merged_endpoint *e, uint64_t key,
			  const struct call *call)
{
	struct issue_draft draft = {
		.severity = SEVERITY_MEDIUM,
		.result = RESULT_SUCCEEDED,
		.terms = {{"the host's name is an internal one", 40},
			  {"clients from outside were served", 40}},
		.n_terms = 2,
		.confidence = 80,
		.metric = {.present = true,
			   .name = "calls_from_outside",
			   .unit = "calls",
			   .window = "since first seen",
			   .value = (double)h->outside,
			   .percentile = NAN},
	};
	char host[256], from[48], outside[32], calls[32];

	text_clean(host, sizeof(host), e->host, strlen(e->host));
	endpoint_address(call->client, from);
	draft_text(draft.description, sizeof(draft.description),
		   "%s has a name that only the inside of a network knows, and answered %s calls "
		   "from outside with success (of %s calls in all), the latest from %s.",
		   host, text_count(outside, h->outside), text_count(calls, h->calls), from);
	draft_text(
		draft.impact, sizeof(draft.impact),
		"What is made for the inside seldom asks who is calling. Reached from the internet "
		"it serves anybody.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Close the way from the internet to this host, or look why a proxy hands requests "
		"with this name on. If the caller's network belongs to the organisation, add it to "
		"inventory.internal.");
	merger_raise(m, self, key, merger_principal(m, call->principal), e, call->time_ns, &draft);
}

// ---- Calls

static void environment_call(const struct detector *self, const void *opaque, struct merger *m,
			     void *state, const struct call *call)
{
	const struct environment_options *options = opaque;
	struct environment *s = state;
	struct environment_area *area;
	struct environment_host *h;
	struct merged_endpoint *e;
	bool outside;

	if (!call_ok(call) || (call->flags & (CALL_MESSAGE | CALL_GUESSED)))
		return;
	e = merger_endpoint(m, call->endpoint);
	area = e ? merger_endpoint_area(m, e, self) : NULL;
	if (!area)
		return;
	if (area->host == 0)
		area->host = siphash_id(siphash(0, 'H', span_make(e->host, strlen(e->host))));
	h = lru_touch(&s->hosts, area->host, NULL);
	if (!h)
		return;
	if (h->kind == HOST_UNKNOWN)
		host_judge(options, h, e->host);
	outside = !inventory_is_inside(merger_networks(m), call->client);
	h->calls++;
	h->outside += outside;
	s->production += h->kind == HOST_PRODUCTION;
	if (h->kind == HOST_OTHER && !(h->told & 1) && h->calls >= options->min_calls &&
	    s->production >= options->production_calls) {
		h->told |= 1;
		mixed_raise(self, options, m, s, h, e, area->host, call);
	}
	if (h->internal && outside && !(h->told & 2) && h->outside >= options->min_calls) {
		h->told |= 2;
		exposed_raise(self, m, h, e, ~area->host, call);
	}
}

static size_t environment_memory(const void *opaque, const struct conf *)
{
	const struct environment_options *options = opaque;

	return lru_bytes(sizeof(struct environment_host), options->max_hosts);
}

// ---- What was learnt. What names of hosts say is asked again: the words are the configuration's.

static const struct record_field host_fields[] = {
	RECORD_ONE(struct environment_host, calls, 0),
	RECORD_ONE(struct environment_host, outside, 0),
	RECORD_ONE(struct environment_host, told, 3),
};
static const struct record host_record = RECORD(struct environment_host, host_fields, NULL);
static const struct detector environment;

static int environment_save(const void *state, const struct merger *, FILE *out)
{
	const struct environment *s = state;

	blob_put(out, s->production, 8);
	return record_put_table(out, &host_record, &s->hosts);
}

static int environment_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != environment.version};
	struct environment *s = state;
	int rc;

	s->production = blob_get(&r, 8);
	rc = record_get_table(&r, &host_record, &s->hosts);
	return rc ? rc : record_end(&r);
}

static const struct detector environment = {
	.id = "D-54",
	.name = "environment",
	.title = "Mixed Environments",
	.module = "Posture",
	.version = 1,
	.owasp = {"API9:2023"},
	.section = &environment_section,
	.state_size = sizeof(struct environment),
	.endpoint_size = sizeof(struct environment_area),
	.init = environment_init,
	.fini = environment_fini,
	.memory = environment_memory,
	.save = environment_save,
	.load = environment_load,
	.call = environment_call,
};
DETECTOR_REGISTER(environment);
