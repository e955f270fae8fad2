// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The tables of endpoints and principals: their bounds, the areas in them, the rings of calls,
// and the map under them.

#include "tests/unit/merge_fixture.h"

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return random_state >> 33;
}

static void test_areas_aligned(void **unused)
{
	assert_non_null(unused);
	for (uint64_t i = 1; i < 100; i++) {
		delta_add(delta, i, i, 0, 200);
		delta_endpoint(delta, i, i, "", "", "");
	}
	run_epoch(1);
	for (uint32_t i = 0; i < 99; i++) {
		struct merged_principal *p = merger_principal_at(merger, i);

		assert_int_equal((uintptr_t)principal_area(merger, p, 0) % 16, 0);
		assert_int_equal((uintptr_t)principal_area(merger, p, 1) % 16, 0);
		// Inside of the block, not over one another.
		assert_true((uint8_t *)principal_area(merger, p, 1) - (uint8_t *)principal_area(merger, p, 0) >= 8);
		memset(principal_area(merger, p, 0), 0xff, 8);
		memset(principal_area(merger, p, 1), 0xff, 3);
		memset(merger_endpoint_at(merger, i)->area[0], 0xff, 8);
	}
}

// ---- Bounds

static void test_endpoints_bounded(void **unused)
{
	assert_non_null(unused);
	merger->known.max_endpoints = 10;
	for (uint64_t i = 1; i <= 15; i++) {
		delta_endpoint(delta, i, i, "h", "GET", "/");
		delta_endpoint(delta, i, i, "h", "GET", "/"); // another worker says the same
		delta_add(delta, i, 3, i, 200);
	}
	run_epoch(1);
	assert_int_equal(merger_endpoints(merger), 10);
	assert_int_equal(merger->known.endpoints_lost, 5);
	assert_non_null(merger_endpoint(merger, 10)); // those that came first
	assert_null(merger_endpoint(merger, 11));
	assert_int_equal(merger_principal(merger, 3)->calls, 15);
}

// A WebSocket message is no call: it leaves the counts of its upgrade alone.
static void test_message(void **)
{
	struct known_endpoint e = {0};
	struct call upgrade = {.time_ns = 5, .status = 101};
	struct call message = {.time_ns = 9, .status = 101, .n_values = 3, .flags = CALL_MESSAGE};

	known_endpoint_call(&e, &upgrade);
	known_endpoint_call(&e, &message);
	assert_int_equal(e.pub.calls, 1);
	assert_int_equal(e.pub.status[1], 1);
	assert_int_equal(e.pub.ok, 0);
	assert_true(e.pub.first_ns == 5 && e.pub.last_ns == 9);
}

static void test_longest_idle_goes(void **unused)
{
	assert_non_null(unused);
	merger->known.max_principals = 4;
	for (uint64_t i = 1; i <= 4; i++) {
		delta_principal(delta, i, i, "u", 1);
		delta_add(delta, i, i, 0, 200);
	}
	delta_add(delta, 10, 1, 0, 200); // the first one comes back
	run_epoch(1);
	delta_principal(delta, 20, 5, "u5", 1);
	delta_add(delta, 20, 5, 0, 200);
	run_epoch(2);
	assert_int_equal(merger_principals(merger), 4);
	assert_int_equal(merger->known.principals_lost, 1);
	assert_null(merger_principal(merger, 2));
	assert_int_equal(merger_principal(merger, 1)->calls, 2);
	assert_string_equal(merger_principal(merger, 5)->user, "u5");
	delta_add(delta, 30, 2, 0, 200); // its worker thinks that it is still known
	run_epoch(3);
	assert_null(merger_principal(merger, 3));
	assert_int_equal(merger_principal(merger, 2)->calls, 1);
	assert_string_equal(merger_principal(merger, 2)->user, "");
	for (uint32_t i = 0; i < 4; i++) // the list has no holes
		assert_ptr_equal(merger_principal_at(merger, i),
				 merger_principal(merger, merger_principal_at(merger, i)->id));
}

