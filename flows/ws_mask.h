// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The masking of WebSocket payloads (RFC 6455 section 5.3): byte i is XORed with key[i mod 4].

#pragma once

#include "flows/span.h"

#include <stdint.h>

// phase: how many bytes of the payload came before. out has room for in.len bytes and may be in.p.
void ws_unmask(uint8_t *out, struct span in, const uint8_t key[4], uint64_t phase);
