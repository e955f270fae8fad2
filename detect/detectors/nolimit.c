// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-78: an endpoint takes many requests a second from one user, and never says that these are too
// many: nothing limits them.
//
// Merger. Requests of each user at each endpoint are counted over ten seconds and over ten minutes.
// A burst that was answered with anything but 429 is remembered; when the endpoint was watched for
// a day and answered nobody with 429 in that time, that is told, with the limit that what was seen
// recommends: the most in ten minutes that 99 % of the users ever sent, and half as much again.
//
// How many users sent how many at most is a histogram of each endpoint; a user moves up in it:
//
//	1 2 3 4 5 6 7 8 10 12 14 16 20 24 28 32 …   four buckets to each doubling

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/lru.h"
#include "detect/mix.h"
#include "detect/principal.h"
#include "detect/record.h"
#include "detect/siphash.h"
#include "detect/text.h"

enum {
	BUCKETS = 64, // up to 114,688 in ten minutes
	BURST_S = 10,
	WINDOW_S = 600,
	TOO_MANY = 429,
};

struct nolimit_options {
	bool enabled;
	double rate, login_rate;
	uint32_t watch_h, min_users, max_pairs;
};

// A user at an endpoint.
struct nolimit_pair {
	uint64_t burst_ns, window_ns; // when these began
	uint32_t burst, window;       // requests in them
	uint32_t most;                // in a window
	uint32_t endpoint;            // in short
};

struct nolimit_endpoint {
	uint64_t first_ns, refused_ns; // refused_ns: last 429
	uint64_t principal, told_ns; // principal: of the fastest burst
	uint32_t burst; // requests in ten seconds
	uint32_t users;
	uint32_t most[BUCKETS];
};

struct nolimit {
	struct lru pairs;
};

#define NOLIMIT_ROW(field, kind, ...)                                                              \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct nolimit_options, field),    \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row nolimit_rows[] = {
	NOLIMIT_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	NOLIMIT_ROW(rate, CONF_F64, .min = 0.2, .max = 1e6, .def = "10.0", .unit = "requests/s",
		    .help = "A user's rate at one endpoint, for ten seconds, that should be limited"),
	NOLIMIT_ROW(login_rate, CONF_F64, .min = 0.2, .max = 1e6, .def = "1.0",
		    .unit = "requests/s", .help = "The same where users sign in"),
	NOLIMIT_ROW(watch_h, CONF_U32, .min = 1, .max = 720, .def = "24", .unit = "hours",
		    .help = "Time without a 429 before it is said that there is no limit"),
	NOLIMIT_ROW(min_users, CONF_U32, .min = 10, .max = 1e6, .def = "30", .unit = "users",
		    .help = "Users of an endpoint before a limit is recommended"),
	NOLIMIT_ROW(max_pairs, CONF_U32, .min = 64, .max = 1 << 24, .def = "131072",
		    .unit = "pairs", .help = "Users at endpoints whose rate is known at once"),
};
static const struct conf_section nolimit_section = {
	.path = "detect.nolimit",
	.help = "D-78: endpoints that take any number of requests from one user",
	.size = sizeof(struct nolimit_options),
	.rows = nolimit_rows,
	.n_rows = sizeof(nolimit_rows) / sizeof(nolimit_rows[0]),
};
CONF_SECTION(nolimit_section);

static const struct detector nolimit;

// ---- The histogram

static uint32_t bucket_of(uint32_t n)
{
	uint32_t octave, i;

	if (n < 8)
		return n ? n - 1 : 0; // 1 to 7: buckets 0 to 6
	octave = 31 - (uint32_t)__builtin_clz(n);
	i = 7 + (octave - 3) * 4 + (n >> (octave - 2) & 3);
	return i < BUCKETS ? i : BUCKETS - 1;
}

// The highest number that a bucket holds.
static uint32_t bucket_top(uint32_t i)
{
	uint32_t octave, part;

	if (i < 7)
		return i + 1;
	octave = 3 + (i - 7) / 4;
	part = (i - 7) % 4;
	return (UINT32_C(1) << octave) + ((part + 1) << (octave - 2)) - 1;
}

static void most_grows(struct nolimit_endpoint *e, struct nolimit_pair *pair)
{
	if (pair->window <= pair->most)
		return;
	if (pair->most && e->most[bucket_of(pair->most)])
		e->most[bucket_of(pair->most)]--;
	else
		e->users++;
	pair->most = pair->window;
	e->most[bucket_of(pair->most)]++;
}

