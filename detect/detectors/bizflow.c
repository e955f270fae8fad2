// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-47: one caller, source or device goes through a business flow far more often than others:
// signs up, buys, redeems coupons, asks for codes, resets passwords.
//
// Which endpoints belong to a flow is told by the words of their templates, once for each, or by
// the operator. Only calls that write count. Time is cut into halves of ten minutes; what counts is
// the present half and the one before:
//
//	actor │ calls before │ calls now   for each flow; all its calls for its share
//	flow  │ how many calls the actors of earlier halves had  ► p99.9, with those who had none
//
// An actor is told of that is above the floor, above three times what 999 in 1,000 of the others
// do, and who does little else: of what he sends, the flow is four times the share that it is of
// all traffic. When many are above it at once, it is a sale: nothing is said.

#include "detect/blob.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/hll.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/objects.h"
#include "detect/principal.h"
#include "detect/stats.h"
#include "detect/text.h"

enum flow_kind {
	FLOW_NONE = 0,
	FLOW_SIGNUP,
	FLOW_PURCHASE,
	FLOW_COUPON,
	FLOW_CODE,
	FLOW_RESET,
	FLOW_OWN, // the operator's
	FLOWS,
};

enum actor_kind { ACTOR_CALLER = 0, ACTOR_SOURCE, ACTOR_DEVICE, ACTORS };

enum {
	COUNTS = 256, // calls of an actor; more count as the last
	ACTIVE_P = 10,
	SALE = 3,         // actors above the limit that are always told of,
	SALE_SHARE = 100, // or one in so many
	TIMES = 3,        // p99.9
	SHARE = 4,
};

#define HALF_NS UINT64_C(300000000000)

struct bizflow_options {
	bool enabled;
	uint32_t floor_caller, floor_source, ceiling, min_actors, actors;
	struct conf_strs flows;
};

struct bizflow_endpoint {
	uint8_t looked, kind;
};

struct bizflow_actor {
	uint64_t half; // number of the present one, and 1
	uint64_t told_half;
	uint32_t now, before, ok_now, ok_before;
	uint32_t told; // calls when it was told last
	bool above;
};

struct bizflow_usual {
	double calls;            // of the flow, forgetting
	uint32_t actors[COUNTS]; // by calls within a half and the one before
	uint32_t limit, p999;    // of the present half; limit 0: not known
	uint32_t above;          // actors in the present half
};

struct bizflow {
	uint64_t key, half;
	double calls; // of all, forgetting
	double seen[ACTORS];
	uint32_t active[ACTORS]; // in the half before
	uint8_t actor[ACTORS][1 << ACTIVE_P];
	struct bizflow_usual usual[FLOWS][ACTORS];
	struct lru actors;
};

static const struct detector bizflow;

#define BIZFLOW_ROW(field, kind, ...)                                                              \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct bizflow_options, field),    \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row bizflow_rows[] = {
	BIZFLOW_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	BIZFLOW_ROW(floor_caller, CONF_U32, .min = 2, .max = 1e9, .def = "10", .unit = "calls",
		    .help = "Calls of a flow within ten minutes that any user may make"),
	BIZFLOW_ROW(floor_source, CONF_U32, .min = 2, .max = 1e9, .def = "20", .unit = "calls",
		    .help = "The same of an address, with or without a user agent, and of a "
			    "device or program"),
	BIZFLOW_ROW(ceiling, CONF_U32, .min = 0, .max = 1e9, .def = "0", .unit = "calls",
		    .help = "Calls of a flow within ten minutes that no caller may make, whatever "
			    "others "
			    "do; 0: no such limit"),
	BIZFLOW_ROW(min_actors, CONF_U32, .min = 10, .max = 1e9, .def = "100", .unit = "actors",
		    .help = "Active callers, sources or devices below which nobody is compared"),
	BIZFLOW_ROW(
		flows, CONF_STRS, .min = 2, .max = 255, .def = "[]",
		.help = "Words of path templates that belong to a flow of your own: \"/transfer\""),
	BIZFLOW_ROW(actors, CONF_U32, .min = 64, .max = 4e6, .def = "131072", .unit = "actors",
		    .help = "Actors that are followed at the same time, about 60 bytes each"),
};
static const struct conf_section bizflow_section = {
	.path = "detect.bizflow",
	.help = "D-47: sign-ups, purchases, coupons, codes and resets far more often than others",
	.size = sizeof(struct bizflow_options),
	.rows = bizflow_rows,
	.n_rows = sizeof(bizflow_rows) / sizeof(bizflow_rows[0]),
};
CONF_SECTION(bizflow_section);

