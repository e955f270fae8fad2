// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From the endpoints that are known to places of values:
//
//	GET h /shops/corner-bakery         ┐
//	GET h /shops/corner-bakery/orders  │ the words of the place "GET h /shops": what lies behind
//	GET h /shops/old-mill              │ each is its features
//	GET h /shops/old-mill/orders       ┘
//
// Merger's thread.

#include "detect/template_look.h"

#include "dataplane/log.h"
#include "detect/endpoint.h"
#include "detect/merge.h"
#include "detect/siphash.h"
#include "detect/template_judge.h"

#include <stdlib.h>
#include <string.h>

static struct span text_span(const char *text)
{
	return span_make(text, strlen(text));
}

// "/a" before "/a#op" before "/a/b" before "/a-b": what lies behind a word stands together.
static int rank(uint8_t c)
{
	return c == '\0' ? 0 : c == '#' ? 1 : c == '/' ? 2 : 3 + c;
}

static int compare_paths(const void *a, const void *b)
{
	const struct merged_endpoint *x = &(*(const struct known_endpoint *const *)a)->pub;
	const struct merged_endpoint *y = &(*(const struct known_endpoint *const *)b)->pub;
	int order = strcmp(x->host, y->host);
	size_t i = 0;

	order = order ? order : strcmp(x->method, y->method);
	if (order)
		return order;
	while (x->template[i] && x->template[i] == y->template[i])
		i++;
	return rank((uint8_t)x->template[i]) - rank((uint8_t)y->template[i]);
}

// strcspn(p, "/#"): segments are short.
static uint32_t segment_len(const char *p)
{
	uint32_t n = 0;

	while (p[n] && p[n] != '/' && p[n] != '#')
		n++;
	return n;
}

// Where segment number `depth` of a template stands. False: it has fewer.
static bool segment_at(const char *template, uint32_t depth, struct span *segment)
{
	const char *p = template;

	for (uint32_t i = 0;; i++) {
		uint32_t n;

		if (*p != '/')
			return false;
		n = segment_len(++p);
		if (n == 0)
			return false;
		if (i == depth) {
			*segment = span_make(p, n);
			return true;
		}
		p += n;
	}
}

// Bytes before that segment, without its slash.
static uint32_t parent_len(const struct known_endpoint *e, struct span segment)
{
	return (uint32_t)((const char *)segment.p - e->pub.template) - 1;
}

// ---- What lies behind a word

static void child_fields(struct template_child *child, const struct merger *m, uint64_t id,
			 uint64_t rest)
{
	const struct params_endpoint *p = params_endpoint(&m->params, id);

	for (uint32_t dir = 0; p && dir < 2; dir++) {
		for (const struct param *one = p->first[dir]; one; one = one->next) {
			if (dir == SERVER || one->place == PLACE_BODY || one->place == PLACE_FORM)
				template_feature(child, siphash_number(rest, dir, one->field),
						 true);
		}
	}
}

static void child_add(struct template_child *child, const struct merger *m,
		      const struct known_endpoint *e, struct span segment)
{
	const char *behind = (const char *)segment.p + segment.len;
	uint64_t rest = siphash(1, 2, text_span(behind));

	child->n_endpoints++;
	child->calls += e->pub.calls;
	child->proven |= known_is_proven(&e->pub);
	child->shown |= e->pub.status[2] > 0;
	child->leaf &= *behind == '\0';
	child->list |= behind[0] == '/' && behind[1] == '{';
	// "/{id}" lies behind names of an API just as well.
	for (const char *p = behind; *p; p += segment_len(p)) {
		p++;
		if (*p != '{' && *p) {
			template_feature(child, rest, false);
			break;
		}
	}
	child_fields(child, m, e->pub.id, rest);
}

// ---- The words of a place

static bool is_candidate(const struct template_look *l, uint64_t place,
			 const struct known_endpoint *e, struct span segment)
{
	const struct template_pins *pins = l->m->templates.pins;
	const struct inventory_endpoint *facts = e->inventory;

	if (template_is_value(segment) || template_reserved(segment) || segment.p[0] == 0xe2 ||
	    (facts && facts->apis[API_GRPC]))
		return false;
	return pins->set.n == 0 ||
	       !idset_has(&pins->set, template_key(place, TEMPLATE_KEPT, segment));
}

static bool children_room(struct template_look *l, uint32_t n)
{
	uint32_t wider = l->room ? l->room : 64;
	struct template_child *grown;

	while (wider <= n)
		wider *= 2;
	if (n < l->room)
		return true;
	grown = realloc(l->children, wider * sizeof(*grown));
	if (!grown)
		return false;
	l->children = grown;
	l->room = wider;
	return true;
}

