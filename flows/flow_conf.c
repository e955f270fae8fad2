// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Sections "flows" and "http". Pools are reserved address space: memory is committed when it is
// first used, up to the sums given here.

#include "flows/flow_conf.h"

#include "flows/body.h"
#include "flows/decoder.h"
#include "flows/parser.h"
#include "flows/zstd_stream.h"

#include <errno.h>
#include <stdlib.h>

struct flows_options {
	uint32_t max, tcp_timeout_s, closed_timeout_s, embryonic_timeout_s;
	uint32_t hold_segments, hold_bytes, gap_ms, gap_segments;
};

struct http_options {
	uint32_t head_bytes, headers, pipeline, scan_kb, inflate_kb, inflate_ratio, json_depth;
	uint32_t capture_head_bytes, capture_body_bytes;
};

#define FLOWS_ROW(field, min, max, def, unit, help)                                                \
	{#field, CONF_U32, offsetof(struct flows_options, field), min, max, def, NULL, NULL, unit, \
	 help, false, NULL}
static const struct conf_row flows_rows[] = {
	FLOWS_ROW(max, 1024, 64 << 20, "262144", "flows", "Connections followed at once, all workers"),
	FLOWS_ROW(tcp_timeout_s, 5, 86400, "300", "s", "Idle time after which a connection is forgotten"),
	FLOWS_ROW(closed_timeout_s, 1, 600, "5", "s", "How long a closed connection is remembered"),
	FLOWS_ROW(embryonic_timeout_s, 1, 600, "10", "s", "Idle time of a connection without payload"),
	FLOWS_ROW(hold_segments, 4, 4096, "64", "segments", "Out-of-order segments held per direction"),
	FLOWS_ROW(hold_bytes, 4096, 16 << 20, "262144", "bytes", "Out-of-order bytes held per direction"),
	FLOWS_ROW(gap_ms, 1, 60000, "2000", "ms", "How long a hole may wait for its bytes"),
	FLOWS_ROW(gap_segments, 2, 4096, "64", "segments", "Segments behind a hole that end the wait"),
};
static const struct conf_section flows_section = {
	.path = "flows",
	.help = "Connections and their memory",
	.size = sizeof(struct flows_options),
	.rows = flows_rows,
	.n_rows = sizeof(flows_rows) / sizeof(flows_rows[0]),
};
CONF_SECTION(flows_section);

#define HTTP_ROW(field, min, max, def, unit, help)                                                 \
	{#field, CONF_U32, offsetof(struct http_options, field), min, max, def, NULL, NULL, unit,  \
	 help, false, NULL}
static const struct conf_row http_rows[] = {
	HTTP_ROW(head_bytes, 4096, 65536, "65536", "bytes", "Start line and headers of one message at most"),
	HTTP_ROW(headers, 16, 1024, "256", "headers", "Header fields looked at in one message"),
	HTTP_ROW(pipeline, 1, 4096, "128", "requests", "Requests without an answer followed per connection"),
	HTTP_ROW(scan_kb, 0, 1 << 22, "0", "KiB", "Bytes of one body that are searched; 0: all of it"),
	HTTP_ROW(inflate_kb, 64, 1 << 22, "1024", "KiB", "Decoded bytes of one compressed body"),
	HTTP_ROW(inflate_ratio, 10, 100000, "200", ":1", "Largest expansion beyond the first 64 KiB"),
	HTTP_ROW(json_depth, 4, 64, "64", "levels", "Nesting of JSON that is followed"),
	HTTP_ROW(capture_head_bytes, 256, 65536, "4096", "bytes", "Beginning of each head kept as evidence"),
	HTTP_ROW(capture_body_bytes, 0, 65536, "4096", "bytes", "Beginning of each body kept as evidence"),
};
static const struct conf_section http_section = {
	.path = "http",
	.help = "Limits of message parsing; what is beyond is counted and marked",
	.size = sizeof(struct http_options),
	.rows = http_rows,
	.n_rows = sizeof(http_rows) / sizeof(http_rows[0]),
};
CONF_SECTION(http_section);

static uint32_t at_least(uint32_t n, uint32_t least)
{
	return n < least ? least : n;
}

void flow_plan(const struct conf *conf, uint32_t n_workers, uint32_t mbufs, bool whole_heads,
	       struct flow_plan *plan)
{
	const struct flows_options *f = conf_get(conf, &flows_section);
	const struct http_options *h = conf_get(conf, &http_section);
	uint32_t flows = at_least(f->max / n_workers, 1024);

