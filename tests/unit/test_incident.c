// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Incidents: who is one actor, what belongs together, what it amounts to, and that all of it stays
// within its bounds.

#include "tests/unit/merge_fixture.h"

#include "detect/incident.c"

#define S UINT64_C(1000000000)

static const struct detector scan = {.id = "T-44", .title = "Scan", .module = "Runtime"};
static const struct detector error = {
	.id = "T-16", .title = "Error", .module = "Runtime", .about_api = true};
static const struct detector extraction = {.id = "T-10", .title = "Extraction", .module = "Runtime"};
static const struct detector posture = {.id = "T-05", .title = "Posture", .module = "Posture"};

// The last state of each issue that was told.
static struct {
	struct issue issue;
	struct issue_related related[ISSUE_MAX_RELATED];
} seen[64];
static uint32_t n_seen;

static void see(void *, const struct issue *issue)
{
	uint32_t i = 0;

	while (i < n_seen && strcmp(seen[i].issue.id, issue->id) != 0)
		i++;
	assert_true(i < 64);
	n_seen += i == n_seen;
	seen[i].issue = *issue;
	assert_true(issue->n_related <= ISSUE_MAX_RELATED);
	memcpy(seen[i].related, issue->related, sizeof(seen[i].related));
	seen[i].issue.related = seen[i].related;
}

static struct issues *table(void)
{
	merger->issues.fn = see;
	return &merger->issues;
}

static int setup(void **state)
{
	n_seen = 0;
	return fixture_setup(state);
}

static struct merged_principal user(uint64_t id, enum principal_kind kind)
{
	static char none[1];

	return (struct merged_principal){.id = id, .kind = kind, .user = none, .user_agent = none};
}

// An issue about the calls of a principal from an address. Returns what was told of it at once.
static const struct issue *put(const struct detector *d, uint64_t key, uint64_t time_ns,
			       const struct merged_principal *p, uint8_t address,
			       enum severity severity, enum incident_result result)
{
	const uint8_t client[16] = {[10] = 0xff, 0xff, 10, 0, 0, address};
	struct issue_draft draft = {
		.severity = severity,
		.result = result,
		.confidence = 80,
		.description = "d",
	};
	uint32_t before = n_seen;

	issues_put(table(),
		   &(struct issue_facts){
			   .detector = d,
			   .key = key,
			   .count = 1,
			   .first_ns = time_ns,
			   .last_ns = time_ns,
			   .principal = p,
			   .client = client,
			   .judged = &draft,
		   },
		   time_ns);
	issues_tell(table(), time_ns, true);
	return n_seen > before ? &seen[before].issue : NULL;
}

static void test_weight(void **)
{
	assert_true(incident_weight(SEVERITY_HIGH, RESULT_SUCCEEDED, 100) == 0.5);
	assert_true(incident_weight(SEVERITY_HIGH, RESULT_ATTEMPTED, 100) == 0.25);
	assert_true(incident_weight(SEVERITY_CRITICAL, RESULT_SUCCEEDED, 250) == 0.8);
	assert_true(incident_weight(SEVERITY_INFO, RESULT_UNKNOWN, 0) == 0);
	assert_true(incident_weight((enum severity)9, RESULT_SUCCEEDED, 100) == 0);
}

// A scan without a name, an error text, then the data: each new issue tells the whole chain.
static void test_chain(void **)
{
	struct merged_principal nobody = user(5, PRINCIPAL_ADDRESS);
	struct merged_principal alice = user(6, PRINCIPAL_JWT);
	const struct issue *a = put(&scan, 1, 100 * S, &nobody, 7, SEVERITY_MEDIUM, RESULT_ATTEMPTED);
	const struct issue *b = put(&error, 2, 160 * S, &nobody, 7, SEVERITY_MEDIUM,
				    RESULT_SUCCEEDED);
	const struct issue *c = put(&extraction, 3, 900 * S, &alice, 7, SEVERITY_HIGH,
				    RESULT_SUCCEEDED);

	assert_int_equal(strspn(a->incident_id, "0123456789abcdef"), 32);
	assert_int_equal(a->n_incident, 1);
	assert_int_equal(a->n_related, 0);
	assert_int_equal(a->risk, 10); // 0.25 · 0.5 · 0.8
	assert_string_equal(b->incident_id, a->incident_id);
	assert_int_equal(b->risk, 28); // 1 − 0.9 · 0.8
	assert_string_equal(c->incident_id, a->incident_id);
	assert_int_equal(c->risk, 57); // 1 − 0.9 · 0.8 · 0.6
	assert_int_equal(c->n_incident, 3);
	assert_int_equal(c->n_related, 2);
	assert_string_equal(c->related[0].id, a->id);
	assert_string_equal(c->related[0].detector, "T-44");
	assert_int_equal(c->related[0].severity, SEVERITY_MEDIUM);
	assert_int_equal(c->related[0].first_seen_ns, 100 * S);
	assert_string_equal(c->related[1].id, b->id);
	// Those before are not told again; in their final state they know all.
	assert_int_equal(a->n_related, 0);
	assert_int_equal(table()->updated, 0);
	issues_foreach(table(), see, NULL);
	assert_int_equal(a->n_related, 2);
	assert_int_equal(a->risk, 57);
	assert_string_equal(a->related[1].id, c->id);
}

