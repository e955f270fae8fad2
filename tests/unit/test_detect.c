// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Epochs between workers and merger: every call arrives once, however late a worker is, and no
// delta is read while it is filled. The workers here keep the rules of worker.h and do nothing
// else; one test runs them in threads, best under a thread sanitizer.

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/unit/merge_fixture.h"

#include "detect/baseline.c"
#include "detect/detect.c"

// ---- Workers made for the test

static uint32_t n_workers_new, n_workers_gone, n_rulesets, worker_fails_at;
static bool ruleset_fails;

struct ruleset {
	int unused;
};

struct ruleset *ruleset_new(const struct conf *conf, char *why, size_t why_len)
{
	struct ruleset *ruleset = (calloc)(1, sizeof(*ruleset));

	assert_null(conf);
	if (ruleset_fails) {
		snprintf(why, why_len, "no rules");
		free(ruleset);
		return NULL;
	}
	n_rulesets++;
	return ruleset;
}

void ruleset_free(struct ruleset *ruleset)
{
	free(ruleset);
	n_rulesets--;
}

struct detect_worker *detect_worker_new(struct detect_shared *common, uint32_t index,
					uint32_t n_exchanges, char *why, size_t why_len)
{
	struct detect_worker *w = aligned_alloc(64, sizeof(*w));

	assert_int_equal(n_exchanges, 77);
	assert_non_null(common->ruleset);
	memset(w, 0, sizeof(*w));
	if (n_workers_new + 1 == worker_fails_at) {
		snprintf(why, why_len, "no worker %u", index);
		free(w);
		return NULL;
	}
	n_workers_new++;
	w->shared = common;
	w->index = index;
	for (uint32_t i = 0; i < 2; i++)
		w->delta[i].calls = (calloc)(DELTA_CALLS, sizeof(struct call));
	w->snapshot = atomic_load_explicit(&common->snapshot, memory_order_acquire);
	assert_non_null(w->snapshot);
	return w;
}

void detect_worker_free(struct detect_worker *w)
{
	n_workers_gone++;
	free(w->delta[0].calls);
	free(w->delta[1].calls);
	free(w);
}

void detect_worker_reset(struct detect_worker *w)
{
	for (uint32_t i = 0; i < 2; i++)
		w->delta[i].n_calls = 0;
	w->snapshot = atomic_load_explicit(&w->shared->snapshot, memory_order_acquire);
}

const struct finding *detect_worker_capture(struct detect_worker *, struct capture_id)
{
	return NULL; // nothing that is asked for
}

struct event_sink detect_worker_sink(struct detect_worker *w)
{
	return (struct event_sink){.ctx = w};
}

void detect_worker_snapshot(struct detect_worker *w)
{
	w->snapshot = atomic_load_explicit(&w->shared->snapshot, memory_order_acquire);
}

void detect_worker_poll(struct detect_worker *w)
{
	uint32_t wanted = atomic_load_explicit(&w->shared->epoch_wanted, memory_order_acquire);

	if (wanted == atomic_load_explicit(&w->epoch_done, memory_order_relaxed))
		return;
	w->active ^= 1;
	w->delta[w->active].n_calls = 0;
	w->delta[w->active].exchanges = w->delta[w->active].calls_lost = 0;
	w->snapshot = atomic_load_explicit(&w->shared->snapshot, memory_order_acquire);
	atomic_store_explicit(&w->epoch_done, wanted, memory_order_release);
}

static void worker_call(struct detect_worker *w, uint64_t time_ns, uint64_t principal)
{
	struct delta *d = &w->delta[w->active];

	d->exchanges++;
	if (d->n_calls == DELTA_CALLS) {
		d->calls_lost++;
		return;
	}
	d->calls[d->n_calls++] =
		(struct call){.time_ns = time_ns, .order = w->index, .principal = principal};
}

// ---- Tests

static struct detect *detect;
static char sentence[128];

