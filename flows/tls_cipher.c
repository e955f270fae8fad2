// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Record protection (RFC 8446 section 5.2; RFC 5246 section 6.2.3 with RFC 5288, 6655, 7366 and
// 7905). The time that a check takes tells nobody anything here: the peers have long decided.

#include "flows/tls_cipher.h"

#include "flows/tls_kdf.h"
#include "flows/tls_read.h"

#include <nettle/cbc.h>
#include <nettle/memops.h>

enum {
	AES_BLOCK = 16,
	NONCE_EXPLICIT = 8,
	AAD_12 = 13,
	KEY_BLOCK = 2 * (48 + 32 + 16),
};

#define GCM128(id) {id, TLS_GCM_128, 16, 0, TLS_SHA256}
#define GCM256(id) {id, TLS_GCM_256, 16, 0, TLS_SHA384}
#define CHACHA(id) {id, TLS_CHACHA, 16, 0, TLS_SHA256}
#define CCM(id, bits, tag) {id, TLS_CCM_##bits, tag, 0, TLS_SHA256}
#define CBC(id, bits, mac, n) {id, TLS_CBC_##bits, n, TLS_##mac, TLS_SHA256}
#define CBC384(id) {id, TLS_CBC_256, 48, TLS_SHA384, TLS_SHA384}

// Whatever the key exchange: the secret comes from the key log.
static const struct tls_suite suites[] = {
	CBC(0x002f, 128, SHA1, 20),   CBC(0x0032, 128, SHA1, 20),   CBC(0x0033, 128, SHA1, 20),
	CBC(0x0034, 128, SHA1, 20),   CBC(0x0035, 256, SHA1, 20),   CBC(0x0038, 256, SHA1, 20),
	CBC(0x0039, 256, SHA1, 20),   CBC(0x003a, 256, SHA1, 20),   CBC(0x003c, 128, SHA256, 32),
	CBC(0x003d, 256, SHA256, 32), CBC(0x0040, 128, SHA256, 32), CBC(0x0067, 128, SHA256, 32),
	CBC(0x006a, 256, SHA256, 32), CBC(0x006b, 256, SHA256, 32), GCM128(0x009c),
	GCM256(0x009d),               GCM128(0x009e),               GCM256(0x009f),
	GCM128(0x00a2),               GCM256(0x00a3),               GCM128(0x00a6),
	GCM256(0x00a7),               GCM128(0x00a8),               GCM256(0x00a9),
	GCM128(0x00aa),               GCM256(0x00ab),               CBC(0xc004, 128, SHA1, 20),
	CBC(0xc005, 256, SHA1, 20),   CBC(0xc009, 128, SHA1, 20),   CBC(0xc00a, 256, SHA1, 20),
	CBC(0xc00e, 128, SHA1, 20),   CBC(0xc00f, 256, SHA1, 20),   CBC(0xc013, 128, SHA1, 20),
	CBC(0xc014, 256, SHA1, 20),   CBC(0xc023, 128, SHA256, 32), CBC384(0xc024),
	CBC(0xc025, 128, SHA256, 32), CBC384(0xc026),               CBC(0xc027, 128, SHA256, 32),
	CBC384(0xc028),               CBC(0xc029, 128, SHA256, 32), CBC384(0xc02a),
	GCM128(0xc02b),               GCM256(0xc02c),               GCM128(0xc02d),
	GCM256(0xc02e),               GCM128(0xc02f),               GCM256(0xc030),
	GCM128(0xc031),               GCM256(0xc032),               CCM(0xc09c, 128, 16),
	CCM(0xc09d, 256, 16),         CCM(0xc09e, 128, 16),         CCM(0xc09f, 256, 16),
	CCM(0xc0a0, 128, 8),          CCM(0xc0a1, 256, 8),          CCM(0xc0a2, 128, 8),
	CCM(0xc0a3, 256, 8),          CCM(0xc0ac, 128, 16),         CCM(0xc0ad, 256, 16),
	CCM(0xc0ae, 128, 8),          CCM(0xc0af, 256, 8),          CHACHA(0xcca8),
	CHACHA(0xcca9),               CHACHA(0xccaa),               CHACHA(0xccab),
	CHACHA(0xccac),               CHACHA(0xccad),               CHACHA(0xccae),
};

