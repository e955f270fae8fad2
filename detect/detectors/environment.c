// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-54: environments that mix. One issue per host and kind:
//
//	a host of development, test or staging, by the words of its name, among production traffic
//	a host with an internal name that serves clients from outside
//	responses whose header says that they come from staging, or keys for tests that are
//	accepted, on a host of production
//	responses that tell clients from outside the name of an internal host, or lead to a host of
//	test or staging
//
// Merger: names of hosts (environment_name.h); only what answers 2xx counts. Worker: Location of
// each response that has one, other headers and credentials of one exchange in SHARE, chosen by a
// keyed hash. What it finds is noted, and counted by the merger. A test network as a whole is no mixture: somebody must be in production.

#include <math.h>

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/environment_name.h"
#include "detect/inventory.h"
#include "detect/lru.h"
#include "detect/record.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/worker.h"

enum {
	SHARE = 32,
	HEADERS_MAX = 64, // of a response that are looked at
	TOKENS_MAX = 16,  // of a header
};

enum environment_sign {
	MARK_HEADER = 0, // says that it comes from another environment
	MARK_KEY,        // a key for tests was accepted
	MARK_HOST,       // names an internal host
	MARK_LEADS,      // leads to a host of another environment
	MARKS,
};

struct environment_options {
	bool enabled;
	uint32_t min_calls, min_marks, production_calls, max_hosts;
	struct conf_strs words, internal_names, headers, host_headers;
};

struct environment_mark {
	uint64_t seen;
	uint8_t word, header; // of options->words; of their list, UINT8_MAX: Location
};

struct environment_host {
	uint64_t calls, outside;
	uint64_t looked; // calls whose headers and credentials were looked at
	uint8_t kind;    // enum host_kind
	bool internal;   // by its name
	uint8_t word;    // of options->words
	uint8_t told;    // bits: 1 mixed, 2 exposed, 4 and on: enum environment_sign
	bool marked;     // its responses say that it is another environment
	struct environment_mark mark[MARKS];
};

struct environment {
	struct lru hosts;
	uint64_t production; // calls
};

struct environment_area {
	uint64_t host; // identity of its name; 0: not looked at yet
};

#define ENVIRONMENT_ROW(field, kind, ...)                                                          \
	{                                                                                          \
		.key = #field, .type = kind,                                                       \
		.offset = offsetof(struct environment_options, field), __VA_ARGS__                 \
	}
static const struct conf_row environment_rows[] = {
	ENVIRONMENT_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	ENVIRONMENT_ROW(min_calls, CONF_U32, .min = 1, .max = 1e6, .def = "5", .unit = "calls",
			.help = "Successful calls of a host before it is told"),
	ENVIRONMENT_ROW(
		min_marks, CONF_U32, .min = 1, .max = 1e6, .def = "3", .unit = "responses",
		.help = "Responses or keys of another environment, or with names of internal "
			"hosts, that are told"),
	ENVIRONMENT_ROW(
		production_calls, CONF_U32, .min = 1, .max = 1e9, .def = "100", .unit = "calls",
		.help = "Successful calls of other hosts before traffic counts as production"),
	ENVIRONMENT_ROW(max_hosts, CONF_U32, .min = 16, .max = 1 << 20, .def = "4096",
			.unit = "hosts",
			.help = "Hosts followed; the one without calls for longest is forgotten"),
	ENVIRONMENT_ROW(
		words, CONF_STRS, .min = 1, .max = 32,
		.def = "[ \"staging\", \"stage\", \"stg\", \"dev\", \"develop\", "
		       "\"development\", \"test\", \"testing\", \"qa\", \"uat\", \"preprod\", "
		       "\"sandbox\", \"integration\" ]",
		.help = "Words in the labels of a host name, whole or between dashes, that say "
			"it is not production"),
	ENVIRONMENT_ROW(internal_names, CONF_STRS, .min = 1, .max = 64,
			.def = "[ \"internal\", \"intern\", \"intra\", \"intranet\", \"corp\", "
			       "\"lan\", \"local\", \"localdomain\", \"private\", \"svc\" ]",
			.help = "Labels that only names inside of the organisation have"),
	ENVIRONMENT_ROW(headers, CONF_STRS, .min = 1, .max = 64,
			.def = "[ \"X-Environment\", \"X-Env\", \"X-App-Env\", "
			       "\"X-App-Environment\", \"X-Application-Environment\", "
			       "\"X-Deployment\", \"X-Deploy-Env\", \"X-Stage\", "
			       "\"X-Server-Env\", \"X-Runtime-Env\", \"Environment\" ]",
			.help = "Headers of responses that name the environment they come from"),
	ENVIRONMENT_ROW(
		host_headers, CONF_STRS, .min = 1, .max = 64,
		.def = "[ \"Link\", \"Content-Location\", \"Refresh\", \"Via\", "
		       "\"X-Backend\", \"X-Backend-Server\", \"X-Backend-Host\", "
		       "\"X-Upstream\", \"X-Served-By\", \"X-Server\", \"X-Server-Name\", "
		       "\"X-Host\", \"X-Forwarded-Host\" ]",
		.help = "Headers of responses, beside Location, that may name internal hosts"),
};
static const struct conf_section environment_section = {
	.path = "detect.environment",
	.help = "D-54: hosts, responses and keys of test and development in production, internal "
		"hosts outside",
	.size = sizeof(struct environment_options),
	.rows = environment_rows,
	.n_rows = sizeof(environment_rows) / sizeof(environment_rows[0]),
};
CONF_SECTION(environment_section);