// Is what another method does to this word answered to GET, too? Where it is a value, GET's place
// has been folded, and its identity leads to another template.
static bool is_read(const struct template_look *l, const struct template_child *c)
{
	const struct merged_endpoint *e = &l->list[c->first]->pub;
	uint64_t seed = l->m->templates.seed;
	struct span path = span_make(e->template,
				     (size_t)((const char *)c->word.p - e->template) + c->word.len);
	uint64_t root = template_root(seed, text_span(e->host), SPAN_LIT("GET"));
	const struct known_endpoint *get =
		known_endpoint(&l->m->known, template_id(seed, root, path));

	return strcmp(e->method, "GET") != 0 && get && span_eq(text_span(get->pub.template), path);
}

// Those between first and last that are words, without what lies behind them. Returns how many.
static uint32_t words_gather(struct template_look *l, uint32_t first, uint32_t last, uint32_t depth,
			     uint64_t place)
{
	uint32_t n = 0;
	struct span before = {0};

	for (uint32_t i = first; i < last; i++) {
		const struct known_endpoint *e = l->list[i];
		struct span segment;

		if (!segment_at(e->pub.template, depth, &segment) ||
		    !is_candidate(l, place, e, segment))
			continue;
		if (n == 0 || !span_eq(segment, before)) {
			if (!children_room(l, n))
				return 0;
			l->children[n++] =
				(struct template_child){.word = segment, .first = i, .leaf = true};
			before = segment;
		}
		l->children[n - 1].last = i + 1;
	}
	return n;
}

// What lies behind them. Collections may be as alike as values are ("/invoices/{id}",
// "/orders/{id}"): they stay, and are left out. Returns how many of the words are left.
static uint32_t words_fill(struct template_look *l, struct template_child *children, uint32_t n,
			   uint32_t depth, uint64_t place)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct template_child *c = &children[i];

		for (uint32_t k = c->first; k < c->last; k++) {
			const struct known_endpoint *e = l->list[k];
			struct span segment;

			if (segment_at(e->pub.template, depth, &segment) &&
			    is_candidate(l, place, e, segment))
				child_add(c, l->m, e, segment);
		}
		c->calls = (c->calls + c->n_endpoints - 1) / c->n_endpoints;
		if (!c->list && !is_read(l, c))
			children[kept++] = *c;
	}
	return kept;
}

static struct span ending_of(struct span word)
{
	uint32_t n = template_ending(word);

	return span_make(word.p + word.len - n, n);
}

static int compare_endings(const void *a, const void *b)
{
	const struct template_child *x = a, *y = b;
	struct span s = ending_of(x->word), t = ending_of(y->word);
	uint32_t len = s.len < t.len ? s.len : t.len;
	int order = len ? memcmp(s.p, t.p, len) : 0;

	order = order ? order : (s.len > t.len) - (s.len < t.len);
	return order ? order : x->first < y->first ? -1 : x->first > y->first;
}

// ---- A place is learnt

