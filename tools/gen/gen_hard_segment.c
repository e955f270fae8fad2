// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Cases about segments: what mirror ports, networks and restarts do to a connection.

#include "tools/gen/gen_hard.h"

#include <string.h>

#define RESPONSE  "HTTP/1.1 200 OK"
#define JSON_LINE "Content-Type: application/json\r\n"

enum {
	GAP_NS = 12000,
	LOST_PIECE = 2,
};

static const char ok_body[] = "{\"ok\":true}";

enum order {
	IN_ORDER = 0,
	REVERSED,
	SWAPPED, // each pair
	DOUBLED, // the first half again behind the last piece
	LOST,    // one piece never seen, though acknowledged
};

// Sends hard->message in pieces, in an unruly order; the other side acknowledges all of it.
static void send_pieces(struct hard *hard, enum gen_side side, size_t piece, enum order order)
{
	struct gen_conn *conn = &hard->conn;
	size_t len = hard->message.len, n = (len + piece - 1) / piece;

	for (size_t i = 0; i < n + (order == DOUBLED ? n / 2 : 0); i++) {
		size_t k = i % n;

		if (order == REVERSED)
			k = n - 1 - i;
		else if (order == SWAPPED)
			k = (i ^ 1) < n ? i ^ 1 : i;
		else if (order == LOST && i == LOST_PIECE)
			continue;
		gen_conn_segment(hard->gen->pcap, conn, side,
				 conn->sent[side] + (int64_t)(k * piece),
				 hard->message.p + k * piece,
				 len - k * piece < piece ? len - k * piece : piece,
				 GEN_TCP_ACK | GEN_TCP_PSH);
		conn->now_ns += GAP_NS;
	}
	conn->sent[side] += (int64_t)len;
	gen_conn_segment(hard->gen->pcap, conn, !side, conn->sent[!side], NULL, 0, GEN_TCP_ACK);
	gen_buffer_reset(&hard->message);
}

// A POST and a response with the rows, both in this order.
static void unruly(struct hard *hard, const char *start, const char *uri, size_t piece,
		   enum order order)
{
	hard_open(hard);
	hard_write(hard, start, JSON_LINE, hard->rows.p, hard->rows.len);
	send_pieces(hard, GEN_CLIENT, piece, order);
	hard_write(hard, RESPONSE, JSON_LINE, hard->rows.p, hard->rows.len);
	send_pieces(hard, GEN_SERVER, piece, order);
	hard_expect(hard, &(struct hard_record){.method = "POST",
						.uri = uri,
						.status = 200,
						.request_type = HARD_JSON,
						.request = hard_rows(hard),
						.response = hard_rows(hard)});
	hard_exchange(hard, "/segment/after");
	hard_close(hard, GEN_CLIENT);
}

static void case_one_byte(struct hard *hard)
{
	hard->conn.mss = 1;
	hard_open(hard);
	hard_exchange(hard, "/segment/one-byte");
	hard_get(hard, "/segment/one-byte-chunked");
	hard_write(hard, RESPONSE, JSON_LINE "Transfer-Encoding: chunked\r\n", NULL, 0);
	gen_http_chunks(&hard->message, ok_body, sizeof(ok_body) - 1, 4, ";x=y", "A: b\r\n");
	hard_flush(hard, GEN_SERVER);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/segment/one-byte-chunked",
						.status = 200,
						.response = hard_text(ok_body)});
	hard_close(hard, GEN_CLIENT);
}

static void case_reversed(struct hard *hard)
{
	unruly(hard, "POST /segment/reversed HTTP/1.1", "/segment/reversed", 200, REVERSED);
}

static void case_swapped(struct hard *hard)
{
	unruly(hard, "POST /segment/swapped HTTP/1.1", "/segment/swapped", 333, SWAPPED);
}

static void case_doubled(struct hard *hard)
{
	unruly(hard, "POST /segment/doubled HTTP/1.1", "/segment/doubled", 500, DOUBLED);
}

