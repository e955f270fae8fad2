// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Secrets that only the field's name tells: passwords, one-time codes, session identifiers, API
// keys without a form of their own. A value that hides itself, or that is a switch, a date or a
// label beside the secret ("passwordResetAt"), is none.

#include "detect/check.h"
#include "detect/issue.h"

enum {
	PASSWORD_MIN = 4,
	PASSWORD_MAX = 128,
	SESSION_MIN = 16,
	KEY_MIN = 16,
	KEY_MAX = 512,
	NAME_MAX = 32,
	MARKUP_LEAD = 24,
};

// Names that speak about a secret.
static bool about(struct span key)
{
	static const char *const words[] = {
		"reset",   "change", "expir", "updated", "created",     "hint",     "policy",
		"length",  "min",    "max",   "require", "forgot",      "strength", "valid",
		"enabled", "url",    "uri",   "label",   "title",       "error",    "message",
		"count",   "status", "type",  "attempt", "history",     "last",     "has",
		"is_",     "show",   "field", "name",    "placeholder", "claim",    "signature",
		"mode",    NULL,
	};

	for (uint32_t i = 0; words[i]; i++) {
		if (check_holds(key, words[i]))
			return true;
	}
	return false;
}

static bool is_masked(struct span v)
{
	uint32_t hidden = 0;

	for (uint32_t i = 0; i < v.len; i++)
		hidden += v.p[i] == '*' || v.p[i] == 'x' || v.p[i] == 'X' || v.p[i] == '#' ||
			  v.p[i] >= 0x80;
	return hidden * 2 >= v.len;
}

static struct span check_password(const struct candidate *c)
{
	struct span v = c->text;

	if (v.len < PASSWORD_MIN || v.len > PASSWORD_MAX || about(c->key) || is_masked(v) ||
	    check_placeholder(v))
		return (struct span){0};
	// Stored hashes are types of their own; a sentence or markup is a label.
	if (v.p[0] == '$' || v.p[0] == '{' || v.p[0] == '[' || v.p[0] == '<')
		return (struct span){0};
	for (uint32_t i = 0; i < v.len; i++) {
		if (v.p[i] < 0x20 || (v.p[i] == ' ' && v.len > 48))
			return (struct span){0};
	}
	return v;
}

static struct span check_otp(const struct candidate *c)
{
	struct span v = span_trim(c->text);

	// Postal codes are called PIN codes in India.
	if (about(c->key) || check_holds(c->key, "pincode") || check_holds(c->key, "pin_code"))
		return (struct span){0};
	return v.len >= 4 && v.len <= 8 && check_all(v.p, v.len, CLASS_DIGIT) ? v
									      : (struct span){0};
}

static struct span check_session(const struct candidate *c)
{
	struct span v = span_trim(c->text);

	return v.len >= SESSION_MIN && v.len <= KEY_MAX &&
			       check_all(v.p, v.len, CLASS_URL64 | CLASS_DOT | CLASS_PLUS) &&
			       !check_all(v.p, v.len, CLASS_DIGIT | CLASS_DOT | CLASS_DASH) &&
			       check_entropy(v) >= ENTROPY(3) && !check_placeholder(v)
		       ? v
		       : (struct span){0};
}

// Words and numbers that are joined are a name: "_shop-market.example-1688379905616-67320",
// "17169943_marketData". In a key letters and digits are mixed, or the letters are capitals.
static bool is_joined(struct span v)
{
	uint32_t parts = 0;

	for (uint32_t i = 0, n; i < v.len; i += n) {
		n = check_right(v.p + i, v.p + v.len, CLASS_ALNUM);
		if (n == 0) {
			n = 1;
			continue;
		}
		parts++;
		if (!check_all(v.p + i, n, CLASS_DIGIT) &&
		    (!check_all(v.p + i, n, CLASS_ALPHA) || check_all(v.p + i, n, CLASS_UPPER)))
			return false;
	}
	return parts > 1;
}

// 8-4-4-4-12 (RFC 9562 section 4).
static bool is_uuid(struct span v)
{
	for (uint32_t i = 0; v.len == 36 && i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? v.p[i] != '-' : !check_is(v.p[i], CLASS_HEX))
			return false;
	}
	return v.len == 36;
}

// "campaignRefreshToken" with a UUID in it. Section 8 of RFC 9562: they must not be used as what
// grants access by being known. Whoever does it all the same calls the field just "access_token";
// where the token is one of something, the UUID is the identity of that.
static bool is_identity(struct span name, struct span v)
{
	static const char *const words[] = {"api",     "access", "refresh", "auth",
					    "private", "bearer", NULL};
	bool named = false;

	if (!is_uuid(v) || !check_holds(name, "token"))
		return false;
	while (name.len && (name.p[0] == '_' || name.p[0] == '-' || (name.p[0] | 0x20) == 'x'))
		name = span_make(name.p + 1, name.len - 1);
	for (uint32_t i = 0; words[i]; i++)
		named |= check_starts(name, words[i]);
	return !named;
}

