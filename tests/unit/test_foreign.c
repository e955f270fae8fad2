// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-02 and D-20: at which call a foreign object is told, and who is never told: nurses with many
// patients of their own, readers of a catalogue, who follows a link, whoever was not seen whole.

#include "tests/unit/authorization_fixture.h"

#include "detect/foreign.c"

#include "detect/detectors/bola.c"
#include "detect/detectors/tamper.c"

enum { GET_ORDER = 1, LIST = 2, PAY = 3, QUERY = 4, USERS = 60, EACH = 4 };

static uint64_t own(uint64_t who, uint64_t k)
{
	return 1000 + who * EACH + k;
}

// Everybody reads orders from the own list, then pays now and then.
static void learn(uint32_t rounds)
{
	for (uint32_t r = 0; r < rounds; r++) {
		for (uint64_t who = 1; who <= USERS; who++) {
			list(who, LIST, own(who, 0), EACH);
			ask(who, GET_ORDER, VERB_GET, 200, own(who, r % EACH));
			ask(who, GET_ORDER, VERB_GET, 200, own(who, (r + 1) % EACH));
			if (r % 4 == 0)
				ask(who, PAY, VERB_POST, 200, own(who, 0));
		}
	}
}

static void open_with(const char *lines)
{
	merger_open(lines);
	endpoint_add(GET_ORDER, "GET", "/orders/{id}");
	endpoint_add(LIST, "GET", "/orders");
	endpoint_add(PAY, "POST", "/orders/{id}/payment");
	endpoint_add(QUERY, "POST", "/graphql#order");
	merger_add(&bola);
	merger_add(&tamper);
}

static void test_first(void **)
{
	struct raised *r;

	open_with("");
	learn(10);
	assert_int_equal(merger.n_raised, 0);
	list(7, LIST, own(7, 0), EACH);
	ask(7, GET_ORDER, VERB_GET, 200, own(8, 0));
	r = raised_by("D-02", 7);
	assert_non_null(r);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.confidence, 90); // 40 + 40 + 10
	assert_int_equal(r->draft.n_terms, 3);
	assert_non_null(strstr(r->draft.description, "read 1 object through"));
	assert_non_null(strstr(r->draft.description, "owner:0000000000000008"));
	assert_non_null(strstr(r->draft.description, "100.0 %"));
	assert_int_equal(r->draft.metric.value, 1);
	ask(7, GET_ORDER, VERB_GET, 200, own(9, 0));
	assert_int_equal(r->count, 2);
	assert_int_equal(r->draft.metric.value, 2);
	assert_non_null(strstr(r->draft.description, "(2 owners so far)"));
	// The owners are never accused of what the attacker had.
	ask(8, GET_ORDER, VERB_GET, 200, own(8, 0));
	ask(9, GET_ORDER, VERB_GET, 200, own(9, 0));
	assert_int_equal(merger.n_raised, 1);
	// Three readers do not make it public.
	for (uint64_t who = 10; who < 13; who++) {
		list(who, LIST, own(who, 0), EACH);
		ask(who, GET_ORDER, VERB_GET, 200, own(8, 0));
		assert_non_null(raised_by("D-02", who));
	}
	// Personal data is a term more.
	struct call_param param = number(own(20, 1));
	struct call call = call_make(7, GET_ORDER, VERB_GET, 200, &param);

	call.flags = CALL_PERSONAL;
	call_send(&call);
	assert_true(r->draft.confidence >= 95); // the others' first ones made the share lower
	merger_close();
}

