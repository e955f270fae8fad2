// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Facts of an X.509 certificate (RFC 5280), taken from its DER without recursion and without
// checking any signature.

#pragma once

#include "flows/span.h"

enum {
	TLS_CERT_NAME = 256,
	TLS_CERT_SAN = 512,
};

enum tls_key {
	TLS_KEY_UNKNOWN = 0, // an algorithm that is not in the list
	TLS_KEY_RSA,
	TLS_KEY_RSA_PSS,
	TLS_KEY_EC,
	TLS_KEY_DSA,
	TLS_KEY_DH,
	TLS_KEY_ED25519,
	TLS_KEY_ED448,
	TLS_KEY_GOST,
};

struct tls_cert {
	// "CN=…,O=…" as in RFC 4514, most special part first; escaped and perhaps cut.
	char subject[TLS_CERT_NAME], issuer[TLS_CERT_NAME];
	char san[TLS_CERT_SAN];  // names and addresses, joined by commas
	uint16_t subject_len, issuer_len, san_len;
	uint16_t n_san;          // in the certificate
	uint16_t n_san_kept;     // in san
	bool subject_cut, issuer_cut;
	bool has_validity;
	int64_t not_before_s, not_after_s; // since 1970
	uint8_t key;             // enum tls_key
	uint32_t key_bits;       // 0: not known
	bool self_signed;        // issued by its own subject
};

// False: not a certificate; what was read before is kept.
bool tls_cert_parse(struct span der, struct tls_cert *cert);
const char *tls_key_name(enum tls_key key);
