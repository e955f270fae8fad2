// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-04: somebody appears as somebody else. Three signs of it:
//
//	connection  the subject of the tokens changes within it, and nobody signed in meanwhile
//	credential  one session, or one token by its jti, comes with several users
//	parameter   it names the user, as at least 99 % of its uses show, and now it names another
//
// Proxies carry many users over one connection, and some keys are made to be shared: the first two
// count only at servers where hardly any connection or credential ever had two, not for addresses
// that did it before, and only when there are no more than three after a while of waiting. Then the
// issue shows the call that began it. The third is bound.h with the caller as the owner.

#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/foreign.h"
#include "detect/principal.h"
#include "detect/record.h"
#include "detect/siphash.h"
#include "detect/text.h"

#include <math.h>
#include <string.h>

enum carrier_kind { CARRIER_CONNECTION = 0, CARRIER_SESSION, CARRIER_TOKEN, CARRIER_KINDS };

enum { WAITING = 64, HOSTS = 4096, ADDRESSES = 65536, PARAMS = 16384, USERS_MAX = 3, PROXY = 2 };

struct swap_options {
	bool enabled;
	uint32_t min_carriers, hold_s, refused, max_carriers;
	double share;
	struct bound_options bound;
};

// A connection, session or token, with the users that it came with.
struct carrier {
	uint64_t user[USERS_MAX];
	uint64_t principal; // the first one: who is taken to be the one that does it
	uint32_t n;         // USERS_MAX + 1: more
	uint32_t last_s;
};

struct host {
	uint32_t carriers[CARRIER_KINDS], several[CARRIER_KINDS];
};

struct address {
	uint32_t login_s; // when somebody signed in from there
	uint32_t several; // connections with several users
};

struct swap_endpoint {
	uint64_t host;
};

// Somebody who was refused a few times at one endpoint.
struct swap_refused {
	uint32_t n;
};

struct waiting {
	uint64_t carrier, address; // in their tables
	uint64_t principal, other; // the first one, and as whom it came
	uint64_t endpoint, time_ns, order;
	enum carrier_kind kind;
	bool success, personal;
};

struct swap {
	struct lru carriers, hosts, addresses, refusals;
	struct bound params;
	uint32_t n_waiting;
	struct waiting waiting[WAITING];
};

