// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a single request shows to be far more work for the server than for its sender: bombs, depth,
// floods of HTTP/2 frames, and GraphQL (graphql.h) beyond limits. One finding per caller and kind.
// Common traffic pays a test of two words and a byte.

#pragma once

#include <stdint.h>

struct detect_worker;
struct detector;
struct exchange;
struct issue_draft;
struct merged_endpoint;
struct merged_principal;

struct costly_limits {
	uint32_t depth, aliases, batch; // of GraphQL
};

// Worker.
void costly_exchange(const struct detector *self, const struct costly_limits *limits,
		     struct detect_worker *w, const struct exchange *x);
// Merger: the texts of such a finding.
void costly_describe(const struct merged_endpoint *endpoint, const struct merged_principal *principal,
		     struct issue_draft *draft);
