// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Rows of operators: what is read, each mistake with its file and line, and places that contradict
// each other.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "detect/template_pin.c"

static char why[512];

// The configuration of that text; the message when it is refused.
static struct conf *load(const char *text)
{
	char path[] = "/tmp/apitap-pin-XXXXXX", *message = NULL;
	int fd = mkstemp(path);
	size_t len = 0;
	FILE *err = open_memstream(&message, &len);
	struct conf *conf;

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	conf = conf_load(path, err);
	fclose(err);
	// Behind the name of the file.
	snprintf(why, sizeof(why), "%s", conf ? "" : message + strlen(path));
	free(message);
	unlink(path);
	return conf;
}

static int init(struct template_pins *p, const char *pin, const char *split)
{
	char text[1024];
	struct conf *conf;
	int rc;

	snprintf(text, sizeof(text), "detect: { templates: { pin = [ %s ]; split = [ %s ]; }; };",
		 pin, split);
	conf = load(text);
	assert_non_null(conf);
	rc = template_pins_init(p, conf_get(conf, &template_section), 42, why, sizeof(why));
	assert_int_equal(template_check(conf, why, sizeof(why)), rc);
	conf_free(conf);
	return rc;
}

static void test_read(void **)
{
	struct template_pins *p = malloc(sizeof(*p));
	uint64_t place = template_root(42, SPAN_LIT("api.example.com"), SPAN_LIT("GET"));
	struct template_table table = {&p->set, p->pin, 0, 42};
	struct span name;
	uint32_t ending;

	assert_int_equal(init(p, "\"GET API.example.com /users/{user}/orders\", "
				 "\"GET api.example.com /users/{user}\", \"* h /x/{y}\"",
			      "\"GET api.example.com /users/top\", "
			      "\"GET api.example.com /items/{id}/*\""),
			 0);
	table.n_pins = p->n;
	assert_int_equal(p->n, 1 + 7);
	assert_true(template_known(&table, place));
	place = template_place(42, place, SPAN_LIT("users"));
	assert_int_equal(template_segment_is(&table, place, SPAN_LIT("al.x"), &name, &ending),
			 TEMPLATE_PINNED);
	assert_int_equal(name.len, 6);
	assert_memory_equal(name.p, "{user}", 6);
	assert_int_equal(template_segment_is(&table, place, SPAN_LIT("top"), &name, &ending),
			 TEMPLATE_WORD);
	place = template_root(42, SPAN_LIT("api.example.com"), SPAN_LIT("GET"));
	place = template_place(42, place, SPAN_LIT("items"));
	place = template_place(42, place, SPAN_LIT("{id}"));
	assert_true(idset_has(&p->set, template_key(place, TEMPLATE_SPLIT, (struct span){0})));
	assert_int_equal(init(p, "", ""), 0);
	assert_int_equal(p->set.n, 0);
	free(p);
}

static void test_mistakes(void **)
{
	static const struct {
		const char *key, *row, *what;
	} cases[] = {
		{"pin", "get h /a/{b}", "no method"},
		{"pin", "GET h", "no path"},
		{"pin", "GET h a/{b}", "no path"},
		{"pin", "GET h /a/{b} x", "no path"},
		{"pin", "GET *.h /a/{b}", "no host"},
		{"pin", "GET h:80 /a/{b}", "no host"},
		{"pin", "GET h /a/b", "no {name}"},
		{"pin", "GET h /a/{b c}", "no path"},
		{"pin", "GET h /a/{}", "{name}"},
		{"pin", "GET h /a/{b", "{name}"},
		{"pin", "GET h /a/{abcdefghijklmnopqrstuvwxyzabcdefgh}", "{name}"},
		{"pin", "GET h /a/*/{b}", "characters"},
		{"pin", "GET h /a?x/{b}", "characters"},
		{"pin", "GET h /{a}/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "more than 16"},
		{"split", "GET h /a/{b}", "ends with a value"},
		{"split", "GET h /a/*/b", "* before its end"},
		{"split", "G", "too short"},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "detect: {\n templates: {\n  %s = [ \"%s\" ];\n };\n};",
			 cases[i].key, cases[i].row);
		assert_null(load(text));
		assert_memory_equal(why, ":3: ", 4);
		assert_non_null(strstr(why, cases[i].key));
		assert_non_null(strstr(why, cases[i].what));
		assert_non_null(strstr(why, "allowed: "));
	}
}

static void test_contradiction(void **)
{
	struct template_pins *p = malloc(sizeof(*p));

	assert_int_equal(init(p, "\"GET h /a/{b}\", \"GET h /a/{c}/d\"", ""), -1);
	assert_non_null(strstr(why, "\"{b}\" and \"{c}\""));
	free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_contradiction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
