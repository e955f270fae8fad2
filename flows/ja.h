// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Fingerprints of TLS clients and servers: JA3, JA3S and, for clients alone, JA4. The other methods
// of the JA4 family are under a licence that bars commercial use, and stay out.

#pragma once

#include "flows/tls_hello.h"

void ja3_client(const struct tls_client_hello *hello, char out[33]);
void ja3_server(const struct tls_server_hello *hello, char out[33]);
// Over TCP.
void ja4_client(const struct tls_client_hello *hello, char out[37]);
