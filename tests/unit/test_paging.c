// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Amounts: the first call that asks for far too much, whether its answer grew; identifiers, other
// names, few calls and clients that changed are silent.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/paging.c"

enum { LIMIT = 900, PAGE, ID };

static void ask(uint32_t i, uint32_t user, uint64_t field, double number, uint64_t bytes,
		uint16_t status)
{
	struct call_param param = {
		.field = field,
		.noun = field == ID ? 7 : 0,
		.number = number,
		.class = PARAM_INT,
		.place = PLACE_QUERY,
	};
	struct call call = call_make(i, user, 50);

	call.resp_bytes = bytes;
	call.status = status;
	call.params = &param;
	call.n_params = 1;
	call_give(&paging, &call);
}

static void open_usual(uint32_t calls)
{
	begin("");
	endpoint_named(50, "GET", "/orders");
	param_named(50, LIMIT, "query.page_limit");
	param_named(50, PAGE, "query.page");
	param_named(50, ID, "query.first");
	for (uint32_t i = 0; i < calls; i++) {
		ask(i, i % 30, LIMIT, 10 + i % 91, 1000 + i % 9000, 200);
		ask(i, i % 30, PAGE, i % 20, 1000, 200);
		ask(i, i % 30, ID, i % 20, 1000, 200);
	}
}

static void test_names(void **)
{
	assert_true(amount_name("query.limit"));
	assert_true(amount_name("$.page.perPage"));
	assert_true(amount_name("query.$top"));
	assert_true(amount_name("query.page-size"));
	assert_true(amount_name("depth"));
	assert_true(amount_name("$.filter.first[]"));
	assert_false(amount_name("query.page"));
	assert_false(amount_name("$.limit.user"));
	assert_false(amount_name("query.accountLimitAmountInTotal"));
	assert_false(amount_name(""));
	assert_false(amount_name(NULL));
}

static void test_much(void **)
{
	const struct raised *r;

	open_usual(1000);
	ask(2000, 7, LIMIT, 1000, 20000, 200); // ten times
	ask(2000, 7, PAGE, 1e9, 20000, 200);
	ask(2000, 7, ID, 1e9, 20000, 200);
	assert_raised(0);
	ask(2001, 7, LIMIT, 100000, 900, 400);
	assert_raised(1);
	r = raised_by("D-48", 0);
	assert_draft(r);
	assert_true(r->principal == hashed(1000007) && r->endpoint == 50);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_int_equal(r->draft.severity, SEVERITY_LOW);
	assert_text(r->draft.description, "user-7 asked GET api.example/orders for 100000 by "
					  "query.page_limit. The 1,001 calls");
	ask(2002, 7, LIMIT, 100000, 900000, 200);
	assert_raised(1);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	ask(2003, 8, LIMIT, -1, 900, 200);
	assert_raised(2);
	assert_draft(raised_by("D-48", 1));
	end();
}

static void test_silent(void **)
{
	open_usual(900); // too few
	ask(2000, 7, LIMIT, 100000, 900000, 200);
	assert_raised(0);
	end();
	open_usual(1000); // nobody answered
	ask(2000, 7, LIMIT, 100000, 0, 0);
	assert_raised(0);
	end();
	open_usual(1000); // new clients: the first four are told of, then it is usual
	for (uint32_t i = 0; i < 100; i++)
		ask(2000 + i, i, LIMIT, 5000, 900000, 200);
	assert_raised(4);
	end();
}

static void test_saved(void **)
{
	uint32_t k;
	char *bytes;
	size_t len;
	FILE *file;

	open_usual(1000);
	k = index_of(&paging);
	file = open_memstream(&bytes, &len);
	assert_int_equal(paging.save(merger.state[k], &merger, file), 0);
	fclose(file);
	end();
	open_usual(0);
	for (size_t cut = 0; cut < len; cut++) {
		file = fmemopen(bytes, cut ? cut : 1, "r");
		assert_int_not_equal(paging.load(merger.state[k], &merger, file, cut, paging.version), 0);
		fclose(file);
	}
	file = fmemopen(bytes, len, "r");
	assert_int_equal(paging.load(merger.state[k], &merger, file, len, paging.version), 0);
	fclose(file);
	ask(2001, 7, LIMIT, 100000, 900, 400);
	assert_raised(1);
	free(bytes);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
