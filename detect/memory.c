// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The rows, in the order in which people care. Areas of detectors lie in the entries of endpoints
// and principals and are counted with the detector they belong to, times the entries.

#include "detect/memory.h"

#include "detect/endpoint.h"
#include "detect/evidence.h"
#include "detect/incident.h"
#include "detect/merge.h"
#include "detect/worker_state.h"

static_assert(sizeof(struct idmap_slot) == 16, "memory_map() counts with it");

struct rows {
	struct memory_row *row;
	uint32_t n;
};

static void row_add(struct rows *rows, const char *name, uint64_t n, const char *unit,
		    uint64_t bytes)
{
	if (rows->n < MEMORY_ROWS)
		rows->row[rows->n++] = (struct memory_row){name, unit, n, bytes};
}

static void rows_known(struct rows *rows, const struct merger_options *o)
{
	const size_t texts = ENDPOINT_HOST + ENDPOINT_METHOD + EXCHANGE_TEMPLATE + 3;
	struct known k;

	known_init(&k, o->max_endpoints, o->max_principals, o->history);
	row_add(rows, "endpoints", o->max_endpoints, "endpoints",
		(uint64_t)o->max_endpoints *
				(memory_block(k.endpoint_bytes) + memory_block(texts)) +
			memory_list(o->max_endpoints) + memory_map(o->max_endpoints));
	row_add(rows, "principals", o->max_principals, "principals",
		(uint64_t)o->max_principals *
				(memory_block(k.principal_bytes) +
				 memory_block(EXCHANGE_USER + DELTA_AGENT + 3) +
				 memory_block(o->history * sizeof(struct known_call))) +
			memory_list(o->max_principals) + memory_map(o->max_principals));
}

// State, areas in endpoints and principals (their blocks may round up once more: an eighth), and
// what it says itself.
static void rows_detectors(struct rows *rows, const struct conf *conf,
			   const struct merger_options *o)
{
	for (uint32_t i = 0; i < detector_count(); i++) {
		const struct detector *d = detector_get(i);
		const void *options = conf_get(conf, d->section);
		uint64_t areas = (uint64_t)o->max_endpoints * ((d->endpoint_size + 15) / 16 * 16) +
				 (uint64_t)o->max_principals * ((d->principal_size + 15) / 16 * 16);

		if (!*(const bool *)options)
			continue;
		row_add(rows, d->id, 0, d->name,
			memory_block(d->state_size) + areas + areas / 4 +
				(d->memory ? d->memory(options, conf) : 0));
	}
}

// Lists that deltas are gathered in: of one epoch of all workers.
static uint64_t gather_bytes(uint32_t n)
{
	const uint64_t findings = (uint64_t)n * DELTA_FINDINGS;

	return 2 * memory_array((uint64_t)n * DELTA_CALLS, sizeof(struct merger_call)) +
	       2 * memory_array((uint64_t)n * DELTA_OBJECTS, sizeof(struct merger_call)) +
	       memory_list((uint64_t)n * DELTA_NAMES) + memory_list(findings) +
	       memory_array(findings, sizeof(struct finding)) +
	       memory_array(findings, sizeof(struct merger_group)) +
	       memory_array(findings * ISSUE_MAX_HISTORY, sizeof(struct known_call)) +
	       memory_array((uint64_t)n * DELTA_FIELDS, sizeof(struct delta_field)) +
	       memory_list((uint64_t)n * DELTA_BINDINGS) +
	       memory_list((uint64_t)n * CAPTURES_WANTED);
}

static uint64_t delta_bytes(void)
{
	return DELTA_CALLS * sizeof(struct call) + DELTA_FINDINGS * sizeof(struct finding) +
	       DELTA_NAMES * sizeof(struct delta_name) + DELTA_FIELDS * sizeof(struct delta_field) +
	       DELTA_OBJECTS * sizeof(struct delta_object) +
	       DELTA_CALL_PARAMS * sizeof(struct call_param) +
	       DELTA_PARAMS * sizeof(struct delta_param) +
	       DELTA_BINDINGS * sizeof(struct delta_binding) +
	       DELTA_SESSION_IDS * sizeof(struct session_id) + DELTA_ARENA;
}

uint32_t memory_rows(const struct conf *conf, uint32_t n_workers, uint32_t n_exchanges,
		     struct memory_row row[MEMORY_ROWS])
{
	const struct merger_options *o = conf_get(conf, &merger_section);
	const struct evidence_options *evidence = conf_get(conf, &evidence_section);
	const struct inventory_options *inventory = conf_get(conf, &inventory_section);
	const struct objects_options *objects = conf_get(conf, &objects_section);
	const struct incidents_options *incidents = conf_get(conf, &incidents_section);
	uint64_t captures = evidence->capture_mb
				    ? ((uint64_t)evidence->capture_mb << 20) +
					      CAPTURES_SLOTS * sizeof(uint64_t)
				    : 0;
	struct rows rows = {row, 0};

	rows_known(&rows, o);
	row_add(&rows, "sessions", SESSIONS_MAX, "sessions", sessions_bytes());
	row_add(&rows, "fields", o->max_fields, "fields", merger_fields_bytes(conf));
	row_add(&rows, "objects", objects->max_objects, "objects", objects_bytes(objects));
	row_add(&rows, "addresses", 0, "and networks", sources_bytes(conf));
	row_add(&rows, "parameters", inventory->max_params, "parameters",
		params_bytes(inventory->max_params, o->max_endpoints));
	row_add(&rows, "inventory", o->max_endpoints, "endpoints",
		o->max_endpoints * memory_block(sizeof(struct inventory_endpoint)));
	row_add(&rows, "templates", TEMPLATE_FOLDS, "places",
		templates_bytes() + KNOWN_ALIASES * sizeof(struct known_alias) +
			memory_map(KNOWN_ALIASES));
	row_add(&rows, "issues", o->max_issues, "issues", issues_bytes(o->max_issues, o->history));
	row_add(&rows, "evidence of issues", ISSUES_WITH_EVIDENCE, "issues", ISSUES_EVIDENCE_BYTES);
	row_add(&rows, "incidents", incidents->max_incidents, "incidents", incidents_bytes(conf));
	rows_detectors(&rows, conf, o);
	row_add(&rows, "merging", n_workers, "workers",
		sizeof(struct merger) + gather_bytes(n_workers));
	row_add(&rows, "deltas", 2 * n_workers, "deltas", 2 * n_workers * delta_bytes());
	row_add(&rows, "captures", n_workers, "workers", n_workers * captures);
	row_add(&rows, "exchanges", (uint64_t)n_workers * n_exchanges, "exchanges",
		n_workers * ((uint64_t)n_exchanges * sizeof(struct exchange) +
			     sizeof(struct worker_state)));
	return rows.n;
}
