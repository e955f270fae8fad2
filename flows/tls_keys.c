// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The workers' half of the table of secrets: a search in a sorted array that never changes.

#include "flows/tls_keys.h"

const struct tls_secret *tls_keys_find(const struct tls_keys *keys, const uint8_t random[32],
				       enum tls_label label)
{
	uint32_t low = 0, high = keys ? keys->n : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct tls_secret *row = &keys->rows[middle];
		int order = memcmp(row->random, random, sizeof(row->random));

		if (order == 0)
			order = (int)row->label - (int)label;
		if (order == 0)
			return row;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
