// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Structs as numbers and back: what comes back is what was there, and nothing that a struct could
// not hold comes back from bytes that somebody changed.

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "detect/lru.h"
#include "detect/record.c"

enum { KIDS = 3, LEN = 4096 };

struct kid {
	uint16_t age;
	double weight;
};

struct thing {
	uint64_t id;
	uint32_t n; // of slot
	uint8_t small;
	bool yes;
	uint16_t slot[5];
	float real;
	uint64_t ids[2];
	struct kid kid[KIDS];
	uint32_t forgotten; // not written
};

static const struct record_field kid_fields[] = {
	RECORD_ONE(struct kid, age, 120),
	RECORD_REAL(struct kid, weight),
};
static const struct record kid_record = RECORD(struct kid, kid_fields, NULL);

static const struct record_field thing_fields[] = {
	RECORD_ONE(struct thing, id, 0),    RECORD_SMALL(struct thing, n, 5),
	RECORD_ONE(struct thing, small, 0), RECORD_ONE(struct thing, yes, 1),
	RECORD_MANY(struct thing, slot, 0), RECORD_REAL(struct thing, real),
	RECORD_IDS(struct thing, ids),      RECORD_STRUCTS(struct thing, kid, kid_record),
};

static bool thing_sound(const void *entry)
{
	return ((const struct thing *)entry)->small != 99;
}

static const struct record thing_record = RECORD(struct thing, thing_fields, thing_sound);

static const struct thing example = {
	.id = UINT64_MAX,
	.n = 5,
	.small = 200,
	.yes = true,
	.slot = {0, 1, 127, 128, UINT16_MAX},
	.real = -1.5f,
	.ids = {1, UINT64_C(0x8000000000000000)},
	.kid = {{1, 2.5}, {0, 0}, {120, 1e300}},
	.forgotten = 7,
};

static uint8_t bytes[LEN];
static size_t len;

static void put(const struct lru *table)
{
	FILE *out = fmemopen(bytes, sizeof(bytes), "w");

	assert_int_equal(record_put_table(out, &thing_record, table), 0);
	len = (size_t)ftell(out);
	fclose(out);
}

static int get(size_t cut, const struct record *record, struct lru *table)
{
	FILE *in = fmemopen(bytes, cut ? cut : 1, "r");
	struct blob_reader r = {.in = in, .left = cut};
	int rc = record_get_table(&r, record, table);

	rc = rc ? rc : record_end(&r);
	fclose(in);
	return rc;
}

static void table_fill(struct lru *table, uint32_t n)
{
	assert_int_equal(lru_init(table, sizeof(struct thing), 8), 0);
	for (uint32_t i = 1; i <= n; i++) {
		struct thing *one = lru_touch(table, i, NULL);

		*one = example;
		one->small = (uint8_t)i;
	}
}

static void test_table(void **)
{
	struct lru table, back;
	struct thing *one;

	table_fill(&table, 3);
	lru_touch(&table, 1, NULL); // 2 is the oldest now
	put(&table);
	assert_int_equal(lru_init(&back, sizeof(struct thing), 8), 0);
	assert_int_equal(get(len, &thing_record, &back), 0);
	assert_int_equal(back.n, 3);
	one = lru_first(&back);
	assert_int_equal(lru_id(one), 2);
	assert_int_equal(one->small, 2);
	assert_int_equal(one->forgotten, 0);
	one->small = example.small;
	one->forgotten = example.forgotten;
	assert_int_equal(one->id, example.id);
	assert_int_equal(one->n, 5);
	assert_true(one->yes);
	assert_memory_equal(one->slot, example.slot, sizeof(example.slot));
	assert_true(one->real == example.real);
	assert_memory_equal(one->ids, example.ids, sizeof(example.ids));
	for (uint32_t i = 0; i < KIDS; i++) {
		assert_int_equal(one->kid[i].age, example.kid[i].age);
		assert_true(one->kid[i].weight == example.kid[i].weight);
	}
	lru_fini(&back);

	// A smaller table keeps the newest.
	assert_int_equal(lru_init(&back, sizeof(struct thing), 2), 0);
	assert_int_equal(get(len, &thing_record, &back), 0);
	assert_int_equal(back.n, 2);
	assert_null(lru_get(&back, 2));
	lru_fini(&back);
	lru_fini(&table);
}

