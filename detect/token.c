// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See token.h. Worker; pure functions. Called once for each token that a worker's cache does not
// know. All input is hostile: what is decoded goes to bounded buffers, and of what is cut there
// nothing is concluded from absence.

#include "detect/token.h"

#include "detect/claims.h"

enum {
	SKEW_S = 300, // clocks may differ by so much
	TIME_DIGITS = 15,
};

// ---- Base64

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

uint32_t token_base64(struct span in, uint8_t *out, uint32_t size, uint32_t *taken)
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
	*taken = i;
	return n;
}

// ---- the form

struct parts {
	struct span part[3];
	uint32_t n; // 6: more than five
};

static struct parts parts_of(struct span text)
{
	struct parts parts = {0};

	while (parts.n < 6) {
		struct span part = span_until(text, '.');

		if (parts.n < 3)
			parts.part[parts.n] = part;
		parts.n++;
		if (part.len == text.len)
			break;
		text = span_make(text.p + part.len + 1, text.len - part.len - 1);
	}
	return parts;
}

// Decoded, and whether all of it was Base64 and found room.
static struct span part_decode(struct span part, uint8_t *out, uint32_t size, bool *odd, bool *cut)
{
	uint32_t taken, n;

	while (part.len && part.p[part.len - 1] == '=')
		part.len--;
	n = token_base64(part, out, size, &taken);
	*cut = taken < part.len && n + 3 > size;
	*odd = taken < part.len && !*cut;
	return span_make(out, n);
}

// ---- claims

// A NumericDate (RFC 7519 section 2); the part of a second does not count. 0: none.
static int64_t claim_time(const struct claim *claim)
{
	int64_t number = 0;
	uint32_t i = 0;

	if (claim->kind != CLAIM_NUMBER)
		return 0;
	for (; i < claim->value.len && claim->value.p[i] >= '0' && claim->value.p[i] <= '9'; i++) {
		if (i == TIME_DIGITS)
			return 0;
		number = number * 10 + (claim->value.p[i] - '0');
	}
	return i == claim->value.len || claim->value.p[i] == '.' ? number : 0;
}

static bool has(struct span text, const char *word)
{
	size_t n = strlen(word);

	return n <= text.len && memmem(text.p, text.len, word, n) != NULL;
}

// Names of what does not belong into a text that everybody can read who holds the token.
static bool is_sensitive(struct span name)
{
	static const char *const names[] = {
		"password", "passwd",      "pwd",    "password_hash", "secret", "client_secret",
		"ssn",      "card_number", "cvv",    "credit_card",   "iban",   "private_key",
		"pin",      "pan",         "tax_id", "passport",
	};

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_ieq(name, span_make(names[i], strlen(names[i]))))
			return true;
	}
	return false;
}

static void payload_read(struct token *out)
{
	struct claims claims = claims_of(out->payload);
	struct claim claim;
	bool expires = false;

	while (claims_next(&claims, &claim)) {
		if (claim.kind != CLAIM_WORD && claim.value.len && claim.n_path &&
		    is_sensitive(claim.path[claim.n_path - 1]))
			out->flags |= TOKEN_SENSITIVE;
		if (claim.kind == CLAIM_WORD || claim.n_path != 1)
			continue;
		expires |= claim_is(&claim, "exp");
		if (claim_is(&claim, "exp"))
			out->expires_s = claim_time(&claim);
		else if (claim_is(&claim, "nbf"))
			out->from_s = claim_time(&claim);
		else if (claim_is(&claim, "iat"))
			out->issued_s = claim_time(&claim);
		else if (claim_is(&claim, "iss"))
			out->issuer = claim.value;
		else if (claim_is(&claim, "sub"))
			out->subject = claim.value;
		else if (claim_is(&claim, "jti"))
			out->id = claim.value;
	}
	out->complete = claims.complete;
	if (out->complete && !expires)
		out->flags |= TOKEN_NO_EXP;
}

// ---- the header

// A key's name is looked up in files and databases: what leads elsewhere was put there for that
// (CWE-22, CWE-89, CWE-78).
static bool kid_is_odd(struct span kid)
{
	static const char *const marks[] = {"../", "..\\\\", "/etc/", "/dev/", "/proc/", "'", "\\\"",
					    ";",   "|",      "`",     "$(",    "://",    "%00", "\\u0000"};

	for (uint32_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (has(kid, marks[i]))
			return true;
	}
	return false;
}

