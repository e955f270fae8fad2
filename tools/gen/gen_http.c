// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Message writer; zlib does the content codings.

#include "tools/gen/gen_http.h"

#include <time.h>
#include <zlib.h>

const char *gen_http_reason(uint32_t status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 204:
		return "No Content";
	case 304:
		return "Not Modified";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 413:
		return "Content Too Large";
	case 429:
		return "Too Many Requests";
	default:
		return "Unknown";
	}
}

void gen_http_request(struct gen_buffer *out, const struct gen_request *request)
{
	gen_buffer_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", request->method, request->target,
			  request->host);
	gen_buffer_printf(out, "User-Agent: %s\r\n", request->user_agent);
	gen_buffer_text(out, "Accept: application/json\r\nAccept-Encoding: gzip\r\n");
	if (request->token)
		gen_buffer_printf(out, "Authorization: Bearer %s\r\n", request->token);
	if (request->referer)
		gen_buffer_printf(out, "Referer: %s\r\n", request->referer);
	if (request->type)
		gen_buffer_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", request->type,
				  request->len);
	gen_buffer_text(out, "\r\n");
	gen_buffer_add(out, request->body, request->type ? request->len : 0);
}

void gen_http_response(struct gen_buffer *out, const struct gen_response *response)
{
	bool chunked = response->framing == GEN_CHUNKED || response->framing == GEN_GZIP_CHUNKED;
	bool gzip = response->framing == GEN_GZIP || response->framing == GEN_GZIP_CHUNKED;
	time_t seconds = (time_t)response->time_s;
	struct gen_buffer coded = {0};
	const void *body = response->body;
	size_t len = response->len;
	char date[40];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	gen_buffer_printf(out, "HTTP/1.1 %u %s\r\nServer: nginx\r\nDate: %s\r\n", response->status,
			  gen_http_reason(response->status), date);
	gen_buffer_printf(out, "X-Request-Id: r-%08x\r\nCache-Control: no-store\r\n",
			  (uint32_t)response->request_id);
	if (response->status == 401)
		gen_buffer_text(out, "WWW-Authenticate: Bearer\r\n");
	if (!response->type) {
		gen_buffer_text(out, response->status == 204 || response->status == 304
					     ? "\r\n"
					     : "Content-Length: 0\r\n\r\n");
		return;
	}
	gen_buffer_printf(out, "Content-Type: %s\r\n", response->type);
	if (gzip) {
		gen_http_encode(&coded, body, len, GEN_CODING_GZIP);
		body = coded.p;
		len = coded.len;
		gen_buffer_text(out, "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n");
	}
	if (chunked) {
		gen_buffer_text(out, "Transfer-Encoding: chunked\r\n\r\n");
		gen_http_chunks(out, body, len, 4096, "", "");
	} else {
		gen_buffer_printf(out, "Content-Length: %zu\r\n\r\n", len);
		gen_buffer_add(out, body, len);
	}
	gen_buffer_free(&coded);
}

void gen_http_chunks(struct gen_buffer *out, const void *data, size_t len, size_t size,
		     const char *extension, const char *trailers)
{
	const char *p = data;

	while (len) {
		size_t take = len < size ? len : size;

		gen_buffer_printf(out, "%zx%s\r\n", take, extension);
		gen_buffer_add(out, p, take);
		gen_buffer_text(out, "\r\n");
		p += take;
		len -= take;
	}
	gen_buffer_printf(out, "0%s\r\n%s\r\n", extension, trailers);
}

void gen_http_encode(struct gen_buffer *out, const void *data, size_t len, enum gen_coding coding)
{
	static const int window_bits[] = {
		[GEN_CODING_GZIP] = 15 + 16,
		[GEN_CODING_ZLIB] = 15,
		[GEN_CODING_RAW_DEFLATE] = -15,
	};
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
	Bytef block[16384];
	int rc;

	if (deflateInit2(&stream, 6, Z_DEFLATED, window_bits[coding], 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		gen_fatal("zlib could not start");
	do {
		stream.next_out = block;
		stream.avail_out = sizeof(block);
		rc = deflate(&stream, Z_FINISH);
		gen_buffer_add(out, block, sizeof(block) - stream.avail_out);
	} while (rc == Z_OK);
	if (rc != Z_STREAM_END)
		gen_fatal("zlib stopped with %d", rc);
	deflateEnd(&stream);
}
