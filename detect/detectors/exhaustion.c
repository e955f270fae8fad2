// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-41: requests that cost the server far more than they cost their sender.
//
// Worker: what the messages themselves show (bombs, depth, floods of HTTP/2 frames) is a finding of
// the caller and the kind, at once. Common traffic pays a test of two words.
//
// What GraphQL asks for (graphql.h) is one more of these: depth, aliases, operations in one request.
//
// Merger, of each client address: requests that are held open, told after a minute or when their
// connection ends. And of each endpoint:
//
//	slow requests   took - waited: sent a few bytes at a time; so many within a minute
//	huge bodies     against the largest that was accepted before
//	slow answers    waited, against the 99th percentile of all: twenty within ten minutes of one
//	                caller while nobody else has them
//
// When everybody waits, the server is in trouble: that is for operations, nothing is said here.
//
// XXX: calls of gRPC, which may be meant to last, are not seen until their connection ends, nor are heads
// of HTTP/2, and requests whose start line did not end are not seen at all. GraphQL in a query parameter
// is not read.

#include "detect/costly.h"
#include "detect/ddsketch.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/principal.h"
#include "detect/record.h"
#include "detect/text.h"

enum {
	BINS = DDSKETCH_SMALL,
	LIMIT_EVERY = 256, // calls between two looks at the percentile
	SOURCES = 8,
	BIG_CALLERS = 5,  // so many send bodies as large: that is usual now
	SLOW_RATE = 1000, // bytes per second; less is slow
};

#define MINUTE_NS      UINT64_C(60000000000)
#define TEN_MINUTES_NS UINT64_C(600000000000)

struct exhaustion_options {
	bool enabled;
	uint32_t slow_s, slow_requests, body_floor, min_bodies, min_calls, wait_floor_ms,
		slow_answers;
	uint32_t callers, open_requests;
	struct costly_limits queries;
	double body_factor, wait_factor;
};

struct exhaustion_endpoint {
	// Slow requests.
	uint64_t slow_window, slow_source[SOURCES];
	uint32_t slow, n_slow_sources, slow_answered;
	uint64_t calls, slow_ever; // slow_ever: in windows that were not told
	bool slow_told;
	// Bodies.
	uint64_t bodies;
	uint32_t body_max, n_big;
	uint64_t big[BIG_CALLERS];
	// Waiting.
	uint64_t wait_window;
	uint32_t waits_slow; // of the present window
	uint32_t limit_us;   // 0: not known
	uint32_t p99_us;
	struct ddsketch wait;
	uint32_t bin[BINS];
};

// A caller at an endpoint who waited long.
struct exhaustion_caller {
	uint64_t window;
	uint32_t slow, told;
	double sum_us;
};

struct exhaustion {
	uint64_t key;
	struct lru callers;
};

static const struct detector exhaustion;

#define EXHAUSTION_ROW(field, kind, ...)                                                           \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct exhaustion_options, field), \
		__VA_ARGS__                                                                        \
	}
#define QUERY_ROW(limit, kind, ...)                                                                \
	{                                                                                          \
		.key = "graphql_" #limit, .type = kind,                                            \
		.offset = offsetof(struct exhaustion_options, queries.limit), __VA_ARGS__          \
	}
