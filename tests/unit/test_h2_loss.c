// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// HTTP/2 connections of which bytes are missing: holes inside frames are stepped over exactly, after
// others frames are found again, and whatever is lost nothing is told that was not so.

#include "tests/unit/h2_harness.h"

static void test_hole_in_data(void **)
{
	static char body[4000];

	begin();
	GET(1, "/gap");
	headers(SERVER, 0, 1, ":status", "200", "content-type", "text/plain", NULL);
	memset(body, 'x', sizeof(body) - 1);
	data(SERVER, H2_END_STREAM, 1, body);
	lose_last(1000, 500);
	GET(3, "/after");
	OK(3); // by references to the table
	expect("inside", "1 GET /gap [0] 200 [! +tcp_gap +http_body_incomplete]\n"
			 "3 GET /after [0] 200 [2 ok]\n");
}

static void test_hole_to_the_end(void **)
{
	begin();
	POST(1, "/gap");
	data(CLIENT, H2_END_STREAM, 1, "0123456789");
	lose_last(10, 0);
	GET(3, "/after");
	OK(1);
	OK(3);
	expect("to the end", "1 POST /gap [! +tcp_gap +http_body_incomplete] 200 [2 ok]\n"
			     "3 GET /after [0] 200 [2 ok]\n");
}

static void test_hole_in_head(void **)
{
	begin();
	GET(1, "/first");
	OK(1);
	GET(3, "/lost");
	lose_last(4, 2);
	headers(CLIENT, H2_END_STREAM, 5, ":method", "GET", ":scheme", "http", ":path", "/new",
		":authority", "h", "x-a", "b", NULL);
	OK(3);
	OK(5);
	run(UINT32_MAX, false);
	// The second head is stepped over, its stream has no request; the authority of the third
	// refers to what is no longer known.
	assert_told("in a head", "1 GET /first [0] 200 [2 ok]\n"
				 "3 - - [] 200 [2 ok]\n"
				 "5 GET /new [0 +hpack_unknown_index] 200 [2 ok]\n");
}

// A hole over the border of frames.
static void test_search(void **)
{
	static char body[3000];

	memset(body, 'x', sizeof(body) - 1);
	begin();
	POST(1, "/gap");
	data(CLIENT, 0, 1, body);
	data(CLIENT, H2_END_STREAM, 1, body);
	lose_last(2000, 2000);
	turn(CLIENT);
	headers(CLIENT, H2_END_STREAM, 3, ":method", "GET", ":scheme", "http", ":path", "/after",
		":authority", "h", NULL);
	OK(1);
	OK(3);
	run(UINT32_MAX, false);
	assert_told("between frames", "1 POST /gap [! +tcp_gap +http_body_incomplete] 200 [2 ok]\n"
				      "3 GET /after [0 +hpack_unknown_index] 200 [2 ok]\n");
}

static void test_midstream(void **)
{
	begin_bare();
	for (uint32_t i = 0; i < 60; i++) // history that nobody sees
		GET(1 + 2 * i, "/history");
	n_turns = 0;
	wire_len = 0;
	POST(501, "/mid");
	data(CLIENT, H2_END_STREAM, 501, "{}");
	headers(SERVER, 0, 501, ":status", "200", "content-type", "text/plain", NULL);
	data(SERVER, H2_END_STREAM, 501, "ok");
	turn(CLIENT);
	GET(503, "/history");
	turn(SERVER);
	OK(503);
	for (uint32_t i = 0; i < n_turns; i++) {
		enum probe as_client =
			h2_frame_probe(span_make(wire + turns[i].at, turns[i].len), CLIENT);
		enum probe as_server =
			h2_frame_probe(span_make(wire + turns[i].at, turns[i].len), SERVER);

		assert_int_equal(as_client, turns[i].dir == CLIENT ? PROBE_CERTAIN : PROBE_NO);
		assert_int_equal(as_server, turns[i].dir == SERVER ? PROBE_CERTAIN : PROBE_NO);
	}
	run(UINT32_MAX, true);
	// Its authority was not seen, so a coding may not have been either.
	assert_told("midstream", "501 POST /mid [! +midstream +hpack_unknown_index] 200 [2 ok]\n"
				 "503 GET /history [0 +hpack_unknown_index] 200 [2 ok]\n");
}

static void test_one_sided(void **)
{
	begin();
	GET(1, "/only");
	POST(3, "/asked");
	data(CLIENT, H2_END_STREAM, 3, "{}");
	for (uint32_t i = 0; i < n_turns; i++)
		turns[i].len = turns[i].dir == SERVER ? 0 : turns[i].len;
	expect("client only", "1 GET /only [0 +asymmetric] 0 []\n"
			      "3 POST /asked [2 {} +asymmetric] 0 []\n");
	begin();
	OK(1);
	OK(3);
	for (uint32_t i = 0; i < n_turns; i++)
		turns[i].len = turns[i].dir == CLIENT ? 0 : turns[i].len;
	expect("server only", "1 - - [] 200 [2 ok +asymmetric]\n"
			      "3 - - [] 200 [2 ok +asymmetric]\n");
}

