// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Messages of gRPC, counted in every cutting of the stream.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flows/grpc.c"

static void test_type(void **)
{
	assert_true(grpc_type(SPAN_LIT("application/grpc")));
	assert_true(grpc_type(SPAN_LIT("Application/gRPC+proto")));
	assert_true(grpc_type(SPAN_LIT("application/grpc; charset=x")));
	assert_false(grpc_type(SPAN_LIT("application/grpc-web")));
	assert_true(grpc_any_type(SPAN_LIT("application/grpc-web")));
	assert_false(grpc_type(SPAN_LIT("application/grp")));
	assert_false(grpc_any_type(SPAN_LIT("application/grp")));
	assert_false(grpc_type((struct span){0}));
}

static uint64_t count(const uint8_t *p, uint32_t len, uint32_t size)
{
	struct grpc grpc = {0};
	struct http_msg msg = {0};

	for (uint32_t at = 0; at < len; at += size)
		grpc_data(&grpc, &msg, span_make(p + at, len - at < size ? len - at : size));
	return msg.grpc_messages;
}

static void test_messages(void **)
{
	static const uint8_t three[] = "\0\0\0\0\2ab\1\0\0\0\0\0\0\0\0\3xyz\0\0\0";

	for (uint32_t size = 1; size <= sizeof(three); size++) {
		assert_int_equal(count(three, sizeof(three) - 1, size), 3);
		assert_int_equal(count(three, 19, size), 2); // the last one is not whole
	}
	// Four gigabytes are announced.
	assert_int_equal(count((const uint8_t *)"\0\377\377\377\377abc", 8, 3), 0);
	assert_int_equal(count((const uint8_t *)"\0\0\1\0\0abc", 8, 3), 0);
}

static void test_hole(void **)
{
	struct grpc grpc = {.lost = true};
	struct http_msg msg = {0};

	grpc_data(&grpc, &msg, SPAN_LIT("\0\0\0\0\0\0\0\0\0\0"));
	assert_int_equal(msg.grpc_messages, 0);
}

static int32_t status_in(const char *text, uint32_t size)
{
	struct grpc_trailer trailer = {0};
	uint32_t len = (uint32_t)strlen(text);

	for (uint32_t at = 0; at < len; at += size)
		grpc_trailer(&trailer,
			     span_make(text + at, len - at < size ? len - at : size));
	return grpc_trailer_end(&trailer);
}

static void test_trailer(void **)
{
	static const struct {
		const char *text;
		int32_t status;
	} cases[] = {
		{"grpc-status: 0\r\n", 0},
		{"grpc-status:13\r\ngrpc-message:none\r\n", 13},
		{"Grpc-Message: grpc-status: 4\r\nGRPC-Status:\t16\r\nx: 1\r\n", 16},
		{"grpc-status: 7", 7},
		{"x-grpc-status: 7\r\n", -1},
		{"grpc-status: \r\n", -1},
		{"grpc-status: 7a\r\n", -1},
		{"grpc-status: -1\r\n", -1},
		{"grpc-status: 12345\r\n", -1},
		{"grpc-status", -1},
		{"grpc-status: 3\ngrpc-status: 4\n", 3},
		{"\r\n\r\n", -1},
		{"", -1},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t size = 1; size < 64; size++)
			assert_int_equal(status_in(cases[i].text, size), cases[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_trailer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