// A retransmission that begins earlier and reaches further than what it repeats.
static void case_overlapping(struct hard *hard)
{
	struct gen_conn *conn = &hard->conn;
	size_t len;

	hard_open(hard);
	hard_get(hard, "/segment/overlapping");
	hard_write(hard, RESPONSE, JSON_LINE, hard->rows.p, hard->rows.len);
	len = hard->message.len;
	gen_conn_segment(hard->gen->pcap, conn, GEN_SERVER, 0, hard->message.p, 400, GEN_TCP_ACK);
	gen_conn_segment(hard->gen->pcap, conn, GEN_SERVER, 400, hard->message.p + 400, 400,
			 GEN_TCP_ACK);
	conn->now_ns += GAP_NS;
	gen_conn_segment(hard->gen->pcap, conn, GEN_SERVER, 300, hard->message.p + 300, 900,
			 GEN_TCP_ACK);
	conn->now_ns += GAP_NS;
	gen_conn_segment(hard->gen->pcap, conn, GEN_SERVER, 1100, hard->message.p + 1100,
			 len - 1100, GEN_TCP_ACK | GEN_TCP_PSH);
	conn->sent[GEN_SERVER] = (int64_t)len;
	gen_buffer_reset(&hard->message);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/segment/overlapping",
						.status = 200,
						.response = hard_rows(hard)});
	hard_exchange(hard, "/segment/after");
	hard_close(hard, GEN_CLIENT);
}

// The hole lies inside a body of known length: the next exchange is where it must be.
static void case_lost_in_body(struct hard *hard)
{
	hard_open(hard);
	hard_get(hard, "/segment/lost-body");
	hard_write(hard, RESPONSE, JSON_LINE, hard->rows.p, hard->rows.len);
	send_pieces(hard, GEN_SERVER, 400, LOST);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/segment/lost-body",
						.status = 200,
						.response_type = HARD_JSON,
						.response = hard_unknown(),
						.anomaly = "tcp_gap"});
	hard_exchange(hard, "/segment/after");
	hard_close(hard, GEN_CLIENT);
}

static void case_lost_in_request(struct hard *hard)
{
	hard_open(hard);
	hard_write(hard, "POST /segment/lost-request HTTP/1.1", JSON_LINE, hard->rows.p,
		   hard->rows.len);
	send_pieces(hard, GEN_CLIENT, 400, LOST);
	hard_ok(hard);
	hard_expect(hard, &(struct hard_record){.method = "POST",
						.uri = "/segment/lost-request",
						.status = 200,
						.request_type = HARD_JSON,
						.request = hard_unknown(),
						.response = hard_text(ok_body),
						.anomaly = "tcp_gap"});
	hard_exchange(hard, "/segment/after");
	hard_close(hard, GEN_CLIENT);
}

// The hole swallows chunk sizes: the parser must find the next message by itself.
static void case_lost_in_chunks(struct hard *hard)
{
	hard_open(hard);
	hard_get(hard, "/segment/lost-chunks");
	hard_write(hard, RESPONSE, JSON_LINE "Transfer-Encoding: chunked\r\n", NULL, 0);
	gen_http_chunks(&hard->message, hard->rows.p, hard->rows.len, 90, "", "");
	send_pieces(hard, GEN_SERVER, 400, LOST);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/segment/lost-chunks",
						.status = 200,
						.response_type = HARD_JSON,
						.response = hard_unknown(),
						.anomaly = "tcp_gap"});
	hard_exchange(hard, "/segment/after");
	hard_close(hard, GEN_CLIENT);
}

static void case_midstream(struct hard *hard)
{
	hard->conn.sent[GEN_CLIENT] = 7000;
	hard->conn.sent[GEN_SERVER] = 90000;
	hard_exchange(hard, "/segment/midstream/0");
	hard_exchange(hard, "/segment/midstream/1");
	hard_close(hard, GEN_CLIENT);
}

static void case_midstream_in_body(struct hard *hard)
{
	hard->conn.sent[GEN_SERVER] = 5000;
	hard_server(hard, "cket\",\"pieces\":4}]}");
	hard_exchange(hard, "/segment/midstream-body/0");
	hard_exchange(hard, "/segment/midstream-body/1");
	hard_close(hard, GEN_CLIENT);
}