// Both sides at different times.
static void test_response_first(void **)
{
	begin();
	OK(1);
	OK(3);
	GET(1, "/one");
	GET(3, "/three");
	expect("response first", "1 GET /one [0] 200 [2 ok]\n3 GET /three [0] 200 [2 ok]\n");
}

// ---- random loss: what is told was so

static uint32_t n_asked, n_values; // values told, of header fields

static void check_true(void *, struct http_tx *tx)
{
	const struct http_msg *req = &tx->msg[CLIENT], *resp = &tx->msg[SERVER];
	uint32_t number = (tx->stream - 1) / 2;
	char path[32], user[32], body[64], tag[32];

	n_ended++;
	assert_true(tx->stream & 1 && number < n_asked);
	snprintf(path, sizeof(path), "/item/%u", number % 37);
	snprintf(user, sizeof(user), "user-%u", number % 11);
	snprintf(body, sizeof(body), "{\"answer\":%u}", number);
	snprintf(tag, sizeof(tag), "type/%u", number % 5);
	if (req->seen && tx->uri.p) {
		assert_true(span_eq(tx->uri, span_make(path, strlen(path))));
		struct span who = req->header[HEADER_AUTHORIZATION];

		assert_true(!who.p || span_eq(who, span_make(user, strlen(user))));
		assert_true(who.p || req->anomalies & ANOMALY_BIT(HPACK_UNKNOWN_INDEX));
		n_values += 1 + !!who.p;
	}
	if (resp->seen) {
		struct span type = resp->header[HEADER_CONTENT_TYPE];

		assert_int_equal(tx->status, number % 3 ? 200 : 404);
		assert_true(!type.p || span_eq(type, span_make(tag, strlen(tag))));
		assert_true(type.p || resp->anomalies & ANOMALY_BIT(HPACK_UNKNOWN_INDEX));
		n_values += 1 + !!type.p;
		if (resp->complete) {
			assert_int_equal(resp->body_len, strlen(body));
			assert_memory_equal(resp->body, body, strlen(body));
		}
	}
}

static void test_random_loss(void **)
{
	enum { EXCHANGES = 1500 };
	struct event_sink sink = env.sink;
	uint32_t found = 0, possible = 0;

	env.sink = (struct event_sink){.end = check_true};
	for (uint32_t seed = 0; seed < 60; seed++) {
		random_state = seed + 1;
		n_asked = EXCHANGES;
		begin();
		for (uint32_t i = 0; i < EXCHANGES; i++) {
			char path[32], user[32], body[64], tag[32];

			snprintf(path, sizeof(path), "/item/%u", i % 37);
			snprintf(user, sizeof(user), "user-%u", i % 11);
			snprintf(body, sizeof(body), "{\"answer\":%u}", i);
			snprintf(tag, sizeof(tag), "type/%u", i % 5);
			turn(CLIENT);
			headers(CLIENT, H2_END_STREAM, 1 + 2 * i, ":method", "GET", ":scheme",
				"http", ":path", path, ":authority", "h", "authorization", user,
				NULL);
			turn(SERVER);
			headers(SERVER, 0, 1 + 2 * i, ":status", i % 3 ? "200" : "404",
				"content-type", tag, NULL);
			data(SERVER, H2_END_STREAM, 1 + 2 * i, body);
		}
		conn_open(false);
		for (uint32_t i = 0; i < n_turns; i++) {
			// Segments of any size, one in 50 lost.
			for (uint32_t at = 0; at < turns[i].len;) {
				uint32_t n = 1 + random_below(seed % 2 ? 60 : 400);

				n = n < turns[i].len - at ? n : turns[i].len - at;
				if (i > 4 && random_below(50) == 0)
					lose(turns[i].dir, n);
				else
					give(turns[i].dir, wire + turns[i].at + at, n);
				at += n;
			}
		}
		conn_close(CLOSE_FIN);
		assert_true(alive);
		found += n_ended;
		possible += EXCHANGES;
	}
	env.sink = sink;
	print_message("%u values of header fields told, none wrong\n", n_values);
	assert_true(n_values > 200000);
	assert_true(found * 10 > possible * 8);
	assert_true(found <= possible + possible / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hole_in_data, fresh),
		cmocka_unit_test_setup(test_hole_to_the_end, fresh),
		cmocka_unit_test_setup(test_hole_in_head, fresh),
		cmocka_unit_test_setup(test_search, fresh),
		cmocka_unit_test_setup(test_midstream, fresh),
		cmocka_unit_test_setup(test_one_sided, fresh),
		cmocka_unit_test_setup(test_response_first, fresh),
		cmocka_unit_test_setup(test_random_loss, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
