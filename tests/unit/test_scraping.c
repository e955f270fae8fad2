// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Scraping: a program in order, one with pauses by chance, one that pages through a list; people,
// nurses, monitors, partners are silent; what is learnt survives.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/scraping.c"

enum { ITEM = 50, LIST, NOUN = 7 };

static void take(double second, uint32_t user, uint64_t endpoint, double number, uint16_t status)
{
	struct call_param param = {
		.field = 900 + endpoint,
		.noun = endpoint == LIST ? 0 : NOUN,
		.value = hashed((uint64_t)number),
		.number = number,
		.class = PARAM_INT,
		.place = endpoint == LIST ? PLACE_QUERY : PLACE_PATH,
	};
	struct call call = call_make(second, user, endpoint);

	call.status = status;
	call.params = &param;
	call.n_params = 1;
	call_give(&scraping, &call);
}

static struct entry *user_entry(uint32_t user)
{
	return idmap_get(&merger.principal_map, hashed(1000000 + user));
}

static void agent_named(uint32_t user, const char *agent)
{
	struct entry *e = user_entry(user);

	assert_non_null(e);
	if (e)
		text_set(e->text[1], sizeof(e->text[1]), span_make(agent, strlen(agent)));
}

// 150 visits of people with some thirty objects each.
static void open_usual(const char *conf)
{
	begin(conf);
	for (uint32_t i = 0; i < 20; i++)
		endpoint_named(ITEM + i, "GET", "/things");
	for (uint32_t u = 0; u < 150; u++) {
		for (uint32_t i = 0; i < 40; i++) {
			take(u * 10 + i * 3 + hashed(u + i) % 3, u, ITEM + i % 20,
			     (double)(hashed(i) % 30), 200);
		}
		snprintf(user_entry(u)->text[1], 400, "Mozilla/5.0 (X11; Linux x86_64)");
	}
	for (uint32_t u = 0; u < 150; u++) // their visits end when they come again
		take(4000 + u, u, LIST, 1, 200);
	assert_raised(0);
}

static void test_program(void **)
{
	const struct raised *r;

	open_usual("");
	take(5000, 500, ITEM, 1, 200);
	agent_named(500, "python-requests/2.31.0");
	for (uint32_t i = 1; i < 100; i++)
		take(5000 + i, 500, ITEM, 1 + i, 200);
	for (uint32_t i = 100; i < 130; i++)
		take(5000 + i, 500, ITEM, 1 + i, 200);
	assert_raised(1);
	r = raised_by("D-43", 0);
	assert_draft(r);
	assert_true(r->principal == hashed(1000500) && r->endpoint == ITEM);
	assert_true(r->time_ns <= at(5120));
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_true(r->draft.confidence >= 85);
	assert_text(r->draft.description, "6 of the 6 signs of a program");
	assert_text(r->draft.description, "99 % of all visits have");
	for (uint32_t i = 130; i < 160; i++)
		take(5000 + i, 500, ITEM, 1 + i, 200);
	assert_int_equal(r->count, 1);
	end();
	// With a browser's name and pauses of any length, over the pages of a list.
	open_usual("");
	for (uint32_t i = 0; i < 300; i++) {
		take(5000 + i * 2 + hashed(i) % 100 / 50.0, 500, LIST, 1 + i, 200);
		snprintf(user_entry(500)->text[1], 400, "Mozilla/5.0 (X11; Linux x86_64)");
	}
	assert_raised(1);
	r = raised_by("D-43", 0);
	assert_draft(r);
	assert_text(r->draft.description, "4 of the 6 signs");
	end();
}

static void test_silent(void **)
{
	open_usual("");
	// A nurse with 400 patients on a long day: there and back, by chance.
	for (uint32_t i = 0; i < 2000; i++) {
		take(5000 + i * 10 + hashed(i) % 10, 600, ITEM + i % 8, (double)(hashed(i) % 400),
		     200);
		snprintf(user_entry(600)->text[1], 400, "Mozilla/5.0 (X11; Linux x86_64)");
	}
	// A monitor, as regular as can be.
	for (uint32_t i = 0; i < 2000; i++)
		take(5000 + i * 10, 601, ITEM, 1 + i % 2, 200);
	// Nothing was given out, or nobody saw whether.
	for (uint32_t i = 0; i < 500; i++)
		take(5000 + i, 602, ITEM, i, i % 2 ? 404 : 0);
	// In order, but not many.
	for (uint32_t i = 0; i < 70; i++)
		take(5000 + i, 603, ITEM, i, 200);
	assert_raised(0);
	end();
}

static void test_left_alone(void **)
{
	open_usual("detect = { scraping = { bots = [ \"GoodBot\" ]; partners = [ \"user-701\" ]; "
		   "}; };");
	for (uint32_t u = 700; u < 703; u++) {
		take(5000, u, ITEM, 1, 200);
		agent_named(u, u == 700 ? "GoodBot/1.0" : "curl/8");
		if (u == 702) {
			user_entry(u)->principal.kind = PRINCIPAL_API_KEY;
			user_entry(u)->principal.first_ns = at(5000) - 25 * HOUR_NS;
		}
		for (uint32_t i = 1; i < 300; i++)
			take(5000 + i, u, ITEM, 1 + i, 200);
	}
	assert_raised(0);
	user_entry(702)->principal.first_ns = at(5000);
	take(5301, 702, ITEM, 301, 200);
	for (uint32_t i = 302; i < 320; i++)
		take(5000 + i, 702, ITEM, i, 200);
	assert_raised(1);
	end();
}

static void test_programs(void **)
{
	assert_true(is_program("python-requests/2.31.0"));
	assert_true(is_program("Mozilla/5.0 HeadlessChrome/120"));
	assert_true(is_program(""));
	assert_false(is_program("Mozilla/5.0 (X11; Linux x86_64) Chrome/124 Safari/537.36"));
	assert_false(is_program("ShopApp/5.2 (Android 14)"));
	assert_false(is_program("MyPhpetc"));
}

static void test_saved(void **)
{
	uint32_t k;
	char *bytes;
	size_t len;
	FILE *file;
	struct ddsketch visits;

	open_usual("");
	k = index_of(&scraping);
	file = open_memstream(&bytes, &len);
	assert_int_equal(scraping.save(merger.state[k], &merger, file), 0);
	fclose(file);
	visits = ((struct scraping *)merger.state[k])->visits;
	assert_int_equal(visits.count, 150);
	end();
	begin("");
	file = fmemopen(bytes, len, "r");
	assert_int_not_equal(scraping.load(merger.state[k], &merger, file, len - 1, scraping.version), 0);
	rewind(file);
	assert_int_not_equal(scraping.load(merger.state[k], &merger, file, len, scraping.version + 1), 0);
	rewind(file);
	assert_int_equal(scraping.load(merger.state[k], &merger, file, len, scraping.version), 0);
	fclose(file);
	assert_memory_equal(&((struct scraping *)merger.state[k])->visits, &visits, sizeof(visits));
	free(bytes);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program),    cmocka_unit_test(test_silent),
		cmocka_unit_test(test_left_alone), cmocka_unit_test(test_programs),
		cmocka_unit_test(test_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
