// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// German identifiers. Tax number of a person (139b AO: ISO/IEC 7064, mod 11,10; of the first ten
// digits at most one comes more than once); identity card and passport (ICAO 9303 check digit,
// letters that cannot be read as words or digits); pension insurance (VKVV, section 2: letter as
// two digits, cross sums); health insurance (290 SGB V: the same); physicians (KBV: factors 4 and
// 9); driving licence.

#include "detect/check.h"
#include "detect/issue.h"

static struct span check_steuerid(const struct candidate *c)
{
	uint32_t seen[10] = {0}, repeated = 0;
	struct form f;

	if (!check_forms(c, "11 2?3?3?3", " ", &f) || !check_all(f.text, 11, CLASS_DIGIT) ||
	    f.text[0] == '0')
		return (struct span){0};
	for (uint32_t i = 0; i < 10; i++)
		seen[f.text[i] - '0']++;
	for (uint32_t i = 0; i < 10; i++) {
		if (seen[i] > 3)
			return (struct span){0};
		repeated += seen[i] > 1;
	}
	return repeated <= 1 && check_mod11_10(f.text, 11) ? f.value : (struct span){0};
}

static bool card_letters(const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!check_is(p[i], CLASS_DIGIT) && !strchr("CFGHJKLMNPRTVWXYZ", p[i]))
			return false;
	}
	return check_is(p[0], CLASS_UPPER);
}

// Nine characters with the check digit, or ten where it follows the serial number.
static struct span check_pass(const struct candidate *c)
{
	struct form f;

	if (!check_forms(c, "9 10", "", &f) || !card_letters(f.text, f.n - 1) ||
	    !check_is(f.text[f.n - 1], CLASS_DIGIT))
		return (struct span){0};
	return check_icao(f.text, f.n - 1) == (uint32_t)(f.text[f.n - 1] - '0') ? f.value
										: (struct span){0};
}

static struct span check_card(const struct candidate *c)
{
	struct form f;

	// Temporary cards, and those before November 2010.
	if (check_form(c, "9", "", &f) && f.text[0] == 'T' && check_all(f.text + 1, 8, CLASS_DIGIT))
		return f.value;
	return check_pass(c);
}

// The cross sums of digit times factor.
static uint32_t cross_sum(const uint8_t *p, const uint8_t *factors, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = (uint32_t)(p[i] - '0') * factors[i];

		sum += v / 10 + v % 10;
	}
	return sum;
}

static void letter_digits(uint8_t letter, uint8_t out[2])
{
	uint32_t v = (uint32_t)(letter - 'A' + 1);

	out[0] = (uint8_t)('0' + v / 10);
	out[1] = (uint8_t)('0' + v % 10);
}

static struct span check_rvnr(const struct candidate *c)
{
	static const uint8_t factors[12] = {2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1};
	uint8_t d[12];
	uint32_t day;
	struct form f;

	if (!check_forms(c, "12 2?6?1?3", " ", &f) || !check_all(f.text, 8, CLASS_DIGIT) ||
	    !check_is(f.text[8], CLASS_UPPER) || !check_all(f.text + 9, 3, CLASS_DIGIT))
		return (struct span){0};
	day = (uint32_t)check_number(f.text + 2, 2);
	if (!check_date(2000, (uint32_t)check_number(f.text + 4, 2), day > 50 ? day - 50 : day))
		return (struct span){0};
	memcpy(d, f.text, 8);
	letter_digits(f.text[8], d + 8);
	memcpy(d + 10, f.text + 9, 2);
	return cross_sum(d, factors, 12) % 10 == (uint32_t)(f.text[11] - '0') ? f.value
									      : (struct span){0};
}

static struct span check_kvnr(const struct candidate *c)
{
	static const uint8_t factors[10] = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2};
	uint8_t d[10];
	struct form f;

	if (!check_form(c, "10", "", &f) || !check_is(f.text[0], CLASS_UPPER) ||
	    !check_all(f.text + 1, 9, CLASS_DIGIT))
		return (struct span){0};
	letter_digits(f.text[0], d);
	memcpy(d + 2, f.text + 1, 8);
	return cross_sum(d, factors, 10) % 10 == (uint32_t)(f.text[9] - '0') ? f.value
									     : (struct span){0};
}

static struct span check_lanr(const struct candidate *c)
{
	static const uint8_t factors[6] = {4, 9, 4, 9, 4, 9};
	struct form f;

	if (!check_form(c, "9", "", &f) || !check_all(f.text, 9, CLASS_DIGIT) ||
	    check_uniform(f.text, 7))
		return (struct span){0};
	return (10 - check_weighted(f.text, factors, 6) % 10) % 10 == (uint32_t)(f.text[6] - '0')
		       ? f.value
		       : (struct span){0};
}

static struct span check_licence(const struct candidate *c)
{
	struct form f;

	if (!check_form(c, "11", "", &f))
		return (struct span){0};
	if (check_all(f.text, 2, CLASS_UPPER) && check_all(f.text + 2, 8, CLASS_DIGIT))
		return f.value;
	return check_is(f.text[0], CLASS_UPPER) && check_all(f.text + 3, 6, CLASS_DIGIT) &&
			       check_is(f.text[10], CLASS_DIGIT)
		       ? f.value
		       : (struct span){0};
}

static const char *const steuerid_context[] = {
	"steuer-id",   "steuerid", "steuernummer", "idnr",
	"tin",         "tax id",   "tax number",   "steueridentifikationsnummer",
	"steuerliche", NULL,
};

