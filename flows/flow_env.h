// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What one worker lends to the flow side: pools, limits, scratch memory, counters, the sink.
// Exactly one per worker; nothing in it is shared.

#pragma once

#include "dataplane/pool.h"
#include "flows/event.h"
#include "flows/flow_stats.h"
#include "flows/handover.h"
#include "flows/span.h"
#include "flows/stage.h"
#include "flows/trace.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	WINDOW_TAIL = 256,       // bytes of a body carried from one window into the next
	WINDOW_BYTES = 32 << 10, // fresh bytes in a window at most
	WINDOW_PAD = 64,         // readable bytes behind a window
	FLOW_PARSERS = 8,        // kinds of parsers at most
	HTTP_BRIEF_BYTES = 2048, // of a head that does not ask for a capture block at once
};

struct tls_keys;
struct decoder_lease;

struct flow_limits {
	uint32_t head_bytes;        // of one message head
	uint32_t headers;           // kept and looked at in one head
	uint32_t pipeline;          // requests pending on one connection
	uint64_t scan_bytes;        // of one body; 0: all
	uint64_t inflate_bytes;     // decoded bytes of one coded body
	uint32_t inflate_ratio;     // decoded : coded, beyond 64 KiB
	uint32_t json_depth;
	uint32_t capture_head;      // bytes of a head that are kept
	uint32_t capture_body;      // bytes of a body that are kept
};

struct flow_env {
	struct event_sink sink;
	struct handover hand;
	struct flow_limits limits;
	bool hashes; // compute SHA-256 of complete bodies
	const struct tls_keys *keys; // secrets for decryption; NULL: none. Borrowed
	uint64_t seed;

	struct pool tx;       // struct http_tx
	struct pool capture;  // 2 * (capture_head + capture_body + 64)
	struct pool brief;    // heads of requests that wait in HTTP/2: HTTP_BRIEF_BYTES and padding
	struct pool head4k;   // heads that cross segments, first 4 KiB
	struct pool head64k;  // … and longer ones: limits.head_bytes
	struct pool body;     // struct body
	struct pool gather;   // windows of bodies that come in pieces; may be empty
	struct pool inflate;  // struct inflate_ctx
	struct pool brotli;   // struct brotli_ctx
	struct pool blocks[FLOW_PARSERS]; // of parsers whose state is large, in their order
	struct pool zstd;     // struct zstd_stream
	struct decoder_lease *leases; // of all decoders (decoder.h); NULL: who has one keeps it
	uint8_t *window;      // WINDOW_TAIL + WINDOW_BYTES + WINDOW_PAD
	uint8_t *inflate_out; // WINDOW_BYTES

	const struct flow_trace *trace; // NULL in service

	struct flow_stats stats;
	struct stage_clock stages;
};
