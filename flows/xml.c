// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The XML walker: a value per text node, per CDATA section and per attribute. Runs on the worker;
// one state per body, no recursion, no allocation.
//
//	<s:Body><user id="7"><mail>a@b.c</mail></user></s:Body>
//	                  ^ parent "$.Body.user", key "id"
//	                           ^ parent "$.Body.user", key "mail"
//
// Names stand without their prefix, because senders choose prefixes freely. White space around
// text is left out. References stay as they are and entities are not expanded: a declaration
// cannot make a value larger. Comments, processing instructions and the document type are passed
// over; the search over windows sees them as text.
//
// Tolerated: anything that is no markup, end tags that fit no start tag, attributes without quotes,
// '<' in text. A document that does not even begin with '<' is an error.
//
// The machine never keeps half a token but asks for it again; what is too long for that has states
// of its own. Names and what stands between a name and its value are looked at for XML_HEAD bytes.

#include "flows/walk_path.h"

enum {
	XML_HEAD = 128,
};

enum xml_state {
	XML_START = 0, // nothing but white space yet
	XML_TEXT,      // behind markup
	XML_MARKUP,    // at '<'
	XML_TAG,       // in a start tag, between attributes
	XML_END_TAG,
	XML_LONG_NAME, // of a tag
	XML_LONG_TEXT, // inside a value that began before the window
	XML_LONG_CDATA,
	XML_LONG_ATTRIBUTE,
	XML_COMMENT,
	XML_INSTRUCTION,
	XML_DOCTYPE,
	XML_BROKEN, // for good
	XML_TOO_DEEP,
};

struct xml {
	uint8_t state; // enum xml_state
	uint8_t quote; // of the attribute or, in DOCTYPE, of the literal; 0: none
	bool slash;    // the tag will be empty
	bool brackets; // DOCTYPE: inside its declarations
	uint8_t key_len;
	uint8_t key[WALK_KEY];
	// LONG_*: offset in the body up to which the value was handed on; UINT64_MAX: it is no data.
	uint64_t told;
	struct walk_path path;
};

static_assert(sizeof(struct xml) <= WALKER_PART, "a part may be XML");

static bool xml_is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool xml_is_name(uint8_t c)
{
	return c >= 0x80 || (span_lower(c) >= 'a' && span_lower(c) <= 'z') || walk_is_digit(c) ||
	       c == '_' || c == ':' || c == '-' || c == '.';
}

static const uint8_t *xml_skip(const uint8_t *p, const uint8_t *end)
{
	while (p < end && xml_is_space(*p))
		p++;
	return p;
}

static const uint8_t *xml_name_end(const uint8_t *p, const uint8_t *end)
{
	while (p < end && xml_is_name(*p))
		p++;
	return p;
}

// Without its prefix, WALK_KEY bytes at most.
static struct span xml_local(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *colon = memchr(p, ':', (size_t)(end - p));

	if (colon && colon + 1 < end)
		p = colon + 1;
	return span_make(p, end - p < WALK_KEY ? (size_t)(end - p) : WALK_KEY);
}

static const uint8_t *xml_at(const struct walk *w, uint64_t off)
{
	return off > w->off ? w->begin + (off - w->off) : w->begin;
}

static uint64_t xml_off(const struct walk *w, const uint8_t *p)
{
	return w->off + (uint64_t)(p - w->begin);
}

// The value that text at the present place is.
static void xml_text_field(const struct xml *x, const struct walk *w, struct value *v)
{
	uint32_t depth = x->path.depth;

	walk_path_field(&x->path, w->seed, depth ? depth - 1 : 0, walk_path_name(&x->path, depth),
			v);
}

static void xml_attribute_field(struct xml *x, const struct walk *w, struct value *v)
{
	walk_path_field(&x->path, w->seed, x->path.depth, span_make(x->key, x->key_len), v);
}

// [p, stop) is a whole value. White space at its end goes.
static void xml_emit(const struct walk *w, struct value *v, const uint8_t *p, const uint8_t *stop)
{
	while (stop > p && xml_is_space(stop[-1]))
		stop--;
	if (stop > p)
		walk_value(w, v, VALUE_STRING, p, stop);
}

// The window ends inside a value whose content began at p and which has no end before `stop`. The
// token it belongs to begins at token, and is asked for again as state if that is possible.
static const uint8_t *xml_stop(struct xml *x, const struct walk *w, struct value *v,
			       const uint8_t *token, const uint8_t *p, uint8_t longer)
{
	if (w->last) {
		if (p < w->end)
			walk_value(w, v, VALUE_TEXT, p, w->end);
		return w->end;
	}
	if (w->end - token <= walk_tail(w))
		return token;
	x->state = longer;
	// The end of a CDATA section may have begun.
	const uint8_t *stop = longer == XML_LONG_CDATA ? w->end - 2 : w->end;

	walk_value(w, v, VALUE_TEXT, p, stop);
	x->told = xml_off(w, stop);
	return walk_context(w);
}

