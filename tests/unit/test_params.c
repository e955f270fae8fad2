// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Parameters and fields of endpoints: exact counts, names of what was rejected, that the order in
// which workers tell does not matter, and the bounds.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/params.c"

enum { TOLD_MAX = 8192, GET_USERS = 11, POST_USERS = 12 };

static struct params params;
static struct delta_param told[TOLD_MAX];
static uint32_t n_told;
static char texts[TOLD_MAX][32];

static int setup(void **)
{
	params_init(&params, 1000, 100, 50);
	n_told = 0;
	return 0;
}

static int teardown(void **)
{
	params_clear(&params);
	return 0;
}

static struct delta_param *tell(enum dir dir, uint64_t endpoint, uint64_t field, uint64_t time_ns,
				const char *name)
{
	struct delta_param *one = &told[n_told];

	snprintf(texts[n_told], sizeof(texts[0]), "%s", name);
	*one = (struct delta_param){
		.endpoint = endpoint,
		.field = field,
		.time_ns = time_ns,
		.name = span_make(texts[n_told], strlen(name)),
		.dir = (uint8_t)dir,
	};
	n_told++;
	return one;
}

static void gather(void)
{
	struct delta delta = {.params = told, .n_params = n_told};

	params_gather(&params, &delta);
	n_told = 0;
}

static void call_of(uint64_t endpoint, uint64_t time_ns, uint8_t flags,
		    const struct call_param *list, uint16_t n)
{
	struct call call = {
		.time_ns = time_ns,
		.order = time_ns * 7,
		.endpoint = endpoint,
		.status = 200,
		.flags = flags,
		.params = list,
		.n_params = n,
	};

	params_call(&params, &call);
}

// ---- Requests

static void test_requests(void **)
{
	struct call_param list[] = {
		{.field = 1, .class = PARAM_INT, .place = PLACE_QUERY},
		{.field = 2, .class = PARAM_WORD, .place = PLACE_BODY, .noun = 9},
		{.field = 2, .class = PARAM_UUID, .place = PLACE_BODY, .noun = 9}, // of one list
		{.field = 2, .class = PARAM_INT, .place = PLACE_BODY, .kind = VALUE_NUMBER},
	};
	const struct param *limit, *sku;

	tell(CLIENT, GET_USERS, 1, 5, "query.limit");
	tell(CLIENT, GET_USERS, 2, 5, "$.items[].sku");
	gather();
	for (uint64_t i = 1; i <= 10; i++)
		call_of(GET_USERS, i * 100, 0, list, 4);
	call_of(GET_USERS, 2000, 0, list, 1);
	call_of(GET_USERS, 3000, CALL_HALF, list, 1); // counts neither for nor against
	limit = params_get(&params, GET_USERS, CLIENT, 1);
	sku = params_get(&params, GET_USERS, CLIENT, 2);
	assert_string_equal(limit->name->text, "query.limit");
	assert_string_equal(sku->name->text, "$.items[].sku");
	assert_int_equal(params_endpoint(&params, GET_USERS)->whole, 11);
	assert_int_equal(limit->calls, 11); // each had it: required
	assert_int_equal(sku->calls, 10);
	assert_true(sku->id && !limit->id);
	assert_int_equal(limit->first_ns, 100);
	assert_int_equal(limit->last_ns, 3000);
	assert_int_equal(param_classes(limit, 0), 1u << PARAM_INT);
	assert_int_equal(param_classes(sku, 0), 1u << PARAM_WORD | 1u << PARAM_UUID);
	assert_int_equal(param_classes(sku, 1), 1u << PARAM_INT);
	assert_int_equal(param_classes(sku, 2), 0);
	assert_int_equal(params_endpoint(&params, GET_USERS)->n, 2);
	assert_null(params_get(&params, POST_USERS, CLIENT, 1));
	assert_null(params_get(&params, GET_USERS, SERVER, 1));
}

// Parameters that were lost make a call say nothing of what is absent.
static void test_lost(void **)
{
	struct call call = {.endpoint = GET_USERS, .status = 200, .params_lost = 3};

	params_call(&params, &call);
	assert_int_equal(params_endpoint(&params, GET_USERS)->whole, 0);
}

// A name that comes after its parameter is found all the same.
static void test_name_later(void **)
{
	struct call_param list[] = {{.field = 1, .place = PLACE_QUERY}};

	call_of(GET_USERS, 1, 0, list, 1);
	assert_null(params_get(&params, GET_USERS, CLIENT, 1)->name);
	tell(CLIENT, GET_USERS, 1, 2, "query.q");
	gather();
	call_of(GET_USERS, 3, 0, list, 1);
	assert_string_equal(params_get(&params, GET_USERS, CLIENT, 1)->name->text, "query.q");
	assert_int_equal(params.n_pending, 0);
}

