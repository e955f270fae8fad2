// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What is usual at an hour: the slots against the calendar, means and deviations against those
// that the counts were made with, odd windows, levels that change.

#include "detect/season.h"
#include "tests/unit/sketch_fixture.h"

#include <time.h>

static const uint64_t second = 1000000000, day = UINT64_C(86400) * 1000000000;
static const uint64_t monday = UINT64_C(1767571200) * 1000000000; // 2026-01-05

static void test_slots(void **)
{
	uint64_t seed = 1;

	assert_int_equal(season_slot_of(monday), 0);
	assert_int_equal(season_slot_of(monday - 1), 47);
	assert_int_equal(season_slot_of(monday + 5 * day), 24);
	for (uint32_t i = 0; i < 10000; i++) {
		uint64_t at = random_next(&seed) % (200 * 365 * 86400ull / 2);
		time_t seconds = (time_t)at;
		struct tm tm;
		uint32_t want;

		gmtime_r(&seconds, &tm);
		want = (uint32_t)tm.tm_hour + (tm.tm_wday == 0 || tm.tm_wday == 6 ? 24 : 0);
		assert_int_equal(season_slot_of(at * second), want);
	}
}

static double usual(uint64_t time)
{
	uint32_t slot = season_slot_of(time);

	return slot < 24 ? 400 + 300 * sin(slot) : 50 + slot;
}

// Six weeks of minutes with chance around what is usual.
static void fill(struct season *s, uint64_t *seed)
{
	for (uint64_t time = monday; time < monday + 42 * day; time += 60 * second) {
		double value = usual(time) + sqrt(usual(time)) * random_normal(seed);

		season_add(s, time, (uint64_t)fmax(0, value + 0.5));
	}
}

static void test_means(void **)
{
	struct season s = {0};
	uint64_t seed = 2;
	double worst = 0, spread_worst = 0;

	fill(&s, &seed);
	for (uint64_t time = monday; time < monday + 7 * day; time += 3600 * second) {
		double mean, spread, sd = sqrt(usual(time));
		uint32_t samples;

		assert_true(season_expect(&s, time, &mean, &spread, &samples));
		assert_int_equal(season_days(&s, time), season_slot_of(time) < 24 ? 30 : 12);
		assert_int_equal(samples, 60 * season_days(&s, time));
		worst = fmax(worst, fabs(mean - usual(time)) / sd);
		spread_worst = fmax(spread_worst, fabs(spread / (0.798 * sd) - 1));
	}
	print_message("means off by at most %.3f standard deviations, spreads by %.1f %%\n", worst,
		      100 * spread_worst);
	assert_true(worst < 0.2 && spread_worst < 0.15);
}

static void test_unknown(void **)
{
	struct season s = {0};
	double mean, spread;
	uint32_t samples;

	assert_false(season_expect(&s, monday, &mean, &spread, &samples));
	assert_int_equal(season_days(&s, monday), 0);
	season_add(&s, monday, 7);
	assert_true(season_expect(&s, monday, &mean, &spread, &samples));
	assert_true(mean == 7 && samples == 1 && season_days(&s, monday) == 1);
	assert_false(season_expect(&s, monday + 3600 * second, &mean, &spread, &samples));
	assert_true(season_expect(&s, monday + 4 * day, &mean, &spread, &samples));
	season_add(&s, monday + day, 7);
	season_add(&s, monday + 60 * second, 7); // late: no new day
	assert_int_equal(season_days(&s, monday), 2);
}

// One window, however odd, moves the mean by at most its weight times the reach, at any time.
static void test_odd(void **)
{
	for (uint32_t n = 1; n < 3000; n += n < 100 ? 1 : 211) {
		struct season s = {0};
		const struct season_slot *slot = &s.slot[9];
		uint64_t seed = n, time = monday + 9 * 3600 * second;
		double before, reach, weight;

		for (uint32_t i = 0; i < n; i++) {
			uint64_t at = time + i / 60 % 5 * day + i / 300 * 7 * day;

			season_add(&s, at + i % 60 * 60 * second, 90 + random_next(&seed) % 20);
		}
		before = slot->mean;
		reach = SEASON_REACH * season_spread(slot);
		reach = n < SEASON_FIRST ? fmax(reach, 2 * before) : reach;
		weight = fmax(1.0 / (n + 1), 1.0 / 60 / SEASON_DAYS);
		season_add(&s, time + 3 * day, UINT64_MAX);
		assert_true(slot->mean >= before);
		assert_true(slot->mean - before <= 1.7 * weight * reach);
		assert_true(n < 60 || slot->mean - before < 1);
		if (n < SEASON_FIRST)
			continue;
		before = slot->mean;
		reach = SEASON_REACH * season_spread(slot);
		season_add(&s, time + 3 * day, 0);
		assert_true(slot->mean < before);
		assert_true(before - slot->mean <= 1.7 * weight * reach);
	}
}

static double after(double first, double level, uint32_t windows)
{
	struct season s = {0};

	season_add(&s, monday, (uint64_t)first);
	for (uint32_t i = 1; i < windows; i++)
		season_add(&s, monday + i / 60 * 7 * day + i % 60 * 60 * second, (uint64_t)level);
	return s.slot[0].mean;
}

// A first window that was the odd one is outweighed; a new level is reached.
static void test_levels(void **)
{
	struct season s = {0};

	assert_true(fabs(after(0, 1000, 300) - 1000) < 200);
	assert_true(after(100000, 10, 60) < 100000 / 50);
	assert_true(fabs(after(100000, 10, 60 * 40) - 10) < 100);
	for (uint32_t i = 0; i < 60 * 60; i++) {
		uint64_t time = monday + i / 60 * 7 * day + i % 60 * 60 * second;

		season_add(&s, time, i < 60 * 20 ? 100 : 5000);
	}
	print_message("from 100 to 5,000: %.0f after 40 days\n", s.slot[0].mean);
	assert_true(s.slot[0].mean > 4500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),   cmocka_unit_test(test_means),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_odd),
		cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
