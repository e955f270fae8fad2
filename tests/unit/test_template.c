// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a worker makes of a path when places of values are known: endings, words that stay, versions,
// names that operators gave, other hosts and methods, and templates that do not fit any more.

#include "tests/unit/detect_fixture.h"

#include "detect/endpoint.h"
#include "detect/template.c"

static struct idset set;
static struct template_pin pins[4];
static struct template_table table;

static uint64_t place_of(const char *method, const char *parent)
{
	uint64_t place = template_root(SEED, SPAN_LIT("h"), span_make(method, strlen(method)));
	struct span rest = span_make(parent, strlen(parent)), segment;

	idset_add(&set, place);
	while (endpoint_next(&rest, &segment)) {
		place = template_place(SEED, place, segment);
		idset_add(&set, place);
	}
	return place;
}

static void add(const char *method, const char *parent, enum template_key kind, const char *text)
{
	idset_add(&set, template_key(place_of(method, parent), kind, span_make(text, strlen(text))));
}

static int setup(void **)
{
	memset(&set, 0, sizeof(set));
	table = (struct template_table){&set, pins, 0, SEED};
	return 0;
}

static void expect(const char *method, const char *path, const char *template, uint32_t values)
{
	struct exchange x = {0};
	struct fixture f;
	char head[4096];

	snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: H\r\n\r\n", method, path);
	fixture_open(&f, head, NULL, NULL, NULL);
	x.tx = &f.tx;
	endpoint_split(&x);
	endpoint_identify(&x, SEED, 0, &table);
	assert_span(span_make(x.template, x.template_len), template);
	assert_int_equal(x.id_segments, values);
	assert_true(x.endpoint ==
		    template_id(SEED,
				template_root(SEED, SPAN_LIT("h"),
					      span_make(method, strlen(method))),
				span_make(template, strlen(template))));
	fixture_close(&f);
}

static void test_learnt(void **)
{
	add("GET", "/shops", TEMPLATE_FOLDED, "");
	add("GET", "/shops", TEMPLATE_KEPT, "nearby");
	add("GET", "/shops/{name}/menu", TEMPLATE_FOLDED, ".png");
	expect("GET", "/shops/old-mill", "/shops/{name}", 2);
	expect("GET", "/shops/old%20mill/orders/7", "/shops/{name}/orders/{id}", 2 | 8);
	expect("GET", "/shops/nearby", "/shops/nearby", 0);
	expect("GET", "/shops/SEARCH", "/shops/SEARCH", 0);
	expect("GET", "/shops/v2", "/shops/v2", 0);
	expect("GET", "/shops/12", "/shops/{id}", 2); // its looks say more
	expect("GET", "/shops/old-mill.json", "/shops/old-mill.json", 0);
	expect("GET", "/shops/old-mill/menu/pea-soup.png", "/shops/{name}/menu/{name}.png", 2 | 8);
	expect("GET", "/shops", "/shops", 0);
	expect("GET", "/other/old-mill", "/other/old-mill", 0);
	expect("PUT", "/shops/old-mill", "/shops/old-mill", 0);
	add("GET", "/shops", TEMPLATE_SPLIT, "");
	expect("GET", "/shops/old-mill", "/shops/old-mill", 0);
}

static void test_pinned(void **)
{
	pins[0].place = place_of("GET", "/users");
	strcpy(pins[0].name, "{user}");
	table.n_pins = 1;
	add("GET", "/users", TEMPLATE_NAMED, "");
	add("GET", "/users", TEMPLATE_KEPT, "top");
	expect("GET", "/users/alice/x", "/users/{user}/x", 2);
	expect("GET", "/users/1207", "/users/{user}", 2); // whatever it looks like
	expect("GET", "/users/alice.png", "/users/{user}", 2);
	expect("GET", "/users/top", "/users/top", 0);
	expect("GET", "/users/me", "/users/me", 0);
}

// A template has room for so much, and is the same with and without what is learnt.
static void test_bounds(void **)
{
	char path[1200] = "/shops";

	add("GET", "/shops", TEMPLATE_FOLDED, "");
	for (uint32_t i = 0; i < 10; i++)
		strcat(path, "/abcdefghijklmnopqrstuvwxyz-");
	expect("GET", path,
	       "/shops/{name}/abcdefghijklmnopqrstuvwxyz-/abcdefghijklmnopqrstuvwxyz-"
	       "/abcdefghijklmnopqrstuvwxyz-/abcdefghijklmnopqrstuvwxyz-"
	       "/abcdefghijklmnopqrstuvwxyz-/abcdefghijklmnopqrstuvwxyz-/\xe2\x80\xa6",
	       2);
	path[0] = '\0';
	for (uint32_t i = 0; i < 20; i++)
		strcat(path, "/s");
	expect("GET", path, "/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/\xe2\x80\xa6", 0);
}

static void test_words(void **)
{
	static const char *const reserved[] = {"me", "Search", "v1", "V2beta", "1.0", "7", "logout"};
	static const char *const free[] = {"alice", "v8-engine", "4-seasons", "mes", "", "vx1",
					   "meadow", "searching-for-a-home"};

	for (uint32_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		assert_true(template_reserved(span_make(reserved[i], strlen(reserved[i]))));
	for (uint32_t i = 0; i < sizeof(free) / sizeof(free[0]); i++)
		assert_false(template_reserved(span_make(free[i], strlen(free[i]))));
	assert_int_equal(template_ending(SPAN_LIT("a.json")), 5);
	assert_int_equal(template_ending(SPAN_LIT(".json")), 0);
	assert_int_equal(template_ending(SPAN_LIT("a.jsonxy")), 0);
	assert_int_equal(template_ending(SPAN_LIT("a.")), 0);
	assert_int_equal(template_ending((struct span){0}), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_learnt, setup),
		cmocka_unit_test_setup(test_pinned, setup),
		cmocka_unit_test_setup(test_bounds, setup),
		cmocka_unit_test_setup(test_words, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