// ---- flows

static const char *const flow_names[FLOWS] = {
	[FLOW_SIGNUP] = "sign-ups",       [FLOW_PURCHASE] = "purchases",
	[FLOW_COUPON] = "coupons",        [FLOW_CODE] = "one-time codes",
	[FLOW_RESET] = "password resets", [FLOW_OWN] = "calls of a flow of your own",
};

// Words are looked for at the beginning of a segment or behind a sign in it.
static const struct {
	const char *word;
	enum flow_kind kind;
} flow_words[] = {
	{"signup", FLOW_SIGNUP},
	{"sign-up", FLOW_SIGNUP},
	{"sign_up", FLOW_SIGNUP},
	{"register", FLOW_SIGNUP},
	{"registration", FLOW_SIGNUP},
	{"createaccount", FLOW_SIGNUP},
	{"create-account", FLOW_SIGNUP},
	{"coupon", FLOW_COUPON},
	{"voucher", FLOW_COUPON},
	{"redeem", FLOW_COUPON},
	{"promo", FLOW_COUPON},
	{"giftcard", FLOW_COUPON},
	{"gift-card", FLOW_COUPON},
	{"otp", FLOW_CODE},
	{"verify", FLOW_CODE},
	{"verification", FLOW_CODE},
	{"2fa", FLOW_CODE},
	{"mfa", FLOW_CODE},
	{"sendcode", FLOW_CODE},
	{"send-code", FLOW_CODE},
	{"reset", FLOW_RESET},
	{"forgot", FLOW_RESET},
	{"recover", FLOW_RESET},
	{"checkout", FLOW_PURCHASE},
	{"purchase", FLOW_PURCHASE},
	{"order", FLOW_PURCHASE},
	{"payment", FLOW_PURCHASE},
	{"pay", FLOW_PURCHASE},
	{"buy", FLOW_PURCHASE},
};

static bool is_letter(char c)
{
	uint8_t lower = span_lower((uint8_t)c);

	return lower >= 'a' && lower <= 'z';
}

// A word, or its plural, and nothing else: "pay" is not in "/payload" nor in "/repay".
static bool has_word(const char *template, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = template; *at; at++) {
		const char *end = at + len;

		if ((at > template && is_letter(at[-1]) && is_letter(*at)) ||
		    !judge_begins(at, word))
			continue;
		end += span_lower((uint8_t)*end) == 's';
		if (!is_letter(*end))
			return true;
	}
	return false;
}

static enum flow_kind flow_of(const struct bizflow_options *options, const char *template)
{
	for (size_t i = 0; i < options->flows.n; i++) {
		if (strstr(template, options->flows.v[i]))
			return FLOW_OWN;
	}
	for (uint32_t i = 0; i < sizeof(flow_words) / sizeof(flow_words[0]); i++) {
		if (has_word(template, flow_words[i].word))
			return flow_words[i].kind;
	}
	return FLOW_NONE;
}

static enum flow_kind endpoint_flow(const struct bizflow_options *options, struct merger *m,
				    struct merged_endpoint *e)
{
	struct bizflow_endpoint *area = merger_endpoint_area(m, e, &bizflow);

	if (!area)
		return FLOW_NONE;
	if (!area->looked) {
		area->looked = 1;
		area->kind = (uint8_t)flow_of(options, e->template);
	}
	return area->kind;
}

// ---- what is usual

// The least number of calls that at most one in 1,000 actors went beyond.
static uint32_t usual_p999(const struct bizflow_usual *u, double seen)
{
	double tail = 0;

	for (uint32_t i = COUNTS - 1; i > 0; i--) {
		tail += u->actors[i];
		if (tail > seen / 1000)
			return i;
	}
	return 0;
}

