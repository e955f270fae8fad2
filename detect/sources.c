// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See sources.h.

#include "detect/sources.h"

#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/siphash.h"

enum { WIDE_V4 = 16, WIDE_V6 = 32 };

struct sources_options {
	uint32_t max_addresses, max_prefixes, prefix_v4, prefix_v6;
	struct conf_strs geo_files;
};

#define SOURCES_ROW(field, kind, ...)                                                              \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct sources_options, field),    \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row sources_rows[] = {
	SOURCES_ROW(max_addresses, CONF_U32, .min = 64, .max = 1 << 24, .def = "131072",
		    .unit = "addresses",
		    .help = "Client addresses known at once; the one idle longest is forgotten"),
	SOURCES_ROW(max_prefixes, CONF_U32, .min = 64, .max = 1 << 24, .def = "65536",
		    .unit = "prefixes", .help = "Networks of client addresses known at once"),
	SOURCES_ROW(prefix_v4, CONF_U32, .min = 8, .max = 32, .def = "24", .unit = "bits",
		    .help = "How many bits of an IPv4 address are its network"),
	SOURCES_ROW(prefix_v6, CONF_U32, .min = 16, .max = 128, .def = "56", .unit = "bits",
		    .help = "How many bits of an IPv6 address are its network"),
	SOURCES_ROW(geo_files, CONF_STRS, .min = 1, .max = 4096, .def = "[ ]",
		    .help = "Files in MaxMind's format (country or city, autonomous system) by which "
			    "client addresses are located"),
};
static const struct conf_section sources_section = {
	.path = "detect.sources",
	.help = "What is known of client addresses",
	.size = sizeof(struct sources_options),
	.rows = sources_rows,
	.n_rows = sizeof(sources_rows) / sizeof(sources_rows[0]),
};
CONF_SECTION(sources_section);

int sources_init(struct sources *s, const struct conf *conf, uint64_t seed, char *why,
		 size_t why_len)
{
	const struct sources_options *o = conf_get(conf, &sources_section);

	*s = (struct sources){
		.seed = seed,
		.bits_v4 = o->prefix_v4,
		.bits_v6 = o->prefix_v6,
	};
	s->geo = geo_open(&o->geo_files, why, why_len);
	if (!s->geo && why[0])
		return -1;
	if (lru_init(&s->addresses, sizeof(struct source), o->max_addresses) ||
	    lru_init(&s->prefixes, sizeof(struct source), o->max_prefixes)) {
		draft_text(why, why_len, "no memory for client addresses");
		sources_fini(s);
		return -1;
	}
	return 0;
}

bool sources_check(const struct conf *conf, char *why, size_t why_len)
{
	const struct sources_options *o = conf_get(conf, &sources_section);

	geo_close(geo_open(&o->geo_files, why, why_len));
	return why[0] == '\0';
}

void sources_fini(struct sources *s)
{
	lru_fini(&s->addresses);
	lru_fini(&s->prefixes);
	geo_close(s->geo);
	*s = (struct sources){0};
}

void sources_clear(struct sources *s)
{
	lru_clear(&s->addresses);
	lru_clear(&s->prefixes);
	s->last.address = 0;
}

size_t sources_bytes(const struct conf *conf)
{
	const struct sources_options *o = conf_get(conf, &sources_section);

	return lru_bytes(sizeof(struct source), o->max_addresses) +
	       lru_bytes(sizeof(struct source), o->max_prefixes);
}

// ---- Places

static bool is_v4(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

// The first address of the network of so many bits, counted in all 128.
static void network_of(const uint8_t addr[16], uint32_t bits, uint8_t out[16])
{
	uint32_t whole = bits / 8;

	memset(out, 0, 16);
	memcpy(out, addr, whole);
	if (bits % 8)
		out[whole] = (uint8_t)(addr[whole] & 0xff00 >> bits % 8);
}

static uint64_t network_id(const struct sources *s, const uint8_t addr[16], uint32_t bits)
{
	uint8_t network[16];

	network_of(addr, bits, network);
	return siphash_id(siphash(s->seed, UINT64_C(0x736f7572636500) + bits,
				  span_make(network, sizeof(network))));
}

static uint32_t prefix_bits(const struct sources *s, const uint8_t addr[16])
{
	return is_v4(addr) ? 96 + s->bits_v4 : s->bits_v6;
}

void sources_locate(struct sources *s, const uint8_t addr[16], struct location *out)
{
	const struct source *known;
	uint64_t address;

	if (s->last.address && memcmp(s->last_addr, addr, 16) == 0) {
		*out = s->last;
		return;
	}
	address = network_id(s, addr, 128);
	known = lru_get(&s->addresses, address);
	if (known) {
		*out = known->where;
	} else {
		*out = (struct location){
			.address = address,
			.prefix = network_id(s, addr, prefix_bits(s, addr)),
			.wide = network_id(s, addr, is_v4(addr) ? 96 + WIDE_V4 : WIDE_V6),
			.bits = (uint8_t)(is_v4(addr) ? s->bits_v4 : s->bits_v6),
			.v6 = !is_v4(addr),
		};
		geo_find(s->geo, addr, out->country, &out->asn, &out->point);
	}
	s->last = *out;
	memcpy(s->last_addr, addr, 16);
}

const char *source_text(const uint8_t addr[16], uint32_t bits, char out[64])
{
	uint8_t network[16];
	char text[48];

	if (bits)
		network_of(addr, is_v4(addr) ? 96 + bits : bits, network);
	endpoint_address(bits ? network : addr, text);
	if (bits)
		draft_text(out, 64, "%s/%u", text, bits);
	else
		draft_text(out, 64, "%s", text);
	return out;
}

// ---- Records

static void source_count(struct source *source, bool fresh, const struct call *call)
{
	if (fresh || call->time_ns < source->first_ns)
		source->first_ns = call->time_ns;
	if (call->time_ns > source->last_ns)
		source->last_ns = call->time_ns;
	if (call->flags & CALL_MESSAGE) // its upgrade was counted
		return;
	source->calls++;
	source->ok += call->status / 100 == 2;
	source->refused += call->status / 100 == 4;
}

static void source_touch(struct lru *table, uint64_t id, const struct location *where,
			 const uint8_t addr[16], const struct call *call)
{
	bool fresh;
	struct source *source = lru_touch(table, id, &fresh);

	if (!source)
		return;
	if (fresh) {
		source->where = *where;
		memcpy(source->addr, addr, sizeof(source->addr));
	}
	source_count(source, fresh, call);
}

void sources_call(struct sources *s, const struct call *call)
{
	static const uint8_t nobody[16];
	struct location where;
	uint8_t network[16];

	if (memcmp(call->client, nobody, sizeof(nobody)) == 0)
		return;
	sources_locate(s, call->client, &where);
	source_touch(&s->addresses, where.address, &where, call->client, call);
	network_of(call->client, prefix_bits(s, call->client), network);
	source_touch(&s->prefixes, where.prefix, &where, network, call);
}

const struct source *sources_address(struct sources *s, const uint8_t addr[16])
{
	struct location where;

	sources_locate(s, addr, &where);
	return lru_get(&s->addresses, where.address);
}

const struct source *sources_prefix(struct sources *s, const uint8_t addr[16])
{
	struct location where;

	sources_locate(s, addr, &where);
	return lru_get(&s->prefixes, where.prefix);
}
