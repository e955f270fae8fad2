// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// JSON writer: commas, indentation and escapes are its own business. Text is taken as UTF-8.

#include "tools/gen/gen_json.h"

#include <string.h>

static void json_text(struct gen_json *json, const char *text)
{
	gen_buffer_text(&json->out, "\"");
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '"' || c == '\\')
			gen_buffer_printf(&json->out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			gen_buffer_printf(&json->out, "\\u%04x", c);
		else
			gen_buffer_add(&json->out, p, 1);
	}
	gen_buffer_text(&json->out, "\"");
}

static void json_newline(struct gen_json *json)
{
	if (!json->indented)
		return;
	gen_buffer_text(&json->out, "\n");
	for (uint32_t i = 0; i < json->depth; i++)
		gen_buffer_text(&json->out, "  ");
}

// What stands before a value: the comma behind its elder, and its key.
static void json_lead(struct gen_json *json, const char *key)
{
	if (json->depth) {
		if (json->filled[json->depth - 1])
			gen_buffer_text(&json->out, ",");
		json->filled[json->depth - 1] = true;
		json_newline(json);
	}
	if (key) {
		json_text(json, key);
		gen_buffer_text(&json->out, json->indented ? ": " : ":");
	}
}

static void json_open(struct gen_json *json, const char *key, const char *opener, char closer)
{
	if (json->depth == GEN_JSON_DEPTH)
		gen_fatal("JSON nested deeper than %d", GEN_JSON_DEPTH);
	json_lead(json, key);
	gen_buffer_text(&json->out, opener);
	json->closer[json->depth] = closer;
	json->filled[json->depth] = false;
	json->depth++;
}

void gen_json_reset(struct gen_json *json)
{
	gen_buffer_reset(&json->out);
	json->depth = 0;
}

void gen_json_object(struct gen_json *json, const char *key)
{
	json_open(json, key, "{", '}');
}

void gen_json_array(struct gen_json *json, const char *key)
{
	json_open(json, key, "[", ']');
}

void gen_json_end(struct gen_json *json)
{
	if (!json->depth)
		gen_fatal("JSON closed more often than opened");
	json->depth--;
	if (json->filled[json->depth])
		json_newline(json);
	gen_buffer_add(&json->out, &json->closer[json->depth], 1);
}

void gen_json_string(struct gen_json *json, const char *key, const char *text)
{
	if (!text) {
		gen_json_null(json, key);
		return;
	}
	json_lead(json, key);
	json_text(json, text);
}

void gen_json_uint(struct gen_json *json, const char *key, uint64_t value)
{
	json_lead(json, key);
	gen_buffer_printf(&json->out, "%llu", (unsigned long long)value);
}

void gen_json_fixed(struct gen_json *json, const char *key, double value, int digits)
{
	json_lead(json, key);
	gen_buffer_printf(&json->out, "%.*f", digits, value);
}

void gen_json_bool(struct gen_json *json, const char *key, bool value)
{
	json_lead(json, key);
	gen_buffer_text(&json->out, value ? "true" : "false");
}

void gen_json_null(struct gen_json *json, const char *key)
{
	json_lead(json, key);
	gen_buffer_text(&json->out, "null");
}

void gen_json_free(struct gen_json *json)
{
	gen_buffer_free(&json->out);
}
