// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Objects that several workers saw reach detectors as one stream in the order of time.

#include "tests/unit/merge_fixture.h"

static void object_told(const struct detector *, const void *, struct merger *, void *,
			const struct delta_object *object)
{
	tell("%" PRIu64 " %" PRIu64 ": %" PRIu64 "\n", object->time_ns, object->order,
	     object->value);
}

// Those of an exchange one behind the other, wherever others stand between them.
static void test_objects_in_order(void **unused)
{
	struct delta_object one[] = {
		{.time_ns = 5, .order = 1, .value = 50},
		{.time_ns = 5, .order = 1, .value = 51},
		{.time_ns = 3, .order = 1, .value = 30},
		{.time_ns = 5, .order = 1, .value = 52},
		{.time_ns = 3, .order = 1, .value = 31},
	};
	struct delta_object two[] = {
		{.time_ns = 5, .order = 0, .value = 40},
		{.time_ns = 3, .order = 2, .value = 35},
	};
	struct delta *other = delta_make();

	assert_non_null(unused);
	alpha.object = object_told;
	merger->takers[merger->n_takers++] = 0;
	told_forget();
	delta->objects = one;
	delta->n_objects = 5;
	other->objects = two;
	other->n_objects = 2;
	merge_gather(merger, delta);
	merge_gather(merger, other);
	merger_run(merger, 9);
	assert_string_equal(
		told, "3 1: 30\n3 1: 31\n3 2: 35\n5 0: 40\n5 1: 50\n5 1: 51\n5 1: 52\n");
	// Many more than are fetched ahead, in one row and in rows of one.
	for (uint32_t round = 0; round < 2; round++) {
		static struct delta_object many[200];

		for (uint64_t i = 0; i < 200; i++)
			many[i] = (struct delta_object){
				.time_ns = round ? 1000 - i : 7, .order = 1, .value = i};
		told_forget();
		delta->objects = many;
		delta->n_objects = 200;
		merge_gather(merger, delta);
		merger_run(merger, 10 + round);
		for (uint64_t i = 0, n = 0; i < 200; i++) {
			char line[64];

			snprintf(line, sizeof(line), "%" PRIu64 " 1: %" PRIu64 "\n",
				 round ? 801 + i : 7, round ? 199 - i : i);
			assert_memory_equal(told + n, line, strlen(line));
			n += strlen(line);
		}
	}
	alpha.object = NULL;
	delta->objects = NULL;
	delta->n_objects = 0;
	delta_drop(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_objects_in_order, fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
