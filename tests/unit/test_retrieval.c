// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Excessive retrieval: the numbers against plain counting, thresholds, what may be claimed of how
// many users, sliding windows, late calls and odd clocks, and evidence of the worker's side.

#include "tests/unit/worker_fixture.h"

#include <math.h>

#include "detect/detectors/retrieval.c"

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: api.example\r\n\r\n"
#define AUTH(path) "GET " path " HTTP/1.1\r\nHost: api.example\r\nX-API-Key: k-12345678\r\n\r\n"
#define OK         "HTTP/1.1 200 OK\r\n\r\n"

static void begin(const char *lines)
{
	work_open(lines, 1, 4);
	merger_open(work_conf);
}

static void end(void)
{
	merger_close();
	work_close();
}

static void assert_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("\"%s\" is not in \"%s\"\n", part, text);
	assert_non_null(strstr(text, part));
}

static void assert_texts(const struct raised *r)
{
	int sum = 0;

	assert_true(strlen(r->draft.description) > 40);
	assert_true(strlen(r->draft.impact) > 40);
	assert_true(strlen(r->draft.remediation) > 40);
	assert_true(r->draft.n_terms > 0 && r->draft.n_terms <= ISSUE_MAX_TERMS);
	for (uint32_t i = 0; i < r->draft.n_terms; i++)
		sum += r->draft.terms[i].points;
	assert_int_equal(sum, r->draft.confidence);
	assert_true(r->draft.confidence > 0 && r->draft.confidence <= 100);
}

static void call(uint64_t time_ns, uint64_t user, uint32_t values, uint16_t status)
{
	struct call one = {
		.time_ns = time_ns,
		.principal = user,
		.endpoint = 7,
		.n_values = values,
		.status = status,
	};
	uint32_t k = index_of(&retrieval);
	char name[32];

	snprintf(name, sizeof(name), "user-%u", (unsigned)user);
	principal_add(user, span_make(name, strlen(name)));
	retrieval.call(&retrieval, merger.options[k], &merger, merger.state[k], &one);
}

static void evaluate(uint64_t now_s, bool last)
{
	uint32_t k = index_of(&retrieval);

	retrieval.evaluate(&retrieval, merger.options[k], &merger, merger.state[k], now_s * NS,
			   last);
}

static uint64_t at(double seconds)
{
	return (uint64_t)(1000000 * (double)NS + seconds * NS);
}

// 10,000 users with 10.64 values a minute on average, and one with 413.
static void test_crowd(void **)
{
	const struct raised *r;
	uint32_t values = 0, now = 0;

	begin("");
	endpoint_add(7, SPAN_LIT("api.example"), SPAN_LIT("GET"), SPAN_LIT("/customers"));
	for (uint32_t second = 0; second < 180; second++) {
		for (uint32_t u = 1; u <= 10000; u++) {
			// 64 users in 100 have 11 values a minute, the others 10.
			if (u % 60 == second % 60)
				call(at(second), u, u % 100 < 64 ? 11 : 10, 200);
		}
		if (second >= 62 && second < 121) // 59 x 7 = 413
			call(at(second + 0.5), 99999, 7, 200);
		else if (second == 0)
			call(at(second + 0.5), 99999, 10, 200);
		if (second % 10 == 0) {
			evaluate(1000000 + second, false);
			if (merger.n_raised && !now)
				now = second;
		}
	}
	evaluate(1000180, true);
	assert_int_equal(merger.n_raised, 1);
	r = raised_by("D-10", 0);
	assert_true(r->key == 99999 && r->principal == 99999 && r->endpoint == 7);
	assert_true(now >= 70 && now <= 90); // told while it goes on
	assert_true(r->draft.metric.present);
	assert_string_equal(r->draft.metric.name, "sensitive_values_per_minute");
	assert_true(r->draft.metric.value == 413);
	assert_true(fabs(r->draft.metric.baseline_mean - 10.64) < 0.005);
	assert_true(r->draft.metric.percentile == 99.99);
	assert_true(r->draft.metric.population == 10001);
	assert_string_equal(r->draft.metric.window, "60 s");
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_string_equal(
		r->draft.description,
		"user-99999 received 413 sensitive values within one minute: more than "
		"99.99 % of the other 10,000 users received in the same minute. The average "
		"of the others was 10.64.");
	assert_texts(r);
	for (uint32_t i = 0; i < merger.n_watched; i++)
		values += merger.watched[i] == 99999;
	assert_int_equal(values, 1);
	assert_int_equal(merger.n_watched, 1);
	end();
}

