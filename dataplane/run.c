// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap run: the appliance. The main lcore is the control thread: it merges epochs, keeps the
// clock, watches the workers; the other lcores poll. Nothing is ever sent to the network.

#include "dataplane/command.h"
#include "dataplane/checksum.h"
#include "dataplane/eal.h"
#include "dataplane/frag.h"
#include "dataplane/log.h"
#include "dataplane/port.h"
#include "dataplane/sensor.h"
#include "dataplane/state.h"
#include "detect/policy.h"
#include "detect/saving.h"
#include "export/exporter.h"
#include "export/openapi.h"

#include <getopt.h>
#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	RUN_PORTS = 32,
	RUN_SLEEP_US = 5000,
	RUN_STALL_MS = 2000,
	RUN_DRAIN_TURNS = 400,
	HUGE_NEEDED_MB = 256,
};

struct workers_options {
	uint32_t count; // 0: one per CPU beside the control thread's
};
struct memory_options {
	uint32_t hugepages; // enum huge_choice
	uint32_t mbufs;
};
enum huge_choice { HUGE_AUTO = 0, HUGE_YES, HUGE_NO };

static const struct conf_row workers_rows[] = {
	{"count", CONF_U32, offsetof(struct workers_options, count), 0, WORKER_MAX, "0", NULL, NULL,
	 "threads", "Polling workers; 0: one per CPU, less one for the control thread", false, NULL},
};
static const struct conf_section workers_section = {
	.path = "workers",
	.help = "Threads that poll ports and analyse traffic",
	.size = sizeof(struct workers_options),
	.rows = workers_rows,
	.n_rows = 1,
};
CONF_SECTION(workers_section);

static const char *const huge_choices[] = {"auto", "yes", "no", NULL};
static const struct conf_row memory_rows[] = {
	{"hugepages", CONF_ENUM, offsetof(struct memory_options, hugepages), 0, 0, "\"auto\"",
	 huge_choices, NULL, NULL, "Packet buffers in hugepages: when there are any, always, never",
	 false, NULL},
	{"mbufs", CONF_U32, offsetof(struct memory_options, mbufs), 4096, 16 << 20, "65536", NULL,
	 NULL, "buffers", "Packet buffers of 2 KiB, all ports and workers together", false,
	 NULL},
};
static const struct conf_section memory_section = {
	.path = "memory",
	.help = "Packet memory",
	.size = sizeof(struct memory_options),
	.rows = memory_rows,
	.n_rows = 2,
};
CONF_SECTION(memory_section);

uint32_t command_workers(const struct conf *conf)
{
	const struct workers_options *workers = conf_get(conf, &workers_section);
	uint32_t cpus = command_cpus();

	return workers->count ? workers->count : cpus > 1 ? cpus - 1 : 1;
}

uint32_t command_mbufs(const struct conf *conf)
{
	return ((const struct memory_options *)conf_get(conf, &memory_section))->mbufs;
}

struct appliance {
	const struct conf *conf;
	const char *file; // it was read from
	uint32_t n_workers, n_ports;
	struct worker *workers; // array, each on its own lines
	struct port ports[RUN_PORTS];
	struct worker_clock clock;
	_Atomic bool stop;
	struct sensor *sensor;
	struct exporter *exporter;
	bool kept; // state.dir is there
	struct state state;
	struct saving *saving; // owned; when kept
};

static void print_help(void)
{
	printf("usage: apitap run -c FILE [-- EAL ARGS]\n\n"
	       "Watches the ports named in FILE until Ctrl-C, then prints statistics. Receives only.\n"
	       "SIGHUP reads the policies of FILE again; a file with mistakes is refused.\n\n"
	       "  -c, --config FILE  configuration (apitap check --sample prints one)\n"
	       "  -h, --help         this text\n"
	       "  --                 what follows goes to DPDK's EAL, as with testpmd\n\n"
	       "examples:\n"
	       "  apitap run -c apitap.conf\n"
	       "  apitap run -c apitap.conf -- --no-huge --log-level=lib.eal:debug\n");
}

static void on_issue(void *arg, const struct issue *issue)
{
	struct appliance *r = arg;

	exporter_issue(r->exporter, issue); // a full queue is counted and told there
}

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

// Follows the system's clock in steps of a second; workers add the TSC in between.
static void clock_correct(struct worker_clock *clock)
{
	uint64_t ticks = rte_rdtsc() - clock->base_tsc;
	uint64_t since = ticks / clock->tsc_hz * UINT64_C(1000000000) +
			 ticks % clock->tsc_hz * UINT64_C(1000000000) / clock->tsc_hz;

	atomic_store_explicit(&clock->base_ns, realtime_ns() - since, memory_order_relaxed);
}

