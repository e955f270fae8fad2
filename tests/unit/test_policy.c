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

static void test_networks(void **)
{
	static const struct {
		const char *network, *addr;
		bool in;
	} cases[] = {
		{"10.0.0.0/8", "10.255.1.2", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"192.0.2.7", "192.0.2.7", true},
		{"192.0.2.7", "192.0.2.6", false},
		{"192.0.2.128/25", "192.0.2.128", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"0.0.0.0/0", "203.0.113.1", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"::/0", "2001:db8::1", true},
	};
	static const char *const wrong[] = {"",       "10.0.0.0/33", "10.0.0/8",
					    "a/8",    "10.0.0.0/",   "10.0.0.0/-1",
					    "::/129", "10.0.0.0/8 ", "10.0.0.0/0008"};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct network network, addr;

		assert_true(network_parse(cases[i].network, &network));
		assert_true(network_parse(cases[i].addr, &addr));
		assert_int_equal(network_has(&network, addr.addr), cases[i].in);
	}
	for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(network_parse(wrong[i], &(struct network){0}));
}

static bool broken(const struct policies *policies, uint16_t type, enum dir dir, const char *user,
		   uint8_t last, bool asked)
{
	static struct exchange x;
	struct conn_meta conn = {.addr = {[CLIENT] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, last},
					  [SERVER] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, last}}};
	struct http_tx tx = {.conn = &conn};

	memset(&x, 0, sizeof(x));
	x.tx = &tx;
	tx.msg[CLIENT].seen = asked;
	x.host = SPAN_LIT("pay.example");
	x.user_len = (uint8_t)strlen(user);
	memcpy(x.user, user, x.user_len);
	return policies_broken(policies, type, dir, &x) != NULL;
}

static void test_restricted(void **)
{
	struct conf *conf = fixture_conf(
		"policies = ("
		" { type = \"us.ssn\"; action = \"restricted\"; networks = [\"10.0.0.0/25\"]; },"
		" { type = \"email\"; action = \"restricted\"; consumers = [\"crm-*\", \"ann\"]; },"
		" { type = \"jwt\"; action = \"restricted\"; networks = [\"10.0.0.0/25\"];"
		"   consumers = [\"ann\"]; },"
		" { type = \"card.pan\"; action = \"restricted\"; direction = \"request\";"
		"   consumers = [\"*.bank.example\"]; },"
		" { type = \"ipv4\"; action = \"allowed\"; }, { type = \"otp\"; } );");
	struct policies *p;

	assert_non_null(conf);
	p = policies_new(conf);
	assert_non_null(p);
	assert_false(broken(p, TYPE_SSN, SERVER, "", 1, true));
	assert_true(broken(p, TYPE_SSN, SERVER, "", 200, true));
	assert_true(broken(p, TYPE_SSN, SERVER, "", 200, false)); // the address is known
	assert_false(broken(p, TYPE_SSN, CLIENT, "", 200, true));
	assert_false(broken(p, TYPE_EMAIL, SERVER, "crm-7", 200, true));
	assert_false(broken(p, TYPE_EMAIL, SERVER, "ann", 200, true));
	assert_true(broken(p, TYPE_EMAIL, SERVER, "annie", 200, true));
	assert_true(broken(p, TYPE_EMAIL, SERVER, "", 200, true));
	assert_false(broken(p, TYPE_EMAIL, SERVER, "", 200, false)); // nobody knows who it was
	// Both lists must agree.
	assert_false(broken(p, TYPE_JWT, SERVER, "ann", 1, true));
	assert_true(broken(p, TYPE_JWT, SERVER, "ann", 200, true));
	assert_true(broken(p, TYPE_JWT, SERVER, "bob", 1, true));
	// A request goes to a host.
	assert_true(broken(p, TYPE_CARD, CLIENT, "ann", 1, true));
	assert_false(broken(p, TYPE_CARD, SERVER, "ann", 1, true));
	assert_false(broken(p, TYPE_IPV4, SERVER, "ann", 1, true));
	assert_true(broken(p, TYPE_OTP, SERVER, "ann", 1, true));
	assert_false(broken(p, TYPE_NAME, SERVER, "ann", 1, true));
	policies_free(p);
	policies_free(NULL);
	conf_free(conf);
}

static void test_none(void **)
{
	struct conf *conf = conf_load(NULL, stderr);
	struct policies *policies = policies_new(conf);

	assert_null(match(policies, TYPE_SSN, SERVER, "a", "/"));
	assert_true(policies_known(conf, stderr));
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
		"policies = ( { type = \"us.ssn\"; action = \"restricted\"; } );",
		"policies = ( { type = \"us.ssn\"; networks = [\"10.0.0.0/8\"]; } );",
		"policies = ( { type = \"us.ssn\"; consumers = [\"a\"]; } );",
		"policies = ( { type = \"us.ssn\"; action = \"restricted\"; networks = [\"x\"]; } "
		");",
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
		cmocka_unit_test(test_glob),     cmocka_unit_test(test_match),
		cmocka_unit_test(test_networks), cmocka_unit_test(test_restricted),
		cmocka_unit_test(test_none),     cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
