// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The facts of one TLS handshake, as far as they are visible. Spans die when the event handler
// returns.

#pragma once

#include "flows/span.h"
#include "flows/tls_cert.h"

#include <stdbool.h>
#include <stdint.h>

enum { TLS_CERTS = 4 }; // of a chain whose facts are kept

enum tls_known {
	TLS_UNKNOWN = 0,
	TLS_NO,
	TLS_YES,
};

// Who the client is, for exchanges inside the connection: conn_meta.tls.
struct tls_summary {
	char ja4[37];                   // empty: not known
	bool has_cert;                  // the client showed a certificate
	uint8_t client_cert_sha256[32]; // … its hash
};

struct tls_handshake {
	bool client_hello, server_hello; // which of them were seen
	bool decrypted;                  // with keys: what TLS 1.3 hides is known
	bool early_data;                 // the client announces some (RFC 8446 section 4.2.10)
	uint16_t version;                // negotiated; 0: not known
	uint16_t cipher;                 // chosen; 0: not known
	struct span sni;                 // p == NULL: none
	struct span alpn;                // chosen by the server
	struct span alpn_offered;        // joined by semicolons
	char ja3[33], ja3s[33];          // MD5 as hex; empty: not known
	const struct tls_summary *client; // JA4, certificate
	// The server's chain, its own certificate first; none in TLS 1.3 without keys.
	const struct tls_cert *certs;
	uint32_t n_certs;                // whose facts are here, TLS_CERTS at most
	uint32_t chain_len;              // certificates sent
	bool chain_cut;                  // there were more than could be looked at
	uint8_t client_cert_request;     // enum tls_known: did the server ask for one?
	uint8_t client_cert;             // enum tls_known: did the client send one?
	uint64_t anomalies;              // 1 << enum http_anomaly
};