static void half_begin(const struct bizflow_options *options, struct bizflow *t, uint64_t half)
{
	bool next = half == t->half + 1;

	for (uint32_t a = 0; a < ACTORS; a++) {
		uint32_t floor = a == ACTOR_CALLER ? options->floor_caller : options->floor_source;
		uint64_t active = hll_count(t->actor[a], ACTIVE_P);
		bool halve = t->seen[a] > 1e7;

		t->active[a] = next ? (uint32_t)active : 0;
		t->seen[a] = (t->seen[a] + (double)active) * (halve ? 0.5 : 1);
		memset(t->actor[a], 0, sizeof(t->actor[a]));
		for (uint32_t f = 1; f < FLOWS; f++) {
			struct bizflow_usual *u = &t->usual[f][a];

			for (uint32_t i = 0; halve && i < COUNTS; i++)
				u->actors[i] /= 2;
			u->above = 0;
			u->p999 = usual_p999(u, t->seen[a]);
			u->limit = t->active[a] < options->min_actors ? 0
				   : TIMES * u->p999 > floor          ? TIMES * u->p999
								      : floor;
			u->calls *= 0.98;
		}
	}
	t->calls *= 0.98;
	t->half = half;
}

static void actor_advance(struct bizflow_actor *a, struct bizflow_usual *u, uint64_t half)
{
	uint32_t count = a->now + a->before;

	if (a->half == half)
		return;
	// Who was told of teaches nothing.
	if (u && count && !a->told)
		u->actors[count < COUNTS ? count : COUNTS - 1]++;
	a->before = a->half + 1 == half ? a->now : 0;
	a->ok_before = a->half + 1 == half ? a->ok_now : 0;
	a->now = a->ok_now = 0;
	a->above = false;
	if (!a->before)
		a->told = 0;
	a->half = half;
}

// ---- judging

struct bizflow_case {
	const struct bizflow *t;
	const struct call *call;
	const struct bizflow_actor *actor;
	struct bizflow_usual *usual;
	enum flow_kind flow;
	enum actor_kind kind;
	double share, usual_share;
	bool ceiling;
};

static void bizflow_texts(struct issue_draft *draft, struct merger *m, const struct bizflow_case *c)
{
	uint32_t count = c->actor->now + c->actor->before,
		 ok = c->actor->ok_now + c->actor->ok_before;
	char who[160], user[EXCHANGE_USER + 1], address[48], where[384], n[32], good[32],
		others[32];
	char rank[160] = "";

	principal_text(merger_principal(m, c->call->principal), user, sizeof(user));
	endpoint_address(c->call->client, address);
	endpoint_text(merger_target(m, c->call->endpoint), where, sizeof(where));
	if (c->kind == ACTOR_CALLER)
		draft_text(who, sizeof(who), "%s", user);
	else if (c->kind == ACTOR_SOURCE)
		draft_text(who, sizeof(who), "The source %s", address);
	else
		draft_text(who, sizeof(who), "One kind of device or program (last seen at %s)",
			   address);
	if (c->ceiling)
		draft_text(rank, sizeof(rank), "The configured limit was passed");
	else
		draft_text(rank, sizeof(rank),
			   "%s others were active; 99.9 %% of earlier ones had %u or "
			   "fewer",
			   text_count(others, c->t->active[c->kind]), c->usual->p999);
	draft_text(draft->description, sizeof(draft->description),
		   "%s sent %s %s within ten minutes, the last to %s; %s of them succeeded. %s. "
		   "They are "
		   "%.0f %% of what it sent, and %.1f %% of what all send.",
		   who, text_count(n, count), flow_names[c->flow], where, text_count(good, ok),
		   rank, 100 * c->share, 100 * c->usual_share);
	draft_text(draft->impact, sizeof(draft->impact), "%s",
		   c->flow == FLOW_SIGNUP
			   ? "Accounts made by programs are what spam, fraud with bonuses and "
			     "attacks under many names begin with."
		   : c->flow == FLOW_PURCHASE
			   ? "Goods that are few are bought up by programs, or stolen "
			     "cards are tried one after the other."
		   : c->flow == FLOW_COUPON
			   ? "Codes are guessed until some are valid, or used more often "
			     "than they were meant to be."
		   : c->flow == FLOW_CODE
			   ? "Codes are guessed, or messages are sent to others at the "
			     "operator's cost."
		   : c->flow == FLOW_RESET
			   ? "Accounts of others are prepared for a takeover, or their "
			     "owners are flooded with messages."
			   : "A process meant for people is run by a program.");
	draft_text(
		draft->remediation, sizeof(draft->remediation),
		"Limit this flow per account, source and device, ask for a proof that a person is "
		"there beyond a few, and look through what was done already.");
}

