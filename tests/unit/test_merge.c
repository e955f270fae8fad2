// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The merger: what it learns from deltas, in which order detectors see it, that the number of
// workers does not matter, its bounds, and what it tells the workers.

#include "tests/unit/merge_fixture.h"

#define S UINT64_C(1000000000)

#define NS UINT64_C(1000000000)

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return random_state >> 33;
}

// ---- Counts

static void test_counts(void **unused)
{
	struct merged_endpoint *e;
	struct merged_principal *p;

	assert_non_null(unused);
	delta_endpoint(delta, 1, 5, "api.test", "GET", "/users/{id}");
	delta_principal(delta, 1, 9, "u9", 9);
	delta_add(delta, 30, 9, 5, 200);
	delta_add(delta, 10, 9, 5, 204)->flags = CALL_CREDENTIALS | CALL_HALF;
	delta_add(delta, 20, 9, 5, 404)->flags = CALL_CREDENTIALS;
	delta_add(delta, 25, 9, 5, 0);
	delta_add(delta, 26, 9, 5, 999);
	delta_add(delta, 27, 9, 5, 65535);
	delta_add(delta, 28, 9, 77, 500); // an endpoint that nobody announced
	delta_add(delta, 29, 0, 5, 500);  // nobody
	delta_add(delta, 29, 9, 0, 500);  // nowhere
	delta->calls_lost = 3;
	delta->names_lost = 4;
	delta->findings_lost = 5;
	run_epoch(100);
	e = merger_endpoint(merger, 5);
	p = merger_principal(merger, 9);
	assert_string_equal(e->host, "api.test");
	assert_string_equal(e->method, "GET");
	assert_string_equal(e->template, "/users/{id}");
	assert_int_equal(e->calls, 7);
	assert_int_equal(e->ok, 2);
	assert_int_equal(e->ok_with_credentials, 1);
	assert_int_equal(e->first_ns, 10);
	assert_int_equal(e->last_ns, 30);
	assert_int_equal(e->status[0], 3);
	assert_int_equal(e->status[1], 0);
	assert_int_equal(e->status[2], 2);
	assert_int_equal(e->status[4], 1);
	assert_int_equal(e->status[5], 1);
	assert_int_equal(p->calls, 8);
	assert_int_equal(p->first_ns, 10);
	assert_int_equal(p->last_ns, 30);
	assert_int_equal(p->kind, PRINCIPAL_JWT);
	assert_string_equal(p->user, "u9");
	assert_string_equal(p->user_agent, "agent/1");
	assert_int_equal(p->addr[15], 9);
	assert_null(merger_endpoint(merger, 77));
	assert_null(merger_endpoint(merger, 0));
	assert_null(merger_principal(merger, 0));
	assert_int_equal(merger_endpoints(merger), 1);
	assert_int_equal(merger_principals(merger), 1);
	assert_ptr_equal(merger_endpoint_at(merger, 0), e);
	assert_ptr_equal(merger_principal_at(merger, 0), p);
	assert_null(merger_endpoint_at(merger, 1));
	assert_null(merger_principal_at(merger, 1));
	assert_int_equal(((struct alpha_area *)merger_endpoint_area(merger, e, &alpha))->calls, 7);
	assert_int_equal(((struct alpha_area *)merger_principal_area(merger, p, &alpha))->calls, 8);
	assert_null(merger_endpoint_area(merger, e, &beta)); // it asked for none
	assert_memory_equal(merger_principal_area(merger, p, &beta), "\0\0\0", 3);
	assert_null(merger_principal_area(merger, p, &gamma_off)); // it is off
	assert_int_equal(merger->exchanges, 9);
	assert_int_equal(merger->calls_lost, 3);
	assert_int_equal(merger->names_lost, 4);
	assert_int_equal(merger->findings_lost, 5);
	assert_int_equal(merger->merges, 1);
}

// ---- Findings and what their fields are

static void found(uint64_t key, uint64_t time_ns, bool lucky)
{
	delta_finding(delta, &beta, key, time_ns, 0, 5)->types[0].lucky = lucky;
}

