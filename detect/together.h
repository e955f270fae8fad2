// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One credential in two places at once. Each has a place where it is used ("home": it moves when
// the use does) and one beside that, if there is one; what is judged is
//
//	turns    home and the other place follow each other, again and again, within minutes
//	travel   the other place is further away than anybody gets in the time between
//
// Places are networks as a whole: autonomous systems where a file tells them, so that a phone's
// and a cloud's many addresses are one. What is used in many places is shared, or moves, and says
// nothing. Only requests that the server answered with success count. Merger's thread; pure
// functions over one fixed struct, but for the texts.

#pragma once

#include "detect/sources.h"

struct issue_draft;

enum { TOGETHER_PLACES = 8 };

struct together_use {
	uint64_t time_ns;
	uint64_t place;   // 0: none
	uint64_t program; // of its User-Agent
	uint64_t ja4;
	uint8_t addr[16];
	struct location where;
};

struct together {
	struct together_use home, other; // the last of each
	uint64_t turn_ns;                // of the first turn that counts
	uint64_t place[TOGETHER_PLACES];
	uint32_t n_places, calls; // calls: at home, since it is that
	uint32_t turns;
	float km, kmh; // between the two, when the other one came up
	bool at_other; // the last call
	bool old;      // home was old enough then, and the other place was new
};

struct together_limits {
	uint64_t window_ns;
	uint32_t min_calls, max_places, turns, turns_user, travel_km, travel_kmh;
};

enum {
	TOGETHER_TURNS = 1,
	TOGETHER_TRAVEL = 2,
};

// A successful call; usual: the credential is known to be used in that place.
void together_call(struct together *t, const struct together_use *use,
		   const struct together_limits *limits, bool usual);
// What the last call shows when it came from the other place: bits. user: somebody signed in by it,
// who may carry a phone from one network to the next and turn on a tunnel.
uint32_t together_judge(const struct together *t, const struct together_limits *limits, bool user);
// Are both known to use different programs?
bool together_differs(const struct together *t);
// Merger: terms, metric and the sentence about what was seen. who: whose credential.
void together_draft(const struct together *t, const struct together_limits *limits, uint32_t seen,
		    const char *who, struct issue_draft *draft);
// "203.0.113.90 (JP, AS64501)".
void together_place_text(const uint8_t addr[16], const char *country, uint32_t asn, char *out,
			 size_t size);
