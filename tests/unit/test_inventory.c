// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What is known of endpoints: counts, quantiles, where they stand, data types; that what a server
// does not have is none of them; and that halves of the traffic make the same.

#include "tests/unit/merge_fixture.h"

#include "detect/hll.h"

static const uint8_t inside[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
static const uint8_t outside[16] = {[10] = 0xff, 0xff, 203, 0, 113, 7};

static void networks(void)
{
	assert_true(network_parse("10.0.0.0/8", &merger->inventory.internal[0]));
	merger->inventory.n_internal = 1;
}

static struct call *call_at(uint64_t time_ns, uint64_t endpoint, uint16_t status,
			    const uint8_t client[16], const uint8_t server[16])
{
	struct call *call = delta_add(delta, time_ns, time_ns % 7 + 1, endpoint, status);

	memcpy(call->client, client, 16);
	memcpy(call->server, server, 16);
	call->wait_us = (uint32_t)(1000 * time_ns);
	call->resp_bytes = 10;
	return call;
}

static const struct inventory_endpoint *facts(uint64_t endpoint)
{
	return known_endpoint(&merger->known, endpoint)->inventory;
}

static void test_facts(void **)
{
	const struct inventory_endpoint *i;

	networks();
	delta_endpoint(delta, 1, 5, "api.test", "POST", "/graphql#Orders");
	for (uint64_t t = 1; t <= 100; t++) {
		struct call *call = call_at(t, 5, t % 4 ? 200 : 400, inside, inside);

		call->api = API_GRAPHQL;
		call->flags = CALL_CREDENTIALS | (t % 2 ? CALL_TLS : 0);
	}
	run_epoch(1000);
	i = facts(5);
	assert_int_equal(i->status[0].calls + i->status[1].calls, 100);
	assert_int_equal(i->status[0].status == 200 ? i->status[0].calls : i->status[1].calls, 75);
	assert_int_equal(i->with_credentials, 100);
	assert_int_equal(i->tls, 50);
	assert_int_equal(i->inside, 75); // refused calls say nothing of that
	assert_int_equal(hll_count(i->users, INVENTORY_USERS), 7);
	assert_int_equal(inventory_api(i), API_GRAPHQL);
	assert_int_equal(inventory_exposure(i), EXPOSURE_INTERNAL);
	assert_true(fabs(ddsketch_quantile(&i->wait, i->wait_bins, DDSKETCH_SMALL, 0.5) - 50000) <
		    0.02 * 50000);
	assert_int_equal(i->size.count, 100);
}

static void test_exposure(void **)
{
	networks();
	for (uint64_t e = 1; e <= 4; e++)
		delta_endpoint(delta, 1, e, "h", "GET", "/");
	call_at(1, 1, 200, inside, inside);
	call_at(2, 2, 200, inside, inside);
	call_at(3, 2, 200, outside, inside);
	call_at(4, 3, 200, inside, outside);
	call_at(5, 4, 403, outside, inside); // was not served
	run_epoch(10);
	assert_int_equal(inventory_exposure(facts(1)), EXPOSURE_INTERNAL);
	assert_int_equal(inventory_exposure(facts(2)), EXPOSURE_INTERNET);
	assert_int_equal(inventory_exposure(facts(3)), EXPOSURE_THIRD);
	assert_int_equal(inventory_exposure(facts(4)), EXPOSURE_UNKNOWN);
	assert_string_equal(inventory_exposure_name(EXPOSURE_THIRD), "third-party");
}

// A scanner's paths are no endpoints, but a finding about one can be told.
static void test_missing(void **)
{
	for (uint64_t e = 100; e < 100 + 2 * KNOWN_MISSING; e++) {
		delta_endpoint(delta, e, e, "h", "GET", "/x");
		delta->names[delta->n_names - 1].missing = true;
		delta_add(delta, e, 1, e, 404);
		if (delta->n_names >= 1000)
			run_epoch(e);
	}
	run_epoch(99999);
	assert_int_equal(merger_endpoints(merger), 0);
	assert_int_equal(merger->known.missing_map.n, KNOWN_MISSING);
	assert_null(merger_target(merger, 100));
	assert_string_equal(merger_target(merger, 100 + 2 * KNOWN_MISSING - 1)->template, "/x");
	// The first call that is not answered so makes it one, from then on.
	delta_endpoint(delta, 200000, 100 + 2 * KNOWN_MISSING - 1, "h", "GET", "/x");
	delta_add(delta, 199999, 1, 100 + 2 * KNOWN_MISSING - 1, 404);
	delta_add(delta, 200000, 1, 100 + 2 * KNOWN_MISSING - 1, 200);
	delta_add(delta, 200001, 1, 100 + 2 * KNOWN_MISSING - 1, 404);
	run_epoch(200002);
	assert_int_equal(merger_endpoints(merger), 1);
	assert_int_equal(merger_endpoint_at(merger, 0)->calls, 2);
	assert_int_equal(merger_endpoint_at(merger, 0)->first_ns, 200000);
}

static void test_types(void **)
{
	struct delta_type types[] = {
		{.endpoint = 5, .type = 3, .dir = SERVER},
		{.endpoint = 5, .type = 70, .dir = CLIENT},
		{.endpoint = 5, .type = 64 * INVENTORY_TYPES, .dir = CLIENT}, // beyond the bits
		{.endpoint = 6, .type = 3, .dir = SERVER},                    // nobody knows it
	};

	delta_endpoint(delta, 1, 5, "h", "GET", "/");
	call_at(1, 5, 200, inside, inside);
	delta->types = types;
	delta->n_types = 4;
	run_epoch(2);
	delta->types = NULL;
	delta->n_types = 0;
	assert_int_equal(facts(5)->types[SERVER][0], 1 << 3);
	assert_int_equal(facts(5)->types[CLIENT][1], 1 << 6);
	assert_int_equal(facts(5)->types[CLIENT][0] | facts(5)->types[CLIENT][3], 0);
}

// Two parts joined are the whole.
static void test_join(void **)
{
	struct inventory_endpoint *sum;

	networks();
	for (uint64_t e = 1; e <= 3; e++)
		delta_endpoint(delta, 1, e, "h", "GET", "/");
	for (uint64_t t = 1; t <= 60; t++) {
		call_at(t, 1, t % 3 ? 200 : 500, t % 5 ? inside : outside, inside);
		call_at(t, 2 + t % 2, t % 3 ? 200 : 500, t % 5 ? inside : outside, inside);
	}
	run_epoch(100);
	sum = known_endpoint(&merger->known, 2)->inventory;
	inventory_join(sum, facts(3));
	assert_memory_equal(sum->users, facts(1)->users, sizeof(sum->users));
	assert_memory_equal(sum->wait_bins, facts(1)->wait_bins, sizeof(sum->wait_bins));
	assert_int_equal(sum->outside, facts(1)->outside);
	for (uint32_t k = 0; k < INVENTORY_STATUSES; k++) {
		for (uint32_t j = 0; j < INVENTORY_STATUSES; j++) {
			if (sum->status[k].calls &&
			    facts(1)->status[j].status == sum->status[k].status)
				assert_int_equal(sum->status[k].calls, facts(1)->status[j].calls);
		}
	}
}

static void test_networks(void **)
{
	const char *wrong[] = {"10.0.0.0/33"};
	struct inventory_options o = {.internal = {wrong, 1}};
	struct inventory inv;
	char why[256] = "";

	assert_int_equal(inventory_init(&inv, &o, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "inventory.internal"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_facts), TEST(test_exposure), TEST(test_missing),
		TEST(test_types), TEST(test_join),     TEST(test_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
