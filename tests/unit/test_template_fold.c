// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Words of paths that are values: shops and users join, names of the API stay, whoever makes up
// paths evicts nothing; what was known is summed, old identities lead to the new one, operators are
// obeyed, and nothing of it depends on who told it first or on a restart.

#include "tests/unit/merge_fixture.h"

#include "detect/template_fold.c"

enum { TOLD_FIELDS = 20000 };

static struct delta_param fields[TOLD_FIELDS];
static uint64_t now;

static uint64_t id_of(const char *host, const char *method, const char *template)
{
	return template_id(42, template_root(42, span_of(host), span_of(method)),
			   span_of(template));
}

static uint64_t id(const char *template)
{
	return id_of("h", "GET", template);
}

static const struct merged_endpoint *get(const char *template)
{
	struct known_endpoint *e = idmap_get(&merger->known.endpoint_map, id(template));

	return e ? &e->pub : NULL;
}

// A request in the words of the wire, answered with fields first, first + 1, …
static void ask(struct delta *d, const char *method, const char *template, uint16_t status,
		uint64_t first, uint32_t n)
{
	uint64_t endpoint = id_of("h", method, template);

	now++;
	delta_endpoint(d, now, endpoint, "h", method, template);
	if (status == 404)
		d->names[d->n_names - 1].missing = true;
	delta_add(d, now, now % 9 + 1, endpoint, status);
	d->params = d == delta ? fields : d->params;
	for (uint32_t i = 0; i < n && d->params; i++) {
		assert_true(d->n_params < TOLD_FIELDS);
		d->params[d->n_params++] = (struct delta_param){
			.endpoint = endpoint,
			.field = first + i,
			.time_ns = now,
			.name = SPAN_LIT("$.x"),
			.dir = SERVER,
		};
	}
}

static void epoch(void)
{
	run_epoch(++now);
	delta->n_params = 0;
}

// Every shop twice, with the same fields.
static void shops(struct delta *d, uint32_t from, uint32_t to)
{
	char text[64];

	for (uint32_t i = from; i < to; i++) {
		snprintf(text, sizeof(text), "/shops/shop-%c%c", 'a' + i / 26, 'a' + i % 26);
		ask(d, "GET", text, 200, 10, 4);
		ask(d, "GET", text, 200, 0, 0);
		if (i % 3 == 0) {
			snprintf(text, sizeof(text), "/shops/shop-%c%c/menu", 'a' + i / 26,
				 'a' + i % 26);
			ask(d, "GET", text, 200, 20, 3);
		}
	}
}

static void tell_endpoints(void)
{
	for (uint32_t i = 0; i < merger_endpoints(merger); i++) {
		const struct merged_endpoint *e = merger_endpoint_at(merger, i);

		tell("%s %s %" PRIu64 " %" PRIu64 "\n", e->method, e->template, e->calls,
		     e->first_ns);
	}
}

// Endpoints without any place of values.
static void plain(uint32_t from, uint32_t to)
{
	char text[64];

	for (uint32_t i = from; i < to; i++) {
		snprintf(text, sizeof(text), "/plain/part%c%c/one/end%c", 'a' + i / 20 / 26,
			 'a' + i / 20 % 26, 'a' + i % 20);
		ask(delta, "GET", text, 200, 0, 0);
	}
}

// Among many endpoints a few new ones wait to be looked at: until there are more, for a while, or
// to the end.
static void test_look_waits(void **)
{
	uint32_t merges;

	plain(0, 500);
	epoch();
	assert_int_equal(merger_endpoints(merger), 500);
	shops(delta, 0, 20); // 27 with the menus: fewer than one in sixteen
	epoch();
	assert_int_equal(merger->templates.looked, 500);
	shops(delta, 20, 33);
	epoch();
	assert_non_null(get("/shops/{name}"));

	merger_reset(merger);
	plain(0, 500);
	epoch();
	shops(delta, 0, 20);
	for (merges = 0; merger->templates.looked < 527 && merges < 99; merges++)
		epoch();
	assert_int_equal(merges, 16);

	merger_reset(merger);
	plain(0, 1000);
	epoch();
	shops(delta, 0, 40);
	epoch();
	assert_null(get("/shops/{name}"));
	merger_finish(merger, now);
	assert_non_null(get("/shops/{name}"));
}

static void alpha_join(void *into, const void *from)
{
	((struct alpha_area *)into)->calls += ((const struct alpha_area *)from)->calls;
}

