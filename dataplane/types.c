// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap types: which data types there are, and what they make of a text. For people who decide
// what to prohibit, and for those who write types of their own.

#include "dataplane/command.h"
#include "detect/scan.h"
#include "export/json.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
	LINE_BYTES = 16 << 10, // what scan_text() takes
	VERDICTS = 128,        // told of one line
	SHOWN = 64,            // bytes of a candidate
};

static void print_help(void)
{
	printf("usage: apitap types [list] [-c FILE] [--json]\n"
	       "       apitap types test [-c FILE] [--key NAME] [--json] < TEXT\n\n"
	       "list prints all data types: id, group, country, when a value is reported, the "
	       "rules\n"
	       "that it falls under, and what it is checked by.\n"
	       "test reads lines and tells which types were found in each, which ones nearly "
	       "were,\n"
	       "and why not. A line may bring its field's name: \"NAME: VALUE\" or "
	       "\"NAME=VALUE\".\n\n"
	       "  -c, --config FILE  configuration with data types; without it, all defaults\n"
	       "      --key NAME     name of the field of lines that bring none\n"
	       "      --json         one JSON object a line\n"
	       "  -h, --help         this text\n\n"
	       "exit status: 0 done (test: something was found), 1 nothing was found, 2 wrong "
	       "usage\n\n"
	       "examples:\n"
	       "  apitap types | grep JP\n"
	       "  echo 'card_number: 4111 1111 1111 1111' | apitap types test\n"
	       "  apitap types test -c apitap.conf --key employee_no < samples.txt\n");
}

// ---- list

static const char *group_name(enum type_group group)
{
	static const char *const names[] = {"contact", "personal", "financial", "government id",
					    "health",  "network",  "secret"};

	return names[group];
}

static const char *reports_name(enum type_reports reports)
{
	static const char *const names[] = {"alone", "with context", "in a learnt field"};

	return names[reports];
}

static void put_tags(uint8_t tags, bool json)
{
	const char *name, *comma = "";

	for (uint32_t i = 0; (name = datatype_tag_name(i)); i++) {
		if (!(tags >> i & 1))
			continue;
		printf(json ? "%s\"%s\"" : "%s%s", comma, name);
		comma = json ? "," : ", ";
	}
	if (!json && !*comma)
		putchar('-');
}

static void list_json(const struct datatype *t)
{
	printf("{\"id\":\"%s\",\"title\":", t->id);
	json_string(stdout, t->title, strlen(t->title));
	printf(",\"group\":\"%s\",\"country\":\"%s\",\"reports\":\"%s\",\"tags\":[",
	       group_name(t->group), t->country, reports_name(t->reports));
	put_tags(t->tags, true);
	printf("],\"check\":");
	json_string(stdout, t->rule ? t->rule : "", t->rule ? strlen(t->rule) : 0);
	printf(",\"context\":[");
	for (uint32_t i = 0; t->context && t->context[i]; i++) {
		if (i)
			putchar(',');
		json_string(stdout, t->context[i], strlen(t->context[i]));
	}
	printf("]}\n");
}

static int list(bool json)
{
	for (uint32_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);

		if (json) {
			list_json(t);
			continue;
		}
		printf("%-20s %-14s %-7s %-18s ", t->id, group_name(t->group), t->country,
		       reports_name(t->reports));
		put_tags(t->tags, false);
		printf("; %s%s%s\n", t->title, t->rule ? "; " : "", t->rule ? t->rule : "");
	}
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

// ---- test

// What was said of one candidate. why: enum refusal, or FOUND.
enum { FOUND = -1 };

struct verdict {
	uint32_t type;
	int why;
	struct span value;
};

struct test {
	struct scanner *scanner;
	struct verdict verdict[VERDICTS];
	uint32_t n;
	bool more; // there were more than fit
	bool found, json;
	uint64_t line;
};

// What a type says last of a place counts, and a value that was found more than all else.
static void verdict_add(struct test *t, uint32_t type, struct span value, int why)
{
	for (uint32_t i = 0; i < t->n; i++) {
		struct verdict *v = &t->verdict[i];

		if (v->type == type && v->value.p == value.p) {
			if (v->why != FOUND)
				*v = (struct verdict){type, why, value};
			return;
		}
	}
	t->more |= t->n == VERDICTS;
	if (t->n < VERDICTS)
		t->verdict[t->n++] = (struct verdict){type, why, value};
}

static void on_hit(void *arg, const struct hit *hit)
{
	verdict_add(arg, hit->type, hit->value, FOUND);
}

static void on_refused(void *arg, uint32_t type, struct span value, enum refusal why)
{
	verdict_add(arg, type, value, (int)why);
}

