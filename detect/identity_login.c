// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the kept beginnings of bodies tell of the caller, when the exchange is over: fields that the
// operator named, and of a login who signs in, with what secret, how it ended, and which session
// it made. Worker; all other exchanges pay two tests. Only what is whole counts.
//
//	{"email":"a@example.com","password":"…"}  ─►  login_user, login_secret
//	200, Set-Cookie: sid=…; HttpOnly          ─►  LOGIN_SUCCESS, requests with sid are a@example.com's
//
// XXX: multipart logins are not read.

#include "detect/claims.h"
#include "detect/delta.h"
#include "detect/endpoint.h"
#include "detect/escape.h"
#include "detect/policy.h"
#include "detect/principal.h"
#include "detect/siphash.h"
#include "flows/form.h"

enum {
	MEMBERS_MAX = 256, // of one body
	TEXT_MAX = 256,    // bytes of a name or a password
	COOKIES_SET = 16,  // that are looked at
};

static const char *const user_names[] = {
	"username", "user_name", "userName", "login",  "email",   "user",  "userid", "user_id",
	"loginid",  "login_id",  "mail",     "account", "identifier", "phone", "j_username", "log",
};
static const char *const secret_names[] = {
	"password", "passwd", "pass", "pwd", "passcode", "passphrase", "j_password", "pin",
};
static const char *const token_names[] = {
	"access_token", "accessToken", "token",	       "id_token",     "idToken",
	"jwt",	        "auth_token",  "authToken",    "session_token", "sessionToken",
};

#define COUNT(list) (uint32_t)(sizeof(list) / sizeof((list)[0]))

static uint32_t place_of(struct span name, const char *const *names, uint32_t n)
{
	for (uint32_t i = 0; name.len && i < n; i++) {
		if (span_lower(name.p[0]) == (uint8_t)names[i][0] &&
		    span_ieq(name, span_make(names[i], strlen(names[i]))))
			return i;
	}
	return n;
}

// ---- members of a body

struct members {
	bool json;
	bool cut; // the last pair of a form may not be whole
	struct claims claims;
	struct span rest;
};

struct member {
	struct claim claim; // of a form: one name
	struct span name;   // the last of the path
	bool escaped, json;
};

static bool members_of(const struct http_msg *msg, struct members *out)
{
	struct span body = span_make(msg->body, msg->body_kept);
	uint32_t i = 0;

	if (!msg->seen || !msg->body_kept)
		return false;
	while (i < body.len && (body.p[i] == ' ' || (body.p[i] >= '\t' && body.p[i] <= '\r')))
		i++;
	*out = (struct members){
		.json = i < body.len && (body.p[i] == '{' || body.p[i] == '['),
		.cut = msg->body_kept < http_msg_shown(msg),
		.claims = claims_of(body),
		.rest = body,
	};
	return out->json || (body.p[0] != '<' && body.p[0] != '-' &&
			     memchr(body.p, '=', body.len) != NULL);
}

// "user[email]" is email.
static struct span inner_name(struct span key)
{
	const uint8_t *open = key.len && key.p[key.len - 1] == ']' ? memrchr(key.p, '[', key.len)
								  : NULL;

	return open ? span_make(open + 1, (size_t)(key.p + key.len - 1 - open) - 1) : key;
}

static bool members_next(struct members *m, struct member *out)
{
	struct form_pair pair;

	out->json = m->json;
	if (m->json) {
		if (!claims_next(&m->claims, &out->claim))
			return false;
		out->name = out->claim.n_path ? out->claim.path[out->claim.n_path - 1]
					      : (struct span){0};
		out->escaped = out->claim.kind == CLAIM_STRING && out->claim.value.len &&
			       memchr(out->claim.value.p, '\\', out->claim.value.len);
		return true;
	}
	if (!form_next(&m->rest, &pair) || (m->cut && m->rest.len == 0))
		return false;
	out->claim = (struct claim){.n_path = 1, .path = {pair.key}, .value = pair.value};
	out->name = inner_name(pair.key);
	out->escaped = pair.escaped;
	return true;
}

