// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Mass assignment: found at the first request, with and without an echo; silent while learning, on
// new versions of a client, on objects that are sent back as they were shown, and on lost facts.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/massassign.c"
#include "detect/facts.h"

static const struct raised *told(uint32_t n)
{
	const struct raised *r = raised_by("D-21", n);

	assert_non_null(r);
	return r ? r : &merger.raised[0];
}

enum { PROFILE = 7, ME = 8 };

static uint8_t privilege(const char *name)
{
	uint8_t number = privilege_of(span_make(name, strlen(name)));

	assert_true(number != 0);
	return number;
}

static struct call_param param(const char *name, const char *value)
{
	return (struct call_param){
		.field = hashed((uint64_t)name[0] << 8 | strlen(name)),
		.value = hashed((uint64_t)value[0] << 8 | strlen(value)),
		.place = PLACE_BODY,
		.class = PARAM_WORD,
		.index = privilege_of(span_make(name, strlen(name))),
	};
}

// A write with one usual property, and with one more; sent: or NULL; shown: or NULL.
static void write_one(double seconds, uint32_t user, uint16_t status, const char *sent,
		      const char *value, const char *shown)
{
	struct call_param params[3] = {param("language", "en")};
	struct call call = call_make(seconds, user, PROFILE);

	call.params = params;
	call.n_params = 1;
	call.verb = VERB_PATCH;
	call.status = status;
	if (sent)
		params[call.n_params++] = param(sent, value);
	if (shown) {
		params[call.n_params] = param(sent, shown);
		call.n_shown = 1;
	}
	call_give(&massassign, &call);
}

static void look(double seconds, uint32_t user, const char *name, const char *value)
{
	struct call_param params[1] = {param(name, value)};
	struct call call = call_make(seconds, user, ME);

	call.params = params;
	call.n_shown = 1;
	call_give(&massassign, &call);
}

static void learn(uint32_t calls)
{
	endpoint_named(PROFILE, "PATCH", "/me");
	endpoint_named(ME, "GET", "/me");
	for (uint32_t i = 0; i < calls; i++)
		write_one(i * 0.1, i % 50, 200, NULL, NULL, NULL);
}

static void test_found(void **)
{
	const struct raised *r;

	begin("");
	learn(600);
	write_one(100, 3, 200, "role", "admin", NULL);
	evaluate(&massassign, 110, false);
	assert_int_equal(merger.n_raised, 0); // others may follow
	evaluate(&massassign, 161, false);
	assert_int_equal(merger.n_raised, 1);
	r = told(0);
	assert_draft(r);
	assert_int_equal(r->draft.confidence, 75);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_true(r->endpoint == PROFILE && r->principal == hashed(1000003));
	assert_text(r->draft.description, "user-3 sent 1 request to PATCH api.example/me");
	assert_text(r->draft.description, "\"role\", which says what somebody may do");
	assert_text(r->draft.description, "None of the 600 successful requests before");
	// The same user looks at the object.
	look(170, 3, "role", "admin");
	evaluate(&massassign, 171, false);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(r->draft.confidence, 95);
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_text(r->draft.description, "it was stored");
	assert_draft(r);
	// Nothing new, nothing told.
	assert_int_equal(r->count, 2);
	evaluate(&massassign, 300, false);
	assert_int_equal(r->count, 2);
	end();
}

