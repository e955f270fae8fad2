// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// An OpenAPI 3.1 document of one host (the specification of openapis.org; schemas are JSON Schema
// 2020-12). Names of fields become trees of schemas:
//
//	$.items[].sku, $.items[].n, $.total  ►  object { items: array of object { sku, n }, total }
//
// What has several faces (a number here, an object there) is anyOf. A parameter is required when
// each of enough successful calls had it. Operations that share a path (GraphQL, JSON-RPC) are one
// operation of the document, their names beside it. Schemas are of successful exchanges only.

#include "export/openapi.h"

#include "detect/merge.h"
#include "export/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 40, SEGMENTS = 64, PATH_BYTES = 1024 };

static const struct {
	const char *method, *key;
} methods[] = {
	{"GET", "get"},         {"PUT", "put"},   {"POST", "post"},   {"DELETE", "delete"},
	{"OPTIONS", "options"}, {"HEAD", "head"}, {"PATCH", "patch"}, {"TRACE", "trace"},
};

static const char *method_key(const char *method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!strcmp(method, methods[i].method))
			return methods[i].key;
	}
	return NULL;
}

static bool has(uint32_t classes, enum param_class class)
{
	return classes >> class & 1;
}

static bool only(uint32_t classes, uint32_t allowed)
{
	return classes && (classes & ~allowed) == 0;
}

// ---- Schemas of values

enum { INT = 1 << PARAM_INT, NUMBER = 1 << PARAM_NUMBER, BOOL = 1 << PARAM_BOOL };

