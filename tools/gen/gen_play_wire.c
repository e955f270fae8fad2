// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Builds frames where they are written from. What is lost by the scenario's wish takes its place
// in the sequence numbers but not in the file.

#include "tools/gen/gen_play_wire.h"

#include "tools/gen/gen_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BUFFER = 1 << 20,
	MSS = 1460,
	HEADERS = 16 + 14 + 20 + 24, // of pcap, Ethernet, IP, TCP with one option
	PIPE_BYTES = 1 << 20,
};

static void flush(struct play_wire *wire)
{
	size_t done = 0;

	while (done < wire->len) {
		ssize_t n = write(wire->fd, wire->p + done, wire->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			gen_fatal("%s: %s", wire->path, strerror(errno));
		done += (size_t)n;
	}
	wire->len = 0;
}

void play_wire_open(struct play_wire *wire, const char *path)
{
	static const uint32_t head[6] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 262144, 1};

	wire->path = path;
	wire->fd = strcmp(path, "-") ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
				     : STDOUT_FILENO;
	if (wire->fd < 0)
		gen_fatal("%s: %s", path, strerror(errno));
	// Only a pipe has a size; for a file this fails and changes nothing.
	fcntl(wire->fd, F_SETPIPE_SZ, PIPE_BYTES);
	wire->p = malloc(BUFFER);
	if (!wire->p)
		gen_fatal("out of memory");
	memcpy(wire->p, head, sizeof(head));
	wire->len = sizeof(head);
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

// Sums 16-bit words in the machine's own byte order; RFC 1071 section 2 (B) shows that the
// result only has to be stored in the same order.
static uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t len)
{
	for (; len >= 4; p += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, p, 4);
		sum += word;
	}
	if (len) {
		uint32_t word = 0;

		memcpy(&word, p, len);
		sum += word;
	}
	return sum;
}

static void sum_put(uint64_t sum, uint8_t *p)
{
	uint16_t out;

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	out = (uint16_t)~sum;
	memcpy(p, &out, 2);
}

static void put_pcap(uint8_t *p, uint64_t time_ns, uint32_t len)
{
	uint32_t head[4] = {(uint32_t)(time_ns / 1000000000), (uint32_t)(time_ns % 1000000000), len,
			    len};

	memcpy(p, head, sizeof(head));
}

void play_wire_segment(struct play_wire *wire, struct play_conn *conn, uint32_t side,
		       uint64_t time_ns, const void *data, uint32_t len, uint32_t flags)
{
	uint32_t head = flags & PLAY_SYN ? 24 : 20;
	uint8_t *p, *ip, *tcp, pseudo[4];
	uint64_t sum;

	if (time_ns < wire->last_ns)
		gen_fatal("a packet would go back in time");
	wire->last_ns = time_ns;
	if (wire->len + HEADERS + len > BUFFER)
		flush(wire);
	p = wire->p + wire->len;
	ip = p + 30;
	tcp = ip + 20;
	put_pcap(p, time_ns, 34 + head + len);
	// Locally administered addresses: 02:…:01 is the clients' gateway, 02:…:02 the servers'.
	memset(p + 16, 0, 14 + 20 + head);
	p[16] = p[22] = 2;
	p[21] = side ? 1 : 2;
	p[27] = side ? 2 : 1;
	p[28] = 8;
	ip[0] = 0x45;
	put16(ip + 2, 20 + head + len);
	put16(ip + 4, conn->packet_id++);
	ip[6] = 0x40; // do not fragment
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, conn->address[side]);
	put32(ip + 16, conn->address[!side]);
	sum_put(sum_add(0, ip, 20), ip + 10);
	put16(tcp, conn->port[side]);
	put16(tcp + 2, conn->port[!side]);
	put32(tcp + 4, conn->next[side]);
	if (flags & PLAY_ACK)
		put32(tcp + 8, conn->next[!side]);
	tcp[12] = (uint8_t)(head << 2);
	tcp[13] = (uint8_t)flags;
	put16(tcp + 14, 64240);
	if (flags & PLAY_SYN) {
		put16(tcp + 20, 0x0204);
		put16(tcp + 22, MSS);
	}
	if (len)
		memcpy(tcp + head, data, len);
	put16(pseudo, 6);
	put16(pseudo + 2, head + len);
	sum = sum_add(0, pseudo, 4);
	sum = sum_add(sum, ip + 12, 8);
	sum_put(sum_add(sum, tcp, head + len), tcp + 16);
	conn->next[side] += len + (flags & (PLAY_SYN | PLAY_FIN) ? 1 : 0);
	if (wire->no_side[side] ||
	    (wire->lose > 0 && gen_random_unit(&wire->random) < wire->lose)) {
		wire->lost++;
		return;
	}
	wire->len += 50 + head + len;
	wire->packets++;
	wire->bytes += 34 + head + len;
}

void play_wire_send(struct play_wire *wire, struct play_conn *conn, uint32_t side, uint64_t time_ns,
		    const char *data, size_t len)
{
	while (len) {
		uint32_t take = len < MSS ? (uint32_t)len : MSS;

		play_wire_segment(wire, conn, side, time_ns, data, take,
				  PLAY_ACK | (take == len ? PLAY_PSH : 0));
		data += take;
		len -= take;
	}
}

void play_wire_close(struct play_wire *wire)
{
	flush(wire);
	if (close(wire->fd))
		gen_fatal("%s: %s", wire->path, strerror(errno));
	free(wire->p);
}
