// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From a request's head to a principal. Worker; its caches are struct principal. First it is seen
// what the request carries, then the steps of principal.order are asked one after the other:
//
//	header ─ query ─ (field) ─ token ─ session ─ key ─ basic ─ certificate ─ address
//
// Fields of bodies are known at the end only (identity_login.c) and take the place of what stands
// behind them. Tokens are read, not verified: that is the server's part, and its answer shows the
// result. All input is hostile: what is decoded goes to a bounded buffer, and each loop ends with
// its span.

#include "detect/principal.h"

#include "detect/detector.h"
#include "detect/endpoint.h"
#include "detect/policy.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "flows/form.h"

enum {
	COOKIES_MAX = 64, // pairs of one header
	PAIRS_MAX = 64,   // of one query
	SESSION_MIN = 4,  // bytes of a session cookie
	KEY_MIN = 16,     // bytes of an API key whose parameter has a general name
	RANDOM_MIN = 16,  // … of what is taken for random
};

// ---- results

static bool contains(struct span name, const char *word)
{
	size_t n = strlen(word);

	for (uint32_t i = 0; n <= name.len && i <= name.len - n; i++) {
		if (span_ieq(span_make(name.p + i, n), span_make(word, n)))
			return true;
	}
	return false;
}

static bool one_of(struct span name, const char *const *names)
{
	for (; *names; names++) {
		if (span_ieq(name, span_make(*names, strlen(*names))))
			return true;
	}
	return false;
}

// What programs send when they have nothing to send.
bool principal_is_empty(struct span value)
{
	static const char *const empty[] = {"",      "null",    "undefined", "none", "nil",
					    "false", "deleted", "(null)",    NULL};

	return value.len <= 9 && one_of(value, empty);
}

static void user_show(struct exchange *x, struct span text)
{
	x->user_len = (uint8_t)(text.len < EXCHANGE_USER ? text.len : EXCHANGE_USER);
	memcpy(x->user, text.p, x->user_len);
}

// "session:" and the hash: the value is a credential.
uint8_t principal_show(uint8_t user[EXCHANGE_USER], const char *kind, uint64_t hash)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = strlen(kind);

	memcpy(user, kind, n);
	for (uint32_t i = 0; i < 16; i++)
		user[n + i] = (uint8_t)hex[hash >> (60 - 4 * i) & 15];
	return (uint8_t)(n + 16);
}

static void user_show_hash(struct exchange *x, const char *kind)
{
	x->user_len = principal_show(x->user, kind, x->principal);
}

void principal_user(struct exchange *x, const struct principal_options *options, struct span text,
		    bool shown)
{
	if (shown && options->show_users)
		user_show(x, text);
	else
		user_show_hash(x, "user:");
}

uint64_t principal_id(enum principal_kind kind, uint64_t seed, struct span scope, struct span value)
{
	return siphash_id(siphash(seed, siphash(seed, 'P' + (uint64_t)kind, scope), value));
}

static void found(struct exchange *x, enum principal_kind kind, uint8_t confidence, uint64_t id)
{
	x->principal_kind = kind;
	x->user_confidence = confidence;
	x->principal = id;
}

uint64_t principal_session(uint64_t seed, struct span credential)
{
	return siphash_id(siphash(seed, 'S', credential));
}

static bool found_key(struct exchange *x, uint64_t seed, struct span value)
{
	found(x, PRINCIPAL_API_KEY, SURE_KEY,
	      principal_id(PRINCIPAL_API_KEY, seed, (struct span){0}, value));
	user_show_hash(x, "key:");
	return true;
}

// ---- tokens

static bool found_token(struct exchange *x, const struct principal_known *known)
{
	found(x, known->kind, known->confidence, known->principal);
	x->user_len = known->user_len;
	memcpy(x->user, known->user, EXCHANGE_USER);
	return true;
}

// ---- what a request carries

struct carried {
	struct span scheme, value;  // of Authorization
	struct span key, query_key; // API keys
	struct span session;        // cookie
	bool session_listed, session_token;
	bool signed_link, credentials;
	bool bearer;                         // the token came as one
	const struct principal_known *token; // NULL: none
};

