// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-05: personal data is answered to requests without credentials.
//
// Worker: a successful answer with personal data to a request that carried nothing that could
// authenticate, seen whole on both sides. Sign-in is no such request: its credentials are in the
// body. One finding per endpoint and epoch; it collects how different the answers were.
//
// Merger: identity numbers, financial and health data count from the first answer. Contact data
// alone may be meant for everybody, like the address of a support team: it counts after several
// answers whose data differed. Whether other callers do send credentials is told in the text. Where
// there is no such data, shares of answers speak: see auth_share.h.

#include <stdio.h>

#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/detectors/auth_share.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/policy.h"
#include "detect/record.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/worker.h"

enum {
	DIGESTS = 3,       // arg[0..2]: the least digests of the answers' data
	ARG_DISTINCT = 3,  // arg[3]: most different values in one field of one answer
	VALUES_MAX = 8,    // digests remembered per endpoint
	LIST_DISTINCT = 8, // so many in one answer are a list of people
	MANY_ANSWERS = 50,
	AUTH_HOSTS = 1024,
};

struct auth_options {
	bool enabled;
	uint32_t min_responses, min_distinct;
	struct auth_share_options share;
};

struct auth_endpoint {
	uint64_t responses; // without credentials, with personal data
	uint64_t distinct;  // in one answer, at most
	uint64_t value[VALUES_MAX];
	uint32_t n_values;
	bool raised;
	struct auth_share share;
};

#define AUTH_ROW(field, kind, ...) AUTH_NAMED(#field, field, kind, __VA_ARGS__)
#define AUTH_NAMED(name, field, kind, ...)                                                         \
	{                                                                                          \
		.key = name, .type = kind, .offset = offsetof(struct auth_options, field),       \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row auth_rows[] = {
	AUTH_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	AUTH_ROW(min_responses, CONF_U32, .min = 1, .max = 1e6, .def = "5", .unit = "responses",
		 .help = "Answers without credentials before contact data alone is an issue"),
	AUTH_ROW(min_distinct, CONF_U32, .min = 1, .max = VALUES_MAX, .def = "3", .unit = "values",
		 .help = "How many of them must differ in their data"),
	AUTH_NAMED("public", share.public_paths, CONF_STRS, .min = 1, .max = 255, .def = "[ ]",
		 .help = "Paths that are meant for everybody, as issues show them; * and ? are "
			 "wildcards"),
	AUTH_NAMED("min_ok", share.min_ok, CONF_U32, .min = 10, .max = 1e9, .def = "50", .unit = "responses",
		 .help = "Successes of an endpoint before it is said to be open"),
	AUTH_NAMED("min_asking", share.min_asking, CONF_U32, .min = 10, .max = 1e9, .def = "200",
		 .unit = "responses",
		 .help = "Successes of an endpoint before it is said to ask for credentials always"),
	AUTH_NAMED("asking", share.asking, CONF_F64, .min = 50, .max = 100, .def = "99.0", .unit = "%",
		 .help = "The share of them that had credentials"),
	AUTH_NAMED("open_reads", share.open_reads, CONF_BOOL, .def = "false",
		   .help = "Whether endpoints that only read and ask for no credentials, beside others "
			   "that do, are told for information"),
	AUTH_NAMED("alike", share.alike, CONF_F64, .min = 0, .max = 100, .def = "2.0", .unit = "deviations",
		 .help = "How far the size of an answer without credentials may be from that of the "
			 "others (logarithms) to be alike; half and twice the size always are"),
};
static const struct conf_section auth_section = {
	.path = "detect.auth",
	.help = "D-05: personal data answered to requests without credentials",
	.size = sizeof(struct auth_options),
	.rows = auth_rows,
	.n_rows = sizeof(auth_rows) / sizeof(auth_rows[0]),
};
CONF_SECTION(auth_section);

// Nobody's data may be open to all when it is of these groups.
static bool is_strong(enum type_group group)
{
	return group == GROUP_GOVERNMENT_ID || group == GROUP_FINANCIAL || group == GROUP_HEALTH ||
	       group == GROUP_SECRET;
}

// ---- worker

static bool counts(const struct exchange_hit *hit)
{
	const struct datatype *type = datatype_get(hit->type);

	return hit->dir == SERVER && type->personal;
}

// Keeps the least digests, in order: what a union of such sets keeps as well.
static void digest_add(uint64_t digest[DIGESTS], uint64_t one)
{
	for (uint32_t i = 0; i < DIGESTS; i++) {
		uint64_t pushed = digest[i];

		if (digest[i] == one)
			return;
		if (digest[i] != 0 && digest[i] < one)
			continue;
		digest[i] = one;
		one = pushed;
		if (one == 0)
			return;
	}
}

static void auth_exchange(const struct detector *self, const void *, struct detect_worker *w,
			  const struct exchange *x)
{
	uint32_t hits = 0, distinct = 0;
	uint64_t digest = 0;
	bool strong = false;
	struct finding *f;

	if (!http_tx_ok(x->tx) || x->credentials || x->login || x->half)
		return;
	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];

		if (!counts(hit))
			continue;
		hits |= UINT32_C(1) << i;
		strong |= is_strong(datatype_get(hit->type)->group);
		distinct = hit->distinct > distinct ? hit->distinct : distinct;
		digest += siphash_number(hit->field, hit->type, hit->first_value);
	}
	if (!hits)
		return;
	f = finding_add(w, self, x->endpoint, x, hits);
	if (f) {
		uint8_t severity = strong ? SEVERITY_CRITICAL : SEVERITY_HIGH;

		f->severity = severity > f->severity ? severity : f->severity;
		f->result = RESULT_SUCCEEDED;
		f->tentative = f->severity < SEVERITY_CRITICAL;
		f->terms[0] = (struct issue_term){
			"personal data in an answer to a request without credentials", 65};
		f->n_terms = 1;
		f->confidence = 65;
	} else {
		f = finding_find(w, self, x->endpoint);
	}
	if (!f)
		return;
	f->tentative = f->tentative && !strong;
	digest_add(f->arg, siphash_id(digest));
	if (distinct > f->arg[ARG_DISTINCT])
		f->arg[ARG_DISTINCT] = distinct;
}

