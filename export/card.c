// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The layout of a card: a title line, a table of facts, the three texts, data types, the last
// exchange, the history. Everything from the wire goes through show(), which is the only place
// that decides what a terminal may get.

#include "export/card.h"

#include "export/issue.pb-c.h"
#include "export/json.h"
#include "export/wire.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	COLUMNS = 96,
	INDENT = 4,
	LABEL = 15,
	MAX_HEAD_LINES = 24,
	MAX_LINE = 160,  // bytes shown of one line of a message
	MAX_BODY = 800,  // bytes shown of a body
	MAX_FIELD = 200, // bytes shown of anything else
};

static struct span span_of(const ProtobufCBinaryData *data)
{
	return span_make(data->data, data->data ? data->len : 0);
}

static struct span span_text(const char *text)
{
	return span_make(text ? text : "", text ? strlen(text) : 0);
}

// Writes at most max bytes on one line; what cannot be seen is written as \xNN or \u{N}.
static void show(FILE *out, struct span s, uint32_t max)
{
	uint32_t at = 0, code, n;

	while (at < s.len && at < max) {
		n = wire_utf8(s.p + at, s.len - at, &code);
		if (!n)
			fprintf(out, "\\x%02x", s.p[at]);
		else if (json_shown(code))
			fwrite(s.p + at, 1, n, out);
		else if (code < 0x80)
			fprintf(out, "\\x%02x", code);
		else
			fprintf(out, "\\u{%x}", code);
		at += n ? n : 1;
	}
	if (at < s.len)
		fprintf(out, " … (%" PRIu32 " more bytes)", s.len - at);
}

static void field(FILE *out, struct span s)
{
	show(out, s, MAX_FIELD);
}

static void label(FILE *out, const char *name)
{
	fprintf(out, "%*s%-*s", INDENT, "", LABEL, name);
}

static void date(FILE *out, uint64_t ns)
{
	char text[32];

	json_time(text, ns);
	// 2024-05-01T08:36:00.123456Z, read more easily with a space.
	text[10] = ' ';
	text[26] = '\0';
	fprintf(out, "%s UTC", text);
}

static void clock_time(FILE *out, uint64_t ns)
{
	char text[32];

	json_time(text, ns);
	fprintf(out, "%.12s", text + 11);
}

// A paragraph, broken between words. A byte counts as a column: wide enough is what matters.
static void paragraph(FILE *out, const char *title, struct span s)
{
	uint32_t column = 0, at = 0;

	if (!s.len)
		return;
	fprintf(out, "\n%*s%s\n", INDENT, "", title);
	while (at < s.len) {
		uint32_t end;

		while (at < s.len && (s.p[at] == ' ' || s.p[at] == '\n' || s.p[at] == '\r')) {
			if (s.p[at] == '\n' && column) {
				putc('\n', out);
				column = 0;
			}
			at++;
		}
		end = at;
		while (end < s.len && s.p[end] != ' ' && s.p[end] != '\n' && s.p[end] != '\r')
			end++;
		if (end == at)
			break;
		if (column && column + 1 + (end - at) > COLUMNS) {
			putc('\n', out);
			column = 0;
		}
		if (column)
			putc(' ', out);
		else
			fprintf(out, "%*s", 2 * INDENT, "");
		column += (column ? 1 : 2 * INDENT) + (end - at);
		show(out, span_make(s.p + at, end - at), UINT32_MAX);
		at = end;
	}
	if (column)
		putc('\n', out);
}

static void title(FILE *out, const Apitap__Record *record)
{
	const Apitap__Issue *issue = record->issue;

	for (int i = 0; i < COLUMNS; i++)
		putc('-', out);
	fprintf(out, "\n[%s] ", json_severity(issue->severity));
	field(out, span_text(issue->type));
	if (issue->n_owasp) {
		fputs("   ", out);
		field(out, span_text(issue->owasp[0]));
		if (issue->n_owasp > 1)
			fprintf(out, " +%zu", issue->n_owasp - 1);
	}
	fprintf(out, "\n%*sNo. %" PRIu64 " of ", INDENT, "", record->seq);
	field(out, span_text(record->sensor));
	fputs(", id ", out);
	field(out, span_text(issue->id));
	fputs(", ", out);
	field(out, span_text(issue->module));
	fputs(", detector ", out);
	field(out, span_text(issue->detector));
	fprintf(out, " version %" PRIu32, issue->detector_version);
	if (record->has_durable && !record->durable)
		fputs(", not in the sensor's spool", out);
	fputs("\n\n", out);
}

