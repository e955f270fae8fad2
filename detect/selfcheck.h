// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which types can tell their values from numbers that only look like them.

#pragma once

#include "detect/ruleset.h"

// Fills the sets of types with a check digit, and of those among them that any number may pass by
// luck. Control thread, when the ruleset is complete but for
// that; takes some milliseconds. False: no memory.
bool selfcheck(const struct ruleset *rules, uint64_t checked[DATATYPE_WORDS],
	       uint64_t lucky[DATATYPE_WORDS]);
