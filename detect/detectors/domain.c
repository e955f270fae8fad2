// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-22: a parameter has a value that none of the accepted calls before had the like of: a negative
// number, a text instead of a number, a word that was never there, an identifier in the query that
// contradicts the one in the path.
//
// Merger only. detect/domain.h says what was normal and how a value differs; this file decides who
// teaches it, weighs the differences, and waits hold_s for others to send the same: when more than
// adopt_percent of a parameter's users do, it is a new version of the client and becomes normal.
//
//	2xx call ─► domain (endpoint, field)            max_domains, the oldest goes
//	odd value ─► odd (endpoint, field, how): users  ──many──► taught
//	         └─► try (user, endpoint): value ──hold──► issue

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "detect/amount_name.h"
#include "detect/blob.h"
#include "detect/detector.h"
#include "detect/domain.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/principal.h"
#include "detect/privilege.h"
#include "detect/sketch.h"
#include "detect/text.h"

enum {
	ODDS_MAX = 16384,
	TRIES_MAX = 4096,
	COUNT_EACH = 32, // so often the users of a parameter are counted
	PATH_IDS = 4,
	SPREAD_HOLDS = 10, // times hold_s, while several users send the same
};
#define SECOND UINT64_C(1000000000)

struct domain_options {
	bool enabled;
	uint32_t min_calls, min_users, min_score, adopt_users, hold_s, max_domains;
	double adopt_percent;
};

// A way to differ that was seen somewhere.
struct domain_oddity {
	uint64_t users[SKETCH_WORDS];
	bool adopted;
};

struct domain_try {
	uint64_t principal, endpoint;
	uint64_t domain;         // lru id of its
	struct call_param param; // the oddest
	uint64_t first_ns, last_ns;
	uint64_t oddity;     // lru id of its
	uint32_t odd, score; // how; what that weighs
	uint32_t n, n_ok;    // such calls
	uint16_t status;     // of the oddest
	bool told;
};

struct domain_endpoint {
	uint32_t calls;  // accepted, seen whole
	uint32_t differ; // of them: had another identifier beside the path than in it
};

// What is kept of a principal, for as long as the merger knows it.
struct domain_actor {
	bool told;
};

struct domains {
	struct lru domains, odds, tries;
	uint32_t n_waiting;
};

static const struct detector domain;

#define DOMAIN_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct domain_options, field),     \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row domain_rows[] = {
	DOMAIN_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	DOMAIN_ROW(min_calls, CONF_U32, .min = 50, .max = 1e9, .def = "500", .unit = "calls",
		   .help = "Accepted values of a parameter before it has a domain"),
	DOMAIN_ROW(min_users, CONF_U32, .min = 1, .max = 1e6, .def = "20", .unit = "users",
		   .help = "Different users who must have sent them"),
	DOMAIN_ROW(min_score, CONF_U32, .min = 1, .max = 95, .def = "40", .unit = "points",
		   .help = "Weight of all differences of a value from which on it is told"),
	DOMAIN_ROW(adopt_percent, CONF_F64, .min = 0, .max = 100, .def = "1.0", .unit = "%",
		   .help = "Share of a parameter's users who make a new value normal"),
	DOMAIN_ROW(adopt_users, CONF_U32, .min = 2, .max = 1e6, .def = "3", .unit = "users",
		   .help = "The least number of users who make a new value normal"),
	DOMAIN_ROW(hold_s, CONF_U32, .min = 0, .max = 86400, .def = "60", .unit = "s",
		   .help = "How long to wait for other users who send the same"),
	DOMAIN_ROW(max_domains, CONF_U32, .min = 1000, .max = 1e7, .def = "200000",
		   .unit = "parameters",
		   .help = "Parameters of all endpoints whose values are learnt, 0.6 KB each"),
};
static const struct conf_section domain_section = {
	.path = "detect.domain",
	.help = "D-22: parameters with values that accepted calls never had",
	.size = sizeof(struct domain_options),
	.rows = domain_rows,
	.n_rows = sizeof(domain_rows) / sizeof(domain_rows[0]),
};
CONF_SECTION(domain_section);

static const struct {
	uint8_t points;
	const char *term;
} weights[ODD_KINDS] = {
	[ODD_CLASS] = {45, "a value of another kind than all before"},
	[ODD_NEGATIVE] = {45, "a negative number where there was none"},
	[ODD_ZERO] = {25, "zero where it never was"},
	[ODD_LARGE] = {40, "a number ten times beyond all before"},
	[ODD_SMALL] = {30, "a number a tenth of the smallest before"},
	[ODD_VALUE] = {45, "not one of the few values that there were"},
	[ODD_LENGTH] = {40, "four times as long as the values before"},
	[ODD_REPEATED] = {45, "the parameter stands twice in the query, with two values"},
	[ODD_OTHER_ID] = {50, "another identifier than the one in the path"},
};

