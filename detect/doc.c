// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// libyaml's events become nodes. Nodes lie in chunks that never move, linked by pointers.

#include "detect/doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { CHUNK = 1024, ANCHORS = 4096 };

struct anchor {
	char *name;
	const struct doc_node *node;
};

struct builder {
	struct doc *doc;
	struct doc_node *stack[DOC_DEPTH], *last[DOC_DEPTH];
	uint32_t depth;
	char *key; // of the next member; owned
	struct anchor anchors[ANCHORS];
	uint32_t n_anchors;
	const char *what; // is wrong
};

// ---- Nodes

// Each chunk's first node links to the chunk before it.
static struct doc_node *node_new(struct builder *b, enum doc_kind kind, size_t line)
{
	struct doc *doc = b->doc;
	struct doc_node *node;

	if (doc->n >= DOC_NODES) {
		b->what = "is too large";
		return NULL;
	}
	if (doc->n % CHUNK == 0) {
		struct doc_node *chunk = calloc(CHUNK + 1, sizeof(*chunk));

		if (!chunk) {
			b->what = "finds no memory";
			return NULL;
		}
		chunk->next = doc->nodes;
		doc->nodes = chunk;
	}
	node = &doc->nodes[1 + doc->n % CHUNK];
	doc->n++;
	node->kind = kind;
	node->line = (uint32_t)line + 1;
	return node;
}

void doc_free(struct doc *doc)
{
	while (doc->nodes) {
		struct doc_node *chunk = doc->nodes;

		doc->nodes = chunk->next;
		for (uint32_t i = 1; i <= CHUNK; i++) {
			free(chunk[i].key);
			free(chunk[i].text);
		}
		free(chunk);
	}
	*doc = (struct doc){0};
}

static bool node_attach(struct builder *b, struct doc_node *node)
{
	struct doc_node *parent;

	if (b->depth == 0) {
		if (!b->doc->root)
			b->doc->root = node;
		return true;
	}
	parent = b->stack[b->depth - 1];
	if (parent->kind == DOC_MAP) {
		node->key = b->key;
		b->key = NULL;
		if (!node->key) {
			b->what = "has a key that is no word";
			return false;
		}
	}
	if (b->last[b->depth - 1])
		b->last[b->depth - 1]->next = node;
	else
		parent->first = node;
	b->last[b->depth - 1] = node;
	return true;
}

static void anchor_set(struct builder *b, const yaml_char_t *name, const struct doc_node *node)
{
	if (!name || b->n_anchors == ANCHORS)
		return;
	b->anchors[b->n_anchors].name = strdup((const char *)name);
	b->anchors[b->n_anchors].node = node;
	b->n_anchors += b->anchors[b->n_anchors].name != NULL;
}

// ---- Events

static bool on_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	struct doc_node *node;

	if (b->depth && b->stack[b->depth - 1]->kind == DOC_MAP && !b->key) {
		b->key = strdup(value);
		return b->key != NULL;
	}
	node = node_new(b, DOC_SCALAR, event->start_mark.line);
	if (!node)
		return false;
	node->text = strdup(value);
	anchor_set(b, event->data.scalar.anchor, node);
	return node->text && node_attach(b, node);
}

static bool on_begin(struct builder *b, enum doc_kind kind, const yaml_char_t *anchor,
		     const yaml_event_t *event)
{
	struct doc_node *node = node_new(b, kind, event->start_mark.line);

	if (!node || !node_attach(b, node))
		return false;
	if (b->depth == DOC_DEPTH) {
		b->what = "is nested too deep";
		return false;
	}
	anchor_set(b, anchor, node);
	b->last[b->depth] = NULL;
	b->stack[b->depth++] = node;
	return true;
}

static bool on_alias(struct builder *b, const yaml_event_t *event)
{
	struct doc_node *node = node_new(b, DOC_SCALAR, event->start_mark.line);

	if (!node)
		return false;
	for (uint32_t i = b->n_anchors; i > 0 && !node->alias; i--) {
		if (!strcmp(b->anchors[i - 1].name, (const char *)event->data.alias.anchor))
			node->alias = b->anchors[i - 1].node;
	}
	return node_attach(b, node);
}

