// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-07: stolen keys and sessions, and all that moves for good reasons.

#include "tests/unit/merger_drive.h"

#include "detect/detectors/keyuse.c"

enum { KEY = 40, JAVA = 81, CURL, BROWSER, FEED = 901, PUSH, EXPORT, HOME = 0xc0000201 };

static void begin(const char *lines, enum principal_kind kind)
{
	drive_open(lines);
	drive_endpoint(FEED, "api.test", "GET", "/feed");
	drive_endpoint(PUSH, "api.test", "POST", "/push");
	drive_endpoint(EXPORT, "api.test", "GET", "/export");
	drive_principal(KEY, kind, "key:1234");
}

static void end(void)
{
	drive_finish();
	drive_close();
}

static void use(uint32_t from, uint64_t agent, uint64_t endpoint, uint16_t status)
{
	struct call call = {
		.endpoint = endpoint,
		.principal = KEY,
		.session = 77,
		.agent = agent,
		.agent_kind = agent == BROWSER ? AGENT_BROWSER : AGENT_PROGRAM,
		.status = status,
		.flags = CALL_CREDENTIALS,
	};

	drive_from(&call, from);
	drive_call(call);
	drive.now += 20 * SECOND;
}

static void usual(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		use(HOME + i % 5, JAVA, i % 4 ? FEED : PUSH, 200);
}

static void test_stolen(void **unused)
{
	assert_non_null(unused);
	begin("", PRINCIPAL_API_KEY);
	usual(1000);
	drive_run();
	drive_silent();
	use(0xcb00715a, CURL, FEED, 200);
	drive_run();
	assert_int_equal(drive_one()->severity, SEVERITY_HIGH);
	assert_says(drive_one()->description, "203.0.113.90, by a program that never used it");
	assert_true(drive_one()->value > 18 && drive_one()->value < 21);
	// It stays one, however it goes on, and teaches nothing.
	for (uint32_t i = 0; i < 500; i++)
		use(0xcb00715a, CURL, EXPORT, 200);
	usual(10);
	for (uint32_t i = 0; i < 100; i++)
		use(0x50000000 + i * 65536, CURL, EXPORT, 200);
	drive_run();
	drive_one();
	assert_says(drive_one()->description, "endpoints where it was never used");
	end();

	begin("", PRINCIPAL_API_KEY);
	usual(1000);
	use(0xcb00715a, CURL, FEED, 401); // it does not work any more
	drive_run();
	assert_int_equal(drive_one()->result, RESULT_ATTEMPTED);
	end();
}

// What is young is judged only by use at two places in turn.
static void test_together(void **unused)
{
	assert_non_null(unused);
	begin("", PRINCIPAL_JWT);
	usual(60);
	use(0xcb00715a, CURL, FEED, 200);
	usual(1);
	drive_run();
	drive_silent();
	use(0xcb00715a, CURL, FEED, 200);
	drive_run();
	assert_says(drive_one()->description, "two hold the credential");
	end();
	// Taking turns within ten minutes, not within hours.
	begin("", PRINCIPAL_JWT);
	usual(60);
	for (uint32_t i = 0; i < 6; i++) {
		use(0xcb00715a, CURL, FEED, 200);
		drive.now += 8 * MINUTE;
		usual(1);
		drive.now += 8 * MINUTE;
	}
	drive_run();
	drive_silent();
	end();
}

static void test_browser(void **unused)
{
	assert_non_null(unused);
	begin("", PRINCIPAL_API_KEY);
	usual(1500);
	use(HOME, CURL, FEED, 200); // the same place, another program
	usual(5);
	drive_run();
	drive_silent();
	use(HOME, BROWSER, EXPORT, 200);
	drive_run();
	assert_says(drive_one()->description, "of another sort");
	end();
}

static void test_benign(void **unused)
{
	assert_non_null(unused);
	// A phone within one network, and home.
	begin("", PRINCIPAL_API_KEY);
	for (uint32_t i = 0; i < 3000; i++)
		use(0x64400000 + i * 7919 % 65536, JAVA, FEED, 200);
	for (uint32_t i = 0; i < 50; i++)
		use(i % 2 ? 0x51000001 : 0x64400000, JAVA, FEED, 200);
	drive_run();
	drive_silent();
	end();
	// A service that leaves a cloud by hundreds of networks, and its programs change.
	begin("", PRINCIPAL_API_KEY);
	for (uint32_t i = 0; i < 3000; i++)
		use(0x30000000 + i % 300 * 65536, 1000 + i / 20, FEED, 200);
	drive_run();
	drive_silent();
	end();
	// A user with a new phone, abroad.
	begin("", PRINCIPAL_JWT);
	usual(2000);
	for (uint32_t i = 0; i < 300; i++)
		use(0x51000001, BROWSER, FEED, 200);
	drive_run();
	drive_silent();
	// What was not seen to end, sign-ins and requests without credentials say nothing.
	for (uint32_t i = 0; i < 5; i++) {
		struct call call = {.endpoint = EXPORT, .principal = KEY, .session = 77, .agent = CURL,
				    .status = i % 2 ? 200 : 0, .flags = CALL_CREDENTIALS};

		drive_from(&call, 0xcb00715a + i);
		call.flags |= i % 2 ? CALL_LOGIN : 0;
		drive_call(call);
		usual(1);
	}
	drive_run();
	drive_silent();
	end();
}

static void test_kept(void **unused)
{
	static uint8_t bytes[1 << 16];
	struct keyuse *s;
	size_t len;
	FILE *file;

	assert_non_null(unused);
	begin("", PRINCIPAL_API_KEY);
	usual(1000);
	drive_run();
	s = drive.m->detectors[merge_detector(drive.m, &keyuse)].state;
	file = fmemopen(bytes, sizeof(bytes), "w");
	assert_int_equal(keyuse_save(s, drive.m, file), 0);
	len = (size_t)ftell(file);
	fclose(file);
	end();
	begin("", PRINCIPAL_API_KEY);
	s = drive.m->detectors[merge_detector(drive.m, &keyuse)].state;
	for (size_t cut = 0; cut < len; cut++) {
		file = fmemopen(bytes, cut + 1, "r");
		assert_int_equal(keyuse_load(s, drive.m, file, cut, 1) == 0, false);
		fclose(file);
	}
	file = fmemopen(bytes, len, "r");
	assert_int_equal(keyuse_load(s, drive.m, file, len, 1), 0);
	fclose(file);
	use(0xcb00715a, CURL, FEED, 200);
	drive_run();
	drive_one();
	end();
}

static void test_bounded(void **unused)
{
	const struct keyuse *s;

	assert_non_null(unused);
	drive_open("detect: { keyuse: { max_keys = 64; }; };");
	for (uint32_t i = 0; i < 5000; i++)
		drive_call((struct call){.principal = 100 + i, .session = 5, .status = 200,
					 .flags = CALL_CREDENTIALS});
	drive_run();
	s = drive.m->detectors[merge_detector(drive.m, &keyuse)].state;
	assert_int_equal(s->keys.n, 64);
	drive_silent();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stolen), cmocka_unit_test(test_together),
		cmocka_unit_test(test_browser), cmocka_unit_test(test_benign),
		cmocka_unit_test(test_kept), cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
