// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// An issue survives the schema whole; what cannot be sent as it is, is cut or mended, never
// refused; garbage from the replay socket is refused and does no harm.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "export/wire.c"
#include "tests/unit/sample_issue.h"

static const struct wire_stamp sample_stamp = {"dc1-a", 1714552000000000, 812, true};

static Apitap__Record *through(const struct issue *issue, const struct wire_stamp *stamp)
{
	struct wire_record *packed = wire_issue(issue);
	Apitap__Record *record;
	struct span bytes;

	assert_non_null(packed);
	bytes = wire_stamp(packed, stamp);
	assert_true(bytes.len <= WIRE_MAX_RECORD);
	record = apitap__record__unpack(NULL, bytes.len, bytes.p);
	free(packed);
	assert_non_null(record);
	return record;
}

static void assert_bytes(ProtobufCBinaryData got, const char *expected)
{
	assert_int_equal(got.len, strlen(expected));
	assert_memory_equal(got.data, expected, got.len);
}

static void test_all_fields(void **)
{
	struct issue issue;
	Apitap__Record *record;
	Apitap__Issue *got;

	sample_issue(&issue);
	record = through(&issue, &sample_stamp);
	assert_string_equal(record->sensor, "dc1-a");
	assert_int_equal(record->epoch, 1714552000000000);
	assert_int_equal(record->seq, 812);
	assert_true(record->durable);
	assert_int_equal(record->what_case, APITAP__RECORD__WHAT_ISSUE);
	got = record->issue;
	assert_string_equal(got->id, issue.id);
	assert_string_equal(got->type, issue.type);
	assert_string_equal(got->detector, "retrieval");
	assert_int_equal(got->detector_version, 2);
	assert_string_equal(got->module, "Runtime");
	assert_int_equal(got->severity, APITAP__SEVERITY__SEVERITY_HIGH);
	assert_int_equal(got->status, APITAP__STATUS__STATUS_OPEN);
	assert_int_equal(got->activity, APITAP__ACTIVITY__ACTIVITY_UPDATED);
	assert_int_equal(got->result, APITAP__RESULT__RESULT_SUCCEEDED);
	assert_int_equal(got->confidence, 92);
	assert_int_equal(got->n_terms, 2);
	assert_string_equal(got->terms[1]->name, "few calls seen");
	assert_int_equal(got->terms[1]->points, -8);
	assert_int_equal(got->n_owasp, 2);
	assert_string_equal(got->owasp[0], "API3:2023");
	assert_int_equal(got->n_codes, 2);
	assert_int_equal(got->codes[1]->code, 429);
	assert_int_equal(got->codes[0]->count, 412);
	assert_int_equal(got->detected_ns, issue.detected_ns);
	assert_int_equal(got->first_seen_ns, issue.first_seen_ns);
	assert_int_equal(got->last_seen_ns, issue.last_seen_ns);
	assert_int_equal(got->count, 3);
	assert_string_equal(got->attacker->ip, "203.0.113.7");
	assert_int_equal(got->attacker->port, 51234);
	assert_bytes(got->attacker->user, "alice");
	assert_int_equal(got->attacker->user_kind, APITAP__USER_KIND__USER_KIND_JWT);
	assert_int_equal(got->attacker->user_confidence, 90);
	assert_string_equal(got->attacker->proxy_ip, "10.0.0.9");
	assert_bytes(got->attacker->user_agent, "curl/8.1");
	assert_bytes(got->target->host, "api.example.com");
	assert_bytes(got->target->method, "GET");
	assert_bytes(got->target->template_, "/v1/users/{id}");
	assert_bytes(got->target->path, "/v1/users/42");
	assert_string_equal(got->target->ip, "192.0.2.10");
	assert_int_equal(got->target->port, 443);
	assert_bytes(got->description, issue.description);
	assert_bytes(got->impact, issue.impact);
	assert_bytes(got->remediation, issue.remediation);
	assert_string_equal(got->metric->name, "values per minute");
	assert_string_equal(got->metric->unit, "1/min");
	assert_string_equal(got->metric->window, "1 min");
	assert_true(got->metric->value == 413 && got->metric->baseline_mean == 10.64);
	assert_true(got->metric->has_percentile && got->metric->percentile == 99.99);
	assert_int_equal(got->metric->population, 1200);
	assert_int_equal(got->n_data_types, 1);
	assert_string_equal(got->data_types[0]->type, "us.ssn");
	assert_int_equal(got->data_types[0]->direction, APITAP__DIRECTION__DIRECTION_RESPONSE);
	assert_bytes(got->data_types[0]->field, "$.users[].ssn");
	assert_bytes(got->data_types[0]->sample, "***-**-1234");
	assert_int_equal(got->data_types[0]->count, 413);
	assert_int_equal(got->n_evidence, 1);
	assert_int_equal(got->evidence[0]->time_ns, issue.evidence[0].time_ns);
	assert_int_equal(got->evidence[0]->request->head.len, issue.evidence[0].request.head.len);
	assert_int_equal(got->evidence[0]->request->body.len, 0);
	assert_false(got->evidence[0]->request->body_truncated);
	assert_bytes(got->evidence[0]->response->body, "{\"ssn\":\"***-**-1234\"}");
	assert_int_equal(got->evidence[0]->response->body_len, 90000);
	assert_true(got->evidence[0]->response->body_truncated);
	assert_int_equal(got->n_history, 2);
	assert_int_equal(got->history[0]->status, 200);
	assert_int_equal(got->history[0]->resp_bytes, 90000);
	assert_int_equal(got->history[0]->n_values, 413);
	assert_bytes(got->history[1]->template_, "/v1/users/{id}");
	assert_int_equal(got->history[1]->status, 0);
	assert_string_equal(got->incident_id, "cafe0000cafe0000cafe0000cafe0000");
	assert_int_equal(got->risk, 61);
	assert_int_equal(got->incident_issues, 5);
	assert_int_equal(got->n_related, 2);
	assert_string_equal(got->related[0]->id, "ffeeddccbbaa99887766554433221100");
	assert_string_equal(got->related[1]->detector, "D-16");
	assert_int_equal(got->related[1]->severity, APITAP__SEVERITY__SEVERITY_LOW);
	assert_int_equal(got->related[0]->first_seen_ns, 1714552000000000000);
	apitap__record__free_unpacked(record, NULL);
}

