// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Facts of endpoints, and the rows of the inventory.

#include "detect/inventory.h"

#include "detect/hll.h"
#include "detect/merge.h"
#include "detect/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Private, shared, link-local and loopback addresses (RFC 1918, RFC 6598, RFC 3927, RFC 4193,
// RFC 4291).
#define INTERNAL_DEFAULT                                                                           \
	"[ \"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"100.64.0.0/10\", "             \
	"\"169.254.0.0/16\", \"127.0.0.0/8\", \"fc00::/7\", \"fe80::/10\", \"::1\" ]"

#define INVENTORY_ROW(field, ...)                                                                  \
	{                                                                                          \
		.key = #field, .offset = offsetof(struct inventory_options, field), __VA_ARGS__    \
	}
static const struct conf_row inventory_rows[] = {
	INVENTORY_ROW(max_params, .type = CONF_U32, .min = 1024, .max = 1 << 22, .def = "262144",
		      .unit = "parameters",
		      .help = "Parameters of requests and fields of responses known, of all "
			      "endpoints together; about 150 bytes each"),
	INVENTORY_ROW(max_endpoint_params, .type = CONF_U32, .min = 16, .max = 4096, .def = "512",
		      .unit = "parameters", .help = "The same of one endpoint"),
	INVENTORY_ROW(min_calls, .type = CONF_U32, .min = 1, .max = 1000000, .def = "10",
		      .unit = "calls",
		      .help = "Successful calls that must all have had a parameter before it is "
			      "said to be required"),
	INVENTORY_ROW(internal, .type = CONF_STRS, .min = 1, .max = 100, .def = INTERNAL_DEFAULT,
		      .help = "Networks of the organisation: callers from elsewhere are the "
			      "internet, servers elsewhere are third parties"),
	INVENTORY_ROW(gateways, .type = CONF_STRS, .min = 1, .max = 100, .def = "[ ]",
		      .help = "Networks of API gateways; with them, requests to servers that come "
			      "from elsewhere are told"),
	INVENTORY_ROW(specs, .type = CONF_STRS, .min = 1, .max = 4096, .def = "[ ]",
		      .help = "Files that say which APIs there should be: OpenAPI, Kong, Envoy, "
			      "nginx, or lines of METHOD host path"),
	INVENTORY_ROW(templates, .type = CONF_STRS, .min = 1, .max = 1024, .def = "[ ]",
		      .help = "Path templates that are certain, such as \"GET "
			      "shop.example/products/{slug}\""),
	INVENTORY_ROW(fixed, .type = CONF_STRS, .min = 1, .max = 1024, .def = "[ ]",
		      .help = "Paths that never become a part of a learnt template, such as "
			      "\"shop.example/products/search\""),
};
const struct conf_section inventory_section = {
	.path = "detect.inventory",
	.help = "What is known of each endpoint",
	.size = sizeof(struct inventory_options),
	.rows = inventory_rows,
	.n_rows = sizeof(inventory_rows) / sizeof(inventory_rows[0]),
};
CONF_SECTION(inventory_section);

// ---- Start and end

static int networks_parse(const struct conf_strs *from, const char *key, struct network *to,
			  uint32_t *n, char *why, size_t why_len)
{
	*n = 0;
	for (size_t i = 0; i < from->n; i++) {
		if (*n == INVENTORY_NETWORKS || !network_parse(from->v[i], &to[*n])) {
			snprintf(why, why_len,
				 "inventory.%s: found \"%s\"; allowed: at most %d networks such as "
				 "\"10.0.0.0/8\"",
				 key, from->v[i], INVENTORY_NETWORKS);
			return -1;
		}
		++*n;
	}
	return 0;
}

int inventory_init(struct inventory *inv, const struct inventory_options *options, char *why,
		   size_t why_len)
{
	*inv = (struct inventory){.options = options};
	if (networks_parse(&options->internal, "internal", inv->internal, &inv->n_internal, why,
			   why_len) ||
	    networks_parse(&options->gateways, "gateways", inv->gateways, &inv->n_gateways, why,
			   why_len))
		return -1;
	inv->specs = specs_new(options->specs.v, options->specs.n, why, why_len);
	return inv->specs ? 0 : -1;
}