static int detect_setup(void **unused)
{
	if (fixture_setup(unused))
		return -1;
	n_workers_new = n_workers_gone = n_rulesets = worker_fails_at = 0;
	ruleset_fails = false;
	detect = detect_new(NULL, 3, 77, 42, tell_issue, told, sentence, sizeof(sentence));
	assert_non_null(detect);
	assert_int_equal((uintptr_t)detect % 64, 0);
	return 0;
}

static int detect_teardown(void **unused)
{
	detect_free(detect);
	assert_int_equal(n_workers_new, n_workers_gone);
	assert_int_equal(n_rulesets, 0);
	detect_free(NULL);
	return fixture_teardown(unused);
}

static struct detect_worker *worker_of(uint32_t i)
{
	struct event_sink sink = detect_sink(detect, i);

	return sink.ctx;
}

static uint64_t calls_of(uint64_t principal)
{
	struct merged_principal *p = merger_principal(detect->merger, principal);

	return p ? p->calls : 0;
}

static void test_epoch(void **unused)
{
	struct detect_stats stats;

	assert_non_null(unused);
	worker_call(worker_of(0), 1, 100);
	worker_call(worker_of(2), 2, 102);
	detect_merge(detect, 1); // nobody was asked yet
	assert_int_equal(calls_of(100), 0);
	assert_true(detect_epoch_ready(detect));
	detect_epoch_begin(detect);
	assert_false(detect_epoch_ready(detect));
	for (uint32_t i = 0; i < 3; i++)
		detect_poll(detect, i);
	assert_true(detect_epoch_ready(detect));
	worker_call(worker_of(0), 3, 100); // already in the next epoch
	detect_merge(detect, 10);
	detect_merge(detect, 11); // nothing is read twice
	assert_int_equal(calls_of(100), 1);
	assert_int_equal(calls_of(102), 1);
	worker_of(1)->exchange_pool_empty = 5;
	worker_of(2)->exchange_pool_empty = 6;
	detect_stats(detect, &stats);
	assert_int_equal(stats.exchanges, 2);
	assert_int_equal(stats.principals, 2);
	assert_int_equal(stats.merges, 3);
	assert_int_equal(stats.exchange_pool_empty, 11);
}

static void test_late_worker(void **unused)
{
	uint64_t sent = 0;

	assert_non_null(unused);
	for (uint64_t round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < 3; i++)
			worker_call(worker_of(i), round, 100 + i);
		sent++;
		detect_epoch_begin(detect);
		detect_poll(detect, 0);
		detect_poll(detect, 1);
		// Worker 2 comes after the merge, or not at all this time.
		if (round % 5 == 1)
			detect_poll(detect, 2);
		assert_true(detect_epoch_ready(detect) || round % 5 != 1);
		detect_merge(detect, round);
		if (round % 5 == 3)
			detect_poll(detect, 2);
		if (round % 10 == 7) // polls that nobody asked for change nothing
			for (uint32_t i = 0; i < 3; i++)
				detect_poll(detect, i);
	}
	for (uint32_t k = 0; k < 2; k++) {
		detect_epoch_begin(detect);
		for (uint32_t i = 0; i < 3; i++)
			detect_poll(detect, i);
		assert_true(detect_epoch_ready(detect));
		detect_merge(detect, 100);
	}
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(calls_of(100 + i), sent);
	assert_int_equal(detect->merger->exchanges, 3 * sent);
}

// The epoch's number may turn over.
static void test_number_turns(void **unused)
{
	assert_non_null(unused);
	for (uint32_t i = 0; i < 3; i++)
		atomic_store(&worker_of(i)->epoch_done, UINT32_MAX - 1),
			detect->merged[i] = UINT32_MAX - 1;
	atomic_store(&detect->shared.epoch_wanted, UINT32_MAX - 1);
	for (uint64_t round = 1; round < 5; round++) {
		worker_call(worker_of(1), round, 100);
		merger_watch(detect->merger, round);
		detect_epoch_begin(detect);
		for (uint32_t i = 0; i < 3; i++)
			detect_poll(detect, i);
		assert_true(detect_epoch_ready(detect));
		detect_merge(detect, round);
		assert_int_equal(calls_of(100), round);
		assert_int_equal(detect->merger->published->snapshot.n_watch, round);
		assert_int_equal(worker_of(0)->snapshot->n_watch, round - 1);
	}
}

