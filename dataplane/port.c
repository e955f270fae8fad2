// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Nothing is ever sent: no TX queue is configured where the driver allows that, and no code here
// or elsewhere calls the burst transmit function. RSS is symmetric (the 0x6d5a key, periodic in 16 bits, or
// the driver's symmetric Toeplitz), so that both directions of a connection meet in one queue;
// where the driver cannot, one queue is polled and software shards by a keyed hash.

#include "dataplane/port.h"

#include "dataplane/rss.h"

#include <inttypes.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <string.h>

enum { RSS_KEY_MAX = 64 };

static const char *const shard_choices[] = {"auto", "nic", "software", NULL};

static const struct conf_row port_rows[] = {
	{"name", CONF_STR, offsetof(struct port_options, name), 0, 31, "\"port\"", NULL, NULL, NULL,
	 "Name shown in statistics", false, NULL},
	{"device", CONF_STR, offsetof(struct port_options, device), 1, 255, NULL, NULL, NULL, NULL,
	 "PCI address (0000:3b:00.0) or virtual device (net_af_packet0,iface=eth1)", true, NULL},
	{"shard", CONF_ENUM, offsetof(struct port_options, shard), 0, 0, "\"auto\"", shard_choices,
	 NULL, NULL, "Who spreads flows over workers: the NIC's symmetric RSS, or software", false, NULL},
	{"descriptors", CONF_U32, offsetof(struct port_options, descriptors), 64, 32768, "2048",
	 NULL, NULL, NULL, "Receive descriptors of each queue", false, NULL},
	{"promiscuous", CONF_BOOL, offsetof(struct port_options, promiscuous), 0, 0, "true", NULL,
	 NULL, NULL, "Take frames for any address", false, NULL},
};
const struct conf_section port_section = {
	.path = "ports",
	.help = "Interfaces that carry mirrored traffic; they only receive",
	.size = sizeof(struct port_options),
	.list = true,
	.rows = port_rows,
	.n_rows = sizeof(port_rows) / sizeof(port_rows[0]),
};
CONF_SECTION(port_section);

static bool port_can_rss(const struct rte_eth_dev_info *info, uint32_t n_workers)
{
	const uint64_t tcp = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP;

	return info->max_rx_queues >= n_workers && (info->flow_type_rss_offloads & tcp) == tcp &&
	       info->hash_key_size <= RSS_KEY_MAX && info->reta_size >= RSS_ENTRIES &&
	       info->reta_size % RSS_ENTRIES == 0 && info->reta_size <= RTE_ETH_RSS_RETA_SIZE_512 * 4;
}

// The table by which the NIC spreads is ours, so that software can tell what it would have done.
static int port_reta(uint16_t id, uint16_t size, uint32_t n_workers)
{
	struct rte_eth_rss_reta_entry64 reta[RTE_ETH_RSS_RETA_SIZE_512 * 4 / RTE_ETH_RETA_GROUP_SIZE];

	memset(reta, 0, sizeof(reta));
	for (uint32_t i = 0; i < size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			(uint16_t)rss_entry(i, n_workers);
	}
	return rte_eth_dev_rss_reta_update(id, reta, size);
}

static int port_queues(struct port *port, const struct rte_eth_conf *conf,
		       const struct port_options *options, struct rte_mempool *pool)
{
	uint16_t rx_desc = (uint16_t)options->descriptors, tx_desc = 64;
	int socket = rte_eth_dev_socket_id(port->id);
	int rc;

	// Some drivers pair queues and refuse to start without a TX queue: it stays unused.
	for (port->n_tx = 0; port->n_tx <= 1; port->n_tx++) {
		rc = rte_eth_dev_configure(port->id, port->n_rx, port->n_tx, conf);
		if (rc)
			continue;
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_desc, &tx_desc);
		for (uint16_t q = 0; rc == 0 && q < port->n_rx; q++)
			rc = rte_eth_rx_queue_setup(port->id, q, rx_desc, (unsigned)socket, NULL, pool);
		for (uint16_t q = 0; rc == 0 && q < port->n_tx; q++)
			rc = rte_eth_tx_queue_setup(port->id, q, tx_desc, (unsigned)socket, NULL);
		if (rc == 0)
			rc = rte_eth_dev_start(port->id);
		if (rc == 0)
			return 0;
	}
	return rc;
}