int inventory_check(const struct conf *conf, char *why, size_t why_len)
{
	struct inventory inv;
	int rc = inventory_init(&inv, conf_get(conf, &inventory_section), why, why_len);

	inventory_fini(&inv);
	return rc;
}

void inventory_reset(struct inventory *inv)
{
	inv->n_types = 0;
	inv->types_lost = 0;
}

void inventory_fini(struct inventory *inv)
{
	free(inv->types);
	specs_free(inv->specs);
	inv->specs = NULL;
	inv->types = NULL;
	inv->n_types = inv->types_room = 0;
}

// ---- Calls

static bool networks_have(const struct network *networks, uint32_t n, const uint8_t addr[16])
{
	for (uint32_t i = 0; i < n; i++) {
		if (network_has(&networks[i], addr))
			return true;
	}
	return false;
}

bool inventory_is_inside(const struct inventory *inv, const uint8_t addr[16])
{
	return networks_have(inv->internal, inv->n_internal, addr);
}

bool inventory_is_gateway(const struct inventory *inv, const uint8_t addr[16])
{
	return networks_have(inv->gateways, inv->n_gateways, addr);
}

static void status_count(struct inventory_endpoint *i, uint16_t status, uint64_t calls)
{
	for (uint32_t k = 0; k < INVENTORY_STATUSES; k++) {
		if (i->status[k].calls && i->status[k].status != status)
			continue;
		i->status[k].status = status;
		i->status[k].calls += calls;
		return;
	}
	i->status_other += calls;
}

// What was refused says nothing about who may call, but that somebody did.
static void facts_count(struct merger *m, struct inventory_endpoint *i,
			const struct known_principal *p, const struct call *call)
{
	bool ok = call_ok(call) || call->status == 101;

	status_count(i, call->status, 1);
	if (p && (uint32_t)p->pub.kind < INVENTORY_KINDS)
		i->kinds[p->pub.kind]++;
	i->with_credentials += !!(call->flags & CALL_CREDENTIALS);
	i->tls += !!(call->flags & CALL_TLS);
	if (call->api < API_KINDS)
		i->apis[call->api]++;
	if (call->principal)
		hll_add(i->users, INVENTORY_USERS, call->principal * UINT64_C(0x9e3779b97f4a7c15));
	if (call->wait_us != UINT32_MAX)
		ddsketch_add(&i->wait, i->wait_bins, DDSKETCH_SMALL, call->wait_us, 1);
	if (!(call->flags & CALL_HALF))
		ddsketch_add(&i->size, i->size_bins, DDSKETCH_SMALL, (double)call->resp_bytes, 1);
	if (!ok)
		return;
	*(inventory_is_inside(&m->inventory, call->client) ? &i->inside : &i->outside) += 1;
	*(inventory_is_inside(&m->inventory, call->server) ? &i->server_inside
							   : &i->server_outside) += 1;
}

void inventory_call(struct merger *m, struct known_endpoint *e, const struct known_principal *p,
		    const struct call *call)
{
	if (call->flags & CALL_MESSAGE)
		return; // its upgrade was counted
	if (!e->inventory)
		e->inventory = calloc(1, sizeof(*e->inventory));
	if (e->inventory)
		facts_count(m, e->inventory, p, call);
	if (call_ok(call))
		params_call(&m->params, call);
}

// ---- Data types

void inventory_gather(struct merger *m, const struct delta *delta)
{
	struct inventory *inv = &m->inventory;
	uint32_t need = inv->n_types + delta->n_types;

	inv->types_lost += delta->types_lost;
	if (delta->n_types == 0)
		return;
	if (need > inv->types_room) {
		struct delta_type *wider = realloc(inv->types, 2 * need * sizeof(*wider));

		if (!wider) {
			inv->types_lost += delta->n_types;
			return;
		}
		inv->types = wider;
		inv->types_room = 2 * need;
	}
	memcpy(inv->types + inv->n_types, delta->types, delta->n_types * sizeof(*inv->types));
	inv->n_types = need;
}

