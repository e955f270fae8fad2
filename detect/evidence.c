// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Masking is a stream: each piece of the original is put out as it is, as stars, or in the form
// that its data type gives it, never longer than it was. So the room needed is known beforehand.
//
//	head   line by line, also where a line ends by a bare CR or goes on in the next one
//	URLs   segment by segment, pair by pair; escaped ones are searched decoded, hidden whole
//	body   by the places that the scan of this exchange found and by the names of its fields;
//	       what was not searched, and what lies behind more places than are kept, is not shown
//
// Bodies were searched when they passed; heads are searched here, which is seldom: once per
// finding and epoch.

#include "detect/evidence.h"

#include "detect/secret_fields.h"
#include "flows/form.h"

enum {
	RANGES_MAX = 16,     // values in one text; with more the whole text is hidden
	TEXT_MAX = 16 << 10, // what scan_text() takes
	DECODE_MAX = 2048,   // an escaped value longer than this is hidden whole
	SECRET_SHOWN = 12,   // a secret this long shows its last four bytes
	TAIL_MAX = 512,      // of a body that ends early
	FIELDS_MAX = 64,     // of a body, hidden for their names
};

static const struct conf_row evidence_rows[] = {
	{.key = "clear",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct evidence_options, clear),
	 .def = "false",
	 .help = "Keep requests and responses of an issue as captured, with nothing masked"},
	{.key = "capture_mb",
	 .type = CONF_U32,
	 .offset = offsetof(struct evidence_options, capture_mb),
	 .min = 0,
	 .max = 65536,
	 .def = "64",
	 .unit = "MiB",
	 .help = "Memory of each worker for its last exchanges, from which issues that are found "
		 "out later take their evidence (0: they have none)"},
};
const struct conf_section evidence_section = {
	.path = "evidence",
	.help = "Copies of requests and responses in issues",
	.size = sizeof(struct evidence_options),
	.rows = evidence_rows,
	.n_rows = sizeof(evidence_rows) / sizeof(evidence_rows[0]),
};
CONF_SECTION(evidence_section);

// Never more is put out than was taken in.
struct out {
	const struct evidence *evidence;
	uint8_t *p;
	uint32_t n;
};

static void put(struct out *out, struct span s)
{
	if (s.len)
		memcpy(out->p + out->n, s.p, s.len);
	out->n += s.len;
}

static void put_stars(struct out *out, uint32_t n)
{
	memset(out->p + out->n, '*', n);
	out->n += n;
}

static void put_secret(struct out *out, struct span s)
{
	uint32_t shown = s.len >= SECRET_SHOWN ? 4 : 0;

	put_stars(out, s.len - shown);
	put(out, span_make(s.p + s.len - shown, shown));
}

static struct span span_cut(struct span s, uint32_t from, uint32_t to)
{
	return span_make(s.p + from, to - from);
}

static bool is_whole(const struct out *out, uint16_t type)
{
	return type == MASK_WHOLE || type == out->evidence->types->password;
}

// A value of a data type in the form that the type gives it.
static void put_value(struct out *out, uint16_t type, struct span s)
{
	uint32_t n;

	if (is_whole(out, type)) {
		put_stars(out, s.len);
		return;
	}
	if (type == MASK_SECRET) {
		put_secret(out, s);
		return;
	}
	n = datatype_mask(type, s, out->p + out->n, s.len);
	out->n += n < s.len ? n : s.len;
}

// ---- ranges of a text

struct range {
	uint32_t from, to;
	uint16_t type;
};

struct ranges {
	uint32_t n, text_len;
	bool too_many;
	struct range range[RANGES_MAX];
};

static void ranges_add(void *arg, const struct hit *hit)
{
	struct ranges *r = arg;

	// Addresses stand in every head and are what an issue is about.
	if (hit->value.len == 0 || datatype_get(hit->type)->group == GROUP_NETWORK)
		return;
	if (r->n == RANGES_MAX || hit->off > r->text_len ||
	    hit->value.len > r->text_len - hit->off) {
		r->too_many = true;
		return;
	}
	r->range[r->n++] =
		(struct range){(uint32_t)hit->off, (uint32_t)hit->off + hit->value.len, hit->type};
}