static const struct tls_suite suites_13[] = {
	GCM128(0x1301), GCM256(0x1302), CHACHA(0x1303), CCM(0x1304, 128, 16), CCM(0x1305, 128, 8),
};

const struct tls_suite *tls_suite_find(uint16_t id, bool is_13)
{
	const struct tls_suite *rows = is_13 ? suites_13 : suites;
	size_t n = is_13 ? sizeof(suites_13) : sizeof(suites);

	for (size_t i = 0; i < n / sizeof(rows[0]); i++) {
		if (rows[i].id == id)
			return &rows[i];
	}
	return NULL;
}

static uint32_t key_len(const struct tls_suite *suite)
{
	switch (suite->protection) {
	case TLS_GCM_128:
	case TLS_CCM_128:
	case TLS_CBC_128:
		return 16;
	}
	return 32;
}

static bool is_cbc(const struct tls_suite *suite)
{
	return suite->mac != TLS_NO_HASH;
}

static void set_key(struct tls_cipher *c, const uint8_t *key)
{
	switch ((enum tls_protection)c->suite->protection) {
	case TLS_GCM_128:
		gcm_aes128_set_key(&c->gcm128, key);
		break;
	case TLS_GCM_256:
		gcm_aes256_set_key(&c->gcm256, key);
		break;
	case TLS_CHACHA:
		chacha_poly1305_set_key(&c->chacha, key);
		break;
	case TLS_CCM_128:
		ccm_aes128_set_key(&c->ccm128, key);
		break;
	case TLS_CCM_256:
		ccm_aes256_set_key(&c->ccm256, key);
		break;
	case TLS_CBC_128:
		aes128_set_decrypt_key(&c->aes128, key);
		break;
	case TLS_CBC_256:
		aes256_set_decrypt_key(&c->aes256, key);
		break;
	}
}

void tls_cipher_keys_12(struct tls_cipher *const ciphers[2], const struct tls_suite *suite,
			const struct tls_secret *master, const uint8_t client_random[32],
			const uint8_t server_random[32], bool encrypt_then_mac)
{
	uint8_t seed[64], keys[KEY_BLOCK];
	uint32_t n = key_len(suite), mac = is_cbc(suite) ? suite->tag : 0;
	uint32_t iv = is_cbc(suite) ? 0 : suite->protection == TLS_CHACHA ? 12 : 4;

	memcpy(seed, server_random, 32);
	memcpy(seed + 32, client_random, 32);
	tls_prf_12(suite->hash, span_make(master->bytes, master->len), "key expansion",
		   span_make(seed, sizeof(seed)), keys, 2 * (mac + n + iv));
	for (uint32_t dir = 0; dir < 2; dir++) {
		struct tls_cipher *c = ciphers[dir];

		c->suite = suite;
		c->is_13 = false;
		c->encrypt_then_mac = encrypt_then_mac && is_cbc(suite);
		c->seq = 0;
		memcpy(c->mac_key, keys + dir * mac, mac);
		set_key(c, keys + 2 * mac + dir * n);
		memcpy(c->iv, keys + 2 * (mac + n) + dir * iv, iv);
	}
	explicit_bzero(keys, sizeof(keys));
}

void tls_cipher_keys_13(struct tls_cipher *c, const struct tls_suite *suite, const uint8_t *secret)
{
	uint8_t key[32];

	c->suite = suite;
	c->is_13 = true;
	c->encrypt_then_mac = false;
	c->seq = 0;
	tls_expand_label(suite->hash, secret, "key", key, key_len(suite));
	tls_expand_label(suite->hash, secret, "iv", c->iv, sizeof(c->iv));
	set_key(c, key);
	explicit_bzero(key, sizeof(key));
}

