// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From a request target to an endpoint. Worker; pure functions over spans.
//
//	GET /v1/users/1207/cards/4f8c…e1?x=1  ─►  GET /v1/users/{id}/cards/{hex}
//	GET /v1/shops/corner-bakery           ─►  GET /v1/shops/{name}, once learnt (template.h)
//	POST /graphql, operation Orders       ─►  POST /graphql#Orders
//
// A segment is decoded before it is judged. What stays is a word, a version or a locale; what
// looks like a value is replaced by the kind of value. A doubtful one stays: too many templates
// are a nuisance, two endpoints in one are a blind spot.

#include "detect/endpoint.h"

#include <arpa/inet.h>

#include "detect/detector.h"
#include "detect/escape.h"
#include "detect/operation.h"
#include "detect/siphash.h"
#include "detect/template.h"
#include "detect/text.h"

enum {
	WORD_MAX = 64, // longer segments are values
	TOKEN_MIN = 20,
	PREFIXED_MIN = 14, // of what follows the prefix, as in cus_9s6XKzkNRiz8i3
};

struct shape {
	uint32_t digits, upper, lower, hex, other;
	uint32_t changes; // between kinds of letters, digits, other
	bool url_safe;    // nothing but letters, digits, - _ . ~ =
};

// Counters of twelve bits in one word: longer texts are looked at no further than that.
enum { SHAPE_BITS = 12, SHAPE_MAX = (1 << SHAPE_BITS) - 1 };

#define SHAPE_DIGIT  UINT64_C(1)
#define SHAPE_UPPER  (UINT64_C(1) << SHAPE_BITS)
#define SHAPE_LOWER  (UINT64_C(1) << 2 * SHAPE_BITS)
#define SHAPE_HEX    (UINT64_C(1) << 3 * SHAPE_BITS)
#define SHAPE_SAFE   (UINT64_C(1) << 4 * SHAPE_BITS) // of what is neither letter nor digit
#define SHAPE_LETTER (SHAPE_DIGIT | SHAPE_UPPER | SHAPE_LOWER)

static const uint64_t shape_of_byte[256] = {
	['0' ... '9'] = SHAPE_DIGIT | SHAPE_HEX,
	['A' ... 'F'] = SHAPE_UPPER | SHAPE_HEX,
	['G' ... 'Z'] = SHAPE_UPPER,
	['a' ... 'f'] = SHAPE_LOWER | SHAPE_HEX,
	['g' ... 'z'] = SHAPE_LOWER,
	['-'] = SHAPE_SAFE,
	['_'] = SHAPE_SAFE,
	['.'] = SHAPE_SAFE,
	['~'] = SHAPE_SAFE,
	['='] = SHAPE_SAFE,
};

// What all bytes together are: enough for most texts.
enum byte_kind { BYTE_DIGIT = 1, BYTE_HEX = 2, BYTE_LETTER = 4, BYTE_SIGN = 8, BYTE_ODD = 16 };

static const uint8_t kind_of_byte[256] = {
	[0 ... '-' - 1] = BYTE_ODD, ['-' ... '.'] = BYTE_SIGN,   ['/'] = BYTE_ODD,
	['0' ... '9'] = BYTE_DIGIT, [':' ... '<'] = BYTE_ODD,    ['='] = BYTE_SIGN,
	['>' ... '@'] = BYTE_ODD,   ['A' ... 'F'] = BYTE_HEX,    ['G' ... 'Z'] = BYTE_LETTER,
	['[' ... '^'] = BYTE_ODD,   ['_'] = BYTE_SIGN,           ['`'] = BYTE_ODD,
	['a' ... 'f'] = BYTE_HEX,   ['g' ... 'z'] = BYTE_LETTER, ['{' ... '}'] = BYTE_ODD,
	['~'] = BYTE_SIGN,          [127 ... 255] = BYTE_ODD,
};

static uint8_t kinds_of(struct span s)
{
	uint8_t kinds = 0;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < s.len; i++)
		kinds |= kind_of_byte[s.p[i]];
	return kinds;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(uint8_t c)
{
	return span_lower(c) >= 'a' && span_lower(c) <= 'z';
}

static uint32_t shape_count(uint64_t sum, uint64_t unit)
{
	return (uint32_t)(sum / unit) & SHAPE_MAX;
}

static struct shape shape_of(struct span s)
{
	uint32_t len = s.len < SHAPE_MAX ? s.len : SHAPE_MAX, changes = 0, other;
	uint64_t sum = 0, before = len ? shape_of_byte[s.p[0]] & SHAPE_LETTER : 0;