static int environment_init(void *state, const void *options)
{
	return lru_init(&((struct environment *)state)->hosts, sizeof(struct environment_host),
			((const struct environment_options *)options)->max_hosts);
}

static void environment_fini(void *state)
{
	lru_fini(&((struct environment *)state)->hosts);
}

// One in SHARE, by what orders calls (exchange_order()): worker and merger mean the same ones.
static bool is_looked_at(uint64_t order)
{
	uint64_t mix = order * UINT64_C(0x9e3779b97f4a7c15);

	mix = (mix ^ mix >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return (mix >> 40) % SHARE == 0;
}

// ---- Worker: what exchanges show

static void mark_note(const struct detector *self, struct detect_worker *w,
		      const struct exchange *x, enum environment_sign mark, int word,
		      uint8_t header)
{
	uint64_t key = siphash_number(x->endpoint, (uint64_t)mark + 1, header);
	struct finding *f = finding_note(w, self, siphash_id(key), x, 0);

	if (!f)
		return;
	f->tentative = true;
	f->arg[0] = mark;
	f->arg[1] = word >= 0 ? (uint64_t)word : 0;
	f->arg[2] = header;
}

static void host_look(const struct detector *self, const struct environment_options *options,
		      struct detect_worker *w, const struct exchange *x, struct span name,
		      uint8_t header)
{
	struct host_name there;

	if (span_ieq(name, x->host))
		return;
	if (environment_is_internal(name, &options->internal_names)) {
		mark_note(self, w, x, MARK_HOST, -1, header);
		return;
	}
	there = environment_host(name, &options->words, &options->internal_names);
	if (there.kind == HOST_OTHER)
		mark_note(self, w, x, MARK_LEADS, there.word, header);
}

// "https://user@host:8443/path": the host.
static struct span url_host(struct span url)
{
	const uint8_t *at = url.len > 3 ? memmem(url.p, url.len, "://", 3) : NULL;
	struct span rest;

	if (!at)
		return (struct span){0};
	rest = span_make(at + 3, (size_t)(url.p + url.len - at) - 3);
	rest = span_until(span_until(span_until(rest, '/'), '?'), '#');
	at = rest.len ? memrchr(rest.p, '@', rest.len) : NULL;
	if (at)
		rest = span_make(at + 1, (size_t)(rest.p + rest.len - at) - 1);
	return rest.len && rest.p[0] == '[' ? rest : span_until(rest, ':');
}

static bool is_name_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z') ||
	       c == '.' || c == '-' || c == '_';
}

