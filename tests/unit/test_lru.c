// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The bounded table against a slow one that keeps its ids in a plain array in the order of their
// touches; each n-th allocation failing; the bound of its memory.

#include "detect/lru.c"
#include "tests/unit/sketch_fixture.h"

static size_t live_bytes, most_bytes;
static uint32_t n_live, fail_at; // fail_at: 0 never, 1 the next one

void *draft_alloc(size_t n, size_t size)
{
	size_t *block;

	if (fail_at && --fail_at == 0)
		return NULL;
	block = calloc(1, 16 + n * size);
	assert_non_null(block);
	block[0] = n * size;
	live_bytes += n * size;
	n_live++;
	if (live_bytes > most_bytes)
		most_bytes = live_bytes;
	return block + 2;
}

void draft_free(void *p)
{
	size_t *block = p;

	if (!p)
		return;
	live_bytes -= block[-2];
	n_live--;
	free(block - 2);
}

struct item {
	uint64_t id, number;
	uint8_t tail[5];
};

// ---- The slow table

enum { SLOW_MAX = 9000 };

struct slow {
	uint64_t id[SLOW_MAX]; // oldest first
	uint32_t n;
};

static bool slow_remove(struct slow *s, uint64_t id)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->id[i] == id) {
			memmove(&s->id[i], &s->id[i + 1], (s->n - i - 1) * sizeof(s->id[0]));
			s->n--;
			return true;
		}
	}
	return false;
}

static void gone(void *arg, uint64_t id, void *entry)
{
	struct slow *s = arg;
	const struct item *item = entry;

	assert_true(s->id[0] == id && item->id == id);
	assert_true(slow_remove(s, id));
}

static void compare(const struct lru *t, const struct slow *s)
{
	uint32_t i = 0;

	assert_int_equal(t->n, s->n);
	for (const struct item *item = lru_first(t); item; item = lru_next(t, item), i++) {
		assert_true(i < s->n && lru_id(item) == s->id[i] && item->id == s->id[i]);
		assert_ptr_equal(lru_get(t, s->id[i]), item);
	}
	assert_int_equal(i, s->n);
}

// Of all ids, number n; with a limit their hashes are that many, and lie side by side.
static uint64_t id_of(uint64_t n, uint32_t hashes)
{
	const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15); // of lru_home()
	uint64_t inverse = factor;

	if (hashes == 0)
		return 1 + n;
	for (uint32_t i = 0; i < 6; i++) // Newton's method: twice as many bits are right each time
		inverse *= 2 - factor * inverse;
	return inverse * ((UINT32_MAX - hashes / 2 + n % hashes) << 32 | (n + 1));
}

static void against_slow(uint32_t max, uint32_t ids, uint32_t steps, uint32_t hashes)
{
	struct slow *s = calloc(1, sizeof(*s));
	uint64_t seed = max, evicted = 0;
	struct lru t;

	assert_int_equal(lru_init(&t, sizeof(struct item), max), 0);
	t.evicted_fn = gone;
	t.evicted_arg = s;
	for (uint32_t i = 0; i < steps; i++) {
		uint64_t r = random_next(&seed), id = id_of((r >> 8) % ids, hashes);
		bool there = lru_get(&t, id), fresh;
		struct item *item;

		lru_prefetch(&t, id);
		lru_prefetch_entry(&t, id);
		if ((r & 7) == 0) {
			assert_int_equal(lru_remove(&t, id), there);
			assert_int_equal(slow_remove(s, id), there);
		} else {
			evicted += !there && s->n == max;
			item = lru_touch(&t, id, &fresh);
			assert_non_null(item);
			assert_int_equal(fresh, !there);
			assert_int_equal(slow_remove(s, id), there);
			s->id[s->n++] = id;
			assert_true(item->id == (there ? id : 0));
			assert_true(item->number == (there ? ~id : 0) && item->tail[4] == there);
			*item = (struct item){id, ~id, {1, 1, 1, 1, 1}};
		}
		if (i % (steps / 16) == 0)
			compare(&t, s);
	}
	compare(&t, s);
	assert_true(t.evicted == evicted);
	lru_fini(&t);
	free(s);
	assert_int_equal(n_live, 0);
}

static void test_order(void **)
{
	against_slow(1, 3, 1000, 0);
	against_slow(7, 20, 20000, 0);
	against_slow(100, 130, 50000, 0);
	against_slow(8500, 9000, 40000, 0);
}

// The slots keep a part of the hash, which is no identity.
static void test_alike(void **)
{
	assert_int_equal(lru_home(id_of(0, 1)), lru_home(id_of(1, 1)));
	assert_int_not_equal(lru_home(id_of(0, 2)), lru_home(id_of(1, 2)));
	against_slow(100, 130, 20000, 1);
	against_slow(100, 130, 20000, 7);
	against_slow(500, 600, 20000, 40);
}

