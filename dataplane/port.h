// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Receive-only ports: one row of "ports" each.

#pragma once

#include "conf/conf.h"
#include "dataplane/worker.h"

#include <rte_mempool.h>

#include <stdio.h>

struct port_options {
	const char *name;   // for people
	const char *device; // PCI address or net_…
	uint32_t shard;     // enum port_shard
	uint32_t descriptors;
	bool promiscuous;
};

enum port_shard {
	SHARD_AUTO = 0,
	SHARD_NIC,
	SHARD_SOFTWARE,
};

struct port {
	const struct port_options *options;
	uint16_t id;
	uint16_t n_rx, n_tx;
	bool nic; // symmetric RSS by the NIC spreads flows over the queues
	char note[160]; // what was chosen and why
};

extern const struct conf_section port_section;

// Sets the device up and starts it; spreads its queues over the workers (queue i to worker
// i modulo n). 0, or -1 with a sentence in why.
int port_start(struct port *port, const struct port_options *options, struct worker *workers,
	       uint32_t n_workers, struct rte_mempool *pool, char *why, size_t why_len);
void port_stop(struct port *port);
// testpmd's way of showing what a port counted. Returns packets it has sent (must be 0).
uint64_t port_print(const struct port *port, FILE *out);
