// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Street addresses as they are written in the United States: a house number, one to five words,
// and a suffix of the Postal Service's list (Publication 28, appendix C1) or a secondary unit; or
// the number of a box.

#include "detect/check.h"
#include "detect/issue.h"

enum { NUMBER_MAX = 6, WORDS_MAX = 6, WORD_MAX = 24, REST_MAX = 80, UNIT_MAX = 48, SUFFIX_MAX = 9 };

static bool is_suffix(struct span word)
{
	static const struct {
		char text[SUFFIX_MAX + 1];
		uint8_t len;
	} suffixes[] = {
#define SUFFIX(text) {text, sizeof(text) - 1}
		SUFFIX("avenue"),  SUFFIX("ave"),      SUFFIX("alley"),  SUFFIX("boulevard"),
		SUFFIX("blvd"),    SUFFIX("court"),    SUFFIX("ct"),     SUFFIX("circle"),
		SUFFIX("cir"),     SUFFIX("crescent"), SUFFIX("close"),  SUFFIX("drive"),
		SUFFIX("dr"),      SUFFIX("highway"),  SUFFIX("hwy"),    SUFFIX("lane"),
		SUFFIX("ln"),      SUFFIX("place"),    SUFFIX("pl"),     SUFFIX("parkway"),
		SUFFIX("pkwy"),    SUFFIX("plaza"),    SUFFIX("road"),   SUFFIX("rd"),
		SUFFIX("street"),  SUFFIX("st"),       SUFFIX("square"), SUFFIX("sq"),
		SUFFIX("terrace"), SUFFIX("ter"),      SUFFIX("trail"),  SUFFIX("trl"),
		SUFFIX("way"),
#undef SUFFIX
	};
	// By the first letter, from 'a' on: the first of them, and how many there are.
	static const struct {
		uint8_t first, n;
	} of_letter[26] = {
		{0, 3},         {3, 2},         {5, 6},         {11, 2},
		[7] = {13, 2},  [11] = {15, 2}, [15] = {17, 5}, [17] = {22, 2},
		[18] = {24, 4}, [19] = {28, 4}, [22] = {32, 1},
	};
	uint32_t first, n, letter;

	if (word.len > SUFFIX_MAX || !check_is(word.p[0], CLASS_ALPHA))
		return false;
	letter = (word.p[0] | 0x20u) - 'a';
	first = of_letter[letter].first;
	n = of_letter[letter].n;
	for (uint32_t k = first; k < first + n; k++) {
		uint32_t i = 1;

		if (suffixes[k].len != word.len)
			continue;
		while (i < word.len && span_lower(word.p[i]) == (uint8_t)suffixes[k].text[i])
			i++;
		if (i == word.len)
			return true;
	}
	return false;
}

// The end of the address whose number ends at p; NULL: it is none.
static const uint8_t *street(const uint8_t *p, const uint8_t *end)
{
	static const bool of_word[256] = {
		['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,   ['-'] = true,
		['.'] = true,         ['\''] = true,        [0x80 ... 0xff] = true,
	};

	for (uint32_t words = 0; words < WORDS_MAX; words++) {
		const uint8_t *word;
		uint32_t n;

		if (p == end || *p != ' ')
			return NULL;
		word = ++p;
		while (p < end && of_word[*p])
			p++;
		n = (uint32_t)(p - word);
		if (n == 0 || n > WORD_MAX)
			return NULL;
		if (word[n - 1] == '.')
			n--;
		if (words && is_suffix(span_make(word, n)))
			return p;
	}
	return NULL;
}

// "P.O. Box 12", "PSC 12, Box 34 APO AE 09012": the number that stands at p is that of a box.
static bool is_box(const struct candidate *c)
{
	const uint8_t *p = c->at;

	return p - c->text.p >= 4 && check_equals(span_make(p - 4, 4), "box ");
}

// "Apt. 12", "Suite 4" behind a number and some words.
static bool has_unit(const uint8_t *p, const uint8_t *end)
{
	static const char *const units[] = {"apt", "suite", "ste ", "unit ", "p.o. box", NULL};
	struct span rest = span_make(p, end - p > UNIT_MAX ? UNIT_MAX : (size_t)(end - p));

	for (; rest.len > 1; rest.p++, rest.len--) {
		for (uint32_t i = 0; rest.p[0] == ' ' && units[i]; i++) {
			if (check_starts(span_make(rest.p + 1, rest.len - 1), units[i]))
				return true;
		}
	}
	return false;
}

static struct span check(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *stop;
	const uint8_t *p = c->at;

	stop = street(p + c->runs[0].len, end);
	if (!stop) {
		stop = p + c->runs[0].len;
		if (!is_box(c) && !has_unit(stop, end))
			return (struct span){0};
	}
	// Apartment, town and state belong to it; what follows a line does not.
	while (stop < end && stop - p < REST_MAX && *stop >= ' ' && *stop != '"' && *stop != '<' &&
	       *stop != '\\' && *stop != ';')
		stop++;
	return span_make(p, (size_t)(stop - p));
}

static const char *const context[] = {"address", "street", "addr", "residence", NULL};

static const struct type_sample samples[] = {
	{"address", "4821 North Maple Street", true},
	{"street_address", "12 Old Mill Rd, Springfield", true},
	{"addr", "Suite 4, 739 O'Hara Blvd.", true},
	{"address", "739 Hafenweg 12 Apt. 4", true},
	{"mailing_address", "P.O. Box 4821, Springfield", true},
	{"address", "street 12", false},
	{NULL, "4821 North Maple Street", false},
	{"address", "0x7f3a lane", false},
	{"address", "1208 Harbor View Boulevard", true},
	{"address", "31 Elm Crescent", true},
	{"address", "7 Mill Square", true},
	{"address", "55 Rose Terrace", true},
	{"address", "90 Old Parkway", true},
	{"address", "64 Bay Highway", true},
	{"address", "12 Elm alleys", false},
	{0},
};

static const struct datatype address_us = {
	.id = "address.us",
	.title = "Street address",
	.group = GROUP_PERSONAL,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = context,
	.run_min = 1,
	.run_max = 6,
	.digits_only = true,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(address_us)