// The bytes of a key: base64, base64url, hexadecimal.
static bool is_key(struct span v)
{
	bool digit = false;

	if (v.len < KEY_MIN || v.len > KEY_MAX || check_entropy(v) < ENTROPY(3) ||
	    check_placeholder(v) || is_joined(v))
		return false;
	for (uint32_t i = 0; i < v.len; i++)
		digit |= check_is(v.p[i], CLASS_DIGIT);
	// Publishable keys are made to be shown.
	if (memcmp(v.p, "pk_", 3) == 0)
		return false;
	// Words joined by dashes or points are a name.
	return digit && (check_entropy(v) >= ENTROPY(3.5) || check_all(v.p, v.len, CLASS_HEX));
}

// Tokens that open nothing: of pages, forms, and devices.
static bool passing(struct span name)
{
	static const char *const words[] = {"page", "next",   "csrf", "xsrf",    "cursor",
					    "sync", "contin", "push", "forgery", NULL};

	for (uint32_t i = 0; words[i]; i++) {
		if (check_holds(name, words[i]))
			return true;
	}
	return false;
}

static struct span check_api_key(const struct candidate *c)
{
	const uint8_t *p = c->at, *end = c->text.p + c->text.len;
	struct span v;
	uint32_t left;
	bool markup;

	if (p == c->text.p) { // told by the field's name
		v = span_trim(c->text);
		while (v.len && v.p[v.len - 1] == '=')
			v.len--;
		if (!check_all(v.p, v.len, CLASS_URL64 | CLASS_DOT | CLASS_PLUS) || about(c->key) ||
		    !is_key(v) || is_identity(c->key, v) || memcmp(v.p, "eyJ", 3) == 0)
			return (struct span){0};
		return v;
	}
	// Told by a name in the text, which ends with the ':', '=' or '>' before p.
	markup = p[-1] == '>';
	for (p--; p > c->text.p && (p[-1] == ' ' || p[-1] == '"' || p[-1] == '\''); p--)
		;
	left = check_left(p - c->text.p > NAME_MAX ? p - NAME_MAX : c->text.p, p, CLASS_URL64);
	if (passing(span_make(p - left, left)))
		return (struct span){0};
	// The name of an element: "<apiToken>".
	if (markup && (p - left == c->text.p || p[-1 - (int)left] != '<'))
		return (struct span){0};
	for (p = c->at; p < end && p - c->at < (markup ? MARKUP_LEAD : 4) &&
			(*p == ' ' || *p == '"' || *p == '\'' || (markup && *p && *p < ' '));
	     p++)
		;
	v = span_make(p, check_right(p, end, CLASS_URL64 | CLASS_DOT | CLASS_PLUS));
	return is_key(v) && memcmp(v.p, "eyJ", 3) != 0 ? v : (struct span){0};
}

// Nothing of it, not even the length.
static uint32_t mask_all(struct span, uint8_t *out, uint32_t out_len)
{
	uint32_t n = out_len < 8 ? out_len : 8;

	memset(out, '*', n);
	return n;
}

#define SECRET(sym, name, what, when, weight, words, hide)                                         \
	.id = name, .title = what, .group = GROUP_SECRET, .country = "any", .reports = when,       \
	.severity = weight, .context = words, .key_only = true, .check = check_##sym,              \
	.mask = hide, .samples = sym##_samples

static const char *const password_context[] = {
	"password",   "passwd",       "pwd",        "passphrase", "passwort",
	"contrasena", "mot de passe", "motdepasse", "senha",      "parola",
	"パスワード", "暗証番号",     "密码",       "비밀번호",   NULL,
};
static const struct type_sample password_samples[] = {
	{"password", "s7K2qVx9", true},
	{"userPassword", "correct horse battery", true},
	{"パスワード", "hunter22", true},
	{NULL, "s7K2qVx9", false},
	{"password", "********", false},
	{"password", "true", false},
	{"passwordResetAt", "2023-06-15", false},
	{"password", "$2b$12$abcdefghijklmnopqrstuv", false},
	{"compassword", "s7K2qVx9", false},
	{0},
};
static const struct datatype password = {
	SECRET(password, "password.field", "Password", REPORTS_YES, SEVERITY_CRITICAL,
	       password_context, mask_all),
	.personal = true,
};
DATATYPE_REGISTER(password)