// Only one side of the connection is mirrored; the other one's bytes are acknowledged.
static void one_side(struct hard *hard, enum gen_side side, const char *uri)
{
	struct gen_conn *conn = &hard->conn;
	size_t client_len, server_len;

	hard_write(hard, RESPONSE, JSON_LINE, ok_body, sizeof(ok_body) - 1);
	server_len = hard->message.len;
	if (side == GEN_CLIENT) {
		gen_buffer_reset(&hard->message);
		gen_buffer_printf(&hard->message, "GET %s HTTP/1.1\r\nHost: " HARD_HOST "\r\n\r\n",
				  uri);
	}
	client_len = 40 + strlen(uri) + strlen(HARD_HOST);
	conn->now_ns += 300000;
	if (side == GEN_SERVER)
		conn->sent[GEN_CLIENT] += (int64_t)client_len;
	gen_conn_segment(hard->gen->pcap, conn, side, conn->sent[side], hard->message.p,
			 hard->message.len, GEN_TCP_ACK | GEN_TCP_PSH);
	conn->sent[side] += (int64_t)hard->message.len;
	if (side == GEN_CLIENT) {
		conn->now_ns += 300000;
		conn->sent[GEN_SERVER] += (int64_t)server_len;
		gen_conn_segment(hard->gen->pcap, conn, side, conn->sent[side], NULL, 0,
				 GEN_TCP_ACK);
		hard_expect(hard, &(struct hard_record){.method = "GET",
							.uri = uri,
							.response = hard_unknown(),
							.anomaly = "asymmetric"});
	} else {
		hard_expect(hard, &(struct hard_record){.host = "",
							.status = 200,
							.request = hard_unknown(),
							.response = hard_text(ok_body),
							.anomaly = "asymmetric"});
	}
	gen_buffer_reset(&hard->message);
}

static void case_client_side(struct hard *hard)
{
	gen_conn_segment(hard->gen->pcap, &hard->conn, GEN_CLIENT, -1, NULL, 0, GEN_TCP_SYN);
	one_side(hard, GEN_CLIENT, "/segment/client-side/0");
	one_side(hard, GEN_CLIENT, "/segment/client-side/1");
	gen_conn_segment(hard->gen->pcap, &hard->conn, GEN_CLIENT, hard->conn.sent[GEN_CLIENT],
			 NULL, 0, GEN_TCP_FIN | GEN_TCP_ACK);
}

static void case_server_side(struct hard *hard)
{
	gen_conn_segment(hard->gen->pcap, &hard->conn, GEN_SERVER, -1, NULL, 0,
			 GEN_TCP_SYN | GEN_TCP_ACK);
	one_side(hard, GEN_SERVER, "/segment/server-side/0");
	one_side(hard, GEN_SERVER, "/segment/server-side/1");
	gen_conn_segment(hard->gen->pcap, &hard->conn, GEN_SERVER, hard->conn.sent[GEN_SERVER],
			 NULL, 0, GEN_TCP_FIN | GEN_TCP_ACK);
}

static void tagged(struct hard *hard, const char *uri, uint32_t n, uint16_t outer)
{
	hard->conn.n_vlan = n;
	hard->conn.vlan[0].protocol = outer;
	hard->conn.vlan[0].id = 100;
	hard->conn.vlan[1].protocol = 0x8100;
	hard->conn.vlan[1].id = 200;
	hard_open(hard);
	hard_exchange(hard, uri);
	hard_close(hard, GEN_CLIENT);
}

static void case_vlan(struct hard *hard)
{
	tagged(hard, "/link/vlan", 1, 0x8100);
}

static void case_qinq(struct hard *hard)
{
	tagged(hard, "/link/qinq", 2, 0x88a8);
}

static void case_ipv6(struct hard *hard)
{
	hard_connect(hard, gen_address_v6(0x1d0001), gen_address_v6(0x50));
	unruly(hard, "POST /link/ipv6 HTTP/1.1", "/link/ipv6", 1200, IN_ORDER);
}

static void case_ipv6_vlan(struct hard *hard)
{
	hard_connect(hard, gen_address_v6(0x1d0002), gen_address_v6(0x50));
	tagged(hard, "/link/ipv6-vlan", 1, 0x8100);
}

// Both sequence numbers pass 2^32 inside the bodies.
static void case_wrap(struct hard *hard)
{
	hard->conn.isn[GEN_CLIENT] = 0xfffffe00;
	hard->conn.isn[GEN_SERVER] = 0xfffff900;
	unruly(hard, "POST /segment/wrap HTTP/1.1", "/segment/wrap", 300, REVERSED);
}