// A detector whose area is a sum goes on with it.
static void test_areas_join(void **)
{
	alpha.join_area = alpha_join;
	shops(delta, 0, 40);
	epoch();
	assert_int_equal(((struct alpha_area *)get("/shops/{name}")->area[0])->calls, 80);
	assert_int_equal(((struct alpha_area *)get("/shops/{name}/menu")->area[0])->calls, 14);
	alpha.join_area = NULL;
}

static void test_values_join(void **)
{
	const struct params_endpoint *p;
	struct template_text text;

	shops(delta, 0, 29);
	for (uint32_t i = 0; i < 9; i++)
		ask(delta, "GET", "/shops/nearby", 200, 40, 3);
	ask(delta, "GET", "/orders", 200, 50, 3);
	epoch();
	assert_null(get("/shops/{name}")); // one too few
	((struct alpha_area *)merger_endpoint_at(merger, 0)->area[0])->calls = 77;
	shops(delta, 29, 33);
	epoch();
	assert_non_null(get("/shops/{name}"));
	assert_int_equal(get("/shops/{name}")->calls, 66);
	assert_int_equal(get("/shops/{name}")->first_ns, 1);
	assert_int_equal(get("/shops/{name}")->ok, 66);
	assert_int_equal(get("/shops/{name}/menu")->calls, 11);
	assert_int_equal(get("/shops/nearby")->calls, 9);
	assert_int_equal(merger_endpoints(merger), 4);
	assert_int_equal(merger->templates.n_folds, 1);
	assert_int_equal(merger->templates.folds[0].n_kept, 1);
	// Areas begin anew, counts and fields go on.
	assert_int_equal(((struct alpha_area *)get("/shops/{name}")->area[0])->calls, 0);
	p = params_endpoint(&merger->params, id("/shops/{name}"));
	assert_int_equal(p->whole, 66);
	assert_int_equal(p->n, 4);
	assert_int_equal(known_endpoint(&merger->known, id("/shops/{name}"))->inventory->size.count,
			 66);
	assert_int_equal(templates_origin(&merger->templates, get("/shops/{name}")),
			 TEMPLATE_LEARNT);
	assert_int_equal(templates_origin(&merger->templates, get("/shops/nearby")), TEMPLATE_WORD);
	// Old identities, and new words in the old way of a worker that is late, lead there.
	assert_ptr_equal(merger_endpoint(merger, id("/shops/shop-aa")), get("/shops/{name}"));
	ask(delta, "GET", "/shops/shop-zz", 200, 10, 4);
	ask(delta, "GET", "/shops/shop-aa", 200, 10, 4);
	ask(delta, "GET", "/shops/unheard", 404, 0, 0);
	ask(delta, "GET", "/shops/search", 200, 60, 2); // a word everywhere
	epoch();
	assert_int_equal(get("/shops/{name}")->calls, 69);
	assert_int_equal(get("/shops/{name}")->status[4], 1);
	assert_non_null(get("/shops/search"));
	assert_int_equal(merger_endpoints(merger), 5);
	assert_int_equal(params_endpoint(&merger->params, id("/shops/{name}"))->n, 4);
	// What workers are told.
	merger_publish(merger, 1, 1);
	assert_true(shared.snapshot->templates.n > 3);
	assert_true(templates_apply(&merger->templates, SPAN_LIT("h"), SPAN_LIT("GET"),
				    SPAN_LIT("/shops/new-one/menu#x"), &text));
	assert_int_equal(text.len, strlen("/shops/{name}/menu#x"));
	assert_memory_equal(text.text, "/shops/{name}/menu#x", text.len);
	assert_false(templates_apply(&merger->templates, SPAN_LIT("h"), SPAN_LIT("PUT"),
				     SPAN_LIT("/shops/new-one"), &text));
	assert_false(templates_apply(&merger->templates, SPAN_LIT("g"), SPAN_LIT("GET"),
				     SPAN_LIT("/shops/new-one"), &text));
}