// Goes on with a value that began before the window, up to stop. ended: that is its end.
static const uint8_t *xml_more(struct xml *x, const struct walk *w, struct value *v,
			       const uint8_t *stop, bool ended)
{
	const uint8_t *from = xml_at(w, x->told);

	if (!ended && !w->last && x->state == XML_LONG_CDATA)
		stop = w->end - from < 2 ? from : w->end - 2;
	walk_text_from(w, v, from, stop);
	x->told = xml_off(w, stop < from ? from : stop);
	return ended ? stop : w->last ? w->end : walk_context(w);
}

// The three bytes that end a comment or a CDATA section: c c '>'.
static const uint8_t *xml_find_end(const uint8_t *p, const uint8_t *end, uint8_t c)
{
	while ((p = walk_find(p, end, '>', '>', '>')) < end) {
		if (p[-1] == c && p[-2] == c)
			return p - 2;
		p++;
	}
	return NULL;
}

static bool xml_begins(const uint8_t *p, const uint8_t *end, const char *what, bool *cut)
{
	size_t n = strlen(what), left = (size_t)(end - p);

	if (left < n && memcmp(p, what, left) == 0)
		*cut = true;
	return left >= n && memcmp(p, what, n) == 0;
}

// An attribute at p. Returns where the machine goes on; NULL: the window ends inside it and *keep
// is what the next one begins with.
static const uint8_t *xml_attribute(struct xml *x, const struct walk *w, const uint8_t *p,
				    const uint8_t **keep)
{
	const uint8_t *const end = w->end, *q = xml_name_end(p, end), *name_end = q, *stop;
	struct value v = {.dir = w->dir};
	struct span name;

	if (q == p) // no name: one byte of noise
		return p + 1;
	q = xml_skip(q, end);
	if (q < end && *q == '=')
		q = xml_skip(q + 1, end);
	else if (q < end)
		return q - p > XML_HEAD ? p + XML_HEAD : q;
	if (q - p > XML_HEAD || (q >= end && end - p > XML_HEAD))
		return p + XML_HEAD;
	if (q >= end) {
		*keep = p;
		return NULL;
	}
	x->quote = *q == '"' || *q == '\'' ? *q : 0;
	q += x->quote != 0;
	name = xml_local(p, name_end);
	memcpy(x->key, name.p, name.len);
	x->key_len = (uint8_t)name.len;
	xml_attribute_field(x, w, &v);
	if (x->quote) {
		stop = walk_find(q, end, x->quote, x->quote, x->quote);
	} else {
		for (stop = q; stop < end && !xml_is_space(*stop) && *stop != '>'; stop++)
			;
	}
	// Declarations of name spaces are no data.
	bool data = !(name_end - p >= 5 && memcmp(p, "xmlns", 5) == 0);

	if (stop >= end) {
		if (!data && (w->last || end - p > walk_tail(w))) {
			x->state = XML_LONG_ATTRIBUTE;
			x->told = UINT64_MAX;
			*keep = w->end;
			return NULL;
		}
		*keep = xml_stop(x, w, &v, p, q, XML_LONG_ATTRIBUTE);
		return NULL;
	}
	if (data && stop > q)
		walk_value(w, &v, VALUE_STRING, q, stop);
	return stop + (x->quote != 0);
}

// Markup at p, which is '<'. Sets the state and returns where to go on; NULL: more bytes are
// needed to tell.
static const uint8_t *xml_markup(struct xml *x, const struct walk *w, const uint8_t *p)
{
	const uint8_t *const end = w->end, *q;
	bool cut = false;

	if (xml_begins(p, end, "<!--", &cut)) {
		x->state = XML_COMMENT;
		return p + 4;
	}
	if (xml_begins(p, end, "<![CDATA[", &cut)) {
		x->state = XML_LONG_CDATA;
		return p + 9;
	}
	if (xml_begins(p, end, "<!", &cut) && !cut) {
		x->state = XML_DOCTYPE;
		x->quote = 0;
		x->brackets = false;
		return p + 2;
	}
	if (xml_begins(p, end, "<?", &cut)) {
		x->state = XML_INSTRUCTION;
		return p + 2;
	}
	if (xml_begins(p, end, "</", &cut)) {
		x->state = XML_END_TAG;
		return p + 2;
	}
	if (cut && !w->last)
		return NULL;
	q = xml_name_end(p + 1, end - p > XML_HEAD ? p + XML_HEAD : end);
	if (q == end && end - p < XML_HEAD && !w->last)
		return NULL;
	x->state = XML_TEXT;
	if (q == p + 1)
		return q; // no tag
	struct span name = xml_local(p + 1, q);

	x->slash = false;
	x->state = q - p == XML_HEAD ? XML_LONG_NAME : XML_TAG;
	if (!walk_path_push(&x->path, name, walk_key_hash(w->seed, name)))
		x->state = XML_TOO_DEEP;
	return x->state == XML_TOO_DEEP ? p : q;
}

