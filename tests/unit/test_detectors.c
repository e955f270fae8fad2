// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The detectors, from exchanges as text through worker and merger to what is told of them: what
// must be found, what must not, the numbers in the sentences, and half-seen or hostile traffic.

#include "tests/unit/worker_fixture.h"

#include <math.h>

#include "detect/detectors/auth.c"
#include "detect/detectors/exposure.c"
#include "detect/detectors/prohibited.c"
#include "detect/detectors/retrieval.c"
#include "detect/detectors/url.c"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: api.example\r\n\r\n"
#define AUTH(path) "GET " path " HTTP/1.1\r\nHost: api.example\r\nX-API-Key: k-12345678\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n\r\n"

static void begin(const char *lines)
{
	work_open(lines, 1, 4);
	merger_open(work_conf);
}

static void end(void)
{
	merger_close();
	work_close();
}

static uint32_t count_of(const char *id)
{
	uint32_t n = 0;

	while (raised_by(id, n))
		n++;
	return n;
}

static void assert_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("\"%s\" is not in \"%s\"\n", part, text);
	assert_non_null(strstr(text, part));
}

static void assert_texts(const struct raised *r)
{
	int sum = 0;

	assert_true(strlen(r->draft.description) > 40);
	assert_true(strlen(r->draft.impact) > 40);
	assert_true(strlen(r->draft.remediation) > 40);
	assert_true(r->draft.n_terms > 0 && r->draft.n_terms <= ISSUE_MAX_TERMS);
	for (uint32_t i = 0; i < r->draft.n_terms; i++)
		sum += r->draft.terms[i].points;
	assert_int_equal(sum, r->draft.confidence);
	assert_true(r->draft.confidence > 0 && r->draft.confidence <= 100);
}

static void test_registry(void **)
{
	static const char *const ids[] = {"D-05", "D-10", "D-11", "D-12", "D-14"};

	assert_int_equal(detector_count(), 5);
	for (uint32_t i = 0; i < 5; i++) {
		const struct detector *d = detector_get(i);

		assert_string_equal(d->id, ids[i]);
		assert_non_null(d->title);
		assert_non_null(d->owasp[0]);
		assert_true(d->version > 0);
	}
	assert_null(detector_get(5));
}

// ---- D-11

static void test_secret(void **)
{
	const struct raised *r;

	begin("");
	SEND(AUTH("/config"), NULL, OK, "{\"aws\":{\"key\":\"AKIAABCDEFGHIJKLMNOP\"}}");
	assert_int_equal(observed.n_findings, 1);
	assert_int_equal(observed.findings[0].confidence, 95);
	SEND(AUTH("/config"), NULL, OK, "{\"aws\":{\"key\":\"AKIAABCDEFGHIJKLMNOQ\"}}");
	work_fold(0, false);
	r = raised_by("D-11", 0);
	assert_non_null(r);
	assert_int_equal(count_of("D-11"), 1);
	assert_int_equal(r->draft.severity, SEVERITY_CRITICAL);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->count, 2);
	assert_string_equal(r->types, "aws.access < $.aws.key 2 AKIA****************\n");
	assert_string_equal(r->response, "{\"aws\":{\"key\":\"AKIA****************\"}}");
	assert_text(r->draft.description, "GET api.example/config");
	assert_text(r->draft.description, "AWS access key, in the field $.aws.key");
	assert_texts(r);
	end();
}

static void test_no_secret(void **)
{
	begin("policies = ( { type = \"aws.access\"; action = \"allowed\"; path = \"/keys\"; } );");
	// Tokens belong into the answers that hand them out; elsewhere they are learnt first.
	SEND("POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n", "", OK,
	     "{\"access_token\":\"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x\"}");
	SEND(AUTH("/refresh"), "", OK,
	     "{\"access_token\":\"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x\"}");
	SEND(AUTH("/keys"), "", OK, "{\"key\":\"AKIAABCDEFGHIJKLMNOP\"}");
	// A request may carry its secret in the body.
	SEND("POST /save HTTP/1.1\r\nHost: h\r\n\r\n", "{\"key\":\"AKIAABCDEFGHIJKLMNOP\"}", OK, "{}");
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	end();
}