static void test_nothing_set(void **)
{
	struct issue issue = {0};
	struct wire_stamp stamp = {"", 0, 0, false};
	Apitap__Record *record = through(&issue, &stamp);

	// NULL strings are not allowed by issue.h, but are no reason to fall over.
	assert_string_equal(record->issue->type, "");
	assert_int_equal(record->issue->description.len, 0);
	assert_null(record->issue->metric);
	assert_false(record->durable);
	apitap__record__free_unpacked(record, NULL);
}

static void test_every_enum_value(void **)
{
	struct issue issue;
	Apitap__Record *record;

	sample_issue(&issue);
	for (int value = 0; value < 12; value++) {
		issue.severity = (enum severity)value;
		issue.status = (enum issue_status)value;
		issue.activity = (enum issue_activity)value;
		issue.result = (enum incident_result)value;
		issue.attacker.user_kind = (enum principal_kind)value;
		issue.types[0].direction = (enum dir)value;
		record = through(&issue, &sample_stamp);
		assert_int_equal(record->issue->severity, value <= 4 ? value + 1 : 0);
		assert_int_equal(record->issue->status, value <= 3 ? value + 1 : 0);
		assert_int_equal(record->issue->activity, value <= 2 ? value + 1 : 0);
		assert_int_equal(record->issue->result, value <= 2 ? value + 1 : 0);
		assert_int_equal(record->issue->attacker->user_kind, value <= 7 ? value + 1 : 0);
		assert_int_equal(record->issue->data_types[0]->direction,
				 value <= 1 ? value + 1 : 0);
		apitap__record__free_unpacked(record, NULL);
	}
	issue.metric.percentile = NAN;
	record = through(&issue, &sample_stamp);
	assert_false(record->issue->metric->has_percentile);
	apitap__record__free_unpacked(record, NULL);
}

