// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The table of issues: what a record is made of, how it changes, when it is told.

#include "tests/unit/merge_fixture.h"

#define S UINT64_C(1000000000)

static struct issues *table(void)
{
	return &merger->issues;
}

static struct issue last;

static void take_last(void *arg, const struct issue *issue)
{
	tell_issue(arg, issue);
	last = *issue;
}

// A finding without merger around it.
static void put(const struct detector *d, uint64_t key, uint64_t time_ns, uint64_t count)
{
	const struct finding *f = delta_finding(delta, d, key, time_ns, 0, 5);

	issues_put(table(),
		   &(struct issue_facts){
			   .detector = d,
			   .options = &alpha_options,
			   .key = key,
			   .count = count,
			   .first_ns = time_ns,
			   .last_ns = time_ns + 1,
			   .finding = f,
		   },
		   time_ns);
	delta_empty(delta);
}

static void test_created(void **unused)
{
	assert_non_null(unused);
	put(&alpha, 7, 100, 4);
	assert_int_equal(n_told, 0);
	issues_tell(table(), 200, false);
	assert_int_equal(n_told, 1);
	assert_told(" Alpha T-1 v3 Runtime sev2 act0 res2 conf70 det100 100..101 x4\n");
	assert_told("by 10.0.0.1:40000 kind0 user= agent=found/1\n");
	assert_told("at 2001:db8::1:443 host= method= template= path=/v1/****\n");
	assert_told("'T-1 nowhere by nobody: 4 times' 'impact' 'remediation'");
	assert_told(" API3:2023 API4:2023 seen:70 [200]=4 metric0   ");
	assert_told("test.two 1 x2 field=$.users[].ssn sample=***1\n");
	assert_told("request head=GET /100 HTTP/1.1 body= of 0 0 0");
	assert_told("response head=HTTP/1.1 200 OK body={\"n\":100} of 1000 0 1");
	assert_int_equal(table()->created, 1);
	assert_int_equal(table()->updated, 0);
}

// Hexadecimal, 32 digits, depends on detector, key and time, not on anything else.
static void test_id(void **unused)
{
	char one[33], text[33];

	assert_non_null(unused);
	table()->fn = take_last;
	put(&alpha, 7, 100, 4);
	issues_tell(table(), 200, true);
	memcpy(one, last.id, 33);
	assert_int_equal(strspn(one, "0123456789abcdef"), 32);
	put(&alpha, 7, 50, 1); // older, but the same issue
	issues_tell(table(), 200, true);
	assert_string_equal(last.id, one);
	assert_int_equal(last.first_seen_ns, 50);
	for (uint32_t i = 0; i < 3; i++) {
		issues_clear(table());
		put(i == 1 ? &beta : &alpha, i == 0 ? 8 : 7, i == 2 ? 101 : 100, 9);
		issues_tell(table(), 200, true);
		assert_string_not_equal(last.id, one);
		// Both halves differ.
		assert_memory_not_equal(last.id, one, 16);
		assert_memory_not_equal(last.id + 16, one + 16, 16);
	}
	issues_clear(table());
	memcpy(text, last.id, 33);
	put(&alpha, 7, 100, 1);
	issues_tell(table(), 900, true);
	assert_string_equal(last.id, one);
}

