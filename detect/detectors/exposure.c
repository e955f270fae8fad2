// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-11: sensitive data in responses that does not belong there.
//
// Worker: types are told to the merger per (endpoint, field, type), which knows what is usual.
// Tokens on endpoints that hand them out, and one-time codes, are no reason for an alarm by
// themselves. Keys and passwords are D-08's (detect/secret.h); types that a policy decides about
// are left to it.
//
// Merger: each endpoint has a learning period, at least so many answers and so many hours. What
// appears in it is its learnt set. Afterwards a (field, type) outside of the set becomes an issue
// once enough values were seen. When a set does not hold all, the endpoint is never judged.

#include <errno.h>
#include <stdio.h>

#include "detect/blob.h"
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
	ANSWERS_ENOUGH = 100,      // of an endpoint; below, confidence is capped
	LEARNT_MAX = 48,           // (field, type) of one endpoint
	SAVED_ENDPOINTS = 1 << 20, // at most in a file
	SAVED_HEAD = 8 + 8 + 8 + 8 + 1 + 2,
	SAVED_ENTRY = 8 + 4 + 1,
	HOUR_S = 3600,
};

struct exposure_options {
	bool enabled;
	uint32_t learn_exchanges, learn_hours, min_values;
};

enum entry_state {
	ENTRY_LEARNT = 0,
	ENTRY_CANDIDATE, // new, not often enough
	ENTRY_RAISED,
};

struct exposure_entry {
	uint64_t id; // of field and type
	uint32_t values;
	uint8_t state; // enum entry_state
};

struct exposure_endpoint {
	uint64_t exchanges; // answered 2xx while learning
	uint64_t first_ns;  // of the first one
	uint64_t learnt_ns; // when learning ended; 0: it goes on
	uint32_t n;
	bool full; // something was not learnt
	struct exposure_entry entry[LEARNT_MAX];
};

static const struct detector exposure;

#define EXPOSURE_ROW(field, kind, ...)                                                             \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct exposure_options, field),   \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row exposure_rows[] = {
	EXPOSURE_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	EXPOSURE_ROW(learn_exchanges, CONF_U32, .min = 1, .max = 1e9, .def = "1000",
		     .help = "Answers of an endpoint before its data types count as known"),
	EXPOSURE_ROW(learn_hours, CONF_U32, .min = 0, .max = 8760, .def = "24", .unit = "hours",
		     .help = "Time that must have passed as well before they count as known"),
	EXPOSURE_ROW(min_values, CONF_U32, .min = 1, .max = 1e6, .def = "5", .unit = "values",
		     .help = "Values in a new field before it is an issue; one is enough for types "
			     "with check digits"),
};
static const struct conf_section exposure_section = {
	.path = "detect.exposure",
	.help = "D-11: data types in responses of endpoints that never returned them before",
	.size = sizeof(struct exposure_options),
	.rows = exposure_rows,
	.n_rows = sizeof(exposure_rows) / sizeof(exposure_rows[0]),
};
CONF_SECTION(exposure_section);

// ---- worker

static bool one_of(const char *id, const char *const *ids)
{
	for (; *ids; ids++) {
		if (!strcmp(id, *ids))
			return true;
	}
	return false;
}

static bool is_token(const struct datatype *type)
{
	static const char *const tokens[] = {
		"jwt", "cookie.session", "basic.auth", "apikey.generic", "google.oauth", NULL};

	return one_of(type->id, tokens);
}

static uint64_t entry_id(uint64_t field, uint16_t type)
{
	return siphash_number(field, 'X', type);
}

static void exposure_exchange(const struct detector *self, const void *, struct detect_worker *w,
			      const struct exchange *x)
{
	const struct delta *d = &w->delta[w->active];
	bool ok = http_tx_ok(x->tx);
	// While an endpoint is learnt, what it returns is no issue and needs no evidence.
	bool learnt = w->snapshot && idset_has(&w->snapshot->learnt, x->endpoint);

	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];
		const struct datatype *type = datatype_get(hit->type);
		struct finding *f;

		if (hit->dir != SERVER || secret_never_answered(type) || hit->tests == hit->count)
			continue;
		// What is only learnt must leave room for what is told.
		if (!ok || (x->login && is_token(type)) || d->n_findings >= DELTA_FINDINGS / 2 ||
		    d->arena_used >= DELTA_ARENA / 2)
			continue;
		if (policies_match(worker_policies(w), hit->type, SERVER, x))
			continue;
		f = (learnt ? finding_add : finding_note)(
			w, self,
			siphash_number(w->shared->seed, x->endpoint, entry_id(hit->field, hit->type)),
			x, UINT32_C(1) << i);
		if (!f)
			continue;
		f->severity = type->severity;
		f->result = ok ? RESULT_SUCCEEDED : RESULT_UNKNOWN;
		f->n_terms = 0;
		f->confidence = (uint8_t)hits_confidence(hit, f->terms, &f->n_terms);
		f->tentative = true;
	}
}

