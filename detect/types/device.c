// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Device addresses: MAC (IEEE 802: six pairs with one kind of separator, or three quads with
// points) and IMEI (3GPP TS 23.003: fifteen digits, Luhn) in fields that say so.

#include "detect/check.h"
#include "detect/issue.h"

static struct span check_mac(const struct candidate *c)
{
	const struct run *last;
	uint8_t before;
	uint32_t n;
	struct form f;

	if (!check_form(c, "2?2?2?2?2?2", ":-", &f) && !check_form(c, "4.4.4", "", &f))
		return (struct span){0};
	// One of more pairs: a fingerprint, an EUI-64.
	before = c->runs[0].before;
	if ((before == ':' || before == '-') && c->at - c->text.p > 1 &&
	    check_is(c->at[-2], CLASS_ALNUM) && before == f.separator)
		return (struct span){0};
	last = &c->runs[f.n_runs - 1];
	if (last->after == f.separator && last->joined && f.separator)
		return (struct span){0};
	n = f.n;
	// Neither nobody's nor everybody's; and of digits alone it is a date or an id.
	if (!check_all(f.text, n, CLASS_HEX) || check_uniform(f.text, n))
		return (struct span){0};
	if (!c->ctx && f.separator != ':' && check_all(f.text, n, CLASS_DIGIT))
		return (struct span){0};
	return f.value;
}

static struct span check_imei(const struct candidate *c)
{
	struct form f;

	return check_forms(c, "15 2?6?6?1", "- ", &f) && check_all(f.text, 15, CLASS_DIGIT) &&
			       !check_uniform(f.text, 15) && check_luhn(f.text, 15)
		       ? f.value
		       : (struct span){0};
}

static const char *const mac_context[] = {"mac",   "mac address",      "macaddr", "ethernet",
					  "bssid", "hardware address", NULL};

static const struct type_sample mac_samples[] = {
	{NULL, "3c:7a:aa:42:b1:09", true},  {NULL, "adapter 3C-7A-AA-42-B1-09 up", true},
	{"mac", "3c7a.aa42.b109", true},    {NULL, "3c:7a:aa:42:b1", false},
	{NULL, "3c:7a-aa:42-b1:09", false}, {NULL, "00:00:00:00:00:00", false},
	{NULL, "20-23-06-15-12-34", false}, {NULL, "3c:7a:aa:42:b1:09:11", false},
	{NULL, "it-is-so-as-we-do", false}, {0},
};

static const struct datatype mac = {
	.id = "mac",
	.title = "MAC address",
	.group = GROUP_NETWORK,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_YES,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = mac_context,
	.run_mixed = RUN_LEN(2) | RUN_LEN(4),
	.run_digits = RUN_LEN(2) | RUN_LEN(4),
	.run_chain = true,
	.check = check_mac,
	.samples = mac_samples,
};
DATATYPE_REGISTER(mac)

static const char *const imei_context[] = {"imei", "device imei", NULL};

static const struct type_sample imei_samples[] = {
	{"imei", "355099616731694", true},
	{"imei", "35-509961-673169-4", true},
	{NULL, "355099616731694", false},
	{"imei", "355099616731695", false},
	{0},
};

static const struct datatype imei = {
	.id = "imei",
	.title = "Mobile equipment identity (IMEI)",
	.group = GROUP_NETWORK,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = imei_context,
	.run_digits = RUN_LEN(2) | RUN_LEN(15),
	.digits_near = 15,
	.check = check_imei,
	.samples = imei_samples,
};
DATATYPE_REGISTER(imei)
