// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap explain: why did the sensor make of this connection what it made of it? The capture is
// read as replay reads it, with one worker in the same thread; only the packets of the connection
// that is asked for are handed to it, one at a time, and what they change is printed. Time passes
// with all packets. What other connections would have taught the sensor is not known here.

#include "dataplane/explain.h"

#include "dataplane/command.h"
#include "dataplane/eal.h"
#include "dataplane/ingress.h"
#include "dataplane/keylogs.h"
#include "dataplane/log.h"
#include "dataplane/source_pcap.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXPLAIN_MBUFS = 16384,
	SEEN_SLOTS = 1 << 16, // other connections that are remembered
	SEEN_SHOWN = 10,
};

// As in replay: the same names for the same things.
static const uint64_t explain_seed = 0x61706974617031;

// A connection of the capture that was not asked for.
struct explain_seen {
	struct flow_key key;
	uint64_t first; // number of its first packet
	uint64_t pkts;  // 0: the slot is empty
};

struct explain {
	const char *conf_file;
	char *path;
	struct explain_end end[2];
	struct keylogs keylogs;
	bool asked;
	struct conf *conf;
	struct rte_mempool *pool;
	struct sensor *sensor;
	struct pipeline pipe;
	struct ingress ingress;
	struct checksum check;
	struct packet_layers layers; // of the last packet
	struct fates fates; // of the packets of the connection
	struct explain_print print;
	struct explain_seen *seen;
	uint32_t n_seen;
	uint64_t pkts, own_pkts, clock_ns, epoch_end_ns;
};

static void print_help(void)
{
	printf("usage: apitap explain [options] CAPTURE --flow 'ADDRESS:PORT-ADDRESS:PORT'\n\n"
	       "Prints in order, with packet numbers and times, what every stage decided about "
	       "one\n"
	       "connection: headers taken off, fates of packets, TCP, parsers, messages, identity, "
	       "data\n"
	       "types (masked), findings. '-' reads standard input.\n\n"
	       "  -f, --flow ENDS    the two ends in either order; IPv6 addresses in brackets\n"
	       "  -c, --config FILE  configuration; without it, all defaults\n"
	       "      --keylog FILE  decrypt TLS with its secrets, as replay does\n"
	       "  -h, --help         this text\n\n"
	       "Addresses are those of the innermost IP header. Only this connection is given to "
	       "the\n"
	       "sensor: detectors that compare it with others have nothing to compare it with.\n\n"
	       "exit codes: 0 explained, 1 no such connection or the capture could not be read to "
	       "its\n"
	       "end, 2 usage or configuration\n\n"
	       "examples:\n"
	       "  apitap explain traffic.pcap --flow '10.0.0.5:51312-10.0.0.9:80'\n"
	       "  apitap explain -c apitap.conf traffic.pcapng -f "
	       "'[2001:db8::5]:51312-[2001:db8::9]:443'\n"
	       "  zstdcat big.pcap.zst | apitap explain - --flow '10.0.0.9:80-10.0.0.5:51312'\n");
}

// ---- the command line

// "1.2.3.4:80", "[::1]:80".
static bool parse_end(const char *text, size_t len, struct explain_end *out)
{
	char address[INET6_ADDRSTRLEN] = "", port[8] = "";
	bool v6 = len && text[0] == '[';
	const char *colon = memrchr(text, ':', len);
	size_t n = colon ? (size_t)(colon - text) : 0, port_len = colon ? len - n - 1 : 0;
	unsigned long number;
	char *end;

	if (v6) {
		if (n < 2 || text[n - 1] != ']')
			return false;
		text++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(address) || port_len == 0 || port_len >= sizeof(port))
		return false;
	memcpy(address, text, n);
	memcpy(port, colon + 1, port_len);
	number = strtoul(port, &end, 10);
	if (*end || port[0] < '0' || port[0] > '9' || number > UINT16_MAX)
		return false;
	out->port = (uint16_t)number;
	memset(out->addr, 0, sizeof(out->addr));
	if (v6)
		return inet_pton(AF_INET6, address, out->addr) == 1;
	out->addr[10] = out->addr[11] = 0xff;
	return inet_pton(AF_INET, address, out->addr + 12) == 1;
}

