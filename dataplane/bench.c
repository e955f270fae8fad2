// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap bench: what can one worker core do with this traffic? The capture is held in memory; a
// generator lcore plays the NIC: it copies each frame into a fresh mbuf, as DMA would, changes
// addresses and ports at every loop so that all flows are new, and keeps the worker's ring full.
// The worker runs the shipped pipeline with everything on.

#include "dataplane/command.h"
#include "dataplane/eal.h"
#include "dataplane/hash.h"
#include "dataplane/decap.h"
#include "dataplane/ingress.h"
#include "dataplane/packet.h"
#include "dataplane/sensor.h"
#include "dataplane/source_pcap.h"

#include <getopt.h>
#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_pause.h>
#include <rte_prefetch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BENCH_MBUFS = 32768,
	BENCH_RING = 1024,
	BENCH_TICK_BURSTS = 64,
	BENCH_MERGE_PKTS = 16384, // a merge at least that often, so that no delta overflows
};

struct frame {
	uint64_t off;      // in the arena
	uint64_t ts_ns;
	uint32_t len;
	uint16_t l3_off, l4_off; // 0: not TCP, sent unchanged
};

struct bench {
	const char *conf_file;
	uint64_t loops, seconds;
	bool json;

	struct conf *conf;
	struct sensor *sensor;
	struct pipeline pipe;
	struct ingress ingress;
	struct checksum check;
	struct rte_mempool *pool;
	struct rte_ring *ring;
	struct frame *frames;
	size_t n_frames, cap_frames;
	uint8_t *arena;
	size_t arena_len, arena_cap;
	uint32_t link_type;
	uint64_t span_ns; // of the capture, to move time forward at each loop
	uint64_t loop;    // of all passes: flows never repeat

	alignas(64) _Atomic bool stop;      // generator: rw, worker: ro
	_Atomic uint64_t sent;              // generator: rw
	alignas(64) struct fates fates;     // worker: rw, generator: ro after the end
	uint64_t busy_tsc, idle_tsc, last_ts_ns;
	double on_core; // share of the last pass in which the worker had its core
	_Atomic uint64_t taken;             // worker: rw, generator: ro
};

static void print_help(void)
{
	printf("usage: apitap bench [options] CAPTURE\n\n"
	       "Feeds one worker core at full speed from a generator core through the shipped\n"
	       "pipeline; flows are new at each loop. Needs no root and no hugepages (uses them when\n"
	       "free). The worker's figures count its busy cycles; idle is what the generator left.\n\n"
	       "  -c, --config FILE  configuration; without it, all defaults\n"
	       "      --loops K      times through the capture (default: as many as fit in --seconds)\n"
	       "      --seconds S    stop after S seconds (default 10)\n"
	       "      --json         one JSON object instead of tables\n"
	       "  -h, --help         this text\n\n"
	       "example:\n"
	       "  apitap bench --seconds 20 traffic.pcap\n");
}

static bool bench_reserve(void **p, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return true;
	size_t n = *cap ? *cap * 2 : 1 << 16;
	n = n < need ? need : n;
	void *q = realloc(*p, n * size);
	if (!q)
		return false;
	*p = q;
	*cap = n;
	return true;
}

