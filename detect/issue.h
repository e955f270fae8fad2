// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The issue: what is told to people. Built on the merger's thread from findings of the workers,
// handed to the exporter, which copies what it keeps. Every span in it that holds captured bytes
// is already masked. Strings are NUL-terminated, never NULL ("" when unknown), and ours; spans
// are from the wire and may hold any bytes.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum severity {
	SEVERITY_INFO = 0,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL,
};

enum issue_status {
	STATUS_OPEN = 0,
	STATUS_IN_PROGRESS,
	STATUS_SUPPRESSED,
	STATUS_RESOLVED,
};

enum issue_activity {
	ACTIVITY_CREATED = 0,
	ACTIVITY_UPDATED,
	ACTIVITY_CLOSED,
};

// Did what the issue describes work? Judged by the response.
enum incident_result {
	RESULT_UNKNOWN = 0,
	RESULT_ATTEMPTED,
	RESULT_SUCCEEDED,
};

// What the principal (the user as far as traffic shows one) was recognised by. The numbers stand in
// records: new ones come last.
enum principal_kind {
	PRINCIPAL_NONE = 0,
	PRINCIPAL_ADDRESS,    // client address and user agent
	PRINCIPAL_BASIC,      // Basic user name
	PRINCIPAL_API_KEY,    // keyed hash of an API key
	PRINCIPAL_SESSION,    // keyed hash of a session cookie, or who signed in with it
	PRINCIPAL_JWT,        // claim of a token
	PRINCIPAL_CONFIGURED, // header, parameter or field named in the configuration
	PRINCIPAL_CERTIFICATE, // certificate that the TLS client showed
};

enum {
	ISSUE_MAX_OWASP = 4,
	ISSUE_MAX_TERMS = 6,
	ISSUE_MAX_CODES = 8,
	ISSUE_MAX_TYPES = 16,
	ISSUE_MAX_EVIDENCE = 3,
	ISSUE_MAX_HISTORY = 32,
	ISSUE_MAX_RELATED = 16,
};

struct issue_term {
	const char *name; // why this many points of confidence
	int points;
};

struct issue_code {
	uint16_t code; // HTTP status
	uint64_t count;
};

struct issue_type {
	const char *type; // "us.ssn"
	enum dir direction;
	struct span field;  // "$.users[].ssn", "query.email", "header.authorization", "body"
	struct span sample; // masked value
	uint64_t count;
};

struct issue_message {
	struct span head; // start line and headers as on the wire, masked
	struct span body; // decoded body, masked, its beginning
	uint64_t body_len; // of the whole decoded body, as far as seen
	bool head_truncated, body_truncated;
};

struct issue_evidence {
	uint64_t time_ns;
	struct issue_message request, response;
};

struct issue_call {
	uint64_t time_ns;
	struct span method, host, template;
	uint16_t status;     // 0: no response seen
	uint64_t resp_bytes; // decoded body
	uint32_t n_values;   // sensitive values received
};

struct issue_metric {
	bool present;
	const char *name, *unit, *window;
	double value, baseline_mean;
	double percentile; // of the others that value exceeds, 0..100; NAN when not claimed
	uint64_t population; // principals compared, this one included
};

// Another issue of the same incident.
struct issue_related {
	char id[33];
	const char *detector;
	enum severity severity;
	uint64_t first_seen_ns;
};

struct issue {
	char id[33]; // 32 hex digits: hash of the de-duplication key and the first time
	const char *type, *detector, *module;
	uint32_t detector_version;
	enum severity severity;
	enum issue_status status;
	enum issue_activity activity;
	enum incident_result result;
	uint32_t confidence; // 0..100
	struct issue_term terms[ISSUE_MAX_TERMS];
	uint32_t n_terms;
	const char *owasp[ISSUE_MAX_OWASP]; // "API3:2023", primary first
	uint32_t n_owasp;
	struct issue_code codes[ISSUE_MAX_CODES];
	uint32_t n_codes;
	uint64_t detected_ns, first_seen_ns, last_seen_ns; // since 1970, packets' clock
	uint64_t count;

	struct {
		const char *ip;
		const char *proxy_ip; // the connection came from it; "": the client itself did
		uint16_t port;
		struct span user; // subject or name; "kind:hash" where the value is a credential
		enum principal_kind user_kind;
		uint32_t user_confidence; // 0..100: how sure it is that this is one user
		struct span user_agent;
	} attacker;
	struct {
		struct span host, method, template, path; // path masked, without query
		const char *ip;
		uint16_t port;
	} target;

	const char *description, *impact, *remediation;
	struct issue_metric metric;
	struct issue_type types[ISSUE_MAX_TYPES];
	uint32_t n_types;
	struct issue_evidence evidence[ISSUE_MAX_EVIDENCE];
	uint32_t n_evidence;
	struct issue_call history[ISSUE_MAX_HISTORY]; // oldest first
	uint32_t n_history;

	char incident_id[33]; // 32 hex digits; "": it belongs to no incident
	uint32_t risk;        // 0..100, of the incident as it is now, or of the issue alone (incident.h)
	uint32_t n_incident;  // issues that the incident has; 0: no incident
	const struct issue_related *related; // the newest of its other issues, the oldest first
	uint32_t n_related;
};
