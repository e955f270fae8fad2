// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// American health identifiers: national provider identifiers (45 CFR 162.406: Luhn with the
// issuer prefix 80840), Medicare beneficiary identifiers (CMS: what each of the eleven positions
// may hold, no S, L, O, I, B, Z), DEA registration numbers of prescribers (21 CFR 1301: registrant
// letter, letter of the name, check digit).

#include "detect/check.h"
#include "detect/issue.h"

static struct span check_npi(const struct candidate *c)
{
	uint8_t d[15] = "80840";
	struct form f;

	if (!check_forms(c, "10 4?3?3", " -", &f) || !check_all(f.text, 10, CLASS_DIGIT) ||
	    (f.text[0] != '1' && f.text[0] != '2') || check_uniform(f.text + 1, 9))
		return (struct span){0};
	memcpy(d + 5, f.text, 10);
	return check_luhn(d, 15) ? f.value : (struct span){0};
}

static bool mbi_letter(uint8_t c)
{
	return check_is(c, CLASS_UPPER) && !strchr("SLOIBZ", c);
}

static struct span check_mbi(const struct candidate *c)
{
	// c: 1-9, a: letter, n: digit, x: letter or digit
	static const char form[] = "caxnaxnaann";
	struct form f;

	if (!check_forms(c, "11 4-3-4", "", &f))
		return (struct span){0};
	for (uint32_t i = 0; i < 11; i++) {
		bool digit = check_is(f.text[i], CLASS_DIGIT), letter = mbi_letter(f.text[i]);

		if ((form[i] == 'c' && (!digit || f.text[i] == '0')) ||
		    (form[i] == 'n' && !digit) || (form[i] == 'a' && !letter) ||
		    (form[i] == 'x' && !digit && !letter))
			return (struct span){0};
	}
	// Eleven random characters of base 36 have this form once in 1,500 times: without a name
	// only as it is printed.
	return c->ctx || f.n_runs == 3 || memcmp(f.text, f.value.p, 11) == 0 ? f.value
									     : (struct span){0};
}

static struct span check_dea(const struct candidate *c)
{
	const uint8_t *d;
	struct form f;

	if (!check_form(c, "9", "", &f) || !strchr("ABCDEFGHJKLMPRSTUX", f.text[0]) ||
	    !check_is(f.text[1], CLASS_UPPER | CLASS_DIGIT) || f.text[1] == '0' ||
	    (check_is(f.text[1], CLASS_DIGIT) && f.text[1] != '9') ||
	    !check_all(f.text + 2, 7, CLASS_DIGIT))
		return (struct span){0};
	if (!c->ctx && (memcmp(f.text, f.value.p, 2) != 0 || f.text[1] == '9'))
		return (struct span){0};
	d = f.text + 2;
	if (((uint32_t)(d[0] + d[2] + d[4] - 3 * '0') +
	     2 * (uint32_t)(d[1] + d[3] + d[5] - 3 * '0')) %
		    10 !=
	    (uint32_t)(d[6] - '0'))
		return (struct span){0};
	return f.value;
}

static const char *const npi_context[] = {"npi", "provider identifier", "national provider", NULL};

static const struct type_sample npi_samples[] = {
	{"npi", "1119434177", true},  {"npi", "1119-434-177", true}, {NULL, "1119434177", false},
	{"npi", "1119434178", false}, {"npi", "3119434177", false},  {0},
};

static const struct datatype us_npi = {
	.id = "us.npi",
	.title = "US national provider identifier",
	.group = GROUP_HEALTH,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = npi_context,
	.run_digits = RUN_LEN(4) | RUN_LEN(10),
	.digits_near = 10,
	.check = check_npi,
	.samples = npi_samples,
};
DATATYPE_REGISTER(us_npi)

static const char *const mbi_context[] = {"mbi", "medicare", "beneficiary", NULL};

static const struct type_sample mbi_samples[] = {
	{NULL, "3KW7-QT4-MH82", true},
	{"mbi", "3kw7qt4mh82", true},
	{NULL, "number 3KW7QT4MH82 of", true},
	{NULL, "3SW7-QT4-MH82", false},
	{NULL, "0KW7-QT4-MH82", false},
	{NULL, "3KW7-QT4-MH821", false},
	{0},
};

static const struct datatype us_mbi = {
	.id = "us.mbi",
	.title = "US Medicare beneficiary identifier",
	.group = GROUP_HEALTH,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_YES,
	.severity = SEVERITY_HIGH,
	.personal = true,
	.context = mbi_context,
	.run_mixed = RUN_LEN(4) | RUN_LEN(11),
	.digits_near = 5,
	.digits_min = 2,
	.run_form = "9A?9",
	.run_after = "-",
	.check = check_mbi,
	.samples = mbi_samples,
};
DATATYPE_REGISTER(us_mbi)

static const char *const dea_context[] = {"dea", "medical license", "medical licence", "prescriber",
					  NULL};

static const struct type_sample dea_samples[] = {
	{NULL, "MG0533085", true},  {"dea", "mf4510384", true}, {NULL, "MG0533086", false},
	{NULL, "NG0533085", false}, {NULL, "mg0533085", false}, {0},
};

static const struct datatype us_dea = {
	.id = "us.dea",
	.title = "US DEA registration number",
	.group = GROUP_HEALTH,
	.country = "US",
	.tags = TAG_HIPAA,
	.reports = REPORTS_YES,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = dea_context,
	.run_mixed = RUN_LEN(9),
	.digits_min = 7,
	.digits_near = 7,
	.run_form = "A?9999999",
	.check = check_dea,
	.samples = dea_samples,
};
DATATYPE_REGISTER(us_dea)
