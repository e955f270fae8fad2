// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How a parser hands its connection over to another one. There is one of these per worker, empty
// whenever no parser runs.

#pragma once

#include "flows/http_tx.h"
#include "flows/span.h"

#include <stdbool.h>

struct parser;

// Set by data(), which then returns true. The framework closes the parser and opens the next one.
struct handover {
	bool set;
	const struct parser *next; // NULL: the bytes that follow are looked at as those of a new
				   // connection (behind CONNECT)
	struct span rest;          // of the piece: the first bytes that are for the next one
	// The exchange that asked for it, not yet ended. The next parser may read it in open(), or
	// keep it by setting this to NULL; else it is ended after open().
	struct http_tx *tx;
};
