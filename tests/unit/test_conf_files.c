// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The configuration engine and what is wrong around it: includes, hostile files, the failure of
// each n-th allocation, sections and rows that are declared wrongly.

#include "tests/unit/conf_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

// ---- Files

static void test_includes(void **)
{
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_wrong_sections),
		cmocka_unit_test(test_wrong_rows),
		cmocka_unit_test(test_too_many_sections),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
