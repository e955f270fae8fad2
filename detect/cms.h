// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Count-min: how often each of many values came, in 16 KB (Graham Cormode, S. Muthukrishnan: "An
// improved data stream summary: the count-min sketch and its applications", 2005). An estimate is
// never below the true count while nothing is halved; of all values, 98.2 % (1 - e^-4) are
// estimated at most 0.27 % (e / 1,024) of the sum of all counts too high.
//
// Every cell is added to, also where only the lowest would have to be: only then are sketches of
// parts added up the sketch of the whole, in any order. Cells that are full stay full.

#pragma once

#include <stdint.h>

enum {
	CMS_ROWS = 4,
	CMS_COLUMNS = 1024,
	CMS_BITS = 10, // of the hash for each row; a row takes its own
};

struct cms {
	uint32_t cell[CMS_ROWS][CMS_COLUMNS];
};

static inline uint32_t cms_column(uint64_t hash, uint32_t row)
{
	return hash >> (64 - CMS_BITS * (row + 1)) & (CMS_COLUMNS - 1);
}

static inline uint32_t cms_sum(uint32_t a, uint32_t b)
{
	return b < UINT32_MAX - a ? a + b : UINT32_MAX;
}

// The hash must be keyed: then nobody can make values meet in all rows.
static inline void cms_add(struct cms *s, uint64_t hash, uint32_t count)
{
	for (uint32_t row = 0; row < CMS_ROWS; row++) {
		uint32_t *cell = &s->cell[row][cms_column(hash, row)];

		*cell = cms_sum(*cell, count);
	}
}

static inline uint32_t cms_estimate(const struct cms *s, uint64_t hash)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t row = 0; row < CMS_ROWS; row++) {
		uint32_t cell = s->cell[row][cms_column(hash, row)];

		least = least < cell ? least : cell;
	}
	return least;
}

static inline void cms_merge(struct cms *into, const struct cms *other)
{
	for (uint32_t row = 0; row < CMS_ROWS; row++) {
		for (uint32_t i = 0; i < CMS_COLUMNS; i++)
			into->cell[row][i] = cms_sum(into->cell[row][i], other->cell[row][i]);
	}
}

// What was counted so far counts half from now on. For merged sketches: halved parts lose their
// odd ones.
static inline void cms_halve(struct cms *s)
{
	for (uint32_t row = 0; row < CMS_ROWS; row++) {
		for (uint32_t i = 0; i < CMS_COLUMNS; i++)
			s->cell[row][i] /= 2;
	}
}
