// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-06: each way of trying passwords, what gets in by it, and what only looks like it.

#include "tests/unit/merger_drive.h"

#include "detect/detectors/stuffing.c"

enum { LOGIN = 900, PROFILE, AGENT = 71, TOOL = 72 };

static void begin(void)
{
	drive_open("");
	drive_endpoint(LOGIN, "api.test", "POST", "/login");
}

static void end(void)
{
	drive_finish();
	drive_close();
}

static void sign_in(uint32_t from, uint64_t agent, uint64_t user, uint64_t secret, bool ok)
{
	struct call call = {
		.endpoint = LOGIN,
		.principal = 5000 + from,
		.agent = agent,
		.login_user = 0x1000 + user,
		.login_secret = 0x2000 + secret,
		.login_result = ok ? LOGIN_SUCCESS : LOGIN_FAILURE,
		.status = ok ? 200 : 401,
		.flags = CALL_LOGIN,
	};

	drive_from(&call, from);
	drive_call(call);
}

// Users sign in from their own addresses, each with an own password, for so many minutes.
static void usual(uint32_t users, uint32_t minutes)
{
	for (uint32_t i = 0; i < minutes * 12; i++) {
		uint32_t user = i * 7 % users;

		if (i % 25 == 24)
			sign_in(0x0a000000 + user * 256, AGENT, user, 900000 + i, false);
		sign_in(0x0a000000 + user * 256, AGENT, user, user, true);
		drive.now += 5 * SECOND;
	}
	drive_run();
}

static void test_stuffing(void **unused)
{
	const struct drive_issue *issue;

	assert_non_null(unused);
	begin();
	usual(100, 20);
	drive_silent();
	for (uint32_t i = 0; i < 11; i++) {
		drive_run();
		drive_silent();
		sign_in(0xcb007101, TOOL, i, 5000 + i, false);
		drive.now += SECOND;
	}
	drive_run();
	issue = drive_one();
	assert_int_equal(issue->severity, SEVERITY_HIGH);
	assert_int_equal(issue->result, RESULT_ATTEMPTED);
	assert_says(issue->description, "address 203.0.113.1 11 user names");
	for (uint32_t i = 11; i < 40; i++)
		sign_in(0xcb007101, TOOL, i, 5000 + i, false);
	sign_in(0xcb007101, TOOL, 41, 41, true); // a leaked password that fits
	drive.now += 2 * MINUTE;
	drive_run();
	issue = drive_one();
	assert_int_equal(issue->severity, SEVERITY_CRITICAL);
	assert_int_equal(issue->result, RESULT_SUCCEEDED);
	assert_says(issue->description, "1 sign-in then succeeded, as user 0000000000001029");
	assert_says(issue->description, "never was");
	// What is done with the account from there, and only from there.
	for (uint32_t i = 0; i < 4; i++) {
		struct call call = {.endpoint = PROFILE, .principal = 4000 + i / 2, .status = 200,
				    .agent = i < 2 ? TOOL : AGENT, .verb = i ? VERB_PATCH : VERB_GET,
				    .flags = CALL_CREDENTIALS};

		drive_from(&call, i < 3 ? 0xcb007101 : 0x0a000000);
		drive_call(call);
		drive.now += 2 * SECOND;
	}
	drive_run();
	assert_int_equal(drive.n, 2);
	assert_says(drive.issue[1].description, "2 calls so far succeeded, 1 of them to change");
	end();
}

// Whole networks, and one program from many networks.
static void test_sources(void **unused)
{
	assert_non_null(unused);
	begin();
	usual(100, 20);
	for (uint32_t i = 0; i < 12; i++) {
		sign_in(0xcb007100 + i, TOOL + i, i, 5000 + i, false);
		drive.now += SECOND;
	}
	drive_run();
	assert_says(drive_one()->description, "network 203.0.113.0/24");
	end();

	begin();
	usual(100, 20);
	for (uint32_t i = 0; i < 22; i++) {
		sign_in(0x63000000 + i * 65536, TOOL, i, 5000 + i, false);
		drive.now += SECOND;
	}
	drive_run();
	assert_says(drive_one()->description, "one client program");
	end();
}

static void test_spraying(void **unused)
{
	assert_non_null(unused);
	begin();
	usual(100, 20);
	// One password, always from somewhere else, and slowly.
	for (uint32_t i = 0; i < 6; i++) {
		drive_run();
		drive_silent();
		sign_in(0x63000000 + i * 65536, TOOL + i, i, 7777, false);
		usual(100, 5);
	}
	drive.now += MINUTE;
	drive_run();
	assert_says(drive_one()->description, "failed for 6 users");
	assert_int_equal(drive_one()->result, RESULT_ATTEMPTED);
	sign_in(0x64000000, TOOL + 9, 50, 7777, true);
	drive.now += MINUTE;
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_CRITICAL);
	end();
}

