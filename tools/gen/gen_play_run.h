// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Plays a scenario: all users and attackers at once, in the order of time.

#pragma once

#include "tools/gen/gen_play_truth.h"

// Writes the capture and the truth. Returns the number of exchanges.
uint64_t play_run(struct play_scenario *scenario, const char *out, const char *truth);