static bool parse_flow(const char *text, struct explain_end end[2])
{
	const char *dash = strchr(text, '-');

	return dash && parse_end(text, (size_t)(dash - text), &end[0]) &&
	       parse_end(dash + 1, strlen(dash + 1), &end[1]);
}

static int parse(struct explain *x, int argc, char **argv)
{
	enum { KEYLOG = 256 };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"flow", required_argument, NULL, 'f'},
		{"keylog", required_argument, NULL, KEYLOG},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "c:f:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			x->conf_file = optarg;
			break;
		case 'f':
			if (!parse_flow(optarg, x->end))
				return command_usage(
					"explain",
					"--flow: '%s' is not ADDRESS:PORT-ADDRESS:PORT, as in "
					"10.0.0.5:51312-10.0.0.9:80 or [::1]:51312-[::1]:80",
					optarg);
			x->asked = true;
			break;
		case KEYLOG:
			if (!keylogs_add(&x->keylogs, optarg))
				return command_usage("explain", "--keylog: more than %d of them",
						     KEYLOGS_MOST);
			break;
		case 'h':
			print_help();
			exit(EXIT_OK);
		default:
			return command_usage("explain", "wrong option");
		}
	}
	if (optind + 1 != argc)
		return command_usage("explain", "give one capture");
	if (!x->asked)
		return command_usage("explain", "which connection? --flow is missing");
	x->path = argv[optind];
	return EXIT_OK;
}

// ---- connections that were not asked for

static bool end_is(const struct flow_key *key, uint32_t side, const struct explain_end *end)
{
	return key->port[side] == end->port &&
	       memcmp(key->addr[side], end->addr, sizeof(end->addr)) == 0;
}

static bool asked_for(const struct explain *x, const struct flow_key *key)
{
	return (end_is(key, 0, &x->end[0]) && end_is(key, 1, &x->end[1])) ||
	       (end_is(key, 0, &x->end[1]) && end_is(key, 1, &x->end[0]));
}

static void remember(struct explain *x, const struct pkt *pkt)
{
	// Half full at most: a probe ends soon.
	for (uint64_t i = pkt->hash;; i++) {
		struct explain_seen *seen = &x->seen[i % SEEN_SLOTS];

		if (seen->pkts && memcmp(&seen->key, &pkt->key, sizeof(pkt->key)) != 0)
			continue;
		if (!seen->pkts && x->n_seen == SEEN_SLOTS / 2)
			return;
		if (!seen->pkts) {
			x->n_seen++;
			seen->key = pkt->key;
			seen->first = x->pkts;
		}
		seen->pkts++;
		return;
	}
}

static uint32_t likeness_of(const struct flow_key *key, uint32_t side,
			    const struct explain_end *end)
{
	return (memcmp(key->addr[side], end->addr, sizeof(end->addr)) == 0 ? 4 : 0) +
	       (key->port[side] == end->port ? 3 : 0);
}

// How much it looks like the connection that was asked for.
static uint32_t likeness(const struct explain *x, const struct flow_key *key)
{
	uint32_t same = likeness_of(key, 0, &x->end[0]) + likeness_of(key, 1, &x->end[1]);
	uint32_t turned = likeness_of(key, 0, &x->end[1]) + likeness_of(key, 1, &x->end[0]);

	return same > turned ? same : turned;
}

static bool nearer(const struct explain *x, const struct explain_seen *a,
		   const struct explain_seen *b)
{
	uint32_t p = likeness(x, &a->key), q = likeness(x, &b->key);

	return p > q || (p == q && a->first < b->first);
}

