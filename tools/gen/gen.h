// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a scenario sees: its options, the capture to fill, and the truth to tell about it. A
// scenario is one file with one struct gen_scenario, listed in gen_main.c.

#pragma once

#include "tools/gen/gen_pcap.h"
#include "tools/gen/gen_random.h"
#include "tools/gen/gen_truth.h"

#include <stdbool.h>
#include <stdint.h>

#define GEN_SECOND_NS 1000000000ull

struct gen_options {
	uint32_t users;         // 0 on the command line: the scenario's own number
	uint32_t minutes;       // likewise
	uint32_t offender_rate; // sensitive values that the offender receives in one minute
	double mean;            // sensitive values an ordinary user receives in a minute
	uint64_t seed;
	uint64_t start_s; // seconds since 1970 of the first minute
	bool nanosecond;
	const char *out;
};

struct gen {
	const struct gen_options *options;
	struct gen_pcap *pcap;
	struct gen_random random;
	struct gen_truth truth;
	uint64_t start_ns;
};

struct gen_scenario {
	const char *name;
	const char *summary;     // one line for --list
	uint32_t users, minutes; // when not given
	// Fills the capture. The caller writes the truth file and closes the capture.
	void (*run)(struct gen *gen);
};

extern const struct gen_scenario gen_benign, gen_demo, gen_fields, gen_hard, gen_leak, gen_mixed_auth,
	gen_noauth,
	gen_retrieval, gen_ssn, gen_storm, gen_url, gen_ws;
