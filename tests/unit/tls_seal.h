// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The sender's side of record protection, for tests: written on its own, from the same RFCs as
// flows/tls_cipher.c, over the library's encryption.

#pragma once

#include "tests/unit/tls_build.h"

#include "flows/tls_cipher.h"
#include "flows/tls_kdf.h"

#include <nettle/cbc.h>

struct sealer {
	const struct tls_suite *suite;
	bool is_13, etm;
	uint64_t seq;
	uint8_t key[32], iv[12], mac_key[48], secret[48];
};

static inline uint32_t seal_key_len(const struct tls_suite *suite)
{
	return suite->protection == TLS_GCM_128 || suite->protection == TLS_CCM_128 ||
			       suite->protection == TLS_CBC_128
		       ? 16
		       : 32;
}

static inline void seal_keys_12(struct sealer s[2], const struct tls_suite *suite,
				const uint8_t master[48], const uint8_t client[32],
				const uint8_t server[32], bool etm)
{
	uint8_t seed[64], block[256], *p = block;
	uint32_t mac = suite->mac ? suite->tag : 0, key = seal_key_len(suite);
	uint32_t iv = suite->mac ? 0 : suite->protection == TLS_CHACHA ? 12 : 4;

	memcpy(seed, server, 32);
	memcpy(seed + 32, client, 32);
	tls_prf_12(suite->hash, span_make(master, 48), "key expansion", span_make(seed, 64), block,
		   sizeof(block));
	for (uint32_t dir = 0; dir < 2; dir++, p += mac) {
		s[dir] = (struct sealer){.suite = suite, .etm = etm && suite->mac};
		memcpy(s[dir].mac_key, p, mac);
	}
	for (uint32_t dir = 0; dir < 2; dir++, p += key)
		memcpy(s[dir].key, p, key);
	for (uint32_t dir = 0; dir < 2; dir++, p += iv)
		memcpy(s[dir].iv, p, iv);
}

static inline void seal_keys_13(struct sealer *s, const struct tls_suite *suite,
				const uint8_t *secret)
{
	*s = (struct sealer){.suite = suite, .is_13 = true};
	memcpy(s->secret, secret, tls_hash_len(suite->hash));
	tls_expand_label(suite->hash, secret, "key", s->key, seal_key_len(suite));
	tls_expand_label(suite->hash, secret, "iv", s->iv, 12);
}

static inline void seal_aead(struct sealer *s, const uint8_t nonce[12], struct span aad,
			     struct span plain, uint8_t *out)
{
	uint32_t tag = s->suite->tag;
	union {
		struct gcm_aes128_ctx gcm128;
		struct gcm_aes256_ctx gcm256;
		struct chacha_poly1305_ctx chacha;
		struct ccm_aes128_ctx ccm128;
		struct ccm_aes256_ctx ccm256;
	} u;

	switch (s->suite->protection) {
	case TLS_GCM_128:
		gcm_aes128_set_key(&u.gcm128, s->key);
		gcm_aes128_set_iv(&u.gcm128, 12, nonce);
		gcm_aes128_update(&u.gcm128, aad.len, aad.p);
		gcm_aes128_encrypt(&u.gcm128, plain.len, out, plain.p);
		gcm_aes128_digest(&u.gcm128, tag, out + plain.len);
		break;
	case TLS_GCM_256:
		gcm_aes256_set_key(&u.gcm256, s->key);
		gcm_aes256_set_iv(&u.gcm256, 12, nonce);
		gcm_aes256_update(&u.gcm256, aad.len, aad.p);
		gcm_aes256_encrypt(&u.gcm256, plain.len, out, plain.p);
		gcm_aes256_digest(&u.gcm256, tag, out + plain.len);
		break;
	case TLS_CHACHA:
		chacha_poly1305_set_key(&u.chacha, s->key);
		chacha_poly1305_set_nonce(&u.chacha, nonce);
		chacha_poly1305_update(&u.chacha, aad.len, aad.p);
		chacha_poly1305_encrypt(&u.chacha, plain.len, out, plain.p);
		chacha_poly1305_digest(&u.chacha, tag, out + plain.len);
		break;
	case TLS_CCM_128:
		ccm_aes128_set_key(&u.ccm128, s->key);
		ccm_aes128_encrypt_message(&u.ccm128, 12, nonce, aad.len, aad.p, tag,
					   plain.len + tag, out, plain.p);
		break;
	default:
		ccm_aes256_set_key(&u.ccm256, s->key);
		ccm_aes256_encrypt_message(&u.ccm256, 12, nonce, aad.len, aad.p, tag,
					   plain.len + tag, out, plain.p);
	}
}