static void test_fields(void **unused)
{
	assert_non_null(unused);
	delta_endpoint(delta, 1, 5, "api.test", "GET", "/a");
	// The finding's epoch says what the field is.
	delta_field(delta, 5, 0, 1, 2);
	found(70, 10, false);
	run_epoch(NS);
	assert_int_equal(merger->issues.created, 0);
	// What a text holds is no matter of the field.
	found(70, 11, false);
	delta->findings[0].types[0].in_text = true;
	run_epoch(2 * NS);
	assert_int_equal(merger->issues.created, 1);
	// More of them pass than not.
	delta_field(delta, 5, 50, 4, 0);
	found(71, 12, false);
	run_epoch(3 * NS);
	assert_int_equal(merger->issues.created, 2);
}

static void test_held(void **unused)
{
	assert_non_null(unused);
	delta_endpoint(delta, 1, 5, "api.test", "GET", "/a");
	delta_field(delta, 5, 0, 1, 0);
	found(70, 10, true);
	run_epoch(NS);
	assert_int_equal(merger->n_held, 1);
	assert_int_equal(merger->issues.created, 0);
	run_epoch(2 * NS);
	assert_int_equal(merger->n_held, 1);
	delta_field(delta, 5, 50, 0, 2); // an accident
	run_epoch(3 * NS);
	assert_int_equal(merger->n_held, 0);
	assert_int_equal(merger->issues.created, 0);
	merger_reset(merger);

	delta_endpoint(delta, 1, 5, "api.test", "GET", "/a");
	delta_field(delta, 5, 0, 1, 0);
	found(70, 10, true);
	run_epoch(NS);
	delta_field(delta, 5, 50, 2, 0); // none
	run_epoch(2 * NS);
	assert_int_equal(merger->n_held, 0);
	assert_int_equal(merger->issues.created, 1);
	found(70, NS, true);
	run_epoch(3 * NS);
	assert_int_equal(merger->n_held, 0);
	merger_reset(merger);

	// Nobody can tell: it counts, later.
	delta_endpoint(delta, 1, 5, "api.test", "GET", "/a");
	delta_field(delta, 5, 0, 1, 0);
	found(70, NS, true);
	run_epoch(2 * NS);
	run_epoch((MERGER_HOLD_S + 1) * NS - 1);
	assert_int_equal(merger->n_held, 1);
	run_epoch((MERGER_HOLD_S + 1) * NS);
	assert_int_equal(merger->n_held, 0);
	assert_int_equal(merger->issues.created, 1);
	assert_told("found/1"); // with its evidence
	merger_reset(merger);

	// The end of a capture does not wait, nor does a lack of room.
	delta_endpoint(delta, 1, 5, "api.test", "GET", "/a");
	delta_field(delta, 5, 0, 1, 0);
	for (uint32_t i = 0; i < MERGER_HELD + 3; i++) {
		found(100 + i, NS + i, true);
		run_epoch(2 * NS);
	}
	assert_int_equal(merger->n_held, MERGER_HELD);
	assert_int_equal(merger->issues.created, 3);
	merger_finish(merger, 3 * NS);
	assert_int_equal(merger->n_held, 0);
	assert_int_equal(merger->issues.created, MERGER_HELD + 3);
	found(1, NS, true);
	run_epoch(4 * NS); // for the fixture's end: nothing is left behind
}

// ---- Order

