// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-08: a credential is where it must not be: in a response, in the Referer that is sent to
// another site, or on its way out of the network without encryption. Worker: one finding per
// endpoint, place, field and type. Nothing is learnt; the merger takes each as an issue.
//
// It owns what other detectors then leave alone (detect/secret.h): of secrets in responses D-11
// has only the tokens that APIs issue, and D-14 has the secrets in URLs unless a Referer takes them
// to another site. Where a policy decides about the type, D-12 and D-13 have it.
//
// Keys that are made to be public and keys of test modes are told with low severity.

#include <stdio.h>

#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/hits.h"
#include "detect/policy.h"
#include "detect/secret.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/worker.h"

enum {
	ARG_WHERE = 0, // of struct finding: enum where
};

enum where {
	WHERE_NOWHERE = 0,
	WHERE_RESPONSE,
	WHERE_REFERER,
	WHERE_OUTSIDE, // unencrypted to a public address
};

struct credential_options {
	bool enabled;
};

static const struct conf_row credential_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct credential_options, enabled),
	 .def = "true",
	 .help = "Whether this detector runs"},
};
static const struct conf_section credential_section = {
	.path = "detect.credential",
	.help = "D-08: keys and passwords in responses, sent to other sites, or sent unencrypted",
	.size = sizeof(struct credential_options),
	.rows = credential_rows,
	.n_rows = sizeof(credential_rows) / sizeof(credential_rows[0]),
};
CONF_SECTION(credential_section);

// ---- worker

// Addresses of a network of one's own: RFC 1918, 3927, 4193, 4291, 6598.
static bool is_inside(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *a = addr + 12;

	if (memcmp(addr, mapped, sizeof(mapped)) == 0)
		return a[0] == 10 || a[0] == 127 || a[0] == 0 || (a[0] == 172 && a[1] >> 4 == 1) ||
		       (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254) ||
		       (a[0] == 100 && a[1] >> 6 == 1);
	return (addr[0] & 0xfe) == 0xfc || (addr[0] == 0xfe && addr[1] >> 6 == 2) || addr[0] == 0;
}

static bool goes_outside(const struct conn_meta *conn)
{
	return !conn->tls && is_inside(conn->addr[CLIENT]) && !is_inside(conn->addr[SERVER]);
}

static enum where where_of(const struct exchange *x, const struct exchange_hit *hit)
{
	const struct datatype *type = datatype_get(hit->type);

	if (type->group != GROUP_SECRET || type->reports == REPORTS_WEAK)
		return WHERE_NOWHERE;
	if (hit->dir == SERVER)
		return secret_never_answered(type) ? WHERE_RESPONSE : WHERE_NOWHERE;
	switch (hit->place) {
	case PLACE_REFERER:
		return secret_leaves_site(x) ? WHERE_REFERER : WHERE_NOWHERE;
	case PLACE_BODY:
	case PLACE_FORM:
		return goes_outside(x->tx->conn) ? WHERE_OUTSIDE : WHERE_NOWHERE;
	default: // URLs are D-14's
		return WHERE_NOWHERE;
	}
}

static void credential_hit(const struct detector *self, struct detect_worker *w,
			   const struct exchange *x, uint32_t i, enum where where)
{
	const struct exchange_hit *hit = &x->hits[i];
	const struct datatype *type = datatype_get(hit->type);
	uint64_t key = siphash_number(w->shared->seed, x->endpoint, hit->field);
	uint8_t severity = type->severity;
	struct finding *f;

	key = siphash_number(w->shared->seed, key, (uint64_t)hit->type << 8 | where);
	f = finding_add(w, self, key, x, UINT32_C(1) << i);
	if (!f)
		return;
	if (where != WHERE_RESPONSE && severity < SEVERITY_HIGH)
		severity = SEVERITY_HIGH; // it is out of the hands of its owner
	if (secret_is_harmless(type, span_make(hit->sample, hit->sample_len)))
		severity = SEVERITY_LOW;
	f->severity = severity > f->severity ? severity : f->severity;
	if (where == WHERE_RESPONSE)
		f->result = http_tx_ok(x->tx) ? RESULT_SUCCEEDED : RESULT_UNKNOWN;
	else
		f->result = RESULT_SUCCEEDED; // sent is sent
	f->n_terms = 0;
	f->confidence = (uint8_t)hits_confidence(hit, f->terms, &f->n_terms);
	f->arg[ARG_WHERE] = where;
}

