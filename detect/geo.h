// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Country, coordinates and network operator of an address, from files in MaxMind's format that the operator
// brings (MaxMind DB File Format Specification 2.0). There may be one for countries and another
// for autonomous systems. Without libmaxminddb there is only the sentence that says so. Control
// thread only.

#pragma once

#include "conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct geo;

// Where an address is believed to be: somewhere within so many kilometres of there.
struct geo_point {
	int16_t lat, lon;   // hundredths of a degree
	uint16_t radius_km; // 0: unknown
};

// Opens all files. NULL with an empty why: there are none. NULL with a sentence: one is no good.
struct geo *geo_open(const struct conf_strs *files, char *why, size_t why_len);
void geo_close(struct geo *geo);
// What the files know of an address of struct conn_meta. All stay as they are where nothing is
// known. country: ISO 3166-1, two letters and a NUL.
void geo_find(const struct geo *geo, const uint8_t addr[16], char country[3], uint32_t *asn,
	      struct geo_point *point);
// Kilometres that two points are apart at least, both their radii taken off; 0: or unknown.
double geo_apart_km(const struct geo_point *a, const struct geo_point *b);
