// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Connections that take what all of them share and keep it: there is always some left for those who
// come now, and only those who hold it, and have waited longest, are ended for that.

#include "tracker_harness.h"

enum { BLOCKS = 64, SPARE = BLOCKS / 4, MANY = 300 }; // as in relief.c

static struct conv convs[HARNESS_RECORDS];

// A pool of the env from which '+' takes.
static void begin(struct pool *taken, uint32_t holds)
{
	assert_int_equal(pool_init(taken, 64, BLOCKS), 0);
	fake_pool = taken;
	fake_holds = holds;
	tracker_begin();
}

static void end(void)
{
	harness_flush();
	assert_int_equal(fake_pool->used, 0);
	pool_fini(fake_pool);
	tracker_free(tracker);
	tracker = NULL;
}

// The first words of a new connection, a while after those of the one before.
static void open_one(struct conv *v, uint32_t number, const char *text)
{
	*v = conv_make(number, number & 1);
	clock_ns += 1000000;
	say_next(v, CLIENT, text);
	settle(); // nothing can come before it any more
}

static void test_each_kind(void **)
{
	struct pool *const pools[] = {&env.tx,	   &env.capture, &env.body,
				      &env.head4k, &env.head64k, &env.blocks[0]};
	static const uint32_t holds[] = {HOLDS_EXCHANGE, HOLDS_EXCHANGE, HOLDS_EXCHANGE,
					 HOLDS_HEAD,	 HOLDS_HEAD,	 HOLDS_BLOCK};

	for (uint32_t k = 0; k < sizeof(pools) / sizeof(pools[0]); k++) {
		harness_setup(NULL);
		quiet = true;
		begin(pools[k], holds[k]);
		for (uint32_t i = 0; i < MANY; i++) {
			struct conv v;

			open_one(&v, i, "REQ +");
			assert_int_equal(pools[k]->used, i < BLOCKS - SPARE ? i + 1 : BLOCKS - SPARE);
			tracker_check();
		}
		assert_int_equal(fake_without, 0);
		assert_int_equal(env.stats.flows_relieved, MANY - (BLOCKS - SPARE));
		end();
	}
}

// Those who hold nothing, or something else, stay however long they were silent.
static void test_who_stays(void **)
{
	static const uint32_t others[] = {0, HOLDS_HEAD, HOLDS_BLOCK};

	for (uint32_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
		struct pool plenty = {0};
		uint32_t first;

		harness_setup(NULL);
		quiet = true;
		assert_int_equal(pool_init(&plenty, 64, BLOCKS), 0);
		begin(&env.capture, others[k]);
		fake_pool = &plenty;
		for (uint32_t i = 0; i < 20; i++)
			open_one(&convs[i], i, others[k] ? "REQ +" : "REQ");
		first = n_closed;
		assert_int_equal(first, 0);
		for (uint32_t i = 0; i < 20; i++) // their blocks are not of the pool that is scarce
			assert_non_null(table_lookup(&tracker->table, &convs[i].key,
						     hash_flow_key(&convs[i].key, 7)));
		fake_pool = &env.capture;
		fake_holds = HOLDS_EXCHANGE;
		for (uint32_t i = 20; i < MANY; i++) {
			struct conv v;

			open_one(&v, i, "REQ +");
		}
		assert_int_equal(fake_without, 0);
		assert_true(n_closed > 0);
		for (uint32_t i = 0; i < 20; i++) {
			const struct flow *flow = table_lookup(&tracker->table, &convs[i].key,
							       hash_flow_key(&convs[i].key, 7));

			assert_non_null(flow);
			assert_int_equal(flow->state, FLOW_ACTIVE);
			fake_pool = &plenty; // that is where these blocks go back to
			tracker_remove(tracker, tracker->table.flows + (flow - tracker->table.flows),
				       CLOSE_END);
			fake_pool = &env.capture;
		}
		assert_int_equal(plenty.used, 0);
		pool_fini(&plenty);
		end();
	}
}

