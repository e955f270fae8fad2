// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Vehicle registration plates, in fields that say so: British (DVLA INF104: area letters, age
// identifier, no I or Q; prefix and suffix series), German (Unterscheidungszeichen, letters,
// number), Turkish (province 01 to 81, letters, number), Indian (state, district, series, number;
// BH series).

#include "detect/check.h"
#include "detect/issue.h"

static bool letters(const uint8_t *p, uint32_t n)
{
	return check_all(p, n, CLASS_UPPER);
}

static bool digits(const uint8_t *p, uint32_t n)
{
	return check_all(p, n, CLASS_DIGIT);
}

static bool has(const uint8_t *p, uint32_t n, const char *set)
{
	for (uint32_t i = 0; i < n; i++) {
		if (strchr(set, p[i]))
			return true;
	}
	return false;
}

static bool uk_current(const uint8_t *p, uint32_t n)
{
	uint64_t age;

	if (n != 7 || !letters(p, 2) || !digits(p + 2, 2) || !letters(p + 4, 3))
		return false;
	age = check_number(p + 2, 2);
	return !has(p, 2, "IQZ") && !has(p + 4, 3, "IQ") &&
	       ((age >= 2 && age <= 29) || (age >= 51 && age <= 79));
}

// "A123 BCD" and "ABC 123D": the single letter is the year.
static bool uk_old(const uint8_t *p, uint32_t n)
{
	uint32_t d;

	if (n < 5 || n > 7)
		return false;
	d = n - 4;
	if (letters(p, 1) && digits(p + 1, d) && letters(p + 1 + d, 3))
		return !has(p, 1, "IOQUZ") && !has(p + 1 + d, 3, "IQ");
	if (letters(p, 3) && digits(p + 3, d) && letters(p + 3 + d, 1))
		return !has(p, 3, "IQ") && !has(p + 3 + d, 1, "IOQUZ");
	return false;
}

static struct span check_uk(const struct candidate *c)
{
	struct form f;

	if (!check_forms(c, "4?3 7 2?3 3?3 3?2 3?4 6 5", " -", &f))
		return (struct span){0};
	return uk_current(f.text, f.n) || uk_old(f.text, f.n) ? f.value : (struct span){0};
}

// The separators differ: "KA-RL 482".
static struct span check_de(const struct candidate *c)
{
	const struct run *r = c->runs;
	struct span v;
	uint32_t n;

	if (c->n_runs < 3 || r[0].len > 3 || r[1].len > 2 || r[2].len > 5 || !r[0].joined ||
	    !r[1].joined || !r[0].after || !r[1].after || !strchr(" -", r[0].after) ||
	    !strchr(" -", r[1].after) || !check_all(r[0].p, r[0].len, CLASS_ALPHA) ||
	    !check_all(r[1].p, r[1].len, CLASS_ALPHA) || r[2].p[0] == '0')
		return (struct span){0};
	n = r[2].len;
	// Electric and old vehicles have a letter behind the number.
	if (n > 1 && strchr("EHeh", r[2].p[n - 1]))
		n--;
	v = span_make(r[0].p, (size_t)(r[2].p - r[0].p) + r[2].len);
	return n <= 4 && digits(r[2].p, n) && check_alone(c->text, v) ? v : (struct span){0};
}

static struct span check_tr(const struct candidate *c)
{
	uint32_t n = 0;
	uint64_t province;
	struct form f;

	if (!check_forms(c, "2?1?2 2?1?3 2?1?4 2?2?2 2?2?3 2?2?4 2?3?2 2?3?3 2?3?4 5 6 7 8 9", " -",
			 &f) ||
	    !digits(f.text, 2))
		return (struct span){0};
	province = check_number(f.text, 2);
	while (2 + n < f.n && check_is(f.text[2 + n], CLASS_UPPER))
		n++;
	if (n < 1 || n > 3 || has(f.text + 2, n, "QWX") || f.n - 2 - n < 2 || f.n - 2 - n > 4)
		return (struct span){0};
	return province >= 1 && province <= 81 && digits(f.text + 2 + n, f.n - 2 - n)
		       ? f.value
		       : (struct span){0};
}

static bool indian_state(const uint8_t *p)
{
	static const char states[] = "APARASBRCGCHDDDLDNGAGJHPHRJHJKKAKLLALDMHMLMNMPMZNLODORPBPY"
				     "RJSKTGTNTRTSUAUKUPWBAN";

	for (uint32_t i = 0; states[i]; i += 2) {
		if (memcmp(states + i, p, 2) == 0)
			return true;
	}
	return false;
}

