// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The inventory for other programs: an OpenAPI 3.1 document of each host, one line each; a table of
// endpoints as CSV (RFC 4180) or as JSON lines. What came from the wire is escaped. Nothing is
// said that was not seen: what is not known is left out. Control thread.

#pragma once

#include <stdbool.h>
#include <stdio.h>

struct merger;

enum inventory_format {
	INVENTORY_OPENAPI = 0,
	INVENTORY_CSV,
	INVENTORY_JSON,
};

// False: no memory, or out has an error.
bool inventory_write(FILE *out, struct merger *m, enum inventory_format format);
// All forms into a directory: inventory.openapi.jsonl, inventory.csv, inventory.jsonl, each written
// beside and renamed. 0 or negative errno.
int inventory_export(struct merger *m, const char *dir);

// Between inventory.c and openapi.c.
struct merged_endpoint;
struct params;
// The table of facts of one endpoint, as an object.
void inventory_facts_json(FILE *out, struct merger *m, const struct merged_endpoint *e);
// A document of endpoints of one host, sorted by path and method.
bool openapi_host(FILE *out, struct merger *m, struct merged_endpoint *const *list, unsigned n);
