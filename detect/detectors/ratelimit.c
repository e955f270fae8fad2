// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-42: more requests than the operator allows, by user, by place, or by server and endpoint.
//
// Merger. Each row of rate_limits counts the requests of each user (address, network, country, …)
// that it is for, in a window that slides in ten steps: it covers between nine tenths of its time
// and the whole, so nobody is accused too early. The request after the last allowed one is an
// issue; whether the server answered it with 429 says whether anything enforces the limit.
//
// Limits that are learnt are not judged by: D-78 recommends them.

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/lru.h"
#include "detect/policy.h"
#include "detect/principal.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/window.h"

#include <stdio.h>

enum {
	RULES_MAX = 32, // a bit each
	BUCKETS = 10, // of a window
	KEY_TEXT = 160,
	TOO_MANY = 429, // RFC 6585 section 4
};

enum scope {
	SCOPE_USER = 0,
	SCOPE_ADDRESS,
	SCOPE_PREFIX,
	SCOPE_COUNTRY,
	SCOPE_ASN,
	SCOPE_HOST,
	SCOPE_ENDPOINT,
};
static const char *const scopes[] = {"user", "address",  "network", "country", "asn", "host",
				     "endpoint", NULL};

struct ratelimit_rule {
	uint32_t scope; // enum scope
	const char *key, *endpoint;
	uint32_t limit, window_s;
};

struct ratelimit_options {
	bool enabled;
	uint32_t max_counters;
};

struct ratelimit_counter {
	struct window_count window;
	uint32_t bucket[BUCKETS];
	uint32_t over, refused; // since the limit was passed; of them, answered with 429
	uint64_t over_ns, told_ns;
};

struct ratelimit {
	bool ready;
	uint32_t n;
	const struct ratelimit_rule *rule[RULES_MAX]; // of the configuration
	struct window_shape shape[RULES_MAX];
	struct lru counters;
};

struct ratelimit_endpoint {
	bool ready;
	uint32_t rules; // that are for it
};

#define RULE_ROW(field, kind, ...)                                                                 \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct ratelimit_rule, field),     \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row rule_rows[] = {
	RULE_ROW(scope, CONF_ENUM, .choices = scopes, .def = "\"user\"",
		 .help = "Who or what has the limit, each one of its own; a user is known by more than "
			 "an address"),
	RULE_ROW(key, CONF_STR, .min = 1, .max = 255, .def = "\"*\"",
		 .help = "For which of them: user, address, network, country (\"DE\"), number of an "
			 "autonomous system, host, or \"GET host/path\"; * and ? are wildcards"),
	RULE_ROW(endpoint, CONF_STR, .min = 1, .max = 255, .def = "\"*\"",
		 .help = "Requests that count: \"POST host/path\", with {id} and the like where the "
			 "path has values; * and ? are wildcards"),
	RULE_ROW(limit, CONF_U32, .min = 1, .max = 1e9, .def = "100",
		 .unit = "requests", .help = "How many are allowed"),
	RULE_ROW(window_s, CONF_U32, .min = 1, .max = 86400, .def = "60", .unit = "s",
		 .help = "Within this time"),
};
static bool rule_check(const struct conf *, const void *, char *, size_t);
static const struct conf_section rule_section = {
	.path = "rate_limits",
	.help = "D-42: how many requests a user, a place or an endpoint may make",
	.size = sizeof(struct ratelimit_rule),
	.list = true,
	.rows = rule_rows,
	.n_rows = sizeof(rule_rows) / sizeof(rule_rows[0]),
	.check = rule_check,
};
CONF_SECTION(rule_section);

#define RATELIMIT_ROW(field, kind, ...)                                                            \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct ratelimit_options, field),  \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row ratelimit_rows[] = {
	RATELIMIT_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	RATELIMIT_ROW(max_counters, CONF_U32, .min = 64, .max = 1 << 24, .def = "131072",
		      .unit = "counters",
		      .help = "Users and places counted at once; the one idle longest is forgotten"),
};
static const struct conf_section ratelimit_section = {
	.path = "detect.ratelimit",
	.help = "D-42: more requests than rate_limits allow",
	.size = sizeof(struct ratelimit_options),
	.rows = ratelimit_rows,
	.n_rows = sizeof(ratelimit_rows) / sizeof(ratelimit_rows[0]),
};
CONF_SECTION(ratelimit_section);

static const struct detector ratelimit;

static bool rule_check(const struct conf *conf, const void *item, char *why, size_t why_len)
{
	if (item != conf_item(conf, &rule_section, RULES_MAX))
		return true;
	snprintf(why, why_len, "rate_limits: more than %d rows", RULES_MAX);
	return false;
}

