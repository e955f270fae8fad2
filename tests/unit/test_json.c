// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The JSON line is a promise to other programs: the golden line below changes only by additions.
// Hostile bytes are checked with another implementation of JSON (jansson).

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

// jansson has a function of this name, too.
#define json_string our_json_string
#include "export/json.c"
#include "tests/unit/sample_issue.h"

static const char golden[] =
	"{\"id\":\"00112233445566778899aabbccddeeff\",\"type\":\"Excessive Data Retrieval\","
	"\"detector\":\"retrieval\",\"module\":\"Runtime\",\"severity\":\"High\","
	"\"status\":\"Open\",\"confidence\":92,\"owasp\":[\"API3:2023\",\"API4:2023\"],"
	"\"incident_result\":\"Succeeded\",\"response_codes\":[{\"code\":200,\"count\":412},"
	"{\"code\":429,\"count\":1}],\"detected_at\":\"2024-05-01T08:36:00.123456Z\","
	"\"first_seen\":\"2024-05-01T08:35:00.000000Z\","
	"\"last_seen\":\"2024-05-01T08:36:00.000001Z\",\"count\":3,"
	"\"attacker\":{\"ip\":\"203.0.113.7\",\"user\":\"alice\",\"user_kind\":\"jwt\","
	"\"user_confidence\":90,\"proxy_ip\":\"10.0.0.9\",\"user_agent\":\"curl/8.1\"},\"target\":{\"host\":\"api.example.com\",\"method\":\"GET\","
	"\"template\":\"/v1/users/{id}\",\"path\":\"/v1/users/42\"},"
	"\"description\":\"alice received 413 numbers in one minute.\","
	"\"impact\":\"Data leaves.\",\"remediation\":\"Return less.\","
	"\"metric\":{\"name\":\"values per minute\",\"value\":413,\"unit\":\"1/min\","
	"\"baseline_mean\":10.64,\"percentile\":99.99,\"population\":1200,\"window\":\"1 min\"},"
	"\"data_types\":[{\"type\":\"us.ssn\",\"direction\":\"response\","
	"\"field\":\"$.users[].ssn\",\"count\":413,\"sample\":\"***-**-1234\"}],"
	"\"evidence\":[{\"time\":\"2024-05-01T08:35:59.000000Z\",\"request\":{"
	"\"head\":\"GET /v1/users/42 HTTP/1.1\\r\\nHost: api.example.com\\r\\n\\r\\n\","
	"\"body\":\"\",\"body_len\":0,\"head_truncated\":false,\"body_truncated\":false},"
	"\"response\":{\"head\":\"HTTP/1.1 200 OK\\r\\n\\r\\n\","
	"\"body\":\"{\\\"ssn\\\":\\\"***-**-1234\\\"}\",\"body_len\":90000,"
	"\"head_truncated\":false,\"body_truncated\":true}}],"
	"\"history\":[{\"time\":\"2024-05-01T08:35:58.000000Z\",\"method\":\"GET\","
	"\"host\":\"api.example.com\",\"template\":\"/v1/users/{id}\",\"status\":200,"
	"\"resp_bytes\":90000,\"values\":413},{\"time\":\"2024-05-01T08:35:59.000000Z\","
	"\"method\":\"GET\",\"host\":\"api.example.com\",\"template\":\"/v1/users/{id}\","
	"\"status\":null,\"resp_bytes\":0,\"values\":0}],"
	"\"incident_id\":\"cafe0000cafe0000cafe0000cafe0000\",\"risk\":61,\"incident_issues\":5,"
	"\"related\":[{\"id\":\"ffeeddccbbaa99887766554433221100\",\"detector\":\"D-44\","
	"\"severity\":\"Medium\",\"first_seen\":\"2024-05-01T08:26:40.000000Z\"},"
	"{\"id\":\"0123456789abcdef0123456789abcdef\",\"detector\":\"D-16\","
	"\"severity\":\"Low\",\"first_seen\":\"2024-05-01T08:28:20.000000Z\"}],"
	"\"sensor\":\"dc1-a\","
	"\"epoch\":1714552000000000,\"seq\":812,\"activity\":\"Updated\","
	"\"confidence_terms\":[{\"name\":\"above the baseline\",\"points\":60},"
	"{\"name\":\"few calls seen\",\"points\":-8}]}\n";

// The line of an issue; free() it.
static char *line_of(const struct issue *issue, size_t *len)
{
	char *line = NULL;
	FILE *out = open_memstream(&line, len);

	assert_true(json_from_issue(out, issue, "dc1-a", 1714552000000000, 812));
	fclose(out);
	return line;
}

// Exactly one line, which another implementation can read.
static json_t *parse(const char *line, size_t len)
{
	json_error_t error;
	json_t *json;

	assert_true(len > 0 && line[len - 1] == '\n');
	assert_null(memchr(line, '\n', len - 1));
	json = json_loadb(line, len - 1, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!json)
		fail_msg("%s at %d: %s", error.text, error.position, line);
	return json;
}

