// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Pairing as a pure question: requests with their offsets in, responses with theirs out.

#include "flows/http_pair.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct http_tx txs[16];

// Request i takes bytes [100 * i, 100 * i + 100) of the client's stream, response i the same of
// the server's, so that a client that waits has acknowledged 100 * i when it sends request i.
static struct http_tx *ask(struct http_pair *pair, uint32_t i, uint64_t ack)
{
	txs[i] = (struct http_tx){.index = i};
	http_pair_request(pair, &txs[i], 100 * i, ack);
	txs[i].req_end_off = 100 * i + 100;
	return &txs[i];
}

struct answer {
	enum http_pair_result result;
	struct http_tx *tx;
	uint32_t dropped;
};

static struct answer reply_with(struct http_pair *pair, struct http_pair_view view)
{
	struct answer a = {0};
	struct http_tx *old;

	a.result = http_pair_response(pair, &view, &a.tx);
	if (a.result == PAIR_REQUEST) {
		while ((old = http_pair_pop(pair)) != a.tx)
			a.dropped++;
	} else if (a.result == PAIR_NONE) {
		while (http_pair_stale(pair, view.start))
			a.dropped++;
	}
	return a;
}

static uint64_t before; // what the server acknowledged before the response

// The client's stream is known to the end of request `asked`, and acknowledged.
static struct answer reply(struct http_pair *pair, uint32_t i, uint32_t asked, bool client_lossy)
{
	return reply_with(pair, (struct http_pair_view){.start = 100 * i,
							.before = before,
							.acked = 100 * asked + 100,
							.known = 100 * asked + 100,
							.client_lossy = client_lossy});
}

static void test_order(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	for (uint32_t i = 0; i < 5; i++) {
		ask(&pair, i, 100 * i);
		struct answer a = reply(&pair, i, i, false);

		assert_int_equal(a.result, PAIR_REQUEST);
		assert_ptr_equal(a.tx, &txs[i]);
		assert_false(a.tx->paired_by_guess);
		assert_false(a.tx->pending);
	}
	assert_int_equal(pair.n, 0);
	assert_false(pair.pipelined);
}

