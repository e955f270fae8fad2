// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a GraphQL request asks the server to do, in numbers: how deep its selections are nested, how
// many of its fields have an alias (one field is computed once for each), and how many operations
// come in one request (GraphQL specification October 2021, sections 2.5, 2.7). Counted in what is
// kept of the body, so each number is a least; fragments are not followed. Pure; linear in the bytes.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct graphql_cost {
	uint32_t depth, aliases, operations;
};

// A body of JSON, {"query": "…"} or a list of these, or a document as it is.
struct graphql_cost graphql_cost(struct span body, bool json);
