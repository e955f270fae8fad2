// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The worker's half: life of an exchange, calls, names, findings and their limits, epochs, and
// that any number of workers tells the same.

#include "tests/unit/worker_fixture.h"

#include "detect/finding.c"
#include "detect/worker.c"
#include "detect/worker_life.c"

// ---- A detector that finds each exchange with a value in its response, by endpoint

struct probe_options {
	bool enabled;
};

static const struct conf_row probe_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = 0,
	 .def = "true",
	 .help = "Whether it runs"},
};
static const struct conf_section probe_section = {
	.path = "detect.probe",
	.help = "A detector for tests",
	.size = sizeof(struct probe_options),
	.rows = probe_rows,
	.n_rows = 1,
};
CONF_SECTION(probe_section);

static bool probe_by_principal;
static uint32_t probe_null;

static void probe_exchange(const struct detector *self, const void *, struct detect_worker *w,
			   const struct exchange *x)
{
	struct finding *f;

	if (x->n_hits == 0)
		return;
	f = finding_add(w, self, probe_by_principal ? x->principal : x->endpoint, x, UINT32_MAX);
	if (!f) {
		probe_null++;
		return;
	}
	f->severity = SEVERITY_LOW;
	f->confidence = 42;
	f->arg[0] = x->n_values;
}

static const struct detector probe = {
	.id = "T-01",
	.name = "probe",
	.section = &probe_section,
	.exchange = probe_exchange,
};
DETECTOR_REGISTER(probe);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h.example\r\nUser-Agent: tester\r\n\r\n"
#define OK        "HTTP/1.1 200 OK\r\n\r\n"

static void begin(uint32_t n, uint32_t n_exchanges)
{
	work_open("", n, n_exchanges);
	merger_open(work_conf);
	probe_by_principal = false;
	probe_null = 0;
}

static void end(void)
{
	merger_close();
	work_close();
}

static void test_exchange(void **)
{
	const struct delta *d;

	begin(1, 4);
	SEND(GET("/u/17"), NULL, OK,
	     "{\"users\":[{\"email\":\"ann@example.com\",\"ssn\":\"123-45-6789\"},"
	     "{\"email\":\"bob@example.com\"}]}",
	     .time_ns = 5 * (uint64_t)NS, .conn = 3, .index = 2);
	d = &work[0]->delta[work[0]->active];
	assert_int_equal(d->exchanges, 1);
	assert_int_equal(d->n_calls, 1);
	assert_true(d->calls[0].time_ns == 5 * (uint64_t)NS);
	assert_int_equal(d->calls[0].order & 0xffffff, 2);
	assert_int_equal(d->calls[0].n_values, 3);
	assert_int_equal(d->calls[0].status, 200);
	assert_int_equal(d->calls[0].flags, CALL_PERSONAL);
	assert_int_equal(d->calls[0].resp_bytes, 87);
	assert_int_equal(d->n_names, 2);
	assert_true(d->names[0].is_endpoint);
	assert_true(d->names[0].id == d->calls[0].endpoint);
	assert_span(d->names[0].a, "h.example");
	assert_span(d->names[0].b, "GET");
	assert_span(d->names[0].c, "/u/{id}");
	assert_true(d->names[1].id == d->calls[0].principal);
	assert_span(d->names[1].a, "198.51.0.0");
	assert_span(d->names[1].b, "tester");
	assert_true(d->names[1].time_ns == 5 * (uint64_t)NS);
	assert_int_equal(d->n_findings, 1);
	const struct finding *f = &d->findings[0];
	assert_int_equal(f->n_types, 2);
	assert_int_equal(f->types[0].type, TYPE_SSN); // the severe one first
	assert_span(f->types[0].name, "$.users[].ssn");
	assert_span(f->types[0].sample, "***-**-6789");
	assert_int_equal(f->types[1].count, 2);
	assert_span(f->path, "/u/17");
	assert_span(f->user_agent, "tester");
	assert_span(f->evidence.request.head, GET("/u/17"));
	assert_null(memmem(f->evidence.response.body.p, f->evidence.response.body.len, "123-", 4));
	assert_true(f->principal == observed.principal && f->endpoint == observed.endpoint);
	assert_int_equal(n_observed, 1);
	assert_int_equal(observed.n_findings, 1);
	assert_ptr_equal(observed.findings[0].detector, &probe);
	assert_int_equal(observed.findings[0].confidence, 42);
	assert_false(observed.x.half);
	assert_int_equal(work[0]->exchanges.used, 0);
	end();
}

