// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// HTTP/1.1 messages as ordinary clients and servers write them, and bodies in the usual
// framings and content codings.

#pragma once

#include "tools/gen/gen_buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gen_framing {
	GEN_LENGTH = 0,
	GEN_CHUNKED,
	GEN_GZIP, // with a Content-Length
	GEN_GZIP_CHUNKED,
};

enum gen_coding {
	GEN_CODING_GZIP = 0,
	GEN_CODING_ZLIB,        // what "deflate" means by the book
	GEN_CODING_RAW_DEFLATE, // what some servers send as "deflate"
};

struct gen_request {
	const char *method, *target, *host, *user_agent;
	const char *token; // bearer token, NULL: no credentials
	const char *referer; // NULL: none
	const char *type;  // of the body; NULL: no body
	const void *body;
	size_t len;
};

struct gen_response {
	uint32_t status;
	const char *type; // NULL: no body
	const void *body;
	size_t len;
	enum gen_framing framing;
	uint64_t time_s, request_id;
};

const char *gen_http_reason(uint32_t status);
void gen_http_request(struct gen_buffer *out, const struct gen_request *request);
void gen_http_response(struct gen_buffer *out, const struct gen_response *response);
// Appends data as chunks of at most size bytes, and the last chunk with its trailer lines.
// extension stands behind each size; both texts may be "".
void gen_http_chunks(struct gen_buffer *out, const void *data, size_t len, size_t size,
		     const char *extension, const char *trailers);
void gen_http_encode(struct gen_buffer *out, const void *data, size_t len, enum gen_coding coding);
