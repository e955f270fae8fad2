// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-09: weak tokens and passwords, judged by what the server accepted.
//
// A forged token says nothing while it is refused, nor where everybody is let in: what counts is a
// 2xx of an endpoint that does ask for credentials. It is known to ask when it refused somebody, or
// when hardly any of its successes came without. Refused tokens are attempts, told from the third.
//
// What an attacker brings (no signature, odd key, known secret) is one issue per host and client
// address; what a service does to everybody (tokens that never expire) is one per host. A host
// that gets most of its tokens without signature stands behind something that took them off: that
// is one issue, and no attack.
//
// Session ids that a host gives out (session_id.h) are one issue per cookie: when even if each of
// their characters was drawn they have too few bits, or when each is a little above one before.

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/principal.h"
#include "detect/record.h"
#include "detect/session_id.h"
#include "detect/siphash.h"
#include "detect/text.h"

enum {
	HOSTS_MAX = 1024,
	COOKIES_MAX = 1024, // of hosts
	MANY_OK = 50,    // successes from which the share without credentials means something
	STRIPPED = 50,   // tokens of a host before it is said that most have no signature
};

enum weakness {
	WEAK_NONE = 0, // alg none
	WEAK_UNSIGNED,
	WEAK_SECRET,
	WEAK_KID,
	WEAK_KEY,
	WEAK_EXPIRED,
	WEAK_EARLY,
	WEAK_ENDLESS,
	WEAK_LONG,
	WEAK_CLAIMS,
	WEAK_PLAIN_BASIC,
	WEAK_PASSWORD,
	WEAKNESSES,
};

struct weaktoken_options {
	bool enabled;
	uint32_t min_attempts, attempts_s, max_sources, min_ids, id_bits, id_step;
};

struct weakness_row {
	uint32_t flags;
	uint8_t severity;
	uint8_t points;
	bool forged; // an attacker makes it: by client address, and refused ones are attempts
	bool checks; // says something only where the endpoint asks for credentials
	const char *term, *what, *impact, *remediation;
};