// "type": one word or a list of them.
static void put_type(FILE *out, const char *const *types, uint32_t n)
{
	fputs("\"type\":", out);
	if (n != 1)
		fputc('[', out);
	for (uint32_t i = 0; i < n; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", types[i]);
	if (n != 1)
		fputc(']', out);
}

// Only what each value of that class is by its form.
static void put_format(FILE *out, uint32_t strings)
{
	static const struct {
		enum param_class class;
		const char *format;
	} formats[] = {{PARAM_UUID, "uuid"}, {PARAM_EMAIL, "email"}, {PARAM_URL, "uri"}};

	for (uint32_t i = 0; i < 3; i++) {
		if (strings == 1u << formats[i].class)
			fprintf(out, ",\"format\":\"%s\"", formats[i].format);
	}
	if (strings == 1u << PARAM_DATE)
		fputs(",\"x-apitap-class\":\"date\"", out);
}

// typed: the form tells numbers from texts (JSON). Text alone is what its looks say.
static void put_scalar(FILE *out, const struct param *p, bool typed)
{
	uint32_t strings = param_classes(p, 0), numbers = param_classes(p, 1);
	uint32_t literals = param_classes(p, 2), n = 0;
	const char *types[8];

	if (!typed && only(strings, INT))
		types[n++] = "integer";
	else if (!typed && only(strings, INT | NUMBER))
		types[n++] = "number";
	else if (!typed && only(strings, BOOL))
		types[n++] = "boolean";
	else if (strings)
		types[n++] = "string";
	if (numbers)
		types[n++] = only(numbers, INT) ? "integer" : "number";
	if (has(literals, PARAM_BOOL))
		types[n++] = "boolean";
	if (has(literals, PARAM_NULL))
		types[n++] = "null";
	fputc('{', out);
	if (n)
		put_type(out, types, n);
	if (n == 1)
		put_format(out, strings);
	fputc('}', out);
}

// ---- Trees of fields

struct node {
	const char *name; // of a member; NULL: of an array or the root
	size_t len;
	const struct param *value;           // scalars were seen here
	struct node *members, *next, *items; // owned by the pool
	bool required;
};

struct tree {
	struct node *nodes; // owned
	uint32_t n, room;
	bool any;
};

static struct node *node_new(struct tree *t, const char *name, size_t len)
{
	struct node *node = t->n < t->room ? &t->nodes[t->n++] : NULL;

	if (node)
		*node = (struct node){.name = name, .len = len};
	return node;
}

static struct node *node_member(struct tree *t, struct node *of, const char *name, size_t len)
{
	struct node **at = &of->members;

	for (; *at; at = &(*at)->next) {
		if ((*at)->len == len && memcmp((*at)->name, name, len) == 0)
			return *at;
	}
	*at = node_new(t, name, len);
	return *at;
}

static void tree_add(struct tree *t, const struct param *p, const char *name, bool required)
{
	struct node *at = &t->nodes[0];

	for (uint32_t depth = 0; *name && at && depth < DEPTH - 2; depth++) {
		size_t len;

		if (strncmp(name, "[]", 2) == 0) {
			if (!at->items)
				at->items = node_new(t, NULL, 0);
			at = at->items;
			name += 2;
			continue;
		}
		name += *name == '.';
		len = strcspn(name, ".");
		// "tags[]": the brackets are a step of their own.
		while (len >= 2 && strncmp(name + len - 2, "[]", 2) == 0)
			len -= 2;
		at = node_member(t, at, name, len);
		name += len;
		if (at && depth == 0)
			at->required = required;
	}
	if (at)
		at->value = p;
	t->any = true;
}

struct frame {
	const struct node *node, *member;
	uint32_t stage, parts;
};

static void put_required(FILE *out, const struct node *root)
{
	const char *comma = ",\"required\":[";

	for (const struct node *one = root->members; one; one = one->next) {
		if (!one->required)
			continue;
		fputs(comma, out);
		json_string(out, one->name, one->len);
		comma = ",";
	}
	if (comma[1] == '\0')
		fputc(']', out);
}

// Writes the schema of a tree, with a stack of the nodes that are open.
static void tree_put(FILE *out, const struct tree *t)
{
	struct frame stack[DEPTH] = {{.node = &t->nodes[0]}};
	uint32_t depth = 1;

	while (depth) {
		struct frame *f = &stack[depth - 1];
		const struct node *node = f->node;
		bool many;

		switch (f->stage) {
		case 0:
			f->parts = (node->value != NULL) + (node->items != NULL) +
				   (node->members != NULL);
			fputs(f->parts > 1 ? "{\"anyOf\":[" : f->parts == 0 ? "{}" : "", out);
			if (node->value)
				put_scalar(out, node->value, true);
			f->stage = node->items ? 1 : 3;
			break;
		case 1:
			fprintf(out, "%s{\"type\":\"array\",\"items\":", node->value ? "," : "");
			f->stage = 2;
			stack[depth++] = (struct frame){.node = node->items};
			break;
		case 2:
			fputc('}', out);
			f->stage = 3;
			break;
		case 3:
			f->member = node->members;
			f->stage = node->members ? 4 : 6;
			if (node->members)
				fprintf(out, "%s{\"type\":\"object\",\"properties\":{",
					node->value || node->items ? "," : "");
			break;
		case 4:
			json_string(out, f->member->name, f->member->len);
			fputc(':', out);
			stack[depth] = (struct frame){.node = f->member};
			f->member = f->member->next;
			f->stage = 5;
			depth++;
			break;
		case 5:
			f->stage = f->member ? 4 : 6;
			if (f->member) {
				fputc(',', out);
				break;
			}
			fputc('}', out);
			many = depth == 1;
			if (many)
				put_required(out, node);
			fputc('}', out);
			break;
		default:
			if (f->parts > 1)
				fputs("]}", out);
			depth--;
			break;
		}
	}
}

// ---- One operation: endpoints that share path and method

struct group {
	struct merger *m;
	struct merged_endpoint *const *list;
	uint32_t n;
};

static bool is_required(const struct group *g, const struct params_endpoint *e,
			const struct param *p)
{
	return g->n == 1 && e->whole >= g->m->inventory.options->min_calls && p->calls == e->whole;
}

// "/a/{id}/b/{id}" ► "/a/{id}/b/{id2}"; the names of its parameters and their segments.
static void path_names(const char *template, char out[PATH_BYTES], char names[SEGMENTS][32],
		       uint32_t segment_of[SEGMENTS], uint32_t *n)
{
	uint32_t segment = 0;
	size_t at = 0;

	*n = 0;
	for (const char *p = template; *p && *p != '#' && at + 40 < PATH_BYTES; p++) {
		size_t len = *p == '{' ? strcspn(p, "}") : 0;
		uint32_t same = 1;
		char name[32];

		segment += *p == '/' && p != template;
		if (strncmp(p, "\xe2\x80\xa6", 3) == 0) { // the rest was too long
			snprintf(name, sizeof(name), "rest");
			p += 2;
		} else if (len > 1 && p[len] == '}' && *n < SEGMENTS) {
			snprintf(name, sizeof(name), "%.*s", (int)(len - 1 < 24 ? len - 1 : 24),
				 p + 1);
			p += len;
		} else {
			out[at++] = *p;
			continue;
		}
		for (uint32_t i = 0; i < *n; i++)
			same += strncmp(names[i], name, strlen(name)) == 0;
		snprintf(names[*n], 32, same > 1 ? "%.24s%u" : "%.24s", name, same);
		segment_of[*n] = segment;
		at += (size_t)snprintf(out + at, PATH_BYTES - at, "{%s}", names[(*n)++]);
	}
	out[at] = '\0';
}

static const struct param *path_param(const struct group *g, uint32_t segment)
{
	for (uint32_t i = 0; i < g->n; i++) {
		const struct params_endpoint *e = params_endpoint(&g->m->params, g->list[i]->id);

		for (const struct param *p = e ? e->first[CLIENT] : NULL; p; p = p->next) {
			if (p->place == PLACE_PATH && p->index == segment)
				return p;
		}
	}
	return NULL;
}

static void put_parameters(FILE *out, const struct group *g, char names[SEGMENTS][32],
			   const uint32_t segment_of[SEGMENTS], uint32_t n)
{
	const char *comma = "";

	fputs("\"parameters\":[", out);
	for (uint32_t i = 0; i < n; i++) {
		const struct param *p = path_param(g, segment_of[i]);

		fprintf(out, "%s{\"in\":\"path\",\"required\":true,\"name\":", comma);
		json_string(out, names[i], strlen(names[i]));
		fputs(",\"schema\":", out);
		if (p)
			put_scalar(out, p, false);
		else
			fputs("{}", out);
		fputc('}', out);
		comma = ",";
	}
	for (uint32_t i = 0; i < g->n; i++) {
		const struct params_endpoint *e = params_endpoint(&g->m->params, g->list[i]->id);

		for (const struct param *p = e ? e->first[CLIENT] : NULL; p; p = p->next) {
			bool before = false;

			if (p->place != PLACE_QUERY || !p->name ||
			    strncmp(p->name->text, "query.", 6))
				continue;
			for (uint32_t k = 0; k < i && !before; k++)
				before = params_get(&g->m->params, g->list[k]->id, CLIENT,
						    p->field) != NULL;
			if (before)
				continue;
			fprintf(out, "%s{\"in\":\"query\",\"name\":", comma);
			json_string(out, p->name->text + 6, p->name->len - 6);
			fprintf(out, ",\"required\":%s,\"x-apitap-calls\":%" PRIu64 ",\"schema\":",
				is_required(g, e, p) ? "true" : "false", p->calls);
			put_scalar(out, p, false);
			fputc('}', out);
			comma = ",";
		}
	}
	fputc(']', out);
}

// The fields of one direction: of JSON bodies ("$…") or of forms.
static bool tree_fill(struct tree *t, const struct group *g, enum dir dir, const char *prefix)
{
	uint32_t n = 1;

	for (uint32_t i = 0; i < g->n; i++) {
		const struct params_endpoint *e = params_endpoint(&g->m->params, g->list[i]->id);

		n += e ? e->n : 0;
	}
	*t = (struct tree){.room = n * 16};
	t->nodes = calloc(t->room, sizeof(*t->nodes));
	if (!t->nodes)
		return false;
	t->n = 1;
	for (uint32_t i = 0; i < g->n; i++) {
		const struct params_endpoint *e = params_endpoint(&g->m->params, g->list[i]->id);

		for (const struct param *p = e ? e->first[dir] : NULL; p; p = p->next) {
			size_t len = strlen(prefix);

			if (p->name && strncmp(p->name->text, prefix, len) == 0 &&
			    (p->place == PLACE_BODY || p->place == PLACE_FORM))
				tree_add(t, p, p->name->text + len,
					 dir == CLIENT && is_required(g, e, p));
		}
	}
	return true;
}

static bool put_content(FILE *out, const struct group *g, enum dir dir, const char *before,
			const char *behind)
{
	static const struct {
		const char *prefix, *media;
	} forms[] = {{"$", "application/json"}, {"form.", "application/x-www-form-urlencoded"}};
	const char *comma = before;

	for (uint32_t i = 0; i < (dir == CLIENT ? 2 : 1); i++) {
		struct tree t;

		if (!tree_fill(&t, g, dir, forms[i].prefix))
			return false;
		if (t.any) {
			fprintf(out, "%s\"%s\":{\"schema\":", comma, forms[i].media);
			tree_put(out, &t);
			fputc('}', out);
			comma = ",";
		}
		free(t.nodes);
	}
	if (comma != before)
		fputs(behind, out);
	return true;
}

static bool put_responses(FILE *out, const struct group *g)
{
	bool seen[1000] = {false}, ok = true;
	const char *comma = "";

	fputs(",\"responses\":{", out);
	for (uint32_t i = 0; i < g->n; i++) {
		const struct inventory_endpoint *f = merger_facts(g->list[i]);

		for (uint32_t k = 0; f && k < INVENTORY_STATUSES; k++) {
			if (f->status[k].calls && f->status[k].status >= 100 &&
			    f->status[k].status < 600)
				seen[f->status[k].status] = true;
		}
	}
	for (uint32_t status = 100; status < 600; status++) {
		if (!seen[status])
			continue;
		fprintf(out, "%s\"%u\":{\"description\":\"seen\"", comma, status);
		if (status / 100 == 2)
			ok &= put_content(out, g, SERVER, ",\"content\":{", "}");
		fputc('}', out);
		comma = ",";
	}
	if (!*comma)
		fputs("\"default\":{\"description\":\"none was seen\"}", out);
	fputc('}', out);
	return ok;
}

static const struct {
	enum principal_kind kind;
	const char *name, *scheme;
} schemes[] = {
	{PRINCIPAL_BASIC, "basic", "{\"type\":\"http\",\"scheme\":\"basic\"}"},
	{PRINCIPAL_JWT, "bearer",
	 "{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}"},
	{PRINCIPAL_CERTIFICATE, "certificate", "{\"type\":\"mutualTLS\"}"},
};

static uint64_t calls_by(const struct group *g, enum principal_kind kind)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < g->n; i++)
		n += merger_facts(g->list[i]) ? merger_facts(g->list[i])->kinds[kind] : 0;
	return n;
}

