// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-10: a user receives far more sensitive values in a minute than the others do.
//
// Worker: evidence of exchanges that bring many values, or of users that the merger watches.
//
// Merger: one second at a time. Calls wait in their second until it is GRACE seconds old, for a
// long exchange is known late but belongs to its beginning; then the second is closed, the one
// of a minute ago leaves, and users with many values are compared with all the others:
//
//	   ──── window: 60 closed seconds ────┤ open │
//	leaves │ sum of each user             │ wait │
//
// Each user stands in the list of the second in which its oldest values leave, so that a second
// costs what happens in it, not how many users there are. How many users are below a value is
// answered by a Fenwick tree (Peter M. Fenwick: "A new data structure for cumulative frequency
// tables", 1994) over the sums. Users are held here, not in the merger's table, which may forget
// one that this window still counts.
//
// Who receives as much on most days (usual.h) does so for a reason: the back office is its own
// measure. Exports that somebody approved count for nobody.

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "detect/blob.h"
#include "detect/approved.h"
#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/heavy.h"
#include "detect/idmap.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/memory.h"
#include "detect/principal.h"
#include "detect/stats.h"
#include "detect/text.h"
#include "detect/usual.h"
#include "detect/worker.h"

enum {
	WINDOW_S = 60,
	GRACE_S = 2,        // a second is closed when one this much later was seen
	SECONDS = 64,       // window and open seconds, a power of two
	OPEN = 4,           // lists of open seconds
	USERS_ENOUGH = 100, // below, confidence is capped
	VALUE_MAX = 65535,  // larger sums count as this one when users are ranked
	USERS_CHUNK = 1024,
	CHUNKS_MAX = 1024,   // a million users within a minute
	STALE_MAX = 1000,    // calls in a row from long ago: the clock was set back
	USUAL_USERS = 65536, // who ever received min_items in a minute
	DAY_S = 86400,
};

static_assert(WINDOW_S + OPEN <= SECONDS, "a bucket must be empty before it is used again");
static_assert(GRACE_S + 2 <= OPEN, "a list per open second");

struct retrieval_options {
	bool enabled;
	uint32_t min_items, min_users, warmup_s, usual_days;
	double factor, percentile, usual_factor;
	struct conf_strs approved_users, approved_endpoints;
};

struct user {
	uint64_t id;                // principal
	uint64_t active;            // a bit per closed second of the window with calls
	uint64_t endpoint, last_ns; // of the newest call with values
	uint32_t sum;               // values in the window
	uint32_t pending;           // values in open seconds
	uint8_t touched;            // a bit per open second with calls
	bool listed;                // in leaving[]
	bool hot;                   // in hot: has many values
	struct user *touched_next[OPEN], *leaving_next, *hot_next; // hot_next: of free ones, too
	uint16_t bucket[SECONDS];                                  // values per second
};

struct retrieval {
	bool started;
	uint64_t first, closed, latest; // seconds
	uint64_t total;                 // values of all in the window
	uint32_t n_users;               // with calls in the window
	uint32_t stale;
	struct user *touched[OPEN];
	struct user *leaving[SECONDS]; // by the second in which the oldest bucket leaves
	struct user *hot, *free;
	struct idmap map;
	uint32_t n_chunks;
	struct user *chunk[CHUNKS_MAX]; // owned
	uint64_t users_lost;            // calls of users for whom there was no room
	struct lru usual;               // of struct usual, by principal
	struct lru heavy;
	uint32_t tree[VALUE_MAX + 2];
};

// What was told of a principal, for as long as the merger knows it.
struct retrieval_told {
	uint32_t value;
	struct approved approved;
};

static const struct detector retrieval;