// ---- Names of rejected requests

static void test_pending_bounded(void **)
{
	struct call_param list[] = {{.field = 1, .place = PLACE_QUERY}};
	char name[32];

	tell(CLIENT, GET_USERS, 1, 1, "query.real");
	gather();
	call_of(GET_USERS, 2, 0, list, 1);
	for (uint64_t i = 0; i < 2 * PARAMS_PENDING; i++) {
		snprintf(name, sizeof(name), "query.x%u", (unsigned)i);
		tell(CLIENT, GET_USERS, 100 + i, 3, name);
		if (n_told == TOLD_MAX)
			gather();
	}
	gather();
	assert_int_equal(params.n_pending, PARAMS_PENDING);
	assert_int_equal(params.names.n, PARAMS_PENDING + 1);
	assert_string_equal(params_name(&params, 1), "query.real");
	assert_null(params_name(&params, 100));
	assert_string_equal(params_name(&params, 100 + 2 * PARAMS_PENDING - 1), "query.x8191");
	assert_int_equal(params.list.n, 1); // and none became a parameter
}

static void test_name_cut(void **)
{
	char name[PARAMS_NAME + 40];
	struct delta_param *one = tell(CLIENT, GET_USERS, 1, 1, "");

	memset(name, 'n', sizeof(name));
	one->name = span_make(name, sizeof(name));
	gather();
	assert_int_equal(strlen(params_name(&params, 1)), PARAMS_NAME);
	assert_null(params_name(&params, 0));
}

// ---- Responses

// First of each kind by time, plus what is sampled, whatever the order of telling.
static void test_response_order(void **)
{
	struct look {
		uint64_t time_ns;
		uint8_t class, kind;
		bool sampled;
	} looks[] = {
		{50, PARAM_WORD, VALUE_STRING, false}, {20, PARAM_DATE, VALUE_STRING, false},
		{30, PARAM_INT, VALUE_NUMBER, false},  {40, PARAM_NUMBER, VALUE_NUMBER, false},
		{90, PARAM_EMAIL, VALUE_STRING, true}, {60, PARAM_NULL, VALUE_LITERAL, true},
		{70, PARAM_BOOL, VALUE_LITERAL, true},
	};
	enum { N = sizeof(looks) / sizeof(looks[0]) };

	for (uint32_t turn = 0; turn < N; turn++) {
		const struct param *p;

		params_clear(&params);
		for (uint32_t i = 0; i < N; i++) {
			const struct look *look = &looks[(i + turn) % N];
			struct delta_param *one =
				tell(SERVER, GET_USERS, 4, look->time_ns, "$.born");

			one->class = look->class;
			one->kind = look->kind;
			one->sampled = look->sampled;
			if (i % 2)
				gather();
		}
		gather();
		p = params_get(&params, GET_USERS, SERVER, 4);
		assert_int_equal(param_classes(p, 0), 1u << PARAM_DATE | 1u << PARAM_EMAIL);
		assert_int_equal(param_classes(p, 1), 1u << PARAM_INT);
		assert_int_equal(param_classes(p, 2), 1u << PARAM_NULL | 1u << PARAM_BOOL);
		assert_int_equal(p->first_ns, 20);
		assert_int_equal(p->last_ns, 90);
	}
}

// ---- Bounds

static void test_endpoint_full(void **)
{
	struct call_param real = {.field = 1, .place = PLACE_QUERY}, junk = real;
	uint64_t now = 0;

	for (uint32_t i = 0; i < 5; i++)
		call_of(GET_USERS, ++now, 0, &real, 1);
	for (uint32_t i = 0; i < 5000; i++) {
		junk.field = 100 + i;
		call_of(GET_USERS, ++now, 0, &junk, 1);
	}
	assert_int_equal(params_endpoint(&params, GET_USERS)->n, 100);
	assert_int_equal(params_endpoint(&params, GET_USERS)->n_refused, 5000 - 99);
	// A quarter of an hour later there is room again, and what is real stayed.
	now += 900 * UINT64_C(1000000000);
	junk.field = 7;
	call_of(GET_USERS, now, 0, &junk, 1);
	assert_non_null(params_get(&params, GET_USERS, CLIENT, 7));
	assert_int_equal(params_get(&params, GET_USERS, CLIENT, 1)->calls, 5);
	assert_int_equal(params_endpoint(&params, GET_USERS)->n, 2);
}