// ---- tables

static void try_evicted(void *arg, uint64_t, void *entry)
{
	struct domains *s = arg;

	s->n_waiting -= !((const struct domain_try *)entry)->told;
}

static int domain_init(void *state, const void *opaque)
{
	const struct domain_options *options = opaque;
	struct domains *s = state;

	if (lru_init(&s->domains, sizeof(struct domain), options->max_domains) ||
	    lru_init(&s->odds, sizeof(struct domain_oddity), ODDS_MAX) ||
	    lru_init(&s->tries, sizeof(struct domain_try), TRIES_MAX))
		return -1;
	s->tries.evicted_fn = try_evicted;
	s->tries.evicted_arg = s;
	return 0;
}

static size_t domain_memory(const void *opaque, const struct conf *)
{
	const struct domain_options *options = opaque;

	return lru_bytes(sizeof(struct domain), options->max_domains) +
	       lru_bytes(sizeof(struct domain_oddity), ODDS_MAX) +
	       lru_bytes(sizeof(struct domain_try), TRIES_MAX);
}

static void domain_forget(void *state, struct merger *, uint64_t endpoint)
{
	struct domains *s = state;
	struct domain *next;

	for (struct domain *d = lru_first(&s->domains); d; d = next) {
		next = lru_next(&s->domains, d);
		if (d->endpoint == endpoint)
			lru_remove(&s->domains, lru_id(d));
	}
}

static void domain_fini(void *state)
{
	struct domains *s = state;

	lru_fini(&s->domains);
	lru_fini(&s->odds);
	lru_fini(&s->tries);
}

// Identifiers in paths are what the templates are about.
static bool has_domain(const struct call_param *p)
{
	return p->place == PLACE_QUERY || p->place == PLACE_BODY || p->place == PLACE_FORM;
}

static uint32_t score_of(uint32_t odd, const struct call_param *p)
{
	uint32_t score = 0;

	for (uint32_t i = 0; i < ODD_KINDS; i++)
		score += odd >> i & 1 ? weights[i].points : 0;
	if (privilege_kind(p->place == PLACE_QUERY ? 0 : p->index) == PRIVILEGE_MONEY &&
	    odd & (1u << ODD_NEGATIVE | 1u << ODD_ZERO | 1u << ODD_SMALL))
		score += 20;
	return score;
}

// ---- what is odd

static void try_add(struct domains *s, const struct call *call, uint64_t domain_id,
		    const struct call_param *p, uint32_t odd, uint64_t oddity)
{
	uint32_t score = score_of(odd, p);
	bool fresh;
	struct domain_try *t =
		lru_touch(&s->tries, judge_pair(call->principal, call->endpoint), &fresh);

	if (!t)
		return;
	if (fresh) {
		t->principal = call->principal;
		t->endpoint = call->endpoint;
		t->first_ns = call->time_ns;
		t->told = true;
	}
	s->n_waiting += t->told;
	t->told = false;
	// What the server took says more than what it refused.
	if (fresh || (call_ok(call) && !t->n_ok) ||
	    (call_ok(call) == (t->n_ok > 0) && score > t->score)) {
		t->domain = domain_id;
		t->param = *p;
		t->odd = odd;
		t->score = score;
		t->oddity = oddity;
		t->status = call->status;
	}
	t->last_ns = call->time_ns;
	t->n++;
	t->n_ok += call_ok(call);
}

// One way to differ: its kinds, and of an enumeration the value, so that a new member that many
// users send does not make room for another one.
static uint64_t oddity_id(uint64_t domain_id, uint32_t odd, const struct call_param *p)
{
	return judge_pair(judge_pair(domain_id, odd), odd & 1u << ODD_VALUE ? p->value : 1);
}

// Counts who does it. True: so many that it is normal.
static bool is_adopted(const struct domain_options *options, struct domains *s,
		       const struct domain *d, const struct call *call, uint64_t id)
{
	struct domain_oddity *o = lru_touch(&s->odds, id, NULL);
	double users;

	if (!o)
		return false;
	if (!sketch_add(o->users, call->principal) || o->adopted)
		return o->adopted;
	users = sketch_count(o->users);
	o->adopted = users >= options->adopt_users &&
		     users * 100 > options->adopt_percent * (double)hll_count(d->users, DOMAIN_P);
	return o->adopted;
}

