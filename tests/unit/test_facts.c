// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What an exchange hands over beside its call: parameters, the objects that its response gives out,
// names of fields. Requests and responses as text through the real worker; equal things must have
// equal identities wherever they stand.

#include "tests/unit/worker_fixture.h"

#include <math.h>

#include "detect/facts.h"
#include "detect/noun.h"
#include "detect/siphash.h"
#include "detect/worker_state.h"

enum { QUERY_PARAMS = 24, LINK_IDS = 4 }; // as in facts.c

#define HOST    " HTTP/1.1\r\nHost: api.example\r\n\r\n"
#define GET(p)  "GET " p HOST
#define POST(p) "POST " p HOST
#define OK      "HTTP/1.1 200 OK\r\n\r\n"

static void begin(void)
{
	work_open("", 1, 8);
}

static const struct delta *delta(void)
{
	return &work[0]->delta[work[0]->active];
}

static const struct call *last_call(void)
{
	assert_true(delta()->n_calls > 0);
	return &delta()->calls[delta()->n_calls - 1];
}

static const struct call_param *param(uint32_t i)
{
	assert_true(i < last_call()->n_params);
	return &last_call()->params[i];
}

static const struct delta_object *object(uint32_t back)
{
	assert_true(back < delta()->n_objects);
	return &delta()->objects[delta()->n_objects - 1 - back];
}

static uint64_t value_of(const char *text)
{
	return facts_value_hash(span_make(text, strlen(text)), SEED);
}

static uint64_t noun_of(const char *text)
{
	return noun_container(span_make(text, strlen(text)), SEED);
}

// How often a field of that name was told.
static uint32_t told(const char *name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < delta()->n_params; i++) {
		const struct delta_param *p = &delta()->params[i];

		n += p->name.len == strlen(name) && memcmp(p->name.p, name, p->name.len) == 0;
	}
	return n;
}

static void test_classes(void **)
{
	static const struct {
		const char *text;
		enum param_class class;
		double number;
	} cases[] = {
		{"", PARAM_EMPTY, 0},
		{"true", PARAM_BOOL, 0},
		{"FALSE", PARAM_BOOL, 0},
		{"0", PARAM_INT, 0},
		{"-1", PARAM_INT, -1},
		{"+7", PARAM_INT, 7},
		{"007", PARAM_INT, 7},
		{"1.5", PARAM_NUMBER, 1.5},
		{"-0.25", PARAM_NUMBER, -0.25},
		{"1.5e-3", PARAM_NUMBER, 1.5e-3},
		{"2E2", PARAM_NUMBER, 200},
		{"2e+2", PARAM_NUMBER, 200},
		{"1e400", PARAM_NUMBER, INFINITY},
		{"-1e99999", PARAM_NUMBER, -INFINITY},
		{"1e-400", PARAM_NUMBER, 0},
		{"1e", PARAM_WORD, 0},
		{"1e+", PARAM_TEXT, 0},
		{"+", PARAM_TEXT, 0},
		{"-", PARAM_WORD, 0},
		{"--1", PARAM_WORD, 0},
		{"12abc", PARAM_WORD, 0},
		{"1.2.3", PARAM_WORD, 0},
		{"express", PARAM_WORD, 0},
		{"two words", PARAM_TEXT, 0},
		{"2026-05-17", PARAM_DATE, 0},
		{"a@example.com", PARAM_EMAIL, 0},
		{"https://example.com/a", PARAM_URL, 0},
		{"019f8a2c-1111-4222-8333-123456789abc", PARAM_UUID, 0},
		{"00112233445566778899aabbccddeeff", PARAM_HEX, 0},
	};
	double number;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);
		char *p = malloc(len + 1); // ends with its memory
		enum param_class class;

		memcpy(p + 1, cases[i].text, len);
		class = facts_class(span_make(p + 1, len), &number);
		if (class != cases[i].class)
			print_error("\"%s\" is %u\n", cases[i].text, class);
		assert_int_equal(class, cases[i].class);
		assert_true(number == cases[i].number ||
			    fabs(number - cases[i].number) < 1e-12 * fabs(number));
		free(p);
	}
}

static void test_odd_values(void **)
{
	double number;

	for (uint32_t len = 0; len <= 300; len++) {
		for (uint32_t c = 0; c < 256; c++) {
			uint8_t *p = malloc(len + 1);

			memset(p, (int)c, len + 1);
			assert_true(facts_class(span_make(p + 1, len), &number) < PARAM_CLASSES);
			facts_value_hash(span_make(p + 1, len), SEED);
			free(p);
		}
	}
	assert_int_equal(facts_verb(SPAN_LIT("PATCH")), VERB_PATCH);
	assert_int_equal(facts_verb(SPAN_LIT("HEAD")), VERB_GET);
	assert_int_equal(facts_verb(SPAN_LIT("patch")), VERB_OTHER);
	assert_int_equal(facts_verb((struct span){0}), VERB_OTHER);
}

