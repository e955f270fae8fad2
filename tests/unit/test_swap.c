// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-04: a connection, session or token that comes with a second user, where that is not normal;
// parameters that name the caller; and proxies, sign-ins and servers that are like that.

#include "tests/unit/authorization_fixture.h"

#include "detect/detectors/swap.c"

enum { ME = 1, LOGIN = 2, PROFILE = 3, USERS = 300 };

static uint64_t subject_of(uint64_t who)
{
	return value_of(100000 + who);
}

static void open_with(const char *lines)
{
	merger_open(lines);
	endpoint_add(ME, "GET", "/me");
	endpoint_add(LOGIN, "POST", "/login");
	endpoint_add(PROFILE, "GET", "/users/{id}");
	merger_add(&swap);
}

struct sent {
	uint64_t who, connection, session, token, as; // as: the subject; 0: of who
	uint32_t address;                             // 0: of who
	uint16_t status;
	uint64_t names; // the user in the parameter; 0: no parameter
	bool login, nobody;
};

static void send_one(const struct sent *sent)
{
	struct call_param param = {
		.field = FIELD,
		.noun = PATIENT,
		.value = subject_of(sent->names),
		.class = PARAM_WORD,
		.place = PLACE_PATH,
	};
	struct call call =
		call_make(sent->who,
			  sent->login   ? LOGIN
			  : sent->names ? PROFILE
					: ME,
			  sent->login ? VERB_POST : VERB_GET, sent->status ? sent->status : 200,
			  sent->names ? &param : NULL);
	uint32_t address = sent->address ? sent->address : (uint32_t)sent->who;

	memcpy(call.client + 12, &address, sizeof(address));
	call.connection = sent->connection;
	call.session = sent->session;
	call.token_id = sent->token;
	call.subject = sent->nobody ? 0 : subject_of(sent->as ? sent->as : sent->who);
	call.flags = sent->login ? CALL_LOGIN : 0;
	call_send(&call);
}

#define SEND(...) send_one(&(struct sent){__VA_ARGS__})

static void learn(void)
{
	for (uint64_t who = 1; who <= USERS; who++) {
		SEND(.who = who, .connection = 5000 + who, .session = 6000 + who,
		     .token = 7000 + who);
		SEND(.who = who, .connection = 5000 + who, .session = 6000 + who,
		     .token = 7000 + who);
	}
	evaluate(false);
	assert_int_equal(merger.n_raised, 0);
}

static void pass(uint32_t s)
{
	merger.now_ns += s * UINT64_C(1000000000);
	evaluate(false);
}

static void test_connection(void **)
{
	struct raised *r;

	open_with("");
	learn();
	SEND(.who = 7, .connection = 9);
	SEND(.who = 8, .connection = 9, .address = 7);
	pass(10);
	assert_int_equal(merger.n_raised, 0); // perhaps more follow
	pass(30);
	r = raised_by("D-04", 7); // who was there first
	assert_non_null(r);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(merger.n_captures, 1);
	assert_int_equal(r->draft.confidence, 70);
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_non_null(
		strstr(r->draft.description, "of the 301 connections of this server, 1 had"));
	// At the end of a capture nobody waits.
	SEND(.who = 17, .connection = 19);
	SEND(.who = 18, .connection = 19, .address = 17, .status = 401);
	evaluate(true);
	r = raised_by("D-04", 17);
	assert_non_null(r);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	merger_close();
}

static void test_session_and_token(void **)
{
	open_with("");
	learn();
	SEND(.who = 7, .session = 9);
	SEND(.who = 8, .session = 9);
	SEND(.who = 17, .token = 19);
	SEND(.who = 17, .token = 19, .as = 18);
	evaluate(true);
	assert_non_null(strstr(raised_by("D-04", 7)->draft.description, "over the same session"));
	assert_non_null(strstr(raised_by("D-04", 17)->draft.description, "over the same token"));
	merger_close();
}