static const struct weakness_row rows[WEAKNESSES] = {
	[WEAK_NONE] = {TOKEN_ALG_NONE, SEVERITY_CRITICAL, 80, true, true,
		       "a token without algorithm was accepted",
		       "tokens whose header says that no algorithm signs them (alg none)",
		       "Anybody can write such a token and be any user, an administrator as well.",
		       "Verify tokens with a fixed list of algorithms that does not hold none "
		       "(RFC 8725 section 3.1), and end all sessions that began with one."},
	[WEAK_UNSIGNED] = {TOKEN_UNSIGNED, SEVERITY_CRITICAL, 75, true, true,
			   "a token without signature was accepted",
			   "tokens from which the signature was taken away",
			   "The claims of a token can be changed at will: anybody can be any user.",
			   "Refuse tokens without a signature, and verify it before any claim is "
			   "read (RFC 8725 section 3.3)."},
	[WEAK_SECRET] = {TOKEN_WEAK_SECRET, SEVERITY_HIGH, 85, true, false,
			 "a secret that everybody knows signs the token",
			 "tokens that are signed with a secret out of manuals and lists",
			 "Who knows the secret, and everybody can, makes valid tokens for any user.",
			 "Take a random secret of 256 bits or more, or keys of an asymmetric "
			 "algorithm, and end all sessions (RFC 8725 section 3.5)."},
	[WEAK_KID] = {TOKEN_KID_ODD, SEVERITY_CRITICAL, 65, true, true,
		      "an odd name of a key was accepted",
		      "tokens whose key name (kid) holds a path, a quote or a command",
		      "The server is led to a key that the attacker knows, or the name ends up in "
		      "a file path or a database query.",
		      "Look keys up by exact name in a fixed list and refuse all others "
		      "(RFC 8725 section 3.10)."},
	[WEAK_KEY] = {TOKEN_KEY_URL | TOKEN_KEY_INSIDE, SEVERITY_CRITICAL, 65, true, true,
		      "a token that brings its own key was accepted",
		      "tokens that bring their own key, or the address of one (jwk, jku, x5u)",
		      "If the server trusts that key, anybody can sign tokens for any user.",
		      "Ignore keys and addresses in tokens; take keys from the issuer's own list "
		      "only (RFC 8725 section 3.10)."},
	[WEAK_EXPIRED] = {TOKEN_EXPIRED, SEVERITY_HIGH, 70, false, true,
			  "an expired token was accepted",
			  "tokens that had expired more than five minutes before",
			  "A token that was stolen, or belongs to somebody who has left, works on "
			  "without end.",
			  "Verify exp on every request, in every service that takes the token."},
	[WEAK_EARLY] = {TOKEN_EARLY, SEVERITY_MEDIUM, 60, false, true,
			"a token that is not valid yet was accepted",
			"tokens that are not valid yet (nbf, five minutes aside)",
			"The server does not look at the times of tokens, so most likely not at "
			"their end either.",
			"Verify nbf and exp on every request, and keep clocks in step."},
	[WEAK_ENDLESS] = {TOKEN_NO_EXP, SEVERITY_LOW, 70, false, false,
			  "an accepted token has no end",
			  "tokens without an end (no exp)",
			  "A token that leaks once works for ever.",
			  "Issue tokens with exp, some minutes to hours ahead, and refuse those "
			  "without."},
	[WEAK_LONG] = {TOKEN_EXP_FAR, SEVERITY_LOW, 60, false, false,
		       "an accepted token lasts long",
		       "tokens that are valid for longer than principal.token_days",
		       "A token that leaks works for a long time.",
		       "Issue tokens for minutes to hours, and renew them by refresh tokens that "
		       "can be withdrawn."},
	[WEAK_CLAIMS] = {TOKEN_SENSITIVE, SEVERITY_LOW, 60, false, false,
			 "a claim's name speaks of a secret",
			 "tokens with claims whose names speak of passwords, card or identity numbers",
			 "Claims are readable for whoever holds or logs the token; they are only "
			 "signed, not encrypted.",
			 "Keep secrets and personal numbers out of tokens, or encrypt them "
			 "(RFC 7516)."},
	[WEAK_PLAIN_BASIC] = {BASIC_PLAINTEXT, SEVERITY_LOW, 60, false, false,
			      "user name and password without encryption",
			      "Basic credentials over connections that are not encrypted where they "
			      "were seen",
			      "Who can listen on that part of the network reads user names and "
			      "passwords.",
			      "Encrypt that part of the way too, or use tokens there that end soon."},
	[WEAK_PASSWORD] = {BASIC_WEAK, SEVERITY_HIGH, 80, false, true,
			   "a password of every list was accepted",
			   "a Basic password that is empty, the user name, or in every list of first "
			   "guesses",
			   "The account opens to the first guess.",
			   "Change this password, and refuse those that are in public lists."},
};

// How an endpoint treats credentials, as far as sound ones show.
struct weaktoken_endpoint {
	uint32_t ok, bare_ok, refused;
};

struct weaktoken_host {
	uint64_t tokens, unsigned_tokens; // accepted
	uint64_t told_ns[WEAKNESSES];
};

struct weaktoken_source {
	uint64_t first_ns;
	uint32_t attempts, accepted;
};

// A cookie of a host. Kept in memory only: numbers mean nothing after a restart.
struct weaktoken_cookie {
	struct session_ids seen;
	uint64_t told_ns[2]; // of too few bits, of ids in a row
};

struct weaktoken {
	struct lru hosts, sources, cookies;
};

