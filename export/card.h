// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// An issue as text for people. No byte that was captured reaches the terminal as it is unless it
// is a character that can be seen.

#pragma once

#include "detect/issue.h"

#include <stdbool.h>
#include <stdio.h>

struct Apitap__Record;

// Writes the record's issue, if it holds one, and an empty line.
void card_print(FILE *out, const struct Apitap__Record *record);
// The same for an issue that was never packed. False: no memory.
bool card_from_issue(FILE *out, const struct issue *issue, const char *sensor, uint64_t seq);