#define LEARN "detect = { exposure = { learn_exchanges = 10; learn_hours = 1; }; };"

static void send_at(const char *body, uint64_t minutes)
{
	SEND(AUTH("/me"), NULL, OK, body, .time_ns = (minutes * 60 + 1) * NS);
}

static void learn(void)
{
	for (uint32_t i = 0; i < 12; i++)
		send_at("{\"email\":\"ann@example.com\"}", i * 6);
	work_fold(0, false);
}

static void test_new_field(void **)
{
	const struct raised *r;

	begin(LEARN);
	learn();
	assert_int_equal(merger.n_raised, 0);
	for (uint32_t i = 0; i < 4; i++) {
		send_at("{\"email\":\"ann@example.com\",\"copy\":\"bob@example.com\"}", 70 + i);
		work_fold(0, false);
	}
	assert_int_equal(merger.n_raised, 0); // too few values
	send_at("{\"email\":\"ann@example.com\",\"copy\":\"bob@example.com\"}", 80);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 1);
	r = raised_by("D-11", 0);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_text(r->draft.description, "in the field $.copy");
	assert_text(r->draft.description, "called 17 times");
	assert_texts(r);
	// One value with check digits is enough.
	send_at("{\"card\":\"4111111111111111\"}", 90);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 2);
	assert_int_equal(raised_by("D-11", 1)->draft.severity, SEVERITY_HIGH);
	end();
}

// The same when everything comes in one epoch, and not before time and number are reached.
static void test_learning(void **)
{
	begin(LEARN);
	for (uint32_t i = 0; i < 12; i++)
		send_at("{\"email\":\"ann@example.com\"}", i * 6);
	for (uint32_t i = 0; i < 10; i++)
		send_at("{\"copy\":\"bob@example.com\"}", 70 + i);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 1);
	end();
	begin(LEARN);
	for (uint32_t i = 0; i < 100; i++) // many, but within the hour
		send_at("{\"email\":\"ann@example.com\"}", i / 2);
	work_fold(0, false);
	for (uint32_t i = 0; i < 9; i++)
		send_at("{\"copy\":\"bob@example.com\"}", 51);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	end();
	begin(LEARN);
	for (uint32_t i = 0; i < 9; i++) // long, but few
		send_at("{\"email\":\"ann@example.com\"}", i * 600);
	send_at("{\"copy\":\"4111111111111111\"}", 6000);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	end();
}

static void test_learnt_overflow(void **)
{
	char body[4096];

	begin(LEARN);
	for (uint32_t i = 0; i < 12; i++) {
		for (uint32_t k = 0; k < 5; k++) {
			snprintf(body, sizeof(body), "{\"f%c%c\":\"ann@example.com\"}", 'a' + i, 'a' + k);
			send_at(body, i * 6);
		}
	}
	work_fold(0, false);
	for (uint32_t i = 0; i < 9; i++)
		send_at("{\"copy\":\"4111111111111111\"}", 100);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0); // not all was learnt: nothing can be new
	end();
}

