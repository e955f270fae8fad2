// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Writes JSON into a buffer: bodies of the generated traffic (one line) and the truth files
// (indented). A key of NULL means "an element of an array" or the outermost value.

#pragma once

#include "tools/gen/gen_buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum { GEN_JSON_DEPTH = 16 };

struct gen_json {
	struct gen_buffer out;
	bool indented;
	uint32_t depth;
	char closer[GEN_JSON_DEPTH];
	bool filled[GEN_JSON_DEPTH];
};

// Empties the document, keeps the memory and the style.
void gen_json_reset(struct gen_json *json);
void gen_json_object(struct gen_json *json, const char *key);
void gen_json_array(struct gen_json *json, const char *key);
// Closes the innermost object or array.
void gen_json_end(struct gen_json *json);
// A NULL text is written as null.
void gen_json_string(struct gen_json *json, const char *key, const char *text);
void gen_json_uint(struct gen_json *json, const char *key, uint64_t value);
// With so many digits behind the point.
void gen_json_fixed(struct gen_json *json, const char *key, double value, int digits);
void gen_json_bool(struct gen_json *json, const char *key, bool value);
void gen_json_null(struct gen_json *json, const char *key);
void gen_json_free(struct gen_json *json);
