// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-05 by shares: endpoints that never ask, those that are got around, and all that is meant for
// everybody.

#include "tests/unit/merger_drive.h"

#include "detect/detectors/auth.c"

enum { ORDERS = 901, CATALOGUE, COMMENT, HEALTH, OPEN };

static void begin(const char *lines)
{
	drive_open(lines);
	drive_endpoint(ORDERS, "api.test", "GET", "/orders");
	drive_endpoint(CATALOGUE, "api.test", "GET", "/catalogue/{id}");
	drive_endpoint(COMMENT, "api.test", "POST", "/comments");
	drive_endpoint(HEALTH, "api.test", "GET", "/health");
	drive_endpoint(OPEN, "open.test", "POST", "/things");
}

static void end(void)
{
	drive_finish();
	drive_close();
}

static void request(uint64_t endpoint, bool bare, uint64_t bytes)
{
	drive_call((struct call){
		.endpoint = endpoint,
		.principal = bare ? 2 : 1,
		.status = 200,
		.verb = endpoint == COMMENT || endpoint == OPEN ? VERB_POST : VERB_GET,
		.resp_bytes = bytes,
		.flags = bare ? 0 : CALL_CREDENTIALS,
	});
	drive.now += SECOND;
}

static void orders(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		request(ORDERS, false, 900 + i % 10 * 30);
}

static void test_bypass(void **unused)
{
	assert_non_null(unused);
	begin("");
	orders(200);
	request(ORDERS, true, 90); // "please sign in"
	request(ORDERS, true, 20000);
	drive_run();
	drive_silent();
	request(ORDERS, true, 1000);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_HIGH);
	assert_int_equal(drive_one()->result, RESULT_SUCCEEDED);
	assert_says(drive_one()->description, "Of its 200 successful answers before, 100.0 %");
	// However often, it stays one, and the endpoint one that asks.
	for (uint32_t i = 0; i < 500; i++)
		request(ORDERS, true, 1000);
	drive_run();
	assert_says(drive_one()->description, "Of its 200 successful answers before, 100.0 %");
	end();
	// Too early to know.
	begin("");
	orders(150);
	request(ORDERS, true, 1000);
	drive_run();
	drive_silent();
	end();
}

static void test_open(void **unused)
{
	assert_non_null(unused);
	// A host at which nobody ever authenticates has no such rule.
	begin("");
	for (uint32_t i = 0; i < 500; i++)
		request(OPEN, true, 100);
	drive_run();
	drive_silent();
	// One that writes, beside others that ask.
	orders(200);
	for (uint32_t i = 0; i < 49; i++)
		request(COMMENT, true, 100);
	drive_run();
	drive_silent();
	request(COMMENT, true, 100);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_LOW);
	assert_says(drive_one()->description, "50 of the 50 successful answers (100.0 %)");
	end();
	// What is read is for information, once for the host.
	begin("detect: { auth: { open_reads = true; }; };");
	orders(200);
	for (uint32_t i = 0; i < 300; i++)
		request(CATALOGUE, i % 4 != 0, 100); // some are signed in
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_INFO);
	assert_says(drive_one()->description, "GET api.test/catalogue/{id}");
	end();
}

static void test_meant(void **unused)
{
	assert_non_null(unused);
	begin("detect: { auth: { public = [ \"/catalogue/*\", \"/comments\" ]; }; };");
	orders(200);
	for (uint32_t i = 0; i < 300; i++) {
		request(CATALOGUE, true, 100);
		request(COMMENT, true, 100);
		request(HEALTH, true, 100);
	}
	drive_run();
	drive_silent();
	end();
	begin("");
	orders(200);
	for (uint32_t i = 0; i < 300; i++)
		request(CATALOGUE, true, 100);
	// Half an exchange does not show whether it had credentials, nor does a sign-in.
	for (uint32_t i = 0; i < 4; i++)
		drive_call((struct call){.endpoint = ORDERS,
					 .principal = 3,
					 .status = i == 3 ? 401 : 200,
					 .verb = VERB_GET,
					 .resp_bytes = 1000,
					 .flags = (uint8_t[]){CALL_HALF, CALL_GUESSED, CALL_LOGIN,
							      0}[i]});
	drive_run();
	drive_silent();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bypass),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