// Could a data type be in it that needs no field name? Each has six digits, a long run of letters
// and digits, an '@', or bytes beyond ASCII.
static bool worth_scanning(struct span text)
{
	uint32_t digits = 0, run = 0;

	for (uint32_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];
		bool digit = c >= '0' && c <= '9';
		bool alnum = digit || (span_lower(c) >= 'a' && span_lower(c) <= 'z');

		digits += digit;
		run = alnum ? run + 1 : 0;
		if (c == '@' || c >= 0x80 || digits == 6 || run == 12)
			return true;
	}
	return false;
}

static struct ranges ranges_of(const struct out *out, struct span text, struct span key)
{
	struct ranges r; // those that are not there are not cleared

	r.n = 0;
	r.text_len = text.len;
	r.too_many = text.len > TEXT_MAX;
	if (!r.too_many && text.len && (key.len || worth_scanning(text)))
		scan_text(out->evidence->scanner, text, key, 0, CLIENT, ranges_add, &r);
	return r;
}

// By beginning, the longer one first.
static void ranges_sort(struct range *range, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct range one = range[i];
		uint32_t k = i;

		for (; k > 0 && (range[k - 1].from > one.from ||
				 (range[k - 1].from == one.from && range[k - 1].to < one.to));
		     k--)
			range[k] = range[k - 1];
		range[k] = one;
	}
}

// The text with these ranges masked. One that lies in another is masked with it. Those that
// overlap in part are hidden whole, for two half-masked forms together could show all; and so
// are those that reach beyond the text.
static void put_ranges(struct out *out, struct span text, struct range *range, uint32_t n)
{
	uint32_t at = 0;

	ranges_sort(range, n);
	for (uint32_t i = 0; i < n && range[i].from < text.len;) {
		struct range one = range[i++];
		bool whole = false;

		for (; i < n && range[i].from < one.to; i++) {
			whole |= range[i].to > one.to || is_whole(out, range[i].type);
			one.to = range[i].to > one.to ? range[i].to : one.to;
		}
		put(out, span_cut(text, at, one.from));
		if (one.to > text.len)
			put_stars(out, text.len - one.from);
		else if (whole)
			put_stars(out, one.to - one.from);
		else
			put_value(out, one.type, span_cut(text, one.from, one.to));
		at = one.to > text.len ? text.len : one.to;
	}
	put(out, span_cut(text, at, text.len));
}

static void put_text(struct out *out, struct span text, struct span key)
{
	struct ranges r = ranges_of(out, text, key);

	if (r.too_many)
		put_stars(out, text.len);
	else
		put_ranges(out, text, r.range, r.n);
}

// ---- URLs

static bool one_of(struct span s, const char *const *names)
{
	for (; s.len && *names; names++) {
		if (span_lower(s.p[0]) == (uint8_t)**names &&
		    span_ieq(s, span_make(*names, strlen(*names))))
			return true;
	}
	return false;
}

// A part of a URL. An escaped one is searched in the form that the server sees.
static void put_part(struct out *out, struct span raw, struct span key, bool plus)
{
	uint8_t text[DECODE_MAX];
	struct span decoded;

	if (key.len && secret_name(key)) {
		put_secret(out, raw);
		return;
	}
	if (!raw.len || (!memchr(raw.p, '%', raw.len) && !(plus && memchr(raw.p, '+', raw.len)))) {
		put_text(out, raw, key);
		return;
	}
	if (raw.len > sizeof(text)) {
		put_stars(out, raw.len);
		return;
	}
	decoded = span_make(text, form_decode(raw, text, plus));
	struct ranges r = ranges_of(out, decoded, key);
	if (r.too_many || r.n)
		put_stars(out, raw.len);
	else
		put(out, raw);
}

static void put_query(struct out *out, struct span query)
{
	for (uint32_t at = 0; at < query.len;) {
		uint32_t end = at, equals;
		struct span key;

		while (end < query.len && query.p[end] != '&' && query.p[end] != ';')
			end++;
		key = span_until(span_cut(query, at, end), '=');
		equals = at + key.len;
		put_part(out, key, (struct span){0}, true);
		if (equals < end) {
			put(out, span_cut(query, equals, equals + 1));
			put_part(out, span_cut(query, equals + 1, end), key, true);
		}
		if (end < query.len)
			put(out, span_cut(query, end, end + 1));
		at = end + 1;
	}
}