// The response to the write itself shows it; and a refused one.
static void test_echo_and_refusal(void **)
{
	begin("");
	learn(600);
	write_one(100, 3, 200, "balance", "100000", "100000");
	write_one(101, 4, 403, "isAdmin", "true", NULL);
	write_one(102, 5, 200, "price", "0.01", "9.99"); // it was not taken
	write_one(103, 6, 0, "plan", "gold", NULL);      // nobody saw the response
	evaluate(&massassign, 103, true);
	assert_int_equal(merger.n_raised, 4);
	assert_int_equal(told(0)->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(told(0)->draft.confidence, 95);
	assert_int_equal(told(1)->draft.result, RESULT_ATTEMPTED);
	assert_int_equal(told(1)->draft.severity, SEVERITY_LOW);
	assert_int_equal(told(1)->draft.confidence, 50);
	assert_int_equal(told(2)->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(told(3)->draft.severity, SEVERITY_LOW);
	for (uint32_t i = 0; i < 4; i++)
		assert_draft(told(i));
	end();
}

// Another user's response is no echo, nor is one that came before.
static void test_whose_echo(void **)
{
	begin("");
	learn(600);
	look(99, 4, "role", "admin");
	write_one(100, 3, 200, "role", "admin", NULL);
	look(101, 5, "role", "admin");
	look(102, 3, "role", "user");
	evaluate(&massassign, 103, true);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(told(0)->draft.result, RESULT_ATTEMPTED);
	end();
}

static void test_silent(void **)
{
	struct call_param params[2] = {param("role", "admin"), param("language", "en")};
	struct call call;

	// While learning.
	begin("");
	learn(499);
	write_one(100, 3, 200, "role", "admin", "admin");
	evaluate(&massassign, 200, true);
	assert_int_equal(merger.n_raised, 0);
	end();

	// A new version of the client: many users at once.
	begin("");
	learn(600);
	for (uint32_t u = 0; u < 5; u++)
		write_one(100 + u, u, 200, "plan", "basic", "basic");
	evaluate(&massassign, 161, false);
	write_one(170, 9, 200, "plan", "basic", "basic");
	evaluate(&massassign, 300, true);
	assert_int_equal(merger.n_raised, 0);
	end();

	// The whole object is sent back as it was shown.
	begin("");
	learn(600);
	look(99, 3, "role", "user");
	write_one(100, 3, 200, "role", "user", "user");
	evaluate(&massassign, 300, true);
	assert_int_equal(merger.n_raised, 0);
	// … and then changed.
	write_one(301, 3, 200, "role", "admin", NULL);
	evaluate(&massassign, 400, true);
	assert_int_equal(merger.n_raised, 1);
	end();

	// Properties that nobody has to fear; parameters of a query; WebSocket messages.
	begin("");
	learn(600);
	write_one(100, 3, 200, "nickname", "joe", "joe");
	call = call_make(101, 3, PROFILE);
	params[0].place = PLACE_QUERY;
	call.params = params;
	call.n_params = 2;
	call_give(&massassign, &call);
	params[0].place = PLACE_BODY;
	call.flags = CALL_MESSAGE;
	call_give(&massassign, &call);
	evaluate(&massassign, 300, true);
	assert_int_equal(merger.n_raised, 0);
	end();

	// Calls that were not seen whole teach nothing.
	begin("");
	learn(490);
	for (uint32_t i = 0; i < 100; i++) {
		call = call_make(60 + i, i, PROFILE);
		call.params = &params[1];
		call.n_params = 1;
		call.flags = i % 2 ? CALL_HALF : 0;
		call.params_lost = i % 2 == 0;
		call_give(&massassign, &call);
	}
	write_one(200, 3, 200, "role", "admin", "admin");
	evaluate(&massassign, 300, true);
	assert_int_equal(merger.n_raised, 0);
	end();
}

// Of an endpoint where it is usual, and one attack is one issue however often it is tried.
static void test_usual(void **)
{
	begin("");
	learn(600);
	for (uint32_t i = 0; i < 100; i++)
		write_one(100 + i, 3, 200, "role", i % 2 ? "admin" : "root", NULL);
	evaluate(&massassign, 300, false);
	assert_int_equal(merger.n_raised, 1);
	assert_text(told(0)->draft.description, "sent 100 requests");
	end();

	begin("");
	learn(400);
	for (uint32_t i = 0; i < 200; i++)
		write_one(60 + i, 1 + i / 10 % 3, 200, i % 10 ? NULL : "role", "user", NULL);
	write_one(500, 3, 200, "role", "admin", "admin"); // staff does this all the time
	evaluate(&massassign, 600, true);
	assert_int_equal(merger.n_raised, 0);
	end();

	// One of fifty, as often, from the beginning: he and the next one are told.
	begin("");
	endpoint_named(PROFILE, "PATCH", "/me");
	for (uint32_t i = 0; i < 600; i++)
		write_one(i * 0.1, i % 50, 200, i % 50 == 7 ? "role" : NULL, "admin", NULL);
	write_one(100, 7, 200, "role", "admin", NULL);
	write_one(101, 8, 200, "role", "admin", NULL);
	evaluate(&massassign, 300, false);
	assert_int_equal(merger.n_raised, 2);
	end();
}

// More names than the table has room for: an endpoint that lost one concludes nothing.
static void test_forgotten(void **)
{
	struct call_param params[1];

	begin("detect: { massassign: { max_fields = 1000; }; };");
	learn(600);
	write_one(70, 1, 200, "state", "x", NULL);
	for (uint32_t i = 0; i < 1200; i++) {
		struct call call = call_make(100 + i, 1, 1000 + i);

		endpoint_named(1000 + i, "POST", "/x");
		params[0] = param("state", "open");
		call.params = params;
		call.n_params = 1;
		call_give(&massassign, &call);
	}
	write_one(5000, 3, 200, "role", "admin", "admin");
	evaluate(&massassign, 6000, true);
	assert_null(raised_by("D-21", 1)); // no more than that of "state"
	for (uint32_t i = 0; i < merger.n_raised; i++)
		assert_true(merger.raised[i].principal != hashed(1000003));
	end();
}

static void test_saved(void **)
{
	uint32_t k;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	begin("");
	k = index_of(&massassign);
	learn(600);
	for (uint32_t u = 0; u < 5; u++)
		write_one(70 + u, u, 200, "plan", "basic", NULL);
	assert_int_equal(massassign.save(merger.state[k], &merger, f), 0);
	fclose(f);
	end();

	begin("");
	endpoint_named(PROFILE, "PATCH", "/me");
	for (size_t cut = 0; cut < len; cut += 7) {
		f = fmemopen(text, cut ? cut : 1, "r");
		assert_true(massassign.load(merger.state[k], &merger, f, cut, massassign.version) <
			    0);
		fclose(f);
	}
	f = fmemopen(text, len, "r");
	assert_true(massassign.load(merger.state[k], &merger, f, len, massassign.version + 1) < 0);
	rewind(f);
	assert_int_equal(massassign.load(merger.state[k], &merger, f, len, massassign.version), 0);
	fclose(f);
	free(text);
	write_one(100, 3, 200, "plan", "gold", NULL);
	write_one(100, 3, 200, "role", "admin", NULL);
	evaluate(&massassign, 300, true);
	assert_int_equal(merger.n_raised, 1);
	assert_text(told(0)->draft.description, "\"role\"");
	end();
}

// The worker hands over what is judged here.
static void test_worker(void **)
{
	const struct delta *d;
	const struct call *call;

	begin("");
	SEND("PATCH /me HTTP/1.1\r\nHost: a.example\r\n\r\n",
	     "{\"user\":{\"isAdmin\":true},\"lines\":[{\"price\":1}],\"name\":\"x\"}",
	     "HTTP/1.1 200 OK\r\n\r\n",
	     "{\"is_admin\":true,\"items\":[{\"price\":2}],\"account\":{\"role\":\"a\\u0062\"}}");
	d = &work[0]->delta[work[0]->active];
	assert_int_equal(d->n_calls, 1);
	call = &d->calls[0];
	assert_int_equal(call->n_params, 3);
	assert_int_equal(call->n_shown, 2);
	assert_int_equal(call->params[0].index, privilege("admin"));
	assert_int_equal(call->params[1].index, privilege("price"));
	assert_int_equal(call->params[2].index, 0);
	assert_int_equal(call->params[3].index, privilege("admin"));
	assert_true(call->params[3].value == call->params[0].value);
	assert_int_equal(call->params[4].index, privilege("role"));
	assert_true(call->params[4].value == facts_value_hash(SPAN_LIT("ab"), SEED));
	assert_int_equal(d->n_call_params, 5);
	SEND("PATCH /me HTTP/1.1\r\nHost: a.example\r\n\r\n", "{}",
	     "HTTP/1.1 400 Bad Request\r\n\r\n", "{\"role\":\"x\"}", .time_ns = 10);
	assert_int_equal(d->calls[1].n_shown, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),      cmocka_unit_test(test_echo_and_refusal),
		cmocka_unit_test(test_whose_echo), cmocka_unit_test(test_silent),
		cmocka_unit_test(test_usual),      cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_saved),      cmocka_unit_test(test_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
