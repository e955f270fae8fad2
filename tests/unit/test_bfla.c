// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-03: calls of functions that are for another role, answered and refused, with roles claimed and
// without; methods that a path never had; and features that are new for everybody.

#include "tests/unit/authorization_fixture.h"

#include "detect/detectors/bfla.c"

enum { SHOP = 1, ADMIN = 2, REFUND = 3, DELETE = 4, PLAIN = 5, CUSTOMER = 801, STAFF = 802 };

static void open_with(const char *lines)
{
	merger_open(lines);
	endpoint_add(SHOP, "GET", "/products/{id}");
	endpoint_add(ADMIN, "GET", "/admin/orders/{id}");
	endpoint_add(REFUND, "POST", "/orders/{id}/refund");
	endpoint_add(DELETE, "DELETE", "/products/{id}");
	endpoint_add(PLAIN, "GET", "/reports");
	merger_add(&bfla);
}

static void send_as(uint64_t role, uint64_t who, uint64_t endpoint, enum call_verb verb,
		    uint16_t status)
{
	struct call call = call_make(who, endpoint, verb, status, NULL);

	call.role = role;
	call_send(&call);
}

static void learn(uint64_t customer, uint64_t staff, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		send_as(customer, 1 + i % 600, SHOP, VERB_GET, 200);
		if (i % 20 == 0) {
			send_as(staff, 1000 + i / 20 % 5, ADMIN, VERB_GET, 200);
			send_as(staff, 1000 + i / 20 % 5, REFUND, VERB_POST, 200);
			send_as(staff, 1000 + i / 20 % 5, PLAIN, VERB_GET, 200);
		}
	}
	evaluate(false);
	assert_int_equal(merger.n_raised, 0);
}

static void pass(uint32_t s)
{
	merger.now_ns += s * UINT64_C(1000000000);
	evaluate(false);
}

static void test_answered(void **)
{
	struct raised *r;

	open_with("");
	learn(CUSTOMER, STAFF, 2000);
	send_as(CUSTOMER, 7, ADMIN, VERB_GET, 200);
	send_as(CUSTOMER, 7, ADMIN, VERB_GET, 200);
	pass(100);
	assert_int_equal(merger.n_raised, 0);
	pass(300);
	r = raised_by("D-03", 7);
	assert_non_null(r);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(merger.n_captures, 1);
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.confidence, 75); // 50, never 10, admin 15
	assert_non_null(strstr(r->draft.description, "0 of the 2,000 calls of its role"));
	assert_non_null(strstr(r->draft.description, "other roles made 100"));
	// It has taught nothing.
	for (uint32_t i = 0; i < 100; i++)
		send_as(CUSTOMER, 7, ADMIN, VERB_GET, 200);
	send_as(CUSTOMER, 8, ADMIN, VERB_GET, 200);
	evaluate(true);
	assert_non_null(raised_by("D-03", 8));
	// A function without a telling name.
	send_as(CUSTOMER, 9, PLAIN, VERB_GET, 200);
	send_as(CUSTOMER, 10, REFUND, VERB_POST, 200);
	evaluate(true);
	assert_int_equal(raised_by("D-03", 9)->draft.confidence, 60);
	assert_int_equal(raised_by("D-03", 10)->draft.confidence, 70);
	merger_close();
}

static void test_refused(void **)
{
	struct raised *r;

	open_with("");
	learn(CUSTOMER, STAFF, 2000);
	send_as(CUSTOMER, 7, ADMIN, VERB_GET, 403);
	send_as(CUSTOMER, 7, ADMIN, VERB_GET, 401);
	send_as(CUSTOMER, 7, ADMIN, VERB_GET, 404); // not refused: not there
	evaluate(true);
	assert_int_equal(merger.n_raised, 0);
	send_as(CUSTOMER, 7, ADMIN, VERB_GET, 403);
	evaluate(true);
	r = raised_by("D-03", 7);
	assert_non_null(r);
	assert_int_equal(r->draft.severity, SEVERITY_LOW);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_non_null(strstr(r->draft.description, "refused with status 403"));
	merger_close();
}

static void test_rollout(void **)
{
	open_with("");
	learn(CUSTOMER, STAFF, 2000);
	for (uint64_t who = 20; who < 60; who++) {
		send_as(CUSTOMER, who, REFUND, VERB_POST, 200);
		pass(20);
	}
	pass(600);
	assert_int_equal(merger.n_raised, 0);
	merger_close();
}