static void test_learnt_file(void **)
{
	uint32_t k = index_of(&exposure);
	char *bytes = NULL;
	size_t len = 0, saved;
	FILE *file = open_memstream(&bytes, &len);
	struct merged_endpoint *e;

	begin(LEARN);
	learn();
	assert_int_equal(exposure.save(merger.state[k], &merger, file), 0);
	fclose(file);
	e = merger_endpoint_at(&merger, 0);
	memset(e->area[k], 0, exposure.endpoint_size);
	file = fmemopen(bytes, len, "r");
	assert_int_equal(exposure.load(merger.state[k], &merger, file, len, 1), 0);
	fclose(file);
	for (uint32_t i = 0; i < 5; i++)
		send_at("{\"email\":\"bob@example.com\",\"copy\":\"bob@example.com\"}", 100);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 1);
	assert_text(raised_by("D-11", 0)->draft.description, "$.copy");
	// Another version, and every cut.
	file = fmemopen(bytes, len, "r");
	assert_int_equal(exposure.load(merger.state[k], &merger, file, len, 2), -EBADMSG);
	fclose(file);
	for (size_t n = 0; n < len; n++) {
		file = fmemopen(bytes, len, "r");
		assert_int_equal(exposure.load(merger.state[k], &merger, file, n, 1), -EBADMSG);
		fclose(file);
	}
	saved = len;
	// More than an endpoint holds, with all the bytes that it promises.
	char *long_file = calloc(1, 4096);
	long_file[0] = 1;
	long_file[4 + 8 + 8 + 8 + 8 + 1] = LEARNT_MAX + 1;
	len = 4 + SAVED_HEAD + (LEARNT_MAX + 1) * SAVED_ENTRY;
	file = fmemopen(long_file, len, "r");
	assert_int_equal(exposure.load(merger.state[k], &merger, file, len, 1), -EBADMSG);
	fclose(file);
	long_file[4 + 8 + 8 + 8 + 8 + 1] = LEARNT_MAX;
	file = fmemopen(long_file, len - SAVED_ENTRY, "r");
	assert_int_equal(exposure.load(merger.state[k], &merger, file, len - SAVED_ENTRY, 1), 0);
	fclose(file);
	free(long_file);
	// Any byte changed: accepted or refused, never believed in what it says of lengths.
	for (size_t n = 0; n < saved; n++) {
		for (uint32_t bit = 0; bit < 8; bit++) {
			bytes[n] ^= (char)(1 << bit);
			file = fmemopen(bytes, saved, "r");
			exposure.load(merger.state[k], &merger, file, saved, 1);
			fclose(file);
			assert_true(((struct exposure_endpoint *)e->area[k])->n <= LEARNT_MAX);
			bytes[n] ^= (char)(1 << bit);
		}
	}
	free(bytes);
	end();
}

// ---- D-12

static void test_prohibited(void **)
{
	const struct raised *r;

	begin("policies = ( { type = \"us.ssn\"; path = \"/v1/*\"; severity = \"critical\"; "
	      "name = \"no numbers\"; }, { type = \"email\"; direction = \"request\"; } );");
	for (uint32_t i = 0; i < 3; i++)
		SEND(AUTH("/v1/staff/17"), NULL, OK, "{\"ssn\":\"123-45-6789\",\"email\":\"a.b@c.de\"}");
	SEND(AUTH("/v2/staff/17"), NULL, OK, "{\"ssn\":\"123-45-6789\"}");
	SEND("POST /v1/x HTTP/1.1\r\nHost: h\r\nX-API-Key: k-12345678\r\n\r\n",
	     "{\"ssn\":\"123-45-6789\",\"to\":\"ann@example.com\"}", "HTTP/1.1 500 X\r\n\r\n", "");
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 2);
	r = raised_by("D-12", 0);
	if (r->draft.severity != SEVERITY_CRITICAL)
		r = raised_by("D-12", 1);
	assert_int_equal(r->draft.severity, SEVERITY_CRITICAL);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_int_equal(r->draft.confidence, 95);
	assert_int_equal(r->count, 3);
	assert_string_equal(r->types, "us.ssn < $.ssn 3 ***-**-6789\n");
	assert_text(r->draft.description, "3 responses of GET api.example/v1/staff/{id}");
	assert_text(r->draft.description, "The policy \"no numbers\"");
	assert_texts(r);
	r = raised_by("D-12", r == raised_by("D-12", 0));
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_int_equal(r->draft.result, RESULT_ATTEMPTED);
	assert_text(r->draft.description, "1 request of POST h/v1/x");
	assert_texts(r);
	end();
}

// ---- D-14

