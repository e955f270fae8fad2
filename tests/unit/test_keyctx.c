// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Field names: which words they hold, in every spelling that is in use, and which they do not;
// the cache gives what the search gives.

#include "detect/keyctx.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// cmocka needs those above
#include <cmocka.h>

static struct span refuse(const struct candidate *)
{
	return (struct span){0};
}

static const struct type_sample none[] = {{0}};

#define TYPE(sym, name, ...)                                                                       \
	static const char *const sym##_words[] = {__VA_ARGS__, NULL};                              \
	static const struct datatype sym = {                                                       \
		.id = name,                                                                        \
		.title = name,                                                                     \
		.country = "any",                                                                  \
		.context = sym##_words,                                                            \
		.key_only = true,                                                                  \
		.check = refuse,                                                                   \
		.samples = none,                                                                   \
	};                                                                                         \
	DATATYPE_REGISTER(sym)

TYPE(t_card, "t.card", "card", "pan", "credit card", "カード")
TYPE(t_cvv, "t.cvv", "cvv", "cvv2", "security code")
TYPE(t_mynumber, "t.mynumber", "my number", "マイナンバー", "個人番号")
TYPE(t_name, "t.name", "firstname", "first name", "surname")
TYPE(t_phone, "t.phone", "phone", "tel", "電話")
TYPE(t_ssn, "t.ssn", "ssn", "social security")
TYPE(t_steuer, "t.steuer", "steuer-id", "führerschein")
TYPE(t_ip, "t.ip", "ip")

static struct keyctx_words *words;

static int setup(void **)
{
	uint64_t on[DATATYPE_WORDS];

	datatype_freeze();
	memset(on, 0xff, sizeof(on));
	words = calloc(1, keyctx_words_size());
	return words && keyctx_words_fill(words, on) ? 0 : 1;
}

static int teardown(void **)
{
	free(words);
	return 0;
}

static bool holds(const char *key, const char *id)
{
	struct keyctx k;

	keyctx_match(words, span_make(key, strlen(key)), &k);
	return keyctx_has(k.types, (uint32_t)datatype_find(id));
}

static bool silent(const char *key)
{
	struct keyctx k;

	keyctx_match(words, span_make(key, strlen(key)), &k);
	return !k.any && !k.types[0] && !k.types[1] && !k.types[2];
}

static void test_spellings(void **)
{
	static const char *const ssn[] = {
		"ssn",
		"SSN",
		"user_ssn",
		"userSSN",
		"SSNNumber",
		"ssn-no",
		"social_security_number",
		"socialSecurityNumber",
		"SocialSecurity",
		"socialsecurity",
		"socialsecuritynumber",
		"social security no.",
		"ssn1",
		"customer.ssn",
		"ssns",
		"x[ssn]",
		NULL,
	};
	static const char *const phone[] = {"phone",      "phoneNumber", "phonenumber", "homephone",
					    "HomePhone2", "phones",      "cellphone",   "telNo",
					    "連絡先電話", NULL};
	static const char *const card[] = {
		"pan",     "PAN",        "cardNumber",         "cardnumber",
		"card_no", "creditcard", "credit-card-number", "カード番号",
		"x.pan",   NULL};

	for (uint32_t i = 0; ssn[i]; i++)
		assert_true(holds(ssn[i], "t.ssn"));
	for (uint32_t i = 0; phone[i]; i++)
		assert_true(holds(phone[i], "t.phone"));
	for (uint32_t i = 0; card[i]; i++)
		assert_true(holds(card[i], "t.card"));
	assert_true(holds("cvv2", "t.cvv"));
	assert_true(holds("cardSecurityCode", "t.cvv"));
	assert_true(holds("cardSecurityCode", "t.card"));
	assert_true(holds("マイナンバー（個人番号）", "t.mynumber"));
	assert_true(holds("my_number", "t.mynumber"));
	assert_true(holds("MyNumber", "t.mynumber"));
	assert_true(holds("steuerId", "t.steuer"));
	assert_true(holds("Führerscheinnummer", "t.steuer") ||
		    holds("führerscheinnummer", "t.steuer"));
	assert_true(holds("clientIp", "t.ip"));
	assert_true(holds("ip", "t.ip"));
}

