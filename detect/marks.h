// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Marks: texts that a program shows only when something went wrong inside of it, such as the
// errors of databases, stack traces and debug pages. In responses their literals stand in one Hyperscan
// database with those of the data types, so a body is still read once. What a message has is kept
// as one bit for each product; the detector of error texts judges it at the exchange's end.
//
// A check looks back from the end of the match only: what stands before it is always shown again
// with the next window, what follows may not be there yet. So it does not matter how a body is cut.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a product's mark gives away. One issue for each kind.
enum mark_kind {
	MARK_SQL = 0,  // an error message of a database
	MARK_TRACE,    // a stack trace or an error of the language's runtime
	MARK_DEBUG,    // a page for developers
	MARK_SOURCE,   // a program's text instead of its output
	MARK_FILE,     // the contents of a system file, a listing of a folder
	MARK_PATH,     // where files lie on the server
	MARK_BANNER,   // name and version of a server
	MARK_INTRUDER, // a page that intruders leave behind
	MARK_KINDS,
};

enum mark_product {
	// databases
	MARK_ACCESS = 0,
	MARK_CLICKHOUSE,
	MARK_DB2,
	MARK_DOCUMENTUM,
	MARK_ELASTICSEARCH,
	MARK_FIREBIRD,
	MARK_FRONTBASE,
	MARK_H2,
	MARK_HSQLDB,
	MARK_INFORMIX,
	MARK_INGRES,
	MARK_MAXDB,
	MARK_MONGODB,
	MARK_MSSQL,
	MARK_MYSQL,
	MARK_NEO4J,
	MARK_ORACLE,
	MARK_POSTGRESQL,
	MARK_SQLITE,
	MARK_SYBASE,
	MARK_SQL_OTHER,
	// runtimes
	MARK_DOTNET,
	MARK_ELIXIR,
	MARK_GO,
	MARK_JAVA,
	MARK_NODE,
	MARK_PERL,
	MARK_PHP,
	MARK_PYTHON,
	MARK_RUBY,
	MARK_RUST,
	// developers' pages
	MARK_ASPNET_PAGE,
	MARK_DJANGO_PAGE,
	MARK_RAILS_PAGE,
	MARK_SPRING_PAGE,
	MARK_STRUTS_PAGE,
	MARK_WERKZEUG_PAGE,
	MARK_LARAVEL_PAGE,
	MARK_PHPINFO_PAGE,
	// the rest
	MARK_PHP_SOURCE,
	MARK_JSP_SOURCE,
	MARK_FOLDER,
	MARK_PASSWD,
	MARK_SERVER_PATH,
	MARK_SERVER_BANNER,
	MARK_WEB_SHELL,
	MARK_PRODUCTS,
};

_Static_assert(MARK_PRODUCTS <= 64, "bits of one word");

enum {
	MARK_BACK = 160,    // bytes before a match's end that checks may look at
	MARK_REFUSED = 256, // false candidates in one window that are looked at
};

// Returns the product, or -1: it is none. before: what ends with the match.
typedef int (*mark_check_fn)(struct span before, enum mark_product product);

struct mark {
	const char *pattern; // for Hyperscan; a literal of four bytes and more in it
	enum mark_product product;
	// A hint counts in an error's answer only, or beside another place with it in one body.
	bool hint;
	// Its signs would be escaped where it is only written about.
	bool raw;
	bool caseless;
	mark_check_fn check; // NULL: the match is enough
};

// A row of a list; options behind the product.
#define MARK(text, name, ...)                                                                      \
	{                                                                                          \
		.pattern = text, .product = MARK_##name, ##__VA_ARGS__                             \
	}

// Of one message, zeroed at its start.
struct marks {
	uint64_t sure, hint, again, raw; // a bit per product; again: a hint at a second place
	uint64_t field[2];               // a bit per name of mark_fields
	uint64_t end;                    // in the body; what ends before was seen
};

// When a property's name counts.
enum mark_field_when {
	FIELD_ANY = 0,   // whatever its value
	FIELD_SET,       // with a value that says something: not null, false, "" or "***"
	FIELD_BESIDE_ID, // likewise, when the body also has an "id"
	FIELD_RARE,      // likewise, where the endpoint's answers hardly ever have it
};

struct mark_field {
	const char *name; // words in lower case
	enum mark_field_when when;
};

enum { MARK_FIELDS = 128 };

_Static_assert(MARK_FIELDS < UINT8_MAX, "struct keyctx, field");

extern const struct mark_field mark_fields[]; // ended by name NULL

uint32_t mark_fields_count(void);
// Its pattern for Hyperscan, caseless. False: it does not fit.
bool mark_field_pattern(uint32_t i, char *out, size_t size);
bool mark_field_in(uint32_t i, struct span text);
// The number, and one, of the property that a whole key names; 0: none.
uint32_t mark_field_named(struct span key);
// What its pattern asks of what follows: the bytes of a string; and what stands behind the colon
// when that is no string.
bool mark_field_string(uint32_t i, struct span string);
bool mark_field_token(uint32_t i, struct span token);
void mark_field_title(uint32_t i, char *out, size_t size);
static inline void mark_field_found(struct marks *marks, uint32_t i)
{
	marks->field[i / 64] |= UINT64_C(1) << (i % 64);
}

extern const struct mark marks_sql[], marks_trace[], marks_page[]; // ended by pattern NULL

uint32_t marks_count(void);
const struct mark *marks_get(uint32_t i);
// A match of a mark that ends at `end` in the body; text: what may be looked at up to there.
// False: it was refused.
bool marks_found(struct marks *marks, const struct mark *mark, struct span text, uint64_t end);

enum mark_kind mark_kind(enum mark_product product);
const char *mark_title(enum mark_product product); // "PostgreSQL"

// Checks for the lists.
int mark_frame_java(struct span before, enum mark_product product);
int mark_frame_python(struct span before, enum mark_product product);
int mark_frame_node(struct span before, enum mark_product product);
int mark_exception(struct span before, enum mark_product product);
int mark_named(struct span before, enum mark_product product);
int mark_word(struct span before, enum mark_product product);