static void test_only_worse(void **unused)
{
	struct finding *f;
	struct issue_facts facts;

	assert_non_null(unused);
	table()->fn = take_last;
	put(&alpha, 7, 100, 4);
	f = delta_finding(delta, &alpha, 7, 300, 0, 5);
	f->severity = SEVERITY_LOW;
	f->result = RESULT_ATTEMPTED;
	f->confidence = 20;
	f->terms[0] = (struct issue_term){"weak", 20};
	f->status = 403;
	facts = (struct issue_facts){.detector = &alpha,
				     .options = &alpha_options,
				     .key = 7,
				     .count = 2,
				     .first_ns = 300,
				     .last_ns = 300,
				     .finding = f};
	issues_put(table(), &facts, 300);
	issues_tell(table(), 400, true);
	assert_int_equal(n_told, 1);
	assert_told(" sev2 act0 res2 conf70 det100 100..300 x6\n");
	assert_told("nobody: 6 times");
	assert_told(" seen:70 [200]=4 [403]=2 ");
	assert_told("test.two 1 x4");
	f->severity = SEVERITY_CRITICAL;
	f->result = RESULT_SUCCEEDED;
	f->confidence = 255;
	f->n_terms = 200; // more than there can be
	issues_put(table(), &facts, 500);
	issues_tell(table(), 500, true);
	assert_int_equal(last.severity, SEVERITY_CRITICAL);
	assert_int_equal(last.confidence, 100);
	assert_int_equal(last.n_terms, ISSUE_MAX_TERMS);
	assert_int_equal(last.activity, ACTIVITY_UPDATED);
	f->severity = 77;
	f->result = 66;
	issues_put(table(), &facts, 600);
	issues_tell(table(), 600, true);
	assert_int_equal(last.severity, SEVERITY_CRITICAL);
	assert_int_equal(last.result, RESULT_SUCCEEDED);
}

// At once, then no more than one update a minute, though nothing is lost.
static void test_update_time(void **unused)
{
	assert_non_null(unused);
	put(&beta, 1, 1, 1);
	issues_tell(table(), 1000 * S, false);
	assert_int_equal(n_told, 1);
	put(&beta, 1, 2, 1);
	issues_tell(table(), 1059 * S, false);
	assert_int_equal(n_told, 1);
	put(&beta, 1, 3, 1);
	issues_tell(table(), 1060 * S, false);
	assert_int_equal(n_told, 2);
	assert_told("x3\n");
	issues_tell(table(), 2000 * S, false); // nothing new
	assert_int_equal(n_told, 2);
	put(&beta, 1, 4, 1);
	issues_tell(table(), 1061 * S, false);
	assert_int_equal(n_told, 2);
	issues_tell(table(), 1061 * S, true);
	assert_int_equal(n_told, 3);
	assert_int_equal(table()->created, 1);
	assert_int_equal(table()->updated, 2);
	put(&beta, 1, 5, 1);
	issues_tell(table(), 5 * S, false); // the clock went back
	assert_int_equal(n_told, 4);
}

static void put_metric(double value, enum severity severity, uint64_t time_ns)
{
	char window[] = "minute";
	struct issue_draft draft = {
		.severity = severity,
		.confidence = 10,
		.metric = {true, "calls", NULL, window, value, 2, 50, 3},
	};

	issues_put(table(),
		   &(struct issue_facts){.detector = &alpha,
					 .options = &alpha_options,
					 .key = 3,
					 .count = 1,
					 .first_ns = time_ns,
					 .last_ns = time_ns,
					 .judged = &draft},
		   time_ns);
	memset(window, '#', sizeof(window));
	memset(&draft, '#', sizeof(draft));
}

static void test_urgent(void **unused)
{
	assert_non_null(unused);
	put_metric(5, SEVERITY_LOW, 1);
	issues_tell(table(), 1000 * S, false);
	assert_int_equal(n_told, 1);
	assert_told("metric1 calls  minute 5 2\n");
	assert_told("nobody: 5 times");
	put_metric(6, SEVERITY_LOW, 2); // a little more: no hurry
	issues_tell(table(), 1001 * S, false);
	assert_int_equal(n_told, 1);
	put_metric(7, SEVERITY_LOW, 2);
	issues_tell(table(), 1000 * S + S / 2, false);
	assert_int_equal(n_told, 1);
	issues_tell(table(), 1001 * S, false);
	assert_int_equal(n_told, 2);
	assert_told("metric1 calls  minute 7 2\n");
	put_metric(7, SEVERITY_LOW, 3); // the same again: no hurry
	issues_tell(table(), 1010 * S, false);
	assert_int_equal(n_told, 2);
	put_metric(7, SEVERITY_HIGH, 4);
	issues_tell(table(), 1010 * S, false);
	assert_int_equal(n_told, 3);
	assert_told("sev3 act1 ");
	put_metric(7, SEVERITY_LOW, 5);
	issues_tell(table(), 1069 * S, false);
	assert_int_equal(n_told, 3);
	issues_tell(table(), 1070 * S, false);
	assert_int_equal(n_told, 4);
}

