// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Writes small files in MaxMind's format (MaxMind DB File Format Specification 2.0): a binary tree
// of IPv4 prefixes with records of 24 bits, and behind it what each prefix has. Included once by
// a test.

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { GEO_NODES = 256, GEO_DATA = 4096, GEO_EMPTY = UINT32_MAX, GEO_LEAF = 1u << 30 };

struct geo_file {
	uint32_t node[GEO_NODES][2], n_nodes;
	uint8_t data[GEO_DATA];
	uint32_t n_data;
};

static inline void geo_byte(struct geo_file *g, uint32_t byte)
{
	assert_true(g->n_data < GEO_DATA);
	g->data[g->n_data++] = (uint8_t)byte;
}

static inline void geo_text(struct geo_file *g, const char *text)
{
	geo_byte(g, 2 << 5 | (uint32_t)strlen(text));
	for (; *text; text++)
		geo_byte(g, (uint8_t)*text);
}

static inline void geo_number(struct geo_file *g, uint32_t type, uint64_t number, uint32_t len)
{
	if (type > 7) {
		geo_byte(g, len);
		geo_byte(g, type - 7);
	} else {
		geo_byte(g, type << 5 | len);
	}
	while (len-- > 0)
		geo_byte(g, (uint32_t)(number >> 8 * len) & 0xff);
}

static inline void geo_begin(struct geo_file *g)
{
	memset(g, 0, sizeof(*g));
	g->node[0][0] = g->node[0][1] = GEO_EMPTY;
	g->n_nodes = 1;
}

static inline void geo_double(struct geo_file *g, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, 8);
	geo_number(g, 3, bits, 8);
}

struct geo_where {
	double lat, lon;
	uint32_t radius_km; // 0: not said
	bool flat;          // without "location" around the coordinates
};

static inline void geo_location(struct geo_file *g, const struct geo_where *where)
{
	if (!where->flat) {
		geo_text(g, "location");
		geo_byte(g, 7 << 5 | (where->radius_km ? 3 : 2));
	}
	geo_text(g, "latitude");
	geo_double(g, where->lat);
	geo_text(g, "longitude");
	geo_double(g, where->lon);
	if (where->radius_km && !where->flat) {
		geo_text(g, "accuracy_radius");
		geo_number(g, 5, where->radius_km, 2);
	}
}

// a.b.c.d/bits has a country, a number of an autonomous system, coordinates; NULL and 0: not.
static inline void geo_place(struct geo_file *g, uint32_t addr, uint32_t bits, const char *country,
			     uint32_t asn, const struct geo_where *where)
{
	uint32_t at = 0, leaf = GEO_LEAF | g->n_data;

	geo_byte(g, 7 << 5 | (uint32_t)(!!country + !!asn + (where ? 1 + where->flat : 0)));
	if (where)
		geo_location(g, where);
	if (country) {
		geo_text(g, "country");
		geo_byte(g, 7 << 5 | 1);
		geo_text(g, "iso_code");
		geo_text(g, country);
	}
	if (asn) {
		geo_text(g, "autonomous_system_number");
		geo_number(g, 6, asn, 4);
	}
	for (uint32_t i = 0; i < bits; i++) {
		uint32_t *side = &g->node[at][addr >> (31 - i) & 1];

		if (i + 1 == bits) {
			*side = leaf;
			return;
		}
		if (*side == GEO_EMPTY) {
			assert_true(g->n_nodes < GEO_NODES);
			g->node[g->n_nodes][0] = g->node[g->n_nodes][1] = GEO_EMPTY;
			*side = g->n_nodes++;
		}
		at = *side;
	}
}

static inline void geo_add(struct geo_file *g, uint32_t addr, uint32_t bits, const char *country,
			   uint32_t asn)
{
	geo_place(g, addr, bits, country, asn, NULL);
}

static inline void geo_write(struct geo_file *g, const char *path)
{
	FILE *out = fopen(path, "wb");
	uint32_t n = g->n_data;

	assert_non_null(out);
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		for (uint32_t k = 0; k < 2; k++) {
			uint32_t v = g->node[i][k];

			v = v == GEO_EMPTY     ? g->n_nodes
			    : v & GEO_LEAF ? g->n_nodes + 16 + (v & ~GEO_LEAF)
					       : v;
			fprintf(out, "%c%c%c", v >> 16, v >> 8 & 0xff, v & 0xff);
		}
	}
	fwrite("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1, 16, out);
	fwrite(g->data, 1, n, out);
	fputs("\xab\xcd\xefMaxMind.com", out);
	geo_byte(g, 7 << 5 | 9);
	geo_text(g, "node_count");
	geo_number(g, 6, g->n_nodes, 4);
	geo_text(g, "record_size");
	geo_number(g, 5, 24, 2);
	geo_text(g, "ip_version");
	geo_number(g, 5, 4, 2);
	geo_text(g, "database_type");
	geo_text(g, "Test");
	geo_text(g, "languages");
	geo_number(g, 11, 0, 0);
	geo_text(g, "binary_format_major_version");
	geo_number(g, 5, 2, 2);
	geo_text(g, "binary_format_minor_version");
	geo_number(g, 5, 0, 2);
	geo_text(g, "build_epoch");
	geo_number(g, 9, 1700000000, 8);
	geo_text(g, "description");
	geo_byte(g, 7 << 5);
	fwrite(g->data + n, 1, g->n_data - n, out);
	g->n_data = n;
	assert_int_equal(fclose(out), 0);
}
