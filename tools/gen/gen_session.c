// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Turns calls into packets. The delays of a call come from a hash of the user and the second of
// the minute, not from a running sequence: a user with the same timetable in every minute gets
// its answers at the same instants of every minute, so a sliding minute always counts the same.

#include "tools/gen/gen_session.h"

#include <stdio.h>
#include <string.h>

static const char session_host[] = "api.harborline.net";

static const char *const user_agents[] = {
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124 "
	"Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
	"HarborApp/4.2 (iPhone; iOS 17.4)",
	"okhttp/4.12.0",
	"python-requests/2.31.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 Version/17.4 "
	"Safari/605.1.15",
};

enum {
	N_USER_AGENTS = sizeof(user_agents) / sizeof(user_agents[0]),
	MINUTE_US = 60000000,
};

// 10.16.0.1 upwards, without .0 and .255.
static struct gen_address session_client(uint32_t user)
{
	return gen_address_v4(0x0a100000u + (user / 254 << 8) + user % 254 + 1);
}

void gen_session_init(struct gen_session *session, uint32_t user)
{
	*session = (struct gen_session){.user = user};
}

void gen_session_subject(uint32_t user, char out[GEN_SUBJECT_BYTES])
{
	snprintf(out, GEN_SUBJECT_BYTES, "user-%u", user);
}

void gen_session_address(uint32_t user, char out[GEN_ADDRESS_TEXT])
{
	struct gen_address address = session_client(user);

	gen_address_text(&address, out);
}

static void session_open(struct gen *gen, struct gen_session *session, uint64_t time_ns)
{
	uint64_t hash = gen_random_hash(gen->options->seed, session->user, session->n_conns);
	uint16_t port = (uint16_t)(32768 + (session->user * 7919u + session->n_conns) % 28000);
	struct gen_address server = gen_address_v4(0x0ac8000au + hash % 3); // 10.200.0.10 to .12
	uint64_t earliest_ns = session->conn.now_ns;

	gen_conn_init(&session->conn, session_client(session->user), port, server, 80);
	session->conn.isn[GEN_CLIENT] = (uint32_t)hash;
	session->conn.isn[GEN_SERVER] = (uint32_t)(hash >> 16);
	session->conn.rtt_ns = 300000 + (hash >> 20) % 2000000;
	session->conn.now_ns = time_ns - session->conn.rtt_ns - 500000;
	if (session->conn.now_ns < earliest_ns)
		session->conn.now_ns = earliest_ns;
	gen_conn_open(gen->pcap, &session->conn);
	session->open = true;
	session->n_conns++;
	session->calls_left = (uint16_t)(5 + (hash >> 44) % 60);
	gen->truth.connections++;
}

// Three in five with a length, the others chunked, compressed, or both.
static enum gen_framing session_framing(uint64_t hash, size_t len)
{
	uint32_t draw = (uint32_t)(hash >> 33) % 100;

	if (draw < 62 || !len)
		return GEN_LENGTH;
	if (draw < 80)
		return GEN_CHUNKED;
	return draw < 92 ? GEN_GZIP : GEN_GZIP_CHUNKED;
}

uint64_t gen_session_call(struct gen *gen, struct gen_session *session, uint64_t time_ns,
			  const struct gen_call *call)
{
	struct gen_buffer wire = {0};
	struct gen_conn *conn = &session->conn;
	uint64_t hash = gen_random_hash(gen->options->seed, session->user, time_ns / 1000);
	uint64_t delay =
		gen_random_hash(gen->options->seed, session->user, time_ns / 1000 % MINUTE_US);
	uint32_t status = call->status ? call->status : 200;
	const void *body = call->receive ? call->receive->out.p : NULL;
	size_t len = call->receive ? call->receive->out.len : 0;
	const char *type = call->receive ? "application/json; charset=utf-8" : NULL;
	char token[GEN_TOKEN_BYTES], subject[GEN_SUBJECT_BYTES];

	if (call->receive_text) {
		body = call->receive_text;
		len = strlen(call->receive_text);
		type = call->receive_type;
	}
	if (!session->open)
		session_open(gen, session, time_ns);
	if (conn->now_ns < time_ns)
		conn->now_ns = time_ns;
	gen_session_subject(session->user, subject);
	// Valid throughout.
	gen_value_token(subject, gen->options->start_s - 600,
			gen->options->start_s + gen->options->minutes * 60ull + 86400, token);
	gen_http_request(&wire, &(struct gen_request){
					.method = call->method,
					.target = call->target,
					.host = session_host,
					.user_agent = user_agents[session->user % N_USER_AGENTS],
					.token = call->anonymous ? NULL : token,
					.referer = call->referer,
					.type = call->type,
					.body = call->send ? call->send->out.p : NULL,
					.len = call->send ? call->send->out.len : 0,
				});
	gen_conn_send(gen->pcap, conn, GEN_CLIENT, wire.p, wire.len);
	gen_buffer_reset(&wire);
	conn->now_ns += 1000000 + delay % 8000000; // the server thinks
	gen_http_response(&wire,
			  &(struct gen_response){
				  .status = status,
				  .type = type,
				  .body = body,
				  .len = len,
				  .framing = session_framing(hash, len),
				  .time_s = conn->now_ns / GEN_SECOND_NS,
				  .request_id = hash,
			  });
	gen_conn_send(gen->pcap, conn, GEN_SERVER, wire.p, wire.len);
	gen_buffer_free(&wire);
	time_ns = conn->now_ns;
	gen_truth_call(&gen->truth, call->endpoint, !call->anonymous, status, call->values);
	if (session->calls_left <= 1)
		gen_session_end(gen, session, time_ns);
	else
		session->calls_left--;
	return time_ns;
}

void gen_session_end(struct gen *gen, struct gen_session *session, uint64_t time_ns)
{
	if (!session->open)
		return;
	if (session->conn.now_ns < time_ns)
		session->conn.now_ns = time_ns;
	session->conn.now_ns += 2000000;
	gen_conn_close(gen->pcap, &session->conn, session->n_conns % 3 ? GEN_CLIENT : GEN_SERVER);
	session->open = false;
}
