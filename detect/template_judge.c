// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Three kinds of evidence, each asks for more words than the one before:
//
//	alike   most of what lies behind a word, and of the fields that it returns, lies behind
//	        others, too (min_children)
//	hollow  nothing to compare: no fields, or nothing but what follows (2 times; 4 times for the
//	        first segment); most were called once or twice
//	flood   of the others hardly any was called twice, whatever they are (8 times): made up by
//	        somebody
//
// Names of an API differ in their fields and in what follows them, and are called again and again;
// values of a parameter do not. So words that are called much more often than all others stay, as
// do those whose fields are their own. Doubtful ones stay: too many templates are a nuisance, two
// endpoints in one are a blind spot.

#include "detect/template_judge.h"

#include <stdlib.h>
#include <string.h>

enum {
	GAP_CALLS = 50,  // a word that was called less is never too often called
	GAP = 4,         // times as often as the next
	LIKE_SHARE = 60, // % of its features that others have
	SOME = 3,        // words that share a feature, at least
	FIELDS_MIN = 2,  // that most have, or there is nothing to compare
	HOLLOW_CALLS = 4,
	HOLLOW_TIMES = 2,
	FLOOD_TIMES = 8,
};

void template_feature(struct template_child *child, uint64_t hash, bool field)
{
	uint32_t at = 0;

	hash = (hash & ~UINT64_C(1)) | field;
	while (at < child->n_features && child->feature[at] < hash)
		at++;
	if (at == TEMPLATE_FEATURES || (at < child->n_features && child->feature[at] == hash))
		return;
	if (child->n_features == TEMPLATE_FEATURES)
		child->n_fields -= child->feature[--child->n_features] & 1;
	memmove(&child->feature[at + 1], &child->feature[at],
		(child->n_features - at) * sizeof(child->feature[0]));
	child->feature[at] = hash;
	child->n_features++;
	child->n_fields += field;
}

// How many of the children have each feature.
struct shares {
	uint64_t *feature; // owned, sorted
	uint32_t *n;       // owned
	uint32_t n_features;
};

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool shares_make(struct shares *s, const struct template_child *children, uint32_t n,
			bool like)
{
	size_t all = 0, at = 0;

	for (uint32_t i = 0; i < n; i++)
		all += children[i].n_features;
	*s = (struct shares){
		.feature = malloc((all + 1) * sizeof(uint64_t)),
		.n = malloc((all + 1) * sizeof(uint32_t)),
	};
	if (!s->feature || !s->n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!children[i].proven || (like && !children[i].like))
			continue;
		memcpy(s->feature + at, children[i].feature,
		       children[i].n_features * sizeof(uint64_t));
		at += children[i].n_features;
	}
	if (at)
		qsort(s->feature, at, sizeof(uint64_t), compare_numbers);
	for (size_t i = 0; i < at; i++) {
		if (i == 0 || s->feature[i] != s->feature[s->n_features - 1]) {
			s->feature[s->n_features] = s->feature[i];
			s->n[s->n_features++] = 0;
		}
		s->n[s->n_features - 1]++;
	}
	return true;
}

static void shares_free(struct shares *s)
{
	free(s->feature);
	free(s->n);
}

// How many features of the child at least so many have. Both are sorted.
static uint32_t shares_count(const struct shares *s, const struct template_child *child,
			     uint32_t least)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < child->n_features; i++) {
		const uint64_t *one =
			s->n_features ? bsearch(&child->feature[i], s->feature, s->n_features,
						sizeof(uint64_t), compare_numbers)
				      : NULL;

		count += one && s->n[one - s->feature] >= least;
	}
	return count;
}

// Marks those that are alike. *fields: how many fields most of them have. Returns how many are.
static uint32_t mark_alike(struct template_child *children, uint32_t n, uint32_t least,
			   uint32_t *fields)
{
	uint32_t n_like = 0, alike = 0, core = 0;
	struct shares all = {0}, like = {0};

	*fields = 0;
	if (!shares_make(&all, children, n, false))
		goto end;
	for (uint32_t i = 0; i < n; i++) {
		struct template_child *c = &children[i];
		uint32_t shared = shares_count(&all, c, least);

		c->like = c->proven && shared && shared * 100 >= c->n_features * LIKE_SHARE;
		n_like += c->like;
	}
	if (!shares_make(&like, children, n, true))
		goto end;
	for (uint32_t i = 0; i < like.n_features; i++) {
		bool most = like.n[i] * 2 >= n_like;

		core += most;
		*fields += most && (like.feature[i] & 1);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct template_child *c = &children[i];

		c->like = c->like && shares_count(&like, c, (n_like + 1) / 2) * 2 >= core;
		alike += c->like;
	}
end:
	shares_free(&all);
	shares_free(&like);
	return alike;
}

static int compare_calls(const void *a, const void *b)
{
	const struct template_child *const *x = a, *const *y = b;

	return (*x)->calls < (*y)->calls ? -1 : (*x)->calls > (*y)->calls;
}