static void put_path(struct out *out, struct span path)
{
	for (uint32_t at = 0; at < path.len;) {
		struct span segment = span_until(span_cut(path, at, path.len), '/');
		struct span bare = span_until(segment, ';');

		put_part(out, bare, (struct span){0}, false);
		if (bare.len < segment.len) {
			put(out, SPAN_LIT(";"));
			put_query(out, span_cut(segment, bare.len + 1, segment.len));
		}
		at += segment.len;
		if (at < path.len)
			put(out, SPAN_LIT("/"));
		at++;
	}
}

// "https://user:password@" before the path.
static struct span put_authority(struct out *out, struct span url)
{
	uint32_t scheme = 0, user = 0;
	struct span authority;

	while (scheme < url.len && scheme < 16 && url.p[scheme] != ':' && url.p[scheme] != '/')
		scheme++;
	scheme += scheme < url.len && url.p[scheme] == ':';
	if (url.len - scheme < 2 || url.p[scheme] != '/' || url.p[scheme + 1] != '/')
		return url;
	scheme += 2;
	authority = span_until(span_until(span_cut(url, scheme, url.len), '/'), '?');
	for (uint32_t i = 0; i < authority.len; i++) {
		if (authority.p[i] == '@')
			user = i;
	}
	put(out, span_cut(url, 0, scheme));
	put_stars(out, user);
	put(out, span_cut(authority, user, authority.len));
	return span_cut(url, scheme + authority.len, url.len);
}

static void put_url(struct out *out, struct span url)
{
	struct span whole, fragment_free, path;

	whole = put_authority(out, url);
	fragment_free = span_until(whole, '#');
	path = span_until(fragment_free, '?');
	put_path(out, path);
	if (path.len < fragment_free.len) {
		put(out, SPAN_LIT("?"));
		put_query(out, span_cut(whole, path.len + 1, fragment_free.len));
	}
	if (fragment_free.len < whole.len) { // of a Location: tokens are handed over this way
		put(out, SPAN_LIT("#"));
		put_query(out, span_cut(whole, fragment_free.len + 1, whole.len));
	}
}

// ---- heads

// Fields whose names no data type waits for.
static bool says_nothing(struct span name)
{
	static const char *const names[] = {
		"accept",	  "accept-encoding", "accept-language", "cache-control",
		"connection",	  "content-encoding", "content-length", "content-type",
		"date",		  "etag",	     "expires",	       "host",
		"keep-alive",	  "last-modified",   "origin",	       "pragma",
		"server",	  "transfer-encoding", "user-agent",   "vary",
	};

	for (uint32_t i = 0; name.len && i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_lower(name.p[0]) == (uint8_t)names[i][0] &&
		    span_ieq(name, span_make(names[i], strlen(names[i]))))
			return true;
	}
	return false;
}

static void put_authorization(struct out *out, struct span value)
{
	struct span scheme = span_until(value, ' ');

	if (scheme.len == value.len) {
		put_secret(out, value);
		return;
	}
	put(out, scheme);
	put(out, SPAN_LIT(" "));
	value = span_cut(value, scheme.len + 1, value.len);
	// The end of Basic credentials is the end of the password.
	if (span_ieq(scheme, SPAN_LIT("Basic")))
		put_stars(out, value.len);
	else
		put_secret(out, value);
}

// name=value pairs. In Set-Cookie the known attributes are no secrets.
static void put_cookies(struct out *out, struct span value, bool set)
{
	static const char *const attributes[] = {"path",    "domain",   "expires",
						 "max-age", "samesite", "priority",
						 "version", "comment",  NULL};

	for (uint32_t at = 0; at < value.len;) {
		struct span pair = span_until(span_cut(value, at, value.len), ';');
		struct span name = span_until(pair, '=');
		bool attribute = set && at > 0 && one_of(span_trim(name), attributes);

		if (attribute) {
			put(out, pair);
		} else if (name.len == pair.len) {
			// A value without a name, or a flag such as HttpOnly.
			uint32_t before = (uint32_t)(span_trim(pair).p - pair.p);

			put(out, span_cut(pair, 0, before));
			if (set && at > 0)
				put(out, span_cut(pair, before, pair.len));
			else
				put_secret(out, span_cut(pair, before, pair.len));
		} else {
			put(out, name);
			put(out, SPAN_LIT("="));
			put_secret(out, span_cut(pair, name.len + 1, pair.len));
		}
		at += pair.len;
		if (at < value.len)
			put(out, SPAN_LIT(";"));
		at++;
	}
}

