// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-03: somebody calls a function that is not for people of its role (broken function level
// authorization). A role is what the token claims; without such a claim there are two groups, those
// who use privileged endpoints and those who do not. An endpoint is privileged when hardly anybody
// uses it and its path speaks of administration or its method writes.
//
//	roles[role]           calls, principals
//	pairs[role, endpoint] calls, the first principals, those who did it lately
//	paths[path]           which methods
//
// Told is a call that is less than one in a thousand of its role's, of an endpoint that others use,
// or by a method that the path was never called with. Of each of its users a few calls count as long
// as there are only a few users: one alone does not make usual what he does all the time. Because a
// new feature looks the same on its first day, a call waits a while: when several users of the role
// do it, it is learnt instead.

#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/foreign.h"
#include "detect/principal.h"
#include "detect/record.h"
#include "detect/siphash.h"
#include "detect/text.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum {
	ROLES = 1024,
	CROWD = 8,
	CROWD_S = 3600,
	USER_CALLS = 3, // of each of a few users that count
	WAITING = 128,
	USERS_P = 6,
	ROLE_PLAIN = 1, // the groups of those without a role claim
	ROLE_PRIVILEGED = 2,
	FEW_USERS = 100, // privileged: used by one of so many principals or fewer
};

struct bfla_options {
	bool enabled;
	uint32_t min_calls, others, min_path, rollout, hold_s, refused, min_users, min_history;
	uint32_t max_pairs;
	double share;
};

struct role {
	uint32_t calls;
	uint8_t users[1 << USERS_P];
};

struct pair {
	uint32_t ok;       // calls that taught
	uint32_t endpoint; // in short
	uint32_t n_crowd;  // who did it, of those for whom it was unusual, in short
	uint32_t crowd_s;
	uint32_t crowd[CROWD];
	uint32_t n_users, users[CROWD]; // the first ones whose calls taught, in short
};

struct path {
	uint32_t ok;
	uint32_t verbs; // a bit for each
};

struct bfla_endpoint {
	uint64_t path; // of host and template, without the method
	uint32_t ok;
	bool admin;
	uint8_t users[1 << USERS_P];
};

struct bfla_principal {
	uint32_t ok, privileged;
};

struct tries {
	uint32_t refused;
};

struct waiting {
	uint64_t principal, endpoint, role, time_ns, order;
	uint32_t role_calls, pair_calls, others, path_calls;
	uint8_t verb;
	uint16_t status;
	bool success, method, personal;
};

struct bfla {
	struct lru roles, pairs, paths, tries;
	uint32_t n_waiting;
	struct waiting waiting[WAITING];
};

#define BFLA_ROW(field, kind, ...)                                                                 \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct bfla_options, field),       \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row bfla_rows[] = {
	BFLA_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	BFLA_ROW(share, CONF_F64, .min = 0, .max = 10, .def = "0.1", .unit = "%",
		 .help = "Share of a role's calls below which an endpoint is not for that role"),
	BFLA_ROW(min_calls, CONF_U32, .min = 10, .max = 1e9, .def = "1000", .unit = "calls",
		 .help = "Calls of a role before that is judged"),
	BFLA_ROW(others, CONF_U32, .min = 1, .max = 1e9, .def = "20", .unit = "calls",
		 .help = "Calls of the endpoint by other roles before it is known to be theirs"),
	BFLA_ROW(min_path, CONF_U32, .min = 1, .max = 1e9, .def = "5000", .unit = "calls",
		 .help = "Calls of a path before a method that it never had is judged"),
	BFLA_ROW(rollout, CONF_U32, .min = 1, .max = CROWD, .def = "4", .unit = "users",
		 .help = "Users of a role that do the same within an hour make it a new feature"),
	BFLA_ROW(hold_s, CONF_U32, .min = 0, .max = 86400, .def = "300", .unit = "s",
		 .help = "How long to wait whether they do"),
	BFLA_ROW(refused, CONF_U32, .min = 1, .max = 1000, .def = "3", .unit = "calls",
		 .help = "Refused calls (401, 403) of one user before they are told"),
	BFLA_ROW(min_users, CONF_U32, .min = 2, .max = 1e9, .def = "200", .unit = "users",
		 .help = "Without roles: users before groups are told apart"),
	BFLA_ROW(min_history, CONF_U32, .min = 1, .max = 1e6, .def = "50", .unit = "calls",
		 .help = "Without roles: plain calls of a user before a privileged one is unusual"),
	BFLA_ROW(max_pairs, CONF_U32, .min = 64, .max = 1 << 24, .def = "131072", .unit = "pairs",
		 .help = "Roles, at one endpoint each, that are known at once"),
};
static const struct conf_section bfla_section = {
	.path = "detect.bfla",
	.help = "D-03: users who call functions that are not for their role",
	.size = sizeof(struct bfla_options),
	.rows = bfla_rows,
	.n_rows = sizeof(bfla_rows) / sizeof(bfla_rows[0]),
};
CONF_SECTION(bfla_section);