// Who was heard of lately goes after those who were not, and what came later is joined again.
static void test_longest(void **)
{
	begin(&env.capture, HOLDS_EXCHANGE);
	for (uint32_t i = 0; i < BLOCKS - SPARE; i++)
		open_one(&convs[i], i, "REQ +");
	assert_int_equal(n_closed, 0);
	clock_ns += second;
	say_next(&convs[0], CLIENT, "a");
	for (uint32_t i = 0; i < 2; i++) { // the second and the third go
		struct conv v;

		open_one(&v, BLOCKS + i, "REQ +");
	}
	assert_int_equal(n_closed, 2);
	assert_false(records[0].closed);
	assert_true(records[1].closed && records[2].closed);
	assert_int_equal(records[1].why, CLOSE_EVICTED);
	assert_int_equal(fake_without, 0);
	log_text[0] = 0;
	say_next(&convs[1], CLIENT, "REQ b");
	settle();
	assert_non_null(strstr(log_text, "open~"));
	end();
}

// Requests of nobody, without an end, beside connections that answer slowly: these are not ended. When
// there are no others, it is they who make room.
static void test_one_side_first(void **)
{
	enum { BOTH = 16 };
	uint32_t ended = 0;

	begin(&env.capture, HOLDS_EXCHANGE);
	for (uint32_t i = 0; i < BOTH; i++) {
		convs[i] = conv_make(i, i & 1);
		handshake(&convs[i]);
		say_next(&convs[i], CLIENT, "REQ +");
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct conv v;

		open_one(&v, BOTH + i, "REQ +");
		tracker_check();
	}
	assert_int_equal(fake_without, 0);
	assert_int_equal(env.stats.flows_relieved, BOTH + MANY - (BLOCKS - SPARE));
	for (uint32_t i = 0; i < BOTH; i++) {
		say_next(&convs[i], SERVER, "RSP");
		assert_non_null(table_lookup(&tracker->table, &convs[i].key,
					     hash_flow_key(&convs[i].key, 7)));
	}
	assert_int_equal(fake_pool->used, BLOCKS - SPARE);
	for (uint32_t i = 0; i < MANY; i++) {
		struct conv v = conv_make(BOTH + MANY + i, 0);

		clock_ns += 1000000;
		handshake(&v);
		say_next(&v, CLIENT, "REQ +");
		settle();
	}
	assert_int_equal(fake_without, 0);
	for (uint32_t i = 0; i < BOTH; i++)
		ended += !table_lookup(&tracker->table, &convs[i].key,
				       hash_flow_key(&convs[i].key, 7));
	assert_int_equal(ended, BOTH);
	end();
}

// What waited behind a hole wants memory when the wait is over: all at once.
static void test_behind_holes(void **)
{
	enum { WAITING = 2000, ROOM = 1024, ROOM_SPARE = 64 };

	quiet = true;
	limits.gap_ms = 1000;
	limits.flows = limits.conns = 4096;
	assert_int_equal(pool_init(&env.capture, 64, ROOM), 0);
	fake_pool = &env.capture;
	fake_holds = HOLDS_EXCHANGE;
	tracker_begin();
	for (uint32_t i = 0; i < WAITING; i++) {
		struct conv v = conv_make(i, i & 1);

		handshake(&v);
		at(&v, CLIENT, 100, "REQ +");
	}
	assert_int_equal(fake_pool->used, 0);
	tick(2 * second);
	tick(2 * second);
	tracker_check();
	assert_int_equal(fake_pool->used, ROOM - ROOM_SPARE);
	assert_int_equal(fake_without, 0);
	assert_int_equal(env.stats.flows_relieved, WAITING - (ROOM - ROOM_SPARE));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tracker_test(test_each_kind),
		tracker_test(test_who_stays),
		tracker_test(test_longest),
		tracker_test(test_one_side_first),
		tracker_test(test_behind_holes),
	};

	return cmocka_run_group_tests(tests, harness_group, harness_group_end);
}
