// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The walker of multipart bodies (RFC 2046 section 5.1, RFC 7578). Runs on the worker; one state
// per body, the one of the present part inside it.
//
//	--B  name="card"                            ─► value: parent "$", key "card"
//	--B  name="meta"; type JSON, XML, CSV …     ─► that walker, with "$.meta" as its top
//	--B  name="note"; base64, quoted-printable  ─► coded.c
//	--B  name="scan"; type image/png            ─► passed over
//	--B--
//
// A part is a body of its own: by its type, or its first bytes, it gets a walker, which sees a
// window of its own. That one ends where the part does, or before what may be the beginning of
// its end; zero bytes stand behind it, as walkers want them, for as long as they run. Parts in
// parts are plain. Any number of parts is followed: they need no memory.
//
//	START ─► HEADER (lines) ─► PART ─► BORDER (rest of the delimiter's line) ─► HEADER …
//	            └─► LONG_LINE             └─► EPILOGUE

#include "flows/coded.h"
#include "flows/media.h"
#include "flows/plain.h"

#include <stdalign.h>

enum {
	BOUNDARY_MOST = 70,                 // RFC 2046 section 5.1.1
	DELIMITER_MOST = BOUNDARY_MOST + 3, // LF "--" boundary
	LINE_MOST = 160,                    // bytes looked at of a header line
};

enum multipart_state {
	MULTIPART_START = 0,
	MULTIPART_HEADER,    // at the beginning of a header line
	MULTIPART_LONG_LINE, // in a header line that was looked at
	MULTIPART_PART,
	MULTIPART_BORDER, // behind a delimiter
	MULTIPART_LONG_BORDER,
	MULTIPART_EPILOGUE,
};

struct multipart {
	uint8_t state; // enum multipart_state
	uint8_t delimiter_len;
	uint8_t name_len;
	bool deciding; // the part's kind is not yet known
	bool file;     // it has a file name
	bool ended;    // the last delimiter was seen
	uint8_t coded; // enum coded_how of the part
	uint8_t max_depth;
	struct media media;          // of the part, as announced
	const struct walker *walker; // NULL: the part is passed over
	uint64_t keep;               // offset in the body of what the part's walker wants repeated
	uint64_t told;               // … of what it has not seen
	uint8_t delimiter[DELIMITER_MOST];
	uint8_t name[WALK_KEY];
	uint8_t file_path[WALK_KEY + 2]; // "$." and the name
	alignas(WALKER_ALIGN) uint8_t part[WALKER_PART];
};

static_assert(sizeof(struct multipart) <= WALKER_STATE, "walkers have that much");

// ---- headers

static struct span span_behind(struct span s, uint32_t n)
{
	n = n < s.len ? n : s.len;
	return span_make(s.p + n, s.len - n);
}

// The value of a parameter of a header, quoted or not; escapes stay. p == NULL: none.
static struct span parameter(struct span header, struct span name)
{
	struct span value = {0};
	uint32_t at = span_until(header, ';').len;

	// Each turn goes behind a parameter.
	while (at < header.len) {
		struct span rest = span_trim(span_behind(header, at + 1));
		uint32_t equals = 0, end;

		while (equals < rest.len && rest.p[equals] != '=' && rest.p[equals] != ';')
			equals++;
		struct span key = span_trim(span_make(rest.p, equals));

		if (equals == rest.len)
			return value;
		at = (uint32_t)(rest.p - header.p) + equals;
		if (rest.p[equals] == ';')
			continue;
		rest = span_trim(span_behind(rest, equals + 1));
		if (rest.len && rest.p[0] == '"') {
			for (end = 1; end < rest.len && rest.p[end] != '"'; end++)
				end += rest.p[end] == '\\' && end + 1 < rest.len;
			value = span_make(rest.p + 1, end - 1);
			end = end < rest.len ? end + 1 : end;
		} else {
			value = span_trim(span_until(rest, ';'));
			end = value.len;
		}
		if (span_ieq(key, name))
			return value;
		value = (struct span){0};
		at = (uint32_t)(rest.p - header.p) + end;
		at += span_until(span_behind(header, at), ';').len;
	}
	return value;
}

