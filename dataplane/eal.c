// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "dataplane/eal.h"

#include "dataplane/pkt.h"

#include <dirent.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>

enum { EAL_ARGS = 128, EAL_CACHE = 256 };

uint32_t eal_memory_mb(uint32_t n_mbufs)
{
	return n_mbufs / 250 + 64;
}

uint64_t eal_hugepages_free(void)
{
	static const char *const dir = "/sys/kernel/mm/hugepages";
	uint64_t bytes = 0;
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		unsigned long kib, pages = 0;
		char path[512];
		FILE *f;

		if (sscanf(entry->d_name, "hugepages-%lukB", &kib) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir, entry->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%lu", &pages) == 1)
			bytes += (uint64_t)pages * kib * 1024;
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	return bytes;
}

int eal_start(const struct eal_plan *plan, char *why, size_t why_len)
{
	// The EAL keeps pointers to the strings, so they stay; it reorders and overwrites its argv.
	static char *argv[EAL_ARGS], *eal_argv[EAL_ARGS];
	char memory[32];
	int argc = 0;

	if (plan->n_extra + 2 * (int)plan->n_devices + 16 > EAL_ARGS) {
		snprintf(why, why_len, "more than %d EAL arguments", EAL_ARGS);
		return -1;
	}
	argv[argc++] = strdup("apitap");
	argv[argc++] = strdup("--lcores");
	argv[argc++] = strdup(plan->lcores);
	if (!plan->huge) {
		snprintf(memory, sizeof(memory), "%u", plan->memory_mb);
		argv[argc++] = strdup("--no-huge");
		argv[argc++] = strdup("-m");
		argv[argc++] = strdup(memory);
		argv[argc++] = strdup("--no-shconf");
	} else {
		argv[argc++] = strdup("--in-memory"); // leaves no files of hugepages behind
	}
	if (plan->quiet) {
		argv[argc++] = strdup("--no-pci");
		argv[argc++] = strdup("--no-telemetry");
		argv[argc++] = strdup("--log-level=error");
	}
	bool pci = false;
	for (uint32_t i = 0; i < plan->n_devices; i++) {
		bool virtual = strncmp(plan->devices[i], "net_", 4) == 0;

		pci |= !virtual;
		argv[argc++] = strdup(virtual ? "--vdev" : "--allow");
		argv[argc++] = strdup(plan->devices[i]);
	}
	if (!plan->quiet && !pci)
		argv[argc++] = strdup("--no-pci");
	for (int i = 0; i < plan->n_extra; i++)
		argv[argc++] = plan->extra[i];
	argv[argc] = NULL;
	memcpy(eal_argv, argv, sizeof(argv));
	if (rte_eal_init(argc, eal_argv) < 0) {
		snprintf(why, why_len, "DPDK did not start: %s%s", rte_strerror(rte_errno),
			 plan->huge ? "; check the hugepages, or start with --no-huge after --" : "");
		return -1;
	}
	return 0;
}

struct rte_mempool *eal_pool(const char *name, uint32_t n, int socket)
{
	return rte_pktmbuf_pool_create(name, n, EAL_CACHE, PKT_PRIV_SIZE,
				       RTE_PKTMBUF_HEADROOM + 2048, socket);
}
