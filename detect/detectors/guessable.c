// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-77: the identifiers of an endpoint's objects follow each other, so that whoever has one can
// guess the others. Looked at is a stretch of a thousand numbers around one that was used: where
// objects are numbered one after the other it fills, where numbers are drawn at random it does not.
// Objects that are everybody's may be numbered as they like.

#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/foreign.h"
#include "detect/record.h"
#include "detect/text.h"

#include <math.h>
#include <string.h>

enum {
	STRETCH = 1024,
	WORDS = STRETCH / 64,
	PATIENCE = 512,
	SMALL_GAP = 8,
	GAPS_SHARE = 60,
	DUE = 64,
	EVERY = 8
};

struct guessable_options {
	bool enabled;
	uint32_t min_ids;
};

struct guessable_endpoint {
	uint64_t field;      // of the parameter that is looked at; 0: none yet
	double begin;        // the first number of the stretch
	uint32_t n;          // different numbers in it
	uint32_t in, beside; // uses within and beside it, since it was chosen
	uint32_t uses;
	uint32_t known, shared; // of them, of objects seen before, and had by others as well
	bool told;
	uint64_t bit[WORDS];
};

// Endpoints to tell of at the end of the epoch: nobody in particular did it.
struct guessable {
	uint32_t n;
	uint64_t endpoint[DUE], time_ns[DUE];
};

#define GUESSABLE_ROW(field, kind, ...)                                                            \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct guessable_options, field),  \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row guessable_rows[] = {
	GUESSABLE_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	GUESSABLE_ROW(min_ids, CONF_U32, .min = 10, .max = STRETCH, .def = "50", .unit = "ids",
		      .help = "Different ids among a thousand numbers in a row"),
};
static const struct conf_section guessable_section = {
	.path = "detect.guessable",
	.help = "D-77: objects whose identifiers can be guessed",
	.size = sizeof(struct guessable_options),
	.rows = guessable_rows,
	.n_rows = sizeof(guessable_rows) / sizeof(guessable_rows[0]),
};
CONF_SECTION(guessable_section);

static void number_add(struct guessable_endpoint *area, double number)
{
	double at = number - area->begin;
	uint32_t i;

	if (at < 0 || at >= STRETCH) {
		area->beside++;
		// Nothing much happens here: perhaps where this one is.
		if (area->beside >= PATIENCE && area->in * 8 < area->beside) {
			area->begin = number - STRETCH / 2;
			area->n = area->in = area->beside = 0;
			memset(area->bit, 0, sizeof(area->bit));
		}
		return;
	}
	area->in++;
	i = (uint32_t)at;
	if (area->bit[i / 64] >> (i % 64) & 1)
		return;
	area->bit[i / 64] |= UINT64_C(1) << (i % 64);
	area->n++;
}

// How many of the gaps between neighbours are small, in percent.
static uint32_t small_gaps(const struct guessable_endpoint *area)
{
	uint32_t last = STRETCH, small = 0, gaps = 0;

	for (uint32_t i = 0; i < STRETCH; i++) {
		if (!(area->bit[i / 64] >> (i % 64) & 1))
			continue;
		if (last < STRETCH) {
			gaps++;
			small += i - last <= SMALL_GAP;
		}
		last = i;
	}
	return gaps ? small * 100 / gaps : 0;
}

// Who else has an object is only known when it is seen again.
static bool is_due(const struct guessable_options *options, const struct guessable_endpoint *area)
{
	return area->n >= options->min_ids && area->known >= 4 * options->min_ids &&
	       area->shared * 20 < area->known && small_gaps(area) >= GAPS_SHARE;
}

