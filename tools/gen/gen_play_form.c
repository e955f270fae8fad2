// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Compiles forms into runs of operations: literal text, and one operation for each hole. JSON
// quotes and separators are literals already, so rendering only copies and fills in.

#include "tools/gen/gen_play_form.h"

#include "tools/gen/gen_play_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_DEPTH = 12 };

static const struct {
	const char *name;
	uint8_t what;
	uint8_t arguments; // numbers at most
	bool number;       // a JSON number or literal
	const char *help;
} holes[] = {
	{"int", OP_INT, 2, true, "int A B: a whole number from A to B"},
	{"price", OP_PRICE, 2, true, "price A B: with two digits behind the point"},
	{"bool", OP_BOOL, 0, true, "bool: true or false"},
	{"unix", OP_UNIX, 0, true, "unix: the time in seconds since 1970"},
	{"round", OP_ROUND, 0, true, "round: rounds of an attack so far"},
	{"enum", OP_ENUM, 0, false, "enum A|B|C: one of the words"},
	{"uuid", OP_UUID, 0, false, "uuid: a random UUID"},
	{"hex", OP_HEX, 2, false, "hex N: random hexadecimal digits"},
	{"digits", OP_DIGITS, 2, false, "digits N: random decimal digits"},
	{"string", OP_STRING, 2, false, "string A B: A to B letters and digits"},
	{"text", OP_TEXT, 2, false, "text A B: A to B words"},
	{"name", OP_NAME, 0, false, "name, email, phone, ssn, card: of somebody"},
	{"email", OP_EMAIL, 0, false, NULL},
	{"phone", OP_PHONE, 0, false, NULL},
	{"ssn", OP_SSN, 0, false, NULL},
	{"card", OP_CARD, 0, false, NULL},
	{"my", OP_LITERAL, 0, false, "my name, my email, …: of the user, always the same"},
	{"user", OP_USER, 0, false, "user: the user's name, as in its token"},
	{"password", OP_PASSWORD, 0, false, "password: the user's"},
	{"guess", OP_GUESS, 0, false, "guess: a wrong password, another one each time"},
	{"victim", OP_VICTIM, 0, false, "victim: the name of an attack's present victim"},
	{"token", OP_TOKEN, 0, false, "token: the user's token, key or session"},
	{"now", OP_NOW, 0, false, "now: date and time"},
};

enum { N_HOLES = sizeof(holes) / sizeof(holes[0]) };

struct builder {
	struct play_reader *reader;
	const config_setting_t *where;
	struct gen_buffer text; // of literals that are not an operation yet
	struct play_form form;
	uint32_t cap;
};

static struct play_op *add_op(struct builder *b)
{
	if (b->form.n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 8;
		b->form.op = realloc(b->form.op, b->cap * sizeof(b->form.op[0]));
		if (!b->form.op)
			gen_fatal("out of memory");
	}
	b->form.op[b->form.n] = (struct play_op){0};
	return &b->form.op[b->form.n++];
}

static void end_literal(struct builder *b)
{
	struct play_op *op;
	char *copy;

	if (!b->text.len)
		return;
	op = add_op(b);
	copy = play_alloc(b->text.len, 1);
	memcpy(copy, b->text.p, b->text.len);
	op->what = OP_LITERAL;
	op->text = copy;
	op->len = (uint32_t)b->text.len;
	gen_buffer_reset(&b->text);
}

static void add_escaped(struct builder *b, char c)
{
	if (c == '"' || c == '\\')
		gen_buffer_printf(&b->text, "\\%c", c);
	else if ((unsigned char)c < 0x20)
		gen_buffer_printf(&b->text, "\\u%04x", c);
	else
		gen_buffer_add(&b->text, &c, 1);
}

static uint32_t hole_named(const char *name, size_t len)
{
	for (uint32_t i = 0; i < N_HOLES; i++) {
		if (strlen(holes[i].name) == len && !memcmp(holes[i].name, name, len))
			return i;
	}
	return PLAY_NONE;
}

static void enum_words(struct builder *b, struct play_op *op, const char *list)
{
	char *copy = strdup(list);

	op->a = 1;
	for (const char *p = list; *p; p++)
		op->a += *p == '|';
	op->words = play_alloc(op->a, sizeof(op->words[0]));
	for (uint32_t i = 0; i < op->a; i++)
		op->words[i] = strsep(&copy, "|");
	if (!*list)
		play_fail(b->reader, b->where, "{enum} needs words: {enum open|paid}");
}