// Those of the list that are not called much more often than the others. 0: half of them were
// called too often.
static uint32_t fold_common(struct template_child **list, uint32_t n, uint64_t max_calls)
{
	uint32_t i = n / 2;

	qsort(list, n, sizeof(struct template_child *), compare_calls);
	if (list[n / 2]->calls > max_calls)
		return 0;
	while (++i < n) {
		if (list[i]->calls >= GAP_CALLS && list[i]->calls >= GAP * list[i - 1]->calls)
			break;
	}
	n = i < n ? i : n;
	for (i = 0; i < n; i++)
		list[i]->fold = true;
	return n;
}

static uint32_t count_small(struct template_child *const *list, uint32_t n)
{
	uint32_t small = 0;

	for (uint32_t i = 0; i < n; i++)
		small += list[i]->calls <= TEMPLATE_SMALL;
	return small;
}

// Words of which another part was seen than of most: what lies behind them lies behind some of
// those that are alike.
static void mark_more(struct template_child *children, uint32_t n)
{
	struct shares like;

	if (shares_make(&like, children, n, true)) {
		for (uint32_t i = 0; i < n; i++) {
			struct template_child *c = &children[i];

			c->like |= c->proven && c->n_features &&
				   shares_count(&like, c, SOME) == c->n_features;
		}
	}
	shares_free(&like);
}

uint32_t template_least(const struct template_rule *rule)
{
	uint32_t some = rule->min_children / 3;

	return !rule->seen ? rule->min_children : some > SOME ? some : SOME;
}

static uint32_t judge_alike(struct template_child *children, uint32_t n,
			    const struct template_rule *rule, struct template_child **list)
{
	uint32_t least = rule->min_children / 3, n_like, fields, some = 0, folded;
	uint32_t need = template_least(rule);

	if (least > need / 2)
		least = need / 2;
	n_like = mark_alike(children, n, least > SOME ? least : SOME, &fields);
	if (n_like < need || fields < FIELDS_MIN)
		return 0;
	mark_more(children, n);
	for (uint32_t i = 0; i < n; i++) {
		if (children[i].like)
			list[some++] = &children[i];
	}
	folded = fold_common(list, some, rule->max_calls);
	if (folded < need) {
		for (uint32_t i = 0; i < n; i++)
			children[i].fold = false;
		return 0;
	}
	// What was only ever refused, or had not changed, shows no fields.
	for (uint32_t i = 0; i < n; i++) {
		struct template_child *c = &children[i];

		if (c->fold || c->shown || !c->leaf || c->calls > rule->max_calls)
			continue;
		c->fold = true;
		folded++;
	}
	return folded;
}

// Where hardly any word was called twice, those with something behind them are made up, too.
static uint32_t fold_small(struct template_child *children, uint32_t n,
			   struct template_child **list)
{
	uint32_t proven = 0, more = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (children[i].proven)
			list[proven++] = &children[i];
	}
	if (count_small(list, proven) * 4 < proven * 3)
		return 0;
	for (uint32_t i = 0; i < proven; i++) {
		if (list[i]->fold || list[i]->n_fields || list[i]->calls > TEMPLATE_SMALL)
			continue;
		list[i]->fold = true;
		more++;
	}
	return more;
}

static uint32_t judge_hollow(struct template_child *children, uint32_t n,
			     const struct template_rule *rule, struct template_child **list)
{
	uint32_t need = HOLLOW_TIMES * rule->min_children * (rule->root ? 2 : 1), some = 0, folded;

	for (uint32_t i = 0; i < n; i++) {
		const struct template_child *c = &children[i];

		if (c->proven && c->n_fields < FIELDS_MIN &&
		    (c->leaf ? c->n_features == 0 || c->like : c->like))
			list[some++] = &children[i];
	}
	if (some < need || count_small(list, some) * 2 < some)
		return 0;
	folded = fold_common(list, some, HOLLOW_CALLS);
	if (folded >= need)
		return folded + fold_small(children, n, list);
	for (uint32_t i = 0; i < n; i++)
		children[i].fold = false;
	return 0;
}

static uint32_t judge_flood(struct template_child *children, uint32_t n,
			    const struct template_rule *rule, struct template_child **list)
{
	uint32_t need = FLOOD_TIMES * rule->min_children, some = 0, proven = 0, with = 0,
		 folded = 0;
	bool fields;

	for (uint32_t i = 0; i < n; i++) {
		if (!children[i].proven || children[i].fold)
			continue;
		proven++;
		if (children[i].calls > TEMPLATE_SMALL)
			continue;
		with += children[i].n_fields > 0;
		list[some++] = &children[i];
	}
	if (some < need || some * 4 < proven * 3)
		return 0;
	fields = with * 2 > some;
	for (uint32_t i = 0; i < some; i++) {
		list[i]->fold = (list[i]->n_fields > 0) == fields;
		folded += list[i]->fold;
	}
	return folded;
}

uint32_t template_judge(struct template_child *children, uint32_t n,
			const struct template_rule *rule)
{
	struct template_child **list;
	uint32_t folded;

	for (uint32_t i = 0; i < n; i++)
		children[i].like = children[i].fold = false;
	list = n ? malloc(n * sizeof(struct template_child *)) : NULL;
	if (!list)
		return 0;
	folded = judge_alike(children, n, rule, list);
	if (folded == 0)
		folded = judge_hollow(children, n, rule, list);
	// Of what is left: values may stand among what somebody makes up.
	folded += judge_flood(children, n, rule, list);
	free(list);
	return folded;
}
