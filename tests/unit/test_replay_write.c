// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Writes that are sent again: replays by key, token and body; silent on retries, refreshed pages,
// session tokens, and what was not seen.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/replay_write.c"
#include "detect/facts.h"

static const struct raised *told(uint32_t n)
{
	const struct raised *r = raised_by("D-23", n);

	assert_non_null(r);
	return r ? r : &merger.raised[0];
}

enum { ORDERS = 7, CLICK = 8, PAY = 9 };

struct shot {
	double at;
	uint32_t user;
	uint64_t endpoint, request, nonce, token, path, connection;
	uint16_t status;
	uint8_t verb, flags;
};

static void shoot(struct shot s)
{
	struct call call = call_make(s.at, s.user, s.endpoint ? s.endpoint : ORDERS);

	call.request = s.request ? hashed(s.request) : 0;
	call.nonce = s.nonce ? hashed(s.nonce) : 0;
	call.token_id = s.token ? hashed(s.token) : 0;
	call.path = s.path ? s.path : call.endpoint;
	call.connection = s.connection ? s.connection : call.order;
	call.status = s.status ? s.status : 200;
	call.verb = s.verb ? s.verb : VERB_POST;
	call.flags = s.flags;
	call_give(&replay_write, &call);
}
#define SHOOT(...) shoot((struct shot){__VA_ARGS__})

static void start(void)
{
	begin("");
	endpoint_named(ORDERS, "POST", "/orders");
	endpoint_named(CLICK, "GET", "/confirm");
	endpoint_named(PAY, "POST", "/pay");
}

static void test_nonce(void **)
{
	const struct raised *r;

	start();
	SHOOT(.at = 100, .user = 1, .request = 5, .nonce = 6);
	SHOOT(.at = 129, .user = 1, .request = 5, .nonce = 6); // a retry
	assert_int_equal(merger.n_raised, 0);
	SHOOT(.at = 160, .user = 1, .request = 5, .nonce = 6);
	assert_int_equal(merger.n_raised, 1);
	r = told(0);
	assert_draft(r);
	assert_int_equal(r->draft.confidence, 75);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_text(r->draft.description, "user-1 sent a write to POST api.example/orders again 1 "
					  "time, with the same body and the same idempotency key");
	assert_text(r->draft.description, "The first one, 60 seconds before");
	assert_text(r->draft.description, "came on another connection");
	SHOOT(.at = 200, .user = 1, .request = 5, .nonce = 6, .status = 409);
	assert_int_equal(merger.n_raised, 1);
	assert_text(r->draft.description, "again 2 times");
	assert_text(r->draft.description, "accepted 1 of the repetitions");
	// Somebody else does it.
	SHOOT(.at = 210, .user = 2, .request = 5, .nonce = 6);
	assert_int_equal(merger.n_raised, 2);
	assert_draft(told(1));
	assert_int_equal(told(1)->draft.severity, SEVERITY_HIGH);
	assert_int_equal(told(1)->draft.confidence, 90);
	assert_text(told(1)->draft.description, "was another user's");
	// The server knows the key.
	SHOOT(.at = 300, .user = 3, .request = 8, .nonce = 9);
	SHOOT(.at = 400, .user = 3, .request = 8, .nonce = 9, .status = 409);
	assert_int_equal(merger.n_raised, 3);
	assert_int_equal(told(2)->draft.severity, SEVERITY_LOW);
	assert_int_equal(told(2)->draft.result, RESULT_ATTEMPTED);
	assert_text(told(2)->draft.description, "accepted none");
	end();
}

static void test_nonce_silent(void **)
{
	start();
	// The first one failed, or its answer was not seen.
	SHOOT(.at = 100, .user = 1, .request = 1, .nonce = 1, .status = 503);
	SHOOT(.at = 200, .user = 1, .request = 1, .nonce = 1);
	SHOOT(.at = 201, .user = 1, .request = 1, .nonce = 1);
	SHOOT(.at = 100, .user = 2, .request = 2, .nonce = 2, .status = 100);
	SHOOT(.at = 200, .user = 2, .request = 2, .nonce = 2);
	// Another body, another key, the same connection.
	SHOOT(.at = 300, .user = 3, .request = 3, .nonce = 3, .connection = 77);
	SHOOT(.at = 400, .user = 3, .request = 4, .nonce = 3);
	SHOOT(.at = 500, .user = 3, .request = 3, .nonce = 4);
	SHOOT(.at = 600, .user = 3, .request = 3, .nonce = 3, .connection = 77);
	// The body was not seen whole.
	SHOOT(.at = 700, .user = 4, .nonce = 5);
	SHOOT(.at = 800, .user = 4, .nonce = 5);
	SHOOT(.at = 900, .user = 5, .request = 9, .nonce = 9);
	SHOOT(.at = 999, .user = 5, .request = 9, .nonce = 9, .flags = CALL_MESSAGE);
	assert_int_equal(merger.n_raised, 0);
	end();
}