static bool on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_MAPPING_START_EVENT:
		return on_begin(b, DOC_MAP, event->data.mapping_start.anchor, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_begin(b, DOC_LIST, event->data.sequence_start.anchor, event);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return true;
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	default:
		return true;
	}
}

// JSON writes characters beyond U+FFFF as two halves (RFC 8259 section 7), which YAML has not;
// in texts for people they matter not.
static void halves_replace(char *text, size_t len)
{
	for (size_t i = 0; i + 6 <= len; i++) {
		if (text[i] == '\\' && text[i + 1] == 'u' && (text[i + 2] | 0x20) == 'd' &&
		    strchr("89abcdefABCDEF", text[i + 3]))
			memcpy(text + i, "?     ", 6);
		else
			i += text[i] == '\\';
	}
}

char *doc_read(const char *file, size_t *len, char *why, size_t why_len)
{
	FILE *in = fopen(file, "re");
	char *text = NULL;
	long size;

	if (!in) {
		snprintf(why, why_len, "%s: %s", file, strerror(errno));
		return NULL;
	}
	if (fseek(in, 0, SEEK_END) || (size = ftell(in)) < 0 || size > DOC_BYTES) {
		snprintf(why, why_len, "%s: is no file of at most %d MiB", file, DOC_BYTES >> 20);
		fclose(in);
		return NULL;
	}
	rewind(in);
	text = malloc((size_t)size + 1);
	if (text) {
		*len = fread(text, 1, (size_t)size, in);
		text[*len] = '\0';
	} else {
		snprintf(why, why_len, "%s: no memory", file);
	}
	fclose(in);
	return text;
}

static int build(struct builder *b, yaml_parser_t *parser, const char *file, char *why,
		 size_t why_len)
{
	bool end = false;

	while (!end) {
		yaml_event_t event;
		bool ok;

		if (!yaml_parser_parse(parser, &event)) {
			snprintf(why, why_len, "%s:%zu: %s", file, parser->problem_mark.line + 1,
				 parser->problem ? parser->problem : "cannot be read");
			return -1;
		}
		end = event.type == YAML_STREAM_END_EVENT || event.type == YAML_DOCUMENT_END_EVENT;
		ok = on_event(b, &event);
		if (!ok)
			snprintf(why, why_len, "%s:%zu: %s", file, event.start_mark.line + 1,
				 b->what ? b->what : "finds no memory");
		yaml_event_delete(&event);
		if (!ok)
			return -1;
	}
	return 0;
}

int doc_load(struct doc *doc, const char *file, char *why, size_t why_len)
{
	struct builder *b = calloc(1, sizeof(*b));
	yaml_parser_t parser;
	size_t len = 0;
	char *text = b ? doc_read(file, &len, why, why_len) : NULL;
	int rc = -1;

	*doc = (struct doc){0};
	if (text && yaml_parser_initialize(&parser)) {
		size_t from = strspn(text, " \t\r\n");

		if (text[from] == '{')
			halves_replace(text, len);
		b->doc = doc;
		yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
		rc = build(b, &parser, file, why, why_len);
		yaml_parser_delete(&parser);
		for (uint32_t i = 0; i < b->n_anchors; i++)
			free(b->anchors[i].name);
		free(b->key);
	}
	free(text);
	free(b);
	if (rc)
		doc_free(doc);
	return rc;
}

// ---- Reading the tree

static const struct doc_node *node_real(const struct doc_node *node)
{
	return node && node->alias ? node->alias : node;
}

const struct doc_node *doc_get(const struct doc_node *map, const char *key)
{
	map = node_real(map);
	if (!map || map->kind != DOC_MAP)
		return NULL;
	for (const struct doc_node *one = map->first; one; one = one->next) {
		if (!strcmp(one->key, key))
			return node_real(one);
	}
	return NULL;
}

const char *doc_text(const struct doc_node *map, const char *key)
{
	const struct doc_node *node = doc_get(map, key);

	return node && node->kind == DOC_SCALAR ? node->text : NULL;
}

const struct doc_node *doc_first(const struct doc_node *node)
{
	node = node_real(node);
	return node ? node->first : NULL;
}
