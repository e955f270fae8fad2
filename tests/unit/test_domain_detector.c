// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Values out of the learnt domain: told at the first one, kept apart by what the server did, silent
// while learning and where many users change at once, and taught by nobody who attacks.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/domain.c"

static const struct raised *told(uint32_t n)
{
	const struct raised *r = raised_by("D-22", n);

	assert_non_null(r);
	return r ? r : &merger.raised[0];
}

enum { CART = 7, FIELD_QUANTITY = 1, FIELD_SHIPPING, FIELD_PAGE };

static struct call_param number(double n)
{
	return (struct call_param){
		.field = hashed(FIELD_QUANTITY),
		.value = hashed((uint64_t)(n * 100 + 1000000)),
		.number = n,
		.len = 2,
		.class = PARAM_INT,
		.place = PLACE_BODY,
	};
}

static struct call_param word(const char *text)
{
	return (struct call_param){
		.field = hashed(FIELD_SHIPPING),
		.value = hashed(strlen(text) << 8 | (uint8_t)text[0]),
		.len = (uint32_t)strlen(text),
		.class = PARAM_WORD,
		.place = PLACE_BODY,
	};
}

static void send_params(double seconds, uint32_t user, uint16_t status, uint32_t n,
			const struct call_param *params)
{
	struct call call = call_make(seconds, user, CART);

	call.params = params;
	call.n_params = (uint16_t)n;
	call.status = status;
	call.verb = VERB_POST;
	call_give(&domain, &call);
}

static void buy(double seconds, uint32_t user, uint16_t status, double quantity, const char *how)
{
	const struct call_param params[] = {number(quantity), word(how)};

	send_params(seconds, user, status, 2, params);
}

static void learn(uint32_t calls, uint32_t users)
{
	endpoint_named(CART, "POST", "/cart/{id}");
	for (uint32_t i = 0; i < calls; i++)
		buy(i * 0.1, i % users, 200, 1 + i % 4, i % 3 ? "standard" : "express");
}

static void test_negative(void **)
{
	const struct raised *r;

	begin("");
	learn(600, 60);
	buy(100, 3, 200, -3, "express");
	evaluate(&domain, 110, false);
	assert_int_equal(merger.n_raised, 0);
	evaluate(&domain, 161, false);
	assert_int_equal(merger.n_raised, 1);
	r = told(0);
	assert_draft(r);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->draft.confidence, 60);
	assert_text(r->draft.description, "user-3 made 1 call to POST api.example/cart/{id}");
	assert_text(r->draft.description, "was -3; in 600 accepted calls of about ");
	assert_text(r->draft.description, "it was between 1 and 4");
	assert_text(r->draft.description, "answered with status 200");
	// What this user sends teaches nothing.
	for (uint32_t i = 0; i < 100; i++)
		buy(170 + i, 3, 200, -3, "express");
	evaluate(&domain, 400, false);
	assert_int_equal(merger.n_raised, 1);
	assert_text(r->draft.description, "made 101 calls");
	buy(500, 4, 200, -3, "express");
	evaluate(&domain, 600, true);
	assert_int_equal(merger.n_raised, 2);
	end();
}

static void test_kinds(void **)
{
	const struct call_param ids[] = {
		{.place = PLACE_PATH, .noun = 5, .value = 77, .class = PARAM_INT},
		{.place = PLACE_QUERY, .noun = 5, .value = 78, .field = 99, .class = PARAM_INT},
	};
	struct call_param page[2] = {number(1), number(1)}, text = number(0), money = number(-1);

	begin("");
	learn(600, 60);
	page[0].place = page[1].place = PLACE_QUERY;
	page[0].field = page[1].field = hashed(FIELD_PAGE);
	for (uint32_t i = 0; i < 600; i++)
		send_params(60 + i * 0.1, i % 60, 200, 1, page);
	buy(200, 1, 422, 1, "free");
	buy(201, 2, 200, 5000, "express");
	text.class = PARAM_TEXT;
	send_params(202, 3, 500, 1, &text);
	page[1] = number(2);
	page[1].place = PLACE_QUERY;
	page[1].field = page[0].field;
	send_params(203, 4, 200, 2, page);
	send_params(204, 5, 200, 2, ids);
	buy(205, 6, 200, 0, "express"); // not enough by itself
	buy(206, 7, 200, 7, "express");
	buy(207, 8, 0, -1, "express"); // nobody saw the answer
	money.field = hashed(1234);
	param_named(CART, money.field, "$.price");
	money.index = privilege_of(SPAN_LIT("price"));
	money.number = 5;
	for (uint32_t i = 0; i < 600; i++)
		send_params(208 + i * 0.1, i % 60 + 10, 200, 1, &money);
	money.number = 0;
	send_params(300, 9, 200, 1, &money);
	evaluate(&domain, 301, true);
	assert_int_equal(merger.n_raised, 7);
	for (uint32_t i = 0; i < merger.n_raised; i++)
		assert_draft(&merger.raised[i]);
	assert_text(told(0)->draft.description,
		    "had a value that is none of the 2 which 603 accepted calls");
	assert_int_equal(told(0)->draft.severity, SEVERITY_LOW);
	assert_int_equal(told(0)->draft.result, RESULT_ATTEMPTED);
	assert_text(told(1)->draft.description, "was 5000; in ");
	assert_text(told(2)->draft.description, "was a text; in ");
	assert_text(told(2)->draft.description, "most often whole numbers");
	assert_text(told(3)->draft.description, "stood twice in the query");
	assert_text(told(4)->draft.description, "named another object");
	assert_text(told(5)->draft.description, "an answer that was not seen");
	assert_int_equal(told(5)->draft.result, RESULT_ATTEMPTED);
	assert_text(told(6)->draft.description, "The parameter $.price was 0;");
	assert_int_equal(told(6)->draft.severity, SEVERITY_HIGH);
	end();
}