// The value as it was meant; false: it is too long.
static bool member_text(const struct member *m, uint8_t out[TEXT_MAX], struct span *text)
{
	bool coded;

	if (m->claim.value.len > TEXT_MAX || m->claim.value.len == 0)
		return false;
	if (!m->escaped) {
		memcpy(out, m->claim.value.p, m->claim.value.len);
		*text = span_make(out, m->claim.value.len);
	} else if (m->json) {
		*text = span_make(out, escape_json(m->claim.value, out, &coded));
	} else {
		*text = span_make(out, form_decode(m->claim.value, out, true));
	}
	return true;
}

// ---- fields of the operator's

static void fields_look(struct exchange *x, const struct principal *p, uint64_t seed)
{
	const struct conf_strs *names = &p->options->fields;
	size_t best = names->n;
	struct members members;
	struct member member;
	uint8_t bytes[TEXT_MAX];
	struct span text;

	if (!members_of(&x->tx->msg[CLIENT], &members))
		return;
	for (uint32_t k = 0; k < MEMBERS_MAX && members_next(&members, &member); k++) {
		if (member.claim.kind == CLAIM_WORD)
			continue;
		for (size_t i = 0; i < best; i++) {
			if (!claim_is(&member.claim, names->v[i]) ||
			    principal_is_empty(member.claim.value) ||
			    !member_text(&member, bytes, &text))
				continue;
			best = i;
			principal_field(x, p, seed, names->v[i], text);
			x->rank = p->rank[STEP_FIELD];
		}
	}
}

// ---- who signs in

// Users write their names in any case; the same one is meant.
static struct span user_fold(struct span user, uint8_t out[TEXT_MAX])
{
	uint32_t n = 0;

	user = span_trim(user);
	for (; n < user.len && n < TEXT_MAX; n++)
		out[n] = span_lower(user.p[n]);
	return span_make(out, n);
}

void identity_credentials(struct exchange *x, const struct principal *p, uint64_t seed,
			  struct span user, struct span password)
{
	uint8_t folded[TEXT_MAX];

	if (user.len)
		x->login_user = siphash_id(siphash(seed, 'U', user_fold(user, folded)));
	if (password.len)
		x->login_secret = siphash_id(siphash(p->salt, seed ^ 'W', password));
}

struct login {
	uint8_t user_bytes[TEXT_MAX], secret_bytes[TEXT_MAX];
	struct span user, secret;
};

static void login_read(struct exchange *x, const struct principal *p, uint64_t seed,
		       struct login *login)
{
	uint32_t user = COUNT(user_names), secret = COUNT(secret_names), place;
	struct members members;
	struct member member;

	if (!members_of(&x->tx->msg[CLIENT], &members))
		return;
	for (uint32_t k = 0; k < MEMBERS_MAX && members_next(&members, &member); k++) {
		if (member.claim.kind == CLAIM_WORD)
			continue;
		place = place_of(member.name, user_names, user);
		if (place < user && member_text(&member, login->user_bytes, &login->user))
			user = place;
		place = place_of(member.name, secret_names, secret);
		if (place < secret && member_text(&member, login->secret_bytes, &login->secret))
			secret = place;
	}
	identity_credentials(x, p, seed, login->user, login->secret);
}

// ---- what it made

struct made {
	uint32_t n;
	struct {
		uint64_t session, cookie;
	} credential[IDENTITY_BINDINGS];
	bool says_failure, says_success;
};

static void made_add(struct made *made, uint64_t session, uint64_t cookie)
{
	if (made->n == IDENTITY_BINDINGS)
		return;
	made->credential[made->n].session = session;
	made->credential[made->n++].cookie = cookie;
}

// Set by analytics, load balancers, walls, or for tastes and forms: never a session.
static bool is_other_cookie(struct span name)
{
	static const char *const globs[] = {
		"_ga*",	     "_gid",	  "_gat*",	"_gcl*",	"_fbp",	     "_fbc",
		"__utm*",    "_hj*",	  "ajs_*",	"amp_*",	"amplitude*", "mp_*",
		"_pk_*",     "_clck",	  "_clsk",	"optimizely*",	"intercom-*", "_uet*",
		"awsalb*",   "awselb*",	  "bigip*",	"__cf*",	"cf_*",	     "incap_*",
		"visid_*",   "nlbi_*",	  "ak_bmsc",	"bm_*",		"_abck",     "datadome*",
		"*consent*", "*csrf*",	  "*xsrf*",	"lang*",	"locale*",   "i18n*",
		"*theme*",   "*timezone*", "country*",	"currency*",	"*device*",  "*requestverification*",
	};

	for (uint32_t i = 0; i < COUNT(globs); i++) {
		if (policy_glob(globs[i], name, true))
			return true;
	}
	return false;
}