#define WEAKTOKEN_ROW(field, kind, ...)                                                            \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct weaktoken_options, field),  \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row weaktoken_rows[] = {
	WEAKTOKEN_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	WEAKTOKEN_ROW(min_attempts, CONF_U32, .min = 1, .max = 1e6, .def = "3", .unit = "requests",
		      .help = "Refused requests with forged tokens of one kind from one address that "
			      "are told"),
	WEAKTOKEN_ROW(attempts_s, CONF_U32, .min = 1, .max = 604800, .def = "3600", .unit = "s",
		      .help = "Time in which they are counted"),
	WEAKTOKEN_ROW(max_sources, CONF_U32, .min = 64, .max = 1 << 22, .def = "16384",
		      .unit = "addresses",
		      .help = "Addresses with forged tokens known at once, by host and kind"),
	WEAKTOKEN_ROW(min_ids, CONF_U32, .min = 4, .max = SESSION_IDS_ROUND, .def = "10",
		      .unit = "ids",
		      .help = "Session ids that a server gave out before they are judged"),
	WEAKTOKEN_ROW(id_bits, CONF_U32, .min = 1, .max = 512, .def = "64", .unit = "bits",
		      .help = "Session ids that cannot have as many are short"),
	WEAKTOKEN_ROW(id_step, CONF_U32, .min = 1, .max = 1e9, .def = "1000",
		      .help = "Session ids with numbers that are no further apart follow each other"),
};
static const struct conf_section weaktoken_section = {
	.path = "detect.weaktoken",
	.help = "D-09: weak tokens and passwords that a server accepts, session ids that can "
		"be guessed",
	.size = sizeof(struct weaktoken_options),
	.rows = weaktoken_rows,
	.n_rows = sizeof(weaktoken_rows) / sizeof(weaktoken_rows[0]),
};
CONF_SECTION(weaktoken_section);

static const struct detector weaktoken;

enum {
	FORGED = TOKEN_ALG_NONE | TOKEN_UNSIGNED | TOKEN_WEAK_SECRET | TOKEN_KID_ODD |
		 TOKEN_KEY_URL | TOKEN_KEY_INSIDE,
	UNSOUND = FORGED | TOKEN_EXPIRED | TOKEN_EARLY | BASIC_WEAK,
	ANY = UNSOUND | TOKEN_NO_EXP | TOKEN_EXP_FAR | TOKEN_SENSITIVE | BASIC_PLAINTEXT,
};

static bool endpoint_asks(const struct weaktoken_endpoint *e)
{
	if (e->refused && e->bare_ok == 0)
		return true;
	return e->ok + e->bare_ok >= MANY_OK && (uint64_t)e->bare_ok * 100 <= e->ok;
}

static uint32_t sum_of(uint32_t a, uint32_t b)
{
	return a < UINT32_MAX - b ? a + b : UINT32_MAX;
}

static void weaktoken_join(void *into, const void *from)
{
	struct weaktoken_endpoint *to = into;
	const struct weaktoken_endpoint *e = from;

	to->ok = sum_of(to->ok, e->ok);
	to->bare_ok = sum_of(to->bare_ok, e->bare_ok);
	to->refused = sum_of(to->refused, e->refused);
}

static void endpoint_count(struct weaktoken_endpoint *e, const struct call *call)
{
	bool bare = !(call->flags & CALL_CREDENTIALS);

	if (call->token_flags & UNSOUND && call->status / 100 == 2)
		return; // that is what is judged
	if (call->status / 100 == 2) {
		e->ok += !bare && e->ok < UINT32_MAX;
		e->bare_ok += bare && e->bare_ok < UINT32_MAX;
	} else if (call->status == 401 || (call->status == 403 && bare)) {
		e->refused += e->refused < UINT32_MAX;
	}
}

struct weak_case {
	struct merger *m;
	const struct call *call;
	struct merged_endpoint *endpoint;
	enum weakness weakness;
	uint64_t key;
	uint32_t attempts, accepted; // of this source, or 0
	uint64_t n_unsigned, n_tokens; // of a host that gets most of them so
};

