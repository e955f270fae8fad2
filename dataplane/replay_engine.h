// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Drives the shipped pipeline with packets that come with their own clock. One worker runs in
// the caller's thread; more run on their own lcores behind rings. Epochs end at instants that
// depend on the packets alone, and all workers stop there, so the result is the same for any
// number of workers.

#pragma once

#include "dataplane/sensor.h"

#include <rte_mempool.h>

#include <stdint.h>

struct replay_engine;

// Workers 1..n use lcores 1..n when n > 1. NULL with a sentence in why.
struct replay_engine *replay_engine_new(struct sensor *sensor, uint64_t seed, char *why,
					size_t why_len);
void replay_engine_free(struct replay_engine *engine);
// Takes one frame with pkt_of(m)->ts_ns set.
void replay_engine_packet(struct replay_engine *engine, struct rte_mbuf *m, uint32_t link_type,
			  uint32_t wire_len);
// A frame for which there was no buffer.
void replay_engine_lost(struct replay_engine *engine, uint32_t len);
// The capture ended: waits for the workers, closes all, merges. The engine is then as new.
void replay_engine_end(struct replay_engine *engine);
// Sum over the reader and all workers since the engine was made.
void replay_engine_fates(const struct replay_engine *engine, struct fates *sum);