static void put_why(const struct verdict *v)
{
	const struct datatype *t = datatype_get(v->type);

	switch (v->why) {
	case FOUND:
		printf("found");
		break;
	case REFUSED_CHECK:
		printf("no: it begins like one, but the check refuses it");
		if (t->rule)
			printf(" (%s)", t->rule);
		break;
	case REFUSED_TEST:
		printf("no: this number is published for tests");
		break;
	case REFUSED_CONTEXT:
		printf("no: reported only %s whose name has one of", reports_name(t->reports));
		for (uint32_t i = 0; t->context && t->context[i]; i++)
			printf("%s %s", i ? "," : "", t->context[i]);
		break;
	}
}

static void put_verdict(const struct test *t, const struct verdict *v)
{
	static const char *const words[] = {"check", "context", "test number"};
	struct span shown = v->value;

	if (shown.len > SHOWN)
		shown.len = SHOWN;
	if (t->json) {
		printf("{\"line\":%llu,\"type\":\"%s\",\"found\":%s,\"why\":",
		       (unsigned long long)t->line, datatype_get(v->type)->id,
		       v->why == FOUND ? "true" : "false");
		printf(v->why == FOUND ? "null" : "\"%s\"", words[v->why < 0 ? 0 : v->why]);
		printf(",\"text\":");
		json_string(stdout, shown.p, shown.len);
		printf("}\n");
		return;
	}
	printf("%llu: %-20s ", (unsigned long long)t->line, datatype_get(v->type)->id);
	json_string(stdout, shown.p, shown.len);
	printf("%s ", v->value.len > SHOWN ? "…" : "");
	put_why(v);
	putchar('\n');
}

// Is this a name, rather than the beginning of a text?
static bool is_name(struct span s)
{
	for (uint32_t i = 0; i < s.len; i++) {
		uint8_t c = span_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr("_-.", c) &&
		    c < 0x80)
			return false;
	}
	return s.len > 0;
}

static void test_line(struct test *t, struct span text, struct span key)
{
	for (uint32_t i = 0; i < text.len; i++) {
		if (text.p[i] != ':' && text.p[i] != '=')
			continue;
		if (is_name(span_trim(span_make(text.p, i)))) {
			key = span_trim(span_make(text.p, i));
			text = span_trim(span_make(text.p + i + 1, text.len - i - 1));
		}
		break;
	}
	t->n = 0;
	t->more = false;
	scan_text(t->scanner, text, key, 0, SERVER, on_hit, t);
	for (uint32_t i = 0; i < t->n; i++) {
		t->found |= t->verdict[i].why == FOUND;
		put_verdict(t, &t->verdict[i]);
	}
	if (t->n == 0 && !t->json)
		printf("%llu: nothing looks like a data type\n", (unsigned long long)t->line);
	if (t->more)
		fprintf(stderr, "apitap types: line %llu: only the first %d answers are shown\n",
			(unsigned long long)t->line, VERDICTS);
}

static int test(const struct conf *conf, const char *key, bool json)
{
	struct test t = {.json = json};
	char why[512], *line = NULL;
	struct ruleset *rules = ruleset_new(conf, why, sizeof(why));
	size_t size = 0;
	ssize_t n;

	if (!rules) {
		fprintf(stderr, "apitap types: %s\n", why);
		return EXIT_USAGE;
	}
	t.scanner = scanner_new(rules, command_random());
	if (!t.scanner) {
		ruleset_free(rules);
		fprintf(stderr, "apitap types: no memory\n");
		return EXIT_FAILED;
	}
	scanner_ask(t.scanner, on_refused, &t);
	while ((n = getline(&line, &size, stdin)) > 0) {
		struct span text = span_make(line, (size_t)n);

		while (text.len && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == '\r'))
			text.len--;
		t.line++;
		if (text.len > LINE_BYTES) {
			fprintf(stderr,
				"apitap types: line %llu: only its first %d bytes are looked at\n",
				(unsigned long long)t.line, LINE_BYTES);
			text.len = LINE_BYTES;
		}
		if (text.len)
			test_line(&t, text, span_make(key, strlen(key)));
	}
	free(line);
	scanner_free(t.scanner);
	ruleset_free(rules);
	if (ferror(stdin) || fflush(stdout) != 0) {
		fprintf(stderr, "apitap types: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return t.found ? EXIT_OK : EXIT_FAILED;
}

int command_types(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *file = NULL, *key = "", *what = "list";
	bool json = false;
	struct conf *conf;
	int o, status;

	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			file = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			print_help();
			return EXIT_OK;
		default:
			return command_usage("types", "wrong option");
		}
	}
	if (optind < argc)
		what = argv[optind++];
	if (optind < argc || (strcmp(what, "list") != 0 && strcmp(what, "test") != 0))
		return command_usage("types", "give list or test");
	if (*key && what[0] == 'l')
		return command_usage("types", "--key is for test");
	datatype_freeze();
	conf = conf_load(file, stderr);
	if (!conf)
		return EXIT_USAGE;
	status = what[0] == 't' ? test(conf, key, json) : list(json);
	conf_free(conf);
	return status;
}