static void authorization_look(const struct exchange *x, struct carried *c)
{
	struct span field = span_trim(http_header(x->tx, CLIENT, HEADER_AUTHORIZATION));

	c->scheme = span_until(field, ' ');
	if (c->scheme.len == field.len) { // a bare token
		c->scheme = (struct span){0};
		c->value = field;
	} else {
		c->value = span_trim(
			span_make(field.p + c->scheme.len, field.len - c->scheme.len));
	}
	if (principal_is_empty(c->value))
		c->value.len = 0;
}

static bool is_bearer(const struct carried *c)
{
	static const char *const schemes[] = {"Bearer", "DPoP",    "JWT", "Token",
					      "ApiKey", "Api-Key", "Key", NULL};

	return c->scheme.len ? c->value.len && one_of(c->scheme, schemes) : c->value.len >= KEY_MIN;
}

bool principal_cookie(struct span *rest, struct span *name, struct span *value)
{
	while (rest->len) {
		struct span pair = span_until(*rest, ';');

		rest->p += pair.len;
		rest->len -= pair.len;
		if (rest->len) {
			rest->p++;
			rest->len--;
		}
		pair = span_trim(pair);
		*name = span_until(pair, '=');
		if (name->len == 0 || name->len == pair.len)
			continue;
		*value = span_make(pair.p + name->len + 1, pair.len - name->len - 1);
		if (value->len > 1 && value->p[0] == '"' && value->p[value->len - 1] == '"')
			*value = span_make(value->p + 1, value->len - 2);
		// RFC 6265bis section 4.1.3: prefixes that say how the cookie was set.
		if (name->len > 7 && memcmp(name->p, "__Host-", 7) == 0)
			*name = span_make(name->p + 7, name->len - 7);
		else if (name->len > 9 && memcmp(name->p, "__Secure-", 9) == 0)
			*name = span_make(name->p + 9, name->len - 9);
		return true;
	}
	return false;
}

// "sid" as a word of its own: connect.sid, not sidebar.
static bool has_sid(struct span name)
{
	for (uint32_t i = 0; name.len >= 3 && i <= name.len - 3; i++) {
		if (span_ieq(span_make(name.p + i, 3), SPAN_LIT("sid")) &&
		    (i + 3 == name.len || span_lower(name.p[i + 3]) < 'a' ||
		     span_lower(name.p[i + 3]) > 'z'))
			return true;
	}
	return false;
}

bool principal_session_name(struct span name)
{
	if (contains(name, "csrf") || contains(name, "xsrf"))
		return false; // sent by everybody
	return contains(name, "sess") || contains(name, "auth") || contains(name, "token") ||
	       contains(name, "jwt") || has_sid(name);
}

bool principal_random(struct span value)
{
	uint32_t digits = 0, letters = 0;

	for (uint32_t i = 0; i < value.len && value.len >= RANDOM_MIN; i++) {
		uint8_t c = span_lower(value.p[i]);

		if (c <= ' ')
			return false;
		digits += c >= '0' && c <= '9';
		letters += c >= 'a' && c <= 'z';
	}
	return digits >= 2 && letters >= 2;
}

bool principal_session_listed(struct span name, const struct principal_options *options)
{
	for (size_t i = 0; i < options->cookies.n; i++) {
		if (policy_glob(options->cookies.v[i], name, true))
			return true;
	}
	return false;
}

static void cookies_look(const struct exchange *x, const struct principal *p, struct carried *c)
{
	const struct conf_strs *names = &p->options->cookies;
	struct span rest = http_header(x->tx, CLIENT, HEADER_COOKIE), name, value;
	size_t best = names->n;

	for (uint32_t k = 0; k < COOKIES_MAX && principal_cookie(&rest, &name, &value); k++) {
		bool looks;

		if (value.len < SESSION_MIN || principal_is_empty(value))
			continue;
		looks = principal_session_name(name);
		c->credentials |= looks;
		for (size_t i = 0; i < best; i++) {
			if (policy_glob(names->v[i], name, true)) {
				best = i;
				c->session = value;
				c->session_listed = c->credentials = true;
			}
		}
		if (!c->session.p && (looks || session_names_has(&p->learnt, name)) &&
		    principal_random(value)) {
			c->session = value;
			c->credentials = true;
		}
	}
	c->session_token = c->session.len > KEY_MIN && memcmp(c->session.p, "ey", 2) == 0;
}