// ---- merger

static void auth_join(struct finding *into, const struct finding *other)
{
	for (uint32_t i = 0; i < DIGESTS; i++) {
		if (other->arg[i])
			digest_add(into->arg, other->arg[i]);
	}
	if (other->arg[ARG_DISTINCT] > into->arg[ARG_DISTINCT])
		into->arg[ARG_DISTINCT] = other->arg[ARG_DISTINCT];
}

static void value_add(struct auth_endpoint *area, uint64_t value)
{
	for (uint32_t i = 0; i < area->n_values; i++) {
		if (area->value[i] == value)
			return;
	}
	if (value && area->n_values < VALUES_MAX)
		area->value[area->n_values++] = value;
}

static bool has_strong(const struct finding *f)
{
	for (uint32_t i = 0; i < f->n_types; i++) {
		if (is_strong(datatype_get(f->types[i].type)->group))
			return true;
	}
	return false;
}

// The operator says so; nobody's identity number or health is meant for everybody.
static bool auth_is_public(const struct auth_options *options, const struct merged_endpoint *e)
{
	const struct conf_strs *paths = &options->share.public_paths;

	for (size_t i = 0; i < paths->n; i++) {
		if (policy_glob(paths->v[i], span_make(e->template, strlen(e->template)), true))
			return true;
	}
	return false;
}

static bool auth_accept(const struct detector *self, const void *opaque, struct merger *m, void *,
			const struct finding *f)
{
	const struct auth_options *options = opaque;
	struct merged_endpoint *e = merger_endpoint(m, f->endpoint);
	struct auth_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;

	if (!area)
		return has_strong(f);
	if (auth_is_public(options, e) && !has_strong(f))
		return false;
	area->responses += f->count;
	for (uint32_t i = 0; i < DIGESTS; i++)
		value_add(area, f->arg[i]);
	if (f->arg[ARG_DISTINCT] > area->distinct)
		area->distinct = f->arg[ARG_DISTINCT];
	if (has_strong(f) ||
	    (area->responses >= options->min_responses &&
	     (area->n_values >= options->min_distinct || area->distinct >= LIST_DISTINCT)))
		area->raised = true;
	return area->raised;
}

