// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-40: far more requests than usual, that are not simply more people.
//
// Merger: time is cut into windows of ten seconds. Of each endpoint and each host it is learnt how
// many requests a window has at this hour (season.h) and lately (a mean that forgets), and how many
// of them a caller sends; of each source the latter two.
//
//	count │        ▄█▀█▄▄█      limit: mean + 8 spreads, a floor at least
//	    ──┼───────▄█──────────
//	      │▁▂▁▁▂▁▂█               three windows in a row beyond it: a surge, who is it?
//
// From half the limit on a surge is looked at more closely: callers, sources, answers, waiting. When
// the callers send about what callers always send, it is a crowd: nothing is said, and it is learnt.
// What a flood does is never learnt, unless it lasts for an hour.
//
// XXX: a flood whose every caller sends no more than people do is taken for a crowd.

#include "detect/blob.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/few.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/season.h"
#include "detect/stats.h"
#include "detect/text.h"
#include "detect/topk.h"

enum {
	SURGES = 64, // endpoints and hosts that are looked at more closely at the same time
	TOP = 32,
	USERS_P = 6,
	SOURCE_USERS_P = 4,
	GAP_MAX = 360, // windows without a call that are learnt in one go
	HOT_MAX = 360, // from here on it is what is usual
	MEMORY = 60,   // windows
	SEASON_DAYS_MIN = 3,
	NO_LIMIT = INT32_MAX,
};

#define WINDOW_NS UINT64_C(10000000000)

struct flood_options {
	bool enabled;
	uint32_t floor_endpoint, floor_host, floor_source, windows, learn_windows, endpoints,
		sources;
	double factor, per_caller;
};

// Counts of windows.
struct flood_rate {
	uint64_t window; // number of the present one, and 1
	uint64_t hot_window;
	uint32_t count, limit;
	uint32_t n;   // windows that were learnt
	uint32_t hot; // windows beyond the limit, in a row
	float mean, deviation;
	float per_user; // requests of a caller within a window
	uint32_t per_user_n;
};

struct flood_level {
	struct flood_rate rate;
	float wait_us; // usual
	uint32_t wait_n, waits;
	double wait_sum;       // of the present window
	uint64_t child_window; // hosts: when one of its endpoints was hot
	bool crowd;
	uint8_t users[1 << USERS_P];
	struct season season;
};

struct flood_source {
	struct flood_rate rate;
	uint64_t principal;
	uint8_t users[1 << SOURCE_USERS_P];
	uint8_t client[16];
};

struct flood_surge {
	uint64_t first_ns, last_ns;
	uint64_t requests, failed, refused, answered, waits;
	double wait_sum;
	struct topk top;
	struct topk_entry entry[TOP];
	struct few users, sources;
};

struct flood {
	uint64_t key, first_window;
	struct lru levels, sources, surges;
};

// A call that is being counted.
struct flood_job {
	const struct flood_options *options;
	struct merger *m;
	struct flood *t;
	const struct call *call;
	uint64_t source, host;
};

static const struct detector flood;

#define FLOOD_ROW(field, kind, ...)                                                                \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct flood_options, field),      \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row flood_rows[] = {
	FLOOD_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	FLOOD_ROW(floor_endpoint, CONF_U32, .min = 10, .max = 1e9, .def = "500", .unit = "requests",
		  .help = "Requests within 10 s below which an endpoint is never flooded"),
	FLOOD_ROW(floor_host, CONF_U32, .min = 10, .max = 1e9, .def = "2000", .unit = "requests",
		  .help = "The same of a host"),
	FLOOD_ROW(floor_source, CONF_U32, .min = 10, .max = 1e9, .def = "1000", .unit = "requests",
		  .help = "The same of what one source sends"),
	FLOOD_ROW(factor, CONF_F64, .min = 1, .max = 1000, .def = "8.0", .unit = "deviations",
		  .help = "Mean absolute deviations beyond what is usual"),
	FLOOD_ROW(windows, CONF_U32, .min = 1, .max = 60, .def = "3", .unit = "windows",
		  .help = "Windows of 10 s in a row that must be beyond the limit"),
	FLOOD_ROW(learn_windows, CONF_U32, .min = 6, .max = 100000, .def = "30", .unit = "windows",
		  .help = "Windows that must have been learnt before there is a limit"),
	FLOOD_ROW(per_caller, CONF_F64, .min = 1, .max = 1000, .def = "4.0", .unit = "x",
		  .help = "How many times more than usual a caller must send; below it is a crowd"),
	FLOOD_ROW(endpoints, CONF_U32, .min = 16, .max = 1e6, .def = "8192", .unit = "endpoints",
		  .help = "Endpoints and hosts that are followed, about 1 KB each"),
	FLOOD_ROW(sources, CONF_U32, .min = 16, .max = 4e6, .def = "65536", .unit = "sources",
		  .help = "Sources that are followed, about 130 bytes each"),
};
static const struct conf_section flood_section = {
	.path = "detect.flood",
	.help = "D-40: far more requests than usual from callers that send more than callers do",
	.size = sizeof(struct flood_options),
	.rows = flood_rows,
	.n_rows = sizeof(flood_rows) / sizeof(flood_rows[0]),
};
CONF_SECTION(flood_section);

