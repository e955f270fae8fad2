// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One HTTP exchange: the facts of a request and of its response. A transaction is owned by one
// worker, lives in a pool, and dies after the sink's end(). The heads and the beginning of the
// bodies are copied into one capture block (of a request that waits in HTTP/2 into a brief one before
// that); every span here points into it and lives as long. A
// WebSocket message borrows the heads of its upgrade from the connection instead.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct conn_meta;

// Header fields that somebody asks for. Names in http1_head.c, sorted by length there.
enum header {
	HEADER_HOST = 0,
	HEADER_CONTENT_TYPE,
	HEADER_CONTENT_LENGTH,
	HEADER_CONTENT_ENCODING,
	HEADER_TRANSFER_ENCODING,
	HEADER_CONNECTION,
	HEADER_UPGRADE,
	HEADER_EXPECT,
	HEADER_AUTHORIZATION,
	HEADER_PROXY_AUTHORIZATION,
	HEADER_COOKIE,
	HEADER_SET_COOKIE, // the first one
	HEADER_USER_AGENT,
	HEADER_REFERER,
	HEADER_ORIGIN,
	HEADER_API_KEY, // x-api-key, api-key, apikey, x-apikey, x-auth-token, x-access-token
	HEADER_X_FORWARDED_FOR,
	HEADER_WWW_AUTHENTICATE,
	HEADER_LOCATION,
	HEADER_GRPC_ENCODING,
	HEADER_IDEMPOTENCY_KEY, // and x-idempotency-key
	HEADER_N,
};

// Of the messages of an exchange.
enum http_framing {
	FRAMING_NONE = 0, // no body by rule (RFC 9112 section 6.3)
	FRAMING_LENGTH,
	FRAMING_CHUNKED,
	FRAMING_CLOSE, // until the connection ends
};

// Deviations that receivers are known to read differently; bits of http_msg.anomalies.
#define HTTP_ANOMALIES(X)                                                                          \
	X(BARE_LF, "http_bare_lf")                                                                 \
	X(BARE_CR, "http_bare_cr")                                                                 \
	X(OBS_FOLD, "http_obs_fold")                                                               \
	X(SPACE_BEFORE_COLON, "http_header_space")                                                 \
	X(BAD_HEADER_LINE, "http_bad_header_line")                                                 \
	X(BAD_HEADER_NAME, "http_bad_header_name")                                                 \
	X(BAD_HEADER_VALUE, "http_bad_header_value")                                               \
	X(BAD_REQUEST_LINE, "http_bad_request_line")                                               \
	X(BAD_STATUS_LINE, "http_bad_status_line")                                                 \
	X(BAD_VERSION, "http_bad_version")                                                         \
	X(LEADING_EMPTY_LINES, "http_leading_empty_lines")                                         \
	X(DUPLICATE_HOST, "http_duplicate_host")                                                   \
	X(MISSING_HOST, "http_missing_host")                                                       \
	X(DUPLICATE_LENGTH, "http_duplicate_content_length")                                       \
	X(CONFLICTING_LENGTH, "http_conflicting_content_length")                                   \
	X(BAD_LENGTH, "http_bad_content_length")                                                   \
	X(LENGTH_AND_CHUNKED, "http_cl_and_te")                                                    \
	X(BAD_TRANSFER_ENCODING, "http_unknown_transfer_encoding")                                 \
	X(DUPLICATE_TRANSFER_ENCODING, "http_duplicate_transfer_encoding")                         \
	X(BAD_CHUNK_SIZE, "http_bad_chunk")                                                        \
	X(BAD_CHUNK_END, "http_bad_chunk_end")                                                     \
	X(CHUNK_EXTENSION, "http_chunk_extension")                                                 \
	X(HEAD_TOO_LONG, "http_head_too_long")                                                     \
	X(TOO_MANY_HEADERS, "http_too_many_headers")                                               \
	X(BODY_ON_BODYLESS, "http_body_on_bodyless")                                               \
	X(UNSOLICITED_RESPONSE, "http_unsolicited_response")                                       \
	X(CODING_ERROR, "decode_error")                                                            \
	X(CODING_UNKNOWN, "content_encoding_unknown")                                              \
	X(DECOMPRESSION_BOMB, "decompression_bomb")                                                \
	X(CODING_LAYERS, "content_encoding_layers")                                                \
	X(JSON_DEPTH, "json_depth")                                                                \
	X(XML_DEPTH, "xml_depth")                                                                  \
	X(BODY_MALFORMED, "body_malformed")                                                        \
	X(NUL_IN_HEAD, "http_nul_in_head")                                                         \
	X(OVERLAP_CONFLICT, "tcp_overlap_conflict")                                                \
	X(INVALID_FLAGS, "tcp_invalid_flags")                                                      \
	X(SYN_IN_ESTABLISHED, "tcp_syn_in_established")                                            \
	X(URGENT, "tcp_urgent")                                                                    \
	X(BAD_CHECKSUM, "tcp_bad_checksum")                                                        \
	X(IP_CHECKSUM, "ip_bad_checksum")                                                          \
	X(FRAG_OVERLAP, "ip_frag_overlap")                                                         \
	X(GAP, "tcp_gap")                                                                          \
	X(TRUNCATED, "http_body_incomplete")                                                       \
	X(ASYMMETRIC, "asymmetric")                                                                \
	X(MIDSTREAM, "midstream")                                                                  \
	X(WS_FRAME, "ws_bad_frame")                                                                \
	X(WS_TEXT, "ws_bad_utf8")                                                                  \
	X(WS_UNDECODED, "ws_not_decoded")                                                          \
	X(H2_STREAM_RESET, "h2_stream_reset")                                                      \
	X(H2_RAPID_RESET, "h2_rapid_reset")                                                        \
	X(H2_CONTINUATION_FLOOD, "h2_continuation_flood")                                          \
	X(H2_STREAM_FLOOD, "h2_stream_flood")                                                      \
	X(H2_CONTROL_FLOOD, "h2_control_flood")                                                    \
	X(H2_BAD_FRAME, "h2_bad_frame")                                                            \
	X(H2_BAD_PSEUDO, "h2_bad_pseudo_header")                                                   \
	X(H2_CONNECTION_FIELD, "h2_connection_header")                                             \
	X(H2_DOWNGRADE_SMUGGLING, "h2_downgrade_smuggling")                                        \
	X(HPACK_BOMB, "hpack_bomb")                                                                \
	X(HPACK_ERROR, "hpack_error")                                                              \
	X(HPACK_UNKNOWN_INDEX, "hpack_unknown_index")                                              \
	X(TLS_BAD_MESSAGE, "tls_bad_message")                                                      \
	X(TLS_TOO_LONG, "tls_message_too_long")