// One order: in a path, a query, a body, a response, and a link.
static void test_one_identity(void **)
{
	uint64_t order = noun_of("orders"), id = value_of("1207");

	begin();
	SEND(GET("/api/orders/1207?order_id=1207&page=2"), NULL, OK, "{\"id\":1207}");
	assert_int_equal(last_call()->n_params, 3);
	assert_int_equal(last_call()->params_lost, 0);
	assert_true(param(0)->noun == order && param(0)->value == id);
	assert_int_equal(param(0)->place, PLACE_PATH);
	assert_int_equal(param(0)->index, 2);
	assert_int_equal(param(0)->class, PARAM_INT);
	assert_true(param(0)->number == 1207);
	assert_true(param(1)->noun == order && param(1)->value == id);
	assert_int_equal(param(1)->place, PLACE_QUERY);
	assert_true(param(2)->noun == 0 && param(2)->number == 2);
	assert_int_equal(last_call()->n_given, 1);
	assert_true(object(0)->noun == order && object(0)->value == id);
	assert_int_equal(object(0)->class, PARAM_INT);
	assert_false(object(0)->created);
	assert_true(object(0)->order == last_call()->order);
	assert_true(object(0)->principal == last_call()->principal);
	assert_int_equal(told("path[2]"), 1);
	assert_int_equal(told("query.order_id"), 1);
	assert_int_equal(told("query.page"), 1);
	assert_int_equal(told("$.id"), 1);

	SEND(POST("/api/refunds"), "{\"orderId\":\"1207\",\"lines\":[{\"sku\":\"x1\"}]}", OK,
	     "{\"data\":{\"orders\":[{\"id\":\"1207\"},{\"id\":\"1208\"}]}}", .time_ns = 10);
	assert_int_equal(last_call()->n_params, 2);
	assert_true(param(0)->noun == order && param(0)->value == id);
	assert_int_equal(param(0)->place, PLACE_BODY);
	assert_true(param(1)->noun == noun_of("line"));
	assert_int_equal(last_call()->n_given, 2);
	assert_true(object(1)->noun == order && object(1)->value == id);
	assert_true(object(0)->noun == order && object(0)->value == value_of("1208"));
	assert_true(object(0)->created);

	SEND(POST("/checkout"), "orderId=1207&note=a+b",
	     "HTTP/1.1 201 Created\r\n"
	     "Location: https://api.example/api/orders/1209?x=1#f\r\n\r\n",
	     NULL, .time_ns = 20);
	assert_true(param(0)->noun == order && param(0)->value == id);
	assert_int_equal(param(0)->place, PLACE_FORM);
	assert_true(param(1)->value == value_of("a b"));
	assert_int_equal(param(1)->class, PARAM_TEXT);
	assert_int_equal(last_call()->n_given, 1);
	assert_true(object(0)->noun == order && object(0)->value == value_of("1209"));

	// Keys of a map say of what, not which.
	SEND(GET("/api/report"), NULL, OK,
	     "{\"orders\":{\"1207\":{\"id\":1207,\"total\":5},\"1208\":{\"id\":1208,\"total\":6}}}",
	     .time_ns = 30);
	assert_int_equal(last_call()->n_given, 2);
	assert_true(object(1)->noun == order && object(1)->value == id);
	assert_int_equal(told("$.orders.{id}.total"), 1);
	work_close();
}

static void test_links(void **)
{
	begin();
	SEND(GET("/a"), NULL, OK,
	     "{\"href\":\"/users/a%40b.example/cards/77\",\"self\":\"users/9\","
	     "\"url\":\"https:\",\"next\":\"/users/8\"}");
	assert_int_equal(last_call()->n_given, 2);
	assert_true(object(1)->noun == noun_of("user"));
	assert_true(object(1)->value == value_of("a@b.example"));
	assert_true(object(0)->noun == noun_of("card") && object(0)->value == value_of("77"));
	// The request that follows it.
	SEND(GET("/users/a%40b.example/cards/77;v=1"), NULL, OK, NULL, .time_ns = 10);
	assert_true(param(0)->value == value_of("a@b.example"));
	assert_true(param(1)->value == value_of("77"));
	SEND(GET("/a"), NULL, OK, "{\"href\":\"/a/1/2/3/4/5/6/7\"}", .time_ns = 20);
	assert_int_equal(last_call()->n_given, LINK_IDS);
	work_close();
}

