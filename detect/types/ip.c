// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// IP addresses in fields that say so. IPv4 in dotted decimal without leading zeros; IPv6 in the
// forms of RFC 4291 section 2.2, with "::" and an IPv4 tail, found by its colons in the value.

#include "detect/check.h"
#include "detect/issue.h"

enum { V6_GROUPS = 8, V6_TEXT_MAX = 512 };

// The length of an IPv4 address at p; 0: none.
static uint32_t v4(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = p;

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t n = check_right(q, end, CLASS_DIGIT);

		if (n < 1 || n > 3 || (n > 1 && *q == '0') || check_number(q, n) > 255)
			return 0;
		q += n;
		if (i < 3) {
			if (q == end || *q != '.')
				return 0;
			q++;
		}
	}
	return (uint32_t)(q - p);
}

// "127.0.0.1:8081": every machine calls itself so (RFC 1122 section 3.2.1.3), and with a port it is a
// service, such as the proxy that a browser reports.
static bool is_local_service(const uint8_t *p, uint32_t n, const uint8_t *end)
{
	return memcmp(p, "127.", 4) == 0 && end - p > n + 1 && p[n] == ':' &&
	       check_is(p[n + 1], CLASS_DIGIT);
}

static struct span check_v4(const struct candidate *c)
{
	const uint8_t *p = c->at, *end = c->text.p + c->text.len, *q;
	uint8_t before = c->runs[0].before;
	uint32_t n = v4(p, end);

	if (n == 0 || is_local_service(p, n, end))
		return (struct span){0};
	q = p + n;
	// A version or an object identifier has more parts, or follows a letter.
	if (before == '.' || before == '-' || before == '_')
		return (struct span){0};
	if (q < end && (check_is(*q, CLASS_WORD) || *q == '-' ||
			(*q == '.' && end - q > 1 && check_is(q[1], CLASS_ALNUM))))
		return (struct span){0};
	return span_make(p, n);
}

// The length of an IPv6 address at p; 0: none.
static uint32_t v6(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = p;
	uint32_t groups = 0;
	bool gap = false;

	while (q < end && groups < V6_GROUPS) {
		uint32_t n = check_right(q, end, CLASS_HEX), tail;

		if (end - q >= 2 && q[0] == ':' && q[1] == ':') {
			if (gap)
				break;
			gap = true;
			q += 2;
			continue;
		}
		if (groups && !(q[-1] == ':')) {
			if (*q != ':')
				break;
			q++;
			n = check_right(q, end, CLASS_HEX);
		}
		if (n == 0 || n > 4)
			break;
		tail = groups + 2 <= V6_GROUPS ? v4(q, end) : 0;
		if (tail) {
			groups += 2;
			q += tail;
			break;
		}
		groups++;
		q += n;
	}
	// A colon that nothing follows is not part of it.
	if (q - p > 2 && q[-1] == ':' && q[-2] != ':')
		q--;
	return (gap && groups < V6_GROUPS) || (!gap && groups == V6_GROUPS) ? (uint32_t)(q - p) : 0;
}

static struct span check_v6(const struct candidate *c)
{
	const uint8_t *end = c->text.p + (c->text.len < V6_TEXT_MAX ? c->text.len : V6_TEXT_MAX);

	for (const uint8_t *p = c->text.p; p < end; p++) {
		uint32_t n;

		if ((*p != ':' && !check_is(*p, CLASS_HEX)) ||
		    (p > c->text.p &&
		     (check_is(p[-1], CLASS_WORD) || p[-1] == ':' || p[-1] == '.')))
			continue;
		n = v6(p, end);
		if (n >= 2 && (p + n == end || (!check_is(p[n], CLASS_WORD) && p[n] != ':')))
			return span_make(p, n);
	}
	return (struct span){0};
}

static const char *const v4_context[] = {
	"ip",         "ips",         "ipv4",          "ipaddr",      "ip address", "remote addr",
	"remoteaddr", "client addr", "forwarded for", "source addr", "host addr",  NULL,
};

static const struct type_sample v4_samples[] = {
	{"ip", "203.0.113.47", true},         {"clientIp", "from 198.51.100.7:443", true},
	{"remote_addr", "10.20.30.40", true}, {NULL, "203.0.113.47", false},
	{"version", "1.24.0.3", false},       {"ip", "203.0.113.256", false},
	{"ip", "203.0.113", false},           {"ip", "203.0.113.047", false},
	{"ip", "v1.203.0.113.47", false},     {"server_ip", "127.0.0.1:8081", false},
	{"server_ip", "127.0.0.1", true},     {0},
};

static const struct datatype ipv4 = {
	.id = "ipv4",
	.title = "IPv4 address",
	.group = GROUP_NETWORK,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = v4_context,
	.run_min = 1,
	.run_max = 3,
	.digits_only = true,
	.digits_near = 4,
	.check = check_v4,
	.samples = v4_samples,
};
DATATYPE_REGISTER(ipv4)

static const char *const v6_context[] = {
	"ip",         "ips",         "ipv6",          "ipaddr",      "ip address", "remote addr",
	"remoteaddr", "client addr", "forwarded for", "source addr", "host addr",  NULL,
};

static const struct type_sample v6_samples[] = {
	{"ip", "2001:db8:47::8a2e:73:1", true},
	{"ipv6", "via [2001:db8:0:1:2:3:4:5]:443", true},
	{"ip", "::ffff:203.0.113.47", true},
	{"ip", "fe80::47", true},
	{NULL, "2001:db8:47::8a2e:73:1", false},
	{"ip", "12:34:56", false},
	{"ip", "std::string", false},
	{"ip", "2001:db8:::1", false},
	{"ip", "203.0.113.47", false},
	{0},
};

static const struct datatype ipv6 = {
	.id = "ipv6",
	.title = "IPv6 address",
	.group = GROUP_NETWORK,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_CTX,
	.severity = SEVERITY_LOW,
	.personal = true,
	.context = v6_context,
	.key_only = true,
	.check = check_v6,
	.samples = v6_samples,
};
DATATYPE_REGISTER(ipv6)