// ---- what is usual

static void rate_learn(struct flood_rate *r, uint32_t count)
{
	double value = count, spread = fmax(r->deviation, sqrt(r->mean + 1));
	double reach = r->n < SEASON_FIRST ? INFINITY : SEASON_REACH * spread, weight;

	r->n += r->n < UINT32_MAX;
	weight = fmax(1.0 / r->n, 1.0 / MEMORY);
	value = fmin(value, r->mean + reach);
	if (r->n > 1)
		r->deviation += (float)(weight * (fabs(value - r->mean) - r->deviation));
	r->mean += (float)(weight * (value - r->mean));
}

static void rate_learn_users(struct flood_rate *r, uint64_t users)
{
	double weight;

	if (users == 0)
		return;
	r->per_user_n += r->per_user_n < UINT32_MAX;
	weight = fmax(1.0 / r->per_user_n, 1.0 / MEMORY);
	r->per_user += (float)(weight * ((double)r->count / (double)users - r->per_user));
}

static uint32_t rate_limit(double mean, double deviation, double factor, uint32_t floor)
{
	double limit = mean + factor * fmax(deviation, sqrt(mean + 1));

	return limit > floor ? (limit < NO_LIMIT ? (uint32_t)limit : NO_LIMIT) : floor;
}

static bool was_hot(const struct flood_rate *r)
{
	return r->hot_window == r->window && r->hot < HOT_MAX;
}

// The present window is over: it is learnt, as are those up to `number` without a call.
static void level_close(const struct flood_options *options, struct flood_level *l, uint64_t number,
			uint32_t floor)
{
	struct flood_rate *r = &l->rate;
	double mean, deviation;
	uint32_t samples;

	if (r->window && (!was_hot(r) || l->crowd)) {
		rate_learn(r, r->count);
		season_add(&l->season, (r->window - 1) * WINDOW_NS, r->count);
		rate_learn_users(r, hll_count(l->users, USERS_P));
		if (l->waits) {
			l->wait_n += l->wait_n < MEMORY;
			l->wait_us += (float)((l->wait_sum / l->waits - l->wait_us) / l->wait_n);
		}
	}
	for (uint64_t w = r->window + 1; r->window && w < number && w <= r->window + GAP_MAX; w++) {
		rate_learn(r, 0);
		season_add(&l->season, (w - 1) * WINDOW_NS, 0);
	}
	if (r->hot_window + 1 != number) {
		r->hot = 0;
		l->crowd = false;
	}
	r->window = number;
	r->count = l->waits = 0;
	l->wait_sum = 0;
	memset(l->users, 0, sizeof(l->users));
	mean = r->mean;
	deviation = r->deviation;
	r->limit = NO_LIMIT;
	if (r->n < options->learn_windows)
		return;
	r->limit = rate_limit(mean, deviation, options->factor, floor);
	if (season_days(&l->season, (number - 1) * WINDOW_NS) >= SEASON_DAYS_MIN &&
	    season_expect(&l->season, (number - 1) * WINDOW_NS, &mean, &deviation, &samples)) {
		uint32_t limit = rate_limit(mean, deviation, options->factor, floor);

		r->limit = limit > r->limit ? limit : r->limit;
	}
}

static void source_close(const struct flood_options *options, const struct flood *t,
			 struct flood_source *s, uint64_t number)
{
	struct flood_rate *r = &s->rate;
	bool fresh = r->window == 0;

