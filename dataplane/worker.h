// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A worker lcore: polls its queues and rings, decodes, hands packets to the worker that owns
// their flow, and runs the pipeline on its own. No locks, no malloc, no system calls.

#pragma once

#include "dataplane/fate.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	WORKER_MAX = 64,
	WORKER_BURST = 32,
	WORKER_QUEUES = 32,
	HANDOFF_RING = 512,
	TICK_NS = 10 * 1000 * 1000,
};

struct checksum;
struct frag;

// What a worker runs; set by the composition root, which knows flows and detection.
struct pipeline {
	void *ctx;
	// TCP packets of this worker's flows; takes the mbufs.
	void (*burst)(void *ctx, struct rte_mbuf **pkts, uint32_t n, struct fates *fates);
	void (*tick)(void *ctx, uint64_t now_ns, struct fates *fates);
	void (*poll)(void *ctx); // epoch flips; often, cheap
};

struct worker_queue {
	uint16_t port, queue;
	bool trust_nic; // the NIC put both directions of every flow into this queue
	struct checksum *check; // of the port, this worker's part
};

// TSC to time since 1970; the control thread corrects the offset once a second.
struct worker_clock {
	uint64_t tsc_hz;
	uint64_t base_tsc;
	_Atomic uint64_t base_ns; // control: rw, workers: ro
};

struct worker {
	uint32_t index;
	uint32_t n_workers;
	unsigned lcore;
	uint64_t seed;
	struct pipeline pipe;
	struct frag *frag;
	const struct worker_clock *clock;
	const _Atomic bool *stop;             // control: rw, workers: ro
	bool rss; // owners are those that a NIC's table names, else those of a keyed hash
	struct worker_queue queues[WORKER_QUEUES];
	uint32_t n_queues;
	struct rte_ring *in[WORKER_MAX];      // by sender; NULL: none. Single producer, consumer
	struct rte_ring *out[WORKER_MAX];     // by owner

	alignas(64) struct fates fates;       // worker: rw, control: ro
	uint64_t turns, idle_turns;           // of the poll loop
	uint64_t busy_tsc;                    // cycles in turns that had packets
	uint64_t handoffs, handoff_full;
	_Atomic uint64_t heartbeat;           // turns, for the watchdog

	struct {
		struct rte_mbuf *pkts[WORKER_BURST * 2];
		uint32_t n;
	} staged[WORKER_MAX]; // packets on their way to other workers, flushed once per burst
};

uint64_t worker_now_ns(const struct worker_clock *clock);
// The loop; returns when *stop is set. For rte_eal_remote_launch.
int worker_run(void *worker);
