// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The one JSON writer. It writes an unpacked Record; an issue that was never packed is packed and
// unpacked first, so that both ways give the same line. Writes straight to a FILE and holds no
// state; errors of the FILE are the caller's to look at (ferror).

#include "export/json.h"

#include "export/issue.pb-c.h"
#include "export/wire.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORD(words, value) word(words, sizeof(words) / sizeof((words)[0]), value)

static const char *word(const char *const *words, size_t n, int value)
{
	return value >= 0 && (size_t)value < n ? words[value] : words[0];
}

const char *json_severity(int value)
{
	static const char *const words[] = {"Unknown", "Info", "Low", "Medium", "High", "Critical"};

	return WORD(words, value);
}

const char *json_status(int value)
{
	static const char *const words[] = {"Unknown", "Open", "In Progress", "Suppressed",
					    "Resolved"};

	return WORD(words, value);
}

const char *json_result(int value)
{
	static const char *const words[] = {"Unknown", "Unknown", "Attempted", "Succeeded"};

	return WORD(words, value);
}

const char *json_activity(int value)
{
	static const char *const words[] = {"Unknown", "Created", "Updated", "Closed"};

	return WORD(words, value);
}

const char *json_user_kind(int value)
{
	static const char *const words[] = {"none",    "none",    "address", "basic",
					    "api_key", "session", "jwt",     "configured",
					    "certificate"};

	return WORD(words, value);
}

const char *json_direction(int value)
{
	static const char *const words[] = {"unknown", "request", "response"};

	return WORD(words, value);
}

