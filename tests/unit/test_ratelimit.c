// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-42: each base of a limit, the exact request that passes it, and what the server answered.

#include "tests/unit/merger_drive.h"

#include "detect/detectors/ratelimit.c"

enum { ORDERS = 901, LOGIN, OTHER };

static void begin(const char *lines)
{
	drive_open(lines);
	drive_endpoint(ORDERS, "api.test", "GET", "/orders/{id}");
	drive_endpoint(LOGIN, "api.test", "POST", "/login");
	drive_endpoint(OTHER, "www.test", "GET", "/");
	drive_principal(1, PRINCIPAL_JWT, "anna");
	drive_principal(2, PRINCIPAL_API_KEY, "key:1");
	drive_principal(3, PRINCIPAL_ADDRESS, "");
}

static void end(void)
{
	drive_finish();
	drive_close();
}

static void request(uint64_t user, uint32_t from, uint64_t endpoint, uint16_t status)
{
	struct call call = {.principal = user, .endpoint = endpoint, .status = status};

	drive_from(&call, from);
	drive_call(call);
}

static void test_exact(void **unused)
{
	assert_non_null(unused);
	begin("rate_limits = ( { scope = \"user\"; limit = 100; window_s = 60; } );");
	for (uint32_t i = 0; i < 100; i++) {
		request(1, 7, i % 2 ? ORDERS : OTHER, 200);
		request(2, 7, ORDERS, 200);
	}
	for (uint32_t i = 0; i < 300; i++)
		request(3, 7, ORDERS, 200); // a campus behind one address
	drive_run();
	drive_silent();
	request(1, 7, ORDERS, 200);
	drive_run();
	assert_says(drive_one()->description, "101 requests within 60 s, and 100 are allowed");
	assert_says(drive_one()->description, "nothing enforces");
	assert_int_equal(drive_one()->severity, SEVERITY_MEDIUM);
	assert_int_equal(drive_one()->result, RESULT_SUCCEEDED);
	end();
}

static void test_enforced(void **unused)
{
	assert_non_null(unused);
	begin("rate_limits = ( { limit = 10; } );");
	for (uint32_t i = 0; i < 10; i++)
		request(1, 7, ORDERS, 200);
	for (uint32_t i = 0; i < 5; i++)
		request(1, 7, ORDERS, 429);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_LOW);
	assert_int_equal(drive_one()->result, RESULT_ATTEMPTED);
	assert_says(drive_one()->description, "the limit is enforced");
	request(1, 7, ORDERS, 200);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_MEDIUM);
	assert_says(drive_one()->description, "Of the 6 requests beyond, the server refused 5");
	end();
}

// The window slides: a steady pace below the limit never passes it.
static void test_slides(void **unused)
{
	assert_non_null(unused);
	begin("rate_limits = ( { limit = 60; window_s = 60; } );");
	for (uint32_t i = 0; i < 3000; i++) {
		request(1, 7, ORDERS, 200);
		drive.now += SECOND + SECOND / 100;
	}
	drive_run();
	drive_silent();
	// 61 within two of the fixed minutes, but one of 60 seconds.
	drive.now += 2 * MINUTE - drive.now % MINUTE - 20 * SECOND;
	for (uint32_t i = 0; i < 61; i++) {
		request(2, 7, ORDERS, 200);
		drive.now += SECOND / 2;
	}
	drive_run();
	drive_one();
	end();
}

static void test_scopes(void **unused)
{
	static const struct {
		const char *scope, *says;
		uint32_t from[2];  // one place
		uint32_t other[2]; // not
		uint64_t endpoint, other_endpoint;
	} all[] = {
		{"address", "address 203.0.113.7:", {0xcb007107, 0xcb007107}, {0xcb007107, 0xcb007108},
		 ORDERS, ORDERS},
		{"network", "network 203.0.113.0/24:", {0xcb007107, 0xcb007108},
		 {0xcb007107, 0xcb007207}, ORDERS, ORDERS},
		{"host", "host api.test:", {1, 2}, {1, 2}, LOGIN, OTHER},
		{"endpoint", "endpoint GET api.test/orders/{id}:", {1, 2}, {1, 2}, ORDERS, LOGIN},
	};

	assert_non_null(unused);
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char lines[128];

		snprintf(lines, sizeof(lines),
			 "rate_limits = ( { scope = \"%s\"; limit = 10; } );", all[i].scope);
		begin(lines);
		for (uint32_t k = 0; k < 11; k++)
			request(100 + k, all[i].other[k % 2], k % 2 ? all[i].other_endpoint : ORDERS, 200);
		drive_run();
		drive_silent();
		drive.now += 5 * MINUTE;
		for (uint32_t k = 0; k < 11; k++)
			request(200 + k, all[i].from[k % 2], k % 2 ? all[i].endpoint : ORDERS, 200);
		drive_run();
		assert_says(drive_one()->description, all[i].says);
		end();
	}
}

static void test_filters(void **unused)
{
	assert_non_null(unused);
	begin("rate_limits = ( { scope = \"address\"; endpoint = \"POST *login*\"; limit = 5; },"
	      " { scope = \"address\"; key = \"203.0.113.*\"; limit = 50; } );");
	for (uint32_t i = 0; i < 40; i++)
		request(1, 7, ORDERS, 200);
	for (uint32_t i = 0; i < 5; i++)
		request(1, 7, LOGIN, 401);
	for (uint32_t i = 0; i < 100; i++)
		request(2, 0x0a000001, ORDERS, 200);
	drive_run();
	drive_silent();
	request(1, 7, LOGIN, 401);
	drive_run();
	drive_one();
	for (uint32_t i = 0; i < 51; i++)
		request(3, 0xcb007109, ORDERS, 200);
	drive_run();
	assert_int_equal(drive.n, 2);
	end();
}

static void test_none(void **unused)
{
	assert_non_null(unused);
	begin(""); // without rows there are no limits
	for (uint32_t i = 0; i < 4000; i++)
		request(1, 7, ORDERS, 200);
	drive_run();
	drive_silent();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),  cmocka_unit_test(test_enforced),
		cmocka_unit_test(test_slides), cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_filters), cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
