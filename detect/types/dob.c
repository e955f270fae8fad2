// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Dates of birth: a date of this or the last century in a field that says so. The check knows no
// clock; a year after 2030 is no birth yet, whatever the time.

#include "detect/check.h"
#include "detect/issue.h"

enum { YEAR_MIN = 1900, YEAR_MAX = 2030 };

static bool born(uint64_t year, uint64_t month, uint64_t day)
{
	return year >= YEAR_MIN && year <= YEAR_MAX &&
	       check_date((uint32_t)year, (uint32_t)month, (uint32_t)day);
}

// The runs' lengths, with one separator: year first, or last with day and month in either order.
static struct span check(const struct candidate *c)
{
	const struct run *r = c->runs;
	uint64_t a, b, last;
	struct form f;

	if (check_form(c, "8", "", &f)) {
		const uint8_t *d = f.text;

		return check_all(d, 8, CLASS_DIGIT) &&
				       born(check_number(d, 4), check_number(d + 4, 2),
					    check_number(d + 6, 2))
			       ? f.value
			       : (struct span){0};
	}
	if (c->n_runs < 3 || !r[0].joined || !r[1].joined || r[0].after != r[1].after ||
	    !r[0].after || !strchr("-/.", r[0].after) || r[1].len > 2 || r[0].digits != r[0].len ||
	    r[1].digits != r[1].len)
		return (struct span){0};
	a = check_number(r[0].p, r[0].len);
	b = check_number(r[1].p, r[1].len);
	// "1984-03-17T00:00:00Z": the day is the beginning of a run.
	if (r[0].len == 4 && r[2].len >= 2 && check_all(r[2].p, 2, CLASS_DIGIT) &&
	    (r[2].len == 2 || r[2].p[2] == 'T') && born(a, b, check_number(r[2].p, 2)))
		return span_make(r[0].p, (size_t)(r[2].p - r[0].p) + 2);
	if (r[0].len > 2 || r[2].len != 4 || r[2].digits != 4)
		return (struct span){0};
	last = check_number(r[2].p, 4);
	return born(last, a, b) || born(last, b, a)
		       ? span_make(r[0].p, (size_t)(r[2].p - r[0].p) + 4)
		       : (struct span){0};
}

static const char *const context[] = {
	"dob",          "birth",      "birthday",  "birthdate",  "born",    "date of birth",
	"geburtsdatum", "geburtstag", "naissance", "nacimiento", "nascita", "nascimento",
	"生年月日",     "誕生日",     "生日",      "출생",       NULL,
};

static const struct type_sample samples[] = {
	{"dob", "1984-03-17", true},         {"dateOfBirth", "17/03/1984", true},
	{"birthday", "19840317", true},      {"birth_date", "1984-03-17T00:00:00.000Z", true},
	{"生年月日", "1984/03/17", true},    {NULL, "1984-03-17", false},
	{"created_at", "1984-03-17", false}, {"dob", "1984-02-31", false},
	{"dob", "2184-02-11", false},        {0},
};

static const struct datatype dob = {
	.id = "dob",
	.title = "Date of birth",
	.group = GROUP_PERSONAL,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(1) | RUN_LEN(2) | RUN_LEN(4) | RUN_LEN(8),
	.digits_near = 6,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(dob)
