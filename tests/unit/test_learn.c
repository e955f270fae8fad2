// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What fields are, in the merger: verdicts, sums that depend on no order, the bound, what workers
// are told, the file.

#include "detect/learn.c"
#include "detect/learn_life.c"
#include "detect/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka needs those above
#include <cmocka.h>

enum { TYPE_CARD = 0, TYPE_NAME, TYPE_NUMBER, TYPES, ENDPOINT = 77, FIELDS = 512 };

static struct datatype types[] = {
	{.id = "card", .reports = REPORTS_YES},
	{.id = "name", .reports = REPORTS_WEAK},
	{.id = "number", .reports = REPORTS_CTX},
};
static uint32_t n_types = TYPES;

uint32_t datatype_count(void)
{
	return n_types;
}

const struct datatype *datatype_get(uint32_t index)
{
	return index < n_types ? &types[index] : NULL;
}

int datatype_find(const char *id)
{
	for (uint32_t i = 0; i < n_types; i++) {
		if (!strcmp(types[i].id, id))
			return (int)i;
	}
	return -1;
}

static struct learn learn;
static struct delta_field fields[FIELDS];
static struct delta delta = {.fields = fields};

static void open_table(uint32_t max_fields)
{
	assert_int_equal(learn_init(&learn, &(struct learn_options){max_fields, 5, 80}), 0);
	delta.n_fields = 0;
}

// Values [from, to) of a field, which passed or not.
static void note(uint64_t field, uint16_t type, uint32_t which, uint32_t from, uint32_t to)
{
	uint64_t id = learn_id(ENDPOINT, field, type, SERVER);
	struct delta_field *f = &fields[delta.n_fields];

	assert_true(delta.n_fields < FIELDS);
	*f = (struct delta_field){
		.id = id,
		.endpoint = ENDPOINT,
		.last_ns = 1000 + field,
		.type = type,
		.unsure = type != TYPE_CARD,
	};
	for (uint32_t i = from; i < to; i++) {
		sketch_add(f->sketch[which], siphash_number(5, field, i));
		f->values[which]++;
	}
	delta.n_fields++;
}

static void fold(void)
{
	learn_gather(&learn, &delta);
	delta.n_fields = 0;
	learn_fold(&learn);
}

static const struct learn_entry *entry(uint64_t field, uint16_t type)
{
	return learn_find(&learn, ENDPOINT, field, type, SERVER);
}

static enum learn_verdict verdict(uint16_t type, uint32_t passed, uint32_t refused)
{
	static uint64_t field = 1000;

	field++;
	note(field, type, PASSED, 0, passed);
	note(field, type, REFUSED, 100000, 100000 + refused);
	fold();
	return entry(field, type)->verdict;
}

static void test_verdicts(void **)
{
	open_table(1000);
	assert_int_equal(verdict(TYPE_NAME, 4, 0), LEARN_OPEN);
	assert_int_equal(verdict(TYPE_NAME, 5, 0), LEARN_IS);
	assert_int_equal(verdict(TYPE_NAME, 5, 1), LEARN_IS);
	assert_int_equal(verdict(TYPE_NAME, 5, 2), LEARN_OPEN);
	assert_int_equal(verdict(TYPE_NAME, 8, 2), LEARN_IS);
	assert_int_equal(verdict(TYPE_CARD, 1, 0), LEARN_OPEN);
	assert_int_equal(verdict(TYPE_CARD, 1, 1), LEARN_OPEN);
	assert_int_equal(verdict(TYPE_CARD, 1, 2), LEARN_IS_NOT);
	assert_int_equal(verdict(TYPE_CARD, 2, 2), LEARN_OPEN);
	assert_int_equal(verdict(TYPE_CARD, 5, 45), LEARN_IS_NOT);
	// Beyond what the sketches can tell apart.
	assert_int_equal(verdict(TYPE_CARD, 10000, 90000), LEARN_IS_NOT);
	assert_int_equal(verdict(TYPE_CARD, 90000, 10000), LEARN_IS);
	learn_fini(&learn);
}