#define SWAP_ROW(name, field, kind, ...)                                                           \
	{                                                                                          \
		.key = name, .type = kind, .offset = offsetof(struct swap_options, field),         \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row swap_rows[] = {
	SWAP_ROW("enabled", enabled, CONF_BOOL, .def = "true",
		 .help = "Whether this detector runs"),
	SWAP_ROW("min_carriers", min_carriers, CONF_U32, .min = 10, .max = 1e9, .def = "200",
		 .unit = "connections",
		 .help = "Connections (or sessions, or tokens) of a server before they are judged"),
	SWAP_ROW("share", share, CONF_F64, .min = 0, .max = 50, .def = "1", .unit = "%",
		 .help = "Share of them with several users above which that is normal there"),
	SWAP_ROW("hold_s", hold_s, CONF_U32, .min = 0, .max = 3600, .def = "30", .unit = "s",
		 .help = "How long to wait whether more users follow, as from a proxy"),
	SWAP_ROW("max_carriers", max_carriers, CONF_U32, .min = 64, .max = 1 << 24, .def = "262144",
		 .unit = "connections",
		 .help = "Connections, sessions and tokens followed at once"),
	SWAP_ROW("param_share", bound.share, CONF_F64, .min = 50, .max = 100, .def = "99",
		 .unit = "%", .help = "Share of the uses of a parameter that must name the caller"),
	SWAP_ROW("param_requests", bound.requests, CONF_U32, .min = 10, .max = 1e9, .def = "200",
		 .unit = "requests", .help = "Requests before a parameter is known to do so"),
	SWAP_ROW("param_users", bound.users, CONF_U32, .min = 2, .max = 1000, .def = "20",
		 .unit = "users", .help = "Users before a parameter is known to do so"),
	SWAP_ROW("crowd", bound.crowd, CONF_U32, .min = 1, .max = BOUND_CROWD, .def = "4",
		 .unit = "users",
		 .help = "So many that name others within an hour are a new feature"),
	SWAP_ROW("refused", refused, CONF_U32, .min = 1, .max = 1000, .def = "3",
		 .unit = "requests",
		 .help = "Refused requests that name another user, before that is told"),
};
static const struct conf_section swap_section = {
	.path = "detect.swap",
	.help = "D-04: users who appear as somebody else",
	.size = sizeof(struct swap_options),
	.rows = swap_rows,
	.n_rows = sizeof(swap_rows) / sizeof(swap_rows[0]),
};
CONF_SECTION(swap_section);

static void swap_fini(void *state)
{
	struct swap *s = state;

	lru_fini(&s->carriers);
	lru_fini(&s->hosts);
	lru_fini(&s->addresses);
	lru_fini(&s->refusals);
	bound_fini(&s->params);
}

static int swap_init(void *state, const void *opaque)
{
	const struct swap_options *options = opaque;
	struct swap *s = state;

	if (lru_init(&s->carriers, sizeof(struct carrier), options->max_carriers) ||
	    lru_init(&s->hosts, sizeof(struct host), HOSTS) ||
	    lru_init(&s->addresses, sizeof(struct address), ADDRESSES) ||
	    lru_init(&s->refusals, sizeof(struct swap_refused), ADDRESSES) ||
	    bound_init(&s->params, &options->bound, PARAMS)) {
		swap_fini(s);
		return -1;
	}
	return 0;
}

static size_t swap_memory(const void *opaque, const struct conf *)
{
	const struct swap_options *options = opaque;

	return lru_bytes(sizeof(struct carrier), options->max_carriers) +
	       lru_bytes(sizeof(struct host), HOSTS) +
	       lru_bytes(sizeof(struct address), ADDRESSES) +
	       lru_bytes(sizeof(struct swap_refused), ADDRESSES) + bound_bytes(PARAMS);
}

static uint32_t seconds(uint64_t time_ns)
{
	return (uint32_t)(time_ns / UINT64_C(1000000000));
}

static uint64_t text_hash(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return siphash_id(hash);
}

static uint64_t address_id(const struct call *call)
{
	uint64_t half[2];

	memcpy(half, call->client, sizeof(half));
	return mix64(mix64(11, half[0]), half[1]);
}

// ---- What is told

struct swap_case {
	const char *sign, *what;
	uint64_t principal, endpoint, time_ns, order, key;
	const char *more; // sentences with numbers
	double points;
	enum severity severity;
	bool success, personal;
};

static void swap_raise(const struct detector *self, struct merger *m, const struct swap_case *c)
{
	struct issue_draft draft = {
		.severity = c->severity,
		.result = c->success ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
	};
	char user[EXCHANGE_USER + 1], where[384];

	foreign_term(&draft, c->sign, c->points);
	if (c->success && c->personal)
		foreign_term(&draft, "the answer holds personal data", 20);
	principal_text(merger_principal(m, c->principal), user, sizeof(user));
	endpoint_text(merger_target(m, c->endpoint), where, sizeof(where));
	draft_text(draft.description, sizeof(draft.description), "%s called %s %s. %s", user, where,
		   c->what, c->more);
	draft_text(
		draft.impact, sizeof(draft.impact), "%s",
		c->success
			? "One person acts under the name of another: with a token that was "
			  "stolen or made, or because the server believes what a parameter says."
			: "Somebody tries to act under the name of another. It was refused here.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Take the user from the verified token and from nowhere else; refuse requests "
		"whose "
		"parameters name somebody else; bind sessions and tokens to the one that they were "
		"issued to, and withdraw those of both users. Service accounts that may act for "
		"others belong into a policy that suppresses this detector for them.");
	merger_raise(m, self, c->key, merger_principal(m, c->principal),
		     merger_endpoint(m, c->endpoint), c->time_ns, &draft);
	if (c->order)
		merger_capture(m, self, c->key, c->time_ns, c->order);
}

// ---- Connections, sessions, tokens

static const char *const carrier_names[CARRIER_KINDS] = {"connection", "session", "token"};

static const struct host *host_of(const struct detector *self, struct merger *m, struct swap *s,
				  uint64_t endpoint)
{
	struct merged_endpoint *e = merger_endpoint(m, endpoint);
	const struct swap_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;

	return area && area->host ? lru_get(&s->hosts, area->host) : NULL;
}

// The one that is looked at is not counted.
static bool is_rare(const struct swap_options *options, const struct host *host,
		    enum carrier_kind kind)
{
	return host->carriers[kind] >= options->min_carriers &&
	       host->several[kind] <= 1 + options->share / 100 * host->carriers[kind];
}

static void waiting_raise(const struct detector *self, const struct swap_options *options,
			  struct merger *m, struct swap *s, const struct waiting *w)
{
	static const char *const signs[CARRIER_KINDS] = {
		"the user changed within one connection",
		"one session came with several users",
		"one token came with several users",
	};
	const struct carrier *carrier = lru_get(&s->carriers, w->carrier);
	const struct host *host = host_of(self, m, s, w->endpoint);
	struct address *address;
	char more[512], number[32], several[32], what[EXCHANGE_USER + 96], user[EXCHANGE_USER + 1];

	if (!carrier || carrier->n > USERS_MAX) {
		// So many are a proxy: of its address nothing more is expected.
		address = lru_get(&s->addresses, w->address);
		if (address)
			address->several += PROXY;
		return;
	}
	if (!host || !is_rare(options, host, w->kind))
		return;
	principal_text(merger_principal(m, w->other), user, sizeof(user));
	draft_text(what, sizeof(what), "as somebody else over the same %s: as %s",
		   carrier_names[w->kind], user);
	draft_text(more, sizeof(more),
		   "The %s had %u users, and nobody signed in in between; of the %s %ss of this "
		   "server, %s had more than one.",
		   carrier_names[w->kind], carrier->n, text_count(number, host->carriers[w->kind]),
		   carrier_names[w->kind], text_count(several, host->several[w->kind]));
	swap_raise(self, m,
		   &(struct swap_case){
			   .sign = signs[w->kind],
			   .what = what,
			   .principal = w->principal,
			   .endpoint = w->endpoint,
			   .time_ns = w->time_ns,
			   .order = w->order,
			   .key = w->carrier,
			   .more = more,
			   .points = 70,
			   .severity = w->success ? SEVERITY_HIGH : SEVERITY_MEDIUM,
			   .success = w->success,
			   .personal = w->personal,
		   });
}

static void swap_evaluate(const struct detector *self, const void *opaque, struct merger *m,
			  void *state, uint64_t now_ns, bool last)
{
	const struct swap_options *options = opaque;
	struct swap *s = state;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_waiting; i++) {
		const struct waiting *w = &s->waiting[i];

		if (!last && now_ns < w->time_ns + options->hold_s * UINT64_C(1000000000))
			s->waiting[n++] = *w;
		else
			waiting_raise(self, options, m, s, w);
	}
	s->n_waiting = n;
}