static const struct conf_row exhaustion_rows[] = {
	EXHAUSTION_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	EXHAUSTION_ROW(slow_s, CONF_U32, .min = 1, .max = 3600, .def = "10", .unit = "s",
		       .help = "How long a small request must take to arrive to be slow"),
	EXHAUSTION_ROW(slow_requests, CONF_U32, .min = 2, .max = 1e6, .def = "10",
		       .unit = "requests",
		       .help = "Slow requests of an endpoint within a minute that are an issue"),
	EXHAUSTION_ROW(open_requests, CONF_U32, .min = 2, .max = 1e6, .def = "20",
		       .unit = "requests",
		       .help = "Requests of one address within ten minutes that were held open for "
			       "slow_s, did not end and got no answer that are an issue"),
	QUERY_ROW(depth, CONF_U32, .min = 2, .max = 10000, .def = "20",
		       .unit = "levels", .help = "GraphQL selections may be nested so deep"),
	QUERY_ROW(aliases, CONF_U32, .min = 2, .max = 10000, .def = "100",
		       .unit = "aliases", .help = "Aliases that a GraphQL request may have"),
	QUERY_ROW(batch, CONF_U32, .min = 2, .max = 10000, .def = "30",
		       .unit = "operations",
		       .help = "GraphQL operations that may come in one request"),
	EXHAUSTION_ROW(body_floor, CONF_U32, .min = 1024, .max = 4e9, .def = "1000000",
		       .unit = "bytes", .help = "Request bodies up to this are never huge"),
	EXHAUSTION_ROW(body_factor, CONF_F64, .min = 1, .max = 1e6, .def = "10.0", .unit = "x",
		       .help = "How many times the largest body accepted before is huge"),
	EXHAUSTION_ROW(min_bodies, CONF_U32, .min = 10, .max = 1e9, .def = "200", .unit = "bodies",
		       .help = "Bodies that an endpoint must have accepted before"),
	EXHAUSTION_ROW(wait_factor, CONF_F64, .min = 1.5, .max = 1000, .def = "5.0", .unit = "x",
		       .help = "How many times the endpoint's 99th percentile a slow answer takes"),
	EXHAUSTION_ROW(wait_floor_ms, CONF_U32, .min = 1, .max = 600000, .def = "500", .unit = "ms",
		       .help = "Answers below this are never slow"),
	EXHAUSTION_ROW(slow_answers, CONF_U32, .min = 3, .max = 1e6, .def = "20", .unit = "answers",
		       .help = "Slow answers to one caller within ten minutes that are an issue"),
	EXHAUSTION_ROW(min_calls, CONF_U32, .min = 100, .max = 1e9, .def = "500", .unit = "calls",
		       .help = "Calls of an endpoint before its percentile is known"),
	EXHAUSTION_ROW(
		callers, CONF_U32, .min = 16, .max = 1e6, .def = "16384", .unit = "callers",
		.help = "Callers with slow answers, or open requests, that are followed, 40 bytes "
			"each"),
};
static const struct conf_section exhaustion_section = {
	.path = "detect.exhaustion",
	.help = "D-41: slow, open or huge requests, bombs, floods within HTTP/2, expensive "
		"queries, "
		"answers that take long",
	.size = sizeof(struct exhaustion_options),
	.rows = exhaustion_rows,
	.n_rows = sizeof(exhaustion_rows) / sizeof(exhaustion_rows[0]),
};
CONF_SECTION(exhaustion_section);

// ---- worker: what messages show

static void exhaustion_exchange(const struct detector *self, const void *opaque,
				struct detect_worker *w, const struct exchange *x)
{
	const struct exhaustion_options *options = opaque;

	costly_exchange(self, &options->queries, w, x);
}

// The kind is the same: its number stays.
static void exhaustion_join(struct finding *, const struct finding *)
{
}

static void exhaustion_describe(const struct detector *, const void *,
				const struct merged_endpoint *endpoint,
				const struct merged_principal *principal, struct issue_draft *draft)
{
	costly_describe(endpoint, principal, draft);
}

// ---- merger: texts

struct exhaustion_case {
	uint64_t key;
	const char *term, *metric, *unit, *impact, *remedy;
	struct merged_endpoint *endpoint;
	struct merged_principal *principal;
	double value, usual;
	bool done; // the server did the work
	char text[600];
};

static void exhaustion_raise(struct merger *m, const struct exhaustion_case *c, int points,
			     const struct call *call)
{
	struct issue_draft draft = {
		.severity = c->done ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = c->done ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric = {.present = true,
			   .name = c->metric,
			   .unit = c->unit,
			   .window = "10 min",
			   .value = c->value,
			   .baseline_mean = c->usual,
			   .percentile = NAN},
	};

	judge_term(&draft, c->term, points);
	if (c->principal)
		judge_term(&draft, "one caller alone", 15);
	if (c->done)
		judge_term(&draft, "the server did the work", 10);
	draft_text(draft.description, sizeof(draft.description), "%s", c->text);
	draft_text(draft.impact, sizeof(draft.impact), "%s", c->impact);
	draft_text(draft.remediation, sizeof(draft.remediation), "%s", c->remedy);
	merger_raise(m, &exhaustion, c->key, c->principal, c->endpoint, call->time_ns, &draft);
}

// ---- merger: slow requests