static void test_url(void **)
{
	static const struct {
		const char *request;
		uint16_t type;
		enum severity severity;
	} cases[] = {
		{GET("/a?mail=ann@example.com"), TYPE_EMAIL, SEVERITY_MEDIUM},
		{GET("/b?card=4111111111111111"), TYPE_CARD, SEVERITY_HIGH},
		{GET("/c/123-45-6789"), TYPE_SSN, SEVERITY_HIGH},
		{GET("/d?api_key=0123456789abcdef"), TYPE_APIKEY, SEVERITY_HIGH},
		{GET("/e?password=hunter2"), TYPE_PASSWORD, SEVERITY_HIGH},
		{GET("/f;jsessionid=0123456789abcdef"), TYPE_SESSION, SEVERITY_HIGH},
		{"GET /g HTTP/1.1\r\nHost: h\r\n"
		 "Referer: http://h/x?token=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x\r\n\r\n",
		 TYPE_JWT, SEVERITY_HIGH},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct raised *r;

		begin("");
		SEND(cases[i].request, NULL, i % 2 ? "HTTP/1.1 403 X\r\n\r\n" : OK, "{}");
		work_fold(0, false);
		r = raised_by("D-14", 0);
		assert_non_null(r);
		assert_int_equal(merger.n_raised, 1);
		assert_int_equal(r->draft.severity, cases[i].severity);
		assert_int_equal(r->draft.result, i % 2 ? RESULT_ATTEMPTED : RESULT_SUCCEEDED);
		assert_int_equal(strncmp(r->types, fixture_types[cases[i].type].id,
					 strlen(fixture_types[cases[i].type].id)), 0);
		assert_text(r->draft.description, fixture_types[cases[i].type].title);
		assert_texts(r);
		assert_null(strstr(r->request, "ann@"));
		assert_null(strstr(r->request, "4111111111111"));
		assert_null(strstr(r->request, "123-45"));
		assert_null(strstr(r->request, "hunter2"));
		assert_null(strstr(r->request, "0123456789ab"));
		end();
	}
}

static void test_url_benign(void **)
{
	begin("");
	SEND(GET("/users/1234567?page=2&limit=100&cid=123&q=shoes&name=ann&date=2024-05-17"), NULL, OK,
	     "{}");
	SEND(GET("/p/0b0e5f6c-2b0a-4a37-9c5d-0f6a4a1d9e11?t=1716000000&ip=10.0.0.1"), NULL, OK, "{}");
	SEND(GET("/q?m=a@b.c"), NULL, OK, "{}"); // too short to be anybody's
	SEND("POST /x HTTP/1.1\r\nHost: h\r\n\r\n", "card=4111111111111111&password=hunter2", OK, "{}");
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	end();
}

// ---- D-05

static void test_auth_strong(void **)
{
	const struct raised *r;

	begin("");
	SEND(GET("/members/17"), NULL, OK, "{\"email\":\"ann@example.com\",\"ssn\":\"123-45-6789\"}");
	assert_int_equal(observed.n_findings, 1);
	work_fold(0, false);
	r = raised_by("D-05", 0);
	assert_non_null(r);
	assert_int_equal(r->draft.severity, SEVERITY_CRITICAL);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_text(r->draft.description, "US Social Security number and Email address");
	assert_text(r->draft.description, "1 such answer. None of its 1 successful answers");
	assert_texts(r);
	end();
}

static void test_auth_contact(void **)
{
	char body[128];

	begin("");
	// The address of a support team, in all answers of a catalogue.
	for (uint32_t i = 0; i < 40; i++) {
		SEND(GET("/products/1"), NULL, OK, "{\"support\":\"help@example.com\"}");
		if (i % 10 == 0)
			work_fold(0, false);
	}
	assert_int_equal(observed.n_findings, 0); // only the merger can tell
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	// Different people: from the fifth answer on.
	for (uint32_t i = 0; i < 4; i++) {
		snprintf(body, sizeof(body), "{\"email\":\"user%u@example.com\"}", i);
		SEND(GET("/people/1"), NULL, OK, body);
	}
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	SEND(GET("/people/1"), NULL, OK, body);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 1);
	assert_int_equal(raised_by("D-05", 0)->draft.severity, SEVERITY_HIGH);
	assert_texts(raised_by("D-05", 0));
	end();
	// A list of people that is the same each time.
	begin("");
	for (uint32_t i = 0; i < 5; i++)
		SEND(GET("/all"), NULL, OK,
		     "[{\"e\":\"ann@example.com\"},{\"e\":\"bob@example.com\"},{\"e\":\"cy@example.com\"},"
		     "{\"e\":\"dora@example.com\"},{\"e\":\"eve@example.com\"},{\"e\":\"fay@example.com\"},"
		     "{\"e\":\"guy@example.com\"},{\"e\":\"hal@example.com\"},{\"e\":\"ida@example.com\"},"
		     "{\"e\":\"jon@example.com\"},{\"e\":\"kim@example.com\"},{\"e\":\"leo@example.com\"}]");
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 1);
	end();
}