static void part_disposition(struct multipart *m, const struct walk *w, struct span header)
{
	struct span name = parameter(header, SPAN_LIT("name"));
	struct span file = parameter(header, SPAN_LIT("filename"));
	struct value v = {.dir = w->dir, .key = SPAN_LIT("filename")};

	m->name_len = name.len < WALK_KEY ? (uint8_t)name.len : WALK_KEY;
	if (m->name_len)
		memcpy(m->name, name.p, m->name_len);
	m->file = file.p;
	if (!file.len)
		return;
	memcpy(m->file_path, "$.", 2);
	memcpy(m->file_path + 2, m->name, m->name_len);
	v.parent = span_make(m->file_path, m->name_len ? 2u + m->name_len : 1);
	v.key_hash = walk_key_hash(w->seed, v.key);
	v.field = walk_field_hash(
		walk_field_hash(w->seed, walk_key_hash(w->seed, span_make(m->name, m->name_len))),
		v.key_hash);
	walk_value(w, &v, VALUE_STRING, file.p, file.p + file.len);
}

static void part_header(struct multipart *m, const struct walk *w, struct span line)
{
	struct span name = span_until(line, ':'), value;

	if (name.len == line.len)
		return;
	value = span_behind(line, name.len + 1);
	name = span_trim(name);
	if (span_ieq(name, SPAN_LIT("content-disposition")))
		part_disposition(m, w, value);
	else if (span_ieq(name, SPAN_LIT("content-type")))
		m->media = media_of(span_trim(value));
	else if (span_ieq(name, SPAN_LIT("content-transfer-encoding")))
		m->coded = (uint8_t)coded_how(span_trim(span_until(value, ';')));
}

// ---- the part

static void part_walker(struct multipart *m, const struct walk *w, const struct media *media)
{
	struct walk_start start = {
		.seed = w->seed,
		.max_depth = m->max_depth,
		.name = span_make(m->name, m->name_len),
	};

	m->deciding = false;
	m->walker = media->kind == MEDIA_BINARY ? NULL : &plain_walker;
	if (m->walker && m->coded)
		m->walker = m->coded == CODED_BASE64 ? &coded_base64_walker : &coded_quoted_walker;
	else if (media->kind == MEDIA_WALKED && media->walker->parts)
		m->walker = media->walker;
	if (m->walker && !m->walker->begin(m->part, &start))
		m->walker = NULL;
}

static void part_begin(struct multipart *m, const struct walk *w, const uint8_t *p)
{
	m->state = MULTIPART_PART;
	m->keep = m->told = w->off + (uint64_t)(p - w->begin);
	m->walker = NULL;
	m->deciding = media_doubtful(&m->media) && !m->coded;
	if (!m->deciding)
		part_walker(m, w, &m->media);
}

// The part up to stop; ended: that is all of it.
static void part_give(struct multipart *m, const struct walk *w, const uint8_t *stop, bool ended)
{
	// The window is the worker's, and ours while we run.
	uint8_t *behind = (uint8_t *)(uintptr_t)stop, saved[WINDOW_PAD];
	struct walk part = *w;

	part.begin = w->begin + (m->keep - w->off);
	part.fresh = w->begin + (m->told - w->off);
	part.end = stop;
	part.off = m->keep;
	part.held = ended ? 0 : (uint32_t)(w->end - stop);
	part.last = ended || w->last;
	part.complete = ended;
	if (m->deciding) {
		struct media media =
			media_sniff(&m->media, true, part.last,
				    span_make(part.begin, (size_t)(stop - part.begin)));

		if (media.kind == MEDIA_SNIFF)
			return;
		// All of it is still there.
		part.fresh = part.begin;
		part_walker(m, w, &media);
	}
	m->told = part.off + (uint64_t)(stop - part.begin);
	if (!m->walker) {
		m->keep = m->told;
		return;
	}
	memcpy(saved, behind, sizeof(saved));
	memset(behind, 0, sizeof(saved));
	const uint8_t *keep = m->walker->walk(m->part, &part);

	if (m->walker->fault(m->part)) { // the rest is text
		struct media text = {MEDIA_TEXT, NULL};

		part.off += (uint64_t)(keep - part.begin);
		part.begin = part.fresh = keep;
		part_walker(m, w, &text);
		keep = m->walker ? m->walker->walk(m->part, &part) : stop;
	}
	memcpy(behind, saved, sizeof(saved));
	m->keep = part.off + (uint64_t)(keep - part.begin);
}

