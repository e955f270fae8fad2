// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-01: a user tries one identifier after the other. Counted are the different ones that were never
// given to it, per parameter within ten minutes; those of its own list, and what everybody may
// have, are none. The limit is three times what all but one of a thousand other users do; where
// there are too few users to say so, it is a hundred at least.
//
//	pairs[principal, parameter]  the window: up to 12 identifiers, then in
//	many[principal, parameter]   a set of any size, of a few pairs at once
//	area of the endpoint         how many windows came how far, and how many users there are
//
// A window moves up in the endpoint's histogram with each identifier, so that nothing has to be
// counted when it ends; whoever an issue is about is taken out.

#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/few.h"
#include "detect/foreign.h"
#include "detect/principal.h"
#include "detect/record.h"
#include "detect/text.h"

#include <math.h>

enum {
	WINDOW_S = 600,
	FIRST = 12,
	REACHES = 40,
	USERS_P = 7,
	FEW_GAPS = 8,
	FEW_USES = 100,
	EXCEPTIONS = 2,
};

struct enumeration_options {
	bool enabled;
	uint32_t min_ids, min_users, limit, max_pairs, max_many;
	double factor;
};

struct pair {
	uint32_t begin_s;
	uint32_t n;                  // different identifiers
	uint32_t ok, refused, owned; // of them: answered, refused, known to be another's
	uint32_t told;
	uint16_t gaps, small; // between one number and the next
	bool out;             // not in the histogram any more
	double last;
	uint32_t id[FIRST];
};

struct enumeration_endpoint {
	uint32_t reached[REACHES]; // windows by how far they came
	uint8_t users[1 << USERS_P];
};

struct enumeration {
	struct lru pairs, many;
};

#define ENUMERATION_ROW(field, kind, ...)                                                          \
	{                                                                                          \
		.key = #field, .type = kind,                                                       \
		.offset = offsetof(struct enumeration_options, field), __VA_ARGS__                 \
	}
static const struct conf_row enumeration_rows[] = {
	ENUMERATION_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	ENUMERATION_ROW(min_ids, CONF_U32, .min = 2, .max = 1e6, .def = "20", .unit = "ids",
			.help = "Different ids within ten minutes, never given to the user, up to "
				"which nobody is suspicious"),
	ENUMERATION_ROW(factor, CONF_F64, .min = 1, .max = 1000, .def = "3.0", .unit = "x",
			.help = "How many times more than 99.9 % of the other users"),
	ENUMERATION_ROW(min_users, CONF_U32, .min = 2, .max = 1e6, .def = "200", .unit = "users",
			.help = "Users of the endpoint below which they are not compared"),
	ENUMERATION_ROW(limit, CONF_U32, .min = 2, .max = 1e6, .def = "100", .unit = "ids",
			.help = "The least limit where there are fewer users"),
	ENUMERATION_ROW(max_pairs, CONF_U32, .min = 64, .max = 1 << 24, .def = "200000",
			.unit = "pairs",
			.help = "Users, at one parameter each, that are counted at once"),
	ENUMERATION_ROW(max_many, CONF_U32, .min = 64, .max = 1 << 24, .def = "20000",
			.unit = "pairs", .help = "… with more than 12 such ids"),
};
static const struct conf_section enumeration_section = {
	.path = "detect.enumeration",
	.help = "D-01: users who try one identifier after the other",
	.size = sizeof(struct enumeration_options),
	.rows = enumeration_rows,
	.n_rows = sizeof(enumeration_rows) / sizeof(enumeration_rows[0]),
};
CONF_SECTION(enumeration_section);

static int enumeration_init(void *state, const void *opaque)
{
	const struct enumeration_options *options = opaque;
	struct enumeration *e = state;
	int rc = lru_init(&e->pairs, sizeof(struct pair), options->max_pairs);

	return rc ? rc : lru_init(&e->many, sizeof(struct few), options->max_many);
}

static void enumeration_fini(void *state)
{
	struct enumeration *e = state;

	lru_fini(&e->pairs);
	lru_fini(&e->many);
}

static size_t enumeration_memory(const void *opaque, const struct conf *)
{
	const struct enumeration_options *options = opaque;

	return lru_bytes(sizeof(struct pair), options->max_pairs) +
	       lru_bytes(sizeof(struct few), options->max_many);
}

// ---- The histogram: 0 .. 7, then four steps for each doubling

static uint32_t step_of(uint32_t n)
{
	uint32_t top;

	if (n < 8)
		return n;
	top = 31 - (uint32_t)__builtin_clz(n);
	top = 8 + (top - 3) * 4 + (n >> (top - 2) & 3);
	return top < REACHES ? top : REACHES - 1;
}

// The largest number of a step.
static uint32_t step_end(uint32_t step)
{
	uint32_t top, quarter;

	if (step < 8)
		return step;
	top = 3 + (step - 8) / 4;
	quarter = (step - 8) % 4;
	return ((4 + quarter + 1) << (top - 2)) - 1;
}