static int bench_load(struct bench *b, const char *path)
{
	struct source *source;
	struct rte_mbuf *m;
	uint32_t wire_len;
	char why[512];
	int status;

	source = source_open(path, why, sizeof(why));
	if (!source) {
		fprintf(stderr, "apitap bench: %s: %s\n", path, why);
		return EXIT_FAILED;
	}
	b->link_type = source_link_type(source);
	while ((status = source_next(source, b->pool, &m, &wire_len)) == SOURCE_PACKET) {
		uint32_t len = rte_pktmbuf_pkt_len(m);

		if (!bench_reserve((void **)&b->frames, &b->cap_frames, b->n_frames + 1,
				   sizeof(*b->frames)) ||
		    !bench_reserve((void **)&b->arena, &b->arena_cap, b->arena_len + len, 1)) {
			fprintf(stderr, "apitap bench: out of memory\n");
			return EXIT_FAILED;
		}
		struct frame *f = &b->frames[b->n_frames++];
		*f = (struct frame){.off = b->arena_len, .ts_ns = pkt_of(m)->ts_ns, .len = len};
		if (packet_decode(m, b->link_type, wire_len, 0) == FATE_PARSED) {
			f->l3_off = pkt_of(m)->l3_off;
			f->l4_off = pkt_of(m)->l4_off;
		}
		rte_memcpy(b->arena + b->arena_len,
			   rte_pktmbuf_read(m, 0, len, b->arena + b->arena_len), len);
		b->arena_len += len;
		rte_pktmbuf_free(m);
	}
	if (status != SOURCE_END)
		fprintf(stderr, "apitap bench: %s: %s\n", path, source_error(source));
	source_close(source);
	if (b->n_frames == 0) {
		fprintf(stderr, "apitap bench: %s holds no packets\n", path);
		return EXIT_FAILED;
	}
	b->span_ns = b->frames[b->n_frames - 1].ts_ns - b->frames[0].ts_ns + UINT64_C(1000000000);
	return EXIT_OK;
}

// Changes bits of n bytes; returns what that does to a sum of 16-bit words (RFC 1624).
static uint32_t bench_xor(uint8_t *p, uint32_t n, const uint8_t *mask)
{
	uint32_t change = 0;

	for (uint32_t i = 0; i < n; i += 2) {
		change += (uint16_t)~walk_be16(p + i);
		p[i] ^= mask[i];
		p[i + 1] ^= mask[i + 1];
		change += walk_be16(p + i);
	}
	return change;
}

static void bench_sum(uint8_t *field, uint32_t change)
{
	uint32_t sum = (uint16_t)~walk_be16(field) + change;

	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = ~((sum & UINT16_MAX) + (sum >> 16));
	field[0] = (uint8_t)(sum >> 8);
	field[1] = (uint8_t)sum;
}

// The same change for both directions: both addresses, and the larger port's low bits. Right
// checksums stay right.
static void bench_rewrite(uint8_t *p, const struct frame *f, uint64_t loop)
{
	const uint64_t mix = hash_mix(loop);
	const uint8_t mask[4] = {0, (uint8_t)mix, (uint8_t)(mix >> 8), (uint8_t)(mix >> 16)};
	const uint8_t port[2] = {0, (uint8_t)loop};
	uint8_t *ip = p + f->l3_off, *tcp = p + f->l4_off;
	bool v4 = ip[0] >> 4 == 4;
	uint32_t change = bench_xor(ip + (v4 ? 12 : 20), 4, mask);

	change += bench_xor(ip + (v4 ? 16 : 36), 4, mask);
	if (v4)
		bench_sum(ip + 10, change);
	uint16_t a = walk_be16(tcp), c = walk_be16(tcp + 2);
	if (a > 1023 || c > 1023)
		change += bench_xor(a > c ? tcp : tcp + 2, 2, port);
	bench_sum(tcp + 16, change);
}

