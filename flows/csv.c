// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The walker of tables as text (RFC 4180): a value per cell, its key the cell of the first line
// above it. Runs on the worker; one state per body.
//
//	name;ssn\r\nAda;123-45-6789\r\n        parent "$[]", keys "name" and "ssn"
//
// The separator is the first of , ; TAB | in the first line. Cells of that line are values without
// a key, for it may be data; and if one of them cannot be a name no column has one. Of names, what
// fits into the state is kept; columns beyond have none. Quotes around a cell go, doubled ones
// inside stay doubled.

#include "flows/walker.h"

enum {
	CSV_COLUMNS = 64,
	CSV_NAMES = 768, // bytes of all names
	CSV_PATH = 2 + WALK_KEY + 2,
};

enum csv_state {
	CSV_CELL = 0,  // at the beginning of a cell
	CSV_BEHIND,    // behind a cell in quotes
	CSV_LONG_CELL, // inside a cell that began before the window
	CSV_LONG_QUOTED,
};

struct csv {
	uint8_t state;     // enum csv_state
	uint8_t separator; // 0: not yet known
	bool first;        // the first line
	bool nameless;     // it holds no names
	uint8_t path_len;
	uint16_t column;  // saturating
	uint16_t n_names; // columns that have one, perhaps an empty one
	uint16_t names_len;
	uint64_t told; // LONG_*: offset in the body up to which the cell was handed on
	uint64_t path_hash;
	uint16_t name_at[CSV_COLUMNS];
	uint8_t name_len[CSV_COLUMNS];
	uint8_t path[CSV_PATH];
	uint8_t names[CSV_NAMES];
};

static_assert(sizeof(struct csv) <= WALKER_PART, "a part may be a table");

static bool csv_is_separator(uint8_t c)
{
	return c == ',' || c == ';' || c == '\t' || c == '|';
}

// A name is short, begins like a word and is no address; what people type is not.
static bool csv_may_name(struct span s)
{
	uint8_t c = s.len ? span_lower(s.p[0]) : '_';

	return s.len <= WALK_KEY && !(s.len && memchr(s.p, '@', s.len)) &&
	       ((c >= 'a' && c <= 'z') || c == '_' || c == '#' || c >= 0x80);
}

static void csv_learn(struct csv *csv, struct span name)
{
	name = span_trim(name);
	csv->nameless |= !csv_may_name(name);
	if (csv->nameless || csv->n_names == CSV_COLUMNS)
		return;
	if (name.len > (uint32_t)CSV_NAMES - csv->names_len)
		name.len = 0;
	memcpy(csv->names + csv->names_len, name.p, name.len);
	csv->name_at[csv->n_names] = csv->names_len;
	csv->name_len[csv->n_names] = (uint8_t)name.len;
	csv->names_len += (uint16_t)name.len;
	csv->n_names++;
}

static struct value csv_value(const struct csv *csv, const struct walk *w)
{
	struct value v = {.dir = w->dir, .parent = {csv->path, csv->path_len}};

	v.key.p = csv->names;
	if (!csv->first && !csv->nameless && csv->column < csv->n_names)
		v.key = span_make(csv->names + csv->name_at[csv->column],
				  csv->name_len[csv->column]);
	v.key_hash = walk_key_hash(w->seed, v.key);
	v.field = walk_field_hash(csv->path_hash, v.key_hash);
	return v;
}

// A whole cell.
static void csv_cell(struct csv *csv, const struct walk *w, const uint8_t *p, const uint8_t *stop)
{
	struct value v = csv_value(csv, w);

	if (csv->first)
		csv_learn(csv, span_make(p, (size_t)(stop - p)));
	if (stop > p)
		walk_value(w, &v, VALUE_STRING, p, stop);
}

// Where the plain cell at p ends: its separator or line feed, or the window's end.
static const uint8_t *csv_cell_end(const struct csv *csv, const uint8_t *p, const uint8_t *end)
{
	if (csv->separator)
		return walk_find(p, end, csv->separator, '\n', '\n');
	while (p < end && *p != '\n' && !csv_is_separator(*p))
		p++;
	return p;
}

// A CR before the end of line is not of the cell, nor is one that may stand there.
static const uint8_t *csv_trim(const uint8_t *p, const uint8_t *stop)
{
	return stop > p && stop[-1] == '\r' ? stop - 1 : stop;
}

// The quote that ends the cell whose content goes on at p. NULL: none in this window. *told: what
// is behind it is not yet clear; a quote that is the last byte may be the first of two.
static const uint8_t *csv_quote(const struct walk *w, const uint8_t *p, const uint8_t **told)
{
	*told = w->end;
	while ((p = walk_find(p, w->end, '"', '"', '"')) < w->end) {
		if (p + 1 == w->end && !w->last) {
			*told = p;
			return NULL;
		}
		if (p + 1 == w->end || p[1] != '"')
			return p;
		p += 2;
	}
	return NULL;
}