static void weak_raise(const struct weak_case *c, bool accepted)
{
	const struct weakness_row *row = &rows[c->weakness];
	struct issue_draft draft = {
		.severity = accepted ? row->severity : SEVERITY_LOW,
		.result = accepted ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.confidence = row->points,
		.terms = {{accepted ? row->term : "forged tokens were refused", row->points}},
		.n_terms = 1,
	};
	char where[384], user[EXCHANGE_USER + 1], number[2][32];

	endpoint_text(c->endpoint, where, sizeof(where));
	principal_text(merger_principal(c->m, c->call->principal), user, sizeof(user));
	if (c->n_tokens) {
		draft.severity = SEVERITY_MEDIUM;
		draft_text(draft.description, sizeof(draft.description),
			   "%s of the %s tokens that %s accepted have no signature. Most likely it is "
			   "checked and taken off by something in front of this host; then nothing may "
			   "reach the host but through that.",
			   text_count(number[0], c->n_unsigned), text_count(number[1], c->n_tokens),
			   c->endpoint->host);
	} else if (accepted) {
		draft_text(draft.description, sizeof(draft.description),
			   "%s answered %u to %s, a request with credentials that are weak: %s.%s",
			   where, c->call->status, user, row->what,
			   row->checks ? " The endpoint does ask for credentials: it refuses callers "
					 "without, or hardly any of its successes came without."
				       : "");
	} else {
		draft_text(draft.description, sizeof(draft.description),
			   "%s refused requests of %s, %s so far, that brought %s.", where, user,
			   text_count(number[0], c->attempts), row->what);
	}
	draft_text(draft.impact, sizeof(draft.impact), "%s%s",
		   accepted ? "" : "None got in, but somebody looks for a way: ", row->impact);
	draft_text(draft.remediation, sizeof(draft.remediation), "%s", row->remediation);
	merger_raise(c->m, &weaktoken, c->key, merger_principal(c->m, c->call->principal),
		     c->endpoint, c->call->time_ns, &draft);
}

// What an attacker brings.
static void forged(struct weaktoken *s, const struct weaktoken_options *options,
		   struct weak_case *c, const struct weaktoken_endpoint *area, uint64_t host)
{
	const struct call *call = c->call;
	struct weaktoken_source *source;
	struct location where;
	bool accepted = call_ok(call) && (!rows[c->weakness].checks || endpoint_asks(area));

	if (!accepted && call->status != 401 && call->status != 403)
		return;
	merger_location(c->m, call->client, &where);
	c->key = siphash_id(where.address ^ siphash_number(host, c->weakness, 1));
	source = lru_touch(&s->sources, c->key, NULL);
	if (!source)
		return;
	if (call->time_ns >= source->first_ns + options->attempts_s * UINT64_C(1000000000)) {
		source->first_ns = call->time_ns;
		source->attempts = 0;
	}
	source->attempts += !accepted;
	source->accepted += accepted;
	c->attempts = source->attempts;
	if (accepted || source->attempts >= options->min_attempts)
		weak_raise(c, accepted);
}

// What a service does: told again every hour at most.
static void posture(struct weaktoken_host *h, struct weak_case *c, uint64_t host)
{
	if (h->told_ns[c->weakness] &&
	    c->call->time_ns < h->told_ns[c->weakness] + UINT64_C(3600000000000))
		return;
	h->told_ns[c->weakness] = c->call->time_ns;
	c->key = siphash_id(siphash_number(host, c->weakness, 2));
	weak_raise(c, true);
}

static void weakness_look(struct weaktoken *s, const struct weaktoken_options *options,
			  struct weak_case *c, const struct weaktoken_endpoint *area)
{
	uint64_t host = siphash_id(siphash(0, 'h', span_make(c->endpoint->host,
							     strlen(c->endpoint->host))));
	struct weaktoken_host *h = lru_touch(&s->hosts, host, NULL);
	bool is_unsigned = c->weakness == WEAK_NONE || c->weakness == WEAK_UNSIGNED;

	if (!h)
		return;
	if (is_unsigned && h->unsigned_tokens > STRIPPED &&
	    h->unsigned_tokens * 2 > h->tokens) {
		c->n_unsigned = h->unsigned_tokens;
		c->n_tokens = h->tokens;
		if (call_ok(c->call))
			posture(h, c, host);
		return;
	}
	if (rows[c->weakness].forged)
		forged(s, options, c, area, host);
	else if (c->weakness == WEAK_PASSWORD && call_ok(c->call) && endpoint_asks(area))
		c->key = siphash_id(c->call->principal ^ siphash_number(host, c->weakness, 3)),
		weak_raise(c, true);
	else if (c->weakness != WEAK_PASSWORD && call_ok(c->call) &&
		 (!rows[c->weakness].checks || endpoint_asks(area)))
		posture(h, c, host);
}