// Captured bytes pass as they are; our own strings must be valid, or readers refuse the record.
static void test_bytes_and_strings(void **)
{
	struct issue issue;
	Apitap__Record *record;
	char many[8][300];

	sample_issue(&issue);
	issue.attacker.user = SPAN_LIT("\xff\x00\xc3(\x1b[31m");
	issue.types[0].type = "pol\xedtica";
	issue.type = "\xe5\x80\x8b\xe4\xba\xba";
	issue.module = "\xed\xa0\x80";
	memcpy(issue.id, "\xff\xff", 3);
	for (int i = 0; i < 6; i++) {
		memset(many[i], 0xfe, sizeof(many[i]));
		many[i][299] = '\0';
		issue.terms[i].name = many[i];
	}
	issue.n_terms = 6;
	record = through(&issue, &sample_stamp);
	assert_int_equal(record->issue->attacker->user.len, 9);
	assert_memory_equal(record->issue->attacker->user.data, "\xff\x00\xc3(\x1b[31m", 9);
	assert_string_equal(record->issue->data_types[0]->type, "pol?tica");
	assert_string_equal(record->issue->type, "\xe5\x80\x8b\xe4\xba\xba");
	assert_string_equal(record->issue->module, "???");
	assert_string_equal(record->issue->id, "??");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(strlen(record->issue->terms[i]->name), CLIP_WORD);
		assert_int_equal(record->issue->terms[i]->name[0], '?');
	}
	apitap__record__free_unpacked(record, NULL);
}

// Everything as long as it can be: fits, with the cuts marked.
static void test_longest_issue(void **)
{
	struct issue_related related[ISSUE_MAX_RELATED];
	struct issue issue;
	Apitap__Record *record;
	uint32_t len = 4 * 1024 * 1024;
	uint8_t *big = malloc(len);
	char *text_big = malloc(len);
	struct span span = span_make(big, len);

	memset(big, 0xff, len);
	memset(text_big, 0xff, len);
	text_big[len - 1] = '\0';
	sample_issue(&issue);
	issue.type = issue.detector = issue.module = text_big;
	issue.description = issue.impact = issue.remediation = text_big;
	issue.attacker.ip = issue.target.ip = text_big;
	issue.attacker.user = issue.attacker.user_agent = span;
	issue.target.host = issue.target.method = issue.target.template = issue.target.path = span;
	issue.metric.name = issue.metric.unit = issue.metric.window = text_big;
	memset(issue.id, 'f', sizeof(issue.id));
	for (uint32_t i = 0; i < ISSUE_MAX_TERMS; i++)
		issue.terms[i] = (struct issue_term){text_big, INT32_MIN};
	for (uint32_t i = 0; i < ISSUE_MAX_OWASP; i++)
		issue.owasp[i] = text_big;
	for (uint32_t i = 0; i < ISSUE_MAX_CODES; i++)
		issue.codes[i] = (struct issue_code){UINT16_MAX, UINT64_MAX};
	for (uint32_t i = 0; i < ISSUE_MAX_TYPES; i++)
		issue.types[i] = (struct issue_type){text_big, SERVER, span, span, UINT64_MAX};
	for (uint32_t i = 0; i < ISSUE_MAX_EVIDENCE; i++) {
		struct issue_message message = {span, span, UINT64_MAX, false, false};

		issue.evidence[i] = (struct issue_evidence){UINT64_MAX, message, message};
	}
	for (uint32_t i = 0; i < ISSUE_MAX_HISTORY; i++)
		issue.history[i] = (struct issue_call){UINT64_MAX, span,       span,      span,
						       UINT16_MAX, UINT64_MAX, UINT32_MAX};
	for (uint32_t i = 0; i < ISSUE_MAX_RELATED; i++)
		related[i] = (struct issue_related){"", text_big, SEVERITY_CRITICAL, UINT64_MAX};
	issue.related = related;
	issue.n_related = UINT32_MAX;
	strcpy(issue.incident_id, "x");
	// Counts beyond the arrays must not be believed.
	issue.n_terms = issue.n_owasp = issue.n_codes = issue.n_types = UINT32_MAX;
	issue.n_evidence = issue.n_history = UINT32_MAX;
	record = through(&issue, &sample_stamp);
	assert_int_equal(record->issue->n_history, ISSUE_MAX_HISTORY);
	assert_int_equal(record->issue->n_data_types, ISSUE_MAX_TYPES);
	assert_int_equal(record->issue->n_related, ISSUE_MAX_RELATED);
	assert_int_equal(record->issue->n_evidence, ISSUE_MAX_EVIDENCE);
	assert_int_equal(record->issue->n_owasp, ISSUE_MAX_OWASP);
	assert_int_equal(record->issue->n_codes, ISSUE_MAX_CODES);
	assert_int_equal(record->issue->n_terms, ISSUE_MAX_TERMS);
	assert_true(record->issue->evidence[2]->response->head_truncated);
	assert_true(record->issue->evidence[2]->response->body_truncated);
	assert_int_equal(record->issue->evidence[2]->response->body.len, CLIP_BODY);
	assert_int_equal(record->issue->evidence[2]->response->body_len, UINT64_MAX);
	apitap__record__free_unpacked(record, NULL);
	free(text_big);
	free(big);
}

