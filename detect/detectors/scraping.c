// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-43: a program takes the content, one object after the other.
//
// Merger: of each caller, its visit: successful reads without a break of ten minutes. What people do
// is irregular, goes back and forth and uses much of an application; each sign of the opposite is a
// vote:
//
//	objects      many different ones, far more than visits have   (without it nothing is said)
//	no repeats   hardly one of them twice
//	in order     each number follows the one before
//	regular      times between calls vary by less than a tenth
//	few          hardly any endpoint of the host is used
//	day, night   half of the hours of a day without a break
//	program      the User-Agent is that of a library, or of none
//
// Confidence is the share of the votes that could be given. Keys with a history, agents and users
// that the operator lists are left alone; a monitor asks for the same again and again, and has no
// objects.

#include "detect/ddsketch.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/hll.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/principal.h"
#include "detect/record.h"
#include "detect/stats.h"
#include "detect/text.h"

enum {
	OBJECTS_P = 8, // within 6.5 %
	ENDPOINTS = 16,
	BINS = DDSKETCH_SMALL,
	HOSTS = 4096,
	EVERY = 8, // calls between two judgements
	MIN_VISITS = 100,
	MIN_INTERVALS = 50,
	MIN_HOST = 10, // endpoints of a host, to use few of them
	HOURS = 12,
	KEY_DAYS = 1,
};

#define BREAK_NS UINT64_C(600000000000)
#define HOUR_NS  UINT64_C(3600000000000)

struct scraping_options {
	bool enabled;
	uint32_t min_objects, min_votes, callers;
	double times, min_share;
	struct conf_strs bots, partners;
};

struct scraping_caller {
	uint64_t first_ns, last_ns, calls, endpoint; // endpoint: last one
	uint64_t asked;                              // calls for an object
	struct stats_moments interval;
	double number;
	uint32_t numbers, in_order;
	uint32_t hours; // a bit for each of a day
	uint32_t told;  // objects
	uint32_t n_endpoints;
	uint64_t endpoints[ENDPOINTS];
	uint8_t objects[1 << OBJECTS_P];
};

struct scraping_host {
	uint32_t endpoints;
};

struct scraping_endpoint {
	bool counted;
};

struct scraping {
	uint64_t key;
	struct lru callers, hosts;
	struct ddsketch visits; // objects of each
	uint32_t bin[BINS];
};

static const struct detector scraping;

#define SCRAPING_ROW(field, kind, ...)                                                             \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct scraping_options, field),   \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row scraping_rows[] = {
	SCRAPING_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	SCRAPING_ROW(min_objects, CONF_U32, .min = 10, .max = 1e9, .def = "100", .unit = "objects",
		     .help = "Different objects of a visit below which nobody is suspicious"),
	SCRAPING_ROW(times, CONF_F64, .min = 1, .max = 1000, .def = "3.0", .unit = "x",
		     .help = "How many times the 99th percentile of all visits"),
	SCRAPING_ROW(min_votes, CONF_U32, .min = 2, .max = 7, .def = "4", .unit = "votes",
		     .help = "Signs of a program that must be there, the objects among them"),
	SCRAPING_ROW(min_share, CONF_F64, .min = 0.1, .max = 1, .def = "0.6",
		     .help = "The share that they must be of all signs that could be there"),
	SCRAPING_ROW(bots, CONF_STRS, .min = 2, .max = 255, .def = "[]",
		     .help = "Words of User-Agents that may take all; anybody can send them"),
	SCRAPING_ROW(partners, CONF_STRS, .min = 1, .max = 255, .def = "[]",
		     .help = "Users that may take all, as issues show them"),
	SCRAPING_ROW(callers, CONF_U32, .min = 16, .max = 1e6, .def = "32768", .unit = "callers",
		     .help = "Callers that are followed at the same time, about 520 bytes each"),
};
static const struct conf_section scraping_section = {
	.path = "detect.scraping",
	.help = "D-43: programs that take the content, one object after the other",
	.size = sizeof(struct scraping_options),
	.rows = scraping_rows,
	.n_rows = sizeof(scraping_rows) / sizeof(scraping_rows[0]),
};
CONF_SECTION(scraping_section);

