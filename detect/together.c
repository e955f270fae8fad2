// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See together.h.

#include "detect/together.h"

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/text.h"

#include <math.h>

static bool abroad(const struct location *a, const struct location *b)
{
	return a->country[0] && b->country[0] && memcmp(a->country, b->country, 2) != 0;
}

bool together_differs(const struct together *t)
{
	const struct together_use *a = &t->home, *b = &t->other;

	return (a->program && b->program && a->program != b->program) ||
	       (a->ja4 && b->ja4 && a->ja4 != b->ja4);
}

// ---- Use

static void place_add(struct together *t, uint64_t place)
{
	for (uint32_t i = 0; i < t->n_places; i++) {
		if (t->place[i] == place)
			return;
	}
	if (t->n_places < TOGETHER_PLACES)
		t->place[t->n_places++] = place;
}

static void turn(struct together *t, uint64_t time_ns, uint64_t window_ns)
{
	if (t->turns && time_ns >= t->turn_ns + window_ns)
		t->turns = 0;
	if (t->turns == 0)
		t->turn_ns = time_ns;
	t->turns += t->turns < UINT32_MAX;
}

static void other_begin(struct together *t, const struct together_use *use, uint32_t min_calls,
			bool usual)
{
	// A call of the same moment took no time at all: a second is what is certain.
	double hours = use->time_ns > t->home.time_ns
			       ? (double)(use->time_ns - t->home.time_ns) / 3600e9
			       : 0;

	t->other = *use;
	t->turns = 0;
	t->old = t->calls >= min_calls && !usual;
	t->km = (float)geo_apart_km(&t->home.where.point, &use->where.point);
	t->kmh = t->km / (float)fmax(hours, 1 / 3600.0);
}

void together_call(struct together *t, const struct together_use *use,
		   const struct together_limits *limits, bool usual)
{
	place_add(t, use->place);
	if (t->home.place == 0 || use->place == t->home.place) {
		if (t->at_other && t->other.place)
			turn(t, use->time_ns, limits->window_ns);
		t->home = *use;
		t->at_other = false;
		t->calls += t->calls < UINT32_MAX;
		return;
	}
	if (use->place == t->other.place && use->time_ns >= t->home.time_ns + limits->window_ns) {
		// Nobody is at home any more: it moved, and must grow old first where it is now.
		t->home = *use;
		t->other.place = 0;
		t->calls = 1;
		t->turns = 0;
		t->at_other = false;
		return;
	}
	if (use->place == t->other.place) {
		if (!t->at_other)
			turn(t, use->time_ns, limits->window_ns);
		t->other = *use;
	} else if (t->other.place == 0 || use->time_ns >= t->other.time_ns + limits->window_ns) {
		other_begin(t, use, limits->min_calls, usual);
		turn(t, use->time_ns, limits->window_ns);
	} else {
		return; // a third place, while there are two
	}
	t->at_other = true;
}

uint32_t together_judge(const struct together *t, const struct together_limits *limits, bool user)
{
	const struct location *a = &t->home.where, *b = &t->other.where;
	bool far = t->other.place && location_far(a, b), differs = together_differs(t);
	bool sure = (a->asn && b->asn) || abroad(a, b);
	uint32_t seen = 0;

	if (!far || !t->at_other || !t->old || t->n_places > limits->max_places)
		return 0;
	// Without a file, two networks may be one operator's: then the programs must differ.
	if ((sure || differs) &&
	    t->turns >= (user && !differs && !abroad(a, b) ? limits->turns_user : limits->turns))
		seen |= TOGETHER_TURNS;
	// Who turns on a tunnel is not at home any more. Who is at both ends is two.
	if (t->km >= (float)limits->travel_km && t->kmh > (float)limits->travel_kmh &&
	    (!user || t->turns > 2))
		seen |= TOGETHER_TRAVEL;
	return seen;
}

// ---- Texts

void together_place_text(const uint8_t addr[16], const char *country, uint32_t asn, char *out,
			 size_t size)
{
	char text[64];
	size_t n = (size_t)draft_text(out, size, "%s", source_text(addr, 0, text));

	if (country[0] && n < size)
		n += (size_t)draft_text(out + n, size - n, " (%s%s", country, asn ? "" : ")");
	if (asn && n < size)
		draft_text(out + n, size - n, "%sAS%u)", country[0] ? ", " : " (", asn);
}

static void term(struct issue_draft *draft, const char *name, int points)
{
	draft->terms[draft->n_terms++] = (struct issue_term){name, points};
	draft->confidence += (uint32_t)points;
}

void together_draft(const struct together *t, const struct together_limits *limits, uint32_t seen,
		    const char *who, struct issue_draft *draft)
{
	const struct location *a = &t->home.where, *b = &t->other.where;
	bool turns = seen & TOGETHER_TURNS, travel = seen & TOGETHER_TRAVEL;
	char home[96], other[96], calls[32], km[32], kmh[32], far[160] = "", taken[96] = "";

	if (turns)
		term(draft, "used in two networks in turn, within minutes", 40);
	if (travel)
		term(draft, "used in two places too far apart for the time between", 40);
	if (together_differs(t))
		term(draft, "by two programs", 20);
	if (abroad(a, b))
		term(draft, "in two countries", 10);
	term(draft, "one of the places is new to it", 5);
	draft->metric = (struct issue_metric){
		.present = true,
		.name = turns ? "turns_between_places" : "travel_speed",
		.unit = turns ? "times" : "km/h",
		.window = "use",
		.value = turns ? t->turns : (double)t->kmh,
		.baseline_mean = turns ? 0 : limits->travel_kmh,
		.percentile = (double)NAN,
	};
	together_place_text(t->home.addr, a->country, a->asn, home, sizeof(home));
	together_place_text(t->other.addr, b->country, b->asn, other, sizeof(other));
	if (travel)
		draft_text(far, sizeof(far),
			   " They are at least %s km apart: to get there in the time between takes "
			   "%s km/h.",
			   text_count(km, (uint64_t)t->km), text_count(kmh, (uint64_t)t->kmh));
	if (t->turns > 1)
		draft_text(taken, sizeof(taken),
			   " Use changed between the two %u times within %u s.", t->turns,
			   (uint32_t)(limits->window_ns / UINT64_C(1000000000)));
	draft_text(
		draft->description, sizeof(draft->description),
		"The credential of %s was used with success from %s and from %s%s, where it was "
		"never used before; %s calls had come from the first, and %u network%s in all are "
		"known.%s%s%s",
		who, home, other, together_differs(t) ? " by another program" : "",
		text_count(calls, t->calls), t->n_places, t->n_places == 1 ? "" : "s", taken, far,
		t->turns > 1 ? " Two hold the credential." : "");
}