static void test_proxies(void **)
{
	// A gateway beside many clients of their own.
	open_with("");
	learn();
	for (uint64_t c = 0; c < 20; c++) {
		for (uint64_t who = 1; who < 10; who++)
			SEND(.who = who, .connection = 9000 + c, .address = 4444);
		pass(60);
	}
	assert_int_equal(merger.n_raised, 0);
	// Once it is known, two users are nothing either.
	SEND(.who = 7, .connection = 9100, .address = 4444);
	SEND(.who = 8, .connection = 9100, .address = 4444);
	pass(60);
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	// A server behind one: all connections are so.
	open_with("");
	for (uint64_t i = 0; i < 3000; i++)
		SEND(.who = 1 + i % 3 + i % USERS, .connection = 9000 + i % 500,
		     .address = 1000 + (uint32_t)i);
	pass(60);
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	// Too little is known.
	open_with("");
	SEND(.who = 7, .connection = 9);
	SEND(.who = 8, .connection = 9);
	evaluate(true);
	assert_int_equal(merger.n_raised, 0);
	merger_close();
}

static void test_sign_in(void **)
{
	open_with("");
	learn();
	for (uint64_t who = 1; who < 50; who++) {
		SEND(.who = who, .connection = 9000 + who);
		SEND(.who = who, .connection = 9500 + who, .login = true, .nobody = true);
		SEND(.who = who + 1, .connection = 9000 + who, .address = (uint32_t)who);
		SEND(.who = who + 1, .connection = 9000 + who, .address = (uint32_t)who);
	}
	// Without a token nobody is somebody else.
	SEND(.who = 60, .connection = 9900);
	SEND(.who = 61, .connection = 9900, .address = 60, .nobody = true);
	evaluate(true);
	assert_int_equal(merger.n_raised, 0);
	// A sign-in of before explains nothing.
	SEND(.who = 70, .connection = 9700, .login = true, .nobody = true);
	SEND(.who = 70, .connection = 9700);
	SEND(.who = 71, .connection = 9700, .address = 70);
	evaluate(true);
	assert_non_null(raised_by("D-04", 70));
	merger_close();
}

static void test_parameter(void **)
{
	struct raised *r;

	open_with("");
	for (uint64_t who = 1; who <= USERS; who++)
		SEND(.who = who, .names = who);
	SEND(.who = 7, .names = 8);
	r = raised_by("D-04", 7);
	assert_non_null(r);
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_non_null(strstr(r->draft.description, "100.0 %"));
	// Refused: the third.
	for (uint32_t i = 0; i < 3; i++) {
		assert_null(raised_by("D-04", 9));
		SEND(.who = 9, .names = 10 + i, .status = 403);
	}
	r = raised_by("D-04", 9);
	assert_non_null(r);
	assert_int_equal(r->draft.severity, SEVERITY_LOW);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	merger_close();

	// Names of friends are usual there.
	open_with("");
	for (uint64_t i = 0; i < 2000; i++)
		SEND(.who = 1 + i % USERS, .names = 1 + (i % 20 ? i % USERS : i % 17));
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	// Too early, and too few.
	open_with("");
	for (uint64_t i = 0; i < 2000; i++)
		SEND(.who = 1 + i % 5, .names = 1 + i % 5);
	SEND(.who = 1, .names = 2);
	assert_int_equal(merger.n_raised, 0);
	merger_close();
}

// Any number of connections in the tables' memory.
static void test_bounded(void **)
{
	open_with("detect: { swap: { max_carriers = 64; }; };");
	for (uint64_t i = 0; i < 20000; i++)
		SEND(.who = 1 + i % 4000, .connection = 1 + i, .session = 1 + i, .token = 1 + i,
		     .address = (uint32_t)i + 1);
	evaluate(true);
	assert_int_equal(((struct swap *)merger.state[0])->carriers.n, 64);
	assert_int_equal(merger.n_raised, 0);
	merger_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connection), cmocka_unit_test(test_session_and_token),
		cmocka_unit_test(test_proxies),    cmocka_unit_test(test_sign_in),
		cmocka_unit_test(test_parameter),  cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
