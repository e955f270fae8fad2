// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Street addresses as they are written in the United States: a house number, one to five words,
// and a suffix of the Postal Service's list (Publication 28, appendix C1).

#include "detect/check.h"
#include "detect/issue.h"

enum { NUMBER_MAX = 6, WORDS_MAX = 6, WORD_MAX = 24, REST_MAX = 80 };

static bool is_suffix(struct span word)
{
	static const char *const suffixes[] = {
		"street", "st",   "avenue", "ave",  "road",    "rd",      "drive",   "dr",   "lane",
		"ln",     "boulevard",      "blvd", "court",   "ct",      "place",   "pl",   "way",
		"circle", "cir",  "parkway", "pkwy", "terrace", "ter",     "trail",   "trl",  "square",
		"sq",     "highway",        "hwy",  "plaza",   "alley",   "crescent", "close", NULL,
	};

	for (uint32_t i = 0; suffixes[i]; i++) {
		if (check_equals(word, suffixes[i]))
			return true;
	}
	return false;
}

// The end of the address whose number ends at p; NULL: it is none.
static const uint8_t *street(const uint8_t *p, const uint8_t *end)
{
	for (uint32_t words = 0; words < WORDS_MAX; words++) {
		const uint8_t *word;
		uint32_t n;

		if (p == end || *p != ' ')
			return NULL;
		word = ++p;
		while (p < end && (check_is(*p, CLASS_ALNUM | CLASS_DASH | CLASS_DOT) || *p == '\'' ||
				   *p >= 0x80))
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

static struct span check(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *stop;
	const uint8_t *p = c->at;

	stop = street(c->runs[0].p + c->runs[0].len, end);
	if (!stop || c->runs[0].len > NUMBER_MAX)
		return (struct span){0};
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
	{"address", "street 12", false},
	{NULL, "4821 North Maple Street", false},
	{"address", "0x7f3a lane", false},
	{0},
};

static const struct datatype address_us = {
	.id = "address.us",
	.title = "Street address",
	.group = GROUP_PERSONAL,
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