// ---- votes

enum vote {
	VOTE_OBJECTS = 0,
	VOTE_REPEATS,
	VOTE_ORDER,
	VOTE_REGULAR,
	VOTE_FEW,
	VOTE_HOURS,
	VOTE_PROGRAM,
	VOTES,
};

static const char *const vote_names[VOTES] = {
	[VOTE_OBJECTS] = "far more different objects than others take",
	[VOTE_REPEATS] = "hardly any object twice",
	[VOTE_ORDER] = "numbers one after the other",
	[VOTE_REGULAR] = "as regular as a clock",
	[VOTE_FEW] = "hardly any other endpoint of the host",
	[VOTE_HOURS] = "day and night without a break",
	[VOTE_PROGRAM] = "the User-Agent of a program",
};

struct ballot {
	bool given[VOTES], possible[VOTES];
	uint32_t n_given, n_possible, objects, usual, host_endpoints;
	double variation;
};

static bool is_program(const char *agent)
{
	static const char *const programs[] = {
		"python",     "curl",       "wget",
		"go-http",    "java/",      "apache-httpclient",
		"axios",      "node-fetch", "scrapy",
		"libwww",     "perl",       "httpie",
		"httpx",      "aiohttp",    "php",
		"guzzle",     "ruby",       "headlesschrome",
		"mechanize",  "selenium",   "puppeteer",
		"playwright", "phantomjs",  "colly",
	};
	uint8_t before = 0;

	if (!*agent)
		return true;
	for (const char *at = agent; *at; before = span_lower((uint8_t)*at), at++) {
		if (before >= 'a' && before <= 'z')
			continue;
		for (uint32_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
			if (judge_begins(at, programs[i]))
				return true;
		}
	}
	return false;
}

static void ballot_put(struct ballot *b, enum vote vote, bool possible, bool given)
{
	b->possible[vote] = possible;
	b->given[vote] = possible && given;
	b->n_possible += b->possible[vote];
	b->n_given += b->given[vote];
}

// What a visit has at most that is nothing special; UINT32_MAX: not enough is known.
static uint32_t usual_objects(const struct scraping *t)
{
	double usual;

	if (t->visits.count < MIN_VISITS)
		return UINT32_MAX;
	usual = ddsketch_quantile(&t->visits, t->bin, BINS, 0.99);
	return usual < UINT32_MAX ? (uint32_t)usual : UINT32_MAX;
}

static void vote(const struct scraping_options *options, const struct scraping *t,
		 const struct scraping_caller *c, const struct merged_principal *p, uint64_t host,
		 struct ballot *b)
{
	const struct scraping_host *h = lru_get(&t->hosts, host);
	double objects = b->objects;

	b->usual = usual_objects(t);
	b->host_endpoints = h ? h->endpoints : 0;
	b->variation = stats_variation(&c->interval);
	// With too few visits to compare with, twice the floor.
	ballot_put(b, VOTE_OBJECTS, true,
		   objects >= (b->usual == UINT32_MAX ? 2.0 * options->min_objects
						      : options->times * b->usual));
	// The count of objects is an estimate.
	ballot_put(b, VOTE_REPEATS, true, objects >= 0.85 * (double)c->asked);
	ballot_put(b, VOTE_ORDER, c->numbers * 2 >= c->asked, c->in_order * 10 >= c->numbers * 6);
	ballot_put(b, VOTE_REGULAR, c->interval.n >= MIN_INTERVALS, b->variation < 0.1);
	ballot_put(b, VOTE_FEW, b->host_endpoints >= MIN_HOST,
		   c->n_endpoints < ENDPOINTS && c->n_endpoints * 10 <= b->host_endpoints);
	ballot_put(b, VOTE_HOURS, c->last_ns - c->first_ns >= HOURS * HOUR_NS,
		   __builtin_popcount(c->hours) >= HOURS);
	ballot_put(b, VOTE_PROGRAM, p != NULL, p && is_program(p->user_agent));
}

