// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Policies in the order of the file, with their types resolved to numbers. A set of the types
// that any policy names answers the usual question (none) with one bit.

#include <stdlib.h>

#include "detect/datatype.h"
#include "detect/policy.h"

struct policies_item {
	uint16_t type;
	const struct policy *policy; // owned by struct conf
};

struct policies {
	uint64_t named[DATATYPE_MAX / 64]; // a bit per type
	size_t n;
	struct policies_item item[];
};

static const char *const action_choices[] = {"prohibited", "allowed", NULL};
static const char *const direction_choices[] = {"response", "request", "both", NULL};
static const char *const severity_choices[] = {"info", "low", "medium", "high", "critical", NULL};

#define POLICY_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct policy, field), __VA_ARGS__ \
	}
static const struct conf_row policy_rows[] = {
	POLICY_ROW(type, CONF_STR, .names = datatype_name, .required = true,
		   .help = "The data type that the policy is about"),
	POLICY_ROW(action, CONF_ENUM, .choices = action_choices, .def = "\"prohibited\"",
		   .help = "Whether the type must not appear, or is no reason for an issue"),
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
};
const struct conf_section policy_section = {
	.path = "policies",
	.help = "Where data types are prohibited or allowed; the first policy that matches decides",
	.size = sizeof(struct policy),
	.list = true,
	.rows = policy_rows,
	.n_rows = sizeof(policy_rows) / sizeof(policy_rows[0]),
};
CONF_SECTION(policy_section);

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
		policies->item[policies->n++] = (struct policies_item){(uint16_t)type, policy};
		policies->named[type / 64] |= UINT64_C(1) << (type % 64);
	}
	return policies;
}

void policies_free(struct policies *policies)
{
	free(policies);
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
			resume = i;
		} else if (*glob && (*glob == '?' || g == c)) {
			glob++;
			i++;
		} else if (star) {
			glob = star;
			i = ++resume;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

const struct policy *policies_match(const struct policies *policies, uint16_t type, enum dir dir,
				    const struct exchange *x)
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
			return policy;
	}
	return NULL;
}