static void test_auth_benign(void **)
{
	char body[128];

	begin("");
	for (uint32_t i = 0; i < 20; i++) {
		snprintf(body, sizeof(body), "{\"ssn\":\"1%02u-45-6789\"}", i);
		SEND(AUTH("/me"), NULL, OK, body);
		SEND("GET /me HTTP/1.1\r\nHost: h\r\nCookie: sid=0123456789\r\n\r\n", NULL, OK, body);
		SEND(GET("/me"), NULL, "HTTP/1.1 401 X\r\n\r\n", body);
		SEND("POST /login HTTP/1.1\r\nHost: h\r\n\r\n", "", OK, body);
		SEND("POST /s HTTP/1.1\r\nHost: h\r\n\r\n", "password=hunter22", OK, body);
		SEND(NULL, NULL, OK, body);                     // no request
		SEND(GET("/cut"), NULL, OK, body, .cut = true); // not all of the answer
		SEND(GET("/name"), NULL, OK, "{\"name\":\"Ann\",\"ip\":\"10.0.0.1\"}");
	}
	work_fold(0, false);
	assert_null(raised_by("D-05", 0));
	end();
}

static void test_auth_mixed(void **)
{
	const struct raised *r;

	begin("");
	for (uint32_t i = 0; i < 199; i++)
		SEND(AUTH("/invoices/1"), NULL, OK, "{\"ssn\":\"123-45-6789\"}");
	SEND(GET("/invoices/2"), NULL, OK, "{\"ssn\":\"123-45-6780\"}");
	work_fold(0, false);
	r = raised_by("D-05", 0);
	assert_non_null(r);
	assert_text(r->draft.description, "99.5 % of its 200 successful answers");
	assert_text(r->draft.description, "1 answer went to callers without, 1 of them");
	assert_text(r->draft.description, "the rule here");
	assert_texts(r);
	end();
	begin("");
	for (uint32_t i = 0; i < 100; i++)
		SEND(i % 2 ? AUTH("/invoices/1") : GET("/invoices/1"), NULL, OK,
		     "{\"ssn\":\"123-45-6789\"}");
	work_fold(0, false);
	assert_text(raised_by("D-05", 0)->draft.description, "not made in every case");
	end();
}

// ---- D-10

static void call(uint64_t time_ns, uint64_t user, uint32_t values, uint16_t status)
{
	struct call one = {
		.time_ns = time_ns,
		.principal = user,
		.endpoint = 7,
		.n_values = values,
		.status = status,
	};
	uint32_t k = index_of(&retrieval);
	char name[32];

	snprintf(name, sizeof(name), "user-%u", (unsigned)user);
	principal_add(user, span_make(name, strlen(name)));
	retrieval.call(&retrieval, merger.options[k], &merger, merger.state[k], &one);
}

static void evaluate(uint64_t now_s, bool last)
{
	uint32_t k = index_of(&retrieval);

	retrieval.evaluate(&retrieval, merger.options[k], &merger, merger.state[k], now_s * NS, last);
}

static uint64_t at(double seconds)
{
	return (uint64_t)(1000000 * (double)NS + seconds * NS);
}