// An endpoint was announced before its exchanges, or found no room: then it has no types.
void inventory_fold(struct merger *m)
{
	struct inventory *inv = &m->inventory;

	for (uint32_t k = 0; k < inv->n_types; k++) {
		const struct delta_type *one = &inv->types[k];
		struct known_endpoint *e = known_endpoint(&m->known, one->endpoint);

		if (!e || !e->inventory || one->type >= 64 * INVENTORY_TYPES || one->dir > SERVER)
			continue;
		e->inventory->types[one->dir][one->type / 64] |= UINT64_C(1) << one->type % 64;
	}
	inv->n_types = 0;
}

// ---- What follows

void inventory_join(struct inventory_endpoint *into, const struct inventory_endpoint *from)
{
	hll_merge(into->users, from->users, INVENTORY_USERS);
	ddsketch_merge(&into->wait, into->wait_bins, &from->wait, from->wait_bins, DDSKETCH_SMALL);
	ddsketch_merge(&into->size, into->size_bins, &from->size, from->size_bins, DDSKETCH_SMALL);
	for (uint32_t k = 0; k < INVENTORY_STATUSES; k++) {
		if (from->status[k].calls)
			status_count(into, from->status[k].status, from->status[k].calls);
	}
	into->status_other += from->status_other;
	for (uint32_t k = 0; k < INVENTORY_KINDS; k++)
		into->kinds[k] += from->kinds[k];
	for (uint32_t k = 0; k < API_KINDS; k++)
		into->apis[k] += from->apis[k];
	into->with_credentials += from->with_credentials;
	into->inside += from->inside;
	into->outside += from->outside;
	into->server_inside += from->server_inside;
	into->server_outside += from->server_outside;
	into->tls += from->tls;
	for (uint32_t k = 0; k < INVENTORY_TYPES; k++) {
		into->types[CLIENT][k] |= from->types[CLIENT][k];
		into->types[SERVER][k] |= from->types[SERVER][k];
	}
}

enum exposure_kind inventory_exposure(const struct inventory_endpoint *e)
{
	if (e->inside + e->outside == 0)
		return EXPOSURE_UNKNOWN;
	if (e->outside)
		return EXPOSURE_INTERNET;
	return e->server_outside > e->server_inside ? EXPOSURE_THIRD : EXPOSURE_INTERNAL;
}

const char *inventory_exposure_name(enum exposure_kind kind)
{
	static const char *const names[] = {
		[EXPOSURE_UNKNOWN] = "unknown",
		[EXPOSURE_INTERNAL] = "internal",
		[EXPOSURE_INTERNET] = "internet-facing",
		[EXPOSURE_THIRD] = "third-party",
	};

	return names[kind];
}

const char *inventory_api_name(enum call_api api)
{
	static const char *const names[API_KINDS] = {
		[API_REST] = "REST", [API_GRAPHQL] = "GraphQL", [API_JSON_RPC] = "JSON-RPC",
		[API_SOAP] = "SOAP", [API_GRPC] = "gRPC",       [API_WEBSOCKET] = "WebSocket",
	};

	return names[api];
}

enum call_api inventory_api(const struct inventory_endpoint *e)
{
	enum call_api most = API_REST;

	for (uint32_t k = 1; k < API_KINDS; k++)
		most = e->apis[k] > e->apis[most] ? (enum call_api)k : most;
	return most;
}

// ---- What is no API

bool inventory_is_asset(const char *template)
{
	static const char *const endings[] = {
		"js",  "mjs",  "css",  "map",  "png", "jpg",  "jpeg", "gif",         "svg",
		"ico", "webp", "avif", "bmp",  "mp4", "webm", "mp3",  "woff",        "woff2",
		"ttf", "eot",  "otf",  "html", "htm", "txt",  "wasm", "webmanifest",
	};
	const char *dot = strrchr(template, '.');

	if (strcmp(template, "/") == 0)
		return true;
	if (!dot || strchr(dot, '/'))
		return false;
	for (uint32_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (!strcasecmp(dot + 1, endings[i]))
			return true;
	}
	return false;
}
