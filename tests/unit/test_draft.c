// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The cap on what is claimed from few data: terms still add up.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/draft.c"

static int sum(const struct issue_draft *draft)
{
	int points = 0;

	for (uint32_t i = 0; i < draft->n_terms; i++)
		points += draft->terms[i].points;
	return points;
}

static void test_cap(void **)
{
	struct issue_draft draft = {.confidence = 85, .terms = {{"a", 50}, {"b", 35}}, .n_terms = 2};

	draft_cap(&draft, 100, 100);
	assert_int_equal(draft.confidence, 85);
	draft_cap(&draft, 99, 100);
	assert_int_equal(draft.confidence, DRAFT_CAP);
	assert_int_equal(draft.n_terms, 3);
	assert_int_equal(draft.terms[2].points, -25);
	assert_int_equal(sum(&draft), DRAFT_CAP);
	draft_cap(&draft, 0, 100); // again: nothing more
	assert_int_equal(draft.n_terms, 3);
}

static void test_no_room(void **)
{
	struct issue_draft draft = {.confidence = 90, .n_terms = ISSUE_MAX_TERMS};

	for (uint32_t i = 0; i < ISSUE_MAX_TERMS; i++)
		draft.terms[i] = (struct issue_term){"x", 90 / ISSUE_MAX_TERMS};
	draft_cap(&draft, 1, 2);
	assert_int_equal(draft.n_terms, ISSUE_MAX_TERMS);
	assert_int_equal(draft.confidence, DRAFT_CAP);
	assert_int_equal(sum(&draft), DRAFT_CAP);
}

static void test_below(void **)
{
	struct issue_draft draft = {.confidence = DRAFT_CAP, .terms = {{"a", DRAFT_CAP}}, .n_terms = 1};

	draft_cap(&draft, 0, 1000);
	assert_int_equal(draft.confidence, DRAFT_CAP);
	assert_int_equal(draft.n_terms, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