	if (!fresh && !was_hot(r)) {
		rate_learn(r, r->count);
		rate_learn_users(r, hll_count(s->users, SOURCE_USERS_P));
	}
	for (uint64_t w = r->window + 1; !fresh && w < number && w <= r->window + GAP_MAX; w++)
		rate_learn(r, 0);
	if (r->hot_window + 1 != number)
		r->hot = 0;
	r->window = number;
	r->count = 0;
	memset(s->users, 0, sizeof(s->users));
	// Who was there from the start may always be so; who came later has no other habit.
	r->limit = NO_LIMIT;
	if (number < t->first_window + options->learn_windows)
		return;
	if (fresh)
		r->n = options->learn_windows;
	if (r->n >= options->learn_windows)
		r->limit =
			rate_limit(r->mean, r->deviation, options->factor, options->floor_source);
}

// True: this call takes the window beyond its limit.
static bool rate_count(struct flood_rate *r)
{
	if (++r->count <= r->limit || r->hot_window == r->window)
		return false;
	r->hot = r->hot_window + 1 == r->window ? r->hot + 1 : 1;
	r->hot_window = r->window;
	return true;
}

// ---- a surge

static void surge_add(struct flood *t, uint64_t id, uint64_t source, const struct call *call)
{
	bool fresh;
	struct flood_surge *s = lru_touch(&t->surges, id, &fresh);

	if (!s)
		return;
	if (fresh || call->time_ns > s->last_ns + 6 * WINDOW_NS) {
		memset(s, 0, sizeof(*s));
		s->first_ns = call->time_ns;
	}
	s->top.entry = s->entry;
	s->last_ns = call->time_ns;
	s->requests++;
	s->answered += call->status != 0;
	s->failed += call->status >= 500;
	s->refused += call->status == 429 || call->status == 403 || call->status == 401;
	if (call->wait_us != UINT32_MAX) {
		s->waits++;
		s->wait_sum += call->wait_us;
	}
	topk_add(&s->top, TOP, source, 1);
	few_add(&s->users, call->principal ? call->principal : source);
	few_add(&s->sources, source);
}

// How many equal sources would be as evenly spread as these: two to the entropy.
static double surge_sources(const struct flood_surge *s)
{
	uint32_t counts[TOP] = {0};
	uint64_t sum = 0, n = few_count(&s->sources), rest;
	double entropy, share;

	for (uint32_t i = 0; i < s->top.n; i++) {
		uint64_t count = s->entry[i].count - s->entry[i].error;

		counts[i] = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
		sum += counts[i];
	}
	entropy = stats_entropy(counts, s->top.n);
	rest = s->requests > sum ? s->requests - sum : 0;
	if (rest == 0 || n <= s->top.n || sum == 0)
		return exp2(entropy);
	// Those that are not listed are taken to be alike; the entropy of a mixture of both.
	share = (double)rest / (double)s->requests;
	entropy = (1 - share) * entropy + share * log2((double)(n - s->top.n));
	entropy -= share * log2(share) + (1 - share) * log2(1 - share);
	return exp2(entropy);
}

// ---- judging

struct flood_case {
	const char *what; // "GET api.example.com/a", "the host api.example.com", "192.0.2.1"
	uint64_t key;
	const struct flood_rate *rate;
	const struct flood_surge *surge; // NULL: of a source
	struct merged_endpoint *endpoint;
	struct merged_principal *principal;
	double per_user, usual_per_user, sources, wait_us, usual_wait_us;
	uint64_t users;
	bool hammered;
};

static void top_text(const struct flood *t, const struct flood_surge *s, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (uint32_t i = 0; s && i < s->top.n && i < 3 && n < size; i++) {
		const struct flood_source *source = lru_get(&t->sources, s->entry[i].id);
		char address[48] = "an address";

		if (source)
			endpoint_address(source->client, address);
		n += (size_t)draft_text(out + n, size - n, "%s%s (%.1f %%)",
					i ? ", " : " Those that sent most: ", address,
					100.0 * (double)(s->entry[i].count - s->entry[i].error) /
						(double)s->requests);
	}
	if (n && n < size)
		draft_text(out + n, size - n, ".");
}

