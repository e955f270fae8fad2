// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// An issue as text for people. No byte that was captured reaches the terminal as it is unless it
// is a character that can be seen.

#pragma once

#include "export/issue.pb-c.h"

#include <stdio.h>

// Writes the record's issue, if it holds one, and an empty line.
void card_print(FILE *out, const Apitap__Record *record);