static void test_given(void **)
{
	char body[1024], long_id[300];

	begin();
	// A UUID needs no name; what only looks a little like one is none.
	SEND(GET("/things"), NULL, OK,
	     "[{\"x\":\"019f8a2c-1111-4222-8333-123456789abc\"},"
	     "{\"x\":\"abcdefgh-ijkl-mnop-qrst-uvwxyzabcdef\"}]");
	assert_int_equal(last_call()->n_given, 1);
	assert_true(object(0)->noun == 0);
	assert_int_equal(object(0)->class, PARAM_UUID);
	// Ids that are too long, empty, escaped, or no ids.
	memset(long_id, 'a', sizeof(long_id));
	long_id[FACTS_ID_MAX + 1] = '\0';
	snprintf(body, sizeof(body),
		 "{\"a\":{\"id\":\"%s\"},\"b\":{\"id\":\"\"},\"c\":{\"id\":\"a\\u0041\"},"
		 "\"d\":{\"id\":null},\"e\":{\"id\":true},\"f\":5}",
		 long_id);
	SEND(GET("/things"), NULL, OK, body, .time_ns = 10);
	assert_int_equal(last_call()->n_given, 0);
	// A list of identifiers.
	SEND(GET("/things"), NULL, OK, "{\"orderIds\":[1,2,3]}", .time_ns = 20);
	assert_int_equal(last_call()->n_given, 3);
	assert_true(object(0)->noun == noun_of("order"));
	assert_true(object(2)->value == value_of("1"));
	// What the endpoint is about.
	SEND(GET("/v1/things"), NULL, OK, "{\"data\":{\"items\":[{\"id\":4}]}}", .time_ns = 30);
	assert_true(object(0)->noun == noun_of("thing"));
	work_close();
}

static void test_nothing_given(void **)
{
	uint32_t n;

	begin();
	SEND(GET("/orders/1"), NULL, "HTTP/1.1 404 Not Found\r\n\r\n", "{\"id\":1}");
	SEND(NULL, NULL, OK, "{\"id\":1}", .time_ns = 10);
	SEND(GET("/x"), NULL, "HTTP/1.1 302 Found\r\nLocation: /orders/1\r\n\r\n", NULL,
	     .time_ns = 20);
	assert_int_equal(delta()->n_objects, 0);
	// The name of what was asked in vain, nothing of the answer.
	assert_int_equal(delta()->n_params, 1);
	assert_int_equal(delta()->params[0].dir, CLIENT);
	assert_int_equal(delta()->n_calls, 3);
	// The response was not seen: what was asked is known all the same.
	SEND(GET("/orders/1?page=1"), NULL, NULL, NULL, .time_ns = 30);
	assert_int_equal(last_call()->n_params, 2);
	assert_int_equal(delta()->n_objects, 0);
	assert_true(last_call()->flags & CALL_HALF);
	n = delta()->n_call_params;
	SEND(GET("/orders/1?page=1"), "{\"id\":1}", OK, "{\"id\":1,\"email\":\"a@b.example\"}",
	     .time_ns = 40, .message = true);
	assert_int_equal(delta()->n_objects, 0);
	assert_int_equal(delta()->n_call_params, n);
	work_close();
}

static void test_requests(void **)
{
	begin();
	SEND(POST("/profile"),
	     "{\"a\":true,\"b\":null,\"c\":-1,\"d\":1.5e-3,\"e\":\"x\\u0041\\n\",\"f\":\"\","
	     "\"g\":{\"h\":[1,2]},\"traceId\":5}",
	     OK, NULL);
	assert_int_equal(last_call()->n_params, 9);
	assert_int_equal(param(0)->class, PARAM_BOOL);
	assert_true(param(0)->value == value_of("true"));
	assert_int_equal(param(1)->class, PARAM_NULL);
	assert_true(param(2)->class == PARAM_INT && param(2)->number == -1);
	assert_true(param(3)->class == PARAM_NUMBER && fabs(param(3)->number - 0.0015) < 1e-15);
	assert_true(param(4)->value == value_of("xA\n") && param(4)->len == 3);
	assert_int_equal(param(5)->class, PARAM_EMPTY);
	assert_true(param(6)->field == param(7)->field && param(6)->field != param(5)->field);
	assert_int_equal(told("$.g.h[]"), 1);
	for (uint32_t i = 0; i < 9; i++)
		assert_true(param(i)->noun == 0);
	// Keys of a map are one field.
	SEND(POST("/profile"), "{\"m\":{\"1207\":{\"n\":1},\"1208\":{\"n\":2}}}", OK, NULL,
	     .time_ns = 10);
	assert_int_equal(last_call()->n_params, 2);
	assert_true(param(0)->field == param(1)->field);
	assert_int_equal(told("$.m.{id}.n"), 1);
	// The same field is told once; what classes it has is in the calls.
	SEND(POST("/profile"), "{\"c\":2}", OK, NULL, .time_ns = 20);
	assert_int_equal(told("$.c"), 1);
	SEND(POST("/profile"), "{\"c\":\"word\"}", OK, NULL, .time_ns = 30);
	assert_int_equal(told("$.c"), 1);
	assert_int_equal(param(0)->class, PARAM_WORD);
	work_close();
}

