// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Some lines are handled before libconfig sees the text:
//
//	@include "shop.scn"     relative to the file that says so
//	@set users = 300        a default; --set and earlier lines win
//	@for thing = a b c      what follows, up to @end, once for each word
//	@end
//
// and ${users}, ${20 * scale / users} are replaced everywhere: names, numbers, * and / from left
// to right. Lines stay where they are, so that mistakes are reported with file and line.

#include "tools/gen/gen_play_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INCLUDE_DEPTH = 8 };

void play_text_fatal(const struct play_text *text, unsigned line, const char *format, ...)
{
	const char *file = "";
	unsigned in_file = line;
	char message[512];
	va_list ap;

	for (uint32_t i = 0; i < text->n_parts && text->part[i].first <= line; i++) {
		file = text->part[i].file;
		in_file = text->part[i].line + line - text->part[i].first;
	}
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	gen_fatal("%s:%u: %s", file, in_file, message);
}

static const char *variable_get(const struct play_text *text, const char *name, size_t len)
{
	for (uint32_t i = 0; i < text->n_variables; i++) {
		if (strlen(text->variable[i].name) == len &&
		    !memcmp(text->variable[i].name, name, len))
			return text->variable[i].value;
	}
	return NULL;
}

static void variable_set(struct play_text *text, const char *name, size_t len, const char *value,
			 size_t value_len)
{
	if (variable_get(text, name, len))
		return;
	if (text->n_variables == PLAY_VARIABLES)
		play_text_fatal(text, text->line, "more than %d names", PLAY_VARIABLES);
	text->variable[text->n_variables].name = strndup(name, len);
	text->variable[text->n_variables++].value = strndup(value, value_len);
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static size_t name_len(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

// A name or a number. Moves *p behind it.
static double expression_term(struct play_text *text, const char **p)
{
	size_t n = name_len(*p);
	const char *value;
	double number;
	char *end;

	if (n && !isdigit((unsigned char)**p)) {
		value = variable_get(text, *p, n);
		if (!value)
			play_text_fatal(text, text->line, "${%.*s}: no @set or --set names it",
					(int)n, *p);
		number = strtod(value, &end);
		if (end == value || *end)
			play_text_fatal(text, text->line, "%.*s = \"%s\" is not a number", (int)n,
					*p, value);
		*p += n;
		return number;
	}
	number = strtod(*p, &end);
	if (end == *p)
		play_text_fatal(text, text->line, "${…%.20s: a name or a number is expected", *p);
	*p = end;
	return number;
}

// What stands behind "${". Returns what follows the closing brace.
static const char *expression(struct play_text *text, const char *p)
{
	const char *name = skip_blanks(p), *value;
	size_t n = name_len(name);
	double number;

	value = n ? variable_get(text, name, n) : NULL;
	if (value && *skip_blanks(name + n) == '}') {
		gen_buffer_text(&text->out, value);
		return skip_blanks(name + n) + 1;
	}
	p = name;
	number = expression_term(text, &p);
	for (p = skip_blanks(p); *p == '*' || *p == '/'; p = skip_blanks(p)) {
		char sign = *p;
		double right;

		p = skip_blanks(p + 1);
		right = expression_term(text, &p);
		number = sign == '*' ? number * right : number / right;
	}
	if (*p != '}' || !isfinite(number))
		play_text_fatal(text, text->line, "${…}: names, numbers, * and / are allowed");
	if (fabs(number - nearbyint(number)) < 1e-6)
		gen_buffer_printf(&text->out, "%.0f", nearbyint(number));
	else
		gen_buffer_printf(&text->out, "%.9g", number);
	return p + 1;
}

static void begin_part(struct play_text *text, const char *file, unsigned line)
{
	if (text->n_parts == PLAY_PARTS)
		gen_fatal("%s: too many @include lines", file);
	text->part[text->n_parts].first = text->line;
	text->part[text->n_parts].file = strdup(file);
	text->part[text->n_parts++].line = line;
}

static bool is_directive(const char *line, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(line, name, n) && !name_len(line + n);
}

static void read_file(struct play_text *text, const char *path);

static void include_line(struct play_text *text, const char *path, const char *p, unsigned line)
{
	const char *from = strchr(p, '"'), *to = from ? strchr(from + 1, '"') : NULL;
	char other[4096], *copy;

	if (!to)
		play_text_fatal(text, text->line, "@include needs a file name in quotes");
	copy = strdup(path);
	snprintf(other, sizeof(other), "%s/%.*s", from[1] == '/' ? "" : dirname(copy),
		 (int)(to - from - 1), from + 1);
	free(copy);
	gen_buffer_text(&text->out, "\n");
	text->line++;
	read_file(text, other);
	begin_part(text, path, line + 1);
}

static void set_line(struct play_text *text, const char *p)
{
	const char *name = skip_blanks(p), *value;
	size_t n = name_len(name), len;

	value = skip_blanks(name + n);
	if (!n || *value != '=')
		play_text_fatal(text, text->line, "\"@set name = value\" is expected");
	value = skip_blanks(value + 1);
	len = strcspn(value, "#\n");
	while (len && isspace((unsigned char)value[len - 1]))
		len--;
	if (!len)
		play_text_fatal(text, text->line, "@set %.*s has no value", (int)n, name);
	variable_set(text, name, n, value, len);
	gen_buffer_text(&text->out, "\n");
	text->line++;
}

static void plain_line(struct play_text *text, const char *p)
{
	while (*p) {
		const char *hole = strstr(p, "${");

		if (!hole) {
			gen_buffer_text(&text->out, p);
			break;
		}
		gen_buffer_add(&text->out, p, (size_t)(hole - p));
		p = expression(text, hole + 2);
	}
	text->line++;
}

// A line that is not part of an @for. Files that it includes are read from here.
static void one_line(struct play_text *text, const char *path, const char *line, unsigned n)
{
	const char *p = skip_blanks(line);

	if (is_directive(p, "@include"))
		include_line(text, path, p + 8, n);
	else if (is_directive(p, "@set"))
		set_line(text, p + 4);
	else if (*p == '@')
		play_text_fatal(text, text->line, "%.*s: not one of @include, @set, @for and @end",
				(int)strcspn(p, " \t\r\n"), p);
	else
		plain_line(text, line);
}

// The lines of a loop, NUL after each.
struct loop {
	struct gen_buffer lines;
	char *name, *words; // owned
	unsigned first;     // line of its first line; 0: no loop
};

static void loop_begin(struct play_text *text, struct loop *loop, const char *p, unsigned n)
{
	const char *name = skip_blanks(p), *words;
	size_t len = name_len(name);

	words = skip_blanks(name + len);
	if (loop->first || !len || *words != '=' || variable_get(text, name, len))
		play_text_fatal(text, text->line,
				"\"@for name = words\" is expected, with a new "
				"name and not inside of another @for");
	loop->name = strndup(name, len);
	loop->words = strdup(words + 1);
	loop->first = n + 1;
	gen_buffer_reset(&loop->lines);
	gen_buffer_text(&text->out, "\n");
	text->line++;
}

static void loop_end(struct play_text *text, const char *path, struct loop *loop, unsigned line)
{
	uint32_t variables = text->n_variables;
	char *rest = loop->words, *word;

	while ((word = strsep(&rest, " \t\r\n"))) {
		unsigned n = loop->first;

		if (!*word)
			continue;
		begin_part(text, path, n);
		variable_set(text, loop->name, strlen(loop->name), word, strlen(word));
		for (size_t at = 0; at < loop->lines.len; at += strlen(loop->lines.p + at) + 1)
			one_line(text, path, loop->lines.p + at, n++);
		// Names of one round are forgotten with it.
		while (text->n_variables > variables) {
			free(text->variable[--text->n_variables].name);
			free(text->variable[text->n_variables].value);
		}
	}
	free(loop->name);
	free(loop->words);
	loop->first = 0;
	begin_part(text, path, line + 1);
}

// Calls itself for @include, INCLUDE_DEPTH deep at most.
static void read_file(struct play_text *text, const char *path)
{
	FILE *file = fopen(path, "r");
	struct loop loop = {0};
	char *line = NULL;
	size_t cap = 0;

	if (!file)
		gen_fatal("%s: %s", path, strerror(errno));
	if (++text->depth > INCLUDE_DEPTH || ++text->n_files > PLAY_FILES)
		gen_fatal("%s: too many files include each other", path);
	begin_part(text, path, 1);
	for (unsigned n = 1; getline(&line, &cap, file) > 0; n++) {
		const char *p = skip_blanks(line);

		if (is_directive(p, "@for"))
			loop_begin(text, &loop, p + 4, n);
		else if (is_directive(p, "@end") && loop.first)
			loop_end(text, path, &loop, n);
		else if (loop.first)
			gen_buffer_add(&loop.lines, line, strlen(line) + 1);
		else
			one_line(text, path, line, n);
	}
	if (loop.first)
		gen_fatal("%s:%u: @for without @end", path, loop.first - 1);
	if (ferror(file))
		gen_fatal("%s: %s", path, strerror(errno));
	gen_buffer_free(&loop.lines);
	free(line);
	fclose(file);
	text->depth--;
}

void play_text_read(struct play_text *text, const char *path, const struct play_set *set,
		    uint32_t n_set)
{
	*text = (struct play_text){.line = 1};
	// The last one of a name wins.
	for (uint32_t i = n_set; i-- > 0;)
		variable_set(text, set[i].name, strlen(set[i].name), set[i].value,
			     strlen(set[i].value));
	read_file(text, path);
	gen_buffer_add(&text->out, "", 1);
}

// ---- notations

bool play_seconds(const char *text, size_t len, double *out)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"", 1},     {"s", 1},      {"ms", 1e-3},  {"us", 1e-6},
		     {"m", 60.0}, {"h", 3600.0}, {"d", 86400.0}};
	char copy[32], *end;
	double number;

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	number = strtod(copy, &end);
	if (end == copy || !isfinite(number) || number < 0)
		return false;
	for (uint32_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(end, units[i].unit)) {
			*out = number * units[i].seconds;
			return true;
		}
	}
	return false;
}