// True: this user is another than those before.
static bool user_add(struct carrier *carrier, uint64_t user)
{
	for (uint32_t i = 0; i < carrier->n && i < USERS_MAX; i++) {
		if (carrier->user[i] == user)
			return false;
	}
	if (carrier->n < USERS_MAX)
		carrier->user[carrier->n] = user;
	if (carrier->n <= USERS_MAX)
		carrier->n++;
	return carrier->n > 1;
}

static void carrier_see(const struct swap_options *options, struct swap *s, struct host *host,
			struct address *address, const struct call *call, enum carrier_kind kind,
			uint64_t id, uint64_t user)
{
	uint64_t key = mix64(mix64(12, kind), id);
	bool fresh, explained;
	struct carrier *carrier;
	uint32_t last_s;

	if (!id || !user)
		return;
	carrier = lru_touch(&s->carriers, key, &fresh);
	if (!carrier)
		return;
	host->carriers[kind] += fresh;
	if (fresh)
		carrier->principal = call->principal;
	last_s = carrier->last_s;
	carrier->last_s = seconds(call->time_ns);
	explained = address->login_s && address->login_s >= last_s;
	if (!user_add(carrier, user))
		return;
	if (carrier->n == 2) {
		// Somebody signed out and another signed in.
		if (kind == CARRIER_CONNECTION && explained) {
			carrier->user[0] = user;
			carrier->principal = call->principal;
			carrier->n = 1;
			return;
		}
		host->several[kind]++;
		address->several++;
		if (is_rare(options, host, kind) && address->several <= PROXY &&
		    s->n_waiting < WAITING)
			s->waiting[s->n_waiting++] = (struct waiting){
				.carrier = key,
				.address = address_id(call),
				.principal = carrier->principal,
				.other = call->principal,
				.endpoint = call->endpoint,
				.time_ns = call->time_ns,
				.order = call->order,
				.kind = kind,
				.success = call_ok(call),
				.personal = call->flags & CALL_PERSONAL,
			};
	}
}

// ---- Parameters that name the caller

static void param_raise(const struct detector *self, struct merger *m, const struct call *call,
			const struct bound_view *bound)
{
	char more[512], number[32];

	draft_text(more, sizeof(more),
		   "Of the last %s uses of the identifier by %u users and more, %.1f %% named the "
		   "user "
		   "of the token.",
		   text_count(number, bound->requests), bound->users, 100 * bound->share);
	swap_raise(self, m,
		   &(struct swap_case){
			   .sign = "a parameter that names the caller names somebody else",
			   .what = "with an identifier of another user than that of its token",
			   .principal = call->principal,
			   .endpoint = call->endpoint,
			   .time_ns = call->time_ns,
			   .key = foreign_key(call),
			   .more = more,
			   .points = 70,
			   .severity = call_ok(call) ? SEVERITY_HIGH : SEVERITY_LOW,
			   .success = call_ok(call),
			   .personal = call->flags & CALL_PERSONAL,
		   });
}

