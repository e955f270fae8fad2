// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Exhaustion: slow requests, huge bodies, expensive answers, and what messages themselves show;
// slow uploads, a server in trouble, streams of events and new sizes are silent.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/exhaustion.c"

static void ask(double second, uint32_t user, uint32_t bytes, double arrives, double waits,
		uint16_t status)
{
	struct call call = call_make(second, user, 50);

	call.req_bytes = bytes;
	call.wait_us = (uint32_t)(waits * 1e6);
	call.took_us = (uint32_t)((arrives + waits) * 1e6);
	call.status = status;
	call_give(&exhaustion, &call);
}

static void open_usual(const char *conf)
{
	begin(conf);
	endpoint_named(50, "POST", "/reports");
	for (uint32_t i = 0; i < 1000; i++)
		ask(i, i % 40, 100 + i % 900, 0.01, 0.01 + i % 10 * 0.01, 200);
	assert_raised(0);
}

static void test_slow(void **)
{
	const struct raised *r;

	open_usual("");
	for (uint32_t i = 0; i < 9; i++)
		ask(1200 + i * 0.1, 100 + i, 40, 50, 0.01, 400);
	assert_raised(0);
	ask(1201, 109, 40, 50, 0.01, 400);
	assert_raised(1);
	r = raised_by("D-41", 0);
	assert_draft(r);
	assert_true(r->endpoint == 50 && r->principal == 0);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_text(r->draft.description, "received 10 requests within a minute");
	assert_text(r->draft.description, "from 8 or more sources");
	end();
	// One source, and the server waits for all of it.
	open_usual("");
	for (uint32_t i = 0; i < 12; i++)
		ask(1200 + i * 0.1, 100, 40, 50, 0.01, 200);
	assert_raised(1);
	r = raised_by("D-41", 0);
	assert_draft(r);
	assert_true(r->principal == hashed(1000100));
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	end();
}

static void test_slow_silent(void **)
{
	open_usual("");
	// Photos over a bad line; and a few whose line broke.
	for (uint32_t i = 0; i < 100; i++)
		ask(1200 + i, i, 900, i % 20 ? 0.1 : 30, 0.01, 200);
	for (uint32_t i = 0; i < 100; i++)
		ask(1500 + i, i, 700000, 40, 0.01, 200);
	assert_raised(0);
	end();
	// An endpoint that always answers little by little, for a minute.
	begin("");
	endpoint_named(50, "GET", "/events");
	for (uint32_t i = 0; i < 100; i++)
		ask(i * 7, i % 40, 0, 60, 0.01, 200);
	for (uint32_t i = 0; i < 100; i++)
		ask(800 + i, i % 40, 0, 60, 0.01, 200);
	assert_raised(0);
	end();
}

static void test_body(void **)
{
	const struct raised *r;

	open_usual("");
	ask(2000, 7, 1000000, 0.1, 0.01, 200); // the floor
	assert_raised(0);
	ask(2001, 7, 30000000, 0.1, 0.01, 413);
	assert_raised(1);
	r = raised_by("D-41", 0);
	assert_draft(r);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_text(r->draft.description, "user-7 sent a body of 30,000,000 bytes to POST "
					  "api.example/reports. The largest of the 1,001");
	ask(2002, 7, 30000000, 0.1, 0.01, 500);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_raised(1);
	end();
	// A new version uploads films: only its first users are told of.
	open_usual("");
	for (uint32_t i = 0; i < 100; i++)
		ask(2000 + i, i, 30000000, 0.1, 0.01, 200);
	assert_true(merger.n_raised < BIG_CALLERS);
	end();
}

static void test_wait(void **)
{
	const struct raised *r;

	open_usual("");
	for (uint32_t i = 0; i < 19; i++)
		ask(2400 + i, 7, 100, 0.01, 3, 200);
	assert_raised(0);
	ask(2420, 7, 100, 0.01, 3, 200);
	assert_raised(1);
	r = raised_by("D-41", 0);
	assert_draft(r);
	assert_true(r->principal == hashed(1000007));
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_text(r->draft.description, "user-7 waited 3.0 seconds on average for 20 answers");
	for (uint32_t i = 0; i < 19; i++)
		ask(2421 + i, 7, 100, 0.01, 3, 200);
	assert_int_equal(r->count, 1);
	ask(2450, 7, 100, 0.01, 3, 200);
	assert_int_equal(r->count, 2);
	end();
	// Everybody waits.
	open_usual("");
	for (uint32_t i = 0; i < 1000; i++)
		ask(2400 + i * 0.1, i % 30, 100, 0.01, 3, i % 2 ? 200 : 504);
	// Long, but not five times what is usual; and some long ones.
	for (uint32_t i = 0; i < 100; i++)
		ask(3600 + i, 7, 100, 0.01, i % 10 ? 0.4 : 3, 200);
	assert_raised(0);
	end();
}