static void test_sorted(void **unused)
{
	static const uint32_t lens[] = {0, 1, 2, 11, 12, 13, 24, 25, 48, 49, 100, 1000, 4096};

	assert_non_null(unused);
	for (uint32_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		for (uint32_t kind = 0; kind < 4; kind++) {
			uint64_t sum = 0;

			random_state = i * 4 + kind;
			for (uint32_t k = 0; k < lens[i]; k++) {
				uint64_t time = kind == 0   ? random_next()
						: kind == 1 ? k + random_next() % 50 // nearly
						: kind == 2 ? lens[i] - k            // backwards
							    : random_next() % 3;     // many equal
				struct call *call = delta_add(delta, time, 1, 0, 200);

				call->order = random_next() % 7;
				call->resp_bytes = k;
				sum += call->time_ns * 31 + call->order;
			}
			merge_gather(merger, delta);
			assert_int_equal(merger->calls.n, lens[i]);
			assert_true(calls_sort(&merger->calls));
			for (uint32_t k = 0; k < lens[i]; k++) {
				const struct merger_call *call = &merger->calls.list[k];

				assert_int_equal(call->time_ns, call->call->time_ns);
				assert_int_equal(call->order, call->call->order);
				sum -= call->time_ns * 31 + call->order;
				if (k == 0)
					continue;
				assert_true(call[-1].time_ns <= call->time_ns);
				if (call[-1].time_ns == call->time_ns)
					assert_true(call[-1].order <= call->order);
				if (!merge_before(call - 1, call)) // equal: stable
					assert_true(call[-1].call < call->call);
			}
			assert_int_equal(sum, 0);
			merger->calls.n = 0;
			delta_empty(delta);
		}
	}
}

// Calls of several workers reach a detector as one stream in the order of time.
static void test_one_stream(void **unused)
{
	struct delta *other = delta_make();

	assert_non_null(unused);
	for (uint64_t i = 0; i < 1000; i++) {
		delta_add(i % 3 ? delta : other, 5000 - i, i % 7, 1, 200);
		delta_add(i % 2 ? delta : other, i, i % 7, 1, 200);
	}
	merge_gather(merger, delta);
	merge_gather(merger, other);
	merger_run(merger, 1);
	assert_int_equal(alpha_of(merger)->calls, 2000);
	assert_int_equal(alpha_of(merger)->out_of_order, 0);
	delta_drop(other);
}

// ---- Any number of workers

// Two exchanges always begin at the same time.
static void scenario_call(struct delta *d, uint64_t i)
{
	uint64_t principal = 100 + i * 7 % 40, endpoint = 500 + i % 23, time = 10 * (i / 2);
	char text[32];
	struct call *call = delta_add(d, time, principal, endpoint, i % 5 ? 200 : 403);

	call->order = i;
	call->n_values = (uint32_t)(i % 4);
	call->flags = i % 2 ? CALL_CREDENTIALS : 0;
	snprintf(text, sizeof(text), "user%" PRIu64 "-%" PRIu64, principal, i % 3);
	delta_principal(d, time, principal, text, (uint8_t)i);
	snprintf(text, sizeof(text), "/e%" PRIu64, endpoint);
	delta_endpoint(d, time, endpoint, "host", i % 2 ? "GET" : "PUT", text);
	if (i % 11 == 0) {
		struct finding *f =
			delta_finding(d, i % 2 ? &alpha : &beta, i % 6, time, principal, endpoint);

		f->arg[0] = i;
		f->order = i;
	}
}

// Every exchange goes to a worker by chance, every worker hands over its own order.
static void scenario_run(uint32_t n_workers, uint64_t seed)
{
	struct delta *deltas[8];

	random_state = seed;
	for (uint32_t w = 0; w < n_workers; w++)
		deltas[w] = delta_make();
	for (uint64_t epoch = 0; epoch < 6; epoch++) {
		for (uint64_t i = 0; i < 300; i++)
			scenario_call(deltas[random_next() % n_workers],
				      epoch * 300 + i * 77 % 300);
		for (uint32_t w = 0; w < n_workers; w++)
			merge_gather(merger, deltas[(w + epoch) % n_workers]);
		merger_run(merger, (epoch + 1) * S);
		merger_publish(merger, (uint32_t)epoch + 1, (uint32_t)epoch + 1);
		for (uint32_t w = 0; w < n_workers; w++)
			delta_empty(deltas[w]);
	}
	merger_finish(merger, 7 * S);
	tell("trace %" PRIu64 "\n", alpha_of(merger)->trace);
	for (uint32_t i = 0; i < merger_principals(merger); i++) {
		struct merged_principal *p = merger_principal_at(merger, i);

		tell("%" PRIu64 " %s %u %" PRIu64 "\n", p->id, p->user, p->addr[15], p->calls);
	}
	for (uint32_t i = 0; i < merger_endpoints(merger); i++) {
		struct merged_endpoint *e = merger_endpoint_at(merger, i);

		tell("%" PRIu64 " %s %s %" PRIu64 "\n", e->id, e->method, e->template, e->ok);
	}
	for (uint32_t i = 0; i < merger->n_watch; i++)
		tell("watch %" PRIu64 "\n", merger->published->snapshot.watch[i]);
	issues_foreach(&merger->issues, tell_issue, told);
	for (uint32_t w = 0; w < n_workers; w++)
		delta_drop(deltas[w]);
}