#define RETRIEVAL_ROW(field, kind, ...)                                                            \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct retrieval_options, field),  \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row retrieval_rows[] = {
	RETRIEVAL_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	RETRIEVAL_ROW(min_items, CONF_U32, .min = 2, .max = 1e9, .def = "100", .unit = "values",
		      .help = "Sensitive values within a minute below which nobody is suspicious"),
	RETRIEVAL_ROW(factor, CONF_F64, .min = 1, .max = 1e6, .def = "5.0", .unit = "x",
		      .help = "How many times the average of the other users"),
	RETRIEVAL_ROW(percentile, CONF_F64, .min = 50, .max = 100, .def = "99.9", .unit = "%",
		      .help = "The share of the other users that must have received less"),
	RETRIEVAL_ROW(min_users, CONF_U32, .min = 2, .max = 1e9, .def = "20", .unit = "users",
		      .help = "Users within the minute below which none is compared"),
	RETRIEVAL_ROW(usual_days, CONF_U32, .min = 1, .max = USUAL_DAYS - 1, .def = "3",
		      .unit = "days",
		      .help = "On so many of the last days a user must have received as much to be "
			      "left alone"),
	RETRIEVAL_ROW(usual_factor, CONF_F64, .min = 1, .max = 100, .def = "1.5", .unit = "x",
		      .help = "How many times what is usual for a user is still usual"),
	RETRIEVAL_ROW(approved_users, CONF_STRS, .min = 1, .max = 255, .def = "[ ]",
		      .help = "Users whose exports are approved; * and ? are wildcards"),
	RETRIEVAL_ROW(approved_endpoints, CONF_STRS, .min = 1, .max = 255, .def = "[ ]",
		      .help = "Endpoints whose exports are approved, as in \"GET api.example.com/"
			      "export/*\""),
	RETRIEVAL_ROW(warmup_s, CONF_U32, .min = 0, .max = 86400, .def = "10", .unit = "s",
		      .help = "Traffic that must have been seen before users are compared"),
};
static const struct conf_section retrieval_section = {
	.path = "detect.retrieval",
	.help = "D-10: users who receive far more sensitive values in a minute than the others",
	.size = sizeof(struct retrieval_options),
	.rows = retrieval_rows,
	.n_rows = sizeof(retrieval_rows) / sizeof(retrieval_rows[0]),
};
CONF_SECTION(retrieval_section);

// ---- worker

static void retrieval_exchange(const struct detector *self, const void *opaque,
			       struct detect_worker *w, const struct exchange *x)
{
	const struct retrieval_options *options = opaque;
	const struct delta *d = &w->delta[w->active];
	uint32_t hits = 0;
	struct finding *f;

	if (x->n_values == 0 || !http_tx_ok(x->tx))
		return;
	// Who takes all in one go was not watched before. That must not cost others their room.
	if (!snapshot_watches(w->snapshot, x->principal) &&
	    (x->n_values < options->min_items / 2 || d->n_findings >= DELTA_FINDINGS / 2 ||
	     d->arena_used >= DELTA_ARENA / 2))
		return;
	for (uint32_t i = 0; i < x->n_hits; i++) {
		if (x->hits[i].dir == SERVER)
			hits |= UINT32_C(1) << i;
	}
	f = finding_add(w, self, x->principal, x, hits);
	if (!f)
		return;
	f->severity = SEVERITY_HIGH;
	f->result = RESULT_SUCCEEDED;
	f->tentative = true;
	f->arg[0] = x->n_values;
}

// ---- merger: sums and ranks

static uint32_t rank_of(uint64_t value)
{
	return value < VALUE_MAX ? (uint32_t)value : VALUE_MAX;
}

static void tree_add(struct retrieval *r, uint32_t sum, uint32_t one)
{
	for (uint32_t i = rank_of(sum) + 1; i < sizeof(r->tree) / sizeof(r->tree[0]); i += i & -i)
		r->tree[i] += one; // UINT32_MAX takes one off
}

// How many users have a smaller sum. Never too many.
static uint32_t tree_below(const struct retrieval *r, uint64_t value)
{
	uint32_t n = 0;

	for (uint32_t i = rank_of(value); i > 0; i -= i & -i)
		n += r->tree[i];
	return n;
}

static void user_sum(struct retrieval *r, struct user *u, uint32_t sum)
{
	tree_add(r, u->sum, UINT32_MAX);
	r->total -= u->sum;
	u->sum = sum;
	r->total += u->sum;
	tree_add(r, u->sum, 1);
}

static struct user *user_get(struct retrieval *r, uint64_t id)
{
	struct user *u = idmap_get(&r->map, id);

