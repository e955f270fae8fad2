// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The configuration engine on sections of its own: values and defaults, the exact text of every
// kind of mistake, includes, hostile files, the sample and the help, wrong rows, and the failure
// of each n-th allocation. Works in a temporary directory.

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static void write_bytes(const char *file, const char *data, size_t len)
{
	FILE *out = fopen(file, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static void write_text(const char *file, const char *text)
{
	write_bytes(file, text, strlen(text));
}

// Loads a file; what was printed is in messages.
static char *messages;
static struct conf *load_messages(const char *file)
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

static struct conf *load_good(const char *text)
{
	write_text("good.conf", text);
	struct conf *conf = load_messages("good.conf");
	if (!conf)
		fail_msg("%s", messages);
	return conf;
}

static void check_messages(const char *text, const char *expected)
{
	write_text("t", text);
	struct conf *conf = load_messages("t");
	if (conf)
		fail_msg("loaded: %s", text);
	assert_string_equal(messages, expected);
}

// ---- Values

static void check_defaults(const struct conf *conf)
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

static void test_defaults(void **)
{
	struct conf *conf = load_messages(NULL);
	check_defaults(conf);
	assert_int_equal(conf_count(conf, &ports), 0);
	assert_null(conf_item(conf, &ports, 0));
	assert_null(conf_item_where(conf, &ports, 0));
	// Of a list section: what its elements start from.
	const struct port_conf *port = conf_get(conf, &ports);
	assert_int_equal(port->queues, 4);
	assert_null(port->name);
	static const struct conf_section unknown = { .path = "unknown", .size = 1 };
	assert_null(conf_get(conf, &unknown));
	assert_int_equal(conf_count(conf, &unknown), 0);
	conf_free(conf);
	conf_free(NULL);

	static const char *const empty[] = { "", "\n", "# nothing", "// nothing", "/* nothing */",
					     "flows: {}", "flows = { };", "detect: { bola: {} }",
					     "above: { middle: {} }", "ports: ()" };
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		conf = load_good(empty[i]);
		check_defaults(conf);
		conf_free(conf);
	}
}

static void test_values(void **)
{
	struct conf *conf = load_good(
		"flows: {\n"
		"\tstrict = FALSE; idle_ms = 0x10; budget_bytes = 5000000000; ratio = 1;\n"
		"\tlabel = \"x\" \"y\\n\\x41\"; mode = \"enforce\"; types = ( \"phone\" );\n"
		"\ttype = \"card\"; wide = 0xFFFFFFFF; signed_ratio = -2.5e-1\n"
		"\tany = \"// # /* 12345678901 @include {\";\n"
		"}\n"
		"detect = { number = +1; words = [ \"a\", \"\" ]; bola: { number = 2L; } };\r\n"
		"detect_more: { number = 3 } above: { middle: { below: { number = 4LL } } }");
	const struct flows_conf *f = conf_get(conf, &flows);
	assert_false(f->strict);
	assert_int_equal(f->idle_ms, 16);
	assert_true(f->budget_bytes == UINT64_C(5000000000));
	assert_true(f->ratio == 1);
	assert_string_equal(f->label, "xy\nA");
	assert_int_equal(f->mode, 2);
	assert_int_equal(f->types.n, 1);
	assert_string_equal(f->types.v[0], "phone");
	assert_string_equal(f->type, "card");
	assert_true(f->wide == UINT32_MAX);
	assert_true(f->signed_ratio == -0.25);
	assert_string_equal(f->any, "// # /* 12345678901 @include {");
	const struct number_conf *d = conf_get(conf, &detect);
	assert_int_equal(d->n, 1);
	assert_int_equal(d->words.n, 2);
	assert_string_equal(d->words.v[0], "a");
	assert_string_equal(d->words.v[1], "");
	assert_int_equal(((const struct number_conf *)conf_get(conf, &detect_bola))->n, 2);
	assert_int_equal(((const struct number_conf *)conf_get(conf, &detect_more))->n, 3);
	assert_int_equal(((const struct number_conf *)conf_get(conf, &above_below))->n, 4);
	conf_free(conf);

	static const struct {
		const char *text;
		uint64_t value;
	} numbers[] = {
		{ "0", 0 },
		{ "2147483647", INT32_MAX },
		{ "2147483648", UINT64_C(2147483648) },
		{ "4294967296", UINT64_C(4294967296) },
		{ "4294967296L", UINT64_C(4294967296) },
		{ "0x1FFFFFFFF", UINT64_C(8589934591) },
		{ "0x1FFFFFFFFL", UINT64_C(8589934591) },
		{ "9223372036854775807", INT64_MAX },
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char text[128];
		snprintf(text, sizeof(text), "flows: { budget_bytes = %s; }", numbers[i].text);
		conf = load_good(text);
		f = conf_get(conf, &flows);
		assert_true(f->budget_bytes == numbers[i].value);
		conf_free(conf);
	}
}

static void test_lists(void **)
{
	struct conf *conf = load_good(
		"ports: (\n"
		"\t{ name = \"p0\"; role = \"span\"; peers = []; weight = 1; },\n"
		"\t{ weight = 2.0; name = \"p1\"; queues = 9; role = \"tap\";\n"
		"\tpeers = [\"card\"]; }\n"
		");\n"
		"above: { pins: ( { }, { number = 3; words = [ \"w\" ]; } ) }\n");
	assert_int_equal(conf_count(conf, &ports), 2);
	const struct port_conf *port = conf_item(conf, &ports, 0);
	assert_string_equal(port->name, "p0");
	assert_int_equal(port->queues, 4);
	assert_int_equal(port->role, 1);
	assert_int_equal(port->peers.n, 0);
	port = conf_item(conf, &ports, 1);
	assert_string_equal(port->name, "p1");
	assert_int_equal(port->queues, 9);
	assert_int_equal(port->role, 0);
	assert_string_equal(port->peers.v[0], "card");
	assert_true(port->weight == 2);
	assert_null(conf_item(conf, &ports, 2));
	assert_string_equal(conf_item_where(conf, &ports, 0), "good.conf:2");
	assert_string_equal(conf_item_where(conf, &ports, 1), "good.conf:3");
	assert_null(conf_item_where(conf, &ports, 2));
	assert_int_equal(conf_count(conf, &pins), 2);
	assert_int_equal(((const struct number_conf *)conf_item(conf, &pins, 0))->n, 7);
	assert_int_equal(((const struct number_conf *)conf_item(conf, &pins, 1))->n, 3);
	conf_free(conf);
}

// ---- Mistakes

static void test_mistakes(void **)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		// Unknown names.
		{ "flows: { idel_ms = 1; }",
		  "t:1: flows.idel_ms: unknown key; did you mean \"idle_ms\"?\n" },
		{ "flow: { }", "t:1: flow: unknown group; did you mean \"flows\"?\n" },
		{ "DETECT: { }", "t:1: DETECT: unknown group; did you mean \"detect\"?\n" },
		{ "zzz: { }", "t:1: zzz: unknown group" ROOT },
		{ "zzz = 1", "t:1: zzz: unknown key" ROOT },
		{ "detect: { zzz = 1; bolla = 2; numbre = 3; }",
		  "t:1: detect.zzz: unknown key; allowed here: number, words, bola\n"
		  "t:1: detect.bolla: unknown key; did you mean \"bola\"?\n"
		  "t:1: detect.numbre: unknown key; did you mean \"number\"?\n" },
		{ "above: { muddle: { } }",
		  "t:1: above.muddle: unknown group; did you mean \"middle\"?\n" },
		{ "above: { x = 1 }", "t:1: above.x: unknown key; allowed here: middle, pins\n" },
		{ "above: { pins: ( { middle = 1; } ) }",
		  "t:1: above.pins[0].middle: unknown key; allowed here: number, words\n" },
		// Wrong types.
		{ "flows: { strict = 1; }",
		  "t:1: flows.strict: found an integer (1); expected true or false\n" },
		{ "flows: { strict = \"yes\"; }",
		  "t:1: flows.strict: found a string (\"yes\"); expected true or false\n" },
		{ "flows: { idle_ms = \"5\"; }",
		  "t:1: flows.idle_ms: found a string (\"5\"); expected an integer from 1 to 60000 "
		  "ms\n" },
		{ "flows: { idle_ms = 2.5; }",
		  "t:1: flows.idle_ms: found a number with a fraction (2.5); expected an integer "
		  "from 1 to 60000 ms\n" },
		{ "flows: { idle_ms = true; }",
		  "t:1: flows.idle_ms: found a boolean (true); expected an integer from 1 to 60000 "
		  "ms\n" },
		{ "flows: { ratio = [ 1 ]; }",
		  "t:1: flows.ratio: found an array [ ... ]; expected a number from 0 to 1.5\n" },
		{ "flows: { label = { }; }",
		  "t:1: flows.label: found a group { ... }; expected a string of 1 to 8 bytes\n" },
		{ "flows: { any = 5; }",
		  "t:1: flows.any: found an integer (5); expected a string of any length\n" },
		{ "flows: { mode = 1; }",
		  "t:1: flows.mode: found an integer (1); expected one of \"off\", \"watch\", "
		  "\"enforce\"\n" },
		{ "flows: { types = \"email\"; }",
		  "t:1: flows.types: found a string (\"email\"); expected an array [ \"...\" ] of "
		  "strings, each one of \"email\", \"card\", \"phone\", \"iban\"\n" },
		{ "detect: { words = [ 1, 2 ]; }",
		  "t:1: detect.words: found an integer (1); expected an array [ \"...\" ] of "
		  "strings, each a string of 0 to 5 bytes\n"
		  "t:1: detect.words: found an integer (2); expected an array [ \"...\" ] of "
		  "strings, each a string of 0 to 5 bytes\n" },
		{ "flows = 5",
		  "t:1: flows: found an integer (5); expected a group { key = value; }\n" },
		{ "detect = 5",
		  "t:1: detect: found an integer (5); expected a group { key = value; }\n" },
		{ "above = ( { middle = 1 } )",
		  "t:1: above: found a list ( ... ); expected a group { key = value; }\n" },
		{ "detect: { bola = \"x\" }",
		  "t:1: detect.bola: found a string (\"x\"); expected a group { key = value; }\n" },
		{ "ports: { name = \"x\" }",
		  "t:1: ports: found a group { ... }; expected a list of groups "
		  "( { key = value; }, ... )\n" },
		{ "above: { pins: ( 1,\n{ },\n[ ] ) }",
		  "t:1: above.pins[0]: found an integer (1); expected a group { key = value; }\n"
		  "t:3: above.pins[2]: found an array [ ... ]; expected a group { key = "
		  "value; }\n" },
		// Ranges.
		{ "flows: { idle_ms = 0; }",
		  "t:1: flows.idle_ms: 0 is out of range; allowed: 1 to 60000 ms\n" },
		{ "flows: { idle_ms = 60001; }",
		  "t:1: flows.idle_ms: 60001 is out of range; allowed: 1 to 60000 ms\n" },
		{ "flows: { idle_ms = 4294967301; }",
		  "t:1: flows.idle_ms: 4294967301 is out of range; allowed: 1 to 60000 ms\n" },
		{ "flows: { wide = 4294967296; }",
		  "t:1: flows.wide: 4294967296 is out of range; allowed: 0 to 4294967295\n" },
		{ "flows: { idle_ms = -5; }",
		  "t:1: flows.idle_ms: -5 is negative; allowed: 1 to 60000 ms\n" },
		{ "flows: { budget_bytes = 99999999999999999999; }",
		  "t:1: flows.budget_bytes: the number is too large; allowed: 0 to "
		  "9223372036854775808 bytes\n" },
		{ "flows: { budget_bytes = 0xFFFFFFFFFFFFFFFFL; }",
		  "t:1: flows.budget_bytes: the number is too large; allowed: 0 to "
		  "9223372036854775808 bytes\n" },
		{ "flows: { ratio = 1.75; }",
		  "t:1: flows.ratio: 1.75 is out of range; allowed: 0 to 1.5\n" },
		{ "flows: { ratio = -1; }",
		  "t:1: flows.ratio: -1 is negative; allowed: 0 to 1.5\n" },
		{ "flows: { ratio = 1e400; }",
		  "t:1: flows.ratio: the number is too large; allowed: 0 to 1.5\n" },
		{ "flows: { signed_ratio = -11; }",
		  "t:1: flows.signed_ratio: -11 is out of range; allowed: -10 to 10\n" },
		{ "flows: { signed_ratio = -99999999999999999999; }",
		  "t:1: flows.signed_ratio: the number is too large; allowed: -10 to 10\n" },
		{ "flows: { label = \"\"; }",
		  "t:1: flows.label: \"\" is too short (0 bytes); allowed: 1 to 8 bytes\n" },
		{ "flows: { label = \"123456789\"; }",
		  "t:1: flows.label: \"123456789\" is too long (9 bytes); allowed: 1 to 8 "
		  "bytes\n" },
		{ "detect: { words = [ \"ok\", \"123456\" ]; }",
		  "t:1: detect.words: \"123456\" is too long (6 bytes); allowed: 0 to 5 bytes\n" },
		// Choices and names.
		{ "flows: { mode = \"wotch\"; }",
		  "t:1: flows.mode: \"wotch\" is not a known choice; did you mean \"watch\"? "
		  "allowed: \"off\", \"watch\", \"enforce\"\n" },
		{ "flows: { mode = \"x\"; }",
		  "t:1: flows.mode: \"x\" is not a known choice; allowed: \"off\", \"watch\", "
		  "\"enforce\"\n" },
		{ "flows: { type = \"emial\"; }",
		  "t:1: flows.type: \"emial\" is not a known name; allowed: \"email\", \"card\", "
		  "\"phone\", \"iban\"\n" },
		{ "flows: { type = \"e-mail\"; }",
		  "t:1: flows.type: \"e-mail\" is not a known name; did you mean \"email\"?\n" },
		{ "flows: { types = [ \"card\",\n\"cart\" ]; }",
		  "t:2: flows.types: \"cart\" is not a known name; did you mean \"card\"?\n" },
		// Missing keys.
		{ "ports: ( { name = \"p\"; role = \"tap\"; peers = []; },\n"
		  "{ nam = \"p\"; weight = 1; role = \"tap\"; peers = []; } )",
		  "t:1: ports[0].weight: missing; expected a number from 0.5 to 2\n"
		  "t:2: ports[1].nam: unknown key; did you mean \"name\"?\n"
		  "t:2: ports[1].name: missing; expected a string of 1 to 16 bytes\n" },
		// What libconfig finds.
		{ "detect: { number = 12345678901e; }",
		  "t:1: syntax error" SYNTAX
		  "t:1: detect.number: 12345678901 is out of range; allowed: 0 to 9\n" },
		{ "flows: {\n\tidle_ms 5\n}",
		  "t:2: syntax error" SYNTAX },
		{ "flows: { idle_ms = 5; }\n\nflows: { }",
		  "t:3: duplicate setting name" SYNTAX },
		{ "detect: { words = [ \"a\",\n1 ] }",
		  "t:2: mismatched element type in array" SYNTAX },
		// What it does not find.
		{ "flows: { }\n\nflows: { any = \"x; }\n\n",
		  "t:3: a string is not closed; expected \"\n" },
		{ "flows: { }\n/* never\nclosed", "t:2: a comment is not closed; expected */\n" },
		{ "@include 5\n", "t:1: @include without a file; expected @include \"file\"\n" },
		// Bytes of the file in a message.
		{ "flows: { mode = \"\\x1b[2J\xc3\xa9\x07\"; }",
		  "t:1: flows.mode: \"\\x1b[2J\\xc3\\xa9\\x07\" is not a known choice; allowed: "
		  "\"off\", \"watch\", \"enforce\"\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_messages(cases[i].text, cases[i].expected);
}

static void test_all_mistakes_by_line(void **)
{
	check_messages("detect: { bola: { nmber = 1; }\n"
		       "number = 10; }\n"
		       "zone = 1;\n"
		       "ports: ( { name = \"p\"; role = \"tapp\";\n"
		       "queues = -1; peers = []; weight = 1; },\n"
		       "{ } );\n"
		       "flows: { idle_ms = 0;\n"
		       "strict = 0;\n"
		       "types = [ \"email\", \"cards\" ];\n"
		       "label = \"much too long\" = 1 }\n",
		       "t:1: detect.bola.nmber: unknown key; did you mean \"number\"?\n"
		       "t:2: detect.number: 10 is out of range; allowed: 0 to 9\n"
		       "t:3: zone: unknown key" ROOT
		       "t:4: ports[0].role: \"tapp\" is not a known choice; did you mean \"tap\"? "
		       "allowed: \"tap\", \"span\"\n"
		       "t:5: ports[0].queues: -1 is negative; allowed: 1 to 64\n"
		       "t:7: flows.idle_ms: 0 is out of range; allowed: 1 to 60000 ms\n"
		       "t:8: flows.strict: found an integer (0); expected true or false\n"
		       "t:9: flows.types: \"cards\" is not a known name; did you mean \"card\"?\n"
		       "t:10: syntax error" SYNTAX
		       "t:10: flows.label: \"much too long\" is too long (13 bytes); allowed: 1 "
		       "to 8 bytes\n");
	// Without a syntax error the missing keys of the second port are told as well.
	write_text("t", "ports: (\n{ } );\n");
	assert_null(load_messages("t"));
	const char *const missing[] = { "name", "role", "peers", "weight" };
	for (size_t i = 0; i < 4; i++) {
		char start[64];
		snprintf(start, sizeof(start), "t:2: ports[0].%s: missing; ", missing[i]);
		assert_non_null(strstr(messages, start));
	}
}

static void test_many_mistakes(void **)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	fprintf(out, "above: { pins: (\n{ }");
	for (int i = 0; i < 1200; i++)
		fprintf(out, ",\n{ number = 10; }");
	fprintf(out, " ) }\n");
	fclose(out);
	write_text("t", text);
	free(text);
	assert_null(load_messages("t"));
	unsigned lines = 0;
	for (const char *m = messages; (m = strchr(m, '\n')); m++)
		lines++;
	assert_int_equal(lines, MISTAKES_MAX + 1);
	assert_non_null(strstr(messages, "t:1002: above.pins[1000].number: 10 is out"));
	assert_non_null(strstr(messages, "\nThere are more mistakes than these 1000.\n"));
}