static void test_reset_between(void **unused)
{
	struct detect_stats stats;

	assert_non_null(unused);
	for (uint32_t round = 0; round < 20; round++) {
		worker_call(worker_of(0), 1, 100);
		merger_watch(detect->merger, 5);
		detect_epoch_begin(detect);
		for (uint32_t i = 0; i < 3; i++) {
			if (round % 3 != i)
				detect_poll(detect, i);
		}
		if (round % 2)
			detect_merge(detect, 1);
		detect_reset(detect);
		assert_true(detect_epoch_ready(detect));
		detect_merge(detect, 1);
		detect_stats(detect, &stats);
		assert_int_equal(stats.exchanges, 0);
		assert_int_equal(calls_of(100), 0);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(worker_of(i)->snapshot->n_watch, 0);
	}
}

static void test_finish(void **unused)
{
	assert_non_null(unused);
	alpha_options.threshold = 2;
	for (uint64_t i = 0; i < 2; i++)
		worker_call(worker_of(1), i, 100);
	detect_epoch_begin(detect);
	for (uint32_t i = 0; i < 3; i++)
		detect_poll(detect, i);
	detect_merge(detect, 1000);
	assert_int_equal(n_told, 0);
	detect_finish(detect, 2000); // alpha is told that this is the last time
	assert_int_equal(n_told, 1);
	assert_told("det2000");
	told_forget();
	detect_foreach_issue(detect, tell_issue, told);
	assert_int_equal(n_told, 1);
	detect_finish(detect, 3000);
	assert_int_equal(n_told, 2);
}

static void observer(void *arg, uint32_t worker, const struct exchange *x,
		     const struct exchange_finding *findings, uint32_t n_findings)
{
	assert_true(arg && worker && x && findings && n_findings);
}

static void test_new_fails(void **unused)
{
	assert_non_null(unused);
	detect_observe(detect, &(struct detect_observer){.arg = told, .exchange = observer});
	assert_ptr_equal(worker_of(1)->shared->observer.exchange, observer);
	assert_ptr_equal(worker_of(1)->shared->observer.arg, told);
	worker_fails_at = n_workers_new + 2;
	assert_null(detect_new(NULL, 4, 77, 1, NULL, NULL, sentence, sizeof(sentence)));
	assert_string_equal(sentence, "no worker 1");
	worker_fails_at = 0;
	ruleset_fails = true;
	assert_null(detect_new(NULL, 4, 77, 1, NULL, NULL, sentence, sizeof(sentence)));
	assert_string_equal(sentence, "no rules");
	ruleset_fails = false;
	for (fail_at = 1; fail_at < 5; fail_at++) {
		n_allocs = 0;
		sentence[0] = '\0';
		assert_null(detect_new(NULL, 4, 77, 1, NULL, NULL, sentence, sizeof(sentence)));
		assert_true(strlen(sentence) > 0);
	}
	fail_at = 0;
}

// ---- Threads

enum { THREAD_EPOCHS = 60 };

static atomic_bool thread_stop, thread_end;
static uint64_t thread_sent[3]; // each thread its own; read after it ended

static void *thread_run(void *arg)
{
	struct detect_worker *w = arg;
	uint64_t watched = 0;

	// At least a few, however late the thread was started.
	for (uint64_t i = 0; i < 1000 || !atomic_load(&thread_stop); i++) {
		worker_call(w, i, 100 + w->index);
		thread_sent[w->index]++;
		for (uint32_t k = 0; k < w->snapshot->n_watch; k++)
			watched += w->snapshot->watch[k];
		if (i % 32 == 0)
			detect_worker_poll(w);
		if (i % (256 << w->index) == 0) // some are later than others
			sched_yield();
	}
	while (!atomic_load(&thread_end)) { // until all was merged
		detect_worker_poll(w);
		sched_yield();
	}
	return (void *)(uintptr_t)(watched | 1);
}

