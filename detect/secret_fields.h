// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Secrets by the names they go by, where no form or check digit shows them.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

// A value in a body: [from, to).
struct secret_field {
	uint32_t from, to;
};

// Does the name of a header or parameter say that its value is a secret?
bool secret_name(struct span name);
// The values of JSON members and form parameters with such names in the beginning of a body. When
// there are more than room, *searched becomes where the first of them is that was left out.
uint32_t secret_fields(struct span body, struct secret_field *fields, uint32_t room,
		       uint32_t *searched);
