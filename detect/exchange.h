// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What detection knows of one exchange while it lasts, and at its end, when detectors look at
// it. Worker only. Lives in a pool beside the transaction; tx->detect points to it.

#pragma once

#include "detect/issue.h"
#include "detect/scan.h"
#include "detect/sketch.h"
#include "flows/http_tx.h"
#include "flows/parser.h"

enum {
	EXCHANGE_HITS = 32,
	EXCHANGE_UNSURE = 8, // of them, at most, that only a learnt field makes count
	EXCHANGE_MISSES = 24,
	EXCHANGE_MASKS = 96,
	EXCHANGE_NAME = 72,
	EXCHANGE_SAMPLE = 48,
	EXCHANGE_TEMPLATE = 192,
	EXCHANGE_USER = 64,
	EXCHANGE_PARAMS = 32,
	QUIET_NEVER = -1,
	EXCHANGE_SHOWN = 8,
	EXCHANGE_ROLE = 32,
};

// What is known of the credentials of a request; bits of token_flags. What is not set was not seen:
// of a token that did not fit into what is looked at nothing is concluded from absence.
enum token_flag {
	TOKEN_SEEN = 1 << 0,        // a JSON web token came with it
	TOKEN_MALFORMED = 1 << 1,   // it has the form of one, but not the contents
	TOKEN_ALG_NONE = 1 << 2,    // alg is "none" in any case, empty, or not there
	TOKEN_UNSIGNED = 1 << 3,    // it has no signature part, or an empty one
	TOKEN_NO_EXP = 1 << 4,      // it never expires
	TOKEN_EXP_FAR = 1 << 5,     // … or late: principal.token_days
	TOKEN_EXPIRED = 1 << 6,     // at the time of the packet, five minutes of skew aside
	TOKEN_EARLY = 1 << 7,       // nbf is later than the packet, likewise
	TOKEN_KID_ODD = 1 << 8,     // kid holds a path, a quote, a command or a URL
	TOKEN_KEY_URL = 1 << 9,     // jku or x5u does not lead to the issuer's host
	TOKEN_KEY_INSIDE = 1 << 10, // the key comes with the token (jwk)
	TOKEN_SENSITIVE = 1 << 11,  // a claim's name says password, card number, …
	TOKEN_CHECKED = 1 << 12,    // the list of known secrets was tried
	TOKEN_WEAK_SECRET = 1 << 13, // … and one of them signs it
	BASIC_SEEN = 1 << 14,       // Basic credentials with a user name
	BASIC_PLAINTEXT = 1 << 15,  // … and no TLS around the connection as seen here
	BASIC_WEAK = 1 << 16,       // … with a password of the list, none, or the user name
};

enum agent_kind {
	AGENT_UNKNOWN = 0, // none was sent
	AGENT_BROWSER,     // or what passes for one
	AGENT_PROGRAM,
};

enum login_result {
	LOGIN_UNKNOWN = 0,
	LOGIN_SUCCESS,
	LOGIN_FAILURE,
};

enum hit_place {
	PLACE_BODY = 0,
	PLACE_QUERY,   // of the request target
	PLACE_PATH,    // of the request target
	PLACE_REFERER,
	PLACE_FORM,    // request body, urlencoded
};

// One (type, direction, field) of this exchange.
struct exchange_hit {
	uint16_t type;    // index of the data type
	uint8_t dir;      // enum dir
	uint8_t place;    // enum hit_place
	bool ctx;
	bool unsure;      // it counts only where the field is learnt to be of the type
	bool lucky;       // nothing but a check that many numbers pass speaks for it
	bool learnt;      // it counts because the field is known to be of the type
	uint64_t field;   // identity of the field within the endpoint
	uint64_t first_value; // keyed hash of the first value
	uint32_t count;   // values
	uint32_t tests;   // of them: numbers that are published for tests, no exposure
	uint32_t in_text; // of them, those that were only a part of what the field held
	uint32_t counted; // of them, those that n_values of the exchange counts
	uint64_t seen[SKETCH_WORDS];
	uint32_t distinct; // bits in seen: a floor of the distinct values
	uint8_t name_len, sample_len;
	uint8_t name[EXCHANGE_NAME];     // "$.users[].email", "query.token", "path[2]"
	uint8_t sample[EXCHANGE_SAMPLE]; // masked
};

// Whole values of a field that a type looked at and refused.
struct exchange_miss {
	uint16_t type;
	uint8_t dir;
	bool unsure; // only a learnt field makes the type count
	uint32_t count;
	uint64_t field;
	uint64_t seen[SKETCH_WORDS];
};

// Where a sensitive value lies in what is kept of a body; masked before anything leaves.
struct exchange_mask {
	uint32_t off, len;
	uint16_t type; // UINT16_MAX: nothing of it is shown
	uint8_t hit;   // index of the hit that it belongs to; UINT8_MAX: none
};

