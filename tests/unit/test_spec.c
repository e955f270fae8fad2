// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Files that say which APIs there should be: each form, what matches, versions, and mistakes with
// their lines.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "detect/doc.c"
#include "detect/spec.c"
#include "detect/spec_read.c"

static char dir[64], why[512];
static struct specs *specs;

static int setup(void **)
{
	snprintf(dir, sizeof(dir), "/tmp/apitap-spec-XXXXXX");
	why[0] = '\0';
	specs = NULL;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **)
{
	char command[128];

	specs_free(specs);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const char *write_file(const char *name, const char *text)
{
	static char paths[4][128];
	static uint32_t turn;
	char *path = paths[turn++ % 4];
	FILE *out;

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	return path;
}

static void load(const char *name, const char *text)
{
	const char *file = write_file(name, text);

	specs_free(specs);
	specs = specs_new(&file, 1, why, sizeof(why));
	if (!specs)
		print_error("%s\n", why);
	assert_non_null(specs);
}

static bool has(const char *method, const char *host, const char *template)
{
	return specs_match(specs, host, method, template) != NULL;
}

// ---- Forms

#define OPENAPI_JSON                                                                               \
	"{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"Shop \\ud83d\\ude00\", \"version\": "    \
	"\"1\"},\n"                                                                                \
	" \"servers\": [{\"url\": \"https://{region}.shop.example:8443/api/\"}],\n"                \
	" \"paths\": {\n"                                                                          \
	"\t\"/users/{id}\": {\"get\": {}, \"delete\": {\"deprecated\": true},\n"                   \
	"   \"parameters\": []},\n"                                                                \
	"  \"/users/{id}/photo.{ext}\": {\"get\": {}},\n"                                          \
	"  \"/users/me\": {\"get\": {}}}}\n"

static void openapi_expect(void)
{
	const struct spec_route *route;

	assert_true(has("GET", "eu.shop.example", "/api/users/{id}"));
	assert_true(has("HEAD", "eu.shop.example", "/api/users/{uuid}"));
	assert_true(has("GET", "eu.shop.example", "/api/users/me"));
	assert_true(has("GET", "eu.shop.example", "/api/users/{id}/photo.png"));
	assert_false(has("GET", "eu.shop.example", "/api/users/{id}/photo"));
	assert_false(has("POST", "eu.shop.example", "/api/users/{id}"));
	assert_false(has("GET", "shop.example", "/api/users/{id}"));
	assert_false(has("GET", "eu.shop.example", "/users/{id}"));
	assert_false(has("GET", "eu.shop.example", "/api/users"));
	assert_false(has("GET", "eu.shop.example", "/api/users/{id}/orders"));
	assert_true(specs_cover(specs, "us.shop.example"));
	assert_false(specs_cover(specs, "other.example"));
	route = specs_match(specs, "eu.shop.example", "DELETE", "/api/users/{id}");
	assert_true(route && route->deprecated);
}

static void test_openapi_json(void **)
{
	load("api.json", OPENAPI_JSON);
	openapi_expect();
	assert_int_equal(specs->routes[0].line, 4);
}

static void test_openapi_yaml(void **)
{
	load("api.yaml", "openapi: 3.0.3\n"
			 "info: { title: Shop, version: '1' }\n"
			 "servers:\n"
			 "  - url: https://{region}.shop.example/api\n"
			 "paths:\n"
			 "  /users/{id}:\n"
			 "    get: &same {}\n"
			 "    delete:\n"
			 "      deprecated: true\n"
			 "  /users/{id}/photo.{ext}:\n"
			 "    get: *same\n"
			 "  /users/me:\n"
			 "    get: *same\n");
	openapi_expect();
	assert_int_equal(specs->routes[1].line, 9);
}

static void test_swagger(void **)
{
	load("api.json", "{\"swagger\": \"2.0\", \"host\": \"a.example:80\", \"basePath\": \"/v2\","
			 "\"paths\": {\"/pets\": {\"x-amazon-apigateway-any-method\": {}}}}");
	assert_true(has("PATCH", "a.example", "/v2/pets"));
	assert_false(has("PATCH", "a.example", "/pets"));
}

static void test_kong(void **)
{
	load("kong.yml", "_format_version: \"3.0\"\n"
			 "services:\n"
			 "- name: orders\n"
			 "  url: http://10.0.0.1\n"
			 "  routes:\n"
			 "  - name: a\n"
			 "    hosts: [ api.example, \"*.api.example\" ]\n"
			 "    paths: [ /orders, \"~/items/\\\\d+$\" ]\n"
			 "    methods: [ GET, POST ]\n"
			 "routes:\n"
			 "- paths: [ /open ]\n");
	assert_true(has("GET", "api.example", "/orders/{id}"));
	assert_true(has("POST", "x.y.api.example", "/orders"));
	assert_true(has("GET", "api.example", "/items/{id}"));
	assert_false(has("DELETE", "api.example", "/orders"));
	assert_false(has("GET", "other.example", "/orders"));
	assert_true(has("DELETE", "other.example", "/open/x"));
	assert_false(has("GET", "api.example", "/admin"));
	assert_true(specs->routes[0].gateway);
}

static void test_envoy(void **)
{
	load("envoy.json",
	     "{\"static_resources\": {\"listeners\": [{\"filter_chains\": [{\"filters\": [{"
	     "\"typed_config\": {\"route_config\": {\"virtual_hosts\": [{\"name\": \"v\","
	     "\"domains\": [\"api.example:443\"], \"routes\": ["
	     "{\"match\": {\"prefix\": \"/v1/\", \"headers\": [{\"name\": \":method\","
	     "\"exact_match\": \"GET\"}]}},"
	     "{\"match\": {\"path\": \"/health\"}},"
	     "{\"match\": {\"safe_regex\": {\"regex\": \"/u/[a-z]+/x\"}}}]}]}}}]}]}]}}");
	assert_true(has("GET", "api.example", "/v1/users/{id}"));
	assert_false(has("POST", "api.example", "/v1/users/{id}"));
	assert_true(has("POST", "api.example", "/health"));
	assert_false(has("POST", "api.example", "/health/deep"));
	assert_true(has("GET", "api.example", "/u/bob/x"));
}

static void test_nginx(void **)
{
	load("site.conf", "http { # all\n"
			  "  server { listen 80;\n"
			  "    location = /exact { proxy_pass http://a; }\n"
			  "    location ^~ /pre/ { }\n"
			  "    location ~* \"^/img/(a|b)/\" { }\n"
			  "    location @named { }\n"
			  "    server_name a.example b.example;\n"
			  "  }\n"
			  "  upstream x { server 10.0.0.1:80; }\n"
			  "  server { server_name _; location / { } }\n"
			  "}\n");
	assert_int_equal(specs->n_routes, 7);
	specs->routes[6].removed = false;
	assert_string_equal(specs_match(specs, "b.example", "GET", "/pre/x")->path, "/pre/");
	assert_string_equal(specs_match(specs, "a.example", "GET", "/exact")->path, "/exact");
	assert_string_equal(specs_match(specs, "c.example", "GET", "/exact")->path, "/");
}

static void test_lines(void **)
{
	load("routes.txt", "# ours\n"
			   "GET  shop.example /items/{id}\n"
			   "*    *            /health      # any\n"
			   "\n"
			   "POST shop.example /old deprecated\n");
	assert_true(has("GET", "shop.example", "/items/{token}"));
	assert_true(has("PUT", "x", "/health"));
	assert_true(specs_match(specs, "shop.example", "POST", "/old")->deprecated);
	assert_false(has("POST", "shop.example", "/items/{id}"));
}

// ---- Versions

static void test_versions(void **)
{
	const char *files[] = {
		write_file("new.json",
			   "{\"openapi\": \"3.0.0\", \"info\": {\"title\": \"A\", "
			   "\"version\": \"1.10\"}, \"paths\": {\"/a\": {\"get\": {}}}}"),
		write_file("old.json",
			   "{\"openapi\": \"3.0.0\", \"info\": {\"title\": \"A\", \"version\": "
			   "\"1.9\"}, \"paths\": {\"/a\": {\"get\": {}}, \"/b\": {\"get\": {}}}}"),
	};

	specs = specs_new(files, 2, why, sizeof(why));
	assert_non_null(specs);
	assert_false(specs_match(specs, "h", "GET", "/a")->removed);
	assert_true(specs_match(specs, "h", "GET", "/b")->removed);
	assert_true(version_compare("v1", "v2") < 0);
	assert_true(version_compare("2.0", "2.0.1") < 0);
	assert_int_equal(version_compare("3", "3"), 0);
}

// ---- Mistakes

static void test_mistakes(void **)
{
	static const struct {
		const char *name, *text, *where;
	} wrongs[] = {
		{"a.json", "{\"openapi\": \"3.0.0\",\n \"paths\": {\n \"x\": {}}}", "a.json:3: "},
		{"b.json", "{\"openapi\": \"3.0.0\",\n \"paths\": {", "b.json:"},
		{"c.yaml", "a: 1\nb: 2\n", "c.yaml:1: is neither"},
		{"d.yaml", "- 1\n", "d.yaml:1: is no map"},
		{"e.txt", "GET shop.example /a\nGET /b\n", "e.txt:2: a line is"},
		{"f.conf", "server {\n location x { }\n}\n", "f.conf:2: "},
		{"g.conf", "server {\n location /x { }\n", "a { has no }"},
		{"h.json", "{\"openapi\": \"3.0.0\"}", "h.json:1: an OpenAPI document has"},
	};
	const char *missing = "/nonexistent/file.json";

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const char *file = write_file(wrongs[i].name, wrongs[i].text);

		assert_null(specs_new(&file, 1, why, sizeof(why)));
		if (!strstr(why, wrongs[i].where))
			fail_msg("%s: %s", wrongs[i].name, why);
	}
	assert_null(specs_new(&missing, 1, why, sizeof(why)));
	assert_non_null(strstr(why, missing));
}

// Nesting and aliases that go in circles end.
static void test_hostile(void **)
{
	char deep[4 * DOC_DEPTH + 8];
	const char *file;

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	file = write_file("deep.json", deep);
	assert_null(specs_new(&file, 1, why, sizeof(why)));
	file = write_file("loop.yaml", "a: &a\n  b: *a\n  c: [ *a, *a ]\n");
	assert_null(specs_new(&file, 1, why, sizeof(why)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_openapi_json), TEST(test_openapi_yaml), TEST(test_swagger),
		TEST(test_kong),         TEST(test_envoy),        TEST(test_nginx),
		TEST(test_lines),        TEST(test_versions),     TEST(test_mistakes),
		TEST(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
