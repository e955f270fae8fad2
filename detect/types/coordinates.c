// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Places on earth in fields that say so: latitude and longitude in degrees (ISO 6709, WGS 84), as a
// pair or one each, with four decimals and more, which is ten metres: a home. Coarser ones are
// towns, and whole numbers are counters. Where each has a field of its own, the latitude counts for
// both: a longitude alone is no place. In a URL, where both are at hand, the longitude must be one, and
// not that of a map's pixel, which is where somebody looks at and not where he is.

#include "detect/check.h"
#include "detect/issue.h"

enum {
	LATITUDE_MAX = 90,
	LONGITUDE_MAX = 180,
	DECIMALS_MIN = 4,
	DECIMALS_MAX = 16,
	PIXEL_DECIMALS = 14, // 2^-14 has so many
	PIXEL_DEGREES = 45,  // 360 degrees are 256 pixels, which is 45 / 32, and twice as many …
	PIXEL_BITS = 14,     // … with each step closer, up to the ninth: 300 m
	PIXEL_NOISE = 8,     // of the last decimals, where a program counted with floating point
};

// A number of degrees at p of at most 180; its length or 0. *whole: its degrees, without a sign.
static uint32_t degrees(const uint8_t *p, const uint8_t *end, uint32_t *whole)
{
	const uint8_t *q = p;
	uint32_t n = 0, digits = 0, decimals = 0;

	if (q < end && (*q == '-' || *q == '+'))
		q++;
	for (; q < end && check_is(*q, CLASS_DIGIT); q++, digits++)
		n = digits < 3 ? n * 10 + (uint32_t)(*q - '0') : n;
	if (digits < 1 || digits > 3 || n > LONGITUDE_MAX || q == end || *q != '.')
		return 0;
	for (q++; q < end && check_is(*q, CLASS_DIGIT); q++)
		decimals++;
	if (decimals < DECIMALS_MIN || decimals > DECIMALS_MAX)
		return 0;
	*whole = n;
	return (uint32_t)(q - p);
}

static struct span check(const struct candidate *c)
{
	struct span v = span_trim(c->text);
	const uint8_t *end = v.p + v.len, *p = v.p;
	uint32_t n, whole;

	if (v.len && (*p == '[' || *p == '('))
		p++;
	n = degrees(p, end, &whole);
	if (n == 0)
		return (struct span){0};
	if (p + n == end)
		return whole > LATITUDE_MAX && check_holds(c->key, "lat") ? (struct span){0}
									  : span_make(p, n);
	// A pair, in either order.
	for (v.p = p, p += n; p < end && (*p == ',' || *p == ' ' || *p == ';'); p++)
		;
	n = p > v.p ? degrees(p, end, &whole) : 0;
	return n ? span_make(v.p, (size_t)(p + n - v.p)) : (struct span){0};
}

// Maps on the web (EPSG:3857 in tiles of 256 pixels) are asked for by the whole pixel in their middle,
// so its longitude is a multiple of 45 / 2^14.
static bool is_pixel(const uint8_t *p, const uint8_t *end)
{
	uint64_t scale = UINT64_C(100000000000000), step = PIXEL_DEGREES * scale, number, rest;
	uint32_t whole, decimals;

	whole = check_right(p, end, CLASS_DIGIT);
	decimals = end - p > whole ? check_right(p + whole + 1, end, CLASS_DIGIT) : 0;
	if (whole > 3 || decimals == 0)
		return false;
	decimals = decimals < PIXEL_DECIMALS ? decimals : PIXEL_DECIMALS;
	number = check_number(p + whole + 1, decimals);
	for (uint32_t i = decimals; i < PIXEL_DECIMALS; i++)
		number *= 10;
	// The whole degrees apart, for all of it times 2^14 does not fit.
	rest = check_number(p, whole) * ((scale << PIXEL_BITS) % step) % step +
	       (number << PIXEL_BITS) % step;
	rest %= step;
	return rest <= (PIXEL_NOISE << PIXEL_BITS) || step - rest <= (PIXEL_NOISE << PIXEL_BITS);
}

static bool refuted(struct span name, struct span value)
{
	struct span v = span_trim(value);
	const uint8_t *p = v.p, *end = v.p + v.len;
	uint32_t whole;

	if (!check_starts(name, "lon") && !check_starts(name, "lng"))
		return false;
	if (v.len && (*p == '-' || *p == '+'))
		p++;
	if (!check_right(p, end, CLASS_DIGIT))
		return false; // something else that begins so
	return degrees(p, end, &whole) == 0 || is_pixel(p, end);
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
	"lat", "latitude", "latlng",      "latlon", "coordinates", "coords",
	"geo", "gps",      "geolocation", "緯度",   "位置情報",    NULL,
};

static const struct type_sample samples[] = {
	{"lat", "35.658581", true},
	{"longitude", "-122.419416", false},
	{"coordinates", "35.6586, 139.7454", true},
	{"緯度", "35.65858", true},
	{NULL, "35.6586, 139.7454", false},
	{"lat", "35.6", false},
	{"latitude", "95.65858", false},
	{"price", "35.65858", false},
	{"latlng", "35.65858,239.74543", false},
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
	.refuted = refuted,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(coordinates)
