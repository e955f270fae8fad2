// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Digests of a few bytes, for addresses that carry one as their check. Not for bodies.

#pragma once

#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_INPUT_MAX = 64 };

// SHA-256 (FIPS 180-4) and Keccak-256 (the padding before FIPS 202) of n <= DIGEST_INPUT_MAX bytes.
void digest_sha256(const uint8_t *p, uint32_t n, uint8_t out[DIGEST_BYTES]);
void digest_keccak256(const uint8_t *p, uint32_t n, uint8_t out[DIGEST_BYTES]);