static void test_any_number_of_workers(void **unused)
{
	static char first[sizeof(told)];

	assert_non_null(unused);
	alpha_options.threshold = 30;
	for (uint32_t n = 1; n <= 8; n++) {
		told_forget();
		merger_reset(merger);
		alpha_of(merger)->refuse_below = 500;
		scenario_run(n, n);
		if (n == 1) {
			memcpy(first, told, told_len + 1);
			assert_true(merger->issues.created > 40);
			assert_true(merger->issues.updated > 10);
			assert_told("evidence");
			assert_told("call ");
			assert_told("watch ");
			assert_told(" act1 ");
		}
		assert_string_equal(told, first);
	}
}

// ---- Names

static void test_first_name_stays(void **unused)
{
	assert_non_null(unused);
	delta_principal(delta, 20, 9, "later", 2);
	delta_principal(delta, 10, 9, "first", 1);
	delta_principal(delta, 10, 9, "first-b", 1);
	delta_principal(delta, 10, 9, "a", 3); // the lesser address wins
	delta_endpoint(delta, 20, 5, "h", "GET", "/later");
	delta_endpoint(delta, 10, 5, "h", "GET", "/first");
	run_epoch(1);
	assert_string_equal(merger_principal(merger, 9)->user, "first");
	assert_string_equal(merger_endpoint(merger, 5)->template, "/first");
	delta_principal(delta, 1, 9, "early", 0);
	delta_endpoint(delta, 1, 5, "h", "GET", "/early");
	run_epoch(2);
	assert_string_equal(merger_principal(merger, 9)->user, "first");
	assert_string_equal(merger_endpoint(merger, 5)->template, "/first");
	assert_int_equal(merger_endpoints(merger), 1);
}

// One that is known by its calls alone gets its name as soon as somebody says it.
static void test_name_comes_later(void **unused)
{
	struct merged_principal *p;

	assert_non_null(unused);
	delta_add(delta, 1, 9, 0, 200);
	run_epoch(1);
	p = merger_principal(merger, 9);
	assert_string_equal(p->user, "");
	assert_string_equal(p->user_agent, "");
	assert_int_equal(p->kind, PRINCIPAL_NONE);
	delta_principal(delta, 2, 9, "u9", 2);
	delta_add(delta, 3, 9, 0, 200);
	run_epoch(2);
	assert_ptr_equal(merger_principal(merger, 9), p);
	assert_string_equal(p->user, "u9");
	assert_int_equal(p->calls, 2);
}

// The same number may name an endpoint and a principal.
static void test_same_id(void **unused)
{
	assert_non_null(unused);
	delta_principal(delta, 1, 9, "u9", 2);
	delta_endpoint(delta, 1, 9, "h", "GET", "/e9");
	delta_endpoint(delta, 1, 0, "h", "GET", "/none");
	delta_principal(delta, 1, 0, "none", 2);
	run_epoch(1);
	assert_string_equal(merger_principal(merger, 9)->user, "u9");
	assert_string_equal(merger_endpoint(merger, 9)->template, "/e9");
	assert_int_equal(merger_principals(merger), 1);
	assert_int_equal(merger_endpoints(merger), 1);
}

// ---- Histories

