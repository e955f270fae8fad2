// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/frag_queue.c"

enum { NODES = 4096 };

static struct frag_node nodes[NODES + 1];
static struct frag_queues q;

static int setup(void **)
{
	memset(nodes, 0, sizeof(nodes));
	q = (struct frag_queues){.nodes = nodes};
	return 0;
}

static void add(uint32_t i, enum frag_trust trust, uint64_t hash, uint32_t cost)
{
	frag_queue_add(&q, i, trust, hash);
	frag_queue_cost(&q, i, cost);
}

static uint32_t take(void)
{
	uint32_t i = frag_queue_victim(&q);

	if (i)
		frag_queue_remove(&q, i);
	return i;
}

static void test_oldest(void **)
{
	assert_int_equal(frag_queue_victim(&q), 0);
	for (uint32_t i = 1; i <= 100; i++)
		add(i, FRAG_UNKNOWN, 7, 1 + i % 3);
	frag_queue_remove(&q, 1);
	frag_queue_remove(&q, 50);
	frag_queue_remove(&q, 100);
	for (uint32_t i = 2; i < 100; i++) {
		if (i != 50)
			assert_int_equal(take(), i);
	}
	assert_int_equal(take(), 0);
	assert_int_equal(q.cost[FRAG_UNKNOWN], 0);
}

// The one that holds most, by cost and not by number.
static void test_longest(void **)
{
	for (uint32_t i = 1; i <= 100; i++)
		add(i, FRAG_UNKNOWN, i, 2);
	add(101, FRAG_UNKNOWN, 200, 30);
	add(102, FRAG_UNKNOWN, 200, 1);
	assert_int_equal(take(), 101);
	frag_queue_cost(&q, 40, 3);
	assert_int_equal(take(), 40);
	for (uint32_t i = 0; i < 99; i++)
		assert_int_not_equal(take(), 102);
	assert_int_equal(take(), 102);
}

// Half full of one each, half of one sender: it comes down to what the others hold.
static void test_fair(void **)
{
	uint32_t left = 0;

	for (uint32_t i = 1; i <= NODES; i++)
		add(i, FRAG_UNKNOWN, i <= NODES / 2 ? i : 5, 1);
	for (uint32_t i = 0; i < NODES / 2 - 8; i++)
		take();
	for (uint32_t i = 1; i <= NODES; i++)
		left += i <= NODES / 2 && i % FRAG_QUEUES != 5 && nodes[i].cost;
	assert_int_equal(left, NODES / 2 - NODES / 2 / FRAG_QUEUES);
}

// The lowest goes first, until it has no more than its own.
static void test_trust(void **)
{
	for (uint32_t i = 1; i <= 100; i++) {
		add(i, FRAG_UNKNOWN, i, 1);
		add(100 + i, FRAG_WHOLE, i, 1);
		add(200 + i, FRAG_ANSWERED, i, 1);
	}
	for (uint32_t i = 0; i < 300; i++) {
		uint32_t sum = q.cost[0] + q.cost[1] + q.cost[2];
		uint32_t victim = frag_queue_victim(&q);
		enum frag_trust trust = nodes[victim].trust;

		assert_true(4 * q.cost[trust] >= sum * queue_parts[trust]);
		for (uint32_t k = 0; k < trust; k++)
			assert_true(4 * q.cost[k] < sum * queue_parts[k] || !q.cost[k]);
		if (i < 20)
			assert_true(victim <= 100);
		frag_queue_remove(&q, victim);
	}
	assert_int_equal(take(), 0);
	// One above all others: it leaves them what is theirs.
	for (uint32_t i = 1; i <= 1000; i++)
		add(i, FRAG_ANSWERED, 1, 1);
	for (uint32_t i = 1; i <= 100; i++)
		add(1000 + i, FRAG_UNKNOWN, i, 1);
	for (uint32_t i = 0; i < 600; i++)
		assert_true(take() <= 1000);
}

// Anything, against a walk over all.
static void test_random(void **)
{
	uint64_t state = 1;

	for (uint32_t step = 0; step < 100000; step++) {
		uint32_t sum[FRAG_TRUSTS] = {0}, i;

		state = state * 6364136223846793005 + 1442695040888963407;
		i = 1 + (uint32_t)(state >> 33) % 64;
		if (nodes[i].cost && state >> 60 < 6)
			frag_queue_remove(&q, i);
		else if (nodes[i].cost)
			frag_queue_cost(&q, i, 1 + (uint32_t)(state >> 50) % 64);
		else
			add(i, (uint32_t)(state >> 40) % FRAG_TRUSTS, state >> 45 & 7, 1);
		for (i = 1; i <= 64; i++)
			sum[nodes[i].trust] += nodes[i].cost;
		assert_memory_equal(sum, q.cost, sizeof(sum));
		if (step % 10 == 0 && take() == 0)
			assert_int_equal(sum[0] + sum[1] + sum[2], 0);
	}
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_oldest), TEST(test_longest), TEST(test_fair),
		TEST(test_trust),  TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
