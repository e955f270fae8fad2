// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Types with a check digit are told from those without, by their samples; what follows from it.

#include "detect/selfcheck.h"
#include "tests/unit/scan_fixture.h"

static bool is_in(const uint64_t *set, const char *id)
{
	int type = datatype_find(id);

	if (type < 0)
		fail_msg("no type %s", id);
	return keyctx_has(set, (uint32_t)type);
}

static void test_checked(void **)
{
	static const char *const with[] = {"card.pan", "iban", "fr.nir",
					   "mrz",      "br.cpf",   "es.nif", "jp.mynumber", "us.npi"};
	static const char *const without[] = {"us.ssn",          "email", "phone.e164", "jwt", "dob",
					      "phone.jp.mobile", "ipv4",  "zip.us",     "us.passport"};

	for (uint32_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		if (!is_in(ruleset->checked, with[i]))
			fail_msg("%s should have a check digit", with[i]);
	}
	for (uint32_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		if (is_in(ruleset->checked, without[i]))
			fail_msg("%s has no check digit", without[i]);
	}
}

// What a refusal means, and what may do without a name.
static void test_sets(void **)
{
	for (uint32_t i = 0; i < datatype_count(); i++) {
		const struct datatype *t = datatype_get(i);
		bool checked = keyctx_has(ruleset->checked, i), weak = keyctx_has(ruleset->weak, i);

		assert_int_equal(weak, t->reports == REPORTS_WEAK);
		assert_false(weak && checked);
		assert_true(checked || !keyctx_has(ruleset->lucky, i));
		assert_int_equal(keyctx_has(ruleset->counted, i),
				 weak || keyctx_has(ruleset->lucky, i) ||
					 keyctx_has(ruleset->nameless, i));
		if (keyctx_has(ruleset->nameless, i))
			assert_true(checked && t->reports == REPORTS_CTX && !t->key_only);
		// Nothing of a weak type is looked for in ordinary exchanges.
		if (weak)
			assert_false(keyctx_has(ruleset->shape, i) || keyctx_has(ruleset->named, i) ||
				     keyctx_has(ruleset->vague, i));
		if (getenv("SELFCHECK_LIST"))
			printf("%s%s%s%s\n", t->id, checked ? " checked" : "",
			       keyctx_has(ruleset->lucky, i) ? " lucky" : "",
			       keyctx_has(ruleset->nameless, i) ? " nameless" : "");
	}
	assert_true(is_in(ruleset->nameless, "jp.mynumber"));
	// Luhn and modulo 11 let one in ten or eleven pass; modulo 97 and SHA-256 do not.
	assert_true(is_in(ruleset->lucky, "card.pan"));
	assert_true(is_in(ruleset->lucky, "jp.mynumber"));
	assert_false(is_in(ruleset->lucky, "iban"));
	assert_false(is_in(ruleset->lucky, "crypto.btc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checked),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
