// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The domain of a parameter: what its values were in the calls that a server accepted, in fixed
// memory, and how a further value differs from them. No value is kept: classes, lengths, numbers'
// bounds and up to 32 hashes. Merger's thread; no state of its own.

#pragma once

#include "detect/blob.h"
#include "detect/exchange.h"
#include "detect/hll.h"

enum {
	DOMAIN_VALUES = 32,  // of an enumeration, at most
	DOMAIN_LENGTHS = 34, // bins: two for each power of two
	DOMAIN_P = 6,        // of the users' HyperLogLog: off by 13 %
};

// How a value differs.
enum domain_odd {
	ODD_CLASS = 0, // another kind of value: a text instead of a number
	ODD_NEGATIVE,  // none was below zero
	ODD_ZERO,      // none was zero
	ODD_LARGE,     // ten times the largest number, or more
	ODD_SMALL,     // a tenth of the smallest number, or less
	ODD_VALUE,     // not one of the few values that there are
	ODD_LENGTH,    // four times as long as 99.9 % of them, or more
	ODD_REPEATED,  // twice in one query, with different values
	ODD_OTHER_ID,  // not the identifier that the path has
	ODD_KINDS,
};

struct domain {
	uint64_t endpoint;
	uint64_t last, last_value; // order and hash of the newest
	double min, max;           // of numbers
	uint32_t n;                // values
	uint32_t repeated;         // calls that had it twice with different values
	uint32_t n_values;         // hashes in value; more than there is room for: no enumeration
	uint32_t numbers, negatives, zeros;
	bool known; // enough calls and users
	uint8_t users[1 << DOMAIN_P];
	uint32_t class[PARAM_CLASSES];
	uint32_t length[DOMAIN_LENGTHS];
	uint32_t value[DOMAIN_VALUES], count[DOMAIN_VALUES];
};

// Adds a value of an accepted call.
void domain_teach(struct domain *d, const struct call_param *p, uint64_t user);
// A bit per enum domain_odd but for REPEATED and OTHER_ID, which no value shows by itself.
uint32_t domain_judge(const struct domain *d, const struct call_param *p);
// 99.9 % of the values are at most so long.
uint32_t domain_length(const struct domain *d);
// What most of the values are: "whole numbers", "words".
const char *domain_class_text(const struct domain *d);
// One value of a class: "a whole number".
const char *domain_value_text(uint32_t class);
// One domain with its id, as a part of a blob, and back. Of what cannot be read the id is 0.
void domain_put(FILE *out, uint64_t id, const struct domain *d);
uint64_t domain_get(struct blob_reader *r, struct domain *d);