// Passes over a document type: '>' ends it outside of literals and brackets.
static const uint8_t *xml_doctype(struct xml *x, const uint8_t *p, const uint8_t *end)
{
	for (; p < end; p++) {
		if (x->quote) {
			x->quote = *p == x->quote ? 0 : x->quote;
		} else if (*p == '"' || *p == '\'') {
			x->quote = *p;
		} else if (*p == '[' || *p == ']') {
			x->brackets = *p == '[';
		} else if (*p == '>' && !x->brackets) {
			x->state = XML_TEXT;
			return p + 1;
		}
	}
	return end;
}

// In a start tag at p. NULL: as xml_attribute().
static const uint8_t *xml_tag(struct xml *x, const struct walk *w, const uint8_t *p,
			      const uint8_t **keep)
{
	p = xml_skip(p, w->end);
	if (p >= w->end)
		return p;
	if (*p == '>') {
		if (x->slash)
			walk_path_pop(&x->path);
		x->state = XML_TEXT;
		return p + 1;
	}
	x->slash = *p == '/';
	return x->slash ? p + 1 : xml_attribute(x, w, p, keep);
}

// Content at p: white space, a text node, or markup. NULL: as xml_attribute().
static const uint8_t *xml_content(struct xml *x, const struct walk *w, const uint8_t *p,
				  const uint8_t **keep)
{
	struct value v = {.dir = w->dir};
	const uint8_t *q;

	p = xml_skip(p, w->end);
	if (p >= w->end)
		return p;
	if (*p == '<') {
		x->state = XML_MARKUP;
		return p;
	}
	q = walk_find(p, w->end, '<', '<', '<');
	xml_text_field(x, w, &v);
	if (q >= w->end) {
		if (w->complete)
			xml_emit(w, &v, p, w->end);
		*keep = w->complete ? w->end : xml_stop(x, w, &v, p, p, XML_LONG_TEXT);
		return NULL;
	}
	xml_emit(w, &v, p, q);
	x->state = XML_MARKUP;
	return q;
}

// A CDATA section whose content begins at p.
static const uint8_t *xml_cdata(struct xml *x, const struct walk *w, const uint8_t *p,
				const uint8_t **keep)
{
	const uint8_t *stop = xml_find_end(p + 2, w->end, ']');
	struct value v = {.dir = w->dir};

	xml_text_field(x, w, &v);
	if (!stop) {
		x->state = XML_MARKUP; // to be seen again from "<![CDATA["
		*keep = xml_stop(x, w, &v, p - 9, p, XML_LONG_CDATA);
		return NULL;
	}
	if (stop > p)
		walk_value(w, &v, VALUE_STRING, p, stop);
	x->state = XML_TEXT;
	return stop + 3;
}

// What began before the window goes on. NULL: as xml_attribute().
static const uint8_t *xml_resume(struct xml *x, const struct walk *w, const uint8_t **keep)
{
	struct value v = {.dir = w->dir};
	bool data = x->told != UINT64_MAX;
	const uint8_t *from = data ? xml_at(w, x->told) : w->fresh, *stop;

	if (x->state == XML_LONG_ATTRIBUTE) {
		stop = from;
		while (stop < w->end &&
		       (x->quote ? *stop != x->quote : !xml_is_space(*stop) && *stop != '>'))
			stop++;
		xml_attribute_field(x, w, &v);
		if (data)
			*keep = xml_more(x, w, &v, stop, stop < w->end);
		else
			*keep = w->end;
		if (stop >= w->end)
			return NULL;
		x->state = XML_TAG;
		return stop + (x->quote != 0);
	}
	xml_text_field(x, w, &v);
	if (x->state == XML_LONG_CDATA) {
		stop = xml_find_end(from + 2, w->end, ']');
		*keep = xml_more(x, w, &v, stop ? stop : w->end, stop != NULL);
		if (!stop)
			return NULL;
		x->state = XML_TEXT;
		return stop + 3;
	}
	stop = walk_find(from, w->end, '<', '<', '<');
	*keep = xml_more(x, w, &v, stop, stop < w->end);
	if (stop >= w->end)
		return NULL;
	x->state = XML_MARKUP;
	return stop;
}

