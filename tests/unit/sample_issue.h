// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One issue with every field set, for the tests of export/.

#pragma once

#include "detect/issue.h"

#include <string.h>

static inline void sample_issue(struct issue *issue)
{
	static const struct issue_related related[2] = {
		{"ffeeddccbbaa99887766554433221100", "D-44", SEVERITY_MEDIUM, 1714552000000000000},
		{"0123456789abcdef0123456789abcdef", "D-16", SEVERITY_LOW, 1714552100000000000},
	};

	*issue = (struct issue){
		.id = "00112233445566778899aabbccddeeff",
		.type = "Excessive Data Retrieval",
		.detector = "retrieval",
		.module = "Runtime",
		.detector_version = 2,
		.severity = SEVERITY_HIGH,
		.status = STATUS_OPEN,
		.activity = ACTIVITY_UPDATED,
		.result = RESULT_SUCCEEDED,
		.confidence = 92,
		.terms = {{"above the baseline", 60}, {"few calls seen", -8}},
		.n_terms = 2,
		.owasp = {"API3:2023", "API4:2023"},
		.n_owasp = 2,
		.codes = {{200, 412}, {429, 1}},
		.n_codes = 2,
		.detected_ns = 1714552560123456789,
		.first_seen_ns = 1714552500000000000,
		.last_seen_ns = 1714552560000001000,
		.count = 3,
		.attacker =
			{
				.ip = "203.0.113.7",
				.port = 51234,
				.user = SPAN_LIT("alice"),
				.user_kind = PRINCIPAL_JWT,
				.user_confidence = 90,
				.proxy_ip = "10.0.0.9",
				.user_agent = SPAN_LIT("curl/8.1"),
			},
		.target =
			{
				.host = SPAN_LIT("api.example.com"),
				.method = SPAN_LIT("GET"),
				.template = SPAN_LIT("/v1/users/{id}"),
				.path = SPAN_LIT("/v1/users/42"),
				.ip = "192.0.2.10",
				.port = 443,
			},
		.description = "alice received 413 numbers in one minute.",
		.impact = "Data leaves.",
		.remediation = "Return less.",
		.metric =
			{
				.present = true,
				.name = "values per minute",
				.unit = "1/min",
				.window = "1 min",
				.value = 413,
				.baseline_mean = 10.64,
				.percentile = 99.99,
				.population = 1200,
			},
		.types = {{
			.type = "us.ssn",
			.direction = SERVER,
			.field = SPAN_LIT("$.users[].ssn"),
			.sample = SPAN_LIT("***-**-1234"),
			.count = 413,
		}},
		.n_types = 1,
		.evidence = {{
			.time_ns = 1714552559000000000,
			.request =
				{
					.head = SPAN_LIT("GET /v1/users/42 HTTP/1.1\r\nHost: "
							 "api.example.com\r\n\r\n"),
				},
			.response =
				{
					.head = SPAN_LIT("HTTP/1.1 200 OK\r\n\r\n"),
					.body = SPAN_LIT("{\"ssn\":\"***-**-1234\"}"),
					.body_len = 90000,
					.body_truncated = true,
				},
		}},
		.n_evidence = 1,
		.history =
			{
				{
					.time_ns = 1714552558000000000,
					.method = SPAN_LIT("GET"),
					.host = SPAN_LIT("api.example.com"),
					.template = SPAN_LIT("/v1/users/{id}"),
					.status = 200,
					.resp_bytes = 90000,
					.n_values = 413,
				},
				{
					.time_ns = 1714552559000000000,
					.method = SPAN_LIT("GET"),
					.host = SPAN_LIT("api.example.com"),
					.template = SPAN_LIT("/v1/users/{id}"),
				},
			},
		.n_history = 2,
		.incident_id = "cafe0000cafe0000cafe0000cafe0000",
		.risk = 61,
		.n_incident = 5,
		.related = related,
		.n_related = 2,
	};
}
