// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bursts of errors: of an endpoint (one issue, not one of each user), of a caller; chance, new
// endpoints and half-seen traffic are silent; what is learnt survives, attackers teach nothing.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/errors.c"

static void ask(double second, uint32_t user, uint64_t endpoint, uint16_t status)
{
	struct call call = call_make(second, user, endpoint);

	call.status = status;
	call_give(&errors, &call);
}

// So many minutes with 60 calls of 30 users each at each of two endpoints; one in a hundred fails.
static void usual(double from, uint32_t minutes)
{
	for (uint32_t i = 0; i < minutes * 60; i++) {
		ask(from + i, i % 30, 50, i % 100 == 7 ? 500 : 200);
		ask(from + i, i % 30, 51, i % 100 == 7 ? 404 : 200);
	}
}

static void open_usual(void)
{
	begin("");
	endpoint_named(50, "GET", "/orders");
	endpoint_named(51, "GET", "/items/{id}");
	usual(0, 10);
}

static void test_endpoint(void **)
{
	const struct raised *r;

	open_usual();
	for (uint32_t i = 0; i < 200; i++)
		ask(1000 + i * 0.2, i % 40, 50, i % 2 ? 503 : 200);
	assert_raised(1); // none of the users
	r = raised_by("D-45", 0);
	assert_draft(r);
	assert_true(r->endpoint == 50 && r->principal == 0);
	assert_int_equal(r->draft.severity, SEVERITY_LOW);
	assert_int_equal(r->count, 1); // once a window
	assert_text(r->draft.description, "GET api.example/orders answered with");
	assert_text(r->draft.description, "errors of the server (5xx) in");
	assert_true(r->draft.metric.value > 40 && r->draft.metric.baseline_mean < 2);
	// Another minute of it is more of the same, and did not become usual.
	for (uint32_t i = 0; i < 200; i++)
		ask(1060 + i * 0.2, i % 40, 50, i % 2 ? 503 : 200);
	assert_raised(1);
	assert_int_equal(r->count, 2);
	assert_true(r->draft.metric.baseline_mean < 2);
	end();
}

static void test_caller(void **)
{
	const struct raised *r;

	open_usual();
	for (uint32_t i = 0; i < 60; i++) {
		ask(1000 + i * 0.3, 7, 50 + i % 2, i % 3 ? 400 : 200);
		ask(1000 + i * 0.3, 8, 50 + i % 2, 200);
		ask(1000 + i * 0.3, 9, 50 + i % 2, 200);
	}
	assert_raised(1);
	r = raised_by("D-45", 0);
	assert_draft(r);
	assert_true(r->principal == hashed(1000007));
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_text(r->draft.description, "user-7 received");
	assert_text(r->draft.description, "in 20 calls within a minute");
	assert_true(r->time_ns <= at(1006));
	end();
	// Whose requests make the server fail.
	open_usual();
	for (uint32_t i = 0; i < 60; i++)
		ask(1000 + i * 0.3, 7, 50, i % 3 ? 500 : 200);
	r = raised_by("D-45", 0);
	assert_draft(r);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	end();
}

static void test_silent(void **)
{
	open_usual();
	usual(1000, 60); // an hour more of the same
	// A user with a forgotten password, and one that reloads a page that is gone.
	for (uint32_t i = 0; i < 12; i++)
		ask(5000 + i, 7, 50, 404);
	// The same among others who see an error now and then: they are not many for that.
	for (uint32_t i = 0; i < 60; i++) {
		ask(5050 + i * 0.5, i % 30, 50, i % 15 ? 200 : 404);
		if (i % 4 == 0)
			ask(5050 + i * 0.5, 7, 50, 404);
	}
	// An endpoint that nobody knows yet fails for all.
	endpoint_named(52, "GET", "/new");
	for (uint32_t i = 0; i < 150; i++)
		ask(5100 + i * 0.1, i % 3 ? i % 40 : 1, 52, 404);
	// Answers that were not seen.
	for (uint32_t i = 0; i < 500; i++)
		ask(5200 + i * 0.1, i % 40, 50, 0);
	assert_raised(0);
	end();
	// An endpoint that always answers so.
	begin("");
	endpoint_named(50, "GET", "/exists");
	for (uint32_t i = 0; i < 6000; i++)
		ask(i, i % 5, 50, hashed(i) % 2 ? 404 : 200);
	for (uint32_t i = 0; i < 60; i++)
		ask(7000 + i * 0.5, 1, 50, hashed(i) % 3 ? 404 : 200);
	assert_raised(0);
	end();
}

// Refused sign-ins, of everybody and of one who tries passwords, are no errors; a failing server is.
static void test_sign_in(void **)
{
	open_usual();
	for (uint32_t i = 0; i < 400; i++) {
		struct call call = call_make(1000 + i * 0.2, i % 4 ? i % 40 : 7, 50);

		call.status = 401;
		call.flags |= CALL_LOGIN;
		call.login_result = LOGIN_FAILURE;
		call_give(&errors, &call);
	}
	assert_raised(0);
	for (uint32_t i = 0; i < 200; i++) {
		struct call call = call_make(1100 + i * 0.2, i % 40, 50);

		call.status = i % 2 ? 503 : 200;
		call.flags |= CALL_LOGIN;
		call.login_result = LOGIN_UNKNOWN;
		call_give(&errors, &call);
	}
	assert_raised(1);
	end();
}

static void test_saved(void **)
{
	uint32_t k;
	char *bytes;
	size_t len;
	FILE *file;

	open_usual();
	k = index_of(&errors);
	file = open_memstream(&bytes, &len);
	assert_int_equal(errors.save(merger.state[k], &merger, file), 0);
	fclose(file);
	end();
	begin("");
	endpoint_named(50, "GET", "/orders");
	for (size_t cut = 0; cut < len; cut++) {
		file = fmemopen(bytes, cut ? cut : 1, "r");
		assert_int_not_equal(errors.load(merger.state[k], &merger, file, cut, 1), 0);
		fclose(file);
	}
	file = fmemopen(bytes, len, "r");
	assert_int_not_equal(errors.load(merger.state[k], &merger, file, len, 2), 0);
	rewind(file);
	assert_int_equal(errors.load(merger.state[k], &merger, file, len, 1), 0);
	fclose(file);
	for (uint32_t i = 0; i < 60; i++)
		ask(1000 + i * 0.5, i % 20, 50, i % 2 ? 503 : 200);
	assert_raised(1);
	free(bytes);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_caller),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_sign_in),
		cmocka_unit_test(test_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