bool json_shown(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return false;
	if (code < 0x200b)
		return code != 0xad && code != 0x61c && code != 0x180e;
	return !(code <= 0x200f || (code >= 0x2028 && code <= 0x202e) ||
		 (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
		 (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f));
}

static void escape(FILE *out, uint32_t code)
{
	switch (code) {
	case '"':
	case '\\':
		fprintf(out, "\\%c", (int)code);
		break;
	case '\n':
		fputs("\\n", out);
		break;
	case '\r':
		fputs("\\r", out);
		break;
	case '\t':
		fputs("\\t", out);
		break;
	default:
		if (code >= 0x10000) {
			// RFC 8259 section 7: a pair of surrogates.
			fprintf(out, "\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
			code = 0xdc00 + ((code - 0x10000) & 0x3ff);
		}
		fprintf(out, "\\u%04x", code);
	}
}

void json_string(FILE *out, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t plain = 0, at = 0; // from plain to at: to be written as it is
	uint32_t code, n;

	putc('"', out);
	while (at < len) {
		n = wire_utf8(p + at, len - at, &code);
		if (n && code != '"' && code != '\\' && json_shown(code)) {
			at += n;
			continue;
		}
		fwrite(p + plain, 1, at - plain, out);
		if (n)
			escape(out, code);
		else
			fputs("\xef\xbf\xbd", out);
		at += n ? n : 1;
		plain = at;
	}
	if (at > plain)
		fwrite(p + plain, 1, at - plain, out);
	putc('"', out);
}

void json_time(char out[32], uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char date[24];

	// 64 bits of nanoseconds end in the year 2554: never fails.
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 32, "%s.%06uZ", date, (unsigned)(ns % 1000000000 / 1000));
}

static void put_key(FILE *out, const char *key)
{
	fprintf(out, ",\"%s\":", key);
}

static void put_text(FILE *out, const char *key, const char *value)
{
	put_key(out, key);
	json_string(out, value ? value : "", value ? strlen(value) : 0);
}

static void put_bytes(FILE *out, const char *key, const ProtobufCBinaryData *value)
{
	put_key(out, key);
	json_string(out, value->data, value->data ? value->len : 0);
}

static void put_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

static void put_bool(FILE *out, const char *key, bool value)
{
	fprintf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

// The shortest of 15 to 17 digits that gives the same number back; null when JSON has no number
// for it.
static void put_double(FILE *out, const char *key, bool present, double value)
{
	char text[40];

	put_key(out, key);
	if (!present || !isfinite(value)) {
		fputs("null", out);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	// Some languages write a comma.
	for (char *p = text; *p; p++) {
		if (*p == ',')
			*p = '.';
	}
	fputs(text, out);
}

static void put_time(FILE *out, const char *key, uint64_t ns)
{
	char text[32];

	json_time(text, ns);
	put_text(out, key, text);
}

// Lists: the comma in front of each member but the first.
static void separate(FILE *out, size_t i)
{
	if (i)
		putc(',', out);
}

static void put_head(FILE *out, const Apitap__Issue *issue)
{
	fputs("{\"id\":", out);
	json_string(out, issue->id ? issue->id : "", issue->id ? strlen(issue->id) : 0);
	put_text(out, "type", issue->type);
	put_text(out, "detector", issue->detector);
	put_text(out, "module", issue->module);
	put_text(out, "severity", json_severity(issue->severity));
	put_text(out, "status", json_status(issue->status));
	put_number(out, "confidence", issue->confidence);
	fputs(",\"owasp\":[", out);
	for (size_t i = 0; i < issue->n_owasp; i++) {
		separate(out, i);
		json_string(out, issue->owasp[i], strlen(issue->owasp[i]));
	}
	putc(']', out);
	put_text(out, "incident_result", json_result(issue->result));
	fputs(",\"response_codes\":[", out);
	for (size_t i = 0; i < issue->n_codes; i++) {
		separate(out, i);
		fprintf(out, "{\"code\":%" PRIu32 ",\"count\":%" PRIu64 "}", issue->codes[i]->code,
			issue->codes[i]->count);
	}
	putc(']', out);
	put_time(out, "detected_at", issue->detected_ns);
	put_time(out, "first_seen", issue->first_seen_ns);
	put_time(out, "last_seen", issue->last_seen_ns);
	put_number(out, "count", issue->count);
}

static void put_people(FILE *out, const Apitap__Issue *issue)
{
	static const Apitap__Attacker nobody = APITAP__ATTACKER__INIT;
	static const Apitap__Target nothing = APITAP__TARGET__INIT;
	const Apitap__Attacker *attacker = issue->attacker ? issue->attacker : &nobody;
	const Apitap__Target *target = issue->target ? issue->target : &nothing;
	const char *ip = attacker->ip ? attacker->ip : "";

	fputs(",\"attacker\":{\"ip\":", out);
	json_string(out, ip, strlen(ip));
	put_bytes(out, "user", &attacker->user);
	put_text(out, "user_kind", json_user_kind(attacker->user_kind));
	if (attacker->has_user_confidence)
		put_number(out, "user_confidence", attacker->user_confidence);
	if (attacker->proxy_ip)
		put_text(out, "proxy_ip", attacker->proxy_ip);
	put_bytes(out, "user_agent", &attacker->user_agent);
	fputs("},\"target\":{\"host\":", out);
	json_string(out, target->host.data, target->host.len);
	put_bytes(out, "method", &target->method);
	put_bytes(out, "template", &target->template_);
	put_bytes(out, "path", &target->path);
	putc('}', out);
}

static void put_metric(FILE *out, const Apitap__Metric *metric)
{
	put_key(out, "metric");
	if (!metric) {
		fputs("null", out);
		return;
	}
	fputs("{\"name\":", out);
	json_string(out, metric->name ? metric->name : "", metric->name ? strlen(metric->name) : 0);
	put_double(out, "value", true, metric->value);
	put_text(out, "unit", metric->unit);
	put_double(out, "baseline_mean", true, metric->baseline_mean);
	put_double(out, "percentile", metric->has_percentile, metric->percentile);
	put_number(out, "population", metric->population);
	put_text(out, "window", metric->window);
	putc('}', out);
}

static void put_data_types(FILE *out, const Apitap__Issue *issue)
{
	fputs(",\"data_types\":[", out);
	for (size_t i = 0; i < issue->n_data_types; i++) {
		const Apitap__DataType *type = issue->data_types[i];

		separate(out, i);
		fputs("{\"type\":", out);
		json_string(out, type->type ? type->type : "", type->type ? strlen(type->type) : 0);
		put_text(out, "direction", json_direction(type->direction));
		put_bytes(out, "field", &type->field);
		put_number(out, "count", type->count);
		put_bytes(out, "sample", &type->sample);
		putc('}', out);
	}
	putc(']', out);
}

static void put_message(FILE *out, const char *key, const Apitap__Message *message)
{
	static const Apitap__Message empty = APITAP__MESSAGE__INIT;

	if (!message)
		message = &empty;
	put_key(out, key);
	fputs("{\"head\":", out);
	json_string(out, message->head.data, message->head.len);
	put_bytes(out, "body", &message->body);
	put_number(out, "body_len", message->body_len);
	put_bool(out, "head_truncated", message->head_truncated);
	put_bool(out, "body_truncated", message->body_truncated);
	putc('}', out);
}

static void put_proof(FILE *out, const Apitap__Issue *issue)
{
	char time[32];

	fputs(",\"evidence\":[", out);
	for (size_t i = 0; i < issue->n_evidence; i++) {
		const Apitap__Evidence *evidence = issue->evidence[i];

		separate(out, i);
		json_time(time, evidence->time_ns);
		fprintf(out, "{\"time\":\"%s\"", time);
		put_message(out, "request", evidence->request);
		put_message(out, "response", evidence->response);
		putc('}', out);
	}
	fputs("],\"history\":[", out);
	for (size_t i = 0; i < issue->n_history; i++) {
		const Apitap__Call *call = issue->history[i];

		separate(out, i);
		json_time(time, call->time_ns);
		fprintf(out, "{\"time\":\"%s\"", time);
		put_bytes(out, "method", &call->method);
		put_bytes(out, "host", &call->host);
		put_bytes(out, "template", &call->template_);
		if (call->status)
			put_number(out, "status", call->status);
		else
			fputs(",\"status\":null", out);
		put_number(out, "resp_bytes", call->resp_bytes);
		put_number(out, "values", call->n_values);
		putc('}', out);
	}
	putc(']', out);
}

static void put_incident(FILE *out, const Apitap__Issue *issue)
{
	const char *id = issue->incident_id;

	put_key(out, "incident_id");
	if (id && *id)
		json_string(out, id, strlen(id));
	else
		fputs("null", out);
	put_number(out, "risk", issue->risk);
	put_number(out, "incident_issues", issue->incident_issues);
	fputs(",\"related\":[", out);
	for (size_t i = 0; i < issue->n_related; i++) {
		const Apitap__Related *one = issue->related[i];

		separate(out, i);
		fputs("{\"id\":", out);
		json_string(out, one->id ? one->id : "", one->id ? strlen(one->id) : 0);
		put_text(out, "detector", one->detector);
		put_text(out, "severity", json_severity(one->severity));
		put_time(out, "first_seen", one->first_seen_ns);
		putc('}', out);
	}
	putc(']', out);
}

static void put_tail(FILE *out, const Apitap__Record *record)
{
	const Apitap__Issue *issue = record->issue;

	put_text(out, "sensor", record->sensor);
	put_number(out, "epoch", record->epoch);
	put_number(out, "seq", record->seq);
	put_text(out, "activity", json_activity(issue->activity));
	fputs(",\"confidence_terms\":[", out);
	for (size_t i = 0; i < issue->n_terms; i++) {
		const Apitap__Term *term = issue->terms[i];

		separate(out, i);
		fputs("{\"name\":", out);
		json_string(out, term->name ? term->name : "", term->name ? strlen(term->name) : 0);
		fprintf(out, ",\"points\":%" PRId32 "}", term->points);
	}
	fputs("]}\n", out);
}

bool json_issue(FILE *out, const struct Apitap__Record *record)
{
	const Apitap__Issue *issue;

	if (record->what_case != APITAP__RECORD__WHAT_ISSUE || !record->issue)
		return false;
	issue = record->issue;
	put_head(out, issue);
	put_people(out, issue);
	put_bytes(out, "description", &issue->description);
	put_bytes(out, "impact", &issue->impact);
	put_bytes(out, "remediation", &issue->remediation);
	put_metric(out, issue->metric);
	put_data_types(out, issue);
	put_proof(out, issue);
	put_incident(out, issue);
	put_tail(out, record);
	return true;
}

bool json_from_issue(FILE *out, const struct issue *issue, const char *sensor, uint64_t epoch,
		     uint64_t seq)
{
	struct wire_stamp stamp = {.sensor = sensor, .epoch = epoch, .seq = seq, .durable = true};
	struct wire_record *packed = wire_issue(issue);
	Apitap__Record *record = NULL;
	struct span bytes;
	bool done = false;

	if (packed) {
		bytes = wire_stamp(packed, &stamp);
		record = apitap__record__unpack(NULL, bytes.len, bytes.p);
	}
	if (record) {
		done = json_issue(out, record);
		apitap__record__free_unpacked(record, NULL);
	}
	free(packed);
	return done;
}