	for (uint32_t i = 0; i < len; i++) {
		uint64_t one = shape_of_byte[s.p[i]], kind = one & SHAPE_LETTER;

		sum += one;
		changes += kind != before;
		before = kind;
	}
	struct shape shape = {
		.digits = shape_count(sum, SHAPE_DIGIT),
		.upper = shape_count(sum, SHAPE_UPPER),
		.lower = shape_count(sum, SHAPE_LOWER),
		.hex = shape_count(sum, SHAPE_HEX),
		.changes = changes,
	};

	other = len - shape.digits - shape.upper - shape.lower;
	shape.other = other;
	shape.url_safe = shape_count(sum, SHAPE_SAFE) == other;
	return shape;
}

static bool digits_at(struct span s, uint32_t from, uint32_t n)
{
	if (s.len < from || s.len - from < n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!is_digit(s.p[from + i]))
			return false;
	}
	return true;
}

// 8-4-4-4-12 (RFC 9562 section 4). One pass without a branch, for many values are one.
bool endpoint_is_uuid(struct span s)
{
	uint8_t others = 0; // besides hexadecimal digits

	if (s.len != 36 || s.p[8] != '-' || s.p[13] != '-' || s.p[18] != '-' || s.p[23] != '-')
		return false;
	for (uint32_t i = 0; i < 36; i++)
		others += (uint8_t)(((uint8_t)(s.p[i] - '0') > 9) &
				    ((uint8_t)((s.p[i] | 0x20) - 'a') > 5));
	return others == 4;
}

static uint32_t number_at(struct span s, uint32_t from, uint32_t n)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < n; i++)
		number = number * 10 + (uint32_t)(s.p[from + i] - '0');
	return number;
}

// 2026-05, 2026-05-17, with or without a time behind it, 17-05-2026. Eight digits in a row are a
// number: an id that happens to read as a date must not become a second endpoint.
static __attribute__((noinline)) bool is_date(struct span s)
{
	if (digits_at(s, 0, 4) && s.len >= 7 && s.p[4] == '-' && digits_at(s, 5, 2)) {
		uint32_t year = number_at(s, 0, 4), month = number_at(s, 5, 2);

		if (year < 1800 || year > 2200 || month < 1 || month > 12)
			return false;
		if (s.len == 7)
			return true;
		if (s.len < 10 || s.p[7] != '-' || !digits_at(s, 8, 2) || number_at(s, 8, 2) > 31)
			return false;
		return s.len == 10 || ((s.p[10] == 'T' || s.p[10] == 't' || s.p[10] == ' ') &&
				       digits_at(s, 11, 2));
	}
	return s.len == 10 && digits_at(s, 0, 2) && digits_at(s, 3, 2) && digits_at(s, 6, 4) &&
	       (s.p[2] == '-' || s.p[2] == '.') && s.p[5] == s.p[2] && number_at(s, 0, 2) <= 31 &&
	       number_at(s, 3, 2) <= 31;
}

// Something before the sign, and a domain that ends with letters: not package@1.2.3.
static bool is_email(struct span s)
{
	const uint8_t *at = memchr(s.p, '@', s.len);
	uint32_t local = at ? (uint32_t)(at - s.p) : 0, letters = 0;

	while (letters < s.len && is_alpha(s.p[s.len - 1 - letters]))
		letters++;
	return local > 0 && letters >= 2 && s.len - local > letters + 2 &&
	       s.p[s.len - 1 - letters] == '.';
}

// 26 letters and digits of Crockford's base 32, the first at most 7.
static bool is_ulid(struct span s)
{
	if (s.len != 26 || s.p[0] < '0' || s.p[0] > '7')
		return false;
	for (uint32_t i = 0; i < 26; i++) {
		uint8_t c = span_lower(s.p[i]);

		if (!is_digit(c) && (!is_alpha(c) || c == 'i' || c == 'l' || c == 'o' || c == 'u'))
			return false;
	}
	return true;
}

// v1, v2.1, 1.0, 2.0.3.
static bool is_version(struct span s)
{
	bool marked = s.len > 1 && span_lower(s.p[0]) == 'v';
	uint32_t run = 0, dots = 0, longest = 0;

	for (uint32_t i = marked; i < s.len; i++) {
		if (is_digit(s.p[i])) {
			run++;
		} else if (s.p[i] == '.' && run > 0 && i + 1 < s.len) {
			run = 0;
			dots++;
		} else {
			return false;
		}
		longest = run > longest ? run : longest;
	}
	return marked ? run > 0 : dots > 0 && dots < 4 && run > 0 && longest <= 2;
}