static struct span check_in(const struct candidate *c)
{
	const uint8_t *p;
	uint32_t district = 0, series = 0;
	struct form f;

	if (!check_forms(c, "6 7 8 9 10 11 2?1?4 2?2?4 2?2?1?4 2?2?2?4 2?2?3?4 2?1?2?4 4?2?4 2?4?2",
			 " -", &f))
		return (struct span){0};
	p = f.text;
	if (f.n >= 9 && digits(p, 2) && memcmp(p + 2, "BH", 2) == 0)
		return digits(p + 4, 4) && letters(p + 8, f.n - 8) ? f.value : (struct span){0};
	if (!indian_state(p))
		return (struct span){0};
	while (district < 2 && 2 + district + 4 < f.n && digits(p + 2 + district, 1))
		district++;
	while (series < 3 && 2 + district + series + 4 < f.n &&
	       letters(p + 2 + district + series, 1))
		series++;
	p += 2 + district + series;
	return f.n == 6 + district + series && district + series > 0 && digits(p, 4) &&
			       memcmp(p, "0000", 4) != 0
		       ? f.value
		       : (struct span){0};
}

static const char *const context[] = {
	"plate", "license plate", "licence plate", "vehicle", "registration", "vrn",          "vrm",
	"kfz",   "kennzeichen",   "nummernschild", "plaka",   "rto",          "number plate", NULL,
};

static const struct type_sample uk_samples[] = {
	{"plate", "LK19 XYT", true},  {"registration", "his H482 KWT and", true},
	{NULL, "LK19 XYT", false},    {"plate", "IK19 XYT", false},
	{"plate", "LK45 XYT", false}, {0},
};

static const struct datatype plate_uk = {
	.id = "plate.uk",
	.title = "British vehicle registration plate",
	.group = GROUP_PERSONAL,
	.country = "GB",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = context,
	.run_mixed = RUN_LEN(2) | RUN_LEN(3) | RUN_LEN(4) | RUN_LEN(5) | RUN_LEN(6) | RUN_LEN(7),
	.check = check_uk,
	.samples = uk_samples,
};
DATATYPE_REGISTER(plate_uk)

static const struct type_sample de_samples[] = {
	{"kennzeichen", "KA-RL 482", true}, {"kfz", "M BX 73E", true}, {NULL, "KA-RL 482", false},
	{"kfz", "KA RL 0482", false},       {"kfz", "KARL482", false}, {0},
};

static const struct datatype plate_de = {
	.id = "plate.de",
	.title = "German vehicle registration plate",
	.group = GROUP_PERSONAL,
	.country = "DE",
	.tags = TAG_GDPR,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = context,
	.run_mixed = RUN_LEN(1) | RUN_LEN(2) | RUN_LEN(3),
	.check = check_de,
	.samples = de_samples,
};
DATATYPE_REGISTER(plate_de)

static const struct type_sample tr_samples[] = {
	{"plaka", "35 BKR 482", true},  {"plate", "06DT7391", true},    {NULL, "35 BKR 482", false},
	{"plaka", "83 BKR 482", false}, {"plaka", "35 QKR 482", false}, {0},
};

static const struct datatype plate_tr = {
	.id = "plate.tr",
	.title = "Turkish vehicle registration plate",
	.group = GROUP_PERSONAL,
	.country = "TR",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(2),
	.run_mixed = RUN_LEN(5) | RUN_LEN(6) | RUN_LEN(7) | RUN_LEN(8) | RUN_LEN(9),
	.check = check_tr,
	.samples = tr_samples,
};
DATATYPE_REGISTER(plate_tr)

static const struct type_sample in_samples[] = {
	{"vehicle", "KA03MR4827", true},
	{"registration", "MH 12 DE 1483", true},
	{"rto", "22BH4827AB", true},
	{NULL, "KA03MR4827", false},
	{"rto", "KA03MR0000", false},
	{"rto", "QQ03MR4827", false},
	{0},
};

static const struct datatype plate_in = {
	.id = "plate.in",
	.title = "Indian vehicle registration plate",
	.group = GROUP_PERSONAL,
	.country = "IN",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = context,
	.run_digits = RUN_LEN(2),
	.run_mixed = RUN_LEN(2) | RUN_LEN(4) | RUN_LEN(6) | RUN_LEN(7) | RUN_LEN(8) | RUN_LEN(9) |
		     RUN_LEN(10) | RUN_LEN(11),
	.digits_near = 4,
	.check = check_in,
	.samples = in_samples,
};
DATATYPE_REGISTER(plate_in)
