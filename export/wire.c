// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// struct issue -> packed Record. All protobuf structs of one issue lie in one struct draft on the
// stack and point into the issue; the only allocation is the record that comes out. Every array
// and every run of bytes is clipped to a bound, so that a record always fits a replay reply.
// Called on the merger's thread (packing) and on the exporter's threads (stamp, reply).

#include "export/wire.h"

#include "export/issue.pb-c.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Longest run of bytes of each sort.
enum {
	CLIP_WORD = 256,
	CLIP_FIELD = 1024,
	CLIP_PATH = 4096,
	CLIP_TEXT = 8192,
	CLIP_HEAD = 32 * 1024,
	CLIP_BODY = 64 * 1024,
};

static_assert(ISSUE_MAX_EVIDENCE * 2 * (CLIP_HEAD + CLIP_BODY + 64) +
			      ISSUE_MAX_HISTORY * (2 * CLIP_WORD + CLIP_FIELD + 64) +
			      ISSUE_MAX_TYPES * (CLIP_WORD + 2 * CLIP_FIELD + 64) +
			      (ISSUE_MAX_OWASP + ISSUE_MAX_TERMS + ISSUE_MAX_CODES + 16) *
				      (CLIP_WORD + 32) +
			      ISSUE_MAX_RELATED * (2 * CLIP_WORD + 32) +
			      3 * CLIP_TEXT + 8 * CLIP_PATH + WIRE_HEADROOM <
		      WIRE_MAX_RECORD,
	      "the longest issue fits a record");
static_assert(WIRE_MAX_RECORD + 4096 <= WIRE_MAX_REPLY, "the longest record fits a reply");
static_assert(WIRE_MAX_SENSOR + 2 + 11 + 11 + 2 <= WIRE_HEADROOM, "the stamp fits its room");

struct draft {
	Apitap__Record record;
	Apitap__Issue issue;
	Apitap__Attacker attacker;
	Apitap__Target target;
	Apitap__Metric metric;
	Apitap__Term terms[ISSUE_MAX_TERMS], *term_list[ISSUE_MAX_TERMS];
	Apitap__Code codes[ISSUE_MAX_CODES], *code_list[ISSUE_MAX_CODES];
	Apitap__DataType types[ISSUE_MAX_TYPES], *type_list[ISSUE_MAX_TYPES];
	Apitap__Evidence evidence[ISSUE_MAX_EVIDENCE], *evidence_list[ISSUE_MAX_EVIDENCE];
	Apitap__Message messages[ISSUE_MAX_EVIDENCE][2];
	Apitap__Call calls[ISSUE_MAX_HISTORY], *call_list[ISSUE_MAX_HISTORY];
	Apitap__Related related[ISSUE_MAX_RELATED], *related_list[ISSUE_MAX_RELATED];
	char *owasp[ISSUE_MAX_OWASP];
	char mended[4096]; // copies of the strings that are not valid UTF-8 or too long
	size_t n_mended;
};