static void test_write(void **)
{
	struct raised *r;

	open_with("");
	learn(10); // three payments of each: the endpoint alone would not be known
	list(7, LIST, own(7, 0), EACH);
	ask(7, PAY, VERB_POST, 200, own(8, 0));
	r = raised_by("D-20", 7);
	assert_non_null(r);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(r->draft.severity, SEVERITY_CRITICAL);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_non_null(strstr(r->draft.description, "wrote to 1 object"));
	// What nobody is known to have may be anybody's.
	list(9, LIST, own(9, 0), EACH);
	for (uint64_t i = 0; i < 20; i++)
		ask(9, PAY, VERB_POST, 200, 90000 + i);
	assert_null(raised_by("D-20", 9));
	// An operation that is asked by POST may only read.
	list(11, LIST, own(11, 0), EACH);
	ask(11, QUERY, VERB_POST, 200, own(8, 0));
	assert_null(raised_by("D-20", 11));
	// Refused: the third.
	for (uint64_t i = 0; i < 3; i++) {
		list(13, LIST, own(13, 0), EACH);
		ask(13, PAY, VERB_POST, 403, own(20 + i, 0));
		ask(13, PAY, VERB_POST, 403, own(20 + i, 0));
		assert_int_equal(raised_by("D-20", 13) != NULL, i == 2);
	}
	r = raised_by("D-20", 13);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_true(r->draft.confidence <= 60);
	merger_close();
}

static void test_refused(void **)
{
	struct raised *r;

	open_with("");
	learn(10);
	for (uint64_t i = 0; i < 5; i++) {
		list(7, LIST, own(7, 0), EACH);
		assert_null(raised_by("D-02", 7));
		ask(7, GET_ORDER, VERB_GET, i % 2 ? 403 : 404, own(20 + i, 0));
	}
	r = raised_by("D-02", 7);
	assert_non_null(r);
	assert_int_equal(r->draft.severity, SEVERITY_LOW);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	// Ids that are not there at all are an old bookmark.
	list(8, LIST, own(8, 0), EACH);
	for (uint64_t i = 0; i < 20; i++)
		ask(8, GET_ORDER, VERB_GET, 404, 90000 + i);
	assert_null(raised_by("D-02", 8));
	merger_close();
}

// What nobody had may be older than what we know: three of them.
static void test_unknown(void **)
{
	open_with("");
	learn(10);
	for (uint64_t i = 0; i < 3; i++) {
		list(7, LIST, own(7, 0), EACH);
		assert_null(raised_by("D-02", 7));
		ask(7, GET_ORDER, VERB_GET, 200, 90000 + i);
		ask(7, GET_ORDER, VERB_GET, 200, 90000 + i);
	}
	assert_non_null(raised_by("D-02", 7));
	assert_int_equal(raised_by("D-02", 7)->draft.confidence, 80);
	assert_non_null(strstr(raised_by("D-02", 7)->draft.description, "nobody was seen"));
	merger_close();
}

// Who has just come may follow a link that somebody sent.
static void test_link(void **)
{
	open_with("");
	learn(10);
	merger.now_ns += UINT64_C(7200) * S;
	ask(7, GET_ORDER, VERB_GET, 200, own(8, 0));
	ask(7, GET_ORDER, VERB_GET, 200, own(8, 0));
	assert_int_equal(merger.n_raised, 0);
	ask(7, GET_ORDER, VERB_GET, 200, own(8, 1));
	assert_non_null(raised_by("D-02", 7));
	merger_close();
}