	*plan = (struct flow_plan){
		.tracker = {
			.flows = flows,
			.conns = at_least(flows / 2, 1024),
			.tcp_timeout_s = f->tcp_timeout_s,
			.closed_timeout_s = f->closed_timeout_s,
			.embryonic_timeout_s = f->embryonic_timeout_s,
			.hold_segments = f->hold_segments,
			.hold_bytes = f->hold_bytes,
			.hold_total = mbufs / n_workers / 2,
			.gap_ms = f->gap_ms,
			.late_ms = f->gap_ms / 2,
			.gap_segments = f->gap_segments,
			.checksums = true,
		},
		.limits = {
			.head_bytes = h->head_bytes,
			.headers = h->headers,
			.pipeline = h->pipeline,
			.scan_bytes = (uint64_t)h->scan_kb << 10,
			.inflate_bytes = (uint64_t)h->inflate_kb << 10,
			.inflate_ratio = h->inflate_ratio,
			.json_depth = h->json_depth,
			.capture_head = whole_heads ? h->head_bytes : h->capture_head_bytes,
			.capture_body = h->capture_body_bytes,
		},
	};
	plan->n_tx = plan->tracker.conns;
	plan->n_capture = at_least(flows / 16, 4096);
	plan->n_brief = plan->n_capture;
	plan->n_head4k = at_least(flows / 64, 1024);
	plan->n_head64k = at_least(flows / 1024, 64);
	plan->n_body = at_least(flows / 16, 4096);
	plan->n_gather = at_least(flows / 128, 1024);
	plan->n_inflate = at_least(flows / 128, 512);
	plan->n_brotli = at_least(flows / 4096, 64);
	plan->n_zstd = at_least(flows / 4096, 64);
	uint64_t blocks = 0;

	for (uint32_t i = 0; i < parser_count(); i++) {
		const struct parser *parser = parser_get(i);

		if (!parser->block_bytes)
			continue;
		plan->n_blocks[i] = at_least(flows / parser->flows_per_block, 64);
		blocks += (uint64_t)plan->n_blocks[i] * parser->block_bytes;
	}
	plan->bytes = blocks + (uint64_t)plan->n_tx * sizeof(struct http_tx) +
		      (uint64_t)plan->n_capture * 2 *
			      (plan->limits.capture_head + plan->limits.capture_body + 64) +
		      (uint64_t)plan->n_brief * (HTTP_BRIEF_BYTES + 64) +
		      (uint64_t)plan->n_head4k * 4096 +
		      (uint64_t)plan->n_head64k * plan->limits.head_bytes +
		      (uint64_t)plan->n_body * body_state_size() +
		      (uint64_t)plan->n_gather * body_gather_size() +
		      (uint64_t)plan->n_inflate * inflate_state_size() +
		      (uint64_t)plan->n_brotli * brotli_state_size() +
		      (uint64_t)plan->n_zstd * zstd_stream_touched(plan->limits.inflate_bytes);
}

int flow_env_init(struct flow_env *env, const struct flow_plan *plan, uint64_t seed, bool hashes)
{
	const struct flow_limits *l = &plan->limits;

	*env = (struct flow_env){.limits = *l, .hashes = hashes, .seed = seed};
	if (pool_init(&env->tx, sizeof(struct http_tx), plan->n_tx) ||
	    pool_init(&env->capture, 2 * ((size_t)l->capture_head + l->capture_body + 64),
		      plan->n_capture) ||
	    pool_init(&env->brief, HTTP_BRIEF_BYTES + 64, plan->n_brief) ||
	    pool_init(&env->head4k, 4096, plan->n_head4k) ||
	    pool_init(&env->head64k, l->head_bytes, plan->n_head64k) ||
	    pool_init(&env->body, body_state_size(), plan->n_body) ||
	    pool_init(&env->gather, body_gather_size(), plan->n_gather) ||
	    pool_init(&env->inflate, inflate_state_size(), plan->n_inflate) ||
	    pool_init(&env->brotli, brotli_state_size(), plan->n_brotli) ||
	    pool_init(&env->zstd, zstd_stream_size(), plan->n_zstd))
		goto err;
	for (uint32_t i = 0; i < parser_count(); i++) {
		if (plan->n_blocks[i] &&
		    pool_init(&env->blocks[i], parser_get(i)->block_bytes, plan->n_blocks[i]))
			goto err;
	}
	env->leases = calloc(decoder_leases(env), sizeof(*env->leases));
	env->window = calloc(1, WINDOW_TAIL + WINDOW_BYTES + WINDOW_PAD);
	env->inflate_out = calloc(1, WINDOW_BYTES);
	if (env->leases && env->window && env->inflate_out)
		return 0;
err:
	flow_env_fini(env);
	return -ENOMEM;
}

void flow_env_fini(struct flow_env *env)
{
	pool_fini(&env->tx);
	pool_fini(&env->capture);
	pool_fini(&env->brief);
	pool_fini(&env->head4k);
	pool_fini(&env->head64k);
	pool_fini(&env->body);
	pool_fini(&env->gather);
	pool_fini(&env->inflate);
	pool_fini(&env->brotli);
	for (uint32_t i = 0; i < FLOW_PARSERS; i++)
		pool_fini(&env->blocks[i]);
	pool_fini(&env->zstd);
	free(env->window);
	free(env->inflate_out);
	free(env->leases);
	*env = (struct flow_env){0};
}
