// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Key derivation of TLS 1.2 and 1.3, and the one HMAC that both need.

#pragma once

#include "flows/tls_cipher.h"

struct tls_hmac_part {
	const void *p;
	uint32_t len;
};

// Over up to four parts; out has tls_hash_len(hash) bytes.
void tls_hmac(enum tls_hash hash, struct span key, const struct tls_hmac_part parts[4],
	      uint8_t *out);
// PRF of TLS 1.2 (RFC 5246 section 5).
void tls_prf_12(enum tls_hash hash, struct span secret, const char *label, struct span seed,
		uint8_t *out, uint32_t len);
// HKDF-Expand-Label without a context (RFC 8446 section 7.1), of at most one hash.
void tls_expand_label(enum tls_hash hash, const uint8_t *secret, const char *label, uint8_t *out,
		      uint32_t len);
