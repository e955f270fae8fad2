// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Forced browsing: told with the 31st path, not before; what it found; clients whose things are
// gone, broken apps and half-seen traffic are silent.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/scanner.c"

static void ask(double second, uint32_t user, uint64_t endpoint, uint64_t path, uint16_t status,
		uint8_t flags)
{
	struct call call = call_make(second, user, endpoint);

	call.path = hashed(path);
	call.status = status;
	call.flags = flags;
	call_give(&scanner, &call);
}

static void test_scan(void **)
{
	const struct raised *r;

	begin("");
	for (uint32_t i = 0; i < 30; i++)
		ask(i * 1.5, 7, 100 + i, 100 + i, i % 3 ? 404 : 403, 0);
	assert_raised(0);
	ask(46, 7, 101, 101, 404, 0); // again
	assert_raised(0);
	ask(47, 7, 130, 130, 404, 0);
	assert_raised(1);
	r = raised_by("D-44", 0);
	assert_draft(r);
	assert_true(r->draft.metric.value == 31);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_text(r->draft.description, "192.0.0.7 asked for 31 different paths within a minute");
	assert_text(r->draft.description, "100 % of its calls");
	assert_int_equal(r->time_ns, at(47));
	// One attack is one issue, told again when there is twice as much of it.
	for (uint32_t i = 31; i < 61; i++)
		ask(48 + i * 0.1, 7, 100 + i, 100 + i, 404, 0);
	assert_int_equal(r->count, 1);
	ask(55, 7, 161, 161, 404, 0);
	ask(55, 7, 162, 162, 404, 0);
	assert_raised(1);
	assert_int_equal(r->count, 2);
	end();
}

// What it found: an endpoint that nobody called before, and a path that is a known probe.
static void test_found(void **)
{
	const struct raised *r;
	struct entry *p;

	begin("");
	endpoint_named(50, "GET", "/orders");
	endpoint_named(51, "GET", "/old-console");
	endpoint_named(52, "GET", "/api/actuator/env");
	endpoint_named(53, "GET", "/.env");
	endpoint_named(54, "GET", "/wp-login.php");
	for (uint32_t i = 0; i < 50; i++)
		ask(-100 + i, 8, i % 2 ? 50 : 52, 50, 200, 0); // a monitor does so, too
	ask(0, 7, 53, 53, 404, 0);
	ask(0, 7, 54, 54, 404, 0);
	ask(0.5, 7, 50, 50, 200, 0);
	ask(0.6, 7, 51, 51, 200, 0);
	p = idmap_get(&merger.principal_map, hashed(1000007));
	snprintf(p->text[1], 400, "Mozilla/5.00 (Nikto/2.1.6)");
	for (uint32_t i = 0; i < 40; i++)
		ask(1 + i * 0.1, 7, 100 + i, 100 + i, 404, 0);
	assert_raised(1);
	r = raised_by("D-44", 0);
	assert_draft(r);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_text(r->draft.description, "GET api.example/old-console.");
	assert_text(r->draft.description, "calls itself nikto");
	assert_text(r->draft.description, "Of the 31 since it began, 2 are known");
	assert_int_equal(r->count, 1);
	ask(6, 7, 52, 52, 200, 0);
	assert_int_equal(r->count, 2);
	assert_text(r->draft.description, "old-console, GET api.example/api/actuator/env");
	end();
}

static void test_probes(void **)
{
	assert_true(is_probe("/.git/config"));
	assert_true(is_probe("/app/.env.bak"));
	assert_true(is_probe("/PhpMyAdmin/index.php"));
	assert_false(is_probe("/api/orders/{id}"));
	assert_false(is_probe("/api/my.env"));
	assert_false(is_probe(""));
	assert_string_equal(agent_program("Mozilla/5.0 sqlmap/1.7"), "sqlmap");
	assert_string_equal(agent_program("FFUF/2"), "ffuf");
	assert_null(agent_program("myhttpx/1"));
	assert_null(agent_program(""));
	assert_null(agent_program("Mozilla/5.0 (X11; Linux x86_64)"));
}

static void test_silent(void **)
{
	begin("");
	// 300 users behind one address, an app with one wrong path; then one with a path per user.
	for (uint32_t i = 0; i < 300; i++) {
		struct call call = call_make(i * 0.1, i, 60);

		memset(&call.client[12], 9, 4);
		call.status = 404;
		call_give(&scanner, &call);
		call.path = hashed(i);
		call_give(&scanner, &call);
	}
	// A client that syncs what is gone, of three kinds.
	for (uint32_t i = 0; i < 200; i++)
		ask(100 + i * 0.1, 2, 70 + i % 3, i, 404, 0);
	// Many paths, most of them there.
	for (uint32_t i = 0; i < 200; i++)
		ask(200 + i * 0.1, 3, 100 + i, 100 + i, i % 3 ? 200 : 404, 0);
	// Thirty in a minute, all day long.
	for (uint32_t i = 0; i < 500; i++)
		ask(300 + i * 2.1, 4, 100 + i, 100 + i, 404, 0);
	// Answers that were not seen, or belong to other requests.
	for (uint32_t i = 0; i < 200; i++)
		ask(100 + i * 0.1, 5, 100 + i, 100 + i, i % 2 ? 0 : 404, CALL_GUESSED);
	// Each from an address of its own.
	for (uint32_t i = 0; i < 200; i++)
		ask(100 + i * 0.1, 1000 + i, 100 + i, 100 + i, 404, 0);
	assert_raised(0);
	end();
}

// Who has many addresses of one network has one source; memory is bounded.
static void test_sources(void **)
{
	begin("detect = { scanner = { sources = 16; }; };");
	for (uint32_t i = 0; i < 40; i++) {
		struct call call = call_make(i * 0.1, 1, 100 + i);

		memset(call.client, 0x20, 8);
		memset(call.client + 8, (int)i, 8);
		call.path = hashed(i);
		call.status = 404;
		call_give(&scanner, &call);
	}
	assert_raised(1);
	for (uint32_t i = 0; i < 1000; i++)
		ask(100 + i * 0.01, i, 5, 5, 404, 0);
	assert_int_equal(((struct scanner_state *)merger.state[index_of(&scanner)])->sources.n, 16);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan),    cmocka_unit_test(test_found),
		cmocka_unit_test(test_probes),  cmocka_unit_test(test_silent),
		cmocka_unit_test(test_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