// 10,000 times the same within 1,000 s: one issue, counted in full, in 2 + 1,000 / 60 records. A
// measured value that grows with each makes one more for each quarter that it is above the last.
static void test_rate(void **unused)
{
	const uint32_t most = 2 + 1000 / 60, quarters = 42; // ln 10,000 / ln 1.25

	assert_non_null(unused);
	table()->fn = take_last;
	for (uint32_t i = 0; i < 10000; i++) {
		put(&alpha, 7, 100 * S + i * (S / 10), 1);
		issues_tell(table(), 100 * S + i * (S / 10), false);
		if (i == 5000)
			told_forget();
	}
	issues_tell(table(), 1100 * S, true);
	assert_int_equal(table()->n, 1);
	assert_int_equal(table()->created, 1);
	assert_true(table()->created + table()->updated <= most);
	assert_int_equal(last.count, 10000);
	assert_int_equal(last.first_seen_ns, 100 * S);
	assert_int_equal(last.last_seen_ns, 100 * S + 9999 * (S / 10) + 1);
	issues_clear(table());
	told_forget();
	for (uint32_t i = 1; i <= 10000; i++) {
		put_metric(i, SEVERITY_LOW, 100 * S + i * (S / 10));
		issues_tell(table(), 100 * S + i * (S / 10), false);
	}
	issues_tell(table(), 1200 * S, true);
	assert_int_equal(table()->created, 1);
	assert_true(table()->updated <= most + quarters);
	assert_true(last.metric.value == 10000);
}

// Several at once come in the order of their change; one that is not due keeps its place.
static void test_tell_order(void **unused)
{
	const char *a, *b, *c;

	assert_non_null(unused);
	put(&beta, 1, 1, 1);
	issues_tell(table(), S, false);
	told_forget();
	put(&beta, 1, 2, 1);
	put(&beta, 2, 3, 1);
	put(&beta, 3, 4, 1);
	issues_tell(table(), 2 * S, false);
	assert_int_equal(n_told, 2);
	put(&beta, 4, 5, 1);
	issues_tell(table(), 3 * S, true);
	assert_int_equal(n_told, 4);
	a = strstr(told, "GET /3 ");
	b = strstr(told, "GET /4 ");
	c = strstr(told, "GET /2 ");
	assert_true(a && b && c && a < b && b < c && c < strstr(told, "GET /5 "));
	put(&beta, 3, 6, 1);
	told_forget();
	issues_tell(table(), 4 * S, true);
	assert_int_equal(n_told, 1);
}

static void test_three_evidences(void **unused)
{
	assert_non_null(unused);
	table()->fn = take_last;
	for (uint64_t i = 0; i < 5; i++)
		put(&beta, 1, 10 + i, 1);
	issues_tell(table(), S, true);
	assert_int_equal(last.n_evidence, 3);
	assert_int_equal(last.evidence[0].time_ns, 10);
	assert_int_equal(last.evidence[2].time_ns, 12);
	assert_told("GET /12 ");
	assert_not_told("GET /13 ");
	assert_string_equal(last.description, "");
	assert_string_equal(last.module, "");
	assert_string_equal(last.type, "");
	assert_int_equal(last.count, 5);
}

static void test_first_issues_have_evidence(void **unused)
{
	uint64_t bytes;

	assert_non_null(unused);
	table()->fn = take_last;
	for (uint64_t i = 0; i < ISSUES_WITH_EVIDENCE + 2; i++)
		put(&beta, i, 1, 1);
	bytes = table()->evidence_bytes;
	table()->fn = NULL;
	issues_tell(table(), S, true);
	table()->fn = take_last;
	put(&beta, ISSUES_WITH_EVIDENCE - 1, 2, 1);
	issues_tell(table(), S, true);
	assert_int_equal(last.n_evidence, 2);
	put(&beta, ISSUES_WITH_EVIDENCE, 2, 1);
	issues_tell(table(), S, true);
	assert_int_equal(last.n_evidence, 0);
	assert_int_equal(last.count, 2);
	assert_true(bytes > 0);
	// All together are bounded too.
	table()->evidence_bytes = ISSUES_EVIDENCE_BYTES;
	put(&beta, 0, 2, 1);
	issues_tell(table(), S, true);
	assert_int_equal(last.n_evidence, 1);
}