static const char *const otp_context[] = {
	"otp",           "totp",
	"passcode",      "one time password",
	"one time code", "verification code",
	"verify code",   "sms code",
	"auth code",     "2fa",
	"mfa code",      "pin",
	"認証コード",    "確認コード",
	"验证码",        NULL,
};
static const struct type_sample otp_samples[] = {
	{"otp", "482739", true},        {"verificationCode", "4827", true},
	{NULL, "482739", false},        {"otp", "none", false},
	{"otpLength", "482739", false}, {"otp", "482739164827", false},
	{"pinCode", "560001", false},   {0},
};
static const struct datatype otp = {
	SECRET(otp, "otp", "One-time code", REPORTS_CTX, SEVERITY_HIGH, otp_context, mask_all),
	.personal = true,
};
DATATYPE_REGISTER(otp)

// Names of session cookies that servers are known by, and of tokens. A plain "session_id" is what
// analytics count visits by.
static const char *const session_context[] = {
	"jsessionid",
	"phpsessid",
	"connect.sid",
	"asp.net_sessionid",
	"aspsessionid",
	"session token",
	"session cookie",
	"session secret",
	"laravel_session",
	"ci_session",
	"auth session",
	"rack.session",
	NULL,
};
static const struct type_sample session_samples[] = {
	{"JSESSIONID", "q7T4zK2wMx5RvB3nLd8Y", true},
	{"session_token", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9", true},
	{NULL, "q7T4zK2wMx5RvB3nLd8Y", false},
	{"session_id", "9f4c2e18-4a41-4267-8664-46415267dead", false},
	{"session_token", "morning", false},
	{"PHPSESSID", "aaaaaaaaaaaaaaaaaaaa", false},
	{0},
};
static const struct datatype session = {
	SECRET(session, "cookie.session", "Session identifier", REPORTS_CTX, SEVERITY_HIGH,
	       session_context, NULL),
	.personal = true,
};
DATATYPE_REGISTER(session)

static const char *const api_key_context[] = {
	"api key",         "apikey",         "api token",     "access token",
	"refresh token",   "client secret",  "auth token",    "secret key",
	"api secret",      "app secret",     "private token", "bearer token",
	"consumer secret", "encryption key", "signing key",   NULL,
};
static const struct type_sample api_key_samples[] = {
	{"api_key", "q7T4zK2wMx5RvB3nLd8Y", true},
	{"clientSecret", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9", true},
	{NULL, "const apiKey = \"q7T4zK2wMx5RvB3nLd8Y\";", true},
	{NULL, "access_token=q7T4zK2wMx5RvB3nLd8Yp0Hs&state=1", true},
	{NULL, "q7T4zK2wMx5RvB3nLd8Y", false},
	{"api_key", "your_api_key_goes_here_1", false},
	{"api_key", "not-yet-configured-for-this", false},
	{NULL, "the api_key of the customer", false},
	{NULL, "api_key: ${API_KEY_FROM_VAULT_1}", false},
	{NULL, "nextPageToken=q7T4zK2wMx5RvB3nLd8Y", false},
	{NULL, "<apiToken>\n  q7T4zK2wMx5RvB3nLd8Y\n</apiToken>", true},
	{NULL, "</token>q7T4zK2wMx5RvB3nLd8Y", false},
	{"api_key", "pk_live_q7T4zK2wMx5RvB3nLd8Y", false},
	{"api_key", "17169943_marketData", false},
	{NULL, "id:594-SHP-127&token:_shop-market.example-1688379905616-67320", false},
	{"api_key", "QK7T-4821-ZWMX-5309", true},
	{"access_token", "7b5fca04-e629-458b-849f-f34c5274c8d5", true},
	{"X-Auth-Token", "7b5fca04-e629-458b-849f-f34c5274c8d5", true},
	{"shopApiKey", "7b5fca04-e629-458b-849f-f34c5274c8d5", true},
	{"campaignRefreshToken", "7b5fca04-e629-458b-849f-f34c5274c8d5", false},
	{"shopRefreshToken", "7b5fca04e629458b849ff34c5274c8d5", true},
	{0},
};
static const struct datatype api_key = {
	SECRET(api_key, "apikey.generic", "API key or token", REPORTS_YES, SEVERITY_HIGH,
	       api_key_context, NULL),
	.pattern = "(?:api[_-]?key|token|secret)[\\\\\"' ]{0,3}[:=>]",
	.pattern_flags = 1, // HS_FLAG_CASELESS
	.vague = true,
};
DATATYPE_REGISTER(api_key)
