// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What tokens say and what is wrong with them; secrets of the list, and of none; any bytes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/token_fixture.h"

#include "detect/token.c"
#include "detect/weak.c"

static struct token_text text;
static struct token token;

static uint32_t flags_of(const char *header, const char *payload)
{
	static char out[16384];

	token_make(out, header, payload, NULL, 0);
	token_read(span_make(out, strlen(out)), &text, &token);
	return token.flags;
}

#define RS "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define EXP "{\"sub\":\"u\",\"exp\":1700000000}"

static void test_claims(void **)
{
	flags_of(RS, "{\"iss\":\"i\",\"sub\":\"u\",\"jti\":\"j\",\"exp\":1700000000.5,\"nbf\":7,"
		     "\"iat\":8,\"act\":{\"sub\":\"other\",\"exp\":1}}");
	assert_true(token.is_token && token.complete);
	assert_int_equal(token.flags, TOKEN_SEEN);
	assert_true(span_eq(token.subject, SPAN_LIT("u")));
	assert_true(span_eq(token.issuer, SPAN_LIT("i")));
	assert_true(span_eq(token.id, SPAN_LIT("j")));
	assert_int_equal(token.expires_s, 1700000000);
	assert_int_equal(token.from_s, 7);
	assert_int_equal(token.issued_s, 8);
	flags_of(RS, "{\"exp\":1e9}");
	assert_int_equal(token.expires_s, 0);
	assert_int_equal(token.flags, TOKEN_SEEN); // it has one, whatever that is
}

static void test_flags(void **)
{
	static const struct {
		const char *header, *payload;
		uint32_t flags;
	} all[] = {
		{RS, EXP, 0},
		{"{\"alg\":\"none\"}", EXP, TOKEN_ALG_NONE},
		{"{\"alg\":\"nOnE\"}", EXP, TOKEN_ALG_NONE},
		{"{\"alg\":\"\"}", EXP, TOKEN_ALG_NONE},
		{"{\"typ\":\"JWT\"}", EXP, TOKEN_ALG_NONE},
		{RS, "{\"sub\":\"u\"}", TOKEN_NO_EXP},
		{RS, "{\"sub\":\"u\"", TOKEN_MALFORMED},
		{RS, "no", TOKEN_MALFORMED},
		{RS, "", TOKEN_MALFORMED},
		{"{\"alg\":\"RS256\"", EXP, TOKEN_MALFORMED},
		{"{\"alg\":\"RS256\",\"kid\":\"key-2024_1\"}", EXP, 0},
		{"{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}", EXP, TOKEN_KID_ODD},
		{"{\"alg\":\"RS256\",\"kid\":\"x' UNION SELECT 'a\"}", EXP, TOKEN_KID_ODD},
		{"{\"alg\":\"RS256\",\"kid\":\"a|id\"}", EXP, TOKEN_KID_ODD},
		{"{\"alg\":\"RS256\",\"kid\":\"http://evil.example/k\"}", EXP, TOKEN_KID_ODD},
		{"{\"alg\":\"RS256\",\"jku\":\"https://evil.example/k\"}",
		 "{\"iss\":\"https://id.example/\",\"exp\":1}", TOKEN_KEY_URL},
		{"{\"alg\":\"RS256\",\"jku\":\"https://id.example/k\"}",
		 "{\"iss\":\"https://id.example/\",\"exp\":1}", 0},
		{"{\"alg\":\"RS256\",\"x5u\":\"https://id.example@evil.example/k\"}",
		 "{\"iss\":\"https://id.example/\",\"exp\":1}", TOKEN_KEY_URL},
		{"{\"alg\":\"RS256\",\"x5u\":\"http://id.example/k\"}", EXP, TOKEN_KEY_URL},
		{"{\"alg\":\"RS256\",\"jwk\":{\"kty\":\"RSA\"}}", EXP, TOKEN_KEY_INSIDE},
		{RS, "{\"exp\":1,\"user\":{\"password\":\"p\"}}", TOKEN_SENSITIVE},
		{RS, "{\"exp\":1,\"password\":null,\"pin\":\"\"}", 0},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(flags_of(all[i].header, all[i].payload),
				 all[i].flags | TOKEN_SEEN);
}

static void test_form(void **)
{
	static const char *const none[] = {
		"", ".", "..", "ey..", "eyJ.eyJ.x", "abc.def.ghi", "eyJhbGciOiJSUzI1NiJ9",
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIi", // cut
		"eyJhbGciOiJSUzI1NiJ9.a.b.c.d",  // encrypted
		"eyJhbGciOiJSUzI1NiJ9.a.b.c.d.e.f.g",
		"eyJ1c2VyX2lkIjoxfQ.ZWh5dA.c2lnbmF0dXJl", // a signed cookie: no header
	};
	static char out[16384], payload[8192];
	char *dot;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		token_read(span_make(none[i], strlen(none[i])), &text, &token);
		assert_false(token.is_token);
		assert_int_equal(token.flags, 0);
	}
	// Without its signature, and without the dot before it.
	token_make(out, RS, EXP, NULL, 0);
	dot = strrchr(out, '.');
	token_read(span_make(out, (size_t)(dot + 1 - out)), &text, &token);
	assert_int_equal(token.flags, TOKEN_SEEN | TOKEN_UNSIGNED);
	token_read(span_make(out, (size_t)(dot - out)), &text, &token);
	assert_int_equal(token.flags, TOKEN_SEEN | TOKEN_UNSIGNED);
	dot[-3] = '!';
	token_read(span_make(out, strlen(out)), &text, &token);
	assert_int_equal(token.flags & TOKEN_MALFORMED, TOKEN_MALFORMED);
	// Longer than what is decoded: nothing is said of what may come.
	strcpy(payload, "{\"sub\":\"u\",\"x\":\"");
	memset(payload + strlen(payload), 'a', 4000);
	strcpy(payload + 4010, "\"}");
	assert_int_equal(flags_of(RS, payload), TOKEN_SEEN);
	assert_true(span_eq(token.subject, SPAN_LIT("u")));
}