// Seconds that the request took to arrive, with its answer's way back; 0: unknown.
static double arrival(const struct call *call)
{
	uint32_t wait = call->wait_us == UINT32_MAX ? 0 : call->wait_us;

	if (call->flags & CALL_OPEN)
		return call->took_us / 1e6;
	// Without an end of the request only a refusal for being late says how long it took.
	if (call->took_us == UINT32_MAX || call->took_us <= wait ||
	    (call->wait_us == UINT32_MAX && call->status != 408))
		return 0;
	return (call->took_us - wait) / 1e6;
}

static void slow_judge(const struct exhaustion_options *options, struct merger *m,
		       struct merged_endpoint *pub, struct exhaustion_endpoint *e,
		       const struct call *call)
{
	double usual = e->calls > e->slow ? (double)e->slow_ever / (double)e->calls : 0;
	char where[384], n[32], calls[32], answer[48] = "had no answer then";
	struct exhaustion_case c = {
		.key = judge_pair(pub->id, 's'),
		.term = "many requests that arrive a few bytes at a time",
		.metric = "slow_requests_per_minute",
		.unit = "requests/min",
		.impact =
			"Each such request holds a connection, often a thread or a process of the "
			"server. A few hundred of them keep everybody else out.",
		.remedy = "Set time limits for headers and bodies and a least rate of bytes, and "
			  "let a proxy take in requests whole before it hands them on. Limit "
			  "connections "
			  "per source.",
		.endpoint = pub,
		.value = e->slow,
		.usual = usual,
		.done = e->slow_answered * 2 > e->slow,
	};

	// Where one in twenty is slow anyway, it is what the endpoint does.
	if (e->slow_told || e->slow < options->slow_requests || usual > 0.05)
		return;
	// One who holds requests open is told of by address.
	if (e->n_slow_sources == 1 && call->flags & CALL_OPEN)
		return;
	e->slow_told = true;
	if (e->n_slow_sources == 1)
		c.principal = merger_principal(m, call->principal);
	endpoint_text(pub, where, sizeof(where));
	if (call->status)
		draft_text(answer, sizeof(answer), "was answered with %u", call->status);
	draft_text(
		c.text, sizeof(c.text),
		"%s received %s requests within a minute that took %u seconds or more to arrive, "
		"at less than %u bytes a second, from %u%s source%s. Of %s calls before, %.2f %% "
		"were "
		"like that. This one took %.1f seconds for %u bytes and %s.",
		where, text_count(n, e->slow), options->slow_s, SLOW_RATE, e->n_slow_sources,
		e->n_slow_sources == SOURCES ? " or more" : "", text_plural(e->n_slow_sources),
		text_count(calls, e->calls), 100 * usual, arrival(call), call->req_bytes,
		answer);
	exhaustion_raise(m, &c, 50, call);
}

static void slow_call(const struct exhaustion_options *options, struct merger *m, uint64_t *key,
		      struct merged_endpoint *pub, const struct call *call)
{
	struct exhaustion_endpoint *e = merger_endpoint_area(m, pub, &exhaustion);
	uint64_t ended =
		call->time_ns + (call->took_us == UINT32_MAX ? 0 : call->took_us * UINT64_C(1000));
	uint64_t number = ended / MINUTE_NS + 1, source = 0;
	double seconds = arrival(call);

	e->calls++;
	if (seconds < options->slow_s || call->resp_bytes > 65536 ||
	    call->req_bytes > seconds * SLOW_RATE)
		return;
	if (number > e->slow_window) {
		if (!e->slow_told)
			e->slow_ever += e->slow;
		e->slow_window = number;
		e->slow = e->n_slow_sources = e->slow_answered = 0;
		e->slow_told = false;
	}
	e->slow++;
	e->slow_answered += call->status / 100 == 2 || call->status / 100 == 5;
	source = judge_source(key, call);
	for (uint32_t i = 0; i < e->n_slow_sources; i++) {
		if (e->slow_source[i] == source)
			source = 0;
	}
	if (source && e->n_slow_sources < SOURCES)
		e->slow_source[e->n_slow_sources++] = source;
	slow_judge(options, m, pub, e, call);
}

// ---- merger: requests that never end

