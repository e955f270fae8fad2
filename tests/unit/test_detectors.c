// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The detectors, from exchanges as text through worker and merger to what is told of them: what
// must be found, what must not, the numbers in the sentences, and half-seen or hostile traffic.

#include "tests/unit/worker_fixture.h"

#include "detect/detectors/auth.c"
#include "detect/detectors/exposure.c"
#include "detect/detectors/prohibited.c"
#include "detect/detectors/retrieval.c"
#include "detect/detectors/url.c"

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: api.example\r\n\r\n"
#define AUTH(path) "GET " path " HTTP/1.1\r\nHost: api.example\r\nX-API-Key: k-12345678\r\n\r\n"
#define OK         "HTTP/1.1 200 OK\r\n\r\n"

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

static void test_tokens(void **)
{
	begin("");
	// Tokens belong into the answers that hand them out; elsewhere they are learnt first.
	SEND("POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n", "", OK,
	     "{\"access_token\":\"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x\"}");
	SEND(AUTH("/refresh"), "", OK,
	     "{\"access_token\":\"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.x\"}");
	// A key is another detector's.
	SEND(AUTH("/keys"), "", OK, "{\"key\":\"AKIAABCDEFGHIJKLMNOP\"}");
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
	send_at("{\"card\":\"4539148803436467\"}", 90);
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
	send_at("{\"copy\":\"4539148803436467\"}", 6000);
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
			snprintf(body, sizeof(body), "{\"f%c%c\":\"ann@example.com\"}", 'a' + i,
				 'a' + k);
			send_at(body, i * 6);
		}
	}
	work_fold(0, false);
	for (uint32_t i = 0; i < 9; i++)
		send_at("{\"copy\":\"4539148803436467\"}", 100);
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
		SEND(AUTH("/v1/staff/17"), NULL, OK,
		     "{\"ssn\":\"123-45-6789\",\"email\":\"a.b@c.de\"}");
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
		{GET("/b?card=4539148803436467"), TYPE_CARD, SEVERITY_MEDIUM},
		{GET("/c/123-45-6789"), TYPE_SSN, SEVERITY_MEDIUM},
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
					 strlen(fixture_types[cases[i].type].id)),
				 0);
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
	SEND(GET("/users/1234567?page=2&limit=100&cid=123&q=shoes&name=ann&date=2024-05-17"), NULL,
	     OK, "{}");
	SEND(GET("/p/0b0e5f6c-2b0a-4a37-9c5d-0f6a4a1d9e11?t=1716000000&ip=10.0.0.1"), NULL, OK,
	     "{}");
	SEND(GET("/q?m=a@b.c"), NULL, OK, "{}"); // too short to be anybody's
	SEND("POST /x HTTP/1.1\r\nHost: h\r\n\r\n", "card=4539148803436467&password=hunter2", OK,
	     "{}");
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	end();
}

// ---- D-05

static void test_auth_strong(void **)
{
	const struct raised *r;

	begin("");
	SEND(GET("/members/17"), NULL, OK,
	     "{\"email\":\"ann@example.com\",\"ssn\":\"123-45-6789\"}");
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
		     "[{\"e\":\"ann@example.com\"},{\"e\":\"bob@example.com\"},{\"e\":\"cy@example."
		     "com\"},"
		     "{\"e\":\"dora@example.com\"},{\"e\":\"eve@example.com\"},{\"e\":\"fay@"
		     "example.com\"},"
		     "{\"e\":\"guy@example.com\"},{\"e\":\"hal@example.com\"},{\"e\":\"ida@example."
		     "com\"},"
		     "{\"e\":\"jon@example.com\"},{\"e\":\"kim@example.com\"},{\"e\":\"leo@example."
		     "com\"}]");
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
		SEND("GET /me HTTP/1.1\r\nHost: h\r\nCookie: sid=0123456789\r\n\r\n", NULL, OK,
		     body);
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

// ---- values that count only where their field is learnt

static struct snapshot told;

// What the merger would say of a weak type that the last exchange held.
static void learnt(uint16_t type)
{
	const struct delta *d = &work[0]->delta[work[0]->active];
	uint32_t i = 0;

	while (i < d->n_fields && d->fields[i].type != type)
		i++;
	assert_true(i < d->n_fields);
	assert_true(d->fields[i].unsure);
	idset_add(&told.fields.is, d->fields[i].id);
	work[0]->snapshot = &told;
}

static void test_weak(void **)
{
	static const char people[] = "[{\"passport\":\"A48291736\"},{\"passport\":\"B10729364\"}]";
	const struct raised *r;

	begin("detect = { retrieval = { min_items = 2; }; };");
	memset(&told, 0, sizeof(told));
	SEND(GET("/people"), NULL, OK, people);
	SEND(GET("/visas?passport=A48291736"), NULL, OK, "{}");
	assert_int_equal(observed.n_findings, 0);
	work_fold(0, false);
	assert_int_equal(merger.n_raised, 0);
	// D-05
	SEND(GET("/people"), NULL, OK, people);
	learnt(TYPE_PASSPORT);
	SEND(GET("/people"), NULL, OK, people);
	assert_int_equal(observed.x.n_values, 2); // what D-10 counts
	assert_true(observed.n_findings >= 1);
	work_fold(0, false);
	r = raised_by("D-05", 0);
	assert_non_null(r);
	assert_int_equal(r->draft.severity, SEVERITY_CRITICAL);
	assert_text(r->draft.description, "US passport number");
	assert_null(raised_by("D-14", 0));
	// D-14
	SEND(GET("/visas?passport=A48291736"), NULL, OK, "{}");
	learnt(TYPE_PASSPORT);
	SEND(GET("/visas?passport=A48291736"), NULL, OK, "{}");
	work_fold(0, false);
	r = raised_by("D-14", 0);
	assert_non_null(r);
	assert_int_equal(r->draft.severity, SEVERITY_MEDIUM);
	assert_text(r->draft.description, "US passport number");
	work[0]->snapshot = NULL;
	memset(&told, 0, sizeof(told));
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
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_tokens),   cmocka_unit_test(test_new_field),
		cmocka_unit_test(test_learning),    cmocka_unit_test(test_learnt_overflow),
		cmocka_unit_test(test_learnt_file), cmocka_unit_test(test_prohibited),
		cmocka_unit_test(test_url),         cmocka_unit_test(test_url_benign),
		cmocka_unit_test(test_auth_strong), cmocka_unit_test(test_auth_contact),
		cmocka_unit_test(test_auth_benign), cmocka_unit_test(test_weak),
		cmocka_unit_test(test_auth_mixed),
		cmocka_unit_test(test_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
