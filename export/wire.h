// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Bytes of the schema issue.proto. An issue is packed once, when it is taken; its sequence
// number is stamped in front of it later, when it is written. That is allowed because two packed
// messages put one after the other are the packed merge of both. No state, any thread.

#pragma once

#include "detect/issue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WIRE_HEADROOM = 128,          // room for the stamp: sensor, epoch, seq, durable
	WIRE_MAX_SENSOR = 63,         // bytes of a sensor's name
	WIRE_MAX_RECORD = 768 * 1024, // no record is longer, stamp included
	WIRE_MAX_REPLY = 1024 * 1024, // no replay reply is longer
	WIRE_MAX_REPLY_RECORDS = 256,
	WIRE_MAX_REQUEST = 4096, // longer replay requests are refused unread
};

// A packed issue or heartbeat, waiting for its stamp. Owned by whoever holds it; free() it.
struct wire_record {
	struct wire_record *next; // for the holder's list
	uint64_t seq;             // for the holder
	uint32_t head_len;        // of the stamp, 0 before wire_stamp
	uint32_t body_len;
	uint8_t bytes[]; // WIRE_HEADROOM, then the body
};

struct wire_stamp {
	const char *sensor; // printable ASCII, WIRE_MAX_SENSOR bytes at most
	uint64_t epoch, seq;
	bool durable;
};

struct wire_heartbeat {
	uint64_t time_ns, head_seq, durable_seq, oldest_seq;
	uint64_t issues, published, not_durable, queue_dropped, segments_dropped;
	bool spool_failing, goodbye;
	const char *version;
};

struct wire_request {
	uint64_t from_seq;
	uint32_t max;
};

struct wire_reply {
	uint64_t oldest_seq, head_seq, epoch;
	const char *error; // NULL: none
	struct span records[WIRE_MAX_REPLY_RECORDS];
	uint32_t n_records;
};

// Packs a copy of the issue. Over-long captures are cut, never refused. NULL: no memory.
struct wire_record *wire_issue(const struct issue *issue);
struct wire_record *wire_heartbeat(const struct wire_heartbeat *heartbeat);
// Writes the stamp (again) and gives the whole record, borrowed from record.
struct span wire_stamp(struct wire_record *record, const struct wire_stamp *stamp);

// False when the bytes are not a request.
bool wire_request_unpack(struct span bytes, struct wire_request *out);
// Gives the number of bytes written to out, which holds at least 32.
size_t wire_request_pack(const struct wire_request *request, uint8_t *out);
size_t wire_reply_size(const struct wire_reply *reply);
// Writes wire_reply_size() bytes.
void wire_reply_pack(const struct wire_reply *reply, uint8_t *out);

// Length of the UTF-8 sequence at p (len > 0) and its code point; 0 when it is not valid there:
// overlong, surrogate, above U+10FFFF, cut short (RFC 3629 section 4).
uint32_t wire_utf8(const uint8_t *p, size_t len, uint32_t *code);
