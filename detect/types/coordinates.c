// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Places on earth in fields that say so: latitude and longitude in degrees (ISO 6709, WGS 84), as a
// pair or one each, with four decimals and more, which is ten metres: a home. Coarser ones are
// towns, and whole numbers are counters.

#include "detect/check.h"
#include "detect/issue.h"

enum { DECIMALS_MIN = 4, DECIMALS_MAX = 16 };

// A number of degrees at p of at most `max`; its length or 0.
static uint32_t degrees(const uint8_t *p, const uint8_t *end, uint32_t max)
{
	const uint8_t *q = p;
	uint32_t whole, decimals;

	if (q < end && (*q == '-' || *q == '+'))
		q++;
	whole = check_right(q, end, CLASS_DIGIT);
	if (whole < 1 || whole > 3 || check_number(q, whole) > max)
		return 0;
	q += whole;
	if (q == end || *q != '.')
		return 0;
	decimals = check_right(q + 1, end, CLASS_DIGIT);
	if (decimals < DECIMALS_MIN || decimals > DECIMALS_MAX)
		return 0;
	return (uint32_t)(q + 1 - p) + decimals;
}

static struct span check(const struct candidate *c)
{
	struct span v = span_trim(c->text);
	const uint8_t *end = v.p + v.len, *p = v.p;
	uint32_t n;

	if (v.len && (*p == '[' || *p == '('))
		p++;
	n = degrees(p, end, 180);
	if (n == 0)
		return (struct span){0};
	if (p + n == end) {
		bool latitude = check_holds(c->key, "lat");

		return latitude && degrees(p, end, 90) == 0 ? (struct span){0} : span_make(p, n);
	}
	// A pair, in either order.
	for (v.p = p, p += n; p < end && (*p == ',' || *p == ' ' || *p == ';'); p++)
		;
	n = p > v.p ? degrees(p, end, 180) : 0;
	return n ? span_make(v.p, (size_t)(p + n - v.p)) : (struct span){0};
}

// Degrees stay, what tells the street does not.
static uint32_t mask(struct span value, uint8_t *out, uint32_t out_len)
{
	uint32_t n = value.len < out_len ? value.len : out_len;
	bool behind = false;

	for (uint32_t i = 0; i < n; i++) {
		uint8_t b = value.p[i];

		if (!check_is(b, CLASS_DIGIT))
			behind = b == '.';
		out[i] = behind && check_is(b, CLASS_DIGIT) ? '*' : b;
	}
	return n;
}

static const char *const context[] = {
	"lat",    "lng", "lon", "latitude",    "longitude", "latlng", "latlon",   "coordinates",
	"coords", "geo", "gps", "geolocation", "緯度",      "経度",   "位置情報", NULL,
};

static const struct type_sample samples[] = {
	{"lat", "35.658581", true},
	{"longitude", "-122.419416", true},
	{"coordinates", "35.6586, 139.7454", true},
	{"緯度", "35.65858", true},
	{NULL, "35.6586, 139.7454", false},
	{"lat", "35.6", false},
	{"latitude", "95.65858", false},
	{"price", "35.65858", false},
	{"lng", "239.74543", false},
	{"coordinates", "12, 14", false},
	{0},
};

static const struct datatype coordinates = {
	.id = "coordinates",
	.title = "Geographic coordinates",
	.group = GROUP_PERSONAL,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.rule = "ISO 6709: latitude to 90, longitude to 180 degrees",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = context,
	.key_only = true,
	.check = check,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(coordinates)