// Letters and an underscore before a key: cus_9s6XKzkNRiz8i3.
static bool is_prefixed(struct span s)
{
	uint32_t prefix = 0;
	struct shape shape;

	while (prefix < s.len && prefix < 8 && s.p[prefix] >= 'a' && s.p[prefix] <= 'z')
		prefix++;
	if (prefix < 2 || prefix == s.len || s.p[prefix] != '_' ||
	    s.len - prefix - 1 < PREFIXED_MIN)
		return false;
	shape = shape_of(span_make(s.p + prefix + 1, s.len - prefix - 1));
	return shape.digits && shape.other == 0 && shape.changes >= 3;
}

// Random-looking: letters of both cases and digits that change often. Words written together
// (GetCustomerAccountsV2) change less, and have one digit at most.
static bool is_token(struct span s, const struct shape *shape)
{
	if (s.len < TOKEN_MIN || !shape->url_safe || shape->digits == 0)
		return false;
	if (shape->other == 0 && (shape->upper == 0 || shape->lower == 0))
		return shape->digits >= 4 && shape->changes >= 4;
	if (shape->upper == 0 || shape->lower == 0)
		return false; // words with dashes and a year in them
	return shape->digits >= 2 ? shape->changes * 20 >= s.len * 7 : shape->changes * 2 >= s.len;
}

static enum segment_class segment_other(struct span s)
{
	if (s.p[0] == '@' && s.len > 1)
		return SEGMENT_ID;
	return s.len > WORD_MAX ? SEGMENT_TOKEN : SEGMENT_WORD;
}

// With a byte that stands in no identifier, such as a space: numbers, lists and ranges of them,
// coordinates, telephone numbers, and what has more digits than letters.
static bool is_list(struct span s)
{
	uint32_t digits = 0, letters = 0;

	for (uint32_t i = 0; i < s.len; i++) {
		uint8_t kind = kind_of_byte[s.p[i]];

		digits += kind == BYTE_DIGIT;
		letters += (kind & (BYTE_HEX | BYTE_LETTER)) != 0;
	}
	return letters == 0 || (digits >= 4 && digits >= letters);
}

// Letters, digits and signs that may stand in an identifier.
static __attribute__((noinline)) enum segment_class segment_mixed(struct span s)
{
	struct shape shape;

	if (is_version(s))
		return SEGMENT_WORD;
	shape = shape_of(s);
	if (shape.digits + shape.other == s.len && shape.digits) {
		// Numbers, lists and ranges of them, coordinates, telephone numbers.
		return SEGMENT_ID;
	}
	if (shape.hex == s.len && (s.len >= 16 || (s.len >= 8 && shape.digits)))
		return SEGMENT_HEX;
	if (is_ulid(s))
		return SEGMENT_ID;
	if (is_token(s, &shape))
		return SEGMENT_TOKEN;
	if (is_prefixed(s))
		return SEGMENT_ID;
	// INV-2024-0001, user12345: more digits than letters.
	if (shape.digits >= 4 && shape.digits >= shape.upper + shape.lower)
		return SEGMENT_ID;
	return segment_other(s);
}

static __attribute__((noinline)) enum segment_class segment_any(struct span s, uint8_t kinds)
{
	if (s.len > 2 && s.p[0] == '{' && s.p[s.len - 1] == '}' &&
	    endpoint_is_uuid(span_make(s.p + 1, s.len - 2)))
		return SEGMENT_UUID;
	if (endpoint_is_uuid(s))
		return SEGMENT_UUID;
	if (s.len >= 7 && is_digit(s.p[0]) && is_date(s))
		return SEGMENT_DATE;
	if (kinds & BYTE_ODD) {
		if (is_email(s))
			return SEGMENT_EMAIL;
		if ((kinds & BYTE_DIGIT) && is_list(s))
			return SEGMENT_ID;
		return segment_other(s);
	}
	if (!(kinds & BYTE_DIGIT))
		return kinds == BYTE_HEX && s.len >= 16 ? SEGMENT_HEX : segment_other(s);
	return segment_mixed(s);
}

enum segment_class endpoint_segment(struct span s)
{
	uint8_t kinds;