static void open_judge(const struct exhaustion_options *options, struct merger *m,
		       struct exhaustion_caller *u, uint64_t id, const struct call *call)
{
	const struct source *source = merger_source(m, call->client);
	uint64_t calls = source && source->calls > u->slow ? source->calls : u->slow;
	char where[384], from[64], n[32], all[32];
	struct exhaustion_case c = {
		.key = judge_pair(id, 'n'),
		.term = "many requests that were held open",
		.metric = "open_requests",
		.unit = "requests",
		.impact =
			"Each such request holds a connection, often a thread or a process of the "
			"server, for as long as the server waits. A few hundred of them keep "
			"everybody else out.",
		.remedy =
			"Set a time limit for the whole of headers and body, not only between two "
			"bytes, limit connections per source, and let a proxy take in requests "
			"whole before it hands them on.",
		.endpoint = merger_target(m, call->endpoint),
		.principal = merger_principal(m, call->principal),
		.value = u->slow,
	};

	// Twice as many later are told again. Of an address of many users some lose their line.
	if (u->slow < options->open_requests || u->slow < 2 * u->told ||
	    u->slow * UINT64_C(20) < calls)
		return;
	u->told = u->slow;
	endpoint_text(c.endpoint, where, sizeof(where));
	draft_text(
		c.text, sizeof(c.text),
		"%s held %s requests open within ten minutes, the last one to %s: each was begun, "
		"not ended for %u seconds or more, at less than %u bytes a second, and got no "
		"answer. In all %s requests of this address were seen.",
		source_text(call->client, 0, from), text_count(n, u->slow), where, options->slow_s,
		SLOW_RATE, text_count(all, calls));
	exhaustion_raise(m, &c, 60, call);
}

static void open_call(const struct exhaustion_options *options, struct merger *m,
		      struct exhaustion *t, const struct call *call)
{
	uint64_t ended = call->time_ns + call->took_us * UINT64_C(1000);
	uint64_t id = judge_pair(judge_source(&t->key, call), 'o');
	uint64_t number = ended / TEN_MINUTES_NS + 1;
	double seconds = arrival(call);
	struct exhaustion_caller *u;

	if (seconds < options->slow_s || call->req_bytes > seconds * SLOW_RATE)
		return;
	u = lru_touch(&t->callers, id, NULL);
	if (!u || number < u->window)
		return;
	if (number > u->window)
		*u = (struct exhaustion_caller){.window = number};
	u->slow++;
	open_judge(options, m, u, id, call);
}

// ---- merger: huge bodies

static void body_call(const struct exhaustion_options *options, struct merger *m,
		      struct merged_endpoint *pub, struct exhaustion_endpoint *e,
		      const struct call *call)
{
	char where[384], user[EXCHANGE_USER + 1], size[32], max[32], n[32];
	bool huge = e->bodies >= options->min_bodies && call->req_bytes > options->body_floor &&
		    call->req_bytes > options->body_factor * e->body_max;
	struct exhaustion_case c = {
		.term = "a body far larger than any before",
		.metric = "request_body",
		.unit = "bytes",
		.impact = "What is read before it is checked takes memory and time. A handful of "
			  "such bodies at once may be more than the server has.",
		.remedy = "Set a limit for the body of this endpoint a little above what it needs, "
			  "and refuse larger ones by their Content-Length before they are read "
			  "(413).",
		.endpoint = pub,
		.value = call->req_bytes,
		.usual = e->body_max,
		.done = call_ok(call) || call->status / 100 == 5,
	};
	uint32_t i = 0;

	if (!huge) {
		if (call_ok(call) && call->req_bytes) {
			e->bodies++;
			e->body_max = call->req_bytes > e->body_max ? call->req_bytes : e->body_max;
		}
		return;
	}
	while (i < e->n_big && e->big[i] != call->principal)
		i++;
	if (i == e->n_big && call_ok(call) && e->n_big == BIG_CALLERS - 1) {
		e->body_max = call->req_bytes; // several callers: it is what the endpoint takes now
		e->n_big = 0;
		return;
	}
	if (i == e->n_big && e->n_big < BIG_CALLERS - 1)
		e->big[e->n_big++] = call->principal;
	c.principal = merger_principal(m, call->principal);
	c.key = judge_pair(judge_pair(call->principal, pub->id), 'b');
	endpoint_text(pub, where, sizeof(where));
	principal_text(c.principal, user, sizeof(user));
	draft_text(c.text, sizeof(c.text),
		   "%s sent a body of %s bytes to %s. The largest of the %s that it accepted "
		   "before had %s. The answer was %u.",
		   user, text_count(size, call->req_bytes), where, text_count(n, e->bodies),
		   text_count(max, e->body_max), call->status);
	exhaustion_raise(m, &c, 45, call);
}