static bool is_http_only(struct span attributes)
{
	while (attributes.len) {
		struct span one = span_until(attributes, ';');

		attributes = span_make(attributes.p + one.len, attributes.len - one.len);
		if (attributes.len)
			attributes = span_make(attributes.p + 1, attributes.len - 1);
		if (span_ieq(span_trim(one), SPAN_LIT("HttpOnly")))
			return true;
	}
	return false;
}

static void cookie_made(const struct principal *p, uint64_t seed, struct span field,
			struct made *made)
{
	struct span pair = span_until(field, ';'), name, value;
	struct span attributes = span_make(field.p + pair.len, field.len - pair.len);

	if (!principal_cookie(&pair, &name, &value) || principal_is_empty(value) ||
	    is_other_cookie(name))
		return;
	if (!principal_session_listed(name, p->options) &&
	    (!principal_random(value) ||
	     (!principal_session_name(name) && !is_http_only(attributes))))
		return;
	made_add(made, principal_id(PRINCIPAL_SESSION, seed, (struct span){0}, value),
		 session_name(name));
}

static void cookies_made(const struct exchange *x, const struct principal *p, uint64_t seed,
			 struct made *made)
{
	const struct http_msg *msg = &x->tx->msg[SERVER];
	struct span name, value;
	uint32_t pos = 0;

	if (!http_header(x->tx, SERVER, HEADER_SET_COOKIE).p)
		return;
	for (uint32_t n = 0; n < COOKIES_SET && http_header_next(msg, &pos, &name, &value);) {
		if (!span_ieq(name, SPAN_LIT("Set-Cookie")))
			continue;
		n++;
		cookie_made(p, seed, value, made);
	}
}

static void answer_word(const struct member *member, struct made *made)
{
	struct span value = member->claim.value;
	bool yes = span_eq(value, SPAN_LIT("true")), no = span_eq(value, SPAN_LIT("false"));

	if (span_ieq(member->name, SPAN_LIT("success")) || span_ieq(member->name, SPAN_LIT("ok")) ||
	    span_ieq(member->name, SPAN_LIT("authenticated"))) {
		made->says_success |= yes;
		made->says_failure |= no;
	} else if (span_ieq(member->name, SPAN_LIT("error"))) {
		made->says_failure |= yes;
	}
}

static void answer_text(const struct member *member, struct made *made)
{
	static const char *const bad[] = {"error", "fail", "failed", "failure", "denied", "invalid"};

	if (member->claim.value.len == 0)
		return;
	if (span_ieq(member->name, SPAN_LIT("status")) || span_ieq(member->name, SPAN_LIT("result")))
		made->says_failure |= place_of(member->claim.value, bad, COUNT(bad)) < COUNT(bad);
	else
		made->says_failure |= claim_is(&member->claim, "error") ||
				      claim_is(&member->claim, "errors") ||
				      claim_is(&member->claim, "error.message");
}

static void answer_read(const struct exchange *x, uint64_t seed, struct made *made)
{
	struct members members;
	struct member member;

	if (!members_of(&x->tx->msg[SERVER], &members) || !members.json)
		return;
	for (uint32_t k = 0; k < MEMBERS_MAX && members_next(&members, &member); k++) {
		struct span value = member.claim.value;

		if (member.claim.kind == CLAIM_WORD)
			answer_word(&member, made);
		else if (member.claim.kind != CLAIM_STRING)
			continue;
		else if (place_of(member.name, token_names, COUNT(token_names)) <
				 COUNT(token_names) &&
			 !member.escaped && principal_random(value))
			made_add(made,
				 principal_id(PRINCIPAL_API_KEY, seed, (struct span){0}, value), 0);
		else
			answer_text(&member, made);
	}
}

// ---- how it ended

static enum login_result redirect_result(const struct exchange *x)
{
	struct span location = http_header(x->tx, SERVER, HEADER_LOCATION);
	struct span path = span_until(span_until(location, '#'), '?');
	const uint8_t *host = path.len > 3 ? memmem(path.p, path.len, "://", 3) : NULL;