	if (s.len == 0)
		return SEGMENT_WORD;
	if (s.len > ENDPOINT_SEGMENT)
		return SEGMENT_TOKEN;
	kinds = kinds_of(s);
	if (kinds == BYTE_DIGIT)
		return SEGMENT_ID;
	if (!(kinds & (BYTE_DIGIT | BYTE_ODD)) && kinds != BYTE_HEX && s.len <= WORD_MAX)
		return SEGMENT_WORD; // most of them
	return segment_any(s, kinds);
}

const char *endpoint_segment_name(enum segment_class class)
{
	static const char *const names[] = {
		[SEGMENT_WORD] = "",         [SEGMENT_ID] = "{id}",     [SEGMENT_UUID] = "{uuid}",
		[SEGMENT_HEX] = "{hex}",     [SEGMENT_DATE] = "{date}", [SEGMENT_EMAIL] = "{email}",
		[SEGMENT_TOKEN] = "{token}",
	};

	return names[class];
}

bool endpoint_next(struct span *path, struct span *segment)
{
	while (path->len && path->p[0] == '/') {
		path->p++;
		path->len--;
	}
	*segment = span_until(*path, '/');
	if (segment->len == 0) // also of a request that was not seen, whose path is nowhere
		return false;
	path->p += segment->len;
	path->len -= segment->len;
	return true;
}

// Without port, user information and a last dot (RFC 3986 section 3.2).
static struct span host_of(struct span authority)
{
	const uint8_t *at = authority.len ? memrchr(authority.p, '@', authority.len) : NULL;
	struct span host = authority;

	if (at)
		host = span_make(at + 1, authority.len - (size_t)(at + 1 - authority.p));
	host = span_trim(host);
	if (host.len && host.p[0] == '[') {
		const uint8_t *end = memchr(host.p, ']', host.len);

		if (end)
			host.len = (uint32_t)(end - host.p) + 1;
	} else {
		host = span_until(host, ':');
	}
	if (host.len > 1 && host.p[host.len - 1] == '.')
		host.len--;
	if (host.len > ENDPOINT_HOST)
		host.len = ENDPOINT_HOST;
	return host;
}

// "http://": the target names the authority itself (RFC 9112 section 3.2.2). Returns the length
// of scheme and slashes.
static uint32_t scheme_len(struct span uri)
{
	uint32_t i = 0;

	while (i < uri.len && i < 16 && (is_alpha(uri.p[i]) || (i && is_digit(uri.p[i]))))
		i++;
	return i && uri.len - i >= 3 && memcmp(uri.p + i, "://", 3) == 0 ? i + 3 : 0;
}

void endpoint_split(struct exchange *x)
{
	struct span uri = span_until(x->tx->uri, '#');
	struct span host = http_header(x->tx, CLIENT, HEADER_HOST);
	uint32_t scheme = scheme_len(uri);

	if (scheme) {
		struct span rest = span_make(uri.p + scheme, uri.len - scheme);
		struct span authority = span_until(span_until(rest, '?'), '/');

		host = authority;
		uri = span_make(rest.p + authority.len, rest.len - authority.len);
	} else if (span_eq(x->tx->method, SPAN_LIT("CONNECT"))) {
		host = uri;
		uri.len = 0;
	}
	x->host = host_of(host);
	x->path = span_until(uri, '?');
	x->query = (struct span){0};
	if (x->path.len < uri.len)
		x->query = span_make(uri.p + x->path.len + 1, uri.len - x->path.len - 1);
}

// ---- template

struct template
{
	uint8_t *out;
	uint32_t n;
};

enum { TEMPLATE_MORE = 4 }; // "/…" is always kept free

static bool template_put(struct template *t, const void *bytes, size_t len)
{
	if (EXCHANGE_TEMPLATE - TEMPLATE_MORE - t->n < len)
		return false;
	memcpy(t->out + t->n, bytes, len);
	t->n += (uint32_t)len;
	return true;
}

// What is not printable, or would be read as a part of the template, as %XX.
static bool template_word(struct template *t, struct span word)
{
	static const char hex[] = "0123456789ABCDEF";

	if (!(kinds_of(word) & BYTE_ODD))
		return template_put(t, word.p, word.len);
	for (uint32_t i = 0; i < word.len; i++) {
		uint8_t c = word.p[i];
		char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
		bool plain = c > 0x20 && c < 0x7f && !strchr("%{}/?#\"<>\\^`|", c);

		if (!template_put(t, plain ? (const void *)&c : escape, plain ? 1 : 3))
			return false;
	}
	return true;
}

