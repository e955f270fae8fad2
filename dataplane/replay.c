// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap replay: captures in, issues out. No root, no hugepages, no NIC.

#include "dataplane/command.h"
#include "dataplane/eal.h"
#include "dataplane/keylogs.h"
#include "dataplane/log.h"
#include "dataplane/link.h"
#include "dataplane/replay_engine.h"
#include "dataplane/source_pcap.h"
#include "dataplane/state.h"
#include "export/card.h"
#include "export/exporter.h"
#include "export/json.h"
#include "export/openapi.h"
#include "export/txlog.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { REPLAY_MBUFS = 32768, REPLAY_MBUFS_PER_WORKER = 8192 };

// Offline results must repeat: ids are keyed with a constant, not with a secret; with --state by
// that of the directory, so that a sensor's baseline can judge captures.
static const uint64_t replay_seed = 0x61706974617031;

struct replay {
	const char *conf_file, *state_dir, *tx_path, *issue_path;
	struct state state; // when there is state_dir
	uint64_t n_workers;
	double speed; // 0: as fast as possible
	const char *inventory_path;
	enum inventory_format inventory_format;
	bool each, hashes, quiet, publish;
	char **paths;
	int n_paths;
	struct keylogs keylogs;

	struct conf *conf;
	struct rte_mempool *pool;
	struct sensor *sensor;
	struct replay_engine *engine;
	struct exporter *exporter;
	struct txlog *txlog;
	FILE *issues;
	bool issues_dir;   // a file for each capture
	uint64_t n_before; // issues that are in other files
	uint64_t pkts, bytes, n_issues, n_damaged;
	uint64_t first_ts_ns, begin_ns, shown_ns;
};

static void print_help(void)
{
	printf("usage: apitap replay [options] CAPTURE...\n\n"
	       "Reads captures in the given order as one stream of time and reports their issues.\n"
	       "Time is the packets' time. '-' reads standard input.\n\n"
	       "  -c, --config FILE          configuration; without it, all defaults\n"
	       "  -w, --workers N            worker threads, 1 to 16 (default 1); same result for any N\n"
	       "      --speed max|real|Nx    as fast as possible (default), as captured, N times that\n"
	       "      --each                 every capture on its own: flows, learning, clock start afresh\n"
	       "      --state DIR            learn from what is in DIR, and save to it at the end\n"
	       "      --log-transactions F   one JSON object per exchange (raw request targets: a lab log)\n"
	       "      --hashes               with it: SHA-256 of complete bodies\n"
	       "      --keylog F             decrypt TLS with the secrets in F (NSS key log, or a pcapng file\n"
	       "                             that has them inside), or, when F is a directory, in\n"
	       "                             F/CAPTURE.keylog; may be given several times\n"
	       "      --log-issues F         one JSON object per issue, final state; '-': standard output;\n"
	       "                             with --each F may be a directory: F/CAPTURE.issues.jsonl\n"
	       "      --inventory F          the endpoints that were seen, at the end; '-': standard output\n"
	       "      --inventory-format T   openapi (default: a document per host and line), csv, json\n"
	       "      --export               write to the spool and publish as 'run' does\n"
	       "  -q, --quiet                no issue texts, no statistics\n"
	       "  -h, --help                 this text\n\n"
	       "exit codes: 0 all read, 1 a capture could not be read to its end, 2 usage or configuration\n\n"
	       "examples:\n"
	       "  apitap replay traffic.pcapng\n"
	       "  apitap replay --keylog sslkeys.log traffic.pcapng\n"
	       "  apitap replay -c apitap.conf --log-issues issues.jsonl day1.pcap day2.pcap\n"
	       "  zstdcat big.pcap.zst | apitap replay --workers 2 -\n");
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static bool parse_speed(const char *text, double *speed)
{
	char *end;

	if (strcmp(text, "max") == 0) {
		*speed = 0;
		return true;
	}
	if (strcmp(text, "real") == 0) {
		*speed = 1;
		return true;
	}
	*speed = strtod(text, &end);
	return end != text && strcmp(end, "x") == 0 && *speed > 0 && *speed < 1e9;
}

static bool inventory_format(const char *text, enum inventory_format *format)
{
	static const char *const names[] = {
		[INVENTORY_OPENAPI] = "openapi",
		[INVENTORY_CSV] = "csv",
		[INVENTORY_JSON] = "json",
	};

	for (uint32_t i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*format = (enum inventory_format)i;
			return true;
		}
	}
	return false;
}