static void test_golden(void **)
{
	struct issue issue;
	size_t len;
	char *line;

	sample_issue(&issue);
	line = line_of(&issue, &len);
	assert_string_equal(line, golden);
	json_decref(parse(line, len));
	free(line);
}

static void test_golden_from_bytes(void **)
{
	struct issue issue;
	struct wire_stamp stamp = {"dc1-a", 1714552000000000, 812, true};
	struct wire_record *packed;
	Apitap__Record *record;
	struct span bytes;
	char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	sample_issue(&issue);
	packed = wire_issue(&issue);
	bytes = wire_stamp(packed, &stamp);
	record = apitap__record__unpack(NULL, bytes.len, bytes.p);
	assert_true(json_issue(out, record));
	fclose(out);
	assert_string_equal(line, golden);
	free(line);
	apitap__record__free_unpacked(record, NULL);
	free(packed);
}

static void test_what_is_no_issue(void **)
{
	Apitap__Record record = APITAP__RECORD__INIT;
	char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	assert_false(json_issue(out, &record));
	record.what_case = APITAP__RECORD__WHAT_HEARTBEAT;
	assert_false(json_issue(out, &record));
	// A record of another writer, with nothing in it.
	record.what_case = APITAP__RECORD__WHAT_ISSUE;
	record.issue = &(Apitap__Issue)APITAP__ISSUE__INIT;
	fflush(out);
	assert_int_equal(len, 0);
	assert_true(json_issue(out, &record));
	fclose(out);
	json_decref(parse(line, len));
	free(line);
}

static void test_absent_values(void **)
{
	struct issue issue;
	size_t len;
	char *line;
	json_t *json, *metric;

	sample_issue(&issue);
	issue.metric.percentile = NAN;
	issue.metric.value = INFINITY;
	line = line_of(&issue, &len);
	json = parse(line, len);
	metric = json_object_get(json, "metric");
	assert_true(json_is_null(json_object_get(metric, "percentile")));
	assert_true(json_is_null(json_object_get(metric, "value")));
	json_decref(json);
	free(line);
	issue.metric.present = false;
	issue.n_owasp = issue.n_codes = issue.n_types = issue.n_terms = 0;
	issue.n_evidence = issue.n_history = 0;
	issue.incident_id[0] = '\0';
	line = line_of(&issue, &len);
	json = parse(line, len);
	assert_true(json_is_null(json_object_get(json, "metric")));
	assert_int_equal(json_array_size(json_object_get(json, "owasp")), 0);
	assert_true(json_is_array(json_object_get(json, "history")));
	assert_true(json_is_null(json_object_get(json, "incident_id")));
	assert_int_equal(json_array_size(json_object_get(json, "related")), 0);
	json_decref(json);
	free(line);
}

static char *string_of(const void *bytes, size_t len)
{
	char *text = NULL;
	size_t text_len;
	FILE *out = open_memstream(&text, &text_len);

	json_string(out, bytes, len);
	fclose(out);
	assert_int_equal(strlen(text), text_len);
	return text;
}