	if (u)
		return u;
	if (!r->free && r->n_chunks < CHUNKS_MAX) {
		struct user *chunk = draft_alloc(USERS_CHUNK, sizeof(*chunk));

		for (uint32_t i = 0; chunk && i < USERS_CHUNK; i++) {
			chunk[i].hot_next = r->free;
			r->free = &chunk[i];
		}
		if (chunk)
			r->chunk[r->n_chunks++] = chunk;
	}
	u = r->free;
	if (!u || !idmap_add(&r->map, id, u)) {
		r->users_lost++;
		return NULL;
	}
	r->free = u->hot_next;
	*u = (struct user){.id = id};
	return u;
}

// Nothing of the user is left in the window nor in open seconds.
static void user_put(struct retrieval *r, struct user *u)
{
	if (u->active || u->touched || u->hot)
		return;
	idmap_remove(&r->map, u->id);
	u->hot_next = r->free;
	r->free = u;
}

// The oldest closed second with calls; the window ends with r->closed.
static uint64_t user_oldest(const struct retrieval *r, const struct user *u)
{
	uint64_t first = r->closed + 1 - SECONDS; // of the 64 that the bits may stand for
	uint32_t turn = (uint32_t)(first % SECONDS);
	uint64_t bits = turn ? u->active >> turn | u->active << (SECONDS - turn) : u->active;

	return first + (uint32_t)__builtin_ctzll(bits);
}

static void user_list(struct retrieval *r, struct user *u)
{
	struct user **list = &r->leaving[(user_oldest(r, u) + WINDOW_S) % SECONDS];

	u->listed = true;
	u->leaving_next = *list;
	*list = u;
}

// The calls of an open second become a part of the window.
static void second_enter(struct retrieval *r, uint64_t second)
{
	struct user *u = r->touched[second % OPEN], *next;

	r->touched[second % OPEN] = NULL;
	for (; u; u = next) {
		uint16_t values = u->bucket[second % SECONDS];

		next = u->touched_next[second % OPEN];
		u->touched &= (uint8_t) ~(1u << (second % OPEN));
		u->pending -= values;
		if (!u->active) {
			r->n_users++;
			tree_add(r, 0, 1);
		}
		u->active |= UINT64_C(1) << (second % SECONDS);
		user_sum(r, u, u->sum + values);
		if (!u->listed)
			user_list(r, u);
	}
}

static void second_leave(struct retrieval *r, uint64_t second)
{
	uint64_t bit = UINT64_C(1) << (second % SECONDS);
	struct user *u = r->leaving[(second + WINDOW_S) % SECONDS], *next;

	r->leaving[(second + WINDOW_S) % SECONDS] = NULL;
	for (; u; u = next) {
		next = u->leaving_next;
		u->listed = false;
		if (u->active & bit) {
			user_sum(r, u, u->sum - u->bucket[second % SECONDS]);
			u->active &= ~bit;
		}
		if (u->active) {
			user_list(r, u);
			continue;
		}
		r->n_users--;
		tree_add(r, 0, UINT32_MAX);
		user_put(r, u);
	}
}

// ---- merger: judging

static void retrieval_term(struct issue_draft *draft, const char *name, int points)
{
	draft->terms[draft->n_terms++] = (struct issue_term){name, points};
	draft->confidence += (uint32_t)points;
}

static void retrieval_terms(struct issue_draft *draft, double times, uint32_t n_users)
{
	retrieval_term(draft, "far more sensitive values within a minute than the other users", 50);
	if (times >= 20)
		retrieval_term(draft, "twenty times their average or more", 25);
	else if (times >= 10)
		retrieval_term(draft, "ten times their average or more", 20);
	else if (times >= 5)
		retrieval_term(draft, "five times their average or more", 12);
	else
		retrieval_term(draft, "above their average", 5);
	if (n_users > 10000)
		retrieval_term(draft, "compared with more than 10,000 users", 20);
	else if (n_users > 1000)
		retrieval_term(draft, "compared with more than 1,000 users", 15);
	else if (n_users > 100)
		retrieval_term(draft, "compared with more than 100 users", 10);
	else
		retrieval_term(draft, "compared with few users", 3);
}