static int parse(struct replay *r, int argc, char **argv)
{
	enum { SPEED = 256, EACH, STATE, TRANSACTIONS, HASHES, KEYLOG, ISSUES, EXPORT, INVENTORY, FORMAT };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"workers", required_argument, NULL, 'w'},
		{"speed", required_argument, NULL, SPEED},
		{"each", no_argument, NULL, EACH},
		{"state", required_argument, NULL, STATE},
		{"log-transactions", required_argument, NULL, TRANSACTIONS},
		{"hashes", no_argument, NULL, HASHES},
		{"keylog", required_argument, NULL, KEYLOG},
		{"log-issues", required_argument, NULL, ISSUES},
		{"export", no_argument, NULL, EXPORT},
		{"inventory", required_argument, NULL, INVENTORY},
		{"inventory-format", required_argument, NULL, FORMAT},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int o;

	r->n_workers = 1;
	while ((o = getopt_long(argc, argv, "c:w:qh", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			r->conf_file = optarg;
			break;
		case 'w':
			if (!command_number("replay", "--workers", optarg, 1, 16, &r->n_workers))
				return EXIT_USAGE;
			break;
		case SPEED:
			if (!parse_speed(optarg, &r->speed))
				return command_usage("replay", "--speed: '%s' is not max, real or Nx",
						     optarg);
			break;
		case EACH:
			r->each = true;
			break;
		case STATE:
			r->state_dir = optarg;
			break;
		case TRANSACTIONS:
			r->tx_path = optarg;
			break;
		case HASHES:
			r->hashes = true;
			break;
		case KEYLOG:
			if (!keylogs_add(&r->keylogs, optarg))
				return command_usage("replay", "--keylog: more than %d of them",
						     KEYLOGS_MOST);
			break;
		case ISSUES:
			r->issue_path = optarg;
			break;
		case INVENTORY:
			r->inventory_path = optarg;
			break;
		case FORMAT:
			if (!inventory_format(optarg, &r->inventory_format))
				return command_usage("replay",
						     "--inventory-format: '%s' is not openapi, csv "
						     "or json",
						     optarg);
			break;
		case EXPORT:
			r->publish = true;
			break;
		case 'q':
			r->quiet = true;
			break;
		case 'h':
			print_help();
			exit(EXIT_OK);
		default:
			return command_usage("replay", "wrong option");
		}
	}
	if (optind == argc)
		return command_usage("replay", "no capture given");
	if (r->each && r->state_dir)
		return command_usage("replay", "--each forgets what --state would keep; choose one");
	r->paths = argv + optind;
	r->n_paths = argc - optind;
	return EXIT_OK;
}

// During the run: live delivery. The log and the cards are written at the end, in final state.
static void on_issue(void *arg, const struct issue *issue)
{
	struct replay *r = arg;

	if (!r->exporter)
		return;
	while (!exporter_has_room(r->exporter))
		usleep(1000); // offline nothing is dropped
	exporter_issue(r->exporter, issue);
}

static void on_final_issue(void *arg, const struct issue *issue)
{
	const struct sensor_conf *sensor;
	struct replay *r = arg;

	sensor = conf_get(r->conf, &sensor_section);
	r->n_issues++;
	if (r->issues)
		json_from_issue(r->issues, issue, sensor->id, 0, r->n_issues - r->n_before);
	if (!r->quiet)
		card_from_issue(r->issues == stdout ? stderr : stdout, issue, sensor->id, r->n_issues);
}

static void progress(struct replay *r, const struct source *source, const char *path)
{
	uint64_t now = wall_ns();
	double share = source_progress(source), elapsed;

	if (now - r->shown_ns < 500000000)
		return;
	r->shown_ns = now;
	elapsed = (double)(now - r->begin_ns) / 1e9;
	if (share > 0 && r->n_paths == 1)
		fprintf(stderr, "\r%s: %3.0f %%, %.0f packets/s, %.0f s left   ", path, share * 100,
			(double)r->pkts / elapsed, elapsed / share - elapsed);
	else
		fprintf(stderr, "\r%s: %" PRIu64 " packets, %.0f packets/s   ", path, r->pkts,
			(double)r->pkts / elapsed);
}

static void pace(struct replay *r, uint64_t ts_ns)
{
	if (r->first_ts_ns == 0)
		r->first_ts_ns = ts_ns;
	if (ts_ns <= r->first_ts_ns)
		return;
	uint64_t due = r->begin_ns + (uint64_t)((double)(ts_ns - r->first_ts_ns) / r->speed);
	while (!command_stop) {
		uint64_t now = wall_ns();

		if (now >= due)
			return;
		usleep((useconds_t)RTE_MIN((due - now) / 1000 + 1, UINT64_C(100000)));
	}
}

