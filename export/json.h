// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// An issue as one JSON object on one line, always valid JSON in valid UTF-8 whatever was
// captured. The keys and their order are part of the product: add at the end, never rename.

#pragma once

#include "detect/issue.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct Apitap__Record;

// Writes the record's issue and a newline. False, and nothing written, when it holds none.
bool json_issue(FILE *out, const struct Apitap__Record *record);
// The same for an issue that was never packed. False: no memory.
bool json_from_issue(FILE *out, const struct issue *issue, const char *sensor, uint64_t epoch,
		     uint64_t seq);

// Writes a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD; control
// characters, line and paragraph separators and those that turn the direction of text are escaped.
void json_string(FILE *out, const void *bytes, size_t len);
// RFC 3339, UTC, microseconds: "2024-05-01T08:36:00.123456Z". 32 bytes are enough.
void json_time(char out[32], uint64_t ns);

// The words of the schema's enums; "Unknown" for a value this version does not know.
const char *json_severity(int value);
const char *json_status(int value);
const char *json_result(int value);
const char *json_activity(int value);
const char *json_user_kind(int value);
const char *json_direction(int value);

// May this character be shown to people as it is? Not: controls, separators, direction marks,
// invisible characters.
bool json_shown(uint32_t code);
