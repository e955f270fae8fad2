// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Order of calls: a needed step that is left out, ways that nobody goes; half-seen callers, polls,
// refused calls and a new version of the client are silent; what is learnt survives.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/sequence.c"

enum { LIST = 50, ITEM, CART, ORDER, PAY, POLL, MORE = 100 };

static void step(double second, uint32_t user, uint64_t endpoint, uint16_t status, uint8_t flags)
{
	struct call call = call_make(second, user, endpoint);

	call.status = status;
	call.flags = flags;
	call.verb = endpoint == PAY ? VERB_POST : VERB_GET;
	call_give(&sequence, &call);
	evaluate(&sequence, second, false);
}

// One session of this user: it buys something, with a look at a message now and then.
static void buy(double second, uint32_t user)
{
	step(second, user, LIST, 200, 0);
	for (uint32_t i = 0; i < 3; i++)
		step(second + 1 + i, user, ITEM, 200, 0);
	for (uint32_t i = 0; i < 10; i++)
		step(second + 5 + i, user, POLL, 200, 0);
	step(second + 16, user, CART, 200, 0);
	step(second + 18, user, LIST, 200, 0);
	step(second + 20, user, ORDER, 200, 0);
	step(second + 22, user, PAY, 200, 0);
}

// 1,200 sessions of 300 users, 1,000 s apart for each.
static double open_learnt(const char *conf)
{
	double second = 0;

	begin(conf);
	endpoint_named(LIST, "GET", "/items");
	endpoint_named(ITEM, "GET", "/items/{id}");
	endpoint_named(CART, "POST", "/cart");
	endpoint_named(ORDER, "POST", "/orders");
	endpoint_named(PAY, "POST", "/orders/{id}/payment");
	endpoint_named(POLL, "GET", "/messages");
	for (uint32_t i = 0; i < 20; i++)
		endpoint_named(MORE + i, "GET", "/more");
	for (uint32_t i = 0; i < 1500; i++, second += 30)
		buy(second, i % 300);
	assert_raised(0);
	return second + 1000;
}

static void test_skip(void **)
{
	double now = open_learnt("");
	const struct raised *r;

	step(now, 7, LIST, 200, 0);
	step(now + 1, 7, ORDER, 200, 0);
	step(now + 2, 7, PAY, 403, 0); // it had no success yet
	assert_raised(0);
	step(now + 3, 7, PAY, 200, 0);
	evaluate(&sequence, now + 180, false);
	assert_raised(0);
	evaluate(&sequence, now + 184, false);
	assert_raised(2); // the order, and the payment
	r = raised_find(&sequence, judge_pair(hashed(1000007), PAY));
	assert_draft(r);
	assert_true(r->principal == hashed(1000007) && r->endpoint == PAY);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->time_ns, at(now + 3));
	assert_text(r->draft.description, "user-7 called POST api.example/orders/{id}/payment");
	assert_text(r->draft.description, "without calling POST api.example/cart before");
	assert_text(r->draft.description, "100.00 % of 1,");
	end();
}

static void test_silent(void **)
{
	double now = open_learnt("");

	// First seen just now, in a session that may have begun before.
	for (uint32_t u = 0; u < 3; u++) {
		step(now + u, 5000 + u, PAY, 200, CALL_HALF);
		step(now + u + 1, 5000 + u, ORDER, 200, 0);
		step(now + u + 2, 5000 + u, PAY, 200, 0);
	}
	// A gap within the session.
	buy(now + 10, 8);
	step(now + 40, 8, ITEM, 200, CALL_GUESSED);
	step(now + 41, 8, PAY, 200, 0);
	// Another tab: the cart is ten requests back, but not longer.
	step(now + 98, 9, LIST, 200, 0);
	step(now + 99, 9, ITEM, 200, 0);
	step(now + 100, 9, CART, 200, 0);
	for (uint32_t i = 0; i < 8; i++)
		step(now + 101 + i, 9, i % 2 ? LIST : ITEM, 200, 0);
	step(now + 110, 9, ORDER, 200, 0);
	step(now + 111, 9, PAY, 200, 0);
	// Refused.
	step(now + 200, 10, PAY, 409, 0);
	evaluate(&sequence, now + 1000, true);
	assert_raised(0);
	end();
}

