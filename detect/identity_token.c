// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Who a token says that it is for, and with which roles; what is wrong with it. Worker. A token is
// decoded once and kept in the worker's cache under its hash. Trying the list of known secrets is
// dear, so each epoch has a budget of tokens; one that found none is tried when it comes again.

#include "detect/claims.h"
#include "detect/endpoint.h"
#include "detect/facts.h"
#include "detect/principal.h"
#include "detect/siphash.h"

enum { ROLES_MAX = 64 }; // of one token

void principal_epoch(struct principal *p, const struct session_names *learnt)
{
	p->checks_left = p->options->token_checks;
	if (learnt)
		session_names_copy(&p->learnt, learnt);
}

uint64_t principal_hash(struct span s, uint64_t seed)
{
	uint64_t hash = seed ^ s.len, word;
	uint32_t left = s.len;

	for (const uint8_t *p = s.p; left >= 8; p += 8, left -= 8) {
		memcpy(&word, p, 8);
		__uint128_t product = (__uint128_t)(word ^ hash) * UINT64_C(0xe7037ed1a0b428db);
		hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ (hash << 7 | hash >> 57);
	}
	return siphash_id(siphash_number(seed, hash, span_rest(s, left)));
}

void principal_forget(struct principal *p)
{
	memset(&p->learnt, 0, sizeof(p->learnt));
	memset(p->known, 0, sizeof(p->known));
}

// Roles count in any order, so their hashes are added. They are shown when they are words.
static void roles_add(struct principal_known *known, uint64_t seed, struct span list, uint32_t *n)
{
	while (list.len && *n < ROLES_MAX) {
		struct span role = span_until(list, ' ');
		bool more = known->role_len > 0;

		list = span_make(list.p + role.len, list.len - role.len);
		if (list.len)
			list = span_make(list.p + 1, list.len - 1);
		if (role.len == 0)
			continue;
		++*n;
		known->role += siphash(seed, 'R', role);
		if (endpoint_segment(role) != SEGMENT_WORD || memchr(role.p, '\\', role.len) ||
		    role.len + more > EXCHANGE_ROLE - (uint32_t)known->role_len) {
			*n |= UINT32_C(1) << 31; // not shown
			continue;
		}
		if (more)
			known->role_text[known->role_len++] = ' ';
		memcpy(known->role_text + known->role_len, role.p, role.len);
		known->role_len = (uint8_t)(known->role_len + role.len);
	}
}

struct best_claim {
	uint32_t place; // in the list of those that count; behind it: others that are usual
	struct span value;
};

static void claim_rank(const struct conf_strs *names, const struct claim *claim,
		       struct best_claim *best)
{
	static const char *const usual[] = {"user_id", "uid", "email", "client_id"};
	uint32_t n = (uint32_t)names->n, all = n + sizeof(usual) / sizeof(usual[0]);

	for (uint32_t i = 0; i < all && i < best->place; i++) {
		if (claim_is(claim, i < n ? names->v[i] : usual[i - n]))
			*best = (struct best_claim){i, claim->value};
	}
}

static bool is_integer(struct span text)
{
	for (uint32_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	}
	return true;
}

static struct best_claim claims_look(const struct principal *p, uint64_t seed, struct span json,
				     struct principal_known *known)
{
	const struct principal_options *options = p->options;
	struct claims claims = claims_of(json);
	struct best_claim best = {.place = UINT32_MAX};
	struct claim claim;
	uint32_t n = 0;

	while (claims_next(&claims, &claim)) {
		if (claim.kind == CLAIM_WORD || claim.value.len == 0)
			continue;
		if (claim.kind == CLAIM_STRING || is_integer(claim.value))
			claim_rank(&options->claims, &claim, &best);
		for (size_t i = 0; i < options->role_claims.n; i++) {
			if (claim_is(&claim, options->role_claims.v[i]))
				roles_add(known, seed, claim.value, &n);
		}
	}
	if (n) {
		known->role = siphash_id(siphash_number(seed, 'r', known->role));
		if (n >> 31)
			known->role_len = 0;
	}
	return best;
}