static void flood_texts(struct issue_draft *draft, const struct flood *t,
			const struct flood_case *c)
{
	char count[32], users[32], sources[32], top[256], harm[160] = "";
	bool hurt = draft->result == RESULT_SUCCEEDED;

	top_text(t, c->surge, top, sizeof(top));
	if (c->surge && c->usual_wait_us > 0)
		draft_text(harm, sizeof(harm),
			   " %.1f %% of the answers were errors of the server (5xx); they took "
			   "%.0f ms "
			   "on average, %.0f ms before.",
			   c->surge->answered
				   ? 100.0 * (double)c->surge->failed / (double)c->surge->answered
				   : 0.0,
			   c->wait_us / 1000, c->usual_wait_us / 1000);
	draft_text(
		draft->description, sizeof(draft->description),
		"%s %s %s requests within 10 seconds, for %u windows of 10 seconds in a row beyond "
		"its limit of %s; usual are %.1f. The %s callers sent %.1f each in such a window, "
		"where %.1f is usual; the sources are spread as if there were %.1f equal ones.%s%s",
		c->what, c->surge ? "received more than" : "sent more than",
		text_count(count, c->rate->count ? c->rate->count - 1 : 0), c->rate->hot,
		text_count(sources, c->rate->limit), (double)c->rate->mean,
		text_count(users, c->users), c->per_user, c->usual_per_user, c->sources, top, harm);
	draft_text(draft->impact, sizeof(draft->impact), "%s",
		   hurt ? "Others wait or are refused while this goes on: the server answers more "
			  "slowly "
			  "or with errors."
			: "The server takes it so far. More of the same may make it slow for "
			  "everybody, "
			  "and costs what its capacity costs.");
	draft_text(draft->remediation, sizeof(draft->remediation),
		   "Limit requests per caller and per source at the gateway and answer 429 beyond; "
		   "block "
		   "the sources named here while it lasts. Keep expensive answers in a cache.");
}

static void flood_raise(struct merger *m, const struct flood *t, const struct flood_case *c,
			uint64_t time_ns)
{
	const struct flood_surge *s = c->surge;
	double answered = s ? (double)s->answered : 0;
	bool failed = s && answered > 0 && (double)s->failed >= 0.1 * answered;
	bool slow =
		s && s->waits >= 50 && c->usual_wait_us > 0 && c->wait_us >= 3 * c->usual_wait_us;
	bool refused = s && answered > 0 && (double)s->refused >= 0.8 * answered;
	bool hurt = failed || slow;
	struct issue_draft draft = {
		.severity = !c->hammered || refused ? SEVERITY_LOW
			    : hurt                  ? SEVERITY_HIGH
						    : SEVERITY_MEDIUM,
		.result = hurt ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric = {.present = true,
			   .name = "requests_per_10_seconds",
			   .unit = "requests/10 s",
			   .window = "10 s",
			   .value = c->rate->count,
			   .baseline_mean = c->rate->mean,
			   .percentile = NAN,
			   .population = c->users},
	};

	judge_term(&draft, "far more requests than usual, for several windows", 30);
	if (c->hammered)
		judge_term(&draft, "callers send many times what callers usually send", 30);
	else
		judge_term(&draft, "most of it comes from few sources", 10);
	if (c->hammered && c->sources < 10)
		judge_term(&draft, "few sources send nearly all of it", 15);
	if (hurt)
		judge_term(&draft, failed ? "the server began to fail" : "the server became slow",
			   15);
	if (c->rate->per_user_n >= 360)
		judge_term(&draft, "an hour or more of what is usual was seen", 5);
	flood_texts(&draft, t, c);
	merger_raise(m, &flood, c->key, c->principal, c->endpoint, time_ns, &draft);
}

static void level_judge(const struct flood_job *job, struct flood_level *l, uint64_t id)
{
	struct flood *t = job->t;
	struct flood_surge *s = lru_get(&t->surges, id);
	struct merged_endpoint *e = merger_endpoint(job->m, job->call->endpoint);
	double seconds, share;
	char what[400];
	struct flood_case c = {.what = what, .key = id, .rate = &l->rate, .surge = s};

	if (!s || s->requests == 0 || !e)
		return;
	seconds = fmax(10, (double)(s->last_ns - s->first_ns) / 1e9);
	c.users = few_count(&s->users);
	c.per_user = (double)s->requests / (double)c.users / (seconds / 10);
	// A caller that sends once in ten seconds is seen with one: nobody sends less.
	c.usual_per_user = fmax(1, l->rate.per_user);
	c.sources = surge_sources(s);
	c.usual_wait_us = l->wait_n >= 6 ? l->wait_us : 0;
	c.wait_us = s->waits ? s->wait_sum / (double)s->waits : 0;
	c.hammered = c.per_user >= job->options->per_caller * c.usual_per_user;
	share = (double)(s->entry[0].count - s->entry[0].error) / (double)s->requests;
	l->crowd = !c.hammered && (c.sources >= 10 || share < 0.5);
	if (l->crowd)
		return;
	if (id == job->host)
		draft_text(what, sizeof(what), "The host %.200s", e->host);
	else
		endpoint_text(e, what, sizeof(what));
	c.endpoint = e;
	if (share >= 0.5) {
		const struct flood_source *source = lru_get(&t->sources, s->entry[0].id);

		c.key = s->entry[0].id;
		c.principal = source ? merger_principal(job->m, source->principal) : NULL;
	}
	flood_raise(job->m, t, &c, job->call->time_ns);
}