// Many more than there is room for, in one epoch: each is counted when its time comes.
static void test_flood_of_principals(void **unused)
{
	assert_non_null(unused);
	merger->known.max_principals = 50;
	for (uint64_t i = 1; i <= 1000; i++) {
		delta_principal(delta, i * 10, i, "u", 1);
		delta_add(delta, i * 10, i, 0, 200);
		delta_add(delta, i * 10 + 1, i, 0, 200);
		delta_add(delta, i * 10 + 2, 5000, 0, 200); // always busy
	}
	run_epoch(1);
	assert_int_equal(merger_principals(merger), 50);
	assert_int_equal(merger->known.principals_lost, 951);
	assert_int_equal(merger_principal(merger, 5000)->calls, 1000);
	assert_int_equal(merger_principal(merger, 1000)->calls, 2);
	assert_int_equal(merger_principal(merger, 952)->calls, 2);
	assert_null(merger_principal(merger, 951));
	assert_int_equal(alpha_of(merger)->calls, 3000);
}

// A map under random additions and removals against a plain list.
static void test_map(void **unused)
{
	static bool there[512];
	struct idmap map = {0};

	assert_non_null(unused);
	memset(there, 0, sizeof(there));
	random_state = 5;
	assert_null(idmap_get(&map, 1));
	for (uint32_t round = 0; round < 50000; round++) {
		uint64_t id = 1 + random_next() % 511;
		// Some share their place: the same upper half of the product.
		uint64_t key = id % 4 ? id : id << 60 | id;

		if (there[id]) {
			assert_ptr_equal(idmap_get(&map, key), &there[id]);
			idmap_remove(&map, key);
		} else {
			assert_null(idmap_get(&map, key));
			assert_true(idmap_add(&map, key, &there[id]));
		}
		there[id] = !there[id];
		if (round % 1000 == 0) {
			uint32_t n = 0;

			for (uint64_t i = 1; i < 512; i++) {
				n += there[i];
				assert_ptr_equal(idmap_get(&map, i % 4 ? i : i << 60 | i),
						 there[i] ? &there[i] : NULL);
			}
			assert_int_equal(map.n, n);
		}
	}
	idmap_fini(&map);
}

// ---- Histories

static void test_history_grows_and_turns(void **unused)
{
	struct known_call calls[ISSUE_MAX_HISTORY];
	static const uint32_t limits[] = {0, 1, 3, 4, 5, 10, 16, 31, 32, 33, 1000};

	assert_non_null(unused);
	for (uint32_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
		uint32_t limit = limits[k] < 32 ? limits[k] : 32;
		struct known known;
		struct known_principal *p;

		known_init(&known, 1, 1, limits[k]);
		p = known_principal_add(&known, 1);
		for (uint64_t i = 0; i < 100; i++) {
			uint32_t n;

			known_principal_call(&known, p, &(struct call){.time_ns = i});
			n = known_history(p, calls);
			assert_int_equal(n, i + 1 < limit ? i + 1 : limit);
			for (uint32_t at = 0; at < n; at++)
				assert_int_equal(calls[at].time_ns, i + 1 - n + at);
		}
		known_clear(&known);
	}
}

// A ring that could not grow when it should have turns, and grows later.
static void test_history_grows_late(void **unused)
{
	struct known_call calls[ISSUE_MAX_HISTORY];
	struct known_principal *p;
	struct known known;

	assert_non_null(unused);
	for (uint64_t failing = 0; failing < 12; failing++) {
		known_init(&known, 1, 1, 16);
		p = known_principal_add(&known, 1);
		for (uint64_t i = 0; i < 100; i++) {
			uint32_t n;

			n_allocs = 0;
			fail_at = i >= 4 && i < 4 + failing;
			known_principal_call(&known, p, &(struct call){.time_ns = i});
			fail_at = 0;
			n = known_history(p, calls);
			assert_true(n >= (i < 4 ? i + 1 : 4));
			for (uint32_t at = 0; at < n; at++)
				assert_int_equal(calls[at].time_ns, i + 1 - n + at);
		}
		assert_int_equal(p->n_history, 16);
		known_clear(&known);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_areas_aligned),
		TEST(test_endpoints_bounded),
		TEST(test_message),
		TEST(test_longest_idle_goes),
		TEST(test_flood_of_principals),
		TEST(test_map),
		TEST(test_history_grows_and_turns),
		TEST(test_history_grows_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
