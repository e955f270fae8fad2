// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For tests of the worker's half of detection: a handful of data types, a scanner that finds
// them in the plainest way, and exchanges made from text. Heads go through the real parser, the
// configuration is the real one. Included once by a test, before the files it tests.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "detect/exchange.h"
#include "detect/own.h"
#include "detect/scan.h"
#include "flows/form.h"
#include "flows/http1_head.h"

// ---- data types, sorted by id

enum {
	TYPE_APIKEY = 0,
	TYPE_AWS,
	TYPE_CARD,
	TYPE_SESSION,
	TYPE_EMAIL,
	TYPE_IPV4,
	TYPE_JWT,
	TYPE_OTP,
	TYPE_PASSWORD,
	TYPE_NAME,
	TYPE_PASSPORT,
	TYPE_SSN,
	TYPES,
};

// "kind=version" says that what is beside it is no address.
static inline bool fixture_refuted(struct span name, struct span value)
{
	return span_ieq(name, SPAN_LIT("kind")) && span_ieq(value, SPAN_LIT("version"));
}

static const struct datatype fixture_types[TYPES] = {
	[TYPE_APIKEY] = {.id = "apikey.generic",
			 .title = "API key",
			 .group = GROUP_SECRET,
			 .reports = REPORTS_CTX,
			 .severity = SEVERITY_HIGH},
	[TYPE_AWS] = {.id = "aws.access",
		      .title = "AWS access key",
		      .group = GROUP_SECRET,
		      .reports = REPORTS_YES,
		      .severity = SEVERITY_CRITICAL},
	[TYPE_CARD] = {.id = "card.pan",
		       .title = "Payment card number",
		       .group = GROUP_FINANCIAL,
		       .reports = REPORTS_YES,
		       .severity = SEVERITY_HIGH,
		       .personal = true},
	[TYPE_SESSION] = {.id = "cookie.session",
			  .title = "Session cookie",
			  .group = GROUP_SECRET,
			  .reports = REPORTS_CTX,
			  .severity = SEVERITY_HIGH},
	[TYPE_EMAIL] = {.id = "email",
			.title = "Email address",
			.group = GROUP_CONTACT,
			.reports = REPORTS_YES,
			.severity = SEVERITY_MEDIUM,
			.personal = true},
	[TYPE_IPV4] = {.id = "ipv4",
		       .refuted = fixture_refuted,
		       .title = "IPv4 address",
		       .group = GROUP_NETWORK,
		       .reports = REPORTS_YES,
		       .severity = SEVERITY_LOW},
	[TYPE_JWT] = {.id = "jwt",
		      .title = "JSON web token",
		      .group = GROUP_SECRET,
		      .reports = REPORTS_YES,
		      .severity = SEVERITY_HIGH},
	[TYPE_OTP] = {.id = "otp",
		      .title = "One-time code",
		      .group = GROUP_SECRET,
		      .reports = REPORTS_CTX,
		      .severity = SEVERITY_MEDIUM},
	[TYPE_PASSWORD] = {.id = "password.field",
			   .title = "Password",
			   .group = GROUP_SECRET,
			   .reports = REPORTS_CTX,
			   .severity = SEVERITY_HIGH},
	[TYPE_NAME] = {.id = "person.name",
		       .title = "Name",
		       .group = GROUP_PERSONAL,
		       .reports = REPORTS_WEAK,
		       .severity = SEVERITY_LOW,
		       .personal = true},
	[TYPE_PASSPORT] = {.id = "us.passport",
			   .title = "US passport number",
			   .group = GROUP_GOVERNMENT_ID,
			   .reports = REPORTS_WEAK,
			   .severity = SEVERITY_HIGH,
			   .personal = true},
	[TYPE_SSN] = {.id = "us.ssn",
		      .title = "US Social Security number",
		      .group = GROUP_GOVERNMENT_ID,
		      .reports = REPORTS_YES,
		      .severity = SEVERITY_HIGH,
		      .personal = true},
};

uint32_t datatype_count(void)
{
	return TYPES;
}

const struct datatype *datatype_get(uint32_t index)
{
	return index < TYPES ? &fixture_types[index] : NULL;
}