static void test_bound(void **unused)
{
	assert_non_null(unused);
	table()->max = 3;
	for (uint64_t i = 0; i < 10; i++)
		put(&beta, i % 5, 1, 1);
	assert_int_equal(table()->n, 3);
	assert_int_equal(table()->lost, 4);
	assert_true(issues_has(table(), &beta, 2));
	assert_false(issues_has(table(), &beta, 3));
	assert_false(issues_has(table(), &alpha, 2));
	issues_clear(table());
	assert_false(issues_has(table(), &beta, 2));
	assert_int_equal(table()->lost, 0);
}

static void test_codes_and_types_bounded(void **unused)
{
	assert_non_null(unused);
	table()->fn = take_last;
	for (uint32_t i = 0; i < 40; i++) {
		struct finding *f = delta_finding(delta, &beta, 1, 1 + i, 0, 0);

		f->status = (uint16_t)(i * 10);
		f->n_types = i == 39 ? UINT32_MAX : 1;
		f->types[0].field = i % 20;
		f->types[0].type = i == 0 ? 9999 : 1;
		issues_put(table(),
			   &(struct issue_facts){.detector = &beta,
						 .key = 1,
						 .count = 1,
						 .first_ns = 1,
						 .last_ns = 1,
						 .finding = f},
			   1);
	}
	issues_tell(table(), S, true);
	assert_int_equal(last.n_codes, ISSUE_MAX_CODES);
	assert_int_equal(last.codes[0].code, 10); // no answer is no code
	assert_int_equal(last.n_types, ISSUE_MAX_TYPES);
	assert_string_equal(last.types[0].type, ""); // a type that nobody knows
	assert_int_equal(last.types[1].count, 4);
}

static const struct known_call calls[] = {
	{.time_ns = 1, .endpoint = 5, .status = 200, .n_values = 9},
	{.time_ns = 2, .endpoint = 6, .status = 200, .n_values = 9},
	{.time_ns = 3, .endpoint = 5, .status = 404},
};

// A judgement without evidence knows what the principal and the calls tell.
static void test_judged(void **unused)
{
	struct merged_principal p = {.id = 3,
				     .kind = PRINCIPAL_SESSION,
				     .addr = {0x20, 0x01, [15] = 7},
				     .user = (char[]){"u1"},
				     .user_agent = (char[]){"agent"}};
	struct issue_draft draft = {.severity = SEVERITY_LOW};
	struct issue_facts facts = {.detector = &alpha,
				    .options = &alpha_options,
				    .key = 3,
				    .count = 1,
				    .first_ns = 5,
				    .last_ns = 5,
				    .principal = &p,
				    .judged = &draft,
				    .history = calls,
				    .n_history = 3};
	struct finding *f;

	assert_non_null(unused);
	table()->fn = take_last;
	known_endpoint_add(&merger->known, 5, SPAN_LIT("h"), SPAN_LIT("GET"), SPAN_LIT("/t"));
	issues_put(table(), &facts, 9);
	issues_tell(table(), S, true);
	assert_told("by 2001::7:0 kind4 user=u1 agent=agent");
	assert_told("at :0 host= method=");
	assert_told("call 1 200 0 9 =GET =h =/t\n");
	assert_told("call 2 200 0 9 = = =\n");
	assert_told("call 3 404 0 0 =GET =h =/t\n");
	assert_told(" [200]=2 metric0");
	assert_int_equal(last.n_evidence, 0);

	// Evidence that comes later: another address than the principal's keeps its port to itself.
	f = delta_finding(delta, &alpha, 3, 20, 3, 5);
	facts.finding = f;
	facts.endpoint = &known_endpoint(&merger->known, 5)->pub;
	told_forget();
	issues_put(table(), &facts, 9);
	issues_put(table(), &facts, 9); // the same exchange again
	issues_tell(table(), 2 * S, false);
	assert_int_equal(n_told, 1); // urgent: there was none before
	assert_int_equal(last.n_evidence, 1);
	assert_told("by 2001::7:0 kind4 user=u1 agent=agent");
	assert_told("host=h method=GET template=/t path=/v1/****");
	assert_told(" [200]=3 metric0");
	assert_told("test.two 1 x2");
	assert_int_equal(last.n_history, 3);
	assert_int_equal(last.count, 3);

	// Texts that the judge wrote himself stay.
	snprintf(draft.impact, sizeof(draft.impact), "his own");
	issues_put(table(), &facts, 9);
	issues_tell(table(), 3 * S, true);
	assert_string_equal(last.impact, "his own");
	assert_string_equal(last.description, "");
}