static void tokens_count(struct weaktoken *s, const struct merged_endpoint *e,
			 const struct call *call)
{
	uint64_t host = siphash_id(siphash(0, 'h', span_make(e->host, strlen(e->host))));
	struct weaktoken_host *h = lru_touch(&s->hosts, host, NULL);

	if (!h || !call_ok(call))
		return;
	h->tokens++;
	h->unsigned_tokens += !!(call->token_flags & (TOKEN_ALG_NONE | TOKEN_UNSIGNED));
}

// ---- Session ids

static void ids_raise(struct merger *m, const struct weaktoken_cookie *k, uint64_t key,
		      struct merged_endpoint *e, const struct call *call, bool in_row)
{
	const struct session_ids *ids = &k->seen;
	double bits = session_ids_bits(ids);
	struct issue_draft draft = {
		.severity = in_row || bits < 32 ? SEVERITY_HIGH : SEVERITY_MEDIUM,
		.result = RESULT_SUCCEEDED,
		.metric = {.present = true, .name = in_row ? "ids_in_a_row" : "session_id_bits",
			   .unit = in_row ? "ids" : "bits", .window = "since first seen",
			   .value = in_row ? ids->next : bits, .percentile = NAN},
	};
	char name[SESSION_ID_NAME + 1], host[256], count[32], next[32];
	const char *n = text_count(count, ids->ids);

	draft.confidence = in_row || bits < 32 ? 80 : 65;
	draft.terms[draft.n_terms++] = (struct issue_term){
		in_row ? "each id is a little above one before"
		       : "even random ids of this form have too few bits", (int)draft.confidence};
	text_clean(name, sizeof(name), ids->name, ids->name_len);
	text_clean(host, sizeof(host), e->host, strlen(e->host));
	if (in_row)
		draft_text(draft.description, sizeof(draft.description),
			   "%s of the last %s different session ids that %s gave out in the cookie "
			   "\"%s\" end with a number that is %.1f above one of those before, on "
			   "average: they count up.",
			   text_count(next, ids->next), n, host, name,
			   (double)ids->step_sum / ids->next);
	else
		draft_text(draft.description, sizeof(draft.description),
			   "The last %s different session ids that %s gave out in the cookie \"%s\" "
			   "have %u to %u characters. Drawn from those that occur in them, that is "
			   "%.0f bits at most, and likely less.",
			   n, host, name, ids->shortest, ids->longest, bits);
	draft_text(draft.impact, sizeof(draft.impact),
		   "%s is signed in as that user, without a password.",
		   in_row ? "Who has one id knows those of others, and with one of them"
			  : "Who tries ids finds those of others sooner or later, and with one of "
			    "them");
	draft_text(draft.remediation, sizeof(draft.remediation),
		   "Draw session ids from the operating system's random generator, 128 bits, and "
		   "let no counter or time be a part of them. Slow down callers with ids that are "
		   "not known.");
	// Nobody is accused: it is the server's doing.
	merger_raise(m, &weaktoken, key, NULL, e, call->time_ns, &draft);
}

static void ids_look(struct weaktoken *s, const struct weaktoken_options *o, struct merger *m,
		     struct merged_endpoint *e, const struct call *call)
{
	uint64_t host = siphash_id(siphash(0, 'h', span_make(e->host, strlen(e->host))));

	for (uint32_t i = 0; i < call->n_session_ids; i++) {
		const struct session_id *id = &call->session_ids[i];
		uint64_t key = siphash_id(siphash_number(host, id->cookie, 4));
		struct weaktoken_cookie *k = lru_touch(&s->cookies, key, NULL);
		bool weak[2];

		if (!k || !session_ids_add(&k->seen, id, o->id_step) || k->seen.ids < o->min_ids)
			continue;
		// The first of a series follows none.
		weak[1] = k->seen.next * UINT64_C(10) >= (k->seen.ids - 1) * UINT64_C(8);
		weak[0] = !weak[1] && session_ids_bits(&k->seen) < o->id_bits;
		for (uint32_t w = 0; w < 2; w++) {
			if (!weak[w] || (k->told_ns[w] && call->time_ns < k->told_ns[w] +
								UINT64_C(3600000000000)))
				continue;
			k->told_ns[w] = call->time_ns;
			ids_raise(m, k, key ^ w, e, call, w == 1);
		}
	}
}

