// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The flow table against a plain array: everything that was inserted is found, nothing else is,
// and a full table or a pair of full buckets refuses without harm.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/hash.h"
#include "flows/table.c"

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = hash_mix(random_state + UINT64_C(0x9e3779b97f4a7c15));
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static int setup(void **)
{
	random_state = 1;
	return 0;
}

static struct flow_key key_of(uint32_t i)
{
	struct flow_key key = {.port = {80, (uint16_t)i}, .space_proto = 6};

	memcpy(key.addr[0], &i, sizeof(i));
	return key;
}

static void test_insert_lookup_remove(void **)
{
	enum { KEYS = 3000, MAX = 1000 };
	static struct flow *there[KEYS];
	struct table table;
	uint32_t used = 0, most = 0;

	assert_int_equal(table_init(&table, MAX), 0);
	for (uint32_t round = 0; round < 200000; round++) {
		uint32_t i = random_below(KEYS);
		struct flow_key key = key_of(i);
		uint64_t hash = hash_flow_key(&key, 1);
		struct flow *flow = table_lookup(&table, &key, hash);

		assert_ptr_equal(flow, there[i]);
		if (flow) {
			const struct flow *candidate = table_candidate(&table, hash);

			assert_non_null(candidate);
			assert_int_equal(flow->id, i);
			assert_memory_equal(&flow->key, &key, sizeof(key));
		}
		if (flow && random_below(3) < 2) {
			flow->next = 77; // whoever had it in a list forgot to say so
			table_remove(&table, flow);
			assert_int_equal(flow->state, FLOW_FREE);
			table_remove(&table, flow); // twice is once
			there[i] = NULL;
			used--;
		} else if (!flow) {
			flow = table_insert(&table, &key, hash);
			assert_int_equal(flow == NULL, used == MAX);
			if (flow) {
				static const struct flow zero;

				assert_true(table_index(&table, flow) < MAX);
				assert_int_equal(flow->hash, hash);
				flow->hash = 0;
				assert_memory_equal((char *)flow + sizeof(key),
						    (const char *)&zero + sizeof(key),
						    sizeof(zero) - sizeof(key));
				flow->hash = hash;
				flow->id = i;
				flow->state = FLOW_ACTIVE;
				there[i] = flow;
				used++;
			}
		}
		assert_int_equal(table.used, used);
		most = used > most ? used : most;
	}
	assert_int_equal(most, MAX);
	assert_true(table.full > 0);
	table_fini(&table);
}

// All that was asked for goes in: at this load two choices are enough.
static void test_fill(void **)
{
	static const uint32_t sizes[] = {1, 2, 63, 64, 307, 308, 1024, 20000, 314573};

	for (uint32_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct table table;

		assert_int_equal(table_init(&table, sizes[k]), 0);
		assert_int_equal(table.mask & (table.mask + 1), 0);
		for (uint64_t seed = 0; seed < (k < 6 ? 50 : 1); seed++) {
			for (uint32_t i = 0; i < sizes[k]; i++) {
				struct flow_key key = key_of(i);

				assert_non_null(
					table_insert(&table, &key, hash_flow_key(&key, seed)));
			}
			struct flow_key more = key_of(sizes[k]);
			assert_null(table_insert(&table, &more, hash_flow_key(&more, seed)));
			assert_int_equal(table.full, seed + 1);
			for (uint32_t i = 0; i < sizes[k]; i++) {
				struct flow_key key = key_of(i);
				struct flow *flow =
					table_lookup(&table, &key, hash_flow_key(&key, seed));

				assert_non_null(flow);
				table_remove(&table, flow);
				assert_null(table_lookup(&table, &key, hash_flow_key(&key, seed)));
			}
			assert_int_equal(table.used, 0);
		}
		table_fini(&table);
		assert_null(table.buckets);
	}
}

// Keys with one and the same hash: two buckets of eight, or one when they are the same.
static void test_one_hash(void **)
{
	static const uint64_t hashes[] = {0, UINT64_MAX, UINT64_C(0x1234) << 48,
					  UINT64_C(0x40) << 48};

	for (uint32_t k = 0; k < sizeof(hashes) / sizeof(hashes[0]); k++) {
		struct table table;
		struct flow *flows[17];
		uint32_t room = 8;

		assert_int_equal(table_init(&table, 300), 0);
		if (first_of(&table, hashes[k]) != second_of(&table, hashes[k]))
			room = 16;
		for (uint32_t i = 0; i < 17; i++) {
			struct flow_key key = key_of(i);

			flows[i] = table_insert(&table, &key, hashes[k]);
			assert_int_equal(flows[i] != NULL, i < room);
		}
		assert_int_equal(table.used, room);
		assert_int_equal(table.full, 17 - room);
		for (uint32_t i = 0; i < 17; i++) {
			struct flow_key key = key_of(i);

			assert_ptr_equal(table_lookup(&table, &key, hashes[k]), flows[i]);
		}
		// Out of the middle, and in again.
		table_remove(&table, flows[3]);
		table_remove(&table, flows[room - 1]);
		struct flow_key key = key_of(3);
		assert_null(table_lookup(&table, &key, hashes[k]));
		flows[3] = table_insert(&table, &key, hashes[k]);
		assert_non_null(flows[3]);
		for (uint32_t i = 0; i + 1 < room; i++) {
			key = key_of(i);
			assert_ptr_equal(table_lookup(&table, &key, hashes[k]), flows[i]);
		}
		table_fini(&table);
	}
	// The other bucket of the last one is the same.
	struct table table;
	assert_int_equal(table_init(&table, 300), 0);
	assert_ptr_equal(first_of(&table, hashes[3]), second_of(&table, hashes[3]));
	table_fini(&table);
}

// Equal tags of unequal hashes, equal hashes of unequal keys.
static void test_not_the_same(void **)
{
	struct flow_key a = key_of(1), b = key_of(2);
	struct table table;

	assert_int_equal(table_init(&table, 100), 0);
	struct flow *flow = table_insert(&table, &a, 0x123400000005);
	assert_non_null(flow);
	assert_ptr_equal(table_lookup(&table, &a, 0x123400000005), flow);
	assert_null(table_lookup(&table, &b, 0x123400000005));
	assert_null(table_lookup(&table, &a, 0x123500000005));
	assert_ptr_equal(table_candidate(&table, 0x123500000005), flow); // only a guess
	assert_null(table_candidate(&table, 0x7777000000000005));
	table_fini(&table);
}

static void test_empty(void **)
{
	struct flow_key key = key_of(1);
	struct table table;

	assert_int_equal(table_init(&table, 0), 0);
	assert_null(table_lookup(&table, &key, 5));
	assert_null(table_candidate(&table, 5));
	table_prefetch(&table, 5);
	assert_null(table_insert(&table, &key, 5));
	table_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_insert_lookup_remove, setup),
		cmocka_unit_test_setup(test_fill, setup),
		cmocka_unit_test_setup(test_one_hash, setup),
		cmocka_unit_test_setup(test_not_the_same, setup),
		cmocka_unit_test_setup(test_empty, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
