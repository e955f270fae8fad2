// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which endpoint a request is for: host, method and path template. The template comes from the
// looks of each path segment, and from the table of what was learnt or pinned (template.h), which
// is the same on every worker of an epoch.

#pragma once

#include "detect/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum segment_class {
	SEGMENT_WORD = 0, // names something: stays in the template
	SEGMENT_ID,
	SEGMENT_UUID,
	SEGMENT_HEX,
	SEGMENT_DATE,
	SEGMENT_EMAIL,
	SEGMENT_TOKEN,
};

enum {
	ENDPOINT_DEPTH = 16,    // segments that are looked at
	ENDPOINT_SEGMENT = 256, // bytes of one; a longer one is no word
	ENDPOINT_HOST = 255,
	ENDPOINT_METHOD = 32,
};

struct merged_endpoint;
struct template_table;

// What a percent-decoded segment looks like.
enum segment_class endpoint_segment(struct span segment);
// 8-4-4-4-12 digits of base 16.
bool endpoint_is_uuid(struct span segment);
// "{id}"; "" for words.
const char *endpoint_segment_name(enum segment_class class);

// Takes the next segment that is not empty off *path. False: none is left.
bool endpoint_next(struct span *path, struct span *segment);

// Splits the request target and the Host header into x->host, x->path and x->query.
void endpoint_split(struct exchange *x);
// Sets x->template and x->endpoint, after endpoint_split(). hidden: a bit for each segment that
// must not be shown because a sensitive value was found in it.
// table: NULL: nothing but looks.
void endpoint_identify(struct exchange *x, uint64_t seed, uint32_t hidden,
		       const struct template_table *table);
// Adds "#name" when the request names an operation of GraphQL, JSON-RPC or SOAP. Its body must have
// ended.
void endpoint_operation(struct exchange *x, uint64_t seed);
// Is this where people sign in or up, or tokens are handed out?
bool endpoint_is_login(struct span path);
// The host in lower case, or the server's address when the request names none. Returns its length.
uint32_t endpoint_host(const struct exchange *x, uint8_t out[ENDPOINT_HOST + 1]);
// An address of struct conn_meta as text.
void endpoint_address(const uint8_t addr[16], char out[48]);

// "GET api.example.com/users/{id}" for a sentence; endpoint may be NULL.
const char *endpoint_text(const struct merged_endpoint *endpoint, char *out, size_t size);