// What 99 % of the users never exceeded, as an upper bound. 0: too few users.
static uint32_t most_usual(const struct nolimit_endpoint *e, uint32_t min_users)
{
	uint64_t sum = 0;

	if (e->users < min_users)
		return 0;
	for (uint32_t i = 0; i < BUCKETS; i++) {
		sum += e->most[i];
		if (sum * 100 >= (uint64_t)e->users * 99)
			return bucket_top(i);
	}
	return 0;
}

// ---- Judging

static void nolimit_raise(const struct nolimit_options *o, struct merger *m,
			  const struct nolimit_endpoint *area, struct merged_endpoint *e,
			  const struct call *call)
{
	bool login = call->flags & CALL_LOGIN;
	uint32_t usual = most_usual(area, o->min_users);
	uint64_t watched_h = (call->time_ns - area->first_ns) / UINT64_C(3600000000000);
	double rate = (double)area->burst / BURST_S;
	struct issue_draft draft = {
		.severity = SEVERITY_LOW,
		.result = RESULT_UNKNOWN,
		.confidence = login ? 75 : 65,
		.terms = {{"many requests of one user in ten seconds, and no 429", 65},
			  {"users sign in there", 10}},
		.n_terms = login ? 2 : 1,
		.metric = {.present = true, .name = "requests_per_second", .unit = "requests/s",
			   .window = "10 s", .value = rate,
			   .baseline_mean = login ? o->login_rate : o->rate,
			   .percentile = (double)NAN},
	};
	char where[384], user[EXCHANGE_USER + 1], count[32], users[32];
	size_t n;

	endpoint_text(e, where, sizeof(where));
	principal_text(merger_principal(m, area->principal), user, sizeof(user));
	draft_text(draft.description, sizeof(draft.description),
		   "%s took %s requests of %s within ten seconds (%.1f a second). In the last %u of "
		   "the %llu hours for which it was watched it answered nobody with 429: nothing "
		   "limits how fast one user may ask%s.",
		   where, text_count(count, area->burst), user, rate, o->watch_h,
		   (unsigned long long)watched_h, login ? ", not even at signing in" : "");
	draft_text(draft.impact, sizeof(draft.impact), "%s",
		   login ? "Passwords can be tried as fast as the server answers."
			 : "Data can be copied, and the service be kept busy, as fast as it answers.");
	n = (size_t)draft_text(draft.remediation, sizeof(draft.remediation),
			       "Limit requests by user, and answer 429 with Retry-After beyond.");
	if (usual && n < sizeof(draft.remediation))
		draft_text(draft.remediation + n, sizeof(draft.remediation) - n,
			   " Recommended: %llu requests in ten minutes. Of the %s users seen, 99 %% "
			   "never sent more than %u in ten minutes; this is half as much again.",
			   (unsigned long long)((uint64_t)usual * 3 + 1) / 2,
			   text_count(users, area->users), usual);
	merger_raise(m, &nolimit, siphash_id(e->id), NULL, e, call->time_ns, &draft);
}

static void nolimit_judge(const struct nolimit_options *o, struct merger *m,
			  struct nolimit_endpoint *area, struct merged_endpoint *e,
			  const struct call *call)
{
	uint64_t watch = o->watch_h * UINT64_C(3600000000000), now = call->time_ns;

	if (area->burst == 0 || now < area->first_ns + watch || now < area->refused_ns + watch ||
	    (area->told_ns && now < area->told_ns + watch))
		return;
	area->told_ns = now;
	nolimit_raise(o, m, area, e, call);
	area->burst = 0; // told again only when it happens again
}

static void pair_count(const struct nolimit_options *o, struct nolimit_pair *pair,
		       struct nolimit_endpoint *area, const struct call *call)
{
	double rate = call->flags & CALL_LOGIN ? o->login_rate : o->rate;
	uint64_t now = call->time_ns;

	if (now >= pair->burst_ns + BURST_S * UINT64_C(1000000000) || pair->burst == 0) {
		pair->burst_ns = now;
		pair->burst = 0;
	}
	if (now >= pair->window_ns + WINDOW_S * UINT64_C(1000000000) || pair->window == 0) {
		pair->window_ns = now;
		pair->window = 0;
	}
	pair->burst += pair->burst < UINT32_MAX;
	pair->window += pair->window < UINT32_MAX;
	most_grows(area, pair);
	if (pair->burst > rate * BURST_S && pair->burst > area->burst) {
		area->burst = pair->burst;
		area->principal = call->principal;
	}
}