bool principal_key_parameter(struct span key, struct span value)
{
	static const char *const sure[] = {"api_key",      "apikey",     "api-key", "x-api-key",
					   "access_token", "auth_token", NULL};
	static const char *const maybe[] = {"key", "token", "jwt", "client_secret", NULL};

	if (principal_is_empty(value))
		return false;
	return one_of(key, sure) || (value.len >= KEY_MIN && one_of(key, maybe));
}

// Of a link that was signed for its holder.
static bool is_signature(struct span key, struct span value)
{
	static const char *const names[] = {"sig", "signature", "x-amz-signature",
					    "x-goog-signature", NULL};

	return value.len >= KEY_MIN && one_of(key, names);
}

static bool is_listed(struct span name, const struct conf_strs *names)
{
	for (size_t i = 0; i < names->n; i++) {
		if (span_ieq(name, span_make(names->v[i], strlen(names->v[i]))))
			return true;
	}
	return false;
}

static void keys_look(const struct exchange *x, const struct principal_options *options,
		      struct carried *c)
{
	struct span rest = x->query;
	struct form_pair pair;

	c->key = http_header(x->tx, CLIENT, HEADER_API_KEY);
	for (size_t i = 0; i < options->key_headers.n && principal_is_empty(c->key); i++) {
		const char *name = options->key_headers.v[i];

		c->key = span_trim(
			http_header_find(&x->tx->msg[CLIENT], span_make(name, strlen(name))));
	}
	if (principal_is_empty(c->key))
		c->key.len = 0;
	for (uint32_t i = 0; i < PAIRS_MAX && form_next(&rest, &pair); i++) {
		if (principal_key_parameter(pair.key, pair.value) ||
		    (!principal_is_empty(pair.value) && is_listed(pair.key, &options->key_query))) {
			c->query_key = pair.value;
			break;
		}
		c->signed_link |= is_signature(pair.key, pair.value);
	}
	c->credentials |= c->value.len || c->key.len || c->query_key.len || c->signed_link;
}

static void token_look(struct principal *p, uint64_t seed, struct carried *c)
{
	const struct span others[] = {c->key, c->query_key,
				      c->session_token ? c->session : (struct span){0}};

	for (uint32_t i = 0; i < 3 && !c->token; i++) {
		if (others[i].len > KEY_MIN && memcmp(others[i].p, "ey", 2) == 0)
			c->token = identity_token(p, seed, others[i]);
		if (c->token && !c->token->flags)
			c->token = NULL; // no token after all: a key or a session
	}
}

// ---- steps

static bool step_header(struct exchange *x, const struct principal *p, uint64_t seed)
{
	const struct conf_strs *headers = &p->options->headers;

	for (size_t i = 0; i < headers->n; i++) {
		struct span name = span_make(headers->v[i], strlen(headers->v[i]));
		struct span value = span_trim(http_header_find(&x->tx->msg[CLIENT], name));
		enum segment_class class;

		if (principal_is_empty(value))
			continue;
		found(x, PRINCIPAL_CONFIGURED, SURE_HEADER,
		      principal_id(PRINCIPAL_CONFIGURED, seed, (struct span){0}, value));
		class = endpoint_segment(value);
		// What looks like a credential is not shown.
		if (contains(name, "token") || contains(name, "secret") || contains(name, "key") ||
		    contains(name, "auth") || contains(name, "session") || class == SEGMENT_TOKEN ||
		    class == SEGMENT_HEX)
			user_show_hash(x, "key:");
		else
			principal_user(x, p->options, value, true);
		x->credentials = true;
		return true;
	}
	return false;
}

