// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-46: a caller leaves out a step that everybody takes, or goes a way that nobody goes.
//
// Merger: of each caller on a host, the last ten requests that went well, repeated ones as one, as
// long as no two of them are more than ten minutes apart. Of each endpoint:
//
//	before │ endpoints that were among the ten before it, and how often   ► precedents
//	next   │ endpoints that came right after it, and how often            ► ways
//
// A precedent stands before 99 % of a thousand calls. A way is improbable when all ways together
// that are no more common than it make up less than 5 %: of an endpoint from which fifty ways lead,
// each with 2 %, none is. Five of them in a row count.
//
// Who was seen from the middle on, or with a gap, proves nothing by what was not seen, before ten
// requests or ten minutes are known. Endpoints that programs ask for again and again are no steps. What is found
// waits for a while: when several callers do the same meanwhile, it is a new version of the client,
// and what was learnt of the endpoint is forgotten.

#include "detect/blob.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/principal.h"
#include "detect/text.h"
#include "detect/topk.h"

enum {
	BACK = 10, // requests
	BEFORE = 16,
	NEXT = 16,
	HELD = 128,
	POLL_REPEATS = 8, // calls of one endpoint within ten requests, on average
	POLL_CALLS = 200,
	CALLER_REPEATS = 16, // more than so many of one caller do not count: nobody makes a poll
	CROWD = 5,           // callers
};

#define BREAK_NS UINT64_C(600000000000)
#define SECOND   UINT64_C(1000000000)

struct sequence_options {
	bool enabled;
	uint32_t min_calls, min_ways, in_a_row, hold_s, callers;
	double precedence, chance;
};

struct sequence_endpoint {
	uint64_t calls, repeats; // repeats: it was among the last ten of its caller
	bool poll;               // from then on
	uint64_t seen;           // calls with all of what was before them
	uint64_t ways;
	struct topk before, next; // their entries are set at each use
	struct topk_entry before_entry[BEFORE], next_entry[NEXT];
};

struct sequence_step {
	uint64_t endpoint, time_ns;
};

// A caller on a host.
struct sequence_caller {
	uint64_t last_ns;
	uint64_t since_ns;               // from when on all that it did was seen
	struct sequence_step step[BACK]; // the newest first
	uint8_t n;
	uint8_t odd; // improbable ways in a row
	uint8_t repeats;
	uint64_t told_ns;
};

struct sequence_held {
	uint64_t time_ns, principal, endpoint, missing; // missing 0: ways
	uint64_t calls, with;                           // of the endpoint; with: after the missing
	uint64_t from[CROWD + 1];                       // of the ways
	double chance_log10;
};

struct sequence {
	uint64_t key, first_ns, dense_ns; // dense_ns: when somebody was forgotten too early
	struct lru callers;
	uint32_t n_held;
	struct sequence_held held[HELD];
};

static const struct detector sequence;

#define SEQUENCE_ROW(field, kind, ...)                                                             \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct sequence_options, field),   \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row sequence_rows[] = {
	SEQUENCE_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	SEQUENCE_ROW(precedence, CONF_F64, .min = 0.5, .max = 1, .def = "0.99",
		     .help = "The share of an endpoint's calls that a step must stand before to be "
			     "needed"),
	SEQUENCE_ROW(min_calls, CONF_U32, .min = 50, .max = 1e9, .def = "1000", .unit = "calls",
		     .help = "Calls of an endpoint before its needed steps are known"),
	SEQUENCE_ROW(chance, CONF_F64, .min = 1e-6, .max = 0.5, .def = "0.05",
		     .help = "The share of ways below which one is improbable"),
	SEQUENCE_ROW(in_a_row, CONF_U32, .min = 2, .max = CROWD + 1, .def = "5", .unit = "ways",
		     .help = "Improbable ways in a row that are an issue"),
	SEQUENCE_ROW(min_ways, CONF_U32, .min = 50, .max = 1e9, .def = "500", .unit = "ways",
		     .help = "Ways from an endpoint before improbable ones are known"),
	SEQUENCE_ROW(
		hold_s, CONF_U32, .min = 0, .max = 3600, .def = "180", .unit = "s",
		.help = "How long a finding waits for others who do the same, which makes it a "
			"new version of the client"),
	SEQUENCE_ROW(callers, CONF_U32, .min = 16, .max = 4e6, .def = "65536", .unit = "callers",
		     .help = "Callers that are followed at the same time, about 220 bytes each"),
};
static const struct conf_section sequence_section = {
	.path = "detect.sequence",
	.help = "D-46: callers that leave out steps or go ways that nobody goes",
	.size = sizeof(struct sequence_options),
	.rows = sequence_rows,
	.n_rows = sizeof(sequence_rows) / sizeof(sequence_rows[0]),
};
CONF_SECTION(sequence_section);