// False when the file could not be read to its end.
static bool replay_file(struct replay *r, const char *path)
{
	bool show = isatty(STDERR_FILENO);
	struct source *source;
	struct rte_mbuf *m;
	uint32_t wire_len;
	bool whole = true;
	char why[512];

	source = source_open(path, why, sizeof(why));
	if (!source) {
		LOG(ERR, "%s: %s", path, why);
		return false;
	}
	if (!link_known(source_link_type(source)))
		LOG(WARNING, "%s: link type %u is not decoded; its packets count as unsupported",
		    path, source_link_type(source));
	// Without --each the files are one stream of time, named by the first.
	if (r->txlog && (r->each || r->pkts == 0))
		txlog_capture(r->txlog, path);
	while (!command_stop) {
		enum source_status status = source_next(source, r->pool, &m, &wire_len);

		if (status == SOURCE_END)
			break;
		if (status == SOURCE_DAMAGED) {
			LOG(WARNING, "%s: damaged after packet %" PRIu64 ": %s; the rest is left out",
			    path, r->pkts, source_error(source));
			whole = false;
			break;
		}
		r->pkts++;
		r->bytes += wire_len;
		if (status == SOURCE_NO_BUFFER) {
			replay_engine_lost(r->engine, wire_len);
			continue;
		}
		if (r->speed > 0)
			pace(r, pkt_of(m)->ts_ns);
		replay_engine_packet(r->engine, m, source_link_type(source), wire_len);
		if (show && (r->pkts & 4095) == 0)
			progress(r, source, path);
	}
	source_close(source);
	return whole;
}

static void replay_end(struct replay *r)
{
	replay_engine_end(r->engine);
	detect_foreach_issue(r->sensor->detect, on_final_issue, r);
}

// What cannot be written stops nothing: somebody is told, and the exit code says so.
static void issues_next(struct replay *r, const char *capture)
{
	const char *name = strrchr(capture, '/');
	char path[PATH_MAX];

	r->n_before = r->n_issues;
	if (snprintf(path, sizeof(path), "%s/%s.issues.jsonl", r->issue_path,
		     name ? name + 1 : capture) >= (int)sizeof(path))
		errno = ENAMETOOLONG;
	else
		r->issues = fopen(path, "w");
	if (!r->issues) {
		LOG(ERR, "%s: its issues cannot be written to %s: %s", capture, r->issue_path,
		    strerror(errno));
		r->n_damaged++;
	}
}

static void issues_end(struct replay *r)
{
	if (r->issues && fclose(r->issues) != 0) {
		LOG(ERR, "%s: %s", r->issue_path, strerror(errno));
		r->n_damaged++;
	}
	r->issues = NULL;
}

