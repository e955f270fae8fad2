// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names of identifiers and of what they identify: which names agree, which say nothing, and that
// odd ones are survived.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/noun.c"

enum { SEED = 77 };

static struct span text(const char *s)
{
	return span_make(s, strlen(s));
}

static uint64_t container(const char *name)
{
	return noun_container(text(name), SEED);
}

static uint64_t named(const char *key)
{
	uint64_t noun = 0;

	if (noun_key(text(key), SEED, &noun) != NOUN_NAMED)
		print_error("\"%s\" names nothing\n", key);
	assert_int_equal(noun_key(text(key), SEED, &noun), NOUN_NAMED);
	assert_true(noun != 0);
	return noun;
}

static enum noun_kind kind(const char *key)
{
	uint64_t noun;

	return noun_key(text(key), SEED, &noun);
}

static void test_same(void **)
{
	static const char *const order[] = {"orderId",     "order_id",  "order-id", "OrderID",
					    "ORDER_ID",    "orderUuid", "order.id", "order_no",
					    "orderNumber", "order_ids", "orderIds"};
	static const char *const item[] = {"orderItemId", "order_item_id", "OrderItemID"};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		assert_true(named(order[i]) == container("orders"));
	for (size_t i = 0; i < sizeof(item) / sizeof(item[0]); i++) {
		assert_true(named(item[i]) == container("order-items"));
		assert_true(named(item[i]) == container("orderItem[]"));
		assert_true(named(item[i]) != container("orders"));
	}
	assert_true(container("orders[][]") == container("order"));
	assert_true(noun_container(text("orders"), SEED) !=
		    noun_container(text("orders"), SEED + 1));
}

static void test_plurals(void **)
{
	static const char *const pairs[][2] = {
		{"category", "categories"},  {"movie", "movies"},
		{"cookie", "cookies"},       {"house", "houses"},
		{"warehouse", "warehouses"}, {"status", "statuses"},
		{"address", "addresses"},    {"box", "boxes"},
		{"batch", "batches"},        {"cache", "caches"},
		{"menu", "menus"},           {"bus", "buses"},
		{"expense", "expenses"},     {"day", "days"},
		{"company", "companies"},    {"license", "licenses"},
		{"wish", "wishes"},          {"case", "cases"},
		{"invoice", "invoices"},     {"analysis", "analysis"},
		{"user", "users"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (container(pairs[i][0]) != container(pairs[i][1]))
			print_error("%s, %s\n", pairs[i][0], pairs[i][1]);
		assert_true(container(pairs[i][0]) == container(pairs[i][1]));
		for (size_t k = 0; k < i; k++)
			assert_true(container(pairs[k][0]) != container(pairs[i][0]));
	}
}

static void test_kinds(void **)
{
	static const char *const bare[] = {"id", "ID", "_id", "@id", "uuid", "sku", "slug", "ref"};
	static const char *const links[] = {"href", "url", "self", "avatarUrl", "next_link"};
	static const char *const none[] = {
		"",
		"_",
		"name",
		"paid",
		"valid",
		"android",
		"number",
		"phone_number",
		"pageNo",
		"card_number",
		"requestId",
		"trace_id",
		"X-Request-Id",
		"session_id",
		"csrf_token_id",
		"account_number",
		"grid",
		"orderid",
	};

	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++)
		assert_int_equal(kind(bare[i]), NOUN_BARE);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		assert_int_equal(kind(links[i]), NOUN_LINK);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (kind(none[i]) != NOUN_NONE)
			print_error("\"%s\"\n", none[i]);
		assert_int_equal(kind(none[i]), NOUN_NONE);
	}
}

static void test_nothing(void **)
{
	static const char *const none[] = {"",   "[]",  "[][]", "data", "items", "items[]", "v1",
					   "V2", "v10", "$",    "api",  "_",     "list[]"};
	static const char *const some[] = {"v", "vehicles", "video2", "apis"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_true(container(none[i]) == 0);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		assert_true(container(some[i]) != 0);
}

// Every byte, every length, against the end of its memory.
static void test_odd(void **)
{
	uint64_t noun;

	for (uint32_t len = 0; len <= 80; len++) {
		for (uint32_t c = 0; c < 256; c++) {
			uint8_t *p = malloc(len + 1);

			memset(p, (int)c, len + 1);
			noun_key(span_make(p + 1, len), SEED, &noun);
			if (len > NOUN_NAME)
				assert_true(noun_container(span_make(p, len), SEED) == 0 ||
					    (c == '[' || c == ']'));
			free(p);
		}
	}
	// More words than there is room for.
	assert_int_equal(kind("a_b_c_d_e_f_g_id"), NOUN_NAMED);
	assert_int_equal(kind("a_b_c_d_e_f_g_h_id"), NOUN_NONE);
	assert_int_equal(kind("aBCdEfGhIjKlMnId"), NOUN_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),  cmocka_unit_test(test_plurals),
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