static bool is_attacker(struct merger *m, const struct call *call)
{
	struct merged_principal *p = merger_principal(m, call->principal);
	const struct domain_actor *actor = p ? merger_principal_area(m, p, &domain) : NULL;

	return actor && actor->told;
}

// Twice in one query with different values.
static bool is_repeated(struct domain *d, const struct call *call, const struct call_param *p)
{
	bool differs = p->place == PLACE_QUERY && d->n && d->last == call->order &&
		       d->last_value != p->value;

	d->last = call->order;
	d->last_value = p->value;
	return differs;
}

static void param_look(const struct domain_options *options, struct domains *s, struct merger *m,
		       const struct call *call, const struct call_param *p, bool teaches)
{
	uint64_t id = judge_pair(call->endpoint, p->field);
	struct domain *d = teaches ? lru_touch(&s->domains, id, NULL) : lru_get(&s->domains, id);
	uint32_t odd = 0;
	bool repeated;

	if (!d)
		return;
	d->endpoint = call->endpoint;
	repeated = is_repeated(d, call, p);
	if (!d->known && d->n >= options->min_calls && d->n % COUNT_EACH == 0)
		d->known = hll_count(d->users, DOMAIN_P) >= options->min_users;
	if (d->known) {
		odd = domain_judge(d, p);
		odd |= repeated && !d->repeated ? 1u << ODD_REPEATED : 0;
		// How much is too much at once is for D-48 to say.
		if (odd & 1u << ODD_LARGE &&
		    amount_name(merger_param_name(m, call->endpoint, p->field)))
			odd &= ~(1u << ODD_LARGE);
	}
	if (odd && call->principal) {
		uint64_t oddity = oddity_id(id, odd, p);
		bool adopted = teaches && is_adopted(options, s, d, call, oddity);

		if (!adopted && score_of(odd, p) >= options->min_score)
			try_add(s, call, id, p, odd, oddity);
		teaches = teaches && adopted;
	}
	if (!teaches)
		return;
	domain_teach(d, p, call->principal);
	d->repeated += repeated;
}

// ---- identifiers beside the path

static void ids_look(const struct domain_options *options, struct domains *s, struct merger *m,
		     const struct call *call, bool teaches)
{
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct domain_endpoint *area = e ? merger_endpoint_area(m, e, &domain) : NULL;
	const struct call_param *path[PATH_IDS], *other = NULL;
	uint32_t n_path = 0;
	bool same = false;

	for (uint32_t i = 0; area && i < call->n_params; i++) {
		const struct call_param *p = &call->params[i];

		if (p->place == PLACE_PATH && p->noun && n_path < PATH_IDS) {
			path[n_path++] = p;
			continue;
		}
		for (uint32_t k = 0; p->noun && p->place != PLACE_PATH && k < n_path; k++) {
			same |= path[k]->noun == p->noun && path[k]->value == p->value;
			if (path[k]->noun == p->noun && path[k]->value != p->value)
				other = p;
		}
	}
	if (!area)
		return;
	if (other && !same && call->principal && !call->params_lost &&
	    area->calls >= options->min_calls && !area->differ)
		try_add(s, call, 0, other, 1u << ODD_OTHER_ID, 0);
	else if (teaches && other && !same)
		area->differ++;
	area->calls += teaches && area->calls < UINT32_MAX;
}

static void domain_call(const struct detector *, const void *opaque, struct merger *m, void *state,
			const struct call *call)
{
	const struct domain_options *options = opaque;
	struct domains *s = state;
	bool teaches = call_ok(call) && !(call->flags & CALL_GUESSED) && !is_attacker(m, call);

	if (call->flags & CALL_MESSAGE)
		return;
	for (uint32_t i = 0; i < call->n_params; i++) {
		if (has_domain(&call->params[i]))
			param_look(options, s, m, call, &call->params[i], teaches);
	}
	ids_look(options, s, m, call, teaches);
}

// ---- judging

static void param_text(struct merger *m, const struct domain_try *t, char *out, size_t size)
{
	const char *name = merger_param_name(m, t->endpoint, t->param.field);
	char clean[96];

	text_clean(clean, sizeof(clean), name ? name : "", name ? strlen(name) : 0);
	if (name)
		draft_text(out, size, "The parameter %s", clean);
	else
		draft_text(out, size, "A parameter of the %s",
			   t->param.place == PLACE_QUERY ? "query" : "body");
}