static void test_bounds(void **)
{
	struct call_param list = {.place = PLACE_QUERY};

	for (uint64_t e = 1; e <= 60; e++) {
		for (uint64_t i = 1; i <= 30; i++) {
			list.field = e * 1000 + i;
			call_of(e, i, 0, &list, 1);
		}
	}
	assert_int_equal(params.endpoints.n, 50);
	assert_int_equal(params.list.n, 1000);
	assert_int_equal(params.refused, 60 * 30 - 1000);
}

// ---- Two become one

static void test_merge(void **)
{
	struct call_param list[] = {
		{.field = 1, .class = PARAM_INT, .place = PLACE_QUERY},
		{.field = 2, .class = PARAM_WORD, .place = PLACE_QUERY},
	};
	struct delta_param *one;

	tell(CLIENT, 0, 1, 1, "query.a");
	one = tell(SERVER, POST_USERS, 5, 10, "$.b");
	one->class = PARAM_DATE;
	gather();
	call_of(GET_USERS, 1, 0, list, 2);
	call_of(POST_USERS, 2, 0, list, 1);
	params_merge(&params, POST_USERS, GET_USERS);
	assert_int_equal(params_endpoint(&params, GET_USERS)->whole, 2);
	assert_int_equal(params_get(&params, GET_USERS, CLIENT, 1)->calls, 2);
	assert_int_equal(params_get(&params, GET_USERS, CLIENT, 2)->calls, 1);
	assert_int_equal(param_classes(params_get(&params, GET_USERS, SERVER, 5), 0),
			 1u << PARAM_DATE);
	assert_string_equal(params_get(&params, GET_USERS, SERVER, 5)->name->text, "$.b");
	assert_null(params_get(&params, POST_USERS, CLIENT, 1));
	assert_int_equal(params_endpoint(&params, POST_USERS)->n, 0);
	assert_int_equal(params.list.n, 3);
	params_merge(&params, 999, GET_USERS);
	params_merge(&params, GET_USERS, GET_USERS);
	assert_int_equal(params.list.n, 3);
}

// ---- Kept

static void test_keep(void **)
{
	struct call_param list[] = {
		{.field = 1, .class = PARAM_INT, .place = PLACE_QUERY, .noun = 3},
		{.field = 2, .class = PARAM_WORD, .place = PLACE_BODY},
	};
	const struct param *p;
	char *bytes = NULL;
	size_t len = 0;
	FILE *file;

	tell(CLIENT, 0, 1, 1, "query.a");
	tell(SERVER, GET_USERS, 5, 10, "$.b")->class = PARAM_DATE;
	gather();
	for (uint64_t i = 1; i < 9; i++)
		call_of(GET_USERS, i, 0, list, i % 2 + 1);
	call_of(POST_USERS, 2, 0, NULL, 0);
	file = open_memstream(&bytes, &len);
	assert_int_equal(params_save(&params, file), 0);
	fclose(file);
	file = fmemopen(bytes, len, "r");
	assert_int_equal(params_load(&params, file, len), 0);
	fclose(file);
	assert_int_equal(params.endpoints.n, 2);
	assert_int_equal(params.list.n, 3);
	assert_int_equal(params_endpoint(&params, GET_USERS)->whole, 8);
	p = params_get(&params, GET_USERS, CLIENT, 1);
	assert_string_equal(p->name->text, "query.a");
	assert_true(p->id && p->calls == 8 && p->last_ns == 8 && p->place == PLACE_QUERY);
	assert_int_equal(params_get(&params, GET_USERS, CLIENT, 2)->calls, 4);
	assert_null(params_get(&params, GET_USERS, CLIENT, 2)->name);
	assert_int_equal(param_classes(params_get(&params, GET_USERS, SERVER, 5), 0),
			 1u << PARAM_DATE);
	call_of(GET_USERS, 20, 0, list, 1); // and on
	assert_int_equal(params_get(&params, GET_USERS, CLIENT, 1)->calls, 9);
	// Cut anywhere, it is refused and leaves nothing behind.
	for (size_t cut = 0; cut < len; cut++) {
		file = fmemopen(bytes, len, "r");
		assert_int_not_equal(params_load(&params, file, cut), 0);
		fclose(file);
		assert_int_equal(params.list.n + params.names.n, 0);
	}
	free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_requests),      TEST(test_lost),
		TEST(test_name_later),    TEST(test_pending_bounded),
		TEST(test_name_cut),      TEST(test_response_order),
		TEST(test_endpoint_full), TEST(test_bounds),
		TEST(test_merge),         TEST(test_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
