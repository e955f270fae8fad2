// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Who sent a request, as far as traffic shows. Only keyed hashes of credentials leave this part;
// what is shown of a user is a subject, a name or a hash.

#pragma once

#include "conf/conf.h"
#include "detect/exchange.h"
#include "detect/network.h"
#include "detect/sessions.h"
#include "detect/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct principal_options {
	struct conf_strs order;       // enum principal_step by name
	struct conf_strs headers;     // names of the operator's own headers, strongest first
	struct conf_strs query;       // … of parameters of the target
	struct conf_strs fields;      // … of fields of JSON or form bodies
	struct conf_strs shown;       // of the last two: those whose values are shown
	struct conf_strs cookies;     // names of session cookies, may hold wildcards
	struct conf_strs claims;      // of tokens, that name the user
	struct conf_strs role_claims; // … and the roles
	struct conf_strs key_headers, key_query; // of API keys, beside those that are built in
	struct conf_strs proxies;     // networks
	struct conf_strs forwarded;   // headers in which proxies name the client
	uint32_t token_days;
	uint32_t token_checks;
	bool show_users;
};

extern const struct conf_section principal_section;

struct merged_principal;

// How sure it is that two requests of one identity are of one user.
enum {
	SURE_HEADER = 95,
	SURE_FIELD = 90, // the client may write what it likes
	SURE_TOKEN = 90,
	SURE_CLAIM = 85, // another claim than sub
	SURE_CERTIFICATE = 90,
	SURE_KEY = 85,
	SURE_BASIC = 85,
	SURE_SESSION = 80,
	SURE_LOOKS = 70,     // a cookie whose name and value look like a session
	SURE_UNSIGNED = 50,  // a token that anybody can write
	SURE_MALFORMED = 30,
	SURE_ADDRESS = 40,
	SURE_JA4 = 45,
};

// What may say who it is. principal.order names them; each at most once.
enum principal_step {
	STEP_HEADER = 0,
	STEP_QUERY,
	STEP_FIELD,
	STEP_TOKEN,
	STEP_SESSION,
	STEP_KEY,
	STEP_BASIC,
	STEP_CERTIFICATE,
	STEP_ADDRESS,
	STEPS,
};

enum {
	PRINCIPAL_CACHE = 1024,
	PRINCIPAL_AGENTS = 256,
	PRINCIPAL_PROXIES = 64,
	IDENTITY_BINDINGS = 4, // of one login
};

// A token that was decoded before: every request of a session carries the same.
struct principal_known {
	uint64_t hash; // of the token; 0: free
	uint64_t principal, session, role, subject, subject_value, token_id;
	int64_t expires_s, from_s, issued_s;
	uint32_t flags;
	enum principal_kind kind;
	uint8_t confidence, hmac, user_len, role_len;
	uint8_t user[EXCHANGE_USER];
	uint8_t role_text[EXCHANGE_ROLE];
};

// Of one worker. What is cached depends on the traffic alone, never on what it is asked.
struct principal {
	const struct principal_options *options;
	uint8_t rank[STEPS]; // place in the order; STEPS: not in it
	uint8_t order[STEPS], n_order;
	bool token_first;    // nothing that may come with a request counts before a token
	uint32_t n_proxies, checks_left;
	uint64_t salt; // of passwords: in memory only
	struct session_names learnt; // of cookies that logins set; as at the epoch's begin
	struct network proxies[PRINCIPAL_PROXIES];
	struct principal_agent {
		uint64_t hash, agent;
		uint8_t kind;
	} agents[PRINCIPAL_AGENTS];
	struct principal_known known[PRINCIPAL_CACHE];
};

// Control thread, before the worker runs. False: a sentence in why.
bool principal_init(struct principal *p, const struct principal_options *options, uint64_t salt,
		    char *why, size_t why_len);
// An epoch begins: a few more tokens may be tried against the list of known secrets, and names of
// session cookies are taken over.
void principal_epoch(struct principal *p, const struct session_names *learnt);

// Forgets all that was seen.
void principal_forget(struct principal *p);

// Sets what the request's head tells: the identity of x, x->client, x->credentials, the facts of
// tokens. x->host, x->path and x->query are set.
void principal_identify(struct exchange *x, struct principal *p, uint64_t seed);
// At the end, what bodies and the answer tell: fields that name the user, and how a login ended. Of
// a login that made sessions their bindings are written to out, which has room for
// IDENTITY_BINDINGS. Returns how many.
uint32_t principal_end(struct exchange *x, struct principal *p, uint64_t seed,
		       struct delta_binding *out);
// Does a query parameter of this name carry an API key in this value?
bool principal_key_parameter(struct span key, struct span value);

// Between principal.c and its neighbours.
// The scope keeps equal values of different origin apart.
uint64_t principal_id(enum principal_kind kind, uint64_t seed, struct span scope, struct span value);
// What programs send when they have nothing to send.
bool principal_is_empty(struct span value);
void principal_user(struct exchange *x, const struct principal_options *options, struct span text,
		    bool shown);
// The operator named the field that this value came in.
void principal_field(struct exchange *x, const struct principal *p, uint64_t seed,
		     const char *name, struct span value);
// Names and values of a Cookie field. False: none is left.
bool principal_cookie(struct span *rest, struct span *name, struct span *value);
bool principal_session_name(struct span name);
// The name is listed among those of session cookies.
bool principal_session_listed(struct span name, const struct principal_options *options);
// Long, and not a word: nobody guesses it.
bool principal_random(struct span value);
// A word and a hash: the value is a credential, or not to be shown. Returns the length.
uint8_t principal_show(uint8_t user[EXCHANGE_USER], const char *kind, uint64_t hash);
// x->session of a credential.
uint64_t principal_session(uint64_t seed, struct span credential);
// identity_token.c
struct principal_known *identity_token(struct principal *p, uint64_t seed, struct span value);
void identity_token_facts(struct exchange *x, const struct principal *p,
			  const struct principal_known *known);
// identity_client.c
void identity_client(struct exchange *x, struct principal *p, uint64_t seed);
// identity_login.c: x->login_user and x->login_secret.
void identity_credentials(struct exchange *x, const struct principal *p, uint64_t seed,
			  struct span user, struct span password);

// A fast keyed hash of what is cached, eight bytes at a step.
uint64_t principal_hash(struct span s, uint64_t seed);

// The user in a sentence; principal may be NULL.
const char *principal_text(const struct merged_principal *principal, char *out, size_t size);
