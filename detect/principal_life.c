// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How callers are recognised, as the operator says: section "principal", and what a worker makes
// of it once. Control thread.

#include "detect/principal.h"

#include <stdio.h>

static const char *const step_names[] = {
	[STEP_HEADER] = "header",   [STEP_QUERY] = "query",	[STEP_FIELD] = "field",
	[STEP_TOKEN] = "token",	    [STEP_SESSION] = "session", [STEP_KEY] = "key",
	[STEP_BASIC] = "basic",	    [STEP_CERTIFICATE] = "certificate", [STEP_ADDRESS] = "address",
};

static const char *step_name(size_t i)
{
	return i < STEPS ? step_names[i] : NULL;
}

#define ROW(field, kind, ...)                                                                      \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct principal_options, field),  \
		__VA_ARGS__                                                                        \
	}
#define NAMES .min = 1, .max = 64

static const struct conf_row principal_rows[] = {
	ROW(order, CONF_STRS, NAMES, .names = step_name,
	    .def = "[ \"header\", \"query\", \"field\", \"token\", \"session\", \"key\", \"basic\", "
		   "\"certificate\", \"address\" ]",
	    .help = "What says who the user is, first what counts most; what is not listed does not "
		    "count, but the address always comes last"),
	ROW(headers, CONF_STRS, NAMES, .def = "[ ]",
	    .help = "Request headers that name the user, strongest first; they count as credentials"),
	ROW(query, CONF_STRS, NAMES, .def = "[ ]",
	    .help = "Query parameters that name the user, strongest first"),
	ROW(fields, CONF_STRS, NAMES, .def = "[ ]",
	    .help = "Fields of JSON and form bodies that name the user, strongest first: a name at "
		    "the top, or a path such as \"account.id\""),
	ROW(shown, CONF_STRS, NAMES, .def = "[ ]",
	    .help = "Of query and fields those whose values are shown; of others issues show a keyed "
		    "hash"),
	ROW(cookies, CONF_STRS, NAMES,
	    .def = "[ \"JSESSIONID\", \"PHPSESSID\", \"connect.sid\", \"ASP.NET_SessionId\", "
		   "\"ASPSESSIONID*\", \"sessionid\", \"session_id\", \"session\", \"sid\", "
		   "\"_session\", \"_session_id\", \"laravel_session\", \"*_session\", "
		   "\"wordpress_logged_in_*\" ]",
	    .help = "Names of session cookies, strongest first; * and ? are wildcards. Others count "
		    "when name and value look like a session"),
	ROW(claims, CONF_STRS, NAMES, .def = "[ \"sub\" ]",
	    .help = "Claims of tokens that name the user, strongest first, and are shown; without "
		    "them user_id, uid, email, of which a keyed hash is shown, and client_id"),
	ROW(role_claims, CONF_STRS, NAMES,
	    .def = "[ \"role\", \"roles\", \"scope\", \"groups\", \"realm_access.roles\" ]",
	    .help = "Claims of tokens that name the user's roles"),
	ROW(key_headers, CONF_STRS, NAMES, .def = "[ ]",
	    .help = "Request headers that hold API keys, beside X-API-Key and its likes"),
	ROW(key_query, CONF_STRS, NAMES, .def = "[ ]",
	    .help = "Query parameters that hold API keys, beside api_key and its likes"),
	ROW(proxies, CONF_STRS, NAMES, .def = "[ ]",
	    .help = "Networks of proxies whose word on the client's address is believed"),
	ROW(forwarded, CONF_STRS, NAMES,
	    .def = "[ \"X-Forwarded-For\", \"Forwarded\", \"CF-Connecting-IP\", \"X-Real-IP\" ]",
	    .help = "Request headers in which those proxies name it; the first that is there counts"),
	ROW(token_days, CONF_U32, .min = 1, .max = 36500, .def = "30", .unit = "days",
	    .help = "A token that is valid for longer is told to expire late"),
	ROW(token_checks, CONF_U32, .min = 0, .max = 1000, .def = "4",
	    .help = "New tokens that a worker tries against a list of known secrets in an epoch; 0: "
		    "none"),
	ROW(show_users, CONF_BOOL, .def = "true",
	    .help = "Show names of users as they are; false: keyed hashes instead"),
};
const struct conf_section principal_section = {
	.path = "principal",
	.help = "How the user behind a request is recognised",
	.size = sizeof(struct principal_options),
	.rows = principal_rows,
	.n_rows = sizeof(principal_rows) / sizeof(principal_rows[0]),
};
CONF_SECTION(principal_section);

static void order_init(struct principal *p, const struct conf_strs *order)
{
	memset(p->rank, STEPS, sizeof(p->rank));
	for (size_t i = 0; i < order->n; i++) {
		for (uint32_t step = 0; step < STEPS; step++) {
			if (strcmp(order->v[i], step_names[step]) != 0 || p->rank[step] != STEPS)
				continue;
			p->rank[step] = p->n_order;
			p->order[p->n_order++] = (uint8_t)step;
		}
	}
}

bool principal_init(struct principal *p, const struct principal_options *options, uint64_t salt,
		    char *why, size_t why_len)
{
	bool present[STEPS] = {
		[STEP_HEADER] = options->headers.n,
		[STEP_QUERY] = options->query.n,
		[STEP_FIELD] = options->fields.n,
		[STEP_SESSION] = true, [STEP_KEY] = true, [STEP_BASIC] = true,
		[STEP_CERTIFICATE] = true, [STEP_ADDRESS] = true,
	};

	memset(p, 0, sizeof(*p));
	p->options = options;
	p->salt = salt;
	order_init(p, &options->order);
	p->token_first = p->rank[STEP_TOKEN] != STEPS;
	for (uint32_t step = 0; step < STEPS; step++)
		p->token_first &= !present[step] || p->rank[step] > p->rank[STEP_TOKEN];
	for (size_t i = 0; i < options->proxies.n; i++) {
		if (p->n_proxies == PRINCIPAL_PROXIES ||
		    !network_parse(options->proxies.v[i], &p->proxies[p->n_proxies])) {
			snprintf(why, why_len,
				 "principal.proxies: found \"%s\"; allowed: at most %d networks such "
				 "as \"10.0.0.0/8\" or \"2001:db8::/32\"",
				 options->proxies.v[i], PRINCIPAL_PROXIES);
			return false;
		}
		p->n_proxies++;
	}
	principal_epoch(p, NULL);
	return true;
}