static void weaktoken_call(const struct detector *self, const void *options, struct merger *m,
			   void *state, const struct call *call)
{
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);
	struct weaktoken_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;
	struct weak_case c = {.m = m, .call = call, .endpoint = e};
	uint32_t flags = call->token_flags;

	if (e && call->n_session_ids)
		ids_look(state, options, m, e, call);
	if (!area || (call->flags & (CALL_HALF | CALL_GUESSED | CALL_MESSAGE | CALL_LOGIN)) ||
	    call->status == 0)
		return;
	if (flags & ANY) {
		if (flags & TOKEN_ALG_NONE) // no signature is a part of that
			flags &= ~(uint32_t)TOKEN_UNSIGNED;
		for (uint32_t i = 0; i < WEAKNESSES; i++) {
			c.weakness = (enum weakness)i;
			if (flags & rows[i].flags)
				weakness_look(state, options, &c, area);
		}
	}
	if (flags & TOKEN_SEEN)
		tokens_count(state, e, call);
	endpoint_count(area, call);
}

static int weaktoken_init(void *state, const void *opaque)
{
	const struct weaktoken_options *options = opaque;
	struct weaktoken *s = state;

	if (lru_init(&s->hosts, sizeof(struct weaktoken_host), HOSTS_MAX) ||
	    lru_init(&s->cookies, sizeof(struct weaktoken_cookie), COOKIES_MAX) ||
	    lru_init(&s->sources, sizeof(struct weaktoken_source), options->max_sources)) {
		lru_fini(&s->hosts);
		lru_fini(&s->cookies);
		return -1;
	}
	return 0;
}

static void weaktoken_fini(void *state)
{
	struct weaktoken *s = state;

	lru_fini(&s->hosts);
	lru_fini(&s->sources);
	lru_fini(&s->cookies);
}

static size_t weaktoken_memory(const void *opaque, const struct conf *)
{
	const struct weaktoken_options *options = opaque;

	return lru_bytes(sizeof(struct weaktoken_host), HOSTS_MAX) +
	       lru_bytes(sizeof(struct weaktoken_cookie), COOKIES_MAX) +
	       lru_bytes(sizeof(struct weaktoken_source), options->max_sources);
}

// ---- What was learnt: which endpoints ask for credentials, what was said of hosts

static const struct record_field endpoint_fields[] = {
	RECORD_SMALL(struct weaktoken_endpoint, ok, 0),
	RECORD_SMALL(struct weaktoken_endpoint, bare_ok, 0),
	RECORD_SMALL(struct weaktoken_endpoint, refused, 0),
};
static const struct record endpoint_record = RECORD(struct weaktoken_endpoint, endpoint_fields, NULL);
static const struct record_field host_fields[] = {
	RECORD_ONE(struct weaktoken_host, tokens, 0),
	RECORD_ONE(struct weaktoken_host, unsigned_tokens, 0),
	RECORD_MANY(struct weaktoken_host, told_ns, 0),
};
static const struct record host_record = RECORD(struct weaktoken_host, host_fields, NULL);
static const struct detector weaktoken;

static int weaktoken_save(const void *state, const struct merger *m, FILE *out)
{
	int rc = record_put_table(out, &host_record, &((const struct weaktoken *)state)->hosts);

	return rc ? rc : record_put_endpoints(out, &endpoint_record, m, &weaktoken);
}

static int weaktoken_load(void *state, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != weaktoken.version};
	int rc = record_get_table(&r, &host_record, &((struct weaktoken *)state)->hosts);

	rc = rc ? rc : record_get_endpoints(&r, &endpoint_record, m, &weaktoken);
	return rc ? rc : record_end(&r);
}

static const struct detector weaktoken = {
	.id = "D-09",
	.name = "weaktoken",
	.title = "Weak Token",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API2:2023", "API8:2023"},
	.section = &weaktoken_section,
	.state_size = sizeof(struct weaktoken),
	.endpoint_size = sizeof(struct weaktoken_endpoint),
	.join_area = weaktoken_join,
	.init = weaktoken_init,
	.fini = weaktoken_fini,
	.memory = weaktoken_memory,
	.save = weaktoken_save,
	.load = weaktoken_load,
	.call = weaktoken_call,
};
DETECTOR_REGISTER(weaktoken);
