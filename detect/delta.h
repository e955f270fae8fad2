// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a worker hands to the merger at the end of an epoch: facts of exchanges, findings with
// their evidence, names of principals and endpoints. Two of them per worker; the worker fills
// one while the merger reads the other. Everything is in fixed memory; what does not fit is
// counted, never waited for.

#pragma once

#include "detect/captures.h"
#include "detect/exchange.h"
#include "detect/session_id.h"
#include "detect/sessions.h"

struct detector;

enum {
	DELTA_CALLS = 32768,
	DELTA_FINDINGS = 1024,
	DELTA_NAMES = 16384,
	DELTA_ARENA = 8 << 20,
	DELTA_FIELDS = 8192,
	DELTA_OBJECTS = 65536,
	DELTA_CALL_PARAMS = 131072,
	DELTA_PARAMS = 4096,
	DELTA_AGENT = 256, // bytes of a User-Agent
	DELTA_TYPES = 1024,
	DELTA_SESSION_IDS = 4096,
	FINDING_TYPES = 8,
};

enum call_flag {
	CALL_CREDENTIALS = 1,
	CALL_LOGIN = 2,
	CALL_HALF = 4,
	CALL_PERSONAL = 8, // the response held personal data
	CALL_MESSAGE = 16, // no exchange: a WebSocket message of the server with sensitive values
	CALL_GUESSED = 32, // pairing crossed a hole
	CALL_TLS = 64,     // decrypted here
	CALL_OPEN = 128,   // the request did not end before its connection, nothing of it is
			   // missing, and none answered: took_us is until then
	CALL_HELD = 256,   // the same so far: it may end yet, and its call comes then (detector.held)
	CALL_TOLD = 512,   // that was told of it
};

// How a request says what it wants.
enum call_api {
	API_REST = 0, // by method and path
	API_GRAPHQL,
	API_JSON_RPC,
	API_SOAP,
	API_GRPC,
	API_WEBSOCKET, // its upgrade
	API_KINDS,
};

// What a method does (RFC 9110 section 9.2).
enum call_verb {
	VERB_OTHER = 0,
	VERB_GET, // and HEAD
	VERB_POST,
	VERB_PUT,
	VERB_PATCH,
	VERB_DELETE,
	VERB_OPTIONS,
};

// One exchange. order makes the time order total and the same on any number of workers.
struct call {
	uint64_t time_ns;  // of the request's first byte (response's when there is no request)
	uint64_t order;    // connection hash mixed with the exchange's number
	uint64_t principal, endpoint;
	uint64_t resp_bytes;
	uint32_t n_values;
	uint16_t status;
	uint16_t flags;    // enum call_flag
	uint8_t verb;      // enum call_verb
	uint8_t client[16];  // address, behind listed proxies the one that they tell; IPv4 as
			     // v4-mapped
	// Keyed hashes; 0: none.
	uint64_t session;  // of the credential that came with the request
	uint64_t role;     // of the roles that its token claims
	uint64_t agent;    // of the User-Agent without its versions
	uint64_t ja4;      // of the TLS handshake
	uint64_t subject;  // of the token's sub, by facts_value_hash()
	uint64_t token_id; // of its jti
	uint64_t login_user, login_secret; // that a sign-in tried
	uint32_t token_flags;              // enum token_flag
	uint8_t login_result;              // enum login_result
	uint8_t user_confidence;           // that the principal is who it seems, 0..100
	uint8_t agent_kind;                // enum agent_kind
	uint64_t connection; // tells connections apart
	uint64_t path;       // keyed hash of the path as sent
	uint64_t request;    // keyed hash of path, query and body of a request that writes; 0: none
	uint64_t nonce;      // keyed hash of the Idempotency-Key of a request that writes; 0: none
	uint32_t req_bytes;  // of the body; UINT32_MAX: or more
	uint32_t wait_us;    // from the request's last byte to the response's first; UINT32_MAX: unknown
	uint32_t took_us;    // from the request's first byte to the response's last; UINT32_MAX
	uint32_t n_given;    // identifiers in the response
	uint8_t peer[16], server[16]; // addresses of the connection
	uint8_t api;                  // enum call_api
	uint8_t n_session_ids;
	uint16_t n_params;
	uint16_t params_lost; // beyond EXCHANGE_PARAMS, or of a full delta
	uint16_t n_shown;     // behind params: the first properties of a 2xx response that a client
			      // should not decide (privilege.h), but for those in lists
	const struct call_param *params;
	const struct session_id *session_ids; // that the response gave out
};

