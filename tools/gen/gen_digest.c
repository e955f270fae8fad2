// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// SHA-256 after FIPS 180-4, HMAC after RFC 2104, base64url after RFC 4648. Speed does not matter
// here; a test compares the results with known answers.

#include "tools/gen/gen_digest.h"

#include <stdio.h>
#include <string.h>

static const uint32_t round_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

struct sha256 {
	uint32_t state[8];
	uint8_t block[64];
	uint64_t len;
};

static uint32_t rotate(uint32_t x, uint32_t n)
{
	return x >> n | x << (32 - n);
}

static void sha256_block(struct sha256 *sha)
{
	uint32_t w[64], a = sha->state[0], b = sha->state[1], c = sha->state[2], d = sha->state[3];
	uint32_t e = sha->state[4], f = sha->state[5], g = sha->state[6], h = sha->state[7];

	for (uint32_t i = 0; i < 16; i++) {
		const uint8_t *p = sha->block + 4 * i;

		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	}
	for (uint32_t i = 16; i < 64; i++) {
		uint32_t x = w[i - 15], y = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) +
		       (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
	}
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			      ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			      ((a & b) ^ (a & c) ^ (b & c));

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	sha->state[0] += a;
	sha->state[1] += b;
	sha->state[2] += c;
	sha->state[3] += d;
	sha->state[4] += e;
	sha->state[5] += f;
	sha->state[6] += g;
	sha->state[7] += h;
}

static void sha256_init(struct sha256 *sha)
{
	*sha = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
					 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

static void sha256_add(struct sha256 *sha, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		sha->block[sha->len++ & 63] = p[i];
		if (!(sha->len & 63))
			sha256_block(sha);
	}
}

static void sha256_end(struct sha256 *sha, uint8_t out[GEN_SHA256_BYTES])
{
	uint64_t bits = sha->len * 8;
	uint8_t tail[8];

	for (uint32_t i = 0; i < 8; i++)
		tail[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(sha, "\x80", 1);
	while ((sha->len & 63) != 56)
		sha256_add(sha, "", 1);
	sha256_add(sha, tail, sizeof(tail));
	for (uint32_t i = 0; i < GEN_SHA256_BYTES; i++)
		out[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

void gen_digest_sha256(const void *data, size_t len, uint8_t out[GEN_SHA256_BYTES])
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, data, len);
	sha256_end(&sha, out);
}

void gen_digest_hmac(const char *key, const void *data, size_t len, uint8_t out[GEN_SHA256_BYTES])
{
	uint8_t pad[64] = {0}, inner[GEN_SHA256_BYTES];
	size_t key_len = strlen(key);
	struct sha256 sha;

	if (key_len > sizeof(pad))
		gen_digest_sha256(key, key_len, pad);
	else
		memcpy(pad, key, key_len);
	for (uint32_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	sha256_init(&sha);
	sha256_add(&sha, pad, sizeof(pad));
	sha256_add(&sha, data, len);
	sha256_end(&sha, inner);
	for (uint32_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_init(&sha);
	sha256_add(&sha, pad, sizeof(pad));
	sha256_add(&sha, inner, sizeof(inner));
	sha256_end(&sha, out);
}

void gen_digest_hex(const void *data, size_t len, char out[GEN_SHA256_HEX])
{
	uint8_t digest[GEN_SHA256_BYTES];

	gen_digest_sha256(data, len, digest);
	for (uint32_t i = 0; i < GEN_SHA256_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

size_t gen_digest_base64url(const void *data, size_t len, char *out)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *p = data;
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)p[i] << 16;

		if (have > 1)
			bits |= (uint32_t)p[i + 1] << 8;
		if (have > 2)
			bits |= p[i + 2];
		for (size_t k = 0; k <= have; k++)
			out[n++] = alphabet[bits >> (18 - 6 * k) & 63];
	}
	out[n] = '\0';
	return n;
}