// ---- Files

static void test_includes(void **)
{
	mkdir("conf.d", 0755);
	write_text("conf.d/a.conf", "idle_ms = 12;\n@include \"b.conf\"\nratio = 9;\n");
	write_text("conf.d/b.conf", "\nwide = 3000000001;\nrato = 1; # no newline here");
	check_messages("flows: {\n  @include \"conf.d/a.conf\"\n mode = \"x\"; }\n",
		       "conf.d/b.conf:3: flows.rato: unknown key; did you mean \"ratio\"?\n"
		       "conf.d/a.conf:3: flows.ratio: 9 is out of range; allowed: 0 to 1.5\n"
		       "t:3: flows.mode: \"x\" is not a known choice; allowed: \"off\", \"watch\", "
		       "\"enforce\"\n");
	write_text("conf.d/b.conf", "wide = 3000000001;");
	write_text("conf.d/a.conf", "idle_ms = 12;\n@include\t\"b.conf\"\nratio = 1.25;");
	char cwd[256], text[512];
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(text, sizeof(text), "/* @include \"none\"\n@include \"none\" */ # @include \"x\"\n"
		 "flows: {\n@include \"%s/conf.d/a.conf\" strict = false }\n"
		 "above: { pins: ( { } ) }",
		 cwd);
	struct conf *conf = load_good(text);
	const struct flows_conf *f = conf_get(conf, &flows);
	assert_int_equal(f->idle_ms, 12);
	assert_true(f->wide == 3000000001U);
	assert_true(f->ratio == 1.25);
	assert_false(f->strict);
	assert_string_equal(conf_item_where(conf, &pins, 0), "good.conf:5");
	conf_free(conf);

	write_text("conf.d/a.conf", "above: { pins: (\n { } ) }");
	conf = load_good("\n\n@include \"conf.d/a.conf\"\n");
	assert_string_equal(conf_item_where(conf, &pins, 0), "conf.d/a.conf:2");
	conf_free(conf);

	// A file that cannot be had does not hide the other mistakes.
	mkfifo("fifo", 0600);
	check_messages("@include \"none\"\n@include \"conf.d\"\n@include \"fifo\"\nx = 1",
		       "t:1: @include \"none\": cannot open: No such file or directory\n"
		       "t:2: @include \"conf.d\": is a directory; allowed: a regular file\n"
		       "t:3: @include \"fifo\": is not a regular file; allowed: a regular file\n"
		       "t:4: x: unknown key" ROOT);
	check_messages("flows: { } @include \"empty\"\n", "t:1: syntax error" SYNTAX);
	check_messages("\n@include \"t\"\n",
		       "t:2: too many @include; allowed: 64 files, 10 deep\n");
	write_text("empty", "");
	char many[70 * 20 + 1] = "";
	for (int i = 0; i < 66; i++)
		strcat(many, "@include \"empty\"\n");
	check_messages(many, "t:65: too many @include; allowed: 64 files, 10 deep\n"
			     "t:66: too many @include; allowed: 64 files, 10 deep\n");
	write_text("open", "flows: { any = \"x");
	check_messages("@include \"open\"\n\"; }",
		       "open:1: a string is not closed; expected \"\n");
}