// What was seen; without any of it where calls came without.
static void put_security(FILE *out, const struct group *g)
{
	uint64_t calls = 0, with = 0;
	const char *comma = "";

	for (uint32_t i = 0; i < g->n; i++)
		calls += g->list[i]->calls;
	fputs(",\"security\":[", out);
	for (uint32_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		uint64_t n = calls_by(g, schemes[i].kind);

		if (n == 0)
			continue;
		fprintf(out, "%s{\"%s\":[]}", comma, schemes[i].name);
		comma = ",";
		with += n;
	}
	if (with < calls)
		fprintf(out, "%s{}", comma);
	fputc(']', out);
}

static bool put_operation(FILE *out, const struct group *g, char names[SEGMENTS][32],
			  const uint32_t segment_of[SEGMENTS], uint32_t n)
{
	bool ok;

	fputc('{', out);
	put_parameters(out, g, names, segment_of, n);
	ok = put_content(out, g, CLIENT, ",\"requestBody\":{\"content\":{", "}}");
	ok &= put_responses(out, g);
	put_security(out, g);
	if (g->n == 1 && !strchr(g->list[0]->template, '#')) {
		fputs(",\"x-apitap\":", out);
		inventory_facts_json(out, g->m, g->list[0]);
	} else {
		fputs(",\"x-apitap-operations\":{", out);
		for (uint32_t i = 0; i < g->n; i++) {
			const char *name = strchr(g->list[i]->template, '#');

			fputs(i ? "," : "", out);
			json_string(out, name ? name + 1 : "", name ? strlen(name + 1) : 0);
			fputc(':', out);
			inventory_facts_json(out, g->m, g->list[i]);
		}
		fputc('}', out);
	}
	fputc('}', out);
	return ok;
}

