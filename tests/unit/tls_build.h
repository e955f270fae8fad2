// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For the tests of TLS: bytes in network order with lengths that are filled in afterwards, hellos,
// certificates and records made of them, and memory whose end must not be passed.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef assert_true // fuzz harnesses bring their own
#include <cmocka.h>
#endif

#include "flows/span.h"

struct buf {
	uint8_t p[256 << 10];
	uint32_t n;
};

static inline void put(struct buf *b, const void *bytes, size_t n)
{
	assert_true(n <= sizeof(b->p) - b->n);
	if (n)
		memcpy(b->p + b->n, bytes, n);
	b->n += (uint32_t)n;
}

static inline void put_number(struct buf *b, uint32_t value, uint32_t n)
{
	for (uint32_t i = n; i-- > 0;) {
		uint8_t c = (uint8_t)(value >> 8 * i);

		put(b, &c, 1);
	}
}

// A length of n bytes, of what follows until end().
static inline uint32_t begin(struct buf *b, uint32_t n)
{
	put_number(b, 0, n);
	return b->n;
}

static inline void end(struct buf *b, uint32_t at, uint32_t n)
{
	uint32_t len = b->n - at;

	for (uint32_t i = 0; i < n; i++)
		b->p[at - 1 - i] = (uint8_t)(len >> 8 * i);
}

static inline void put_vector(struct buf *b, const void *bytes, size_t len, uint32_t n)
{
	uint32_t at = begin(b, n);

	put(b, bytes, len);
	end(b, at, n);
}

static inline void put_text(struct buf *b, const char *text, uint32_t n)
{
	put_vector(b, text, strlen(text), n);
}

static inline struct span whole_of(const struct buf *b)
{
	return span_make(b->p, b->n);
}

// ---- memory with a guard behind it

static uint8_t *guard_end;
static size_t guard_size;

static inline void guard_init(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (guard_end)
		return;
	guard_size = 64 * page;
	uint8_t *p = mmap(NULL, guard_size + page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + guard_size, page, PROT_NONE), 0);
	guard_end = p + guard_size;
}

// A copy whose end is the guard.
static inline struct span guarded(struct span s)
{
	guard_init();
	assert_true(s.len <= guard_size);
	if (s.len)
		memcpy(guard_end - s.len, s.p, s.len);
	return span_make(guard_end - s.len, s.len);
}

// ---- hellos

struct client_options {
	const char *sni;     // NULL: none
	const char *alpn[4]; // ended by NULL
	bool no_13;          // no supported_versions
	bool grease;
	bool early_data;
	uint32_t padding;    // bytes of an extension that only makes it long
};

struct server_options {
	uint16_t version, cipher;
	const char *alpn;
	bool retry, etm;
};

static inline uint32_t extension(struct buf *b, uint16_t type)
{
	put_number(b, type, 2);
	return begin(b, 2);
}

static inline void random_bytes(struct buf *b, uint8_t first)
{
	for (uint32_t i = 0; i < 32; i++)
		put_number(b, (uint8_t)(first + i), 1);
}

enum { CLIENT_RANDOM_FIRST = 0x10, SERVER_RANDOM_FIRST = 0x70 };