static void case_large(struct hard *hard)
{
	struct gen_buffer large = {0};

	gen_buffer_text(&large, "[");
	while (large.len < 300000)
		gen_buffer_printf(&large, "{\"n\":%zu},", large.len);
	gen_buffer_text(&large, "0]");
	hard_open(hard);
	hard_get(hard, "/segment/large");
	hard_write(hard, RESPONSE, JSON_LINE, large.p, large.len);
	send_pieces(hard, GEN_SERVER, 1460, SWAPPED);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = "/segment/large",
						.status = 200,
						.response = {HARD_BODY, large.p, large.len}});
	hard_close(hard, GEN_CLIENT);
	gen_buffer_free(&large);
}

// Two connections of one 4-tuple, the first one closed.
static void case_port_reuse(struct hard *hard)
{
	hard_open(hard);
	hard_exchange(hard, "/segment/reuse/0");
	hard_close(hard, GEN_CLIENT);
	hard->conn.now_ns += GEN_SECOND_NS / 2;
	for (uint32_t side = 0; side < 2; side++) {
		hard->conn.isn[side] += 900000001;
		hard->conn.sent[side] = 0;
	}
	hard->conn_number = 1;
	hard->stream = 0;
	hard_open(hard);
	hard_exchange(hard, "/segment/reuse/1");
	hard_close(hard, GEN_CLIENT);
}

// The client's FIN overtakes its last data.
static void case_early_fin(struct hard *hard)
{
	struct gen_conn *conn = &hard->conn;
	int64_t len;

	hard_open(hard);
	hard_write(hard, "POST /segment/early-fin HTTP/1.1", JSON_LINE, hard->rows.p,
		   hard->rows.len);
	len = (int64_t)hard->message.len;
	gen_conn_segment(hard->gen->pcap, conn, GEN_CLIENT, 0, hard->message.p, 500, GEN_TCP_ACK);
	gen_conn_segment(hard->gen->pcap, conn, GEN_CLIENT, len, NULL, 0,
			 GEN_TCP_FIN | GEN_TCP_ACK);
	conn->now_ns += GAP_NS;
	gen_conn_segment(hard->gen->pcap, conn, GEN_CLIENT, 500, hard->message.p + 500,
			 (size_t)len - 500, GEN_TCP_ACK | GEN_TCP_PSH);
	conn->sent[GEN_CLIENT] = len + 1;
	gen_buffer_reset(&hard->message);
	hard_ok(hard);
	hard_expect(hard, &(struct hard_record){.method = "POST",
						.uri = "/segment/early-fin",
						.status = 200,
						.request_type = HARD_JSON,
						.request = hard_rows(hard),
						.response = hard_text(ok_body)});
	gen_conn_segment(hard->gen->pcap, conn, GEN_SERVER, conn->sent[GEN_SERVER], NULL, 0,
			 GEN_TCP_FIN | GEN_TCP_ACK);
}

// Many short connections of one client, all at once.
static void case_crowd(struct hard *hard)
{
	uint64_t start_ns = hard->conn.now_ns;
	char uri[32];

	for (uint32_t i = 0; i < 60; i++) {
		hard->conn.now_ns = start_ns + i * 20000;
		hard_connect(hard, hard->conn.address[GEN_CLIENT], hard->conn.address[GEN_SERVER]);
		hard->conn.mss = 97;
		hard_open(hard);
		snprintf(uri, sizeof(uri), "/crowd/%u", i);
		hard_exchange(hard, uri);
		hard_close(hard, i % 2 ? GEN_CLIENT : GEN_SERVER);
	}
}

const struct hard_case gen_hard_segment_cases[] = {
	{"one-byte-segments", case_one_byte},
	{"reversed", case_reversed},
	{"swapped", case_swapped},
	{"doubled", case_doubled},
	{"overlapping", case_overlapping},
	{"lost-in-body", case_lost_in_body},
	{"lost-in-request", case_lost_in_request},
	{"lost-in-chunks", case_lost_in_chunks},
	{"midstream", case_midstream},
	{"midstream-in-body", case_midstream_in_body},
	{"client-side-only", case_client_side},
	{"server-side-only", case_server_side},
	{"vlan", case_vlan},
	{"qinq", case_qinq},
	{"ipv6", case_ipv6},
	{"ipv6-vlan", case_ipv6_vlan},
	{"sequence-wrap", case_wrap},
	{"large", case_large},
	{"port-reuse", case_port_reuse},
	{"early-fin", case_early_fin},
	{"crowd", case_crowd},
	{NULL, NULL},
};