// Whatever came after it in the same epoch, the history of an issue ends with its exchange.
static void test_history_of_that_moment(void **unused)
{
	assert_non_null(unused);
	delta_endpoint(delta, 1, 5, "h", "GET", "/e5");
	for (uint64_t i = 1; i <= 100; i++)
		delta_add(delta, i, 9, 5, 200);
	delta_finding(delta, &beta, 1, 40, 9, 5);
	delta_finding(delta, &beta, 2, 3, 9, 5);
	delta_finding(delta, &beta, 3, 1000, 9, 5);
	run_epoch(S);
	assert_int_equal(n_told, 3);
	assert_told("call 25 200 250 0 =GET =h =/e5\n");
	assert_told("call 40 200 ");
	assert_not_told("call 41 ");
	assert_not_told("call 24 ");
	assert_told("\n  call 1 200 10 0 =GET =h =/e5\n  call 2 200 20 0 =GET =h =/e5\n"
		    "  call 3 200 30 0 =GET =h =/e5\n  evidence 3\n");
	assert_told("call 85 ");
	assert_told("call 100 ");
	assert_not_told("call 84 ");
	told_forget();
	delta_add(delta, 2000, 9, 5, 500);
	delta_finding(delta, &beta, 1, 2000, 9, 5);
	run_epoch(100 * S);
	assert_int_equal(n_told, 1);
	assert_told("call 25 "); // stays what it was
	assert_not_told("call 2000 ");
}

// ---- Findings

static void test_joined_and_accepted(void **unused)
{
	struct delta *other = delta_make();
	struct finding *f;

	assert_non_null(unused);
	alpha_of(merger)->refuse_below = 50;
	f = delta_finding(delta, &alpha, 1, 30, 9, 5);
	f->count = 4;
	f->last_ns = 90;
	f = delta_finding(other, &alpha, 1, 20, 9, 5);
	f->count = 2;
	f->last_ns = 1; // makes no sense
	delta_finding(other, &alpha, 2, 10, 9, 5)->arg[0] = 49;
	delta_finding(other, &beta, 1, 25, 9, 5);
	delta_finding(other, &gamma_off, 1, 25, 9, 5);
	delta_finding(other, NULL, 1, 25, 9, 5);
	merge_gather(merger, delta);
	merge_gather(merger, other);
	merger_run(merger, 100);
	assert_int_equal(n_told, 2);
	assert_told("Alpha T-1 v3 Runtime sev2 act0 res2 conf70 det100 20..90 x6\n");
	assert_told("evidence 20\n");
	assert_not_told("evidence 30\n");
	assert_told("T-2 v1  sev2 act0 res2 conf70 det100 25..25 x1\n");
	assert_int_equal(merger->findings_total, 8);
	delta_drop(other);
}

// ---- Watching

static void test_watch_and_raise(void **unused)
{
	assert_non_null(unused);
	alpha_options.threshold = 10;
	alpha_of(merger)->refuse_below = UINT32_MAX; // only evidence
	delta_endpoint(delta, 1, 5, "h", "GET", "/e5");
	delta_principal(delta, 1, 9, "u9", 9);
	for (uint64_t i = 1; i <= 6; i++)
		delta_add(delta, i, 9, 5, 200)->n_values = 1;
	delta_finding(delta, &alpha, 9, 3, 9, 5); // nobody watches yet
	run_epoch(S);
	assert_int_equal(n_told, 0);
	assert_int_equal(merger->n_watch, 1);
	merger_publish(merger, 1, 1);
	assert_int_equal(merger->published->snapshot.n_watch, 1);
	assert_int_equal(merger->published->snapshot.watch[0], 9);

	for (uint64_t i = 11; i <= 13; i++)
		delta_add(delta, i, 9, 5, 200)->n_values = 1;
	delta_finding(delta, &alpha, 9, 12, 9, 5);
	delta_finding(delta, &alpha, 8, 11, 8, 5); // not watched
	delta_finding(delta, &beta, 9, 13, 9, 5);  // not for evidence, found by itself
	run_epoch(2 * S);
	assert_int_equal(n_told, 1);
	told_forget();

	delta_finding(delta, &alpha, 9, 21, 9, 5); // the newest before the judgement
	for (uint64_t i = 20; i <= 22; i++)
		delta_add(delta, i, 9, 5, 200)->n_values = 1;
	run_epoch(3 * S);
	assert_int_equal(n_told, 1);
	assert_told("Alpha T-1 v3 Runtime sev1 act0 res0 conf50 det3000000000 3000000000..");
	assert_told("by 10.0.0.1:40000 kind5 user=u9 agent=found/1\n");
	assert_told("host=h method=GET template=/e5 path=/v1/****");
	assert_told("metric1 calls calls epoch 12 1.5");
	assert_told("'T-1 /e5 by u9: 12 times'");
	assert_told("evidence 21\n   request head=GET /21 ");
	assert_told("call 22 ");
	assert_not_told("evidence 12");
	merger_finish(merger, 4 * S);
	assert_int_equal(n_told, 2);
	assert_told("x2\n");
	assert_not_told("sev3");
}

