// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The facts of one TLS handshake, as far as they are visible without keys. Spans die when the
// event handler returns.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct tls_handshake {
	bool client_hello, server_hello; // which of them were seen
	uint16_t version;                // negotiated; 0: not known
	uint16_t cipher;                 // chosen; 0: not known
	struct span sni;                 // p == NULL: none
	struct span alpn;                // chosen by the server
	struct span alpn_offered;        // joined by commas
	char ja3[33], ja3s[33];          // MD5 as hex; empty: not known
	char ja4[37];                    // empty: not known
	uint64_t anomalies;              // 1 << enum http_anomaly
};