int datatype_find(const char *id)
{
	for (int i = 0; i < TYPES; i++) {
		if (!strcmp(id, fixture_types[i].id))
			return i;
	}
	return -1;
}

bool own_has(const struct conf *, const char *)
{
	return false;
}

const char *datatype_name(size_t i)
{
	return i < TYPES ? fixture_types[i].id : NULL;
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z');
}

// Letters and digits become stars but for the last four (secrets: the first four).
uint32_t datatype_mask(uint32_t index, struct span value, uint8_t *out, uint32_t out_len)
{
	uint32_t n = value.len < out_len ? value.len : out_len, words = 0, seen = 0;
	bool secret = fixture_types[index].group == GROUP_SECRET;

	for (uint32_t i = 0; i < value.len; i++)
		words += is_word(value.p[i]);
	for (uint32_t i = 0; i < n; i++) {
		bool shown = !is_word(value.p[i]) ||
			     (words >= 8 && (secret ? seen < 4 : seen + 4 >= words));

		seen += is_word(value.p[i]);
		out[i] = shown ? value.p[i] : '*';
	}
	return n;
}

// ---- scanner

struct scanner {
	uint32_t texts; // calls of scan_text()
	missed_fn on_missed;
};

struct ruleset;

struct scanner *scanner_new(const struct ruleset *, uint64_t)
{
	return calloc(1, sizeof(struct scanner));
}

void scanner_free(struct scanner *scanner)
{
	free(scanner);
}

// The names "plain" and "link" say nothing, and no value of theirs does.
bool scan_is_quiet(const struct scanner *, const struct value *value)
{
	return span_eq(value->key, SPAN_LIT("plain")) || span_eq(value->key, SPAN_LIT("link"));
}

bool scan_is_nothing(const struct scanner *s, const struct value *value)
{
	assert_true(scan_is_quiet(s, value));
	return true;
}

static bool all_digits(struct span s, uint32_t at, uint32_t n)
{
	if (s.len < at || s.len - at < n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (s.p[at + i] < '0' || s.p[at + i] > '9')
			return false;
	}
	return true;
}

static bool key_is(struct span key, const char *name)
{
	return span_ieq(key, span_make(name, strlen(name)));
}

static void fixture_hit(struct hit hit, uint16_t type, struct span text, uint32_t at, uint32_t len,
			hit_fn fn, void *arg)
{
	uint64_t off = hit.off;

	hit.type = type;
	hit.unsure = fixture_types[type].reports == REPORTS_WEAK;
	hit.value = span_make(text.p + at, len);
	hit.off = off + at;
	fn(arg, &hit);
}

// hit: what all hits share; its off is that of text.
static void fixture_find(struct hit hit, struct span text, hit_fn fn, void *arg)
{
	hit.ctx = hit.key.len > 0;
	if (key_is(hit.key, "password") && text.len)
		fixture_hit(hit, TYPE_PASSWORD, text, 0, text.len, fn, arg);
	if (key_is(hit.key, "name") && text.len)
		fixture_hit(hit, TYPE_NAME, text, 0, text.len, fn, arg);
	if (key_is(hit.key, "passport") && text.len == 9)
		fixture_hit(hit, TYPE_PASSPORT, text, 0, text.len, fn, arg);
	for (uint32_t i = 0; i < text.len; i++) {
		if (i && is_word(text.p[i - 1]) && text.p[i] != '@')
			continue;
		if (text.p[i] == '@') {
			uint32_t from = i, to = i + 1;

			while (from > 0 && (is_word(text.p[from - 1]) || text.p[from - 1] == '.'))
				from--;
			while (to < text.len && (is_word(text.p[to]) || text.p[to] == '.'))
				to++;
			if (from < i && to > i + 3)
				fixture_hit(hit, TYPE_EMAIL, text, from, to - from, fn, arg);
		} else if (all_digits(text, i, 3) && text.len - i >= 11 && text.p[i + 3] == '-' &&
			   all_digits(text, i + 4, 2) && text.p[i + 6] == '-' &&
			   all_digits(text, i + 7, 4)) {
			fixture_hit(hit, TYPE_SSN, text, i, 11, fn, arg);
		} else if (all_digits(text, i, 16)) {
			fixture_hit(hit, TYPE_CARD, text, i, 16, fn, arg);
		} else if (text.len - i >= 20 && !memcmp(text.p + i, "AKIA", 4)) {
			fixture_hit(hit, TYPE_AWS, text, i, 20, fn, arg);
		} else if (text.len - i >= 24 && !memcmp(text.p + i, "eyJ", 3)) {
			uint32_t to = i;

			while (to < text.len && (is_word(text.p[to]) || strchr("._-", text.p[to])))
				to++;
			fixture_hit(hit, TYPE_JWT, text, i, to - i, fn, arg);
		} else if (text.len - i >= 7 && !memcmp(text.p + i, "10.0.0.", 7)) {
			fixture_hit(hit, TYPE_IPV4, text, i, 7, fn, arg);
		}
	}
}