	if (location.len == 0 || x->tx->status > 303)
		return LOGIN_UNKNOWN; // 307 and 308: to be sent again
	if (host) {
		struct span rest = span_make(host + 3, (size_t)(path.p + path.len - host) - 3);
		uint32_t name = span_until(rest, '/').len;

		path = span_make(rest.p + name, rest.len - name);
	}
	if (endpoint_is_login(path) || memmem(location.p, location.len, "error", 5) ||
	    memmem(location.p, location.len, "fail", 4))
		return LOGIN_FAILURE;
	return LOGIN_SUCCESS;
}

// A page that asks for a password again tells nothing good, and one that was not kept as a whole
// may do so.
static bool asks_again(const struct http_msg *msg)
{
	struct span type = msg->header[HEADER_CONTENT_TYPE];

	if (type.len < 9 || !span_ieq(span_make(type.p, 9), SPAN_LIT("text/html")))
		return false;
	return msg->body_kept < http_msg_shown(msg) ||
	       (msg->body_kept && memmem(msg->body, msg->body_kept, "password", 8));
}

static enum login_result login_result(const struct exchange *x, const struct made *made)
{
	uint16_t status = x->tx->status;

	switch (status) {
	case 400:
	case 401:
	case 403:
	case 422:
	case 423:
		return LOGIN_FAILURE;
	default:
		break;
	}
	if (status / 100 == 3)
		return redirect_result(x);
	if (status / 100 != 2)
		return LOGIN_UNKNOWN;
	if (made->says_failure)
		return LOGIN_FAILURE;
	if ((made->n || made->says_success) && !asks_again(&x->tx->msg[SERVER]))
		return LOGIN_SUCCESS;
	return LOGIN_UNKNOWN;
}

static uint32_t login_bind(const struct exchange *x, const struct principal *p, uint64_t seed,
		     const struct login *login, const struct made *made, struct delta_binding *out)
{
	uint8_t host[ENDPOINT_HOST + 1], folded[TEXT_MAX];
	uint32_t host_len = endpoint_host(x, host);
	// A name is unique within its service only.
	uint64_t user = principal_id(PRINCIPAL_SESSION, seed ^ 'U', span_make(host, host_len),
				     user_fold(login->user, folded));

	for (uint32_t i = 0; i < made->n; i++) {
		out[i] = (struct delta_binding){
			.session = made->credential[i].session,
			.user = user,
			.cookie = made->credential[i].cookie,
		};
		if (p->options->show_users) {
			out[i].user_len = (uint8_t)(login->user.len < EXCHANGE_USER ? login->user.len
										    : EXCHANGE_USER);
			memcpy(out[i].text, login->user.p, out[i].user_len);
		} else {
			out[i].user_len = principal_show(out[i].text, "user:", user);
		}
	}
	return made->n;
}

static uint32_t login_end(struct exchange *x, const struct principal *p, uint64_t seed,
			  struct delta_binding *out)
{
	struct made made = {0};
	struct login login;

	login.user = login.secret = (struct span){0};
	login_read(x, p, seed, &login);
	if ((!x->login_user && !x->login_secret) || !x->tx->msg[SERVER].seen ||
	    x->tx->paired_by_guess)
		return 0;
	cookies_made(x, p, seed, &made);
	answer_read(x, seed, &made);
	x->login_result = (uint8_t)login_result(x, &made);
	// A session that was there before and is now the user's.
	if (made.n == 0 && x->principal_kind == PRINCIPAL_SESSION)
		made_add(&made, x->principal, 0);
	return login.user.len && x->login_result == LOGIN_SUCCESS
		       ? login_bind(x, p, seed, &login, &made, out)
		       : 0;
}

uint32_t principal_end(struct exchange *x, struct principal *p, uint64_t seed,
		       struct delta_binding *out)
{
	if (x->tx->proto == PROTO_WS || !x->tx->msg[CLIENT].seen)
		return 0;
	if (p->options->fields.n && p->rank[STEP_FIELD] < x->rank)
		fields_look(x, p, seed);
	if (x->login)
		return login_end(x, p, seed, out);
	if (x->login_user && x->tx->msg[SERVER].seen) { // Basic
		x->login_result = x->tx->status == 401	      ? LOGIN_FAILURE
				  : x->tx->status / 100 == 2 ? LOGIN_SUCCESS
							     : LOGIN_UNKNOWN;
	}
	return 0;
}
