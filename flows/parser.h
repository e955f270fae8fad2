// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The contract of an application parser. It sees each direction of a connection as an ordered
// stream of pieces and holes, cut anywhere, and must give the same events for any cutting.
//
// A parser is one file that ends in PARSER_REGISTER(), and one line of meson. The first bytes of a
// connection are shown to all of them in the order of their ranks. A parser may hand its connection
// over to another one, as HTTP/1 does behind "101 Switching Protocols": see handover.h.

#pragma once

#include "flows/flow_env.h"
#include "flows/span.h"

#include <stdint.h>

enum probe {
	PROBE_NO = 0,
	PROBE_UNSURE, // needs more bytes
	PROBE_CERTAIN,
};

// Who talks to whom. Innermost addresses; IPv4 as v4-mapped (RFC 4291 section 2.5.5.2).
struct tls_summary;

struct conn_meta {
	uint8_t addr[2][16]; // by enum dir: CLIENT, SERVER
	uint16_t port[2];    // host order
	bool v6;
	bool midstream;      // the start of the connection was not seen
	uint32_t space;      // virtual network (VNI), 0: none
	uint64_t id;         // time of what showed its protocol: tells connections of the same
			     // addresses apart, grows with time, the same on any number of workers
	uint64_t hash;       // of the flow key: the same on any number of workers
	const struct tls_summary *tls; // of the handshake around it, decrypted; NULL: none
};

enum close_reason {
	CLOSE_FIN = 0, // both directions ended in order
	CLOSE_RST,
	CLOSE_TIMEOUT,
	CLOSE_EVICTED,
	CLOSE_END, // the capture or the sensor ends
	CLOSE_HANDOVER, // the connection goes on with another parser
};

// What TCP saw that receivers may take differently. HTTP reports them under the same names.
enum tcp_anomaly {
	TCP_ANOMALY_OVERLAP = 0, // a byte came again with another value
	TCP_ANOMALY_FLAGS,       // segment with flags that no receiver takes
	TCP_ANOMALY_SYN,         // SYN inside an established connection
	TCP_ANOMALY_URGENT,      // urgent data: in line for some receivers, taken out by others
	TCP_ANOMALY_CHECKSUM,    // segment with a wrong checksum
	TCP_ANOMALY_IP_CHECKSUM, // … of its IP header
	TCP_ANOMALY_FRAGMENTS,   // datagram whose fragments contradict each other
	TCP_ANOMALY_N,
};

struct pctx {
	struct flow_env *env;
	const struct conn_meta *conn;
	void *state; // parser->size bytes, zeroed at open
	uint64_t now_ns; // of the packet that completes what is being delivered
	// Stream offsets, from 0 at the first byte of a direction; a hole advances them too.
	uint64_t off[2];   // of the first byte being delivered, by sender
	uint64_t acked[2]; // what the *other* side has acknowledged of this sender's stream
	bool lossy[2];     // this direction had a hole or started midstream
	bool cut_off;      // gap(): the end of the segment that the bytes before came with
	// Bits of enum tcp_anomaly, since a parser last reported and cleared them.
	uint32_t anomalies;
};

// What a connection has of the memory that a worker's connections share.
enum holds {
	HOLDS_EXCHANGE = 1, // an exchange that has not ended, with its capture block
	HOLDS_HEAD = 2,     // a block for a head that comes in pieces
	HOLDS_BLOCK = 4,    // the parser's own
};

struct parser {
	const char *name;
	uint32_t rank;       // the lower, the earlier it looks at first bytes
	const char *upgrade; // token of the Upgrade field that hands over to it (RFC 9110 section
			     // 7.8), lower case; NULL: none
	size_t size;         // of its state, at most PARSER_STATE
	// What is too large for that comes from a pool of blocks: bytes of one, and how many flows
	// share one of them. 0: none.
	size_t block_bytes;
	uint32_t flows_per_block;
	enum probe (*probe)(struct span first, enum dir dir);
	void (*open)(struct pctx *p);
	// In-order bytes. False: not (or no longer) this protocol, the rest of the connection is
	// opaque; close() is still called.
	bool (*data)(struct pctx *p, enum dir dir, struct span bytes);
	// len bytes of this direction are lost.
	bool (*gap)(struct pctx *p, enum dir dir, uint64_t len);
	// This direction ended in order (FIN): ends a close-delimited body.
	void (*fin)(struct pctx *p, enum dir dir);
	void (*close)(struct pctx *p, enum close_reason why);
	// Bits of enum holds. NULL: never anything. state: as in pctx, between open() and close().
	uint32_t (*holds)(const void *state);
	// Fetches what data() is going to touch when a piece of len bytes comes: two packets before
	// it what the state leads to, one packet before it (near) what that leads to. NULL: nothing.
	void (*ahead)(const struct pctx *p, enum dir dir, uint32_t len, bool near);
};

enum {
	PARSER_STATE = 384,
};

void parser_add(const struct parser *parser);
#define PARSER_REGISTER(sym)                                                                       \
	__attribute__((constructor, used)) static void parser_register_##sym(void)                 \
	{                                                                                          \
		parser_add(&sym);                                                                  \
	}

uint32_t parser_count(void);
// By rank; NULL behind the last one.
const struct parser *parser_get(uint32_t i);
// Of a comma-separated list of tokens, any case; NULL: none is known.
const struct parser *parser_by_upgrade(struct span tokens);
// A block of the parser's pool, as it was left; NULL: none is free (counted).
void *parser_block_get(struct flow_env *env, const struct parser *parser);
void parser_block_put(struct flow_env *env, const struct parser *parser, void *block);

enum parser_result {
	PARSER_GOES_ON = 0,
	PARSER_REFUSES, // close() is still to be called
	PARSER_PROBE,   // closed; env->hand.rest is to be looked at anew
};

// Delivers a piece to *parser, and what is left of it to the parsers it is handed over to.
enum parser_result parser_data(const struct parser **parser, struct pctx *p, enum dir dir,
			       struct span bytes);

extern const struct parser http1_parser;
extern const struct parser ws_parser;