// A delimiter from p on: the LF before it, or NULL. What ends the line must stand behind it.
static const uint8_t *delimiter_find(const struct multipart *m, const uint8_t *p,
				     const uint8_t *end)
{
	while (p < end && (p = memmem(p, (size_t)(end - p), m->delimiter, m->delimiter_len))) {
		const uint8_t *q = p + m->delimiter_len;

		if (q < end && (*q == '-' || *q == ' ' || *q == '\t' || *q == '\r' || *q == '\n'))
			return p;
		p++;
	}
	return NULL;
}

// Where what may be the beginning of a delimiter begins, CR included; else end.
static const uint8_t *delimiter_begin(const struct multipart *m, const uint8_t *p,
				      const uint8_t *end)
{
	const uint8_t *q = end - p > m->delimiter_len + 1 ? end - m->delimiter_len - 1 : p;

	for (; q < end; q++) {
		size_t left = (size_t)(end - q), cr = *q == '\r';

		if (left > cr + m->delimiter_len)
			continue;
		if (memcmp(q + cr, m->delimiter, left - cr) == 0 && (cr || *q == '\n'))
			return q;
	}
	return end;
}

static const uint8_t *part_step(struct multipart *m, const struct walk *w, const uint8_t **keep)
{
	const uint8_t *told = w->begin + (m->told - w->off), *stop;
	const uint8_t *lf = delimiter_find(m, told, w->end);

	if (lf) {
		stop = lf > told && lf[-1] == '\r' ? lf - 1 : lf;
		part_give(m, w, stop, true);
		m->state = MULTIPART_BORDER;
		return lf + m->delimiter_len;
	}
	stop = w->last ? w->end : delimiter_begin(m, told, w->end);
	part_give(m, w, stop, false);
	*keep = w->begin + (m->keep - w->off);
	return NULL;
}

// ---- lines

// A header line at p.
static const uint8_t *header_step(struct multipart *m, const struct walk *w, const uint8_t *p,
				  const uint8_t **keep)
{
	const uint8_t *most = w->end - p > LINE_MOST ? p + LINE_MOST : w->end;
	const uint8_t *lf = memchr(p, '\n', (size_t)(most - p)), *stop = lf ? lf : most;
	struct span line = span_make(p, (size_t)(stop - p));

	if (!lf && most == w->end && w->end - p < LINE_MOST && !w->last) {
		*keep = p;
		return NULL;
	}
	if (line.len && lf && line.p[line.len - 1] == '\r')
		line.len--;
	// A part without an empty line before its end.
	if (line.len + 1u >= m->delimiter_len &&
	    memcmp(line.p, m->delimiter + 1, m->delimiter_len - 1u) == 0) {
		m->state = MULTIPART_BORDER;
		return p + m->delimiter_len - 1;
	}
	if (lf && line.len == 0) {
		part_begin(m, w, lf + 1);
		return lf + 1;
	}
	part_header(m, w, line);
	m->state = lf ? MULTIPART_HEADER : MULTIPART_LONG_LINE;
	return lf ? lf + 1 : most;
}

static void headers_begin(struct multipart *m)
{
	m->state = MULTIPART_HEADER;
	m->name_len = 0;
	m->file = false;
	m->coded = CODED_NOT;
	m->media = (struct media){MEDIA_SNIFF, NULL};
}

