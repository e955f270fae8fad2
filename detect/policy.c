// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Policies in the order of the file, with their types resolved to numbers. A set of the types
// that any policy names answers the usual question (none) with one bit.

#include "detect/policy.h"

#include "detect/network.h"
#include "detect/datatype.h"
#include "detect/own.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct policies_item {
	uint16_t type;
	const struct policy *policy; // owned by struct conf
	struct network *networks;    // owned
};

struct policies {
	uint64_t named[DATATYPE_MAX / 64]; // a bit per type
	size_t n;
	struct policies_item item[];
};

static const char *const action_choices[] = {"prohibited", "allowed", "restricted", NULL};
static const char *const direction_choices[] = {"response", "request", "both", NULL};
static const char *const severity_choices[] = {"info", "low", "medium", "high", "critical", NULL};

// ---- configuration

#define POLICY_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct policy, field), __VA_ARGS__ \
	}
static const struct conf_row policy_rows[] = {
	POLICY_ROW(type, CONF_STR, .min = 1, .required = true,
		   .help = "The data type that the policy is about, built-in or of types.own"),
	POLICY_ROW(action, CONF_ENUM, .choices = action_choices, .def = "\"prohibited\"",
		   .help = "Whether the type must not appear, is no reason for an issue, or may go "
			   "to the networks and consumers that are named, and no further"),
	POLICY_ROW(direction, CONF_ENUM, .choices = direction_choices, .def = "\"response\"",
		   .help = "The messages that the policy is about"),
	POLICY_ROW(host, CONF_STR, .min = 1, .max = 255, .def = "\"*\"",
		   .help = "The hosts; * and ? are wildcards"),
	POLICY_ROW(path, CONF_STR, .min = 1, .max = 255, .def = "\"*\"",
		   .help = "The endpoints' path templates, as issues show them; * and ? are "
			   "wildcards"),
	POLICY_ROW(severity, CONF_ENUM, .choices = severity_choices, .def = "\"high\"",
		   .help = "Severity of an issue when the type is prohibited"),
	POLICY_ROW(name, CONF_STR, .max = 100, .def = "\"\"",
		   .help = "What the policy is called in an issue"),
	POLICY_ROW(networks, CONF_STRS, .min = 1, .max = 100, .def = "[]",
		   .help = "Restricted: networks (CIDR) that may receive the type"),
	POLICY_ROW(
		consumers, CONF_STRS, .min = 1, .max = 255, .def = "[]",
		.help = "Restricted: users that may receive the type, of requests hosts; * and ? "
			"are wildcards"),
};

// Built-in, or described in the same configuration.
static bool policy_check_type(const struct conf *conf, const char *type, char *why, size_t why_len)
{
	const char *nearest;

	for (size_t i = 0; datatype_name(i); i++) {
		if (strcmp(datatype_name(i), type) == 0)
			return true;
	}
	if (own_has(conf, type))
		return true;
	nearest = conf_nearest(type, datatype_name);
	snprintf(why, why_len, "type: found \"%s\"; %s%s%s", type,
		 nearest ? "did you mean \"" : "allowed: a built-in data type or one of types.own",
		 nearest ? nearest : "", nearest ? "\"?" : "");
	return false;
}

static bool policy_check(const struct conf *conf, const void *item, char *why, size_t why_len)
{
	const struct policy *policy = item;
	bool lists = policy->networks.n || policy->consumers.n;
	struct network network;

	if (policy->type && !policy_check_type(conf, policy->type, why, why_len))
		return false;
	for (size_t i = 0; i < policy->networks.n; i++) {
		const char *text = policy->networks.v[i];

		if (text && !network_parse(text, &network)) {
			snprintf(why, why_len,
				 "networks: found \"%s\"; allowed: networks such as \"10.0.0.0/8\" "
				 "or "
				 "\"2001:db8::/32\"",
				 text);
			return false;
		}
	}
	if (policy->action == POLICY_RESTRICTED && !lists) {
		snprintf(why, why_len,
			 "action: restricted to nobody; expected networks or consumers beside it");
		return false;
	}
	if (policy->action != POLICY_RESTRICTED && lists) {
		snprintf(why, why_len,
			 "%s: of no use here; expected action = \"restricted\" beside it",
			 policy->networks.n ? "networks" : "consumers");
		return false;
	}
	return true;
}

const struct conf_section policy_section = {
	.path = "policies",
	.help = "Where data types are prohibited or allowed; the first policy that matches decides",
	.size = sizeof(struct policy),
	.list = true,
	.rows = policy_rows,
	.n_rows = sizeof(policy_rows) / sizeof(policy_rows[0]),
	.check = policy_check,
};
CONF_SECTION(policy_section);

bool policies_known(const struct conf *conf, FILE *err)
{
	bool known = true;

	for (size_t i = 0; i < conf_count(conf, &policy_section); i++) {
		const struct policy *policy = conf_item(conf, &policy_section, i);

		if (datatype_find(policy->type) >= 0)
			continue;
		fprintf(err,
			"%s: policies[%zu].type: found \"%s\"; types.own is read at the start "
			"only\n",
			conf_item_where(conf, &policy_section, i), i, policy->type);
		known = false;
	}
	return known;
}

