// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-23: a write that was carried out is sent again. Three ways to know that it should not be:
//
//	nonce  the same write with the same Idempotency-Key, which one request has (IETF draft
//	       "The Idempotency-Key HTTP Header Field")
//	token  a signed token whose id each caller of the endpoint uses once (RFC 7519 section
//	       4.1.7)
//	body   the same body, where bodies never repeat
//
// A client that got no answer tries again: what comes within retry_s, or after a first one that
// did not succeed, is that. So is a repetition on the same connection. Bodies alone say little: they
// count from the third time on.
//
// Merger only. Who used a write or a token first stands in bounded tables; what had to leave one
// while it was young makes learning blind for blind_s, for a repetition may have been missed.

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
#include "detect/text.h"

enum {
	REPEATS_MAX = 4096,
	BODY_USES = 3, // of one body
};
#define SECOND UINT64_C(1000000000)
#define CHANCE 0.01

struct replay_options {
	bool enabled;
	uint32_t retry_s, min_writes, blind_s, max_writes;
	double repeat_percent;
};

// The first use of a write or a token.
struct replay_first {
	uint64_t time_ns, principal, connection, endpoint, path;
	uint32_t n; // uses, retries aside
	bool ok;
};

struct replay_endpoint {
	uint32_t bodies, repeated; // accepted writes; of them, that were there before
	uint32_t tokens,
		reused; // tokens that were used here first; that were used again, or elsewhere
};

enum replay_how { REPLAY_NONCE = 0, REPLAY_TOKEN, REPLAY_BODY };

// What is told of a principal and endpoint.
struct replay_told {
	uint64_t principal, endpoint, first_ns, time_ns;
	uint32_t n, n_ok;
	uint8_t how;            // the surest
	bool others, others_ok; // the first was somebody else's
};

struct replay_write {
	struct lru writes, tokens, told;
	uint64_t now_ns, blind_ns; // blind_ns: until then nothing is learnt or told; but nonces
	uint64_t blind_for_ns;
};

static const struct detector replay_write;

#define REPLAY_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct replay_options, field),     \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row replay_rows[] = {
	REPLAY_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	REPLAY_ROW(retry_s, CONF_U32, .min = 0, .max = 86400, .def = "30", .unit = "s",
		   .help = "Within this time after the first one a repetition is a client's retry"),
	REPLAY_ROW(min_writes, CONF_U32, .min = 50, .max = 1e9, .def = "500", .unit = "writes",
		   .help = "Writes of an endpoint before it is known that they never repeat"),
	REPLAY_ROW(repeat_percent, CONF_F64, .min = 0, .max = 10, .def = "0.1", .unit = "%",
		   .help = "Share of them that may repeat all the same"),
	REPLAY_ROW(blind_s, CONF_U32, .min = 60, .max = 604800, .def = "3600", .unit = "s",
		   .help = "Time between two uses of a write or token that must be seen"),
	REPLAY_ROW(max_writes, CONF_U32, .min = 1000, .max = 1e7, .def = "200000", .unit = "writes",
		   .help = "Writes, and tokens, that are remembered, 80 bytes each"),
};
static const struct conf_section replay_section = {
	.path = "detect.replay_write",
	.help = "D-23: writes and one-time tokens that are used again",
	.size = sizeof(struct replay_options),
	.rows = replay_rows,
	.n_rows = sizeof(replay_rows) / sizeof(replay_rows[0]),
};
CONF_SECTION(replay_section);

static void first_evicted(void *arg, uint64_t, void *entry)
{
	struct replay_write *s = arg;
	const struct replay_first *first = entry;

	if (s->now_ns < first->time_ns + s->blind_for_ns)
		s->blind_ns = s->now_ns + s->blind_for_ns;
}

static int replay_init(void *state, const void *opaque)
{
	const struct replay_options *options = opaque;
	struct replay_write *s = state;

	if (lru_init(&s->writes, sizeof(struct replay_first), options->max_writes) ||
	    lru_init(&s->tokens, sizeof(struct replay_first), options->max_writes) ||
	    lru_init(&s->told, sizeof(struct replay_told), REPEATS_MAX))
		return -1;
	s->writes.evicted_fn = s->tokens.evicted_fn = first_evicted;
	s->writes.evicted_arg = s->tokens.evicted_arg = s;
	s->blind_for_ns = options->blind_s * SECOND;
	return 0;
}