static void test_silent(void **)
{
	struct call_param param;
	struct call call;

	// Too early.
	open_with("");
	learn(3);
	list(7, LIST, own(7, 0), EACH);
	ask(7, GET_ORDER, VERB_GET, 200, own(8, 0));
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	// Too few users, whatever they do.
	open_with("");
	for (uint32_t i = 0; i < 400; i++) {
		list(1 + i % 10, LIST, own(1 + i % 10, 0), EACH);
		ask(1 + i % 10, GET_ORDER, VERB_GET, 200, own(1 + i % 10, 0));
		ask(1 + i % 10, GET_ORDER, VERB_GET, 200, own(1 + i % 10, 1));
	}
	ask(1, GET_ORDER, VERB_GET, 200, own(2, 0));
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	// A public catalogue: all were listed, and one is found elsewhere.
	open_with("");
	for (uint32_t i = 0; i < 3000; i++) {
		list(1 + i % USERS, LIST, i * 7 % 40, 10);
		ask(1 + i % USERS, GET_ORDER, VERB_GET, 200, i * 7 % 40 + i % 10);
	}
	for (uint64_t who = 1; who <= USERS; who++)
		ask(who, GET_ORDER, VERB_GET, 200, who * 11 % 50);
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	// A hole, a guess, an address, nobody's token: nothing is concluded.
	open_with("");
	learn(10);
	list(7, LIST, own(7, 0), EACH);
	param = number(own(8, 0));
	for (uint32_t i = 0; i < 3; i++) {
		call = call_make(7, GET_ORDER, VERB_GET, i == 1 ? 0 : 200, &param);
		call.flags = i == 0 ? CALL_GUESSED : 0;
		call.user_confidence = i == 2 ? 40 : 90;
		call_send(&call);
	}
	ask(7, GET_ORDER, VERB_GET, 200, own(9, 0)); // an answer before was not seen
	ask(7, PAY, VERB_POST, 200, own(9, 0));
	objects_lost(&merger.store, merger.now_ns);
	list(20, LIST, own(20, 0), EACH);
	ask(20, GET_ORDER, VERB_GET, 200, own(9, 0));
	assert_int_equal(merger.n_raised, 0);
	merger_close();

	open_with("detect: { objects: { max_relations = 0; }; };");
	learn(10);
	ask(7, GET_ORDER, VERB_GET, 200, own(8, 0));
	ask(7, PAY, VERB_POST, 200, own(8, 0));
	assert_int_equal(merger.n_raised, 0);
	merger_close();
}

// Sharing is introduced: after the first few it is how the endpoint is used.
static void test_feature(void **)
{
	open_with("");
	learn(10);
	for (uint64_t who = 1; who <= 40; who++) {
		list(who, LIST, own(who, 0), EACH);
		ask(who, GET_ORDER, VERB_GET, 200, own(who + 1, 0));
	}
	assert_int_equal(merger.n_raised, 4); // detect.objects.crowd
	merger_close();
}

// Twenty-five nurses with four hundred patients each, all of them given by lists.
static void test_nurse(void **)
{
	open_with("");
	for (uint32_t r = 0; r < 20; r++) {
		for (uint64_t nurse = 1; nurse <= 25; nurse++) {
			list(nurse, LIST, nurse * 1000 + r * 20, 20);
			for (uint32_t i = 0; i < 10; i++)
				ask(nurse, GET_ORDER, VERB_GET, 200, nurse * 1000 + r * 20 + i);
		}
	}
	assert_int_equal(merger.n_raised, 0);
	list(3, LIST, 3000, 20);
	ask(3, GET_ORDER, VERB_GET, 200, 4001);
	assert_non_null(raised_by("D-02", 3));
	merger_close();
}

// Ids that are in no list, but that only ever one user asks for.
static void test_exclusive(void **)
{
	open_with("");
	for (uint32_t r = 0; r < 20; r++) {
		for (uint64_t who = 1; who <= USERS; who++)
			ask(who, GET_ORDER, VERB_GET, 200, own(who, r % 3));
	}
	for (uint64_t who = 1; who <= USERS; who++) {
		struct call call = call_make(who, LIST, VERB_GET, 200, NULL);

		call_send(&call);
		give_class(who, PATIENT, who, PARAM_INT); // something is given to everybody
	}
	ask(7, GET_ORDER, VERB_GET, 200, own(8, 0));
	assert_non_null(raised_by("D-02", 7));
	merger_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),     cmocka_unit_test(test_write),
		cmocka_unit_test(test_refused),   cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_link),      cmocka_unit_test(test_silent),
		cmocka_unit_test(test_feature),   cmocka_unit_test(test_nurse),
		cmocka_unit_test(test_exclusive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