// "Email address, US Social Security number and 2 more".
static void list_types(const struct finding *f, char *out, size_t size)
{
	uint16_t seen[FINDING_TYPES];
	uint32_t n_seen = 0;
	size_t n = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < f->n_types && i < FINDING_TYPES; i++) {
		uint32_t k = 0;

		while (k < n_seen && seen[k] != f->types[i].type)
			k++;
		if (k == n_seen)
			seen[n_seen++] = f->types[i].type;
	}
	for (uint32_t i = 0; i < n_seen && i < 4 && n < size; i++)
		n += (size_t)draft_text(out + n, size - n, "%s%s",
				      i == 0            ? ""
				      : i + 1 == n_seen ? " and "
							: ", ",
				      datatype_get(seen[i])->title);
	if (n_seen > 4 && n < size)
		draft_text(out + n, size - n, " and %u more", n_seen - 4);
}

static void auth_term(struct issue_draft *draft, const char *name, int points)
{
	if (draft->n_terms == ISSUE_MAX_TERMS)
		return;
	draft->terms[draft->n_terms++] = (struct issue_term){name, points};
	draft->confidence += (uint32_t)points;
}

static const struct auth_endpoint *area_of(const struct detector *self,
					   const struct merged_endpoint *endpoint)
{
	for (uint32_t i = 0; endpoint && i < detector_count(); i++) {
		if (detector_get(i) == self)
			return endpoint->area[i];
	}
	return NULL;
}

static void auth_describe(const struct detector *self, const void *,
			  const struct merged_endpoint *endpoint, const struct merged_principal *,
			  struct issue_draft *draft)
{
	const struct auth_endpoint *area = area_of(self, endpoint);
	const struct finding *f = draft->finding;
	uint64_t ok = endpoint ? endpoint->ok : 0,
		 with = endpoint ? endpoint->ok_with_credentials : 0;
	double share = ok ? 100.0 * (double)with / (double)ok : 0;
	char where[384], types[256], number[32], all[32], without[32];
	const char *answers;
	uint64_t n;

	if (!f)
		return;
	// Those that came before there was an issue belong to it as well.
	n = area ? area->responses : f->count;
	answers = text_count(number, n);
	endpoint_text(endpoint, where, sizeof(where));
	list_types(f, types, sizeof(types));
	if (has_strong(f)) {
		draft->severity = SEVERITY_CRITICAL;
		auth_term(draft, "data that is never meant for everybody", 15);
	}
	if (ok >= MANY_ANSWERS)
		auth_term(draft, "fifty successful answers of the endpoint or more were seen", 5);
	if (share < 1) {
		draft_text(draft->description, sizeof(draft->description),
			 "%s gives out personal data (%s) to callers that send no credentials: %s "
			 "such answer%s. %s of its %s successful answers had credentials in the "
			 "request: the endpoint does not ask for any.",
			 where, types, answers, text_plural(n), with ? "Fewer than 1 %" : "None",
			 text_count(all, ok));
		auth_term(draft, "hardly anybody sends credentials to the endpoint", 5);
	} else {
		draft_text(draft->description, sizeof(draft->description),
			 "%s gives out personal data (%s) to callers that send no credentials, "
			 "though "
			 "%.*f %% of its %s successful answers went to callers that did: %s "
			 "answer%s "
			 "went to callers without, %s of them with personal data.%s",
			 where, types, share < 99.95 ? 1 : 2, share, text_count(all, ok),
			 text_count(without, ok - with), text_plural(ok - with), answers,
			 share >= 99 && ok >= MANY_ANSWERS
				 ? " So credentials are the rule here, and the check can be passed "
				   "by."
				 : " So the check of credentials is not made in every case.");
		auth_term(draft, "other callers do send credentials", 10);
	}
	draft_text(draft->impact, sizeof(draft->impact),
		 "Anybody who can reach the service can read this data, and by trying ids or pages "
		 "most likely that of all people in it. Nothing ties a reader to a name.");
	draft_text(draft->remediation, sizeof(draft->remediation),
		 "Require a valid token or session before the endpoint answers, for every method "
		 "and "
		 "path that leads to it, and verify with a call that has none. If callers do "
		 "authenticate by a header of your own, name it in principal.headers.");
}