static struct sequence_endpoint *area_of(struct merger *m, uint64_t id)
{
	struct merged_endpoint *e = merger_endpoint(m, id);
	struct sequence_endpoint *area = e ? merger_endpoint_area(m, e, &sequence) : NULL;

	if (area) {
		area->before.entry = area->before_entry;
		area->next.entry = area->next_entry;
	}
	return area;
}

static void endpoint_count(struct sequence_endpoint *e, struct sequence_caller *c, bool repeat)
{
	if (repeat && c->repeats == CALLER_REPEATS)
		return;
	c->repeats = (uint8_t)(c->repeats + repeat);
	e->repeats += repeat;
	e->calls++;
	e->poll |= e->calls >= POLL_CALLS &&
		   e->repeats * POLL_REPEATS >= e->calls * (POLL_REPEATS - 1);
}

// Does it change something?
static bool endpoint_writes(struct merger *m, uint64_t id)
{
	const struct merged_endpoint *e = merger_endpoint(m, id);

	return e && !judge_begins(e->method, "get") && !judge_begins(e->method, "head") &&
	       !judge_begins(e->method, "options");
}

// ---- findings that wait

static void sequence_skip_texts(struct merger *m, struct issue_draft *draft,
				const struct sequence_held *h, const char *user)
{
	char where[300], missing[300], calls[32];

	endpoint_text(merger_target(m, h->endpoint), where, sizeof(where));
	endpoint_text(merger_target(m, h->missing), missing, sizeof(missing));
	draft_text(draft->description, sizeof(draft->description),
		   "%s called %s with success without calling %s before (neither within the ten "
		   "requests nor within the ten minutes before). It stood before %.2f %% of %s "
		   "earlier "
		   "calls.",
		   user, where, missing, 100.0 * (double)h->with / (double)h->calls,
		   text_count(calls, h->calls));
	draft_text(draft->impact, sizeof(draft->impact),
		   "A step of the process can be left out: what it checks or takes (a price, a "
		   "payment, an approval) is not enforced by the step that follows.");
	draft_text(draft->remediation, sizeof(draft->remediation),
		   "Let the server keep the state of the process, and refuse a step whose "
		   "precondition is not met. Verify what this call did.");
}

static void sequence_ways_texts(struct merger *m, struct issue_draft *draft,
				const struct sequence_held *h, const char *user, uint32_t n)
{
	char where[300], first[300];

	endpoint_text(merger_target(m, h->endpoint), where, sizeof(where));
	endpoint_text(merger_target(m, h->from[0]), first, sizeof(first));
	draft_text(
		draft->description, sizeof(draft->description),
		"%s went %u ways in a row that hardly anybody goes, from %s to %s: of all ways "
		"from "
		"the same endpoints, those as rare as these make up one in 10^%.1f together. They "
		"are known from %llu ways from the last of them.",
		user, n, first, where, -h->chance_log10, (unsigned long long)h->calls);
	draft_text(draft->impact, sizeof(draft->impact),
		   "These calls were not made by the client that others use. Somebody explores the "
		   "interface by hand or with a program.");
	draft_text(draft->remediation, sizeof(draft->remediation),
		   "Look through what this caller did. Enforce the order of steps on the server "
		   "where an order matters.");
}

static void held_raise(const struct sequence_options *options, struct merger *m,
		       const struct sequence_held *h)
{
	struct merged_principal *p = merger_principal(m, h->principal);
	bool writes = endpoint_writes(m, h->endpoint);
	char user[EXCHANGE_USER + 1];
	struct issue_draft draft = {
		.severity = h->missing && writes ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = RESULT_SUCCEEDED,
		.metric = {.present = true,
			   .name = h->missing ? "precedence" : "improbable_ways_in_a_row",
			   .unit = h->missing ? "%" : "ways",
			   .window = "10 requests",
			   .value = h->missing ? 0 : options->in_a_row,
			   .baseline_mean =
				   h->missing ? 100.0 * (double)h->with / (double)h->calls : 0,
			   .percentile = NAN},
	};

	principal_text(p, user, sizeof(user));
	if (h->missing) {
		judge_term(&draft, "a step was left out that stands before nearly all calls", 50);
		if (writes)
			judge_term(&draft, "the call changed something", 15);
		if (h->with * 1000 >= h->calls * 999)
			judge_term(&draft, "before 999 of 1,000 calls", 10);
		if (h->calls >= 10000)
			judge_term(&draft, "10,000 calls were seen", 5);
		sequence_skip_texts(m, &draft, h, user);
	} else {
		judge_term(&draft, "several improbable ways in a row", 40);
		if (h->calls >= 10000)
			judge_term(&draft, "10,000 ways were seen", 10);
		sequence_ways_texts(m, &draft, h, user, options->in_a_row);
	}
	merger_raise(m, &sequence, judge_pair(h->principal, h->missing ? h->endpoint : 0), p,
		     merger_endpoint(m, h->endpoint), h->time_ns, &draft);
}

