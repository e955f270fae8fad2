// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-06: credential stuffing, password spraying, brute force, and accounts that were taken over.
//
// Merger. Sign-ins that failed oddly (logins.h) are counted by what may be behind them:
//
//	address, network, client ─► different names    stuffing
//	password                 ─► different names    spraying
//	name                     ─► different passwords brute force
//	endpoint                 ─► above what it is used to, for three windows: distributed
//
// What counts for an attack that is known counts for nothing else, so that one attack is one issue.
// Whoever gets in by one of them, from elsewhere or with another password, took the account over.
//
// Right passwords that fail are trouble of the server: while most of them do, nothing is judged.

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/logins.h"
#include "detect/siphash.h"
#include "detect/text.h"

enum {
	CLIENT_PART = 2,    // a client program needs so many times as many names as an address
	MANY_ADDRESSES = 3, // of a network or a client
	TROUBLE_RIGHT = 3,  // right passwords that failed in a window
	MADS = 6,
	HIGH_WINDOWS = 3,
	WINDOW_S = 60, // of endpoints
	INTRUDER_S = 3600, // so long what comes from there is told
	SHARED_OK = 20,    // successes of an address that others may use as well
};

// What an attack is known by: keeps the keys of issues apart.
enum what {
	BY_ADDRESS = 1,
	BY_PREFIX,
	BY_CLIENT,
	BY_SECRET,
	BY_USER,
	BY_ENDPOINT,
	BY_ACCOUNT, // that was taken over
};

struct stuffing_options {
	bool enabled;
	uint32_t window_s, users, secrets, spray_users, spray_s, distributed_users, min_windows;
	uint32_t max_users, max_sources, max_secrets;
	double failures, spray_share;
};

struct stuffing {
	struct logins logins; // first: it is saved as the whole
};

#define STUFFING_ROW(field, kind, ...)                                                             \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct stuffing_options, field),   \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row stuffing_rows[] = {
	STUFFING_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	STUFFING_ROW(window_s, CONF_U32, .min = 60, .max = 86400, .def = "600", .unit = "s",
		     .help = "Time in which names and passwords are counted"),
	STUFFING_ROW(users, CONF_U32, .min = 2, .max = 1e6, .def = "10", .unit = "users",
		     .help = "User names that fail from one source; more are credential stuffing"),
	STUFFING_ROW(failures, CONF_F64, .min = 50, .max = 100, .def = "80.0", .unit = "%",
		     .help = "The share of a source's sign-ins that must fail"),
	STUFFING_ROW(secrets, CONF_U32, .min = 6, .max = 1e6, .def = "20", .unit = "passwords",
		     .help = "Different passwords for one user that are brute force"),
	STUFFING_ROW(spray_users, CONF_U32, .min = 2, .max = LOGIN_SPRAYED - 1, .def = "5",
		     .unit = "users",
		     .help = "Users for whom one password fails; more are password spraying"),
	STUFFING_ROW(spray_s, CONF_U32, .min = 60, .max = 604800, .def = "3600", .unit = "s",
		     .help = "Time in which users of one password are counted"),
	STUFFING_ROW(spray_share, CONF_F64, .min = 0, .max = 100, .def = "5.0", .unit = "%",
		     .help = "The share of the endpoint's failures that one password must cause: "
			     "some passwords are common"),
	STUFFING_ROW(distributed_users, CONF_U32, .min = 5, .max = 1e6, .def = "20",
		     .unit = "users", .help = "User names that must fail in a minute before an endpoint "
					      "is said to be under attack from many sources"),
	STUFFING_ROW(min_windows, CONF_U32, .min = 3, .max = 1e6, .def = "10", .unit = "minutes",
		     .help = "Minutes of sign-ins at an endpoint that must be known before"),
	STUFFING_ROW(max_users, CONF_U32, .min = 64, .max = 1 << 24, .def = "131072",
		     .unit = "users", .help = "Users whose usual places are known at once"),
	STUFFING_ROW(max_sources, CONF_U32, .min = 64, .max = 1 << 22, .def = "16384",
		     .unit = "sources", .help = "Sources with failures known at once"),
	STUFFING_ROW(max_secrets, CONF_U32, .min = 64, .max = 1 << 22, .def = "65536",
		     .unit = "passwords", .help = "Passwords that failed known at once"),
};
static const struct conf_section stuffing_section = {
	.path = "detect.stuffing",
	.help = "D-06: credential stuffing, brute force and accounts taken over",
	.size = sizeof(struct stuffing_options),
	.rows = stuffing_rows,
	.n_rows = sizeof(stuffing_rows) / sizeof(stuffing_rows[0]),
};
CONF_SECTION(stuffing_section);