static void guessable_raise(const struct detector *self, struct merger *m,
			    struct merged_endpoint *e, const struct guessable_endpoint *area,
			    uint64_t time_ns)
{
	uint32_t small = small_gaps(area);
	struct issue_draft draft = {
		.severity = SEVERITY_LOW,
		.result = RESULT_UNKNOWN,
		.metric =
			{
				.present = true,
				.name = "numbers_in_a_row",
				.unit = "ids",
				.window = "all",
				.value = area->n,
				.percentile = NAN,
			},
	};
	char where[384];

	foreign_term(&draft, "many identifiers within a thousand numbers in a row", 60);
	foreign_term(&draft, "most are no further than eight from the next", small / 4.0);
	endpoint_text(e, where, sizeof(where));
	draft_text(
		draft.description, sizeof(draft.description),
		"The objects of %s are numbered one after the other: %u different identifiers were "
		"used within a stretch of 1,024 numbers, and %u %% of them are at most %u away "
		"from "
		"the next. In %u of %u uses of objects seen before, other users had them, too.",
		where, area->n, small, SMALL_GAP, area->shared, area->known);
	draft_text(
		draft.impact, sizeof(draft.impact),
		"Who knows one identifier knows all of them. It is no hole by itself; but where a "
		"check is missing, everything can be read by counting, and the numbers tell "
		"strangers how many objects there are.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Give objects random identifiers of 122 bits and more (a UUID of version 4) to the "
		"outside, and check the owner on every request all the same.");
	merger_raise(m, self, e->id, NULL, e, time_ns, &draft);
}

static void guessable_evaluate(const struct detector *self, const void *, struct merger *m,
			       void *state, uint64_t, bool)
{
	struct guessable *s = state;

	for (uint32_t i = 0; i < s->n; i++) {
		struct merged_endpoint *e = merger_endpoint(m, s->endpoint[i]);

		if (e)
			guessable_raise(self, m, e, merger_endpoint_area(m, e, self),
					s->time_ns[i]);
	}
	s->n = 0;
}

static void guessable_call(const struct detector *self, const void *opaque, struct merger *m,
			   void *state, const struct call *call)
{
	const struct guessable_options *options = opaque;
	const struct objects *objects = merger_objects(m);
	struct guessable_endpoint *area;
	struct merged_endpoint *e;
	struct guessable *s = state;

	if (!objects_on(objects) || objects->n_views == 0 || !call_ok(call) || objects->suspect)
		return;
	e = merger_endpoint(m, call->endpoint);
	area = e ? merger_endpoint_area(m, e, self) : NULL;
	if (!area || area->told)
		return;
	for (uint32_t i = 0; i < objects->n_views; i++) {
		const struct objects_view *view = &objects->view[i];

		if (view->param->class != PARAM_INT || !(fabs(view->param->number) < 0x1p53) ||
		    (area->field && area->field != view->param->field))
			continue;
		if (!area->field) {
			area->field = view->param->field;
			area->begin = view->param->number - STRETCH / 2;
		}
		area->uses++;
		area->known += view->others > 0 || view->answer == OBJECTS_GIVEN;
		area->shared += view->others > 0;
		number_add(area, view->param->number);
		if (area->uses % EVERY || !is_due(options, area) || s->n == DUE)
			continue;
		area->told = true;
		s->endpoint[s->n] = call->endpoint;
		s->time_ns[s->n++] = call->time_ns;
	}
}

static const struct record_field guessable_fields[] = {
	RECORD_ONE(struct guessable_endpoint, field, 0),
	RECORD_REAL(struct guessable_endpoint, begin),
	RECORD_ONE(struct guessable_endpoint, n, STRETCH),
	RECORD_ONE(struct guessable_endpoint, in, 0),
	RECORD_ONE(struct guessable_endpoint, beside, 0),
	RECORD_ONE(struct guessable_endpoint, uses, 0),
	RECORD_ONE(struct guessable_endpoint, known, 0),
	RECORD_ONE(struct guessable_endpoint, shared, 0),
	RECORD_ONE(struct guessable_endpoint, told, 1),
	RECORD_IDS(struct guessable_endpoint, bit),
};
static const struct record guessable_record =
	RECORD(struct guessable_endpoint, guessable_fields, NULL);
static const struct detector guessable;

static int guessable_save(const void *, const struct merger *m, FILE *out)
{
	return record_put_endpoints(out, &guessable_record, m, &guessable);
}

static int guessable_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != guessable.version};
	int rc = record_get_endpoints(&r, &guessable_record, m, &guessable);

	return rc ? rc : record_end(&r);
}

static const struct detector guessable = {
	.id = "D-77",
	.name = "guessable",
	.title = "Guessable Object Identifiers",
	.module = "Posture",
	.version = 1,
	.owasp = {"API1:2023"},
	.section = &guessable_section,
	.state_size = sizeof(struct guessable),
	.endpoint_size = sizeof(struct guessable_endpoint),
	.call = guessable_call,
	.evaluate = guessable_evaluate,
	.save = guessable_save,
	.load = guessable_load,
};
DETECTOR_REGISTER(guessable);