// Names and addresses in a text; those without a dot are words of any kind.
static void tokens_look(const struct detector *self, const struct environment_options *options,
			struct detect_worker *w, const struct exchange *x, struct span text,
			uint8_t header)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < TOKENS_MAX && text.len;
	     text = span_make(text.p + n, text.len - n)) {
		struct span name;

		for (n = 0; n < text.len && is_name_char(text.p[n]);)
			n++;
		name = span_make(text.p, n);
		// What ends in "/" is a path, or what comes before "://" a scheme.
		if (n && memchr(name.p, '.', n)) {
			host_look(self, options, w, x, name, header);
			k++;
		}
		// The rest of a path says nothing.
		if (n < text.len && text.p[n] == '/' && n) {
			while (n < text.len && text.p[n] != ' ' && text.p[n] != ',')
				n++;
		}
		n += n < text.len;
	}
}

static uint8_t listed(const struct conf_strs *list, struct span name)
{
	for (size_t i = 0; i < list->n && i < UINT8_MAX; i++) {
		if (span_ieq(name, span_make(list->v[i], strlen(list->v[i]))))
			return (uint8_t)i;
	}
	return UINT8_MAX;
}

static void headers_look(const struct detector *self, const struct environment_options *options,
			 struct detect_worker *w, const struct exchange *x)
{
	struct span name, value;
	uint32_t pos = 0;

	for (uint32_t k = 0;
	     k < HEADERS_MAX && http_header_next(&x->tx->msg[SERVER], &pos, &name, &value); k++) {
		uint8_t environment = listed(&options->headers, name), host;
		int word = environment != UINT8_MAX ? environment_word(value, &options->words) : -1;

		if (word >= 0)
			mark_note(self, w, x, MARK_HEADER, word, environment);
		host = environment != UINT8_MAX ? UINT8_MAX : listed(&options->host_headers, name);
		if (host == UINT8_MAX)
			continue;
		if (url_host(value).len)
			host_look(self, options, w, x, url_host(value), host);
		else
			tokens_look(self, options, w, x, value, host);
	}
}

static void key_look(const struct detector *self, const struct environment_options *options,
		     struct detect_worker *w, const struct exchange *x)
{
	struct span key = http_header(x->tx, CLIENT, HEADER_API_KEY);
	struct span scheme = http_header(x->tx, CLIENT, HEADER_AUTHORIZATION);
	int word;

	if (!key.len && scheme.len) {
		uint32_t n = span_until(scheme, ' ').len;

		key = span_trim(span_make(scheme.p + n, scheme.len - n));
	}
	word = environment_key(key, &options->words);
	if (word >= 0)
		mark_note(self, w, x, MARK_KEY, word, UINT8_MAX);
}

static void environment_exchange(const struct detector *self, const void *opaque,
				 struct detect_worker *w, const struct exchange *x)
{
	const struct environment_options *options = opaque;
	struct span location = http_header(x->tx, SERVER, HEADER_LOCATION);

	if (x->half || x->tx->status / 100 > 3 || x->tx->proto == PROTO_WS)
		return;
	if (location.p) {
		struct span name = url_host(location);

		if (name.len)
			host_look(self, options, w, x, name, UINT8_MAX);
	}
	if (x->tx->status / 100 != 2 ||
	    !is_looked_at((x->tx->conn->hash & ~UINT64_C(0xffffff)) | (x->tx->index & 0xffffff)))
		return;
	headers_look(self, options, w, x);
	key_look(self, options, w, x);
}

// ---- Texts

static void mixed_raise(const struct detector *self, const struct environment_options *options,
			struct merger *m, const struct environment *s,
			const struct environment_host *h, struct merged_endpoint *e, uint64_t key,
			const struct call *call)
{
	struct issue_draft draft = {
		.severity = h->outside ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = RESULT_SUCCEEDED,
		.terms = {{"the host's name says that it is not production", 50},
			  {"the other hosts are", 10},
			  {h->outside ? "it serves clients from outside" : NULL, 20}},
		.n_terms = h->outside ? 3 : 2,
		.confidence = h->outside ? 80 : 60,
		.metric = {.present = true,
			   .name = "calls_of_host",
			   .unit = "calls",
			   .window = "since first seen",
			   .value = (double)h->calls,
			   .percentile = NAN},
	};
	char host[256], calls[32], outside[32], production[32];

	text_clean(host, sizeof(host), e->host, strlen(e->host));
	draft_text(draft.description, sizeof(draft.description),
		   "%s, by the word \"%s\" in its name a host of another environment, answered %s "
		   "calls with success among %s of other hosts; %s of them came from outside.",
		   host, options->words.v[h->word], text_count(calls, h->calls),
		   text_count(production, s->production), text_count(outside, h->outside));
	draft_text(
		draft.impact, sizeof(draft.impact),
		"Systems for tests hold copies of real data with weaker protection, accept test "
		"accounts, and tell more in their errors. Next to production they are a way in.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Keep this environment in a network of its own that production and the internet do "
		"not reach. If the host is production in spite of its name, leave the word out of "
		"detect.environment.words.");
	merger_raise(m, self, key, merger_principal(m, call->principal), e, call->time_ns, &draft);
}