// Credentials in headers, which are where they belong, but in clear on the Internet.
static void credential_header(const struct detector *self, struct detect_worker *w,
			      const struct exchange *x)
{
	struct finding *f;

	if (!http_header(x->tx, CLIENT, HEADER_AUTHORIZATION).len &&
	    !http_header(x->tx, CLIENT, HEADER_API_KEY).len)
		return;
	f = finding_add(w, self, siphash_number(w->shared->seed, x->endpoint, 'O'), x, 0);
	if (!f)
		return;
	f->severity = SEVERITY_HIGH;
	f->result = RESULT_SUCCEEDED;
	f->terms[0] = (struct issue_term){"a header that holds credentials, not encrypted", 80};
	f->n_terms = 1;
	f->confidence = 80;
	f->arg[ARG_WHERE] = WHERE_OUTSIDE;
}

static void credential_exchange(const struct detector *self, const void *, struct detect_worker *w,
				const struct exchange *x)
{
	for (uint32_t i = 0; i < x->n_hits; i++) {
		enum where where = where_of(x, &x->hits[i]);

		if (where != WHERE_NOWHERE &&
		    !policies_match(worker_policies(w), x->hits[i].type, x->hits[i].dir, x))
			credential_hit(self, w, x, i, where);
	}
	if (x->credentials && goes_outside(x->tx->conn))
		credential_header(self, w, x);
}

// ---- merger

static void credential_describe(const struct detector *, const void *,
				const struct merged_endpoint *endpoint,
				const struct merged_principal *, struct issue_draft *draft)
{
	const struct finding *f = draft->finding;
	const char *what = "credentials in a header", *in = "";
	char where[384], field[EXCHANGE_NAME + 1] = "", count[32];

	if (!f)
		return;
	endpoint_text(endpoint, where, sizeof(where));
	if (f->n_types) {
		what = datatype_get(f->types[0].type)->title;
		in = ", in the field ";
		text_clean(field, sizeof(field), f->types[0].name.p, f->types[0].name.len);
	}
	switch (f->arg[ARG_WHERE]) {
	case WHERE_RESPONSE:
		draft_text(
			draft->description, sizeof(draft->description),
			"%s sent a secret to its caller: %s%s%s, with status %u (%s response%s so "
			"far).",
			where, what, in, field, f->status, text_count(count, f->count),
			text_plural(f->count));
		draft_text(draft->impact, sizeof(draft->impact),
			   "Whoever can call the endpoint holds the secret and may act with the "
			   "rights of its owner until it is revoked. Caches, logs and browser "
			   "tools on "
			   "the way have kept copies.");
		draft_text(draft->remediation, sizeof(draft->remediation),
			   "Revoke and replace the secret first. Then remove the field from the "
			   "response, and let responses be built from a list of permitted fields.");
		break;
	case WHERE_REFERER:
		draft_text(draft->description, sizeof(draft->description),
			   "%s request%s to %s carried a secret of the site before in the Referer: "
			   "%s%s%s.",
			   text_count(count, f->count), text_plural(f->count), where, what, in,
			   field);
		draft_text(draft->impact, sizeof(draft->impact),
			   "The page that the caller came from has the secret in its URL, and the "
			   "browser hands that URL to every site the page links to or loads from. "
			   "Those sites can use the secret.");
		draft_text(draft->remediation, sizeof(draft->remediation),
			   "Replace the secret, take it out of URLs, and answer pages with "
			   "\"Referrer-Policy: strict-origin-when-cross-origin\" or stricter.");
		break;
	default:
		draft_text(draft->description, sizeof(draft->description),
			   "%s request%s left the network for %s without encryption and carried "
			   "%s%s%s.",
			   text_count(count, f->count), text_plural(f->count), where, what, in,
			   field);
		draft_text(
			draft->impact, sizeof(draft->impact),
			"Whoever is on the way between here and there can read the credentials and "
			"use them.");
		draft_text(draft->remediation, sizeof(draft->remediation),
			   "Call the service by HTTPS only, and replace credentials that were sent "
			   "without.");
	}
}

static const struct detector credential = {
	.id = "D-08",
	.name = "credential",
	.title = "Credential Leak",
	.module = "Runtime",
	.about_api = true,
	.version = 1,
	.owasp = {"API2:2023", "API8:2023"},
	.section = &credential_section,
	.exchange = credential_exchange,
	.describe = credential_describe,
};
DETECTOR_REGISTER(credential);
