// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From a request's head to a principal. Worker; no state. The first that applies of:
//
//	configured header ─ bearer token ─ session cookie ─ API key ─ Basic user ─ address
//
// A bearer token is its subject when it is a JSON web token that names one, else a key. Tokens
// are read, not verified: that is the server's part, and its answer shows the result. All input
// is hostile: what is decoded goes to a bounded buffer, and each loop ends with its span.

#include "detect/principal.h"

#include "detect/detector.h"
#include "detect/endpoint.h"
#include "detect/policy.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "flows/form.h"

enum {
	PAYLOAD_MAX = 2048, // decoded bytes of a token that are looked at
	COOKIES_MAX = 64,   // pairs of one header
	PAIRS_MAX = 64,     // of one query
	SESSION_MIN = 4,    // bytes of a session cookie
	KEY_MIN = 16,       // bytes of an API key whose parameter has a general name
};

static const struct conf_row principal_rows[] = {
	{.key = "headers",
	 .type = CONF_STRS,
	 .offset = offsetof(struct principal_options, headers),
	 .min = 1,
	 .max = 64,
	 .def = "[ ]",
	 .help = "Request headers that name the user, strongest first; they count as credentials"},
	{.key = "cookies",
	 .type = CONF_STRS,
	 .offset = offsetof(struct principal_options, cookies),
	 .min = 1,
	 .max = 64,
	 .def = "[ \"JSESSIONID\", \"PHPSESSID\", \"connect.sid\", \"ASP.NET_SessionId\", "
		"\"ASPSESSIONID*\", \"sessionid\", \"session_id\", \"session\", \"sid\", "
		"\"_session\", \"_session_id\", \"laravel_session\", \"*_session\", "
		"\"wordpress_logged_in_*\" ]",
	 .help = "Names of session cookies, strongest first; * and ? are wildcards"},
};
const struct conf_section principal_section = {
	.path = "principal",
	.help = "How the user behind a request is recognised",
	.size = sizeof(struct principal_options),
	.rows = principal_rows,
	.n_rows = sizeof(principal_rows) / sizeof(principal_rows[0]),
};
CONF_SECTION(principal_section);

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
static bool is_empty(struct span value)
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
static void user_show_hash(struct exchange *x, const char *kind)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = strlen(kind);

	memcpy(x->user, kind, n);
	for (uint32_t i = 0; i < 16; i++)
		x->user[n + i] = (uint8_t)hex[x->principal >> (60 - 4 * i) & 15];
	x->user_len = (uint8_t)(n + 16);
}

// The scope keeps equal values of different origin apart.
static void found(struct exchange *x, enum principal_kind kind, uint64_t seed, struct span scope,
		  struct span value)
{
	uint64_t hash = siphash(seed, 'P' + (uint64_t)kind, scope);

	x->principal_kind = kind;
	x->principal = siphash_id(siphash(seed, hash, value));
}

static bool found_key(struct exchange *x, uint64_t seed, struct span value)
{
	found(x, PRINCIPAL_API_KEY, seed, (struct span){0}, value);
	user_show_hash(x, "key:");
	return true;
}

// ---- tokens

