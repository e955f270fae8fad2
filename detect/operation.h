// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a request asks for where one path serves everything: the operation of GraphQL, the method of
// JSON-RPC, the action of SOAP. Pure functions over what is kept of a request.

#pragma once

#include "flows/http_tx.h"

enum {
	OPERATION_NAME = 64, // bytes of one; a longer one is no name
};

// Its name, within the kept head or body, or a word for one without a name; len == 0: it is none of
// these, or the name was not seen.
struct span operation_name(const struct http_tx *tx, struct span query);
// What kind of operation that is, of a request whose operation has a name: enum call_api.
uint8_t operation_api(const struct http_tx *tx);