static void bizflow_raise(struct merger *m, uint64_t key, const struct bizflow_case *c)
{
	uint32_t count = c->actor->now + c->actor->before,
		 ok = c->actor->ok_now + c->actor->ok_before;
	bool done = ok * 10 > count || ok >= 5;
	// Those who are above the limit as well may have more.
	uint32_t above = c->usual->above > 1 ? c->usual->above - 1 : 0,
		 active = c->t->active[c->kind];
	uint32_t below = active > above ? active - above : 0;
	struct issue_draft draft = {
		.severity = done ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = done ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric = {.present = true,
			   .name = "flow_calls",
			   .unit = "calls/10 min",
			   .window = "10 min",
			   .value = count,
			   .baseline_mean = c->usual->p999,
			   .percentile = c->ceiling ? NAN : stats_percentile(below, active),
			   .population = (uint64_t)c->t->active[c->kind] + 1},
	};

	if (c->ceiling) {
		judge_term(&draft, "more than the configured limit", 80);
	} else {
		judge_term(&draft, "far more often than the others", 40);
		judge_term(&draft, "it does little else", c->share >= 0.9 ? 15 : 10);
		if (count >= 3 * c->usual->limit)
			judge_term(&draft, "three times the limit or more", 10);
		if (c->t->active[c->kind] >= 1000)
			judge_term(&draft, "compared with 1,000 others or more", 15);
	}
	bizflow_texts(&draft, m, c);
	merger_raise(m, &bizflow, key, merger_principal(m, c->call->principal),
		     merger_endpoint(m, c->call->endpoint), c->call->time_ns, &draft);
}

// True: this actor was told of within this window, now or before.
static bool actor_judge(const struct bizflow_options *options, struct merger *m, uint64_t key,
			struct bizflow_actor *a, struct bizflow_case *c)
{
	struct bizflow_usual *u = c->usual;
	uint32_t count = a->now + a->before, limit = u->limit, sale;

	// Behind an address and a user agent may be several people.
	if (limit && c->call->user_confidence < OBJECTS_SURE && limit < options->floor_source)
		limit = options->floor_source;
	c->ceiling = options->ceiling && c->kind == ACTOR_CALLER && count > options->ceiling;
	if (!c->ceiling) {
		if (!limit || count <= limit || c->share < fmin(SHARE * c->usual_share, 0.5))
			return a->told;
		u->above += !a->above;
		a->above = true;
		sale = c->t->active[c->kind] / SALE_SHARE;
		if (u->above > (sale > SALE ? sale : SALE))
			return a->told;
	}
	if (a->told && count < 2 * a->told)
		return true;
	a->told = count;
	bizflow_raise(m, key, c);
	return true;
}

// ---- counting

static uint64_t actor_id(struct bizflow *t, const struct call *call, enum actor_kind kind)
{
	if (kind == ACTOR_CALLER)
		return call->principal;
	if (kind == ACTOR_SOURCE)
		return judge_source(&t->key, call);
	return call->agent || call->ja4 ? judge_pair(call->agent, call->ja4) : 0;
}