static void facts(FILE *out, const Apitap__Issue *issue)
{
	label(out, "Detected");
	date(out, issue->detected_ns);
	fprintf(out, " (%s)\n", json_activity(issue->activity));
	label(out, "Seen");
	fprintf(out, "%" PRIu64 " %s, first ", issue->count, issue->count == 1 ? "time" : "times");
	date(out, issue->first_seen_ns);
	fputs(", last ", out);
	date(out, issue->last_seen_ns);
	putc('\n', out);
	label(out, "Status");
	fprintf(out, "%s\n", json_status(issue->status));
	label(out, "Result");
	fprintf(out, "%s\n", json_result(issue->result));
	label(out, "Response codes");
	for (size_t i = 0; i < issue->n_codes; i++)
		fprintf(out, "%s%" PRIu32 " (%" PRIu64 ")", i ? ", " : "", issue->codes[i]->code,
			issue->codes[i]->count);
	fputs(issue->n_codes ? "\n" : "none seen\n", out);
	label(out, "Confidence");
	fprintf(out, "%" PRIu32 " of 100", issue->confidence);
	for (size_t i = 0; i < issue->n_terms; i++) {
		fprintf(out, "%s%+" PRId32 " ", i ? ", " : ": ", issue->terms[i]->points);
		field(out, span_text(issue->terms[i]->name));
	}
	putc('\n', out);
	if (issue->incident_id && issue->incident_id[0]) {
		label(out, "Incident");
		field(out, span_text(issue->incident_id));
		fprintf(out, ", risk %" PRIu32 " of 100, %" PRIu32 " %s\n", issue->risk,
			issue->incident_issues, issue->incident_issues == 1 ? "issue" : "issues");
	}
}

static void people(FILE *out, const Apitap__Issue *issue)
{
	const Apitap__Attacker *attacker = issue->attacker;
	const Apitap__Target *target = issue->target;

	label(out, "Attacker");
	if (attacker && ((attacker->ip && attacker->ip[0]) || attacker->user.len)) {
		field(out, span_text(attacker->ip));
		if (attacker->user.len) {
			fputs(", user ", out);
			field(out, span_of(&attacker->user));
		}
		fprintf(out, " (known by: %s", json_user_kind(attacker->user_kind));
		if (attacker->has_user_confidence)
			fprintf(out, ", %" PRIu32 " of 100 sure", attacker->user_confidence);
		fputs(")\n", out);
		if (attacker->proxy_ip && attacker->proxy_ip[0]) {
			label(out, "");
			fputs("as the proxy ", out);
			field(out, span_text(attacker->proxy_ip));
			fputs(" says\n", out);
		}
		if (attacker->user_agent.len) {
			label(out, "");
			fputs("with ", out);
			field(out, span_of(&attacker->user_agent));
			putc('\n', out);
		}
	} else {
		fputs("nobody in particular\n", out);
	}
	if (!target)
		return;
	label(out, "Target");
	field(out, span_of(&target->method));
	putc(' ', out);
	field(out, span_of(&target->host));
	field(out, span_of(&target->template_));
	putc('\n', out);
	if (target->path.len) {
		label(out, "");
		fputs("asked as ", out);
		field(out, span_of(&target->path));
		putc('\n', out);
	}
	if (target->ip && target->ip[0]) {
		label(out, "");
		fputs("at ", out);
		field(out, span_text(target->ip));
		fprintf(out, ", port %" PRIu32 "\n", target->port);
	}
}

static void metric(FILE *out, const Apitap__Metric *m)
{
	if (!m)
		return;
	fprintf(out, "\n%*sMeasured\n%*s", INDENT, "", 2 * INDENT, "");
	field(out, span_text(m->name));
	fprintf(out, ": %.6g ", m->value);
	field(out, span_text(m->unit));
	fprintf(out, ", usual mean %.6g", m->baseline_mean);
	if (m->has_percentile)
		fprintf(out, ", more than %.6g %% of the others", m->percentile);
	fprintf(out, ", %" PRIu64 " users compared, window ", m->population);
	field(out, span_text(m->window));
	putc('\n', out);
}

static void data_types(FILE *out, const Apitap__Issue *issue)
{
	if (!issue->n_data_types)
		return;
	fprintf(out, "\n%*sData types\n", INDENT, "");
	for (size_t i = 0; i < issue->n_data_types; i++) {
		const Apitap__DataType *type = issue->data_types[i];

		fprintf(out, "%*s", 2 * INDENT, "");
		field(out, span_text(type->type));
		fprintf(out, ", %" PRIu64 " in the %s, ", type->count,
			json_direction(type->direction));
		field(out, span_of(&type->field));
		if (type->sample.len) {
			fputs(", such as ", out);
			field(out, span_of(&type->sample));
		}
		putc('\n', out);
	}
}

// The lines of a head or a body, each behind a mark that says who sent it.
static void lines(FILE *out, char mark, struct span s, uint32_t max_lines)
{
	for (uint32_t i = 0; i < max_lines && s.len; i++) {
		struct span line = span_until(s, '\n');
		uint32_t used = line.len < s.len ? line.len + 1 : line.len;

		s.p += used;
		s.len -= used;
		if (line.len && line.p[line.len - 1] == '\r')
			line.len--;
		if (!line.len && !s.len)
			break;
		fprintf(out, "%*s%c ", 2 * INDENT, "", mark);
		show(out, line, MAX_LINE);
		putc('\n', out);
	}
	if (s.len)
		fprintf(out, "%*s%c … (%" PRIu32 " more bytes)\n", 2 * INDENT, "", mark, s.len);
}

