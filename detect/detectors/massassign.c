// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-21: mass assignment. A request sets a property that requests of this endpoint never had and
// that a client should not decide (privilege.h).
//
// Merger only. Of each (endpoint, such name) it is known how many calls and how many users sent it;
// of each endpoint, how many calls with a body it answered well, and of how many users. A name that is new there is a try:
// it waits hold_s for others to send it, too, which makes it a new version of the client and
// teaches it. A try succeeded when a later response to the same user shows the property with that
// value, or the response to the try itself does, and none had shown it with that value before.
//
//	2xx bodies     ─► field (endpoint, name): calls, users
//	new name       ─► try (user, name): endpoint, value ──hold──► issue
//	shown property ─► shown (user, name): last values; echo of a try

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "detect/blob.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/principal.h"
#include "detect/privilege.h"
#include "detect/sketch.h"
#include "detect/text.h"

enum {
	SHOWN = 4, // values of a name that one user was shown
	SHOWN_MAX = 65536,
	TRIES_MAX = 4096,
	FEW_OF = 20,       // one user of so many is not enough to make a name usual
	TRY_ECHO_S = 3600, // a response that comes later says nothing of a try
};
#define SECOND UINT64_C(1000000000)

struct mass_options {
	bool enabled;
	uint32_t min_calls, adopt_users, hold_s, max_fields;
	double adopt_percent;
};

struct mass_field {
	uint64_t endpoint;
	uint64_t users[SKETCH_WORDS]; // of 2xx calls
	uint64_t calls, last;         // last: order of the newest one
};

struct mass_try {
	uint64_t principal, endpoint, field, value;
	uint64_t first_ns, last_ns, echo_ns; // echo_ns: 0: none
	uint64_t calls;                      // good calls with a body of the endpoint before it
	uint64_t had;                        // of them, with the field
	uint32_t n, n_ok;                    // such requests
	uint8_t privilege;                   // 0: not on the list
	bool told;                           // there is an issue of all this
};

struct mass_shown {
	uint64_t value[SHOWN]; // the newest first
};

struct mass_endpoint {
	uint64_t calls;               // good, seen whole, with body fields
	uint64_t users[SKETCH_WORDS]; // who made them
	bool gap;                     // some of its names were forgotten
};

struct massassign {
	struct lru fields, tries, shown;
	struct merger *merger; // during call(): whose endpoints lru_evicted marks
	uint32_t n_waiting;    // tries that may have to be told
};

static const struct detector massassign;

#define MASS_ROW(field, kind, ...)                                                                 \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct mass_options, field),       \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row mass_rows[] = {
	MASS_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	MASS_ROW(min_calls, CONF_U32, .min = 20, .max = 1e9, .def = "500", .unit = "calls",
		 .help = "Successful calls with a body before an endpoint's properties are known"),
	MASS_ROW(adopt_users, CONF_U32, .min = 2, .max = 1e6, .def = "5", .unit = "users",
		 .help = "So many users who send a new property make it one of the client's"),
	MASS_ROW(adopt_percent, CONF_F64, .min = 0, .max = 50, .def = "1.0", .unit = "%",
		 .help = "Share of an endpoint's calls from which on a property is usual, when not "
			 "only one of many users sends it"),
	MASS_ROW(hold_s, CONF_U32, .min = 0, .max = 86400, .def = "60", .unit = "s",
		 .help = "How long to wait for other users of a new version of the client"),
	MASS_ROW(max_fields, CONF_U32, .min = 1000, .max = 1e7, .def = "50000", .unit = "names",
		 .help = "Names that are known of all endpoints together, 80 bytes each"),
};
static const struct conf_section mass_section = {
	.path = "detect.massassign",
	.help = "D-21: request properties that nobody sends and that clients should not decide",
	.size = sizeof(struct mass_options),
	.rows = mass_rows,
	.n_rows = sizeof(mass_rows) / sizeof(mass_rows[0]),
};
CONF_SECTION(mass_section);

// ---- tables

static struct mass_endpoint *area_of(struct merger *m, uint64_t endpoint)
{
	struct merged_endpoint *e = merger_endpoint(m, endpoint);

	return e ? merger_endpoint_area(m, e, &massassign) : NULL;
}

// What was forgotten must not look new.
static void field_evicted(void *arg, uint64_t, void *entry)
{
	const struct massassign *s = arg;
	const struct mass_field *f = entry;
	struct mass_endpoint *area = s->merger ? area_of(s->merger, f->endpoint) : NULL;

	if (area)
		area->gap = true;
}

