// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See auth_share.h. Only what was seen whole counts: of half an exchange it is not known whether
// its request had credentials.
//
//	always bare      what changes something: low. What is only read is most often meant for
//	                 all: one issue for all such endpoints of a host, for information, when
//	                 asked for; both only beside endpoints that ask
//	sometimes bare   likewise
//	never bare yet   then a bare success, as large as the others: high. Other sizes are most
//	                 often the page that asks for a password
//
// An endpoint that asks is not made one that does not by those who get around it.

#include "detect/detectors/auth_share.h"

#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/policy.h"
#include "detect/principal.h"
#include "detect/siphash.h"
#include "detect/text.h"

enum { SIZE_BITS_LEAST = 1 }; // half and twice the size are alike, always

static const uint64_t hour_ns = UINT64_C(3600000000000);

bool auth_share_excluded(const struct auth_share_options *o, const struct merged_endpoint *e)
{
	static const char *const customary[] = {
		"/",	       "*/health*",    "*/livez",      "*/readyz",     "*/ping",
		"*/status",    "*/version",    "*/.well-known/*", "*/robots.txt", "*/favicon.ico",
		"*/sitemap.xml", "*/jwks*",    "*/static/*",   "*/assets/*",   "*.js",
		"*.css",       "*.png",	       "*.svg",	       "*.jpg",	       "*.woff2",
		"*.html",      "*.ico",	       "*.webp",       "*.map",	       "*/captcha*",
		"*/*login*",   "*/*signup*",   "*/register*",  "*/*password*", "*/token",
		"*/oauth*",    "*/session*",   "*/csrf*",      "*/logout*",    "*/auth/*",
	};
	struct span path = span_make(e->template, strlen(e->template));

	if (strcmp(e->method, "OPTIONS") == 0)
		return true;
	for (uint32_t i = 0; i < sizeof(customary) / sizeof(customary[0]); i++) {
		if (policy_glob(customary[i], path, true))
			return true;
	}
	for (size_t i = 0; i < o->public_paths.n; i++) {
		if (policy_glob(o->public_paths.v[i], path, true))
			return true;
	}
	return false;
}

static struct auth_share_host *host_of(struct auth_share_state *s, const struct merged_endpoint *e)
{
	return lru_touch(&s->hosts,
			 siphash_id(siphash(0, 'h', span_make(e->host, strlen(e->host)))), NULL);
}

static double size_of(const struct call *call)
{
	return log2((double)call->resp_bytes + 1);
}

// Is the answer as large as those to callers with credentials?
static bool is_alike(const struct auth_share_options *o, const struct auth_share *area,
		     const struct call *call)
{
	double n = area->ok - area->bare, mean = n > 0 ? area->size / n : 0;
	double variance = n > 0 ? area->size2 / n - mean * mean : 0;
	double reach = fmax(SIZE_BITS_LEAST, o->alike * sqrt(fmax(0, variance)));

	return n > 0 && mean > 0 && fabs(size_of(call) - mean) <= reach;
}

static bool writes(const struct call *call)
{
	return call->verb >= VERB_POST && call->verb <= VERB_DELETE;
}

// ---- Texts

static void share_texts(struct issue_draft *draft, bool bypass)
{
	draft_text(draft->impact, sizeof(draft->impact), "%s",
		   bypass ? "The check of credentials can be passed by: what the endpoint returns or "
			    "does is open to whoever finds the same way."
			  : "Anybody who can reach the service can call it, by a script as well, and "
			    "nothing ties a call to a name.");
	draft_text(draft->remediation, sizeof(draft->remediation), "%s",
		   bypass ? "Find out what was different about this request (method, path, header, "
			    "network), and require credentials on every way to the endpoint."
			  : "If that is meant, name the paths in detect.auth.public. Else require a "
			    "valid token or session, and verify with a call that has none.");
}

static void bypass_raise(const struct detector *self, struct merger *m,
			 const struct auth_share *area, const struct call *call)
{
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	bool empty = call->resp_bytes == 0;
	struct issue_draft draft = {
		.severity = empty && !writes(call) ? SEVERITY_MEDIUM : SEVERITY_HIGH,
		.result = RESULT_SUCCEEDED,
		.confidence = call->flags & CALL_PERSONAL ? 85 : 70,
		.terms = {{"a success without credentials where all others had some", 70},
			  {"with personal data in the response", 15}},
		.n_terms = call->flags & CALL_PERSONAL ? 2 : 1,
	};
	char where[384], ok[32], bare[32], bytes[32];

	if (call->flags & CALL_PERSONAL)
		draft.severity = SEVERITY_CRITICAL;
	endpoint_text(e, where, sizeof(where));
	draft_text(draft.description, sizeof(draft.description),
		   "%s answered %u with %s bytes to a request without credentials. Of its %s "
		   "successful answers before, %.1f %% went to callers with credentials, and were as "
		   "large; %s such answer%s since went to callers without.",
		   where, call->status, text_count(bytes, call->resp_bytes),
		   text_count(ok, area->ok), 100.0 * (area->ok - area->bare) / area->ok,
		   text_count(bare, area->bare_alike), text_plural(area->bare_alike));
	share_texts(&draft, true);
	merger_raise(m, self, e->id, merger_principal(m, call->principal), e, call->time_ns, &draft);
}

