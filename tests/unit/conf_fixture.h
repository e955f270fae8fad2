// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The configuration engine with sections of its own, allocations that fail when they are told to,
// and a temporary directory to work in. Includes the files under test.

#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// Allocation number fail_at of the engine fails, counted from 1; 0: none. libconfig's own are
// not touched, since it does not survive that.
static unsigned n_allocs, fail_at;

static void *fail_calloc(size_t n, size_t size)
{
	return ++n_allocs == fail_at ? NULL : calloc(n, size);
}

static void *fail_realloc(void *old, size_t size)
{
	return ++n_allocs == fail_at ? NULL : realloc(old, size);
}

static char *fail_strdup(const char *string)
{
	return ++n_allocs == fail_at ? NULL : strdup(string);
}

#define calloc(n, size) fail_calloc(n, size)
#define realloc(old, size) fail_realloc(old, size)
#define strdup(string) fail_strdup(string)
#include "conf/schema.c"
#include "conf/load.c"
#undef calloc
#undef realloc
#undef strdup

// libconfig 1.5 loses the string it was reading when it finds a syntax error.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

#define SYNTAX "; expected key = value; with all brackets closed and each key once in a group\n"
#define ROOT "; allowed here: above, detect, detect_more, flows, ports\n"

// ---- Sections

struct flows_conf {
	bool strict;
	uint32_t idle_ms;
	uint64_t budget_bytes;
	double ratio;
	const char *label;
	uint32_t mode;
	struct conf_strs types;
	const char *type;
	uint32_t wide;
	double signed_ratio;
	const char *any;
};

static const char *type_name(size_t i)
{
	static const char *const names[] = { "email", "card", "phone", "iban", NULL };
	return names[i];
}

static const char *const modes[] = { "off", "watch", "enforce", NULL };

#define FIELD(field) offsetof(struct flows_conf, field)
static const struct conf_row flows_rows[] = {
	{ .key = "strict", .type = CONF_BOOL, .offset = FIELD(strict), .def = "true",
	  .help = "Whether to be strict." },
	{ .key = "idle_ms", .type = CONF_U32, .offset = FIELD(idle_ms), .min = 1, .max = 60000,
	  .def = "5000", .unit = "ms",
	  .help = "How long a flow may be silent before it is forgotten; this sentence is long "
		  "enough to be broken in two by the sample." },
	{ .key = "budget_bytes", .type = CONF_U64, .offset = FIELD(budget_bytes),
	  .max = 0x1p63, .def = "68719476736", .unit = "bytes", .help = "Memory." },
	{ .key = "ratio", .type = CONF_F64, .offset = FIELD(ratio), .min = 0, .max = 1.5,
	  .def = "0.25", .help = "A ratio." },
	{ .key = "label", .type = CONF_STR, .offset = FIELD(label), .min = 1, .max = 8,
	  .def = "\"a \\\"b\\\"\"", .help = "A label." },
	{ .key = "mode", .type = CONF_ENUM, .offset = FIELD(mode), .choices = modes,
	  .def = "\"watch\"", .help = "What to do." },
	{ .key = "types", .type = CONF_STRS, .offset = FIELD(types), .names = type_name,
	  .def = "[ \"email\", \"card\" ]", .help = "Data types." },
	{ .key = "type", .type = CONF_STR, .offset = FIELD(type), .names = type_name,
	  .def = "\"iban\"", .help = "A data type." },
	{ .key = "wide", .type = CONF_U32, .offset = FIELD(wide), .max = UINT32_MAX,
	  .def = "3000000000", .help = "A number with 32 bits." },
	{ .key = "signed_ratio", .type = CONF_F64, .offset = FIELD(signed_ratio), .min = -10,
	  .max = 10, .def = "-1", .help = "May be negative." },
	{ .key = "any", .type = CONF_STR, .offset = FIELD(any), .def = "\"\"",
	  .help = "Any string." },
};
static const struct conf_section flows = { .path = "flows", .help = "Flows.",
	.size = sizeof(struct flows_conf), .rows = flows_rows, .n_rows = 11 };

struct number_conf {
	uint32_t n;
	struct conf_strs words;
};

static const struct conf_row number_rows[] = {
	{ .key = "number", .type = CONF_U32, .offset = offsetof(struct number_conf, n), .max = 9,
	  .def = "7", .help = "A digit." },
	{ .key = "words", .type = CONF_STRS, .offset = offsetof(struct number_conf, words),
	  .max = 5, .def = "[]", .help = "Words." },
};
// Registered in an order that is not the one of paths; "detect_more" is no part of "detect".
static const struct conf_section detect_bola = { .path = "detect.bola", .help = "Bola.",
	.size = sizeof(struct number_conf), .rows = number_rows, .n_rows = 2 };
static const struct conf_section detect_more = { .path = "detect_more", .help = "More.",
	.size = sizeof(struct number_conf), .rows = number_rows, .n_rows = 2 };