// ---- merger

static void exposure_call(const struct detector *self, const void *opaque, struct merger *m, void *,
			  const struct call *call)
{
	const struct exposure_options *options = opaque;
	struct merged_endpoint *e =
		call_ok(call) ? merger_endpoint(m, call->endpoint) : NULL;
	struct exposure_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;

	if (!area || area->learnt_ns)
		return;
	if (area->exchanges++ == 0)
		area->first_ns = call->time_ns;
	if (area->exchanges >= options->learn_exchanges && call->time_ns >= area->first_ns &&
	    call->time_ns - area->first_ns >=
		    (uint64_t)options->learn_hours * HOUR_S * UINT64_C(1000000000))
		area->learnt_ns = call->time_ns ? call->time_ns : 1;
	if (area->learnt_ns)
		merger_learnt(m, call->endpoint);
}

// Types whose values carry check digits: one value is no accident.
static bool is_checked(const struct datatype *type)
{
	static const char *const checked[] = {
		"vehicle.vin", "card.pan",   "card.track2", "iban",    "crypto.btc", "crypto.eth",
		"crypto.seed", "de.ust",     "in.gstin",    "de.rvnr", "fr.nir",     "es.nif",
		"es.nie",      "it.cf",      "fi.hetu",     "ch.ahv",  "br.cpf",     "br.cnpj",
		"mx.curp",     "kr.rrn",     "kr.frn",      "cn.id",   "sg.nric",    "mrz",
		"us.dea",      "github.pat", "npm",         NULL,
	};

	return type->reports == REPORTS_YES && one_of(type->id, checked);
}

static struct exposure_entry *entry_find(struct exposure_endpoint *area, uint64_t id)
{
	for (uint32_t i = 0; i < area->n; i++) {
		if (area->entry[i].id == id)
			return &area->entry[i];
	}
	return NULL;
}

static struct exposure_entry *entry_add(struct exposure_endpoint *area, uint64_t id,
					enum entry_state state)
{
	if (area->n == LEARNT_MAX) {
		area->full = true;
		return NULL;
	}
	area->entry[area->n] = (struct exposure_entry){.id = id, .state = (uint8_t)state};
	return &area->entry[area->n++];
}

static bool exposure_accept(const struct detector *self, const void *opaque, struct merger *m,
			    void *, const struct finding *f)
{
	const struct exposure_options *options = opaque;
	struct merged_endpoint *e = merger_endpoint(m, f->endpoint);
	struct exposure_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;
	struct exposure_entry *entry;
	uint64_t id, need;

	if (!area || f->n_types == 0)
		return false;
	id = entry_id(f->types[0].field, f->types[0].type);
	entry = entry_find(area, id);
	if (entry && entry->state != ENTRY_CANDIDATE)
		return entry->state == ENTRY_RAISED;
	if (!area->learnt_ns || f->time_ns <= area->learnt_ns) {
		if (entry) // it was there in time after all
			entry->state = ENTRY_LEARNT;
		else
			entry_add(area, id, ENTRY_LEARNT);
		return false;
	}
	if (area->full)
		return false;
	if (!entry)
		entry = entry_add(area, id, ENTRY_CANDIDATE);
	if (!entry)
		return false;
	entry->values += f->types[0].count < UINT16_MAX ? (uint32_t)f->types[0].count : UINT16_MAX;
	need = is_checked(datatype_get(f->types[0].type)) ? 1 : options->min_values;
	if (entry->values < need)
		return false;
	entry->state = ENTRY_RAISED;
	return true;
}

// What is known of the field: " 7 of the 8 different values …", or nothing.
static void share_text(char *out, size_t room, const struct finding *f)
{
	uint32_t passed = f->types[0].passed, all = passed + f->types[0].refused;
	char some[32], total[32];

	out[0] = '\0';
	if (passed)
		draft_text(out, room,
			   " %s of the %s different value%s of this field that were judged %s the "
			   "type's checks.",
			   text_count(some, passed), text_count(total, all), text_plural(all),
			   passed == 1 ? "passes" : "pass");
}