// The message's body.
static inline void client_hello_body(struct buf *b, const struct client_options *o)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302, 0x1303, 0xc02f, 0xc030, 0x009c, 0x002f};
	uint32_t at, list;

	put_number(b, 0x0303, 2);
	random_bytes(b, CLIENT_RANDOM_FIRST);
	put_vector(b, "0123456789abcdef0123456789abcdef", 32, 1);
	at = begin(b, 2);
	if (o->grease)
		put_number(b, 0xdada, 2);
	for (uint32_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		put_number(b, ciphers[i], 2);
	end(b, at, 2);
	put_vector(b, "", 1, 1);
	uint32_t all = begin(b, 2);

	if (o->grease)
		end(b, extension(b, 0x1a1a), 2);
	if (o->sni) {
		at = extension(b, 0);
		list = begin(b, 2);
		put_number(b, 0, 1);
		put_text(b, o->sni, 2);
		end(b, list, 2);
		end(b, at, 2);
	}
	at = extension(b, 10); // groups
	list = begin(b, 2);
	if (o->grease)
		put_number(b, 0x2a2a, 2);
	put_number(b, 29, 2);
	put_number(b, 23, 2);
	end(b, list, 2);
	end(b, at, 2);
	at = extension(b, 11); // point formats
	put_vector(b, "", 1, 1);
	end(b, at, 2);
	at = extension(b, 13); // signatures
	list = begin(b, 2);
	put_number(b, 0x0403, 2);
	put_number(b, 0x0804, 2);
	end(b, list, 2);
	end(b, at, 2);
	if (o->alpn[0]) {
		at = extension(b, 16);
		list = begin(b, 2);
		for (uint32_t i = 0; i < 4 && o->alpn[i]; i++)
			put_text(b, o->alpn[i], 1);
		end(b, list, 2);
		end(b, at, 2);
	}
	if (!o->no_13) {
		at = extension(b, 43);
		list = begin(b, 1);
		if (o->grease)
			put_number(b, 0xaaaa, 2);
		put_number(b, 0x0304, 2);
		put_number(b, 0x0303, 2);
		end(b, list, 1);
		end(b, at, 2);
	}
	if (o->early_data)
		end(b, extension(b, 42), 2);
	if (o->padding) {
		at = extension(b, 21);
		for (uint32_t i = 0; i < o->padding; i++)
			put_number(b, 0, 1);
		end(b, at, 2);
	}
	end(b, all, 2);
}

static inline void server_hello_body(struct buf *b, const struct server_options *o)
{
	static const uint8_t retry[32] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
		0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
		0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
	uint32_t at, list;

	put_number(b, o->version < 0x0304 ? o->version : 0x0303, 2);
	if (o->retry)
		put(b, retry, 32);
	else
		random_bytes(b, SERVER_RANDOM_FIRST);
	put_vector(b, "0123456789abcdef0123456789abcdef", 32, 1);
	put_number(b, o->cipher, 2);
	put_number(b, 0, 1);
	uint32_t all = begin(b, 2);

	if (o->version >= 0x0304) {
		at = extension(b, 43);
		put_number(b, o->version, 2);
		end(b, at, 2);
	}
	if (o->etm)
		end(b, extension(b, 22), 2);
	if (o->alpn) {
		at = extension(b, 16);
		list = begin(b, 2);
		put_text(b, o->alpn, 1);
		end(b, list, 2);
		end(b, at, 2);
	}
	end(b, all, 2);
}

// ---- messages and records

static inline uint32_t message_begin(struct buf *b, uint8_t type)
{
	put_number(b, type, 1);
	return begin(b, 3);
}

static inline void message_end(struct buf *b, uint32_t at)
{
	end(b, at, 3);
}

static inline void put_client_hello(struct buf *b, const struct client_options *o)
{
	uint32_t at = message_begin(b, 1);

	client_hello_body(b, o);
	message_end(b, at);
}

static inline void put_server_hello(struct buf *b, const struct server_options *o)
{
	uint32_t at = message_begin(b, 2);

	server_hello_body(b, o);
	message_end(b, at);
}

// Records of at most n bytes.
static inline void put_records(struct buf *b, uint8_t type, struct span bytes, uint32_t n)
{
	do {
		uint32_t take = bytes.len < n ? bytes.len : n;

		put_number(b, type, 1);
		put_number(b, 0x0303, 2);
		put_vector(b, bytes.p, take, 2);
		bytes.p += take;
		bytes.len -= take;
	} while (bytes.len);
}

// ---- certificates

static inline uint32_t der_begin(struct buf *b, uint8_t tag)
{
	put_number(b, tag, 1);
	put_number(b, 0x82, 1);
	return begin(b, 2);
}

static inline void der_end(struct buf *b, uint32_t at)
{
	end(b, at, 2);
}

static inline void der(struct buf *b, uint8_t tag, const void *bytes, uint32_t n)
{
	uint32_t at = der_begin(b, tag);

	put(b, bytes, n);
	der_end(b, at);
}

static inline void der_oid(struct buf *b, const char *bytes, uint32_t n)
{
	put_number(b, 6, 1);
	put_vector(b, bytes, n, 1);
}

