// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// ClientHello and ServerHello as they stand in one piece of memory; all spans point into it.

#pragma once

#include "flows/span.h"

enum {
	TLS_RANDOM = 32,
	TLS_SSL3 = 0x0300,
	TLS_10 = 0x0301,
	TLS_12 = 0x0303,
	TLS_13 = 0x0304,
};

enum tls_extension {
	TLS_EXT_SERVER_NAME = 0,
	TLS_EXT_GROUPS = 10,
	TLS_EXT_POINT_FORMATS = 11,
	TLS_EXT_SIGNATURES = 13,
	TLS_EXT_ALPN = 16,
	TLS_EXT_ENCRYPT_THEN_MAC = 22,
	TLS_EXT_EARLY_DATA = 42,
	TLS_EXT_VERSIONS = 43,
};

struct tls_client_hello {
	bool v2;                 // in the format of SSLv2 (RFC 5246 appendix E.2)
	bool early_data;
	bool damaged;            // an extension is not as it must be, and left out
	uint16_t legacy_version; // of the message
	struct span random;      // 32 bytes
	struct span ciphers;     // two bytes each; three in the format of SSLv2
	struct span extensions;  // all of them: type, length, bytes
	struct span sni;         // host name; p == NULL: none
	bool has_sni;            // the extension is there, with or without a name
	struct span alpn;        // list: length of one byte, name
	struct span groups;      // two bytes each
	struct span formats;     // one byte each
	struct span signatures;  // two bytes each
	struct span versions;    // two bytes each
};

struct tls_server_hello {
	bool retry;          // HelloRetryRequest (RFC 8446 section 4.1.4)
	bool encrypt_then_mac;
	bool damaged;        // as above
	uint16_t legacy_version;
	uint16_t version;    // negotiated; 0: its extension is damaged
	uint16_t cipher;
	struct span random;  // 32 bytes
	struct span alpn;    // chosen; p == NULL: none
	struct span extensions;
};

// The body of the message, without its header of four bytes. False: it is none.
bool tls_hello_client(struct span body, struct tls_client_hello *hello);
bool tls_hello_server(struct span body, struct tls_server_hello *hello);
// A whole message in the format of SSLv2, without its length of two bytes.
bool tls_hello_client_v2(struct span body, struct tls_client_hello *hello);
// Could a ClientHello in the format of SSLv2 begin like this? *sure: there is enough to tell.
bool tls_hello_v2_begins(struct span first, bool *sure);
// The protocol that EncryptedExtensions chose (RFC 8446 section 4.3.1); p == NULL: none. False:
// malformed.
bool tls_hello_encrypted(struct span body, struct span *alpn);
// Steps over a list of extensions. False at its end, or where it is cut.
bool tls_hello_extension(struct span *list, uint16_t *type, struct span *bytes);
// TLS 1.3, its drafts included: the messages behind ServerHello are encrypted.
bool tls_hello_is_13(uint16_t version);