// "was -3; in 1,234 accepted calls of 120 users it was between 1 and 4".
static void number_text(const struct domain *d, const struct domain_try *t, char *out, size_t size)
{
	char calls[32], users[32];

	draft_text(out, size,
		   "was %.6g; in %s accepted calls of about %s users it was between %.6g and %.6g",
		   t->param.number, text_count(calls, d->n),
		   text_count(users, hll_count(d->users, DOMAIN_P)), d->min, d->max);
}

static void kind_text(const struct domain *d, const struct domain_try *t, char *out, size_t size)
{
	char n_calls[32], n_users[32];
	const char *calls = text_count(n_calls, d->n);
	const char *users = text_count(n_users, hll_count(d->users, DOMAIN_P));

	if (t->odd & 1u << ODD_CLASS)
		draft_text(out, size,
			   "was %s; in %s accepted calls of about %s users it was never one, most "
			   "often %s",
			   domain_value_text(t->param.class), calls, users, domain_class_text(d));
	else if (t->odd & 1u << ODD_VALUE)
		draft_text(out, size,
			   "had a value that is none of the %u which %s accepted calls of about "
			   "%s users had",
			   d->n_values, calls, users);
	else if (t->odd & 1u << ODD_LENGTH)
		draft_text(out, size,
			   "was %u bytes long; 99.9 %% of the values in %s accepted calls of about "
			   "%s users had at most %u",
			   t->param.len, calls, users, domain_length(d));
	else
		draft_text(out, size,
			   "stood twice in the query with different values, which none of %s "
			   "accepted calls of about %s users did",
			   calls, users);
}

static void odd_text(struct merger *m, const struct domain *d, const struct domain_try *t,
		     char *out, size_t size)
{
	const uint32_t numbers =
		1u << ODD_NEGATIVE | 1u << ODD_ZERO | 1u << ODD_LARGE | 1u << ODD_SMALL;
	char name[128], what[400];

	if (!d) {
		draft_text(out, size,
			   "An identifier beside the path named another object of the same kind "
			   "than the path itself, which no accepted call did before.");
		return;
	}
	param_text(m, t, name, sizeof(name));
	if (t->odd & numbers)
		number_text(d, t, what, sizeof(what));
	else
		kind_text(d, t, what, sizeof(what));
	draft_text(out, size, "%s %s.", name, what);
}

static void domain_terms(struct issue_draft *draft, const struct domain *d,
			 const struct domain_try *t)
{
	for (uint32_t i = 0; i < ODD_KINDS && draft->n_terms < 3; i++) {
		if (t->odd >> i & 1)
			judge_term(draft, weights[i].term, weights[i].points);
	}
	if (score_of(t->odd, &t->param) > score_of(t->odd, &(struct call_param){0}))
		judge_term(draft, "the parameter is about money", 20);
	if (t->n_ok)
		judge_term(draft, "the server accepted it", 15);
	if (d && d->n >= 5000)
		judge_term(draft, "five thousand values or more were learnt", 10);
}

static void domain_raise(struct merger *m, const struct domain *d, const struct domain_try *t)
{
	struct merged_principal *p = merger_principal(m, t->principal);
	struct merged_endpoint *e = merger_endpoint(m, t->endpoint);
	struct domain_actor *actor = p ? merger_principal_area(m, p, &domain) : NULL;
	bool money = score_of(t->odd, &t->param) > score_of(t->odd, &(struct call_param){0});
	struct issue_draft draft = {
		.severity = !t->n_ok ? SEVERITY_LOW
			    : money  ? SEVERITY_HIGH
				     : SEVERITY_MEDIUM,
		.result = t->n_ok ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric =
			{
				.present = true,
				.name = "calls_with_such_values",
				.unit = "calls",
				.window = "since learning began",
				.value = t->n,
				.percentile = NAN,
				.population = d ? d->n : 0,
			},
	};
	char user[EXCHANGE_USER + 1], where[384], n[32], odd[512], answer[48];

	if (!actor || !e)
		return;
	actor->told = true;
	principal_text(p, user, sizeof(user));
	endpoint_text(e, where, sizeof(where));
	odd_text(m, d, t, odd, sizeof(odd));
	domain_terms(&draft, d, t);
	if (t->status)
		draft_text(answer, sizeof(answer), "answered with status %u", t->status);
	else
		draft_text(answer, sizeof(answer), "gave an answer that was not seen");
	draft_text(draft.description, sizeof(draft.description),
		   "%s made %s call%s to %s with values that are out of the learnt domain. %s The "
		   "server %s.",
		   user, text_count(n, t->n), text_plural(t->n), where, odd, answer);
	draft_text(
		draft.impact, sizeof(draft.impact),
		"Values that a client never sends are how prices, amounts and rights are changed "
		"and how errors in programs are looked for. What the server accepts is computed "
		"with.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Check kind, length, range and permitted values of each parameter on the server, "
		"whatever the client checks, and compute prices from data of the server's own. "
		"Look at what this call changed.");
	merger_raise(m, &domain, judge_pair(t->principal, t->endpoint), p, e, t->last_ns, &draft);
}