static void try_evicted(void *arg, uint64_t, void *entry)
{
	struct massassign *s = arg;
	const struct mass_try *t = entry;

	s->n_waiting -= !t->told;
}

static int mass_init(void *state, const void *opaque)
{
	const struct mass_options *options = opaque;
	struct massassign *s = state;

	if (lru_init(&s->fields, sizeof(struct mass_field), options->max_fields) ||
	    lru_init(&s->tries, sizeof(struct mass_try), TRIES_MAX) ||
	    lru_init(&s->shown, sizeof(struct mass_shown), SHOWN_MAX))
		return -1;
	s->fields.evicted_fn = field_evicted;
	s->fields.evicted_arg = s;
	s->tries.evicted_fn = try_evicted;
	s->tries.evicted_arg = s;
	return 0;
}

static size_t mass_memory(const void *opaque, const struct conf *)
{
	const struct mass_options *options = opaque;

	return lru_bytes(sizeof(struct mass_field), options->max_fields) +
	       lru_bytes(sizeof(struct mass_try), TRIES_MAX) +
	       lru_bytes(sizeof(struct mass_shown), SHOWN_MAX);
}

static void mass_forget(void *state, struct merger *, uint64_t endpoint)
{
	struct massassign *s = state;
	struct mass_field *next;

	for (struct mass_field *f = lru_first(&s->fields); f; f = next) {
		next = lru_next(&s->fields, f);
		if (f->endpoint == endpoint)
			lru_remove(&s->fields, lru_id(f));
	}
}

static void mass_fini(void *state)
{
	struct massassign *s = state;

	lru_fini(&s->fields);
	lru_fini(&s->tries);
	lru_fini(&s->shown);
}

static bool is_body(const struct call_param *p)
{
	return p->place == PLACE_BODY || p->place == PLACE_FORM;
}

// The field is one that clients of the endpoint send. However often one of many users sends it, that
// alone does not make it so: he may have begun while the endpoint was learnt.
static bool is_usual(const struct mass_options *options, const struct mass_endpoint *area,
		     const struct mass_field *f)
{
	uint32_t users = f && f->calls ? sketch_count(f->users) : 0;

	return users && (users >= options->adopt_users ||
			 ((double)f->calls * 100 > (double)area->calls * options->adopt_percent &&
			  users * FEW_OF >= sketch_count(area->users)));
}

// ---- tries

static bool was_shown(struct massassign *s, const struct call *call, const struct call_param *p)
{
	const struct mass_shown *shown = lru_get(&s->shown, judge_pair(call->principal, p->index));

	for (uint32_t i = 0; shown && i < SHOWN; i++) {
		if (shown->value[i] == p->value)
			return true;
	}
	return false;
}

static void try_wait(struct massassign *s, struct mass_try *t)
{
	s->n_waiting += t->told;
	t->told = false;
}

static void try_add(struct massassign *s, const struct mass_endpoint *area, const struct call *call,
		    const struct call_param *p, uint64_t had)
{
	bool fresh;
	struct mass_try *t = lru_touch(&s->tries, judge_pair(call->principal, p->index), &fresh);

	if (!t)
		return;
	if (fresh) {
		t->principal = call->principal;
		t->endpoint = call->endpoint;
		t->field = p->field;
		t->privilege = p->index;
		t->first_ns = call->time_ns;
		t->calls = area->calls;
		t->had = had;
		s->n_waiting++;
	}
	t->value = p->value;
	t->last_ns = call->time_ns;
	t->n++;
	t->n_ok += call_ok(call);
	try_wait(s, t);
}

// A property of a request. Teaches, unless it is a try.
static void field_sent(const struct mass_options *options, struct massassign *s,
		       struct mass_endpoint *area, const struct call *call,
		       const struct call_param *p)
{
	uint64_t id = judge_pair(call->endpoint, p->index);
	struct mass_field *f = lru_get(&s->fields, id);
	bool known = area->calls >= options->min_calls && !area->gap;
	bool tried = known && !is_usual(options, area, f) && call->principal;

	if (f && f->last == call->order)
		return; // once more in the same body
	// What a user was shown it may send back with the rest of the object.
	if (tried && !was_shown(s, call, p))
		try_add(s, area, call, p, f ? f->calls : 0);
	if (!call_ok(call) || (call->flags & (CALL_HALF | CALL_GUESSED)))
		return;
	f = lru_touch(&s->fields, id, NULL);
	if (!f)
		return;
	f->endpoint = call->endpoint;
	f->last = call->order;
	// One who tries again does not make it usual; others who send it do.
	if (sketch_add(f->users, call->principal) || !tried)
		f->calls++;
}

