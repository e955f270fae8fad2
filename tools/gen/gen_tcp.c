// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Builds frames from the link layer up in one local buffer and hands them to the capture.

#include "tools/gen/gen_tcp.h"

#include "tools/gen/gen_buffer.h"

#include <arpa/inet.h>
#include <string.h>

enum {
	MAX_HEADERS = 14 + 8 + 40 + 24,
	MAX_SEGMENT = 9000,
	WINDOW = 64240,
	SEGMENT_GAP_NS = 12000, // between two segments of one burst, about 1 Gbit/s
};

struct gen_address gen_address_v4(uint32_t address)
{
	struct gen_address out = {0};

	for (uint32_t i = 0; i < 4; i++)
		out.bytes[i] = (uint8_t)(address >> (24 - 8 * i));
	return out;
}

struct gen_address gen_address_v6(uint64_t number)
{
	struct gen_address out = {.v6 = true, .bytes = {0x20, 0x01, 0x0d, 0xb8}};

	for (uint32_t i = 0; i < 8; i++)
		out.bytes[8 + i] = (uint8_t)(number >> (56 - 8 * i));
	return out;
}

void gen_address_text(const struct gen_address *address, char out[GEN_ADDRESS_TEXT])
{
	inet_ntop(address->v6 ? AF_INET6 : AF_INET, address->bytes, out, GEN_ADDRESS_TEXT);
}

void gen_conn_init(struct gen_conn *conn, struct gen_address client, uint16_t client_port,
		   struct gen_address server, uint16_t server_port)
{
	uint32_t mix =
		client.bytes[2] * 65599u + client.bytes[3] * 257u + client_port * 2654435761u;

	*conn = (struct gen_conn){
		.address = {client, server},
		.port = {client_port, server_port},
		.isn = {mix, ~mix * 2246822519u},
		.packet_id = {(uint16_t)(mix >> 7), (uint16_t)(mix >> 11)},
		.mss = 1460,
		.rtt_ns = 400000,
	};
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

static uint32_t checksum_add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	return sum;
}

static uint32_t checksum_end(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static size_t put_link(const struct gen_conn *conn, enum gen_side side, uint8_t *p)
{
	uint32_t type = conn->address[0].v6 ? 0x86dd : 0x0800;
	size_t n = 12;

	// Locally administered addresses: 02:…:01 is the clients' gateway, 02:…:02 the servers'.
	memset(p, 0, n);
	p[0] = p[6] = 0x02;
	p[5] = side == GEN_CLIENT ? 2 : 1;
	p[11] = side == GEN_CLIENT ? 1 : 2;
	for (uint32_t i = 0; i < conn->n_vlan; i++, n += 4) {
		put16(p + n, conn->vlan[i].protocol);
		put16(p + n + 2, conn->vlan[i].id);
	}
	put16(p + n, type);
	return n + 2;
}

static size_t put_ip(struct gen_conn *conn, enum gen_side side, uint8_t *p, size_t payload)
{
	const struct gen_address *source = &conn->address[side], *target = &conn->address[!side];

	if (source->v6) {
		memset(p, 0, 40);
		p[0] = 0x60;
		put16(p + 4, (uint32_t)payload);
		p[6] = 6;
		p[7] = 64;
		memcpy(p + 8, source->bytes, 16);
		memcpy(p + 24, target->bytes, 16);
		return 40;
	}
	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, (uint32_t)payload + 20);
	put16(p + 4, conn->packet_id[side]++);
	p[6] = 0x40; // do not fragment
	p[8] = 64;
	p[9] = 6;
	memcpy(p + 12, source->bytes, 4);
	memcpy(p + 16, target->bytes, 4);
	put16(p + 10, checksum_end(checksum_add(0, p, 20)));
	return 20;
}

// An IPv4 frame as its fragments (RFC 791 section 3.2), in order.
static void add_fragments(struct gen_pcap *pcap, const struct gen_conn *conn, uint8_t *frame,
			  size_t link, size_t len)
{
	size_t most = (conn->mtu - 20) & ~(size_t)7, payload = len - link - 20, n = 0;
	uint8_t piece[MAX_HEADERS + MAX_SEGMENT], *ip = piece + link;

	memcpy(piece, frame, link + 20);
	for (size_t at = 0; at < payload && (!conn->n_fragments || n < conn->n_fragments); n++) {
		size_t take = payload - at < most ? payload - at : most;

		put16(ip + 2, (uint32_t)take + 20);
		put16(ip + 6, (uint32_t)(at / 8) | (at + take < payload ? 0x2000 : 0));
		put16(ip + 10, 0);
		put16(ip + 10, checksum_end(checksum_add(0, ip, 20)));
		memcpy(ip + 20, frame + link + 20 + at, take);
		gen_pcap_add(pcap, conn->now_ns, piece, link + 20 + take);
		at += take;
	}
}

