// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The ageing wheel: a flow comes out after its time, never before it unless its time is more than
// a turn away, and exactly once; lists stay whole whatever is taken out of their middle.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/hash.h"
#include "flows/wheel.c"

enum { FLOWS = 500 };

static struct table table;
static struct wheel wheel;
static struct flow *flows[FLOWS];
static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static int setup(void **)
{
	random_state = 1;
	wheel = (struct wheel){0};
	assert_int_equal(table_init(&table, FLOWS), 0);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow_key key = {.port = {1, (uint16_t)i}};

		flows[i] = table_insert(&table, &key, hash_flow_key(&key, 1));
		assert_non_null(flows[i]);
		flows[i]->id = i;
	}
	return 0;
}

static int teardown(void **)
{
	table_fini(&table);
	return 0;
}

static uint32_t check_lists(void)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++) {
		uint32_t before = 0;

		for (uint32_t i = wheel.head[slot]; i; i = table.flows[i - 1].next) {
			assert_int_equal(table.flows[i - 1].prev, before);
			assert_int_equal(table.flows[i - 1].wheel_slot, slot);
			before = i;
			assert_true(++n <= FLOWS);
		}
	}
	return n;
}

static void test_due(void **)
{
	wheel_add(&wheel, &table, flows[0], 5);
	wheel_add(&wheel, &table, flows[1], 5);
	wheel_add(&wheel, &table, flows[2], 6);
	assert_null(wheel_due(&wheel, &table, 5)); // the fifth second is not over
	assert_non_null(wheel_due(&wheel, &table, 6));
	assert_non_null(wheel_due(&wheel, &table, 6));
	assert_null(wheel_due(&wheel, &table, 6));
	assert_null(wheel_due(&wheel, &table, 3)); // time does not run backwards
	assert_ptr_equal(wheel_due(&wheel, &table, 7), flows[2]);
	assert_null(wheel_due(&wheel, &table, 1000000));
	assert_int_equal(check_lists(), 0);
}

// Times that are over, or more than a turn away, are put where they will be found.
static void test_edges(void **)
{
	wheel.now_s = 1000;
	wheel_add(&wheel, &table, flows[0], 3);
	wheel_add(&wheel, &table, flows[1], 1000);
	assert_null(wheel_due(&wheel, &table, 1001));
	assert_non_null(wheel_due(&wheel, &table, 1002));
	assert_non_null(wheel_due(&wheel, &table, 1002));
	wheel_add(&wheel, &table, flows[2], 1001 + WHEEL_SLOTS - 1);
	wheel_add(&wheel, &table, flows[3], 1001 + WHEEL_SLOTS);
	wheel_add(&wheel, &table, flows[4], UINT32_MAX);
	assert_null(wheel_due(&wheel, &table, 1001 + WHEEL_SLOTS - 1));
	for (uint32_t i = 0; i < 3; i++)
		assert_non_null(wheel_due(&wheel, &table, 1001 + WHEEL_SLOTS));
	assert_null(wheel_due(&wheel, &table, 1001 + WHEEL_SLOTS));
	// A silence of many turns.
	for (uint32_t i = 0; i < FLOWS; i++)
		wheel_add(&wheel, &table, flows[i], wheel.now_s + 1 + i);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_non_null(wheel_due(&wheel, &table, 4000000000));
	assert_null(wheel_due(&wheel, &table, 4000000000));
	assert_int_equal(wheel.now_s, 4000000000);
}

// As a tracker uses it: what comes out too early is linked again.
static void test_random(void **)
{
	static uint32_t due[FLOWS]; // 0: not in the wheel
	uint32_t now = 1, n = 0, n_out = 0;

	for (uint32_t round = 0; round < 20000; round++) {
		for (uint32_t k = random_below(30); k > 0; k--) {
			uint32_t i = random_below(FLOWS);

			if (due[i] && random_below(2)) {
				wheel_remove(&wheel, &table, flows[i]);
				due[i] = 0;
				n--;
			} else if (!due[i]) {
				due[i] = now + 1 + random_below(random_below(4) ? 400 : 1500);
				wheel_add(&wheel, &table, flows[i], due[i]);
				n++;
			}
		}
		now += random_below(50) ? random_below(3) : random_below(2000);
		struct flow *flow;
		uint32_t turns = 0;
		while ((flow = wheel_due(&wheel, &table, now))) {
			uint32_t i = (uint32_t)flow->id;

			assert_true(due[i] != 0);
			assert_true(++turns <= 3 * FLOWS);
			if (due[i] > now) {
				wheel_add(&wheel, &table, flow, due[i]);
				continue;
			}
			due[i] = 0;
			n--;
			n_out++;
		}
		for (uint32_t i = 0; i < FLOWS; i++)
			assert_true(due[i] == 0 || due[i] >= now);
		if (round % 100 == 0)
			assert_int_equal(check_lists(), n);
	}
	assert_true(n_out > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_due, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
