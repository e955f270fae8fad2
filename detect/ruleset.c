// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Builds the ruleset from the registry and the section "types" of the configuration: dispatch
// tables, word table, and the Hyperscan database; and the scanners that use it. Control thread;
// takes some milliseconds. The ruleset is read by all workers and never written again.

#include "detect/ruleset.h"

#include "detect/scanner.h"
#include "detect/selfcheck.h"
#include "detect/shapes.h"

#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>

struct types_conf {
	struct conf_strs disabled;
	bool test_numbers;
	uint32_t scan;
};

static const char *const scan_choices[] = {"fast", "reference", NULL};
static const struct conf_row types_rows[] = {
	{.key = "disabled",
	 .type = CONF_STRS,
	 .offset = offsetof(struct types_conf, disabled),
	 .max = DATATYPE_MAX,
	 .def = "[]",
	 .names = datatype_name,
	 .help = "Data types that are not looked for."},
	{.key = "scan",
	 .type = CONF_ENUM,
	 .offset = offsetof(struct types_conf, scan),
	 .def = "\"fast\"",
	 .choices = scan_choices,
	 .help = "How values are found; reference: every one is looked at by every type, slowly"},
	{.key = "test_numbers",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct types_conf, test_numbers),
	 .def = "true",
	 .help = "Whether card numbers that payment networks publish for tests are reported."},
};

static const struct conf_section types_section = {
	.path = "types",
	.help = "Sensitive data types: what is recognised in requests and responses.",
	.size = sizeof(struct types_conf),
	.rows = types_rows,
	.n_rows = sizeof(types_rows) / sizeof(types_rows[0]),
};
CONF_SECTION(types_section)

static void ruleset_set(uint64_t *set, uint32_t i)
{
	set[i / 64] |= UINT64_C(1) << (i % 64);
}

static uint64_t ruleset_range(const struct datatype *t)
{
	uint64_t set = 0;

	for (uint32_t n = t->run_min ? t->run_min : 1; n <= t->run_max && n < 64; n++)
		set |= RUN_LEN(n);
	return set;
}

static bool ruleset_few(struct few_types *few, uint32_t type)
{
	if (few->n == RULESET_FEW)
		return false;
	few->type[few->n++] = (uint8_t)type;
	return true;
}

static bool ruleset_bucket(struct ruleset *r, uint32_t i, enum run_kind kind, uint64_t set)
{
	const struct datatype *t = r->type[i];
	uint8_t near = t->digits_near, least = near > t->digits_min ? near : t->digits_min;

	if (set && least < r->near_min)
		r->near_min = least;
	for (uint32_t n = 0; n < 64; n++) {
		struct bucket *b = &r->bucket[n][kind];

		if (!(set >> n & 1))
			continue;
		if (b->n == BUCKET_TYPES)
			return false;
		if (b->n == 0 || near < b->near)
			b->near = near;
		b->type[b->n++] = (uint8_t)i;
	}
	return true;
}

static void ruleset_gate(struct shape_gate *g, const struct datatype *t)
{
	const char *form = t->run_form ? t->run_form : "";

	g->near = t->digits_near;
	g->least = t->digits_min;
	g->before = t->run_before;
	for (uint32_t i = 0; form[i] && i < 32; i++) {
		if (form[i] == '?')
			continue;
		g->form |= UINT32_C(1) << i;
		if (form[i] == '9')
			g->digits |= UINT32_C(1) << i;
	}
	memset(g->first, t->run_first ? 0 : 0xff, sizeof(g->first));
	for (const char *c = t->run_first; c && *c; c++)
		ruleset_set(g->first, (uint8_t)*c & 127);
	memset(g->after, t->run_after ? 0 : 0xff, sizeof(g->after));
	for (const char *c = t->run_after; c && *c; c++)
		ruleset_set(g->after, (uint8_t)*c);
}