// What stands behind a delimiter: "--" for the last one, white space, the line's end.
static const uint8_t *border_step(struct multipart *m, const struct walk *w, const uint8_t *p,
				  const uint8_t **keep)
{
	if (*p == '-' && w->end - p < 2 && !w->last) {
		*keep = p;
		return NULL;
	}
	if (*p == '-' && p[1] == '-') {
		m->state = MULTIPART_EPILOGUE;
		m->ended = true;
		return w->end;
	}
	m->state = MULTIPART_LONG_BORDER;
	return p;
}

// The first delimiter may be the body's first line; else a preamble goes before it.
static const uint8_t *start_step(struct multipart *m, const struct walk *w, const uint8_t *p,
				 const uint8_t **keep)
{
	uint32_t len = m->delimiter_len - 1u;
	size_t left = (size_t)(w->end - p);

	if (left <= len && !w->last && memcmp(p, m->delimiter + 1, left < len ? left : len) == 0) {
		*keep = p;
		return NULL;
	}
	if (left > len && memcmp(p, m->delimiter + 1, len) == 0) {
		m->state = MULTIPART_BORDER;
		return p + len;
	}
	part_begin(m, w, p);
	m->deciding = false;
	m->walker = NULL;
	return p;
}

static const uint8_t *multipart_step(struct multipart *m, const struct walk *w, const uint8_t *p,
				     const uint8_t **keep)
{
	const uint8_t *lf;

	*keep = w->end;
	switch ((enum multipart_state)m->state) {
	case MULTIPART_START:
		return start_step(m, w, p, keep);
	case MULTIPART_HEADER:
		return header_step(m, w, p, keep);
	case MULTIPART_LONG_LINE:
		lf = memchr(p, '\n', (size_t)(w->end - p));
		m->state = lf ? MULTIPART_HEADER : MULTIPART_LONG_LINE;
		return lf ? lf + 1 : w->end;
	case MULTIPART_PART:
		return part_step(m, w, keep);
	case MULTIPART_BORDER:
		return border_step(m, w, p, keep);
	case MULTIPART_LONG_BORDER:
		lf = memchr(p, '\n', (size_t)(w->end - p));
		if (lf)
			headers_begin(m);
		return lf ? lf + 1 : w->end;
	case MULTIPART_EPILOGUE:
		break;
	}
	return w->end;
}

static const uint8_t *multipart_walk(void *state, const struct walk *w)
{
	struct multipart *m = state;
	const uint8_t *p = w->begin, *keep;

	// Each step takes bytes or changes to a state that does.
	while (p < w->end) {
		p = multipart_step(m, w, p, &keep);
		if (!p)
			return w->last ? w->end : keep;
	}
	if (w->last && m->state == MULTIPART_PART)
		part_step(m, w, &keep); // what its walker has kept
	return w->end;
}

static bool multipart_begin(void *state, const struct walk_start *start)
{
	struct multipart *m = state;
	struct span boundary = parameter(start->type, SPAN_LIT("boundary"));

	if (boundary.len == 0 || boundary.len > BOUNDARY_MOST)
		return false;
	m->state = MULTIPART_START;
	m->ended = false;
	m->max_depth = start->max_depth < UINT8_MAX ? (uint8_t)start->max_depth : UINT8_MAX;
	m->walker = NULL;
	m->deciding = false;
	m->keep = m->told = 0;
	memcpy(m->delimiter, "\n--", 3);
	memcpy(m->delimiter + 3, boundary.p, boundary.len);
	m->delimiter_len = (uint8_t)(3 + boundary.len);
	headers_begin(m);
	m->state = MULTIPART_START;
	return true;
}

static enum walk_fault multipart_fault(const void *)
{
	return WALK_GOOD;
}

static bool multipart_whole(const void *state)
{
	const struct multipart *m = state;

	return m->ended || m->state == MULTIPART_START;
}

static const struct walker multipart_walker = {
	.name = "multipart",
	.types = {"multipart/*"},
	.size = sizeof(struct multipart),
	.begin = multipart_begin,
	.walk = multipart_walk,
	.fault = multipart_fault,
	.whole = multipart_whole,
};
WALKER_REGISTER(multipart_walker);
