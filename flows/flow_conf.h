// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Options of the flow side, and the memory that they ask for.

#pragma once

#include "conf/conf.h"
#include "flows/flow_env.h"
#include "flows/tracker.h"

#include <stdint.h>

struct flow_plan {
	struct tracker_limits tracker; // of one worker
	struct flow_limits limits;
	uint32_t n_tx, n_capture, n_brief, n_head4k, n_head64k, n_body, n_gather, n_inflate,
		n_brotli; // of one worker
	uint32_t n_blocks[FLOW_PARSERS]; // of the parsers' pools
	uint32_t n_zstd;
	uint64_t bytes; // at most, of one worker, all pools together
};

// Divides what is configured for the sensor among n_workers. mbufs: of the whole sensor.
// whole_heads: keep message heads up to their limit (offline transaction log).
void flow_plan(const struct conf *conf, uint32_t n_workers, uint32_t mbufs, bool whole_heads,
	       struct flow_plan *plan);
// Reserves pools and scratch memory. 0 or -ENOMEM.
int flow_env_init(struct flow_env *env, const struct flow_plan *plan, uint64_t seed, bool hashes);
void flow_env_fini(struct flow_env *env);
