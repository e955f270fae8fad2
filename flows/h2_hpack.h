// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Header compression of HTTP/2 (RFC 7541) as an onlooker must read it. Decoding is nghttp2's; what
// is here is memory within a bound, and what to do when header blocks were not seen.
//
// A decoder that missed a block is silently wrong: entries are named by their distance from the
// newest one. So after a hole it is thrown away and the next one begins full of placeholders of the
// smallest possible size, named "?". Both tables then hold the same new entries, and this one at
// least as many old ones, so a field is either right or known to be unknown.
//
// One of these per direction, owned by the worker of the connection.

#pragma once

#include "flows/flow_env.h"
#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	HPACK_HOME = 22 << 10, // bytes lent by the connection: enough for a table that is full
	HPACK_EXTRA = 6,       // further blocks at most
	HPACK_BLOCK = 64 << 10,
	HPACK_CLASSES = 48, // sizes that are handed out
	HPACK_TABLE = 4096, // bytes of the dynamic table unless its sender says more
	HPACK_TABLE_MAX = 64 << 10,
	HPACK_RETRIES = 4, // new decoders after errors, between two holes
};

struct hpack_arena {
	struct flow_env *env;
	uint8_t *home;
	uint8_t *at, *end;         // what was never handed out of the present block
	void *extra[HPACK_EXTRA];  // of the parser's pool
	void *free[HPACK_CLASSES]; // lists of what came back
	uint32_t n_extra;
};

struct hpack {
	struct hpack_arena arena;
	struct nghttp2_hd_inflater *inflater; // in the arena; NULL: none yet
	uint32_t table;                       // bytes of the table to be filled with placeholders
	uint8_t retries;
	bool missed; // blocks that went before were not seen
	bool primed; // the decoder began with placeholders
	bool broken; // the rest of this block cannot be decoded
	bool lost;   // … nor any later one
};

enum hpack_result {
	HPACK_GOOD = 0,
	HPACK_BAD, // the bytes are no header block
	HPACK_MEMORY,
	HPACK_UNKNOWN, // refers to what was not seen
};

// A field; unknown: it refers to what was not seen, name and value say nothing. Spans die when it
// returns.
typedef void (*hpack_field)(void *arg, struct span name, struct span value, bool unknown);

// home: HPACK_HOME bytes, aligned to 16. missed: the connection did not begin here.
void hpack_open(struct hpack *h, struct flow_env *env, uint8_t *home, bool missed);
void hpack_close(struct hpack *h);
// Blocks were lost, or the present one will not be seen to its end.
void hpack_missed(struct hpack *h);
// The next bytes of a block; last: it ends with them. Anything but GOOD: the rest of the block is
// not decoded, and what came before it is not all.
enum hpack_result hpack_decode(struct hpack *h, struct span in, bool last, hpack_field field,
			       void *arg);
