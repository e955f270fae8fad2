// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The most frequent values: bounds against exact counts, merges in every order.

#include "detect/topk.h"
#include "tests/unit/sketch_fixture.h"

enum { K = 32, IDS = 2000, PARTS = 5, ADDS = 30000 };

static struct topk_entry room[PARTS][K], scratch[PARTS * K], out[2][K];
static struct topk part[PARTS];
static uint64_t exact[IDS + 1];

// Ids 1 .. n, the lower the more frequent.
static void fill(uint32_t n, uint64_t *seed)
{
	memset(exact, 0, sizeof(exact));
	for (uint32_t p = 0; p < PARTS; p++)
		part[p] = (struct topk){0, room[p]};
	for (uint32_t i = 0; i < ADDS; i++) {
		double u = random_unit(seed);
		uint64_t id = 1 + (uint64_t)(n * u * u * u * u * u), r = random_next(seed);

		exact[id] += 1 + r % 3;
		topk_add(&part[(r >> 20) % PARTS], K, id, 1 + r % 3);
	}
}

static void check(const struct topk *t, const uint64_t *counts, uint64_t sum)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct topk_entry *e = &t->entry[i];

		assert_true(e->error <= e->count);
		assert_in_range(counts[e->id], e->count - e->error, e->count);
		assert_true(i == 0 || topk_by_count(e - 1, e) < 0);
		assert_ptr_equal(topk_find(t, e->id), e);
	}
	for (uint64_t id = 1; id <= IDS; id++) {
		const struct topk_entry *e = topk_find(t, id);

		if (!e)
			assert_true(counts[id] <= topk_least(t, K));
		assert_true(e || counts[id] <= sum / K);
	}
}

static void test_bounds(void **)
{
	for (uint64_t seed = 1, run = 0; run < 10; run++) {
		struct topk t = {0, out[0]};
		uint64_t sum = 0;

		memset(exact, 0, sizeof(exact));
		for (uint32_t i = 0; i < ADDS; i++) {
			double u = random_unit(&seed);
			uint64_t id = 1 + (uint64_t)(IDS * pow(u, 8));

			exact[id]++;
			sum++;
			topk_add(&t, K, id, 1);
		}
		check(&t, exact, sum);
		assert_true(topk_least(&t, K) <= sum / K);
		assert_true(t.entry[0].id == 1 && t.entry[1].id == 2); // 39 % and 4 %
	}
}

static void test_merge(void **)
{
	const struct topk *order[PARTS];

	for (uint64_t seed = 2, run = 0; run < 20; run++) {
		struct topk all = {0, out[0]}, again = {0, out[1]};
		uint64_t sum = 0;

		fill(IDS, &seed);
		for (uint32_t p = 0; p < PARTS; p++)
			order[p] = &part[p];
		for (uint32_t id = 0; id <= IDS; id++)
			sum += exact[id];
		topk_merge(&all, K, order, PARTS, scratch);
		assert_int_equal(all.n, K);
		check(&all, exact, sum);
		for (uint32_t turn = 0; turn < 30; turn++) {
			uint32_t a = random_next(&seed) % PARTS, b = random_next(&seed) % PARTS;
			const struct topk *one = order[a];

			order[a] = order[b];
			order[b] = one;
			topk_merge(&again, K, order, PARTS, scratch);
			assert_int_equal(again.n, all.n);
			assert_memory_equal(again.entry, all.entry, sizeof(out[0]));
		}
		// An empty one changes nothing.
		topk_merge(&again, K, (const struct topk *[]){&all, &(struct topk){0}}, 2, scratch);
		assert_memory_equal(again.entry, all.entry, sizeof(out[0]));
	}
}

// While nothing is left out, merges of merges are exact, in any order.
static void test_exact(void **)
{
	for (uint64_t seed = 3, run = 0; run < 20; run++) {
		struct topk left = {0, out[0]}, right = {0, out[1]};
		static struct topk_entry more[2][K];

		fill(K - 1, &seed);
		for (uint32_t p = 0; p < PARTS; p++) {
			struct topk next = {0, more[p % 2]};

			topk_merge(&next, K, (const struct topk *[]){&left, &part[p]}, 2, scratch);
			left = next;
		}
		memcpy(out[0], left.entry, left.n * sizeof(out[0][0]));
		for (uint32_t p = PARTS; p-- > 0;) {
			struct topk next = {0, more[p % 2]};

			topk_merge(&next, K, (const struct topk *[]){&part[p], &right}, 2, scratch);
			right = next;
		}
		assert_int_equal(left.n, right.n);
		assert_memory_equal(out[0], right.entry, left.n * sizeof(out[0][0]));
		for (uint32_t i = 0; i < left.n; i++)
			assert_true(out[0][i].count == exact[out[0][i].id] && !out[0][i].error);
	}
}

static void test_ties(void **)
{
	struct topk t = {0, out[0]};

	topk_merge(&t, 2, NULL, 0, NULL);
	assert_int_equal(t.n, 0);
	topk_add(&t, 2, 9, 0);
	assert_int_equal(t.n, 0);
	topk_add(&t, 2, 9, 4);
	topk_add(&t, 2, 7, 4);
	assert_true(t.entry[0].id == 7 && t.entry[1].id == 9);
	topk_add(&t, 2, 8, 1); // the last one, 9, goes
	assert_true(t.entry[0].id == 8 && t.entry[0].count == 5 && t.entry[0].error == 4);
	assert_true(t.entry[1].id == 7 && !topk_find(&t, 9));
	assert_true(topk_least(&t, 2) == 4 && topk_least(&t, 3) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_ties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