void principal_field(struct exchange *x, const struct principal *p, uint64_t seed,
		     const char *name, struct span value)
{
	bool shown = is_listed(span_make(name, strlen(name)), &p->options->shown);

	found(x, PRINCIPAL_CONFIGURED, SURE_FIELD,
	      principal_id(PRINCIPAL_CONFIGURED, seed, (struct span){0}, value));
	principal_user(x, p->options, value, shown);
}

static bool step_query(struct exchange *x, const struct principal *p, uint64_t seed)
{
	const struct conf_strs *names = &p->options->query;
	size_t best = names->n;
	struct span rest = x->query, value = {0};
	struct form_pair pair;
	uint8_t text[256];

	if (names->n == 0)
		return false;
	for (uint32_t k = 0; k < PAIRS_MAX && form_next(&rest, &pair); k++) {
		if (principal_is_empty(pair.value) || pair.value.len > sizeof(text))
			continue;
		for (size_t i = 0; i < best; i++) {
			if (span_eq(pair.key, span_make(names->v[i], strlen(names->v[i])))) {
				best = i;
				value = pair.value;
			}
		}
	}
	if (best == names->n)
		return false;
	principal_field(x, p, seed, names->v[best],
			span_make(text, form_decode(value, text, true)));
	return true;
}

// The part of the value behind name, up to one of two delimiters.
static struct span parameter(struct span value, const char *name, uint8_t end)
{
	size_t n = strlen(name);

	for (uint32_t i = 0; n <= value.len && i <= value.len - n; i++) {
		if (span_ieq(span_make(value.p + i, n), span_make(name, n)))
			return span_until(span_make(value.p + i + n, value.len - i - n), end);
	}
	return (struct span){0};
}

static bool step_key(struct exchange *x, uint64_t seed, const struct carried *c)
{
	if (c->key.len)
		return found_key(x, seed, c->key);
	if (c->query_key.len)
		return found_key(x, seed, c->query_key);
	if (span_ieq(c->scheme, SPAN_LIT("AWS4-HMAC-SHA256"))) {
		struct span user = parameter(c->value, "Credential=", '/');

		return user.len && found_key(x, seed, user);
	}
	return false;
}

static bool step_session(struct exchange *x, uint64_t seed, const struct carried *c)
{
	if (!c->session.len)
		return false;
	found(x, PRINCIPAL_SESSION, c->session_listed ? SURE_SESSION : SURE_LOOKS,
	      principal_id(PRINCIPAL_SESSION, seed, (struct span){0}, c->session));
	user_show_hash(x, "session:");
	return true;
}

// Basic credentials are facts of the request whoever else says who it is.
static struct span basic_user(struct exchange *x, const struct principal *p, uint64_t seed,
			      const struct carried *c, uint8_t text[256])
{
	struct span all, user;
	uint32_t taken;

	if (span_ieq(c->scheme, SPAN_LIT("Digest")))
		return parameter(c->value, "username=\"", '"');
	if (!span_ieq(c->scheme, SPAN_LIT("Basic")))
		return (struct span){0};
	all = span_make(text, token_base64(c->value, text, 256, &taken));
	// Without a colon this may be a password alone: it is not shown.
	user = span_until(all, ':');
	if (user.len == 0 || user.len == all.len)
		return (struct span){0};
	x->token_flags |= BASIC_SEEN | (x->tx->conn->tls ? 0 : BASIC_PLAINTEXT);
	if (all.len < 256) { // else the password is cut
		struct span password =
			span_make(user.p + user.len + 1, all.len - user.len - 1);

		x->token_flags |= weak_password(user, password) ? BASIC_WEAK : 0;
		identity_credentials(x, p, seed, user, password);
	}
	return user;
}

static bool step_basic(struct exchange *x, const struct principal *p, uint64_t seed,
		       struct span user)
{
	if (user.len == 0)
		return false;
	found(x, PRINCIPAL_BASIC, SURE_BASIC,
	      principal_id(PRINCIPAL_BASIC, seed, (struct span){0}, user));
	principal_user(x, p->options, user, true);
	return true;
}