static void test_bodies(void **)
{
	start();
	for (uint32_t i = 0; i < 600; i++)
		SHOOT(.at = i, .user = i % 50, .request = 1000 + i);
	// A page that is sent once more.
	SHOOT(.at = 700, .user = 5, .request = 1005);
	assert_int_equal(merger.n_raised, 0);
	SHOOT(.at = 800, .user = 5, .request = 1005);
	assert_int_equal(merger.n_raised, 0); // two in six hundred are more than 0.1 %
	end();

	start();
	for (uint32_t i = 0; i < 3000; i++)
		SHOOT(.at = i, .user = i % 50, .request = 1000 + i);
	SHOOT(.at = 3700, .user = 5, .request = 1005);
	assert_int_equal(merger.n_raised, 0);
	SHOOT(.at = 3800, .user = 5, .request = 1005);
	assert_int_equal(merger.n_raised, 1);
	assert_draft(told(0));
	assert_int_equal(told(0)->draft.confidence, 55);
	assert_text(told(0)->draft.description, "3,001 accepted writes");
	end();

	// Two users may say the same by chance, not so three times; nor is it told when it is
	// refused, or while learning.
	start();
	for (uint32_t i = 0; i < 499; i++)
		SHOOT(.at = i, .user = i % 50, .request = 1000 + i);
	SHOOT(.at = 600, .user = 9, .request = 1005, .status = 403);
	SHOOT(.at = 601, .user = 9, .request = 5000);
	SHOOT(.at = 602, .user = 9, .request = 1006, .status = 403);
	assert_int_equal(merger.n_raised, 0);
	SHOOT(.at = 603, .user = 9, .request = 1005);
	assert_int_equal(merger.n_raised, 1); // the refused one was the second
	assert_int_equal(told(0)->draft.severity, SEVERITY_HIGH);
	end();

	// Other methods, sign-in, and an endpoint where bodies repeat.
	start();
	for (uint32_t i = 0; i < 600; i++) {
		SHOOT(.at = i, .user = i % 50, .request = 1000 + i, .verb = VERB_PUT);
		SHOOT(.at = i, .user = i % 50, .request = 2000 + i, .endpoint = CLICK,
		      .flags = CALL_LOGIN);
		SHOOT(.at = i, .user = i % 50, .request = 3000 + i % 50, .endpoint = PAY);
	}
	for (uint32_t i = 0; i < 5; i++) {
		SHOOT(.at = 700 + i * 40, .user = 9, .request = 1005, .verb = VERB_PUT);
		SHOOT(.at = 700 + i * 40, .user = 9, .request = 2005, .endpoint = CLICK,
		      .flags = CALL_LOGIN);
		SHOOT(.at = 700 + i * 40, .user = 9, .request = 3005, .endpoint = PAY);
	}
	assert_int_equal(merger.n_raised, 0);
	end();
}

// Among very many bodies some meet by chance, and then even three of them.
static void test_bodies_by_chance(void **)
{
	for (uint32_t pairs = 20; pairs <= 50; pairs += 30) {
		start();
		for (uint32_t i = 0; i < 60000; i++)
			SHOOT(.at = i / 20, .user = i % 50, .request = 1000 + i);
		for (uint32_t i = 0; i < pairs; i++)
			SHOOT(.at = 3100 + i, .user = i % 50, .request = 2000 + i);
		SHOOT(.at = 3300, .user = 9, .request = 2000);
		assert_int_equal(merger.n_raised, pairs == 20);
		end();
	}
}

