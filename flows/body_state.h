// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to bodies: the state of one. body.c decodes and shows it, body_view.c stands between the
// two where what is shown is not what was decoded (view.h).

#pragma once

#include "flows/body.h"
#include "flows/media.h"
#include "flows/view.h"
#include "flows/walker.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <rte_branch_prediction.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

enum body_coding {
	CODING_PLAIN = 0, // nothing to decode
	CODING_ACTIVE,
	CODING_FOREIGN, // a name that no receiver knows: the body is taken as it came
	CODING_UNKNOWN, // one that is not decoded here
	CODING_STOPPED, // damaged, lost or not affordable: the rest is skipped
	CODING_BOMB,    // the rest is over the limit
};

enum {
	BODY_STAGES = 3,                               // codings on top of each other
	BODY_LAYERS = 2,                               // … that somebody may have a reason for
	BODY_PIECE = WINDOW_BYTES / (BODY_STAGES - 1), // between two of them
	BODY_RATIO_FROM = 64 << 10,                    // decoded bytes before the ratio counts
	BODY_GATHER = 8 << 10,                         // bytes gathered before they are searched
};

struct body {
	struct http_tx *tx;
	struct http_msg *msg;
	uint64_t off;     // of the next decoded byte, holes included
	uint64_t scanned; // bytes of the scan limit used up
	uint8_t dir;      // enum dir
	uint8_t kind;     // enum media_kind: WALKED, TEXT, BINARY, or SNIFF before it is known
	uint8_t coding;   // enum body_coding
	uint8_t n_stages;
	uint8_t format[BODY_STAGES]; // enum decoder_format, in order of decoding
	bool silent;                 // nobody listens
	bool over;                   // past the scan limit
	bool gap;
	bool damaged; // no hash
	uint16_t tail_len;
	uint16_t held;               // last bytes of tail that no window has shown yet
	uint16_t gathered;           // bytes at the fresh part of its own window
	uint8_t *own;                // a window of BODY_GATHER bytes; NULL: none
	struct media media;          // as announced
	const struct walker *walker; // kind WALKED: how
	void *stage[BODY_STAGES];    // decoders; NULL before the first byte
	struct view view;
	struct sha256_ctx sha256;
	uint8_t tail[WINDOW_TAIL];
	alignas(WALKER_ALIGN) uint8_t walk[WALKER_STATE];
};

static_assert(sizeof(struct body) <= 2368, "bodies are many: keep them small");

// ---- body.c

void body_walk_begin(const struct flow_env *env, struct body *body, const struct walker *walker);
// n <= WINDOW_BYTES bytes in the form in which the body is shown.
void body_shown(struct flow_env *env, struct body *body, const uint8_t *p, uint32_t n);
// No further byte will be looked at. complete: because there is none.
void body_scan_end(struct flow_env *env, struct body *body, bool complete);
void body_coding_error(struct flow_env *env, struct body *body);
void body_coding_unknown(struct flow_env *env, struct body *body);
void body_bomb(struct flow_env *env, struct body *body);

// ---- body_view.c

// Decoded bytes of a body whose view is not VIEW_NONE. They may lie where windows begin.
void body_view(struct flow_env *env, struct body *body, struct span in);
// Bytes that waited for more of them are shown; nothing comes behind them.
void body_view_end(struct flow_env *env, struct body *body);
// Nothing more of the body can be shown.
void body_view_lost(struct flow_env *env, struct body *body);