// One value that comes again and again is one value.
static void test_repeated(void **)
{
	open_table(1000);
	for (uint32_t i = 0; i < 100; i++)
		note(1, TYPE_NAME, PASSED, 0, 1);
	fold();
	assert_int_equal(entry(1, TYPE_NAME)->verdict, LEARN_OPEN);
	assert_int_equal(entry(1, TYPE_NAME)->sum.values[PASSED], 100);
	assert_int_equal(learn_distinct(entry(1, TYPE_NAME), PASSED), 1);
	for (uint32_t i = 0; i < 5; i++)
		note(1, TYPE_NAME, PASSED, i, i + 1);
	fold();
	assert_int_equal(entry(1, TYPE_NAME)->verdict, LEARN_IS);
	learn_fini(&learn);
}

static void test_sketch(void **)
{
	static const uint32_t counts[] = {0, 1, 5, 10, 50, 100, 200, 400};

	for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t sketch[SKETCH_WORDS] = {0}, other[SKETCH_WORDS] = {0};
		uint32_t n = counts[i], seen;

		for (uint32_t k = 0; k < n; k++) {
			sketch_add(k % 3 ? sketch : other, siphash_number(9, 1, k));
			sketch_add(sketch, siphash_number(9, 1, k)); // again
		}
		sketch_join(sketch, other);
		seen = sketch_count(sketch);
		if (seen < n - (n + 7) / 8 || seen > n + n / 8)
			fail_msg("%u different values are counted as %u", n, seen);
	}
}

// A field that becomes something else is believed in the end.
static void test_change(void **)
{
	open_table(1000);
	for (uint32_t i = 0; i < 300; i++) {
		note(1, TYPE_CARD, REFUSED, i * 1000, i * 1000 + 1000);
		fold();
	}
	assert_int_equal(entry(1, TYPE_CARD)->verdict, LEARN_IS_NOT);
	for (uint32_t i = 0; i < 100; i++) {
		note(1, TYPE_CARD, PASSED, 1000000 + i * 1000, 1000000 + i * 1000 + 1000);
		fold();
	}
	assert_int_equal(entry(1, TYPE_CARD)->verdict, LEARN_OPEN);
	for (uint32_t i = 0; i < 300; i++) {
		note(1, TYPE_CARD, PASSED, 2000000 + i * 1000, 2000000 + i * 1000 + 1000);
		fold();
	}
	assert_int_equal(entry(1, TYPE_CARD)->verdict, LEARN_IS);
	learn_fini(&learn);
}

// ---- Order

static char *saved;
static size_t saved_len;

static void save(void)
{
	FILE *out;

	free(saved);
	out = open_memstream(&saved, &saved_len);
	assert_int_equal(learn_save(&learn, out), 0);
	fclose(out);
}

static int load(const char *bytes, size_t len, uint32_t version)
{
	FILE *in = fmemopen((void *)(uintptr_t)bytes, len, "r");
	int rc = learn_load(&learn, in, len, version);

	fclose(in);
	return rc;
}

static void test_order(void **)
{
	char *first = NULL;
	size_t first_len = 0;

	for (uint32_t run = 0; run < 4; run++) {
		open_table(64); // fewer than there are: who is forgotten is the same, too
		for (uint32_t epoch = 0; epoch < 5; epoch++) {
			delta.n_fields = 0;
			for (uint32_t i = 0; i < 200; i++)
				note(1 + (i * 7 + epoch * 31) % 90, i % TYPES, i % 2, i, i + 1 + i % 9);
			// Each run has the notes in another order.
			for (uint32_t i = 0; i < delta.n_fields; i++) {
				uint32_t k = (uint32_t)(siphash_number(run, epoch, i) %
							delta.n_fields);
				struct delta_field one = fields[i];

				fields[i] = fields[k];
				fields[k] = one;
			}
			// … and as many deltas as workers.
			for (uint32_t at = 0, n; at < 200; at += n) {
				struct delta part = {.fields = fields + at};

				n = 200 / (run + 1) < 200 - at ? 200 / (run + 1) : 200 - at;
				part.n_fields = n;
				learn_gather(&learn, &part);
			}
			learn_fold(&learn);
		}
		assert_int_equal(learn.n, 64);
		assert_true(learn.forgotten > 0);
		save();
		if (run == 0) {
			first = saved;
			first_len = saved_len;
			saved = NULL;
		} else {
			assert_int_equal(saved_len, first_len);
			assert_memory_equal(saved, first, first_len);
		}
		learn_fini(&learn);
	}
	free(first);
}

