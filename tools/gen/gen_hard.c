// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Runner of the framing zoo: gives each case its own connection a little later than the one
// before, so that their packets interleave, and writes the expected exchanges beside the capture,
// one JSON object a line. Lengths and hashes are of the bodies after de-chunking and decoding.

#include "tools/gen/gen_hard.h"

#include "tools/gen/gen_digest.h"

#include <errno.h>
#include <string.h>

enum {
	STEP_NS = 150000,        // between messages
	CASE_APART_NS = 1500000, // between the starts of two cases
	FIRST_PORT = 20001,
	ROWS = 60,
};

static const char ok_body[] = "{\"ok\":true}";

void hard_connect(struct hard *hard, struct gen_address client, struct gen_address server)
{
	struct gen_conn old = hard->conn;

	gen_conn_init(&hard->conn, client, (uint16_t)(old.port[GEN_CLIENT] + 1), server, 8080);
	hard->conn.now_ns = old.now_ns;
	hard->stream = 0;
	hard->conn_number = 0;
}

void hard_flush(struct hard *hard, enum gen_side side)
{
	hard->conn.now_ns += STEP_NS;
	gen_conn_send(hard->gen->pcap, &hard->conn, side, hard->message.p, hard->message.len);
	gen_buffer_reset(&hard->message);
}

void hard_client(struct hard *hard, const char *text)
{
	gen_buffer_text(&hard->message, text);
	hard_flush(hard, GEN_CLIENT);
}

void hard_server(struct hard *hard, const char *text)
{
	gen_buffer_text(&hard->message, text);
	hard_flush(hard, GEN_SERVER);
}

void hard_open(struct hard *hard)
{
	gen_conn_open(hard->gen->pcap, &hard->conn);
}

void hard_close(struct hard *hard, enum gen_side side)
{
	hard->conn.now_ns += STEP_NS;
	gen_conn_close(hard->gen->pcap, &hard->conn, side);
}

void hard_write(struct hard *hard, const char *start, const char *headers, const void *body,
		size_t len)
{
	bool request = strncmp(start, "HTTP/", 5) != 0;

	gen_buffer_printf(&hard->message, "%s\r\n", start);
	if (request)
		gen_buffer_text(&hard->message, "Host: " HARD_HOST "\r\n");
	gen_buffer_text(&hard->message, headers);
	if (body)
		gen_buffer_printf(&hard->message, "Content-Length: %zu\r\n", len);
	gen_buffer_text(&hard->message, "\r\n");
	gen_buffer_add(&hard->message, body, body ? len : 0);
}

void hard_get(struct hard *hard, const char *uri)
{
	gen_buffer_printf(
		&hard->message,
		"GET %s HTTP/1.1\r\nHost: " HARD_HOST "\r\nAccept: application/json\r\n\r\n", uri);
	hard_flush(hard, GEN_CLIENT);
}

void hard_ok(struct hard *hard)
{
	hard_write(hard, "HTTP/1.1 200 OK", "Content-Type: application/json\r\n", ok_body,
		   sizeof(ok_body) - 1);
	hard_flush(hard, GEN_SERVER);
}

void hard_exchange(struct hard *hard, const char *uri)
{
	hard_get(hard, uri);
	hard_ok(hard);
	hard_expect(hard, &(struct hard_record){.method = "GET",
						.uri = uri,
						.status = 200,
						.response = hard_text(ok_body)});
}

struct hard_body hard_text(const char *text)
{
	return (struct hard_body){HARD_BODY, text, strlen(text)};
}

struct hard_body hard_rows(const struct hard *hard)
{
	return (struct hard_body){HARD_BODY, hard->rows.p, hard->rows.len};
}

struct hard_body hard_unknown(void)
{
	return (struct hard_body){.known = HARD_UNKNOWN};
}

static void expect_body(struct gen_json *json, const char *len_key, const char *hash_key,
			const struct hard_body *body)
{
	char hash[GEN_SHA256_HEX];

	if (body->known == HARD_UNKNOWN)
		gen_json_null(json, len_key);
	else
		gen_json_uint(json, len_key, body->len);
	if (body->known == HARD_BODY && body->len)
		gen_digest_hex(body->data, body->len, hash);
	gen_json_string(json, hash_key, body->known == HARD_BODY && body->len ? hash : NULL);
}