static bool held_alike(const struct sequence_held *a, const struct sequence_held *b)
{
	return a->missing ? a->endpoint == b->endpoint && a->missing == b->missing : !b->missing;
}

// How many callers wait for the same reason.
static uint32_t held_callers(const struct sequence *t, const struct sequence_held *h)
{
	uint64_t who[CROWD];
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_held && n < CROWD; i++) {
		uint32_t k = 0;

		if (!held_alike(h, &t->held[i]))
			continue;
		while (k < n && who[k] != t->held[i].principal)
			k++;
		if (k == n)
			who[n++] = t->held[i].principal;
	}
	return n;
}

static void held_drop(struct sequence *t, const struct sequence_held *like)
{
	struct sequence_held h = *like;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_held; i++) {
		if (!held_alike(&h, &t->held[i]))
			t->held[n++] = t->held[i];
	}
	t->n_held = n;
}

static void held_add(struct merger *m, struct sequence *t, const struct sequence_held *h)
{
	struct sequence_endpoint *e;

	if (t->n_held == HELD)
		return;
	for (uint32_t i = 0; i < t->n_held; i++) {
		if (t->held[i].principal == h->principal && held_alike(h, &t->held[i]))
			return;
	}
	t->held[t->n_held++] = *h;
	if (held_callers(t, h) < CROWD)
		return;
	// A new version: what it does is learnt from the beginning.
	e = h->missing ? area_of(m, h->endpoint) : NULL;
	if (e)
		e->seen = e->before.n = 0;
	held_drop(t, h);
}

static void held_release(const struct sequence_options *options, struct merger *m,
			 struct sequence *t, uint64_t now_ns, bool all)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_held; i++) {
		if (all || now_ns >= t->held[i].time_ns + options->hold_s * SECOND)
			held_raise(options, m, &t->held[i]);
		else
			t->held[n++] = t->held[i];
	}
	t->n_held = n;
}

// ---- steps

static bool caller_has(const struct sequence_caller *c, uint64_t endpoint)
{
	for (uint32_t i = 0; i < c->n; i++) {
		if (c->step[i].endpoint == endpoint)
			return true;
	}
	return false;
}

// The needed step that this caller left out; 0: none. Only steps that change something are needed:
// who did not look at something before, or got a 404 for it, follows a link.
static uint64_t missing_step(const struct sequence_options *options, struct merger *m,
			     const struct sequence_caller *c, uint64_t endpoint, uint64_t *with)
{
	const struct sequence_endpoint *e = area_of(m, endpoint), *before;

	for (uint32_t i = 0; e->seen >= options->min_calls && i < e->before.n; i++) {
		const struct topk_entry *one = &e->before_entry[i];

		*with = one->count - one->error;
		if ((double)*with < options->precedence * (double)e->seen ||
		    caller_has(c, one->id) || !endpoint_writes(m, one->id))
			continue;
		before = area_of(m, one->id);
		if (!before || !before->poll)
			return one->id;
	}
	return 0;
}

// The share of all ways from there that are as rare as this one or rarer. 1: too little is known.
static double way_chance(const struct sequence_options *options, const struct sequence_endpoint *e,
			 uint64_t to)
{
	const struct topk_entry *one = topk_find(&e->next, to);
	uint64_t count = one ? one->count : topk_least(&e->next, NEXT), more = 0;

	if (e->ways < options->min_ways)
		return 1;
	for (uint32_t i = 0; i < e->next.n && e->next_entry[i].count > count; i++)
		more += e->next_entry[i].count - e->next_entry[i].error;
	return more < e->ways ? 1 - (double)more / (double)e->ways : 0;
}