// Fields that say nothing are passed by once they are known, but for what each value must tell.
static void test_quiet(void **)
{
	const char list[] =
		"[{\"plain\":\"a word\"},{\"plain\":\"b\"},{\"plain\":7},"
		"{\"plain\":\"0b3f4b0e-6f0c-4c57-9f39-5f0a3bd1f6a1\"},{\"plain\":8},"
		"{\"plain\":\"0b3f4b0e-6f0c-4c57-9f39-5f0a3bd1f6a2\"},{\"plain\":null}]";
	char body[4096];
	size_t n = 0;

	begin();
	for (uint32_t turn = 1; turn <= 3; turn++) {
		SEND(GET("/list"), NULL, OK, list, .time_ns = turn);
		assert_int_equal(last_call()->n_given, 2);
		assert_int_equal(delta()->n_objects, 2 * turn);
		assert_true(object(0)->value == value_of("0b3f4b0e-6f0c-4c57-9f39-5f0a3bd1f6a2"));
		assert_int_equal(told("$[].plain"), 3); // text, number, null
	}
	n += (size_t)snprintf(body, sizeof(body), "{\"plain\":[");
	for (uint32_t i = 0; i < EXCHANGE_PARAMS + 50; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%s\"%u\"", i ? "," : "", i);
	snprintf(body + n, sizeof(body) - n, "]}");
	for (uint32_t turn = 4; turn <= 5; turn++) {
		SEND(POST("/list"), body, OK, NULL, .time_ns = turn);
		assert_int_equal(last_call()->n_params, EXCHANGE_PARAMS);
		assert_int_equal(last_call()->params_lost, 50);
	}
	work_close();
}

// Whether a field of that name was told with a class.
static bool told_class(const char *name, enum param_class class)
{
	for (uint32_t i = 0; i < delta()->n_params; i++) {
		const struct delta_param *p = &delta()->params[i];

		if (p->class == class && p->name.len == strlen(name) &&
		    memcmp(p->name.p, name, p->name.len) == 0)
			return true;
	}
	return false;
}

// The exchanges that are chosen to tell more look at some values of each field, but not at all of a
// long list. Of others the first value says what its field looks like.
static void test_closely(void **)
{
	const uint32_t turns = 20 * FACTS_SHARE;
	uint32_t early = 0, late = 0, first = 0;

	begin();
	for (uint32_t turn = 1; turn <= turns; turn++) {
		char body[4096], target[64];
		size_t n = (size_t)snprintf(body, sizeof(body), "[");

		// Endpoints of their own, so that nothing is told by another one.
		snprintf(target, sizeof(target), "GET /of%u/list" HOST, turn);
		for (uint32_t i = 1; i < 2 * FACTS_CLOSELY; i++)
			n += (size_t)snprintf(body + n, sizeof(body) - n,
					      "%s{\"a\":\"%s\",\"b\":\"%s\"}", i > 1 ? "," : "",
					      i == FACTS_CLOSELY ? "2026-05-17" : "word",
					      i == FACTS_CLOSELY + 1 ? "2026-05-17" : "word");
		snprintf(body + n, sizeof(body) - n, "]");
		delta_clear(&work[0]->delta[work[0]->active]);
		send_one(&(struct sent){.request = target, .response = OK, .response_body = body,
					.time_ns = turn, .conn = turn});
		first += told_class("$[].a", PARAM_WORD) && told_class("$[].b", PARAM_WORD);
		early += told_class("$[].a", PARAM_DATE);
		late += told_class("$[].b", PARAM_DATE);
	}
	assert_int_equal(first, turns);
	assert_true(early > turns / FACTS_SHARE / 3 && early < turns / FACTS_SHARE * 3);
	assert_int_equal(late, 0);
	work_close();
}