// ---- A host

static size_t path_len(const struct merged_endpoint *e)
{
	return strcspn(e->template, "#");
}

static bool same_path(const struct merged_endpoint *a, const struct merged_endpoint *b)
{
	return path_len(a) == path_len(b) && !memcmp(a->template, b->template, path_len(a));
}

static bool put_path(FILE *out, struct merger *m, struct merged_endpoint *const *list, uint32_t n)
{
	char path[PATH_BYTES], names[SEGMENTS][32];
	uint32_t segment_of[SEGMENTS], n_names;
	const char *comma = "";
	bool ok = true;

	path_names(list[0]->template, path, names, segment_of, &n_names);
	json_string(out, path[0] ? path : "/", path[0] ? strlen(path) : 1);
	fputs(":{", out);
	for (uint32_t i = 0, end; i < n; i = end) {
		const char *key = method_key(list[i]->method);

		for (end = i + 1; end < n && !strcmp(list[i]->method, list[end]->method);)
			end++;
		fputs(comma, out);
		if (key) {
			fprintf(out, "\"%s\":", key);
		} else { // no method of the document: beside it
			char other[80];

			snprintf(other, sizeof(other), "x-apitap-method-%.60s", list[i]->method);
			json_string(out, other, strlen(other));
			fputc(':', out);
		}
		ok &= put_operation(out, &(struct group){m, list + i, end - i}, names, segment_of,
				    n_names);
		comma = ",";
	}
	fputc('}', out);
	return ok;
}

