// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Posture of endpoints: undocumented and new ones, old ones that still answer, those reached beside
// their gateway, hosts of other environments. Each with what looks alike and is no reason.

#include "tests/unit/behaviour_fixture.h"

#include "detect/detectors/bypass.c"
#include "detect/detectors/environment.c"
#include "detect/detectors/shadow.c"
#include "detect/detectors/zombie.c"
#include "detect/spec.h"

enum { DAY = 86400 };

// Evidence is not looked at here.
void merger_capture(struct merger *, const struct detector *, uint64_t, uint64_t, uint64_t)
{
}

static uint8_t inside[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
static uint8_t outside[16] = {[10] = 0xff, 0xff, 203, 0, 113, 7};
static uint8_t gateway[16] = {[10] = 0xff, 0xff, 10, 9, 0, 1};
static char spec_file[64];

static void open_all(const char *lines, const char *routes)
{
	const char *file = spec_file;
	char why[256] = "";

	begin(lines);
	inventory = (struct inventory){.n_internal = 1};
	assert_true(network_parse("10.0.0.0/8", &inventory.internal[0]));
	if (routes) {
		int fd;
		FILE *out;

		snprintf(spec_file, sizeof(spec_file), "/tmp/apitap-routes-XXXXXX");
		fd = mkstemp(spec_file);
		assert_true(fd >= 0);
		out = fdopen(fd, "w");
		fputs(routes, out);
		fclose(out);
	}
	inventory.specs = specs_new(&file, routes != NULL, why, sizeof(why));
	if (routes)
		remove(spec_file);
	assert_non_null(inventory.specs);
}

static void close_all(void)
{
	specs_free(inventory.specs);
	inventory.specs = NULL;
	end();
}

static struct merged_endpoint *named(uint64_t id, const char *host, const char *method,
				     const char *template)
{
	return &endpoint_add(id, span_make(host, strlen(host)), span_make(method, strlen(method)),
			     span_make(template, strlen(template)))
			->endpoint;
}

static void give(const struct detector *d, double seconds, uint64_t endpoint, uint16_t status,
		 const uint8_t *client, const uint8_t *peer, const uint8_t *server)
{
	struct call call = call_make(seconds, 1, endpoint);

	call.status = status;
	memcpy(call.client, client, 16);
	memcpy(call.peer, peer, 16);
	memcpy(call.server, server, 16);
	call_give(d, &call);
}

static void plain(const struct detector *d, double seconds, uint64_t endpoint, uint16_t status)
{
	give(d, seconds, endpoint, status, inside, inside, inside);
}

// ---- D-52

static void test_shadow(void **)
{
	const struct raised *r;
	struct call preflight;

	open_all("", "GET shop.example /items/{id}\nGET shop.example /items\n");
	named(1, "shop.example", "GET", "/items/{id}");
	named(2, "shop.example", "GET", "/export/{id}");
	named(3, "shop.example", "GET", "/app.js");
	named(4, "other.example", "GET", "/export/{id}");
	named(5, "shop.example", "OPTIONS", "/export/{id}");
	for (uint32_t i = 0; i < 20; i++) {
		plain(&shadow, i, 1, 200);
		plain(&shadow, i, 2, i % 2 ? 403 : 404); // not there
		plain(&shadow, i, 3, 200);
		plain(&shadow, i, 4, 200); // no specification is about this host
	}
	preflight = call_make(21, 1, 5);
	preflight.verb = VERB_OPTIONS;
	call_give(&shadow, &preflight);
	assert_raised(0);
	for (uint32_t i = 0; i < 20; i++)
		plain(&shadow, 30 + i, 2, 200);
	assert_raised(1);
	r = raised_by("D-52", 0);
	assert_draft(r);
	assert_int_equal(r->count, 1);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_text(r->draft.description, "GET shop.example/export/{id} was called with success");
	assert_text(r->draft.description, "none of the 2 routes of 1 specification file");
	close_all();
}

static void test_new(void **)
{
	const struct raised *r;

	open_all("detect = { shadow = { learn_calls = 100; max_new = 3; }; };", NULL);
	named(1, "shop.example", "GET", "/a");
	named(2, "shop.example", "GET", "/b");
	for (uint32_t i = 0; i < 200; i++)
		plain(&shadow, i, 1, 200);
	plain(&shadow, 3 * DAY, 2, 200); // not learnt for a week yet
	assert_raised(0);
	for (uint32_t i = 0; i < 10; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/new/%c", 'a' + i);
		named(10 + i, "shop.example", "GET", path);
		plain(&shadow, 8 * DAY + i, 10 + i, 200);
		plain(&shadow, 8 * DAY + 100 + i, 10 + i, 200);
	}
	assert_raised(4); // three, and the rest together
	r = raised_by("D-52", 0);
	assert_draft(r);
	assert_int_equal(r->draft.severity, SEVERITY_LOW);
	assert_text(r->draft.description, "followed for 8.0 days and 202 calls");
	r = raised_by("D-52", 3);
	assert_draft(r);
	assert_int_equal(r->count, 7);
	assert_text(r->draft.description, "10 new endpoints of shop.example");
	close_all();
}

// ---- D-53

static void test_deprecated(void **)
{
	const struct raised *r;

	open_all("", "GET shop.example /old deprecated\nGET shop.example /now\n");
	named(1, "shop.example", "GET", "/old");
	named(2, "shop.example", "GET", "/now");
	plain(&zombie, 1, 1, 410); // as it should be
	plain(&zombie, 2, 2, 200);
	assert_raised(0);
	for (uint32_t i = 0; i < 5; i++)
		plain(&zombie, 3 + i, 1, 200);
	assert_raised(1);
	r = raised_by("D-53", 0);
	assert_draft(r);
	assert_int_equal(r->count, 1);
	assert_text(r->draft.description, "line 1) marks it as deprecated");
	close_all();
}

static void test_superseded(void **)
{
	const struct raised *r;

	open_all("", NULL);
	named(1, "shop.example", "GET", "/api/v1/items");
	named(2, "shop.example", "GET", "/api/v2/items");
	named(3, "shop.example", "GET", "/api/v1/users"); // has no successor
	named(4, "other.example", "GET", "/api/v1/items");
	named(5, "other.example", "GET", "/api/v2/items");
	for (uint32_t i = 0; i < 1000; i++) {
		plain(&zombie, i, i % 20 ? 2 : 1, 200);
		plain(&zombie, i, 3, 200);
		plain(&zombie, i, i % 2 ? 5 : 4, 200); // both are in use
	}
	assert_raised(0);
	plain(&zombie, 3601, 2, 200);
	assert_raised(1);
	r = raised_by("D-53", 0);
	assert_draft(r);
	assert_text(r->draft.description, "carried 95.0 % of the calls");
	assert_text(r->draft.description, "version 1 of an endpoint whose version 2");
	evaluate(&zombie, 4000, true);
	assert_raised(1);
	close_all();
}

static void test_idle(void **)
{
	const struct raised *r;

	open_all("", NULL);
	named(1, "shop.example", "GET", "/report");
	named(2, "shop.example", "GET", "/monthly");
	plain(&zombie, 0, 1, 200);
	plain(&zombie, 0, 2, 200);
	plain(&zombie, 29.0 * DAY, 2, 200);
	plain(&zombie, 31.0 * DAY, 1, 403); // refused
	plain(&zombie, 58.0 * DAY, 2, 200);
	assert_raised(0);
	plain(&zombie, 60.0 * DAY, 1, 200);
	assert_raised(1);
	r = raised_by("D-53", 0);
	assert_draft(r);
	assert_true(r->draft.metric.value == 60);
	assert_text(r->draft.description, "after 60.0 days");
	close_all();
}

// ---- D-56

static void test_bypass(void **)
{
	const struct raised *r;

	open_all("", NULL);
	named(1, "shop.example", "GET", "/a");
	named(2, "shop.example", "GET", "/b");
	give(&bypass, 0, 1, 200, outside, outside, inside); // nobody named a gateway
	assert_raised(0);
	inventory.n_gateways = 1;
	assert_true(network_parse("10.9.0.0/16", &inventory.gateways[0]));
	for (uint32_t i = 0; i < 10; i++) {
		give(&bypass, i, 1, 200, outside, outside, gateway);
		give(&bypass, i, 1, 200, outside, gateway, inside);
		give(&bypass, i, 2, 200, inside, inside, inside); // not of the gateway
		give(&bypass, i, 1, 403, outside, outside, inside);
		give(&bypass, i, 2, 200, inside, inside, outside); // a third party
	}
	assert_raised(0);
	give(&bypass, 20, 1, 200, inside, inside, inside);
	assert_raised(1);
	r = raised_by("D-56", 0);
	assert_draft(r);
	assert_int_equal(r->draft.severity, SEVERITY_LOW);
	give(&bypass, 21, 1, 200, outside, outside, inside);
	give(&bypass, 22, 1, 200, outside, outside, inside);
	assert_raised(1);
	assert_int_equal(r->count, 2);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_text(r->draft.description, "by 203.0.113.7, which is no gateway");
	assert_text(r->draft.description, "against 20 through a gateway");
	close_all();
}

// ---- D-54

static void test_names(void **)
{
	static const struct {
		const char *host;
		bool other, internal;
	} hosts[] = {
		{"api.shop.example", false, false},
		{"staging.shop.example", true, false},
		{"api-dev.shop.example", true, false},
		{"qa2.shop.example", true, false},
		{"shop-staging.com", true, false},
		{"dev.to", false, false},
		{"api.test", false, false},
		{"contest.example.org", false, false},
		{"latest.example.org", false, false},
		{"10.0.0.1", false, false},
		{"orders.svc.cluster.local", false, true},
		{"backend", false, true},
		{"pay.internal", false, true},
		{"[::1]", false, false},
	};
	const char *words[] = {"staging", "dev", "test", "qa"};
	const char *names[] = {"internal", "local", "svc"};
	const struct conf_strs all_words = {words, 4}, all_names = {names, 3};

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct host_name h = environment_host(
			span_make(hosts[i].host, strlen(hosts[i].host)), &all_words, &all_names);

		if ((h.kind == HOST_OTHER) != hosts[i].other || h.internal != hosts[i].internal)
			fail_msg("%s: %d %d", hosts[i].host, h.kind, h.internal);
	}
}