static void step_move(struct enumeration_endpoint *area, struct pair *pair, uint32_t from,
		      uint32_t to)
{
	if (pair->out || from == to)
		return;
	if (from && area->reached[step_of(from)])
		area->reached[step_of(from)]--;
	if (to)
		area->reached[step_of(to)]++;
}

// What all but one of a thousand of the other users' windows stayed below or reached; and where few
// would be the greatest of all, all but two.
static uint32_t others_reach(const struct enumeration_endpoint *area, const struct pair *pair,
			     uint32_t users, bool few)
{
	uint32_t own = pair->out || pair->n == 0 ? REACHES : step_of(pair->n);
	uint64_t all = 0, above = 0, beyond;

	for (uint32_t i = 0; i < REACHES; i++)
		all += area->reached[i];
	all = all > users ? all : users; // those with none are in no window
	beyond = few && all < 1000 * EXCEPTIONS ? EXCEPTIONS : all / 1000;
	for (uint32_t i = REACHES; i-- > 1;) {
		above += area->reached[i] - (i == own && area->reached[i] ? 1 : 0);
		if (above > beyond)
			return step_end(i);
	}
	return 0;
}

// ---- Counting

static bool is_new(struct enumeration *s, struct pair *pair, uint64_t key, uint64_t object)
{
	uint32_t tag = mix_tag(object);
	struct few *set;
	bool fresh;

	if (pair->n <= FIRST) {
		for (uint32_t i = 0; i < pair->n && i < FIRST; i++) {
			if (pair->id[i] == tag)
				return false;
		}
		if (pair->n < FIRST) {
			pair->id[pair->n++] = tag;
			return true;
		}
	}
	set = lru_touch(&s->many, key, &fresh);
	if (!set)
		return false;
	for (uint32_t i = 0; fresh && i < FIRST; i++)
		few_add(set, mix64(5, pair->id[i]));
	if (!few_add(set, mix64(5, tag)))
		return false;
	pair->n = (uint32_t)few_count(set);
	return true;
}

static void gap_count(struct pair *pair, const struct call_param *param)
{
	double gap = fabs(param->number - pair->last);

	if (param->class != PARAM_INT)
		return;
	if (pair->n > 1 && pair->gaps < UINT16_MAX) {
		pair->gaps++;
		pair->small = (uint16_t)(pair->small + (gap <= 2));
	}
	pair->last = param->number;
}

// suspect: it does not say what is usual.
static struct pair *pair_count(struct enumeration *s, struct enumeration_endpoint *area,
			       const struct call *call, const struct objects_view *view,
			       bool suspect)
{
	uint64_t key = mix64(mix64(mix64(6, call->principal), call->endpoint), view->param->field);
	uint32_t now_s = (uint32_t)(call->time_ns / UINT64_C(1000000000)), before;
	bool fresh;
	struct pair *pair = lru_touch(&s->pairs, key, &fresh);

	if (!pair)
		return NULL;
	if (fresh || (now_s > pair->begin_s && now_s - pair->begin_s >= WINDOW_S)) {
		*pair = (struct pair){.begin_s = now_s, .out = suspect};
		lru_remove(&s->many, key);
	}
	before = pair->n;
	if (!is_new(s, pair, key, view->object))
		return NULL;
	step_move(area, pair, before, pair->n);
	gap_count(pair, view->param);
	pair->ok += call_ok(call);
	pair->refused += !call_ok(call);
	pair->owned += view->owner != 0;
	return pair;
}

// ---- Judging

static void enumeration_texts(struct issue_draft *draft, struct merger *m, const struct call *call,
			      const struct pair *pair, uint32_t reach, bool compared)
{
	char user[EXCHANGE_USER + 1], where[384], others[160], number[32];

	principal_text(merger_principal(m, call->principal), user, sizeof(user));
	endpoint_text(merger_target(m, call->endpoint), where, sizeof(where));
	if (compared)
		draft_text(others, sizeof(others),
			   "99.9 %% of the windows of the other %u users of the endpoint had at "
			   "most %u",
			   (uint32_t)draft->metric.population - 1, reach);
	else
		draft_text(others, sizeof(others),
			   "the endpoint has too few users (%u) to say what is usual, in ten "
			   "minutes at most %u",
			   (uint32_t)draft->metric.population, reach);
	draft_text(
		draft->description, sizeof(draft->description),
		"%s asked %s for %s different objects within ten minutes that no response had "
		"given to it: %s. %u were answered, %u refused or not found; of %u an owner is "
		"known, who is somebody else. %u of %u steps from one number to the next were no "
		"larger than two.",
		user, where, text_count(number, pair->n), others, pair->ok, pair->refused,
		pair->owned, pair->small, pair->gaps);
	draft_text(
		draft->impact, sizeof(draft->impact), "%s",
		draft->result == RESULT_SUCCEEDED
			? "Objects of other users are being read one after the other by counting "
			  "through their identifiers, until all of them are copied."
			: "Somebody looks for objects that it may not see. Most tries were "
			  "refused; "
			  "those that were not show where the check is missing.");
	draft_text(draft->remediation, sizeof(draft->remediation),
		   "Check on every request that the object belongs to the user, answer alike for "
		   "objects that are not there and those that are somebody else's, use identifiers "
		   "that cannot be guessed, and limit how many different ones a user may ask for.");
}

