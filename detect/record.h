// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// How a struct that was learnt is kept over restarts: a table of its fields says which numbers are
// written, and what each may be when it is read again. Numbers go little end first; those of arrays
// and all that is most often small in as few bytes as they need.
//
//	table, areas:  layout (4)  count (4)  count times: identity (8), the fields
//
// The layout is a hash of the fields' sizes: what was written by a program with another struct is
// refused as a whole, as is a number that is too large, or a real one that is none. Fields that are
// not in the table are zero again. Control thread.

#pragma once

#include "detect/blob.h"

#include <stddef.h>

struct detector;
struct lru;
struct merger;

struct record_field {
	uint32_t offset, stride; // stride: from one element to the next
	uint32_t n;
	uint8_t bytes;
	bool real, packed;
	uint64_t most; // 0: any number
	const struct record *of; // elements are structs, which hold no further ones
};

struct record {
	size_t size;
	const struct record_field *field;
	uint32_t n;
	// What the fields' bounds cannot say. NULL: nothing.
	bool (*sound)(const void *entry);
};

#define RECORD_SIZE(type, name) sizeof(((type *)0)->name)
// One number, an array of them; most: what it may be at most, 0: anything.
#define RECORD_ONE(type, name, max)                                                                \
	{                                                                                          \
		.offset = offsetof(type, name), .n = 1, .bytes = RECORD_SIZE(type, name),          \
		.most = (max)                                                                      \
	}
#define RECORD_SMALL(type, name, max)                                                              \
	{                                                                                          \
		.offset = offsetof(type, name), .n = 1, .bytes = RECORD_SIZE(type, name),          \
		.most = (max), .packed = true                                                      \
	}
#define RECORD_MANY(type, name, max)                                                               \
	{                                                                                          \
		.offset = offsetof(type, name), .stride = RECORD_SIZE(type, name[0]),              \
		.n = RECORD_SIZE(type, name) / RECORD_SIZE(type, name[0]),                         \
		.bytes = RECORD_SIZE(type, name[0]), .most = (max),                                \
		.packed = RECORD_SIZE(type, name[0]) > 1                                           \
	}
// Identities: random in all of their bytes.
#define RECORD_IDS(type, name)                                                                     \
	{                                                                                          \
		.offset = offsetof(type, name), .stride = RECORD_SIZE(type, name[0]),              \
		.n = RECORD_SIZE(type, name) / RECORD_SIZE(type, name[0]),                         \
		.bytes = RECORD_SIZE(type, name[0])                                                \
	}
// float or double.
#define RECORD_REAL(type, name)                                                                    \
	{                                                                                          \
		.offset = offsetof(type, name), .n = 1, .bytes = RECORD_SIZE(type, name),          \
		.real = true                                                                       \
	}
// A struct, or an array of them.
#define RECORD_STRUCT(type, name, record)                                                          \
	{                                                                                          \
		.offset = offsetof(type, name), .n = 1, .of = &(record)                            \
	}
#define RECORD_STRUCTS(type, name, record)                                                         \
	{                                                                                          \
		.offset = offsetof(type, name), .stride = RECORD_SIZE(type, name[0]),              \
		.n = RECORD_SIZE(type, name) / RECORD_SIZE(type, name[0]), .of = &(record)         \
	}
#define RECORD(type, fields, check)                                                                \
	{                                                                                          \
		.size = sizeof(type), .field = (fields),                                           \
		.n = sizeof(fields) / sizeof((fields)[0]), .sound = (check)                        \
	}

uint32_t record_layout(const struct record *r);
void record_put(FILE *out, const struct record *r, const void *entry);
// Into zeroed memory. False: not sound, and in->bad is set.
bool record_get(struct blob_reader *in, const struct record *r, void *entry);

// All entries, the oldest first; reading adds to what is there. 0 or negative errno.
int record_put_table(FILE *out, const struct record *r, const struct lru *table);
int record_get_table(struct blob_reader *in, const struct record *r, struct lru *table);
// A detector's areas of all endpoints, of all principals, that are not all zero. What is not known
// any more is left out.
int record_put_endpoints(FILE *out, const struct record *r, const struct merger *m,
			 const struct detector *d);
int record_get_endpoints(struct blob_reader *in, const struct record *r, struct merger *m,
			 const struct detector *d);
int record_put_principals(FILE *out, const struct record *r, const struct merger *m,
			  const struct detector *d);
int record_get_principals(struct blob_reader *in, const struct record *r, struct merger *m,
			  const struct detector *d);

// The end of a blob: 0, or negative errno when it was bad, or when something is left.
int record_end(const struct blob_reader *in);