// ---- What a rule counts

static bool matches(const char *glob, const char *text)
{
	return strcmp(glob, "*") == 0 || policy_glob(glob, span_make(text, strlen(text)), true);
}

static void endpoint_key(const struct merged_endpoint *e, char out[KEY_TEXT * 4])
{
	draft_text(out, KEY_TEXT * 4, "%s %s%s", e->method, e->host, e->template);
}

// The identity of what the rule counts this call for, and its name. 0: none, or not the rule's.
static uint64_t counted(const struct ratelimit_rule *rule, struct merger *m,
			const struct call *call, const struct merged_endpoint *e,
			char text[KEY_TEXT * 4])
{
	struct location where = {0};
	const struct merged_principal *p;
	char addr[64];
	uint64_t id = 0;

	if (rule->scope >= SCOPE_ADDRESS && rule->scope <= SCOPE_ASN)
		merger_location(m, call->client, &where);
	switch ((enum scope)rule->scope) {
	case SCOPE_USER:
		p = merger_principal(m, call->principal);
		draft_text(text, KEY_TEXT, "%s", p ? p->user : "");
		// Many may be behind an address: that is what the next two are for.
		id = p && p->kind != PRINCIPAL_ADDRESS ? call->principal : 0;
		break;
	case SCOPE_ADDRESS:
		draft_text(text, KEY_TEXT, "%s", source_text(call->client, 0, addr));
		id = where.address;
		break;
	case SCOPE_PREFIX:
		draft_text(text, KEY_TEXT, "%s", source_text(call->client, where.bits, addr));
		id = where.prefix;
		break;
	case SCOPE_COUNTRY:
		draft_text(text, KEY_TEXT, "%s", where.country);
		id = where.country[0] ? (uint64_t)where.country[0] << 8 | (uint8_t)where.country[1]
				      : 0;
		break;
	case SCOPE_ASN:
		draft_text(text, KEY_TEXT, "%u", where.asn);
		id = where.asn;
		break;
	case SCOPE_HOST:
		draft_text(text, KEY_TEXT * 2, "%s", e->host);
		id = siphash_id(siphash(0, 'h', span_make(e->host, strlen(e->host))));
		break;
	case SCOPE_ENDPOINT:
		endpoint_key(e, text);
		id = e->id;
		break;
	}
	return id && matches(rule->key, text) ? id : 0;
}

// Which rules are for this endpoint, seen for the first time.
static void endpoint_rules(const struct ratelimit *s, struct ratelimit_endpoint *area,
			   const struct merged_endpoint *e)
{
	char text[KEY_TEXT * 4];

	area->ready = true;
	endpoint_key(e, text);
	for (uint32_t i = 0; i < s->n; i++) {
		if (matches(s->rule[i]->endpoint, text))
			area->rules |= UINT32_C(1) << i;
	}
}

// ---- Judging

static void ratelimit_raise(const struct ratelimit_rule *rule, struct merger *m,
			    const struct call *call, uint64_t key, const char *name,
			    const struct ratelimit_counter *c, uint64_t number)
{
	static const char *const what[] = {"user", "address", "network", "country",
					   "autonomous system", "host", "endpoint"};
	bool enforced = c->refused == c->over;
	struct issue_draft draft = {
		.severity = enforced ? SEVERITY_LOW : SEVERITY_MEDIUM,
		.result = enforced ? RESULT_ATTEMPTED : RESULT_SUCCEEDED,
		.confidence = 90,
		.terms = {{"more requests than the configuration allows", 90}},
		.n_terms = 1,
		.metric = {.present = true, .name = "requests", .unit = "requests",
			   .window = "rate_limits", .value = (double)number,
			   .baseline_mean = rule->limit, .percentile = (double)NAN},
	};
	struct merged_principal *p = merger_principal(m, call->principal);
	char shown[EXCHANGE_USER + 1], count[32], over[32], refused[32];

	if (rule->scope == SCOPE_USER)
		name = principal_text(p, shown, sizeof(shown));
	draft_text(draft.description, sizeof(draft.description),
		   "%s %s: %s requests within %u s, and %u are allowed (rate_limits: scope %s, key "
		   "%s, endpoint %s). Of the %s request%s beyond, the server refused %s with 429%s.",
		   what[rule->scope], name, text_count(count, number), rule->window_s, rule->limit,
		   scopes[rule->scope], rule->key, rule->endpoint, text_count(over, c->over),
		   text_plural(c->over), text_count(refused, c->refused),
		   enforced       ? ": the limit is enforced"
		   : c->refused ? ": the limit is not enforced in full"
				: ": nothing enforces the limit");
	draft_text(draft.impact, sizeof(draft.impact), "%s",
		   enforced ? "The limit held. Whoever runs into it is broken, or tries what the "
			      "limit is there to prevent."
			    : "Whatever the limit is there to prevent (copying, guessing, exhausting "
			      "the service) goes on at full speed.");
	draft_text(draft.remediation, sizeof(draft.remediation), "%s",
		   enforced ? "Look at what this caller does; block it when it does not slow down."
			    : "Enforce the limit in the gateway or the service, and answer 429 with "
			      "Retry-After beyond it.");
	merger_raise(m, &ratelimit, key, rule->scope < SCOPE_COUNTRY ? p : NULL,
		     merger_endpoint(m, call->endpoint), call->time_ns, &draft);
}