// What a parameter's value looks like.
enum param_class {
	PARAM_EMPTY = 0,
	PARAM_NULL,
	PARAM_BOOL,
	PARAM_INT,    // digits, with a sign or without
	PARAM_NUMBER, // with a fraction or an exponent
	PARAM_UUID,
	PARAM_HEX,   // 16 digits and more
	PARAM_DATE,
	PARAM_EMAIL,
	PARAM_URL,
	PARAM_TOKEN, // random-looking
	PARAM_WORD,  // letters, digits, - _ . only
	PARAM_TEXT,
	PARAM_CLASSES,
};

// One scalar of a request.
struct call_param {
	uint64_t field; // identity within the endpoint, as in struct delta_param
	uint64_t noun;  // the kind of object that it names; 0: it names none
	uint64_t value; // keyed hash, the same wherever the value stands; 0: it came in pieces
	double number;  // of INT and NUMBER
	uint32_t len;   // bytes
	uint8_t class;  // enum param_class
	uint8_t place;  // enum hit_place
	uint8_t index;  // PATH: of the segment; BODY, FORM: of the name's privilege (privilege.h)
	uint8_t kind;   // enum value_kind, of a body
};

struct exchange {
	struct http_tx *tx;
	uint64_t principal; // keyed hash of kind and value
	enum principal_kind principal_kind;
	uint8_t user_len;
	uint8_t user[EXCHANGE_USER]; // how it is shown
	uint8_t user_confidence;     // 0..100, in the principal
	uint8_t role_len;
	uint8_t role_text[EXCHANGE_ROLE]; // the roles, when they are words
	uint8_t client[16]; // who sent it: the connection's client, or who a known proxy says it is
	// Keyed hashes, 0: none.
	uint64_t session;  // of the credential that came with the request
	uint64_t role;     // of the roles that a token names, in any order
	uint64_t agent;    // of the user agent without version numbers
	uint64_t ja4;      // of the connection's ClientHello
	uint64_t token_id; // jti
	uint64_t subject;  // sub, also when something else says who it is; within its issuer
	uint64_t subject_value; // … as facts_value_hash() knows an identifier
	uint64_t login_user;   // the user name of a login request, or of Basic credentials
	uint64_t login_secret; // the password; never kept, never told
	uint32_t token_flags;  // enum token_flag
	uint8_t login_result;  // enum login_result, known at the end
	uint8_t agent_kind;    // enum agent_kind
	uint8_t rank;          // principal.c: place in the order of what said who it is
	uint64_t endpoint;  // keyed hash of host, method, template
	uint64_t base;      // the same before the operation of the body was known
	uint16_t template_len;
	uint8_t template[EXCHANGE_TEMPLATE];
	struct span host;   // lower case is up to the reader; without port
	struct span path;   // of the target, without query and fragment
	struct span query;
	bool credentials;   // the request carried something that authenticates
	bool login;         // sign-in, sign-up or token request: credentials in the body
	uint32_t id_segments; // a bit for each path segment that is a value in the template
	bool operated;      // the operation of the body is a part of the template
	uint8_t api;        // enum call_api, by that operation
	bool half;          // one side only, or a hole: detectors must not conclude from absence

	uint32_t n_hits, next_hit;
	uint32_t n_unsure;
	uint32_t hits_lost;    // beyond EXCHANGE_HITS different fields
	uint32_t n_misses, n_unsure_misses, misses_lost, next_miss;
	uint32_t n_values;     // sensitive values in the response
	uint64_t value_off, value_end; // where the last of them lies: it may have several types
	uint64_t scanned[2];   // the body was searched up to here; what is behind is not shown
	uint32_t n_params, params_lost, n_given; // n_given: identifiers in the response
	uint32_t n_shown;   // properties of the response that a client should not decide
	uint64_t noun;      // of what the endpoint is about; 0: nothing that is known
	bool noun_known;    // it was looked for
	bool gives;         // its response may give its caller something to ask for
	uint8_t news;       // fields that may still be told
	uint64_t told_to;   // bytes of the response whose fields are
	uint32_t serial;    // number on its worker
	uint64_t quiet_from[2];  // of a body: from here on fields that say nothing are passed by,
	uint64_t quiet_until[2]; // and values that end before here;
	int16_t quiet_told[2];   // before, those of a field that was told, but for so many values
	bool creates;       // what it gives is made by this request
	bool held;          // it was told that its request is held open
	bool told_all;      // all fields of the response are told to the merger
	uint32_t n_masks[2];
	uint32_t mask_limit[2]; // kept body is shown up to here: more hits than masks beyond
	struct scan_pending pending[2];
	struct exchange_hit hits[EXCHANGE_HITS];
	struct exchange_miss misses[EXCHANGE_MISSES];
	struct exchange_mask masks[2][EXCHANGE_MASKS];
	struct call_param params[EXCHANGE_PARAMS];
	struct call_param shown[EXCHANGE_SHOWN];
};