// ---- merger: shares

static void auth_call(const struct detector *self, const void *opaque, struct merger *m, void *state,
		      const struct call *call)
{
	const struct auth_options *options = opaque;
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct auth_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;

	if (area)
		auth_share_call(self, &options->share, m, state, &area->share, call, area->raised);
}

static int auth_init(void *state, const void *)
{
	struct auth_share_state *s = state;

	return lru_init(&s->hosts, sizeof(struct auth_share_host), AUTH_HOSTS);
}

static void auth_fini(void *state)
{
	lru_fini(&((struct auth_share_state *)state)->hosts);
}

// ---- What was learnt. Whose path is excluded is asked again: that is the configuration's.

static const struct record_field share_fields[] = {
	RECORD_ONE(struct auth_share, ok, 0),         RECORD_ONE(struct auth_share, bare, 0),
	RECORD_ONE(struct auth_share, bare_alike, 0), RECORD_ONE(struct auth_share, told_ns, 0),
	RECORD_REAL(struct auth_share, size),         RECORD_REAL(struct auth_share, size2),
	RECORD_ONE(struct auth_share, asks, 1),       RECORD_ONE(struct auth_share, counted, 1),
};

static bool share_sound(const void *entry)
{
	const struct auth_share *share = entry;

	return share->bare <= share->ok;
}

static const struct record share_record = RECORD(struct auth_share, share_fields, share_sound);
static const struct record_field endpoint_fields[] = {
	RECORD_ONE(struct auth_endpoint, responses, 0),
	RECORD_ONE(struct auth_endpoint, distinct, 0),
	RECORD_IDS(struct auth_endpoint, value),
	RECORD_ONE(struct auth_endpoint, n_values, VALUES_MAX),
	RECORD_ONE(struct auth_endpoint, raised, 1),
	RECORD_STRUCT(struct auth_endpoint, share, share_record),
};
static const struct record endpoint_record = RECORD(struct auth_endpoint, endpoint_fields, NULL);
static const struct record_field host_fields[] = {
	RECORD_ONE(struct auth_share_host, asking, 0),
	RECORD_ONE(struct auth_share_host, open, 0),
	RECORD_ONE(struct auth_share_host, told_ns, 0),
};
static const struct record host_record = RECORD(struct auth_share_host, host_fields, NULL);
static const struct detector auth;

static int auth_save(const void *state, const struct merger *m, FILE *out)
{
	const struct auth_share_state *s = state;
	int rc = record_put_table(out, &host_record, &s->hosts);

	return rc ? rc : record_put_endpoints(out, &endpoint_record, m, &auth);
}

static int auth_load(void *state, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != auth.version};
	int rc = record_get_table(&r, &host_record, &((struct auth_share_state *)state)->hosts);

	rc = rc ? rc : record_get_endpoints(&r, &endpoint_record, m, &auth);
	return rc ? rc : record_end(&r);
}

static void auth_forget(void *state, struct merger *m, uint64_t endpoint)
{
	struct merged_endpoint *e = merger_endpoint(m, endpoint);
	const struct auth_endpoint *area = e ? merger_endpoint_area(m, e, &auth) : NULL;

	if (area)
		auth_share_forget(state, &area->share, e);
}

static const struct detector auth = {
	.id = "D-05",
	.name = "auth",
	.title = "Missing Authentication",
	.module = "Posture",
	.version = 1,
	.owasp = {"API2:2023", "API3:2023"},
	.section = &auth_section,
	.exchange = auth_exchange,
	.join = auth_join,
	.state_size = sizeof(struct auth_share_state),
	.endpoint_size = sizeof(struct auth_endpoint),
	.forget = auth_forget,
	.save = auth_save,
	.load = auth_load,
	.init = auth_init,
	.fini = auth_fini,
	.call = auth_call,
	.accept = auth_accept,
	.describe = auth_describe,
};
DETECTOR_REGISTER(auth);