// Two users behind one address, and two addresses.
static void test_two_actors(void **)
{
	struct merged_principal alice = user(6, PRINCIPAL_JWT), bob = user(7, PRINCIPAL_SESSION);
	struct merged_principal nobody = user(8, PRINCIPAL_ADDRESS);
	const struct issue *a = put(&scan, 1, 100 * S, &alice, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	const struct issue *b = put(&scan, 2, 101 * S, &bob, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	const struct issue *c = put(&scan, 3, 102 * S, &nobody, 8, SEVERITY_HIGH, RESULT_SUCCEEDED);
	const struct issue *d = put(&extraction, 4, 103 * S, &alice, 9, SEVERITY_HIGH,
				    RESULT_SUCCEEDED);

	assert_string_not_equal(a->incident_id, b->incident_id);
	assert_string_not_equal(a->incident_id, c->incident_id);
	assert_string_not_equal(b->incident_id, c->incident_id);
	assert_string_equal(a->incident_id, d->incident_id); // from another address
	// Without a name: the one who was seen there last.
	const struct issue *e = put(&extraction, 5, 104 * S, &nobody, 7, SEVERITY_LOW,
				    RESULT_ATTEMPTED);
	assert_string_equal(e->incident_id, b->incident_id);
}

static void test_idle(void **)
{
	struct merged_principal alice = user(6, PRINCIPAL_JWT);
	const struct issue *a = put(&scan, 1, 100 * S, &alice, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	const struct issue *b, *c, *d;

	b = put(&scan, 2, 3700 * S, &alice, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	assert_string_equal(a->incident_id, b->incident_id);
	// An old issue that goes on keeps the incident open.
	put(&scan, 1, 7000 * S, &alice, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	c = put(&scan, 3, 10600 * S, &alice, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	assert_string_equal(a->incident_id, c->incident_id);
	d = put(&scan, 4, 14201 * S, &alice, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	assert_string_not_equal(a->incident_id, d->incident_id);
	assert_int_equal(d->n_incident, 1);
}

// Who calls a careless API is accused of nothing, until he is.
static void test_about_apis(void **)
{
	struct merged_principal alice = user(6, PRINCIPAL_JWT), bob = user(7, PRINCIPAL_JWT);
	const struct issue *a = put(&posture, 1, 100 * S, &alice, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	const struct issue *b = put(&error, 2, 101 * S, &alice, 7, SEVERITY_HIGH, RESULT_SUCCEEDED);
	const struct issue *c, *d;

	put(&posture, 3, 102 * S, &bob, 8, SEVERITY_HIGH, RESULT_SUCCEEDED);
	assert_string_equal(a->incident_id, "");
	assert_int_equal(a->risk, 40); // alone
	assert_string_equal(b->incident_id, "");
	c = put(&scan, 4, 103 * S, &alice, 7, SEVERITY_MEDIUM, RESULT_ATTEMPTED);
	assert_int_equal(c->n_incident, 3);
	assert_string_equal(c->related[0].id, a->id);
	assert_string_equal(c->related[1].id, b->id);
	d = put(&error, 5, 104 * S, &alice, 7, SEVERITY_LOW, RESULT_SUCCEEDED);
	assert_string_equal(d->incident_id, c->incident_id);
	issues_foreach(table(), see, NULL);
	assert_string_equal(a->incident_id, c->incident_id);
	assert_string_equal(seen[2].issue.incident_id, ""); // bob's
}

// The newest are kept, the rest is summarised, and risk never falls.
static void test_many_issues(void **)
{
	struct merged_principal alice = user(6, PRINCIPAL_JWT);
	const struct incident *i;
	uint32_t risk = 0;

	for (uint32_t n = 0; n < 40; n++) {
		const struct issue *issue =
			put(n ? &scan : &extraction, n, (100 + n) * S, &alice, 7,
			    n ? SEVERITY_LOW : SEVERITY_CRITICAL, RESULT_SUCCEEDED);

		assert_int_equal(issue->n_incident, n + 1);
		assert_true(issue->risk >= risk);
		risk = issue->risk;
		assert_int_equal(issue->n_related, n < ISSUE_MAX_RELATED ? n : ISSUE_MAX_RELATED);
		if (n)
			assert_string_equal(issue->related[issue->n_related - 1].id,
					    seen[n - 1].issue.id);
	}
	assert_true(risk >= 64 && risk < 100);
	i = lru_first(&merger->incidents.table);
	assert_int_equal(i->n, INCIDENT_LINKS);
	assert_int_equal(i->summary.n, 40 - INCIDENT_LINKS);
	assert_int_equal(i->summary.severity, SEVERITY_CRITICAL);
	assert_int_equal(i->summary.first_ns, 100 * S);
	assert_int_equal(i->summary.last_ns, (100 + 40 - INCIDENT_LINKS - 1) * S);
	// One that is only summarised happens again: it is not counted twice.
	put(&extraction, 0, 200 * S, &alice, 7, SEVERITY_CRITICAL, RESULT_SUCCEEDED);
	assert_int_equal(i->n + i->summary.n, 40);
	assert_int_equal(i->last_ns, 200 * S);
}

// Addresses without end, each the first time: tables stay as large as the configuration says.
static void test_bounds(void **)
{
	struct incidents *t = &merger->incidents;
	bool opened;

	for (uint32_t n = 1; n <= 5000; n++) {
		struct incident_actor actor = {n, {[0] = 0x20, [6] = (uint8_t)(n >> 8),
						   [7] = (uint8_t)n, [15] = 1}};
		struct issue issue = {.detector = "T-44", .first_seen_ns = n * S,
				      .last_seen_ns = n * S, .severity = SEVERITY_HIGH};
		uint64_t key;

		snprintf(issue.id, sizeof(issue.id), "%032x", n);
		assert_int_equal(incidents_join(t, &actor, false, n, &issue, &opened), 0);
		actor.principal += n % 2 ? 0 : 100000;
		key = incidents_join(t, &actor, true, n, &issue, &opened);
		assert_true(key != 0 && opened);
		incidents_put(t, key, n, &issue, true);
	}
	assert_int_equal(t->table.n, 64);
	assert_int_equal(t->table.evicted, 5000 - 64);
	assert_true(t->actors.n <= 4 * 64);
	assert_true(t->pending.n <= 4 * 64);
	assert_true(incidents_bytes(NULL) < 1 << 20);
	incidents_clear(t);
	assert_int_equal(t->table.n + t->actors.n + t->pending.n, 0);
}

// A host takes what address it likes of its /64.
static void test_ipv6(void **)
{
	struct incident_actor one = {0, {0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, [15] = 1}}, two = one;
	struct issue issue = {.detector = "T", .first_seen_ns = S, .last_seen_ns = S, .id = "1"};
	struct incidents *t = &merger->incidents;
	bool opened;
	uint64_t key = incidents_join(t, &one, true, 1, &issue, &opened);

	two.addr[15] = 9;
	assert_int_equal(incidents_join(t, &two, true, 2, &issue, &opened), key);
	assert_false(opened);
	two.addr[7] = 3;
	strcpy(issue.id, "2");
	assert_int_not_equal(incidents_join(t, &two, true, 3, &issue, &opened), key);
	assert_true(opened);
	// Nobody knows who: an incident of its own.
	strcpy(issue.id, "3");
	key = incidents_join(t, &(struct incident_actor){0}, true, 4, &issue, &opened);
	strcpy(issue.id, "4");
	assert_int_not_equal(incidents_join(t, &(struct incident_actor){0}, true, 5, &issue, &opened),
			     key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weight),
		cmocka_unit_test_setup_teardown(test_chain, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_two_actors, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_idle, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_about_apis, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_many_issues, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_ipv6, setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