static void enumeration_raise(const struct detector *self, struct merger *m,
			      const struct call *call, const struct pair *pair, uint32_t users,
			      uint32_t reach, bool compared)
{
	bool success = pair->ok * 2 >= pair->n;
	struct issue_draft draft = {
		.severity = success ? SEVERITY_HIGH : SEVERITY_MEDIUM,
		.result = success ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric =
			{
				.present = true,
				.name = "foreign_ids_per_10min",
				.unit = "ids",
				.window = "600 s",
				.value = pair->n,
				.baseline_mean = reach,
				.percentile = NAN,
				.population = users,
			},
	};

	foreign_term(&draft,
		     compared ? "far more identifiers than the other users try"
			      : "more identifiers than the fixed limit",
		     compared ? 45 : 30);
	if (pair->gaps >= FEW_GAPS && pair->small * 10 >= pair->gaps * 6)
		foreign_term(&draft, "they follow each other", 20);
	if (pair->refused * 2 >= pair->n)
		foreign_term(&draft, "most were refused or not found", 10);
	if (pair->owned * 2 >= pair->n)
		foreign_term(&draft, "most are known to be others'", 20);
	if (pair->ok * 2 >= pair->n)
		foreign_term(&draft, "most were answered", 10);
	if (!compared && draft.confidence > 50)
		draft.confidence = 50;
	enumeration_texts(&draft, m, call, pair, reach, compared);
	merger_raise(m, self, foreign_key(call), merger_principal(m, call->principal),
		     merger_endpoint(m, call->endpoint), call->time_ns, &draft);
}

static void view_judge(const struct detector *self, const struct enumeration_options *options,
		       struct merger *m, struct enumeration *s, struct enumeration_endpoint *area,
		       const struct call *call, const struct objects_view *view)
{
	bool foreign = view->answer == OBJECTS_FOREIGN ||
		       (view->answer == OBJECTS_UNSURE && view->owner && !view->weak);
	bool suspect = merger_objects(m)->suspect;
	struct pair *pair =
		foreign && !view->open ? pair_count(s, area, call, view, suspect) : NULL;
	uint32_t users, reach;
	bool compared;

	if (!pair || pair->n <= options->min_ids || pair->n < pair->told + pair->told / 4)
		return;
	users = (uint32_t)hll_count(area->users, USERS_P);
	compared = users >= options->min_users;
	reach = others_reach(area, pair, users, !compared);
	// The fixed limit is for parameters whose ids mostly had been given: a batch has them from
	// elsewhere.
	if (!compared && (view->bound.requests < FEW_USES || view->bound.share < 0.5))
		return;
	if (pair->n <= fmax(options->factor * reach, compared ? 0 : options->limit))
		return;
	pair->told = pair->n;
	step_move(area, pair, pair->n, 0);
	pair->out = true;
	objects_suspect(merger_objects(m), call->principal);
	enumeration_raise(self, m, call, pair, users, reach, compared);
}

static void enumeration_call(const struct detector *self, const void *opaque, struct merger *m,
			     void *state, const struct call *call)
{
	struct objects *objects = merger_objects(m);
	struct enumeration_endpoint *area;
	struct merged_endpoint *e;

	if (!objects_on(objects) || objects->n_views == 0 ||
	    !(call_ok(call) || call->status / 100 == 4) || call->status == 429)
		return;
	e = merger_endpoint(m, call->endpoint);
	area = e ? merger_endpoint_area(m, e, self) : NULL;
	if (!area)
		return;
	if (call_ok(call))
		hll_add(area->users, USERS_P, mix64(7, call->principal));
	for (uint32_t i = 0; i < objects->n_views; i++)
		view_judge(self, opaque, m, state, area, call, &objects->view[i]);
}

// ---- What was learnt: how far windows came; those that are open begin anew

static const struct record_field enumeration_fields[] = {
	RECORD_MANY(struct enumeration_endpoint, reached, 0),
	RECORD_MANY(struct enumeration_endpoint, users, 64),
};
static const struct record enumeration_record =
	RECORD(struct enumeration_endpoint, enumeration_fields, NULL);
static const struct detector enumeration;

static int enumeration_save(const void *, const struct merger *m, FILE *out)
{
	return record_put_endpoints(out, &enumeration_record, m, &enumeration);
}

static int enumeration_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != enumeration.version};
	int rc = record_get_endpoints(&r, &enumeration_record, m, &enumeration);

	return rc ? rc : record_end(&r);
}

static const struct detector enumeration = {
	.id = "D-01",
	.name = "enumeration",
	.title = "Object Enumeration",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API1:2023", "API4:2023"},
	.section = &enumeration_section,
	.state_size = sizeof(struct enumeration),
	.endpoint_size = sizeof(struct enumeration_endpoint),
	.init = enumeration_init,
	.fini = enumeration_fini,
	.memory = enumeration_memory,
	.call = enumeration_call,
	.save = enumeration_save,
	.load = enumeration_load,
};
DETECTOR_REGISTER(enumeration);
