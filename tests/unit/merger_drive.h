// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The real merger under calls that a test makes up: each goes through its tables to the detector
// that the test includes, and what becomes an issue is kept. Included once by a test, before the
// detector.

#pragma once

#include "tests/unit/detect_fixture.h"

#include "detect/merge.h"

enum { DRIVE_CALLS = 4096, DRIVE_ISSUES = 512, DRIVE_NAMES = 4096 };
#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR   (3600 * SECOND)

struct drive_issue {
	char id[33], detector[8], title[64], description[1024], remediation[1024], user[65];
	enum severity severity;
	enum incident_result result;
	uint32_t confidence, told;
	uint64_t count;
	char template[64];
	double value;
};

static struct {
	struct conf *conf;
	struct detect_shared *shared;
	struct merger *m;
	struct delta delta;
	uint64_t now, order;
	struct drive_issue issue[DRIVE_ISSUES];
	uint32_t n;
} drive;

static void drive_told(void *, const struct issue *issue)
{
	struct drive_issue *d = NULL;

	for (uint32_t i = 0; i < drive.n && !d; i++) {
		if (!strcmp(drive.issue[i].id, issue->id))
			d = &drive.issue[i];
	}
	if (!d) {
		assert_true(drive.n < DRIVE_ISSUES);
		d = &drive.issue[drive.n++];
	}
	snprintf(d->id, sizeof(d->id), "%s", issue->id);
	snprintf(d->detector, sizeof(d->detector), "%s", issue->detector);
	snprintf(d->title, sizeof(d->title), "%s", issue->type);
	snprintf(d->description, sizeof(d->description), "%s", issue->description);
	snprintf(d->remediation, sizeof(d->remediation), "%s", issue->remediation);
	snprintf(d->template, sizeof(d->template), "%.*s", (int)issue->target.template.len,
		 issue->target.template.p ? (const char *)issue->target.template.p : "");
	d->severity = issue->severity;
	d->result = issue->result;
	d->confidence = issue->confidence;
	d->count = issue->count;
	d->value = issue->metric.present ? issue->metric.value : 0;
	d->told++;
	// What is said is said in whole sentences.
	assert_true(strlen(issue->description) > 20 && strlen(issue->description) < 1020);
	assert_true(strlen(issue->impact) > 20 && strlen(issue->remediation) > 20);
	assert_in_range(issue->confidence, 1, 100);
}

static void drive_open(const char *lines)
{
	char why[256] = "";

	memset(&drive, 0, sizeof(drive));
	drive.conf = fixture_conf(lines);
	assert_non_null(drive.conf);
	drive.shared = aligned_alloc(64, (sizeof(*drive.shared) + 63) / 64 * 64);
	memset(drive.shared, 0, sizeof(*drive.shared));
	drive.shared->conf = drive.conf;
	drive.shared->seed = SEED;
	drive.m = merger_new(drive.shared, drive_told, NULL, why, sizeof(why));
	if (!drive.m)
		fail_msg("%s", why);
	drive.delta.calls = calloc(DRIVE_CALLS, sizeof(struct call));
	drive.delta.names = calloc(DRIVE_NAMES, sizeof(struct delta_name));
	// Monday morning.
	drive.now = UINT64_C(1767603600) * SECOND;
}

static void drive_run(void)
{
	merge_gather(drive.m, &drive.delta);
	merger_run(drive.m, drive.now);
	merge_wishes_ask(drive.m); // no worker has evidence: nobody waits for it
	issues_tell(&drive.m->issues, drive.now, true);
	drive.delta.n_calls = drive.delta.n_names = 0;
}

static void drive_finish(void)
{
	drive_run();
	merger_finish(drive.m, drive.now);
}

static void drive_close(void)
{
	merger_free(drive.m);
	free(drive.delta.calls);
	free(drive.delta.names);
	free(drive.shared);
	conf_free(drive.conf);
}

static inline void drive_endpoint(uint64_t id, const char *host, const char *method,
				  const char *template)
{
	assert_true(drive.delta.n_names < DRIVE_NAMES);
	drive.delta.names[drive.delta.n_names++] = (struct delta_name){
		.id = id,
		.is_endpoint = true,
		.a = span_make(host, strlen(host)),
		.b = span_make(method, strlen(method)),
		.c = span_make(template, strlen(template)),
		.time_ns = drive.now,
	};
	drive_run();
}

// A principal by name; its address is 0.0.0.0.
static inline void drive_principal(uint64_t id, enum principal_kind kind, const char *user)
{
	assert_true(drive.delta.n_names < DRIVE_NAMES);
	drive.delta.names[drive.delta.n_names++] = (struct delta_name){
		.id = id,
		.kind = kind,
		.a = span_make(user, strlen(user)),
		.time_ns = drive.now,
	};
	drive_run();
}

// An IPv4 address.
static inline void drive_from(struct call *call, uint32_t addr)
{
	call->client[10] = call->client[11] = 0xff;
	for (uint32_t i = 0; i < 4; i++)
		call->client[12 + i] = (uint8_t)(addr >> (24 - 8 * i));
}

// Now, unless the call has a time. Calls are merged in bundles.
static void drive_call(struct call call)
{
	call.time_ns = call.time_ns ? call.time_ns : drive.now;
	call.order = ++drive.order;
	drive.delta.calls[drive.delta.n_calls++] = call;
	drive.delta.exchanges++;
	if (drive.delta.n_calls == DRIVE_CALLS)
		drive_run();
}

static inline uint32_t drive_issues(const char *detector)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < drive.n; i++)
		n += !strcmp(drive.issue[i].detector, detector);
	return n;
}

// The only issue.
static inline const struct drive_issue *drive_one(void)
{
	if (drive.n != 1) {
		for (uint32_t i = 0; i < drive.n; i++)
			print_error("%s: %s\n", drive.issue[i].detector,
				    drive.issue[i].description);
	}
	assert_int_equal(drive.n, 1);
	return &drive.issue[0];
}

static inline void drive_silent(void)
{
	for (uint32_t i = 0; i < drive.n; i++)
		print_error("%s: %s\n", drive.issue[i].detector, drive.issue[i].description);
	assert_int_equal(drive.n, 0);
}

static inline void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}