// Users 1 to n with one value each, and user 500 with `values`, in one second each.
static void group(uint32_t n, uint32_t values, double second)
{
	for (uint32_t u = 1; u <= n; u++)
		call(at(second), u, 1, 200);
	call(at(second), 500, values, 200);
}

static void test_thresholds(void **)
{
	const struct raised *r;

	begin("");
	group(19, 100, 0);
	evaluate(1000100, true);
	assert_int_equal(merger.n_raised, 0); // no ten seconds were seen
	end();
	begin("");
	group(19, 1, 0);
	group(19, 99, 20);
	evaluate(1000030, false);
	assert_int_equal(merger.n_raised, 1); // 100 in all
	r = raised_by("D-10", 0);
	assert_true(isnan(r->draft.metric.percentile));
	assert_text(r->draft.description, "the highest of 20 users");
	end();
	begin("");
	group(18, 1, 0);
	group(18, 5000, 20);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0); // 19 users
	end();
	begin("");
	group(30, 1, 0);
	group(30, 98, 20);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0); // 99 values
	end();
	begin("");
	for (uint32_t i = 0; i < 3; i++) { // 100 values, but the others have 30
		for (uint32_t u = 1; u <= 30; u++)
			call(at(i * 10), u, 10, 200);
	}
	call(at(20), 500, 149, 200);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0);
	call(at(21), 500, 1, 200);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 1); // five times
	end();
	begin("");
	group(30, 1, 0);
	call(at(20), 500, 400, 500); // refused calls have brought nothing
	call(at(20), 0, 400, 200);   // nobody
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0);
	end();
	begin("");
	group(30, 1, 0);
	call(at(20), 501, 400, 200); // two of 32 with as much: none is above 99.9 % of the others
	call(at(20), 502, 400, 200);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0);
	end();
	begin("detect = { retrieval = { percentile = 90.0; min_items = 50; }; };");
	group(30, 1, 0);
	call(at(20), 501, 400, 200);
	call(at(20), 502, 401, 200);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 2);
	assert_text(raised_by("D-10", raised_by("D-10", 0)->key == 501)->draft.description,
		    "the highest of 33 users");
	assert_text(raised_by("D-10", raised_by("D-10", 0)->key != 501)->draft.description,
		    "more than 31 of the other 32 users received");
	end();
}

// The window slides: what is a minute old does not count any more, and the maximum stays.
static void test_window(void **)
{
	const struct raised *r;
	uint32_t updates;

	begin("");
	for (uint32_t s = 0; s < 300; s++) {
		for (uint32_t u = 1; u <= 25; u++)
			call(at(s), u, u % 2, 200);
		if (s >= 100 && s < 130)
			call(at(s), 500, 50, 200);
		if (s >= 189)
			call(at(s), 500, 3, 200);
		evaluate(1000000 + s, false);
		if (s == 200)
			updates = raised_by("D-10", 0)->updates;
	}
	evaluate(1000300, true);
	assert_int_equal(merger.n_raised, 1);
	r = raised_by("D-10", 0);
	assert_true(r->draft.metric.value == 1500);
	assert_true(r->draft.metric.population == 26);
	assert_true(fabs(r->draft.metric.baseline_mean - 60.0 * 13 / 25) < 1e-9);
	assert_int_equal(r->updates, updates); // 180 a minute later is no news
	end();
}

// Sums, ranks and population against plain counting, with gaps, late and out-of-order calls.
static void test_oracle(void **)
{
	enum { USERS = 60, SECONDS_MAX = 700 };
	static uint32_t values[SECONDS_MAX][USERS];
	static bool active[SECONDS_MAX][USERS];
	uint32_t random = 5, k = index_of(&retrieval);
	const struct retrieval *state;

	memset(values, 0, sizeof(values));
	memset(active, 0, sizeof(active));
	begin("detect = { retrieval = { min_items = 1000000; }; };");
	state = merger.state[k];
	for (uint32_t s = 100; s < 600; s++) {
		uint32_t n = s / 70 % 3 == 2 ? 0 : (random = random * 1664525 + 1013904223) >> 28;

		for (uint32_t i = 0; i < n; i++) {
			random = random * 1664525 + 1013904223;
			uint32_t u = (random >> 8) % USERS, v = (random >> 16) % 9;
			uint32_t when = s - (random >> 24) % 3; // up to the grace time late

			if (when < 100)
				when = 100;
			call(at(when + 0.3) - 1000000 * (uint64_t)NS + 1000 * (uint64_t)NS, u + 1,
			     v, 200);
			values[when][u] += v;
			active[when][u] = true;
		}
		if (!state->started)
			continue;
		uint64_t total = 0;
		uint32_t users = 0, below = 0, limit = (random >> 10) % 60;
		uint32_t to = (uint32_t)(state->closed - 1000);

		for (uint32_t u = 0; u < USERS; u++) {
			uint32_t sum = 0;
			bool any = false;

			for (uint32_t t = to >= 59 ? to - 59 : 0; t <= to && to < SECONDS_MAX;
			     t++) {
				sum += values[t][u];
				any |= active[t][u];
			}
			users += any;
			total += sum;
			below += any && sum < limit;
		}
		assert_int_equal(state->n_users, users);
		assert_true(state->total == total);
		assert_int_equal(tree_below(state, limit), below);
	}
	evaluate(1000 + 2000, false);
	assert_int_equal(state->n_users, 0);
	assert_true(state->total == 0);
	assert_int_equal(state->map.n, 0); // all entries were given back
	end();
}