static void exposed_raise(const struct detector *self, struct merger *m,
			  const struct environment_host *h, struct merged_endpoint *e, uint64_t key,
			  const struct call *call)
{
	struct issue_draft draft = {
		.severity = SEVERITY_MEDIUM,
		.result = RESULT_SUCCEEDED,
		.terms = {{"the host's name is an internal one", 40},
			  {"clients from outside were served", 40}},
		.n_terms = 2,
		.confidence = 80,
		.metric = {.present = true,
			   .name = "calls_from_outside",
			   .unit = "calls",
			   .window = "since first seen",
			   .value = (double)h->outside,
			   .percentile = NAN},
	};
	char host[256], from[48], outside[32], calls[32];

	text_clean(host, sizeof(host), e->host, strlen(e->host));
	endpoint_address(call->client, from);
	draft_text(draft.description, sizeof(draft.description),
		   "%s has a name that only the inside of a network knows, and answered %s calls "
		   "from outside with success (of %s calls in all), the latest from %s.",
		   host, text_count(outside, h->outside), text_count(calls, h->calls), from);
	draft_text(
		draft.impact, sizeof(draft.impact),
		"What is made for the inside seldom asks who is calling. Reached from the internet "
		"it serves anybody.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Close the way from the internet to this host, or look why a proxy hands requests "
		"with this name on. If the caller's network belongs to the organisation, add it to "
		"inventory.internal.");
	merger_raise(m, self, key, merger_principal(m, call->principal), e, call->time_ns, &draft);
}

static void mark_text(const struct environment_options *options, const struct environment_host *h,
		      enum environment_sign mark, const char *host, char *out, size_t size)
{
	const struct environment_mark *k = &h->mark[mark];
	const char *word = k->word < options->words.n ? options->words.v[k->word] : "?";
	const struct conf_strs *list =
		mark == MARK_HEADER ? &options->headers : &options->host_headers;
	const char *header = k->header < list->n ? list->v[k->header] : "Location";
	char seen[32], calls[32], looked[32];
	const char *n = text_count(seen, k->seen), *all = text_count(calls, h->calls);

	switch (mark) {
	case MARK_HEADER:
		draft_text(
			out, size,
			"%s, by its name a host of production, answered with the header %s saying "
			"\"%s\" in %s of the %s responses that were looked at for it.",
			host, header, word, n, text_count(looked, h->looked));
		break;
	case MARK_KEY:
		draft_text(
			out, size,
			"%s, by its name a host of production, accepted credentials that begin as "
			"those for tests do (\"%s\") in %s of the %s requests that were looked at "
			"for it.",
			host, word, n, text_count(looked, h->looked));
		break;
	case MARK_HOST:
		draft_text(
			out, size,
			"%s told clients from outside the name or address of an internal host in "
			"the header %s of %s responses, among %s calls.",
			host, header, n, all);
		break;
	default:
		draft_text(
			out, size,
			"%s, by its name a host of production, leads its clients in the header %s "
			"to "
			"a host of another environment, by the word \"%s\" in that one's name: %s "
			"responses, among %s calls.",
			host, header, word, n, all);
		break;
	}
}