// ---- judging

static bool is_left_alone(const struct scraping_options *options, const struct scraping_caller *c,
			  const struct merged_principal *p)
{
	if (!p)
		return false;
	for (size_t i = 0; i < options->bots.n; i++) {
		if (strstr(p->user_agent, options->bots.v[i]))
			return true;
	}
	for (size_t i = 0; i < options->partners.n; i++) {
		if (!strcmp(p->user, options->partners.v[i]))
			return true;
	}
	// A key that is in use for a day and more takes data because it is meant to.
	return p->kind == PRINCIPAL_API_KEY && p->first_ns + KEY_DAYS * 24 * HOUR_NS < c->first_ns;
}

static void scraping_texts(struct issue_draft *draft, struct merger *m,
			   const struct scraping_caller *c, const struct merged_principal *p,
			   const struct ballot *b)
{
	char user[EXCHANGE_USER + 1], where[384], n[32], calls[32], usual[96] = "", signs[320] = "";
	size_t len = 0;

	principal_text(p, user, sizeof(user));
	endpoint_text(merger_target(m, c->endpoint), where, sizeof(where));
	if (b->usual != UINT32_MAX)
		draft_text(usual, sizeof(usual), " (99 %% of all visits have %u or fewer)",
			   b->usual);
	for (uint32_t i = 0; i < VOTES && len < sizeof(signs); i++) {
		if (b->given[i])
			len += (size_t)draft_text(signs + len, sizeof(signs) - len, "%s%s",
						  len ? "; " : "", vote_names[i]);
	}
	draft_text(
		draft->description, sizeof(draft->description),
		"%s took about %s different objects%s with %s calls in %.0f minutes, the last from "
		"%s. %u of the %u signs of a program that could be there are there: %s. The times "
		"between its calls vary by %.0f %% of their mean; it used %u%s of the %u endpoints "
		"of "
		"the host.",
		user, text_count(n, b->objects), usual, text_count(calls, c->calls),
		(double)(c->last_ns - c->first_ns) / 60e9, where, b->n_given, b->n_possible, signs,
		isnan(b->variation) ? 0 : 100 * b->variation, c->n_endpoints,
		c->n_endpoints == ENDPOINTS ? " or more" : "", b->host_endpoints);
	draft_text(
		draft->impact, sizeof(draft->impact),
		"The content is copied as a whole: prices, offers or people, for a competitor, for "
		"fraud or for sale. It also costs the capacity that users need.");
	draft_text(draft->remediation, sizeof(draft->remediation),
		   "Limit objects per caller and day, not only calls per minute, and block this "
		   "caller if "
		   "it has no business reason. Give partners a key of their own and list them in "
		   "detect.scraping.partners.");
}

static void caller_judge(const struct scraping_options *options, struct merger *m,
			 struct scraping *t, struct scraping_caller *c, const struct call *call)
{
	struct merged_principal *p = merger_principal(m, call->principal);
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct ballot b = {.objects = (uint32_t)hll_count(c->objects, OBJECTS_P)};
	struct issue_draft draft = {.severity = SEVERITY_MEDIUM, .result = RESULT_SUCCEEDED};

	if (b.objects < options->min_objects || (c->told && b.objects < 2 * c->told))
		return;
	vote(options, t, c, p, judge_host(&t->key, call, e), &b);
	if (!b.given[VOTE_OBJECTS] || b.n_given < options->min_votes ||
	    b.n_given < options->min_share * b.n_possible || is_left_alone(options, c, p))
		return;
	c->told = b.objects;
	draft.metric = (struct issue_metric){
		.present = true,
		.name = "objects_of_a_visit",
		.unit = "objects",
		.window = "a visit",
		.value = b.objects,
		.baseline_mean = b.usual == UINT32_MAX ? 0 : b.usual,
		.percentile = NAN,
		.population = t->visits.count,
	};
	for (uint32_t i = 0; i < VOTES; i++) {
		if (b.given[i])
			judge_term(&draft, vote_names[i], (int)(90 / b.n_possible));
	}
	scraping_texts(&draft, m, c, p, &b);
	merger_raise(m, &scraping, call->principal, p, e, call->time_ns, &draft);
}