void hard_expect(struct hard *hard, const struct hard_record *record)
{
	const struct gen_conn *conn = &hard->conn;
	const char *type = record->response_type;
	char client[GEN_ADDRESS_TEXT], server[GEN_ADDRESS_TEXT];
	struct gen_json json = {0};

	if (!type && (record->response.known == HARD_BODY))
		type = HARD_JSON;
	if (type && !*type)
		type = NULL;
	gen_address_text(&conn->address[GEN_CLIENT], client);
	gen_address_text(&conn->address[GEN_SERVER], server);
	gen_json_object(&json, NULL);
	gen_json_string(&json, "pcap", hard->pcap_name);
	gen_json_string(&json, "kind", "http");
	gen_json_string(&json, "proto", "h1");
	gen_json_uint(&json, "conn", hard->conn_number);
	hard->gen->truth.connections += hard->stream == 0;
	gen_json_uint(&json, "stream", hard->stream++);
	gen_json_string(&json, "src", client);
	gen_json_uint(&json, "sport", conn->port[GEN_CLIENT]);
	gen_json_string(&json, "dst", server);
	gen_json_uint(&json, "dport", conn->port[GEN_SERVER]);
	gen_json_string(&json, "method", record->method);
	gen_json_string(&json, "uri", record->uri);
	if (record->host && !*record->host)
		gen_json_null(&json, "host");
	else
		gen_json_string(&json, "host", record->host ? record->host : HARD_HOST);
	gen_json_string(&json, "version", record->version ? record->version : "HTTP/1.1");
	if (record->status)
		gen_json_uint(&json, "status", record->status);
	else
		gen_json_null(&json, "status");
	gen_json_string(&json, "req_ctype", record->request_type);
	gen_json_string(&json, "resp_ctype", type);
	gen_json_string(&json, "req_enc", record->request_coding);
	gen_json_string(&json, "resp_enc", record->response_coding);
	expect_body(&json, "req_len", "req_sha256", &record->request);
	expect_body(&json, "resp_len", "resp_sha256", &record->response);
	gen_json_array(&json, "anomaly");
	if (record->anomaly)
		gen_json_string(&json, NULL, record->anomaly);
	gen_json_end(&json);
	if (record->optional)
		gen_json_bool(&json, "optional", true);
	gen_json_end(&json);
	fwrite(json.out.p, json.out.len, 1, hard->expected);
	fputc('\n', hard->expected);
	gen_json_free(&json);
	hard->gen->truth.calls++;
}

static void hard_fill_rows(struct hard *hard)
{
	struct gen_json json = {0};

	gen_json_object(&json, NULL);
	gen_json_array(&json, "rows");
	for (uint32_t i = 0; i < ROWS; i++) {
		gen_json_object(&json, NULL);
		gen_json_uint(&json, "row", i);
		gen_json_string(&json, "label", i % 3 ? "bolt" : "washer");
		gen_json_uint(&json, "pieces", gen_random_below(&hard->gen->random, 5000));
		gen_json_end(&json);
	}
	gen_json_end(&json);
	gen_json_end(&json);
	hard->rows = json.out;
}

static uint32_t hard_run_cases(struct hard *hard, const struct hard_case *cases, uint32_t number)
{
	struct gen_json *facts = &hard->gen->truth.facts;

	for (; cases->name; cases++, number++) {
		hard->conn.now_ns = hard->gen->start_ns + number * (uint64_t)CASE_APART_NS;
		hard_connect(hard, gen_address_v4(0x0a1e0001u + number % 200),
			     gen_address_v4(0x0ac80014u));
		gen_json_object(facts, NULL);
		gen_json_string(facts, "case", cases->name);
		gen_json_uint(facts, "client_port", hard->conn.port[GEN_CLIENT]);
		gen_json_end(facts);
		cases->fill(hard);
		gen_buffer_reset(&hard->message);
	}
	return number;
}

static void hard_run(struct gen *gen)
{
	const char *base = strrchr(gen->options->out, '/');
	struct hard hard = {.gen = gen, .pcap_name = base ? base + 1 : gen->options->out};
	char path[4096];
	uint32_t number;

	snprintf(path, sizeof(path), "%s.expected.jsonl", gen->options->out);
	hard.expected = fopen(path, "w");
	if (!hard.expected)
		gen_fatal("%s: %s", path, strerror(errno));
	hard_fill_rows(&hard);
	hard.conn.port[GEN_CLIENT] = FIRST_PORT;
	gen_json_array(&gen->truth.facts, "cases");
	number = hard_run_cases(&hard, gen_hard_message_cases, 0);
	number = hard_run_cases(&hard, gen_hard_segment_cases, number);
	gen_json_end(&gen->truth.facts);
	gen_json_uint(&gen->truth.facts, "n_cases", number);
	if (ferror(hard.expected) || fclose(hard.expected))
		gen_fatal("%s: %s", path, strerror(errno));
	gen_buffer_free(&hard.rows);
	gen_buffer_free(&hard.message);
}

const struct gen_scenario gen_hard = {
	.name = "hard",
	.summary = "every odd framing of HTTP/1 and TCP, with the expected exchanges beside it",
	.run = hard_run,
};
