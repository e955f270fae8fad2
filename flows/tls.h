// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Inside the TLS parser: the state of a connection, and the block that holds what is too large for
// it. tls.c takes the stream apart into records, tls_message.c the records into messages,
// tls_report.c keeps the facts.

#pragma once

#include "flows/parser.h"
#include "flows/tls_decrypt.h"
#include "flows/tls_handshake.h"
#include "flows/tls_hello.h"

enum {
	TLS_HEAD = 5,                      // of a record
	TLS_MESSAGE = 16 << 10,            // of a handshake message that is looked at
	TLS_RECORD_MOST = (16 << 10) + 2048, // RFC 5246 section 6.2.3
	TLS_ALPN = 64,
	TLS_OFFERED = 256,
};

enum tls_record {
	TLS_CHANGE_CIPHER = 20,
	TLS_ALERT,
	TLS_HANDSHAKE,
	TLS_DATA,
	TLS_HEARTBEAT,
};

enum tls_type {
	TLS_CLIENT_HELLO = 1,
	TLS_SERVER_HELLO = 2,
	TLS_SESSION_TICKET = 4,
	TLS_END_OF_EARLY_DATA = 5,
	TLS_ENCRYPTED_EXTENSIONS = 8,
	TLS_CERTIFICATE = 11,
	TLS_CERTIFICATE_REQUEST = 13,
	TLS_SERVER_HELLO_DONE = 14,
	TLS_FINISHED = 20,
	TLS_KEY_UPDATE = 24,
};

enum tls_mode {
	TLS_PLAIN = 0,
	TLS_SECRET, // encrypted
	TLS_LOST,   // bytes are missing, or this is not TLS
};

// One direction.
struct tls_side {
	uint8_t mode;      // enum tls_mode
	uint8_t record;    // enum tls_record
	uint8_t head_len;
	uint8_t head[TLS_HEAD];
	bool v2;           // the message is in the format of SSLv2
	bool any;          // a record was seen
	bool changed;      // ChangeCipherSpec came before the version was known
	bool damaged;      // bytes of the message are missing
	uint8_t skipped;   // bytes before the first one
	uint32_t left;     // bytes of the record to come
	// The handshake message that is being read.
	uint8_t type;
	uint8_t msg_head_len;
	uint8_t msg_head[4];
	uint32_t msg_len;
	uint32_t msg_have; // bytes of it that passed
	uint64_t secret_bytes;
};

struct tls_facts {
	bool client_hello, server_hello;
	bool flight_done;     // all that can be seen of the server's part
	bool client_finished; // TLS 1.3, with keys
	bool spoiled[2];      // by direction: a hello that could not be read
	bool decrypted;
	bool retry, early_data, encrypt_then_mac;
	bool chain_cut;
	uint8_t client_cert_request, client_cert; // enum tls_known
	uint16_t version, cipher, offered_version;
	uint16_t sni_len, alpn_len, offered_len;
	bool has_sni, has_alpn, has_offered;
	uint8_t client_random[TLS_RANDOM], server_random[TLS_RANDOM];
	uint8_t sni[256], alpn[TLS_ALPN], offered[TLS_OFFERED];
	char ja3[33], ja3s[33];
	struct tls_summary client;
	uint64_t anomalies;
	uint32_t n_certs, chain_len;
	struct tls_cert certs[TLS_CERTS];
};

struct tls_block {
	struct tls_facts facts;
	struct tls_decrypt decrypt;
	uint8_t message[2][TLS_MESSAGE];    // by direction: messages that lie in several pieces
	uint8_t record[2][TLS_RECORD_MOST]; // by direction: with keys, the record as it comes
	uint8_t plain[TLS_RECORD_MOST];     // the last one that was opened
};

struct tls {
	struct tls_block *block; // from the first byte until the handshake is reported
	bool reported;
	bool over; // nothing more is to be learnt
	struct tls_side side[2];
};
_Static_assert(sizeof(struct tls) <= PARSER_STATE, "lies in the connection");

extern const struct parser tls_parser;

static inline struct tls *tls_of(const struct pctx *p)
{
	return p->state;
}

// tls_message.c: bytes of handshake messages, cut anywhere. Takes those up to the end of a message,
// so that all may be known before the next one is looked at; returns how many.
uint32_t tls_messages(struct pctx *p, enum dir dir, struct span bytes);
// Bytes are missing. False: not all of them belong to one message.
bool tls_messages_gap(struct pctx *p, enum dir dir, uint64_t len);
// Bytes of the one message in the format of SSLv2, whose length is known.
void tls_message_v2(struct pctx *p, struct span bytes);

// tls_report.c
void tls_fact_client_hello(struct tls_facts *facts, const struct tls_client_hello *hello);
void tls_fact_server_hello(struct tls_facts *facts, const struct tls_server_hello *hello);
void tls_fact_alpn(struct tls_facts *facts, struct span alpn);
void tls_fact_certificates(struct tls_facts *facts, enum dir dir, struct span body, bool cut);
// Reports the handshake once; nothing when neither hello was seen.
void tls_report(struct pctx *p);
