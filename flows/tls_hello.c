// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Hellos of SSL 3.0 to TLS 1.3 (RFC 8446 section 4.1, RFC 5246 section 7.4.1). Pure functions over
// one message. A hello whose list of extensions does not fit is none; of an extension that is damaged
// nothing is taken, and the others still count.

#include "flows/tls_hello.h"

#include "flows/tls_read.h"

enum {
	V2_CLIENT_HELLO = 1,
	V2_FIXED = 9, // type, version, three lengths
	V2_CHALLENGE_LEAST = 16,
	NAME_HOST = 0, // RFC 6066 section 3
};

// SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3).
static const uint8_t retry_random[TLS_RANDOM] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

bool tls_hello_is_13(uint16_t version)
{
	return version == TLS_13 || version >> 8 == 0x7f;
}

bool tls_hello_extension(struct span *list, uint16_t *type, struct span *bytes)
{
	struct tls_read r = {.rest = *list};

	*type = (uint16_t)tls_read_number(&r, 2);
	*bytes = tls_read_vector(&r, 2);
	if (r.bad)
		return false;
	*list = r.rest;
	return true;
}

static bool whole(const struct tls_read *r)
{
	return !r->bad && r->rest.len == 0;
}

// A list of values of that many bytes behind a length of n bytes, and nothing else.
static bool list_of(struct span ext, uint32_t n, uint32_t bytes, struct span *list)
{
	struct tls_read r = {.rest = ext};

	struct span v = tls_read_vector(&r, n);

	if (!whole(&r) || v.len % bytes)
		return false;
	*list = v;
	return true;
}

static bool server_name(struct span ext, struct tls_client_hello *hello)
{
	struct tls_read r = {.rest = ext};
	struct tls_read names = {.rest = tls_read_vector(&r, 2)};
	struct span first = {0};

	while (names.rest.len) {
		uint32_t type = tls_read_number(&names, 1);
		struct span name = tls_read_vector(&names, 2);

		if (type == NAME_HOST && !first.p)
			first = name;
	}
	if (!whole(&r) || names.bad)
		return false;
	hello->sni = first;
	return true;
}

static bool protocols(struct span ext, struct span *list)
{
	struct tls_read r = {.rest = ext};
	struct tls_read names = {.rest = tls_read_vector(&r, 2)};

	struct span all = names.rest;

	while (names.rest.len)
		tls_read_vector(&names, 1);
	if (!whole(&r) || names.bad)
		return false;
	*list = all;
	return true;
}

// The name in a list that must have one.
static bool protocol_chosen(struct span ext, struct span *name)
{
	struct span list;

	if (!protocols(ext, &list) || list.len == 0)
		return false;
	struct tls_read r = {.rest = list};

	struct span first = tls_read_vector(&r, 1);

	if (!whole(&r))
		return false;
	*name = first;
	return true;
}

static bool client_extension(struct tls_client_hello *hello, uint16_t type, struct span ext)
{
	switch (type) {
	case TLS_EXT_SERVER_NAME:
		hello->has_sni = true;
		return server_name(ext, hello);
	case TLS_EXT_GROUPS:
		return list_of(ext, 2, 2, &hello->groups);
	case TLS_EXT_POINT_FORMATS:
		return list_of(ext, 1, 1, &hello->formats);
	case TLS_EXT_SIGNATURES:
		return list_of(ext, 2, 2, &hello->signatures);
	case TLS_EXT_ALPN:
		return protocols(ext, &hello->alpn);
	case TLS_EXT_VERSIONS:
		return list_of(ext, 1, 2, &hello->versions);
	case TLS_EXT_EARLY_DATA:
		hello->early_data = true;
		return true;
	}
	return true;
}

bool tls_hello_client(struct span body, struct tls_client_hello *hello)
{
	struct tls_read r = {.rest = body};
	struct span list, ext;
	uint16_t type;

	*hello = (struct tls_client_hello){0};
	hello->legacy_version = (uint16_t)tls_read_number(&r, 2);
	hello->random = tls_read_bytes(&r, TLS_RANDOM);
	struct span session = tls_read_vector(&r, 1);

	hello->ciphers = tls_read_vector(&r, 2);
	tls_read_vector(&r, 1); // compression methods
	// Extensions are optional up to TLS 1.2.
	if (!r.bad && r.rest.len)
		hello->extensions = tls_read_vector(&r, 2);
	if (!whole(&r) || session.len > 32 || hello->ciphers.len % 2 ||
	    hello->legacy_version < TLS_SSL3)
		return false;
	for (list = hello->extensions; list.len;) {
		if (!tls_hello_extension(&list, &type, &ext))
			return false;
		hello->damaged |= !client_extension(hello, type, ext);
	}
	return true;
}

