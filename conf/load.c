// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Files → one text → libconfig → the structs of the sections. Control thread, cold.
//
// The files are read and joined here, not by libconfig 1.5, because that ends the process when
// an @include names a directory, hangs on a FIFO, takes an unclosed comment for an end of file,
// and cuts integers to 32 bits without a word. So flatten() checks each file, replaces @include
// lines by what they name, and writes all integers as 64-bit ones; a line of the joined text is
// led back to file and line by the table of parts. The built-in defaults take the same road.
//
// Mistakes are kept until the end and printed in the order of lines. Nothing in a file is
// fatal; memory that cannot be had is: conf_load() then says so and returns NULL.

#include "conf/conf.h"
#include "conf/schema.h"

#include <libconfig.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Bytes, files and nesting of a configuration, and what protects libconfig: it seeks duplicate
// keys in quadratic time, grows a list by 32 elements at a time, and frees a tree recursively.
#define TEXT_MAX 4194304
#define FILES_MAX 64
#define INCLUDE_DEPTH_MAX 10
#define NEST_MAX 32
#define GROUP_KEYS_MAX 256
#define LIST_MAX 10000
#define MISTAKES_MAX 1000 // printed
#define STR(x) STR_(x)
#define STR_(x) #x

struct mistake {
	struct mistake *next;
	unsigned line; // of the joined text
	char text[];
};

// Where lines of the joined text come from: those from first on, up to the next part.
struct part {
	unsigned first;
	const char *file;
	unsigned line;
};

struct source {
	const char *file;
	char *data;     // owned; NUL-terminated, without other NULs
	const char *at; // what is not copied yet
	unsigned line;  // of an @include under way, where the rest goes on
};

struct load {
	struct conf *conf;
	struct mistake *mistakes; // by line
	size_t n_mistakes;
	bool no_memory;
	unsigned cut; // line where reading ended early, which is a mistake already; 0: nowhere

	char *text;
	size_t len, size;
	unsigned line;
	struct part parts[2 * FILES_MAX + 1];
	size_t n_parts;

	struct source sources[INCLUDE_DEPTH_MAX];
	size_t depth;
	size_t n_files, n_bytes;
	size_t nest;
	unsigned n_keys[NEST_MAX + 1], n_commas[NEST_MAX + 1]; // in the brackets open
};

// ---- Memory and messages

static void *conf_alloc(struct load *load, size_t size)
{
	struct conf_block *block = calloc(1, sizeof(*block) + size);
	if (!block) {
		load->no_memory = true;
		return NULL;
	}
	block->next = load->conf->blocks;
	load->conf->blocks = block;
	return block->data;
}

static const char *conf_copy(struct load *load, const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = conf_alloc(load, size);
	return copy ? memcpy(copy, string, size) : NULL;
}

static struct part where(const struct load *load, unsigned line)
{
	size_t i = load->n_parts - 1;
	while (i > 0 && load->parts[i].first > line)
		i--;
	struct part part = load->parts[i];
	part.line += line > part.first ? line - part.first : 0;
	return part;
}

// Line 0: about the whole file.
__attribute__((format(printf, 3, 4))) static void mistake(struct load *load, unsigned line,
							  const char *format, ...)
{
	if (++load->n_mistakes > MISTAKES_MAX)
		return;
	struct schema_note note = { .len = 0 };
	va_list args;
	va_start(args, format);
	vsnprintf(note.text, sizeof(note.text), format, args);
	va_end(args);
	size_t size = strlen(note.text) + 1;
	struct mistake *new = conf_alloc(load, sizeof(*new) + size);
	if (!new)
		return;
	new->line = line;
	memcpy(new->text, note.text, size);
	struct mistake **place = &load->mistakes;
	while (*place && (*place)->line <= line)
		place = &(*place)->next;
	new->next = *place;
	*place = new;
}

// Bytes of a file may be anything: what is not printable ASCII does not reach the terminal.
static void print_escaped(const char *text, FILE *err)
{
	for (; *text; text++)
		fprintf(err, *text >= ' ' && *text <= '~' ? "%c" : "\\x%02x",
			(unsigned char)*text);
}