static void check_file(const char *file, const char *expected)
{
	assert_null(load_messages(file));
	assert_string_equal(messages, expected);
}

static void test_files(void **)
{
	check_file("none", "none: cannot open: No such file or directory\n");
	check_file("no\tne", "no\\x09ne: cannot open: No such file or directory\n");
	check_file(".", ".: is a directory; allowed: a regular file\n");
	check_file("/dev/null", "/dev/null: is not a regular file; allowed: a regular file\n");
	check_file("/proc/self/status",
		   "/proc/self/status: changes while it is read; allowed: a regular file\n");
	mkfifo("fifo", 0600);
	check_file("fifo", "fifo: is not a regular file; allowed: a regular file\n");
	write_bytes("t", "flows: { }\0\n", 12);
	check_file("t", "t: has NUL bytes; allowed: a text file\n");

	write_text("t", "");
	assert_int_equal(truncate("t", TEXT_MAX + 1), 0);
	check_file("t", "t: is too large (4194305 bytes); allowed: 4194304 bytes in all files\n");
	// All files together.
	char *big = malloc(TEXT_MAX);
	assert_non_null(big);
	memset(big, '#', TEXT_MAX);
	write_bytes("big", big, TEXT_MAX - 10);
	check_messages("@include \"big\"\n", "t:1: @include \"big\": is too large (4194294 bytes); "
					     "allowed: 4194304 bytes in all files\n");
	write_bytes("good.conf", big, TEXT_MAX);
	struct conf *conf = load_messages("good.conf");
	assert_non_null(conf);
	conf_free(conf);
	free(big);
}