static void test_threads(void **unused)
{
	uint64_t epochs = 0, sent = 0;
	pthread_t threads[3];
	void *result;

	assert_non_null(unused);
	atomic_store(&thread_stop, false);
	atomic_store(&thread_end, false);
	memset(thread_sent, 0, sizeof(thread_sent));
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread_run, worker_of(i)), 0);
	for (; epochs < THREAD_EPOCHS; epochs++) {
		detect_epoch_begin(detect);
		for (uint32_t k = 0; k < epochs % 20 && !detect_epoch_ready(detect); k++)
			sched_yield();
		merger_watch(detect->merger, 1 + epochs);
		detect_merge(detect, epochs);
	}
	atomic_store(&thread_stop, true);
	for (uint32_t k = 0; k < 3; k++) {
		detect_epoch_begin(detect);
		while (!detect_epoch_ready(detect))
			sched_yield();
		detect_merge(detect, epochs);
		usleep(1000);
	}
	atomic_store(&thread_end, true);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_non_null(result);
		sent += thread_sent[i];
	}
	assert_int_equal(detect->merger->exchanges, sent);
	assert_int_equal(calls_of(100) + calls_of(101) + calls_of(102) + detect->merger->calls_lost,
			 sent);
	assert_true(calls_of(100) > 0 && calls_of(101) > 0 && calls_of(102) > 0);
}

// Other policies reach each worker with its next epoch. Those before are kept for whoever is late.
static void test_policies(void **)
{
	struct merger *m = detect->merger;
	struct conf *conf;

	assert_null(worker_of(0)->snapshot->policies);
	for (uint32_t round = 0; round < 6; round++) {
		const struct policies *before = worker_of(0)->snapshot->policies;

		conf = fixture_conf_new();
		assert_true(detect_policies(detect, conf));
		assert_ptr_equal(worker_of(0)->snapshot->policies, before);
		detect_epoch_begin(detect);
		for (uint32_t i = 0; i < 3; i++)
			detect_worker_poll(worker_of(i));
		assert_ptr_equal(worker_of(0)->snapshot->policies, m->policies->policies);
		assert_ptr_not_equal(worker_of(0)->snapshot->policies, before);
		detect_merge(detect, 1);
		detect_epoch_begin(detect);
		for (uint32_t i = 0; i < 3; i++)
			detect_worker_poll(worker_of(i));
		detect_merge(detect, 1);
		assert_null(m->policies->older); // nobody needs them
		assert_int_equal(n_policies, 1);
		assert_int_equal(n_confs, 1);
	}
	// Worker 2 is late: what it reads stays.
	const struct policies *late = worker_of(2)->snapshot->policies;
	for (uint32_t round = 0; round < 8; round++) {
		bool kept = false;

		conf = fixture_conf_new();
		assert_true(detect_policies(detect, conf));
		detect_epoch_begin(detect);
		for (uint32_t i = 0; i < 2; i++)
			detect_worker_poll(worker_of(i));
		detect_merge(detect, 1);
		for (const struct merger_policies *p = m->policies; p; p = p->older)
			kept |= p->policies == late;
		assert_true(kept);
		assert_ptr_equal(worker_of(2)->snapshot->policies, late);
	}
	for (uint32_t round = 0; round < 3; round++) {
		detect_worker_poll(worker_of(2));
		detect_merge(detect, 1);
		detect_epoch_begin(detect);
		for (uint32_t i = 0; i < 3; i++)
			detect_worker_poll(worker_of(i));
		detect_merge(detect, 1);
	}
	assert_ptr_equal(worker_of(2)->snapshot->policies, m->policies->policies);
	assert_null(m->policies->older);
	detect_reset(detect);
	assert_ptr_equal(worker_of(1)->snapshot->policies, m->policies->policies);
	merge_policies_sweep(m, 0, true);
	assert_int_equal(n_policies + n_confs, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, detect_setup, detect_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_epoch),         TEST(test_late_worker), TEST(test_number_turns),
		TEST(test_reset_between), TEST(test_finish),      TEST(test_new_fails),
		TEST(test_policies),      TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