static void retrieval_texts(struct issue_draft *draft, const struct merged_principal *p,
			    uint32_t below, const char *more)
{
	const struct issue_metric *metric = &draft->metric;
	uint32_t others = (uint32_t)metric->population - 1;
	char user[EXCHANGE_USER + 1], value[32], rank[160];

	principal_text(p, user, sizeof(user));
	text_count(value, (uint64_t)metric->value);
	stats_rank_text(rank, sizeof(rank), below, others,
			(const char *const[2]){"users", "received"});
	draft_text(draft->description, sizeof(draft->description),
		   "%s received %s sensitive values within one minute: %s in the same minute. The "
		   "average of the others was %.2f.%s",
		   user, text_count(value, (uint64_t)metric->value), rank, metric->baseline_mean,
		   more);
	draft_text(
		draft->impact, sizeof(draft->impact),
		"This is how a database is copied through its API: with valid calls, by somebody "
		"who "
		"may make them, only too many. Each value is somebody's data that is out of "
		"control "
		"once it was taken.");
	draft_text(
		draft->remediation, sizeof(draft->remediation),
		"Look through the calls of this user, and block it or withdraw its credentials if "
		"they have no business reason. Limit pages and calls per user, and return only the "
		"fields that a client needs. A known export should run under an account of its "
		"own.");
}

static uint32_t today(const struct retrieval *r)
{
	return (uint32_t)(r->closed / DAY_S);
}

// Is this number of values out of all proportion? Then the issue is raised, or grows.
static void user_judge(const struct retrieval_options *options, struct merger *m,
		       struct retrieval *r, const struct user *u, uint32_t value, bool early)
{
	uint32_t others = r->n_users - (u->active != 0), below;
	double mean = others ? (double)(r->total - u->sum) / others : 0;
	const struct usual *usual = lru_get(&r->usual, u->id);
	struct merged_principal *p;
	struct retrieval_told *told;
	char more[320];

	if (usual &&
	    value <= options->usual_factor * usual_value(usual, today(r), options->usual_days))
		return;
	if (others + 1 < options->min_users || value < options->min_items ||
	    value < options->factor * mean)
		return;
	below = tree_below(r, value) - (u->active && rank_of(u->sum) < rank_of(value));
	if (below < options->percentile / 100 * others)
		return;
	p = merger_principal(m, u->id);
	told = p ? merger_principal_area(m, p, &retrieval) : NULL;
	if (!told || value < told->value || (early && told->value))
		return;
	told->value = value;
	struct issue_draft draft = {
		.severity = SEVERITY_HIGH,
		.result = RESULT_SUCCEEDED,
		.metric =
			{
				.present = true,
				.name = "sensitive_values_per_minute",
				.unit = "values/min",
				.window = "60 s",
				.value = value,
				.baseline_mean = mean,
				.percentile = stats_percentile(below, others),
				.population = (uint64_t)others + 1,
			},
	};
	retrieval_terms(&draft, mean > 0 ? value / mean : INFINITY, others + 1);
	draft_cap(&draft, others + 1, USERS_ENOUGH);
	heavy_text(&r->heavy, m, u->id, more, sizeof(more));
	retrieval_texts(&draft, p, below, more);
	merger_raise(m, &retrieval, u->id, p, merger_endpoint(m, u->endpoint), u->last_ns, &draft);
}

// What the user will have at least when its open seconds are closed: a minute up to the newest.
static uint32_t user_now(const struct retrieval *r, const struct user *u)
{
	uint32_t value = u->sum + u->pending;

	for (uint64_t s = r->closed + 1 - WINDOW_S; s + WINDOW_S <= r->latest; s++) {
		if (u->active >> (s % SECONDS) & 1)
			value -= u->bucket[s % SECONDS];
	}
	return value;
}

static void user_usual(struct retrieval *r, const struct user *u)
{
	struct usual *usual = lru_touch(&r->usual, u->id, NULL);

	if (usual)
		usual_add(usual, today(r), u->sum);
}

static void judge_all(const struct retrieval_options *options, struct merger *m,
		      struct retrieval *r, bool early)
{
	struct user **at = &r->hot;
	bool warm = r->closed + 1 - r->first >= options->warmup_s;

