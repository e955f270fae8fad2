// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-07: stolen keys and sessions, and all that moves for good reasons.

#include "tests/unit/merger_drive.h"

#include "tests/unit/geo_fixture.h"

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
	assert_says(drive_one()->description, "wo hold the credential");
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

// The same program in another network: what a thief who copies it looks like.
static void in_turns(uint32_t from, uint32_t turns, uint16_t status)
{
	for (uint32_t i = 0; i < turns; i++) {
		use(from, JAVA, FEED, status);
		usual(1);
	}
}

static void test_networks(void **unused)
{
	assert_non_null(unused);
	// No file tells whose they are: nothing is said of one program.
	begin("", PRINCIPAL_API_KEY);
	usual(100);
	in_turns(0xcb00715a, 30, 200);
	drive_run();
	drive_silent();
	end();
	// Two programs that both were there before.
	begin("", PRINCIPAL_JWT);
	usual(100);
	for (uint32_t i = 0; i < 20; i++)
		use(HOME, CURL, FEED, 200);
	usual(10);
	for (uint32_t i = 0; i < 2; i++) {
		use(0xcb00715a, CURL, FEED, 200);
		usual(1);
	}
	drive_run();
	assert_says(drive_one()->description, "by another program");
	assert_int_equal(drive_one()->severity, SEVERITY_HIGH);
	end();
}

// A key of a server that browsers hold now.
static void test_mixed(void **unused)
{
	assert_non_null(unused);
	for (uint32_t k = 0; k < 3; k++) {
		begin("", PRINCIPAL_API_KEY);
		usual(100);
		for (uint32_t i = 0; i < 2 + (k == 0); i++) {
			// One after the other, or few, or refused.
			use(0x51000000 + (i << 16), BROWSER, FEED, k == 2 ? 403 : 200);
			drive.now += MINUTE;
		}
		if (k == 1)
			use(HOME + 1, BROWSER, FEED, 200); // its owner tries it
		drive_run();
		if (k == 0) {
			assert_says(drive_one()->description, "by browsers in 3 networks");
			assert_true(drive_one()->value > 2.9 && drive_one()->value < 3.1);
		} else {
			drive_silent();
		}
		end();
	}
	// One that pages hold from the start.
	begin("", PRINCIPAL_API_KEY);
	for (uint32_t i = 0; i < 500; i++)
		use(0x30000000 + (i % 90 << 16), i % 3 ? BROWSER : JAVA, FEED, 200);
	for (uint32_t i = 0; i < 500; i++)
		use(0x30000000 + (i << 16), BROWSER, FEED, 200);
	drive_run();
	drive_silent();
	end();
	// A user's token is no key.
	begin("", PRINCIPAL_JWT);
	usual(100);
	for (uint32_t i = 0; i < 6; i++)
		use(0x51000000 + (i << 16), BROWSER, FEED, 200);
	drive_run();
	drive_silent();
	end();
}

#ifdef APITAP_GEO
// 1.0.0.0/8: Tokyo, one operator; 2.0.0.0/8 another one there; 3.0.0.0/8: Frankfurt; 4.0.0.0/8: the
// first operator, in Singapore; 5.0.0.0/8: Osaka.
static void begin_located(enum principal_kind kind)
{
	static struct geo_file g;
	char path[64], lines[256];

	snprintf(path, sizeof(path), "/tmp/apitap-keyuse-%d.mmdb", (int)getpid());
	geo_begin(&g);
	geo_place(&g, 0x01000000, 8, "JP", 64501, &(struct geo_where){35.68, 139.69, 20, false});
	geo_place(&g, 0x02000000, 8, "JP", 64502, &(struct geo_where){35.68, 139.69, 50, false});
	geo_place(&g, 0x03000000, 8, "DE", 64503, &(struct geo_where){50.11, 8.68, 50, false});
	geo_place(&g, 0x04000000, 8, "SG", 64501, &(struct geo_where){1.35, 103.82, 50, false});
	geo_place(&g, 0x05000000, 8, "JP", 64505, &(struct geo_where){34.69, 135.50, 50, false});
	geo_write(&g, path);
	snprintf(lines, sizeof(lines), "detect: { sources: { geo_files = [ \"%s\" ]; }; };", path);
	begin(lines, kind);
	unlink(path);
}

static void at_home(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		use(0x01000000 + i * 65537, JAVA, i % 4 ? FEED : PUSH, 200);
}

static void away_and_back(uint32_t from, uint32_t times, uint16_t status)
{
	for (uint32_t i = 0; i < times; i++) {
		use(from, JAVA, FEED, status);
		at_home(1);
	}
}