// Both alphabets of RFC 4648; the value of a digit and one, 0: no digit.
static const uint8_t base64_digit[256] = {
	['A'] = 1,  ['B'] = 2,	['C'] = 3,  ['D'] = 4,	['E'] = 5,  ['F'] = 6,	['G'] = 7,  ['H'] = 8,
	['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['+'] = 63,
	['_'] = 64, ['/'] = 64,
};

// Either alphabet of RFC 4648, up to the first foreign byte or a full buffer.
static uint32_t base64_decode(struct span in, uint8_t *out, uint32_t size)
{
	uint32_t bits = 0, n_bits = 0, n = 0, i = 0;

	// Four digits at a time as long as they are digits; the end one by one.
	for (; in.len - i >= 4 && n + 3 <= size; i += 4, n += 3) {
		uint32_t a = base64_digit[in.p[i]], b = base64_digit[in.p[i + 1]];
		uint32_t c = base64_digit[in.p[i + 2]], d = base64_digit[in.p[i + 3]];

		if (!a || !b || !c || !d)
			break;
		a = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		out[n] = (uint8_t)(a >> 16);
		out[n + 1] = (uint8_t)(a >> 8);
		out[n + 2] = (uint8_t)a;
	}
	for (; i < in.len && n < size; i++) {
		uint32_t digit = base64_digit[in.p[i]];

		if (digit == 0)
			break;
		bits = bits << 6 | (digit - 1);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	return n;
}

struct claims {
	struct span sub, email, client, issuer;
};

// Behind the closing quote of the string whose content starts at i; 0: it does not end.
static uint32_t string_end(struct span json, uint32_t i)
{
	while (i < json.len) {
		const uint8_t *quote = memchr(json.p + i, '"', json.len - i);
		const uint8_t *escape = quote ? memchr(json.p + i, '\\', (size_t)(quote - json.p) - i)
					      : NULL;

		if (!quote)
			return 0;
		if (!escape)
			return (uint32_t)(quote - json.p) + 1;
		i = (uint32_t)(escape - json.p) + 2;
	}
	return 0;
}

static uint32_t skip_space(struct span json, uint32_t i)
{
	while (i < json.len && (json.p[i] == ' ' || (json.p[i] >= '\t' && json.p[i] <= '\r')))
		i++;
	return i;
}

static void claim_set(struct claims *claims, struct span name, struct span value)
{
	if (value.len == 0)
		return;
	if (span_eq(name, SPAN_LIT("sub")))
		claims->sub = value;
	else if (span_eq(name, SPAN_LIT("email")))
		claims->email = value;
	else if (span_eq(name, SPAN_LIT("client_id")))
		claims->client = value;
	else if (span_eq(name, SPAN_LIT("iss")))
		claims->issuer = value;
}

// Strings and numbers that are members of the outermost object. A subject in a nested one is
// somebody else (RFC 8693 section 4.1).
static struct claims claims_find(struct span json)
{
	struct claims claims = {0};
	uint32_t depth = 0, i = 0, end;

	while (i < json.len) {
		uint8_t c = json.p[i];
		struct span name;

		if (c != '"') {
			depth += c == '{' || c == '[';
			if ((c == '}' || c == ']') && (depth == 0 || --depth == 0))
				break;
			i++;
			continue;
		}
		end = string_end(json, i + 1);
		if (!end)
			break;
		name = span_make(json.p + i + 1, end - i - 2);
		i = skip_space(json, end);
		if (depth != 1 || i == json.len || json.p[i] != ':')
			continue;
		i = skip_space(json, i + 1);
		if (i < json.len && json.p[i] == '"') {
			end = string_end(json, i + 1);
			if (!end)
				break; // cut off: not the value that was sent
			claim_set(&claims, name, span_make(json.p + i + 1, end - i - 2));
			i = end;
		} else {
			for (end = i; end < json.len && json.p[end] >= '0' && json.p[end] <= '9';)
				end++;
			if (end < json.len)
				claim_set(&claims, name, span_make(json.p + i, end - i));
			i = end;
		}
	}
	return claims;
}

// header.payload.signature (RFC 7519 section 3). The payload; empty: this is no such token.
static struct span token_payload(struct span token)
{
	struct span header = span_until(token, '.'), payload;

	if (header.len < 4 || header.len == token.len || memcmp(header.p, "ey", 2) != 0)
		return (struct span){0};
	payload = span_make(header.p + header.len + 1, token.len - header.len - 1);
	payload = span_until(payload, '.');
	return header.len + 1 + payload.len < token.len ? payload : (struct span){0};
}

static bool found_token(struct exchange *x, uint64_t seed, struct span token)
{
	struct span payload = token_payload(token), user;
	uint8_t json[PAYLOAD_MAX];
	struct claims claims;

	if (is_empty(token))
		return false;
	if (payload.len == 0)
		return found_key(x, seed, token);
	claims = claims_find(span_make(json, base64_decode(payload, json, sizeof(json))));
	user = claims.sub.len ? claims.sub : claims.email.len ? claims.email : claims.client;
	if (user.len == 0)
		return found_key(x, seed, token);
	// A subject is unique within its issuer only (RFC 7519 section 4.1.2).
	found(x, PRINCIPAL_JWT, seed, claims.issuer, user);
	user_show(x, user);
	return true;
}

// ---- Authorization

struct authorization {
	struct span scheme, value;
};

static struct authorization authorization_of(const struct exchange *x)
{
	struct span field = span_trim(http_header(x->tx, CLIENT, HEADER_AUTHORIZATION));
	struct span scheme = span_until(field, ' ');

	if (scheme.len == field.len) // a bare token
		return (struct authorization){.value = field};
	return (struct authorization){
		scheme, span_trim(span_make(field.p + scheme.len, field.len - scheme.len))};
}

static bool found_bearer(struct exchange *x, uint64_t seed, const struct authorization *a)
{
	static const char *const schemes[] = {"Bearer", "DPoP",    "JWT", "Token",
					      "ApiKey", "Api-Key", "Key", NULL};

	if (a->scheme.len ? one_of(a->scheme, schemes) : a->value.len >= KEY_MIN)
		return found_token(x, seed, a->value);
	return false;
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

static bool found_basic(struct exchange *x, uint64_t seed, const struct authorization *a)
{
	uint8_t text[256];
	struct span user = {0};

	if (span_ieq(a->scheme, SPAN_LIT("Basic"))) {
		struct span all = span_make(text, base64_decode(a->value, text, sizeof(text)));

		// Without a colon this may be a password alone: it is not shown.
		user = span_until(all, ':');
		if (user.len == all.len)
			return false;
	} else if (span_ieq(a->scheme, SPAN_LIT("Digest"))) {
		user = parameter(a->value, "username=\"", '"');
	} else if (span_ieq(a->scheme, SPAN_LIT("AWS4-HMAC-SHA256"))) {
		user = parameter(a->value, "Credential=", '/');
		return user.len && found_key(x, seed, user);
	}
	if (user.len == 0)
		return false;
	found(x, PRINCIPAL_BASIC, seed, (struct span){0}, user);
	user_show(x, user);
	return true;
}

// ---- cookies

static bool cookie_next(struct span *rest, struct span *name, struct span *value)
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

static bool found_session(struct exchange *x, const struct conf_strs *names, uint64_t seed)
{
	for (size_t i = 0; i < names->n; i++) {
		struct span rest = http_header(x->tx, CLIENT, HEADER_COOKIE), name, value;

		for (uint32_t k = 0; k < COOKIES_MAX && cookie_next(&rest, &name, &value); k++) {
			if (value.len < SESSION_MIN || is_empty(value) ||
			    !policy_glob(names->v[i], name, true))
				continue;
			found(x, PRINCIPAL_SESSION, seed, (struct span){0}, value);
			user_show_hash(x, "session:");
			return true;
		}
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

static bool cookie_authenticates(struct span name)
{
	if (contains(name, "csrf") || contains(name, "xsrf"))
		return false; // sent by everybody
	return contains(name, "sess") || contains(name, "auth") || contains(name, "token") ||
	       contains(name, "jwt") || has_sid(name);
}

static bool cookies_authenticate(const struct exchange *x, const struct conf_strs *names)
{
	struct span rest = http_header(x->tx, CLIENT, HEADER_COOKIE), name, value;

	for (uint32_t k = 0; k < COOKIES_MAX && cookie_next(&rest, &name, &value); k++) {
		if (value.len < SESSION_MIN || is_empty(value))
			continue;
		if (cookie_authenticates(name))
			return true;
		for (size_t i = 0; i < names->n; i++) {
			if (policy_glob(names->v[i], name, true))
				return true;
		}
	}
	return false;
}

// ---- query

bool principal_key_parameter(struct span key, struct span value)
{
	static const char *const sure[] = {"api_key",      "apikey",     "api-key", "x-api-key",
					   "access_token", "auth_token", NULL};
	static const char *const maybe[] = {"key", "token", "jwt", "client_secret", NULL};

	if (is_empty(value))
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

static struct span query_key(const struct exchange *x, bool *signed_link)
{
	struct span rest = x->query;
	struct form_pair pair;

	for (uint32_t i = 0; i < PAIRS_MAX && form_next(&rest, &pair); i++) {
		if (principal_key_parameter(pair.key, pair.value))
			return pair.value;
		*signed_link |= is_signature(pair.key, pair.value);
	}
	return (struct span){0};
}

// ---- all together

// A header that the operator named; what looks like a credential is not shown.
static bool found_configured(struct exchange *x, const struct conf_strs *headers, uint64_t seed)
{
	for (size_t i = 0; i < headers->n; i++) {
		struct span name = span_make(headers->v[i], strlen(headers->v[i]));
		struct span value = span_trim(http_header_find(&x->tx->msg[CLIENT], name));
		enum segment_class class;

		if (is_empty(value))
			continue;
		found(x, PRINCIPAL_CONFIGURED, seed, (struct span){0}, value);
		class = endpoint_segment(value);
		if (contains(name, "token") || contains(name, "secret") || contains(name, "key") ||
		    contains(name, "auth") || contains(name, "session") || class == SEGMENT_TOKEN ||
		    class == SEGMENT_HEX)
			user_show_hash(x, "key:");
		else
			user_show(x, value);
		return true;
	}
	return false;
}

static void found_address(struct exchange *x, uint64_t seed)
{
	const struct conn_meta *conn = x->tx->conn;
	uint64_t hash = siphash_number(seed, 'A', conn->space);
	char text[48];

	hash = siphash(seed, hash, span_make(conn->addr[CLIENT], 16));
	found(x, PRINCIPAL_ADDRESS, hash, (struct span){0},
	      http_header(x->tx, CLIENT, HEADER_USER_AGENT));
	endpoint_address(conn->addr[CLIENT], text);
	user_show(x, span_make(text, strlen(text)));
}

// True when the Authorization field alone said who it is.
static bool principal_find(struct exchange *x, const struct principal_options *options,
			   uint64_t seed)
{
	struct authorization authorization = authorization_of(x);
	struct span key = http_header(x->tx, CLIENT, HEADER_API_KEY), parameter_key;
	bool signed_link = false;

	x->user_len = 0;
	if (is_empty(key))
		key.len = 0;
	parameter_key = query_key(x, &signed_link);
	x->credentials = !is_empty(authorization.value) || key.len || parameter_key.len ||
			 signed_link || cookies_authenticate(x, &options->cookies);
	if (found_configured(x, &options->headers, seed)) {
		x->credentials = true;
		return false;
	}
	if (found_bearer(x, seed, &authorization))
		return true;
	if (found_session(x, &options->cookies, seed) ||
	    (key.len && found_token(x, seed, key)) ||
	    (parameter_key.len && found_token(x, seed, parameter_key)) ||
	    found_basic(x, seed, &authorization))
		return false;
	found_address(x, seed);
	return false;
}

// Every request of a session carries the same token: decoding it once is enough. The whole field
// counts, under the secret seed; eight bytes at a step.
static uint64_t field_hash(struct span s, uint64_t seed)
{
	uint64_t hash = seed ^ s.len, word;

	for (; s.len >= 8; s.p += 8, s.len -= 8) {
		memcpy(&word, s.p, 8);
		__uint128_t product = (__uint128_t)(word ^ hash) * UINT64_C(0xe7037ed1a0b428db);
		hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ (hash << 7 | hash >> 57);
	}
	return siphash_id(siphash(seed, hash, s));
}

static bool found_again(struct exchange *x, const struct principal_known *known, uint64_t hash)
{
	if (known->hash != hash)
		return false;
	x->credentials = true;
	x->principal = known->principal;
	x->principal_kind = (enum principal_kind)known->kind;
	x->user_len = known->user_len;
	memcpy(x->user, known->user, known->user_len);
	return true;
}

void principal_identify(struct exchange *x, const struct principal_options *options, uint64_t seed,
			struct principal_cache *cache)
{
	struct span field = http_header(x->tx, CLIENT, HEADER_AUTHORIZATION);
	// An operator's own header would come before the token.
	uint64_t hash = cache && options->headers.n == 0 && field.len >= KEY_MIN
				? field_hash(field, seed) : 0;
	struct principal_known *known = hash ? &cache->known[hash % PRINCIPAL_CACHE] : NULL;

	if (known && found_again(x, known, hash))
		return;
	if (!principal_find(x, options, seed) || !known)
		return;
	known->hash = hash;
	known->kind = (uint8_t)x->principal_kind;
	known->principal = x->principal;
	known->user_len = x->user_len;
	memcpy(known->user, x->user, x->user_len);
}

const char *principal_text(const struct merged_principal *principal, char *out, size_t size)
{
	const char *user = principal && principal->user ? principal->user : "";

	if (!*user)
		user = "A client";
	text_clean(out, size, user, strlen(user));
	return out;
}