static void test_times(void **)
{
	assert_int_equal(token_flags_at(0, 0, 0, 1000, 86400), 0);
	assert_int_equal(token_flags_at(1000, 0, 0, 1300, 86400), 0);
	assert_int_equal(token_flags_at(1000, 0, 0, 1301, 86400), TOKEN_EXPIRED);
	assert_int_equal(token_flags_at(0, 1300, 0, 1000, 86400), 0);
	assert_int_equal(token_flags_at(0, 1301, 0, 1000, 86400), TOKEN_EARLY);
	assert_int_equal(token_flags_at(90000, 0, 3600, 5000, 86400), 0);
	assert_int_equal(token_flags_at(90001, 0, 3600, 5000, 86400), TOKEN_EXP_FAR);
	assert_int_equal(token_flags_at(90000, 0, 0, 3599, 86400), TOKEN_EXP_FAR);
}

static bool is_weak(const char *secret, uint32_t hmac)
{
	static char out[4096], header[64];

	snprintf(header, sizeof(header), "{\"alg\":\"HS%u\"}", hmac);
	token_make(out, header, EXP, secret, hmac);
	token_read(span_make(out, strlen(out)), &text, &token);
	assert_true(token.hmac);
	return weak_secret(&token);
}

static void test_secrets(void **)
{
	static const uint32_t hmacs[] = {256, 384, 512};

	for (uint32_t i = 0; i < 3; i++) {
		assert_true(is_weak("secret", hmacs[i]));
		assert_true(is_weak("", hmacs[i]));
		assert_true(is_weak("qwertyuiopasdfghjklzxcvbnm123456", hmacs[i]));
		assert_false(is_weak("v7Qm-2rX_9sLk0pTz", hmacs[i]));
		assert_false(is_weak(NULL, hmacs[i]));
	}
	// Of no such algorithm, and with a signature of another length.
	flags_of(RS, EXP);
	assert_false(weak_secret(&token));
	is_weak("secret", 256);
	token.signature.len -= 4;
	assert_false(weak_secret(&token));
	// No entry stands twice.
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(secrets[i], secrets[k]);
	}
}

static void test_passwords(void **)
{
	assert_true(weak_password(SPAN_LIT("ann"), SPAN_LIT("123456")));
	assert_true(weak_password(SPAN_LIT("Ann"), SPAN_LIT("ann")));
	assert_true(weak_password(SPAN_LIT("ann"), (struct span){0}));
	assert_false(weak_password(SPAN_LIT("ann"), SPAN_LIT("ann1-and-more")));
}

// Any change of a token is read without leaving its bytes.
static void test_hostile(void **)
{
	static char out[4096];
	uint32_t state = 1;
	size_t len = strlen(token_make(out, "{\"alg\":\"HS256\",\"kid\":\"k\"}", EXP, "x", 256));

	for (uint32_t round = 0; round < 20000; round++) {
		size_t n = 1 + round % len;
		uint8_t *copy = malloc(n);

		memcpy(copy, out, n);
		for (uint32_t i = 0; i < round % 4; i++) {
			state = state * 1664525 + 1013904223;
			copy[(state >> 8) % n] = (uint8_t)(state >> 24);
		}
		token_read(span_make(copy, n), &text, &token);
		if (token.hmac && round % 512 == 0)
			weak_secret(&token);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claims),  cmocka_unit_test(test_flags),
		cmocka_unit_test(test_form),    cmocka_unit_test(test_times),
		cmocka_unit_test(test_secrets), cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