// ---- counting

// What this call asks for: an identifier, else the page of a list; 0: neither.
static uint64_t object_of(const struct call *call, const struct call_param **number)
{
	*number = NULL;
	for (uint32_t i = 0; i < call->n_params; i++) {
		const struct call_param *param = &call->params[i];

		if (!param->noun)
			continue;
		*number = param->class == PARAM_INT ? param : NULL;
		return judge_pair(param->noun, param->value);
	}
	for (uint32_t i = 0; i < call->n_params; i++) {
		const struct call_param *param = &call->params[i];

		if (param->class == PARAM_INT && param->place == PLACE_QUERY) {
			*number = param;
			return judge_pair(param->field, param->value);
		}
	}
	return 0;
}

static void caller_object(struct scraping_caller *c, const struct call *call)
{
	const struct call_param *number;
	uint64_t object = object_of(call, &number);

	if (!object)
		return;
	c->asked++;
	hll_add(c->objects, OBJECTS_P, object);
	if (!number)
		return;
	// Up or down by one or two.
	c->in_order +=
		c->numbers && fabs(number->number - c->number) <= 2 && number->number != c->number;
	c->number = number->number;
	c->numbers++;
}

static void caller_endpoint(struct scraping_caller *c, uint64_t endpoint)
{
	c->endpoint = endpoint;
	for (uint32_t i = 0; i < c->n_endpoints; i++) {
		if (c->endpoints[i] == endpoint)
			return;
	}
	if (c->n_endpoints < ENDPOINTS)
		c->endpoints[c->n_endpoints++] = endpoint;
}

static void visit_end(struct scraping *t, const struct scraping_caller *c)
{
	// Who was told of teaches nothing.
	if (c->asked && !c->told)
		ddsketch_add(&t->visits, t->bin, BINS, (double)hll_count(c->objects, OBJECTS_P), 1);
}

static void caller_evicted(void *arg, uint64_t, void *entry)
{
	visit_end(arg, entry);
}

static void host_count(struct merger *m, struct scraping *t, struct merged_endpoint *e,
		       const struct call *call)
{
	struct scraping_endpoint *area = merger_endpoint_area(m, e, &scraping);
	struct scraping_host *h;

	if (!area || area->counted)
		return;
	area->counted = true;
	h = lru_touch(&t->hosts, judge_host(&t->key, call, e), NULL);
	if (h)
		h->endpoints++;
}

static void scraping_call(const struct detector *, const void *opaque, struct merger *m,
			  void *state, const struct call *call)
{
	const struct scraping_options *options = opaque;
	struct scraping *t = state;
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct scraping_caller *c;
	bool fresh;

	if (!e || !call->principal || !call_ok(call) ||
	    (call->flags & (CALL_MESSAGE | CALL_GUESSED)))
		return;
	host_count(m, t, e, call);
	if (call->verb != VERB_GET && call->verb != VERB_POST)
		return;
	c = lru_touch(&t->callers, call->principal, &fresh);
	if (!c)
		return;
	if (!fresh && call->time_ns > c->last_ns + BREAK_NS) {
		visit_end(t, c);
		fresh = true;
	}
	if (fresh) {
		memset(c, 0, sizeof(*c));
		c->first_ns = call->time_ns;
	} else if (call->time_ns >= c->last_ns) {
		stats_moments_add(&c->interval, (double)(call->time_ns - c->last_ns) / 1e9);
	}
	c->last_ns = call->time_ns > c->last_ns ? call->time_ns : c->last_ns;
	c->calls++;
	c->hours |= UINT32_C(1) << (call->time_ns / HOUR_NS % 24);
	caller_endpoint(c, call->endpoint);
	caller_object(c, call);
	if (c->asked >= options->min_objects && c->asked % EVERY == 0)
		caller_judge(options, m, t, c, call);
}