static uint64_t bench_thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void bench_worker_loop(struct bench *b)
{
	struct rte_mbuf *pkts[WORKER_BURST], *own[WORKER_BURST], *done[WORKER_BURST];
	struct stage_clock *stages = &b->sensor->workers[0]->env.stages;
	uint64_t bursts = 0, last = rte_rdtsc();

	stages->last_tsc = last;
	for (;;) {
		uint32_t n = rte_ring_sc_dequeue_burst(b->ring, (void **)pkts, WORKER_BURST, NULL);
		uint32_t n_own = 0, n_done = 0;

		if (n == 0) {
			bool stop = atomic_load_explicit(&b->stop, memory_order_acquire);
			uint64_t now = rte_rdtsc();

			b->idle_tsc += now - last;
			last = now;
			b->pipe.poll(b->pipe.ctx);
			if (stop && rte_ring_empty(b->ring))
				return;
			rte_pause();
			continue;
		}
		uint32_t before = stage_enter(stages, STAGE_DECODE);
		for (uint32_t i = 0; i < n && i < INGRESS_AHEAD; i++)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
		for (uint32_t i = 0; i < n; i++) {
			struct rte_mbuf *m = pkts[i];
			uint32_t len = rte_pktmbuf_pkt_len(m);

			ingress_prefetch(pkts, n, i);
			if (ingress_packet(&b->ingress, &m, b->link_type, len, &b->fates) == FATE_PARSED)
				own[n_own++] = m;
			else if (m)
				done[n_done++] = m;
		}
		b->last_ts_ns = RTE_MAX(b->last_ts_ns, pkt_of(pkts[n - 1])->ts_ns);
		if (n_done)
			rte_pktmbuf_free_bulk(done, n_done);
		stage_leave(stages, before);
		if (n_own)
			b->pipe.burst(b->pipe.ctx, own, n_own, &b->fates);
		if (++bursts % BENCH_TICK_BURSTS == 0)
			b->pipe.tick(b->pipe.ctx, b->last_ts_ns, &b->fates);
		b->pipe.poll(b->pipe.ctx);
		atomic_store_explicit(&b->taken, b->fates.rx_pkts, memory_order_relaxed);
		uint64_t now = rte_rdtsc();
		b->busy_tsc += now - last;
		last = now;
	}
}

// Where there are fewer cores than threads (generator, worker, merger) the worker loses its core
// now and then. It polls all the time, so what it had is what its thread ran.
static int bench_worker(void *arg)
{
	struct bench *b = arg;
	uint64_t tsc = rte_rdtsc(), ran_ns = bench_thread_ns();

	bench_worker_loop(b);
	ran_ns = bench_thread_ns() - ran_ns;
	b->on_core = (double)ran_ns / 1e9 * (double)rte_get_tsc_hz() / (double)(rte_rdtsc() - tsc);
	b->on_core = RTE_MIN(b->on_core, 1.0);
	return 0;
}

// The sink with its cycles told apart; only in the pass that measures stages.
struct staged_sink {
	struct event_sink inner;
	struct stage_clock *clock;
};

static void staged_request(void *ctx, struct http_tx *tx)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_DETECT);

	s->inner.request(s->inner.ctx, tx);
	stage_leave(s->clock, before);
}

static void staged_response(void *ctx, struct http_tx *tx)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_DETECT);

	s->inner.response(s->inner.ctx, tx);
	stage_leave(s->clock, before);
}

static void staged_end(void *ctx, struct http_tx *tx)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_DETECT);

	s->inner.end(s->inner.ctx, tx);
	stage_leave(s->clock, before);
}

static void staged_held(void *ctx, struct http_tx *tx)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_DETECT);

	s->inner.held(s->inner.ctx, tx);
	stage_leave(s->clock, before);
}

static void staged_ws(void *ctx, const struct conn_meta *conn, const struct ws_frame *frame)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_DETECT);

	s->inner.ws(s->inner.ctx, conn, frame);
	stage_leave(s->clock, before);
}

static void staged_tls(void *ctx, const struct conn_meta *conn, const struct tls_handshake *hello)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_DETECT);

	s->inner.tls(s->inner.ctx, conn, hello);
	stage_leave(s->clock, before);
}

static void staged_window(void *ctx, struct http_tx *tx, const struct window *window)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_PATTERN);

	s->inner.window(s->inner.ctx, tx, window);
	stage_leave(s->clock, before);
}

static void staged_value(void *ctx, struct http_tx *tx, const struct value *value)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_VALUE);

	s->inner.value(s->inner.ctx, tx, value);
	stage_leave(s->clock, before);
}

