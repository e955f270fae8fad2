// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Secrets, as the detectors divide them among themselves:
//
//	                        in a response   in a URL   Referer to another site   request, unencrypted
//	keys, passwords         D-08            D-14       D-08                      D-08
//	tokens that are issued  D-11 (learnt)   D-14       D-08                      D-08
//
// Tokens that an API hands out to whom they belong, and one-time codes, are no alarm by themselves.

#pragma once

#include "detect/datatype.h"
#include "detect/exchange.h"

#include <string.h>

// Must not be in any answer, whatever the endpoint did before.
static inline bool secret_never_answered(const struct datatype *type)
{
	static const char *const issued[] = {
		"jwt", "cookie.session", "basic.auth", "apikey.generic", "google.oauth", "otp"};

	if (type->group != GROUP_SECRET)
		return false;
	for (size_t i = 0; i < sizeof(issued) / sizeof(issued[0]); i++) {
		if (!strcmp(type->id, issued[i]))
			return false;
	}
	return true;
}

// Keys that are made to be public, and keys of a provider's test mode. They are told by their first
// letters, which is what a masked sample shows.
static inline bool secret_is_harmless(const struct datatype *type, struct span sample)
{
	if (!strcmp(type->id, "stripe")) // pk_live_, sk_test_, rk_test_
		return sample.len >= 5 &&
		       (sample.p[0] == 'p' || memcmp(sample.p + 3, "te", 2) == 0);
	if (!strcmp(type->id, "gcp.apikey")) // browsers send them; limited by referrer
		return true;
	return !strcmp(type->id, "square") && sample.len >= 6 && sample.p[4] == 'i'; // sq0idp-
}

// Is the Referer of another site than the request's? Hosts of one domain are one site.
static inline bool secret_leaves_site(const struct exchange *x)
{
	struct span from = http_header(x->tx, CLIENT, HEADER_REFERER), to = x->host, tail;

	for (uint32_t i = 0; i + 3 <= from.len; i++) {
		if (memcmp(from.p + i, "://", 3) != 0)
			continue;
		from = span_make(from.p + i + 3, from.len - i - 3);
		for (uint32_t n = 0; n < from.len; n++) {
			if (from.p[n] == '/' || from.p[n] == '?' || from.p[n] == ':')
				from.len = n;
		}
		if (from.len == 0 || to.len == 0)
			return false;
		if (from.len > to.len) {
			tail = from;
			from = to;
			to = tail;
		}
		// The shorter one is the other, or a domain of it.
		tail = span_make(to.p + (to.len - from.len), from.len);
		return !span_ieq(tail, from) ||
		       (to.len > from.len && to.p[to.len - from.len - 1] != '.');
	}
	return false;
}