// The same exchanges of two workers, whoever comes first, and of one.
static void test_any_order(void **)
{
	static char first[4096];

	for (uint32_t round = 0; round < 3; round++) {
		struct delta *other = delta_make();
		uint64_t from = 1;

		merger_reset(merger);
		other->params = fields + TOLD_FIELDS / 2;
		for (uint32_t part = 0; part < 3; part++) {
			now = from;
			shops(round ? other : delta, part * 12, part * 12 + 12);
			ask(delta, "GET", "/shops/nearby", 200, 40, 3);
			from = now;
			if (round != 1)
				merge_gather(merger, delta);
			if (round)
				merge_gather(merger, other);
			if (round == 1)
				merge_gather(merger, delta);
			merger_run(merger, now);
			delta_empty(delta);
			delta_empty(other);
			delta->n_params = other->n_params = 0;
		}
		told_forget();
		tell_endpoints();
		assert_non_null(get("/shops/{name}"));
		if (round == 0)
			snprintf(first, sizeof(first), "%s", told);
		assert_string_equal(told, first);
		delta_drop(other);
	}
}

// What an API is called stays, whichever way it can be told from values.
static void test_names_stay(void **)
{
	char text[64];

	for (uint32_t i = 0; i < 60; i++) {
		// An envelope that all share, and fields of their own.
		snprintf(text, sizeof(text), "/api/res%c%c", 'a' + i / 26, 'a' + i % 26);
		ask(delta, "GET", text, 200, 10, 4);
		ask(delta, "GET", text, 200, 1000 + 10 * i, 5);
		strcat(text, "/{id}");
		ask(delta, "GET", text, 200, 2000 + 10 * i, 5);
		// Nothing to compare, and not enough of them.
		snprintf(text, sizeof(text), "/rpc/do%c%c", 'a' + i / 26, 'a' + i % 26);
		if (i < 50)
			ask(delta, "POST", text, 204, 0, 0);
	}
	epoch();
	assert_int_equal(merger_endpoints(merger), 170);
	// Alike in all, but called again and again.
	for (uint32_t i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "/codes/tab%c%c", 'a' + i / 26, 'a' + i % 26);
		for (uint32_t k = 0; k < 25; k++)
			ask(delta, "GET", text, 200, 30, k ? 0 : 3);
	}
	epoch();
	assert_int_equal(merger_endpoints(merger), 210);
	assert_int_equal(merger->templates.n_folds, 0);
}

// Alike, but called far more often than all others.
static void test_gap(void **)
{
	shops(delta, 0, 40);
	for (uint32_t i = 0; i < 60; i++)
		ask(delta, "GET", "/shops/ours", 200, 10, i ? 0 : 4);
	epoch();
	assert_int_equal(get("/shops/ours")->calls, 60);
	assert_int_equal(get("/shops/{name}")->calls, 80);
}

// One part of a word was seen: it stays until more is.
static void test_again(void **)
{
	ask(delta, "GET", "/shops/late/menu", 200, 20, 3);
	for (uint32_t i = 0; i < 40; i++) {
		char text[64];

		snprintf(text, sizeof(text), "/shops/shop-%c%c", 'a' + i / 26, 'a' + i % 26);
		ask(delta, "GET", text, 200, 10, 4);
	}
	epoch();
	assert_non_null(get("/shops/{name}"));
	assert_non_null(get("/shops/late/menu"));
	ask(delta, "GET", "/shops/new-one/menu", 200, 20, 3);
	epoch();
	assert_null(get("/shops/late/menu"));
	assert_int_equal(get("/shops/{name}/menu")->calls, 2);
	assert_int_equal(merger->templates.folds[0].n_kept, 0);
}

// Another method of the same place needs fewer.
static void test_methods(void **)
{
	char text[64];

	shops(delta, 0, 40);
	epoch();
	for (uint32_t i = 0; i < 12; i++) {
		snprintf(text, sizeof(text), "/shops/shop-%c%c", 'a' + i / 26, 'a' + i % 26);
		ask(delta, "PUT", text, 200, 10, 4);
		ask(delta, "DELETE", text, 204, 0, 0);
	}
	ask(delta, "POST", "/shops/login", 200, 10, 4);
	epoch();
	assert_non_null(idmap_get(&merger->known.endpoint_map, id_of("h", "PUT", "/shops/{name}")));
	assert_non_null(idmap_get(&merger->known.endpoint_map, id_of("h", "POST", "/shops/login")));
	// Nothing to compare: they wait.
	assert_null(idmap_get(&merger->known.endpoint_map, id_of("h", "DELETE", "/shops/{name}")));
}

// ---- Whoever makes up paths