static void source_judge(const struct flood_job *job, const struct flood_source *s)
{
	char what[48];
	struct flood_case c = {
		.what = what,
		.key = job->source,
		.rate = &s->rate,
		.endpoint = merger_endpoint(job->m, job->call->endpoint),
		.principal = merger_principal(job->m, job->call->principal),
		.users = hll_count(s->users, SOURCE_USERS_P),
		.sources = 1,
	};
	const struct flood_level *l = lru_get(&job->t->levels, job->host);

	c.users = c.users ? c.users : 1;
	c.per_user = (double)s->rate.count / (double)c.users;
	// Its own habit, or that of the callers of this host.
	c.usual_per_user = fmax(1, fmax(s->rate.per_user, l ? l->rate.per_user : 0));
	c.hammered = c.per_user >= job->options->per_caller * c.usual_per_user;
	if (!c.hammered)
		return;
	endpoint_address(s->client, what);
	flood_raise(job->m, job->t, &c, job->call->time_ns);
}

// ---- counting

static void level_call(const struct flood_job *job, uint64_t id)
{
	const struct flood_options *options = job->options;
	const struct call *call = job->call;
	struct flood_level *l = lru_touch(&job->t->levels, id, NULL), *parent;
	uint64_t number = call->time_ns / WINDOW_NS + 1;
	bool host = id == job->host;

	if (!l || number < l->rate.window)
		return;
	if (number > l->rate.window)
		level_close(options, l, number,
			    host ? options->floor_host : options->floor_endpoint);
	hll_add(l->users, USERS_P, call->principal ? call->principal : job->source);
	if (call->wait_us != UINT32_MAX) {
		l->waits++;
		l->wait_sum += call->wait_us;
	}
	if (l->rate.limit != NO_LIMIT && (l->rate.hot || l->rate.count >= l->rate.limit / 2))
		surge_add(job->t, id, job->source, call);
	if (!rate_count(&l->rate))
		return;
	parent = host ? NULL : lru_get(&job->t->levels, job->host);
	if (parent)
		parent->child_window = number;
	// What is one endpoint's matter is told of that.
	if (l->rate.hot >= options->windows && !(host && l->child_window + 1 >= number))
		level_judge(job, l, id);
}

static void source_call(const struct flood_job *job)
{
	const struct call *call = job->call;
	struct flood_source *s = lru_touch(&job->t->sources, job->source, NULL);
	uint64_t number = call->time_ns / WINDOW_NS + 1;

	if (!s || number < s->rate.window)
		return;
	if (number > s->rate.window)
		source_close(job->options, job->t, s, number);
	memcpy(s->client, call->client, sizeof(s->client));
	s->principal = call->principal;
	hll_add(s->users, SOURCE_USERS_P, call->principal);
	if (rate_count(&s->rate) && s->rate.hot >= job->options->windows)
		source_judge(job, s);
}

static void flood_call(const struct detector *, const void *options, struct merger *m, void *state,
		       const struct call *call)
{
	struct flood_job job = {.options = options, .m = m, .t = state, .call = call};
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);

	// A response without its request is of no endpoint.
	if (!e || !*e->method || (call->flags & CALL_MESSAGE))
		return;
	if (job.t->first_window == 0)
		job.t->first_window = call->time_ns / WINDOW_NS + 1;
	job.source = judge_source(&job.t->key, call);
	job.host = judge_host(&job.t->key, call, e);
	source_call(&job);
	level_call(&job, call->endpoint);
	level_call(&job, job.host);
}