// ---- The bound

static void test_bound(void **)
{
	open_table(64);
	for (uint32_t i = 1; i <= 1000; i++) {
		note(i, TYPE_CARD, PASSED, 0, 3);
		note(1, TYPE_CARD, PASSED, 0, 1); // is seen all the time
		fields[delta.n_fields - 1].last_ns = 1000 + i;
		fold();
		assert_true(learn.n <= 64 && learn.map.n == learn.n);
	}
	assert_non_null(entry(1, TYPE_CARD));
	assert_non_null(entry(1000, TYPE_CARD));
	assert_non_null(entry(938, TYPE_CARD));
	assert_null(entry(937, TYPE_CARD));
	assert_int_equal(learn.forgotten, 1000 - 64);
	assert_true(learn_bytes(64) >= 64 * sizeof(struct learn_entry) +
					       (learn.map.mask + 1) * sizeof(struct idmap_slot));
	learn_reset(&learn);
	assert_null(entry(1000, TYPE_CARD));
	note(5, TYPE_CARD, PASSED, 0, 3);
	fold();
	assert_int_equal(learn.n, 1);
	learn_fini(&learn);
}

// What refusals say of a type that counts nowhere else is no reason to know the field.
static void test_place(void **)
{
	open_table(1000);
	note(1, TYPE_NAME, REFUSED, 0, 50);
	note(2, TYPE_CARD, REFUSED, 0, 50);
	fold();
	assert_null(entry(1, TYPE_NAME));
	assert_int_equal(entry(2, TYPE_CARD)->verdict, LEARN_IS_NOT);
	note(1, TYPE_NAME, PASSED, 0, 1);
	note(1, TYPE_NAME, REFUSED, 0, 50);
	fold();
	assert_int_equal(entry(1, TYPE_NAME)->sum.values[REFUSED], 50);
	learn_fini(&learn);
}

// ---- What is told

static void test_sets(void **)
{
	static struct learn_sets sets;
	uint32_t changes;

	open_table(1000);
	note(1, TYPE_NAME, PASSED, 0, 9);
	note(2, TYPE_CARD, PASSED, 0, 9); // needs no help
	note(3, TYPE_CARD, PASSED, 0, 1);
	note(3, TYPE_CARD, REFUSED, 0, 9);
	note(4, TYPE_CARD, REFUSED, 0, 9); // nothing there to be kept from counting
	fold();
	changes = learn.changes;
	assert_int_equal(changes, 2);
	learn_fill(&learn, &sets);
	assert_int_equal(sets.is.n, 1);
	assert_true(idset_has(&sets.is, learn_id(ENDPOINT, 1, TYPE_NAME, SERVER)));
	assert_int_equal(sets.is_not.n, 1);
	assert_true(idset_has(&sets.is_not, learn_id(ENDPOINT, 3, TYPE_CARD, SERVER)));
	assert_true(idset_has(&sets.probed, ENDPOINT));
	assert_false(idset_has(&sets.probed, ~(uint64_t)ENDPOINT));
	// The same once more changes nothing.
	note(1, TYPE_NAME, PASSED, 0, 9);
	fold();
	assert_int_equal(learn.changes, changes);
	note(5, TYPE_NUMBER, PASSED, 0, 9);
	note(1, TYPE_NAME, REFUSED, 0, 90);
	fold();
	assert_true(learn.changes > changes);
	learn_fill(&learn, &sets);
	assert_int_equal(sets.is.n, 1);
	assert_true(idset_has(&sets.is, learn_id(ENDPOINT, 5, TYPE_NUMBER, SERVER)));
	assert_true(idset_has(&sets.probed, ~(uint64_t)ENDPOINT));
	learn_fini(&learn);
}

static struct finding finding(uint64_t field, uint16_t type, bool lucky)
{
	struct finding f = {.endpoint = ENDPOINT, .n_types = 1};

	f.types[0].type = type;
	f.types[0].dir = SERVER;
	f.types[0].field = field;
	f.types[0].lucky = lucky;
	return f;
}