static const struct detector stuffing;

// One sign-in and all that is known of it.
struct attempt {
	const struct stuffing_options *options;
	struct merger *m;
	struct stuffing *s;
	const struct call *call;
	struct location where;
	uint64_t client; // of agent and handshake; 0: unknown
	struct login_user *user;
	struct login_endpoint *endpoint;
	bool usual_place, usual_client, right; // right: the password of the last success
};

// ---- Texts

static void term(struct issue_draft *draft, const char *name, int points)
{
	draft->terms[draft->n_terms++] = (struct issue_term){name, points};
	draft->confidence += (uint32_t)points;
}

// " It got in as user 1a2b…, …."
static void taken_text(const struct login_campaign *c, char *out, size_t size)
{
	char number[32];
	size_t n;

	out[0] = '\0';
	if (c->n_taken == 0)
		return;
	n = (size_t)draft_text(out, size, " %s sign-in%s then succeeded, as user",
			       text_count(number, c->n_taken), text_plural(c->n_taken));
	for (uint32_t i = 0; i < c->n_taken && i < LOGIN_TAKEN && n < size; i++)
		n += (size_t)draft_text(out + n, size - n, "%s %016llx", i ? "," : "",
					(unsigned long long)c->taken[i]);
	if (n < size)
		draft_text(out + n, size - n, "%s%s.", c->n_taken > LOGIN_TAKEN ? " and others" : "",
			   c->unusual ? ", from where that user never was" : "");
}

static void texts(struct issue_draft *draft, const struct login_campaign *c)
{
	draft_text(draft->impact, sizeof(draft->impact), "%s",
		   c->n_taken ? "Somebody else has a valid session of these users now: their data, "
				"orders and money are within reach, and the calls look like theirs."
			      : "Passwords that leaked elsewhere, or are common, are tried here. Every "
				"one that fits is an account taken over, and its data with it.");
	draft_text(draft->remediation, sizeof(draft->remediation), "%s",
		   c->n_taken
			   ? "End the sessions of the users named, reset their passwords, and undo "
			     "what was done since. Then ask for a second factor, and slow down "
			     "sign-ins by user as well as by source."
			   : "Slow down or challenge sign-ins by source, by user and by client, "
			     "refuse passwords that are known from leaks, and offer a second factor.");
}

// Tells it the first time, when it grew by a quarter, each minute, and when somebody got in.
static bool is_due(struct login_campaign *c, uint64_t number, uint64_t time_ns, bool now)
{
	if (!now && c->told && number < c->told + c->told / 4 + 1 &&
	    time_ns < c->told_ns + UINT64_C(60000000000))
		return false;
	c->told = number;
	c->told_ns = time_ns;
	return true;
}

static void attack_raise(const struct attempt *a, enum what what, uint64_t id, struct login_campaign *c,
		  struct issue_draft *draft)
{
	char taken[256];
	size_t n = strlen(draft->description);

	draft->severity = c->n_taken ? SEVERITY_CRITICAL : SEVERITY_HIGH;
	draft->result = c->n_taken ? RESULT_SUCCEEDED : RESULT_ATTEMPTED;
	if (c->n_taken)
		term(draft, "a sign-in succeeded", 10);
	if (c->unusual)
		term(draft, "from a place or client that the user never used", 10);
	taken_text(c, taken, sizeof(taken));
	draft_text(draft->description + n, sizeof(draft->description) - n, "%s", taken);
	texts(draft, c);
	merger_raise(a->m, &stuffing, id ^ what * UINT64_C(0x9e3779b97f4a7c15),
		     merger_principal(a->m, a->call->principal),
		     merger_endpoint(a->m, a->call->endpoint), a->call->time_ns, draft);
}

// ---- Sources

