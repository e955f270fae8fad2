// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// International bank account numbers (ISO 13616-1): country, two check digits (ISO/IEC 7064,
// mod 97-10), and a national part whose length and characters the SWIFT registry gives for each
// country: n digits, a letters, c letters and digits.

#include "detect/check.h"
#include "detect/issue.h"

enum { IBAN_MAX = 34 };

// In the order of the country codes.
static const struct {
	char country[3];
	uint8_t len;
	char part[12];
} countries[] = {
	{"AD", 24, "n8c12"},    {"AE", 23, "n19"},      {"AL", 28, "n8c16"},
	{"AT", 20, "n16"},      {"AZ", 28, "a4c20"},    {"BA", 20, "n16"},
	{"BE", 16, "n12"},      {"BG", 22, "a4n6c8"},   {"BH", 22, "a4c14"},
	{"BI", 27, "n23"},      {"BR", 29, "n23a1c1"},  {"BY", 28, "c4n4c16"},
	{"CH", 21, "n5c12"},    {"CR", 22, "n18"},      {"CY", 28, "n8c16"},
	{"CZ", 24, "n20"},      {"DE", 22, "n18"},      {"DJ", 27, "n23"},
	{"DK", 18, "n14"},      {"DO", 28, "c4n20"},    {"EE", 20, "n16"},
	{"EG", 29, "n25"},      {"ES", 24, "n20"},      {"FI", 18, "n14"},
	{"FK", 18, "a2n12"},    {"FO", 18, "n14"},      {"FR", 27, "n10c11n2"},
	{"GB", 22, "a4n14"},    {"GE", 22, "a2n16"},    {"GI", 23, "a4c15"},
	{"GL", 18, "n14"},      {"GR", 27, "n7c16"},    {"GT", 28, "c24"},
	{"HR", 21, "n17"},      {"HU", 28, "n24"},      {"IE", 22, "a4n14"},
	{"IL", 23, "n19"},      {"IQ", 23, "a4n15"},    {"IS", 26, "n22"},
	{"IT", 27, "a1n10c12"}, {"JO", 30, "a4n4c18"},  {"KW", 30, "a4c22"},
	{"KZ", 20, "n3c13"},    {"LB", 28, "n4c20"},    {"LC", 32, "a4c24"},
	{"LI", 21, "n5c12"},    {"LT", 20, "n16"},      {"LU", 20, "n3c13"},
	{"LV", 21, "a4c13"},    {"LY", 25, "n21"},      {"MC", 27, "n10c11n2"},
	{"MD", 24, "c20"},      {"ME", 22, "n18"},      {"MK", 19, "n3c10n2"},
	{"MN", 20, "n16"},      {"MR", 27, "n23"},      {"MT", 31, "a4n5c18"},
	{"MU", 30, "a4n19a3"},  {"NI", 28, "a4n20"},    {"NL", 18, "a4n10"},
	{"NO", 15, "n11"},      {"OM", 23, "n3c16"},    {"PK", 24, "a4c16"},
	{"PL", 28, "n24"},      {"PS", 29, "a4c21"},    {"PT", 25, "n21"},
	{"QA", 29, "a4c21"},    {"RO", 24, "a4c16"},    {"RS", 22, "n18"},
	{"RU", 33, "n14c15"},   {"SA", 24, "n2c18"},    {"SC", 31, "a4n20a3"},
	{"SD", 18, "n14"},      {"SE", 24, "n20"},      {"SI", 19, "n15"},
	{"SK", 24, "n20"},      {"SM", 27, "a1n10c12"}, {"SO", 23, "n19"},
	{"ST", 25, "n21"},      {"SV", 28, "a4n20"},    {"TL", 23, "n19"},
	{"TN", 24, "n20"},      {"TR", 26, "n6c16"},    {"UA", 29, "n6c19"},
	{"VA", 22, "n18"},      {"VG", 24, "a4n16"},    {"XK", 20, "n16"},
	{"YE", 30, "a4n4c18"},
};