// Every length, every byte with every bit turned: refused, or what a struct may hold.
static void test_hostile(void **)
{
	struct lru table, back;
	uint32_t refused = 0;

	table_fill(&table, 2);
	put(&table);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(lru_init(&back, sizeof(struct thing), 8), 0);
		assert_int_equal(get(cut, &thing_record, &back), -EBADMSG);
		lru_fini(&back);
	}
	for (size_t i = 0; i < len * 8; i++) {
		const struct thing *one;

		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(lru_init(&back, sizeof(struct thing), 8), 0);
		if (get(len, &thing_record, &back))
			refused++;
		else
			for (one = lru_first(&back); one; one = lru_next(&back, one))
				assert_true(one->n <= 5 && one->kid[0].age <= 120 &&
					    one->kid[2].age <= 120 && one->small != 99 &&
					    *(const uint8_t *)&one->yes <= 1);
		lru_fini(&back);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_true(refused > 64); // counts and the layout above all
	bytes[4] = 0xff;           // more entries than there are
	assert_int_equal(lru_init(&back, sizeof(struct thing), 8), 0);
	assert_int_equal(get(len, &thing_record, &back), -EBADMSG);
	lru_fini(&back);
	lru_fini(&table);
}

// Another struct is told from this one, and each number from too large a one.
static void test_layout(void **)
{
	static const struct record_field other_fields[] = {
		RECORD_ONE(struct thing, id, 0),    RECORD_SMALL(struct thing, n, 5),
		RECORD_ONE(struct thing, small, 0), RECORD_ONE(struct thing, yes, 1),
		RECORD_MANY(struct thing, slot, 0), RECORD_REAL(struct thing, real),
		RECORD_STRUCTS(struct thing, kid, kid_record), RECORD_IDS(struct thing, ids),
	};
	static const struct record other = RECORD(struct thing, other_fields, NULL);
	struct lru table, back;

	assert_int_not_equal(record_layout(&other), record_layout(&thing_record));
	table_fill(&table, 1);
	put(&table);
	assert_int_equal(lru_init(&back, sizeof(struct thing), 8), 0);
	assert_int_equal(get(len, &other, &back), -EBADMSG);
	for (uint32_t i = 0; i < 3; i++) {
		struct thing *one = lru_first(&table);

		*one = example;
		one->n = i == 0 ? 6 : 5;
		one->kid[1].age = i == 1 ? 121 : 0;
		one->kid[1].weight = i == 2 ? (double)INFINITY : 0;
		put(&table);
		assert_int_equal(get(len, &thing_record, &back), -EBADMSG);
	}
	lru_fini(&back);
	lru_fini(&table);
}

static void test_packed(void **)
{
	static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
	static const uint8_t too_long[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0x02, 0};
	struct blob_reader r;

	for (uint32_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		FILE *out = fmemopen(bytes, sizeof(bytes), "w");

		blob_put_packed(out, numbers[i]);
		len = (size_t)ftell(out);
		fclose(out);
		r = (struct blob_reader){.in = fmemopen(bytes, len, "r"), .left = len};
		assert_true(blob_get_packed(&r) == numbers[i]);
		assert_int_equal(record_end(&r), 0);
		fclose(r.in);
		r = (struct blob_reader){.in = fmemopen(bytes, len, "r"), .left = len - 1};
		blob_get_packed(&r);
		assert_true(r.bad);
		fclose(r.in);
	}
	memcpy(bytes, too_long, sizeof(too_long));
	r = (struct blob_reader){.in = fmemopen(bytes, sizeof(too_long), "r"),
				 .left = sizeof(too_long)};
	blob_get_packed(&r);
	assert_true(r.bad);
	fclose(r.in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
