// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the files of service tokens share: the last look at a token, and the row that registers one.

#pragma once

#include "detect/check.h"
#include "detect/issue.h"

// A token whose bytes behind its prefix vary enough and are not the placeholder of a manual.
static inline struct span token_accept(struct span v, uint32_t head, uint32_t entropy)
{
	struct span tail;

	if (v.len <= head)
		return (struct span){0};
	tail = span_make(v.p + head, v.len - head);
	if (check_entropy(tail) < entropy || check_holds(tail, "xxxx") ||
	    check_holds(tail, "example") || check_holds(tail, "your"))
		return (struct span){0};
	return v;
}

// back: bytes of the prefix, which c->at stands behind. What follows is of the classes and goes on
// for min to max bytes.
static inline struct span token_whole(const struct candidate *c, uint32_t back, uint8_t classes,
				      uint32_t min, uint32_t max, uint32_t entropy)
{
	return token_accept(check_token(c, back, classes, min, max), back, entropy);
}

// sym##_samples, check_##sym and a list `context` are expected.
#define TOKEN(sym, name, what, weight, anchor)                                                     \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = GROUP_SECRET,                                                             \
		.country = "any",                                                                  \
		.reports = REPORTS_YES,                                                            \
		.severity = weight,                                                                \
		.personal = false,                                                                 \
		.context = context,                                                                \
		.pattern = anchor,                                                                 \
		.check = check_##sym,                                                              \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

// For samples, which are cut in two so that no tool takes these files for a leak.
#define T20 "q7T4zK2wMx5RvB3nLd8Y"
#define T36 T20 "p0Hs6Gf1Jc9UaEeW"
#define H32 "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9"
