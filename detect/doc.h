// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A JSON or YAML file of an operator as a tree whose nodes know their lines. JSON is read as the
// part of YAML that it is (YAML 1.2 section 1.3). Nothing is expanded: an alias is another way to
// its node, so whoever walks must bound the walk. Control thread, at the start.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DOC_BYTES = 64 << 20, // of a file
	DOC_DEPTH = 96,
	DOC_NODES = 4 << 20,
};

enum doc_kind {
	DOC_SCALAR = 0,
	DOC_LIST,
	DOC_MAP,
};

struct doc_node {
	enum doc_kind kind;
	uint32_t line;                 // from 1
	char *key, *text;              // of a member; of a scalar: its text
	struct doc_node *first, *next; // children; next sibling
	const struct doc_node *alias;  // NULL: none
};

struct doc {
	struct doc_node *nodes; // owned, with their texts
	uint32_t n, room;
	const struct doc_node *root;
};

struct doc_file; // private

// 0, or -1 with "file:line: what is wrong" in why.
int doc_load(struct doc *doc, const char *file, char *why, size_t why_len);
void doc_free(struct doc *doc);

// The whole file, NUL behind it, to be freed; NULL with a sentence in why.
char *doc_read(const char *file, size_t *len, char *why, size_t why_len);

// A member of a map; NULL: none, or no map.
const struct doc_node *doc_get(const struct doc_node *map, const char *key);
// The text of a scalar member; NULL: none.
const char *doc_text(const struct doc_node *map, const char *key);
const struct doc_node *doc_first(const struct doc_node *node);