static void print_nearest(const struct explain *x)
{
	const struct explain_seen *best[SEEN_SHOWN];
	char a[EXPLAIN_END_BYTES], b[EXPLAIN_END_BYTES];
	uint32_t n = 0;

	fprintf(stderr, "apitap explain: %s: no packet of %s-%s among %" PRIu64 "\n", x->path,
		explain_end_text(x->end[0].addr, x->end[0].port, a),
		explain_end_text(x->end[1].addr, x->end[1].port, b), x->pkts);
	for (uint32_t i = 0; i < SEEN_SLOTS; i++) {
		uint32_t at = n;

		if (!x->seen[i].pkts)
			continue;
		while (at && nearer(x, &x->seen[i], best[at - 1]))
			at--;
		if (at == SEEN_SHOWN)
			continue;
		n += n < SEEN_SHOWN;
		memmove(&best[at + 1], &best[at], (n - 1 - at) * sizeof(best[0]));
		best[at] = &x->seen[i];
	}
	if (n)
		fprintf(stderr, "the nearest of %s%u TCP connections in it:\n",
			x->n_seen == SEEN_SLOTS / 2 ? "more than " : "", x->n_seen);
	else
		fprintf(stderr, "there is no TCP connection in it\n");
	for (uint32_t i = 0; i < n; i++)
		fprintf(stderr, "  %s-%s  %" PRIu64 " packet%s, the first is %" PRIu64 "\n",
			explain_end_text(best[i]->key.addr[0], best[i]->key.port[0], a),
			explain_end_text(best[i]->key.addr[1], best[i]->key.port[1], b),
			best[i]->pkts, best[i]->pkts == 1 ? "" : "s", best[i]->first);
}

// ---- packets

static struct flow_stats *stats_of(struct explain *x)
{
	return &x->sensor->workers[0]->env.stats;
}

// An epoch ends: flows age, holes are given up, findings are merged.
static void tick(struct explain *x, uint64_t now_ns)
{
	struct flow_stats stats = *stats_of(x);

	x->print.tick_ns = now_ns;
	x->pipe.tick(x->pipe.ctx, now_ns, &x->fates);
	detect_epoch_begin(x->sensor->detect);
	x->pipe.poll(x->pipe.ctx);
	detect_merge(x->sensor->detect, now_ns);
	explain_print_stats(&x->print, &stats, stats_of(x));
	x->print.tick_ns = 0;
}

static void pass_time(struct explain *x, uint64_t ts_ns)
{
	const uint64_t epoch_ns = (uint64_t)x->sensor->epoch_ms * 1000000;

	if (ts_ns >= x->epoch_end_ns) {
		if (x->epoch_end_ns && x->own_pkts)
			tick(x, ts_ns - ts_ns % epoch_ns);
		x->epoch_end_ns = ts_ns - ts_ns % epoch_ns + epoch_ns;
	}
	if (ts_ns > x->clock_ns)
		x->clock_ns = ts_ns;
}

static void own_packet(struct explain *x, struct rte_mbuf *m, const struct packet_layers *layers)
{
	struct flow_stats stats = *stats_of(x);
	struct pkt pkt = *pkt_of(m);
	struct fates fates;

	x->own_pkts++;
	x->fates.rx_pkts++;
	x->fates.rx_bytes += rte_pktmbuf_pkt_len(m);
	fates = x->fates;
	explain_print_packet(&x->print, x->pkts, &pkt, layers);
	x->pipe.burst(x->pipe.ctx, &m, 1, &x->fates);
	explain_print_fates(&x->print, &fates, &x->fates);
	explain_print_stats(&x->print, &stats, stats_of(x));
}

static void packet(struct explain *x, struct rte_mbuf *m, uint32_t link_type, uint32_t wire_len)
{
	struct fates ignored = {0};

	pass_time(x, pkt_of(m)->ts_ns);
	enum fate fate = ingress_packet(&x->ingress, &m, link_type, wire_len, &ignored);
	if (fate == FATE_PARSED && asked_for(x, &pkt_of(m)->key)) {
		own_packet(x, m, &x->layers);
		return;
	}
	if (fate == FATE_PARSED)
		remember(x, pkt_of(m));
	rte_pktmbuf_free(m);
}

