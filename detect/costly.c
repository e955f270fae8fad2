// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See costly.h.

#include "detect/costly.h"

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/graphql.h"
#include "detect/judge.h"
#include "detect/principal.h"
#include "detect/text.h"
#include "detect/worker.h"

#define BIT(name) (UINT64_C(1) << ANOMALY_##name)

static const struct {
	uint64_t bit;
	const char *what; // "sent …"
	const char *term;
} kinds[] = {
	{BIT(DECOMPRESSION_BOMB), "a body that grows more than a hundredfold when it is unpacked",
	 "a decompression bomb"},
	{BIT(JSON_DEPTH), "JSON that is nested deeper than any program needs", "nested too deep"},
	{BIT(XML_DEPTH), "XML that is nested deeper than any program needs", "nested too deep"},
	{BIT(H2_RAPID_RESET),
	 "HTTP/2 streams that it reset at once, again and again (CVE-2023-44487)",
	 "streams opened and reset"},
	{BIT(H2_CONTINUATION_FLOOD), "an HTTP/2 header block in endless CONTINUATION frames",
	 "a header block without end"},
	{BIT(H2_STREAM_FLOOD), "more HTTP/2 streams at once than the server allows",
	 "too many streams"},
	{BIT(H2_CONTROL_FLOOD), "HTTP/2 control frames (SETTINGS, PING, PRIORITY) without need",
	 "a flood of control frames"},
	{BIT(HPACK_BOMB), "compressed headers that unpack to far more than they are",
	 "a header bomb"},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

// Kinds behind those: what a query costs. arg[1]: the number, arg[2]: the limit.
enum { QUERY_DEPTH = KINDS, QUERY_ALIASES, QUERY_BATCH, KINDS_ALL };

static const struct {
	const char *what, *term;
} queries[] = {
	{"a GraphQL query whose selections are nested %s deep (%u are allowed)",
	 "a query nested too deep"},
	{"a GraphQL query with %s aliases, by which fields are computed again and again (%u are "
	 "allowed)",
	 "a query of many aliases"},
	{"%s GraphQL operations in one request (%u are allowed)", "a batch of many queries"},
};

static struct finding *kind_add(const struct detector *self, struct detect_worker *w,
				const struct exchange *x, uint32_t kind, const char *term)
{
	struct finding *f = finding_add(w, self, judge_pair(x->principal, kind + 1), x, 0);

	if (!f)
		return NULL;
	// Work was done for it where it was not refused.
	f->result = x->tx->status / 100 == 2 || x->tx->status / 100 == 5 ? RESULT_SUCCEEDED
									 : RESULT_ATTEMPTED;
	f->severity = f->result == RESULT_SUCCEEDED ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	f->arg[0] = kind;
	f->terms[0] = (struct issue_term){term, 80};
	f->n_terms = 1;
	f->confidence = 80;
	return f;
}

static void query_look(const struct detector *self, const struct costly_limits *limits,
		       struct detect_worker *w, const struct exchange *x)
{
	const struct http_msg *msg = &x->tx->msg[CLIENT];
	struct span type = span_trim(span_until(msg->header[HEADER_CONTENT_TYPE], ';'));
	struct graphql_cost cost = graphql_cost(span_make(msg->body, msg->body_kept),
						!span_ieq(type, SPAN_LIT("application/graphql")));
	const uint32_t is[] = {cost.depth, cost.aliases, cost.operations};
	const uint32_t most[] = {limits->depth, limits->aliases, limits->batch};

	for (uint32_t i = 0; i < 3; i++) {
		struct finding *f;

		if (is[i] <= most[i])
			continue;
		f = kind_add(self, w, x, QUERY_DEPTH + i, queries[i].term);
		if (!f)
			continue;
		if (is[i] < 3 * most[i]) // a large query, and maybe no more than that
			f->severity =
				f->result == RESULT_SUCCEEDED ? SEVERITY_MEDIUM : SEVERITY_LOW;
		f->arg[1] = is[i];
		f->arg[2] = most[i];
	}
}

void costly_exchange(const struct detector *self, const struct costly_limits *limits,
		     struct detect_worker *w, const struct exchange *x)
{
	const uint64_t connection = BIT(H2_RAPID_RESET) | BIT(H2_CONTINUATION_FLOOD) |
				    BIT(H2_STREAM_FLOOD) | BIT(H2_CONTROL_FLOOD) | BIT(HPACK_BOMB);
	const uint64_t body = BIT(DECOMPRESSION_BOMB) | BIT(JSON_DEPTH) | BIT(XML_DEPTH);
	uint64_t seen = (x->tx->msg[CLIENT].anomalies & (body | connection)) |
			(x->tx->msg[SERVER].anomalies & connection);

	if (x->api == API_GRAPHQL)
		query_look(self, limits, w, x);
	if (!seen)
		return;
	for (uint32_t i = 0; i < KINDS; i++) {
		if (seen & kinds[i].bit)
			kind_add(self, w, x, i, kinds[i].term);
	}
}

void costly_describe(const struct merged_endpoint *endpoint,
		     const struct merged_principal *principal, struct issue_draft *draft)
{
	const struct finding *f = draft->finding;
	char where[384], user[EXCHANGE_USER + 1], count[32], query[160], number[32];
	const char *what = query;
	bool is_query;

	if (!f || f->arg[0] >= KINDS_ALL)
		return;
	is_query = f->arg[0] >= KINDS;
	if (is_query)
		draft_text(query, sizeof(query), queries[f->arg[0] - KINDS].what,
			   text_count(number, f->arg[1]), (uint32_t)f->arg[2]);
	else
		what = kinds[f->arg[0]].what;
	endpoint_text(endpoint, where, sizeof(where));
	principal_text(principal, user, sizeof(user));
	draft_text(
		draft->description, sizeof(draft->description),
		"%s sent %s to %s, in %s request%s of this report. The first was answered with %u.",
		user, what, where, text_count(count, f->count), text_plural(f->count), f->status);
	draft_text(
		draft->impact, sizeof(draft->impact),
		"A few such requests can take the memory or the time of a server that should serve "
		"everybody. They cost their sender next to nothing.");
	draft_text(
		draft->remediation, sizeof(draft->remediation),
		is_query ? "Have the GraphQL server bound depth, aliases and batches of a request, "
			   "or compute its cost before it runs, or take only queries that are "
			   "registered. Limit cost per caller, not requests."
			 : "Bound what the server and the gateway accept: size after unpacking, "
			   "depth, "
			   "streams and resets of a connection. Keep the HTTP/2 library up to "
			   "date.");
}
