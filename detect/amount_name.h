// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which names of parameters say how much is asked for: "limit", "page_size", "query.perPage".

#pragma once

#include <stdbool.h>

// Of the last name of "query.page_size" or "$.page.perPage", whatever its signs and case. NULL is no
// name.
bool amount_name(const char *name);