static void test_brute_force(void **unused)
{
	assert_non_null(unused);
	begin();
	usual(100, 20);
	for (uint32_t i = 0; i < 20; i++) {
		drive_run();
		drive_silent();
		sign_in(0x63000000 + i * 65536, TOOL + i, 7, 7000 + i, false);
		drive.now += 10 * SECOND;
	}
	drive_run();
	assert_says(drive_one()->description, "20 different passwords failed for user "
					      "0000000000001007");
	// The owner comes by meanwhile.
	sign_in(0x0a000000 + 7 * 256, AGENT, 7, 7, true);
	drive.now += MINUTE;
	drive_run();
	assert_int_equal(drive_one()->result, RESULT_ATTEMPTED);
	sign_in(0x63000000, TOOL, 7, 7, true);
	drive.now += MINUTE;
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_CRITICAL);
	end();
}

// Many sources, each a few tries, each another program: only the endpoint shows it.
static void test_distributed(void **unused)
{
	assert_non_null(unused);
	begin();
	usual(100, 20);
	for (uint32_t minute = 0; minute < 5; minute++) {
		for (uint32_t i = 0; i < 60; i++) {
			uint32_t k = minute * 60 + i;

			sign_in(0x20000000 + k * 65536, 5000 + k, 2000 + k, 60000 + k, false);
			if (i % 5 == 0)
				sign_in(0x0a000000 + i * 256, AGENT, i, i, true);
			drive.now += SECOND;
		}
	}
	drive.now += MINUTE;
	sign_in(0x0a000000, AGENT, 0, 0, true);
	drive_run();
	assert_says(drive_one()->description, "distributed");
	end();
}

static void test_benign(void **unused)
{
	assert_non_null(unused);
	begin();
	usual(100, 20);
	// A lost password.
	for (uint32_t i = 0; i < 5; i++)
		sign_in(0x0a000000 + 3 * 256, AGENT, 3, 8000 + i, false);
	sign_in(0x0a000000 + 3 * 256, AGENT, 3, 3, true);
	// A campus: 200 users behind one address, one in twenty mistypes.
	for (uint32_t i = 0; i < 200; i++) {
		if (i % 20 == 0)
			sign_in(0xc0000201, AGENT, 500 + i, 80000 + i, false);
		sign_in(0xc0000201, AGENT, 500 + i, 500 + i, true);
		drive.now += SECOND;
	}
	drive.now += 5 * MINUTE;
	usual(100, 10);
	// A deploy breaks the sign-in: nobody gets in, wherever from, with the right password.
	for (uint32_t i = 0; i < 1200; i++) {
		uint32_t user = i % 100;

		sign_in(0x0a000000 + user * 256, AGENT, user, user, false);
		if (i % 3 == 0)
			sign_in(0xc0000201, AGENT, 500 + i % 200, 500 + i % 200, false);
		if (i % 10 == 0) // and some think that it is them
			sign_in(0xc0000201, AGENT, 500 + i % 200, 90000 + i, false);
		if (i % 40 == 0) // not seen before
			sign_in(0x0b000000 + i * 256, AGENT, 3000 + i, 3000 + i, false);
		drive.now += SECOND / 2;
	}
	usual(100, 20);
	drive_silent();
	// Nobody saw how these ended.
	for (uint32_t i = 0; i < 100; i++) {
		struct call call = {.endpoint = LOGIN,
				    .principal = 1,
				    .login_user = i + 1,
				    .login_secret = i + 1,
				    .login_result = i % 2 ? LOGIN_FAILURE : LOGIN_UNKNOWN,
				    .flags = CALL_LOGIN | (i % 2 ? CALL_HALF : 0)};

		drive_from(&call, 0xcb007102);
		drive_call(call);
	}
	drive_run();
	drive_silent();
	end();
}

// Names and addresses without end take no more memory than the rows say.
static void test_bounded(void **unused)
{
	const struct stuffing *s;

	assert_non_null(unused);
	drive_open("detect: { stuffing: { max_users = 256; max_sources = 64; max_secrets = 64; }; };");
	drive_endpoint(LOGIN, "api.test", "POST", "/login");
	for (uint32_t i = 0; i < 20000; i++) {
		sign_in(0x30000000 + i * 4099, TOOL + i, i, i, false);
		drive.now += SECOND / 10;
	}
	drive_run();
	s = drive.m->detectors[merge_detector(drive.m, &stuffing)].state;
	assert_int_equal(s->logins.users.n, 256);
	assert_int_equal(s->logins.sources.n, 64);
	assert_int_equal(s->logins.secrets.n, 64);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stuffing), cmocka_unit_test(test_sources),
		cmocka_unit_test(test_spraying), cmocka_unit_test(test_brute_force),
		cmocka_unit_test(test_distributed), cmocka_unit_test(test_benign),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