static void judge_skip(const struct sequence_options *options, struct merger *m, struct sequence *t,
		       struct sequence_caller *c, const struct call *call)
{
	struct sequence_endpoint *e = area_of(m, call->endpoint);
	uint64_t with = 0, missing = missing_step(options, m, c, call->endpoint, &with);

	if (missing) {
		struct sequence_held h = {
			.time_ns = call->time_ns,
			.principal = call->principal,
			.endpoint = call->endpoint,
			.missing = missing,
			.calls = e->seen,
			.with = with,
		};

		c->told_ns = call->time_ns;
		held_add(m, t, &h);
		return;
	}
	// Who left out a step a short while ago teaches nothing.
	if (c->told_ns && call->time_ns < c->told_ns + 6 * BREAK_NS)
		return;
	e->seen++;
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t k = 0;

		while (c->step[k].endpoint != c->step[i].endpoint)
			k++;
		if (k == i) // once, however often
			topk_add(&e->before, BEFORE, c->step[i].endpoint, 1);
	}
}

static void judge_way(const struct sequence_options *options, struct merger *m, struct sequence *t,
		      struct sequence_caller *c, const struct call *call)
{
	struct sequence_endpoint *from = area_of(m, c->step[0].endpoint);
	struct sequence_endpoint *to = area_of(m, call->endpoint);
	double chance;

	if (!from || !to)
		return;
	chance = to->calls >= options->min_ways ? way_chance(options, from, call->endpoint) : 1;
	c->odd = chance < options->chance ? (uint8_t)(c->odd + 1) : 0;
	if (c->odd >= options->in_a_row && c->n >= options->in_a_row) {
		struct sequence_held h = {
			.time_ns = call->time_ns,
			.principal = call->principal,
			.endpoint = call->endpoint,
			.calls = from->ways,
			.from = {c->step[options->in_a_row - 1].endpoint},
			.chance_log10 =
				log10(fmax(chance, 1.0 / (double)from->ways)) * options->in_a_row,
		};

		c->odd = 0;
		c->told_ns = call->time_ns;
		held_add(m, t, &h);
	}
	if (c->told_ns && call->time_ns < c->told_ns + 6 * BREAK_NS)
		return;
	from->ways++;
	topk_add(&from->next, NEXT, call->endpoint, 1);
}

static void caller_step(struct sequence_caller *c, const struct call *call)
{
	uint32_t n = c->n < BACK ? c->n : BACK - 1;

	memmove(&c->step[1], &c->step[0], n * sizeof(c->step[0]));
	c->step[0] = (struct sequence_step){call->endpoint, call->time_ns};
	c->n = (uint8_t)(n + 1);
}

// Is all known of what it did before: ten requests, or ten minutes?
static bool caller_whole(const struct sequence_caller *c, uint64_t time_ns)
{
	return c->n == BACK || time_ns >= c->since_ns + BREAK_NS;
}

static void caller_begin(const struct sequence *t, struct sequence_caller *c, bool fresh)
{
	struct sequence_caller before = *c;

	*c = (struct sequence_caller){.told_ns = before.told_ns, .since_ns = before.since_ns};
	if (fresh)
		c->since_ns = t->first_ns > t->dense_ns ? t->first_ns : t->dense_ns;
}

static void sequence_call(const struct detector *, const void *opaque, struct merger *m,
			  void *state, const struct call *call)
{
	const struct sequence_options *options = opaque;
	struct sequence *t = state;
	struct merged_endpoint *pub = merger_endpoint(m, call->endpoint);
	struct sequence_endpoint *e = pub ? area_of(m, call->endpoint) : NULL;
	struct sequence_caller *c;
	bool fresh, repeat;

	if (t->first_ns == 0)
		t->first_ns = call->time_ns;
	if (!e || !call->principal || (call->flags & CALL_MESSAGE))
		return;
	if (t->n_held)
		held_release(options, m, t, call->time_ns, false);
	c = lru_touch(&t->callers, judge_pair(call->principal, judge_host(&t->key, call, pub)),
		      &fresh);
	if (!c)
		return;
	if (fresh || call->time_ns > c->last_ns + BREAK_NS)
		caller_begin(t, c, fresh);
	c->last_ns = call->time_ns > c->last_ns ? call->time_ns : c->last_ns;
	if (call->flags & (CALL_HALF | CALL_GUESSED)) {
		*c = (struct sequence_caller){
			.last_ns = c->last_ns, .since_ns = c->last_ns, .told_ns = c->told_ns};
		return;
	}
	if (!call_ok(call))
		return;
	repeat = caller_has(c, call->endpoint);
	endpoint_count(e, c, repeat);
	if (!repeat && caller_whole(c, call->time_ns) && !e->poll)
		judge_skip(options, m, t, c, call);
	if (e->poll || (c->n && c->step[0].endpoint == call->endpoint))
		return;
	if (c->n)
		judge_way(options, m, t, c, call);
	caller_step(c, call);
}

