// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The configuration engine: values and defaults, the exact text of every kind of mistake, the
// sample, the help and names that are nearly right.

#include "tests/unit/conf_fixture.h"

// ---- Values

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

// As many names as there can be data types.
static const char *many_names(size_t i)
{
	static char names[256][24];

	if (i >= 256)
		return NULL;
	snprintf(names[i], sizeof(names[i]), "country.number.%zu.long", i);
	return names[i];
}

static void test_many_names(void **)
{
	const struct conf_row row = { .key = "type", .type = CONF_STR, .names = many_names };
	struct schema_note note = { .len = 0 };
	schema_allowed(&row, &note);
	for (size_t i = 0; i < 256; i++)
		assert_non_null(strstr(note.text, many_names(i)));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_all_mistakes_by_line),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_nearest),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