static void nolimit_call(const struct detector *self, const void *options, struct merger *m,
			 void *state, const struct call *call)
{
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct nolimit_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;
	struct nolimit *s = state;
	struct nolimit_pair *pair;

	if (!area || (call->flags & CALL_MESSAGE) || call->status == 0)
		return;
	if (area->first_ns == 0)
		area->first_ns = call->time_ns;
	if (call->status == TOO_MANY) {
		area->refused_ns = call->time_ns;
		area->burst = 0;
		return;
	}
	pair = lru_touch(&s->pairs, siphash_id(siphash_number(call->principal, 'P', e->id)), NULL);
	if (pair) {
		pair->endpoint = mix_tag(e->id);
		pair_count(options, pair, area, call);
	}
	nolimit_judge(options, m, area, e, call);
}

static int nolimit_init(void *state, const void *opaque)
{
	const struct nolimit_options *options = opaque;

	return lru_init(&((struct nolimit *)state)->pairs, sizeof(struct nolimit_pair),
			options->max_pairs);
}

static void nolimit_fini(void *state)
{
	lru_fini(&((struct nolimit *)state)->pairs);
}

static size_t nolimit_memory(const void *opaque, const struct conf *)
{
	const struct nolimit_options *options = opaque;

	return lru_bytes(sizeof(struct nolimit_pair), options->max_pairs);
}

// ---- What was learnt: how much each user sends at most, for an endpoint counts each user once

static const struct record_field pair_fields[] = {
	RECORD_ONE(struct nolimit_pair, burst_ns, 0),  RECORD_ONE(struct nolimit_pair, window_ns, 0),
	RECORD_SMALL(struct nolimit_pair, burst, 0),   RECORD_SMALL(struct nolimit_pair, window, 0),
	RECORD_SMALL(struct nolimit_pair, most, 0),    RECORD_ONE(struct nolimit_pair, endpoint, 0),
};
static const struct record pair_record = RECORD(struct nolimit_pair, pair_fields, NULL);
static const struct record_field endpoint_fields[] = {
	RECORD_ONE(struct nolimit_endpoint, first_ns, 0),
	RECORD_ONE(struct nolimit_endpoint, refused_ns, 0),
	RECORD_ONE(struct nolimit_endpoint, principal, 0),
	RECORD_ONE(struct nolimit_endpoint, told_ns, 0),
	RECORD_ONE(struct nolimit_endpoint, burst, 0),
	RECORD_ONE(struct nolimit_endpoint, users, 0),
	RECORD_MANY(struct nolimit_endpoint, most, 0),
};
static const struct record endpoint_record = RECORD(struct nolimit_endpoint, endpoint_fields, NULL);

static int nolimit_save(const void *state, const struct merger *m, FILE *out)
{
	int rc = record_put_table(out, &pair_record, &((const struct nolimit *)state)->pairs);

	return rc ? rc : record_put_endpoints(out, &endpoint_record, m, &nolimit);
}

static int nolimit_load(void *state, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != nolimit.version};
	int rc = record_get_table(&r, &pair_record, &((struct nolimit *)state)->pairs);

	rc = rc ? rc : record_get_endpoints(&r, &endpoint_record, m, &nolimit);
	return rc ? rc : record_end(&r);
}

static void nolimit_forget(void *state, struct merger *, uint64_t endpoint)
{
	struct nolimit *s = state;
	const struct nolimit_pair *pair = lru_first(&s->pairs), *next;

	for (; pair; pair = next) {
		next = lru_next(&s->pairs, pair);
		if (pair->endpoint == mix_tag(endpoint))
			lru_remove(&s->pairs, lru_id(pair));
	}
}

static const struct detector nolimit = {
	.id = "D-78",
	.name = "nolimit",
	.title = "No Rate Limiting Seen",
	.module = "Posture",
	.version = 1,
	.owasp = {"API4:2023"},
	.section = &nolimit_section,
	.state_size = sizeof(struct nolimit),
	.endpoint_size = sizeof(struct nolimit_endpoint),
	.init = nolimit_init,
	.fini = nolimit_fini,
	.memory = nolimit_memory,
	.call = nolimit_call,
	.forget = nolimit_forget,
	.save = nolimit_save,
	.load = nolimit_load,
};
DETECTOR_REGISTER(nolimit);
