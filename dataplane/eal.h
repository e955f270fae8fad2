// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Starting DPDK's environment abstraction layer with arguments made from the configuration.

#pragma once

#include <rte_mempool.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eal_plan {
	const char *lcores;       // for --lcores
	const char *const *devices; // "0000:3b:00.0" or "net_af_packet0,iface=eth1"
	uint32_t n_devices;
	uint32_t memory_mb;       // without hugepages
	bool huge;                // use hugepages
	bool quiet;               // offline: no telemetry socket, only errors
	char **extra;             // everything behind "--"
	int n_extra;
};

// MiB to ask for so that a pool of n packet buffers fits: without hugepages each takes a page of
// its own, since no buffer may cross a border between pages.
uint32_t eal_memory_mb(uint32_t n_mbufs);
// Hugepages that could be used now, in bytes.
uint64_t eal_hugepages_free(void);
// Calls rte_eal_init. 0, or -1 with a sentence in why. Once per process.
int eal_start(const struct eal_plan *plan, char *why, size_t why_len);
// Packet buffers with room for struct pkt.
struct rte_mempool *eal_pool(const char *name, uint32_t n, int socket);
