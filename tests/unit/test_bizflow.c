// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Business flows: words of templates; a caller, a source with many names, a configured limit; a
// sale, a network with many people, few people are silent; what is learnt survives.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/bizflow.c"

enum { LOOK = 50, BUY, SIGNUP };

static struct call make(double second, uint32_t user, uint64_t endpoint)
{
	struct call call = call_make(second, user, endpoint);

	call.verb = endpoint == LOOK ? VERB_GET : VERB_POST;
	call.agent = 77 + user % 3;
	call.user_confidence = 90;
	return call;
}

static void ask(double second, uint32_t user, uint64_t endpoint, uint16_t status)
{
	struct call call = make(second, user, endpoint);

	call.status = status;
	call_give(&bizflow, &call);
}

// So many halves in which 300 people look ten times; one in ten buys, a few sign up.
static void usual(double from, uint32_t halves)
{
	for (uint32_t i = 0; i < halves * 3000; i++) {
		double second = from + i * 0.1;

		ask(second, i % 300, LOOK, 200);
		if (i % 300 < 30 && i < 300 * halves)
			ask(second, i % 300, BUY, 200);
		if (i % 150 == 3 && i % 4 == 1)
			ask(second, 300 + i % 70, SIGNUP, 201);
	}
}

static void open_usual(const char *conf)
{
	begin(conf);
	endpoint_named(LOOK, "GET", "/orders");
	endpoint_named(BUY, "POST", "/orders/{id}/payment");
	endpoint_named(SIGNUP, "POST", "/api/sign-up");
	usual(0, 4);
	assert_raised(0);
}

static void test_words(void **)
{
	struct bizflow_options options = {.flows = {.v = (const char *[]){"/transfer"}, .n = 1}};

	assert_int_equal(flow_of(&options, "/api/signup"), FLOW_SIGNUP);
	assert_int_equal(flow_of(&options, "/api/Register"), FLOW_SIGNUP);
	assert_int_equal(flow_of(&options, "/api/orders"), FLOW_PURCHASE);
	assert_int_equal(flow_of(&options, "/v1/orders/{id}/payment"), FLOW_PURCHASE);
	assert_int_equal(flow_of(&options, "/coupons/redeem"), FLOW_COUPON);
	assert_int_equal(flow_of(&options, "/otp"), FLOW_CODE);
	assert_int_equal(flow_of(&options, "/password/reset"), FLOW_RESET);
	assert_int_equal(flow_of(&options, "/users/{id}/verify_email"), FLOW_CODE);
	assert_int_equal(flow_of(&options, "/money/transfer/{id}"), FLOW_OWN);
	assert_int_equal(flow_of(&options, "/payload"), FLOW_NONE);
	assert_int_equal(flow_of(&options, "/borders"), FLOW_NONE);
	assert_int_equal(flow_of(&options, "/"), FLOW_NONE);
	assert_int_equal(flow_of(&options, ""), FLOW_NONE);
}

static void test_caller(void **)
{
	const struct raised *r;

	open_usual("");
	for (uint32_t i = 0; i < 10; i++)
		ask(1205 + i, 900, BUY, 402);
	assert_raised(0);
	ask(1216, 900, BUY, 402);
	assert_raised(1);
	r = raised_by("D-47", 0);
	assert_draft(r);
	assert_true(r->principal == hashed(1000900) && r->endpoint == BUY);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_text(r->draft.description, "user-900 sent 11 purchases within ten minutes");
	assert_text(r->draft.description, "100 % of what it sent");
	for (uint32_t i = 0; i < 60; i++)
		ask(1220 + i, 900, BUY, 200);
	assert_raised(1); // the source and the device are the caller's
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->count, 3); // 11, 22, 44
	end();
}

// Each sign-up under another name.
static void test_source(void **)
{
	const struct raised *r;

	open_usual("");
	for (uint32_t i = 0; i < 60; i++) {
		struct call call = make(1205 + i * 3, 2000 + i, SIGNUP);

		memset(call.client + 12, 9, 4);
		call.status = 201;
		call_give(&bizflow, &call);
	}
	assert_raised(1);
	r = raised_by("D-47", 0);
	assert_draft(r);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_text(r->draft.description, "The source 9.9.9.9 sent 42 sign-ups");
	end();
}

static void test_ceiling(void **)
{
	begin("detect = { bizflow = { ceiling = 5; flows = [ \"/transfer\" ]; }; };");
	endpoint_named(60, "POST", "/money/transfer");
	for (uint32_t i = 0; i < 5; i++)
		ask(i, 1, 60, 200);
	assert_raised(0);
	ask(6, 1, 60, 200);
	assert_raised(1);
	assert_draft(raised_by("D-47", 0));
	end();
}

static void test_silent(void **)
{
	// A sale: a third of the people buy a dozen things.
	open_usual("");
	for (uint32_t i = 0; i < 12; i++) {
		for (uint32_t u = 0; u < 100; u++) {
			ask(1205 + i * 10 + u * 0.01, u, LOOK, 200);
			ask(1205 + i * 10 + u * 0.01, u, BUY, 200);
		}
	}
	assert_true(merger.n_raised <= SALE);
	end();
	// A class behind one address, with the same program and no names.
	open_usual("");
	for (uint32_t i = 0; i < 18; i++) {
		struct call call = make(1205 + i * 5, 950, SIGNUP);

		call.user_confidence = 30;
		call_give(&bizflow, &call);
	}
	assert_raised(0);
	end();
	// A school behind one address; somebody who looks at many things and buys some.
	open_usual("");
	for (uint32_t i = 0; i < 2000; i++) {
		struct call call = make(1205 + i * 0.1, 3000 + i % 400, i % 60 ? LOOK : BUY);

		memset(call.client + 12, 9, 4);
		call_give(&bizflow, &call);
	}
	for (uint32_t i = 0; i < 400; i++)
		ask(1300 + i * 0.1, 7, i % 25 ? LOOK : BUY, 200);
	assert_raised(0);
	end();
	// Few people; only half of the exchange seen.
	begin("");
	endpoint_named(BUY, "POST", "/orders");
	for (uint32_t i = 0; i < 1000; i++)
		ask(i, i % 5, BUY, 200);
	for (uint32_t i = 0; i < 1000; i++)
		ask(1000 + i, 900 + i % 200, BUY, 0);
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
	k = index_of(&bizflow);
	file = open_memstream(&bytes, &len);
	assert_int_equal(bizflow.save(merger.state[k], &merger, file), 0);
	fclose(file);
	assert_int_equal(len, SAVED);
	end();
	begin("");
	file = fmemopen(bytes, len, "r");
	assert_int_not_equal(bizflow.load(merger.state[k], &merger, file, len - 1, 1), 0);
	assert_int_not_equal(bizflow.load(merger.state[k], &merger, file, len, 2), 0);
	rewind(file);
	assert_int_equal(bizflow.load(merger.state[k], &merger, file, len, 1), 0);
	fclose(file);
	assert_true(((struct bizflow *)merger.state[k])->seen[ACTOR_CALLER] > 800);
	assert_true(((struct bizflow *)merger.state[k])->usual[FLOW_PURCHASE][0].calls > 50);
	free(bytes);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),  cmocka_unit_test(test_caller),
		cmocka_unit_test(test_source), cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_silent), cmocka_unit_test(test_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
