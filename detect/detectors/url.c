// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-14: sensitive data in a URL: the query, the path, or the query of the Referer. URLs are kept
// in logs, histories and analytics, and are handed to the next site. Worker: one finding per
// endpoint, parameter and type. The merger takes each as an issue.
//
// A Referer that takes a secret to another site is D-08's. Short numbers are the request's own ids, and what people search by (a place, a postcode, a
// name) is what URLs are for: neither counts.

#include <stdio.h>

#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/hits.h"
#include "detect/secret.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/worker.h"

enum { SHORT_VALUE = 6 }; // bytes; shorter ones are ids

struct url_options {
	bool enabled;
};

static const struct conf_row url_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct url_options, enabled),
	 .def = "true",
	 .help = "Whether this detector runs"},
};
static const struct conf_section url_section = {
	.path = "detect.url",
	.help = "D-14: secrets and personal data in queries, paths and referrers",
	.size = sizeof(struct url_options),
	.rows = url_rows,
	.n_rows = sizeof(url_rows) / sizeof(url_rows[0]),
};
CONF_SECTION(url_section);

static bool is_searched_by(const char *id)
{
	static const char *const words[] = {"coordinates", "zip.",        "postcode.", "plz.",
					    "gender",      "person.name", "address.",   "icd"};

	for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strncmp(id, words[i], strlen(words[i])))
			return true;
	}
	return false;
}

// False: this hit is no reason for a finding.
static bool severity_of(const struct exchange *x, const struct exchange_hit *hit,
			enum severity *severity)
{
	const struct datatype *type = datatype_get(hit->type);

	if (hit->dir != CLIENT || hit->place == PLACE_BODY || hit->place == PLACE_FORM ||
	    hit->sample_len < SHORT_VALUE || hit->tests == hit->count ||
	    is_searched_by(type->id))
		return false;
	switch (type->group) {
	case GROUP_SECRET: // whoever reads the log can use it
		*severity = secret_is_harmless(type, span_make(hit->sample, hit->sample_len))
				    ? SEVERITY_LOW
				    : SEVERITY_HIGH;
		return hit->place != PLACE_REFERER || !secret_leaves_site(x);
	case GROUP_PERSONAL:
	case GROUP_FINANCIAL:
	case GROUP_GOVERNMENT_ID:
	case GROUP_HEALTH:
	case GROUP_CONTACT:
		*severity = SEVERITY_MEDIUM;
		return true;
	case GROUP_NETWORK:
		break;
	}
	return false;
}

static void url_exchange(const struct detector *self, const void *, struct detect_worker *w,
			 const struct exchange *x)
{
	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];
		enum severity severity;
		struct finding *f;
		uint64_t key;

		if (!severity_of(x, hit, &severity))
			continue;
		key = siphash_number(w->shared->seed, x->endpoint, hit->field);
		key = siphash_number(w->shared->seed, key, (uint64_t)hit->type << 8 | hit->place);
		f = finding_add(w, self, key, x, UINT32_C(1) << i);
		if (!f)
			continue;
		f->severity = (uint8_t)severity;
		f->result = (uint8_t)hits_result(x->tx->status);
		f->n_terms = 0;
		f->confidence = (uint8_t)hits_confidence(hit, f->terms, &f->n_terms);
		f->arg[0] = hit->place;
	}
}

static void url_describe(const struct detector *, const void *,
			 const struct merged_endpoint *endpoint, const struct merged_principal *,
			 struct issue_draft *draft)
{
	static const char *const places[] = {
		[PLACE_QUERY] = "the query of the URL",
		[PLACE_PATH] = "the path of the URL",
		[PLACE_REFERER] = "the URL of the page before, which the browser sent along",
	};
	const struct finding *f = draft->finding;
	char where[384], field[EXCHANGE_NAME + 1], count[32];
	const struct datatype *type;
	bool secret;

	if (!f || f->n_types == 0 || f->arg[0] > PLACE_REFERER || !places[f->arg[0]])
		return;
	type = datatype_get(f->types[0].type);
	secret = type->group == GROUP_SECRET;
	endpoint_text(endpoint, where, sizeof(where));
	text_clean(field, sizeof(field), f->types[0].name.p, f->types[0].name.len);
	draft_text(
		draft->description, sizeof(draft->description),
		"%s request%s to %s carried %s in %s (%s); an example was answered with status %u.",
		text_count(count, f->count), text_plural(f->count), where, type->title,
		places[f->arg[0]], field, f->status);
	draft_text(draft->impact, sizeof(draft->impact),
		 "URLs are written to the logs of servers, proxies and gateways, stay in browser "
		 "histories and are passed on to other sites. %s",
		 secret ? "Whoever reads one of those places can use the secret."
			: "Whoever reads one of those places learns data about a person.");
	draft_text(
		draft->remediation, sizeof(draft->remediation), "%s",
		secret ? "Send the secret in the Authorization header, refuse it in URLs, and "
			 "replace those that were sent this way."
		       : "Send the value in the body of a POST request, or use an opaque id in its "
			 "place, and clean the logs.");
}

static const struct detector url = {
	.id = "D-14",
	.name = "url",
	.title = "Sensitive Data in URL",
	.module = "Posture",
	.version = 1,
	.owasp = {"API8:2023"},
	.section = &url_section,
	.exchange = url_exchange,
	.describe = url_describe,
};
DETECTOR_REGISTER(url);