static void test_tokens(void **)
{
	// Links that are used once.
	start();
	for (uint32_t i = 0; i < 600; i++)
		SHOOT(.at = i, .user = i, .token = 1000 + i, .endpoint = CLICK, .verb = VERB_GET);
	SHOOT(.at = 605, .user = 599, .token = 1599, .endpoint = CLICK, .verb = VERB_GET); // retry
	SHOOT(.at = 700, .user = 9, .token = 1005, .endpoint = CLICK, .verb = VERB_GET);
	assert_int_equal(merger.n_raised, 1);
	assert_draft(told(0));
	assert_text(told(0)->draft.description, "hardly any of 600 tokens");
	end();

	// Sessions, short and long, whose token was first seen at this endpoint.
	start();
	for (uint32_t i = 0; i < 3000; i++) {
		SHOOT(.at = i, .user = i, .token = 1000 + i, .endpoint = PAY);
		if (i % 20 == 0)
			SHOOT(.at = i + 5, .user = i, .token = 1000 + i, .endpoint = CLICK,
			      .verb = VERB_GET);
	}
	SHOOT(.at = 4000, .user = 5, .token = 1005, .endpoint = PAY);
	SHOOT(.at = 4000, .user = 9, .token = 1006, .endpoint = PAY);
	assert_int_equal(merger.n_raised, 0);
	end();
}

// More writes than are remembered: a repetition may have been missed, so nothing is concluded.
static void test_blind(void **)
{
	begin("detect: { replay_write: { max_writes = 1000; }; };");
	endpoint_named(ORDERS, "POST", "/orders");
	for (uint32_t i = 0; i < 5000; i++)
		SHOOT(.at = i, .user = i % 50, .request = 1000 + i);
	SHOOT(.at = 5000, .user = 77, .request = 5999);
	assert_int_equal(merger.n_raised, 0);
	// Keys speak for themselves.
	SHOOT(.at = 5001, .user = 1, .request = 1, .nonce = 1);
	SHOOT(.at = 5101, .user = 2, .request = 1, .nonce = 1);
	assert_int_equal(merger.n_raised, 1);
	end();
}

static void test_saved(void **)
{
	char *text = NULL;
	size_t len = 0;
	uint32_t k;
	FILE *f = open_memstream(&text, &len);

	start();
	k = index_of(&replay_write);
	for (uint32_t i = 0; i < 600; i++)
		SHOOT(.at = i, .user = i % 50, .request = 1000 + i);
	assert_int_equal(replay_write.save(merger.state[k], &merger, f), 0);
	fclose(f);
	end();

	start();
	for (size_t cut = 1; cut < len; cut++) {
		f = fmemopen(text, cut, "r");
		assert_true(replay_write.load(merger.state[k], &merger, f, cut, 1) < 0);
		fclose(f);
	}
	f = fmemopen(text, len, "r");
	assert_int_equal(replay_write.load(merger.state[k], &merger, f, len, 1), 0);
	fclose(f);
	free(text);
	SHOOT(.at = 100, .user = 1, .request = 5);
	SHOOT(.at = 200, .user = 2, .request = 5);
	assert_int_equal(merger.n_raised, 0);
	SHOOT(.at = 300, .user = 2, .request = 5);
	assert_int_equal(merger.n_raised, 0); // one of 601 is more than 0.1 %
	for (uint32_t i = 0; i < 2000; i++)
		SHOOT(.at = 400 + i, .user = i % 50, .request = 9000 + i);
	SHOOT(.at = 2500, .user = 2, .request = 5);
	assert_int_equal(merger.n_raised, 1);
	end();
}

// The worker hands over the key of writes only.
static void test_worker(void **)
{
	static const struct {
		const char *head;
		bool nonce;
	} cases[] = {
		{"POST /x HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k1\r\n\r\n", true},
		{"PUT /x HTTP/1.1\r\nHost: a\r\nx-idempotency-key: k1\r\n\r\n", true},
		{"GET /x HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k1\r\n\r\n", false},
		{"POST /x HTTP/1.1\r\nHost: a\r\nIdempotency-Key:\r\n\r\n", false},
		{"POST /x HTTP/1.1\r\nHost: a\r\nIdempotency-Kez: k1\r\n\r\n", false},
	};
	const struct delta *d;

	begin("");
	d = &work[0]->delta[work[0]->active];
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		send_one(&(struct sent){.request = cases[i].head,
					.request_body = "{}",
					.response = "HTTP/1.1 200 OK\r\n\r\n",
					.time_ns = i});
		assert_true((d->calls[i].nonce != 0) == cases[i].nonce);
		assert_true(!cases[i].nonce || d->calls[i].nonce == d->calls[0].nonce);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonce),  cmocka_unit_test(test_nonce_silent),
		cmocka_unit_test(test_bodies), cmocka_unit_test(test_bodies_by_chance),
		cmocka_unit_test(test_tokens), cmocka_unit_test(test_blind),
		cmocka_unit_test(test_saved),  cmocka_unit_test(test_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