bool play_dist(const char *text, struct play_dist *out)
{
	char word[3][32] = {""};
	int n = sscanf(text, " %31s %31s %31s", word[0], word[1], word[2]);

	*out = (struct play_dist){0};
	if (n == 1)
		return play_seconds(word[0], strlen(word[0]), &out->a);
	if (n < 2 || !play_seconds(word[1], strlen(word[1]), &out->a))
		return false;
	if (!strcmp(word[0], "exp") && n == 2) {
		out->shape = PLAY_EXP;
		return true;
	}
	if (n != 3 || !play_seconds(word[2], strlen(word[2]), &out->b))
		return false;
	out->shape = !strcmp(word[0], "uniform") ? PLAY_UNIFORM : PLAY_LOGNORMAL;
	return out->shape == PLAY_UNIFORM ? out->a <= out->b : !strcmp(word[0], "lognormal");
}

double play_dist_draw(const struct play_dist *dist, struct gen_random *random)
{
	double u, v;

	switch (dist->shape) {
	case PLAY_FIXED:
		return dist->a;
	case PLAY_UNIFORM:
		return dist->a + (dist->b - dist->a) * gen_random_unit(random);
	case PLAY_EXP:
		return -dist->a * log(1 - gen_random_unit(random));
	case PLAY_LOGNORMAL:
		break;
	}
	u = 1 - gen_random_unit(random);
	v = gen_random_unit(random);
	return dist->a * exp(dist->b * sqrt(-2 * log(u)) * cos(2 * M_PI * v));
}

bool play_network(const char *text, struct play_network *out)
{
	char copy[32], *slash;
	uint32_t bits = 32;
	struct in_addr in;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash) {
		char *end;

		*slash = '\0';
		bits = (uint32_t)strtoul(slash + 1, &end, 10);
		if (end == slash + 1 || *end || bits < 8 || bits > 32)
			return false;
	}
	if (inet_pton(AF_INET, copy, &in) != 1)
		return false;
	out->base = ntohl(in.s_addr);
	// Neither the network's own address nor the broadcast address.
	out->hosts = bits >= 31 ? 1u << (32 - bits) : (1u << (32 - bits)) - 2;
	if (bits < 31)
		out->base = (out->base & ~((1u << (32 - bits)) - 1)) + 1;
	return true;
}
