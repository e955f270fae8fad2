// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Files of routes. What a file is shows by its content: a JSON or YAML map with "openapi",
// "swagger", "_format_version" (Kong) or "virtual_hosts" somewhere (Envoy); "location" and
// "server_name" of nginx; else lines of METHOD host path.

#include "detect/spec.h"

#include "detect/doc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT = 2048, NAMES = 64, WALK = 1 << 20, BLOCKS = 32 };

struct reading {
	struct specs *specs;
	const char *file;
	uint32_t doc;
	char *why;
	size_t why_len;
};

static int wrong(const struct reading *r, uint32_t line, const char *what)
{
	snprintf(r->why, r->why_len, "%s:%u: %s", r->file, line, what);
	return -1;
}

static int add(const struct reading *r, struct spec_route route)
{
	route.doc = r->doc;
	if (specs_add(r->specs, &route))
		return 0;
	return wrong(r, route.line, "more routes than there is room for");
}

static bool yes(const char *text)
{
	return text && (!strcasecmp(text, "true") || !strcasecmp(text, "yes"));
}

// The beginning of a regular expression that can only match itself: a beginning of paths.
static void regex_literal(const char *regex, char out[TEXT])
{
	size_t n = 0;

	for (regex += *regex == '^'; *regex && n + 1 < TEXT; regex++) {
		if (*regex == '\\' && regex[1] && !isalnum((unsigned char)regex[1]))
			regex++;
		else if (strchr(".[](){}*+?|^$\\", *regex))
			break;
		out[n++] = *regex;
	}
	// What may be repeated or left out is no literal.
	if (n && (*regex == '*' || *regex == '?' || *regex == '{' || *regex == '|'))
		n--;
	out[n] = '\0';
	if (*regex == '|') // another beginning is possible
		out[0] = '\0';
}

// ---- OpenAPI

// "https://{region}.shop.example:443/api/v1" ► host pattern or NULL, base path.
static void server_split(const char *url, char host[TEXT], char base[TEXT])
{
	const char *p = strstr(url, "://");
	size_t n = 0;

	host[0] = base[0] = '\0';
	p = p ? p + 3 : strncmp(url, "//", 2) == 0 ? url + 2 : NULL;
	if (!p) {
		snprintf(base, TEXT, "%s", url[0] == '/' ? url : "");
	} else {
		for (; *p && *p != '/' && *p != ':' && n + 1 < TEXT; p++) {
			if (*p == '{') {
				p += strcspn(p, "}");
				host[n++] = '*';
				if (!*p)
					break;
			} else {
				host[n++] = (char)tolower((unsigned char)*p);
			}
		}
		host[n] = '\0';
		snprintf(base, TEXT, "%s", p + strcspn(p, "/"));
	}
	n = strlen(base);
	while (n && base[n - 1] == '/')
		base[--n] = '\0';
}

static bool is_method(const char *word)
{
	static const char *const methods[] = {"get",     "put",  "post",  "delete",
					      "options", "head", "patch", "trace"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!strcasecmp(word, methods[i]))
			return true;
	}
	return false;
}

static int openapi_paths(const struct reading *r, const struct doc_node *root, const char *host,
			 const char *base)
{
	const struct doc_node *paths = doc_get(root, "paths");
	char path[TEXT], method[16];
	size_t n = 0;

	for (const struct doc_node *item = doc_first(paths); item; item = item->next) {
		if (item->key[0] != '/') {
			if (strncmp(item->key, "x-", 2))
				return wrong(r, item->line, "a path begins with /");
			continue;
		}
		snprintf(path, sizeof(path), "%s%s", base, item->key);
		for (const struct doc_node *op = doc_first(item); op; op = op->next) {
			n = 0;
			bool any = !strcmp(op->key, "x-amazon-apigateway-any-method");

			if (!any && !is_method(op->key))
				continue;
			for (n = 0; !any && op->key[n]; n++)
				method[n] = (char)toupper((unsigned char)op->key[n]);
			method[n] = '\0';
			if (add(r, (struct spec_route){
					   .method = any ? NULL : method,
					   .host = host[0] ? (char *)(uintptr_t)host : NULL,
					   .path = path,
					   .line = op->line,
					   .deprecated = yes(doc_text(op, "deprecated")),
				   }))
				return -1;
		}
	}
	return 0;
}

