// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Payment card numbers: which beginnings and lengths are issued. Shared by the types that hold one.

#pragma once

#include <stdbool.h>
#include <stdint.h>

// n digits: an issued range of that length, and a right check digit.
bool card_valid(const uint8_t *p, uint32_t n);
// The same, but only of the networks' own ranges: less room for chance.
bool card_valid_narrow(const uint8_t *p, uint32_t n);
