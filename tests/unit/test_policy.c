// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Policies: wildcards, the order of the list, directions, and what the configuration refuses.

#include "tests/unit/detect_fixture.h"

#include "detect/policy.c"

static bool glob(const char *pattern, const char *text, bool fold)
{
	return policy_glob(pattern, span_make(text, strlen(text)), fold);
}

static void test_glob(void **)
{
	assert_true(glob("*", "", false));
	assert_true(glob("", "", false));
	assert_true(glob("*", "anything", false));
	assert_true(glob("a*c", "abbbc", false));
	assert_true(glob("a*b*c", "axbxbxc", false));
	assert_true(glob("/v1/*", "/v1/", false));
	assert_true(glob("?b?", "abc", false));
	assert_true(glob("API.*", "api.example", true));
	assert_true(glob("**a**", "xay", false));
	assert_false(glob("API.*", "api.example", false));
	assert_false(glob("", "a", false));
	assert_false(glob("a", "", false));
	assert_false(glob("?", "", false));
	assert_false(glob("a*c", "abcd", false));
	assert_false(glob("/v1/*", "/v10/a", false));
	assert_false(glob("a*b*c", "axbx", false));
	assert_true(glob("/users/{id}*", "/users/{id}/x", false));
	// Cheap on what makes others slow.
	char text[4001];
	memset(text, 'a', 4000);
	text[4000] = '\0';
	assert_false(glob("*a*a*a*a*a*a*a*a*b", text, false));
}

static const struct policy *match(const struct policies *policies, uint16_t type, enum dir dir,
				  const char *host, const char *template)
{
	static struct exchange x;

	memset(&x, 0, sizeof(x));
	x.host = span_make(host, strlen(host));
	x.template_len = (uint16_t)strlen(template);
	memcpy(x.template, template, x.template_len);
	return policies_match(policies, type, dir, &x);
}

static void test_match(void **)
{
	struct conf *conf = fixture_conf(
		"policies = ("
		" { type = \"us.ssn\"; action = \"allowed\"; host = \"HR.*\"; name = \"staff\"; },"
		" { type = \"us.ssn\"; path = \"/v1/*\"; severity = \"critical\"; },"
		" { type = \"email\"; direction = \"request\"; severity = \"low\"; },"
		" { type = \"card.pan\"; direction = \"both\"; } );");
	struct policies *policies;
	const struct policy *p;

	assert_non_null(conf);
	policies = policies_new(conf);
	assert_non_null(policies);
	p = match(policies, TYPE_SSN, SERVER, "hr.example", "/v1/a");
	assert_non_null(p);
	assert_int_equal(p->action, POLICY_ALLOWED);
	assert_string_equal(p->name, "staff");
	p = match(policies, TYPE_SSN, SERVER, "api.example", "/v1/a");
	assert_non_null(p);
	assert_int_equal(p->action, POLICY_PROHIBITED);
	assert_int_equal(p->severity, SEVERITY_CRITICAL);
	assert_string_equal(p->name, "");
	assert_null(match(policies, TYPE_SSN, CLIENT, "api.example", "/v1/a"));
	assert_null(match(policies, TYPE_SSN, SERVER, "api.example", "/v2/a"));
	assert_null(match(policies, TYPE_EMAIL, SERVER, "a", "/"));
	assert_int_equal(match(policies, TYPE_EMAIL, CLIENT, "a", "/")->severity, SEVERITY_LOW);
	assert_int_equal(match(policies, TYPE_CARD, CLIENT, "", "/")->severity, SEVERITY_HIGH);
	assert_non_null(match(policies, TYPE_CARD, SERVER, "", "/"));
	assert_null(match(policies, TYPE_JWT, SERVER, "a", "/"));
	assert_null(match(policies, UINT16_MAX, SERVER, "a", "/"));
	policies_free(policies);
	conf_free(conf);
}

static void test_none(void **)
{
	struct conf *conf = conf_load(NULL, stderr);
	struct policies *policies = policies_new(conf);

	assert_null(match(policies, TYPE_SSN, SERVER, "a", "/"));
	policies_free(policies);
	conf_free(conf);
}

static void test_mistakes(void **)
{
	static const char *const files[] = {
		"policies = ( { action = \"allowed\"; } );",
		"policies = ( { type = \"us.sssn\"; } );",
		"policies = ( { type = \"us.ssn\"; action = \"maybe\"; } );",
		"policies = ( { type = \"us.ssn\"; severity = \"dire\"; } );",
		"policies = ( { type = \"us.ssn\"; host = \"\"; } );",
	};
	FILE *null = fopen("/dev/null", "w");

	for (uint32_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char name[] = "/tmp/apitap-test-XXXXXX";
		int fd = mkstemp(name);

		assert_int_equal(write(fd, files[i], strlen(files[i])), (ssize_t)strlen(files[i]));
		close(fd);
		assert_null(conf_load(name, null));
		unlink(name);
	}
	fclose(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
