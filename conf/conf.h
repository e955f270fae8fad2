// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Configuration: every key is one row of a section; a section is declared in the file that uses
// it and registers itself. The engine here loads a libconfig file into one plain struct per
// section, reports every mistake (file:line: key: what is wrong, what is allowed), and prints
// the sample file and the help from the same rows. Control thread only; after loading, a
// struct conf is immutable and may be read by any thread.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_type {
	CONF_BOOL, // bool
	CONF_U32,  // uint32_t, between min and max
	CONF_U64,  // uint64_t, between min and max
	CONF_F64,  // double, between min and max
	CONF_STR,  // const char *, owned by struct conf
	CONF_ENUM, // uint32_t, index into choices
	CONF_STRS, // struct conf_strs
};

struct conf_strs {
	const char **v;
	size_t n;
};

// The names that a string key accepts (data type ids, …): name number i, NULL past the last.
typedef const char *(*conf_names_fn)(size_t i);

struct conf_row {
	const char *key;
	enum conf_type type;
	size_t offset;              // of the field in the section's struct
	double min, max;            // numbers: the closed range; strings: the length
	const char *def;            // default, as it would stand in a file without the final ';'
	const char *const *choices; // CONF_ENUM: NULL-terminated
	conf_names_fn names;        // CONF_STR, CONF_STRS: the only values allowed, when set
	const char *unit;           // for people: "ms", "bytes"; may be NULL
	const char *help;           // one sentence
	bool required;              // list sections: an element without it is an error
	// CONF_STR, CONF_STRS: false: why says what is wrong with this one and what is allowed.
	bool (*valid)(const char *string, char *why, size_t why_len);
};

struct conf;

struct conf_section {
	const char *path;  // "flows", "detect.retrieval", or of a list: "ports", "policies"
	const char *help;  // one sentence
	size_t size;       // of the section's struct
	bool list;         // path is a list of groups, each one struct
	const struct conf_row *rows;
	size_t n_rows;
	// List sections: looks at an element as a whole when the file is read to its end. Values that
	// were refused are as if not given. False: why says what is wrong, "key: …". May be NULL.
	bool (*check)(const struct conf *conf, const void *item, char *why, size_t why_len);
};

// Registers a section before main() starts. Two sections of one path abort the start.
void conf_section_add(const struct conf_section *section);
#define CONF_SECTION(sym)                                                                          \
	__attribute__((constructor, used)) static void conf_register_##sym(void)                   \
	{                                                                                          \
		conf_section_add(&sym);                                                            \
	}

// Reads a file (NULL: all defaults). Every mistake is printed to err, one line each:
// "file:line: key: what is wrong; what is allowed". NULL when there was any.
struct conf *conf_load(const char *file, FILE *err);
void conf_free(struct conf *conf);

// The struct of a section, filled with values or defaults. Never NULL for a registered section.
const void *conf_get(const struct conf *conf, const struct conf_section *section);
// The i-th struct of a list section; NULL past the last.
const void *conf_item(const struct conf *conf, const struct conf_section *section, size_t i);
size_t conf_count(const struct conf *conf, const struct conf_section *section);
// Where a list element stands in the file, for later messages: "file:line".
const char *conf_item_where(const struct conf *conf, const struct conf_section *section, size_t i);

// Prints a complete sample file, all keys with their defaults and help as comments. List
// sections are shown as a commented example. Loading the output gives the defaults.
void conf_print_sample(FILE *out);
// Prints a table of all keys: path, type, range, default, help.
void conf_print_help(FILE *out);

// The candidate nearest to name by edit distance (at most a third of its length), or NULL.
const char *conf_nearest(const char *name, conf_names_fn names);
