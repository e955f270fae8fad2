// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-01 and D-77: at which identifier counting through is told, what does not count, how attempts
// and successes are kept apart; and which numbers are in a row.

#include "tests/unit/authorization_fixture.h"

#include "detect/detectors/enumeration.c"
#include "detect/detectors/guessable.c"

enum { GET_ORDER = 1, LIST = 2, USERS = 400 };

static void open_with(const char *lines)
{
	merger_open(lines);
	endpoint_add(GET_ORDER, "GET", "/orders/{id}");
	endpoint_add(LIST, "GET", "/orders");
	merger_add(&enumeration);
	merger_add(&guessable);
}

// So many users; one in fifty opens a few things that it was not given.
static void learn(uint32_t users)
{
	for (uint64_t who = 1; who <= users; who++) {
		list(who, LIST, 100000 + who * 1000, 4);
		ask(who, GET_ORDER, VERB_GET, 200, 100000 + who * 1000);
		for (uint64_t i = 0; who % 50 == 0 && i < 5; i++)
			ask(who, GET_ORDER, VERB_GET, 200, 900000 + who * 10 + i);
	}
}

static void test_steps(void **)
{
	for (uint32_t n = 1; n < 100000; n++) {
		assert_true(step_of(n) >= step_of(n - 1));
		assert_true(step_of(n) == REACHES - 1 || step_end(step_of(n)) >= n);
		assert_true(step_of(n) == 0 || step_end(step_of(n) - 1) < n);
	}
	assert_int_equal(step_of(UINT32_MAX), REACHES - 1);
}

static void test_success(void **)
{
	struct raised *r;

	open_with("");
	learn(USERS);
	assert_int_equal(merger.n_raised, 0);
	for (uint64_t i = 0; i < 20; i++) {
		ask(7, GET_ORDER, VERB_GET, 200, 5000 + i);
		ask(7, GET_ORDER, VERB_GET, 404, 5000 + i); // no other one
	}
	assert_null(raised_by("D-01", 7));
	ask(7, GET_ORDER, VERB_GET, 200, 5020);
	r = raised_by("D-01", 7);
	assert_non_null(r);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_int_equal(r->draft.confidence, 75); // 45, in a row 20, answered 10
	assert_int_equal(r->draft.metric.value, 21);
	assert_int_equal(r->draft.metric.baseline_mean, 5);
	assert_non_null(strstr(r->draft.description, "for 21 different objects"));
	assert_non_null(strstr(r->draft.description, "21 were answered, 0 refused"));
	assert_non_null(strstr(r->draft.description, "20 of 20 steps"));
	for (uint64_t i = 21; i < 500; i++)
		ask(7, GET_ORDER, VERB_GET, 200, 5000 + i);
	assert_true(r->draft.metric.value > 400 && r->draft.metric.value < 560);
	assert_true(r->count > 10 && r->count < 60); // not once for each
	merger_close();
}

static void test_attempt(void **)
{
	struct raised *r;

	open_with("");
	learn(USERS);
	for (uint64_t i = 0; i < 21; i++) {
		list(8, LIST, 4000 + 13 * i, 1); // of somebody else
		ask(7, GET_ORDER, VERB_GET, i % 8 ? 403 : 200, 4000 + 13 * i);
	}
	r = raised_by("D-01", 7);
	assert_non_null(r);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->draft.confidence, 75); // 45, refused 10, others' 20
	assert_non_null(strstr(r->draft.description, "3 were answered, 18 refused"));
	merger_close();
}

// Slower than the window; of one's own; what everybody has; the rate limiter's answers; who is not
// seen whole.
static void test_silent(void **)
{
	struct call call;

	open_with("");
	learn(USERS);
	for (uint64_t i = 0; i < 100; i++) {
		merger.now_ns += UINT64_C(31) * S;
		ask(7, GET_ORDER, VERB_GET, 200, 5000 + i);
	}
	for (uint64_t i = 0; i < 400; i += 20) {
		list(8, LIST, 6000 + i, 20);
		for (uint64_t k = 0; k < 20; k++)
			ask(8, GET_ORDER, VERB_GET, 200, 6000 + i + k);
	}
	for (uint64_t who = 20; who < 24; who++)
		list(who, LIST, 7000, 100);
	for (uint64_t i = 0; i < 100; i++)
		ask(9, GET_ORDER, VERB_GET, 200, 7000 + i);
	for (uint64_t i = 0; i < 100; i++)
		ask(10, GET_ORDER, VERB_GET, 429, 8000 + i);
	call = call_make(11, LIST, VERB_GET, 200, NULL);
	call.flags = CALL_HALF;
	call_send(&call);
	for (uint64_t i = 0; i < 100; i++)
		ask(11, GET_ORDER, VERB_GET, 200, 9000 + i);
	assert_int_equal(merger.n_raised, 0);
	merger_close();
}

// Everybody comes from outside with ids that we do not see given: then many are usual.
static void test_usual(void **)
{
	open_with("");
	for (uint64_t who = 1; who <= USERS; who++) {
		for (uint64_t i = 0; i < 15; i++)
			ask(who, GET_ORDER, VERB_GET, 200, who * 100 + i);
	}
	for (uint64_t i = 0; i < 45; i++)
		ask(500, GET_ORDER, VERB_GET, 200, 90000 + i * 7);
	assert_int_equal(merger.n_raised, 0);
	for (uint64_t i = 45; i < 50; i++)
		ask(500, GET_ORDER, VERB_GET, 200, 90000 + i * 7);
	assert_non_null(raised_by("D-01", 500));
	merger_close();
}