static void mark_raise(const struct detector *self, const struct environment_options *options,
		       struct merger *m, const struct environment_host *h,
		       struct merged_endpoint *e, uint64_t key, const struct finding *f,
		       enum environment_sign mark)
{
	static const struct {
		const char *term, *impact, *remedy;
	} texts[MARKS] = {
		[MARK_HEADER] =
			{"a header says that the response is not of production",
			 "Behind one name, clients reach systems for tests: with test data, "
			 "weaker protection, and errors that tell more. Or production runs with "
			 "the settings of a test.",
			 "Take systems for tests out of what production's name leads to, and "
			 "check the settings of this one. Do not name the environment in "
			 "responses."},
		[MARK_KEY] =
			{"a key for tests was accepted",
			 "Keys for tests are known to many and stand in code and examples. Where "
			 "production takes them, so can anybody who read them.",
			 "Refuse keys of other environments in production: give each its own "
			 "issuer and its own store of keys."},
		[MARK_HOST] =
			{"a response names an internal host",
			 "Names and addresses of the inside show an attacker what there is "
			 "behind the proxy, and where forged requests of the server should go. "
			 "Clients cannot follow such links.",
			 "Let the application build links from its public name, and the proxy "
			 "rewrite Location and take off headers that name what is behind it."},
		[MARK_LEADS] =
			{"a response leads to a host that is not of production",
			 "Users of production are sent to a system for tests, with their data "
			 "and credentials.",
			 "Correct the address in the settings of this host, and keep the other "
			 "environment in a network that production's clients do not reach."},
	};
	struct issue_draft draft = {
		.severity = mark == MARK_KEY ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = RESULT_SUCCEEDED,
		.terms = {{texts[mark].term, 65}},
		.n_terms = 1,
		.confidence = 65,
		.metric = {.present = true,
			   .name = "marked_exchanges",
			   .unit = "exchanges",
			   .window = "since first seen",
			   .value = (double)h->mark[mark].seen,
			   .percentile = NAN},
	};
	char host[256];

	text_clean(host, sizeof(host), e->host, strlen(e->host));
	mark_text(options, h, mark, host, draft.description, sizeof(draft.description));
	draft_text(draft.impact, sizeof(draft.impact), "%s", texts[mark].impact);
	draft_text(draft.remediation, sizeof(draft.remediation), "%s", texts[mark].remedy);
	// Nobody is accused: it is the server's doing.
	merger_raise(m, self, key, NULL, e, f->time_ns, &draft);
	merger_capture(m, self, key, f->time_ns, f->order);
}

// ---- Merger

static struct environment_host *host_of(const struct detector *self,
					const struct environment_options *options, struct merger *m,
					struct environment *s, struct merged_endpoint *e,
					uint64_t *id)
{
	struct environment_area *area = e ? merger_endpoint_area(m, e, self) : NULL;
	struct environment_host *h;

	if (!area)
		return NULL;
	if (area->host == 0)
		area->host = siphash_id(siphash(0, 'H', span_make(e->host, strlen(e->host))));
	*id = area->host;
	h = lru_touch(&s->hosts, area->host, NULL);
	if (h && h->kind == HOST_UNKNOWN) {
		struct host_name name = environment_host(span_make(e->host, strlen(e->host)),
							 &options->words, &options->internal_names);

		h->kind = (uint8_t)name.kind;
		h->internal = name.internal;
		h->word = (uint8_t)name.word;
	}
	return h;
}

static void marks_judge(const struct detector *self, const struct environment_options *options,
			struct merger *m, struct environment *s, struct environment_host *h,
			struct merged_endpoint *e, uint64_t id, const struct finding *f)
{
	uint64_t marked = h->mark[MARK_HEADER].seen, others, own;

	// Where most responses say so, all of the host is another environment.
	if (!h->marked && h->kind == HOST_PRODUCTION && marked && marked * 2 > h->looked) {
		h->marked = true;
		s->production -= h->calls < s->production ? h->calls : s->production;
	}
	own = !h->marked && h->kind == HOST_PRODUCTION ? h->calls : 0;
	others = s->production - (own < s->production ? own : s->production);
	if (marked)
		own = h->looked > marked ? own * (h->looked - marked) / h->looked : 0;
	for (uint32_t i = 0; i < MARKS; i++) {
		bool mixed = i != MARK_HOST;

		if (h->told >> (2 + i) & 1 || h->mark[i].seen < options->min_marks ||
		    (mixed &&
		     (h->kind != HOST_PRODUCTION || others + own < options->production_calls)))
			continue;
		h->told |= (uint8_t)(4u << i);
		mark_raise(self, options, m, h, e, siphash_id(siphash_number(id, 'M', i)), f,
			   (enum environment_sign)i);
	}
}