	while (*at) {
		struct user *u = *at;

		if (u->sum + u->pending < options->min_items) {
			*at = u->hot_next;
			u->hot = false;
			user_put(r, u);
			continue;
		}
		if (!early && u->sum >= options->min_items)
			user_usual(r, u);
		if (warm)
			user_judge(options, m, r, u, early ? user_now(r, u) : u->sum, early);
		at = &u->hot_next;
	}
}

// ---- merger: time

static void second_close(const struct retrieval_options *options, struct merger *m,
			 struct retrieval *r)
{
	r->closed++;
	second_enter(r, r->closed);
	second_leave(r, r->closed - WINDOW_S);
	judge_all(options, m, r, false);
}

// Closes all seconds up to this one. When nothing is left in any, the rest is skipped.
static void close_until(const struct retrieval_options *options, struct merger *m,
			struct retrieval *r, uint64_t second)
{
	for (uint32_t i = 0; i < SECONDS + OPEN && r->closed < second; i++)
		second_close(options, m, r);
	if (r->closed < second)
		r->closed = second;
	if (r->latest < r->closed)
		r->latest = r->closed;
}

// What is usual stays.
static void users_clear(struct retrieval *r)
{
	struct lru usual = r->usual, heavy = r->heavy;

	for (uint32_t i = 0; i < r->n_chunks; i++)
		draft_free(r->chunk[i]);
	idmap_fini(&r->map);
	memset(r, 0, sizeof(*r));
	r->usual = usual;
	r->heavy = heavy;
}

// ---- merger: what somebody approved

static bool endpoint_approved(const struct retrieval_options *options, struct merger *m,
			      uint64_t id)
{
	struct merged_endpoint *e = options->approved_endpoints.n ? merger_endpoint(m, id) : NULL;
	struct approved *memo = e ? merger_endpoint_area(m, e, &retrieval) : NULL;

	return memo && approved_endpoint(memo, &options->approved_endpoints, e);
}

static bool user_approved(const struct retrieval_options *options, struct merger *m, uint64_t id)
{
	struct merged_principal *p = options->approved_users.n ? merger_principal(m, id) : NULL;
	struct retrieval_told *area = p ? merger_principal_area(m, p, &retrieval) : NULL;

	return area && approved_user(&area->approved, &options->approved_users, p);
}

static void clock_start(struct retrieval *r, uint64_t second)
{
	r->started = true;
	r->first = r->latest = second;
	r->closed = second - 1;
}

// Behind one address many people sign in, and each answer brings the tokens of another one: that
// says nothing of the address.
static bool counts_not(struct merger *m, const struct call *call)
{
	const struct merged_endpoint *e = call->n_values ? merger_endpoint(m, call->endpoint) : NULL;
	const struct merged_principal *p;

	// The request was not seen: its address may be that of hundreds.
	if (e && !*e->method)
		return true;
	if (!(call->flags & CALL_LOGIN))
		return false;
	p = merger_principal(m, call->principal);
	return !p || p->kind == PRINCIPAL_NONE || p->kind == PRINCIPAL_ADDRESS;
}

