// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A user comes into the table with a call that holds several values, and leaves it when others
// need the place.

#include "detect/heavy.h"

#include <math.h>

#include "detect/draft.h"
#include "detect/judge.h"
#include "detect/noun.h"
#include "detect/text.h"

int heavy_init(struct lru *t)
{
	return lru_init(t, sizeof(struct heavy), HEAVY_USERS);
}

static void heavy_asked(struct heavy *h, const struct call *call)
{
	h->n_asked = 0;
	for (uint32_t i = 0; i < call->n_params && h->n_asked < HEAVY_ASKED; i++) {
		const struct call_param *p = &call->params[i];

		if (p->class != PARAM_INT || p->place == PLACE_PATH || p->noun || p->number < 2)
			continue;
		h->asked[h->n_asked].field = p->field;
		h->asked[h->n_asked++].number = p->number;
	}
}

void heavy_call(struct lru *t, const struct call *call, uint32_t values)
{
	struct heavy *h = lru_get(t, call->principal);
	uint32_t i = 0;

	if (!values || (!h && values < HEAVY_VALUES))
		return;
	h = lru_touch(t, call->principal, NULL);
	if (!h)
		return;
	if (call->time_ns > h->last_ns + HEAVY_S * UINT64_C(1000000000)) {
		memset(h, 0, sizeof(*h));
		h->begin_ns = call->time_ns;
	}
	h->last_ns = call->time_ns > h->last_ns ? call->time_ns : h->last_ns;
	while (i < h->n_endpoints && h->endpoint[i] != call->endpoint)
		i++;
	if (i == h->n_endpoints && i < HEAVY_ENDPOINTS)
		h->endpoint[h->n_endpoints++] = call->endpoint;
	if (values > h->largest) {
		h->largest = values;
		h->largest_endpoint = call->endpoint;
		heavy_asked(h, call);
	}
}

void heavy_object(struct lru *t, const struct delta_object *object)
{
	struct heavy *h = lru_get(t, object->principal);

	if (h && object->time_ns <= h->last_ns + HEAVY_S * UINT64_C(1000000000))
		few_add(&h->objects, judge_pair(object->noun, object->value));
}

bool heavy_is_page(const char *name)
{
	static const char *const names[] = {
		"limit",    "size",       "pagesize",       "perpage",      "count",
		"take",     "top",        "rows",           "first",        "max",
		"length",   "batch",      "batchsize",      "maxresults",   "pagelimit",
		"maxitems", "maxrecords", "resultsperpage", "itemsperpage", "pagelength",
	};
	struct noun_words w;
	const char *last = strrchr(name, '.');
	struct span span;

	last = last ? last + 1 : name;
	span = span_make(last, strlen(last));
	if (!noun_words_take(&w, span))
		return false;
	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (w.len == strlen(names[i]) && memcmp(w.text, names[i], w.len) == 0)
			return true;
	}
	return false;
}

static void asked_text(const struct heavy *h, struct merger *m, char *out, size_t size)
{
	char clean[96];

	out[0] = '\0';
	for (uint32_t i = 0; i < h->n_asked; i++) {
		const char *name = merger_param_name(m, h->largest_endpoint, h->asked[i].field);

		if (!name || !heavy_is_page(name))
			continue;
		text_clean(clean, sizeof(clean), name, strlen(name));
		draft_text(out, size, " The largest answer was asked for with %s = %.0f.", clean,
			   h->asked[i].number);
		return;
	}
}

void heavy_text(const struct lru *t, struct merger *m, uint64_t principal, char *out, size_t size)
{
	const struct heavy *h = lru_get(t, principal);
	char asked[192], objects[64] = "", n[32];

	out[0] = '\0';
	if (!h || !h->n_endpoints)
		return;
	asked_text(h, m, asked, sizeof(asked));
	if (h->objects.n || h->objects.over)
		draft_text(objects, sizeof(objects), " and %s%s different object%s",
			   h->objects.over ? "about " : "", text_count(n, few_count(&h->objects)),
			   text_plural(few_count(&h->objects)));
	draft_text(out, size,
		   " In the %.0f seconds since this began it got values from %s%u endpoint%s%s.%s",
		   ceil((double)(h->last_ns - h->begin_ns) / 1e9),
		   h->n_endpoints == HEAVY_ENDPOINTS ? "at least " : "", h->n_endpoints,
		   text_plural(h->n_endpoints), objects, asked);
}
