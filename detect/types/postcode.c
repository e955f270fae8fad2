// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Postal codes that tell a person's home to within a street: British (Royal Mail Postcode Address
// File: areas, and letters that no position holds), and Japanese (three and four digits). German
// and American ones are five digits, of which nearly all are given: most of a field's values must
// be such.

#include "detect/check.h"
#include "detect/issue.h"

// "A9", "A99", "AA9", "AA99", "A9A", "AA9A"
static bool outward(const uint8_t *p, uint32_t n)
{
	uint32_t letters = n > 1 && check_is(p[1], CLASS_UPPER) ? 2 : 1;

	if (n < 2 || n > 4 || n <= letters || !check_is(p[0], CLASS_UPPER) || strchr("QVX", p[0]))
		return false;
	if (letters == 2 && strchr("IJZ", p[1]))
		return false;
	if (!check_is(p[letters], CLASS_DIGIT))
		return false;
	if (n == letters + 1)
		return true;
	if (n != letters + 2)
		return false;
	return check_is(p[n - 1], CLASS_DIGIT) || strchr("ABCDEFGHJKMNPRSTUVWXY", p[n - 1]) != NULL;
}

static bool inward(const uint8_t *p)
{
	return check_is(p[0], CLASS_DIGIT) && check_is(p[1], CLASS_UPPER) &&
	       check_is(p[2], CLASS_UPPER) && !strchr("CIKMOV", p[1]) && !strchr("CIKMOV", p[2]);
}

static struct span check_uk(const struct candidate *c)
{
	struct form f;

	if (!check_forms(c, "2?3 3?3 4?3 5 6 7", " ", &f))
		return (struct span){0};
	if (f.n == 6 && memcmp(f.text, "GIR0AA", 6) == 0)
		return f.value;
	return inward(f.text + f.n - 3) && outward(f.text, f.n - 3) ? f.value : (struct span){0};
}

static struct span check_jp(const struct candidate *c)
{
	struct form f;

	if (!check_form(c, "3-4", "", &f) || !check_all(f.text, 7, CLASS_DIGIT) ||
	    check_uniform(f.text, 7))
		return (struct span){0};
	return f.value;
}

static const char *const uk_context[] = {"postcode", "postal", "post code", "zip", "address", NULL};

static const struct type_sample uk_samples[] = {
	{"postcode", "LS7 3QT", true},
	{"address", "4 Mill Lane, EC2Y 8DS London", true},
	{"postalCode", "B338TH", true},
	{NULL, "LS7 3QT", false},
	{"postcode", "QS7 3QT", false},
	{"postcode", "LS7 3QC", false},
	{0},
};

static const struct datatype postcode_uk = {
	.id = "postcode.uk",
	.title = "British postcode",
	.group = GROUP_PERSONAL,
	.country = "GB",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = uk_context,
	.run_mixed = RUN_LEN(2) | RUN_LEN(3) | RUN_LEN(4) | RUN_LEN(5) | RUN_LEN(6) | RUN_LEN(7),
	.check = check_uk,
	.samples = uk_samples,
};
DATATYPE_REGISTER(postcode_uk)

static const char *const jp_context[] = {"zip", "postal", "postcode", "郵便番号", "〒", NULL};

static const struct type_sample jp_samples[] = {
	{"zip", "106-0032", true},  {"郵便番号", "〒530-0001", true}, {NULL, "106-0032", false},
	{"zip", "1060-032", false}, {"zip", "106-00321", false},      {0},
};

static const struct datatype zip_jp = {
	.id = "zip.jp",
	.title = "Japanese postal code",
	.group = GROUP_PERSONAL,
	.country = "JP",
	.tags = TAG_APPI,
	.rule = "Japan Post: postal code data (KEN_ALL)",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = jp_context,
	.run_digits = RUN_LEN(3),
	.digits_near = 7,
	.check = check_jp,
	.samples = jp_samples,
};
DATATYPE_REGISTER(zip_jp)

// The first three digits that no American sectional centre has.
static bool no_centre(uint64_t n)
{
	static const uint16_t gaps[] = {
		99,  213, 269, 343, 345, 348, 353, 419, 428, 429, 517, 518, 519, 529, 533, 536,
		552, 568, 578, 579, 589, 621, 632, 642, 643, 659, 663, 682, 694, 695, 696, 697,
		698, 699, 702, 709, 715, 732, 742, 771, 817, 818, 819, 839, 848, 849, 854, 858,
		861, 862, 866, 867, 868, 869, 876, 886, 887, 888, 892, 896, 899, 909, 929, 987};

	for (uint32_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		if (gaps[i] == n)
			return true;
	}
	return n < 5;
}

static struct span check_us(const struct candidate *c)
{
	struct form f;

	return check_forms(c, "5-4 5", "", &f) && check_all(f.text, f.n, CLASS_DIGIT) &&
			       !no_centre(check_number(f.text, 3))
		       ? f.value
		       : (struct span){0};
}

static struct span check_de(const struct candidate *c)
{
	struct form f;

	return check_form(c, "5", "", &f) && check_all(f.text, 5, CLASS_DIGIT) &&
			       check_number(f.text, 5) >= 1001 && check_number(f.text, 5) <= 99998
		       ? f.value
		       : (struct span){0};
}

#define FIVE(sym, name, where, law, cite, what, words)                                             \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = what,                                                                     \
		.group = GROUP_PERSONAL,                                                           \
		.country = where,                                                                  \
		.tags = law,                                                                       \
		.rule = cite,                                                                      \
		.reports = REPORTS_WEAK,                                                           \
		.severity = SEVERITY_INFO,                                                         \
		.personal = true,                                                                  \
		.context = words,                                                                  \
		.run_digits = RUN_LEN(5),                                                          \
		.digits_near = 5,                                                                  \
		.check = check_##sym,                                                              \
		.samples = sym##_samples,                                                          \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

static const char *const us_context[] = {"zip", "zipcode", "zip code", "postal", "postcode", NULL};
static const struct type_sample us_samples[] = {
	{"zip", "94107", true},
	{"zipCode", "10001-2345", true},
	{NULL, "94107", false},
	{"zip", "00410", false},
	{"zip", "941070", false},
	{"zip", "9410-7", false},
	{0},
};
FIVE(us, "zip.us", "US", TAG_HIPAA, "USPS Publication 65: sectional centres", "US postal code",
     us_context)

static const char *const de_context[] = {"plz", "postleitzahl", "post leit zahl", NULL};
static const struct type_sample de_samples[] = {
	{"plz", "10115", true},   {"Postleitzahl", "80331 Muenchen", true},
	{NULL, "10115", false},   {"plz", "00999", false},
	{"plz", "101150", false}, {0},
};
FIVE(de, "plz.de", "DE", TAG_GDPR, NULL, "German postal code", de_context)
