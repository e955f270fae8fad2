// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What detection takes at most, whoever sends what: one row for each table, each detector, each
// kind of buffer. Computed from the configuration and from the same sizes that the tables use, so
// that a table that grows here grows there.

#pragma once

#include "conf/conf.h"
#include "detect/detector.h"

#include <stddef.h>
#include <stdint.h>

struct memory_row {
	const char *name, *unit;
	uint64_t n; // of what
	uint64_t bytes;
};

enum { MEMORY_ROWS = DETECTOR_MAX + 24 };

// n_exchanges: open at once per worker (the size of the flow side's tx pool). How many rows.
uint32_t memory_rows(const struct conf *conf, uint32_t n_workers, uint32_t n_exchanges,
		     struct memory_row rows[MEMORY_ROWS]);

// What the allocator takes for a block: sizes come in four steps for each power of two (jemalloc's
// size classes, and no less than others need).
static inline size_t memory_block(size_t size)
{
	size_t step = 16;

	size = size < 16 ? 16 : size;
	while (step * 8 < size)
		step *= 2;
	return (size + step - 1) / step * step;
}

// An array of so many items that doubles when it is full, its old copy included.
static inline size_t memory_array(uint64_t n, size_t size)
{
	uint64_t room = 256;

	while (room < n)
		room *= 2;
	return (room + room / 2) * size;
}

// … of pointers.
static inline size_t memory_list(uint64_t n)
{
	return memory_array(n, sizeof(void *));
}

// An idmap of so many, its old slots included while it grows.
static inline size_t memory_map(uint64_t n)
{
	uint64_t slots = 64;

	while (slots / 3 * 2 < n)
		slots *= 2;
	return (slots + slots / 2) * 16;
}