static void print_mistakes(const struct load *load, FILE *err)
{
	for (const struct mistake *m = load->mistakes; m; m = m->next) {
		struct part part = where(load, m->line);
		print_escaped(part.file, err);
		if (m->line > 0)
			fprintf(err, ":%u", part.line);
		fprintf(err, ": ");
		print_escaped(m->text, err);
		fputc('\n', err);
	}
	if (load->n_mistakes > MISTAKES_MAX)
		fprintf(err, "There are more mistakes than these " STR(MISTAKES_MAX) ".\n");
}

// ---- Files → text

static void put(struct load *load, const char *data, size_t len)
{
	if (len >= load->size - load->len) {
		size_t size = 2 * load->size + len + 256;
		char *text = realloc(load->text, size);
		if (!text) {
			load->no_memory = true;
			return;
		}
		load->text = text;
		load->size = size;
	}
	memcpy(load->text + load->len, data, len);
	load->len += len;
	load->text[load->len] = '\0';
	for (size_t i = 0; i < len; i++)
		load->line += data[i] == '\n';
}

// The text from here on is that of file, from its given line on.
static void part_add(struct load *load, const char *file, unsigned line)
{
	if (load->len > 0)
		put(load, "\n", 1);
	load->parts[load->n_parts++] = (struct part){ load->line, file, line };
}