// Told before its second is over, with a value that the window will have at least.
static void test_early(void **)
{
	const struct raised *r;

	begin("");
	group(30, 60, 0);
	for (uint32_t s = 10; s < 70; s += 10)
		group(30, 1, s);
	call(at(61), 500, 200, 200);
	evaluate(1000061, false);
	assert_int_equal(merger.n_raised, 1);
	r = raised_by("D-10", 0);
	assert_true(r->draft.metric.value == 206); // without the 60 of the first second
	assert_text(r->draft.description, "the highest of 31 users");
	call(at(61.5), 500, 10, 200);
	evaluate(1000062, false);
	assert_true(r->draft.metric.value == 206); // the second is still open
	evaluate(1000064, false);
	assert_true(r->draft.metric.value == 216);
	end();
}

// Clocks that jump raise nothing and do not blind for long.
static void test_clock(void **)
{
	begin("");
	for (uint32_t s = 0; s < 30; s++)
		group(30, 1, s);
	call(at(1e9), 3, 1, 200); // thirty years ahead
	evaluate(1000000 + 1000000000, false);
	for (uint32_t s = 30; s < 200; s++) {
		for (uint32_t u = 1; u <= 30; u++)
			call(at(s), u, 5, 200);
	}
	assert_int_equal(merger.n_raised, 0);
	for (uint32_t s = 200; s < 300; s++)
		group(30, s < 250 ? 1 : 20, s);
	evaluate(1000310, false);
	assert_int_equal(merger.n_raised, 1);
	end();
	begin("");
	call(0, 1, 1, 200);
	call(5, 1, 1, 200);
	call(UINT64_MAX, 1, 1, 200);
	call(UINT64_MAX - 1, 1, UINT32_MAX, 200);
	evaluate(UINT64_MAX / NS, true);
	evaluate(0, true);
	assert_int_equal(merger.n_raised, 0);
	end();
}

// Who takes all in one answer has evidence all the same; others only when they are watched.
// 200 people sign in from behind one address, which is nobody; one user signs in 200 times.
static void test_sign_ins(void **)
{
	for (uint32_t named = 0; named < 2; named++) {
		begin("");
		principal_add(500, SPAN_LIT("user-500"))->principal.kind =
			named ? PRINCIPAL_JWT : PRINCIPAL_ADDRESS;
		group(30, 1, 0);
		group(30, 1, 20);
		for (uint32_t i = 0; i < 200; i++) {
			struct call one = {
				.time_ns = at(20 + i / 10.0),
				.principal = 500,
				.endpoint = 7,
				.n_values = 1,
				.status = 200,
				.flags = CALL_LOGIN,
			};
			uint32_t k = index_of(&retrieval);

			retrieval.call(&retrieval, merger.options[k], &merger, merger.state[k], &one);
		}
		evaluate(1000060, true);
		assert_int_equal(merger.n_raised, named);
		end();
	}
}