static void staged_member(void *ctx, struct http_tx *tx, const struct value *value)
{
	struct staged_sink *s = ctx;
	uint32_t before = stage_enter(s->clock, STAGE_VALUE);

	s->inner.member(s->inner.ctx, tx, value);
	stage_leave(s->clock, before);
}

static void bench_merge(struct bench *b, uint64_t ts_ns)
{
	detect_epoch_begin(b->sensor->detect);
	while (!detect_epoch_ready(b->sensor->detect))
		rte_pause();
	detect_merge(b->sensor->detect, ts_ns);
}

static void bench_generate(struct bench *b)
{
	uint64_t hz = rte_get_tsc_hz(), begin = rte_rdtsc(), since_merge = 0;
	struct rte_mbuf *burst[WORKER_BURST];

	for (uint64_t n_loops = 0; b->loops == 0 || n_loops < b->loops; n_loops++) {
		uint64_t loop = b->loop++;

		for (size_t i = 0; i < b->n_frames;) {
			uint32_t n = (uint32_t)RTE_MIN((size_t)WORKER_BURST, b->n_frames - i);

			while (rte_pktmbuf_alloc_bulk(b->pool, burst, n) != 0)
				rte_pause(); // the worker has them all
			for (uint32_t k = 0; k < n; k++, i++) {
				const struct frame *f = &b->frames[i];
				uint32_t len = RTE_MIN(f->len, (uint32_t)rte_pktmbuf_tailroom(burst[k]));
				uint8_t *p = rte_pktmbuf_mtod(burst[k], uint8_t *);

				rte_memcpy(p, b->arena + f->off, len);
				burst[k]->data_len = (uint16_t)len;
				burst[k]->pkt_len = len;
				pkt_of(burst[k])->ts_ns = f->ts_ns + loop * b->span_ns;
				if (f->l4_off && f->l4_off + 20u <= len && loop)
					bench_rewrite(p, f, loop);
			}
			for (uint32_t sent = 0; sent < n;) {
				sent += rte_ring_sp_enqueue_burst(b->ring, (void **)burst + sent,
								  n - sent, NULL);
				if (sent < n)
					rte_pause();
			}
			since_merge += n;
			if (since_merge >= BENCH_MERGE_PKTS) {
				bench_merge(b, b->frames[i - 1].ts_ns + loop * b->span_ns);
				since_merge = 0;
				if (command_stop || (b->seconds && rte_rdtsc() - begin > b->seconds * hz))
					return;
			}
		}
	}
}

struct result { // of the timed pass
	uint64_t pkts, bytes, exchanges, busy_tsc;
	double wall_s, busy_s;
	double on_core; // busy_tsc and busy_s are without the time that others had the core
};

static void print_table(const struct bench *b, const struct result *r)
{
	static const char *const names[] = {
#define X(name, text, help) text,
		STAGES(X)
#undef X
	};
	const struct stage_clock *stages = &b->sensor->workers[0]->env.stages;
	double staged = (double)(b->fates.rx_pkts - r->pkts), total = 0;

	printf("\n  ---------------------- Forward statistics for one worker ----------------------\n"
	       "  RX-packets: %-14" PRIu64 " RX-bytes: %-16" PRIu64 " exchanges: %" PRIu64 "\n"
	       "  worker, busy time:  %10.0f packets/s  %7.2f Gbit/s  %10.0f exchanges/s\n"
	       "  wall clock:         %10.0f packets/s  %7.2f Gbit/s  busy %.1f %%\n"
	       "  cycles/packet: %.0f  cycles/byte: %.2f  (others had its core %.1f %% of the time)\n"
	       "  -------------------------------------------------------------------------------\n",
	       r->pkts, r->bytes, r->exchanges, (double)r->pkts / r->busy_s,
	       (double)r->bytes * 8 / r->busy_s / 1e9, (double)r->exchanges / r->busy_s,
	       (double)r->pkts / r->wall_s, (double)r->bytes * 8 / r->wall_s / 1e9,
	       100 * r->busy_s / r->wall_s, (double)r->busy_tsc / (double)r->pkts,
	       (double)r->busy_tsc / (double)r->bytes, 100 * (1 - r->on_core));
	for (uint32_t i = STAGE_IDLE + 1; i < STAGE_N; i++)
		total += (double)stages->cycles[i];
	printf("\n  stage          calls  calls/packet  cycles/packet    share  (from a pass of its own)\n");
	for (uint32_t i = STAGE_IDLE + 1; i < STAGE_N; i++)
		printf("  %-8s %11" PRIu64 "  %12.2f  %13.1f  %5.1f %%\n", names[i], stages->calls[i],
		       (double)stages->calls[i] / staged, (double)stages->cycles[i] / staged,
		       100 * (double)stages->cycles[i] / total);
	sensor_print(b->sensor, &b->fates, stdout);
}