// Fills the largest file allowed with one thing again and again: refused, soon, without a crash.
static void repeat(const char *head, const char *body, const char *expected)
{
	char *big = malloc(TEXT_MAX);
	assert_non_null(big);
	size_t len = strlen(head), part = strlen(body);
	memcpy(big, head, len);
	for (; part <= TEXT_MAX - len; len += part)
		memcpy(big + len, body, part);
	write_bytes("t", big, len);
	free(big);
	assert_null(load_messages("t"));
	if (!strstr(messages, expected))
		fail_msg("%.500s", messages);
}

static void test_huge(void **)
{
	repeat("a = ", "(", "t:1: too many open brackets; allowed: 32\n");
	repeat("", "a={", "t:1: too many open brackets; allowed: 32\n");
	repeat("", "x=1\n", "t:2: duplicate setting name; ");
	repeat("above: {\n", "\np = (", "t:34: too many open brackets");
	repeat("any = \"", "\\n", "t:1: a string is not closed");
	repeat("flows: { types = (", "1,\n", "more mistakes");
	repeat("above: { pins: (", "{},", "t:1: too many elements in a list; allowed: 10000\n");
	repeat("", "}", "t:1: syntax error");
	repeat("", "-", "t:1: syntax error");
	repeat("flows: { wide = ", "1", "t:1: flows.wide: the number is too large");
	repeat("", "z", "t:2: syntax error");
	repeat("", "@include \"none\"\n", "more mistakes");
	repeat("", "     @", "t:1: syntax error");
	repeat("", "\xff", "t:1: syntax error");

	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	for (int i = 0; i <= GROUP_KEYS_MAX; i++)
		fprintf(out, "k%d = 1;\n", i);
	fclose(out);
	write_text("t", text);
	free(text);
	assert_null(load_messages("t"));
	assert_non_null(strstr(messages, "t:257: too many keys in a group; allowed: 256\n"));
	assert_non_null(strstr(messages, "t:256: k255: unknown key"));
}

