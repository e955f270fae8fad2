// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What is hashed is text, which goes to the hash piece by piece and is never stored. JA4 sorts its
// lists: in place, in a copy on the stack that is as large as the longest list of a hello.

#include "flows/ja.h"

#include "flows/tls_read.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>

enum { JA_VALUES = 8 << 10 }; // of two bytes, in a hello of 16 KiB

static const char digits[16] = "0123456789abcdef";

static void hex_text(const uint8_t *bytes, uint32_t n, char *out)
{
	for (uint32_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static void md5_text(struct md5_ctx *md5, const char *text)
{
	md5_update(md5, strlen(text), (const uint8_t *)text);
}

static void md5_number(struct md5_ctx *md5, uint32_t value)
{
	char text[10];
	uint32_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	md5_update(md5, sizeof(text) - at, (const uint8_t *)text + at);
}

// "1-2-3" of values of that many bytes.
static void md5_list(struct md5_ctx *md5, struct span list, uint32_t bytes)
{
	struct tls_read r = {.rest = list};
	bool first = true;

	while (r.rest.len >= bytes) {
		uint32_t value = tls_read_number(&r, bytes);

		if (bytes == 2 && tls_grease((uint16_t)value))
			continue;
		if (!first)
			md5_text(md5, "-");
		md5_number(md5, value);
		first = false;
	}
}

static void md5_extensions(struct md5_ctx *md5, struct span list)
{
	struct span bytes;
	bool first = true;
	uint16_t type;

	while (list.len && tls_hello_extension(&list, &type, &bytes)) {
		if (tls_grease(type))
			continue;
		if (!first)
			md5_text(md5, "-");
		md5_number(md5, type);
		first = false;
	}
}

static void md5_end(struct md5_ctx *md5, char out[33])
{
	uint8_t digest[MD5_DIGEST_SIZE];

	md5_digest(md5, sizeof(digest), digest);
	hex_text(digest, sizeof(digest), out);
}

// "version,ciphers,extensions,groups,point formats"
void ja3_client(const struct tls_client_hello *hello, char out[33])
{
	struct md5_ctx md5;

	md5_init(&md5);
	md5_number(&md5, hello->legacy_version);
	md5_text(&md5, ",");
	md5_list(&md5, hello->ciphers, hello->v2 ? 3 : 2);
	md5_text(&md5, ",");
	md5_extensions(&md5, hello->extensions);
	md5_text(&md5, ",");
	md5_list(&md5, hello->groups, 2);
	md5_text(&md5, ",");
	md5_list(&md5, hello->formats, 1);
	md5_end(&md5, out);
}

// "version,cipher,extensions"
void ja3_server(const struct tls_server_hello *hello, char out[33])
{
	struct md5_ctx md5;

	md5_init(&md5);
	md5_number(&md5, hello->legacy_version);
	md5_text(&md5, ",");
	md5_number(&md5, hello->cipher);
	md5_text(&md5, ",");
	md5_extensions(&md5, hello->extensions);
	md5_end(&md5, out);
}

// ---- JA4

static void sift(uint16_t *v, uint32_t at, uint32_t n)
{
	// Each turn goes down one level of the heap.
	for (;;) {
		uint32_t child = 2 * at + 1;
		uint16_t kept = v[at];

		if (child >= n)
			return;
		if (child + 1 < n && v[child + 1] > v[child])
			child++;
		if (kept >= v[child])
			return;
		v[at] = v[child];
		v[child] = kept;
		at = child;
	}
}

static void sort(uint16_t *v, uint32_t n)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(v, i, n);
	for (uint32_t i = n; i-- > 1;) {
		uint16_t largest = v[0];

		v[0] = v[i];
		v[i] = largest;
		sift(v, 0, i);
	}
}

static void sha_values(struct sha256_ctx *sha, const uint16_t *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t bytes[2] = {(uint8_t)(v[i] >> 8), (uint8_t)v[i]};
		char text[5];

		hex_text(bytes, 2, text);
		if (i)
			sha256_update(sha, 1, (const uint8_t *)",");
		sha256_update(sha, 4, (const uint8_t *)text);
	}
}

