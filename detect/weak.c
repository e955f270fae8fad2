// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Secrets of tokens and passwords that stand in manuals, examples and every list of first
// guesses. A token that one of them signs can be made by anybody. Worker; pure functions. To try
// all secrets costs some hundred thousand instructions: the caller bounds how often.

#include "detect/token.h"

#include <nettle/hmac.h>

enum { DIGEST_MAX = 64 };

static const char *const secrets[] = {
	"secret", "Secret", "SECRET", "secret123", "secretkey", "secret_key", "secret-key",
	"SecretKey", "SECRET_KEY", "mysecret", "my_secret", "my-secret", "mySecret", "mysecretkey",
	"my_secret_key", "my-secret-key", "MySecretKey", "supersecret", "super_secret",
	"super-secret", "SuperSecret", "supersecretkey", "super-secret-key", "super_secret_key",
	"topsecret", "top_secret", "top-secret", "verysecret", "very_secret", "very-secret",
	"your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret", "your_secret",
	"your-secret", "your_secret_key", "your-secret-key", "yoursecret", "yoursecretkey",
	"a-string-secret-at-least-256-bits-long", "your-very-secret-key", "your_jwt_secret",
	"your-jwt-secret", "your_jwt_secret_key", "jwt", "jwt_secret", "jwt-secret", "jwtsecret",
	"jwtSecret", "JWT_SECRET", "jwt_secret_key", "jwt-secret-key", "jwtsecretkey", "jwtkey",
	"jwt_key", "shared-secret", "shared_secret", "sharedsecret", "shhh", "shhhh", "shhhhh",
	"shhhhhh", "keyboard cat", "key", "private", "privatekey", "private_key", "private-key",
	"token", "tokensecret", "token_secret", "token-secret", "accesstoken", "access_token_secret",
	"auth", "authsecret", "auth_secret", "app_secret", "appsecret", "client_secret",
	"session", "sessionsecret", "session_secret", "signature", "signingkey", "signing_key",
	"test", "test123", "testing", "testsecret", "test_secret", "test-secret", "testkey",
	"dev", "development", "dev-secret", "demo", "example", "example_key", "sample", "default",
	"changeme", "change_me", "change-me", "changeit", "CHANGEME", "replaceme", "admin",
	"admin123", "administrator", "root", "toor", "user", "guest", "password", "Password",
	"password1", "password123", "passw0rd", "P@ssw0rd", "p@ssword", "pass", "1234", "12345",
	"123456", "1234567", "12345678", "123456789", "1234567890", "0123456789", "qwerty",
	"qwerty123", "letmein", "welcome", "abc123", "abcdef", "foobar", "foo", "bar", "hello",
	"helloworld", "hello_world", "iloveyou", "monkey", "dragon", "0000", "1111", "xxx",
	"AllYourBase", "gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr9C", "qwertyuiopasdfghjklzxcvbnm123456",
};

static const char *const passwords[] = {
	"",         "password",  "Password",  "password1", "password123", "Password1", "passw0rd",
	"P@ssw0rd", "p@ssw0rd",  "pass",      "1234",      "12345",       "123456",    "1234567",
	"12345678", "123456789", "1234567890", "0000",     "1111",        "111111",    "000000",
	"123123",   "654321",    "abc123",    "qwerty",    "qwerty123",   "qwertyuiop", "asdfgh",
	"1q2w3e4r", "1qaz2wsx",  "admin",     "admin123",  "admin1",      "administrator", "root",
	"toor",     "user",      "guest",     "test",      "test123",     "demo",      "default",
	"changeme", "changeit",  "secret",    "letmein",   "welcome",     "welcome1",  "iloveyou",
	"monkey",   "dragon",    "master",    "login",     "public",      "private",   "tomcat",
	"s3cret",   "oracle",    "postgres",  "mysql",     "elastic",     "cisco",     "raspberry",
};

static void digest_of(const struct token *t, struct span key, uint8_t digest[DIGEST_MAX],
		      uint32_t len)
{
	union {
		struct hmac_sha256_ctx sha256;
		struct hmac_sha512_ctx sha512;
	} c;

	switch (t->hmac) {
	case 1:
		hmac_sha256_set_key(&c.sha256, key.len, key.p);
		hmac_sha256_update(&c.sha256, t->signed_part.len, t->signed_part.p);
		hmac_sha256_digest(&c.sha256, len, digest);
		break;
	case 2:
		hmac_sha384_set_key(&c.sha512, key.len, key.p);
		hmac_sha384_update(&c.sha512, t->signed_part.len, t->signed_part.p);
		hmac_sha384_digest(&c.sha512, len, digest);
		break;
	default:
		hmac_sha512_set_key(&c.sha512, key.len, key.p);
		hmac_sha512_update(&c.sha512, t->signed_part.len, t->signed_part.p);
		hmac_sha512_digest(&c.sha512, len, digest);
	}
}

bool weak_secret(const struct token *t)
{
	static const uint8_t lengths[] = {0, 32, 48, 64};
	uint8_t signature[DIGEST_MAX + 1], digest[DIGEST_MAX];
	uint32_t len = t->hmac < sizeof(lengths) ? lengths[t->hmac] : 0, taken;

	if (len == 0 || token_base64(t->signature, signature, sizeof(signature), &taken) != len)
		return false;
	// The empty one too.
	for (uint32_t i = 0; i <= sizeof(secrets) / sizeof(secrets[0]); i++) {
		const char *secret = i ? secrets[i - 1] : "";

		digest_of(t, span_make(secret, strlen(secret)), digest, len);
		if (memcmp(digest, signature, len) == 0)
			return true;
	}
	return false;
}

bool weak_password(struct span user, struct span password)
{
	if (span_ieq(user, password))
		return true;
	for (uint32_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		if (span_eq(password, span_make(passwords[i], strlen(passwords[i]))))
			return true;
	}
	return false;
}