// Words that stay. Of too many (made up by somebody) those that were never served do not.
static char *kept_make(struct template_child *children, uint32_t n, struct template_fold *fold)
{
	char *words, *at;
	size_t len = 1;

	for (uint32_t i = 0; i < n; i++)
		fold->n_kept += !children[i].fold;
	if (fold->n_kept > TEMPLATE_KEPT_MAX) {
		for (uint32_t i = 0; i < n; i++) {
			fold->n_kept -= !children[i].fold && !children[i].proven;
			children[i].fold |= !children[i].proven;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		len += children[i].fold ? 0 : children[i].word.len + 1;
	words = at = malloc(len);
	for (uint32_t i = 0; words && i < n; i++) {
		if (children[i].fold)
			continue;
		memcpy(at, children[i].word.p, children[i].word.len);
		at += children[i].word.len;
		*at++ = '\0';
	}
	fold->kept = words;
	fold->kept_len = words ? (uint32_t)(at - words) : 0;
	return words;
}

// The place of some words, with its texts in above and ending.
static void place_name(const struct template_look *l, uint32_t parent,
		       const struct template_child *child, struct template_fold *fold,
		       char above[EXCHANGE_TEMPLATE + 1], char ending[TEMPLATE_NAME])
{
	const struct merged_endpoint *e = &l->list[child->first]->pub;
	struct span end = ending_of(child->word);

	parent = parent < EXCHANGE_TEMPLATE ? parent : EXCHANGE_TEMPLATE; // it is never longer
	memcpy(above, e->template, parent);
	above[parent] = '\0';
	memcpy(ending, end.p, end.len); // at most six bytes
	ending[end.len] = '\0';
	*fold = (struct template_fold){
		.host = e->host,
		.method = e->method,
		.parent = above,
		.ending = ending,
		.time_ns = l->m->now_ns,
	};
}

static bool place_learn(struct template_look *l, uint32_t parent, struct template_child *children,
			uint32_t n, uint32_t folded)
{
	const struct merged_endpoint *e = &l->list[children[0].first]->pub;
	char above[EXCHANGE_TEMPLATE + 1], ending[TEMPLATE_NAME];
	struct template_fold fold;
	char *kept;
	bool learnt;

	place_name(l, parent, children, &fold, above, ending);
	fold.children = folded;
	kept = kept_make(children, n, &fold);
	learnt = kept && templates_add(&l->m->templates, &fold);
	free(kept);
	if (learnt) {
		char text[256];

		l->m->templates.learnt_at = l->m->merges;

		endpoint_text(e, text, sizeof(text));
		LOG(INFO, "%u words of one place of a path are values: one was %s.", folded, text);
	}
	return learnt;
}

// ---- Words that stayed

// All features of what lies behind the parameter of a place, sorted.
struct profile {
	uint64_t *feature; // owned
	uint32_t n, room;
};

static int compare_features(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool profile_add(struct profile *p, const struct template_child *one)
{
	uint32_t wider = p->room ? 2 * p->room : 256;
	uint64_t *grown;

	if (p->room - p->n < TEMPLATE_FEATURES) {
		grown = realloc(p->feature, wider * sizeof(*grown));
		if (!grown)
			return false;
		p->feature = grown;
		p->room = wider;
	}
	memcpy(p->feature + p->n, one->feature, one->n_features * sizeof(*p->feature));
	p->n += one->n_features;
	return true;
}

static void profile_make(struct profile *p, const struct template_look *l, uint32_t first,
			 uint32_t last, uint32_t depth, struct span ending)
{
	const struct span name = SPAN_LIT("{name}");

	*p = (struct profile){0};
	for (uint32_t i = first; i < last; i++) {
		struct template_child one = {.leaf = true};
		struct span s;

		if (!segment_at(l->list[i]->pub.template, depth, &s) ||
		    s.len != name.len + ending.len || memcmp(s.p, name.p, name.len) != 0 ||
		    !span_eq(span_make(s.p + name.len, ending.len), ending))
			continue;
		child_add(&one, l->m, l->list[i], s);
		if (!profile_add(p, &one))
			break;
	}
	if (p->n)
		qsort(p->feature, p->n, sizeof(*p->feature), compare_features);
}

static bool profile_covers(const struct profile *p, const struct template_child *c)
{
	for (uint32_t i = 0; i < c->n_features; i++) {
		if (p->n == 0 || !bsearch(&c->feature[i], p->feature, p->n, sizeof(*p->feature),
					  compare_features))
			return false;
	}
	return true;
}

// Of words that stayed when a place was learnt little may have been seen. Those that by now show
// nothing but what values show, and are seldom called, are values.
static bool place_again(struct template_look *l, uint32_t first, uint32_t last, uint32_t depth,
			uint32_t parent, struct template_child *children, uint32_t n)
{
	char above[EXCHANGE_TEMPLATE + 1], ending[TEMPLATE_NAME];
	struct template_fold fold;
	struct profile profile;
	char *words, *at;
	size_t len = 1;

	place_name(l, parent, children, &fold, above, ending);
	profile_make(&profile, l, first, last, depth, text_span(ending));
	for (uint32_t i = 0; i < n; i++) {
		struct template_child *c = &children[i];

		c->fold = c->proven && c->n_fields > 1 &&
			  c->calls <= l->m->templates.options->max_calls &&
			  profile_covers(&profile, c);
		fold.n_kept += c->fold;
		len += c->fold ? c->word.len + 1 : 0;
	}
	free(profile.feature);
	words = at = fold.n_kept ? malloc(len) : NULL;
	if (!words)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!children[i].fold)
			continue;
		memcpy(at, children[i].word.p, children[i].word.len);
		at += children[i].word.len;
		*at++ = '\0';
	}
	fold.kept = words;
	templates_unkeep(&l->m->templates, &fold);
	free(words);
	return true;
}

// Words of one ending.
static bool words_judge(struct template_look *l, uint32_t first, uint32_t last, uint32_t depth,
			uint32_t parent, uint64_t place, struct template_child *children, uint32_t n)
{
	const struct templates *t = &l->m->templates;
	const struct merged_endpoint *e = &l->list[first]->pub;
	struct template_table table = templates_table(t);
	struct span ending = ending_of(children[0].word);
	struct template_rule rule = {t->options->min_children, t->options->max_calls,
				     .root = depth == 0};
	bool again = idset_has(table.set, template_key(place, TEMPLATE_FOLDED, ending));
	uint32_t folded, proven = 0;

	if (!again) {
		rule.seen = templates_seen(t, text_span(e->host), text_span(e->method),
					   span_make(e->template, parent), ending);
		// Most places have few words: what lies behind those need not be known.
		if (n < template_least(&rule))
			return false;
	}
	n = words_fill(l, children, n, depth, place);
	// Of floods that are only refused, nothing more is asked.
	for (uint32_t i = 0; i < n; i++)
		proven += children[i].proven;
	if (proven == 0)
		return false;
	if (again)
		return place_again(l, first, last, depth, parent, children, n);
	folded = template_judge(children, n, &rule);
	return folded && place_learn(l, parent, children, n, folded);
}

static bool place_judge(struct template_look *l, uint32_t first, uint32_t last, uint32_t depth,
			uint32_t parent)
{
	const struct templates *t = &l->m->templates;
	const struct merged_endpoint *e = &l->list[first]->pub;
	struct template_table table = templates_table(t);
	uint64_t place = template_root(t->seed, text_span(e->host), text_span(e->method));
	bool learnt = false, endings = false;
	struct span segment;
	uint32_t n;

	for (uint32_t i = 0; i < depth && segment_at(e->template, i, &segment); i++)
		place = template_place(t->seed, place, segment);
	// The operator has said what they are.
	if (idset_has(table.set, template_key(place, TEMPLATE_NAMED, (struct span){0})) ||
	    idset_has(table.set, template_key(place, TEMPLATE_SPLIT, (struct span){0})))
		return false;
	n = words_gather(l, first, last, depth, place);
	for (uint32_t i = 0; i < n && !endings; i++) // they are rare
		endings = template_ending(l->children[i].word) > 0;
	if (endings)
		qsort(l->children, n, sizeof(*l->children), compare_endings);
	for (uint32_t i = 0, end; i < n; i = end) {
		struct span ending = ending_of(l->children[i].word);

		for (end = i + 1; end < n && span_eq(ending, ending_of(l->children[end].word));)
			end++;
		learnt |= words_judge(l, first, last, depth, parent, place, l->children + i,
				      end - i);
	}
	return learnt;
}

// Those of one parent, which begin with the same bytes up to that segment.
static uint32_t place_end(const struct template_look *l, uint32_t first, uint32_t last,
			  uint32_t depth, uint32_t parent)
{
	const char *template = l->list[first]->pub.template;
	uint32_t end = first + 1;
	struct span segment;

	while (end < last && strncmp(l->list[end]->pub.template, template, parent + 1) == 0 &&
	       segment_at(l->list[end]->pub.template, depth, &segment))
		end++;
	return end;
}

// All places of a host and method, from the first segment on. What lies behind a place that was
// just learnt is looked at when it has its new name.
static bool host_look(struct template_look *l, uint32_t first, uint32_t last)
{
	uint32_t least = l->m->templates.options->min_children / 3;
	bool learnt = false, deeper = true;

	for (uint32_t depth = 0; deeper && depth < ENDPOINT_DEPTH; depth++) {
		deeper = false;
		for (uint32_t i = first, end; i < last; i = end) {
			struct span segment;
			uint32_t parent;

			end = i + 1;
			if (l->touched[i] || !segment_at(l->list[i]->pub.template, depth, &segment))
				continue;
			deeper = true;
			parent = parent_len(l->list[i], segment);
			end = place_end(l, i, last, depth, parent);
			if ((end - i < least && l->m->templates.n_folds == 0) ||
			    !place_judge(l, i, end, depth, parent))
				continue;
			learnt = true;
			for (uint32_t k = i; k < end; k++)
				l->touched[k] = true;
		}
	}
	return learnt;
}

bool template_look_begin(struct template_look *l, struct merger *m)
{
	*l = (struct template_look){.m = m, .n = m->known.n_endpoints};
	l->list = malloc((l->n + 1) * sizeof(struct known_endpoint *));
	l->touched = calloc(l->n + 1, sizeof(bool));
	if (!l->list || !l->touched)
		return false;
	if (l->n) {
		memcpy(l->list, m->known.endpoints, l->n * sizeof(struct known_endpoint *));
		qsort(l->list, l->n, sizeof(struct known_endpoint *), compare_paths);
	}
	return true;
}

void template_look_end(struct template_look *l)
{
	free(l->list);
	free(l->touched);
	free(l->children);
}

bool template_look_all(struct template_look *l)
{
	bool learnt = false;

	for (uint32_t i = 0, end; i < l->n; i = end) {
		const struct merged_endpoint *e = &l->list[i]->pub;

		for (end = i + 1; end < l->n && !strcmp(l->list[end]->pub.host, e->host) &&
				  !strcmp(l->list[end]->pub.method, e->method);)
			end++;
		learnt |= host_look(l, i, end);
	}
	return learnt;
}