static size_t replay_memory(const void *opaque, const struct conf *)
{
	const struct replay_options *options = opaque;

	return 2 * lru_bytes(sizeof(struct replay_first), options->max_writes) +
	       lru_bytes(sizeof(struct replay_told), REPEATS_MAX);
}

static void replay_fini(void *state)
{
	struct replay_write *s = state;

	lru_fini(&s->writes);
	lru_fini(&s->tokens);
	lru_fini(&s->told);
}

// ---- texts

static void replay_terms(struct issue_draft *draft, const struct replay_told *t, uint32_t learnt)
{
	static const struct issue_term first[] = {
		[REPLAY_NONCE] = {"a write with a key that is for one request, sent again", 65},
		[REPLAY_TOKEN] = {"a token that everybody uses once, used again", 60},
		[REPLAY_BODY] = {"the same body where bodies never repeat", 45},
	};

	judge_term(draft, first[t->how].name, first[t->how].points);
	if (t->others)
		judge_term(draft, "the first one was another user's", 15);
	if (t->n_ok)
		judge_term(draft, "the server accepted it again", 10);
	if (t->n >= 3)
		judge_term(draft, "three times or more", 5);
	if (t->how != REPLAY_NONCE && learnt >= 5000)
		judge_term(draft, "five thousand others or more never did", 10);
}

static void how_text(const struct replay_told *t, uint32_t learnt, char *out, size_t size)
{
	char n[32];

	switch (t->how) {
	case REPLAY_NONCE:
		draft_text(out, size,
			   "with the same body and the same idempotency key, which is made for one "
			   "request");
		break;
	case REPLAY_TOKEN:
		draft_text(out, size,
			   "with a token whose id was used before, though hardly any of %s tokens "
			   "that were seen at this endpoint was used twice",
			   text_count(n, learnt));
		break;
	default:
		draft_text(out, size,
			   "with the same body, though hardly any of %s accepted writes of this "
			   "endpoint had one that was there before",
			   text_count(n, learnt));
		break;
	}
}

static void replay_raise(struct merger *m, const struct replay_told *t)
{
	struct merged_principal *p = merger_principal(m, t->principal);
	struct merged_endpoint *e = merger_endpoint(m, t->endpoint);
	const struct replay_endpoint *area = e ? merger_endpoint_area(m, e, &replay_write) : NULL;
	struct issue_draft draft = {
		.severity = !t->n_ok       ? SEVERITY_LOW
			    : t->others_ok ? SEVERITY_HIGH
					   : SEVERITY_MEDIUM,
		.result = t->n_ok ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric =
			{
				.present = true,
				.name = "repeated_writes",
				.unit = "requests",
				.window = "since the first one",
				.value = t->n,
				.percentile = NAN,
			},
	};
	char user[EXCHANGE_USER + 1], where[384], n[32], ok[32], how[256];
	uint32_t learnt;

	if (!p || !area)
		return;
	learnt = t->how == REPLAY_TOKEN ? area->tokens : area->bodies;
	draft.metric.population = t->how == REPLAY_NONCE ? 0 : learnt;
	principal_text(p, user, sizeof(user));
	endpoint_text(e, where, sizeof(where));
	how_text(t, learnt, how, sizeof(how));
	replay_terms(&draft, t, learnt);
	draft_text(draft.description, sizeof(draft.description),
		   "%s sent a write to %s again %s time%s, %s. The first one, %.0f seconds before "
		   "the newest, %s and had succeeded. The server accepted %s of the repetitions.",
		   user, where, text_count(n, t->n), text_plural(t->n), how,
		   (double)(t->time_ns - t->first_ns) / 1e9,
		   t->others ? "was another user's" : "came on another connection",
		   t->n_ok ? text_count(ok, t->n_ok) : "none");
	draft_text(draft.impact, sizeof(draft.impact),
		   "A payment, order or change that is carried out twice. Who can record a request "
		   "can repeat it, without knowing what it says.");
	draft_text(draft.remediation, sizeof(draft.remediation),
		   "Remember the key or token id of each write that was carried out and answer a "
		   "second one with the first one's result, for the same user only. Let tokens for "
		   "single actions expire soon, and look at whether this write took effect twice.");
	merger_raise(m, &replay_write, judge_pair(t->principal, t->endpoint), p, e, t->time_ns,
		     &draft);
}