static int replay_all(struct replay *r)
{
	r->begin_ns = wall_ns();
	for (int i = 0; i < r->n_paths && !command_stop; i++) {
		if (r->issues_dir)
			issues_next(r, r->paths[i]);
		if (!replay_file(r, r->paths[i]))
			r->n_damaged++;
		if (r->each) {
			replay_end(r);
			sensor_reset(r->sensor);
		}
		if (r->issues_dir)
			issues_end(r);
	}
	if (!r->each)
		replay_end(r);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return r->n_damaged ? EXIT_FAILED : EXIT_OK;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static FILE *open_log(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

	if (!file)
		fprintf(stderr, "apitap replay: %s: %s\n", path, strerror(errno));
	return file;
}

static int replay_open(struct replay *r)
{
	const uint32_t mbufs = REPLAY_MBUFS + REPLAY_MBUFS_PER_WORKER * (uint32_t)r->n_workers;
	struct sensor_options options = {
		.n_workers = (uint32_t)r->n_workers,
		.mbufs = mbufs,
		.whole_heads = r->tx_path != NULL,
		.hashes = r->hashes,
		.seed = replay_seed,
		.issue = on_issue,
		.issue_arg = r,
		.keys = keylogs_keys(&r->keylogs),
	};
	char why[512], lcores[65536];

	if (r->state_dir) {
		if (state_open(&r->state, r->state_dir, why, sizeof(why)) != 0) {
			fprintf(stderr, "apitap replay: %s\n", why);
			return EXIT_FAILED;
		}
		options.seed = r->state.seed;
	}
	command_lcores(r->n_workers > 1 ? (uint32_t)r->n_workers + 1 : 1, false, lcores,
		       sizeof(lcores));
	struct eal_plan plan = {
		.lcores = lcores,
		.memory_mb = eal_memory_mb(mbufs),
		.quiet = true,
	};
	if (eal_start(&plan, why, sizeof(why)) != 0) {
		fprintf(stderr, "apitap replay: %s\n", why);
		return EXIT_FAILED;
	}
	r->pool = eal_pool("packets", mbufs, SOCKET_ID_ANY);
	if (!r->pool) {
		fprintf(stderr, "apitap replay: no memory for %u packet buffers\n", mbufs);
		return EXIT_FAILED;
	}
	if (!keylogs_load(&r->keylogs, "replay", r->paths, (uint32_t)r->n_paths))
		return EXIT_FAILED;
	r->sensor = sensor_new(r->conf, &options, why, sizeof(why));
	if (r->sensor)
		r->engine = replay_engine_new(r->sensor, options.seed, why, sizeof(why));
	if (!r->engine) {
		fprintf(stderr, "apitap replay: %s\n", why);
		return EXIT_FAILED;
	}
	if (r->publish) {
		const struct sensor_conf *sensor = conf_get(r->conf, &sensor_section);

		exporter_setup(sensor->id, command_log);
		r->exporter = exporter_start(r->conf, why, sizeof(why));
		if (!r->exporter) {
			fprintf(stderr, "apitap replay: %s\n", why);
			return EXIT_FAILED;
		}
	}
	if (r->tx_path) {
		FILE *file = open_log(r->tx_path);

		r->txlog = file ? txlog_new(file, r->hashes) : NULL;
		if (!r->txlog)
			return EXIT_FAILED;
		detect_observe(r->sensor->detect, &(struct detect_observer){
							  .arg = r->txlog,
							  .exchange = txlog_exchange,
							  .ws = txlog_ws,
							  .tls = txlog_tls,
						  });
	}
	r->issues_dir = r->each && r->issue_path && is_dir(r->issue_path);
	if (r->issue_path && !r->issues_dir) {
		r->issues = open_log(r->issue_path);
		if (!r->issues)
			return EXIT_FAILED;
	}
	if (r->state_dir) {
		int rc = detect_load(r->sensor->detect, r->state_dir);

		if (rc) {
			fprintf(stderr, "apitap replay: %s: %s\n", r->state_dir, strerror(-rc));
			return EXIT_FAILED;
		}
	}
	return EXIT_OK;
}

static bool write_inventory(struct replay *r)
{
	FILE *out = open_log(r->inventory_path);
	bool ok = out && inventory_write(out, detect_merger(r->sensor->detect), r->inventory_format);

	if (out && out != stdout && fclose(out))
		ok = false;
	if (out && !ok)
		fprintf(stderr, "apitap replay: %s: cannot be written\n", r->inventory_path);
	return ok;
}

static void print_summary(const struct replay *r)
{
	double seconds = (double)(wall_ns() - r->begin_ns) / 1e9;
	FILE *out = r->issues == stdout || r->tx_path ? stderr : stdout;
	struct fates fates;

	replay_engine_fates(r->engine, &fates);
	sensor_print(r->sensor, &fates, out);
	fprintf(out,
		"\n%" PRIu64 " issues from %" PRIu64 " packets of %d captures in %.2f s "
		"(%.0f packets/s, %.2f Gbit/s)\n",
		r->n_issues, r->pkts, r->n_paths, seconds, (double)r->pkts / seconds,
		(double)r->bytes * 8 / seconds / 1e9);
}

static int replay_close(struct replay *r, int code)
{
	const struct state_options *state = r->conf ? conf_get(r->conf, &state_section) : NULL;
	bool opened = r->state_dir && r->engine;
	int rc = opened && !state->frozen ? detect_save(r->sensor->detect, r->state_dir) : 0;

	if (rc) {
		fprintf(stderr, "apitap replay: %s: %s\n", r->state_dir, strerror(-rc));
		code = EXIT_FAILED;
	}
	if (opened)
		state_close(&r->state);
	if (r->txlog && !txlog_free(r->txlog)) {
		fprintf(stderr, "apitap replay: %s: %s\n", r->tx_path, strerror(errno));
		code = EXIT_FAILED;
	}
	if (r->issues && (r->issues == stdout ? fflush(stdout) : fclose(r->issues)) != 0) {
		fprintf(stderr, "apitap replay: %s: %s\n", r->issue_path, strerror(errno));
		code = EXIT_FAILED;
	}
	if (r->exporter)
		exporter_stop(r->exporter);
	replay_engine_free(r->engine);
	sensor_free(r->sensor);
	keylogs_fini(&r->keylogs);
	conf_free(r->conf);
	return code;
}

int command_replay(int argc, char **argv)
{
	struct replay r = {0};
	int code = parse(&r, argc, argv);

	if (code)
		return code;
	datatype_freeze();
	r.conf = conf_load(r.conf_file, stderr);
	if (!r.conf)
		return EXIT_USAGE;
	code = replay_open(&r);
	if (code == EXIT_OK) {
		command_signals();
		code = replay_all(&r);
		if (!r.quiet)
			print_summary(&r);
		if (r.inventory_path && !write_inventory(&r))
			code = EXIT_FAILED;
	}
	return replay_close(&r, code);
}