static const char corpus[] =
	"/* head */ flows: { strict = false; idle_ms = 0x1F; budget_bytes = 12345678901L;\n"
	"ratio = 1.5e-1; label = \"a\\\"b\" \"c\"; mode = \"off\"; types = [ \"card\" ];\n"
	"any = \"\\x41\\\\\"; # end\n};\n"
	"@include \"part\"\n"
	"detect = { number = +3, bola: { words = ( \"x\", \"y\" ); } } // more\n"
	"ports: ( { name = \"p\"; role = \"tap\"; peers = [ ]; weight = 2; },\n"
	"{ name = \"q\"; role = \"span\"; peers = [ \"card\" ]; weight = 0.5; queues = 1 } );\n";

// Every cut and many damages of a file that uses everything.
static void test_damage(void **)
{
	write_text("part", "above: { middle: { below: { number = 2; } }; pins: ( { }, { } ) }");
	char text[sizeof(corpus)];
	for (size_t len = 0; len < sizeof(corpus); len++) {
		write_bytes("t", corpus, len);
		conf_free(load_messages("t"));
	}
	static const char bytes[] = "\0\n\"{)[=,@#*\\-9";
	for (size_t i = 0; i + 1 < sizeof(corpus); i++)
		for (size_t b = 0; b + 1 < sizeof(bytes); b++) {
			memcpy(text, corpus, sizeof(corpus));
			text[i] = bytes[b];
			write_bytes("t", text, sizeof(corpus) - 1);
			conf_free(load_messages("t"));
		}
	struct conf *conf = load_good(corpus);
	assert_int_equal(conf_count(conf, &ports), 2);
	assert_int_equal(conf_count(conf, &pins), 2);
	conf_free(conf);
}

