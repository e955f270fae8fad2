// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A count over the last N seconds, in K buckets of the caller's, zeroed. Time is cut into buckets
// of N / K seconds by the packets' clock, so that all counts of one shape are cut alike; a total
// covers the bucket that its time lies in and the K - 1 before it, so between N - N / K and N
// seconds. Time may go back by up to a window: what is late counts where it belongs.

#pragma once

#include <stdbool.h>
#include <stdint.h>

struct window_shape {
	uint64_t bucket_ns; // N / K
	uint32_t n;         // K
};

struct window_count {
	uint64_t newest; // the number of the bucket that is the latest, and 1; 0: none yet
};

static inline uint64_t window_number(const struct window_shape *shape, uint64_t time_ns)
{
	return time_ns / shape->bucket_ns + 1;
}

static inline void window_advance(const struct window_shape *shape, struct window_count *w,
				  uint32_t *bucket, uint64_t number)
{
	uint64_t from = w->newest + 1;

	if (number <= w->newest)
		return;
	if (number - w->newest > shape->n)
		from = number - shape->n + 1;
	for (uint64_t i = from; i <= number; i++)
		bucket[i % shape->n] = 0;
	w->newest = number;
}

static inline void window_bucket_add(uint32_t *bucket, uint32_t count)
{
	*bucket = count < UINT32_MAX - *bucket ? *bucket + count : UINT32_MAX;
}

// False: this time has left the window, nothing was counted.
static inline bool window_add(const struct window_shape *shape, struct window_count *w, uint32_t *bucket,
			      uint64_t time_ns, uint32_t count)
{
	uint64_t number = window_number(shape, time_ns);

	if (w->newest >= number + shape->n)
		return false;
	window_advance(shape, w, bucket, number);
	window_bucket_add(&bucket[number % shape->n], count);
	return true;
}

// What the window that ends with this time's bucket holds. Of a window in the past, only what the
// present one shares with it.
static inline uint64_t window_total(const struct window_shape *shape, const struct window_count *w,
				    const uint32_t *bucket, uint64_t time_ns)
{
	uint64_t last = window_number(shape, time_ns), total = 0;

	for (uint32_t i = 0; i < shape->n && i < w->newest; i++) {
		uint64_t number = w->newest - i;

		if (number <= last && last - number < shape->n)
			total += bucket[number % shape->n];
	}
	return total;
}

// Windows of one shape; the order of merges does not matter.
static inline void window_merge(const struct window_shape *shape, struct window_count *w,
				uint32_t *bucket, const struct window_count *other,
				const uint32_t *other_bucket)
{
	window_advance(shape, w, bucket, other->newest);
	for (uint32_t i = 0; i < shape->n && i < other->newest; i++) {
		uint64_t number = other->newest - i;

		if (w->newest - number < shape->n)
			window_bucket_add(&bucket[number % shape->n],
					  other_bucket[number % shape->n]);
	}
}