static int openapi_read(const struct reading *r, const struct doc_node *root)
{
	struct spec_doc *doc = &r->specs->docs[r->doc];
	const struct doc_node *info = doc_get(root, "info"), *servers = doc_get(root, "servers");
	const char *title = doc_text(info, "title"), *version = doc_text(info, "version");
	char host[TEXT], base[TEXT];

	if (!doc_get(root, "paths"))
		return wrong(r, root->line, "an OpenAPI document has \"paths\"");
	doc->title = title ? strdup(title) : NULL;
	doc->version = version ? strdup(version) : NULL;
	if (doc_get(root, "swagger")) {
		const char *name = doc_text(root, "host"), *path = doc_text(root, "basePath");

		snprintf(host, sizeof(host), "%s", name ? name : "");
		host[strcspn(host, ":")] = '\0';
		snprintf(base, sizeof(base), "%s", path && strcmp(path, "/") ? path : "");
		return openapi_paths(r, root, host, base);
	}
	if (!doc_first(servers))
		return openapi_paths(r, root, "", "");
	for (const struct doc_node *s = doc_first(servers); s; s = s->next) {
		const char *url = doc_text(s, "url");

		if (!url)
			return wrong(r, s->line, "a server has a \"url\"");
		server_split(url, host, base);
		if (openapi_paths(r, root, host, base))
			return -1;
	}
	return 0;
}

// ---- Kong

// The texts of a list, or NULL alone when there is none.
static uint32_t texts_of(const struct doc_node *list, const char *texts[NAMES])
{
	uint32_t n = 0;

	for (const struct doc_node *one = doc_first(list); one && n < NAMES; one = one->next) {
		if (one->kind == DOC_SCALAR && one->text)
			texts[n++] = one->text;
	}
	if (n == 0)
		texts[n++] = NULL;
	return n;
}

static int kong_route(const struct reading *r, const struct doc_node *route)
{
	const char *methods[NAMES], *hosts[NAMES], *paths[NAMES];
	uint32_t n_methods = texts_of(doc_get(route, "methods"), methods);
	uint32_t n_hosts = texts_of(doc_get(route, "hosts"), hosts);
	uint32_t n_paths = texts_of(doc_get(route, "paths"), paths);
	char literal[TEXT];

	for (uint32_t i = 0; i < n_methods * n_hosts * n_paths; i++) {
		const char *path = paths[i % n_paths], *host = hosts[i / n_paths % n_hosts];

		if (path && *path == '~') {
			regex_literal(path + 1, literal);
			path = literal;
		}
		if (add(r, (struct spec_route){
				   .method = (char *)(uintptr_t)methods[i / n_paths / n_hosts],
				   .host = (char *)(uintptr_t)host,
				   .path = (char *)(uintptr_t)(path ? path : "/"),
				   .line = route->line,
				   .prefix = true,
				   .gateway = true,
			   }))
			return -1;
	}
	return 0;
}

static int kong_routes(const struct reading *r, const struct doc_node *list)
{
	for (const struct doc_node *route = doc_first(list); route; route = route->next) {
		if (kong_route(r, route))
			return -1;
	}
	return 0;
}

static int kong_read(const struct reading *r, const struct doc_node *root)
{
	const struct doc_node *services = doc_get(root, "services");

	for (const struct doc_node *s = doc_first(services); s; s = s->next) {
		if (kong_routes(r, doc_get(s, "routes")))
			return -1;
	}
	return kong_routes(r, doc_get(root, "routes"));
}

// ---- Envoy

static const char *envoy_method(const struct doc_node *match)
{
	for (const struct doc_node *h = doc_first(doc_get(match, "headers")); h; h = h->next) {
		const char *name = doc_text(h, "name"), *exact = doc_text(h, "exact_match");

		if (!exact)
			exact = doc_text(doc_get(h, "string_match"), "exact");
		if (name && !strcmp(name, ":method"))
			return exact;
	}
	return NULL;
}

static int envoy_host(const struct reading *r, const struct doc_node *vhost)
{
	const char *domains[NAMES];
	uint32_t n = texts_of(doc_get(vhost, "domains"), domains);
	char literal[TEXT], host[TEXT];

	for (const struct doc_node *one = doc_first(doc_get(vhost, "routes")); one;
	     one = one->next) {
		const struct doc_node *match = doc_get(one, "match");
		const char *prefix = doc_text(match, "prefix"), *path = doc_text(match, "path");
		const char *regex = doc_text(doc_get(match, "safe_regex"), "regex");

		prefix = prefix ? prefix : doc_text(match, "path_separated_prefix");
		if (!prefix && !path && !regex)
			return wrong(r, one->line,
				     "a route matches by \"prefix\", \"path\" or \"safe_regex\"");
		if (regex) {
			regex_literal(regex, literal);
			prefix = literal;
		}
		for (uint32_t i = 0; i < n; i++) {
			snprintf(host, sizeof(host), "%s", domains[i] ? domains[i] : "*");
			host[strcspn(host, ":")] = '\0';
			if (add(r, (struct spec_route){
					   .method = (char *)(uintptr_t)envoy_method(match),
					   .host = strcmp(host, "*") ? host : NULL,
					   .path = (char *)(uintptr_t)(path ? path : prefix),
					   .line = one->line,
					   .prefix = !path,
					   .gateway = true,
				   }))
				return -1;
		}
	}
	return 0;
}