static void test_environment(void **)
{
	const struct raised *r;

	open_all("", NULL);
	named(1, "www.shop.example", "GET", "/a");
	named(2, "staging.shop.example", "GET", "/a");
	named(3, "pay.internal", "GET", "/a");
	for (uint32_t i = 0; i < 90; i++) {
		plain(&environment, i, 2, 200); // all there is: no production to mix with
		plain(&environment, i, 3, 200);
	}
	for (uint32_t i = 0; i < 5; i++)
		give(&environment, i, 3, 403, outside, outside, inside);
	assert_raised(0);
	for (uint32_t i = 0; i < 20; i++)
		plain(&environment, 100 + i, 1, 200);
	for (uint32_t i = 0; i < 5; i++)
		give(&environment, 200 + i, 2, 200, i ? inside : outside, inside, inside);
	assert_raised(1);
	r = raised_by("D-54", 0);
	assert_draft(r);
	assert_text(r->draft.description, "staging.shop.example, by the word \"staging\"");
	for (uint32_t i = 0; i < 9; i++)
		give(&environment, 300 + i, 3, 200, outside, outside, inside);
	assert_raised(2);
	r = raised_by("D-54", 1);
	assert_draft(r);
	assert_int_equal(r->count, 1);
	assert_text(r->draft.description, "the latest from 203.0.113.7");
	close_all();
}

