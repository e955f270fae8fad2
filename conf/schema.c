// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The registry of sections and everything that follows from their rows alone: checks of values,
// the nearest name to a misspelt one, the structs of a loaded configuration, the sample file and
// the table of keys.
// Sections arrive before main(), from constructors in any order, and never change after it; the
// functions here only read them. A wrong row is a mistake of a programmer: it aborts the start.
// Names that a key accepts are asked for late, when values are checked, because the tables
// behind them may be filled by constructors too.

#include "conf/schema.h"

#include "conf/conf.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SECTIONS_MAX = 128, WRAP_COLUMNS = 96 };

// Ordered by strcmp() of paths. The dot sorts before all that a name is made of, so that a group
// and all below it stand together, the group first.
static const struct conf_section *sections[SECTIONS_MAX];
static size_t n_sections;

static const struct {
	const char *name; // for people
	size_t size;      // of the field
} types[] = {
	[CONF_BOOL] = { "boolean", sizeof(bool) },
	[CONF_U32] = { "integer", sizeof(uint32_t) },
	[CONF_U64] = { "integer", sizeof(uint64_t) },
	[CONF_F64] = { "number", sizeof(double) },
	[CONF_STR] = { "string", sizeof(const char *) },
	[CONF_ENUM] = { "choice", sizeof(uint32_t) },
	[CONF_STRS] = { "strings", sizeof(struct conf_strs) },
};

void schema_note(struct schema_note *note, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(note->text + note->len, sizeof(note->text) - note->len, format, args);
	va_end(args);
	if (len > 0)
		note->len += (size_t)len;
	if (note->len >= sizeof(note->text))
		note->len = sizeof(note->text) - 1;
}

// ---- Registration

