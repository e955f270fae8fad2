// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What users of such tools complain of: values that look like sensitive ones and are not. No type
// at all reports them, in fields whose names say nothing, or what the value is, or, for values
// that are hidden or made up, even what they would be.

#include "unit/scan_fixture.h"

struct innocent {
	const char *key, *text;
};

static void expect_none(const struct innocent *list)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; list[i].text; i++) {
		struct seen seen = {0};
		char json[512];

		scan_text(scanner, str(list[i].text), str(list[i].key), 1, SERVER, on_hit, &seen);
		snprintf(json, sizeof(json), "{\"%s\":\"%s\"}", list[i].key, list[i].text);
		scan_text(scanner, str(json), (struct span){0}, 1, SERVER, on_hit, &seen);
		for (uint32_t k = 0; k < seen.n; k++)
			print_message("\"%s\": \"%s\" is reported as %s\n", list[i].key,
				      list[i].text, id_of(&seen.one[k]));
		wrong += seen.n > 0;
	}
	assert_int_equal(wrong, 0);
}

static void test_times(void **)
{
	static const struct innocent list[] = {
		// milliseconds since 1970: thirteen digits, as old Visa numbers have
		{"created", "1688380969034"},
		{"createdAt", "1700000000006"},
		{"ts", "1718049600000"},
		{"timestamp", "1748503543012"},
		{"updated_at", "1771977600001"},
		{"t", "4102444800003"},
		// seconds: ten digits, as telephone numbers have
		{"exp", "1688380969"},
		{"iat", "1771977600"},
		{"time", "2147483647"},
		// micro- and nanoseconds
		{"us", "1688380969034123"},
		{"ns", "1688380969034123456"},
		// stamps
		{"stamp", "20230615123456"},
		{"stamp", "20230615123456789"},
		{"stamp", "2023-06-15T12:34:56.789Z"},
		{"date", "2023-06-15"},
		{"range", "2023-06-15/2023-07-15"},
		{"build", "20230615.1234"},
		{0},
	};

	expect_none(list);
}