// The row of a country; -1: it issues none.
static int country(const uint8_t *p)
{
	int low = 0, high = sizeof(countries) / sizeof(countries[0]) - 1;

	while (low <= high) {
		int middle = (low + high) / 2, order = memcmp(countries[middle].country, p, 2);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

static bool national(const char *part, const uint8_t *p)
{
	while (*part) {
		char kind = *part++;
		uint32_t n = 0;

		while (*part >= '0' && *part <= '9')
			n = n * 10 + (uint32_t)(*part++ - '0');
		if (!check_all(p, n,
			       kind == 'n'   ? CLASS_DIGIT
			       : kind == 'a' ? CLASS_UPPER
					     : CLASS_UPPER | CLASS_DIGIT))
			return false;
		p += n;
	}
	return true;
}

// Not inline: gcc 12 takes its vector loop for one that writes past the end.
static __attribute__((noinline)) void upper(uint8_t *out, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = p[i] >= 'a' && p[i] <= 'z' ? p[i] & 0xdf : p[i];
}

static struct span check(const struct candidate *c)
{
	const struct run *r = c->runs;
	uint8_t text[IBAN_MAX];
	uint32_t n = 0, len, k = 0;
	struct span v;
	int row;

	if (!check_all(r[0].p, 2, CLASS_ALPHA) || !check_all(r[0].p + 2, 2, CLASS_DIGIT))
		return (struct span){0};
	upper(text, r[0].p, 2);
	row = country(text);
	if (row < 0)
		return (struct span){0};
	len = countries[row].len;
	// In one piece, or in groups of four with the rest in the last one.
	for (;; k++) {
		if (k == c->n_runs || r[k].len > len - n || (k && r[k].len > 4))
			return (struct span){0};
		upper(text + n, r[k].p, r[k].len);
		n += r[k].len;
		if (n == len)
			break;
		if (r[k].len != 4 || !r[k].joined || (r[k].after != ' ' && r[k].after != '-') ||
		    r[k].after != r[0].after)
			return (struct span){0};
	}
	if (!national(countries[row].part, text + 4) ||
	    check_mod97(check_mod97(0, text + 4, len - 4), text, 4) != 1)
		return (struct span){0};
	v = span_make(r[0].p, (size_t)(r[k].p - r[0].p) + r[k].len);
	return check_alone(c->text, v) ? v : (struct span){0};
}

// The country and the last four stay.
static uint32_t mask(struct span value, uint8_t *out, uint32_t out_len)
{
	uint32_t n = value.len < out_len ? value.len : out_len;

	for (uint32_t i = 0; i < n; i++) {
		bool shown = i < 2 || i + 4 >= value.len || value.p[i] == ' ' || value.p[i] == '-';

		out[i] = shown ? value.p[i] : '*';
	}
	return n;
}

static const char *const context[] = {"iban", "bank account", "konto", "compte", "cuenta", NULL};

static const struct type_sample samples[] = {
	{NULL, "DE88378234171561287147", true},
	{NULL, "to GB45 WXYZ 3611 4822 0192 50 by Monday", true},
	{"iban", "fr486322853561a179316881328", true},
	{NULL, "NL39-QRST-4638-3774-66", true},
	{NULL, "MT10ABCD46851000036816489069688", true},
	{NULL, "NO33 3396 3213 562", true},
	{NULL, "DE88378234171561287148", false},
	{NULL, "DE8837823417156128714", false},
	{NULL, "GB45123436114822019250", false},
	{NULL, "QQ88378234171561287147", false},
	{NULL, "de88f78234171561287147c1d2e3f405", false},
	{0},
};

static const struct datatype iban = {
	.id = "iban",
	.title = "International bank account number",
	.group = GROUP_FINANCIAL,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI,
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = context,
	.run_min = 15,
	.run_max = 33,
	.run_mixed = RUN_LEN(4),
	.digits_min = 2,
	.digits_near = 6,
	.run_form = "AA99",
	.run_after = " -",
	.check = check,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(iban)
