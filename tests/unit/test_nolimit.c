// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-78: bursts without 429 over a day, and the limit that is recommended, against exact counts.

#include "tests/unit/merger_drive.h"

#include "detect/detectors/nolimit.c"

enum { ORDERS = 901, LOGIN };

static void begin(void)
{
	drive_open("");
	drive_endpoint(ORDERS, "api.test", "GET", "/orders");
	drive_endpoint(LOGIN, "api.test", "POST", "/login");
}

static void end(void)
{
	drive_finish();
	drive_close();
}

static void request(uint64_t user, uint64_t endpoint, uint16_t status)
{
	drive_call((struct call){.principal = user, .endpoint = endpoint, .status = status,
				 .flags = endpoint == LOGIN ? CALL_LOGIN : 0});
}

// n requests in five seconds.
static void burst(uint64_t user, uint64_t endpoint, uint16_t status, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		request(user, endpoint, status);
		drive.now += 5 * SECOND / n;
	}
}

static void test_buckets(void **unused)
{
	assert_non_null(unused);
	for (uint32_t n = 1; n < 100000; n++) {
		uint32_t i = bucket_of(n);

		assert_true(i < BUCKETS && n <= bucket_top(i));
		assert_true(i == 0 || n > bucket_top(i - 1));
		assert_true(bucket_top(i) <= n + n / 4);
	}
	assert_int_equal(bucket_of(UINT32_MAX), BUCKETS - 1);
}

static void test_told_after_a_day(void **unused)
{
	assert_non_null(unused);
	begin();
	for (uint32_t i = 0; i < 200; i++)
		burst(100 + i, ORDERS, 200, 1 + i % 20); // at most 20 in ten minutes
	burst(7, ORDERS, 200, 150);
	drive.now += 23 * HOUR;
	request(8, ORDERS, 200);
	drive_run();
	drive_silent();
	drive.now += HOUR;
	request(8, ORDERS, 200);
	drive_run();
	assert_says(drive_one()->description, "took 150 requests");
	assert_says(drive_one()->remediation, "Of the 202 users seen, 99 % never sent more than 23");
	assert_says(drive_one()->remediation, "Recommended: 35 requests");
	assert_int_equal(drive_one()->severity, SEVERITY_LOW);
	end();
}

static void test_limited(void **unused)
{
	assert_non_null(unused);
	begin();
	burst(7, ORDERS, 200, 150);
	drive.now += 20 * HOUR;
	request(9, ORDERS, 429); // somebody was told
	drive.now += 20 * HOUR;
	request(8, ORDERS, 200);
	drive_run();
	drive_silent();
	// No burst, no claim.
	drive.now += 20 * HOUR;
	burst(7, ORDERS, 200, 50);
	request(8, ORDERS, 200);
	drive_run();
	drive_silent();
	// Signing in is slower.
	request(1, LOGIN, 401);
	drive.now += 24 * HOUR;
	burst(7, LOGIN, 401, 20);
	drive_run();
	assert_says(drive_one()->description, "signing in");
	assert_null(strstr(drive_one()->remediation, "Recommended")); // two users are no basis
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_told_after_a_day),
		cmocka_unit_test(test_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