enum try_state { TRY_WAITS = 0, TRY_NORMAL, TRY_ODD };

// Others may make it normal while it waits; as long as some do, it waits longer.
static enum try_state try_state(const struct domain_options *options, const struct domains *s,
				const struct domain_try *t, uint64_t now_ns, bool last)
{
	const struct domain_oddity *o = t->oddity ? lru_get(&s->odds, t->oddity) : NULL;
	bool spreads = o && sketch_count(o->users) >= options->adopt_users;
	uint64_t hold_ns = options->hold_s * SECOND;

	if (o && o->adopted)
		return TRY_NORMAL;
	if (spreads && now_ns < t->first_ns + SPREAD_HOLDS * hold_ns)
		return last ? TRY_NORMAL : TRY_WAITS;
	return last || now_ns >= t->first_ns + hold_ns ? TRY_ODD : TRY_WAITS;
}

static void domain_evaluate(const struct detector *, const void *opaque, struct merger *m,
			    void *state, uint64_t now_ns, bool last)
{
	const struct domain_options *options = opaque;
	struct domains *s = state;
	struct domain_try *next;

	if (!s->n_waiting)
		return;
	for (struct domain_try *t = lru_first(&s->tries); t; t = next) {
		const struct domain *d = t->domain ? lru_get(&s->domains, t->domain) : NULL;
		enum try_state is;

		next = lru_next(&s->tries, t);
		if (t->told)
			continue;
		is = try_state(options, s, t, now_ns, last);
		if (is == TRY_WAITS)
			continue;
		s->n_waiting--;
		if ((t->domain && !d) || is == TRY_NORMAL) {
			lru_remove(&s->tries, lru_id(t));
			continue;
		}
		t->told = true;
		domain_raise(m, d, t);
	}
}

// ---- what was learnt

static int domain_save(const void *state, const struct merger *m, FILE *out)
{
	const struct domains *s = state;
	struct merger *all = (struct merger *)(uintptr_t)m; // only read
	uint32_t n = merger_endpoints(all);

	blob_put(out, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		struct merged_endpoint *e = merger_endpoint_at(all, i);
		const struct domain_endpoint *area = merger_endpoint_area(all, e, &domain);

		blob_put(out, e->id, 8);
		blob_put(out, area->calls, 4);
		blob_put(out, area->differ, 4);
	}
	blob_put(out, s->domains.n, 4);
	for (const struct domain *d = lru_first(&s->domains); d; d = lru_next(&s->domains, d))
		domain_put(out, lru_id(d), d);
	return ferror(out) ? -EIO : 0;
}

static int domain_load(void *state, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != domain.version};
	struct domains *s = state;
	uint64_t n = blob_get(&r, 4);

	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct merged_endpoint *e = merger_endpoint(m, blob_get(&r, 8));
		struct domain_endpoint read = {0}, *area;

		area = e ? merger_endpoint_area(m, e, &domain) : NULL;
		read.calls = (uint32_t)blob_get(&r, 4);
		read.differ = (uint32_t)blob_get(&r, 4);
		if (area && !r.bad)
			*area = read;
	}
	n = blob_get(&r, 4);
	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct domain one, *d;
		uint64_t id = domain_get(&r, &one);

		if (id == 0)
			return -EBADMSG;
		d = lru_touch(&s->domains, id, NULL);
		if (!d)
			return -ENOMEM;
		*d = one;
	}
	return r.bad || r.left ? -EBADMSG : 0;
}

static const struct detector domain = {
	.id = "D-22",
	.name = "domain",
	.title = "Parameter Tampering",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API3:2023", "API6:2023"},
	.section = &domain_section,
	.state_size = sizeof(struct domains),
	.endpoint_size = sizeof(struct domain_endpoint),
	.principal_size = sizeof(struct domain_actor),
	.init = domain_init,
	.fini = domain_fini,
	.memory = domain_memory,
	.forget = domain_forget,
	.call = domain_call,
	.evaluate = domain_evaluate,
	.save = domain_save,
	.load = domain_load,
};
DETECTOR_REGISTER(domain);
