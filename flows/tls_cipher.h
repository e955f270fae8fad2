// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How TLS 1.2 and 1.3 protect a record, and the keys of it. Everything lies in what the caller
// lends; the library behind it allocates nothing.

#pragma once

#include "flows/tls_keys.h"

#include <nettle/aes.h>
#include <nettle/ccm.h>
#include <nettle/chacha-poly1305.h>
#include <nettle/gcm.h>

enum tls_hash {
	TLS_NO_HASH = 0,
	TLS_SHA1,
	TLS_SHA256,
	TLS_SHA384,
};

enum tls_protection {
	TLS_GCM_128 = 1,
	TLS_GCM_256,
	TLS_CHACHA,
	TLS_CCM_128,
	TLS_CCM_256,
	TLS_CBC_128,
	TLS_CBC_256,
};

struct tls_suite {
	uint16_t id;
	uint8_t protection;
	uint8_t tag;  // bytes of it, or of the MAC
	uint8_t mac;  // enum tls_hash, of CBC
	uint8_t hash; // enum tls_hash, of the key derivation
};

// One direction under one key.
struct tls_cipher {
	const struct tls_suite *suite; // NULL: none
	bool is_13;
	bool encrypt_then_mac;
	uint64_t seq; // of the next record
	uint8_t iv[12];
	uint8_t mac_key[TLS_SECRET_MOST];
	union {
		struct gcm_aes128_ctx gcm128;
		struct gcm_aes256_ctx gcm256;
		struct chacha_poly1305_ctx chacha;
		struct ccm_aes128_ctx ccm128;
		struct ccm_aes256_ctx ccm256;
		struct aes128_ctx aes128;
		struct aes256_ctx aes256;
	};
};

// NULL: not one that is decrypted.
const struct tls_suite *tls_suite_find(uint16_t id, bool is_13);
uint32_t tls_hash_len(enum tls_hash hash);

// Keys of both directions (RFC 5246 section 6.3), by enum dir.
void tls_cipher_keys_12(struct tls_cipher *const ciphers[2], const struct tls_suite *suite,
			const struct tls_secret *master, const uint8_t client_random[32],
			const uint8_t server_random[32], bool encrypt_then_mac);
// Of one traffic secret (RFC 8446 section 7.3).
void tls_cipher_keys_13(struct tls_cipher *cipher, const struct tls_suite *suite,
			const uint8_t *secret);
// The traffic secret behind a KeyUpdate (RFC 8446 section 7.2), in place.
void tls_secret_update(const struct tls_suite *suite, uint8_t *secret);

// The record as number seq. head: its five bytes; plain: as many bytes as the body has. False: not
// this key, this number or this record; nothing of plain counts. *type: what is inside.
bool tls_cipher_open(struct tls_cipher *cipher, uint64_t seq, const uint8_t head[5],
		     struct span body, uint8_t *plain, uint32_t *len, uint8_t *type);
// Length of the plaintext of a record that was not seen; UINT32_MAX: not known by its length.
uint32_t tls_cipher_plain_len(const struct tls_cipher *cipher, uint32_t body_len);
