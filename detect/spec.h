// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which APIs there should be, by the files that an operator names (inventory.specs): OpenAPI 3 and
// Swagger 2, declarative configurations of Kong and Envoy, nginx configurations, exports of AWS API
// Gateway (which are OpenAPI), and lines of
//
//	METHOD host path [deprecated]
//
// with * for any method or host. A route is a host pattern, a method and a template whose {parts}
// stand for any one segment, or a beginning of paths. Regular expressions count as the beginning
// that they are literal in: what is not sure to be outside of a route is inside. Read at the start;
// never written after that.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPEC_ROUTES = 1 << 17, SPEC_DEPTH = 64 };

struct spec_route {
	char *method; // NULL: any; upper case
	char *host;   // NULL: any; a label * stands for any label, a first one for several
	char *path;
	uint32_t doc, line;
	bool prefix; // path is a beginning
	bool deprecated;
	bool removed; // not in the newest version of its document
	bool gateway; // of a gateway's configuration
};

struct spec_doc {
	char *file, *title, *version;
	bool newest;
};

struct specs {
	struct spec_route *routes; // owned, as all texts
	struct spec_doc *docs;     // owned
	uint32_t n_routes, routes_room, n_docs;
};

// NULL with "file:line: what is wrong" in why. n 0: no routes.
struct specs *specs_new(const char *const *files, size_t n, char *why, size_t why_len);
void specs_free(struct specs *specs);

// Does any document that is about certain hosts tell of that one?
bool specs_cover(const struct specs *specs, const char *host);
// The best route of an endpoint: one that is in use before one that is deprecated, before one that
// was removed. NULL: none.
const struct spec_route *specs_match(const struct specs *specs, const char *host,
				     const char *method, const char *template);

// Between spec.c and spec_read.c. Adds a route; texts are copied. False: no memory or no room.
bool specs_add(struct specs *specs, const struct spec_route *route);
// One file.
int spec_read(struct specs *specs, const char *file, char *why, size_t why_len);