static int flood_init(void *state, const void *opaque)
{
	const struct flood_options *options = opaque;
	struct flood *t = state;
	int rc = lru_init(&t->levels, sizeof(struct flood_level), options->endpoints);

	rc = rc ? rc : lru_init(&t->sources, sizeof(struct flood_source), options->sources);
	return rc ? rc : lru_init(&t->surges, sizeof(struct flood_surge), SURGES);
}

static void flood_fini(void *state)
{
	struct flood *t = state;

	lru_fini(&t->levels);
	lru_fini(&t->sources);
	lru_fini(&t->surges);
}

// ---- what was learnt

enum { SAVED_LEVEL = 8 + 4 + 3 * 8 + 4 + 8 + 4 + SEASON_SLOTS * (2 * 8 + 4 + 2 + 2) };

static int flood_save(const void *state, const struct merger *, FILE *out)
{
	const struct flood *t = state;

	blob_put(out, t->key, 8);
	blob_put(out, t->levels.n, 4);
	for (const struct flood_level *l = lru_first(&t->levels); l; l = lru_next(&t->levels, l)) {
		blob_put(out, lru_id(l), 8);
		blob_put(out, l->rate.n, 4);
		blob_put_double(out, l->rate.mean);
		blob_put_double(out, l->rate.deviation);
		blob_put_double(out, l->rate.per_user);
		blob_put(out, l->rate.per_user_n, 4);
		blob_put_double(out, l->wait_us);
		blob_put(out, l->wait_n, 4);
		for (uint32_t i = 0; i < SEASON_SLOTS; i++) {
			blob_put_double(out, l->season.slot[i].mean);
			blob_put_double(out, l->season.slot[i].deviation);
			blob_put(out, l->season.slot[i].samples, 4);
			blob_put(out, l->season.slot[i].days, 2);
			blob_put(out, l->season.slot[i].last_day, 2);
		}
	}
	return ferror(out) ? -EIO : 0;
}

static int flood_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct flood *t = state;
	struct blob_reader r = {.in = in, .left = len};
	uint64_t key = version == flood.version ? blob_get(&r, 8) : 0, n = blob_get(&r, 4);

	if (r.bad || version != flood.version || n * SAVED_LEVEL != r.left)
		return -EBADMSG;
	t->key = key;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t id = blob_get(&r, 8);
		struct flood_level *l = id ? lru_touch(&t->levels, id, NULL) : NULL, read = {0};

		read.rate.n = (uint32_t)blob_get(&r, 4);
		read.rate.mean = (float)blob_get_double(&r);
		read.rate.deviation = (float)blob_get_double(&r);
		read.rate.per_user = (float)blob_get_double(&r);
		read.rate.per_user_n = (uint32_t)blob_get(&r, 4);
		read.wait_us = (float)blob_get_double(&r);
		read.wait_n = (uint32_t)blob_get(&r, 4);
		for (uint32_t k = 0; k < SEASON_SLOTS; k++) {
			read.season.slot[k].mean = (float)blob_get_double(&r);
			read.season.slot[k].deviation = (float)blob_get_double(&r);
			read.season.slot[k].samples = (uint32_t)blob_get(&r, 4);
			read.season.slot[k].days = (uint16_t)blob_get(&r, 2);
			read.season.slot[k].last_day = (uint16_t)blob_get(&r, 2);
		}
		if (r.bad || !l)
			return -EBADMSG;
		*l = read;
	}
	return r.bad || r.left ? -EBADMSG : 0;
}

static size_t flood_memory(const void *opaque, const struct conf *)
{
	const struct flood_options *options = opaque;

	return lru_bytes(sizeof(struct flood_level), options->endpoints) +
	       lru_bytes(sizeof(struct flood_source), options->sources) +
	       lru_bytes(sizeof(struct flood_surge), SURGES);
}

static void flood_forget(void *state, struct merger *, uint64_t endpoint)
{
	lru_remove(&((struct flood *)state)->levels, endpoint);
}

static const struct detector flood = {
	.id = "D-40",
	.name = "flood",
	.title = "Request Flood",
	.module = "Runtime",
	.version = 2,
	.owasp = {"API4:2023"},
	.section = &flood_section,
	.state_size = sizeof(struct flood),
	.init = flood_init,
	.fini = flood_fini,
	.memory = flood_memory,
	.call = flood_call,
	.forget = flood_forget,
	.save = flood_save,
	.load = flood_load,
};
DETECTOR_REGISTER(flood);
