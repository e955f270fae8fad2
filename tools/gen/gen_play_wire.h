// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Packets of a played scenario, written in the order in which they are made: Ethernet, IPv4, TCP
// with right checksums and numbers, pcap with nanoseconds. Lean: a response acknowledges its
// request, the next request acknowledges the response.

#pragma once

#include "tools/gen/gen_random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct play_conn {
	uint32_t address[2], next[2]; // client, server; next sequence number
	uint16_t port[2];
	uint16_t packet_id;
};

enum play_flags {
	PLAY_FIN = 1,
	PLAY_SYN = 2,
	PLAY_PSH = 8,
	PLAY_ACK = 16,
};

struct play_wire {
	int fd;
	const char *path; // borrowed
	uint8_t *p;
	size_t len;
	double lose;
	bool no_side[2];
	struct gen_random random;
	uint64_t packets, bytes, lost, last_ns;
};

// "-" is standard output.
void play_wire_open(struct play_wire *wire, const char *path);
// One segment. The time may not be before that of the segment before.
void play_wire_segment(struct play_wire *wire, struct play_conn *conn, uint32_t side,
		       uint64_t time_ns, const void *data, uint32_t len, uint32_t flags);
// As many segments as it takes, at one time.
void play_wire_send(struct play_wire *wire, struct play_conn *conn, uint32_t side, uint64_t time_ns,
		    const char *data, size_t len);
void play_wire_close(struct play_wire *wire);