static bool wants_no_huge(struct eal_plan *plan)
{
	bool found = false;
	int n = 0;

	for (int i = 0; i < plan->n_extra; i++) {
		if (strcmp(plan->extra[i], "--no-huge") == 0)
			found = true;
		else
			plan->extra[n++] = plan->extra[i];
	}
	plan->n_extra = n;
	return found;
}

static int run_eal(struct appliance *r, char **extra, int n_extra, uint32_t mbufs)
{
	const struct memory_options *memory = conf_get(r->conf, &memory_section);
	const char *devices[RUN_PORTS];
	uint64_t huge = eal_hugepages_free();
	char lcores[65536], why[512];
	struct eal_plan plan = {
		.lcores = lcores,
		.devices = devices,
		.n_devices = r->n_ports,
		.memory_mb = eal_memory_mb(mbufs),
		.extra = extra,
		.n_extra = n_extra,
	};

	for (uint32_t i = 0; i < r->n_ports; i++)
		devices[i] = ((const struct port_options *)conf_item(r->conf, &port_section, i))->device;
	command_lcores(r->n_workers + 1, true, lcores, sizeof(lcores));
	bool refused = wants_no_huge(&plan) || memory->hugepages == HUGE_NO;
	bool enough = huge >> 20 >= RTE_MAX((uint32_t)HUGE_NEEDED_MB, plan.memory_mb);
	if (memory->hugepages == HUGE_YES && !refused && !enough) {
		fprintf(stderr,
			"apitap run: memory.hugepages = \"yes\", but %" PRIu64 " of %u MiB are free; "
			"try: echo %u > /proc/sys/vm/nr_hugepages\n",
			huge >> 20, plan.memory_mb, RTE_MAX((uint32_t)HUGE_NEEDED_MB, plan.memory_mb) / 2);
		return EXIT_FAILED;
	}
	plan.huge = !refused && enough;
	if (plan.huge)
		LOG(NOTICE, "packet memory in hugepages, %" PRIu64 " MiB free", huge >> 20);
	else
		LOG(NOTICE, "packet memory without hugepages: fine for tests and virtual devices; "
			    "for NICs: echo %u > /proc/sys/vm/nr_hugepages",
		    RTE_MAX((uint32_t)HUGE_NEEDED_MB, plan.memory_mb) / 2);
	if (eal_start(&plan, why, sizeof(why)) != 0) {
		fprintf(stderr, "apitap run: %s\n", why);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

static int run_rings(struct appliance *r)
{
	for (uint32_t from = 0; from < r->n_workers; from++) {
		for (uint32_t to = 0; to < r->n_workers; to++) {
			struct rte_ring *ring;
			char name[32];

			if (from == to)
				continue;
			snprintf(name, sizeof(name), "handoff_%u_%u", from, to);
			ring = rte_ring_create(name, HANDOFF_RING, SOCKET_ID_ANY,
					       RING_F_SP_ENQ | RING_F_SC_DEQ);
			if (!ring)
				return -1;
			r->workers[from].out[to] = ring;
			r->workers[to].in[from] = ring;
		}
	}
	return 0;
}

// What concerns all ports, once they are there.
static int run_queues(struct appliance *r, uint64_t seed)
{
	bool rss = false;

	for (uint32_t p = 0; p < r->n_ports; p++)
		rss |= r->ports[p].nic;
	for (uint32_t i = 0; i < r->n_workers; i++) {
		struct worker *w = &r->workers[i];
		struct checksum *checks = calloc(RTE_MAX(w->n_queues, 1u), sizeof(*checks));

		if (!checks)
			return -1;
		for (uint32_t q = 0; q < w->n_queues; q++) {
			checksum_init(&checks[q], r->sensor->checksums, seed);
			w->queues[q].check = &checks[q];
		}
		w->rss = rss;
	}
	return 0;
}

static int run_load(struct appliance *r, char *why, size_t why_len)
{
	const struct state_options *state = conf_get(r->conf, &state_section);
	uint64_t begin = realtime_ns();
	int rc = detect_load(r->sensor->detect, r->state.dir);

	if (rc) {
		snprintf(why, why_len, "state.dir: %s", strerror(-rc));
		return -1;
	}
	LOG(NOTICE, "what was learnt is back from %s after %.2f s; the ports, which are not open "
		    "before that, start now",
	    r->state.dir, (double)(realtime_ns() - begin) / 1e9);
	if (state->frozen)
		LOG(NOTICE, "state.frozen: %s stays as it is, what is learnt now is forgotten at the "
			    "end",
		    r->state.dir);
	return 0;
}

// What cannot be written now may be written next time; somebody must know.
static void run_inventory(struct appliance *r)
{
	int rc = inventory_export(detect_merger(r->sensor->detect), r->state.dir);

	if (rc)
		LOG(ERR, "the inventory could not be written to %s: %s", r->state.dir, strerror(-rc));
}

// For the last time: all that was merged.
static void run_save(struct appliance *r)
{
	const struct state_options *state = conf_get(r->conf, &state_section);
	int rc;

	if (!r->kept)
		return;
	saving_finish(r->saving, detect_merger(r->sensor->detect));
	rc = state->frozen ? 0 : detect_save(r->sensor->detect, r->state.dir);
	if (rc)
		LOG(ERR, "what was learnt could not be saved to %s: %s", r->state.dir, strerror(-rc));
	run_inventory(r);
}

static int run_open(struct appliance *r, char **extra, int n_extra)
{
	const struct memory_options *memory = conf_get(r->conf, &memory_section);
	struct sensor_options options = {
		.n_workers = r->n_workers,
		.mbufs = memory->mbufs,
		.seed = command_random(),
		.issue = on_issue,
		.issue_arg = r,
	};
	const struct state_options *state = conf_get(r->conf, &state_section);
	struct rte_mempool *pool;
	unsigned lcore, i = 0;
	char why[512];
	int code;

	if (*state->dir) {
		if (state_open(&r->state, state->dir, why, sizeof(why)) != 0)
			goto err;
		r->kept = true;
		r->saving = saving_new();
		if (!r->saving) {
			snprintf(why, sizeof(why), "no memory to save what is learnt");
			goto err;
		}
		options.seed = r->state.seed;
	} else {
		LOG(NOTICE, "state.dir is empty: what is learnt is forgotten at the end");
	}
	code = run_eal(r, extra, n_extra, memory->mbufs);
	if (code)
		return code;
	pool = eal_pool("packets", memory->mbufs, SOCKET_ID_ANY);
	r->workers = aligned_alloc(64, sizeof(struct worker) * r->n_workers);
	if (!pool || !r->workers) {
		snprintf(why, sizeof(why), "no memory for %u packet buffers; lower memory.mbufs",
			 memory->mbufs);
		goto err;
	}
	memset(r->workers, 0, sizeof(struct worker) * r->n_workers);
	r->sensor = sensor_new(r->conf, &options, why, sizeof(why));
	if (!r->sensor)
		goto err;
	if (r->kept && run_load(r, why, sizeof(why)) != 0)
		goto err;
	r->clock = (struct worker_clock){.tsc_hz = rte_get_tsc_hz(), .base_tsc = rte_rdtsc()};
	clock_correct(&r->clock);
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (i == r->n_workers)
			break;
		r->workers[i] = (struct worker){
			.index = i,
			.n_workers = r->n_workers,
			.lcore = lcore,
			.seed = options.seed,
			.pipe = sensor_pipeline(r->sensor, i),
			.frag = frag_new(options.seed, frag_buffers(memory->mbufs, r->n_workers)),
			.clock = &r->clock,
			.stop = &r->stop,
		};
		if (!r->workers[i++].frag) {
			snprintf(why, sizeof(why), "no memory for IP reassembly");
			goto err;
		}
	}
	if (i < r->n_workers) {
		snprintf(why, sizeof(why), "%u workers need %u lcores; the EAL arguments leave %u",
			 r->n_workers, r->n_workers + 1, i + 1);
		goto err;
	}
	if (run_rings(r) != 0) {
		snprintf(why, sizeof(why), "no memory for the rings between workers");
		goto err;
	}
	const struct sensor_conf *sensor = conf_get(r->conf, &sensor_section);
	exporter_setup(sensor->id, command_log);
	r->exporter = exporter_start(r->conf, why, sizeof(why));
	if (!r->exporter)
		goto err;
	for (uint32_t p = 0; p < r->n_ports; p++) {
		if (port_start(&r->ports[p], conf_item(r->conf, &port_section, p), r->workers,
			       r->n_workers, pool, why, sizeof(why)) != 0) {
			r->n_ports = p;
			goto err;
		}
		LOG(NOTICE, "port %s: %s", r->ports[p].options->name, r->ports[p].note);
	}
	if (run_queues(r, options.seed) != 0) {
		snprintf(why, sizeof(why), "out of memory");
		goto err;
	}
	return EXIT_OK;

err:
	fprintf(stderr, "apitap run: %s\n", why);
	return EXIT_FAILED;
}

// A worker that stands still cannot be helped from here, but somebody must know.
static void watch_heartbeats(struct appliance *r, uint64_t *seen, uint64_t now_ms, uint64_t *since_ms)
{
	for (uint32_t i = 0; i < r->n_workers; i++) {
		uint64_t beat = atomic_load_explicit(&r->workers[i].heartbeat, memory_order_relaxed);

		if (beat != seen[i]) {
			seen[i] = beat;
			since_ms[i] = now_ms;
		} else if (now_ms - since_ms[i] > RUN_STALL_MS) {
			LOG(ERR, "worker %u stands still since %" PRIu64 " ms", i,
			    now_ms - since_ms[i]);
			since_ms[i] = now_ms;
		}
	}
}

// Policies act from the next exchange on; all else that stands in the file is for the next start.
// Returns whether there are new ones.
static bool run_reload(struct appliance *r)
{
	struct conf *conf = conf_load(r->file, stderr);
	size_t n;

	if (conf && !policies_known(conf, stderr)) {
		conf_free(conf);
		conf = NULL;
	}
	if (!conf) {
		LOG(ERR, "%s is wrong and was not taken; what was there before goes on", r->file);
		return false;
	}
	n = conf_count(conf, &policy_section);
	if (!detect_policies(r->sensor->detect, conf)) {
		LOG(ERR, "no memory for the policies of %s; those before go on", r->file);
		conf_free(conf);
		return false;
	}
	LOG(NOTICE, "policies read again from %s: %zu; other keys count from the next start", r->file,
	    n);
	return true;
}

static void run_control(struct appliance *r)
{
	const struct state_options *state = conf_get(r->conf, &state_section);
	uint64_t epoch_ns = (uint64_t)r->sensor->epoch_ms * 1000000, next = 0, corrected = 0;
	uint64_t save_ns = state->save_min * UINT64_C(60000000000), saved = worker_now_ns(&r->clock);
	uint64_t seen[WORKER_MAX] = {0}, since_ms[WORKER_MAX] = {0};
	struct merger *merger = detect_merger(r->sensor->detect);
	bool flipping = false, merged = false;

	for (uint32_t i = 0; i < r->n_workers; i++)
		since_ms[i] = worker_now_ns(&r->clock) / 1000000;
	while (!atomic_load_explicit(&command_stop, memory_order_acquire)) {
		uint64_t now = worker_now_ns(&r->clock);

		if (atomic_exchange_explicit(&command_reload, false, memory_order_acquire) &&
		    run_reload(r))
			next = now; // workers take them when they begin an epoch
		if (!flipping && now >= next) {
			detect_epoch_begin(r->sensor->detect);
			flipping = true;
			next = now + epoch_ns;
		}
		if (flipping && detect_epoch_ready(r->sensor->detect)) {
			detect_merge(r->sensor->detect, now);
			flipping = false;
			merged = true;
		}
		if (r->kept && !flipping && now - saved > save_ns) {
			if (state->frozen || saving_begin(r->saving, merger, r->state.dir))
				run_inventory(r);
			saved = now;
		}
		// A part of it after each merge.
		if (r->kept && merged)
			saving_turn(r->saving, merger);
		merged = false;
		if (now - corrected > UINT64_C(1000000000)) {
			clock_correct(&r->clock);
			corrected = now;
			watch_heartbeats(r, seen, now / 1000000, since_ms);
		}
		usleep(RUN_SLEEP_US);
	}
}

static int run_print(const struct appliance *r)
{
	struct fates fates = {0};
	uint64_t sent = 0;

	for (uint32_t i = 0; i < r->n_ports; i++)
		sent += port_print(&r->ports[i], stdout);
	for (uint32_t i = 0; i < r->n_workers; i++) {
		const struct worker *w = &r->workers[i];
		double busy = w->turns ? 100.0 * (double)(w->turns - w->idle_turns) / (double)w->turns : 0;

		printf("\n  ------- Statistics for worker %-2u lcore %-2u -------\n"
		       "  RX-packets: %-14" PRIu64 " RX-bytes: %-14" PRIu64 "\n"
		       "  polls with packets: %.1f %%, cycles/packet: %.0f\n"
		       "  handed to other workers: %" PRIu64 ", ring full: %" PRIu64 "\n",
		       w->index, w->lcore, w->fates.rx_pkts, w->fates.rx_bytes, busy,
		       w->fates.rx_pkts ? (double)w->busy_tsc / (double)w->fates.rx_pkts : 0,
		       w->handoffs, w->handoff_full);
		for (uint32_t q = 0; q < w->n_queues; q++)
			checksum_print(w->queues[q].check, stdout);
		fate_add(&fates, &w->fates);
	}
	bool balanced = sensor_print(r->sensor, &fates, stdout);
	if (sent)
		LOG(ERR, "%" PRIu64 " packets were sent by a port: this must not happen", sent);
	return sent || !balanced ? EXIT_FAILED : EXIT_OK;
}

static void run_close(struct appliance *r)
{
	struct exporter_stats stats;

	for (uint32_t i = 0; i < r->n_ports; i++)
		port_stop(&r->ports[i]);
	if (!r->exporter)
		return;
	// The last ones were just handed over: their numbers come with the next sync.
	for (uint32_t i = 0; i < RUN_DRAIN_TURNS; i++) {
		exporter_stats(r->exporter, &stats);
		if (stats.published + stats.queue_dropped >= stats.issues)
			break;
		usleep(RUN_SLEEP_US);
	}
	exporter_stop(r->exporter);
	printf("\n  issues to the exporter: %" PRIu64 ", on disk %" PRIu64 ", published %" PRIu64
	       ", not durable %" PRIu64 ", dropped %" PRIu64 "\n",
	       stats.issues, stats.durable, stats.published, stats.not_durable,
	       stats.queue_dropped);
}

// A worker may have stopped before the last packets were handed to it.
static void run_drain(struct appliance *r)
{
	for (uint32_t i = 0; i < r->n_workers; i++) {
		struct worker *w = &r->workers[i];
		struct rte_mbuf *pkts[WORKER_BURST];
		uint32_t n;

		for (uint32_t k = 0; k < r->n_workers; k++) {
			while (w->in[k] && (n = rte_ring_sc_dequeue_burst(w->in[k], (void **)pkts,
									  WORKER_BURST, NULL)))
				w->pipe.burst(w->pipe.ctx, pkts, n, &w->fates);
		}
	}
}

static int run_main(struct appliance *r, char **extra, int n_extra)
{
	uint32_t cpus = command_cpus();
	struct fates rest = {0};
	int code;

	r->n_ports = (uint32_t)conf_count(r->conf, &port_section);
	if (r->n_ports == 0 || r->n_ports > RUN_PORTS) {
		fprintf(stderr, "apitap run: %u ports configured; 1 to %d are needed in \"ports\"\n",
			r->n_ports, RUN_PORTS);
		return EXIT_USAGE;
	}
	r->n_workers = command_workers(r->conf);
	if (r->n_workers >= cpus)
		LOG(WARNING, "%u workers and the control thread share %u CPUs", r->n_workers, cpus);
	uint32_t n_ports = r->n_ports;
	code = run_open(r, extra, n_extra);
	if (code)
		return code;
	command_signals();
	command_reload_signal();
	for (uint32_t i = 0; i < r->n_workers; i++)
		rte_eal_remote_launch(worker_run, &r->workers[i], r->workers[i].lcore);
	LOG(NOTICE, "watching %u ports with %u workers; Ctrl-C ends", n_ports, r->n_workers);
	run_control(r);
	atomic_store_explicit(&r->stop, true, memory_order_release);
	rte_eal_mp_wait_lcore();
	run_drain(r);
	sensor_finish(r->sensor, worker_now_ns(&r->clock), &rest);
	fate_add(&r->workers[0].fates, &rest);
	run_save(r);
	saving_free(r->saving);
	if (r->kept)
		state_close(&r->state);
	code = run_print(r);
	run_close(r);
	return code;
}

int command_run(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *file = NULL;
	struct appliance run = {0};
	struct conf *conf;
	int o, code;

	while ((o = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			file = optarg;
			break;
		case 'h':
			print_help();
			return EXIT_OK;
		default:
			return command_usage("run", "wrong option");
		}
	}
	if (!file)
		return command_usage("run", "give a configuration with -c");
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		return command_usage("run", "'%s': EAL arguments go behind --", argv[optind]);
	datatype_freeze();
	conf = conf_load(file, stderr);
	if (!conf)
		return EXIT_USAGE;
	run.conf = conf;
	run.file = file;
	code = run_main(&run, argv + optind, argc - optind);
	sensor_free(run.sensor);
	conf_free(conf);
	return code;
}