static void test_not_inside_of_words(void **)
{
	static const char *const other[] = {
		"company",    "japan", "expand",   "filename", "telemetry", "hotel",
		"cardinal",   "lessn", "assn",     "zip",      "ship",      "description",
		"tip_amount", "pany",  "discard",  "",         "_",         "-",
		"123",        "a",     "security", "social",   "number",    "code",
		"microphone", "tele",  NULL,
	};

	for (uint32_t i = 0; other[i]; i++) {
		if (!silent(other[i]))
			fail_msg("\"%s\" matches", other[i]);
	}
	assert_false(holds("cardinal_number", "t.card"));
	// "my" and "number" with something between them are two words.
	assert_false(holds("my_phone_number", "t.mynumber"));
	assert_true(holds("my_phone_number", "t.phone"));
}

static struct keyctx match(const char *key)
{
	struct keyctx k;

	keyctx_match(words, span_make(key, strlen(key)), &k);
	return k;
}

static void test_flags(void **)
{
	assert_true(match("number").generic);
	assert_true(match("value").generic);
	assert_false(match("cardNumber").generic);
	assert_false(match("status").generic);
	assert_false(match("").generic);
	assert_true(match("jane@example.org").odd);
	assert_true(match("AKIA4827391648273916").odd);
	assert_false(match("created_at_2023").odd);
	assert_true(match("status").plain);
	assert_true(match("label").naming);
	assert_false(match("label").plain);
	assert_false(match("number").plain);
	assert_false(match("ssn").plain);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_hostile_names(void **)
{
	static const char *const parts[] = {"no",     "card", "NO",       "ss",   "n",     "_",
					    "7",      "Tel",  "\xe3\x82", "\xe9", "phone", "my",
					    "number", "-",    "s",        "id"};
	uint64_t random = 5;

	for (uint32_t round = 0; round < 20000; round++) {
		char text[400];
		uint32_t n = 0, count = (uint32_t)(next_random(&random) % 40);
		struct keyctx k;
		uint8_t *p;

		for (uint32_t i = 0; i < count; i++) {
			const char *part = parts[next_random(&random) % 16];

			memcpy(text + n, part, strlen(part));
			n += (uint32_t)strlen(part);
		}
		// The end of the name is the end of its memory.
		p = malloc(n ? n : 1);
		memcpy(p, text, n);
		keyctx_match(words, span_make(p, n), &k);
		free(p);
	}
	for (uint32_t n = 0; n < 300; n++) {
		uint8_t *p = malloc(n ? n : 1);
		struct keyctx k;

		memset(p, 'a', n);
		keyctx_match(words, span_make(p, n), &k);
		assert_false(k.any);
		free(p);
	}
}

static void test_cache(void **)
{
	struct keyctx_cache *cache = aligned_alloc(64, sizeof(*cache));
	static const char *const keys[] = {"ssn",
					   "phone",
					   "status",
					   "id",
					   "a",
					   "ab",
					   "abc",
					   "abcd",
					   "cardNumber",
					   "company",
					   "x",
					   "",
					   "socialSecurityNumber"};
	uint64_t random = 9;

	memset(cache, 0, sizeof(*cache));
	cache->seed = 48271;
	for (uint32_t round = 0; round < 5000; round++) {
		const char *text = keys[next_random(&random) % 13];
		struct span key = span_make(text, strlen(text));
		struct keyctx want;
		uint64_t hash = keyctx_hash(key, 3 + round % 2);
		const struct keyctx *got = keyctx_get(words, cache, key, hash);

		keyctx_match(words, key, &want);
		assert_memory_equal(got->types, want.types, sizeof(want.types));
		assert_int_equal(got->any, want.any);
		assert_int_equal(got->generic, want.generic);
		assert_int_equal(got->odd, want.odd);
		assert_int_equal(got->plain, want.plain);
	}
	assert_int_not_equal(keyctx_hash(SPAN_LIT("ab"), 1), keyctx_hash(SPAN_LIT("ba"), 1));
	assert_int_not_equal(keyctx_hash(SPAN_LIT("ab"), 1), keyctx_hash(SPAN_LIT("ab"), 2));
	free(cache);
}

static void test_types_that_are_off(void **)
{
	uint64_t on[DATATYPE_WORDS] = {0};
	struct keyctx_words *few;
	struct keyctx k;

	on[0] = UINT64_C(1) << datatype_find("t.phone");
	few = calloc(1, keyctx_words_size());
	assert_non_null(few);
	assert_true(keyctx_words_fill(few, on));
	keyctx_match(few, SPAN_LIT("ssn"), &k);
	assert_false(k.any);
	keyctx_match(few, SPAN_LIT("phone"), &k);
	assert_true(k.any);
	free(few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings), cmocka_unit_test(test_not_inside_of_words),
		cmocka_unit_test(test_flags),     cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_cache),     cmocka_unit_test(test_types_that_are_off),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