static void token_user(struct principal_known *known, const struct principal *p, uint64_t seed,
		       const struct token *token)
{
	const struct principal_options *options = p->options;
	struct best_claim best = claims_look(p, seed, token->payload, known);
	uint32_t n = (uint32_t)options->claims.n;

	if (best.value.len == 0)
		return;
	// A subject is unique within its issuer only (RFC 7519 section 4.1.2).
	known->kind = PRINCIPAL_JWT;
	known->principal = principal_id(PRINCIPAL_JWT, seed, token->issuer, best.value);
	known->confidence = span_eq(best.value, token->subject) ? SURE_TOKEN : SURE_CLAIM;
	if (token->flags & (TOKEN_UNSIGNED | TOKEN_ALG_NONE))
		known->confidence = SURE_UNSIGNED;
	if (token->flags & TOKEN_MALFORMED)
		known->confidence = SURE_MALFORMED;
	if (!options->show_users || (best.place >= n && best.place < n + 3)) {
		known->user_len = principal_show(known->user, "user:", known->principal);
		return;
	}
	known->user_len = (uint8_t)(best.value.len < EXCHANGE_USER ? best.value.len : EXCHANGE_USER);
	memcpy(known->user, best.value.p, known->user_len);
}

static void token_check(struct principal_known *known, struct principal *p,
			const struct token *token)
{
	p->checks_left--;
	known->flags |= TOKEN_CHECKED | (weak_secret(token) ? TOKEN_WEAK_SECRET : 0);
}

static void token_fill(struct principal_known *known, struct principal *p, uint64_t seed,
		       struct span value)
{
	struct token_text text;
	struct token token;

	token_read(value, &text, &token);
	known->session = principal_session(seed, value);
	if (token.is_token) {
		known->flags = token.flags;
		known->hmac = token.hmac;
		known->expires_s = token.expires_s;
		known->from_s = token.from_s;
		known->issued_s = token.issued_s;
		if (token.id.len)
			known->token_id = siphash_id(siphash(seed, 'T', token.id));
		if (token.subject.len) {
			known->subject_value = facts_value_hash(token.subject, seed);
			known->subject =
				principal_id(PRINCIPAL_JWT, seed, token.issuer, token.subject);
		}
		token_user(known, p, seed, &token);
		if (token.hmac && p->checks_left)
			token_check(known, p, &token);
	}
	if (known->kind == PRINCIPAL_NONE) {
		known->kind = PRINCIPAL_API_KEY;
		known->confidence = SURE_KEY;
		known->principal =
			principal_id(PRINCIPAL_API_KEY, seed, (struct span){0}, value);
		known->user_len = principal_show(known->user, "key:", known->principal);
	}
}

// Every request of a session carries the same token: decoding it once is enough.
struct principal_known *identity_token(struct principal *p, uint64_t seed, struct span value)
{
	uint64_t hash = principal_hash(value, seed);
	struct principal_known *known = &p->known[hash % PRINCIPAL_CACHE];

	if (known->hash != hash) {
		*known = (struct principal_known){.hash = hash};
		token_fill(known, p, seed, value);
	} else if (known->hmac && p->checks_left && !(known->flags & TOKEN_CHECKED)) {
		struct token_text text;
		struct token token;

		token_read(value, &text, &token);
		token_check(known, p, &token);
	}
	return known;
}

// What the token says beside the user.
void identity_token_facts(struct exchange *x, const struct principal *p,
			const struct principal_known *known)
{
	x->subject = known->subject;
	x->subject_value = known->subject_value;
	x->token_id = known->token_id;
	x->role = known->role;
	x->role_len = known->role_len;
	memcpy(x->role_text, known->role_text, EXCHANGE_ROLE);
	if (known->flags)
		x->token_flags |=
			known->flags |
			token_flags_at(known->expires_s, known->from_s, known->issued_s,
				       (int64_t)(x->tx->msg[CLIENT].first_ns / UINT64_C(1000000000)),
				       p->options->token_days * 86400u);
}
