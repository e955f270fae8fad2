// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to conf/: what load.c needs of the registry, and the layout of struct conf. A value read
// from a file arrives here as a struct schema_value: the checks know nothing of the file format.

#pragma once

#include "conf/conf.h"

#include <stdalign.h>

enum {
	SCHEMA_NAME_MAX = 64,  // bytes of a key, or of a name that nearest names are sought for
	SCHEMA_PATH_MAX = 128, // bytes of a section path
};

struct conf_block {
	struct conf_block *next;
	alignas(max_align_t) char data[];
};

struct conf_slot {
	const struct conf_section *section;
	void *base;  // the section's struct; of a list section, its defaults
	char *items; // of a list section
	size_t n_items;
	const char **where;
};

struct conf {
	struct conf_block *blocks; // own all memory that the slots point to
	size_t n_slots;
	struct conf_slot slots[];
};

enum schema_kind {
	SCHEMA_OTHER, // a group, a list, an array: never the value of a scalar key
	SCHEMA_BOOL,
	SCHEMA_INT,
	SCHEMA_FLOAT,
	SCHEMA_STRING,
};

struct schema_value {
	enum schema_kind kind;
	const char *what; // "a string", for messages
	bool boolean;
	int64_t integer;
	double number;
	const char *string; // borrowed
};

// A message under construction; what does not fit is cut.
struct schema_note {
	char text[8192]; // holds the names of all data types there can be
	size_t len;
};

void schema_note(struct schema_note *note, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// The i-th section in the order of paths, a group before the groups in it; NULL past the last.
const struct conf_section *schema_section(size_t i);
const struct conf_row *schema_row(const struct conf_section *section, const char *key);
// Whether path is the group (its first len bytes) or something below it.
bool schema_below(const char *path, const char *group, size_t len);
// Whether a registered path has the part name just below the group; "" is the whole file.
bool schema_has_group(const char *group, const char *name);

// Adds "found X".
void schema_found(const struct schema_value *value, struct schema_note *note);
// Adds what a key accepts: "an integer from 1 to 60000 ms".
void schema_allowed(const struct conf_row *row, struct schema_note *note);
// Adds the nearest known name or all names allowed in a group; section may be NULL.
void schema_hint(const char *group, const struct conf_section *section, const char *name,
		 struct schema_note *note);
// Checks one value (of CONF_STRS one element). False: why says what is wrong and allowed.
bool schema_check(const struct conf_row *row, const struct schema_value *value,
		  struct schema_note *why);
// Stores a checked value; a string is stored as a pointer and must live as long as the field.
void schema_store(const struct conf_row *row, const struct schema_value *value, void *field);
