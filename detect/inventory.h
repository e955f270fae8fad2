// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The inventory: what is known of each endpoint beside its counts (known.h) and its parameters
// (params.h), and what operators say about their networks. One block of fixed size per endpoint,
// filled from calls in the order of time and from announcements of data types, so it does not
// depend on the number of workers. Merger's thread.

#pragma once

#include "conf/conf.h"
#include "detect/ddsketch.h"
#include "detect/delta.h"
#include "detect/network.h"

struct merger;
struct merged_endpoint;
struct specs;
struct known_endpoint;
struct known_principal;

enum {
	INVENTORY_USERS = 8,     // hll: 256 bytes, 6.5 %
	INVENTORY_STATUSES = 12, // different ones, of each endpoint
	INVENTORY_TYPES = 4,     // words: data types 0..255
	INVENTORY_KINDS = 8,     // enum principal_kind
	INVENTORY_NETWORKS = 64,
};

struct inventory_options {
	uint32_t max_params, max_endpoint_params, min_calls;
	struct conf_strs internal, gateways, specs;
};

// Where an endpoint stands and who calls it.
enum exposure_kind {
	EXPOSURE_UNKNOWN = 0,
	EXPOSURE_INTERNAL, // server and clients inside
	EXPOSURE_INTERNET, // a client from outside was served
	EXPOSURE_THIRD,    // server outside, clients inside
};

struct inventory_status {
	uint16_t status;
	uint64_t calls;
};

// What a call adds.
struct inventory_endpoint {
	uint8_t users[1 << INVENTORY_USERS]; // hll of principals
	struct ddsketch wait, size;          // microseconds, bytes of the response
	uint32_t wait_bins[DDSKETCH_SMALL], size_bins[DDSKETCH_SMALL];
	struct inventory_status status[INVENTORY_STATUSES];
	uint64_t status_other;
	uint64_t kinds[INVENTORY_KINDS]; // calls by what told the user
	uint64_t with_credentials;
	uint64_t inside, outside;               // calls by where the client is
	uint64_t server_inside, server_outside; // … and the server
	uint64_t tls;                           // calls that were decrypted here
	uint64_t apis[API_KINDS];
	uint64_t types[2][INVENTORY_TYPES]; // data types, by direction; bits
};

struct inventory {
	const struct inventory_options *options;
	struct network internal[INVENTORY_NETWORKS], gateways[INVENTORY_NETWORKS];
	uint32_t n_internal, n_gateways;
	struct delta_type *types; // owned: gathered, wait for their endpoints
	uint32_t n_types, types_room;
	uint64_t types_lost;
	struct specs *specs; // owned
};

extern const struct conf_section inventory_section;

// 0, or a sentence in why.
int inventory_init(struct inventory *inv, const struct inventory_options *options, char *why,
		   size_t why_len);
// Only whether that would succeed.
int inventory_check(const struct conf *conf, char *why, size_t why_len);
void inventory_fini(struct inventory *inv);
void inventory_reset(struct inventory *inv);

// Borrows nothing of the delta.
void inventory_gather(struct merger *m, const struct delta *delta);
// A call of an endpoint; p may be NULL.
void inventory_call(struct merger *m, struct known_endpoint *e, const struct known_principal *p,
		    const struct call *call);
// After the calls of an epoch.
void inventory_fold(struct merger *m);
// What a template that was learnt takes over.
void inventory_join(struct inventory_endpoint *into, const struct inventory_endpoint *from);

bool inventory_is_inside(const struct inventory *inv, const uint8_t addr[16]);
bool inventory_is_gateway(const struct inventory *inv, const uint8_t addr[16]);
enum exposure_kind inventory_exposure(const struct inventory_endpoint *e);
const char *inventory_exposure_name(enum exposure_kind kind);
const char *inventory_api_name(enum call_api api);
// The kind of most calls.
enum call_api inventory_api(const struct inventory_endpoint *e);

// For detectors.
const struct specs *merger_specs(const struct merger *m);
const struct inventory *merger_networks(const struct merger *m);
// NULL: no call of it was counted.
const struct inventory_endpoint *merger_facts(const struct merged_endpoint *e);
// What browsers load beside an API: scripts, styles, pictures, fonts, pages.
bool inventory_is_asset(const char *template);