static void bizflow_call(const struct detector *, const void *opaque, struct merger *m, void *state,
			 const struct call *call)
{
	const struct bizflow_options *options = opaque;
	struct bizflow *t = state;
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	bool writes = call->verb >= VERB_POST && call->verb <= VERB_PATCH, told = false;
	enum flow_kind flow;

	if (!e || call->status == 0 || (call->flags & (CALL_MESSAGE | CALL_GUESSED)))
		return;
	flow = writes ? endpoint_flow(options, m, e) : FLOW_NONE;
	if (call->time_ns / HALF_NS + 1 > t->half)
		half_begin(options, t, call->time_ns / HALF_NS + 1);
	t->calls++;
	for (uint32_t k = 0; k < ACTORS; k++) {
		uint64_t id = actor_id(t, call, k), key = judge_pair(id, FLOWS * k + flow);
		struct bizflow_usual *u = &t->usual[flow][k];
		struct bizflow_actor *all, *a;
		struct bizflow_case c = {.t = t, .call = call, .flow = flow, .kind = k, .usual = u};

		if (id == 0)
			continue;
		hll_add(t->actor[k], ACTIVE_P, id);
		all = lru_touch(&t->actors, judge_pair(id, FLOWS * k), NULL);
		if (!all)
			continue;
		actor_advance(all, NULL, t->half);
		all->now++;
		if (flow == FLOW_NONE)
			continue;
		u->calls++;
		c.share = all->now + all->before;
		a = lru_touch(&t->actors, key, NULL);
		if (!a)
			continue;
		actor_advance(a, u, t->half);
		a->now++;
		a->ok_now += call_ok(call);
		c.actor = a;
		c.share = (a->now + a->before) / c.share;
		c.usual_share = u->calls / t->calls;
		// One attack is one issue: of the caller, else of the source, else of the device.
		if (!told)
			told = actor_judge(options, m, key, a, &c);
	}
}

static int bizflow_init(void *state, const void *opaque)
{
	const struct bizflow_options *options = opaque;

	return lru_init(&((struct bizflow *)state)->actors, sizeof(struct bizflow_actor),
			options->actors);
}

static void bizflow_fini(void *state)
{
	lru_fini(&((struct bizflow *)state)->actors);
}

// ---- what was learnt

static int bizflow_save(const void *state, const struct merger *, FILE *out)
{
	const struct bizflow *t = state;

	blob_put_double(out, t->calls);
	for (uint32_t a = 0; a < ACTORS; a++) {
		blob_put_double(out, t->seen[a]);
		for (uint32_t f = 1; f < FLOWS; f++) {
			blob_put_double(out, t->usual[f][a].calls);
			for (uint32_t i = 0; i < COUNTS; i++)
				blob_put(out, t->usual[f][a].actors[i], 4);
		}
	}
	return ferror(out) ? -EIO : 0;
}

enum { SAVED = 8 + ACTORS * (8 + (FLOWS - 1) * (8 + COUNTS * 4)) };

static int bizflow_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct bizflow *t = state;
	struct blob_reader r = {.in = in, .left = len};

	if (version != bizflow.version || len != SAVED)
		return -EBADMSG;
	t->calls = blob_get_double(&r);
	for (uint32_t a = 0; a < ACTORS; a++) {
		t->seen[a] = blob_get_double(&r);
		for (uint32_t f = 1; f < FLOWS; f++) {
			t->usual[f][a].calls = blob_get_double(&r);
			for (uint32_t i = 0; i < COUNTS; i++)
				t->usual[f][a].actors[i] = (uint32_t)blob_get(&r, 4);
		}
	}
	return r.bad ? -EBADMSG : 0;
}

static size_t bizflow_memory(const void *opaque, const struct conf *)
{
	const struct bizflow_options *options = opaque;

	return lru_bytes(sizeof(struct bizflow_actor), options->actors);
}

static const struct detector bizflow = {
	.id = "D-47",
	.name = "bizflow",
	.title = "Business Flow Abuse",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API6:2023"},
	.section = &bizflow_section,
	.state_size = sizeof(struct bizflow),
	.endpoint_size = sizeof(struct bizflow_endpoint),
	.init = bizflow_init,
	.fini = bizflow_fini,
	.memory = bizflow_memory,
	.call = bizflow_call,
	.save = bizflow_save,
	.load = bizflow_load,
};
DETECTOR_REGISTER(bizflow);