// 10,000 users with 10.64 values a minute on average, and one with 413.
static void test_crowd(void **)
{
	const struct raised *r;
	uint32_t values = 0, now = 0;

	begin("");
	endpoint_add(7, SPAN_LIT("api.example"), SPAN_LIT("GET"), SPAN_LIT("/customers"));
	for (uint32_t second = 0; second < 180; second++) {
		for (uint32_t u = 1; u <= 10000; u++) {
			// 64 users in 100 have 11 values a minute, the others 10.
			if (u % 60 == second % 60)
				call(at(second), u, u % 100 < 64 ? 11 : 10, 200);
		}
		if (second >= 62 && second < 121) // 59 x 7 = 413
			call(at(second + 0.5), 99999, 7, 200);
		else if (second == 0)
			call(at(second + 0.5), 99999, 10, 200);
		if (second % 10 == 0) {
			evaluate(1000000 + second, false);
			if (merger.n_raised && !now)
				now = second;
		}
	}
	evaluate(1000180, true);
	assert_int_equal(merger.n_raised, 1);
	r = raised_by("D-10", 0);
	assert_true(r->key == 99999 && r->principal == 99999 && r->endpoint == 7);
	assert_true(now >= 70 && now <= 90); // told while it goes on
	assert_true(r->draft.metric.present);
	assert_string_equal(r->draft.metric.name, "sensitive_values_per_minute");
	assert_true(r->draft.metric.value == 413);
	assert_true(fabs(r->draft.metric.baseline_mean - 10.64) < 0.005);
	assert_true(r->draft.metric.percentile == 99.99);
	assert_true(r->draft.metric.population == 10001);
	assert_string_equal(r->draft.metric.window, "60 s");
	assert_int_equal(r->draft.severity, SEVERITY_HIGH);
	assert_int_equal(r->draft.result, RESULT_SUCCEEDED);
	assert_string_equal(r->draft.description,
			    "user-99999 received 413 sensitive values within one minute: more than "
			    "99.99 % of the other 10,000 users received in the same minute. The average "
			    "of the others was 10.64.");
	assert_texts(r);
	for (uint32_t i = 0; i < merger.n_watched; i++)
		values += merger.watched[i] == 99999;
	assert_int_equal(values, 1);
	assert_int_equal(merger.n_watched, 1);
	end();
}

static void test_percentiles(void **)
{
	assert_true(percentile_of(10000, 10000) == 99.99);
	assert_true(percentile_of(9999, 10000) == 99.9); // exactly 99.99 % is not more
	assert_true(percentile_of(9999, 9999) == 99.9);
	assert_true(percentile_of(1000, 1000) == 99.9);
	assert_true(percentile_of(999, 1000) == 99);
	assert_true(percentile_of(100, 100) == 99);
	assert_true(isnan(percentile_of(99, 99)));
	assert_true(isnan(percentile_of(90, 100)));
	assert_true(isnan(percentile_of(0, 0)));
}

// Users 1 to n with one value each, and user 500 with `values`, in one second each.
static void group(uint32_t n, uint32_t values, double second)
{
	for (uint32_t u = 1; u <= n; u++)
		call(at(second), u, 1, 200);
	call(at(second), 500, values, 200);
}

static void test_thresholds(void **)
{
	const struct raised *r;

	begin("");
	group(19, 100, 0);
	evaluate(1000100, true);
	assert_int_equal(merger.n_raised, 0); // no ten seconds were seen
	end();
	begin("");
	group(19, 1, 0);
	group(19, 99, 20);
	evaluate(1000030, false);
	assert_int_equal(merger.n_raised, 1); // 100 in all
	r = raised_by("D-10", 0);
	assert_true(isnan(r->draft.metric.percentile));
	assert_text(r->draft.description, "the highest number of all 20 users");
	end();
	begin("");
	group(18, 1, 0);
	group(18, 5000, 20);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0); // 19 users
	end();
	begin("");
	group(30, 1, 0);
	group(30, 98, 20);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0); // 99 values
	end();
	begin("");
	for (uint32_t i = 0; i < 3; i++) { // 100 values, but the others have 30
		for (uint32_t u = 1; u <= 30; u++)
			call(at(i * 10), u, 10, 200);
	}
	call(at(20), 500, 149, 200);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0);
	call(at(21), 500, 1, 200);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 1); // five times
	end();
	begin("");
	group(30, 1, 0);
	call(at(20), 500, 400, 500); // refused calls have brought nothing
	call(at(20), 0, 400, 200);   // nobody
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0);
	end();
	begin("");
	group(30, 1, 0);
	call(at(20), 501, 400, 200); // two of 32 with as much: none is above 99.9 % of the others
	call(at(20), 502, 400, 200);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 0);
	end();
	begin("detect = { retrieval = { percentile = 90.0; min_items = 50; }; };");
	group(30, 1, 0);
	call(at(20), 501, 400, 200);
	call(at(20), 502, 401, 200);
	evaluate(1000030, true);
	assert_int_equal(merger.n_raised, 2);
	assert_text(raised_by("D-10", raised_by("D-10", 0)->key == 501)->draft.description,
		    "the highest number of all 33 users");
	assert_text(raised_by("D-10", raised_by("D-10", 0)->key != 501)->draft.description,
		    "more than 31 of the other 32 users received");
	end();
}

