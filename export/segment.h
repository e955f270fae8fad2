// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One file of the spool: its bytes, how they are written and how they are read back when any of
// them may be wrong. Knows nothing of the directory it lies in. No state of its own.
//
//   header, twice:  magic 8 | version 4 | header_bytes 4 | epoch 8 | first_seq 8 | salt 8 |
//                   crc32 4 (over the 40 bytes before) | zero 4
//   record:         length 4 | crc32 4 | epoch 8 | seq 8 | bytes[length]
//
// All numbers are little-endian. A record's CRC covers length, epoch, seq and bytes and starts
// from the segment's random salt: bytes captured from traffic cannot pose as a record, not even
// when damage makes the reader search for the next record at every byte.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SEGMENT_VERSION = 1,
	SEGMENT_HEADER = 96, // both copies; records begin here
	SEGMENT_RECORD = 24, // of a record before its bytes
	SEGMENT_MAX_RECORD = 768 * 1024,
	SEGMENT_VIEW = 1024 * 1024, // read at once
};

struct segment_info {
	uint64_t epoch, first_seq, salt;
};

struct segment_record {
	uint64_t epoch, seq;
	struct span bytes; // borrowed until the next call on the cursor
};

struct segment_cursor {
	int fd;
	struct segment_info info;
	uint64_t off;        // of the next record
	uint64_t last_seq;   // delivered; the next must be greater
	uint64_t damaged;    // bytes jumped over to find the next whole record
	bool header_damaged; // one of the two copies
	uint8_t *view;       // owned, SEGMENT_VIEW bytes
	uint64_t view_off;
	uint32_t view_len;
};

// Creates a new file with both headers. Gives a descriptor to write with, or negative errno.
int segment_create(int dir_fd, const char *name, const struct segment_info *info);
// Appends one record at *size and moves *size. Negative errno when it could not be written whole;
// what was written of it has been cut off again, unless cutting failed too.
int segment_append(int fd, const struct segment_info *info, uint64_t *size, uint64_t seq,
		   struct span bytes);

// 0; -EBADMSG: not a readable segment; -ENOTSUP: of another version; or negative errno.
int segment_open(struct segment_cursor *cursor, int dir_fd, const char *name);
// 1: the next whole record; 0: none (yet), cursor->off stays after the last; negative errno.
int segment_next(struct segment_cursor *cursor, struct segment_record *out);
// Puts the cursor back in front of the record just delivered.
void segment_unread(struct segment_cursor *cursor, const struct segment_record *record,
		    uint64_t last_seq);
uint64_t segment_size(const struct segment_cursor *cursor);
void segment_close(struct segment_cursor *cursor);