static void test_half(void **)
{
	begin(1, 4);
	SEND(GET("/a"), NULL, NULL, NULL);
	assert_true(observed.x.half);
	SEND(NULL, NULL, OK, "ann@example.com");
	assert_true(observed.x.half);
	assert_int_equal(observed.x.n_values, 1);
	assert_true(observed.endpoint != 0 && observed.principal != 0);
	SEND(GET("/a"), NULL, OK, "{\"a\":1", .cut = true);
	assert_true(observed.x.half);
	SEND(GET("/a"), NULL, OK, "{}");
	assert_false(observed.x.half);
	assert_int_equal(work[0]->delta[0].calls[0].flags, CALL_HALF);
	assert_int_equal(work[0]->delta[0].calls[3].flags, 0);
	end();
}

// A WebSocket message has the endpoint and the caller of its upgrade, but it is no call of it.
static void test_message(void **)
{
	const char *upgraded = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
	const struct delta *d;

	begin(1, 4);
	SEND(GET("/feed?ssn=123-45-6789"), NULL, upgraded, NULL);
	uint64_t endpoint = observed.endpoint, principal = observed.principal;
	assert_int_equal(observed.x.n_hits, 1); // in the query
	d = &work[0]->delta[work[0]->active];
	assert_int_equal(d->n_calls, 1);
	SEND(GET("/feed?ssn=123-45-6789"), NULL, upgraded, "{\"n\":1}", .message = true);
	assert_int_equal(observed.x.n_hits, 0); // told with the upgrade
	assert_int_equal(d->n_calls, 1);        // nothing to tell
	SEND(GET("/feed?ssn=123-45-6789"), NULL, upgraded, "{\"ssn\":\"123-45-6789\"}",
	     .message = true);
	assert_true(observed.endpoint == endpoint && observed.principal == principal);
	assert_false(observed.x.half);
	assert_int_equal(observed.x.n_hits, 1);
	assert_int_equal(observed.x.n_values, 1);
	assert_span(span_make(observed.x.hits[0].name, observed.x.hits[0].name_len), "$.ssn");
	assert_int_equal(d->exchanges, 1);
	assert_int_equal(d->n_calls, 2);
	assert_int_equal(d->calls[1].flags, CALL_MESSAGE | CALL_PERSONAL);
	assert_true(call_ok(&d->calls[1]) && !call_ok(&d->calls[0]));
	assert_true(d->calls[1].endpoint == endpoint);
	end();
}

static void test_login(void **)
{
	begin(1, 4);
	SEND("POST /session HTTP/1.1\r\nHost: h\r\n\r\n", "user=ann&password=hunter2", OK, "");
	assert_true(observed.x.login);
	assert_int_equal(observed.x.hits[0].place, PLACE_FORM);
	SEND("POST /x HTTP/1.1\r\nHost: h\r\n\r\n", "{\"user\":\"ann\",\"password\":\"hunter2\"}",
	     OK, "");
	assert_true(observed.x.login);
	SEND("POST /x HTTP/1.1\r\nHost: h\r\n\r\n", "{\"user\":\"ann\"}", OK, "");
	assert_false(observed.x.login);
	SEND("POST /login HTTP/1.1\r\nHost: h\r\n\r\n", "", OK, "");
	assert_true(observed.x.login);
	end();
}

static void test_pool_empty(void **)
{
	struct event_sink sink;
	struct fixture a, b;

	begin(1, 1);
	sink = detect_worker_sink(work[0]);
	fixture_open(&a, GET("/a"), NULL, OK, "ann@example.com");
	fixture_open(&b, GET("/b"), NULL, OK, "ann@example.com");
	sink.request(sink.ctx, &a.tx);
	sink.request(sink.ctx, &b.tx);
	assert_null(b.tx.detect);
	assert_int_equal(work[0]->exchange_pool_empty, 1);
	sink.response(sink.ctx, &b.tx);
	feed_body(&sink, &b.tx, SERVER);
	sink.end(sink.ctx, &b.tx);
	sink.response(sink.ctx, &a.tx);
	feed_body(&sink, &a.tx, SERVER);
	sink.end(sink.ctx, &a.tx);
	assert_int_equal(work[0]->delta[0].exchanges, 2);
	assert_int_equal(work[0]->delta[0].n_calls, 1);
	assert_int_equal(n_observed, 1);
	fixture_close(&a);
	fixture_close(&b);
	end();
}

