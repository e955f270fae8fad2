// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names or values: the limits of each kind of evidence, in any order of the words.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/template_judge.c"

enum { CHILDREN = 400 };

static struct template_child children[CHILDREN];
static uint32_t n;
static const struct template_rule rule = {.min_children = 30, .max_calls = 20};

static int setup(void **)
{
	n = 0;
	return 0;
}

static struct template_child *add(uint64_t calls, uint64_t first, uint32_t fields)
{
	struct template_child *c = &children[n++];

	assert_true(n <= CHILDREN);
	*c = (struct template_child){.n_endpoints = 1,
				     .calls = calls,
				     .proven = true,
				     .shown = true,
				     .leaf = true};
	for (uint32_t i = 0; i < fields; i++)
		template_feature(c, (first + i) * UINT64_C(0x9e3779b97f4a7c15), true);
	return c;
}

static void add_many(uint32_t many, uint64_t calls, uint64_t first, uint64_t step, uint32_t fields)
{
	for (uint32_t i = 0; i < many; i++)
		add(calls, first + i * step, fields);
}

static uint32_t judge(void)
{
	return template_judge(children, n, &rule);
}

static void test_features(void **)
{
	struct template_child c = {0};

	for (uint64_t i = 100; i > 0; i--) {
		template_feature(&c, i * 2, i % 2);
		template_feature(&c, i * 2, i % 2); // once
	}
	assert_int_equal(c.n_features, TEMPLATE_FEATURES);
	assert_int_equal(c.n_fields, TEMPLATE_FEATURES / 2);
	for (uint32_t i = 0; i < TEMPLATE_FEATURES; i++)
		assert_int_equal(c.feature[i] >> 1, i + 1);
}

static void test_alike(void **)
{
	add_many(29, 2, 1, 0, 3);
	assert_int_equal(judge(), 0);
	add(2, 1, 3);
	assert_int_equal(judge(), 30);
	add(2, 500, 4);
	assert_int_equal(judge(), 30);
	assert_false(children[30].fold);
	// Refused or unchanged only: nothing to compare, seldom called, nothing behind it.
	add(1, 0, 0)->proven = false;
	children[n - 1].shown = false;
	add(100, 0, 0)->shown = false;
	assert_int_equal(judge(), 31);
	assert_true(children[31].fold);
	assert_false(children[32].fold);
}

static void test_one_field(void **)
{
	add_many(59, 1, 1, 0, 1);
	assert_int_equal(judge(), 0); // "ok" says little
	add(1, 1, 1);
	assert_int_equal(judge(), 60);
}

static void test_often(void **)
{
	add_many(40, 20, 1, 0, 3);
	assert_int_equal(judge(), 40);
	n = 0;
	add_many(40, 21, 1, 0, 3);
	assert_int_equal(judge(), 0);
	n = 0;
	add_many(40, 5, 1, 0, 3);
	for (uint64_t calls = 10; calls < 5000; calls = calls * 2)
		add(calls, 1, 3); // bestsellers, without a gap
	assert_int_equal(judge(), n);
	add(100000, 1, 3);
	assert_int_equal(judge(), n - 1);
}

static void test_own_fields(void **)
{
	for (uint32_t i = 0; i < 100; i++) {
		struct template_child *c = add(1, 1000 + 10 * i, 5);

		for (uint64_t k = 1; k < 6; k++) // an envelope
			template_feature(c, k * UINT64_C(0x9e3779b97f4a7c15), true);
	}
	assert_int_equal(judge(), 0);
}

static void test_hollow(void **)
{
	struct template_rule root = rule;

	add_many(59, 1, 0, 0, 0);
	assert_int_equal(judge(), 0);
	add_many(1, 1, 0, 0, 0);
	assert_int_equal(judge(), 60);
	root.root = true;
	assert_int_equal(template_judge(children, n, &root), 0);
	add_many(60, 5, 0, 0, 0);
	assert_int_equal(template_judge(children, n, &root), 0); // the median
	n = 0;
	add_many(120, 2, 0, 0, 0);
	add(50, 0, 0);
	assert_int_equal(template_judge(children, n, &root), 120);
	assert_int_equal(children[120].fold, false);
}

static void test_flood(void **)
{
	add_many(239, 1, 1000, 10, 5);
	assert_int_equal(judge(), 0);
	add(1, 5000, 5);
	assert_int_equal(judge(), 240);
	add(3, 6000, 5);   // was called again
	add(1, 0, 0);      // shows nothing, unlike the others
	assert_int_equal(judge(), 240);
	assert_false(children[240].fold || children[241].fold);
	add_many(100, 3, 20000, 10, 5);
	assert_int_equal(judge(), 0); // too many are real
}

// The order of the words is that of nothing.
static void test_order(void **)
{
	uint32_t folded;

	add_many(40, 3, 1, 0, 3);
	add_many(30, 2, 500, 10, 3);
	for (uint64_t calls = 60; calls < 100000; calls *= 5)
		add(calls, 1, 3);
	folded = judge();
	assert_int_equal(folded, 40);
	for (uint32_t i = 0; i < n / 2; i++) {
		struct template_child c = children[i];

		children[i] = children[n - 1 - i];
		children[n - 1 - i] = c;
	}
	assert_int_equal(judge(), folded);
	assert_int_equal(template_judge(NULL, 0, &rule), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	static const struct CMUnitTest tests[] = {
		TEST(test_features),   TEST(test_alike),  TEST(test_one_field), TEST(test_often),
		TEST(test_own_fields), TEST(test_hollow), TEST(test_flood),     TEST(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