static const struct conf_section detect = { .path = "detect", .help = "Detectors.",
	.size = sizeof(struct number_conf), .rows = number_rows, .n_rows = 2 };
static const struct conf_section above_below = { .path = "above.middle.below", .help = "Deep.",
	.size = sizeof(struct number_conf), .rows = number_rows, .n_rows = 2 };

struct port_conf {
	const char *name;
	uint32_t queues, role;
	struct conf_strs peers;
	double weight;
};

static const char *const roles[] = { "tap", "span", NULL };
static const struct conf_row port_rows[] = {
	{ .key = "name", .type = CONF_STR, .offset = offsetof(struct port_conf, name), .min = 1,
	  .max = 16, .required = true, .help = "The port." },
	{ .key = "queues", .type = CONF_U32, .offset = offsetof(struct port_conf, queues), .min = 1,
	  .max = 64, .def = "4", .help = "Queues." },
	{ .key = "role", .type = CONF_ENUM, .offset = offsetof(struct port_conf, role),
	  .choices = roles, .required = true, .help = "Role." },
	{ .key = "peers", .type = CONF_STRS, .offset = offsetof(struct port_conf, peers),
	  .names = type_name, .required = true, .help = "Peers." },
	{ .key = "weight", .type = CONF_F64, .offset = offsetof(struct port_conf, weight),
	  .min = 0.5, .max = 2, .required = true, .help = "Weight." },
};
static const struct conf_section ports = { .path = "ports", .help = "Ports.", .list = true,
	.size = sizeof(struct port_conf), .rows = port_rows, .n_rows = 5 };
static const struct conf_section pins = { .path = "above.pins", .help = "Pins.", .list = true,
	.size = sizeof(struct number_conf), .rows = number_rows, .n_rows = 2 };

CONF_SECTION(ports)
CONF_SECTION(detect_bola)
CONF_SECTION(pins)
CONF_SECTION(flows)
CONF_SECTION(detect_more)
CONF_SECTION(detect)
CONF_SECTION(above_below)

// ---- Helpers

static inline void write_bytes(const char *file, const char *data, size_t len)
{
	FILE *out = fopen(file, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static inline void write_text(const char *file, const char *text)
{
	write_bytes(file, text, strlen(text));
}

// Loads a file; what was printed is in messages.
static char *messages;
static inline struct conf *load_messages(const char *file)
{
	size_t size;
	free(messages);
	messages = NULL;
	FILE *err = open_memstream(&messages, &size);
	assert_non_null(err);
	struct conf *conf = conf_load(file, err);
	assert_int_equal(fclose(err), 0);
	assert_true(!conf == (messages[0] != '\0'));
	for (const char *m = messages; *m; m++)
		assert_true(*m == '\n' || (*m >= ' ' && *m <= '~'));
	return conf;
}

static inline struct conf *load_good(const char *text)
{
	write_text("good.conf", text);
	struct conf *conf = load_messages("good.conf");
	if (!conf)
		fail_msg("%s", messages);
	return conf;
}

static inline void check_messages(const char *text, const char *expected)
{
	write_text("t", text);
	struct conf *conf = load_messages("t");
	if (conf)
		fail_msg("loaded: %s", text);
	assert_string_equal(messages, expected);
}

static inline void check_defaults(const struct conf *conf)
{
	const struct flows_conf *f = conf_get(conf, &flows);
	assert_true(f->strict);
	assert_int_equal(f->idle_ms, 5000);
	assert_true(f->budget_bytes == UINT64_C(68719476736));
	assert_true(f->ratio == 0.25);
	assert_string_equal(f->label, "a \"b\"");
	assert_int_equal(f->mode, 1);
	assert_int_equal(f->types.n, 2);
	assert_string_equal(f->types.v[0], "email");
	assert_string_equal(f->types.v[1], "card");
	assert_string_equal(f->type, "iban");
	assert_true(f->wide == 3000000000U);
	assert_true(f->signed_ratio == -1);
	assert_string_equal(f->any, "");
	const struct conf_section *const plain[] = { &detect, &detect_bola, &detect_more,
						     &above_below };
	for (size_t i = 0; i < 4; i++) {
		const struct number_conf *n = conf_get(conf, plain[i]);
		assert_int_equal(n->n, 7);
		assert_int_equal(n->words.n, 0);
	}
}

// ---- The directory

static char directory[] = "/tmp/test_conf.XXXXXX";

static int setup(void **)
{
	return mkdtemp(directory) && chdir(directory) == 0 ? mkdir("conf.d", 0755) : -1;
}

static int teardown(void **)
{
	static const char *const files[] = { "t", "good.conf", "part", "fifo", "big", "empty",
					     "open", "conf.d/a.conf", "conf.d/b.conf" };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	free(messages);
	return rmdir("conf.d") == 0 && chdir("/") == 0 ? rmdir(directory) : -1;
}