static void replay_tell(struct replay_write *s, struct merger *m, const struct call *call,
			const struct replay_first *first, enum replay_how how)
{
	bool fresh, others = first->principal != call->principal;
	struct replay_told *t =
		lru_touch(&s->told, judge_pair(call->principal, call->endpoint), &fresh);

	if (!t)
		return;
	if (fresh || how < t->how)
		t->how = (uint8_t)how;
	if (fresh)
		t->first_ns = first->time_ns;
	t->principal = call->principal;
	t->endpoint = call->endpoint;
	t->time_ns = call->time_ns;
	t->n++;
	t->n_ok += call_ok(call);
	t->others |= others;
	t->others_ok |= others && call_ok(call);
	replay_raise(m, t);
}

// ---- calls

// Was it there before, and is this no retry? Remembers the first successful use otherwise.
static struct replay_first *first_of(const struct replay_options *options, struct lru *table,
				     uint64_t id, const struct call *call)
{
	bool fresh;
	struct replay_first *first = lru_touch(table, id, &fresh);

	if (!first)
		return NULL;
	if (fresh || !first->ok) {
		*first = (struct replay_first){
			.time_ns = call->time_ns,
			.principal = call->principal,
			.connection = call->connection,
			.endpoint = call->endpoint,
			.path = call->path,
			.n = 1,
			.ok = call_ok(call),
		};
		return NULL;
	}
	if (call->time_ns <= first->time_ns + options->retry_s * SECOND)
		return NULL;
	first->n++;
	return first;
}

static bool is_rare(const struct replay_options *options, uint32_t n, uint32_t again)
{
	return n >= options->min_writes &&
	       (double)again * 100 < (double)n * options->repeat_percent;
}

static void look_nonce(const struct replay_options *options, struct replay_write *s,
		       struct merger *m, const struct call *call)
{
	const struct replay_first *first =
		first_of(options, &s->writes, judge_pair(call->request, call->nonce), call);

	if (first && (first->connection != call->connection || first->principal != call->principal))
		replay_tell(s, m, call, first, REPLAY_NONCE);
}

static uint32_t sum_of(uint32_t a, uint32_t b)
{
	return a < UINT32_MAX - b ? a + b : UINT32_MAX;
}

static void replay_join(void *into, const void *from)
{
	struct replay_endpoint *to = into;
	const struct replay_endpoint *e = from;

	to->bodies = sum_of(to->bodies, e->bodies);
	to->repeated = sum_of(to->repeated, e->repeated);
	to->tokens = sum_of(to->tokens, e->tokens);
	to->reused = sum_of(to->reused, e->reused);
}

// Bodies that say little meet by chance, where there are very many: of n of them of which r met another
// one, about 2 r r / 3 n met two. No more than one in a hundred may be expected.
static bool is_chance(uint32_t n, uint32_t r)
{
	return 2.0 * r * r > 3.0 * n * CHANCE;
}

// Only of POST: other methods say by themselves that they may be repeated (RFC 9110 section 9.2.2),
// or are made from what is there.
static void look_body(const struct replay_options *options, struct replay_write *s,
		      struct merger *m, struct replay_endpoint *area, const struct call *call)
{
	const struct replay_first *first = first_of(options, &s->writes, call->request, call);
	bool known = is_rare(options, area->bodies, area->repeated) &&
		     !is_chance(area->bodies, area->repeated);

	if (call->time_ns < s->blind_ns)
		return;
	// Two users may say the same by chance, and one may send a page once more.
	if (first && known && first->connection != call->connection && call_ok(call) &&
	    first->n >= BODY_USES)
		replay_tell(s, m, call, first, REPLAY_BODY);
	if (!call_ok(call) || area->bodies == UINT32_MAX)
		return;
	area->bodies++;
	area->repeated += first != NULL;
}