// ---- Memory

static void check_failures(const char *file, bool good)
{
	unsigned failed = 0;
	for (fail_at = 1;; fail_at++) {
		char *text;
		size_t size;
		n_allocs = 0;
		FILE *err = open_memstream(&text, &size);
		struct conf *conf = conf_load(file, err);
		fclose(err);
		if (n_allocs >= fail_at) { // it did fail
			assert_null(conf);
			assert_non_null(strstr(text, "conf: out of memory\n"));
			failed++;
		} else {
			assert_true(good == !!conf);
			assert_null(strstr(text, "out of memory"));
		}
		free(text);
		conf_free(conf);
		if (n_allocs < fail_at)
			break;
	}
	fail_at = 0;
	assert_true(failed > 50);
}

static void test_no_memory(void **)
{
	write_text("part", "above: { middle: { below: { number = 2; } }; pins: ( { }, { } ) }");
	write_text("good.conf", corpus);
	check_failures("good.conf", true);
	check_failures(NULL, true);
	write_text("t", "flows: { idel_ms = 0; mode = \"x\"; }\n@include \"none\"\n"
			"x = 1; ports: ( { } )");
	check_failures("t", false);
	write_text("t", "flows: { idle_ms = 0;\n =");
	check_failures("t", false);
}

// ---- Sample and help