static void test_identities(void **)
{
	static const struct innocent list[] = {
		{"id", "9f4c2e18-4641-4267-8664-464152677664"},
		{"request_id", "38400000-8cf0-11bd-b23e-10b96e4ef00d"},
		{"uuid", "46415267-7664-4559-8012-888888881881"},
		{"trace", "46415267766455590123456789abcdef"},
		{"order", "4829173648"},
		{"order_id", "100004829173"},
		{"userId", "7310482736"},
		{"id", "482739164"},
		{"tweet", "1676127734567890944"},
		{"ean", "8801043012345"},
		{"isbn", "9783161484100"},
		{"sku", "4006381333931"},
		{"parcel", "1Z999AA10123456784"},
		{"etag", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9"},
		{"commit", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c93f7a1c9e"},
		{"sha256", "3f7a1c9e2b8d4f60a5c7e9b1d3f5a7c93f7a1c9e2b8d4f60a5c7e9b1d3f5a7c9"},
		{"integrity",
		 "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"},
		{"objectId", "507f1f77bcf86cd799439011"},
		{"color", "#00ff7f"},
		{"amount", "1234567.89"},
		{"version", "10.0.19.41"},
		{"clientVersion", "1.2.3.4"},
		{"ua", "Mozilla/5.0 Chrome/114.0.5735.198 Safari/537.36"},
		{"oid", "1.3.6.1.4.1.311.21"},
		{"size", "1920x1080"},
		{"phase", "the seed phrase of a sentence is what a parser starts with"},
		{"next_page_token", "q7T4zK2wMx5RvB3nLd8Y"},
		{0},
	};

	expect_none(list);
}

static void test_hidden(void **)
{
	static const struct innocent list[] = {
		{"card", "****1234"},
		{"cardNumber", "XXXX-XXXX-XXXX-4242"},
		{"pan", "464152******5559"},
		{"card", "**** **** **** 5559"},
		{"ssn", "XXX-XX-6789"},
		{"ssn", "***-**-6789"},
		{"phone", "***-***-1234"},
		{"phone", "+81 ** **** 1234"},
		{"email", "j***@example.net"},
		{"email", "***tim@example.net"},
		{"iban", "DE** **** **** **** **30 00"},
		{"password", "********"},
		{"password", "<hidden>"},
		{"password", "[REDACTED]"},
		{"token", "gh"
			  "p_************************************"},
		{"api_key", "sk_live_****************"},
		{"mynumber", "********1302"},
		{0},
	};

	expect_none(list);
}

static void test_made_up(void **)
{
	static const struct innocent list[] = {
		{"ssn", "078-05-1120"},
		{"ssn", "219-09-9999"},
		{"ssn", "000-00-0000"},
		{"ssn", "123-45-6789"},
		{"card", "0000000000000000"},
		{"phone", "000-0000-0000"},
		{"email", "user@example.com"},
		{"aws_access_key_id", "AK"
				      "IAIOSFODNN7EXAMPLE"},
		{"aws_secret_access_key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY"
					  "EXAMPLEKEY"},
		{"api_key", "YOUR_API_KEY"},
		{"api_key", "${API_KEY}"},
		{"api_key", "{{ api_key }}"},
		{"api_key", "xxxxxxxxxxxxxxxxxxxxxxxx"},
		{"client_secret", "<your-client-secret>"},
		{"password", "changeme"},
		{"password", "null"},
		{"idfa", "00000000-0000-0000-0000-000000000000"},
		{"mac", "00:00:00:00:00:00"},
		{"mynumber", "000000000000"},
		{0},
	};

	expect_none(list);
}

enum { EACH = 2000 };

static uint64_t state = 2607;

static uint32_t next(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % below;
}

// n digits of a base; those of a UUID in base 10 look most like other numbers.
static void digits(char *out, uint32_t n, uint32_t base)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = "0123456789abcdef"[next(base)];
	out[n] = 0;
}

// One example proves little where a check digit lets one in ten through: many of each.
static void test_many(void **)
{
	for (uint32_t k = 0; k < EACH; k++) {
		uint64_t second = UINT64_C(1000000000) + next(1000000000);
		char ms[24], s[24], stamp[24], uuid[40], sha[48], version[24];
		struct innocent list[] = {
			{"createdAt", ms}, {"expires", s},      {"stamp", stamp},
			{"id", uuid},      {"commit", sha},     {"version", version},
			{"note", ms},      {"reference", uuid}, {0},
		};

		snprintf(ms, sizeof(ms), "%llu", (unsigned long long)(second * 1000 + next(1000)));
		snprintf(s, sizeof(s), "%llu", (unsigned long long)second);
		snprintf(stamp, sizeof(stamp), "20%02u%02u%02u%02u%02u%02u", next(40), 1 + next(12),
			 1 + next(28), next(24), next(60), next(60));
		digits(uuid, 36, k % 2 ? 16 : 10);
		uuid[8] = uuid[13] = uuid[18] = uuid[23] = '-';
		digits(sha, 40, 16);
		snprintf(version, sizeof(version), "%u.%u.%u.%u", next(256), next(100), next(100),
			 next(256));
		expect_none(list);
	}
}

// The lists would tell: what is none of that is reported.
static void test_others(void **)
{
	static const struct innocent list[] = {
		{"note", "4641526776645559"},
		{"ssn", "482739164"},
		{"password", "s7K2qVx9"},
		{"email", MAIL},
		{0},
	};

	for (uint32_t i = 0; list[i].text; i++) {
		struct seen seen = {0};

		scan_text(scanner, str(list[i].text), str(list[i].key), 1, SERVER, on_hit, &seen);
		assert_int_equal(seen.n, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),  cmocka_unit_test(test_identities),
		cmocka_unit_test(test_hidden), cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_many),   cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