static bool server_extension(struct tls_server_hello *hello, uint16_t type, struct span ext)
{
	switch (type) {
	case TLS_EXT_ALPN:
		return protocol_chosen(ext, &hello->alpn);
	case TLS_EXT_VERSIONS:
		hello->version = ext.len == 2 ? tls_u16(ext.p) : 0;
		return ext.len == 2;
	case TLS_EXT_ENCRYPT_THEN_MAC:
		hello->encrypt_then_mac = true;
		return true;
	}
	return true;
}

bool tls_hello_server(struct span body, struct tls_server_hello *hello)
{
	struct tls_read r = {.rest = body};
	struct span list, ext, session = {0};
	uint16_t type;

	*hello = (struct tls_server_hello){0};
	hello->legacy_version = hello->version = (uint16_t)tls_read_number(&r, 2);
	hello->random = tls_read_bytes(&r, TLS_RANDOM);
	// The drafts of TLS 1.3 up to 21 had neither session nor compression.
	bool draft = hello->legacy_version >> 8 == 0x7f;

	if (!draft)
		session = tls_read_vector(&r, 1);
	hello->cipher = (uint16_t)tls_read_number(&r, 2);
	if (!draft)
		tls_read_number(&r, 1);
	if (!r.bad && r.rest.len)
		hello->extensions = tls_read_vector(&r, 2);
	if (!whole(&r) || session.len > 32 || hello->legacy_version < TLS_SSL3)
		return false;
	hello->retry = memcmp(hello->random.p, retry_random, TLS_RANDOM) == 0;
	for (list = hello->extensions; list.len;) {
		if (!tls_hello_extension(&list, &type, &ext))
			return false;
		hello->damaged |= !server_extension(hello, type, ext);
	}
	return true;
}

bool tls_hello_encrypted(struct span body, struct span *alpn)
{
	struct tls_read r = {.rest = body};
	struct span list = tls_read_vector(&r, 2), ext;
	uint16_t type;

	*alpn = (struct span){0};
	if (!whole(&r))
		return false;
	while (list.len) {
		if (!tls_hello_extension(&list, &type, &ext) ||
		    (type == TLS_EXT_ALPN && !protocol_chosen(ext, alpn)))
			return false;
	}
	return true;
}

bool tls_hello_v2_begins(struct span first, bool *sure)
{
	struct tls_read r = {.rest = first};
	uint32_t len = tls_read_number(&r, 2);

	*sure = false;
	if (first.len >= 1 && !(first.p[0] & 0x80))
		return false;
	if ((first.len >= 3 && first.p[2] != V2_CLIENT_HELLO) ||
	    (first.len >= 4 && first.p[3] != 3))
		return false;
	if (first.len < 2 + V2_FIXED)
		return true;
	tls_read_bytes(&r, 3);
	uint32_t ciphers = tls_read_number(&r, 2), session = tls_read_number(&r, 2);
	uint32_t challenge = tls_read_number(&r, 2);

	*sure = true;
	return ciphers && ciphers % 3 == 0 && (session == 0 || session == 16) &&
	       challenge >= V2_CHALLENGE_LEAST && challenge <= TLS_RANDOM &&
	       (len & 0x7fff) == V2_FIXED + ciphers + session + challenge;
}

bool tls_hello_client_v2(struct span body, struct tls_client_hello *hello)
{
	struct tls_read r = {.rest = body};

	*hello = (struct tls_client_hello){.v2 = true};
	uint32_t type = tls_read_number(&r, 1);

	hello->legacy_version = (uint16_t)tls_read_number(&r, 2);
	uint32_t ciphers = tls_read_number(&r, 2), session = tls_read_number(&r, 2);
	uint32_t challenge = tls_read_number(&r, 2);

	hello->ciphers = tls_read_bytes(&r, ciphers);
	tls_read_bytes(&r, session);
	hello->random = tls_read_bytes(&r, challenge); // shorter than 32 bytes: no key log has it
	return whole(&r) && type == V2_CLIENT_HELLO && ciphers % 3 == 0;
}
