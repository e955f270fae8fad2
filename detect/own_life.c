// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The operator's data types, from the configuration into the registry and into a database. All that
// can be wrong with one is said when the configuration is checked, by file and line, so that what
// comes later does not fail but for memory. Control thread.

#include "detect/own.h"

#include "detect/issue.h"

#include <hs/hs.h>
#include <limits.h>
#include <stdlib.h>

struct own_options {
	const char *id, *title, *pattern, *host, *path;
	uint32_t validator, reports, severity, group, direction;
	bool personal;
	struct conf_strs context;
};

static const char *const validator_choices[] = {"none",    "luhn", "verhoeff", "mod97", "mod11_10",
						"mod11_2", "date", "entropy",  NULL};
static const char *const reports_choices[] = {"yes", "ctx", NULL};
static const char *const severity_choices[] = {"info", "low", "medium", "high", "critical", NULL};
// In the order of enum type_group.
static const char *const group_choices[] = {"contact", "personal", "financial", "government_id",
					    "health",  "network",  "secret",    NULL};
static const char *const direction_choices[] = {"both", "request", "response", NULL};

#define OWN_ROW(field, kind, ...)                                                                  \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct own_options, field),        \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row own_rows[] = {
	OWN_ROW(id, CONF_STR, .min = 3, .max = 40, .required = true,
		.help = "Name of the type in policies and issues: lower case, with a dot in it"),
	OWN_ROW(title, CONF_STR, .max = 80, .def = "\"\"",
		.help = "What the type is called in sentences; empty: its id"),
	OWN_ROW(pattern, CONF_STR, .min = 1, .max = 1000, .required = true,
		.help = "Regular expression (PCRE without look-around and back-references) that a "
			"value matches, of bounded length"),
	OWN_ROW(validator, CONF_ENUM, .choices = validator_choices, .def = "\"none\"",
		.help = "What a match must pass: the check digit of its digits (mod97: of its "
			"letters and "
			"digits), a date of eight digits, or at least 3.5 bits of entropy per "
			"byte"),
	OWN_ROW(context, CONF_STRS, .min = 2, .max = 32, .def = "[]",
		.help = "Words of a field's name that support the type, in lower case"),
	OWN_ROW(reports, CONF_ENUM, .choices = reports_choices, .def = "\"yes\"",
		.help = "Whether a match counts alone, or only when the field's name has a context "
			"word"),
	OWN_ROW(severity, CONF_ENUM, .choices = severity_choices, .def = "\"medium\"",
		.help = "Severity of a value that must not be there"),
	OWN_ROW(group, CONF_ENUM, .choices = group_choices, .def = "\"personal\"",
		.help = "What kind of data it is; secrets are masked but for their beginning"),
	OWN_ROW(personal, CONF_BOOL, .def = "false",
		.help = "Whether it belongs to a person, so that answers without credentials leak"),
	OWN_ROW(host, CONF_STR, .min = 1, .max = 255, .def = "\"*\"",
		.help = "The hosts where it is looked for; * and ? are wildcards"),
	OWN_ROW(path, CONF_STR, .min = 1, .max = 255, .def = "\"*\"",
		.help = "The endpoints' path templates where it is looked for; likewise"),
	OWN_ROW(direction, CONF_ENUM, .choices = direction_choices, .def = "\"both\"",
		.help = "The messages in which it is looked for"),
};

static bool own_check(const struct conf *conf, const void *item, char *why, size_t why_len);
static const struct conf_section own_section = {
	.path = "types.own",
	.help = "Data types of your own, searched in values; policies and issues know them by "
		"their id",
	.size = sizeof(struct own_options),
	.list = true,
	.rows = own_rows,
	.n_rows = sizeof(own_rows) / sizeof(own_rows[0]),
	.check = own_check,
};
CONF_SECTION(own_section)

// ---- checks

static const struct own_options *own_find(const struct conf *conf, const char *id, size_t *i)
{
	const struct own_options *o;

	for (*i = 0; (o = conf_item(conf, &own_section, *i)); ++*i) {
		if (o->id && strcmp(o->id, id) == 0)
			return o;
	}
	return NULL;
}

bool own_has(const struct conf *conf, const char *id)
{
	size_t i;

	return own_find(conf, id, &i) != NULL;
}