const struct scan_missed *scan_text(struct scanner *s, struct span text, struct span key,
				    uint64_t field, enum dir dir, hit_fn fn, void *arg)
{
	s->texts++;
	fixture_find((struct hit){.dir = dir, .key = key, .field = field, .alone = text.len <= 48},
		     text, fn, arg);
	return NULL;
}

// A few marks of a response, as the real scanner would leave them.
static void fixture_marks(struct marks *marks, struct span text)
{
	static const struct {
		const char *text;
		enum mark_product product;
		bool hint, raw;
	} all[] = {
		{"ORA-", MARK_ORACLE, .hint = false},
		{"Traceback", MARK_PYTHON, .hint = false},
		{"<b>Warning</b>:", MARK_PHP, .raw = true},
		{"/var/www/", MARK_SERVER_PATH, .hint = true},
		{"java.util.", MARK_JAVA, .hint = true},
	};

	for (uint32_t i = 0; i < mark_fields_count(); i++) {
		char name[72];

		snprintf(name, sizeof(name), "\"%s\":", mark_fields[i].name);
		for (char *c = name; *c; c++)
			*c = *c == ' ' ? '_' : *c;
		for (uint32_t at = 0; at + strlen(name) <= text.len; at++) {
			if (memcmp(text.p + at, name, strlen(name)) == 0)
				mark_field_found(marks, i);
		}
	}
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint64_t bit = UINT64_C(1) << all[i].product;
		uint32_t n = 0;

		for (uint32_t at = 0; at + strlen(all[i].text) <= text.len; at++)
			n += memcmp(text.p + at, all[i].text, strlen(all[i].text)) == 0;
		if (n == 0)
			continue;
		marks->sure |= all[i].hint ? 0 : bit;
		marks->hint |= all[i].hint ? bit : 0;
		marks->again |= all[i].hint && n > 1 ? bit : 0;
		marks->raw |= all[i].raw ? bit : 0;
	}
}

void scan_window(struct scanner *, struct scan_pending *pending, const struct window *window,
		 hit_fn fn, void *arg)
{
	struct span fresh =
		span_make(window->bytes.p + window->fresh, window->bytes.len - window->fresh);

	if (window->dir == SERVER)
		fixture_marks(&pending->marks, fresh);
	if (!window->values)
		fixture_find((struct hit){.dir = window->dir, .off = window->off + window->fresh},
			     fresh, fn, arg);
}

struct raw_value {
	const struct value *value;
	hit_fn fn;
	void *arg;
};

// A value that had to be decoded is reported whole, as it was.
static void fixture_raw(void *arg, const struct hit *hit)
{
	const struct raw_value *raw = arg;
	struct hit whole = *hit;

	whole.value = raw->value->v;
	whole.off = raw->value->off;
	raw->fn(raw->arg, &whole);
}

void scanner_missed(struct scanner *s, missed_fn fn)
{
	s->on_missed = fn;
}

// Card numbers that begin with 9 are none, and names of one letter are none.
static bool fixture_refused(struct scanner *s, const struct value *v, void *arg)
{
	bool card = v->v.len == 16 && all_digits(v->v, 0, 16) && v->v.p[0] == '9';
	bool name = key_is(v->key, "name") && v->v.len == 1;
	uint16_t type = card ? TYPE_CARD : TYPE_NAME;
	struct scan_missed missed = {0};

	if (!card && !name)
		return false;
	missed.types[type / 64] = UINT64_C(1) << (type % 64);
	if (name)
		missed.unsure[type / 64] = missed.types[type / 64];
	if (s->on_missed)
		s->on_missed(arg, v, &missed);
	return true;
}

