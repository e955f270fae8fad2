// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Against the definition of UTF-8: every sequence of up to three bytes, every code point, and
// every cut.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flows/ws_text.c"

// RFC 3629 by its table, the slow way. Bytes of one character; 0: none. *partly: it may become one.
static uint32_t one(const uint8_t *p, uint32_t n)
{
	uint32_t len = p[0] < 0x80       ? 1
		       : p[0] >> 5 == 6  ? 2
		       : p[0] >> 4 == 14 ? 3
		       : p[0] >> 3 == 30 ? 4
					 : 0;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if (len == 0 || len > n)
		return 0;
	uint32_t code = len == 1 ? p[0] : p[0] & (0x7fu >> len);

	for (uint32_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 63);
	}
	return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : len;
}

static bool valid_slow(const uint8_t *p, uint32_t n)
{
	while (n) {
		uint32_t len = one(p, n);

		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static bool valid(const uint8_t *p, uint32_t n, uint32_t cut)
{
	struct ws_text text = {0};

	return ws_text_bytes(&text, span_make(p, cut)) &&
	       ws_text_bytes(&text, span_make(p + cut, n - cut)) && ws_text_whole(&text);
}

static void test_short(void **)
{
	uint8_t p[3];

	for (uint32_t i = 0; i < 1 << 24; i++) {
		p[0] = (uint8_t)(i >> 16);
		p[1] = (uint8_t)(i >> 8);
		p[2] = (uint8_t)i;
		if (valid(p, 3, 0) != valid_slow(p, 3))
			fail_msg("%06x", i);
	}
}

static void test_code_points(void **)
{
	for (uint32_t code = 0x10000; code < 0x200000; code += 13) {
		uint8_t p[4] = {(uint8_t)(0xf0 | code >> 18), (uint8_t)(0x80 | (code >> 12 & 63)),
				(uint8_t)(0x80 | (code >> 6 & 63)), (uint8_t)(0x80 | (code & 63))};

		for (uint32_t cut = 0; cut <= 4; cut++)
			assert_int_equal(valid(p, 4, cut), code <= 0x10ffff);
	}
}

static void test_mixed(void **)
{
	static const char good[] = "plain ascii of some length, \xc3\xa9t\xc3\xa9 \xe2\x82\xac "
				   "\xf0\x9f\x98\x80 and more of it";
	uint8_t bytes[sizeof(good)];

	for (uint32_t cut = 0; cut < sizeof(good); cut++)
		assert_true(valid((const uint8_t *)good, sizeof(good) - 1, cut));
	for (uint32_t at = 0; at + 1 < sizeof(good); at++) {
		memcpy(bytes, good, sizeof(good));
		bytes[at] = 0xff;
		assert_false(valid(bytes, sizeof(good) - 1, at));
		assert_false(valid(bytes, sizeof(good) - 1, at / 2));
	}
	assert_false(valid((const uint8_t *)"ab\xe2\x82", 4, 3)); // ends inside
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_code_points),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
