// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// SHA-256 and Keccak-256 for short inputs, one call, no state. Both are run only for candidates
// that already look like an address in length and alphabet, so size counts more than speed here.

#include "detect/digest.h"

#include <string.h>

static uint32_t digest_rotr32(uint32_t v, uint32_t n)
{
	return v >> n | v << (32 - n);
}

static uint64_t digest_rotl64(uint64_t v, uint32_t n)
{
	return n ? v << n | v >> (64 - n) : v;
}

// FIPS 180-4, section 6.2.2.
static void digest_sha256_block(uint32_t h[8], const uint8_t *p)
{
	static const uint32_t k[64] = {
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
	uint32_t w[64], v[8];

	for (uint32_t i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (uint32_t i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] +
		       (digest_rotr32(a, 7) ^ digest_rotr32(a, 18) ^ a >> 3) +
		       (digest_rotr32(b, 17) ^ digest_rotr32(b, 19) ^ b >> 10);
	}
	memcpy(v, h, sizeof(v));
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t e = v[4], a = v[0];
		uint32_t t1 = v[7] + k[i] + w[i] + ((e & v[5]) ^ (~e & v[6])) +
			      (digest_rotr32(e, 6) ^ digest_rotr32(e, 11) ^ digest_rotr32(e, 25));
		uint32_t t2 = ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2])) +
			      (digest_rotr32(a, 2) ^ digest_rotr32(a, 13) ^ digest_rotr32(a, 22));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (uint32_t i = 0; i < 8; i++)
		h[i] += v[i];
}

void digest_sha256(const uint8_t *p, uint32_t n, uint8_t out[DIGEST_BYTES])
{
	uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	uint8_t block[2 * 64] = {0};
	uint32_t len;

	if (n > DIGEST_INPUT_MAX)
		n = DIGEST_INPUT_MAX;
	len = n + 9 <= 64 ? 64 : 128;
	memcpy(block, p, n);
	block[n] = 0x80;
	block[len - 2] = (uint8_t)(n * 8 >> 8);
	block[len - 1] = (uint8_t)(n * 8);
	for (uint32_t i = 0; i < len; i += 64)
		digest_sha256_block(h, block + i);
	for (uint32_t i = 0; i < DIGEST_BYTES; i++)
		out[i] = (uint8_t)(h[i / 4] >> (24 - i % 4 * 8));
}

// FIPS 202, section 3.2; the lane at (x, y) is a[x + 5 * y].
static void digest_keccak_round(uint64_t a[25], uint64_t constant)
{
	// Offsets of rho along the walk that pi takes, from lane 1 on.
	static const uint8_t rho[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
					27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
	static const uint8_t pi[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
				       15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
	uint64_t c[5], t;

	for (uint32_t x = 0; x < 5; x++)
		c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
	for (uint32_t x = 0; x < 5; x++) {
		uint64_t d = c[(x + 4) % 5] ^ digest_rotl64(c[(x + 1) % 5], 1);

		for (uint32_t y = 0; y < 25; y += 5)
			a[x + y] ^= d;
	}
	t = a[1];
	for (uint32_t i = 0; i < 24; i++) {
		uint64_t next = a[pi[i]];

		a[pi[i]] = digest_rotl64(t, rho[i]);
		t = next;
	}
	for (uint32_t y = 0; y < 25; y += 5) {
		memcpy(c, a + y, sizeof(c));
		for (uint32_t x = 0; x < 5; x++)
			a[x + y] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
	}
	a[0] ^= constant;
}

void digest_keccak256(const uint8_t *p, uint32_t n, uint8_t out[DIGEST_BYTES])
{
	static const uint64_t constants[24] = {
		0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
		0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
		0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
		0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
		0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
		0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
	};
	enum { RATE = 136 };
	uint64_t a[25] = {0};

	if (n > DIGEST_INPUT_MAX)
		n = DIGEST_INPUT_MAX;
	for (uint32_t i = 0; i < n; i++)
		a[i / 8] ^= (uint64_t)p[i] << (i % 8 * 8);
	a[n / 8] ^= UINT64_C(1) << (n % 8 * 8);
	a[(RATE - 1) / 8] ^= UINT64_C(0x80) << 56;
	for (uint32_t i = 0; i < 24; i++)
		digest_keccak_round(a, constants[i]);
	for (uint32_t i = 0; i < DIGEST_BYTES; i++)
		out[i] = (uint8_t)(a[i / 8] >> (i % 8 * 8));
}