// The path of one endpoint is not shown with the template of another one.
static void test_one_target(void **unused)
{
	struct merged_endpoint e = {.id = 6,
				    .host = (char[]){"h6"},
				    .method = (char[]){"PUT"},
				    .template = (char[]){"/six"}};
	struct issue_draft draft = {0};
	struct issue_facts facts = {.detector = &beta,
				    .key = 3,
				    .count = 1,
				    .first_ns = 5,
				    .last_ns = 5,
				    .endpoint = &e,
				    .judged = &draft,
				    .finding = delta_finding(delta, &beta, 3, 20, 3, 5)};

	assert_non_null(unused);
	issues_put(table(), &facts, 9);
	issues_tell(table(), S, true);
	assert_told("at :0 host=h6 method=PUT template=/six path=\n");
}

static void test_addresses(void **unused)
{
	static const struct {
		uint8_t addr[16];
		const char *text;
	} rows[] = {
		{{0}, ""},
		{{[10] = 0xff, 0xff, 192, 0, 2, 255}, "192.0.2.255"},
		{{[10] = 0xff, 0xff, 0, 0, 0, 0}, "0.0.0.0"},
		{{[15] = 1}, "::1"},
		{{0xfe, 0x80, [15] = 0xab}, "fe80::ab"},
	};
	char text[INET6_ADDRSTRLEN];

	assert_non_null(unused);
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		address_text(rows[i].addr, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void in_order(void *arg, const struct issue *issue)
{
	struct issue *before = arg;

	assert_true(before->first_seen_ns < issue->first_seen_ns ||
		    (before->first_seen_ns == issue->first_seen_ns &&
		     strcmp(before->id, issue->id) < 0));
	*before = *issue;
	n_told++;
}

static void test_foreach(void **unused)
{
	struct issue before = {0};

	assert_non_null(unused);
	issues_foreach(table(), in_order, &before);
	assert_int_equal(n_told, 0);
	for (uint64_t i = 0; i < 300; i++)
		put(&beta, i, 1 + i * 7919 % 50, 1);
	issues_foreach(table(), in_order, &before);
	assert_int_equal(n_told, 300);
	// The table still works.
	put(&beta, 299, 1, 1);
	assert_int_equal(table()->n, 300);
}

// Whichever allocation fails, what is told is well-formed and nothing leaks.
static void test_no_memory(void **unused)
{
	assert_non_null(unused);
	for (fail_at = 1; fail_at < 60; fail_at++) {
		n_allocs = 0;
		for (uint64_t i = 0; i < 40; i++) {
			put(&alpha, i % 33, 1 + i, 1);
			put_metric(3, SEVERITY_LOW, 2);
		}
		issues_tell(table(), S, true);
		assert_true(n_told + table()->lost >= 33);
		issues_clear(table());
		told_forget();
	}
	fail_at = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_created),         TEST(test_id),
		TEST(test_only_worse),      TEST(test_update_time),
		TEST(test_rate),
		TEST(test_urgent),          TEST(test_tell_order),
		TEST(test_three_evidences), TEST(test_first_issues_have_evidence),
		TEST(test_bound),           TEST(test_codes_and_types_bounded),
		TEST(test_judged),          TEST(test_one_target),
		TEST(test_addresses),       TEST(test_foreach),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
