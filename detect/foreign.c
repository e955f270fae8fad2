// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "detect/foreign.h"

#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/principal.h"
#include "detect/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

int foreign_init(struct foreign *f, const struct foreign_options *options)
{
	return lru_init(&f->suspects, sizeof(struct foreign_suspect), options->max_suspects);
}

void foreign_fini(struct foreign *f)
{
	lru_fini(&f->suspects);
}

size_t foreign_bytes(const struct foreign_options *options)
{
	return lru_bytes(sizeof(struct foreign_suspect), options->max_suspects);
}

// A POST to an operation (GraphQL, JSON-RPC, SOAP) may as well only ask.
bool foreign_writes(const struct call *call, const struct merged_endpoint *e)
{
	switch (call->verb) {
	case VERB_PUT:
	case VERB_PATCH:
	case VERB_DELETE:
		return true;
	case VERB_POST:
		return !e || !strchr(e->template, '#');
	default:
		return false;
	}
}

uint64_t foreign_key(const struct call *call)
{
	return mix64(mix64(8, call->principal), call->endpoint);
}

static void set_add(struct foreign_set *set, uint64_t id)
{
	uint32_t tag = mix_tag(id);

	for (uint32_t i = 0; i < set->n; i++) {
		if (set->id[i] == tag)
			return;
	}
	if (set->n < FOREIGN_KEPT)
		set->id[set->n++] = tag;
}

// Somebody else's, as far as can be told: of an object that was never in a list, whoever asked for
// it first may be its owner, where objects only ever have one who asks.
static bool is_anothers(const struct objects_view *view, const struct bound_view *bound)
{
	return view->owner && (!view->weak || bound->exclusive > bound->share);
}

struct foreign_verdict foreign_judge(struct foreign *f, const struct foreign_options *options,
				     const struct objects *objects, const struct call *call,
				     bool writes)
{
	struct foreign_verdict v = {0};
	bool ok = call_ok(call),
	     refused = call->status == 401 || call->status == 403 || call->status == 404;

	if (call->user_confidence < OBJECTS_SURE || call->flags & (CALL_HALF | CALL_GUESSED) ||
	    !(ok || refused))
		return v;
	for (uint32_t i = 0; i < objects->n_views; i++) {
		const struct objects_view *view = &objects->view[i];
		const struct bound_view *bound =
			writes && !view->bound.is && view->bound.requests < view->kind.requests
				? &view->kind
				: &view->bound;
		bool anothers = is_anothers(view, bound), due;
		struct foreign_suspect *who;

		if (view->answer != OBJECTS_FOREIGN || !bound->is || bound->crowded || view->open ||
		    (writes && !view->owner) || (refused && !anothers))
			continue;
		// Where users come with identifiers of their own from elsewhere, one that nobody had
		// says nothing.
		if (!anothers && !bound->listed)
			continue;
		who = lru_touch(&f->suspects, foreign_key(call), NULL);
		if (!who)
			continue;
		if (anothers)
			set_add(&who->owners, view->owner);
		who->owner = who->owner || !anothers ? who->owner : view->owner;
		set_add(refused    ? &who->refused
			: anothers ? &who->taken
				   : &who->unknown,
			view->object);
		due = refused ? who->refused.n >= options->refused
			      : who->taken.n >= (objects->deep ? 2 : 1) ||
					who->unknown.n >= options->unknown;
		if (!due || (v.raise && v.success))
			continue;
		v = (struct foreign_verdict){true, ok, view, who};
	}
	return v;
}

// ---- What is told

void foreign_term(struct issue_draft *draft, const char *name, double points)
{
	int whole = (int)lround(points);

	if (draft->n_terms == ISSUE_MAX_TERMS || whole == 0)
		return;
	draft->terms[draft->n_terms++] = (struct issue_term){name, whole};
	draft->confidence = draft->confidence + (uint32_t)whole < 100
				    ? draft->confidence + (uint32_t)whole
				    : 100;
}

static const char *place_text(const struct call_param *p)
{
	switch (p->place) {
	case PLACE_PATH:
		return "in its path";
	case PLACE_QUERY:
		return "in its query";
	default:
		return "in its body";
	}
}

static void count_text(char out[48], const struct foreign_set *set)
{
	draft_text(out, 48, "%s%u", set->n == FOREIGN_KEPT ? "at least " : "", set->n);
}

void foreign_draft(struct issue_draft *draft, const struct foreign_verdict *v, struct merger *m,
		   const struct call *call, const char *what)
{
	const struct objects_view *view = v->view;
	const struct bound_view *bound = view->bound.is ? &view->bound : &view->kind;
	double share = bound->share > bound->exclusive ? bound->share : bound->exclusive;
	char user[EXCHANGE_USER + 1], where[384], whose[128], taken[48], owners[48], number[32];
	const struct foreign_set *set = !v->success       ? &v->who->refused
					: v->who->taken.n ? &v->who->taken
							  : &v->who->unknown;

	draft->result = v->success ? RESULT_SUCCEEDED : RESULT_ATTEMPTED;
	foreign_term(draft, "an object that was never given to the caller", 40);
	foreign_term(draft, "share of the uses that were of the caller's own objects",
		     40 * (share - 0.95) / 0.05 > 0 ? 40 * (share - 0.95) / 0.05 : 0);
	if (view->owner)
		foreign_term(draft, "the object is known to be another's", 10);
	if (call->flags & CALL_PERSONAL)
		foreign_term(draft, "the answer holds personal data", 10);
	if (!v->success && draft->confidence > 60)
		draft->confidence = 60;
	draft->metric = (struct issue_metric){
		.present = true,
		.name = "foreign_objects",
		.unit = "objects",
		.window = "all",
		.value = set->n,
		.baseline_mean = 0,
		.percentile = NAN,
		.population = bound->users,
	};
	principal_text(merger_principal(m, call->principal), user, sizeof(user));
	endpoint_text(merger_target(m, call->endpoint), where, sizeof(where));
	count_text(taken, set);
	count_text(owners, &v->who->owners);
	if (view->owner)
		draft_text(whose, sizeof(whose),
			   "it was first seen with owner:%016" PRIx64 " (%s owner%s so far)",
			   view->owner, owners, text_plural(v->who->owners.n));
	else
		draft_text(whose, sizeof(whose), "nobody was seen to have it before");
	draft_text(draft->description, sizeof(draft->description),
		   "%s %s %s object%s through %s that no response had ever given to it; the "
		   "identifier "
		   "%s names the object, and %s. Of the last %s uses of this parameter by %u users "
		   "and more, %.1f %% were of objects that the caller had been given before, and "
		   "%.1f %% of those with a known owner were the caller's own.",
		   user, v->success ? what : "was refused", taken, text_plural(set->n), where,
		   place_text(view->param), whose, text_count(number, bound->requests),
		   bound->users, 100 * bound->share, 100 * bound->exclusive);
}