static void property_shown(struct massassign *s, const struct call *call,
			   const struct call_param *p)
{
	uint64_t id = judge_pair(call->principal, p->index);
	struct mass_shown *shown = lru_touch(&s->shown, id, NULL);

	if (!shown || was_shown(s, call, p))
		return;
	memmove(&shown->value[1], &shown->value[0], (SHOWN - 1) * sizeof(shown->value[0]));
	shown->value[0] = p->value;
}

// Does the response show what a try of this user set?
static void try_echo(struct massassign *s, const struct call *call, const struct call_param *p)
{
	struct mass_try *t = lru_get(&s->tries, judge_pair(call->principal, p->index));

	if (!t || t->value != p->value || t->n_ok == 0 || t->echo_ns ||
	    call->time_ns > t->last_ns + TRY_ECHO_S * SECOND)
		return;
	t->echo_ns = call->time_ns;
	try_wait(s, t);
}

static void mass_call(const struct detector *, const void *opaque, struct merger *m, void *state,
		      const struct call *call)
{
	const struct mass_options *options = opaque;
	struct massassign *s = state;
	bool body = false;
	struct mass_endpoint *area;

	if (call->flags & CALL_MESSAGE)
		return;
	for (uint32_t i = 0; i < call->n_params && !body; i++)
		body = is_body(&call->params[i]);
	area = body ? area_of(m, call->endpoint) : NULL;
	s->merger = m;
	for (uint32_t i = 0; area && i < call->n_params; i++) {
		if (is_body(&call->params[i]) && call->params[i].index)
			field_sent(options, s, area, call, &call->params[i]);
	}
	s->merger = NULL;
	// With some of them lost it is not known what the endpoint is sent.
	if (area && call_ok(call) && !(call->flags & (CALL_HALF | CALL_GUESSED)) &&
	    call->params_lost == 0) {
		area->calls++;
		sketch_add(area->users, call->principal);
	}
	if (!call->principal || !call_ok(call))
		return;
	for (uint32_t i = 0; i < call->n_shown; i++) {
		const struct call_param *p = &call->params[call->n_params + i];

		try_echo(s, call, p);
		property_shown(s, call, p);
	}
}

// ---- judging

static void mass_terms(struct issue_draft *draft, const struct mass_try *t)
{
	judge_term(draft, "a property that requests of the endpoint never had", 50);
	if (privilege_kind(t->privilege))
		judge_term(draft, "its name is one that a client should not decide", 25);
	if (t->echo_ns)
		judge_term(draft, "a response to this user shows it with that value", 20);
	if (!t->n_ok)
		judge_term(draft, "the server refused each of these requests", -25);
}

static void mass_raise(struct merger *m, struct mass_try *t)
{
	struct merged_principal *p = merger_principal(m, t->principal);
	struct merged_endpoint *e = merger_endpoint(m, t->endpoint);
	struct issue_draft draft = {
		.severity = t->echo_ns ? SEVERITY_HIGH
			    : t->n_ok  ? SEVERITY_MEDIUM
				       : SEVERITY_LOW,
		.result = t->echo_ns ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric =
			{
				.present = true,
				.name = "requests_with_the_property",
				.unit = "requests",
				.window = "since learning began",
				.value = t->n,
				.baseline_mean = (double)t->had,
				.percentile = NAN,
				.population = t->calls,
			},
	};
	const char *name = merger_param_name(m, t->endpoint, t->field);
	char user[EXCHANGE_USER + 1], where[384], calls[32], n[32], clean[96];
	static const char *const kinds[] = {
		[PRIVILEGE_NONE] = "which the objects of the endpoint have",
		[PRIVILEGE_RIGHTS] = "which says what somebody may do",
		[PRIVILEGE_OWNER] = "which says whose an object is",
		[PRIVILEGE_MONEY] = "which is about money or amounts",
		[PRIVILEGE_STATE] = "which somebody else decides",
	};

	if (!p || !e)
		return;
	principal_text(p, user, sizeof(user));
	endpoint_text(e, where, sizeof(where));
	name = name ? name : privilege_text(t->privilege);
	text_clean(clean, sizeof(clean), name, strlen(name));
	mass_terms(&draft, t);
	draft_text(draft.description, sizeof(draft.description),
		   "%s sent %s request%s to %s with the property \"%s\", %s. %s of the %s "
		   "successful requests before had it. %s",
		   user, text_count(n, t->n), text_plural(t->n), where, clean,
		   kinds[privilege_kind(t->privilege)], t->had ? "Hardly any" : "None",
		   text_count(calls, t->calls),
		   t->echo_ns ? "Then a response to this user showed the property with the value "
				"that was sent: it was stored."
		   : t->n_ok  ? "The server answered with success; whether it stored the value was "
				"not seen."
			      : "The server refused.");
	draft_text(draft.impact, sizeof(draft.impact),
		   "A server that copies all that a request holds into its object lets the caller "
		   "set what belongs to others: rights, ownership, prices, approvals.");
	draft_text(draft.remediation, sizeof(draft.remediation),
		   "Accept a list of permitted properties for each endpoint and role and refuse or "
		   "drop all others. Look at the object that this user changed and set it right. "
		   "Read-only properties belong into responses only.");
	merger_raise(m, &massassign, judge_pair(t->principal, t->endpoint), p, e, t->last_ns,
		     &draft);
}