// Wherever they stand: in a listener's filters, in a list of resources, alone. Depth first,
// with a stack, and a bound because aliases may go in circles.
static int envoy_read(const struct reading *r, const struct doc_node *root, uint32_t *found)
{
	const struct doc_node *stack[DOC_DEPTH] = {root};
	uint32_t depth = 1, steps = 0;

	while (depth && steps++ < WALK) {
		const struct doc_node *node = stack[depth - 1];

		if (!node) {
			depth--;
			continue;
		}
		stack[depth - 1] = node->next;
		if (node->key && !strcmp(node->key, "virtual_hosts")) {
			for (const struct doc_node *v = doc_first(node); v; v = v->next) {
				++*found;
				if (envoy_host(r, v))
					return -1;
			}
		} else if (node->first && depth < DOC_DEPTH) {
			stack[depth++] = node->first;
		}
	}
	return 0;
}

static int tree_read(const struct reading *r)
{
	uint32_t found = 0;
	struct doc doc;
	int rc;

	if (doc_load(&doc, r->file, r->why, r->why_len))
		return -1;
	if (!doc.root || doc.root->kind != DOC_MAP)
		rc = wrong(r, 1, "is no map of keys and values");
	else if (doc_get(doc.root, "openapi") || doc_get(doc.root, "swagger"))
		rc = openapi_read(r, doc.root);
	else if (doc_get(doc.root, "_format_version") || doc_get(doc.root, "services"))
		rc = kong_read(r, doc.root);
	else {
		rc = envoy_read(r, doc.root, &found);
		if (rc == 0 && found == 0)
			rc = wrong(r, doc.root->line,
				   "is neither OpenAPI nor a configuration of Kong or Envoy");
	}
	doc_free(&doc);
	return rc;
}

// ---- nginx

struct nginx {
	const char *p;
	uint32_t line;
	char word[TEXT]; // the last one; ";", "{", "}" alone
};

static bool nginx_word(struct nginx *x)
{
	size_t n = 0;

	for (;; x->p++) {
		if (*x->p == '#')
			x->p += strcspn(x->p, "\n");
		if (*x->p == '\n')
			x->line++;
		if (!*x->p)
			return false;
		if (!isspace((unsigned char)*x->p))
			break;
	}
	if (strchr(";{}", *x->p)) {
		x->word[0] = *x->p++;
		x->word[1] = '\0';
		return true;
	}
	char quote = *x->p == '"' || *x->p == '\'' ? *x->p++ : 0;

	while (*x->p && n + 1 < TEXT) {
		if (quote ? *x->p == quote
			  : isspace((unsigned char)*x->p) || *x->p == ';' ||
				    (*x->p == '{' && (n == 0 || !strchr("^\\$", x->word[0]))))
			break;
		x->line += *x->p == '\n';
		x->word[n++] = *x->p++;
	}
	x->p += quote && *x->p == quote;
	x->word[n] = '\0';
	return true;
}

struct nginx_server {
	char names[NAMES][256];
	uint32_t n_names, first_route;
	uint32_t depth; // of its block; 0: none
};

// The routes of a server get its names when all of them are known: at its end.
static int nginx_flush(const struct reading *r, struct nginx_server *server)
{
	uint32_t end = r->specs->n_routes;

	for (uint32_t i = server->first_route; i < end && server->n_names; i++) {
		free(r->specs->routes[i].host);
		r->specs->routes[i].host = strdup(server->names[0]);
		for (uint32_t k = 1; k < server->n_names; k++) {
			struct spec_route one = r->specs->routes[i];

			one.host = server->names[k];
			if (add(r, one))
				return -1;
		}
	}
	server->depth = 0;
	return 0;
}