uint32_t wire_utf8(const uint8_t *p, size_t len, uint32_t *code)
{
	uint32_t n, min, c = p[0];

	if (c < 0x80) {
		*code = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		n = 2, min = 0x80, c &= 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		n = 3, min = 0x800, c &= 0x0f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		n = 4, min = 0x10000, c &= 0x07;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (uint32_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return n;
}

// A `string` of the schema: must be valid UTF-8, or readers refuse the whole record. Ours always
// are; names out of a configuration file may not be, and are mended here.
static char *text(struct draft *draft, const char *string)
{
	size_t len = string ? strnlen(string, CLIP_WORD + 1) : 0;
	char *out = draft->mended + draft->n_mended;
	bool good = len <= CLIP_WORD;
	uint32_t code, n;

	if (!string)
		return "";
	for (size_t at = 0; good && at < len; at += n) {
		n = wire_utf8((const uint8_t *)string + at, len - at, &code);
		good = n > 0;
	}
	// protobuf-c's strings are char *, but packing only reads them.
	if (good)
		return (char *)(uintptr_t)string;
	if (len > CLIP_WORD)
		len = CLIP_WORD;
	if (len >= sizeof(draft->mended) - draft->n_mended)
		return "?";
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)string[i] < 0x80 ? string[i] : '?';
	out[len] = '\0';
	draft->n_mended += len + 1;
	return out;
}

// Borrows at most max bytes. True when there are any.
static protobuf_c_boolean put(ProtobufCBinaryData *out, struct span span, uint32_t max)
{
	out->data = (uint8_t *)(uintptr_t)span.p;
	out->len = !span.p ? 0 : span.len < max ? span.len : max;
	return out->len > 0;
}

static struct span span_of(const char *string)
{
	return string ? span_make(string, strnlen(string, CLIP_TEXT)) : span_make(NULL, 0);
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
	return n < max ? n : max;
}

// Enums of the schema are ours plus one; 0 stays for what does not belong there.
static int shifted(uint32_t value, uint32_t last)
{
	return value <= last ? (int)value + 1 : 0;
}

static void draft_people(struct draft *draft, const struct issue *from)
{
	Apitap__Attacker *attacker = &draft->attacker;
	Apitap__Target *target = &draft->target;

	apitap__attacker__init(attacker);
	attacker->ip = text(draft, from->attacker.ip);
	attacker->has_port = from->attacker.port != 0;
	attacker->port = from->attacker.port;
	attacker->has_user = put(&attacker->user, from->attacker.user, CLIP_FIELD);
	attacker->has_user_kind = true;
	attacker->user_kind = shifted(from->attacker.user_kind, PRINCIPAL_CERTIFICATE);
	attacker->has_user_confidence = from->attacker.user_kind != PRINCIPAL_NONE;
	attacker->user_confidence = from->attacker.user_confidence;
	if (from->attacker.proxy_ip && *from->attacker.proxy_ip)
		attacker->proxy_ip = text(draft, from->attacker.proxy_ip);
	attacker->has_user_agent = put(&attacker->user_agent, from->attacker.user_agent, CLIP_PATH);
	draft->issue.attacker = attacker;

	apitap__target__init(target);
	target->has_host = put(&target->host, from->target.host, CLIP_FIELD);
	target->has_method = put(&target->method, from->target.method, CLIP_WORD);
	target->has_template_ = put(&target->template_, from->target.template, CLIP_PATH);
	target->has_path = put(&target->path, from->target.path, CLIP_PATH);
	target->ip = text(draft, from->target.ip);
	target->has_port = from->target.port != 0;
	target->port = from->target.port;
	draft->issue.target = target;
}

static void draft_metric(struct draft *draft, const struct issue_metric *from)
{
	Apitap__Metric *metric = &draft->metric;

	if (!from->present)
		return;
	apitap__metric__init(metric);
	metric->name = text(draft, from->name);
	metric->has_value = true;
	metric->value = from->value;
	metric->unit = text(draft, from->unit);
	metric->has_baseline_mean = true;
	metric->baseline_mean = from->baseline_mean;
	metric->has_percentile = !isnan(from->percentile);
	metric->percentile = from->percentile;
	metric->has_population = true;
	metric->population = from->population;
	metric->window = text(draft, from->window);
	draft->issue.metric = metric;
}

static void draft_message(Apitap__Message *message, const struct issue_message *from)
{
	apitap__message__init(message);
	message->has_head = put(&message->head, from->head, CLIP_HEAD);
	message->has_body = put(&message->body, from->body, CLIP_BODY);
	message->has_body_len = true;
	message->body_len = from->body_len;
	message->has_head_truncated = true;
	message->head_truncated = from->head_truncated || from->head.len > CLIP_HEAD;
	message->has_body_truncated = true;
	message->body_truncated = from->body_truncated || from->body.len > CLIP_BODY;
}

static void draft_lists(struct draft *draft, const struct issue *from)
{
	Apitap__Issue *issue = &draft->issue;

	issue->n_terms = at_most(from->n_terms, ISSUE_MAX_TERMS);
	issue->terms = draft->term_list;
	for (uint32_t i = 0; i < issue->n_terms; i++) {
		Apitap__Term *term = draft->term_list[i] = &draft->terms[i];

		apitap__term__init(term);
		term->name = text(draft, from->terms[i].name);
		term->has_points = true;
		term->points = from->terms[i].points;
	}
	issue->n_owasp = at_most(from->n_owasp, ISSUE_MAX_OWASP);
	issue->owasp = draft->owasp;
	for (uint32_t i = 0; i < issue->n_owasp; i++)
		draft->owasp[i] = text(draft, from->owasp[i]);
	issue->n_codes = at_most(from->n_codes, ISSUE_MAX_CODES);
	issue->codes = draft->code_list;
	for (uint32_t i = 0; i < issue->n_codes; i++) {
		Apitap__Code *code = draft->code_list[i] = &draft->codes[i];

		apitap__code__init(code);
		code->has_code = true;
		code->code = from->codes[i].code;
		code->has_count = true;
		code->count = from->codes[i].count;
	}
	issue->n_data_types = at_most(from->n_types, ISSUE_MAX_TYPES);
	issue->data_types = draft->type_list;
	for (uint32_t i = 0; i < issue->n_data_types; i++) {
		Apitap__DataType *type = draft->type_list[i] = &draft->types[i];

		apitap__data_type__init(type);
		type->type = text(draft, from->types[i].type);
		type->has_direction = true;
		type->direction = shifted(from->types[i].direction, SERVER);
		type->has_field = put(&type->field, from->types[i].field, CLIP_FIELD);
		type->has_count = true;
		type->count = from->types[i].count;
		type->has_sample = put(&type->sample, from->types[i].sample, CLIP_FIELD);
	}
}

static void draft_proof(struct draft *draft, const struct issue *from)
{
	Apitap__Issue *issue = &draft->issue;

	issue->n_evidence = at_most(from->n_evidence, ISSUE_MAX_EVIDENCE);
	issue->evidence = draft->evidence_list;
	for (uint32_t i = 0; i < issue->n_evidence; i++) {
		Apitap__Evidence *evidence = draft->evidence_list[i] = &draft->evidence[i];

		apitap__evidence__init(evidence);
		evidence->has_time_ns = true;
		evidence->time_ns = from->evidence[i].time_ns;
		draft_message(&draft->messages[i][0], &from->evidence[i].request);
		draft_message(&draft->messages[i][1], &from->evidence[i].response);
		evidence->request = &draft->messages[i][0];
		evidence->response = &draft->messages[i][1];
	}
	issue->n_history = at_most(from->n_history, ISSUE_MAX_HISTORY);
	issue->history = draft->call_list;
	for (uint32_t i = 0; i < issue->n_history; i++) {
		Apitap__Call *call = draft->call_list[i] = &draft->calls[i];

		apitap__call__init(call);
		call->has_time_ns = true;
		call->time_ns = from->history[i].time_ns;
		call->has_method = put(&call->method, from->history[i].method, CLIP_WORD);
		call->has_host = put(&call->host, from->history[i].host, CLIP_WORD);
		call->has_template_ = put(&call->template_, from->history[i].template, CLIP_FIELD);
		call->has_status = true;
		call->status = from->history[i].status;
		call->has_resp_bytes = true;
		call->resp_bytes = from->history[i].resp_bytes;
		call->has_n_values = true;
		call->n_values = from->history[i].n_values;
	}
}

static void draft_incident(struct draft *draft, const struct issue *from)
{
	Apitap__Issue *issue = &draft->issue;

	issue->has_risk = true;
	issue->risk = from->risk;
	if (!from->incident_id[0])
		return;
	issue->incident_id = text(draft, from->incident_id);
	issue->has_incident_issues = true;
	issue->incident_issues = from->n_incident;
	issue->n_related = at_most(from->n_related, ISSUE_MAX_RELATED);
	issue->related = draft->related_list;
	for (uint32_t i = 0; i < issue->n_related; i++) {
		Apitap__Related *to = draft->related_list[i] = &draft->related[i];

		apitap__related__init(to);
		to->id = text(draft, from->related[i].id);
		to->detector = text(draft, from->related[i].detector);
		to->has_severity = true;
		to->severity = shifted(from->related[i].severity, SEVERITY_CRITICAL);
		to->has_first_seen_ns = true;
		to->first_seen_ns = from->related[i].first_seen_ns;
	}
}

static void draft_issue(struct draft *draft, const struct issue *from)
{
	Apitap__Issue *issue = &draft->issue;
	char id[sizeof(from->id)];

	apitap__issue__init(issue);
	memcpy(id, from->id, sizeof(id));
	id[sizeof(id) - 1] = '\0';
	memcpy(draft->mended, id, sizeof(id));
	draft->n_mended = sizeof(id);
	issue->id = text(draft, draft->mended);
	issue->type = text(draft, from->type);
	issue->detector = text(draft, from->detector);
	issue->has_detector_version = true;
	issue->detector_version = from->detector_version;
	issue->module = text(draft, from->module);
	issue->has_severity = true;
	issue->severity = shifted(from->severity, SEVERITY_CRITICAL);
	issue->has_status = true;
	issue->status = shifted(from->status, STATUS_RESOLVED);
	issue->has_activity = true;
	issue->activity = shifted(from->activity, ACTIVITY_CLOSED);
	issue->has_result = true;
	issue->result = shifted(from->result, RESULT_SUCCEEDED);
	issue->has_confidence = true;
	issue->confidence = from->confidence;
	issue->has_detected_ns = true;
	issue->detected_ns = from->detected_ns;
	issue->has_first_seen_ns = true;
	issue->first_seen_ns = from->first_seen_ns;
	issue->has_last_seen_ns = true;
	issue->last_seen_ns = from->last_seen_ns;
	issue->has_count = true;
	issue->count = from->count;
	issue->has_description = put(&issue->description, span_of(from->description), CLIP_TEXT);
	issue->has_impact = put(&issue->impact, span_of(from->impact), CLIP_TEXT);
	issue->has_remediation = put(&issue->remediation, span_of(from->remediation), CLIP_TEXT);
	draft_people(draft, from);
	draft_metric(draft, &from->metric);
	draft_lists(draft, from);
	draft_proof(draft, from);
	draft_incident(draft, from);
}

static struct wire_record *record_pack(const Apitap__Record *record)
{
	size_t len = apitap__record__get_packed_size(record);
	struct wire_record *out = malloc(sizeof(*out) + WIRE_HEADROOM + len);

	if (!out)
		return NULL;
	out->next = NULL;
	out->seq = 0;
	out->head_len = 0;
	out->body_len = (uint32_t)len;
	apitap__record__pack(record, out->bytes + WIRE_HEADROOM);
	return out;
}

struct wire_record *wire_issue(const struct issue *issue)
{
	struct draft draft;

	apitap__record__init(&draft.record);
	draft_issue(&draft, issue);
	draft.record.what_case = APITAP__RECORD__WHAT_ISSUE;
	draft.record.issue = &draft.issue;
	return record_pack(&draft.record);
}

struct wire_record *wire_heartbeat(const struct wire_heartbeat *from)
{
	Apitap__Record record = APITAP__RECORD__INIT;
	Apitap__Heartbeat heartbeat = APITAP__HEARTBEAT__INIT;

	heartbeat.has_time_ns = true;
	heartbeat.time_ns = from->time_ns;
	heartbeat.has_head_seq = true;
	heartbeat.head_seq = from->head_seq;
	heartbeat.has_durable_seq = true;
	heartbeat.durable_seq = from->durable_seq;
	heartbeat.has_oldest_seq = true;
	heartbeat.oldest_seq = from->oldest_seq;
	heartbeat.has_issues = true;
	heartbeat.issues = from->issues;
	heartbeat.has_published = true;
	heartbeat.published = from->published;
	heartbeat.has_not_durable = true;
	heartbeat.not_durable = from->not_durable;
	heartbeat.has_queue_dropped = true;
	heartbeat.queue_dropped = from->queue_dropped;
	heartbeat.has_segments_dropped = true;
	heartbeat.segments_dropped = from->segments_dropped;
	heartbeat.has_spool_failing = true;
	heartbeat.spool_failing = from->spool_failing;
	heartbeat.has_goodbye = true;
	heartbeat.goodbye = from->goodbye;
	heartbeat.version = (char *)(uintptr_t)from->version;
	record.what_case = APITAP__RECORD__WHAT_HEARTBEAT;
	record.heartbeat = &heartbeat;
	return record_pack(&record);
}

struct span wire_stamp(struct wire_record *record, const struct wire_stamp *stamp)
{
	Apitap__Record head = APITAP__RECORD__INIT;
	char sensor[WIRE_MAX_SENSOR + 1];
	uint8_t *end = record->bytes + WIRE_HEADROOM;
	size_t len = strnlen(stamp->sensor, WIRE_MAX_SENSOR);

	memcpy(sensor, stamp->sensor, len);
	sensor[len] = '\0';
	head.sensor = sensor;
	head.has_epoch = true;
	head.epoch = stamp->epoch;
	head.has_seq = true;
	head.seq = stamp->seq;
	head.has_durable = true;
	head.durable = stamp->durable;
	record->head_len = (uint32_t)apitap__record__get_packed_size(&head);
	apitap__record__pack(&head, end - record->head_len);
	return span_make(end - record->head_len, record->head_len + record->body_len);
}

bool wire_request_unpack(struct span bytes, struct wire_request *out)
{
	Apitap__ReplayRequest *request;

	if (bytes.len > WIRE_MAX_REQUEST)
		return false;
	request = apitap__replay_request__unpack(NULL, bytes.len, bytes.p);
	if (!request)
		return false;
	out->from_seq = request->from_seq;
	out->max = request->max;
	apitap__replay_request__free_unpacked(request, NULL);
	return true;
}

size_t wire_request_pack(const struct wire_request *from, uint8_t *out)
{
	Apitap__ReplayRequest request = APITAP__REPLAY_REQUEST__INIT;

	request.has_from_seq = true;
	request.from_seq = from->from_seq;
	request.has_max = true;
	request.max = from->max;
	return apitap__replay_request__pack(&request, out);
}

static void reply_draft(const struct wire_reply *from, Apitap__ReplayReply *reply,
			ProtobufCBinaryData records[WIRE_MAX_REPLY_RECORDS])
{
	apitap__replay_reply__init(reply);
	reply->has_oldest_seq = true;
	reply->oldest_seq = from->oldest_seq;
	reply->has_head_seq = true;
	reply->head_seq = from->head_seq;
	reply->has_epoch = true;
	reply->epoch = from->epoch;
	reply->error = (char *)(uintptr_t)from->error;
	reply->n_records = at_most(from->n_records, WIRE_MAX_REPLY_RECORDS);
	reply->records = records;
	for (uint32_t i = 0; i < reply->n_records; i++)
		put(&records[i], from->records[i], WIRE_MAX_RECORD);
}

size_t wire_reply_size(const struct wire_reply *from)
{
	ProtobufCBinaryData records[WIRE_MAX_REPLY_RECORDS];
	Apitap__ReplayReply reply;

	reply_draft(from, &reply, records);
	return apitap__replay_reply__get_packed_size(&reply);
}

void wire_reply_pack(const struct wire_reply *from, uint8_t *out)
{
	ProtobufCBinaryData records[WIRE_MAX_REPLY_RECORDS];
	Apitap__ReplayReply reply;

	reply_draft(from, &reply, records);
	apitap__replay_reply__pack(&reply, out);
}