static void mass_evaluate(const struct detector *, const void *opaque, struct merger *m,
			  void *state, uint64_t now_ns, bool last)
{
	const struct mass_options *options = opaque;
	struct massassign *s = state;
	struct mass_try *next;

	if (!s->n_waiting)
		return;
	for (struct mass_try *t = lru_first(&s->tries); t; t = next) {
		struct mass_endpoint *area = area_of(m, t->endpoint);
		const struct mass_field *f =
			lru_get(&s->fields, judge_pair(t->endpoint, t->privilege));

		next = lru_next(&s->tries, t);
		if (t->told || (!last && now_ns < t->first_ns + options->hold_s * SECOND))
			continue;
		if (area && is_usual(options, area, f)) {
			s->n_waiting--;
			lru_remove(&s->tries, lru_id(t));
			continue;
		}
		t->told = true;
		s->n_waiting--;
		mass_raise(m, t);
	}
}

// ---- what was learnt

static int mass_save(const void *state, const struct merger *m, FILE *out)
{
	const struct massassign *s = state;
	struct merger *all = (struct merger *)(uintptr_t)m; // only read
	uint32_t n = merger_endpoints(all);

	blob_put(out, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		struct merged_endpoint *e = merger_endpoint_at(all, i);
		const struct mass_endpoint *area = merger_endpoint_area(all, e, &massassign);

		blob_put(out, e->id, 8);
		blob_put(out, area->calls, 8);
		for (uint32_t k = 0; k < SKETCH_WORDS; k++)
			blob_put(out, area->users[k], 8);
		blob_put(out, area->gap, 1);
	}
	blob_put(out, s->fields.n, 4);
	for (const struct mass_field *f = lru_first(&s->fields); f; f = lru_next(&s->fields, f)) {
		blob_put(out, lru_id(f), 8);
		blob_put(out, f->endpoint, 8);
		blob_put(out, f->calls, 8);
		for (uint32_t i = 0; i < SKETCH_WORDS; i++)
			blob_put(out, f->users[i], 8);
	}
	return ferror(out) ? -EIO : 0;
}

static int mass_load(void *state, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != massassign.version};
	struct massassign *s = state;
	uint64_t n = blob_get(&r, 4);

	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct mass_endpoint *area = area_of(m, blob_get(&r, 8)), none = {0};

		area = area ? area : &none;
		area->calls = blob_get(&r, 8);
		for (uint32_t k = 0; k < SKETCH_WORDS; k++)
			area->users[k] = blob_get(&r, 8);
		area->gap = blob_get(&r, 1) != 0;
	}
	n = blob_get(&r, 4);
	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct mass_field one = {0}, *f;
		uint64_t id = blob_get(&r, 8);

		one.endpoint = blob_get(&r, 8);
		one.calls = blob_get(&r, 8);
		for (uint32_t k = 0; k < SKETCH_WORDS; k++)
			one.users[k] = blob_get(&r, 8);
		if (r.bad || id == 0)
			break;
		s->merger = m;
		f = lru_touch(&s->fields, id, NULL);
		s->merger = NULL;
		if (!f)
			return -ENOMEM;
		*f = one;
	}
	return r.bad || r.left ? -EBADMSG : 0;
}

static const struct detector massassign = {
	.id = "D-21",
	.name = "massassign",
	.title = "Mass Assignment",
	.module = "Runtime",
	.version = 2,
	.owasp = {"API3:2023"},
	.section = &mass_section,
	.state_size = sizeof(struct massassign),
	.endpoint_size = sizeof(struct mass_endpoint),
	.init = mass_init,
	.fini = mass_fini,
	.memory = mass_memory,
	.forget = mass_forget,
	.call = mass_call,
	.evaluate = mass_evaluate,
	.save = mass_save,
	.load = mass_load,
};
DETECTOR_REGISTER(massassign);