bool openapi_host(FILE *out, struct merger *m, struct merged_endpoint *const *list, unsigned n)
{
	bool tls = false, plain = false, ok = true;
	const char *comma = "";
	char url[300];

	for (uint32_t i = 0; i < n; i++) {
		const struct inventory_endpoint *f = merger_facts(list[i]);

		tls |= f && f->tls;
		plain |= !f || f->tls < list[i]->calls;
	}
	fputs("{\"openapi\":\"3.1.0\",\"info\":{\"title\":", out);
	json_string(out, list[0]->host, strlen(list[0]->host));
	fputs(",\"version\":\"as seen\",\"description\":\"Made from traffic. What was not seen is "
	      "not "
	      "here.\"},\"servers\":[",
	      out);
	for (uint32_t i = 0; i < 2; i++) {
		if (!(i ? plain : tls))
			continue;
		snprintf(url, sizeof(url), "%s://%.280s", i ? "http" : "https", list[0]->host);
		fputs(comma, out);
		fputs("{\"url\":", out);
		json_string(out, url, strlen(url));
		fputc('}', out);
		comma = ",";
	}
	fputs("],\"paths\":{", out);
	comma = "";
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && same_path(list[i], list[end]);)
			end++;
		if (list[i]->template[0] != '/')
			continue; // CONNECT, or a target that was not seen
		fputs(comma, out);
		ok &= put_path(out, m, list + i, end - i);
		comma = ",";
	}
	fputs("},\"components\":{\"securitySchemes\":{", out);
	comma = "";
	for (uint32_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!calls_by(&(struct group){m, list, n}, schemes[i].kind))
			continue;
		fprintf(out, "%s\"%s\":%s", comma, schemes[i].name, schemes[i].scheme);
		comma = ",";
	}
	fputs("}}}\n", out);
	return ok;
}