static char *printed(void (*print)(FILE *))
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	print(out);
	fclose(out);
	return text;
}

static void test_sample(void **)
{
	char *text = printed(conf_print_sample);
	struct conf *conf = load_good(text);
	check_defaults(conf);
	assert_int_equal(conf_count(conf, &ports), 0);
	assert_int_equal(conf_count(conf, &pins), 0);
	conf_free(conf);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 100);
	// Every key really stands in it.
	for (size_t i = 0; i < n_sections; i++)
		for (size_t r = 0; r < sections[i]->n_rows; r++) {
			char key[64];
			snprintf(key, sizeof(key), "\t%s = ", sections[i]->rows[r].key);
			assert_non_null(strstr(text, key));
			assert_non_null(strstr(text, sections[i]->help));
		}
	assert_non_null(strstr(text, "\t# Allowed: an integer from 1 to 60000 ms\n\tidle_ms"));

	assert_non_null(strstr(text, "#\t\t# Required: one of \"tap\", \"span\"\n#\t\trole"));

	// The examples of lists, once their marks are taken away, are good as well.
	char *to = text;
	for (const char *from = text; *from; from++) {
		bool start = from == text || from[-1] == '\n' || from[-1] == '\t';
		if (!(start && *from == '#' && from[1] != ' '))
			*to++ = *from;
	}
	*to = '\0';
	conf = load_good(text);
	check_defaults(conf);
	assert_int_equal(conf_count(conf, &ports), 1);
	assert_int_equal(conf_count(conf, &pins), 1);
	const struct port_conf *port = conf_item(conf, &ports, 0);
	assert_string_equal(port->name, "name");
	assert_int_equal(port->queues, 4);
	assert_true(port->weight == 0.5);
	conf_free(conf);
	free(text);
}

static void test_help(void **)
{
	char *text = printed(conf_print_help);
	unsigned lines = 0, rows = 1;
	for (const char *m = text; (m = strchr(m, '\n')); m++)
		lines++;
	for (size_t i = 0; i < n_sections; i++)
		rows += sections[i]->n_rows;
	assert_int_equal(lines, rows);
	assert_non_null(strstr(text, "\nports[].name "));
	assert_non_null(strstr(text, "\nflows.mode                               choice   \"watch\""
				     "          What to do. (one of \"off\", \"watch\", "
				     "\"enforce\")\n"));
	free(text);
}

// ---- Names

static void test_nearest(void **)
{
	assert_string_equal(conf_nearest("email", type_name), "email");
	assert_string_equal(conf_nearest("Email", type_name), "email");
	assert_string_equal(conf_nearest("emai", type_name), "email");
	assert_string_equal(conf_nearest("cards", type_name), "card");
	assert_string_equal(conf_nearest("telephone", type_name) ? "" : "none", "none");
	assert_string_equal(conf_nearest("xphonex", type_name), "phone");
	assert_null(conf_nearest("", type_name));
	assert_null(conf_nearest("x", type_name));
	assert_null(conf_nearest("ca", type_name)); // two thirds away
	char *name = malloc(100001);
	memset(name, 'e', 100000);
	name[100000] = '\0';
	assert_null(conf_nearest(name, type_name));
	free(name);
}

// ---- Wrong rows

// Runs in a child, which has to abort and to say why.
static void check_abort(const struct conf_section *section, const char *reason)
{
	int fds[2], status;
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		conf_section_add(section);
		conf_free(conf_load(NULL, stderr));
		_exit(0);
	}
	close(fds[1]);
	char text[1024];
	size_t len = 0;
	for (ssize_t n; (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0;)
		len += (size_t)n;
	text[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !strstr(text, reason))
		fail_msg("status %d, said \"%s\", expected \"%s\"", status, text, reason);
}