static inline void seal_number(uint8_t *p, uint64_t value, uint32_t n)
{
	while (n-- > 0) {
		p[n] = (uint8_t)value;
		value >>= 8;
	}
}

// A record of TLS 1.3 with that many bytes of padding.
static inline void seal_13(struct sealer *s, struct buf *b, uint8_t type, struct span plain,
			   uint32_t padding)
{
	static uint8_t inner[20000], out[20000];
	uint8_t head[5] = {23, 3, 3}, nonce[12] = {0}, seq[8];
	uint32_t n = plain.len;

	memcpy(inner, plain.p, n);
	inner[n++] = type;
	memset(inner + n, 0, padding);
	n += padding;
	seal_number(head + 3, n + s->suite->tag, 2);
	seal_number(seq, s->seq++, 8);
	memcpy(nonce, s->iv, 12);
	for (uint32_t i = 0; i < 8; i++)
		nonce[4 + i] ^= seq[i];
	seal_aead(s, nonce, span_make(head, 5), span_make(inner, n), out);
	put(b, head, 5);
	put(b, out, n + s->suite->tag);
}

static inline void seal_mac(const struct sealer *s, const uint8_t aad[13], struct span bytes,
			    uint8_t *out)
{
	const struct tls_hmac_part none = {"", 0};

	tls_hmac(s->suite->mac, span_make(s->mac_key, s->suite->tag),
		 (struct tls_hmac_part[4]){{aad, 13}, {bytes.p, bytes.len}, none, none}, out);
}

static inline void seal_cbc(struct sealer *s, struct buf *b, uint8_t type, struct span plain,
			    uint8_t aad[13])
{
	static uint8_t inner[20000], out[20000];
	uint32_t n = plain.len;
	uint8_t iv[16], pad;

	memcpy(inner, plain.p, n);
	if (!s->etm) {
		seal_mac(s, aad, plain, inner + n);
		n += s->suite->tag;
	}
	pad = (uint8_t)(15 - n % 16 + 16 * (s->seq % 3));
	memset(inner + n, pad, pad + 1u);
	n += pad + 1u;
	for (uint32_t i = 0; i < 16; i++)
		out[i] = iv[i] = (uint8_t)(s->seq * 31 + i);
	if (s->suite->protection == TLS_CBC_128) {
		struct aes128_ctx aes;

		aes128_set_encrypt_key(&aes, s->key);
		cbc_encrypt(&aes, (nettle_cipher_func *)aes128_encrypt, 16, iv, n, out + 16, inner);
	} else {
		struct aes256_ctx aes;

		aes256_set_encrypt_key(&aes, s->key);
		cbc_encrypt(&aes, (nettle_cipher_func *)aes256_encrypt, 16, iv, n, out + 16, inner);
	}
	n += 16;
	if (s->etm) {
		seal_number(aad + 11, n, 2);
		seal_mac(s, aad, span_make(out, n), out + n);
		n += s->suite->tag;
	}
	put_number(b, type, 1);
	put_number(b, 0x0303, 2);
	put_vector(b, out, n, 2);
}

static inline void seal_12(struct sealer *s, struct buf *b, uint8_t type, struct span plain)
{
	static uint8_t out[20000];
	uint8_t aad[13], nonce[12];
	uint32_t at = 0;

	seal_number(aad, s->seq, 8);
	aad[8] = type;
	aad[9] = aad[10] = 3;
	seal_number(aad + 11, plain.len, 2);
	if (s->suite->mac) {
		seal_cbc(s, b, type, plain, aad);
	} else {
		memcpy(nonce, s->iv, 12);
		if (s->suite->protection == TLS_CHACHA) {
			for (uint32_t i = 0; i < 8; i++)
				nonce[4 + i] ^= aad[i];
		} else { // any number that is used once
			seal_number(nonce + 4, s->seq * 3 + 7, 8);
			memcpy(out, nonce + 4, 8);
			at = 8;
		}
		seal_aead(s, nonce, span_make(aad, 13), plain, out + at);
		put_number(b, type, 1);
		put_number(b, 0x0303, 2);
		put_vector(b, out, at + plain.len + s->suite->tag, 2);
	}
	s->seq++;
}

static inline void seal(struct sealer *s, struct buf *b, uint8_t type, struct span plain)
{
	if (s->is_13)
		seal_13(s, b, type, plain, (uint32_t)(s->seq % 4));
	else
		seal_12(s, b, type, plain);
}