static const char *source_name(const struct attempt *a, enum what what, char out[128])
{
	char addr[64];

	if (what == BY_CLIENT)
		draft_text(out, 128, "one client program (user agent and TLS handshake), from many "
				     "addresses,");
	else
		draft_text(out, 128, "%s %s", what == BY_ADDRESS ? "address" : "network",
			   source_text(a->call->client, what == BY_ADDRESS ? 0 : a->where.bits,
				       addr));
	return out;
}

static void source_raise(const struct attempt *a, enum what what, uint64_t id,
			 struct login_tries *t, bool now)
{
	struct issue_draft draft = {0};
	char name[128], where[384], users[32], failed[32];
	uint32_t n = t->distinct;

	if (!is_due(&t->campaign, n, a->call->time_ns, now))
		return;
	endpoint_text(merger_target(a->m, a->call->endpoint), where, sizeof(where));
	term(&draft, "many user names fail from one source", 55);
	if (n >= 5 * a->options->users)
		term(&draft, "five times as many as are allowed", 15);
	if (login_failure_share(t) >= 95)
		term(&draft, "hardly any of its sign-ins succeeds", 10);
	draft.metric = (struct issue_metric){
		.present = true, .name = "failed_user_names", .unit = "users", .window = "600 s",
		.value = n, .baseline_mean = a->options->users, .percentile = (double)NAN};
	draft_text(draft.description, sizeof(draft.description),
		   "From %s %s%s user names failed to sign in at %s within %u minutes, in %s tries; "
		   "%.0f %% of its sign-ins failed. More than %u names with %.0f %% failures are "
		   "taken for credential stuffing.",
		   source_name(a, what, name), t->values[0].over || t->values[1].over ? "about " : "",
		   text_count(users, n), where, a->options->window_s / 60,
		   text_count(failed, login_failed(t)), login_failure_share(t), a->options->users,
		   a->options->failures);
	attack_raise(a, what, id, &t->campaign, &draft);
}

static bool source_is_bad(const struct attempt *a, enum what what, const struct login_tries *t)
{
	uint32_t users = a->options->users * (what == BY_CLIENT ? CLIENT_PART : 1);

	return t->distinct > users && login_failure_share(t) >= a->options->failures &&
	       (what == BY_ADDRESS || t->n_addresses >= MANY_ADDRESSES);
}

// True: it belongs to an attack, known before or just now.
static bool source_failed(const struct attempt *a, enum what what, uint64_t id, bool trouble)
{
	uint64_t window_ns = a->s->logins.window_ns;
	struct login_tries *t = id ? lru_touch(&a->s->logins.sources, id, NULL) : NULL;

	if (!t)
		return false;
	// An attack that paused for a window is over.
	if (t->campaign.open && a->call->time_ns >= t->half_ns + 2 * window_ns)
		t->campaign = (struct login_campaign){0};
	if (trouble && !t->campaign.open)
		return false;
	login_tries_add(t, window_ns, a->call->time_ns, a->call->login_user);
	login_tries_address(t->address, &t->n_addresses, a->where.address);
	t->campaign.open = t->campaign.open || source_is_bad(a, what, t);
	if (t->campaign.open)
		source_raise(a, what, id, t, false);
	return t->campaign.open;
}

// ---- Users and passwords