// The window ends in a cell whose content begins at p; what stands behind told may belong to its
// end.
static const uint8_t *csv_stop(struct csv *csv, const struct walk *w, const uint8_t *token,
			       const uint8_t *p, const uint8_t *told)
{
	struct value v = csv_value(csv, w);
	bool quoted = p > token;

	if (w->last) {
		if (w->complete && !quoted)
			csv_cell(csv, w, p, told);
		else if (p < w->end)
			walk_value(w, &v, VALUE_TEXT, p, w->end);
		csv->state = CSV_CELL;
		return w->end;
	}
	if (w->end - token <= walk_tail(w))
		return token;
	// A cell of the first line that is too long to be asked for again is no name.
	csv->nameless |= csv->first;
	csv->state = quoted ? CSV_LONG_QUOTED : CSV_LONG_CELL;
	walk_value(w, &v, VALUE_TEXT, p, told);
	csv->told = w->off + (uint64_t)(told - w->begin);
	return walk_context(w);
}

// At a separator or line feed.
static void csv_next(struct csv *csv, uint8_t c)
{
	csv->state = CSV_CELL;
	if (c != '\n') {
		csv->separator = csv->separator ? csv->separator : c;
		csv->column += csv->column < UINT16_MAX;
		return;
	}
	if (csv->first && (csv->column || csv->n_names || csv->nameless)) {
		csv->first = false;
		// One column has no separator; this byte stands in no text.
		csv->separator = csv->separator ? csv->separator : '\n';
	}
	csv->column = 0;
}

// The rest of a cell that began before the window. Where it ends; NULL: it goes on.
static const uint8_t *csv_resume(struct csv *csv, const struct walk *w)
{
	const uint8_t *from = w->begin + (csv->told - w->off), *stop, *to;
	struct value v = csv_value(csv, w);
	bool quoted = csv->state == CSV_LONG_QUOTED;

	if (quoted) {
		stop = csv_quote(w, from, &to);
	} else {
		stop = csv_cell_end(csv, from, w->end);
		to = w->last ? stop : csv_trim(from, stop);
	}
	if (!stop || stop >= w->end) {
		walk_text_from(w, &v, from, to);
		csv->told = w->off + (uint64_t)(to - w->begin);
		return NULL;
	}
	walk_text_from(w, &v, from, quoted ? stop : *stop == '\n' ? csv_trim(from, stop) : stop);
	csv->state = quoted ? CSV_BEHIND : csv->state;
	return quoted ? stop + 1 : stop;
}

static const uint8_t *csv_walk(void *state, const struct walk *w)
{
	struct csv *csv = state;
	const uint8_t *p = w->begin, *q, *told;

	if (csv->state >= CSV_LONG_CELL) {
		p = csv_resume(csv, w);
		if (!p) {
			told = w->begin + (csv->told - w->off);
			q = walk_context(w);
			return w->last ? w->end : q < told ? q : told;
		}
		if (csv->state == CSV_LONG_CELL)
			csv_next(csv, *p++);
	}
	while (p < w->end) {
		if (csv->state == CSV_BEHIND) {
			p = csv_cell_end(csv, p, w->end);
			if (p < w->end)
				csv_next(csv, *p++);
			continue;
		}
		if (*p == '"') {
			q = csv_quote(w, p + 1, &told);
			if (!q)
				return csv_stop(csv, w, p, p + 1, told);
			csv_cell(csv, w, p + 1, q);
			csv->state = CSV_BEHIND;
			p = q + 1;
			continue;
		}
		q = csv_cell_end(csv, p, w->end);
		if (q >= w->end)
			return csv_stop(csv, w, p, p, csv_trim(p, q));
		told = *q == '\n' ? csv_trim(p, q) : q;
		if (*q != '\n' || csv->column || told > p)
			csv_cell(csv, w, p, told);
		csv_next(csv, *q);
		p = q + 1;
	}
	return w->end;
}

static bool csv_begin(void *state, const struct walk_start *start)
{
	struct csv *csv = state;
	uint32_t n = start->name.len;

	csv->state = CSV_CELL;
	csv->separator = 0;
	csv->first = true;
	csv->nameless = false;
	csv->column = 0;
	csv->n_names = csv->names_len = 0;
	csv->told = 0;
	csv->path_hash = walk_mix(walk_start_path(start) ^ WALK_K2, WALK_K1);
	csv->path[0] = '$';
	csv->path[1] = '.';
	memcpy(csv->path + 2, n ? start->name.p : csv->path, n);
	n += n ? 2 : 1;
	csv->path[n++] = '[';
	csv->path[n++] = ']';
	csv->path_len = (uint8_t)n;
	return true;
}

static enum walk_fault csv_fault(const void *)
{
	return WALK_GOOD;
}

static bool csv_whole(const void *)
{
	return true;
}

static const struct walker csv_walker = {
	.name = "csv",
	.types = {"text/csv", "application/csv", "text/x-csv", "application/x-csv",
		  "text/comma-separated-values", "text/tab-separated-values"},
	.parts = true,
	.size = sizeof(struct csv),
	.begin = csv_begin,
	.walk = csv_walk,
	.fault = csv_fault,
	.whole = csv_whole,
};
WALKER_REGISTER(csv_walker);