// ---- merger: slow answers

static void wait_learn(const struct exhaustion_options *options, struct exhaustion_endpoint *e,
		       uint32_t wait_us)
{
	double limit;

	ddsketch_add(&e->wait, e->bin, BINS, wait_us, 1);
	if (e->wait.count < options->min_calls || (e->limit_us && e->wait.count % LIMIT_EVERY != 0))
		return;
	limit = ddsketch_quantile(&e->wait, e->bin, BINS, 0.99);
	if (isnan(limit))
		return;
	e->p99_us = (uint32_t)limit;
	limit = fmax(limit * options->wait_factor, options->wait_floor_ms * 1000.0);
	e->limit_us = limit < UINT32_MAX - 1 ? (uint32_t)limit : UINT32_MAX - 1;
}

static void wait_judge(const struct exhaustion_options *options, struct merger *m,
		       struct merged_endpoint *pub, const struct exhaustion_endpoint *e,
		       struct exhaustion_caller *u, const struct call *call)
{
	char where[384], user[EXCHANGE_USER + 1], n[32];
	uint32_t others = e->waits_slow - u->slow;
	struct exhaustion_case c = {
		.key = judge_pair(judge_pair(call->principal, pub->id), 'w'),
		.term = "answers that take far longer than those to others",
		.metric = "slow_answers",
		.unit = "answers",
		.impact = "What this caller asks for costs the server many times what others ask "
			  "for: a query without bounds, a pattern that backtracks, a report that "
			  "is built "
			  "each time.",
		.remedy = "Find what is expensive in these requests, bound it (page size, range of "
			  "dates, depth, time of a query) and limit calls of that kind per caller.",
		.endpoint = pub,
		.principal = merger_principal(m, call->principal),
		.value = u->slow,
		.usual = others,
		.done = true,
	};

	// Twice as much later is told again. Where others wait as well, it is the server's trouble.
	if (u->slow < options->slow_answers || u->slow < 2 * u->told || others * 4 > u->slow)
		return;
	u->told = u->slow;
	endpoint_text(pub, where, sizeof(where));
	principal_text(c.principal, user, sizeof(user));
	draft_text(c.text, sizeof(c.text),
		   "%s waited %.1f seconds on average for %s answers of %s within ten minutes, "
		   "each more than %.1f times the endpoint's 99th percentile of %.0f ms. All "
		   "others together "
		   "had %u such answers in that time.",
		   user, u->sum_us / u->slow / 1e6, text_count(n, u->slow), where,
		   (double)e->limit_us / fmax(1, e->p99_us), e->p99_us / 1e3, others);
	exhaustion_raise(m, &c, 45, call);
}

static void wait_call(const struct exhaustion_options *options, struct merger *m,
		      struct exhaustion *t, struct merged_endpoint *pub,
		      struct exhaustion_endpoint *e, const struct call *call)
{
	uint64_t number = call->time_ns / TEN_MINUTES_NS + 1;
	struct exhaustion_caller *u;

	if (call->wait_us == UINT32_MAX || (call->flags & CALL_GUESSED))
		return;
	if (!e->limit_us || call->wait_us <= e->limit_us) {
		wait_learn(options, e, call->wait_us);
		return;
	}
	if (number > e->wait_window) {
		e->wait_window = number;
		e->waits_slow = 0;
	}
	e->waits_slow++;
	u = lru_touch(&t->callers, judge_pair(call->principal, pub->id), NULL);
	if (!u || number < u->window)
		return;
	if (number > u->window)
		*u = (struct exhaustion_caller){.window = number};
	u->slow++;
	u->sum_us += call->wait_us;
	wait_judge(options, m, pub, e, u, call);
}

static void arrived(const struct exhaustion_options *options, struct merger *m,
		    struct exhaustion *state, const struct call *call)
{
	struct merged_endpoint *pub = merger_endpoint(m, call->endpoint);

	if (call->flags & CALL_OPEN)
		open_call(options, m, state, call);
	if (pub && !(call->flags & CALL_MESSAGE))
		slow_call(options, m, &state->key, pub, call);
}