void tls_secret_update(const struct tls_suite *suite, uint8_t *secret)
{
	uint8_t next[TLS_SECRET_MOST];
	uint32_t n = tls_hash_len(suite->hash);

	tls_expand_label(suite->hash, secret, "traffic upd", next, n);
	memcpy(secret, next, n);
	explicit_bzero(next, sizeof(next));
}

static void be_number(uint8_t *p, uint64_t value, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)(value >> 8 * (n - 1 - i));
}

// RFC 5246 section 6.2.3.3: number, type, version, length of the plaintext.
static void aad_12(uint8_t aad[AAD_12], uint64_t seq, const uint8_t head[5], uint32_t len)
{
	be_number(aad, seq, 8);
	memcpy(aad + 8, head, 3);
	be_number(aad + 11, len, 2);
}

static bool aead_open(struct tls_cipher *c, const uint8_t nonce[12], struct span aad,
		      struct span in, uint8_t *plain)
{
	uint32_t tag = c->suite->tag, len = in.len - tag;
	uint8_t got[16];

	switch ((enum tls_protection)c->suite->protection) {
	case TLS_GCM_128:
		gcm_aes128_set_iv(&c->gcm128, 12, nonce);
		gcm_aes128_update(&c->gcm128, aad.len, aad.p);
		gcm_aes128_decrypt(&c->gcm128, len, plain, in.p);
		gcm_aes128_digest(&c->gcm128, tag, got);
		break;
	case TLS_GCM_256:
		gcm_aes256_set_iv(&c->gcm256, 12, nonce);
		gcm_aes256_update(&c->gcm256, aad.len, aad.p);
		gcm_aes256_decrypt(&c->gcm256, len, plain, in.p);
		gcm_aes256_digest(&c->gcm256, tag, got);
		break;
	case TLS_CHACHA:
		chacha_poly1305_set_nonce(&c->chacha, nonce);
		chacha_poly1305_update(&c->chacha, aad.len, aad.p);
		chacha_poly1305_decrypt(&c->chacha, len, plain, in.p);
		chacha_poly1305_digest(&c->chacha, tag, got);
		break;
	case TLS_CCM_128:
		return ccm_aes128_decrypt_message(&c->ccm128, 12, nonce, aad.len, aad.p, tag, len,
						  plain, in.p);
	case TLS_CCM_256:
		return ccm_aes256_decrypt_message(&c->ccm256, 12, nonce, aad.len, aad.p, tag, len,
						  plain, in.p);
	default:
		return false;
	}
	return memeql_sec(got, in.p + len, tag);
}

static bool open_13(struct tls_cipher *c, uint64_t seq, const uint8_t head[5], struct span body,
		    uint8_t *plain, uint32_t *len, uint8_t *type)
{
	uint8_t nonce[12];

	if (body.len <= c->suite->tag)
		return false;
	memcpy(nonce, c->iv, 12);
	for (uint32_t i = 0; i < 8; i++)
		nonce[4 + i] ^= (uint8_t)(seq >> 8 * (7 - i));
	if (!aead_open(c, nonce, span_make(head, 5), body, plain))
		return false;
	uint32_t n = body.len - c->suite->tag;

	while (n && plain[n - 1] == 0) // padding (RFC 8446 section 5.4)
		n--;
	if (n == 0)
		return false;
	*type = plain[n - 1];
	*len = n - 1;
	return true;
}

static bool open_aead_12(struct tls_cipher *c, uint64_t seq, const uint8_t head[5],
			 struct span body, uint8_t *plain, uint32_t *len)
{
	uint8_t nonce[12], aad[AAD_12];
	uint32_t explicit = c->suite->protection == TLS_CHACHA ? 0 : NONCE_EXPLICIT;