static void test_wrong_sections(void **)
{
	static const struct {
		const char *path, *reason;
	} paths[] = {
		{ "flows", "section flows: registered twice\n" },
		{ NULL, "not a path" },
		{ "", "not a path" },
		{ "a..b", "not a path" },
		{ "a.", "not a path" },
		{ ".a", "not a path" },
		{ "a b", "not a path" },
		{ "9a", "not a path" },
		{ "ports.x", "ports is a list and cannot hold a section" },
		{ "flows.mode", "flows has a key of that name" },
		{ "flows.mode.x", "flows has a key of that name" },
	};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		check_abort(&(struct conf_section){ .path = paths[i].path, .help = "x", .size = 1 },
			    paths[i].reason);
	// The same when the group arrives after what stands in it.
	struct conf_row row = { .key = "middle", .max = 1, .def = "true", .help = "x" };
	check_abort(&(struct conf_section){ .path = "above", .help = "x", .size = 1, .rows = &row,
					    .n_rows = 1 }, "above has a key of that name");
	check_abort(&(struct conf_section){ .path = "above", .help = "x", .size = 1, .list = true },
		    "above is a list");
	check_abort(&(struct conf_section){ .path = "x", .size = 1 }, "needs a help text");
	check_abort(&(struct conf_section){ .path = "x", .help = "a\nb", .size = 1 },
		    "a help text");
	check_abort(&(struct conf_section){ .path = "x", .help = "x" }, "and a size");
}

static void test_wrong_rows(void **)
{
	const struct conf_row good = { .key = "key", .type = CONF_U32, .max = 9, .def = "1",
				       .help = "x" };
	struct conf_row rows[2] = { good, good };
	struct conf_section section = { .path = "new", .help = "x", .size = 16, .rows = rows,
					.n_rows = 1 };
#define CHECK(reason, ...)                                                                         \
	do {                                                                                       \
		rows[0] = good;                                                                    \
		__VA_ARGS__;                                                                       \
		check_abort(&section, reason);                                                     \
	} while (0)
	CHECK("section new, key Key: not a name of a key", rows[0].key = "Key");
	CHECK("not a name", rows[0].key = "");
	CHECK("not a name", rows[0].key = NULL);
	CHECK("no such type", rows[0].type = 99);
	CHECK("outside", rows[0].offset = 13);
	CHECK("outside", rows[0].offset = SIZE_MAX);
	CHECK("help text", rows[0].help = NULL);
	CHECK("needs a default", rows[0].def = NULL);
	CHECK("needs a default", rows[0].required = true);
	CHECK("choices", rows[0].choices = modes);
	CHECK("choices", rows[0].type = CONF_ENUM);
	CHECK("names", rows[0].names = type_name);
	CHECK("min is above max", rows[0].min = 10);
	CHECK("does not fit", rows[0].max = 0x1p32);
	CHECK("does not fit", rows[0].min = -1);
	// Defaults are checked as a file is.
	CHECK("default of new.key:1: new.key: 10 is out of range; allowed: 0 to 9\n",
	      rows[0].def = "10");
	CHECK("default of new.key:1: new.key: found a string (\"1\"); expected an integer",
	      rows[0].def = "\"1\"");
	CHECK("default of new.key:1: syntax error", rows[0].def = "");
	CHECK("default of new.key:1: new.other: unknown key", rows[0].def = "1; other = 2");
	CHECK("is not a known choice", rows[0].type = CONF_ENUM, rows[0].choices = modes,
	      rows[0].def = "\"none\"");
	section.n_rows = 2;
	CHECK("the key is declared twice", rows[1] = good);
#undef CHECK
}

static void test_too_many_sections(void **)
{
	static struct conf_section many[SECTIONS_MAX + 1];
	static char paths[SECTIONS_MAX + 1][16];
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) { // not to fill the registry of the other tests
		for (int i = 0; i < SECTIONS_MAX; i++) {
			snprintf(paths[i], sizeof(paths[i]), "s%d", i);
			many[i] = (struct conf_section){ .path = paths[i], .help = "x", .size = 1 };
			if (n_sections < SECTIONS_MAX)
				conf_section_add(&many[i]);
		}
		many[SECTIONS_MAX] = (struct conf_section){ .path = "last", .help = "x",
								   .size = 1 };
		check_abort(&many[SECTIONS_MAX], "more than 128 sections");
		conf_free(conf_load(NULL, stderr));
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static char directory[] = "/tmp/test_conf.XXXXXX";

static int setup(void **)
{
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_all_mistakes_by_line),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_wrong_sections),
		cmocka_unit_test(test_wrong_rows),
		cmocka_unit_test(test_too_many_sections),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