// "CN=…,O=…": the common name is the last part of the DER.
static inline void der_name(struct buf *b, const char *cn, const char *o)
{
	uint32_t name = der_begin(b, 0x30), set, pair;

	if (o) {
		set = der_begin(b, 0x31);
		pair = der_begin(b, 0x30);
		der_oid(b, "\x55\x04\x0a", 3);
		der(b, 0x0c, o, (uint32_t)strlen(o));
		der_end(b, pair);
		der_end(b, set);
	}
	set = der_begin(b, 0x31);
	pair = der_begin(b, 0x30);
	der_oid(b, "\x55\x04\x03", 3);
	der(b, 0x0c, cn, (uint32_t)strlen(cn));
	der_end(b, pair);
	der_end(b, set);
	der_end(b, name);
}

struct cert_options {
	const char *subject, *issuer, *organisation;
	const char *before, *after; // UTCTime, or GeneralizedTime when longer
	uint32_t rsa_bits;          // 0: a P-256 key
	uint32_t n_names;           // in the subjectAltName
};

static inline void der_key(struct buf *b, uint32_t rsa_bits)
{
	uint32_t info = der_begin(b, 0x30), algorithm = der_begin(b, 0x30), bits, pair;
	uint8_t modulus[1024] = {0, 0x80};

	if (rsa_bits) {
		der_oid(b, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 9);
		der(b, 5, NULL, 0);
	} else {
		der_oid(b, "\x2a\x86\x48\xce\x3d\x02\x01", 7);
		der_oid(b, "\x2a\x86\x48\xce\x3d\x03\x01\x07", 8);
	}
	der_end(b, algorithm);
	bits = der_begin(b, 3);
	put_number(b, 0, 1);
	if (rsa_bits) {
		pair = der_begin(b, 0x30);
		der(b, 2, modulus, rsa_bits / 8 + 1);
		der(b, 2, "\x01\x00\x01", 3);
		der_end(b, pair);
	} else {
		put(b, modulus, 65);
	}
	der_end(b, bits);
	der_end(b, info);
}

static inline void put_cert(struct buf *b, const struct cert_options *o)
{
	uint32_t cert = der_begin(b, 0x30), tbs = der_begin(b, 0x30), at, list;

	at = der_begin(b, 0xa0);
	der(b, 2, "\2", 1);
	der_end(b, at);
	der(b, 2, "\1\2\3", 3);
	at = der_begin(b, 0x30);
	der_oid(b, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9);
	der_end(b, at);
	der_name(b, o->issuer, o->organisation);
	at = der_begin(b, 0x30);
	der(b, strlen(o->before) > 13 ? 0x18 : 0x17, o->before, (uint32_t)strlen(o->before));
	der(b, strlen(o->after) > 13 ? 0x18 : 0x17, o->after, (uint32_t)strlen(o->after));
	der_end(b, at);
	der_name(b, o->subject, o->organisation);
	der_key(b, o->rsa_bits);
	if (o->n_names) {
		at = der_begin(b, 0xa3);
		list = der_begin(b, 0x30);
		uint32_t one = der_begin(b, 0x30);

		der_oid(b, "\x55\x1d\x11", 3);
		uint32_t octets = der_begin(b, 4), names = der_begin(b, 0x30);

		for (uint32_t i = 0; i < o->n_names; i++) {
			char name[32];

			snprintf(name, sizeof(name), "n%u.example", i);
			der(b, 0x82, name, (uint32_t)strlen(name));
		}
		der(b, 0x87, "\xc0\x00\x02\x01", 4);
		der_end(b, names);
		der_end(b, octets);
		der_end(b, one);
		der_end(b, list);
		der_end(b, at);
	}
	der_end(b, tbs);
	at = der_begin(b, 0x30);
	der_oid(b, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9);
	der_end(b, at);
	der(b, 3, "\0sig", 4);
	der_end(b, cert);
}

// A Certificate message of TLS 1.2, or of TLS 1.3, with these.
static inline void put_certificates(struct buf *b, const struct cert_options *certs, uint32_t n,
				    bool is_13)
{
	uint32_t at = message_begin(b, 11), list, one;

	if (is_13)
		put_number(b, 0, 1);
	list = begin(b, 3);
	for (uint32_t i = 0; i < n; i++) {
		one = begin(b, 3);
		put_cert(b, &certs[i]);
		end(b, one, 3);
		if (is_13)
			put_number(b, 0, 2);
	}
	end(b, list, 3);
	message_end(b, at);
}