	if (body.len < explicit + c->suite->tag)
		return false;
	memcpy(nonce, c->iv, 12);
	if (explicit) {
		memcpy(nonce + 4, body.p, NONCE_EXPLICIT);
		body.p += explicit;
		body.len -= explicit;
	} else {
		for (uint32_t i = 0; i < 8; i++)
			nonce[4 + i] ^= (uint8_t)(seq >> 8 * (7 - i));
	}
	*len = body.len - c->suite->tag;
	aad_12(aad, seq, head, *len);
	return aead_open(c, nonce, span_make(aad, sizeof(aad)), body, plain);
}

static void cbc_open(struct tls_cipher *c, struct span body, uint8_t *plain)
{
	uint8_t iv[AES_BLOCK];

	memcpy(iv, body.p, AES_BLOCK);
	if (c->suite->protection == TLS_CBC_128)
		cbc_decrypt(&c->aes128, (nettle_cipher_func *)aes128_decrypt, AES_BLOCK, iv,
			    body.len - AES_BLOCK, plain, body.p + AES_BLOCK);
	else
		cbc_decrypt(&c->aes256, (nettle_cipher_func *)aes256_decrypt, AES_BLOCK, iv,
			    body.len - AES_BLOCK, plain, body.p + AES_BLOCK);
}

static bool mac_fits(const struct tls_cipher *c, uint64_t seq, const uint8_t head[5],
		     struct span bytes, const uint8_t *mac)
{
	uint8_t aad[AAD_12], got[TLS_SECRET_MOST];
	const struct tls_hmac_part none = {"", 0};

	aad_12(aad, seq, head, bytes.len);
	tls_hmac(c->suite->mac, span_make(c->mac_key, c->suite->tag),
		 (struct tls_hmac_part[4]){{aad, AAD_12}, {bytes.p, bytes.len}, none, none}, got);
	return memeql_sec(got, mac, c->suite->tag);
}

// RFC 5246 section 6.2.3.2; RFC 7366 section 3 moves the MAC behind the encryption.
static bool open_cbc(struct tls_cipher *c, uint64_t seq, const uint8_t head[5], struct span body,
		     uint8_t *plain, uint32_t *len)
{
	uint32_t mac = c->suite->tag;

	if (c->encrypt_then_mac) {
		if (body.len < mac)
			return false;
		body.len -= mac;
		if (!mac_fits(c, seq, head, body, body.p + body.len))
			return false;
	}
	if (body.len < 2 * AES_BLOCK || body.len % AES_BLOCK)
		return false;
	cbc_open(c, body, plain);
	uint32_t n = body.len - AES_BLOCK, padding = plain[n - 1];

	if (padding + 1 > n)
		return false;
	for (uint32_t i = 0; i < padding; i++) {
		if (plain[n - 2 - i] != padding)
			return false;
	}
	n -= padding + 1;
	if (c->encrypt_then_mac) {
		*len = n;
		return true;
	}
	if (n < mac)
		return false;
	*len = n - mac;
	return mac_fits(c, seq, head, span_make(plain, *len), plain + *len);
}

bool tls_cipher_open(struct tls_cipher *c, uint64_t seq, const uint8_t head[5], struct span body,
		     uint8_t *plain, uint32_t *len, uint8_t *type)
{
	if (c->is_13)
		return open_13(c, seq, head, body, plain, len, type);
	*type = head[0];
	return is_cbc(c->suite) ? open_cbc(c, seq, head, body, plain, len)
				: open_aead_12(c, seq, head, body, plain, len);
}

uint32_t tls_cipher_plain_len(const struct tls_cipher *c, uint32_t body_len)
{
	uint32_t more = c->suite->tag;

	if (c->is_13 || is_cbc(c->suite))
		return UINT32_MAX;
	more += c->suite->protection == TLS_CHACHA ? 0 : NONCE_EXPLICIT;
	return body_len < more ? UINT32_MAX : body_len - more;
}