static void open_raise(const struct detector *self, struct merger *m, const struct auth_share *area,
		       const struct auth_share_host *host, const struct call *call)
{
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	double share = 100.0 * area->bare / area->ok;
	bool one = writes(call), all = area->bare == area->ok;
	struct issue_draft draft = {
		.severity = one ? SEVERITY_LOW : SEVERITY_INFO,
		.result = RESULT_SUCCEEDED,
		.confidence = all ? 60 : 50,
		.terms = {{all ? "no caller sends credentials" : "some callers send no credentials",
			   all ? 60 : 50}},
		.n_terms = 1,
	};
	char where[384], ok[32], bare[32];

	endpoint_text(e, where, sizeof(where));
	draft_text(draft.description, sizeof(draft.description),
		   "%s%s: %s of the %s successful answers (%.1f %%) went to callers that sent no "
		   "credentials. %u endpoint%s of %s ask for them, %u do%s not, or not always. No "
		   "personal data was seen in %s.",
		   one ? "" : "The latest of them is ", where, text_count(bare, area->bare),
		   text_count(ok, area->ok), share, host->asking, text_plural(host->asking), e->host,
		   host->open, host->open == 1 ? "es" : "", one ? "its answers" : "these answers");
	share_texts(&draft, false);
	merger_raise(m, self,
		     one ? e->id : siphash_id(siphash('o', 'h', span_make(e->host, strlen(e->host)))),
		     NULL, e, call->time_ns, &draft);
}

// ---- Calls

static void share_count(struct auth_share *area, const struct call *call, bool bare)
{
	double size = size_of(call);

	area->ok++;
	area->bare += bare;
	if (!bare) {
		area->size += size;
		area->size2 += size * size;
	}
}

static void share_judge(const struct detector *self, const struct auth_share_options *o,
			struct merger *m, struct auth_share_state *s, struct auth_share *area,
			const struct call *call)
{
	struct auth_share_host *host = host_of(s, merger_endpoint(m, call->endpoint));
	uint64_t *told_ns;

	if (!host)
		return;
	if (!area->asks && area->ok >= o->min_asking &&
	    100.0 * (area->ok - area->bare) >= o->asking * area->ok) {
		area->asks = true;
		host->asking++;
		host->open -= area->counted && host->open;
	}
	// One that asks has hardly any; the others are open, all of the time or some.
	if (area->asks || area->ok < o->min_ok || 100.0 * area->bare < area->ok)
		return;
	if (!area->counted) {
		area->counted = true;
		host->open++;
	}
	if (host->asking == 0 || (!writes(call) && !o->open_reads))
		return;
	told_ns = writes(call) ? &area->told_ns : &host->told_ns;
	if (*told_ns && call->time_ns < *told_ns + 24 * hour_ns)
		return;
	*told_ns = call->time_ns;
	open_raise(self, m, area, host, call);
}

void auth_share_call(const struct detector *self, const struct auth_share_options *o,
		     struct merger *m, struct auth_share_state *s, struct auth_share *area,
		     const struct call *call, bool known)
{
	bool bare = !(call->flags & CALL_CREDENTIALS);

	if (call->status / 100 != 2 ||
	    (call->flags & (CALL_HALF | CALL_GUESSED | CALL_MESSAGE | CALL_LOGIN)))
		return;
	if (!area->looked) {
		area->looked = true;
		area->excluded = auth_share_excluded(o, merger_endpoint(m, call->endpoint));
	}
	if (area->excluded || area->ok == UINT32_MAX)
		return;
	if (bare && area->asks) {
		// The share of those before is what it is judged by.
		if (!is_alike(o, area, call) || known)
			return;
		area->bare_alike++;
		if (area->bare_alike == 1 || call->time_ns >= area->told_ns + hour_ns / 60) {
			area->told_ns = call->time_ns;
			bypass_raise(self, m, area, call);
		}
		return;
	}
	share_count(area, call, bare);
	if (!known && !(call->flags & CALL_PERSONAL))
		share_judge(self, o, m, s, area, call);
}

void auth_share_forget(struct auth_share_state *s, const struct auth_share *area,
		       const struct merged_endpoint *e)
{
	struct auth_share_host *host = host_of(s, e);

	if (!host)
		return;
	host->asking -= area->asks && host->asking;
	host->open -= area->counted && !area->asks && host->open;
}