// What a message shows is a finding of its caller and kind, judged by the answer.
static void test_messages(void **)
{
	static const char head[] = "POST /reports HTTP/1.1\r\nHost: api.example\r\n\r\n";
	struct fixture f;
	const struct raised *r;

	begin("");
	for (uint32_t i = 0; i < 6; i++) {
		struct event_sink sink = detect_worker_sink(work[0]);

		fixture_open(&f, head, "{}",
			     i % 2 ? "HTTP/1.1 400 No\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n", "");
		f.tx.index = i;
		f.tx.msg[0].first_ns = f.tx.msg[1].first_ns = at(i);
		if (i >= 2)
			f.tx.msg[i % 2 ? CLIENT : SERVER].anomalies |=
				(UINT64_C(1) << ANOMALY_H2_RAPID_RESET | UINT64_C(1) << ANOMALY_JSON_DEPTH);
		sink.request(sink.ctx, &f.tx);
		sink.response(sink.ctx, &f.tx);
		sink.end(sink.ctx, &f.tx);
		fixture_close(&f);
	}
	work_fold(at(10), true);
	// The server's own depth is nobody's attack.
	assert_raised(2);
	for (uint32_t i = 0; i < 2; i++) {
		r = raised_by("D-41", i);
		assert_draft(r);
		if (strstr(r->draft.description, "JSON")) {
			assert_int_equal(r->count, 2);
			assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
		} else {
			assert_text(r->draft.description, "reset at once");
			assert_int_equal(r->count, 4);
		}
	}
	end();
}

// A request without an end nor an answer, which took so many seconds until now.
static struct call open_make(double second, uint32_t user, uint64_t endpoint, double took,
			     uint16_t flags)
{
	struct call call = call_make(second, user, endpoint);

	call.status = 0;
	call.flags = CALL_HALF | CALL_OPEN | flags;
	call.req_bytes = 20;
	call.wait_us = UINT32_MAX;
	call.took_us = (uint32_t)(took * 1e6);
	return call;
}

static void open_end(const struct call *call)
{
	sources_call(&merger.sources, call);
	call_give(&exhaustion, call);
}

// Its connection closed after so many seconds.
static void leave_open(double second, uint32_t user, uint64_t endpoint, double held)
{
	struct call call = open_make(second, user, endpoint, held, 0);

	open_end(&call);
}

static void test_open(void **)
{
	const struct raised *r;

	// At paths that nobody knows, too.
	for (uint32_t k = 0; k < 2; k++) {
		open_usual("");
		for (uint32_t i = 0; i < 19; i++)
			leave_open(1200 + i, 100, k ? 50 : 51, 60);
		assert_raised(0);
		leave_open(1219, 100, k ? 50 : 51, 60);
		assert_raised(1);
		r = raised_by("D-41", 0);
		assert_draft(r);
		assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
		assert_text(r->draft.description, "192.0.0.100 held 20 requests open");
		assert_text(r->draft.description, "10 seconds or more");
		for (uint32_t i = 0; i < 30; i++)
			leave_open(1220 + i, 100, k ? 50 : 51, 60);
		assert_raised(1);
		assert_int_equal(r->count, 2);
		end();
	}
	// From many addresses: of the endpoint.
	open_usual("");
	for (uint32_t i = 0; i < 12; i++)
		leave_open(1200 + i * 0.1, 100 + i, 50, 60);
	assert_raised(1);
	assert_text(raised_by("D-41", 0)->draft.description, "received 10 requests within a minute");
	end();
	// Short; or over an hour; or few of an address that many use.
	open_usual("");
	for (uint32_t i = 0; i < 100; i++)
		leave_open(1200 + i, 100, 51, 9);
	for (uint32_t i = 0; i < 100; i++)
		leave_open(1300 + i * 40, 101, 51, 60);
	for (uint32_t i = 0; i < 3000; i++) {
		struct call call = call_make(5400 + i * 0.1, 102, 50);

		sources_call(&merger.sources, &call);
		call_give(&exhaustion, &call);
	}
	for (uint32_t i = 0; i < 50; i++)
		leave_open(5701 + i, 102, 51, 20);
	assert_raised(0);
	end();
}

// Told of after a minute, and again at the end.
static void hold_open(double second, uint32_t user, uint64_t endpoint)
{
	struct call call = open_make(second, user, endpoint, 61, CALL_HELD);

	exhaustion.held(&exhaustion, merger.options[index_of(&exhaustion)], &merger,
			merger.state[index_of(&exhaustion)], &call);
}

static void let_go(double second, uint32_t user, uint64_t endpoint)
{
	struct call call = open_make(second, user, endpoint, 200, CALL_TOLD);

	open_end(&call);
}