// "1 5", "1-5" or "5" behind the name.
static void hole_range(struct builder *b, struct play_op *op, uint32_t hole, const char *text)
{
	char *end;

	if (!*text && holes[hole].what != OP_INT && holes[hole].what != OP_PRICE) {
		op->a = op->b = holes[hole].what == OP_TEXT ? 8 : 16;
		return;
	}
	op->a = (uint32_t)strtoul(text, &end, 10);
	if (end == text)
		play_fail(b->reader, b->where, "{%s %s}: numbers are expected", holes[hole].name,
			  text);
	text = *end == '-' ? end + 1 : end;
	op->b = (uint32_t)strtoul(text, &end, 10);
	if (end == text)
		op->b = op->a;
	if (*end || op->b < op->a)
		play_fail(b->reader, b->where, "{%s}: two numbers, the smaller one first",
			  holes[hole].name);
}

// What stands between braces. Returns whether it is a JSON number.
static bool add_hole(struct builder *b, const char *text, size_t len)
{
	char copy[1024], *name = copy, *rest;
	struct play_op *op;
	uint32_t hole, kind;
	bool mine = false;

	if (len >= sizeof(copy))
		play_fail(b->reader, b->where, "{%.40s…} is too long", text);
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (!strncmp(name, "my ", 3)) {
		mine = true;
		name += 3;
	}
	rest = name + strcspn(name, " ");
	hole = hole_named(name, (size_t)(rest - name));
	kind = play_kind_named(b->reader, name, (size_t)(rest - name));
	rest += strspn(rest, " ");
	end_literal(b);
	op = add_op(b);
	if (kind != PLAY_NONE && !*rest && !mine) {
		const struct play_kind *k = &b->reader->scenario->kind[kind];

		op->what = OP_OBJECT;
		op->kind = kind;
		return !*k->prefix && k->ids <= PLAY_IDS_RANDOM;
	}
	if (hole == PLAY_NONE || holes[hole].what == OP_LITERAL)
		play_fail(b->reader, b->where, "{%s}: neither an object nor one of the values",
			  copy);
	op->what = holes[hole].what;
	op->pick = mine;
	if (op->what == OP_ENUM)
		enum_words(b, op, rest);
	else if (holes[hole].arguments)
		hole_range(b, op, hole, rest);
	else if (*rest)
		play_fail(b->reader, b->where, "{%s}: %s takes nothing behind it", copy,
			  holes[hole].name);
	return holes[hole].number;
}

// Copies text, with holes. json: literals are escaped.
static void add_text(struct builder *b, const char *text, bool json)
{
	while (*text) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;

		if (*text == '{' && !end)
			play_fail(b->reader, b->where, "\"%s\": a brace is not closed", text);
		if (end) {
			add_hole(b, text + 1, (size_t)(end - text - 1));
			text = end + 1;
		} else if (json) {
			add_escaped(b, *text++);
		} else {
			gen_buffer_add(&b->text, text++, 1);
		}
	}
}

static struct play_form built(struct builder *b)
{
	end_literal(b);
	gen_buffer_free(&b->text);
	return b->form;
}

struct play_form play_form_text(struct play_reader *reader, const config_setting_t *where,
				const char *text)
{
	struct builder b = {.reader = reader, .where = where};

	add_text(&b, text, false);
	return built(&b);
}

// ---- JSON

static void add_value(struct builder *b, const config_setting_t *setting, uint32_t depth);

static void json_string(struct builder *b, const char *text)
{
	size_t len = strlen(text);

	// A hole alone may be a number; then the quotes have to go.
	if (len > 2 && text[0] == '{' && strchr(text, '}') == text + len - 1) {
		struct builder probe = {.reader = b->reader, .where = b->where};
		bool number = add_hole(&probe, text + 1, len - 2);

		if (probe.form.op->words)
			free((void *)(uintptr_t)probe.form.op->words[0]);
		free(probe.form.op->words);
		free(probe.form.op);
		gen_buffer_free(&probe.text);
		if (number) {
			add_hole(b, text + 1, len - 2);
			return;
		}
	}
	gen_buffer_text(&b->text, "\"");
	add_text(b, text, true);
	gen_buffer_text(&b->text, "\"");
}

static void add_member(struct builder *b, const config_setting_t *member, bool first,
		       uint32_t depth)
{
	gen_buffer_printf(&b->text, "%s\"%s\":", first ? "" : ",", config_setting_name(member));
	add_value(b, member, depth + 1);
}

static void json_object(struct builder *b, const config_setting_t *setting,
			const config_setting_t *change, uint32_t depth)
{
	int n = config_setting_length(setting);
	bool first = true;

	gen_buffer_text(&b->text, "{");
	for (int i = 0; i < n; i++) {
		const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
		const config_setting_t *other =
			change ? config_setting_get_member(change, config_setting_name(member))
			       : NULL;

		add_member(b, other ? other : member, first, depth);
		first = false;
	}
	for (int i = 0; change && i < config_setting_length(change); i++) {
		const config_setting_t *member = config_setting_get_elem(change, (unsigned)i);

		if (config_setting_get_member(setting, config_setting_name(member)))
			continue;
		add_member(b, member, first, depth);
		first = false;
	}
	gen_buffer_text(&b->text, "}");
}