static void test_evidence(void **)
{
	static char body[4096];
	static struct snapshot snapshot;
	const struct delta *d;
	char *p = body;

	for (uint32_t i = 0; i < 60; i++)
		p += sprintf(p, "user%u@example.com ", i);
	begin("");
	d = &work[0]->delta[0];
	SEND(AUTH("/all"), NULL, OK, body);
	assert_int_equal(observed.x.n_values, 60);
	assert_int_equal(d->n_findings, 1);
	assert_ptr_equal(d->findings[0].detector, &retrieval);
	assert_true(d->findings[0].key == observed.principal);
	assert_int_equal(observed.n_findings, 0); // evidence is not a finding
	work_fold(0, false);
	assert_null(raised_by("D-10", 0));
	d = &work[0]->delta[1];
	SEND(AUTH("/one"), NULL, OK, "ann@example.com");
	assert_int_equal(d->n_findings, 0);
	snapshot = (struct snapshot){.n_watch = 3, .watch = {1, observed.principal, UINT64_MAX}};
	atomic_store(&work_shared->snapshot, &snapshot);
	SEND(AUTH("/two"), NULL, OK, "ann@example.com");
	assert_int_equal(d->n_findings, 0); // not before the next epoch
	work_fold(0, false);
	d = &work[0]->delta[0];
	SEND(AUTH("/one"), NULL, OK, "ann@example.com");
	assert_int_equal(d->n_findings, 1);
	SEND(AUTH("/one"), NULL, OK, "nothing");
	SEND(AUTH("/one"), NULL, "HTTP/1.1 500 X\r\n\r\n", "ann@example.com");
	assert_int_equal(d->n_findings, 1);
	assert_int_equal(d->findings[0].count, 1);
	atomic_store(&work_shared->snapshot, NULL);
	end();
}

// One who receives as much on most days is left alone, but not with more, nor after one day.
static void test_usual(void **)
{
	const double day = 86400;
	const struct raised *r;
	uint64_t count;

	begin("");
	group(30, 1, 0);
	for (uint32_t i = 0; i < 3; i++) {
		group(30, 200, 20 + i * day);
		evaluate((uint64_t)(1000030 + i * day), false);
		group(30, 1, 100 + i * day); // the minute ends
		evaluate((uint64_t)(1000110 + i * day), false);
	}
	r = raised_by("D-10", 0);
	assert_non_null(r);
	count = r->count;
	group(30, 290, 20 + 3 * day);
	evaluate((uint64_t)(1000030 + 3 * day), false);
	group(30, 1, 100 + 3 * day);
	evaluate((uint64_t)(1000110 + 3 * day), false);
	assert_int_equal(r->count, count);
	group(30, 450, 20 + 4 * day);
	evaluate((uint64_t)(1000030 + 4 * day), false);
	assert_true(r->count > count);
	assert_true(r->draft.metric.value == 450);
	end();
}

static void test_usual_saved(void **)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	uint32_t k;

	begin("");
	k = index_of(&retrieval);
	group(30, 1, 0);
	for (uint32_t i = 0; i < 3; i++) {
		group(30, 200, 20 + i * 86400.0);
		group(30, 1, 100 + i * 86400.0);
		evaluate(1000110 + i * 86400, false);
	}
	assert_int_equal(retrieval.save(merger.state[k], &merger, f), 0);
	fclose(f);
	end();
	begin("");
	for (size_t cut = 1; cut < len; cut++) {
		f = fmemopen(text, cut, "r");
		assert_true(retrieval.load(merger.state[k], &merger, f, cut, retrieval.version) <
			    0);
		fclose(f);
	}
	f = fmemopen(text, len, "r");
	assert_int_equal(retrieval.load(merger.state[k], &merger, f, len, retrieval.version), 0);
	fclose(f);
	free(text);
	group(30, 1, 4 * 86400.0);
	group(30, 200, 20 + 4 * 86400.0);
	evaluate(1000110 + 4 * 86400, true);
	assert_int_equal(merger.n_raised, 0);
	end();
}

static void test_approved(void **)
{
	begin("detect: { retrieval: { approved_users = [\"user-50*\"]; }; };");
	group(30, 1, 0);
	group(30, 5000, 20);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0);
	end();
	begin("detect: { retrieval: { approved_endpoints = [\"GET api.example/export/*\"]; }; };");
	endpoint_add(7, SPAN_LIT("api.example"), SPAN_LIT("GET"), SPAN_LIT("/export/{id}"));
	group(30, 1, 0);
	group(30, 5000, 20);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0);
	end();
	begin("detect: { retrieval: { approved_endpoints = [\"POST api.example/export/*\"]; "
	      "approved_users = [\"user-6*\"]; }; };");
	endpoint_add(7, SPAN_LIT("api.example"), SPAN_LIT("GET"), SPAN_LIT("/export/{id}"));
	group(30, 1, 0);
	group(30, 5000, 20);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 1);
	assert_text(raised_by("D-10", 0)->draft.description, "it got values from 1 endpoint.");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),      cmocka_unit_test(test_usual_saved),
		cmocka_unit_test(test_approved),   cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_thresholds), cmocka_unit_test(test_window),
		cmocka_unit_test(test_oracle),     cmocka_unit_test(test_early),
		cmocka_unit_test(test_clock),      cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_sign_ins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