void gen_conn_segment(struct gen_pcap *pcap, struct gen_conn *conn, enum gen_side side,
		      int64_t offset, const void *data, size_t len, uint32_t flags)
{
	uint8_t frame[MAX_HEADERS + MAX_SEGMENT];
	size_t head = flags & GEN_TCP_SYN ? 24 : 20, address_len = conn->address[0].v6 ? 16 : 4;
	size_t link = put_link(conn, side, frame), n = link;
	uint32_t sum;
	uint8_t *tcp;

	if (len > MAX_SEGMENT)
		gen_fatal("a segment of %zu bytes is more than %d", len, MAX_SEGMENT);
	n += put_ip(conn, side, frame + n, head + len);
	tcp = frame + n;
	memset(tcp, 0, head);
	put16(tcp, conn->port[side]);
	put16(tcp + 2, conn->port[!side]);
	put32(tcp + 4, conn->isn[side] + 1 + (uint32_t)offset);
	if (flags & GEN_TCP_ACK)
		put32(tcp + 8, conn->isn[!side] + 1 + (uint32_t)conn->sent[!side]);
	tcp[12] = (uint8_t)(head / 4 << 4);
	tcp[13] = (uint8_t)flags;
	put16(tcp + 14, WINDOW);
	if (flags & GEN_TCP_SYN) {
		put16(tcp + 20, 0x0204); // maximum segment size
		put16(tcp + 22, conn->mss);
	}
	if (len)
		memcpy(tcp + head, data, len);
	sum = checksum_add(6 + (uint32_t)(head + len), conn->address[0].bytes, address_len);
	sum = checksum_add(sum, conn->address[1].bytes, address_len);
	put16(tcp + 16, checksum_end(checksum_add(sum, tcp, head + len)));
	n += head + len;
	if (conn->mtu && !conn->address[0].v6 && n - link > conn->mtu)
		add_fragments(pcap, conn, frame, link, n);
	else
		gen_pcap_add(pcap, conn->now_ns, frame, n);
}

void gen_conn_open(struct gen_pcap *pcap, struct gen_conn *conn)
{
	gen_conn_segment(pcap, conn, GEN_CLIENT, -1, NULL, 0, GEN_TCP_SYN);
	conn->now_ns += conn->rtt_ns / 4;
	gen_conn_segment(pcap, conn, GEN_SERVER, -1, NULL, 0, GEN_TCP_SYN | GEN_TCP_ACK);
	conn->now_ns += conn->rtt_ns * 3 / 4;
	gen_conn_segment(pcap, conn, GEN_CLIENT, 0, NULL, 0, GEN_TCP_ACK);
}

void gen_conn_send(struct gen_pcap *pcap, struct gen_conn *conn, enum gen_side side,
		   const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t unacknowledged = 0;

	while (len) {
		size_t take = len < conn->mss ? len : conn->mss;

		gen_conn_segment(pcap, conn, side, conn->sent[side], p, take,
				 GEN_TCP_ACK | (take == len ? GEN_TCP_PSH : 0));
		conn->sent[side] += (int64_t)take;
		p += take;
		len -= take;
		conn->now_ns += SEGMENT_GAP_NS;
		if (++unacknowledged == 2 || !len) {
			gen_conn_segment(pcap, conn, !side, conn->sent[!side], NULL, 0,
					 GEN_TCP_ACK);
			unacknowledged = 0;
		}
	}
}

void gen_conn_close(struct gen_pcap *pcap, struct gen_conn *conn, enum gen_side side)
{
	gen_conn_segment(pcap, conn, side, conn->sent[side], NULL, 0, GEN_TCP_FIN | GEN_TCP_ACK);
	conn->sent[side]++;
	conn->now_ns += conn->rtt_ns / 2;
	gen_conn_segment(pcap, conn, !side, conn->sent[!side], NULL, 0, GEN_TCP_FIN | GEN_TCP_ACK);
	conn->sent[!side]++;
	conn->now_ns += conn->rtt_ns / 2;
	gen_conn_segment(pcap, conn, side, conn->sent[side], NULL, 0, GEN_TCP_ACK);
}
