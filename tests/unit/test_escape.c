// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Base64 of texts: the first look lets all of them pass, and no digest or UUID.

#include "detect/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// cmocka needs those above
#include <cmocka.h>
#include <nettle/base64.h>

enum { TEXT = 80, CODED = BASE64_ENCODE_RAW_LENGTH(TEXT) };

static uint32_t next(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*random >> 33);
}

static uint32_t make_text(uint64_t *random, char text[TEXT + 1])
{
	static const char *const words[] = {
		"card",       "4111 1111 1111 1111", "jane@example.org",
		"{\"user\":", "SSN 078-05-1123",     "für",
		"日本語",     "\"iban\":",           "=",
		"password",
	};
	uint32_t n = 0;

	do
		n += (uint32_t)snprintf(text + n, TEXT + 1 - n, "%s%s", n ? " " : "",
					words[next(random) % (sizeof(words) / sizeof(words[0]))]);
	while (n < 12);
	return n;
}

static void test_texts(void **)
{
	uint64_t random = 3;

	for (uint32_t round = 0; round < 20000; round++) {
		char text[TEXT + 1], coded[CODED + 16] = {0};
		uint8_t out[CODED + 16];
		uint32_t n = make_text(&random, text), len = (uint32_t)BASE64_ENCODE_RAW_LENGTH(n);

		base64_encode_raw(coded, n, (const uint8_t *)text);
		if (round % 2) { // RFC 4648 section 5
			for (char *p = coded; *p; p++)
				*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
		}
		if (round % 4 < 2) { // without padding
			while (coded[len - 1] == '=')
				len--;
		}
		assert_true(escape_base64_may((const uint8_t *)coded));
		assert_int_equal(escape_base64(span_make(coded, len), out), n);
		assert_memory_equal(out, text, n);
	}
}

// Many begin as a text would; in none is a letter beyond F.
static void test_digests(void **)
{
	uint64_t random = 9;
	uint32_t begin = 0;

	for (uint32_t round = 0; round < 20000; round++) {
		char text[48];
		uint32_t a = next(&random), b = next(&random), c = next(&random);

		if (round % 2)
			snprintf(text, sizeof(text), "%08x-%04x-4%03x-8%03x-%012x", a * 2,
				 b & 0xffff, c & 0xfff, a & 0xfff, c);
		else
			snprintf(text, sizeof(text),
				 round % 4 ? "%08x%08x%08x%08x" : "%08X%08X%08X%08X", a * 2, b, c,
				 a ^ b);
		begin += escape_base64_begins((const uint8_t *)text);
		assert_false(escape_base64_may((const uint8_t *)text));
	}
	assert_true(begin > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
