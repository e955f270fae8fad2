// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Can the session ids that a server gives out be guessed? The worker reads each once and keeps
// what is judged by, never the id: how long it is, of which characters, and the number that it ends
// with, moved by a secret that belongs to what stands around it. So two numbers of one series have
// their distance, and neither shows itself.
//
//	Set-Cookie: sid=node1-004711; HttpOnly
//	                ^^^^^^ rest: a hash    ^ number + secret of (rest)
//
// Which cookies are sessions: those of principal.cookies, those that sign-ins were seen to set, and
// at a sign-in those with such a name. What the client had already is no new one.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;
struct principal;

enum {
	SESSION_ID_NAME = 23,  // bytes of a cookie's name that are shown
	SESSION_IDS_SET = 4,   // of one response that are read
	SESSION_IDS_SEEN = 16, // ids that are told apart
	SESSION_IDS_ROUND = 1024, // then all is judged anew
};

enum session_chars {
	CHARS_DIGIT = 1,
	CHARS_HEX = 2, // a to f in one case
	CHARS_LOWER = 4,
	CHARS_UPPER = 8,
	CHARS_OTHER = 16,
};

struct session_id {
	uint64_t cookie; // hash of the name
	uint64_t whole;  // keyed hash of the id
	uint64_t rest;   // keyed hash of what stands around the number; 0: no number
	uint64_t number;
	uint32_t len;
	uint8_t chars; // enum session_chars
	uint8_t name_len;
	uint8_t name[SESSION_ID_NAME + 1];
};

// Worker. Of the response of an exchange that has ended; how many were written to out.
uint32_t session_ids_read(const struct exchange *x, const struct principal *p,
			  struct session_id out[SESSION_IDS_SET]);
void session_id_read(struct session_id *out, struct span name, struct span value, uint64_t salt);

// What a cookie's ids have shown. Zeroed bytes are none.
struct session_ids {
	uint64_t whole[SESSION_IDS_SEEN], rest[SESSION_IDS_SEEN], number[SESSION_IDS_SEEN];
	uint32_t ids;  // different ones
	uint32_t next; // of them a little above one of the last
	uint32_t longest, shortest;
	uint64_t step_sum;
	uint8_t chars, at;
	uint8_t name_len;
	uint8_t name[SESSION_ID_NAME + 1];
};

// Pure functions. False: this id is one of the last again.
bool session_ids_add(struct session_ids *s, const struct session_id *id, uint64_t step);
// Bits that an id has at most: as if each character was drawn.
double session_ids_bits(const struct session_ids *s);
