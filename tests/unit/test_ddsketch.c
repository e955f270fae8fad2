// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// DDSketch: quantiles against sorted values, merges against the whole, bit for bit.

#include "detect/ddsketch.h"
#include "tests/unit/sketch_fixture.h"

enum { VALUES = 20000, PARTS = 16 };

struct sketch {
	struct ddsketch s;
	uint32_t bin[DDSKETCH_LARGE];
};

static double values[VALUES];

// Numbers like sizes, times and counts, some of them 0.
static double draw(uint32_t kind, uint64_t *seed)
{
	switch (kind) {
	case 0:
		return floor(1000 * random_unit(seed));
	case 1:
		return exp(4 + 2 * random_normal(seed));
	case 2:
		return floor(100 / pow(random_unit(seed), 2));
	case 3:
		return floor(-20 * log(random_unit(seed)));
	default:
		return 1e-6 + 1e-8 * random_unit(seed);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void test_error(void **)
{
	static const uint32_t bins[] = {DDSKETCH_SMALL, DDSKETCH_LARGE};

	for (uint32_t b = 0; b < 2; b++) {
		double worst = 0;
		uint32_t judged = 0, bounds = 0;

		for (uint32_t kind = 0; kind < 5; kind++) {
			struct sketch k = {0};
			uint64_t seed = kind;

			for (uint32_t i = 0; i < VALUES; i++) {
				values[i] = draw(kind, &seed);
				assert_true(ddsketch_add(&k.s, k.bin, bins[b], values[i], 1));
			}
			qsort(values, VALUES, sizeof(values[0]), compare);
			assert_true(k.s.min == values[0] && k.s.max == values[VALUES - 1]);
			assert_true(k.s.count == VALUES);
			for (uint32_t i = 0; i <= 1000; i++) {
				double q = i / 1000.0, exact = values[(uint32_t)(q * (VALUES - 1))];
				double got = ddsketch_quantile(&k.s, k.bin, bins[b], q);

				if (exact > 0 && exact <= ddsketch_floor(&k.s, bins[b])) {
					bounds++;
					assert_true(got >= exact * (1 - DDSKETCH_ERROR));
					continue;
				}
				judged++;
				assert_true(fabs(got - exact) <=
					    exact * DDSKETCH_ERROR * 1.0000001);
				if (exact > 0)
					worst = fmax(worst, fabs(got / exact - 1));
			}
		}
		assert_true(judged > 1000);
		print_message("%u bins: error at worst %.3f %% of %u quantiles, %u upper bounds\n",
			      bins[b], 100 * worst, judged, bounds);
	}
}

static void assert_same(const struct sketch *a, const struct sketch *b)
{
	assert_true(a->s.count == b->s.count && a->s.zeros == b->s.zeros);
	assert_true(a->s.min == b->s.min && a->s.max == b->s.max);
	assert_true(a->s.count == a->s.zeros || a->s.top == b->s.top);
	assert_memory_equal(a->bin, b->bin, sizeof(a->bin));
}

static void merge(struct sketch *into, const struct sketch *other, uint32_t n)
{
	ddsketch_merge(&into->s, into->bin, &other->s, other->bin, n);
}

static void merge_all(uint32_t n, uint32_t kind, uint64_t *seed)
{
	struct sketch whole = {0}, part[PARTS] = {0}, forward = {0}, backward = {0}, tree;

	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t r = random_next(seed);
		// Parts see different sizes, so that each one's bins lie elsewhere.
		double value = draw(kind, seed) * (1 + (double)(r % PARTS) * (r % PARTS));
		uint64_t times = r >> 60 ? 1 : r >> 30 & 0x3fffffff;

		ddsketch_add(&whole.s, whole.bin, n, value, times);
		ddsketch_add(&part[r % PARTS].s, part[r % PARTS].bin, n, value, times);
	}
	for (uint32_t i = 0; i < PARTS; i++) {
		merge(&forward, &part[i], n);
		merge(&backward, &part[PARTS - 1 - i], n);
	}
	assert_same(&forward, &whole);
	assert_same(&backward, &whole);
	for (uint32_t step = 1; step < PARTS; step *= 2) {
		for (uint32_t i = 0; i + step < PARTS; i += 2 * step)
			merge(&part[i], &part[i + step], n);
	}
	assert_same(&part[0], &whole);
	tree = whole;
	merge(&tree, &(struct sketch){0}, n);
	assert_same(&tree, &whole);
}

static void test_laws(void **)
{
	uint64_t seed = 1;

	for (uint32_t kind = 0; kind < 5; kind++) {
		for (uint32_t i = 0; i < 20; i++) {
			merge_all(16, kind, &seed);
			merge_all(DDSKETCH_SMALL, kind, &seed);
			merge_all(DDSKETCH_LARGE, kind, &seed);
		}
	}
}

static void test_edges(void **)
{
	struct sketch k = {0}, other = {0};

	assert_true(isnan(ddsketch_quantile(&k.s, k.bin, DDSKETCH_LARGE, 0.5)));
	assert_false(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, -1, 1));
	assert_false(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, NAN, 1));
	assert_false(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, INFINITY, 1));
	assert_true(k.s.count == 0);
	assert_true(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, 0, 3));
	assert_true(ddsketch_quantile(&k.s, k.bin, DDSKETCH_LARGE, 1) == 0);
	assert_true(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, 1e-300, 1));
	assert_true(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, 5, 0));
	assert_true(k.s.count == 4 && k.s.zeros == 4);
	// The farthest jump; then what is below goes to the lowest.
	assert_true(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, 1e-9, 1));
	assert_true(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, 1.7e308, 1));
	assert_true(ddsketch_add(&k.s, k.bin, DDSKETCH_LARGE, 1, 1));
	assert_true(k.s.count == 7 && k.s.max == 1.7e308);
	assert_int_equal(k.bin[(uint32_t)(k.s.top + 1) % DDSKETCH_LARGE], 2);
	assert_true(ddsketch_quantile(&k.s, k.bin, DDSKETCH_LARGE, 1) >= 1.6e308);
	assert_true(ddsketch_quantile(&k.s, k.bin, DDSKETCH_LARGE, 0) == 0);
	assert_true(isnan(ddsketch_quantile(&k.s, k.bin, DDSKETCH_LARGE, 1.1)));
	// Full bins stay full, are merged as such, and nothing is claimed from them.
	ddsketch_add(&other.s, other.bin, DDSKETCH_LARGE, 7, UINT32_MAX - 1);
	assert_true(fabs(ddsketch_quantile(&other.s, other.bin, DDSKETCH_LARGE, 0.5) - 7) < 0.14);
	ddsketch_add(&other.s, other.bin, DDSKETCH_LARGE, 7, 2);
	assert_true(other.s.count == UINT64_C(1) + UINT32_MAX);
	assert_true(isnan(ddsketch_quantile(&other.s, other.bin, DDSKETCH_LARGE, 0.5)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