static bool networks_new(struct policies_item *item)
{
	const struct conf_strs *texts = &item->policy->networks;

	if (texts->n == 0)
		return true;
	item->networks = calloc(texts->n, sizeof(item->networks[0]));
	for (size_t i = 0; item->networks && i < texts->n; i++)
		network_parse(texts->v[i], &item->networks[i]); // the configuration is checked
	return item->networks != NULL;
}

void policies_free(struct policies *policies)
{
	for (size_t i = 0; policies && i < policies->n; i++)
		free(policies->item[i].networks);
	free(policies);
}

struct policies *policies_new(const struct conf *conf)
{
	size_t n = conf_count(conf, &policy_section);
	struct policies *policies = calloc(1, sizeof(*policies) + n * sizeof(policies->item[0]));

	if (!policies)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const struct policy *policy = conf_item(conf, &policy_section, i);
		int type = policy ? datatype_find(policy->type) : -1;

		if (type < 0 || type >= DATATYPE_MAX)
			continue; // the configuration accepts no such name
		struct policies_item *p = &policies->item[policies->n++];
		*p = (struct policies_item){(uint16_t)type, policy, NULL};
		if (!networks_new(p)) {
			policies_free(policies);
			return NULL;
		}
		policies->named[type / 64] |= UINT64_C(1) << (type % 64);
	}
	return policies;
}

// The next place from i on where what stands behind a star may begin.
static uint32_t glob_resume(uint8_t first, struct span text, uint32_t i, bool fold)
{
	const uint8_t *at;

	if (first == '\0')
		return text.len;
	if (first == '*' || first == '?')
		return i;
	if (fold && ((first | 0x20) >= 'a' && (first | 0x20) <= 'z')) {
		while (i < text.len && (text.p[i] | 0x20) != (first | 0x20))
			i++;
		return i;
	}
	at = i < text.len ? memchr(text.p + i, first, text.len - i) : NULL;
	return at ? (uint32_t)(at - text.p) : text.len;
}

bool policy_glob(const char *glob, struct span text, bool fold)
{
	const char *star = NULL; // behind the last star
	uint32_t i = 0, resume = 0;

	// Only the last star is ever tried again, so the steps are at most glob times text.
	while (i < text.len) {
		uint8_t c = fold ? span_lower(text.p[i]) : text.p[i];
		uint8_t g = fold ? span_lower((uint8_t)*glob) : (uint8_t)*glob;

		if (*glob == '*') {
			star = ++glob;
			i = resume = glob_resume((uint8_t)*glob, text, i, fold);
		} else if (*glob && (*glob == '?' || g == c)) {
			glob++;
			i++;
		} else if (star) {
			glob = star;
			i = resume = glob_resume((uint8_t)*glob, text, resume + 1, fold);
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

static bool consumers_have(const struct policy *policy, struct span text)
{
	for (size_t i = 0; i < policy->consumers.n; i++) {
		if (policy_glob(policy->consumers.v[i], text, true))
			return true;
	}
	return false;
}

// Who receives it is within what a restricted policy names, or is not known.
static bool item_permits(const struct policies_item *item, enum dir dir, const struct exchange *x)
{
	const struct policy *policy = item->policy;
	const uint8_t *addr = x->tx->conn->addr[dir == SERVER ? CLIENT : SERVER];
	bool inside = policy->networks.n == 0, known = x->tx->msg[CLIENT].seen;

	for (size_t i = 0; i < policy->networks.n && !inside; i++)
		inside = network_has(&item->networks[i], addr);
	if (!inside)
		return false;
	if (policy->consumers.n == 0 || !known)
		return true;
	return consumers_have(policy, dir == SERVER ? span_make(x->user, x->user_len) : x->host);
}

static const struct policies_item *policies_find(const struct policies *policies, uint16_t type,
						 enum dir dir, const struct exchange *x)
{
	if (type >= DATATYPE_MAX || !(policies->named[type / 64] >> (type % 64) & 1))
		return NULL;
	for (size_t i = 0; i < policies->n; i++) {
		const struct policy *policy = policies->item[i].policy;

		if (policies->item[i].type != type ||
		    (policy->direction == POLICY_RESPONSE && dir != SERVER) ||
		    (policy->direction == POLICY_REQUEST && dir != CLIENT))
			continue;
		struct span path = span_make(x->template, x->template_len);

		// A policy for a path is one for all operations behind it.
		if (policy_glob(policy->host, x->host, true) &&
		    (policy_glob(policy->path, path, false) ||
		     policy_glob(policy->path, span_until(path, '#'), false)))
			return &policies->item[i];
	}
	return NULL;
}

const struct policy *policies_match(const struct policies *policies, uint16_t type, enum dir dir,
				    const struct exchange *x)
{
	const struct policies_item *item = policies_find(policies, type, dir, x);

	return item ? item->policy : NULL;
}

const struct policy *policies_broken(const struct policies *policies, uint16_t type, enum dir dir,
				     const struct exchange *x)
{
	const struct policies_item *item = policies_find(policies, type, dir, x);

	if (!item || item->policy->action == POLICY_ALLOWED ||
	    (item->policy->action == POLICY_RESTRICTED && item_permits(item, dir, x)))
		return NULL;
	return item->policy;
}