static void print_json(const struct bench *b, const struct result *r)
{
	printf("{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"exchanges\":%" PRIu64
	       ",\"wall_s\":%.3f,\"busy_s\":%.3f,\"packets_per_s\":%.0f,\"gbit_per_s\":%.3f,"
	       "\"exchanges_per_s\":%.0f,\"wall_gbit_per_s\":%.3f,\"cycles_per_packet\":%.1f,"
	       "\"cycles_per_byte\":%.3f,\"on_core\":%.3f,\"balanced\":%s}\n",
	       r->pkts, r->bytes, r->exchanges, r->wall_s, r->busy_s, (double)r->pkts / r->busy_s,
	       (double)r->bytes * 8 / r->busy_s / 1e9, (double)r->exchanges / r->busy_s,
	       (double)r->bytes * 8 / r->wall_s / 1e9, (double)r->busy_tsc / (double)r->pkts,
	       (double)r->busy_tsc / (double)r->bytes, r->on_core,
	       fate_balanced(&b->fates) ? "true" : "false");
}

// One run of generator and worker; the worker's lcore is idle before and after.
static double bench_pass(struct bench *b)
{
	uint64_t begin = rte_rdtsc();

	b->stop = false;
	rte_eal_remote_launch(bench_worker, b, 1);
	bench_generate(b);
	atomic_store_explicit(&b->stop, true, memory_order_release);
	rte_eal_wait_lcore(1);
	return (double)(rte_rdtsc() - begin) / (double)rte_get_tsc_hz();
}

static void bench_ignore(void *, const struct issue *)
{
}