// Notes are counted: none is an issue by itself.
static bool environment_accept(const struct detector *self, const void *options, struct merger *m,
			       void *state, const struct finding *f)
{
	struct merged_endpoint *e = merger_endpoint(m, f->endpoint);
	struct environment_mark *k;
	struct environment_host *h;
	uint64_t id;

	h = host_of(self, options, m, state, e, &id);
	if (!h || f->arg[0] >= MARKS ||
	    (f->arg[0] == MARK_HOST && inventory_is_inside(merger_networks(m), f->client)))
		return false;
	k = &h->mark[f->arg[0]];
	k->seen += f->count;
	k->word = (uint8_t)f->arg[1];
	k->header = (uint8_t)f->arg[2];
	marks_judge(self, options, m, state, h, e, id, f);
	return false;
}

static void environment_call(const struct detector *self, const void *opaque, struct merger *m,
			     void *state, const struct call *call)
{
	const struct environment_options *options = opaque;
	struct environment *s = state;
	struct environment_host *h;
	struct merged_endpoint *e;
	uint64_t id;
	bool outside;

	if (!call_ok(call) || (call->flags & (CALL_MESSAGE | CALL_GUESSED)))
		return;
	e = merger_endpoint(m, call->endpoint);
	h = host_of(self, options, m, s, e, &id);
	if (!h)
		return;
	outside = !inventory_is_inside(merger_networks(m), call->client);
	h->calls++;
	h->looked += !(call->flags & CALL_HALF) && is_looked_at(call->order);
	h->outside += outside;
	s->production += h->kind == HOST_PRODUCTION && !h->marked;
	if (h->kind == HOST_OTHER && !(h->told & 1) && h->calls >= options->min_calls &&
	    s->production >= options->production_calls) {
		h->told |= 1;
		mixed_raise(self, options, m, s, h, e, id, call);
	}
	if (h->internal && outside && !(h->told & 2) && h->outside >= options->min_calls) {
		h->told |= 2;
		exposed_raise(self, m, h, e, ~id, call);
	}
}

static size_t environment_memory(const void *opaque, const struct conf *)
{
	const struct environment_options *options = opaque;

	return lru_bytes(sizeof(struct environment_host), options->max_hosts);
}

// ---- What was learnt. What names of hosts say is asked again: the words are the configuration's.

static const struct record_field host_fields[] = {
	RECORD_ONE(struct environment_host, calls, 0),
	RECORD_ONE(struct environment_host, outside, 0),
	RECORD_ONE(struct environment_host, told, 63),
	RECORD_ONE(struct environment_host, marked, 1),
};
static const struct record host_record = RECORD(struct environment_host, host_fields, NULL);
static const struct detector environment;

static int environment_save(const void *state, const struct merger *, FILE *out)
{
	const struct environment *s = state;

	blob_put(out, s->production, 8);
	return record_put_table(out, &host_record, &s->hosts);
}

static int environment_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != environment.version};
	struct environment *s = state;
	int rc;

	s->production = blob_get(&r, 8);
	rc = record_get_table(&r, &host_record, &s->hosts);
	return rc ? rc : record_end(&r);
}

static const struct detector environment = {
	.id = "D-54",
	.name = "environment",
	.title = "Mixed Environments",
	.module = "Posture",
	.version = 2,
	.owasp = {"API9:2023"},
	.section = &environment_section,
	.state_size = sizeof(struct environment),
	.endpoint_size = sizeof(struct environment_area),
	.init = environment_init,
	.fini = environment_fini,
	.memory = environment_memory,
	.save = environment_save,
	.load = environment_load,
	.exchange = environment_exchange,
	.accept = environment_accept,
	.call = environment_call,
};
DETECTOR_REGISTER(environment);