// An identifier that a response gave to somebody.
struct delta_object {
	uint64_t time_ns, order; // of the exchange
	uint64_t principal;
	uint64_t noun;  // 0: unknown
	uint64_t value; // keyed hash
	uint8_t class;  // enum param_class: what is short can be guessed, and met by chance
	bool created;   // by this request
	bool vague;     // only its endpoint's path says what it is one of
};

// CLIENT: the name of a field of a request, whatever became of it (parameters are in its call).
// SERVER: a field of a successful response, with a look that it had not before. Sent again now and
// then, and whenever a worker's cache forgot that it was.
struct delta_param {
	uint64_t endpoint, field, time_ns;
	struct span name; // "$.items[].sku", "query.page", "path[2]"
	uint8_t dir, place, class;
	uint8_t kind; // enum value_kind
	bool id;      // it names objects
	bool sampled; // its exchange is one of those that tell the class of all their values
};

// A data type in the requests or responses of an endpoint that were successful; sent again each day.
struct delta_type {
	uint64_t endpoint, time_ns;
	uint16_t type;
	uint8_t dir;
};

// The server did what was asked.
static inline bool call_ok(const struct call *call)
{
	return call->status / 100 == 2 || (call->flags & CALL_MESSAGE);
}

// Who and what stands behind an id; sent again whenever a worker's cache forgot that it was.
struct delta_name {
	uint64_t id;
	bool is_endpoint;
	bool missing;             // endpoints: the server said 404 or 405, or nothing
	enum principal_kind kind; // principals
	uint8_t confidence;       // principals: 0..100
	uint8_t addr[16];         // principals: address when first seen
	struct span a, b, c; // endpoint: host, method, template; principal: user, user agent, -
	uint64_t time_ns;    // of the call that made it known: the first of several announcements wins
};

// One finding of one detector, with masked copies of the exchange. Spans point into the arena.
struct finding {
	const struct detector *detector;
	uint64_t key;      // de-duplication within the detector
	uint64_t count;    // how often this key was found in this epoch by this worker
	uint64_t time_ns, order, last_ns;
	uint64_t principal, endpoint;
	uint8_t severity;   // enum severity
	uint8_t confidence; // 0..100
	uint8_t result;     // enum incident_result
	bool tentative;     // only accept() can tell: not shown to the observer of exchanges
	uint16_t status;
	uint64_t arg[4];    // the detector's own numbers for its texts
	struct issue_term terms[ISSUE_MAX_TERMS];
	uint32_t n_terms;
	uint8_t client[16], server[16];
	uint8_t proxy[16]; // that said who the client is; all zero: nobody had to
	uint16_t client_port, server_port;
	struct span user_agent, path;
	uint32_t n_types;
	struct {
		uint16_t type;
		uint8_t dir;
		uint64_t count;
		uint64_t field;
		bool in_text; // some values were only a part of what the field held
		bool lucky;   // each may have passed by accident
		uint32_t passed, refused; // merger: different values of the field, so far
		struct span name, sample;
	} types[FINDING_TYPES];
	struct issue_evidence evidence;
};

enum { REFUSED = 0, PASSED };

// What one type thought of the values of one field (learn.h).
struct delta_field {
	uint64_t id;       // learn_id()
	uint64_t endpoint; // as it is known before the body
	uint64_t last_ns;
	uint64_t sketch[2][SKETCH_WORDS]; // REFUSED, PASSED
	uint64_t values[2];
	uint16_t type;
	bool unsure; // the type counts only if it is learnt that the field is of it
};

struct delta {
	uint32_t n_calls, n_findings, n_names, n_fields, n_bindings;
	uint32_t arena_used;
	uint64_t calls_lost, findings_lost, names_lost, fields_lost, bindings_lost;
	uint64_t exchanges; // ended in this epoch, recorded or lost
	struct call *calls;
	struct finding *findings;
	struct delta_name *names;
	struct delta_field *fields;
	uint32_t n_objects, n_call_params, n_params;
	uint64_t objects_lost, call_params_lost, params_lost;
	struct delta_object *objects;
	struct call_param *call_params;
	struct delta_param *params;
	struct delta_type *types;
	uint32_t n_types;
	uint64_t types_lost;
	struct delta_binding *bindings;
	struct session_id *session_ids;
	uint32_t n_session_ids;
	uint64_t session_ids_lost;
	uint32_t n_captures;
	struct finding captures[CAPTURES_WANTED]; // exchanges that the merger asked for
	uint8_t *arena;
};