static void test_few_users(void **)
{
	open_with("");
	for (uint64_t i = 0; i < 200; i++) // a batch of one has its ids from elsewhere
		ask(9, GET_ORDER, VERB_GET, 200, 40000 + i);
	assert_int_equal(merger.n_raised, 0);
	for (uint32_t i = 0; i < 12; i++)
		learn(50);
	for (uint64_t i = 0; i < 85; i++)
		ask(7, GET_ORDER, VERB_GET, 200, 5000 + i);
	assert_int_equal(merger.n_raised, 0);
	for (uint64_t i = 85; i < 120; i++) // counted within five percent
		ask(7, GET_ORDER, VERB_GET, 200, 5000 + i);
	assert_non_null(raised_by("D-01", 7));
	assert_int_equal(raised_by("D-01", 7)->draft.confidence, 50);
	assert_non_null(strstr(raised_by("D-01", 7)->draft.description, "too few users"));
	merger_close();
}

// Some programs at night, each with so many objects that it had from elsewhere.
static void test_few_programs(void **)
{
	open_with("");
	for (uint64_t round = 0; round < 12; round++) {
		for (uint64_t who = 1; who <= 21; who++) {
			for (uint64_t i = 0; i < 40; i++)
				ask(who, GET_ORDER, VERB_PUT, 200, who * 1000 + round * 10 + i);
			merger.now_ns += UINT64_C(601) * S;
		}
	}
	assert_int_equal(merger.n_raised, 0);
	for (uint64_t i = 0; i < 110; i++)
		ask(1, GET_ORDER, VERB_PUT, 200, 100000 + i);
	assert_int_equal(merger.n_raised, 0);
	for (uint64_t i = 110; i < 170; i++)
		ask(1, GET_ORDER, VERB_PUT, 200, 100000 + i);
	assert_non_null(raised_by("D-01", 1));
	merger_close();
}

// The first attacker does not make the second one usual.
static void test_not_taught(void **)
{
	open_with("");
	learn(USERS);
	for (uint64_t who = 7; who < 12; who++) {
		for (uint64_t i = 0; i < 21; i++)
			ask(who, GET_ORDER, VERB_GET, 200, 5000 + who * 1000 + i);
		assert_non_null(raised_by("D-01", who));
	}
	merger_close();
}

// An attacker with many names needs no memory.
static void test_bounded(void **)
{
	open_with("detect: { enumeration: { max_pairs = 64; max_many = 64; }; };");
	for (uint64_t i = 0; i < 20000; i++)
		ask(1 + i % 4000, GET_ORDER, VERB_GET, 404, i);
	assert_int_equal(((struct enumeration *)merger.state[0])->pairs.n, 64);
	assert_true(((struct enumeration *)merger.state[0])->many.n <= 64);
	merger_close();
}

// ---- D-77

static uint64_t of_random(uint64_t i)
{
	return mix64(i, 99) % 1000000000;
}

static void test_row(void **)
{
	open_with("");
	for (uint64_t who = 1; who <= 192; who++) {
		list(who, LIST, 3000 + who * 3, 3);
		ask(who, GET_ORDER, VERB_GET, 200, 3000 + who * 3);
	}
	evaluate(false);
	assert_int_equal(merger.n_raised, 0);
	for (uint64_t who = 193; who <= 200; who++) {
		list(who, LIST, 3000 + who * 3, 3);
		ask(who, GET_ORDER, VERB_GET, 200, 3000 + who * 3);
	}
	evaluate(false);
	assert_int_equal(merger.n_raised, 1);
	assert_string_equal(merger.raised[0].detector->id, "D-77");
	assert_int_equal(merger.raised[0].principal, 0);
	assert_int_equal(merger.raised[0].endpoint, GET_ORDER);
	assert_int_equal(merger.raised[0].draft.severity, SEVERITY_LOW);
	assert_non_null(strstr(merger.raised[0].draft.description, "171 different"));
	for (uint64_t who = 1; who <= 300; who++)
		ask(who, GET_ORDER, VERB_GET, 200, 3000 + who);
	evaluate(true);
	assert_int_equal(merger.raised[0].count, 1); // once
	merger_close();
}

static void test_no_row(void **)
{
	open_with("");
	for (uint64_t i = 0; i < 5000; i++) // drawn at random
		ask(1 + i % USERS, GET_ORDER, VERB_GET, 200, of_random(i));
	evaluate(true);
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	open_with("");
	for (uint64_t i = 0; i < 2000; i++) // everybody's
		ask(1 + i % USERS, GET_ORDER, VERB_GET, 200, i * 7 % 60);
	evaluate(true);
	assert_null(raised_by("D-77", 0));
	merger_close();

	open_with("");
	for (uint64_t i = 0; i < 500; i++) // refused
		ask(1 + i % USERS, GET_ORDER, VERB_GET, 404, i);
	evaluate(true);
	assert_null(raised_by("D-77", 0));
	merger_close();
}

// The first number lay far from the others.
static void test_moved(void **)
{
	open_with("");
	ask(1, GET_ORDER, VERB_GET, 200, 999999999);
	for (uint64_t i = 0; i < 1200; i++)
		ask(1 + i % 700 % USERS, GET_ORDER, VERB_GET, 200, 5000 + i % 700);
	evaluate(true);
	assert_non_null(raised_by("D-77", 0));
	merger_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),      cmocka_unit_test(test_success),
		cmocka_unit_test(test_attempt),    cmocka_unit_test(test_silent),
		cmocka_unit_test(test_usual),      cmocka_unit_test(test_few_users),
		cmocka_unit_test(test_few_programs),
		cmocka_unit_test(test_not_taught), cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_row),        cmocka_unit_test(test_no_row),
		cmocka_unit_test(test_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