// Enters type i into the tables. False: one of them is too small.
static bool ruleset_enter(struct ruleset *r, uint32_t i)
{
	const struct datatype *t = r->type[i];
	uint64_t range = ruleset_range(t);
	uint64_t mixed = t->run_mixed | (t->digits_only ? 0 : range);
	uint64_t digits = t->run_digits | range;

	ruleset_gate(&r->gate[i], t);
	if (t->reports == REPORTS_WEAK)
		ruleset_set(r->weak, i);
	if (t->key_only && t->reports == REPORTS_WEAK)
		ruleset_set(r->weak_named, i);
	else if (t->key_only)
		ruleset_set(t->vague ? r->vague : r->named, i);
	if (t->wide && !ruleset_few(&r->wide, i))
		return false;
	if (t->pattern && strcmp(t->pattern, "@") == 0 && !ruleset_few(&r->at, i))
		return false;
	if (!mixed && !digits && !t->run_ctx)
		return true;
	r->run_set[i][RUN_MIXED] = mixed | (t->digits_only ? 0 : t->run_ctx);
	r->run_set[i][RUN_PLUS] = digits | t->run_ctx;
	r->run_set[i][RUN_DIGITS] = t->run_before == '+' ? 0 : digits | t->run_ctx;
	ruleset_set(t->reports == REPORTS_WEAK ? r->weak_shape : r->shape, i);
	if (r->run_set[i][RUN_MIXED] && t->digits_min == 0 && r->gate[i].digits == 0)
		ruleset_set(r->letters, i);
	if (t->reports != REPORTS_YES)
		return true;
	if (t->run_chain)
		return ruleset_few(&r->chain, i);
	if (t->digits_min == 0 && r->gate[i].digits == 0)
		r->letter_runs |= mixed & ((RUN_LEN(RUNS_WORD) << 1) - 1);
	return ruleset_bucket(r, i, RUN_MIXED, mixed) && ruleset_bucket(r, i, RUN_PLUS, digits) &&
	       (t->run_before == '+' || ruleset_bucket(r, i, RUN_DIGITS, digits));
}

// Patterns on their way into the database.
struct pattern_list {
	const char *text[PATTERNS_MAX];
	char field[MARK_FIELDS][160];
	unsigned int flags[PATTERNS_MAX], ids[PATTERNS_MAX], n;
};

static bool pattern_add(struct pattern_list *list, const char *pattern, unsigned int flags,
			uint32_t id)
{
	if (list->n == PATTERNS_MAX)
		return false;
	list->text[list->n] = pattern;
	list->flags[list->n] = flags | HS_FLAG_DOTALL;
	list->ids[list->n++] = id;
	return true;
}

static bool ruleset_patterns(const struct ruleset *r, struct pattern_list *list)
{
	for (uint32_t i = 0; i < r->n_types; i++) {
		const struct datatype *t = r->type[i];

		if (keyctx_has(r->on, i) && !keyctx_has(r->weak, i) && t->pattern &&
		    strcmp(t->pattern, "@") != 0 &&
		    !pattern_add(list, t->pattern, t->pattern_flags, i))
			return false;
	}
	return true;
}

static bool ruleset_marks(const struct ruleset *r, struct pattern_list *list)
{
	for (uint32_t i = 0; i < r->n_marks; i++) {
		if (!pattern_add(list, r->mark[i]->pattern,
				 r->mark[i]->caseless ? HS_FLAG_CASELESS : 0, RULESET_MARK + i))
			return false;
	}
	return true;
}

static bool ruleset_fields(struct pattern_list *list)
{
	for (uint32_t i = 0; i < mark_fields_count(); i++) {
		if (i == MARK_FIELDS ||
		    !mark_field_pattern(i, list->field[i], sizeof(list->field[i])) ||
		    !pattern_add(list, list->field[i], HS_FLAG_CASELESS, i))
			return false;
	}
	return true;
}

static bool pattern_compile(const struct pattern_list *list, struct hs_database **db, char *why,
			    size_t why_len)
{
	hs_platform_info_t here, *platform = &here;
	hs_compile_error_t *err = NULL;
	uint32_t n = list->n;

	for (uint32_t i = 0; i < n; i++) {
		hs_expr_info_t *info = NULL;

		if (hs_expression_info(list->text[i], list->flags[i], &info, &err) != HS_SUCCESS)
			goto fail;
		if (info->max_width > PATTERN_WIDTH_MAX) {
			snprintf(why, why_len, "pattern %s: wider than %d bytes", list->text[i],
				 PATTERN_WIDTH_MAX);
			free(info);
			return false;
		}
		free(info);
	}
	if (n == 0)
		return true;
	if (hs_populate_platform(&here) != HS_SUCCESS)
		platform = NULL;
	if (hs_compile_multi(list->text, list->flags, list->ids, n, HS_MODE_BLOCK, platform, db,
			     &err) == HS_SUCCESS)
		return true;
fail:
	snprintf(why, why_len, "pattern %s: %s",
		 err && err->expression >= 0 && (unsigned int)err->expression < n
			 ? list->text[err->expression]
			 : "",
		 err ? err->message : "out of memory");
	hs_free_compile_error(err);
	return false;
}

