// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One TCP connection as a mirror port shows it: Ethernet, up to two VLAN tags, IPv4 or IPv6,
// correct checksums, sequence and acknowledgement numbers. Ordinary traffic uses open, send and
// close; the unruly kind places single segments at offsets of its own choice.

#pragma once

#include "tools/gen/gen_pcap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gen_side {
	GEN_CLIENT = 0,
	GEN_SERVER = 1,
};

enum {
	GEN_TCP_FIN = 1,
	GEN_TCP_SYN = 2,
	GEN_TCP_RST = 4,
	GEN_TCP_PSH = 8,
	GEN_TCP_ACK = 16,
	GEN_ADDRESS_TEXT = 46,
};

struct gen_address {
	bool v6;
	uint8_t bytes[16]; // an IPv4 address in the first four
};

struct gen_conn {
	struct gen_address address[2];
	uint16_t port[2];
	uint32_t isn[2];
	int64_t sent[2]; // bytes of the stream so far, a FIN counts as one
	uint16_t packet_id[2];
	struct {
		uint16_t protocol, id;
	} vlan[2]; // outermost first
	uint32_t n_vlan;
	uint32_t mss;
	uint32_t mtu;         // IPv4 datagrams of more bytes are sent in fragments; 0: none are
	uint32_t n_fragments; // of a datagram only so many are sent; 0: all
	uint64_t now_ns, rtt_ns;
};

struct gen_address gen_address_v4(uint32_t address);
// 2001:db8::/32, with the number in the last eight bytes.
struct gen_address gen_address_v6(uint64_t number);
void gen_address_text(const struct gen_address *address, char out[GEN_ADDRESS_TEXT]);

void gen_conn_init(struct gen_conn *conn, struct gen_address client, uint16_t client_port,
		   struct gen_address server, uint16_t server_port);
// One segment at an offset of the side's stream (0 is the first byte after the SYN), at the
// present time. It acknowledges all that the other side has sent so far.
void gen_conn_segment(struct gen_pcap *pcap, struct gen_conn *conn, enum gen_side side,
		      int64_t offset, const void *data, size_t len, uint32_t flags);
// Three-way handshake; time moves by one round trip.
void gen_conn_open(struct gen_pcap *pcap, struct gen_conn *conn);
// Sends in segments of at most mss, with the other side's acknowledgements.
void gen_conn_send(struct gen_pcap *pcap, struct gen_conn *conn, enum gen_side side,
		   const void *data, size_t len);
// A FIN of this side, answered by one of the other side.
void gen_conn_close(struct gen_pcap *pcap, struct gen_conn *conn, enum gen_side side);
