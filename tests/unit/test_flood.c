// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Floods: from one source, from many, of a host; crowds, steady partners, a start within traffic
// and gaps are silent; what is learnt survives.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/flood.c"

enum { PAGE = 50, OTHER = 51 };

static void some(double second, uint32_t user, uint64_t endpoint, uint16_t status, uint32_t wait_us)
{
	struct call call = call_make(second, user, endpoint);

	call.status = status;
	call.wait_us = wait_us;
	call_give(&flood, &call);
}

// So many windows in which 40 users ask twice each.
static void usual(double from, uint32_t windows)
{
	for (uint32_t w = 0; w < windows; w++) {
		for (uint32_t i = 0; i < 80; i++)
			some(from + w * 10 + i / 8.0, i % 40, PAGE, 200, 2000);
	}
}

static void open_usual(const char *conf)
{
	begin(conf);
	endpoint_named(PAGE, "GET", "/page");
	endpoint_named(OTHER, "GET", "/other");
	usual(0, 40);
}

static void test_one_source(void **)
{
	const struct raised *r;

	open_usual("");
	for (uint32_t w = 40; w < 44; w++) {
		usual(w * 10, 1);
		for (uint32_t i = 0; i < 800; i++)
			some(w * 10 + 9.99 + i / 1e5, 900, PAGE, i % 2 ? 503 : 200, 90000);
		if (w == 41)
			assert_raised(0);
	}
	assert_raised(1);
	r = raised_by("D-40", 0);
	assert_draft(r);
	assert_true(r->principal == hashed(1000900) && r->endpoint == PAGE);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_true(r->draft.metric.baseline_mean > 70 && r->draft.metric.baseline_mean < 90);
	assert_text(r->draft.description, "GET api.example/page received more than 500 requests");
	assert_text(r->draft.description, "limit of 500");
	assert_text(r->draft.description, "192.0.3.132 (");
	end();
}

// 200 sources without a name for each; the host as a whole is told only where no endpoint is.
static void test_many_sources(void **)
{
	const struct raised *r;

	open_usual("");
	for (uint32_t w = 40; w < 44; w++) {
		usual(w * 10, 1);
		for (uint32_t i = 0; i < 4000; i++)
			some(w * 10 + 9.9 + i / 1e5, 1000 + i % 200, PAGE, 200, 2100);
	}
	assert_raised(1);
	r = raised_by("D-40", 0);
	assert_draft(r);
	assert_true(r->key == PAGE && r->principal == 0);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_true(r->draft.metric.population >= 180);
	end();
}

static void test_host(void **)
{
	begin("");
	for (uint32_t e = 0; e < 100; e++)
		endpoint_named(100 + e, "GET", "/some");
	for (uint32_t w = 0; w < 44; w++) {
		for (uint32_t i = 0; i < (w < 40 ? 300u : 6000u); i++)
			some(w * 10 + i / 1000.0, w < 40 ? i : 5000 + i % 100, 100 + i % 100, 200,
			     2000);
	}
	assert_raised(1);
	assert_draft(raised_by("D-40", 0));
	assert_text(raised_by("D-40", 0)->draft.description, "The host api.example received");
	end();
}

// No endpoint of a busy host notices, but nobody else sends so much.
static void test_source(void **)
{
	open_usual("detect = { flood = { floor_endpoint = 100000; floor_host = 100000; }; };");
	for (uint32_t w = 40; w < 44; w++) {
		usual(w * 10, 1);
		for (uint32_t i = 0; i < 1500; i++)
			some(w * 10 + i / 1e3, 900, i % 2 ? PAGE : OTHER, 200, 2000);
	}
	assert_raised(1);
	assert_draft(raised_by("D-40", 0));
	assert_text(raised_by("D-40", 0)->draft.description, "192.0.3.132 sent more than 1,000");
	end();
}

static void test_silent(void **)
{
	// Ten times as many people, each as always.
	open_usual("");
	for (uint32_t w = 40; w < 60; w++) {
		for (uint32_t i = 0; i < 3000; i++)
			some(w * 10 + i / 300.0, 2000 + i % 1500, PAGE, 200, 2000);
	}
	assert_raised(0);
	end();
	// Two windows are none; nor is a lot that is always so, or where nothing was learnt.
	open_usual("");
	for (uint32_t w = 40; w < 60; w++) {
		for (uint32_t i = 0; i < (w % 3 ? 2000u : 20u); i++)
			some(w * 10 + i / 300.0, 900, PAGE, 200, 2000);
	}
	assert_raised(0);
	end();
	begin("");
	endpoint_named(PAGE, "GET", "/page");
	for (uint32_t w = 0; w < 100; w++) {
		for (uint32_t i = 0; i < 3000; i++)
			some(w * 10 + i / 300.0,
			     w < 50  ? 900
			     : i % 2 ? 900
				     : 901 + i % 40,
			     PAGE, 200, 2000);
	}
	assert_raised(0);
	end();
	// Below the floor, however unusual.
	open_usual("");
	for (uint32_t w = 40; w < 60; w++) {
		for (uint32_t i = 0; i < 499; i++)
			some(w * 10 + i / 300.0, 900, PAGE, 200, 2000);
	}
	assert_raised(0);
	end();
}

static void test_saved(void **)
{
	uint32_t k;
	char *bytes;
	size_t len;
	FILE *file;

	open_usual("");
	k = index_of(&flood);
	file = open_memstream(&bytes, &len);
	assert_int_equal(flood.save(merger.state[k], &merger, file), 0);
	fclose(file);
	end();
	begin("");
	endpoint_named(PAGE, "GET", "/page");
	for (size_t cut = 0; cut < len; cut += 97) { // whole or not at all
		file = fmemopen(bytes, cut ? cut : 1, "r");
		assert_int_not_equal(flood.load(merger.state[k], &merger, file, cut, flood.version), 0);
		fclose(file);
	}
	file = fmemopen(bytes, len, "r");
	assert_int_equal(flood.load(merger.state[k], &merger, file, len, flood.version), 0);
	fclose(file);
	for (uint32_t w = 100; w < 104; w++) {
		for (uint32_t i = 0; i < 2000; i++)
			some(w * 10 + i / 300.0, 900, PAGE, 429, 2000);
	}
	assert_raised(1);
	assert_int_equal(raised_by("D-40", 0)->draft.severity, SEVERITY_LOW);
	free(bytes);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_source), cmocka_unit_test(test_many_sources),
		cmocka_unit_test(test_host),       cmocka_unit_test(test_source),
		cmocka_unit_test(test_silent),     cmocka_unit_test(test_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
