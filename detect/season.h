// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How much is usual at this hour: mean and mean absolute deviation of the counts of windows of
// time, for each hour of the day (UTC, by the packets' clock), weekdays and weekends apart. All
// windows of one season are equally long and divide an hour; those without a call count too, as 0.
//
// Each slot is a plain mean until ten of its days were seen, then one that forgets with the weight
// of ten days. A count far from the mean is drawn in to REACH spreads before it counts, so that
// one window never moves the mean by more than its weight times that; a level that really changed
// widens the spread with each window and is soon reached. For the first windows the reach is at
// least twice the mean upwards and unlimited downwards: what was counted first may be the odd one.
//
// XXX: the first window of a slot is believed whatever it is. Judge only where samples and days say
// that there is something to judge from. Merger's thread; what is kept depends on the order of
// windows, which is that of time.

#pragma once

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	SEASON_HOURS = 24,
	SEASON_SLOTS = 2 * SEASON_HOURS, // weekdays, then weekends
	SEASON_DAYS = 10,                // of memory
	SEASON_REACH = 4, // spreads; 3.2 standard deviations of a normal distribution
	SEASON_FIRST = 8, // windows of which the mean is not believed yet
};

struct season_slot {
	float mean, deviation;
	uint32_t samples; // windows
	uint16_t days;
	uint16_t last_day; // number of the newest, modulo 65,536
};
static_assert(sizeof(struct season_slot) == 16, "stands in tables");

struct season {
	struct season_slot slot[SEASON_SLOTS];
};

static inline uint32_t season_slot_of(uint64_t time_ns)
{
	uint64_t hours = time_ns / UINT64_C(3600000000000);
	uint32_t weekday = (uint32_t)((hours / 24 + 3) % 7); // 1970-01-01 was a Thursday; 0: Monday

	return (weekday >= 5 ? SEASON_HOURS : 0) + (uint32_t)(hours % 24);
}

// What is taken for the spread at least: by chance alone, counts spread by about the root of their
// mean.
static inline double season_spread(const struct season_slot *s)
{
	return fmax(s->deviation, sqrt(s->mean + 1));
}

// A window that begins at this time had so many.
static inline void season_add(struct season *season, uint64_t time_ns, uint64_t count)
{
	struct season_slot *s = &season->slot[season_slot_of(time_ns)];
	uint16_t day = (uint16_t)(time_ns / UINT64_C(86400000000000));
	double value = (double)count, reach = SEASON_REACH * season_spread(s), weight;
	bool early = s->samples < SEASON_FIRST;

	if (s->samples == 0) {
		*s = (struct season_slot){(float)value, 0, 1, 1, day};
		return;
	}
	value = fmin(value, s->mean + (early ? fmax(reach, 2.0 * s->mean) : reach));
	if (!early)
		value = fmax(value, s->mean - reach);
	// Windows of a day that is over may come late; they make no new day.
	if (s->last_day != day && (uint16_t)(day - s->last_day) < UINT16_MAX / 2) {
		s->days = (uint16_t)(s->days + (s->days < UINT16_MAX));
		s->last_day = day;
	}
	s->samples += s->samples < UINT32_MAX;
	weight = fmax(1.0 / s->samples, (double)s->days / s->samples / SEASON_DAYS);
	// From the mean as it was: else the deviation of the second window would be halved.
	s->deviation += (float)(weight * (fabs(value - s->mean) - s->deviation));
	s->mean += (float)(weight * (value - s->mean));
}

// What a window at this time is likely to have, from how many windows that is known, and its mean
// absolute deviation (0.8 standard deviations of a normal distribution). False: nothing is known.
static inline bool season_expect(const struct season *season, uint64_t time_ns, double *mean,
				 double *spread, uint32_t *samples)
{
	const struct season_slot *s = &season->slot[season_slot_of(time_ns)];

	*mean = s->mean;
	*spread = s->deviation;
	*samples = s->samples;
	return s->samples > 0;
}

// Days of this hour that were seen.
static inline uint32_t season_days(const struct season *season, uint64_t time_ns)
{
	return season->slot[season_slot_of(time_ns)].days;
}