static struct span url_host(struct span url)
{
	if (url.len < 8 || !span_ieq(span_make(url.p, 8), SPAN_LIT("https://")))
		return (struct span){0};
	url = span_until(span_make(url.p + 8, url.len - 8), '/');
	return memchr(url.p, '@', url.len) ? (struct span){0} : span_until(url, ':');
}

// Keys come from the issuer's own host; from anywhere else they are the sender's
// (RFC 8725 section 3.10).
static bool key_url_is_odd(struct span url, struct span issuer)
{
	struct span host = url_host(url);

	return host.len == 0 || !span_ieq(host, url_host(issuer));
}

static void alg_read(struct span alg, struct token *out)
{
	static const struct {
		const char *name;
		uint16_t bits;
	} hmacs[] = {{"HS256", 1}, {"HS384", 2}, {"HS512", 3}};

	if (alg.len == 0 || span_ieq(alg, SPAN_LIT("none")))
		out->flags |= TOKEN_ALG_NONE;
	for (uint32_t i = 0; i < 3; i++) {
		if (span_eq(alg, span_make(hmacs[i].name, 5)))
			out->hmac = (uint8_t)hmacs[i].bits;
	}
}

// False: it is no JSON object, so this is no token.
static bool header_read(struct span header, struct token *out, bool *complete)
{
	struct claims claims = claims_of(header);
	bool is_header = out->complete;
	struct span alg = {0};
	struct claim claim;

	if (header.len == 0 || header.p[0] != '{')
		return false;
	while (claims_next(&claims, &claim)) {
		is_header |= claim_is(&claim, "alg") || claim_is(&claim, "typ");
		if (claim_is(&claim, "alg") && claim.kind == CLAIM_STRING)
			alg = claim.value;
		else if (claim_is(&claim, "kid") && claim.kind == CLAIM_STRING)
			out->flags |= kid_is_odd(claim.value) ? TOKEN_KID_ODD : 0;
		else if (claim_is(&claim, "jku") || claim_is(&claim, "x5u"))
			out->flags |= key_url_is_odd(claim.value, out->issuer) ? TOKEN_KEY_URL : 0;
		else if (claim_is(&claim, "jwk.kty"))
			out->flags |= TOKEN_KEY_INSIDE;
	}
	*complete = claims.complete;
	if (alg.len || *complete)
		alg_read(alg, out);
	// Signed cookies of other kinds look alike: an object, a dot, more.
	return is_header;
}

void token_read(struct span value, struct token_text *text, struct token *out)
{
	struct parts parts = parts_of(value);
	bool header_odd, header_cut, payload_odd, payload_cut, whole = false;
	struct span header;

	*out = (struct token){0};
	if (parts.n < 2 || parts.n > 3 || parts.part[0].len < 4 ||
	    memcmp(parts.part[0].p, "ey", 2) != 0) // '{' and a quote or white space
		return; // five parts: it is encrypted (RFC 7516 section 3.1)
	header = part_decode(parts.part[0], text->header, sizeof(text->header), &header_odd,
			     &header_cut);
	out->payload = part_decode(parts.part[1], text->payload, sizeof(text->payload), &payload_odd,
				   &payload_cut);
	payload_read(out);
	if ((parts.n == 2 && !out->complete) || !header_read(header, out, &whole)) {
		*out = (struct token){0};
		return;
	}
	out->is_token = true;
	out->flags |= TOKEN_SEEN;
	if (header_odd || payload_odd || (!whole && !header_cut) || (!out->complete && !payload_cut))
		out->flags |= TOKEN_MALFORMED;
	if (parts.n == 2 || parts.part[2].len == 0)
		out->flags |= TOKEN_UNSIGNED;
	out->signature = parts.part[2];
	out->signed_part = span_make(value.p, parts.part[0].len + 1 + parts.part[1].len);
}

uint32_t token_flags_at(int64_t expires_s, int64_t from_s, int64_t issued_s, int64_t now_s,
			uint32_t max_s)
{
	uint32_t flags = 0;

	if (expires_s && now_s > expires_s + SKEW_S)
		flags |= TOKEN_EXPIRED;
	if (from_s > now_s + SKEW_S)
		flags |= TOKEN_EARLY;
	if (expires_s > (issued_s ? issued_s : now_s) + max_s)
		flags |= TOKEN_EXP_FAR;
	return flags;
}