enum field_kind {
	FIELD_OPEN = 0,
	FIELD_SECRET, // what follows in a folded line is hidden
};

static enum field_kind put_field(struct out *out, struct span name, struct span value)
{
	static const char *const urls[] = {"referer",
					   "location",
					   "content-location",
					   "x-original-url",
					   "x-rewrite-url",
					   "x-forwarded-uri",
					   NULL};
	struct span trimmed = span_trim(value);
	uint32_t before = (uint32_t)(trimmed.p - value.p);

	name = span_trim(name);
	put(out, span_cut(value, 0, before));
	if (span_ieq(name, SPAN_LIT("authorization")) ||
	    span_ieq(name, SPAN_LIT("proxy-authorization"))) {
		put_authorization(out, trimmed);
	} else if (span_ieq(name, SPAN_LIT("cookie")) || span_ieq(name, SPAN_LIT("set-cookie"))) {
		put_cookies(out, trimmed, name.len > 6);
	} else if (secret_name(name)) {
		put_secret(out, trimmed);
	} else {
		if (one_of(name, urls))
			put_url(out, trimmed);
		else
			put_text(out, trimmed, says_nothing(name) ? (struct span){0} : name);
		put(out, span_cut(value, before + trimmed.len, value.len));
		return FIELD_OPEN;
	}
	put(out, span_cut(value, before + trimmed.len, value.len));
	return FIELD_SECRET;
}

static void put_start_line(struct out *out, struct span line, enum dir dir)
{
	struct span method = span_until(line, ' ');
	uint32_t end = line.len;

	if (dir == SERVER || method.len == line.len) {
		put_text(out, line, (struct span){0});
		return;
	}
	while (end > method.len && line.p[end - 1] != ' ')
		end--;
	if (end <= method.len + 1) // no version: all of it is the target
		end = line.len + 1;
	put(out, span_cut(line, 0, method.len + 1));
	put_url(out, span_cut(line, method.len + 1, end - 1));
	put(out, span_cut(line, end - 1, line.len));
}

// Up to a line feed, or to a carriage return without one: some receivers end lines there.
static uint32_t line_end(struct span head, uint32_t from, uint32_t *next)
{
	struct span line = span_cut(head, from, head.len);
	const uint8_t *lf = line.len ? memchr(line.p, '\n', line.len) : NULL, *cr;

	if (lf)
		line.len = (uint32_t)(lf - line.p);
	cr = line.len ? memchr(line.p, '\r', line.len) : NULL;
	if (cr)
		line.len = (uint32_t)(cr - line.p);
	*next = from + line.len + (cr ? 1 + (cr + 1 == lf) : lf != NULL);
	return from + line.len;
}

static void put_head(struct out *out, struct span head, enum dir dir, bool truncated)
{
	enum field_kind kind = FIELD_OPEN;

	for (uint32_t at = 0, end, next; at < head.len; at = next) {
		end = line_end(head, at, &next);
		struct span line = span_cut(head, at, end), name = span_until(line, ':');

		if (truncated && next == end) {
			// A value that was cut may be half of anything.
			uint32_t shown = at && name.len < line.len ? name.len + 1 : 0;

			put(out, span_cut(line, 0, shown));
			put_stars(out, line.len - shown);
		} else if (at == 0) {
			put_start_line(out, line, dir);
		} else if (line.len && (line.p[0] == ' ' || line.p[0] == '\t')) {
			if (kind == FIELD_SECRET)
				put_stars(out, line.len);
			else
				put_text(out, line, (struct span){0});
		} else if (line.len && name.len == line.len) {
			put_stars(out, line.len); // no field: nobody can say what it is
		} else if (line.len) {
			put(out, span_cut(line, 0, name.len + 1));
			kind = put_field(out, name, span_cut(line, name.len + 1, line.len));
		}
		put(out, span_cut(head, end, next));
	}
}