static bool user_failed(const struct attempt *a, bool trouble)
{
	const struct call *call = a->call;
	uint64_t window_ns = a->s->logins.window_ns;
	struct login_tries *t = lru_get(&a->s->logins.pressed, call->login_user);
	char number[32], where[384];
	struct issue_draft draft = {0};

	if (trouble && (!t || !t->campaign.open))
		return false;
	if (login_user_failed(a->user, window_ns, call->time_ns, call->login_secret) <
		    LOGIN_INLINE &&
	    !t)
		return false;
	if (!t) {
		t = lru_touch(&a->s->logins.pressed, call->login_user, NULL);
		for (uint32_t i = 0; t && i < LOGIN_INLINE; i++)
			login_tries_add(t, window_ns, a->user->failed_ns, a->user->tried[i]);
	}
	if (!t)
		return false;
	if (t->campaign.open && call->time_ns >= t->half_ns + 2 * window_ns)
		t->campaign = (struct login_campaign){0};
	login_tries_add(t, window_ns, call->time_ns, call->login_secret);
	login_tries_address(t->address, &t->n_addresses, a->where.address);
	t->campaign.open |= t->distinct >= a->options->secrets;
	if (!t->campaign.open || !is_due(&t->campaign, t->distinct, call->time_ns, false))
		return t->campaign.open;
	endpoint_text(merger_target(a->m, call->endpoint), where, sizeof(where));
	term(&draft, "many different passwords fail for one user", 65);
	if (t->distinct >= 5 * a->options->secrets)
		term(&draft, "five times as many as are allowed", 15);
	draft_text(draft.description, sizeof(draft.description),
		   "%s different passwords failed for user %016llx at %s within %u minutes, from "
		   "%s%u address%s; %u are taken for brute force.",
		   text_count(number, t->distinct), (unsigned long long)call->login_user, where,
		   a->options->window_s / 60, t->n_addresses == LOGIN_ADDRESSES ? "at least " : "",
		   t->n_addresses, t->n_addresses == 1 ? "" : "es", a->options->secrets);
	attack_raise(a, BY_USER, call->login_user, &t->campaign, &draft);
	return true;
}

static void secret_raise(const struct attempt *a, struct login_secret *s, bool now)
{
	struct issue_draft draft = {0};
	char where[384], failed[32];

	if (!is_due(&s->campaign, s->failed, a->call->time_ns, now))
		return;
	endpoint_text(merger_target(a->m, a->call->endpoint), where, sizeof(where));
	term(&draft, "one password fails for many users", 60);
	if (s->n_users == LOGIN_SPRAYED)
		term(&draft, "for sixteen users or more", 10);
	if (s->n_addresses == LOGIN_ADDRESSES)
		term(&draft, "from several addresses", 10);
	draft_text(draft.description, sizeof(draft.description),
		   "One and the same password failed for %s%u users at %s within %.0f minutes, in %s "
		   "tries from %s%u address%s. More than %u users are taken for password spraying.",
		   s->n_users == LOGIN_SPRAYED ? "at least " : "", s->n_users, where,
		   (double)(a->call->time_ns - s->begin_ns) / 60e9 + 0.5,
		   text_count(failed, s->failed),
		   s->n_addresses == LOGIN_ADDRESSES ? "at least " : "", s->n_addresses,
		   s->n_addresses == 1 ? "" : "es", a->options->spray_users);
	// By whom it was tried for first, and when: of the password nothing leaves the memory.
	attack_raise(a, BY_SECRET, siphash_id(siphash_number(s->user[0], 'S', s->begin_ns)),
		     &s->campaign, &draft);
}

static bool secret_failed(const struct attempt *a, bool trouble)
{
	const struct call *call = a->call;
	struct login_secret *s = lru_touch(&a->s->logins.secrets, call->login_secret, NULL);
	uint64_t others;

	if (!s || (trouble && !s->campaign.open))
		return false;
	login_secret_add(s, a->s->logins.spray_ns, call->time_ns, call->login_user,
			 a->where.address);
	if (s->before == 0 && a->endpoint)
		s->before = a->endpoint->failed_all;
	others = a->endpoint ? a->endpoint->failed_all + 1 - s->before : s->failed;
	if (s->n_users > a->options->spray_users &&
	    (double)s->failed >= a->options->failures / 100 * (s->failed + s->ok) &&
	    (double)s->failed >= a->options->spray_share / 100 * (double)others)
		s->campaign.open = true;
	if (s->campaign.open)
		secret_raise(a, s, false);
	return s->campaign.open;
}

// ---- Endpoints

// Most users whose password is right do not get in: whatever it is, it is no attack on passwords.
static bool is_trouble(const struct login_endpoint *e)
{
	return (e->right_failed >= TROUBLE_RIGHT && e->right_failed > e->ok) ||
	       (e->was_trouble && e->right_failed >= e->ok);
}