static void test_stamp_again(void **)
{
	struct issue issue;
	struct wire_record *packed;
	struct wire_stamp stamp = sample_stamp;
	char longest[200];

	sample_issue(&issue);
	packed = wire_issue(&issue);
	memset(longest, 's', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		Apitap__Record *record;
		struct span bytes;

		stamp.seq = i == 1 ? UINT64_MAX : 7;
		stamp.epoch = i == 1 ? UINT64_MAX : 7;
		stamp.sensor = i == 1 ? longest : "x";
		stamp.durable = i != 2;
		bytes = wire_stamp(packed, &stamp);
		record = apitap__record__unpack(NULL, bytes.len, bytes.p);
		assert_non_null(record);
		assert_int_equal(record->seq, stamp.seq);
		assert_int_equal(record->epoch, stamp.epoch);
		assert_int_equal(record->durable, stamp.durable);
		assert_int_equal(strlen(record->sensor), i == 1 ? WIRE_MAX_SENSOR : 1);
		assert_string_equal(record->issue->detector, "retrieval");
		apitap__record__free_unpacked(record, NULL);
	}
	free(packed);
}

static void test_heartbeat(void **)
{
	struct wire_heartbeat heartbeat = {1, 2, 3, 4, 5, 6, 7, 8, 9, true, true, "1.2"};
	struct wire_record *packed = wire_heartbeat(&heartbeat);
	struct span bytes = wire_stamp(packed, &sample_stamp);
	Apitap__Record *record = apitap__record__unpack(NULL, bytes.len, bytes.p);

	assert_int_equal(record->what_case, APITAP__RECORD__WHAT_HEARTBEAT);
	assert_int_equal(record->heartbeat->time_ns, 1);
	assert_int_equal(record->heartbeat->head_seq, 2);
	assert_int_equal(record->heartbeat->durable_seq, 3);
	assert_int_equal(record->heartbeat->oldest_seq, 4);
	assert_int_equal(record->heartbeat->issues, 5);
	assert_int_equal(record->heartbeat->published, 6);
	assert_int_equal(record->heartbeat->not_durable, 7);
	assert_int_equal(record->heartbeat->queue_dropped, 8);
	assert_int_equal(record->heartbeat->segments_dropped, 9);
	assert_true(record->heartbeat->spool_failing && record->heartbeat->goodbye);
	assert_string_equal(record->heartbeat->version, "1.2");
	apitap__record__free_unpacked(record, NULL);
	free(packed);
}

// Readers of our bytes: cut or changed anywhere, they get an answer and no fault.
static void test_damaged_records(void **)
{
	struct issue issue;
	struct wire_record *packed;
	struct span bytes;

	sample_issue(&issue);
	packed = wire_issue(&issue);
	bytes = wire_stamp(packed, &sample_stamp);
	for (uint32_t cut = 0; cut < bytes.len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		Apitap__Record *record;

		memcpy(copy, bytes.p, cut);
		record = apitap__record__unpack(NULL, cut, copy);
		// Cut between two fields it is a shorter record; never the whole one.
		if (record) {
			assert_null(record->issue);
			apitap__record__free_unpacked(record, NULL);
		}
		free(copy);
	}
	for (uint32_t at = 0; at < bytes.len * 4; at++) {
		uint8_t *copy = malloc(bytes.len);
		Apitap__Record *record;

		memcpy(copy, bytes.p, bytes.len);
		copy[at / 4] ^= (uint8_t)(0x81u >> at % 4);
		record = apitap__record__unpack(NULL, bytes.len, copy);
		if (record)
			apitap__record__free_unpacked(record, NULL);
		free(copy);
	}
	free(packed);
}