// "location [= | ~ | ~* | ^~] path {": x stands behind "location".
static int nginx_location(const struct reading *r, struct nginx *x)
{
	char mode[4] = "", path[TEXT], literal[TEXT];

	if (!nginx_word(x))
		return wrong(r, x->line, "a location has a path");
	if (!strcmp(x->word, "=") || !strcmp(x->word, "~") || !strcmp(x->word, "~*") ||
	    !strcmp(x->word, "^~")) {
		snprintf(mode, sizeof(mode), "%.3s", x->word);
		if (!nginx_word(x))
			return wrong(r, x->line, "a location has a path");
	}
	snprintf(path, sizeof(path), "%s", x->word);
	if (path[0] == '@')
		return 0; // only reached from within
	if (mode[0] == '~') {
		regex_literal(path, literal);
		snprintf(path, sizeof(path), "%s", literal);
	} else if (path[0] != '/') {
		return wrong(r, x->line, "a location's path begins with /");
	}
	return add(r, (struct spec_route){
			      .path = path,
			      .line = x->line,
			      .prefix = mode[0] != '=',
			      .gateway = true,
		      });
}

static int nginx_read(const struct reading *r, const char *text)
{
	struct nginx *x = calloc(1, sizeof(*x));
	struct nginx_server *server = calloc(1, sizeof(*server));
	uint32_t depth = 0;
	bool opens = false; // the next { is a server's
	int rc = x && server ? 0 : wrong(r, 1, "finds no memory");

	if (rc == 0)
		*x = (struct nginx){.p = text, .line = 1};
	while (rc == 0 && nginx_word(x)) {
		if (!strcmp(x->word, "server")) {
			opens = true;
			continue;
		}
		if (!strcmp(x->word, "{")) {
			depth++;
			if (opens && server->depth == 0) {
				*server = (struct nginx_server){.depth = depth,
								.first_route = r->specs->n_routes};
			}
		} else if (!strcmp(x->word, "}")) {
			if (depth == 0)
				rc = wrong(r, x->line, "} without {");
			else if (server->depth == depth--)
				rc = nginx_flush(r, server);
		} else if (!strcmp(x->word, "server_name") && server->depth) {
			while (nginx_word(x) && strcmp(x->word, ";")) {
				bool plain = x->word[0] != '~' && strcmp(x->word, "_");

				if (plain && server->n_names < NAMES)
					snprintf(server->names[server->n_names++], 256, "%.255s",
						 x->word[0] == '.' ? x->word + 1 : x->word);
			}
		} else if (!strcmp(x->word, "location")) {
			rc = nginx_location(r, x);
		}
		opens = false;
	}
	if (rc == 0 && depth)
		rc = wrong(r, x->line, "a { has no }");
	free(x);
	free(server);
	return rc;
}

// ---- Lines

static int lines_read(const struct reading *r, char *text)
{
	uint32_t number = 0;

	for (char *line = text, *next; line; line = next) {
		char *words[5], *save = NULL;
		uint32_t n = 0;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		line[strcspn(line, "#")] = '\0';
		for (char *w = strtok_r(line, " \t\r", &save); w && n < 5;
		     w = strtok_r(NULL, " \t\r", &save))
			words[n++] = w;
		if (n == 0)
			continue;
		if ((n != 3 && n != 4) || words[2][0] != '/' ||
		    (n == 4 && strcmp(words[3], "deprecated")))
			return wrong(r, number,
				     "a line is: METHOD host path [deprecated], with * for any");
		if (add(r, (struct spec_route){
				   .method = strcmp(words[0], "*") ? words[0] : NULL,
				   .host = strcmp(words[1], "*") ? words[1] : NULL,
				   .path = words[2],
				   .line = number,
				   .deprecated = n == 4,
			   }))
			return -1;
	}
	return 0;
}

// ---- All of them

static bool ends_with(const char *file, const char *ending)
{
	size_t n = strlen(file), k = strlen(ending);

	return n > k && !strcasecmp(file + n - k, ending);
}

int spec_read(struct specs *specs, const char *file, char *why, size_t why_len)
{
	struct reading r = {
		.specs = specs,
		.file = file,
		.doc = specs->n_docs - 1,
		.why = why,
		.why_len = why_len,
	};
	size_t len = 0;
	char *text;
	int rc;

	if (ends_with(file, ".json") || ends_with(file, ".yaml") || ends_with(file, ".yml"))
		return tree_read(&r);
	text = doc_read(file, &len, why, why_len);
	if (!text)
		return -1;
	if (text[strspn(text, " \t\r\n")] == '{') {
		free(text);
		return tree_read(&r);
	}
	rc = ends_with(file, ".conf") || strstr(text, "server_name") ? nginx_read(&r, text)
								     : lines_read(&r, text);
	free(text);
	return rc;
}
