// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Are the words in one place of a path names of the API, or values of a parameter? Judged from what
// is known of the endpoints behind each of them; a pure function that knows no tables.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	TEMPLATE_FEATURES = 32, // of each word; those with the smallest hashes
	TEMPLATE_SMALL = 2,     // calls of what was hardly called
};

// A word, and what lies behind it. Features are hashes of what follows the word (bit 0 clear) and
// of fields of its responses and request bodies there (bit 0 set).
struct template_child {
	struct span word;
	uint32_t first, last;  // of the caller: which endpoints; last is behind them
	uint32_t n_endpoints;
	uint64_t calls;        // of one of them, in the mean, rounded up
	bool proven;           // something was served (2xx, 3xx)
	bool shown;            // … with a body that would show fields (2xx)
	bool leaf;             // nothing follows it
	bool list;             // an identifier follows at once: it names a collection
	uint32_t n_features, n_fields; // fields: among the features
	uint64_t feature[TEMPLATE_FEATURES]; // sorted
	bool like, fold;       // judge: agrees with most; is a value
};

struct template_rule {
	uint32_t min_children, max_calls;
	bool root; // the first segment of a path
	bool seen; // another method has a parameter in the same place
};

// Adds a feature; the smallest remain.
void template_feature(struct template_child *child, uint64_t hash, bool field);
// Of fewer words none is ever a value.
uint32_t template_least(const struct template_rule *rule);
// The children are all words of one place with one ending. Sets their .fold; returns how many.
uint32_t template_judge(struct template_child *children, uint32_t n,
			const struct template_rule *rule);