static void sequence_evaluate(const struct detector *, const void *options, struct merger *m,
			      void *state, uint64_t now_ns, bool last)
{
	held_release(options, m, state, now_ns, last);
}

static void caller_evicted(void *arg, uint64_t, void *entry)
{
	const struct sequence_caller *c = entry;
	struct sequence *t = arg;

	t->dense_ns = c->last_ns > t->dense_ns ? c->last_ns : t->dense_ns;
}

static int sequence_init(void *state, const void *opaque)
{
	const struct sequence_options *options = opaque;
	struct sequence *t = state;
	int rc = lru_init(&t->callers, sizeof(struct sequence_caller), options->callers);

	t->callers.evicted_fn = caller_evicted;
	t->callers.evicted_arg = t;
	return rc;
}

static void sequence_fini(void *state)
{
	lru_fini(&((struct sequence *)state)->callers);
}

// ---- what was learnt

static void save_list(FILE *out, const struct topk_entry *entry, uint32_t n)
{
	blob_put(out, n, 1);
	for (uint32_t i = 0; i < n; i++) {
		blob_put(out, entry[i].id, 8);
		blob_put(out, entry[i].count, 8);
		blob_put(out, entry[i].error, 8);
	}
}

static int sequence_save(const void *, const struct merger *m, FILE *out)
{
	struct merger *all = (struct merger *)(uintptr_t)m; // only read
	uint32_t n = merger_endpoints(all);

	blob_put(out, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		struct merged_endpoint *pub = merger_endpoint_at(all, i);
		const struct sequence_endpoint *e = merger_endpoint_area(all, pub, &sequence);

		blob_put(out, pub->id, 8);
		blob_put(out, e->calls, 8);
		blob_put(out, e->repeats, 8);
		blob_put(out, e->poll, 1);
		blob_put(out, e->seen, 8);
		blob_put(out, e->ways, 8);
		save_list(out, e->before_entry, e->before.n);
		save_list(out, e->next_entry, e->next.n);
	}
	return ferror(out) ? -EIO : 0;
}

static uint32_t load_list(struct blob_reader *r, struct topk_entry *entry, uint32_t max)
{
	uint32_t n = (uint32_t)blob_get(r, 1);

	if (n > max)
		r->bad = true;
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		entry[i].id = blob_get(r, 8);
		entry[i].count = blob_get(r, 8);
		entry[i].error = blob_get(r, 8);
		if (entry[i].error > entry[i].count || (i && entry[i].count > entry[i - 1].count))
			r->bad = true;
	}
	return n;
}

static int sequence_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len};
	uint64_t n = version == sequence.version ? blob_get(&r, 4) : UINT64_MAX;

	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct sequence_endpoint read = {0}, *e = area_of(m, blob_get(&r, 8));

		read.calls = blob_get(&r, 8);
		read.repeats = blob_get(&r, 8);
		read.poll = blob_get(&r, 1) != 0;
		read.seen = blob_get(&r, 8);
		read.ways = blob_get(&r, 8);
		read.before.n = load_list(&r, read.before_entry, BEFORE);
		read.next.n = load_list(&r, read.next_entry, NEXT);
		if (e && !r.bad)
			*e = read;
	}
	return r.bad || r.left ? -EBADMSG : 0;
}

static size_t sequence_memory(const void *opaque, const struct conf *)
{
	const struct sequence_options *options = opaque;

	return lru_bytes(sizeof(struct sequence_caller), options->callers);
}

static const struct detector sequence = {
	.id = "D-46",
	.name = "sequence",
	.title = "Sequence Abuse",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API6:2023"},
	.section = &sequence_section,
	.state_size = sizeof(struct sequence),
	.endpoint_size = sizeof(struct sequence_endpoint),
	.init = sequence_init,
	.fini = sequence_fini,
	.memory = sequence_memory,
	.call = sequence_call,
	.evaluate = sequence_evaluate,
	.save = sequence_save,
	.load = sequence_load,
};
DETECTOR_REGISTER(sequence);
