// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "dataplane/sensor.h"

#include "dataplane/checksum.h"
#include "dataplane/decap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct conf_row sensor_rows[] = {
	{"id", CONF_STR, offsetof(struct sensor_conf, id), 1, 63, "\"apitap\"", NULL, NULL, NULL,
	 "Name of this sensor in every record", false, NULL},
	{"epoch_ms", CONF_U32, offsetof(struct sensor_conf, epoch_ms), 10, 60000, "250", NULL, NULL,
	 "ms", "How often the workers' findings are merged: the delay of an issue", false, NULL},
};
const struct conf_section sensor_section = {
	.path = "sensor",
	.help = "The sensor as a whole",
	.size = sizeof(struct sensor_conf),
	.rows = sensor_rows,
	.n_rows = sizeof(sensor_rows) / sizeof(sensor_rows[0]),
};
CONF_SECTION(sensor_section);

struct sensor *sensor_new(const struct conf *conf, const struct sensor_options *o, char *why,
			  size_t why_len)
{
	const struct sensor_conf *options = conf_get(conf, &sensor_section);
	struct sensor *s = calloc(1, sizeof(*s));

	if (!s)
		goto memory;
	decap_configure(conf);
	s->mbufs = o->mbufs;
	s->checksums = checksum_mode(conf);
	s->n_workers = o->n_workers;
	s->epoch_ms = options->epoch_ms;
	flow_plan(conf, o->n_workers, o->mbufs, o->whole_heads, &s->plan);
	s->detect = detect_new(conf, o->n_workers, s->plan.n_tx, o->seed, o->issue, o->issue_arg,
			       why, why_len);
	if (!s->detect)
		goto err;
	for (uint32_t i = 0; i < o->n_workers; i++) {
		struct sensor_worker *w = calloc(1, sizeof(*w));

		s->workers[i] = w;
		if (!w || flow_env_init(&w->env, &s->plan, o->seed, o->hashes))
			goto memory;
		w->index = i;
		w->detect = s->detect;
		w->env.sink = detect_sink(s->detect, i);
		w->env.keys = o->keys;
		w->tracker = tracker_new(&s->plan.tracker, &w->env, o->seed);
		if (!w->tracker)
			goto memory;
	}
	return s;

memory:
	snprintf(why, why_len, "out of memory; lower flows.max (%" PRIu64 " MiB per worker asked)",
		 s ? s->plan.bytes >> 20 : 0);
err:
	sensor_free(s);
	return NULL;
}

void sensor_free(struct sensor *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_workers; i++) {
		struct sensor_worker *w = s->workers[i];

		if (!w)
			continue;
		if (w->tracker)
			tracker_free(w->tracker);
		flow_env_fini(&w->env);
		free(w);
	}
	if (s->detect)
		detect_free(s->detect);
	free(s);
}

static void sensor_burst(void *ctx, struct rte_mbuf **pkts, uint32_t n, struct fates *fates)
{
	tracker_burst(((struct sensor_worker *)ctx)->tracker, pkts, n, fates);
}

static void sensor_tick(void *ctx, uint64_t now_ns, struct fates *fates)
{
	tracker_tick(((struct sensor_worker *)ctx)->tracker, now_ns, fates);
}

static void sensor_poll(void *ctx)
{
	struct sensor_worker *w = ctx;

	detect_poll(w->detect, w->index);
}

struct pipeline sensor_pipeline(struct sensor *s, uint32_t i)
{
	return (struct pipeline){s->workers[i], sensor_burst, sensor_tick, sensor_poll};
}

// One flip and merge while the workers are idle.
static void sensor_merge_idle(struct sensor *s, uint64_t now_ns)
{
	detect_epoch_begin(s->detect);
	for (uint32_t i = 0; i < s->n_workers; i++)
		detect_poll(s->detect, i);
	detect_merge(s->detect, now_ns);
}

void sensor_finish(struct sensor *s, uint64_t now_ns, struct fates *fates)
{
	// What is in the deltas first: flushing may add as much again.
	sensor_merge_idle(s, now_ns);
	for (uint32_t i = 0; i < s->n_workers; i++)
		tracker_flush(s->workers[i]->tracker, fates);
	sensor_merge_idle(s, now_ns);
	detect_finish(s->detect, now_ns);
}

void sensor_reset(struct sensor *s)
{
	detect_reset(s->detect);
}

void sensor_flow_stats(const struct sensor *s, struct flow_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < s->n_workers; i++) {
		const struct flow_stats *one = &s->workers[i]->env.stats;
#define X(name, help) sum->name += one->name;
		FLOW_STATS(X)
#undef X
	}
}

bool sensor_print(const struct sensor *s, const struct fates *fates, FILE *out)
{
	bool balanced = fate_balanced(fates);
	struct flow_stats flow;
	struct detect_stats detect;

	fprintf(out, "\n  fate            packets            bytes\n");
	for (uint32_t i = 0; i < FATE_N; i++) {
		if (fates->pkts[i] || fates->bytes[i])
			fprintf(out, "  %-12s %10" PRIu64 " %16" PRIu64 "  %s\n", fate_names[i],
				fates->pkts[i], fates->bytes[i], fate_help[i]);
	}
	fprintf(out, "  %-12s %10" PRIu64 " %16" PRIu64 "  %s\n", "received", fates->rx_pkts,
		fates->rx_bytes, balanced ? "all accounted for" : "NOT BALANCED");
	sensor_flow_stats(s, &flow);
	fprintf(out, "\n");
#define X(name, help)                                                                              \
	if (flow.name)                                                                             \
		fprintf(out, "  %-24s %14" PRIu64 "  %s\n", #name, flow.name, help);
	FLOW_STATS(X)
#undef X
	detect_stats(s->detect, &detect);
	fprintf(out,
		"\n  exchanges %" PRIu64 ", endpoints %u, principals %u, fields %u, findings %" PRIu64
		", issues %" PRIu64 " (+%" PRIu64 " updates)\n",
		detect.exchanges, detect.endpoints, detect.principals, detect.fields, detect.findings,
		detect.issues_created, detect.issues_updated);
	if (detect.calls_lost || detect.findings_lost || detect.names_lost || detect.issues_lost ||
	    detect.exchange_pool_empty || detect.endpoints_lost || detect.principals_lost ||
	    detect.fields_forgotten || detect.fields_lost)
		fprintf(out,
			"  not kept: calls %" PRIu64 ", findings %" PRIu64 ", names %" PRIu64
			", issues %" PRIu64 ", exchanges %" PRIu64 ", endpoints %u, principals %u, fields %" PRIu64
			" and %" PRIu64 " notes\n",
			detect.calls_lost, detect.findings_lost, detect.names_lost,
			detect.issues_lost, detect.exchange_pool_empty, detect.endpoints_lost,
			detect.principals_lost, detect.fields_forgotten, detect.fields_lost);
	return balanced;
}