static int scraping_init(void *state, const void *opaque)
{
	const struct scraping_options *options = opaque;
	struct scraping *t = state;
	int rc = lru_init(&t->callers, sizeof(struct scraping_caller), options->callers);

	t->callers.evicted_fn = caller_evicted;
	t->callers.evicted_arg = t;
	return rc ? rc : lru_init(&t->hosts, sizeof(struct scraping_host), HOSTS);
}

static void scraping_fini(void *state)
{
	struct scraping *t = state;

	lru_fini(&t->callers);
	lru_fini(&t->hosts);
}

// ---- what was learnt: how many objects visits have, how many endpoints hosts

static const struct record_field host_fields[] = {
	RECORD_ONE(struct scraping_host, endpoints, 0),
};
static const struct record host_record = RECORD(struct scraping_host, host_fields, NULL);
static const struct record_field endpoint_fields[] = {
	RECORD_ONE(struct scraping_endpoint, counted, 1),
};
static const struct record endpoint_record =
	RECORD(struct scraping_endpoint, endpoint_fields, NULL);

static int scraping_save(const void *state, const struct merger *m, FILE *out)
{
	const struct scraping *t = state;
	int rc;

	blob_put(out, t->key, 8);
	blob_put(out, t->visits.count, 8);
	blob_put(out, t->visits.zeros, 8);
	blob_put_double(out, t->visits.min);
	blob_put_double(out, t->visits.max);
	blob_put(out, (uint32_t)t->visits.top, 4);
	for (uint32_t i = 0; i < BINS; i++)
		blob_put(out, t->bin[i], 4);
	rc = record_put_table(out, &host_record, &t->hosts);
	return rc ? rc : record_put_endpoints(out, &endpoint_record, m, &scraping);
}

static int scraping_load(void *state, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct scraping *t = state;
	struct blob_reader r = {.in = in, .left = len, .bad = version != scraping.version};
	int rc;

	t->key = blob_get(&r, 8);
	t->visits.count = blob_get(&r, 8);
	t->visits.zeros = blob_get(&r, 8);
	t->visits.min = blob_get_double(&r);
	t->visits.max = blob_get_double(&r);
	t->visits.top = (int32_t)(uint32_t)blob_get(&r, 4);
	for (uint32_t i = 0; i < BINS; i++)
		t->bin[i] = (uint32_t)blob_get(&r, 4);
	if (r.bad || t->visits.top > 1 << 20 || t->visits.top < -(1 << 20))
		return -EBADMSG;
	rc = record_get_table(&r, &host_record, &t->hosts);
	rc = rc ? rc : record_get_endpoints(&r, &endpoint_record, m, &scraping);
	return rc ? rc : record_end(&r);
}

static void scraping_forget(void *state, struct merger *m, uint64_t endpoint)
{
	struct merged_endpoint *e = merger_endpoint(m, endpoint);
	const struct scraping_endpoint *area = e ? merger_endpoint_area(m, e, &scraping) : NULL;
	struct scraping *t = state;
	struct scraping_host *h;

	if (!area || !area->counted || !t->key)
		return;
	h = lru_get(&t->hosts, siphash_id(siphash(t->key, 'h', span_make(e->host, strlen(e->host)))));
	if (h && h->endpoints)
		h->endpoints--;
}

static size_t scraping_memory(const void *opaque, const struct conf *)
{
	const struct scraping_options *options = opaque;

	return lru_bytes(sizeof(struct scraping_caller), options->callers) +
	       lru_bytes(sizeof(struct scraping_host), HOSTS);
}

static const struct detector scraping = {
	.id = "D-43",
	.name = "scraping",
	.title = "Scraping",
	.module = "Runtime",
	.version = 2,
	.owasp = {"API6:2023", "API4:2023"},
	.section = &scraping_section,
	.state_size = sizeof(struct scraping),
	.endpoint_size = sizeof(struct scraping_endpoint),
	.init = scraping_init,
	.fini = scraping_fini,
	.memory = scraping_memory,
	.call = scraping_call,
	.forget = scraping_forget,
	.save = scraping_save,
	.load = scraping_load,
};
DETECTOR_REGISTER(scraping);