static bool ruleset_compile(struct ruleset *r, char *why, size_t why_len)
{
	struct pattern_list *list = calloc(1, sizeof(*list));
	bool good = false;

	if (!list || !ruleset_patterns(r, list))
		goto many;
	if (!pattern_compile(list, &r->patterns, why, why_len))
		goto out;
	if (!ruleset_marks(r, list))
		goto many;
	if (!pattern_compile(list, &r->answers, why, why_len))
		goto out;
	list->n = 0;
	if (!ruleset_fields(list))
		goto many;
	good = pattern_compile(list, &r->fields, why, why_len);
	goto out;
many:
	snprintf(why, why_len, "more than %d patterns, or no memory for them", PATTERNS_MAX);
out:
	free(list);
	return good;
}

// Which types can tell an accident, and what follows from it.
static bool ruleset_checked(struct ruleset *r)
{
	if (!selfcheck(r, r->checked, r->lucky))
		return false;
	for (uint32_t i = 0; i < r->n_types; i++) {
		if (keyctx_has(r->checked, i) && keyctx_has(r->shape, i) &&
		    r->type[i]->reports == REPORTS_CTX && !r->type[i]->key_only)
			ruleset_set(r->nameless, i);
		if (keyctx_has(r->lucky, i) || keyctx_has(r->weak, i) ||
		    keyctx_has(r->nameless, i))
			ruleset_set(r->counted, i);
	}
	return true;
}

struct ruleset *ruleset_new(const struct conf *conf, char *why, size_t why_len)
{
	const struct types_conf *types = conf_get(conf, &types_section);
	struct ruleset *r = calloc(1, sizeof(*r));

	if (!r)
		goto memory;
	if (!own_new(conf, &r->own, why, why_len))
		goto fail;
	r->n_types = datatype_count();
	r->near_min = UINT8_MAX;
	r->test_numbers = types->test_numbers;
	r->reference = types->scan == 1;
	r->card = datatype_find("card.pan");
	r->masks = runs_best();
	r->worth = shapes_best_way()->worth;
	r->scan = shapes_best_way()->scan;
	for (uint32_t i = 0; i < r->n_types; i++) {
		bool off = false;

		r->type[i] = datatype_get(i);
		for (size_t j = 0; j < types->disabled.n; j++)
			off |= strcmp(types->disabled.v[j], r->type[i]->id) == 0;
		if (off)
			continue;
		ruleset_set(r->on, i);
		if (!ruleset_enter(r, i)) {
			snprintf(why, why_len, "type %s: too many types share its first run",
				 r->type[i]->id);
			goto fail;
		}
	}
	r->n_marks = marks_count();
	if (r->n_marks > RULESET_MARKS) {
		snprintf(why, why_len, "more than %d marks", RULESET_MARKS);
		goto fail;
	}
	for (uint32_t i = 0; i < r->n_marks; i++)
		r->mark[i] = marks_get(i);
	r->words = calloc(1, keyctx_words_size());
	if (!r->words)
		goto memory;
	if (!keyctx_words_fill(r->words, r->on)) {
		snprintf(why, why_len, "the data types have too many context words");
		goto fail;
	}
	if (!ruleset_compile(r, why, why_len))
		goto fail;
	if (!ruleset_checked(r))
		goto memory;
	return r;
memory:
	snprintf(why, why_len, "out of memory for the data types");
fail:
	ruleset_free(r);
	return NULL;
}

void ruleset_free(struct ruleset *ruleset)
{
	if (!ruleset)
		return;
	hs_free_database(ruleset->patterns);
	hs_free_database(ruleset->answers);
	hs_free_database(ruleset->fields);
	own_free(ruleset->own);
	free(ruleset->words);
	free(ruleset);
}

// One scratch is large enough for all of them.
static bool scanner_scratch(struct scanner *s, const struct hs_database *db)
{
	return !db || hs_alloc_scratch(db, &s->scratch) == HS_SUCCESS;
}

struct scanner *scanner_new(const struct ruleset *ruleset, uint64_t seed)
{
	struct scanner *s = aligned_alloc(alignof(struct scanner), sizeof(*s));

	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->rules = ruleset;
	s->names.seed = seed;
	s->quick = !ruleset->own && !ruleset->reference;
	if (!scanner_scratch(s, ruleset->patterns) || !scanner_scratch(s, ruleset->answers) ||
	    !scanner_scratch(s, ruleset->fields) ||
	    (ruleset->own && !scanner_scratch(s, ruleset->own->patterns))) {
		scanner_free(s);
		return NULL;
	}
	return s;
}

void scanner_free(struct scanner *scanner)
{
	if (!scanner)
		return;
	hs_free_scratch(scanner->scratch);
	free(scanner);
}

void scanner_missed(struct scanner *scanner, missed_fn fn)
{
	scanner->on_missed = fn;
}

const struct scan_stats *scanner_stats(const struct scanner *scanner)
{
	return &scanner->stats;
}