static void test_stays(void **)
{
	enum { N = 20000 };
	void **at = calloc(N, sizeof(*at));
	struct lru t;

	assert_int_equal(lru_init(&t, sizeof(struct item), N), 0);
	for (uint64_t i = 0; i < N; i++)
		at[i] = lru_touch(&t, i + 1, NULL);
	for (uint64_t i = 0; i < N; i++) {
		assert_ptr_equal(lru_touch(&t, i + 1, NULL), at[i]);
		assert_int_equal((uintptr_t)at[i] % 8, 0);
	}
	assert_true(t.evicted == 0);
	// A look does not make young, a touch does.
	assert_non_null(lru_get(&t, 1));
	assert_non_null(lru_touch(&t, N + 1, NULL));
	assert_null(lru_get(&t, 1));
	assert_non_null(lru_touch(&t, 2, NULL));
	assert_non_null(lru_touch(&t, N + 2, NULL));
	assert_non_null(lru_get(&t, 2));
	assert_null(lru_get(&t, 3));
	assert_true(t.evicted == 2);
	lru_clear(&t);
	assert_int_equal(n_live, 1);
	assert_int_equal(t.n, 0);
	assert_null(lru_first(&t));
	assert_null(lru_get(&t, 5));
	assert_false(lru_remove(&t, 5));
	assert_non_null(lru_touch(&t, 5, NULL));
	assert_int_equal(t.n, 1);
	lru_fini(&t);
	assert_int_equal(n_live, 0);
	free(at);
}

// Room that was made is filled without another allocation of slots, and never beyond the maximum.
static void test_reserve(void **)
{
	struct lru t;
	uint32_t slots;

	assert_int_equal(lru_init(&t, sizeof(struct item), 5000), 0);
	lru_reserve(&t, UINT64_MAX);
	slots = t.mask + 1;
	assert_true(slots >= 10000 && slots < 20000);
	for (uint64_t i = 1; i <= 6000; i++)
		assert_non_null(lru_touch(&t, i, NULL));
	assert_int_equal(t.mask + 1, slots);
	lru_reserve(&t, 10); // never less
	assert_int_equal(t.mask + 1, slots);
	assert_non_null(lru_get(&t, 6000));
	fail_at = 1;
	lru_clear(&t);
	lru_reserve(&t, 100); // no memory: it grows later
	assert_null(t.slots);
	assert_non_null(lru_touch(&t, 1, NULL));
	lru_fini(&t);
	assert_int_equal(n_live, 0);
}

static void test_bytes(void **)
{
	static const uint32_t maxes[] = {1, 31, 32, 33, 4096, 4097, 50000, 65536};

	for (uint32_t k = 0; k < sizeof(maxes) / sizeof(maxes[0]); k++) {
		uint32_t max = maxes[k];
		struct lru t;

		most_bytes = live_bytes = 0;
		assert_int_equal(lru_init(&t, 20, max), 0);
		for (uint64_t i = 1; i <= 2 * (uint64_t)max; i++)
			assert_non_null(lru_touch(&t, i, NULL));
		assert_int_equal(t.n, max);
		assert_true(t.evicted == max);
		assert_true(most_bytes <= lru_bytes(20, max));
		// What is held once the table is full, and what was freed as it grew.
		assert_true(live_bytes >= (uint64_t)max * 40);
		lru_fini(&t);
	}
}

static void test_memory(void **)
{
	struct lru t;
	uint32_t failed = 0;

	assert_int_equal(lru_init(&t, 0, 10), -EINVAL);
	assert_int_equal(lru_init(&t, 8, 0), -EINVAL);
	fail_at = 1;
	assert_int_equal(lru_init(&t, 8, 10), -ENOMEM);
	lru_fini(&t);
	assert_int_equal(lru_init(&t, 8, 10000), 0);
	for (uint64_t id = 1; id <= 10000; id++) {
		uint64_t *entry;

		fail_at = 1;
		entry = lru_touch(&t, id, NULL);
		if (!entry) {
			failed++;
			assert_int_equal(t.n, id - 1);
			assert_null(lru_get(&t, id));
			fail_at = 2; // a second one, where slots and a chunk are due
			entry = lru_touch(&t, id, NULL);
			fail_at = 0;
			if (!entry) {
				assert_int_equal(t.n, id - 1);
				entry = lru_touch(&t, id, NULL);
			}
		}
		assert_non_null(entry);
		assert_true(*entry == 0);
		*entry = id;
	}
	fail_at = 0;
	assert_true(failed > 8);
	for (uint64_t id = 1; id <= 10000; id++)
		assert_true(*(uint64_t *)lru_get(&t, id) == id);
	lru_fini(&t);
	assert_int_equal(n_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_stays),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