__attribute__((noreturn, format(printf, 3, 4))) static void
reject(const struct conf_section *section, const struct conf_row *row, const char *format, ...)
{
	fprintf(stderr, "conf: section %s%s%s: ", section->path ? section->path : "(no path)",
		row ? ", key " : "", row && row->key ? row->key : "");
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

// A name that libconfig reads as one token, without a byte that needs escaping.
static bool name_ok(const char *name, size_t len)
{
	if (len == 0 || len >= SCHEMA_NAME_MAX || !islower((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '_')
			return false;
	return true;
}

static bool path_ok(const char *path)
{
	if (!path || strlen(path) >= SCHEMA_PATH_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(path, ".");
		if (!name_ok(path, len))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
	}
}

bool schema_below(const char *path, const char *group, size_t len)
{
	return !strncmp(path, group, len) && (len == 0 || path[len] == '.' || path[len] == '\0');
}

// The part of path just below the group: "bola" of "detect.bola" in "detect". NULL: none.
static const char *child_of(const char *path, const char *group, size_t *child_len)
{
	size_t len = strlen(group);
	if (!schema_below(path, group, len) || path[len] == '\0')
		return NULL;
	const char *child = path + len + (len > 0);
	*child_len = strcspn(child, ".");
	return child;
}

static bool is_text(const struct conf_row *row)
{
	return row->type == CONF_STR || row->type == CONF_STRS;
}

// The default itself is checked with the same code as a file, when the first file is loaded.
static void row_check(const struct conf_section *section, const struct conf_row *row)
{
	if (!row->key || !name_ok(row->key, strlen(row->key)))
		reject(section, row, "not a name of a key");
	if ((size_t)row->type >= sizeof(types) / sizeof(types[0]))
		reject(section, row, "no such type");
	if (row->offset > section->size || types[row->type].size > section->size - row->offset)
		reject(section, row, "the field is outside of the section's struct");
	if (!row->help || strpbrk(row->help, "\r\n"))
		reject(section, row, "needs a help text of one line");
	if (row->required ? !section->list || row->def : !row->def)
		reject(section, row, "needs a default or, in a list section only, required");
	if ((row->type == CONF_ENUM) != !!row->choices)
		reject(section, row, "choices belong to CONF_ENUM and only there");
	if (row->names && !is_text(row))
		reject(section, row, "names belong to strings");
	if (row->valid && (row->names || !is_text(row)))
		reject(section, row, "a check of its own belongs to strings without names");
	// A string without a largest length may be as long as the file allows.
	if (!(row->min <= row->max) && !(is_text(row) && row->max == 0))
		reject(section, row, "min is above max");
	if ((row->type == CONF_U32 && (row->min < 0 || row->max > UINT32_MAX)) ||
	    (row->type == CONF_U64 && (row->min < 0 || row->max > 0x1p64)))
		reject(section, row, "the range does not fit in the type");
	for (const struct conf_row *before = section->rows; before < row; before++)
		if (!strcmp(before->key, row->key))
			reject(section, row, "the key is declared twice");
}

// Whether the path of below starts with section's, which then must leave room for it.
static void overlap_check(const struct conf_section *section, const struct conf_section *below)
{
	size_t len = 0;
	const char *child = child_of(below->path, section->path, &len);
	if (!child)
		return;
	if (section->list)
		reject(below, NULL, "%s is a list and cannot hold a section", section->path);
	for (size_t i = 0; i < section->n_rows; i++)
		if (strlen(section->rows[i].key) == len &&
		    !strncmp(section->rows[i].key, child, len))
			reject(below, NULL, "%s has a key of that name", section->path);
}

void conf_section_add(const struct conf_section *section)
{
	if (!path_ok(section->path))
		reject(section, NULL, "not a path of a section");
	if (!section->help || strpbrk(section->help, "\r\n") || section->size == 0)
		reject(section, NULL, "needs a help text of one line and a size");
	for (size_t i = 0; i < section->n_rows; i++)
		row_check(section, &section->rows[i]);
	if (n_sections == SECTIONS_MAX)
		reject(section, NULL, "more than %d sections", SECTIONS_MAX);

	size_t place = n_sections;
	for (size_t i = n_sections; i-- > 0;) {
		int order = strcmp(section->path, sections[i]->path);
		if (order == 0)
			reject(section, NULL, "registered twice");
		overlap_check(sections[i], section);
		overlap_check(section, sections[i]);
		if (order < 0)
			place = i;
	}
	memmove(&sections[place + 1], &sections[place], (n_sections - place) * sizeof(sections[0]));
	sections[place] = section;
	n_sections++;
}

const struct conf_section *schema_section(size_t i)
{
	return i < n_sections ? sections[i] : NULL;
}

const struct conf_row *schema_row(const struct conf_section *section, const char *key)
{
	for (size_t i = 0; section && i < section->n_rows; i++)
		if (!strcmp(section->rows[i].key, key))
			return &section->rows[i];
	return NULL;
}

// The i-th name allowed in a group: its keys, then the groups in it. NULL past the last.
static const char *group_name(const char *group, const struct conf_section *section, size_t i,
			      size_t *len)
{
	size_t n_rows = section ? section->n_rows : 0;
	if (i < n_rows) {
		*len = strlen(section->rows[i].key);
		return section->rows[i].key;
	}
	i -= n_rows;
	for (size_t s = 0; group && s < n_sections; s++) {
		const char *path = sections[s]->path;
		const char *child = child_of(path, group, len);
		// Sections of one group stand together: it is named with the first.
		if (!child || (s > 0 && schema_below(sections[s - 1]->path, path,
						     (size_t)(child - path) + *len)))
			continue;
		if (i-- == 0)
			return child;
	}
	return NULL;
}

bool schema_has_group(const char *group, const char *name)
{
	const char *child;
	size_t len;
	for (size_t i = 0; (child = group_name(group, NULL, i, &len)); i++)
		if (strlen(name) == len && !strncmp(child, name, len))
			return true;
	return false;
}

// ---- The nearest name

struct nearest {
	const char *name;
	size_t name_len;
	size_t distance; // only a candidate nearer than this is taken
	const char *best;
	size_t best_len;
};

static struct nearest nearest_init(const char *name)
{
	size_t len = strlen(name);
	return (struct nearest){ .name = name, .name_len = len, .distance = len / 3 + 1 };
}

// Levenshtein's distance without regard to case, one row of the table at a time.
static void nearest_try(struct nearest *nearest, const char *name, size_t len)
{
	if (len >= SCHEMA_NAME_MAX || nearest->name_len >= SCHEMA_NAME_MAX)
		return;
	size_t row[SCHEMA_NAME_MAX];
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; i <= nearest->name_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t cost = diagonal + (tolower((unsigned char)nearest->name[i - 1]) !=
						  tolower((unsigned char)name[j - 1]));
			diagonal = row[j];
			size_t one_more = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = cost < one_more ? cost : one_more;
		}
	}
	if (row[len] < nearest->distance) {
		nearest->distance = row[len];
		nearest->best = name;
		nearest->best_len = len;
	}
}

const char *conf_nearest(const char *name, conf_names_fn names)
{
	struct nearest nearest = nearest_init(name);
	const char *candidate;
	for (size_t i = 0; (candidate = names(i)); i++)
		nearest_try(&nearest, candidate, strlen(candidate));
	return nearest.best;
}

void schema_hint(const char *group, const struct conf_section *section, const char *name,
		 struct schema_note *note)
{
	struct nearest nearest = nearest_init(name);
	const char *known, *comma = "; allowed here: ";
	size_t len;
	for (size_t i = 0; (known = group_name(group, section, i, &len)); i++)
		nearest_try(&nearest, known, len);
	if (nearest.best)
		schema_note(note, "; did you mean \"%.*s\"?", (int)nearest.best_len, nearest.best);
	else
		for (size_t i = 0; (known = group_name(group, section, i, &len)); i++, comma = ", ")
			schema_note(note, "%s%.*s", comma, (int)len, known);
}

// ---- Values

// The i-th value that a key with choices or names accepts; NULL past the last.
static const char *choice(const struct conf_row *row, size_t i)
{
	return row->choices ? row->choices[i] : row->names(i);
}

static void choices_note(const struct conf_row *row, const char *intro, struct schema_note *note)
{
	const char *name;
	for (size_t i = 0; (name = choice(row, i)); i++)
		schema_note(note, "%s\"%s\"", i == 0 ? intro : ", ", name);
}

static void range_note(const struct conf_row *row, struct schema_note *note)
{
	const char *unit = is_text(row) ? "bytes" : row->unit;
	schema_note(note, "%.15g to ", row->min);
	// Not 9.22337203685478e+18: an operator may want to copy it.
	schema_note(note, row->max > 1e15 && row->max < 1e20 ? "%.0f" : "%.15g", row->max);
	if (unit)
		schema_note(note, " %s", unit);
}

void schema_allowed(const struct conf_row *row, struct schema_note *note)
{
	if (row->type == CONF_STRS)
		schema_note(note, "an array [ \"...\" ] of strings, each ");
	if (row->type == CONF_BOOL) {
		schema_note(note, "true or false");
	} else if (row->choices || row->names) {
		choices_note(row, "one of ", note);
	} else if (is_text(row) && row->max == 0) {
		schema_note(note, "a string of any length");
	} else {
		schema_note(note, is_text(row)              ? "a string of "
				  : row->type == CONF_F64 ? "a number from "
							  : "an integer from ");
		range_note(row, note);
	}
}

void schema_found(const struct schema_value *value, struct schema_note *note)
{
	schema_note(note, "found %s", value->what);
	if (value->kind == SCHEMA_BOOL)
		schema_note(note, " (%s)", value->boolean ? "true" : "false");
	else if (value->kind == SCHEMA_INT)
		schema_note(note, " (%lld)", (long long)value->integer);
	else if (value->kind == SCHEMA_FLOAT)
		schema_note(note, " (%.15g)", value->number);
	else if (value->kind == SCHEMA_STRING)
		schema_note(note, " (\"%.64s\")", value->string);
}

static bool number_check(const struct conf_row *row, const struct schema_value *value,
			 struct schema_note *why)
{
	if (value->kind == SCHEMA_INT) {
		if (value->integer >= row->min && value->integer <= row->max)
			return true;
		schema_note(why, "%lld is %s", (long long)value->integer,
			    value->integer < 0 && row->min >= 0 ? "negative" : "out of range");
	} else {
		if (value->number >= row->min && value->number <= row->max)
			return true;
		if (isfinite(value->number))
			schema_note(why, "%.15g is out of range", value->number);
		else
			schema_note(why, "the number is too large");
	}
	schema_note(why, "; allowed: ");
	range_note(row, why);
	return false;
}

static bool string_check(const struct conf_row *row, const char *string, struct schema_note *why)
{
	if (!row->names && !row->choices) {
		size_t len = strlen(string);
		char wrong[256];
		if (row->max == 0 || (len >= row->min && len <= row->max)) {
			if (!row->valid || row->valid(string, wrong, sizeof(wrong)))
				return true;
			schema_note(why, "\"%.64s%s\" %s", string, len > 64 ? "..." : "", wrong);
			return false;
		}
		schema_note(why, "\"%.64s%s\" is too %s (%zu bytes); allowed: ", string,
			    len > 64 ? "..." : "", len > row->max ? "long" : "short", len);
		range_note(row, why);
		return false;
	}
	struct nearest nearest = nearest_init(string);
	const char *name;
	for (size_t i = 0; (name = choice(row, i)); i++) {
		if (!strcmp(name, string))
			return true;
		nearest_try(&nearest, name, strlen(name));
	}
	schema_note(why, "\"%.64s\" is not a known %s", string, row->names ? "name" : "choice");
	if (nearest.best)
		schema_note(why, "; did you mean \"%s\"?", nearest.best);
	// Choices are few and always worth a look; names can be many.
	if (!nearest.best || row->choices)
		choices_note(row, nearest.best ? " allowed: " : "; allowed: ", why);
	return false;
}

bool schema_check(const struct conf_row *row, const struct schema_value *value,
		  struct schema_note *why)
{
	bool number = value->kind == SCHEMA_INT || value->kind == SCHEMA_FLOAT;
	// An integer that does not fit in 64 bits arrives as an infinity.
	bool integer = value->kind == SCHEMA_INT || (number && !isfinite(value->number));
	if (row->type == CONF_BOOL && value->kind == SCHEMA_BOOL)
		return true;
	if (row->type == CONF_F64 ? number
				  : integer && (row->type == CONF_U32 || row->type == CONF_U64))
		return number_check(row, value, why);
	if (value->kind == SCHEMA_STRING && (is_text(row) || row->type == CONF_ENUM))
		return string_check(row, value->string, why);
	schema_found(value, why);
	schema_note(why, "; expected ");
	schema_allowed(row, why);
	return false;
}

void schema_store(const struct conf_row *row, const struct schema_value *value, void *field)
{
	switch (row->type) {
	case CONF_BOOL:
		*(bool *)field = value->boolean;
		break;
	case CONF_U32:
		*(uint32_t *)field = (uint32_t)value->integer;
		break;
	case CONF_U64:
		*(uint64_t *)field = (uint64_t)value->integer;
		break;
	case CONF_F64:
		*(double *)field = value->kind == SCHEMA_INT ? (double)value->integer
							     : value->number;
		break;
	case CONF_STR:
	case CONF_STRS: // one element
		*(const char **)field = value->string;
		break;
	case CONF_ENUM:
		*(uint32_t *)field = 0;
		while (strcmp(row->choices[*(uint32_t *)field], value->string) != 0)
			++*(uint32_t *)field;
		break;
	}
}

// ---- A loaded configuration

void conf_free(struct conf *conf)
{
	while (conf && conf->blocks) {
		struct conf_block *next = conf->blocks->next;
		free(conf->blocks);
		conf->blocks = next;
	}
	free(conf);
}

static const struct conf_slot *slot_of(const struct conf *conf, const struct conf_section *section)
{
	for (size_t i = 0; i < conf->n_slots; i++)
		if (conf->slots[i].section == section)
			return &conf->slots[i];
	return NULL;
}

const void *conf_get(const struct conf *conf, const struct conf_section *section)
{
	const struct conf_slot *slot = slot_of(conf, section);
	return slot ? slot->base : NULL;
}

size_t conf_count(const struct conf *conf, const struct conf_section *section)
{
	const struct conf_slot *slot = slot_of(conf, section);
	return slot ? slot->n_items : 0;
}

const void *conf_item(const struct conf *conf, const struct conf_section *section, size_t i)
{
	const struct conf_slot *slot = slot_of(conf, section);
	return slot && i < slot->n_items ? slot->items + i * section->size : NULL;
}

const char *conf_item_where(const struct conf *conf, const struct conf_section *section, size_t i)
{
	const struct conf_slot *slot = slot_of(conf, section);
	return slot && i < slot->n_items ? slot->where[i] : NULL;
}

// ---- Sample and help

struct sample {
	FILE *out;
	int depth;        // groups open
	const char *mark; // "#" within a list, which is shown as a comment
	int inner;        // brackets open within the list
};

// Starts a line. The mark comes before the inner tabs: taking it away leaves a good file.
static void sample_indent(const struct sample *sample)
{
	fprintf(sample->out, "%.*s%s%.*s", sample->depth, "\t\t\t\t\t\t\t\t", sample->mark,
		sample->inner, "\t\t");
}

static void sample_comment(const struct sample *sample, const char *text)
{
	size_t width = WRAP_COLUMNS - 8 * (size_t)(sample->depth + sample->inner);
	while (*text) {
		size_t len = strlen(text);
		if (len > width)
			for (len = width; len > 0 && text[len] != ' '; len--)
				;
		if (len == 0)
			len = strcspn(text, " ");
		sample_indent(sample);
		fprintf(sample->out, "# %.*s\n", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

static void sample_rows(const struct sample *sample, const struct conf_section *section)
{
	for (size_t i = 0; i < section->n_rows; i++) {
		const struct conf_row *row = &section->rows[i];
		struct schema_note note = { .len = 0 }, value = { .len = 0 };
		schema_note(&note, row->required ? "Required: " : "Allowed: ");
		schema_allowed(row, &note);
		sample_comment(sample, row->help);
		sample_comment(sample, note.text);

		// A required key has no default: something that it accepts.
		const char *name = row->choices || row->names ? choice(row, 0) : row->key;
		name = name ? name : "";
		if (row->def)
			schema_note(&value, "%s", row->def);
		else if (row->type == CONF_BOOL)
			schema_note(&value, "true");
		else if (row->type == CONF_STRS)
			schema_note(&value, "[ \"%s\" ]", name);
		else if (row->type == CONF_STR || row->type == CONF_ENUM)
			schema_note(&value, "\"%s\"", name);
		else
			schema_note(&value, "%.15g", row->min);
		sample_indent(sample);
		fprintf(sample->out, "%s = %s;\n", row->key, value.text);
	}
}

// Prints a line of its own on the given level.
static void sample_bracket(struct sample *sample, int inner, const char *name, const char *bracket)
{
	sample->inner = inner;
	sample_indent(sample);
	fprintf(sample->out, "%s%s\n", name, bracket);
}

static void sample_section(struct sample *sample, const struct conf_section *section,
			   const char *name)
{
	sample_comment(sample, section->help);
	sample->mark = section->list ? "#" : "";
	if (section->list) {
		sample_bracket(sample, 0, name, ": (");
		sample_bracket(sample, 1, "", "{");
		sample->inner = 2;
	} else {
		sample_bracket(sample, 0, name, ": {");
		sample->depth++;
	}
	sample_rows(sample, section);
	if (section->list) {
		sample_bracket(sample, 1, "", "}");
		sample_bracket(sample, 0, "", ");");
		sample->mark = "";
	}
}

void conf_print_sample(FILE *out)
{
	fprintf(out, "# Configuration of the apitap sensor: all keys with their defaults.\n"
		     "# A key that is left out has its default. Lists are shown as examples: take\n"
		     "# away the \"#\" at the start of their lines to use them. A line\n"
		     "# @include \"file\" is replaced by that file, found beside this one.\n");
	struct sample sample = { .out = out, .mark = "" };
	const char *open = ""; // path of the innermost open group: its first open_len bytes
	size_t open_len = 0;
	for (size_t i = 0; i <= n_sections; i++) {
		const char *path = i < n_sections ? sections[i]->path : ".";
		while (open_len > 0 && !schema_below(path, open, open_len)) {
			sample.depth--;
			sample_bracket(&sample, 0, "", "};");
			while (open_len > 0 && open[--open_len] != '.')
				;
		}
		if (i == n_sections)
			return;
		fputc('\n', out);
		size_t start = open_len + (open_len > 0), len;
		while (len = strcspn(path + start, "."), path[start + len]) {
			// A group without keys of its own.
			sample_indent(&sample);
			fprintf(out, "%.*s: {\n", (int)len, path + start);
			sample.depth++;
			start += len + 1;
		}
		sample_section(&sample, sections[i], path + start);
		open = path;
		open_len = sections[i]->list ? (start > 0 ? start - 1 : 0) : start + len;
	}
}

void conf_print_help(FILE *out)
{
	fprintf(out, "%-40s %-8s %-16s %s\n", "KEY", "TYPE", "DEFAULT", "HELP (WHAT IS ALLOWED)");
	for (size_t s = 0; s < n_sections; s++)
		for (size_t r = 0; r < sections[s]->n_rows; r++) {
			const struct conf_row *row = &sections[s]->rows[r];
			struct schema_note key = { .len = 0 }, allowed = { .len = 0 };
			schema_note(&key, "%s%s.%s", sections[s]->path,
				    sections[s]->list ? "[]" : "", row->key);
			schema_allowed(row, &allowed);
			fprintf(out, "%-40s %-8s %-16s %s (%s)\n", key.text,
				types[row->type].name, row->def ? row->def : "required", row->help,
				allowed.text);
		}
}
