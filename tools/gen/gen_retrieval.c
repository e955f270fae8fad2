// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Excessive data retrieval: many users who each receive a few sensitive values in every minute,
// and one who behaves like them for a minute and then pages through all customers.
//
// Each ordinary user has a whole number of values per minute, split over calls at fixed seconds
// of the minute (spread evenly, then moved at random, the same in every minute). Hence any sixty
// seconds in a row hold exactly the user's number, and the mean over the users is exact at every
// instant, not only in the long run.
//
//	offender   |normal 2..48 s |  | 413 values, 62..118 s |  | normal again 125 s ..|
//	minute     0                  60                        120
//
// The quiet before and behind the burst keeps any sixty seconds at or below the burst's number.

#include "tools/gen/gen_crowd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PAGE_VALUES = 7,
	CALL_VALUES = 3, // about so many in an ordinary response
	MINUTE_S = 60,
	WHAT_ORDERS = 1000,
	WHAT_PAGE = 2000, // + number of the page
	BURST_FROM_S = 62,
	BURST_LEN_S = 56,
	LEAST_RATE = 50, // below, the quiet before the burst would not be enough
};

struct received {
	uint64_t time_ns;
	uint32_t n;
};

struct retrieval {
	struct gen_crowd crowd;
	struct gen *gen;
	uint16_t *rate; // values per minute of each user
	uint32_t offender, n_pages;
	uint64_t end_ns;
	uint64_t *others_in_minute; // counted while sending
	struct received *offender_log;
	uint32_t n_offender_log;
};

// Rates between about a third and twice the mean, more small ones than large ones, with a sum
// that makes the mean as exact as whole numbers allow.
static void retrieval_rates(struct retrieval *r)
{
	const struct gen_options *options = r->gen->options;
	struct gen_random *random = &r->gen->random;
	double low = floor(options->mean * 0.376), high = round(options->mean * 1.88) + 1;
	double bend = (high - low) / (options->mean - low) - 1;
	int64_t missing = llround(options->mean * (options->users - 1));

	r->rate[r->offender] = (uint16_t)lround(options->mean);
	for (uint32_t u = 0; u < options->users; u++) {
		if (u == r->offender)
			continue;
		r->rate[u] = (uint16_t)(low + (high - low) * pow(gen_random_unit(random), bend));
		missing -= r->rate[u];
	}
	while (missing) {
		uint32_t u = gen_random_below(random, options->users);

		if (u == r->offender)
			continue;
		if (missing > 0 && r->rate[u] < high) {
			r->rate[u]++;
			missing--;
		} else if (missing < 0 && r->rate[u] > low) {
			r->rate[u]--;
			missing++;
		}
	}
}

static uint32_t rate_calls(uint32_t rate)
{
	return (rate + CALL_VALUES - 1) / CALL_VALUES;
}

// Where in a span of seconds the k-th of n calls falls: evenly, moved by up to seven tenths of
// the distance.
static double retrieval_moment(const struct retrieval *r, uint32_t user, uint32_t k, uint32_t n,
			       double span_s)
{
	uint64_t seed = r->gen->options->seed;
	double shift = 0.3 * gen_random_hash_unit(seed, user, WHAT_ORDERS + 1);

	return (k + shift + 0.7 * gen_random_hash_unit(seed, user, k)) / n * span_s;
}

static void retrieval_plan(struct retrieval *r)
{
	for (uint32_t u = 0; u < r->crowd.n_users; u++) {
		double from_s = u == r->offender ? 2 : 0, span_s = u == r->offender ? 46 : 59.9;
		uint32_t calls = rate_calls(r->rate[u]);

		for (uint32_t k = 0; k < calls; k++)
			gen_crowd_add(&r->crowd, from_s + retrieval_moment(r, u, k, calls, span_s),
				      u, k);
		gen_crowd_add(&r->crowd,
			      from_s + span_s * gen_random_hash_unit(r->gen->options->seed, u,
								     WHAT_ORDERS),
			      u, WHAT_ORDERS);
	}
	for (uint32_t i = 0; i < r->n_pages; i++)
		gen_crowd_add(&r->crowd,
			      BURST_FROM_S +
				      retrieval_moment(r, r->offender, i, r->n_pages, BURST_LEN_S),
			      r->offender, WHAT_PAGE + i);
}