static void test_silent(void **)
{
	struct call call;
	struct call_param odd;

	// Too few calls; too few users.
	begin("");
	learn(499, 60);
	buy(100, 3, 200, -3, "free");
	evaluate(&domain, 300, true);
	assert_int_equal(merger.n_raised, 0);
	end();
	begin("");
	learn(2000, 5);
	buy(300, 3, 200, -3, "free");
	evaluate(&domain, 500, true);
	assert_int_equal(merger.n_raised, 0);
	end();

	// A new version of the client: many users within a minute, and then more of them.
	begin("");
	learn(600, 60);
	for (uint32_t u = 0; u < 4; u++)
		buy(100 + u, u, 200, 2, "pickup");
	evaluate(&domain, 170, false);
	for (uint32_t u = 0; u < 40; u++)
		buy(200 + u, u, 200, 2, "pickup");
	evaluate(&domain, 400, true);
	assert_int_equal(merger.n_raised, 0);
	// Of the new value only.
	buy(500, 9, 200, 2, "free");
	evaluate(&domain, 600, true);
	assert_int_equal(merger.n_raised, 1);
	end();

	// What is refused makes nothing normal, however many send it.
	begin("");
	learn(600, 60);
	for (uint32_t u = 0; u < 40; u++)
		buy(100 + u, u, 400, -3, "express");
	evaluate(&domain, 300, true);
	assert_int_equal(merger.n_raised, 40);
	end();

	// Messages of a WebSocket are no calls.
	begin("");
	learn(600, 60);
	odd = number(-3);
	call = call_make(100, 3, CART);
	call.params = &odd;
	call.n_params = 1;
	call.flags = CALL_MESSAGE;
	call_give(&domain, &call);
	evaluate(&domain, 300, true);
	assert_int_equal(merger.n_raised, 0);
	end();
}

// Where identifiers beside the path often differ from it, they mean something else.
static void test_other_ids(void **)
{
	struct call_param ids[] = {
		{.place = PLACE_PATH, .noun = 5, .value = 77, .class = PARAM_INT},
		{.place = PLACE_BODY, .noun = 5, .value = 78, .field = 99, .class = PARAM_INT},
		{.place = PLACE_BODY, .noun = 5, .value = 77, .field = 98, .class = PARAM_INT},
	};

	begin("");
	endpoint_named(CART, "POST", "/cart/{id}");
	for (uint32_t i = 0; i < 600; i++)
		send_params(i * 0.1, i % 60, 200, i % 2 ? 2 : 1, ids);
	send_params(100, 3, 200, 2, ids);
	evaluate(&domain, 300, true);
	assert_int_equal(merger.n_raised, 0);
	end();

	// The path's own identifier is there as well.
	begin("");
	endpoint_named(CART, "POST", "/cart/{id}");
	for (uint32_t i = 0; i < 600; i++)
		send_params(i * 0.1, i % 60, 200, 1, ids);
	send_params(100, 3, 200, 3, ids);
	evaluate(&domain, 300, true);
	assert_int_equal(merger.n_raised, 0);
	send_params(400, 3, 200, 2, ids);
	evaluate(&domain, 500, true);
	assert_int_equal(merger.n_raised, 1);
	end();
}

// An attacker who sends new names all the time pushes out domains, and nothing else happens.
static void test_bounded(void **)
{
	struct call_param p = number(1);

	begin("detect: { domain: { max_domains = 1000; }; };");
	learn(600, 60);
	for (uint32_t i = 0; i < 20000; i++) {
		p.field = hashed(1000 + i);
		send_params(100 + i * 0.01, 3, 200, 1, &p);
	}
	buy(1000, 4, 200, -3, "free");
	evaluate(&domain, 2000, true);
	assert_int_equal(merger.n_raised, 0);
	assert_int_equal(((struct domains *)merger.state[index_of(&domain)])->domains.n, 1000);
	end();
}

static void test_saved(void **)
{
	char *text = NULL;
	size_t len = 0;
	uint32_t k;
	FILE *f = open_memstream(&text, &len);

	begin("");
	k = index_of(&domain);
	learn(640, 60);
	assert_int_equal(domain.save(merger.state[k], &merger, f), 0);
	fclose(f);
	end();

	begin("");
	endpoint_named(CART, "POST", "/cart/{id}");
	for (size_t cut = 1; cut < len; cut += 3) {
		f = fmemopen(text, cut, "r");
		assert_true(domain.load(merger.state[k], &merger, f, cut, 1) < 0);
		fclose(f);
	}
	lru_clear(&((struct domains *)merger.state[k])->domains);
	f = fmemopen(text, len, "r");
	assert_int_equal(domain.load(merger.state[k], &merger, f, len, 1), 0);
	fclose(f);
	free(text);
	buy(100, 3, 200, -3, "express");
	buy(100, 4, 200, 2, "free");
	buy(100, 5, 200, 2, "standard");
	evaluate(&domain, 300, true);
	assert_int_equal(merger.n_raised, 2);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_negative), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_silent),   cmocka_unit_test(test_other_ids),
		cmocka_unit_test(test_bounded),  cmocka_unit_test(test_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