static void test_requests(void **)
{
	struct wire_request request = {UINT64_MAX, UINT32_MAX}, got;
	uint8_t bytes[WIRE_MAX_REQUEST + 1];
	size_t len = wire_request_pack(&request, bytes);
	uint64_t state = 1;

	assert_true(len <= 32);
	assert_true(wire_request_unpack(span_make(bytes, len), &got));
	assert_int_equal(got.from_seq, UINT64_MAX);
	assert_int_equal(got.max, UINT32_MAX);
	// An empty request is one for everything.
	assert_true(wire_request_unpack(span_make(bytes, 0), &got));
	assert_int_equal(got.from_seq, 0);
	assert_false(wire_request_unpack(span_make("GET / HTTP/1.1", 14), &got));
	assert_false(wire_request_unpack(span_make("\x08\xff\xff", 3), &got));
	memset(bytes, 0x20, sizeof(bytes));
	assert_false(wire_request_unpack(span_make(bytes, sizeof(bytes)), &got));
	for (int i = 0; i < 20000; i++) {
		for (uint32_t at = 0; at < 40; at++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			bytes[at] = (uint8_t)(state >> 56);
		}
		// Only that it returns: some garbage is a request.
		wire_request_unpack(span_make(bytes, state >> 60), &got);
	}
}

static void test_reply(void **)
{
	static struct wire_reply reply;
	static uint8_t record[4000];
	Apitap__ReplayReply *got;
	uint8_t *bytes;
	size_t len;

	reply = (struct wire_reply){.oldest_seq = 5, .head_seq = 9, .epoch = 3};
	memset(record, 0xab, sizeof(record));
	for (uint32_t i = 0; i < WIRE_MAX_REPLY_RECORDS; i++)
		reply.records[i] = span_make(record, sizeof(record));
	reply.n_records = WIRE_MAX_REPLY_RECORDS;
	len = wire_reply_size(&reply);
	bytes = malloc(len);
	wire_reply_pack(&reply, bytes);
	got = apitap__replay_reply__unpack(NULL, len, bytes);
	assert_non_null(got);
	assert_int_equal(got->oldest_seq, 5);
	assert_int_equal(got->head_seq, 9);
	assert_int_equal(got->epoch, 3);
	assert_null(got->error);
	assert_int_equal(got->n_records, WIRE_MAX_REPLY_RECORDS);
	assert_int_equal(got->records[255].len, sizeof(record));
	assert_memory_equal(got->records[255].data, record, sizeof(record));
	apitap__replay_reply__free_unpacked(got, NULL);
	free(bytes);
	reply.n_records = 0;
	reply.error = "no";
	len = wire_reply_size(&reply);
	bytes = malloc(len);
	wire_reply_pack(&reply, bytes);
	got = apitap__replay_reply__unpack(NULL, len, bytes);
	assert_string_equal(got->error, "no");
	apitap__replay_reply__free_unpacked(got, NULL);
	free(bytes);
}

static void test_utf8(void **)
{
	static const struct {
		const char *bytes;
		uint32_t len, n, code;
	} cases[] = {
		{"a", 1, 1, 'a'},
		{"\x00", 1, 1, 0},
		{"\x7f", 1, 1, 0x7f},
		{"\xc3\xa9", 2, 2, 0xe9},
		{"\xe3\x81\x82", 3, 3, 0x3042},
		{"\xf0\x9f\x98\x80", 4, 4, 0x1f600},
		{"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
		{"\x80", 1, 0, 0},             // continuation alone
		{"\xc0\xaf", 2, 0, 0},         // overlong
		{"\xc1\xbf", 2, 0, 0},         // overlong
		{"\xe0\x9f\xbf", 3, 0, 0},     // overlong
		{"\xf0\x8f\xbf\xbf", 4, 0, 0}, // overlong
		{"\xed\xa0\x80", 3, 0, 0},     // surrogate
		{"\xed\xbf\xbf", 3, 0, 0},     // surrogate
		{"\xf4\x90\x80\x80", 4, 0, 0}, // above U+10FFFF
		{"\xf5\x80\x80\x80", 4, 0, 0},
		{"\xff", 1, 0, 0},
		{"\xe3\x81", 2, 0, 0}, // cut short
		{"\xe3\x81\x41", 3, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *copy = malloc(cases[i].len);
		uint32_t code = 0;

		memcpy(copy, cases[i].bytes, cases[i].len);
		assert_int_equal(wire_utf8(copy, cases[i].len, &code), cases[i].n);
		assert_int_equal(code, cases[i].code);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_nothing_set),
		cmocka_unit_test(test_every_enum_value),
		cmocka_unit_test(test_bytes_and_strings),
		cmocka_unit_test(test_longest_issue),
		cmocka_unit_test(test_stamp_again),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_damaged_records),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