static void retrieval_call(const struct detector *, const void *opaque, struct merger *m,
			   void *state, const struct call *call)
{
	const struct retrieval_options *options = opaque;
	uint64_t second = call->time_ns / UINT64_C(1000000000);
	struct retrieval *r = state;
	uint32_t values = call_ok(call) && !counts_not(m, call) ? call->n_values : 0, slot, room;
	struct user *u;

	if (second < SECONDS)
		second = SECONDS; // so that a minute before it is no negative number
	if (!r->started)
		clock_start(r, second);
	if (second + WINDOW_S <= r->closed) {
		if (++r->stale < STALE_MAX)
			return;
		users_clear(r);
		clock_start(r, second);
	}
	r->stale = 0;
	if (second > r->latest)
		r->latest = second;
	if (second > r->closed + 1 + GRACE_S)
		close_until(options, m, r, second - 1 - GRACE_S);
	if (second <= r->closed)
		second = r->closed + 1; // known too late: counts now
	if (second > r->latest)
		r->latest = second;
	if (!call->principal || user_approved(options, m, call->principal))
		return;
	if (values && endpoint_approved(options, m, call->endpoint))
		values = 0;
	u = user_get(r, call->principal);
	if (!u)
		return;
	heavy_call(&r->heavy, call, values);
	slot = (uint32_t)(second % OPEN);
	if (!(u->touched >> slot & 1)) {
		u->touched |= (uint8_t)(1u << slot);
		u->touched_next[slot] = r->touched[slot];
		r->touched[slot] = u;
		u->bucket[second % SECONDS] = 0;
	}
	room = (uint32_t)UINT16_MAX - u->bucket[second % SECONDS];
	values = values < room ? values : room;
	if (values == 0)
		return;
	u->bucket[second % SECONDS] += (uint16_t)values;
	u->pending += values;
	u->endpoint = call->endpoint;
	u->last_ns = call->time_ns;
	values = u->sum + u->pending;
	if (values >= options->min_items && !u->hot) {
		u->hot = true;
		u->hot_next = r->hot;
		r->hot = u;
	}
	if (values >= options->min_items / 2 &&
	    (r->n_users < options->min_users ||
	     2.0 * values * r->n_users >= options->factor * (double)r->total))
		merger_watch(m, call->principal);
}

static void retrieval_object(const struct detector *, const void *, struct merger *, void *state,
			     const struct delta_object *object)
{
	struct retrieval *r = state;

	heavy_object(&r->heavy, object);
}

static void retrieval_evaluate(const struct detector *, const void *opaque, struct merger *m,
			       void *state, uint64_t now_ns, bool last)
{
	const struct retrieval_options *options = opaque;
	uint64_t now = now_ns / UINT64_C(1000000000);
	struct retrieval *r = state;

	if (!r->started)
		return;
	if (last)
		close_until(options, m, r, r->latest);
	else if (now > r->closed + 1 + GRACE_S)
		close_until(options, m, r, now - 1 - GRACE_S);
	judge_all(options, m, r, true);
}

// Findings of this detector are evidence; whether there is an issue is judged from all calls.
static bool retrieval_accept(const struct detector *, const void *, struct merger *, void *,
			     const struct finding *)
{
	return false;
}

static int retrieval_init(void *state, const void *)
{
	struct retrieval *r = state;

	return lru_init(&r->usual, sizeof(struct usual), USUAL_USERS) || heavy_init(&r->heavy) ? -1
											       : 0;
}

static void retrieval_fini(void *state)
{
	struct retrieval *r = state;

	users_clear(r);
	lru_fini(&r->usual);
	lru_fini(&r->heavy);
}

// ---- what was learnt

static int retrieval_save(const void *state, const struct merger *, FILE *out)
{
	return usual_save(&((const struct retrieval *)state)->usual, out);
}

static int retrieval_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader reader = {.in = in, .left = len, .bad = version != retrieval.version};

	return usual_load(&((struct retrieval *)state)->usual, &reader);
}

static size_t retrieval_memory(const void *, const struct conf *)
{
	return lru_bytes(sizeof(struct usual), USUAL_USERS) +
	       lru_bytes(sizeof(struct heavy), HEAVY_USERS) +
	       CHUNKS_MAX * memory_block(USERS_CHUNK * sizeof(struct user)) +
	       memory_map(CHUNKS_MAX * USERS_CHUNK);
}

static const struct detector retrieval = {
	.id = "D-10",
	.name = "retrieval",
	.title = "Excessive Data Retrieval",
	.module = "Runtime",
	.version = 2,
	.owasp = {"API3:2023", "API4:2023", "API6:2023"},
	.section = &retrieval_section,
	.exchange = retrieval_exchange,
	.state_size = sizeof(struct retrieval),
	.endpoint_size = sizeof(struct approved),
	.principal_size = sizeof(struct retrieval_told),
	.init = retrieval_init,
	.fini = retrieval_fini,
	.memory = retrieval_memory,
	.call = retrieval_call,
	.object = retrieval_object,
	.accept = retrieval_accept,
	.evaluate = retrieval_evaluate,
	.save = retrieval_save,
	.load = retrieval_load,
};
DETECTOR_REGISTER(retrieval);