static bool step_certificate(struct exchange *x, uint64_t seed)
{
	const struct tls_summary *tls = x->tx->conn->tls;

	if (!tls || !tls->has_cert)
		return false;
	found(x, PRINCIPAL_CERTIFICATE, SURE_CERTIFICATE,
	      principal_id(PRINCIPAL_CERTIFICATE, seed, (struct span){0},
			   span_make(tls->client_cert_sha256, sizeof(tls->client_cert_sha256))));
	user_show_hash(x, "certificate:");
	x->credentials = true;
	return true;
}

static bool step_address(struct exchange *x, uint64_t seed)
{
	uint64_t hash = siphash_number(seed, 'A', x->tx->conn->space);
	char text[48];

	hash = siphash(seed, hash, span_make(x->client, 16));
	if (x->ja4)
		hash = siphash_number(seed, hash, x->ja4);
	found(x, PRINCIPAL_ADDRESS, x->ja4 ? SURE_JA4 : SURE_ADDRESS,
	      principal_id(PRINCIPAL_ADDRESS, hash, (struct span){0},
			   http_header(x->tx, CLIENT, HEADER_USER_AGENT)));
	endpoint_address(x->client, text);
	user_show(x, span_make(text, strlen(text)));
	return true;
}

static bool step_ask(struct exchange *x, struct principal *p, uint64_t seed, struct carried *c,
		     enum principal_step step, struct span basic)
{
	switch (step) {
	case STEP_HEADER:
		return step_header(x, p, seed);
	case STEP_QUERY:
		return step_query(x, p, seed);
	case STEP_TOKEN:
		return c->token && (c->bearer || c->token->kind == PRINCIPAL_JWT) &&
		       found_token(x, c->token);
	case STEP_SESSION:
		return step_session(x, seed, c);
	case STEP_KEY:
		return step_key(x, seed, c);
	case STEP_BASIC:
		return step_basic(x, p, seed, basic);
	case STEP_CERTIFICATE:
		return step_certificate(x, seed);
	case STEP_ADDRESS:
		return step_address(x, seed);
	default:
		return false;
	}
}

static uint64_t carried_session(uint64_t seed, const struct carried *c)
{
	struct span best = c->value.len     ? c->value
			   : c->session.len ? c->session
			   : c->key.len     ? c->key
					    : c->query_key;

	if (c->token && (c->bearer || !c->value.len))
		return c->token->session;
	return best.len ? principal_session(seed, best) : 0;
}

// Not inline: with a token it is seldom asked, and large.
static __attribute__((noinline)) void principal_find(struct exchange *x, struct principal *p,
						     uint64_t seed, struct carried *c)
{
	struct span basic = {0};
	uint8_t text[256];

	keys_look(x, p->options, c);
	cookies_look(x, p, c);
	x->credentials = c->credentials;
	if (!c->token)
		token_look(p, seed, c);
	if (c->token)
		identity_token_facts(x, p, c->token);
	if (c->scheme.len)
		basic = basic_user(x, p, seed, c, text);
	x->session = carried_session(seed, c);
	for (x->rank = 0; x->rank < p->n_order; x->rank++) {
		if (step_ask(x, p, seed, c, p->order[x->rank], basic))
			return;
	}
	step_address(x, seed); // there is no other
}

void principal_identify(struct exchange *x, struct principal *p, uint64_t seed)
{
	struct carried c = {0};

	x->user_len = 0;
	identity_client(x, p, seed);
	authorization_look(x, &c);
	if (c.value.len && is_bearer(&c)) {
		c.token = identity_token(p, seed, c.value);
		c.bearer = true;
	}
	if (!c.token || !p->token_first) {
		principal_find(x, p, seed, &c);
		return;
	}
	// Most of all requests: nothing else needs to be looked at.
	x->credentials = true;
	x->session = c.token->session;
	x->rank = p->rank[STEP_TOKEN];
	identity_token_facts(x, p, c.token);
	found_token(x, c.token);
}

const char *principal_text(const struct merged_principal *principal, char *out, size_t size)
{
	const char *user = principal && principal->user ? principal->user : "";

	if (!*user)
		user = "A client";
	text_clean(out, size, user, strlen(user));
	return out;
}