static void test_operators(void **unused)
{
	assert_non_null(unused);
	begin_located(PRINCIPAL_API_KEY);
	at_home(100);
	use(0x02000001, JAVA, FEED, 200);
	at_home(1);
	drive_run();
	drive_silent();
	use(0x02000001, JAVA, FEED, 200);
	drive_run();
	assert_says(drive_one()->description, "2.0.0.1 (JP, AS64502)");
	assert_says(drive_one()->description, "changed between the two 3 times within 600 s");
	assert_true(drive_one()->value > 2.9 && drive_one()->value < 3.1);
	end();
	// Young; refused; of one operator; where it is known to be; by turns that take hours.
	for (uint32_t k = 0; k < 5; k++) {
		begin_located(PRINCIPAL_API_KEY);
		at_home(k == 0 ? 40 : 100);
		if (k == 3) {
			for (uint32_t i = 0; i < 20; i++) {
				use(0x02000001, JAVA, FEED, 200);
				drive.now += 10 * MINUTE;
			}
			at_home(100);
		}
		for (uint32_t i = 0; k == 4 && i < 8; i++) {
			use(0x02000001, JAVA, FEED, 200);
			drive.now += 20 * MINUTE;
			at_home(1);
			drive.now += 20 * MINUTE;
		}
		if (k < 4)
			away_and_back(k == 2 ? 0x04000001 : 0x02000001, 8, k == 1 ? 401 : 200);
		drive_run();
		drive_silent();
		end();
	}
	// A phone between two networks, some times: a user's. Many times are two phones.
	begin_located(PRINCIPAL_JWT);
	at_home(100);
	away_and_back(0x02000001, 3, 200);
	drive_run();
	drive_silent();
	away_and_back(0x02000001, 3, 200);
	drive_run();
	drive_one();
	end();
	// One that is used everywhere.
	begin_located(PRINCIPAL_API_KEY);
	for (uint32_t i = 0; i < 200; i++)
		use((i % 6 + 1) << 24 | i, JAVA, FEED, 200);
	for (uint32_t i = 6; i < 9; i++)
		away_and_back(i << 24 | 1, 5, 200);
	drive_run();
	drive_silent();
	end();
}

static void test_travel(void **unused)
{
	assert_non_null(unused);
	begin_located(PRINCIPAL_API_KEY);
	at_home(100);
	drive.now += HOUR;
	use(0x03000001, JAVA, FEED, 200); // 9,300 km
	drive_run();
	assert_says(drive_one()->description, "3.0.0.1 (DE, AS64503)");
	assert_says(drive_one()->description, "km/h");
	assert_true(drive_one()->value > 8500 && drive_one()->value < 9400);
	assert_int_equal(drive_one()->severity, SEVERITY_MEDIUM);
	end();
	// By an aeroplane; within one operator's network; near by; refused.
	for (uint32_t k = 0; k < 4; k++) {
		begin_located(PRINCIPAL_API_KEY);
		at_home(100);
		drive.now += k == 0 ? 13 * HOUR : 0;
		use(k == 1 ? 0x04000001 : k == 2 ? 0x05000001 : 0x03000001, JAVA, FEED,
		    k == 3 ? 401 : 200);
		drive_run();
		drive_silent();
		end();
	}
	// A user who turns on a tunnel, and one who is at both ends of it.
	begin_located(PRINCIPAL_JWT);
	at_home(100);
	for (uint32_t i = 0; i < 50; i++)
		use(0x03000001, JAVA, FEED, 200);
	drive_run();
	drive_silent();
	end();
	begin_located(PRINCIPAL_JWT);
	at_home(100);
	away_and_back(0x03000001, 2, 200);
	drive_run();
	assert_says(drive_one()->description, "9,2");
	end();
	// Two tokens of one user: a telephone and something at home.
	begin_located(PRINCIPAL_JWT);
	at_home(100);
	for (uint32_t i = 0; i < 100; i++) {
		struct call call = {.endpoint = FEED, .principal = KEY, .session = 78, .agent = JAVA,
				    .agent_kind = AGENT_PROGRAM, .status = 200,
				    .flags = CALL_CREDENTIALS};

		drive_from(&call, 0x02000001);
		drive_call(call);
		at_home(1);
	}
	drive_run();
	drive_silent();
	end();
}
#endif

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
		cmocka_unit_test(test_networks), cmocka_unit_test(test_mixed),
#ifdef APITAP_GEO
		cmocka_unit_test(test_operators), cmocka_unit_test(test_travel),
#endif
		cmocka_unit_test(test_kept), cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