// "each order own 10" or "each 3-5" as the first of two elements: so many of the second.
static bool json_each(struct builder *b, const config_setting_t *setting, uint32_t depth)
{
	static const char *const picks[] = {"own", "listed", "foreign", "sequence", "random"};
	const config_setting_t *head = config_setting_get_elem(setting, 0);
	const char *text = head ? config_setting_get_string(head) : NULL;
	struct builder element = {.reader = b->reader, .where = b->where};
	char word[3][64] = {"", "", ""};
	uint32_t kind = PLAY_NONE, pick = 0, least, most;
	struct play_op *op;
	int words, n;

	if (!text || strncmp(text, "each ", 5))
		return false;
	b->where = head;
	words = sscanf(text + 5, " %63s %63s %63s", word[0], word[1], word[2]);
	if (words == 3) {
		kind = play_kind_named(b->reader, word[0], strlen(word[0]));
		for (pick = 0; pick < 5 && strcmp(picks[pick], word[1]); pick++)
			;
	}
	n = sscanf(word[words - 1], "%u-%u", &least, &most);
	if (n == 1)
		most = least;
	if ((words != 1 && (words != 3 || kind == PLAY_NONE || pick == 5)) || n < 1 ||
	    most < least || most > 10000 || config_setting_length(setting) != 2)
		play_fail(b->reader, head,
			  "\"%s\": \"each KIND own|listed|foreign|sequence|random N\" or "
			  "\"each N\" is expected, and one element behind it",
			  text);
	add_value(&element, config_setting_get_elem(setting, 1), depth + 1);
	gen_buffer_text(&b->text, "[");
	end_literal(b);
	op = add_op(b);
	*op = (struct play_op){.what = OP_EACH,
			       .pick = (uint8_t)pick,
			       .a = least,
			       .b = most,
			       .kind = kind,
			       .form = play_alloc(1, sizeof(*op->form))};
	*op->form = built(&element);
	gen_buffer_text(&b->text, "]");
	return true;
}

// Depth-limited: libconfig's own parser has made the tree.
static void add_value(struct builder *b, const config_setting_t *setting, uint32_t depth)
{
	b->where = setting;
	if (depth > JSON_DEPTH)
		play_fail(b->reader, setting, "nested deeper than %d", JSON_DEPTH);
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		gen_buffer_printf(&b->text, "%lld", config_setting_get_int64(setting));
		break;
	case CONFIG_TYPE_FLOAT:
		gen_buffer_printf(&b->text, "%.9g", config_setting_get_float(setting));
		break;
	case CONFIG_TYPE_BOOL:
		gen_buffer_text(&b->text, config_setting_get_bool(setting) ? "true" : "false");
		break;
	case CONFIG_TYPE_STRING:
		json_string(b, config_setting_get_string(setting));
		break;
	case CONFIG_TYPE_GROUP:
		json_object(b, setting, NULL, depth);
		break;
	default:
		if (json_each(b, setting, depth))
			break;
		gen_buffer_text(&b->text, "[");
		for (int i = 0; i < config_setting_length(setting); i++) {
			if (i)
				gen_buffer_text(&b->text, ",");
			add_value(b, config_setting_get_elem(setting, (unsigned)i), depth + 1);
		}
		gen_buffer_text(&b->text, "]");
	}
}

struct play_form play_form_json(struct play_reader *reader, const config_setting_t *setting,
				const config_setting_t *change)
{
	struct builder b = {.reader = reader, .where = setting};

	if (config_setting_is_group(setting))
		json_object(&b, setting, change, 0);
	else if (change)
		play_fail(reader, setting, "only a body that is a group can be changed");
	else
		add_value(&b, setting, 0);
	return built(&b);
}

const char *play_form_template(const struct play_reader *reader, const struct play_form *path)
{
	struct gen_buffer out = {0};
	const char *text, *end;

	for (uint32_t i = 0; i < path->n; i++) {
		const struct play_op *op = &path->op[i];

		if (op->what == OP_LITERAL) {
			end = memchr(op->text, '?', op->len);
			gen_buffer_add(&out, op->text, end ? (size_t)(end - op->text) : op->len);
			if (end)
				break;
		} else if (op->what == OP_OBJECT) {
			const struct play_kind *k = &reader->scenario->kind[op->kind];

			// What a prefixed id looks like depends on its letters.
			if (*k->prefix)
				return NULL;
			gen_buffer_text(&out, k->ids == PLAY_IDS_UUID   ? "{uuid}"
					      : k->ids == PLAY_IDS_HEX  ? "{hex}"
					      : k->ids == PLAY_IDS_SLUG ? "{name}"
									: "{id}");
		} else {
			return NULL;
		}
	}
	gen_buffer_add(&out, "", 1);
	text = strdup(out.p);
	gen_buffer_free(&out);
	return text;
}

void play_form_help(void)
{
	for (uint32_t i = 0; i < N_HOLES; i++) {
		if (holes[i].help)
			printf("  %s\n", holes[i].help);
	}
}