static void param_see(const struct detector *self, const struct swap_options *options,
		      struct merger *m, struct swap *s, const struct call *call,
		      const struct call_param *param)
{
	bool same = param->value == call->subject;
	struct bound_use use = {
		.id = bound_id(call->endpoint, param->field, 0),
		.endpoint = call->endpoint,
		.principal = call->principal,
		.now_s = seconds(call->time_ns),
		.given = same,
		.known = true,
		.mine = same,
	};
	struct bound_view bound = bound_look(&s->params, use.id, call->principal, use.now_s);
	struct objects *objects = merger_objects(m);
	struct swap_refused *refusal;

	// Most parameters name nobody.
	if (bound.requests == 0 && !same)
		return;
	if (call_ok(call) && !objects->suspect) {
		if (!same)
			bound_foreign(&s->params, &use);
		bound_learn(&s->params, &use);
	}
	if (same || !bound.is || bound.crowded)
		return;
	if (!call_ok(call)) {
		if (call->status != 401 && call->status != 403 && call->status != 404)
			return;
		refusal = lru_touch(&s->refusals, foreign_key(call), NULL);
		if (!refusal || ++refusal->n < options->refused)
			return;
	}
	objects_suspect(objects, call->principal);
	param_raise(self, m, call, &bound);
}

static void swap_call(const struct detector *self, const void *opaque, struct merger *m,
		      void *state, const struct call *call)
{
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct swap_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;
	const struct swap_options *options = opaque;
	struct address *address;
	struct swap *s = state;
	struct host *host;

	if (!area || call->status == 0 || call->flags & (CALL_MESSAGE | CALL_GUESSED))
		return;
	if (!area->host)
		area->host = text_hash(e->host);
	address = lru_touch(&s->addresses, address_id(call), NULL);
	host = lru_touch(&s->hosts, area->host, NULL);
	if (!address || !host)
		return;
	if (call->flags & CALL_LOGIN && call_ok(call)) {
		address->login_s = seconds(call->time_ns);
		return;
	}
	carrier_see(options, s, host, address, call, CARRIER_CONNECTION,
		    call->connection ? mix64(call->connection, area->host) : 0, call->subject);
	carrier_see(options, s, host, address, call, CARRIER_SESSION, call->session,
		    call->principal);
	carrier_see(options, s, host, address, call, CARRIER_TOKEN, call->token_id, call->subject);
	for (uint32_t i = 0; call->subject && i < call->n_params; i++) {
		if (call->params[i].noun)
			param_see(self, options, m, s, call, &call->params[i]);
	}
}

// ---- What was learnt: servers, proxies and parameters that name the caller

static const struct record_field host_fields[] = {
	RECORD_MANY(struct host, carriers, 0),
	RECORD_MANY(struct host, several, 0),
};
static const struct record host_record = RECORD(struct host, host_fields, NULL);
static const struct record_field address_fields[] = {
	RECORD_ONE(struct address, login_s, 0),
	RECORD_SMALL(struct address, several, 0),
};
static const struct record address_record = RECORD(struct address, address_fields, NULL);
static const struct detector swap;

static int swap_save(const void *state, const struct merger *, FILE *out)
{
	const struct swap *s = state;
	int rc = record_put_table(out, &host_record, &s->hosts);

	rc = rc ? rc : record_put_table(out, &address_record, &s->addresses);
	return rc ? rc : bound_save(&s->params, out);
}

static int swap_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != swap.version};
	struct swap *s = state;
	int rc = record_get_table(&r, &host_record, &s->hosts);

	rc = rc ? rc : record_get_table(&r, &address_record, &s->addresses);
	rc = rc ? rc : bound_load(&s->params, &r);
	return rc ? rc : record_end(&r);
}

static void swap_forget(void *state, struct merger *, uint64_t endpoint)
{
	bound_forget(&((struct swap *)state)->params, endpoint);
}

static const struct detector swap = {
	.id = "D-04",
	.name = "swap",
	.title = "Token or Identity Swap",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API2:2023", "API1:2023"},
	.section = &swap_section,
	.state_size = sizeof(struct swap),
	.endpoint_size = sizeof(struct swap_endpoint),
	.init = swap_init,
	.fini = swap_fini,
	.memory = swap_memory,
	.forget = swap_forget,
	.save = swap_save,
	.load = swap_load,
	.call = swap_call,
	.evaluate = swap_evaluate,
};
DETECTOR_REGISTER(swap);