static void exposure_describe(const struct detector *, const void *opaque,
			      const struct merged_endpoint *endpoint,
			      const struct merged_principal *, struct issue_draft *draft)
{
	const struct exposure_options *options = opaque;
	const struct finding *f = draft->finding;
	char where[384], field[EXCHANGE_NAME + 1], calls[32], answers[32];
	const char *what;
	char share[160];

	if (!f || f->n_types == 0)
		return;
	draft_cap(draft, endpoint ? endpoint->ok : 0, ANSWERS_ENOUGH);
	what = datatype_get(f->types[0].type)->title;
	share_text(share, sizeof(share), f);
	endpoint_text(endpoint, where, sizeof(where));
	text_clean(field, sizeof(field), f->types[0].name.p, f->types[0].name.len);
	draft_text(
		draft->description, sizeof(draft->description),
		"%s began to return a kind of data that it did not return before: %s, in the field "
		"%s (%s response%s so far).%s Its usual data was learnt from at least %s answers; "
		"it has been called %s times in all.",
		where, what, field, text_count(answers, f->count), text_plural(f->count), share,
		text_count((char[32]){0}, options->learn_exchanges),
		text_count(calls, endpoint ? endpoint->calls : 0));
	draft_text(draft->impact, sizeof(draft->impact),
		 "A change of the program or of a query may have opened data that callers are not "
		 "meant to see. Clients that show only a part of a response still receive all of "
		 "it.");
	draft_text(
		draft->remediation, sizeof(draft->remediation),
		"Find the change that added the field. Remove the field or limit it to those who "
		"need it; if it is intended, add a policy that allows the type for this endpoint.");
}

// ---- what was learnt

static int exposure_save(const void *, const struct merger *m, FILE *out)
{
	struct merger *all = (struct merger *)(uintptr_t)m; // only read
	uint32_t n = merger_endpoints(all);

	blob_put(out, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		struct merged_endpoint *e = merger_endpoint_at(all, i);
		const struct exposure_endpoint *area = merger_endpoint_area(all, e, &exposure);

		blob_put(out, e->id, 8);
		blob_put(out, area->exchanges, 8);
		blob_put(out, area->first_ns, 8);
		blob_put(out, area->learnt_ns, 8);
		blob_put(out, area->full, 1);
		blob_put(out, area->n, 2);
		for (uint32_t k = 0; k < area->n; k++) {
			blob_put(out, area->entry[k].id, 8);
			blob_put(out, area->entry[k].values, 4);
			blob_put(out, area->entry[k].state, 1);
		}
	}
	return ferror(out) ? -EIO : 0;
}

static void get_endpoint(struct blob_reader *r, struct exposure_endpoint *area, uint64_t *id)
{
	uint64_t n;

	*id = blob_get(r, 8);
	area->exchanges = blob_get(r, 8);
	area->first_ns = blob_get(r, 8);
	area->learnt_ns = blob_get(r, 8);
	area->full = blob_get(r, 1) != 0;
	n = blob_get(r, 2);
	if (n > LEARNT_MAX)
		r->bad = true;
	for (area->n = 0; area->n < n && !r->bad; area->n++) {
		struct exposure_entry *entry = &area->entry[area->n];

		entry->id = blob_get(r, 8);
		entry->values = (uint32_t)blob_get(r, 4);
		entry->state = (uint8_t)blob_get(r, 1);
		if (entry->state > ENTRY_RAISED)
			r->bad = true;
	}
}

static int exposure_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len};
	uint64_t n = version == exposure.version ? blob_get(&r, 4) : UINT64_MAX, id;

	if (r.bad || n > SAVED_ENDPOINTS || n * SAVED_HEAD > r.left)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		struct exposure_endpoint read = {0}, *area;
		struct merged_endpoint *e;

		get_endpoint(&r, &read, &id);
		if (r.bad)
			return -EBADMSG;
		e = merger_endpoint(m, id);
		area = e ? merger_endpoint_area(m, e, &exposure) : NULL;
		if (area)
			*area = read;
		if (area && read.learnt_ns)
			merger_learnt(m, id);
	}
	return r.left ? -EBADMSG : 0;
}

static const struct detector exposure = {
	.id = "D-11",
	.name = "exposure",
	.title = "Sensitive Data Exposure",
	.module = "Runtime",
	.about_api = true,
	.version = 1,
	.owasp = {"API3:2023"},
	.section = &exposure_section,
	.exchange = exposure_exchange,
	.endpoint_size = sizeof(struct exposure_endpoint),
	.call = exposure_call,
	.accept = exposure_accept,
	.describe = exposure_describe,
	.save = exposure_save,
	.load = exposure_load,
};
DETECTOR_REGISTER(exposure);
