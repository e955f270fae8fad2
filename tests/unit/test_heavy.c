// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where many values come from: endpoints, objects, what was asked for; bounded.

#include "tests/unit/behaviour_fixture.h"

#include "detect/heavy.c"

static struct lru table;

static struct call give(double seconds, uint32_t user, uint64_t endpoint, uint32_t values,
			double limit)
{
	struct call_param params[2] = {
		{.field = 11, .place = PLACE_QUERY, .class = PARAM_INT, .number = 7},
		{.field = 12, .place = PLACE_QUERY, .class = PARAM_INT, .number = limit},
	};
	struct call call = call_make(seconds, user, endpoint);

	call.params = params;
	call.n_params = 2;
	heavy_call(&table, &call, values);
	return call;
}

static void object(const struct call *call, uint64_t id)
{
	struct delta_object o = {
		.time_ns = call->time_ns,
		.principal = call->principal,
		.noun = 5,
		.value = hashed(id),
	};

	heavy_object(&table, &o);
}

static void test_story(void **)
{
	char text[400];
	struct call call;

	begin("");
	assert_non_null(endpoint_named(1, "GET", "/x"));
	heavy_init(&table);
	param_named(2, 11, "query.page");
	param_named(2, 12, "query.page_size");
	give(1, 1, 1, 5, 9); // too few to begin with
	heavy_text(&table, &merger, call_make(1, 1, 1).principal, text, sizeof(text));
	assert_string_equal(text, "");
	call = give(10, 1, 1, 50, 50);
	for (uint32_t i = 0; i < 60; i++)
		object(&call, i % 30);
	give(20, 1, 2, 500, 500);
	call = give(30.5, 1, 2, 3, 3);
	heavy_text(&table, &merger, call.principal, text, sizeof(text));
	assert_string_equal(text, " In the 21 seconds since this began it got values from 2 "
				  "endpoints and 30 different objects. The largest answer was "
				  "asked for with query.page_size = 500.");
	// A minute later it is another story.
	call = give(100, 1, 3, 10, 1);
	heavy_text(&table, &merger, call.principal, text, sizeof(text));
	assert_string_equal(text,
			    " In the 0 seconds since this began it got values from 1 endpoint.");
	// Objects of others, and late ones, are not counted.
	object(&(struct call){.principal = 99, .time_ns = at(100)}, 1);
	call.time_ns += 100 * (uint64_t)NS;
	object(&call, 1);
	heavy_text(&table, &merger, call.principal, text, sizeof(text));
	assert_null(strstr(text, "object"));
	lru_fini(&table);
	end();
}

static void test_bounded(void **)
{
	char text[400];
	struct call call;

	begin("");
	heavy_init(&table);
	for (uint32_t u = 0; u < 3 * HEAVY_USERS; u++)
		give(1, 1000 + u, 1, 100, 5);
	assert_int_equal(table.n, HEAVY_USERS);
	for (uint32_t e = 1; e < 100; e++)
		call = give(2, 7, e, 100, 5);
	for (uint32_t i = 0; i < 10000; i++)
		object(&call, i);
	heavy_text(&table, &merger, call.principal, text, sizeof(text));
	assert_text(text, "at least 8 endpoints and about ");
	lru_fini(&table);
	end();
}

static void test_names(void **)
{
	static const char *const pages[] = {"query.limit",    "query.pageSize", "$.per_page",
					    "form.page-size", "limit",          "$.a.max_results"};
	static const char *const others[] = {"query.page", "query.offset",    "$.quantity", "",
					     ".",          "query.unlimited", "$.amount"};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		assert_true(heavy_is_page(pages[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(heavy_is_page(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_story),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