// *value is set when the segment is one.
static bool template_segment(struct template *t, struct span raw, bool hidden, bool *value)
{
	uint8_t decoded[ENDPOINT_SEGMENT];
	uint8_t kinds = kinds_of(raw);
	enum segment_class class;
	const char *name;
	uint32_t ending;
	struct span s;

	*value = true;
	if (hidden || (kinds == BYTE_DIGIT && raw.len <= ENDPOINT_SEGMENT))
		return template_put(t, "/{id}", 5);
	// Most of the others are words that hold nothing but letters.
	if (!(kinds & ~(BYTE_HEX | BYTE_LETTER)) && kinds != BYTE_HEX && raw.len <= WORD_MAX) {
		*value = false;
		return template_put(t, "/", 1) && template_put(t, raw.p, raw.len);
	}
	s = span_until(raw, ';'); // parameters of a segment are no part of its name
	if (s.len > sizeof(decoded))
		return template_put(t, "/{token}", 8);
	s = escape_url(s, decoded, false);
	// 1207.json: what is before the ending counts, unless all of it is one thing.
	ending = template_ending(s);
	class = ending ? endpoint_segment(span_make(s.p, s.len - ending)) : SEGMENT_WORD;
	if (class == SEGMENT_WORD) {
		class = endpoint_segment(s);
		ending = 0;
	}
	if (!template_put(t, "/", 1))
		return false;
	*value = class != SEGMENT_WORD;
	if (class == SEGMENT_WORD)
		return template_word(t, s);
	name = endpoint_segment_name(class);
	return template_put(t, name, strlen(name)) &&
	       template_word(t, span_make(s.p + s.len - ending, ending));
}

// "/package.Service/Method" of gRPC: names, whatever they look like.
static uint16_t template_grpc(struct span path, uint8_t out[EXCHANGE_TEMPLATE])
{
	struct template t = {out, 0};
	struct span segment;
	uint32_t n = 0;

	while (endpoint_next(&path, &segment)) {
		if (++n > 2 || !template_put(&t, "/", 1) || !template_word(&t, segment))
			return 0;
	}
	return n == 2 ? (uint16_t)t.n : 0;
}

// Where a path has got to in what is known of templates.
struct walk {
	const struct template_table *table; // NULL: nothing is known from here on
	uint64_t place;
};

// The segment that was written from `before` on may be a value all the same.
static bool template_walk(struct template *t, struct walk *walk, uint32_t before, bool *value)
{
	struct span segment = span_make(t->out + before + 1, t->n - before - 1), name;
	enum template_origin origin;
	uint8_t kept[8];
	uint32_t ending;

	if (!template_known(walk->table, walk->place)) {
		walk->table = NULL;
		return true;
	}
	origin = template_segment_is(walk->table, walk->place, segment, &name, &ending);
	if (origin == TEMPLATE_LEARNT || origin == TEMPLATE_PINNED) {
		memcpy(kept, segment.p + segment.len - ending, ending); // at most six
		t->n = before + 1;
		if (!template_put(t, name.p, name.len) || !template_put(t, kept, ending))
			return false;
		segment.len = t->n - before - 1;
		*value = true;
	}
	walk->place = template_place(walk->table->seed, walk->place, segment);
	return true;
}

// values: a bit for each segment that is one.
static uint16_t template_make(struct span path, uint32_t hidden, struct walk walk, uint32_t *values,
			      uint8_t out[EXCHANGE_TEMPLATE])
{
	struct template t = {out, 0};
	struct span segment;

	for (uint32_t i = 0; endpoint_next(&path, &segment); i++) {
		uint32_t before = t.n;
		bool value;

		if (i < ENDPOINT_DEPTH && template_segment(&t, segment, hidden >> i & 1, &value) &&
		    (!walk.table || template_walk(&t, &walk, before, &value))) {
			*values |= (uint32_t)value << i;
			continue;
		}
		t.n = before;
		memcpy(out + t.n, "/\xe2\x80\xa6", TEMPLATE_MORE);
		return (uint16_t)(t.n + TEMPLATE_MORE);
	}
	if (t.n == 0)
		out[t.n++] = '/';
	return (uint16_t)t.n;
}

void endpoint_address(const uint8_t addr[16], char out[48])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(addr, mapped, sizeof(mapped)) == 0;

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, out, 48))
		out[0] = '\0';
}