// ---- bodies

static uint32_t body_shown(const struct evidence *evidence, const struct exchange *x, enum dir dir)
{
	uint32_t shown = x->tx->msg[dir].body_kept;

	if (evidence->clear)
		return shown;
	if (shown > x->mask_limit[dir])
		shown = x->mask_limit[dir];
	return shown > x->scanned[dir] ? (uint32_t)x->scanned[dir] : shown;
}

// Where the last value of a body begins that ended before it was complete: it was never searched
// as what it is.
static uint32_t body_tail(const struct http_msg *msg, uint32_t shown)
{
	uint32_t at = shown, least = shown > TAIL_MAX ? shown - TAIL_MAX : 0;

	if (msg->complete || shown < http_msg_shown(msg))
		return shown;
	while (at > least && !strchr("\"\n=&,:[{>", msg->body[at - 1]))
		at--;
	return at;
}

// Returns how much of the body it has shown.
static uint32_t put_body(struct out *out, const struct exchange *x, enum dir dir)
{
	const struct http_msg *msg = &x->tx->msg[dir];
	uint32_t shown = body_shown(out->evidence, x, dir), n = 0, n_fields, tail;
	struct range range[EXCHANGE_MASKS + FIELDS_MAX + 1];
	struct secret_field field[FIELDS_MAX];

	if (shown == 0 || out->evidence->clear) {
		put(out, span_make(msg->body, shown));
		return shown;
	}
	for (uint32_t i = 0; i < x->n_masks[dir]; i++) {
		const struct exchange_mask *mask = &x->masks[dir][i];

		if (mask->off < shown)
			range[n++] = (struct range){mask->off, mask->off + mask->len, mask->type};
	}
	n_fields = secret_fields(span_make(msg->body, shown), field, FIELDS_MAX, &shown);
	for (uint32_t i = 0; i < n_fields; i++) // one that is cut by the end is hidden to there
		range[n++] = (struct range){
			field[i].from, field[i].to < shown ? field[i].to : UINT32_MAX, MASK_SECRET};
	tail = body_tail(msg, shown);
	if (tail < shown)
		range[n++] = (struct range){tail, UINT32_MAX, MASK_WHOLE};
	put_ranges(out, span_make(msg->body, shown), range, n);
	return shown;
}

// ---- all together

uint32_t evidence_size(const struct exchange *x)
{
	const struct http_msg *msg = x->tx->msg;

	return msg[CLIENT].head_len + msg[CLIENT].body_kept + msg[SERVER].head_len +
	       msg[SERVER].body_kept;
}

static void message_copy(struct out *out, const struct exchange *x, enum dir dir,
			 struct issue_message *message)
{
	const struct http_msg *msg = &x->tx->msg[dir];
	struct span head = span_make(msg->head, msg->head_len);
	uint32_t from = out->n, shown;

	if (out->evidence->clear)
		put(out, head);
	else
		put_head(out, head, dir, msg->head_truncated);
	message->head = span_make(out->p + from, out->n - from);
	message->head_truncated = msg->head_truncated;
	from = out->n;
	shown = put_body(out, x, dir);
	message->body = span_make(out->p + from, out->n - from);
	message->body_len = msg->body_len;
	message->body_truncated = shown < http_msg_shown(msg);
}

uint32_t evidence_copy(const struct evidence *evidence, const struct exchange *x, uint8_t *to,
		       struct issue_evidence *out)
{
	struct out stream = {evidence, to, 0};

	out->time_ns = x->tx->msg[x->tx->msg[CLIENT].seen ? CLIENT : SERVER].first_ns;
	message_copy(&stream, x, CLIENT, &out->request);
	message_copy(&stream, x, SERVER, &out->response);
	return stream.n;
}

uint32_t evidence_path(const struct evidence *evidence, struct span path, uint8_t *to)
{
	struct out stream = {evidence, to, 0};

	put_path(&stream, path);
	return stream.n;
}
