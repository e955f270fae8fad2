// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// BIP-39: the words that wallets write their seeds with.

#pragma once

#include <stdint.h>

enum { BIP39_WORDS = 2048, BIP39_WORD_MAX = 8 };

// The place of a word of lower-case letters in the English list, or -1.
int bip39_index(const uint8_t *p, uint32_t len);
