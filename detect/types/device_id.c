// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Identities of subscribers and devices, in fields that say so: IMSI (3GPP TS 23.003: country code
// of ITU-T E.212, network, subscriber), ICCID (ITU-T E.118: 89, Luhn), and advertising identifiers,
// which are UUIDs that only the name tells.

#include "detect/check.h"
#include "detect/issue.h"

// Assigned mobile country codes (ITU-T E.212), first and last of each row.
static const uint16_t countries[][2] = {
	{202, 202}, {204, 204}, {206, 206}, {208, 208}, {212, 214}, {216, 216}, {218, 222},
	{225, 226}, {228, 228}, {230, 232}, {234, 235}, {238, 238}, {240, 240}, {242, 242},
	{244, 244}, {246, 248}, {250, 250}, {255, 255}, {257, 257}, {259, 260}, {262, 262},
	{266, 266}, {268, 268}, {270, 270}, {272, 272}, {274, 274}, {276, 276}, {278, 278},
	{280, 280}, {282, 284}, {286, 286}, {288, 290}, {292, 295}, {297, 297}, {302, 302},
	{308, 308}, {310, 316}, {330, 330}, {332, 332}, {334, 334}, {338, 338}, {340, 340},
	{342, 342}, {344, 344}, {346, 346}, {348, 348}, {350, 350}, {352, 352}, {354, 354},
	{356, 356}, {358, 358}, {360, 360}, {362, 366}, {368, 368}, {370, 370}, {372, 372},
	{374, 374}, {376, 376}, {400, 402}, {404, 406}, {410, 410}, {412, 422}, {424, 432},
	{434, 438}, {440, 441}, {450, 450}, {452, 452}, {454, 457}, {460, 461}, {466, 467},
	{470, 470}, {472, 472}, {502, 502}, {505, 505}, {510, 510}, {514, 515}, {520, 520},
	{525, 525}, {528, 528}, {530, 530}, {536, 537}, {539, 555}, {602, 655}, {657, 659},
	{702, 702}, {704, 704}, {706, 706}, {708, 708}, {710, 710}, {712, 712}, {714, 714},
	{716, 716}, {722, 722}, {724, 724}, {730, 730}, {732, 732}, {734, 734}, {736, 736},
	{738, 738}, {740, 740}, {742, 742}, {744, 744}, {746, 746}, {748, 748}, {750, 750},
};

static struct span check_imsi(const struct candidate *c)
{
	struct form f;
	uint64_t country;

	if (!check_forms(c, "15 14", "", &f) || !check_all(f.text, f.n, CLASS_DIGIT))
		return (struct span){0};
	country = check_number(f.text, 3);
	for (uint32_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++) {
		if (country >= countries[i][0] && country <= countries[i][1])
			return f.value;
	}
	return (struct span){0};
}

static struct span check_iccid(const struct candidate *c)
{
	struct form f;

	return check_forms(c, "19 20 4?4?4?4?3 4?4?4?4?4", " -", &f) &&
			       check_all(f.text, f.n, CLASS_DIGIT) && f.text[0] == '8' &&
			       f.text[1] == '9' && check_luhn(f.text, f.n)
		       ? f.value
		       : (struct span){0};
}

static struct span check_adid(const struct candidate *c)
{
	struct span v = span_trim(c->text);
	uint8_t hex[32];
	uint32_t n = 0;

	if (v.len != 36)
		return (struct span){0};
	for (uint32_t i = 0; i < v.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? v.p[i] != '-' : !check_is(v.p[i], CLASS_HEX))
			return (struct span){0};
		if (!dash)
			hex[n++] = v.p[i];
	}
	// Zeros: tracking is switched off.
	return check_uniform(hex, n) ? (struct span){0} : v;
}

#define DEVICE(sym, name, what, weight, words, digits)                                             \
	.id = name, .title = what, .group = GROUP_NETWORK, .country = "any",                       \
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA, .reports = REPORTS_CTX, .severity = weight,       \
	.personal = true, .context = words, .run_digits = digits, .check = check_##sym,            \
	.samples = sym##_samples

static const char *const imsi_context[] = {"imsi", "international mobile subscriber", NULL};
static const struct type_sample imsi_samples[] = {
	{"imsi", "440104827391648", true},    {"imsi", "26201482739164", true},
	{NULL, "440104827391648", false},     {"imsi", "999104827391648", false},
	{"imsi", "44010482739164800", false}, {0},
};
static const struct datatype imsi = {
	DEVICE(imsi, "imsi", "Mobile subscriber identity (IMSI)", SEVERITY_MEDIUM, imsi_context,
	       RUN_LEN(14) | RUN_LEN(15)),
	.digits_near = 14,
};
DATATYPE_REGISTER(imsi)

static const char *const iccid_context[] = {"iccid",      "sim card", "sim number",
					    "sim serial", "sim",      NULL};
static const struct type_sample iccid_samples[] = {
	{"iccid", "8981048273916482748", true},  {"sim_card", "89492267310482739160", true},
	{NULL, "8981048273916482748", false},    {"iccid", "8981048273916482749", false},
	{"iccid", "7981048273916482749", false}, {0},
};
static const struct datatype iccid = {
	DEVICE(iccid, "iccid", "SIM card number (ICCID)", SEVERITY_MEDIUM, iccid_context,
	       RUN_LEN(4) | RUN_LEN(19) | RUN_LEN(20)),
	.digits_near = 16,
};
DATATYPE_REGISTER(iccid)

static const char *const adid_context[] = {
	"idfa",
	"idfv",
	"gaid",
	"adid",
	"aaid",
	"advertising id",
	"advertising identifier",
	"ad id",
	"advertiser id",
	"広告識別子",
	NULL,
};
static const struct type_sample adid_samples[] = {
	{"idfa", "9F4C2E18-4A41-4267-8664-46415267DEAD", true},
	{"advertisingId", "38400000-8cf0-41bd-b23e-10b96e4ef00d", true},
	{NULL, "9F4C2E18-4A41-4267-8664-46415267DEAD", false},
	{"request_id", "9F4C2E18-4A41-4267-8664-46415267DEAD", false},
	{"idfa", "00000000-0000-0000-0000-000000000000", false},
	{0},
};
static const struct datatype adid = {
	DEVICE(adid, "adid", "Advertising identifier", SEVERITY_LOW, adid_context, 0),
	.key_only = true,
};
DATATYPE_REGISTER(adid)