static void test_watch_bounded(void **unused)
{
	const struct snapshot *before;

	assert_non_null(unused);
	merger->merges = 1;
	merger_watch(merger, 0);
	assert_int_equal(merger->n_watch, 0);
	for (uint64_t i = 100; i > 0; i--)
		merger_watch(merger, i);
	assert_int_equal(merger->n_watch, WATCH_MAX);
	merger_publish(merger, 5, 5);
	assert_int_equal(merger->published->snapshot.n_watch, WATCH_MAX);
	for (uint32_t i = 0; i < WATCH_MAX; i++)
		assert_int_equal(merger->published->snapshot.watch[i], 37 + i);
	merger->merges = 2;
	for (uint64_t i = 40; i <= 100; i++)
		merger_watch(merger, i);
	before = &merger->published->snapshot;
	merger_publish(merger, 6, 6);
	assert_ptr_equal(&merger->published->snapshot, before); // nothing new
	for (uint64_t i = 200; i < 210; i++)
		merger_watch(merger, i); // only those that nobody wants any more go: 37, 38, 39
	merger_publish(merger, 7, 7);
	assert_int_equal(merger->published->snapshot.watch[0], 40);
	assert_int_equal(merger->published->snapshot.watch[60], 100);
	assert_int_equal(merger->published->snapshot.watch[61], 200);
	assert_int_equal(merger->published->snapshot.watch[63], 202);
	assert_ptr_equal(atomic_load(&shared.snapshot), &merger->published->snapshot);
}

// A snapshot that a late worker may still read is not written to.
static void test_snapshots_reused_late(void **unused)
{
	const struct merger_snapshot *seen[8];

	assert_non_null(unused);
	seen[0] = merger->published;
	for (uint32_t epoch = 1; epoch < 8; epoch++) {
		merger_watch(merger, epoch);
		merger_publish(merger, epoch, 0); // one worker stands still
		seen[epoch] = merger->published;
		for (uint32_t i = 0; i < epoch && epoch < MERGER_SNAPSHOTS; i++)
			assert_ptr_not_equal(seen[i], seen[epoch]);
		if (epoch >= MERGER_SNAPSHOTS) // none is free: it waits
			assert_ptr_equal(seen[epoch], seen[MERGER_SNAPSHOTS - 1]);
	}
	assert_int_equal(merger->published->snapshot.n_watch, MERGER_SNAPSHOTS - 1);
	merger_publish(merger, 8, 1); // it did epoch 1: may hold what was replaced in epoch 1
	assert_ptr_equal(merger->published, seen[3]);
	merger_publish(merger, 8, 2);
	assert_ptr_equal(merger->published, seen[0]);
	assert_int_equal(merger->published->snapshot.n_watch, 7);
	for (uint32_t epoch = 9; epoch < 30; epoch++) { // all in time: always one is free
		const struct merger_snapshot *before = merger->published;

		merger_watch(merger, epoch);
		merger_publish(merger, epoch, epoch);
		assert_ptr_not_equal(merger->published, before);
	}
}

// ---- Life