// The window slides: what is a minute old does not count any more, and the maximum stays.
static void test_window(void **)
{
	const struct raised *r;
	uint32_t updates;

	begin("");
	for (uint32_t s = 0; s < 300; s++) {
		for (uint32_t u = 1; u <= 25; u++)
			call(at(s), u, u % 2, 200);
		if (s >= 100 && s < 130)
			call(at(s), 500, 50, 200);
		if (s >= 189)
			call(at(s), 500, 3, 200);
		evaluate(1000000 + s, false);
		if (s == 200)
			updates = raised_by("D-10", 0)->updates;
	}
	evaluate(1000300, true);
	assert_int_equal(merger.n_raised, 1);
	r = raised_by("D-10", 0);
	assert_true(r->draft.metric.value == 1500);
	assert_true(r->draft.metric.population == 26);
	assert_true(fabs(r->draft.metric.baseline_mean - 60.0 * 13 / 25) < 1e-9);
	assert_int_equal(r->updates, updates); // 180 a minute later is no news
	end();
}

// Sums, ranks and population against plain counting, with gaps, late and out-of-order calls.
static void test_oracle(void **)
{
	enum { USERS = 60, SECONDS_MAX = 700 };
	static uint32_t values[SECONDS_MAX][USERS];
	static bool active[SECONDS_MAX][USERS];
	uint32_t random = 5, k = index_of(&retrieval);
	const struct retrieval *state;

	memset(values, 0, sizeof(values));
	memset(active, 0, sizeof(active));
	begin("detect = { retrieval = { min_items = 1000000; }; };");
	state = merger.state[k];
	for (uint32_t s = 100; s < 600; s++) {
		uint32_t n = s / 70 % 3 == 2 ? 0 : (random = random * 1664525 + 1013904223) >> 28;

		for (uint32_t i = 0; i < n; i++) {
			random = random * 1664525 + 1013904223;
			uint32_t u = (random >> 8) % USERS, v = (random >> 16) % 9;
			uint32_t when = s - (random >> 24) % 3; // up to the grace time late

			if (when < 100)
				when = 100;
			call(at(when + 0.3) - 1000000 * (uint64_t)NS + 1000 * (uint64_t)NS, u + 1, v,
			     200);
			values[when][u] += v;
			active[when][u] = true;
		}
		if (!state->started)
			continue;
		uint64_t total = 0;
		uint32_t users = 0, below = 0, limit = (random >> 10) % 60;
		uint32_t to = (uint32_t)(state->closed - 1000);

		for (uint32_t u = 0; u < USERS; u++) {
			uint32_t sum = 0;
			bool any = false;

			for (uint32_t t = to >= 59 ? to - 59 : 0; t <= to && to < SECONDS_MAX; t++) {
				sum += values[t][u];
				any |= active[t][u];
			}
			users += any;
			total += sum;
			below += any && sum < limit;
		}
		assert_int_equal(state->n_users, users);
		assert_true(state->total == total);
		assert_int_equal(tree_below(state, limit), below);
	}
	evaluate(1000 + 2000, false);
	assert_int_equal(state->n_users, 0);
	assert_true(state->total == 0);
	assert_int_equal(state->map.n, 0); // all entries were given back
	end();
}

// Told before its second is over, with a value that the window will have at least.
static void test_early(void **)
{
	const struct raised *r;

	begin("");
	group(30, 60, 0);
	for (uint32_t s = 10; s < 70; s += 10)
		group(30, 1, s);
	call(at(61), 500, 200, 200);
	evaluate(1000061, false);
	assert_int_equal(merger.n_raised, 1);
	r = raised_by("D-10", 0);
	assert_true(r->draft.metric.value == 206); // without the 60 of the first second
	assert_text(r->draft.description, "the highest number of all 31 users");
	call(at(61.5), 500, 10, 200);
	evaluate(1000062, false);
	assert_true(r->draft.metric.value == 206); // the second is still open
	evaluate(1000064, false);
	assert_true(r->draft.metric.value == 216);
	end();
}