static void test_epochs(void **)
{
	struct sent sent = {GET("/a"), NULL, OK, "ann@example.com", .time_ns = NS};

	begin(1, 4);
	for (uint32_t i = 0; i < 3; i++)
		send_one(&sent);
	assert_int_equal(work[0]->delta[0].n_findings, 1);
	assert_int_equal(work[0]->delta[0].findings[0].count, 3);
	assert_int_equal(work[0]->delta[0].findings[0].types[0].count, 3);
	assert_int_equal(work[0]->delta[0].n_names, 2);
	detect_worker_poll(work[0]); // nothing was asked for
	assert_int_equal(work[0]->active, 0);
	work_fold(NS, false);
	assert_int_equal(work[0]->active, 1);
	send_one(&sent);
	assert_int_equal(work[0]->delta[0].n_findings, 1); // left to the merger
	assert_int_equal(work[0]->delta[1].n_findings, 1);
	assert_int_equal(work[0]->delta[1].findings[0].count, 1);
	assert_int_equal(work[0]->delta[1].n_names, 0); // known by now
	work_fold(NS, false);
	assert_int_equal(work[0]->delta[0].n_findings, 0);
	detect_worker_reset(work[0]);
	send_one(&sent);
	assert_int_equal(work[0]->delta[work[0]->active].n_names, 2);
	end();
}

static void test_variants(void **)
{
	begin(1, 4);
	SEND("GET / HTTP/1.1\r\nX-Api-Key: 0123456789\r\nUser-Agent: a\r\n\r\n", NULL, OK, "",
	     .client = 1);
	SEND("GET / HTTP/1.1\r\nX-Api-Key: 0123456789\r\nUser-Agent: a\r\n\r\n", NULL, OK, "",
	     .client = 1);
	SEND("GET / HTTP/1.1\r\nX-Api-Key: 0123456789\r\nUser-Agent: b\r\n\r\n", NULL, OK, "",
	     .client = 1);
	SEND("GET / HTTP/1.1\r\nX-Api-Key: 0123456789\r\nUser-Agent: b\r\n\r\n", NULL, OK, "",
	     .client = 2);
	assert_int_equal(work[0]->delta[0].n_names, 4); // one endpoint, three times the user
	end();
}

static void send_path(uint32_t i, uint32_t worker, uint16_t status, const char *body)
{
	char head[128], answer[64];

	snprintf(head, sizeof(head), "GET /p%c%c%c%c HTTP/1.1\r\nHost: h\r\n\r\n", 'g' + i % 16,
		 'g' + i / 16 % 16, 'g' + i / 256 % 16, 'g' + i / 4096 % 16);
	snprintf(answer, sizeof(answer), "HTTP/1.1 %u X\r\n\r\n", status);
	SEND(head, NULL, answer, body, .time_ns = i + 1, .worker = worker);
}

static void test_limits(void **)
{
	const struct delta *d;

	begin(1, 4);
	d = &work[0]->delta[0];
	for (uint32_t i = 0; i < DELTA_FINDINGS + 100; i++)
		send_path(i, 0, 200, "ann@example.com");
	assert_int_equal(d->n_findings, DELTA_FINDINGS);
	assert_int_equal(d->findings_lost, 100);
	assert_int_equal(d->n_calls, DELTA_FINDINGS + 100);
	assert_int_equal(observed.n_findings, 0); // nobody can say more about it
	atomic_fetch_add(&work_shared->epoch_wanted, 1);
	detect_worker_poll(work[0]);
	// Made-up paths do not take all the room of names.
	d = &work[0]->delta[1];
	for (uint32_t i = 0; i < DELTA_NAMES; i++)
		send_path(4000 + i, 0, 404, "");
	assert_int_equal(d->n_names, DELTA_NAMES / 2);
	assert_true(d->names_lost > 0);
	send_path(30000, 0, 200, "");
	assert_int_equal(d->n_names, DELTA_NAMES / 2 + 1);
	for (uint32_t i = 0; i < DELTA_CALLS; i++)
		SEND(GET("/a"), NULL, OK, "");
	assert_int_equal(d->n_calls, DELTA_CALLS);
	assert_int_equal(d->calls_lost, DELTA_NAMES + 1);
	end();
}