static void made_up(uint32_t i, uint16_t status, uint32_t n_fields)
{
	char text[64];
	uint32_t word = i * 2654435761u;

	snprintf(text, sizeof(text), i % 3 ? "/%c%c%c%c%c" : "/%c%c%c%c%c/x%c%c", 'a' + word % 26,
		 'a' + word / 26 % 26, 'a' + word / 676 % 26, 'a' + word / 17576 % 26,
		 'a' + word / 456976 % 26, 'a' + word % 25, 'a' + word / 25 % 26);
	ask(delta, "GET", text, status, 1, n_fields);
}

static void real(uint32_t calls)
{
	char text[64];

	for (uint32_t k = 0; k < calls; k++) {
		for (uint32_t i = 0; i < 50; i++) {
			snprintf(text, sizeof(text), "/api/res%c%c", 'a' + i / 26, 'a' + i % 26);
			ask(delta, "GET", text, 200, 1000 + 10 * i, k ? 0 : 5);
		}
	}
}

static uint64_t real_calls(uint32_t *n)
{
	uint64_t calls = 0;

	*n = 0;
	for (uint32_t i = 0; i < merger_endpoints(merger); i++) {
		const struct merged_endpoint *e = merger_endpoint_at(merger, i);

		if (strncmp(e->template, "/api/res", 8) == 0) {
			calls += e->calls;
			++*n;
		}
	}
	return calls;
}

static void flood(uint16_t status, uint32_t n_fields, uint32_t max)
{
	uint32_t n;

	merger->known.max_endpoints = max;
	for (uint32_t round = 0; round < 10; round++) {
		real(2);
		for (uint32_t i = 0; i < 2000; i++) {
			made_up(round * 2000 + i, status, n_fields);
			if (delta->n_params > TOLD_FIELDS - 100)
				epoch();
		}
		epoch();
		assert_true(merger_endpoints(merger) <= max);
	}
	assert_int_equal(real_calls(&n), 50 * 20);
	assert_int_equal(n, 50);
	assert_int_equal(merger->known.endpoints_lost, 0);
}

static void test_flood_served(void **)
{
	flood(200, 0, 1000);
	assert_true(merger_endpoints(merger) < 300);
	assert_non_null(get("/{name}"));
}

static void test_flood_json(void **)
{
	flood(200, 3, 1000);
	assert_non_null(get("/{name}"));
}

// What is only refused is learnt from nowhere, and makes room for what is served.
static void test_flood_refused(void **)
{
	flood(403, 0, 1000);
	assert_null(get("/{name}"));
	ask(delta, "GET", "/late", 401, 0, 0);
	for (uint32_t i = 0; i < 1500; i++)
		made_up(50000 + i, 401, 0);
	epoch();
	ask(delta, "GET", "/late", 200, 0, 0);
	epoch();
	assert_non_null(get("/late"));
	assert_int_equal(get("/late")->status[2], 1);
}

// With room for more a quarter of it at most is theirs, and the first success makes one an endpoint.
static void test_refused_wait(void **)
{
	flood(403, 0, 8000);
	assert_true(merger_endpoints(merger) <= 50 + 2000);
	ask(delta, "GET", "/late", 401, 0, 0);
	epoch();
	assert_null(get("/late"));
	ask(delta, "GET", "/late", 200, 0, 0);
	delta->n_names--; // its worker has told it
	ask(delta, "GET", "/new", 200, 0, 0);
	epoch();
	assert_int_equal(get("/late")->calls, 1);
	assert_int_equal(get("/new")->calls, 1);
}

static void test_flood_missing(void **)
{
	flood(404, 0, 1000);
	assert_int_equal(merger_endpoints(merger), 50);
}

// ---- Operators

static int setup_pinned(void **state)
{
	static const char *pins[] = {"GET h /users/{user}/orders", "* h /items/{sku}"};
	static const char *splits[] = {"GET h /shops/shop-ab", "GET h /codes/*"};

	template_options.pin = (struct conf_strs){pins, 2};
	template_options.split = (struct conf_strs){splits, 2};
	return fixture_setup(state);
}

static int teardown_pinned(void **state)
{
	template_options.pin = template_options.split = (struct conf_strs){0};
	return fixture_teardown(state);
}