enum http_anomaly {
#define X(name, text) ANOMALY_##name,
	HTTP_ANOMALIES(X)
#undef X
	ANOMALY_N,
};
_Static_assert(ANOMALY_N <= 64, "bits of one word");

enum http_proto {
	PROTO_H1 = 0,
	PROTO_H2,
	PROTO_WS, // not an exchange: one WebSocket message, with the heads of its upgrade
};

struct http_msg {
	bool seen;           // the head was parsed
	bool complete;       // head and body were seen to their end
	bool head_truncated; // head is only its beginning
	bool has_body;       // framing allows one
	bool hashed;         // sha256 is of the complete decoded body
	uint8_t version_major, version_minor;
	uint8_t framing;      // enum http_framing
	uint64_t anomalies;   // 1 << enum http_anomaly
	uint8_t *head;        // start line and headers as received
	uint32_t head_len;    // bytes of it that were kept
	uint8_t *body;        // beginning of the decoded body
	uint32_t body_kept;   // bytes of it that were kept
	uint64_t content_length; // announced; UINT64_MAX: not
	uint64_t body_len;    // decoded bytes
	uint64_t view_len;    // … of the form that is shown and kept, if that is another one
	bool viewed;          // it is
	uint64_t wire_len;    // bytes after de-chunking, before content decoding
	uint64_t first_ns, last_ns;
	struct span header[HEADER_N]; // first value, trimmed; p == NULL: absent. Into head
	uint16_t n_headers;
	uint16_t n_set_cookies;
	uint8_t sha256[32];
	uint64_t grpc_messages; // complete ones
};

struct http_tx {
	struct http_tx *next; // in the connection's queue of pending requests
	const struct conn_meta *conn;
	uint32_t index;        // number of this exchange on its connection, from 0
	uint16_t status;       // final status; 0: none seen, unless http_tx_has_status()
	uint8_t proto;         // enum http_proto
	bool upgraded;         // asked in HTTP/1, answered in HTTP/2 behind 101 (h2c)
	bool grpc;
	int32_t grpc_status;   // -1: none seen
	uint32_t stream;       // of HTTP/2
	bool paired_by_guess;  // pairing crossed a hole
	struct span method;    // into msg[CLIENT].head
	struct span uri;       // request target as received
	struct http_msg msg[2]; // by enum dir: CLIENT = request, SERVER = response
	// For pairing: flows/http_pair.h
	uint64_t req_off;      // stream offset of the request
	uint64_t req_end_off;  // … past it; UINT64_MAX: not yet known
	uint64_t req_ack_off;  // what the client had of the server's stream when the request began
	uint8_t kind;          // enum http1_method: what the framing of its response depends on
	bool pending;          // in the queue
	bool after_loss;       // requests before it may be missing
	void *capture;         // block that owns heads and bodies
	void *brief;           // block that owns the head of the request instead; NULL: none
	bool sparing;          // no capture block before there is something for it
	void *detect;           // private to the sink; NULL at the start
};

static inline struct span http_header(const struct http_tx *tx, enum dir dir, enum header h)
{
	return tx->msg[dir].header[h];
}

// The response has a status line (HTTP/0.9 has none). Of a deviating one the status may be 0.
static inline bool http_tx_has_status(const struct http_tx *tx)
{
	return tx->status ||
	       (tx->msg[SERVER].anomalies & UINT64_C(1) << ANOMALY_BAD_STATUS_LINE);
}

// The server did what was asked.
static inline bool http_tx_ok(const struct http_tx *tx)
{
	return tx->status / 100 == 2 || tx->proto == PROTO_WS;
}

// Bytes of the form of a body that is shown and kept.
static inline uint64_t http_msg_shown(const struct http_msg *msg)
{
	return msg->viewed ? msg->view_len : msg->body_len;
}

const char *http_anomaly_name(enum http_anomaly anomaly);

// The value of the first header of that name (any case) in a kept head; p == NULL: absent.
// Linear in the head: for operators' own header names only.
struct span http_header_find(const struct http_msg *msg, struct span name);
// Steps over the headers of a kept head; *pos starts at 0. False at the end.
bool http_header_next(const struct http_msg *msg, uint32_t *pos, struct span *name, struct span *value);