static void endpoint_raise(const struct attempt *a, struct login_endpoint *e, double mean,
			   double spread)
{
	struct issue_draft draft = {0};
	char where[384], failed[32], users[32], prefixes[32];

	if (!is_due(&e->campaign, few_count(&e->users), a->call->time_ns, true))
		return;
	endpoint_text(merger_target(a->m, e->endpoint), where, sizeof(where));
	term(&draft, "far more failures than this endpoint is used to, for three minutes", 50);
	if (e->odd > 4 * (mean + MADS * spread))
		term(&draft, "four times as many as could still be usual", 15);
	if (few_count(&e->prefixes) >= 10)
		term(&draft, "from ten networks or more", 10);
	draft.metric = (struct issue_metric){
		.present = true, .name = "failed_sign_ins_per_minute", .unit = "failures/min",
		.window = "60 s", .value = e->odd, .baseline_mean = mean, .percentile = (double)NAN};
	draft_text(draft.description, sizeof(draft.description),
		   "%s sign-ins failed at %s within one minute, for %s user names from %s networks; "
		   "%.1f are usual at this hour, and more than %.1f were seen for three minutes in a "
		   "row. No single source stands out: the attack is distributed.",
		   text_count(failed, e->odd), where, text_count(users, few_count(&e->users)),
		   text_count(prefixes, few_count(&e->prefixes)), mean, mean + MADS * spread);
	attack_raise(a, BY_ENDPOINT, e->endpoint, &e->campaign, &draft);
}

static void window_close(const struct attempt *a, struct login_endpoint *e)
{
	bool trouble = is_trouble(e), high = false;
	double mean = 0, spread = 0;
	uint32_t samples = 0;

	if (season_expect(&e->season, e->window_ns, &mean, &spread, &samples) &&
	    e->windows >= a->options->min_windows) {
		spread = fmax(spread, sqrt(mean + 1));
		high = !trouble && e->odd > mean + MADS * spread &&
		       few_count(&e->users) >= a->options->distributed_users &&
		       few_count(&e->prefixes) >= MANY_ADDRESSES;
	}
	e->windows_high = high ? e->windows_high + 1 : 0;
	if (e->windows_high >= HIGH_WINDOWS) {
		e->campaign.open = true;
		endpoint_raise(a, e, mean, spread);
	} else if (!high) {
		e->campaign = (struct login_campaign){0};
	}
	// Neither attacks nor trouble are what is usual.
	if (!high && !trouble)
		season_add(&e->season, e->window_ns, e->odd);
	e->windows++;
	e->was_trouble = trouble && e->right_failed > 0;
	e->odd = e->ok = e->right_failed = 0;
	memset(&e->users, 0, sizeof(e->users));
	memset(&e->prefixes, 0, sizeof(e->prefixes));
}

// Closes the windows that ended before this time. Those without a sign-in count as well, but not
// more of them than a day has.
static void windows_close(const struct attempt *a, struct login_endpoint *e, uint64_t time_ns)
{
	const uint64_t window = WINDOW_S * UINT64_C(1000000000);

	if (e->window_ns == 0 || time_ns > e->window_ns + 1440 * window)
		e->window_ns = time_ns / window * window;
	while (time_ns >= e->window_ns + window) {
		window_close(a, e);
		e->window_ns += window;
	}
}

// ---- Sign-ins

static void campaign_taken(const struct attempt *a, struct login_campaign *c)
{
	uint32_t n = c->n_taken < LOGIN_TAKEN ? c->n_taken : LOGIN_TAKEN;

	c->unusual |= a->user && a->user->successes && !a->usual_place;
	for (uint32_t i = 0; i < n; i++) {
		if (c->taken[i] == a->call->login_user)
			return;
	}
	if (c->n_taken < LOGIN_TAKEN)
		c->taken[c->n_taken] = a->call->login_user;
	c->n_taken++;
}