static void retrieval_count(struct retrieval *r, uint32_t user, uint64_t time_ns, uint32_t n)
{
	if (user == r->offender)
		r->offender_log[r->n_offender_log++] = (struct received){time_ns, n};
	else
		r->others_in_minute[(time_ns - r->gen->start_ns) / (MINUTE_S * GEN_SECOND_NS)] += n;
}

// A page of the customer list with n values: what the offender pulls, and now and then anyone.
static void retrieval_page(struct retrieval *r, const struct gen_step *step, uint32_t page,
			   uint32_t n)
{
	struct gen_json *body = gen_crowd_body(&r->crowd);
	struct gen_call call = {.endpoint = "GET /api/v1/customers"};
	char target[64];

	gen_json_uint(body, "page", page);
	gen_record_list(body, "items", &r->gen->random, n, page * 3, r->crowd.values);
	gen_json_bool(body, "more", true);
	snprintf(target, sizeof(target), "/api/v1/customers?page=%u", page);
	call.target = target;
	retrieval_count(r, step->user, gen_crowd_call(&r->crowd, step, call), n);
}

static void retrieval_customer(struct retrieval *r, const struct gen_step *step, uint32_t n)
{
	uint32_t id = 1 + gen_random_below(&r->gen->random, 9000);
	struct gen_json *body = gen_crowd_body(&r->crowd);
	struct gen_call call = {.endpoint = "GET /api/v1/customers/{id}"};
	char target[64];

	gen_json_uint(body, "id", id);
	gen_record_members(body, &r->gen->random, n, r->crowd.values);
	snprintf(target, sizeof(target), "/api/v1/customers/%u", id);
	call.target = target;
	retrieval_count(r, step->user, gen_crowd_call(&r->crowd, step, call), n);
}

static void retrieval_step(struct gen_crowd *crowd, void *context, const struct gen_step *step)
{
	struct retrieval *r = context;
	struct gen_step again = *step;
	uint32_t rate = r->rate[step->user], calls = rate_calls(rate);

	if (step->what >= WHAT_PAGE) {
		uint32_t page = step->what - WHAT_PAGE;
		uint32_t left = r->gen->options->offender_rate - page * PAGE_VALUES;

		retrieval_page(r, step, page + 1, left < PAGE_VALUES ? left : PAGE_VALUES);
		return;
	}
	if (step->what == WHAT_ORDERS) {
		gen_crowd_orders(crowd, step);
	} else {
		uint32_t n = rate / calls + (step->what < rate % calls);

		if (gen_random_below(&r->gen->random, 10) < 7)
			retrieval_customer(r, step, n);
		else
			retrieval_page(r, step, 1 + gen_random_below(&r->gen->random, 40), n);
	}
	again.time_ns += MINUTE_S * GEN_SECOND_NS;
	// The burst has the offender's second minute for itself; then it begins three seconds late.
	if (step->user == r->offender &&
	    again.time_ns < r->gen->start_ns + 2 * MINUTE_S * GEN_SECOND_NS)
		again.time_ns += (MINUTE_S + 3) * GEN_SECOND_NS;
	if (again.time_ns < r->end_ns)
		gen_agenda_add(&crowd->agenda, again);
}

// The largest number of values that the offender received in any sixty seconds.
static uint32_t retrieval_peak(const struct retrieval *r)
{
	uint32_t peak = 0, sum = 0;

	for (uint32_t i = 0, from = 0; i < r->n_offender_log; i++) {
		sum += r->offender_log[i].n;
		while (r->offender_log[i].time_ns - r->offender_log[from].time_ns >=
		       MINUTE_S * GEN_SECOND_NS)
			sum -= r->offender_log[from++].n;
		if (sum > peak)
			peak = sum;
	}
	return peak;
}