static void message(FILE *out, char mark, const Apitap__Message *m)
{
	struct span body;

	if (!m)
		return;
	lines(out, mark, span_of(&m->head), MAX_HEAD_LINES);
	if (m->head_truncated)
		fprintf(out, "%*s%c … (head not kept whole)\n", 2 * INDENT, "", mark);
	body = span_of(&m->body);
	if (body.len) {
		fprintf(out, "%*s%c\n", 2 * INDENT, "", mark);
		if (body.len > MAX_BODY)
			body.len = MAX_BODY;
		lines(out, mark, body, MAX_HEAD_LINES);
	}
	if (m->body_len > body.len)
		fprintf(out, "%*s%c … (of a body of %" PRIu64 " bytes)\n", 2 * INDENT, "", mark,
			m->body_len);
}

static void proof(FILE *out, const Apitap__Issue *issue)
{
	const Apitap__Evidence *evidence;

	if (issue->n_evidence) {
		// The last exchange is the one that made the issue; --json has them all.
		evidence = issue->evidence[issue->n_evidence - 1];
		fprintf(out, "\n%*sEvidence (%zu of %zu), ", INDENT, "", issue->n_evidence,
			issue->n_evidence);
		date(out, evidence->time_ns);
		putc('\n', out);
		message(out, '>', evidence->request);
		message(out, '<', evidence->response);
	}
	if (!issue->n_history)
		return;
	fprintf(out, "\n%*sHistory (%zu %s)\n", INDENT, "", issue->n_history,
		issue->n_history == 1 ? "call" : "calls");
	for (size_t i = 0; i < issue->n_history; i++) {
		const Apitap__Call *call = issue->history[i];

		fprintf(out, "%*s", 2 * INDENT, "");
		clock_time(out, call->time_ns);
		if (call->status)
			fprintf(out, "  %3" PRIu32, call->status);
		else
			fputs("    -", out);
		fprintf(out, "  %10" PRIu64 " bytes  %5" PRIu32 " values  ", call->resp_bytes,
			call->n_values);
		field(out, span_of(&call->method));
		putc(' ', out);
		field(out, span_of(&call->host));
		field(out, span_of(&call->template_));
		putc('\n', out);
	}
}

// The actor's other issues, before and after this one.
static void incident(FILE *out, const Apitap__Issue *issue)
{
	uint32_t others = issue->incident_issues ? issue->incident_issues - 1 : 0;

	if (!issue->incident_id || !issue->incident_id[0])
		return;
	fprintf(out, "\n%*sIncident ", INDENT, "");
	field(out, span_text(issue->incident_id));
	fprintf(out, ", risk %" PRIu32 " of 100, %" PRIu32 " %s\n", issue->risk,
		issue->incident_issues, issue->incident_issues == 1 ? "issue" : "issues");
	if (others > issue->n_related)
		fprintf(out, "%*s%zu older ones are not listed\n", 2 * INDENT, "",
			others - issue->n_related);
	for (size_t i = 0; i < issue->n_related; i++) {
		const Apitap__Related *one = issue->related[i];

		fprintf(out, "%*s", 2 * INDENT, "");
		clock_time(out, one->first_seen_ns);
		fprintf(out, "  %-8s  ", json_severity(one->severity));
		field(out, span_text(one->detector));
		fputs("  id ", out);
		field(out, span_text(one->id));
		putc('\n', out);
	}
}

void card_print(FILE *out, const Apitap__Record *record)
{
	const Apitap__Issue *issue = record->issue;

	if (record->what_case != APITAP__RECORD__WHAT_ISSUE || !issue)
		return;
	title(out, record);
	facts(out, issue);
	people(out, issue);
	paragraph(out, "What happened", span_of(&issue->description));
	metric(out, issue->metric);
	paragraph(out, "Why that is a problem", span_of(&issue->impact));
	paragraph(out, "What you should do", span_of(&issue->remediation));
	data_types(out, issue);
	incident(out, issue);
	proof(out, issue);
	putc('\n', out);
}

bool card_from_issue(FILE *out, const struct issue *issue, const char *sensor, uint64_t seq)
{
	struct wire_stamp stamp = {.sensor = sensor, .seq = seq, .durable = true};
	struct wire_record *packed = wire_issue(issue);
	Apitap__Record *record = NULL;
	struct span bytes;

	if (packed) {
		bytes = wire_stamp(packed, &stamp);
		record = apitap__record__unpack(NULL, bytes.len, bytes.p);
	}
	free(packed);
	if (!record)
		return false;
	card_print(out, record);
	apitap__record__free_unpacked(record, NULL);
	return true;
}