// A call of www.shop.example from outside, at a time that is its number.
static void visit(uint32_t n, const char *lines, const char *answer, bool from_inside)
{
	static uint32_t conn;
	char request[512], response[512];

	snprintf(request, sizeof(request), "GET /a HTTP/1.1\r\nHost: www.shop.example\r\n%s\r\n", lines);
	snprintf(response, sizeof(response), "HTTP/1.1 %s\r\n\r\n", answer);
	SEND(request, NULL, response, "{}", .time_ns = at(n), .client = n % 200, .conn = conn++,
	     .inside = from_inside);
}

static void visits(uint32_t n, const char *lines, const char *answer, bool from_inside)
{
	for (uint32_t i = 0; i < n; i++) {
		visit(i, lines, answer, from_inside);
		if (i % 100 == 99)
			work_fold(at(i), true);
	}
	work_fold(at(n), true);
}

static void test_signs(void **)
{
	static const struct {
		const char *request, *response;
		uint32_t n;
		const char *says[2]; // NULL: silent
	} all[] = {
		{"", "200 OK\r\nX-Environment: staging", 400, {"X-Environment saying \"staging\""}},
		{"", "200 OK\r\nx-env: eu-QA2", 400, {"X-Env saying \"qa\""}},
		{"", "200 OK\r\nX-Environment: production", 400, {NULL}},
		{"", "200 OK\r\nX-Environment: latest", 400, {NULL}},
		{"", "404 No\r\nX-Environment: staging", 400, {NULL}},
		{"X-API-Key: sk_test_4eC39HqLyjWDarjtT1zd\r\n", "200 OK", 400, {"as those for tests do (\"test\")"}},
		{"Authorization: Bearer staging-4eC39HqLyjWDarjt\r\n", "200 OK", 400, {"\"staging\""}},
		{"X-API-Key: sk_test_4eC39HqLyjWDarjtT1zd\r\n", "401 No", 400, {NULL}},
		{"X-API-Key: testimonies4eC39HqLyjWDarjtT1zd\r\n", "200 OK", 400, {NULL}},
		{"X-API-Key: sk_live_test39HqLyjWDarjtT1zd\r\n", "200 OK", 400, {NULL}},
		{"", "302 Found\r\nLocation: http://app3.shop.internal:8080/login", 4,
		 {"an internal host in the header Location of 4 responses"}},
		{"", "302 Found\r\nLocation: https://10.1.2.3/login", 4, {"header Location"}},
		{"", "302 Found\r\nLocation: https://www.shop.example/internal.corp.x", 4, {NULL}},
		{"", "302 Found\r\nLocation: http://localhost:8123/callback", 4, {NULL}},
		{"", "302 Found\r\nLocation: /internal", 4, {NULL}},
		{"", "302 Found\r\nLocation: https://accounts.example.org/in?to=http://a.internal/", 4,
		 {NULL}},
		{"", "200 OK\r\nX-Backend-Server: web01.corp.local:80", 200,
		 {"an internal host in the header X-Backend-Server"}},
		{"", "200 OK\r\nLink: <https://api.internal.shop.example/a?b=1>; rel=next", 200,
		 {"in the header Link"}},
		{"", "200 OK\r\nVia: 1.1 varnish (Varnish/6.0), 1.1 cache-local-1", 400, {NULL}},
		{"", "200 OK\r\nX-Other: web01.corp.local", 400, {NULL}},
		{"", "302 Found\r\nLocation: https://staging.shop.example/a", 200,
		 {"leads its clients in the header Location"}},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		open_all("", NULL);
		// Another host is in production.
		named(2, "api.shop.example", "GET", "/b");
		for (uint32_t k = 0; k < 150; k++)
			plain(&environment, k, 2, 200);
		visits(all[i].n, all[i].request, all[i].response, false);
		if (!all[i].says[0]) {
			if (raised_by("D-54", 0))
				fail_msg("%s %s: %s", all[i].request, all[i].response,
					 raised_by("D-54", 0)->draft.description);
		} else {
			const struct raised *r = raised_by("D-54", 0);

			if (!r)
				fail_msg("%s %s", all[i].request, all[i].response);
			assert_draft(r);
			assert_text(r->draft.description, all[i].says[0]);
			assert_null(raised_by("D-54", 1));
		}
		close_all();
	}
}

