// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A personnel feed over WebSocket: after the upgrade, which carries a token, the server's messages
// hold social security numbers. Every second connection compresses its messages with the history
// of the earlier ones (permessage-deflate), the others send some of them in fragments with a ping
// in between.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
	MESSAGES = 5, // of the server on each connection
	FINAL = 0x80,
	COMPRESSED = 0x40,
	CONTINUATION = 0,
	TEXT = 1,
	CLOSE = 8,
	PING = 9,
	PONG = 10,
};

struct feed {
	struct gen *gen;
	struct gen_conn conn;
	struct gen_random random;
	bool deflate;
	z_stream z[2]; // by sender
};

static void frame(struct feed *feed, enum gen_side side, uint32_t first, const void *payload,
		  size_t len)
{
	uint8_t head[8] = {(uint8_t)first}, key[4];
	struct gen_buffer out = {0};
	size_t n = 2, at;

	head[1] = (uint8_t)(len > 125 ? 126 : len);
	if (len > 125) {
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		n = 4;
	}
	if (side == GEN_CLIENT) { // RFC 6455 section 5.3
		head[1] |= 0x80;
		for (uint32_t i = 0; i < 4; i++)
			head[n++] = key[i] = (uint8_t)gen_random_below(&feed->random, 256);
	}
	gen_buffer_add(&out, head, n);
	at = out.len;
	gen_buffer_add(&out, payload, len);
	for (size_t i = 0; side == GEN_CLIENT && i < len; i++)
		out.p[at + i] = (char)((uint8_t)out.p[at + i] ^ key[i & 3]);
	gen_conn_send(feed->gen->pcap, &feed->conn, side, out.p, out.len);
	gen_buffer_free(&out);
}

// RFC 7692 section 7.2.1. Returns the length.
static size_t compress_message(z_stream *z, const char *text, size_t len, uint8_t *out, size_t room)
{
	z->next_in = (z_const Bytef *)(uintptr_t)text;
	z->avail_in = (uInt)len;
	z->next_out = out;
	z->avail_out = (uInt)room;
	if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_out == 0)
		gen_fatal("a message of %zu bytes could not be compressed", len);
	return room - z->avail_out - 4;
}

static void message(struct feed *feed, enum gen_side side, const char *text, size_t len, bool parts)
{
	uint8_t coded[4096];

	feed->conn.now_ns += 20000000 + gen_random_below(&feed->random, 200000000);
	if (feed->deflate) {
		len = compress_message(&feed->z[side], text, len, coded, sizeof(coded));
		frame(feed, side, FINAL | COMPRESSED | TEXT, coded, len);
	} else if (parts) {
		frame(feed, side, TEXT, text, len / 2);
		frame(feed, side, FINAL | PING, "still there?", 12);
		frame(feed, side, FINAL | CONTINUATION, text + len / 2, len - len / 2);
		frame(feed, side == GEN_CLIENT ? GEN_SERVER : GEN_CLIENT, FINAL | PONG,
		      "still there?", 12);
	} else {
		frame(feed, side, FINAL | TEXT, text, len);
	}
}

static void upgrade(struct feed *feed, uint32_t user)
{
	char token[GEN_TOKEN_BYTES], subject[GEN_SUBJECT_BYTES];
	const struct gen_options *options = feed->gen->options;
	struct gen_buffer out = {0};

	gen_session_subject(user, subject);
	gen_value_token(subject, options->start_s - 600,
			options->start_s + options->minutes * 60ull + 86400, token);
	gen_buffer_printf(&out,
			  "GET /api/v1/feed HTTP/1.1\r\nHost: api.harborline.net\r\n"
			  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			  "Sec-WebSocket-Version: 13\r\n"
			  "Sec-WebSocket-Extensions: permessage-deflate\r\n"
			  "Authorization: Bearer %s\r\n\r\n",
			  token);
	gen_conn_send(feed->gen->pcap, &feed->conn, GEN_CLIENT, out.p, out.len);
	gen_buffer_reset(&out);
	feed->conn.now_ns += 3000000;
	gen_buffer_printf(&out,
			  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			  "Connection: Upgrade\r\n%s"
			  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
			  feed->deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
	gen_conn_send(feed->gen->pcap, &feed->conn, GEN_SERVER, out.p, out.len);
	gen_buffer_free(&out);
	gen_truth_call(&feed->gen->truth, "GET /api/v1/feed", true, 101, NULL);
	feed->gen->truth.connections++;
}

static void talk(struct feed *feed, struct gen_json *numbers)
{
	static const char subscribe[] = "{\"action\":\"subscribe\",\"channel\":\"staff\"}";
	struct gen_json body = {0};

	message(feed, GEN_CLIENT, subscribe, sizeof(subscribe) - 1, false);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		char ssn[GEN_VALUE_BYTES], name[GEN_VALUE_BYTES];

		gen_value_make(&feed->random, GEN_SSN, ssn);
		gen_value_person(&feed->random, name);
		gen_json_string(numbers, NULL, ssn);
		gen_json_reset(&body);
		gen_json_object(&body, NULL);
		gen_json_string(&body, "event", "joined");
		gen_json_string(&body, "label", name);
		gen_json_string(&body, "ssn", ssn);
		gen_json_end(&body);
		message(feed, GEN_SERVER, body.out.p, body.out.len, i % 2);
	}
	frame(feed, GEN_CLIENT, FINAL | CLOSE, "\x03\xe8", 2);
	frame(feed, GEN_SERVER, FINAL | CLOSE, "\x03\xe8", 2);
	gen_json_free(&body);
}

static void ws_run(struct gen *gen)
{
	uint64_t length_ns = gen->options->minutes * 60 * GEN_SECOND_NS;
	struct gen_json *issues = &gen->truth.issues, *facts = &gen->truth.facts;
	uint32_t users = gen->options->users;

	gen_json_uint(facts, "users", users);
	gen_json_uint(facts, "messages", users * (MESSAGES + 1));
	gen_json_array(facts, "ssns");
	for (uint32_t user = 0; user < users; user++) {
		struct feed feed = {.gen = gen, .deflate = user % 2};

		feed.random.state = gen_random_hash(gen->options->seed, user, 21);
		gen_conn_init(&feed.conn, gen_address_v4(0x0a110001u + user),
			      (uint16_t)(40000 + user % 20000), gen_address_v4(0x0ac8000au), 80);
		feed.conn.now_ns = gen->start_ns + length_ns * user / users;
		feed.conn.rtt_ns = 400000;
		for (uint32_t side = 0; feed.deflate && side < 2; side++) {
			if (deflateInit2(&feed.z[side], 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY))
				gen_fatal("no memory to compress");
		}
		gen_conn_open(gen->pcap, &feed.conn);
		upgrade(&feed, user);
		talk(&feed, facts);
		gen_conn_close(gen->pcap, &feed.conn, GEN_CLIENT);
		for (uint32_t side = 0; feed.deflate && side < 2; side++)
			deflateEnd(&feed.z[side]);
	}
	gen_json_end(facts);
	gen_truth_issue(&gen->truth, "prohibited-type", "GET /api/v1/feed", "high");
	gen_json_string(issues, "type", "us.ssn");
	gen_json_string(issues, "direction", "response");
	gen_json_string(issues, "field", "$.ssn");
	gen_json_string(issues, "when", "us.ssn is prohibited in responses by policy");
	gen_json_end(issues);
}

const struct gen_scenario gen_ws = {
	.name = "ws",
	.summary = "a WebSocket feed sends social security numbers, plain and compressed",
	.users = 40,
	.minutes = 1,
	.run = ws_run,
};
