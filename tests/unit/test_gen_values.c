// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The made-up values of apitap-gen: each is of the form that a detector accepts, judged here by
// rules written apart from the maker's; digests and tokens against published answers.

#include "tools/gen/gen_buffer.c"
#include "tools/gen/gen_digest.c"
#include "tools/gen/gen_values.c"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DRAWS = 20000 };

static void test_sha256(void **)
{
	char hex[GEN_SHA256_HEX], million[1000];

	// FIPS 180-4 examples: empty, one block, two blocks.
	gen_digest_hex("", 0, hex);
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	gen_digest_hex("abc", 3, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	gen_digest_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
	assert_string_equal(hex,
			    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof(million));
	gen_digest_hex(million, sizeof(million), hex);
	assert_string_equal(hex,
			    "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static void test_hmac(void **)
{
	// RFC 4231, test cases 2 and 6 (a key longer than the block).
	static const char *const answers[] = {
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
	};
	uint8_t mac[GEN_SHA256_BYTES];
	char key[132], hex[GEN_SHA256_HEX];

	gen_digest_hmac("Jefe", "what do ya want for nothing?", 28, mac);
	for (uint32_t i = 0; i < sizeof(mac); i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	assert_string_equal(hex, answers[0]);
	memset(key, 0xaa, 131);
	key[131] = '\0';
	gen_digest_hmac(key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
	for (uint32_t i = 0; i < sizeof(mac); i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	assert_string_equal(hex, answers[1]);
}

static void test_base64url(void **)
{
	char out[16];

	// RFC 4648 section 10, without padding.
	assert_int_equal(gen_digest_base64url("", 0, out), 0);
	gen_digest_base64url("f", 1, out);
	assert_string_equal(out, "Zg");
	gen_digest_base64url("fo", 2, out);
	assert_string_equal(out, "Zm8");
	gen_digest_base64url("foobar", 6, out);
	assert_string_equal(out, "Zm9vYmFy");
	gen_digest_base64url("\xff\xfb", 2, out);
	assert_string_equal(out, "__s");
}

static void test_token(void **)
{
	char token[GEN_TOKEN_BYTES], other[GEN_TOKEN_BYTES];
	char *claims;

	gen_value_token("user-17", 1767225600, 1767312000, token);
	// {"alg":"HS256","typ":"JWT"}
	assert_memory_equal(token, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.", 37);
	claims = token + 37;
	// {"sub":"user-17","iat"…
	assert_memory_equal(claims, "eyJzdWIiOiJ1c2VyLTE3IiwiaWF0", 28);
	assert_int_equal(strlen(strrchr(token, '.') + 1), 43); // 32 bytes
	gen_value_token("user-18", 1767225600, 1767312000, other);
	assert_string_not_equal(token, other);
}

static void test_cards(void **)
{
	struct gen_random random = {1};
	char text[GEN_VALUE_BYTES];

	for (uint32_t n = 0; n < DRAWS; n++) {
		uint32_t sum = 0;

		gen_value_make(&random, GEN_CARD, text);
		assert_int_equal(strspn(text, "0123456789"), 16);
		assert_int_equal(strlen(text), 16);
		assert_true(text[0] == '4' || (text[0] == '5' && text[1] >= '1' && text[1] <= '5'));
		for (uint32_t i = 0; i < 16; i++) {
			uint32_t digit = (uint32_t)(text[15 - i] - '0');

			sum += i % 2 ? digit * 2 / 10 + digit * 2 % 10 : digit;
		}
		assert_int_equal(sum % 10, 0);
	}
}

static void test_ssns(void **)
{
	struct gen_random random = {2};
	char text[GEN_VALUE_BYTES];

	for (uint32_t n = 0; n < DRAWS; n++) {
		int area, group, serial, end = 0;

		gen_value_make(&random, GEN_SSN, text);
		assert_int_equal(sscanf(text, "%3d-%2d-%4d%n", &area, &group, &serial, &end), 3);
		assert_int_equal(end, 11);
		assert_int_equal(strlen(text), 11);
		assert_true(area > 0 && area < 900 && area != 666);
		assert_true(group > 0 && serial > 0);
	}
}

static void test_phones(void **)
{
	struct gen_random random = {3};
	char text[GEN_VALUE_BYTES];

	for (uint32_t n = 0; n < DRAWS; n++) {
		char digits[16];
		uint32_t k = 0;

		gen_value_make(&random, GEN_PHONE, text);
		assert_memory_equal(text, "+1", 2);
		for (const char *p = text + 1; *p; p++) {
			assert_true(isdigit((unsigned char)*p) || *p == ' ');
			if (*p != ' ' && k < sizeof(digits))
				digits[k++] = *p;
		}
		assert_int_equal(k, 11);
		assert_in_range(digits[1], '2', '9');
		assert_in_range(digits[4], '2', '9');
		assert_false(digits[5] == '1' && digits[6] == '1');
		assert_true(memcmp(digits + 4, "555", 3) != 0);
	}
}

static void test_mails(void **)
{
	struct gen_random random = {4};
	char text[GEN_VALUE_BYTES];

	for (uint32_t n = 0; n < DRAWS; n++) {
		const char *at;

		gen_value_make(&random, GEN_EMAIL, text);
		at = strchr(text, '@');
		assert_non_null(at);
		assert_null(strstr(at, "example"));
		assert_true(at > text && strchr(at, '.'));
		for (const char *p = text; *p; p++)
			assert_true(islower((unsigned char)*p) || isdigit((unsigned char)*p) ||
				    strchr(".@-", *p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),    cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_base64url), cmocka_unit_test(test_token),
		cmocka_unit_test(test_cards),     cmocka_unit_test(test_ssns),
		cmocka_unit_test(test_phones),    cmocka_unit_test(test_mails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