uint32_t endpoint_host(const struct exchange *x, uint8_t out[ENDPOINT_HOST + 1])
{
	if (x->host.len == 0) {
		endpoint_address(x->tx->conn->addr[SERVER], (char *)out);
		return (uint32_t)strlen((char *)out);
	}
	for (uint32_t i = 0; i < x->host.len; i++)
		out[i] = span_lower(x->host.p[i]);
	return x->host.len;
}

static uint64_t endpoint_root(const struct exchange *x, uint64_t seed)
{
	uint8_t host[ENDPOINT_HOST + 1];
	struct span method = x->tx->method;

	if (method.len > ENDPOINT_METHOD)
		method.len = ENDPOINT_METHOD;
	return template_root(seed, span_make(host, endpoint_host(x, host)), method);
}

static void endpoint_hash(struct exchange *x, uint64_t seed, uint64_t root)
{
	x->endpoint = template_id(seed, root, span_make(x->template, x->template_len));
}

void endpoint_identify(struct exchange *x, uint64_t seed, uint32_t hidden,
		       const struct template_table *table)
{
	uint64_t root = endpoint_root(x, seed);
	struct walk walk = {table && table->set->n ? table : NULL, root};

	x->template_len = 0;
	x->id_segments = 0;
	if (x->tx->msg[CLIENT].seen && x->tx->uri.p) {
		if (x->tx->grpc && !hidden)
			x->template_len = template_grpc(x->path, x->template);
		if (!x->template_len)
			x->template_len = template_make(x->path, hidden, walk,
							&x->id_segments, x->template);
	}
	endpoint_hash(x, seed, root);
}

void endpoint_operation(struct exchange *x, uint64_t seed)
{
	struct span name = operation_name(x->tx, x->query);
	struct template t = {x->template, x->template_len};
	enum segment_class class = endpoint_segment(name);
	const char *value = endpoint_segment_name(class);

	if (!name.len || !x->template_len || !template_put(&t, "#", 1))
		return;
	if (class == SEGMENT_WORD ? !template_word(&t, name)
				  : !template_put(&t, value, strlen(value)))
		return;
	x->template_len = (uint16_t)t.n;
	x->api = operation_api(x->tx);
	endpoint_hash(x, seed, endpoint_root(x, seed));
}

static bool is_login_word(struct span stem)
{
	static const char *const words[] = {
		"login",    "log-in",       "signin",         "sign-in",
		"sign_in",  "signup",       "sign-up",        "sign_up",
		"register", "token",        "registration",   "oauth",
		"oauth2",   "authenticate", "reset-password", "forgot-password",
	};

	for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_lower(stem.p[0]) == (uint8_t)words[i][0] &&
		    span_ieq(stem, span_make(words[i], strlen(words[i]))))
			return true;
	}
	return false;
}

bool endpoint_is_login(struct span path)
{
	// Lengths of the words that begin with a letter: of those, of "password" and of "reset".
	static const uint16_t lens[32] = {
		['a' & 31] = 1 << 12,
		['f' & 31] = 1 << 15,
		['l' & 31] = 1 << 5 | 1 << 6,
		['o' & 31] = 1 << 5 | 1 << 6,
		['p' & 31] = 1 << 8,
		['r' & 31] = 1 << 5 | 1 << 8 | 1 << 12 | 1 << 14,
		['s' & 31] = 1 << 6 | 1 << 7,
		['t' & 31] = 1 << 5,
	};
	struct span segment;
	bool password = false;

	for (uint32_t i = 0; i < ENDPOINT_DEPTH && endpoint_next(&path, &segment); i++) {
		uint16_t wanted = lens[segment.p[0] & 31];
		bool behind = password;

		password = false;
		if (!wanted)
			continue;
		segment = span_until(span_until(segment, ';'), '.');
		if (segment.len > 15 || !(wanted >> segment.len & 1))
			continue;
		if (is_login_word(segment) || (behind && span_ieq(segment, SPAN_LIT("reset"))))
			return true;
		password = span_ieq(segment, SPAN_LIT("password"));
	}
	return false;
}

const char *endpoint_text(const struct merged_endpoint *endpoint, char *out, size_t size)
{
	size_t n;

	if (!endpoint) {
		text_clean(out, size, "an endpoint", 11);
		return out;
	}
	n = text_clean(out, size, endpoint->method, strlen(endpoint->method));
	if (n && size - n > 1)
		out[n++] = ' ';
	n += text_clean(out + n, size - n, endpoint->host, strlen(endpoint->host));
	text_clean(out + n, size - n, endpoint->template, strlen(endpoint->template));
	return out;
}