// False: it could not be read to its end.
static bool read_capture(struct explain *x)
{
	char why[512];
	struct source *source = source_open(x->path, why, sizeof(why));
	struct rte_mbuf *m;
	uint32_t wire_len;
	bool whole = true;

	if (!source) {
		fprintf(stderr, "apitap explain: %s: %s\n", x->path, why);
		return false;
	}
	while (!command_stop) {
		enum source_status status = source_next(source, x->pool, &m, &wire_len);

		if (status == SOURCE_END)
			break;
		if (status == SOURCE_DAMAGED) {
			fprintf(stderr,
				"apitap explain: %s: damaged after packet %" PRIu64 ": %s\n",
				x->path, x->pkts, source_error(source));
			whole = false;
			break;
		}
		x->pkts++;
		if (status == SOURCE_NO_BUFFER)
			fprintf(stderr, "apitap explain: packet %" PRIu64 ": no buffer is free\n",
				x->pkts);
		else
			packet(x, m, source_link_type(source), wire_len);
	}
	source_close(source);
	return whole;
}

static void finish(struct explain *x)
{
	struct flow_stats stats = *stats_of(x);
	struct fates fates = x->fates;

	printf("end of the capture\n");
	sensor_finish(x->sensor, x->clock_ns, &x->fates);
	explain_print_fates(&x->print, &fates, &x->fates);
	explain_print_stats(&x->print, &stats, stats_of(x));
	printf("\n%" PRIu64 " packets of the connection among %" PRIu64 ": %" PRIu64
	       " HTTP exchanges, %" PRIu64 " WebSocket frames, %" PRIu64 " TLS handshakes\n",
	       x->own_pkts, x->pkts, x->print.n_exchanges, x->print.n_frames, x->print.n_hellos);
}

static int open_sensor(struct explain *x)
{
	struct sensor_options options = {
		.n_workers = 1,
		.mbufs = EXPLAIN_MBUFS,
		.seed = explain_seed,
		.keys = keylogs_keys(&x->keylogs),
	};
	char why[512] = "out of memory", lcores[65536];

	command_lcores(1, false, lcores, sizeof(lcores));
	struct eal_plan plan = {
		.lcores = lcores,
		.memory_mb = eal_memory_mb(EXPLAIN_MBUFS),
		.quiet = true,
	};
	if (!keylogs_load(&x->keylogs, "explain", &x->path, 1))
		return EXIT_FAILED;
	if (eal_start(&plan, why, sizeof(why)) == 0) {
		x->pool = eal_pool("packets", EXPLAIN_MBUFS, SOCKET_ID_ANY);
		x->seen = calloc(SEEN_SLOTS, sizeof(*x->seen));
		x->ingress = (struct ingress){
			explain_seed,
			frag_new(explain_seed, frag_buffers(EXPLAIN_MBUFS, 1)),
			&x->check,
			&x->layers,
		};
		if (x->pool && x->seen && x->ingress.frag)
			x->sensor = sensor_new(x->conf, &options, why, sizeof(why));
	}
	if (!x->sensor) {
		fprintf(stderr, "apitap explain: %s\n", why);
		return EXIT_FAILED;
	}
	checksum_init(&x->check, x->sensor->checksums, explain_seed);
	x->pipe = sensor_pipeline(x->sensor, 0);
	x->print.out = stdout;
	explain_print_attach(&x->print, x->sensor);
	return EXIT_OK;
}

int command_explain(int argc, char **argv)
{
	static struct explain x; // too large for a stack
	int code = parse(&x, argc, argv);

	if (code)
		return code;
	datatype_freeze();
	x.conf = conf_load(x.conf_file, stderr);
	if (!x.conf)
		return EXIT_USAGE;
	code = open_sensor(&x);
	if (code == EXIT_OK) {
		command_signals();
		code = read_capture(&x) ? EXIT_OK : EXIT_FAILED;
		if (x.own_pkts) {
			finish(&x);
		} else if (x.pkts || code == EXIT_OK) {
			print_nearest(&x);
			code = EXIT_FAILED;
		}
	}
	if (fflush(stdout) != 0)
		code = EXIT_FAILED;
	frag_free(x.ingress.frag);
	sensor_free(x.sensor);
	keylogs_fini(&x.keylogs);
	free(x.seen);
	conf_free(x.conf);
	return code;
}
