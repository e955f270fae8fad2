// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// JSON web tokens (RFC 7519, in the compact form of RFC 7515): what they say of themselves. They
// are read, not verified: that is the server's part. What is wrong with one is told as bits of
// enum token_flag; what could not be read is not told.

#pragma once

#include "detect/exchange.h"

enum {
	TOKEN_HEADER_MAX = 1024, // decoded bytes of the header that are looked at
	TOKEN_PAYLOAD_MAX = 2048, // … and of the payload
};

struct token_text {
	uint8_t header[TOKEN_HEADER_MAX], payload[TOKEN_PAYLOAD_MAX];
};

struct token {
	bool is_token;       // it has the form of one that is readable
	uint32_t flags;      // enum token_flag, those that do not depend on the time
	uint8_t hmac;        // 1, 2, 3: alg is HS256, HS384, HS512; 0: another one
	bool complete;       // the payload was read to its end
	struct span signed_part, signature; // of the text, in Base64
	struct span payload; // JSON, in the buffer
	struct span issuer, subject, id;    // of the payload; empty: not there
	int64_t expires_s, from_s, issued_s; // since 1970; 0: not there
};

// Reads a token into text, which the spans of *out point into.
void token_read(struct span value, struct token_text *text, struct token *out);
// The flags of a token at a time: expired, not yet valid, valid for long.
uint32_t token_flags_at(int64_t expires_s, int64_t from_s, int64_t issued_s, int64_t now_s,
			uint32_t max_s);
// Either alphabet of RFC 4648, up to the first foreign byte or a full buffer; *taken: bytes read.
uint32_t token_base64(struct span in, uint8_t *out, uint32_t size, uint32_t *taken);

// weak.c: lists of what everybody tries first.
// Is the token signed with a secret of the list?
bool weak_secret(const struct token *token);
bool weak_password(struct span user, struct span password);
