// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Collects the truth; gen_main.c writes the file.

#include "tools/gen/gen_truth.h"

#include <string.h>

void gen_truth_init(struct gen_truth *truth)
{
	*truth = (struct gen_truth){.facts.indented = true, .issues.indented = true};
	gen_json_object(&truth->facts, NULL);
	gen_json_object(&truth->issues, NULL);
	gen_json_array(&truth->issues, "expected_issues");
}

static struct gen_truth_endpoint *truth_endpoint(struct gen_truth *truth, const char *name)
{
	for (uint32_t i = 0; i < truth->n_endpoints; i++) {
		if (!strcmp(truth->endpoint[i].name, name))
			return &truth->endpoint[i];
	}
	if (truth->n_endpoints == GEN_TRUTH_ENDPOINTS)
		gen_fatal("more than %d endpoints in one scenario", GEN_TRUTH_ENDPOINTS);
	truth->endpoint[truth->n_endpoints].name = name;
	return &truth->endpoint[truth->n_endpoints++];
}

void gen_truth_call(struct gen_truth *truth, const char *endpoint, bool credentials,
		    uint32_t status, const uint32_t values[GEN_VALUES])
{
	struct gen_truth_endpoint *entry = truth_endpoint(truth, endpoint);

	truth->calls++;
	entry->calls++;
	entry->without_credentials += !credentials;
	entry->errors += status >= 400;
	for (uint32_t i = 0; values && i < GEN_VALUES; i++)
		entry->values[i] += values[i];
}

void gen_truth_issue(struct gen_truth *truth, const char *kind, const char *endpoint,
		     const char *severity)
{
	gen_json_object(&truth->issues, NULL);
	gen_json_string(&truth->issues, "kind", kind);
	gen_json_string(&truth->issues, "endpoint", endpoint);
	gen_json_string(&truth->issues, "severity", severity);
}

void gen_truth_fini(struct gen_truth *truth)
{
	gen_json_free(&truth->facts);
	gen_json_free(&truth->issues);
}