// Clocks that jump raise nothing and do not blind for long.
static void test_clock(void **)
{
	begin("");
	for (uint32_t s = 0; s < 30; s++)
		group(30, 1, s);
	call(at(1e9), 3, 1, 200); // thirty years ahead
	evaluate(1000000 + 1000000000, false);
	for (uint32_t s = 30; s < 200; s++) {
		for (uint32_t u = 1; u <= 30; u++)
			call(at(s), u, 5, 200);
	}
	assert_int_equal(merger.n_raised, 0);
	for (uint32_t s = 200; s < 300; s++)
		group(30, s < 250 ? 1 : 20, s);
	evaluate(1000310, false);
	assert_int_equal(merger.n_raised, 1);
	end();
	begin("");
	call(0, 1, 1, 200);
	call(5, 1, 1, 200);
	call(UINT64_MAX, 1, 1, 200);
	call(UINT64_MAX - 1, 1, UINT32_MAX, 200);
	evaluate(UINT64_MAX / NS, true);
	evaluate(0, true);
	assert_int_equal(merger.n_raised, 0);
	end();
}

// Who takes all in one answer has evidence all the same; others only when they are watched.
static void test_evidence(void **)
{
	static char body[4096];
	static struct snapshot snapshot;
	const struct delta *d;
	char *p = body;

	for (uint32_t i = 0; i < 60; i++)
		p += sprintf(p, "user%u@example.com ", i);
	begin("");
	d = &work[0]->delta[0];
	SEND(AUTH("/all"), NULL, OK, body);
	assert_int_equal(observed.x.n_values, 60);
	assert_int_equal(d->n_findings, 2); // D-10 and what D-11 learns
	assert_ptr_equal(d->findings[0].detector, &retrieval);
	assert_true(d->findings[0].key == observed.principal);
	assert_int_equal(observed.n_findings, 0); // evidence is not a finding
	work_fold(0, false);
	assert_null(raised_by("D-10", 0));
	d = &work[0]->delta[1];
	SEND(AUTH("/one"), NULL, OK, "ann@example.com");
	assert_int_equal(d->n_findings, 1);
	snapshot = (struct snapshot){.n_watch = 3, .watch = {1, observed.principal, UINT64_MAX}};
	atomic_store(&work_shared->snapshot, &snapshot);
	SEND(AUTH("/two"), NULL, OK, "ann@example.com");
	assert_int_equal(d->n_findings, 2); // not before the next epoch
	work_fold(0, false);
	d = &work[0]->delta[0];
	SEND(AUTH("/one"), NULL, OK, "ann@example.com");
	assert_int_equal(d->n_findings, 2);
	SEND(AUTH("/one"), NULL, OK, "nothing");
	SEND(AUTH("/one"), NULL, "HTTP/1.1 500 X\r\n\r\n", "ann@example.com");
	assert_int_equal(d->n_findings, 2);
	assert_int_equal(d->findings[0].count, 1);
	atomic_store(&work_shared->snapshot, NULL);
	end();
}

static void test_disabled(void **)
{
	begin("detect = { url = { enabled = false; }; auth = { enabled = false; }; };");
	SEND(GET("/c/123-45-6789"), NULL, OK, "{\"ssn\":\"123-45-6789\"}");
	assert_int_equal(work[0]->delta[0].n_findings, 1); // what D-11 learns
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registry),     cmocka_unit_test(test_secret),
		cmocka_unit_test(test_no_secret),    cmocka_unit_test(test_new_field),
		cmocka_unit_test(test_learning),     cmocka_unit_test(test_learnt_overflow),
		cmocka_unit_test(test_learnt_file),  cmocka_unit_test(test_prohibited),
		cmocka_unit_test(test_url),          cmocka_unit_test(test_url_benign),
		cmocka_unit_test(test_auth_strong),  cmocka_unit_test(test_auth_contact),
		cmocka_unit_test(test_auth_benign),  cmocka_unit_test(test_auth_mixed),
		cmocka_unit_test(test_crowd),        cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_thresholds),   cmocka_unit_test(test_window),
		cmocka_unit_test(test_oracle),       cmocka_unit_test(test_early),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_evidence),     cmocka_unit_test(test_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