static void sha_end(struct sha256_ctx *sha, char out[13])
{
	uint8_t digest[6];

	sha256_digest(sha, sizeof(digest), digest);
	hex_text(digest, sizeof(digest), out);
}

// The values of a list but GREASE.
static uint32_t values(struct span list, uint16_t *v)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i + 1 < list.len && n < JA_VALUES; i += 2) {
		v[n] = tls_u16(list.p + i);
		n += !tls_grease(v[n]);
	}
	return n;
}

// The types of the extensions but GREASE; *kept: … those that the hash is of.
static uint32_t extension_types(struct span list, uint16_t *v, uint32_t *kept)
{
	struct span bytes;
	uint32_t n = 0;
	uint16_t type;

	*kept = 0;
	while (list.len && *kept < JA_VALUES && tls_hello_extension(&list, &type, &bytes)) {
		if (tls_grease(type))
			continue;
		n++;
		if (type != TLS_EXT_SERVER_NAME && type != TLS_EXT_ALPN)
			v[(*kept)++] = type;
	}
	return n;
}

static const char *version_text(const struct tls_client_hello *hello)
{
	uint16_t version = 0;

	for (uint32_t i = 0; i + 1 < hello->versions.len; i += 2) {
		uint16_t offered = tls_u16(hello->versions.p + i);

		if (!tls_grease(offered) && offered > version)
			version = offered;
	}
	switch (version ? version : hello->legacy_version) {
	case TLS_13:
		return "13";
	case TLS_12:
		return "12";
	case 0x0302:
		return "11";
	case TLS_10:
		return "10";
	case TLS_SSL3:
		return "s3";
	case 0x0002:
		return "s2";
	}
	return "00";
}

static bool alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z');
}

// First and last character of the first protocol, of its hexadecimal form when one is no letter or
// digit.
static void alpn_text(struct span list, char *out)
{
	struct tls_read r = {.rest = list};
	struct span name = tls_read_vector(&r, 1);

	out[0] = out[1] = '0';
	if (name.len == 0)
		return;
	uint8_t first = name.p[0], last = name.p[name.len - 1];

	if (alphanumeric(first) && alphanumeric(last)) {
		out[0] = (char)first;
		out[1] = (char)last;
	} else {
		out[0] = digits[first >> 4];
		out[1] = digits[last & 15];
	}
}

static void count_text(uint32_t n, char *out)
{
	n = n < 99 ? n : 99;
	out[0] = (char)('0' + n / 10);
	out[1] = (char)('0' + n % 10);
}

void ja4_client(const struct tls_client_hello *hello, char out[37])
{
	uint16_t v[JA_VALUES];
	uint32_t n, n_extensions;
	struct sha256_ctx sha;

	out[0] = 't';
	memcpy(out + 1, version_text(hello), 2);
	out[3] = hello->has_sni ? 'd' : 'i';
	alpn_text(hello->alpn, out + 8);
	memcpy(out + 10, "_000000000000_000000000000", 27);

	n = values(hello->ciphers, v);
	count_text(n, out + 4);
	sort(v, n);
	sha256_init(&sha);
	sha_values(&sha, v, n);
	if (n)
		sha_end(&sha, out + 11);
	out[23] = '_';

	n_extensions = extension_types(hello->extensions, v, &n);
	count_text(n_extensions, out + 6);
	sort(v, n);
	sha256_init(&sha);
	sha_values(&sha, v, n);
	uint32_t n_hashed = n;

	n = values(hello->signatures, v);
	if (n) {
		sha256_update(&sha, 1, (const uint8_t *)"_");
		sha_values(&sha, v, n);
	}
	if (n_hashed)
		sha_end(&sha, out + 24);
}
