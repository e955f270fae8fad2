// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Tokens made from text, signed when a secret is given. Included by tests of what reads them.

#pragma once

#include <nettle/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static inline size_t token_encode(const void *bytes, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *p = bytes;
	uint32_t bits = 0, n_bits = 0;
	char *to = out;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | p[i];
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			*to++ = digits[bits >> (n_bits - 6) & 63];
	}
	if (n_bits)
		*to++ = digits[bits << (6 - n_bits) & 63];
	*to = '\0';
	return (size_t)(to - out);
}

// header.payload.signature; secret NULL: a signature of nobody's. hmac: 256, 384, 512.
static inline const char *token_make(char *out, const char *header, const char *payload,
				     const char *secret, uint32_t hmac)
{
	uint8_t digest[64] = "a signature that no secret of a list makes, of any length, ever";
	size_t n = token_encode(header, strlen(header), out);
	size_t len = hmac ? hmac / 8 : 32;

	out[n++] = '.';
	n += token_encode(payload, strlen(payload), out + n);
	if (secret && hmac == 256) {
		struct hmac_sha256_ctx c;

		hmac_sha256_set_key(&c, strlen(secret), (const uint8_t *)secret);
		hmac_sha256_update(&c, n, (const uint8_t *)out);
		hmac_sha256_digest(&c, len, digest);
	} else if (secret) {
		struct hmac_sha512_ctx c;

		if (hmac == 384)
			hmac_sha384_set_key(&c, strlen(secret), (const uint8_t *)secret);
		else
			hmac_sha512_set_key(&c, strlen(secret), (const uint8_t *)secret);
		hmac_sha512_update(&c, n, (const uint8_t *)out);
		if (hmac == 384)
			hmac_sha384_digest(&c, len, digest);
		else
			hmac_sha512_digest(&c, len, digest);
	}
	out[n++] = '.';
	token_encode(digest, len, out + n);
	return out;
}