// Without room for evidence a finding stays a finding.
static void test_arena_full(void **)
{
	static char body[60000];
	const struct delta *d;

	begin(1, 4);
	d = &work[0]->delta[0];
	memset(body, 'x', sizeof(body) - 1);
	memcpy(body, "ann@example.com ", 16);
	for (uint32_t i = 0; i < 200; i++)
		send_path(i, 0, 200, body);
	assert_int_equal(d->n_findings, 200);
	assert_true(d->arena_used <= DELTA_ARENA);
	assert_int_equal(d->findings[0].evidence.response.body.len, sizeof(body) - 1);
	assert_int_equal(d->findings[199].evidence.response.body.len, 0);
	assert_int_equal(d->findings[199].count, 1);
	end();
}

// A key that is a user keeps the exchange with the most values, without taking room again.
static void test_most_values(void **)
{
	static const char *const bodies[] = {
		"ann@example.com bob@example.com carl@example.com", "ann@example.com",
		"ann@example.com bob@example.com dora@example.com", "x@y.com z@y.com"};
	uint32_t used;

	begin(1, 4);
	probe_by_principal = true;
	SEND(GET("/a"), NULL, OK, bodies[0], .time_ns = 10);
	used = work[0]->delta[0].arena_used;
	for (uint32_t i = 1; i < 4; i++)
		SEND(GET("/a"), NULL, OK, bodies[i], .time_ns = 10 + i);
	assert_int_equal(probe_null, 3);
	SEND(GET("/a"), NULL, OK, bodies[2], .time_ns = 9);
	assert_int_equal(probe_null, 3); // the earlier of equals
	assert_int_equal(work[0]->delta[0].findings[0].time_ns, 9);
	assert_int_equal(work[0]->delta[0].findings[0].count, 5);
	assert_int_equal(work[0]->delta[0].arena_used, used);
	end();
}

// ---- The same for any number of workers

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void random_exchange(uint32_t *random, uint32_t n_workers, uint64_t time_ns)
{
	char head[256], body[1024] = "{", *p = body + 1;
	uint32_t conn = next_random(random) % 40, n = next_random(random) % 12;

	snprintf(head, sizeof(head),
		 "GET /r%c/%u?e=user%u@example.com HTTP/1.1\r\nHost: h\r\nUser-Agent: ua%u\r\n\r\n",
		 'g' + next_random(random) % 3, next_random(random) % 1000, next_random(random) % 5,
		 conn % 4);
	for (uint32_t i = 0; i < n; i++)
		p += sprintf(p, "%s\"f%c\":\"%s%03u-45-6789\"", i ? "," : "",
			     'a' + next_random(random) % 12,
			     next_random(random) % 2 ? "ann@example.com " : "",
			     next_random(random) % 1000);
	strcpy(p, "}");
	SEND(head, NULL, OK, body, .time_ns = time_ns, .client = conn % 7, .conn = conn,
	     .worker = conn % n_workers, .index = next_random(random) % 100);
}

static void test_same_for_all(void **)
{
	static char first[3][sizeof(folded)];

	for (uint32_t by = 0; by < 2; by++) {
		for (uint32_t n = 1; n <= 4; n++) {
			uint32_t random = 99;

			begin(n, 4);
			probe_by_principal = by;
			merger.reverse = n == 3;
			for (uint32_t epoch = 0; epoch < 3; epoch++) {
				// Exchanges end in another order than they began.
				for (uint32_t i = 0; i < 300; i++)
					random_exchange(&random, n,
							1000 + next_random(&random) % 50);
				work_fold(1000, false);
				if (n == 1)
					strcpy(first[epoch], folded);
				else
					assert_string_equal(first[epoch], folded);
				assert_true(strlen(folded) > 500);
				assert_true(strlen(folded) < sizeof(folded) - 1);
			}
			end();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),    cmocka_unit_test(test_half),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_login),       cmocka_unit_test(test_pool_empty),
		cmocka_unit_test(test_epochs),      cmocka_unit_test(test_variants),
		cmocka_unit_test(test_limits),      cmocka_unit_test(test_arena_full),
		cmocka_unit_test(test_most_values), cmocka_unit_test(test_same_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