static void test_reset(void **unused)
{
	assert_non_null(unused);
	alpha_started = alpha_ended = 0;
	alpha_options.threshold = 5;
	for (uint32_t round = 0; round < 3000; round++) {
		delta_endpoint(delta, 1, 5, "h", "GET", "/e5");
		delta_principal(delta, 1, 9, "u9", 9);
		for (uint64_t i = 1; i <= 8; i++)
			delta_add(delta, i, 9, 5, 200);
		delta_finding(delta, &beta, 9, 3, 9, 5);
		run_epoch(S);
		merger_publish(merger, round + 1, round + 1);
		assert_int_equal(n_told, 2);
		if (round == 0)
			memmove(told + sizeof(told) / 2, told, told_len + 1);
		assert_string_equal(told, told + sizeof(told) / 2); // the same each time
		merger_reset(merger);
		told_len = 0;
		n_told = 0;
		assert_int_equal(merger_endpoints(merger), 0);
		assert_int_equal(merger_principals(merger), 0);
		assert_null(merger_endpoint(merger, 5));
		assert_null(merger_principal(merger, 9));
		assert_int_equal(merger->issues.n, 0);
		assert_int_equal(merger->exchanges, 0);
		assert_int_equal(merger->n_watch, 0);
		assert_int_equal(alpha_of(merger)->calls, 0);
		assert_int_equal(atomic_load(&shared.snapshot)->n_watch, 0);
	}
	assert_int_equal(alpha_started, 3000);
	assert_int_equal(alpha_ended, 3000);
	alpha_init_rc = -1; // it refuses: the rest goes on without it
	merger_reset(merger);
	assert_non_null(strstr(logged, "<0>Detector T-1 cannot start again"));
	delta_add(delta, 1, 9, 5, 200);
	delta_finding(delta, &alpha, 9, 3, 9, 5);
	delta_finding(delta, &beta, 9, 3, 9, 5);
	run_epoch(S);
	assert_int_equal(n_told, 1);
	assert_int_equal(alpha_ended, 3001);
}

static void test_no_start(void **unused)
{
	struct detect_shared other = {0};
	char why[128] = "";

	assert_non_null(unused);
	alpha_init_rc = -5;
	assert_null(merger_new(&other, NULL, NULL, why, sizeof(why)));
	assert_string_equal(why, "detector T-1 cannot start");
	alpha_init_rc = 0;
	n_detectors = DETECTOR_MAX + 1;
	assert_null(merger_new(&other, NULL, NULL, why, sizeof(why)));
	assert_string_equal(why, "more than 64 detectors");
	n_detectors = 3;
	for (fail_at = 1; fail_at <= 3; fail_at++) {
		n_allocs = 0;
		why[0] = '\0';
		assert_null(merger_new(&other, NULL, NULL, why, sizeof(why)));
		assert_true(strlen(why) > 0);
	}
	fail_at = 0;
}

// Whichever allocation fails: no crash, no leak, and what is missing was counted.
static void test_no_memory(void **unused)
{
	uint64_t lost = 0;
	uint32_t at = 1;

	assert_non_null(unused);
	alpha_options.threshold = 30;
	for (n_allocs = at; n_allocs >= at; at += at < 60 ? 1 : 17) {
		merger_reset(merger);
		lists_free(merger);
		told_forget();
		n_allocs = 0;
		fail_at = at;
		scenario_run(2, 3);
		fail_at = 0;
		assert_int_equal(alpha_of(merger)->calls + merger->calls_lost, 1800);
		assert_int_equal(merger->exchanges, 1800);
		lost += merger->calls_lost + merger->names_lost + merger->findings_lost +
			merger->issues.lost + merger->known.principals_lost +
			merger->known.endpoints_lost;
	}
	assert_true(at > 500);
	assert_true(lost > 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_counts),
		TEST(test_fields),
		TEST(test_held),
		TEST(test_sorted),
		TEST(test_one_stream),
		TEST(test_any_number_of_workers),
		TEST(test_first_name_stays),
		TEST(test_name_comes_later),
		TEST(test_same_id),
		TEST(test_history_of_that_moment),
		TEST(test_joined_and_accepted),
		TEST(test_watch_and_raise),
		TEST(test_watch_bounded),
		TEST(test_snapshots_reused_late),
		TEST(test_reset),
		TEST(test_no_start),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
