// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Country and network operator of an address, from files in MaxMind's format that the operator
// brings (MaxMind DB File Format Specification 2.0). There may be one for countries and another
// for autonomous systems. Without libmaxminddb there is only the sentence that says so. Control
// thread only.

#pragma once

#include "conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct geo;

// Opens all files. NULL with an empty why: there are none. NULL with a sentence: one is no good.
struct geo *geo_open(const struct conf_strs *files, char *why, size_t why_len);
void geo_close(struct geo *geo);
// What the files know of an address of struct conn_meta. Both stay as they are where nothing is
// known. country: ISO 3166-1, two letters and a NUL.
void geo_find(const struct geo *geo, const uint8_t addr[16], char country[3], uint32_t *asn);