static void bfla_fini(void *state)
{
	struct bfla *s = state;

	lru_fini(&s->roles);
	lru_fini(&s->pairs);
	lru_fini(&s->paths);
	lru_fini(&s->tries);
}

static int bfla_init(void *state, const void *opaque)
{
	const struct bfla_options *options = opaque;
	struct bfla *s = state;

	if (lru_init(&s->roles, sizeof(struct role), ROLES) ||
	    lru_init(&s->pairs, sizeof(struct pair), options->max_pairs) ||
	    lru_init(&s->paths, sizeof(struct path), options->max_pairs) ||
	    lru_init(&s->tries, sizeof(struct tries), options->max_pairs)) {
		bfla_fini(s);
		return -1;
	}
	return 0;
}

static size_t bfla_memory(const void *opaque, const struct conf *)
{
	const struct bfla_options *options = opaque;

	return lru_bytes(sizeof(struct role), ROLES) +
	       lru_bytes(sizeof(struct pair), options->max_pairs) +
	       lru_bytes(sizeof(struct path), options->max_pairs) +
	       lru_bytes(sizeof(struct tries), options->max_pairs);
}

static uint64_t text_hash(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return siphash_id(hash);
}

// ---- Endpoints

// A word of the path begins so.
static bool is_admin(const char *template)
{
	static const char *const words[] = {
		"admin", "manage", "internal", "backoffice", "staff",   "root",     "superuser",
		"sudo",  "system", "audit",    "impersonat", "moderat", "operator", "console",
	};
	bool start = true;

	for (const char *p = template; *p; p++) {
		bool letter = (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z';

		for (uint32_t i = 0; start && letter && i < sizeof(words) / sizeof(words[0]); i++) {
			if (strncasecmp(p, words[i], strlen(words[i])) == 0)
				return true;
		}
		start = !letter;
	}
	return false;
}

static bool writes(uint8_t verb)
{
	return verb == VERB_PUT || verb == VERB_PATCH || verb == VERB_DELETE || verb == VERB_POST;
}

static bool is_privileged(const struct bfla_options *options, struct merger *m,
			  const struct bfla_endpoint *area, const struct call *call)
{
	uint32_t principals = merger_principals(m);

	return principals >= options->min_users && area->ok >= options->others &&
	       (area->admin || writes(call->verb)) &&
	       hll_count(area->users, USERS_P) * FEW_USERS <= principals;
}

// ---- Roles

// Of whom nothing is claimed, what it does decides. 0: not known yet.
static uint64_t role_of(const struct bfla_options *options, const struct call *call,
			const struct bfla_principal *person, bool privileged)
{
	if (call->role)
		return call->role;
	if (!person)
		return 0;
	if (person->privileged || (privileged && person->ok < options->min_history))
		return ROLE_PRIVILEGED;
	return ROLE_PLAIN;
}

static uint32_t crowd_of(const struct pair *pair, uint64_t principal)
{
	uint32_t tag = mix_tag(principal), n = 0;

	for (uint32_t i = 0; i < pair->n_crowd; i++)
		n += pair->crowd[i] != tag;
	return n;
}

static void crowd_add(struct pair *pair, uint64_t principal, uint32_t now_s)
{
	uint32_t tag = mix_tag(principal);

	if (pair->n_crowd == 0 || now_s < pair->crowd_s || now_s - pair->crowd_s >= CROWD_S) {
		pair->n_crowd = 0;
		pair->crowd_s = now_s;
	}
	if (crowd_of(pair, principal) == pair->n_crowd && pair->n_crowd < CROWD)
		pair->crowd[pair->n_crowd++] = tag;
}

static void user_add(struct pair *pair, uint32_t tag)
{
	for (uint32_t i = 0; i < pair->n_users; i++) {
		if (pair->users[i] == tag)
			return;
	}
	if (pair->n_users < CROWD)
		pair->users[pair->n_users++] = tag;
}

// ---- What is told

static void waiting_texts(struct issue_draft *draft, struct merger *m, const struct waiting *w)
{
	char user[EXCHANGE_USER + 1], where[384], of_role[32], of_pair[32], others[32], why[320];

	principal_text(merger_principal(m, w->principal), user, sizeof(user));
	endpoint_text(merger_target(m, w->endpoint), where, sizeof(where));
	if (w->method)
		draft_text(
			why, sizeof(why),
			"%s calls of this path had been seen by people of its role or others, none "
			"of them with this method",
			text_count(others, w->path_calls));
	else
		draft_text(why, sizeof(why),
			   "%s of the %s calls of its role went there, while callers of other "
			   "roles made %s",
			   text_count(of_pair, w->pair_calls), text_count(of_role, w->role_calls),
			   text_count(others, w->others));
	draft_text(draft->description, sizeof(draft->description),
		   "%s (%s) called %s and was %s with status %u: %s. Fewer than is usual for a new "
		   "feature did the same within the hour.",
		   user,
		   w->role == ROLE_PLAIN ? "one of the users of no privileged endpoint"
					 : "by the role that its token claims",
		   where, w->success ? "answered" : "refused", w->status, why);
	draft_text(
		draft->impact, sizeof(draft->impact), "%s",
		w->success
			? "A function that is meant for others, often for administrators, does its "
			  "work for whoever finds its address. Roles are checked in the user "
			  "interface only, or not for this method."
			: "The check of roles held here. Somebody looks for functions of other "
			  "roles, and will try the next one.");
	draft_text(
		draft->remediation, sizeof(draft->remediation),
		"Deny by default: name for every method of every endpoint which roles may call it, "
		"check that in one place on the server, and test it with a token of each role.");
}

static void waiting_raise(const struct detector *self, const struct bfla_options *options,
			  struct merger *m, struct bfla *s, const struct waiting *w)
{
	const struct pair *pair = lru_get(&s->pairs, mix64(mix64(21, w->role), w->endpoint));
	struct merged_endpoint *e = merger_endpoint(m, w->endpoint);
	const struct bfla_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;
	struct issue_draft draft = {
		.severity = w->success ? SEVERITY_HIGH : SEVERITY_LOW,
		.result = w->success ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric =
			{
				.present = true,
				.name = "share_of_role",
				.unit = "%",
				.window = "all",
				.value = w->role_calls ? 100.0 * w->pair_calls / w->role_calls : 0,
				.percentile = NAN,
			},
	};
	struct call key = {.principal = w->principal, .endpoint = w->endpoint};

	if (!area || (pair && crowd_of(pair, w->principal) >= options->rollout))
		return;
	// A group of like users is no role that somebody gave: what some of them did before with success
	// is rare among them, not forbidden; unless the path itself says whose it is.
	if (w->role <= ROLE_PRIVILEGED && w->pair_calls && !area->admin)
		return;
	foreign_term(&draft,
		     w->method ? "a method that nobody used there before"
			       : "less than one call in a thousand of its role",
		     50);
	if (w->pair_calls == 0)
		foreign_term(&draft, "its role never did so", 10);
	if (area->admin)
		foreign_term(&draft, "the path speaks of administration", 15);
	if (writes(w->verb))
		foreign_term(&draft, "the method writes", 10);
	if (w->role_calls >= 10 * options->min_calls)
		foreign_term(&draft, "the role is well known", 10);
	if (w->role <= ROLE_PRIVILEGED)
		foreign_term(&draft, "roles are only known by what users do", -10);
	if (w->personal && w->success)
		foreign_term(&draft, "the answer holds personal data", 5);
	waiting_texts(&draft, m, w);
	objects_suspect(merger_objects(m), w->principal);
	merger_raise(m, self, foreign_key(&key), merger_principal(m, w->principal), e, w->time_ns,
		     &draft);
	merger_capture(m, self, foreign_key(&key), w->time_ns, w->order);
}

static void bfla_evaluate(const struct detector *self, const void *opaque, struct merger *m,
			  void *state, uint64_t now_ns, bool last)
{
	const struct bfla_options *options = opaque;
	struct bfla *s = state;
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

static bool is_waiting(const struct bfla *s, const struct call *call)
{
	for (uint32_t i = 0; i < s->n_waiting; i++) {
		if (s->waiting[i].principal == call->principal &&
		    s->waiting[i].endpoint == call->endpoint)
			return true;
	}
	return false;
}

// ---- Calls

// What is known of a call before it counts.
struct looked {
	const struct role *role;
	struct pair *pair;
	struct path *path;
	uint32_t others;
	bool method, share;
};

// Calls of the role that make the endpoint usual for it.
static uint32_t pair_counts(const struct bfla_options *options, const struct pair *pair)
{
	uint32_t most = pair->n_users * USER_CALLS;

	return pair->n_users >= options->rollout || pair->ok < most ? pair->ok : most;
}

static bool is_unusual(const struct bfla_options *options, const struct call *call,
		       const struct bfla_endpoint *area, struct looked *l)
{
	l->others = area->ok > l->pair->ok ? area->ok - l->pair->ok : 0;
	l->share = l->role->calls >= options->min_calls &&
		   pair_counts(options, l->pair) < options->share / 100 * l->role->calls;
	l->method = l->share && writes(call->verb) && l->path->ok >= options->min_path &&
		    !(l->path->verbs >> call->verb & 1);
	// It is the others' when hardly one of twenty of its calls came from this role.
	return l->method ||
	       (l->share && l->others >= options->others && l->pair->ok * UINT64_C(20) <= area->ok);
}

static void bfla_teach(const struct call *call, struct bfla_endpoint *area,
		       struct bfla_principal *person, struct role *role, struct looked *l,
		       bool privileged)
{
	role->calls++;
	hll_add(role->users, USERS_P, mix64(22, call->principal));
	l->pair->ok++;
	user_add(l->pair, mix_tag(call->principal));
	l->pair->endpoint = mix_tag(call->endpoint);
	l->path->ok++;
	l->path->verbs |= UINT32_C(1) << call->verb;
	area->ok++;
	hll_add(area->users, USERS_P, mix64(22, call->principal));
	if (person) {
		person->ok++;
		person->privileged += privileged;
	}
}

static void bfla_wait(const struct detector *self, const struct bfla_options *options,
		      struct merger *m, struct bfla *s, const struct call *call, uint64_t role,
		      const struct looked *l)
{
	if (is_waiting(s, call))
		return;
	if (s->n_waiting == WAITING) {
		waiting_raise(self, options, m, s, &s->waiting[0]);
		memmove(s->waiting, s->waiting + 1, --s->n_waiting * sizeof(s->waiting[0]));
	}
	s->waiting[s->n_waiting++] = (struct waiting){
		.principal = call->principal,
		.endpoint = call->endpoint,
		.role = role,
		.time_ns = call->time_ns,
		.order = call->order,
		.role_calls = l->role->calls,
		.pair_calls = l->pair->ok,
		.others = l->others,
		.path_calls = l->path->ok,
		.verb = call->verb,
		.status = call->status,
		.success = call_ok(call),
		.method = l->method && l->others < options->others,
		.personal = call->flags & CALL_PERSONAL,
	};
}

static bool was_refused(const struct bfla_options *options, struct bfla *s, const struct call *call)
{
	struct tries *tries = lru_touch(&s->tries, foreign_key(call), NULL);

	return tries && ++tries->refused >= options->refused;
}

static void bfla_call(const struct detector *self, const void *opaque, struct merger *m,
		      void *state, const struct call *call)
{
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct merged_principal *p = merger_principal(m, call->principal);
	struct bfla_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;
	struct bfla_principal *person = p ? merger_principal_area(m, p, self) : NULL;
	const struct bfla_options *options = opaque;
	bool ok = call_ok(call), refused = call->status == 401 || call->status == 403, privileged;
	uint32_t now_s = (uint32_t)(call->time_ns / UINT64_C(1000000000));
	struct bfla *s = state;
	struct looked l = {0};
	struct role *known;
	uint64_t role;

	if (!area || !person || !(ok || refused) ||
	    call->flags & (CALL_MESSAGE | CALL_GUESSED | CALL_LOGIN) ||
	    call->user_confidence < OBJECTS_SURE)
		return;
	if (!area->path) {
		area->path =
			text_hash(text_hash(UINT64_C(0xcbf29ce484222325), e->host), e->template);
		area->admin = is_admin(e->template);
	}
	privileged = !call->role && is_privileged(options, m, area, call);
	role = role_of(options, call, person, privileged);
	known = lru_touch(&s->roles, mix64(20, role), NULL);
	l.role = known;
	l.pair = lru_touch(&s->pairs, mix64(mix64(21, role), call->endpoint), NULL);
	l.path = lru_touch(&s->paths, area->path, NULL);
	if (!role || !known || !l.pair || !l.path)
		return;
	if (!is_unusual(options, call, area, &l) ||
	    (role == ROLE_PLAIN && !privileged && !l.method) || role == ROLE_PRIVILEGED) {
		if (ok)
			bfla_teach(call, area, person, known, &l, privileged);
		return;
	}
	if (role == ROLE_PLAIN && person->ok < options->min_history)
		return;
	if (ok || was_refused(options, s, call))
		bfla_wait(self, options, m, s, call, role, &l);
	crowd_add(l.pair, call->principal, now_s);
	if (!ok || crowd_of(l.pair, call->principal) < options->rollout)
		return;
	// A new feature.
	for (uint32_t i = 0; i < l.pair->n_crowd; i++)
		user_add(l.pair, l.pair->crowd[i]);
	bfla_teach(call, area, person, known, &l, false);
}

// ---- What was learnt

static const struct record_field role_fields[] = {
	RECORD_ONE(struct role, calls, 0),
	RECORD_MANY(struct role, users, 64),
};
static const struct record role_record = RECORD(struct role, role_fields, NULL);
static const struct record_field pair_fields[] = {
	RECORD_SMALL(struct pair, ok, 0),          RECORD_ONE(struct pair, endpoint, 0),
	RECORD_SMALL(struct pair, n_crowd, CROWD), RECORD_SMALL(struct pair, crowd_s, 0),
	RECORD_MANY(struct pair, crowd, 0),        RECORD_SMALL(struct pair, n_users, CROWD),
	RECORD_MANY(struct pair, users, 0),
};
static const struct record pair_record = RECORD(struct pair, pair_fields, NULL);
static const struct record_field path_fields[] = {
	RECORD_ONE(struct path, ok, 0),
	RECORD_ONE(struct path, verbs, 0),
};
static const struct record path_record = RECORD(struct path, path_fields, NULL);
static const struct record_field endpoint_fields[] = {
	RECORD_ONE(struct bfla_endpoint, path, 0),
	RECORD_ONE(struct bfla_endpoint, ok, 0),
	RECORD_ONE(struct bfla_endpoint, admin, 1),
	RECORD_MANY(struct bfla_endpoint, users, 64),
};
static const struct record endpoint_record = RECORD(struct bfla_endpoint, endpoint_fields, NULL);
static const struct record_field person_fields[] = {
	RECORD_SMALL(struct bfla_principal, ok, 0),
	RECORD_SMALL(struct bfla_principal, privileged, 0),
};
static const struct record person_record = RECORD(struct bfla_principal, person_fields, NULL);
static const struct detector bfla;

static int bfla_save(const void *state, const struct merger *m, FILE *out)
{
	const struct bfla *s = state;
	int rc = record_put_table(out, &role_record, &s->roles);

	rc = rc ? rc : record_put_table(out, &pair_record, &s->pairs);
	rc = rc ? rc : record_put_table(out, &path_record, &s->paths);
	rc = rc ? rc : record_put_endpoints(out, &endpoint_record, m, &bfla);
	return rc ? rc : record_put_principals(out, &person_record, m, &bfla);
}

static int bfla_load(void *state, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != bfla.version};
	struct bfla *s = state;
	int rc = record_get_table(&r, &role_record, &s->roles);

	rc = rc ? rc : record_get_table(&r, &pair_record, &s->pairs);
	rc = rc ? rc : record_get_table(&r, &path_record, &s->paths);
	rc = rc ? rc : record_get_endpoints(&r, &endpoint_record, m, &bfla);
	rc = rc ? rc : record_get_principals(&r, &person_record, m, &bfla);
	return rc ? rc : record_end(&r);
}

// Its path with all methods is learnt anew: that one of them was never seen says nothing then.
static void bfla_forget(void *state, struct merger *m, uint64_t endpoint)
{
	struct merged_endpoint *e = merger_endpoint(m, endpoint);
	const struct bfla_endpoint *area = e ? merger_endpoint_area(m, e, &bfla) : NULL;
	struct bfla *s = state;
	const struct pair *pair = lru_first(&s->pairs), *next;

	if (area && area->path)
		lru_remove(&s->paths, area->path);
	for (; pair; pair = next) {
		next = lru_next(&s->pairs, pair);
		if (pair->endpoint == mix_tag(endpoint))
			lru_remove(&s->pairs, lru_id(pair));
	}
}

static const struct detector bfla = {
	.id = "D-03",
	.name = "bfla",
	.title = "Broken Function Level Authorization",
	.module = "Runtime",
	.version = 2,
	.owasp = {"API5:2023"},
	.section = &bfla_section,
	.state_size = sizeof(struct bfla),
	.endpoint_size = sizeof(struct bfla_endpoint),
	.principal_size = sizeof(struct bfla_principal),
	.init = bfla_init,
	.fini = bfla_fini,
	.memory = bfla_memory,
	.call = bfla_call,
	.evaluate = bfla_evaluate,
	.forget = bfla_forget,
	.save = bfla_save,
	.load = bfla_load,
};
DETECTOR_REGISTER(bfla);