void scan_value(struct scanner *s, struct scan_pending *, const struct value *v, hit_fn fn,
		void *arg)
{
	struct hit hit = {.dir = v->dir,
			  .key = v->key,
			  .parent = v->parent,
			  .field = v->field,
			  .alone = v->v.len <= 48,
			  .off = v->off};
	uint8_t text[1024];

	if (fixture_refused(s, v, arg))
		return;

	if (v->escaped) {
		struct raw_value raw = {v, fn, arg};

		assert_true(v->v.len <= sizeof(text));
		fixture_find(hit, span_make(text, form_decode(v->v, text, true)), fixture_raw,
			     &raw);
	} else {
		fixture_find(hit, v->v, fn, arg);
	}
}

void scan_member(struct scanner *, struct scan_pending *, const struct value *)
{
}

void scan_end(struct scanner *, struct scan_pending *, enum dir, hit_fn, void *)
{
}

// ---- exchanges

enum { SEED = 77 };

struct fixture {
	struct conn_meta conn;
	struct http_tx tx;
	char *head[2], *body[2]; // owned, exactly as long as their contents
};

static void fixture_message(struct fixture *f, enum dir dir, const char *head, const char *body)
{
	struct http_msg *msg = &f->tx.msg[dir];
	struct http1_head parsed;

	if (!head)
		return;
	*msg = (struct http_msg){
		.seen = true,
		.complete = true,
		.head_len = (uint32_t)strlen(head),
		.body_kept = body ? (uint32_t)strlen(body) : 0,
		.body_len = body ? strlen(body) : 0,
		.first_ns = dir == CLIENT ? 1000 : 2000,
		.last_ns = dir == CLIENT ? 1500 : 2500,
	};
	f->head[dir] = malloc(msg->head_len);
	memcpy(f->head[dir], head, msg->head_len);
	msg->head = (uint8_t *)f->head[dir];
	f->body[dir] = malloc(msg->body_kept);
	if (body)
		memcpy(f->body[dir], body, msg->body_kept);
	msg->body = (uint8_t *)f->body[dir];
	assert_true(http1_head_parse(span_make(msg->head, msg->head_len), dir, 256, &parsed));
	memcpy(msg->header, parsed.header, sizeof(msg->header));
	msg->n_headers = parsed.n_headers;
	if (dir == CLIENT) {
		f->tx.method = parsed.method;
		f->tx.uri = parsed.uri;
	} else {
		f->tx.status = parsed.status;
	}
}

// NULL: that side was not seen.
static inline void fixture_open(struct fixture *f, const char *request, const char *request_body,
				const char *response, const char *response_body)
{
	static const uint8_t client[16] = {[10] = 0xff, [11] = 0xff, 198, 51, 100, 7};
	static const uint8_t server[16] = {[10] = 0xff, [11] = 0xff, 203, 0, 113, 80};

	memset(f, 0, sizeof(*f));
	memcpy(f->conn.addr[CLIENT], client, 16);
	memcpy(f->conn.addr[SERVER], server, 16);
	f->conn.port[CLIENT] = 40000;
	f->conn.port[SERVER] = 80;
	f->conn.hash = UINT64_C(0x1234567890abcdef);
	f->tx.conn = &f->conn;
	fixture_message(f, CLIENT, request, request_body);
	fixture_message(f, SERVER, response, response_body);
}

static inline void fixture_close(struct fixture *f)
{
	for (uint32_t i = 0; i < 2; i++) {
		free(f->head[i]);
		free(f->body[i]);
	}
}

static inline void assert_span(struct span s, const char *expected)
{
	char text[4096];

	assert_true(s.len < sizeof(text));
	memcpy(text, s.p ? (const char *)s.p : "", s.len);
	text[s.len] = '\0';
	assert_string_equal(text, expected);
}

// A configuration with these lines.
static inline struct conf *fixture_conf(const char *lines)
{
	char name[] = "/tmp/apitap-test-XXXXXX";
	int fd = mkstemp(name);
	struct conf *conf;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
	close(fd);
	conf = conf_load(name, stderr);
	unlink(name);
	return conf;
}