static void test_held(void **)
{
	const struct raised *r;

	open_usual("");
	for (uint32_t i = 0; i < 19; i++)
		hold_open(1200 + i, 100, 51);
	for (uint32_t i = 0; i < 19; i++)
		let_go(1200 + i, 100, 51); // the same ones
	assert_raised(0);
	hold_open(1219, 100, 51);
	assert_raised(1);
	r = raised_by("D-41", 0);
	assert_text(r->draft.description, "192.0.0.100 held 20 requests open");
	assert_text(r->draft.description, "In all 20 requests");
	end();
	// From many addresses.
	open_usual("");
	for (uint32_t i = 0; i < 9; i++) {
		hold_open(1200 + i * 0.1, 100 + i, 50);
		let_go(1200 + i * 0.1, 100 + i, 50);
	}
	assert_raised(0);
	hold_open(1201, 110, 50);
	assert_raised(1);
	r = raised_by("D-41", 0);
	assert_text(r->draft.description, "received 10 requests within a minute");
	assert_text(r->draft.description, "and had no answer then");
	end();
	// What is slow is longer here: only the ends count.
	open_usual("detect: { exhaustion: { slow_s = 100; }; };");
	for (uint32_t i = 0; i < 30; i++)
		hold_open(1200 + i, 100, 51);
	assert_raised(0);
	for (uint32_t i = 0; i < 20; i++)
		let_go(1200 + i, 100, 51);
	assert_raised(1);
	end();
}

static void send_query(uint32_t n, const char *body, const char *answer)
{
	SEND("POST /graphql HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\n\r\n",
	     body, answer, "{}", .time_ns = at(n), .client = 7, .conn = n);
}

static void test_queries(void **)
{
	static char body[4096];
	const struct raised *r;
	int n;

	begin("");
	// What tools send: not too deep, some aliases, a few in one.
	n = snprintf(body, sizeof(body), "[");
	for (uint32_t i = 0; i < 10; i++)
		n += snprintf(body + n, sizeof(body) - (size_t)n,
			      "%s{\"query\":\"{ a: x(f: {g: {h: 1}}) { b { c { d { e: f } } } } }\"}",
			      i ? "," : "");
	snprintf(body + n, sizeof(body) - (size_t)n, "]");
	send_query(1, body, "HTTP/1.1 200 OK\r\n\r\n");
	work_fold(at(2), true);
	assert_raised(0);
	// Aliases: accepted, and many more of them refused.
	n = snprintf(body, sizeof(body), "{\"query\":\"{ ");
	for (uint32_t i = 0; i < 120; i++)
		n += snprintf(body + n, sizeof(body) - (size_t)n, "a%u: me{id} ", i);
	snprintf(body + n, sizeof(body) - (size_t)n, "}\"}");
	send_query(3, body, "HTTP/1.1 200 OK\r\n\r\n");
	work_fold(at(4), true);
	assert_raised(1);
	r = raised_by("D-41", 0);
	assert_draft(r);
	assert_text(r->draft.description, "a GraphQL query with 120 aliases");
	assert_text(r->draft.description, "(100 are allowed)");
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	// Depth.
	n = snprintf(body, sizeof(body), "{\"query\":\"");
	for (uint32_t i = 0; i < 100; i++)
		n += snprintf(body + n, sizeof(body) - (size_t)n, "{friends");
	snprintf(body + n, sizeof(body) - (size_t)n, "{id");
	send_query(5, body, "HTTP/1.1 400 No\r\n\r\n");
	work_fold(at(6), true);
	assert_raised(2);
	r = raised_by("D-41", 1);
	assert_draft(r);
	assert_text(r->draft.description, "nested 101 deep (20 are allowed)");
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	// A batch.
	n = snprintf(body, sizeof(body), "[");
	for (uint32_t i = 0; i < 40; i++)
		n += snprintf(body + n, sizeof(body) - (size_t)n, "%s{\"query\":\"{ me { id } }\"}",
			      i ? "," : "");
	snprintf(body + n, sizeof(body) - (size_t)n, "]");
	send_query(7, body, "HTTP/1.1 200 OK\r\n\r\n");
	work_fold(at(8), true);
	assert_raised(3);
	assert_text(raised_by("D-41", 2)->draft.description, "40 GraphQL operations in one request");
	end();
}

static void test_saved(void **)
{
	uint32_t k;
	char *bytes;
	size_t len;
	FILE *file;

	open_usual("");
	k = index_of(&exhaustion);
	file = open_memstream(&bytes, &len);
	assert_int_equal(exhaustion.save(merger.state[k], &merger, file), 0);
	fclose(file);
	end();
	begin("");
	endpoint_named(50, "POST", "/reports");
	for (size_t cut = 0; cut < len; cut++) {
		file = fmemopen(bytes, cut ? cut : 1, "r");
		assert_int_not_equal(exhaustion.load(merger.state[k], &merger, file, cut, exhaustion.version), 0);
		fclose(file);
	}
	file = fmemopen(bytes, len, "r");
	assert_int_equal(exhaustion.load(merger.state[k], &merger, file, len, exhaustion.version), 0);
	fclose(file);
	ask(2001, 7, 30000000, 0.1, 0.01, 413);
	assert_raised(1);
	free(bytes);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow),     cmocka_unit_test(test_slow_silent),
		cmocka_unit_test(test_body),     cmocka_unit_test(test_wait),
		cmocka_unit_test(test_messages), cmocka_unit_test(test_saved),
		cmocka_unit_test(test_open),     cmocka_unit_test(test_held),
		cmocka_unit_test(test_queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
