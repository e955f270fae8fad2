// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// SHA-256, HMAC-SHA-256 and base64url: signs the generated tokens and names the expected bodies
// without needing a library.

#pragma once

#include <stddef.h>
#include <stdint.h>

enum { GEN_SHA256_BYTES = 32, GEN_SHA256_HEX = 65 };

void gen_digest_sha256(const void *data, size_t len, uint8_t out[GEN_SHA256_BYTES]);
void gen_digest_hmac(const char *key, const void *data, size_t len, uint8_t out[GEN_SHA256_BYTES]);
// SHA-256 in lower-case hexadecimal, NUL-terminated.
void gen_digest_hex(const void *data, size_t len, char out[GEN_SHA256_HEX]);
// Without padding, NUL-terminated. out has room for 4 * ((len + 2) / 3) + 1 bytes. Returns the
// number of characters.
size_t gen_digest_base64url(const void *data, size_t len, char *out);