static void test_pipeline(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	for (uint32_t i = 0; i < 5; i++)
		ask(&pair, i, 0);
	assert_int_equal(pair.n, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_ptr_equal(reply(&pair, i, 4, false).tx, &txs[i]);
	assert_null(pair.tail);
	assert_true(pair.pipelined);
}

static void test_unfollowed(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	http_pair_skip(&pair);
	http_pair_skip(&pair);
	assert_ptr_equal(reply(&pair, 0, 2, false).tx, &txs[0]);
	assert_int_equal(reply(&pair, 1, 2, false).result, PAIR_UNFOLLOWED);
	assert_int_equal(reply(&pair, 2, 2, false).result, PAIR_UNFOLLOWED);
	ask(&pair, 3, 300);
	assert_ptr_equal(reply(&pair, 3, 3, false).tx, &txs[3]);
}

// A response is lost as a whole: the next one is not taken for it.
static void test_lost_response(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	http_pair_lost(&pair, SERVER, false);
	ask(&pair, 1, 100);
	struct answer a = reply(&pair, 1, 1, false);

	assert_ptr_equal(a.tx, &txs[1]);
	assert_true(a.tx->paired_by_guess);
	assert_int_equal(a.dropped, 1);
	ask(&pair, 2, 200);
	a = reply(&pair, 2, 2, false);
	assert_ptr_equal(a.tx, &txs[2]);
	assert_false(a.tx->paired_by_guess); // order holds again
}

// The client did not wait: which response is lost cannot be known.
static void test_lost_response_pipelined(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	for (uint32_t i = 0; i < 3; i++)
		ask(&pair, i, 0);
	http_pair_lost(&pair, SERVER, false);
	struct answer a = reply(&pair, 1, 2, false);

	assert_int_equal(a.result, PAIR_NONE);
	assert_int_equal(a.dropped, 3); // and nothing later can be theirs
	assert_int_equal(reply(&pair, 2, 2, false).result, PAIR_NONE);
	ask(&pair, 3, 300);
	assert_int_equal(reply(&pair, 3, 3, false).result, PAIR_NONE);
}

// A request is lost as a whole: its response gets none, the next pair is found.
static void test_lost_request(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	assert_ptr_equal(reply(&pair, 0, 0, false).tx, &txs[0]);
	http_pair_lost(&pair, CLIENT, true);
	struct answer a = reply_with(
		&pair, (struct http_pair_view){
			       .start = 100, .acked = 200, .known = 100, .client_lossy = true});
	assert_int_equal(a.result, PAIR_NONE);
	ask(&pair, 2, 200);
	assert_true(txs[2].after_loss);
	before = 200; // with the response to the lost one
	a = reply(&pair, 2, 2, true);
	assert_ptr_equal(a.tx, &txs[2]);
	assert_true(a.tx->paired_by_guess);
}

// Two requests at once, the first one lost: the first response must not go to the second.
static void test_lost_request_pipelined(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	http_pair_lost(&pair, CLIENT, true);
	ask(&pair, 1, 0);
	before = 0;
	struct answer a = reply(&pair, 0, 1, true);

	assert_int_equal(a.result, PAIR_NONE);
	assert_int_equal(a.dropped, 1);
	before = 200;
	assert_int_equal(reply(&pair, 1, 1, true).result, PAIR_NONE);
	ask(&pair, 2, 200);
	assert_ptr_equal(reply(&pair, 2, 2, true).tx, &txs[2]);
}

// Requests before a loss keep their order; the one behind it needs proof.
static void test_queue_across_loss(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	ask(&pair, 1, 0);
	http_pair_lost(&pair, CLIENT, true);
	ask(&pair, 3, 0);
	assert_ptr_equal(reply(&pair, 0, 3, true).tx, &txs[0]);
	assert_ptr_equal(reply(&pair, 1, 3, true).tx, &txs[1]);
	assert_int_equal(reply(&pair, 2, 3, true).result, PAIR_NONE);
	assert_int_equal(pair.n, 0);
	assert_int_equal(reply(&pair, 3, 3, true).result, PAIR_NONE);
}

// What the server acknowledged beyond the known requests may hold the one that is answered.
static void test_unknown_bytes(void **)
{
	struct http_pair pair;
	struct http_pair_view view = {
		.start = 100, .acked = 200, .known = 150, .client_lossy = true};

	http_pair_open(&pair, true);
	ask(&pair, 0, 100);
	assert_int_equal(reply_with(&pair, view).result, PAIR_NONE);
	http_pair_open(&pair, true);
	ask(&pair, 0, 100);
	view.known = 200;
	assert_ptr_equal(reply_with(&pair, view).tx, &txs[0]);
	http_pair_open(&pair, true);
	ask(&pair, 0, 100);
	view = (struct http_pair_view){.start = 100, .acked = 99, .known = 99};
	assert_int_equal(reply_with(&pair, view).result, PAIR_NONE); // it was not even received
}

// The response is seen first (two mirror ports): the request that comes late keeps off the queue,
// and the next response does not go to it.
static void test_response_first(void **)
{
	struct http_pair pair;
	struct http_pair_view view = {.start = 0, .acked = 100, .known = 0};

	http_pair_open(&pair, false);
	assert_int_equal(reply_with(&pair, view).result, PAIR_NONE);
	ask(&pair, 0, 0);
	assert_false(txs[0].pending);
	ask(&pair, 1, 100);
	assert_true(txs[1].pending);
	assert_ptr_equal(reply(&pair, 1, 1, false).tx, &txs[1]);
}

// A request held behind a hole claims the response of a later one: neither gets it.
static void test_two_claims(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	http_pair_lost(&pair, CLIENT, false);
	ask(&pair, 1, 200); // delivered late: it began when 100 were acknowledged
	ask(&pair, 2, 201);
	txs[2].req_ack_off = 200;
	struct answer a = reply(&pair, 2, 2, true);

	assert_int_equal(a.result, PAIR_NONE);
	assert_int_equal(a.dropped, 2);
}

// The end of the segment in which a request began is missing: with a client that waits there was
// no other request in it, and two requests that acknowledge the same are of one that does not.
static void test_cut_off(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	for (uint32_t i = 0; i < 4; i++) {
		ask(&pair, i, 100 * i);
		http_pair_cut_off(&pair);
		before = 100 * i;
		assert_ptr_equal(reply(&pair, i, i, true).tx, &txs[i]);
		assert_true(i == 0 || txs[i].paired_by_guess);
	}
	ask(&pair, 4, 400);
	http_pair_cut_off(&pair);
	http_pair_lost(&pair, CLIENT, true); // and the next one
	assert_int_equal(reply(&pair, 4, 4, true).result, PAIR_NONE);
	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	http_pair_cut_off(&pair);
	ask(&pair, 1, 0);
	assert_true(pair.pipelined);
}

// Requests are missing behind the one that could be meant: no proof.
static void test_loss_behind(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	http_pair_lost(&pair, SERVER, false);
	http_pair_lost(&pair, CLIENT, false);
	assert_int_equal(reply(&pair, 0, 0, true).result, PAIR_NONE);
	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	http_pair_lost(&pair, SERVER, false);
	http_pair_lost(&pair, CLIENT, false);
	ask(&pair, 2, 200);
	assert_int_equal(reply(&pair, 0, 2, true).result, PAIR_NONE);
}

static void test_midstream(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, true);
	// The response to something older.
	assert_int_equal(reply_with(&pair, (struct http_pair_view){.start = 0}).result, PAIR_NONE);
	ask(&pair, 0, 100);
	txs[0].req_end_off = 100;
	struct http_pair_view view = {
		.start = 100, .acked = 100, .known = 100, .client_lossy = true};

	assert_ptr_equal(reply_with(&pair, view).tx, &txs[0]);
	assert_true(pair.anchored);
}

// An answer nobody asked for: from then on order proves nothing.
static void test_unsolicited(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	assert_ptr_equal(reply(&pair, 0, 0, false).tx, &txs[0]);
	assert_int_equal(reply(&pair, 1, 0, false).result, PAIR_NONE);
	ask(&pair, 1, 200);
	struct answer a = reply(&pair, 2, 1, false);

	assert_ptr_equal(a.tx, &txs[1]);
}

static void test_give_up(void **)
{
	struct http_pair pair;

	http_pair_open(&pair, false);
	assert_null(http_pair_give_up(&pair));
	http_pair_open(&pair, false);
	ask(&pair, 0, 0);
	ask(&pair, 1, 0);
	http_pair_skip(&pair);
	assert_ptr_equal(http_pair_give_up(&pair), &txs[0]);
	assert_false(pair.anchored);
	assert_int_equal(pair.unfollowed, 0);
	assert_int_equal(pair.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_unfollowed),
		cmocka_unit_test(test_lost_response),
		cmocka_unit_test(test_lost_response_pipelined),
		cmocka_unit_test(test_lost_request),
		cmocka_unit_test(test_lost_request_pipelined),
		cmocka_unit_test(test_queue_across_loss),
		cmocka_unit_test(test_unknown_bytes),
		cmocka_unit_test(test_response_first),
		cmocka_unit_test(test_two_claims),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_loss_behind),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_unsolicited),
		cmocka_unit_test(test_give_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