static void test_signs_silent(void **)
{
	// All there is says that it is a test: nothing mixes.
	open_all("", NULL);
	visits(600, "", "200 OK\r\nX-Environment: staging", false);
	assert_null(raised_by("D-54", 0));
	close_all();
	// One node of many is of another environment.
	open_all("", NULL);
	for (uint32_t i = 0; i < 2000; i++)
		visit(i, "", i % 5 ? "200 OK" : "200 OK\r\nX-Environment: staging", false);
	visits(10, "", "200 OK", false);
	assert_non_null(raised_by("D-54", 0));
	assert_text(raised_by("D-54", 0)->draft.description, "X-Environment");
	close_all();
	// Internal names are told to the inside.
	open_all("", NULL);
	visits(20, "", "302 Found\r\nLocation: http://app3.shop.internal/", true);
	assert_null(raised_by("D-54", 0));
	close_all();
	// Only one side was seen.
	open_all("", NULL);
	for (uint32_t i = 0; i < 200; i++)
		SEND(NULL, NULL, "HTTP/1.1 302 F\r\nLocation: http://app3.shop.internal/\r\n\r\n", "",
		     .time_ns = at(i), .client = i % 200, .conn = 5000 + i);
	visits(10, "", "200 OK", false);
	assert_null(raised_by("D-54", 0));
	close_all();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shadow),     cmocka_unit_test(test_new),
		cmocka_unit_test(test_deprecated), cmocka_unit_test(test_superseded),
		cmocka_unit_test(test_idle),       cmocka_unit_test(test_bypass),
		cmocka_unit_test(test_names),      cmocka_unit_test(test_environment),
		cmocka_unit_test(test_signs),      cmocka_unit_test(test_signs_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
