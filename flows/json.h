// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Resumable walk over JSON text (RFC 8259): a value event per string, number and literal name, and for
// those who ask a member event per member of an object that is a container.

#pragma once

#include "flows/walk.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	JSON_DEPTH = 64, // containers inside each other, at most
	JSON_PATH = 255, // bytes of the path text
	JSON_BEGINS = 3,   // bytes of a container that are shown with its name
	JSON_NUMBER = 128, // bytes of a number that is one token; longer ones are text
};

enum json_state {
	JSON_VALUE = 0,     // a value; at depth 0 also the end
	JSON_FIRST_ELEMENT, // a value or ]
	JSON_FIRST_KEY,     // a key or }
	JSON_KEY,           // a key
	JSON_COLON,         // : after a key
	JSON_NEXT,          // , or the end of the container
	JSON_LONG_KEY,      // inside a token that began before the window
	JSON_LONG_STRING,
	JSON_LONG_NUMBER,
	JSON_ERROR, // for good
	JSON_TOO_DEEP,
};

// What is known of an open container; 0 is the top of the document.
struct json_level {
	bool object;
	uint8_t path_len; // of the path text
	uint8_t name_at;  // where in it the nearest key stands: key of elements
	uint8_t name_len;
};

struct json {
	uint8_t state; // enum json_state
	uint8_t depth;
	uint8_t max_depth;
	uint8_t key_len;           // of key
	bool backslash;            // LONG_*: the window before ended behind a backslash
	uint64_t key_hash;         // of key
	uint8_t key[WALK_KEY + 8]; // pending key that the window no longer holds, or a decoded one
	uint64_t path_hash[JSON_DEPTH + 1];
	struct json_level level[JSON_DEPTH + 1];
	uint8_t path[JSON_PATH + 9]; // text, read eight bytes at a time
};

void json_begin(struct json *json, uint64_t seed, uint32_t max_depth);
// Returns the first byte that the next window must repeat (within WINDOW_TAIL of the end), or,
// when json_failed(), the byte from which on the body is not JSON.
const uint8_t *json_walk(struct json *json, const struct walk *w);

static inline bool json_failed(const struct json *json)
{
	return json->state >= JSON_ERROR;
}

// No value is open: a body may end here.
static inline bool json_whole(const struct json *json)
{
	return json->state == JSON_VALUE && json->depth == 0;
}