// A new version of the client buys with one click: for a while nothing is said, then it is usual.
static void test_new_version(void **)
{
	double now = open_learnt("");

	for (uint32_t u = 0; u < 100; u++) {
		step(now + 10 * u, u, LIST, 200, 0);
		step(now + 10 * u + 2, u, PAY, 200, 0);
	}
	evaluate(&sequence, now + 5000, true);
	assert_raised(0);
	end();
}

// From each endpoint there are two usual ways, and one caller who goes none of them.
static void test_ways(void **)
{
	const struct raised *r;
	double now = 0;

	begin("");
	for (uint32_t i = 0; i < 20; i++)
		endpoint_named(MORE + i, "GET", "/more");
	for (uint32_t i = 0; i < 1000; i++, now += 100) {
		for (uint32_t k = 0; k < 20; k++)
			step(now + k, i % 50, MORE + (k + (hashed(i + k) % 2 && k % 3)) % 20, 200,
			     0);
	}
	assert_raised(0);
	for (uint32_t k = 0; k < 6; k++)
		step(now + 10000 + k, 7, MORE + k * 7 % 20, 200, 0);
	evaluate(&sequence, now + 10300, false);
	assert_raised(1);
	r = raised_by("D-46", 0);
	assert_draft(r);
	assert_text(r->draft.description, "user-7 went 5 ways in a row that hardly anybody goes");
	assert_int_equal(r->draft.severity, SEVERITY_LOW);
	end();
	// Where all ways are equally rare, none is improbable.
	begin("");
	for (uint32_t i = 0; i < 20; i++)
		endpoint_named(MORE + i, "GET", "/more");
	for (uint32_t i = 0; i < 30000; i++)
		step(i, i % 50, MORE + hashed(i) % 20, 200, 0);
	evaluate(&sequence, 40000, true);
	assert_raised(0);
	end();
}

static void test_saved(void **)
{
	double now = open_learnt("");
	uint32_t k = index_of(&sequence);
	char *bytes;
	size_t len;
	FILE *file = open_memstream(&bytes, &len);

	assert_int_equal(sequence.save(merger.state[k], &merger, file), 0);
	fclose(file);
	end();
	begin("");
	for (uint64_t id = LIST; id <= POLL; id++)
		endpoint_named(id, id == LIST || id == ITEM ? "GET" : "POST", "/some");
	for (size_t cut = 0; cut < len; cut += 7) {
		file = fmemopen(bytes, cut ? cut : 1, "r");
		assert_int_not_equal(sequence.load(merger.state[k], &merger, file, cut, 1), 0);
		fclose(file);
	}
	file = fmemopen(bytes, len, "r");
	assert_int_equal(sequence.load(merger.state[k], &merger, file, len, 1), 0);
	fclose(file);
	step(now, 1, LIST, 200, 0);
	step(now + 700, 7, LIST, 200, 0);
	step(now + 703, 7, PAY, 200, 0);
	evaluate(&sequence, now + 704, true);
	assert_raised(1);
	free(bytes);
	end();
}

// A caller who was forgotten is not taken for one who begins.
static void test_forgotten(void **)
{
	double now = open_learnt("detect = { sequence = { callers = 320; }; };");

	step(now, 7, LIST, 200, 0);
	step(now, 7, ITEM, 200, 0);
	step(now, 7, CART, 200, 0);
	step(now + 1, 7, ORDER, 200, 0);
	for (uint32_t i = 0; i < 400; i++)
		step(now + 2 + i * 0.01, 1000 + i, LIST, 200, 0);
	step(now + 10, 7, PAY, 200, 0);
	evaluate(&sequence, now + 1000, true);
	assert_raised(0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skip),        cmocka_unit_test(test_silent),
		cmocka_unit_test(test_new_version), cmocka_unit_test(test_ways),
		cmocka_unit_test(test_saved),       cmocka_unit_test(test_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