// Returns the mean per minute.
static double truth_others(struct retrieval *r, struct gen_json *facts)
{
	uint32_t n_others = r->crowd.n_users - 1, minutes = r->gen->options->minutes;
	uint32_t least = UINT32_MAX, most = 0;
	uint64_t total = 0;

	for (uint32_t u = 0; u < r->crowd.n_users; u++) {
		if (u == r->offender)
			continue;
		least = r->rate[u] < least ? r->rate[u] : least;
		most = r->rate[u] > most ? r->rate[u] : most;
	}
	gen_json_object(facts, "others");
	gen_json_uint(facts, "users", n_others);
	gen_json_array(facts, "mean_by_minute");
	for (uint32_t m = 0; m < minutes; m++) {
		gen_json_fixed(facts, NULL, (double)r->others_in_minute[m] / n_others, 4);
		total += r->others_in_minute[m];
	}
	gen_json_end(facts);
	gen_json_fixed(facts, "mean_per_minute", (double)total / n_others / minutes, 4);
	gen_json_uint(facts, "least_per_minute", least);
	gen_json_uint(facts, "most_per_minute", most);
	gen_json_end(facts);
	return (double)total / n_others / minutes;
}

static void retrieval_truth(struct retrieval *r)
{
	struct gen_json *facts = &r->gen->truth.facts, *issues = &r->gen->truth.issues;
	char subject[GEN_SUBJECT_BYTES], address[GEN_ADDRESS_TEXT];
	uint32_t peak = retrieval_peak(r), n_users = r->crowd.n_users;
	double mean;

	gen_session_subject(r->offender, subject);
	gen_session_address(r->offender, address);
	gen_json_uint(facts, "users", n_users);
	gen_json_object(facts, "offender");
	gen_json_string(facts, "user", subject);
	gen_json_string(facts, "address", address);
	gen_json_string(facts, "endpoint", "GET /api/v1/customers");
	gen_json_uint(facts, "pages", r->n_pages);
	gen_json_uint(facts, "burst_from_s", BURST_FROM_S);
	gen_json_uint(facts, "burst_to_s", BURST_FROM_S + BURST_LEN_S);
	gen_json_uint(facts, "most_values_in_60_s", peak);
	gen_json_end(facts);
	mean = truth_others(r, facts);

	gen_truth_issue(&r->gen->truth, "excessive-retrieval", "GET /api/v1/customers", "high");
	gen_json_string(issues, "user", subject);
	gen_json_string(issues, "address", address);
	gen_json_uint(issues, "value", peak);
	gen_json_fixed(issues, "baseline_mean", mean, 4);
	// Of all users, itself included, the share that it exceeds: 10,000 of 10,001.
	gen_json_fixed(issues, "percentile", 100.0 * (n_users - 1) / n_users, 4);
	gen_json_uint(issues, "population", n_users);
	gen_json_end(issues);
}

static void *retrieval_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		gen_fatal("out of memory for %zu entries", n);
	return p;
}

static void retrieval_run(struct gen *gen)
{
	const struct gen_options *options = gen->options;
	struct retrieval r = {.gen = gen, .offender = options->users / 3};

	if (options->users < 2 || options->minutes < 2 || options->offender_rate < LEAST_RATE ||
	    options->mean < 1 || options->mean > 1000)
		gen_fatal("retrieval needs at least --users 2, --minutes 2, --offender-rate %d, "
			  "and a --mean of 1 to 1000",
			  LEAST_RATE);
	r.n_pages = (options->offender_rate + PAGE_VALUES - 1) / PAGE_VALUES;
	r.end_ns = gen->start_ns + options->minutes * MINUTE_S * GEN_SECOND_NS;
	r.rate = retrieval_alloc(options->users, sizeof(r.rate[0]));
	r.others_in_minute = retrieval_alloc(options->minutes + 1, sizeof(r.others_in_minute[0]));
	gen_crowd_init(&r.crowd, gen, options->users);
	retrieval_rates(&r);
	r.offender_log = retrieval_alloc(r.n_pages + (size_t)options->minutes *
							     rate_calls(r.rate[r.offender]),
					 sizeof(r.offender_log[0]));
	retrieval_plan(&r);
	gen_crowd_run(&r.crowd, &r, retrieval_step);
	retrieval_truth(&r);
	gen_crowd_fini(&r.crowd);
	free(r.rate);
	free(r.others_in_minute);
	free(r.offender_log);
}

const struct gen_scenario gen_retrieval = {
	.name = "retrieval",
	.summary = "one user in thousands pulls far more sensitive values than the others",
	.users = 10001,
	.minutes = 3,
	.run = retrieval_run,
};