// What a request may leave out of a field, a response may not: each of its identifiers is given.
static void test_both_ways(void **)
{
	enum { GIVEN = 400 };
	char body[16384];
	size_t n = 0;

	begin();
	n += (size_t)snprintf(body, sizeof(body), "[");
	for (uint32_t i = 0; i < GIVEN; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%s{\"link\":\"/orders/%u\"}", i ? "," : "",
				      100000 + i);
	snprintf(body + n, sizeof(body) - n, "]");
	assert_true(strlen(body) > FACTS_SHAPE);
	for (uint32_t turn = 1; turn <= 5; turn++) {
		SEND(POST("/orders"), body, OK, body, .time_ns = turn, .conn = turn);
		assert_int_equal(last_call()->n_given, GIVEN);
	}
	work_close();
}

// What does not fit is counted.
static void test_bounds(void **)
{
	char body[4096], target[4096];
	size_t n = 0;

	begin();
	body[n++] = '[';
	for (uint32_t i = 0; i < EXCHANGE_PARAMS + 3; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%s%u", i ? "," : "", i);
	snprintf(body + n, sizeof(body) - n, "]");
	SEND(POST("/list"), body, OK, NULL);
	assert_int_equal(last_call()->n_params, EXCHANGE_PARAMS);
	assert_int_equal(last_call()->params_lost, 3);

	n = (size_t)snprintf(target, sizeof(target), "GET /q?");
	for (uint32_t i = 0; i < QUERY_PARAMS; i++)
		n += (size_t)snprintf(target + n, sizeof(target) - n, "a%u=%u&", i, i);
	snprintf(target + n, sizeof(target) - n, "z%s", HOST);
	send_one(&(struct sent){.request = target, .response = OK, .time_ns = 10});
	assert_int_equal(last_call()->n_params, QUERY_PARAMS);
	assert_int_equal(last_call()->params_lost, 1);

	// No room in the delta: the call says that its parameters are not all there.
	work[0]->delta[work[0]->active].n_call_params = DELTA_CALL_PARAMS;
	work[0]->delta[work[0]->active].n_objects = DELTA_OBJECTS;
	work[0]->delta[work[0]->active].n_params = DELTA_PARAMS;
	SEND(GET("/orders/1?zz=1"), NULL, OK, "{\"id\":1}", .time_ns = 20);
	assert_int_equal(last_call()->n_params, 0);
	assert_int_equal(last_call()->params_lost, 2);
	assert_int_equal(delta()->call_params_lost, 2);
	assert_int_equal(delta()->objects_lost, 1);
	assert_int_equal(last_call()->n_given, 1);
	assert_true(delta()->params_lost >= 3);
	// After the first one that has no room, no more of them are looked for.
	n = delta()->params_lost;
	SEND(GET("/full"), NULL, OK, "{\"w\":\"x\",\"x\":\"y\",\"y\":\"z\"}", .time_ns = 25);
	assert_int_equal(delta()->params_lost, n + 1);
	// A name that was lost is told when it comes again.
	work[0]->delta[work[0]->active].n_params = 0;
	SEND(GET("/orders/1?zz=1"), NULL, OK, "{\"id\":1}", .time_ns = 30);
	assert_int_equal(told("query.zz"), 1);
	assert_int_equal(told("$.id"), 1);
	work_close();
}

// Pieces of a value have no identity: how packets were cut must not tell. Of a decoded text it is not
// known whether it is the whole.
static void test_pieces(void **)
{
	static const enum value_kind kinds[] = {VALUE_TEXT, VALUE_DECODED};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct fixture f;
		struct event_sink sink;
		struct value v = {.dir = CLIENT,
				  .kind = kinds[i],
				  .v = SPAN_LIT("12345"),
				  .key = SPAN_LIT("id"),
				  .parent = SPAN_LIT("$"),
				  .field = 99};

		begin();
		sink = detect_worker_sink(work[0]);
		fixture_open(&f, POST("/notes"), NULL, OK, NULL);
		sink.request(sink.ctx, &f.tx);
		sink.value(sink.ctx, &f.tx, &v);
		v.continued = true;
		sink.value(sink.ctx, &f.tx, &v);
		sink.end(sink.ctx, &f.tx);
		assert_int_equal(last_call()->n_params, 1);
		assert_true(param(0)->value == 0 && param(0)->noun == 0);
		assert_int_equal(param(0)->class, PARAM_TEXT);
		fixture_close(&f);
		work_close();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),      cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_one_identity), cmocka_unit_test(test_links),
		cmocka_unit_test(test_given),        cmocka_unit_test(test_nothing_given),
		cmocka_unit_test(test_requests),     cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_quiet),        cmocka_unit_test(test_closely),
		cmocka_unit_test(test_pieces),       cmocka_unit_test(test_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
