// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Machine readable zones of travel documents (ICAO Doc 9303 parts 3 to 7): three lines of 30
// characters (TD1), two of 36 (TD2) or of 44 (TD3), whose check digits must all be right. Their
// fill characters lead to them. A lower line of two counts alone, because it holds everything but
// the name.

#include "detect/check.h"
#include "detect/issue.h"

enum { LINES = 3, FILL = 4, TD1 = 30, TD2 = 36, TD3 = 44 };

struct zone {
	const uint8_t *line[LINES];
	uint32_t len[LINES];
	uint32_t n;
};

static bool zone_byte(uint8_t c)
{
	return check_is(c, CLASS_UPPER | CLASS_DIGIT) || c == '<';
}

static bool is_break(uint8_t c)
{
	return c == '\n' || c == '\r';
}

// Goes back over at most three lines from p, to the first byte that belongs to none.
static const uint8_t *zone_start(const uint8_t *start, const uint8_t *p)
{
	uint32_t budget = LINES * (TD3 + 2);

	for (; p > start && budget && (zone_byte(p[-1]) || is_break(p[-1])); p--, budget--)
		;
	return p;
}

static void zone_read(const uint8_t *p, const uint8_t *end, struct zone *z)
{
	z->n = 0;
	while (z->n < LINES) {
		uint32_t len = 0;

		while (p < end && is_break(*p))
			p++;
		while (p + len < end && len <= TD3 && zone_byte(p[len]))
			len++;
		// Markup behind it begins like a fill character.
		if ((len == TD1 + 1 || len == TD2 + 1 || len == TD3 + 1) && p[len - 1] == '<')
			len--;
		if (len == 0)
			return;
		z->line[z->n] = p;
		z->len[z->n++] = len;
		p += len;
		if (p == end || !is_break(*p))
			return;
	}
}

// The check digit behind n characters is right; that of an empty field may be '<'.
static bool digit_of(const uint8_t *p, uint32_t n)
{
	uint8_t d = p[n];

	return d == '<' ? p[0] == '<' && check_uniform(p, n)
			: check_is(d, CLASS_DIGIT) && check_icao(p, n) == (uint32_t)(d - '0');
}

static bool sex(uint8_t c)
{
	return c == 'M' || c == 'F' || c == '<' || c == 'X';
}

// Number, nationality, birth, sex, expiry, optional data, composite.
static bool lower_line(const uint8_t *p, uint32_t len)
{
	uint8_t all[40];
	uint32_t n = 0;

	if ((len != TD2 && len != TD3) || !digit_of(p, 9) || !check_all(p + 13, 6, CLASS_DIGIT) ||
	    !digit_of(p + 13, 6) || !sex(p[20]) || !digit_of(p + 21, 6))
		return false;
	if (len == TD3 && !digit_of(p + 28, 14))
		return false;
	memcpy(all, p, 10);
	n = 10;
	memcpy(all + n, p + 13, 7);
	n += 7;
	memcpy(all + n, p + 21, len - 1 - 21);
	n += len - 1 - 21;
	return check_is(p[len - 1], CLASS_DIGIT) &&
	       check_icao(all, n) == (uint32_t)(p[len - 1] - '0');
}

static bool td1(const struct zone *z)
{
	const uint8_t *a = z->line[0], *b = z->line[1];
	uint8_t all[50];

	if (z->n < 2 || z->len[0] != TD1 || z->len[1] != TD1 || !strchr("AIC", a[0]) ||
	    !digit_of(a + 5, 9) || !check_all(b, 6, CLASS_DIGIT) || !digit_of(b, 6) || !sex(b[7]) ||
	    !digit_of(b + 8, 6))
		return false;
	memcpy(all, a + 5, 25);
	memcpy(all + 25, b, 7);
	memcpy(all + 32, b + 8, 7);
	memcpy(all + 39, b + 18, 11);
	return check_is(b[29], CLASS_DIGIT) && check_icao(all, 50) == (uint32_t)(b[29] - '0');
}

static struct span check(const struct candidate *c)
{
	const uint8_t *p = zone_start(c->text.p, c->at - FILL), *end = c->text.p + c->text.len;
	uint32_t fill = 0, last;
	struct zone z;

	while (p < c->at && is_break(*p))
		p++;
	// Only the first row of fill characters in a zone speaks for it.
	for (const uint8_t *q = p; q < c->at; q++) {
		fill = *q == '<' ? fill + 1 : 0;
		if (fill == FILL && q + 1 < c->at)
			return (struct span){0};
	}
	zone_read(p, end, &z);
	if (z.n == 0)
		return (struct span){0};
	if (td1(&z)) {
		last = z.n == 3 && z.len[2] == TD1 ? 2 : 1;
		return span_make(p, (size_t)(z.line[last] - p) + TD1);
	}
	if (z.n >= 2 && z.len[0] == z.len[1] && strchr("PVIAC", p[0]) &&
	    lower_line(z.line[1], z.len[1]))
		return span_make(p, (size_t)(z.line[1] - p) + z.len[1]);
	return lower_line(z.line[0], z.len[0]) ? span_make(p, z.len[0]) : (struct span){0};
}

static uint32_t mask(struct span value, uint8_t *out, uint32_t out_len)
{
	uint32_t n = value.len < out_len ? value.len : out_len;

	for (uint32_t i = 0; i < n; i++)
		out[i] = value.p[i] == '<' || is_break(value.p[i]) || i < 2 ? value.p[i] : '*';
	return n;
}

static const char *const context[] = {"mrz", "machine readable zone", "passport", NULL};

static const struct type_sample samples[] = {
	{NULL,
	 "P<JPNYAMADA<<HANAKO<<<<<<<<<<<<<<<<<<<<<<<<<\n"
	 "TK48291739JPN8704234F3106110<<<<<<<<<<<<<<<6",
	 true},
	{"mrz", "TK48291739JPN8704234F3106110<<<<<<<<<<<<<<<6", true},
	{"line",
	 "I<D<<MUSTER<<JONAS<PAUL<<<<<<<<<<<<<\n"
	 "C4J7X2K913D<<8403179M2909048<<<<<<<2",
	 true},
	{NULL,
	 "I<UTOX482917367<<<<<<<<<<<<<<<\n"
	 "8704234F3106110UTO<<<<<<<<<<<0\n"
	 "MUSTER<<ERIKA<<<<<<<<<<<<<<<<<",
	 true},
	{NULL,
	 "P<JPNYAMADA<<HANAKO<<<<<<<<<<<<<<<<<<<<<<<<<\n"
	 "TK48291739JPN8704234F3106110<<<<<<<<<<<<<<<7",
	 false},
	{NULL, "<<<<<<< HEAD of the branch", false},
	{"mrz", "P<UTOMUSTER<<ERIKA<<<<<<<<<<<<<<<<<<<<<<<<<<", false},
	{0},
};

static const struct datatype mrz = {
	.id = "mrz",
	.title = "Machine readable zone of a travel document",
	.group = GROUP_GOVERNMENT_ID,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.rule = "ICAO Doc 9303, part 3: check digits with weights 7, 3, 1",
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = true,
	.context = context,
	.pattern = "<<<<",
	.check = check,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(mrz)