static int bench_open(struct bench *b, char *why, size_t why_len)
{
	char lcores[8192];
	struct eal_plan plan = {.lcores = lcores, .memory_mb = eal_memory_mb(BENCH_MBUFS), .quiet = true};
	struct sensor_options options = {
		.n_workers = 1,
		.mbufs = BENCH_MBUFS,
		.seed = 1,
		.issue = bench_ignore,
	};

	if (command_cpus() < 2)
		fprintf(stderr, "apitap bench: one CPU only: generator and worker share it\n");
	command_lcores(2, true, lcores, sizeof(lcores));
	plan.huge = eal_hugepages_free() >> 20 >= plan.memory_mb;
	if (eal_start(&plan, why, why_len) != 0)
		return EXIT_FAILED;
	b->pool = eal_pool("packets", BENCH_MBUFS, SOCKET_ID_ANY);
	b->ring = rte_ring_create("bench", BENCH_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	b->sensor = b->pool && b->ring ? sensor_new(b->conf, &options, why, why_len) : NULL;
	if (!b->sensor)
		return EXIT_FAILED;
	b->pipe = sensor_pipeline(b->sensor, 0);
	b->ingress = (struct ingress){1, frag_new(1, frag_buffers(BENCH_MBUFS, 1)), &b->check, NULL};
	if (!b->ingress.frag)
		return EXIT_FAILED;
	checksum_init(&b->check, b->sensor->checksums, 1);
	return EXIT_OK;
}

static int bench_main(struct bench *b, const char *path)
{
	struct detect_stats detect;
	char why[512] = "out of memory";
	uint64_t seconds = b->seconds, loops = b->loops;
	int code = bench_open(b, why, sizeof(why));

	if (code) {
		fprintf(stderr, "apitap bench: %s\n", why);
		return code;
	}
	code = bench_load(b, path);
	if (code)
		return code;
	command_signals();
	if (!b->json) {
		// Cycles by stage first, in a short pass, so that timing does not disturb the other.
		struct flow_env *env = &b->sensor->workers[0]->env;
		struct staged_sink staged = {env->sink, &env->stages};

		env->sink = (struct event_sink){
			.ctx = &staged,
			.request = staged_request,
			.response = staged_response,
			.window = staged_window,
			.value = staged_value,
			.member = env->sink.member ? staged_member : NULL,
			.held = env->sink.held ? staged_held : NULL,
			.end = staged_end,
			.ws = staged_ws,
			.tls = staged_tls,
		};
		env->stages.on = true;
		b->seconds = 1;
		b->loops = 0;
		bench_pass(b);
		env->stages.on = false;
		env->sink = staged.inner;
	}
	detect_stats(b->sensor->detect, &detect);
	struct result r = {
		.pkts = b->fates.rx_pkts,
		.bytes = b->fates.rx_bytes,
		.exchanges = detect.exchanges,
		.busy_tsc = b->busy_tsc,
	};
	b->seconds = seconds;
	b->loops = loops;
	r.wall_s = bench_pass(b);
	sensor_finish(b->sensor, b->last_ts_ns, &b->fates);
	detect_stats(b->sensor->detect, &detect);
	r.pkts = b->fates.rx_pkts - r.pkts;
	r.bytes = b->fates.rx_bytes - r.bytes;
	r.exchanges = detect.exchanges - r.exchanges;
	r.on_core = b->on_core;
	r.busy_tsc = (uint64_t)((double)(b->busy_tsc - r.busy_tsc) * r.on_core);
	r.busy_s = (double)r.busy_tsc / (double)rte_get_tsc_hz();
	if (b->json)
		print_json(b, &r);
	else
		print_table(b, &r);
	return fate_balanced(&b->fates) ? EXIT_OK : EXIT_FAILED;
}

int command_bench(int argc, char **argv)
{
	enum { LOOPS = 256, SECONDS, JSON };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"loops", required_argument, NULL, LOOPS},
		{"seconds", required_argument, NULL, SECONDS}, {"json", no_argument, NULL, JSON},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	int o, code;

	if (!b)
		return EXIT_FAILED;
	*b = (struct bench){.seconds = 10};
	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			b->conf_file = optarg;
			break;
		case LOOPS:
			if (!command_number("bench", "--loops", optarg, 1, 1000000, &b->loops))
				return EXIT_USAGE;
			break;
		case SECONDS:
			if (!command_number("bench", "--seconds", optarg, 1, 86400, &b->seconds))
				return EXIT_USAGE;
			break;
		case JSON:
			b->json = true;
			break;
		case 'h':
			print_help();
			return EXIT_OK;
		default:
			return command_usage("bench", "wrong option");
		}
	}
	if (optind + 1 != argc)
		return command_usage("bench", "give one capture");
	datatype_freeze();
	b->conf = conf_load(b->conf_file, stderr);
	if (!b->conf)
		return EXIT_USAGE;
	code = bench_main(b, argv[optind]);
	frag_free(b->ingress.frag);
	sensor_free(b->sensor);
	conf_free(b->conf);
	free(b->frames);
	free(b->arena);
	free(b);
	return code;
}