static void test_strings(void **)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *json;
	} cases[] = {
		{"", 0, "\"\""},
		{"plain", 5, "\"plain\""},
		{"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
		{"\x00\x01\x1f", 3, "\"\\u0000\\u0001\\u001f\""},
		{"\r\n\t\x08", 4, "\"\\r\\n\\t\\u0008\""},
		{"\x7f", 1, "\"\\u007f\""},
		{"\x1b[2J", 4, "\"\\u001b[2J\""},
		{"\xc2\x9b", 2, "\"\\u009b\""}, // CSI in one character
		{"\xe2\x80\xa8\xe2\x80\xa9", 6, "\"\\u2028\\u2029\""},
		{"\xe2\x80\xae", 3, "\"\\u202e\""},            // right-to-left override
		{"\xf3\xa0\x80\x81", 4, "\"\\udb40\\udc01\""}, // invisible tag
		{"\xe5\x80\x8b\xe4\xba\xba", 6, "\"\xe5\x80\x8b\xe4\xba\xba\""},
		{"\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\""},
		{"\xff", 1, "\"\xef\xbf\xbd\""},
		{"a\xc3(", 3, "\"a\xef\xbf\xbd(\""},
		{"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xe3\x81", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"x\xf0\x9f\x98", 4, "\"x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *copy = malloc(cases[i].len ? cases[i].len : 1), *text;

		memcpy(copy, cases[i].bytes, cases[i].len);
		text = string_of(copy, cases[i].len);
		assert_string_equal(text, cases[i].json);
		free(text);
		free(copy);
	}
}

// Valid text comes back as it was, whatever the escapes.
static void test_every_character_comes_back(void **)
{
	for (uint32_t code = 1; code <= 0x10ffff; code += code < 0x3000 ? 1 : 997) {
		char utf8[5] = "", *text;
		json_t *json;

		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		if (code < 0x80)
			snprintf(utf8, sizeof(utf8), "%c", code);
		else if (code < 0x800)
			snprintf(utf8, sizeof(utf8), "%c%c", 0xc0 | code >> 6, 0x80 | (code & 63));
		else if (code < 0x10000)
			snprintf(utf8, sizeof(utf8), "%c%c%c", 0xe0 | code >> 12,
				 0x80 | (code >> 6 & 63), 0x80 | (code & 63));
		else
			snprintf(utf8, sizeof(utf8), "%c%c%c%c", 0xf0 | code >> 18,
				 0x80 | (code >> 12 & 63), 0x80 | (code >> 6 & 63),
				 0x80 | (code & 63));
		text = string_of(utf8, strlen(utf8));
		json = json_loads(text, JSON_DECODE_ANY, NULL);
		if (!json)
			fail_msg("U+%04x: %s", code, text);
		assert_string_equal(json_string_value(json), utf8);
		json_decref(json);
		free(text);
	}
}

static void test_random_bytes_everywhere(void **)
{
	uint64_t state = 42;
	uint8_t noise[256];

	for (int round = 0; round < 3000; round++) {
		struct issue issue;
		struct span span;
		json_t *json;
		char *line;
		size_t len;

		for (uint32_t i = 0; i < sizeof(noise); i++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			// Mostly bytes that make or break UTF-8 sequences.
			noise[i] = (uint8_t)(state >> 56);
			if (state >> 32 & 1)
				noise[i] =
					(uint8_t) "\x80\xbf\xc0\xe0\xed\xf0\xf4\xff"[state >> 33 &
										     7];
		}
		span = span_make(noise, state >> 56);
		sample_issue(&issue);
		issue.attacker.user = issue.attacker.user_agent = span;
		issue.target.host = issue.target.method = issue.target.template = span;
		issue.target.path = issue.types[0].field = issue.types[0].sample = span;
		issue.evidence[0].request.head = issue.evidence[0].request.body = span;
		issue.evidence[0].response.head = issue.evidence[0].response.body = span;
		issue.history[0].method = issue.history[0].host = issue.history[0].template = span;
		noise[255] = '\0';
		issue.description = issue.impact = issue.type = (char *)noise;
		line = line_of(&issue, &len);
		for (size_t i = 0; i + 1 < len; i++)
			assert_true((uint8_t)line[i] >= 0x20 && line[i] != 0x7f);
		json = parse(line, len);
		assert_string_equal(json_string_value(json_object_get(json, "detector")),
				    "retrieval");
		json_decref(json);
		free(line);
	}
}

static void test_times(void **)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000Z"},
		{999, "1970-01-01T00:00:00.000000Z"},
		{1000, "1970-01-01T00:00:00.000001Z"},
		{951782399999999999, "2000-02-28T23:59:59.999999Z"},
		{1709164800000000000, "2024-02-29T00:00:00.000000Z"},
		{UINT64_MAX, "2554-07-21T23:34:33.709551Z"},
	};
	char text[32];

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_time(text, cases[i].ns);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_numbers(void **)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, ",\"v\":0"},       {10.64, ",\"v\":10.64"},
		{0.1, ",\"v\":0.1"},   {1.0 / 3, ",\"v\":0.3333333333333333"},
		{-2.5, ",\"v\":-2.5"}, {1e300, ",\"v\":1e+300"},
		{NAN, ",\"v\":null"},  {-INFINITY, ",\"v\":null"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		put_double(out, "v", true, cases[i].value);
		fclose(out);
		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

static void test_words(void **)
{
	assert_string_equal(json_severity(APITAP__SEVERITY__SEVERITY_CRITICAL), "Critical");
	assert_string_equal(json_severity(0), "Unknown");
	assert_string_equal(json_severity(6), "Unknown");
	assert_string_equal(json_severity(-1), "Unknown");
	assert_string_equal(json_status(APITAP__STATUS__STATUS_IN_PROGRESS), "In Progress");
	assert_string_equal(json_status(APITAP__STATUS__STATUS_RESOLVED), "Resolved");
	assert_string_equal(json_result(APITAP__RESULT__RESULT_ATTEMPTED), "Attempted");
	assert_string_equal(json_activity(APITAP__ACTIVITY__ACTIVITY_CLOSED), "Closed");
	assert_string_equal(json_user_kind(APITAP__USER_KIND__USER_KIND_API_KEY), "api_key");
	assert_string_equal(json_user_kind(APITAP__USER_KIND__USER_KIND_CONFIGURED), "configured");
	assert_string_equal(json_user_kind(APITAP__USER_KIND__USER_KIND_CERTIFICATE), "certificate");
	assert_string_equal(json_user_kind(99), "none");
	assert_string_equal(json_direction(APITAP__DIRECTION__DIRECTION_REQUEST), "request");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_golden_from_bytes),
		cmocka_unit_test(test_what_is_no_issue),
		cmocka_unit_test(test_absent_values),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_every_character_comes_back),
		cmocka_unit_test(test_random_bytes_everywhere),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