// A success. True: it belongs to an attack, and teaches nothing.
static bool taken_over(const struct attempt *a)
{
	const uint64_t ids[] = {a->where.address, a->where.prefix, a->client};
	struct logins *l = &a->s->logins;
	struct login_tries *t = NULL;
	struct login_secret *s;
	bool own = a->usual_place && (a->right || a->usual_client), taken = false;

	for (uint32_t i = 0; i < 3; i++) {
		t = ids[i] ? lru_get(&l->sources, ids[i]) : NULL;
		if (!t)
			continue;
		login_tries_add(t, l->window_ns, a->call->time_ns, 0);
		if (!t->campaign.open || own || taken ||
		    a->call->time_ns >= t->half_ns + 2 * l->window_ns)
			continue;
		taken = true;
		campaign_taken(a, &t->campaign);
		source_raise(a, (enum what)(BY_ADDRESS + i), ids[i], t, true);
	}
	s = a->call->login_secret ? lru_get(&l->secrets, a->call->login_secret) : NULL;
	if (s)
		s->ok++;
	if (s && s->campaign.open && !own && !taken) {
		taken = true;
		campaign_taken(a, &s->campaign);
		secret_raise(a, s, true);
	}
	t = lru_get(&l->pressed, a->call->login_user);
	if (t && t->campaign.open && !own && !taken &&
	    a->call->time_ns < t->half_ns + 2 * l->window_ns) {
		struct issue_draft draft = {0};
		char where[384], number[32];

		taken = true;
		campaign_taken(a, &t->campaign);
		endpoint_text(merger_target(a->m, a->call->endpoint), where, sizeof(where));
		term(&draft, "many different passwords failed for the user before", 65);
		draft_text(draft.description, sizeof(draft.description),
			   "After %s different passwords had failed for user %016llx at %s, one was "
			   "right.",
			   text_count(number, t->distinct),
			   (unsigned long long)a->call->login_user, where);
		attack_raise(a, BY_USER, a->call->login_user, &t->campaign, &draft);
	}
	return taken;
}

static uint64_t intruder_id(uint64_t address, uint64_t client)
{
	return siphash_id(siphash_number(address, 'I', client));
}

static uint64_t client_of(const struct call *call)
{
	return call->agent ? siphash_id(call->agent ^ call->ja4 * 31) : 0;
}

// Somebody got in who is not the user. Where many come from, others would be blamed.
static void intruder_add(const struct attempt *a)
{
	const struct source *source = merger_source(a->m, a->call->client);
	struct login_intruder *in;

	if (!source || source->ok > SHARED_OK)
		return;
	in = lru_touch(&a->s->logins.intruders, intruder_id(a->where.address, a->client), NULL);
	if (in)
		*in = (struct login_intruder){.since_ns = a->call->time_ns,
					      .user = a->call->login_user};
}

// What is done with an account from where it was taken over.
static void intruder_call(struct stuffing *s, struct merger *m, const struct call *call)
{
	struct merged_principal *p = merger_principal(m, call->principal);
	struct issue_draft draft = {.severity = SEVERITY_CRITICAL, .result = RESULT_SUCCEEDED};
	char addr[64], where[384], calls[32], changes[32];
	struct login_intruder *in;
	struct location at;

	if (!call_ok(call))
		return;
	merger_location(m, call->client, &at);
	in = lru_get(&s->logins.intruders, intruder_id(at.address, client_of(call)));
	if (!in || call->time_ns >= in->since_ns + INTRUDER_S * UINT64_C(1000000000))
		return;
	in->calls++;
	in->writes += call->verb >= VERB_POST && call->verb <= VERB_DELETE;
	if (in->told_ns && call->time_ns < in->told_ns + UINT64_C(1000000000))
		return;
	in->told_ns = call->time_ns;
	endpoint_text(merger_target(m, call->endpoint), where, sizeof(where));
	term(&draft, "used from where it was taken over", 75);
	if (in->writes)
		term(&draft, "something was changed", 10);
	draft_text(draft.description, sizeof(draft.description),
		   "An account is used from %s by the client that got in there as user %016llx after "
		   "an attack on passwords: %s call%s so far succeeded, %s of them to change "
		   "something, the last one at %s.",
		   source_text(call->client, 0, addr), (unsigned long long)in->user,
		   text_count(calls, in->calls), text_plural(in->calls),
		   text_count(changes, in->writes), where);
	texts(&draft, &(struct login_campaign){.n_taken = 1});
	merger_raise(m, &stuffing, call->principal ^ BY_ACCOUNT * UINT64_C(0x9e3779b97f4a7c15), p,
		     merger_endpoint(m, call->endpoint), call->time_ns, &draft);
}

static void succeeded(const struct attempt *a)
{
	if (a->endpoint) {
		a->endpoint->ok++;
		a->endpoint->ok_all++;
	}
	if (taken_over(a))
		intruder_add(a);
	else
		login_user_learn(a->user, a->where.prefix, a->client, a->call->login_secret);
}

