// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A part of a body whose text has a Content-Transfer-Encoding.

#pragma once

#include "flows/walker.h"

enum coded_how {
	CODED_NOT = 0, // 7bit, 8bit, binary, or none that is known
	CODED_BASE64,
	CODED_QUOTED,
};

enum coded_how coded_how(struct span encoding);

extern const struct walker coded_base64_walker, coded_quoted_walker;