static void test_findings(void **)
{
	struct finding f;

	open_table(1000);
	note(1, TYPE_CARD, PASSED, 0, 1);
	note(2, TYPE_CARD, PASSED, 0, 2);
	note(2, TYPE_CARD, REFUSED, 50, 60);
	note(3, TYPE_CARD, PASSED, 0, 7);
	note(3, TYPE_CARD, REFUSED, 50, 51);
	fold();
	f = finding(1, TYPE_CARD, true);
	assert_int_equal(learn_finding(&learn, &f), LEARN_TOO_EARLY);
	f = finding(1, TYPE_CARD, false); // the name, or more than luck, speaks for it
	assert_int_equal(learn_finding(&learn, &f), LEARN_COUNTS);
	f = finding(2, TYPE_CARD, true);
	assert_int_equal(learn_finding(&learn, &f), LEARN_COUNTS_NOT);
	assert_int_equal(f.types[0].passed, 2);
	assert_in_range(f.types[0].refused, 9, 10);
	f.types[0].in_text = true; // a part of a text: what others hold says nothing
	assert_int_equal(learn_finding(&learn, &f), LEARN_COUNTS);
	f = finding(3, TYPE_CARD, true);
	assert_int_equal(learn_finding(&learn, &f), LEARN_COUNTS);
	assert_int_equal(f.types[0].passed, 7);
	assert_int_equal(f.types[0].refused, 1);
	f = finding(9, TYPE_CARD, true); // nothing is known
	assert_int_equal(learn_finding(&learn, &f), LEARN_COUNTS);
	f.n_types = 0; // not about a field
	assert_int_equal(learn_finding(&learn, &f), LEARN_COUNTS);
	// One field that is something else does not speak against the other.
	f = finding(2, TYPE_CARD, true);
	f.types[1] = finding(3, TYPE_CARD, true).types[0];
	f.n_types = 2;
	assert_int_equal(learn_finding(&learn, &f), LEARN_COUNTS);
	learn_fini(&learn);
}

// ---- The file

static void fill_some(void)
{
	for (uint32_t i = 1; i <= 100; i++) {
		note(i, i % TYPES, PASSED, 0, i % 11);
		note(i, i % TYPES, REFUSED, 500, 500 + i % 5);
	}
	fold();
}

static void test_file(void **)
{
	char *bytes;
	size_t len;

	open_table(1000);
	fill_some();
	save();
	bytes = saved;
	len = saved_len;
	saved = NULL;
	learn_reset(&learn);
	assert_int_equal(load(bytes, len, LEARN_VERSION), 0);
	save();
	assert_int_equal(saved_len, len);
	assert_memory_equal(saved, bytes, len);
	for (uint32_t i = 1; i <= 100; i++) {
		const struct learn_entry *e = entry(i, i % TYPES);

		if (e && e->sum.values[PASSED] >= 8 && i % 5 < 2)
			assert_int_equal(e->verdict, LEARN_IS);
	}
	learn_reset(&learn);
	assert_int_equal(load(bytes, len, LEARN_VERSION + 1), -EBADMSG);
	assert_int_equal(learn.n, 0);
	// A bound that became smaller keeps the newest.
	learn_fini(&learn);
	open_table(64);
	assert_int_equal(load(bytes, len, LEARN_VERSION), 0);
	assert_int_equal(learn.n, 64);
	assert_non_null(entry(100, 100 % TYPES));
	for (size_t cut = 1; cut < len; cut += 13) {
		learn_reset(&learn);
		assert_int_equal(load(bytes, cut, LEARN_VERSION), -EBADMSG);
		assert_int_equal(learn.map.n, 0);
	}
	// A type that is no more is left out, and the others are found by name.
	learn_reset(&learn);
	n_types = 2;
	types[TYPE_CARD].id = "name";
	types[TYPE_NAME].id = "card";
	assert_int_equal(load(bytes, len, LEARN_VERSION), 0);
	for (uint32_t i = learn.oldest; i != LEARN_NOBODY; i = learn.entries[i].newer)
		assert_true(learn.entries[i].sum.type < 2);
	types[TYPE_CARD].id = "card";
	types[TYPE_NAME].id = "name";
	n_types = TYPES;
	learn_fini(&learn);
	free(bytes);
	free(saved);
	saved = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_sketch),   cmocka_unit_test(test_change),
		cmocka_unit_test(test_order),    cmocka_unit_test(test_bound),
		cmocka_unit_test(test_place),    cmocka_unit_test(test_sets),
		cmocka_unit_test(test_findings), cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