static void failed(const struct attempt *a)
{
	struct login_endpoint *e = a->endpoint;
	bool trouble, known = false;

	if (e)
		e->failed_all++;
	if (a->right) {
		if (e)
			e->right_failed++;
		return;
	}
	trouble = e && is_trouble(e);
	known |= source_failed(a, BY_ADDRESS, a->where.address, trouble);
	if (!known && a->call->login_secret)
		known |= secret_failed(a, trouble);
	if (!known && a->call->login_secret)
		known |= user_failed(a, trouble);
	if (!known && a->where.prefix != a->where.address)
		known |= source_failed(a, BY_PREFIX, a->where.prefix, trouble);
	if (!known && a->client)
		known |= source_failed(a, BY_CLIENT, a->client, trouble);
	if (known || !e)
		return;
	e->odd++;
	few_add(&e->users, a->call->login_user);
	few_add(&e->prefixes, a->where.prefix);
}

static void stuffing_call(const struct detector *, const void *options, struct merger *m,
			  void *state, const struct call *call)
{
	struct attempt a = {.options = options, .m = m, .s = state, .call = call};
	bool basic = !(call->flags & CALL_LOGIN);

	if (a.s->logins.intruders.n && (call->flags & (CALL_CREDENTIALS | CALL_LOGIN)) ==
					       CALL_CREDENTIALS)
		intruder_call(a.s, m, call);

	if (call->login_user == 0 || call->login_result == LOGIN_UNKNOWN ||
	    (call->flags & (CALL_HALF | CALL_GUESSED | CALL_MESSAGE)))
		return;
	// Basic credentials come with each request; only the first success and failures say much.
	a.user = lru_get(&a.s->logins.users, call->login_user);
	if (basic && call->login_result == LOGIN_SUCCESS && a.user && a.user->n_tried == 0 &&
	    a.user->secret == call->login_secret)
		return;
	a.user = lru_touch(&a.s->logins.users, call->login_user, NULL);
	if (!a.user)
		return;
	merger_location(m, call->client, &a.where);
	a.client = client_of(call);
	a.usual_place = login_user_knows(a.user->prefix, a.where.prefix);
	a.usual_client = login_user_knows(a.user->agent, a.client);
	a.right = call->login_secret && a.user->secret == call->login_secret;
	a.endpoint = basic ? NULL : lru_touch(&a.s->logins.endpoints, call->endpoint, NULL);
	if (a.endpoint) {
		a.endpoint->endpoint = call->endpoint;
		windows_close(&a, a.endpoint, call->time_ns);
	}
	if (call->login_result == LOGIN_SUCCESS)
		succeeded(&a);
	else
		failed(&a);
}

static int stuffing_init(void *state, const void *opaque)
{
	const struct stuffing_options *o = opaque;
	struct stuffing *s = state;

	return logins_init(&s->logins, &(struct login_sizes){
					       .users = o->max_users,
					       .sources = o->max_sources,
					       .secrets = o->max_secrets,
					       .window_s = o->window_s,
					       .spray_s = o->spray_s,
				       });
}

static void stuffing_fini(void *state)
{
	logins_fini(&((struct stuffing *)state)->logins);
}

static size_t stuffing_memory(const void *opaque, const struct conf *)
{
	const struct stuffing_options *options = opaque;

	return logins_bytes(&(struct login_sizes){
		.users = options->max_users,
		.sources = options->max_sources,
		.secrets = options->max_secrets,
	});
}

static void stuffing_forget(void *state, struct merger *, uint64_t endpoint)
{
	lru_remove(&((struct stuffing *)state)->logins.endpoints, endpoint);
}

static const struct detector stuffing = {
	.id = "D-06",
	.name = "stuffing",
	.title = "Credential Stuffing",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API2:2023", "API6:2023"},
	.section = &stuffing_section,
	.state_size = sizeof(struct stuffing),
	.init = stuffing_init,
	.fini = stuffing_fini,
	.memory = stuffing_memory,
	.forget = stuffing_forget,
	.save = logins_save,
	.load = logins_load,
	.call = stuffing_call,
};
DETECTOR_REGISTER(stuffing);