// One step of the machine from p. NULL: the window is used up, and *keep as xml_attribute().
static const uint8_t *xml_step(struct xml *x, const struct walk *w, const uint8_t *p,
			       const uint8_t **keep)
{
	const uint8_t *const end = w->end, *q;
	uint8_t c;

	*keep = end;
	switch ((enum xml_state)x->state) {
	case XML_START:
		if (xml_off(w, p) == 0 && *p == 0xef && (end - p >= 3 || w->last)) {
			p += end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
		} else if (xml_off(w, p) == 0 && *p == 0xef) {
			*keep = p;
			return NULL;
		}
		p = xml_skip(p, end);
		if (p < end)
			x->state = *p == '<' ? XML_MARKUP : XML_BROKEN;
		return p;
	case XML_TEXT:
		return xml_content(x, w, p, keep);
	case XML_MARKUP:
		q = xml_markup(x, w, p);
		if (q && x->state == XML_LONG_CDATA)
			return xml_cdata(x, w, q, keep);
		*keep = p;
		return q;
	case XML_TAG:
		return xml_tag(x, w, p, keep);
	case XML_LONG_NAME:
		p = xml_name_end(p, end);
		x->state = p < end ? XML_TAG : XML_LONG_NAME;
		return p;
	case XML_END_TAG:
		p = walk_find(p, end, '>', '>', '>');
		if (p >= end)
			return NULL;
		walk_path_pop(&x->path);
		x->state = XML_TEXT;
		return p + 1;
	case XML_COMMENT:
	case XML_INSTRUCTION:
		c = x->state == XML_COMMENT ? '-' : '?';
		q = c == '-' ? xml_find_end(p + 2, end, c) : NULL;
		for (const uint8_t *s = p + 1; c == '?' && !q && s < end; s++)
			q = s[0] == '>' && s[-1] == '?' ? s - 1 : NULL;
		if (q) {
			x->state = XML_TEXT;
			return q + (c == '-' ? 3 : 2);
		}
		*keep = end - p < 2 ? p : end - 2;
		return NULL;
	case XML_DOCTYPE:
		return xml_doctype(x, p, end);
	case XML_LONG_TEXT:
	case XML_LONG_CDATA:
	case XML_LONG_ATTRIBUTE:
		return xml_resume(x, w, keep);
	case XML_BROKEN:
	case XML_TOO_DEEP:
		break;
	}
	return NULL;
}

static const uint8_t *xml_walk(void *state, const struct walk *w)
{
	struct xml *x = state;
	const uint8_t *p = w->begin, *keep = w->end;

	// Each step takes bytes or changes to a state that does.
	while (p < w->end) {
		const uint8_t *next = xml_step(x, w, p, &keep);

		if (x->state >= XML_BROKEN)
			return next ? next : p;
		if (!next)
			return w->last ? w->end : keep;
		p = next;
	}
	return w->end;
}

static bool xml_sniff(struct span first)
{
	static const char *const begins[] = {"<?xml", "<soap", "<SOAP", "<s:Env"};

	for (uint32_t i = 0; i < 4; i++) {
		size_t n = strlen(begins[i]);

		if (first.len >= n && memcmp(first.p, begins[i], n) == 0)
			return true;
	}
	return false;
}

static bool xml_begin(void *state, const struct walk_start *start)
{
	struct xml *x = state;

	x->state = XML_START;
	x->quote = 0;
	x->slash = x->brackets = false;
	x->key_len = 0;
	x->told = 0;
	walk_path_begin(&x->path, start, start->max_depth);
	return true;
}

static enum walk_fault xml_fault(const void *state)
{
	const struct xml *x = state;

	return x->state < XML_BROKEN      ? WALK_GOOD
	       : x->state == XML_TOO_DEEP ? WALK_TOO_DEEP
					  : WALK_BROKEN;
}

static bool xml_whole(const void *state)
{
	const struct xml *x = state;

	return x->state <= XML_TEXT && x->path.depth == 0;
}

static const struct walker xml_walker = {
	.name = "xml",
	.types = {"application/xml", "text/xml", "+xml"},
	.parts = true,
	.too_deep = ANOMALY_XML_DEPTH,
	.size = sizeof(struct xml),
	.sniff = xml_sniff,
	.begin = xml_begin,
	.walk = xml_walk,
	.fault = xml_fault,
	.whole = xml_whole,
};
WALKER_REGISTER(xml_walker);
