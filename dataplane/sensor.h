// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The sensor put together: for each worker a flow side and a detection side, and one merger. The
// commands (replay, run, bench) differ only in where packets and time come from. Together with
// them and main.c this is the composition root, the only place that sees every folder.

#pragma once

#include "conf/conf.h"
#include "dataplane/worker.h"
#include "detect/detect.h"
#include "flows/flow_conf.h"
#include "flows/tracker.h"

#include <stdio.h>

struct sensor_options {
	uint32_t n_workers;
	uint32_t mbufs;       // of all pools
	bool whole_heads;     // offline transaction log
	bool hashes;
	uint64_t seed;        // of every keyed hash
	const struct tls_keys *keys; // for decryption, borrowed; NULL: none
	issue_fn issue;       // control thread
	void *issue_arg;
};

struct sensor_worker {
	struct flow_env env;
	struct tracker *tracker;
	struct detect *detect;
	uint32_t index;
};

struct sensor {
	uint32_t n_workers;
	struct flow_plan plan;
	struct detect *detect;
	uint32_t epoch_ms;
	uint32_t mbufs;     // of all pools
	uint32_t checksums; // enum checksum_mode
	struct sensor_worker *workers[WORKER_MAX];
};

struct sensor_conf { // section "sensor"
	const char *id;
	uint32_t epoch_ms;
};
extern const struct conf_section sensor_section;

struct sensor *sensor_new(const struct conf *conf, const struct sensor_options *options, char *why,
			  size_t why_len);
void sensor_free(struct sensor *sensor);
struct pipeline sensor_pipeline(struct sensor *sensor, uint32_t i);
// All workers are idle: closes every connection, merges, hands out the final issues.
void sensor_finish(struct sensor *sensor, uint64_t now_ns, struct fates *fates);
// Ready for another capture as if just started.
void sensor_reset(struct sensor *sensor);
void sensor_flow_stats(const struct sensor *sensor, struct flow_stats *sum);

// Tables for people: fates (with the proof that they add up), flow counters that are not zero,
// detection counters. True when the fates are balanced.
bool sensor_print(const struct sensor *sensor, const struct fates *fates, FILE *out);