static void exhaustion_held(const struct detector *, const void *opaque, struct merger *m,
			    void *state, const struct call *call)
{
	const struct exhaustion_options *options = opaque;

	// Where only longer ones are slow, their ends tell.
	if (options->slow_s <= REQUEST_HELD_NS / 1000000000)
		arrived(options, m, state, call);
}

static void exhaustion_call(const struct detector *, const void *opaque, struct merger *m,
			    void *state, const struct call *call)
{
	const struct exhaustion_options *options = opaque;
	struct merged_endpoint *pub = merger_endpoint(m, call->endpoint);
	struct exhaustion_endpoint *e = pub ? merger_endpoint_area(m, pub, &exhaustion) : NULL;

	if (!(call->flags & CALL_TOLD) || options->slow_s > REQUEST_HELD_NS / 1000000000)
		arrived(options, m, state, call);
	if (!e || (call->flags & CALL_MESSAGE))
		return;
	if (call->req_bytes)
		body_call(options, m, pub, e, call);
	wait_call(options, m, state, pub, e, call);
}

static int exhaustion_init(void *state, const void *opaque)
{
	const struct exhaustion_options *options = opaque;

	return lru_init(&((struct exhaustion *)state)->callers, sizeof(struct exhaustion_caller),
			options->callers);
}

static void exhaustion_fini(void *state)
{
	lru_fini(&((struct exhaustion *)state)->callers);
}

// ---- what was learnt: of bodies. Percentiles are back after some hundred calls.

static const struct record_field wait_fields[] = {
	RECORD_SMALL(struct ddsketch, count, 0), RECORD_SMALL(struct ddsketch, zeros, 0),
	RECORD_REAL(struct ddsketch, min),       RECORD_REAL(struct ddsketch, max),
	RECORD_ONE(struct ddsketch, top, 0),
};

static bool wait_sound(const void *entry)
{
	const struct ddsketch *s = entry;

	return s->zeros <= s->count && s->top < 1 << 20 && s->top > -(1 << 20);
}

static const struct record wait_record = RECORD(struct ddsketch, wait_fields, wait_sound);
static const struct record_field endpoint_fields[] = {
	RECORD_SMALL(struct exhaustion_endpoint, calls, 0),
	RECORD_SMALL(struct exhaustion_endpoint, slow_ever, 0),
	RECORD_SMALL(struct exhaustion_endpoint, bodies, 0),
	RECORD_ONE(struct exhaustion_endpoint, body_max, 0),
	RECORD_SMALL(struct exhaustion_endpoint, n_big, BIG_CALLERS),
	RECORD_MANY(struct exhaustion_endpoint, big, 0),
	RECORD_ONE(struct exhaustion_endpoint, limit_us, 0),
	RECORD_ONE(struct exhaustion_endpoint, p99_us, 0),
	RECORD_STRUCT(struct exhaustion_endpoint, wait, wait_record),
	RECORD_MANY(struct exhaustion_endpoint, bin, 0),
};
static const struct record endpoint_record =
	RECORD(struct exhaustion_endpoint, endpoint_fields, NULL);

static int exhaustion_save(const void *, const struct merger *m, FILE *out)
{
	return record_put_endpoints(out, &endpoint_record, m, &exhaustion);
}

static int exhaustion_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != exhaustion.version};
	int rc = record_get_endpoints(&r, &endpoint_record, m, &exhaustion);

	return rc ? rc : record_end(&r);
}

static size_t exhaustion_memory(const void *opaque, const struct conf *)
{
	const struct exhaustion_options *options = opaque;

	return lru_bytes(sizeof(struct exhaustion_caller), options->callers);
}

static const struct detector exhaustion = {
	.id = "D-41",
	.name = "exhaustion",
	.title = "Resource Exhaustion",
	.module = "Runtime",
	.version = 2,
	.owasp = {"API4:2023"},
	.section = &exhaustion_section,
	.exchange = exhaustion_exchange,
	.join = exhaustion_join,
	.state_size = sizeof(struct exhaustion),
	.endpoint_size = sizeof(struct exhaustion_endpoint),
	.init = exhaustion_init,
	.fini = exhaustion_fini,
	.memory = exhaustion_memory,
	.call = exhaustion_call,
	.held = exhaustion_held,
	.describe = exhaustion_describe,
	.save = exhaustion_save,
	.load = exhaustion_load,
};
DETECTOR_REGISTER(exhaustion);