static void rule_count(struct ratelimit *s, uint32_t i, struct merger *m, const struct call *call,
		       const struct merged_endpoint *e)
{
	const struct ratelimit_rule *rule = s->rule[i];
	const struct window_shape *shape = &s->shape[i];
	char name[KEY_TEXT * 4];
	uint64_t id = counted(rule, m, call, e, name), key, number;
	struct ratelimit_counter *c;

	if (id == 0)
		return;
	key = siphash_id(siphash_number(id, 'L', i));
	c = lru_touch(&s->counters, key, NULL);
	if (!c || !window_add(shape, &c->window, c->bucket, call->time_ns, 1))
		return;
	number = window_total(shape, &c->window, c->bucket, call->time_ns);
	if (number <= rule->limit) {
		// Who comes back below it begins anew.
		if (call->time_ns >= c->over_ns + rule->window_s * UINT64_C(1000000000))
			c->over = c->refused = 0;
		return;
	}
	c->over_ns = call->time_ns;
	c->over += c->over < UINT32_MAX;
	c->refused += call->status == TOO_MANY && c->refused < UINT32_MAX;
	// The first, when the answer is another than 429 for the first time, then each second.
	if (c->over > 1 && !(c->over - c->refused == 1 && call->status != TOO_MANY) &&
	    call->time_ns < c->told_ns + UINT64_C(1000000000))
		return;
	c->told_ns = call->time_ns;
	ratelimit_raise(rule, m, call, key, name, c, number);
}

static void rules_read(struct ratelimit *s, struct merger *m)
{
	const struct conf *conf = merger_conf(m);

	s->ready = true;
	while (s->n < RULES_MAX && s->n < conf_count(conf, &rule_section)) {
		const struct ratelimit_rule *rule = conf_item(conf, &rule_section, s->n);

		s->shape[s->n].bucket_ns = rule->window_s * UINT64_C(1000000000) / BUCKETS;
		s->shape[s->n].n = BUCKETS;
		s->rule[s->n++] = rule;
	}
}

static void ratelimit_call(const struct detector *self, const void *, struct merger *m, void *state,
			   const struct call *call)
{
	struct ratelimit *s = state;
	struct ratelimit_endpoint *area;
	struct merged_endpoint *e;

	if (!s->ready)
		rules_read(s, m);
	if (s->n == 0 || (call->flags & CALL_MESSAGE))
		return;
	e = merger_endpoint(m, call->endpoint);
	area = e ? merger_endpoint_area(m, e, self) : NULL;
	if (!area)
		return;
	if (!area->ready)
		endpoint_rules(s, area, e);
	for (uint32_t i = 0; i < s->n; i++) {
		if (area->rules >> i & 1)
			rule_count(s, i, m, call, e);
	}
}

static int ratelimit_init(void *state, const void *opaque)
{
	const struct ratelimit_options *options = opaque;
	struct ratelimit *s = state;

	return lru_init(&s->counters, sizeof(struct ratelimit_counter), options->max_counters);
}

static void ratelimit_fini(void *state)
{
	lru_fini(&((struct ratelimit *)state)->counters);
}

static const struct detector ratelimit = {
	.id = "D-42",
	.name = "ratelimit",
	.title = "Rate Limit Exceeded",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API4:2023"},
	.section = &ratelimit_section,
	.state_size = sizeof(struct ratelimit),
	.endpoint_size = sizeof(struct ratelimit_endpoint),
	.init = ratelimit_init,
	.fini = ratelimit_fini,
	.call = ratelimit_call,
};
DETECTOR_REGISTER(ratelimit);
