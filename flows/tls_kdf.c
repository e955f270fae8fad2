// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// HMAC and what TLS builds on it. What held a secret is wiped before its function returns.

#include "flows/tls_kdf.h"

#include <nettle/hmac.h>

uint32_t tls_hash_len(enum tls_hash hash)
{
	static const uint8_t lens[] = {0, SHA1_DIGEST_SIZE, SHA256_DIGEST_SIZE, SHA384_DIGEST_SIZE};

	return lens[hash];
}

void tls_hmac(enum tls_hash hash, struct span key, const struct tls_hmac_part parts[4],
	      uint8_t *out)
{
	union {
		struct hmac_sha1_ctx sha1;
		struct hmac_sha256_ctx sha256;
		struct hmac_sha384_ctx sha384;
	} u;

	switch (hash) {
	case TLS_SHA1:
		hmac_sha1_set_key(&u.sha1, key.len, key.p);
		for (uint32_t i = 0; i < 4; i++)
			hmac_sha1_update(&u.sha1, parts[i].len, parts[i].p);
		hmac_sha1_digest(&u.sha1, SHA1_DIGEST_SIZE, out);
		break;
	case TLS_SHA256:
		hmac_sha256_set_key(&u.sha256, key.len, key.p);
		for (uint32_t i = 0; i < 4; i++)
			hmac_sha256_update(&u.sha256, parts[i].len, parts[i].p);
		hmac_sha256_digest(&u.sha256, SHA256_DIGEST_SIZE, out);
		break;
	case TLS_SHA384:
		hmac_sha384_set_key(&u.sha384, key.len, key.p);
		for (uint32_t i = 0; i < 4; i++)
			hmac_sha384_update(&u.sha384, parts[i].len, parts[i].p);
		hmac_sha384_digest(&u.sha384, SHA384_DIGEST_SIZE, out);
		break;
	case TLS_NO_HASH:
		break;
	}
	explicit_bzero(&u, sizeof(u));
}

void tls_prf_12(enum tls_hash hash, struct span secret, const char *label, struct span seed,
		uint8_t *out, uint32_t len)
{
	uint8_t a[SHA384_DIGEST_SIZE], block[SHA384_DIGEST_SIZE];
	struct tls_hmac_part text = {label, (uint32_t)strlen(label)}, rest = {seed.p, seed.len};
	const struct tls_hmac_part none = {"", 0};
	uint32_t n = tls_hash_len(hash);

	tls_hmac(hash, secret, (struct tls_hmac_part[4]){text, rest, none, none}, a);
	while (len) {
		uint32_t take = len < n ? len : n;

		tls_hmac(hash, secret, (struct tls_hmac_part[4]){{a, n}, text, rest, none}, block);
		memcpy(out, block, take);
		out += take;
		len -= take;
		tls_hmac(hash, secret, (struct tls_hmac_part[4]){{a, n}, none, none, none}, a);
	}
	explicit_bzero(a, sizeof(a));
	explicit_bzero(block, sizeof(block));
}

void tls_expand_label(enum tls_hash hash, const uint8_t *secret, const char *label, uint8_t *out,
		      uint32_t len)
{
	uint8_t block[SHA384_DIGEST_SIZE];
	uint32_t n = (uint32_t)strlen(label);
	uint8_t head[3] = {0, (uint8_t)len, (uint8_t)(6 + n)};
	// No context; the number of the first and only block of HKDF-Expand (RFC 5869).
	static const uint8_t tail[2] = {0, 1};

	tls_hmac(hash, span_make(secret, tls_hash_len(hash)),
		 (struct tls_hmac_part[4]){{head, 3}, {"tls13 ", 6}, {label, n}, {tail, 2}}, block);
	memcpy(out, block, len);
	explicit_bzero(block, sizeof(block));
}