// Tokens of sessions are used all the time, soonest on other paths: each such use speaks against
// the endpoint where the token was seen first, and the present one.
static void look_token(const struct replay_options *options, struct replay_write *s,
		       struct merger *m, struct replay_endpoint *area, const struct call *call)
{
	const struct replay_first *known = lru_get(&s->tokens, call->token_id), *first;
	bool here = known && known->endpoint == call->endpoint;
	struct merged_endpoint *before =
		known && !here ? merger_endpoint(m, known->endpoint) : NULL;
	struct replay_endpoint *other =
		before ? merger_endpoint_area(m, before, &replay_write) : NULL;
	bool retry = here && known->path == call->path &&
		     call->time_ns <= known->time_ns + options->retry_s * SECOND;

	first = first_of(options, &s->tokens, call->token_id, call);
	if (call->time_ns < s->blind_ns || area->tokens == UINT32_MAX || retry)
		return;
	if (first && here && first->connection != call->connection &&
	    is_rare(options, area->tokens, area->reused))
		replay_tell(s, m, call, first, REPLAY_TOKEN);
	area->tokens += !known && call_ok(call);
	area->reused += known != NULL;
	if (other)
		other->reused++;
}

static void replay_call(const struct detector *, const void *opaque, struct merger *m, void *state,
			const struct call *call)
{
	const struct replay_options *options = opaque;
	struct replay_write *s = state;
	struct merged_endpoint *e;
	struct replay_endpoint *area;

	if ((call->flags & CALL_MESSAGE) || (!call->request && !call->token_id))
		return;
	e = merger_endpoint(m, call->endpoint);
	area = e ? merger_endpoint_area(m, e, &replay_write) : NULL;
	if (!area)
		return;
	s->now_ns = call->time_ns;
	if (call->request && call->nonce)
		look_nonce(options, s, m, call);
	else if (call->request && call->verb == VERB_POST && !(call->flags & CALL_LOGIN))
		look_body(options, s, m, area, call);
	if (call->token_id)
		look_token(options, s, m, area, call);
}

// ---- what was learnt

static int replay_save(const void *, const struct merger *m, FILE *out)
{
	struct merger *all = (struct merger *)(uintptr_t)m; // only read
	uint32_t n = merger_endpoints(all);

	blob_put(out, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		struct merged_endpoint *e = merger_endpoint_at(all, i);
		const struct replay_endpoint *area = merger_endpoint_area(all, e, &replay_write);

		blob_put(out, e->id, 8);
		blob_put(out, area->bodies, 4);
		blob_put(out, area->repeated, 4);
		blob_put(out, area->tokens, 4);
		blob_put(out, area->reused, 4);
	}
	return ferror(out) ? -EIO : 0;
}

static int replay_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != replay_write.version};
	uint64_t n = blob_get(&r, 4);

	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct merged_endpoint *e = merger_endpoint(m, blob_get(&r, 8));
		struct replay_endpoint read = {0}, *area;

		read.bodies = (uint32_t)blob_get(&r, 4);
		read.repeated = (uint32_t)blob_get(&r, 4);
		read.tokens = (uint32_t)blob_get(&r, 4);
		read.reused = (uint32_t)blob_get(&r, 4);
		area = e ? merger_endpoint_area(m, e, &replay_write) : NULL;
		if (area && !r.bad)
			*area = read;
	}
	return r.bad || r.left ? -EBADMSG : 0;
}

static const struct detector replay_write = {
	.id = "D-23",
	.name = "replay_write",
	.title = "Replayed Write",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API6:2023", "API2:2023"},
	.section = &replay_section,
	.state_size = sizeof(struct replay_write),
	.endpoint_size = sizeof(struct replay_endpoint),
	.join_area = replay_join,
	.init = replay_init,
	.fini = replay_fini,
	.memory = replay_memory,
	.call = replay_call,
	.save = replay_save,
	.load = replay_load,
};
DETECTOR_REGISTER(replay_write);