int port_start(struct port *port, const struct port_options *options, struct worker *workers,
	       uint32_t n_workers, struct rte_mempool *pool, char *why, size_t why_len)
{
	char device[256];
	uint8_t key[RSS_KEY_MAX];
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int rc;

	port->options = options;
	snprintf(device, sizeof(device), "%s", options->device);
	device[strcspn(device, ",")] = '\0';
	if (rte_eth_dev_get_port_by_name(device, &port->id) != 0) {
		snprintf(why, why_len,
			 "port %s: DPDK has no device %s; bind it to vfio-pci, or check its name",
			 options->name, device);
		return -1;
	}
	rc = rte_eth_dev_info_get(port->id, &info);
	if (rc) {
		snprintf(why, why_len, "port %s: %s", options->name, rte_strerror(-rc));
		return -1;
	}
	port->nic = n_workers > 1 && options->shard != SHARD_SOFTWARE &&
		    port_can_rss(&info, n_workers);
	if (options->shard == SHARD_NIC && n_workers > 1 && !port->nic) {
		snprintf(why, why_len,
			 "port %s: shard = \"nic\" needs RSS over TCP and %u queues; driver %s has "
			 "%u queues, RSS types 0x%" PRIx64 "; use \"auto\" or \"software\"",
			 options->name, n_workers, info.driver_name, info.max_rx_queues,
			 info.flow_type_rss_offloads);
		return -1;
	}
	port->n_rx = (uint16_t)(port->nic ? n_workers : 1);
	if (port->nic) {
		for (uint32_t i = 0; i < sizeof(key); i += 2) {
			key[i] = RSS_KEY >> 8;
			key[i + 1] = RSS_KEY & 0xff;
		}
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_key = key;
		conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size ? info.hash_key_size : 40;
		conf.rx_adv_conf.rss_conf.rss_hf =
			(RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP |
			 RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV4 |
			 RTE_ETH_RSS_FRAG_IPV6) &
			info.flow_type_rss_offloads;
	}
	if (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER; // jumbo frames
	// What the NIC verifies, software need not.
	conf.rxmode.offloads |= info.rx_offload_capa &
				(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
	rc = port_queues(port, &conf, options, pool);
	if (rc) {
		snprintf(why, why_len, "port %s: driver %s: %s", options->name, info.driver_name,
			 rte_strerror(-rc));
		return -1;
	}
	rc = port->nic ? port_reta(port->id, info.reta_size, n_workers) : 0;
	if (rc) {
		snprintf(why, why_len,
			 "port %s: driver %s does not take a redirection table (%s); use "
			 "shard = \"software\"",
			 options->name, info.driver_name, rte_strerror(-rc));
		return -1;
	}
	if (options->promiscuous)
		rte_eth_promiscuous_enable(port->id); // virtual devices may have no such mode
	snprintf(port->note, sizeof(port->note), "driver %s, %u RX queues, %u TX queues, flows by %s",
		 info.driver_name, port->n_rx, port->n_tx,
		 port->nic ? "symmetric RSS of the NIC" :
		 n_workers > 1 ? "keyed hash in software" : "one worker");
	for (uint16_t q = 0; q < port->n_rx; q++) {
		struct worker *w = &workers[(port->nic ? q : port->id) % n_workers];

		if (w->n_queues == WORKER_QUEUES) {
			snprintf(why, why_len, "more than %d queues for one worker", WORKER_QUEUES);
			return -1;
		}
		w->queues[w->n_queues++] =
			(struct worker_queue){port->id, q, port->nic || n_workers == 1, NULL};
	}
	return 0;
}

void port_stop(struct port *port)
{
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
}

uint64_t port_print(const struct port *port, FILE *out)
{
	struct rte_eth_stats s;

	if (rte_eth_stats_get(port->id, &s) != 0)
		return 0;
	fprintf(out,
		"\n  ---------------------- Forward statistics for port %-2u ----------------------\n"
		"  %s: %s\n"
		"  RX-packets: %-14" PRIu64 " RX-dropped: %-14" PRIu64 " RX-total: %-14" PRIu64 "\n"
		"  RX-bytes:   %-14" PRIu64 " RX-errors:  %-14" PRIu64 " RX-nombufs: %-14" PRIu64 "\n"
		"  TX-packets: %-14" PRIu64 " TX-bytes:   %-14" PRIu64 " TX-errors: %-14" PRIu64 "\n"
		"  ----------------------------------------------------------------------------\n",
		port->id, port->options->name, port->note, s.ipackets, s.imissed,
		s.ipackets + s.imissed, s.ibytes, s.ierrors, s.rx_nombuf, s.opackets, s.obytes,
		s.oerrors);
	return s.opackets;
}