static bool own_check_id(const struct conf *conf, const struct own_options *o, char *why,
			 size_t why_len)
{
	size_t first;

	if (!strchr(o->id, '.') ||
	    strspn(o->id, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(o->id)) {
		snprintf(why, why_len,
			 "id: found \"%s\"; expected lower case letters, digits, '_', '-' and at "
			 "least one '.', such as \"acme.order\"",
			 o->id);
		return false;
	}
	// Built-in types come first.
	for (uint32_t i = 0; i < datatype_built_in(); i++) {
		if (strcmp(datatype_get(i)->id, o->id) == 0) {
			snprintf(why, why_len,
				 "id: \"%s\" is a built-in type; expected another name", o->id);
			return false;
		}
	}
	if (own_find(conf, o->id, &first) != o) {
		snprintf(why, why_len, "id: \"%s\" is also types.own[%zu]; expected another name",
			 o->id, first);
		return false;
	}
	return true;
}

// Not UTF-8: values may hold any bytes, of which Hyperscan asks that they be valid then.
enum { OWN_FLAGS = HS_FLAG_DOTALL };

static bool own_check_pattern(const char *pattern, char *why, size_t why_len)
{
	hs_compile_error_t *err = NULL;
	hs_database_t *db = NULL;
	hs_expr_info_t *info = NULL;
	unsigned least = 0, most = 0;

	if (hs_expression_info(pattern, OWN_FLAGS, &info, &err) == HS_SUCCESS) {
		least = info->min_width;
		most = info->max_width;
		free(info);
	}
	if (!err && most == UINT_MAX) {
		snprintf(why, why_len,
			 "pattern: it has no upper bound; expected counts such as {1,40} in place "
			 "of * "
			 "and +");
		return false;
	}
	if (!err && (least == 0 || most > OWN_WIDTH_MAX)) {
		snprintf(why, why_len,
			 "pattern: it matches %u to %u bytes; expected at least 1 and at most %d",
			 least, most, OWN_WIDTH_MAX);
		return false;
	}
	if (!err)
		hs_compile(pattern, OWN_FLAGS | HS_FLAG_SOM_LEFTMOST, HS_MODE_BLOCK, NULL, &db,
			   &err);
	if (err) {
		snprintf(why, why_len, "pattern: %s", err->message);
		hs_free_compile_error(err);
		return false;
	}
	hs_free_database(db);
	return true;
}

static bool own_check(const struct conf *conf, const void *item, char *why, size_t why_len)
{
	const struct own_options *o = item;

	if ((const char *)item >=
	    (const char *)conf_item(conf, &own_section, 0) + OWN_MAX * sizeof(*o)) {
		snprintf(why, why_len, "id: one type too many; allowed: %d", OWN_MAX);
		return false;
	}
	if (o->id && !own_check_id(conf, o, why, why_len))
		return false;
	if (o->pattern && !own_check_pattern(o->pattern, why, why_len))
		return false;
	if (o->reports == REPORTS_CTX && o->context.n == 0) {
		snprintf(why, why_len, "reports: \"ctx\" needs words; expected context beside it");
		return false;
	}
	return true;
}

// The longest row of bytes that every match holds, as far as a look at the text shows.
static uint32_t own_literal(const char *pattern)
{
	uint32_t best = 0, run = 0, least = UINT32_MAX, depth = 0;

	for (const char *c = pattern; *c; c++) {
		bool literal = false;

		if (*c == '\\' && c[1]) {
			c++;
			literal = strchr(".-/_@:#+?*()[]{}|$^\\", *c) != NULL;
		} else if (*c == '[') {
			while (c[1] && c[1] != ']')
				c += c[1] == '\\' && c[2] ? 2 : 1;
			c += c[1] == ']';
		} else if (*c == '(') {
			depth++;
		} else if (*c == ')') {
			depth -= depth > 0;
		} else if (*c == '|' && depth == 0) {
			least = best < least ? best : least;
			best = run = 0;
			continue;
		} else {
			literal = !strchr("?*+{}.^$|", *c);
			if (*c == '{')
				c += strcspn(c, "}") - (c[strcspn(c, "}")] ? 0 : 1);
		}
		// What may be absent is no part of each match.
		if (literal && depth == 0 && c[1] != '?' && c[1] != '*' && c[1] != '{')
			run++;
		else
			run = 0;
		best = run > best ? run : best;
	}
	return best < least ? best : least;
}

void own_notes(const struct conf *conf, FILE *out)
{
	enum { LITERAL = 3 };

	for (size_t i = 0; i < conf_count(conf, &own_section); i++) {
		const struct own_options *o = conf_item(conf, &own_section, i);

		if (own_literal(o->pattern) < LITERAL)
			fprintf(out,
				"%s: types.own[%zu].pattern: note: no %d bytes stand in every "
				"match of "
				"%s, so each byte of each value is tried; a fixed prefix makes it "
				"cheap\n",
				conf_item_where(conf, &own_section, i), i, LITERAL, o->id);
	}
}

// ---- registry

static struct span own_refuse(const struct candidate *)
{
	return (struct span){0}; // it is found by its own database only
}

static const struct type_sample own_samples[] = {{0}};

static bool own_type(struct own_types *own, uint32_t i, const struct own_options *o)
{
	own->context[i] = calloc(o->context.n + 1, sizeof(char *));
	if (!own->context[i])
		return false;
	for (size_t k = 0; k < o->context.n; k++)
		own->context[i][k] = o->context.v[k];
	own->validator[i] = (uint8_t)o->validator;
	own->scope[i] = (struct type_scope){
		.host = o->host,
		.path = o->path,
		.request = o->direction != 2,
		.response = o->direction != 1,
	};
	own->type[i] = (struct datatype){
		.id = o->id,
		.title = *o->title ? o->title : o->id,
		.group = (enum type_group)o->group,
		.reports = (enum type_reports)o->reports,
		.severity = (uint8_t)o->severity,
		.personal = o->personal,
		.context = own->context[i],
		.check = own_refuse,
		.samples = own_samples,
		.scope = &own->scope[i],
	};
	return true;
}

static bool own_compile(struct own_types *own, const struct conf *conf, char *why, size_t why_len)
{
	const char *text[OWN_MAX];
	unsigned flags[OWN_MAX], ids[OWN_MAX];
	hs_platform_info_t here, *platform = &here;
	hs_compile_error_t *err = NULL;

	for (uint32_t i = 0; i < own->n; i++) {
		const struct own_options *o = conf_item(conf, &own_section, i);

		text[i] = o->pattern;
		flags[i] = OWN_FLAGS | HS_FLAG_SOM_LEFTMOST;
		ids[i] = own->first + i;
	}
	if (hs_populate_platform(&here) != HS_SUCCESS)
		platform = NULL;
	if (hs_compile_multi(text, flags, ids, own->n, HS_MODE_BLOCK, platform, &own->patterns,
			     &err) == HS_SUCCESS)
		return true;
	snprintf(why, why_len, "types.own: %s", err ? err->message : "out of memory");
	hs_free_compile_error(err);
	return false;
}

bool own_new(const struct conf *conf, struct own_types **types, char *why, size_t why_len)
{
	uint32_t n = (uint32_t)conf_count(conf, &own_section);
	struct own_types *own;

	*types = NULL;
	datatype_own(NULL, 0);
	if (n == 0)
		return true;
	own = calloc(1, sizeof(*own));
	if (!own || n > OWN_MAX)
		goto memory;
	own->first = datatype_built_in();
	for (; own->n < n; own->n++) {
		if (!own_type(own, own->n, conf_item(conf, &own_section, own->n)))
			goto memory;
	}
	if (!own_compile(own, conf, why, why_len))
		goto fail;
	if (!datatype_own(own->type, n)) {
		snprintf(why, why_len, "types.own: the table of types has no room for %u more", n);
		goto fail;
	}
	*types = own;
	return true;
memory:
	snprintf(why, why_len, "out of memory for types.own");
fail:
	own_free(own);
	return false;
}

void own_free(struct own_types *own)
{
	if (!own)
		return;
	datatype_own(NULL, 0);
	hs_free_database(own->patterns);
	for (uint32_t i = 0; i < OWN_MAX; i++)
		free(own->context[i]);
	free(own);
}
