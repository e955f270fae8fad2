// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Checksums of TCP segments and of their IPv4 headers. What is wrong on purpose, so that a sensor
// takes what no receiver takes, is marked; what is wrong because a NIC fills it in behind the
// mirror point is not. One struct for each port or capture; its poller's alone.

#pragma once

#include "conf/conf.h"

#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum checksum_mode {
	CHECKSUM_AUTO = 0,
	CHECKSUM_ON,
	CHECKSUM_OFF,
};

enum { CHECKSUM_SENDERS = 1024 };

struct checksum {
	uint64_t seed;
	uint32_t mode;                       // enum checksum_mode
	bool off;                            // auto: nothing is verified here any longer
	uint32_t n_first, n_first_bad;       // of the first segments
	uint64_t verified, wrong, tolerated; // wrong ones include those tolerated
	struct {
		uint16_t good, bad;
	} senders[CHECKSUM_SENDERS];
};

extern const struct conf_section checksums_section;

uint32_t checksum_mode(const struct conf *conf);
// One line for people, when any was wrong.
void checksum_print(const struct checksum *c, FILE *out);
// Before the first packet of a port or capture.
void checksum_init(struct checksum *c, uint32_t mode, uint64_t seed);

// Sets bad_checksum (and bad_ip_checksum) of a decoded segment that no receiver takes.
void checksum_segment(struct checksum *c, struct rte_mbuf *m);
// Whether a receiver takes this fragment, of a packet that packet_decode() called one.
bool checksum_fragment(struct checksum *c, struct rte_mbuf *m);