// Reads a regular file whole. NULL: why says why not, or there is no memory.
static char *file_read(struct load *load, const char *file, struct schema_note *why)
{
	// Non-blocking, or the open() of a FIFO without a writer would wait for one.
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		schema_note(why, "cannot open: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	char *data = NULL;
	if (!S_ISREG(st.st_mode)) {
		schema_note(why, "is %s; allowed: a regular file",
			    S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	} else if ((uintmax_t)st.st_size > TEXT_MAX - load->n_bytes) {
		schema_note(why, "is too large (%jd bytes); allowed: " STR(TEXT_MAX)
			    " bytes in all files", (intmax_t)st.st_size);
	} else if (!(data = calloc(1, (size_t)st.st_size + 2))) {
		load->no_memory = true;
	} else {
		// One byte more than fstat() said shows a file that grows, or is one of /proc.
		size_t len = 0;
		ssize_t n;
		do {
			n = read(fd, data + len, (size_t)st.st_size + 1 - len);
			len += n > 0 ? (size_t)n : 0;
		} while (n > 0 || (n < 0 && errno == EINTR));
		if (n < 0)
			schema_note(why, "cannot read: %s", strerror(errno));
		else if (len != (size_t)st.st_size)
			schema_note(why, "changes while it is read; allowed: a regular file");
		else if (memchr(data, '\0', len))
			schema_note(why, "has NUL bytes; allowed: a text file");
		load->n_bytes += len;
	}
	close(fd);
	if (why->len > 0) {
		free(data);
		return NULL;
	}
	return data;
}

static void source_push(struct load *load, const char *file, char *data)
{
	part_add(load, file, 1);
	load->sources[load->depth++] = (struct source){ .file = file, .data = data, .at = data };
}

// Replaces @include "file": at stands behind the word. Returns where to go on.
static const char *include(struct load *load, struct source *source, const char *at)
{
	const char *name = at + strspn(at, " \t");
	size_t len = 0;
	while (*name == '"' && !iscntrl((unsigned char)name[1 + len]) && name[1 + len] != '"')
		len++;
	if (len == 0 || name[1 + len] != '"') {
		mistake(load, load->line, "@include without a file; expected @include \"file\"");
		return at + strcspn(at, "\n");
	}
	const char *next = name + len + 2;
	if (load->depth == INCLUDE_DEPTH_MAX || load->n_files++ >= FILES_MAX) {
		mistake(load, load->line, "too many @include; allowed: " STR(FILES_MAX) " files, "
			STR(INCLUDE_DEPTH_MAX) " deep");
		return next;
	}
	// A relative name is one beside the file that includes it.
	const char *slash = name[1] == '/' ? NULL : strrchr(source->file, '/');
	int folder_len = slash ? (int)(slash + 1 - source->file) : 0;
	struct schema_note path = { .len = 0 }, why = { .len = 0 };
	schema_note(&path, "%.*s%.*s", folder_len, source->file, (int)len, name + 1);
	const char *file = conf_copy(load, path.text);
	char *data = file ? file_read(load, file, &why) : NULL;
	if (data) {
		source->line = where(load, load->line).line;
		source_push(load, file, data);
	} else if (!load->no_memory) {
		mistake(load, load->line, "@include \"%s\": %s", file, why.text);
	}
	return next;
}

// A number: integers become 64-bit ones, and too large ones a float that no key accepts.
static const char *number(struct load *load, const char *at)
{
	static const char decimal[] = "0123456789";
	const char *digits = at + (*at == '-' || *at == '+');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	const char *end = hex ? digits + 2 + strspn(digits + 2, "0123456789abcdefABCDEF")
			      : digits + strspn(digits, decimal);
	bool integer = end > digits && *end != '.';
	if (!hex && *end == '.')
		end += 1 + strspn(end + 1, decimal);
	if (!hex && (*end == 'e' || *end == 'E')) {
		const char *exponent = end + 1 + (end[1] == '-' || end[1] == '+');
		if (isdigit((unsigned char)*exponent)) {
			integer = false;
			end = exponent + strspn(exponent, decimal);
		}
	}
	errno = 0;
	if (integer)
		strtoll(at, NULL, hex ? 16 : 10);
	if (errno == ERANGE)
		put(load, *at == '-' ? "-1e999" : "+1e999", 6);
	else
		put(load, at, (size_t)(end - at));
	if (integer && errno != ERANGE)
		put(load, "L", 1);
	return integer ? end + strspn(end, "L") : end;
}

// Ends the text at a mistake, before what would harm libconfig or make it misread the rest.
static const char *stop(struct load *load, const char *at, const char *what)
{
	mistake(load, load->line, "%s", what);
	load->cut = load->line;
	return at;
}

// XXX: libconfig ends a string at an escaped NUL, \x00; the rest of such a string is lost.
static const char *string(struct load *load, const char *at)
{
	const char *end = at + 1;
	while (*end && *end != '"')
		end += end[0] == '\\' && end[1] ? 2 : 1;
	if (!*end)
		return stop(load, at, "a string is not closed; expected \"");
	put(load, at, (size_t)(end + 1 - at));
	return end + 1;
}

// Only the newlines of a comment are copied.
static const char *comment(struct load *load, const char *at)
{
	const char *end = strstr(at + 2, "*/");
	if (!end)
		return stop(load, at, "a comment is not closed; expected */");
	put(load, " ", 1);
	for (; at < end; at++)
		if (*at == '\n')
			put(load, at, 1);
	return end + 2;
}

static bool line_starts(const struct source *source, const char *at)
{
	while (at > source->data && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	return at == source->data || at[-1] == '\n';
}

// Copies one token. libconfig finds the syntax errors; here only limits are checked.
static const char *token(struct load *load, struct source *source, const char *at)
{
	size_t len = 1;
	if (*at == '"')
		return string(load, at);
	if (at[0] == '/' && at[1] == '*')
		return comment(load, at);
	if (*at == '#' || (at[0] == '/' && at[1] == '/'))
		return at + strcspn(at, "\n");
	if (!strncmp(at, "@include", 8) && line_starts(source, at))
		return include(load, source, at + 8);
	if (strchr("+-.0123456789", *at))
		return number(load, at);
	if (strchr("{[(", *at)) {
		if (++load->nest > NEST_MAX)
			return stop(load, at, "too many open brackets; allowed: " STR(NEST_MAX));
		load->n_keys[load->nest] = load->n_commas[load->nest] = 0;
	} else if (strchr("}])", *at)) {
		load->nest -= load->nest > 0;
	} else if (*at == '=' || *at == ':') {
		if (++load->n_keys[load->nest] > GROUP_KEYS_MAX)
			return stop(load, at,
				    "too many keys in a group; allowed: " STR(GROUP_KEYS_MAX));
	} else if (*at == ',') {
		if (++load->n_commas[load->nest] >= LIST_MAX)
			return stop(load, at,
				    "too many elements in a list; allowed: " STR(LIST_MAX));
	} else {
		len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_-*");
		len += len == 0;
	}
	put(load, at, len);
	return at + len;
}

// Joins the source given and all it includes into load->text.
static void flatten(struct load *load)
{
	while (load->depth > 0 && !load->cut && !load->no_memory) {
		struct source *source = &load->sources[load->depth - 1];
		if (*source->at) {
			source->at = token(load, source, source->at);
			continue;
		}
		free(source->data);
		if (--load->depth > 0)
			part_add(load, source[-1].file, source[-1].line);
	}
	while (load->depth > 0)
		free(load->sources[--load->depth].data);
	put(load, "\n", 1);
}

// ---- libconfig → structs

static struct schema_value value_of(const config_setting_t *setting)
{
	static const struct {
		enum schema_kind kind;
		const char *what;
	} kinds[] = {
		[CONFIG_TYPE_NONE] = { SCHEMA_OTHER, "nothing" },
		[CONFIG_TYPE_GROUP] = { SCHEMA_OTHER, "a group { ... }" },
		[CONFIG_TYPE_LIST] = { SCHEMA_OTHER, "a list ( ... )" },
		[CONFIG_TYPE_ARRAY] = { SCHEMA_OTHER, "an array [ ... ]" },
		[CONFIG_TYPE_BOOL] = { SCHEMA_BOOL, "a boolean" },
		[CONFIG_TYPE_INT64] = { SCHEMA_INT, "an integer" }, // number() leaves no others
		[CONFIG_TYPE_FLOAT] = { SCHEMA_FLOAT, "a number with a fraction" },
		[CONFIG_TYPE_STRING] = { SCHEMA_STRING, "a string" },
	};
	int type = config_setting_type(setting);
	// Of another type than the setting's, libconfig returns 0 or NULL.
	return (struct schema_value){
		.kind = kinds[type].kind,
		.what = kinds[type].what,
		.boolean = config_setting_get_bool(setting),
		.integer = config_setting_get_int64(setting),
		.number = config_setting_get_float(setting),
		.string = config_setting_get_string(setting),
	};
}

// Says what stands where a value of row, or without a row a group or list, should.
static void mistyped(struct load *load, const char *path, const struct conf_row *row,
		     const config_setting_t *setting, const char *expected)
{
	struct schema_value value = value_of(setting);
	struct schema_note why = { .len = 0 };
	schema_found(&value, &why);
	schema_note(&why, "; expected %s", expected);
	if (row)
		schema_allowed(row, &why);
	mistake(load, config_setting_source_line(setting), "%s%s%s: %s", path, row ? "." : "",
		row ? row->key : "", why.text);
}

static void load_scalar(struct load *load, const char *path, const struct conf_row *row,
			const config_setting_t *setting, void *field)
{
	struct schema_value value = value_of(setting);
	struct schema_note why = { .len = 0 };
	if (!schema_check(row, &value, &why))
		mistake(load, config_setting_source_line(setting), "%s.%s: %s", path, row->key,
			why.text);
	else if (!value.string || (value.string = conf_copy(load, value.string)))
		schema_store(row, &value, field);
}

static void load_value(struct load *load, const char *path, const struct conf_row *row,
		       const config_setting_t *setting, void *field)
{
	if (row->type != CONF_STRS) {
		load_scalar(load, path, row, setting, field);
		return;
	}
	// A list ( "a" ) is as clear as an array [ "a" ].
	if (!config_setting_is_array(setting) && !config_setting_is_list(setting)) {
		mistyped(load, path, row, setting, "");
		return;
	}
	size_t n = (size_t)config_setting_length(setting);
	struct conf_strs strs = { .v = conf_alloc(load, n * sizeof(strs.v[0])), .n = n };
	if (!strs.v)
		return;
	for (size_t i = 0; i < n && load->n_mistakes <= MISTAKES_MAX; i++)
		load_scalar(load, path, row, config_setting_get_elem(setting, (unsigned)i),
			    &strs.v[i]);
	*(struct conf_strs *)field = strs;
}

// Fills a struct from a group. group is the path its registered subgroups stand under, NULL in
// an element of a list; section is NULL for a group that has only subgroups.
static void load_group(struct load *load, const char *path, const char *group,
		       const struct conf_section *section, const config_setting_t *setting,
		       char *base)
{
	if (!config_setting_is_group(setting)) {
		mistyped(load, path, NULL, setting, "a group { key = value; }");
		return;
	}
	int n = config_setting_length(setting);
	for (int i = 0; i < n; i++) {
		const config_setting_t *child = config_setting_get_elem(setting, (unsigned)i);
		const char *name = config_setting_name(child);
		const struct conf_row *row = schema_row(section, name);
		if (config_setting_type(child) == CONFIG_TYPE_NONE) // a syntax error cut it off
			continue;
		if (row) {
			load_value(load, path, row, child, base + row->offset);
		} else if (!group || !schema_has_group(group, name)) {
			struct schema_note why = { .len = 0 };
			schema_hint(group, section, name, &why);
			mistake(load, config_setting_source_line(child), "%s%s%.64s: unknown %s%s",
				path, *path ? "." : "", name,
				config_setting_is_group(child) ? "group" : "key", why.text);
		}
	}
}

static void check_required(struct load *load, const char *path, const struct conf_section *section,
			   const config_setting_t *setting)
{
	for (size_t i = 0; i < section->n_rows; i++) {
		const struct conf_row *row = &section->rows[i];
		if (!row->required || config_setting_get_member(setting, row->key))
			continue;
		struct schema_note why = { .len = 0 };
		schema_allowed(row, &why);
		mistake(load, config_setting_source_line(setting), "%s.%s: missing; expected %s",
			path, row->key, why.text);
	}
}

static void load_list(struct load *load, struct conf_slot *slot, const config_setting_t *setting)
{
	const struct conf_section *section = slot->section;
	size_t n = (size_t)config_setting_length(setting);
	if (!config_setting_is_list(setting)) {
		mistyped(load, section->path, NULL, setting,
			 "a list of groups ( { key = value; }, ... )");
		return;
	}
	slot->items = conf_alloc(load, n * section->size);
	slot->where = conf_alloc(load, n * sizeof(slot->where[0]));
	if (!slot->items || !slot->where)
		return;
	for (size_t i = 0; i < n && load->n_mistakes <= MISTAKES_MAX; i++) {
		const config_setting_t *child = config_setting_get_elem(setting, (unsigned)i);
		char *item = memcpy(slot->items + i * section->size, slot->base, section->size);
		struct schema_note path = { .len = 0 }, file_line = { .len = 0 };
		schema_note(&path, "%s[%zu]", section->path, i);
		load_group(load, path.text, NULL, section, child, item);
		if (config_setting_is_group(child) && !load->cut)
			check_required(load, path.text, section, child);
		struct part part = where(load, config_setting_source_line(child));
		schema_note(&file_line, "%s:%u", part.file, part.line);
		slot->where[i] = conf_copy(load, file_line.text);
	}
	slot->n_items = n;
}

// Visits each registered group of the file, and the groups above it that have no section.
static void load_tree(struct load *load, const config_t *config)
{
	load_group(load, "", "", NULL, config_root_setting(config), NULL);
	for (size_t i = 0; i < load->conf->n_slots; i++) {
		struct conf_slot *slot = &load->conf->slots[i];
		const char *path = slot->section->path;
		for (size_t len = 0; path[len]; len += path[len] == '.') {
			len += strcspn(path + len, ".");
			// Those above were visited with the section before, if it shares them.
			if (i > 0 && schema_below(slot[-1].section->path, path, len))
				continue;
			char group[SCHEMA_PATH_MAX];
			snprintf(group, sizeof(group), "%.*s", (int)len, path);
			const config_setting_t *setting = config_lookup(config, group);
			if (!setting)
				continue;
			bool own = !path[len];
			if (own && slot->section->list)
				load_list(load, slot, setting);
			else
				load_group(load, group, group, own ? slot->section : NULL, setting,
					   own ? slot->base : NULL);
		}
	}
}

// The line of the key that a message about an element begins with, or of the element.
static unsigned item_line(const config_setting_t *list, size_t i, const char *message)
{
	const config_setting_t *item = config_setting_get_elem(list, (unsigned)i), *child;
	char key[SCHEMA_NAME_MAX];
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(message, ":"), message);
	child = config_setting_get_member(item, key);
	return config_setting_source_line(child ? child : item);
}

// What concerns more than one key, when all are read.
static void check_items(struct load *load, const config_t *config)
{
	char why[512];
	for (size_t i = 0; i < load->conf->n_slots; i++) {
		const struct conf_slot *slot = &load->conf->slots[i];
		const struct conf_section *section = slot->section;
		const config_setting_t *list = config_lookup(config, section->path);
		for (size_t k = 0; section->check && list && k < slot->n_items; k++) {
			if (!section->check(load->conf, slot->items + k * section->size, why,
					    sizeof(why)))
				mistake(load, item_line(list, k, why), "%s[%zu].%s", section->path, k,
					why);
		}
	}
}

// Parses load->text into config; a syntax error leaves what stands before it.
static void parse(struct load *load, config_t *config)
{
	config_init(config);
	if (load->no_memory || config_read_string(config, load->text) == CONFIG_TRUE)
		return;
	unsigned line = (unsigned)config_error_line(config);
	const char *text = config_error_text(config);
	if (load->cut == 0 || line < load->cut)
		mistake(load, line, "%s; expected key = value; with all brackets closed and each "
			"key once in a group", text ? text : "syntax error");
	load->cut = line;
}

// Loads a file's text, or, with a slot, the default of one of its keys. Frees data.
static void load_text(struct load *load, const char *file, char *data, struct conf_slot *slot)
{
	config_t config;
	load->n_parts = 0;
	load->line = 1;
	source_push(load, file, data);
	flatten(load);
	parse(load, &config);
	if (slot)
		load_group(load, slot->section->path, NULL, slot->section,
			   config_root_setting(&config), slot->base);
	else
		load_tree(load, &config);
	if (!slot && !load->cut && !load->no_memory)
		check_items(load, &config);
	config_destroy(&config);
	free(load->text);
}

// A wrong default is a programmer's mistake, seen at the first start: it aborts.
static void load_defaults(struct load *load, struct conf_slot *slot, FILE *err)
{
	slot->base = conf_alloc(load, slot->section->size);
	for (size_t i = 0; i < slot->section->n_rows && !load->no_memory; i++) {
		const struct conf_row *row = &slot->section->rows[i];
		if (!row->def)
			continue;
		struct schema_note name = { .len = 0 }, text = { .len = 0 };
		schema_note(&name, "default of %s.%s", slot->section->path, row->key);
		schema_note(&text, "%s = %s;", row->key, row->def);
		char *data = strdup(text.text);
		struct load one = { .conf = load->conf, .no_memory = !data };
		if (data)
			load_text(&one, name.text, data, slot);
		if (one.n_mistakes > 0) {
			print_mistakes(&one, err);
			fflush(err);
			abort();
		}
		load->no_memory = one.no_memory;
	}
}

static void load_file(struct load *load, const char *file, FILE *err)
{
	struct schema_note why = { .len = 0 };
	char *data = file_read(load, file, &why);
	load->parts[0].file = file;
	load->n_parts = 1;
	if (data)
		load_text(load, file, data, NULL);
	else if (!load->no_memory)
		mistake(load, 0, "%s", why.text);
	print_mistakes(load, err);
}

struct conf *conf_load(const char *file, FILE *err)
{
	size_t n = 0;
	while (schema_section(n))
		n++;
	struct conf *conf = calloc(1, sizeof(*conf) + n * sizeof(conf->slots[0]));
	struct load load = { .conf = conf, .no_memory = !conf };
	for (size_t i = 0; i < n && !load.no_memory; i++) {
		conf->slots[i].section = schema_section(i);
		conf->n_slots = i + 1;
		load_defaults(&load, &conf->slots[i], err);
	}
	if (file && !load.no_memory)
		load_file(&load, file, err);
	if (load.no_memory)
		fprintf(err, "conf: out of memory\n");
	if (!load.no_memory && load.n_mistakes == 0)
		return conf;
	conf_free(conf);
	return NULL;
}