static const struct type_sample steuerid_samples[] = {
	{"steuerId", "64053198264", true}, {"tax_id", "76 409 892 158", true},
	{NULL, "64053198264", false},      {"tax_id", "64053198265", false},
	{"tax_id", "04053198264", false},  {0},
};

static const struct datatype de_steuerid = {
	.id = "de.steuerid",
	.title = "German tax identification number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "DE",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = steuerid_context,
	.run_digits = RUN_LEN(2) | RUN_LEN(11),
	.digits_near = 11,
	.check = check_steuerid,
	.samples = steuerid_samples,
};
DATATYPE_REGISTER(de_steuerid)

static const char *const card_context[] = {
	"personalausweis", "ausweis", "ausweisnummer", "id card", "identity card", "idcard", NULL,
};

static const struct type_sample card_samples[] = {
	{"personalausweis", "C7KH4R2P2", true},
	{"ausweisnummer", "LZ6311T475", true},
	{"id_card", "T48291736", true},
	{NULL, "C7KH4R2P2", false},
	{"ausweis", "C7KH4R2P3", false},
	{"ausweis", "CAKH4R2P2", false},
	{0},
};

static const struct datatype de_personalausweis = {
	.id = "de.personalausweis",
	.title = "German identity card number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "DE",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = card_context,
	.run_mixed = RUN_LEN(9) | RUN_LEN(10),
	.check = check_card,
	.samples = card_samples,
};
DATATYPE_REGISTER(de_personalausweis)

static const char *const pass_context[] = {"reisepass", "passnummer", "passport", NULL};

static const struct type_sample pass_samples[] = {
	{"reisepass", "F44407381", true},
	{"passport", "C7KH4R2P2", true},
	{NULL, "F44407381", false},
	{"passport", "F44407382", false},
	{0},
};

static const struct datatype de_reisepass = {
	.id = "de.reisepass",
	.title = "German passport number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "DE",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = pass_context,
	.run_mixed = RUN_LEN(9) | RUN_LEN(10),
	.check = check_pass,
	.samples = pass_samples,
};
DATATYPE_REGISTER(de_reisepass)

static const char *const rvnr_context[] = {
	"rentenversicherungsnummer",
	"sozialversicherung",
	"sozialversicherungsnummer",
	"svnr",
	"rvnr",
	"social security",
	NULL,
};

static const struct type_sample rvnr_samples[] = {
	{NULL, "12190883M042", true},  {"svnr", "52 041077 W 513", true},
	{NULL, "12190883M043", false}, {NULL, "12400883M042", false},
	{NULL, "12191383M042", false}, {0},
};

static const struct datatype de_rvnr = {
	.id = "de.rvnr",
	.title = "German pension insurance number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "DE",
	.tags = TAG_GDPR,
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = rvnr_context,
	.run_mixed = RUN_LEN(12),
	.run_ctx = RUN_LEN(2),
	.digits_near = 11,
	.run_form = "99",
	.check = check_rvnr,
	.samples = rvnr_samples,
};
DATATYPE_REGISTER(de_rvnr)

static const char *const kvnr_context[] = {
	"kvnr",
	"krankenversicherung",
	"krankenversichertennummer",
	"versichertennummer",
	"health insurance",
	"krankenkasse",
	NULL,
};

static const struct type_sample kvnr_samples[] = {
	{"kvnr", "K482139051", true}, {"health_insurance", "t730192644", true},
	{NULL, "K482139051", false},  {"kvnr", "K482139052", false},
	{"kvnr", "K48213905", false}, {0},
};

static const struct datatype de_kvnr = {
	.id = "de.kvnr",
	.title = "German health insurance number",
	.group = GROUP_HEALTH,
	.country = "DE",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = kvnr_context,
	.run_mixed = RUN_LEN(10),
	.digits_min = 9,
	.digits_near = 9,
	.check = check_kvnr,
	.samples = kvnr_samples,
};
DATATYPE_REGISTER(de_kvnr)

static const char *const lanr_context[] = {"lanr", "arztnummer", NULL};

static const struct type_sample lanr_samples[] = {
	{"lanr", "736104603", true},
	{"arztnummer", "250918003", true},
	{NULL, "736104603", false},
	{"lanr", "736104703", false},
	{0},
};

static const struct datatype de_lanr = {
	.id = "de.lanr",
	.title = "German physician number",
	.group = GROUP_HEALTH,
	.country = "DE",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = lanr_context,
	.run_digits = RUN_LEN(9),
	.digits_near = 9,
	.check = check_lanr,
	.samples = lanr_samples,
};
DATATYPE_REGISTER(de_lanr)

static const char *const licence_context[] = {"fuehrerschein",   "führerschein",   "fahrerlaubnis",
					      "driving licence", "driver license", NULL};

static const struct type_sample licence_samples[] = {
	{"fuehrerschein", "KA48291736B", true},
	{"führerscheinnummer", "B0724829175", true},
	{NULL, "KA48291736B", false},
	{"fuehrerschein", "KA4829173", false},
	{0},
};

static const struct datatype de_fuehrerschein = {
	.id = "de.fuehrerschein",
	.title = "German driving licence number",
	.group = GROUP_GOVERNMENT_ID,
	.country = "DE",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = licence_context,
	.run_mixed = RUN_LEN(11),
	.digits_min = 7,
	.digits_near = 7,
	.check = check_licence,
	.samples = licence_samples,
};
DATATYPE_REGISTER(de_fuehrerschein)
