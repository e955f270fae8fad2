// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The ground truth beside a capture: what was sent, counted as it was sent, and what a sensor
// is expected to say about it.

#pragma once

#include "tools/gen/gen_json.h"
#include "tools/gen/gen_values.h"

#include <stdbool.h>
#include <stdint.h>

enum { GEN_TRUTH_ENDPOINTS = 32 };

struct gen_truth_endpoint {
	const char *name; // "GET /api/v1/customers/{id}"
	uint64_t calls, without_credentials, errors;
	uint64_t values[GEN_VALUES];
};

struct gen_truth {
	struct gen_truth_endpoint endpoint[GEN_TRUTH_ENDPOINTS];
	uint32_t n_endpoints;
	uint64_t calls, connections;
	struct gen_json facts;  // members that the scenario adds
	struct gen_json issues; // array of expected issues
};

void gen_truth_init(struct gen_truth *truth);
// Counts an exchange. values may be NULL: none.
void gen_truth_call(struct gen_truth *truth, const char *endpoint, bool credentials,
		    uint32_t status, const uint32_t values[GEN_VALUES]);
// Opens an expected issue of this kind; the caller may add members to truth->issues and closes
// it with gen_json_end().
void gen_truth_issue(struct gen_truth *truth, const char *kind, const char *endpoint,
		     const char *severity);
void gen_truth_fini(struct gen_truth *truth);
