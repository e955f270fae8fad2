// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flows/ws_header.c"

static struct ws_header parse(const char *bytes, uint32_t n)
{
	const uint8_t *p = (const uint8_t *)bytes;

	for (uint32_t i = 0; i < n; i++)
		assert_true(ws_header_size(p, i) > i); // never done early
	assert_int_equal(ws_header_size(p, n), n);
	return ws_header_parse(p);
}

static void test_lengths(void **)
{
	struct ws_header h = parse("\x81\x05", 2);

	assert_true(h.fin && !h.masked && h.minimal && h.opcode == WS_TEXT && h.len == 5);
	h = parse("\x02\xfe\x01\x00"
		  "abcd",
		  8);
	assert_true(!h.fin && h.masked && h.minimal && h.opcode == WS_BINARY && h.len == 256);
	assert_memory_equal(h.key, "abcd", 4);
	h = parse("\x82\x7e\x00\x7d", 4);
	assert_true(!h.minimal && h.len == 125);
	h = parse("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
	assert_true(h.minimal && h.len == 65536);
	h = parse("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", 10);
	assert_true(!h.minimal && h.len == 65535);
	h = parse("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01"
		  "abcd",
		  14);
	assert_true(h.len == (UINT64_C(1) << 63 | 1));
	assert_false(ws_header_good(&h, CLIENT, 0));
}

// Every first two bytes against the rules of the standard.
static void test_good(void **)
{
	for (uint32_t i = 0; i < 1 << 16; i++) {
		uint8_t p[14] = {(uint8_t)(i >> 8), (uint8_t)i, 1, 0, [9] = 1};
		uint32_t opcode = p[0] & 15, rsv = p[0] >> 4 & 7, len = p[1] & 127;
		bool control = opcode == 8 || opcode == 9 || opcode == 10;
		bool data = opcode <= 2, long64 = len == 127;

		if (long64) { // 2^32 + …
			memset(p + 2, 0, 8);
			p[5] = 1;
		}
		struct ws_header h = ws_header_parse(p);
		bool good = (data || (control && len <= 125 && p[0] >> 7)) && rsv == 0;

		assert_int_equal(ws_header_good(&h, SERVER, 0), good && !(p[1] >> 7));
		assert_int_equal(ws_header_good(&h, CLIENT, 0), good && p[1] >> 7);
		good = rsv == WS_RSV1 && (opcode == 1 || opcode == 2);
		if (rsv)
			assert_int_equal(ws_header_good(&h, SERVER, WS_RSV1), good && !(p[1] >> 7));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