static void test_silent(void **)
{
	struct call call;

	// Nobody's: the endpoint is new for all.
	open_with("");
	learn(CUSTOMER, STAFF, 2000);
	endpoint_add(6, "GET", "/news");
	send_as(CUSTOMER, 7, 6, VERB_GET, 200);
	// Calls that show too little.
	call = call_make(7, ADMIN, VERB_GET, 200, NULL);
	call.role = CUSTOMER;
	call.flags = CALL_GUESSED;
	call_send(&call);
	call.flags = 0;
	call.status = 0;
	call_send(&call);
	call.status = 200;
	call.user_confidence = 40;
	call_send(&call);
	evaluate(true);
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	// A role that is hardly known; what a role does now and then.
	open_with("");
	learn(CUSTOMER, STAFF, 900);
	send_as(CUSTOMER, 7, ADMIN, VERB_GET, 200);
	send_as(CUSTOMER, 8, ADMIN, VERB_GET, 200);
	for (uint32_t i = 0; i < 500; i++)
		send_as(CUSTOMER, 1 + i, SHOP, VERB_GET, 200);
	send_as(CUSTOMER, 9, ADMIN, VERB_GET, 200);
	evaluate(true);
	assert_int_equal(merger.n_raised, 0);
	merger_close();
}

// What one does all the time is not what his role does; what four do is.
static void test_one_alone(void **)
{
	for (uint32_t users = 1; users <= 4; users += 3) {
		open_with("");
		for (uint32_t i = 0; i < 6000; i++) {
			send_as(CUSTOMER, 1 + i % 600, SHOP, VERB_GET, 200);
			if (i % 100 == 0)
				send_as(CUSTOMER, 700 + i / 100 % users, ADMIN, VERB_GET, 200);
			send_as(STAFF, 1000 + i % 5, ADMIN, VERB_GET, 200);
		}
		evaluate(true);
		assert_int_equal(merger.n_raised, users == 1 ? 1 : 0);
		if (users == 1)
			assert_non_null(raised_by("D-03", 700));
		// The next one to do so.
		send_as(CUSTOMER, 9, ADMIN, VERB_GET, 200);
		evaluate(true);
		assert_int_equal(merger.n_raised, users == 1 ? 2 : 0);
		merger_close();
	}
}

static void test_method(void **)
{
	struct raised *r;

	open_with("");
	learn(CUSTOMER, STAFF, 6000);
	send_as(CUSTOMER, 7, DELETE, VERB_DELETE, 200);
	evaluate(true);
	r = raised_by("D-03", 7);
	assert_non_null(r);
	assert_int_equal(r->draft.confidence, 70);
	assert_non_null(strstr(r->draft.description, "6,000 calls of this path"));
	merger_close();

	// The path had it before.
	open_with("");
	send_as(CUSTOMER, 7, DELETE, VERB_DELETE, 200);
	learn(CUSTOMER, STAFF, 6000);
	send_as(CUSTOMER, 8, DELETE, VERB_DELETE, 200);
	evaluate(true);
	assert_int_equal(merger.n_raised, 0);
	merger_close();
}

// No roles claimed: some use the privileged endpoints, the others do not.
static void test_groups(void **)
{
	struct raised *r;

	open_with("");
	for (uint32_t round = 0; round < 60; round++)
		learn(0, 0, 1200); // 600 users, a hundred calls each; five of the staff
	send_as(0, 7, ADMIN, VERB_GET, 200);
	send_as(0, 8, PLAIN, VERB_GET, 200); // read by few, and nothing more
	send_as(0, 1001, ADMIN, VERB_GET, 200);
	send_as(0, 2000, ADMIN, VERB_GET, 200); // a new one of the staff
	evaluate(true);
	r = raised_by("D-03", 7);
	assert_non_null(r);
	assert_int_equal(merger.n_raised, 1);
	// 50, admin 15, well known 10, groups -10; before the groups were known somebody did so.
	assert_int_equal(r->draft.confidence, 65);
	assert_non_null(strstr(r->draft.description, "no privileged endpoint"));
	merger_close();
}

static void test_words(void **)
{
	assert_true(is_admin("/admin/users"));
	assert_true(is_admin("/api/v2/Administration/users/{id}"));
	assert_true(is_admin("/x/user-management/internal_users"));
	assert_false(is_admin("/badminton/{id}"));
	assert_false(is_admin("/filesystem"));
	assert_false(is_admin("/"));
	assert_false(is_admin(""));
}

static void test_bounded(void **)
{
	open_with("detect: { bfla: { max_pairs = 64; }; };");
	learn(CUSTOMER, STAFF, 2000);
	for (uint64_t i = 0; i < 20000; i++) {
		send_as(10000 + i, 1 + i % 4000, 1 + i % 5, VERB_GET, i % 3 ? 200 : 403);
		send_as(CUSTOMER, 1 + i % 4000, ADMIN, VERB_GET, 403);
	}
	assert_int_equal(((struct bfla *)merger.state[0])->pairs.n, 64);
	assert_int_equal(((struct bfla *)merger.state[0])->roles.n, ROLES);
	assert_true(((struct bfla *)merger.state[0])->n_waiting <= WAITING);
	merger_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_rollout),   cmocka_unit_test(test_silent),
		cmocka_unit_test(test_one_alone), cmocka_unit_test(test_method),
		cmocka_unit_test(test_groups),    cmocka_unit_test(test_words),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