static void test_operators(void **)
{
	char text[64];

	shops(delta, 0, 40);
	for (uint32_t i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "/codes/tab%c%c", 'a' + i / 26, 'a' + i % 26);
		ask(delta, "GET", text, 200, 30, 3);
	}
	ask(delta, "GET", "/users/alice/orders", 200, 1, 1);
	ask(delta, "GET", "/users/{id}/orders", 200, 1, 1);
	ask(delta, "GET", "/users/me/orders", 200, 1, 1);
	ask(delta, "PUT", "/items/{uuid}", 200, 1, 1);
	epoch();
	assert_int_equal(get("/shops/shop-ab")->calls, 2);
	assert_int_equal(get("/shops/{name}")->calls, 78);
	assert_int_equal(get("/codes/tabaa")->calls, 1);
	assert_int_equal(get("/users/{user}/orders")->calls, 2);
	assert_int_equal(templates_origin(&merger->templates, get("/users/{user}/orders")),
			 TEMPLATE_PINNED);
	assert_non_null(get("/users/me/orders"));
	assert_non_null(idmap_get(&merger->known.endpoint_map, id_of("h", "PUT", "/items/{sku}")));
	merger_reset(merger);
	assert_int_equal(merger->templates.n_folds, 0);
	ask(delta, "GET", "/users/bob/orders", 200, 1, 1);
	epoch();
	assert_int_equal(get("/users/{user}/orders")->calls, 1); // pins stay
}

// ---- Kept

static char *saved(size_t *len)
{
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, len);

	assert_int_equal(templates_save(&merger->templates, out), 0);
	fclose(out);
	return bytes;
}

static int loaded(const char *bytes, size_t len)
{
	FILE *in = fmemopen((void *)(uintptr_t)bytes, len, "r");
	int rc = templates_load(&merger->templates, in, len);

	fclose(in);
	return rc;
}

static void test_kept(void **)
{
	size_t len, again_len;
	char *bytes, *again;

	shops(delta, 0, 40);
	for (uint32_t i = 0; i < 9; i++)
		ask(delta, "GET", "/shops/nearby", 200, 40, 3);
	epoch();
	bytes = saved(&len);
	merger_reset(merger);
	assert_int_equal(loaded(bytes, len), 0);
	assert_int_equal(loaded(bytes, len), 0); // twice is once
	assert_int_equal(merger->templates.n_folds, 1);
	again = saved(&again_len);
	assert_int_equal(again_len, len);
	assert_memory_equal(again, bytes, len);
	ask(delta, "GET", "/shops/first-one", 200, 10, 4);
	ask(delta, "GET", "/shops/nearby", 200, 40, 3);
	epoch();
	assert_non_null(get("/shops/{name}"));
	assert_non_null(get("/shops/nearby"));
	// Endpoints of before a pin or a fold take their new names.
	merger_reset(merger);
	ask(delta, "GET", "/shops/first-one", 200, 10, 4);
	epoch();
	assert_int_equal(loaded(bytes, len), 0);
	templates_conform(merger);
	assert_int_equal(get("/shops/{name}")->calls, 1);
	assert_null(get("/shops/first-one"));
	for (size_t cut = 1; cut < len; cut++)
		assert_true(loaded(bytes, cut) != 0);
	assert_int_equal(merger->templates.n_folds, 0);
	for (size_t at = 0; at < len; at++) {
		char one = bytes[at];

		bytes[at] = (char)0xff;
		loaded(bytes, len); // whatever comes of it
		bytes[at] = one;
		templates_reset(&merger->templates);
	}
	free(bytes);
	free(again);
}

static void test_no_memory(void **)
{
	for (unsigned n = 1; n < 400; n += n < 60 ? 1 : 17) {
		uint64_t calls = 0;

		merger_reset(merger);
		shops(delta, 0, 40);
		n_allocs = 0;
		fail_at = n;
		epoch();
		fail_at = 0;
		for (uint32_t i = 0; i < merger_endpoints(merger); i++)
			calls += merger_endpoint_at(merger, i)->calls;
		assert_true(calls <= 94);
		shops(delta, 40, 80);
		epoch();
		assert_non_null(get("/shops/{name}"));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_values_join),
		TEST(test_areas_join),
		TEST(test_look_waits),
		TEST(test_any_order),
		TEST(test_names_stay),
		TEST(test_gap),
		TEST(test_again),
		TEST(test_methods),
		TEST(test_flood_served),
		TEST(test_flood_json),
		TEST(test_flood_refused),
		TEST(test_refused_wait),
		TEST(test_flood_missing),
		cmocka_unit_test_setup_teardown(test_operators, setup_pinned, teardown_pinned),
		TEST(test_kept),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
